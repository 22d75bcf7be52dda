#include "phone/store_internal.h"

#include "base/xmalloc.h"
#include "loop/loop.h"
#include "phone/phone_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH_ROWS = 500,
	QUEUE_ROWS = 100000,
	THREAD_BUSY_MS = 10000,
	GATHER_MS = 100,
	RETRY_MS = 5000,
};

/* For the thread: a row to put, or (key NULL) how many to keep. */
struct item {
	struct list_node node;
	enum store_table table;
	char *key, *columns[STORE_COLUMNS_MAX];
	size_t keep;
};

static void item_free(struct item *item)
{
	list_remove(&item->node);
	free(item->key);
	for (size_t i = 0; i < STORE_COLUMNS_MAX; i++)
		free(item->columns[i]);
	free(item);
}

void store_warn(struct store *store, const char *what)
{
	if (!store->warned)
		log_line(store->log, LOG_WARNING, "the history cannot be written: %s/history.db: %s; calls go on "
						  "without it",
			 store->dir, what);
	store->warned = true;
}

/* ---- the thread ---- */

/* One commit a batch. */
static bool write_batch(struct store *store, struct list *batch)
{
	sqlite3 *db = store->db;
	bool good = store_run_sql(db, "BEGIN IMMEDIATE");

	LIST_EACH(batch, node) {
		struct item *item = LIST_ENTRY(node, struct item, node);
		if (good && item->key)
			good = store_put_row(store, item->table, item->key, (const char *const *)item->columns);
		else if (good)
			good = store_prune(db, item->table, item->keep);
	}
	good = good && store_run_sql(db, "COMMIT");
	if (!good) {
		int error = sqlite3_errcode(db);
		store_run_sql(db, "ROLLBACK");
		return error == SQLITE_OK;
	}
	return true;
}

/* By the clock that nobody sets. @return false: it is over. The lock is held. */
static bool wait_until(struct store *store, const struct timespec *until)
{
	return pthread_cond_timedwait(&store->work, &store->lock, until) == 0;
}

static struct timespec in_ms(long ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return until;
}

/*
 * A commit costs the same for one row as for hundreds, and more than the call that the row is about; so what comes soon
 * after it is waited for. Nothing is at stake meanwhile: the journal has it. The lock is held.
 */
static void gather(struct store *store)
{
	while (list_empty(&store->queue) && !store->stop)
		pthread_cond_wait(&store->work, &store->lock);
	struct timespec until = in_ms(GATHER_MS);
	while (store->queued < BATCH_ROWS && !store->stop && wait_until(store, &until))
		continue;
}

/* The next rows that wait. @return false: none will come any more. The lock is held. */
static bool next_batch(struct store *store, struct list *batch, uint64_t *rows)
{
	*rows = 0;
	gather(store);
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
	struct timespec until = in_ms(RETRY_MS);

	if (store->stop)
		return false;
	while (!store->stop && wait_until(store, &until))
		continue;
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
		store_warn(store, error); /* the journal keeps the rows for the next start */
	else
		store->warned = false;
	free(error);
	if (all)
		store_journal_empty(store);
}

static void start_thread(struct store *store)
{
	sqlite3_busy_timeout(store->db, THREAD_BUSY_MS);
	store->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	store->threaded = store->event_fd >= 0 && pthread_create(&store->thread, NULL, run_thread, store) == 0;
	if (store->threaded)
		store->watch = loop_watch(store->loop, store->event_fd, LOOP_READ, on_written, store);
	else
		store_warn(store, "the system gives no thread");
}

static void queue(struct store *store, struct item *item)
{
	pthread_mutex_lock(&store->lock);
	bool full = store->queued >= QUEUE_ROWS;
	if (!full) {
		list_append(&store->queue, &item->node);
		store->queued++;
		store->given++;
		if (store->queued == 1 || store->queued == BATCH_ROWS)
			pthread_cond_signal(&store->work);
	}
	pthread_mutex_unlock(&store->lock);
	if (full) {
		store_warn(store, "the disk is too slow");
		item_free(item);
	}
}

/* ---- what others call ---- */

struct store *store_new(struct loop *loop, const char *dir, const struct log *log)
{
	struct store *store = xcalloc(1, sizeof *store);
	pthread_condattr_t monotonic;

	store->loop = loop;
	store->dir = dir;
	store->log = log;
	store->journal = store->event_fd = -1;
	list_init(&store->queue);
	pthread_mutex_init(&store->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&store->work, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return store;
}

static void open_store(struct store *store)
{
	if (store->opened || !store->dir)
		return;
	store->opened = true;
	store_open_db(store, make_folder(store->dir));
	if (!store->db)
		return;
	store_open_journals(store);
	store_take_old_file(store);
	for (int table = 0; table < STORE_TABLES; table++)
		if (store->keep[table])
			store_prune(store->db, (enum store_table)table, store->keep[table]);
}

/* The thread has the connection once it runs; others look through one of their own. */
static sqlite3 *reading_db(struct store *store)
{
	sqlite3 *db = NULL;

	if (!store->threaded)
		return store->db;
	char *path = xasprintf("%s/history.db", store->dir);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
		sqlite3_busy_timeout(db, STORE_BUSY_MS);
	free(path);
	return db;
}

void store_each(struct store *store, enum store_table table, store_row_h *each, void *arg)
{
	size_t count = store_columns(table);
	sqlite3_stmt *statement = NULL;
	char sql[64];

	open_store(store);
	sqlite3 *db = store->db ? reading_db(store) : NULL;
	if (!db)
		return;
	snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY id", store_table_name(table));
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		store_warn(store, sqlite3_errmsg(db));
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
	store_journal_add(store, table, key, columns);
	if (!store->threaded)
		start_thread(store);
	item = xcalloc(1, sizeof *item);
	item->table = table;
	item->key = xstrdup(key);
	for (size_t i = 0; i < store_columns(table); i++)
		item->columns[i] = xstrdup(columns[i] ? columns[i] : "");
	queue(store, item);
}

void store_keep(struct store *store, enum store_table table, size_t count)
{
	struct item *item;

	store->keep[table] = count;
	if (!store->threaded && store->db && count)
		store_prune(store->db, table, count);
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
	store_close_db(store);
	if (store->event_fd >= 0)
		close(store->event_fd);
	if (store->journal >= 0)
		close(store->journal);
	pthread_cond_destroy(&store->work);
	pthread_mutex_destroy(&store->lock);
	free(store->error);
	free(store);
}
