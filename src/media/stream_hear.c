#include "media/stretch.h"
#include "media/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	STRETCH_PAUSE_FRAMES = 2880,      /* in speech a period at most each 60 ms, */
	STRETCH_HURRY_FRAMES = 3840,      /* unless the delay is wrong by more than 80 ms */
	STRETCH_MOST_FRAMES = 720,
	STRETCH_LEAST_FRAMES = 48,        /* less is not worth shortening */
	PAUSE_FRAMES = 7200,              /* silence for so long is a pause between words, not a stop within one */
	MERGE_FRAMES = 240,
	ARM_TICKS = 10,
	KEEP_TICKS = 800,                 /* so long delay that repairs no longer need waits for one */
	OVERDUE_TICKS = 300,              /* and so long it may be taken away in speech then */
	HOPE_TICKS = 300,                 /* so long after the first losses copies may be on their way */
	BEGIN_MOST_MS = 40,               /* of delay for losses that nobody has seen yet */
};
static const double FEC_LOSS = 0.01, SURE_LOSS = 0.02, MUCH_LOSS = 0.05, DEEP_LOSS = 0.045, KEEP_DEEP_LOSS = 0.02,
		    BURSTY = 0.35;
/* How long repairs wait for a pause: PATIENCE / (loss^2 + LEAST) frames, and a quarter of it for a silent moment. */
static const double PATIENCE = 72, PATIENCE_LEAST = 1e-4;

/* Decoders conceal in steps: what was invented beyond what was wanted is heard first the next time. */
static void conceal(struct stream *stream, size_t frames, int16_t *pcm)
{
	struct decoder *decoder = stream->decoders[stream->play_codec];
	int16_t whole[CODEC_PACKET_MAX_FRAMES];
	size_t n = frames < stream->spare_frames ? frames : stream->spare_frames, left = frames - n;
	size_t step = decoder ? decoder->ops->conceal_step : 1, more = (left + step - 1) / step * step;

	assert(more <= CODEC_PACKET_MAX_FRAMES);
	memcpy(pcm, stream->spare, n * sizeof *pcm);
	stream->spare_frames -= n;
	memmove(stream->spare, stream->spare + n, stream->spare_frames * sizeof *pcm);
	stream->invented = true;
	if (!left)
		return;
	if (decoder)
		decoder_conceal(decoder, whole, more);
	else
		memset(whole, 0, more * sizeof *whole);
	memcpy(pcm + n, whole, left * sizeof *pcm);
	stream->spare_frames = more - left;
	memcpy(stream->spare, whole + left, stream->spare_frames * sizeof *pcm);
}

/* What was invented goes on a little while what is real begins, so that there is no step between them. */
static void merge(const int16_t *tail, size_t n, int16_t *pcm, size_t frames)
{
	if (n > frames)
		n = frames;
	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)((tail[i] * (int)(n - i) + pcm[i] * (int)i) / (int)n);
}

/*
 * Before something real is decoded: how what was invented goes on, for merge(). Where the real begins in its middle it
 * is invented for that; else it is what the decoder's last step had too many.
 * @return frames in `tail`
 */
static size_t take_tail(struct stream *stream, bool in_the_middle, int16_t tail[MERGE_FRAMES])
{
	size_t n = stream->spare_frames;

	if (!stream->invented)
		return 0;
	if (in_the_middle || n > MERGE_FRAMES)
		n = MERGE_FRAMES;
	conceal(stream, n, tail);
	return n;
}

/*
 * The packet behind the hole carries what is missing: decode that and keep what was not concealed already. Or it only
 * says where the sound is going.
 */
static size_t recover(struct stream *stream, const struct jitter_play *play, int16_t *pcm)
{
	const struct jitter_slot *next = play->next;
	size_t whole = play->skip + play->frames;
	int16_t tail[MERGE_FRAMES];

	if (!next || next->filler || next->tag != stream->play_codec || whole % codec_ops(next->tag)->conceal_step)
		return 0;
	bool carries = decoder_carries_last(stream->decoders[stream->play_codec], next->payload, next->bytes);
	if (!carries && (play->skip || !codec_ops(next->tag)->joins))
		return 0;
	size_t tail_frames = take_tail(stream, play->skip, tail);
	if (!decoder_recover(stream->decoders[stream->play_codec], next->payload, next->bytes, pcm, whole))
		return 0;
	memmove(pcm, pcm + play->skip, play->frames * sizeof *pcm);
	merge(tail, tail_frames, pcm, play->frames);
	stream->invented = false;
	stream->spare_frames = 0;
	stream->fec_repaired += carries;
	return play->frames;
}

/*
 * A change of the delay costs nothing in a pause; a syllable, as much as a lost packet or two, in the middle of a word.
 * So what only repairs will need waits for a pause, the longer the less is lost. What the network needs does not wait.
 */
static bool may_wait(const struct stream *stream, int32_t excess, bool silent)
{
	double loss = jitter_loss(&stream->jitter);
	double patience = PATIENCE / (loss * loss + PATIENCE_LEAST);

	if (stream->quiet_frames >= PAUSE_FRAMES || -excess > (int32_t)(stream->jitter.floor_ms * CODEC_MS_FRAMES))
		return false;
	return (double)stream->short_frames < (silent ? patience / 4 : patience);
}

/* Is this the moment to change the delay by `excess`? Kept: how long it has been quiet, and the delay too short. */
static bool is_moment(struct stream *stream, const struct jitter_play *play, size_t frames, bool silent)
{
	size_t wrong = (size_t)abs(play->excess);

	stream->since_stretch += frames;
	stream->quiet_frames = silent ? stream->quiet_frames + frames : 0;
	stream->short_frames = play->excess < 0 ? stream->short_frames + frames : 0;
	if (!wrong || (play->excess > 0 && wrong < STRETCH_LEAST_FRAMES))
		return false;
	if (play->excess > 0 && stream->overdue)
		return silent || stream->since_stretch >= STRETCH_PAUSE_FRAMES;
	/* Where much is lost nothing waits, and it is brought to its end: a little too short repairs nothing. */
	if (play->excess < 0 && jitter_loss(&stream->jitter) > MUCH_LOSS)
		return silent || play->urgent;
	if (!play->urgent)
		return stream->quiet_frames >= PAUSE_FRAMES;
	if (play->excess < 0)
		return !may_wait(stream, play->excess, silent);
	return silent || stream->since_stretch >= STRETCH_PAUSE_FRAMES || wrong >= STRETCH_HURRY_FRAMES;
}

/* Bring the lag nearer to what it should be: in silence at once, in speech by a pitch period now and then. */
static size_t stretch(struct stream *stream, const struct jitter_play *play, int16_t *pcm, size_t frames)
{
	int32_t excess = play->excess;

	stretch_listen(&stream->noise_heard, pcm, frames);
	if (!is_moment(stream, play, frames, stretch_is_silent(&stream->noise_heard, pcm, frames)))
		return frames;
	size_t wrong = (size_t)abs(excess), most = wrong < STRETCH_MOST_FRAMES ? wrong : STRETCH_MOST_FRAMES;
	size_t by = excess > 0 ? stretch_shorten(&stream->noise_heard, pcm, frames, most)
			       : stretch_lengthen(&stream->noise_heard, pcm, frames, most);
	if (!by)
		return frames;
	stream->since_stretch = 0;
	jitter_stretched(&stream->jitter, excess > 0 ? (int32_t)by : -(int32_t)by);
	return excess > 0 ? frames - by : frames + by;
}

static size_t decode(struct stream *stream, const struct jitter_play *play, int16_t *pcm)
{
	const struct jitter_slot *packet = play->packet;
	struct decoder *decoder = packet->tag < MEDIA_CODECS ? stream->decoders[packet->tag] : NULL;
	int16_t tail[MERGE_FRAMES];
	size_t tail_frames = take_tail(stream, play->skip, tail);

	if (tail_frames && play->skip && decoder)
		decoder_late(decoder, play->skip + MERGE_FRAMES + stream->spare_frames);
	size_t frames = decoder ? decoder_decode(decoder, packet->payload, packet->bytes, pcm) : 0;
	if (decoder)
		stream->play_codec = packet->tag;
	if (decoder && decoder_carries_last(decoder, packet->payload, packet->bytes))
		stream->fec_seen = STREAM_FEC_HOLD_TICKS;
	stream->invented = false;
	stream->spare_frames = 0;
	if ((int32_t)(packet->sequence - stream->comfort_sequence) > 0)
		stream->peer_pauses = false;
	if (!frames) {
		frames = packet->frames;
		conceal(stream, frames, pcm);
	}
	size_t skip = play->skip < frames ? play->skip : frames;
	memmove(pcm, pcm + skip, (frames - skip) * sizeof *pcm);
	merge(tail, tail_frames, pcm, frames - skip);
	return stretch(stream, play, pcm, frames - skip);
}

/* Comfort noise, if there is any: what was invented before is not gone on with. */
static bool hear_pause(struct stream *stream, int16_t *pcm, size_t frames)
{
	bool heard = stream_hear_pause(stream, pcm, frames);

	if (heard)
		stream->spare_frames = 0;
	return heard;
}

/* Get the next piece of sound behind what is queued. @return false when there is none now */
static bool play_more(struct stream *stream, int64_t now_us)
{
	struct jitter_play play;
	int16_t *pcm = stream->play + stream->play_frames;
	size_t frames = 0;

	jitter_get(&stream->jitter, now_us, (uint32_t)stream->play_frames, &play);
	if (play.what == JITTER_NOTHING || play.what == JITTER_PAUSE)
		stream->quiet_frames += CODEC_TICK_FRAMES;
	switch (play.what) {
	case JITTER_NOTHING:
		frames = CODEC_TICK_FRAMES - stream->play_frames;
		if (!hear_pause(stream, pcm, frames))
			return false;
		break;
	case JITTER_PACKET:
		frames = decode(stream, &play, pcm);
		break;
	case JITTER_MISSING:
		frames = recover(stream, &play, pcm);
		if (frames)
			break;
		/* fall through */
	case JITTER_PAUSE:
		frames = play.frames;
		if (!hear_pause(stream, pcm, frames))
			conceal(stream, frames, pcm);
		break;
	}
	stream->play_frames += frames;
	assert(stream->play_frames <= STREAM_PLAY_FRAMES);
	return true;
}

static void count_down(unsigned *ticks)
{
	if (*ticks)
		*ticks -= ARM_TICKS;
}

static void forget(struct stream *stream)
{
	count_down(&stream->fec_armed);
	count_down(&stream->deep_armed);
	count_down(&stream->fec_seen);
	count_down(&stream->copies_seen);
	count_down(&stream->second_seen);
	count_down(&stream->far_seen);
	count_down(&stream->hope);
	count_down(&stream->overdue);
}

/*
 * With the first losses the peer is not sending copies yet, but it will where it can: the delay that they need is added
 * at once and whole, for each change of it in the middle of a word is heard. Hoped once in vain, not again.
 */
static bool hopes_for_copies(struct stream *stream)
{
	bool possible = stream->config.receive_red_count && (stream->copies_seen || !stream->hoped);

	if (possible && !stream->fec_armed && !stream->hope && jitter_loss(&stream->jitter) > FEC_LOSS) {
		stream->hoped = true;
		stream->hope = HOPE_TICKS;
	}
	return stream->hope;
}

/*
 * Of the first packets nobody knows how many will be lost, and when it is known it is too late for the first sentence:
 * a word is being said, and each change of the delay would be heard. So a call begins with the delay that repairs need:
 * added in the silence before the first word, so that the first packet is heard at once all the same.
 * @return packets of it; 0: nothing is heard yet, or enough came to know better
 */
static uint32_t first_packets(const struct stream *stream)
{
	const struct stream_config *config = &stream->config;
	enum media_codec codec = stream->receive_clock_rate ? stream->receive_codec : config->receive[0].codec;
	const struct codec_ops *ops = codec_ops(codec);
	uint32_t most = BEGIN_MOST_MS * CODEC_MS_FRAMES / stream->jitter.usual_frames;
	uint32_t packets = config->receive_red_count ? 2 : ops->joins || ops->carries_last;

	if (jitter_knows_loss(&stream->jitter) || !stream->jitter.playing)
		return 0;
	return packets < most ? packets : most;
}

bool stream_hears_pause(const struct stream *stream)
{
	return stream->quiet_frames >= PAUSE_FRAMES;
}

/* Delay that is no longer needed is kept until there is a pause; when none comes, it goes without. */
static void set_floor(struct stream *stream, uint32_t floor_ms)
{
	bool less = floor_ms < stream->jitter.floor_ms, pauses = stream_hears_pause(stream);

	if (less && !pauses && ++stream->kept_ticks < KEEP_TICKS)
		return;
	if (floor_ms != stream->jitter.floor_ms)
		stream->overdue = less && !pauses ? OVERDUE_TICKS : 0;
	stream->kept_ticks = 0;
	jitter_set_floor(&stream->jitter, floor_ms);
}

/*
 * What a packet carries of its predecessor, or lets guess of it, helps only when it is there in time: then a packet
 * more of delay is well spent, while packets are lost and for a while after, so that the delay does not go up and down
 * with every loss.
 */
static void arm_fec(struct stream *stream, bool hopes)
{
	uint32_t packet_ms = stream->jitter.usual_frames / CODEC_MS_FRAMES;
	double loss = jitter_loss(&stream->jitter);
	bool joins = stream->play_codec < MEDIA_CODECS && codec_ops(stream->play_codec)->joins;

	if ((stream->fec_seen || stream->copies_seen || joins) && loss > FEC_LOSS)
		stream->fec_armed = STREAM_FEC_HOLD_TICKS;
	/*
	 * A second copy, or one with FEC of its own, repairs two losses in a row, and with the copy of its successor a
	 * hole is filled from both ends: worth the wait where those are many. Once there it stays for less: what hardly
	 * needs it would have it taken and given again and again.
	 */
	bool has_two = stream->jitter.floor_ms >= 2 * packet_ms && jitter_knows_loss(&stream->jitter);
	bool many = loss > (has_two ? KEEP_DEEP_LOSS : DEEP_LOSS) || jitter_in_row(&stream->jitter) > BURSTY;
	bool deep = stream->far_seen ||
		    (many && (stream->second_seen || (stream->copies_seen && (stream->fec_seen || joins))));
	if (stream->fec_armed && deep)
		stream->deep_armed = STREAM_FEC_HOLD_TICKS;
	/* One loss may be the only one; when there are more, both packets of delay are added in one go. */
	bool two = stream->deep_armed || (hopes && loss > SURE_LOSS);
	uint32_t packets = two ? 2 : hopes || stream->fec_armed, first = first_packets(stream);
	set_floor(stream, (packets > first ? packets : first) * packet_ms);
}

void stream_hear(struct stream *stream, const struct stream_turn *turn)
{
	int16_t *heard = stream->heard_now;

	if (stream->ticks++ % ARM_TICKS == 0)
		forget(stream);
	arm_fec(stream, hopes_for_copies(stream));
	if (stream->config.receives)
		while (stream->play_frames < CODEC_TICK_FRAMES && play_more(stream, turn->now_us))
			continue;
	size_t n = stream->play_frames < CODEC_TICK_FRAMES ? stream->play_frames : CODEC_TICK_FRAMES;
	memcpy(heard, stream->play, n * sizeof *heard);
	memset(heard + n, 0, (CODEC_TICK_FRAMES - n) * sizeof *heard);
	stream->play_frames -= n;
	memmove(stream->play, stream->play + n, stream->play_frames * sizeof *heard);
	level_add(&stream->heard, n ? heard : NULL);
	decimator_run(&stream->decimator, n ? heard : NULL, stream->narrow_now);
	if (stream->config.detect_tones) {
		char digit = dtmf_detect_narrow(&stream->dtmf_detector, stream->narrow_now, LEVEL_NARROW_FRAMES);
		if (digit)
			stream_tell_digit(stream, digit, true);
	}
}
