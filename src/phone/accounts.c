/* Accounts: who we are where, and the registration of each. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"
#include "phone/presence.h"
#include "phone/subscriptions.h"

#include <stdio.h>

enum { EXPIRES_DEFAULT_S = 3600, ACCOUNTS_MAX = 10000 };

const char *account_state_now(const struct account *account)
{
	static const char *const names[] = { "unregistered", "registering", "registered", "failed" };
	/* After a failure it tries again by itself. */
	bool tries = account->state == ACCOUNT_FAILED && account->binding &&
		     registration_state(account->binding->registration) == REGISTRATION_TRYING;

	return names[tries ? ACCOUNT_REGISTERING : account->state];
}

bool account_registers(const struct account *account)
{
	return strcmp(account->registrar, "none") != 0;
}

/* ---- look-up ---- */

static char *key_of(struct slice text)
{
	struct buf key;

	buf_init(&key, text.n + 1);
	buf_add_lower(&key, text);
	return buf_take(&key);
}

static void unlist(struct account *account)
{
	map_remove(&account->phone->accounts_by_name, &account->by_name);
	map_remove(&account->phone->accounts_by_address, &account->by_address);
	map_remove(&account->phone->accounts_by_user, &account->by_user);
	free(account->name_key);
	free(account->address_key);
	free(account->user_key);
	account->name_key = account->address_key = account->user_key = NULL;
}

/* It is found by the name and the address that it has now. */
static void enlist(struct account *account)
{
	unlist(account);
	account->name_key = key_of(slice_of(account->name));
	account->address_key = key_of(slice_of(account_address(account)));
	account->user_key = account_user_key(slice_of(account->user));
	map_add(&account->phone->accounts_by_user, &account->by_user, slice_of(account->user_key));
	map_add(&account->phone->accounts_by_name, &account->by_name, slice_of(account->name_key));
	map_add(&account->phone->accounts_by_address, &account->by_address, slice_of(account->address_key));
}

/* Of several with one key the first. */
static struct map_node *find_first(const struct map *map, struct slice text)
{
	char *key = key_of(text);
	struct map_node *node = map_find(map, slice_of(key));

	for (struct map_node *older = node; older; older = map_find_next(older))
		node = older;
	free(key);
	return node;
}

struct account *account_find(const struct phone *phone, struct slice word)
{
	struct slice plain = slice_ibegins(word, SLICE("sips:"))  ? slice_from(word, 5)
			     : slice_ibegins(word, SLICE("sip:")) ? slice_from(word, 4)
								  : word;

	struct map_node *node = find_first(&phone->accounts_by_name, word);
	if (node)
		return CONTAINER_OF(node, struct account, by_name);
	node = find_first(&phone->accounts_by_address, plain);
	return node ? CONTAINER_OF(node, struct account, by_address) : NULL;
}

struct account *account_named(const struct phone *phone, struct slice word)
{
	struct account *found = account_find(phone, word);
	size_t count = 0;

	if (found)
		return found;
	LIST_EACH(&phone->accounts, node) {
		struct account *account = LIST_ENTRY(node, struct account, node);
		if (!slice_eq(word, slice_of(account->user)))
			continue;
		found = account;
		count++;
	}
	return count == 1 ? found : NULL;
}

bool account_find_or_fail(struct phone *phone, struct slice word, struct account **account, struct failure *failure)
{
	*account = word.n ? account_named(phone, word) : phone->default_account;
	if (*account)
		return true;
	if (!word.n || list_empty(&phone->accounts))
		return fail(failure, STATUS_USAGE, "no-account",
			    "there is no account: add one by `account add sip:you@example.com`");
	return fail(failure, STATUS_USAGE, "no-account", "there is no account '%.*s': `account list` shows them",
		    SLICE_ARG(word));
}

bool account_for(struct phone *phone, const char *word, struct account **account, struct failure *failure)
{
	if (!word || !*word) {
		*account = phone->default_account;
		return true;
	}
	return account_find_or_fail(phone, slice_of(word), account, failure);
}

/* ---- identity ---- */

void identity_of(struct phone *phone, const struct account *account, const struct address *local, char nobody[160],
		 struct identity *identity)
{
	char host[ADDRESS_TEXT] = "anonymous.invalid";

	*identity = (struct identity){ 0 };
	identity->has_protocol =
		sip_protocol_find(
			slice_of(settings_text(account_settings(phone, account, "sip.transport"), "sip.transport")),
			&identity->protocol) &&
		identity->protocol != SIP_UDP;
	if (!account) {
		/* The port, for whoever calls or writes back; the one of SIP goes without saying. */
		unsigned port = local && address_is_set(local) ? address_port(local) : 0;
		if (port && port != 5060)
			address_print(local, host);
		else if (local && address_is_set(local))
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
	identity->routes = account->routes[0] ? (const char *const *)account->routes : NULL;
	identity->strange_routes = account->strange_routes;
	identity->security = account->security;
	identity->credential_count = account_credentials(account, identity->credentials);
	identity->asserts = account->identity && !strcmp(account->identity, "asserted");
	identity->no_identity = account->identity && !strcmp(account->identity, "off");
	if (account->has_transport) {
		identity->has_protocol = true;
		identity->protocol = account->transport;
	}
	if (!account->binding)
		return;
	const struct registration *registration = account->binding->registration;
	identity->has_contact =
		registration_contact(registration, &identity->contact, &identity->contact_protocol);
	identity->ob = registration_outbound(registration);
	/* Registrars hand it out by default, also where the proxy before them does not know what to do with it in a
	 * dialog; who has set up outbound has thought of it. */
	const char *gruu = settings_text(account_settings(phone, account, "sip.gruu"), "sip.gruu");
	if (strcmp(gruu, "on") != 0 && !identity->ob)
		return;
	identity->gruu = registration_gruu(registration, false);
	identity->temporary_gruu = registration_gruu(registration, true);
}

/* ---- add, set, remove ---- */

static void account_free(struct account *account)
{
	char *const texts[] = { account->name,
				account->display,
				account->user,
				account->domain,
				account->auth_user,
				account->realm,
				account->password_command,
				account->registrar,
				account->prefix,
				account->rewrite,
				account->uri,
				account->reason,
				account->cause,
				account->detail,
				account->bindings,
				account->withheld,
				account->challenge,
				account->identity };

	account_drop_command(account);
	timer_stop(account->phone->timers, &account->removal_limit);
	free(account->voicemail.address);
	unlist(account);
	account_forget_servers(account);
	list_remove(&account->node);
	if (account->phone->default_account == account) {
		struct list_node *first = list_first(&account->phone->accounts);
		account->phone->default_account = first ? LIST_ENTRY(first, struct account, node) : NULL;
	}
	account_set_password(account, (struct slice){ 0 });
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	account_own_free(account->own);
	account_proxies_free(account);
	account_credentials_free(account);
	free(account);
}

/* "Alice <sip:alice@atlanta.com>", "alice@atlanta.com" -> an account without options. */
static struct account *account_new(struct phone *phone, struct slice address, struct failure *failure)
{
	struct sip_address read;
	struct slice text = slice_trim(address);
	char *whole = slice_find(text, '<') < text.n || slice_ibegins(text, SLICE("sip:")) ||
				      slice_ibegins(text, SLICE("sips:"))
			      ? slice_dup(text)
			      : xasprintf("sip:%.*s", SLICE_ARG(text));
	struct account *account = NULL;
	struct arena arena;

	arena_init(&arena);
	if (text.n > ACCOUNT_TEXT_MAX || !sip_address_parse(slice_of(whole), &read, NULL) || !read.uri.has_user ||
	    !read.uri.user.n || !read.uri.host.n) {
		fail(failure, STATUS_USAGE, "syntax", "'%.*s' is no address of yours: write sip:you@example.com",
		     SLICE_ARG(text));
		goto out;
	}
	account = xcalloc(1, sizeof *account);
	account->phone = phone;
	account->user = slice_dup(sip_unescape(&arena, read.uri.user));
	account->domain = read.uri.port ? xasprintf("%.*s:%u", SLICE_ARG(read.uri.host), read.uri.port)
					: slice_dup(read.uri.host);
	account->secure = read.uri.scheme == SIP_SCHEME_SIPS;
	account->registrar = xasprintf("%s:%s", account_scheme(account), account->domain);
	account->display = read.display.n ? slice_dup(sip_address_display(&arena, &read)) : NULL;
	account->expires = EXPIRES_DEFAULT_S;
	account->reason = xstrdup("");
	account_make_uri(account);
	account->name = xstrdup(account_address(account));
out:
	arena_fini(&arena);
	free(whole);
	return account;
}

bool phone_account_add(struct phone *phone, struct slice address, const char *const *options, struct failure *failure)
{
	struct account *account = account_new(phone, address, failure);

	if (!account)
		return false;
	/* The same account in `saved` and in the configuration file is one account. */
	struct account *known = account_find(phone, slice_of(account->uri));
	if (known) {
		account_free(account);
		return phone_account_set(phone, slice_of(known->name), options, failure);
	}
	if (phone->accounts_by_name.count >= ACCOUNTS_MAX) {
		account_free(account);
		return fail(failure, STATUS_USAGE, "full", "there are %d accounts already", ACCOUNTS_MAX);
	}
	if (!account_set_options(account, options, failure)) {
		account_free(account);
		return false;
	}
	account_apply_tls(phone, account);
	account->number = ++phone->last_account;
	list_append(&phone->accounts, &account->node);
	enlist(account);
	if (!phone->default_account)
		phone->default_account = account;
	return !account_registers(account) || account_start(account, failure);
}

/* Would it take all of these? What half of a command has changed nobody would know. */
static bool takes_options(const struct account *account, const char *const *options, struct failure *failure)
{
	struct account *trial = xcalloc(1, sizeof *trial);

	*trial = (struct account){ .phone = account->phone,
				   .number = account->number,
				   .secure = account->secure,
				   .name = xstrdup(account->name),
				   .user = xstrdup(account->user),
				   .domain = xstrdup(account->domain),
				   .uri = xstrdup(account->uri),
				   .registrar = xstrdup(account->registrar) };
	bool good = account_set_options(trial, options, failure);
	account_free(trial);
	return good;
}

bool phone_account_set(struct phone *phone, struct slice name, const char *const *options, struct failure *failure)
{
	struct account *account;

	if (!account_find_or_fail(phone, name, &account, failure) || !takes_options(account, options, failure))
		return false;
	char *old_name = xstrdup(account->name);
	bool good = account_set_options(account, options, failure);
	account_apply_tls(phone, account);
	enlist(account);
	if (strcmp(old_name, account->name) != 0) {
		calls_account_renamed(account, old_name);
		publishing_account_renamed(account, old_name);
	}
	free(old_name);
	if (!good)
		return false;
	/* Whatever changed, the registrar hears of it: the old binding goes, a new one comes. */
	subscriptions_account(account, !account_registers(account));
	account_retire(account);
	account->needs_password = false;
	account_set_result(account, ACCOUNT_UNREGISTERED, 0, (struct slice){ 0 }, NULL);
	return !account_registers(account) || account_start(account, failure);
}

bool phone_account_password(struct phone *phone, struct slice name, struct slice password, struct failure *failure)
{
	char *option = xasprintf("password=%.*s", SLICE_ARG(password));
	const char *const options[] = { option, NULL };
	bool good = phone_account_set(phone, name, options, failure);

	explicit_bzero(option, strlen(option));
	free(option);
	return good;
}

bool phone_account_remove(struct phone *phone, struct slice name, struct failure *failure)
{
	struct account *account;

	if (!account_find_or_fail(phone, name, &account, failure))
		return false;
	subscriptions_account(account, false);
	presence_forget(account);
	account_retire(account);
	account_free(account);
	return true;
}

bool phone_account_default(struct phone *phone, struct slice name, struct failure *failure)
{
	struct account *account;

	if (!account_find_or_fail(phone, name, &account, failure))
		return false;
	phone->default_account = account;
	return true;
}

bool phone_register(struct phone *phone, struct slice name, struct failure *failure)
{
	struct account *account;

	if (name.n || list_empty(&phone->accounts))
		return account_find_or_fail(phone, name, &account, failure) && account_start(account, failure);
	LIST_EACH(&phone->accounts, node) {
		account = LIST_ENTRY(node, struct account, node);
		if (account_registers(account) && !account_start(account, failure))
			return false;
	}
	return true;
}

bool phone_unregister(struct phone *phone, struct slice name, bool all_bindings, struct failure *failure)
{
	struct account *account;

	if (!account_find_or_fail(phone, name, &account, failure))
		return false;
	account_drop_command(account);
	account->removal_failed = false;
	if (!account->binding) {
		if (!all_bindings) {
			/* Nothing to remove, and scripts that wait for it go on. */
			account_set_result(account, ACCOUNT_UNREGISTERED, 0, (struct slice){ 0 }, NULL);
			account_event(account, EVENT_UNREGISTERED);
			return true;
		}
		if (!phone_needs_start(phone, failure) || !account_make_binding(account, failure))
			return false;
	}
	account_drop_spare(account);
	registration_stop(account->binding->registration, all_bindings);
	account_await_removal(account);
	return true;
}

bool phone_account_under_way(const struct phone *phone, const char *name)
{
	const struct account *account = account_find(phone, slice_of(name));
	enum registration_state state;

	if (!account || account->start_wanted || !account->binding)
		return account && account->start_wanted;
	state = registration_state(account->binding->registration);
	return state == REGISTRATION_TRYING || state == REGISTRATION_REMOVING;
}

/* ---- views ---- */

static void view_of(const struct account *account, struct account_view *view)
{
	int64_t left_us = account->retry_at_us - account->phone->timers->now_us;

	*view = (struct account_view){
		.name = account->name,
		.address = account->uri,
		.registrar = account->registrar,
		.state = account_state_now(account),
		.expires_left_s = account->binding ? registration_left(account->binding->registration) : 0,
		.retry_s = account->retry_at_us && left_us > 0 ? (uint32_t)((left_us + SECOND_US - 1) / SECOND_US) : 0,
		.code = account->code,
		.reason = account->reason,
		.cause = account->cause ? account->cause : "",
		.is_default = account == account->phone->default_account,
		.needs_password = account->needs_password,
		.no_registrar = !account_registers(account),
		.mailbox_known = account->voicemail.known,
		.voicemail = account->voicemail.waiting,
		.voicemail_new = account->voicemail.fresh,
		.voicemail_old = account->voicemail.old,
		.removal_failed = account->removal_failed,
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
	const struct account *account = name.n ? account_named(phone, name) : phone->default_account;

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
		if (account->spare)
			registration_start(account->spare->registration);
	}
}

void accounts_network_changed(struct phone *phone)
{
	LIST_EACH(&phone->accounts, node) {
		struct account *account = LIST_ENTRY(node, struct account, node);
		bool given_up = account->state == ACCOUNT_FAILED && !account->retry_at_us;
		if (!account->binding || account->state == ACCOUNT_UNREGISTERED || given_up)
			continue;
		account->retry_at_us = 0;
		registration_network_changed(account->binding->registration);
		if (account->spare)
			registration_network_changed(account->spare->registration);
	}
}

void accounts_follow(struct phone *phone)
{
	LIST_EACH(&phone->accounts, node) {
		const struct account *account = LIST_ENTRY(node, struct account, node);
		const struct binding *bindings[] = { account->binding, account->spare };
		for (size_t i = 0; i < ARRAY_LEN(bindings); i++)
			if (bindings[i] && registration_has_moved(bindings[i]->registration))
				registration_network_changed(bindings[i]->registration);
	}
}

void accounts_shut_down(struct phone *phone)
{
	LIST_EACH(&phone->accounts, node) {
		struct account *account = LIST_ENTRY(node, struct account, node);
		account_drop_command(account);
		account_drop_spare(account);
		if (account->binding && registration_may_be_bound(account->binding->registration))
			registration_stop(account->binding->registration, false);
		else
			account_retire(account);
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
		if (account->spare)
			binding_free(account->spare);
		account_free(account);
	}
	while (!list_empty(&phone->retired))
		binding_free(LIST_ENTRY(list_first(&phone->retired), struct binding, node));
}
