/* Reliable provisional responses (RFC 3262): RSeq, PRACK and RAck, as who calls and as who is called. */
#include "base/xmalloc.h"
#include "sip/ua/session_internal.h"

enum { RSEQ_FIRST_MOST = 0x7fffffff };

/* ---- called: 1xx that want a PRACK ---- */

static bool caller_supports(const struct session *session)
{
	return session_peer_supports(session->server.request, "100rel");
}

bool session_is_reliable(const struct session *session, bool described)
{
	if (session->options.reliable == RELIABLE_OFF || session->server.again || !caller_supports(session))
		return false;
	return described || session->options.reliable == RELIABLE_REQUIRED ||
	       sip_message_lists(session->server.request, SIP_HEADER_REQUIRE, SLICE("100rel"));
}

void session_reliable_stop(struct session *session)
{
	struct reliable *reliable = &session->reliable;

	timer_stop(session->ua->world.timers, &reliable->repeat);
	timer_stop(session->ua->world.timers, &reliable->give_up);
	reliable->waiting_count = 0;
	reliable->answer_waits = false;
}

static void repeat(void *arg)
{
	struct session *session = arg;
	struct reliable *reliable = &session->reliable;

	/* Who does not acknowledge gets its answer all the same (3), where nothing was described. */
	if (reliable->answer_waits && !reliable->described) {
		reliable->answer_waits = false;
		(void)!session_answer_now(session);
		return;
	}
	if (session->server.st)
		transaction_repeat(session->server.st);
	reliable->interval_us *= 2;
	timer_start(session->ua->world.timers, &reliable->repeat, reliable->interval_us, repeat, session);
}

/* The caller never said that it heard (3): the INVITE fails. */
static void no_prack(void *arg)
{
	struct session *session = arg;
	struct outcome outcome = core_outcome(504, CAUSE_TIMEOUT, ERR_TIMEOUT);

	session_reliable_stop(session);
	if (!session->server.pending)
		return;
	session_refuse(session, 504);
	session_fail(session, &outcome);
}

void session_reliable_sent(struct session *session, bool described)
{
	struct reliable *reliable = &session->reliable;
	int64_t t1_us = transaction_settings(session->ua->transactions)->t1_us;

	reliable->outstanding = true;
	reliable->described = described;
	reliable->interval_us = t1_us;
	timer_start(session->ua->world.timers, &reliable->repeat, t1_us, repeat, session);
	timer_start(session->ua->world.timers, &reliable->give_up, 64 * t1_us, no_prack, session);
}

static bool fits(const struct session *session, const struct sip_message *prack)
{
	struct sip_rack rack;

	return session->reliable.outstanding &&
	       sip_rack_parse(sip_message_value(prack, SIP_HEADER_RACK), &rack) &&
	       rack.rseq == session->reliable.rseq && rack.cseq.method == SIP_INVITE &&
	       rack.cseq.number == sip_message_cseq(session->server.request)->number;
}

/* The answer to our offer in the 1xx, or a new offer of the caller's (5). @return the status of the PRACK */
static unsigned take_description(struct leg *leg, const struct sip_message *prack, const struct sip_target *way,
				 struct buf *answer)
{
	struct session *session = leg->session;
	struct session_handlers *handlers = &session->handlers;
	bool has = session_has_sdp(prack);

	if (leg->turn == TURN_OURS && session->reliable.described) {
		leg->turn = TURN_NONE;
		leg->agreed = has && (!handlers->answer ||
				      handlers->answer(handlers->arg, session, leg->number, prack, true));
		return leg->agreed ? 200 : 488;
	}
	if (!has)
		return 200;
	if (leg->turn != TURN_NONE)
		return leg->turn == TURN_OURS ? 491 : 500;
	leg->turn = TURN_PEERS;
	unsigned status = session_ask_answer(leg, prack, way, answer);
	leg->turn = TURN_NONE;
	return status ? status : 200;
}

/* What waited for the PRACK. */
static void next_in_line(struct session *session)
{
	struct reliable *reliable = &session->reliable;

	if (!session->server.pending || session_is_over(session))
		return;
	if (reliable->answer_waits) {
		reliable->answer_waits = false;
		reliable->waiting_count = 0;
		/* An offer that cannot be answered has ended the session, which was told. */
		(void)!session_answer(session);
	} else if (reliable->waiting_count) {
		unsigned status = reliable->waiting[0].status;
		bool described = reliable->waiting[0].described;
		memmove(&reliable->waiting[0], &reliable->waiting[1],
			--reliable->waiting_count * sizeof reliable->waiting[0]);
		(void)!session_send_progress(session, status,
					     described ? buf_slice(&session->progress) : slice_of(NULL));
	}
}

void session_take_prack(struct leg *leg, struct server_transaction *st, struct sip_message *prack)
{
	struct session *session = leg->session;
	struct reliable *reliable = &session->reliable;
	struct timers *timers = session->ua->world.timers;
	struct sip_target way = session_source(st);
	struct buf answer;

	if (session->is_caller || !fits(session, prack)) {
		session_respond(session, st, 481);
		return;
	}
	bool ours = leg->turn == TURN_OURS;
	buf_init(&answer, SIP_MESSAGE_MAX);
	unsigned status = take_description(leg, prack, &way, &answer);
	reliable->outstanding = false;
	timer_stop(timers, &reliable->repeat);
	timer_stop(timers, &reliable->give_up);
	session_learn(leg, prack);
	if (status == 200) {
		struct sip_draft *draft = session_response(session, st, 200);
		if (answer.n)
			sip_draft_body(draft, SLICE("application/sdp"), buf_slice(&answer));
		session_send(session, st, draft);
	} else {
		session_respond(session, st, status);
	}
	buf_fini(&answer);
	if (ours && status != 200 && session->server.pending) {
		session_refuse(session, 488);
		session_end_later(session, core_outcome(488, CAUSE_MEDIA, ERR_MEDIA));
		return;
	}
	next_in_line(session);
	if (!session_is_over(session))
		session_go_on(session);
}

/* ---- calling: 1xx that we acknowledge ---- */

bool session_wants_prack(const struct sip_message *response)
{
	uint32_t rseq;

	return response->status > 100 && response->status < 200 &&
	       sip_message_lists(response, SIP_HEADER_REQUIRE, SLICE("100rel")) &&
	       sip_number_parse(sip_message_value(response, SIP_HEADER_RSEQ), &rseq) && rseq > 0;
}

bool session_take_rseq(struct leg *leg, const struct sip_message *response)
{
	uint32_t rseq, cseq = sip_message_cseq(response)->number;

	if (!sip_number_parse(sip_message_value(response, SIP_HEADER_RSEQ), &rseq))
		return false;
	/* The first may have any number; then they come in order, and the transaction of the PRACK repeats itself. */
	if (leg->rseq && leg->rseq_cseq == cseq && rseq != leg->rseq + 1)
		return false;
	leg->rseq = rseq;
	leg->rseq_cseq = cseq;
	return true;
}

void session_send_prack(struct leg *leg, const struct sip_message *response, struct slice body)
{
	struct session *session = leg->session;
	bool strict;
	struct sip_draft *draft = dialog_draft(leg->dialog, SLICE("PRACK"), &strict);

	sip_draft_add(draft, SIP_HEADER_RACK, "%u %u INVITE", leg->rseq, sip_message_cseq(response)->number);
	core_user_agent(session->ua, draft);
	if (body.n)
		sip_draft_body(draft, SLICE("application/sdp"), body);
	session_errand(leg, draft, strict, NULL, NULL);
}
