#include "phone/store.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "loop/loop.h"
#include "phone/phone_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	VERSION_NOW = 1,
	JOURNALS = 8,           /* phones of this user that keep a history at the same time */
	JOURNAL_BYTES = 4 << 20,
	LINE_BYTES = 256 << 10, /* of a journal */
	BATCH_ROWS = 500,
	QUEUE_ROWS = 100000,
	BUSY_MS = 250,
	THREAD_BUSY_MS = 10000,
	RETRY_S = 5,
};

static const struct {
	const char *name, *columns[STORE_COLUMNS_MAX + 1], *create;
} tables[STORE_TABLES] = {
	[STORE_CALLS] = { "calls",
			  { "at", "direction", "how", "seconds", "code", "account", "uri", "name", "why", NULL },
			  "CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
			  "at INTEGER, direction TEXT, how TEXT, seconds INTEGER, code INTEGER, account TEXT, "
			  "uri TEXT, name TEXT, why TEXT)" },
	[STORE_MESSAGES] = { "messages",
			     { "at", "state", "seen", "peer", "name", "account", "text", "code", "reason", NULL },
			     "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
			     "at INTEGER, state TEXT, seen INTEGER, peer TEXT, name TEXT, account TEXT, text TEXT, "
			     "code INTEGER, reason TEXT)" },
};

/* For the thread: a row to put, or (key NULL) how many to keep. */
struct item {
	struct list_node node;
	enum store_table table;
	char *key, *columns[STORE_COLUMNS_MAX];
	size_t keep;
};

struct store {
	struct loop *loop;
	const char *dir;
	const struct log *log;
	sqlite3 *db; /* the thread's once that runs; NULL: nothing can be kept */
	sqlite3_stmt *puts[STORE_TABLES]; /* made when first needed, for as long as the file is open; as db */
	size_t keep[STORE_TABLES];
	bool opened, warned, threaded;
	int journal;
	size_t journal_bytes;
	uint64_t given; /* rows queued */
	unsigned keys;
	struct loop_watch *watch;
	int event_fd;

	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work;
	struct list queue;
	size_t queued;
	uint64_t done; /* rows that are in the file */
	bool stop;
	char *error; /* what the thread has to tell */
};

static size_t column_count(enum store_table table)
{
	size_t n = 0;

	while (tables[table].columns[n])
		n++;
	return n;
}

static void item_free(struct item *item)
{
	list_remove(&item->node);
	free(item->key);
	for (size_t i = 0; i < STORE_COLUMNS_MAX; i++)
		free(item->columns[i]);
	free(item);
}

static void warn(struct store *store, const char *what)
{
	if (!store->warned)
		log_line(store->log, LOG_WARNING, "the history cannot be written: %s; calls go on without it", what);
	store->warned = true;
}

/* ---- the file ---- */

static bool run_sql(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static sqlite3_stmt *prepare_put(sqlite3 *db, enum store_table table)
{
	size_t count = column_count(table);
	sqlite3_stmt *statement = NULL;
	struct buf sql;

	buf_init(&sql, 4096);
	buf_printf(&sql, "INSERT INTO %s (key", tables[table].name);
	for (size_t i = 0; i < count; i++)
		buf_printf(&sql, ", %s", tables[table].columns[i]);
	buf_printf(&sql, ") VALUES (?1");
	for (size_t i = 0; i < count; i++)
		buf_printf(&sql, ", ?%zu", i + 2);
	buf_printf(&sql, ") ON CONFLICT (key) DO UPDATE SET ");
	for (size_t i = 0; i < count; i++)
		buf_printf(&sql, "%s%s = excluded.%s", i ? ", " : "", tables[table].columns[i],
			   tables[table].columns[i]);
	if (sqlite3_prepare_v3(db, buf_text(&sql), -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
		statement = NULL;
	buf_fini(&sql);
	return statement;
}

/* The statement of each table is made once: to read it costs more than to do it. */
static bool put_row(struct store *store, enum store_table table, const char *key, const char *const columns[])
{
	size_t count = column_count(table);

	if (!store->puts[table])
		store->puts[table] = prepare_put(store->db, table);
	sqlite3_stmt *statement = store->puts[table];
	if (!statement)
		return false;
	sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	for (size_t i = 0; i < count; i++)
		sqlite3_bind_text(statement, (int)i + 2, columns[i] ? columns[i] : "", -1, SQLITE_STATIC);
	bool good = sqlite3_step(statement) == SQLITE_DONE;
	/* What went wrong was told by the step. */
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return good;
}

static void close_db(struct store *store)
{
	for (int i = 0; i < STORE_TABLES; i++) {
		sqlite3_finalize(store->puts[i]);
		store->puts[i] = NULL;
	}
	sqlite3_close(store->db);
	store->db = NULL;
}

static bool prune(sqlite3 *db, enum store_table table, size_t keep)
{
	char sql[256];

	snprintf(sql, sizeof sql, "DELETE FROM %s WHERE id <= (SELECT id FROM %s ORDER BY id DESC LIMIT 1 OFFSET %zu)",
		 tables[table].name, tables[table].name, keep);
	return run_sql(db, sql);
}

static int first_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int value = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

/* Is every page what it should be? What another program holds locked just now is no damage. */
static bool is_whole(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	bool whole = rc == SQLITE_BUSY || rc == SQLITE_LOCKED;

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(statement);
		whole = rc == SQLITE_BUSY ||
			(rc == SQLITE_ROW && !strcmp((const char *)sqlite3_column_text(statement, 0), "ok"));
	}
	sqlite3_finalize(statement);
	return whole;
}

/* Each step brings the form before it to its own. */
static bool migrate(sqlite3 *db)
{
	bool good = run_sql(db, "BEGIN IMMEDIATE");

	for (int i = 0; i < STORE_TABLES; i++)
		good = good && run_sql(db, tables[i].create);
	good = good && run_sql(db, "PRAGMA user_version = 1") && run_sql(db, "COMMIT");
	if (!good)
		run_sql(db, "ROLLBACK");
	return good;
}

/* Made here, so that nobody else may read it; SQLite gives the files beside it the same rights. */
static bool make_file(struct store *store, const char *path)
{
	struct stat info;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0600);

	if (fd < 0) {
		warn(store, strerror(errno));
		return false;
	}
	bool good = !fstat(fd, &info) && S_ISREG(info.st_mode);
	close(fd);
	if (!good)
		warn(store, "there is something else in the place of its file");
	return good;
}

static void set_aside(struct store *store, const char *path)
{
	char *aside = xasprintf("%s.damaged-%" PRId64, path, (int64_t)time(NULL));

	if (rename(path, aside) == 0) {
		static const char *const beside[] = { "-wal", "-shm" };
		for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
			char *old = xasprintf("%s%s", path, beside[i]);
			unlink(old);
			free(old);
		}
		log_line(store->log, LOG_WARNING, "the history was damaged: it is kept as %s, and a new one begins",
			 aside);
	}
	free(aside);
}

/* @return false: *damaged, or it cannot be used (told) */
static bool open_db(struct store *store, const char *path, bool *damaged)
{
	*damaged = false;
	if (!make_file(store, path))
		return false;
	if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		warn(store, store->db ? sqlite3_errmsg(store->db) : "no memory");
	} else {
		sqlite3_busy_timeout(store->db, BUSY_MS);
		*damaged = !is_whole(store->db);
		int version = *damaged ? 0 : first_number(store->db, "PRAGMA user_version");
		if (!*damaged && version > VERSION_NOW)
			warn(store, "a newer offhook has made history.db");
		else if (!*damaged && run_sql(store->db, "PRAGMA journal_mode = WAL") &&
			 run_sql(store->db, "PRAGMA synchronous = NORMAL") &&
			 (version == VERSION_NOW || migrate(store->db)))
			return true;
		else if (!*damaged)
			warn(store, sqlite3_errmsg(store->db));
	}
	close_db(store);
	return false;
}

/* ---- the journal ---- */

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
		if (slice_eq(name, slice_of(tables[table].name)) && count == column_count((enum store_table)table) + 1)
			good = put_row(store, (enum store_table)table, values[0], (const char *const *)values + 1);
	for (size_t i = 0; i < count; i++)
		free(values[i]);
	return good;
}

/* A last line without its end was never whole: a phone died writing it, and has not reported it. */
static bool take_journal(struct store *store, int fd)
{
	struct buf text;
	char chunk[16384];
	bool good = true;

	buf_init(&text, LINE_BYTES + sizeof chunk);
	for (ssize_t n; good && (n = read(fd, chunk, sizeof chunk)) > 0;) {
		if (!buf_add(&text, slice_make(chunk, (size_t)n)))
			break;
		struct slice rest = buf_slice(&text);
		for (size_t end; good && (end = slice_find(rest, '\n')) < rest.n; rest = slice_from(rest, end + 1))
			good = take_line(store, slice_sub(rest, 0, end));
		buf_drop(&text, text.n - rest.n);
	}
	buf_fini(&text);
	return good;
}

/* Ours is the first that no other phone holds; what is in those without an owner is taken in. */
static void open_journals(struct store *store)
{
	for (int i = 0; i < JOURNALS; i++) {
		struct stat info;
		int fd = open_owned(store->dir, "history.journal", i, O_APPEND | (store->journal < 0 ? O_CREAT : 0));
		if (fd < 0)
			continue;
		if (store->db && fstat(fd, &info) == 0 && info.st_size) {
			bool good = run_sql(store->db, "BEGIN IMMEDIATE") && take_journal(store, fd) &&
				    run_sql(store->db, "COMMIT") && !ftruncate(fd, 0);
			if (!good) {
				warn(store, sqlite3_errmsg(store->db));
				run_sql(store->db, "ROLLBACK");
			}
		}
		if (store->journal < 0)
			store->journal = fd;
		else
			close(fd);
	}
}

/* @return false: it cannot be written (told) */
static bool journal_add(struct store *store, enum store_table table, const char *key, const char *const columns[])
{
	struct buf line;

	if (store->journal < 0)
		return false;
	buf_init(&line, LINE_BYTES);
	buf_printf(&line, "%s\t", tables[table].name);
	add_escaped(&line, key);
	for (size_t i = 0; i < column_count(table); i++) {
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
		warn(store, n < 0 && errno ? strerror(errno) : strerror(ENOSPC));
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
		good = put_row(store, STORE_CALLS, key, columns);
	while (count)
		free(values[--count]);
	return good;
}

static void take_old_file(struct store *store)
{
	char *path = xasprintf("%s/history", store->dir), *taken = xasprintf("%s/history.taken", store->dir);
	FILE *file = NULL;
	struct stat info;
	char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t n;

	if (lstat(path, &info) || !S_ISREG(info.st_mode) || !(file = fopen(path, "re")))
		goto out;
	bool good = run_sql(store->db, "BEGIN IMMEDIATE");
	while (good && (n = getline(&line, &room, file)) > 0)
		good = take_old_line(store, slice_make(line, (size_t)(line[n - 1] == '\n' ? n - 1 : n)), ++number);
	good = good && run_sql(store->db, "COMMIT");
	if (!good)
		run_sql(store->db, "ROLLBACK");
	else if (rename(path, taken))
		warn(store, strerror(errno));
	fclose(file);
	free(line);
out:
	free(path);
	free(taken);
}

/* ---- the thread ---- */

/* One commit a batch. */
static bool write_batch(struct store *store, struct list *batch)
{
	sqlite3 *db = store->db;
	bool good = run_sql(db, "BEGIN IMMEDIATE");

	LIST_EACH(batch, node) {
		struct item *item = LIST_ENTRY(node, struct item, node);
		if (good && item->key)
			good = put_row(store, item->table, item->key, (const char *const *)item->columns);
		else if (good)
			good = prune(db, item->table, item->keep);
	}
	good = good && run_sql(db, "COMMIT");
	if (!good) {
		int error = sqlite3_errcode(db);
		run_sql(db, "ROLLBACK");
		return error == SQLITE_OK;
	}
	return true;
}

/* The next rows that wait. @return false: none will come any more. The lock is held. */
static bool next_batch(struct store *store, struct list *batch, uint64_t *rows)
{
	*rows = 0;
	while (list_empty(&store->queue) && !store->stop)
		pthread_cond_wait(&store->work, &store->lock);
	while (!list_empty(&store->queue) && *rows < BATCH_ROWS) {
		struct list_node *node = list_first(&store->queue);
		list_remove(node);
		list_append(batch, node);
		store->queued--;
		++*rows;
	}
	return *rows > 0;
}

/* A full disk may have room again later. @return false: the phone ends, and this was the last try. The lock is held. */
static bool wait_to_try_again(struct store *store)
{
	struct timespec until;

	if (store->stop)
		return false;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RETRY_S;
	while (!store->stop && pthread_cond_timedwait(&store->work, &store->lock, &until) == 0)
		;
	return true;
}

static void *run_thread(void *arg)
{
	struct store *store = arg;
	struct list batch;
	uint64_t one = 1, rows;

	list_init(&batch);
	pthread_mutex_lock(&store->lock);
	while (next_batch(store, &batch, &rows)) {
		bool good, again = true;
		do {
			pthread_mutex_unlock(&store->lock);
			good = write_batch(store, &batch);
			char *error = good ? NULL : xstrdup(sqlite3_errmsg(store->db));
			pthread_mutex_lock(&store->lock);
			free(store->error);
			store->error = error;
			store->done += good ? rows : 0;
			if (write(store->event_fd, &one, sizeof one) < 0)
				again = false; /* never: the counter is far from full */
		} while (!good && again && wait_to_try_again(store));
		LIST_EACH(&batch, node)
			item_free(LIST_ENTRY(node, struct item, node));
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

/* The thread has written something, or could not. */
static void on_written(void *arg, int events)
{
	struct store *store = arg;
	uint64_t count;

	(void)events;
	if (read(store->event_fd, &count, sizeof count) < 0)
		return;
	pthread_mutex_lock(&store->lock);
	char *error = store->error;
	bool all = store->done == store->given;
	store->error = NULL;
	pthread_mutex_unlock(&store->lock);
	if (error)
		warn(store, error); /* the journal keeps the rows for the next start */
	else
		store->warned = false;
	free(error);
	if (all && store->journal >= 0 && store->journal_bytes && !ftruncate(store->journal, 0))
		store->journal_bytes = 0;
}

static void start_thread(struct store *store)
{
	sqlite3_busy_timeout(store->db, THREAD_BUSY_MS);
	store->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	store->threaded = store->event_fd >= 0 && pthread_create(&store->thread, NULL, run_thread, store) == 0;
	if (store->threaded)
		store->watch = loop_watch(store->loop, store->event_fd, LOOP_READ, on_written, store);
	else
		warn(store, "the system gives no thread");
}

static void queue(struct store *store, struct item *item)
{
	pthread_mutex_lock(&store->lock);
	bool full = store->queued >= QUEUE_ROWS;
	if (!full) {
		list_append(&store->queue, &item->node);
		store->queued++;
		store->given++;
		pthread_cond_signal(&store->work);
	}
	pthread_mutex_unlock(&store->lock);
	if (full) {
		warn(store, "the disk is too slow");
		item_free(item);
	}
}

/* ---- what others call ---- */

struct store *store_new(struct loop *loop, const char *dir, const struct log *log)
{
	struct store *store = xcalloc(1, sizeof *store);

	store->loop = loop;
	store->dir = dir;
	store->log = log;
	store->journal = store->event_fd = -1;
	list_init(&store->queue);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->work, NULL);
	return store;
}

static void open_store(struct store *store)
{
	bool damaged = false;

	if (store->opened || !store->dir)
		return;
	store->opened = true;
	make_folder(store->dir);
	char *path = xasprintf("%s/history.db", store->dir);
	if (!open_db(store, path, &damaged) && damaged) {
		set_aside(store, path);
		open_db(store, path, &damaged);
	}
	free(path);
	if (!store->db)
		return;
	open_journals(store);
	take_old_file(store);
}

/* The thread has the connection once it runs; others look through one of their own. */
static sqlite3 *reading_db(struct store *store)
{
	sqlite3 *db = NULL;

	if (!store->threaded)
		return store->db;
	char *path = xasprintf("%s/history.db", store->dir);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
		sqlite3_busy_timeout(db, BUSY_MS);
	free(path);
	return db;
}

void store_each(struct store *store, enum store_table table, store_row_h *each, void *arg)
{
	size_t count = column_count(table);
	sqlite3_stmt *statement = NULL;
	char sql[64];

	open_store(store);
	sqlite3 *db = store->db ? reading_db(store) : NULL;
	if (!db)
		return;
	snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY id", tables[table].name);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		warn(store, sqlite3_errmsg(db));
	while (statement && sqlite3_step(statement) == SQLITE_ROW) {
		const char *columns[STORE_COLUMNS_MAX] = { 0 }, *key = (const char *)sqlite3_column_text(statement, 1);
		for (size_t i = 0; i < count; i++) {
			columns[i] = (const char *)sqlite3_column_text(statement, (int)i + 2);
			columns[i] = columns[i] ? columns[i] : "";
		}
		each(arg, key ? key : "", columns);
	}
	sqlite3_finalize(statement);
	if (db != store->db)
		sqlite3_close(db);
}

void store_put(struct store *store, enum store_table table, const char *key, const char *const columns[])
{
	struct item *item;

	open_store(store);
	if (!store->db)
		return;
	journal_add(store, table, key, columns);
	if (!store->threaded)
		start_thread(store);
	item = xcalloc(1, sizeof *item);
	item->table = table;
	item->key = xstrdup(key);
	for (size_t i = 0; i < column_count(table); i++)
		item->columns[i] = xstrdup(columns[i] ? columns[i] : "");
	queue(store, item);
}

void store_keep(struct store *store, enum store_table table, size_t count)
{
	struct item *item;

	store->keep[table] = count;
	if (!store->threaded)
		return;
	item = xcalloc(1, sizeof *item);
	item->table = table;
	item->keep = count;
	queue(store, item);
}

void store_new_key(struct store *store, char key[STORE_KEY_BYTES])
{
	snprintf(key, STORE_KEY_BYTES, "%" PRIx64 "-%x-%x", (uint64_t)time(NULL), (unsigned)getpid(), store->keys++);
}

void store_free(struct store *store)
{
	if (!store)
		return;
	if (store->threaded) {
		for (int table = 0; table < STORE_TABLES; table++)
			if (store->keep[table])
				store_keep(store, (enum store_table)table, store->keep[table]);
		pthread_mutex_lock(&store->lock);
		store->stop = true;
		pthread_cond_signal(&store->work);
		pthread_mutex_unlock(&store->lock);
		pthread_join(store->thread, NULL);
		on_written(store, LOOP_READ);
		loop_unwatch(store->watch);
	}
	LIST_EACH(&store->queue, node)
		item_free(LIST_ENTRY(node, struct item, node));
	close_db(store);
	if (store->event_fd >= 0)
		close(store->event_fd);
	if (store->journal >= 0)
		close(store->journal);
	pthread_cond_destroy(&store->work);
	pthread_mutex_destroy(&store->lock);
	free(store->error);
	free(store);
}
