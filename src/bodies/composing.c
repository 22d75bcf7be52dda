#include "bodies/composing.h"

#include "bodies/xml.h"

#define SPACE "urn:ietf:params:xml:ns:im-iscomposing"

struct reading {
	struct composing *composing;
	bool is_one, has_state;
};

static void on_open(void *arg, const struct xml_element *element)
{
	struct reading *reading = arg;

	if (element->depth == 0)
		reading->is_one = xml_is(element, SPACE, "isComposing");
}

static void on_close(void *arg, const struct xml_element *element, struct slice text)
{
	struct reading *reading = arg;
	uint32_t seconds;

	if (element->depth != 1)
		return;
	if (xml_is(element, SPACE, "state")) {
		reading->has_state = true;
		/* An unknown state is idle (3.2). */
		reading->composing->active = slice_eq(text, SLICE("active"));
	} else if (xml_is(element, SPACE, "refresh") && slice_to_u32(text, &seconds) && seconds) {
		reading->composing->refresh = seconds;
	}
}

enum err composing_read(struct slice body, struct composing *composing)
{
	struct reading reading = { .composing = composing };

	*composing = (struct composing){ .refresh = COMPOSING_REFRESH_S };
	enum err err = xml_read(body, &(struct xml_handler){ on_open, on_close, &reading });
	return err ? err : reading.is_one && reading.has_state ? ERR_NONE : ERR_SYNTAX;
}

void composing_write(const struct composing *composing, struct buf *to)
{
	buf_printf(to,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<isComposing xmlns=\"" SPACE "\">"
		   "<state>%s</state><contenttype>text/plain</contenttype>",
		   composing->active ? "active" : "idle");
	if (composing->active)
		buf_printf(to, "<refresh>%u</refresh>", composing->refresh);
	buf_printf(to, "</isComposing>\r\n");
}
