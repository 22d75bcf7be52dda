#include "sip/transaction/internal.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <stdio.h>

enum { BRANCH_CHARS = 20, BRANCH_TEXT = 7 + BRANCH_CHARS + 1, VIA_TEXT = 160 };

/* ---- Via and key ---- */

/* A Via of ours with a new branch (8.1.1.7). */
static bool print_via(struct transactions *transactions, const struct sip_target *target, char via[VIA_TEXT])
{
	char sent_by[ADDRESS_TEXT], token[BRANCH_CHARS + 1];

	if (!transport_sent_by(transactions->transport, target, sent_by))
		return false;
	random_token(transactions->world.random, token, BRANCH_CHARS);
	snprintf(via, VIA_TEXT, "SIP/2.0/%.*s %s;branch=z9hG4bK%s;rport%s",
		 SLICE_ARG(sip_protocol_name(target->protocol)), sent_by, token,
		 transport_says_alias(transactions->transport, target) ? ";alias" : "");
	return true;
}

/* 17.1.3: the branch and the method of CSeq. */
static bool print_key(struct buf *key, const struct sip_message *message)
{
	const struct sip_via *via = sip_message_via(message, 0);
	const struct sip_cseq *cseq = sip_message_cseq(message);

	return via && cseq && buf_add(key, via->branch) && buf_add_char(key, '\n') && buf_add(key, cseq->method_name);
}

/* ---- life ---- */

void client__free(struct client_transaction *ct)
{
	if (ct->cancel)
		client_transaction_detach(ct->cancel);
	map_remove(&ct->base.owner->clients, &ct->base.by_key);
	transaction__fini(&ct->base);
	sip_message_unref(ct->request);
	sip_message_unref(ct->ack);
	free(ct->cancel_reason);
	free(ct);
}

static void gone(struct transaction *transaction)
{
	struct client_transaction *ct = client_of(transaction);

	client__tell(ct, CLIENT_GONE, NULL, transaction->err);
	client__free(ct);
}

void client__tell(struct client_transaction *ct, enum client_event event, struct sip_message *response, enum err err)
{
	if (ct->handler)
		ct->handler(ct->arg, ct, event, response, err);
}

/* A datagram that found the socket full is as good as lost: the timers repeat it. */
static bool is_failure(const struct client_transaction *ct, enum err err)
{
	return err && !(err == ERR_FULL && !ct->base.stream);
}

static enum err send_once(struct client_transaction *ct, const struct sip_message *message)
{
	enum err err = transport_send_request(ct->base.owner->transport, &ct->target, message, &ct->flow_id);

	return is_failure(ct, err) ? err : ERR_NONE;
}

void client__send(struct client_transaction *ct)
{
	enum err err = send_once(ct, ct->request);

	if (err)
		transaction__fail_later(&ct->base, err);
}

/* Takes the reference to `request`, also when it fails. */
static struct client_transaction *start(struct transactions *transactions, struct sip_message *request,
					const struct sip_target *target, client_transaction_h *handler, void *arg,
					enum err *err)
{
	struct client_transaction *ct = xcalloc(1, sizeof *ct);
	struct buf key;

	ct->base.owner = transactions;
	ct->base.machine = request->method == SIP_INVITE ? &transaction__invite_client : &transaction__other_client;
	ct->base.stream = sip_protocol_is_stream(target->protocol);
	ct->base.gone = gone;
	ct->request = request;
	ct->target = *target;
	ct->handler = handler;
	ct->arg = arg;
	buf_init(&key, SIP_MESSAGE_MAX);
	bool printed = print_key(&key, request);
	assert(printed);
	(void)printed;
	ct->base.key = map_fingerprint(&transactions->clients, buf_slice(&key));
	buf_fini(&key);
	map_add(&transactions->clients, &ct->base.by_key, fingerprint_slice(&ct->base.key));
	list_append(&transactions->client_list, &ct->base.node);
	*err = send_once(ct, request);
	if (*err) {
		client__free(ct);
		return NULL;
	}
	transaction__begin(&ct->base);
	return ct;
}

/* ---- in ---- */

/*
 * A response repeats From, Call-ID and CSeq of its request (8.2.6.2). One that has our branch but not these was made
 * up, or belongs to a request that is forgotten: it must not begin or end anything.
 */
static bool is_answer_to(const struct sip_message *response, const struct sip_message *request)
{
	const struct sip_address *from = sip_message_from(request);

	return sip_message_cseq(response)->number == sip_message_cseq(request)->number &&
	       slice_eq(sip_message_call_id(response), sip_message_call_id(request)) && from &&
	       slice_eq(sip_message_from(response)->tag, from->tag);
}

void client__receive(struct transactions *transactions, struct sip_message *response, const struct sip_source *source)
{
	struct map_node *node = NULL;
	struct buf key;

	buf_init(&key, SIP_MESSAGE_MAX);
	if (print_key(&key, response)) {
		struct fingerprint fingerprint = map_fingerprint(&transactions->clients, buf_slice(&key));
		node = map_find(&transactions->clients, fingerprint_slice(&fingerprint));
	}
	buf_fini(&key);
	if (node) {
		struct transaction *transaction = CONTAINER_OF(node, struct transaction, by_key);
		if (is_answer_to(response, client_of(transaction)->request))
			(void)transaction__step(transaction, transaction__response_event(response->status), response);
	} else if (response->method == SIP_INVITE && response->status / 100 == 2) {
		transactions->handlers.stray_2xx(transactions->handlers.arg, response, source);
	}
}

/* Who rings may answer by another connection. (A CANCEL that finds nobody ends that hope, but it is a transaction of
 * its own.) */
static bool may_answer_elsewhere(const struct client_transaction *ct)
{
	return ct->base.state == PROCEEDING && ct->request->method == SIP_INVITE;
}

/* 17.1.4. The table says in which states an error matters. */
void client__failed(struct transactions *transactions, enum sip_protocol protocol, const struct address *remote,
		    uint64_t flow_id, enum err err)
{
	LIST_EACH(&transactions->client_list, node) {
		struct client_transaction *ct = client_of(LIST_ENTRY(node, struct transaction, node));
		bool same = flow_id ? ct->flow_id == flow_id
				    : ct->target.protocol == protocol && address_eq(&ct->target.address, remote);
		if (!same)
			continue;
		/* One ICMP message is not yet the truth: a server may be starting, and anybody can forge one. The
		 * retransmission that is due asks again, and the second answer counts. */
		if (!ct->base.stream && !ct->refused_once)
			ct->refused_once = true;
		else if (!may_answer_elsewhere(ct))
			transaction__fail_later(&ct->base, err);
	}
}

/* ---- requests made from the INVITE ---- */

/* What ACK (17.1.1.3) and CANCEL (9.1) take over from it. */
static struct sip_draft *draft_from(const struct client_transaction *ct, enum sip_method method, struct slice to)
{
	const struct sip_message *invite = ct->request;
	struct sip_draft *draft = sip_draft_request(sip_method_name(method), invite->request_uri);

	sip_draft_copy_header(draft, invite, SIP_HEADER_ROUTE);
	sip_draft_add(draft, SIP_HEADER_MAX_FORWARDS, "70");
	sip_draft_copy_header(draft, invite, SIP_HEADER_FROM);
	sip_draft_add_slice(draft, SIP_HEADER_TO, to);
	sip_draft_copy_header(draft, invite, SIP_HEADER_CALL_ID);
	sip_draft_add(draft, SIP_HEADER_CSEQ, "%u %.*s", sip_message_cseq(invite)->number,
		      SLICE_ARG(sip_method_name(method)));
	return draft;
}

void client__send_ack(struct client_transaction *ct, const struct sip_message *response)
{
	if (!ct->ack) {
		struct sip_draft *draft = draft_from(ct, SIP_ACK, sip_message_value(response, SIP_HEADER_TO));
		ct->ack = sip_draft_finish(draft, sip_message_via(ct->request, 0)->text);
		sip_draft_free(draft);
	}
	enum err err = send_once(ct, ct->ack);
	if (err)
		transaction__fail_later(&ct->base, err);
}

static void on_cancel(void *arg, struct client_transaction *cancel, enum client_event event,
		      struct sip_message *response, enum err err)
{
	struct client_transaction *invite = arg;

	(void)cancel;
	(void)response;
	if (event == CLIENT_TRANSPORT_ERROR)
		transaction__fail_later(&invite->base, err);
	else if (event == CLIENT_GONE)
		invite->cancel = NULL;
}

void client__send_cancel(struct client_transaction *ct)
{
	struct sip_draft *draft = draft_from(ct, SIP_CANCEL, sip_message_value(ct->request, SIP_HEADER_TO));
	enum err err;

	if (ct->cancel_reason)
		sip_draft_add(draft, SIP_HEADER_REASON, "%s", ct->cancel_reason);
	/* A CANCEL that cannot leave has nobody who would answer the INVITE. One without an answer leaves it to the
	 * timer of 9.1. */
	ct->cancel = start(ct->base.owner, sip_draft_finish(draft, sip_message_via(ct->request, 0)->text), &ct->target,
			   on_cancel, ct, &err);
	if (!ct->cancel)
		transaction__fail_later(&ct->base, err);
	sip_draft_free(draft);
}

/* ---- for the user ---- */

struct client_transaction *transaction_start(struct transactions *transactions, const struct sip_draft *draft,
					     const struct sip_target *target, client_transaction_h *handler, void *arg,
					     enum err *err)
{
	char via[VIA_TEXT];

	if (!print_via(transactions, target, via)) {
		*err = ERR_NO_ROUTE;
		return NULL;
	}
	struct sip_message *request = sip_draft_finish(draft, slice_of(via));
	assert(request->is_request && request->method != SIP_ACK);
	return start(transactions, request, target, handler, arg, err);
}

void client_transaction_send_at_most(struct client_transaction *ct, unsigned sends)
{
	ct->sends_counted = true;
	ct->repeats_left = sends ? sends - 1 : 0;
}

const struct sip_message *client_transaction_request(const struct client_transaction *ct)
{
	return ct->request;
}

void transaction_cancel(struct client_transaction *ct, struct slice reason)
{
	if (ct->cancel_wanted || ct->cancel_sent)
		return;
	if (reason.n && !ct->cancel_reason)
		ct->cancel_reason = slice_dup(reason);
	(void)transaction__step(&ct->base, EV_CANCEL, NULL);
}

bool client_transaction_withdraw(struct client_transaction *ct)
{
	if (!ct->base.stream || !transport_withdraw(ct->base.owner->transport, ct->flow_id, ct->request))
		return false;
	client_transaction_detach(ct);
	transaction__fail_later(&ct->base, ERR_CLOSED);
	return true;
}

bool client_transaction_cancels_later(const struct client_transaction *ct)
{
	return ct->cancel_wanted && !ct->cancel_sent && ct->base.state == CALLING;
}

void client_transaction_detach(struct client_transaction *ct)
{
	ct->handler = NULL;
}

enum err transaction_send_ack(struct transactions *transactions, const struct sip_draft *draft,
			      const struct sip_target *target, struct sip_message **sent)
{
	char via[VIA_TEXT];
	uint64_t flow_id;

	*sent = NULL;
	if (!print_via(transactions, target, via))
		return ERR_NO_ROUTE;
	*sent = sip_draft_finish(draft, slice_of(via));
	return transport_send_request(transactions->transport, target, *sent, &flow_id);
}

void transaction_resend_ack(struct transactions *transactions, const struct sip_target *target,
			    const struct sip_message *ack)
{
	uint64_t flow_id;
	enum err err = transport_send_request(transactions->transport, target, ack, &flow_id);

	/* The 2xx comes again as long as this ACK does not arrive. */
	if (err)
		log_line(transactions->world.log, LOG_DEBUG, "an ACK was not sent: %s", err_text(err));
}
