#include "bodies/pidf.h"

#include "base/utf8.h"
#include "bodies/xml.h"

#define SPACE "urn:ietf:params:xml:ns:pidf"
#define RPID "urn:ietf:params:xml:ns:pidf:rpid"
#define PERSON "urn:ietf:params:xml:ns:pidf:data-model"

static const char *const names[] = { "unknown", "offline", "available", "away", "busy", "dnd" };

const char *presence_name(enum presence presence)
{
	return names[presence];
}

bool presence_find(struct slice name, enum presence *presence)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_eq(name, slice_of(names[i]))) {
			*presence = (enum presence)i;
			return true;
		}
	return false;
}

/* ---- reading ---- */

struct reading {
	struct pidf *pidf;
	bool is_one, in_activities, open, closed;
	enum presence activity; /* PRESENCE_UNKNOWN: none */
};

/* The more somebody is kept from talking, the more it counts. */
static void note_activity(struct reading *reading, enum presence activity)
{
	if (activity > reading->activity)
		reading->activity = activity;
}

static void read_activity(struct reading *reading, struct slice name)
{
	static const char away[] = "|away|vacation|permanent-absence|sleeping|holiday|travel|in-transit|worship|",
			  busy[] = "|busy|on-the-phone|meeting|appointment|performance|presentation|steering|working|";
	struct buf word;

	buf_init(&word, 64);
	buf_printf(&word, "|%.*s|", SLICE_ARG(slice_sub(name, 0, 40)));
	if (strstr(busy, buf_text(&word)))
		note_activity(reading, PRESENCE_BUSY);
	else if (strstr(away, buf_text(&word)))
		note_activity(reading, PRESENCE_AWAY);
	buf_fini(&word);
}

static void on_open(void *arg, const struct xml_element *element)
{
	struct reading *reading = arg;

	if (element->depth == 0) {
		reading->is_one = xml_is(element, SPACE, "presence");
		utf8_keep(reading->pidf->entity, sizeof reading->pidf->entity, xml_attribute(element, "entity"));
	} else if (xml_is(element, RPID, "activities")) {
		reading->in_activities = true;
	} else if (reading->in_activities) {
		read_activity(reading, element->name);
	}
}

static void on_close(void *arg, const struct xml_element *element, struct slice text)
{
	struct reading *reading = arg;

	if (xml_is(element, RPID, "activities")) {
		reading->in_activities = false;
	} else if (xml_is(element, SPACE, "basic")) {
		reading->open |= slice_eq(text, SLICE("open"));
		reading->closed |= slice_eq(text, SLICE("closed"));
	} else if (reading->in_activities && slice_eq(element->name, SLICE("other"))) {
		if (slice_ieq(text, SLICE("dnd")) || slice_ieq(text, SLICE("do not disturb")))
			note_activity(reading, PRESENCE_DND);
	} else if (slice_eq(element->name, SLICE("note")) && text.n && !reading->pidf->note[0]) {
		utf8_keep(reading->pidf->note, sizeof reading->pidf->note, text);
	}
}

enum err pidf_read(struct slice body, struct pidf *pidf)
{
	struct reading reading = { .pidf = pidf };

	*pidf = (struct pidf){ 0 };
	enum err err = xml_read(body, &(struct xml_handler){ on_open, on_close, &reading });
	if (!err && !reading.is_one)
		err = ERR_SYNTAX;
	if (reading.open)
		pidf->presence = reading.activity ? reading.activity : PRESENCE_AVAILABLE;
	else if (reading.closed)
		pidf->presence = PRESENCE_OFFLINE;
	return err;
}

/* ---- writing ---- */

static const char *activity_of(enum presence presence)
{
	switch (presence) {
	case PRESENCE_AWAY:
		return "<r:away/>";
	case PRESENCE_BUSY:
		return "<r:busy/>";
	case PRESENCE_DND: /* RFC 4480 has no word for it */
		return "<r:busy/><r:other>dnd</r:other>";
	default:
		return NULL;
	}
}

void pidf_write(const struct pidf *pidf, struct slice contact, struct buf *to)
{
	const char *activity = activity_of(pidf->presence);

	buf_printf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<presence xmlns=\"" SPACE "\" xmlns:d=\"" PERSON
		       "\" xmlns:r=\"" RPID "\" entity=\"");
	xml_escape(to, slice_of(pidf->entity));
	buf_printf(to, "\">\r\n<tuple id=\"t1\"><status><basic>%s</basic></status>",
		   pidf->presence == PRESENCE_OFFLINE || pidf->presence == PRESENCE_UNKNOWN ? "closed" : "open");
	if (contact.n) {
		buf_printf(to, "<contact>");
		xml_escape(to, contact);
		buf_printf(to, "</contact>");
	}
	if (pidf->note[0]) {
		buf_printf(to, "<note>");
		xml_escape(to, slice_of(pidf->note));
		buf_printf(to, "</note>");
	}
	buf_printf(to, "</tuple>\r\n");
	if (activity)
		buf_printf(to, "<d:person id=\"p1\"><r:activities>%s</r:activities></d:person>\r\n", activity);
	buf_printf(to, "</presence>\r\n");
}
