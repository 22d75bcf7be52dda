/* OPTIONS, and what came back. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

struct pending_request {
	struct list_node node;
	struct phone *phone;
	struct request *request;
	unsigned number;
	char *target, *account;
	int64_t sent_us;
};

static void request_done(struct pending_request *pending)
{
	list_remove(&pending->node);
	free(pending->target);
	free(pending->account);
	free(pending);
}

void requests_free(struct phone *phone)
{
	LIST_EACH(&phone->requests, node) {
		struct pending_request *pending = LIST_ENTRY(node, struct pending_request, node);
		request_detach(pending->request);
		request_done(pending);
	}
}

void phone_add_response(struct phone *phone, const struct told_response *request, const struct outcome *outcome)
{
	struct event *event = events_add(phone->events, EVENT_RESPONSE, 0);
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
	if (outcome->status >= 300) {
		char *reason = clean(local ? slice_of(local) : outcome->reason);
		phone_note_failure(phone, "%s to %s: %u %s", request->method, request->target, outcome->status, reason);
		free(reason);
	}
}

static void on_options(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	struct pending_request *pending = arg;
	struct phone *phone = pending->phone;

	(void)request;
	if (!final)
		return;
	phone_add_response(phone,
			   &(struct told_response){ .number = pending->number,
						    .method = "OPTIONS",
						    .target = pending->target,
						    .account = pending->account,
						    .sent_us = pending->sent_us },
			   outcome);
	request_done(pending);
}

bool phone_options(struct phone *phone, struct slice text, const char *const *headers, unsigned *number,
		   struct failure *failure)
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
	if ((count = extra_headers_read(headers, extra, EXTRA_HEADERS_MAX, failure)) < 0 ||
	    !phone_needs_start(phone, failure) || !target_read(phone, text, account, &target, failure))
		return false;
	phone_local_for(phone, NULL, &local);
	if (target.is_echo) {
		uint16_t port = echo_port(phone->echo, &err);
		free(target.uri);
		target.uri = xasprintf("sip:echo@127.0.0.1:%u;transport=udp", port);
		account = NULL;
	}
	identity_of(phone, account, &local, nobody, &identity);
	struct pending_request *pending = xcalloc(1, sizeof *pending);
	*pending = (struct pending_request){ .phone = phone,
					     .number = ++phone->last_request,
					     .target = xstrdup(target.uri),
					     .account = xstrdup(account ? account->name : ""),
					     .sent_us = phone->timers->now_us };
	list_append(&phone->requests, &pending->node);
	pending->request = ua_request(phone->ua,
				      &(struct request_config){ .identity = &identity,
								.method = SLICE("OPTIONS"),
								.target = slice_of(pending->target),
								.extra = extra,
								.extra_count = (size_t)count,
								.handler = on_options,
								.arg = pending },
				      &err);
	target_fini(&target);
	if (!pending->request) {
		request_done(pending);
		return fail(failure, STATUS_CALL, err_name(err), "OPTIONS cannot be sent: %s", err_text(err));
	}
	*number = pending->number;
	return true;
}
