/* The codecs that a call offers or takes, as rows of its session description. */
#include "phone/phone_internal.h"

#include <inttypes.h>
#include <stdio.h>

static void add_row(struct call_media *media, const struct sdp_codec *row)
{
	for (size_t i = 0; i < media->codec_count; i++)
		if (!strcmp(media->codecs[i].encoding, row->encoding) && media->codecs[i].clock_rate == row->clock_rate)
			return;
	if (media->codec_count < MEDIA_CODEC_ROWS)
		media->codecs[media->codec_count++] = *row;
}

/* The least rate of Opus that loses nothing of a device of this one; 0: there is no use in saying it. */
static uint32_t opus_rate(uint32_t device_hz)
{
	static const uint32_t rates[] = { 8000, 12000, 16000, 24000 };

	for (size_t i = 0; device_hz && i < ARRAY_LEN(rates); i++)
		if (device_hz <= rates[i])
			return rates[i];
	return 0;
}

/*
 * What we say of our receiver and of our microphone where it is more than what we always say (RFC 7587 6.1). Of stereo
 * nothing is said: 0, which is what we have, is its default.
 */
static const char *opus_fmtp(struct call_media *media, const char *usual)
{
	char *text = media->opus_fmtp;
	size_t room = sizeof media->opus_fmtp;
	size_t n = (size_t)snprintf(text, room, "%s", usual);
	uint32_t heard_hz = opus_rate(devices_rate(media->phone, ENGINE_OUTPUT)),
		 said_hz = opus_rate(devices_rate(media->phone, ENGINE_INPUT));

	if (media->max_bitrate)
		n += (size_t)snprintf(text + n, room - n, ";maxaveragebitrate=%" PRIu32, media->max_bitrate);
	if (heard_hz && !media->loop_back)
		n += (size_t)snprintf(text + n, room - n, ";maxplaybackrate=%" PRIu32, heard_hz);
	if (said_hz && !media->loop_back)
		n += (size_t)snprintf(text + n, room - n, ";sprop-maxcapturerate=%" PRIu32, said_hz);
	if (settings_on(media_settings(media, "media.dtx"), "media.dtx"))
		snprintf(text + n, room - n, ";usedtx=1");
	return text;
}

/* Opus has pauses of its own. */
static void add_comfort(struct call_media *media, size_t audio)
{
	for (size_t i = 0; i < audio; i++)
		if (strcmp(media->codecs[i].encoding, media_codec_name(MEDIA_OPUS)) != 0)
			add_row(media, &(struct sdp_codec){ "CN", media->codecs[i].clock_rate, 1,
							    media->codecs[i].clock_rate == 8000 ? 13 : -1, NULL });
}

static void add_codec(struct call_media *media, enum media_codec codec)
{
	struct sdp_codec row = *media_codec_row(codec);

	if (codec == MEDIA_OPUS)
		row.fmtp = opus_fmtp(media, row.fmtp);
	add_row(media, &row);
}

/*
 * The codecs in the user's order, then redundancy (RFC 2198), comfort noise (RFC 3389) and telephone-event once for
 * each of their clock rates (RFC 4733 2.1).
 */
static enum err list_codecs(struct call_media *media, struct slice names)
{
	struct slice word;

	media->codec_count = 0;
	media->max_bitrate = (uint32_t)settings_number(media_settings(media, "media.max-bitrate"), "media.max-bitrate");
	while (slice_list_word(&names, &word)) {
		bool known = false;
		for (int i = 0; i < MEDIA_CODECS; i++) {
			if (!media_codec_means(word, (enum media_codec)i))
				continue;
			add_codec(media, (enum media_codec)i);
			known = true;
		}
		if (!known)
			return ERR_NOT_FOUND;
	}
	size_t audio = media->codec_count;
	if (settings_on(media_settings(media, "media.redundancy"), "media.redundancy"))
		for (size_t i = 0; i < audio; i++)
			add_row(media, &(struct sdp_codec){ "red", media->codecs[i].clock_rate,
							    media->codecs[i].channels, -1, NULL });
	if (settings_on(media_settings(media, "media.dtx"), "media.dtx"))
		add_comfort(media, audio);
	for (size_t i = 0; i < audio; i++)
		add_row(media, &(struct sdp_codec){ "telephone-event", media->codecs[i].clock_rate, 1, -1, "0-15" });
	return media->codec_count ? ERR_NONE : ERR_NOT_FOUND;
}

enum err media_list_again(struct call_media *media, const char *codec)
{
	return list_codecs(
		media, slice_of(codec ? codec : settings_text(media_settings(media, "media.codecs"), "media.codecs")));
}
