/*
 * The bytes of a response that may have to be sent again. Responses of one kind differ in few lines (Via, From, To,
 * Call-ID, CSeq), so that only those are kept where a response like it was kept before: a flood of OPTIONS, with all
 * that their answers list, takes half of the memory.
 *
 * What several share is a model. The last one of each kind is known to `said_models`, and lives as long as anybody who
 * shares it.
 */
#pragma once

#include "base/slice.h"

enum { SAID_KINDS = 16 };

struct said_model;

struct said_models {
	struct said_model *last[SAID_KINDS];
	size_t bytes; /* of all models that live */
};

struct said {
	struct said_model *model; /* NULL: `kept` is all there is */
	struct slice kept;        /* owned */
	size_t n;                 /* bytes of the response; 0: nothing is kept */
};

/** Keep `bytes` in the place of what was kept. @param kind  what has the same kind is likely to be alike */
void said_keep(struct said_models *models, struct said *said, unsigned kind, struct slice bytes);
/** The same, whole: of what will hardly have a like. */
void said_keep_whole(struct said_models *models, struct said *said, struct slice bytes);
/** The response; owned by the caller. */
char *said_bytes(const struct said *said);
/** Bytes that it takes beside its model. */
size_t said_memory(const struct said *said);
void said_forget(struct said_models *models, struct said *said);
void said_models_fini(struct said_models *models);
