#include "phone/messages_internal.h"

#include "base/utf8.h"
#include "base/xmalloc.h"

#include <stdio.h>
#include <time.h>

enum {
	TEXT_MAX = 32 * 1024, /* bytes that we send */
	KEPT_MAX = 1000,      /* messages kept, and their bytes */
	KEPT_BYTES = 4 << 20,
	UNDER_WAY_MAX = 256,
};

/* A message of ours whose outcome is awaited. */
struct sending {
	struct list_node node;
	struct messages *messages;
	struct request *request;
	unsigned number;
	char *from, *to, *account;
};

static int64_t unix_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

/* ---- life ---- */

struct messages *messages_new(struct phone *phone)
{
	struct messages *messages = xcalloc(1, sizeof *messages);

	messages->phone = phone;
	messages->store = message_store_new(phone->store, KEPT_MAX, KEPT_BYTES);
	list_init(&messages->sendings);
	list_init(&messages->typists);
	return messages;
}

static void sending_free(struct sending *sending)
{
	sending->messages->sending_count--;
	list_remove(&sending->node);
	free(sending->from);
	free(sending->to);
	free(sending->account);
	free(sending);
}

void messages_free(struct messages *messages)
{
	LIST_EACH(&messages->sendings, node) {
		struct sending *sending = LIST_ENTRY(node, struct sending, node);
		request_detach(sending->request);
		sending_free(sending);
	}
	typing_free(messages);
	message_store_free(messages->store);
	free(messages);
}

bool messages_wait(const struct messages *messages)
{
	return !list_empty(&messages->sendings);
}

/* ---- sending ---- */

struct request *messages_send(struct messages *messages, const struct account *account, const char *uri,
			      const struct extra_header *extra, size_t extra_count, struct slice type,
			      struct slice body, request_h *handler, void *arg, enum err *err)
{
	struct phone *phone = messages->phone;
	struct identity identity;
	struct address local;
	char nobody[160];

	phone_local_towards(phone, uri, &local);
	identity_of(phone, account, &local, nobody, &identity);
	return ua_request(phone->ua,
			  &(struct request_config){ .identity = &identity,
						    .method = SLICE("MESSAGE"),
						    .target = slice_of(uri),
						    .content_type = type,
						    .body = body,
						    .extra = extra,
						    .extra_count = extra_count,
						    .stays_on_stream = true,
						    .handler = handler,
						    .arg = arg },
			  err);
}

static void on_sent(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	struct sending *sending = arg;
	struct messages *messages = sending->messages;
	bool good = outcome->status < 300;
	const char *local = explain_local_cause(outcome);

	if (!final)
		return;
	if (!good && outcome->cause == CAUSE_CONNECT && request_was_too_big(request))
		local = "the text is too long for UDP, and the other side cannot be reached by TCP";
	char *reason = clean(local ? slice_of(local) : outcome->reason);
	struct event *event = events_add(messages->phone->events, good ? EVENT_MESSAGE_SENT : EVENT_MESSAGE_FAILED, 0);
	const struct message_record *record = message_store_find(messages->store, sending->number);

	event_number(event, "message", sending->number);
	event_text(event, "from", slice_of(sending->from));
	event_text(event, "to", slice_of(sending->to));
	event_text(event, "account", slice_of(sending->account));
	event_lines(event, "text", slice_of(record ? record->text : ""));
	event_number(event, "code", outcome->status);
	event_text(event, "reason", slice_of(reason));
	if (!good)
		event_text(event, "cause",
			   slice_of(outcome->cause == CAUSE_RESPONSE ? "refused" : cause_name(outcome->cause)));
	/* The code that is kept is one that somebody has said. */
	message_store_finish(messages->store, sending->number, good ? MESSAGE_SENT : MESSAGE_FAILED,
			     local ? 0 : outcome->status, reason);
	if (!good && local && local != explain_local_cause(outcome))
		phone_note_failure(messages->phone, "MESSAGE to %s: %s", sending->to, local);
	else if (!good)
		phone_note_outcome(messages->phone, outcome, sending->account, reason, "MESSAGE to %s", sending->to);
	free(reason);
	sending_free(sending);
}

static bool check_text(struct slice text, struct failure *failure)
{
	if (!text.n)
		return fail(failure, STATUS_USAGE, "empty", "there is nothing to send: write a text behind the target");
	if (text.n > TEXT_MAX)
		return fail(failure, STATUS_USAGE, "too-big", "a message has at most %d bytes; this one has %zu",
			    TEXT_MAX, text.n);
	if (!utf8_valid(text))
		return fail(failure, STATUS_USAGE, "encoding", "the text is not UTF-8");
	return true;
}

/* @return false: it is not, and gone */
static bool is_person(struct target *target, struct failure *failure)
{
	if (!target->is_echo)
		return true;
	target_fini(target);
	return fail(failure, STATUS_USAGE, "echo", "the echo test takes calls, no messages");
}

bool messages_target(struct phone *phone, struct slice text, const char *from, struct account **account,
		     struct target *target, struct failure *failure)
{
	if (phone->shutting_down)
		return fail(failure, STATUS_NETWORK, "shutting-down", "the phone is about to end");
	if (!account_for(phone, from, account, failure) || !phone_needs_start(phone, failure) ||
	    !target_read(phone, text, *account, target, failure))
		return false;
	return is_person(target, failure);
}

static void begin(struct messages *messages, const struct account *account, const struct target *target,
		  struct slice text, struct sending *sending)
{
	const char *name = contacts_name_of(messages->phone->contacts, slice_of(target->uri));
	struct buf kept;

	buf_init(&kept, TEXT_MAX);
	utf8_clean(&kept, text, true);
	sending->messages = messages;
	sending->from = xstrdup(account ? account->uri : "");
	sending->to = xstrdup(target->uri);
	sending->account = xstrdup(account ? account->name : "");
	sending->number = message_store_add(messages->store, &(struct message_record){ .state = MESSAGE_SENDING,
										       .unix_us = unix_now_us(),
										       .peer = target->uri,
										       .name = name,
										       .account = sending->account,
										       .text = buf_text(&kept) });
	list_append(&messages->sendings, &sending->node);
	messages->sending_count++;
	buf_fini(&kept);
}

bool phone_message(struct phone *phone, struct slice to, struct slice text, const char *from,
		   const char *const *headers, unsigned *number, struct failure *failure)
{
	struct messages *messages = phone->messages;
	struct extra_header extra[EXTRA_HEADERS_MAX];
	struct account *account;
	struct target target;
	enum err err = ERR_NONE;
	int count = extra_headers_read(headers, extra, EXTRA_HEADERS_MAX, failure);

	if (count < 0 || !check_text(text, failure))
		return false;
	if (messages->sending_count >= UNDER_WAY_MAX)
		return fail(failure, STATUS_NETWORK, "full", "%zu messages wait for their answer already",
			    messages->sending_count);
	if (!messages_target(phone, to, from, &account, &target, failure))
		return false;
	struct sending *sending = xcalloc(1, sizeof *sending);
	begin(messages, account, &target, text, sending);
	sending->request = messages_send(messages, account, target.uri, extra, (size_t)count,
					 SLICE("text/plain;charset=UTF-8"), text, on_sent, sending, &err);
	target_fini(&target);
	*number = sending->number;
	/* What was said tells that typing is over (RFC 3994 3.2). */
	typing_said(messages);
	if (sending->request)
		return true;
	message_store_finish(messages->store, sending->number, MESSAGE_FAILED, 0, err_text(err));
	sending_free(sending);
	return fail(failure, STATUS_CALL, err_name(err), "the message cannot be sent: %s", err_text(err));
}

/* ---- receiving ---- */

static struct letter letter_of(struct phone *phone, const struct sip_message *request, const struct sip_source *source)
{
	const struct sip_address *from = sip_message_from(request), *to = sip_message_to(request);
	const struct account *account = account_of_request(phone, request, source);
	struct letter letter = { .from = peer_uri(from->uri.text) };
	struct arena arena;

	arena_init(&arena);
	const char *kept = contacts_name_of(phone->contacts, slice_of(letter.from));
	letter.name = kept ? xstrdup(kept) : clean_name(sip_address_display(&arena, from));
	letter.to = account ? xstrdup(account->uri) : clean(to->uri.text);
	letter.account = xstrdup(account ? account->name : "");
	arena_fini(&arena);
	return letter;
}

static void letter_fini(struct letter *letter)
{
	free(letter->from);
	free(letter->name);
	free(letter->to);
	free(letter->account);
}

void letter_add(struct event *event, const struct letter *letter)
{
	event_text(event, "from", slice_of(letter->from));
	event_text(event, "name", slice_of(letter->name));
	event_text(event, "to", slice_of(letter->to));
	event_text(event, "account", slice_of(letter->account));
}

/* ISO 8859-1 bytes are the first 256 code points. */
static void add_latin1(struct buf *to, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c >= 0x80)
			buf_add_char(to, (char)(0xc0 | c >> 6));
		buf_add_char(to, (char)(c < 0x80 ? c : 0x80 | (c & 0x3f)));
	}
}

/* CRLF ends a line on the wire, LF here; a tab is a blank. */
static void add_lines(struct buf *to, struct slice text)
{
	struct buf plain;

	buf_init(&plain, text.n + 1);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '\r' || i + 1 == text.n || text.p[i + 1] != '\n')
			buf_add_char(&plain, text.p[i] == '\t' ? ' ' : text.p[i]);
	utf8_clean(to, slice_trim(buf_slice(&plain)), true);
	buf_fini(&plain);
}

/* @return false: a charset that we cannot read */
static bool read_text(const struct sip_message *request, struct buf *text)
{
	const struct sip_media_type *type = sip_message_content_type(request);
	struct slice charset = SLICE("utf-8"), body = sip_message_body(request, "text", "plain");
	struct arena arena;
	bool known = true;

	if (!body.p)
		body = request->body;
	arena_init(&arena);
	if (type && sip_params_find(type->params, SLICE("charset"), &charset))
		charset = sip_unquote(&arena, charset);
	if (slice_ieq(charset, SLICE("utf-8")) || slice_ieq(charset, SLICE("us-ascii"))) {
		add_lines(text, body);
	} else if (slice_ieq(charset, SLICE("iso-8859-1")) || slice_ieq(charset, SLICE("latin1"))) {
		struct buf wide;
		buf_init(&wide, 2 * body.n + 1);
		add_latin1(&wide, body);
		add_lines(text, buf_slice(&wide));
		buf_fini(&wide);
	} else {
		known = false;
	}
	arena_fini(&arena);
	return known;
}

static void keep_text(struct messages *messages, const struct letter *letter, const struct buf *text)
{
	unsigned number = message_store_add(messages->store, &(struct message_record){ .state = MESSAGE_RECEIVED,
										       .unix_us = unix_now_us(),
										       .peer = letter->from,
										       .name = letter->name,
										       .account = letter->account,
										       .text = buf_text(text) });
	struct event *event = events_add(messages->phone->events, EVENT_MESSAGE, 0);

	event_number(event, "message", number);
	letter_add(event, letter);
	event_lines(event, "text", slice_of(buf_text(text)));
	typing_heard(messages, letter->from);
}

unsigned messages_take(struct messages *messages, const struct sip_message *request, const struct sip_source *source)
{
	struct composing composing;
	struct buf text;
	bool typing = sip_message_has_body(request, "application", "im-iscomposing+xml");

	if (typing && composing_read(sip_message_body(request, "application", "im-iscomposing+xml"), &composing))
		return 400;
	/* Without a type it can only be what everybody can read. */
	if (!typing && !sip_message_has_body(request, "text", "plain") &&
	    (sip_message_header(request, SIP_HEADER_CONTENT_TYPE, 0) ||
	     sip_message_header(request, SIP_HEADER_CONTENT_ENCODING, 0)))
		return 415;
	struct letter letter = letter_of(messages->phone, request, source);
	buf_init(&text, 2 * SIP_MESSAGE_MAX);
	bool known = typing || read_text(request, &text);
	if (typing)
		typing_note(messages, &letter, &composing);
	else if (known)
		keep_text(messages, &letter, &text);
	buf_fini(&text);
	letter_fini(&letter);
	return known ? 200 : 415;
}

/* ---- what was said ---- */

struct visit {
	phone_message_h *each;
	void *arg;
	struct slice with;
};

static void visit_record(void *arg, const struct message_record *record)
{
	struct visit *visit = arg;

	if (visit->with.n && !slice_eq(visit->with, slice_of(record->peer)))
		return;
	visit->each(visit->arg, record);
}

static bool visit_all(struct phone *phone, struct slice with, bool mark, phone_message_h *each, void *arg,
		      struct failure *failure)
{
	struct visit visit = { .each = each, .arg = arg };
	struct target target = { 0 };

	if (with.n && !target_read(phone, with, phone->default_account, &target, failure))
		return false;
	visit.with = slice_of(target.uri);
	message_store_each(phone->messages->store, mark, visit_record, &visit);
	if (with.n)
		target_fini(&target);
	return true;
}

bool phone_messages(struct phone *phone, struct slice with, phone_message_h *each, void *arg, struct failure *failure)
{
	return visit_all(phone, with, !with.n, each, arg, failure);
}

bool phone_messages_find(struct phone *phone, struct slice with, phone_message_h *each, void *arg,
			 struct failure *failure)
{
	return visit_all(phone, with, false, each, arg, failure);
}

size_t phone_messages_unseen(const struct phone *phone)
{
	return message_store_unseen(phone->messages->store);
}

bool phone_messages_under_way(const struct phone *phone)
{
	return messages_wait(phone->messages);
}

bool phone_target(struct phone *phone, struct slice text, struct buf *uri, struct buf *shown, struct failure *failure)
{
	struct target target;

	if (!target_read(phone, text, phone->default_account, &target, failure))
		return false;
	if (!is_person(&target, failure))
		return false;
	buf_printf(uri, "%s", target.uri);
	const char *name = contacts_name_of(phone->contacts, slice_of(target.uri));
	struct sip_uri parsed;
	if (name)
		buf_printf(shown, "%s", name);
	else if (sip_uri_parse(slice_of(target.uri), &parsed, NULL) && parsed.user.n)
		utf8_clean(shown, parsed.user, false);
	else
		buf_printf(shown, "%s", target.uri);
	target_fini(&target);
	return true;
}
