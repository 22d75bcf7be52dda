/* binding: the keys of `bind`, by view and name. */
#pragma once

#include "command/internal.h"

enum { BINDINGS_MAX = 128, BINDING_KEY = 16 };

/* The views of the screen, as `bind` and `show` call them. */
#define BINDING_VIEWS "calls|ladder|messages|contacts|history|quality|log|message"

/** A key as people write it (C-x, M-1, F2, pgup) to its one name. @return false: no such key */
bool binding_key_read(struct slice text, char key[BINDING_KEY]);
/** `view` NULL: everywhere. Replaces what the key did. @return false: status 2, the key is the line's, or too many */
bool binding_set(struct commands *commands, const char *view, const char *key, const char *command,
		 struct failure *failure);
/** @return false: it was not bound */
bool binding_remove(struct commands *commands, const char *view, const char *key);
void bindings_free(struct commands *commands);
