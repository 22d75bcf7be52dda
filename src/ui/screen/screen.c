#include "ui/screen/screen.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "ui/show.h"
#include "ui/terminal.h"
#include "ui/text.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MS = 40, SLOWEST_FRAME_MS = 500 };
/* Of the time, drawing takes one part in so many: what flows by faster cannot be read anyway. */
enum { DRAWING_SHARE = 80 };

static struct screen *screen_of(const struct ui *ui)
{
	return CONTAINER_OF((struct ui *)ui, struct screen, ui);
}

static int64_t now_us(const struct screen *screen)
{
	return loop_timers(screen->config.loop)->now_us;
}

/* ---- what is said ---- */

void screen_notice(struct screen *screen, enum style style, const char *text)
{
	size_t n = strcspn(text, "\n");

	snprintf(screen->notice, sizeof screen->notice, "%.*s", (int)n, text);
	screen->notice_style = style;
	screen->dirty = true;
}

static void say(void *arg, const char *text)
{
	struct screen *screen = arg;

	screen_log_add(screen, STYLE_ALERT, text);
	screen_notice(screen, STYLE_ALERT, text);
}

/* Texts that need more rows than the log shows beside the calls get the log view, from their first row on. */
static void show_long(struct screen *screen, size_t count_before)
{
	struct pane *pane = &screen->panes[VIEW_LOG];
	size_t added = screen->log.count - count_before, whole = screen->rows > 5 ? (size_t)screen->rows - 5 : 1;

	if (added <= 1 || (pane->shown && added <= pane->page))
		return;
	screen->long_text = screen->long_text || screen->view != VIEW_LOG;
	screen->back_to = screen->view != VIEW_LOG ? screen->view : screen->back_to;
	screen->view = VIEW_LOG;
	screen->long_from = count_before;
	screen_notice(screen, STYLE_DIM, added > whole ? "PgUp PgDn scroll, Esc: back" : "Esc: back");
}

static void on_result(void *arg, struct runner *runner, const struct invocation *invocation, const char *text)
{
	struct screen *screen = arg;
	size_t before = screen->log.count;

	(void)invocation;
	if (!*text)
		return;
	screen->panes[VIEW_LOG].moved = false;
	screen_log_add(screen, STYLE_PLAIN, text);
	/* The first of many rows alone tells nothing. */
	screen_notice(screen, STYLE_PLAIN, strchr(text, '\n') && strchr(text, '\n')[1] ? "" : text);
	if (screen->prompt && runner == prompt_runner(screen->prompt))
		show_long(screen, before);
}

static void on_error(void *arg, struct runner *runner, const char *where, const struct failure *failure)
{
	struct screen *screen = arg;
	char *text = show_error(runner, where, failure);

	text[strlen(text) - 1] = 0;
	screen_log_add(screen, STYLE_BAD, text);
	screen_notice(screen, STYLE_BAD, text);
	free(text);
}

static void on_echo(void *arg, struct runner *runner, const char *text)
{
	struct screen *screen = arg;

	(void)runner;
	screen_log_add(screen, STYLE_PLAIN, *text ? text : " ");
	screen_notice(screen, STYLE_PLAIN, text);
}

static struct runner_output talk(struct screen *screen)
{
	return (struct runner_output){ .result = on_result, .error = on_error, .echo = on_echo, .arg = screen };
}

static struct runner_output screen_file_output(struct ui *ui)
{
	return talk(screen_of(ui));
}

static void screen_message(struct ui *ui, enum log_level level, const char *text)
{
	struct screen *screen = screen_of(ui);
	enum style style = level == LOG_ERROR ? STYLE_BAD : level == LOG_WARNING ? STYLE_ALERT : STYLE_PLAIN;

	screen_log_add(screen, style, text);
	if (level <= LOG_WARNING)
		screen_notice(screen, style, text);
}

static void screen_trace(struct ui *ui, const char *heading, const char *text)
{
	struct screen *screen = screen_of(ui);

	screen_log_add(screen, STYLE_REQUEST, heading);
	screen_log_add(screen, STYLE_PLAIN, text);
}

/* ---- events ---- */

static void announce(struct screen *screen, const struct event *event)
{
	const char *from = event_value(event, "from");
	struct buf title;

	notify_incoming(screen->notify, event, true);
	buf_init(&title, 256);
	utf8_clean(&title, slice_sub(slice_of(from ? from : "somebody"), 0, 80), false);
	buf_printf(&title, " is calling");
	draw_set_title(screen->terminal, buf_slice(&title));
	buf_fini(&title);
	screen->title_set = true;
}

static void restore_title(struct screen *screen)
{
	if (screen->title_set)
		draw_set_title(screen->terminal, SLICE(""));
	screen->title_set = false;
}

static enum style event_style(const struct event *event)
{
	switch (event->kind) {
	case EVENT_FAILED:
	case EVENT_REGISTER_FAILED:
	case EVENT_MEDIA_LOST:
	case EVENT_MEDIA_REFUSED:
		return STYLE_BAD;
	case EVENT_INCOMING:
		return STYLE_ALERT;
	case EVENT_ANSWERED:
	case EVENT_REGISTERED:
		return STYLE_GOOD;
	default:
		return STYLE_PLAIN;
	}
}

static void tell_event(struct screen *screen, const struct event *event)
{
	time_t when = (time_t)(event->unix_us / SECOND_US);
	struct tm local;
	struct buf line;
	char clock[16];

	localtime_r(&when, &local);
	strftime(clock, sizeof clock, "%H:%M:%S ", &local);
	buf_init(&line, UI_LINE_BYTES);
	buf_printf(&line, "%s", clock);
	event_sentence(event, &line);
	screen_log_add(screen, event_style(event), buf_text(&line));
	screen_notice(screen, event_style(event), buf_text(&line) + strlen(clock));
	buf_fini(&line);
}

static void read_events(struct screen *screen)
{
	struct events *events = phone_events(screen->config.phone);
	const struct event *event;

	while ((event = events_next(events, screen->seen))) {
		screen->seen = event->number;
		screen->dirty = true;
		if (event->call)
			screen->latest_call = event->call;
		if (event->kind == EVENT_INCOMING)
			announce(screen, event);
		if (show_event(screen->config.phone, event, false) &&
		    !show_asks_instead(screen->config.phone, event))
			tell_event(screen, event);
	}
}

/* ---- the model, read once a frame ---- */

static void read_targets(struct screen *screen)
{
	struct targets targets = { 0, 0 };

	for (size_t i = 0; i < screen->call_count && i < CALLS_SHOWN; i++) {
		const struct call_view *call = &screen->calls[i];
		if (call->state == CALL_INCOMING) {
			if (!targets.ringing)
				targets.ringing = call->number;
		} else if (call->state != CALL_ENDED && call->state != CALL_FAILED &&
			   (call->selected || !targets.hang_up)) {
			targets.hang_up = call->number;
		}
	}
	if (targets.ringing != screen->targets.ringing)
		screen->ringing_changed_us = now_us(screen);
	if (targets.hang_up != screen->targets.hang_up)
		screen->hang_up_changed_us = now_us(screen);
	screen->targets = targets;
	if (!targets.ringing)
		restore_title(screen);
}

static void read_model(struct screen *screen)
{
	screen->call_count = phone_calls(screen->config.phone, screen->calls, CALLS_SHOWN);
	screen->account_count = phone_accounts(screen->config.phone, screen->accounts, ACCOUNTS_SHOWN);
	read_targets(screen);
}

static void sample_levels(struct screen *screen)
{
	memmove(screen->mic_db, screen->mic_db + 1, (LEVELS - 1) * sizeof screen->mic_db[0]);
	memmove(screen->heard_db, screen->heard_db + 1, (LEVELS - 1) * sizeof screen->heard_db[0]);
	screen->mic_db[LEVELS - 1] = screen->heard_db[LEVELS - 1] = -100;
	for (size_t i = 0; i < screen->call_count && i < CALLS_SHOWN; i++)
		if (screen->calls[i].selected && screen->calls[i].has_media) {
			screen->mic_db[LEVELS - 1] = screen->calls[i].mic_db;
			screen->heard_db[LEVELS - 1] = screen->calls[i].heard_db;
		}
}

/* Every second while a call or a retry counts, else when the minute changes. */
static void start_tick(struct screen *screen);

static void on_tick(void *arg)
{
	struct screen *screen = arg;

	read_model(screen);
	sample_levels(screen);
	screen->dirty = true;
	start_tick(screen);
}

static void start_tick(struct screen *screen)
{
	struct timespec now;
	bool seconds = screen->call_count > 0;

	for (size_t i = 0; i < screen->account_count && i < ACCOUNTS_SHOWN; i++)
		seconds = seconds || screen->accounts[i].retry_s;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t left_us = SECOND_US - now.tv_nsec / 1000 + (seconds ? 0 : (59 - now.tv_sec % 60) * SECOND_US);
	timer_start(loop_timers(screen->config.loop), &screen->tick, left_us + MS_US, on_tick, screen);
}

/* ---- drawing ---- */

/* Settings that change how the terminal is used; most frames find nothing changed. */
static void apply_settings(struct screen *screen)
{
	const struct settings *settings = phone_settings(screen->config.phone);
	bool mouse = settings_on(settings, "screen.mouse");

	if (theme_choose(settings_text(settings, "screen.theme")))
		draw_all_anew();
	if (mouse != screen->mouse_on)
		output_write(screen->terminal, mouse ? SLICE(DRAW_MOUSE_ON) : SLICE(DRAW_MOUSE_OFF));
	screen->mouse_on = mouse;
}

static void on_redraw(void *arg)
{
	(void)arg; /* the turn's end draws */
}

static int64_t cpu_us(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
	return (int64_t)spent.tv_sec * SECOND_US + spent.tv_nsec / 1000;
}

static void draw(struct screen *screen)
{
	int64_t before_us = cpu_us();

	apply_settings(screen);
	read_model(screen);
	screen->dirty = screen->typed = false;
	screen->drawn_us = now_us(screen);
	layout_frame(screen);
	int64_t pause_us = (cpu_us() - before_us) * DRAWING_SHARE;
	screen->pause_us = pause_us < FRAME_MS * MS_US		 ? FRAME_MS * MS_US
			   : pause_us > SLOWEST_FRAME_MS * MS_US ? SLOWEST_FRAME_MS * MS_US
								 : pause_us;
}

/* At most one frame a turn, none while the terminal has not taken the last, and 25 a second unless somebody types. */
static void draw_if_needed(struct screen *screen)
{
	int64_t since_us = now_us(screen) - screen->drawn_us;

	if (!screen->dirty || output_pending(screen->terminal))
		return;
	if (!screen->typed && since_us < screen->pause_us) {
		if (!timer_running(&screen->redraw))
			timer_start(loop_timers(screen->config.loop), &screen->redraw, screen->pause_us - since_us,
				    on_redraw, screen);
		return;
	}
	bool was_busy = screen->call_count > 0;
	draw(screen);
	if (!timer_running(&screen->tick) || was_busy != (screen->call_count > 0))
		start_tick(screen);
}

void screen_touch(void *arg)
{
	struct screen *screen = arg;

	screen->dirty = screen->typed = true;
}

static void take_size(struct screen *screen)
{
	terminal_size(STDOUT_FILENO, &screen->rows, &screen->cols);
	draw_resize(screen->rows, screen->cols);
	screen->cols = draw_usable_cols(screen->cols);
	prompt_resize(screen->prompt, screen->rows, screen->cols);
	prompt_set_columns(screen->prompt, layout_left_cols(screen));
	screen_touch(screen);
}

static void stop(void *arg)
{
	terminal_stop();
	((struct screen *)arg)->mouse_on = false; /* leaving has switched it off */
	take_size(arg);
}

static void on_typed(void *arg, struct slice bytes)
{
	struct screen *screen = arg;

	prompt_bytes(screen->prompt, bytes);
}

static void on_end(void *arg)
{
	struct screen *screen = arg;

	screen->ended = true;
}

/* ---- signals, standard error ---- */

static void on_resized(void *arg, int number)
{
	(void)number;
	take_size(arg);
}

/* From outside, with or without a call: who sends it means it. */
static void on_stopped(void *arg, int number)
{
	(void)number;
	stop(arg);
}

static void on_continued(void *arg, int number)
{
	terminal_continue();
	((struct screen *)arg)->mouse_on = false;
	on_resized(arg, number);
}

/* Libraries that write to standard error would write across the screen: their lines go to the log. */
static void on_errors(void *arg, int events)
{
	struct screen *screen = arg;
	char bytes[4096], *line;
	ssize_t n = read(screen->errors_fd, bytes, sizeof bytes);

	(void)events;
	if (n <= 0)
		return;
	lines_add(&screen->error_lines, slice_make(bytes, (size_t)n));
	while ((line = lines_next(&screen->error_lines, false))) {
		char *clean = utf8_clean_dup(slice_of(line));
		screen_log_add(screen, STYLE_DIM, clean);
		free(clean);
		free(line);
	}
}

static void catch_errors(struct screen *screen)
{
	int ends[2];

	lines_init(&screen->error_lines);
	screen->errors_fd = screen->saved_error_fd = -1;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	screen->saved_error_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	screen->errors_fd = ends[0];
	screen->errors = loop_watch(screen->config.loop, ends[0], LOOP_READ, on_errors, screen);
}

static void release_errors(struct screen *screen)
{
	if (screen->errors_fd >= 0) {
		loop_unwatch(screen->errors);
		close(screen->errors_fd);
		if (screen->saved_error_fd >= 0) {
			dup2(screen->saved_error_fd, STDERR_FILENO);
			close(screen->saved_error_fd);
		} else {
			close(STDERR_FILENO);
		}
	}
	lines_fini(&screen->error_lines);
}

/* ---- the front end ---- */

static void on_drained(void *arg)
{
	(void)arg; /* the turn's end draws what changed meanwhile */
}

static void tell_why_not(const struct ui_config *config)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		fail(config->failure, STATUS_USAGE, "terminal",
		     "the screen needs a terminal, and standard %s is none; --plain works without",
		     isatty(STDIN_FILENO) ? "output" : "input");
	else if (!config->interactive)
		fail(config->failure, STATUS_USAGE, "terminal",
		     "the screen needs somebody who types: leave out --batch, or take --plain");
	else
		fail(config->failure, STATUS_USAGE, "terminal",
		     "the screen needs a terminal whose cursor can be moved (TERM is %s); --plain works without",
		     term && *term ? term : "not set");
}

static struct ui *screen_start(const struct ui_config *config)
{
	struct screen *screen = xcalloc(1, sizeof *screen);
	struct runner_output output = talk(screen);

	screen->ui.ops = &ui_screen;
	screen->config = *config;
	screen->terminal = config->out;
	buf_init(&screen->find, 256);
	terminal_size(STDOUT_FILENO, &screen->rows, &screen->cols);
	if (!config->interactive || !terminal_is_capable() ||
	    !draw_start(screen->rows, screen->cols, terminal_is_utf8())) {
		tell_why_not(config);
		free(screen);
		return NULL;
	}
	screen->cols = draw_usable_cols(screen->cols);
	terminal_take(STDIN_FILENO, draw_enter_text(), draw_leave_text());
	screen->notify = notify_new(config->loop, config->phone, config->out);
	for (int i = 0; i < LEVELS; i++)
		screen->mic_db[i] = screen->heard_db[i] = -100;
	screen->prompt = prompt_new(&screen->config,
				    &(struct prompt_handler){ .say = say,
							      .changed = screen_touch,
							      .entered = screen_entered,
							      .key = screen_key,
							      .text = screen_text,
							      .stop = stop,
							      .arg = screen },
				    &output, screen->rows, screen->cols);
	prompt_set_columns(screen->prompt, layout_left_cols(screen));
	screen->resized = loop_signal(config->loop, SIGWINCH, on_resized, screen);
	screen->stopped = loop_signal(config->loop, SIGTSTP, on_stopped, screen);
	screen->continued = loop_signal(config->loop, SIGCONT, on_continued, screen);
	screen->input = input_new(config->loop, STDIN_FILENO, on_typed, on_end, screen);
	catch_errors(screen);
	output_on_drained(screen->terminal, on_drained, screen);
	if (show_hint(config->phone))
		screen_message(&screen->ui, LOG_NOTICE, show_hint(config->phone));
	screen->dirty = screen->typed = true;
	return &screen->ui;
}

static void screen_turn_end(struct ui *ui)
{
	struct screen *screen = screen_of(ui);

	read_events(screen);
	prompt_turn_end(screen->prompt);
	draw_if_needed(screen);
}

static bool screen_finished(const struct ui *ui)
{
	return screen_of(ui)->ended;
}

static int screen_status(const struct ui *ui)
{
	(void)ui;
	return 0;
}

static bool screen_interrupt(struct ui *ui)
{
	prompt_interrupt(screen_of(ui)->prompt);
	return true;
}

static void screen_stop(struct ui *ui)
{
	struct screen *screen = screen_of(ui);

	restore_title(screen);
	output_on_drained(screen->terminal, NULL, NULL);
	timer_stop(loop_timers(screen->config.loop), &screen->tick);
	timer_stop(loop_timers(screen->config.loop), &screen->redraw);
	input_free(screen->input);
	prompt_free(screen->prompt);
	loop_signal_free(screen->resized);
	loop_signal_free(screen->stopped);
	loop_signal_free(screen->continued);
	output_flush(screen->terminal, 200);
	terminal_give_back();
	draw_stop();
	release_errors(screen);
	screen_log_free(&screen->log);
	for (size_t i = 0; i < VIEWS; i++)
		pane_fini(&screen->panes[i]);
	buf_fini(&screen->find);
	notify_free(screen->notify);
	free(screen->ladder_account);
	free(screen);
}

const struct ui_ops ui_screen = {
	.name = "screen",
	.start = screen_start,
	.turn_end = screen_turn_end,
	.finished = screen_finished,
	.status = screen_status,
	.interrupt = screen_interrupt,
	.file_output = screen_file_output,
	.message = screen_message,
	.trace = screen_trace,
	.stop = screen_stop,
};
