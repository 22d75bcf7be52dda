/* A transport whose handlers write down what they are told: what the tests of this folder share. */
#pragma once

#include "tests/unit/unit.h"

#include "tests/unit/sip/fake_net.h"

struct recorder {
	struct fake_net net;
	struct transport *transport;
	unsigned requests, responses, failures, wires;
	struct sip_message *last;      /* request or response, one reference */
	struct sip_source source;
	enum sip_protocol failed_protocol;
	struct address failed_remote;
	uint64_t failed_flow_id;
	enum err failed_err;
	bool wire_sent;
};

static void record_message(struct recorder *recorder, struct sip_message *message, const struct sip_source *source)
{
	sip_message_unref(recorder->last);
	recorder->last = sip_message_ref(message);
	recorder->source = *source;
}

static void record_request(void *arg, struct sip_message *request, const struct sip_source *source)
{
	struct recorder *recorder = arg;

	recorder->requests++;
	record_message(recorder, request, source);
}

static void record_response(void *arg, struct sip_message *response, const struct sip_source *source)
{
	struct recorder *recorder = arg;

	recorder->responses++;
	record_message(recorder, response, source);
}

static void record_failed(void *arg, enum sip_protocol protocol, const struct address *remote, uint64_t flow_id,
			  enum err err)
{
	struct recorder *recorder = arg;

	recorder->failures++;
	recorder->failed_protocol = protocol;
	recorder->failed_remote = *remote;
	recorder->failed_flow_id = flow_id;
	recorder->failed_err = err;
}

static void record_wire(void *arg, const struct sip_wire *wire)
{
	struct recorder *recorder = arg;

	recorder->wires++;
	recorder->wire_sent = wire->sent;
}

static inline int recorder_setup(void **state)
{
	struct recorder *recorder = calloc(1, sizeof *recorder);
	struct transport_handlers handlers = {
		.request = record_request,
		.response = record_response,
		.failed = record_failed,
		.wire = record_wire,
		.arg = recorder,
	};

	fake_net_init(&recorder->net, 7);
	recorder->transport = transport_new(&recorder->net.world, &handlers);
	fake_net_attach(&recorder->net, recorder->transport);
	*state = recorder;
	return 0;
}

static inline int recorder_teardown(void **state)
{
	struct recorder *recorder = *state;

	sip_message_unref(recorder->last);
	transport_free(recorder->transport);
	fake_net_fini(&recorder->net);
	free(recorder);
	return 0;
}

/* A request with this method and Via value (and whatever lines follow it), with an empty body. */
static inline char *request_text(const char *method, const char *via)
{
	char *text;

	if (asprintf(&text,
		     "%s sip:alice@192.0.2.1 SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\nFrom: "
		     "<sip:bob@example.net>;tag=f1\r\n"
		     "To: <sip:alice@192.0.2.1>\r\nCall-ID: c1@example.net\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		     method, via, method) < 0)
		abort();
	return text;
}

static inline struct sip_message *parse_text(const char *text)
{
	struct sip_message *message = NULL;
	size_t used, offset;

	assert_int_equal(sip_message_parse(slice_of(text), SIP_DATAGRAM, &message, &used, &offset), SCAN_OK);
	return message;
}

/* A finished request of ours to this target. */
static inline struct sip_message *our_request(struct recorder *recorder, const struct sip_target *target,
					      size_t body_bytes)
{
	char via[256], sent_by[ADDRESS_TEXT], *body = malloc(body_bytes + 1);
	struct sip_draft *draft = sip_draft_request(SLICE("OPTIONS"), SLICE("sip:bob@example.net"));

	memset(body, 'x', body_bytes);
	assert_true(transport_sent_by(recorder->transport, target, sent_by));
	snprintf(via, sizeof via, "SIP/2.0/%.*s %s;branch=z9hG4bKours;rport",
		 SLICE_ARG(sip_protocol_name(target->protocol)), sent_by);
	sip_draft_add(draft, SIP_HEADER_FROM, "<sip:alice@example.org>;tag=a");
	sip_draft_add(draft, SIP_HEADER_TO, "<sip:bob@example.net>");
	sip_draft_add(draft, SIP_HEADER_CALL_ID, "ours");
	sip_draft_add(draft, SIP_HEADER_CSEQ, "1 OPTIONS");
	if (body_bytes)
		sip_draft_body(draft, SLICE("text/plain"), slice_make(body, body_bytes));
	struct sip_message *message = sip_draft_finish(draft, slice_of(via));
	sip_draft_free(draft);
	free(body);
	return message;
}

static inline void assert_slice(struct slice actual, const char *expected)
{
	char *text = slice_dup(actual);

	assert_string_equal(text, expected);
	free(text);
}

static inline void assert_address(const struct address *actual, const char *expected)
{
	char text[ADDRESS_TEXT];

	assert_string_equal(address_print(actual, text), expected);
}
