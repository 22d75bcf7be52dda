/* What tests of whole engines share: sockets of any host on the loopback, a stream that knows every codec, what was
 * told. */
#pragma once

#include "media/engine_internal.h"
#include "media/rtcp.h"
#include "media/rtp.h"

#include <arpa/inet.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { STEP_US = 10000, FIRST_US = 1000000 };

struct seen {
	unsigned count[ENGINE_CLOSED + 1];
	char digits[64];
	struct engine_event last[ENGINE_CLOSED + 1];
};

/* On 127.0.0.`host`: a test has as many hosts as it wants. */
static inline int socket_on(unsigned host, struct address *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof address->u.v4;

	assert_true(fd >= 0);
	*address = (struct address){ 0 };
	address->u.v4.sin_family = AF_INET;
	address->u.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host);
	assert_int_equal(bind(fd, &address->u.any, n), 0);
	assert_int_equal(getsockname(fd, &address->u.any, &n), 0);
	return fd;
}

static inline int udp_socket(struct address *address)
{
	return socket_on(1, address);
}

static inline struct stream_config config_of(enum media_codec codec)
{
	static const uint8_t TYPES[MEDIA_CODECS] = { 0, 8, 111, 9, 112, 11, 113, 114 };
	struct stream_config config = { .rtcp_fd = -1, .sends = true, .receives = true, .cname = "x@y" };

	config.send = (struct stream_codec){ .codec = codec, .payload_type = TYPES[codec] };
	for (int i = 0; i < MEDIA_CODECS; i++)
		config.receive[config.receive_count++] = (struct stream_codec){
			.codec = (enum media_codec)i, .payload_type = TYPES[i] };
	config.has_send_event = true;
	config.send_event.payload_type = 101;
	config.send_event.clock_rate = codec == MEDIA_OPUS ? 48000 : 8000;
	config.receive_event_count = 2;
	config.receive_events[0].payload_type = 101;
	config.receive_events[0].clock_rate = 8000;
	config.receive_events[1].payload_type = 102;
	config.receive_events[1].clock_rate = 48000;
	return config;
}

static inline void collect(struct engine *engine, struct seen *seen)
{
	struct engine_event event;

	while (engine_next_event(engine, &event)) {
		if (event.kind == ENGINE_DTMF)
			strncat(seen->digits, &event.digit, 1);
		seen->count[event.kind]++;
		seen->last[event.kind] = event;
	}
}
