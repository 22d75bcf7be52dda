/* Sound devices and codecs. */
#include "base/xmalloc.h"
#include "command/call_rows.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>

static enum command_result do_audio_list(struct invocation *invocation)
{
	return devices_begin(invocation);
}

static enum command_result use(struct invocation *invocation, const char *which, const char *also)
{
	char *names = invocation_rest(invocation, ",");
	enum command_result result = devices_use(invocation, which, also, slice_of(names));

	free(names);
	return result;
}

static enum command_result do_audio_use(struct invocation *invocation)
{
	char *names = invocation_rest(invocation, ",");
	bool has_file = slice_begins(slice_of(names), SLICE("file:")) ||
			slice_find_slice(slice_of(names), SLICE(",file:")) < strlen(names);

	free(names);
	if (has_file)
		return invocation_fail(invocation, STATUS_USAGE, "device",
				       "a file is read by `audio input` or written by `audio output`, and not both");
	return use(invocation, "input", "output");
}

static enum command_result do_audio_input(struct invocation *invocation)
{
	return use(invocation, "input", NULL);
}

static enum command_result do_audio_output(struct invocation *invocation)
{
	return use(invocation, "output", NULL);
}

static enum command_result do_audio_ringer(struct invocation *invocation)
{
	return use(invocation, "ringer", NULL);
}

static enum command_result do_audio_test(struct invocation *invocation)
{
	enum { LONGEST_US = 15000000 };

	if (!phone_audio_test(invocation->phone, &invocation->failure))
		return COMMAND_FAILED;
	return wait_begin_event(invocation, EVENT_AUDIO_TEST, LONGEST_US);
}

/* ---- files ---- */

static bool meant_call(struct invocation *invocation, unsigned *call)
{
	return invocation_call(invocation, invocation_option(invocation, "call", 0), NEED_ALIVE, call);
}

static bool says_yes(const struct invocation *invocation, const char *option)
{
	const char *value = invocation_option(invocation, option, 0);

	return value && (!strcmp(value, "yes") || !strcmp(value, "on"));
}

static enum command_result do_play(struct invocation *invocation)
{
	unsigned call = 0;
	bool good = meant_call(invocation, &call) &&
		    phone_play(invocation->phone, &call, invocation->values[0], invocation_option(invocation, "to", 0),
			       says_yes(invocation, "mix"), &invocation->failure);

	return invocation_end_call(invocation, good, good ? call : 0);
}

static enum command_result do_stop(struct invocation *invocation)
{
	unsigned call = 0;
	bool good = meant_call(invocation, &call) && phone_stop(invocation->phone, &call, &invocation->failure);

	return invocation_end_call(invocation, good, good ? call : 0);
}

static enum command_result do_record_start(struct invocation *invocation)
{
	const char *max = invocation_option(invocation, "max", 0);
	int64_t max_us = 0;
	unsigned call = 0;
	struct buf name;

	buf_init(&name, 8192);
	bool good = (!max || duration_parse(slice_of(max), &max_us)) && meant_call(invocation, &call) &&
		    phone_record_start(invocation->phone, &call, invocation->values[0], max_us, &name,
				       &invocation->failure);
	if (good) {
		buf_printf(invocation->out, "call %u: %s\n", call, buf_text(&name));
		invocation->result = json_pack("{s:i, s:s}", "call", (int)call, "file", buf_text(&name));
	}
	buf_fini(&name);
	return invocation_end(invocation, good);
}

static enum command_result do_record_stop(struct invocation *invocation)
{
	unsigned call = 0;
	bool good = meant_call(invocation, &call) && phone_record_stop(invocation->phone, &call, &invocation->failure);

	return invocation_end_call(invocation, good, good ? call : 0);
}

static enum command_result pause_recording(struct invocation *invocation, bool paused)
{
	unsigned call = 0;
	bool good = meant_call(invocation, &call) &&
		    phone_record_pause(invocation->phone, &call, paused, &invocation->failure);

	return invocation_end_call(invocation, good, good ? call : 0);
}

static enum command_result do_record_pause(struct invocation *invocation)
{
	return pause_recording(invocation, true);
}

static enum command_result do_record_resume(struct invocation *invocation)
{
	return pause_recording(invocation, false);
}

/* ---- levels ---- */

enum { LEVEL_STEP = 3 * LEVEL_DB };

/* The setting as it is now, for people and programs. */
static void show_level(struct invocation *invocation, const char *setting, const char *what, double measured)
{
	const struct settings *settings = phone_settings(invocation->phone);
	const char *text = settings_text(settings, setting);
	int64_t level = settings_number(settings, setting);

	buf_printf(invocation->out, measured > -127 ? "%s %s; %.0f dB now\n" : "%s %s\n", what, text, measured);
	invocation->result = json_object();
	json_object_set_new(invocation->result, what,
			    level == LEVEL_OFF ? json_string(text) : json_real((double)level / LEVEL_DB));
	if (measured > -127)
		json_object_set_new(invocation->result, "now", json_real(measured));
}

static bool change_level(struct invocation *invocation, const char *setting, const char *word)
{
	const struct setting_row *row = setting_find(slice_of(setting));
	int64_t level = settings_number(phone_settings(invocation->phone), setting);
	char text[32];

	if (strcmp(word, "up") && strcmp(word, "down"))
		return phone_set(invocation->phone, slice_of(setting), slice_of(word), false, &invocation->failure);
	level = level == LEVEL_OFF ? row->minimum : level + (*word == 'u' ? LEVEL_STEP : -LEVEL_STEP);
	level = level < row->minimum ? row->minimum : level > row->maximum ? row->maximum : level;
	snprintf(text, sizeof text, "%.3fdB", (double)level / LEVEL_DB);
	return phone_set(invocation->phone, slice_of(setting), slice_of(text), false, &invocation->failure);
}

static enum command_result level_command(struct invocation *invocation, const char *setting, const char *what,
					 bool heard)
{
	struct call_view view;
	double measured = -127;

	if (invocation->values[0] && !change_level(invocation, setting, invocation->values[0]))
		return COMMAND_FAILED;
	if (!invocation->values[0] && phone_view_call(invocation->phone, phone_selected(invocation->phone), &view))
		measured = heard ? view.heard_db : view.mic_db;
	show_level(invocation, setting, what, measured);
	return COMMAND_DONE;
}

static enum command_result do_volume(struct invocation *invocation)
{
	return level_command(invocation, "audio.volume", "volume", true);
}

static enum command_result do_gain(struct invocation *invocation)
{
	return level_command(invocation, "audio.gain", "gain", false);
}

/* ---- codecs ---- */

enum { CODECS_MAX = 32 };

struct codecs {
	struct {
		const char *name;
		bool enabled;
	} rows[CODECS_MAX];
	size_t count;
};

static void on_codec(void *arg, const char *name, bool enabled)
{
	struct codecs *codecs = arg;

	if (codecs->count == CODECS_MAX)
		return;
	codecs->rows[codecs->count].name = name;
	codecs->rows[codecs->count++].enabled = enabled;
}

static enum command_result do_codec_list(struct invocation *invocation)
{
	struct codecs codecs = { .count = 0 };
	json_t *list = json_array();

	phone_codecs(invocation->phone, on_codec, &codecs);
	for (size_t i = 0; i < codecs.count; i++) {
		buf_printf(invocation->out, "%s%s\n", codecs.rows[i].name, codecs.rows[i].enabled ? "" : " (disabled)");
		json_array_append_new(list, json_pack("{s:s, s:b}", "name", codecs.rows[i].name, "enabled",
						      (int)codecs.rows[i].enabled));
	}
	invocation->result = list;
	return COMMAND_DONE;
}

/* "L16" names it at every rate. */
static bool names_codec(const char *word, const char *name)
{
	size_t n = strlen(word);

	return slice_ieq(slice_of(word), slice_of(name)) ||
	       (slice_ibegins(slice_of(name), slice_of(word)) && name[n] == '/');
}

static bool is_named(const struct invocation *invocation, const char *name)
{
	for (size_t i = 0; i < invocation->rest_count; i++)
		if (names_codec(invocation->rest[i], name))
			return true;
	return false;
}

static bool all_known(struct invocation *invocation, const struct codecs *codecs)
{
	for (size_t i = 0; i < invocation->rest_count; i++) {
		struct near near;
		struct buf text;
		size_t k = 0;
		while (k < codecs->count && !names_codec(invocation->rest[i], codecs->rows[k].name))
			k++;
		if (k < codecs->count)
			continue;
		near_init(&near, slice_of(invocation->rest[i]));
		buf_init(&text, 300);
		buf_printf(&text, "%.60s: no such codec", invocation->rest[i]);
		for (k = 0; k < codecs->count; k++)
			near_offer(&near, slice_of(codecs->rows[k].name));
		near_print(&near, &text);
		if (!near.best.n)
			buf_printf(&text, "; `codec` lists them");
		fail(&invocation->failure, STATUS_USAGE, "codec", "%s", buf_text(&text));
		buf_fini(&text);
		return false;
	}
	return true;
}

/* media.codecs anew: `first` puts those named in front, `named` and `others` tell which of the enabled and disabled
 * ones stay. */
static enum command_result change_codecs(struct invocation *invocation, bool named_first, bool named_stay)
{
	struct codecs codecs = { .count = 0 };
	struct buf value;
	bool good;

	phone_codecs(invocation->phone, on_codec, &codecs);
	if (!all_known(invocation, &codecs))
		return COMMAND_FAILED;
	buf_init(&value, 1024);
	for (size_t i = 0; named_first && i < invocation->rest_count; i++)
		buf_printf(&value, "%s%s", value.n ? " " : "", invocation->rest[i]);
	for (size_t i = 0; i < codecs.count; i++) {
		bool named = is_named(invocation, codecs.rows[i].name);
		if (named ? named_stay && !named_first : codecs.rows[i].enabled)
			buf_printf(&value, "%s%s", value.n ? " " : "", codecs.rows[i].name);
	}
	good = phone_codecs_set(invocation->phone, buf_slice(&value), &invocation->failure);
	buf_fini(&value);
	return invocation_end(invocation, good);
}

static enum command_result do_codec_order(struct invocation *invocation)
{
	return change_codecs(invocation, true, true);
}

static enum command_result do_codec_enable(struct invocation *invocation)
{
	return change_codecs(invocation, false, true);
}

static enum command_result do_codec_disable(struct invocation *invocation)
{
	return change_codecs(invocation, false, false);
}

#define DEVICES(SIDE)                                                                                                  \
	{                                                                                                              \
		.name = "NAME", .kind = ARG_DEVICE, .side = (SIDE), .repeats = true,                                   \
		.text = "a device, or the part of its name that no other has"                                          \
	}
#define CODECS                                                                                                         \
	{                                                                                                              \
		.name = "NAME", .kind = ARG_CODEC, .repeats = true, .text = "a codec"                                  \
	}

const struct command sound_commands[] = {
	{ .name = "play",
	  .group = "sound",
	  .run = do_play,
	  .arguments = { { .name = "FILE", .kind = ARG_FILE, .text = "WAV, FLAC, Ogg or Opus" } },
	  .options = { { .name = "to",
			 .kind = ARG_CHOICE,
			 .choices = "peer|me|both",
			 .text = "who hears it; the peer" },
		       { .name = "mix", .kind = ARG_YES_NO, .text = "go on sending the microphone beside it" },
		       CALL_OPTION },
	  .summary = "play a file in a call",
	  .text = "It takes the place of the microphone until it is over, and the call goes on; what was played "
		  "before ends. The event `play-done` tells its end. With to=me no call is needed.",
	  .examples = { "play greeting.wav", "play music.flac to=both mix=yes", "play ring.wav to=me" } },
	{ .name = "stop",
	  .group = "sound",
	  .run = do_stop,
	  .ends = true,
	  .options = { CALL_OPTION },
	  .summary = "stop the file that is played",
	  .text = "In the selected call, or what is played to you alone.",
	  .examples = { "stop", "stop call=2" } },
	{ .name = "record start",
	  .group = "sound",
	  .run = do_record_start,
	  .arguments = { { .name = "FILE",
			   .kind = ARG_FILE,
			   .optional = true,
			   .text = "its name; %u is who, %t the time, %n the number of the call" } },
	  .options = { { .name = "max", .kind = ARG_DURATION, .text = "end it after so long" }, CALL_OPTION },
	  .summary = "record a call",
	  .text = "One stereo file: you on the left, they on the right. The ending of the name says what it is: .wav, "
		  ".flac, .opus or .ogg. Without FILE the setting `record.file` names it. Folders that are missing are "
		  "made, and nothing is overwritten: when the name is taken a number is put behind it. The event "
		  "`record-done` tells when the file is whole; the call's end ends it too. Whether you may record is a "
		  "matter of the law where you and the others are.",
	  .examples = { "record start", "record start \"mail/%u-%t.wav\" max=3m", "record start talk.opus call=2" } },
	{ .name = "record stop",
	  .group = "sound",
	  .run = do_record_stop,
	  .ends = true,
	  .options = { CALL_OPTION },
	  .summary = "end the recording of a call",
	  .text = "The event `record-done` tells when its file is whole.",
	  .examples = { "record stop" } },
	{ .name = "record pause",
	  .group = "sound",
	  .run = do_record_pause,
	  .options = { CALL_OPTION },
	  .summary = "leave out what comes now",
	  .text = "`record resume` goes on in the same file, without a gap.",
	  .examples = { "record pause" } },
	{ .name = "record resume",
	  .group = "sound",
	  .run = do_record_resume,
	  .options = { CALL_OPTION },
	  .summary = "go on recording after a pause",
	  .text = "In the same file.",
	  .examples = { "record resume" } },
	{ .name = "audio list",
	  .aliases = "audio",
	  .group = "sound",
	  .run = do_audio_list,
	  .summary = "list the sound devices",
	  .text = "Those in use have a star.",
	  .examples = { "audio" } },
	{ .name = "audio use",
	  .group = "sound",
	  .run = do_audio_use,
	  .arguments = { DEVICES("both") },
	  .summary = "use a device as microphone and loudspeaker",
	  .text = "Several names are a wish list: the first that can be used is taken. `default` is the system's "
		  "device, `null` is silence.",
	  .examples = { "audio use default", "audio use Jabra default" } },
	{ .name = "audio input",
	  .group = "sound",
	  .run = do_audio_input,
	  .arguments = { DEVICES("input") },
	  .summary = "choose the microphone",
	  .text = "Besides devices there are `null`, `tone:HZ` and `file:PATH.wav`.",
	  .examples = { "audio input tone:440" } },
	{ .name = "audio output",
	  .group = "sound",
	  .run = do_audio_output,
	  .arguments = { DEVICES("output") },
	  .summary = "choose the loudspeaker",
	  .text = "Besides devices there are `null` and `file:PATH.wav`, into which it is written: what is there is "
		  "replaced.",
	  .examples = { "audio output default" } },
	{ .name = "audio ringer",
	  .group = "sound",
	  .run = do_audio_ringer,
	  .arguments = { DEVICES("ringer") },
	  .summary = "choose where it rings",
	  .text = "`null` is silence.",
	  .examples = { "audio ringer null" } },
	{ .name = "audio test",
	  .group = "sound",
	  .run = do_audio_test,
	  .summary = "play, listen, and tell what came back",
	  .text = "A second of silence, then three chirps: how loud the microphone is without them, how loud it hears "
		  "them, and how long that takes. Calls go on meanwhile. With a headset nothing should come back.",
	  .examples = { "audio test" } },
	{ .name = "volume",
	  .group = "sound",
	  .run = do_volume,
	  .arguments = { { .name = "LEVEL",
			   .kind = ARG_LEVEL,
			   .optional = true,
			   .text = "-6dB, 0dB, up, down or off" } },
	  .summary = "how loud you hear",
	  .text = "0dB leaves all as it comes; up and down go by 3 dB. Without LEVEL it is shown, with what is heard "
		  "in the selected call now. It is the setting `audio.volume`.",
	  .examples = { "volume -6dB", "volume up" } },
	{ .name = "gain",
	  .group = "sound",
	  .run = do_gain,
	  .arguments = { { .name = "LEVEL", .kind = ARG_LEVEL, .optional = true, .text = "-6dB, 0dB, up or down" } },
	  .summary = "how loud your microphone goes out",
	  .text = "0dB leaves it as it is; up and down go by 3 dB. Without LEVEL it is shown, with what is said in the "
		  "selected call now. It is the setting `audio.gain`; `mute` silences.",
	  .examples = { "gain 6dB", "gain down" } },
	{ .name = "codec list",
	  .aliases = "codec",
	  .group = "sound",
	  .run = do_codec_list,
	  .summary = "list the codecs, the best first",
	  .text = "In the order in which they are offered. L16 is there once for each sampling rate; L16 alone means "
		  "all of them.",
	  .examples = { "codec" } },
	{ .name = "codec order",
	  .group = "sound",
	  .run = do_codec_order,
	  .arguments = { CODECS },
	  .summary = "put codecs in front",
	  .text = "Those that are not named follow as they were. One that was disabled is enabled by being named. As "
		  "with `codec enable` and `codec disable`, calls that are up are offered the new list at once, by "
		  "re-INVITE, unless they have a codec= of their own.",
	  .examples = { "codec order opus PCMA" } },
	{ .name = "codec enable",
	  .group = "sound",
	  .run = do_codec_enable,
	  .arguments = { CODECS },
	  .summary = "offer codecs",
	  .text = "Behind those that are enabled.",
	  .examples = { "codec enable PCMU" } },
	{ .name = "codec disable",
	  .group = "sound",
	  .run = do_codec_disable,
	  .arguments = { CODECS },
	  .summary = "offer codecs no more",
	  .text = "One codec must stay.",
	  .examples = { "codec disable PCMU" } },
};
const size_t sound_command_count = ARRAY_LEN(sound_commands);
