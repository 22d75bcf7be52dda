/* What somebody's line is doing: application/dialog-info+xml (RFC 4235). */
#pragma once

#include "bodies/bodies.h"

#define DIALOG_INFO_TYPE "application/dialog-info+xml"

enum { DIALOG_ROWS_MAX = 64 };

enum dialog_row_state { DIALOG_TRYING, DIALOG_PROCEEDING, DIALOG_EARLY, DIALOG_CONFIRMED, DIALOG_TERMINATED };
/** "trying", "proceeding", "early", "confirmed", "terminated" */
const char *dialog_row_state_name(enum dialog_row_state state);

/* A dialog of the one observed: local is theirs. Texts are owned, never NULL; "" is unknown. */
struct dialog_row {
	enum dialog_row_state state;
	bool initiator; /* they called */
	bool has_direction;
	char *id, *call_id, *local_tag, *remote_tag;
	char *local_identity, *local_target, *remote_identity, *remote_display, *remote_target;
};

/* All of one subscription (4.3). */
struct dialog_table {
	bool begun, gap; /* gap: a partial document was missed, ask for a full one */
	uint32_t version;
	char *entity;
	struct dialog_row *rows;
	size_t count;
};

void dialog_table_init(struct dialog_table *table);
void dialog_table_fini(struct dialog_table *table);
/**
 * Take a document: full or partial, by its version. Terminated dialogs stay until the next document.
 * @return ERR_NONE; ERR_STATE an old one, nothing was changed; ERR_SYNTAX, ERR_TOO_BIG likewise
 */
enum err dialog_table_take(struct dialog_table *table, struct slice body) MUST_CHECK;
/** The dialog that matters most: a ringing one before one that is talked in, before one that is being dialled; NULL:
 * idle. */
const struct dialog_row *dialog_table_best(const struct dialog_table *table);
/** A dialog that is talked in; NULL: none. */
const struct dialog_row *dialog_table_confirmed(const struct dialog_table *table);
/** A full document. */
void dialog_info_write(const struct dialog_row *rows, size_t count, uint32_t version, struct slice entity,
		       struct buf *to);
