#include "ui/prompt.h"

#include "base/xmalloc.h"
#include "ui/show.h"
#include "ui/terminal.h"

#define PROMPT "offhook> "

enum { ACCOUNTS_SHOWN = 64, PRESSED_SHOWN = 16 };

struct prompt {
	struct ui_config config;
	struct prompt_handler on;
	struct keys *keys;
	struct runner *runner;
	char *text;          /* the prompt as it stands */
	char *chat;          /* whom it names; NULL: nobody */
	char pressed[PRESSED_SHOWN + 1]; /* the last keys of the keypad */
	char *asking;        /* the account whose password is being typed */
	struct buf declined; /* "\nNAME\n" of those whose password nobody wanted to type */
	bool quit_asked;
	int64_t stop_asked_us; /* loop time of the last refused C-z; 0: none */
};

static size_t complete(void *arg, const char *line, size_t point, char ***words, size_t *start)
{
	struct prompt *prompt = arg;
	struct completion completion = { 0 };

	if (!runner_takes_command(prompt->runner, slice_of(line)))
		return 0;
	commands_complete(prompt->config.commands, slice_of(line), point, &completion);
	*words = completion.words;
	*start = completion.start;
	return completion.count;
}

/* @return true: not now, the person was asked */
static bool ask_before_quit(struct prompt *prompt)
{
	char *question = prompt->quit_asked ? NULL : commands_quit_question(prompt->config.commands);

	if (!question)
		return false;
	prompt->quit_asked = true;
	prompt->on.say(prompt->on.arg, question);
	free(question);
	return true;
}

static void run(struct prompt *prompt, struct slice line)
{
	if (runner_takes_command(prompt->runner, line) && commands_say_quit(line)) {
		if (ask_before_quit(prompt))
			return;
		runner_interrupt(prompt->runner); /* leaving does not queue behind a wait */
	} else {
		prompt->quit_asked = false;
	}
	runner_line(prompt->runner, line, true);
}

void prompt_run(struct prompt *prompt, const char *line)
{
	/* A key's command is no text of a chat. */
	char *command = xasprintf("%s%s", runner_chat(prompt->runner) && *line != '/' ? "/" : "", line);

	run(prompt, slice_of(command));
	free(command);
}

/* Leave: asks once while a call is up. */
static void leave(struct prompt *prompt)
{
	prompt_run(prompt, "quit");
}

static void take_password(struct prompt *prompt, const char *text)
{
	struct failure failure = { 0 };
	char *account = prompt->asking;

	prompt->asking = NULL;
	prompt->on.entered(prompt->on.arg, NULL);
	if (!*text)
		buf_printf(&prompt->declined, "\n%s\n", account);
	else if (!phone_account_password(prompt->config.phone, slice_of(account), slice_of(text), &failure))
		prompt->on.say(prompt->on.arg, failure.text);
	free(account);
}

static void on_entered(void *arg, const char *text)
{
	struct prompt *prompt = arg;
	struct slice line = slice_trim(slice_of(text));

	if (prompt->asking) {
		take_password(prompt, text);
		return;
	}
	if (!prompt->on.entered(prompt->on.arg, text) && line.n)
		run(prompt, runner_takes_command(prompt->runner, slice_of(text)) ? line : slice_of(text));
}

static void on_changed(void *arg)
{
	struct prompt *prompt = arg;

	if (prompt->chat && !prompt->asking)
		runner_typing(prompt->runner, slice_of(line_text()));
	prompt->on.changed(prompt->on.arg);
}

void prompt_interrupt(struct prompt *prompt)
{
	if (prompt->asking) {
		buf_printf(&prompt->declined, "\n%s\n", prompt->asking);
		xreplace(&prompt->asking, NULL);
	} else if (line_is_empty() && !runner_idle(prompt->runner)) {
		runner_interrupt(prompt->runner);
	}
	line_clear();
}

/* A stopped phone answers nobody: with a call up only whoever insists within 2 s may do it. */
static void want_stop(struct prompt *prompt)
{
	int64_t now_us = loop_timers(prompt->config.loop)->now_us;
	bool insists = prompt->stop_asked_us && now_us - prompt->stop_asked_us < 2 * SECOND_US;

	if (show_call_count(prompt->config.phone) && !insists) {
		prompt->stop_asked_us = now_us;
		prompt->on.say(prompt->on.arg, "a stopped phone is silent in its calls: C-z once more within 2 s");
		return;
	}
	prompt->stop_asked_us = 0;
	prompt->on.stop(prompt->on.arg);
}

static bool take_control(struct prompt *prompt, unsigned char c)
{
	switch (c) {
	case 'C' - '@':
		prompt_interrupt(prompt);
		return true;
	case 'D' - '@':
		if (!line_is_empty())
			return false;
		if (prompt->asking)
			prompt_interrupt(prompt);
		else if (runner_chat(prompt->runner))
			prompt_run(prompt, "/close");
		else
			leave(prompt);
		return true;
	case 'Z' - '@':
		want_stop(prompt);
		return true;
	default:
		return false;
	}
}

/* ---- the keypad: keys are digits of a call ---- */

static void press(struct prompt *prompt, char digit)
{
	size_t n = strlen(prompt->pressed);

	if (n == PRESSED_SHOWN)
		memmove(prompt->pressed, prompt->pressed + 1, n--);
	prompt->pressed[n] = digit;
	prompt->pressed[n + 1] = '\0';
	char *line = xasprintf("dtmf %c call=%u", digit, runner_keypad(prompt->runner));
	prompt_run(prompt, line);
	free(line);
}

static void leave_keypad(struct prompt *prompt)
{
	runner_keypad_end(prompt->runner);
	prompt->pressed[0] = '\0';
}

/* Letters other than A to D are a slip of the finger. */
static bool keypad_text(struct prompt *prompt, struct slice bytes)
{
	if (!runner_keypad(prompt->runner) || prompt->asking)
		return false;
	for (size_t i = 0; i < bytes.n; i++)
		if (bytes.p[i] && strchr("0123456789*#ABCDabcd,", bytes.p[i]))
			press(prompt, bytes.p[i]);
	return true;
}

static bool keypad_key(struct prompt *prompt, enum key key, struct slice bytes)
{
	if (!runner_keypad(prompt->runner) || prompt->asking)
		return false;
	bool leaves = key == KEY_IS_ESCAPE ||
		      (key == KEY_IS_CONTROL && bytes.n && strchr("\003\004", bytes.p[0]));
	if (leaves)
		leave_keypad(prompt);
	return leaves || (key == KEY_IS_CONTROL && bytes.n && bytes.p[0] != 'Z' - '@');
}

/* The screen has looked at its keys before: this is the plain front end's. */
static bool run_bound(struct prompt *prompt, enum key key, struct slice bytes)
{
	char name[KEY_NAME];
	const char *command = !prompt->asking && keys_name(key, bytes, name)
				      ? commands_binding(prompt->config.commands, NULL, false, name)
				      : NULL;

	if (command)
		prompt_run(prompt, command);
	return command != NULL;
}

static void on_key(void *arg, enum key key, struct slice bytes)
{
	struct prompt *prompt = arg;

	if (keypad_key(prompt, key, bytes) || (prompt->on.key && prompt->on.key(prompt->on.arg, key, bytes)))
		return;
	if (run_bound(prompt, key, bytes))
		return;
	if (key == KEY_IS_CONTROL && take_control(prompt, (unsigned char)bytes.p[0]))
		return;
	if ((key >= KEY_IS_F1 && key <= KEY_IS_F12) || key == KEY_IS_MOUSE)
		return; /* what readline makes of one that it does not know is a `~` in the line */
	if (key == KEY_IS_ESCAPE && !line_is_vi()) {
		/* Readline would keep it as Meta for the next key, however late that comes. */
		line_drop_completions();
		prompt->on.changed(prompt->on.arg);
		return;
	}
	line_bytes(bytes);
}

static void on_text(void *arg, struct slice bytes)
{
	struct prompt *prompt = arg;

	if (keypad_text(prompt, bytes))
		return;
	if (!prompt->on.text || !prompt->on.text(prompt->on.arg, bytes))
		line_bytes(bytes);
}

static void on_warning(void *arg, const char *text)
{
	struct prompt *prompt = arg;

	prompt->on.say(prompt->on.arg, text);
}

static void on_paste(void *arg, struct slice text)
{
	if (!keypad_text(arg, text))
		line_paste(text);
}

struct prompt *prompt_new(const struct ui_config *config, const struct prompt_handler *handler,
			  const struct runner_output *output, int rows, int cols)
{
	struct prompt *prompt = xcalloc(1, sizeof *prompt);
	char *history = config->state_dir ? xasprintf("%s/line-history", config->state_dir) : NULL;

	prompt->config = *config;
	prompt->on = *handler;
	buf_init(&prompt->declined, 65536);
	prompt->runner = runner_new(config->commands, "prompt", output);
	runner_keep_going(prompt->runner, true);
	runner_set_typed(prompt->runner);
	prompt_set_columns(prompt, cols);
	prompt->keys = keys_new(loop_timers(config->loop), &(struct keys_handler){ on_text, on_key, on_paste, prompt });
	line_start(&(struct line_handler){ on_entered, on_changed, complete, on_warning, prompt }, PROMPT, history,
		   rows, cols);
	free(history);
	return prompt;
}

void prompt_resize(struct prompt *prompt, int rows, int cols)
{
	line_resize(rows, cols);
	prompt_set_columns(prompt, cols);
}

void prompt_set_columns(struct prompt *prompt, int cols)
{
	runner_set_columns(prompt->runner, (unsigned)cols, prompt->on.ascii || !terminal_is_utf8());
}

void prompt_free(struct prompt *prompt)
{
	if (!prompt)
		return;
	line_stop();
	keys_free(prompt->keys);
	runner_free(prompt->runner);
	free(prompt->asking);
	free(prompt->chat);
	free(prompt->text);
	buf_fini(&prompt->declined);
	free(prompt);
}

void prompt_bytes(struct prompt *prompt, struct slice bytes)
{
	keys_bytes(prompt->keys, bytes);
}

/* Has nobody wanted to type its password? Once the account tries anew, of which a person asks, that is forgotten. */
static bool was_declined(struct prompt *prompt, const struct account_view *account)
{
	if (!prompt->declined.n)
		return false;
	char *mark = xasprintf("\n%s\n", account->name);
	const char *all = buf_text(&prompt->declined), *found = strstr(all, mark);
	if (found && !account->needs_password) {
		char *rest = xasprintf("%.*s%s", (int)(found - all), all, found + strlen(mark));
		buf_clear(&prompt->declined);
		buf_printf(&prompt->declined, "%s", rest);
		free(rest);
	}
	free(mark);
	return found;
}

static void ask_passwords(struct prompt *prompt)
{
	struct account_view views[ACCOUNTS_SHOWN];
	size_t count = phone_accounts(prompt->config.phone, views, ARRAY_LEN(views));

	for (size_t i = 0; i < count && i < ARRAY_LEN(views); i++) {
		if (was_declined(prompt, &views[i]) || !views[i].needs_password)
			continue;
		char *text = xasprintf("password for %s: ", views[i].address);
		xreplace(&prompt->asking, views[i].name);
		line_ask_secret(text);
		free(text);
		return;
	}
}

/* The prompt says where keys go: commands, whom one writes with, the keypad of a call. */
static void name_prompt(struct prompt *prompt)
{
	const char *chat = runner_chat(prompt->runner);
	unsigned keypad = runner_keypad(prompt->runner);

	if (keypad && phone_call_ended(prompt->config.phone, keypad)) {
		leave_keypad(prompt);
		keypad = 0;
	}
	if (strcmp(chat ? chat : "", prompt->chat ? prompt->chat : "") != 0)
		xreplace(&prompt->chat, chat);
	char *text = keypad ? xasprintf("keypad (Esc leaves)> %s", prompt->pressed)
		     : chat ? xasprintf("%s> ", chat)
			    : xstrdup(PROMPT);
	if (strcmp(text, prompt->text ? prompt->text : PROMPT) != 0) {
		line_set_prompt(text);
		prompt->on.changed(prompt->on.arg);
	}
	free(prompt->text);
	prompt->text = text;
}

void prompt_turn_end(struct prompt *prompt)
{
	if (!prompt->asking)
		name_prompt(prompt);
	/* What was being typed is not taken away: the question waits until the line is empty. */
	if (!prompt->asking && line_is_empty())
		ask_passwords(prompt);
	line_set_vi(!strcmp(settings_text(phone_settings(prompt->config.phone), "screen.editing"), "vi"));
	if (prompt->quit_asked && !show_call_count(prompt->config.phone) && !commands_unsaved(prompt->config.commands))
		prompt->quit_asked = false;
}

struct runner *prompt_runner(struct prompt *prompt)
{
	return prompt->runner;
}
