/* What was agreed on in SDP -> the configuration of a stream. */
#include "phone/phone_internal.h"

/* Every codec of the phone as SDP names it, in the order of enum media_codec. */
static const struct sdp_codec codec_rows[MEDIA_CODECS] = {
	[MEDIA_PCMU] = { "PCMU", 8000, 1, 0, NULL },
	[MEDIA_PCMA] = { "PCMA", 8000, 1, 8, NULL },
	[MEDIA_OPUS] = { "opus", 48000, 2, -1, "useinbandfec=1" },
	[MEDIA_G722] = { "G722", 8000, 1, 9, NULL },
	[MEDIA_L16_48] = { "L16", 48000, 1, -1, NULL },
	[MEDIA_L16_44] = { "L16", 44100, 1, 11, NULL },
	[MEDIA_L16_16] = { "L16", 16000, 1, -1, NULL },
	[MEDIA_L16_8] = { "L16", 8000, 1, -1, NULL },
};

const struct sdp_codec *media_codec_row(enum media_codec codec)
{
	return &codec_rows[codec];
}

static bool codec_of_row(const struct sdp_codec *row, enum media_codec *codec)
{
	for (int i = 0; i < MEDIA_CODECS; i++)
		if (!strcmp(row->encoding, codec_rows[i].encoding) && row->clock_rate == codec_rows[i].clock_rate) {
			*codec = (enum media_codec)i;
			return true;
		}
	return false;
}

/* "maxaveragebitrate=20000;useinbandfec=1": the number behind `key`, else `otherwise`. */
static uint32_t fmtp_number(struct slice fmtp, struct slice key, uint32_t otherwise)
{
	uint32_t number;

	while (fmtp.p) {
		struct slice value = slice_cut(&fmtp, ';'), name = slice_trim(slice_cut(&value, '='));
		if (slice_ieq(name, key) && slice_to_u32(slice_trim(value), &number))
			return number;
	}
	return otherwise;
}

enum { PACKET_MS_MAX = 60 };

static uint32_t packet_ms(const struct call_media *media, const struct sdp_agreed *agreed)
{
	uint32_t ms = agreed->ptime_ms ? agreed->ptime_ms : media->ptime_ms;

	if (agreed->maxptime_ms && ms > agreed->maxptime_ms)
		ms = agreed->maxptime_ms;
	ms = ms / 10 * 10;
	return ms < 10 ? 10 : ms > PACKET_MS_MAX ? PACKET_MS_MAX : ms;
}

/* ---- bit rates ---- */

enum { RTP_BITS = 12 * 8, BELOW_V4_BITS = 28 * 8, BELOW_V6_BITS = 48 * 8 };

static uint32_t least(uint32_t a, uint32_t b)
{
	return a && (a < b || !b) ? a : b;
}

/* What `bits` leave for sound when each of the packets takes `overhead` of them; never 0, which would be no limit. */
static uint32_t without(uint64_t bits, uint64_t packets, uint64_t overhead)
{
	uint64_t left = bits > packets * overhead ? bits - packets * overhead : 1;

	return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

/* b=TIAS counts RTP, b=AS also what is below it (RFC 3890 6.2, RFC 3550 6.2). 0: no limit */
static uint32_t peer_limit(const struct sdp_agreed *agreed, uint32_t packet)
{
	uint32_t packets = 1000 / packet, limit = 0;
	unsigned below = address_is_v6(&agreed->rtp) ? BELOW_V6_BITS : BELOW_V4_BITS;

	if (agreed->bandwidth_tias)
		limit = without(agreed->bandwidth_tias, packets, RTP_BITS);
	if (agreed->bandwidth_as)
		limit = least(limit, without(UINT64_C(1000) * agreed->bandwidth_as, packets, RTP_BITS + below));
	return limit;
}

void media_describe_bandwidth(const struct call_media *media, struct sdp_local *local)
{
	uint32_t packets = 1000 / (local->ptime_ms ? local->ptime_ms : 20);
	unsigned below = address_is_v6(&media->local) ? BELOW_V6_BITS : BELOW_V4_BITS;

	if (!media->max_bitrate)
		return;
	local->bandwidth_tias = media->max_bitrate + packets * RTP_BITS;
	local->bandwidth_as = (local->bandwidth_tias + packets * below + 999) / 1000;
}

/* ---- codecs ---- */

/* RFC 7587 6.1: what the peer says of its receiver. What makes no sense is as if it had not been said. */
static void opus_parameters(struct slice fmtp, struct stream_codec *to)
{
	uint32_t bitrate = fmtp_number(fmtp, SLICE("maxaveragebitrate"), 0);
	uint32_t rate_hz = fmtp_number(fmtp, SLICE("maxplaybackrate"), 0);

	if (bitrate >= 6000 && bitrate <= 510000)
		to->max_bitrate = least(to->max_bitrate, bitrate);
	if (rate_hz >= 8000 && rate_hz < 48000)
		to->max_rate_hz = rate_hz;
	to->fec = fmtp_number(fmtp, SLICE("useinbandfec"), 0) == 1;
	to->dtx = fmtp_number(fmtp, SLICE("usedtx"), 0) == 1;
	to->cbr = fmtp_number(fmtp, SLICE("cbr"), 0) == 1;
}

/*
 * Not in RFC 7587, but in the drafts before it, and browsers say it: no shorter packets than this. What the media line
 * says of longer ones goes before.
 */
static uint32_t not_below(uint32_t ms, struct slice fmtp, const struct sdp_agreed *agreed)
{
	uint32_t least = fmtp_number(fmtp, SLICE("minptime"), 0), most = agreed->maxptime_ms;

	least = least > PACKET_MS_MAX ? PACKET_MS_MAX : (least + 9) / 10 * 10;
	if (most >= 10 && least > most)
		least = most / 10 * 10;
	return ms < least ? least : ms;
}

static bool stream_codec(const struct call_media *media, const struct sdp_agreed *agreed,
			 const struct sdp_agreed_codec *from, bool sending, struct stream_codec *to)
{
	enum media_codec codec;
	uint32_t ms = packet_ms(media, agreed);

	if (!codec_of_row(from->codec, &codec))
		return false;
	if (codec == MEDIA_OPUS)
		ms = not_below(ms, from->peer_fmtp, agreed);
	*to = (struct stream_codec){ .codec = codec,
				     .payload_type = sending ? from->send_pt : from->receive_pt,
				     .ptime_ms = ms,
				     .max_bitrate = least(peer_limit(agreed, ms), media->max_bitrate) };
	if (codec == MEDIA_OPUS)
		opus_parameters(from->peer_fmtp, to);
	return true;
}

/* The first that goes through; where none does, the first: the peer has agreed to it, after all. */
static const struct sdp_agreed_codec *sending_codec(const struct call_media *media, const struct sdp_agreed *agreed,
						    struct stream_codec *send)
{
	for (size_t i = 0; i < agreed->codec_count; i++)
		if (stream_codec(media, agreed, &agreed->codecs[i], true, send) &&
		    (!send->max_bitrate || media_codec_bitrate(send->codec) <= send->max_bitrate))
			return &agreed->codecs[i];
	return agreed->codec_count && stream_codec(media, agreed, &agreed->codecs[0], true, send) ? &agreed->codecs[0]
												 : NULL;
}

static void plan_events(const struct sdp_agreed *agreed, uint32_t rate_hz, struct stream_config *config)
{
	for (size_t i = 0; i < agreed->event_count; i++) {
		const struct sdp_agreed_codec *event = &agreed->events[i];
		if (config->receive_event_count < STREAM_EVENTS_MAX) {
			config->receive_events[config->receive_event_count].payload_type = event->receive_pt;
			config->receive_events[config->receive_event_count++].clock_rate = event->codec->clock_rate;
		}
		/* Events share the clock of the voice beside them; any other only when there is none such. */
		if (!config->has_send_event || event->codec->clock_rate == rate_hz) {
			config->has_send_event = true;
			config->send_event.payload_type = event->send_pt;
			config->send_event.clock_rate = event->codec->clock_rate;
		}
	}
}

/* Redundancy shares the clock of the voice in it. */
static void plan_reds(const struct sdp_agreed *agreed, uint32_t rate_hz, struct stream_config *config)
{
	for (size_t i = 0; i < agreed->red_count && config->receive_red_count < STREAM_EVENTS_MAX; i++) {
		const struct sdp_agreed_codec *red = &agreed->reds[i];
		config->receive_reds[config->receive_red_count].payload_type = red->receive_pt;
		config->receive_reds[config->receive_red_count++].clock_rate = red->codec->clock_rate;
		if (red->codec->clock_rate != rate_hz || config->has_send_red)
			continue;
		config->has_send_red = true;
		config->send_red = red->send_pt;
	}
}

/* Comfort noise shares the clock of the voice whose pauses it fills. */
static void plan_comforts(const struct sdp_agreed *agreed, uint32_t rate_hz, struct stream_config *config)
{
	for (size_t i = 0; i < agreed->comfort_count && config->receive_comfort_count < STREAM_EVENTS_MAX; i++) {
		const struct sdp_agreed_codec *comfort = &agreed->comforts[i];
		config->receive_comforts[config->receive_comfort_count++] = comfort->receive_pt;
		if (comfort->codec->clock_rate != rate_hz || config->has_send_comfort)
			continue;
		config->has_send_comfort = true;
		config->send_comfort = comfort->send_pt;
	}
}

/* Of an account that has its own; all others follow the phone's while they last. */
static void plan_jitter(const struct call_media *media, struct stream_config *config)
{
	const struct settings *least = media_settings(media, "media.jitter-min"),
			      *most = media_settings(media, "media.jitter-max");

	if (least == media->phone->settings && most == least)
		return;
	config->jitter_min_ms = (uint32_t)(settings_number(least, "media.jitter-min") / MS_US);
	config->jitter_max_ms = (uint32_t)(settings_number(most, "media.jitter-max") / MS_US);
}

void media_make_plan(const struct call_media *media, const struct sdp_agreed *agreed, struct media_plan *plan)
{
	struct stream_config *config = &plan->config;
	bool sends = agreed->direction == SDP_SENDRECV || agreed->direction == SDP_SENDONLY;
	bool receives = agreed->direction == SDP_SENDRECV || agreed->direction == SDP_RECVONLY;

	*plan = (struct media_plan){ .peer_holds = agreed->peer_holds, .direction = agreed->direction };
	*config = (struct stream_config){
		.rtp_fd = -1, .rtcp_fd = -1, .rtp = agreed->rtp, .rtcp = agreed->rtcp, .rtcp_mux = agreed->rtcp_mux,
		.loop_back = media->loop_back
	};
	const struct sdp_agreed_codec *sent = agreed->rejected ? NULL : sending_codec(media, agreed, &config->send);
	if (!sent)
		return;
	plan->usable = true;
	config->on_hold = media->held;
	config->sends = sends && (!media->held || hold_music_wanted(media)) && address_is_set(&agreed->rtp);
	config->receives = receives && !media->held;
	for (size_t i = 0; i < agreed->codec_count && config->receive_count < STREAM_CODECS_MAX; i++)
		if (stream_codec(media, agreed, &agreed->codecs[i], false, &config->receive[config->receive_count]))
			config->receive_count++;
	plan_reds(agreed, sent->codec->clock_rate, config);
	plan_comforts(agreed, sent->codec->clock_rate, config);
	plan_events(agreed, sent->codec->clock_rate, config);
	/* What is told by events is not looked for in the voice, where it would be found a second time. */
	config->detect_tones = !config->receive_event_count && !media->loop_back &&
			       settings_on(media_settings(media, "dtmf.detect"), "dtmf.detect");
	plan_jitter(media, config);
	encryption_plan(media, &agreed->secured, &config->protection);
}
