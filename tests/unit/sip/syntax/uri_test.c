#include "tests/unit/unit.h"

#include "sip/syntax/uri.h"
#define GUARD_ROOM 4096
#include "tests/unit/guard_group.h"

static bool parse(const char *text, struct sip_uri *uri, size_t *offset)
{
	return sip_uri_parse(guard_place(&guard, slice_of(text)), uri, offset);
}

static void check_text(struct slice s, const char *text)
{
	if (!slice_eq(s, slice_of(text)))
		fail_msg("'%.*s' instead of '%s'", SLICE_ARG(s), text);
}

static void parts_of_sip_uris(void **state)
{
	static const struct {
		const char *text, *user, *password, *host;
		unsigned port;
		const char *params, *headers;
		enum sip_scheme scheme;
	} rows[] = {
		{ "sip:bob@biloxi.com", "bob", "", "biloxi.com", 0, "", "", SIP_SCHEME_SIP },
		{ "SIPS:bob:secret@192.0.2.4:5061", "bob", "secret", "192.0.2.4", 5061, "", "", SIP_SCHEME_SIPS },
		{ "sip:alice;day=tuesday@atlanta.com", "alice;day=tuesday", "", "atlanta.com", 0, "", "", SIP_SCHEME_SIP
		  },
		{ "sip:+1-212-555-1212:1234@gateway.com;user=phone", "+1-212-555-1212", "1234", "gateway.com", 0,
		  ";user=phone",
		  "", SIP_SCHEME_SIP },
		{ "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", "", "", "atlanta.com", 0,
		  ";method=REGISTER",
		  "to=alice%40atlanta.com", SIP_SCHEME_SIP },
		{ "sip:alice@[2001:db8::10]:5070;transport=tcp;lr", "alice", "", "[2001:db8::10]", 5070,
		  ";transport=tcp;lr", "",
		  SIP_SCHEME_SIP },
		{ "sip:[2001:db8::10:5070]", "", "", "[2001:db8::10:5070]", 0, "", "", SIP_SCHEME_SIP },
		{ "sip:u@[::ffff:192.0.2.1]", "u", "", "[::ffff:192.0.2.1]", 0, "", "", SIP_SCHEME_SIP },
		{ "sip:user;par=u%40example.net@example.com", "user;par=u%40example.net", "", "example.com", 0, "", "",
		  SIP_SCHEME_SIP },
		{ "sip:a@h?Subject=a%20b&Route=%3Csip:x%3E", "a", "", "h", 0, "", "Subject=a%20b&Route=%3Csip:x%3E",
		  SIP_SCHEME_SIP },
		{ "sip:%00@host5.example.com", "%00", "", "host5.example.com", 0, "", "", SIP_SCHEME_SIP },
		{ "sip:a@h;%6C%72;n%61me=v%61lue%25%34%31", "a", "", "h", 0, ";%6C%72;n%61me=v%61lue%25%34%31", "",
		  SIP_SCHEME_SIP },
		{ "sip:a@under_score.local", "a", "", "under_score.local", 0, "", "", SIP_SCHEME_SIP },
		{ "sip:a@h;lr=", "a", "", "h", 0, ";lr=", "", SIP_SCHEME_SIP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_uri uri;
		size_t offset = 0;
		if (!parse(rows[i].text, &uri, &offset))
			fail_msg("%s: fault at %zu", rows[i].text, offset);
		assert_int_equal(uri.scheme, rows[i].scheme);
		check_text(uri.user, rows[i].user);
		assert_int_equal(uri.has_user, rows[i].user[0] != 0);
		check_text(uri.password, rows[i].password);
		check_text(uri.host, rows[i].host);
		assert_int_equal(uri.port, rows[i].port);
		check_text(uri.params, rows[i].params);
		check_text(uri.headers, rows[i].headers);
		check_text(uri.text, rows[i].text);
	}
}

static void other_schemes(void **state)
{
	struct sip_uri uri;

	(void)state;
	assert_true(parse("tel:+1-201-555-0123;ext=7", &uri, NULL));
	assert_int_equal(uri.scheme, SIP_SCHEME_TEL);
	check_text(uri.user, "+1-201-555-0123");
	check_text(uri.params, ";ext=7");
	assert_true(parse("tel:7042;phone-context=example.com", &uri, NULL));
	assert_true(parse("tel:*21#;phone-context=example.com", &uri, NULL));
	assert_true(parse("soap.beep://192.0.2.103:3002", &uri, NULL));
	assert_int_equal(uri.scheme, SIP_SCHEME_OTHER);
	check_text(uri.scheme_name, "soap.beep");
	assert_true(parse("isbn:2983792873", &uri, NULL));
	assert_true(parse("sipx:totallyopaque", &uri, NULL));
	assert_int_equal(uri.scheme, SIP_SCHEME_OTHER);
	assert_true(parse("urn:service:sos", &uri, NULL));
	assert_true(parse("http://www.example.com", &uri, NULL));
}

static void faults_and_their_offsets(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
	} rows[] = {
		{ "", 0 },
		{ "sip", 0 },
		{ ":", 0 },
		{ "sip:", 4 },
		{ "bob@biloxi.com", 0 },
		{ "1sip:bob@x", 0 },
		{ "sip:@host", 4 },
		{ "sip:bob@", 8 },
		{ "sip:bob@host:", 13 },
		{ "sip:bob@host:0", 13 },
		{ "sip:bob@host:65536", 13 },
		{ "sip:bob@host:50a", 15 },
		{ "sip:bob@ho st", 10 },
		{ " sip:bob@host", 0 },
		{ "sip:bo b@host", 6 },
		{ "sip:bob%4@host", 7 },
		{ "sip:bob%4g@host", 7 },
		{ "sip:bob%", 7 },
		{ "sip:bob@host;", 13 },
		{ "sip:bob@host;;lr", 13 },
		{ "sip:bob@host;lr=%x", 16 },
		{ "sip:bob@host; lr", 13 },
		{ "sip:bob@host?", 13 },
		{ "sip:bob@host?a", 14 },
		{ "sip:bob@host?a=b&", 17 },
		{ "sip:bob@host?a=<b>", 15 },
		{ "sip:bob@[2001:db8::1", 8 },
		{ "sip:bob@[]", 8 },
		{ "sip:bob@[zz]", 8 },
		{ "sip:2001:db8::1", 9 },
		{ "sip:a@b@c", 7 },
		{ "sip:b\xc3\xb6" "b@host", 5 },
		{ "<sip:bob@host>", 0 },
		{ "tel:", 4 },
		{ "tel:+", 5 },
		{ "tel:-.-", 7 },
		{ "tel:+12a", 7 },
		{ "http:", 5 },
		{ "http:a b", 6 },
		{ "http:%4", 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_uri uri;
		size_t offset = 999;
		if (parse(rows[i].text, &uri, &offset))
			fail_msg("'%s' was accepted", rows[i].text);
		if (offset != rows[i].offset)
			fail_msg("'%s': offset %zu instead of %zu", rows[i].text, offset, rows[i].offset);
	}
}

static void prefixes_do_no_harm(void **state)
{
	static const char *const texts[] = {
		"sips:al%20ice;x=y:pa%73s@[2001:db8::1]:5061;transport=tls;lr;a=%41?h=v&%68=%20",
		"tel:+1-201-555-0123;ext=7;phone-context=x",
		"data:%41%42",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		for (size_t n = 0; n <= strlen(texts[i]); n++) {
			struct sip_uri uri;
			size_t offset = 0;
			struct slice s = guard_place(&guard, slice_make(texts[i], n));
			if (!sip_uri_parse(s, &uri, &offset))
				assert_true(offset <= n);
			else
				assert_int_equal(uri.text.n, n);
		}
	}
}

static bool equal(const char *a, const char *b)
{
	struct sip_uri one, other;

	assert_true(sip_uri_parse(slice_of(a), &one, NULL));
	assert_true(sip_uri_parse(slice_of(b), &other, NULL));
	assert_true(sip_uri_eq(&one, &one) && sip_uri_eq(&other, &other));
	assert_int_equal(sip_uri_eq(&one, &other), sip_uri_eq(&other, &one));
	return sip_uri_eq(&one, &other);
}

/* The examples of RFC 3261 19.1.4 first. */
static void equal_uris(void **state)
{
	static const char *const rows[][2] = {
		{ "sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp" },
		{ "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5" },
		{ "sip:carol@chicago.com", "sip:carol@chicago.com;security=on" },
		{ "sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on" },
		{ "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
		  "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com" },
		{ "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
		  "sip:alice@atlanta.com?priority=urgent&subject=project%20x" },
		{ "sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0:0:0:0:1]" },
		{ "sip:a@h;%6c%72", "sip:a@h;lr" },
		{ "sip:null-%00-null@h", "sip:null-%00-null@h" },
		{ "tel:+1-201-555-0123", "tel:+12015550123" },
		{ "tel:7042;phone-context=example.com", "tel:70-42;phone-context=EXAMPLE.com" },
		{ "http://x/Y", "HTTP://x/Y" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!equal(rows[i][0], rows[i][1]))
			fail_msg("%s and %s are equal", rows[i][0], rows[i][1]);
}

static void different_uris(void **state)
{
	static const char *const rows[][2] = {
		{ "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP" },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060" },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp" },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp" },
		{ "sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting" },
		{ "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4" },
		{ "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off" },
		{ "sip:a@h", "sips:a@h" },
		{ "sip:a@h", "sip:h" },
		{ "sip:a:x@h", "sip:a@h" },
		{ "sip:a:x@h", "sip:a:y@h" },
		{ "sip:a@h;maddr=x", "sip:a@h" },
		{ "sip:a@h;user=phone", "sip:a@h" },
		{ "sip:a@h?x=1&x=1&y=2", "sip:a@h?x=1&y=2&y=2" },
		{ "sip:a@h?x=1", "sip:a@h?x=1&y=2" },
		/* An escaped reserved character is not the bare one. */
		{ "sip:a%3bb@h", "sip:a;b@h" },
		{ "sip:null-%00@h", "sip:null-@h" },
		{ "sip:%2541@h", "sip:A@h" },
		{ "tel:+12015550123", "tel:12015550123" },
		{ "tel:7042;phone-context=example.com", "tel:7042" },
		{ "http://x/Y", "http://x/y" },
		{ "http:x", "sip:x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (equal(rows[i][0], rows[i][1]))
			fail_msg("%s and %s are different", rows[i][0], rows[i][1]);
}

/* Comparing takes no longer than it must, however many parameters there are. */
static void comparing_is_bounded(void **state)
{
	struct buf buf;
	struct sip_uri one, other;

	(void)state;
	buf_init(&buf, 100000);
	buf_add(&buf, SLICE("sip:h"));
	for (int i = 0; i < 10000; i++)
		buf_printf(&buf, ";p%d", i);
	assert_true(sip_uri_parse(buf_slice(&buf), &one, NULL));
	assert_true(sip_uri_eq(&one, &one));
	char *copy = slice_dup(buf_slice(&buf));
	copy[buf.n - 1] = 'x';
	assert_true(sip_uri_parse(slice_of(copy), &other, NULL));
	assert_false(sip_uri_eq(&one, &other));
	free(copy);
	buf_fini(&buf);
}

static void escapes(void **state)
{
	struct arena arena;
	struct buf buf;

	(void)state;
	arena_init(&arena);
	check_text(sip_unescape(&arena, SLICE("sips%3Auser%40example.com")), "sips:user@example.com");
	check_text(sip_unescape(&arena, SLICE("plain")), "plain");
	check_text(sip_unescape(&arena, SLICE("%25%34%31 %4 %g1 %")), "%41 %4 %g1 %");
	struct slice zero = sip_unescape(&arena, SLICE("a%00b"));
	assert_int_equal(zero.n, 3);
	assert_memory_equal(zero.p, "a\0b", 3);
	arena_fini(&arena);
	buf_init(&buf, 100);
	sip_escape_user(&buf, SLICE("*31#a b@%\xc3\xa4;x"));
	assert_string_equal(buf_text(&buf), "*31%23a%20b%40%25%C3%A4;x");
	buf_fini(&buf);
}

static void printed_as_request_uri(void **state)
{
	static const char *const rows[][2] = {
		{ "sip:a@h;method=INVITE;lr;x=1?Subject=x", "sip:a@h;lr;x=1" },
		{ "sip:a:b@h:5070?x=y", "sip:a:b@h:5070" },
		{ "sips:h", "sips:h" },
		{ "sip:h;METHOD=x", "sip:h" },
		{ "tel:+123;ext=1", "tel:+123;ext=1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_uri uri;
		struct buf buf;
		buf_init(&buf, 200);
		assert_true(sip_uri_parse(slice_of(rows[i][0]), &uri, NULL));
		sip_uri_print_request(&buf, &uri);
		assert_string_equal(buf_text(&buf), rows[i][1]);
		buf_fini(&buf);
	}
}

static void parameters_are_found(void **state)
{
	struct sip_uri uri;
	struct slice value;

	(void)state;
	assert_true(parse("sip:h;Transport=TLS;lr;x=1;X=2", &uri, NULL));
	assert_true(sip_uri_param(&uri, SLICE("transport"), &value));
	check_text(value, "TLS");
	assert_true(sip_uri_param(&uri, SLICE("LR"), &value));
	assert_int_equal(value.n, 0);
	assert_true(sip_uri_param(&uri, SLICE("x"), &value));
	check_text(value, "1");
	assert_false(sip_uri_param(&uri, SLICE("maddr"), NULL));
}

static void the_host_of_the_next_hop(void **state)
{
	static const struct { const char *uri, *host; } rows[] = {
		{ "sip:bob@biloxi.com:5070;lr", "biloxi.com" },
		{ "sip:[2001:db8::1]:5070", "2001:db8::1" },
		{ "sip:bob@biloxi.com;maddr=239.255.255.1;ttl=15", "239.255.255.1" },
		{ "sip:bob@biloxi.com;maddr=[2001:db8::2]", "2001:db8::2" },
		{ "tel:+15550100", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_uri uri;
		assert_true(sip_uri_parse(slice_of(rows[i].uri), &uri, NULL));
		struct slice host = sip_uri_hop_host(&uri);
		assert_true(slice_eq(host, slice_of(rows[i].host)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_sip_uris),
		cmocka_unit_test(other_schemes),
		cmocka_unit_test(faults_and_their_offsets),
		cmocka_unit_test(prefixes_do_no_harm),
		cmocka_unit_test(equal_uris),
		cmocka_unit_test(different_uris),
		cmocka_unit_test(comparing_is_bounded),
		cmocka_unit_test(escapes),
		cmocka_unit_test(printed_as_request_uri),
		cmocka_unit_test(parameters_are_found),
		cmocka_unit_test(the_host_of_the_next_hop),
	};

	return cmocka_run_group_tests(tests, guard_set_up, guard_tear_down);
}
