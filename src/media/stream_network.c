#include "media/stream.h"
#include "media/tap.h"

#include "base/xmalloc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	EARLY_REPORT_US = 200000, /* the first packets say too little of the way */
	NEWS_PACKETS = 2,         /* lost since a report that knew of none */
	USUAL_PTIME_MS = 20, HEADERS_BYTES = 40, /* RTP, UDP, IPv4 */
	SESSION_BITS = 64000,     /* at least */
	RESTART_TOLD_US = 5000000,
	LATCH_PACKETS = 3,
	LOST_MAX = 0x7fffff,      /* 24 bits with sign */
	DRAIN_MAX = 4096, BATCHES_MAX = 64,
	PAST_MAX_US = 2000000,    /* a kernel time older than this was made by a clock that was set */
};

struct receive_batch {
	struct mmsghdr messages[STREAM_BATCH];
	struct iovec parts[STREAM_BATCH];
	struct address from[STREAM_BATCH];
	_Alignas(struct cmsghdr) char control[STREAM_BATCH][STREAM_CONTROL_BYTES];
	_Alignas(8) uint8_t bytes[STREAM_BATCH][STREAM_DATAGRAM_BYTES];
};

struct receive_batch *receive_batch_new(void)
{
	return xcalloc(1, sizeof(struct receive_batch));
}

/* ---- out ---- */

static bool send_bytes(int fd, const struct address *to, const uint8_t *bytes, size_t n)
{
	if (fd < 0 || !address_is_set(to) || address_is_any(to) || !address_port(to))
		return false;
	return sendto(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL, &to->u.any, address_len(to)) == (ssize_t)n;
}

/* For captures: as it is before it is sealed, or after it was opened. */
static void tap_stream(struct stream *stream, bool sent, const struct address *remote, const uint8_t *bytes, size_t n)
{
	struct tap_packet packet = { .user = (uintptr_t)stream->user, .sent = sent, .remote = *remote,
				     .bytes = slice_make(bytes, n) };
	struct timespec now;

	if (!stream->tap || !address_is_set(remote))
		return;
	struct address *local = &stream->config.local;
	if (!address_is_set(local)) {
		socklen_t length = sizeof local->u;
		getsockname(stream->config.rtp_fd, &local->u.any, &length);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	packet.local = *local;
	packet.unix_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	tap_add(stream->tap, &packet);
}

bool stream_send(struct stream *stream, const struct rtp_packet *packet)
{
	struct rtp_packet ours = *packet;
	_Alignas(4) uint8_t bytes[RTP_HEADER_BYTES + CODEC_PAYLOAD_MAX_BYTES + SECURE_TRAILER_BYTES];

	ours.ssrc = stream->ssrc;
	ours.sequence = stream->sequence;
	size_t n = rtp_print(&ours, bytes, sizeof bytes - SECURE_TRAILER_BYTES);
	if (!n)
		return false;
	tap_stream(stream, true, &stream->remote, bytes, n);
	/* A number that was sealed never serves again, whether or not the packet leaves. */
	if (stream->security.sender)
		stream->sequence++;
	if (!stream_seal(stream, bytes, &n, false) ||
	    !send_bytes(stream->config.rtp_fd, &stream->remote, bytes, n))
		return false;
	if (!stream->security.sender)
		stream->sequence++;
	stream->sent_packets++;
	stream->sent_bytes += n;
	stream->sent_octets += packet->payload_bytes;
	return true;
}

/* ---- where from ---- */

void stream_unlatch(struct stream *stream)
{
	stream_unguard(stream);
	stream->is_latched = false;
	stream->candidate_count = 0;
	stream->remote = stream->config.rtp;
	stream->rtcp_seen = (struct address){ 0 };
}

static void latch(struct stream *stream, const struct address *from, int64_t now_us)
{
	/* Where it was said to be is no news. */
	if (address_is_set(&stream->latched) && !address_eq(&stream->latched, from) &&
	    !address_eq(&stream->config.rtp, from)) {
		stream->moves++;
		stream_tell(stream, ENGINE_MOVED);
	}
	stream->is_latched = true;
	stream->latched = stream->remote = *from;
	stream->latched_us = now_us;
	stream->candidate_count = 0;
}

/*
 * The first valid source is believed. Another is followed when it sent three packets in sequence while the present one
 * was silent for 500 ms, or when it is the one that was signalled and the present one is not. A silence is no
 * invitation: another host than the present one must know the SSRC, which who does not see the packets can only guess.
 */
static bool may_follow(const struct stream *stream, const struct address *from, const struct rtp_packet *packet)
{
	return stream->security.receiver || address_eq(from, &stream->config.rtp) ||
	       address_same_host(from, &stream->latched) || !stream->has_source || packet->ssrc == stream->source.ssrc;
}

static bool accept_source(struct stream *stream, const struct address *from, const struct rtp_packet *packet,
			  bool known, int64_t now_us)
{
	if (stream->is_latched && address_eq(from, &stream->latched)) {
		stream->latched_us = now_us;
		return true;
	}
	if (!known)
		return false;
	if (!stream->is_latched) {
		latch(stream, from, now_us);
		return true;
	}
	if (!may_follow(stream, from, packet))
		return false;
	bool follows = stream->candidate_count && address_eq(from, &stream->candidate) &&
		       packet->ssrc == stream->candidate_ssrc &&
		       packet->sequence == (uint16_t)(stream->candidate_sequence + 1);
	stream->candidate_count = follows ? stream->candidate_count + 1 : 1;
	stream->candidate = *from;
	stream->candidate_ssrc = packet->ssrc;
	stream->candidate_sequence = packet->sequence;
	bool signalled = address_eq(from, &stream->config.rtp);
	/* Who has the peer's key is the peer, wherever it is now. */
	bool authentic = stream->security.receiver != NULL;
	if (!authentic &&
	    (stream->candidate_count < LATCH_PACKETS ||
	     (now_us - stream->latched_us < STREAM_LATCH_SILENCE_US && !signalled)))
		return false;
	latch(stream, from, now_us);
	if (packet->ssrc != stream->source.ssrc)
		stream_forget_source(stream);
	return true;
}

/* ---- RTP in ---- */

static bool is_event(const struct stream_config *config, uint8_t payload_type)
{
	for (size_t i = 0; i < config->receive_event_count; i++)
		if (config->receive_events[i].payload_type == payload_type)
			return true;
	return false;
}

/* Now and then: a peer may do it with every packet. */
static void tell_restart(struct stream *stream, int64_t now_us)
{
	if (!stream->receive_clock_rate)
		return;
	stream->restarts++;
	if (stream->restarted_us && now_us - stream->restarted_us < RESTART_TOLD_US)
		return;
	stream->restarted_us = now_us;
	stream_tell(stream, ENGINE_RESTARTED);
}

static void new_sequence(struct stream *stream)
{
	jitter_reset(&stream->jitter);
	dtmf_receiver_reset(&stream->dtmf_receiver);
	stream->peer_pauses = false;
}

static void on_voice(struct stream *stream, const struct rtp_packet *packet, const struct stream_codec *codec,
		     uint32_t extended, int64_t arrival_us)
{
	uint32_t rate = codec_clock_rate(codec->codec);
	struct jitter_packet put = {
		.sequence = extended,
		.timestamp = packet->timestamp,
		.clock_rate = rate,
		.frames = (uint32_t)codec_frames(codec->codec, packet->payload, packet->payload_bytes),
		.tag = (uint8_t)codec->codec,
		.payload = packet->payload,
		.bytes = packet->payload_bytes,
	};

	if (stream->receive_clock_rate && stream->receive_clock_rate != rate) {
		jitter_reset(&stream->jitter);
		rtp_source_rescale(&stream->source, stream->receive_clock_rate, rate);
	}
	if (stream->receive_clock_rate && stream->receive_codec != codec->codec)
		stream_tell(stream, ENGINE_CODEC);
	if (!stream->receive_clock_rate)
		stream_tell(stream, ENGINE_FIRST_PACKET);
	stream->receive_codec = codec->codec;
	stream->receive_clock_rate = rate;
	rtp_source_arrival(&stream->source, packet->timestamp, arrival_us, rate);
	jitter_put(&stream->jitter, &put, arrival_us);
}

/* A packet with a number but no voice: the buffer must not take it for a loss. */
static void on_other(struct stream *stream, const struct rtp_packet *packet, uint32_t extended, int64_t arrival_us)
{
	struct jitter_packet put = { .sequence = extended, .timestamp = packet->timestamp, .clock_rate = 8000 };

	jitter_put(&stream->jitter, &put, arrival_us);
}

static void on_rtcp(struct stream *stream, uint8_t *bytes, size_t n, const struct address *from,
		    int64_t arrival_us, const struct stream_turn *turn);

/* Reports, and what only keeps a way open, are believed from where the sound comes from or was said to come from. */
static bool is_peer(const struct stream *stream, const struct address *from)
{
	if (stream->is_latched && address_same_host(from, &stream->latched))
		return true;
	return address_same_host(from, &stream->config.rtcp) || address_same_host(from, &stream->config.rtp);
}

/*
 * RFC 6263 4: packets without a byte, RTP of version 0 and what a NAT box is told by a few zeros or line ends, STUN
 * (RFC 7983 says by which first byte). None of them is encrypted, or has a number.
 */
static bool keeps_open(const struct stream *stream, const uint8_t *bytes, size_t n, const struct address *from)
{
	return (!n || bytes[0] < 20) && is_peer(stream, from);
}

/* The same as RTP: comfort noise that was not agreed on, or a payload number of nobody's and nothing behind it. */
static bool says_nothing(const struct stream *stream, const struct rtp_packet *packet, const struct address *from)
{
	return (!packet->payload_bytes || packet->payload_type == COMFORT_PAYLOAD_TYPE) && is_peer(stream, from);
}

static void count_stray(struct stream *stream)
{
	stream->stray_packets++;
	stream_tell_refused(stream);
}

static void on_rtp(struct stream *stream, uint8_t *bytes, size_t n, const struct address *from,
		   int64_t arrival_us, const struct stream_turn *turn)
{
	struct rtp_packet packet;
	uint32_t extended = 0;

	if (keeps_open(stream, bytes, n, from)) {
		stream->keep_alive_packets++;
		tap_stream(stream, false, from, bytes, n);
		return;
	}
	if (rtp_is_rtcp(bytes, n)) {
		on_rtcp(stream, bytes, n, from, arrival_us, turn);
		return;
	}
	/* On hold too: the peer's sequence numbers must not wrap unseen. */
	if (!stream_open(stream, bytes, &n, false))
		return;
	tap_stream(stream, false, from, bytes, n);
	if (!rtp_parse(&packet, bytes, n)) {
		count_stray(stream);
		return;
	}
	if (!stream->config.receives) {
		if (stream->is_latched && address_eq(from, &stream->latched))
			stream_count_unheard(stream, &packet, n);
		return;
	}
	struct red_block blocks[RED_BLOCKS_MAX + 1];
	size_t block_count = 0;
	if (stream_is_red(stream, packet.payload_type) && !stream_unfold(&packet, blocks, &block_count))
		return;
	const struct stream_codec *codec = stream_codec_of(stream, packet.payload_type);
	bool event = !codec && is_event(&stream->config, packet.payload_type);
	bool pause = !codec && !event && stream_is_comfort(stream, packet.payload_type);
	if (!accept_source(stream, from, &packet, codec || event || pause, arrival_us)) {
		if (!codec && !event && says_nothing(stream, &packet, from))
			stream->keep_alive_packets++;
		else
			count_stray(stream);
		return;
	}
	enum rtp_verdict verdict = stream_count_packet(stream, &packet, &extended);
	if (verdict == RTP_WAIT)
		return;
	stream->received_packets++;
	stream->received_bytes += n;
	stream->last_packet_us = arrival_us;
	stream->told &= ~(1u << ENGINE_LOST);
	if (verdict == RTP_DUPLICATE)
		return;
	if (verdict == RTP_RESTARTED) {
		tell_restart(stream, arrival_us);
		new_sequence(stream);
	}
	if (codec) {
		on_voice(stream, &packet, codec, extended, arrival_us);
		stream_put_copies(stream, &packet, extended, blocks, block_count, arrival_us);
		return;
	}
	on_other(stream, &packet, extended, arrival_us);
	if (pause)
		stream_take_pause(stream, &packet, extended);
	if (event) {
		char digit = dtmf_receive(&stream->dtmf_receiver, packet.timestamp, packet.payload,
					  packet.payload_bytes);
		if (digit)
			stream_tell_digit(stream, digit, false);
	}
}

/* ---- RTCP in ---- */

static void on_rtcp(struct stream *stream, uint8_t *bytes, size_t n, const struct address *from,
		    int64_t arrival_us, const struct stream_turn *turn)
{
	struct rtcp_report report;

	if (!is_peer(stream, from) || !stream_open(stream, bytes, &n, true) ||
	    !rtcp_parse(&report, bytes, n, stream->ssrc))
		return;
	rtcp_schedule_size(&stream->schedule, n);
	if (stream->has_source && report.ssrc != stream->source.ssrc)
		return;
	stream->rtcp_seen = *from;
	stream->peer_reported = true;
	if (report.is_sender) {
		stream->report_lsr = rtcp_ntp_middle(report.ntp);
		stream->report_us = arrival_us;
	}
	int64_t wall_us = turn->wall_us + arrival_us - turn->now_us;
	if (report.has_block) {
		double rtt_ms = rtcp_round_trip_ms(&report.block, rtcp_ntp_middle(rtcp_ntp(wall_us)));
		stream->peer_loss = report.block.fraction / 256.0;
		/* More than ten seconds is a peer that cannot count. */
		if (rtt_ms >= 0 && rtt_ms < 10000)
			stream->rtt_ms = rtt_ms;
		uint64_t packets = stream->sent_packets - stream->sent_at_peer_report;
		stream->sent_at_peer_report = stream->sent_packets;
		stream_rate_report(stream, stream->peer_loss, packets, stream->rtt_ms, arrival_us);
	}
	stream_take_xr(stream, &report.xr, arrival_us, rtcp_ntp_middle(rtcp_ntp(wall_us)));
	if (report.bye && !(stream->told & 1u << ENGINE_PEER_BYE)) {
		stream->told |= 1u << ENGINE_PEER_BYE;
		stream_tell(stream, ENGINE_PEER_BYE);
	}
}

/* ---- the sockets ---- */

static int64_t arrival_of(struct msghdr *message, const struct stream_turn *turn)
{
	if (!turn->kernel_time)
		return turn->now_us;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct timespec t;
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof t);
		int64_t age_us = turn->wall_us - ((int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000);
		/* A little in the future is right: a packet that came while this tick was running late. */
		if (age_us > -PAST_MAX_US && age_us < PAST_MAX_US)
			return turn->now_us - age_us;
	}
	return turn->now_us;
}

typedef void datagram_h(struct stream *stream, uint8_t *bytes, size_t n, const struct address *from,
			int64_t arrival_us, const struct stream_turn *turn);

static int receive_batch(int fd, struct receive_batch *batch)
{
	for (size_t i = 0; i < STREAM_BATCH; i++) {
		batch->parts[i] = (struct iovec){ batch->bytes[i], STREAM_DATAGRAM_BYTES };
		batch->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->from[i],
			.msg_namelen = sizeof batch->from[i],
			.msg_iov = &batch->parts[i],
			.msg_iovlen = 1,
			.msg_control = batch->control[i],
			.msg_controllen = STREAM_CONTROL_BYTES,
		};
	}
	/* MSG_TRUNC: how long it was, not how much of it there is. */
	return recvmmsg(fd, batch->messages, STREAM_BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
}

/* A flood keeps at most 1024 datagrams a tick busy: what is more the kernel throws away. */
static void receive_all(struct stream *stream, int fd, datagram_h *handle, const struct stream_turn *turn)
{
	for (int round = 0; round < BATCHES_MAX; round++) {
		int count = receive_batch(fd, turn->batch);
		/* An ICMP error of an earlier packet is reported instead of a datagram: ask again. */
		if (count < 0 && (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == EINTR))
			continue;
		for (int i = 0; i < count; i++) {
			struct mmsghdr *message = &turn->batch->messages[i];
			if (fd == stream->config.rtp_fd)
				stream_note_stranger(stream, &turn->batch->from[i], message->msg_len);
			if (message->msg_hdr.msg_flags & MSG_TRUNC)
				continue;
			int64_t arrival_us = arrival_of(&message->msg_hdr, turn);
			handle(stream, turn->batch->bytes[i], message->msg_len, &turn->batch->from[i], arrival_us,
			       turn);
		}
		if (count < STREAM_BATCH)
			return;
	}
}

void stream_receive_rtp(struct stream *stream, const struct stream_turn *turn)
{
	receive_all(stream, stream->config.rtp_fd, on_rtp, turn);
}

void stream_receive_rtcp(struct stream *stream, const struct stream_turn *turn)
{
	receive_all(stream, stream->config.rtcp_fd, on_rtcp, turn);
}

static void drain(int fd)
{
	uint8_t byte;

	for (int i = 0; i < DRAIN_MAX; i++)
		if (recv(fd, &byte, sizeof byte, MSG_DONTWAIT | MSG_TRUNC) < 0 && errno != ECONNREFUSED)
			return;
}

void stream_start(struct stream *stream, const struct stream_turn *turn)
{
	int on = 1;

	for (size_t i = 0; i < STREAM_NARROW_WORDS; i++)
		atomic_store_explicit(&stream->narrow[i], 0, memory_order_relaxed);
	/* What queued while devices were opened would stay as delay for the whole call. */
	drain(stream->config.rtp_fd);
	if (stream->config.rtcp_fd >= 0)
		drain(stream->config.rtcp_fd);
	setsockopt(stream->config.rtp_fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	if (stream->config.rtcp_fd >= 0)
		setsockopt(stream->config.rtcp_fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	stream->started_us = stream->receiving_us = turn->now_us;
	rtcp_schedule_init(&stream->schedule, turn->now_us, SESSION_BITS, turn->random);
}

/* ---- RTCP out ---- */

static struct address reports_to(const struct stream *stream)
{
	struct address to = stream->config.rtcp;

	if (stream->config.rtcp_mux)
		return stream->remote;
	if (!stream->is_latched || address_same_host(&stream->latched, &stream->config.rtp))
		return to;
	/* The peer is not where it said: where its reports come from, else the port above its sound. */
	if (address_is_set(&stream->rtcp_seen))
		return stream->rtcp_seen;
	to = stream->latched;
	address_set_port(&to, (uint16_t)(address_port(&to) + 1));
	return to;
}

static void fill_block(struct stream *stream, const struct stream_turn *turn, struct rtcp_block *block)
{
	int64_t since_us = turn->now_us - stream->report_us;
	int64_t lost = rtp_source_cumulative(&stream->source);

	*block = (struct rtcp_block){
		.ssrc = stream->source.ssrc,
		.fraction = rtp_source_fraction(&stream->source),
		.lost = (int32_t)(lost > LOST_MAX ? LOST_MAX : lost < -LOST_MAX - 1 ? -LOST_MAX - 1 : lost),
		.highest = rtp_source_highest(&stream->source),
		.jitter = stream->source.jitter >> 4,
		.lsr = stream->report_lsr,
		.dlsr = stream->report_lsr && since_us > 0 ? (uint32_t)(since_us * 65536 / SECOND_US) : 0,
	};
	stream->told_loss = block->fraction > 0;
	stream->lost_at_report = stream->jitter.burst.lost;
}

static void send_report(struct stream *stream, const struct stream_turn *turn, bool bye)
{
	struct rtcp_report report = {
		.ssrc = stream->ssrc,
		.is_sender = stream->sent_packets > stream->sent_at_report,
		.ntp = rtcp_ntp(turn->wall_us),
		.timestamp = stream->clock,
		.packets = (uint32_t)stream->sent_packets,
		.octets = (uint32_t)stream->sent_octets,
		.has_block = stream->has_source && stream->source.valid,
		.bye = bye,
	};
	_Alignas(4) uint8_t bytes[RTCP_MAX_BYTES + SECURE_TRAILER_BYTES];
	struct address to = reports_to(stream);
	int rtcp_fd = stream->config.rtcp_mux ? stream->config.rtp_fd : stream->config.rtcp_fd;

	if (report.has_block)
		fill_block(stream, turn, &report.block);
	stream_fill_xr(stream, turn, &report);
	memcpy(report.cname, stream->config.cname, sizeof report.cname);
	stream->sent_at_report = stream->sent_packets;
	size_t n = rtcp_print(&report, bytes, RTCP_MAX_BYTES);
	if (stream_seal(stream, bytes, &n, true) && send_bytes(rtcp_fd, &to, bytes, n))
		rtcp_schedule_size(&stream->schedule, n);
}

/*
 * A peer that hears of losses repairs them. The first report of a unicast session may go at once (RFC 3550 6.2): it
 * goes with the first loss. Losses that begin later hurry the next report; one packet alone says nothing of the way.
 */
static bool shows_loss(const struct stream *stream, int64_t now_us)
{
	if (!stream->has_source || !stream->source.valid || now_us - stream->started_us < EARLY_REPORT_US)
		return false;
	if (stream->schedule.initial)
		return rtp_source_lost(&stream->source) > 0;
	return !stream->told_loss && stream->jitter.burst.lost >= stream->lost_at_report + NEWS_PACKETS;
}

/*
 * What the directions that are agreed on are expected to take, as RFC 3550 6.2 means it: the peer sends as much as we
 * do. A call on hold counts as little, so that it may rest.
 */
static double session_bits(const struct stream *stream)
{
	const struct stream_codec *send = &stream->config.send;
	uint32_t fixed = media_codec_bitrate(send->codec), ptime_ms = send->ptime_ms ? send->ptime_ms : USUAL_PTIME_MS;
	double bits = fixed ? fixed : STREAM_OPUS_BITRATE;

	if (send->max_bitrate && send->max_bitrate < bits)
		bits = send->max_bitrate;
	bits = (stream->config.sends + stream->config.receives) * (bits + HEADERS_BYTES * 8 * 1000.0 / ptime_ms);
	return bits > SESSION_BITS ? bits : SESSION_BITS;
}

void stream_report_if_due(struct stream *stream, const struct stream_turn *turn)
{
	struct rtcp_schedule *schedule = &stream->schedule;
	bool news = shows_loss(stream, turn->now_us);

	if (turn->now_us < schedule->next_us && !news)
		return;
	bool peer_sends = stream->last_packet_us && turn->now_us - stream->last_packet_us < 10 * SECOND_US;
	schedule->we_sent = stream->sent_packets > stream->sent_at_report;
	schedule->members = stream->has_source || stream->peer_reported ? 2 : 1;
	schedule->senders = (unsigned)schedule->we_sent + peer_sends;
	rtcp_schedule_bandwidth(schedule, session_bits(stream));
	if ((news && rtcp_schedule_early(schedule, turn->now_us, turn->random)) ||
	    (turn->now_us >= schedule->next_us && rtcp_schedule_due(schedule, turn->now_us, turn->random)))
		send_report(stream, turn, false);
}

void stream_stop(struct stream *stream, const struct stream_turn *turn)
{
	/* Who never said anything does not say goodbye (6.3.7). */
	if (stream->sent_packets || !stream->schedule.initial)
		send_report(stream, turn, true);
}
