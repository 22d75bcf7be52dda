#include "ui/show.h"

#include <string.h>

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "ui/terminal.h"
#include "ui/text.h"

enum { WRAPPED_MAX = 1 << 26 };

/* A device in use that goes is a warning, which says what takes its place; of others that go nobody need know. */
static bool warning_tells(const struct event *event)
{
	const char *state = event->kind == EVENT_DEVICE ? event_value(event, "state") : NULL;

	return state && (!strcmp(state, "lost") || !strcmp(state, "missing") || !strcmp(state, "removed"));
}

bool show_event(struct phone *phone, const struct event *event, bool all)
{
	const char *which = settings_text(phone_settings(phone), "events.show");

	return show_event_if(which, event, all);
}

bool show_event_if(const char *which, const struct event *event, bool all)
{
	if (!strcmp(which, "none"))
		return false;
	if (all || !strcmp(which, "all"))
		return true;
	if (warning_tells(event))
		return false;
	switch (event->kind) {
	case EVENT_TRYING:
	case EVENT_RESPONSE: /* the command that asked tells */
	case EVENT_AUDIO_TEST:
	case EVENT_CODEC:
		return false;
	case EVENT_REINVITE: /* remote-held says it better; whoever sent one by hand wants to know */
	case EVENT_UPDATE:
		return event_value(event, "direction") && !strcmp(event_value(event, "direction"), "out") &&
		       !event_value(event, "refresh");
	case EVENT_CONNECTION:
	case EVENT_NOTIFY: /* the event of its package tells */
		return event->call != 0;
	default:
		return true;
	}
}

bool show_asks_instead(struct phone *phone, const struct event *event)
{
	const char *name = event->kind == EVENT_REGISTER_FAILED ? event_value(event, "account") : NULL;
	struct account_view view;

	return name && phone_view_account(phone, slice_of(name), &view) && view.needs_password;
}

const char *show_what_to_do(struct phone *phone, const struct event *event)
{
	if (event->kind != EVENT_INCOMING ||
	    strcmp(settings_text(phone_settings(phone), "call.auto-answer"), "off"))
		return "";
	return ": `answer` takes it, `reject` refuses it";
}

char *show_error(const struct runner *runner, const char *where, const struct failure *failure)
{
	const char *line = runner_shown_line(runner);
	bool ends = !*line || line[strlen(line) - 1] == '\n';

	return xasprintf("%s%s\n%s%s", where && *where ? where : "offhook: ", failure->text, line, ends ? "" : "\n");
}

const char *show_hint(struct phone *phone)
{
	if (phone_accounts(phone, NULL, 0))
		return NULL;
	return "Welcome. `call echo` talks to the built-in echo, `help` shows what there is, `account add ADDRESS` "
	       "makes you reachable.";
}

char *show_cleaned(const char *text)
{
	struct buf clean;

	buf_init(&clean, strlen(text) + 2);
	utf8_clean(&clean, slice_of(text), true);
	if (clean.n && clean.p[clean.n - 1] != '\n')
		buf_add_char(&clean, '\n');
	return buf_take(&clean);
}

char *show_wrapped(const char *text, int fd)
{
	char *clean = show_cleaned(text);
	struct buf wrapped;
	int rows, cols;

	if (!terminal_size(fd, &rows, &cols))
		return clean;
	buf_init(&wrapped, WRAPPED_MAX);
	text_wrap(&wrapped, slice_of(clean), (size_t)cols);
	free(clean);
	return buf_take(&wrapped);
}

size_t show_call_count(struct phone *phone)
{
	return phone_calls(phone, NULL, 0);
}
