#include "ui/sources.h"

#include "base/xmalloc.h"
#include "ui/input.h"
#include "ui/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_TEXT_MAX = 16 << 20 };

struct sources {
	struct sources_config config;
	struct runner *configuration, *script;
	bool failed_configuration, ended, stays, words_given;
	size_t next;
	struct input *input; /* -f -: standard input until its end */
	struct buf input_text;
	bool input_ended;
	int input_error;
	int status;
};

/* ---- the configuration ---- */

/* @return false: it cannot be read, or it has errors (told) */
static bool run_configuration_file(struct sources *sources, const char *path, bool wanted, bool line_by_line)
{
	/* Anything else that hides it from us (a folder without permission, a link to itself) is told. */
	if (!path || (!wanted && access(path, F_OK) < 0 && errno == ENOENT))
		return true;
	bool good = line_by_line ? runner_file_line_by_line(sources->configuration, path)
				 : runner_file(sources->configuration, path, NULL, 0);
	if (!good && sources->config.interactive && !access(path, R_OK)) {
		char *text = xasprintf("nothing of %s counts until that is mended", path);
		sources->config.error(sources->config.arg, text);
		free(text);
	}
	return good;
}

static void run_configuration(struct sources *sources)
{
	const struct sources_config *config = &sources->config;
	const char *named = config->options->config;
	char *saved = config->saved_dir ? xasprintf("%s/saved", config->saved_dir) : NULL;
	char *own = named                ? xstrdup(named)
		    : config->config_dir ? xasprintf("%s/config", config->config_dir)
					 : NULL;
	/* An address or a device that is no more takes no account away from a person, whose next `save` would forget
	 * it; a batch ends as it does of every failure. */
	bool good = run_configuration_file(sources, saved, false, config->interactive);

	good = run_configuration_file(sources, own, named != NULL, false) && good;
	sources->failed_configuration = !good || runner_status(sources->configuration) != 0;
	free(saved);
	free(own);
}

/* ---- files and lines ---- */

static void on_input_bytes(void *arg, struct slice bytes)
{
	struct sources *sources = arg;

	buf_add(&sources->input_text, bytes);
	sources->input_ended |= sources->input_text.full; /* no use to read on */
}

static void on_input_end(void *arg)
{
	struct sources *sources = arg;

	sources->input_ended = true;
	sources->input_error = input_error(sources->input);
}

static void input_failed(struct sources *sources, const char *called)
{
	char *text = sources->input_error
			     ? xasprintf("%s cannot be read: %s", called, strerror(sources->input_error))
			     : xasprintf("%s is longer than 16 MiB: that is no command file", called);

	sources->config.error(sources->config.arg, text);
	free(text);
	sources->status = sources->input_error ? STATUS_SOUND : STATUS_USAGE;
}

/* The whole of it is checked before its first line runs, as with any file. @return false: not all of it is there yet */
static bool run_input(struct sources *sources, const char *name, int fd)
{
	if (!sources->input) {
		buf_init(&sources->input_text, INPUT_TEXT_MAX);
		sources->input = input_new(sources->config.loop, fd, on_input_bytes, on_input_end, sources);
	}
	if (!sources->input_ended)
		return false;
	input_free(sources->input);
	sources->input = NULL;
	if (sources->input_error || sources->input_text.full)
		input_failed(sources, strcmp(name, "-") ? name : "standard input");
	else if (!runner_text(sources->script, name, buf_slice(&sources->input_text)))
		sources->status = STATUS_USAGE;
	buf_fini(&sources->input_text);
	sources->input_ended = false;
	return true;
}

/* @return false: it waits */
static bool run_source(struct sources *sources, const struct source *source)
{
	int fd = source->is_file ? process_descriptor(source->text) : -1;

	if (!source->is_file) {
		runner_line(sources->script, slice_of(source->text), false);
	} else if (fd >= 0) {
		return run_input(sources, source->text, fd);
	} else if (!runner_file(sources->script, source->text, NULL, 0) && !sources->status) {
		sources->status = runner_status(sources->script) ? runner_status(sources->script) : STATUS_USAGE;
	}
	return true;
}

/* ---- the words ---- */

/* They are over when their call is. */
static bool words_are_over(struct sources *sources)
{
	struct phone *phone = sources->config.phone;
	unsigned call = runner_call(sources->script);
	struct call_view view;

	if (sources->config.interactive || !sources->words_given || !call)
		return true;
	if (!phone_call_ended(phone, call))
		return false;
	if (phone_view_call(phone, call, &view) && view.state == CALL_FAILED && !sources->status) {
		struct buf text;
		buf_init(&text, 4096);
		buf_printf(&text, "call %u failed: ", call);
		outcome_text(&text, view.code, *view.reason ? view.reason : view.cause, view.cause);
		sources->config.error(sources->config.arg, buf_text(&text));
		buf_fini(&text);
		sources->status = STATUS_CALL;
	}
	return true;
}

/* ---- one after the other ---- */

/* @return false: one waits for what it reads */
static bool run_next(struct sources *sources)
{
	const struct options *options = sources->config.options;

	while (!sources->status && runner_idle(sources->script)) {
		if (runner_status(sources->script)) {
			sources->status = runner_status(sources->script);
		} else if (sources->next < options->source_count) {
			if (!run_source(sources, &options->sources[sources->next]))
				return false;
			sources->next++;
		} else if (options->word_count && !sources->words_given) {
			sources->words_given = true;
			runner_words(sources->script, options->words, options->word_count);
		} else {
			runner_keep_open(sources->script, false);
			break;
		}
	}
	return true;
}

static void end(struct sources *sources)
{
	const struct options *options = sources->config.options;

	sources->ended = true;
	if (sources->config.interactive && !options->no_config)
		commands_mark_saved(sources->config.commands);
	sources->stays = options->stay || (!options->batch && options->source_count &&
					   commands_have_handlers(sources->config.commands));
	if (sources->config.interactive)
		sources->status = 0; /* it was told; the person goes on */
}

void sources_turn_end(struct sources *sources)
{
	if (sources->ended || !runner_idle(sources->configuration))
		return;
	if (sources->failed_configuration && !sources->config.interactive && !sources->status) {
		int status = runner_status(sources->configuration);
		sources->status = status ? status : STATUS_USAGE;
	}
	if (!run_next(sources))
		return;
	if (!sources->status)
		sources->status = runner_status(sources->script);
	if (sources->status || (runner_settled(sources->script) && words_are_over(sources)))
		end(sources);
}

struct sources *sources_new(const struct sources_config *config)
{
	struct sources *sources = xcalloc(1, sizeof *sources);

	sources->config = *config;
	sources->configuration = runner_new(config->commands, "config", &config->output);
	sources->script = runner_new(config->commands, "-x", &config->output);
	runner_keep_open(sources->script, true);
	if (!config->options->no_config)
		run_configuration(sources);
	return sources;
}

void sources_free(struct sources *sources)
{
	if (!sources)
		return;
	if (sources->input) {
		input_free(sources->input);
		buf_fini(&sources->input_text);
	}
	runner_free(sources->script);
	runner_free(sources->configuration);
	free(sources);
}

/* ---- how far it is ---- */

bool sources_ended(const struct sources *sources)
{
	return sources->ended;
}

int sources_status(const struct sources *sources)
{
	return sources->status;
}

bool sources_are_running(const struct sources *sources)
{
	return !runner_idle(sources->script);
}

bool sources_had_words(const struct sources *sources)
{
	return sources->words_given;
}

bool sources_stay(const struct sources *sources)
{
	return sources->stays;
}
