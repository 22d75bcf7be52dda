#include "sip/transport/internal.h"

#include <stdio.h>

enum {
	GARBAGE_SHOWN = 20,  /* datagrams a second */
	LATE_US = 250000,    /* half of T1: who asked so long ago will soon ask again */
};

/* ---- the top Via of a request: where its response shall go (18.2.1, RFC 3581 4) ---- */

/*
 * The top Via as the next hop really is: `received` and `rport` that came in it are taken out, since only we can know
 * them and a forged one would send our responses to somebody else.
 */
static void print_via(struct buf *to, const struct sip_via *via, const struct address *remote)
{
	struct slice rest = via->params;
	struct sip_param param;
	struct address sent_by;
	char text[ADDRESS_TEXT];
	size_t head = via->params.n ? (size_t)(via->params.p - via->text.p) : via->text.n;

	buf_add(to, slice_trim(slice_sub(via->text, 0, head)));
	while (sip_params_next(&rest, &param)) {
		if (slice_ieq(param.name, SLICE("received")) || slice_ieq(param.name, SLICE("rport")))
			continue;
		/* Not by printf: a quoted string may hold a NUL. */
		buf_add_char(to, ';');
		buf_add(to, param.name);
		if (param.has_value)
			buf_add_char(to, '=');
		buf_add(to, param.value);
	}
	bool same = address_parse_host(&sent_by, via->host, 0) && address_same_host(&sent_by, remote);
	if (!same || via->has_rport)
		buf_printf(to, ";received=%s", address_print_host(remote, false, text));
	if (via->has_rport)
		buf_printf(to, ";rport=%u", address_port(remote));
}

/* What stands behind the top value in the first Via line: ", SIP/2.0/UDP ..." or nothing. */
static struct slice after_top_via(const struct sip_message *message, struct slice line)
{
	struct sip_values values;
	struct slice top;

	sip_values_begin(&values, message, SIP_HEADER_VIA);
	if (!sip_values_next(&values, &top))
		return slice_of("");
	return slice_from(line, (size_t)(top.p + top.n - line.p));
}

/* All of it, with `via` in the place of the top Via. */
static void print_with_via(const struct sip_message *request, struct slice via, struct buf *to)
{
	bool top = true;

	buf_printf(to, "%.*s %.*s %.*s\r\n", SLICE_ARG(request->method_name), SLICE_ARG(request->request_uri),
		   SLICE_ARG(request->version));
	for (size_t i = 0; i < request->header_count; i++) {
		const struct sip_header *header = &request->headers[i];
		buf_printf(to, "%.*s: ", SLICE_ARG(header->name));
		if (header->id == SIP_HEADER_VIA && top) {
			buf_add(to, via);
			buf_add(to, after_top_via(request, header->value));
			top = false;
		} else {
			buf_add(to, header->value);
		}
		buf_add(to, SLICE("\r\n"));
	}
	buf_add(to, SLICE("\r\n"));
	buf_add(to, request->body);
}

/*
 * The request with another top Via: messages are immutable, so it is written and parsed anew. A Via that was folded
 * does not stand in the message as it reads; any other is cut out of it. NULL: it got too big.
 */
static struct sip_message *with_via(const struct sip_message *request, struct slice old, struct slice via)
{
	struct slice all = request->bytes;
	struct sip_message *copy = NULL;
	struct buf text;
	size_t used, offset;

	buf_init(&text, SIP_MESSAGE_MAX);
	if (old.p >= all.p && old.p + old.n <= all.p + all.n) {
		buf_add(&text, slice_make(all.p, (size_t)(old.p - all.p)));
		buf_add(&text, via);
		buf_add(&text, slice_from(all, (size_t)(old.p + old.n - all.p)));
	} else {
		print_with_via(request, via, &text);
	}
	if (text.full || sip_message_parse(buf_slice(&text), SIP_DATAGRAM, &copy, &used, &offset) != SCAN_OK)
		copy = NULL;
	buf_fini(&text);
	return copy;
}

/* @return the request with one more reference where its Via is complete already: a new one else, or NULL */
static struct sip_message *complete_via(struct sip_message *request, const struct sip_via *via,
					const struct sip_source *source)
{
	struct sip_message *complete = NULL;
	struct buf text;

	buf_init(&text, SIP_MESSAGE_MAX);
	print_via(&text, via, &source->remote);
	if (slice_eq(buf_slice(&text), via->text))
		complete = sip_message_ref(request);
	else if (!text.full)
		complete = with_via(request, via->text, buf_slice(&text));
	buf_fini(&text);
	return complete;
}

/* ---- answers without state ---- */

bool transport__within_rate(struct transport *transport)
{
	int64_t now = transport->world.timers->now_us;

	if (now - transport->stateless_since_us >= SECOND_US) {
		transport->stateless_since_us = now;
		transport->stateless_count = 0;
	}
	return transport->stateless_count++ < STATELESS_PER_SECOND;
}

/* By its Via the sender finds what the answer belongs to, whatever else is missing (RFC 4475 3.3.1). */
static bool is_answerable(const struct sip_message *request)
{
	return request->is_request && request->method != SIP_ACK && sip_message_value(request, SIP_HEADER_VIA).n;
}

/* 8.2.7: the same tag for the same request, without remembering it. */
static void print_tag(const struct transport *transport, const struct sip_message *request, char tag[17])
{
	struct buf text;

	buf_init(&text, SIP_MESSAGE_MAX);
	buf_add(&text, sip_message_value(request, SIP_HEADER_VIA));
	buf_add_char(&text, '\n');
	buf_add(&text, sip_message_value(request, SIP_HEADER_CALL_ID));
	buf_add_char(&text, '\n');
	buf_add(&text, sip_message_value(request, SIP_HEADER_FROM));
	buf_add_char(&text, '\n');
	buf_add(&text, sip_message_value(request, SIP_HEADER_CSEQ));
	snprintf(tag, 17, "%016llx", (unsigned long long)map_siphash(transport->tag_key, buf_slice(&text)));
	buf_fini(&text);
}

void transport_answer(struct transport *transport, const struct sip_message *request, const struct sip_source *source,
		      unsigned status, const char *reason, unsigned retry_after_s)
{
	char tag[17];

	if (!is_answerable(request))
		return;
	if (!transport__within_rate(transport)) {
		transport->counters.unanswered++;
		return;
	}
	transport->counters.answered++;
	print_tag(transport, request, tag);
	struct sip_draft *draft = sip_draft_response(request, status, slice_of(reason), slice_of(tag));
	if (retry_after_s)
		sip_draft_add(draft, SIP_HEADER_RETRY_AFTER, "%u", retry_after_s);
	struct sip_message *response = sip_draft_finish(draft, slice_of(""));
	enum err err = transport_send_response(transport, source, response);
	if (err)
		log_line(transport->world.log, LOG_DEBUG, "a stateless %u was not sent: %s", status, err_text(err));
	sip_message_unref(response);
	sip_draft_free(draft);
}

/* ---- what came ---- */

/* The original is judged, not the copy: writing it anew could hide what is wrong with it. */
static void receive_request(struct transport *transport, struct sip_message *message, const struct sip_source *source)
{
	const struct sip_via *via = sip_message_via(message, 0);
	struct sip_fault fault = sip_message_check(message);
	struct sip_message *request = via ? complete_via(message, via, source) : NULL;

	if (fault.status)
		transport_answer(transport, request ? request : message, source, fault.status, fault.text, 0);
	else if (request)
		transport->handlers.request(transport->handlers.arg, request, source);
	else /* there was no room left for what completes the Via */
		transport_answer(transport, message, source, 513, NULL, 0);
	sip_message_unref(request);
}

/* 18.1.2: a response whose top Via is not ours was not meant for us; 8.1.3.3: nor one with two Vias. */
static bool is_for_us(const struct transport *transport, const struct sip_message *response)
{
	struct address sent_by;

	if (sip_message_check(response).status)
		return false;
	const struct sip_via *via = sip_message_via(response, 0);
	return via && !sip_message_via(response, 1) && address_parse_host(&sent_by, via->host, via->port) &&
	       transport__sent_by_ours(transport, &sent_by);
}

static void receive_response(struct transport *transport, struct sip_message *response, const struct sip_source *source)
{
	if (is_for_us(transport, response))
		transport->handlers.response(transport->handlers.arg, response, source);
	else
		transport->counters.strays++;
}

void transport__receive(struct transport *transport, struct sip_message *message, const struct sip_source *source)
{
	transport->counters.messages++;
	if (message->is_request)
		receive_request(transport, message, source);
	else
		receive_response(transport, message, source);
}

/* A length that is one, but of more than we keep of a message? (21.5.7) */
static bool is_too_long(const struct sip_message *message)
{
	struct slice value = slice_trim(sip_message_value(message, SIP_HEADER_CONTENT_LENGTH));
	uint64_t length;

	return !sip_message_header(message, SIP_HEADER_CONTENT_LENGTH, 1) && slice_to_u64(value, UINT32_MAX, &length) &&
	       length > SIP_MESSAGE_MAX - message->bytes.n;
}

void transport__refuse_unframed(struct flow *flow, struct slice head)
{
	struct sip_source source = flow__source(flow);
	struct sip_message *message;
	size_t used, offset;

	if (!head.n)
		return;
	transport__trace(flow->transport, false, source.protocol, &source.local, &source.remote, head);
	/* Where a datagram ends is known, so its header can be read whatever it says of the length. */
	if (sip_message_parse(head, SIP_DATAGRAM, &message, &used, &offset) != SCAN_OK)
		return;
	const struct sip_via *via = sip_message_via(message, 0);
	struct sip_message *request = message->is_request && via ? complete_via(message, via, &source) : NULL;
	if (request && is_too_long(message))
		transport_answer(flow->transport, request, &source, 513, NULL, 0);
	else if (request)
		transport_answer(flow->transport, request, &source, 400, "No usable Content-Length", 0);
	sip_message_unref(request);
	sip_message_unref(message);
}

/* RFC 5626 keep-alives and what else phones send to hold a NAT binding open: CRLFs, blanks, zero bytes. */
static struct slice skip_keep_alive(struct slice bytes)
{
	while (bytes.n && strchr("\r\n \t", bytes.p[0])) /* NUL is found as well, as the end of the string */
		bytes = slice_from(bytes, 1);
	return bytes;
}

/* Some of it, so that one sees what comes; not all, or a flood would push everything else out of the trace. */
static bool garbage_is_shown(struct transport *transport)
{
	int64_t now = transport->world.timers->now_us;

	if (now - transport->garbage_since_us >= SECOND_US) {
		transport->garbage_since_us = now;
		transport->garbage_count = 0;
	}
	return transport->garbage_count++ < GARBAGE_SHOWN;
}

void transport_waited(struct transport *transport, int64_t us)
{
	int64_t now_us = transport->world.timers->now_us;

	if (us > LATE_US && !transport->late)
		transport->late_since_us = now_us;
	transport->late = us > LATE_US;
	transport->overloaded = transport->late && now_us - transport->late_since_us >= LATE_US;
}

void transport_datagram(struct transport *transport, const struct address *local, const struct address *remote,
			struct slice bytes)
{
	struct sip_source source = {
		.protocol = SIP_UDP, .remote = *remote, .local = *local, .overloaded = transport->overloaded
	};
	struct sip_message *message;
	size_t used, offset;

	if (stun_is(bytes)) {
		transport->counters.keep_alives++;
		keep_alive__stun(transport, local, remote, bytes);
		return;
	}
	bytes = skip_keep_alive(bytes);
	if (!bytes.n) {
		transport->counters.keep_alives++;
		return;
	}
	if (bytes.n > SIP_MESSAGE_MAX ||
	    sip_message_parse(bytes, SIP_DATAGRAM, &message, &used, &offset) != SCAN_OK) {
		transport->counters.garbage++;
		if (bytes.n <= SIP_MESSAGE_MAX && garbage_is_shown(transport))
			transport__trace(transport, false, SIP_UDP, local, remote, bytes);
		return;
	}
	transport__trace(transport, false, SIP_UDP, local, remote, bytes);
	transport__receive(transport, message, &source);
	sip_message_unref(message);
}
