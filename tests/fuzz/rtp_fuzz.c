/*
 * Fuzz target of the media's network side: the bytes as one RTP, RTCP and event packet, and as a script of packets and
 * ticks for a stream with real sockets on the loopback address, whose jitter buffer and decoders so see them in any
 * order and at any time. A script is a row of records: a byte of what, a byte of length, bytes.
 *
 *   bits 0-2 of what: 0 RTP as it is; 1 RTP whose header is made here; 2 the same, but its numbers leap; 3 RTCP;
 *     4 ticks; 5 the stream is configured anew; 6 RTCP on the port of RTP; 7 RTCP whose header is made here. 4 and 5
 *     have no bytes.
 *   bit 3: it comes from a stranger
 *   bits 4-7: payload type, number of ticks and the like
 *
 * Configured by 5 with all four bits set the stream is encrypted, and what is made here is sealed with the peer's key;
 * what is sent as it is must then be refused.
 *
 * Run: rtp_fuzz tests/fuzz/corpus/rtp
 */
#include "media/stream.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TICK_US = 10000, TICKS_MAX = 600 };

struct script {
	struct stream *stream;
	struct random random;
	struct receive_batch *batch;
	int64_t now_us;
	unsigned ticks;
	int peer[2], peer_rtcp; /* of the peer and of a stranger */
	struct address ours, ours_rtcp;
	uint16_t sequence;
	uint32_t timestamp;
	struct secure *sealer; /* of the peer; NULL: clear */
};

enum { ENCRYPTED = 15 };

static int socket_open(struct address *address)
{
	socklen_t length = sizeof address->u;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*address = (struct address){ 0 };
	address->u.v4.sin_family = AF_INET;
	address->u.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, &address->u.any, address_len(address)) != 0 ||
	    getsockname(fd, &address->u.any, &length) != 0) {
		perror("rtp_fuzz: a socket on 127.0.0.1");
		exit(1);
	}
	return fd;
}

static struct stream_turn turn_of(struct script *s)
{
	return (struct stream_turn){ .now_us = s->now_us,
				     .wall_us = 1700000000 * SECOND_US + s->now_us,
				     .complexity = 0,
				     .random = &s->random,
				     .batch = s->batch };
}

static struct stream_config config_of(unsigned variant, const struct address *rtp, const struct address *rtcp)
{
	static const struct stream_codec codecs[] = { { .codec = MEDIA_PCMU, .payload_type = 0 },
						      { .codec = MEDIA_PCMA, .payload_type = 8 },
						      { .codec = MEDIA_OPUS, .payload_type = 96, .fec = true } };
	struct stream_config config = { .rtp_fd = -1, .rtcp_fd = -1, .rtp = *rtp, .rtcp = *rtcp, .cname = "fuzz" };

	config.sends = variant & 1;
	config.receives = true;
	config.send = codecs[variant >> 1 & 1];
	memcpy(config.receive, codecs, sizeof codecs);
	config.receive_count = ARRAY_LEN(codecs);
	config.receive_events[0].payload_type = 101;
	config.receive_events[0].clock_rate = 8000;
	config.receive_event_count = 1;
	config.receive_reds[0].payload_type = 97;
	config.receive_reds[0].clock_rate = 8000;
	config.receive_red_count = 1;
	config.has_send_red = variant >> 3 & 1;
	config.send_red = 97;
	config.loop_back = variant >> 2 & 1;
	config.detect_tones = variant >> 1 & 1;
	if (variant == ENCRYPTED) {
		config.protection.suite = STREAM_AEAD_AES_128_GCM;
		config.protection.receive_count = 1;
		config.protection.mki_bytes = 0;
		memset(config.protection.receive[0].bytes, 7, 28);
	}
	return config;
}

static void apply(struct script *s, unsigned variant, const struct address *rtp, const struct address *rtcp)
{
	struct stream_config config = config_of(variant, rtp, rtcp);
	enum err err;
	struct stream_setup *setup = stream_prepare(s->stream, &config, &err);

	if (!setup)
		abort();
	stream_apply(s->stream, setup, s->now_us);
	stream_setup_free(setup);
	if (variant == ENCRYPTED && !s->sealer) {
		config.protection.send = config.protection.receive[0];
		s->sealer = secure_new_sender(&config.protection);
	} else if (variant != ENCRYPTED) {
		secure_free(s->sealer);
		s->sealer = NULL;
	}
}

static void begin(struct script *s, struct address *peer, struct address *peer_rtcp)
{
	struct stream_setup *setup;
	struct address stranger;
	enum err err;

	*s = (struct script){ .now_us = 1000 * SECOND_US, .sequence = 65530, .timestamp = UINT32_MAX - 800 };
	random_init_seeded(&s->random, 1);
	s->peer[0] = socket_open(peer);
	s->peer[1] = socket_open(&stranger);
	s->peer_rtcp = socket_open(peer_rtcp);
	struct stream_config config = config_of(1, peer, peer_rtcp);
	config.rtp_fd = socket_open(&s->ours);
	config.rtcp_fd = socket_open(&s->ours_rtcp);
	s->stream = stream_new(&config, NULL, 10, 300, &s->random, &setup, &err);
	if (!s->stream)
		abort();
	s->batch = receive_batch_new();
	stream_apply(s->stream, setup, s->now_us);
	stream_setup_free(setup);
	struct stream_turn turn = turn_of(s);
	stream_start(s->stream, &turn);
}

static void end(struct script *s)
{
	struct stream_turn turn = turn_of(s);
	stream_stop(s->stream, &turn);
	stream_free(s->stream);
	secure_free(s->sealer);
	free(s->batch);
	close(s->peer[0]);
	close(s->peer[1]);
	close(s->peer_rtcp);
}

static void tick(struct script *s, unsigned count)
{
	int16_t mic[CODEC_TICK_FRAMES] = { 0 };

	for (; count && s->ticks < TICKS_MAX; count--, s->ticks++) {
		s->now_us += TICK_US;
		struct stream_turn turn = turn_of(s);
		stream_receive_rtp(s->stream, &turn);
		stream_receive_rtcp(s->stream, &turn);
		stream_hear(s->stream, &turn);
		stream_say(s->stream, &turn, s->ticks & 1 ? mic : NULL);
	}
}

static void send_to(int fd, const struct address *to, const uint8_t *bytes, size_t n)
{
	(void)!sendto(fd, bytes, n, MSG_DONTWAIT, &to->u.any, address_len(to));
}

static void send_rtp(struct script *s, uint8_t what, const uint8_t *bytes, size_t n, bool leaps)
{
	static const uint8_t types[] = { 0, 8, 96, 101 };
	_Alignas(4) uint8_t out[RTP_HEADER_BYTES + 256 + SECURE_TRAILER_BYTES];

	s->sequence = (uint16_t)(s->sequence + (leaps && n ? bytes[0] : 1));
	s->timestamp += leaps && n > 1 ? (uint32_t)bytes[1] << (bytes[0] & 31) : 160;
	struct rtp_packet packet = { .payload_type = types[what >> 4 & 3],
				     .sequence = s->sequence,
				     .timestamp = s->timestamp,
				     .ssrc = 0x1234 + (what >> 6),
				     .payload = bytes,
				     .payload_bytes = n };
	size_t size = rtp_print(&packet, out, sizeof out - SECURE_TRAILER_BYTES);
	if (s->sealer && !secure_seal(s->sealer, out, &size, false))
		return; /* a number that leapt back to one used before */
	send_to(s->peer[what >> 3 & 1], &s->ours, out, size);
}

/* A sender report about us, with whatever numbers. */
static void send_report(struct script *s, uint8_t what, const uint8_t *bytes, size_t n)
{
	_Alignas(4)
		uint8_t out[52 + SECURE_TRAILER_BYTES] = { 0x81, (uint8_t)(what & 0x40 ? RTCP_RR : RTCP_SR), 0, 12 };
	size_t block = what & 0x40 ? 8 : 28;

	out[3] = what & 0x40 ? 7 : 12;
	memcpy(out + 4, bytes, n < 48 ? n : 48);
	out[4] = out[5] = 0;
	out[6] = 0x12;
	out[7] = 0x34;
	for (int i = 0; i < 4; i++)
		out[block + (size_t)i] = (uint8_t)(s->stream->ssrc >> (24 - 8 * i));
	size_t size = what & 0x40 ? 32 : 52;
	if (s->sealer && !secure_seal(s->sealer, out, &size, true))
		return;
	send_to(what & 8 ? s->peer[1] : s->peer_rtcp, &s->ours_rtcp, out, size);
}

static void step(struct script *s, uint8_t what, const uint8_t *bytes, size_t n, const struct address *peer,
		 const struct address *peer_rtcp)
{
	int from = s->peer[what >> 3 & 1];

	switch (what & 7) {
	case 0:
		send_to(from, &s->ours, bytes, n);
		break;
	case 1:
	case 2:
		send_rtp(s, what, bytes, n, (what & 7) == 2);
		break;
	case 3:
		send_to(what & 8 ? from : s->peer_rtcp, &s->ours_rtcp, bytes, n);
		break;
	case 4:
		tick(s, 1u + (what >> 4));
		break;
	case 5:
		apply(s, what >> 4, peer, peer_rtcp);
		break;
	case 6:
		send_to(from, &s->ours, bytes, n);
		break;
	default:
		send_report(s, what, bytes, n);
		break;
	}
}

static void parse_each(const uint8_t *data, size_t size)
{
	struct rtp_packet packet;
	struct rtcp_report report;
	struct dtmf_receiver receiver = { 0 };

	if (rtp_parse(&packet, data, size) && (packet.payload < data || packet.payload_bytes > size ||
					       packet.payload + packet.payload_bytes > data + size))
		abort();
	if (rtcp_parse(&report, data, size, 0x01020304) && memchr(report.cname, 0, sizeof report.cname) == NULL)
		abort();
	(void)rtp_is_rtcp(data, size);
	(void)dtmf_receive(&receiver, 1, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s;
	struct address peer, peer_rtcp;

	static bool started;
	if (!started && !(started = secure_start()))
		abort();
	parse_each(data, size);
	begin(&s, &peer, &peer_rtcp);
	for (size_t at = 0; at + 2 <= size && s.ticks < TICKS_MAX;) {
		uint8_t what = data[at];
		bool has_bytes = (what & 7) != 4 && (what & 7) != 5;
		size_t n = has_bytes ? data[at + 1] : 0;
		at += has_bytes ? 2 : 1;
		if (n > size - at)
			n = size - at;
		step(&s, what, data + at, n, &peer, &peer_rtcp);
		at += n;
	}
	tick(&s, 20);
	end(&s);
	return 0;
}
