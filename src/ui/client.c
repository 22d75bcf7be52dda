#include "ui/client.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "ui/input.h"

#include <stdio.h>
#include <string.h>

enum { REQUESTS_MAX = 256 }; /* that wait for their answers before we stop reading */

struct client {
	struct client_config config;
	struct input *input;
	struct runner *runner;
	struct lines lines;
	uint64_t seen, line_number;
	size_t unanswered;
	bool ended, detached;
	char *chat; /* with whom, as it was told last; NULL: nobody */
};

static void put_line(struct client *client, const char *line)
{
	char *whole = xasprintf("%s\n", line);

	output_write(client->config.out, slice_of(whole));
	free(whole);
}

/* A JSON string of text that is cleaned, so that only quotes, backslashes and line feeds are left to escape. */
static void add_string(struct buf *to, const char *text)
{
	struct buf clean;

	buf_init(&clean, strlen(text) + 1);
	utf8_clean(&clean, slice_of(text), true);
	buf_add_char(to, '"');
	for (size_t i = 0; i < clean.n; i++) {
		if (clean.p[i] == '\n') {
			buf_add(to, SLICE("\\n"));
			continue;
		}
		if (clean.p[i] == '"' || clean.p[i] == '\\')
			buf_add_char(to, '\\');
		buf_add_char(to, clean.p[i]);
	}
	buf_add_char(to, '"');
	buf_fini(&clean);
}

void client_notify(struct client *client, const char *method, const char *text, int code)
{
	struct buf line;

	buf_init(&line, 1 << 20);
	buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{\"text\":", method);
	add_string(&line, text);
	if (code)
		buf_printf(&line, ",\"code\":%d", code);
	buf_add(&line, SLICE("}}"));
	if (!line.full)
		put_line(client, buf_text(&line));
	buf_fini(&line);
}

void client_trace(struct client *client, const char *heading, const char *text)
{
	struct buf line;

	buf_init(&line, 1 << 20);
	buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"method\":\"trace\",\"params\":{\"line\":");
	add_string(&line, heading);
	buf_printf(&line, ",\"text\":");
	add_string(&line, text);
	buf_add(&line, SLICE("}}"));
	if (!line.full)
		put_line(client, buf_text(&line));
	buf_fini(&line);
}

static void on_answer(void *arg, const char *line)
{
	struct client *client = arg;

	client->unanswered--;
	if (line)
		put_line(client, line);
}

/* A command line is a request too: its answer carries the number of the line as id. */
static void take_line(struct client *client, const char *text)
{
	struct slice line = slice_trim(slice_of(text));
	char id[32];

	client->line_number++;
	if (!line.n)
		return;
	client->unanswered++;
	if (line.p[0] == '{' || line.p[0] == '[') {
		rpc_line(client->runner, line, on_answer, client);
		return;
	}
	snprintf(id, sizeof id, "line %llu", (unsigned long long)client->line_number);
	rpc_command_line(client->runner, line, id, on_answer, client);
}

static bool is_crowded(const struct client *client)
{
	return client->unanswered >= REQUESTS_MAX || runner_is_sated(client->runner) ||
	       output_pending(client->config.out) > OUTPUT_HIGH;
}

static void take_lines(struct client *client)
{
	bool last_counts = client->ended && !client->config.whole_lines_only;
	int status;
	char *line;

	/* Behind `quit` nothing is run. */
	while (!client->detached && !is_crowded(client) && !commands_quit_wanted(client->config.commands, &status) &&
	       (line = lines_next(&client->lines, last_counts))) {
		take_line(client, line);
		free(line);
	}
	if (client->lines.too_long) {
		client_notify(client, "error", "a line of input is longer than 1 MiB and was left out", STATUS_USAGE);
		client->lines.too_long = 0;
	}
	/* Whoever does not read our answers waits with further requests. */
	input_pause(client->input, client->detached || is_crowded(client));
	if (runner_is_sated(client->runner))
		loop_again(client->config.loop);
}

static void on_bytes(void *arg, struct slice bytes)
{
	struct client *client = arg;

	lines_add(&client->lines, bytes);
	take_lines(client);
}

static void on_end(void *arg)
{
	struct client *client = arg;

	client->ended = true;
	if (input_error(client->input) && client->config.failed)
		client->config.failed(client->config.arg, input_error(client->input));
	take_lines(client);
}

/* ---- what its runner says beside the answers: files, scripts ---- */

static void on_result(void *arg, struct runner *runner, const struct invocation *invocation, const char *text)
{
	(void)invocation;
	(void)runner;
	if (*text)
		client_notify(arg, "result", text, 0);
}

static void on_error(void *arg, struct runner *runner, const char *where, const struct failure *failure)
{
	char *text = xasprintf("%s%s", where ? where : "", failure->text);

	(void)runner;
	client_notify(arg, "error", text, (int)failure->status);
	free(text);
}

static void on_echo(void *arg, struct runner *runner, const char *text)
{
	(void)runner;
	client_notify(arg, "echo", text, 0);
}

void client_say_bye(struct client *client)
{
	if (runner_leaves_nothing(client->runner))
		client_notify(client, "bye", "", 0);
}

void client_leave(struct client *client, int status)
{
	client_notify(client, status >= 0 ? "exit" : "bye", "", status >= 0 ? status : 0);
	client->detached = true;
	loop_again(client->config.loop);
}

static void on_detach(void *arg, struct runner *runner, int status)
{
	(void)runner;
	client_leave(arg, status);
}

/* At the other end a person types: whose name stands before the line? */
static void tell_prompt(struct client *client)
{
	const char *chat = runner_chat(client->runner);

	if (!strcmp(chat ? chat : "", client->chat ? client->chat : ""))
		return;
	xreplace(&client->chat, chat);
	client_notify(client, "prompt", chat ? chat : "", 0);
}

struct client *client_new(const struct client_config *config)
{
	struct client *client = xcalloc(1, sizeof *client);
	struct runner_output own = {
		.result = on_result, .error = on_error, .echo = on_echo, .detach = on_detach, .arg = client
	};
	char *hello = rpc_hello();

	client->config = *config;
	client->ended = config->fd < 0;
	client->seen = config->seen;
	lines_init(&client->lines);
	put_line(client, hello);
	free(hello);
	client->runner = runner_new(config->commands, config->name, config->talk ? config->talk : &own);
	runner_keep_going(client->runner, true);
	/* Whoever comes later means the call that is there. */
	runner_set_call(client->runner, phone_selected(config->phone));
	if (config->fd >= 0)
		client->input = input_new(config->loop, config->fd, on_bytes, on_end, client);
	return client;
}

static void tell_events(struct client *client)
{
	struct events *events = phone_events(client->config.phone);
	const struct event *event;

	while ((event = events_next(events, client->seen))) {
		client->seen = event->number;
		char *line = rpc_event(event);
		put_line(client, line);
		free(line);
	}
}

void client_turn_end(struct client *client)
{
	tell_events(client);
	take_lines(client);
	tell_prompt(client);
}

bool client_finished(const struct client *client)
{
	bool rest = client->lines.rest.n && !client->config.whole_lines_only;

	return client->detached || (client->ended && !rest && !client->unanswered && runner_idle(client->runner));
}

void client_free(struct client *client)
{
	tell_events(client);
	input_free(client->input);
	runner_free(client->runner);
	lines_fini(&client->lines);
	free(client->chat);
	free(client);
}
