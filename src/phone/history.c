/*
 * History: what was called and who called, one line a call, newest last:
 * UNIX-SECONDS TAB in|out TAB answered|failed|missed TAB SECONDS TAB CODE TAB ACCOUNT TAB ADDRESS TAB NAME
 *
 * The file is written beside the calls, never in their way: what cannot be written is told once and forgotten.
 */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048, FILE_MAX = 64 << 20, RECENT_MAX = 100 };

enum column {
	COLUMN_TIME,
	COLUMN_DIRECTION,
	COLUMN_HOW,
	COLUMN_SECONDS,
	COLUMN_CODE,
	COLUMN_ACCOUNT,
	COLUMN_URI,
	COLUMN_NAME,
	COLUMNS
};

struct entry {
	struct list_node node;
	char *line; /* without its line feed */
};

struct history {
	const char *dir;
	const struct log *log;
	struct list entries;
	size_t count, keep, in_file;
	bool loaded, warned, closed; /* closed: what is in its place is no history of ours */
};

static struct slice column(const struct entry *entry, enum column which)
{
	struct slice rest = slice_of(entry->line), value = { 0 };

	for (int i = 0; i <= (int)which; i++)
		value = slice_cut(&rest, '\t');
	return value;
}

static void drop_oldest(struct history *history)
{
	struct entry *entry = LIST_ENTRY(list_first(&history->entries), struct entry, node);

	list_remove(&entry->node);
	free(entry->line);
	free(entry);
	history->count--;
}

static void append(struct history *history, struct slice line)
{
	struct entry *entry = xcalloc(1, sizeof *entry);

	entry->line = slice_dup(line);
	list_append(&history->entries, &entry->node);
	history->count++;
	while (history->count > history->keep)
		drop_oldest(history);
}

static char *path_of(const struct history *history)
{
	return xasprintf("%s/history", history->dir);
}

static void warn(struct history *history, const char *what)
{
	if (!history->warned)
		log_line(history->log, LOG_WARNING, "the history cannot be written: %s; calls go on without it", what);
	history->warned = true;
}

static void read_lines(struct history *history, int fd)
{
	struct buf text;
	char chunk[65536];

	buf_init(&text, sizeof chunk + LINE_MAX_BYTES);
	for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0;) {
		struct slice rest;
		if (!buf_add(&text, slice_make(chunk, (size_t)n)))
			buf_clear(&text); /* a line longer than any of ours: not a history */
		rest = buf_slice(&text);
		for (size_t end; (end = slice_find(rest, '\n')) < rest.n; rest = slice_from(rest, end + 1)) {
			struct slice line = slice_sub(rest, 0, end);
			if (line.n && line.n < LINE_MAX_BYTES && utf8_valid(line)) {
				append(history, line);
				history->in_file++;
			}
		}
		buf_drop(&text, text.n - rest.n);
	}
	buf_fini(&text);
}

/* Only a file of our own making is read: a device or pipe in its place may never end, and is never written to. */
static void load_file(struct history *history, int fd)
{
	struct stat info;

	if (!fstat(fd, &info) && S_ISREG(info.st_mode) && info.st_size <= FILE_MAX) {
		read_lines(history, fd);
		return;
	}
	history->closed = true;
	warn(history, S_ISREG(info.st_mode) ? "the file is too big" : "there is something else in the place of its file");
}

/* Only when somebody asks or something is added: a phone that just registers needs no history. */
static void load(struct history *history)
{
	if (history->loaded)
		return;
	history->loaded = true;
	if (!history->dir)
		return;
	char *path = path_of(history);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		load_file(history, fd);
		close(fd);
	} else if (errno != ENOENT) {
		warn(history, strerror(errno));
	}
	free(path);
}

struct history *history_new(const char *dir, const struct log *log, size_t keep)
{
	struct history *history = xcalloc(1, sizeof *history);

	*history = (struct history){ .dir = dir, .log = log, .keep = keep };
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
}

/* Now and then the file is written anew without what is too old. */
static void rewrite(struct history *history)
{
	struct buf text;

	buf_init(&text, FILE_MAX);
	LIST_EACH(&history->entries, node)
		buf_printf(&text, "%s\n", LIST_ENTRY(node, struct entry, node)->line);
	enum err err = write_file(history->dir, "history", buf_slice(&text));
	buf_fini(&text);
	if (err)
		warn(history, err_text(err));
	else
		history->in_file = history->count;
}

/* A line that a crash or a full disk left half written must not take ours with it. */
static bool ends_in_half_a_line(int fd, off_t size)
{
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static void write_to(struct history *history, int fd, struct slice line)
{
	struct stat info;

	if (fstat(fd, &info) || !S_ISREG(info.st_mode)) {
		warn(history, "there is something else in the place of its file");
		return;
	}
	if (!ends_in_half_a_line(fd, info.st_size))
		line = slice_from(line, 1);
	ssize_t n = write(fd, line.p, line.n);
	if (n == (ssize_t)line.n) {
		history->in_file++;
		history->warned = false;
		return;
	}
	/* A disk that filled up: no half line may stay. */
	warn(history, n < 0 ? strerror(errno) : strerror(ENOSPC));
	if (n > 0 && ftruncate(fd, info.st_size))
		warn(history, strerror(errno));
}

/* The line begins with a line feed, for the case that the file does not end in one. */
static void write_line(struct history *history, struct slice line)
{
	char *path = path_of(history);

	make_folder(history->dir);
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600);
	if (fd < 0) {
		warn(history, strerror(errno));
	} else {
		write_to(history, fd, line);
		close(fd);
	}
	free(path);
}

static void add_column(struct buf *line, const char *text)
{
	for (const char *c = text ? text : ""; *c; c++)
		buf_add_char(line, *c == '\t' || *c == '\n' ? ' ' : *c);
}

void history_add(struct history *history, const struct call *call)
{
	struct timespec now;
	struct buf line;
	bool was_up = call->answered_us != 0;

	if (!history->keep)
		return;
	load(history);
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t age_us = call->phone->timers->now_us - call->started_us;
	buf_init(&line, LINE_MAX_BYTES);
	buf_add_char(&line, '\n');
	buf_printf(&line, "%" PRId64 "\t%s\t%s\t%" PRId64 "\t%u\t", (int64_t)now.tv_sec - age_us / SECOND_US,
		   call->incoming ? "in" : "out",
		   was_up                               ? "answered"
		   : call->incoming && !call->answering ? "missed"
							: "failed",
		   was_up ? (call->ended_us - call->answered_us) / SECOND_US : 0, call->code);
	add_column(&line, call->account_name);
	buf_add_char(&line, '\t');
	add_column(&line, call->is_echo ? "echo" : call->incoming ? call->uri : call->target);
	buf_add_char(&line, '\t');
	add_column(&line, call->name);
	append(history, slice_from(buf_slice(&line), 1));
	if (history->dir && !history->closed) {
		buf_add_char(&line, '\n');
		write_line(history, buf_slice(&line));
		if (history->in_file > history->keep + history->keep / 4 + 16)
			rewrite(history);
	}
	buf_fini(&line);
}

static bool wanted(const struct entry *entry, struct slice filter)
{
	if (!filter.n)
		return true;
	if (slice_eq(filter, SLICE("in")) || slice_eq(filter, SLICE("out")))
		return slice_eq(column(entry, COLUMN_DIRECTION), filter);
	if (slice_eq(filter, SLICE("missed")) || slice_eq(filter, SLICE("answered")) ||
	    slice_eq(filter, SLICE("failed")))
		return slice_eq(column(entry, COLUMN_HOW), filter);
	char *pattern = slice_dup(filter), *uri = slice_dup(column(entry, COLUMN_URI)),
	     *name = slice_dup(column(entry, COLUMN_NAME));
	bool hit = fnmatch(pattern, uri, 0) == 0 || fnmatch(pattern, name, 0) == 0 || strcasestr(uri, pattern) ||
		   strcasestr(name, pattern);
	free(pattern);
	free(uri);
	free(name);
	return hit;
}

static void show_line(const struct entry *entry, struct buf *out)
{
	struct slice name = column(entry, COLUMN_NAME), uri = column(entry, COLUMN_URI),
		     code = column(entry, COLUMN_CODE), how = column(entry, COLUMN_HOW);
	uint64_t seconds = 0, when = 0;
	struct tm tm;
	char text[32] = "?";

	if (slice_to_u64(column(entry, COLUMN_TIME), INT64_MAX, &when)) {
		time_t unix_seconds = (time_t)when;
		if (localtime_r(&unix_seconds, &tm))
			strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
	}
	buf_printf(out, "%s  %-3.*s  ", text, SLICE_ARG(column(entry, COLUMN_DIRECTION)));
	if (slice_eq(how, SLICE("answered")) && slice_to_u64(column(entry, COLUMN_SECONDS), INT32_MAX, &seconds))
		buf_printf(out, "%2" PRIu64 ":%02" PRIu64 "      ", seconds / 60, seconds % 60);
	else
		buf_printf(out, "%-6.*s %-3.*s ", SLICE_ARG(how), SLICE_ARG(code));
	if (name.n)
		utf8_clean(out, name, false);
	buf_printf(out, "%s", name.n ? " <" : "");
	utf8_clean(out, uri, false);
	buf_printf(out, "%s\n", name.n ? ">" : "");
}

void history_show(const struct history *history, struct slice filter, struct buf *out)
{
	load((struct history *)(uintptr_t)history);
	for (struct list_node *node = list_last(&history->entries); node && !out->full;
	     node = node->prev == &history->entries.head ? NULL : node->prev) {
		const struct entry *entry = LIST_ENTRY(node, struct entry, node);
		if (wanted(entry, filter))
			show_line(entry, out);
	}
}

void history_recent(const struct history *history, phone_recent_h *each, void *arg)
{
	struct slice seen[RECENT_MAX];
	size_t count = 0;

	load((struct history *)(uintptr_t)history);
	for (struct list_node *node = list_last(&history->entries); node && count < RECENT_MAX;
	     node = node->prev == &history->entries.head ? NULL : node->prev) {
		const struct entry *entry = LIST_ENTRY(node, struct entry, node);
		struct slice uri = column(entry, COLUMN_URI);
		size_t i = 0;
		if (!slice_eq(column(entry, COLUMN_DIRECTION), SLICE("out")) || !uri.n)
			continue;
		while (i < count && !slice_eq(seen[i], uri))
			i++;
		if (i < count)
			continue;
		seen[count++] = uri;
		char *text = slice_dup(uri);
		each(arg, text);
		free(text);
	}
}
