#include "tests/unit/unit.h"

#include "sip/syntax/auth.h"
#include "sip/syntax/scan.h"
#include "sip/syntax/values.h"
#define GUARD_ROOM 4096
#include "tests/unit/guard_group.h"

static struct slice placed(const char *text)
{
	return guard_place(&guard, slice_of(text));
}

static void check_text(struct slice s, const char *text)
{
	if (!slice_eq(s, slice_of(text)))
		fail_msg("'%.*s' instead of '%s'", SLICE_ARG(s), text);
}

/* Values that are well formed and some that are not, by type; each is also tried with every prefix. */
static const struct {
	enum sip_value_type type;
	const char *text;
	bool good;
} rows[] = {
	{ SIP_VALUE_TEXT, "anything, \"at all", true },
	{ SIP_VALUE_TOKEN, "100rel", true },
	{ SIP_VALUE_TOKEN, "a b", false },
	{ SIP_VALUE_TOKEN, "", false },
	{ SIP_VALUE_TOKEN_PARAMS, "presence;id=\"x;y\" ; z", true },
	{ SIP_VALUE_TOKEN_PARAMS, "*;q=.2", true },
	{ SIP_VALUE_TOKEN_PARAMS, "active ; expires = 60", true },
	{ SIP_VALUE_TOKEN_PARAMS, "presence;;id", false },
	{ SIP_VALUE_TOKEN_PARAMS, ";id=1", false },
	{ SIP_VALUE_NUMBER, "0068", true },
	{ SIP_VALUE_NUMBER, "4294967295", true },
	{ SIP_VALUE_NUMBER, "4294967296", false },
	{ SIP_VALUE_NUMBER, "-1", false },
	{ SIP_VALUE_NUMBER, "+1", false },
	{ SIP_VALUE_NUMBER, "five", false },
	{ SIP_VALUE_SECONDS, "100000000000000000000", true },
	{ SIP_VALUE_SECONDS, "1 2", false },
	{ SIP_VALUE_ADDRESS, "\"A\" <sip:a@b>;tag=1", true },
	{ SIP_VALUE_ADDRESS, "\"A <sip:a@b>", false },
	{ SIP_VALUE_URI_PARAMS, "<http://x/y.wav>;purpose=icon", true },
	{ SIP_VALUE_URI_PARAMS, "http://x/y.wav", false },
	{ SIP_VALUE_VIA, "SIP/2.0/UDP h", true },
	{ SIP_VALUE_VIA, "SIP/2.0/UDP", false },
	{ SIP_VALUE_CSEQ, "0009 INVITE", true },
	{ SIP_VALUE_CSEQ, "4294967295 !interesting-Method0123456789_*+`.%indeed'~", true },
	{ SIP_VALUE_CSEQ, "4294967296 INVITE", false },
	{ SIP_VALUE_CSEQ, "1", false },
	{ SIP_VALUE_CSEQ, "1INVITE", false },
	{ SIP_VALUE_CSEQ, "1 INVITE x", false },
	{ SIP_VALUE_CSEQ, "-1 INVITE", false },
	{ SIP_VALUE_CALL_ID, "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{", true },
	{ SIP_VALUE_CALL_ID, "a b", false },
	{ SIP_VALUE_CALL_ID, "", false },
	{ SIP_VALUE_CALL_ID, "a\x7f", false },
	{ SIP_VALUE_MEDIA_TYPE, "application / sdp ; charset=\"utf-8\"", true },
	{ SIP_VALUE_MEDIA_TYPE, "application/", false },
	{ SIP_VALUE_MEDIA_TYPE, "application", false },
	{ SIP_VALUE_MEDIA_TYPE, "application/sdp;", false },
	{ SIP_VALUE_MEDIA_RANGE, "*/*;q=0.1", true },
	{ SIP_VALUE_AUTH, "Digest realm=\"a, b\", nonce=\"\", qop=\"auth,auth-int\", algorithm=SHA-256", true },
	{ SIP_VALUE_AUTH, "NoOneKnowsThisScheme opaque-data=here", true },
	{ SIP_VALUE_AUTH, "Negotiate YII8A9==", true },
	{ SIP_VALUE_AUTH, "Digest realm=\"a", false },
	{ SIP_VALUE_AUTH, "Digest realm", false },
	{ SIP_VALUE_AUTH, "Digest realm=", false },
	{ SIP_VALUE_AUTH, "Digest,realm=x", false },
	{ SIP_VALUE_AUTH, "", false },
	{ SIP_VALUE_DATE, "Sat, 13 Nov 2010 23:29:00 GMT", true },
	{ SIP_VALUE_DATE, "Fri, 01 Jan 2010 16:00:00 EST", false },
	{ SIP_VALUE_DATE, "Fri, 01 Jan 2010 16:00:00 UTC", false },
	{ SIP_VALUE_DATE, "Fri, 29 Feb 2019 16:00:00 GMT", false },
	{ SIP_VALUE_DATE, "Fri, 31 Apr 2019 16:00:00 GMT", false },
	{ SIP_VALUE_DATE, "Fri, 00 Apr 2019 16:00:00 GMT", false },
	{ SIP_VALUE_DATE, "Fri, 01 Apr 2019 24:00:00 GMT", false },
	{ SIP_VALUE_DATE, "Xyz, 01 Apr 2019 23:00:00 GMT", false },
	{ SIP_VALUE_DATE, "Fri, 01 apr 2019 23:00:00 GMT", false },
	{ SIP_VALUE_DATE, "Fri,  1 Apr 2019 23:00:00 GMT", false },
	{ SIP_VALUE_WARNING, "307 isi.edu:5060 \"Session parameter 'foo' not understood\"", true },
	{ SIP_VALUE_WARNING, "1812 overture \"In Progress\"", false },
	{ SIP_VALUE_WARNING, "307 isi.edu text", false },
	{ SIP_VALUE_WARNING, "307 isi.edu", false },
	{ SIP_VALUE_TIMESTAMP, "54", true },
	{ SIP_VALUE_TIMESTAMP, "54.21 .5", true },
	{ SIP_VALUE_TIMESTAMP, ".5", false },
	{ SIP_VALUE_TIMESTAMP, "5x", false },
	{ SIP_VALUE_RETRY_AFTER, "18000;duration=3600", true },
	{ SIP_VALUE_RETRY_AFTER, "120 (I'm (really) in a \\) meeting) ;duration=1", true },
	{ SIP_VALUE_RETRY_AFTER, "120 (open", false },
	{ SIP_VALUE_RETRY_AFTER, "120;duration=x", false },
	{ SIP_VALUE_RETRY_AFTER, "soon", false },
	{ SIP_VALUE_RACK, "776656 1 INVITE", true },
	{ SIP_VALUE_RACK, "776656 INVITE", false },
	{ SIP_VALUE_RACK, "776656 1", false },
	{ SIP_VALUE_SESSION_EXPIRES, "1800;refresher=uac", true },
	{ SIP_VALUE_SESSION_EXPIRES, "1800;refresher=me", false },
	{ SIP_VALUE_SESSION_EXPIRES, "x", false },
	{ SIP_VALUE_REPLACES, "425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only", true },
	{ SIP_VALUE_REPLACES, "a@b ; to-tag=1 ; from-tag=2", true },
	{ SIP_VALUE_REPLACES, "a@b;local-tag=1;remote-tag=2", true },
	{ SIP_VALUE_REPLACES, "a@b;to-tag=1", false },
	{ SIP_VALUE_REPLACES, "a@b;to-tag=1;from-tag=2;to-tag=1", false },
	{ SIP_VALUE_REPLACES, "a@b;to-tag=1;from-tag=2;From-Tag=3", false },
	{ SIP_VALUE_REPLACES, "a@b;to-tag=1;from-tag=2;remote-tag=3", false },
	{ SIP_VALUE_REPLACES, ";to-tag=1;from-tag=2", false },
	{ SIP_VALUE_REASON, "SIP;cause=200;text=\"Call completed elsewhere\"", true },
	{ SIP_VALUE_REASON, "Q.850;cause=16", true },
	{ SIP_VALUE_REASON, "SIP;cause=x", false },
	{ SIP_VALUE_REASON, ";cause=1", false },
};

static void values_by_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (sip_value_check(rows[i].type, placed(rows[i].text)) != rows[i].good)
			fail_msg("'%s' is %s", rows[i].text, rows[i].good ? "well formed" : "malformed");
}

static void prefixes_do_no_harm(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t n = 0; n <= strlen(rows[i].text); n++)
			for (unsigned type = SIP_VALUE_TEXT; type <= SIP_VALUE_REASON; type++)
				(void)!sip_value_check(type, guard_place(&guard, slice_make(rows[i].text, n)));
}

static void cseq_and_rack(void **state)
{
	struct sip_cseq cseq;
	struct sip_rack rack;

	(void)state;
	assert_true(sip_cseq_parse(placed("0009 \t INVITE"), &cseq));
	assert_int_equal(cseq.number, 9);
	assert_int_equal(cseq.method, SIP_INVITE);
	assert_true(sip_cseq_parse(placed("8 NEWMETHOD"), &cseq));
	assert_int_equal(cseq.method, SIP_METHOD_OTHER);
	check_text(cseq.method_name, "NEWMETHOD");
	assert_true(sip_rack_parse(placed("776656 1 INVITE"), &rack));
	assert_int_equal(rack.rseq, 776656);
	assert_int_equal(rack.cseq.number, 1);
	assert_int_equal(rack.cseq.method, SIP_INVITE);
}

static void numbers_and_seconds(void **state)
{
	uint32_t value;

	(void)state;
	assert_true(sip_seconds_parse(placed("7200"), &value));
	assert_int_equal(value, 7200);
	assert_true(sip_seconds_parse(placed("949302838503028349304023988"), &value));
	assert_int_equal(value, UINT32_MAX);
	assert_true(sip_number_parse(placed("0068"), &value));
	assert_int_equal(value, 68);
}

static void dates(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} dates[] = {
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "Sat, 13 Nov 2010 23:29:00 GMT", 1289690940 },
		{ "Thu, 29 Feb 2024 12:00:00 GMT", 1709208000 },
		{ "Fri, 01 Mar 2024 00:00:00 GMT", 1709251200 },
		{ "Tue, 31 Dec 2999 23:59:59 GMT", 32503679999 },
		{ "Fri, 31 Dec 1999 23:59:60 GMT", 946684800 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
		int64_t seconds;
		assert_true(sip_date_parse(placed(dates[i].text), &seconds));
		assert_int_equal(seconds, dates[i].seconds);
	}
}

static void parts_of_values(void **state)
{
	struct sip_retry_after retry;
	struct sip_media_type media;
	struct sip_warning warning;
	struct sip_session_expires expires;
	struct sip_token_params event;
	struct sip_replaces replaces;
	struct sip_reason reason;
	struct slice sent, delay;

	(void)state;
	assert_true(sip_retry_after_parse(placed("120 (in (a) meeting) ;duration=3600"), &retry));
	assert_int_equal(retry.seconds, 120);
	assert_int_equal(retry.duration, 3600);
	check_text(retry.comment, "in (a) meeting");
	assert_true(sip_media_type_parse(placed("Application/SDP;charset=x"), &media));
	assert_true(sip_media_type_is(&media, "application", "sdp"));
	assert_false(sip_media_type_is(&media, "application", "sd"));
	check_text(media.params, ";charset=x");
	assert_true(sip_warning_parse(placed("307 isi.edu \"a \\\" b\""), &warning));
	assert_int_equal(warning.code, 307);
	check_text(warning.agent, "isi.edu");
	check_text(warning.text, "\"a \\\" b\"");
	assert_true(sip_timestamp_parse(placed("54.21 0.5"), &sent, &delay));
	check_text(sent, "54.21");
	check_text(delay, "0.5");
	assert_true(sip_session_expires_parse(placed("1800;refresher=uas"), &expires));
	assert_int_equal(expires.seconds, 1800);
	check_text(expires.refresher, "uas");
	assert_true(sip_token_params_parse(placed("terminated;reason=timeout"), &event));
	check_text(event.token, "terminated");
	check_text(event.params, ";reason=timeout");
	assert_true(sip_replaces_parse(placed("c@h;to-tag=1;from-tag=2;early-only"), &replaces));
	check_text(replaces.call_id, "c@h");
	check_text(replaces.to_tag, "1");
	check_text(replaces.from_tag, "2");
	assert_true(replaces.early_only);
	assert_true(sip_replaces_parse(placed("c@h;local-tag=1;remote-tag=2"), &replaces));
	check_text(replaces.to_tag, "2");
	check_text(replaces.from_tag, "1");
	assert_false(replaces.early_only);
	assert_true(sip_reason_parse(placed("SIP ;cause=200 ;text=\"elsewhere\""), &reason));
	check_text(reason.protocol, "SIP");
	assert_int_equal(reason.cause, 200);
	check_text(reason.text, "\"elsewhere\"");
}

static void challenges(void **state)
{
	struct arena arena;
	struct sip_auth auth;
	struct slice value;

	(void)state;
	arena_init(&arena);
	assert_true(sip_auth_parse(placed("Digest realm=\"a \\\"b\\\", c\", Nonce = \"x=,y\" ,, qop=\"auth,auth-int\","
					  "algorithm=SHA-256,stale=FALSE"),
				   &auth));
	check_text(auth.scheme, "Digest");
	assert_true(sip_auth_param(&arena, &auth, SLICE("realm"), &value));
	check_text(value, "a \"b\", c");
	assert_true(sip_auth_param(&arena, &auth, SLICE("nonce"), &value));
	check_text(value, "x=,y");
	assert_true(sip_auth_param(&arena, &auth, SLICE("QOP"), &value));
	check_text(value, "auth,auth-int");
	assert_true(sip_auth_param(&arena, &auth, SLICE("algorithm"), &value));
	check_text(value, "SHA-256");
	assert_true(sip_auth_param(&arena, &auth, SLICE("stale"), &value));
	assert_false(sip_auth_param(&arena, &auth, SLICE("opaque"), &value));
	arena_fini(&arena);
}

/* Comments and list elements, straight from the scanner. */
static void scanners(void **state)
{
	struct slice s = placed("(a(b)\\)c) rest");

	(void)state;
	assert_ptr_equal(scan_comment(s.p, s.p + s.n), s.p + 9);
	s = placed("(a(b)c");
	assert_null(scan_comment(s.p, s.p + s.n));
	s = placed("(a\\");
	assert_null(scan_comment(s.p, s.p + s.n));
	s = placed("a\"b,\\\"c\"<d,\"e>,f");
	assert_ptr_equal(scan_element(s.p, s.p + s.n), s.p + s.n - 2);
	s = placed("\"open, no end");
	assert_ptr_equal(scan_element(s.p, s.p + s.n), s.p + s.n);
	s = placed("<open, no end");
	assert_ptr_equal(scan_element(s.p, s.p + s.n), s.p + s.n);
	s = placed("\"a\\");
	assert_null(scan_quoted(s.p, s.p + s.n));
	s = placed("\"a\\\"");
	assert_null(scan_quoted(s.p, s.p + s.n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_by_type),
		cmocka_unit_test(prefixes_do_no_harm),
		cmocka_unit_test(cseq_and_rack),
		cmocka_unit_test(numbers_and_seconds),
		cmocka_unit_test(dates),
		cmocka_unit_test(parts_of_values),
		cmocka_unit_test(challenges),
		cmocka_unit_test(scanners),
	};

	return cmocka_run_group_tests(tests, guard_set_up, guard_tear_down);
}
