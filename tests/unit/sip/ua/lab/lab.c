#include "tests/unit/sip/ua/lab/lab.h"

#include "base/xmalloc.h"

/* ---- handlers ---- */

static void note(struct lab *lab, const char *format, ...) PRINTF_LIKE(2, 3);
static void note(struct lab *lab, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(&lab->said, format, args);
	va_end(args);
	buf_add_char(&lab->said, '|');
}

static void keep(struct lab *lab, const struct outcome *outcome)
{
	lab->last = *outcome;
	lab->last.response = NULL;
	lab->last.reason = slice_of(NULL);
}

static void on_provisional(void *arg, struct session *session, int leg, struct sip_message *response)
{
	struct lab *lab = arg;

	note(lab, "provisional %d %u", leg, response->status);
	if (lab->hang_up_in_handler)
		session_hangup(session, slice_of(NULL));
}

static void on_answered(void *arg, struct session *session, int leg, struct sip_message *message)
{
	const struct sip_message *success = session_is_caller(session) ? message : session_last_sent(session);

	assert_true(session_is_caller(session) == (message != NULL));
	assert_non_null(success);
	note(arg, "answered %d %u", leg, success->status);
}

static void on_acknowledged(void *arg, struct session *session)
{
	(void)session;
	note(arg, "acknowledged");
}

static void on_failed(void *arg, struct session *session, const struct outcome *outcome)
{
	struct lab *lab = arg;

	keep(lab, outcome);
	note(lab, "failed %u %s", outcome->status, cause_name(outcome->cause));
	if (lab->session == session)
		lab->session = NULL;
}

static void on_ended(void *arg, struct session *session, const struct outcome *outcome, bool by_peer,
		     struct sip_message *request)
{
	struct lab *lab = arg;

	keep(lab, outcome);
	assert_true(by_peer == (request != NULL));
	note(lab, "ended %s %u %s", by_peer ? "peer" : "us", outcome->status, cause_name(outcome->cause));
	if (lab->session == session)
		lab->session = NULL;
}

static unsigned on_offer(void *arg, struct session *session, int leg, const struct sip_message *message,
			 struct buf *answer)
{
	struct lab *lab = arg;

	(void)session;
	note(lab, "offer %d %.*s", leg, SLICE_ARG(message->body));
	if (!lab->offer_status)
		buf_add(answer, slice_of(lab->our_answer));
	return lab->offer_status;
}

static void on_refuse(void *arg, struct session *session, const struct sip_message *message, struct buf *answer)
{
	(void)arg;
	(void)session;
	assert_non_null(message);
	assert_int_equal(answer->n, 0);
	buf_add(answer, SLICE("none"));
}

static bool on_answer(void *arg, struct session *session, int leg, const struct sip_message *message, bool final)
{
	struct lab *lab = arg;

	(void)session;
	note(lab, "answer %d %.*s%s", leg, SLICE_ARG(message->body), final ? "" : " early");
	return !lab->refuse_answer;
}

static void on_make_offer(void *arg, struct session *session, int leg, struct buf *offer)
{
	struct lab *lab = arg;

	(void)session;
	(void)leg;
	note(lab, "make");
	buf_add(offer, slice_of(lab->our_offer));
}

static void on_reinvited(void *arg, struct session *session, const struct outcome *outcome)
{
	(void)session;
	keep(arg, outcome);
	note(arg, "reinvited %u", outcome->status);
}

static void on_offer_lost(void *arg, struct session *session)
{
	(void)session;
	note(arg, "offer lost");
}

static void on_peer_reinvited(void *arg, struct session *session, struct sip_message *request)
{
	(void)session;
	assert_non_null(request);
	note(arg, "peer reinvited");
}

static void on_updated(void *arg, struct session *session, const struct outcome *outcome)
{
	(void)session;
	keep(arg, outcome);
	note(arg, "updated %u", outcome->status);
}

static void on_peer_updated(void *arg, struct session *session, struct sip_message *request)
{
	(void)session;
	assert_non_null(request);
	note(arg, "peer updated");
}

static void on_refreshed(void *arg, struct session *session, struct slice method, const struct outcome *outcome)
{
	(void)session;
	note(arg, "refreshed %.*s %u", SLICE_ARG(method), outcome->status);
}

static unsigned on_session_request(void *arg, struct session *session, struct server_transaction *st,
				   struct sip_message *request)
{
	struct lab *lab = arg;

	(void)session;
	(void)st;
	note(lab, "request %.*s", SLICE_ARG(request->method_name));
	return lab->request_status;
}

static void on_incoming(void *arg, struct session *session, struct sip_message *invite, const struct sip_source *source)
{
	struct lab *lab = arg;

	assert_non_null(source);
	lab->session = session;
	session_set_handlers(session, &lab->session_handlers);
	note(lab, "incoming %.*s", SLICE_ARG(session_peer(session)->uri.user));
	assert_int_equal(invite->method, SIP_INVITE);
	if (lab->answer_at_once)
		assert_int_equal(session_answer(session), ERR_NONE);
	if (lab->reject_at_once)
		assert_int_equal(session_reject(session, 486, slice_of(NULL), slice_of(NULL)), ERR_NONE);
}

static unsigned on_accept(void *arg, const struct sip_message *request, const struct sip_source *source)
{
	(void)request;
	(void)source;
	return ((struct lab *)arg)->accept_status;
}

static void on_capabilities(void *arg, struct buf *body, struct slice *type)
{
	(void)arg;
	buf_add(body, SLICE("caps"));
	*type = SLICE("application/sdp");
}

/* ---- the bench ---- */

void lab_init(struct lab *lab)
{
	memset(lab, 0, sizeof *lab);
	fake_net_init(&lab->net, 7);
	buf_init(&lab->said, 1 << 16);
	lab->our_answer = "a1";
	lab->our_offer = "o9";
	lab->alice = (struct identity){ .uri = "sip:alice@192.0.2.1", .display = "Alice" };
	lab->session_handlers =
		(struct session_handlers){ on_provisional, on_answered,       on_acknowledged,    on_failed,
					   on_ended,       on_offer,          on_answer,          on_make_offer,
					   on_reinvited,   on_peer_reinvited, on_updated,         on_peer_updated,
					   on_refreshed,   on_session_request, lab,                NULL,
					   on_offer_lost,  NULL,              on_refuse };
	struct ua_handlers handlers = {
		.incoming = on_incoming, .accept = on_accept, .capabilities = on_capabilities, .arg = lab
	};
	lab->ua = ua_new(&lab->net.world, &handlers);
	snprintf(ua_settings(lab->ua)->user_agent, sizeof ua_settings(lab->ua)->user_agent, "offhook/test");
	fake_net_attach(&lab->net, transactions_transport(ua_transactions(lab->ua)));
}

void lab_fini(struct lab *lab)
{
	ua_free(lab->ua);
	fake_net_fini(&lab->net);
	buf_fini(&lab->said);
}

int lab_setup(void **state)
{
	struct lab *lab = xcalloc(1, sizeof *lab);

	lab_init(lab);
	*state = lab;
	return 0;
}

int lab_teardown(void **state)
{
	lab_fini(*state);
	free(*state);
	return 0;
}

void lab_pass(struct lab *lab, int64_t us)
{
	fake_net_pass(&lab->net, us);
	ua_sweep(lab->ua);
}

struct fake_packet *lab_take(struct lab *lab, const char *what)
{
	struct fake_packet *packet;

	lab_pass(lab, 0);
	do
		packet = fake_net_take(&lab->net);
	while (packet && (!packet->message || (packet->message->status == 100 && strcmp(what, "100") != 0)));
	if (!fake_packet_is(packet, what))
		fail_msg("%s was awaited, but this was sent: %s", what, packet ? packet->bytes : "nothing");
	return packet;
}

void lab_quiet(struct lab *lab)
{
	struct fake_packet *packet;

	lab_pass(lab, 0);
	while ((packet = fake_net_take(&lab->net)) != NULL)
		if (packet->message && packet->message->status != 100)
			fail_msg("silence was awaited, but this was sent: %s", packet->bytes);
}

void lab_said(struct lab *lab, const char *words)
{
	lab_pass(lab, 0);
	assert_string_equal(buf_text(&lab->said), words);
	buf_clear(&lab->said);
}

void lab_answer(struct lab *lab, const struct fake_packet *request, unsigned status, const char *tag, const char *lines,
		const char *body)
{
	fake_net_answer(&lab->net, request, status, tag, lines, body);
	ua_sweep(lab->ua);
}

static bool holds(const struct fake_packet *packet, enum sip_header_id id, const char *text)
{
	for (size_t i = 0;; i++) {
		struct slice value = fake_packet_value(packet, id, i);
		if (slice_find_slice(value, slice_of(text)) < value.n)
			return true;
		if (!sip_message_header(packet->message, id, i))
			return false;
	}
}

void lab_has(const struct fake_packet *packet, enum sip_header_id id, const char *text)
{
	if (!holds(packet, id, text))
		fail_msg("no %.*s with '%s' in %s", SLICE_ARG(sip_header_name(id)), text, packet->bytes);
}

void lab_has_not(const struct fake_packet *packet, enum sip_header_id id, const char *text)
{
	if (holds(packet, id, text))
		fail_msg("%.*s with '%s' in %s", SLICE_ARG(sip_header_name(id)), text, packet->bytes);
}

static void equal(struct slice value, const char *text)
{
	char *copy = slice_dup(value);

	assert_string_equal(copy, text);
	free(copy);
}

void lab_value(const struct fake_packet *packet, enum sip_header_id id, const char *text)
{
	equal(fake_packet_value(packet, id, 0), text);
}

void lab_uri(const struct fake_packet *packet, const char *text)
{
	equal(packet->message->request_uri, text);
}

void lab_body(const struct fake_packet *packet, const char *text)
{
	equal(packet->message->body, text);
}

void lab_to(const struct fake_packet *packet, const char *remote)
{
	char text[ADDRESS_TEXT];

	assert_string_equal(address_print(&packet->remote, text), remote);
}

unsigned lab_cseq(const struct fake_packet *packet)
{
	return sip_message_cseq(packet->message)->number;
}

struct session *lab_call(struct lab *lab, const char *target, const char *offer)
{
	struct call_config config = { .identity = &lab->alice,
				      .target = slice_of(target ? target : "sip:bob@192.0.2.9"),
				      .offer = slice_of(offer),
				      .handlers = lab->session_handlers };
	enum err err;

	lab->session = session_call(lab->ua, &config, &err);
	assert_non_null(lab->session);
	assert_int_equal(err, ERR_NONE);
	return lab->session;
}

struct fake_packet *lab_call_up(struct lab *lab)
{
	lab_call(lab, NULL, "o1");
	struct fake_packet *invite = lab_take(lab, "INVITE");
	lab_answer(lab, invite, 200, "b", BOB_CONTACT SDP_LINES, "a1");
	lab_take(lab, "ACK");
	lab_said(lab, "answer 0 a1|answered 0 200|");
	return invite;
}

void lab_request_text(struct lab *lab, const char *text)
{
	fake_net_datagram(&lab->net, "192.0.2.9:5060", text);
	ua_sweep(lab->ua);
}

void lab_request(struct lab *lab, const char *method, const char *name, unsigned cseq, bool in_dialog,
		 const char *lines, const char *body)
{
	bool same = strcmp(method, "CANCEL") == 0;
	char *text = xasprintf("%s sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
			       "192.0.2.9:5060;branch=z9hG4bK%s%s%u\r\nMax-Forwards: 70\r\n"
			       "From: Bob <sip:bob@192.0.2.9>;tag=b\r\nTo: <sip:alice@192.0.2.1>%s%s\r\nCall-ID: "
			       "%s\r\nCSeq: %u %s\r\n" BOB_CONTACT "%sContent-Length: %zu\r\n\r\n%s",
			       method, name, same ? "INVITE" : method, cseq, in_dialog ? ";tag=" : "",
			       in_dialog ? lab->invite_tag : "", name, cseq, method, lines, strlen(body), body);

	lab_request_text(lab, text);
	free(text);
}

static void keep_tag(struct lab *lab, const struct fake_packet *response)
{
	struct slice tag = sip_message_to(response->message)->tag;

	assert_true(tag.n > 0);
	snprintf(lab->invite_tag, sizeof lab->invite_tag, "%.*s", SLICE_ARG(tag));
}

struct fake_packet *lab_called(struct lab *lab)
{
	lab_request(lab, "INVITE", "c1", 1, false, SDP_LINES, "o1");
	lab_take(lab, "100");
	lab_said(lab, "incoming bob|");
	assert_int_equal(session_answer(lab->session), ERR_NONE);
	struct fake_packet *ok = lab_take(lab, "200");
	keep_tag(lab, ok);
	lab_said(lab, "offer 0 o1|answered 0 200|");
	return ok;
}

void lab_called_up(struct lab *lab)
{
	lab_called(lab);
	lab_ack(lab, 1, "", "");
	lab_said(lab, "acknowledged|");
}

void lab_ack(struct lab *lab, unsigned cseq, const char *lines, const char *body)
{
	lab_request(lab, "ACK", "c1", cseq, true, lines, body);
}

void lab_cancel(struct lab *lab, unsigned cseq)
{
	lab_request(lab, "CANCEL", "c1", cseq, false, "", "");
}

void lab_inside(struct lab *lab, const struct fake_packet *invite, const char *method, unsigned cseq, const char *lines,
		const char *body)
{
	char *text = xasprintf("%s sip:alice@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP "
			       "192.0.2.9;branch=z9hG4bKi%s%u\r\nMax-Forwards: 70\r\n"
			       "From: <sip:bob@192.0.2.9>;tag=b\r\nTo: %.*s\r\nCall-ID: %.*s\r\nCSeq: %u %s\r\n"
			       "Contact: <sip:bob@192.0.2.7>\r\n%sContent-Length: %zu\r\n\r\n%s",
			       method, strcmp(method, "ACK") ? method : "INVITE", cseq,
			       SLICE_ARG(fake_packet_value(invite, SIP_HEADER_FROM, 0)),
			       SLICE_ARG(fake_packet_value(invite, SIP_HEADER_CALL_ID, 0)), cseq, method, lines,
			       strlen(body), body);

	lab_request_text(lab, text);
	free(text);
}
