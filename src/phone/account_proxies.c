/* The proxies of an account: which is in use, and the way of its requests (Route). */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#define PROBE_US (60 * SECOND_US) /* how often a better proxy is asked whether it is back */

static void clear_routes(struct account *account)
{
	for (size_t i = 0; account->routes[i]; i++) {
		free(account->routes[i]);
		account->routes[i] = NULL;
	}
}

/* Nobody goes on to, or asks for, a proxy of a list that is no more. */
static void clear(struct account *account)
{
	timer_stop(account->phone->timers, &account->proxy_timer);
	if (account->probe)
		request_detach(account->probe);
	account->probe = NULL;
	for (size_t i = 0; i < account->proxy_count; i++)
		free(account->proxies[i]);
	account->proxy_count = account->proxy_now = account->proxies_failed = 0;
}

void account_proxies_free(struct account *account)
{
	clear(account);
	clear_routes(account);
	free(account->proxy);
}

/* "proxy.atlanta.com" -> "sip:proxy.atlanta.com;lr": a preloaded route is a loose router unless the user knows better
 * (RFC 3261 8.1.2). @return owned by the caller; NULL: no SIP address */
static char *read_proxy(struct slice word)
{
	struct sip_uri uri;
	char *text = slice_ibegins(word, SLICE("sip:")) || slice_ibegins(word, SLICE("sips:"))
			     ? slice_dup(word)
			     : xasprintf("sip:%.*s", SLICE_ARG(word));

	if (!sip_uri_parse(slice_of(text), &uri, NULL) || !uri.host.n) {
		free(text);
		return NULL;
	}
	if (sip_uri_param(&uri, SLICE("lr"), NULL))
		return text;
	char *loose = xasprintf("%s;lr", text);
	free(text);
	return loose;
}

bool account_set_proxies(struct account *account, struct slice value, struct failure *failure)
{
	char *proxies[PROXIES_MAX];
	struct slice rest = value, word;
	size_t count = 0;
	bool good = true;

	while (good && slice_list_word(&rest, &word)) {
		char *proxy = count < PROXIES_MAX ? read_proxy(word) : NULL;
		good = proxy != NULL;
		if (good)
			proxies[count++] = proxy;
		else if (count == PROXIES_MAX)
			fail(failure, STATUS_USAGE, "too-big", "proxy= names more than %d proxies", PROXIES_MAX);
		else
			fail(failure, STATUS_USAGE, "syntax", "proxy=%.*s is no host or SIP address", SLICE_ARG(word));
	}
	if (!good) {
		while (count)
			free(proxies[--count]);
		return false;
	}
	clear(account);
	memcpy(account->proxies, proxies, count * sizeof *proxies);
	account->proxy_count = count;
	free(account->proxy);
	account->proxy = count ? slice_dup(slice_trim(value)) : NULL;
	account_make_routes(account);
	return true;
}

const char *account_proxy(const struct account *account)
{
	return account->proxy_count ? account->proxies[account->proxy_now] : NULL;
}

/* Two routes to the same place would bring a request there twice. */
static bool same_place(const char *a, const char *b)
{
	struct sip_address one, other;

	return a && sip_address_parse(slice_of(a), &one, NULL) && sip_address_parse(slice_of(b), &other, NULL) &&
	       slice_ieq(one.uri.host, other.uri.host) && one.uri.port == other.uri.port;
}

void account_make_routes(struct account *account)
{
	const char *const *service = account->binding ? registration_service_route(account->binding->registration)
						      : NULL;
	const char *proxy = account_proxy(account);
	size_t count = 0, own = 0;

	clear_routes(account);
	account->proxy_routes[0] = proxy;
	account->proxy_routes[1] = NULL;
	if (proxy)
		own = 1;
	if (proxy && !(service && service[0] && same_place(proxy, service[0])))
		account->routes[count++] = xstrdup(proxy);
	for (size_t i = 0; service && service[i] && count < ARRAY_LEN(account->routes) - 1; i++)
		account->routes[count++] = xstrdup(service[i]);
	bool strange = service && registration_is_strange(account->binding->registration);
	account->strange_routes = strange ? count - own : 0;
}

/* ---- fail-over and fail-back ---- */

static void use(struct account *account, size_t which)
{
	account->proxy_now = which;
	account_make_routes(account);
	if (!account->binding)
		return;
	registration_set_routes(account->binding->registration, account->proxy_routes);
	registration_start(account->binding->registration);
}

static void use_next(void *arg)
{
	struct account *account = arg;

	use(account, (account->proxy_now + 1) % account->proxy_count);
}

bool account_next_proxy(struct account *account, const struct outcome *outcome)
{
	bool broken = !outcome->response || outcome->status == 503 || outcome->status == 430;

	if (!broken || account->proxy_count < 2)
		return false;
	if (++account->proxies_failed >= account->proxy_count) {
		account->proxies_failed = 0;
		return false;
	}
	/* Not from within the registration's own word. */
	timer_start(account->phone->timers, &account->proxy_timer, 0, use_next, account);
	return true;
}

static void probe(void *arg);

static void on_probed(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	struct account *account = arg;

	(void)request;
	if (!final)
		return;
	account->probe = NULL;
	if (outcome->response && outcome->status != 503 && account->proxy_now) {
		log_line(account->phone->log, LOG_DEBUG, "account %s: its first proxy answers again", account->name);
		use(account, 0);
	} else {
		timer_start(account->phone->timers, &account->proxy_timer, PROBE_US, probe, account);
	}
}

/* Is the first proxy back? Whatever it answers, it lives. */
static void probe(void *arg)
{
	struct account *account = arg;
	struct identity identity;
	char nobody[160];
	enum err err;

	identity_of(account->phone, account, NULL, nobody, &identity);
	identity.routes = NULL;
	identity.strange_routes = 0;
	identity.password = NULL;
	account->probe = ua_request(account->phone->ua,
				    &(struct request_config){ .identity = &identity,
							      .method = SLICE("OPTIONS"),
							      .target = slice_of(account->proxies[0]),
							      .handler = on_probed,
							      .arg = account },
				    &err);
}

void account_proxy_works(struct account *account)
{
	account->proxies_failed = 0;
	account_make_routes(account);
	if (account->proxy_now && !account->probe && !timer_running(&account->proxy_timer))
		timer_start(account->phone->timers, &account->proxy_timer, PROBE_US, probe, account);
}

/* ---- calls by a proxy that is not there (RFC 3263 4.3, RFC 5626 4.3) ---- */

/* Nothing at all has come back from where the INVITE went first. */
static bool nobody_was_there(const struct call *call, const struct outcome *outcome)
{
	if (outcome->response || call->trying_said || call->ringing_said || call->early_said)
		return false;
	switch (outcome->cause) {
	case CAUSE_TIMEOUT:
		return !call->setup->timeout_us;
	case CAUSE_DNS:
	case CAUSE_CONNECT:
	case CAUSE_TLS:
		return true;
	default:
		return false;
	}
}

bool call_by_next_proxy(struct call *call, const struct outcome *outcome)
{
	struct call_setup *setup = call->setup;
	struct account *account =
		*call->account_name ? account_find(call->phone, slice_of(call->account_name)) : NULL;

	if (call->incoming || !setup || call->is_echo || call->phone->shutting_down || !account ||
	    (setup->proxy && !setup->proxy_is_ours) || !nobody_was_there(call, outcome) ||
	    !account_next_proxy(account, outcome))
		return false;
	free(setup->proxy);
	setup->proxy = xstrdup(account->proxies[(account->proxy_now + 1) % account->proxy_count]);
	setup->proxy_is_ours = true;
	log_line(call->phone->log, LOG_NOTICE, "call %u goes on by %s: the proxy before it is not there", call->number,
		 setup->proxy);
	call_dial_again(call);
	return true;
}
