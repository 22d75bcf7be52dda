/* Raw DNS answers: real ones, crafted ones, and every prefix of them at a guard page. */
#include "net/dns_answer.h"

#include "../guard.h"
#include "fake_transport.h"

/* SRV for _sip._udp.a.example: two records, the second's owner and target compressed. */
static const char srv[] =
	"\x12\x34\x81\x80\0\1\0\2\0\0\0\0"
	"\4_sip\4_udp\1a\7example\0\0\x21\0\1"
	"\xc0\x0c\0\x21\0\1\0\0\1\x2c\0\x0b\0\x0a\0\x3c\x13\xc4\2p1\xc0\x16"
	"\xc0\x0c\0\x21\0\1\0\0\0\x3c\0\x0b\0\x14\0\0\x13\xc6\2p2\xc0\x16";

static const char naptr[] =
	"\0\1\x81\x80\0\1\0\1\0\0\0\0"
	"\1a\7example\0\0\x23\0\1"
	"\xc0\x0c\0\x23\0\1\0\0\0\x0a\0\x1b\0\x32\0\x0a\1s\7SIP+D2U\0\4_sip\4_udp\xc0\x0c";

/* www -> b -> 192.0.2.7, with an address of somebody else in between. */
static const char cname[] =
	"\0\1\x81\x80\0\1\0\4\0\0\0\0"
	"\3wWw\1a\0\0\1\0\1"
	"\3www\1a\0\0\5\0\1\0\0\0\x1e\0\3\1b\0"
	"\1x\0\0\1\0\1\0\0\0\1\0\4\x0a\0\0\1"
	"\1b\0\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7"
	"\1b\0\0\1\0\1\xff\xff\xff\xff\0\4\xc0\0\2\x08";

#define ANSWER(a) slice_make(a, sizeof(a) - 1)

static void test_srv(void **state)
{
	struct dns_records records;

	(void)state;
	assert_true(dns_answer_parse(ANSWER(srv), "_SIP._udp.a.example", DNS_SRV, &records));
	assert_int_equal(records.count, 2);
	assert_int_equal(records.ttl_s, 60);
	assert_int_equal(records.rows[0].priority, 10);
	assert_int_equal(records.rows[0].weight, 60);
	assert_int_equal(records.rows[0].port, 5060);
	assert_string_equal(records.rows[0].name, "p1.a.example");
	assert_int_equal(records.rows[1].port, 5062);
	assert_string_equal(records.rows[1].name, "p2.a.example");
}

static void test_naptr(void **state)
{
	struct dns_records records;

	(void)state;
	assert_true(dns_answer_parse(ANSWER(naptr), "a.example", DNS_NAPTR, &records));
	assert_int_equal(records.count, 1);
	assert_int_equal(records.ttl_s, 10);
	assert_int_equal(records.rows[0].priority, 50);
	assert_int_equal(records.rows[0].weight, 10);
	assert_string_equal(records.rows[0].flags, "s");
	assert_string_equal(records.rows[0].services, "SIP+D2U");
	assert_string_equal(records.rows[0].name, "_sip._udp.a.example");
}

static void test_cnames_are_followed_and_strangers_ignored(void **state)
{
	struct dns_records records;
	char text[ADDRESS_TEXT];

	(void)state;
	assert_true(dns_answer_parse(ANSWER(cname), "www.a", DNS_A, &records));
	assert_int_equal(records.count, 2);
	assert_string_equal(address_print_host(&records.rows[0].address, false, text), "192.0.2.7");
	assert_int_equal(records.ttl_s, 0); /* the second's highest bit is set: RFC 2181 8 */
	assert_true(dns_answer_parse(ANSWER(cname), NULL, DNS_A, &records));
	assert_int_equal(records.count, 2);
}

static void test_another_question_is_no_answer(void **state)
{
	struct dns_records records;

	(void)state;
	assert_false(dns_answer_parse(ANSWER(srv), "_sip._tcp.a.example", DNS_SRV, &records));
	assert_false(dns_answer_parse(ANSWER(srv), "_sip._udp.a.example", DNS_A, &records));
}

static void test_names_that_lead_in_circles(void **state)
{
	static const char self[] = "\0\1\x81\x80\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1";
	static const char pair[] = "\0\1\x81\x80\0\1\0\0\0\0\0\0\xc0\x0e\xc0\x0c\0\1\0\1";
	static const char forward[] = "\0\1\x81\x80\0\1\0\0\0\0\0\0\xc0\x12\0\1\0\1\1a\0";
	static const char dots[] = "\0\1\x81\x80\0\1\0\0\0\0\0\0\3a.b\0\0\1\0\1";
	struct dns_records records;

	(void)state;
	assert_false(dns_answer_parse(ANSWER(self), NULL, DNS_A, &records));
	assert_false(dns_answer_parse(ANSWER(pair), NULL, DNS_A, &records));
	assert_false(dns_answer_parse(ANSWER(forward), NULL, DNS_A, &records));
	assert_false(dns_answer_parse(ANSWER(dots), NULL, DNS_A, &records));
}

static void every_prefix(const char *answer, size_t n, enum dns_type type)
{
	struct guard guard = guard_new(512);
	struct dns_records records;

	for (size_t i = 0; i < n; i++)
		assert_false(dns_answer_parse(guard_place(&guard, slice_make(answer, i)), NULL, type, &records));
	assert_true(dns_answer_parse(guard_place(&guard, slice_make(answer, n)), NULL, type, &records));
	guard_free(&guard);
}

static void test_every_prefix(void **state)
{
	(void)state;
	every_prefix(srv, sizeof srv - 1, DNS_SRV);
	every_prefix(naptr, sizeof naptr - 1, DNS_NAPTR);
	every_prefix(cname, sizeof cname - 1, DNS_A);
}

/* Each byte of each answer set to each value: nothing may be read or written where it should not. */
static void test_every_byte_changed(void **state)
{
	struct dns_records records;
	char copy[256];

	(void)state;
	for (size_t i = 0; i < sizeof srv - 1; i++)
		for (int value = 0; value < 256; value++) {
			memcpy(copy, srv, sizeof srv);
			copy[i] = (char)value;
			if (dns_answer_parse(slice_make(copy, sizeof srv - 1), NULL, DNS_SRV, &records))
				assert_in_range(records.count, 0, 2);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_srv),
		cmocka_unit_test(test_naptr),
		cmocka_unit_test(test_cnames_are_followed_and_strangers_ignored),
		cmocka_unit_test(test_another_question_is_no_answer),
		cmocka_unit_test(test_names_that_lead_in_circles),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_every_byte_changed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
