/* Transactions whose user writes down what it is told: what the tests of this folder share. */
#pragma once

#include "base/xmalloc.h"
#include "tests/unit/unit.h"

#include "sip/transaction/transaction.h"
#include "tests/unit/sip/fake_net.h"

#define PEER "198.51.100.7:5060"
#define T1 (500 * MS_US)

struct recorder {
	struct fake_net net;
	struct transactions *transactions;
	char log[512];                 /* one word an event: "100 180 200 gone", "INVITE ack cancel gone:timeout" */
	struct server_transaction *st; /* of the last request */
	struct client_transaction *ct;
	struct sip_message *last;      /* the last message passed up, one reference */
	struct sip_source source;
	unsigned answer_at_once;       /* status with which requests are answered inside their handler; 0: not */
	unsigned wires;
};

static void note(struct recorder *recorder, const char *word, enum err err)
{
	size_t n = strlen(recorder->log);

	snprintf(recorder->log + n, sizeof recorder->log - n, "%s%s%s%s", n ? " " : "", word, err ? ":" : "",
		 err ? err_name(err) : "");
}

static void keep_last(struct recorder *recorder, struct sip_message *message)
{
	sip_message_unref(recorder->last);
	recorder->last = message ? sip_message_ref(message) : NULL;
}

static inline enum err respond(struct recorder *recorder, struct server_transaction *st, unsigned status)
{
	struct sip_draft *draft =
		sip_draft_response(recorder->last, status, slice_of(""), status > 100 ? SLICE("ours") : slice_of(""));
	enum err err = transaction_respond(st, draft);

	sip_draft_free(draft);
	return err;
}

static void on_request(void *arg, struct server_transaction *st, struct sip_message *request,
		       const struct sip_source *source)
{
	struct recorder *recorder = arg;
	char method[32];

	recorder->st = st;
	recorder->source = *source;
	keep_last(recorder, request);
	snprintf(method, sizeof method, "%.*s", SLICE_ARG(request->method_name));
	note(recorder, method, ERR_NONE);
	if (recorder->answer_at_once)
		assert_int_equal(respond(recorder, st, recorder->answer_at_once), ERR_NONE);
}

static void on_ack(void *arg, struct sip_message *ack, const struct sip_source *source)
{
	(void)source;
	keep_last(arg, ack);
	note(arg, "ack", ERR_NONE);
}

static void on_cancel(void *arg, struct server_transaction *st, struct sip_message *cancel)
{
	struct recorder *recorder = arg;

	assert_ptr_equal(st, recorder->st);
	assert_int_equal(cancel->method, SIP_CANCEL);
	note(recorder, "cancel", ERR_NONE);
}

static void on_stray(void *arg, struct sip_message *response, const struct sip_source *source)
{
	(void)source;
	keep_last(arg, response);
	note(arg, "stray", ERR_NONE);
}

static void on_gone(void *arg, struct server_transaction *st, enum err err)
{
	struct recorder *recorder = arg;

	note(recorder, "gone", err);
	if (recorder->st == st)
		recorder->st = NULL;
}

static void on_wire(void *arg, const struct sip_wire *wire)
{
	struct recorder *recorder = arg;

	assert_true(wire->bytes.n > 0);
	recorder->wires++;
}

static void on_client(void *arg, struct client_transaction *ct, enum client_event event, struct sip_message *response,
		      enum err err)
{
	struct recorder *recorder = arg;
	char status[16];

	switch (event) {
	case CLIENT_RESPONSE:
		keep_last(recorder, response);
		snprintf(status, sizeof status, "%u", response->status);
		note(recorder, status, err);
		break;
	case CLIENT_TIMEOUT:
		note(recorder, "timeout", ERR_NONE);
		break;
	case CLIENT_TRANSPORT_ERROR:
		note(recorder, "error", err);
		break;
	case CLIENT_GONE:
		note(recorder, "gone", err);
		if (recorder->ct == ct)
			recorder->ct = NULL;
		break;
	}
}

static inline int recorder_setup(void **state)
{
	struct recorder *recorder = calloc(1, sizeof *recorder);
	struct transaction_handlers handlers = {
		.request = on_request,
		.ack = on_ack,
		.cancel = on_cancel,
		.stray_2xx = on_stray,
		.server_gone = on_gone,
		.wire = on_wire,
		.arg = recorder,
	};

	fake_net_init(&recorder->net, 11);
	recorder->transactions = transactions_new(&recorder->net.world, &handlers);
	fake_net_attach(&recorder->net, transactions_transport(recorder->transactions));
	*state = recorder;
	return 0;
}

static inline int recorder_teardown(void **state)
{
	struct recorder *recorder = *state;

	sip_message_unref(recorder->last);
	transactions_free(recorder->transactions);
	fake_net_fini(&recorder->net);
	free(recorder);
	return 0;
}

/* What the user was told since the last call. */
static inline void expect_log(struct recorder *recorder, const char *expected)
{
	assert_string_equal(recorder->log, expected);
	recorder->log[0] = '\0';
}

static inline struct sip_draft *draft_request(const char *method)
{
	struct sip_draft *draft = sip_draft_request(slice_of(method), SLICE("sip:bob@example.net;x=y"));

	sip_draft_add(draft, SIP_HEADER_ROUTE, "<sip:p1.example.net;lr>, <sip:p2.example.net;lr>");
	sip_draft_add(draft, SIP_HEADER_MAX_FORWARDS, "70");
	sip_draft_add(draft, SIP_HEADER_FROM, "\"A\" <sip:alice@example.org>;tag=a1");
	sip_draft_add(draft, SIP_HEADER_TO, "<sip:bob@example.net>");
	sip_draft_add(draft, SIP_HEADER_CALL_ID, "call-1");
	sip_draft_add(draft, SIP_HEADER_CSEQ, "4711 %s", method);
	return draft;
}

/* Start a client transaction; its request is taken from the network and returned, NULL while a connection opens. */
static inline struct fake_packet *start(struct recorder *recorder, const char *method, const char *target_text)
{
	struct sip_target target = fake_target(target_text);
	struct sip_draft *draft = draft_request(method);
	enum err err;

	recorder->ct = transaction_start(recorder->transactions, draft, &target, on_client, recorder, &err);
	sip_draft_free(draft);
	assert_non_null(recorder->ct);
	fake_net_pass(&recorder->net, 0);
	return fake_net_take(&recorder->net);
}

/* A request from the peer: Via and To as given, the rest fixed. */
static inline char *request_text(const char *method, const char *via, const char *to, unsigned cseq)
{
	return xasprintf("%s sip:alice@192.0.2.1 SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\nFrom: "
			 "<sip:bob@example.net>;tag=f1\r\n"
			 "To: %s\r\nCall-ID: c1\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
			 method, via, to, cseq, method);
}

#define TO "<sip:alice@192.0.2.1>"
#define VIA "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKpeer1"

static inline void receive_from(struct recorder *recorder, const char *method, const char *via, const char *to,
				unsigned cseq)
{
	char *text = request_text(method, via, to, cseq);

	fake_net_datagram(&recorder->net, PEER, text);
	free(text);
}

static inline void receive(struct recorder *recorder, const char *method)
{
	receive_from(recorder, method, VIA, TO, 1);
}

/* Take the next packet: it must be this, sent `after_us` after `since_us`. */
static inline struct fake_packet *expect_packet(struct recorder *recorder, const char *what, int64_t since_us,
						int64_t after_us)
{
	struct fake_packet *packet = fake_net_take(&recorder->net);

	assert_non_null(packet);
	assert_true(fake_packet_is(packet, what));
	assert_int_equal(packet->sent_us - since_us, after_us);
	return packet;
}

static inline void expect_silence(struct recorder *recorder)
{
	assert_int_equal(fake_net_waiting(&recorder->net), 0);
}

static inline void assert_slice(struct slice actual, const char *expected)
{
	char *text = slice_dup(actual);

	assert_string_equal(text, expected);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, recorder_setup, recorder_teardown)
