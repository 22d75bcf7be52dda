#include "bodies/xml.h"

#include <expat.h>

enum {
	SEPARATOR = '\n',
	SPACE_MAX = 256,       /* bytes of the name of a namespace; the longest that is known has about 60 */
	TAG_WORK_MAX = 262144, /* bytes of a tag by its attributes */
};

struct walk {
	const struct xml_handler *handler;
	XML_Parser parser;
	struct buf text;
	unsigned depth, elements;
	enum err err;
};

static void stop(struct walk *walk, enum err err)
{
	if (!walk->err)
		walk->err = err;
	XML_StopParser(walk->parser, XML_FALSE);
}

static struct xml_element element_of(const char *name, const char *const *attributes, unsigned depth)
{
	struct slice whole = slice_of(name);
	size_t cut = slice_rfind(whole, SEPARATOR);

	return (struct xml_element){ .space = cut < whole.n ? slice_sub(whole, 0, cut) : slice_of(""),
				     .name = cut < whole.n ? slice_from(whole, cut + 1) : whole,
				     .attributes = attributes,
				     .depth = depth };
}

static void XMLCALL on_open(void *arg, const char *name, const char **attributes)
{
	struct walk *walk = arg;
	struct xml_element element = element_of(name, (const char *const *)attributes, walk->depth);

	if (++walk->depth > XML_DEPTH_MAX || ++walk->elements > XML_ELEMENTS_MAX) {
		stop(walk, ERR_TOO_BIG);
		return;
	}
	buf_clear(&walk->text);
	walk->handler->open(walk->handler->arg, &element);
}

static void XMLCALL on_close(void *arg, const char *name)
{
	struct walk *walk = arg;
	struct xml_element element = element_of(name, NULL, --walk->depth);

	if (walk->handler->close && !walk->err)
		walk->handler->close(walk->handler->arg, &element, slice_trim(buf_slice(&walk->text)));
	buf_clear(&walk->text);
}

static void XMLCALL on_text(void *arg, const char *text, int bytes)
{
	struct walk *walk = arg;

	/* Cut between characters: a part of one would be no UTF-8. */
	for (int i = 0; i < bytes && walk->text.n < BODY_TEXT_MAX; i++) {
		bool first = ((unsigned char)text[i] & 0xc0) != 0x80;
		if (first && walk->text.n > BODY_TEXT_MAX - 4)
			break;
		buf_add_char(&walk->text, text[i]);
	}
}

/* Expat writes a namespace out for each name that has its prefix. */
static void XMLCALL on_space(void *arg, const char *prefix, const char *uri)
{
	(void)prefix;
	if (uri && strlen(uri) > SPACE_MAX)
		stop(arg, ERR_TOO_BIG);
}

/* on_space() is too late for a tag that declares a namespace of 30 KB and has a thousand attributes of it: that would
 * take a second and 100 MB. '<' can stand in no tag, so that nothing hides one: from '<' to '<' there is one at most.
 */
static bool tags_are_cheap(struct slice document)
{
	/* UTF-16, where half of a letter may look like '<' */
	bool wide = slice_find(document, '\0') < document.n;
	size_t bytes = 0, attributes = 0;

	for (size_t i = 0; i < document.n; i++) {
		if (document.p[i] == '<' && !wide)
			bytes = attributes = 0;
		bytes++;
		attributes += document.p[i] == '=';
		if (bytes * attributes > TAG_WORK_MAX)
			return false;
	}
	return true;
}

static void XMLCALL on_doctype(void *arg, const char *name, const char *system, const char *public, int has_subset)
{
	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	stop(arg, ERR_SYNTAX);
}

enum err xml_read(struct slice document, const struct xml_handler *handler)
{
	struct walk walk = { .handler = handler };

	if (document.n > XML_DOCUMENT_MAX || !tags_are_cheap(document))
		return ERR_TOO_BIG;
	walk.parser = XML_ParserCreateNS(NULL, SEPARATOR);
	if (!walk.parser)
		return ERR_FULL;
	buf_init(&walk.text, BODY_TEXT_MAX);
	XML_SetUserData(walk.parser, &walk);
	XML_SetElementHandler(walk.parser, on_open, on_close);
	XML_SetCharacterDataHandler(walk.parser, on_text);
	XML_SetStartNamespaceDeclHandler(walk.parser, on_space);
	XML_SetStartDoctypeDeclHandler(walk.parser, on_doctype);
	if (XML_Parse(walk.parser, document.n ? document.p : "", (int)document.n, XML_TRUE) != XML_STATUS_OK &&
	    !walk.err)
		walk.err = ERR_SYNTAX;
	XML_ParserFree(walk.parser);
	buf_fini(&walk.text);
	return walk.err;
}

struct slice xml_attribute(const struct xml_element *element, const char *name)
{
	for (size_t i = 0; element->attributes && element->attributes[i]; i += 2)
		if (!strcmp(element->attributes[i], name))
			return slice_of(element->attributes[i + 1]);
	return slice_of("");
}

bool xml_is(const struct xml_element *element, const char *space, const char *name)
{
	return slice_eq(element->name, slice_of(name)) && slice_eq(element->space, slice_of(space));
}

void xml_escape(struct buf *to, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		switch (text.p[i]) {
		case '<':
			buf_add(to, SLICE("&lt;"));
			break;
		case '>':
			buf_add(to, SLICE("&gt;"));
			break;
		case '&':
			buf_add(to, SLICE("&amp;"));
			break;
		case '"':
			buf_add(to, SLICE("&quot;"));
			break;
		case '\n':
		case '\t':
			buf_add_char(to, text.p[i]);
			break;
		default:
			buf_add_char(to, (unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f ? '?' : text.p[i]);
			break;
		}
	}
}
