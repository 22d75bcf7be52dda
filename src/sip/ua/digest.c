#include "sip/ua/digest.h"

#include "base/xmalloc.h"
#include "sip/ua/digest_internal.h"
#include "sip/ua/hash.h"

enum { CNONCE_CHARS = 16 };

enum qop { QOP_NONE, QOP_AUTH, QOP_AUTH_INT };

struct algorithm {
	const char *name;
	enum hash_kind hash;
	unsigned strength;
	bool session;
};

static const struct algorithm algorithms[] = {
	{ "MD5", HASH_MD5, 1, false },
	{ "MD5-sess", HASH_MD5, 1, true },
	{ "SHA-256", HASH_SHA256, 2, false },
	{ "SHA-256-sess", HASH_SHA256, 2, true },
	{ "SHA-512-256", HASH_SHA512_256, 2, false },
	{ "SHA-512-256-sess", HASH_SHA512_256, 2, true },
};

/* One challenge that we can answer. */
struct entry {
	struct list_node node; /* newest first */
	char *owner, *scope;
	bool proxy;
	char *realm, *nonce, *opaque; /* opaque NULL: none */
	const struct algorithm *algorithm;
	bool names_algorithm;
	enum qop qop;
	uint32_t count; /* nc: requests sent with this nonce */
	char cnonce[CNONCE_CHARS + 1];
};

struct digest_cache *digest_cache_new(struct random *random)
{
	struct digest_cache *cache = xcalloc(1, sizeof *cache);

	cache->random = random;
	list_init(&cache->entries);
	list_init(&cache->learned);
	list_init(&cache->homes);
	return cache;
}

static void entry_free(struct digest_cache *cache, struct entry *entry)
{
	list_remove(&entry->node);
	cache->entry_count--;
	free(entry->owner);
	free(entry->scope);
	free(entry->realm);
	free(entry->nonce);
	free(entry->opaque);
	free(entry);
}

void digest_cache_free(struct digest_cache *cache)
{
	LIST_EACH(&cache->entries, node)
		entry_free(cache, LIST_ENTRY(node, struct entry, node));
	digest_forget_trust(cache);
	free(cache);
}

void digest_tries_fini(struct digest_tries *tries)
{
	for (size_t i = 0; i < tries->count; i++) {
		free(tries->tries[i].realm);
		free(tries->tries[i].nonce);
	}
	tries->count = 0;
}

static struct digest_try *find_try(struct digest_tries *tries, bool proxy, struct slice realm)
{
	for (size_t i = 0; i < tries->count; i++)
		if (tries->tries[i].proxy == proxy && slice_eq(slice_of(tries->tries[i].realm), realm))
			return &tries->tries[i];
	return NULL;
}

static struct slice name_of(const struct digest_scope *scope, bool proxy)
{
	return proxy ? scope->hop : scope->call;
}

static struct entry *find_entry(struct digest_cache *cache, const char *owner, const struct digest_scope *scope,
				bool proxy, struct slice realm)
{
	LIST_EACH(&cache->entries, node) {
		struct entry *entry = LIST_ENTRY(node, struct entry, node);
		if (entry->proxy == proxy && strcmp(entry->owner, owner) == 0 &&
		    slice_eq(slice_of(entry->scope), name_of(scope, proxy)) && slice_eq(slice_of(entry->realm), realm))
			return entry;
	}
	return NULL;
}

/* ---- challenges ---- */

struct challenge {
	bool proxy;
	struct slice realm, nonce, opaque;
	bool has_opaque, stale;
	const struct algorithm *algorithm;
	bool names_algorithm;
	enum qop qop;
};

static const struct algorithm *find_algorithm(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
		if (slice_ieq(slice_of(algorithms[i].name), name))
			return &algorithms[i];
	return NULL;
}

/* qop="auth,auth-int": auth where it is offered, none where nothing is. @return false: only words that we do not know
 */
static bool choose_qop(struct slice text, enum qop *qop)
{
	bool found = !slice_trim(text).n;

	while (text.n) {
		struct slice word = slice_trim(slice_cut(&text, ','));
		if (slice_ieq(word, SLICE("auth"))) {
			*qop = QOP_AUTH;
			return true;
		}
		if (slice_ieq(word, SLICE("auth-int"))) {
			*qop = QOP_AUTH_INT;
			found = true;
		}
	}
	return found;
}

/* What must be said again in quotes: control characters, which quoted-pairs and values without quotes can smuggle in,
 * could not be. Tabs can. */
static bool can_be_repeated(struct slice value)
{
	for (size_t i = 0; i < value.n; i++)
		if (((unsigned char)value.p[i] < ' ' && value.p[i] != '\t') || value.p[i] == 0x7f)
			return false;
	return true;
}

/* @return false: not Digest, malformed, or it wants something that we cannot do */
static bool read_challenge(struct arena *arena, struct slice value, bool proxy, struct challenge *c)
{
	struct sip_auth auth;
	struct slice text;

	*c = (struct challenge){ .proxy = proxy, .algorithm = &algorithms[0], .qop = QOP_NONE };
	if (!sip_auth_parse(value, &auth) || !slice_ieq(auth.scheme, SLICE("Digest")))
		return false;
	if (!sip_auth_param(arena, &auth, SLICE("realm"), &c->realm) ||
	    !sip_auth_param(arena, &auth, SLICE("nonce"), &c->nonce))
		return false;
	c->has_opaque = sip_auth_param(arena, &auth, SLICE("opaque"), &c->opaque);
	if (!can_be_repeated(c->realm) || !can_be_repeated(c->nonce) || !can_be_repeated(c->opaque))
		return false;
	c->stale = sip_auth_param(arena, &auth, SLICE("stale"), &text) && slice_ieq(text, SLICE("true"));
	if (sip_auth_param(arena, &auth, SLICE("algorithm"), &text)) {
		c->algorithm = find_algorithm(text);
		c->names_algorithm = true;
	}
	if (sip_auth_param(arena, &auth, SLICE("qop"), &text) && !choose_qop(text, &c->qop))
		return false;
	return c->algorithm != NULL;
}

/* Keep the challenge, in place of a weaker one of the same realm; of equals the topmost is the server's choice. */
static void keep_best(struct challenge *list, size_t *count, const struct challenge *c)
{
	for (size_t i = 0; i < *count; i++) {
		if (list[i].proxy != c->proxy || !slice_eq(list[i].realm, c->realm))
			continue;
		if (c->algorithm->strength > list[i].algorithm->strength)
			list[i] = *c;
		return;
	}
	if (*count < DIGEST_REALMS_MAX)
		list[(*count)++] = *c;
}

static void read_challenges(struct arena *arena, const struct sip_message *response, bool proxy, struct challenge *list,
			    size_t *count)
{
	enum sip_header_id id = proxy ? SIP_HEADER_PROXY_AUTHENTICATE : SIP_HEADER_WWW_AUTHENTICATE;
	const struct sip_header *header;
	struct challenge c;

	for (size_t i = 0; (header = sip_message_header(response, id, i)) != NULL; i++)
		if (read_challenge(arena, header->value, proxy, &c))
			keep_best(list, count, &c);
}

static void remember(struct digest_cache *cache, const char *owner, const struct digest_scope *scope,
		     const struct challenge *c)
{
	struct entry *entry = find_entry(cache, owner, scope, c->proxy, c->realm);

	if (entry)
		entry_free(cache, entry);
	if (cache->entry_count >= DIGEST_CACHE_MAX)
		entry_free(cache, LIST_ENTRY(list_last(&cache->entries), struct entry, node));
	entry = xcalloc(1, sizeof *entry);
	*entry = (struct entry){
		.owner = xstrdup(owner),
		.scope = slice_dup(name_of(scope, c->proxy)),
		.proxy = c->proxy,
		.realm = slice_dup(c->realm),
		.nonce = slice_dup(c->nonce),
		.opaque = c->has_opaque ? slice_dup(c->opaque) : NULL,
		.algorithm = c->algorithm,
		.names_algorithm = c->names_algorithm,
		.qop = c->qop,
	};
	random_token(cache->random, entry->cnonce, CNONCE_CHARS);
	list_prepend(&cache->entries, &entry->node);
	cache->entry_count++;
}

enum verdict { VERDICT_NEW, VERDICT_REFUSED, VERDICT_IGNORED };

/*
 * A realm that challenges again what was answered has refused the password (22.2), unless it says that the nonce was
 * stale, or the answer was one of the cache, which no challenge to this request had asked for: then it gets one more.
 * Some servers give the same nonce to every request, and take it with a count of 1 alone.
 */
static enum verdict judge(struct digest_tries *tries, const struct challenge *c)
{
	struct digest_try *tried = find_try(tries, c->proxy, c->realm);

	if (!tried)
		return tries->count < DIGEST_REALMS_MAX ? VERDICT_NEW : VERDICT_IGNORED;
	bool same = slice_eq(slice_of(tried->nonce), c->nonce);
	if (tried->renewed || (tried->fresh && (same || !c->stale)))
		return VERDICT_REFUSED;
	tried->renewed = true;
	return VERDICT_NEW;
}

enum challenge_end digest_challenge(struct digest_cache *cache, const struct profile *profile,
				const struct digest_scope *scope, const struct sip_message *response,
				enum digest_learning learning, struct digest_tries *tries)
{
	struct challenge list[DIGEST_REALMS_MAX];
	struct arena arena;
	size_t count = 0;
	bool fresh = false, refused = false, withheld = false;

	if (!profile_has_password(profile))
		return CHALLENGE_NO_PASSWORD;
	arena_init(&arena);
	char *owner = digest_owner(profile);
	read_challenges(&arena, response, false, list, &count);
	read_challenges(&arena, response, true, list, &count);
	for (size_t i = 0; i < count; i++) {
		if (!digest_trusts_realm(cache, profile, owner, list[i].realm, learning)) {
			withheld = true;
			continue;
		}
		enum verdict verdict = judge(tries, &list[i]);
		if (verdict == VERDICT_NEW)
			remember(cache, owner, scope, &list[i]);
		fresh |= verdict == VERDICT_NEW;
		refused |= verdict == VERDICT_REFUSED;
		if (verdict == VERDICT_REFUSED) {
			struct entry *entry = find_entry(cache, owner, scope, list[i].proxy, list[i].realm);
			if (entry)
				entry_free(cache, entry);
		}
	}
	/* What was known when this request began has been answered once; all further nonces are fresh ones. */
	for (size_t i = 0; i < tries->count; i++)
		tries->tries[i].fresh = true;
	free(owner);
	arena_fini(&arena);
	return refused	  ? CHALLENGE_REFUSED
	       : fresh	  ? CHALLENGE_ANSWERED
	       : withheld ? CHALLENGE_STRANGE_REALM
			  : CHALLENGE_UNREADABLE;
}

static bool read_next_nonce(struct arena *arena, const struct sip_message *response, bool proxy, struct slice *nonce)
{
	const struct sip_header *header =
		proxy ? sip_message_header_named(response, SLICE("Proxy-Authentication-Info"), 0)
		      : sip_message_header(response, SIP_HEADER_AUTHENTICATION_INFO, 0);
	struct sip_auth auth;

	if (!header)
		return false;
	/* The parameters are those of a challenge, without the scheme before them. */
	char *text = arena_alloc(arena, sizeof "Digest " + header->value.n);
	memcpy(text, "Digest ", sizeof "Digest ");
	memcpy(text + strlen("Digest "), header->value.p, header->value.n);
	return sip_auth_parse(slice_make(text, strlen("Digest ") + header->value.n), &auth) &&
	       sip_auth_param(arena, &auth, SLICE("nextnonce"), nonce) && nonce->n && can_be_repeated(*nonce);
}

void digest_next_nonce(struct digest_cache *cache, const struct profile *profile, const struct digest_scope *scope,
		       const struct sip_message *response, const struct digest_tries *tries)
{
	struct arena arena;
	struct slice nonce;

	if (!tries->count)
		return;
	arena_init(&arena);
	char *owner = digest_owner(profile);
	for (int proxy = 0; proxy < 2; proxy++) {
		const struct digest_try *tried = NULL;
		size_t realms = 0;
		for (size_t i = 0; i < tries->count; i++) {
			if (tries->tries[i].proxy != proxy)
				continue;
			tried = &tries->tries[i];
			realms++;
		}
		/* It names no realm: of several we cannot tell whose it is. */
		if (realms != 1 || !read_next_nonce(&arena, response, proxy, &nonce))
			continue;
		struct entry *entry = find_entry(cache, owner, scope, proxy, slice_of(tried->realm));
		if (!entry || strcmp(entry->nonce, tried->nonce) != 0)
			continue;
		free(entry->nonce);
		entry->nonce = slice_dup(nonce);
		entry->count = 0;
	}
	free(owner);
	arena_fini(&arena);
}

/* ---- credentials ---- */

static void hash_format(const struct algorithm *algorithm, char hex[HASH_HEX_MAX], const char *format, ...)
	PRINTF_LIKE(3, 4);
static void hash_format(const struct algorithm *algorithm, char hex[HASH_HEX_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = xvasprintf(format, args);
	va_end(args);
	hash_hex(algorithm->hash, slice_of(text), hex);
	hash_wipe(text, strlen(text));
	free(text);
}

/* The response value, RFC 7616 3.4.1 to 3.4.3; RFC 2069's where there is no qop. */
static void respond(const struct entry *entry, const struct profile *profile, const struct sip_draft *draft,
		    char response[HASH_HEX_MAX])
{
	const struct algorithm *a = entry->algorithm;
	struct slice method = sip_draft_method(draft), uri = sip_draft_request_uri(draft);
	char a1[HASH_HEX_MAX], a2[HASH_HEX_MAX], body[HASH_HEX_MAX];

	struct slice user;
	const char *password = profile_password(profile, slice_of(entry->realm), &user);

	hash_format(a, a1, "%.*s:%s:%s", SLICE_ARG(user), entry->realm, password ? password : "");
	if (a->session) {
		char base[HASH_HEX_MAX];
		memcpy(base, a1, sizeof base);
		hash_format(a, a1, "%s:%s:%s", base, entry->nonce, entry->cnonce);
	}
	if (entry->qop == QOP_AUTH_INT) {
		struct sip_message *message = sip_draft_finish(draft, slice_of(NULL));
		hash_hex(a->hash, message->body, body);
		sip_message_unref(message);
		hash_format(a, a2, "%.*s:%.*s:%s", SLICE_ARG(method), SLICE_ARG(uri), body);
	} else {
		hash_format(a, a2, "%.*s:%.*s", SLICE_ARG(method), SLICE_ARG(uri));
	}
	if (entry->qop == QOP_NONE)
		hash_format(a, response, "%s:%s:%s", a1, entry->nonce, a2);
	else
		hash_format(a, response, "%s:%s:%08x:%s:%s:%s", a1, entry->nonce, entry->count, entry->cnonce,
			    entry->qop == QOP_AUTH ? "auth" : "auth-int", a2);
	hash_wipe(a1, sizeof a1);
}

static void add_quoted(struct buf *to, const char *name, struct slice value)
{
	buf_printf(to, "%s=\"", name);
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '"' || value.p[i] == '\\')
			buf_add_char(to, '\\');
		buf_add_char(to, value.p[i]);
	}
	buf_add_char(to, '"');
}

static void add_credentials(struct entry *entry, const struct profile *profile, struct sip_draft *draft)
{
	char response[HASH_HEX_MAX];
	struct buf line;

	entry->count++;
	respond(entry, profile, draft, response);
	buf_init(&line, SIP_MESSAGE_MAX / 4);
	buf_add(&line, SLICE("Digest "));
	struct slice user;
	(void)profile_password(profile, slice_of(entry->realm), &user);
	add_quoted(&line, "username", user);
	add_quoted(&line, ", realm", slice_of(entry->realm));
	add_quoted(&line, ", nonce", slice_of(entry->nonce));
	add_quoted(&line, ", uri", sip_draft_request_uri(draft));
	buf_printf(&line, ", response=\"%s\"", response);
	if (entry->names_algorithm)
		buf_printf(&line, ", algorithm=%s", entry->algorithm->name);
	if (entry->qop != QOP_NONE)
		buf_printf(&line, ", cnonce=\"%s\", qop=%s, nc=%08x", entry->cnonce,
			   entry->qop == QOP_AUTH ? "auth" : "auth-int", entry->count);
	else if (entry->algorithm->session)
		buf_printf(&line, ", cnonce=\"%s\"", entry->cnonce);
	if (entry->opaque)
		add_quoted(&line, ", opaque", slice_of(entry->opaque));
	if (!line.full)
		sip_draft_add_slice(draft, entry->proxy ? SIP_HEADER_PROXY_AUTHORIZATION : SIP_HEADER_AUTHORIZATION,
				    buf_slice(&line));
	buf_fini(&line);
}

static void note_try(struct digest_tries *tries, const struct entry *entry)
{
	struct digest_try *tried = find_try(tries, entry->proxy, slice_of(entry->realm));

	if (!tried) {
		if (tries->count == DIGEST_REALMS_MAX)
			return;
		tried = &tries->tries[tries->count++];
		*tried = (struct digest_try){ .proxy = entry->proxy,
					      .realm = xstrdup(entry->realm),
					      .fresh = entry->count == 1 };
	}
	xreplace(&tried->nonce, entry->nonce);
}

void digest_authorize(struct digest_cache *cache, const struct profile *profile, const struct digest_scope *scope,
		      struct sip_draft *draft, struct digest_tries *tries)
{
	if (!profile_has_password(profile) || list_empty(&cache->entries))
		return;
	char *owner = digest_owner(profile);
	LIST_EACH(&cache->entries, node) {
		struct entry *entry = LIST_ENTRY(node, struct entry, node);
		if (strcmp(entry->owner, owner) != 0 ||
		    !slice_eq(slice_of(entry->scope), name_of(scope, entry->proxy)))
			continue;
		add_credentials(entry, profile, draft);
		note_try(tries, entry);
	}
	free(owner);
}
