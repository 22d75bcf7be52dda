/* Bytes typed at a terminal, cut into text, keys and pastes. Sequences may arrive in pieces; a lone Esc is known after
 * 25 ms. */
#pragma once

#include "base/buf.h"
#include "loop/loop.h"

enum key {
	KEY_IS_F1 = 1,
	KEY_IS_F2,
	KEY_IS_F3,
	KEY_IS_F4,
	KEY_IS_F5,
	KEY_IS_F6,
	KEY_IS_F7,
	KEY_IS_F8,
	KEY_IS_F9,
	KEY_IS_F10,
	KEY_IS_F11,
	KEY_IS_F12,
	KEY_IS_UP,
	KEY_IS_DOWN,
	KEY_IS_RIGHT,
	KEY_IS_LEFT,
	KEY_IS_HOME,
	KEY_IS_END,
	KEY_IS_PAGE_UP,
	KEY_IS_PAGE_DOWN,
	KEY_IS_ESCAPE,
	KEY_IS_CONTROL, /* a control character: its byte tells which */
	KEY_IS_MOUSE,   /* keys_mouse() reads it */
	KEY_IS_OTHER,   /* a sequence we have no name for */
};

struct keys_handler {
	/** Printable bytes, whole as they came. */
	void (*text)(void *arg, struct slice bytes);
	/** A key and the bytes that it sent. */
	void (*key)(void *arg, enum key key, struct slice bytes);
	/** Pasted text (bracketed paste). */
	void (*paste)(void *arg, struct slice text);
	void *arg;
};

struct keys;
struct keys *keys_new(struct timers *timers, const struct keys_handler *handler) __attribute__((returns_nonnull));
void keys_free(struct keys *keys);
void keys_bytes(struct keys *keys, struct slice bytes);

struct mouse {
	unsigned button;  /* 0 left, 1 middle, 2 right, 64 wheel up, 65 wheel down; as the terminal counts */
	int row, col;     /* 0: the first */
	bool pressed;
};
/** What a KEY_IS_MOUSE tells. @return false: it is malformed */
bool keys_mouse(struct slice bytes, struct mouse *mouse);

enum { KEYS_ESCAPE_MS = 25, KEY_NAME = 16 };
/** What `bind` calls a key: "F2", "C-x", "M-1", "S-F5", "PageUp". @return false: it has no name */
bool keys_name(enum key key, struct slice bytes, char name[KEY_NAME]);
#define KEYS_PASTE_ON "\033[?2004h"
#define KEYS_PASTE_OFF "\033[?2004l"
