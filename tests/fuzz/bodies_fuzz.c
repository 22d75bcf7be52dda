/*
 * Fuzz target of what NOTIFY, PUBLISH and MESSAGE carry: any bytes as presence, dialog state, a mailbox, a registration
 * and "is typing". What was read is written and read again, and says the same.
 * Run: bodies_fuzz -dict=tests/fuzz/bodies.dict tests/fuzz/corpus/bodies
 */
#include "bodies/composing.h"
#include "bodies/dialog_info.h"
#include "bodies/pidf.h"
#include "bodies/reginfo.h"
#include "bodies/summary.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool right)
{
	if (!right)
		abort();
}

static void try_presence(struct slice body)
{
	struct pidf pidf, again;
	struct buf text;

	if (pidf_read(body, &pidf))
		return;
	buf_init(&text, 65536);
	pidf_write(&pidf, slice_of(pidf.entity), &text);
	check(!pidf_read(buf_slice(&text), &again));
	check(pidf.presence == PRESENCE_UNKNOWN || again.presence == pidf.presence);
	buf_fini(&text);
}

/* The same document as the first, as its own successor, and as what was written of it. */
static void try_dialogs(struct slice body)
{
	struct dialog_table table, again;
	struct buf text;

	dialog_table_init(&table);
	dialog_table_init(&again);
	buf_init(&text, 1 << 20);
	if (!dialog_table_take(&table, body)) {
		enum err err = dialog_table_take(&table, body);
		check(err == ERR_NONE);
		check(table.count <= DIALOG_ROWS_MAX);
		const struct dialog_row *best = dialog_table_best(&table);
		check(!best || best->state != DIALOG_TERMINATED);
		dialog_info_write(table.rows, table.count, table.version, slice_of(table.entity), &text);
		if (text.n < 65536) {
			check(!dialog_table_take(&again, buf_slice(&text)));
			check((dialog_table_best(&again) != NULL) == (best != NULL));
		}
	}
	buf_fini(&text);
	dialog_table_fini(&table);
	dialog_table_fini(&again);
}

static void try_rest(struct slice body)
{
	struct composing composing;
	struct summary summary;
	struct reginfo *reginfo = malloc(sizeof *reginfo);

	check(reginfo != NULL);
	if (!composing_read(body, &composing))
		check(composing.refresh > 0);
	if (!summary_read(body, &summary))
		check(strlen(summary.account) <= BODY_TEXT_MAX);
	if (!reginfo_read(body, reginfo))
		check(reginfo->count <= REGINFO_CONTACTS_MAX);
	free(reginfo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_make(data, size);

	try_presence(body);
	try_dialogs(body);
	try_rest(body);
	return 0;
}
