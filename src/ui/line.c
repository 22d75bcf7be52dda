#include "ui/line.h"

#include "base/xmalloc.h"
#include "command/words.h"
#include "ui/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

static struct line_handler on;
static char *prompt_text, *usual_prompt, *history_file;
static FILE *nowhere;
static struct slice input; /* bytes readline has not taken yet */
static bool started, secret;
static char **offered; /* completions shown */
static size_t offered_count;
static char **found; /* completions of the word being completed, for the generator */
static size_t found_count, found_next;
static size_t found_cut; /* bytes of each that stand before the word readline replaces */

/* ---- what readline asks us ---- */

static int next_byte(FILE *stream)
{
	(void)stream;
	if (!input.n)
		return 0;
	int c = (unsigned char)input.p[0];
	input = slice_from(input, 1);
	return c;
}

static int is_byte_there(void)
{
	return input.n > 0;
}

static void redisplay(void)
{
	on.changed(on.arg);
}

static void forget(char ***words, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		free((*words)[i]);
	free(*words);
	*words = NULL;
	*count = 0;
}

static char *next_match(const char *text, int state)
{
	if (!state)
		found_next = 0;
	while (found_next < found_count) {
		const char *word = found[found_next++];
		if (strlen(word) > found_cut && !strncmp(word + found_cut, text, strlen(text)))
			return strdup(word + found_cut);
	}
	return NULL;
}

/*
 * The command language says where the word begins; readline, which knows blanks only, may see a shorter one ("Built-in
 * Au" is one word of ours and two of readline's): the part before is cut off each match.
 */
static char **complete(const char *text, int start, int end)
{
	size_t ours = (size_t)start;

	rl_attempted_completion_over = 1;
	if (secret || !on.complete)
		return NULL;
	forget(&found, &found_count);
	found_count = on.complete(on.arg, rl_line_buffer, (size_t)end, &found, &ours);
	found_cut = (size_t)start > ours ? (size_t)start - ours : 0;
	if (ours > (size_t)start) {
		/* A word of ours that begins inside readline's ("from=wo"): put readline's part before each match. */
		size_t before = ours - (size_t)start;
		for (size_t i = 0; i < found_count; i++) {
			char *whole = xasprintf("%.*s%s", (int)before, rl_line_buffer + start, found[i]);
			free(found[i]);
			found[i] = whole;
		}
	}
	char **matches = rl_completion_matches(text, next_match);
	if (matches && !matches[1] && *matches[0]) {
		char last = matches[0][strlen(matches[0]) - 1];
		rl_completion_suppress_append = last == '=' || last == '/' || last == '@' || last == ':';
	}
	return matches;
}

static void offer(char **matches, int count, int longest)
{
	(void)longest;
	forget(&offered, &offered_count);
	offered = xcalloc((size_t)count, sizeof *offered);
	for (int i = 1; i <= count; i++)
		offered[offered_count++] = xstrdup(matches[i]);
	on.changed(on.arg);
}

/* ---- history ---- */

char *line_for_history(const char *text)
{
	struct slice line = slice_trim(slice_of(text));
	struct words_secret password;
	size_t at = 0, copied = 0;
	struct buf kept;

	if (!line.n)
		return NULL;
	buf_init(&kept, line.n + 1);
	while (words_next_secret(line, &at, &password)) {
		buf_add(&kept, slice_sub(line, copied, password.start - copied));
		copied = password.end;
	}
	buf_add(&kept, slice_from(line, copied));
	struct slice rest = slice_trim(buf_slice(&kept));
	char *result = rest.n ? slice_dup(rest) : NULL;
	buf_fini(&kept);
	return result;
}

static void make_folders(const char *path)
{
	char *copy = xstrdup(path);

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(copy, 0700);
		*slash = '/';
	}
	free(copy);
}

/* The session's history stays in memory. */
static void stop_history(int error)
{
	char *text = xasprintf("what is typed is kept no more: %s: %s", history_file, strerror(error));

	xreplace(&history_file, NULL);
	if (on.warn)
		on.warn(on.arg, text);
	free(text);
}

/* One write a line, so that two phones and a crash leave whole lines. */
static void append_line(const char *line)
{
	if (!history_file)
		return;
	int fd = open(history_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == ENOENT) {
		make_folders(history_file);
		fd = open(history_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (fd < 0) {
		stop_history(errno);
		return;
	}
	char *text = xasprintf("%s\n", line);
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t written = write(fd, text, strlen(text));
	if (written != (ssize_t)strlen(text)) {
		int error = written < 0 ? errno : ENOSPC;
		/* Half a line is none. */
		if (written > 0 && size >= 0 && ftruncate(fd, size) < 0)
			error = errno;
		stop_history(error);
	}
	free(text);
	close(fd);
}

static void remember(const char *text)
{
	char *line = line_for_history(text);

	if (!line)
		return;
	HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
	if (!last || strcmp(last->line, line)) {
		add_history(line);
		append_line(line);
	}
	free(line);
}

/* The file grows by appending; at the start it is cut to what we keep, by writing a new one and renaming it over the
 * old. */
static void load_history(void)
{
	unstifle_history(); /* or the file would never seem too long */
	bool read = history_file && read_history(history_file) == 0;
	int kept = history_length;
	stifle_history(LINE_HISTORY_MAX);
	if (!read || kept <= LINE_HISTORY_MAX)
		return;
	char *fresh = xasprintf("%s.%ld", history_file, (long)getpid());
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
		if (write_history(fresh) != 0 || rename(fresh, history_file) != 0)
			unlink(fresh);
	}
	free(fresh);
}

/* ---- lines ---- */

static void wipe(char *text)
{
	explicit_bzero(text, strlen(text));
}

static void on_line(char *text)
{
	if (!text)
		return; /* end of file: our owner sees C-d before readline does */
	bool was_secret = secret;
	secret = false;
	if (was_secret)
		line_set_prompt(prompt_text);
	else
		remember(text);
	on.entered(on.arg, text);
	if (was_secret)
		wipe(text);
	free(text);
}

/*
 * The searches that ask for their text first (M-n, M-p, and / ? n N in vi) free lists of changes twice in readline 8.2:
 * a crash at the next Enter. Their keys do nothing; C-r and C-s search as well, and safely.
 */
static void unbind_searches(void)
{
	for (const char *c = "np"; *c; c++)
		rl_bind_key_in_map(*c, NULL, emacs_meta_keymap);
	for (const char *c = "/?nN"; *c; c++)
		rl_bind_key_in_map(*c, NULL, vi_movement_keymap);
}

void line_start(const struct line_handler *handler, const char *prompt, const char *history_path, int rows, int cols)
{
	on = *handler;
	xreplace(&prompt_text, prompt);
	xreplace(&usual_prompt, prompt);
	xreplace(&history_file, history_path);
	nowhere = fopen("/dev/null", "w");
	rl_readline_name = "offhook";
	rl_catch_signals = rl_catch_sigwinch = rl_change_environment = 0;
	rl_prep_term_function = NULL;
	rl_deprep_term_function = NULL;
	rl_instream = stdin;
	rl_outstream = nowhere ? nowhere : stdout;
	rl_getc_function = next_byte;
	rl_input_available_hook = is_byte_there;
	rl_redisplay_function = redisplay;
	rl_attempted_completion_function = complete;
	rl_completion_display_matches_hook = offer;
	rl_completer_word_break_characters = (char *)" \t";
	rl_basic_word_break_characters = " \t";
	rl_sort_completion_matches = 1;
	rl_completion_query_items = 0;
	rl_variable_bind("show-all-if-ambiguous", "on");
	/* In the C locale readline takes the bytes of an umlaut for Meta keys, and "6" of them for a count. */
	rl_variable_bind("convert-meta", "off");
	rl_variable_bind("input-meta", "on");
	rl_variable_bind("output-meta", "on");
	unbind_searches(); /* before ~/.inputrc, which may say otherwise */
	rl_initialize();
	rl_variable_bind("bell-style", "none"); /* readline would write it to standard error */
	rl_set_screen_size(rows, cols);
	using_history();
	load_history();
	started = true;
	rl_callback_handler_install(prompt_text, on_line);
}

void line_stop(void)
{
	if (!started)
		return;
	started = false;
	rl_callback_handler_remove();
	forget(&offered, &offered_count);
	forget(&found, &found_count);
	rl_free_line_state();
	/* Lines of history that were changed and left keep how; nobody else would free it. */
	for (HIST_ENTRY **entry = history_list(); entry && *entry; entry++) {
		rl_undo_list = (UNDO_LIST *)(*entry)->data;
		rl_free_undo_list();
		(*entry)->data = NULL;
	}
	clear_history();
	xreplace(&prompt_text, NULL);
	xreplace(&usual_prompt, NULL);
	xreplace(&history_file, NULL);
	rl_outstream = stdout;
	if (nowhere)
		fclose(nowhere);
	nowhere = NULL;
}

/*
 * Readline 8.2 keeps pointers into lines of history while C-r searches, and frees those that were changed (seen under
 * AddressSanitizer: read after free in _rl_isearch_cleanup, lists of changes freed twice at Enter). A search therefore
 * begins in a line that is nobody's but its own: the text stays, its changes and its place in the history are
 * forgotten.
 */
static void begin_search_afresh(void)
{
	char *text = xstrdup(rl_line_buffer);
	int point = rl_point;

	rl_callback_sigcleanup();
	rl_free_line_state();
	rl_callback_handler_remove();
	rl_replace_line("", 1);
	rl_callback_handler_install(prompt_text, on_line);
	rl_replace_line(text, 1);
	rl_point = point < rl_end ? point : rl_end;
	free(text);
}

void line_bytes(struct slice bytes)
{
	enum { SEARCH_BACK = 'R' - '@', SEARCH_ON = 'S' - '@' };

	line_drop_completions();
	if (started && !secret && bytes.n && (bytes.p[0] == SEARCH_BACK || bytes.p[0] == SEARCH_ON) &&
	    !RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH | RL_STATE_MULTIKEY))
		begin_search_afresh();
	input = bytes;
	while (input.n && started)
		rl_callback_read_char();
	input = (struct slice){ 0 };
	if (started)
		on.changed(on.arg);
}

void line_paste(struct slice text)
{
	char *copy = slice_dup(text);
	size_t n = 0;

	line_drop_completions();
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '\n' || c == '\r' || c == '\t')
			copy[n++] = ' ';
		else if (c >= 0x20 && c != 0x7f)
			copy[n++] = (char)c;
	}
	/* The line feed at the end of a copied line would only be a blank that nobody typed. */
	while (n && copy[n - 1] == ' ')
		n--;
	copy[n] = 0;
	rl_insert_text(copy);
	free(copy);
	on.changed(on.arg);
}

void line_clear(void)
{
	line_drop_completions();
	if (secret)
		wipe(rl_line_buffer);
	secret = false;
	rl_callback_sigcleanup(); /* leaves a search or an argument that was being typed */
	/* What was changed in a line of history belongs to that line: it must not keep what is freed here. */
	rl_free_line_state();
	rl_callback_handler_remove();
	rl_replace_line("", 1);
	rl_callback_handler_install(prompt_text, on_line);
	on.changed(on.arg);
}

bool line_is_empty(void)
{
	return !started || (rl_end == 0 && !RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH));
}

const char *line_text(void)
{
	return started && rl_line_buffer && !line_is_secret() ? rl_line_buffer : "";
}

bool line_is_bare(void)
{
	return line_is_empty() && !secret && !strcmp(prompt_text, usual_prompt);
}

void line_set_prompt(const char *prompt)
{
	char *copy = xstrdup(prompt);

	free(prompt_text);
	prompt_text = copy;
	rl_set_prompt(prompt_text);
	on.changed(on.arg);
}

void line_ask_secret(const char *prompt)
{
	line_clear();
	secret = true;
	rl_set_prompt(prompt);
	on.changed(on.arg);
}

bool line_is_secret(void)
{
	return secret;
}

void line_resize(int rows, int cols)
{
	if (started)
		rl_set_screen_size(rows, cols);
}

void line_set_vi(bool vi)
{
	if (line_is_vi() != vi)
		rl_variable_bind("editing-mode", vi ? "vi" : "emacs");
}

bool line_is_vi(void)
{
	return rl_editing_mode == 0;
}

size_t line_draw(struct buf *to, size_t cols, bool utf8)
{
	struct slice prompt = slice_of(rl_display_prompt ? rl_display_prompt : prompt_text);

	if (secret)
		return text_line_window(to, prompt, SLICE(""), 0, cols, utf8);
	return text_line_window(to, prompt, slice_make(rl_line_buffer, (size_t)rl_end), (size_t)rl_point, cols, utf8);
}

const char *const *line_completions(size_t *count)
{
	*count = offered_count;
	return (const char *const *)offered;
}

void line_drop_completions(void)
{
	forget(&offered, &offered_count);
}
