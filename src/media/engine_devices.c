#include "base/slice.h"
#include "base/xmalloc.h"
#include "media/audio/helper.h"
#include "media/engine_internal.h"

#include <stdio.h>
#include <string.h>

static const char *const KINDS[ENGINE_DEVICES] = { "input", "output", "ringer" };

static void say_device(struct engine *engine, enum engine_device which, const char *name, const char *state,
		       const char *why)
{
	/* When nobody listens the newest is left out: the state of a device can be asked for. */
	if (engine->message_count == ENGINE_MESSAGES)
		return;
	struct engine_event *event =
		&engine->messages[(engine->message_first + engine->message_count++) % ENGINE_MESSAGES];
	*event = (struct engine_event){ .kind = ENGINE_DEVICE };
	if (why && *why)
		snprintf(event->text, sizeof event->text, "%.60s: %.60s", name, why);
	else
		snprintf(event->text, sizeof event->text, "%.120s", name);
	snprintf(event->kind_text, sizeof event->kind_text, "%s", KINDS[which]);
	snprintf(event->state, sizeof event->state, "%s", state);
	engine_ring_bell(engine->event_fd);
}

void engine_ports_init(struct engine *engine)
{
	for (int i = 0; i < ENGINE_DEVICES; i++) {
		engine->ports[i].name = xstrdup("null");
		engine->ports[i].kept = true;
	}
}

/* The media thread has let go of everything by now. */
void engine_ports_fini(struct engine *engine)
{
	for (int i = 0; i < ENGINE_DEVICES; i++) {
		free(engine->ports[i].name);
		device_close(engine->slots[i].device);
		device_close(engine->slots[i].next);
		device_close(engine->slots[i].old);
	}
}

static void hand_over(struct engine *engine, enum engine_device which, struct device *device)
{
	struct command command = { .kind = COMMAND_DEVICE };

	engine->ports[which].device = device;
	engine->ports[which].lost = engine->ports[which].missing = engine->ports[which].stale = false;
	command.u.port.which = which;
	command.u.port.device = device;
	engine_send_command(engine, &command);
}

static bool is_needed(const struct engine *engine, enum engine_device which)
{
	if (which == ENGINE_RINGER)
		return engine->tone_wanted == TONE_RING;
	if (engine->probes || (which == ENGINE_OUTPUT && engine->plays))
		return true;
	if (which == ENGINE_OUTPUT && engine->tone_wanted != TONE_NONE && engine->tone_wanted != TONE_RING)
		return true;
	return engine->users[which] > 0;
}

void engine_ports_count(struct engine *engine, struct stream *stream)
{
	bool there = stream->uses_devices && !stream->removed, says = there && stream->sends,
	     hears = there && stream->receives;

	engine->users[ENGINE_INPUT] += says - stream->uses_input;
	engine->users[ENGINE_OUTPUT] += hears - stream->uses_output;
	stream->uses_input = says;
	stream->uses_output = hears;
}

static enum device_side side_of(enum engine_device which)
{
	return which == ENGINE_INPUT ? DEVICE_IN : DEVICE_OUT;
}

static bool wants_open(const struct port *port)
{
	return !port->kept && (!port->device || port->stale) && !port->lost;
}

static void open_one(struct engine *engine, enum engine_device which)
{
	struct port *port = &engine->ports[which];
	enum err err;
	struct device *device = device_open(side_of(which), port->name, &err);

	if (device) {
		hand_over(engine, which, device);
		return;
	}
	if (port->device)
		hand_over(engine, which, NULL);
	port->lost = port->missing = true;
	say_device(engine, which, port->name, "failed", err_text(err));
}

/* A microphone and a loudspeaker of one name are one card: one stream, one clock. */
static bool is_card(const struct engine *engine)
{
	const struct port *in = &engine->ports[ENGINE_INPUT], *out = &engine->ports[ENGINE_OUTPUT];

	return !in->kept && !out->kept && strcmp(in->name, out->name) == 0;
}

static bool open_card(struct engine *engine)
{
	struct device *devices[2];
	enum err err;

	/* Where that fails each is tried alone, and tells why. */
	if (!helper_card_open(engine->ports[ENGINE_INPUT].name, engine->ports[ENGINE_OUTPUT].name, devices, &err))
		return false;
	hand_over(engine, ENGINE_INPUT, devices[0]);
	hand_over(engine, ENGINE_OUTPUT, devices[1]);
	return true;
}

void engine_ports_update(struct engine *engine)
{
	bool card = is_card(engine), needed[ENGINE_DEVICES];

	for (enum engine_device which = 0; which < ENGINE_DEVICES; which++)
		needed[which] = is_needed(engine, which);
	if (card)
		needed[ENGINE_INPUT] = needed[ENGINE_OUTPUT] = needed[ENGINE_INPUT] || needed[ENGINE_OUTPUT];
	for (enum engine_device which = 0; which < ENGINE_DEVICES; which++) {
		struct port *port = &engine->ports[which];
		if (port->kept || needed[which])
			continue;
		port->lost = false; /* another try when it is needed again */
		if (port->device)
			hand_over(engine, which, NULL);
	}
	if (card && needed[ENGINE_INPUT] && wants_open(&engine->ports[ENGINE_INPUT]) &&
	    wants_open(&engine->ports[ENGINE_OUTPUT]))
		open_card(engine);
	for (enum engine_device which = 0; which < ENGINE_DEVICES; which++)
		if (needed[which] && wants_open(&engine->ports[which]))
			open_one(engine, which);
}

static bool is_cheap(const char *name)
{
	struct slice text = slice_of(name);

	return slice_eq(text, SLICE("null")) || slice_begins(text, SLICE("tone:")) ||
	       slice_begins(text, SLICE("file:"));
}

/* What is open goes on until the new one lives. */
static void choose_anew(struct engine *engine, enum engine_device which)
{
	engine->ports[which].stale = engine->ports[which].device != NULL;
	if (which == ENGINE_RINGER || !is_card(engine))
		return;
	for (enum engine_device side = ENGINE_INPUT; side <= ENGINE_OUTPUT; side++) {
		engine->ports[side].stale = engine->ports[side].device != NULL;
		engine->ports[side].lost = false;
	}
}

enum err engine_use(struct engine *engine, enum engine_device which, const char *name)
{
	struct port *port = &engine->ports[which];
	struct device *device = NULL;
	enum err err = ERR_NONE;

	if (!name || !*name)
		return ERR_SYNTAX;
	/* A file is opened at once, so that a wrong name is told to whom gave it; a card only when it is needed. */
	if (is_cheap(name) && !(device = device_open(side_of(which), name, &err)))
		return err;
	xreplace(&port->name, name);
	port->kept = device != NULL;
	port->lost = false;
	if (device)
		hand_over(engine, which, device);
	else
		choose_anew(engine, which);
	engine_ports_update(engine);
	return ERR_NONE;
}

const char *engine_device_name(const struct engine *engine, enum engine_device which)
{
	const struct port *port = &engine->ports[which];

	return port->lost ? "null" : port->name;
}

bool engine_device_is_lost(const struct engine *engine, enum engine_device which)
{
	return engine->ports[which].lost;
}

bool engine_device_is_missing(const struct engine *engine, enum engine_device which)
{
	return engine->ports[which].lost && engine->ports[which].missing;
}

/* The one before goes on, unless yet another was chosen meanwhile. */
static void next_failed(struct engine *engine, const struct note *note)
{
	struct port *port = &engine->ports[note->u.health.which];
	const struct device *failed = note->u.health.next;

	say_device(engine, note->u.health.which, failed->name ? failed->name : port->name, "failed",
		   note->u.health.text);
	if (port->device != failed)
		return;
	port->device = note->u.health.device;
	if (port->device->name)
		xreplace(&port->name, port->device->name);
}

void engine_port_told(struct engine *engine, const struct note *note)
{
	enum engine_device which = note->u.health.which;
	struct port *port = &engine->ports[which];
	struct slice state = slice_of(note->u.health.state);

	/* It may have been let go meanwhile. */
	if (!port->device)
		return;
	if (note->u.health.next) {
		next_failed(engine, note);
		return;
	}
	bool runaway = slice_eq(state, SLICE("runaway"));
	if (runaway)
		hand_over(engine, which, NULL);
	port->missing = slice_eq(state, SLICE("missing"));
	port->lost = port->missing || runaway || slice_eq(state, SLICE("lost"));
	say_device(engine, which, port->name, port->missing ? "failed" : port->lost ? "lost" : "back",
		   note->u.health.text);
}

void engine_set_levels(struct engine *engine, const struct engine_levels *levels)
{
	struct command command = { .kind = COMMAND_LEVELS };

	command.u.levels = *levels;
	engine_send_command(engine, &command);
}

void engine_set_cleaning(struct engine *engine, const struct cleaner_settings *settings)
{
	struct command command = { .kind = COMMAND_CLEANER };
	struct cleaner_settings *now = &engine->cleaning;

	/* One that has learnt the room is not thrown away for another like it. */
	if (now->echo == settings->echo && now->noise == settings->noise && now->gain == settings->gain)
		return;
	*now = *settings;
	command.u.cleaner = cleaner_new(settings);
	engine_send_command(engine, &command);
}

bool engine_probe(struct engine *engine)
{
	struct command command = { .kind = COMMAND_PROBE };

	if (engine->probes)
		return false;
	engine->probes = true;
	engine_ports_update(engine);
	command.u.probe = probe_new();
	engine_send_command(engine, &command);
	return true;
}

bool engine_set_country(struct engine *engine, const char *country)
{
	struct command command = { .kind = COMMAND_COUNTRY };

	if (!tone_country_find(slice_of(country), &command.u.country))
		return false;
	engine_send_command(engine, &command);
	return true;
}

void engine_tone(struct engine *engine, enum engine_tone tone)
{
	struct command command = { .kind = COMMAND_TONE };

	engine->tone_wanted = tone;
	engine_ports_update(engine);
	command.u.tone = tone;
	engine_send_command(engine, &command);
}
