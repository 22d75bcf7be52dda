#include "tests/unit/unit.h"

#include "sip/syntax/address.h"
#include "sip/syntax/params.h"
#include "sip/syntax/via.h"
#define GUARD_ROOM 4096
#include "tests/unit/guard_group.h"

static void check_text(struct slice s, const char *text)
{
	if (!slice_eq(s, slice_of(text)))
		fail_msg("'%.*s' instead of '%s'", SLICE_ARG(s), text);
}

static void parts_of_addresses(void **state)
{
	static const struct {
		const char *text, *display, *uri, *params, *tag;
	} rows[] = {
		{ "Bob <sip:bob@biloxi.com>;tag=a6c85cf", "Bob", "sip:bob@biloxi.com", ";tag=a6c85cf", "a6c85cf" },
		{ "<sip:bob@biloxi.com>", "", "sip:bob@biloxi.com", "", "" },
		{ "sip:bob@biloxi.com;tag=x;user=phone", "", "sip:bob@biloxi.com", ";tag=x;user=phone", "x" },
		{ "<sip:bob@biloxi.com;tag=no>;TAG=yes", "", "sip:bob@biloxi.com;tag=no", ";TAG=yes", "yes" },
		{ "\"J. \\\"x\\\" <Rosenberg>, Jr\" <sip:j@e.com> ; tag = 98", "\"J. \\\"x\\\" <Rosenberg>, Jr\"",
		  "sip:j@e.com",
		  " ; tag = 98", "98" },
		{ "caller<sip:caller@example.com>;tag=323", "caller", "sip:caller@example.com", ";tag=323", "323" },
		{ "A. B. Cee\t<sip:c@e.com>", "A. B. Cee", "sip:c@e.com", "", "" },
		{ "J\xc3\xbcrgen <sip:j@e.com>", "J\xc3\xbcrgen", "sip:j@e.com", "", "" },
		{ "\"\"<sip:a@b>", "\"\"", "sip:a@b", "", "" },
		{ "<sip:a@b>;+sip.instance=\"<urn:uuid:1,2;3>\";q=0.5", "", "sip:a@b",
		  ";+sip.instance=\"<urn:uuid:1,2;3>\";q=0.5", "" },
		{ "<http://www.example.com>;tag=3", "", "http://www.example.com", ";tag=3", "3" },
		{ "isbn:2983792873", "", "isbn:2983792873", "", "" },
		{ "<sip:a@b>;lr;x=", "", "sip:a@b", ";lr;x=", "" },
		{ "<sip:a@b>;received=[2001:db8::1]:5060", "", "sip:a@b", ";received=[2001:db8::1]:5060", "" },
		{ "<sip:a@b>;tag=1;tag=2", "", "sip:a@b", ";tag=1;tag=2", "1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_address address;
		size_t offset = 0;
		if (!sip_address_parse(guard_place(&guard, slice_of(rows[i].text)), &address, &offset))
			fail_msg("%s: fault at %zu", rows[i].text, offset);
		check_text(address.display, rows[i].display);
		check_text(address.uri.text, rows[i].uri);
		check_text(address.params, rows[i].params);
		check_text(address.tag, rows[i].tag);
		check_text(address.text, rows[i].text);
		assert_false(address.star);
	}
}

static void the_star(void **state)
{
	struct sip_address address;

	(void)state;
	assert_true(sip_address_parse(guard_place(&guard, SLICE("*")), &address, NULL));
	assert_true(address.star);
	assert_false(sip_address_parse(SLICE("*;q=1"), &address, NULL));
	/* A star is also a token. */
	assert_true(sip_address_parse(SLICE("* <sip:a@b>"), &address, NULL));
	assert_false(address.star);
	check_text(address.display, "*");
}

static void faulty_addresses(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
	} rows[] = {
		{ "", 0 },
		{ "Bob", 0 },
		{ "\"Mr. J. User <sip:j.user@example.com>", 0 },
		{ "Bell, Alexander <sip:a@b>;tag=43", 0 },
		{ "< sip:a@b>", 1 },
		{ "<sip:a@b >", 8 },
		{ "<sip:a@b", 8 },
		{ "<>", 1 },
		{ "sip:user@example.com?Route=%3Csip:sip.example.com%3E", 20 },
		{ "sip:a@b>", 7 },
		{ "<sip:a@b>;;", 10 },
		{ "<sip:a@b>;", 10 },
		{ "<sip:a@b>;tag=\"x", 14 },
		{ "<sip:a@b>;tag=a<b", 15 },
		{ "<sip:a@b> x", 10 },
		{ "<sip:a@b>,<sip:c@d>", 9 },
		{ "\"Bob\" sip:a@b", 6 },
		{ "\"Bob\"", 5 },
		{ "\"B\tob\x01\" <sip:a@b>", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_address address;
		size_t offset = 999;
		if (sip_address_parse(guard_place(&guard, slice_of(rows[i].text)), &address, &offset))
			fail_msg("'%s' was accepted", rows[i].text);
		if (offset != rows[i].offset)
			fail_msg("'%s': offset %zu instead of %zu", rows[i].text, offset, rows[i].offset);
	}
}

static void prefixes_do_no_harm(void **state)
{
	static const char text[] = "\"Bob \\\" \\\\\" <sip:bob:x@[::1]:5060;lr=%41?a=b> ; tag = \"a\\\"b\" ;q=0.1 ; x";

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		struct sip_address address;
		size_t offset = 0;
		if (!sip_address_parse(guard_place(&guard, slice_make(text, n)), &address, &offset))
			assert_true(offset <= n);
		struct sip_via via;
		(void)!sip_via_parse(guard_place(&guard, slice_make(text, n)), &via, NULL);
	}
}

static void display_names(void **state)
{
	static const char *const rows[][2] = {
		{ "\"J Rosenberg \\\\\\\"\" <sip:a@b>", "J Rosenberg \\\"" },
		{ "Bob Smith <sip:a@b>", "Bob Smith" },
		{ "\"\" <sip:a@b>", "" },
		{ "<sip:a@b>", "" },
		{ "\"%Z%45\" <sip:a@b>", "%Z%45" },
	};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_address address;
		assert_true(sip_address_parse(slice_of(rows[i][0]), &address, NULL));
		check_text(sip_address_display(&arena, &address), rows[i][1]);
	}
	arena_fini(&arena);
}

static void display_names_are_printed(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "Bob Smith", "Bob Smith " },
		{ "Bob, Smith", "\"Bob, Smith\" " },
		{ "a\"b\\c", "\"a\\\"b\\\\c\" " },
		{ "x\r\ny", "\"x  y\" " },
		{ " Bob", "\" Bob\" " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_address address;
		struct buf buf;
		buf_init(&buf, 100);
		sip_display_print(&buf, slice_of(rows[i][0]));
		assert_string_equal(buf_text(&buf), rows[i][1]);
		buf_add(&buf, SLICE("<sip:a@b>"));
		assert_true(sip_address_parse(buf_slice(&buf), &address, NULL));
		buf_fini(&buf);
	}
}

static void contact_parameters(void **state)
{
	static const struct {
		const char *text;
		unsigned q;
		int64_t expires;
	} rows[] = {
		{ "<sip:a@b>", 1000, -1 },
		{ "<sip:a@b>;q=0.7;expires=60", 700, 60 },
		{ "<sip:a@b>; q = 0.33", 330, -1 },
		{ "<sip:a@b>;q=0", 0, -1 },
		{ "<sip:a@b>;q=.5", 1000, -1 },
		{ "<sip:a@b>;q=1.001", 1000, -1 },
		{ "<sip:a@b>;q=0.1234;expires=280297596632815", 1000, -1 },
		{ "<sip:a@b>;expires=4294967295", 1000, 4294967295 },
		{ "<sip:a@b;expires=7>;expires=-1", 1000, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_address address;
		uint32_t seconds = 0;
		assert_true(sip_address_parse(guard_place(&guard, slice_of(rows[i].text)), &address, NULL));
		assert_int_equal(sip_address_q(&address), rows[i].q);
		assert_int_equal(sip_address_expires(&address, &seconds), rows[i].expires >= 0);
		if (rows[i].expires >= 0)
			assert_int_equal(seconds, rows[i].expires);
	}
}

static void parts_of_vias(void **state)
{
	static const struct {
		const char *text, *transport, *host;
		unsigned port;
		const char *branch, *received, *maddr;
		bool has_rport;
		unsigned rport, ttl;
	} rows[] = {
		{ "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8", "UDP", "pc33.atlanta.com", 0, "z9hG4bKnashds8",
		  "", "",
		  false, 0, 0 },
		{ "SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8", "TCP",
		  "spindle.example.com", 0,
		  "z9hG4bK9ikj8", "", "", false, 0, 0 },
		{ "sip/2.0/TLS [2001:db8::9:1]:5061;received=2001:db8::9:255;branch=b;rport", "TLS", "[2001:db8::9:1]",
		  5061, "b",
		  "2001:db8::9:255", "", true, 0, 0 },
		{ "SIP/2.0/UDP h : 5070 ;rport=49201;ttl=16;maddr=224.2.0.1;BRANCH=x", "UDP", "h", 5070, "x", "",
		  "224.2.0.1", true,
		  49201, 16 },
		{ "SIP/7.0/UDP c.example.com", "UDP", "c.example.com", 0, "", "", "", false, 0, 0 },
		{ "SIP/2.0/UNKNOWN t4.example.com;rport=", "UNKNOWN", "t4.example.com", 0, "", "", "", true, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_via via;
		size_t offset = 0;
		if (!sip_via_parse(guard_place(&guard, slice_of(rows[i].text)), &via, &offset))
			fail_msg("%s: fault at %zu", rows[i].text, offset);
		check_text(via.transport, rows[i].transport);
		check_text(via.host, rows[i].host);
		assert_int_equal(via.port, rows[i].port);
		check_text(via.branch, rows[i].branch);
		check_text(via.received, rows[i].received);
		check_text(via.maddr, rows[i].maddr);
		assert_int_equal(via.has_rport, rows[i].has_rport);
		assert_int_equal(via.rport, rows[i].rport);
		assert_int_equal(via.ttl, rows[i].ttl);
		check_text(via.text, rows[i].text);
	}
}

static void faulty_vias(void **state)
{
	static const char *const rows[] = {
		"", "SIP", "SIP/2.0", "SIP/2.0/", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0/UDP;branch=x",
			"SIP/2.0 UDP h",
		"SIP/2.0/UDP h;", "SIP/2.0/UDP h;;branch=x", "SIP/2.0/UDP h:", "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h:x",
		"SIP/2.0/UDP h;rport=70000", "SIP/2.0/UDP h;rport=x", "SIP/2.0/UDP h;ttl=256",
			"SIP/2.0/UDP h,SIP/2.0/UDP i",
		"SIP/2.0/UDP [::1", "SIP/2.0/UDP h x", "SIP/2.0/UDP 192.0.2.15;;,;,,", "/2.0/UDP h", "SIP/2.0/U\"DP h",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_via via;
		size_t offset = 999;
		if (sip_via_parse(guard_place(&guard, slice_of(rows[i])), &via, &offset))
			fail_msg("'%s' was accepted", rows[i]);
		assert_true(offset <= strlen(rows[i]));
	}
}

static void magic_cookie(void **state)
{
	static const struct {
		const char *text;
		bool magic;
	} rows[] = {
		{ "SIP/2.0/UDP h;branch=z9hG4bKx", true },
		{ "SIP/2.0/UDP h;branch=Z9HG4BKx", true },
		{ "SIP/2.0/UDP h;branch=z9hG4bK", false },
		{ "SIP/2.0/UDP h;branch=390skdjuw", false },
		{ "SIP/2.0/UDP h", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_via via;
		assert_true(sip_via_parse(slice_of(rows[i].text), &via, NULL));
		assert_int_equal(sip_via_has_magic(&via), rows[i].magic);
	}
}

static void several_values_one_after_the_other(void **state)
{
	struct slice s = guard_place(&guard, SLICE("sip:a@b;q=1 , \"x, y\" <sip:c@d,e>"));
	const char *p = s.p, *end = s.p + s.n, *fault;
	struct sip_address address;
	struct scanner scanner;

	(void)state;
	scan_begin(&scanner, p, end);
	p = sip_address_scan(&scanner, p, &address, &fault);
	assert_non_null(p);
	assert_int_equal(*p, ',');
	check_text(address.text, "sip:a@b;q=1");
	/* A comma is no character of a host. */
	assert_null(sip_address_scan(&scanner, p + 1, &address, &fault));
	assert_ptr_equal(fault, end - 3);
	s = guard_place(&guard, SLICE("SIP/2.0/UDP a;branch=1,SIP/2.0/UDP b"));
	struct sip_via via;
	scan_begin(&scanner, s.p, s.p + s.n);
	p = sip_via_scan(&scanner, s.p, &via, &fault);
	assert_non_null(p);
	check_text(via.branch, "1");
	p = sip_via_scan(&scanner, p + 1, &via, &fault);
	assert_ptr_equal(p, s.p + s.n);
	check_text(via.host, "b");
}

static void parameters_are_walked(void **state)
{
	struct slice rest = guard_place(&guard, SLICE(" ; a = 1;B;c=\"x;\\\"y\" ;;d=<e>;=f; "));
	static const char *const names[] = { "a", "B", "c", "d", "" };
	static const char *const values[] = { "1", "", "\"x;\\\"y\"", "<e>", "f" };
	struct sip_param param;
	size_t count = 0;

	(void)state;
	struct slice all = rest, value;
	while (sip_params_next(&rest, &param)) {
		assert_true(count < ARRAY_LEN(names));
		check_text(param.name, names[count]);
		check_text(param.value, values[count++]);
	}
	assert_int_equal(count, ARRAY_LEN(names));
	assert_true(sip_params_find(all, SLICE("b"), &value));
	assert_false(sip_params_find(all, SLICE("e"), &value));
	assert_false(sip_params_valid(all, NULL));
	assert_true(sip_params_valid(SLICE(" ;a=1 ; b = \"c\" "), NULL));
	size_t offset;
	assert_false(sip_params_valid(SLICE(";a;b=\"c"), &offset));
	assert_int_equal(offset, 5);
	assert_true(sip_params_valid((struct slice){ NULL, 0 }, NULL));
}

static void quotes_are_removed(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena);
	check_text(sip_unquote(&arena, SLICE("\"a\\\"b\\\\\"")), "a\"b\\");
	check_text(sip_unquote(&arena, SLICE("plain")), "plain");
	check_text(sip_unquote(&arena, SLICE("\"")), "\"");
	check_text(sip_unquote(&arena, SLICE("\"\"")), "");
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_addresses),
		cmocka_unit_test(the_star),
		cmocka_unit_test(faulty_addresses),
		cmocka_unit_test(prefixes_do_no_harm),
		cmocka_unit_test(display_names),
		cmocka_unit_test(display_names_are_printed),
		cmocka_unit_test(contact_parameters),
		cmocka_unit_test(parts_of_vias),
		cmocka_unit_test(faulty_vias),
		cmocka_unit_test(magic_cookie),
		cmocka_unit_test(several_values_one_after_the_other),
		cmocka_unit_test(parameters_are_walked),
		cmocka_unit_test(quotes_are_removed),
	};

	return cmocka_run_group_tests(tests, guard_set_up, guard_tear_down);
}
