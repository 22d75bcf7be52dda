#include "base/xmalloc.h"
#include "command/argument.h"
#include "command/internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = { "id",   "from", "to",    "account", "code",   "reason", "digit",
				     "text", "file", "event", "call",    "status", NULL };

_Static_assert(ARRAY_LEN(names) == ADOPTED_COUNT + 3, "each adopted value has its name, $call and $status follow");

const char *const *variable_names(void)
{
	return names;
}

void runner_adopt_value(struct runner *runner, enum adopted which, struct slice value)
{
	free(runner->adopted[which]);
	runner->adopted[which] = value.n ? slice_dup(value) : NULL;
}

void runner_adopt(struct runner *runner, const struct event *event)
{
	/* What belonged to another call says nothing about this one. */
	if (event->call && event->call != runner->adopted_call)
		for (int i = ADOPTED_ID; i <= ADOPTED_REASON; i++)
			runner_adopt_value(runner, (enum adopted)i, (struct slice){ NULL, 0 });
	if (event->call)
		runner->adopted_call = event->call;
	for (int i = 0; i < ADOPTED_EVENT; i++)
		if (event_value(event, names[i]))
			runner_adopt_value(runner, (enum adopted)i, slice_of(event_value(event, names[i])));
	runner_adopt_value(runner, ADOPTED_EVENT, slice_of(event_name(event->kind)));
}

/* What no event has told yet comes from the call itself. */
static void from_call(const struct runner *runner, enum adopted which, struct buf *value)
{
	struct call_view view;

	if (!runner->call || !phone_view_call(runner->commands->phone, runner->call, &view))
		return;
	switch (which) {
	case ADOPTED_ID:
		buf_printf(value, "%s", view.id);
		break;
	case ADOPTED_FROM:
		buf_printf(value, "%s", view.incoming ? view.uri : "");
		break;
	case ADOPTED_TO:
		buf_printf(value, "%s", view.incoming ? "" : view.uri);
		break;
	case ADOPTED_ACCOUNT:
		buf_printf(value, "%s", view.account ? view.account : "");
		break;
	case ADOPTED_CODE:
		if (view.code)
			buf_printf(value, "%u", view.code);
		break;
	case ADOPTED_REASON:
		buf_printf(value, "%s", view.reason ? view.reason : "");
		break;
	default:
		break;
	}
}

static bool phone_variable(const struct runner *runner, struct slice name, struct buf *value, bool *network)
{
	for (int i = 0; i < ADOPTED_COUNT; i++) {
		if (!slice_eq(slice_of(names[i]), name))
			continue;
		*network = true;
		if (runner->adopted[i] && (i > ADOPTED_REASON || !runner->call ||
					   runner->call == runner->adopted_call || !runner->adopted_call))
			buf_printf(value, "%s", runner->adopted[i]);
		else
			from_call(runner, (enum adopted)i, value);
		return true;
	}
	if (slice_eq(name, SLICE("call"))) {
		if (runner->call)
			buf_printf(value, "%u", runner->call);
		return true;
	}
	if (slice_eq(name, SLICE("status"))) {
		buf_printf(value, "%d", runner->last_status);
		return true;
	}
	return false;
}

/* $0, $1 ... and $# of a command file. */
static bool file_argument(const struct runner *runner, struct slice name, struct buf *value)
{
	const struct item *script = runner_script(runner);
	size_t count = script && script->word_count ? script->word_count - 1 : 0;
	uint64_t place;

	if (slice_eq(name, SLICE("#"))) {
		buf_printf(value, "%zu", count);
		return true;
	}
	if (!slice_to_u64(name, 1000000, &place))
		return false;
	if (script && place < script->word_count)
		buf_printf(value, "%s", script->words[place]);
	else if (place == 0)
		buf_printf(value, "%s", runner->name);
	return true;
}

bool runner_expand(void *arg, struct slice name, struct buf *value, bool *network, struct failure *failure)
{
	const struct runner *runner = arg;
	const struct variable *variable = variable_find(runner->commands, name);
	unsigned call = runner_is_interactive(runner) ? 0 : runner->call;
	double number;
	bool is_number;

	if (variable) {
		buf_printf(value, "%s", variable->value);
		*network = variable->network;
		return true;
	}
	if (file_argument(runner, name, value) || phone_variable(runner, name, value, network))
		return true;
	if (quantity_is_known(name)) {
		*network = !setting_find(name);
		if (!phone_quantity(runner->commands->phone, call, name, value, &number, &is_number))
			buf_clear(value);
		return true;
	}
	char *key = slice_dup(name);
	const char *text = getenv(key);
	free(key);
	if (text) {
		buf_printf(value, "%s", text);
		return true;
	}
	return fail(failure, STATUS_USAGE, "variable", "$%.*s: no such variable; `let %.*s VALUE` makes one",
		    SLICE_ARG(slice_sub(name, 0, 60)), SLICE_ARG(slice_sub(name, 0, 60)));
}
