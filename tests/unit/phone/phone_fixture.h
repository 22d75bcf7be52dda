/* A phone, or two, on one loop with real loopback sockets: what the tests of whole phones need. */
#pragma once

/* Before cmocka, whose macro fail() has the name of one of our functions. */
#include "phone/phone_internal.h"

#include "tests/unit/unit.h"

#include <sys/stat.h>
#include <unistd.h>

struct world {
	struct loop *loop;
	struct log log;
	struct phone *phones[2];
	char dir[64];
	bool timed_out;
	struct timer limit, tick;
	/* what is waited for */
	bool (*reached)(struct world *world);
	struct phone *waiting;
	enum event_kind kind;
	uint64_t cursor[2][EVENT_KINDS]; /* each kind is awaited for itself: sound may come before the answer is read */
	const struct event *found;
	char warnings[8192];
	/* sockets of scripted peers, closed at the end even when a test fails */
	struct loop_watch *watches[4];
	int fds[4], watch_count;
	void *kept[4];
};

static inline void world_log(void *arg, enum log_level level, const char *line)
{
	struct world *world = arg;
	size_t used = strlen(world->warnings);

	if (level <= LOG_WARNING)
		snprintf(world->warnings + used, sizeof world->warnings - used, "%s\n", line);
}

static inline void world_timed_out(void *arg)
{
	struct world *world = arg;

	world->timed_out = true;
	loop_stop(world->loop);
}

/* Quantities change without an event: look at them now and then. */
static inline void world_tick(void *arg)
{
	struct world *world = arg;

	timer_start(loop_timers(world->loop), &world->tick, 50 * MS_US, world_tick, world);
}

static inline void world_turn(void *arg)
{
	struct world *world = arg;

	for (int i = 0; i < 2; i++)
		if (world->phones[i])
			phone_turn_end(world->phones[i]);
	if (world->reached && world->reached(world))
		loop_stop(world->loop);
}

static inline void must_set(struct phone *phone, const char *name, const char *value)
{
	struct failure failure;

	if (!phone_set(phone, slice_of(name), slice_of(value), false, &failure))
		fail_msg("set %s %s: %s", name, value, failure.text);
}

/* Below the ephemeral ports, of this process's own: what another sends to a port that it had is nobody's sound here. */
static inline const char *world_ports(int count)
{
	static char text[32];
	int low = 10000 + (int)getpid() % 55 * 400;

	snprintf(text, sizeof text, "%d-%d", low, low + count - 1);
	return text;
}

static inline struct phone *world_phone(struct world *world, int i, bool kept)
{
	struct phone_config config = { .loop = world->loop,
				       .log = &world->log,
				       .config_dir = kept ? world->dir : NULL,
				       .state_dir = kept ? world->dir : NULL };

	world->phones[i] = phone_new(&config);
	must_set(world->phones[i], "sip.listen", "127.0.0.1:0");
	must_set(world->phones[i], "media.ports", world_ports(400));
	must_set(world->phones[i], "audio.input", "tone:440");
	must_set(world->phones[i], "audio.output", "null");
	must_set(world->phones[i], "audio.ringer", "null");
	return world->phones[i];
}

/* Both of them. */
static inline void two_phones(struct world *world)
{
	world_phone(world, 0, false);
	world_phone(world, 1, false);
}

/* A call that must begin. */
static inline unsigned dial(struct phone *phone, const char *target, const struct call_options *options)
{
	struct failure failure;
	unsigned call = 0;

	if (!phone_call(phone, slice_of(target), options, &call, NULL, &failure))
		fail_msg("call %s: %s", target, failure.text);
	return call;
}

/* Where the second phone listens. */
static inline char *address_of(struct phone *phone, const char *user)
{
	struct failure failure;
	struct address bound;
	static char text[160], address[ADDRESS_TEXT];

	assert_true(phone_start(phone, &failure));
	assert_true(net_bound(phone->net, 0, &bound, NULL));
	snprintf(text, sizeof text, "sip:%s@%s", user, address_print(&bound, address));
	return text;
}

static inline void must(bool good, const struct failure *failure)
{
	if (!good)
		fail_msg("%s", failure->text);
}

static inline int world_setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);

	world->loop = loop_new();
	world->log = (struct log){ .write = world_log, .arg = world, .level = LOG_DEBUG };
	snprintf(world->dir, sizeof world->dir, "/tmp/phone-test-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	loop_at_turn_end(world->loop, world_turn, world);
	*state = world;
	return 0;
}

/* Turn until `reached` says so. @return false: not within `us` */
static inline bool world_run(struct world *world, bool (*reached)(struct world *world), int64_t us)
{
	world->reached = reached;
	world->timed_out = false;
	timer_start(loop_timers(world->loop), &world->limit, us, world_timed_out, world);
	world_tick(world);
	if (!reached(world))
		loop_run(world->loop);
	timer_stop(loop_timers(world->loop), &world->limit);
	timer_stop(loop_timers(world->loop), &world->tick);
	world->reached = NULL;
	return !world->timed_out;
}

static inline bool world_quiet(struct world *world)
{
	for (int i = 0; i < 2; i++)
		if (world->phones[i] && !phone_is_quiet(world->phones[i]))
			return false;
	return true;
}

static inline bool event_came(struct world *world)
{
	int i = world->waiting == world->phones[1];

	for (const struct event *event;
	     (event = events_next(phone_events(world->waiting), world->cursor[i][world->kind])) != NULL;) {
		world->cursor[i][world->kind] = event->number;
		if (event->kind == world->kind) {
			world->found = event;
			return true;
		}
	}
	return false;
}

/* The next event of this kind, or the test fails. */
static inline const struct event *await(struct world *world, struct phone *phone, enum event_kind kind)
{
	world->waiting = phone;
	world->kind = kind;
	if (!world_run(world, event_came, 10 * SECOND_US)) {
		struct buf line;
		buf_init(&line, 65536);
		for (const struct event *event = NULL;
		     (event = events_next(phone_events(phone), event ? event->number : 0)) != NULL;) {
			buf_printf(&line, "\n  ");
			event_sentence(event, &line);
		}
		fail_msg("no event %s within 10 s; there were:%s\n%s", event_name(kind), buf_text(&line),
			 world->warnings);
	}
	return world->found;
}

static inline double number_of(struct phone *phone, unsigned call, const char *name)
{
	struct buf text;
	double value;
	bool is_number;

	buf_init(&text, 4096);
	assert_true(phone_quantity(phone, call, slice_of(name), &text, &value, &is_number));
	buf_fini(&text);
	return value;
}

static inline char *text_of(struct phone *phone, unsigned call, const char *name)
{
	struct buf text;
	double value;
	bool is_number;

	buf_init(&text, 4096);
	assert_true(phone_quantity(phone, call, slice_of(name), &text, &value, &is_number));
	return buf_take(&text);
}

static inline int world_teardown(void **state)
{
	struct world *world = *state;
	char command[128];

	for (int i = 0; i < 2; i++)
		if (world->phones[i])
			phone_shut_down(world->phones[i]);
	world_run(world, world_quiet, 5 * SECOND_US);
	for (int i = 0; i < 2; i++) {
		phone_free(world->phones[i]);
		world->phones[i] = NULL;
	}
	for (int i = 0; i < world->watch_count; i++) {
		loop_unwatch(world->watches[i]);
		close(world->fds[i]);
		free(world->kept[i]);
	}
	loop_free(world->loop);
	snprintf(command, sizeof command, "rm -rf '%s'", world->dir);
	int status = system(command);
	free(world);
	return status;
}
