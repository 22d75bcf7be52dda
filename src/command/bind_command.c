/* bind_command: where words come from, and which command they mean. */
#include "command/binder.h"
#include "command/foreign.h"
#include "command/internal.h"

/* ---- where words come from ---- */

enum words_result binder_next(struct binder *binder)
{
	struct source *source = &binder->source;
	struct word *word = &binder->word;

	if (!source->fixed)
		return words_next(&source->words, word, binder->failure, &binder->at);
	if (source->next == source->fixed_count)
		return WORD_NONE;
	struct slice text = slice_of(source->fixed[source->next++]);
	buf_clear(&word->text);
	buf_clear(&word->network);
	buf_add(&word->text, text);
	size_t equals = slice_find(text, '=');
	word->name_bytes = equals < text.n ? equals : SIZE_MAX;
	word->quoted = word->dynamic = false;
	return WORD_OK;
}

size_t binder_position(const struct source *source)
{
	return source->fixed ? source->next : source->words.at;
}

void binder_go_back(struct source *source, size_t to)
{
	if (source->fixed)
		source->next = to;
	else
		source->words.at = to;
}

bool binder_failed(struct binder *binder, const char *reason, const struct near *near, const char *format, ...)
{
	struct buf text;
	va_list args;

	buf_init(&text, sizeof binder->failure->text);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	if (near)
		near_print(near, &text);
	binder->at = binder->word.start;
	fail(binder->failure, STATUS_USAGE, reason, "%s", buf_text(&text));
	buf_fini(&text);
	return false;
}

/* ---- which command ---- */

static void list_second_words(struct slice first, struct buf *list)
{
	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice rest = slice_of(table_row(i)->name), word = slice_cut(&rest, ' ');
		if (rest.n && slice_eq(word, first))
			buf_printf(list, "%s%.*s", list->n ? ", " : "", SLICE_ARG(rest));
	}
}

static void second_word_missing(struct binder *binder, struct slice first)
{
	struct buf list;

	buf_init(&list, 300);
	list_second_words(first, &list);
	binder_failed(binder, "no-such-command", NULL, "%.*s needs one of these behind it: %s", SLICE_ARG(first),
		      buf_text(&list));
	buf_fini(&list);
}

static void near_first_word(struct binder *binder, struct near *near)
{
	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice aliases = slice_of(table_row(i)->aliases), alias;
		near_offer(near, slice_of(table_row(i)->name));
		while (table_next_word(&aliases, &alias))
			near_offer(near, alias);
	}
	aliases_offer(binder->how->commands, near);
	/* "refuse" is rather the whole first part of "refuse-transfer" than a misspelt "resume". */
	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice name = slice_of(table_row(i)->name);
		if (slice_eq(slice_cut(&name, '-'), near->word) && name.p) {
			near->best = slice_of(table_row(i)->name);
			return;
		}
	}
}

/* The first word is right: only the second is compared, and both are shown. */
static void near_second_word(struct slice first, struct near *near)
{
	struct slice best = { NULL, 0 };

	for (size_t i = 0, n = table_count(); i < n; i++) {
		struct slice rest = slice_of(table_row(i)->name), word = slice_cut(&rest, ' ');
		const char *before = near->best.p;
		if (!rest.n || !slice_eq(word, first))
			continue;
		near_offer(near, rest);
		if (near->best.p != before)
			best = slice_of(table_row(i)->name);
	}
	near->best = best;
}

/* Some phones call what is typed alone: an address, or a number of three digits and more. */
static bool is_someone(struct slice word)
{
	size_t digits = 0;

	for (size_t i = 0; i < word.n; i++)
		digits += word.p[i] >= '0' && word.p[i] <= '9';
	return slice_find(word, '@') < word.n || slice_begins(word, SLICE("sip:")) ||
	       slice_begins(word, SLICE("sips:")) || slice_begins(word, SLICE("tel:")) ||
	       (digits >= 3 && digits + (word.p[0] == '+') == word.n);
}

static void no_such_command(struct binder *binder, struct slice first, struct slice second)
{
	struct buf name, elsewhere;
	struct near near;

	buf_init(&name, 256);
	buf_printf(&name, "%.*s%s%.*s", SLICE_ARG(slice_sub(first, 0, 60)), second.n ? " " : "",
		   SLICE_ARG(slice_sub(second, 0, 60)));
	bool is_line = slice_find(first, ' ') < first.n;
	near_init(&near, second.n ? second : first);
	if (is_line && !second.n)
		near.best = (struct slice){ 0 };
	else if (second.n)
		near_second_word(first, &near);
	else
		near_first_word(binder, &near);
	buf_init(&elsewhere, 300);
	bool known = !second.n && foreign_print(first, &elsewhere);
	if (second.n && !near.best.n) {
		buf_printf(&elsewhere, "; behind %.*s stands one of ", SLICE_ARG(first));
		struct buf list;
		buf_init(&list, 240);
		list_second_words(first, &list);
		buf_add(&elsewhere, buf_slice(&list));
		buf_fini(&list);
	}
	if (!second.n && is_line)
		buf_printf(&elsewhere, "; quotes around it all make one word of it: leave them out");
	else if (!second.n && !known && is_someone(first))
		buf_printf(&elsewhere, "; to call it, write call in front");
	else if (!second.n && !known && !near.best.n)
		buf_printf(&elsewhere, "; `help` lists them");
	binder_failed(binder, "no-such-command", known ? NULL : &near, "%s: no such command%s", buf_text(&name),
		      buf_text(&elsewhere));
	buf_fini(&elsewhere);
	buf_fini(&name);
}

/* The row of "FIRST SECOND", with the second word read; or of FIRST alone. `first` is a copy that lives on. */
static bool find_two(struct binder *binder, struct slice first)
{
	size_t before = binder_position(&binder->source);
	struct buf name;
	bool more;

	switch (binder_next(binder)) {
	case WORD_BAD:
		return false;
	case WORD_NONE:
		more = false;
		break;
	default:
		more = true;
	}
	buf_init(&name, 256);
	buf_printf(&name, "%.*s ", SLICE_ARG(first));
	struct slice second = more ? buf_slice(&binder->word.text) : (struct slice){ NULL, 0 };
	struct slice whole =
		more && binder->how->interactive ? table_complete(first, second, NULL) : (struct slice){ NULL, 0 };
	buf_add(&name, whole.n ? whole : second);
	binder->bound->command = second.n && !binder->word.dynamic ? table_find(buf_slice(&name)) : NULL;
	if (!binder->bound->command) {
		/* The word alone may be a command too; one without arguments takes no word behind it. */
		const struct command *alone = table_find(first);
		if (alone && (!more || alone->arguments[0].name)) {
			binder->bound->command = alone;
			binder_go_back(&binder->source, before);
		} else if (!more) {
			second_word_missing(binder, first);
		} else {
			no_such_command(binder, first, second);
		}
	}
	buf_fini(&name);
	return binder->bound->command != NULL;
}

bool binder_find_command(struct binder *binder, struct slice first)
{
	struct buf several;

	if (table_is_first_word(first))
		return find_two(binder, first);
	if ((binder->bound->command = table_find(first)))
		return true;
	if (binder->how->interactive) {
		buf_init(&several, 600);
		struct slice whole = table_complete((struct slice){ NULL, 0 }, first, &several);
		bool ambiguous = !whole.n && several.n;
		if (ambiguous) {
			foreign_print(first, &several);
			binder_failed(binder, "ambiguous", NULL, "%.*s could be %s", SLICE_ARG(first),
				      buf_text(&several));
		}
		buf_fini(&several);
		if (ambiguous)
			return false;
		if (whole.n)
			return table_is_first_word(whole) ? find_two(binder, whole)
							  : (binder->bound->command = table_find(whole)) != NULL;
	}
	no_such_command(binder, first, (struct slice){ NULL, 0 });
	return false;
}
