#include "phone/message_store.h"

#include "base/list.h"
#include "base/xmalloc.h"
#include "phone/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct entry {
	struct list_node node;
	struct message_record record; /* its texts are owned */
	size_t bytes;
	char key[STORE_KEY_BYTES]; /* in the store */
};

struct message_store {
	struct store *store;
	bool loaded;
	struct list entries; /* oldest first */
	size_t count, bytes, max_records, max_bytes, unseen;
	unsigned last;
};

static const char *const state_words[] = { [MESSAGE_RECEIVED] = "received",
					   [MESSAGE_SENDING] = "sending",
					   [MESSAGE_SENT] = "sent",
					   [MESSAGE_FAILED] = "failed" };

struct message_store *message_store_new(struct store *disk, size_t max_records, size_t max_bytes)
{
	struct message_store *store = xcalloc(1, sizeof *store);

	store->store = disk;
	store_keep(disk, STORE_MESSAGES, max_records);

	list_init(&store->entries);
	store->max_records = max_records;
	store->max_bytes = max_bytes;
	return store;
}

static void release(const char *text)
{
	free((char *)(uintptr_t)text);
}

static void drop(struct message_store *store, struct entry *entry)
{
	store->count--;
	store->bytes -= entry->bytes;
	store->unseen -= entry->record.state == MESSAGE_RECEIVED && !entry->record.seen;
	list_remove(&entry->node);
	release(entry->record.peer);
	release(entry->record.name);
	release(entry->record.account);
	release(entry->record.text);
	release(entry->record.reason);
	free(entry);
}

void message_store_free(struct message_store *store)
{
	if (!store)
		return;
	LIST_EACH(&store->entries, node)
		drop(store, LIST_ENTRY(node, struct entry, node));
	free(store);
}

static const char *copy(const char *text, size_t *bytes)
{
	char *mine = xstrdup(text ? text : "");

	*bytes += strlen(mine);
	return mine;
}

static struct entry *append(struct message_store *store, const struct message_record *record)
{
	struct entry *entry = xcalloc(1, sizeof *entry);

	entry->bytes = sizeof *entry;
	entry->record = *record;
	entry->record.number = ++store->last;
	entry->record.peer = copy(record->peer, &entry->bytes);
	entry->record.name = copy(record->name, &entry->bytes);
	entry->record.account = copy(record->account, &entry->bytes);
	entry->record.text = copy(record->text, &entry->bytes);
	entry->record.reason = copy(record->reason, &entry->bytes);
	store->count++;
	store->bytes += entry->bytes;
	store->unseen += record->state == MESSAGE_RECEIVED && !record->seen;
	list_append(&store->entries, &entry->node);
	while (store->count > 1 && (store->count > store->max_records || store->bytes > store->max_bytes))
		drop(store, LIST_ENTRY(list_first(&store->entries), struct entry, node));
	return entry;
}

/* at state seen peer name account text code reason */
static void put(struct message_store *store, const struct entry *entry)
{
	const struct message_record *record = &entry->record;
	char at[32], code[16];

	snprintf(at, sizeof at, "%" PRId64, record->unix_us);
	snprintf(code, sizeof code, "%u", record->code);
	const char *const columns[] = { at,		 state_words[record->state], record->seen ? "1" : "0",
					record->peer,	 record->name,		     record->account,
					record->text,	 code,			     record->reason };
	store_put(store->store, STORE_MESSAGES, entry->key, columns);
}

static void on_row(void *arg, const char *key, const char *const columns[])
{
	struct message_record record = { .state = MESSAGE_FAILED,
					 .unix_us = strtoll(columns[0], NULL, 10),
					 .seen = columns[2][0] == '1',
					 .peer = columns[3],
					 .name = columns[4],
					 .account = columns[5],
					 .text = columns[6],
					 .code = (unsigned)strtoul(columns[7], NULL, 10),
					 .reason = columns[8] };

	for (size_t i = 0; i < ARRAY_LEN(state_words); i++)
		if (!strcmp(columns[1], state_words[i]))
			record.state = (enum message_state)i;
	/* Nobody waits for its answer any more. */
	if (record.state == MESSAGE_SENDING) {
		record.state = MESSAGE_FAILED;
		record.reason = "the phone ended before the answer";
	}
	snprintf(append(arg, &record)->key, STORE_KEY_BYTES, "%s", key);
}

static void load(struct message_store *store)
{
	if (store->loaded)
		return;
	store->loaded = true;
	store_each(store->store, STORE_MESSAGES, on_row, store);
}

unsigned message_store_add(struct message_store *store, const struct message_record *record)
{
	load(store);
	struct entry *entry = append(store, record);
	store_new_key(store->store, entry->key);
	put(store, entry);
	return entry->record.number;
}

/* The newest are asked for most. */
static struct entry *find(const struct message_store *store, unsigned number)
{
	for (struct list_node *node = store->entries.head.prev; node != &store->entries.head; node = node->prev) {
		struct entry *entry = LIST_ENTRY(node, struct entry, node);
		if (entry->record.number <= number)
			return entry->record.number == number ? entry : NULL;
	}
	return NULL;
}

void message_store_finish(struct message_store *store, unsigned number, enum message_state state, unsigned code,
			  const char *reason)
{
	struct entry *entry = find(store, number);

	if (!entry)
		return;
	entry->record.state = state;
	entry->record.code = code;
	release(entry->record.reason);
	entry->record.reason = xstrdup(reason);
	put(store, entry);
}

const struct message_record *message_store_find(const struct message_store *store, unsigned number)
{
	const struct entry *entry = find(store, number);

	return entry ? &entry->record : NULL;
}

void message_store_each(struct message_store *store, bool mark, message_store_h *each, void *arg)
{
	load(store);
	LIST_EACH(&store->entries, node) {
		struct entry *entry = LIST_ENTRY(node, struct entry, node);
		struct message_record *record = &entry->record;
		each(arg, record);
		if (!mark || record->state != MESSAGE_RECEIVED || record->seen)
			continue;
		record->seen = true;
		store->unseen--;
		put(store, entry);
	}
}

size_t message_store_unseen(const struct message_store *store)
{
	return store->unseen;
}
