#include "command/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const struct command *rows;
	const size_t *count;
} tables[] = {
	{ calls_commands, &calls_command_count },       { in_call_commands, &in_call_command_count },
	{ screening_commands, &screening_command_count },
	{ sound_commands, &sound_command_count },
	{ accounts_commands, &accounts_command_count }, { people_commands, &people_command_count },
	{ messages_commands, &messages_command_count }, { presence_commands, &presence_command_count },
	{ protocol_commands, &protocol_command_count }, { watching_commands, &watching_command_count },
	{ trace_commands, &trace_command_count },
	{ scripts_commands, &scripts_command_count },   { phone_commands, &phone_command_count },
	{ keys_commands, &keys_command_count },
};

size_t table_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		count += *tables[i].count;
	return count;
}

const struct command *table_row(size_t place)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		if (place < *tables[i].count)
			return &tables[i].rows[place];
		place -= *tables[i].count;
	}
	return NULL;
}

bool table_next_word(struct slice *list, struct slice *word)
{
	while (list->n) {
		*word = slice_cut(list, ' ');
		if (word->n)
			return true;
	}
	return false;
}

/* ---- an index of all names ---- */

enum { NAMES_MAX = 512 };

struct name {
	struct slice text;
	const struct command *row; /* NULL: the first of several words */
};

static struct name names[NAMES_MAX];
static size_t name_count;

static int in_order(const void *a, const void *b)
{
	struct slice x = ((const struct name *)a)->text, y = ((const struct name *)b)->text;
	int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

	return order ? order : (x.n > y.n) - (x.n < y.n);
}

static void add_name(struct slice text, const struct command *row)
{
	assert(name_count < NAMES_MAX);
	names[name_count++] = (struct name){ text, row };
}

/* A script looks up a name or three a line: they are sorted once. */
static void make_index(void)
{
	for (size_t i = 0, n = table_count(); i < n; i++) {
		const struct command *row = table_row(i);
		struct slice aliases = slice_of(row->aliases), alias, rest = slice_of(row->name),
			     first = slice_cut(&rest, ' ');
		add_name(slice_of(row->name), row);
		while (table_next_word(&aliases, &alias))
			add_name(alias, row);
		if (rest.n)
			add_name(first, NULL);
	}
	qsort(names, name_count, sizeof *names, in_order);
}

/* The first entry of this name, with others of it behind; NULL: there is none. */
static const struct name *look_up(struct slice text)
{
	struct name wanted = { text, NULL };
	const struct name *found;

	if (!name_count)
		make_index();
	if (!text.n || !(found = bsearch(&wanted, names, name_count, sizeof *names, in_order)))
		return NULL;
	while (found > names && slice_eq(found[-1].text, text))
		found--;
	return found;
}

const struct command *table_find(struct slice name)
{
	for (const struct name *at = look_up(name); at && at < names + name_count && slice_eq(at->text, name); at++)
		if (at->row)
			return at->row;
	return NULL;
}

bool table_is_first_word(struct slice word)
{
	for (const struct name *at = look_up(word); at && at < names + name_count && slice_eq(at->text, word); at++)
		if (!at->row)
			return true;
	return false;
}

/* Offer the `place`-th word of a row's name and aliases as what `prefix` stands for. */
static void complete_from(struct slice name, unsigned place, struct slice first, struct slice prefix,
			  struct slice *found, size_t *count, struct buf *several)
{
	struct slice rest = name, word = slice_cut(&rest, ' ');

	if (place == 1) {
		if (!slice_eq(word, first) || !rest.n)
			return;
		word = rest;
	}
	if (!slice_begins(word, prefix) || slice_eq(word, *found))
		return;
	if (several)
		buf_printf(several, "%s%.*s", *count ? ", " : "", SLICE_ARG(word));
	(*count)++;
	*found = word;
}

struct slice table_complete(struct slice first, struct slice prefix, struct buf *several)
{
	struct slice found = { NULL, 0 };
	size_t count = 0;

	for (size_t i = 0, n = table_count(); prefix.n && i < n; i++) {
		const struct command *row = table_row(i);
		struct slice aliases = slice_of(row->aliases), alias;
		complete_from(slice_of(row->name), first.n > 0, first, prefix, &found, &count, several);
		while (table_next_word(&aliases, &alias))
			complete_from(alias, first.n > 0, first, prefix, &found, &count, several);
	}
	return count == 1 ? found : (struct slice){ NULL, 0 };
}

/* ---- near misses ---- */

enum { NEAR_BYTES_MAX = 48 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t near_distance(struct slice a, struct slice b)
{
	size_t rows[3][NEAR_BYTES_MAX + 1], *before = rows[0], *last = rows[1], *row = rows[2];

	if (a.n > NEAR_BYTES_MAX || b.n > NEAR_BYTES_MAX)
		return SIZE_MAX;
	memset(rows, 0, sizeof rows);
	for (size_t k = 0; k <= b.n; k++)
		last[k] = k;
	for (size_t i = 1; i <= a.n; i++) {
		row[0] = i;
		for (size_t k = 1; k <= b.n; k++) {
			bool differs = !slice_ieq(slice_sub(a, i - 1, 1), slice_sub(b, k - 1, 1));
			row[k] = least(least(last[k] + 1, row[k - 1] + 1), last[k - 1] + differs);
			if (i > 1 && k > 1 && a.p[i - 1] == b.p[k - 2] && a.p[i - 2] == b.p[k - 1])
				row[k] = least(row[k], before[k - 2] + 1);
		}
		size_t *oldest = before;
		before = last;
		last = row;
		row = oldest;
	}
	return last[b.n];
}

void near_init(struct near *near, struct slice word)
{
	/* A third of the letters may be wrong, one of two or three. */
	size_t limit = word.n <= 3 ? 1 : word.n / 3 + (word.n < 6);

	*near = (struct near){ .word = word, .distance = limit + 1 };
}

void near_offer(struct near *near, struct slice candidate)
{
	size_t distance = near_distance(near->word, candidate);

	/* Of two as near the one that only goes on: "of" is rather "off" than "on". */
	bool goes_on = near->best.n && distance == near->distance && slice_begins(candidate, near->word) &&
		       !slice_begins(near->best, near->word);

	if ((distance < near->distance || goes_on) && distance < candidate.n) {
		near->distance = distance;
		near->best = candidate;
	}
}

void near_print(const struct near *near, struct buf *to)
{
	if (near->best.n)
		buf_printf(to, "; did you mean '%.*s'?", SLICE_ARG(near->best));
}
