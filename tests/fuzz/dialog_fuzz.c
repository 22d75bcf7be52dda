/*
 * Fuzz target of transactions and dialogs, by a grammar: a peer that knows SIP, and lets bytes choose methods, codes,
 * tags, CSeq numbers, branches, bodies and extensions, between it and a user that does anything (tests/sim/agent.h),
 * while time passes. All messages are well formed, so that mutations reach what lies behind the parser. At the end the
 * user stops all that it began, and nobody answers any more: every deed has had its one outcome, no transaction is
 * left, nothing was sent that our own strict check refuses.
 *
 * The bytes are a row of steps: one that says what (see steps below), then its arguments, of which missing ones are 0.
 *
 * Run: dialog_fuzz tests/fuzz/corpus/dialog
 */
#include "tests/fuzz/check.h"
#include "tests/sim/agent.h"

#include "base/xmalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEER "192.0.2.1:5060"

enum { SLOTS = 6, OPEN = 8, STEPS_MAX = 48 };

/* What the peer knows of one Call-ID. */
struct slot {
	char call_id[160], ours[80], theirs[80]; /* tags: the peer's, the agent's */
	char branch[80];                         /* of the peer's last request */
	unsigned cseq, invite_cseq;
	unsigned rseq, rack_cseq;                /* of the agent's last reliable response */
};

struct scene {
	struct world world;
	struct agent agent;
	struct slot slots[SLOTS];
	struct sip_message *open[OPEN]; /* requests of the agent's, the newest first */
	struct buf last;                /* the peer's last datagram */
	struct slice bytes;
	unsigned number, next_slot;
	bool batches;      /* several messages in a turn: what died in it is freed after the last */
	unsigned in_turn;
};

static uint8_t take(struct scene *s)
{
	if (!s->bytes.n)
		return 0;
	uint8_t byte = (uint8_t)s->bytes.p[0];
	s->bytes = slice_from(s->bytes, 1);
	return byte;
}

/* ---- what the agent sends ---- */

static void keep(char *to, size_t room, struct slice text)
{
	if (text.n && text.n < room)
		snprintf(to, room, "%.*s", SLICE_ARG(text));
}

static struct slot *slot_of(struct scene *s, struct slice call_id)
{
	for (int i = 0; i < SLOTS; i++)
		if (slice_eq(slice_of(s->slots[i].call_id), call_id))
			return &s->slots[i];
	return NULL;
}

static void note_request(struct scene *s, struct sip_message *message)
{
	struct slot *slot = slot_of(s, sip_message_call_id(message));

	if (!slot) {
		slot = &s->slots[s->next_slot++ % SLOTS];
		*slot = (struct slot){ .cseq = 100 };
		keep(slot->call_id, sizeof slot->call_id, sip_message_call_id(message));
		snprintf(slot->ours, sizeof slot->ours, "p%u", ++s->number);
	}
	keep(slot->theirs, sizeof slot->theirs, sip_message_from(message)->tag);
	if (message->method == SIP_ACK)
		return;
	sip_message_unref(s->open[OPEN - 1]);
	memmove(s->open + 1, s->open, (OPEN - 1) * sizeof s->open[0]);
	s->open[0] = sip_message_ref(message);
}

static void note_response(struct scene *s, const struct sip_message *message)
{
	struct slot *slot = slot_of(s, sip_message_call_id(message));
	uint32_t rseq;

	if (!slot)
		return;
	keep(slot->theirs, sizeof slot->theirs, sip_message_to(message)->tag);
	if (sip_message_seconds(message, SIP_HEADER_RSEQ, &rseq)) {
		slot->rseq = rseq;
		slot->rack_cseq = sip_message_cseq(message)->number;
	}
}

static void on_sent(void *arg, const struct address *from, struct slice bytes)
{
	struct scene *s = arg;
	struct sip_message *message;
	size_t used, offset;

	(void)from;
	if (sip_message_parse(bytes, SIP_DATAGRAM, &message, &used, &offset) != SCAN_OK)
		return;
	if (message->is_request)
		note_request(s, message);
	else
		note_response(s, message);
	sip_message_unref(message);
}

/* ---- what the peer sends ---- */

static void deliver(struct scene *s, struct slice text)
{
	struct address peer;
	struct host *host = &s->world.hosts[1];

	check(address_parse(&peer, slice_of(PEER), 5060));
	char *copy = slice_dup(text);
	transport_datagram(host->transport, &host->address, &peer, slice_make(copy, text.n));
	free(copy);
	if (!s->batches)
		agent_sweep(&s->agent);
}

static void send_text(struct scene *s, struct buf *text, bool described)
{
	buf_printf(text, described ? "Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0"
				   : "Content-Length: 0\r\n\r\n");
	buf_clear(&s->last);
	buf_add(&s->last, buf_slice(text));
	buf_fini(text);
	deliver(s, buf_slice(&s->last));
}

static const char *pick(const char *const *words, size_t count, uint8_t byte)
{
	return words[byte % count];
}
#define PICK(words, byte) pick(words, ARRAY_LEN(words), byte)

/* What belongs to the method, and what any request may have. */
static void add_extensions(struct scene *s, const struct slot *slot, enum sip_method method, struct buf *to)
{
	static const char *const events[] = { "presence", "refer", "dialog", "presence;id=7", "refer;id=1", "reg" };
	static const char *const states[] = { "active;expires=60", "pending", "terminated;reason=timeout",
					      "terminated;reason=rejected", "terminated;reason=deactivated",
					      "terminated;reason=probation;retry-after=9", "terminated;reason=giveup",
					      "active;expires=0", "unheard-of" };
	static const char *const expires[] = { "0", "1", "60", "3600", "4294967295" };
	uint8_t what = take(s), which = take(s);
	const struct slot *other = &s->slots[which % SLOTS];

	if (method == SIP_SUBSCRIBE || method == SIP_NOTIFY || method == SIP_PUBLISH)
		buf_printf(to, "Event: %s\r\n", PICK(events, which));
	if (method == SIP_NOTIFY)
		buf_printf(to, "Subscription-State: %s\r\n", PICK(states, what));
	if (method == SIP_REFER)
		buf_printf(to,
			   what & 64 ? "Refer-To: <sip:c@192.0.2.1?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>\r\n"
				     : "Refer-To: <sip:bob@192.0.2.1>\r\n",
			   other->call_id, other->theirs, other->ours);
	if (method == SIP_PRACK)
		buf_printf(to, "RAck: %u %u INVITE\r\n", slot->rseq + (what >> 6 == 3), slot->rack_cseq);
	if (what & 1)
		buf_printf(to, "Supported: 100rel, timer, replaces, norefersub\r\n");
	if (what & 2 && method != SIP_ACK && method != SIP_CANCEL)
		buf_printf(to, "Require: %s\r\n", which & 1 ? "100rel" : which & 2 ? "timer" : "nothing");
	if (what & 4)
		buf_printf(to, "Session-Expires: %u%s\r\n", which * 8u, which & 1 ? ";refresher=uac" : "");
	if (what & 8)
		buf_printf(to, "Expires: %s\r\n", PICK(expires, which));
	if (what & 16)
		buf_printf(to, "Record-Route: <sip:192.0.2.1;lr>\r\n");
	if (what & 32 && method == SIP_INVITE && *other->call_id)
		buf_printf(to, "Replaces: %s;to-tag=%s;from-tag=%s%s\r\n", other->call_id,
			   *other->theirs ? other->theirs : "0", other->ours, which & 64 ? ";early-only" : "");
}

static void print_request(struct scene *s, struct slot *slot, enum sip_method method, const char *to_tag, unsigned cseq,
			  const char *from_tag, struct buf *text)
{
	struct slice name = sip_method_name(method);

	buf_init(text, SIP_MESSAGE_MAX);
	buf_printf(text, "%.*s sip:alice@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP " PEER ";branch=%s\r\n", SLICE_ARG(name),
		   slot->branch);
	buf_printf(text, "Max-Forwards: 70\r\nFrom: <sip:bob@192.0.2.1>;tag=%s\r\nTo: <sip:alice@192.0.2.1>%s%s\r\n",
		   from_tag, *to_tag ? ";tag=" : "", to_tag);
	buf_printf(text, "Call-ID: %s\r\nCSeq: %u %.*s\r\n", slot->call_id, cseq, SLICE_ARG(name));
	(void)s;
}

/* Arguments: which dialog; method; To tag, CSeq, branch; body, Contact, From tag; extensions (2). */
static void request(struct scene *s)
{
	struct slot *slot = &s->slots[take(s) % SLOTS];
	enum sip_method method = (enum sip_method)(SIP_METHOD_OTHER + 1 + take(s) % (SIP_METHODS - 1));
	uint8_t how = take(s), with = take(s);
	const char *tags[] = { "", slot->theirs, slot->theirs, "wrong" };
	struct buf text;

	if (!*slot->call_id) {
		*slot = (struct slot){ .cseq = 100 };
		snprintf(slot->call_id, sizeof slot->call_id, "c%u", ++s->number);
		snprintf(slot->ours, sizeof slot->ours, "p%u", s->number);
	}
	if ((how >> 2 & 3) == 3 && slot->cseq)
		slot->cseq--;
	else if (how >> 2 & 3)
		slot->cseq++;
	if (method == SIP_INVITE)
		slot->invite_cseq = slot->cseq;
	if (!*slot->branch || !(how >> 4 & 1))
		snprintf(slot->branch, sizeof slot->branch, "%sb%u", how >> 5 & 1 ? "" : "z9hG4bK", ++s->number);
	print_request(s, slot, method, tags[how & 3], slot->cseq, with & 4 ? "other" : slot->ours, &text);
	if (!(with & 2) || method == SIP_INVITE || method == SIP_SUBSCRIBE || method == SIP_REFER)
		buf_printf(&text, "Contact: <sip:bob@192.0.2.1%s>\r\n", with & 8 ? ":5070;x=y?h=z" : "");
	add_extensions(s, slot, method, &text);
	send_text(s, &text, with & 1);
}

/* Arguments: which dialog; bits: CANCEL or ACK, of a 2xx (another branch), tag, body. */
static void after_invite(struct scene *s)
{
	struct slot *slot = &s->slots[take(s) % SLOTS];
	uint8_t how = take(s);
	struct buf text;

	if (!*slot->call_id || !*slot->branch)
		return;
	if (how & 2)
		snprintf(slot->branch, sizeof slot->branch, "z9hG4bKa%u", ++s->number);
	print_request(s, slot, how & 1 ? SIP_CANCEL : SIP_ACK, how & 1 && !(how & 4) ? "" : slot->theirs,
		      slot->invite_cseq, slot->ours, &text);
	send_text(s, &text, how & 8 && !(how & 1));
}

/* Arguments: to which open request; status; To tag and body; lines (2). */
static void answer(struct scene *s)
{
	static const unsigned statuses[] = { 100, 180, 183, 199, 200, 202, 204, 299, 300, 302, 305, 380, 400,
					     401, 403, 404, 405, 407, 408, 410, 412, 413, 415, 416, 420, 421,
					     422, 423, 430, 439, 469, 480, 481, 482, 485, 486, 487, 488, 489,
					     491, 494, 500, 501, 503, 504, 513, 580, 600, 603, 604, 606, 699 };
	static const char *const tags[] = { "f1", "f2", "f1", "" };
	struct sip_message *asked = s->open[take(s) % OPEN];
	unsigned status = statuses[take(s) % ARRAY_LEN(statuses)];
	uint8_t how = take(s), lines = take(s), more = take(s);
	struct slice to;
	struct buf text;

	if (!asked)
		return;
	to = sip_message_value(asked, SIP_HEADER_TO);
	const char *tag = sip_message_to(asked)->tag.n || status == 100 ? "" : tags[how & 3];
	buf_init(&text, SIP_MESSAGE_MAX);
	buf_printf(&text, "SIP/2.0 %u So\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s%s%s\r\n", status,
		   SLICE_ARG(sip_message_value(asked, SIP_HEADER_VIA)),
		   SLICE_ARG(sip_message_value(asked, SIP_HEADER_FROM)), SLICE_ARG(to), *tag ? ";tag=" : "", tag);
	buf_printf(&text, "Call-ID: %.*s\r\nCSeq: %.*s\r\n", SLICE_ARG(sip_message_call_id(asked)),
		   SLICE_ARG(sip_message_value(asked, SIP_HEADER_CSEQ)));
	if (!(lines & 1))
		buf_printf(&text, "Contact: <sip:bob@192.0.2.1>%s\r\n",
			   asked->method == SIP_REGISTER ? ";expires=60" : "");
	if (lines & 2)
		buf_printf(&text, "Require: 100rel\r\nRSeq: %u\r\n", 1u + more % 4);
	if (lines & 4)
		buf_printf(&text, "Record-Route: <sip:192.0.2.1;lr>\r\n");
	if (lines & 8)
		buf_printf(&text, "Session-Expires: %u;refresher=%s\r\nRequire: timer\r\n", 90 + more,
			   more & 1 ? "uac" : "uas");
	if (lines & 16)
		buf_printf(&text, "Retry-After: %u\r\n", more);
	if (lines & 32)
		buf_printf(&text, "Min-Expires: %u\r\nMin-SE: %u\r\nExpires: %u\r\n", more, 90 + more, more);
	if (lines & 64)
		buf_printf(&text, "SIP-ETag: e%u\r\nAllow: INVITE, UPDATE, PRACK\r\n", more);
	if (lines & 128)
		buf_printf(&text,
			   "Refer-Sub: false\r\nUnsupported: timer\r\nWWW-Authenticate: Digest realm=\"r\", "
			   "nonce=\"%u\"\r\n",
			   more);
	send_text(s, &text, how & 4);
}

/* ---- steps ---- */

static void sweep(void *arg)
{
	agent_sweep(arg);
}

static void pass(struct scene *s, int64_t us)
{
	world_pass(&s->world, us, sweep, &s->agent);
	agent_sweep(&s->agent);
}

static void user_acts(struct scene *s)
{
	uint8_t what = take(s);

	random_init_seeded(&s->world.random, take(s));
	if (what & 1)
		calls_act(&s->agent);
	else
		states_act(&s->agent);
	if (what & 2)
		calls_probe(&s->agent);
}

static void step(struct scene *s)
{
	static const int64_t pauses_ms[] = { 3, 100, 500, 2000, 5000, 33000, 65000, 200000 };

	switch (take(s) % 8) {
	case 0:
	case 1: request(s); break;
	case 2: answer(s); break;
	case 3: pass(s, pauses_ms[take(s) % 8] * MS_US); break;
	case 4: user_acts(s); break;
	case 5: after_invite(s); break;
	case 6:
		if (s->last.n)
			deliver(s, buf_slice(&s->last));
		break;
	default: {
		struct address peer;
		check(address_parse(&peer, slice_of(PEER), 5060));
		transport_datagram_failed(s->world.hosts[1].transport, &peer, ERR_REFUSED);
		break;
	}
	}
	if (!s->batches || ++s->in_turn % 3 == 0)
		pass(s, 3 * MS_US); /* what was sent is seen */
}

static void begin(struct scene *s, uint8_t how)
{
	static const char *const uris[] = { "sip:bob@192.0.2.1", "sip:carol@192.0.2.1", "sip:dave@192.0.2.1", NULL };
	struct session_options options = { .reliable = (enum reliable_mode)(how % 3),
					   .timer = (enum timer_mode)(how / 3 % 4),
					   .expires_s = 90 };

	world_init(&s->world, how);
	s->world.delay_min_us = s->world.delay_max_us = MS_US;
	s->world.nowhere = on_sent;
	s->world.nowhere_arg = s;
	buf_init(&s->last, SIP_MESSAGE_MAX);
	agent_start(&s->agent, &s->world.hosts[1], "alice", uris, NULL, NULL, &options, SIP_UDP, NULL);
	agent_rest(&s->agent); /* only when the bytes say so */
	s->batches = how & 0x80;
}

/* The peer has gone: everything ends by itself. */
static void end(struct scene *s)
{
	agent_finish(&s->agent);
	pass(s, 700 * SECOND_US);
	agent_check(&s->agent);
	if (*s->agent.fault || *s->world.fault)
		fprintf(stderr, "%s%s\n", s->agent.fault, s->world.fault);
	check(!*s->agent.fault && !*s->world.fault);
	agent_stop(&s->agent);
	for (int i = 0; i < OPEN; i++)
		sip_message_unref(s->open[i]);
	buf_fini(&s->last);
	world_fini(&s->world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size || size > 512)
		return 0;
	struct scene *s = xcalloc(1, sizeof *s);
	s->bytes = slice_make(data + 1, size - 1);
	begin(s, data[0]);
	for (int i = 0; i < STEPS_MAX && s->bytes.n; i++)
		step(s);
	end(s);
	free(s);
	return 0;
}
