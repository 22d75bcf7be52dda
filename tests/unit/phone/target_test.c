/* What people write as a target, and what is dialled. */
#include "tests/unit/phone/phone_fixture.h"

struct row {
	const char *text, *uri, *digits, *reason; /* uri NULL: refused, with this reason */
};

static void check(struct phone *phone, const struct account *account, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct target target;
		struct failure failure = { 0 };
		bool good = target_read(phone, slice_of(rows[i].text), account, &target, &failure);
		if (good != (rows[i].uri != NULL))
			fail_msg("'%s': %s", rows[i].text, good ? target.uri : failure.text);
		if (good) {
			if (strcmp(target.uri, rows[i].uri) != 0 ||
			    strcmp(target.digits, rows[i].digits ? rows[i].digits : "") != 0)
				fail_msg("'%s' became %s and '%s'", rows[i].text, target.uri, target.digits);
			target_fini(&target);
		} else {
			assert_string_equal(failure.reason, rows[i].reason);
			assert_true(strlen(failure.text) > 10);
		}
	}
}

/* What is wrong, and where; a name with a blank is sent to the contacts. */
static void what_is_said_of_no_address(void **state)
{
	static const char *const rows[][2] = {
		{ "sip:", "'sip:' is no address: a host is missing at its end" },
		{ "sip:bob@@x", "'sip:bob@@x' is no address: '@x' cannot stand at character 9" },
		{ "foo bar", "'foo bar' is no address and nobody's name: `contact list` shows the names" },
		{ "+1 555 0100,42#", "'+1 555 0100,42#' needs a domain: write +15550100,42#@DOMAIN, or add an account "
				     "whose domain serves" },
		{ "bob", "'bob' needs a domain: write bob@DOMAIN, or add an account whose domain serves" },
	};
	struct phone *phone = world_phone(*state, 0, false);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct target target;
		struct failure failure = { 0 };
		assert_false(target_read(phone, slice_of(rows[i][0]), NULL, &target, &failure));
		assert_string_equal(failure.text, rows[i][1]);
	}
}

static void addresses(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	static const struct row rows[] = {
		{ .text = "sip:bob@biloxi.com", .uri = "sip:bob@biloxi.com" },
		{ .text = "  SIP:bob@biloxi.com;transport=tcp ", .uri = "sip:bob@biloxi.com;transport=tcp" },
		{ .text = "Bob <sip:bob@biloxi.com>", .uri = "sip:bob@biloxi.com" },
		{ .text = "\"Bob, the Builder\" <sip:bob@biloxi.com;user=phone>",
		  .uri = "sip:bob@biloxi.com;user=phone" },
		{ .text = "<bob@biloxi.com>", .uri = "sip:bob@biloxi.com" },
		{ .text = "bob@biloxi.com", .uri = "sip:bob@biloxi.com" },
		{ .text = "bob@biloxi.com:5070", .uri = "sip:bob@biloxi.com:5070" },
		{ .text = "bob@2001:db8::9", .uri = "sip:bob@[2001:db8::9]" },
		{ .text = "192.0.2.4", .uri = "sip:192.0.2.4" },
		{ .text = "192.0.2.4:5070", .uri = "sip:192.0.2.4:5070" },
		{ .text = "2001:db8::9", .uri = "sip:[2001:db8::9]" },
		{ .text = "fe80::1", .uri = "sip:[fe80::1]" },
		{ .text = "[2001:db8::9]:5070", .uri = "sip:[2001:db8::9]:5070" },
		{ .text = "pbx.biloxi.com", .uri = "sip:pbx.biloxi.com" },
		{ .text = "localhost:5070", .uri = "sip:localhost:5070" },
		{ .text = "sip:+1-555@biloxi.com", .uri = "sip:+1-555@biloxi.com" },
		{ .text = "sip:*43#@biloxi.com", .uri = "sip:*43%23@biloxi.com" },
		{ .text = "+1 (555) 010.0@biloxi.com", .uri = "sip:+15550100@biloxi.com" },
		{ .text = "*21#@biloxi.com", .uri = "sip:*21%23@biloxi.com" },
		{ .text = "b\xc3\xb6"
			  "b@biloxi.com",
		  .uri = "sip:b%C3%B6b@biloxi.com" },
		{ .text = "\xe2\x80\xaa"
			  "bob@biloxi.com\xe2\x80\xac",
		  .uri = "sip:bob@biloxi.com" },
		{ .text = "sips:bob@biloxi.com", .uri = "sips:bob@biloxi.com" },
		{ .text = "sip:bob@biloxi.com;transport=tls", .uri = "sip:bob@biloxi.com;transport=tls" },
		{ .text = "sips:bob@biloxi.com;transport=udp", .reason = "no-transport" },
		{ .text = "sip:bob@biloxi.com;transport=sctp", .reason = "no-transport" },
		{ .text = "mailto:bob@biloxi.com", .reason = "unsupported-scheme" },
		{ .text = "http://biloxi.com", .reason = "unsupported-scheme" },
		{ .text = "bob", .reason = "no-domain" },
		{ .text = "+1 555 0100", .reason = "no-domain" },
		{ .text = "tel:+15550100", .reason = "no-domain" },
		{ .text = "", .reason = "syntax" },
		{ .text = "   ", .reason = "syntax" },
		{ .text = "@biloxi.com", .reason = "syntax" },
		{ .text = "bob@", .reason = "syntax" },
		{ .text = "sip:", .reason = "syntax" },
		{ .text = "Bob <sip:bob@biloxi.com", .reason = "syntax" },
		{ .text = "bob@biloxi.com\nhangup all", .reason = "syntax" },
		{ .text = "bob\xff@biloxi.com", .reason = "syntax" },
		{ .text = "bob@bil oxi.com", .reason = "syntax" },
	};

	check(phone, NULL, rows, ARRAY_LEN(rows));
}

static void numbers_at_the_account(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	const char *const options[] = { "registrar=none", NULL };
	struct failure failure;
	static const struct row rows[] = {
		{ .text = "bob", .uri = "sip:bob@atlanta.com" },
		{ .text = "100", .uri = "sip:100@atlanta.com" },
		{ .text = "+1-555-0100", .uri = "sip:+15550100@atlanta.com" },
		{ .text = "+49 (0)30 123/45", .uri = "sip:+493012345@atlanta.com" },
		{ .text = "(030) 123 45", .uri = "sip:03012345@atlanta.com" },
		{ .text = "1-800-FLOWERS", .uri = "sip:1800FLOWERS@atlanta.com" },
		{ .text = "3com-bob", .uri = "sip:3com-bob@atlanta.com" },
		{ .text = "+1\xc2\xa0"
			  "555\xe2\x80\x91"
			  "0100\xe2\x80\x8b",
		  .uri = "sip:+15550100@atlanta.com" },
		{ .text = "123,,4#", .uri = "sip:123@atlanta.com", .digits = ",,4#" },
		{ .text = "+1-555-0100,,,4711#", .uri = "sip:+15550100@atlanta.com", .digits = ",,,4711#" },
		{ .text = "bob@biloxi.com,,4#", .uri = "sip:bob@biloxi.com", .digits = ",,4#" },
		{ .text = "sip:bob@192.0.2.4:5070,1,2", .uri = "sip:bob@192.0.2.4:5070", .digits = ",1,2" },
		{ .text = "192.0.2.4,A", .uri = "sip:192.0.2.4", .digits = ",A" },
		{ .text = "bob,4", .uri = "sip:bob@atlanta.com", .digits = ",4" },
		{ .text = "tel:+1-555-0100,4", .uri = "sip:+15550100@atlanta.com;user=phone", .digits = ",4" },
		{ .text = "sip:1,2@biloxi.com", .uri = "sip:1,2@biloxi.com" },
		{ .text = "bob@biloxi.com,x", .reason = "syntax" },
		{ .text = "*100#", .uri = "sip:*100%23@atlanta.com" },
		{ .text = "tel:+1-555-0100", .uri = "sip:+15550100@atlanta.com;user=phone" },
		{ .text = "tel:7042;phone-context=example.com",
		  .uri = "sip:7042;phone-context=example.com@atlanta.com;user=phone" },
		{ .text = "tel:bob", .reason = "syntax" },
		{ .text = "Bob Nobody", .reason = "no-such-contact" },
	};

	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	check(phone, phone->default_account, rows, ARRAY_LEN(rows));
}

static void the_dial_plan_of_an_account(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct failure failure;
	const char *const options[] = { "registrar=none", "prefix=0", "rewrite=+49:00 +4930:0 011:+", NULL };
	static const struct row rows[] = {
		{ .text = "12345", .uri = "sip:012345@atlanta.com" },
		{ .text = "+1 555 0100", .uri = "sip:+15550100@atlanta.com" },
		{ .text = "*43", .uri = "sip:*43@atlanta.com" },
		{ .text = "+49 (0)89 123", .uri = "sip:0089123@atlanta.com" },
		{ .text = "+49 (0)30 123", .uri = "sip:0123@atlanta.com" },
		{ .text = "011-44-1", .uri = "sip:+441@atlanta.com" },
		{ .text = "tel:555;ext=7", .uri = "sip:0555;ext=7@atlanta.com;user=phone" },
		/* a name is no number, and an address with a domain is not ours to change */
		{ .text = "bob", .uri = "sip:bob@atlanta.com" },
		{ .text = "12345@biloxi.com", .uri = "sip:12345@biloxi.com" },
	};

	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	check(phone, phone->default_account, rows, ARRAY_LEN(rows));
	const char *const bad[] = { "rewrite=x", NULL };
	assert_false(phone_account_set(phone, SLICE("alice@atlanta.com"), bad, &failure));
	assert_non_null(strstr(failure.text, "BEGINNING:REPLACEMENT"));
}

static void names_win_and_echo_is_built_in(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct failure failure;
	struct target target;

	assert_true(target_read(phone, SLICE("Echo"), NULL, &target, &failure));
	assert_true(target.is_echo);
	unsigned call = 0;
	struct buf dialled;
	buf_init(&dialled, 100);
	assert_false(phone_pickup(phone, SLICE("echo"), false, &call, &dialled, &failure));
	assert_string_equal(failure.text, "the echo test is inside this phone: nothing rings there");
	assert_false(phone_join(phone, SLICE("echo"), &call, &dialled, &failure));
	assert_string_equal(failure.text, "the echo test is inside this phone: it is in no call of others");
	buf_fini(&dialled);
	target_fini(&target);
	assert_true(phone_contact_add(phone, SLICE("Bob Smith"), SLICE("sip:bob@biloxi.com"), NULL, 0, &failure));
	assert_true(target_read(phone, SLICE("bob smith"), NULL, &target, &failure));
	assert_string_equal(target.uri, "sip:bob@biloxi.com");
	assert_string_equal(target.shown, "Bob Smith <sip:bob@biloxi.com>");
	target_fini(&target);
	/* An address that Bob has not is nobody's at a domain either: nobody else is called for him. */
	failure = (struct failure){ 0 };
	assert_false(target_read(phone, SLICE("bob smith/fax"), NULL, &target, &failure));
	assert_string_equal(failure.reason, "no-such-contact");
	assert_non_null(strstr(failure.text, "has no address 'fax'"));
	assert_true(target_read(phone, SLICE("Bob Smith/fax@biloxi.com"), NULL, &target, &failure));
	target_fini(&target);
	/* A name that is also a user: the name wins. */
	assert_true(phone_contact_add(phone, SLICE("100"), SLICE("front@desk.example"), NULL, 0, &failure));
	assert_true(target_read(phone, SLICE("100"), NULL, &target, &failure));
	assert_string_equal(target.uri, "sip:front@desk.example");
	target_fini(&target);
}

/* No prefix and no byte crashes it: what is read is a URI or refused with a sentence. */
static void anything_at_all(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	static const char alphabet[] = "sip:@<>[];,+#()0aZ. -\"%\\/?&=\t\x80\xff\xe2";
	uint32_t seed = 12345;
	char text[40];

	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)i % sizeof text;
		for (size_t k = 0; k < n; k++) {
			seed = seed * 1664525 + 1013904223;
			text[k] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
		}
		struct target target;
		struct failure failure = { 0 };
		struct sip_uri uri;
		if (target_read(phone, slice_make(text, n), NULL, &target, &failure)) {
			assert_true(sip_uri_parse(slice_of(target.uri), &uri, NULL));
			assert_true(uri.host.n > 0);
			target_fini(&target);
		} else {
			assert_true(failure.text[0] != '\0');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_is_said_of_no_address, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(numbers_at_the_account, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_dial_plan_of_an_account, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(names_win_and_echo_is_built_in, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(anything_at_all, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
