/* Finding header lines and the values of list fields by the index that parsing left. */
#include "sip/syntax/typed.h"

const struct sip_header *sip_message_header(const struct sip_message *message, enum sip_header_id id, size_t nth)
{
	size_t first = message->typed->first[id];

	if (!first)
		return NULL;
	for (size_t i = first - 1; i < message->typed->last[id]; i++)
		if (message->headers[i].id == id && nth-- == 0)
			return &message->headers[i];
	return NULL;
}

struct slice sip_message_value(const struct sip_message *message, enum sip_header_id id)
{
	size_t first = message->typed->first[id];

	return first ? message->headers[first - 1].value : (struct slice){ NULL, 0 };
}

const struct sip_header *sip_message_header_named(const struct sip_message *message, struct slice name, size_t nth)
{
	enum sip_header_id id = sip_header_find(name);

	if (id != SIP_HEADER_OTHER)
		return sip_message_header(message, id, nth);
	for (size_t i = 0; i < message->header_count; i++)
		if (slice_ieq(message->headers[i].name, name) && nth-- == 0)
			return &message->headers[i];
	return NULL;
}

void sip_values_begin(struct sip_values *values, const struct sip_message *message, enum sip_header_id id)
{
	size_t first = message->typed->first[id];

	*values = (struct sip_values){ message, id, first ? first - 1 : message->header_count, { NULL, 0 } };
}

/* The next value of values->rest, which is not empty. */
static struct slice cut_value(struct sip_values *values)
{
	struct slice *rest = &values->rest, value = *rest;

	if (sip_header_form(values->id) != SIP_FORM_LIST) {
		*rest = (struct slice){ NULL, 0 };
		return value;
	}
	/* The characters of Call-IDs have no grouping meaning (RFC 4475 3.1.1.2). */
	if (sip_header_type(values->id) == SIP_VALUE_CALL_ID)
		return slice_trim(slice_cut(rest, ','));
	const char *end = rest->p + rest->n, *comma = scan_element(rest->p, end);
	value = scan_slice(rest->p, comma);
	*rest = comma < end ? scan_slice(comma + 1, end) : (struct slice){ NULL, 0 };
	return slice_trim(value);
}

bool sip_values_next(struct sip_values *values, struct slice *value)
{
	const struct sip_message *message = values->message;

	for (;;) {
		while (values->rest.n) {
			*value = cut_value(values);
			if (value->n)
				return true;
		}
		while (values->line < message->header_count && message->headers[values->line].id != values->id)
			values->line++;
		if (values->line == message->header_count)
			return false;
		values->rest = message->headers[values->line++].value;
	}
}

bool sip_message_has_place(const struct sip_message *message, enum sip_header_id id)
{
	const struct sip_cseq *cseq = message->is_request ? NULL : sip_message_cseq(message);
	enum sip_method method = message->is_request ? message->method : cseq ? cseq->method : SIP_METHOD_OTHER;

	return sip_header_presence(id, method, message->is_request ? 0 : message->status) != '-';
}

bool sip_message_lists(const struct sip_message *message, enum sip_header_id id, struct slice token)
{
	struct sip_values values;
	struct slice value;

	sip_values_begin(&values, message, id);
	while (sip_values_next(&values, &value))
		if (slice_ieq(value, token))
			return true;
	return false;
}
