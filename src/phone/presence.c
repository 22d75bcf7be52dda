#include "phone/presence_internal.h"

#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <stdio.h>

enum { NOTE_MAX = 400 };

/* ---- life ---- */

struct presence_desk *presence_new(struct phone *phone)
{
	struct presence_desk *desk = xcalloc(1, sizeof *desk);

	desk->phone = phone;
	desk->presence = PRESENCE_AVAILABLE;
	desk->text = xstrdup("");
	list_init(&desk->watchers);
	list_init(&desk->published);
	return desk;
}

void presence_free(struct presence_desk *desk)
{
	watchers_end(desk);
	publishing_free(desk);
	free(desk->text);
	free(desk);
}

enum presence presence_now(const struct presence_desk *desk)
{
	return desk->presence;
}

const char *presence_text(const struct presence_desk *desk)
{
	return desk->text;
}

/* ---- what is told ---- */

void presence_write(const struct presence_desk *desk, const char *entity, struct buf *body)
{
	struct pidf pidf = { .presence = desk->presence };

	snprintf(pidf.entity, sizeof pidf.entity, "%s", entity);
	snprintf(pidf.note, sizeof pidf.note, "%s", desk->text);
	pidf_write(&pidf, slice_of(entity), body);
}

void presence_calls_changed(struct presence_desk *desk)
{
	desk->calls_changed = true;
}

void presence_turn_end(struct presence_desk *desk)
{
	if (!desk->calls_changed)
		return;
	desk->calls_changed = false;
	watchers_tell(desk, true);
}

/* ---- how we are ---- */

bool phone_set_status(struct phone *phone, struct slice word, struct slice text, struct failure *failure)
{
	struct presence_desk *desk = phone->presence;
	enum presence presence;

	if (!presence_find(word, &presence) || presence == PRESENCE_UNKNOWN)
		return fail(failure, STATUS_USAGE, "status",
			    "'%.*s' is no status: available, busy, away, dnd or offline",
			    SLICE_ARG(slice_sub(word, 0, 60)));
	if (text.n > NOTE_MAX)
		return fail(failure, STATUS_USAGE, "too-big", "the text of a status has at most %d bytes", NOTE_MAX);
	desk->presence = presence;
	free(desk->text);
	desk->text = clean(text);
	watchers_tell(desk, false);
	publishing_changed(desk);
	return true;
}

void phone_status(const struct phone *phone, const char **word, const char **text)
{
	*word = presence_name(phone->presence->presence);
	*text = phone->presence->text;
}

/* ---- the end, and looking ---- */

void presence_shut_down(struct presence_desk *desk)
{
	watchers_end(desk);
	publishing_stop(desk);
}

bool presence_quiet(const struct presence_desk *desk)
{
	return list_empty(&desk->published);
}

void presence_show(const struct presence_desk *desk, struct buf *out)
{
	watchers_show(desk, out);
	publishing_show(desk, out);
}
