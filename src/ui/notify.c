#include "ui/notify.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "loop/loop.h"
#include "phone/phone.h"

#include <stdlib.h>

enum { RUNNING_MAX = 4, WORDS_MAX = 32, NAME_BYTES = 80, ARGUMENT_BYTES = 400 };

struct notify {
	struct loop *loop;
	struct phone *phone;
	struct output *terminal;
	struct running {
		struct notify *notify;
		struct loop_child *child;
	} running[RUNNING_MAX];
	bool warned;
};

struct notify *notify_new(struct loop *loop, struct phone *phone, struct output *terminal)
{
	struct notify *notify = xcalloc(1, sizeof *notify);

	notify->loop = loop;
	notify->phone = phone;
	notify->terminal = terminal;
	return notify;
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	for (size_t i = 0; i < RUNNING_MAX; i++)
		loop_child_kill(notify->running[i].child);
	free(notify);
}

/* Some know 777 with a title, others 9; those that know both would tell it twice. */
static bool wants_777(const char *how, const char *term)
{
	static const char *const kinds[] = { "rxvt", "foot", "vte", "gnome", "ghostty" };

	if (!strcmp(how, "777"))
		return true;
	for (size_t i = 0; !strcmp(how, "auto") && i < ARRAY_LEN(kinds); i++)
		if (term && !strncmp(term, kinds[i], strlen(kinds[i])))
			return true;
	return false;
}

/* Terminals that are not known to take such sequences might print them. */
static bool knows_osc(const char *term)
{
	static const char *const kinds[] = { "xterm", "tmux", "screen", "rxvt",  "alacritty", "foot",
					     "kitty", "st-",  "vte",	"gnome", "konsole",   "wezterm", "ghostty" };

	for (size_t i = 0; term && i < ARRAY_LEN(kinds); i++)
		if (!strncmp(term, kinds[i], strlen(kinds[i])))
			return true;
	return false;
}

void notify_osc(const char *how, const char *term, bool tmux, struct slice text, struct buf *to)
{
	struct buf plain;

	if (!strcmp(how, "off") || (!strcmp(how, "auto") && !knows_osc(term)))
		return;
	buf_init(&plain, ARGUMENT_BYTES);
	utf8_clean(&plain, slice_sub(text, 0, ARGUMENT_BYTES / 4), false);
	/* A semicolon would begin another parameter. */
	for (size_t i = 0; i < plain.n; i++)
		if (plain.p[i] == ';')
			plain.p[i] = ',';
	const char *escape = tmux ? "\033\033" : "\033";
	buf_printf(to, "%s%s]%s%s\a%s", tmux ? "\033Ptmux;" : "", escape,
		   wants_777(how, term) ? "777;notify;offhook;" : "9;", buf_text(&plain), tmux ? "\033\\" : "");
	buf_fini(&plain);
}

size_t notify_words(struct slice text, char **words, size_t max)
{
	size_t count = 0, i = 0;

	while (count < max) {
		struct buf word;
		char quote = 0;
		while (i < text.n && (text.p[i] == ' ' || text.p[i] == '\t'))
			i++;
		if (i == text.n)
			break;
		buf_init(&word, 4096);
		for (; i < text.n && (quote || (text.p[i] != ' ' && text.p[i] != '\t')); i++) {
			if (quote ? text.p[i] == quote : text.p[i] == '"' || text.p[i] == '\'')
				quote = quote ? 0 : text.p[i];
			else
				buf_add_char(&word, text.p[i]);
		}
		words[count++] = buf_take(&word);
	}
	return count;
}

static void on_done(void *arg, int status, const char *output, size_t bytes)
{
	struct running *running = arg;

	(void)output;
	(void)bytes;
	running->child = NULL;
	if (status && !running->notify->warned)
		phone_log(running->notify->phone, LOG_WARNING, "notify.command ended with status %d", status);
	running->notify->warned = running->notify->warned || status;
}

/* No name begins like an option. */
static char *argument(const char *text)
{
	while (text && *text == '-')
		text++;
	return slice_dup(slice_sub(slice_of(text ? text : ""), 0, ARGUMENT_BYTES));
}

static void run_command(struct notify *notify, const char *command, const struct event *event)
{
	char *words[WORDS_MAX + 5] = { NULL };
	size_t count = notify_words(slice_of(command), words, WORDS_MAX), place = 0;
	enum err err = ERR_NONE;

	while (place < RUNNING_MAX && notify->running[place].child)
		place++;
	/* Four that hang are enough: a flood of calls starts no flood of programs. */
	if (count && place < RUNNING_MAX) {
		struct running *running = &notify->running[place];
		words[count] = xstrdup(event_name(event->kind));
		words[count + 1] = argument(event_value(event, "from"));
		words[count + 2] = argument(event_value(event, "name"));
		words[count + 3] = argument(event_value(event, "account"));
		running->notify = notify;
		running->child = loop_run_child(notify->loop, words, on_done, running, &err);
		if (!running->child)
			phone_log(notify->phone, LOG_WARNING, "notify.command: %s: %s", words[0], err_text(err));
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		free(words[i]);
}

void notify_incoming(struct notify *notify, const struct event *event, bool terminal)
{
	const struct settings *settings = phone_settings(notify->phone);
	const char *name = event_value(event, "name"), *from = event_value(event, "from"),
		   *command = settings_text(settings, "notify.command");
	struct buf text, bytes;

	if (*command)
		run_command(notify, command, event);
	if (!terminal)
		return;
	if (settings_on(settings, "notify.bell"))
		output_write(notify->terminal, SLICE("\a"));
	buf_init(&text, ARGUMENT_BYTES);
	buf_init(&bytes, 4 * ARGUMENT_BYTES);
	buf_printf(&text, "%.*s is calling", NAME_BYTES, name && *name ? name : from ? from : "somebody");
	notify_osc(settings_text(settings, "notify.osc"), getenv("TERM"), getenv("TMUX") != NULL, buf_slice(&text),
		   &bytes);
	output_write(notify->terminal, buf_slice(&bytes));
	buf_fini(&text);
	buf_fini(&bytes);
}
