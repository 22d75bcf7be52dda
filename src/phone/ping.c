/* OPTIONS and whatever else is sent by hand, outside of calls and inside, and what came back. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

struct pending_request {
	struct list_node node;
	struct phone *phone;
	struct request *request; /* NULL: in the dialog of a call */
	unsigned number, call;
	char *method, *target, *account;
	int64_t sent_us;
};

static void request_done(struct pending_request *pending)
{
	list_remove(&pending->node);
	free(pending->method);
	free(pending->target);
	free(pending->account);
	free(pending);
}

void requests_free(struct phone *phone)
{
	LIST_EACH(&phone->requests, node) {
		struct pending_request *pending = LIST_ENTRY(node, struct pending_request, node);
		if (pending->request)
			request_detach(pending->request);
		request_done(pending);
	}
}

void phone_add_response(struct phone *phone, const struct told_response *request, const struct outcome *outcome)
{
	struct event *event = events_add(phone->events, EVENT_RESPONSE, request->call);
	event_number(event, "request", request->number);
	event_text(event, "direction", SLICE("out"));
	event_text(event, "to", slice_of(request->target));
	event_text(event, "account", slice_of(request->account));
	event_number(event, "code", outcome->status);
	const char *local = explain_local_cause(outcome);
	event_text(event, "reason", local ? slice_of(local) : outcome->reason);
	event_text(event, "cause", slice_of(outcome->cause == CAUSE_NONE ? "response" : cause_name(outcome->cause)));
	event_number(event, "duration", (double)(phone->timers->now_us - request->sent_us) / 1e6);
	if (outcome->response) {
		event_text(event, "server",
			   sip_message_value(outcome->response, SIP_HEADER_SERVER).n
				   ? sip_message_value(outcome->response, SIP_HEADER_SERVER)
				   : sip_message_value(outcome->response, SIP_HEADER_USER_AGENT));
		event_text(event, "allow", sip_message_value(outcome->response, SIP_HEADER_ALLOW));
	}
	if (outcome->status >= 300)
		phone_note_outcome(phone, outcome, request->account, event_value(event, "reason"), "%s to %s",
				   request->method, request->target);
}

static void tell(struct pending_request *pending, const struct outcome *outcome)
{
	phone_add_response(pending->phone,
			   &(struct told_response){ .number = pending->number,
						    .call = pending->call,
						    .method = pending->method,
						    .target = pending->target,
						    .account = pending->account,
						    .sent_us = pending->sent_us },
			   outcome);
	request_done(pending);
}

static void on_outcome(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	(void)request;
	if (final)
		tell(arg, outcome);
}

static struct pending_request *pending_new(struct phone *phone, struct slice method, const char *target,
					   const char *account)
{
	struct pending_request *pending = xcalloc(1, sizeof *pending);

	*pending = (struct pending_request){ .phone = phone,
					     .number = ++phone->last_request,
					     .method = slice_dup(method),
					     .target = xstrdup(target),
					     .account = xstrdup(account),
					     .sent_us = phone->timers->now_us };
	list_append(&phone->requests, &pending->node);
	return pending;
}

bool body_is_good(struct slice type, struct slice body, struct failure *failure)
{
	struct sip_media_type read;

	if (!body.n || sip_media_type_parse(type, &read))
		return true;
	return type.n ? fail(failure, STATUS_USAGE, "syntax", "'%.*s' is no type of a body: write text/plain",
			     SLICE_ARG(type))
		      : fail(failure, STATUS_USAGE, "syntax", "a body needs its type: type=text/plain");
}

static bool not_sent(struct pending_request *pending, enum err err, struct failure *failure)
{
	char *method = xstrdup(pending->method);

	request_done(pending);
	if (!scan_is_token(slice_of(method)))
		fail(failure, STATUS_USAGE, "method",
		     "'%s' is no method: one word of letters, digits and - . ! %% * _ + ` ' ~ (RFC 3261 25.1), "
		     "as NOTIFY",
		     method);
	else if (err == ERR_UNSUPPORTED)
		fail(failure, STATUS_USAGE, err_name(err),
		     "%s cannot be sent by hand: INVITE is `call`, CANCEL and BYE are `hangup`", method);
	else
		fail(failure, STATUS_CALL, err_name(err), "%s cannot be sent: %s", method, err_text(err));
	free(method);
	return false;
}

bool phone_request(struct phone *phone, struct slice method, struct slice text, const struct request_words *words,
		   unsigned *number, struct failure *failure)
{
	struct account *account = phone->default_account;
	struct extra_header extra[EXTRA_HEADERS_MAX];
	struct identity identity;
	struct address local;
	struct target target;
	char nobody[160];
	enum err err = ERR_NONE;
	int count;

	if (phone->shutting_down)
		return fail(failure, STATUS_NETWORK, "shutting-down", "the phone is about to end");
	if ((count = extra_headers_read(words->headers, extra, EXTRA_HEADERS_MAX, failure)) < 0 ||
	    !body_is_good(words->type, words->body, failure) || !phone_needs_start(phone, failure) ||
	    !target_read(phone, text, account, &target, failure))
		return false;
	if (target.is_echo) {
		uint16_t port = echo_port(phone->echo, &err);
		free(target.uri);
		target.uri = xasprintf("sip:echo@127.0.0.1:%u;transport=udp", port);
		account = NULL;
	}
	phone_local_towards(phone, target.uri, &local);
	identity_of(phone, account, &local, nobody, &identity);
	struct pending_request *pending = pending_new(phone, method, target.uri, account ? account->name : "");
	pending->request = ua_request(phone->ua,
				      &(struct request_config){ .identity = &identity,
								.method = method,
								.target = slice_of(pending->target),
								.content_type = words->type,
								.body = words->body,
								.extra = extra,
								.extra_count = (size_t)count,
								.handler = on_outcome,
								.arg = pending },
				      &err);
	target_fini(&target);
	if (!pending->request)
		return not_sent(pending, err, failure);
	*number = pending->number;
	return true;
}

bool phone_options(struct phone *phone, struct slice text, const char *const *headers, unsigned *number,
		   struct failure *failure)
{
	return phone_request(phone, SLICE("OPTIONS"), text, &(struct request_words){ .headers = headers }, number,
			     failure);
}

/* ---- in a call ---- */

bool call_request(struct call *call, struct slice method, const struct request_words *words, unsigned *number,
		  struct failure *failure)
{
	struct extra_header extra[EXTRA_HEADERS_MAX];
	int count = extra_headers_read(words->headers, extra, EXTRA_HEADERS_MAX, failure);

	if (count < 0 || !body_is_good(words->type, words->body, failure))
		return false;
	if (!call->session || !session_dialog(call->session))
		return fail(failure, STATUS_CALL, "not-answered", "call %u is not answered yet", call->number);
	struct pending_request *pending = pending_new(call->phone, method, call->uri, call->account_name);
	pending->call = call->number;
	enum err err = session_request(call->session, method, words->type, words->body, extra, (size_t)count,
				       on_outcome, pending);
	if (err)
		return not_sent(pending, err, failure);
	*number = pending->number;
	return true;
}

void call_requests_end(struct call *call)
{
	struct outcome outcome = { .status = 487, .reason = SLICE("The Call Has Ended"), .cause = CAUSE_CANCELLED };

	LIST_EACH(&call->phone->requests, node) {
		struct pending_request *pending = LIST_ENTRY(node, struct pending_request, node);
		if (pending->call == call->number)
			tell(pending, &outcome);
	}
}
