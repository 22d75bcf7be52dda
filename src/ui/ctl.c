#include "ui/ctl.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "ui/input.h"
#include "ui/keys.h"
#include "ui/line.h"
#include "ui/show.h"
#include "ui/socket.h"
#include "ui/terminal.h"
#include "ui/text.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define PROMPT "offhook ctl> "

enum { COMPLETION_MS = 1000 };

struct ctl {
	struct loop *loop;
	struct output *out, *err, *to;
	struct input *from, *keyboard;
	struct lines received, typed;
	struct keys *keys;
	struct loop_signal *resized, *stopped;
	char *folder, *which_events; /* which_events: the phone's events.show */
	char *chat;                  /* with whom; NULL: lines are commands */
	int fd;
	bool interactive, editing, typed_ended, dirty, prompt_wanted, go_on, utf8;
	bool gone, bye; /* the connection is closed; the phone has said that it would be, and owes us nothing */
	int rows, cols;
	size_t shown_cols;
	json_int_t last_id;       /* of the requests that were sent */
	json_int_t command,
		waits_for; /* the command under way; the question behind it that ends the waiting; 0: none */
	json_t *completions;           /* the answer to the last "complete" */
	json_int_t completion_id;
	int status, noted; /* noted: what a file that ran told */
};

/* ---- printing ---- */

static void print_above(struct ctl *ctl, struct output *to, const char *text)
{
	if (ctl->shown_cols) {
		output_printf(ctl->out, "\r%*s\r", (int)ctl->shown_cols, "");
		ctl->shown_cols = 0;
	}
	ctl->dirty = true;
	output_write(to, slice_of(text));
}

static void print(struct ctl *ctl, struct output *to, const char *text)
{
	char *wrapped = show_wrapped(text, to == ctl->err ? STDERR_FILENO : STDOUT_FILENO);

	print_above(ctl, to, wrapped);
	free(wrapped);
}

static void draw_prompt(struct ctl *ctl)
{
	struct buf row;

	if (!ctl->editing || !ctl->dirty || output_pending(ctl->out) ||
	    (line_is_bare() && !ctl->prompt_wanted && !ctl->shown_cols))
		return;
	ctl->dirty = ctl->prompt_wanted = false;
	buf_init(&row, 65536);
	size_t cursor = line_draw(&row, (size_t)ctl->cols - 1, ctl->utf8);
	size_t cols = text_cols(buf_slice(&row)), blanks = ctl->shown_cols > cols ? ctl->shown_cols - cols : 0;
	output_printf(ctl->out, "\r%s%*s\r%.*s", buf_text(&row), (int)blanks, "",
		      (int)text_fit(buf_slice(&row), cursor, NULL), buf_text(&row));
	ctl->shown_cols = cols;
	buf_fini(&row);
}

/* ---- asking ---- */

static json_int_t ask(struct ctl *ctl, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", ++ctl->last_id, "method", method,
				    "params", params);
	char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;

	if (line)
		output_printf(ctl->to, "%s\n", line);
	else
		print(ctl, ctl->err, "offhook: that is no UTF-8 text\n");
	free(line);
	json_decref(request);
	return line ? ctl->last_id : 0;
}

/* The answer to a question behind the command comes when the files that the command ran have ended. */
static void ask_for(struct ctl *ctl, json_t *params)
{
	json_object_set_new(params, "text", json_true());
	json_object_set_new(params, "columns", json_integer(ctl->cols < 20 ? 80 : ctl->cols));
	if (ctl->folder)
		json_object_set_new(params, "folder", json_string(ctl->folder));
	ctl->noted = 0;
	if ((ctl->command = ask(ctl, "command", params)))
		ctl->waits_for = ask(ctl, "get", json_pack("{s:s}", "name", "events.show"));
	else
		ctl->status = STATUS_USAGE;
}

static void ask_line(struct ctl *ctl, const char *line)
{
	struct slice text = slice_trim(slice_of(line));

	if (!text.n || (!ctl->interactive && text.p[0] == '#'))
		return;
	ctl->go_on = text.p[0] == '-' && !ctl->chat;
	json_t *params = json_pack("{s:s, s:b}", "line", line, "interactive", ctl->interactive);
	if (params)
		ask_for(ctl, params);
	else
		print(ctl, ctl->err, "offhook: that is no UTF-8 text\n");
}

/* ---- hearing ---- */

/* The prompt says where lines go. */
static void name_prompt(struct ctl *ctl, const char *name)
{
	char *clean = utf8_clean_dup(slice_of(name)), *text = *name ? xasprintf("%s> ", clean) : xstrdup(PROMPT);

	xreplace(&ctl->chat, *name ? clean : NULL);
	if (ctl->editing)
		line_set_prompt(text);
	ctl->dirty = ctl->prompt_wanted = true;
	free(clean);
	free(text);
}

/* The event as the phone's own front end would have it. */
static void tell_event(struct ctl *ctl, json_t *params)
{
	struct event event = { 0 };
	char numbers[EVENT_FIELDS_MAX][32];
	const char *key;
	json_t *value;
	struct buf line;

	if (!ctl->interactive ||
	    !event_find(slice_of(json_string_value(json_object_get(params, "event"))), &event.kind))
		return;
	json_object_foreach(params, key, value) {
		struct event_field *field = &event.fields[event.field_count];
		if (event.field_count == EVENT_FIELDS_MAX || !strcmp(key, "event") || !strcmp(key, "time"))
			continue;
		if (json_is_number(value))
			snprintf(numbers[event.field_count], sizeof numbers[0], "%.10g", json_number_value(value));
		*field = (struct event_field){ .key = key,
					       .value = json_is_number(value)
								? numbers[event.field_count]
								: (char *)(uintptr_t)json_string_value(value),
					       .is_number = json_is_number(value) };
		event.field_count += field->value != NULL;
	}
	event.call = (unsigned)json_integer_value(json_object_get(params, "call"));
	if (!show_event_if(ctl->which_events ? ctl->which_events : "calls", &event, false))
		return;
	buf_init(&line, 16384);
	event_sentence(&event, &line);
	print(ctl, ctl->out, buf_text(&line));
	buf_fini(&line);
}

static void tell_notification(struct ctl *ctl, const char *method, json_t *params)
{
	const char *text = json_string_value(json_object_get(params, "text")),
		   *line = json_string_value(json_object_get(params, "line"));
	int code = (int)json_integer_value(json_object_get(params, "code"));

	if (!strcmp(method, "event"))
		tell_event(ctl, params);
	else if (!strcmp(method, "exit"))
		ctl->status = code, ctl->noted = 0, ctl->bye = true;
	else if (!strcmp(method, "bye"))
		ctl->bye = true;
	else if (!text)
		return;
	else if (!strcmp(method, "prompt"))
		name_prompt(ctl, text);
	else if (!strcmp(method, "echo") || !strcmp(method, "result"))
		print(ctl, ctl->out, *text ? text : "\n");
	else if (!strcmp(method, "trace") && line && ctl->interactive) {
		/* A message is what it is, and can be copied. */
		char *clean = show_cleaned(text);
		print(ctl, ctl->out, line);
		print_above(ctl, ctl->out, clean);
		free(clean);
	} else if (!strcmp(method, "error") || !strcmp(method, "dropped") ||
		   (!strcmp(method, "warning") && ctl->interactive)) {
		char *whole = xasprintf("offhook: %s%s", !strcmp(method, "warning") ? "warning: " : "", text);
		print(ctl, ctl->err, whole);
		free(whole);
		ctl->noted = ctl->noted ? ctl->noted : code;
	}
}

static void tell_failure(struct ctl *ctl, json_t *error)
{
	const char *text = json_string_value(json_object_get(error, "message"));
	json_int_t code = json_integer_value(json_object_get(error, "code"));
	char *whole = xasprintf("offhook: %s", text ? text : "it failed");

	print(ctl, ctl->err, whole);
	free(whole);
	ctl->noted = code > 0 && code < 256 ? (int)code : STATUS_USAGE;
}

/* All that the last command began is over. */
static void answered(struct ctl *ctl, json_t *result)
{
	const char *which = json_string_value(json_object_get(result, "value"));

	xreplace(&ctl->which_events, which);
	ctl->waits_for = 0;
	if (ctl->noted && !ctl->go_on && !ctl->status)
		ctl->status = ctl->noted;
	ctl->prompt_wanted = ctl->dirty = true;
}

static void hear(struct ctl *ctl, const char *line)
{
	json_t *message = json_loads(line, 0, NULL), *id = json_object_get(message, "id"),
	       *result = json_object_get(message, "result"), *error = json_object_get(message, "error");
	const char *method = json_string_value(json_object_get(message, "method")),
		   *text = json_string_value(json_object_get(result, "text"));

	if (method) {
		tell_notification(ctl, method, json_object_get(message, "params"));
	} else if (ctl->completion_id && json_integer_value(id) == ctl->completion_id) {
		json_decref(ctl->completions);
		ctl->completions = json_incref(result);
		ctl->completion_id = 0;
	} else if (ctl->waits_for && json_integer_value(id) == ctl->waits_for) {
		answered(ctl, result);
	} else if (error) {
		tell_failure(ctl, error);
	} else if (text) {
		print(ctl, ctl->out, text);
	}
	if (!method && json_integer_value(id) == ctl->command)
		ctl->command = 0;
	json_decref(message);
}

static void hear_all(struct ctl *ctl)
{
	char *line;

	while ((line = lines_next(&ctl->received, false))) {
		hear(ctl, line);
		free(line);
	}
}

static void on_received(void *arg, struct slice bytes)
{
	struct ctl *ctl = arg;

	lines_add(&ctl->received, bytes);
	hear_all(ctl);
}

static void on_gone(void *arg)
{
	struct ctl *ctl = arg;

	ctl->gone = true;
}

/* ---- typing ---- */

/* Tab waits for the phone, but not for long: it is on this machine. */
static size_t complete(void *arg, const char *line, size_t point, char ***words, size_t *start)
{
	struct ctl *ctl = arg;
	struct pollfd ready = { .fd = ctl->fd, .events = POLLIN };
	char chunk[16384];
	ssize_t n = 1;

	json_decref(ctl->completions);
	ctl->completions = NULL;
	if (ctl->chat && *line != '/')
		return 0;
	ctl->completion_id = ask(ctl, "complete", json_pack("{s:s, s:I}", "line", line, "point", (json_int_t)point));
	output_flush(ctl->to, COMPLETION_MS);
	while (ctl->completion_id && n > 0 && poll(&ready, 1, COMPLETION_MS) > 0) {
		n = read(ctl->fd, chunk, sizeof chunk);
		if (n > 0)
			on_received(ctl, slice_make(chunk, (size_t)n));
	}
	ctl->completion_id = 0;
	json_t *list = json_object_get(ctl->completions, "words");
	size_t count = json_array_size(list);
	*start = (size_t)json_integer_value(json_object_get(ctl->completions, "start"));
	if (!count || *start > point)
		return 0;
	*words = xcalloc(count, sizeof **words);
	for (size_t i = 0; i < count; i++) {
		const char *word = json_string_value(json_array_get(list, i));
		(*words)[i] = xstrdup(word ? word : "");
	}
	return count;
}

static void on_entered(void *arg, const char *text)
{
	struct ctl *ctl = arg;
	struct buf row;

	/* Whole, above what it brings about. */
	buf_init(&row, 65536);
	line_draw(&row, LINE_WHOLE_COLS, ctl->utf8);
	print_above(ctl, ctl->out, buf_text(&row));
	output_write(ctl->out, SLICE("\n"));
	buf_fini(&row);
	ctl->shown_cols = 0;
	ctl->dirty = ctl->prompt_wanted = true;
	ask_line(ctl, text);
}

static void on_changed(void *arg)
{
	struct ctl *ctl = arg;

	ctl->dirty = true;
}

static void on_warning(void *arg, const char *text)
{
	struct ctl *ctl = arg;

	print(ctl, ctl->err, text);
}

static void on_text(void *arg, struct slice bytes)
{
	(void)arg;
	line_bytes(bytes);
}

static void on_paste(void *arg, struct slice text)
{
	(void)arg;
	line_paste(text);
}

static void stop(struct ctl *ctl)
{
	terminal_stop();
	ctl->dirty = ctl->prompt_wanted = true;
}

static void on_key(void *arg, enum key key, struct slice bytes)
{
	struct ctl *ctl = arg;
	char c = key == KEY_IS_CONTROL ? bytes.p[0] : 0;

	if (c == 'C' - '@') {
		if (line_is_empty() && ctl->waits_for)
			ask(ctl, "interrupt", json_object());
		line_clear();
		ctl->dirty = ctl->prompt_wanted = true;
	} else if (c == 'D' - '@' && line_is_empty()) {
		ctl->typed_ended = !ctl->chat;
		if (ctl->chat)
			ask_line(ctl, "/close");
	} else if (c == 'Z' - '@') {
		stop(ctl);
	} else {
		line_bytes(bytes);
	}
}

static void on_typed(void *arg, struct slice bytes)
{
	struct ctl *ctl = arg;

	if (ctl->editing)
		keys_bytes(ctl->keys, bytes);
	else
		lines_add(&ctl->typed, bytes);
}

static void on_typed_end(void *arg)
{
	struct ctl *ctl = arg;

	ctl->typed_ended = true;
}

static void on_stopped(void *arg, int number)
{
	(void)number;
	stop(arg);
}

static void on_resized(void *arg, int number)
{
	struct ctl *ctl = arg;

	(void)number;
	terminal_size(STDOUT_FILENO, &ctl->rows, &ctl->cols);
	line_resize(ctl->rows, ctl->cols);
	ctl->dirty = true;
}

static void draw_completions(struct ctl *ctl)
{
	size_t count;
	const char *const *words = line_completions(&count);
	struct buf rows;

	if (!count)
		return;
	buf_init(&rows, 65536);
	text_add_columns(&rows, words, count, (size_t)ctl->cols, ctl->utf8);
	print(ctl, ctl->out, buf_text(&rows));
	buf_fini(&rows);
	line_drop_completions();
	ctl->prompt_wanted = ctl->dirty = true;
}

/* One line after the other: what fails in a pipe ends it. A person's are sent at once: the phone knows what waits. */
static void next_lines(struct ctl *ctl)
{
	char *line = NULL;

	while ((ctl->interactive || (!ctl->waits_for && !ctl->status)) &&
	       (line = lines_next(&ctl->typed, ctl->typed_ended))) {
		ask_line(ctl, line);
		free(line);
	}
	input_pause(ctl->keyboard, ctl->waits_for && !ctl->interactive);
}

static void on_turn_end(void *arg)
{
	struct ctl *ctl = arg;

	if (ctl->keyboard && !ctl->editing)
		next_lines(ctl);
	if (ctl->editing) {
		draw_completions(ctl);
		draw_prompt(ctl);
	}
	bool failed = !ctl->interactive && ctl->status,
	     done = !ctl->keyboard || failed || (ctl->typed_ended && (ctl->editing || !ctl->typed.rest.n));
	if (ctl->gone || (done && (ctl->editing || !ctl->waits_for)))
		loop_stop(ctl->loop);
}

/* ---- beginning and end ---- */

static void attach(struct ctl *ctl)
{
	ctl->interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	ctl->editing = ctl->interactive && terminal_is_capable() &&
		       terminal_take(STDIN_FILENO, KEYS_PASTE_ON, KEYS_PASTE_OFF);
	if (ctl->interactive)
		terminal_size(STDOUT_FILENO, &ctl->rows, &ctl->cols);
	if (ctl->editing) {
		ctl->utf8 = terminal_is_utf8();
		ctl->keys = keys_new(loop_timers(ctl->loop), &(struct keys_handler){ on_text, on_key, on_paste, ctl });
		line_start(&(struct line_handler){ on_entered, on_changed, complete, on_warning, ctl }, PROMPT, NULL,
			   ctl->rows, ctl->cols);
		ctl->resized = loop_signal(ctl->loop, SIGWINCH, on_resized, ctl);
		ctl->stopped = loop_signal(ctl->loop, SIGTSTP, on_stopped, ctl);
		ctl->dirty = ctl->prompt_wanted = true;
		print(ctl, ctl->out, "attached to the running phone; `detach` or C-d leaves it running");
	}
	ctl->keyboard = input_new(ctl->loop, STDIN_FILENO, on_typed, on_typed_end, ctl);
}

static void send_words(struct ctl *ctl, const char *const *words, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(words[i]));
	if (json_array_size(list) == count) {
		ask_for(ctl, json_pack("{s:o}", "words", list));
		return;
	}
	json_decref(list);
	print(ctl, ctl->err, "offhook: the words are no UTF-8 text\n");
	ctl->status = STATUS_USAGE;
}

static void finish(struct ctl *ctl)
{
	if (ctl->editing) {
		output_printf(ctl->out, "\r%*s\r", (int)ctl->shown_cols, "");
		line_stop();
		terminal_give_back();
	}
	keys_free(ctl->keys);
	loop_signal_free(ctl->resized);
	loop_signal_free(ctl->stopped);
	input_free(ctl->keyboard);
	input_free(ctl->from);
	output_flush(ctl->out, -1);
	output_flush(ctl->err, -1);
	output_free(ctl->out);
	output_free(ctl->err);
	int own = ctl->fd;
	output_free(ctl->to);
	close(own);
	loop_free(ctl->loop);
	lines_fini(&ctl->received);
	lines_fini(&ctl->typed);
	json_decref(ctl->completions);
	free(ctl->folder);
	free(ctl->which_events);
	free(ctl->chat);
}

int ctl_run(const char *path, const char *const *words, size_t count)
{
	static struct ctl ctl;
	int fd = path ? control_connect(path) : -1, to_fd;

	if (fd < 0) {
		if (!path)
			fprintf(stderr,
				"offhook: there is no XDG_RUNTIME_DIR: name the phone's socket by --socket PATH\n");
		else if (errno == ENOENT || errno == ECONNREFUSED)
			fprintf(stderr, "offhook: no phone of yours runs (nobody listens at %s): `offhook` or `offhook "
					"--stay` starts one\n",
				path);
		else
			fprintf(stderr, "offhook: %s: %s\n", path, strerror(errno));
		return STATUS_NETWORK;
	}
	to_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	ctl = (struct ctl){ .loop = loop_new(), .fd = fd, .cols = 80, .rows = 24, .folder = getcwd(NULL, 0) };
	ctl.out = output_new(ctl.loop, STDOUT_FILENO, 64 << 20, NULL);
	ctl.err = output_new(ctl.loop, STDERR_FILENO, OUTPUT_MAX, NULL);
	ctl.to = output_new(ctl.loop, to_fd, 64 << 20, NULL);
	lines_init(&ctl.received);
	lines_init(&ctl.typed);
	ctl.from = input_new(ctl.loop, fd, on_received, on_gone, &ctl);
	if (count)
		send_words(&ctl, words, count);
	else
		attach(&ctl);
	loop_at_turn_end(ctl.loop, on_turn_end, &ctl);
	loop_run(ctl.loop);
	/* `quit` and `detach` are answered before the end; it may come between two lines of a pipe as well. */
	bool cut_off = ctl.gone && !ctl.bye && !ctl.noted, asked = ctl.command || ctl.waits_for;
	finish(&ctl);
	close(to_fd);
	if (cut_off)
		fprintf(stderr, asked ? "offhook: the phone ended before the command did\n"
				      : "offhook: the phone has ended\n");
	return ctl.status ? ctl.status : cut_off ? STATUS_NETWORK : ctl.noted && !ctl.interactive ? ctl.noted : 0;
}
