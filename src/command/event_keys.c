#include "command/event_keys.h"

#define WHICH_CALL "call id callid direction from to name account "
/* Of every event of a call's life; code and what follows as far as there is one. */
#define CALL_KEYS WHICH_CALL "code reason cause duration "

static const struct event_help rows[] = {
	{ "registered", "account code reason expires", "a registrar has taken our binding; its refreshes are not told",
	  false },
	{ "unregistered", "account code reason", "the registrar has removed our binding", false },
	{ "register-failed", "account code reason cause retry why removal",
	  "a registration failed, or its removal; cause is auth, refused, dns, connect, tls or timeout; retry is in "
	  "seconds, 0 when given up; removal=yes: it was `unregister` that failed",
	  false },
	{ "incoming", WHICH_CALL "identity diverted signed join",
	  "somebody calls; name is the display name; join is the call of ours that they want to take part in", true },
	{ "trying", CALL_KEYS, "the request was taken by the next hop (100)", true },
	{ "ringing", CALL_KEYS, "it rings at the other side (180)", true },
	{ "early-media", CALL_KEYS "codec", "the other side sends sound before it answers", true },
	{ "answered", CALL_KEYS "codec", "the call is up", true },
	{ "failed", CALL_KEYS "target detail why",
	  "the call was refused, given up or could not be made; target is where a 3xx points, why says in a sentence "
	  "or two what it means and what to do",
	  true },
	{ "ended", CALL_KEYS "by detail", "a call that was up is over; by is us or the peer", true },
	{ "response", CALL_KEYS "request server allow", "a request was answered", true },
	{ "redirected", CALL_KEYS "target", "the call goes on at another target (3xx)", true },
	{ "held", CALL_KEYS, "we hold the call", true },
	{ "resumed", CALL_KEYS, "we do not hold it any more", true },
	{ "remote-held", CALL_KEYS, "the other side holds the call", true },
	{ "remote-resumed", CALL_KEYS, "the other side does not hold it any more", true },
	{ "reinvite", CALL_KEYS "refresh", "a session was changed, checked or refreshed by re-INVITE", true },
	{ "joined", CALL_KEYS "join", "who called takes part in our call `join` now (Join)", true },
	{ "update", CALL_KEYS "refresh", "a session was changed or refreshed by UPDATE", true },
	{ "media", CALL_KEYS "codec rate", "the first packet of the other side was heard", true },
	{ "silent", CALL_KEYS "side microphone",
	  "nothing above -50dB for 3 s; side is me or peer; microphone=none or lost: the echo test is silent for "
	  "want of one",
	  true },
	{ "media-lost", CALL_KEYS "heard", "no packet of the other side for 3 s; heard=no: none ever came", true },
	{ "codec", CALL_KEYS "codec rate side", "the codec changed; side says whose sound has it", true },
	{ "media-moved", CALL_KEYS "address count",
	  "the other side's sound comes from another address now, and ours goes there; count is how often that was "
	  "since it was told last",
	  true },
	{ "media-restarted", CALL_KEYS "count",
	  "the other side's sound began anew: another machine, or a restart; count is how often that was since it was "
	  "told last",
	  true },
	{ "media-refused", CALL_KEYS "forged replayed stray",
	  "packets came that were not encrypted with the agreed key (forged), not for the first time (replayed), or "
	  "from elsewhere or as no RTP (stray): so many since it was told last, first when it is 10, of stray ones 50; "
	  "nothing of them is heard",
	  true },
	{ "info", "call id from type body", "the other side sent INFO", true },
	{ "transfer-request", "call id target from account request",
	  "the other side asks us to call target: `accept-transfer` or `refuse-transfer`", true },
	{ "transfer-progress", "call id target code reason", "how the call that we asked the other side for goes",
	  true },
	{ "transferred", "call id target code reason by",
	  "the other side talks to target now; by is who asked for it, us or the peer", true },
	{ "transfer-failed", "call id target code reason cause by",
	  "the transfer came to nothing; without code and cause nothing more was told of it", true },
	{ "refer", "target from to direction account code reason cause request",
	  "outside of calls somebody asks us to call target (direction=in), or how one of ours goes (direction=out)",
	  false },
	{ "dtmf", "call id digit via from", "a digit of the keypad came", true },
	{ "message", "message from name to account text", "somebody wrote; message is its number", false },
	{ "message-sent", "message from to account text code reason",
	  "a message of ours was taken (200, or 202: will be "
	  "delivered later)",
	  false },
	{ "message-failed", "message from to account text code reason cause", "a message of ours was not delivered",
	  false },
	{ "typing", "from name to account state", "somebody types to us, or no longer; state is active or idle",
	  false },
	{ "play-done", "call id file duration from", "a file that was played is over or was stopped", true },
	{ "record-done", "call id file duration from reason",
	  "a recording is whole; reason is there when it could not be written on", true },
	{ "subscribed", "from name account package state expires",
	  "what we asked for is told from now on; state is active, or pending until somebody allows it", false },
	{ "subscribe-failed", "from name account package code reason cause retry",
	  "what we asked for is not told, or no longer; retry is in seconds, 0 when given up", false },
	{ "notify", "from name account package state reason type body", "each NOTIFY as it came", false },
	{ "presence", "from name account state text",
	  "how somebody is: available, busy, away, dnd, offline or unknown; text is what they say of it", false },
	{ "dialog-info", "from name account state direction peer",
	  "what somebody's line does: trying, proceeding, early (it rings), confirmed, or terminated when it is idle",
	  false },
	{ "voicemail", "from account state new old", "a mailbox: state is waiting or none", false },
	{ "reg", "from account state contacts", "where an address is registered; state is active or terminated",
	  false },
	{ "watch-request", "watcher from account package",
	  "somebody wants to see whom you talk to: `accept-watcher` or `refuse-watcher`", false },
	{ "blocked", "from pattern", "somebody who is blocked has called or written", false },
	{ "published", "account state expires", "a server tells our status to others", false },
	{ "unpublished", "account state code reason",
	  "after `publish off`: the server tells our status to nobody any more", false },
	{ "publish-failed", "account state code reason cause retry removal",
	  "our status could not be published, or with removal=yes not taken back", false },
	{ "audio-test", "input output noise loudest played level round-trip",
	  "what `audio test` found: levels in dB, the round trip in seconds. noise is the microphone before anything "
	  "is "
	  "played, loudest the loudest of it at all, played what the loudspeaker got, level what came back of it; "
	  "without level nothing did",
	  false },
	{ "device", "name kind state reason",
	  "a sound device was added, removed or lost, is missing (it never was there) or is back", false },
	{ "busy", "state complexity",
	  "state=on: the processor is too busy for all that is said to be encoded thoroughly, so that no packet is "
	  "late; off: it has time again. complexity is how thorough the Opus encoders are, 0 to 5",
	  false },
	{ "network", "state address",
	  "other addresses or another way out (changed), none at all (down), or the computer has slept (resumed); "
	  "registrations and calls follow by themselves",
	  false },
	{ "connection", "state address peer reason " WHICH_CALL,
	  "a connection to a server was opened or lost; where a call waited for an answer on it, which one", false },
};

const struct event_help *event_help(enum event_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!strcmp(rows[i].name, event_name(kind)))
			return &rows[i];
	return NULL;
}

#define KEY(key)                                                                                                       \
	{                                                                                                              \
		.name = key, .kind = ARG_PATTERN, .text = "a shell pattern that the event's " key " must match"        \
	}
static const struct command_argument keys[] = {
	KEY("call"),    KEY("id"),      KEY("callid"),  KEY("direction"), KEY("from"),     KEY("to"),
	KEY("account"), KEY("code"),    KEY("reason"),  KEY("cause"),     KEY("duration"), KEY("expires"),
	KEY("retry"),   KEY("target"),  KEY("codec"),   KEY("rate"),      KEY("side"),     KEY("digit"),
	KEY("via"),     KEY("request"), KEY("name"),    KEY("kind"),      KEY("state"),    KEY("address"),
	KEY("peer"),    KEY("by"),      KEY("server"),  KEY("allow"),     KEY("message"),  KEY("text"),
	KEY("package"), KEY("new"),     KEY("old"),     KEY("contacts"),  KEY("type"),     KEY("body"),
	KEY("refresh"), KEY("file"),    KEY("pattern"), KEY("signed"),    KEY("diverted"), KEY("identity"),
	KEY("detail"),  KEY("why"),     KEY("join"),    KEY("watcher"),   KEY("heard"),
	KEY("removal"),    KEY("microphone"),
	KEY("input"),   KEY("output"),  KEY("noise"),   KEY("loudest"),   KEY("played"),    KEY("level"),
	KEY("round-trip"), KEY("complexity"), KEY("count"), KEY("forged"), KEY("replayed"), KEY("stray"),
};

const struct command_argument *event_key_option(struct slice key)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (slice_eq(slice_of(keys[i].name), key))
			return &keys[i];
	return NULL;
}

void event_keys_offer(struct near *near)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		near_offer(near, slice_of(keys[i].name));
}
