/* Offers and answers of one call with several early dialogs, and what its stream becomes. */
#include "tests/unit/phone/phone_fixture.h"

#define ANSWER(port, formats, rest)                                                                                    \
	"v=0\r\no=bob 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio " port " RTP/AVP " formats \
	"\r\n" rest

static struct phone *phone_of(struct world *world)
{
	return world->phones[0] ? world->phones[0] : world_phone(world, 0, false);
}

static void open_media(struct world *world, struct call_media *media, const char *codec)
{
	struct phone *phone = phone_of(world);
	struct address local;

	assert_true(address_parse(&local, SLICE("127.0.0.1"), 0));
	media_init_alone(media, phone, 1, false);
	assert_int_equal(media_open(media, &local, codec, MEDIA_CLEAR), ERR_NONE);
}

static char *offer_of(struct call_media *media)
{
	struct buf offer;

	buf_init(&offer, 2 * SDP_MAX);
	media_offer(media, &offer);
	return buf_take(&offer);
}

/* We offer, and the peer, the only one, answers this. */
static void offer_answered(struct call_media *media, const char *answer, bool final)
{
	free(offer_of(media));
	assert_true(media_take_answer(media, 0, slice_of(answer), final));
}

static void the_leg_that_answers_counts(void **state)
{
	struct world *world = *state;
	struct call_media media;

	open_media(world, &media, NULL);
	/* The first early dialog is heard; the second waits. */
	offer_answered(&media, ANSWER("40000", "0", ""), false);
	assert_string_equal(media_codec_in_use(&media), "PCMU");
	assert_int_equal(address_port(&media.plan.config.rtp), 40000);
	assert_true(media_take_answer(&media, 1, SLICE(ANSWER("40002", "8", "a=ptime:30\r\n")), false));
	assert_int_equal(address_port(&media.plan.config.rtp), 40000);
	struct stream *stream = media.stream;
	assert_non_null(stream);
	/* The second answers without saying it again. */
	assert_true(media_choose_leg(&media, 1));
	assert_string_equal(media_codec_in_use(&media), "PCMA");
	assert_int_equal(address_port(&media.plan.config.rtp), 40002);
	assert_int_equal(address_port(&media.plan.config.rtcp), 40003);
	assert_int_equal(media.plan.config.send.ptime_ms, 30);
	assert_ptr_equal(media.stream, stream);
	media_close(&media);
}

#define KEYS(port, tag, suite, key)                                                                                    \
	"v=0\r\no=bob 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio " port                     \
	" RTP/SAVP 0\r\na=crypto:" tag " " suite " inline:" key "\r\n"
#define KEY_X "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"
#define KEY_Y "eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5"

static void every_leg_has_its_key(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct call_media media;
	struct address local;
	struct buf answer;

	assert_true(address_parse(&local, SLICE("127.0.0.1"), 0));
	media_init_alone(&media, phone, 1, false);
	assert_int_equal(media_open(&media, &local, "PCMU", MEDIA_ENCRYPTION_REQUIRED), ERR_NONE);
	char *offer = offer_of(&media);
	assert_non_null(strstr(offer, " RTP/SAVP "));
	assert_string_equal(media_encryption_in_use(&media), "");
	assert_false(media_take_answer(&media, 0, SLICE(ANSWER("40000", "0", "")), false));
	assert_true(media_take_answer(&media, 0, SLICE(KEYS("40000", "4", "AES_CM_128_HMAC_SHA1_80", KEY_X)), false));
	const struct stream_protection *protection = &media.plan.config.protection;
	assert_int_equal(protection->receive[0].bytes[29], 'x');
	assert_true(media_take_answer(&media, 1, SLICE(KEYS("40002", "5", "AES_CM_128_HMAC_SHA1_32", KEY_Y)), true));
	assert_int_equal(protection->receive[0].bytes[29], 'y');
	assert_string_equal(media_encryption_in_use(&media), "AES_CM_128_HMAC_SHA1_32");
	struct stream_key ours = protection->send;
	/* On hold the suite in use is the first choice, and our key is the same. */
	media_set_held(&media, true);
	char *hold = offer_of(&media);
	assert_non_null(strstr(hold, "a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:"));
	assert_true(media_take_answer(&media, 1, SLICE(KEYS("40002", "1", "AES_CM_128_HMAC_SHA1_32", KEY_Y)), true));
	assert_memory_equal(&protection->send, &ours, sizeof ours);
	/* The peer offers, with another key. */
	buf_init(&answer, 2 * SDP_MAX);
	assert_int_equal(
		media_answer_offer(&media, SLICE(KEYS("40002", "9", "AES_CM_128_HMAC_SHA1_32", KEY_X)), &answer), 0);
	assert_non_null(strstr(buf_text(&answer), "a=crypto:9 AES_CM_128_HMAC_SHA1_32 inline:"));
	assert_int_equal(protection->receive[0].bytes[29], 'x');
	assert_memory_equal(&protection->send, &ours, sizeof ours);
	buf_clear(&answer);
	assert_int_equal(media_answer_offer(&media, SLICE(ANSWER("40002", "0", "")), &answer), 488);
	assert_string_equal(media_encryption_in_use(&media), "AES_CM_128_HMAC_SHA1_32");
	buf_fini(&answer);
	free(offer);
	free(hold);
	media_close(&media);
}

/* What the peer says of its receiver: RFC 7587 6.1, RFC 3890, b=AS. */
static void the_peers_limits_are_kept(void **state)
{
	static const struct {
		const char *rest;
		enum media_codec codec;
		uint32_t bitrate, rate_hz;
		bool fec, dtx, cbr;
		uint32_t ptime_ms;
	} cases[] = {
		{ "", MEDIA_OPUS, 0, 0, false, false, false, 20 },
		{ "a=fmtp:96 maxaveragebitrate=20000; maxplaybackrate=16000;useinbandfec=1; "
		  "stereo=1;usedtx=1;cbr=1;x=y\r\n",
		  MEDIA_OPUS, 20000, 16000, true, true, true, 20 },
		{ "a=fmtp:96 maxaveragebitrate=5999;maxplaybackrate=7999;useinbandfec=2;cbr\r\n", MEDIA_OPUS, 0, 0,
		  false, false, false, 20 },
		{ "a=fmtp:96 maxaveragebitrate=510001;maxplaybackrate=48000;sprop-maxcapturerate=8000\r\n", MEDIA_OPUS,
		  0, 0, false, false, false, 20 },
		{ "b=TIAS:40000\r\n", MEDIA_OPUS, 40000 - 50 * 96, 0, false, false, false, 20 },
		{ "b=AS:40\r\n", MEDIA_OPUS, 40000 - 50 * 320, 0, false, false, false, 20 },
		{ "b=AS:40\r\nb=TIAS:20000\r\na=ptime:40\r\n", MEDIA_OPUS, 20000 - 25 * 96, 0, false, false, false,
		  40 },
		{ "b=AS:40\r\na=fmtp:96 maxaveragebitrate=8000\r\na=ptime:60\r\na=maxptime:40\r\n", MEDIA_OPUS, 8000, 0,
		  false, false, false, 40 },
		{ "b=AS:1\r\n", MEDIA_OPUS, 1, 0, false, false, false, 20 },
		/* one parameter at a time; what concerns what the peer sends changes nothing of what it gets */
		{ "a=fmtp:96 maxplaybackrate=8000\r\n", MEDIA_OPUS, 0, 8000, false, false, false, 20 },
		{ "a=fmtp:96 sprop-maxcapturerate=16000\r\n", MEDIA_OPUS, 0, 0, false, false, false, 20 },
		{ "a=fmtp:96 maxaveragebitrate=6000\r\n", MEDIA_OPUS, 6000, 0, false, false, false, 20 },
		{ "a=fmtp:96 maxaveragebitrate=510000\r\n", MEDIA_OPUS, 510000, 0, false, false, false, 20 },
		{ "a=fmtp:96 stereo=1;sprop-stereo=1\r\n", MEDIA_OPUS, 0, 0, false, false, false, 20 },
		{ "a=fmtp:96 CBR = 1\r\n", MEDIA_OPUS, 0, 0, false, false, true, 20 },
		{ "a=fmtp:96 UseInbandFEC=1\r\n", MEDIA_OPUS, 0, 0, true, false, false, 20 },
		{ "a=fmtp:96 useinbandfec=0;usedtx=1\r\n", MEDIA_OPUS, 0, 0, false, true, false, 20 },
		/* lengths of packets: minptime of the drafts, what the line says before it */
		{ "a=fmtp:96 minptime=10\r\n", MEDIA_OPUS, 0, 0, false, false, false, 20 },
		{ "a=fmtp:96 minptime=40\r\n", MEDIA_OPUS, 0, 0, false, false, false, 40 },
		{ "a=fmtp:96 minptime=20\r\na=ptime:10\r\n", MEDIA_OPUS, 0, 0, false, false, false, 20 },
		{ "a=fmtp:96 minptime=60\r\na=maxptime:40\r\n", MEDIA_OPUS, 0, 0, false, false, false, 40 },
		{ "a=fmtp:96 minptime=4294967295\r\n", MEDIA_OPUS, 0, 0, false, false, false, 60 },
		{ "a=ptime:3\r\na=maxptime:3\r\n", MEDIA_OPUS, 0, 0, false, false, false, 10 },
		{ "a=ptime:120\r\n", MEDIA_OPUS, 0, 0, false, false, false, 60 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct call_media media;
		char text[600];
		open_media(*state, &media, NULL);
		snprintf(text, sizeof text, ANSWER("40000", "96 0", "%sa=rtpmap:96 opus/48000/2\r\n"), cases[i].rest);
		offer_answered(&media, text, true);
		const struct stream_codec *send = &media.plan.config.send;
		if (send->codec != cases[i].codec || send->max_bitrate != cases[i].bitrate ||
		    send->max_rate_hz != cases[i].rate_hz || send->fec != cases[i].fec || send->dtx != cases[i].dtx ||
		    send->cbr != cases[i].cbr || send->ptime_ms != cases[i].ptime_ms)
			fail_msg("%s", cases[i].rest);
		media_close(&media);
	}
}

/* RFC 6141 3.4: a re-INVITE whose answer came in a reliable 1xx and that failed all the same. */
static void a_refused_offer_that_was_answered_early_is_undone(void **state)
{
	struct call_media media;

	open_media(*state, &media, NULL);
	offer_answered(&media, ANSWER("40000", "0", ""), true);
	char *changed = offer_of(&media);
	assert_true(media_take_answer(&media, 0, SLICE(ANSWER("40010", "8", "")), false));
	assert_string_equal(media_codec_in_use(&media), "PCMA");
	media_offer_refused(&media);
	assert_string_equal(media_codec_in_use(&media), "PCMU");
	assert_int_equal(address_port(&media.plan.config.rtp), 40000);
	/* The version in o= never goes back. */
	media.held = true;
	char *next = offer_of(&media);
	assert_string_not_equal(next, changed);
	assert_true(strcmp(strstr(next, "o="), strstr(changed, "o=")) > 0);
	/* One that was accepted for good is not undone by a later refusal. */
	assert_true(media_take_answer(&media, 0, SLICE(ANSWER("40020", "0", "a=recvonly\r\n")), true));
	media_offer_stands(&media);
	media_offer_refused(&media);
	assert_int_equal(address_port(&media.plan.config.rtp), 40020);
	free(changed);
	free(next);
	media_close(&media);
}

static void a_codec_that_goes_through_is_sent(void **state)
{
	struct call_media media;

	open_media(*state, &media, NULL);
	offer_answered(&media, ANSWER("40000", "0 96", "b=AS:32\r\na=rtpmap:96 opus/48000/2\r\n"), true);
	assert_string_equal(media_codec_in_use(&media), "opus");
	assert_int_equal(media.plan.config.send_event.clock_rate, 0);
	/* Where none does, what was agreed on is sent all the same. */
	offer_answered(&media, ANSWER("40000", "8", "b=AS:32\r\n"), true);
	assert_string_equal(media_codec_in_use(&media), "PCMA");
	media_close(&media);
}

static void our_own_limit(void **state)
{
	struct call_media media;
	struct failure failure;

	assert_true(phone_set(phone_of(*state), SLICE("media.max-bitrate"), SLICE("24000"), false, &failure));
	open_media(*state, &media, "opus");
	char *offer = offer_of(&media);
	assert_non_null(strstr(offer, "\r\nb=AS:40\r\nb=TIAS:28800\r\n"));
	assert_non_null(strstr(offer, "useinbandfec=1;maxaveragebitrate=24000\r\n"));
	assert_non_null(strstr(offer, "a=rtcp-mux\r\n"));
	free(offer);
	assert_true(media_take_answer(
		&media, 0, SLICE(ANSWER("40000", "96", "a=rtpmap:96 opus/48000/2\r\na=rtcp-mux\r\n")), true));
	assert_int_equal(media.plan.config.send.max_bitrate, 24000);
	assert_true(media.plan.config.rtcp_mux);
	assert_int_equal(address_port(&media.plan.config.rtcp), 40000);
	media_close(&media);
	assert_true(phone_set(phone_of(*state), SLICE("media.max-bitrate"), SLICE("0"), false, &failure));
}

static void a_third_leg_answers_at_once(void **state)
{
	struct world *world = *state;
	struct call_media media;

	open_media(world, &media, NULL);
	offer_answered(&media, ANSWER("40000", "0", ""), false);
	/* More early dialogs than are remembered: none of them hurts. */
	for (int leg = 1; leg < 3 * MEDIA_LEGS_MAX; leg++)
		assert_true(media_take_answer(&media, leg, SLICE(ANSWER("40004", "0", "")), false));
	assert_true(media_take_answer(&media, 99, SLICE(ANSWER("40006", "8", "")), true));
	assert_int_equal(address_port(&media.plan.config.rtp), 40006);
	assert_false(media_take_answer(&media, 99, SLICE("no description"), true));
	media_close(&media);
	media_close(&media);
}

static void hold_changes_one_line(void **state)
{
	struct world *world = *state;
	struct call_media media;

	open_media(world, &media, "PCMU");
	char *first = offer_of(&media);
	assert_true(media_take_answer(&media, 0, SLICE(ANSWER("40000", "0", "")), true));
	assert_true(media.plan.config.sends && media.plan.config.receives);
	media_set_held(&media, true);
	char *second = offer_of(&media);
	assert_non_null(strstr(first, "a=sendrecv"));
	assert_non_null(strstr(second, "a=sendonly"));
	assert_true(media_take_answer(&media, 0, SLICE(ANSWER("40000", "0", "a=recvonly\r\n")), true));
	assert_false(media.plan.config.sends || media.plan.config.receives);
	assert_false(media.plan.peer_holds);
	media_set_held(&media, false);
	char *third = offer_of(&media);
	assert_non_null(strstr(third, "a=sendrecv"));
	media_offer_refused(&media);
	free(first);
	free(second);
	free(third);
	media_close(&media);
}

static enum err send_a_digit(struct call_media *media)
{
	return engine_dtmf(media->phone->engine, media->stream, "1", &(struct engine_digits){ .audible = true });
}

/* An ACK that comes late lets sound leave again, but not of a call that was put on hold meanwhile. */
static void a_late_ack_does_not_end_a_hold(void **state)
{
	struct world *world = *state;
	struct call_media media;

	open_media(world, &media, "PCMU");
	offer_answered(&media, ANSWER("40000", "0", ""), true);
	assert_true(media_sends(&media));
	assert_int_equal(send_a_digit(&media), ERR_NONE);
	media_withhold(&media, true);
	assert_int_equal(send_a_digit(&media), ERR_STATE);
	media_set_held(&media, true);
	assert_false(media_sends(&media));
	media_withhold(&media, false);
	assert_int_equal(send_a_digit(&media), ERR_STATE);
	media_set_held(&media, false);
	assert_int_equal(send_a_digit(&media), ERR_NONE);
	media_close(&media);
}

static void the_peer_holds_in_three_ways(void **state)
{
	static const char *const held[] = {
		ANSWER("40000", "0", "a=sendonly\r\n"),
		ANSWER("40000", "0", "a=inactive\r\n"),
		"v=0\r\no=bob 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n",
	};
	struct world *world = *state;
	struct call_media media;
	struct buf answer;

	open_media(world, &media, NULL);
	buf_init(&answer, 2 * SDP_MAX);
	assert_int_equal(media_answer_offer(&media, SLICE(ANSWER("40000", "0", "")), &answer), 0);
	assert_false(media.plan.peer_holds);
	for (size_t i = 0; i < ARRAY_LEN(held); i++) {
		buf_clear(&answer);
		assert_int_equal(media_answer_offer(&media, slice_of(held[i]), &answer), 0);
		assert_true(media.plan.peer_holds);
		assert_false(media.plan.config.sends);
		buf_clear(&answer);
		assert_int_equal(media_answer_offer(&media, SLICE(ANSWER("40000", "0", "")), &answer), 0);
		assert_false(media.plan.peer_holds);
		assert_true(media.plan.config.sends);
	}
	buf_clear(&answer);
	assert_int_equal(media_answer_offer(&media, SLICE("rubbish"), &answer), 488);
	assert_int_equal(media_answer_offer(&media, SLICE(ANSWER("40000", "18", "")), &answer), 488);
	assert_true(media.plan.config.sends);
	buf_fini(&answer);
	media_close(&media);
}

static void opus_as_the_peer_wants_it(void **state)
{
	struct world *world = *state;
	struct call_media media;
	struct buf answer;

	open_media(world, &media, NULL);
	buf_init(&answer, 2 * SDP_MAX);
	assert_int_equal(media_answer_offer(&media,
					    SLICE(ANSWER("40000", "109 101 102",
							 "a=rtpmap:109 opus/48000/2\r\na=fmtp:109 useinbandfec=1; "
							 "maxaveragebitrate=20000;usedtx=1;cbr=0\r\n"
							 "a=rtpmap:101 telephone-event/48000\r\na=rtpmap:102 "
							 "telephone-event/8000\r\na=maxptime:10\r\n")),
					    &answer),
			 0);
	const struct stream_config *config = &media.plan.config;
	assert_int_equal(config->send.codec, MEDIA_OPUS);
	assert_int_equal(config->send.payload_type, 109);
	assert_int_equal(config->send.max_bitrate, 20000);
	assert_true(config->send.fec && config->send.dtx && !config->send.cbr);
	assert_int_equal(config->send.ptime_ms, 10);
	assert_true(config->has_send_event);
	assert_int_equal(config->send_event.payload_type, 101);
	assert_int_equal(config->send_event.clock_rate, 48000);
	buf_fini(&answer);
	media_close(&media);
}

/* RFC 7587 6.1: what is said of devices of little rate. */
static void opus_as_the_devices_are(void **state)
{
	static const struct {
		const char *list, *said, *not_said;
	} cases[] = {
		{ "in\tdefault\tALSA\t16000\tHeadset\nout\tdefault\tALSA\t48000\tCard\n",
		  "useinbandfec=1;sprop-maxcapturerate=16000\r\n", "maxplaybackrate" },
		{ "in\tdefault\tALSA\t44100\tCard\nout\tdefault\tALSA\t8000\tHeadset\n",
		  "useinbandfec=1;maxplaybackrate=8000\r\n", "sprop-" },
		/* the next rate of Opus above, so that nothing is lost */
		{ "in\tdefault\tALSA\t11025\tA\nout\tdefault\tALSA\t22050\tA\n",
		  "useinbandfec=1;maxplaybackrate=24000;sprop-maxcapturerate=12000\r\n", "stereo" },
		{ "in\t-\tALSA\t8000\tOther\nin\tdefault\tALSA\t48000\tCard\nout\tdefault\tALSA\tx\tCard\n",
		  "useinbandfec=1\r\n", "rate=" },
	};
	struct world *world = *state;
	struct phone *phone = phone_of(world);

	must_set(phone, "audio.input", "default");
	must_set(phone, "audio.output", "default");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct call_media media;
		devices_listed(phone, slice_of(cases[i].list));
		open_media(world, &media, "opus");
		char *offer = offer_of(&media);
		if (!strstr(offer, cases[i].said) || strstr(offer, cases[i].not_said))
			fail_msg("%s: %s", cases[i].list, offer);
		free(offer);
		media_close(&media);
	}
	must_set(phone, "audio.input", "other");
	must_set(phone, "audio.output", "null");
	struct call_media media;
	open_media(world, &media, "opus");
	char *offer = offer_of(&media);
	assert_non_null(strstr(offer, "useinbandfec=1;sprop-maxcapturerate=8000\r\n"));
	free(offer);
	media_close(&media);
}

/* RFC 7587 7: stereo and sprop-stereo say each of one side alone; ours takes both and has one channel. */
static void stereo_is_answered(void **state)
{
	struct world *world = *state;
	struct call_media media;
	struct buf answer;

	open_media(world, &media, NULL);
	buf_init(&answer, 2 * SDP_MAX);
	assert_int_equal(media_answer_offer(&media,
					    SLICE(ANSWER("40000", "109",
							 "a=rtpmap:109 opus/48000/2\r\na=fmtp:109 stereo=1;"
							 "sprop-stereo=1;sprop-maxcapturerate=48000\r\n")),
					    &answer),
			 0);
	assert_non_null(strstr(buf_text(&answer), "a=rtpmap:109 opus/48000/2\r\n"));
	assert_non_null(strstr(buf_text(&answer), "a=fmtp:109 useinbandfec=1\r\n"));
	assert_null(strstr(buf_text(&answer), "stereo"));
	assert_false(media.plan.config.send.fec);
	buf_fini(&answer);
	media_close(&media);
}

/* Pauses are offered on request: one CN for each clock rate of codecs that have no pauses of their own. */
static void pauses_are_planned(void **state)
{
	struct world *world = *state;
	struct call_media media;
	struct buf answer;

	open_media(world, &media, "opus PCMU L16/16000");
	char *offer = offer_of(&media);
	assert_null(strstr(offer, "CN/"));
	assert_null(strstr(offer, "usedtx"));
	free(offer);
	assert_true(media_take_answer(&media, 0, SLICE(ANSWER("40000", "0 13", "")), true));
	assert_false(media.plan.config.has_send_comfort); /* that was not offered */
	media_close(&media);

	assert_true(settings_set(world->phones[0]->settings, setting_find(SLICE("media.dtx")), SLICE("on"), NULL));
	open_media(world, &media, "opus PCMU L16/16000");
	offer = offer_of(&media);
	assert_non_null(strstr(offer, "useinbandfec=1;usedtx=1\r\n"));
	assert_non_null(strstr(offer, "a=rtpmap:13 CN/8000\r\n"));
	assert_non_null(strstr(offer, " CN/16000\r\n"));
	assert_null(strstr(offer, "CN/48000"));
	free(offer);
	assert_true(media_take_answer(&media, 0, SLICE(ANSWER("40000", "0 13", "")), true));
	const struct stream_config *config = &media.plan.config;
	assert_true(config->has_send_comfort);
	assert_int_equal(config->send_comfort, 13);
	assert_int_equal(config->receive_comfort_count, 1);
	buf_init(&answer, 2 * SDP_MAX);
	assert_int_equal(media_answer_offer(&media,
					    SLICE(ANSWER("40000", "97 98 13",
							 "a=rtpmap:97 L16/16000\r\na=rtpmap:98 CN/16000\r\n")),
					    &answer),
			 0);
	assert_non_null(memmem(buf_slice(&answer).p, buf_slice(&answer).n, "CN/16000", 8));
	assert_null(memmem(buf_slice(&answer).p, buf_slice(&answer).n, "CN/8000", 7)); /* no voice of that clock */
	assert_true(config->has_send_comfort);
	assert_int_equal(config->send_comfort, 98);
	buf_fini(&answer);
	media_close(&media);
}

/* Redundancy that the peer agrees to may be sent and received under the numbers of each side. */
static void redundancy_is_planned(void **state)
{
	struct world *world = *state;
	struct call_media media;

	open_media(world, &media, "PCMU");
	char *offer = offer_of(&media);
	assert_non_null(strstr(offer, "a=rtpmap:96 red/8000\r\na=fmtp:96 0/0\r\n"));
	free(offer);
	assert_true(media_take_answer(&media, 0,
				      SLICE(ANSWER("40000", "0 121", "a=rtpmap:121 red/8000\r\na=fmtp:121 0/0\r\n")),
				      false));
	assert_true(media.plan.config.has_send_red);
	assert_int_equal(media.plan.config.send_red, 121);
	assert_int_equal(media.plan.config.receive_red_count, 1);
	assert_int_equal(media.plan.config.receive_reds[0].payload_type, 96);
	media_close(&media);
	/* and one that does not take it gets none */
	open_media(world, &media, "PCMU");
	offer_answered(&media, ANSWER("40000", "0", ""), false);
	assert_false(media.plan.config.has_send_red);
	media_close(&media);
}

static void no_codec_and_no_port(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct call_media media, second;
	struct address local;

	assert_true(address_parse(&local, SLICE("127.0.0.1"), 0));
	media_init_alone(&media, phone, 1, false);
	media_init_alone(&second, phone, 2, false);
	assert_int_equal(media_open(&media, &local, "G729", MEDIA_CLEAR), ERR_NOT_FOUND);
	must_set(phone, "media.ports", world_ports(2));
	assert_int_equal(media_open(&media, &local, NULL, MEDIA_CLEAR), ERR_NONE);
	assert_int_not_equal(media_open(&second, &local, NULL, MEDIA_CLEAR), ERR_NONE);
	/* A call that never had sound gives its port back. */
	media_close(&media);
	assert_int_equal(media_open(&second, &local, NULL, MEDIA_CLEAR), ERR_NONE);
	media_close(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_leg_that_answers_counts, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(every_leg_has_its_key, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_peers_limits_are_kept, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_codec_that_goes_through_is_sent, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(our_own_limit, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_third_leg_answers_at_once, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(hold_changes_one_line, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_late_ack_does_not_end_a_hold, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_refused_offer_that_was_answered_early_is_undone, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(the_peer_holds_in_three_ways, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(opus_as_the_peer_wants_it, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(opus_as_the_devices_are, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(stereo_is_answered, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(redundancy_is_planned, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(pauses_are_planned, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(no_codec_and_no_port, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
