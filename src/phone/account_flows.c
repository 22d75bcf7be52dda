/*
 * The second flow of an account (RFC 5626 4.2): registered by another of its proxies with a reg-id of its own, so that
 * calls come in while the first proxy is dead and nobody has noticed yet.
 */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

enum { SECOND_FLOW = 2 };

static void on_registered(void *arg, struct registration *registration, uint32_t expires, bool first)
{
	struct binding *binding = arg;

	(void)registration;
	if (!binding->account)
		return;
	account_answered_by(binding->account, true, &binding->phone->wire_remote);
	if (first)
		log_line(binding->phone->log, LOG_NOTICE, "account %s: a second flow by %s, for %u s",
			 binding->account->name, binding->route[0], expires);
}

/* It is tried again by itself; the account is registered without it. */
static void on_failed(void *arg, struct registration *registration, const struct outcome *outcome, int64_t retry_us)
{
	struct binding *binding = arg;

	(void)registration;
	if (binding->account)
		log_line(binding->phone->log, LOG_NOTICE, "account %s: no second flow by %s: %u%s",
			 binding->account->name, binding->route[0], outcome->status,
			 retry_us > 0 ? "" : "; it is not tried again");
}

static void on_unregistered(void *arg, struct registration *registration, const struct outcome *outcome)
{
	struct binding *binding = arg;

	(void)registration;
	(void)outcome;
	binding->dead = !binding->account;
}

void binding_retire(struct phone *phone, struct binding *binding)
{
	binding->account = NULL;
	list_append(&phone->retired, &binding->node);
	if (registration_may_be_bound(binding->registration))
		registration_stop(binding->registration, false);
	else
		binding->dead = true;
}

void account_drop_spare(struct account *account)
{
	struct binding *binding = account->spare;

	account->spare = NULL;
	if (binding)
		binding_retire(account->phone, binding);
}

static void set_route(struct binding *binding, const char *proxy)
{
	xreplace(&binding->proxy, proxy);
	binding->route[0] = binding->proxy;
}

static void make(struct account *account, const char *proxy)
{
	struct binding *binding = xcalloc(1, sizeof *binding);
	struct registration_handlers handlers = { .registered = on_registered,
						  .failed = on_failed,
						  .unregistered = on_unregistered,
						  .arg = binding };
	struct identity identity;
	char nobody[160];
	enum err err;

	binding->phone = account->phone;
	binding->account = account;
	binding->address = xstrdup(account->uri);
	set_route(binding, proxy);
	identity_of(account->phone, account, NULL, nobody, &identity);
	identity.routes = binding->route;
	identity.strange_routes = 0;
	binding->registration =
		registration_new(account->phone->ua,
				 &(struct registration_config){ .identity = &identity,
								.registrar = slice_of(account->registrar),
								.expires = account->expires,
								.instance = phone_instance(account->phone),
								.outbound = true,
								.reg_id = SECOND_FLOW,
								.handlers = handlers },
				 &err);
	if (!binding->registration) {
		binding_free(binding);
		return;
	}
	account->spare = binding;
	registration_start(binding->registration);
}

void account_keep_spare(struct account *account)
{
	const struct binding *first = account->binding;

	if (!first || !registration_outbound(first->registration) || account->proxy_count < 2 ||
	    account->phone->shutting_down) {
		account_drop_spare(account);
		return;
	}
	const char *proxy = account->proxies[(account->proxy_now + 1) % account->proxy_count];
	if (!account->spare) {
		make(account, proxy);
	} else if (strcmp(account->spare->proxy, proxy) != 0) {
		set_route(account->spare, proxy);
		registration_set_routes(account->spare->registration, account->spare->route);
		registration_start(account->spare->registration);
	}
}

const char *account_spare_proxy(const struct account *account)
{
	return account->spare && registration_left(account->spare->registration) ? account->spare->proxy : NULL;
}
