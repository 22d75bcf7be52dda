#include "command/words.h"

#include "base/xmalloc.h"
#include "command/argument.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool name_is_plain(struct slice name)
{
	if (!name.n || name.n > 64 || !is_name_start(name.p[0]))
		return false;
	for (size_t i = 1; i < name.n; i++)
		if (!is_name_start(name.p[i]) && !is_digit(name.p[i]))
			return false;
	return true;
}

void word_init(struct word *word)
{
	*word = (struct word){ .name_bytes = SIZE_MAX };
	buf_init(&word->text, LINE_MAX_BYTES);
	buf_init(&word->network, LINE_MAX_BYTES);
}

void word_fini(struct word *word)
{
	buf_fini(&word->text);
	buf_fini(&word->network);
}

static void word_begin(struct word *word, size_t start)
{
	buf_clear(&word->text);
	buf_clear(&word->network);
	word->start = word->end = start;
	word->name_bytes = SIZE_MAX;
	word->quoted = word->dynamic = false;
}

bool words_more(struct words *words)
{
	while (words->at < words->line.n && is_blank(words->line.p[words->at]))
		words->at++;
	return words->at < words->line.n;
}

bool words_at_quote(struct words *words)
{
	return words_more(words) && (words->line.p[words->at] == '"' || words->line.p[words->at] == '\'');
}

static enum words_result bad(struct failure *failure, size_t *at, size_t where, const char *text)
{
	*at = where;
	fail(failure, STATUS_USAGE, "syntax", "%s", text);
	return WORD_BAD;
}

/* The name behind a dollar at words->at; afterwards `at` stands behind it. */
static bool variable_name(struct words *words, struct slice *name)
{
	struct slice rest = slice_from(words->line, words->at + 1);
	size_t n = 0;

	if (rest.n && rest.p[0] == '{') {
		size_t close = slice_find(rest, '}');
		if (close == rest.n || close == 1)
			return false;
		*name = slice_sub(rest, 1, close - 1);
		for (size_t i = 0; i < name->n; i++)
			if (!is_name_start(name->p[i]) && !is_digit(name->p[i]) && !strchr(".-#", name->p[i]))
				return false;
		words->at += close + 2;
		return true;
	}
	if (rest.n && (rest.p[0] == '#' || is_digit(rest.p[0])))
		n = 1;
	else
		while (n < rest.n && (is_name_start(rest.p[n]) || (n && is_digit(rest.p[n]))))
			n++;
	*name = slice_sub(rest, 0, n);
	words->at += 1 + n;
	return n > 0;
}

/* Values of the network lose control characters, C1 included. */
static void add_value(struct word *word, struct slice value, bool network)
{
	size_t before = word->text.n;

	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (network && (c < ' ' || c == 0x7f))
			continue;
		if (network && c == 0xc2 && i + 1 < value.n && (unsigned char)value.p[i + 1] < 0xa0) {
			i++;
			continue;
		}
		buf_add_char(&word->text, (char)c);
	}
	if (!network)
		return;
	while (word->network.n < before)
		buf_add_char(&word->network, 0);
	while (word->network.n < word->text.n)
		buf_add_char(&word->network, 1);
}

static enum words_result add_variable(struct words *words, struct word *word, struct failure *failure, size_t *at)
{
	size_t dollar = words->at;
	struct slice name;
	struct buf value;
	bool network = false, known = true;

	if (dollar + 1 < words->line.n && words->line.p[dollar + 1] == '$') {
		buf_add_char(&word->text, '$');
		words->at += 2;
		return WORD_OK;
	}
	if (!variable_name(words, &name))
		return bad(failure, at, dollar,
			   "a '$' needs the name of a variable behind it, as $call or ${media.loss}; write $$ for a "
			   "dollar");
	word->dynamic = true;
	if (!words->expand) {
		/* Only checking: a name with a dot can be nothing but a quantity or a setting. */
		if (slice_find(name, '.') == name.n || quantity_check(name, failure))
			return WORD_OK;
		*at = dollar;
		return WORD_BAD;
	}
	buf_init(&value, LINE_MAX_BYTES);
	known = words->expand(words->arg, name, &value, &network, failure);
	if (known)
		add_value(word, buf_slice(&value), network);
	else
		*at = dollar;
	buf_fini(&value);
	return known ? WORD_OK : WORD_BAD;
}

static enum words_result add_quoted(struct words *words, struct word *word, struct failure *failure, size_t *at)
{
	static const char escapes[] = "nt\"\\$", meanings[] = "\n\t\"\\$";
	size_t open = words->at++;
	char quote = words->line.p[open];

	word->quoted = true;
	while (words->at < words->line.n) {
		char c = words->line.p[words->at];
		if (c == quote) {
			words->at++;
			return WORD_OK;
		}
		if (quote == '"' && c == '$') {
			if (add_variable(words, word, failure, at) == WORD_BAD)
				return WORD_BAD;
			continue;
		}
		if (quote == '"' && c == '\\') {
			char next = words->at + 1 < words->line.n ? words->line.p[words->at + 1] : '\0';
			const char *known = next ? strchr(escapes, next) : NULL;
			if (!known)
				return bad(failure, at, words->at,
					   "no such escape: in \"...\" there are \\n \\t \\\" \\\\ and \\$");
			buf_add_char(&word->text, meanings[known - escapes]);
			words->at += 2;
			continue;
		}
		buf_add_char(&word->text, c);
		words->at++;
	}
	return bad(failure, at, open, quote == '"' ? "this \" is never closed" : "this ' is never closed");
}

enum words_result words_next(struct words *words, struct word *word, struct failure *failure, size_t *at)
{
	if (!words_more(words))
		return WORD_NONE;
	word_begin(word, words->at);
	while (words->at < words->line.n && !is_blank(words->line.p[words->at])) {
		char c = words->line.p[words->at];
		enum words_result result = WORD_OK;
		if (c == '"' || c == '\'')
			result = add_quoted(words, word, failure, at);
		else if (c == '$')
			result = add_variable(words, word, failure, at);
		else {
			if (c == '=' && word->name_bytes == SIZE_MAX && !word->quoted && !word->dynamic)
				word->name_bytes = word->text.n;
			buf_add_char(&word->text, c);
			words->at++;
		}
		if (result == WORD_BAD)
			return WORD_BAD;
	}
	word->end = words->at;
	if (word->text.full)
		return bad(failure, at, word->start, "the word is too long");
	return WORD_OK;
}

enum words_result words_rest(struct words *words, struct word *word, struct failure *failure, size_t *at)
{
	size_t end = words->line.n;

	if (!words_more(words))
		return WORD_NONE;
	while (end > words->at && is_blank(words->line.p[end - 1]))
		end--;
	word_begin(word, words->at);
	while (words->at < end) {
		if (words->line.p[words->at] != '$')
			buf_add_char(&word->text, words->line.p[words->at++]);
		else if (add_variable(words, word, failure, at) == WORD_BAD)
			return WORD_BAD;
	}
	word->end = end;
	words->at = words->line.n;
	if (word->text.full)
		return bad(failure, at, word->start, "the text is too long");
	return WORD_OK;
}

char *word_file_name(const struct word *word)
{
	struct buf name;

	buf_init(&name, LINE_MAX_BYTES);
	for (size_t i = 0; i < word->text.n; i++) {
		char c = word->text.p[i];
		bool network = i < word->network.n && word->network.p[i];
		/* A dot leads where nothing but a slash or nothing at all stands before it. */
		bool leads = name.n == 0 || name.p[name.n - 1] == '/';
		if (network && (c == '/' || (c == '.' && leads)))
			continue;
		buf_add_char(&name, c);
	}
	return buf_take(&name);
}

void words_quote(struct buf *to, struct slice text, bool expandable)
{
	bool plain = text.n > 0;

	for (size_t i = 0; i < text.n; i++)
		if (is_blank(text.p[i]) || strchr("\"'\\", text.p[i]) || (text.p[i] == '$' && !expandable))
			plain = false;
	if (plain) {
		buf_add(to, text);
		return;
	}
	buf_add_char(to, '"');
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '\n' || c == '\t') {
			buf_add_char(to, '\\');
			c = c == '\n' ? 'n' : 't';
		} else if (c == '"' || c == '\\' || (c == '$' && !expandable)) {
			buf_add_char(to, '\\');
		}
		buf_add_char(to, c);
	}
	buf_add_char(to, '"');
}

bool words_has_special(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (strchr("\"'\\$\n\t", text.p[i]))
			return true;
	return false;
}

void words_quote_name(struct buf *to, struct slice text)
{
	if (words_has_special(text))
		words_quote(to, text, false);
	else
		buf_add(to, text);
}

bool words_unquote(struct slice text, struct buf *to)
{
	char quote = text.n >= 2 ? text.p[0] : '\0';

	if ((quote != '"' && quote != '\'') || text.p[text.n - 1] != quote)
		return false;
	for (size_t i = 1; i + 1 < text.n; i++) {
		if (text.p[i] == quote)
			return false;
		if (quote == '"' && text.p[i] == '\\') {
			if (++i + 1 >= text.n || !strchr("\"\\$", text.p[i]))
				return false;
		}
		buf_add_char(to, text.p[i]);
	}
	return slice_trim(buf_slice(to)).n > 0 && !to->full;
}

/* Behind the word that begins at `i`, whatever is wrong with it: a quote that is not closed takes all the rest. */
static size_t raw_word_end(struct slice line, size_t i)
{
	char quote = '\0';

	for (; i < line.n && (quote || !is_blank(line.p[i])); i++) {
		if (line.p[i] == '\\' && quote != '\'')
			i++;
		else if (line.p[i] == quote)
			quote = '\0';
		else if (!quote && (line.p[i] == '"' || line.p[i] == '\''))
			quote = line.p[i];
	}
	return i < line.n ? i : line.n;
}

/* Where the value begins when the word is password=VALUE or password@REALM=VALUE, with quotes anywhere; 0: it is
 * none. */
static size_t secret_value(struct slice word)
{
	static const struct slice name = SLICE_INIT("password=");
	size_t matched = 0, i = 0;

	for (; i < word.n && matched < name.n; i++) {
		if (word.p[i] == '"' || word.p[i] == '\'' || word.p[i] == '\\')
			continue;
		if (matched == name.n - 1 && word.p[i] == '@') {
			size_t equals = slice_find(slice_from(word, i), '=');
			return i + equals < word.n ? i + equals + 1 : 0;
		}
		if ((word.p[i] | 0x20) != (name.p[matched] | 0x20))
			return 0;
		matched++;
	}
	return matched == name.n ? i : 0;
}

bool words_next_secret(struct slice line, size_t *at, struct words_secret *secret)
{
	while (*at < line.n) {
		size_t start = *at, end;
		if (is_blank(line.p[start])) {
			++*at;
			continue;
		}
		*at = end = raw_word_end(line, start);
		size_t value = secret_value(slice_sub(line, start, end - start));
		if (value) {
			*secret = (struct words_secret){ start, start + value, end };
			return true;
		}
	}
	return false;
}
