#include "sip/transaction/internal.h"

#include "base/xmalloc.h"
#include "sip/syntax/typed.h"

enum {
	RETRY_AFTER_S = 10,
	TAG_CHARS = 16,
	HELD_EACH = 4096,    /* bytes that server transactions keep beside themselves, on the average at most */
	HELD_LEAST = 1 << 20, /* and so much all of them together may keep, however few they may be */
	ECHO_MAX = 8,        /* a request that came again is answered again with at most so many times its own bytes */
};

/* ---- matching (17.2.3) ---- */

static struct slice tag_of(const struct sip_address *address)
{
	return address ? address->tag : slice_of("");
}

/*
 * With the magic cookie: branch and sent-by. Without (RFC 2543): Request-URI, From tag, Call-ID, CSeq number and top
 * Via; the To tag, which an ACK has from the response, is compared in matches(). The method is no part of either: ACK
 * and CANCEL find their INVITE by the same key.
 *
 * The Call-ID counts with the cookie too. All requests of one transaction share it (9.1, 17.1.1.3), so nothing is lost;
 * but who gives all its requests one branch is not answered with the response to another call, and a CANCEL that knows
 * no more than the branch cancels nothing.
 */
static void print_key(struct buf *key, const struct sip_message *request)
{
	const struct sip_via *via = sip_message_via(request, 0);
	bool magic = sip_via_has_magic(via);

	buf_printf(key, "%s%.*s\n", magic ? "+" : "-", SLICE_ARG(via->branch));
	buf_add_lower(key, via->host);
	buf_printf(key, ":%u\n%.*s", via->port, SLICE_ARG(sip_message_call_id(request)));
	if (magic)
		return;
	const struct sip_cseq *cseq = sip_message_cseq(request);
	buf_printf(key, "\n%.*s\n%.*s\n%.*s\n%u", SLICE_ARG(via->transport), SLICE_ARG(request->request_uri),
		   SLICE_ARG(tag_of(sip_message_from(request))), cseq->number);
}

static struct fingerprint key_of(const struct transactions *transactions, const struct sip_message *request)
{
	struct fingerprint key;
	struct buf text;

	buf_init(&text, 2 * SIP_MESSAGE_MAX);
	print_key(&text, request);
	key = map_fingerprint(&transactions->servers, buf_slice(&text));
	buf_fini(&text);
	return key;
}

static bool matches(const struct server_transaction *st, const struct sip_message *request)
{
	bool ack = request->method == SIP_ACK;

	if (ack ? st->method != SIP_INVITE : !slice_eq(server__method_name(st), request->method_name))
		return false;
	/* Another CSeq number is another request; an ACK with a wrong one does its work all the same. */
	if (!st->rfc2543)
		return ack || st->cseq == sip_message_cseq(request)->number;
	struct slice tag = tag_of(sip_message_to(request));
	if (ack && st->answered && st->answer_tag)
		return slice_eq(tag, slice_of(st->answer_tag));
	return slice_eq(tag, slice_of(st->to_tag));
}

static struct server_transaction *entry(struct map_node *node)
{
	return CONTAINER_OF(node, struct server_transaction, base.by_key);
}

static struct server_transaction *find(const struct transactions *transactions, const struct fingerprint *key,
				       const struct sip_message *request)
{
	struct map_node *node = map_find(&transactions->servers, fingerprint_slice(key));

	while (node && !matches(entry(node), request))
		node = map_find_next(node);
	return node ? entry(node) : NULL;
}

/* 9.2: what a CANCEL cancels, found as if it had the method of that. */
static struct server_transaction *find_cancelled(const struct transactions *transactions, const struct fingerprint *key,
						 const struct sip_message *cancel)
{
	struct map_node *node = map_find(&transactions->servers, fingerprint_slice(key));

	for (; node; node = map_find_next(node)) {
		struct server_transaction *st = entry(node);
		bool same_to = !st->rfc2543 || slice_eq(tag_of(sip_message_to(cancel)), slice_of(st->to_tag));
		if (st->method != SIP_CANCEL && same_to && st->cseq == sip_message_cseq(cancel)->number)
			return st;
	}
	return NULL;
}

/* 8.2.2.2: by From tag, Call-ID and CSeq. @return false: inside a dialog, where nothing is merged */
static bool merge_key_of(const struct transactions *transactions, const struct sip_message *request,
			 struct fingerprint *key)
{
	struct buf text;

	if (tag_of(sip_message_to(request)).n)
		return false;
	buf_init(&text, 2 * SIP_MESSAGE_MAX);
	buf_printf(&text, "%.*s\n%.*s\n%u %.*s", SLICE_ARG(tag_of(sip_message_from(request))),
		   SLICE_ARG(sip_message_call_id(request)), sip_message_cseq(request)->number,
		   SLICE_ARG(request->method_name));
	*key = map_fingerprint(&transactions->merges, buf_slice(&text));
	buf_fini(&text);
	return true;
}

/* ---- life ---- */

/*
 * What the transaction keeps, but for itself: the sum over all is known at any time. A request that is being answered
 * is there as it was parsed, some ten times its bytes; of a response nothing but its bytes is kept.
 */
static void recount(struct server_transaction *st)
{
	const char *const names[] = { st->method_name, st->to_tag, st->answer_tag };
	size_t held = said_memory(&st->response) + (st->request ? sip_message_memory(st->request) : 0);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		held += names[i] ? strlen(names[i]) + 1 : 0;
	st->base.owner->held_bytes += held - st->held;
	st->held = held;
}

static void forget_request(struct server_transaction *st)
{
	sip_message_unref(st->request);
	st->request = NULL;
	recount(st);
}

void server__forget_response(struct server_transaction *st)
{
	said_forget(&st->base.owner->models, &st->response);
	recount(st);
}

void server__free(struct server_transaction *st)
{
	map_remove(&st->base.owner->servers, &st->base.by_key);
	map_remove(&st->base.owner->merges, &st->by_merge);
	transaction__fini(&st->base);
	sip_message_unref(st->request);
	said_forget(&st->base.owner->models, &st->response);
	free(st->method_name);
	free(st->to_tag);
	free(st->answer_tag);
	st->base.owner->held_bytes -= st->held;
	free(st);
}

static void gone(struct transaction *transaction)
{
	struct server_transaction *st = server_of(transaction);
	const struct transaction_handlers *handlers = &transaction->owner->handlers;

	if (!st->internal)
		handlers->server_gone(handlers->arg, st, transaction->err);
	server__free(st);
}

struct slice server__method_name(const struct server_transaction *st)
{
	return st->method_name ? slice_of(st->method_name) : sip_method_name(st->method);
}

static struct server_transaction *server_new(struct transactions *transactions, struct sip_message *request,
					     const struct sip_source *source, const struct fingerprint *key,
					     bool internal)
{
	struct server_transaction *st = xcalloc(1, sizeof *st);
	struct slice to_tag = tag_of(sip_message_to(request));

	st->base.owner = transactions;
	st->base.machine = request->method == SIP_INVITE ? &transaction__invite_server : &transaction__other_server;
	st->base.stream = sip_protocol_is_stream(source->protocol);
	st->base.gone = gone;
	st->base.key = *key;
	st->request = sip_message_ref(request);
	st->source = *source;
	st->source.flow = NULL; /* it may close at any time: its id is enough */
	st->method = request->method;
	st->cseq = sip_message_cseq(request)->number;
	st->rfc2543 = !sip_via_has_magic(sip_message_via(request, 0));
	if (st->method == SIP_METHOD_OTHER)
		st->method_name = slice_dup(request->method_name);
	if (st->rfc2543 && to_tag.n)
		st->to_tag = slice_dup(to_tag);
	st->internal = internal;
	recount(st);
	map_add(&transactions->servers, &st->base.by_key, fingerprint_slice(&st->base.key));
	list_append(&transactions->server_list, &st->base.node);
	transaction__begin(&st->base);
	return st;
}

/* Nothing but retransmissions and an ACK is awaited. A 2xx to INVITE is repeated as long as the user holds on to it. */
static bool is_finished(const struct server_transaction *st)
{
	return st->answered && !st->handling && (st->base.state != ACCEPTED || !st->user);
}

/* Once it is finished the request is not needed any more: the key knows it, and the response answers it. */
static void settle(struct server_transaction *st)
{
	bool finished = is_finished(st);

	if (st->request && st->answered && !st->handling)
		forget_request(st);
	if (finished == st->finished)
		return;
	st->finished = finished;
	list_remove(&st->base.node);
	list_append(finished ? &st->base.owner->finished_list : &st->base.owner->server_list, &st->base.node);
}

/* ---- out ---- */

static void send_message(struct server_transaction *st, const struct sip_message *response)
{
	st->sent_err = transport_send_response(st->base.owner->transport, &st->source, response);
	if (st->sent_err)
		transaction__fail_later(&st->base, st->sent_err);
	else if (!timer_running(&st->base.failure))
		st->base.err = ERR_NONE;
}

/* The bytes are read again for where they go: that is rare, and to keep them as they were read costs ten times as much
 * for every transaction. */
void server__send(struct server_transaction *st)
{
	struct sip_message *response;

	if (!st->response.n)
		return;
	char *bytes = said_bytes(&st->response);
	if (sip_message_parse_own(slice_make(bytes, st->response.n), &response) == SCAN_OK) {
		send_message(st, response);
		sip_message_unref(response);
	}
	free(bytes);
}

void server__answer(struct server_transaction *st, struct sip_message *response)
{
	struct slice tag = tag_of(sip_message_to(response));

	/* The response to an INVITE goes with its ACK, and is hardly ever like another. */
	if (st->method == SIP_INVITE)
		said_keep_whole(&st->base.owner->models, &st->response, response->bytes);
	else
		said_keep(&st->base.owner->models, &st->response, st->method, response->bytes);
	if (tag.n && !(st->answer_tag && slice_eq(tag, slice_of(st->answer_tag)))) {
		free(st->answer_tag);
		st->answer_tag = slice_dup(tag);
	}
	st->answered = response->status >= 200;
	recount(st);
	send_message(st, response);
}

void server__note_error(struct transaction *transaction, struct sip_message *none)
{
	(void)none;
	log_line(transaction->owner->world.log, LOG_NOTICE, "transaction %llu: a response was not sent: %s",
		 (unsigned long long)transaction->number, err_text(transaction->err));
}

void server__send_trying(struct server_transaction *st)
{
	struct sip_draft *draft = sip_draft_response(st->request, 100, slice_of(""), slice_of(""));
	struct sip_message *response = sip_draft_finish(draft, slice_of(""));

	server__answer(st, response);
	sip_message_unref(response);
	sip_draft_free(draft);
}

/* An answer of this layer's own. */
static void respond(struct server_transaction *st, unsigned status, struct slice to_tag)
{
	struct sip_draft *draft = sip_draft_response(st->request, status, slice_of(""), to_tag);
	enum err err = transaction_respond(st, draft);

	if (err)
		log_line(st->base.owner->world.log, LOG_DEBUG, "a %u was not sent: %s", status, err_text(err));
	sip_draft_free(draft);
}

/* ---- in ---- */

static void receive_ack(struct transactions *transactions, struct server_transaction *st, struct sip_message *ack,
			const struct sip_source *source)
{
	if (st)
		(void)transaction__step(&st->base, EV_ACK, ack);
	else
		transactions->handlers.ack(transactions->handlers.arg, ack, source);
}

static void tell_cancelled(struct server_transaction *st, struct sip_message *cancel)
{
	const struct transaction_handlers *handlers = &st->base.owner->handlers;

	if (st->method == SIP_INVITE && !st->answered)
		handlers->cancel(handlers->arg, st, cancel);
}

/* 9.2: the 200 to the CANCEL has the To tag of the responses to the INVITE, those to come as well. */
static void receive_cancel(struct transactions *transactions, struct sip_message *cancel,
			   const struct sip_source *source, const struct fingerprint *key)
{
	struct server_transaction *cancelled = find_cancelled(transactions, key, cancel);
	char token[TAG_CHARS + 1];
	struct slice tag = slice_of(cancelled ? cancelled->answer_tag : NULL);

	if (!tag.n) {
		random_token(transactions->world.random, token, TAG_CHARS);
		tag = slice_of(token);
	}
	respond(server_new(transactions, cancel, source, key, true), cancelled ? 200 : 481, tag);
	if (cancelled)
		tell_cancelled(cancelled, cancel);
}

static void receive_new(struct transactions *transactions, struct sip_message *request, const struct sip_source *source,
			const struct fingerprint *key)
{
	struct fingerprint merge_key;
	bool outside = merge_key_of(transactions, request, &merge_key),
	     merged = outside && map_find(&transactions->merges, fingerprint_slice(&merge_key));
	struct server_transaction *st = server_new(transactions, request, source, key, merged);
	char tag[TAG_CHARS + 1];

	if (merged) {
		transactions->counters.merged++;
		random_token(transactions->world.random, tag, TAG_CHARS);
		respond(st, 482, slice_of(tag));
		return;
	}
	if (outside) {
		st->merge_key = merge_key;
		map_add(&transactions->merges, &st->by_merge, fingerprint_slice(&st->merge_key));
	}
	st->handling = true;
	transactions->handlers.request(transactions->handlers.arg, st, request, source);
	st->handling = false;
	if (request->method == SIP_INVITE && st->base.state == PROCEEDING && !st->response.n)
		server__send_trying(st);
	settle(st);
}

/* ---- limits ---- */

static bool is_full(const struct transactions *transactions)
{
	size_t max = transactions->settings.max, most = max * HELD_EACH;

	return transactions->servers.count >= max ||
	       transactions->held_bytes + transactions->models.bytes >= (most < HELD_LEAST ? HELD_LEAST : most);
}

/*
 * Room for one more, in number and in bytes: the one goes that is finished longest. Who needs its place loses less than
 * who would be refused. @return false: none may go
 */
static bool make_room(struct transactions *transactions)
{
	while (is_full(transactions)) {
		struct list_node *oldest = list_first(&transactions->finished_list);
		if (!oldest)
			return false;
		struct transaction *transaction = LIST_ENTRY(oldest, struct transaction, node);
		transaction->err = ERR_FULL;
		transactions->counters.displaced++;
		gone(transaction);
	}
	return true;
}

/* No room for one more: what can be done is done without state. */
static void refuse(struct transactions *transactions, struct sip_message *request, const struct sip_source *source,
		   const struct fingerprint *key)
{
	struct server_transaction *cancelled =
		request->method == SIP_CANCEL ? find_cancelled(transactions, key, request) : NULL;

	transactions->counters.refused += !cancelled;
	transport_answer(transactions->transport, request, source, cancelled ? 200 : 503, NULL,
			 cancelled ? 0 : RETRY_AFTER_S);
	if (cancelled)
		tell_cancelled(cancelled, request);
}

/*
 * The request again: the last response again. But the response goes to wherever the first request said it came from,
 * and holds what that one held: a short request must not make us send a long response to somebody else.
 */
static void receive_again(struct server_transaction *st, struct sip_message *request)
{
	st->base.owner->counters.again++;
	if (st->base.stream || st->response.n / ECHO_MAX <= request->bytes.n)
		(void)transaction__step(&st->base, EV_REQUEST, request);
}

/*
 * More comes than can be done, and each that waits behind it waits longer: whoever wants something new is told at the
 * least cost to come later, so that what belongs to dialogs, ACK and CANCEL is read in time.
 */
static bool is_put_off(const struct sip_message *request, const struct sip_source *source)
{
	return source->overloaded && request->method != SIP_CANCEL && !tag_of(sip_message_to(request)).n;
}

void server__receive(struct transactions *transactions, struct sip_message *request, const struct sip_source *source)
{
	struct fingerprint key = key_of(transactions, request);
	struct server_transaction *st = find(transactions, &key, request);

	if (request->method == SIP_ACK)
		receive_ack(transactions, st, request, source);
	else if (st)
		receive_again(st, request);
	else if (is_put_off(request, source) || !make_room(transactions))
		refuse(transactions, request, source, &key);
	else if (request->method == SIP_CANCEL)
		receive_cancel(transactions, request, source, &key);
	else
		receive_new(transactions, request, source, &key);
}

/* ---- for the user ---- */

/* RFC 4320: to a non-INVITE never 408, no provisional but 100, and over UDP not even that before our own timer sends
 * it. */
static bool may_send(const struct server_transaction *st, unsigned status)
{
	if (st->method == SIP_INVITE)
		return true;
	return status == 100 ? st->base.stream || st->base.state != TRYING : status >= 200 && status != 408;
}

/* 17.2.1: what rings at once says 100 first all the same, for some callers wait for one thing after the other. */
static bool wants_trying_first(const struct server_transaction *st, unsigned status)
{
	return st->method == SIP_INVITE && st->handling && !st->response.n && status > 100 && status < 200;
}

enum err transaction_respond(struct server_transaction *st, const struct sip_draft *draft)
{
	static const enum event events[] = {
		[EV_1XX] = EV_SEND_1XX, [EV_2XX] = EV_SEND_2XX, [EV_300_699] = EV_SEND_300_699
	};
	struct sip_message *response = sip_draft_finish(draft, slice_of(""));
	enum err err = ERR_RANGE;

	if (wants_trying_first(st, response->status))
		server__send_trying(st);
	if (may_send(st, response->status)) {
		bool stepped =
			transaction__step(&st->base, events[transaction__response_event(response->status)], response);
		err = stepped ? st->sent_err : ERR_STATE;
	}
	sip_message_unref(response);
	settle(st);
	return err;
}

void transaction_repeat(struct server_transaction *st)
{
	server__send(st);
}

struct sip_message *server_transaction_request(const struct server_transaction *st)
{
	return st->request;
}

const struct sip_source *server_transaction_source(const struct server_transaction *st)
{
	return &st->source;
}

void server_transaction_set_tag(struct server_transaction *st, struct slice tag)
{
	free(st->answer_tag);
	st->answer_tag = slice_dup(tag);
	recount(st);
}

void server_transaction_set_user(struct server_transaction *st, void *user)
{
	st->user = user;
	settle(st);
	/* A 2xx is repeated by its user alone. */
	if (!user && st->base.state == ACCEPTED)
		server__forget_response(st);
}

void *server_transaction_user(const struct server_transaction *st)
{
	return st->user;
}
