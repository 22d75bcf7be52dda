/* A flood of strangers: while it lasts the kernel lets nobody through but whom we hear (docs/decisions/0122). */
#include "media/stream.h"

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum {
	FLOOD_PACKETS = 128, /* of strangers in one tick: half of what the socket holds */
	WEIGHT_BYTES = 512,  /* a long datagram takes the room of several */
	GUARD_US = 5000000,
	IP4_SOURCE = 12, IP6_SOURCE = 8, /* bytes of the header before it */
	HOST_WORDS_MAX = 4,
	FILTER_MAX = 2 * (1 + HOST_WORDS_MAX) + 2,
};

/* One thing that a datagram must have; else it is dropped, by the last step of `steps`. */
static size_t demand(struct sock_filter *filter, size_t at, size_t steps, uint16_t size, uint32_t where, uint32_t what)
{
	filter[at] = (struct sock_filter)BPF_STMT((uint16_t)(BPF_LD | BPF_ABS | size), where);
	filter[at + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, what, 0, (uint8_t)(steps - at - 3));
	return at + 2;
}

/* From this address and port alone. The filter sees the datagram from its UDP header on. */
static bool admit_only(int fd, const struct address *from)
{
	struct sock_filter filter[FILTER_MAX];
	bool v6 = address_is_v6(from);
	const void *host = v6 ? (const void *)&from->u.v6.sin6_addr : &from->u.v4.sin_addr;
	size_t words = v6 ? 4 : 1, steps = 2 * (1 + words) + 2, at = 0;
	struct sock_fprog program = { .len = (unsigned short)steps, .filter = filter };

	at = demand(filter, at, steps, BPF_H, 0, address_port(from));
	for (size_t i = 0; i < words; i++) {
		uint32_t word;
		memcpy(&word, (const char *)host + 4 * i, sizeof word);
		at = demand(filter, at, steps, BPF_W,
			    (uint32_t)SKF_NET_OFF + (v6 ? IP6_SOURCE : IP4_SOURCE) + 4 * (uint32_t)i, ntohl(word));
	}
	filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	filter[at] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

/* How many datagrams the kernel has dropped at this socket since it was made. */
static uint32_t dropped(int fd)
{
	uint32_t numbers[SK_MEMINFO_VARS] = { 0 };
	socklen_t bytes = sizeof numbers;

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, numbers, &bytes) ? 0 : numbers[SK_MEMINFO_DROPS];
}

/* What was dropped is refused as if we had read it. */
static void count_dropped(struct stream *stream)
{
	uint32_t now = dropped(stream->config.rtp_fd), more = now - stream->dropped;

	stream->dropped = now;
	if (!more)
		return;
	stream->stray_packets += more;
	stream_tell_refused(stream);
}

void stream_unguard(struct stream *stream)
{
	int unused = 0;

	if (stream->guarded_until_us)
		setsockopt(stream->config.rtp_fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
	stream->guarded_until_us = 0;
}

void stream_note_stranger(struct stream *stream, const struct address *from, size_t bytes)
{
	if (stream->is_latched && !address_eq(from, &stream->latched))
		stream->strangers += 1 + (unsigned)(bytes / WEIGHT_BYTES);
}

void stream_guard(struct stream *stream, int64_t now_us)
{
	/* Whoever is silent may have moved, and would not be heard from elsewhere. */
	bool heard = stream->is_latched && now_us - stream->latched_us < STREAM_LATCH_SILENCE_US;

	if (stream->guarded_until_us)
		count_dropped(stream);
	if (stream->guarded_until_us && (!heard || now_us >= stream->guarded_until_us))
		stream_unguard(stream);
	if (!stream->guarded_until_us && heard && stream->strangers >= FLOOD_PACKETS &&
	    admit_only(stream->config.rtp_fd, &stream->latched)) {
		stream->guarded_until_us = now_us + GUARD_US;
		stream->dropped = dropped(stream->config.rtp_fd);
	}
	stream->strangers = 0;
}
