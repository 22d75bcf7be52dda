#include "command/rpc.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>

enum { WORDS_MAX = 4096, RPC_BATCH_MAX = 256 };
enum { RPC_PARSE_ERROR = -32700, RPC_INVALID_REQUEST = -32600, RPC_UNKNOWN_METHOD = -32601 };

static json_t *text_value(const char *text)
{
	json_t *value = json_string(text);

	if (!value) { /* no UTF-8 */
		char *clean = utf8_clean_dup(slice_of(text));
		value = json_string(clean);
		free(clean);
	}
	return value;
}

/* Twelve digits are more than anything here was measured with; seventeen would show 1.011 as 1.0109999999999999. */
static char *dump(json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(12));

	json_decref(value);
	return text;
}

static json_t *failure_object(const char *where, const struct failure *failure)
{
	json_t *object = json_object(), *data = json_object();
	char *message = xasprintf("%s%s", where, failure->text);

	json_object_set_new(object, "code", json_integer((int)failure->status));
	json_object_set_new(object, "message", text_value(message));
	json_object_set_new(data, "reason", text_value(failure->reason));
	if (failure->sip)
		json_object_set_new(data, "sip", json_integer(failure->sip));
	json_object_set_new(object, "data", data);
	free(message);
	return object;
}

static json_t *result_object(const struct invocation *invocation, const char *text, bool as_text)
{
	json_t *object;

	if (invocation->result && !as_text)
		return json_incref(invocation->result);
	object = json_object();
	if (text[0]) {
		struct slice lines = slice_of(text);
		while (lines.n && lines.p[lines.n - 1] == '\n')
			lines.n--;
		char *copy = slice_dup(lines);
		json_object_set_new(object, "text", text_value(copy));
		free(copy);
	}
	return object;
}

static void send_reply(struct reply *reply, const char *member, json_t *value)
{
	json_t *message;
	char *line;

	/* A request without an id wants no answer, but whoever counts wants to know that it is done. */
	if (!reply->id) {
		json_decref(value);
		reply->send(reply->arg, NULL);
		return;
	}
	message = json_object();
	json_object_set_new(message, "jsonrpc", json_string("2.0"));
	json_object_set_new(message, "id", reply->id);
	json_object_set_new(message, member, value);
	reply->id = NULL;
	line = dump(message);
	reply->send(reply->arg, line);
	free(line);
}

void rpc_answer(struct reply *reply, const struct invocation *invocation, const char *text)
{
	send_reply(reply, "result", result_object(invocation, text, reply->as_text));
}

void rpc_answer_failure(struct reply *reply, const struct failure *failure)
{
	send_reply(reply, "error", failure_object("", failure));
}

void rpc_answer_failed(struct reply *reply, const struct invocation *invocation)
{
	json_t *object = failure_object("", &invocation->failure);

	/* What it found out all the same. */
	if (invocation->result)
		json_object_set(json_object_get(object, "data"), "result", invocation->result);
	send_reply(reply, "error", object);
}

static void protocol_error(struct reply *reply, int code, const char *reason, const char *text)
{
	json_t *error = json_pack("{s:i, s:s, s:{s:s}}", "code", code, "message", text, "data", "reason", reason);

	if (!reply->id)
		reply->id = json_null();
	send_reply(reply, "error", error);
}

/* "account.add" -> the row of "account add". */
static const struct command *method_row(const char *method)
{
	char name[64];
	size_t n = strlen(method);

	if (n >= sizeof name || strchr(method, ' '))
		return NULL;
	memcpy(name, method, n + 1);
	char *dot = strchr(name, '.');
	if (dot)
		*dot = ' ';
	return table_find(slice_of(name));
}

static void unknown_method(struct reply *reply, const char *method)
{
	struct near near;
	struct buf text;

	if (!reply->id) { /* a notification is never answered */
		reply->send(reply->arg, NULL);
		return;
	}
	buf_init(&text, 300);
	near_init(&near, slice_of(method));
	buf_printf(&text, "%.60s: no such method", method);
	for (size_t i = 0, n = table_count(); i < n; i++)
		near_offer(&near, slice_of(table_row(i)->name));
	/* As methods are spelled: "contact.add". */
	char *best = slice_dup(near.best);
	char *gap = strchr(best, ' ');
	if (gap)
		*gap = '.';
	near.best = slice_of(best);
	near_print(&near, &text);
	free(best);
	char *clean = utf8_clean_dup(buf_slice(&text));
	protocol_error(reply, RPC_UNKNOWN_METHOD, "no-such-method", clean);
	free(clean);
	buf_fini(&text);
}

/* The words of `command`, NULL when they are none; free(). They live as long as params. */
static const char **final_words(const json_t *list, size_t *count)
{
	*count = json_array_size(list);
	const char **words = *count && *count <= WORDS_MAX ? xcalloc(*count, sizeof *words) : NULL;

	for (size_t i = 0; words && i < *count; i++) {
		if ((words[i] = json_string_value(json_array_get(list, i))))
			continue;
		free(words);
		words = NULL;
	}
	return words;
}

/* Whoever typed this at an attached terminal leaves the phone, which asks once. @return it has asked */
static bool asks_before_quit(struct runner *runner, struct slice line, struct reply *reply)
{
	struct slice text = slice_trim(line);
	/* `exit` ends the attached terminal alone. */
	bool leaves = runner_takes_command(runner, line) && commands_say_quit(text) && slice_find(text, 'q') < 2;
	char *question = leaves && !runner->quit_asked ? commands_quit_question(runner->commands) : NULL;

	runner->quit_asked = question;
	if (!question)
		return false;
	char *whole = xasprintf("%s; `detach` leaves the phone running", question);
	send_reply(reply, "result", json_pack("{s:s}", "text", whole));
	free(whole);
	free(question);
	return true;
}

/*
 * What a person or a shell says by way of a program: a line, or words that are final. Members beside it: `text`, answer
 * with what people read; `interactive`, commands may be shortened, and `quit` asks as at the prompt; `columns`, how
 * wide ladders and help may be; `folder`, where relative names of files begin.
 */
static void run_command(struct runner *runner, const json_t *params, struct reply *reply)
{
	static const char *const members[] = { "line", "words", "text", "interactive", "columns", "folder" };
	const char *line = json_string_value(json_is_array(params) && json_array_size(params) == 1
						     ? json_array_get(params, 0)
						     : json_object_get(params, "line")),
		   *folder = json_string_value(json_object_get(params, "folder")), *key;
	json_t *value, *columns = json_object_get(params, "columns");
	struct failure failure = { 0 };
	bool interactive = json_is_true(json_object_get(params, "interactive"));
	size_t count = 0;
	const char **words = final_words(json_object_get(params, "words"), &count);
	bool good = !line != !words;

	json_object_foreach((json_t *)(uintptr_t)params, key, value)
	{
		bool known = false;
		for (size_t i = 0; i < ARRAY_LEN(members); i++)
			known |= !strcmp(key, members[i]);
		good &= known;
	}
	if (good && json_is_integer(columns) && json_integer_value(columns) >= 20 &&
	    json_integer_value(columns) <= 1000)
		runner_set_columns(runner, (unsigned)json_integer_value(columns), false);
	if (good && folder && *folder == '/')
		runner_set_folder(runner, folder);
	reply->as_text = json_is_true(json_object_get(params, "text"));
	if (!good) {
		fail(&failure, STATUS_USAGE, "params", "command needs one member of params: line, a text");
		rpc_answer_failure(reply, &failure);
	} else if (line && !slice_trim(slice_of(line)).n) {
		fail(&failure, STATUS_USAGE, "params", "line is empty");
		rpc_answer_failure(reply, &failure);
	} else if (line && interactive && asks_before_quit(runner, slice_of(line), reply)) {
		return;
	} else if (line) {
		runner_queue_reply_line(runner, slice_of(line), interactive, *reply);
	} else {
		runner_queue_reply_words(runner, words, count, *reply);
	}
	free(words);
}

/* What may come next on a line that is being typed. */
static void run_complete(struct runner *runner, const json_t *params, struct reply *reply)
{
	const char *line = json_string_value(json_object_get(params, "line"));
	json_int_t point = json_integer_value(json_object_get(params, "point"));
	struct failure failure = { 0 };
	struct completion completion = { 0 };
	json_t *words;

	if (!line || point < 0 || (size_t)point > strlen(line)) {
		fail(&failure, STATUS_USAGE, "params", "complete needs line, a text, and point, a place in it");
		rpc_answer_failure(reply, &failure);
		return;
	}
	commands_complete(runner->commands, slice_of(line), (size_t)point, &completion);
	words = json_array();
	for (size_t i = 0; i < completion.count; i++)
		json_array_append_new(words, text_value(completion.words[i]));
	send_reply(reply, "result", json_pack("{s:I, s:o}", "start", (json_int_t)completion.start, "words", words));
	completion_fini(&completion);
}

static void run_method(struct runner *runner, const char *method, const json_t *params, struct reply *reply)
{
	const struct command *row = method_row(method);
	struct bind_how how = { .commands = runner->commands };
	struct failure failure = { 0 };
	struct bound bound = { 0 };

	if (!strcmp(method, "command")) {
		run_command(runner, params, reply);
	} else if (!strcmp(method, "interrupt")) {
		runner_interrupt(runner);
		send_reply(reply, "result", json_object());
	} else if (!strcmp(method, "complete")) {
		run_complete(runner, params, reply);
	} else if (!row) {
		unknown_method(reply, method);
	} else if (!bind_members(&how, row, params, &bound, &failure)) {
		rpc_answer_failure(reply, &failure);
		bound_fini(&bound);
	} else {
		runner_queue_bound(runner, &bound, *reply);
	}
}

/* One request. `message` stays the caller's. */
static void take_request(struct runner *runner, const json_t *message, bool in_turn, rpc_reply_h *reply_to, void *arg)
{
	struct reply reply = { .send = reply_to, .arg = arg, .in_turn = in_turn };
	json_t *id = json_object_get(message, "id"), *params = json_object_get(message, "params");
	const char *version = json_string_value(json_object_get(message, "jsonrpc")),
		   *method = json_string_value(json_object_get(message, "method"));
	bool id_good = !id || json_is_string(id) || json_is_number(id) || json_is_null(id);

	if (id && id_good)
		reply.id = json_incref(id);
	if (!json_is_object(message) || !version || strcmp(version, "2.0") || !method || !id_good)
		protocol_error(&reply, RPC_INVALID_REQUEST, "request",
			       "a request has jsonrpc \"2.0\", a method, and an id that is a text or a number");
	else if (params && !json_is_object(params) && !json_is_array(params))
		protocol_error(&reply, RPC_INVALID_REQUEST, "request",
			       "params are an object, arguments by name, or an array, arguments by place");
	else
		run_method(runner, method, params, &reply);
}

/* ---- several at once ---- */

/* Answers are collected until the last has come; requests without an id add none. */
struct batch {
	struct list_node node; /* of its runner's */
	json_t *answers;
	size_t pending;
	rpc_reply_h *reply;
	void *arg;
};

static void batch_free(struct batch *batch)
{
	list_remove(&batch->node);
	json_decref(batch->answers);
	free(batch);
}

void rpc_forget_batches(struct runner *runner)
{
	LIST_EACH(&runner->batches, node)
		batch_free(LIST_ENTRY(node, struct batch, node));
}

static void batch_let_go(struct batch *batch)
{
	if (--batch->pending)
		return;
	char *line = json_array_size(batch->answers) ? json_dumps(batch->answers, JSON_COMPACT) : NULL;
	batch->reply(batch->arg, line);
	free(line);
	batch_free(batch);
}

static void on_batch_answer(void *arg, const char *line)
{
	struct batch *batch = arg;

	if (line)
		json_array_append_new(batch->answers, json_loads(line, JSON_DECODE_ANY, NULL));
	batch_let_go(batch);
}

static void take_batch(struct runner *runner, const json_t *list, rpc_reply_h *reply_to, void *arg)
{
	struct batch *batch = xcalloc(1, sizeof *batch);
	size_t count = json_array_size(list);

	/* One more than there are requests, so that it lives until all have been taken. */
	*batch = (struct batch){ .answers = json_array(), .pending = count + 1, .reply = reply_to, .arg = arg };
	list_append(&runner->batches, &batch->node);
	for (size_t i = 0; i < count; i++)
		take_request(runner, json_array_get(list, i), true, on_batch_answer, batch);
	batch_let_go(batch);
}

void rpc_line(struct runner *runner, struct slice line, rpc_reply_h *reply_to, void *arg)
{
	struct reply reply = { .send = reply_to, .arg = arg };
	json_error_t error;
	json_t *message;

	if (line.n > RPC_LINE_MAX) {
		protocol_error(&reply, RPC_INVALID_REQUEST, "too-long", "a line may have at most 1 MiB");
		return;
	}
	if (!(message = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error))) {
		struct buf text;
		buf_init(&text, 300);
		buf_printf(&text, "this is no JSON: column %d: %s", error.column, error.text);
		char *clean = utf8_clean_dup(buf_slice(&text));
		protocol_error(&reply, RPC_PARSE_ERROR, "syntax", clean);
		free(clean);
		buf_fini(&text);
		return;
	}
	size_t count = json_array_size(message);
	if (json_is_array(message) && (!count || count > RPC_BATCH_MAX))
		protocol_error(&reply, RPC_INVALID_REQUEST, "request",
			       count ? "an array may have at most 256 requests" : "an array without requests");
	else if (json_is_array(message))
		take_batch(runner, message, reply_to, arg);
	else
		take_request(runner, message, false, reply_to, arg);
	json_decref(message);
}

void rpc_command_line(struct runner *runner, struct slice line, const char *id, rpc_reply_h *reply_to, void *arg)
{
	struct reply reply = { .id = json_string(id), .send = reply_to, .arg = arg, .in_turn = true };

	runner_queue_reply_line(runner, line, false, reply);
}

char *rpc_event(const struct event *event)
{
	return dump(json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", "event", "params",
			      (json_t *)event_object(event)));
}

char *rpc_hello(void)
{
	return dump(json_pack("{s:s, s:s, s:{s:s, s:s, s:i}}", "jsonrpc", "2.0", "method", "hello", "params", "name",
			      "offhook", "version", PACKAGE_VERSION, "protocol", 1));
}
