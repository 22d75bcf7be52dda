#include "bodies/dialog_info.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "bodies/xml.h"

#define SPACE "urn:ietf:params:xml:ns:dialog-info"

static const char *const state_names[] = { "trying", "proceeding", "early", "confirmed", "terminated" };

const char *dialog_row_state_name(enum dialog_row_state state)
{
	return state_names[state];
}

static void row_fini(struct dialog_row *row)
{
	char *const texts[] = {
		row->id,           row->call_id,         row->local_tag,      row->remote_tag,   row->local_identity,
		row->local_target, row->remote_identity, row->remote_display, row->remote_target
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	*row = (struct dialog_row){ 0 };
}

static void drop_rows(struct dialog_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		row_fini(&table->rows[i]);
	free(table->rows);
	table->rows = NULL;
	table->count = 0;
}

void dialog_table_init(struct dialog_table *table)
{
	*table = (struct dialog_table){ .entity = xstrdup("") };
}

void dialog_table_fini(struct dialog_table *table)
{
	drop_rows(table);
	free(table->entity);
	*table = (struct dialog_table){ 0 };
}

/* ---- reading ---- */

struct reading {
	struct dialog_table table; /* what the document says */
	struct dialog_row *row;    /* the dialog that is open */
	bool is_one, full, has_version, in_local, in_remote;
};

static char *text_of(struct slice text)
{
	return slice_dup(utf8_cut(text, BODY_TEXT_MAX));
}

static void set(char **to, struct slice text)
{
	free(*to);
	*to = text_of(text);
}

static void open_root(struct reading *reading, const struct xml_element *element)
{
	struct slice state = xml_attribute(element, "state");

	reading->is_one = xml_is(element, SPACE, "dialog-info");
	reading->full = !slice_eq(state, SLICE("partial"));
	reading->has_version = slice_to_u32(xml_attribute(element, "version"), &reading->table.version);
	set(&reading->table.entity, xml_attribute(element, "entity"));
}

static void open_dialog(struct reading *reading, const struct xml_element *element)
{
	struct dialog_table *table = &reading->table;
	struct slice direction = xml_attribute(element, "direction"), id = xml_attribute(element, "id");

	reading->row = NULL;
	if (table->count == DIALOG_ROWS_MAX || !id.n)
		return;
	if (!table->rows)
		table->rows = xcalloc(DIALOG_ROWS_MAX, sizeof *table->rows);
	reading->row = &table->rows[table->count++];
	*reading->row = (struct dialog_row){ .initiator = slice_eq(direction, SLICE("initiator")),
					     .has_direction = direction.n > 0,
					     .id = text_of(id),
					     .call_id = text_of(xml_attribute(element, "call-id")),
					     .local_tag = text_of(xml_attribute(element, "local-tag")),
					     .remote_tag = text_of(xml_attribute(element, "remote-tag")),
					     .local_identity = xstrdup(""),
					     .local_target = xstrdup(""),
					     .remote_identity = xstrdup(""),
					     .remote_display = xstrdup(""),
					     .remote_target = xstrdup("") };
}

static void open_party(struct reading *reading, const struct xml_element *element)
{
	struct dialog_row *row = reading->row;

	if (xml_is(element, SPACE, "target"))
		set(reading->in_local ? &row->local_target : &row->remote_target, xml_attribute(element, "uri"));
	else if (reading->in_remote && xml_is(element, SPACE, "identity"))
		set(&row->remote_display, xml_attribute(element, "display"));
}

static void on_open(void *arg, const struct xml_element *element)
{
	struct reading *reading = arg;

	if (element->depth == 0) {
		open_root(reading, element);
	} else if (element->depth == 1 && xml_is(element, SPACE, "dialog")) {
		open_dialog(reading, element);
	} else if (element->depth == 2) {
		reading->in_local = xml_is(element, SPACE, "local");
		reading->in_remote = xml_is(element, SPACE, "remote");
	} else if (element->depth == 3 && reading->row && (reading->in_local || reading->in_remote)) {
		open_party(reading, element);
	}
}

static void close_state(struct dialog_row *row, struct slice text)
{
	for (size_t i = 0; i < ARRAY_LEN(state_names); i++)
		if (slice_eq(text, slice_of(state_names[i])))
			row->state = (enum dialog_row_state)i;
}

static void on_close(void *arg, const struct xml_element *element, struct slice text)
{
	struct reading *reading = arg;
	struct dialog_row *row = reading->row;

	if (element->depth == 1)
		reading->row = NULL;
	else if (row && element->depth == 2 && xml_is(element, SPACE, "state"))
		close_state(row, text);
	else if (row && element->depth == 3 && xml_is(element, SPACE, "identity") && reading->in_local)
		set(&row->local_identity, text);
	else if (row && element->depth == 3 && xml_is(element, SPACE, "identity") && reading->in_remote)
		set(&row->remote_identity, text);
}

/* ---- the table ---- */

/* What a document leaves out stays as it was (4.1.6). */
static void keep_text(char **from, char **to)
{
	if (**to || !**from)
		return;
	free(*to);
	*to = *from;
	*from = xstrdup("");
}

static void merge_row(struct dialog_table *table, struct dialog_row *row)
{
	struct dialog_row *old = NULL;

	for (size_t i = 0; i < table->count; i++)
		if (!strcmp(table->rows[i].id, row->id))
			old = &table->rows[i];
	if (!old && table->count == DIALOG_ROWS_MAX) {
		table->gap = true;
		row_fini(row);
		return;
	}
	if (!old) {
		if (!table->rows)
			table->rows = xcalloc(DIALOG_ROWS_MAX, sizeof *table->rows);
		old = &table->rows[table->count++];
	} else {
		keep_text(&old->local_identity, &row->local_identity);
		keep_text(&old->local_target, &row->local_target);
		keep_text(&old->remote_identity, &row->remote_identity);
		keep_text(&old->remote_display, &row->remote_display);
		keep_text(&old->remote_target, &row->remote_target);
		keep_text(&old->call_id, &row->call_id);
		keep_text(&old->local_tag, &row->local_tag);
		keep_text(&old->remote_tag, &row->remote_tag);
		if (!row->has_direction) {
			row->initiator = old->initiator;
			row->has_direction = old->has_direction;
		}
		row_fini(old);
	}
	*old = *row;
}

static void forget_terminated(struct dialog_table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->count; i++) {
		if (table->rows[i].state == DIALOG_TERMINATED)
			row_fini(&table->rows[i]);
		else
			table->rows[kept++] = table->rows[i];
	}
	table->count = kept;
}

static void take(struct dialog_table *table, struct reading *reading)
{
	struct dialog_table *document = &reading->table;

	table->gap = !reading->full && (!table->begun || document->version - table->version > 1);
	table->begun = true;
	table->version = document->version;
	set(&table->entity, slice_of(document->entity));
	if (reading->full)
		drop_rows(table);
	else
		forget_terminated(table);
	for (size_t i = 0; i < document->count; i++)
		merge_row(table, &document->rows[i]);
	/* Its rows are the table's now. */
	document->count = 0;
}

enum err dialog_table_take(struct dialog_table *table, struct slice body)
{
	struct reading reading = { .full = true };

	dialog_table_init(&reading.table);
	enum err err = xml_read(body, &(struct xml_handler){ on_open, on_close, &reading });
	if (!err && (!reading.is_one || !reading.has_version))
		err = ERR_SYNTAX;
	if (!err && table->begun && reading.table.version < table->version)
		err = ERR_STATE;
	if (!err)
		take(table, &reading);
	dialog_table_fini(&reading.table);
	return err;
}

const struct dialog_row *dialog_table_best(const struct dialog_table *table)
{
	static const int ranks[] = { 1, 2, 5, 4, 0 };
	const struct dialog_row *best = NULL;
	int best_rank = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct dialog_row *row = &table->rows[i];
		/* Only who is called rings. */
		int rank = row->state == DIALOG_EARLY && row->initiator ? 3 : ranks[row->state];
		if (rank > best_rank) {
			best = row;
			best_rank = rank;
		}
	}
	return best;
}

const struct dialog_row *dialog_table_confirmed(const struct dialog_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].state == DIALOG_CONFIRMED)
			return &table->rows[i];
	return NULL;
}

/* ---- writing ---- */

static void attribute(struct buf *to, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_printf(to, " %s=\"", name);
	xml_escape(to, slice_of(value));
	buf_add_char(to, '"');
}

static void party(struct buf *to, const char *name, const char *identity, const char *display, const char *target)
{
	if (!*identity && !*target)
		return;
	buf_printf(to, "<%s>", name);
	if (*identity) {
		buf_printf(to, "<identity");
		attribute(to, "display", display);
		buf_add_char(to, '>');
		xml_escape(to, slice_of(identity));
		buf_printf(to, "</identity>");
	}
	if (*target) {
		buf_printf(to, "<target");
		attribute(to, "uri", target);
		buf_printf(to, "/>");
	}
	buf_printf(to, "</%s>", name);
}

void dialog_info_write(const struct dialog_row *rows, size_t count, uint32_t version, struct slice entity,
		       struct buf *to)
{
	buf_printf(to,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<dialog-info xmlns=\"" SPACE
		   "\" version=\"%u\" state=\"full\" entity=\"",
		   version);
	xml_escape(to, entity);
	buf_printf(to, "\">\r\n");
	for (size_t i = 0; i < count; i++) {
		const struct dialog_row *row = &rows[i];
		buf_printf(to, "<dialog");
		attribute(to, "id", row->id);
		attribute(to, "call-id", row->call_id);
		attribute(to, "local-tag", row->local_tag);
		attribute(to, "remote-tag", row->remote_tag);
		if (row->has_direction)
			attribute(to, "direction", row->initiator ? "initiator" : "recipient");
		buf_printf(to, "><state>%s</state>", state_names[row->state]);
		party(to, "local", row->local_identity, "", row->local_target);
		party(to, "remote", row->remote_identity, row->remote_display, row->remote_target);
		buf_printf(to, "</dialog>\r\n");
	}
	buf_printf(to, "</dialog-info>\r\n");
}
