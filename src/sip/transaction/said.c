#include "sip/transaction/said.h"

#include "base/buf.h"
#include "base/xmalloc.h"

#include <assert.h>

/*
 * How a response is kept beside its model, line by line: a byte that is not 0 stands for so many lines of the model,
 * a 0 for a line of its own, whose length (two bytes) and bytes follow, in the place of one of the model's.
 */
enum { OWN = 0, RUN_MAX = 255, OWN_MAX = 65535, WORTH = 64 /* less is not worth a model */ };

struct said_model {
	unsigned references;
	size_t n;
	char bytes[];
};

/* ---- models ---- */

static struct said_model *model_new(struct said_models *models, struct slice bytes)
{
	struct said_model *model = xmalloc(sizeof *model + bytes.n);

	model->references = 1;
	model->n = bytes.n;
	memcpy(model->bytes, bytes.p, bytes.n);
	models->bytes += bytes.n;
	return model;
}

static void model_unref(struct said_models *models, struct said_model *model)
{
	if (!model || --model->references)
		return;
	models->bytes -= model->n;
	free(model);
}

void said_models_fini(struct said_models *models)
{
	for (size_t i = 0; i < SAID_KINDS; i++)
		model_unref(models, models->last[i]);
	assert(!models->bytes);
}

/* ---- line by line ---- */

/* The next line with its line feed; empty at the end. */
static struct slice next_line(struct slice *rest)
{
	size_t n = slice_find(*rest, '\n');
	struct slice line = slice_sub(*rest, 0, n < rest->n ? n + 1 : rest->n);

	*rest = slice_from(*rest, line.n);
	return line;
}

static void add_own(struct buf *to, struct slice line)
{
	buf_add_char(to, OWN);
	buf_add_char(to, (char)(line.n >> 8));
	buf_add_char(to, (char)line.n);
	buf_add(to, line);
}

static void add_run(struct buf *to, unsigned *run)
{
	if (*run)
		buf_add_char(to, (char)*run);
	*run = 0;
}

/* @return false: a line of it is too long, or it does not get much shorter */
static bool pack(struct slice bytes, struct slice model, struct buf *to)
{
	struct slice rest = bytes, line;
	unsigned run = 0;

	while ((line = next_line(&rest)).n) {
		struct slice theirs = next_line(&model);
		if (slice_eq(line, theirs) && run < RUN_MAX) {
			run++;
			continue;
		}
		if (line.n > OWN_MAX)
			return false;
		add_run(to, &run);
		add_own(to, line);
	}
	add_run(to, &run);
	return !to->full && to->n + WORTH <= bytes.n;
}

static void unpack(struct slice kept, struct slice model, struct buf *to)
{
	while (kept.n) {
		unsigned run = (unsigned char)kept.p[0];
		kept = slice_from(kept, 1);
		if (run == OWN) {
			size_t n = (size_t)(unsigned char)kept.p[0] << 8 | (unsigned char)kept.p[1];
			buf_add(to, slice_sub(kept, 2, n));
			kept = slice_from(kept, 2 + n);
			(void)next_line(&model);
		}
		for (; run; run--)
			buf_add(to, next_line(&model));
	}
}

/* ---- what is kept ---- */

void said_forget(struct said_models *models, struct said *said)
{
	model_unref(models, said->model);
	free((char *)(uintptr_t)said->kept.p);
	*said = (struct said){ .model = NULL };
}

void said_keep_whole(struct said_models *models, struct said *said, struct slice bytes)
{
	said_forget(models, said);
	said->kept = slice_make(slice_dup(bytes), bytes.n);
	said->n = bytes.n;
}

static bool keep_beside(struct said_models *models, struct said *said, struct said_model *model, struct slice bytes)
{
	struct buf packed;

	buf_init(&packed, bytes.n);
	bool good = model && pack(bytes, slice_make(model->bytes, model->n), &packed);
	if (good) {
		said_forget(models, said);
		said->kept = slice_make(slice_dup(buf_slice(&packed)), packed.n);
		said->n = bytes.n;
		said->model = model;
		model->references++;
	}
	buf_fini(&packed);
	return good;
}

void said_keep(struct said_models *models, struct said *said, unsigned kind, struct slice bytes)
{
	struct said_model **last = &models->last[kind % SAID_KINDS];

	if (keep_beside(models, said, *last, bytes))
		return;
	/* It is the model of those that follow, and takes next to nothing itself. */
	model_unref(models, *last);
	*last = model_new(models, bytes);
	if (!keep_beside(models, said, *last, bytes))
		said_keep_whole(models, said, bytes);
}

char *said_bytes(const struct said *said)
{
	struct buf text;

	if (!said->model)
		return slice_dup(said->kept);
	buf_init(&text, said->n);
	unpack(said->kept, slice_make(said->model->bytes, said->model->n), &text);
	assert(!text.full && text.n == said->n);
	return buf_take(&text);
}

size_t said_memory(const struct said *said)
{
	return said->kept.n;
}
