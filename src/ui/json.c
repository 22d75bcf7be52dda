/* JSON-RPC lines on standard output, and nothing else there; requests and plain command lines on standard input. */
#include "base/xmalloc.h"
#include "ui/client.h"
#include "ui/show.h"

#include <stdio.h>
#include <unistd.h>

struct json {
	struct ui ui;
	struct ui_config config;
	struct client *client;
	int status; /* of standard input */
};

static struct json *json_of(const struct ui *ui)
{
	return CONTAINER_OF((struct ui *)ui, struct json, ui);
}

static void json_message(struct ui *ui, enum log_level level, const char *text)
{
	struct json *json = json_of(ui);

	output_printf(json->config.err, "offhook: %s%s\n", level == LOG_WARNING ? "warning: " : "", text);
	client_notify(json->client, level == LOG_ERROR ? "error" : "warning", text, 0);
}

static void on_failed(void *arg, int error)
{
	struct json *json = arg;
	char *text = xasprintf("standard input cannot be read: %s", strerror(error));

	json_message(&json->ui, LOG_ERROR, text);
	free(text);
	json->status = STATUS_SOUND;
}

/* ---- what runners of files say ---- */

static void on_result(void *arg, struct runner *runner, const struct invocation *invocation, const char *text)
{
	struct json *json = arg;

	(void)invocation;
	(void)runner;
	/* The answers to requests go to who asked: this is a file's. */
	if (*text)
		client_notify(json->client, "result", text, 0);
}

static void on_error(void *arg, struct runner *runner, const char *where, const struct failure *failure)
{
	struct json *json = arg;

	char *text = show_error(runner, where, failure);
	output_write(json->config.err, slice_of(text));
	free(text);
	text = xasprintf("%s%s", where ? where : "", failure->text);
	client_notify(json->client, "error", text, (int)failure->status);
	free(text);
}

static void on_echo(void *arg, struct runner *runner, const char *text)
{
	struct json *json = arg;

	(void)runner;
	client_notify(json->client, "echo", text, 0);
}

static struct runner_output json_file_output(struct ui *ui)
{
	return (struct runner_output){ .result = on_result, .error = on_error, .echo = on_echo, .arg = json_of(ui) };
}

/* Its input is over; the phone goes on, and what happens is told as before. */
static void on_detach(void *arg, struct runner *runner, int status)
{
	struct json *json = arg;

	(void)runner;
	client_leave(json->client, status);
}

static void json_trace(struct ui *ui, const char *heading, const char *text)
{
	client_trace(json_of(ui)->client, heading, text);
}

static struct ui *json_start(const struct ui_config *config)
{
	struct json *json = xcalloc(1, sizeof *json);

	json->ui.ops = &ui_json;
	json->config = *config;
	struct runner_output talk = json_file_output(&json->ui);
	talk.detach = config->stays ? on_detach : NULL;
	json->client = client_new(&(struct client_config){ .loop = config->loop,
							   .phone = config->phone,
							   .commands = config->commands,
							   .name = "json",
							   .fd = config->reads_input ? STDIN_FILENO : -1,
							   .out = config->out,
							   .talk = &talk,
							   .failed = on_failed,
							   .arg = json });
	return &json->ui;
}

static void json_turn_end(struct ui *ui)
{
	client_turn_end(json_of(ui)->client);
}

static bool json_finished(const struct ui *ui)
{
	return client_finished(json_of(ui)->client);
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

	client_free(json->client);
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
