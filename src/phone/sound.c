/* Devices by wish list, their list, and codecs. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "media/audio/helper.h"
#include "phone/phone_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LIST_LIMIT_US = 5000000 };

static const char *const kinds[ENGINE_DEVICES] = {
	[ENGINE_INPUT] = "input", [ENGINE_OUTPUT] = "output", [ENGINE_RINGER] = "ringer"
};
static const char *const people_say[ENGINE_DEVICES] = {
	[ENGINE_INPUT] = "microphone", [ENGINE_OUTPUT] = "loudspeaker", [ENGINE_RINGER] = "ringer"
};
static const char *const settings_of[ENGINE_DEVICES] = {
	[ENGINE_INPUT] = "audio.input", [ENGINE_OUTPUT] = "audio.output", [ENGINE_RINGER] = "audio.ringer"
};

static bool kind_find(struct slice name, enum engine_device *which)
{
	for (int i = 0; i < ENGINE_DEVICES; i++)
		if (slice_eq(name, slice_of(kinds[i]))) {
			*which = (enum engine_device)i;
			return true;
		}
	return false;
}

const char *sound_device_word(enum engine_device which)
{
	return people_say[which];
}

const char *sound_kind(enum engine_device which)
{
	return kinds[which];
}

/* The nth wish of the setting, commas between them. @return false: there are fewer */
bool sound_wish(const struct phone *phone, enum engine_device which, int nth, struct slice *name)
{
	struct slice rest = slice_of(settings_text(phone->settings, settings_of[which]));

	while (rest.p) {
		*name = slice_trim(slice_cut(&rest, ','));
		if (name->n && nth-- == 0)
			return true;
	}
	return false;
}

/* Try the wishes from `nth` on. @return the error of the last one, ERR_NONE when one was taken */
enum err sound_use_from(struct phone *phone, enum engine_device which, int nth)
{
	struct slice name;
	struct engine *engine = phone_engine(phone);
	enum err err = ERR_NOT_FOUND;

	if (!engine)
		return ERR_DESCRIPTORS;
	for (; sound_wish(phone, which, nth, &name); nth++) {
		char *text = slice_dup(name);
		err = engine_use(engine, which, text);
		free(text);
		phone->wish[which] = nth;
		sound_apply_cleaning(phone);
		if (!err)
			break;
	}
	return err;
}

void sound_apply(struct phone *phone, enum engine_device which)
{
	enum err err = sound_use_from(phone, which, 0);

	if (err)
		log_line(phone->log, LOG_WARNING, "%s '%s' cannot be used: %s; silence takes its place",
			 settings_of[which], settings_text(phone->settings, settings_of[which]), sound_err_text(err));
}

/* "default: no such device" -> its name and why. @return the reason, may be empty */
static struct slice device_words(const struct phone *phone, enum engine_device which, struct slice text,
				 struct slice *name)
{
	struct slice wished;
	size_t n = text.n;

	*name = text;
	/* The name of a card may have colons of its own; one that a call brought stands in no wish list. */
	if (sound_wish(phone, which, phone->wish[which], &wished) && slice_begins(text, wished) &&
	    text.n >= wished.n + 2 && text.p[wished.n] == ':')
		n = wished.n;
	else
		for (size_t i = 1; i + 1 < text.n; i++)
			if (text.p[i] == ':' && text.p[i + 1] == ' ')
				n = i;
	if (n == text.n)
		return (struct slice){ 0 };
	*name = slice_sub(text, 0, n);
	return slice_trim(slice_from(text, n + 1));
}

/*
 * Who has no sound card need not hear of it at every call. `instead` takes its place, or silence does; what failed to
 * take over from one that plays leaves that one (`goes_on`).
 */
static void tell_lost(struct phone *phone, enum engine_device which, struct slice name, struct slice why,
		      struct slice instead, bool goes_on)
{
	char *shown = clean(name), *shown_why = clean(why), *shown_instead = clean(instead);
	const char *quote = instead.n ? "'" : "";
	struct buf text;

	buf_init(&text, 600);
	buf_printf(&text, "the %s '%s' cannot be used%s%s%s: %s%s%s %s", people_say[which], shown,
		   *shown_why ? " (" : "", shown_why, *shown_why ? ")" : "", quote,
		   instead.n ? shown_instead : "silence", quote, goes_on ? "goes on" : "takes its place");
	if (!phone->told_lost[which] || strcmp(phone->told_lost[which], buf_text(&text)) != 0) {
		xreplace(&phone->told_lost[which], buf_text(&text));
		log_line(phone->log, LOG_WARNING, "%s", buf_text(&text));
	}
	buf_fini(&text);
	free(shown);
	free(shown_why);
	free(shown_instead);
}

void sound_forget_lost(struct phone *phone, enum engine_device which)
{
	free(phone->told_lost[which]);
	phone->told_lost[which] = NULL;
}

void sound_engine_event(struct phone *phone, const struct engine_event *from)
{
	enum engine_device which;
	struct slice next, state = slice_of(from->state);

	if (!kind_find(slice_of(from->kind_text), &which))
		return;
	bool failed = slice_eq(state, SLICE("failed")), lost = slice_eq(state, SLICE("lost"));
	struct slice name, why = device_words(phone, which, slice_of(from->text), &name);
	struct event *event = events_add(phone->events, EVENT_DEVICE, 0);
	event_text(event, "name", name);
	event_text(event, "kind", slice_of(kinds[which]));
	/* Only what was there can be lost. */
	if (failed)
		phone->never_was[which] = !devices_listed_one(phone, which, name);
	event_text(event, "state", !failed ? state : phone->never_was[which] ? SLICE("missing") : SLICE("lost"));
	if (why.n)
		event_text(event, "reason", why);
	/* The next of the wish list: that one comes back when the list shows it again. */
	if ((failed || lost) && sound_wish(phone, which, phone->wish[which] + 1, &next)) {
		tell_lost(phone, which, name, why, next, false);
		sound_use_from(phone, which, phone->wish[which] + 1);
		return;
	}
	bool goes_on = failed && !engine_device_is_lost(phone->engine, which);
	if (failed || lost)
		tell_lost(phone, which, name, why,
			  slice_of(goes_on ? engine_device_name(phone->engine, which) : NULL), goes_on);
	else
		sound_forget_lost(phone, which);
}

const char *phone_device_trouble(const struct phone *phone, const char *which_name)
{
	enum engine_device which;

	if (!phone->engine || !kind_find(slice_of(which_name), &which))
		return "";
	if (engine_device_is_missing(phone->engine, which) && phone->never_was[which])
		return "none";
	return engine_device_is_lost(phone->engine, which) || devices_gone(phone, which) ? "lost" : "";
}

/* Whoever means a ring tone would lose it: what rings is written to such a file. */
static bool would_lose_a_file(struct slice names)
{
	bool any = false;

	while (names.p && !any) {
		struct slice name = slice_trim(slice_cut(&names, ','));
		struct stat status;
		if (!slice_begins(name, SLICE("file:")))
			continue;
		char *path = slice_dup(slice_from(name, 5));
		any = stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
		free(path);
	}
	return any;
}

bool phone_audio_use(struct phone *phone, const char *which_name, struct slice names, bool from_script,
		     struct failure *failure)
{
	const struct setting_row *row;
	enum engine_device which;
	struct buf why;

	if (!kind_find(slice_of(which_name), &which))
		return fail(failure, STATUS_USAGE, "syntax", "'%s' is none of input, output and ringer", which_name);
	if (which != ENGINE_INPUT && slice_begins(slice_trim(names), SLICE("tone:")))
		return fail(failure, STATUS_USAGE, "device",
			    "a tone is a microphone and no loudspeaker: write `audio input %.*s`, and for %s a device, "
			    "null or file:PATH.wav",
			    SLICE_ARG(slice_sub(slice_trim(names), 0, 40)), settings_of[which]);
	if (which == ENGINE_RINGER && would_lose_a_file(names))
		return fail(failure, STATUS_USAGE, "exists",
			    "what rings would be written over that file: a sound to ring with is `contact set NAME "
			    "ring=FILE`");
	row = setting_find(slice_of(settings_of[which]));
	char *before = xstrdup(settings_text(phone->settings, row->name));
	buf_init(&why, sizeof failure->text);
	bool good = settings_set(phone->settings, row, names, &why);
	if (!good)
		fail(failure, STATUS_USAGE, "value", "%s", buf_text(&why));
	sound_forget_lost(phone, which);
	/* Before the first sound only what was chosen is worth an engine. */
	devices_chosen(phone, which);
	if (good && (phone->engine || settings_changed(phone->settings, row->name))) {
		phone->choosing[which] = true;
		enum err err = sound_use_from(phone, which, 0);
		phone->choosing[which] = false;
		if (err && from_script) {
			good = fail(failure, err == ERR_SYNTAX ? STATUS_USAGE : STATUS_SOUND, err_name(err),
				    "%s: '%.*s' cannot be used: %s", row->name, SLICE_ARG(names), sound_err_text(err));
			buf_clear(&why);
			if (settings_set(phone->settings, row, slice_of(before), &why) && phone->engine)
				sound_use_from(phone, which, 0);
		} else if (err) {
			/* What could not take over leaves what plays. */
			const char *now = phone->engine ? engine_device_name(phone->engine, which) : "null";
			bool goes_on = strcmp(now, "null") != 0;
			log_line(phone->log, LOG_WARNING, "%s: '%.*s' cannot be used: %s; %s%s%s %s", row->name,
				 SLICE_ARG(names), sound_err_text(err), goes_on ? "'" : "",
				 goes_on ? now : "silence", goes_on ? "'" : "",
				 goes_on ? "goes on" : "takes its place");
		}
	}
	buf_fini(&why);
	free(before);
	return good;
}

/* ---- levels and tones ---- */

static float factor_of(const struct phone *phone, const char *setting)
{
	int64_t level = settings_number(phone->settings, setting);

	return level == LEVEL_OFF ? 0 : (float)pow(10, (double)level / (20.0 * LEVEL_DB));
}

void sound_apply_levels(struct phone *phone)
{
	struct engine_levels levels = { .microphone = factor_of(phone, "audio.gain"),
					.output = factor_of(phone, "audio.volume"),
					.side_tone = factor_of(phone, "audio.side-tone") };

	if (phone->engine)
		engine_set_levels(phone->engine, &levels);
}

static bool is_wanted(const struct phone *phone, const char *setting, bool by_itself)
{
	const char *value = settings_text(phone->settings, setting);

	return !strcmp(value, "on") || (by_itself && !strcmp(value, "auto"));
}

void sound_apply_cleaning(struct phone *phone)
{
	struct cleaner_settings settings;

	if (!phone->engine)
		return;
	settings.echo = is_wanted(phone, "audio.echo-cancel", devices_may_echo(phone));
	settings.noise = is_wanted(phone, "audio.noise-suppress", settings.echo);
	settings.gain = is_wanted(phone, "audio.gain-control", settings.echo);
	engine_set_cleaning(phone->engine, &settings);
}

/* "de_CH.UTF-8" -> "CH" */
static struct slice locale_country(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);
		struct slice text = slice_of(value);
		if (!value || !*value)
			continue;
		slice_cut(&text, '_');
		return slice_sub(text, 0, 2);
	}
	return (struct slice){ 0 };
}

void sound_apply_country(struct phone *phone)
{
	const char *wanted = settings_text(phone->settings, "tones.country");

	if (!phone->engine)
		return;
	char *country = strcmp(wanted, "auto") ? xstrdup(wanted) : slice_dup(locale_country());
	if (!engine_set_country(phone->engine, country))
		engine_set_country(phone->engine, "us");
	free(country);
}

/* ---- a test of the devices ---- */

bool phone_audio_test(struct phone *phone, struct failure *failure)
{
	struct engine *engine = phone_engine(phone);

	if (!engine)
		return fail(failure, STATUS_SOUND, "descriptors", "sound cannot begin: %s", err_text(ERR_DESCRIPTORS));
	return engine_probe(engine) || fail(failure, STATUS_SOUND, "state", "a test is under way already");
}

static double tenths(double value)
{
	return (double)(int64_t)(value * 10 + (value < 0 ? -0.5 : 0.5)) / 10;
}

void sound_probed(struct phone *phone, const struct probe_result *result)
{
	struct event *event = events_add(phone->events, EVENT_AUDIO_TEST, 0);

	event_text(event, "input", slice_of(result->input));
	event_text(event, "output", slice_of(result->output));
	event_number(event, "noise", tenths(result->noise_db));
	event_number(event, "loudest", tenths(result->loudest_db));
	event_number(event, "played", tenths(result->played_db));
	if (result->round_trip_ms < 0)
		return;
	event_number(event, "level", tenths(result->heard_db));
	event_number(event, "round-trip", tenths(result->round_trip_ms) / 1000);
}

/* ---- the list of devices ---- */

struct listing {
	struct list_node node; /* of the phone's listings */
	struct timer limit;
	struct loop_child *child;
	struct phone *phone;
	phone_device_h *each;
	void *arg;
	bool failed; /* it was told why */
};

static bool in_use(const struct phone *phone, enum engine_device which, const char *name)
{
	const char *now = phone->engine ? engine_device_name(phone->engine, which)
					: settings_text(phone->settings, settings_of[which]);

	return !strcmp(now, name);
}

static void list_built_in(struct listing *listing)
{
	listing->each(listing->arg, "null", "input output ringer",
		      in_use(listing->phone, ENGINE_INPUT, "null") || in_use(listing->phone, ENGINE_OUTPUT, "null"));
	/* What is in use and no helper lists: tone:440, file:x.wav. */
	for (int i = 0; i < ENGINE_DEVICES; i++) {
		const char *name =
			listing->phone->engine ? engine_device_name(listing->phone->engine, (enum engine_device)i) : "";
		if (!strncmp(name, "tone:", 5) || !strncmp(name, "file:", 5))
			listing->each(listing->arg, name, kinds[i], true);
	}
}

/* A line of the helper: in|out TAB default|- TAB host API TAB rate TAB name. */
static void list_line(struct listing *listing, struct slice line)
{
	struct slice side = slice_cut(&line, '\t'), standard = slice_cut(&line, '\t');
	bool input = slice_eq(side, SLICE("in"));

	slice_cut(&line, '\t');
	slice_cut(&line, '\t');
	if (!line.n)
		return;
	char *name = clean(line);
	bool used = input ? in_use(listing->phone, ENGINE_INPUT, name)
			  : in_use(listing->phone, ENGINE_OUTPUT, name) || in_use(listing->phone, ENGINE_RINGER, name);
	if (slice_eq(standard, SLICE("default")))
		used |= in_use(listing->phone, input ? ENGINE_INPUT : ENGINE_OUTPUT, "default");
	listing->each(listing->arg, name, input ? "input" : "output", used);
	free(name);
}

static void listing_free(struct listing *listing)
{
	timer_stop(listing->phone->timers, &listing->limit);
	list_remove(&listing->node);
	free(listing);
}

static void listed(void *arg, int status, const char *output, size_t bytes)
{
	struct listing *listing = arg;
	struct slice text = slice_make(output, bytes);

	if (!status && !listing->failed)
		devices_listed(listing->phone, text);
	if (!listing->each) {
		listing_free(listing);
		return;
	}
	list_built_in(listing);
	while (text.n)
		list_line(listing, slice_cut(&text, '\n'));
	if (status)
		log_line(listing->phone->log, LOG_WARNING,
			 "the sound system of this host could not be asked (status %d)", status);
	listing->each(listing->arg, NULL, NULL, false);
	listing_free(listing);
}

static void list_takes_too_long(void *arg)
{
	struct listing *listing = arg;

	loop_child_kill(listing->child);
	listing->child = NULL;
	listing->failed = true;
	if (listing->each)
		log_line(listing->phone->log, LOG_WARNING, "the sound system of this host does not answer");
	listed(listing, 0, "", 0);
}

void sound_free(struct phone *phone)
{
	for (int i = 0; i < ENGINE_DEVICES; i++)
		sound_forget_lost(phone, (enum engine_device)i);
	while (!list_empty(&phone->listings)) {
		struct listing *listing = LIST_ENTRY(list_first(&phone->listings), struct listing, node);
		loop_child_kill(listing->child);
		/* Whoever asked is told that no more comes: it may hold memory for it. */
		if (listing->each)
			listing->each(listing->arg, NULL, NULL, false);
		listing_free(listing);
	}
}

void phone_audio_list(struct phone *phone, phone_device_h *each, void *arg)
{
	struct listing *listing = xcalloc(1, sizeof *listing);
	char *program = helper_program(), verb[] = "list";
	char *argv[] = { program, verb, NULL };
	enum err err = ERR_NOT_FOUND;

	*listing = (struct listing){ .phone = phone, .each = each, .arg = arg };
	list_append(&phone->listings, &listing->node);
	/* A sound server may hang; nobody waits for it for ever. */
	timer_start(phone->timers, &listing->limit, LIST_LIMIT_US, list_takes_too_long, listing);
	if (program)
		listing->child = loop_run_child(phone->loop, argv, listed, listing, &err);
	if (!listing->child) {
		listing->failed = true;
		if (each)
			log_line(phone->log, LOG_WARNING,
				 "offhook-sound cannot be run: %s; only the built-in devices are here", err_text(err));
		listed(listing, 0, "", 0);
	}
	free(program);
}

void phone_codecs(const struct phone *phone, phone_codec_h *each, void *arg)
{
	const char *names = settings_text(phone->settings, "media.codecs");
	struct slice rest = slice_of(names), word;
	bool listed_already[MEDIA_CODECS] = { false };

	while (slice_list_word(&rest, &word))
		for (int i = 0; i < MEDIA_CODECS; i++)
			if (media_codec_means(word, (enum media_codec)i) && !listed_already[i]) {
				each(arg, media_codec_word((enum media_codec)i), true);
				listed_already[i] = true;
			}
	for (int i = 0; i < MEDIA_CODECS; i++)
		if (!listed_already[i])
			each(arg, media_codec_word((enum media_codec)i), false);
}

bool phone_codecs_set(struct phone *phone, struct slice names, struct failure *failure)
{
	char *before = xstrdup(settings_text(phone->settings, "media.codecs"));
	bool good = phone_set(phone, SLICE("media.codecs"), names, false, failure);
	bool changed = good && strcmp(before, settings_text(phone->settings, "media.codecs")) != 0;

	free(before);
	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		if (changed && call_is_up(call) && !call_codecs(call) && good)
			good = call_offer_again(call, false, failure);
	}
	return good;
}

void sound_told_busy(struct phone *phone, int complexity)
{
	struct event *event = events_add(phone->events, EVENT_BUSY, 0);

	event_text(event, "state", complexity < ENGINE_COMPLEXITY_MOST ? SLICE("on") : SLICE("off"));
	event_number(event, "complexity", complexity);
}
