/*
 * Is a message good enough to act on? Strict where RFC 4475 calls a message invalid, lenient where it calls it valid.
 * What needs a decision of the user agent is not asked here: 416 for a scheme, 420 for an extension, 405 or 501 for a
 * method, 482, 415.
 */
#include "sip/syntax/typed.h"

#define FAULT(status, text) ((struct sip_fault){ status, text })
static const struct sip_fault no_fault = { 0, NULL };

static struct sip_fault check_start_line(const struct sip_message *message)
{
	const struct sip_message_typed *typed = message->typed;

	if (!slice_ieq(message->version, SLICE("SIP/2.0")))
		return FAULT(505, "Version Not Supported");
	if (typed->fault)
		return FAULT(typed->fault_status, typed->fault);
	if (!message->is_request)
		return no_fault;
	const struct sip_uri *uri = sip_message_request_uri(message);
	if (!uri)
		return FAULT(400, "Malformed Request-URI");
	/* 19.1.1: no headers in a Request-URI; they would become header lines further on (RFC 4475 3.1.2.11). */
	if (uri->headers.n)
		return FAULT(400, "Header fields in the Request-URI");
	return no_fault;
}

static struct sip_fault check_cseq(const struct sip_message *message)
{
	const struct sip_cseq *cseq = sip_message_cseq(message);

	if (!message->typed->first[SIP_HEADER_CSEQ])
		return FAULT(400, "Missing CSeq");
	if (!cseq)
		return FAULT(400, "Malformed CSeq");
	/* 8.1.1.5: less than 2**31. Believing a larger one would leave its sender nothing to count on to. */
	if (message->is_request && cseq->number > INT32_MAX)
		return FAULT(400, "CSeq number too large");
	/* An unknown method gets 501 from the user agent whatever its CSeq says (RFC 4475 3.1.2.18). */
	if (message->is_request && message->method != SIP_METHOD_OTHER && cseq->method != message->method)
		return FAULT(400, "CSeq method differs from the request");
	return no_fault;
}

/* The fields without which nothing can be answered or matched (8.1.1). */
static struct sip_fault check_mandatory(const struct sip_message *message)
{
	const uint16_t *first = message->typed->first;

	if (!first[SIP_HEADER_VIA])
		return FAULT(400, "Missing Via");
	if (sip_message_vias(message)->bad)
		return FAULT(400, "Malformed Via");
	if (!first[SIP_HEADER_FROM])
		return FAULT(400, "Missing From");
	if (!sip_message_from(message))
		return FAULT(400, "Malformed From");
	if (!first[SIP_HEADER_TO])
		return FAULT(400, "Missing To");
	if (!sip_message_to(message))
		return FAULT(400, "Malformed To");
	if (!first[SIP_HEADER_CALL_ID])
		return FAULT(400, "Missing Call-ID");
	if (!sip_value_check(SIP_VALUE_CALL_ID, sip_message_call_id(message)))
		return FAULT(400, "Malformed Call-ID");
	return check_cseq(message);
}

static struct sip_fault check_repeated(const struct sip_message *message)
{
	switch (message->typed->repeated) {
	case SIP_HEADER_OTHER: return no_fault;
	case SIP_HEADER_FROM: return FAULT(400, "More than one From");
	case SIP_HEADER_TO: return FAULT(400, "More than one To");
	case SIP_HEADER_CALL_ID: return FAULT(400, "More than one Call-ID");
	case SIP_HEADER_CSEQ: return FAULT(400, "More than one CSeq");
	case SIP_HEADER_MAX_FORWARDS: return FAULT(400, "More than one Max-Forwards");
	default:
		/* A response is more than a stray line in it: the first one counts. */
		return message->is_request ? FAULT(400, "Repeated header field that has one value") : no_fault;
	}
}

static struct sip_fault check_length(const struct sip_message *message)
{
	const struct sip_message_typed *typed = message->typed;

	switch (typed->length_state) {
	case LENGTH_BAD: return FAULT(400, "Malformed Content-Length");
	case LENGTH_CLASH: return FAULT(400, "Contradictory Content-Length");
	case LENGTH_GOOD:
		if (typed->length > message->body.n)
			return FAULT(400, "Content-Length larger than the message");
		return no_fault;
	default: return no_fault;
	}
}

/* Contact: the "*" must be alone (10.2.2), and has a meaning only in REGISTER. */
static bool contact_is_good(const struct sip_message *message)
{
	const struct sip_address_list *list = sip_message_addresses(message, SIP_HEADER_CONTACT);

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].star && (list->count > 1 || message->method != SIP_REGISTER))
			return false;
	return !list->bad;
}

static bool all_values_good(const struct sip_message *message, enum sip_header_id id)
{
	enum sip_value_type type = sip_header_type(id);
	struct sip_values values;
	struct slice value;

	if (type == SIP_VALUE_ADDRESS)
		return !sip_message_addresses(message, id)->bad;
	sip_values_begin(&values, message, id);
	while (sip_values_next(&values, &value))
		if (!sip_value_check(type, value))
			return false;
	return sip_header_is_list(id) || sip_message_value(message, id).n;
}

/*
 * Fields that a user agent acts on in a request: a malformed one is answered 400, because acting on half of it would be
 * worse. Everything else that is malformed is treated as absent: Date, Expires, Warning, Subject ... (RFC 4475 3.1.2.4,
 * 3.1.2.12); so is every field in a request where it has no place (RFC 3261 20), which nobody acts on.
 */
static struct sip_fault check_acted_on(const struct sip_message *message)
{
	static const struct {
		enum sip_header_id id;
		const char *text;
	} fields[] = {
		{ SIP_HEADER_ROUTE, "Malformed Route" },
		{ SIP_HEADER_RECORD_ROUTE, "Malformed Record-Route" },
		{ SIP_HEADER_CONTENT_TYPE, "Malformed Content-Type" },
		{ SIP_HEADER_CONTENT_ENCODING, "Malformed Content-Encoding" },
		{ SIP_HEADER_REQUIRE, "Malformed Require" },
		{ SIP_HEADER_PROXY_REQUIRE, "Malformed Proxy-Require" },
		{ SIP_HEADER_RACK, "Malformed RAck" },
		{ SIP_HEADER_REFER_TO, "Malformed Refer-To" },
		{ SIP_HEADER_REPLACES, "Malformed Replaces" },
		{ SIP_HEADER_EVENT, "Malformed Event" },
		{ SIP_HEADER_SUBSCRIPTION_STATE, "Malformed Subscription-State" },
	};
	const uint16_t *first = message->typed->first;

	if (first[SIP_HEADER_CONTACT] && !contact_is_good(message) &&
	    sip_message_has_place(message, SIP_HEADER_CONTACT))
		return FAULT(400, "Malformed Contact");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (first[fields[i].id] && !all_values_good(message, fields[i].id) &&
		    sip_message_has_place(message, fields[i].id))
			return FAULT(400, fields[i].text);
	return no_fault;
}

static struct sip_fault check_max_forwards(const struct sip_message *message)
{
	uint32_t hops;

	if (!message->typed->first[SIP_HEADER_MAX_FORWARDS])
		return no_fault;
	if (!sip_number_parse(sip_message_value(message, SIP_HEADER_MAX_FORWARDS), &hops) || hops > 255)
		return FAULT(400, "Malformed Max-Forwards");
	return no_fault;
}

struct sip_fault sip_message_check(const struct sip_message *message)
{
	struct sip_fault (*const checks[])(const struct sip_message *) = {
		check_start_line, check_repeated, check_mandatory, check_length, check_max_forwards, check_acted_on,
	};
	size_t count = message->is_request ? ARRAY_LEN(checks) : ARRAY_LEN(checks) - 2;

	for (size_t i = 0; i < count; i++) {
		struct sip_fault fault = checks[i](message);
		if (fault.status)
			return fault;
	}
	return no_fault;
}
