/* Whose calls come through, and where others go. */
#include "base/xmalloc.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

struct listing {
	struct invocation *invocation;
	json_t *list;
};

static void on_forward(void *arg, const char *when, const char *target, int64_t after_us)
{
	struct listing *listing = arg;
	struct buf after;

	buf_init(&after, 64);
	if (after_us)
		duration_print(&after, after_us);
	buf_printf(listing->invocation->out, "%-9s %s%s%s\n", when, target, after_us ? " after=" : "",
		   buf_text(&after));
	json_array_append_new(listing->list,
			      json_pack("{s:s, s:s, s:s}", "when", when, "target", target, "after", buf_text(&after)));
	buf_fini(&after);
}

static enum command_result list_forwards(struct invocation *invocation)
{
	struct listing listing = { invocation, json_array() };

	phone_forwards(invocation->phone, on_forward, &listing);
	if (!json_array_size(listing.list))
		buf_printf(invocation->out, "calls are not forwarded\n");
	invocation->result = listing.list;
	return COMMAND_DONE;
}

static enum command_result do_forward(struct invocation *invocation)
{
	const char *when = invocation->values[0], *target = invocation->values[1],
		   *after = invocation_option(invocation, "after", 0);
	int64_t after_us = 0;

	if (!when)
		return list_forwards(invocation);
	if (after && strcmp(when, "noanswer") != 0)
		return invocation_fail(invocation, STATUS_USAGE, "option", "after= goes with `forward noanswer`");
	if (after && (!duration_parse(slice_of(after), &after_us) || after_us < SECOND_US))
		return invocation_fail(invocation, STATUS_USAGE, "range",
				       "after= is a second or more, as in after=20s");
	if (!strcmp(when, "off"))
		return invocation_end(invocation,
				      phone_forward(invocation->phone, NULL, SLICE("off"), 0, &invocation->failure));
	if (!target)
		return invocation_fail(invocation, STATUS_USAGE, "arguments", "where to? `forward %s TARGET` or `off`",
				       when);
	return invocation_end(invocation,
			      phone_forward(invocation->phone, when, slice_of(target), after_us, &invocation->failure));
}

static void on_rule(void *arg, const char *pattern, bool allows)
{
	struct listing *listing = arg;

	buf_printf(listing->invocation->out, "%s %s\n", allows ? "allow" : "block", pattern);
	json_array_append_new(listing->list,
			      json_pack("{s:s, s:s}", "rule", allows ? "allow" : "block", "pattern", pattern));
}

static enum command_result list_rules(struct invocation *invocation)
{
	struct listing listing = { invocation, json_array() };

	phone_screens(invocation->phone, on_rule, &listing);
	if (!json_array_size(listing.list))
		buf_printf(invocation->out, "nobody is blocked\n");
	invocation->result = listing.list;
	return COMMAND_DONE;
}

static enum command_result screen(struct invocation *invocation, bool allows)
{
	const char *pattern = invocation->values[0], *command = allows ? "allow" : "block";

	if (!pattern)
		return list_rules(invocation);
	/* As `forward off`: but nobody is meant by it, and a rule that fits nobody would look like an answer. */
	if (!strcasecmp(pattern, "off"))
		return invocation_fail(invocation, STATUS_USAGE, "pattern",
				       "'off' is no address: `%s PATTERN off` takes one back, `%s` lists what there is",
				       command, command);
	if (invocation->values[1])
		return invocation_end(invocation, phone_unscreen(invocation->phone, slice_of(pattern), allows,
								 &invocation->failure));
	return invocation_end(invocation,
			      phone_screen(invocation->phone, slice_of(pattern), allows, &invocation->failure));
}

static enum command_result do_block(struct invocation *invocation)
{
	return screen(invocation, false);
}

static enum command_result do_allow(struct invocation *invocation)
{
	return screen(invocation, true);
}

const struct command screening_commands[] = {
	{ .name = "forward",
	  .group = "calls",
	  .run = do_forward,
	  .arguments = { { .name = "WHEN",
			   .kind = ARG_CHOICE,
			   .choices = "always|busy|noanswer|off",
			   .optional = true,
			   .text = "which calls; off: none any more; without it, show" },
			 { .name = "TARGET",
			   .kind = ARG_TARGET,
			   .choices = "off",
			   .optional = true,
			   .text = "where to, or off" } },
	  .options = { { .name = "after", .kind = ARG_DURATION, .text = "noanswer: how long it rings first (20s)" } },
	  .summary = "send calls on to somebody else",
	  .text = "The phone answers them with 302 and the event is `redirected`. Busy means that you are in a call or "
		  "that your `status` is busy. `save` keeps it.",
	  .examples = { "forward noanswer +1-555-0100 after=15s", "forward busy off", "forward off" } },
	{ .name = "block",
	  .group = "calls",
	  .run = do_block,
	  .arguments = { { .name = "PATTERN",
			   .kind = ARG_WORD,
			   .optional = true,
			   .text = "whom: an address, a number, or a shell pattern; without it, list" },
			 { .name = "OFF",
			   .kind = ARG_CHOICE,
			   .choices = "off",
			   .optional = true,
			   .text = "the word off: not any more" } },
	  .summary = "take nothing from somebody",
	  .text = "Their calls are refused with 603, their messages and subscriptions with 403; the event is "
		  "`blocked`. A pattern need not name the scheme and the port. `save` keeps it.",
	  .examples = { "block +4990*", "block *@example.com", "block anonymous*", "block +4990* off" } },
	{ .name = "allow",
	  .group = "calls",
	  .run = do_allow,
	  .arguments = { { .name = "PATTERN", .kind = ARG_WORD, .optional = true, .text = "whom; without it, list" },
			 { .name = "OFF",
			   .kind = ARG_CHOICE,
			   .choices = "off",
			   .optional = true,
			   .text = "the word off: they are as all others again" } },
	  .summary = "take from somebody what others may not send",
	  .text = "Takes a `block` of the same pattern back; otherwise these pass whatever is blocked: `block *` and "
		  "then "
		  "`allow *@example.com` lets only those in.",
	  .examples = { "allow +4990*", "allow bob@biloxi.com", "allow bob@biloxi.com off" } },
};
const size_t screening_command_count = ARRAY_LEN(screening_commands);
