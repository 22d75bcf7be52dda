/* What is done in a call: hold, negotiate anew, mute, choose, transfer, confer, digits. */
#include "command/call_rows.h"
#include "command/internal.h"
#include "command/table.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST_OPTION                                                                                                 \
	{                                                                                                              \
		.name = "request", .kind = ARG_NUMBER, .text = "the key of `transfer-request` or `refer`"              \
	}

/* What has an outcome that a script waits for at its end. */
static enum command_result with_outcome(struct invocation *invocation, enum call_need need,
					bool (*run)(struct phone *phone, unsigned *call, struct failure *failure),
					enum sent_kind kind)
{
	uint64_t since = events_last(phone_events(invocation->phone));
	enum command_result result = invocation_with_call(invocation, invocation->values[0], need, run);

	if (result == COMMAND_DONE && invocation->runner->call)
		outcomes_add_call(invocation->runner, kind, invocation->runner->call, since);
	return result;
}

static enum command_result do_hold(struct invocation *invocation)
{
	return with_outcome(invocation, NEED_ALIVE, phone_hold, SENT_HOLD);
}

static enum command_result do_resume(struct invocation *invocation)
{
	return with_outcome(invocation, NEED_HELD, phone_resume, SENT_RESUME);
}

static bool reinvite(struct phone *phone, unsigned *call, struct failure *failure)
{
	return phone_reinvite(phone, call, false, failure);
}

static bool reinvite_without_sdp(struct phone *phone, unsigned *call, struct failure *failure)
{
	return phone_reinvite(phone, call, true, failure);
}

static enum command_result do_reinvite(struct invocation *invocation)
{
	bool no_sdp = invocation_option(invocation, "sdp", 0) != NULL;

	return with_outcome(invocation, NEED_ALIVE, no_sdp ? reinvite_without_sdp : reinvite, SENT_REINVITE);
}

static bool update(struct phone *phone, unsigned *call, struct failure *failure)
{
	return phone_update(phone, call, false, failure);
}

static bool update_without_sdp(struct phone *phone, unsigned *call, struct failure *failure)
{
	return phone_update(phone, call, true, failure);
}

static enum command_result do_update(struct invocation *invocation)
{
	bool no_sdp = invocation_option(invocation, "sdp", 0) != NULL;

	return with_outcome(invocation, NEED_ALIVE, no_sdp ? update_without_sdp : update, SENT_UPDATE);
}

/* Without a call the microphone is muted for all of them, in scripts too. */
static enum command_result set_muted(struct invocation *invocation, bool muted)
{
	unsigned call = 0;
	bool good = (!invocation->values[0] || invocation_call(invocation, invocation->values[0], NEED_ALIVE, &call)) &&
		    phone_mute(invocation->phone, call, muted, &invocation->failure);

	return invocation_end_call(invocation, good, good ? call : 0);
}

static enum command_result do_mute(struct invocation *invocation)
{
	return set_muted(invocation, true);
}

static enum command_result do_unmute(struct invocation *invocation)
{
	return set_muted(invocation, false);
}

static bool is_held(const struct invocation *invocation, unsigned call)
{
	struct call_view view;

	return phone_view_call(invocation->phone, call, &view) && view.to_be_held;
}

/* Whoever chooses a call that we hold wants to talk in it: resuming chooses it as well. */
static bool select_call(struct invocation *invocation, int step, unsigned *call)
{
	if (!step && is_held(invocation, *call))
		return phone_resume(invocation->phone, call, &invocation->failure);
	return phone_select(invocation->phone, call, step, &invocation->failure) &&
	       (!is_held(invocation, *call) || phone_resume(invocation->phone, call, &invocation->failure));
}

static enum command_result do_select(struct invocation *invocation)
{
	const char *word = invocation->values[0];
	int step = !strcmp(word, "next") ? 1 : !strcmp(word, "previous") ? -1 : 0;
	unsigned call = 0;
	bool good = (step || invocation_call(invocation, word, NEED_ANY, &call)) &&
		    select_call(invocation, step, &call);

	if (good)
		invocation->runner->call = call;
	return invocation_end_call(invocation, good, good ? call : 0);
}

/* Keys are digits until Esc: the prompt sees to it. */
static enum command_result open_keypad(struct invocation *invocation)
{
	struct runner *runner = invocation->runner;
	struct call_view view;
	unsigned call;

	if (runner->current->script || runner->current->reply.send || !runner_is_interactive(runner))
		return invocation_fail(
			invocation, STATUS_USAGE, "keypad",
			"`dtmf` without digits is a keypad for a terminal: write the digits behind it here");
	if (!invocation_call(invocation, invocation_option(invocation, "call", 0), NEED_ALIVE, &call))
		return COMMAND_FAILED;
	if (!call)
		call = phone_selected(invocation->phone);
	if (!phone_view_call(invocation->phone, call, &view))
		return invocation_fail(invocation, STATUS_CALL, "no-such-call", "there is no call now");
	runner->keypad = call;
	buf_printf(invocation->out, "keypad of call %u: 0-9 * # A-D are sent as they are typed, Esc leaves\n", call);
	return invocation_end_call(invocation, true, call);
}

static enum command_result do_dtmf(struct invocation *invocation)
{
	const char *via = invocation_option(invocation, "via", 0);
	unsigned call;

	if (!invocation->values[0])
		return open_keypad(invocation);
	bool good = invocation_call(invocation, invocation_option(invocation, "call", 0), NEED_ALIVE, &call) &&
		    phone_dtmf(invocation->phone, &call, slice_of(invocation->values[0]), slice_of(via),
			       &invocation->failure);

	if (good)
		outcomes_add_call(invocation->runner, SENT_DIGITS, call, 0);
	return invocation_end_call(invocation, good, good ? call : 0);
}

/* ---- transfers ---- */

static enum command_result do_transfer(struct invocation *invocation)
{
	const char *with_word = invocation_option(invocation, "with", 0), *target = invocation->values[0];
	const char **headers = invocation_headers(invocation);
	unsigned call = 0, with = with_word ? phone_find_call(invocation->phone, slice_of(with_word)) : 0;
	uint64_t since = events_last(phone_events(invocation->phone));
	bool good = false;

	if (!with_word == !target)
		fail(&invocation->failure, STATUS_USAGE, "arguments",
		     "transfer wants a TARGET, or with=CALL for the other call");
	else if (with_word && !with)
		fail(&invocation->failure, STATUS_CALL, "no-such-call", "there is no call %.60s", with_word);
	else if (invocation_call(invocation, invocation_option(invocation, "call", 0), NEED_ALIVE, &call))
		good = with ? phone_transfer_with(invocation->phone, &call, with, headers, &invocation->failure)
			    : phone_transfer(invocation->phone, &call, slice_of(target), headers, &invocation->failure);
	free(headers);
	if (good)
		outcomes_add_call(invocation->runner, SENT_TRANSFER, call, since);
	return invocation_end_call(invocation, good, good ? call : 0);
}

/* Not the script's call, which may be another one: the one that was asked in. */
static enum command_result decide_transfer(struct invocation *invocation,
					   bool (*run)(struct phone *phone, unsigned *call, unsigned request,
						       struct failure *failure))
{
	const char *word = invocation->values[0], *request = invocation_option(invocation, "request", 0);
	unsigned call = 0, number = request ? (unsigned)strtoul(request, NULL, 10) : 0;
	bool good = (!word || invocation_call(invocation, word, NEED_ANY, &call)) &&
		    run(invocation->phone, &call, number, &invocation->failure);

	return invocation_end_call(invocation, good, good ? call : 0);
}

static enum command_result do_accept_transfer(struct invocation *invocation)
{
	return decide_transfer(invocation, phone_accept_transfer);
}

static enum command_result do_refuse_transfer(struct invocation *invocation)
{
	return decide_transfer(invocation, phone_refuse_transfer);
}

enum { CONFERENCE_MAX = 64 };

static enum command_result do_conference(struct invocation *invocation)
{
	unsigned calls[CONFERENCE_MAX];

	if (invocation->rest_count > CONFERENCE_MAX)
		return invocation_fail(invocation, STATUS_USAGE, "too-many", "at most %d calls are taken at once",
				       CONFERENCE_MAX);
	for (size_t i = 0; i < invocation->rest_count; i++)
		if (!invocation_call(invocation, invocation->rest[i], NEED_ANY, &calls[i]))
			return COMMAND_FAILED;
	return invocation_end(invocation, phone_conference(invocation->phone, calls, invocation->rest_count,
							   &invocation->failure));
}

static enum command_result do_split(struct invocation *invocation)
{
	return invocation_with_call(invocation, invocation->values[0], NEED_ALIVE, phone_split);
}

const struct command in_call_commands[] = {
	{ .name = "hold",
	  .group = "calls",
	  .run = do_hold,
	  .arguments = { ONE_CALL },
	  .options = { SENDING_OPTIONS },
	  .summary = "hold a call",
	  .text = "Without CALL the selected one. The event `held` tells that it is; a refusal is a `reinvite` with "
		  "its code. A script whose commands are done waits for the outcome, as it does for `resume`, "
		  "`reinvite`, `update` and `transfer`, and a refusal is its failure (status 4). The digits of "
		  "`dtmf` are sent before it ends, too; those that a hold keeps back are a failure.",
	  .examples = { "hold" } },
	{ .name = "resume",
	  .aliases = "unhold retrieve",
	  .group = "calls",
	  .run = do_resume,
	  .arguments = { ONE_CALL },
	  .options = { SENDING_OPTIONS },
	  .summary = "go on with a held call",
	  .text = "Without CALL the only held call is meant. Another call that is active is held.",
	  .examples = { "resume", "resume 1" } },
	{ .name = "reinvite",
	  .group = "calls",
	  .run = do_reinvite,
	  .arguments = { ONE_CALL },
	  .options = { { .name = "sdp",
			 .kind = ARG_CHOICE,
			 .choices = "none",
			 .text = "leave the offer to the other side" },
		       SENDING_OPTIONS },
	  .summary = "negotiate a call anew (re-INVITE)",
	  .text = "Sends the session as it is, which finds a dead peer and renews addresses.",
	  .examples = { "reinvite" } },
	{ .name = "update",
	  .group = "calls",
	  .run = do_update,
	  .arguments = { ONE_CALL },
	  .options = { { .name = "sdp", .kind = ARG_CHOICE, .choices = "none", .text = "refresh addresses only" },
		       SENDING_OPTIONS },
	  .summary = "negotiate a call anew by UPDATE, before the answer too",
	  .text = "Without CALL the selected one. Unlike `reinvite` it needs no ACK and no user on the other side "
		  "(RFC 3311). The event `update` tells the outcome.",
	  .examples = { "update", "update 2 sdp=none" } },
	{ .name = "mute",
	  .group = "calls",
	  .run = do_mute,
	  .ends = true,
	  .arguments = { ONE_CALL },
	  .summary = "send silence",
	  .text = "Without CALL the microphone is muted for all calls. With it the others of a conference still hear "
		  "you, and as long as one does you hear yourself, if audio.side-tone is on.",
	  .examples = { "mute", "mute 1" } },
	{ .name = "unmute",
	  .group = "calls",
	  .run = do_unmute,
	  .arguments = { ONE_CALL },
	  .summary = "send the microphone again",
	  .text = "Without CALL for all calls.",
	  .examples = { "unmute" } },
	{ .name = "select",
	  .aliases = "line",
	  .group = "calls",
	  .run = do_select,
	  .arguments = { { .name = "CALL", .kind = ARG_DIRECTION, .text = "a call's number or id, next or previous" } },
	  .summary = "choose the call that you hear and that commands mean",
	  .text = "Another call that is active is held, and the one chosen goes on.",
	  .examples = { "select 2", "select next" } },
	{ .name = "transfer",
	  .group = "calls",
	  .run = do_transfer,
	  .arguments = { { .name = "TARGET",
			   .kind = ARG_TARGET,
			   .optional = true,
			   .text = "whom the peer shall call" } },
	  .options = { { .name = "with", .kind = ARG_CALL, .text = "join the peers of two calls instead" },
		       CALL_OPTION,
		       { .name = "header",
			 .kind = ARG_HEADER,
			 .repeats = true,
			 .text = "one more header field of the REFER" } },
	  .summary = "ask the other side of a call to call someone else, and leave",
	  .text = "Without call= the selected call is transferred. With TARGET the other side is sent there without "
		  "asking first; with=CALL joins it with the other side of a second call, which you have talked to. "
		  "The events `transfer-progress`, `transferred` and `transfer-failed` tell how it goes; when it has "
		  "worked your call ends, when not it goes on. A script whose commands are done waits for one of the "
		  "last two; that the other side refuses, does not answer, or does not tell how it went is its failure "
		  "(status 4).",
	  .examples = { "transfer sip:carol@chicago.com", "transfer with=2", "transfer carol call=1" } },
	{ .name = "accept-transfer",
	  .group = "calls",
	  .run = do_accept_transfer,
	  .arguments = { ONE_CALL },
	  .options = { REQUEST_OPTION },
	  .summary = "call whom the other side asks you to call",
	  .text = "Without CALL the only transfer that is asked for is meant; an error lists them when there are "
		  "several, those outside of calls too. `call.follow-transfer on` does it by "
		  "itself, `off` refuses all.",
	  .examples = { "accept-transfer", "accept-transfer 1", "accept-transfer request=2" } },
	{ .name = "refuse-transfer",
	  .group = "calls",
	  .run = do_refuse_transfer,
	  .ends = true,
	  .arguments = { ONE_CALL },
	  .options = { REQUEST_OPTION },
	  .summary = "do not call whom the other side asks you to call",
	  .text = "Without CALL the only transfer that is asked for is meant.",
	  .examples = { "refuse-transfer" } },
	{ .name = "conference",
	  .group = "calls",
	  .run = do_conference,
	  .arguments = { { .name = "CALL",
			   .kind = ARG_CALL,
			   .repeats = true,
			   .text = "calls by their numbers or ids" } },
	  .summary = "talk with several at once",
	  .text = "All these calls, and those in the conference already, hear each other and you. A single CALL joins "
		  "the conference, or the call you talk in. Those on hold are resumed; a later `hold` or `hangup` of "
		  "one leaves the others together.",
	  .examples = { "conference 1 2", "conference 3" } },
	{ .name = "split",
	  .group = "calls",
	  .run = do_split,
	  .arguments = { { .name = "CALL", .kind = ARG_CALL, .text = "a call's number or id" } },
	  .summary = "take a call out of the conference",
	  .text = "You stay with the others, and it is held (`call.auto-hold`).",
	  .examples = { "split 2" } },
	{ .name = "dtmf",
	  .group = "calls",
	  .run = do_dtmf,
	  .arguments = { { .name = "DIGITS",
			   .kind = ARG_DIGITS,
			   .optional = true,
			   .text = "0-9 * # A-D, and a comma for a pause; without them, at a terminal, keys are digits "
				   "until Esc" } },
	  .options = { CALL_OPTION,
		       { .name = "via", .kind = ARG_CHOICE, .choices = "auto|rtp|info|audio", .text = "how they go" } },
	  .summary = "press keys of the keypad",
	  .text = "The pause of a comma is `dtmf.pause`. Without via= they go as `dtmf.via` says.",
	  .examples = { "dtmf 42#", "dtmf 1,2 call=2", "dtmf" } },
};
const size_t in_call_command_count = ARRAY_LEN(in_call_commands);
