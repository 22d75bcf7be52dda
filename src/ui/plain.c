/* Lines of text: with a prompt on a terminal, without one for pipes and files. No glyphs, no colours. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "ui/input.h"
#include "ui/notify.h"
#include "ui/prompt.h"
#include "ui/show.h"
#include "ui/terminal.h"
#include "ui/text.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { LINES_PER_TURN = 32 };

struct plain {
	struct ui ui;
	struct ui_config config;
	struct input *input;
	struct runner *runner; /* of lines that no prompt edits */
	struct notify *notify;
	struct prompt *prompt; /* NULL: not interactive, or a terminal that can do lines only */
	struct loop_signal *resized, *stopped, *continued;
	struct lines lines;
	uint64_t seen; /* events told */
	int rows, cols;
	size_t shown_cols;         /* of the prompt's row on the terminal now; 0: none stands there */
	bool dirty, prompt_wanted; /* the line changed; an empty prompt is to be drawn too */
	bool prompt_stands,
		quit_asked; /* terminals without editing: the prompt was printed and no line was typed since */
	bool ended, utf8, out_is_terminal, err_is_terminal, secret_shown;
	char *asking; /* terminals without editing: the account whose password is asked for */
	int status;
};

static struct plain *plain_of(const struct ui *ui)
{
	return CONTAINER_OF((struct ui *)ui, struct plain, ui);
}

/* ---- printing ---- */

static void blank_row(struct plain *plain)
{
	if (!plain->shown_cols)
		return;
	output_printf(plain->config.out, "\r%*s\r", (int)plain->shown_cols, "");
	plain->shown_cols = 0;
	plain->dirty = true;
}

/* Above the prompt: its row is blanked and drawn anew at the turn's end, if something is typed there. */
static void print_above(struct plain *plain, struct output *to, struct slice text)
{
	blank_row(plain);
	if (plain->prompt_stands)
		output_write(plain->config.out, SLICE("\n"));
	plain->prompt_stands = false;
	output_write(to, text);
}

/* Pipes and files get lines as they are. */
static void print(struct plain *plain, struct output *to, bool terminal, const char *text)
{
	if (!*text)
		return;
	if (terminal) {
		char *wrapped = show_wrapped(text, to == plain->config.err ? STDERR_FILENO : STDOUT_FILENO);
		print_above(plain, to, slice_of(wrapped));
		free(wrapped);
		return;
	}
	output_write(to, slice_of(text));
	if (text[strlen(text) - 1] != '\n')
		output_write(to, SLICE("\n"));
}

static void print_out(struct plain *plain, const char *text)
{
	print(plain, plain->config.out, plain->out_is_terminal, text);
}

static void print_err(struct plain *plain, const char *text)
{
	print(plain, plain->config.err, plain->err_is_terminal, text);
}

static void draw_prompt(struct plain *plain)
{
	struct buf row;

	if (!plain->dirty || output_pending(plain->config.out))
		return;
	if (line_is_bare() && !plain->prompt_wanted && !plain->shown_cols)
		return; /* a screen reader would say the empty prompt again after each event */
	plain->dirty = plain->prompt_wanted = false;
	buf_init(&row, 65536);
	size_t cursor = line_draw(&row, (size_t)plain->cols - 1, plain->utf8);
	size_t cols = text_cols(buf_slice(&row)), blanks = plain->shown_cols > cols ? plain->shown_cols - cols : 0;
	output_printf(plain->config.out, "\r%s%*s\r%.*s", buf_text(&row), (int)blanks, "",
		      (int)text_fit(buf_slice(&row), cursor, NULL), buf_text(&row));
	plain->shown_cols = cols;
	buf_fini(&row);
}

static void draw_completions(struct plain *plain)
{
	size_t count;
	const char *const *words = line_completions(&count);
	struct buf rows;

	if (!count)
		return;
	buf_init(&rows, 65536);
	text_add_columns(&rows, words, count, (size_t)plain->cols, plain->utf8);
	print_out(plain, buf_text(&rows));
	buf_fini(&rows);
	line_drop_completions();
	plain->prompt_wanted = plain->dirty = true;
}

/* ---- what runners say ---- */

static void on_result(void *arg, struct runner *runner, const struct invocation *invocation, const char *text)
{
	(void)runner;
	(void)invocation;
	print_out(arg, text);
}

static void on_error(void *arg, struct runner *runner, const char *where, const struct failure *failure)
{
	struct plain *plain = arg;
	char *text = show_error(runner, where, failure);

	if (runner == plain->runner && !plain->status)
		plain->status = (int)failure->status;
	print_err(plain, text);
	free(text);
}

static void on_echo(void *arg, struct runner *runner, const char *text)
{
	struct plain *plain = arg;

	(void)runner;
	/* An empty line is a line. */
	print(plain, plain->config.out, plain->out_is_terminal, *text ? text : "\n");
}

static struct runner_output talk(struct plain *plain)
{
	return (struct runner_output){ .result = on_result, .error = on_error, .echo = on_echo, .arg = plain };
}

static struct runner_output plain_file_output(struct ui *ui)
{
	return talk(plain_of(ui));
}

static void plain_message(struct ui *ui, enum log_level level, const char *text)
{
	struct plain *plain = plain_of(ui);
	char *line = xasprintf("offhook: %s%s\n", level == LOG_WARNING ? "warning: " : "", text);

	print_err(plain, line);
	free(line);
}

static void plain_trace(struct ui *ui, const char *heading, const char *text)
{
	struct plain *plain = plain_of(ui);
	char *whole = xasprintf("%s\n%s\n", heading, text), *clean = show_cleaned(whole);

	/* A message is what it is, and can be copied: its lines are left to the terminal. */
	if (plain->out_is_terminal)
		print_above(plain, plain->config.out, slice_of(clean));
	else
		print_out(plain, whole);
	free(clean);
	free(whole);
}

static void tell_events(struct plain *plain)
{
	struct events *events = phone_events(plain->config.phone);
	const struct event *event;
	struct buf line;

	while ((event = events_next(events, plain->seen))) {
		plain->seen = event->number;
		if (event->kind == EVENT_INCOMING)
			notify_incoming(plain->notify, event, plain->config.interactive);
		if (!(plain->config.interactive || plain->config.verbose) ||
		    !show_event(plain->config.phone, event,
				plain->config.verbose &&
					!settings_changed(phone_settings(plain->config.phone), "events.show")))
			continue;
		if (plain->config.interactive && show_asks_instead(plain->config.phone, event))
			continue;
		buf_init(&line, UI_LINE_BYTES);
		event_sentence(event, &line);
		if (plain->config.interactive)
			buf_printf(&line, "%s", show_what_to_do(plain->config.phone, event));
		buf_add_char(&line, '\n');
		print_out(plain, buf_text(&line));
		buf_fini(&line);
	}
}

/* ---- with a prompt ---- */

static void on_say(void *arg, const char *text)
{
	struct plain *plain = arg;

	print_out(plain, text);
	plain->prompt_wanted = true;
}

static void on_changed(void *arg)
{
	struct plain *plain = arg;

	plain->dirty = true;
}

/* What was typed stays on the terminal, whole, above what it brings about. */
static bool on_entered(void *arg, const char *text)
{
	struct plain *plain = arg;

	if (text) {
		struct buf row;
		buf_init(&row, 65536);
		line_draw(&row, LINE_WHOLE_COLS, plain->utf8);
		blank_row(plain);
		output_write(plain->config.out, buf_slice(&row));
		buf_fini(&row);
	}
	output_write(plain->config.out, SLICE("\n"));
	plain->shown_cols = 0;
	plain->dirty = plain->prompt_wanted = true;
	return false;
}

static bool on_key(void *arg, enum key key, struct slice bytes)
{
	struct plain *plain = arg;

	if (key == KEY_IS_CONTROL && bytes.p[0] == 'C' - '@') {
		struct buf row;
		buf_init(&row, 65536);
		line_draw(&row, (size_t)plain->cols - 3, plain->utf8);
		output_printf(plain->config.out, "\r%s^C\n", buf_text(&row));
		buf_fini(&row);
		plain->shown_cols = 0;
		plain->dirty = plain->prompt_wanted = true;
	}
	return false;
}

static void on_stop(void *arg)
{
	struct plain *plain = arg;

	blank_row(plain);
	terminal_stop();
	plain->dirty = plain->prompt_wanted = true;
	terminal_size(STDOUT_FILENO, &plain->rows, &plain->cols);
	prompt_resize(plain->prompt, plain->rows, plain->cols);
}

static void on_stopped(void *arg, int number)
{
	(void)number;
	on_stop(arg);
}

static void on_resized(void *arg, int number)
{
	struct plain *plain = arg;

	(void)number;
	terminal_size(STDOUT_FILENO, &plain->rows, &plain->cols);
	prompt_resize(plain->prompt, plain->rows, plain->cols);
	plain->dirty = true;
}

static void on_continued(void *arg, int number)
{
	struct plain *plain = arg;

	(void)number;
	terminal_continue();
	plain->dirty = plain->prompt_wanted = true;
}

static void on_typed(void *arg, struct slice bytes)
{
	struct plain *plain = arg;

	prompt_bytes(plain->prompt, bytes);
}

/* ---- without ---- */

static void on_bytes(void *arg, struct slice bytes)
{
	struct plain *plain = arg;

	lines_add(&plain->lines, bytes);
	input_pause(plain->input,
		    true); /* until these are run: whoever writes to us waits as long as our commands do */
}

static void on_end(void *arg)
{
	struct plain *plain = arg;
	int error = input_error(plain->input);

	plain->ended = true;
	if (!error)
		return;
	char *text = xasprintf("offhook: standard input cannot be read: %s\n", strerror(error));
	print_err(plain, text);
	free(text);
	plain->status = plain->status ? plain->status : STATUS_SOUND;
}

static void ask_line(struct plain *plain)
{
	struct account_view views[8];
	size_t count = plain->asking ? 0 : phone_accounts(plain->config.phone, views, ARRAY_LEN(views));

	for (size_t i = 0; i < count && i < ARRAY_LEN(views) && !plain->asking; i++)
		if (views[i].needs_password)
			xreplace(&plain->asking, views[i].name);
	if (plain->asking && !plain->secret_shown) {
		terminal_echo(STDIN_FILENO, false);
		plain->secret_shown = true;
		output_printf(plain->config.out, "password for %s: ", plain->asking);
	} else if (!plain->asking && plain->prompt_wanted) {
		const char *chat = runner_chat(plain->runner);
		output_printf(plain->config.out, "%s> ", chat ? chat : "offhook");
		plain->prompt_stands = true;
	}
	plain->prompt_wanted = false;
}

static void take_line(struct plain *plain, char *line)
{
	struct failure failure = { 0 };

	plain->prompt_wanted = plain->config.interactive;
	plain->prompt_stands = false;
	if (!plain->asking && plain->config.interactive && runner_takes_command(plain->runner, slice_of(line)) &&
	    commands_say_quit(slice_trim(slice_of(line))) &&
	    !plain->quit_asked) {
		char *question = commands_quit_question(plain->config.commands);
		plain->quit_asked = question != NULL;
		if (question)
			print_out(plain, question);
		bool asked = question != NULL;
		free(question);
		if (asked)
			return;
	}
	if (!plain->asking) {
		runner_line(plain->runner, slice_of(line), plain->config.interactive);
		return;
	}
	terminal_echo(STDIN_FILENO, true);
	plain->secret_shown = false;
	output_write(plain->config.out, SLICE("\n"));
	if (!phone_account_password(plain->config.phone, slice_of(plain->asking), slice_of(line), &failure))
		print_err(plain, failure.text);
	explicit_bzero(line, strlen(line));
	xreplace(&plain->asking, NULL);
}

static void run_lines(struct plain *plain)
{
	char *line = NULL;

	/* What the reader has not taken yet must go first: the queue wakes us. */
	if (output_pending(plain->config.out) > OUTPUT_HIGH)
		return;
	for (int i = 0;
	     i < LINES_PER_TURN && (plain->config.interactive || runner_idle(plain->runner)) &&
	     (line = lines_next(&plain->lines, plain->ended));
	     i++) {
		take_line(plain, line);
		free(line);
	}
	if (plain->lines.too_long) {
		print_err(plain, "offhook: a line of standard input is longer than 1 MiB and was left out\n");
		plain->lines.too_long = 0;
		plain->status = plain->status ? plain->status : STATUS_USAGE;
	}
	if (!runner_idle(plain->runner) && !plain->config.interactive)
		return;
	if (plain->ended && !line && !plain->lines.rest.n)
		runner_keep_open(plain->runner, false);
	if (line)
		loop_again(plain->config.loop); /* more lines wait */
	else
		input_pause(plain->input, false);
	/* What the line brought about at once is told before the next prompt. */
	if (plain->config.interactive && runner_idle(plain->runner) &&
	    events_last(phone_events(plain->config.phone)) == plain->seen)
		ask_line(plain);
}

/* ---- the front end ---- */

static void start_prompt(struct plain *plain)
{
	struct runner_output output = talk(plain);

	terminal_size(STDOUT_FILENO, &plain->rows, &plain->cols);
	plain->prompt = prompt_new(&plain->config,
				   &(struct prompt_handler){ .say = on_say,
							     .changed = on_changed,
							     .entered = on_entered,
							     .key = on_key,
							     .stop = on_stop,
							     .ascii = true, /* a screen reader would spell them out */
							     .arg = plain },
				   &output, plain->rows, plain->cols);
	plain->runner = prompt_runner(plain->prompt);
	plain->resized = loop_signal(plain->config.loop, SIGWINCH, on_resized, plain);
	plain->stopped = loop_signal(plain->config.loop, SIGTSTP, on_stopped, plain);
	plain->continued = loop_signal(plain->config.loop, SIGCONT, on_continued, plain);
	plain->input = input_new(plain->config.loop, STDIN_FILENO, on_typed, on_end, plain);
}

static struct ui *plain_start(const struct ui_config *config)
{
	struct plain *plain = xcalloc(1, sizeof *plain);

	plain->ui.ops = &ui_plain;
	plain->config = *config;
	plain->notify = notify_new(config->loop, config->phone, config->out);
	plain->utf8 = terminal_is_utf8();
	plain->out_is_terminal = isatty(STDOUT_FILENO);
	plain->err_is_terminal = isatty(STDERR_FILENO);
	plain->ended = !config->reads_input;
	lines_init(&plain->lines);
	if (config->interactive && terminal_is_capable() &&
	    terminal_take(STDIN_FILENO, KEYS_PASTE_ON, KEYS_PASTE_OFF)) {
		start_prompt(plain);
	} else {
		struct runner_output output = talk(plain);
		plain->runner = runner_new(config->commands, "input", &output);
		/* At a terminal that readline cannot use people go on after a mistake; what comes from a pipe is a
		 * script. */
		runner_keep_going(plain->runner, config->interactive);
		if (config->reads_input)
			runner_set_typed(plain->runner);
		runner_keep_open(plain->runner, config->reads_input);
		if (config->reads_input)
			plain->input = input_new(config->loop, STDIN_FILENO, on_bytes, on_end, plain);
	}
	if (config->interactive && show_hint(config->phone))
		print_out(plain, show_hint(config->phone));
	plain->prompt_wanted = plain->dirty = true;
	return &plain->ui;
}

static void plain_turn_end(struct ui *ui)
{
	struct plain *plain = plain_of(ui);

	tell_events(plain);
	if (!plain->prompt) {
		run_lines(plain);
		return;
	}
	prompt_turn_end(plain->prompt);
	draw_completions(plain);
	draw_prompt(plain);
}

static bool plain_finished(const struct ui *ui)
{
	struct plain *plain = plain_of(ui);

	return plain->ended && !plain->lines.rest.n && runner_settled(plain->runner);
}

static int plain_status(const struct ui *ui)
{
	return plain_of(ui)->config.interactive ? 0 : plain_of(ui)->status;
}

static bool plain_interrupt(struct ui *ui)
{
	struct plain *plain = plain_of(ui);

	if (!plain->config.interactive)
		return false;
	if (plain->prompt) {
		prompt_interrupt(plain->prompt);
	} else {
		/* The terminal has dropped the line itself. */
		runner_interrupt(plain->runner);
		output_write(plain->config.out, SLICE("\n"));
		plain->prompt_stands = false;
	}
	plain->prompt_wanted = plain->dirty = true;
	return true;
}

static void plain_stop(struct ui *ui)
{
	struct plain *plain = plain_of(ui);

	tell_events(plain);
	blank_row(plain);
	if (plain->prompt_stands)
		output_write(plain->config.out, SLICE("\n"));
	if (plain->secret_shown)
		terminal_echo(STDIN_FILENO, true);
	input_free(plain->input);
	if (plain->prompt)
		prompt_free(plain->prompt);
	else
		runner_free(plain->runner);
	loop_signal_free(plain->resized);
	loop_signal_free(plain->stopped);
	loop_signal_free(plain->continued);
	output_flush(plain->config.out, 200);
	terminal_give_back();
	lines_fini(&plain->lines);
	notify_free(plain->notify);
	free(plain->asking);
	free(plain);
}

const struct ui_ops ui_plain = {
	.name = "plain",
	.start = plain_start,
	.turn_end = plain_turn_end,
	.finished = plain_finished,
	.status = plain_status,
	.interrupt = plain_interrupt,
	.file_output = plain_file_output,
	.message = plain_message,
	.trace = plain_trace,
	.stop = plain_stop,
};
