/* Accounts: who we are where, and the registration of each. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <stdio.h>

enum { ACCOUNT_TEXT_MAX = 512, EXPIRES_DEFAULT_S = 3600, EXPIRES_LEAST_S = 30, EXPIRES_MOST_S = 604800, ACCOUNTS_MAX = 1000 };

static const char *const option_names[] = { "name", "display", "user", "auth-user", "realm", "password", "password-command",
					    "registrar", "proxy", "transport", "expires", NULL };

const char *const *phone_account_options(void)
{
	return option_names;
}

const char *account_state_name(enum account_state state)
{
	static const char *const names[] = { "unregistered", "registering", "registered", "failed" };

	return names[state];
}

static bool registers(const struct account *account)
{
	return strcmp(account->registrar, "none") != 0;
}

/* ---- look-up ---- */

struct account *account_find(const struct phone *phone, struct slice word)
{
	struct slice plain = slice_ibegins(word, SLICE("sip:")) ? slice_from(word, 4) : word;

	LIST_EACH(&phone->accounts, node) {
		struct account *account = LIST_ENTRY(node, struct account, node);
		if (slice_ieq(word, slice_of(account->name)))
			return account;
	}
	LIST_EACH(&phone->accounts, node) {
		struct account *account = LIST_ENTRY(node, struct account, node);
		if (slice_ieq(plain, slice_from(slice_of(account->uri), 4)))
			return account;
	}
	return NULL;
}

static bool find_or_fail(struct phone *phone, struct slice word, struct account **account, struct failure *failure)
{
	*account = word.n ? account_find(phone, word) : phone->default_account;
	if (*account)
		return true;
	if (!word.n || list_empty(&phone->accounts))
		return fail(failure, STATUS_USAGE, "no-account", "there is no account: add one by `account add sip:you@example.com`");
	return fail(failure, STATUS_USAGE, "no-account", "there is no account '%.*s': `account list` shows them", SLICE_ARG(word));
}

bool account_for(struct phone *phone, const char *word, struct account **account, struct failure *failure)
{
	if (!word || !*word) {
		*account = phone->default_account;
		return true;
	}
	return find_or_fail(phone, slice_of(word), account, failure);
}

static bool is_server(const struct account *account, const struct address *remote)
{
	return account->state == ACCOUNT_REGISTERED && address_is_set(&account->server) && address_same_host(&account->server, remote);
}

/* "alice%2B" and "alice+" are the same user. */
static bool same_user(const struct account *account, struct slice user)
{
	struct arena arena;

	arena_init(&arena);
	bool same = slice_eq(sip_unescape(&arena, user), sip_unescape(&arena, slice_of(account->user)));
	arena_fini(&arena);
	return same;
}

struct account *account_of_request(const struct phone *phone, const struct sip_message *request, const struct sip_source *source)
{
	const struct sip_uri *uri = sip_message_request_uri(request);
	const struct sip_address *to = sip_message_to(request);
	struct account *best = NULL;
	int best_score = 0;

	LIST_EACH(&phone->accounts, node) {
		struct account *account = LIST_ENTRY(node, struct account, node);
		struct slice domain = slice_of(account->domain);
		int score = uri && uri->has_user && same_user(account, uri->user) ? 4 : 0;
		if (to && to->uri.has_user && same_user(account, to->uri.user) && slice_ieq(to->uri.host, slice_cut(&domain, ':')))
			score += 2;
		if (is_server(account, &source->remote))
			score += 1;
		if (score > best_score) {
			best = account;
			best_score = score;
		}
	}
	return best;
}

bool account_knows(const struct phone *phone, const struct sip_message *request, const struct sip_source *source)
{
	const struct sip_uri *uri = sip_message_request_uri(request);

	if (!strcmp(settings_text(phone->settings, "call.accept"), "any") || list_empty(&phone->accounts))
		return true;
	/* OPTIONS to the host alone asks whether we live. */
	if (request->method == SIP_OPTIONS && uri && !uri->has_user)
		return true;
	LIST_EACH(&phone->accounts, node) {
		const struct account *account = LIST_ENTRY(node, struct account, node);
		if (is_server(account, &source->remote) || (uri && uri->has_user && same_user(account, uri->user)))
			return true;
	}
	return false;
}

/* ---- identity ---- */

static const char *routes_of(const struct account *account, const char *const **routes)
{
	*routes = account->proxy ? account->routes : NULL;
	return account->proxy;
}

void identity_of(struct phone *phone, const struct account *account, const struct address *local, char nobody[160], struct identity *identity)
{
	char host[ADDRESS_TEXT] = "anonymous.invalid";

	*identity = (struct identity){ 0 };
	if (!strcmp(settings_text(phone->settings, "sip.transport"), "tcp")) {
		identity->has_protocol = true;
		identity->protocol = SIP_TCP;
	}
	if (!account) {
		if (local && address_is_set(local))
			address_print_host(local, true, host);
		snprintf(nobody, 160, "sip:offhook@%s", host);
		identity->uri = nobody;
		return;
	}
	identity->uri = account->uri;
	identity->display = account->display;
	identity->auth_user = account->auth_user;
	identity->password = account->password;
	identity->realm = account->realm;
	routes_of(account, &identity->routes);
	if (account->has_transport) {
		identity->has_protocol = true;
		identity->protocol = account->transport;
	}
	if (account->binding)
		identity->has_contact = registration_contact(account->binding->registration, &identity->contact, &identity->contact_protocol);
}

/* ---- what the registration says ---- */

static void set_result(struct account *account, enum account_state state, unsigned code, struct slice reason, const char *cause)
{
	account->state = state;
	account->code = code;
	free(account->reason);
	account->reason = clean(reason);
	xreplace(&account->cause, cause);
	account->retry_at_us = 0;
}

static struct event *account_event(struct account *account, enum event_kind kind)
{
	struct event *event = events_add(account->phone->events, kind, 0);

	event_text(event, "account", slice_of(account->name));
	return event;
}

static void add_result(struct event *event, const struct account *account)
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

	(void)registration;
	if (!account)
		return;
	/* The answer is the packet that has just come: from now on calls from there are for us. */
	account->server = account->phone->wire_remote;
	account->needs_password = false;
	set_result(account, ACCOUNT_REGISTERED, 200, SLICE("OK"), NULL);
	/* Refreshes are not news. */
	if (first) {
		struct event *event = account_event(account, EVENT_REGISTERED);
		event_number(event, "expires", expires);
		event_number(event, "code", 200);
	}
}

/* The words of the `cause` key: auth refused dns connect tls timeout. */
static const char *register_cause(const struct outcome *outcome)
{
	switch (outcome->cause) {
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

	(void)registration;
	if (!account)
		return;
	set_result(account, ACCOUNT_FAILED, outcome->status, outcome->reason, register_cause(outcome));
	if (!strcmp(account->cause, "auth") && !account->password) {
		account->needs_password = true;
		xreplace(&account->reason, "no password: `account set` it, or give password= or password-command=");
	}
	buf_init(&detail, 2048);
	if (outcome->response)
		explain_response(outcome->response, &detail);
	free(account->detail);
	account->detail = buf_take(&detail);
	buf_fini(&detail);
	if (retry_us > 0)
		account->retry_at_us = account->phone->timers->now_us + retry_us;
	struct event *event = account_event(account, EVENT_REGISTER_FAILED);
	add_result(event, account);
	event_number(event, "retry", retry_us > 0 ? (double)((retry_us + SECOND_US - 1) / SECOND_US) : 0);
	phone_note_failure(account->phone, "account %s: %u %s", account->name, account->code, account->reason);
}

static void on_unregistered(void *arg, struct registration *registration, const struct outcome *outcome)
{
	struct binding *binding = arg;
	struct account *account = binding->account;

	(void)registration;
	if (!account) {
		binding->dead = true;
		return;
	}
	set_result(account, ACCOUNT_UNREGISTERED, outcome ? outcome->status : 0, outcome ? outcome->reason : (struct slice){ 0 },
		   outcome && outcome->status >= 300 ? cause_name(outcome->cause) : NULL);
	add_result(account_event(account, EVENT_UNREGISTERED), account);
}

/* ---- registering ---- */

static void binding_free(struct binding *binding)
{
	list_remove(&binding->node);
	registration_free(binding->registration);
	free(binding);
}

/* Let the registration go: its binding is removed if there is one, and it dies when that was answered. */
static void retire(struct account *account)
{
	struct binding *binding = account->binding;

	account->binding = NULL;
	if (!binding)
		return;
	binding->account = NULL;
	list_append(&account->phone->retired, &binding->node);
	if (registration_state(binding->registration) == REGISTRATION_REGISTERED)
		registration_stop(binding->registration, false);
	else
		binding->dead = true;
}

static bool make_binding(struct account *account, struct failure *failure)
{
	struct identity identity;
	char nobody[160];
	enum err err = ERR_NONE;
	struct binding *binding = xcalloc(1, sizeof *binding);
	struct registration_handlers handlers = { on_registered, on_failed, on_unregistered, NULL, binding };

	binding->phone = account->phone;
	binding->account = account;
	identity_of(account->phone, account, NULL, nobody, &identity);
	binding->registration = registration_new(account->phone->ua,
						 &(struct registration_config){ .identity = &identity, .registrar = slice_of(account->registrar),
										.expires = account->expires, .handlers = handlers },
						 &err);
	if (!binding->registration) {
		free(binding);
		return fail(failure, STATUS_USAGE, err_name(err), "account %s: cannot register at '%s': %s", account->name, account->registrar, err_text(err));
	}
	account->binding = binding;
	return true;
}

/* The registration with what the account says now. */
static bool begin(struct account *account, struct failure *failure)
{
	if (!phone_needs_start(account->phone, failure))
		return false;
	if (!account->binding && !make_binding(account, failure))
		return false;
	set_result(account, ACCOUNT_REGISTERING, 0, (struct slice){ 0 }, NULL);
	registration_start(account->binding->registration);
	return true;
}

static void password_failed(struct account *account, const char *why)
{
	set_result(account, ACCOUNT_FAILED, 0, slice_of(why), "auth");
	account->needs_password = true;
	struct event *event = account_event(account, EVENT_REGISTER_FAILED);
	add_result(event, account);
	event_number(event, "retry", 0);
	phone_note_failure(account->phone, "account %s: %s", account->name, why);
}

static void password_done(void *arg, int status, const char *output, size_t bytes)
{
	struct account *account = arg;
	struct slice text = slice_make(output, bytes), line = slice_cut(&text, '\n');
	struct failure failure = { 0 };

	account->child = NULL;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (status || !line.n) {
		char *why = status ? xasprintf("the password command ended with status %d", status) : xstrdup("the password command printed nothing");
		password_failed(account, why);
		free(why);
		return;
	}
	free(account->password);
	account->password = slice_dup(line);
	if (!account->start_wanted)
		return;
	account->start_wanted = false;
	retire(account);
	if (!begin(account, &failure))
		log_line(account->phone->log, LOG_ERROR, "%s", failure.text);
}

static bool run_password_command(struct account *account, struct failure *failure)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char *argv[] = { shell, option, account->password_command, NULL };
	enum err err = ERR_NONE;

	account->start_wanted = true;
	if (account->child)
		return true;
	account->child = loop_run_child(account->phone->loop, argv, password_done, account, &err);
	if (!account->child)
		return fail(failure, STATUS_REGISTER, err_name(err), "account %s: the password command cannot be run: %s", account->name, err_text(err));
	set_result(account, ACCOUNT_REGISTERING, 0, (struct slice){ 0 }, NULL);
	return true;
}

static bool start(struct account *account, struct failure *failure)
{
	if (!registers(account))
		return fail(failure, STATUS_USAGE, "no-registrar", "account %s does not register (registrar=none)", account->name);
	if (account->phone->shutting_down)
		return fail(failure, STATUS_NETWORK, "shutting-down", "the phone is about to end");
	/* A command is asked again each time: tokens change. */
	if (account->password_command && !account->given_password)
		return run_password_command(account, failure);
	return begin(account, failure);
}

/* ---- options ---- */

static bool set_uri_option(char **to, const char *key, struct slice value, struct failure *failure)
{
	struct sip_uri uri;
	char *text = slice_ibegins(value, SLICE("sip:")) || slice_ibegins(value, SLICE("sips:")) ? slice_dup(value) : xasprintf("sip:%.*s", SLICE_ARG(value));

	if (!sip_uri_parse(slice_of(text), &uri, NULL) || !uri.host.n) {
		free(text);
		return fail(failure, STATUS_USAGE, "syntax", "%s=%.*s is no host or SIP address", key, SLICE_ARG(value));
	}
	if (uri.scheme == SIP_SCHEME_SIPS) {
		free(text);
		return fail(failure, STATUS_NETWORK, "no-tls", "this version cannot do TLS, which %s=%.*s asks for", key, SLICE_ARG(value));
	}
	free(*to);
	*to = text;
	return true;
}

static bool set_proxy(struct account *account, struct slice value, struct failure *failure)
{
	if (!value.n) {
		xreplace(&account->proxy, NULL);
		return true;
	}
	if (!set_uri_option(&account->proxy, "proxy", value, failure))
		return false;
	/* A preloaded route is a loose router unless the user knows better (RFC 3261 8.1.2). */
	if (slice_ifind_slice(slice_of(account->proxy), SLICE(";lr")) == strlen(account->proxy)) {
		char *loose = xasprintf("%s;lr", account->proxy);
		free(account->proxy);
		account->proxy = loose;
	}
	account->routes[0] = account->proxy;
	account->routes[1] = NULL;
	return true;
}

static bool set_expires(struct account *account, struct slice value, struct failure *failure)
{
	int64_t us;
	uint32_t seconds;

	if (duration_parse(value, &us) && us % SECOND_US == 0 && us / SECOND_US <= EXPIRES_MOST_S)
		seconds = (uint32_t)(us / SECOND_US);
	else if (!slice_to_u32(value, &seconds))
		seconds = 0;
	if (seconds < EXPIRES_LEAST_S || seconds > EXPIRES_MOST_S)
		return fail(failure, STATUS_USAGE, "range", "expires goes from %ds to 7 days, as in expires=1h", EXPIRES_LEAST_S);
	account->expires = seconds;
	return true;
}

static bool set_transport(struct account *account, struct slice value, struct failure *failure)
{
	enum sip_protocol protocol;

	if (!value.n || slice_ieq(value, SLICE("auto"))) {
		account->has_transport = false;
		return true;
	}
	if (!sip_protocol_find(value, &protocol) || (protocol != SIP_UDP && protocol != SIP_TCP))
		return fail(failure, STATUS_USAGE, "range", "transport is udp or tcp, not '%.*s'", SLICE_ARG(value));
	account->has_transport = true;
	account->transport = protocol;
	return true;
}

static void set_text(char **to, struct slice value)
{
	free(*to);
	*to = value.n ? slice_dup(value) : NULL;
}

static bool set_name(struct account *account, struct slice value, struct failure *failure)
{
	struct account *other = account_find(account->phone, value);

	if (!value.n || slice_find(value, ' ') < value.n)
		return fail(failure, STATUS_USAGE, "syntax", "an account's name is one word");
	if (other && other != account)
		return fail(failure, STATUS_USAGE, "exists", "there is an account '%.*s' already", SLICE_ARG(value));
	set_text(&account->name, value);
	return true;
}

static void make_uri(struct account *account)
{
	struct buf uri;

	buf_init(&uri, 4 * ACCOUNT_TEXT_MAX);
	buf_printf(&uri, "sip:");
	sip_escape_user(&uri, slice_of(account->user));
	buf_printf(&uri, "@%s", account->domain);
	free(account->uri);
	account->uri = buf_take(&uri);
}

static bool set_option(struct account *account, struct slice key, struct slice value, struct failure *failure)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
			return fail(failure, STATUS_USAGE, "syntax", "%.*s= holds control characters", SLICE_ARG(key));
	if (value.n > ACCOUNT_TEXT_MAX)
		return fail(failure, STATUS_USAGE, "too-big", "%.*s= is longer than %d bytes", SLICE_ARG(key), ACCOUNT_TEXT_MAX);
	if (slice_eq(key, SLICE("name")))
		return set_name(account, value, failure);
	if (slice_eq(key, SLICE("transport")))
		return set_transport(account, value, failure);
	if (slice_eq(key, SLICE("expires")))
		return set_expires(account, value, failure);
	if (slice_eq(key, SLICE("proxy")))
		return set_proxy(account, value, failure);
	if (slice_eq(key, SLICE("registrar"))) {
		if (!slice_ieq(value, SLICE("none")))
			return set_uri_option(&account->registrar, "registrar", value, failure);
		xreplace(&account->registrar, "none");
	} else if (slice_eq(key, SLICE("user"))) {
		if (!value.n)
			return fail(failure, STATUS_USAGE, "syntax", "user= needs a name");
		set_text(&account->user, value);
		make_uri(account);
	} else if (slice_eq(key, SLICE("display"))) {
		set_text(&account->display, value);
	} else if (slice_eq(key, SLICE("auth-user"))) {
		set_text(&account->auth_user, value);
	} else if (slice_eq(key, SLICE("realm"))) {
		set_text(&account->realm, value);
	} else if (slice_eq(key, SLICE("password"))) {
		set_text(&account->password, value);
		account->given_password = value.n > 0;
	} else if (slice_eq(key, SLICE("password-command"))) {
		set_text(&account->password_command, value);
	} else {
		return fail(failure, STATUS_USAGE, "no-such-option", "'%.*s' is no option of an account", SLICE_ARG(key));
	}
	return true;
}

static bool set_options(struct account *account, const char *const *options, struct failure *failure)
{
	for (; options && *options; options++) {
		struct slice value = slice_of(*options), key = slice_cut(&value, '=');
		if (!value.p)
			return fail(failure, STATUS_USAGE, "syntax", "'%s': an option is written KEY=VALUE", *options);
		if (!set_option(account, key, value, failure))
			return false;
	}
	return true;
}

/* ---- add, set, remove ---- */

static void account_free(struct account *account)
{
	char *const texts[] = { account->name, account->display, account->user, account->domain, account->auth_user, account->realm, account->password,
				account->password_command, account->registrar, account->proxy, account->uri, account->reason, account->cause,
				account->detail };

	if (account->child)
		loop_child_kill(account->child);
	list_remove(&account->node);
	if (account->phone->default_account == account) {
		struct list_node *first = list_first(&account->phone->accounts);
		account->phone->default_account = first ? LIST_ENTRY(first, struct account, node) : NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	free(account);
}

/* "Alice <sip:alice@atlanta.com>", "alice@atlanta.com" -> an account without options. */
static struct account *account_new(struct phone *phone, struct slice address, struct failure *failure)
{
	struct sip_address read;
	struct slice text = slice_trim(address);
	char *whole = slice_find(text, '<') < text.n || slice_ibegins(text, SLICE("sip:")) || slice_ibegins(text, SLICE("sips:")) ?
			      slice_dup(text) :
			      xasprintf("sip:%.*s", SLICE_ARG(text));
	struct account *account = NULL;
	struct arena arena;

	arena_init(&arena);
	if (text.n > ACCOUNT_TEXT_MAX || !sip_address_parse(slice_of(whole), &read, NULL) || !read.uri.has_user || !read.uri.user.n || !read.uri.host.n) {
		fail(failure, STATUS_USAGE, "syntax", "'%.*s' is no address of yours: write sip:you@example.com", SLICE_ARG(text));
		goto out;
	}
	if (read.uri.scheme != SIP_SCHEME_SIP) {
		fail(failure, STATUS_NETWORK, "no-tls", "this version cannot do TLS, which sips: asks for; try sip:");
		goto out;
	}
	account = xcalloc(1, sizeof *account);
	account->phone = phone;
	account->user = slice_dup(sip_unescape(&arena, read.uri.user));
	account->domain = read.uri.port ? xasprintf("%.*s:%u", SLICE_ARG(read.uri.host), read.uri.port) : slice_dup(read.uri.host);
	account->registrar = xasprintf("sip:%s", account->domain);
	account->display = read.display.n ? slice_dup(sip_address_display(&arena, &read)) : NULL;
	account->expires = EXPIRES_DEFAULT_S;
	account->reason = xstrdup("");
	make_uri(account);
	account->name = xstrdup(account->uri + 4);
out:
	arena_fini(&arena);
	free(whole);
	return account;
}

bool phone_account_add(struct phone *phone, struct slice address, const char *const *options, struct failure *failure)
{
	size_t count = 0;
	struct account *account = account_new(phone, address, failure);

	if (!account)
		return false;
	/* The same account in `saved` and in the configuration file is one account. */
	struct account *known = account_find(phone, slice_of(account->uri));
	if (known) {
		account_free(account);
		return phone_account_set(phone, slice_of(known->name), options, failure);
	}
	LIST_EACH(&phone->accounts, node)
		count++;
	if (count >= ACCOUNTS_MAX) {
		account_free(account);
		return fail(failure, STATUS_USAGE, "full", "there are %d accounts already", ACCOUNTS_MAX);
	}
	if (!set_options(account, options, failure)) {
		account_free(account);
		return false;
	}
	list_append(&phone->accounts, &account->node);
	if (!phone->default_account)
		phone->default_account = account;
	return !registers(account) || start(account, failure);
}

bool phone_account_set(struct phone *phone, struct slice name, const char *const *options, struct failure *failure)
{
	struct account *account;

	if (!find_or_fail(phone, name, &account, failure) || !set_options(account, options, failure))
		return false;
	/* Whatever changed, the registrar hears of it: the old binding goes, a new one comes. */
	retire(account);
	account->needs_password = false;
	set_result(account, ACCOUNT_UNREGISTERED, 0, (struct slice){ 0 }, NULL);
	return !registers(account) || start(account, failure);
}

bool phone_account_password(struct phone *phone, struct slice name, struct slice password, struct failure *failure)
{
	char *option = xasprintf("password=%.*s", SLICE_ARG(password));
	const char *const options[] = { option, NULL };
	bool good = phone_account_set(phone, name, options, failure);

	memset(option, 0, strlen(option));
	free(option);
	return good;
}

bool phone_account_remove(struct phone *phone, struct slice name, struct failure *failure)
{
	struct account *account;

	if (!find_or_fail(phone, name, &account, failure))
		return false;
	retire(account);
	account_free(account);
	return true;
}

bool phone_account_default(struct phone *phone, struct slice name, struct failure *failure)
{
	struct account *account;

	if (!find_or_fail(phone, name, &account, failure))
		return false;
	phone->default_account = account;
	return true;
}

bool phone_register(struct phone *phone, struct slice name, struct failure *failure)
{
	struct account *account;

	if (name.n || list_empty(&phone->accounts))
		return find_or_fail(phone, name, &account, failure) && start(account, failure);
	LIST_EACH(&phone->accounts, node) {
		account = LIST_ENTRY(node, struct account, node);
		if (registers(account) && !start(account, failure))
			return false;
	}
	return true;
}

bool phone_unregister(struct phone *phone, struct slice name, bool all_bindings, struct failure *failure)
{
	struct account *account;

	if (!find_or_fail(phone, name, &account, failure))
		return false;
	account->start_wanted = false;
	if (!account->binding) {
		if (!all_bindings) {
			/* Nothing to remove, and scripts that wait for it go on. */
			account_event(account, EVENT_UNREGISTERED);
			return true;
		}
		if (!phone_needs_start(phone, failure) || !make_binding(account, failure))
			return false;
	}
	registration_stop(account->binding->registration, all_bindings);
	return true;
}

/* ---- views ---- */

static void view_of(const struct account *account, struct account_view *view)
{
	int64_t left_us = account->retry_at_us - account->phone->timers->now_us;

	*view = (struct account_view){
		.name = account->name, .address = account->uri, .registrar = account->registrar, .state = account_state_name(account->state),
		.expires_left_s = account->binding ? registration_left(account->binding->registration) : 0,
		.retry_s = account->retry_at_us && left_us > 0 ? (uint32_t)((left_us + SECOND_US - 1) / SECOND_US) : 0, .code = account->code,
		.reason = account->reason, .cause = account->cause ? account->cause : "", .is_default = account == account->phone->default_account,
		.needs_password = account->needs_password,
	};
}

size_t phone_accounts(const struct phone *phone, struct account_view *views, size_t max)
{
	size_t count = 0;

	LIST_EACH(&phone->accounts, node) {
		if (count < max)
			view_of(LIST_ENTRY(node, struct account, node), &views[count]);
		count++;
	}
	return count;
}

bool phone_view_account(const struct phone *phone, struct slice name, struct account_view *view)
{
	const struct account *account = name.n ? account_find(phone, name) : phone->default_account;

	if (account)
		view_of(account, view);
	return account != NULL;
}

/* ---- the end ---- */

void accounts_moved(struct phone *phone)
{
	LIST_EACH(&phone->accounts, node) {
		struct account *account = LIST_ENTRY(node, struct account, node);
		if (account->binding && account->state == ACCOUNT_REGISTERED)
			registration_start(account->binding->registration);
	}
}

void accounts_shut_down(struct phone *phone)
{
	LIST_EACH(&phone->accounts, node) {
		struct account *account = LIST_ENTRY(node, struct account, node);
		account->start_wanted = false;
		if (account->binding && account->state == ACCOUNT_REGISTERED)
			registration_stop(account->binding->registration, false);
		else
			retire(account);
	}
}

bool accounts_quiet(const struct phone *phone)
{
	LIST_EACH(&phone->retired, node)
		if (!LIST_ENTRY(node, struct binding, node)->dead)
			return false;
	LIST_EACH(&phone->accounts, node) {
		const struct account *account = LIST_ENTRY(node, struct account, node);
		if (account->binding && registration_state(account->binding->registration) == REGISTRATION_REMOVING)
			return false;
	}
	return true;
}

void accounts_turn_end(struct phone *phone)
{
	LIST_EACH(&phone->retired, node) {
		struct binding *binding = LIST_ENTRY(node, struct binding, node);
		if (binding->dead)
			binding_free(binding);
	}
}

void accounts_free(struct phone *phone)
{
	while (!list_empty(&phone->accounts)) {
		struct account *account = LIST_ENTRY(list_first(&phone->accounts), struct account, node);
		if (account->binding)
			binding_free(account->binding);
		account_free(account);
	}
	while (!list_empty(&phone->retired))
		binding_free(LIST_ENTRY(list_first(&phone->retired), struct binding, node));
}
