/*
 * `doctor`: what a person would try one after the other when the phone does not work: the sockets, each account (name,
 * connection, certificate, registration, OPTIONS, what NAT makes of us), the sound devices (which there are, and chirps
 * played to the loudspeaker while the microphone listens), a call to the echo test. One row each, with what to do; the
 * exit status tells.
 */
#include "base/xmalloc.h"
#include "command/internal.h"
#include "loop/loop.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_US = 12000000, LISTEN_US = 2000000, PROBE_US = 15000000, ACCOUNTS_MAX = 32, DEVICES_SHOWN = 16 };
static const double DEAF_DB = -90, LOUD_DB = -25; /* of the microphone before anything is played */

enum step {
	STEP_SOCKETS,
	STEP_ACCOUNT,
	STEP_OPTIONS,
	STEP_DEVICES,
	STEP_PROBE,
	STEP_CALL,
	STEP_MEDIA,
	STEP_SOUND,
	STEP_OVER
};

struct doctor {
	struct runner *runner;
	enum step step;
	size_t account; /* which */
	bool asked;     /* this step has begun its work and waits */
	bool late;      /* and has waited long enough */
	uint64_t cursor;
	unsigned request, call;
	size_t devices;
	bool devices_asked, devices_told; /* asked: the list will come, whatever happens here */
	bool gone;                        /* the command has ended; the list is still to come */
	struct timer timer;
	enum exit_status status;
	json_t *rows;
};

/* ---- rows ---- */

static void row(struct doctor *doctor, const char *mark, enum exit_status status, const char *what, const char *format,
		...) PRINTF_LIKE(5, 6);

/* mark: "ok", "note", "BAD" */
static void row(struct doctor *doctor, const char *mark, enum exit_status status, const char *what, const char *format,
		...)
{
	va_list args;

	va_start(args, format);
	char *detail = xvasprintf(format, args);
	va_end(args);
	buf_printf(&doctor->runner->out, "%-4s  %-24s  %s\n", mark, what, detail);
	json_array_append_new(doctor->rows,
			      json_pack("{s:s, s:s, s:s}", "result", mark, "what", what, "detail", detail));
	if (!doctor->status)
		doctor->status = status;
	free(detail);
}

static void on_late(void *arg)
{
	struct doctor *doctor = arg;

	doctor->late = true;
	loop_again(doctor->runner->commands->loop);
}

static void begin_waiting(struct doctor *doctor, int64_t us)
{
	doctor->asked = true;
	doctor->late = false;
	timer_start(commands_timers(doctor->runner->commands), &doctor->timer, us, on_late, doctor);
}

static void next(struct doctor *doctor, enum step step)
{
	timer_stop(commands_timers(doctor->runner->commands), &doctor->timer);
	doctor->step = step;
	doctor->asked = doctor->late = false;
}

/* ---- the steps: each is called every turn until it goes on to another ---- */

static void try_sockets(struct doctor *doctor)
{
	struct phone *phone = doctor->runner->commands->phone;
	struct failure failure = { 0 };
	struct buf text;

	buf_init(&text, 4096);
	if (phone_start(phone, &failure)) {
		/* Where they are: the port that the setting names may be another program's. */
		phone_listens(phone, "", " ", &text);
		row(doctor, "ok", STATUS_OK, "sockets", "%.*s", SLICE_ARG(slice_trim(buf_slice(&text))));
	} else {
		row(doctor, "BAD", STATUS_NETWORK, "sockets", "%s", failure.text);
	}
	buf_fini(&text);
	next(doctor, STEP_ACCOUNT);
}

static bool account_now(struct doctor *doctor, struct account_view *view)
{
	struct account_view views[ACCOUNTS_MAX];
	size_t count = phone_accounts(doctor->runner->commands->phone, views, ACCOUNTS_MAX);

	if (doctor->account >= count || doctor->account >= ACCOUNTS_MAX)
		return false;
	*view = views[doctor->account];
	return true;
}

static void tell_registration(struct doctor *doctor, const struct account_view *view)
{
	static const struct {
		const char *cause, *what;
		enum exit_status status;
	} parts[] = { { "dns", "name resolves", STATUS_NETWORK },
		      { "connect", "connects", STATUS_NETWORK },
		      { "timeout", "answers", STATUS_NETWORK },
		      { "tls", "certificate", STATUS_NETWORK } };
	struct failure failure;
	struct buf why;
	char face[128] = "";

	if (!strcmp(view->state, "registered")) {
		row(doctor, "ok", STATUS_OK, view->name, "registered at %s, %u s left", view->registrar,
		    view->expires_left_s);
		if (phone_account_face(doctor->runner->commands->phone, slice_of(view->name), face, sizeof face))
			row(doctor, "note", STATUS_OK, "NAT", "the registrar sees us as %s: that is our Contact", face);
		else
			row(doctor, "ok", STATUS_OK, "NAT", "none on the way to the registrar");
		return;
	}
	buf_init(&why, 4096);
	(void)!phone_why(doctor->runner->commands->phone, slice_of(view->name), &why, &failure);
	const char *what = "registers";
	enum exit_status status = STATUS_REGISTER;
	for (size_t i = 0; view->cause && i < ARRAY_LEN(parts); i++)
		if (!strcmp(view->cause, parts[i].cause)) {
			/* Those before it went well. */
			for (size_t k = 0; k < i && i != 2; k++)
				row(doctor, "ok", STATUS_OK, parts[k].what, "%s", view->registrar);
			what = parts[i].what;
			status = parts[i].status;
		}
	row(doctor, "BAD", status, what, "%.*s", SLICE_ARG(slice_trim(buf_slice(&why))));
	buf_fini(&why);
}

static void try_account(struct doctor *doctor)
{
	struct account_view view;
	struct failure failure = { 0 };

	if (!account_now(doctor, &view)) {
		if (!doctor->account)
			row(doctor, "note", STATUS_OK, "accounts", "none: `account add ADDRESS` makes you reachable");
		next(doctor, STEP_DEVICES);
		return;
	}
	if (view.no_registrar) {
		row(doctor, "note", STATUS_OK, view.name, "it does not register (registrar=none)");
		doctor->account++;
		next(doctor, STEP_ACCOUNT);
		return;
	}
	if (!doctor->asked && strcmp(view.state, "registered") != 0) {
		begin_waiting(doctor, STEP_US);
		if (!phone_register(doctor->runner->commands->phone, slice_of(view.name), &failure)) {
			row(doctor, "note", STATUS_OK, view.name, "%s", failure.text);
			next(doctor, STEP_OPTIONS);
		}
		return;
	}
	bool pending = !strcmp(view.state, "registering") || !strcmp(view.state, "unregistered");
	if (pending && !doctor->late)
		return;
	if (pending)
		row(doctor, "BAD", STATUS_NETWORK, view.name, "no answer of %s so far", view.registrar);
	else
		tell_registration(doctor, &view);
	next(doctor, strcmp(view.state, "registered") ? STEP_ACCOUNT : STEP_OPTIONS);
	doctor->account += doctor->step == STEP_ACCOUNT;
}

static const struct event *response_to(struct doctor *doctor)
{
	struct events *events = phone_events(doctor->runner->commands->phone);
	const struct event *event;

	for (; (event = events_next(events, doctor->cursor)); doctor->cursor = event->number) {
		const char *request = event->kind == EVENT_RESPONSE ? event_value(event, "request") : NULL;
		if (request && strtoul(request, NULL, 10) == doctor->request)
			return event;
	}
	return NULL;
}

static void try_options(struct doctor *doctor)
{
	struct phone *phone = doctor->runner->commands->phone;
	struct account_view view;
	struct failure failure = { 0 };

	if (!account_now(doctor, &view)) {
		next(doctor, STEP_DEVICES);
		return;
	}
	if (!doctor->asked) {
		doctor->cursor = events_last(phone_events(phone));
		begin_waiting(doctor, STEP_US);
		if (phone_options(phone, slice_of(view.registrar), NULL, &doctor->request, &failure))
			return;
		row(doctor, "note", STATUS_OK, "OPTIONS", "%s", failure.text);
	} else {
		const struct event *event = response_to(doctor);
		if (!event && !doctor->late)
			return;
		const char *code = event ? event_value(event, "code") : NULL,
			   *duration = event ? event_value(event, "duration") : NULL;
		const char *cause = event ? event_value(event, "cause") : NULL;
		if (code && cause && !strcmp(cause, "response"))
			row(doctor, "ok", STATUS_OK, "OPTIONS", "%s answers %s in %.0f ms", view.registrar, code,
			    1000 * atof(duration ? duration : "0"));
		else
			row(doctor, "note", STATUS_OK, "OPTIONS", "%s does not answer them", view.registrar);
	}
	doctor->account++;
	next(doctor, STEP_ACCOUNT);
}

/* ---- sound ---- */

static void on_device(void *arg, const char *name, const char *kind, bool in_use)
{
	struct doctor *doctor = arg;

	if (doctor->gone) {
		if (!name)
			free(doctor);
		return;
	}
	if (!name) {
		doctor->devices_told = true;
		loop_again(doctor->runner->commands->loop);
		return;
	}
	if (strcmp(name, "null") != 0 && doctor->devices++ < DEVICES_SHOWN)
		row(doctor, "ok", STATUS_OK, kind, "%s%s", name, in_use ? ", in use" : "");
}

static void try_devices(struct doctor *doctor)
{
	if (!doctor->asked) {
		begin_waiting(doctor, STEP_US);
		doctor->devices_asked = true;
		phone_audio_list(doctor->runner->commands->phone, on_device, doctor);
	}
	if (!doctor->devices_told && !doctor->late)
		return;
	if (!doctor->devices_told)
		row(doctor, "BAD", STATUS_SOUND, "sound",
		    "the sound system does not answer: `set audio.output null` goes on without it");
	else if (!doctor->devices)
		row(doctor, "note", STATUS_OK, "sound",
		    "no device was found: calls are silent here. Is a sound server running, and are you in the group "
		    "audio? `audio` lists again");
	else if (doctor->devices > DEVICES_SHOWN)
		row(doctor, "ok", STATUS_OK, "sound", "and %zu devices more: `audio` lists them all",
		    doctor->devices - DEVICES_SHOWN);
	next(doctor, STEP_PROBE);
}

/* ---- chirps: what the loudspeaker gets, what the microphone hears ---- */

/* The device that should be there is not: silence has taken its place. @return false: it is there */
static bool tell_missing(struct doctor *doctor, const char *what, const char *verb, const char *now)
{
	char setting[32];

	snprintf(setting, sizeof setting, "audio.%s", verb);
	const char *wanted = settings_text(phone_settings(doctor->runner->commands->phone), setting);
	if (strcmp(now, "null") != 0)
		return false;
	if (!strcmp(wanted, "null"))
		row(doctor, "note", STATUS_OK, what, "null, which is silence, as %s says: `audio %s NAME` chooses one",
		    setting, verb);
	else if (!strcmp(wanted, "default"))
		row(doctor, "note", STATUS_OK, what,
		    "the system has none that can be used, so it is silence: plug one in, or choose one by `audio %s "
		    "NAME`",
		    verb);
	else
		row(doctor, "BAD", STATUS_SOUND, what,
		    "'%s' cannot be used, so it is silence: plug it in, or choose another by `audio %s NAME`", wanted,
		    verb);
	return true;
}

static void measured(struct doctor *doctor, const char *key, double value)
{
	json_t *last = json_array_get(doctor->rows, json_array_size(doctor->rows) - 1);

	json_object_set_new(last, key, json_real(value));
}

static double number_of(const struct event *event, const char *key, double otherwise)
{
	const char *value = event_value(event, key);

	return value ? strtod(value, NULL) : otherwise;
}

/* @return false: nothing can be heard of it */
static bool tell_loudspeaker(struct doctor *doctor, const struct event *event)
{
	const char *name = event_value(event, "output");
	double played = number_of(event, "played", -127);

	if (tell_missing(doctor, "loudspeaker", "output", name ? name : "null"))
		return false;
	if (played < DEAF_DB)
		row(doctor, "BAD", STATUS_SOUND, "loudspeaker",
		    "%s: audio.volume is %s, nothing can be heard: `volume 0dB`", name,
		    settings_text(phone_settings(doctor->runner->commands->phone), "audio.volume"));
	else
		row(doctor, "ok", STATUS_OK, "loudspeaker",
		    "%s: three chirps at %.0f dB; if you heard none, turn it up or choose another by `audio output "
		    "NAME`",
		    name, played);
	measured(doctor, "level", played);
	return played >= DEAF_DB;
}

/* @return false: it says nothing */
static bool tell_microphone(struct doctor *doctor, const struct event *event)
{
	const char *name = event_value(event, "input");
	double noise = number_of(event, "noise", -127), loudest = number_of(event, "loudest", -127);

	if (tell_missing(doctor, "microphone", "input", name ? name : "null"))
		return false;
	/* Some are digital silence while it is quiet: deaf is what never says anything. */
	if (loudest < DEAF_DB)
		row(doctor, "BAD", STATUS_SOUND, "microphone",
		    "%s: says nothing at all: switch it on where it is muted, let the system permit it, or choose "
		    "another by `audio input NAME`",
		    name);
	else if (noise > LOUD_DB && strncmp(name, "tone:", 5) && strncmp(name, "file:", 5))
		row(doctor, "note", STATUS_OK, "microphone",
		    "%s: %.0f dB although nothing was played: if the room is quiet, turn it down by `gain down`", name,
		    noise);
	else
		row(doctor, "ok", STATUS_OK, "microphone",
		    "%s: %.0f dB while nothing was played, %.0f dB at its loudest", name, noise, loudest);
	measured(doctor, "level", noise);
	measured(doctor, "loudest", loudest);
	return loudest >= DEAF_DB;
}

static void tell_echo(struct doctor *doctor, const struct event *event)
{
	bool cancels =
		strcmp(settings_text(phone_settings(doctor->runner->commands->phone), "audio.echo-cancel"), "off") != 0;

	if (!event_value(event, "level")) {
		row(doctor, "ok", STATUS_OK, "echo",
		    "the microphone does not hear the loudspeaker: right with a headset; without one turn the "
		    "loudspeaker up");
		return;
	}
	row(doctor, cancels ? "ok" : "note", STATUS_OK, "echo",
	    "the microphone hears the loudspeaker at %.0f dB, %.0f ms later: both work%s", number_of(event, "level", 0),
	    number_of(event, "round-trip", 0) * 1000,
	    cancels ? "; if others hear themselves, `set audio.echo-cancel on` or take a headset"
		    : ". Others hear themselves: `set audio.echo-cancel on`, or take a headset");
	measured(doctor, "level", number_of(event, "level", -127));
	measured(doctor, "round-trip", number_of(event, "round-trip", 0));
}

static const struct event *probed(struct doctor *doctor)
{
	struct events *events = phone_events(doctor->runner->commands->phone);
	const struct event *event;

	for (; (event = events_next(events, doctor->cursor)); doctor->cursor = event->number)
		if (event->kind == EVENT_AUDIO_TEST)
			return event;
	return NULL;
}

static void try_probe(struct doctor *doctor)
{
	struct phone *phone = doctor->runner->commands->phone;
	struct failure failure = { 0 };

	if (!doctor->asked) {
		doctor->cursor = events_last(phone_events(phone));
		begin_waiting(doctor, PROBE_US);
		if (!phone_audio_test(phone, &failure)) {
			row(doctor, "note", STATUS_OK, "loudspeaker", "not tried: %s", failure.text);
			next(doctor, STEP_CALL);
		}
		return;
	}
	const struct event *event = probed(doctor);
	if (!event && !doctor->late)
		return;
	if (!event) {
		row(doctor, "BAD", STATUS_SOUND, "loudspeaker",
		    "the sound devices do not move on: unplug them and plug them in again, or go on without: `set "
		    "audio.output null`");
	} else {
		bool sounds = tell_loudspeaker(doctor, event), hears = tell_microphone(doctor, event);
		if (sounds && hears)
			tell_echo(doctor, event);
	}
	next(doctor, STEP_CALL);
}

/* ---- the echo test ---- */

/* Nobody is put on hold for this. */
static unsigned call_that_is_up(const struct phone *phone)
{
	struct call_view views[64];
	size_t count = phone_calls(phone, views, ARRAY_LEN(views));

	for (size_t i = 0; i < count && i < ARRAY_LEN(views); i++)
		if (!phone_call_ended(phone, views[i].number))
			return views[i].number;
	return 0;
}

static void try_call(struct doctor *doctor)
{
	struct phone *phone = doctor->runner->commands->phone;
	struct failure failure = { 0 };
	struct call_view view;

	if (!doctor->asked) {
		unsigned other = call_that_is_up(phone);
		begin_waiting(doctor, STEP_US);
		if (other) {
			row(doctor, "note", STATUS_OK, "echo test",
			    "not called, for call %u is up: `hangup all`, and `doctor` again", other);
			next(doctor, STEP_OVER);
		} else if (!phone_call(phone, SLICE("echo"), NULL, &doctor->call, NULL, &failure)) {
			row(doctor, "BAD", STATUS_CALL, "echo test", "%s", failure.text);
			next(doctor, STEP_OVER);
		}
		return;
	}
	bool up = phone_view_call(phone, doctor->call, &view) && view.state == CALL_ANSWERED;
	if (!up && !doctor->late && !phone_call_ended(phone, doctor->call))
		return;
	if (up) {
		next(doctor, STEP_MEDIA);
		return;
	}
	row(doctor, "BAD", STATUS_CALL, "echo test", "it does not answer, although it is within this program");
	next(doctor, STEP_OVER);
}

static void try_media(struct doctor *doctor)
{
	struct call_view view = { 0 };
	bool heard = phone_view_call(doctor->runner->commands->phone, doctor->call, &view) && view.has_media;

	if (!doctor->asked)
		begin_waiting(doctor, STEP_US);
	if (!heard && !doctor->late)
		return;
	if (!heard)
		row(doctor, "BAD", STATUS_CALL, "echo test", "answered, but no sound comes back");
	next(doctor, heard ? STEP_SOUND : STEP_OVER);
}

static void try_sound(struct doctor *doctor)
{
	struct phone *phone = doctor->runner->commands->phone;
	struct failure failure;
	struct call_view view;

	if (!doctor->asked)
		begin_waiting(doctor, LISTEN_US);
	if (!doctor->late)
		return;
	if (phone_view_call(phone, doctor->call, &view)) {
		row(doctor, "ok", STATUS_OK, "echo test", "%s, %.1f %% lost, MOS %.1f", view.codec, view.loss * 100,
		    view.mos);
		measured(doctor, "loss", view.loss);
		measured(doctor, "mos", view.mos);
	}
	(void)!phone_hangup(phone, &doctor->call, &failure);
	next(doctor, STEP_OVER);
}

/* ---- the whole ---- */

void doctor_abandon(struct doctor *doctor)
{
	struct failure failure;

	timer_stop(commands_timers(doctor->runner->commands), &doctor->timer);
	if (doctor->call && !phone_call_ended(doctor->runner->commands->phone, doctor->call))
		(void)!phone_hangup(doctor->runner->commands->phone, &doctor->call, &failure);
	json_decref(doctor->rows);
	doctor->gone = true;
	if (!doctor->devices_asked || doctor->devices_told)
		free(doctor);
}

/* For who does not see the table: a program that asked. */
static const char *bad_rows(const struct doctor *doctor, char text[300])
{
	size_t n = 0, at;
	json_t *bad;

	snprintf(text, 300, ": see the rows marked BAD");
	if (!doctor->runner->current->reply.send)
		return text;
	json_array_foreach(doctor->rows, at, bad)
	{
		if (strcmp(json_string_value(json_object_get(bad, "result")), "BAD") || n > 200)
			continue;
		n += (size_t)snprintf(text + n, 300 - n, "%s %s: %.120s", n ? ";" : ":",
				      json_string_value(json_object_get(bad, "what")),
				      json_string_value(json_object_get(bad, "detail")));
	}
	return text;
}

enum command_result doctor_poll(struct doctor *doctor)
{
	static void (*const steps[])(struct doctor *) = { try_sockets, try_account, try_options, try_devices,
							  try_probe,   try_call,    try_media,   try_sound };
	struct invocation *invocation = &doctor->runner->invocation;
	enum step before;
	char text[300];

	do {
		before = doctor->step;
		steps[before](doctor);
	} while (doctor->step != before && doctor->step != STEP_OVER);
	if (doctor->step != STEP_OVER)
		return COMMAND_WAITS;
	invocation->result = json_incref(doctor->rows);
	if (!doctor->status)
		return COMMAND_DONE;
	/* The table is what the failure has to say, too. */
	if (doctor->runner->output.result && !doctor->runner->current->reply.send)
		doctor->runner->output.result(doctor->runner->output.arg, doctor->runner, invocation,
					      buf_text(&doctor->runner->out));
	return invocation_fail(invocation, doctor->status, "doctor", "something is wrong%s", bad_rows(doctor, text));
}

enum command_result doctor_begin(struct invocation *invocation)
{
	struct doctor *doctor = xcalloc(1, sizeof *doctor);

	doctor->runner = invocation->runner;
	doctor->rows = json_array();
	invocation->runner->wait.kind = WAIT_DOCTOR;
	invocation->runner->wait.doctor = doctor;
	enum command_result result = doctor_poll(doctor);
	if (result != COMMAND_WAITS)
		wait_fini(invocation->runner);
	return result;
}
