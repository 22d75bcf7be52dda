/* A walk over an XML document: elements as they open and close. No DTD, so no entities but the five and numbers. */
#pragma once

#include "bodies/bodies.h"

enum { XML_DEPTH_MAX = 16, XML_ELEMENTS_MAX = 4096, XML_DOCUMENT_MAX = 65536 };

struct xml_element {
	struct slice space, name;      /* "urn:ietf:params:xml:ns:pidf", "presence" */
	const char *const *attributes; /* name, value, ..., NULL; xml_attribute() finds one */
	unsigned depth;                /* 0: the root */
};

struct xml_handler {
	void (*open)(void *arg, const struct xml_element *element);
	/** `text`: what stood directly inside it, trimmed, at most BODY_TEXT_MAX bytes; the element has no attributes
	 * any more. */
	void (*close)(void *arg, const struct xml_element *element, struct slice text);
	void *arg;
};

/** ERR_SYNTAX: not well formed, or it has a DTD; ERR_TOO_BIG: too long, deep or wide, a namespace of a name longer
 * than 256 bytes, a tag with too much in it. What was read before has been told. */
enum err xml_read(struct slice document, const struct xml_handler *handler) MUST_CHECK;
/** Of no namespace; empty when there is none. */
struct slice xml_attribute(const struct xml_element *element, const char *name);
/** Is it this element? */
bool xml_is(const struct xml_element *element, const char *space, const char *name);
/** Text as content or attribute value; control characters, which XML cannot hold, become '?'. */
void xml_escape(struct buf *to, struct slice text);
