/*
 * The echo test: a second user agent in this program, on sockets of its own at 127.0.0.1. It answers, sends back what
 * it hears, and says goodbye when it hears '#'. It is no part of the phone's calls and trace.
 */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

enum { ECHO_CALLS_MAX = 64 };

struct echo {
	struct phone *phone;
	struct net *net;
	struct ua *ua;
	uint16_t port;
	struct list calls;
	uintptr_t last_user;
};

struct echo_call {
	struct list_node node;
	struct echo *echo;
	struct session *session;
	struct call_media media;
	struct timer answer;
	enum media_encryption encryption; /* as whoever calls wishes it */
	bool answered;
};

struct echo *echo_new(struct phone *phone)
{
	struct echo *echo = xcalloc(1, sizeof *echo);

	echo->phone = phone;
	echo->last_user = ECHO_USER_BASE;
	list_init(&echo->calls);
	return echo;
}

static void echo_call_free(struct echo_call *call)
{
	timer_stop(call->echo->phone->timers, &call->answer);
	media_close(&call->media);
	list_remove(&call->node);
	free(call);
}

/* ---- one call ---- */

static void on_failed(void *arg, struct session *session, const struct outcome *outcome)
{
	(void)session;
	(void)outcome;
	echo_call_free(arg);
}

static void on_ended(void *arg, struct session *session, const struct outcome *outcome, bool by_peer,
		     struct sip_message *request)
{
	(void)session;
	(void)outcome;
	(void)by_peer;
	(void)request;
	echo_call_free(arg);
}

static void on_answered(void *arg, struct session *session, int leg, struct sip_message *message)
{
	struct echo_call *call = arg;

	(void)session;
	(void)leg;
	(void)message;
	call->answered = true;
}

static struct slice sdp_of(const struct sip_message *message)
{
	return sip_message_body(message, "application", "sdp");
}

static unsigned on_offer(void *arg, struct session *session, int leg, const struct sip_message *message,
			 struct buf *answer)
{
	struct echo_call *call = arg;

	(void)session;
	(void)leg;
	return media_answer_offer(&call->media, sdp_of(message), answer);
}

static bool on_answer(void *arg, struct session *session, int leg, const struct sip_message *message, bool final)
{
	struct echo_call *call = arg;

	(void)session;
	return media_take_answer(&call->media, leg, sdp_of(message), final);
}

static void on_make_offer(void *arg, struct session *session, int leg, struct buf *offer)
{
	struct echo_call *call = arg;

	(void)session;
	(void)leg;
	media_offer(&call->media, offer);
}

static unsigned on_request(void *arg, struct session *session, struct server_transaction *st,
			   struct sip_message *request)
{
	struct echo_call *call = arg;

	(void)st;
	if (request->method != SIP_INFO)
		return 0;
	if (info_digit(request) == '#' && call->answered)
		session_hangup(session, (struct slice){ 0 });
	return 200;
}

static void answer_now(void *arg)
{
	struct echo_call *call = arg;
	const struct log *log = call->echo->phone->log; /* the call may be gone when the answer fails */
	struct address local;
	enum err err = ERR_NONE;

	if (!address_parse(&local, SLICE("127.0.0.1"), 0))
		return;
	err = media_open(&call->media, &local, "opus G722 PCMU PCMA L16", call->encryption);
	if (!err) {
		/* It rings first, as any phone does. */
		err = session_progress(call->session, 180, (struct slice){ 0 });
		if (!err)
			err = session_answer(call->session);
	} else {
		err = session_reject(call->session, 503, SLICE("No Port For Sound"), (struct slice){ 0 });
	}
	if (err)
		log_line(log, LOG_WARNING, "the echo test could not answer: %s", err_text(err));
}

static void on_incoming(void *arg, struct session *session, struct sip_message *invite, const struct sip_source *source)
{
	struct echo *echo = arg;
	struct echo_call *call = xcalloc(1, sizeof *call);
	struct session_handlers handlers = { .answered = on_answered,
					     .failed = on_failed,
					     .ended = on_ended,
					     .offer = on_offer,
					     .answer = on_answer,
					     .make_offer = on_make_offer,
					     .request = on_request,
					     .arg = call };

	(void)source;
	call->echo = echo;
	/* Keys for whom none asked would wake the encryption library: 25 ms and more before the first call rings. */
	if (slice_find_slice(sdp_of(invite), SLICE("a=crypto:")) < sdp_of(invite).n)
		call->encryption = MEDIA_ENCRYPTION_OPTIONAL;
	call->session = session;
	media_init_alone(&call->media, echo->phone, ++echo->last_user, true);
	list_append(&echo->calls, &call->node);
	session_set_handlers(session, &handlers);
	session_set_identity(
		session,
		&(struct identity){ .uri = "sip:echo@127.0.0.1", .display = "echo test", .contact_user = "echo" });
	timer_start(echo->phone->timers, &call->answer, 0, answer_now, call);
}

void echo_engine_event(struct echo *echo, uintptr_t user, const struct engine_event *event)
{
	LIST_EACH(&echo->calls, node) {
		struct echo_call *call = LIST_ENTRY(node, struct echo_call, node);
		if (call->media.user != user)
			continue;
		if (event->kind == ENGINE_DTMF && event->digit == '#' && call->answered)
			session_hangup(call->session, (struct slice){ 0 });
		return;
	}
}

/* ---- the user agent ---- */

static unsigned on_accept(void *arg, const struct sip_message *request, const struct sip_source *source)
{
	(void)arg;
	(void)request;
	return address_is_loopback(&source->remote) ? 0 : 403;
}

static void on_capabilities(void *arg, struct buf *body, struct slice *type)
{
	struct echo *echo = arg;
	struct address local;

	if (!address_parse(&local, SLICE("127.0.0.1"), 0))
		return;
	media_capabilities(echo->phone, &local, body);
	*type = SLICE("application/sdp");
}

uint16_t echo_port(struct echo *echo, enum err *err)
{
	struct phone *phone = echo->phone;
	struct address address;

	if (echo->port)
		return echo->port;
	if (!echo->net)
		echo->net = net_new(phone->loop, phone->log);
	*err = ERR_SYNTAX;
	if (!address_parse(&address, SLICE("127.0.0.1"), 0) || !net_listen(echo->net, NET_PLAIN, &address, err) ||
	    !net_bound(echo->net, 0, &address, NULL))
		return 0;
	echo->ua = ua_new(
		&(struct sip_world){ .timers = phone->timers,
				     .random = &phone->random,
				     .log = phone->log,
				     .ops = net_ops(),
				     .net = echo->net },
		&(struct ua_handlers){
			.incoming = on_incoming, .accept = on_accept, .capabilities = on_capabilities, .arg = echo });
	ua_settings(echo->ua)->max_sessions = ECHO_CALLS_MAX;
	net_attach(echo->net, transactions_transport(ua_transactions(echo->ua)));
	echo->port = address_port(&address);
	return echo->port;
}

void echo_turn_end(struct echo *echo)
{
	if (echo->ua)
		ua_sweep(echo->ua);
}

void echo_free(struct echo *echo)
{
	while (!list_empty(&echo->calls))
		echo_call_free(LIST_ENTRY(list_first(&echo->calls), struct echo_call, node));
	if (echo->net)
		net_attach(echo->net, NULL);
	if (echo->ua)
		ua_free(echo->ua);
	if (echo->net)
		net_free(echo->net);
	free(echo);
}
