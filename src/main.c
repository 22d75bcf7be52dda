/* Options and wiring: the only file that sees every floor. */
#include "base/xmalloc.h"
#include "ui/ctl.h"
#include "ui/errand.h"
#include "ui/options.h"
#include "ui/process.h"
#include "ui/service.h"
#include "ui/socket.h"
#include "ui/sources.h"
#include "ui/terminal.h"
#include "ui/ui.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { QUIET_LIMIT_S = 5, LEFT_OUT_S = 10, WARNINGS_AT_ONCE = 50 };

struct app {
	struct options options;
	struct loop *loop;
	struct output *out, *err;
	int err_fd; /* standard error as it was; the screen puts fd 2 elsewhere */
	struct log log;
	struct pace warnings;
	struct timer left_out_limit;
	unsigned left_out; /* warnings not told since the last time that their number was */
	struct phone *phone;
	struct commands *commands;
	struct sources *sources;
	struct runner_output file_output; /* of the front end, once there is one */
	struct ui *ui;
	struct control *control; /* the control socket, or NULL */
	char *config_dir, *saved_dir, *state_dir; /* saved_dir: beside the file of -c */
	bool interactive, reads_input;
	bool started, ending;
	struct timer limit;
	struct loop_signal *signals[3];
	struct buf early; /* said before there was a front end, each with its level: the screen says it again */
	int status;
};

/* ---- saying ---- */

static char *drop_notice(size_t pieces)
{
	return xasprintf("offhook: nobody read for a while: %zu pieces of output were left out here\n", pieces);
}

static char *drop_notice_json(size_t pieces)
{
	return xasprintf("{\"jsonrpc\":\"2.0\",\"method\":\"dropped\",\"params\":{\"lines\":%zu}}\n", pieces);
}

static void say_early(struct app *app, enum log_level level, const char *where, const char *text,
		      const char *shown_line)
{
	const char *before = level == LOG_WARNING ? "offhook: warning: " : "offhook: ";

	output_printf(app->err, "%s%s\n%s", *where ? where : before, text, shown_line);
	buf_printf(&app->early, "%d%s%s", (int)level, where, text);
	buf_add_char(&app->early, '\0');
}

static void message(struct app *app, enum log_level level, const char *text)
{
	control_message(app->control, level, text);
	if (app->ui)
		app->ui->ops->message(app->ui, level, text);
	else
		say_early(app, level, "", text, "");
}

static void say_again(struct app *app)
{
	struct slice rest = buf_slice(&app->early);

	while (app->ui->ops == &ui_screen && rest.n) {
		char *line = slice_dup(slice_cut(&rest, '\0'));
		app->ui->ops->message(app->ui, (enum log_level)(*line - '0'), line + 1);
		free(line);
	}
	buf_clear(&app->early);
}

static void tell_left_out(void *arg)
{
	struct app *app = arg;
	char *text = xasprintf("%u more warnings came than can be read", app->left_out);

	app->left_out = 0;
	message(app, LOG_WARNING, text);
	free(text);
}

static void on_log(void *arg, enum log_level level, const char *line)
{
	struct app *app = arg;
	struct timers *timers = loop_timers(app->loop);

	/* A peer can make us warn as often as it sends something. */
	if (level != LOG_WARNING || pace_takes(&app->warnings, timers->now_us, SECOND_US, WARNINGS_AT_ONCE))
		message(app, level, line);
	else if (!app->left_out++)
		timer_start(timers, &app->left_out_limit, LEFT_OUT_S * SECOND_US, tell_left_out, app);
}

/* Runners of files and of the configuration talk through the front end; before it is there, plainly. */
static void on_result(void *arg, struct runner *runner, const struct invocation *invocation, const char *text)
{
	struct app *app = arg;

	if (app->file_output.result)
		app->file_output.result(app->file_output.arg, runner, invocation, text);
	else if (*text)
		output_printf(app->out, "%s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
}

static void on_error(void *arg, struct runner *runner, const char *where, const struct failure *failure)
{
	struct app *app = arg;

	if (app->file_output.error)
		app->file_output.error(app->file_output.arg, runner, where, failure);
	else
		say_early(app, LOG_ERROR, where ? where : "", failure->text, runner_shown_line(runner));
}

static void on_echo(void *arg, struct runner *runner, const char *text)
{
	struct app *app = arg;

	if (app->file_output.echo)
		app->file_output.echo(app->file_output.arg, runner, text);
	else
		output_printf(app->out, "%s\n", text);
}

/* ---- the check of a file ---- */

static int check_file(struct app *app)
{
	struct buf errors;

	buf_init(&errors, 8 << 20);
	int status;
	commands_check_file(app->commands, app->options.argument, &errors, &status);
	output_write(app->err, buf_slice(&errors));
	buf_fini(&errors);
	return status;
}

/* ---- beginning and ending ---- */

static void end(struct app *app, int status)
{
	if (app->ending)
		return;
	app->ending = true;
	service_tell("STOPPING=1");
	app->status = status;
	phone_shut_down(app->phone);
	loop_again(app->loop);
}

static void on_limit(void *arg)
{
	struct app *app = arg;

	loop_stop(app->loop);
}

/* Scripts that wait, people and programs may be called: then the sockets of sip.listen are opened, after what the files
 * have set. */
static void open_sockets(struct app *app)
{
	struct failure failure = { 0 };

	bool lives = sources_ended(app->sources)
			     ? app->interactive || sources_stay(app->sources) || app->reads_input
			     : sources_are_running(app->sources);
	if (app->started || app->ending || !lives)
		return;
	app->started = true;
	if (phone_start(app->phone, &failure)) {
		service_tell("READY=1");
		return;
	}
	message(app, LOG_ERROR, failure.text);
	if (!app->interactive)
		end(app, (int)failure.status);
}

/* ---- the end ---- */

static void look_for_end(struct app *app)
{
	if (app->ending || !sources_ended(app->sources))
		return;
	if (app->interactive) {
		if (app->ui->ops->finished(app->ui))
			end(app, 0); /* the terminal is gone */
		return;
	}
	int status = sources_status(app->sources);
	if (app->options.stay || (!status && sources_stay(app->sources) && commands_have_handlers(app->commands)))
		return;
	bool words_were_all = sources_had_words(app->sources) && !status;
	if (!status && app->reads_input && !words_were_all && !app->ui->ops->finished(app->ui))
		return;
	end(app, status || !app->reads_input ? status : app->ui->ops->status(app->ui));
}

static void on_turn_end(void *arg)
{
	struct app *app = arg;
	uint64_t seen;
	int status = 0;

	phone_turn_end(app->phone);
	seen = events_last(phone_events(app->phone));
	commands_turn_end(app->commands);
	if (!app->ending)
		sources_turn_end(app->sources);
	open_sockets(app);
	app->ui->ops->turn_end(app->ui);
	control_turn_end(app->control);
	if (!app->ending && commands_quit_wanted(app->commands, &status))
		end(app, status);
	look_for_end(app);
	if (app->ending && !timer_running(&app->limit))
		timer_start(loop_timers(app->loop), &app->limit, QUIET_LIMIT_S * SECOND_US, on_limit, app);
	if (app->ending && phone_is_quiet(app->phone))
		loop_stop(app->loop);
	/* What commands brought about at this turn's end is told in the next. */
	if (events_last(phone_events(app->phone)) != seen)
		loop_again(app->loop);
}

static void on_signal(void *arg, int number)
{
	struct app *app = arg;

	if (number == SIGINT && !app->ending && app->ui->ops->interrupt(app->ui))
		return;
	if (app->ending)
		loop_stop(app->loop); /* the second time: now */
	end(app, 128 + number);
	app->status = 128 + number;
}

static void watch_signals(struct app *app)
{
	struct sigaction old;

	app->signals[0] = loop_signal(app->loop, SIGINT, on_signal, app);
	app->signals[1] = loop_signal(app->loop, SIGTERM, on_signal, app);
	/* nohup has said that the hang-up is not for us. */
	if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		app->signals[2] = loop_signal(app->loop, SIGHUP, on_signal, app);
}

/* ---- the start ---- */

static bool takes_standard_input(const struct options *options)
{
	for (size_t i = 0; i < options->source_count; i++)
		if (options->sources[i].is_file &&
		    process_descriptor(options->sources[i].text) == STDIN_FILENO)
			return true;
	return false;
}

/* Who is at the other end: a person, a program, or nobody. */
static void look_around(struct app *app)
{
	const struct options *options = &app->options;
	bool dash = takes_standard_input(options), nothing_to_run = !options->source_count && !options->word_count;

	bool on_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	app->interactive = on_terminal && !options->batch && !dash && options->front != FRONT_JSON &&
			   options->errand == ERRAND_PHONE;
	app->reads_input =
		app->interactive || (!dash && (nothing_to_run || (options->front == FRONT_JSON && !options->batch) ||
					       (options->stay && !options->batch)));
}

static void on_source_error(void *arg, const char *text)
{
	message(arg, LOG_ERROR, text);
}

static void start_sources(struct app *app)
{
	const char *saved_dir = app->saved_dir ? app->saved_dir : app->config_dir;

	app->sources = sources_new(&(struct sources_config){
		.options = &app->options,
		.loop = app->loop,
		.phone = app->phone,
		.commands = app->commands,
		.config_dir = app->config_dir,
		.saved_dir = saved_dir,
		.interactive = app->interactive,
		.output = { .result = on_result, .error = on_error, .echo = on_echo, .arg = app },
		.error = on_source_error,
		.arg = app,
	});
}

/* @return false: another phone is there, or the socket that was named cannot be (told) */
static bool open_control(struct app *app)
{
	const struct options *options = &app->options;
	bool passing = (options->source_count || options->batch) && !options->stay;
	struct failure failure = { 0 };
	int pid = 0;

	if (options->socket ? !strcmp(options->socket, "none") : options->no_config || passing)
		return true;
	char *path = options->socket ? xstrdup(options->socket) : control_default_path();
	if (path)
		app->control = control_open(app->loop, app->phone, app->commands, &app->log, path, &pid, &failure);
	/* Whom nobody asked for it does without: a service beside a phone that a person uses, a program's own phone. */
	bool needed = options->socket || (app->interactive && !strcmp(failure.reason, "running"));
	if (path && !app->control)
		log_line(&app->log, needed ? LOG_ERROR : app->interactive || options->stay ? LOG_WARNING : LOG_NOTICE,
			 "%s", failure.text);
	bool good = !path || app->control || !needed;
	free(path);
	return good;
}

static const struct ui_ops *choose_front_end(struct app *app)
{
	const char *wish = settings_text(phone_settings(app->phone), "screen.front-end");

	switch (app->options.front) {
	case FRONT_SCREEN:
		return &ui_screen;
	case FRONT_JSON:
		return &ui_json;
	case FRONT_PLAIN:
		return &ui_plain;
	default:
		return app->interactive && strcmp(wish, "plain") ? &ui_screen : &ui_plain;
	}
}

static void on_trace(void *arg, const char *heading, const char *text)
{
	struct app *app = arg;

	if (app->ui)
		app->ui->ops->trace(app->ui, heading, text);
	control_trace(app->control, heading, text);
}

static bool start_front_end(struct app *app)
{
	const struct ui_ops *ops = choose_front_end(app);
	struct failure failure = { 0 };
	struct ui_config config = {
		.loop = app->loop,
		.phone = app->phone,
		.commands = app->commands,
		.interactive = app->interactive,
		.verbose = app->options.verbose,
		.reads_input = app->reads_input,
		.stays = app->options.stay,
		.state_dir = app->state_dir,
		.out = app->out,
		.err = app->err,
		.failure = &failure,
	};

	app->ui = ops->start(&config);
	if (!app->ui && app->options.front == FRONT_AUTO)
		app->ui = ui_plain.start(&config);
	if (!app->ui) {
		message(app, LOG_ERROR, failure.text);
		return false;
	}
	app->file_output = app->ui->ops->file_output(app->ui);
	commands_set_output(app->commands, &app->file_output);
	say_again(app);
	phone_trace_watch(app->phone, on_trace, app);
	return true;
}

static void app_start(struct app *app)
{
	const struct options *options = &app->options;

	buf_init(&app->early, 8192);
	app->loop = loop_new();
	app->err_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	app->out = output_new(app->loop, STDOUT_FILENO, OUTPUT_MAX,
			      options->front == FRONT_JSON ? drop_notice_json : drop_notice);
	app->err = output_new(app->loop, app->err_fd, OUTPUT_MAX, drop_notice);
	app->log = (struct log){ .write = on_log, .arg = app, .level = options->verbose ? LOG_NOTICE : LOG_WARNING };
	if (!options->no_config && options->errand == ERRAND_PHONE) {
		app->config_dir = process_folder("XDG_CONFIG_HOME", ".config");
		app->state_dir = process_folder("XDG_STATE_HOME", ".local/state");
		const char *slash = options->config ? strrchr(options->config, '/') : NULL;
		if (options->config)
			app->saved_dir = slash ? xasprintf("%.*s", (int)(slash - options->config) + 1, options->config)
					       : xstrdup(".");
	}
	app->phone = phone_new(&(struct phone_config){
		.loop = app->loop,
		.log = &app->log,
		.config_dir = app->config_dir,
		.saved_dir = app->saved_dir,
		.state_dir = app->state_dir,
		.ephemeral_port = !app->interactive && !options->stay,
	});
	app->commands = commands_new(app->phone, app->loop);
}

/* A full disk must not look like success. A reader that has enough (`| head`) is no failure, nor is a terminal that
 * went away. */
static void tell_lost_output(struct app *app)
{
	int error = output_error(app->out);

	if (app->interactive || !error || error == EPIPE || error == EIO)
		return;
	output_printf(app->err, "offhook: standard output cannot be written: %s\n", strerror(error));
	app->status = app->status ? app->status : STATUS_SOUND;
}

static void app_stop(struct app *app)
{
	/* What a signal told to end does not wait for a reader; what ends by itself writes all that it has to say. */
	int limit_ms = app->status > 128 ? 1000 : -1;

	for (size_t i = 0; i < ARRAY_LEN(app->signals); i++)
		loop_signal_free(app->signals[i]);
	timer_stop(loop_timers(app->loop), &app->limit);
	if (app->left_out)
		tell_left_out(app);
	app->file_output = (struct runner_output){ 0 };
	control_close(app->control);
	app->control = NULL;
	if (app->ui) {
		struct ui *ui = app->ui;
		app->ui = NULL;
		commands_set_output(app->commands, &app->file_output);
		ui->ops->stop(ui);
	}
	sources_free(app->sources);
	buf_fini(&app->early);
	commands_free(app->commands);
	phone_free(app->phone);
	output_flush(app->out, limit_ms);
	tell_lost_output(app);
	output_flush(app->err, limit_ms);
	output_free(app->out);
	output_free(app->err);
	loop_free(app->loop);
	if (app->err_fd >= 0)
		close(app->err_fd);
	free(app->config_dir);
	free(app->saved_dir);
	free(app->state_dir);
	options_fini(&app->options);
}

int main(int argc, char *argv[])
{
	static struct app app;
	struct failure failure = { 0 };

	process_keep_descriptors();
	process_keep_memory();
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may grow no more is an error of that file, not our end */
	if (!options_parse(&app.options, argc, argv, &failure)) {
		fprintf(stderr, "offhook: %s\n", failure.text);
		options_fini(&app.options);
		return (int)failure.status;
	}
	if (app.options.errand == ERRAND_CTL) {
		char *path = app.options.socket ? xstrdup(app.options.socket) : control_default_path();
		int status = ctl_run(path, app.options.words, app.options.word_count);
		free(path);
		options_fini(&app.options);
		return status;
	}
	if (app.options.errand != ERRAND_PHONE && app.options.errand != ERRAND_CHECK) {
		int status = errand_run(&app.options);
		options_fini(&app.options);
		return status;
	}
	process_raise_descriptors();
	if (!process_has_descriptors()) {
		options_fini(&app.options);
		return STATUS_NETWORK;
	}
	look_around(&app);
	app_start(&app);
	if (app.options.errand == ERRAND_CHECK) {
		app.status = check_file(&app);
	} else if (!open_control(&app)) {
		app.status = STATUS_NETWORK;
	} else {
		start_sources(&app);
		if (start_front_end(&app)) {
			watch_signals(&app);
			loop_at_turn_end(app.loop, on_turn_end, &app);
			loop_run(app.loop);
		} else {
			app.status = STATUS_USAGE;
		}
	}
	app_stop(&app);
	return app.status;
}
