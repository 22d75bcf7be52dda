#include "command/script.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "command/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 16 << 20, SHOWN_BYTES = 110 };

/* ---- where and what ---- */

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

unsigned column_of(struct slice line, size_t at)
{
	unsigned column = 1;

	for (size_t i = 0; i < at && i < line.n; i++)
		column += !is_continuation(line.p[i]);
	return column;
}

/* The line with stars for the values of password=: what is shown may end in somebody's log. Owned by the caller. */
static char *without_passwords(struct slice line)
{
	struct words_secret secret;
	char *copy = slice_dup(line);
	size_t at = 0;

	while (words_next_secret(line, &at, &secret))
		memset(copy + secret.value, '*', secret.end - secret.value);
	return copy;
}

/* A file that somebody sent is shown no more raw than a message: C1 controls and what turns the writing around move a
 * terminal, too. @return columns */
static size_t add_shown(struct buf *shown, char *text, size_t n)
{
	size_t before = shown->n;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = ' ';
	utf8_clean(shown, slice_make(text, n), false);
	return column_of(slice_from(buf_slice(shown), before), shown->n - before) - 1;
}

void show_line(struct slice whole, size_t at, struct buf *shown)
{
	char *safe = without_passwords(whole);
	struct slice line = slice_make(safe, whole.n);
	size_t from = 0;

	if (at > line.n)
		at = line.n;
	/* Of a long line the part around the caret. */
	if (line.n > SHOWN_BYTES && at > SHOWN_BYTES / 2)
		from = at - SHOWN_BYTES / 2;
	while (from < at && is_continuation(line.p[from]))
		from++;
	size_t n = line.n - from < SHOWN_BYTES ? line.n - from : SHOWN_BYTES;
	while (n && from + n < line.n && is_continuation(line.p[from + n]))
		n--;
	buf_printf(shown, "    %s", from ? "..." : "");
	while (at > from && at < line.n && is_continuation(line.p[at]))
		at--;
	size_t columns = add_shown(shown, safe + from, at - from);
	add_shown(shown, safe + at, from + n - at);
	buf_printf(shown, "%s\n    %s", from + n < line.n ? "..." : "", from ? "   " : "");
	while (columns--)
		buf_add_char(shown, ' ');
	buf_add(shown, SLICE("^\n"));
	free(safe);
}

/* From a byte of a joined line's text to the byte of the file: what joins two lines counts for nothing. */
static size_t raw_offset(const struct script *script, const struct script_line *line, size_t at)
{
	size_t raw = line->begins;

	if (!line->joined)
		return raw + at;
	for (size_t done = 0;; done++) {
		for (;;) {
			struct slice rest = slice_make(script->text + raw, script->bytes - raw);
			if (slice_begins(rest, SLICE("\\\n")))
				raw += 2;
			else if (slice_begins(rest, SLICE("\\\r\n")))
				raw += 3;
			else
				break;
		}
		if (done >= at || raw >= script->bytes)
			return raw;
		raw++;
	}
}

void script_where(const struct script *script, const struct script_line *line, size_t at, struct buf *where,
		  struct buf *shown)
{
	size_t raw = raw_offset(script, line, at), begin = raw, end = raw;
	unsigned number = line->number;

	if (raw > script->bytes)
		raw = begin = end = script->bytes;
	while (begin > 0 && script->text[begin - 1] != '\n')
		begin--;
	while (end < script->bytes && script->text[end] != '\n' && script->text[end] != '\r')
		end++;
	for (size_t i = line->begins; i < begin; i++)
		number += script->text[i] == '\n';
	struct slice text = slice_make(script->text + begin, end - begin);
	buf_printf(where, "%s:%u:%u: ", script->name, number, column_of(text, raw - begin));
	show_line(text, raw - begin, shown);
}

/* ---- lines ---- */

static void add_line(struct script *script, struct script_line line)
{
	size_t n = script->line_count;

	if ((n & (n - 1)) == 0)
		script->lines = xrealloc(script->lines, (n ? 2 * n : 1) * sizeof *script->lines);
	script->lines[script->line_count++] = line;
}

static struct slice without_cr(struct slice line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/*
 * Joined lines are put together in place: the text of the script's copy `joined` only shrinks, and what errors show
 * comes from the untouched one.
 */
static void split(struct script *script, char *joined)
{
	size_t at = slice_begins(slice_make(script->text, script->bytes), SLICE("\xef\xbb\xbf")) ? 3 : 0;
	unsigned number = 1;
	char *put = joined;

	while (at < script->bytes) {
		struct script_line line = { .number = number, .begins = at };
		char *begin = put;
		bool more = true, comment = false;
		while (more && at < script->bytes) {
			struct slice raw = slice_make(script->text + at, script->bytes - at);
			raw.n = slice_find(raw, '\n');
			at += raw.n + 1;
			number++;
			raw = without_cr(raw);
			comment = comment || (begin == put && slice_begins(slice_trim(raw), SLICE("#")));
			more = !comment && raw.n && raw.p[raw.n - 1] == '\\';
			raw.n -= more;
			line.joined |= more;
			memcpy(put, raw.p, raw.n);
			put += raw.n;
		}
		struct slice whole = slice_make(begin, (size_t)(put - begin));
		line.text = slice_trim(whole);
		if (comment || !line.text.n)
			continue;
		/* Blanks that go in front belong to the first line of a joined one, or to none. */
		for (size_t skip = (size_t)(line.text.p - begin); skip; skip--)
			line.begins++;
		add_line(script, line);
	}
}

/* ---- the check of a whole file ---- */

struct checking {
	struct script *script;
	script_error_h *errors;
	void *arg;
	size_t error_count;
	char **aliases; /* name, text, name, text ... that the file itself defines, so far */
	size_t alias_count;
};

static struct slice own_alias(void *arg, struct slice name)
{
	const struct checking *checking = arg;

	for (size_t i = checking->alias_count; i > 0; i -= 2)
		if (slice_eq(name, slice_of(checking->aliases[i - 2])))
			return slice_of(checking->aliases[i - 1]);
	return (struct slice){ NULL, 0 };
}

static void keep_alias(struct checking *checking, const struct bound *bound)
{
	if (strcmp(bound->command->name, "alias") || !bound->values[0] || !bound->values[1])
		return;
	checking->aliases = xrealloc(checking->aliases, (checking->alias_count + 2) * sizeof *checking->aliases);
	checking->aliases[checking->alias_count++] = xstrdup(bound->values[0]);
	checking->aliases[checking->alias_count++] = xstrdup(bound->values[1]);
}

static void tell(struct checking *checking, const struct script_line *line, size_t at, const struct failure *failure)
{
	struct buf where, shown;

	buf_init(&where, 8192);
	buf_init(&shown, 1024);
	script_where(checking->script, line, at, &where, &shown);
	checking->errors(checking->arg, buf_text(&where), failure, buf_text(&shown));
	checking->error_count++;
	buf_fini(&where);
	buf_fini(&shown);
}

static void check_line(struct commands *commands, struct checking *checking, const struct script_line *line)
{
	struct bind_how how = { .commands = commands, .alias = own_alias, .alias_arg = checking };
	struct bound bound = { 0 };
	struct failure failure = { 0 };
	size_t at = 0;

	if (line->text.n > LINE_MAX_BYTES) {
		fail(&failure, STATUS_USAGE, "syntax", "the line is too long");
		tell(checking, line, 0, &failure);
	} else if (!bind_line(&how, line->text, &bound, &failure, &at)) {
		tell(checking, line, at, &failure);
	} else {
		keep_alias(checking, &bound);
	}
	bound_fini(&bound);
}

/* A zero byte in the whole text: that is something else than commands, and one sentence is enough. */
static bool is_binary(struct checking *checking)
{
	const struct script *script = checking->script;
	const char *zero = script->bytes ? memchr(script->text, '\0', script->bytes) : NULL;
	struct script_line line = { .number = 1 };
	struct failure failure = { 0 };

	if (!zero)
		return false;
	for (size_t i = 0; script->text + i < zero; i++)
		if (script->text[i] == '\n') {
			line.number++;
			line.begins = i + 1;
		}
	fail(&failure, STATUS_USAGE, "syntax", "a zero byte: this is no command file");
	tell(checking, &line, (size_t)(zero - script->text) - line.begins, &failure);
	return true;
}

struct script *script_new(struct commands *commands, const char *name, struct slice text, script_error_h *errors,
			  void *arg)
{
	struct script *script = xcalloc(1, sizeof *script);
	struct checking checking = { .script = script, .errors = errors, .arg = arg };

	/* Two copies in one block: the file as it is, and its lines joined. */
	script->references = 1;
	script->name = xstrdup(name);
	script->bytes = text.n;
	script->text = xmalloc(2 * text.n + 2);
	if (text.n)
		memcpy(script->text, text.p, text.n);
	split(script, script->text + text.n + 1);
	bool binary = is_binary(&checking);
	for (size_t i = 0; !binary && i < script->line_count; i++)
		check_line(commands, &checking, &script->lines[i]);
	for (size_t i = 0; i < checking.alias_count; i++)
		free(checking.aliases[i]);
	free(checking.aliases);
	if (!checking.error_count)
		return script;
	script_release(script);
	return NULL;
}

/* Only a regular file ends for certain: a pipe, a terminal or a device would keep the whole phone waiting. */
static bool read_regular(const char *path, struct buf *text, struct failure *failure)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char block[16384];
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		close(fd);
		return fail(failure, STATUS_SOUND, "file", "%s cannot be read: it is a %s and no regular file", path,
			    S_ISDIR(st.st_mode)    ? "directory"
			    : S_ISFIFO(st.st_mode) ? "pipe"
						   : "device");
	}
	while (fd >= 0 && ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0 && !buf_add(text, slice_make(block, (size_t)n)))
			break;
	int error = errno;
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return fail(failure, STATUS_SOUND, "file", "%s cannot be read: %s", path,
			    error == ENOENT ? "there is no such file" : strerror(error));
	if (text->full)
		return fail(failure, STATUS_SOUND, "file", "%s is too big for a command file", path);
	return true;
}

struct script *script_read(struct commands *commands, const char *path, script_error_h *errors, void *arg)
{
	struct script *script = NULL;
	struct failure failure = { 0 };
	struct buf text;

	buf_init(&text, FILE_MAX);
	if (read_regular(path, &text, &failure))
		script = script_new(commands, path, buf_slice(&text), errors, arg);
	else
		errors(arg, "", &failure, "");
	buf_fini(&text);
	return script;
}

struct script *script_keep(struct script *script)
{
	script->references++;
	return script;
}

void script_release(struct script *script)
{
	if (!script || --script->references)
		return;
	free(script->name);
	free(script->text);
	free(script->lines);
	free(script);
}
