/* Messages: sending, reading, chatting. */
#include "base/xmalloc.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

static enum command_result do_message(struct invocation *invocation)
{
	const char **headers = invocation_headers(invocation);
	unsigned number = 0;
	bool good = phone_message(invocation->phone, slice_of(invocation->values[0]), slice_of(invocation->values[1]),
				  invocation_option(invocation, "from", 0), headers, &number, &invocation->failure);

	free(headers);
	if (good) {
		invocation->result = json_pack("{s:i}", "message", (int)number);
		outcomes_add(invocation->runner, (struct sent){ .number = number });
	}
	return invocation_end(invocation, good);
}

static void begin_chat(struct runner *runner, const char *uri, const char *shown)
{
	xreplace(&runner->chat, uri);
	xreplace(&runner->chat_name, shown);
}

static enum command_result do_chat(struct invocation *invocation)
{
	struct runner *runner = invocation->runner;
	struct buf uri, shown;
	bool good;

	if (runner->current->script || (runner->current->reply.send && !runner->current->interactive))
		return invocation_fail(invocation, STATUS_USAGE, "chat",
				       "`chat` is for lines that are typed: use `message TARGET TEXT` here");
	buf_init(&uri, 8192);
	buf_init(&shown, 8192);
	good = phone_target(invocation->phone, slice_of(invocation->values[0]), &uri, &shown, &invocation->failure);
	if (good) {
		begin_chat(runner, buf_text(&uri), buf_text(&shown));
		/* Of the command line: `offhook chat bob` means what is typed then, too. */
		if (!strcmp(runner->name, "-x") && invocation->commands->typed)
			begin_chat(invocation->commands->typed, buf_text(&uri), buf_text(&shown));
		buf_printf(invocation->out,
			   "chat with %s: what you type is sent; /COMMAND runs a command, /close leaves\n",
			   buf_text(&shown));
	}
	buf_fini(&uri);
	buf_fini(&shown);
	return invocation_end(invocation, good);
}

struct listing {
	struct invocation *invocation;
	json_t *list;
	const char *match; /* NULL: all */
	size_t skip;       /* the older ones of them */
};

/* A part of what was written, or of whom with, whatever its case. */
static bool is_wanted(const struct listing *listing, const struct message_record *message)
{
	return !listing->match || strcasestr(message->text, listing->match) ||
	       strcasestr(message->peer, listing->match) || strcasestr(message->name, listing->match);
}

static void count_wanted(void *arg, const struct message_record *message)
{
	struct listing *listing = arg;

	listing->skip += is_wanted(listing, message);
}

static const char *state_word(const struct message_record *message)
{
	static const char *const words[] = { "received", "sending", "sent", "failed" };

	return words[message->state];
}

/* Further lines of a text stand below its first. */
static void print_text(struct buf *out, const char *text)
{
	for (struct slice rest = slice_of(text); rest.p;) {
		struct slice line = slice_cut(&rest, '\n');
		buf_printf(out, "%.*s\n%s", SLICE_ARG(line), rest.p ? "      " : "");
	}
}

static void on_message(void *arg, const struct message_record *message)
{
	struct listing *listing = arg;
	struct buf *out = listing->invocation->out;
	time_t seconds = (time_t)(message->unix_us / SECOND_US);
	struct tm tm;
	char when[32];

	if (!is_wanted(listing, message))
		return;
	if (listing->skip) {
		listing->skip--;
		return;
	}
	localtime_r(&seconds, &tm);
	strftime(when, sizeof when, "%F %T", &tm);
	buf_printf(out, "%s%4u  %s  %s %s", message->state == MESSAGE_RECEIVED && !message->seen ? "*" : " ",
		   message->number, when, message->state == MESSAGE_RECEIVED ? "from" : "to",
		   *message->name ? message->name : message->peer);
	if (message->state == MESSAGE_FAILED) {
		buf_printf(out, " (not delivered: ");
		outcome_text(out, message->code, message->reason, NULL);
		buf_add_char(out, ')');
	} else if (message->state == MESSAGE_SENDING) {
		buf_printf(out, " (on its way)");
	}
	buf_printf(out, ": ");
	print_text(out, message->text);
	json_array_append_new(listing->list,
			      json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:i}", "message",
					(int)message->number, "state", state_word(message), "peer", message->peer,
					"name", message->name, "account", message->account, "text", message->text,
					"seen", (int)message->seen, "time", (json_int_t)(message->unix_us / SECOND_US),
					"code", (int)message->code));
}

enum command_result invocation_messages(struct invocation *invocation, const char *with)
{
	const char *last = invocation_option(invocation, "last", 0);
	struct listing listing = { .invocation = invocation,
				   .list = json_array(),
				   .match = invocation_option(invocation, "match", 0) };
	size_t most = last ? strtoul(last, NULL, 10) : SIZE_MAX;

	/* The newest of them are wanted, and they come oldest first. Who searches has not seen the others. */
	bool good = !last || phone_messages_find(invocation->phone, slice_of(with), count_wanted, &listing,
						 &invocation->failure);
	listing.skip = listing.skip > most ? listing.skip - most : 0;
	good = good && (last || listing.match ? phone_messages_find : phone_messages)(
			       invocation->phone, slice_of(with), on_message, &listing, &invocation->failure);
	if (good && !json_array_size(listing.list))
		buf_printf(invocation->out, "no messages%s\n",
			   listing.match ? " like that"
			   : with	 ? " with them"
					 : "");
	invocation->result = listing.list;
	return invocation_end(invocation, good);
}

static enum command_result do_inbox(struct invocation *invocation)
{
	return invocation_messages(invocation, invocation->values[0]);
}

const struct command messages_commands[] = {
	{ .name = "message",
	  .aliases = "msg",
	  .group = "messages",
	  .run = do_message,
	  .arguments = { { .name = "TARGET", .kind = ARG_TARGET, .text = "whom" },
			 { .name = "TEXT", .kind = ARG_TEXT, .text = "what to say, to the end of the line" } },
	  .options = { { .name = "from", .kind = ARG_ACCOUNT, .text = "the account to write from" },
		       { .name = "header",
			 .kind = ARG_HEADER,
			 .repeats = true,
			 .text = "one more header field of the request" } },
	  .summary = "send somebody a text",
	  .text = "Returns at once; the event `message-sent` or `message-failed` tells what became of it. A script "
		  "does "
		  "not end before it knows, and with status 4 when the message was not delivered and no `wait "
		  "message-failed` asked for that. A text that is too long for UDP goes by TCP or not at all.",
	  .examples = { "message sip:bob@biloxi.com the meeting is at ten", "msg Bob from=work \"two\\nlines\"" } },
	{ .name = "chat",
	  .group = "messages",
	  .run = do_chat,
	  .arguments = { { .name = "TARGET", .kind = ARG_TARGET, .text = "whom" } },
	  .summary = "write with somebody line by line",
	  .text = "The prompt becomes their name, and each line is sent as it is typed. `/COMMAND` runs a command, "
		  "`//` "
		  "sends a line that begins with a slash, `/close` leaves, and so does C-d. They are told while you "
		  "type (`set message.typing off` keeps that to yourself).",
	  .examples = { "chat bob@biloxi.com" } },
	{ .name = "inbox",
	  .group = "messages",
	  .run = do_inbox,
	  .arguments = { { .name = "TARGET",
			   .kind = ARG_TARGET,
			   .optional = true,
			   .text = "only what was written with them" } },
	  .options = { { .name = "match", .kind = ARG_WORD, .text = "a part of the text, the name or the address" },
		       { .name = "last", .kind = ARG_NUMBER, .text = "no more than so many, the newest" } },
	  .summary = "show what was written and received",
	  .text = "The messages kept, oldest first; a star marks those that you have not seen here yet.",
	  .examples = { "inbox", "inbox bob@biloxi.com last=10", "inbox match=lunch" } },
};
const size_t messages_command_count = ARRAY_LEN(messages_commands);
