/* Packets sealed and opened, by every suite; then two engines whose keys change while they talk. */
#include "media/rtp.h"
#include "media/srtp.h"

#include "../unit.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAYLOAD = 160, ROOM = 1500 };

struct packet {
	_Alignas(4) uint8_t bytes[ROOM];
	size_t n;
};

static struct packet rtp(uint16_t sequence, uint32_t ssrc)
{
	uint8_t payload[PAYLOAD];
	struct packet packet;
	struct rtp_packet header = { .payload_type = 8,
				     .sequence = sequence,
				     .timestamp = sequence * 160u,
				     .ssrc = ssrc,
				     .payload = payload,
				     .payload_bytes = sizeof payload };

	memset(payload, 0x5a, sizeof payload);
	packet.n = rtp_print(&header, packet.bytes, sizeof packet.bytes);
	return packet;
}

static struct stream_protection protection_of(enum stream_suite suite)
{
	struct stream_protection protection = { .suite = suite, .receive_count = 1 };

	for (size_t i = 0; i < stream_suite_key_bytes(suite); i++)
		protection.send.bytes[i] = protection.receive[0].bytes[i] = (uint8_t)(i * 7 + 1);
	return protection;
}

static struct packet sealed(struct secure *sender, uint16_t sequence, uint32_t ssrc)
{
	struct packet packet = rtp(sequence, ssrc);

	assert_true(secure_seal(sender, packet.bytes, &packet.n, false));
	return packet;
}

static enum secure_verdict opens(struct secure *receiver, struct packet packet)
{
	return secure_open(receiver, packet.bytes, &packet.n, false);
}

static void every_suite(void **state)
{
	/* RFC 4568 6.2, RFC 6188 4, RFC 7714 12: the tag behind an SRTP packet, an SRTCP packet without its index. */
	static const struct { const char *name; size_t tag, rtcp_tag; } table[] = {
		{ "AES_CM_128_HMAC_SHA1_80", 10, 10 }, { "AES_CM_128_HMAC_SHA1_32", 4, 10 },
		{ "AES_192_CM_HMAC_SHA1_80", 10, 10 }, { "AES_192_CM_HMAC_SHA1_32", 4, 10 },
		{ "AES_256_CM_HMAC_SHA1_80", 10, 10 }, { "AES_256_CM_HMAC_SHA1_32", 4, 10 },
		{ "AEAD_AES_128_GCM", 16, 16 },        { "AEAD_AES_256_GCM", 16, 16 },
	};
	static const uint8_t report[] = { 0x80, 201, 0, 1, 1, 2, 3, 4 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		enum stream_suite suite;
		assert_true(stream_suite_find(slice_of(table[i].name), &suite));
		assert_string_equal(stream_suite_name(suite), table[i].name);
		assert_true(secure_can(suite));
		struct stream_protection protection = protection_of(suite);
		struct secure *sender = secure_new_sender(&protection), *receiver = secure_new_receiver(&protection);
		struct packet clear = rtp(7, 99), packet = sealed(sender, 7, 99);
		assert_int_equal(packet.n, clear.n + table[i].tag);
		assert_memory_equal(packet.bytes, clear.bytes, RTP_HEADER_BYTES);
		assert_memory_not_equal(packet.bytes + RTP_HEADER_BYTES, clear.bytes + RTP_HEADER_BYTES, PAYLOAD);
		assert_int_equal(secure_open(receiver, packet.bytes, &packet.n, false), SECURE_GOOD);
		assert_int_equal(packet.n, clear.n);
		assert_memory_equal(packet.bytes, clear.bytes, clear.n);

		struct packet rtcp = { .n = sizeof report };
		memcpy(rtcp.bytes, report, sizeof report);
		assert_true(secure_seal(sender, rtcp.bytes, &rtcp.n, true));
		assert_int_equal(rtcp.n, sizeof report + 4 + table[i].rtcp_tag);
		assert_int_equal(secure_open(receiver, rtcp.bytes, &rtcp.n, true), SECURE_GOOD);
		assert_memory_equal(rtcp.bytes, report, sizeof report);
		secure_free(sender);
		secure_free(receiver);
	}
	assert_false(stream_suite_find(SLICE("F8_128_HMAC_SHA1_80"), &(enum stream_suite){ 0 }));
	assert_false(stream_suite_find(SLICE("none"), &(enum stream_suite){ 0 }));
}

static void forged_and_replayed(void **state)
{
	struct stream_protection protection = protection_of(STREAM_AES_CM_128_HMAC_SHA1_80), other = protection;
	struct secure *sender = secure_new_sender(&protection), *receiver = secure_new_receiver(&protection);

	(void)state;
	other.send.bytes[3] ^= 1;
	struct secure *stranger = secure_new_sender(&other);
	struct packet first = sealed(sender, 1000, 5), second = sealed(sender, 1001, 5), bent = second;
	bent.bytes[40] ^= 1;
	assert_int_equal(opens(receiver, bent), SECURE_FORGED);
	assert_int_equal(opens(receiver, sealed(stranger, 1002, 5)), SECURE_FORGED);
	assert_int_equal(opens(receiver, rtp(1003, 5)), SECURE_FORGED);
	assert_int_equal(opens(receiver, (struct packet){ .bytes = { 0, 1 }, .n = 20 }), SECURE_NONE);
	assert_int_equal(opens(receiver, (struct packet){ .bytes = { 0x80 }, .n = 11 }), SECURE_NONE);
	/* In any order, once each. */
	assert_int_equal(opens(receiver, second), SECURE_GOOD);
	assert_int_equal(opens(receiver, first), SECURE_GOOD);
	assert_int_equal(opens(receiver, second), SECURE_REPLAYED);
	assert_int_equal(opens(receiver, first), SECURE_REPLAYED);
	for (uint16_t i = 0; i < 400; i++)
		assert_int_equal(opens(receiver, sealed(sender, (uint16_t)(1002 + i), 5)), SECURE_GOOD);
	assert_int_equal(opens(receiver, first), SECURE_REPLAYED);
	/* A number seals once. */
	struct packet again = rtp(1001, 5);
	assert_false(secure_seal(sender, again.bytes, &again.n, false));
	secure_free(sender);
	secure_free(receiver);
	secure_free(stranger);
}

/* The roll-over counter is not in the packet: both sides count. */
static void numbers_wrap(void **state)
{
	struct stream_protection protection = protection_of(STREAM_AEAD_AES_128_GCM);
	struct secure *sender = secure_new_sender(&protection), *receiver = secure_new_receiver(&protection);

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		for (uint32_t sequence = i ? 0 : 30000; sequence < 65536; sequence++)
			if (opens(receiver, sealed(sender, (uint16_t)sequence, 5)) != SECURE_GOOD)
				fail_msg("sequence %u after %u wraps", sequence, i);
	secure_free(sender);
	secure_free(receiver);
}

static void sources_come_and_go(void **state)
{
	struct stream_protection protection = protection_of(STREAM_AES_CM_128_HMAC_SHA1_32);
	struct secure *sender = secure_new_sender(&protection), *receiver = secure_new_receiver(&protection);
	struct packet kept = sealed(sender, 1, 2), oldest = sealed(sender, 1, 1);

	(void)state;
	assert_int_equal(opens(receiver, oldest), SECURE_GOOD);
	assert_int_equal(opens(receiver, kept), SECURE_GOOD);
	for (uint32_t ssrc = 100; ssrc < 163; ssrc++)
		assert_int_equal(opens(receiver, sealed(sender, 1, ssrc)), SECURE_GOOD);
	/* Of 65 sources the first is forgotten, no other. */
	assert_int_equal(opens(receiver, kept), SECURE_REPLAYED);
	assert_int_equal(opens(receiver, oldest), SECURE_GOOD);
	secure_free(sender);
	secure_free(receiver);
}

/* A peer's keys with identifiers (RFC 3711 3.1): we do not send such, so the packet is put together by hand. */
static void identifiers(void **state)
{
	struct stream_protection protection = protection_of(STREAM_AES_CM_128_HMAC_SHA1_80), two = protection;
	struct secure *sender = secure_new_sender(&protection);

	(void)state;
	two.receive_count = 2;
	two.mki_bytes = 4;
	two.receive[1] = protection.receive[0];
	two.receive[0].bytes[0] ^= 1;
	two.receive[0].mki = 1;
	two.receive[1].mki = 0x1066;
	struct secure *receiver = secure_new_receiver(&two);
	struct packet packet = sealed(sender, 1, 5), wrong;
	memmove(packet.bytes + packet.n - 6, packet.bytes + packet.n - 10, 10);
	memcpy(packet.bytes + packet.n - 10, (const uint8_t[]){ 0, 0, 0x10, 0x66 }, 4);
	packet.n += 4;
	wrong = packet;
	wrong.bytes[packet.n - 11] = 0x67;
	assert_int_equal(opens(receiver, wrong), SECURE_FORGED);
	wrong.bytes[packet.n - 11] = 1;
	wrong.bytes[packet.n - 12] = 0;
	assert_int_equal(opens(receiver, wrong), SECURE_FORGED);
	assert_int_equal(opens(receiver, packet), SECURE_GOOD);
	secure_free(sender);
	secure_free(receiver);
}

/* ---- engines ---- */

enum { STEP_US = 10000 };

struct side {
	struct engine *engine;
	struct stream *stream;
	struct stream_config config;
	struct address rtp, rtcp;
};

struct talk {
	struct random random;
	struct side sides[2];
	int64_t now_us;
};

static int udp(struct address *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof address->u.v4;

	assert_true(fd >= 0 && address_parse(address, SLICE("127.0.0.1"), 0));
	assert_int_equal(bind(fd, &address->u.any, n), 0);
	assert_int_equal(getsockname(fd, &address->u.any, &n), 0);
	return fd;
}

static void set_key(struct talk *talk, int from, uint8_t key)
{
	struct stream_protection *mine = &talk->sides[from].config.protection,
				 *theirs = &talk->sides[1 - from].config.protection;

	memset(mine->send.bytes, key, 30);
	theirs->receive[0] = mine->send;
	theirs->receive_count = 1;
}

static void talk_begin(struct talk *talk)
{
	struct stream_codec pcma = { .codec = MEDIA_PCMA, .payload_type = 8 };
	enum err err;

	*talk = (struct talk){ .now_us = SECOND_US };
	random_init_seeded(&talk->random, 11);
	for (int i = 0; i < 2; i++) {
		struct side *side = &talk->sides[i];
		side->config = (struct stream_config){ .sends = true,
						       .receives = true,
						       .send = pcma,
						       .receive = { pcma },
						       .receive_count = 1,
						       .cname = "x" };
		side->config.rtp_fd = udp(&side->rtp);
		side->config.rtcp_fd = udp(&side->rtcp);
		side->config.protection.suite = STREAM_AES_CM_128_HMAC_SHA1_80;
		set_key(talk, i, (uint8_t)(i + 1));
	}
	set_key(talk, 0, 1);
	for (int i = 0; i < 2; i++) {
		struct side *side = &talk->sides[i];
		side->config.rtp = talk->sides[1 - i].rtp;
		side->config.rtcp = talk->sides[1 - i].rtcp;
		side->engine = engine_new(&talk->random, false);
		side->stream = engine_add(side->engine, &side->config, NULL, &err);
		assert_non_null(side->stream);
		engine_select(side->engine, side->stream);
	}
	assert_int_equal(engine_use(talk->sides[0].engine, ENGINE_INPUT, "tone:440"), ERR_NONE);
}

static void talk_run(struct talk *talk, unsigned ms)
{
	for (unsigned i = 0; i < ms / 10; i++, talk->now_us += STEP_US)
		for (int k = 0; k < 2; k++)
			engine_step(talk->sides[k].engine, talk->now_us);
}

static void talk_end(struct talk *talk)
{
	for (int i = 0; i < 2; i++) {
		engine_remove(talk->sides[i].engine, talk->sides[i].stream);
		engine_step(talk->sides[i].engine, talk->now_us);
		engine_free(talk->sides[i].engine);
	}
}

static struct stream_stats hears(const struct side *side)
{
	struct stream_stats stats;

	engine_stats(side->stream, &stats);
	return stats;
}

static void keys_change_in_a_call(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk);
	talk_run(&talk, 12000);
	struct stream_stats stats = hears(&talk.sides[1]);
	assert_in_range((uintmax_t)stats.tone_hz, 438, 442);
	assert_true(stats.rtt_ms >= 0); /* reports are read too */
	/* The listener has the new key first, as an answerer has: what still comes by the old one is taken. */
	set_key(&talk, 0, 77);
	assert_int_equal(engine_change(talk.sides[1].engine, talk.sides[1].stream, &talk.sides[1].config), ERR_NONE);
	talk_run(&talk, 200);
	assert_int_equal(engine_change(talk.sides[0].engine, talk.sides[0].stream, &talk.sides[0].config), ERR_NONE);
	talk_run(&talk, 1000);
	stats = hears(&talk.sides[1]);
	assert_true(stats.forged_packets == 0 && stats.replayed_packets == 0 && stats.lost_packets == 0);
	/* Nothing changed: nothing is taken twice. */
	assert_int_equal(engine_change(talk.sides[1].engine, talk.sides[1].stream, &talk.sides[1].config), ERR_NONE);
	talk_run(&talk, 1000);
	stats = hears(&talk.sides[1]);
	assert_true(stats.forged_packets == 0 && stats.replayed_packets == 0 && stats.lost_packets == 0);
	assert_in_range((uintmax_t)stats.tone_hz, 438, 442);
	/* The old key opens nothing any more. */
	set_key(&talk, 0, 1);
	assert_int_equal(engine_change(talk.sides[0].engine, talk.sides[0].stream, &talk.sides[0].config), ERR_NONE);
	talk_run(&talk, 1000);
	stats = hears(&talk.sides[1]);
	assert_in_range(stats.forged_packets, 48, 60);
	/* And to clear. */
	for (int i = 0; i < 2; i++) {
		talk.sides[i].config.protection = (struct stream_protection){ 0 };
		assert_int_equal(engine_change(talk.sides[i].engine, talk.sides[i].stream, &talk.sides[i].config),
				 ERR_NONE);
	}
	talk_run(&talk, 1000);
	stats = hears(&talk.sides[1]);
	assert_in_range((uintmax_t)stats.tone_hz, 438, 442);
	talk_end(&talk);
}

/* Ten thousand packets a second that look right, and real ones again and again: the sound goes on. */
static void a_flood_is_survived(void **state)
{
	struct talk talk;
	struct address unused;
	int fd = udp(&unused);

	(void)state;
	talk_begin(&talk);
	talk_run(&talk, 500);
	/* One packet is of the speaker's key: another source of the same peer, taken once. */
	struct stream_protection protection = talk.sides[0].config.protection;
	struct secure *sender = secure_new_sender(&protection);
	struct packet own = sealed(sender, 40000, 4711), forged = rtp(50000, 4711), garbage = forged;
	memset(garbage.bytes, 'g', garbage.n);
	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < 100; k++)
			assert_int_equal(sendto(fd, forged.bytes, forged.n, 0, &talk.sides[1].rtp.u.any,
						address_len(&talk.sides[1].rtp)), forged.n);
		assert_int_equal(sendto(fd, own.bytes, own.n, 0, &talk.sides[1].rtp.u.any,
					address_len(&talk.sides[1].rtp)), own.n);
		assert_int_equal(sendto(fd, garbage.bytes, garbage.n, 0, &talk.sides[1].rtp.u.any,
					address_len(&talk.sides[1].rtp)), garbage.n);
		talk_run(&talk, 50);
	}
	struct stream_stats stats = hears(&talk.sides[1]);
	assert_int_equal(stats.forged_packets, 2000);
	assert_int_equal(stats.stray_packets, 20);
	assert_int_equal(stats.replayed_packets, 19);
	assert_in_range((uintmax_t)stats.tone_hz, 438, 442);
	assert_true(stats.lost_packets == 0);
	/* Told when it is 10, and whenever it has doubled: 2019 in all. */
	struct engine_event event;
	unsigned told = 0;
	while (engine_next_event(talk.sides[1].engine, &event))
		told += event.kind == ENGINE_REFUSED;
	assert_in_range(told, 1, 8);
	secure_free(sender);
	close(fd);
	talk_end(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite),
		cmocka_unit_test(forged_and_replayed),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(sources_come_and_go),
		cmocka_unit_test(identifiers),
		cmocka_unit_test(keys_change_in_a_call),
		cmocka_unit_test(a_flood_is_survived),
	};

	return secure_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
