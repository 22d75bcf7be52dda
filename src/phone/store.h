/*
 * store: what must outlive the phone, rows in an SQLite file that a thread of its own writes, so that a slow disk
 * stalls nobody.
 *
 * Whatever was put is there after a kill -9: each row goes first, with one write(2), into a journal beside the file;
 * the thread brings rows over in batches, and the journal is emptied when all are there. At the next start what stands
 * in a journal is put once more: a row's key tells which it is.
 */
#pragma once

#include "base/log.h"

struct store;
struct loop;

enum store_table { STORE_CALLS, STORE_MESSAGES, STORE_TABLES };

/* The columns behind the key, in the order of the table's statement in store.c. */
enum { STORE_COLUMNS_MAX = 12, STORE_KEY_BYTES = 32 };

/** @param dir  of history.db, made when missing; NULL: nothing is kept. Opens nothing yet. Borrows both. */
struct store *store_new(struct loop *loop, const char *dir, const struct log *log) __attribute__((returns_nonnull));
/** Waits until what was put is in the file, or cannot be written: the journal has it then. */
void store_free(struct store *store);
/**
 * The rows of a table, oldest first. Opens the file when it is the first: checks it, brings it to the present form,
 * takes in the journals and the text file of older versions. What cannot be used is told by the log and set aside.
 */
typedef void store_row_h(void *arg, const char *key, const char *const columns[]);
void store_each(struct store *store, enum store_table table, store_row_h *each, void *arg);
/** Put a row, or put it anew: the same key is the same row. NULL columns are empty. */
void store_put(struct store *store, enum store_table table, const char *key, const char *const columns[]);
/** How many rows of a table stay, the newest. */
void store_keep(struct store *store, enum store_table table, size_t count);
/** A key that no other row has: "1795344122-4711-17". */
void store_new_key(struct store *store, char key[STORE_KEY_BYTES]);
