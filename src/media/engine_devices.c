#include "base/slice.h"
#include "base/xmalloc.h"
#include "media/engine_internal.h"

#include <stdio.h>

static const char *const KINDS[ENGINE_DEVICES] = { "input", "output", "ringer" };

void engine_say_device(struct engine *engine, enum engine_device which, const char *state, const char *why)
{
	struct port *port = &engine->ports[which];

	/* When nobody listens the newest is left out: the state of a device can be asked for. */
	if (engine->message_count == ENGINE_MESSAGES)
		return;
	struct engine_event *event =
		&engine->messages[(engine->message_first + engine->message_count++) % ENGINE_MESSAGES];
	*event = (struct engine_event){ .kind = ENGINE_DEVICE };
	if (why && *why)
		snprintf(event->text, sizeof event->text, "%.60s: %.60s", port->name, why);
	else
		snprintf(event->text, sizeof event->text, "%.120s", port->name);
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
	}
}

static void hand_over(struct engine *engine, enum engine_device which, struct device *device)
{
	struct command command = { .kind = COMMAND_DEVICE };

	engine->ports[which].device = device;
	engine->ports[which].lost = false;
	command.u.port.which = which;
	command.u.port.device = device;
	engine_send_command(engine, &command);
}

static bool is_needed(const struct engine *engine, enum engine_device which)
{
	if (which == ENGINE_RINGER)
		return engine->tone_wanted == TONE_RING;
	if (which == ENGINE_OUTPUT && engine->plays)
		return true;
	if (which == ENGINE_OUTPUT && engine->tone_wanted != TONE_NONE && engine->tone_wanted != TONE_RING)
		return true;
	LIST_EACH(&engine->streams, node) {
		const struct stream *stream = LIST_ENTRY(node, struct stream, loop_node);
		if (!stream->uses_devices)
			continue;
		if (which == ENGINE_INPUT ? stream->sends : stream->receives)
			return true;
	}
	return false;
}

static enum device_side side_of(enum engine_device which)
{
	return which == ENGINE_INPUT ? DEVICE_IN : DEVICE_OUT;
}

static void update(struct engine *engine, enum engine_device which)
{
	struct port *port = &engine->ports[which];
	bool needed = is_needed(engine, which);
	enum err err;

	if (port->kept)
		return;
	if (!needed) {
		port->lost = false; /* another try when it is needed again */
		if (port->device)
			hand_over(engine, which, NULL);
		return;
	}
	if (port->device || port->lost)
		return;
	struct device *device = device_open(side_of(which), port->name, &err);
	if (device) {
		hand_over(engine, which, device);
	} else {
		port->lost = true;
		engine_say_device(engine, which, "failed", err_text(err));
	}
}

void engine_ports_update(struct engine *engine)
{
	for (enum engine_device which = 0; which < ENGINE_DEVICES; which++)
		update(engine, which);
}

static bool is_cheap(const char *name)
{
	struct slice text = slice_of(name);

	return slice_eq(text, SLICE("null")) || slice_begins(text, SLICE("tone:")) ||
	       slice_begins(text, SLICE("file:"));
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
	hand_over(engine, which, device);
	xreplace(&port->name, name);
	port->kept = device != NULL;
	engine_ports_update(engine);
	return ERR_NONE;
}

const char *engine_device_name(const struct engine *engine, enum engine_device which)
{
	const struct port *port = &engine->ports[which];

	return port->lost ? "null" : port->name;
}

void engine_port_told(struct engine *engine, const struct note *note)
{
	enum engine_device which = note->u.health.which;
	struct port *port = &engine->ports[which];

	/* It may have been let go meanwhile. */
	if (!port->device)
		return;
	port->lost = slice_eq(slice_of(note->u.health.state), SLICE("lost"));
	engine_say_device(engine, which, note->u.health.state, note->u.health.text);
}

void engine_set_levels(struct engine *engine, const struct engine_levels *levels)
{
	struct command command = { .kind = COMMAND_LEVELS };

	command.u.levels = *levels;
	engine_send_command(engine, &command);
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
