/* Taking part in a call that is up (Join, RFC 3911): others in ours, we in one of a line that is watched. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"
#include "phone/subscriptions.h"

/* ---- others in ours ---- */

static struct call *call_of(const struct phone *phone, const struct session *session)
{
	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		if (call->session == session)
			return call;
	}
	return NULL;
}

void join_note(struct call *call, const struct sip_source *source)
{
	const struct session *joined = session_joined(call->session);
	const struct account *account = account_find(call->phone, slice_of(call->account_name));
	const char *policy = settings_text(call_settings(call, "call.allow-join"), "call.allow-join");
	const struct call *old = joined ? call_of(call->phone, joined) : NULL;

	if (!joined)
		return;
	/* The echo test is nobody's conversation, and without sound there is nothing to mix (RFC 3911 4: 488). */
	if (!old || old->is_echo || !old->media.stream) {
		call->reject_code = 488;
		return;
	}
	if (!strcmp(policy, "off")) {
		call->reject_code = 603;
		return;
	}
	call->joins = old->number;
	/* Who knows the names of a dialog may have read them on the way: a person decides, unless our own server or
	 * this machine asks. */
	call->joins_at_once = !strcmp(policy, "on") &&
			      (address_is_loopback(&source->remote) ||
			       (account && account_is_server(account, &source->remote)));
}

bool join_together(const struct call *call, const struct call *other)
{
	const struct call *joined = call->joins ? call_find(call->phone, call->joins) : NULL;

	return joined && (joined == other || (joined->in_conference && other->in_conference));
}

void join_answered(struct call *call)
{
	struct call *joined = call->joins ? call_find(call->phone, call->joins) : NULL;

	if (!joined || joined->ended || !call->media.stream || !joined->media.stream)
		return;
	conference_add(joined, call);
	struct event *event = call_event(call, EVENT_JOINED);
	char *number = xasprintf("%u", joined->number);
	event_text(event, "join", slice_of(number));
	free(number);
}

void join_tell(const struct call *call, struct event *event)
{
	char *number = call->joins ? xasprintf("%u", call->joins) : NULL;

	event_text(event, "join", slice_of(number));
	free(number);
}

/* ---- we in a call of others ---- */

bool phone_join(struct phone *phone, struct slice text, unsigned *call, struct buf *dialled, struct failure *failure)
{
	struct target target;
	struct buf uri, join;

	if (!target_read(phone, text, phone->default_account, &target, failure))
		return false;
	if (target.is_echo) {
		target_fini(&target);
		return fail(failure, STATUS_USAGE, "echo",
			    "the echo test is inside this phone: it is in no call of others");
	}
	buf_init(&uri, 8192);
	buf_init(&join, 8192);
	buf_printf(&join, "Join:");
	/* Who does not know Join must not ring instead (RFC 3911 5). */
	const char *headers[] = { NULL, "Require:join", NULL };
	bool good = subscriptions_talking(phone->subscriptions, target.uri, &uri, &join, failure);
	headers[0] = buf_text(&join);
	good = good && phone_call(phone, buf_slice(&uri), &(struct call_options){ .headers = headers }, call, dialled,
				  failure);
	buf_fini(&uri);
	buf_fini(&join);
	target_fini(&target);
	return good;
}
