/*
 * Fuzz target of a command line's words: quotes, escapes, $variables, the rest of a line, passwords. Words lie in order
 * within the line; a word that is quoted anew is read as the same word; what came from the network stays marked; a
 * secret is found wherever the words themselves have one.
 * Run: words_fuzz -dict=tests/fuzz/command.dict tests/fuzz/corpus/words
 */
#include "command/words.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* $net has what nobody may trust, $own what the user said, the others are unknown. */
static bool expand(void *arg, struct slice name, struct buf *value, bool *network, struct failure *failure)
{
	(void)arg;
	if (slice_eq(name, SLICE("net"))) {
		buf_add(value, SLICE("../x \"$own' \\"));
		*network = true;
		return true;
	}
	if (slice_eq(name, SLICE("own"))) {
		buf_add(value, SLICE("a b"));
		return true;
	}
	*failure = (struct failure){ .status = STATUS_USAGE, .reason = "syntax", .text = "no such variable" };
	return false;
}

static void check_quoted(const struct word *word)
{
	struct words again;
	struct word read;
	struct buf text;
	struct failure failure;
	size_t at;

	buf_init(&text, 4 * LINE_MAX_BYTES);
	words_quote(&text, buf_slice(&word->text), false);
	again = (struct words){ .line = buf_slice(&text), .expand = expand };
	word_init(&read);
	check(words_next(&again, &read, &failure, &at) == WORD_OK);
	check(slice_eq(buf_slice(&read.text), buf_slice(&word->text)));
	check(!read.network.n && words_next(&again, &read, &failure, &at) == WORD_NONE);
	word_fini(&read);
	buf_fini(&text);
}

static void check_word(const struct word *word, size_t from, size_t size)
{
	check(word->start >= from && word->start <= word->end && word->end <= size);
	check(word->network.n <= word->text.n);
	check(word->name_bytes == SIZE_MAX || word->name_bytes < word->text.n);
	check(!word->network.n || word->dynamic);
	/* The folders of a file's name are the user's. */
	char *name = word_file_name(word);
	size_t slashes = 0, own = 0;
	for (const char *c = name; *c; c++)
		slashes += *c == '/';
	for (size_t i = 0; i < word->text.n; i++)
		own += word->text.p[i] == '/' && (i >= word->network.n || !word->network.p[i]);
	check(slashes <= own);
	free(name);
}

static void try_words(struct slice line)
{
	struct words words = { .line = line, .expand = expand };
	struct word word;
	struct failure failure;
	size_t at = 0, from = 0;
	enum words_result result;

	word_init(&word);
	while ((result = words_next(&words, &word, &failure, &at)) == WORD_OK) {
		check_word(&word, from, line.n);
		check(word.end > from || word.start == from);
		from = word.end;
		if (!memchr(word.text.p ? word.text.p : "", 0, word.text.n) && word.text.n < 4096)
			check_quoted(&word);
	}
	check(result == WORD_NONE || (at <= line.n && *failure.text));
	word_fini(&word);
}

static void try_rest(struct slice line, size_t passed)
{
	struct words words = { .line = line, .expand = expand };
	struct word word;
	struct failure failure;
	size_t at = 0;

	word_init(&word);
	while (passed-- && words_next(&words, &word, &failure, &at) == WORD_OK)
		;
	(void)words_at_quote(&words);
	if (words_rest(&words, &word, &failure, &at) == WORD_OK)
		check_word(&word, 0, line.n);
	word_fini(&word);
}

static void try_secrets(struct slice line)
{
	struct words_secret secret;
	size_t at = 0, before = 0;

	while (words_next_secret(line, &at, &secret)) {
		check(secret.start >= before && secret.start < secret.value && secret.value <= secret.end);
		check(secret.end <= line.n && at >= secret.end);
		before = secret.end;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 16384)
		return 0;
	/* A copy of its own, so that reading one byte too far is seen. */
	char *copy = slice_dup(slice_make(data, size));
	struct slice line = slice_make(copy, size);
	try_words(line);
	try_rest(line, size % 3);
	try_secrets(line);
	free(copy);
	return 0;
}
