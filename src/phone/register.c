/* The registration of an account: its password, its binding, and what the registrar says. */
#include "base/xmalloc.h"
#include "phone/leftovers.h"
#include "phone/phone_internal.h"
#include "phone/subscriptions.h"

#include <stdio.h>

enum { PASSWORD_LIMIT_US = 30000000, REMOVAL_LIMIT_US = 2000000 };

/* ---- what the registration says ---- */

void account_set_password(struct account *account, struct slice password)
{
	if (account->password)
		explicit_bzero(account->password, strlen(account->password));
	free(account->password);
	account->password = password.n ? slice_dup(password) : NULL;
}

void account_set_result(struct account *account, enum account_state state, unsigned code, struct slice reason,
			const char *cause)
{
	account->state = state;
	account->code = code;
	free(account->reason);
	account->reason = clean(reason);
	xreplace(&account->cause, cause);
	xreplace(&account->withheld, NULL);
	xreplace(&account->challenge, NULL);
	account->retry_at_us = 0;
	account->removal_failed = false;
}

struct event *account_event(struct account *account, enum event_kind kind)
{
	struct event *event = events_add(account->phone->events, kind, 0);

	event_text(event, "account", slice_of(account->name));
	return event;
}

void account_add_result(struct event *event, const struct account *account)
{
	if (account->code)
		event_number(event, "code", account->code);
	event_text(event, "reason", slice_of(account->reason));
	if (account->cause && strcmp(account->cause, "none"))
		event_text(event, "cause", slice_of(account->cause));
}

static void on_registered(void *arg, struct registration *registration, uint32_t expires, bool first)
{
	struct binding *binding = arg;
	struct account *account = binding->account;

	if (!account)
		return;
	/* The answer is the packet that has just come: from now on calls from there are for us. */
	account_answered_by(account, false, &account->phone->wire_remote);
	account->needs_password = false;
	account_proxy_works(account);
	account_keep_spare(account);
	leftovers_only(account->phone->leftovers, account->uri, registration_contact_uri(registration));
	account_set_result(account, ACCOUNT_REGISTERED, 200, SLICE("OK"), NULL);
	/* Refreshes are not news. */
	if (first) {
		struct event *event = account_event(account, EVENT_REGISTERED);
		event_number(event, "expires", expires);
		event_number(event, "code", 200);
		subscriptions_account(account, true);
	}
}

/* The words of the `cause` key: auth refused dns connect tls timeout. */
static const char *register_cause(const struct outcome *outcome)
{
	switch (outcome->cause) {
	case CAUSE_REFUSED:
		return outcome->response ? "refused" : "connect"; /* by a registrar, or by a port */
	case CAUSE_NONE:
	case CAUSE_RESPONSE:
		return outcome->status == 401 || outcome->status == 407 ? "auth" : "refused";
	default:
		return cause_name(outcome->cause);
	}
}

static void on_failed(void *arg, struct registration *registration, const struct outcome *outcome, int64_t retry_us)
{
	struct binding *binding = arg;
	struct account *account = binding->account;
	struct buf detail;

	if (!account)
		return;
	account_make_routes(account);
	const char *local = explain_local_cause(outcome);
	account_set_result(account, ACCOUNT_FAILED, outcome->status, local ? slice_of(local) : outcome->reason,
			   register_cause(outcome));
	if (outcome->err == ERR_PERMISSION)
		xreplace(&account->withheld, registration_elsewhere(registration));
	else if (!strcmp(account->cause, "auth") && !account->password) {
		account->needs_password = true;
		xreplace(&account->reason, "no password: `account set` it, or give password= or password-command=");
	}
	buf_init(&detail, 2048);
	xreplace(&account->challenge, explain_challenge(outcome, account->name, &detail) ? buf_text(&detail) : NULL);
	buf_clear(&detail);
	if (outcome->response)
		explain_response(outcome->response, &detail);
	free(account->detail);
	account->detail = buf_take(&detail);
	buf_fini(&detail);
	if (account_next_proxy(account, outcome))
		retry_us = 1;
	if (retry_us > 0)
		account->retry_at_us = account->phone->timers->now_us + retry_us;
	struct event *event = account_event(account, EVENT_REGISTER_FAILED);
	account_add_result(event, account);
	event_number(event, "retry", retry_us > 0 ? (double)((retry_us + SECOND_US - 1) / SECOND_US) : 0);
	buf_init(&detail, 4096);
	explain_account_failure(account, &detail);
	event_text(event, "why", buf_slice(&detail));
	buf_fini(&detail);
	phone_note_failure(account->phone, "account %s: %u %s", account->name, account->code, account->reason);
}

static void removal_takes_too_long(void *arg)
{
	struct account *account = arg;

	if (!account->binding || !registration_is_unanswered(account->binding->registration))
		return;
	account->removal_told = true;
	account_set_result(account, ACCOUNT_UNREGISTERED, 0,
			   SLICE("the registrar has not answered so far; should it yet, our binding is removed at "
				 "once"),
			   NULL);
	account_add_result(account_event(account, EVENT_UNREGISTERED), account);
}

void account_await_removal(struct account *account)
{
	int64_t limit_us = account->removal_told ? 0 : REMOVAL_LIMIT_US;

	if (registration_is_unanswered(account->binding->registration))
		timer_start(account->phone->timers, &account->removal_limit, limit_us, removal_takes_too_long, account);
}

static void forget_removal(struct account *account)
{
	timer_stop(account->phone->timers, &account->removal_limit);
	account->removal_told = false;
}

static void on_unregistered(void *arg, struct registration *registration, const struct outcome *outcome)
{
	struct binding *binding = arg;
	struct account *account = binding->account;

	if (outcome->status < 300)
		leftovers_only(binding->phone->leftovers, binding->address, NULL);
	if (!account) {
		binding->dead = true;
		return;
	}
	account_make_routes(account);
	bool told = account->removal_told, stands = registration_left(registration) > 0;
	forget_removal(account);
	if (outcome->status >= 300 && (stands || !told)) {
		const char *local = explain_local_cause(outcome);
		account_set_result(account, ACCOUNT_FAILED, outcome->status, local ? slice_of(local) : outcome->reason,
				   register_cause(outcome));
		account->removal_failed = true;
		struct event *event = account_event(account, EVENT_REGISTER_FAILED);
		account_add_result(event, account);
		event_number(event, "retry", 0);
		event_text(event, "removal", SLICE("yes"));
		phone_note_failure(account->phone, "account %s: our binding could not be removed: %u %s", account->name,
				   account->code, account->reason);
		return;
	}
	if (told) /* and nothing has come of it since */
		return;
	account_set_result(account, ACCOUNT_UNREGISTERED, outcome->status, outcome->reason, NULL);
	account_add_result(account_event(account, EVENT_UNREGISTERED), account);
}

/* ---- whom else the registrar knows at this address ---- */

static void keep_contacts(struct account *account, const struct sip_message *response)
{
	const struct sip_address *contact;
	uint32_t seconds;
	struct buf lines;

	buf_init(&lines, BINDINGS_TEXT_MAX);
	for (size_t i = 0; (contact = sip_message_address(response, SIP_HEADER_CONTACT, i)) != NULL; i++) {
		if (contact->star)
			continue;
		char *uri = clean(contact->uri.text);
		buf_printf(&lines, "%s\t%u\n", uri, sip_address_expires(contact, &seconds) ? seconds : 0);
		free(uri);
	}
	free(account->bindings);
	account->bindings = buf_take(&lines);
}

static void tell_fetched(struct account *account, const struct outcome *outcome)
{
	if (!account->fetch_request)
		return;
	phone_add_response(account->phone,
			   &(struct told_response){ .number = account->fetch_request,
						    .method = "REGISTER",
						    .target = account->registrar,
						    .account = account->name,
						    .sent_us = account->fetched_us },
			   outcome);
	account->fetch_request = 0;
}

static void on_bindings(void *arg, struct registration *registration, const struct outcome *outcome)
{
	struct binding *binding = arg;

	(void)registration;
	if (!binding->account)
		return;
	if (outcome->response && outcome->status < 300)
		keep_contacts(binding->account, outcome->response);
	tell_fetched(binding->account, outcome);
}

/* ---- what stays behind when a phone is killed ---- */

static void on_binds(void *arg, struct registration *registration, struct slice contact)
{
	struct binding *binding = arg;

	(void)registration;
	leftovers_note(binding->phone->leftovers, binding->address, contact);
}

static void on_left(void *arg, const char *contact)
{
	struct binding *binding = arg;

	registration_remove_also(binding->registration, contact);
}

/* ---- registering ---- */

void binding_free(struct binding *binding)
{
	list_remove(&binding->node);
	if (binding->registration)
		registration_free(binding->registration);
	free(binding->address);
	free(binding->proxy);
	free(binding);
}

/* Let the registration go: its binding is removed if there is one, and it dies when that was answered. */
void account_retire(struct account *account)
{
	struct binding *binding = account->binding;

	account->binding = NULL;
	forget_removal(account);
	account_drop_spare(account);
	if (!binding)
		return;
	account_make_routes(account);
	tell_fetched(account, &(struct outcome){
				      .status = 487, .reason = SLICE("Request Terminated"), .cause = CAUSE_CANCELLED });
	binding_retire(account->phone, binding);
}

bool account_make_binding(struct account *account, struct failure *failure)
{
	struct identity identity;
	char nobody[160];
	enum err err = ERR_NONE;
	struct binding *binding = xcalloc(1, sizeof *binding);
	struct registration_handlers handlers = { on_registered, on_failed, on_unregistered,
						  on_bindings,	 binding,   on_binds };

	binding->phone = account->phone;
	binding->account = account;
	identity_of(account->phone, account, NULL, nobody, &identity);
	identity.routes = account->proxy_routes[0] ? account->proxy_routes : NULL;
	identity.strange_routes = 0;
	bool outbound = settings_number(account_settings(account->phone, account, "sip.outbound"), "sip.outbound");
	/* `auto` says a GRUU only where our connection is kept too: without that it need not be asked for. */
	enum { GRUU_AUTO = 1, GRUU_ON = 2 };
	int64_t wish = settings_number(account_settings(account->phone, account, "sip.gruu"), "sip.gruu");
	bool gruu = wish == GRUU_ON || (wish == GRUU_AUTO && outbound);
	binding->registration =
		registration_new(account->phone->ua,
				 &(struct registration_config){ .identity = &identity,
								.registrar = slice_of(account->registrar),
								.expires = account->expires,
								.instance = outbound || gruu
										    ? phone_instance(account->phone)
										    : NULL,
								.outbound = outbound,
								.gruu = gruu,
								.handlers = handlers },
				 &err);
	if (!binding->registration) {
		free(binding);
		return fail(failure, STATUS_USAGE, err_name(err), "account %s: cannot register at '%s': %s",
			    account->name, account->registrar, err_text(err));
	}
	binding->address = xstrdup(account->uri);
	leftovers_left(account->phone->leftovers, account->uri, on_left, binding);
	account->binding = binding;
	return true;
}

/* The registration with what the account says now. */
static bool begin(struct account *account, struct failure *failure)
{
	if (!phone_needs_start(account->phone, failure))
		return false;
	if (!account->binding && !account_make_binding(account, failure))
		return false;
	account_set_result(account, ACCOUNT_REGISTERING, 0, (struct slice){ 0 }, NULL);
	account->needs_password = false; /* unless the registrar asks for one again */
	forget_removal(account);
	registration_start(account->binding->registration);
	return true;
}

static void password_failed(struct account *account, const char *why)
{
	account_set_result(account, ACCOUNT_FAILED, 0, slice_of(why), "auth");
	account->needs_password = true;
	struct event *event = account_event(account, EVENT_REGISTER_FAILED);
	account_add_result(event, account);
	event_number(event, "retry", 0);
	phone_note_failure(account->phone, "account %s: %s", account->name, why);
}

static void password_done(void *arg, int status, const char *output, size_t bytes)
{
	struct account *account = arg;
	struct slice text = slice_make(output, bytes), line = slice_cut(&text, '\n');
	struct failure failure = { 0 };
	bool wanted = account->start_wanted;

	account->child = NULL;
	account->start_wanted = false;
	timer_stop(account->phone->timers, &account->password_limit);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (status || !line.n) {
		char *why = status ? xasprintf("the password command ended with status %d", status)
				   : xstrdup("the password command printed nothing");
		password_failed(account, why);
		free(why);
		return;
	}
	account_set_password(account, line);
	if (!wanted)
		return;
	account_retire(account);
	if (!begin(account, &failure))
		log_line(account->phone->log, LOG_ERROR, "%s", failure.text);
}

static void password_takes_too_long(void *arg)
{
	struct account *account = arg;

	account_drop_command(account);
	password_failed(account, "the password command did not end within 30 s");
}

void account_drop_command(struct account *account)
{
	if (account->child)
		loop_child_kill(account->child);
	account->child = NULL;
	account->start_wanted = false;
	timer_stop(account->phone->timers, &account->password_limit);
}

static bool run_password_command(struct account *account, struct failure *failure)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char *argv[] = { shell, option, account->password_command, NULL };
	enum err err = ERR_NONE;

	if (account->child) {
		account->start_wanted = true;
		return true;
	}
	account->child = loop_run_child(account->phone->loop, argv, password_done, account, &err);
	if (!account->child)
		return fail(failure, STATUS_REGISTER, err_name(err),
			    "account %s: the password command cannot be run: %s", account->name, err_text(err));
	account->start_wanted = true;
	timer_start(account->phone->timers, &account->password_limit, PASSWORD_LIMIT_US, password_takes_too_long,
		    account);
	account_set_result(account, ACCOUNT_REGISTERING, 0, (struct slice){ 0 }, NULL);
	return true;
}

bool account_start(struct account *account, struct failure *failure)
{
	if (!account_registers(account))
		return fail(failure, STATUS_USAGE, "no-registrar", "account %s does not register (registrar=none)",
			    account->name);
	if (account->phone->shutting_down)
		return fail(failure, STATUS_NETWORK, "shutting-down", "the phone is about to end");
	/* A command is asked again each time: tokens change. */
	if (account->password_command && !account->given_password)
		return run_password_command(account, failure);
	return begin(account, failure);
}

bool phone_account_fetch(struct phone *phone, struct slice name, unsigned *request, struct failure *failure)
{
	struct account *account;

	if (!account_find_or_fail(phone, name, &account, failure))
		return false;
	if (!account_registers(account))
		return fail(failure, STATUS_USAGE, "no-registrar",
			    "account %s has no registrar to ask (registrar=none)", account->name);
	if (!phone_needs_start(phone, failure) ||
	    (!account->binding && !account_make_binding(account, failure)))
		return false;
	if (!account->fetch_request) {
		account->fetch_request = ++phone->last_request;
		account->fetched_us = phone->timers->now_us;
		registration_fetch(account->binding->registration);
	}
	*request = account->fetch_request;
	return true;
}

void phone_account_bindings(const struct phone *phone, struct slice name, phone_binding_h *each, void *arg)
{
	const struct account *account = name.n ? account_named(phone, name) : phone->default_account;
	struct slice lines = slice_of(account ? account->bindings : NULL);

	while (lines.n) {
		struct slice seconds = slice_cut(&lines, '\n'), uri = slice_cut(&seconds, '\t');
		char *text = slice_dup(uri);
		uint32_t number = 0;
		(void)!slice_to_u32(seconds, &number);
		each(arg, text, number);
		free(text);
	}
}

bool phone_account_face(const struct phone *phone, struct slice name, char *text, size_t room)
{
	const struct account *account = account_named(phone, name);
	enum sip_protocol protocol;
	struct address face;
	char printed[ADDRESS_TEXT];

	if (!account || !account->binding || !registration_contact(account->binding->registration, &face, &protocol))
		return false;
	snprintf(text, room, "%s", address_print(&face, printed));
	return true;
}
