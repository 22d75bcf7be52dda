#include "tests/unit/unit.h"
#include "tests/sim/hash_text.h"

#include "base/xmalloc.h"
#include "sip/ua/digest.h"
#include "sip/ua/hash.h"

struct bench {
	struct random random;
	struct digest_cache *cache;
	struct identity identity;
	struct profile *profile;
	struct digest_tries tries;
};

static const struct digest_scope bench_scope = { SLICE_INIT("proxy.example"), SLICE_INIT("call") };

static int setup(void **state)
{
	struct bench *bench = xcalloc(1, sizeof *bench);

	random_init_seeded(&bench->random, 3);
	bench->cache = digest_cache_new(&bench->random);
	bench->identity = (struct identity){ .uri = "sip:alice@biloxi.com", .password = "zanzibar" };
	bench->profile = profile_new(&bench->identity);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	digest_tries_fini(&bench->tries);
	profile_unref(bench->profile);
	digest_cache_free(bench->cache);
	free(bench);
	return 0;
}

static struct sip_message *challenge(const char *lines)
{
	struct sip_message *message;
	size_t used, offset;
	char *text = xasprintf("SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: "
			       "<sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\n"
			       "Call-ID: c\r\nCSeq: 1 OPTIONS\r\n%sContent-Length: 0\r\n\r\n",
			       lines);

	assert_int_equal(sip_message_parse(slice_of(text), SIP_DATAGRAM, &message, &used, &offset), SCAN_OK);
	free(text);
	return message;
}

static bool learn_as(struct bench *bench, const char *lines, enum digest_learning learning)
{
	struct sip_message *message = challenge(lines);
	bool again = digest_challenge(bench->cache, bench->profile, &bench_scope, message, learning, &bench->tries) ==
		     CHALLENGE_ANSWERED;

	sip_message_unref(message);
	return again;
}

static bool learn(struct bench *bench, const char *lines, bool may_learn)
{
	return learn_as(bench, lines, may_learn ? DIGEST_LEARNS : DIGEST_LEARNS_NOTHING);
}

/* The credentials of the nth line for OPTIONS sip:bob@192.0.2.9 with the body "body". Owned by the caller; NULL: none.
 */
static char *credentials(struct bench *bench, size_t nth)
{
	struct sip_draft *draft = sip_draft_request(SLICE("OPTIONS"), SLICE("sip:bob@192.0.2.9"));

	sip_draft_add(draft, SIP_HEADER_FROM, "<sip:a@h>;tag=1");
	sip_draft_add(draft, SIP_HEADER_TO, "<sip:b@h>");
	sip_draft_add(draft, SIP_HEADER_CALL_ID, "c");
	sip_draft_add(draft, SIP_HEADER_CSEQ, "1 OPTIONS");
	sip_draft_body(draft, SLICE("text/plain"), SLICE("body"));
	digest_authorize(bench->cache, bench->profile, &bench_scope, draft, &bench->tries);
	struct slice value = sip_draft_value(draft, SIP_HEADER_AUTHORIZATION, nth);
	char *text = value.p ? slice_dup(value) : NULL;
	sip_draft_free(draft);
	return text;
}

static char *param(const char *text, const char *name)
{
	struct sip_auth auth;
	struct arena arena;
	struct slice value;

	arena_init(&arena);
	assert_true(sip_auth_parse(slice_of(text), &auth));
	assert_true(sip_auth_param(&arena, &auth, slice_of(name), &value));
	char *copy = slice_dup(value);
	arena_fini(&arena);
	return copy;
}

static void hashes_are_the_published_ones(void **state)
{
	char hex[HASH_HEX_MAX];

	(void)state;
	hash_hex(HASH_MD5, SLICE("abc"), hex);
	assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
	hash_hex(HASH_SHA256, SLICE("abc"), hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_hex(HASH_SHA512_256, SLICE("abc"), hex);
	assert_string_equal(hex, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23");
	hash_hex(HASH_MD5, slice_of(NULL), hex);
	assert_string_equal(hex, "d41d8cd98f00b204e9800998ecf8427e");
}

static void without_qop_as_in_rfc_2069(void **state)
{
	static const struct {
		const char *algorithm, *response;
	} cases[] = {
		{ "", "2df1fe187e46e28c3a68fdba61e36060" },
		{ ", algorithm=SHA-256", "ea96de21b92ea85d6b43d6e62f18699b94debe4f76c0bf57683cde70da8b7f1b" },
		{ ", algorithm=SHA-512-256", "61036e4d3ffa2ae7b482665be82a83c3c4bad7129ff69fa54c2c4a16d7902bc1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		void *own;
		setup(&own);
		struct bench *bench = own;
		char lines[256];
		snprintf(lines, sizeof lines, "WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"n1\"%s\r\n",
			 cases[i].algorithm);
		assert_true(learn(bench, lines, true));
		char *text = credentials(bench, 0), *response = param(text, "response");
		assert_string_equal(response, cases[i].response);
		assert_null(strstr(text, "nc="));
		free(response);
		free(text);
		teardown(&own);
	}
	(void)state;
}

/* The sum built here step by step as RFC 7616 3.4 writes it. */
static void expect_response(enum hash_kind kind, bool session, bool whole, const char *text, const char *nc)
{
	char a1[HASH_HEX_MAX], a2[HASH_HEX_MAX], body[HASH_HEX_MAX], sum[HASH_HEX_MAX], base[HASH_HEX_MAX];
	char *cnonce = param(text, "cnonce"), *response = param(text, "response");

	hash_text(kind, a1, "alice:biloxi.com:zanzibar");
	memcpy(base, a1, sizeof base);
	if (session)
		hash_text(kind, a1, "%s:n1:%s", base, cnonce);
	hash_text(kind, body, "body");
	if (whole)
		hash_text(kind, a2, "OPTIONS:sip:bob@192.0.2.9:%s", body);
	else
		hash_text(kind, a2, "OPTIONS:sip:bob@192.0.2.9");
	hash_text(kind, sum, "%s:n1:%s:%s:%s:%s", a1, nc, cnonce, whole ? "auth-int" : "auth", a2);
	assert_string_equal(response, sum);
	free(cnonce);
	free(response);
}

static void with_qop_auth_and_rising_counts(void **state)
{
	struct bench *bench = *state;

	assert_true(learn(bench,
			  "WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"n1\", algorithm=SHA-256, "
			  "qop=\"auth-int, auth\"\r\n",
			  true));
	char *first = credentials(bench, 0), *second = credentials(bench, 0);
	expect_response(HASH_SHA256, false, false, first, "00000001");
	expect_response(HASH_SHA256, false, false, second, "00000002");
	assert_non_null(strstr(second, "nc=00000002"));
	free(first);
	free(second);
}

static void with_auth_int_alone_the_body_counts(void **state)
{
	struct bench *bench = *state;

	assert_true(learn(bench, "WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"n1\", qop=\"auth-int\"\r\n",
			  true));
	char *text = credentials(bench, 0);
	expect_response(HASH_MD5, false, true, text, "00000001");
	free(text);
}

static void the_sess_forms_bind_the_nonces(void **state)
{
	struct bench *bench = *state;

	assert_true(learn(
		bench,
		"WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"n1\", algorithm=MD5-sess, qop=\"auth\"\r\n",
		true));
	char *text = credentials(bench, 0);
	expect_response(HASH_MD5, true, false, text, "00000001");
	free(text);
}

static void what_cannot_be_answered_is_not(void **state)
{
	static const char *const cases[] = {
		"WWW-Authenticate: Basic realm=\"biloxi.com\"\r\n",
		"WWW-Authenticate: Digest realm=\"biloxi.com\"\r\n",
		"WWW-Authenticate: Digest nonce=\"n1\"\r\n",
		"WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"n1\", algorithm=ROT13\r\n",
		"WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"n1\", qop=\"telepathy\"\r\n",
		"",
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_false(learn(bench, cases[i], true));
	assert_null(credentials(bench, 0));
}

static void several_realms_are_all_answered(void **state)
{
	struct bench *bench = *state;

	assert_true(learn(bench,
			  "WWW-Authenticate: Digest realm=\"one\", nonce=\"1\"\r\nWWW-Authenticate: Digest "
			  "realm=\"two\", nonce=\"2\"\r\n",
			  true));
	char *a = credentials(bench, 0), *b = credentials(bench, 1);
	assert_non_null(a);
	assert_non_null(b);
	assert_true((strstr(a, "realm=\"one\"") != NULL) != (strstr(b, "realm=\"one\"") != NULL));
	free(a);
	free(b);
}

static void strangers_are_not_told_and_many_realms_neither(void **state)
{
	struct bench *bench = *state;
	char lines[128];

	assert_false(learn(bench, "WWW-Authenticate: Digest realm=\"stranger\", nonce=\"1\"\r\n", false));
	for (int i = 0; i < 4; i++) {
		snprintf(lines, sizeof lines, "WWW-Authenticate: Digest realm=\"r%d\", nonce=\"1\"\r\n", i);
		assert_true(learn(bench, lines, true));
	}
	/* A realm met before is answered even where nothing may be learned. */
	assert_true(learn(bench, "Proxy-Authenticate: Digest realm=\"r1\", nonce=\"5\"\r\n", false));
	/* Whoever is called cannot name one of his own, though he may speak for our domain. */
	assert_false(learn_as(bench, "WWW-Authenticate: Digest realm=\"evil\", nonce=\"1\"\r\n", DIGEST_LEARNS_OWN));
	assert_true(
		learn_as(bench, "Proxy-Authenticate: Digest realm=\"biloxi.com\", nonce=\"1\"\r\n", DIGEST_LEARNS_OWN));
	/* The registrar can, however many there are: the oldest gives way. */
	assert_true(learn(bench, "WWW-Authenticate: Digest realm=\"r9\", nonce=\"1\"\r\n", true));
	assert_false(learn(bench, "Proxy-Authenticate: Digest realm=\"r0\", nonce=\"6\"\r\n", false));
}

static void the_cache_is_bounded(void **state)
{
	struct bench *bench = *state;
	char scope[32];

	for (int i = 0; i < 200; i++) {
		struct sip_message *message = challenge("WWW-Authenticate: Digest realm=\"one\", nonce=\"1\"\r\n");
		struct digest_tries tries = { .count = 0 };
		snprintf(scope, sizeof scope, "host%d", i);
		struct digest_scope other = { slice_of(scope), slice_of(scope) };
		assert_int_equal(digest_challenge(bench->cache, bench->profile, &other, message, DIGEST_LEARNS, &tries),
				 CHALLENGE_ANSWERED);
		digest_tries_fini(&tries);
		sip_message_unref(message);
	}
	assert_null(credentials(bench, 0));
}

static bool trusts(struct bench *bench, const char *host, const char *literal, enum digest_place place)
{
	struct address address;

	assert_true(address_parse_host(&address, slice_of(literal), 5060));
	return digest_trusts_hop(bench->cache, bench->profile, slice_of(host), &address, place);
}

static void own_hosts_are_known_by_name_by_registration_and_by_address(void **state)
{
	static const char *const routes[] = { "<sip:[2001:db8::5]:5070;lr>", NULL };
	struct bench *bench = *state;
	struct address address;

	assert_false(trusts(bench, "192.0.2.5", "192.0.2.5", DIGEST_ANY_PLACE));
	assert_true(trusts(bench, "BILOXI.com", "192.0.2.5", DIGEST_ANY_PLACE));
	assert_true(trusts(bench, "192.0.2.5", "192.0.2.5", DIGEST_ANY_PLACE));
	assert_false(trusts(bench, "evil.biloxi.com", "192.0.2.6", DIGEST_ANY_PLACE));
	assert_true(trusts(bench, "registrar.example", "192.0.2.7", DIGEST_REGISTRAR));
	assert_true(trusts(bench, "registrar.example", "192.0.2.8", DIGEST_ANY_PLACE));
	assert_true(address_parse_host(&address, SLICE("192.0.2.8"), 1));
	assert_true(digest_knows_host(bench->cache, &address));
	assert_true(address_parse_host(&address, SLICE("192.0.2.9"), 1));
	assert_false(digest_knows_host(bench->cache, &address));
	/* Each identity has its own. */
	profile_unref(bench->profile);
	bench->identity.uri = "sip:carol@atlanta.com";
	bench->identity.routes = routes;
	bench->profile = profile_new(&bench->identity);
	assert_false(trusts(bench, "biloxi.com", "192.0.2.5", DIGEST_ANY_PLACE));
	assert_true(trusts(bench, "2001:db8::5", "2001:db8::5", DIGEST_ANY_PLACE));
}

/* Where a 3xx sends a REGISTER: the password goes no further than the domains of the account, its proxies and its
 * registrar. */
static void a_redirection_leaves_the_password_within_the_domain(void **state)
{
	static const char *const routes[] = { "<sip:gate.example.net;lr>", NULL };
	struct bench *bench = *state;

	profile_unref(bench->profile);
	bench->identity.routes = routes;
	bench->profile = profile_new(&bench->identity);
	assert_true(trusts(bench, "sip.registrar.example", "192.0.2.7", DIGEST_REGISTRAR));
	assert_true(trusts(bench, "192.0.2.50", "192.0.2.50", DIGEST_REGISTRAR));
	assert_true(trusts(bench, "two.Biloxi.com", "192.0.2.20", DIGEST_ELSEWHERE));
	assert_true(trusts(bench, "a.gate.example.net", "192.0.2.21", DIGEST_ELSEWHERE));
	assert_true(trusts(bench, "sip.registrar.example", "192.0.2.22", DIGEST_ELSEWHERE));
	assert_true(trusts(bench, "b.sip.registrar.example", "192.0.2.23", DIGEST_ELSEWHERE));
	assert_true(trusts(bench, "192.0.2.50", "192.0.2.50", DIGEST_ELSEWHERE));
	assert_false(trusts(bench, "evil.com", "198.51.100.1", DIGEST_ELSEWHERE));
	assert_false(trusts(bench, "evilbiloxi.com", "198.51.100.2", DIGEST_ELSEWHERE));
	assert_false(trusts(bench, ".biloxi.com", "198.51.100.3", DIGEST_ELSEWHERE));
	assert_false(trusts(bench, "registrar.example", "198.51.100.4", DIGEST_ELSEWHERE));
	assert_false(trusts(bench, "example.net", "198.51.100.5", DIGEST_ELSEWHERE));
	assert_false(trusts(bench, "1.192.0.2.50", "198.51.100.6", DIGEST_ELSEWHERE));
	/* To have been asked once makes nobody known. */
	assert_false(trusts(bench, "evil.com", "198.51.100.1", DIGEST_ELSEWHERE));
	assert_false(trusts(bench, "evil.com", "198.51.100.1", DIGEST_ANY_PLACE));
}

/* The route of a stranger's 305, or of a registrar that only a 3xx has named. */
static void a_route_that_others_name_is_no_place_of_ours(void **state)
{
	static const char *const routes[] = { "<sip:gate.example.net;lr>", "<sip:evil.com;lr>",
					      "<sip:two.biloxi.com;lr>", NULL };
	struct bench *bench = *state;

	profile_unref(bench->profile);
	bench->identity.routes = routes;
	bench->identity.strange_routes = 2;
	bench->profile = profile_new(&bench->identity);
	assert_true(trusts(bench, "gate.example.net", "192.0.2.7", DIGEST_ANY_PLACE));
	assert_false(trusts(bench, "evil.com", "198.51.100.1", DIGEST_ANY_PLACE));
	assert_true(trusts(bench, "two.biloxi.com", "192.0.2.20", DIGEST_ANY_PLACE));
	/* Only where they lead within the domain: the domain itself is no wider for other hosts. */
	assert_false(trusts(bench, "three.biloxi.com", "198.51.100.2", DIGEST_ANY_PLACE));
	/* More than there are. */
	profile_unref(bench->profile);
	bench->identity.strange_routes = 4;
	bench->profile = profile_new(&bench->identity);
	assert_false(trusts(bench, "evil.com", "198.51.100.1", DIGEST_ANY_PLACE));
}

static void the_own_hosts_remembered_are_bounded(void **state)
{
	struct bench *bench = *state;
	char literal[32];

	for (int i = 0; i < 200; i++) {
		snprintf(literal, sizeof literal, "198.51.100.%d", i);
		assert_true(trusts(bench, "biloxi.com", literal, DIGEST_ANY_PLACE));
	}
	assert_false(trusts(bench, "198.51.100.1", "198.51.100.1", DIGEST_ANY_PLACE));
	assert_true(trusts(bench, "198.51.100.199", "198.51.100.199", DIGEST_ANY_PLACE));
}

static void an_empty_qop_is_none(void **state)
{
	struct bench *bench = *state;

	assert_true(learn(bench, "WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"n1\", qop=\"\"\r\n", true));
	char *text = credentials(bench, 0);
	assert_null(strstr(text, "qop"));
	free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* What could not be said again in quotes is not answered: our own parser would refuse the line (RFC 3261 25.1). */
static void control_characters_are_no_challenge(void **state)
{
	static const char *const refused[] = {
		"WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\001x\r\n",
		"WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"a\\\001\"\r\n",
		"WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"a\", opaque=\177\r\n",
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_false(learn(bench, refused[i], true));
	assert_null(credentials(bench, 0));
	assert_true(learn(bench, "WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"a\tb\"\r\n", true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_the_published_ones),
		cmocka_unit_test(without_qop_as_in_rfc_2069),
		TEST(with_qop_auth_and_rising_counts),
		TEST(with_auth_int_alone_the_body_counts),
		TEST(the_sess_forms_bind_the_nonces),
		TEST(what_cannot_be_answered_is_not),
		TEST(several_realms_are_all_answered),
		TEST(strangers_are_not_told_and_many_realms_neither),
		TEST(the_cache_is_bounded),
		TEST(own_hosts_are_known_by_name_by_registration_and_by_address),
		TEST(a_redirection_leaves_the_password_within_the_domain),
		TEST(a_route_that_others_name_is_no_place_of_ours),
		TEST(the_own_hosts_remembered_are_bounded),
		TEST(an_empty_qop_is_none),
		TEST(control_characters_are_no_challenge),
	};

	return cmocka_run_group_tests_name("sip/ua/digest", tests, NULL, NULL);
}
