/* The sound devices: their list, for which the helper is asked, and whether those that a script has named are there. */
#include "base/xmalloc.h"
#include "command/internal.h"

#include <jansson.h>
#include <string.h>

/* ---- the list ---- */

struct device_request {
	struct list_node node;
	struct commands *commands; /* NULL: gone meanwhile */
	struct runner *runner;     /* NULL: nobody waits any more, the names are for completion */
	char **names, **kinds;
	bool *in_use;
	size_t count;
	bool inside, done;    /* phone_audio_list() has not returned; the last name has come */
	const char *sides[2]; /* not NULL: the runner wants to use `wish` as these, if it is there */
	char *wish;
};

static void request_free(struct device_request *request)
{
	list_remove(&request->node);
	for (size_t i = 0; i < request->count; i++) {
		free(request->names[i]);
		free(request->kinds[i]);
	}
	free(request->names);
	free(request->kinds);
	free(request->in_use);
	free(request->wish);
	free(request);
}

static void forget_names(struct commands *commands)
{
	for (size_t i = 0; i < commands->device_count; i++) {
		free(commands->devices[i]);
		free(commands->device_kinds[i]);
	}
	free(commands->devices);
	free(commands->device_kinds);
	commands->devices = commands->device_kinds = NULL;
	commands->device_count = 0;
}

static void keep_names(struct device_request *request)
{
	struct commands *commands = request->commands;

	forget_names(commands);
	commands->devices = xcalloc(request->count + 1, sizeof *commands->devices);
	commands->device_kinds = xcalloc(request->count + 1, sizeof *commands->device_kinds);
	for (size_t i = 0; i < request->count; i++) {
		commands->device_kinds[commands->device_count] = xstrdup(request->kinds[i]);
		commands->devices[commands->device_count++] = xstrdup(request->names[i]);
	}
}

static void print_devices(struct invocation *invocation, const struct device_request *request)
{
	json_t *list = json_array();

	for (size_t i = 0; i < request->count; i++) {
		buf_printf(invocation->out, "%s %-22s %s\n", request->in_use[i] ? "*" : " ", request->kinds[i],
			   request->names[i]);
		json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "name", request->names[i], "kind",
						      request->kinds[i], "used", (int)request->in_use[i]));
	}
	invocation->result = list;
}

/*
 * ---- a device that a script names must be there ----
 *
 * The engine opens it at the first sound, which may never come, and the list takes a moment that a script which dials
 * must not lose. So the script goes on, and ends with status 6 when the list does not have the name; it has not ended
 * before the list is there.
 */

struct device_check {
	struct list_node node;
	struct runner *runner;
	const char *sides[2]; /* "input", "output", "ringer"; the second may be NULL */
	char *names;
	struct buf where, shown; /* of the command that named it */
};

static void check_free(struct device_check *check)
{
	check->runner->device_checks--;
	list_remove(&check->node);
	free(check->names);
	buf_fini(&check->where);
	buf_fini(&check->shown);
	free(check);
}

/* Exactly its name, or the part of a name that no other has: so the helper finds it too. */
static bool is_listed(const struct device_request *request, const char *side, struct slice wish)
{
	char *name = slice_dup(wish);
	size_t hits = 0;
	bool exact = false;

	for (size_t i = 0; i < request->count; i++) {
		bool fits = strstr(request->kinds[i], !strcmp(side, "input") ? "input" : "output") != NULL;
		exact |= fits && !strcmp(request->names[i], name);
		hits += fits && strcasestr(request->names[i], name);
	}
	free(name);
	return exact || hits == 1;
}

static bool any_listed(const struct device_request *request, const char *side, const char *names)
{
	struct slice rest = slice_of(names);

	while (rest.n)
		if (is_listed(request, side, slice_trim(slice_cut(&rest, ','))))
			return true;
	return false;
}

/* All of these sides are there, or a failure that names those that are not, once. */
static bool all_listed(const struct device_request *request, const char *const sides[2], const char *names,
		       struct failure *failure)
{
	const char *missing[2] = { NULL, NULL };
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(missing) && sides[i]; i++)
		if (!any_listed(request, sides[i], names))
			missing[count++] = sides[i];
	return !count ||
	       fail(failure, STATUS_SOUND, "device",
		    "audio.%s%s%s: '%.100s' cannot be used: no device, or more than one, has that in its name; "
		    "`audio` lists them",
		    missing[0], missing[1] ? " and audio." : "", missing[1] ? missing[1] : "", names);
}

static void settle_check(struct device_check *check, const struct device_request *request)
{
	struct runner *runner = check->runner;
	struct failure failure = { 0 };

	if (all_listed(request, check->sides, check->names, &failure)) {
		check_free(check);
		runner_run(runner);
		return;
	}
	char *where = buf_take(&check->where), *shown = buf_take(&check->shown);
	check_free(check);
	runner_fail(runner, where, shown, &failure);
	free(where);
	free(shown);
}

/* Telling may free runners and their checks with them: always the first of those that are left. */
static void settle_checks(const struct device_request *request)
{
	struct list *checks = &request->commands->device_checks;

	while (!list_empty(checks))
		settle_check(LIST_ENTRY(list_first(checks), struct device_check, node), request);
}

void devices_forget_checks(struct runner *runner)
{
	LIST_EACH(&runner->commands->device_checks, node) {
		struct device_check *check = LIST_ENTRY(node, struct device_check, node);
		if (check->runner == runner)
			check_free(check);
	}
}

/* A wish list with one of these can always be fulfilled, at the worst with a warning. */
static bool needs_no_device(struct slice names)
{
	static const char *const built_in[] = { "default", "null", "tone:", "file:" };

	while (names.n) {
		struct slice wish = slice_trim(slice_cut(&names, ','));
		for (size_t i = 0; i < ARRAY_LEN(built_in); i++)
			if (slice_begins(wish, slice_of(built_in[i])))
				return true;
	}
	return false;
}

/* @return true: the answer came at once */
static bool ask(struct commands *commands, struct runner *runner, const char *const sides[2], struct slice wish);

/* The list has come, and somebody waits to use what stands there. */
static enum command_result use_listed(struct invocation *invocation, const struct device_request *request)
{
	if (!all_listed(request, request->sides, request->wish, &invocation->failure))
		return COMMAND_FAILED;
	for (size_t i = 0; i < ARRAY_LEN(request->sides) && request->sides[i]; i++)
		if (!phone_audio_use(invocation->phone, request->sides[i], slice_of(request->wish), true,
				     &invocation->failure))
			return COMMAND_FAILED;
	return COMMAND_DONE;
}

/* Whoever asked for an answer gets it when the list is there. */
static enum command_result use_for_an_answer(struct invocation *invocation, const char *side, const char *also,
					     struct slice names)
{
	struct runner *runner = invocation->runner;
	const char *const sides[] = { side, also };

	runner->wait.kind = WAIT_DEVICES;
	if (!ask(invocation->commands, runner, sides, names))
		return COMMAND_WAITS;
	wait_fini(runner);
	return invocation->failure.text[0] ? COMMAND_FAILED : COMMAND_DONE;
}

static void check_later(struct invocation *invocation, const char *side, const char *also, struct slice names)
{
	struct runner *runner = invocation->runner;
	struct device_check *check = xcalloc(1, sizeof *check);

	check->runner = runner;
	check->sides[0] = side;
	check->sides[1] = also;
	check->names = slice_dup(names);
	buf_init(&check->where, 8192);
	buf_init(&check->shown, 2 * LINE_MAX_BYTES);
	runner_place(runner, 0, &check->where, &check->shown);
	runner->device_checks++;
	list_append(&invocation->commands->device_checks, &check->node);
	devices_ask(invocation->commands);
}

enum command_result devices_use(struct invocation *invocation, const char *side, const char *also, struct slice names)
{
	struct runner *runner = invocation->runner;

	if (runner->current->reply.send && !runner->bound.go_on && !runner->current->go_on && !needs_no_device(names))
		return use_for_an_answer(invocation, side, also, names);
	/* At the prompt and in the configuration it is a warning. */
	bool from_script = strcmp(runner->name, "config") != 0 && !runner_is_interactive(runner);
	if (!phone_audio_use(invocation->phone, side, names, from_script, &invocation->failure) ||
	    (also && !phone_audio_use(invocation->phone, also, names, from_script, &invocation->failure)))
		return COMMAND_FAILED;
	if (from_script && !runner->bound.go_on && !runner->current->go_on && !needs_no_device(names))
		check_later(invocation, side, also, names);
	return COMMAND_DONE;
}

static void on_device(void *arg, const char *name, const char *kind, bool in_use)
{
	struct device_request *request = arg;

	if (name) {
		size_t n = request->count++;
		request->names = xrealloc(request->names, request->count * sizeof *request->names);
		request->kinds = xrealloc(request->kinds, request->count * sizeof *request->kinds);
		request->in_use = xrealloc(request->in_use, request->count * sizeof *request->in_use);
		request->names[n] = xstrdup(name);
		request->kinds[n] = xstrdup(kind ? kind : "");
		request->in_use[n] = in_use;
		return;
	}
	request->done = true;
	if (request->commands) {
		keep_names(request);
		settle_checks(request);
	}
	struct runner *runner = request->runner; /* only now: settling may have ended it */
	if (runner && runner->wait.devices == request) {
		enum command_result result = COMMAND_DONE;
		runner->wait.devices = NULL;
		if (request->wish)
			result = use_listed(&runner->invocation, request);
		else
			print_devices(&runner->invocation, request);
		if (!runner->running)
			runner_resume(runner, result);
	}
	if (!request->inside)
		request_free(request);
}

static bool ask(struct commands *commands, struct runner *runner, const char *const sides[2], struct slice wish)
{
	struct device_request *request = xcalloc(1, sizeof *request);

	request->commands = commands;
	request->runner = runner;
	request->inside = true;
	if (sides) {
		request->sides[0] = sides[0];
		request->sides[1] = sides[1];
		request->wish = slice_dup(wish);
	}
	if (runner)
		runner->wait.devices = request;
	phone_audio_list(commands->phone, on_device, request);
	request->inside = false;
	if (request->done) {
		request_free(request);
		return true;
	}
	list_append(&commands->device_requests, &request->node);
	return false;
}

void devices_ask(struct commands *commands)
{
	if (list_empty(&commands->device_requests))
		ask(commands, NULL, NULL, (struct slice){ 0 });
}

void devices_forget(struct commands *commands)
{
	forget_names(commands);
	/* They live until the phone has called back. */
	LIST_EACH(&commands->device_requests, node) {
		struct device_request *request = LIST_ENTRY(node, struct device_request, node);
		list_remove(node);
		request->commands = NULL;
		request->runner = NULL;
	}
}

void devices_abandon(struct device_request *request)
{
	request->runner = NULL;
}

enum command_result devices_begin(struct invocation *invocation)
{
	struct runner *runner = invocation->runner;

	runner->wait.kind = WAIT_DEVICES;
	if (ask(invocation->commands, runner, NULL, (struct slice){ 0 })) {
		wait_fini(runner);
		return COMMAND_DONE;
	}
	return COMMAND_WAITS;
}
