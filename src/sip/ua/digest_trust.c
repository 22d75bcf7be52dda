#include "base/xmalloc.h"
#include "sip/ua/digest_internal.h"

enum { LEARNED_MAX = 4 }; /* realms that an identity without a realm of its own may answer */

char *digest_owner(const struct profile *profile)
{
	return xasprintf("%.*s %s", SLICE_ARG(profile->auth_user), profile->identity.uri ? profile->identity.uri : "");
}

/* A realm that an identity has met. */
struct learned {
	struct list_node node;
	char *owner, *realm;
	bool by_register; /* the registrar named it */
};

/* A place that is an identity's own. */
struct home {
	struct list_node node; /* newest first */
	char *owner, *name;    /* name: of a registrar, NULL elsewhere */
	struct address address;
};

static void learned_free(struct digest_cache *cache, struct learned *learned)
{
	list_remove(&learned->node);
	cache->learned_count--;
	free(learned->owner);
	free(learned->realm);
	free(learned);
}

static void home_free(struct digest_cache *cache, struct home *home)
{
	list_remove(&home->node);
	cache->home_count--;
	free(home->owner);
	free(home->name);
	free(home);
}

void digest_forget_trust(struct digest_cache *cache)
{
	LIST_EACH(&cache->learned, node)
		learned_free(cache, LIST_ENTRY(node, struct learned, node));
	LIST_EACH(&cache->homes, node)
		home_free(cache, LIST_ENTRY(node, struct home, node));
}

/* ---- places ---- */

/* Is it this name, or one below it? Addresses have nothing below. */
static bool is_within(struct slice domain, struct slice host)
{
	struct address address;

	if (slice_ieq(domain, host))
		return true;
	return domain.n && host.n > domain.n + 1 && host.p[host.n - domain.n - 1] == '.' &&
	       slice_ieq(slice_from(host, host.n - domain.n), domain) && !address_parse_host(&address, domain, 0) &&
	       !address_parse_host(&address, host, 0);
}

static bool names_place(struct slice own, struct slice host, enum digest_place place)
{
	return place == DIGEST_ELSEWHERE ? is_within(own, host) : slice_ieq(own, host);
}

static size_t count_routes(const struct profile *profile)
{
	size_t count = 0;

	while (profile->identity.routes && profile->identity.routes[count])
		count++;
	return count;
}

/* Do some of the routes lead there: those from `first` on, as far as `end`? */
static bool routes_name(const struct profile *profile, size_t first, size_t end, struct slice host,
			enum digest_place place)
{
	struct sip_address route;

	for (size_t i = first; i < end; i++)
		if (sip_address_parse(slice_of(profile->identity.routes[i]), &route, NULL) &&
		    names_place(sip_uri_hop_host(&route.uri), host, place))
			return true;
	return false;
}

static size_t count_own_routes(const struct profile *profile)
{
	size_t count = count_routes(profile), strange = profile->identity.strange_routes;

	return count > strange ? count - strange : 0;
}

/* A route that others have named leads there. */
static bool is_strange(const struct profile *profile, struct slice host)
{
	return routes_name(profile, count_own_routes(profile), count_routes(profile), host, DIGEST_ANY_PLACE);
}

static bool is_own_name(const struct profile *profile, struct slice host, enum digest_place place)
{
	return (profile->identity.uri && names_place(sip_uri_hop_host(&profile->uri), host, place)) ||
	       routes_name(profile, 0, count_own_routes(profile), host, place);
}

static void remember_home(struct digest_cache *cache, const char *owner, struct slice name,
			  const struct address *address)
{
	LIST_EACH(&cache->homes, node) {
		struct home *home = LIST_ENTRY(node, struct home, node);
		if (strcmp(home->owner, owner) == 0 && address_same_host(&home->address, address) &&
		    slice_ieq(slice_of(home->name), name))
			return;
	}
	if (cache->home_count >= DIGEST_HOMES_MAX)
		home_free(cache, LIST_ENTRY(list_last(&cache->homes), struct home, node));
	struct home *home = xcalloc(1, sizeof *home);
	*home = (struct home){
		.owner = xstrdup(owner), .name = name.n ? slice_dup(name) : NULL, .address = *address
	};
	list_prepend(&cache->homes, &home->node);
	cache->home_count++;
}

bool digest_trusts_hop(struct digest_cache *cache, const struct profile *profile, struct slice host,
		       const struct address *address, enum digest_place place)
{
	char *owner = digest_owner(profile);

	if (place == DIGEST_ANY_PLACE && is_strange(profile, host))
		place = DIGEST_ELSEWHERE;
	bool registrar = place == DIGEST_REGISTRAR, own = registrar || is_own_name(profile, host, place), found = false;
	LIST_EACH(&cache->homes, node) {
		struct home *home = LIST_ENTRY(node, struct home, node);
		if (strcmp(home->owner, owner) != 0)
			continue;
		own |= home->name && names_place(slice_of(home->name), host, place);
		found |= address_same_host(&home->address, address);
	}
	if (own)
		remember_home(cache, owner, registrar ? host : slice_of(NULL), address);
	free(owner);
	return own || found;
}

bool digest_knows_host(const struct digest_cache *cache, const struct address *host)
{
	LIST_EACH(&cache->homes, node)
		if (address_same_host(&LIST_ENTRY(node, struct home, node)->address, host))
			return true;
	return false;
}

/* ---- realms ---- */

/* Room for one more realm of this owner: the one that was met first goes. */
static void forget_oldest(struct digest_cache *cache, const char *owner)
{
	struct learned *oldest = NULL;

	LIST_EACH(&cache->learned, node) {
		struct learned *learned = LIST_ENTRY(node, struct learned, node);
		if (!strcmp(learned->owner, owner))
			oldest = learned;
	}
	if (oldest)
		learned_free(cache, oldest);
}

bool digest_trusts_realm(struct digest_cache *cache, const struct profile *profile, const char *owner,
			 struct slice realm, enum digest_learning learning)
{
	size_t met = 0;
	bool registers = false;

	if (profile_knows_realm(profile, realm))
		return true;
	if (!profile->identity.password)
		return false;
	if (profile->identity.realm)
		return slice_eq(slice_of(profile->identity.realm), realm);
	LIST_EACH(&cache->learned, node) {
		struct learned *learned = LIST_ENTRY(node, struct learned, node);
		if (strcmp(learned->owner, owner) != 0)
			continue;
		if (slice_eq(slice_of(learned->realm), realm))
			return true;
		met++;
		registers |= learned->by_register;
	}
	if (learning == DIGEST_LEARNS_NOTHING ||
	    (learning == DIGEST_LEARNS_OWN && (registers || met >= LEARNED_MAX) &&
	     !is_own_name(profile, realm, DIGEST_ANY_PLACE)))
		return false;
	if (met >= LEARNED_MAX)
		forget_oldest(cache, owner);
	struct learned *learned = xcalloc(1, sizeof *learned);
	learned->by_register = learning == DIGEST_LEARNS;
	learned->owner = xstrdup(owner);
	learned->realm = slice_dup(realm);
	list_prepend(&cache->learned, &learned->node);
	if (++cache->learned_count > DIGEST_CACHE_MAX)
		learned_free(cache, LIST_ENTRY(list_last(&cache->learned), struct learned, node));
	return true;
}
