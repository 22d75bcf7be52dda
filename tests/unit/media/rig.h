/*
 * Engines in one process over real loopback sockets, with virtual time, any two of them linked by a call. Files are
 * read and written by real threads: rig_until() steps until what they do has come.
 */
#pragma once

#include "media/engine.h"

#include <arpa/inet.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { RIG_ENGINES = 4, RIG_STREAMS = 8, RIG_STEP_US = 10000, RIG_PATIENCE_STEPS = 2000000 };

struct rig {
	struct random random;
	size_t engine_count, stream_count;
	struct engine *engines[RIG_ENGINES];
	struct { struct engine *engine; struct stream *stream; } streams[RIG_STREAMS];
	int64_t now_us;
	unsigned seen[ENGINE_CLOSED + 1];
	struct engine_event last[ENGINE_CLOSED + 1];
	char path[4096];          /* of the last event that has one */
};

static inline void rig_begin(struct rig *rig, size_t engines)
{
	*rig = (struct rig){ .now_us = 1000000, .engine_count = engines };
	random_init_seeded(&rig->random, 11);
	for (size_t i = 0; i < engines; i++)
		rig->engines[i] = engine_new(&rig->random, false);
}

static inline int rig_socket(struct address *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof address->u.v4;

	assert_true(fd >= 0);
	*address = (struct address){ 0 };
	address->u.v4.sin_family = AF_INET;
	address->u.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, &address->u.any, n), 0);
	assert_int_equal(getsockname(fd, &address->u.any, &n), 0);
	return fd;
}

static inline struct stream *rig_add(struct rig *rig, size_t engine, const struct stream_config *config)
{
	enum err err;
	size_t n = rig->stream_count++;

	rig->streams[n].engine = rig->engines[engine];
	rig->streams[n].stream = engine_add(rig->engines[engine], config, (void *)(uintptr_t)(n + 1), &err);
	assert_non_null(rig->streams[n].stream);
	return rig->streams[n].stream;
}

/** A call by PCMA between two engines. */
static inline void rig_link(struct rig *rig, size_t a, size_t b, struct stream **at_a, struct stream **at_b)
{
	struct stream_config config = { .rtcp_fd = -1, .sends = true, .receives = true, .cname = "x@y" };
	struct address here, there;

	config.send = (struct stream_codec){ .codec = MEDIA_PCMA, .payload_type = 8 };
	config.receive[config.receive_count++] = config.send;
	int fd = rig_socket(&here), other = rig_socket(&there);
	config.rtp_fd = fd;
	config.rtp = there;
	*at_a = rig_add(rig, a, &config);
	config.rtp_fd = other;
	config.rtp = here;
	*at_b = rig_add(rig, b, &config);
}

static inline void rig_step(struct rig *rig)
{
	for (size_t i = 0; i < rig->engine_count; i++) {
		struct engine_event event;
		engine_step(rig->engines[i], rig->now_us);
		while (engine_next_event(rig->engines[i], &event)) {
			rig->seen[event.kind]++;
			rig->last[event.kind] = event;
			if (event.path)
				snprintf(rig->path, sizeof rig->path, "%s", event.path);
		}
	}
	rig->now_us += RIG_STEP_US;
}

static inline void rig_run(struct rig *rig, unsigned ms)
{
	for (unsigned i = 0; i < ms / 10; i++)
		rig_step(rig);
}

/** Step until the nth event of this kind has come. */
static inline void rig_until(struct rig *rig, enum engine_event_kind kind, unsigned n)
{
	for (long i = 0; rig->seen[kind] < n; i++) {
		assert_true(i < RIG_PATIENCE_STEPS);
		rig_step(rig);
		sched_yield();
	}
}

/** What is heard in a stream now. */
static inline double rig_hz(const struct stream *stream)
{
	struct stream_stats stats;

	engine_stats(stream, &stats);
	return stats.tone_hz;
}

static inline void rig_end(struct rig *rig)
{
	for (size_t i = 0; i < rig->stream_count; i++)
		if (rig->streams[i].stream)
			engine_remove(rig->streams[i].engine, rig->streams[i].stream);
	rig_step(rig);
	for (size_t i = 0; i < rig->engine_count; i++)
		engine_free(rig->engines[i]);
}
