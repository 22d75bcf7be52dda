/* `why`: what went wrong, in a sentence or two, and what to do. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <inttypes.h>

/* What to do about it; what it is has been said. */
const char *explain_cause(enum cause cause, unsigned status)
{
	switch (cause) {
	case CAUSE_DNS:
		return "Check how the name is written, and the name servers (`set dns.servers`).";
	case CAUSE_CONNECT:
		return "Check the address, the port and the way there (`ip route get ADDRESS` in a shell), and whether "
		       "the program there runs.";
	case CAUSE_TIMEOUT:
		return "The host is down, or a firewall drops the packets.";
	case CAUSE_TLS:
		return "The secure connection could not be made: `set tls.ca` names who may sign certificates, and the "
		       "address must be the one in the certificate.";
	case CAUSE_AUTH:
		return "The user or the password was not taken: `account set NAME password=` asks for another "
		       "password, auth-user= names another user.";
	case CAUSE_CANCELLED:
		return "It was cancelled before the answer.";
	case CAUSE_MEDIA:
		return "The two sides have no codec or encryption in common, or the other side described no sound: "
		       "compare `codec` and media.encryption with what the trace shows of its SDP.";
	case CAUSE_REFUSED:
		return "The host is there, but the program is not running, or its port is another.";
	default:
		return sip_status_sentence(status);
	}
}

/* The realm that asked first. */
static bool find_realm(struct arena *arena, const struct sip_message *response, struct slice *realm)
{
	struct slice value =
		sip_message_value(response, response->status == 407 ? SIP_HEADER_PROXY_AUTHENTICATE
								    : SIP_HEADER_WWW_AUTHENTICATE);
	struct sip_auth auth;

	return sip_auth_parse(value, &auth) && sip_auth_param(arena, &auth, SLICE("realm"), realm) && realm->n;
}

/* "Realm "biloxi.com" asked for the password and got nothing": with a space behind it. */
static void add_withheld(const struct sip_message *response, struct buf *to)
{
	struct slice realm;
	struct arena arena;

	arena_init(&arena);
	if (find_realm(&arena, response, &realm)) {
		buf_printf(to, "Realm \"");
		utf8_clean(to, slice_sub(realm, 0, 100), false);
		buf_printf(to, "\"");
	} else {
		buf_printf(to, "It");
	}
	buf_printf(to, " asked for the password, and nothing was sent: ");
	arena_fini(&arena);
}

/* In quotes where it has to be, so that the line can be typed. */
static void add_realm_option(const struct sip_message *response, struct buf *to)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:@+";
	struct slice realm = { 0 };
	bool quoted = false;
	struct arena arena;

	arena_init(&arena);
	if (!find_realm(&arena, response, &realm) || slice_find(realm, '\'') < realm.n || realm.n > 100)
		realm = SLICE("REALM");
	for (size_t i = 0; i < realm.n; i++)
		quoted |= !memchr(plain, realm.p[i], sizeof plain - 1);
	buf_printf(to, "%spassword@", quoted ? "'" : "");
	utf8_clean(to, realm, false);
	buf_printf(to, "=...%s", quoted ? "'" : "");
	arena_fini(&arena);
}

bool explain_challenge(const struct outcome *outcome, const char *account, struct buf *to)
{
	bool known = account && *account;
	const char *name = known ? account : "NAME";

	if (outcome->cause != CAUSE_AUTH || !outcome->response)
		return false;
	switch (outcome->challenge) {
	case CHALLENGE_NO_PASSWORD:
		if (known)
			buf_printf(to, "It asks for a password, and account %s has none: `account set %s password=` "
				       "asks for one.", name, name);
		else
			buf_printf(to, "It wants to know who you are, and this went out without a password: "
				       "`account add sip:YOU@HOST` adds an account, which asks for one.");
		return true;
	case CHALLENGE_STRANGE_HOST:
		add_withheld(outcome->response, to);
		buf_printf(to, "only the domain, the registrar and the proxies of the account are answered. If you "
			       "have an account there, `account add` it and say from= it. If it is a proxy of yours: "
			       "`account set %s proxy=HOST`.", name);
		return true;
	case CHALLENGE_STRANGE_REALM:
		add_withheld(outcome->response, to);
		buf_printf(to, "it is no realm that the account has met where it registers, so whoever was called "
			       "may have named it. If it shall have a password: `account set %s ", name);
		add_realm_option(outcome->response, to);
		buf_printf(to, "`.");
		return true;
	case CHALLENGE_UNREADABLE:
		buf_printf(to, "It asks for the password in a way that cannot be answered here, and nothing was sent: "
			       "what can be is Digest with MD5, SHA-256 or SHA-512-256.");
		return true;
	default:
		return false;
	}
}

const char *explain_local_cause(const struct outcome *outcome)
{
	/* Where the network itself has said more, that is told. */
	if (outcome->response || !slice_eq(outcome->reason, sip_status_phrase(outcome->status)))
		return NULL;
	switch (outcome->cause) {
	case CAUSE_DNS:
		return outcome->err == ERR_NAME_SERVER ? err_text(ERR_NAME_SERVER) : "no such host";
	case CAUSE_CONNECT:
		return "no way there, or nothing listens";
	case CAUSE_REFUSED:
		return "nothing listens there";
	case CAUSE_TIMEOUT:
		return "nobody answered";
	case CAUSE_MEDIA:
		return "no sound in common";
	default:
		return NULL;
	}
}

static enum cause cause_find(const char *name)
{
	for (int i = CAUSE_NONE; name && i <= CAUSE_LOCAL; i++)
		if (!strcmp(name, cause_name((enum cause)i)))
			return (enum cause)i;
	return CAUSE_NONE;
}

static void add_text(struct buf *to, const char *what, struct slice text)
{
	struct arena arena;

	arena_init(&arena);
	buf_printf(to, "%s%s: ", to->n ? " " : "", what);
	utf8_clean(to, slice_sub(sip_unquote(&arena, text), 0, 300), false);
	buf_add(to, SLICE("."));
	arena_fini(&arena);
}

/* What a refusal says would have been better. */
static void add_wishes(const struct sip_message *response, struct buf *to)
{
	static const struct {
		unsigned status;
		enum sip_header_id id;
		const char *what;
	} rows[] = {
		{ 405, SIP_HEADER_ALLOW, "It takes" },
		{ 415, SIP_HEADER_ACCEPT, "It reads" },
		{ 415, SIP_HEADER_ACCEPT_ENCODING, "In the encodings" },
		{ 415, SIP_HEADER_ACCEPT_LANGUAGE, "In the languages" },
		{ 421, SIP_HEADER_REQUIRE, "It insists on" },
		{ 422, SIP_HEADER_MIN_SE, "It wants at least so many seconds" },
		{ 423, SIP_HEADER_MIN_EXPIRES, "It wants at least so many seconds" },
		{ 469, SIP_HEADER_RECV_INFO, "It takes" },
		{ 485, SIP_HEADER_CONTACT, "It names" },
		{ 489, SIP_HEADER_ALLOW_EVENTS, "It knows" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice text = sip_message_value(response, rows[i].id);
		if (rows[i].status == response->status && text.n)
			add_text(to, rows[i].what, text);
	}
}

void explain_response(const struct sip_message *message, struct buf *to)
{
	struct sip_values values;
	struct slice value, text;

	sip_values_begin(&values, message, SIP_HEADER_WARNING);
	for (int i = 0; i < 3 && sip_values_next(&values, &value); i++) {
		struct sip_warning warning;
		if (sip_warning_parse(value, &warning))
			add_text(to, "The other side warns", warning.text);
	}
	sip_values_begin(&values, message, SIP_HEADER_REASON);
	for (int i = 0; i < 3 && sip_values_next(&values, &value); i++) {
		struct sip_reason reason;
		if (!sip_reason_parse(value, &reason))
			continue;
		if (reason.text.n)
			add_text(to, "Its reason", reason.text);
		else if (reason.cause && slice_ieq(reason.protocol, SLICE("Q.850")))
			buf_printf(to, "%sIts reason: cause %" PRIu32 " of the telephone network (Q.850).",
				   to->n ? " " : "", reason.cause);
	}
	struct sip_retry_after retry;
	if (sip_retry_after_parse(sip_message_value(message, SIP_HEADER_RETRY_AFTER), &retry))
		buf_printf(to, "%sIt asks to try again in %" PRIu32 " s.", to->n ? " " : "", retry.seconds);
	if ((text = sip_message_value(message, SIP_HEADER_UNSUPPORTED)).n)
		add_text(to, "It does not support", text);
	if (!message->is_request)
		add_wishes(message, to);
	if (!message->is_request && (text = sip_message_value(message, SIP_HEADER_SERVER)).n)
		add_text(to, "Said by", text);
}

void phone_note_outcome(struct phone *phone, const struct outcome *outcome, const char *account, const char *words,
			const char *format, ...)
{
	struct buf *note = &phone->last_failure, detail, challenge;
	va_list args;

	buf_clear(note);
	phone->failure_us = phone->timers->now_us;
	buf_init(&detail, 2048);
	buf_init(&challenge, 2048);
	const char *remedy = explain_challenge(outcome, account, &challenge)
				     ? buf_text(&challenge)
				     : explain_cause(outcome->cause, outcome->status);
	va_start(args, format);
	buf_vprintf(note, format, args);
	va_end(args);
	buf_printf(note, ": ");
	outcome_text(note, outcome->status, words, cause_name(outcome->cause));
	buf_printf(note, "%s%s", *remedy ? ". " : "", remedy);
	if (outcome->response)
		explain_response(outcome->response, &detail);
	buf_printf(note, "%s%s", detail.n ? *remedy ? " " : ". " : "", buf_text(&detail));
	buf_fini(&detail);
	buf_fini(&challenge);
	/* Whoever prints it ends it. */
	if (note->n && note->p[note->n - 1] == '.')
		note->p[--note->n] = '\0';
}

static void add_detail(const char *detail, struct buf *out)
{
	if (detail && *detail)
		buf_printf(out, " %s", detail);
}

/* Of a call to us: it is we who refused it or did not answer. */
static const char *remedy_here(const struct call *call, enum cause cause)
{
	switch (cause) {
	case CAUSE_LOCAL:
		return call->code / 100 == 3 ? "The caller was told where else to call." : "It was refused here.";
	case CAUSE_CANCELLED:
		return "The caller gave up before it was answered.";
	case CAUSE_TIMEOUT:
		return call->code == 504   ? "The caller's phone has not confirmed (PRACK) that it rings here."
		       : call->code == 487 ? "It rang here for as long as the caller wanted (Expires)."
					   : "It rang here for as long as `set call.ring-timeout` lets it.";
	default:
		return explain_cause(cause, call->code);
	}
}

/* One that rang was reached: what failed then is not the way there. */
static const char *remedy(const struct call *call)
{
	enum cause cause = cause_find(call->cause);

	if (call->incoming)
		return call->code ? remedy_here(call, cause) : "";
	if (cause == CAUSE_TIMEOUT && (call->ringing_said || call->early_said))
		return "It rang there: try again later, or give it longer (`call ... timeout=`).";
	if (cause == CAUSE_TIMEOUT && call->trying_said)
		return "A server on the way took the call, but nobody it asked has answered: try later.";
	if (call->challenge)
		return call->challenge;
	return call->code || cause == CAUSE_CONNECT ? explain_cause(cause, call->code) : "";
}

void explain_call_end(const struct call *call, struct buf *out)
{
	if (call->state != CALL_FAILED)
		return;
	outcome_text(out, call->code, call->reason, call->cause);
	buf_printf(out, ".%s%s", *remedy(call) ? " " : "", remedy(call));
	if (call->redirect)
		buf_printf(out, " It names %s: `%s%s` calls that, `set call.follow-redirect on` does so by itself.",
			   call->redirect, call->phone->redirected_to ? "redial" : "call ",
			   call->phone->redirected_to ? "" : call->redirect);
	add_detail(call->detail, out);
}

void explain_call(const struct call *call, struct buf *out)
{
	const char *trouble = call_echoes_silence(call);
	struct stream_stats stats;

	buf_printf(out, "Call %u %s %s ", call->number, call->incoming ? "from" : "to",
		   call->is_echo ? "the echo test" : call->uri);
	switch (call->state) {
	case CALL_FAILED:
		buf_printf(out, "failed: ");
		explain_call_end(call, out);
		break;
	case CALL_ENDED:
		buf_printf(out, "ended after ");
		duration_text(out, (double)(call->ended_us - call->answered_us) / 1e6);
		if (call->cause && cause_find(call->cause) != CAUSE_NONE)
			buf_printf(out, " (%s). %s", call->cause, explain_cause(cause_find(call->cause), call->code));
		else if (call->code >= 300)
			buf_printf(out, " (%u %s). %s", call->code, call->reason, sip_status_sentence(call->code));
		else
			buf_printf(out, ".");
		add_detail(call->detail, out);
		break;
	case CALL_DIALLING:
		if (call->session && session_cancels_later(call->session))
			buf_printf(out, "was hung up before anybody has answered. No CANCEL may go before that (RFC "
					"3261 9.1), so the call is cancelled as soon as somebody does, and forgotten "
					"if nobody does.");
		else
			buf_printf(out, "waits for a first answer; nothing has come back yet.");
		break;
	case CALL_INCOMING:
		buf_printf(out, "is ringing here: `answer %u`, `reject call=%u`.", call->number, call->number);
		break;
	case CALL_TRYING:
	case CALL_RINGING:
	case CALL_EARLY:
		buf_printf(out, "is %s: %s", call_state_name(call->state),
			   sip_status_sentence(call->code ? call->code : 100));
		if (call->lost_connection)
			buf_printf(out, " But the connection on which it said so is lost: the answer can only come by "
					"another, and `hangup %u` gives up.",
				   call->number);
		break;
	default:
		buf_printf(out, "is up%s%s%s.", call->muted || call->phone->muted_all ? ", muted by you" : "",
			   call->held_by_us ? ", on hold by you" : "",
			   call->held_by_peer ? ", put on hold by the peer" : "");
		if (trouble && *trouble) {
			buf_printf(out, " But ");
			silent_echo_sentence(trouble, out);
			buf_add_char(out, '.');
		}
		if (media_stats(&call->media, &stats) && !stats.received_packets && call->media.plan.config.receives)
			buf_printf(
				out,
				" No sound has come: a NAT or firewall between may drop RTP, or the peer sends none.");
		break;
	}
	buf_add_char(out, '\n');
}

void explain_account_failure(const struct account *account, struct buf *out)
{
	outcome_text(out, account->code, account->reason, account->cause);
	buf_printf(out, ". ");
	if (account->withheld)
		buf_printf(out,
			   "The registrar at %s sends us to %s, and that asks for the password, which only hosts of "
			   "the account's own domain get. Should that one have it: `account set %s registrar=%s`.",
			   account->registrar, account->withheld, account->name, account->withheld);
	else if (account->needs_password && !account->password)
		buf_printf(out,
			   "The registrar at %s asks who you are: give `account set %s password=...` or "
			   "password-command=.",
			   account->registrar, account->name);
	else if (account->code >= 200 && account->code < 300)
		buf_printf(out, "The registrar at %s answered, but granted no time: it keeps no address of ours.",
			   account->registrar);
	else if (account->challenge)
		buf_printf(out, "%s", account->challenge);
	else
		buf_printf(out, "%s", account->cause && !strcmp(account->cause, "refused")
					      ? sip_status_sentence(account->code ? account->code : 500)
					      : explain_cause(cause_find(account->cause),
							      account->code ? account->code : 500));
	add_detail(account->detail, out);
}

void explain_account(const struct account *account, struct buf *out)
{
	int64_t wait_us = account->retry_at_us - account->phone->timers->now_us;

	if (account->state == ACCOUNT_FAILED)
		buf_printf(out, "Account %s failed", account->name);
	else
		buf_printf(out, "Account %s is %s", account->name, account_state_now(account));
	if (account->state == ACCOUNT_FAILED) {
		buf_printf(out, ": ");
		explain_account_failure(account, out);
		if (account->retry_at_us)
			buf_printf(out, " The next try comes in %" PRId64 " s.",
				   wait_us > 0 ? (wait_us + SECOND_US - 1) / SECOND_US : 1);
		else
			buf_printf(out, " It is not tried again: mend it, then `%s %s`.",
				   account->removal_failed ? "unregister" : "register", account->name);
	} else if (account->state == ACCOUNT_REGISTERED && account->binding) {
		buf_printf(out, " for another %" PRIu32 " s.", registration_left(account->binding->registration));
	} else {
		buf_add_char(out, '.');
	}
	buf_add_char(out, '\n');
}

/* Without a subject: the account, call or request that went wrong last. */
static bool explain_last(struct phone *phone, struct buf *out)
{
	const struct call *last = call_find(phone, phone->latest_ended),
			  *selected = phone->selected ? call_find(phone, phone->selected) : NULL;
	bool said = false;

	LIST_EACH(&phone->accounts, node) {
		const struct account *account = LIST_ENTRY(node, struct account, node);
		if (account->state != ACCOUNT_FAILED)
			continue;
		explain_account(account, out);
		said = true;
	}
	bool newer = last && phone->last_failure.n && phone->failure_us > last->ended_us;
	if (last && last->state == CALL_FAILED && (!newer || said)) {
		explain_call(last, out);
		said = true;
	} else if (phone->last_failure.n && !said) {
		buf_printf(out, "%s.\n", buf_text(&phone->last_failure));
		said = true;
	}
	if (selected && !said) {
		explain_call(selected, out);
		said = true;
	} else if (last && !said) {
		explain_call(last, out);
		said = true;
	}
	return said;
}

bool phone_why(struct phone *phone, struct slice subject, struct buf *out, struct failure *failure)
{
	unsigned number = phone_find_call(phone, subject);
	const struct account *account = subject.n ? account_named(phone, subject) : NULL;

	if (number) {
		explain_call(call_find(phone, number), out);
	} else if (account) {
		explain_account(account, out);
	} else if (subject.n) {
		return fail(failure, STATUS_CALL, "no-such-call", "'%.*s' is no call and no account",
			    SLICE_ARG(subject));
	} else if (!explain_last(phone, out)) {
		buf_printf(out, "Nothing has gone wrong so far.\n");
	}
	return true;
}
