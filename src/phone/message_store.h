/*
 * Where messages are kept: in memory, bounded in number and bytes, and in the store, from where those of earlier runs
 * come when somebody looks first or something is added.
 */
#pragma once

#include "base/buf.h"

enum message_state { MESSAGE_RECEIVED, MESSAGE_SENDING, MESSAGE_SENT, MESSAGE_FAILED };

struct message_record {
	unsigned number; /* 1 first; 0: as a key for message_store_add(), which gives it */
	enum message_state state;
	bool seen; /* a received one that was shown */
	int64_t unix_us;
	const char *peer, *name, *account, *text; /* clean UTF-8; text may have line feeds; "" where unknown */
	unsigned code;
	const char *reason;
};

struct message_store;
struct store;
struct message_store *message_store_new(struct store *store, size_t max_records, size_t max_bytes);
void message_store_free(struct message_store *store);
/** Copies it. @return its number */
unsigned message_store_add(struct message_store *store, const struct message_record *record);
/** Its outcome; nothing when it is no longer kept. */
void message_store_finish(struct message_store *store, unsigned number, enum message_state state, unsigned code,
			  const char *reason);
/** NULL: no longer kept. Borrowed until the next change. */
const struct message_record *message_store_find(const struct message_store *store, unsigned number);
/** Oldest first. `mark` counts those received as seen, after they were told. */
typedef void message_store_h(void *arg, const struct message_record *record);
void message_store_each(struct message_store *store, bool mark, message_store_h *each, void *arg);
/** Received and not seen. */
size_t message_store_unseen(const struct message_store *store);
