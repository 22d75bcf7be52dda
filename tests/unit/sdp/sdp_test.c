/* Parsing of session descriptions: what is understood, what is forgiven, what is refused. */
#include "sdp/sdp.h"

#include "../guard.h"
#include "../unit.h"

static struct arena arena;
static struct sdp_session s;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

#define HEAD "v=0\r\no=alice 2890844526 2890844527 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static void parse(const char *text)
{
	size_t offset = 0;

	if (!sdp_parse(&arena, slice_of(text), &s, &offset))
		fail_msg("refused at %zu: %.40s", offset, text + offset);
}

static size_t refused(const char *text)
{
	size_t offset = 9999;

	assert_false(sdp_parse(&arena, slice_of(text), &s, &offset));
	return offset;
}

#define assert_slice(slice, text) assert_true(slice_eq(slice, SLICE(text)))

static void assert_address(const struct address *address, const char *text)
{
	char found[ADDRESS_TEXT];

	assert_true(address_is_set(address));
	assert_string_equal(address_print(address, found), text);
}

static void test_everything_on_an_audio_line(void **state)
{
	(void)state;
	parse(HEAD "a=tool:test\r\n"
		   "m=audio 49170/2 RTP/AVP 111 0 101 13\r\n"
		   "i=a voice\r\n"
		   "a=rtpmap:111 opus/48000/2\r\n"
		   "a=fmtp:111 useinbandfec=1; stereo=0\r\n"
		   "a=rtpmap:101 telephone-event/8000\r\n"
		   "a=fmtp:101 0-16\r\n"
		   "a=ptime:20\r\na=maxptime:60.0\r\n"
		   "a=rtcp:53020 IN IP4 192.0.2.9\r\n"
		   "a=rtcp-mux\r\n"
		   "a=recvonly\r\n"
		   "m=video 0 RTP/AVP 31\r\n");
	assert_slice(s.origin_user, "alice");
	assert_slice(s.origin_id, "2890844526");
	assert_slice(s.origin_version, "2890844527");
	assert_slice(s.name, "-");
	assert_slice(s.times, "0 0");
	assert_int_equal(s.attribute_count, 1);
	assert_int_equal(s.media_count, 2);
	const struct sdp_media *m = &s.media[0];
	assert_slice(m->type, "audio");
	assert_slice(m->protocol, "RTP/AVP");
	assert_int_equal(m->port, 49170);
	assert_true(m->has_address);
	assert_false(m->held_by_address);
	assert_address(&m->address, "192.0.2.1:49170");
	assert_address(&m->rtcp, "192.0.2.9:53020");
	assert_true(m->rtcp_mux);
	assert_int_equal(m->direction, SDP_RECVONLY);
	assert_int_equal(m->ptime_ms, 20);
	assert_int_equal(m->maxptime_ms, 60);
	assert_int_equal(m->format_count, 4);
	assert_slice(m->formats[0].encoding, "opus");
	assert_int_equal(m->formats[0].payload_type, 111);
	assert_int_equal(m->formats[0].clock_rate, 48000);
	assert_int_equal(m->formats[0].channels, 2);
	assert_slice(m->formats[0].fmtp, "useinbandfec=1; stereo=0");
	assert_slice(m->formats[1].encoding, "PCMU"); /* by its number */
	assert_int_equal(m->formats[1].clock_rate, 8000);
	assert_int_equal(m->formats[1].channels, 1);
	assert_slice(m->formats[2].fmtp, "0-16");
	assert_slice(m->formats[3].encoding, "CN");
	assert_int_equal(s.media[1].port, 0);
	assert_int_equal(s.media[1].direction, SDP_SENDRECV);
	assert_false(address_is_set(&s.media[1].rtcp));
}

static void test_c_and_direction_of_the_media_over_the_session(void **state)
{
	(void)state;
	parse(HEAD "a=inactive\r\n"
		   "m=audio 4000 RTP/AVP 0\r\n"
		   "m=audio 4002 RTP/AVP 0\r\nc=IN IP6 2001:db8::7\r\na=sendonly\r\n"
		   "m=audio 4004 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n"
		   "m=audio 4006 RTP/AVP 0\r\nc=IN IP4 host.example.com\r\n"
		   "m=audio 4008 RTP/AVP 0\r\nc=IN IP4 233.252.0.1/127/3\r\na=rtcp:5000\r\n"
		   "m=audio 4010 RTP/AVP 0\r\nc=IN IP6 ::\r\n");
	assert_address(&s.media[0].address, "192.0.2.1:4000");
	assert_address(&s.media[0].rtcp, "192.0.2.1:4001");
	assert_int_equal(s.media[0].direction, SDP_INACTIVE);
	assert_address(&s.media[1].address, "[2001:db8::7]:4002");
	assert_int_equal(s.media[1].direction, SDP_SENDONLY);
	assert_true(s.media[2].held_by_address);
	assert_int_equal(s.media[2].direction, SDP_INACTIVE);
	assert_false(s.media[3].has_address);
	assert_false(address_is_set(&s.media[3].address));
	assert_address(&s.media[4].address, "233.252.0.1:4008");
	assert_address(&s.media[4].rtcp, "233.252.0.1:5000");
	assert_true(s.media[5].held_by_address);
}

static void test_what_is_forgiven(void **state)
{
	(void)state;
	/* Bare LF, no s= and t=, no end of line at the end, blanks in plenty, letters in any case, an empty "a=". */
	parse("v=0\no=- 1 1 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1\nm=AUDIO  4000  rtp/avp  0   96 \na=\n"
	      "a=RTPMAP:96  Speex/16000 \na=SendOnly \na=rtpmap:97\na=rtpmap:x y/z\na=ptime:fast\na=rtcp:0");
	assert_slice(s.times, "0 0");
	assert_int_equal(s.media[0].format_count, 2);
	assert_slice(s.media[0].formats[1].encoding, "Speex");
	assert_int_equal(s.media[0].formats[1].clock_rate, 16000);
	assert_int_equal(s.media[0].ptime_ms, 0);
	assert_address(&s.media[0].rtcp, "192.0.2.1:4001");
	assert_int_equal(s.media[0].direction, SDP_SENDONLY);
	/* Empty lines at the end. */
	parse(HEAD "m=audio 4000 RTP/AVP 0\r\n\r\n \r\n");
	assert_int_equal(s.media_count, 1);
	/* RFC 3264 5: no media at all. */
	parse(HEAD);
	assert_int_equal(s.media_count, 0);
	/* A rejected line without formats. */
	parse(HEAD "m=audio 0 RTP/AVP\r\n");
	assert_int_equal(s.media[0].format_count, 0);
}

static void test_numbers_of_any_length_in_the_origin(void **state)
{
	(void)state;
	parse("v=0\r\no=mhandley 29739199999999999999999999 7272939 IN IP4 192.0.2.3\r\ns=\r\nc=IN IP4 "
	      "192.0.2.4\r\nt=3149328700 0\r\n"
	      "m=audio 49217 RTP/AVP 0 12\r\n");
	assert_slice(s.origin_id, "29739199999999999999999999");
	assert_slice(s.name, "");
	assert_slice(s.times, "3149328700 0");
	assert_slice(s.media[0].formats[1].encoding, "QCELP");
}

/* RFC 4475: the bodies of its INVITEs. */
static void test_torture_bodies(void **state)
{
	(void)state;
	parse("v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\n"
	      "m=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n");
	assert_int_equal(s.media_count, 2);
	assert_address(&s.media[0].address, "192.0.2.4:49217");
	assert_slice(s.media[1].formats[0].encoding, "H261"); /* its rtpmap has no clock rate: no rtpmap */
	parse("v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\nm=audio 49217 "
	      "RTP/AVP 0\r\n");
	assert_int_equal(s.media_count, 1);
}

static void test_formats_of_other_protocols_have_no_payload_type(void **state)
{
	(void)state;
	parse(HEAD "m=image 4000 udptl t38\r\nm=application 4002 TCP 0 8\r\nm=audio 4004 RTP/AVP x 128 96\r\n");
	assert_slice(s.media[0].formats[0].text, "t38");
	assert_int_equal(s.media[0].formats[0].payload_type, SDP_NO_PAYLOAD_TYPE);
	assert_int_equal(s.media[1].formats[0].payload_type, SDP_NO_PAYLOAD_TYPE);
	assert_int_equal(s.media[1].formats[0].encoding.n, 0);
	assert_int_equal(s.media[2].formats[0].payload_type, SDP_NO_PAYLOAD_TYPE);
	assert_int_equal(s.media[2].formats[1].payload_type, SDP_NO_PAYLOAD_TYPE);
	assert_int_equal(s.media[2].formats[2].payload_type, 96);
	assert_int_equal(s.media[2].formats[2].encoding.n, 0);
}

static void test_an_rtpmap_rules_over_the_table(void **state)
{
	(void)state;
	parse(HEAD "m=audio 4000 RTP/AVP 3 3\r\na=rtpmap:3 mine/44100\r\na=rtpmap:3 yours/8000\r\n");
	for (size_t i = 0; i < 2; i++) {
		assert_slice(s.media[0].formats[i].encoding, "mine"); /* for each mention, and the first counts */
		assert_int_equal(s.media[0].formats[i].clock_rate, 44100);
	}
}

static void test_what_is_refused(void **state)
{
	(void)state;
	assert_int_equal(refused(""), 0);
	assert_int_equal(refused("hello"), 0);
	assert_int_equal(refused("v=1\r\no=- 1 1 IN IP4 192.0.2.1\r\n"), 0);
	assert_int_equal(refused("v=0\r\n"), 5);
	assert_int_equal(refused("v=0\r\ns=-\r\n"), 5);
	assert_int_equal(refused("v=0\r\no=- 1 1 IN IP4\r\n"), 5);
	size_t head = strlen(HEAD);
	assert_int_equal(refused(HEAD "o=- 1 1 IN IP4 192.0.2.1\r\n"), head);
	assert_int_equal(refused(HEAD "x=1\r\n"), head); /* RFC 8866 5: unknown letters */
	assert_int_equal(refused(HEAD "\r\nm=audio 4000 RTP/AVP 0\r\n"), head);
	assert_int_equal(refused(HEAD " a=sendonly\r\n"), head);
	assert_int_equal(refused(HEAD "m=audio\r\n"), head);
	assert_int_equal(refused(HEAD "m=audio 4000\r\n"), head);
	assert_int_equal(refused(HEAD "m=audio 4000 RTP/AVP\r\n"), head);
	assert_int_equal(refused(HEAD "m=audio 65536 RTP/AVP 0\r\n"), head);
	assert_int_equal(refused(HEAD "m=audio -1 RTP/AVP 0\r\n"), head);
	assert_int_equal(refused(HEAD "m=audio 99999999999999999999 RTP/AVP 0\r\n"), head);
	assert_int_equal(refused(HEAD "m=audio 4000 RTP/AVP 0\r\nc=IN IP4\r\n"), head + 24);
	assert_int_equal(refused(HEAD "m=audio 4000 RTP/AVP 0\r\nc=ATM NSAP 1\r\n"), head + 24);
	assert_int_equal(refused(HEAD "a=x\ry\r\n"), head);
	char nul[] = HEAD "a=x\0y\r\n";
	size_t offset;
	assert_false(sdp_parse(&arena, slice_make(nul, sizeof nul - 1), &s, &offset));
	assert_int_equal(offset, head + 3);
}

static void test_bounds(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	/* Sixteen media lines and not one more. */
	buf_add(&text, SLICE(HEAD));
	for (int i = 0; i < SDP_MEDIA_MAX; i++)
		buf_add(&text, SLICE("m=audio 4000 RTP/AVP 0\r\n"));
	assert_true(sdp_parse(&arena, buf_slice(&text), &s, NULL));
	assert_int_equal(s.media_count, SDP_MEDIA_MAX);
	buf_add(&text, SLICE("m=audio 4000 RTP/AVP 0\r\n"));
	assert_false(sdp_parse(&arena, buf_slice(&text), &s, NULL));
	/* More formats than are kept, more attributes than are kept: the last one is understood all the same. */
	buf_clear(&text);
	buf_add(&text, SLICE(HEAD "m=audio 4000 RTP/AVP"));
	for (int i = 0; i < 100; i++)
		buf_printf(&text, " %d", i);
	buf_add(&text, SLICE("\r\n"));
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "a=x:%d\r\n", i);
	buf_add(&text, SLICE("a=sendonly\r\n"));
	assert_true(sdp_parse(&arena, buf_slice(&text), &s, NULL));
	assert_int_equal(s.media[0].format_count, SDP_FORMATS_MAX);
	assert_int_equal(s.media[0].attribute_count, SDP_ATTRIBUTES_MAX);
	assert_int_equal(s.media[0].direction, SDP_SENDONLY);
	while (text.n <= SDP_MAX)
		buf_add(&text, SLICE("a=filler\r\n"));
	assert_false(sdp_parse(&arena, buf_slice(&text), &s, NULL));
	buf_fini(&text);
}

static const char whole[] =
	HEAD "a=group:x\r\nm=audio 49170/2 RTP/AVP 111 0\r\nc=IN IP6 2001:db8::7/1\r\na=rtpmap:111 opus/48000/2\r\n"
	     "a=fmtp:111 useinbandfec=1\r\na=ptime:20\r\na=rtcp:53020 IN IP4 192.0.2.9\r\na=sendonly\r\n";

static void test_every_prefix_at_a_guard_page(void **state)
{
	struct guard guard = guard_new(sizeof whole);
	size_t good = 0;

	(void)state;
	for (size_t n = 0; n < sizeof whole; n++)
		good += sdp_parse(&arena, guard_place(&guard, slice_make(whole, n)), &s, NULL);
	assert_in_range(good, 1, sizeof whole - 1);
	guard_free(&guard);
}

/* One byte after the other replaced by ones that mean something: whatever comes out, it keeps its bounds. */
static void test_every_byte_changed(void **state)
{
	static const char values[] = "\r\n =:/0a\xff";
	char copy[sizeof whole];

	(void)state;
	for (size_t i = 0; i < sizeof whole - 1; i++)
		for (size_t k = 0; k < sizeof values - 1; k++) {
			struct arena own;
			memcpy(copy, whole, sizeof whole);
			copy[i] = values[k];
			arena_init(&own);
			if (sdp_parse(&own, slice_make(copy, sizeof whole - 1), &s, NULL)) {
				assert_in_range(s.media_count, 0, 2);
				assert_true(s.origin_id.n > 0);
			}
			arena_fini(&own);
		}
}

static void test_directions(void **state)
{
	(void)state;
	assert_slice(sdp_direction_name(SDP_SENDONLY), "sendonly");
	assert_int_equal(sdp_direction_reverse(SDP_SENDONLY), SDP_RECVONLY);
	assert_int_equal(sdp_direction_reverse(SDP_RECVONLY), SDP_SENDONLY);
	assert_int_equal(sdp_direction_reverse(SDP_SENDRECV), SDP_SENDRECV);
	assert_int_equal(sdp_direction_reverse(SDP_INACTIVE), SDP_INACTIVE);
	assert_int_equal(sdp_static_type(9)->clock_rate, 8000);
	assert_null(sdp_static_type(96));
	assert_null(sdp_static_type(SDP_NO_PAYLOAD_TYPE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_everything_on_an_audio_line),
		T(test_c_and_direction_of_the_media_over_the_session),
		T(test_what_is_forgiven),
		T(test_numbers_of_any_length_in_the_origin),
		T(test_torture_bodies),
		T(test_formats_of_other_protocols_have_no_payload_type),
		T(test_an_rtpmap_rules_over_the_table),
		T(test_what_is_refused),
		T(test_bounds),
		T(test_every_prefix_at_a_guard_page),
		T(test_every_byte_changed),
		T(test_directions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
