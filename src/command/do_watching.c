/* What is going on, and what went wrong. */
#include "base/xmalloc.h"
#include "command/argument.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>

static json_t *call_object(const struct call_view *view)
{
	json_t *object =
		json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b}", "call", (int)view->number, "id",
			  view->id ? view->id : "", "direction", view->incoming ? "in" : "out", "state",
			  call_state_name(view->state), "name", view->name ? view->name : "", "uri",
			  view->uri ? view->uri : "", "selected", (int)view->selected, "muted", (int)view->muted,
			  "held", (int)view->held_by_us, "remote-held", (int)view->held_by_peer);

	if (!object)
		return json_null();
	json_object_set_new(object, "account", json_string(view->account ? view->account : ""));
	json_object_set_new(object, "code", json_integer(view->code));
	json_object_set_new(object, "reason", json_string(view->reason ? view->reason : ""));
	json_object_set_new(object, "duration", json_real(view->duration_s));
	json_object_set_new(object, "codec", json_string(view->codec ? view->codec : ""));
	json_object_set_new(object, "recording", json_string(*view->recording ? view->recording : "off"));
	json_object_set_new(object, "plays", json_boolean(view->plays));
	json_object_set_new(object, "conference", json_boolean(view->in_conference));
	if (view->joins)
		json_object_set_new(object, "join", json_integer(view->joins));
	/* The peer's reports bring the round trip and some packets the MOS: until then they are not 0 but unknown. */
	if (view->has_media) {
		json_object_set_new(object, "loss", json_real(view->loss));
		json_object_set_new(object, "jitter", json_real(view->jitter_ms / 1000));
		json_object_set_new(object, "rtt", view->rtt_ms >= 0 ? json_real(view->rtt_ms / 1000) : json_null());
		json_object_set_new(object, "mos", view->mos > 0 ? json_real(view->mos) : json_null());
	}
	return object;
}

static void *calls_list(struct phone *phone)
{
	size_t room = phone_calls(phone, NULL, 0);
	struct call_view *views = xcalloc(room + 1, sizeof *views);
	size_t count = phone_calls(phone, views, room);
	json_t *list = json_array();

	for (size_t i = 0; i < count && i < room; i++)
		json_array_append_new(list, call_object(&views[i]));
	free(views);
	return list;
}

static void *settings_list(struct phone *phone, struct slice prefix)
{
	json_t *list = json_array();

	for (size_t i = 0; i < setting_count; i++) {
		const char *name = setting_rows[i].name;
		if (slice_begins(slice_of(name), prefix))
			json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "name", name, "value",
							      settings_text(phone_settings(phone), name), "changed",
							      (int)settings_changed(phone_settings(phone), name)));
	}
	return list;
}

static void show_handlers(struct invocation *invocation)
{
	json_t *list = json_array();

	LIST_EACH(&invocation->commands->handlers, node) {
		const struct handler *handler = LIST_ENTRY(node, struct handler, node);
		if (handler->dead)
			continue;
		struct buf patterns;
		buf_init(&patterns, 4096);
		for (size_t i = 0; i < handler->filter.pattern_count; i++) {
			buf_printf(&patterns, " %s=", handler->filter.patterns[i].key);
			words_quote(&patterns, slice_of(handler->filter.patterns[i].pattern), false);
		}
		buf_printf(invocation->out, "on %s%s as %s do %s\n", handler->event, buf_text(&patterns), handler->name,
			   handler->command);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", handler->name, "event", handler->event,
						      "command", handler->command));
		buf_fini(&patterns);
	}
	if (!json_array_size(list))
		buf_printf(invocation->out, "no handlers\n");
	invocation->result = list;
}

static void show_log(struct invocation *invocation)
{
	struct events *events = phone_events(invocation->phone);
	uint64_t last = events_last(events);
	const struct event *event;
	json_t *list = json_array();

	/* The last hundred, in words. */
	for (uint64_t number = last > 100 ? last - 100 : 0; (event = events_next(events, number));
	     number = event->number) {
		json_t *object = event_object(event);
		buf_printf(invocation->out, "%.12s ", json_string_value(json_object_get(object, "time")) + 11);
		event_sentence(event, invocation->out);
		buf_add_char(invocation->out, '\n');
		json_array_append_new(list, object);
	}
	if (!json_array_size(list))
		buf_printf(invocation->out, "nothing has happened yet\n");
	invocation->result = list;
}

/* Views that show all there is; whoever names one of it shall not take the whole for that. */
static bool shows_all(const char *what)
{
	return choice_has("calls|subscriptions|transactions|dialogs|contacts|quality|log|handlers|version",
			  slice_of(what));
}

static enum command_result do_show(struct invocation *invocation)
{
	const char *what = invocation->values[0], *argument = invocation->values[1];

	if (argument && shows_all(what))
		return invocation_fail(invocation, STATUS_USAGE, "too-many",
				       "'%.60s' is one word too many: `show %s` shows all of them", argument, what);
	if (!strcmp(what, "handlers")) {
		show_handlers(invocation);
		return COMMAND_DONE;
	}
	if (!strcmp(what, "log")) {
		show_log(invocation);
		return COMMAND_DONE;
	}
	if (!strcmp(what, "messages"))
		return invocation_messages(invocation, argument);
	if (!strcmp(what, "ladder"))
		return invocation_ladder(invocation, argument);
	if (!strcmp(what, "calls"))
		invocation->result = calls_list(invocation->phone);
	else if (!strcmp(what, "settings"))
		invocation->result = settings_list(invocation->phone, slice_of(argument));
	return invocation_end(invocation, phone_show(invocation->phone, slice_of(what), slice_of(argument),
						     invocation->out, &invocation->failure));
}

static enum command_result do_why(struct invocation *invocation)
{
	const char *subject = invocation->values[0];
	char number[16];

	/* A script asks about its own call. */
	if (!subject && !runner_is_interactive(invocation->runner) && invocation->runner->call) {
		snprintf(number, sizeof number, "%u", invocation->runner->call);
		subject = number;
	}
	return invocation_end(invocation,
			      phone_why(invocation->phone, slice_of(subject), invocation->out, &invocation->failure));
}

const struct command watching_commands[] = {
	{ .name = "show",
	  .group = "watching",
	  .run = do_show,
	  .arguments = { { .name = "WHAT",
			   .kind = ARG_CHOICE,
			   .choices = ""
				      "calls|call|accounts|registrations|subscriptions|transactions|dialogs|media|"
				      "contacts|history|messages|quality|ladder|log|handlers|settings|version",
			   .text = "what to show" },
			 { .name = "ARGUMENT",
			   .kind = ARG_SUBJECT,
			   .optional = true,
			   .text = "a call, an account, whose messages, or how the settings begin" } },
	  .summary = "show what the phone knows",
	  .text = "Some views take an argument: `show call 2`, `show ladder 2`, `show settings media.`",
	  .examples = { "show calls", "show settings audio." } },
	{ .name = "why",
	  .group = "watching",
	  .run = do_why,
	  .arguments = { { .name = "SUBJECT", .kind = ARG_SUBJECT, .optional = true, .text = "a call or an account" } },
	  .summary = "explain what went wrong",
	  .text = "In a sentence or two, with what to do. Without SUBJECT what went wrong last.",
	  .examples = { "why", "why 2" } },
	{ .name = "doctor",
	  .group = "watching",
	  .run = doctor_begin,
	  .summary = "try everything and tell what is wrong",
	  .text = "Opens the sockets, registers each account (the name resolves, connects, answers, its certificate), "
		  "asks its registrar by OPTIONS, tells what NAT makes of our address, lists the sound devices, plays "
		  "three chirps to the loudspeaker and measures what the microphone says before and hears of them, and "
		  "calls the echo test when no call is up. A row each, with what to do; the exit status is 3, 4, 6 or "
		  "7 for the first that is BAD. A program gets the rows with what was measured; when one is BAD they "
		  "are `data.result` of the error.",
	  .examples = { "doctor" } },
};
const size_t watching_command_count = ARRAY_LEN(watching_commands);
