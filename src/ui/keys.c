#include "ui/keys.h"

#include "base/xmalloc.h"

#include <stdio.h>

enum { PENDING_MAX = 65536, SEQUENCE_MAX = 32 };

struct keys {
	struct timers *timers;
	struct timer escape;
	struct keys_handler on;
	struct buf pending;
	bool pasting;
};

struct keys *keys_new(struct timers *timers, const struct keys_handler *handler)
{
	struct keys *keys = xcalloc(1, sizeof *keys);

	keys->timers = timers;
	keys->on = *handler;
	buf_init(&keys->pending, PENDING_MAX);
	return keys;
}

void keys_free(struct keys *keys)
{
	if (!keys)
		return;
	timer_stop(keys->timers, &keys->escape);
	buf_fini(&keys->pending);
	free(keys);
}

static enum key letter_key(char final)
{
	switch (final) {
	case 'A':
		return KEY_IS_UP;
	case 'B':
		return KEY_IS_DOWN;
	case 'C':
		return KEY_IS_RIGHT;
	case 'D':
		return KEY_IS_LEFT;
	case 'F':
		return KEY_IS_END;
	case 'H':
		return KEY_IS_HOME;
	case 'P':
		return KEY_IS_F1;
	case 'Q':
		return KEY_IS_F2;
	case 'R':
		return KEY_IS_F3;
	case 'S':
		return KEY_IS_F4;
	default:
		return KEY_IS_OTHER;
	}
}

/* "ESC [ NUMBER ~" as VT220 and xterm send it. */
static enum key number_key(struct slice number)
{
	static const unsigned char numbers[] = {
		[1] = KEY_IS_HOME, [4] = KEY_IS_END,  [5] = KEY_IS_PAGE_UP, [6] = KEY_IS_PAGE_DOWN, [7] = KEY_IS_HOME,
		[8] = KEY_IS_END,  [11] = KEY_IS_F1,  [12] = KEY_IS_F2,     [13] = KEY_IS_F3,       [14] = KEY_IS_F4,
		[15] = KEY_IS_F5,  [17] = KEY_IS_F6,  [18] = KEY_IS_F7,     [19] = KEY_IS_F8,       [20] = KEY_IS_F9,
		[21] = KEY_IS_F10, [23] = KEY_IS_F11, [24] = KEY_IS_F12,
	};
	uint32_t n;

	if (!slice_to_u32(slice_sub(number, 0, slice_find(number, ';')), &n) || n >= ARRAY_LEN(numbers) || !numbers[n])
		return KEY_IS_OTHER;
	return (enum key)numbers[n];
}

/* The sequence at the start of `s` (ESC). @return its bytes; 0: more must come */
static size_t sequence(struct slice s, enum key *key)
{
	*key = KEY_IS_OTHER;
	if (s.n < 2)
		return 0;
	if (s.p[1] == 'O') {
		*key = s.n < 3 ? KEY_IS_OTHER : letter_key(s.p[2]);
		return s.n < 3 ? 0 : 3;
	}
	if (s.p[1] == 033) {
		*key = KEY_IS_ESCAPE;
		return 1;
	}
	if (s.p[1] != '[')
		return (unsigned char)s.p[1] < 0x80 ? 2 : 1; /* Meta and a character */
	if (s.n > 2 && s.p[2] == '[') {                      /* the Linux console: ESC [ [ A is F1 */
		if (s.n < 4)
			return 0;
		*key = s.p[3] >= 'A' && s.p[3] <= 'E' ? (enum key)(KEY_IS_F1 + (s.p[3] - 'A')) : KEY_IS_OTHER;
		return 4;
	}
	for (size_t i = 2; i < s.n; i++) {
		if (s.p[i] >= 0x20 && s.p[i] < 0x40 && i < SEQUENCE_MAX)
			continue;
		*key = s.p[2] == '<'   ? KEY_IS_MOUSE
		       : s.p[i] == '~' ? number_key(slice_sub(s, 2, i - 2))
				       : letter_key(s.p[i]);
		return i + 1;
	}
	return 0;
}

static void drop(struct keys *keys, size_t n)
{
	buf_drop(&keys->pending, n);
}

/* Within a paste up to its end mark. @return false: all is taken, more must come */
static bool take_paste(struct keys *keys)
{
	struct slice all = buf_slice(&keys->pending), mark = SLICE("\033[201~");
	size_t end = slice_find_slice(all, mark), n = end;

	if (end == all.n) {
		/* The end mark may have come in part. */
		for (size_t part = mark.n - 1; part > 0; part--)
			if (slice_ends(all, slice_sub(mark, 0, part))) {
				n = all.n - part;
				break;
			}
	}
	if (n) {
		char *text = slice_dup(slice_sub(all, 0, n));
		keys->on.paste(keys->on.arg, slice_make(text, n));
		free(text);
	}
	drop(keys, end == all.n ? n : end + mark.n);
	keys->pasting = end == all.n;
	return !keys->pasting;
}

static void escape_is_alone(void *arg)
{
	struct keys *keys = arg;
	char bytes[SEQUENCE_MAX + 8];
	size_t n = keys->pending.n < sizeof bytes ? keys->pending.n : sizeof bytes;

	memcpy(bytes, buf_text(&keys->pending), n);
	buf_clear(&keys->pending);
	keys->on.key(keys->on.arg, n == 1 ? KEY_IS_ESCAPE : KEY_IS_OTHER, slice_make(bytes, n));
}

/* One text, key or paste from what is pending. @return false: more must come */
static bool take_one(struct keys *keys)
{
	struct slice all = buf_slice(&keys->pending);
	char copy[1024];
	size_t n = 0;
	enum key key = KEY_IS_CONTROL;

	if (keys->pasting)
		return take_paste(keys);
	if (slice_begins(all, SLICE("\033[200~"))) {
		drop(keys, 6);
		keys->pasting = true;
		return true;
	}
	unsigned char first = (unsigned char)all.p[0];
	if (first == 033) {
		n = sequence(all, &key);
		if (!n)
			return false;
	} else if (first < 0x20 || first == 0x7f) {
		n = 1;
	} else {
		while (n < all.n && n < sizeof copy && (unsigned char)all.p[n] >= 0x20 && all.p[n] != 0x7f)
			n++;
	}
	/* Handlers may feed us again: what they see must not be in the buffer. */
	memcpy(copy, all.p, n);
	drop(keys, n);
	if (first >= 0x20 && first != 0x7f)
		keys->on.text(keys->on.arg, slice_make(copy, n));
	else
		keys->on.key(keys->on.arg, key, slice_make(copy, n));
	return true;
}

void keys_bytes(struct keys *keys, struct slice bytes)
{
	timer_stop(keys->timers, &keys->escape);
	while (bytes.n) {
		size_t n = bytes.n < PENDING_MAX / 2 ? bytes.n : PENDING_MAX / 2;
		buf_add(&keys->pending, slice_sub(bytes, 0, n));
		bytes = slice_from(bytes, n);
		while (keys->pending.n && take_one(keys))
			;
	}
	if (keys->pending.n && !keys->pasting)
		timer_start(keys->timers, &keys->escape, KEYS_ESCAPE_MS * MS_US, escape_is_alone, keys);
}

/* "ESC [ 1 5 ; 5 ~": the digit less one has a bit for Shift, Alt and Control. */
static unsigned modifiers(struct slice bytes)
{
	size_t at = slice_rfind(bytes, ';');
	char digit = at + 1 < bytes.n ? bytes.p[at + 1] : '1';

	return digit >= '1' && digit <= '8' ? (unsigned)(digit - '1') : 0;
}

bool keys_name(enum key key, struct slice bytes, char name[KEY_NAME])
{
	static const char *const names[] = { [KEY_IS_UP] = "Up",     [KEY_IS_DOWN] = "Down",
					     [KEY_IS_RIGHT] = "Right", [KEY_IS_LEFT] = "Left",
					     [KEY_IS_HOME] = "Home",   [KEY_IS_END] = "End",
					     [KEY_IS_PAGE_UP] = "PageUp", [KEY_IS_PAGE_DOWN] = "PageDown",
					     [KEY_IS_ESCAPE] = "Escape" };
	unsigned bits = modifiers(bytes);
	char base[KEY_NAME];

	if (key == KEY_IS_CONTROL) {
		unsigned char c = (unsigned char)bytes.p[0];
		if (c == '\t' || c == '\r' || c == '\n' || c == 0x7f)
			snprintf(name, KEY_NAME, "%s", c == '\t' ? "Tab" : c == 0x7f ? "BSpace" : "Enter");
		else
			snprintf(name, KEY_NAME, c ? "C-%c" : "C-Space", c + (c <= 26 ? 'a' - 1 : '@'));
		return true;
	}
	if (key == KEY_IS_OTHER) {
		if (bytes.n != 2 || bytes.p[0] != 033 || bytes.p[1] <= ' ' || bytes.p[1] >= 0x7f)
			return false;
		snprintf(name, KEY_NAME, "M-%c", bytes.p[1]);
		return true;
	}
	if (key >= KEY_IS_F1 && key <= KEY_IS_F12)
		snprintf(base, sizeof base, "F%d", key - KEY_IS_F1 + 1);
	else if (key < ARRAY_LEN(names) && names[key])
		snprintf(base, sizeof base, "%s", names[key]);
	else
		return false;
	snprintf(name, KEY_NAME, "%s%s%s%.9s", bits & 4 ? "C-" : "", bits & 2 ? "M-" : "", bits & 1 ? "S-" : "", base);
	return true;
}

/* "ESC [ < BUTTON ; COLUMN ; ROW M", `m` when it is let go. */
bool keys_mouse(struct slice bytes, struct mouse *mouse)
{
	struct slice rest = slice_sub(bytes, 3, bytes.n > 4 ? bytes.n - 4 : 0), button = slice_cut(&rest, ';'),
		     col = slice_cut(&rest, ';');
	uint32_t numbers[3];

	if (!slice_to_u32(button, &numbers[0]) || !slice_to_u32(col, &numbers[1]) || !slice_to_u32(rest, &numbers[2]) ||
	    !numbers[1] || !numbers[2] || numbers[1] > 10000 || numbers[2] > 10000)
		return false;
	*mouse = (struct mouse){ .button = numbers[0],
				 .row = (int)numbers[2] - 1,
				 .col = (int)numbers[1] - 1,
				 .pressed = bytes.p[bytes.n - 1] == 'M' };
	return true;
}
