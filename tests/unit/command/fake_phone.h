/*
 * A phone that only remembers what it was told: phone.h and the few functions of loop.h that command/ calls, without
 * network, sound or time of its own. Events and settings are the real ones.
 */
#pragma once

#include "tests/unit/unit.h"
#undef fail /* cmocka's; ours fills a struct failure */
#undef fail_msg
#define fail_msg(...)                                                                                                  \
	do {                                                                                                           \
		print_error(__VA_ARGS__);                                                                              \
		print_error("\n");                                                                                     \
		assert_true(false);                                                                                    \
	} while (0)

#include "base/timer.h"
#include "command/command.h"
#include "loop/loop.h"

enum { FAKE_CALLS = 8, FAKE_ACCOUNTS = 4 };

struct loop {
	struct timers timers;
	unsigned again;
	/* the program that runs */
	loop_child_h *child_done;
	void *child_arg;
	char child_words[200];
	unsigned killed;
};

struct phone {
	struct loop *loop;
	struct events *events;
	struct settings *settings;
	struct buf told;             /* a line each function that changes something */
	struct failure next_failure; /* of the next of them, when its text is not empty */
	struct call_view calls[FAKE_CALLS];
	size_t call_count;
	unsigned selected, request;
	unsigned message;
	bool under_way;
	struct account_view accounts[FAKE_ACCOUNTS];
	size_t account_count;
	bool slow_devices; /* the list of devices comes by fake_devices() */
	phone_device_h *device_each;
	void *device_arg;
	bool traced;
};

/* All that a test of the command language needs. */
struct fake {
	struct loop loop;
	struct phone *phone;
	struct commands *commands;
	struct runner *runner;
	struct buf said; /* "= result", "> echo", "! where text", "  shown", "ended 0" */
	int ended;       /* how often the runner came to its end */
	int status;
};

int fake_setup(void **state);
int fake_teardown(void **state);
/** A call in this state; returns its number. */
unsigned fake_call(struct fake *fake, bool incoming, enum call_state state);
/** Append an event of the call with "key=value" fields, NULL behind the last. */
void fake_event(struct fake *fake, const char *name, unsigned call, ...);
/** The end of a turn. */
void fake_turn(struct fake *fake);
/** Time passes, and turns with it. */
void fake_advance(struct fake *fake, int64_t us);
/** Run a line as of a file, or as typed. */
void fake_run(struct fake *fake, const char *line);
void fake_type(struct fake *fake, const char *line);
/** Queue a command file's text under the name f.call. */
bool fake_file(struct fake *fake, const char *text);
void fake_devices(struct fake *fake);
/** What was said, or told to the phone, since last asked. Valid until asked again. */
const char *fake_said(struct fake *fake);
const char *fake_told(struct fake *fake);
/** The functions by which any runner says things into fake->said. */
struct runner_output fake_output(struct fake *fake);
