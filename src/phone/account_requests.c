/*
 * Whom of ours a request from outside is for: by its Request-URI, by its To, by the registrar that sent it. Asked of
 * each request, so that it must not cost more where there are more accounts: all three are looked up.
 */
#include "phone/account.h"
#include "phone/phone_internal.h"

char *account_user_key(struct slice user)
{
	struct arena arena;

	arena_init(&arena);
	char *key = slice_dup(sip_unescape(&arena, user));
	arena_fini(&arena);
	return key;
}

/* The newest account of this user; the others follow it. NULL: there is none. */
static struct map_node *with_user(const struct phone *phone, struct slice user)
{
	struct arena arena;

	arena_init(&arena);
	struct map_node *node = map_find(&phone->accounts_by_user, sip_unescape(&arena, user));
	arena_fini(&arena);
	return node;
}

/* The newest that this host answered; the others follow it. */
static struct map_node *with_server(const struct phone *phone, const struct address *remote)
{
	if (!address_is_set(remote))
		return NULL;
	struct in6_addr host = address_as_v6(remote);
	return map_find(&phone->accounts_by_server, slice_make(&host, sizeof host));
}

static void index_host(struct account *account, struct account_host *host, const struct address *remote)
{
	struct map *map = &account->phone->accounts_by_server;

	map_remove(map, &host->node);
	if (!address_is_set(remote))
		return;
	host->account = account;
	host->key = address_as_v6(remote);
	map_add(map, &host->node, slice_make(&host->key, sizeof host->key));
}

void account_answered_by(struct account *account, bool spare, const struct address *remote)
{
	if (spare)
		account->spare_server = *remote;
	else
		account->server = *remote;
	index_host(account, spare ? &account->spare_host : &account->server_host, remote);
}

void account_forget_servers(struct account *account)
{
	map_remove(&account->phone->accounts_by_server, &account->server_host.node);
	map_remove(&account->phone->accounts_by_server, &account->spare_host.node);
}

bool account_is_server(const struct account *account, const struct address *remote)
{
	/* Also while a refresh is under way or has failed: the registrar sends us calls as long as the binding lasts.
	 */
	return (account->binding && registration_left(account->binding->registration) &&
		address_is_set(&account->server) && address_same_host(&account->server, remote)) ||
	       (account_spare_proxy(account) && address_same_host(&account->spare_server, remote));
}

/* The account that fits best so far: of those that fit as well the one that was added first. */
struct best {
	struct account *account;
	int score;
};

static void weigh(struct best *best, struct account *account, int score, const struct address *remote)
{
	score += account_is_server(account, remote);
	if (score > best->score || (score && score == best->score && account->number < best->account->number))
		*best = (struct best){ account, score };
}

/* Is it to this account, by user and domain? */
static bool is_to(const struct account *account, const struct sip_address *to, const struct map_node *with_to_user)
{
	struct slice domain = slice_of(account->domain);

	return with_to_user && slice_eq(account->by_user.key, with_to_user->key) &&
	       slice_ieq(to->uri.host, slice_cut(&domain, ':'));
}

struct account *account_of_request(const struct phone *phone, const struct sip_message *request,
				   const struct sip_source *source)
{
	const struct sip_uri *uri = sip_message_request_uri(request);
	const struct sip_address *to = sip_message_to(request);
	struct map_node *of_uri = uri && uri->has_user ? with_user(phone, uri->user) : NULL;
	struct map_node *of_to = to && to->uri.has_user ? with_user(phone, to->uri.user) : NULL;
	struct best best = { NULL, 0 };

	/* The Request-URI counts 4, the To 2, the registrar 1: who is found by what counts more outweighs the rest. */
	for (struct map_node *node = of_uri; node; node = map_find_next(node)) {
		struct account *account = CONTAINER_OF(node, struct account, by_user);
		weigh(&best, account, is_to(account, to, of_to) ? 6 : 4, &source->remote);
	}
	for (struct map_node *node = best.account ? NULL : of_to; node; node = map_find_next(node)) {
		struct account *account = CONTAINER_OF(node, struct account, by_user);
		if (is_to(account, to, of_to))
			weigh(&best, account, 2, &source->remote);
	}
	for (struct map_node *node = best.account ? NULL : with_server(phone, &source->remote); node;
	     node = map_find_next(node))
		weigh(&best, CONTAINER_OF(node, struct account_host, node)->account, 0, &source->remote);
	return best.account;
}

bool account_knows(const struct phone *phone, const struct sip_message *request, const struct sip_source *source)
{
	const struct sip_uri *uri = sip_message_request_uri(request);

	if (!strcmp(settings_text(phone->settings, "call.accept"), "any") || list_empty(&phone->accounts))
		return true;
	/* OPTIONS to the host alone asks whether we live. */
	if (request->method == SIP_OPTIONS && uri && !uri->has_user)
		return true;
	if (uri && uri->has_user && with_user(phone, uri->user))
		return true;
	for (struct map_node *node = with_server(phone, &source->remote); node; node = map_find_next(node))
		if (account_is_server(CONTAINER_OF(node, struct account_host, node)->account, &source->remote))
			return true;
	return false;
}
