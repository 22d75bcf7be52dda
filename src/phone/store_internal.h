/* What the files of the store share: store.c has the thread, store_db.c the SQLite file, store_journal.c the journal.
 */
#pragma once

#include "base/list.h"
#include "base/error.h"
#include "phone/store.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>

enum { STORE_BUSY_MS = 250 };

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

/** Tell once what hinders, until something was written again. */
void store_warn(struct store *store, const char *what);

/* ---- the file ---- */

const char *store_table_name(enum store_table table);
/** The columns behind the key. */
size_t store_columns(enum store_table table);
bool store_run_sql(sqlite3 *db, const char *sql);
/** Open, check and bring to the present form; what is damaged is set aside. store->db is NULL when it cannot be used
 * (told). `no_folder`: why its folder could not be made. */
void store_open_db(struct store *store, enum err no_folder);
void store_close_db(struct store *store);
bool store_put_row(struct store *store, enum store_table table, const char *key, const char *const columns[]);
/** Forget all rows but the newest `keep`. */
bool store_prune(sqlite3 *db, enum store_table table, size_t keep);

/* ---- the journal ---- */

/** Take a journal of our own, and what is in those without an owner into the file. */
void store_open_journals(struct store *store);
/** @return false: it cannot be written (told) */
bool store_journal_add(struct store *store, enum store_table table, const char *key, const char *const columns[]);
/** All that it holds is in the file. */
void store_journal_empty(struct store *store);
/** The text file of the versions before the database. */
void store_take_old_file(struct store *store);
