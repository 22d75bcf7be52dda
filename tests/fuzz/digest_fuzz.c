/*
 * Fuzz target of challenges: header lines of answers to one request, a 401 or 407 each, parted by the byte 0x1e. Each
 * is learned until there is nothing new to say, and answered: the credentials can be read, name one of our users, and
 * make a request that we ourselves would take. The first byte says what the identity knows and how far it trusts; bit
 * 3: a 200 with Authentication-Info follows.
 * Run: digest_fuzz -dict=tests/fuzz/digest.dict tests/fuzz/corpus/digest
 */
#include "base/xmalloc.h"
#include "sip/ua/digest.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWERS_MAX = 8, ROUNDS_MAX = 4, ATTEMPTS_MAX = DIGEST_REALMS_MAX * ROUNDS_MAX };

struct world {
	struct random random;
	struct digest_cache *cache;
	struct profile *profile;
	struct digest_tries tries;
	struct digest_scope scope;
	enum digest_learning learning;
};

static struct sip_message *response_of(unsigned status, struct slice lines)
{
	struct sip_message *message = NULL;
	size_t used, offset;
	char *text = xasprintf("SIP/2.0 %u Who\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\n"
			       "To: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n%.*s\r\n\r\n",
			       status, SLICE_ARG(lines));

	if (sip_message_parse(slice_of(text), SIP_DATAGRAM, &message, &used, &offset) != SCAN_OK)
		message = NULL;
	free(text);
	return message;
}

static void check_credentials(struct slice value)
{
	static const char *const must[] = { "username", "realm", "nonce", "uri", "response" };
	struct sip_auth auth;
	struct arena arena;
	struct slice found;

	arena_init(&arena);
	if (!sip_auth_parse(value, &auth))
		fprintf(stderr, "%.*s\n", SLICE_ARG(value));
	check(sip_auth_parse(value, &auth));
	check(slice_ieq(auth.scheme, SLICE("Digest")));
	for (size_t i = 0; i < ARRAY_LEN(must); i++)
		check(sip_auth_param(&arena, &auth, slice_of(must[i]), &found));
	check(sip_auth_param(&arena, &auth, SLICE("username"), &found));
	check(slice_eq(found, SLICE("alice")) || slice_eq(found, SLICE("a \"q\" \\ b")));
	arena_fini(&arena);
}

/* The request once more, with all that we know. */
static void say(struct world *w)
{
	struct sip_draft *draft = sip_draft_request(SLICE("OPTIONS"), SLICE("sip:bob@192.0.2.9"));

	sip_draft_add(draft, SIP_HEADER_MAX_FORWARDS, "70");
	sip_draft_add(draft, SIP_HEADER_FROM, "<sip:a@h>;tag=1");
	sip_draft_add(draft, SIP_HEADER_TO, "<sip:b@h>");
	sip_draft_add(draft, SIP_HEADER_CALL_ID, "c");
	sip_draft_add(draft, SIP_HEADER_CSEQ, "1 OPTIONS");
	sip_draft_body(draft, SLICE("text/plain"), SLICE("body"));
	digest_authorize(w->cache, w->profile, &w->scope, draft, &w->tries);
	for (size_t i = 0; sip_draft_value(draft, SIP_HEADER_AUTHORIZATION, i).n; i++)
		check_credentials(sip_draft_value(draft, SIP_HEADER_AUTHORIZATION, i));
	for (size_t i = 0; sip_draft_value(draft, SIP_HEADER_PROXY_AUTHORIZATION, i).n; i++)
		check_credentials(sip_draft_value(draft, SIP_HEADER_PROXY_AUTHORIZATION, i));
	if (sip_draft_size(draft) < SIP_MESSAGE_MAX / 2) {
		struct sip_message *message = sip_draft_finish(draft, SLICE("SIP/2.0/UDP h;branch=z9hG4bKy"));
		check(!sip_message_check(message).status);
		sip_message_unref(message);
	}
	sip_draft_free(draft);
}

/* A server that says the same again and again is not answered for ever. */
static void learn(struct world *w, unsigned status, struct slice lines)
{
	struct sip_message *response = response_of(status, lines);

	for (int round = 0; response; round++) {
		if (digest_challenge(w->cache, w->profile, &w->scope, response, w->learning, &w->tries) !=
		    CHALLENGE_ANSWERED)
			break;
		check(round < ATTEMPTS_MAX);
		say(w);
	}
	say(w);
	sip_message_unref(response);
}

static void begin(struct world *w, uint8_t how)
{
	static struct identity identity = { .uri = "sip:alice@biloxi.com", .password = "zanzibar" };

	*w = (struct world){ .scope = { SLICE("proxy"), SLICE("c") }, .learning = (enum digest_learning)(how % 3) };
	identity.credentials[0] = (struct credential){ "other", "a \"q\" \\ b", "x" };
	identity.credential_count = how >> 4 & 1;
	identity.realm = how >> 5 & 1 ? "biloxi.com" : NULL;
	random_init_seeded(&w->random, 3);
	w->cache = digest_cache_new(&w->random);
	w->profile = profile_new(&identity);
	check(w->profile != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;

	if (!size || size > 16384)
		return 0;
	begin(&w, data[0]);
	struct slice rest = slice_make(data + 1, size - 1);
	for (int i = 0; i < ANSWERS_MAX && rest.n; i++) {
		struct slice lines = slice_cut(&rest, '\x1e');
		if (data[0] & 8 && i) {
			struct sip_message *good = response_of(200, lines);
			if (good)
				digest_next_nonce(w.cache, w.profile, &w.scope, good, &w.tries);
			sip_message_unref(good);
			say(&w);
		} else {
			learn(&w, i & 1 ? 407 : 401, lines);
		}
	}
	digest_tries_fini(&w.tries);
	profile_unref(w.profile);
	digest_cache_free(w.cache);
	return 0;
}
