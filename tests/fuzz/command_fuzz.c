/*
 * Fuzz target of the command language and of JSON-RPC, on a phone that only remembers
 * (tests/unit/command/fake_phone.h). The first byte says what the rest is: a command file; lines as typed, each
 * completed too; or lines of a JSON-RPC client, as the control socket has them. Every request with an id gets one
 * answer, and answers are lines of JSON that can be read. Run: command_fuzz -dict=tests/fuzz/command.dict
 * tests/fuzz/corpus/command
 */
#include "tests/unit/command/fake_phone.h"
#include "tests/fuzz/check.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES_FED = 24, WAITS = 12 };

static struct {
	unsigned asked, answered;
} rpc;

/* ---- JSON-RPC ---- */

static void on_reply(void *arg, const char *line)
{
	json_error_t error;

	(void)arg;
	rpc.answered++;
	check(rpc.answered <= rpc.asked);
	if (!line)
		return;
	check(!strchr(line, '\n'));
	json_t *answer = json_loads(line, 0, &error);
	check(json_is_object(answer));
	check(json_object_get(answer, "id") != NULL);
	check(!json_object_get(answer, "result") != !json_object_get(answer, "error"));
	json_decref(answer);
}

static void as_client(struct fake *fake, struct slice text)
{
	runner_keep_going(fake->runner, true);
	for (int i = 0; i < LINES_FED && text.n; i++) {
		/* A copy of its own, so that reading one byte too far is seen. */
		struct slice part = slice_trim(slice_cut(&text, '\n'));
		char *copy = slice_dup(part);
		struct slice line = slice_make(copy, part.n);
		rpc.asked += line.n > 0;
		if (line.n && line.p[0] == '{')
			rpc_line(fake->runner, line, on_reply, NULL);
		else if (line.n)
			rpc_command_line(fake->runner, line, "line", on_reply, NULL);
		free(copy);
		fake_turn(fake);
	}
}

/* ---- lines, files ---- */

static void complete(struct fake *fake, struct slice line)
{
	struct completion completion;

	commands_complete(fake->commands, line, line.n, &completion);
	check(completion.start <= line.n);
	completion_fini(&completion);
}

static void as_typed(struct fake *fake, struct slice text)
{
	runner_keep_going(fake->runner, true);
	for (int i = 0; i < LINES_FED && text.n; i++) {
		struct slice line = slice_cut(&text, '\n');
		complete(fake, line);
		runner_line(fake->runner, line, true);
		fake_turn(fake);
		(void)runner_takes_command(fake->runner, line);
	}
}

static void as_file(struct fake *fake, struct slice text)
{
	char *copy = slice_dup(text);

	(void)runner_text(fake->runner, "f.call", slice_make(copy, text.n));
	free(copy);
}

/* Calls change, messages come, time passes: what waits goes on. */
static void world_goes_on(struct fake *fake)
{
	fake_event(fake, "ringing", 1, "code=180", NULL);
	fake_event(fake, "answered", 1, "codec=PCMU", NULL);
	fake_event(fake, "dtmf", 2, "digit=5", NULL);
	fake_event(fake, "ended", 1, "code=200", "cause=remote", "text=$(x) \"q\"", NULL);
	for (int i = 0; i < WAITS; i++)
		fake_advance(fake, 2 * SECOND_US);
	fake_devices(fake);
	fake_turn(fake);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *state = NULL;

	if (!size || size > 8192)
		return 0;
	memset(&rpc, 0, sizeof rpc);
	fake_setup(&state);
	struct fake *fake = state;
	fake_call(fake, false, CALL_ANSWERED);
	fake_call(fake, true, CALL_INCOMING);
	struct slice text = slice_make(data + 1, size - 1);
	switch (data[0] % 3) {
	case 0: as_file(fake, text); break;
	case 1: as_typed(fake, text); break;
	default: as_client(fake, text); break;
	}
	world_goes_on(fake);
	runner_interrupt(fake->runner);
	fake_turn(fake);
	fake_teardown(&state);
	check(rpc.answered <= rpc.asked);
	return 0;
}
