/* words: a line -> words. Quotes, escapes and $variables are dealt with here and nowhere else; a value is never parsed
 * again. */
#pragma once

#include "phone/phone.h"

enum { LINE_MAX_BYTES = 1 << 20 };

/**
 * The value of $name. `network` is set when it came from the network.
 * @return false with `failure` filled: no such variable
 */
typedef bool words_expand_h(void *arg, struct slice name, struct buf *value, bool *network, struct failure *failure);

struct words {
	struct slice line;
	size_t at; /* next byte to be read */
	words_expand_h *expand;
	void *arg;
};

struct word {
	struct buf text;      /* without quotes, escapes and variables */
	struct buf network;   /* a byte each up to the last that came from the network, 1 for those; empty: none did */
	size_t start, end;    /* where it stands in the line */
	size_t name_bytes;    /* before the first '=' outside quotes and variables; SIZE_MAX: there is none */
	bool quoted, dynamic; /* has quotes; has variables */
};

enum words_result { WORD_NONE, WORD_OK, WORD_BAD };

void word_init(struct word *word);
void word_fini(struct word *word);
/**
 * Read the next word into `word` (initialised, reused).
 * @return WORD_NONE at the line's end; WORD_BAD with `failure` filled and *at where: a quote that is not closed, an
 * unknown escape, a dollar without a name, no such variable
 */
enum words_result words_next(struct words *words, struct word *word, struct failure *failure, size_t *at);
/** All that is left, as it stands: only variables are replaced. Blanks at both ends go. */
enum words_result words_rest(struct words *words, struct word *word, struct failure *failure, size_t *at);
/** Pass blanks. @return false at the line's end */
bool words_more(struct words *words);
/** Does the next word begin with a quote? */
bool words_at_quote(struct words *words);
/** The text of a file name: parts from the network lose '/' and leading dots. Owned by the caller. */
char *word_file_name(const struct word *word);
/** May this be the name of a variable of `let`? Letters, digits and '_', no digit first. */
bool name_is_plain(struct slice name);
/* Where a password stands in a line: the word password=VALUE, quoted in whatever way. */
struct words_secret {
	size_t start, value, end;
};
/** The next one at or behind *at (first 0), also in a line that has errors. @return false: no other */
bool words_next_secret(struct slice line, size_t *at, struct words_secret *secret);
/** A text that is one quoted word and nothing else, without its quotes: a command that was put in quotes, as other
 * shells want it. Variables stay what they are. @return false: it is none */
bool words_unquote(struct slice text, struct buf *to);
/** `text` as one word of a line: quoted if it must be. Dollars are kept alive when `expandable`. */
void words_quote(struct buf *to, struct slice text, bool expandable);
/** Is a quote, a dollar, a backslash, a tab or a line feed in it, which means something else than itself on a line? */
bool words_has_special(struct slice text);
/** `text` where a name of several words may stand: quoted only if words_has_special(). */
void words_quote_name(struct buf *to, struct slice text);
