/*
 * Fuzz target of the user agent: a script of packets, of what the user does and of time that passes, on a network in
 * memory. The first byte chooses what has happened before (a call is up, a call rings ...); then come records,
 * each ended by the byte 0x1e. The first byte of a record says what it is:
 *
 *   D  a datagram of the peer's
 *   X  one of a stranger's
 *   S  bytes on a TCP connection
 *   R  an answer to the oldest request of ours: "200", a blank, header lines, an empty line, a body
 *   T  milliseconds that pass
 *   U  what the user does, a letter each: see user_does()
 *
 * In packets and answers $t is the tag that we gave last, $c the Call-ID, $f our From tag and $b the branch of our last
 * request, $r the RSeq of our last reliable response: so a script reaches into dialogs. $n is the byte NUL, $l a word
 * of 20,000 characters.
 *
 * Run: ua_fuzz -dict=tests/fuzz/message.dict tests/fuzz/corpus/ua
 */
#include "sip/ua/registration.h"
#include "sip/ua/session.h"
#include "tests/unit/sip/fake_net.h"

#include "base/xmalloc.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEER "192.0.2.9:5060"
#define STRANGER "198.51.100.66:5070"
#define END "\x1e"
#define SDP "Content-Type: application/sdp\r\n"

enum { RECORDS_MAX = 64, OPEN_REQUESTS = 32, LONG_WORD = 20000 };

struct world {
	struct fake_net net;
	struct ua *ua;
	struct identity alice;
	struct session *session; /* the newest; NULL once it ended */
	struct registration *registration;
	struct session_handlers handlers;
	unsigned offer_status, accept_status, request_status;
	bool refuse_answer, answer_at_once, hang_up_in_handler;
	char tag[128], call_id[256], from_tag[128], branch[128], rseq[32];
	struct fake_packet *open[OPEN_REQUESTS]; /* requests of ours that nobody answered */
	size_t open_count;
	unsigned records;
};

/* ---- what the user agent tells ---- */

static void maybe_hang_up(struct world *w, struct session *session)
{
	if (w->hang_up_in_handler)
		session_hangup(session, SLICE("SIP;cause=200"));
}

static void on_provisional(void *arg, struct session *session, int leg, struct sip_message *response)
{
	(void)leg;
	(void)response;
	maybe_hang_up(arg, session);
}

static void on_answered(void *arg, struct session *session, int leg, struct sip_message *message)
{
	(void)leg;
	if (session_is_caller(session) != (message != NULL))
		abort();
	maybe_hang_up(arg, session);
}

static void on_acknowledged(void *arg, struct session *session)
{
	maybe_hang_up(arg, session);
}

static void forget(struct world *w, const struct session *session)
{
	if (w->session == session)
		w->session = NULL;
}

static void on_failed(void *arg, struct session *session, const struct outcome *outcome)
{
	if (!outcome->status)
		abort();
	forget(arg, session);
}

static void on_ended(void *arg, struct session *session, const struct outcome *outcome, bool by_peer,
		     struct sip_message *request)
{
	if (!outcome->status || by_peer != (request != NULL))
		abort();
	forget(arg, session);
}

static unsigned on_offer(void *arg, struct session *session, int leg, const struct sip_message *message,
			 struct buf *answer)
{
	struct world *w = arg;

	(void)leg;
	if (!message->body.n)
		abort();
	maybe_hang_up(w, session);
	buf_add(answer, SLICE("v=0 answer"));
	return w->offer_status;
}

static void on_refuse(void *arg, struct session *session, const struct sip_message *message, struct buf *answer)
{
	if (!message->body.n || answer->n)
		abort();
	maybe_hang_up(arg, session);
	buf_add(answer, SLICE("v=0 nothing"));
}

static bool on_answer(void *arg, struct session *session, int leg, const struct sip_message *message, bool final)
{
	(void)leg;
	(void) final;
	if (!message->body.n)
		abort();
	maybe_hang_up(arg, session);
	return !((struct world *)arg)->refuse_answer;
}

static void on_make_offer(void *arg, struct session *session, int leg, struct buf *offer)
{
	(void)leg;
	maybe_hang_up(arg, session);
	buf_add(offer, SLICE("v=0 offer"));
}

static void on_reinvited(void *arg, struct session *session, const struct outcome *outcome)
{
	(void)outcome;
	maybe_hang_up(arg, session);
}

static void on_peer_reinvited(void *arg, struct session *session, struct sip_message *request)
{
	if (!request)
		abort();
	maybe_hang_up(arg, session);
}

static void on_refreshed(void *arg, struct session *session, struct slice method, const struct outcome *outcome)
{
	if (!method.n || !outcome->status)
		abort();
	maybe_hang_up(arg, session);
}

static unsigned on_request(void *arg, struct session *session, struct server_transaction *st,
			   struct sip_message *request)
{
	(void)st;
	(void)request;
	maybe_hang_up(arg, session);
	return ((struct world *)arg)->request_status;
}

static void on_incoming(void *arg, struct session *session, struct sip_message *invite, const struct sip_source *source)
{
	struct world *w = arg;

	if (invite->method != SIP_INVITE || !source)
		abort();
	w->session = session;
	session_set_handlers(session, &w->handlers);
	if (w->answer_at_once)
		(void)!session_answer(session);
}

static unsigned on_accept(void *arg, const struct sip_message *request, const struct sip_source *source)
{
	(void)request;
	(void)source;
	return ((struct world *)arg)->accept_status;
}

static void on_capabilities(void *arg, struct buf *body, struct slice *type)
{
	(void)arg;
	buf_add(body, SLICE("v=0 capabilities"));
	*type = SLICE("application/sdp");
}

static void on_final(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	(void)arg;
	(void)request;
	if (final && !outcome->status)
		abort();
}

static void on_registered(void *arg, struct registration *registration, uint32_t expires, bool first)
{
	(void)arg;
	(void)registration;
	(void)expires;
	(void)first;
}

static void on_not_registered(void *arg, struct registration *registration, const struct outcome *outcome,
			      int64_t retry_us)
{
	(void)arg;
	(void)registration;
	if (!outcome->status || retry_us < 0)
		abort();
}

static void on_unregistered(void *arg, struct registration *registration, const struct outcome *outcome)
{
	(void)arg;
	(void)registration;
	(void)outcome;
}

static void on_bindings(void *arg, struct registration *registration, const struct outcome *outcome)
{
	(void)arg;
	(void)registration;
	if (!outcome || !outcome->status)
		abort();
}

/* ---- what was sent ---- */

static void keep(char *to, size_t room, struct slice text)
{
	if (text.n && text.n < room)
		snprintf(to, room, "%.*s", SLICE_ARG(text));
}

static void note_sent(struct world *w, struct fake_packet *packet)
{
	const struct sip_message *message = packet->message;
	const struct sip_address *from = message ? sip_message_from(message) : NULL,
				 *to = message ? sip_message_to(message) : NULL;
	const struct sip_via *via = message ? sip_message_via(message, 0) : NULL;

	if (!message || !from || !to || !via)
		return;
	keep(w->call_id, sizeof w->call_id, sip_message_call_id(message));
	keep(w->rseq, sizeof w->rseq, sip_message_value(message, SIP_HEADER_RSEQ));
	if (!message->is_request) {
		keep(w->tag, sizeof w->tag, to->tag);
		return;
	}
	keep(w->from_tag, sizeof w->from_tag, from->tag);
	keep(w->branch, sizeof w->branch, via->branch);
	if (message->method != SIP_ACK && w->open_count < OPEN_REQUESTS)
		w->open[w->open_count++] = packet;
}

static void look(struct world *w)
{
	struct fake_packet *packet;

	ua_sweep(w->ua);
	while ((packet = fake_net_take(&w->net)) != NULL)
		note_sent(w, packet);
}

static void pass(struct world *w, int64_t us)
{
	fake_net_pass(&w->net, us);
	look(w);
}

/* ---- records ---- */

/* @return whether there is such a word */
static bool add_word(const struct world *w, char name, struct buf *to)
{
	switch (name) {
	case 't': buf_add(to, slice_of(w->tag)); break;
	case 'c': buf_add(to, slice_of(w->call_id)); break;
	case 'f': buf_add(to, slice_of(w->from_tag)); break;
	case 'b': buf_add(to, slice_of(w->branch)); break;
	case 'r': buf_add(to, slice_of(w->rseq)); break;
	case 'n': buf_add_char(to, '\0'); break;
	case 'l':
		for (int i = 0; i < LONG_WORD; i++)
			buf_add_char(to, 'a');
		break;
	default: return false;
	}
	return true;
}

static void expand(const struct world *w, struct slice text, struct buf *to)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '$' && i + 1 < text.n && add_word(w, text.p[i + 1], to))
			i++;
		else
			buf_add_char(to, text.p[i]);
	}
}

static void datagram(struct world *w, const char *remote, struct slice text)
{
	fake_net_datagram_bytes(&w->net, remote, text);
}

static void stream(struct world *w, struct slice text)
{
	struct flow *flow = fake_net_newest(&w->net);

	if (!flow)
		flow = fake_net_accept(&w->net, SIP_TCP, PEER);
	if (flow)
		fake_net_bytes_n(&w->net, flow, text);
}

/* "200 Contact: ...", an empty line, a body. */
static void answer(struct world *w, struct slice text)
{
	uint32_t status = 0;

	if (!w->open_count || !slice_to_u32(slice_sub(text, 0, 3), &status))
		return;
	struct fake_packet *request = w->open[0];
	if (status >= 200)
		memmove(w->open, w->open + 1, --w->open_count * sizeof w->open[0]);
	text = slice_from(text, 4);
	size_t lines_n = slice_find_slice(text, SLICE("\r\n\r\n"));
	size_t with_end = lines_n < text.n ? lines_n + 2 : lines_n;
	char *lines = slice_dup(slice_sub(text, 0, with_end)), *body = slice_dup(slice_from(text, with_end + 2));
	fake_net_answer(&w->net, request, status % 700, "peer", lines, body);
	free(lines);
	free(body);
}

static void call(struct world *w)
{
	struct call_config config = { .identity = &w->alice,
				      .target = SLICE("sip:bob@192.0.2.9"),
				      .offer = SLICE("v=0 first offer"),
				      .timeout_us = 60 * SECOND_US,
				      .handlers = w->handlers };
	enum err err;

	if (!w->session)
		w->session = session_call(w->ua, &config, &err);
}

static void ask_options(struct world *w)
{
	struct request_config config = { .identity = &w->alice,
					 .method = SLICE("OPTIONS"),
					 .target = SLICE("sip:bob@192.0.2.9"),
					 .wants_provisional = true,
					 .handler = on_final };
	enum err err;

	(void)ua_request(w->ua, &config, &err);
}

static void use_registration(struct world *w, char what)
{
	struct registration_config config = { .identity = &w->alice,
					      .registrar = SLICE("sip:192.0.2.9"),
					      .expires = 3600,
					      .handlers = { .registered = on_registered,
							    .failed = on_not_registered,
							    .unregistered = on_unregistered,
							    .bindings = on_bindings,
							    .arg = w } };
	enum err err;

	if (!w->registration)
		w->registration = registration_new(w->ua, &config, &err);
	if (what == 'g')
		registration_start(w->registration);
	else if (what == 'G')
		registration_fetch(w->registration);
	else
		registration_stop(w->registration, what == 'v');
}

static void in_session(struct world *w, char what)
{
	if (!w->session)
		return;
	switch (what) {
	case 'a':
		(void)!session_answer(w->session);
		break;
	case 'p':
		(void)!session_progress(w->session, 180, slice_of(""));
		break;
	case 'P':
		(void)!session_progress(w->session, 183, SLICE("v=0 early"));
		break;
	case 'r':
		(void)!session_reject(w->session, 486, slice_of(""), slice_of(""));
		break;
	case 'd':
		(void)!session_reject(w->session, 302, slice_of(""), SLICE("sip:carol@192.0.2.7"));
		break;
	case 'h':
		session_hangup(w->session, slice_of(""));
		break;
	case 'i':
		(void)!session_reinvite(w->session, SLICE("v=0 hold"));
		break;
	case 'I':
		(void)!session_reinvite(w->session, slice_of(""));
		break;
	case 'e':
		(void)!session_update(w->session, true);
		break;
	case 'E':
		(void)!session_update(w->session, false);
		break;
	default:
		(void)!session_request(w->session, SLICE("INFO"), SLICE("text/plain"), SLICE("x"), NULL, 0, on_final,
				       w);
		break;
	}
}

static void user_does(struct world *w, char what)
{
	switch (what) {
	case 'c':
		call(w);
		break;
	case 'o':
		ask_options(w);
		break;
	case 'g':
	case 'G':
	case 'u':
	case 'v':
		use_registration(w, what);
		break;
	/* what the handlers shall do from now on */
	case '0':
		w->offer_status = w->offer_status ? 0 : 488;
		break;
	case '1':
		w->refuse_answer = !w->refuse_answer;
		break;
	case '2':
		w->answer_at_once = !w->answer_at_once;
		break;
	case '3':
		w->hang_up_in_handler = !w->hang_up_in_handler;
		break;
	case '4':
		w->accept_status = w->accept_status ? 0 : 404;
		break;
	case '5':
		w->request_status = w->request_status ? 0 : 200;
		break;
	case '6':
		w->net.datagram_err = w->net.datagram_err ? ERR_NONE : ERR_UNREACHABLE;
		break;
	case '7':
		w->net.connect = FAKE_REFUSES;
		break;
	case '8':
		fake_net_icmp(&w->net, PEER);
		break;
	case 'x':
		if (fake_net_newest(&w->net))
			fake_net_closed(&w->net, fake_net_newest(&w->net), ERR_RESET);
		break;
	default:
		in_session(w, what);
		break;
	}
}

static void step(struct world *w, struct slice record)
{
	struct slice rest = slice_from(record, 1);
	uint32_t ms = 0;
	struct buf text;

	if (!record.n)
		return;
	buf_init(&text, SIP_MESSAGE_MAX);
	expand(w, rest, &text);
	/* A copy of its own, so that reading one byte too far is seen. */
	char *copy = xmalloc(text.n);
	struct slice bytes = slice_make(copy, text.n);
	if (text.n)
		memcpy(copy, text.p, text.n);
	buf_fini(&text);
	switch (record.p[0]) {
	case 'D':
		datagram(w, PEER, bytes);
		break;
	case 'X':
		datagram(w, STRANGER, bytes);
		break;
	case 'S':
		stream(w, bytes);
		break;
	case 'R':
		answer(w, bytes);
		break;
	case 'T':
		pass(w, slice_to_u32(rest, &ms) ? ms % 100000 * MS_US : 0);
		break;
	case 'U':
		for (size_t i = 0; i < rest.n && i < 16; i++)
			user_does(w, rest.p[i]);
		break;
	default:
		break;
	}
	free(copy);
	pass(w, 0);
}

static void run(struct world *w, struct slice script)
{
	while (script.n && w->records++ < RECORDS_MAX)
		step(w, slice_cut(&script, '\x1e'));
}

/* ---- what happened before ---- */

#define THEIR_INVITE                                                                                                   \
	"DINVITE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKfirst\r\nMax-Forwards: "      \
	"70\r\n"                                                                                                       \
	"From: Bob <sip:bob@192.0.2.9>;tag=peer\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"     \
	"Contact: <sip:bob@192.0.2.9>\r\n" SDP "Content-Length: 9\r\n\r\nv=0 offer" END
#define THEIR_ACK                                                                                                      \
	"DACK sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKack\r\nMax-Forwards: 70\r\n"     \
	"From: Bob <sip:bob@192.0.2.9>;tag=peer\r\nTo: <sip:alice@192.0.2.1>;tag=$t\r\nCall-ID: c1\r\nCSeq: 1 "        \
	"ACK\r\n\r\n" END

static const char *const befores[] = {
	"",                                                                        /* nothing */
	"Uc" END "R200 Contact: <sip:bob@192.0.2.9>\r\n" SDP "\r\nv=0 answer" END, /* we called, it is up */
	THEIR_INVITE "Ua" END THEIR_ACK,                                           /* the peer called, it is up */
	THEIR_INVITE "Up" END,                                                     /* it rings */
	"Uc" END "R180 Contact: <sip:bob@192.0.2.9>\r\n\r\n" END,                  /* it rings there */
	"Ug" END "R200 Contact: <sip:alice@192.0.2.1>;expires=60\r\n\r\n" END,     /* registered */
	THEIR_INVITE "Ua" END,                                                     /* answered, no ACK yet */
	"Uc" END "Uh" END,                                                         /* given up before any answer */
};

static void begin(struct world *w)
{
	struct ua_handlers handlers = {
		.incoming = on_incoming, .accept = on_accept, .capabilities = on_capabilities, .arg = w
	};

	*w = (struct world){ 0 };
	fake_net_init(&w->net, 7);
	w->alice = (struct identity){ .uri = "sip:alice@192.0.2.1", .display = "Alice", .password = "secret" };
	w->handlers = (struct session_handlers){ on_provisional, on_answered,       on_acknowledged, on_failed,
						 on_ended,       on_offer,          on_answer,       on_make_offer,
						 on_reinvited,   on_peer_reinvited, on_reinvited,    on_peer_reinvited,
						 on_refreshed,   on_request,        w,               NULL,
						 NULL,           NULL,              on_refuse };
	w->ua = ua_new(&w->net.world, &handlers);
	ua_settings(w->ua)->ring_timeout_us = 60 * SECOND_US;
	ua_settings(w->ua)->session = (struct session_options){ RELIABLE_SUPPORTED, TIMER_OPTIONAL, 0, 0 };
	fake_net_attach(&w->net, transactions_transport(ua_transactions(w->ua)));
}

/* Left alone, everything comes to its end: no transaction and no request lives on. */
static void end(struct world *w)
{
	w->net.datagram_err = ERR_NONE;
	w->hang_up_in_handler = false;
	registration_free(w->registration);
	for (int i = 0; i < 8; i++) {
		if (w->session)
			session_hangup(w->session, slice_of(""));
		pass(w, 50 * SECOND_US);
	}
	if (transactions_count(ua_transactions(w->ua)) || !ua_is_quiet(w->ua))
		abort();
	ua_free(w->ua);
	fake_net_fini(&w->net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;

	if (!size || size > SIP_MESSAGE_MAX)
		return 0;
	begin(&w);
	run(&w, slice_of(befores[data[0] % ARRAY_LEN(befores)]));
	w.records = 0;
	run(&w, slice_make(data + 1, size - 1));
	end(&w);
	return 0;
}
