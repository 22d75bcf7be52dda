#include "media/stream.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { RATE_TICKS = 10, RED_PACKET_MAX_BYTES = 1200 };

/* ---- life ---- */

struct stream *stream_new(const struct stream_config *config, void *user, uint32_t jitter_min_ms,
			  uint32_t jitter_max_ms, struct random *random, struct stream_setup **setup, enum err *err)
{
	struct stream *stream = xmalloc(sizeof *stream);

	memset(stream, 0, offsetof(struct stream, dtmf_sender.queue));
	stream->user = user;
	stream->config.rtp_fd = stream->config.rtcp_fd = -1;
	stream->ssrc = random_u32(random);
	stream->clock = random_u32(random);
	/* The upper half is left out, so that the first wrap is not at the very beginning (RFC 3711 3.3.1). */
	stream->sequence = (uint16_t)random_below(random, 32768);
	stream->rtt_ms = -1;
	stream->rate.slower = 1;
	stream->complexity = ENGINE_COMPLEXITY_MOST;
	stream->heard_db = level_db(&stream->heard);
	stream->mic_db = level_db(&stream->mic);
	jitter_init(&stream->jitter, jitter_min_ms, jitter_max_ms);
	*setup = stream_prepare(stream, config, err);
	stream_publish(stream); /* nobody else knows it yet: the snapshot of the beginning */
	if (*setup) {
		stream->config.rtp_fd = config->rtp_fd;
		stream->config.rtcp_fd = config->rtcp_fd;
		stream->config.local = config->local;
		return stream;
	}
	stream_free(stream);
	return NULL;
}

void stream_free(struct stream *stream)
{
	for (int i = 0; i < MEDIA_CODECS; i++) {
		encoder_free(stream->encoders[i]);
		decoder_free(stream->decoders[i]);
	}
	stream_security_free(&stream->security);
	explicit_bzero(&stream->config.protection, sizeof stream->config.protection);
	explicit_bzero(&stream->prepared, sizeof stream->prepared);
	if (stream->config.rtp_fd >= 0)
		close(stream->config.rtp_fd);
	if (stream->config.rtcp_fd >= 0)
		close(stream->config.rtcp_fd);
	jitter_fini(&stream->jitter);
	free(stream);
}

void stream_setup_free(struct stream_setup *setup)
{
	for (int i = 0; i < MEDIA_CODECS; i++) {
		encoder_free(setup->encoders[i]);
		decoder_free(setup->decoders[i]);
	}
	stream_security_free(&setup->security);
	explicit_bzero(&setup->config.protection, sizeof setup->config.protection);
	free(setup);
}

static bool prepare_codecs(struct stream *stream, struct stream_setup *setup)
{
	const struct stream_config *config = &setup->config;
	enum media_codec codec = config->send.codec;

	if (codec >= MEDIA_CODECS)
		return false;
	if (config->sends && !stream->has_encoder[codec] && !(setup->encoders[codec] = encoder_new(codec)))
		return false;
	for (size_t i = 0; i < config->receive_count; i++) {
		codec = config->receive[i].codec;
		if (codec >= MEDIA_CODECS)
			return false;
		if (stream->has_decoder[codec] || setup->decoders[codec])
			continue;
		setup->decoders[codec] = decoder_new(codec);
		if (!setup->decoders[codec])
			return false;
	}
	return true;
}

struct stream_setup *stream_prepare(struct stream *stream, const struct stream_config *config, enum err *err)
{
	struct stream_setup *setup = xcalloc(1, sizeof *setup);

	assert(config->receive_count <= STREAM_CODECS_MAX && config->receive_event_count <= STREAM_EVENTS_MAX);
	setup->config = *config;
	setup->config.cname[sizeof setup->config.cname - 1] = '\0';
	*err = prepare_codecs(stream, setup) && stream_security_prepare(stream, setup) ? ERR_NONE : ERR_UNSUPPORTED;
	if (*err != ERR_NONE) {
		stream_setup_free(setup);
		return NULL;
	}
	for (int i = 0; i < MEDIA_CODECS; i++) {
		stream->has_encoder[i] |= setup->encoders[i] != NULL;
		stream->has_decoder[i] |= setup->decoders[i] != NULL;
	}
	stream->can_send_events = config->has_send_event;
	stream->uses_devices = !config->loop_back;
	stream->sends = config->sends;
	stream->receives = config->receives;
	return setup;
}

void stream_apply(struct stream *stream, struct stream_setup *setup, int64_t now_us)
{
	struct stream_config before = stream->config, *config = &stream->config;

	for (int i = 0; i < MEDIA_CODECS; i++) {
		if (setup->encoders[i]) {
			stream->encoders[i] = setup->encoders[i];
			setup->encoders[i] = NULL;
		}
		if (setup->decoders[i]) {
			stream->decoders[i] = setup->decoders[i];
			setup->decoders[i] = NULL;
		}
	}
	stream_security_apply(stream, setup);
	*config = setup->config;
	config->rtp_fd = before.rtp_fd;
	config->rtcp_fd = before.rtcp_fd;
	config->local = before.local;
	config->send.ptime_ms = codec_ptime(config->send.codec, config->send.ptime_ms);
	if (stream->encoders[config->send.codec])
		encoder_configure(stream->encoders[config->send.codec], &config->send);
	if (!address_eq(&before.rtp, &config->rtp))
		stream_unlatch(stream);
	if (before.send.codec != config->send.codec || before.send.ptime_ms != config->send.ptime_ms || !config->sends)
		stream->said_frames = 0;
	if (before.send.codec != config->send.codec || before.send.payload_type != config->send.payload_type)
		red_forget(&stream->red_memory);
	if (config->receives && !before.receives) {
		stream->receiving_us = now_us;
		stream->told &= ~(1u << ENGINE_LOST);
		stream->resumed = true;
	}
	if (!config->receives) {
		/* What waits to be played would be too late when we listen again. */
		jitter_reset(&stream->jitter);
		stream->play_frames = 0;
		stream->peer_pauses = false;
	}
	stream->loud_us[0] = stream->loud_us[1] = 0;
}

/* ---- saying ---- */

/* With copies of the packets before, when they are armed and all together stay below what a packet can carry. */
static void send_with_copies(struct stream *stream, struct rtp_packet *packet)
{
	struct red_memory *memory = &stream->red_memory;
	uint8_t folded[RED_PACKET_MAX_BYTES];
	size_t n = 0;

	if (stream->rate.copies && packet->payload_bytes <= RED_BLOCK_MAX_BYTES)
		n = red_print(memory, stream->rate.copies, packet->payload_type, packet->timestamp, packet->payload,
			      packet->payload_bytes, folded, sizeof folded);
	else
		red_remember(memory, packet->timestamp, packet->payload, packet->payload_bytes);
	if (n) {
		packet->payload_type = stream->config.send_red;
		packet->payload = folded;
		packet->payload_bytes = n;
	}
	stream_send(stream, packet);
}

static void send_voice(struct stream *stream, int complexity)
{
	const struct stream_codec *send = &stream->config.send;
	struct encoder *encoder = stream->encoders[send->codec];
	uint8_t payload[CODEC_PAYLOAD_MAX_BYTES];
	bool spoke = stream->spoke;

	stream->complexity = complexity;
	stream->spoke = false;
	if (!spoke && stream_may_pause(stream)) {
		stream_say_pause(stream);
		stream->said_frames = 0;
		return;
	}
	stream->pausing = false;
	struct codec_path path = stream_rate_path(stream, complexity);
	encoder_adapt(encoder, &path);
	size_t n = encoder_encode(encoder, stream->said, stream->said_frames, payload, sizeof payload);
	stream->said_frames = 0;
	if (!n) {
		stream->talking = false;
		return;
	}
	if (!stream->talking)
		red_forget(&stream->red_memory);
	struct rtp_packet packet = {
		.marker = !stream->talking,
		.payload_type = send->payload_type,
		.timestamp = stream->frame_timestamp,
		.payload = payload,
		.payload_bytes = n,
	};
	stream->talking = true;
	send_with_copies(stream, &packet);
}

static void send_event(struct stream *stream, const struct dtmf_packet *event)
{
	struct rtp_packet packet = {
		.marker = event->marker,
		.payload_type = stream->config.send_event.payload_type,
		.timestamp = event->timestamp,
		.payload = event->payload,
		.payload_bytes = sizeof event->payload,
	};

	stream_send(stream, &packet);
}

/*
 * One tick of the digits that wait. @return whether voice may go; `tones` is what goes in its place, where *audible
 * says so
 */
static bool send_digits(struct stream *stream, int16_t tones[CODEC_TICK_FRAMES], bool *audible)
{
	struct dtmf_sender *sender = &stream->dtmf_sender;
	struct dtmf_packet event;
	size_t waiting = sender->count;
	uint32_t rate = stream->config.has_send_event ? stream->config.send_event.clock_rate : 0;
	enum dtmf_step step = dtmf_tick(sender, stream->clock, rate, &event);

	if (sender->count < waiting)
		atomic_fetch_sub(&stream->digits_queued, (unsigned)(waiting - sender->count));
	*audible = step == DTMF_TONE || step == DTMF_SILENCE;
	if (step == DTMF_TONE && sender->at_ms == 0)
		stream->dtmf_tone = (struct dtmf_tone){ 0 };
	if (*audible)
		dtmf_sound(&stream->dtmf_tone, step == DTMF_TONE ? sender->item.digit : '\0',
			   sender->item.tone_ms - sender->at_ms, tones);
	if (step == DTMF_SEND)
		send_event(stream, &event);
	if (step == DTMF_DONE)
		stream_tell(stream, ENGINE_DTMF_SENT);
	return step != DTMF_SEND && step != DTMF_BUSY;
}

static void say(struct stream *stream, const struct stream_turn *turn, const int16_t *pcm)
{
	const struct stream_codec *send = &stream->config.send;
	int16_t tones[CODEC_TICK_FRAMES];
	bool voice = stream->config.sends && stream->encoders[send->codec], audible = false;

	if (stream->config.sends && !send_digits(stream, tones, &audible))
		voice = false;
	if (audible)
		pcm = tones;
	if (!voice) {
		stream->said_frames = 0;
		stream->talking = stream->pausing = false;
	} else {
		if (!stream->said_frames)
			stream->frame_timestamp = stream->clock;
		if (pcm)
			memcpy(stream->said + stream->said_frames, pcm, CODEC_TICK_FRAMES * sizeof *pcm);
		else
			memset(stream->said + stream->said_frames, 0, CODEC_TICK_FRAMES * sizeof *pcm);
		stream->said_frames += CODEC_TICK_FRAMES;
		stream_watch_voice(stream, pcm);
		if (stream->said_frames >= send->ptime_ms * CODEC_MS_FRAMES)
			send_voice(stream, turn->complexity);
	}
	stream->clock += codec_clock_rate(send->codec) / 100;
}

void stream_say(struct stream *stream, const struct stream_turn *turn, const int16_t *pcm)
{
	bool loops = stream->config.loop_back;

	if (loops)
		pcm = stream->muted ? NULL : stream->heard_now;
	level_add(&stream->mic, stream->config.sends ? pcm : NULL);
	if (stream->ticks % RATE_TICKS == 0)
		stream_rate_update(stream, turn->now_us);
	say(stream, turn, pcm);
	stream_guard(stream, turn->now_us);
	stream_report_if_due(stream, turn);
	stream_watch(stream, turn, pcm && stream->config.sends && !loops);
	stream_publish(stream);
}

/* ---- nothing ---- */

/* Of a peer that should send it was told that nothing comes, and the buffer has given up as well. */
static bool hears_nothing(const struct stream *stream)
{
	return !stream->config.receives ||
	       (stream->told & 1u << ENGINE_LOST && !stream->jitter.playing && !stream->peer_pauses);
}

bool stream_is_quiet(const struct stream *stream)
{
	return !stream->config.sends && !stream->config.loop_back && hears_nothing(stream) && !stream->play_frames &&
	       !stream->dtmf_sender.count && !stream->dtmf_sender.active && !stream->events &&
	       !stream->digits_heard_count && !stream->guarded_until_us && !(stream->limiter.less > 0);
}

void stream_skip(struct stream *stream, uint32_t ticks)
{
	stream->clock += ticks * (codec_clock_rate(stream->config.send.codec) / 100);
	stream->ticks += ticks;
}
