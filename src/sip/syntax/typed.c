#include "sip/syntax/typed.h"

/*
 * Typed values are decoded when first asked for and kept. The message is immutable to everybody else: only this cache,
 * which its readers cannot see, changes. Messages belong to one thread.
 */

/* Is the value decoded yet? Marks it as decoded. */
static inline bool tried(struct sip_message_typed *typed, enum sip_typed_bit bit)
{
	if (typed->tried & bit)
		return true;
	typed->tried |= bit;
	return false;
}

static struct arena *arena_of(const struct sip_message *message)
{
	/* The arena is the cache's memory, not part of what the message says. */
	return &((struct sip_message *)(uintptr_t)message)->arena;
}

const struct sip_uri *sip_message_request_uri(const struct sip_message *message)
{
	struct sip_message_typed *typed = message->typed;

	if (!tried(typed, SIP_TYPED_URI) && message->is_request &&
	    sip_uri_parse(message->request_uri, &typed->request_uri, NULL))
		typed->good |= SIP_TYPED_URI;
	return typed->good & SIP_TYPED_URI ? &typed->request_uri : NULL;
}

/* From or To. */
static const struct sip_address *single_address(const struct sip_message *message, enum sip_header_id id,
						enum sip_typed_bit bit, struct sip_address *address)
{
	struct sip_message_typed *typed = message->typed;
	struct scanner scanner;
	const char *fault;

	if (!tried(typed, bit) && typed->first[id]) {
		struct slice value = message->headers[typed->first[id] - 1].value;
		scan_begin(&scanner, value.p, value.p + value.n);
		if (sip_address_scan(&scanner, value.p, address, &fault) == scanner.end && !address->star)
			typed->good |= bit;
	}
	return typed->good & bit ? address : NULL;
}

const struct sip_address *sip_message_from(const struct sip_message *message)
{
	return single_address(message, SIP_HEADER_FROM, SIP_TYPED_FROM, &message->typed->from);
}

const struct sip_address *sip_message_to(const struct sip_message *message)
{
	return single_address(message, SIP_HEADER_TO, SIP_TYPED_TO, &message->typed->to);
}

const struct sip_cseq *sip_message_cseq(const struct sip_message *message)
{
	struct sip_message_typed *typed = message->typed;

	if (!tried(typed, SIP_TYPED_CSEQ) && sip_cseq_parse(sip_message_value(message, SIP_HEADER_CSEQ), &typed->cseq))
		typed->good |= SIP_TYPED_CSEQ;
	return typed->good & SIP_TYPED_CSEQ ? &typed->cseq : NULL;
}

struct slice sip_message_call_id(const struct sip_message *message)
{
	return sip_message_value(message, SIP_HEADER_CALL_ID);
}

bool sip_message_seconds(const struct sip_message *message, enum sip_header_id id, uint32_t *seconds)
{
	return sip_seconds_parse(sip_message_value(message, id), seconds);
}

const struct sip_media_type *sip_message_content_type(const struct sip_message *message)
{
	struct sip_message_typed *typed = message->typed;

	if (!tried(typed, SIP_TYPED_CONTENT_TYPE) &&
	    sip_media_type_parse(sip_message_value(message, SIP_HEADER_CONTENT_TYPE), &typed->content_type))
		typed->good |= SIP_TYPED_CONTENT_TYPE;
	return typed->good & SIP_TYPED_CONTENT_TYPE ? &typed->content_type : NULL;
}

/*
 * Lists. A value may take one byte of the message but takes two hundred of the list, so the number of values is
 * bounded: a hostile message must not make us keep a hundred times its size.
 */

/* Room for twice as many items of `size` bytes; the old ones stay where they are. @return NULL: there are too many */
static __attribute__((noinline)) void *grow(struct arena *arena, const void *items, size_t *room, size_t size)
{
	if (*room >= SIP_VALUES_MAX)
		return NULL;
	void *larger = arena_take(arena, 2 * *room * size);
	memcpy(larger, items, *room * size);
	*room *= 2;
	return larger;
}

/* @return what stands behind the value at p, or the end when there are too many */
static inline const char *add_via(struct arena *arena, struct sip_via_list *list, struct scanner *scanner,
				  const char *p)
{
	const char *fault;

	if (list->count == list->room) {
		void *larger = grow(arena, list->items, &list->room, sizeof *list->items);
		if (!larger) {
			list->bad = true;
			return scanner->end;
		}
		list->items = larger;
	}
	struct sip_via *via = &list->items[list->count++];
	const char *behind = sip_via_scan(scanner, p, via, &fault);
	if (behind)
		return behind;
	via->text = (struct slice){ NULL, 0 };
	list->bad = true;
	return scan_element(p, scanner->end);
}

static __attribute__((noinline)) void decode_vias(const struct sip_message *message, struct sip_via_list *list)
{
	size_t first = message->typed->first[SIP_HEADER_VIA];
	struct scanner scanner;

	if (!first)
		return;
	list->items = message->typed->via_usual;
	list->room = ARRAY_LEN(message->typed->via_usual);
	for (size_t i = first - 1; i < message->typed->last[SIP_HEADER_VIA]; i++) {
		if (message->headers[i].id != SIP_HEADER_VIA)
			continue;
		const char *p = message->headers[i].value.p;
		scan_begin(&scanner, p, p + message->headers[i].value.n);
		do
			p = add_via(arena_of(message), list, &scanner, p);
		while (p++ < scanner.end);
	}
}

const struct sip_via_list *sip_message_vias(const struct sip_message *message)
{
	if (!tried(message->typed, SIP_TYPED_VIA))
		decode_vias(message, &message->typed->via);
	return &message->typed->via;
}

static inline const struct sip_via *nth_via(const struct sip_via_list *list, size_t nth)
{
	return nth < list->count && list->items[nth].text.p ? &list->items[nth] : NULL;
}

static __attribute__((noinline)) const struct sip_via *decode_and_nth_via(const struct sip_message *message, size_t nth)
{
	return nth_via(sip_message_vias(message), nth);
}

const struct sip_via *sip_message_via(const struct sip_message *message, size_t nth)
{
	/* Asked for again and again: what is decoded already is found without a call. */
	if (!(message->typed->tried & SIP_TYPED_VIA))
		return decode_and_nth_via(message, nth);
	return nth_via(&message->typed->via, nth);
}

/* As add_via. */
static inline const char *add_address(struct arena *arena, struct sip_address_list *list, struct scanner *scanner,
				      const char *p)
{
	const char *fault;

	if (list->count == list->room) {
		void *larger = grow(arena, list->items, &list->room, sizeof *list->items);
		if (!larger) {
			list->bad = true;
			return scanner->end;
		}
		list->items = larger;
	}
	struct sip_address *address = &list->items[list->count++];
	const char *behind = sip_address_scan(scanner, p, address, &fault);
	if (behind)
		return behind;
	address->text = (struct slice){ NULL, 0 };
	list->bad = true;
	return scan_element(p, scanner->end);
}

static inline void decode_addresses(const struct sip_message *message, struct sip_address_list *list)
{
	struct scanner scanner;

	for (size_t i = message->typed->first[list->id] - 1; i < message->typed->last[list->id]; i++) {
		if (message->headers[i].id != list->id)
			continue;
		const char *p = message->headers[i].value.p;
		size_t before = list->count;
		scan_begin(&scanner, p, p + message->headers[i].value.n);
		do
			p = add_address(arena_of(message), list, &scanner, p);
		while (p++ < scanner.end);
		/* A comma in a field of one value. */
		if (list->count > before + 1 && !sip_header_is_list(list->id))
			list->bad = true;
	}
}

static __attribute__((noinline)) const struct sip_address_list *new_list(const struct sip_message *message,
									 enum sip_header_id id)
{
	struct sip_message_typed *typed = message->typed;
	struct sip_address_list *list = arena_take(arena_of(message), sizeof *list);

	list->next = typed->addresses;
	list->id = id;
	list->items = list->usual;
	list->count = 0;
	list->room = ARRAY_LEN(list->usual);
	list->bad = false;
	typed->addresses = list;
	decode_addresses(message, list);
	return list;
}

const struct sip_address_list *sip_message_addresses(const struct sip_message *message, enum sip_header_id id)
{
	static const struct sip_address_list none = { .id = SIP_HEADER_OTHER };

	if (!message->typed->first[id])
		return &none;
	for (const struct sip_address_list *list = message->typed->addresses; list; list = list->next)
		if (list->id == id)
			return list;
	return new_list(message, id);
}

const struct sip_address *sip_message_address(const struct sip_message *message, enum sip_header_id id, size_t nth)
{
	const struct sip_address_list *list = sip_message_addresses(message, id);

	return nth < list->count && list->items[nth].text.p ? &list->items[nth] : NULL;
}
