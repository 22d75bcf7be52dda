/* invocation: what the rows' functions share. */
#include "base/xmalloc.h"
#include "command/internal.h"

#include <jansson.h>
#include <string.h>

enum command_result invocation_end(struct invocation *invocation, bool good)
{
	(void)invocation;
	return good ? COMMAND_DONE : COMMAND_FAILED;
}

enum command_result invocation_end_call(struct invocation *invocation, bool good, unsigned call)
{
	if (good && call && call != ALL_CALLS)
		invocation->result = json_pack("{s:i}", "call", (int)call);
	return invocation_end(invocation, good);
}

enum command_result invocation_fail(struct invocation *invocation, enum exit_status status, const char *reason,
				    const char *format, ...)
{
	va_list args;
	char text[sizeof invocation->failure.text];

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fail(&invocation->failure, status, reason, "%s", text);
	return COMMAND_FAILED;
}

static bool fits(const struct call_view *view, enum call_need need)
{
	switch (need) {
	case NEED_RINGING:
		return view->state == CALL_INCOMING;
	case NEED_HELD:
		return view->to_be_held;
	default:
		return view->state != CALL_ENDED && view->state != CALL_FAILED;
	}
}

/*
 * A script means its own call where that one will do: the handler of `incoming` answers the call that fired it. The
 * prompt, and a script whose call will not do, leave it to the phone: the only ringing one, the selected one.
 */
bool invocation_call(struct invocation *invocation, const char *word, enum call_need need, unsigned *call)
{
	struct runner *runner = invocation->runner;
	struct call_view view;

	*call = 0;
	if (word) {
		/* Alone it stands plain, but `hangup call=2` is as clear. */
		if (slice_begins(slice_of(word), SLICE("call=")))
			word += strlen("call=");
		*call = phone_find_call(invocation->phone, slice_of(word));
		if (!*call && !strcmp(word, "all"))
			return fail(&invocation->failure, STATUS_USAGE, "one-call",
				    "`%s` takes one call: write its number%s", invocation->command->name,
				    strstr(invocation->command->name, "mute") ? ", or nothing for the microphone of all"
									      : "");
		return *call || fail(&invocation->failure, STATUS_CALL, "no-such-call", "there is no call %.60s", word);
	}
	if (runner_is_interactive(runner) || !runner->call)
		return true;
	if (need == NEED_ANY || (phone_view_call(invocation->phone, runner->call, &view) && fits(&view, need)))
		*call = runner->call;
	return true;
}

const char **invocation_headers(const struct invocation *invocation)
{
	const char **headers = xcalloc(invocation->option_count + 1, sizeof *headers), *value;

	for (size_t i = 0; (value = invocation_option(invocation, "header", i)); i++)
		headers[i] = value;
	return headers;
}

char *invocation_rest(const struct invocation *invocation, const char *separator)
{
	struct buf text;

	buf_init(&text, LINE_MAX_BYTES);
	for (size_t i = 0; i < invocation->rest_count; i++)
		buf_printf(&text, "%s%s", i ? separator : "", invocation->rest[i]);
	return buf_take(&text);
}

bool invocation_say_also(struct invocation *invocation, enum call_meant meant, unsigned *call)
{
	const char **headers = invocation_headers(invocation);
	struct request_words words = { .headers = headers,
				       .type = slice_of(invocation_option(invocation, "type", 0)),
				       .body = slice_of(invocation_option(invocation, "body", 0)) };
	bool good = (!headers[0] && !words.type.n && !words.body.n) ||
		    phone_say_also(invocation->phone, meant, call, &words, &invocation->failure);

	free(headers);
	return good;
}

enum command_result invocation_with_call(struct invocation *invocation, const char *word, enum call_need need,
					 bool (*run)(struct phone *phone, unsigned *call, struct failure *failure))
{
	enum call_meant meant = need == NEED_RINGING ? MEANT_RINGING : need == NEED_HELD ? MEANT_HELD : MEANT_SELECTED;
	unsigned call;
	bool good = invocation_call(invocation, word, need, &call) && invocation_say_also(invocation, meant, &call) &&
		    run(invocation->phone, &call, &invocation->failure);

	if (good && call && call != ALL_CALLS)
		invocation->runner->call = call;
	return invocation_end_call(invocation, good, call);
}
