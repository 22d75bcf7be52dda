/* complete: what may come next on a line, from the kinds of the arguments. */
#include "base/xmalloc.h"
#include "command/argument.h"
#include "command/event_keys.h"
#include "command/internal.h"
#include "command/table.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { OFFERS_MAX = 1000, WORDS_MAX = 256, COMPLETE_DEPTH_MAX = 8 };

/* A word before the one being completed: where it stands and what it says. */
struct before {
	size_t start;
	char *text;
	bool quoted;
};

struct completing {
	struct commands *commands;
	struct completion *completion;
	struct slice line;          /* up to the point */
	struct before words[WORDS_MAX];
	size_t count;
	size_t start;               /* of the word being completed */
	char *prefix;               /* what of it is there, without quotes */
	char quote;                 /* it begins with one */
	const char *lead;           /* what stands before each offer: "sip.listen" has none, "/" of commands */
	bool plain;                 /* offers are never quoted */
};

/* ---- offers ---- */

static void offer(struct completing *at, struct slice word)
{
	struct completion *completion = at->completion;
	struct buf text;

	if (!slice_ibegins(word, slice_of(at->prefix)) || completion->count == OFFERS_MAX || !word.n)
		return;
	buf_init(&text, 8192);
	if (at->lead)
		buf_printf(&text, "%s", at->lead);
	if (at->plain)
		buf_add(&text, word);
	else if (at->quote)
		buf_printf(&text, "%c%.*s%c", at->quote, SLICE_ARG(word), at->quote);
	else
		words_quote(&text, word, true);
	for (size_t i = 0; i < completion->count; i++)
		if (!strcmp(completion->words[i], buf_text(&text))) {
			buf_fini(&text);
			return;
		}
	completion->words = xrealloc(completion->words, (completion->count + 2) * sizeof *completion->words);
	completion->words[completion->count++] = buf_take(&text);
	completion->words[completion->count] = NULL;
}

static void offer_text(struct completing *at, const char *word)
{
	offer(at, slice_of(word));
}

static void offer_list(struct completing *at, const char *list, char separator)
{
	struct slice rest = slice_of(list);

	while (rest.p)
		offer(at, slice_cut(&rest, separator));
}

static void on_contact(void *arg, const char *name, const char *target)
{
	(void)target;
	offer_text(arg, name);
}

static void on_recent(void *arg, const char *target)
{
	offer_text(arg, target);
}

static void on_codec(void *arg, const char *name, bool enabled)
{
	(void)enabled;
	offer_text(arg, name);
}

static void offer_calls(struct completing *at)
{
	size_t room = phone_calls(at->commands->phone, NULL, 0);
	struct call_view *views = xcalloc(room + 1, sizeof *views);
	size_t count = phone_calls(at->commands->phone, views, room);

	for (size_t i = 0; i < count && i < room; i++) {
		char number[16];
		snprintf(number, sizeof number, "%u", views[i].number);
		offer_text(at, number);
	}
	free(views);
}

static void offer_accounts(struct completing *at)
{
	size_t room = phone_accounts(at->commands->phone, NULL, 0);
	struct account_view *views = xcalloc(room + 1, sizeof *views);
	size_t count = phone_accounts(at->commands->phone, views, room);

	for (size_t i = 0; i < count && i < room; i++)
		offer_text(at, views[i].name);
	free(views);
}

static void offer_settings(struct completing *at)
{
	for (size_t i = 0; i < setting_count; i++)
		offer_text(at, setting_rows[i].name);
}

static void offer_quantities(struct completing *at)
{
	const char *const *names = phone_quantity_names();

	for (size_t i = 0; names[i]; i++)
		offer_text(at, names[i]);
	offer_settings(at);
}

/* Behind the last '|'. */
static void offer_events(struct completing *at)
{
	size_t bar = slice_rfind(slice_of(at->prefix), '|');
	struct slice typed = slice_of(at->prefix);
	char *lead = NULL;

	if (bar < typed.n) {
		lead = slice_dup(slice_sub(typed, 0, bar + 1));
		char *rest = slice_dup(slice_from(typed, bar + 1));
		free(at->prefix);
		at->prefix = rest;
		at->lead = lead;
	}
	for (int i = 0; i < EVENT_KINDS; i++)
		offer_text(at, event_name((enum event_kind)i));
	at->lead = NULL;
	free(lead);
}

static void offer_files(struct completing *at, const char *before)
{
	struct slice typed = slice_from(slice_of(at->prefix), strlen(before));
	size_t slash = slice_rfind(typed, '/');
	size_t cut = slash < typed.n ? slash + 1 : 0;
	char *folder = cut ? slice_dup(slice_sub(typed, 0, cut)) : xstrdup("./");
	struct slice name = slice_from(typed, cut);
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) && at->completion->count < OFFERS_MAX) {
		struct slice file = slice_of(entry->d_name);
		struct stat info;
		if (!slice_begins(file, name) || (file.p[0] == '.' && !(name.n && name.p[0] == '.')))
			continue;
		char *path = xasprintf("%s%s", folder, entry->d_name);
		bool is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
		char *word = xasprintf("%s%.*s%s%s", before, SLICE_ARG(slice_sub(typed, 0, cut)), entry->d_name, is_folder ? "/" : "");
		offer_text(at, word);
		free(word);
		free(path);
	}
	if (dir)
		closedir(dir);
	free(folder);
}

static void offer_devices(struct completing *at)
{
	if (slice_begins(slice_of(at->prefix), SLICE("file:"))) {
		offer_files(at, "file:");
		return;
	}
	offer_list(at, "default null tone:440 file:", ' ');
	if (!at->commands->device_count)
		devices_ask(at->commands);
	for (size_t i = 0; i < at->commands->device_count; i++)
		offer_text(at, at->commands->devices[i]);
}

static void offer_handlers(struct completing *at)
{
	LIST_EACH(&at->commands->handlers, node) {
		const struct handler *handler = LIST_ENTRY(node, struct handler, node);
		if (!handler->dead)
			offer_text(at, handler->name);
	}
	offer_text(at, "all");
}

static void offer_value_of(struct completing *at, const struct setting_row *row)
{
	if (!row)
		return;
	if (row->choices)
		offer_list(at, row->choices, '|');
	if (slice_begins(slice_of(row->name), SLICE("audio.")) && row->type == SETTING_TEXT)
		offer_devices(at);
	if (!strcmp(row->name, "media.codecs"))
		phone_codecs(at->commands->phone, on_codec, at);
	offer_text(at, settings_text(phone_settings(at->commands->phone), row->name));
	offer_text(at, row->initial);
}

static void offer_topics(struct completing *at)
{
	at->plain = true;
	for (size_t i = 0, n = table_count(); i < n; i++)
		offer_text(at, table_row(i)->name);
	offer_list(at, "settings events quantities", ' ');
	offer_settings(at);
}

/* KEY=PATTERN of events. */
static void offer_pattern(struct completing *at, const char *key)
{
	if (!strcmp(key, "account"))
		offer_accounts(at);
	else if (!strcmp(key, "call"))
		offer_calls(at);
	else if (!strcmp(key, "direction"))
		offer_list(at, "in|out", '|');
	else if (!strcmp(key, "side"))
		offer_list(at, "me|peer", '|');
	else if (!strcmp(key, "cause"))
		offer_list(at, "auth|refused|dns|connect|tls|timeout", '|');
	else if (!strcmp(key, "codec"))
		phone_codecs(at->commands->phone, on_codec, at);
}

static void offer_kind(struct completing *at, const struct command_argument *argument, const char *first)
{
	struct phone *phone = at->commands->phone;

	switch (argument->kind) {
	case ARG_TARGET:
		phone_contacts(phone, on_contact, at);
		phone_recent(phone, on_recent, at);
		offer_list(at, "echo sip:", ' ');
		break;
	case ARG_CALL_OR_ALL:
		offer_text(at, "all");
		offer_calls(at);
		break;
	case ARG_DIRECTION:
		offer_list(at, "next|previous", '|');
		offer_calls(at);
		break;
	case ARG_CALL:
		offer_calls(at);
		break;
	case ARG_SUBJECT:
		offer_calls(at);
		offer_accounts(at);
		if (first && !strcmp(first, "settings"))
			offer_settings(at);
		break;
	case ARG_ACCOUNT:
		offer_accounts(at);
		break;
	case ARG_ADDRESS:
		offer_text(at, "sip:");
		break;
	case ARG_CHOICE: case ARG_VIEW:
		offer_list(at, argument->choices, '|');
		break;
	case ARG_YES_NO:
		offer_list(at, "yes|no", '|');
		break;
	case ARG_SETTING:
		offer_settings(at);
		break;
	case ARG_VALUE:
		offer_value_of(at, setting_find(slice_of(first)));
		break;
	case ARG_EVENT:
		offer_events(at);
		break;
	case ARG_QUANTITY:
		offer_quantities(at);
		break;
	case ARG_OPERATOR:
		offer_list(at, "==|!=|<|<=|>|>=|=~", '|');
		break;
	case ARG_KEYWORD:
		offer_text(at, argument->name);
		break;
	case ARG_DEVICE:
		offer_devices(at);
		break;
	case ARG_CODEC:
		phone_codecs(phone, on_codec, at);
		break;
	case ARG_CONTACT:
		phone_contacts(phone, on_contact, at);
		break;
	case ARG_FILE:
		offer_files(at, "");
		break;
	case ARG_HANDLER:
		offer_handlers(at);
		break;
	case ARG_TOPIC:
		offer_topics(at);
		break;
	case ARG_PATTERN:
		offer_pattern(at, argument->name);
		break;
	case ARG_METHOD:
		offer_list(at, "INVITE ACK BYE CANCEL OPTIONS REGISTER", ' ');
		break;
	case ARG_TEXT: case ARG_WORD: case ARG_NUMBER: case ARG_CODE: case ARG_DURATION: case ARG_DIGITS: case ARG_COMMAND: case ARG_COMMAND_LINE:
	case ARG_HEADER: case ARG_NAME: case ARG_ACCOUNT_OPTION: case ARG_STATUS:
		break;
	}
}

static void offer_variables(struct completing *at)
{
	const char *const *names = variable_names();
	const char *lead = at->prefix[1] == '{' ? "${" : "$", *tail = at->prefix[1] == '{' ? "}" : "";
	const char *const *quantities = phone_quantity_names();

	at->plain = true;
	for (size_t i = 0; names[i]; i++) {
		char *word = xasprintf("%s%s%s", lead, names[i], tail);
		offer_text(at, word);
		free(word);
	}
	LIST_EACH(&at->commands->variables, node) {
		char *word = xasprintf("%s%s%s", lead, LIST_ENTRY(node, struct variable, node)->name, tail);
		offer_text(at, word);
		free(word);
	}
	for (size_t i = 0; quantities[i] && *tail; i++) {
		char *word = xasprintf("${%s%s", quantities[i], slice_ends(slice_of(quantities[i]), SLICE(".")) ? "" : "}");
		offer_text(at, word);
		free(word);
	}
}

/* ---- options ---- */

static bool has_option(const struct completing *at, size_t from, const char *name)
{
	for (size_t i = from; i < at->count; i++) {
		struct slice rest = slice_of(at->words[i].text), key = slice_cut(&rest, '=');
		if (rest.p && slice_eq(key, slice_of(name)))
			return true;
	}
	return false;
}

static void offer_name(struct completing *at, const char *name)
{
	char *word = xasprintf("%s=", name);

	offer_text(at, word);
	free(word);
}

static void offer_options(struct completing *at, const struct command *command, size_t from, const char *event)
{
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name; i++)
		if (command->options[i].repeats || !has_option(at, from, command->options[i].name))
			offer_name(at, command->options[i].name);
	if (!command->event_keys || !event)
		return;
	/* Only keys that one of the events has. */
	for (struct slice rest = slice_of(event); rest.p;) {
		enum event_kind kind;
		const struct event_help *help;
		struct slice keys, key;
		if (!event_find(slice_cut(&rest, '|'), &kind) || !(help = event_help(kind)))
			continue;
		for (keys = slice_of(help->keys); table_next_word(&keys, &key);) {
			char *name = slice_dup(key);
			if (!has_option(at, from, name))
				offer_name(at, name);
			free(name);
		}
	}
}

static void offer_account_options(struct completing *at, size_t from)
{
	const char *const *names = phone_account_options();

	for (size_t i = 0; names[i]; i++)
		if (!has_option(at, from, names[i]))
			offer_name(at, names[i]);
}

/* ---- where on the line ---- */

static void complete_line(struct completing *at, size_t begins, unsigned depth);

/* Behind `from` words the arguments of `command` begin. */
static void complete_arguments(struct completing *at, const struct command *command, size_t from, unsigned depth)
{
	const struct command_argument *arguments = command->arguments, *argument;
	size_t place = 0, joined_from = SIZE_MAX;
	const char *first = NULL, *event = NULL;
	bool target_ended = false; /* no plain word follows an option */

	for (size_t i = from; i < at->count; i++) {
		struct slice rest = slice_of(at->words[i].text), key = slice_cut(&rest, '=');
		if (rest.p && !at->words[i].quoted && option_find(command, key)) {
			target_ended |= joined_from != SIZE_MAX;
			continue;
		}
		if (place == COMMAND_ARGS_MAX || !arguments[place].name)
			return;
		while (arguments[place].kind == ARG_KEYWORD && arguments[place].optional && strcmp(arguments[place].name, at->words[i].text)) {
			place++;
			while (place < COMMAND_ARGS_MAX && arguments[place].with_previous)
				place++;
		}
		argument = &arguments[place];
		if (argument->kind == ARG_COMMAND_LINE || argument->kind == ARG_COMMAND) {
			complete_line(at, at->words[i].start, depth + 1);
			return;
		}
		first = first ? first : at->words[i].text;
		event = argument->kind == ARG_EVENT ? at->words[i].text : event;
		if (argument->kind == ARG_TARGET && !argument->repeats) {
			if (joined_from == SIZE_MAX)
				joined_from = i;
		} else if (argument->kind != ARG_TEXT && argument->kind != ARG_VALUE && argument->kind != ARG_TOPIC && !argument->repeats) {
			place++;
		}
	}
	argument = place < COMMAND_ARGS_MAX && arguments[place].name ? &arguments[place] : NULL;
	struct slice value = slice_of(at->prefix), key = slice_cut(&value, '=');
	const struct command_argument *option = value.p && !at->quote ? option_find(command, key) : NULL;
	if (option) {
		char *rest = slice_dup(value);
		at->start += key.n + 1;
		free(at->prefix);
		at->prefix = rest;
		offer_kind(at, option, first);
		return;
	}
	if (argument && (argument->kind == ARG_COMMAND_LINE || argument->kind == ARG_COMMAND)) {
		complete_line(at, at->start, depth + 1);
		return;
	}
	/* KEY=PATTERN stands before `as` and `do`. */
	bool too_late = argument && argument->kind == ARG_KEYWORD && !argument->optional;
	if (!argument || argument->optional || joined_from != SIZE_MAX || (event && !too_late))
		offer_options(at, command, from, event);
	if (!argument || target_ended)
		return;
	if (argument->kind == ARG_ACCOUNT_OPTION)
		offer_account_options(at, from + 1);
	if (joined_from != SIZE_MAX || argument->kind == ARG_TARGET) {
		/* A name of several words is one target. */
		size_t whole = joined_from != SIZE_MAX ? at->words[joined_from].start : at->start;
		if (!at->quote && whole != at->start && !at->completion->count) {
			free(at->prefix);
			at->prefix = slice_dup(slice_from(at->line, whole));
			at->start = whole;
		}
		at->plain = !at->quote && !argument->repeats;
	}
	for (; place < COMMAND_ARGS_MAX && arguments[place].name; place++) {
		if (arguments[place].with_previous && argument != &arguments[place])
			continue;
		offer_kind(at, &arguments[place], first);
		/* What may be left out does not hide what follows it. */
		if (arguments[place].kind != ARG_KEYWORD || !arguments[place].optional)
			break;
	}
}

static void offer_commands(struct completing *at, struct slice first)
{
	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice rest = slice_of(table_row(i)->name), word = slice_cut(&rest, ' '), aliases = slice_of(table_row(i)->aliases), alias;
		if (first.n) {
			if (slice_eq(word, first) && rest.n)
				offer(at, rest);
			continue;
		}
		offer(at, word);
		while (table_next_word(&aliases, &alias))
			offer(at, alias);
	}
	if (first.n)
		return;
	LIST_EACH(&at->commands->aliases, node)
		offer_text(at, LIST_ENTRY(node, struct alias, node)->name);
}

/* Words up to the point; the last one, perhaps unfinished, is the one to be completed. */
static void read_words(struct completing *at, size_t begins)
{
	struct words words = { .line = at->line, .at = begins };
	struct failure ignored;
	struct word word;
	size_t where;

	word_init(&word);
	for (;;) {
		if (!words_more(&words)) {
			at->start = at->line.n;
			break;
		}
		size_t start = words.at;
		enum words_result result = words_next(&words, &word, &ignored, &where);
		if (result == WORD_BAD || words.at >= at->line.n || at->count == WORDS_MAX) {
			at->start = start;
			break;
		}
		at->words[at->count++] = (struct before){ start, slice_dup(buf_slice(&word.text)), word.quoted };
	}
	word_fini(&word);
	struct slice typed = slice_from(at->line, at->start);
	at->quote = typed.n && (typed.p[0] == '"' || typed.p[0] == '\'') ? typed.p[0] : '\0';
	at->prefix = slice_dup(at->quote ? slice_from(typed, 1) : typed);
}

static void forget_words(struct completing *at)
{
	for (size_t i = 0; i < at->count; i++)
		free(at->words[i].text);
	at->count = 0;
	free(at->prefix);
	at->prefix = NULL;
}

static const struct command *row_of_words(struct completing *at, struct slice first, size_t *from)
{
	struct slice whole = table_find(first) || table_is_first_word(first) ? first : table_complete((struct slice){ NULL, 0 }, first, NULL);

	*from = 1;
	if (!table_is_first_word(whole) || at->count < 2)
		return table_find(whole);
	struct slice second = slice_of(at->words[1].text), full = table_complete(whole, second, NULL);
	char *name = xasprintf("%.*s %.*s", SLICE_ARG(whole), SLICE_ARG(full.n ? full : second));
	const struct command *row = table_find(slice_of(name));
	free(name);
	*from = 2;
	return row;
}

static void complete_line(struct completing *at, size_t begins, unsigned depth)
{
	size_t from;

	forget_words(at);
	if (depth > COMPLETE_DEPTH_MAX)
		return;
	read_words(at, begins);
	/* The word to be completed is the command itself. */
	if (!at->count) {
		char lead[2] = { at->prefix[0], '\0' };
		if (lead[0] == '/' || lead[0] == '-') {
			memmove(at->prefix, at->prefix + 1, strlen(at->prefix));
			at->lead = lead;
		}
		offer_commands(at, (struct slice){ NULL, 0 });
		at->lead = NULL;
		return;
	}
	struct slice first = slice_of(at->words[0].text);
	if (first.n > 1 && (first.p[0] == '/' || first.p[0] == '-'))
		first = slice_from(first, 1);
	const struct command *row = row_of_words(at, first, &from);
	if (at->count == 1) {
		struct slice whole = table_is_first_word(first) ? first : table_complete((struct slice){ NULL, 0 }, first, NULL);
		if (table_is_first_word(whole)) {
			offer_commands(at, whole);
			if (!row || !row->arguments[0].name)
				return;
		}
	}
	if (at->prefix[0] == '$')
		offer_variables(at);
	else if (row)
		complete_arguments(at, row, from, depth);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void commands_complete(struct commands *commands, struct slice line, size_t point, struct completion *completion)
{
	struct completing *at = xcalloc(1, sizeof *at);

	*completion = (struct completion){ 0 };
	at->commands = commands;
	at->completion = completion;
	at->line = slice_sub(line, 0, point);
	at->start = at->line.n;
	complete_line(at, 0, 0);
	completion->start = at->start;
	if (completion->count)
		qsort(completion->words, completion->count, sizeof *completion->words, by_text);
	forget_words(at);
	free(at);
}

void completion_fini(struct completion *completion)
{
	for (size_t i = 0; i < completion->count; i++)
		free(completion->words[i]);
	free(completion->words);
	*completion = (struct completion){ 0 };
}
