/* The journal of the store: rows that were put and may not be in the file yet. And what older versions kept. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"
#include "phone/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	JOURNALS = 8,           /* phones of this user that keep a history at the same time */
	JOURNAL_BYTES = 4 << 20,
	LINE_BYTES = 256 << 10, /* of a journal */
};

static void add_escaped(struct buf *line, const char *text)
{
	for (const char *c = text ? text : ""; *c; c++) {
		const char *escape = *c == '\t' ? "\\t" : *c == '\n' ? "\\n" : *c == '\\' ? "\\\\" : NULL;
		if (escape)
			buf_printf(line, "%s", escape);
		else
			buf_add_char(line, *c);
	}
}

static void unescape(char *text)
{
	char *to = text;

	for (const char *c = text; *c; c++) {
		if (*c == '\\' && c[1]) {
			c++;
			*to++ = *c == 't' ? '\t' : *c == 'n' ? '\n' : *c;
		} else {
			*to++ = *c;
		}
	}
	*to = '\0';
}

/* Version 1 did not write down who of the calls was seen, version 2 not what was dialled. */
static bool fits(enum store_table table, size_t count)
{
	size_t wanted = store_columns(table) + 1;

	return count == wanted || (table == STORE_CALLS && count >= wanted - 2 && count <= wanted);
}

/* "calls TAB key TAB column ..." */
static bool take_line(struct store *store, struct slice line)
{
	struct slice name = slice_cut(&line, '\t');
	char *values[STORE_COLUMNS_MAX + 1] = { 0 };
	size_t count = 0;
	bool good = true;

	for (; line.p && count < ARRAY_LEN(values); count++) {
		values[count] = slice_dup(slice_cut(&line, '\t'));
		unescape(values[count]);
	}
	for (int table = 0; table < STORE_TABLES; table++)
		if (slice_eq(name, slice_of(store_table_name((enum store_table)table))) &&
		    fits((enum store_table)table, count))
			good = store_put_row(store, (enum store_table)table, values[0],
					     (const char *const *)values + 1);
	for (size_t i = 0; i < count; i++)
		free(values[i]);
	return good;
}

/* A last line without its end was never whole: a phone died writing it, and has not reported it. A line longer than any
 * row is damage (what a disk that lost its power left behind), and costs the rows behind it nothing. */
static bool take_journal(struct store *store, int fd)
{
	struct buf text;
	char chunk[16384];
	bool good = true, damaged = false; /* damaged: the line that goes on */

	buf_init(&text, LINE_BYTES + sizeof chunk);
	for (ssize_t n; good && (n = read(fd, chunk, sizeof chunk)) > 0;) {
		if (text.n > LINE_BYTES) {
			buf_clear(&text);
			damaged = true;
		}
		buf_add(&text, slice_make(chunk, (size_t)n));
		struct slice rest = buf_slice(&text);
		for (size_t end; good && (end = slice_find(rest, '\n')) < rest.n; rest = slice_from(rest, end + 1)) {
			good = damaged || take_line(store, slice_sub(rest, 0, end));
			damaged = false;
		}
		buf_drop(&text, text.n - rest.n);
	}
	buf_fini(&text);
	return good;
}

/* What a phone that is no more has left there. @return false: not all of it is in the file yet (told) */
static bool take_over(struct store *store, int fd)
{
	struct stat info;

	if (!store->db || fstat(fd, &info) || !info.st_size)
		return true;
	bool good = store_run_sql(store->db, "BEGIN IMMEDIATE") && take_journal(store, fd) &&
		    store_run_sql(store->db, "COMMIT") && !ftruncate(fd, 0);
	if (!good) {
		store_warn(store, sqlite3_errmsg(store->db));
		store_run_sql(store->db, "ROLLBACK");
	}
	return good;
}

/* Ours is the first that no other phone holds; what is in those without an owner is taken in. */
void store_open_journals(struct store *store)
{
	for (int i = 0; i < JOURNALS; i++) {
		int fd = open_owned(store->dir, "history.journal", i, O_APPEND | (store->journal < 0 ? O_CREAT : 0));
		if (fd < 0)
			continue;
		/* Ours is emptied when our own rows are in the file: no others may stand in it. */
		bool taken = take_over(store, fd);
		if (store->journal < 0 && taken)
			store->journal = fd;
		else
			close(fd);
	}
}

/* @return false: it cannot be written (told) */
bool store_journal_add(struct store *store, enum store_table table, const char *key, const char *const columns[])
{
	struct buf line;

	if (store->journal < 0)
		return false;
	buf_init(&line, LINE_BYTES);
	buf_printf(&line, "%s\t", store_table_name(table));
	add_escaped(&line, key);
	for (size_t i = 0; i < store_columns(table); i++) {
		buf_add_char(&line, '\t');
		add_escaped(&line, columns[i]);
	}
	buf_add_char(&line, '\n');
	ssize_t n = line.full || store->journal_bytes + line.n > JOURNAL_BYTES ? -1
										: write(store->journal, line.p, line.n);
	bool good = n == (ssize_t)line.n;
	if (good) {
		store->journal_bytes += line.n;
	} else {
		store_warn(store, n < 0 && errno ? strerror(errno) : strerror(ENOSPC));
		/* No half line may stay before the next. */
		if (n > 0 && ftruncate(store->journal, (off_t)store->journal_bytes))
			store->journal_bytes += (size_t)n;
	}
	buf_fini(&line);
	return good;
}

/* ---- what older versions kept: a text file, a call a line ---- */

static bool take_old_line(struct store *store, struct slice line, size_t number)
{
	const char *columns[STORE_COLUMNS_MAX] = { 0 };
	char *values[8], key[STORE_KEY_BYTES];
	size_t count = 0;
	bool good = true;

	if (!utf8_valid(line))
		return true;
	for (; line.p && count < ARRAY_LEN(values); count++)
		columns[count] = values[count] = slice_dup(slice_cut(&line, '\t'));
	snprintf(key, sizeof key, "text-%zu", number);
	if (count == ARRAY_LEN(values))
		good = store_put_row(store, STORE_CALLS, key, columns);
	while (count)
		free(values[--count]);
	return good;
}

void store_take_old_file(struct store *store)
{
	char *path = xasprintf("%s/history", store->dir), *taken = xasprintf("%s/history.taken", store->dir);
	FILE *file = NULL;
	struct stat info;
	char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t n;

	if (lstat(path, &info) || !S_ISREG(info.st_mode) || !(file = fopen(path, "re")))
		goto out;
	bool good = store_run_sql(store->db, "BEGIN IMMEDIATE");
	while (good && (n = getline(&line, &room, file)) > 0)
		good = take_old_line(store, slice_make(line, (size_t)(line[n - 1] == '\n' ? n - 1 : n)), ++number);
	good = good && store_run_sql(store->db, "COMMIT");
	if (!good)
		store_run_sql(store->db, "ROLLBACK");
	else if (rename(path, taken))
		store_warn(store, strerror(errno));
	fclose(file);
	free(line);
out:
	free(path);
	free(taken);
}

void store_journal_empty(struct store *store)
{
	if (store->journal >= 0 && store->journal_bytes && !ftruncate(store->journal, 0))
		store->journal_bytes = 0;
}
