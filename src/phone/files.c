/* Files played in calls, and calls recorded to files. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NAME_MAX_BYTES = 200, PATH_MAX_BYTES = 4000, TRIES_MAX = 10000 };

const char *sound_err_text(enum err err)
{
	return err == ERR_LIBRARY ? "libsndfile cannot be opened: is it installed?" : err_text(err);
}

/* ---- playing ---- */

static bool play_failed(struct failure *failure, const char *path, enum err err)
{
	const char *why = err == ERR_NOT_FOUND     ? "there is no such file"
			  : err == ERR_UNSUPPORTED ? "it is no WAV, FLAC, Ogg or Opus file that can be read"
			  : err == ERR_IO          ? "it is no regular file"
						   : sound_err_text(err);

	return fail(failure, STATUS_SOUND, err_name(err), "'%.200s' cannot be played: %s", path, why);
}

static bool parse_to(const char *to, unsigned *how, struct failure *failure)
{
	if (!to || !strcmp(to, "peer"))
		*how |= PLAY_TO_PEER;
	else if (!strcmp(to, "me"))
		*how |= PLAY_TO_ME;
	else if (!strcmp(to, "both"))
		*how |= PLAY_TO_PEER | PLAY_TO_ME;
	else
		return fail(failure, STATUS_USAGE, "choice", "to= is peer, me or both, not '%.40s'", to);
	return true;
}

bool phone_play(struct phone *phone, unsigned *number, const char *path, const char *to, bool mix,
		struct failure *failure)
{
	unsigned how = mix ? PLAY_MIXED : 0;
	struct call *call = NULL;

	if (!parse_to(to, &how, failure))
		return false;
	/* To me a file can be played without any call. */
	bool alone = !(how & PLAY_TO_PEER) && !*number && !phone->selected;
	if (!alone && !call_meant(phone, number, &call, failure))
		return false;
	if (call && !call->media.stream)
		return fail(failure, STATUS_CALL, "not-answered", "call %u has no sound yet", call->number);
	struct engine *engine = phone_engine(phone);
	if (!engine)
		return fail(failure, STATUS_SOUND, "descriptors", "sound cannot begin: %s", err_text(ERR_DESCRIPTORS));
	enum err err = engine_play(engine, call ? call->media.stream : NULL, path, how);
	if (err == ERR_STATE)
		return fail(failure, STATUS_CALL, "state", "call %u sends no sound now: is it on hold?", *number);
	return err ? play_failed(failure, path, err) : true;
}

bool phone_stop(struct phone *phone, unsigned *number, struct failure *failure)
{
	struct call *call = NULL;

	if ((*number || phone->selected) && !call_meant(phone, number, &call, failure))
		return false;
	if (call && call->media.stream && engine_is_playing(phone->engine, call->media.stream))
		return engine_stop_playing(phone->engine, call->media.stream);
	if (phone->engine && engine_stop_playing(phone->engine, NULL))
		return true;
	return call ? fail(failure, STATUS_CALL, "state", "nothing is played in call %u", call->number)
		    : fail(failure, STATUS_CALL, "state", "nothing is played");
}

/* ---- the name of a recording ---- */

/* Who the peer is, in words that may stand in a file name. */
static void add_user(const struct call *call, struct buf *name)
{
	struct sip_uri uri;
	struct slice user = slice_of(call->is_echo ? "echo" : call->uri);

	if (!call->is_echo && sip_uri_parse(user, &uri, NULL))
		user = uri.user.n ? uri.user : uri.host;
	while (user.n && user.p[0] == '.')
		user = slice_from(user, 1);
	for (size_t i = 0; i < user.n && i < NAME_MAX_BYTES; i++) {
		unsigned char c = (unsigned char)user.p[i];
		if (c >= ' ' && c != '/' && c != 127)
			buf_add_char(name, user.p[i]);
	}
	if (!user.n)
		buf_printf(name, "unknown");
}

static void add_time(struct buf *name)
{
	time_t now = time(NULL);
	struct tm local;
	char text[32];

	localtime_r(&now, &local);
	strftime(text, sizeof text, "%Y%m%d-%H%M%S", &local);
	buf_printf(name, "%s", text);
}

/* %u who the peer is, %t the time, %n the call's number, %% a percent sign. */
static bool expand(const struct call *call, const char *pattern, struct buf *name, struct failure *failure)
{
	for (; *pattern; pattern++) {
		if (*pattern != '%') {
			buf_add_char(name, *pattern);
			continue;
		}
		switch (*++pattern) {
		case 'u':
			add_user(call, name);
			break;
		case 't':
			add_time(name);
			break;
		case 'n':
			buf_printf(name, "%u", call->number);
			break;
		case '%':
			buf_add_char(name, '%');
			break;
		default:
			return fail(failure, STATUS_USAGE, "syntax",
				    "after %% in the name of a recording comes u (who), t (time), n (the call's "
				    "number) or another %%");
		}
	}
	if (name->full)
		return fail(failure, STATUS_USAGE, "too-big", "the name of the recording is too long");
	return true;
}

static void make_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return;
	char *folder = slice_dup(slice_make(path, (size_t)(slash - path)));
	make_folder(folder);
	free(folder);
}

/* "mail/bob.wav" -> "mail/bob-2.wav" for the second */
static char *numbered(const char *path, unsigned n)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');

	if (n < 2)
		return xstrdup(path);
	if (!dot || dot == path || dot[-1] == '/')
		return xasprintf("%s-%u", path, n);
	return xasprintf("%.*s-%u%s", (int)(dot - path), path, n, dot);
}

/* ---- recording ---- */

static bool record_failed(struct failure *failure, const char *path, enum err err)
{
	const char *why = err == ERR_NOT_FOUND ? "there is no such folder"
			  : err == ERR_UNSUPPORTED
				  ? "this libsndfile cannot write that kind of file; .wav and .flac it can"
			  : err == ERR_FULL ? "there is no room on the disk"
					    : sound_err_text(err);

	return fail(failure, STATUS_SOUND, err_name(err), "'%.200s' cannot be written: %s", path, why);
}

/* The first name that is free; nothing is ever overwritten. */
static bool record_to(struct call *call, const char *path, uint64_t max_ms, struct buf *name, struct failure *failure)
{
	enum err err = ERR_EXISTS;

	make_folder_of(path);
	for (unsigned n = 1; err == ERR_EXISTS && n < TRIES_MAX; n++) {
		char *candidate = numbered(path, n);
		err = engine_record(call->phone->engine, call->media.stream, candidate, max_ms);
		if (!err && name)
			buf_printf(name, "%s", candidate);
		free(candidate);
	}
	if (err == ERR_STATE)
		return fail(failure, STATUS_CALL, "state", "call %u is recorded already", call->number);
	return err ? record_failed(failure, path, err) : true;
}

static bool record_call(struct call *call, const char *pattern, int64_t max_us, struct buf *name,
			struct failure *failure)
{
	struct buf path;

	if (!pattern || !*pattern)
		pattern = settings_text(call->phone->settings, "record.file");
	buf_init(&path, PATH_MAX_BYTES);
	bool good = expand(call, pattern, &path, failure) &&
		    record_to(call, buf_text(&path), (uint64_t)(max_us / MS_US), name, failure);
	buf_fini(&path);
	return good;
}

static bool find_with_sound(struct phone *phone, unsigned *number, struct call **call, struct failure *failure)
{
	if (!call_meant(phone, number, call, failure))
		return false;
	return (*call)->media.stream ||
	       fail(failure, STATUS_CALL, "not-answered", "call %u has no sound yet", (*call)->number);
}

bool phone_record_start(struct phone *phone, unsigned *number, const char *pattern, int64_t max_us, struct buf *name,
			struct failure *failure)
{
	struct call *call;

	return find_with_sound(phone, number, &call, failure) && record_call(call, pattern, max_us, name, failure);
}

static bool not_recorded(struct failure *failure, unsigned number)
{
	return fail(failure, STATUS_CALL, "state", "call %u is not recorded", number);
}

bool phone_record_stop(struct phone *phone, unsigned *number, struct failure *failure)
{
	struct call *call;

	if (!find_with_sound(phone, number, &call, failure))
		return false;
	return engine_record_stop(phone->engine, call->media.stream) || not_recorded(failure, *number);
}

bool phone_record_pause(struct phone *phone, unsigned *number, bool paused, struct failure *failure)
{
	struct call *call;

	if (!find_with_sound(phone, number, &call, failure))
		return false;
	return engine_record_pause(phone->engine, call->media.stream, paused) || not_recorded(failure, *number);
}

void call_begin_record(struct call *call)
{
	struct failure failure;

	if (!call->record_to || !call_is_up(call) || !call->media.stream)
		return;
	if (!record_call(call, call->record_to, 0, NULL, &failure))
		log_line(call->phone->log, LOG_ERROR, "call %u: %s", call->number, failure.text);
	xreplace(&call->record_to, NULL);
}

const char *call_recording(const struct call *call)
{
	static const char *const words[] = {
		[RECORDING_NONE] = "", [RECORDING_ON] = "on", [RECORDING_PAUSED] = "paused"
	};

	return call->media.stream ? words[engine_recording(call->media.stream)] : "";
}

bool call_plays(const struct call *call)
{
	return call->media.stream && engine_is_playing(call->phone->engine, call->media.stream);
}

bool phone_is_writing(const struct phone *phone, unsigned call)
{
	return phone->engine && engine_is_writing(phone->engine, (void *)(uintptr_t)call);
}

/* ---- what the engine tells ---- */

void files_engine_event(struct phone *phone, const struct engine_event *from)
{
	bool played = from->kind == ENGINE_PLAYED;
	const struct call *call = call_find(phone, (unsigned)(uintptr_t)from->user);
	struct event *event =
		events_add(phone->events, played ? EVENT_PLAY_DONE : EVENT_RECORD_DONE, call ? call->number : 0);

	if (call)
		event_text(event, "id", slice_of(call->id));
	event_text(event, "file", slice_of(from->path));
	event_number(event, "duration", (double)(int64_t)(from->seconds * 1000 + 0.5) / 1000);
	if (call)
		event_text(event, "from", slice_of(call->is_echo ? "echo" : call->uri));
	if (from->err)
		event_text(event, "reason",
			   slice_of(from->err == ERR_FULL ? "no room on the disk" : err_text(from->err)));
	char *shown = clean(slice_of(from->path));
	if (from->err)
		log_line(phone->log, LOG_ERROR, "the recording '%s' ended: %s; what came before is kept", shown,
			 from->err == ERR_FULL ? "there is no room on the disk" : err_text(from->err));
	else if (from->lost_seconds > 0)
		log_line(phone->log, LOG_WARNING, "the disk was too slow: %.1f s are missing in '%s'",
			 from->lost_seconds, shown);
	free(shown);
}
