/* Sound devices and codecs. */
#include "base/xmalloc.h"
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
	enum command_result result = devices_use(invocation, which, slice_of(names));

	if (also && result == COMMAND_DONE)
		result = devices_use(invocation, also, slice_of(names));
	free(names);
	return result;
}

static enum command_result do_audio_use(struct invocation *invocation)
{
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

static bool is_named(const struct invocation *invocation, const char *name)
{
	for (size_t i = 0; i < invocation->rest_count; i++)
		if (slice_ieq(slice_of(invocation->rest[i]), slice_of(name)))
			return true;
	return false;
}

static bool all_known(struct invocation *invocation, const struct codecs *codecs)
{
	for (size_t i = 0; i < invocation->rest_count; i++) {
		struct near near;
		struct buf text;
		size_t k = 0;
		while (k < codecs->count && !slice_ieq(slice_of(codecs->rows[k].name), slice_of(invocation->rest[i])))
			k++;
		if (k < codecs->count)
			continue;
		near_init(&near, slice_of(invocation->rest[i]));
		buf_init(&text, 300);
		buf_printf(&text, "%.60s: no such codec", invocation->rest[i]);
		for (k = 0; k < codecs->count; k++)
			near_offer(&near, slice_of(codecs->rows[k].name));
		near_print(&near, &text);
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

#define DEVICES                                                                                                        \
	{                                                                                                              \
		.name = "NAME", .kind = ARG_DEVICE, .repeats = true,                                                   \
		.text = "a device, or the part of its name that no other has"                                          \
	}
#define CODECS                                                                                                         \
	{                                                                                                              \
		.name = "NAME", .kind = ARG_CODEC, .repeats = true, .text = "a codec"                                  \
	}

const struct command sound_commands[] = {
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
	  .arguments = { DEVICES },
	  .summary = "use a device as microphone and loudspeaker",
	  .text = "Several names are a wish list: the first that can be used is taken. `default` is the system's "
		  "device, `null` is silence.",
	  .examples = { "audio use default", "audio use Jabra default" } },
	{ .name = "audio input",
	  .group = "sound",
	  .run = do_audio_input,
	  .arguments = { DEVICES },
	  .summary = "choose the microphone",
	  .text = "Besides devices there are `null`, `tone:HZ` and `file:PATH.wav`.",
	  .examples = { "audio input tone:440" } },
	{ .name = "audio output",
	  .group = "sound",
	  .run = do_audio_output,
	  .arguments = { DEVICES },
	  .summary = "choose the loudspeaker",
	  .text = "Besides devices there are `null` and `file:PATH.wav`.",
	  .examples = { "audio output default" } },
	{ .name = "audio ringer",
	  .group = "sound",
	  .run = do_audio_ringer,
	  .arguments = { DEVICES },
	  .summary = "choose where it rings",
	  .text = "`null` is silence.",
	  .examples = { "audio ringer null" } },
	{ .name = "codec list",
	  .aliases = "codec",
	  .group = "sound",
	  .run = do_codec_list,
	  .summary = "list the codecs, the best first",
	  .text = "In the order in which they are offered. L16 is there once for each sampling rate.",
	  .examples = { "codec" } },
	{ .name = "codec order",
	  .group = "sound",
	  .run = do_codec_order,
	  .arguments = { CODECS },
	  .summary = "put codecs in front",
	  .text = "Those that are not named follow as they were. One that was disabled is enabled by being named. As with "
		  "`codec enable` and `codec disable`, calls that are up are offered the new list at once, by re-INVITE, unless "
		  "they have a codec= of their own.",
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
