/* help: the tables as text for the terminal. */
#include "command/help.h"
#include "command/argument.h"
#include "command/bind.h"
#include "command/event_keys.h"
#include "command/table.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = HELP_COLS, LEAST_WIDTH = 20, ARGUMENT_COLS = 18, BELOW_COLS = 6 };

static size_t width_now = WIDTH; /* of the terminal that is being printed for */

/* ---- what help and the man page share ---- */

static const char *const groups[][2] = {
	{ "calls", "Calls" },       { "sound", "Sound" },       { "accounts", "Accounts" }, { "people", "People" },
	{ "messages", "Messages" }, { "presence", "Presence" },
	{ "protocol", "Protocol" }, { "watching", "Watching" }, { "scripts", "Scripts" },   { "phone", "Phone" },
};

bool help_group(size_t place, const char **name, const char **title)
{
	if (place >= ARRAY_LEN(groups))
		return false;
	*name = groups[place][0];
	*title = groups[place][1];
	return true;
}

/* What ui/screen/control.c does with keys that `bind` has not given away. */
const struct help_row *help_key_row(size_t place)
{
	static const struct help_row rows[] = {
		{ "Tab", "complete the word; in a view, the next view" },
		{ "F1", "help" },
		{ "F2", "answer the call that rings" },
		{ "F3", "find a text in the view" },
		{ "F6", "the view takes the keys, or the command line again" },
		{ "F8", "hang up the call that the bottom line names" },
		{ "F9", "reject the call that rings" },
		{ "PageUp PageDown", "scroll" },
		{ "C-l", "draw the screen anew" },
		{ "Esc", "back" },
		{ "1 to 7", "in a view: choose one" },
		{ "Up Down j k", "in a view: the row above or below; Home, End, g and G the first and last" },
		{ "Enter", "in a view: call, answer, open or select what the row shows" },
		{ "/ n N", "in a view: find a text, the next one, the one before" },
		{ "z", "in a view: it fills the screen, or no longer" },
		{ "d m y", "in a message: compare with the one before or marked, mark, copy" },
		{ "mouse", "a click on a row or a view is Enter or chooses it; the wheel scrolls" },
	};
	return place < ARRAY_LEN(rows) ? &rows[place] : NULL;
}

const struct help_row *help_quantity_row(size_t place)
{
	static const struct help_row rows[] = {
		{ "call.state", "calling, trying, ringing, early, incoming, answered, held, ended or failed" },
		{ "call.direction", "in or out" },
		{ "call.code", "the last SIP status of the call" },
		{ "call.codec", "the codec that is spoken" },
		{ "call.duration", "how long it is since the answer" },
		{ "call.remote", "the address of the other side" },
		{ "call.encryption", "of the media: none, or the suite of SRTP" },
		{ "call.recording", "on, paused or off" },
		{ "sent.",
		  "with the name of a header field behind it, as sent.Via: what our last message of the call said" },
		{ "received.",
		  "with the name of a header field behind it, as received.Via: what the other side's last message "
		  "said" },
		{ "media.loss", "share of packets that did not come" },
		{ "media.jitter", "how unevenly packets come" },
		{ "media.rtt", "the round trip as RTCP measures it" },
		{ "media.mos", "estimated quality, 1 to 4.5" },
		{ "media.sent", "packets sent" },
		{ "media.received", "packets received" },
		{ "media.buffer", "how long the jitter buffer holds sound back" },
		{ "media.late", "packets that came too late to be heard" },
		{ "media.repaired", "lost packets that were heard all the same, by what others carry of them" },
		{ "media.stray", "packets refused because they came from elsewhere or were no RTP" },
		{ "media.keep-alives", "packets of the peer that only keep the way open (RFC 6263)" },
		{ "media.forged", "packets refused because they were not encrypted with our key" },
		{ "media.replayed", "packets refused because they had come before" },
		{ "media.burst", "how long bursts of loss last on average (RFC 3611)" },
		{ "media.peer-loss", "share of our packets that did not reach the other side, as it reports" },
		{ "media.peer-mos", "quality of what the other side hears, as it estimates that" },
		{ "heard.level", "level of what is heard over the last 500 ms" },
		{ "mic.level", "level of what is sent over the last 500 ms" },
		{ "tone.hz", "the strongest frequency of what is heard over the last 500 ms" },
		{ "account.state",
		  "of the call's account, else of the default one: unregistered, registering, registered or failed" },
		{ "calls.count", "calls there are" },
		{ "calls.missed", "calls missed since somebody looked at `history`" },
	};

	return place < ARRAY_LEN(rows) ? &rows[place] : NULL;
}

const struct help_row *help_status_row(size_t place)
{
	static const struct help_row rows[] = {
		{ "0", "every command did what it said" },
		{ "1", "an `expect` was false, or `exit 1`" },
		{ "2", "usage, syntax or configuration error" },
		{ "3", "a registrar refused us" },
		{ "4",
		  "a call or request was refused, failed or ended when it should not have, or there is no such call" },
		{ "5", "a `wait` ran out of time" },
		{ "6", "a sound device named by `set` could not be used in a script, or a file could not be read or "
		       "written" },
		{ "7", "the network, DNS, TLS or the control socket could not be used; a call or request that fails of "
		       "that is 4" },
		{ "129, 130, 143", "ended by hang-up, interrupt, terminate" },
	};

	return place < ARRAY_LEN(rows) ? &rows[place] : NULL;
}

/* ---- text ---- */

static size_t characters(struct slice text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.n; i++)
		count += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return count;
}

/* A word longer than a line, such as a|b|c, goes on behind one of its bars. @return the column behind it */
static size_t wrap_choices(struct buf *out, struct slice word, size_t indent, size_t column)
{
	buf_add_char(out, ' ');
	column++;
	while (word.n) {
		size_t n = slice_find(word, '|');
		struct slice piece = slice_sub(word, 0, n < word.n ? n + 1 : word.n);
		if (column + characters(piece) > width_now && column > indent) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		buf_add(out, piece);
		column += characters(piece);
		word = slice_from(word, piece.n);
	}
	return column;
}

static void wrap_paragraph(struct buf *out, struct slice text, size_t indent, size_t column)
{
	struct slice word;
	bool first = true;

	while (table_next_word(&text, &word)) {
		size_t n = characters(word);
		if (!first && indent + n > width_now && slice_find(word, '|') < word.n) {
			column = wrap_choices(out, word, indent, column);
			continue;
		}
		if (!first && column + 1 + n > width_now) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		buf_printf(out, "%s%.*s", first ? "" : " ", SLICE_ARG(word));
		column += n + !first;
		first = false;
	}
	buf_add_char(out, '\n');
}

void help_set_width(size_t cols)
{
	width_now = cols > WIDTH ? WIDTH : cols < LEAST_WIDTH ? LEAST_WIDTH : cols;
}

void help_wrap(struct buf *out, const char *text, size_t indent, size_t column)
{
	struct slice rest = slice_of(text);

	for (;;) {
		size_t end = slice_find_slice(rest, SLICE("\n\n"));
		wrap_paragraph(out, slice_sub(rest, 0, end), indent, column);
		if (end >= rest.n)
			return;
		rest = slice_from(rest, end + 2);
		buf_printf(out, "\n%*s", (int)indent, "");
		column = indent;
	}
}

void help_print_row(struct buf *out, const char *name, size_t width, const char *text)
{
	size_t n = characters(slice_of(name));

	/* Beside the names there would be no room for sentences. */
	if (width + 4 > width_now / 2) {
		buf_printf(out, *name ? "  %s\n%*s" : "%s%*s", name, BELOW_COLS, "");
		help_wrap(out, text ? text : "", BELOW_COLS, BELOW_COLS);
		return;
	}
	if (n > width)
		buf_printf(out, "  %s\n%*s", name, (int)width + 4, "");
	else
		buf_printf(out, "  %s%*s", name, (int)(width - n) + 2, "");
	help_wrap(out, text ? text : "", width + 4, width + 4);
}

/* ---- topics ---- */

static void print_group(const char *group, struct buf *out)
{
	for (size_t i = 0, n = table_count(); i < n; i++)
		if (!strcmp(table_row(i)->group, group))
			help_print_row(out, table_row(i)->name, 16, table_row(i)->summary);
}

/* The commands of a group: "help calls". */
static bool print_group_named(struct slice topic, struct buf *out)
{
	const char *group, *title;

	for (size_t g = 0; help_group(g, &group, &title); g++)
		if (slice_eq(topic, slice_of(group))) {
			print_group(group, out);
			return true;
		}
	return false;
}

static void print_overview(struct buf *out)
{
	const char *group, *title;

	for (size_t g = 0; help_group(g, &group, &title); g++) {
		buf_printf(out, "%s%s\n", g ? "\n" : "", title);
		print_group(group, out);
	}
	buf_printf(out, "\nhelp COMMAND explains one; see also\nhelp settings, help events, help quantities, help "
			"keys.\n");
}

static void print_arguments(const struct command *command, struct buf *out)
{
	bool any = false;

	for (size_t i = 0; i < COMMAND_ARGS_MAX && command->arguments[i].name; i++)
		if (command->arguments[i].text) {
			buf_printf(out, "%s", any ? "" : "\n");
			any = true;
			help_print_row(out, command->arguments[i].name, ARGUMENT_COLS, command->arguments[i].text);
		}
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name; i++) {
		const struct command_argument *option = &command->options[i];
		char name[64];
		snprintf(name, sizeof name, "%s=%s", option->name,
			 option->choices ? option->choices : argument_kind_word(option->kind));
		buf_printf(out, "%s", any ? "" : "\n");
		any = true;
		help_print_row(out, name, ARGUMENT_COLS, option->text);
	}
	if (command->event_keys)
		help_print_row(out, "KEY=PATTERN", ARGUMENT_COLS,
			       "only events whose KEY fits the shell pattern: help events lists the keys");
}

static void print_account_keys(struct buf *out)
{
	const char *const *names = phone_account_options();
	struct buf keys, settings;

	buf_init(&keys, 4096);
	buf_init(&settings, 4096);
	buf_printf(&keys, "Keys:");
	buf_printf(&settings, "Settings that may differ for this account alone (`help SETTING` tells about each):");
	for (size_t i = 0; names[i]; i++)
		buf_printf(setting_find(slice_of(names[i])) ? &settings : &keys, " %s", names[i]);
	buf_add_char(out, '\n');
	help_wrap(out, buf_text(&keys), 0, 0);
	buf_add_char(out, '\n');
	help_wrap(out, buf_text(&settings), 0, 0);
	buf_fini(&keys);
	buf_fini(&settings);
}

/* A name and its sentence, which goes on a little further right. */
static void print_titled(const char *name, const char *between, const char *sentence, struct buf *out)
{
	buf_printf(out, "%s%s", name, between);
	help_wrap(out, sentence, 8, strlen(name) + strlen(between));
}

/* What is called so beside a command: "help dtmf" tells of the event as well. */
static void print_event_too(struct slice topic, struct buf *out)
{
	enum event_kind kind;
	char title[64];

	if (!event_find(topic, &kind) || !event_help(kind))
		return;
	buf_add_char(out, '\n');
	snprintf(title, sizeof title, "The event %s", event_help(kind)->name);
	print_titled(title, ": ", event_help(kind)->sentence, out);
	help_print_row(out, "keys", 8, event_help(kind)->keys);
}

static void print_command(const struct command *command, struct buf *out)
{
	struct buf synopsis;

	buf_init(&synopsis, 4096);
	command_synopsis(command, &synopsis);
	help_wrap(out, buf_text(&synopsis), 4, 0);
	buf_fini(&synopsis);
	if (command->aliases)
		buf_printf(out, "also: %s\n", command->aliases);
	buf_printf(out, "\n%c%s.\n", command->summary[0] - 'a' + 'A', command->summary + 1);
	if (command->text) {
		buf_add_char(out, '\n');
		help_wrap(out, command->text, 0, 0);
	}
	print_arguments(command, out);
	for (size_t i = 0; i < COMMAND_ARGS_MAX && command->arguments[i].name; i++)
		if (command->arguments[i].kind == ARG_ACCOUNT_OPTION)
			print_account_keys(out);
	print_event_too(slice_of(command->name), out);
	for (size_t i = 0; i < COMMAND_EXAMPLES_MAX && command->examples[i]; i++)
		buf_printf(out, "%s    %s\n", i ? "" : "\n", command->examples[i]);
}

/* The commands that begin with a word: "help account". */
static bool print_family(struct slice first, struct buf *out)
{
	if (!table_is_first_word(first))
		return false;
	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice rest = slice_of(table_row(i)->name), word = slice_cut(&rest, ' ');
		if (rest.p && slice_eq(word, first))
			help_print_row(out, table_row(i)->name, 16, table_row(i)->summary);
	}
	return true;
}

/* A list that is longer than a line has blanks where it can break. */
static void print_choices(const char *choices, struct buf *out)
{
	bool is_long = strlen(choices) > 60;

	for (; *choices; choices++) {
		if (*choices == '|' && is_long)
			buf_printf(out, ", ");
		else
			buf_add_char(out, *choices);
	}
}

void setting_print_range(const struct setting_row *setting, struct buf *out)
{
	switch (setting->type) {
	case SETTING_CHOICE:
		print_choices(setting->choices, out);
		break;
	case SETTING_NUMBER:
		buf_printf(out, "%lld to %lld", (long long)setting->minimum, (long long)setting->maximum);
		break;
	case SETTING_DURATION:
		duration_print(out, setting->minimum > 0 ? setting->minimum : -1);
		buf_printf(out, " to ");
		duration_print(out, setting->maximum);
		if (setting->choices)
			buf_printf(out, " or %s", setting->choices);
		break;
	case SETTING_LEVEL:
		buf_printf(out, "%lld to %lld dB%s%s", (long long)(setting->minimum / LEVEL_DB),
			   (long long)(setting->maximum / LEVEL_DB), setting->choices ? " or " : "",
			   setting->choices ? setting->choices : "");
		break;
	case SETTING_SIZE:
		buf_printf(out, "a size%s%s", setting->choices ? " or " : "", setting->choices ? setting->choices : "");
		break;
	case SETTING_TEXT:
		buf_printf(out, "%s", setting->unit[0] ? setting->unit : "a text");
		break;
	}
}

static void print_setting(const struct setting_row *setting, struct buf *out)
{
	struct buf range;

	buf_init(&range, 512);
	buf_printf(&range, "default: %s; takes ", setting->initial[0] ? setting->initial : "empty");
	setting_print_range(setting, &range);
	print_titled(setting->name, "  ", setting->sentence, out);
	buf_printf(out, "    ");
	help_wrap(out, buf_text(&range), 4, 4);
	buf_fini(&range);
}

static void print_settings(struct buf *out)
{
	for (size_t i = 0; i < setting_count; i++)
		help_print_row(out, setting_rows[i].name, 22, setting_rows[i].sentence);
	buf_printf(out,
		   "\n`set NAME VALUE` changes one, `help NAME` explains it, `show settings` tells what they are "
		   "now.\n");
}

static void print_events(struct buf *out)
{
	for (int i = 0; i < EVENT_KINDS; i++) {
		const struct event_help *help = event_help((enum event_kind)i);
		if (!help)
			continue;
		help_print_row(out, help->name, 16, help->sentence);
		help_print_row(out, "", 16, help->keys);
	}
}

static void print_event(const struct event_help *help, struct buf *out)
{
	print_titled(help->name, ": ", help->sentence, out);
	help_print_row(out, "keys", 8, help->keys);
}

static void print_quantities(struct buf *out)
{
	for (size_t i = 0; help_quantity_row(i); i++)
		if (quantity_exists(help_quantity_row(i)->name))
			help_print_row(out, help_quantity_row(i)->name, 18, help_quantity_row(i)->text);
	buf_printf(out, "\nSettings can be asked by name as well. expect, if and get take them; in texts write "
			"${media.loss}.\n");
}

static void print_keys(struct buf *out)
{
	for (size_t i = 0; help_key_row(i); i++)
		help_print_row(out, help_key_row(i)->name, 16, help_key_row(i)->text);
	buf_printf(out,
		   "\nThe command line has those of readline besides (screen.editing).\n`bind` gives a key another "
		   "meaning.\n");
}

bool quantity_exists(const char *name)
{
	const char *const *names = phone_quantity_names();

	for (size_t i = 0; names[i]; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool has_stem(const char *name, struct slice stem)
{
	struct slice whole = slice_of(name);

	return slice_begins(whole, stem) && whole.n > stem.n && whole.p[stem.n] == '.';
}

/* `sent.Via` is explained by the row `sent.`. */
static bool print_quantity(struct slice topic, struct buf *out)
{
	const struct help_row *found;

	for (size_t i = 0; (found = help_quantity_row(i)); i++) {
		struct slice name = slice_of(found->name);
		bool open = slice_ends(name, SLICE("."));
		if (quantity_exists(found->name) && (open ? slice_begins(topic, name) : slice_eq(topic, name))) {
			help_print_row(out, found->name, 18, found->text);
			return true;
		}
	}
	return false;
}

/* "help sip": settings and quantities whose names begin so. */
static bool print_dotted(struct slice topic, struct buf *out)
{
	const struct help_row *row;
	bool any = false;

	while (topic.n && topic.p[topic.n - 1] == '.')
		topic.n--;
	for (size_t i = 0; topic.n && i < setting_count; i++)
		if (has_stem(setting_rows[i].name, topic)) {
			help_print_row(out, setting_rows[i].name, 22, setting_rows[i].sentence);
			any = true;
		}
	for (size_t i = 0; topic.n && (row = help_quantity_row(i)); i++)
		if (quantity_exists(row->name) && has_stem(row->name, topic)) {
			help_print_row(out, row->name, 22, row->text);
			any = true;
		}
	return any;
}

/* "help F8", "help C-l". */
static bool print_key(struct slice topic, struct buf *out)
{
	const struct help_row *row;

	for (size_t i = 0; (row = help_key_row(i)); i++) {
		struct slice names = slice_of(row->name), name;
		while (table_next_word(&names, &name))
			if (slice_eq(name, topic) && !slice_eq(name, SLICE("to"))) {
				help_print_row(out, row->name, 16, row->text);
				return true;
			}
	}
	return false;
}

/* The long pages. */
static const struct {
	const char *name;
	void (*print)(struct buf *out);
} pages[] = {
	{ "", print_overview },
	{ "settings", print_settings },
	{ "events", print_events },
	{ "quantities", print_quantities },
	{ "keys", print_keys },
};

/* Looked up for every `help` that is typed or sent, before it is its turn: the pages are not printed for it. */
bool help_knows(struct slice topic)
{
	struct buf out;

	topic = slice_trim(topic);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		if (slice_eq(topic, slice_of(pages[i].name)))
			return true;
	buf_init(&out, 1 << 20);
	bool known = help_print(topic, &out);
	buf_fini(&out);
	return known;
}

bool help_print(struct slice topic, struct buf *out)
{
	const struct command *command;
	const struct setting_row *setting;
	enum event_kind kind;

	topic = slice_trim(topic);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		if (slice_eq(topic, slice_of(pages[i].name))) {
			pages[i].print(out);
			return true;
		}
	command = table_find(topic);
	if (print_family(topic, out)) {
		print_event_too(topic, out);
	} else if (command) {
		print_command(command, out);
	} else if ((setting = setting_find(topic))) {
		print_setting(setting, out);
	} else if (event_find(topic, &kind) && event_help(kind)) {
		print_event(event_help(kind), out);
	} else {
		return print_quantity(topic, out) || print_group_named(topic, out) || print_dotted(topic, out) ||
		       print_key(topic, out);
	}
	return true;
}
