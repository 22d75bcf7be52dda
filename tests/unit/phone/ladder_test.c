#include "tests/unit/unit.h"

#include "base/timer.h"
#include "phone/trace.h"

static const char invite[] =
	"INVITE sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa\r\nCall-ID: one\r\n"
	"Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
static const char ringing[] = "SIP/2.0 180 Ringing\r\nVia: x\r\ni: one\r\n\r\n";
static const char busy[] = "SIP/2.0 486 Busy Here\r\nCall-ID: one\r\n\r\n";
static const char other[] =
	"OPTIONS sip:x SIP/2.0\r\nCall-ID: two\r\nAuthorization: Digest username=\"alice\", nonce=\"n\",\r\n"
	" response=\"0123456789abcdef\", realm=\"r\"\r\nX: \033[31m\r\n\r\n";

struct fixture {
	struct timers timers;
	struct trace *trace;
	struct address local, proxy, peer;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);

	timers_init(&f->timers, 1000000);
	f->trace = trace_new(&f->timers, 1 << 20);
	assert_true(address_parse(&f->local, SLICE("192.0.2.1:5060"), 0));
	assert_true(address_parse(&f->proxy, SLICE("192.0.2.2:5060"), 0));
	assert_true(address_parse(&f->peer, SLICE("192.0.2.3:5070"), 0));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	trace_free(f->trace);
	timers_fini(&f->timers);
	test_free(f);
	return 0;
}

static void add(struct fixture *f, bool sent, const struct address *remote, const char *text)
{
	trace_add(f->trace, &(struct sip_wire){ .sent = sent,
						.protocol = SIP_UDP,
						.local = f->local,
						.remote = *remote,
						.bytes = slice_of(text) });
}

static void add_line(void *arg, const struct ladder_line *line)
{
	buf_printf(arg, "%.*s\n", SLICE_ARG(line->text));
}

static char *draw(struct fixture *f, const char *call_id, unsigned cols)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	ladder_draw(f->trace,
		    &(struct ladder_options){ .filter = &(struct trace_filter){ .call_id = slice_of(call_id) },
					      .cols = cols,
					      .ascii = true,
					      .each = add_line,
					      .arg = &out });
	return buf_take(&out);
}

/* The line numbered `n` without the time of day, which differs. */
static void assert_line(const char *text, size_t n, const char *wanted)
{
	struct slice rest = slice_of(text), line = slice_cut(&rest, '\n');

	while (n--)
		line = slice_cut(&rest, '\n');
	char *copy = slice_dup(slice_sub(line, 0, strlen(wanted)));
	assert_string_equal(copy, wanted);
	free(copy);
}

static void arrows_numbers_and_times(void **state)
{
	struct fixture *f = *state;

	add(f, true, &f->proxy, invite);
	timers_advance(&f->timers, 500000);
	add(f, true, &f->proxy, invite);
	timers_advance(&f->timers, 41000);
	add(f, false, &f->proxy, ringing);
	trace_note(f->trace, TRACE_MEDIA, SIP_UDP, NULL, SLICE("one"), SLICE("RTP opus"));
	timers_advance(&f->timers, 2000000);
	add(f, false, &f->proxy, busy);
	char *text = draw(f, "one", 80);
	assert_line(text, 0, "   you                               192.0.2.2:5060");
	assert_line(text, 1, "    | F1 INVITE (sdp)                       |  ");
	assert_line(text, 2, "    |-------------------------------------->|");
	assert_line(text, 3, "    | F1 INVITE (sdp) again                 |  +500 ms");
	assert_line(text, 5, "    | F2 180 Ringing                        |  +541 ms");
	assert_line(text, 6, "    |<--------------------------------------|");
	assert_line(text, 7, "    | RTP opus                              |  +541 ms");
	assert_line(text, 8, "    |<=====================================>|");
	assert_line(text, 9, "    | F3 486 Busy Here                      |  +2.541 s");
	assert_non_null(strstr(text, "    | ! "));
	free(text);
}

static void two_peers_have_two_lines(void **state)
{
	struct fixture *f = *state;

	add(f, true, &f->proxy, invite);
	add(f, true, &f->peer, "ACK sip:bob@192.0.2.3 SIP/2.0\r\nCall-ID: one\r\n\r\n");
	char *text = draw(f, "", 80);
	assert_non_null(strstr(text, "192.0.2.3:5070"));
	assert_line(text, 4, "    |-----------------------------+---------------------------->|");
	free(text);
	/* Too narrow for both: the last line is shared, and the label says whose message it is. */
	text = draw(f, "", 44);
	assert_line(text, 3, "    | F2 ACK 192.0.2.3:5070");
	free(text);
}

static void one_call_only(void **state)
{
	struct fixture *f = *state;

	add(f, true, &f->proxy, invite);
	add(f, true, &f->peer, other);
	char *text = draw(f, "one", 80);
	assert_null(strstr(text, "OPTIONS"));
	assert_non_null(strstr(text, "INVITE"));
	free(text);
	text = draw(f, "nobody's", 80);
	assert_string_equal(text, "");
	free(text);
}

static void no_line_is_wider_than_asked(void **state)
{
	struct fixture *f = *state;
	struct address remote;
	char text[64];

	for (unsigned i = 0; i < 40; i++) {
		snprintf(text, sizeof text, "198.51.100.%u:5060", i + 1);
		assert_true(address_parse(&remote, slice_of(text), 0));
		add(f, i % 2, &remote,
		    i % 3 ? invite
			  : "SIP/2.0 503 \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e a very long reason that never seems to "
			    "end at all\r\nCall-ID: one\r\n\r\n");
	}
	for (unsigned cols = 1; cols < 200; cols += 7) {
		char *drawn = draw(f, "", cols);
		struct slice rest = slice_of(drawn);
		while (rest.n) {
			struct slice line = slice_cut(&rest, '\n');
			unsigned width = 0;
			/* Code points; the three wide ones count twice. */
			for (size_t i = 0; i < line.n; i++)
				width += ((unsigned char)line.p[i] & 0xc0) != 0x80
						 ? ((unsigned char)line.p[i] >= 0xe0 ? 2 : 1)
						 : 0;
			assert_true(width <= (cols < 40 ? 40 : cols));
		}
		free(drawn);
	}
}

static void the_ring_forgets_the_oldest(void **state)
{
	struct fixture *f = *state;

	trace_keep(f->trace, 4096);
	for (int i = 0; i < 100; i++)
		add(f, true, &f->proxy, invite);
	size_t count = 0;
	for (const struct trace_entry *entry = trace_first(f->trace); entry; entry = trace_next(f->trace, entry))
		count++;
	assert_in_range(count, 1, 20);
	assert_int_equal(trace_last_number(f->trace), 100);
	trace_keep(f->trace, 10);
	add(f, true, &f->proxy, invite);
	assert_null(trace_first(f->trace));
}

static void secrets_are_left_out(void **state)
{
	struct fixture *f = *state;
	struct buf text;

	add(f, true, &f->peer, other);
	buf_init(&text, 65536);
	trace_message(trace_first(f->trace), true, &text);
	assert_null(strstr(buf_text(&text), "0123456789abcdef"));
	assert_non_null(strstr(buf_text(&text), "response=\"...\", realm=\"r\""));
	assert_non_null(strstr(buf_text(&text), "username=\"alice\""));
	assert_null(strchr(buf_text(&text), '\033'));
	buf_clear(&text);
	trace_message(trace_first(f->trace), false, &text);
	assert_non_null(strstr(buf_text(&text), "0123456789abcdef"));
	buf_fini(&text);
}

/* RFC 3261 20: tables 2 and 3. */
static void fields_without_a_place_are_marked(void **state)
{
	static const char bye[] = "BYE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nm: <sip:a@h>\r\nX-Odd: 1\r\n"
				  "Content-Type: text/plain\r\n\r\nExpires: 3\r\n",
			  refusal[] = "SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\nRetry-After: 3\r\nRSeq: 1\r\n"
				   " folded\r\nExpires: 9\r\n\r\n";
	struct fixture *f = *state;
	struct buf text;

	add(f, false, &f->peer, bye);
	add(f, true, &f->peer, refusal);
	buf_init(&text, 65536);
	trace_message(trace_first(f->trace), true, &text);
	assert_string_equal(buf_text(&text),
			    "BYE sip:b@h SIP/2.0\nVia: SIP/2.0/UDP h\nm: <sip:a@h>   <- has no place here, ignored\n"
			    "X-Odd: 1\nContent-Type: text/plain\n\nExpires: 3\n");
	buf_clear(&text);
	trace_message(trace_next(f->trace, trace_first(f->trace)), true, &text);
	assert_string_equal(buf_text(&text),
			    "SIP/2.0 486 Busy Here\nCSeq: 1 INVITE\nRetry-After: 3\nRSeq: 1   <- has no place here\n"
			    " folded\nExpires: 9\n\n");
	buf_fini(&text);
}

static void call_ids_are_found(void **state)
{
	(void)state;
	assert_true(slice_eq(trace_header(slice_of(invite), "Call-ID", 'i'), SLICE("one")));
	assert_true(slice_eq(trace_header(slice_of(ringing), "Call-ID", 'i'), SLICE("one")));
	assert_int_equal(trace_header(SLICE("INVITE x SIP/2.0\r\n\r\nCall-ID: in-the-body"), "Call-ID", 'i').n, 0);
	assert_int_equal(trace_header(SLICE(""), "Call-ID", 'i').n, 0);
}

static void values_are_found_one_by_one(void **state)
{
	struct trace_values values;
	struct slice value;

	(void)state;
	trace_values_begin(
		&values, SLICE("INVITE x SIP/2.0\r\nVia: a, ,b,\r\n c\r\nVia-x: no\r\nv: \"d,e\" <f,g>\r\n\r\nVia: h"),
		"Via", 'v');
	const char *const wanted[] = { "a", "b", "c", "\"d,e\" <f,g>" };
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		assert_true(trace_values_next(&values, &value));
		assert_true(slice_eq(value, slice_of(wanted[i])));
	}
	assert_false(trace_values_next(&values, &value));
	assert_false(trace_values_next(&values, &value));
}

/* A stranger's message may hold thousands of values; looked for one by one from the start, each of these lines would
 * take as long as the square of them: minutes. */
static void thousands_of_values_cost_one_walk(void **state)
{
	static const char *const lines[] = { "INVITE sip:a@b SIP/2.0\r\nVia: ", "SIP/2.0 200 OK\r\nRecord-Route: ",
					     "BYE sip:a@b SIP/2.0\r\nRoute: " };
	struct fixture *f = *state;
	struct buf message;

	buf_init(&message, 65536);
	for (size_t i = 0; i < ARRAY_LEN(lines) * 8; i++) {
		buf_clear(&message);
		buf_printf(&message, "%s", lines[i % ARRAY_LEN(lines)]);
		while (message.n < 60000)
			buf_printf(&message, "a sip:x,");
		buf_printf(&message, "y\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n\r\n");
		add(f, i % ARRAY_LEN(lines) == 2, &f->proxy, buf_text(&message));
	}
	char *text = draw(f, "one", 140);
	assert_non_null(strstr(text, "x:5060"));
	free(text);
	buf_fini(&message);
}

static const char routed[] = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa\r\n"
			     "Record-Route: <sip:edge.biloxi.com;lr>, \"a, b\" <sip:192.0.2.2:5060;lr>\r\n"
			     "Contact: <sip:bob@192.0.2.77>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n\r\n";
static const char came_far[] = "BYE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKb,\r\n"
			       "  SIP/2.0/TLS edge.biloxi.com;branch=z9hG4bKc\r\n"
			       "v: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKd\r\nCall-ID: one\r\nCSeq: 9 BYE\r\n\r\n";
static const char routed_ack[] =
	"ACK sip:bob@192.0.2.77 SIP/2.0\r\nVia: x\r\nRoute: <sip:192.0.2.2;lr>,<sip:edge.biloxi.com;lr>\r\n"
	"Call-ID: one\r\nCSeq: 1 ACK\r\n\r\n";

/* What Record-Route, Via, Route and Contact tell: two proxies and who is behind them. */
static void those_behind_have_a_line(void **state)
{
	struct fixture *f = *state;

	add(f, true, &f->proxy, invite);
	add(f, false, &f->proxy,
	    "SIP/2.0 100 Trying\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\nContact: <sip:x@192.0.2.99>\r\n\r\n");
	add(f, false, &f->proxy, routed);
	add(f, true, &f->proxy, routed_ack);
	add(f, false, &f->proxy, came_far);
	char *text = draw(f, "one", 140);
	assert_line(text, 0, "   you                               192.0.2.2:5060");
	assert_non_null(strstr(text, "edge.biloxi.com:5060"));
	assert_non_null(strstr(text, "192.0.2.77:5060"));
	assert_null(strstr(text, "192.0.2.99"));
	/* The INVITE tells of nobody behind; the 200 came all the way, the ACK goes all the way. */
	assert_line(text, 2, "    |-------------------------------------->|                                       |");
	assert_line(text, 6, "    |<--------------------------------------|<......................................+");
	assert_line(text, 8,
		    "    |-------------------------------------->|.......................................+"
		    "......................................>|");
	assert_line(text, 10, "    |<--------------------------------------|<......................................+");
	free(text);
}

static void a_cut_label_ends_in_an_ellipsis(void **state)
{
	struct fixture *f = *state;

	add(f, false, &f->proxy,
	    "SIP/2.0 480 Nobody whom we know by that name lives in this house any more, alas\r\nCall-ID: one\r\n\r\n");
	char *text = draw(f, "one", 60);
	assert_non_null(strstr(text, "~|"));
	free(text);
}

static void registrations_and_texts_are_picked(void **state)
{
	struct fixture *f = *state;
	const struct trace_filter registering = { .registering = SLICE_INIT("alice@atlanta.com") },
				  matching = { .match = SLICE_INIT("BILOXI") };

	add(f, true, &f->proxy,
	    "REGISTER sip:atlanta.com SIP/2.0\r\nt: <sip:Alice@atlanta.com>\r\nCSeq: 1 REGISTER\r\n\r\n");
	assert_true(trace_wanted(trace_latest(f->trace), &registering));
	assert_false(trace_wanted(trace_latest(f->trace), &matching));
	add(f, true, &f->proxy,
	    "REGISTER sip:atlanta.com SIP/2.0\r\nTo: <sip:bob@atlanta.com>\r\nCSeq: 1 REGISTER\r\n\r\n");
	assert_false(trace_wanted(trace_latest(f->trace), &registering));
	add(f, true, &f->proxy, invite);
	assert_false(trace_wanted(trace_latest(f->trace), &registering));
	assert_true(trace_wanted(trace_latest(f->trace), &matching));
}

static void secrets_are_masked_in_their_length(void **state)
{
	static const char secret[] =
		"REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"alice\", response=\"0123456789abcdef\"\r\n"
		"Proxy-Authorization: Bearer c2VjcmV0\r\nContent-Length: 99\r\n\r\n"
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4\r\n";
	struct buf masked;

	(void)state;
	buf_init(&masked, 4096);
	trace_mask(slice_of(secret), &masked);
	assert_int_equal(masked.n, sizeof secret - 1);
	assert_non_null(strstr(buf_text(&masked), "response=\"xxxxxxxxxxxxxxxx\"\r\n"));
	assert_non_null(strstr(buf_text(&masked), "username=\"alice\""));
	assert_null(strstr(buf_text(&masked), "c2VjcmV0"));
	assert_null(strstr(buf_text(&masked), "WVNf"));
	assert_non_null(strstr(buf_text(&masked), "|2^20|1:4\r\n"));
	buf_clear(&masked);
	trace_mask(SLICE("no end of line"), &masked);
	assert_string_equal(buf_text(&masked), "no end of line");
	buf_fini(&masked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(arrows_numbers_and_times, setup, teardown),
		cmocka_unit_test_setup_teardown(two_peers_have_two_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(one_call_only, setup, teardown),
		cmocka_unit_test_setup_teardown(no_line_is_wider_than_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(the_ring_forgets_the_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(fields_without_a_place_are_marked, setup, teardown),
		cmocka_unit_test(call_ids_are_found),
		cmocka_unit_test(values_are_found_one_by_one),
		cmocka_unit_test_setup_teardown(thousands_of_values_cost_one_walk, setup, teardown),
		cmocka_unit_test_setup_teardown(those_behind_have_a_line, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cut_label_ends_in_an_ellipsis, setup, teardown),
		cmocka_unit_test_setup_teardown(registrations_and_texts_are_picked, setup, teardown),
		cmocka_unit_test(secrets_are_masked_in_their_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
