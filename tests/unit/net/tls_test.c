/* TLS in memory: whom a certificate belongs to, what refuses it and in which words, and bytes both ways. */
#include "certificates.h"

#include <openssl/rand.h>

enum { DAY_S = 86400 };

struct world {
	char dir[64], ca_file[96], server_file[96], client_file[96];
	struct made ca, server, client;
	struct tls_context *ours, *theirs;
	struct net_tls settings; /* ours */
	struct tls *a, *b;       /* client, server */
	struct buf why;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct wish ca = { .common_name = "Test CA", .from_s = -DAY_S, .to_s = 30 * DAY_S, .is_ca = true };

	snprintf(w->dir, sizeof w->dir, "/tmp/tls-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->ca_file, sizeof w->ca_file, "%s/ca.pem", w->dir);
	snprintf(w->server_file, sizeof w->server_file, "%s/server.pem", w->dir);
	snprintf(w->client_file, sizeof w->client_file, "%s/client.pem", w->dir);
	w->ca = make_certificate(&ca, NULL);
	write_pem(w->ca_file, &w->ca, false);
	w->ours = tls_context_new();
	w->theirs = tls_context_new();
	w->settings = (struct net_tls){ .ca = w->ca_file, .verify = true };
	tls_context_set(w->ours, &w->settings);
	buf_init(&w->why, TLS_WHY);
	*state = w;
	return 0;
}

static void part(struct world *w)
{
	tls_free(w->a);
	tls_free(w->b);
	w->a = w->b = NULL;
}

static int teardown(void **state)
{
	struct world *w = *state;
	const char *const files[] = { w->ca_file, w->server_file, w->client_file };

	part(w);
	tls_context_free(w->ours);
	tls_context_free(w->theirs);
	made_free(&w->ca);
	made_free(&w->server);
	made_free(&w->client);
	buf_fini(&w->why);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		unlink(files[i]);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void serve(struct world *w, const struct wish *wish, bool self_signed)
{
	made_free(&w->server);
	w->server = make_certificate(wish, self_signed ? NULL : &w->ca);
	write_pem(w->server_file, &w->server, true);
	tls_context_set(w->theirs,
			&(struct net_tls){ .certificate = w->server_file, .ca = w->ca_file, .verify = true });
}

static void carry(struct tls *from, struct tls *to)
{
	struct slice wire = tls_wire(from);
	char *copy = slice_dup(wire);

	tls_sent(from);
	tls_take(to, slice_make(copy, wire.n));
	free(copy);
}

static void shake(struct world *w)
{
	tls_start(w->a);
	for (int i = 0; i < 6; i++) {
		carry(w->a, w->b);
		carry(w->b, w->a);
	}
}

static enum tls_state meet(struct world *w, const char *name, const char *address)
{
	struct address remote;

	part(w);
	assert_true(address_parse(&remote, slice_of(address), 5061));
	w->a = tls_client(w->ours, name, &remote, &w->why);
	w->b = tls_server(w->theirs, true, &w->why);
	if (!w->a || !w->b)
		fail_msg("%s", buf_text(&w->why));
	shake(w);
	return tls_state(w->a);
}

/* RFC 5922 7.1 and 7.2, row by row. */
static void test_names(void **state)
{
	static const struct {
		const char *names, *common_name, *wanted;
		bool good;
	} rows[] = {
		{ "DNS:biloxi.com", "x", "biloxi.com", true },
		{ "DNS:BILOXI.com", "x", "biloxi.COM", true },
		{ "DNS:a.com,DNS:biloxi.com", "x", "biloxi.com", true },
		{ "URI:sip:biloxi.com", "x", "biloxi.com", true },
		{ "URI:SIP:biloxi.com;transport=tls", "x", "biloxi.com", true },
		{ "URI:sip:biloxi.com,DNS:other.com", "x", "biloxi.com", true },
		/* a DNS name counts only where no sip URI stands */
		{ "URI:sip:other.com,DNS:biloxi.com", "x", "biloxi.com", false },
		{ "URI:https://other.com,DNS:biloxi.com", "x", "biloxi.com", true },
		{ "URI:sips:biloxi.com", "x", "biloxi.com", false },
		/* a URI with a user names a person */
		{ "URI:sip:bob@biloxi.com", "x", "biloxi.com", false },
		/* no wildcards, no suffixes */
		{ "DNS:*.biloxi.com", "x", "sip.biloxi.com", false },
		{ "DNS:biloxi.com", "x", "sip.biloxi.com", false },
		{ "DNS:sip.biloxi.com", "x", "biloxi.com", false },
		/* the common name, without other names only */
		{ NULL, "biloxi.com", "biloxi.com", true },
		{ NULL, "other.com", "biloxi.com", false },
		{ "DNS:other.com", "biloxi.com", "biloxi.com", false },
		{ "email:bob@biloxi.com", "biloxi.com", "biloxi.com", false },
		/* no name asked for: the address */
		{ "IP:192.0.2.7", "x", "", true },
		{ "IP:192.0.2.8", "x", "", false },
		{ "DNS:192.0.2.7", "192.0.2.7", "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world *w = *state;
		struct wish wish = { rows[i].common_name, rows[i].names, -DAY_S, DAY_S, false };
		serve(w, &wish, false);
		tls_context_set(w->ours, &w->settings);
		enum tls_state got = meet(w, rows[i].wanted, "192.0.2.7:5061");
		if ((got == TLS_OPEN) != rows[i].good)
			fail_msg("row %zu: '%s' against %s: %s", i, rows[i].wanted, rows[i].names, tls_why(w->a));
		if (!rows[i].good && !strstr(tls_why(w->a), "certificate"))
			fail_msg("row %zu: %s", i, tls_why(w->a));
	}
}

static void refused(struct world *w, const struct wish *wish, bool self_signed, const char *words)
{
	serve(w, wish, self_signed);
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.7:5061"), TLS_FAILED);
	if (!strstr(tls_why(w->a), words))
		fail_msg("'%s' does not say '%s'", tls_why(w->a), words);
}

static void test_the_sentence_names_what_is_wrong(void **state)
{
	struct world *w = *state;
	struct wish good = { "biloxi.com", "DNS:biloxi.com", -DAY_S, DAY_S, false };
	struct wish old = good, early = good, other = good;

	old.from_s = -20 * DAY_S;
	old.to_s = -10 * DAY_S;
	refused(w, &old, false, "the certificate expired on 20");
	early.from_s = 10 * DAY_S;
	early.to_s = 20 * DAY_S;
	refused(w, &early, false, "is not valid before 20");
	refused(w, &good, true, "signed by itself");
	other.names = "DNS:evil.com";
	refused(w, &other, false, "belongs to evil.com, not to biloxi.com");
	/* an issuer that is not ours */
	w->settings.ca = "/etc/ssl/certs";
	struct stat status;
	if (stat(w->settings.ca, &status) != 0)
		w->settings.ca = NULL;
	tls_context_set(w->ours, &w->settings);
	refused(w, &good, false, "issuer of the certificate is unknown here (Test CA)");
	/* nobody is asked for anything */
	w->settings.verify = false;
	tls_context_set(w->ours, &w->settings);
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.7:5061"), TLS_OPEN);
	assert_false(tls_peer_is(w->a, SLICE("biloxi.com")));
}

static void test_pins(void **state)
{
	struct world *w = *state;
	struct wish other = { "evil.com", "DNS:evil.com", -20 * DAY_S, -DAY_S, false };
	unsigned char bytes[32];
	char pin[64], hex[65], both[200];

	serve(w, &other, true);
	pin_of(&w->server, pin);
	snprintf(both, sizeof both, "%064d sha256/%s", 0, pin);
	w->settings.pin = both;
	tls_context_set(w->ours, &w->settings);
	/* the key is what counts, whoever signed and whatever the dates say */
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.7:5061"), TLS_OPEN);
	serve(w, &other, true);
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.7:5061"), TLS_FAILED);
	assert_non_null(strstr(tls_why(w->a), "tls.pin"));
	assert_true(net_tls_pin_parse(slice_of(pin), bytes));
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02X", bytes[i]);
	unsigned char again[32];
	assert_true(net_tls_pin_parse(slice_of(hex), again));
	assert_memory_equal(bytes, again, 32);
	assert_false(net_tls_pin_parse(SLICE("abc"), again));
	assert_false(net_tls_pin_parse(SLICE("!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!="), again));
}

static void say(struct tls *from, struct tls *to, const char *text)
{
	char got[100];

	assert_true(tls_write(from, slice_of(text)));
	carry(from, to);
	size_t n = tls_read(to, got, sizeof got);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, n);
	assert_int_equal(tls_read(to, got, sizeof got), 0);
}

static void test_bytes_and_the_end(void **state)
{
	struct world *w = *state;
	struct wish good = { "biloxi.com", "DNS:biloxi.com", -DAY_S, DAY_S, false };
	char got[16];

	serve(w, &good, false);
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.7:5061"), TLS_OPEN);
	assert_int_equal(tls_state(w->b), TLS_OPEN);
	assert_true(tls_peer_is(w->a, SLICE("biloxi.com")));
	assert_false(tls_peer_is(w->b, SLICE("biloxi.com")));
	say(w->a, w->b, "OPTIONS");
	say(w->b, w->a, "200 OK");
	tls_shut(w->a);
	carry(w->a, w->b);
	assert_int_equal(tls_read(w->b, got, sizeof got), 0);
	assert_int_equal(tls_state(w->b), TLS_ENDED);
	assert_false(tls_write(w->b, SLICE("x")));
}

static void test_a_session_is_resumed(void **state)
{
	struct world *w = *state;
	struct wish good = { "biloxi.com", "DNS:biloxi.com", -DAY_S, DAY_S, false };

	serve(w, &good, false);
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.7:5061"), TLS_OPEN);
	assert_false(tls_resumed(w->a));
	say(w->b, w->a, "tickets come with the first bytes");
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.7:5061"), TLS_OPEN);
	assert_true(tls_resumed(w->a));
	assert_true(tls_peer_is(w->a, SLICE("biloxi.com")));
	say(w->b, w->a, "again");
	/* another name, another address, other settings: from the beginning */
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.9:5061"), TLS_OPEN);
	assert_false(tls_resumed(w->a));
	tls_context_set(w->ours, &w->settings);
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.7:5061"), TLS_OPEN);
	assert_false(tls_resumed(w->a));
}

static void test_a_client_may_prove_its_domain(void **state)
{
	struct world *w = *state;
	struct wish good = { "biloxi.com", "DNS:biloxi.com", -DAY_S, DAY_S, false };
	struct wish mine = { "atlanta.com", "URI:sip:atlanta.com", -DAY_S, DAY_S, false };

	serve(w, &good, false);
	w->client = make_certificate(&mine, &w->ca);
	write_pem(w->client_file, &w->client, true);
	w->settings.certificate = w->client_file;
	tls_context_set(w->ours, &w->settings);
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.7:5061"), TLS_OPEN);
	assert_int_equal(tls_state(w->b), TLS_OPEN);
	assert_true(tls_peer_is(w->b, SLICE("atlanta.com")));
	assert_false(tls_peer_is(w->b, SLICE("biloxi.com")));
	/* signed by nobody we know: let in, but nothing is proved */
	made_free(&w->client);
	w->client = make_certificate(&mine, NULL);
	write_pem(w->client_file, &w->client, true);
	tls_context_set(w->ours, &w->settings);
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.7:5061"), TLS_OPEN);
	assert_int_equal(tls_state(w->b), TLS_OPEN);
	assert_false(tls_peer_is(w->b, SLICE("atlanta.com")));
}

static void test_what_is_no_tls(void **state)
{
	struct world *w = *state;
	struct wish good = { "biloxi.com", "DNS:biloxi.com", -DAY_S, DAY_S, false };

	serve(w, &good, false);
	assert_int_equal(meet(w, "biloxi.com", "192.0.2.7:5061"), TLS_OPEN);
	struct address remote;
	assert_true(address_parse(&remote, SLICE("192.0.2.7"), 5061));
	part(w);
	w->a = tls_client(w->ours, "biloxi.com", &remote, &w->why);
	tls_start(w->a);
	assert_int_equal(tls_take(w->a, SLICE("SIP/2.0 400 Bad Request\r\n\r\n")), TLS_FAILED);
	assert_string_equal(tls_why(w->a), "the other side does not speak TLS there");
	w->b = tls_server(w->theirs, true, &w->why);
	assert_int_equal(tls_take(w->b, SLICE("OPTIONS sip:x SIP/2.0\r\n\r\n")), TLS_FAILED);
	/* noise of every kind, cut anywhere, ends a connection and nothing else */
	for (int i = 0; i < 200; i++) {
		unsigned char noise[256];
		part(w);
		w->b = tls_server(w->theirs, true, &w->why);
		RAND_bytes(noise, sizeof noise);
		noise[0] = 22;
		noise[1] = 3;
		noise[2] = 1;
		noise[3] = 0;
		for (size_t at = 0; at < sizeof noise; at += 32)
			tls_take(w->b, slice_make(noise + at, 32));
		assert_int_not_equal(tls_state(w->b), TLS_OPEN);
		assert_true(tls_wire(w->b).n < 1024);
	}
}

static void test_files_that_cannot_be_used(void **state)
{
	struct world *w = *state;
	struct address remote;

	assert_true(address_parse(&remote, SLICE("192.0.2.7"), 5061));
	w->settings.ca = "/nonexistent/ca.pem";
	tls_context_set(w->ours, &w->settings);
	assert_null(tls_client(w->ours, "biloxi.com", &remote, &w->why));
	assert_string_equal(buf_text(&w->why),
			    "tls.ca: '/nonexistent/ca.pem' cannot be used: No such file or directory");
	assert_false(tls_can_serve(w->ours, &w->why));
	assert_string_equal(buf_text(&w->why), "tls.certificate is not set, and a server must show one");
	/* a certificate without its key */
	w->settings.ca = w->ca_file;
	w->settings.certificate = w->ca_file;
	tls_context_set(w->ours, &w->settings);
	assert_false(tls_can_serve(w->ours, &w->why));
	assert_non_null(strstr(buf_text(&w->why), "tls.key: '"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_names),
		T(test_the_sentence_names_what_is_wrong),
		T(test_pins),
		T(test_bytes_and_the_end),
		T(test_a_session_is_resumed),
		T(test_a_client_may_prove_its_domain),
		T(test_what_is_no_tls),
		T(test_files_that_cannot_be_used),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
