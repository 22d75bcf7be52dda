/* Events in words: one line each, for people; "help events" has the same fields for programs. */
#include "phone/event.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void duration_text(struct buf *to, double seconds)
{
	uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;

	if (s >= 3600)
		buf_printf(to, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
	else
		buf_printf(to, "%02" PRIu64 ":%02" PRIu64, s / 60, s % 60);
}

static const char *value_or(const struct event *event, const char *key, const char *otherwise)
{
	const char *value = event_value(event, key);

	return value ? value : otherwise;
}

static bool is_our_own(const char *reason, const char *cause)
{
	static const char *const ours[] = { "dns", "connect", "timeout", "tls", "media" };

	for (size_t i = 0; cause && i < ARRAY_LEN(ours); i++)
		if (!strcmp(cause, ours[i]))
			return true;
	/* Registrars refuse, ports that nobody listens at do so too. */
	return cause && reason && !strcmp(cause, "refused") && !strcmp(reason, "nothing listens there");
}

void outcome_text(struct buf *to, unsigned code, const char *reason, const char *cause)
{
	bool has_reason = reason && *reason;

	if (code && !(has_reason && is_our_own(reason, cause)))
		buf_printf(to, "%u%s", code, has_reason ? " " : "");
	if (has_reason)
		buf_printf(to, "%s", reason);
}

/* ": 486 Busy Here", ": no such host (dns)" */
static void add_outcome(const struct event *event, struct buf *line)
{
	const char *code = event_value(event, "code"), *reason = event_value(event, "reason"),
		   *cause = event_value(event, "cause");

	if (code || reason) {
		buf_printf(line, ": ");
		outcome_text(line, code ? (unsigned)strtoul(code, NULL, 10) : 0, reason, cause);
	}
	if (cause && strcmp(cause, "response") && strcmp(cause, "none"))
		buf_printf(line, " (%s)", strcmp(cause, "local") ? cause : "by us");
}

/* "Bob <sip:bob@biloxi.com>" */
static void add_peer(const struct event *event, struct buf *line)
{
	const char *direction = value_or(event, "direction", "out"), *name = event_value(event, "name");
	const char *uri = value_or(event, strcmp(direction, "in") ? "to" : "from", "the peer");

	if (name)
		buf_printf(line, "%s <%s>", name, uri);
	else
		buf_printf(line, "%s", uri);
}

static void call_sentence(const struct event *event, struct buf *line)
{
	if (event->call)
		buf_printf(line, "call %u: ", event->call);
	switch (event->kind) {
	case EVENT_INCOMING:
		buf_printf(line, "incoming from ");
		add_peer(event, line);
		if (event_value(event, "account"))
			buf_printf(line, " for %s", event_value(event, "account"));
		if (event_value(event, "join"))
			buf_printf(line, ", to take part in call %s", event_value(event, "join"));
		break;
	case EVENT_TRYING:
		buf_printf(line, "trying ");
		add_peer(event, line);
		break;
	case EVENT_RINGING:
		buf_printf(line, "ringing at ");
		add_peer(event, line);
		break;
	case EVENT_EARLY_MEDIA:
		buf_printf(line, "sound before the answer");
		break;
	case EVENT_ANSWERED:
		buf_printf(line, "answered%s",
			   strcmp(value_or(event, "direction", "out"), "in") ? " by " : ", talking to ");
		add_peer(event, line);
		if (event_value(event, "codec"))
			buf_printf(line, " (%s)", event_value(event, "codec"));
		break;
	case EVENT_FAILED:
		buf_printf(line, "failed");
		add_outcome(event, line);
		if (event_value(event, "target"))
			buf_printf(line, "; it names %s", event_value(event, "target"));
		break;
	case EVENT_ENDED:
		buf_printf(line, "ended after ");
		duration_text(line, atof(value_or(event, "duration", "0")));
		if (event_value(event, "by"))
			buf_printf(line, " by %s", event_value(event, "by"));
		if (event_value(event, "cause"))
			buf_printf(line, " (%s)", event_value(event, "cause"));
		break;
	default:
		buf_printf(line, "request %s", value_or(event, "request", "?"));
		add_outcome(event, line);
		break;
	}
}

/* What was summed up. */
static void add_count(const struct event *event, struct buf *line)
{
	const char *count = value_or(event, "count", "1");

	if (strcmp(count, "1"))
		buf_printf(line, " (%s times since that was told last)", count);
}

static void add_refused(const struct event *event, struct buf *line)
{
	static const struct { const char *key, *one, *many; } rows[] = {
		{ "forged", " packet was not encrypted with the agreed key",
		  " packets were not encrypted with the agreed key" },
		{ "replayed", " packet came again", " packets came again" },
		{ "stray", " packet came from elsewhere or was no RTP", " packets came from elsewhere or were no RTP" },
	};
	const char *between = "";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *count = value_or(event, rows[i].key, "0");
		if (!strcmp(count, "0"))
			continue;
		buf_printf(line, "%s%s%s", between, count, strcmp(count, "1") ? rows[i].many : rows[i].one);
		between = ", ";
	}
	buf_printf(line, ": refused");
}

void silent_echo_sentence(const char *microphone, struct buf *out)
{
	buf_printf(out,
		   "%s, so the echo has nothing to send back: `audio input tone:440` sends it a tone, `play FILE` a "
		   "sound file",
		   strcmp(microphone, "lost") ? "no microphone can be used here" : "the microphone is gone");
}

static void media_sentence(const struct event *event, struct buf *line)
{
	bool me = !strcmp(value_or(event, "side", "peer"), "me");

	buf_printf(line, "call %u: ", event->call);
	switch (event->kind) {
	case EVENT_MEDIA:
		buf_printf(line, "sound of the peer (%s)", value_or(event, "codec", "?"));
		break;
	case EVENT_SILENT:
		if (event_value(event, "microphone"))
			silent_echo_sentence(event_value(event, "microphone"), line);
		else
			buf_printf(line, me ? "your microphone is silent: is it muted or the wrong device?"
					    : "nothing is heard from the peer");
		break;
	case EVENT_MEDIA_LOST:
		buf_printf(line, "no sound arrives%s",
			   !strcmp(value_or(event, "heard", "yes"), "yes") ? " any more" : "");
		break;
	case EVENT_CODEC:
		buf_printf(line, me ? "we send %s now" : "the peer changed to %s", value_or(event, "codec", "?"));
		break;
	case EVENT_MEDIA_MOVED:
		buf_printf(line, "the peer's sound comes from %s now", value_or(event, "address", "?"));
		add_count(event, line);
		break;
	case EVENT_MEDIA_RESTARTED:
		buf_printf(line, "the peer's sound began anew, from another machine or after a restart");
		add_count(event, line);
		break;
	case EVENT_MEDIA_REFUSED:
		add_refused(event, line);
		break;
	default:
		buf_printf(line, "digit %s", value_or(event, "digit", "?"));
		break;
	}
}

static void file_sentence(const struct event *event, struct buf *line)
{
	if (event->call)
		buf_printf(line, "call %u: ", event->call);
	buf_printf(line, "%s %s, %s s", event->kind == EVENT_PLAY_DONE ? "played" : "recorded",
		   value_or(event, "file", "?"), value_or(event, "duration", "?"));
	if (event_value(event, "reason"))
		buf_printf(line, ": %s", event_value(event, "reason"));
}

static void account_sentence(const struct event *event, struct buf *line)
{
	const char *retry = event_value(event, "retry");

	buf_printf(line, "%s: ", value_or(event, "account", "account"));
	switch (event->kind) {
	case EVENT_REGISTERED:
		buf_printf(line, "registered for %s s", value_or(event, "expires", "?"));
		break;
	case EVENT_UNREGISTERED:
		buf_printf(line, "no longer registered");
		if (!event_value(event, "code") && event_value(event, "reason"))
			buf_printf(line, ": %s", event_value(event, "reason"));
		break;
	default:
		buf_printf(line, event_value(event, "removal") ? "could not be unregistered" : "registration failed");
		add_outcome(event, line);
		if (retry && strcmp(retry, "0"))
			buf_printf(line, "; next try in %s s", retry);
		else
			buf_printf(line, "; given up: `why` says what to do");
		break;
	}
}

/* "Bob <sip:bob@biloxi.com>" or "sip:bob@biloxi.com": who wrote. */
static void add_writer(const struct event *event, struct buf *line)
{
	const char *name = event_value(event, "name");

	buf_printf(line, name ? "%s <%s>" : "%s%s", name ? name : "", value_or(event, "from", "?"));
}

static void message_sentence(const struct event *event, struct buf *line)
{
	switch (event->kind) {
	case EVENT_MESSAGE:
		buf_printf(line, "message from ");
		add_writer(event, line);
		buf_printf(line, ": %s", value_or(event, "text", ""));
		break;
	case EVENT_TYPING:
		add_writer(event, line);
		buf_printf(line, strcmp(value_or(event, "state", ""), "active") ? " stopped typing" : " is typing");
		break;
	case EVENT_MESSAGE_SENT:
		buf_printf(line, "message to %s %s", value_or(event, "to", "?"),
			   strcmp(value_or(event, "code", ""), "202") ? "delivered" : "accepted for later delivery");
		break;
	default:
		buf_printf(line, "message to %s not delivered", value_or(event, "to", "?"));
		add_outcome(event, line);
		break;
	}
}

static void transfer_sentence(const struct event *event, struct buf *line)
{
	const char *target = value_or(event, "target", "?");

	if (event->call)
		buf_printf(line, "call %u: ", event->call);
	switch (event->kind) {
	case EVENT_TRANSFER_REQUEST:
		buf_printf(line, "%s asks you to call %s: `accept-transfer` or `refuse-transfer`",
			   value_or(event, "from", "the peer"), target);
		return;
	case EVENT_TRANSFER_PROGRESS:
		buf_printf(line, "transfer to %s", target);
		break;
	case EVENT_TRANSFERRED:
		buf_printf(line, "transferred to %s", target);
		return;
	case EVENT_TRANSFER_FAILED:
		buf_printf(line, "the transfer to %s failed", target);
		break;
	default:
		if (!strcmp(value_or(event, "direction", "out"), "in")) {
			buf_printf(line, "%s asks you to call %s: `accept-transfer` or `refuse-transfer`",
				   value_or(event, "from", "somebody"), target);
			return;
		}
		buf_printf(line, "%s %s %s", value_or(event, "to", "it"),
			   event_value(event, "cause") ? "will not call" : "calls", target);
		break;
	}
	add_outcome(event, line);
}

static void line_sentence(const struct event *event, struct buf *line)
{
	const char *state = value_or(event, "state", "?"), *peer = event_value(event, "peer");

	buf_printf(line, "line of ");
	add_writer(event, line);
	if (!strcmp(state, "terminated"))
		buf_printf(line, " is idle");
	else if (!strcmp(state, "early") && strcmp(value_or(event, "direction", "in"), "out"))
		buf_printf(line, " rings");
	else if (!strcmp(state, "confirmed"))
		buf_printf(line, " is in a call");
	else
		buf_printf(line, " is dialling");
	if (peer)
		buf_printf(line, " (%s)", peer);
}

static void mailbox_sentence(const struct event *event, struct buf *line)
{
	const char *fresh = event_value(event, "new"), *old = event_value(event, "old");

	buf_printf(line, "%s: ", value_or(event, "account", value_or(event, "from", "mailbox")));
	if (strcmp(value_or(event, "state", ""), "waiting"))
		buf_printf(line, "no voicemail");
	else if (fresh)
		buf_printf(line, "%s new voice message%s", fresh, strcmp(fresh, "1") ? "s" : "");
	else
		buf_printf(line, "voicemail is waiting");
	if (old && strcmp(old, "0"))
		buf_printf(line, ", %s old", old);
}

static void retry_sentence(const struct event *event, struct buf *line)
{
	const char *retry = event_value(event, "retry");

	add_outcome(event, line);
	if (retry && strcmp(retry, "0"))
		buf_printf(line, "; next try in %s s", retry);
}

static void watch_sentence(const struct event *event, struct buf *line)
{
	const char *text = event_value(event, "text"), *package = value_or(event, "package", "subscription");

	switch (event->kind) {
	case EVENT_PRESENCE:
		add_writer(event, line);
		buf_printf(line, " is %s%s%s", value_or(event, "state", "unknown"), text ? ": " : "", text ? text : "");
		break;
	case EVENT_DIALOG_INFO:
		line_sentence(event, line);
		break;
	case EVENT_VOICEMAIL:
		mailbox_sentence(event, line);
		break;
	case EVENT_REG:
		add_writer(event, line);
		buf_printf(line, " is %s %s",
			   strcmp(value_or(event, "state", ""), "active") ? "not registered" : "registered at",
			   value_or(event, "contacts", ""));
		break;
	case EVENT_SUBSCRIBED:
		buf_printf(line, "%s of ", package);
		add_writer(event, line);
		buf_printf(line, strcmp(value_or(event, "state", ""), "pending") ? " is watched"
										 : " is asked for; they must allow it");
		break;
	case EVENT_SUBSCRIBE_FAILED:
		buf_printf(line, "%s of ", package);
		add_writer(event, line);
		buf_printf(line, " is not watched");
		retry_sentence(event, line);
		break;
	case EVENT_WATCH_REQUEST:
		buf_printf(line, "%s wants to see whom you talk to: `accept-watcher %s` or `refuse-watcher %s`",
			   value_or(event, "from", "somebody"), value_or(event, "watcher", ""),
			   value_or(event, "watcher", ""));
		break;
	case EVENT_BLOCKED:
		buf_printf(line, "blocked: ");
		add_writer(event, line);
		break;
	case EVENT_PUBLISHED:
		buf_printf(line, "%s: status %s is published", value_or(event, "account", "account"),
			   value_or(event, "state", "?"));
		break;
	case EVENT_UNPUBLISHED:
		buf_printf(line, "%s: the status is no longer published", value_or(event, "account", "account"));
		break;
	case EVENT_PUBLISH_FAILED:
		buf_printf(line, "%s: the status %s", value_or(event, "account", "account"),
			   event_value(event, "removal") ? "may be published still" : "is not published");
		retry_sentence(event, line);
		break;
	default:
		buf_printf(line, "NOTIFY of %s from ", package);
		add_writer(event, line);
		break;
	}
}

static void negotiated_anew(const struct event *event, const char *method, struct buf *line)
{
	if (strcmp(value_or(event, "direction", ""), "out") != 0) {
		buf_printf(line, "call %u: %s of the peer", event->call, method);
	} else if (*value_or(event, "code", "") == '2') {
		buf_printf(line, "call %u: the peer has taken our %s", event->call, method);
	} else {
		buf_printf(line, "call %u: the peer has not taken our %s", event->call, method);
		add_outcome(event, line);
	}
}

/* What changed in a call that is up. */
static void change_sentence(const struct event *event, struct buf *line)
{
	switch (event->kind) {
	case EVENT_HELD:
		buf_printf(line, "call %u: on hold", event->call);
		break;
	case EVENT_RESUMED:
		buf_printf(line, "call %u: resumed", event->call);
		break;
	case EVENT_REMOTE_HELD:
		buf_printf(line, "call %u: the peer put you on hold", event->call);
		break;
	case EVENT_REMOTE_RESUMED:
		buf_printf(line, "call %u: the peer took you off hold", event->call);
		break;
	case EVENT_REINVITE:
		negotiated_anew(event, "re-INVITE", line);
		break;
	case EVENT_UPDATE:
		negotiated_anew(event, "UPDATE", line);
		break;
	case EVENT_INFO:
		buf_printf(line, "call %u: INFO (%s)", event->call, value_or(event, "type", "empty"));
		break;
	case EVENT_JOINED:
		buf_printf(line, "call %u: takes part in call %s", event->call, value_or(event, "join", "?"));
		break;
	case EVENT_REDIRECTED:
		buf_printf(line, "call %u: sent on to %s", event->call, value_or(event, "target", "?"));
		break;
	default:
		break;
	}
}

static void audio_test_sentence(const struct event *event, struct buf *line)
{
	if (event_value(event, "level"))
		buf_printf(line,
			   "the microphone heard the loudspeaker at %s dB, %.1f ms later; without it there is "
			   "%s dB",
			   event_value(event, "level"), atof(value_or(event, "round-trip", "0")) * 1000,
			   value_or(event, "noise", "?"));
	else if (!strcmp(value_or(event, "output", ""), "null") || !strcmp(value_or(event, "input", ""), "null"))
		buf_printf(line, "there was nothing to hear: the %s null, which is silence",
			   strcmp(value_or(event, "output", ""), "null") != 0  ? "microphone is"
			   : strcmp(value_or(event, "input", ""), "null") != 0 ? "loudspeaker is"
									       : "loudspeaker and microphone are");
	else
		buf_printf(line, "the microphone did not hear the loudspeaker; it says %s dB%s",
			   value_or(event, "noise", "?"),
			   atof(value_or(event, "loudest", "-127")) < -90 ? ": is it muted, or the wrong device?"
									: "");
}

static void device_sentence(const struct event *event, struct buf *line)
{
	const char *state = value_or(event, "state", "?"), *reason = event_value(event, "reason");

	buf_printf(line, "%s device %s: %s", value_or(event, "kind", "sound"), value_or(event, "name", "?"),
		   strcmp(state, "missing") != 0 ? state : reason ? "cannot be used" : "not there");
	if (reason)
		buf_printf(line, " (%s)", reason);
}

/* Devices, the network and connections. */
static void surroundings_sentence(const struct event *event, struct buf *line)
{
	switch (event->kind) {
	case EVENT_DEVICE:
		device_sentence(event, line);
		break;
	case EVENT_NETWORK:
		buf_printf(line, "network: %s", value_or(event, "state", "?"));
		if (event_value(event, "address"))
			buf_printf(line, ", we are at %s now", event_value(event, "address"));
		break;
	case EVENT_AUDIO_TEST:
		audio_test_sentence(event, line);
		break;
	case EVENT_BUSY:
		buf_printf(line, strcmp(value_or(event, "state", "on"), "off")
					 ? "the processor is busy: what I say is encoded less thoroughly, so that no "
					   "packet is late (`show media` tells how much)"
					 : "the processor has time again: what I say is encoded thoroughly");
		break;
	case EVENT_CONNECTION:
		if (event->call)
			buf_printf(line, "call %u: the connection to %s on which it waits is lost (%s)", event->call,
				   value_or(event, "peer", "?"), value_or(event, "reason", "?"));
		else
			buf_printf(line, "connection to %s: %s", value_or(event, "peer", "?"),
				   value_or(event, "state", "?"));
		break;
	default:
		break;
	}
}

void event_sentence(const struct event *event, struct buf *line)
{
	switch (event->kind) {
	case EVENT_REGISTERED:
	case EVENT_UNREGISTERED:
	case EVENT_REGISTER_FAILED:
		account_sentence(event, line);
		return;
	case EVENT_INCOMING:
	case EVENT_TRYING:
	case EVENT_RINGING:
	case EVENT_EARLY_MEDIA:
	case EVENT_ANSWERED:
	case EVENT_FAILED:
	case EVENT_ENDED:
	case EVENT_RESPONSE:
		call_sentence(event, line);
		return;
	case EVENT_HELD:
	case EVENT_RESUMED:
	case EVENT_REMOTE_HELD:
	case EVENT_REMOTE_RESUMED:
	case EVENT_REINVITE:
	case EVENT_UPDATE:
	case EVENT_INFO:
	case EVENT_JOINED:
	case EVENT_REDIRECTED:
		change_sentence(event, line);
		return;
	case EVENT_TRANSFER_REQUEST:
	case EVENT_TRANSFER_PROGRESS:
	case EVENT_TRANSFERRED:
	case EVENT_TRANSFER_FAILED:
	case EVENT_REFER:
		transfer_sentence(event, line);
		return;
	case EVENT_MESSAGE:
	case EVENT_MESSAGE_SENT:
	case EVENT_MESSAGE_FAILED:
	case EVENT_TYPING:
		message_sentence(event, line);
		return;
	case EVENT_SUBSCRIBED:
	case EVENT_SUBSCRIBE_FAILED:
	case EVENT_NOTIFY:
	case EVENT_PRESENCE:
	case EVENT_DIALOG_INFO:
	case EVENT_VOICEMAIL:
	case EVENT_REG:
	case EVENT_WATCH_REQUEST:
	case EVENT_BLOCKED:
	case EVENT_PUBLISHED:
	case EVENT_UNPUBLISHED:
	case EVENT_PUBLISH_FAILED:
		watch_sentence(event, line);
		return;
	case EVENT_DEVICE:
	case EVENT_NETWORK:
	case EVENT_AUDIO_TEST:
	case EVENT_BUSY:
	case EVENT_CONNECTION:
		surroundings_sentence(event, line);
		return;
	case EVENT_PLAY_DONE:
	case EVENT_RECORD_DONE:
		file_sentence(event, line);
		return;
	default:
		media_sentence(event, line);
		return;
	}
}
