/*
 * History: what was called and who called. The newest `keep` entries are in memory, read from the store when somebody
 * asks first or something is added; what is added goes to the store at once.
 */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"
#include "phone/store.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { RECENT_MAX = 100, COLUMNS = 11, SEEN = 9, DIALLED = 10 };

struct entry {
	struct list_node node;
	struct history_row row;
	char *texts[COLUMNS]; /* what the row's texts point to */
	char key[STORE_KEY_BYTES];
	bool unseen; /* missed, and nobody has looked since */
};

struct history {
	struct store *store;
	struct list entries; /* oldest first */
	size_t count, keep;
	unsigned last_number;
	size_t missed; /* that nobody has looked at */
	bool loaded;
};

static void drop_oldest(struct history *history)
{
	struct entry *entry = LIST_ENTRY(list_first(&history->entries), struct entry, node);

	list_remove(&entry->node);
	history->missed -= entry->unseen;
	for (int i = 0; i < COLUMNS; i++)
		free(entry->texts[i]);
	free(entry);
	history->count--;
}

/* at direction how seconds code account uri name why seen dialled */
static void append(struct history *history, const char *key, const char *const columns[])
{
	struct entry *entry = xcalloc(1, sizeof *entry);

	for (int i = 0; i < COLUMNS; i++)
		entry->texts[i] = utf8_clean_dup(slice_of(columns[i] ? columns[i] : ""));
	entry->row = (struct history_row){ .number = ++history->last_number,
					   .unix_s = strtoll(entry->texts[0], NULL, 10),
					   .incoming = !strcmp(entry->texts[1], "in"),
					   .how = entry->texts[2],
					   .seconds = (unsigned)strtoul(entry->texts[3], NULL, 10),
					   .code = (unsigned)strtoul(entry->texts[4], NULL, 10),
					   .account = entry->texts[5],
					   .uri = entry->texts[6],
					   .name = entry->texts[7],
					   .why = entry->texts[8],
					   .dialled = entry->texts[DIALLED] };
	snprintf(entry->key, sizeof entry->key, "%s", key);
	entry->unseen = !strcmp(entry->row.how, "missed") && !strcmp(entry->texts[SEEN], "0");
	history->missed += entry->unseen;
	list_append(&history->entries, &entry->node);
	history->count++;
	while (history->count > history->keep)
		drop_oldest(history);
}

static void on_row(void *arg, const char *key, const char *const columns[])
{
	append(arg, key, columns);
}

/* Only when somebody asks or something is added: a phone that just registers needs no history. */
static void load(struct history *history)
{
	if (history->loaded)
		return;
	history->loaded = true;
	store_each(history->store, STORE_CALLS, on_row, history);
}

struct history *history_new(struct store *store, size_t keep)
{
	struct history *history = xcalloc(1, sizeof *history);

	*history = (struct history){ .store = store, .keep = keep };
	store_keep(store, STORE_CALLS, keep);
	list_init(&history->entries);
	return history;
}

void history_free(struct history *history)
{
	while (history->count)
		drop_oldest(history);
	free(history);
}

void history_keep(struct history *history, size_t keep)
{
	history->keep = keep;
	while (history->count > keep)
		drop_oldest(history);
	store_keep(history->store, STORE_CALLS, keep);
}

void history_add(struct history *history, const struct call *call)
{
	bool was_up = call->answered_us != 0, missed = call->incoming && !was_up && !call->answering;
	int64_t age_us = call->phone->timers->now_us - call->started_us;
	char at[32], seconds[32], code[16], key[STORE_KEY_BYTES];
	struct timespec now;
	struct buf why;

	if (!history->keep)
		return;
	load(history);
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(at, sizeof at, "%" PRId64, (int64_t)now.tv_sec - age_us / SECOND_US);
	snprintf(seconds, sizeof seconds, "%" PRId64,
		 was_up ? (call->ended_us - call->answered_us) / SECOND_US : INT64_C(0));
	snprintf(code, sizeof code, "%u", call->code);
	buf_init(&why, 2048);
	if (!was_up)
		explain_call_end(call, &why);
	const char *const columns[COLUMNS] = { at,
					       call->incoming ? "in" : "out",
					       was_up   ? "answered"
					       : missed ? "missed"
							: "failed",
					       seconds,
					       code,
					       call->account_name,
					       call->is_echo ? "echo" : call->uri,
					       call->name,
					       buf_text(&why),
					       missed ? "0" : "1",
					       call->incoming ? "" : call->target };
	store_new_key(history->store, key);
	store_put(history->store, STORE_CALLS, key, columns);
	append(history, key, columns);
	buf_fini(&why);
}

/* ---- asking ---- */

static bool text_matches(const char *text, const char *match)
{
	return fnmatch(match, text, 0) == 0 || strcasestr(text, match);
}

static bool wanted(const struct history_row *row, const struct history_filter *filter)
{
	const char *kind = filter->kind, *match = filter->match;

	if (kind && *kind && strcmp(kind, row->incoming ? "in" : "out") != 0 && strcmp(kind, row->how) != 0)
		return false;
	if (filter->since_unix_s && row->unix_s < filter->since_unix_s)
		return false;
	/* "bob*" is somebody whose address begins so: nobody writes the scheme. */
	return !match || !*match || fnmatch(match, uri_plain(row->uri), FNM_CASEFOLD) == 0 ||
	       text_matches(row->uri, match) || text_matches(row->name, match) || text_matches(row->dialled, match);
}

void history_each(struct history *history, const struct history_filter *filter, phone_history_h *each, void *arg)
{
	load(history);
	for (struct list_node *node = list_last(&history->entries); node;
	     node = node->prev == &history->entries.head ? NULL : node->prev) {
		const struct entry *entry = LIST_ENTRY(node, struct entry, node);
		if (wanted(&entry->row, filter))
			each(arg, &entry->row);
	}
}

const struct history_row *history_find(struct history *history, unsigned number)
{
	load(history);
	LIST_EACH(&history->entries, node) {
		const struct entry *entry = LIST_ENTRY(node, struct entry, node);
		if (entry->row.number == number)
			return &entry->row;
	}
	return NULL;
}

size_t history_missed(struct history *history)
{
	load(history);
	return history->missed;
}

void history_seen(struct history *history)
{
	if (!history->missed)
		return;
	LIST_EACH(&history->entries, node) {
		struct entry *entry = LIST_ENTRY(node, struct entry, node);
		if (!entry->unseen)
			continue;
		entry->unseen = false;
		xreplace(&entry->texts[SEEN], "1");
		store_put(history->store, STORE_CALLS, entry->key, (const char *const *)entry->texts);
	}
	history->missed = 0;
}

struct recent {
	const char *seen[RECENT_MAX];
	size_t count;
	phone_recent_h *each;
	void *arg;
};

static void add_recent(void *arg, const struct history_row *row)
{
	struct recent *recent = arg;
	const char *target = history_target(row);

	for (size_t i = 0; i < recent->count; i++)
		if (!strcmp(recent->seen[i], target))
			return;
	if (!*target || recent->count == RECENT_MAX)
		return;
	recent->seen[recent->count++] = target;
	recent->each(recent->arg, target);
}

void history_recent(struct history *history, phone_recent_h *each, void *arg)
{
	struct recent recent = { .each = each, .arg = arg };

	history_each(history, &(struct history_filter){ .kind = "out" }, add_recent, &recent);
}
