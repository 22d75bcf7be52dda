/* STUN as keep-alives need it: the bytes of RFC 5769, and what is no STUN. */
#include "tests/unit/unit.h"

#include "tests/unit/sip/fake_net.h"

#include "sip/transport/stun.h"

static const unsigned char id[STUN_ID] = { 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae };

static void a_request_is_twenty_bytes(void **state)
{
	unsigned char bytes[STUN_REQUEST];

	(void)state;
	stun_print_request(id, bytes);
	assert_memory_equal(bytes, "\x00\x01\x00\x00\x21\x12\xa4\x42", 8);
	assert_memory_equal(bytes + 8, id, STUN_ID);
	assert_true(stun_is(slice_make(bytes, sizeof bytes)));
}

static void round_trip(const char *text)
{
	unsigned char request[STUN_REQUEST], response[STUN_RESPONSE_MAX];
	struct address remote = fake_address(text), mapped;

	stun_print_request(id, request);
	size_t n = stun_print_response(slice_make(request, sizeof request), &remote, response);
	assert_true(n > STUN_REQUEST);
	assert_true(stun_read_response(slice_make(response, n), id, &mapped));
	assert_true(address_eq(&mapped, &remote));
	for (size_t i = 0; i < n; i++)
		assert_false(stun_read_response(slice_make(response, i), id, &mapped));
	unsigned char other[STUN_ID] = { 1 };
	assert_false(stun_read_response(slice_make(response, n), other, &mapped));
	/* an answer is no request: two phones do not answer each other for ever */
	assert_int_equal(stun_print_response(slice_make(response, n), &remote, response), 0);
}

static void both_families_go_and_come(void **state)
{
	(void)state;
	round_trip("192.0.2.1:32853");
	round_trip("[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

/* The mapped addresses of RFC 5769 2.2 and 2.3, without the attributes that prove who sent them. */
static void the_addresses_of_rfc_5769(void **state)
{
	static const unsigned char head[] = "\x01\x01\x00\x0c\x21\x12\xa4\x42";
	static const unsigned char v4[] = "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";
	unsigned char bytes[64];
	struct address mapped, wanted = fake_address("192.0.2.1:32853");

	(void)state;
	memcpy(bytes, head, 8);
	memcpy(bytes + 8, id, STUN_ID);
	memcpy(bytes + 20, v4, 12);
	assert_true(stun_read_response(slice_make(bytes, 32), id, &mapped));
	assert_true(address_eq(&mapped, &wanted));
}

static void what_must_be_understood_is_not_answered(void **state)
{
	unsigned char request[STUN_REQUEST + 8], response[STUN_RESPONSE_MAX];
	struct address remote = fake_address("192.0.2.1:5060");

	(void)state;
	stun_print_request(id, request);
	request[3] = 8;
	memcpy(request + 20, "\x80\x22\x00\x03off", 8);
	assert_true(stun_print_response(slice_make(request, sizeof request), &remote, response) > 0);
	memcpy(request + 20, "\x00\x06\x00\x03off", 8);
	assert_int_equal(stun_print_response(slice_make(request, sizeof request), &remote, response), 0);
	/* an attribute longer than the message */
	memcpy(request + 20, "\x80\x22\x00\x09off", 8);
	assert_int_equal(stun_print_response(slice_make(request, sizeof request), &remote, response), 0);
}

static void what_is_no_stun(void **state)
{
	(void)state;
	assert_false(stun_is(SLICE("OPTIONS sip:x SIP/2.0\r\n\r\n")));
	assert_false(stun_is(SLICE("\r\n\r\n")));
	assert_false(stun_is(slice_of(NULL)));
	assert_false(stun_is(SLICE("\x00\x01\x00\x04\x21\x12\xa4\x42"
				   "abcdefghijkl")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_twenty_bytes),
		cmocka_unit_test(both_families_go_and_come),
		cmocka_unit_test(the_addresses_of_rfc_5769),
		cmocka_unit_test(what_must_be_understood_is_not_answered),
		cmocka_unit_test(what_is_no_stun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
