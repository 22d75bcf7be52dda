#include "tests/sim/realm.h"
#include "tests/sim/hash_text.h"

#include "base/xmalloc.h"
#include "sip/ua/hash.h"

#include <stdio.h>

enum { RENAMED_EVERY_S = 40, A_MAX = 4096 };

static const char *const names[] = { REALM_NAME, "second.example" };

void realm_init(struct realm *realm, struct world *world, const struct realm_style *style)
{
	*realm = (struct realm){ .world = world, .style = *style };
}

static const char *name_now(const struct realm *realm)
{
	int64_t turn = realm->world->timers.now_us / (RENAMED_EVERY_S * SECOND_US);

	return names[realm->style.renames ? turn % 2 : 0];
}

bool realm_is_named(struct slice credentials)
{
	struct sip_auth auth;
	struct slice name;
	struct arena arena;
	bool ours = false;

	arena_init(&arena);
	if (sip_auth_parse(credentials, &auth) && sip_auth_param(&arena, &auth, SLICE("realm"), &name))
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			ours |= slice_eq(name, slice_of(names[i]));
	arena_fini(&arena);
	return ours;
}

/* ---- nonces ---- */

static struct realm_nonce *new_nonce(struct realm *realm)
{
	struct realm_nonce *nonce = &realm->nonces[realm->given++ % REALM_NONCES];

	*nonce = (struct realm_nonce){ .until_us = realm->world->timers.now_us +
						   (int64_t)realm->style.nonce_s * SECOND_US };
	random_token(&realm->world->random, nonce->text, sizeof nonce->text - 1);
	return nonce;
}

static struct realm_nonce *find_nonce(struct realm *realm, struct slice text)
{
	for (size_t i = 0; i < REALM_NONCES; i++)
		if (realm->nonces[i].until_us > realm->world->timers.now_us &&
		    slice_eq(slice_of(realm->nonces[i].text), text))
			return &realm->nonces[i];
	return NULL;
}

const char *realm_next_nonce(struct realm *realm)
{
	static char value[64];

	if (!realm->style.on || random_below(&realm->world->random, 4))
		return NULL;
	snprintf(value, sizeof value, "nextnonce=\"%s\"", new_nonce(realm)->text);
	return value;
}

/* ---- challenges ---- */

static void add_challenge(const struct realm *realm, struct sip_draft *draft, const char *algorithm, bool stale,
			  const char *nonce, bool proxy)
{
	static const char *const qops[] = { "", ", qop=\"auth\"", ", qop=\"auth-int\"", ", qop=\"auth-int,auth\"" };

	sip_draft_add(draft, proxy ? SIP_HEADER_PROXY_AUTHENTICATE : SIP_HEADER_WWW_AUTHENTICATE,
		      "Digest realm=\"%s\", nonce=\"%s\", opaque=\"o\"%s%s%s%s", name_now(realm), nonce,
		      algorithm ? ", algorithm=" : "", algorithm ? algorithm : "", qops[realm->style.qop],
		      stale ? ", stale=true" : "");
}

static void challenge(struct realm *realm, struct server_transaction *st, bool stale, bool proxy)
{
	struct sip_draft *draft = sip_draft_response(server_transaction_request(st), proxy ? 407 : 401, slice_of(""),
						     SLICE("realm"));
	const char *nonce = new_nonce(realm)->text;

	for (size_t i = 0; i < 2; i++)
		if (!i || realm->style.algorithms[i])
			add_challenge(realm, draft, realm->style.algorithms[i], stale, nonce, proxy);
	realm->asked++;
	realm->stale += stale;
	(void)!transaction_respond(st, draft);
	sip_draft_free(draft);
}

/* ---- credentials ---- */

struct credentials {
	struct slice user, realm, nonce, uri, response, algorithm, qop, nc, cnonce;
};

static bool read_credentials(struct arena *arena, struct slice value, struct credentials *c)
{
	struct sip_auth auth;

	*c = (struct credentials){ .algorithm = SLICE("MD5") };
	if (!sip_auth_parse(value, &auth) || !slice_ieq(auth.scheme, SLICE("Digest")))
		return false;
	(void)sip_auth_param(arena, &auth, SLICE("algorithm"), &c->algorithm);
	bool has_cnonce = sip_auth_param(arena, &auth, SLICE("cnonce"), &c->cnonce);
	if (sip_auth_param(arena, &auth, SLICE("qop"), &c->qop) &&
	    (!has_cnonce || !sip_auth_param(arena, &auth, SLICE("nc"), &c->nc)))
		return false;
	return sip_auth_param(arena, &auth, SLICE("username"), &c->user) &&
	       sip_auth_param(arena, &auth, SLICE("realm"), &c->realm) &&
	       sip_auth_param(arena, &auth, SLICE("nonce"), &c->nonce) &&
	       sip_auth_param(arena, &auth, SLICE("uri"), &c->uri) &&
	       sip_auth_param(arena, &auth, SLICE("response"), &c->response);
}

/* RFC 7616 3.4.1 to 3.4.3 */
static bool is_right(const struct credentials *c, const struct sip_message *request)
{
	struct slice method = request->method_name;
	char a1[HASH_HEX_MAX], a2[HASH_HEX_MAX], body[HASH_HEX_MAX], want[HASH_HEX_MAX];
	enum hash_kind kind = HASH_MD5;

	if (slice_ibegins(c->algorithm, SLICE("SHA-256")))
		kind = HASH_SHA256;
	else if (slice_ibegins(c->algorithm, SLICE("SHA-512-256")))
		kind = HASH_SHA512_256;
	hash_text(kind, a1, "%.*s:%.*s:%s", SLICE_ARG(c->user), SLICE_ARG(c->realm), REALM_PASSWORD);
	if (slice_ifind_slice(c->algorithm, SLICE("-sess")) < c->algorithm.n) {
		char base[HASH_HEX_MAX];
		memcpy(base, a1, sizeof base);
		hash_text(kind, a1, "%s:%.*s:%.*s", base, SLICE_ARG(c->nonce), SLICE_ARG(c->cnonce));
	}
	hash_hex(kind, request->body, body);
	if (slice_eq(c->qop, SLICE("auth-int")))
		hash_text(kind, a2, "%.*s:%.*s:%s", SLICE_ARG(method), SLICE_ARG(c->uri), body);
	else
		hash_text(kind, a2, "%.*s:%.*s", SLICE_ARG(method), SLICE_ARG(c->uri));
	if (c->qop.n)
		hash_text(kind, want, "%s:%.*s:%.*s:%.*s:%.*s:%s", a1, SLICE_ARG(c->nonce), SLICE_ARG(c->nc),
		       SLICE_ARG(c->cnonce), SLICE_ARG(c->qop), a2);
	else
		hash_text(kind, want, "%s:%.*s:%s", a1, SLICE_ARG(c->nonce), a2);
	return slice_eq(slice_of(want), c->response);
}

/* A nonce is good for each number once, in their order; without qop for as long as it lives. */
static bool is_fresh(struct realm *realm, const struct credentials *c)
{
	struct realm_nonce *nonce = find_nonce(realm, c->nonce);
	uint32_t count = 0;

	if (!nonce || !c->qop.n)
		return nonce != NULL;
	for (size_t i = 0; i < c->nc.n; i++)
		count = count * 16 + (uint32_t)(c->nc.p[i] <= '9' ? c->nc.p[i] - '0' : (c->nc.p[i] | 32) - 'a' + 10);
	if (count <= nonce->count)
		return false;
	nonce->count = count;
	return true;
}

/* The stranger's spoiled copies are wrong, and so are those of who has forgotten the password. */
static void blame(struct realm *realm, const struct sip_message *request, struct slice user)
{
	struct world *world = realm->world;

	if (world->strange || *world->fault || slice_eq(user, slice_of(realm->style.forgetful)))
		return;
	snprintf(world->fault, sizeof world->fault, "wrong credentials in %.*s",
		 SLICE_ARG(slice_sub(request->bytes, 0, 1600)));
}

enum verdict { NOTHING, WRONG, STALE, GOOD };

static enum verdict judge(struct realm *realm, const struct sip_message *request, struct slice value)
{
	struct credentials c;
	struct arena arena;
	enum verdict verdict = NOTHING;

	arena_init(&arena);
	if (read_credentials(&arena, value, &c) && slice_eq(c.realm, slice_of(name_now(realm)))) {
		bool good = slice_eq(c.uri, sip_message_request_uri(request)->text) && is_right(&c, request);
		if (!good)
			blame(realm, request, c.user);
		verdict = !good ? WRONG : is_fresh(realm, &c) ? GOOD : STALE;
	}
	arena_fini(&arena);
	return verdict;
}

bool realm_admits(struct realm *realm, struct server_transaction *st, const struct sip_message *request, bool proxy)
{
	enum sip_header_id id = proxy ? SIP_HEADER_PROXY_AUTHORIZATION : SIP_HEADER_AUTHORIZATION;
	const struct sip_header *header;
	enum verdict best = NOTHING;

	if (!realm->style.on)
		return true;
	for (size_t i = 0; (header = sip_message_header(request, id, i)) != NULL; i++) {
		enum verdict verdict = judge(realm, request, header->value);
		best = verdict > best ? verdict : best;
	}
	if (best == GOOD) {
		realm->admitted++;
		return true;
	}
	challenge(realm, st, best == STALE, proxy);
	return false;
}
