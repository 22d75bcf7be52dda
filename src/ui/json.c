/* JSON-RPC lines on standard output, and nothing else there; requests and plain command lines on standard input. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "ui/input.h"
#include "ui/show.h"

#include <stdio.h>
#include <unistd.h>

enum { REQUESTS_MAX = 256 }; /* that wait for their answers before we stop reading */

struct json {
	struct ui ui;
	struct ui_config config;
	struct input *input;
	struct runner *runner;
	struct lines lines;
	uint64_t seen, line_number;
	size_t unanswered;
	int status; /* of standard input */
	bool ended;
};

static struct json *json_of(const struct ui *ui)
{
	return CONTAINER_OF((struct ui *)ui, struct json, ui);
}

static void put_line(struct json *json, const char *line)
{
	char *whole = xasprintf("%s\n", line);

	output_write(json->config.out, slice_of(whole));
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

/* What no request asked for: a notification with one text. */
static void notify(struct json *json, const char *method, const char *text)
{
	struct buf line;

	buf_init(&line, 1 << 20);
	buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{\"text\":", method);
	add_string(&line, text);
	buf_add(&line, SLICE("}}"));
	if (!line.full)
		put_line(json, buf_text(&line));
	buf_fini(&line);
}

static void on_answer(void *arg, const char *line)
{
	struct json *json = arg;

	json->unanswered--;
	if (line)
		put_line(json, line);
}

/* A command line is a request too: its answer carries the number of the line as id. */
static void take_line(struct json *json, const char *text)
{
	struct slice line = slice_trim(slice_of(text));
	char id[32];

	json->line_number++;
	if (!line.n)
		return;
	json->unanswered++;
	if (line.p[0] == '{') {
		rpc_line(json->runner, line, on_answer, json);
		return;
	}
	snprintf(id, sizeof id, "line %llu", (unsigned long long)json->line_number);
	rpc_command_line(json->runner, line, id, on_answer, json);
}

static void take_lines(struct json *json)
{
	char *line = NULL;

	bool crowded = output_pending(json->config.out) > OUTPUT_HIGH;

	while (json->unanswered < REQUESTS_MAX && !crowded && (line = lines_next(&json->lines, json->ended))) {
		take_line(json, line);
		free(line);
		crowded = output_pending(json->config.out) > OUTPUT_HIGH;
	}
	if (json->lines.too_long) {
		notify(json, "error", "a line of standard input is longer than 1 MiB and was left out");
		json->lines.too_long = 0;
	}
	/* Whoever does not read our answers waits with further requests. */
	input_pause(json->input, crowded || json->unanswered >= REQUESTS_MAX);
}

static void on_bytes(void *arg, struct slice bytes)
{
	struct json *json = arg;

	lines_add(&json->lines, bytes);
	take_lines(json);
}

static void on_end(void *arg)
{
	struct json *json = arg;

	json->ended = true;
	if (input_error(json->input)) {
		char *text = xasprintf("standard input cannot be read: %s", strerror(input_error(json->input)));
		ui_json.message(&json->ui, LOG_ERROR, text);
		free(text);
		json->status = STATUS_SOUND;
	}
	take_lines(json);
}

/* ---- what runners of files say ---- */

static void on_result(void *arg, struct runner *runner, const struct invocation *invocation, const char *text)
{
	struct json *json = arg;

	(void)invocation;
	(void)runner;
	/* The answers to requests come by on_answer: this is a file's. */
	if (*text)
		notify(json, "result", text);
}

static void on_error(void *arg, struct runner *runner, const char *where, const struct failure *failure)
{
	struct json *json = arg;

	char *text = show_error(runner, where, failure);
	output_write(json->config.err, slice_of(text));
	free(text);
	text = xasprintf("%s%s", where ? where : "", failure->text);
	notify(json, "error", text);
	free(text);
}

static void on_echo(void *arg, struct runner *runner, const char *text)
{
	(void)runner;
	notify(arg, "echo", text);
}

static struct runner_output talk(struct json *json)
{
	return (struct runner_output){ .result = on_result, .error = on_error, .echo = on_echo, .arg = json };
}

static struct runner_output json_file_output(struct ui *ui)
{
	return talk(json_of(ui));
}

static void json_message(struct ui *ui, enum log_level level, const char *text)
{
	struct json *json = json_of(ui);

	output_printf(json->config.err, "offhook: %s%s\n", level == LOG_WARNING ? "warning: " : "", text);
	notify(json, level == LOG_ERROR ? "error" : "warning", text);
}

static void json_trace(struct ui *ui, const char *heading, const char *text)
{
	struct json *json = json_of(ui);
	struct buf line;

	buf_init(&line, 1 << 20);
	buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"method\":\"trace\",\"params\":{\"line\":");
	add_string(&line, heading);
	buf_printf(&line, ",\"text\":");
	add_string(&line, text);
	buf_add(&line, SLICE("}}"));
	if (!line.full)
		put_line(json, buf_text(&line));
	buf_fini(&line);
}

static struct ui *json_start(const struct ui_config *config)
{
	struct json *json = xcalloc(1, sizeof *json);
	struct runner_output output = talk(json);
	char *hello = rpc_hello();

	json->ui.ops = &ui_json;
	json->config = *config;
	json->ended = !config->reads_input;
	lines_init(&json->lines);
	put_line(json, hello);
	free(hello);
	json->runner = runner_new(config->commands, "json", &output);
	runner_keep_going(json->runner, true);
	if (config->reads_input)
		json->input = input_new(config->loop, STDIN_FILENO, on_bytes, on_end, json);
	return &json->ui;
}

static void tell_events(struct json *json)
{
	struct events *events = phone_events(json->config.phone);
	const struct event *event;

	while ((event = events_next(events, json->seen))) {
		json->seen = event->number;
		char *line = rpc_event(event);
		put_line(json, line);
		free(line);
	}
}

static void json_turn_end(struct ui *ui)
{
	struct json *json = json_of(ui);

	tell_events(json);
	take_lines(json);
}

static bool json_finished(const struct ui *ui)
{
	const struct json *json = json_of(ui);

	return json->ended && !json->lines.rest.n && !json->unanswered && runner_idle(json->runner);
}

static int json_status(const struct ui *ui)
{
	return json_of(ui)->status; /* each answer told its own */
}

static bool json_interrupt(struct ui *ui)
{
	(void)ui;
	return false;
}

static void json_stop(struct ui *ui)
{
	struct json *json = json_of(ui);

	tell_events(json);
	input_free(json->input);
	runner_free(json->runner);
	lines_fini(&json->lines);
	free(json);
}

const struct ui_ops ui_json = {
	.name = "json",
	.start = json_start,
	.turn_end = json_turn_end,
	.finished = json_finished,
	.status = json_status,
	.interrupt = json_interrupt,
	.file_output = json_file_output,
	.message = json_message,
	.trace = json_trace,
	.stop = json_stop,
};
