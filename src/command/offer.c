#include "command/offer.h"

#include "base/xmalloc.h"
#include "command/argument.h"
#include "command/help.h"
#include "command/table.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { OFFERS_MAX = 1000 };

void offer(struct completing *at, struct slice word)
{
	struct completion *completion = at->completion;
	struct buf text;

	if (!slice_ibegins(word, slice_of(at->prefix)) || completion->count == OFFERS_MAX || !word.n)
		return;
	buf_init(&text, 8192);
	if (at->lead)
		buf_printf(&text, "%s", at->lead);
	if (at->variable)
		buf_add(&text, word);
	else if (at->plain)
		words_quote_name(&text, word);
	else if (at->quote && !words_has_special(word))
		buf_printf(&text, "%c%.*s%c", at->quote, SLICE_ARG(word), at->quote);
	else
		words_quote(&text, word, false);
	for (size_t i = 0; i < completion->count; i++)
		if (!strcmp(completion->words[i], buf_text(&text))) {
			buf_fini(&text);
			return;
		}
	completion->words = xrealloc(completion->words, (completion->count + 2) * sizeof *completion->words);
	completion->words[completion->count++] = buf_take(&text);
	completion->words[completion->count] = NULL;
}

void offer_text(struct completing *at, const char *word)
{
	offer(at, slice_of(word));
}

static void offer_list(struct completing *at, const char *list, char separator)
{
	struct slice rest = slice_of(list);

	while (rest.p)
		offer(at, slice_cut(&rest, separator));
}

static void on_contact(void *arg, const struct contact_view *contact)
{
	offer_text(arg, contact->name);
}

/* With several addresses each of them too: "Bob", "Bob/mobile". */
static void on_way(void *arg, const struct contact_view *contact)
{
	struct buf way;

	buf_init(&way, 2048);
	offer_text(arg, contact->name);
	for (size_t i = 0; i < contact->count && contact->count > 1; i++) {
		buf_clear(&way);
		contact_way(contact, i, &way);
		if (strcmp(buf_text(&way), contact->name) != 0)
			offer_text(arg, buf_text(&way));
	}
	buf_fini(&way);
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
		char *word = xasprintf("%s%.*s%s%s", before, SLICE_ARG(slice_sub(typed, 0, cut)), entry->d_name,
				       is_folder ? "/" : "");
		offer_text(at, word);
		free(word);
		free(path);
	}
	if (dir)
		closedir(dir);
	free(folder);
}

/* A card may be listed once for each kind. */
static bool has_device(const struct commands *commands, const char *name, const char *kind)
{
	for (size_t i = 0; i < commands->device_count; i++)
		if (!strcmp(commands->devices[i], name) && strstr(commands->device_kinds[i], kind))
			return true;
	return false;
}

static void offer_devices(struct completing *at, const char *side)
{
	struct commands *commands = at->commands;
	bool is_input = !strcmp(side, "input"), is_both = !strcmp(side, "both");

	/* A file is heard or written, and a tone is only heard. */
	if (is_input || !strcmp(side, "output")) {
		if (slice_begins(slice_of(at->prefix), SLICE("file:"))) {
			offer_files(at, "file:");
			return;
		}
		offer_list(at, is_input ? "tone:440 file:" : "file:", ' ');
	}
	offer_list(at, "default null", ' ');
	if (!commands->device_count)
		devices_ask(commands);
	for (size_t i = 0; i < commands->device_count; i++)
		if ((!(is_input || is_both) || has_device(commands, commands->devices[i], "input")) &&
		    (is_input || has_device(commands, commands->devices[i], "output")))
			offer_text(at, commands->devices[i]);
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
		offer_devices(at, row->name + strlen("audio."));
	if (!strcmp(row->name, "media.codecs"))
		phone_codecs(at->commands->phone, on_codec, at);
	offer_text(at, settings_text(phone_settings(at->commands->phone), row->name));
	offer_text(at, row->initial);
}

static void offer_family(struct completing *at, struct slice first)
{
	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice rest = slice_of(table_row(i)->name), word = slice_cut(&rest, ' ');
		if (slice_eq(word, first))
			offer(at, rest);
	}
}

static void offer_groups(struct completing *at)
{
	const char *name, *title;

	for (size_t i = 0; help_group(i, &name, &title); i++)
		offer_text(at, name);
}

static void offer_topics(struct completing *at)
{
	at->plain = true;
	/* The second word of `help account add`. */
	if (at->count > 1) {
		offer_family(at, slice_of(at->words[at->count - 1].text));
		return;
	}
	for (size_t i = 0, n = table_count(); i < n; i++)
		offer_text(at, table_row(i)->name);
	offer_list(at, "settings events quantities keys", ' ');
	offer_groups(at);
	offer_quantities(at);
	offer_events(at);
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
	else if (!strcmp(key, "microphone"))
		offer_list(at, "none|lost", '|');
	else if (!strcmp(key, "cause"))
		offer_list(at, "auth|refused|dns|connect|tls|timeout", '|');
	else if (!strcmp(key, "codec"))
		phone_codecs(at->commands->phone, on_codec, at);
}

/* Kinds whose words are always the same. */
static bool offer_fixed(struct completing *at, const struct command_argument *argument)
{
	switch (argument->kind) {
	case ARG_ADDRESS:
		offer_text(at, "sip:");
		return true;
	case ARG_CHOICE:
	case ARG_VIEW:
		offer_list(at, argument->choices, '|');
		return true;
	case ARG_YES_NO:
		offer_list(at, "yes|no", '|');
		return true;
	case ARG_KEY:
		offer_list(at, "F1|F2|F3|F4|F5|F6|F7|F8|F9|F10|F11|F12|PageUp|PageDown|C-|M-|S-F", '|');
		return true;
	case ARG_SETTING:
		offer_settings(at);
		return true;
	case ARG_EVENT:
		offer_events(at);
		return true;
	case ARG_OPERATOR:
		offer_list(at, "==|!=|<|<=|>|>=|=~", '|');
		return true;
	case ARG_KEYWORD:
		offer_text(at, argument->name);
		return true;
	case ARG_METHOD:
		offer_list(at, "BYE INFO MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE UPDATE", ' ');
		return true;
	case ARG_LEVEL:
		offer_list(at, "up|down", '|');
		return true;
	default:
		return false;
	}
}

static void offer_subjects(struct completing *at, const char *first)
{
	offer_calls(at);
	offer_accounts(at);
	if (first && !strcmp(first, "settings"))
		offer_settings(at);
}

void offer_kind(struct completing *at, const struct command_argument *argument, const char *first)
{
	struct phone *phone = at->commands->phone;

	if (offer_fixed(at, argument))
		return;
	switch (argument->kind) {
	case ARG_TARGET:
		phone_contacts(phone, on_way, at);
		phone_recent(phone, on_recent, at);
		if (argument->choices)
			offer_list(at, argument->choices, '|');
		offer_text(at, "sip:");
		break;
	case ARG_CALL:
	case ARG_CALL_OR_ALL:
	case ARG_DIRECTION:
		if (argument->kind != ARG_CALL)
			offer_list(at, argument->kind == ARG_DIRECTION ? "next|previous" : "all", '|');
		offer_calls(at);
		break;
	case ARG_SUBJECT:
		offer_subjects(at, first);
		break;
	case ARG_ACCOUNT:
		offer_accounts(at);
		break;
	case ARG_VALUE:
		offer_value_of(at, setting_find(slice_of(first)));
		break;
	case ARG_QUANTITY:
		offer_quantities(at);
		break;
	case ARG_DEVICE:
		offer_devices(at, argument->side);
		break;
	case ARG_CODEC:
		phone_codecs(phone, on_codec, at);
		break;
	case ARG_CONTACT:
		phone_contacts(phone, on_contact, at);
		break;
	case ARG_WORD:
		if (argument->choices)
			offer_list(at, argument->choices, '|');
		break;
	case ARG_FILE:
		if (argument->choices)
			offer_list(at, argument->choices, '|');
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
	default: /* texts, numbers, names: nobody can guess them */
		break;
	}
}

void offer_variables(struct completing *at)
{
	const char *const *names = variable_names();
	const char *lead = at->prefix[1] == '{' ? "${" : "$", *tail = at->prefix[1] == '{' ? "}" : "";
	const char *const *quantities = phone_quantity_names();

	at->variable = true;
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
		char *word =
			xasprintf("${%s%s", quantities[i], slice_ends(slice_of(quantities[i]), SLICE(".")) ? "" : "}");
		offer_text(at, word);
		free(word);
	}
}
