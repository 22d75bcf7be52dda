#include "tests/torture/touch.h"

#include "sip/syntax/syntax.h"

#include <stdlib.h>

/* assert() may be switched off; what must hold here must always hold. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool inside(struct slice s, struct slice whole)
{
	return !s.n || (s.p >= whole.p && s.p + s.n <= whole.p + whole.n);
}

static void touch_address(const struct sip_message *message, const struct sip_address *address)
{
	struct arena arena;
	struct buf buf;
	uint32_t seconds;

	if (!address)
		return;
	arena_init(&arena);
	buf_init(&buf, 4 * SIP_MESSAGE_MAX);
	sip_display_print(&buf, sip_address_display(&arena, address));
	sip_escape_user(&buf, sip_unescape(&arena, address->uri.user));
	if (!address->star) {
		must(sip_uri_eq(&address->uri, &address->uri));
		sip_uri_print_request(&buf, &address->uri);
	}
	must(sip_address_q(address) <= 1000);
	(void)sip_address_expires(address, &seconds);
	(void)message;
	buf_fini(&buf);
	arena_fini(&arena);
}

/* A value by the type of its field; what was well formed must print and parse the same again. */
static void touch_value(enum sip_header_id id, struct slice value)
{
	struct sip_address address, again;
	struct sip_auth auth;
	struct arena arena;
	struct slice found;

	for (unsigned type = SIP_VALUE_TEXT; type <= SIP_VALUE_REASON; type++)
		(void)!sip_value_check(type, value);
	if (sip_header_type(id) == SIP_VALUE_ADDRESS && sip_address_parse(value, &address, NULL)) {
		must(inside(address.text, value) && inside(address.uri.text, value) && inside(address.params, value));
		must(sip_address_parse(address.text, &again, NULL) && slice_eq(again.uri.text, address.uri.text));
	}
	arena_init(&arena);
	if (sip_auth_parse(value, &auth))
		(void)sip_auth_param(&arena, &auth, SLICE("nonce"), &found);
	arena_fini(&arena);
}

static void touch_lists(const struct sip_message *message)
{
	struct sip_values values;
	struct slice value;

	for (unsigned id = SIP_HEADER_OTHER; id < SIP_HEADERS; id++) {
		if (!sip_message_header(message, id, 0))
			continue;
		sip_values_begin(&values, message, id);
		while (sip_values_next(&values, &value)) {
			must(value.n > 0);
			touch_value(id, value);
		}
		(void)sip_header_presence(id, message->method, message->status);
		(void)sip_message_lists(message, id, SLICE("100rel"));
		if (sip_header_type(id) != SIP_VALUE_ADDRESS)
			continue;
		for (size_t i = 0; sip_message_address(message, id, i); i++)
			touch_address(message, sip_message_address(message, id, i));
	}
}

static void touch_singles(const struct sip_message *message)
{
	uint32_t seconds;

	touch_address(message, sip_message_from(message));
	touch_address(message, sip_message_to(message));
	const struct sip_uri *uri = sip_message_request_uri(message);
	must(!uri || slice_eq(uri->text, message->request_uri));
	for (size_t i = 0; sip_message_via(message, i); i++)
		(void)sip_via_has_magic(sip_message_via(message, i));
	const struct sip_cseq *cseq = sip_message_cseq(message);
	must(!cseq || cseq->method_name.n > 0);
	(void)sip_message_seconds(message, SIP_HEADER_EXPIRES, &seconds);
	(void)sip_message_has_body(message, "application", "sdp");
}

/* The value as a draft writes it: no CR, LF or NUL, and no blanks at its ends. */
static struct slice written_value(struct arena *arena, struct slice value)
{
	char *copy = arena_alloc(arena, value.n + 1);

	for (size_t i = 0; i < value.n; i++)
		copy[i] = value.p[i] == '\r' || value.p[i] == '\n' || value.p[i] == '\0' ? ' ' : value.p[i];
	return slice_trim(slice_make(copy, value.n));
}

/* All lines through a draft: the same lines come out in the same order, with nothing between them. */
static void go_round(const struct sip_message *message)
{
	struct sip_draft *draft = sip_draft_request(SLICE("OPTIONS"), SLICE("sip:h"));
	struct arena arena;
	size_t written = 0;

	arena_init(&arena);
	for (size_t i = 0; i < message->header_count; i++)
		if (message->headers[i].id != SIP_HEADER_CONTENT_LENGTH)
			sip_draft_add_named(draft, message->headers[i].name, message->headers[i].value);
	sip_draft_body(draft, (struct slice){ NULL, 0 }, message->body);
	struct sip_message *again = sip_draft_finish(draft, (struct slice){ NULL, 0 });
	must(slice_eq(again->body, message->body));
	for (size_t i = 0; i < message->header_count; i++) {
		const struct sip_header *header = &message->headers[i];
		if (header->id == SIP_HEADER_CONTENT_LENGTH)
			continue;
		must(written < again->header_count);
		must(again->headers[written].id == header->id);
		must(slice_eq(again->headers[written].value, written_value(&arena, header->value)));
		written++;
	}
	sip_message_unref(again);
	sip_draft_free(draft);
	arena_fini(&arena);
}

static void answer(const struct sip_message *message)
{
	struct sip_draft *draft = sip_draft_response(message, 400, (struct slice){ NULL, 0 }, SLICE("t"));
	struct sip_message *response = sip_draft_finish(draft, (struct slice){ NULL, 0 });

	must(!response->is_request && response->status == 400);
	/* An answer to a good request is itself good. */
	if (!sip_message_check(message).status)
		must(!sip_message_check(response).status);
	sip_message_unref(response);
	sip_draft_free(draft);
}

void touch_message(const struct sip_message *message)
{
	struct sip_fault fault = sip_message_check(message);

	must((fault.status == 0) == (fault.text == NULL));
	must(inside(message->body, message->bytes) && inside(message->request_uri, message->bytes));
	must(message->is_request || message->status == 0 || (message->status >= 100 && message->status <= 699));
	touch_singles(message);
	touch_lists(message);
	if (message->is_request)
		answer(message);
	go_round(message);
	/* Asked again, it says the same. */
	must(sip_message_check(message).status == fault.status);
}
