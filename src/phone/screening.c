#include "phone/screening.h"

#include "base/xmalloc.h"
#include "phone/phone_internal.h"
#include "phone/presence.h"

#include <fnmatch.h>

enum { RULES_MAX = 1000, PATTERN_MAX = 256, NO_ANSWER_US = 20 * 1000 * 1000 };

enum when { FORWARD_ALWAYS, FORWARD_BUSY, FORWARD_NO_ANSWER, FORWARDS };

static const char *const when_names[] = { "always", "busy", "noanswer" };

struct rule {
	struct list_node node;
	char *pattern;
	bool allows;
};

struct screening {
	struct phone *phone;
	struct list rules;
	size_t count;
	struct {
		char *uri; /* NULL: not forwarded */
		int64_t after_us;
	} forwards[FORWARDS];
};

struct screening *screening_new(struct phone *phone)
{
	struct screening *screening = xcalloc(1, sizeof *screening);

	screening->phone = phone;
	list_init(&screening->rules);
	return screening;
}

static void rule_free(struct screening *screening, struct rule *rule)
{
	screening->count--;
	list_remove(&rule->node);
	free(rule->pattern);
	free(rule);
}

void screening_free(struct screening *screening)
{
	LIST_EACH(&screening->rules, node)
		rule_free(screening, LIST_ENTRY(node, struct rule, node));
	for (int i = 0; i < FORWARDS; i++)
		free(screening->forwards[i].uri);
	free(screening);
}

/* ---- blocking ---- */

/* Of "sip:bob@biloxi.com:5070" what is before the port; callers choose ports at will, so no rule may need them. */
static struct slice without_port(struct slice uri)
{
	size_t at = slice_find(uri, '@'), host = at < uri.n ? at + 1 : slice_find(uri, ':') + 1;

	if (host >= uri.n)
		return uri;
	if (uri.p[host] == '[')
		host += slice_find(slice_from(uri, host), ']');
	return host >= uri.n ? uri : slice_sub(uri, 0, host + slice_find(slice_from(uri, host), ':'));
}

/* A pattern may leave out the scheme, the port, and behind a user or number everything from the @ on. */
static bool fits(const char *pattern, const char *uri)
{
	char *portless = slice_dup(without_port(slice_of(uri)));
	const char *portless_plain = strchr(portless, ':');
	const char *plain = strchr(uri, ':');
	char *user = slice_dup(
		slice_sub(slice_of(plain ? plain + 1 : uri), 0, slice_find(slice_of(plain ? plain + 1 : uri), '@')));
	bool fit = fnmatch(pattern, uri, FNM_CASEFOLD) == 0 ||
		   (plain && fnmatch(pattern, plain + 1, FNM_CASEFOLD) == 0) ||
		   fnmatch(pattern, user, FNM_CASEFOLD) == 0 || fnmatch(pattern, portless, FNM_CASEFOLD) == 0 ||
		   (portless_plain && fnmatch(pattern, portless_plain + 1, FNM_CASEFOLD) == 0);

	free(portless);
	free(user);
	return fit;
}

static const char *blocking_rule(const struct screening *screening, const char *uri, const char *plain)
{
	const char *blocked = NULL;

	LIST_EACH(&screening->rules, node) {
		const struct rule *rule = LIST_ENTRY(node, struct rule, node);
		if (!fits(rule->pattern, uri) && !(plain && fits(rule->pattern, plain)))
			continue;
		if (rule->allows)
			return NULL;
		blocked = rule->pattern;
	}
	return blocked;
}

/* "sip:%62ob@biloxi.com" is bob (RFC 3261 19.1.4). NULL: nothing in it is escaped */
static char *unescaped(const char *uri)
{
	struct arena arena;

	if (!strchr(uri, '%'))
		return NULL;
	arena_init(&arena);
	char *plain = clean(sip_unescape(&arena, slice_of(uri)));
	arena_fini(&arena);
	return plain;
}

static bool blocks(struct screening *screening, struct slice raw)
{
	char *uri = peer_uri(raw), *plain = unescaped(uri);
	const char *pattern = blocking_rule(screening, uri, plain);

	if (pattern) {
		struct event *event = events_add(screening->phone->events, EVENT_BLOCKED, 0);
		event_text(event, "from", slice_of(uri));
		event_text(event, "pattern", slice_of(pattern));
	}
	free(uri);
	free(plain);
	return pattern != NULL;
}

bool screening_blocks(struct screening *screening, const struct sip_message *request, const struct sip_source *source)
{
	if (list_empty(&screening->rules))
		return false;
	if (blocks(screening, sip_message_from(request)->uri.text))
		return true;
	/* From may say "anonymous", and our own proxy who it is. */
	const struct sip_address *asserted =
		account_trusts(screening->phone, source) ? asserted_identity(request) : NULL;
	return asserted && blocks(screening, asserted->uri.text);
}

static struct rule *find_rule(const struct screening *screening, struct slice pattern)
{
	LIST_EACH(&screening->rules, node) {
		struct rule *rule = LIST_ENTRY(node, struct rule, node);
		if (slice_ieq(slice_of(rule->pattern), pattern))
			return rule;
	}
	return NULL;
}

static bool has_wider(const struct screening *screening, const struct rule *than)
{
	LIST_EACH(&screening->rules, node) {
		const struct rule *rule = LIST_ENTRY(node, struct rule, node);
		if (rule != than && !rule->allows && fits(rule->pattern, than->pattern))
			return true;
	}
	return false;
}

bool phone_screen(struct phone *phone, struct slice pattern, bool allows, struct failure *failure)
{
	struct screening *screening = phone->screening;
	struct rule *rule = find_rule(screening, pattern);

	if (!pattern.n || pattern.n > PATTERN_MAX)
		return fail(failure, STATUS_USAGE, "pattern", "a pattern has 1 to %d bytes, as in *@example.com",
			    PATTERN_MAX);
	/* What was blocked is simply no longer; it is let through where a wider pattern has it too. */
	if (rule && allows && !rule->allows && !has_wider(screening, rule)) {
		rule_free(screening, rule);
		return true;
	}
	if (!rule) {
		if (screening->count == RULES_MAX)
			return fail(failure, STATUS_USAGE, "full", "there are %d patterns already", RULES_MAX);
		rule = xcalloc(1, sizeof *rule);
		rule->pattern = slice_dup(pattern);
		list_append(&screening->rules, &rule->node);
		screening->count++;
	}
	rule->allows = allows;
	return true;
}

bool phone_unscreen(struct phone *phone, struct slice pattern, bool allows, struct failure *failure)
{
	struct screening *screening = phone->screening;
	struct rule *rule = find_rule(screening, pattern);
	const char *command = allows ? "allow" : "block";

	if (!rule || rule->allows != allows)
		return fail(failure, STATUS_USAGE, "no-rule", "there is no `%s %.*s`: `%s` lists what there is",
			    command, SLICE_ARG(slice_sub(pattern, 0, 60)), command);
	rule_free(screening, rule);
	return true;
}

void phone_screens(const struct phone *phone, phone_screen_h *each, void *arg)
{
	LIST_EACH(&phone->screening->rules, node) {
		const struct rule *rule = LIST_ENTRY(node, struct rule, node);
		each(arg, rule->pattern, rule->allows);
	}
}

/* ---- forwarding ---- */

bool phone_forward(struct phone *phone, const char *when, struct slice to, int64_t after_us, struct failure *failure)
{
	struct screening *screening = phone->screening;
	struct target target;
	bool off = slice_eq(to, SLICE("off"));

	if (!off && !target_read(phone, to, phone->default_account, &target, failure))
		return false;
	if (!off && target.is_echo) {
		target_fini(&target);
		return fail(failure, STATUS_USAGE, "echo",
			    "the echo test is inside this phone: callers cannot be sent there");
	}
	for (int i = 0; i < FORWARDS; i++) {
		if (when && strcmp(when, when_names[i]) != 0)
			continue;
		xreplace(&screening->forwards[i].uri, off ? NULL : target.uri);
		screening->forwards[i].after_us = after_us ? after_us : NO_ANSWER_US;
	}
	if (!off)
		target_fini(&target);
	phone_apply_sip(phone);
	return true;
}

void phone_forwards(const struct phone *phone, phone_forward_h *each, void *arg)
{
	for (int i = 0; i < FORWARDS; i++)
		if (phone->screening->forwards[i].uri)
			each(arg, when_names[i], phone->screening->forwards[i].uri,
			     i == FORWARD_NO_ANSWER ? phone->screening->forwards[i].after_us : 0);
}

static void send_on(struct screening *screening, struct call *call, enum when when)
{
	call->reject_code = 302;
	free(call->forward_to);
	call->forward_to = xasprintf("<%s>", screening->forwards[when].uri);
	call->answering = true; /* dealt with: not missed */
	struct event *event = call_event(call, EVENT_REDIRECTED);
	event_text(event, "target", slice_of(screening->forwards[when].uri));
	if (!call->code)
		event_number(event, "code", 302);
}

static bool is_busy(const struct screening *screening, const struct call *but)
{
	if (presence_now(screening->phone->presence) == PRESENCE_BUSY)
		return true;
	LIST_EACH(&screening->phone->calls, node) {
		const struct call *call = LIST_ENTRY(node, struct call, node);
		if (call != but && !call->ended && !call->is_echo)
			return true;
	}
	return false;
}

bool screening_forwards_busy(const struct screening *screening)
{
	return screening->forwards[FORWARD_BUSY].uri != NULL;
}

static void refuse(struct call *call, unsigned code, const char *words)
{
	call->reject_code = code;
	xreplace(&call->refusal, words);
}

bool screening_take(struct screening *screening, struct call *call)
{
	if (screening->forwards[FORWARD_ALWAYS].uri) {
		send_on(screening, call, FORWARD_ALWAYS);
		return true;
	}
	if (screening->forwards[FORWARD_BUSY].uri && is_busy(screening, call)) {
		send_on(screening, call, FORWARD_BUSY);
		return true;
	}
	switch (presence_now(screening->phone->presence)) {
	case PRESENCE_DND:
		refuse(call, 480, "Do Not Disturb");
		return true;
	case PRESENCE_OFFLINE:
		refuse(call, 480, "Offline");
		return true;
	case PRESENCE_BUSY:
		refuse(call, 486, "Busy Here");
		return true;
	default:
		return false;
	}
}

static void nobody_answers(void *arg)
{
	struct call *call = arg;
	struct screening *screening = call->phone->screening;

	if (call->state != CALL_INCOMING || call->answering || !call->session ||
	    !screening->forwards[FORWARD_NO_ANSWER].uri)
		return;
	send_on(screening, call, FORWARD_NO_ANSWER);
	if (session_reject(call->session, 302, (struct slice){ 0 }, slice_of(call->forward_to)))
		log_line(call->phone->log, LOG_WARNING, "call %u could not be sent on", call->number);
	calls_update_tones(call->phone);
}

void screening_ringing(struct screening *screening, struct call *call)
{
	if (screening->forwards[FORWARD_NO_ANSWER].uri)
		timer_start(screening->phone->timers, &call->forward_timer,
			    screening->forwards[FORWARD_NO_ANSWER].after_us, nobody_answers, call);
}

/* ---- save ---- */

void screening_save(const struct screening *screening, struct buf *to)
{
	LIST_EACH(&screening->rules, node) {
		const struct rule *rule = LIST_ENTRY(node, struct rule, node);
		buf_printf(to, "%s", rule->allows ? "allow" : "block");
		save_word(to, NULL, rule->pattern);
		buf_add_char(to, '\n');
	}
	for (int i = 0; i < FORWARDS; i++) {
		if (!screening->forwards[i].uri)
			continue;
		buf_printf(to, "forward %s", when_names[i]);
		save_word(to, NULL, screening->forwards[i].uri);
		if (i == FORWARD_NO_ANSWER) {
			struct buf after;
			buf_init(&after, 64);
			duration_print(&after, screening->forwards[i].after_us);
			save_word(to, "after", buf_text(&after));
			buf_fini(&after);
		}
		buf_add_char(to, '\n');
	}
	if (presence_now(screening->phone->presence) == PRESENCE_AVAILABLE &&
	    !*presence_text(screening->phone->presence))
		return;
	buf_printf(to, "status %s", presence_name(presence_now(screening->phone->presence)));
	if (*presence_text(screening->phone->presence))
		save_word(to, NULL, presence_text(screening->phone->presence));
	buf_add_char(to, '\n');
}
