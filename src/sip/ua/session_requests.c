/* Requests of ours inside the dialog of a session, and which answers end it. */
#include "base/xmalloc.h"
#include "sip/syntax/scan.h"
#include "sip/ua/session_internal.h"

bool session_is_destroyed_by(unsigned status)
{
	switch (status) {
	case 404:
	case 408:
	case 410:
	case 416:
	case 480:
	case 481:
	case 482:
	case 483:
	case 484:
	case 485:
	case 502:
	case 604:
		return true;
	default:
		return false;
	}
}

static void on_errand(void *arg, struct request *request, enum request_event event, const struct outcome *outcome)
{
	struct errand *errand = arg;
	struct session *session = errand->session;

	if (event != REQUEST_FINAL)
		return;
	session_note_done(session, request);
	if (outcome->response)
		session_note_received(session, outcome->response);
	list_remove(&errand->node);
	/* What a fork that did not get the call says of itself ends nothing. */
	bool of_the_call = errand->leg == session->leg;
	if (errand->handler)
		errand->handler(errand->arg, request, outcome, true);
	free(errand);
	if (of_the_call && session_is_destroyed_by(outcome->status) && session->state == SESSION_CONFIRMED)
		session_break(session, core_outcome(outcome->status, outcome->cause, outcome->err));
}

static bool errand_contact(void *arg, struct sip_draft *draft, const struct sip_target *target)
{
	struct errand *errand = arg;
	struct session *session = errand->session;
	bool offers = errand->leg == session->update.leg && session->update.offered &&
		      slice_eq(sip_draft_method(draft), SLICE("UPDATE"));

	return request_add_contact(session->ua, session->profile, draft, target, slice_of(NULL)) &&
	       (!offers || session_may_offer_to(session, target));
}

/* Requests that refresh the remote target or make a usage carry a Contact (12.2.1.1). */
static bool wants_contact(struct slice method)
{
	enum sip_method known = sip_method_find(method);

	return known == SIP_UPDATE || known == SIP_SUBSCRIBE || known == SIP_NOTIFY || known == SIP_REFER;
}

struct errand *session_errand(struct leg *leg, struct sip_draft *draft, bool strict, request_h *handler, void *arg)
{
	struct session *session = leg->session;
	struct errand *errand = xcalloc(1, sizeof *errand);

	*errand = (struct errand){ .session = session, .leg = leg, .handler = handler, .arg = arg };
	list_append(&session->errands, &errand->node);
	errand->request = request_start(
		session->ua,
		&(struct request_spec){ .profile = session->profile,
					.draft = draft,
					.strict = strict,
					.others_dialog = !leg->dialog->ours,
					.cseq = &leg->dialog->local_cseq,
					.scope = slice_of(leg->dialog->scope),
					.prepare = wants_contact(sip_draft_method(draft)) ? errand_contact : NULL,
					.event = on_errand,
					.arg = errand });
	session_note_request(session, errand->request);
	return errand;
}

enum err session_request(struct session *session, struct slice method, struct slice content_type, struct slice body,
			 const struct extra_header *extra, size_t extra_count, request_h *handler, void *arg)
{
	enum sip_method known = sip_method_find(method);
	bool strict;

	if (session_is_over(session) || !session->leg)
		return ERR_STATE;
	if (known == SIP_INVITE || known == SIP_ACK || known == SIP_CANCEL || known == SIP_BYE)
		return ERR_UNSUPPORTED;
	if (!scan_is_token(method))
		return ERR_SYNTAX;
	enum err err = core_check_extra(extra, extra_count);
	if (err)
		return err;
	struct sip_draft *draft = dialog_draft(session->leg->dialog, method, &strict);
	core_user_agent(session->ua, draft);
	core_add_extra(draft, extra, extra_count);
	if (body.n)
		sip_draft_body(draft, content_type, body);
	session_errand(session->leg, draft, strict, handler, arg);
	return ERR_NONE;
}
