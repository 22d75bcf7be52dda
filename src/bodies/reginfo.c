#include "bodies/reginfo.h"

#include "base/utf8.h"
#include "bodies/xml.h"

#define SPACE "urn:ietf:params:xml:ns:reginfo"

struct reading {
	struct reginfo *reginfo;
	struct reginfo_contact *contact;
	bool is_one;
};

static void open_contact(struct reading *reading, const struct xml_element *element)
{
	struct reginfo *reginfo = reading->reginfo;

	if (reginfo->count == REGINFO_CONTACTS_MAX)
		return;
	reading->contact = &reginfo->contacts[reginfo->count++];
	reading->contact->active = slice_eq(xml_attribute(element, "state"), SLICE("active"));
	utf8_keep(reading->contact->event, sizeof reading->contact->event, xml_attribute(element, "event"));
}

static void on_open(void *arg, const struct xml_element *element)
{
	struct reading *reading = arg;
	struct reginfo *reginfo = reading->reginfo;

	if (element->depth == 0) {
		reading->is_one = xml_is(element, SPACE, "reginfo") &&
				  slice_to_u32(xml_attribute(element, "version"), &reginfo->version);
		reginfo->full = !slice_eq(xml_attribute(element, "state"), SLICE("partial"));
	} else if (element->depth == 1 && xml_is(element, SPACE, "registration")) {
		reginfo->active = slice_eq(xml_attribute(element, "state"), SLICE("active"));
		utf8_keep(reginfo->aor, sizeof reginfo->aor, xml_attribute(element, "aor"));
	} else if (element->depth == 2 && xml_is(element, SPACE, "contact")) {
		open_contact(reading, element);
	}
}

static void on_close(void *arg, const struct xml_element *element, struct slice text)
{
	struct reading *reading = arg;

	if (element->depth == 2)
		reading->contact = NULL;
	else if (reading->contact && element->depth == 3 && xml_is(element, SPACE, "uri"))
		utf8_keep(reading->contact->uri, sizeof reading->contact->uri, text);
}

enum err reginfo_read(struct slice body, struct reginfo *reginfo)
{
	struct reading reading = { .reginfo = reginfo };

	*reginfo = (struct reginfo){ 0 };
	enum err err = xml_read(body, &(struct xml_handler){ on_open, on_close, &reading });
	return err ? err : reading.is_one ? ERR_NONE : ERR_SYNTAX;
}
