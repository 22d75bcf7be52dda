/*
 * phone: the softphone as one object. Commands in, events out. The only floor where signalling and sound meet, and the
 * only one that reads SDP.
 *
 *   phone            wiring, turn end; phone_internal what the files below share; listen the sockets of SIP
 *   settings         the table of settings (settings.def); units durations, sizes and levels in it; apply: what changes
 *                    when one is set
 *   event            the event log (events.def); event_words: a line of each for people
 *   target           what people write -> a URI; dial_plan what an account makes of numbers
 *
 *   accounts         who we are where; account_options KEY=VALUE of one, account_settings what it sets for itself,
 *                    account_requests whom a request from outside is for,
 *                    account_credentials passwords of single realms, account_proxies which proxy is in use,
 *                    account_flows the second flow
 *   register         the registration of an account
 *   instance         the name of this phone among all (RFC 5626)
 *   leftovers        what registrars may know of us, on disk, for the case of a kill -9
 *   network          other addresses, another way out: registrars and peers are told
 *
 *   calls            calls by number: their life, who is heard; call_tones ringing, ringback, busy; auto_hold who waits
 *                    for whom
 *   call_session     what the session of a call tells
 *   call_commands    which call is meant; answer, hold, resume ...
 *   incoming         whose a call that comes in is, and what becomes of it before anybody is asked
 *   digits           digits in a call
 *   caller           what an INVITE says of who calls
 *   notices          what a peer can make happen to its sound without end, summed up
 *   screening        blocked callers, do not disturb, forwarding
 *   dial             from a target to an INVITE, and on to where a 3xx points
 *   info             INFO, and digits by it
 *   transfer         REFER to us, Replaces
 *   referral         REFER by us
 *   join             Join, both ways; pickup a call that rings elsewhere
 *   ping             OPTIONS and whatever else is sent by hand
 *
 *   negotiate        SDP of a call -> its stream; codec_list the codecs that it offers
 *   media_plan       what was agreed -> a stream's configuration
 *   encryption       whether sound is encrypted, and the keys
 *   sound            devices and codecs
 *   devices          devices that come and go
 *   files            files played in calls, calls recorded to files
 *   conference       calls that hear each other; hold music
 *   sampling         how the sound of a call was, over time
 *   echo             the built-in echo test: a second user agent
 *
 *   subscriptions    what we watch of others; watched what is known of it
 *   presence         our status; watchers who watches us; publishing what the servers are told of it;
 *                    presence_internal what these share
 *   messages         MESSAGE out and in; typing "is typing", both ways; messages_internal what these share;
 *                    message_store where they are kept
 *   contacts         names for addresses, kept at once (contacts_file, contacts_text); vcard from and to other programs
 *   history          what was called and who called; history_text as lines
 *   disk             files: read and written whole, locked, folders made
 *   store            rows on disk, by a thread, that survive a kill -9: store_db the file, store_journal what is not in
 *                    it yet
 *
 *   trace            wire bytes in a bounded ring
 *   tracing          which messages of it, for people
 *   ladder           its layout as a ladder diagram; party who takes part in it
 *   capture          it as packets in a file
 *   explain          `why`: what went wrong in a sentence or two, what to do
 *   quantity         what `expect`, `get` and $name can ask; views of calls
 *   show             what `show` shows; `save`
 */
#pragma once

#include "base/log.h"
#include "phone/event.h"
#include "phone/ladder.h"
#include "phone/message_store.h"
#include "phone/settings.h"

struct phone;
struct loop;

enum exit_status {
	STATUS_OK = 0,
	STATUS_FALSE = 1,
	STATUS_USAGE = 2,
	STATUS_REGISTER = 3,
	STATUS_CALL = 4,
	STATUS_TIMEOUT = 5,
	STATUS_SOUND = 6,
	STATUS_NETWORK = 7,
};

/* Why a command failed. */
struct failure {
	enum exit_status status;
	char reason[32]; /* a code for JSON: "no-such-call", "busy", "syntax" */
	unsigned sip;    /* the SIP status, 0 without */
	char text[400];  /* one sentence that says what to do */
};
/** Fill `failure` and return false. */
bool fail(struct failure *failure, enum exit_status status, const char *reason, const char *format, ...)
	PRINTF_LIKE(4, 5);

struct phone_config {
	struct loop *loop;
	const struct log *log;  /* errors and warnings for people */
	const char *config_dir; /* contacts live here; NULL (-n): nothing is kept */
	const char *saved_dir;  /* `saved` lives here, beside the configuration file; NULL: in config_dir */
	const char *state_dir;  /* history, bindings; NULL: none */
	bool ephemeral_port;    /* sip.listen defaults to a free port (batch runs) */
};
/** Opens nothing yet: sockets come with the first call, account or phone_start(). */
struct phone *phone_new(const struct phone_config *config);
/** Calls must have ended (phone_shut_down) or they are dropped. */
void phone_free(struct phone *phone);
/** Open the sockets of sip.listen now. Errors are told as a failure (status 7). */
bool phone_start(struct phone *phone, struct failure *failure);
/** End calls with BYE, CANCEL or 480, remove bindings; phone_is_quiet() tells when the peers have answered (or 2 s have
 * passed). */
void phone_shut_down(struct phone *phone);
bool phone_is_quiet(const struct phone *phone);
/** Turn end: objects die, due work is done. Called by main before readers of the event log. */
void phone_turn_end(struct phone *phone);

/** A line of the phone's log, for people. */
void phone_log(const struct phone *phone, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);
struct events *phone_events(struct phone *phone);
struct settings *phone_settings(struct phone *phone);
bool phone_set(struct phone *phone, struct slice name, struct slice value, bool from_config, struct failure *failure);

/* ---- calls ---- */

struct call_options {
	const char *from; /* account name or address; NULL: default account, else none */
	const char *display;
	bool anonymous;
	const char *codec;          /* only this one; NULL: media.codecs */
	const char *encryption;     /* "off", "optional", "required"; NULL: the account's or media.encryption */
	const char *early;          /* "on", "listen", "off": sound before the answer; NULL: on */
	bool no_sdp;                /* sdp=none: INVITE without offer */
	int64_t timeout_us;         /* 0: none */
	const char *const *headers; /* "Name:value", NULL-ended; NULL: none */
	const char *type, *body;    /* a body beside the offer, with its type; NULL: none */
	const char *input, *output; /* devices for this call; NULL: the settings */
	const char *record;         /* record it to a file of this name, see phone_record_start(); NULL: do not */
	unsigned instead_of;        /* the call whose other side asked for this one: it is not held; 0: none */
};
/* Which call is meant where none is named. */
enum call_meant { MEANT_RINGING, MEANT_HELD, MEANT_HANGUP, MEANT_SELECTED };
struct request_words;
/** The message by which the next command acts on this call carries these lines and this body too. *call tells which
 * call it is. */
bool phone_say_also(struct phone *phone, enum call_meant meant, unsigned *call, const struct request_words *words,
		    struct failure *failure);
/** Dial. `dialled` (may be NULL) gets what is dialled, for people. @return the call's number in *call */
bool phone_call(struct phone *phone, struct slice target, const struct call_options *options, unsigned *call,
		struct buf *dialled, struct failure *failure);
/* `call` 0 means the one that design says is meant when it is omitted (the only ringing one, the selected one ...).
 * *call tells which it was. */
bool phone_answer(struct phone *phone, unsigned *call, int64_t after_us, struct failure *failure);
bool phone_ring(struct phone *phone, unsigned *call, struct failure *failure);
bool phone_progress(struct phone *phone, unsigned *call, struct failure *failure);
bool phone_reject(struct phone *phone, unsigned *call, unsigned code, struct slice reason, struct failure *failure);
bool phone_redirect(struct phone *phone, unsigned *call, struct slice target, struct failure *failure);
/** ALL_CALLS hangs up all. */
#define ALL_CALLS 0xffffffffu
bool phone_hangup(struct phone *phone, unsigned *call, struct failure *failure);
bool phone_hold(struct phone *phone, unsigned *call, struct failure *failure);
bool phone_resume(struct phone *phone, unsigned *call, struct failure *failure);
bool phone_reinvite(struct phone *phone, unsigned *call, bool no_sdp, struct failure *failure);
/** UPDATE, before the answer too; its outcome comes as the event `update`. */
bool phone_update(struct phone *phone, unsigned *call, bool no_sdp, struct failure *failure);
/** `call` 0: the microphone for all. */
bool phone_mute(struct phone *phone, unsigned call, bool muted, struct failure *failure);
bool phone_select(struct phone *phone, unsigned *call, int step,
		  struct failure *failure); /* step +1, -1: next, previous; 0: *call */
/**
 * All these calls, and those in the conference already, hear each other and me. A single one joins the conference or
 * the selected call. Those on hold are resumed.
 */
bool phone_conference(struct phone *phone, const unsigned *calls, size_t count, struct failure *failure);
/** Take a call out of the conference; it is held (call.auto-hold). */
bool phone_split(struct phone *phone, unsigned *call, struct failure *failure);
/** via: "auto", "rtp", "info", "audio"; empty: what dtmf.via says */
bool phone_dtmf(struct phone *phone, unsigned *call, struct slice digits, struct slice via, struct failure *failure);
/**
 * Call the one called last, or where a 3xx has pointed since (call.follow-redirect ask).
 * @param entry  not 0: whom this entry of the history was with, see phone_history()
 */
bool phone_redial(struct phone *phone, unsigned entry, unsigned *call, struct buf *dialled, struct failure *failure);
/** OPTIONS; its outcome comes as the event `response` (call 0) with `request` numbering it: *request. */
bool phone_options(struct phone *phone, struct slice target, const char *const *headers, unsigned *request,
		   struct failure *failure);
/* What a request by hand carries; all may be empty. */
struct request_words {
	const char *const *headers; /* "Name:value", NULL-ended, or NULL */
	struct slice type, body;    /* a body needs its type */
};
/** Any request outside of calls; the outcome comes as for OPTIONS. */
bool phone_request(struct phone *phone, struct slice method, struct slice target, const struct request_words *words,
		   unsigned *request, struct failure *failure);
/** INFO in a call; the outcome comes as `response` of the call. */
bool phone_info(struct phone *phone, unsigned *call, struct slice type, struct slice body, const char *const *headers,
		unsigned *request, struct failure *failure);
/** Ask the peer of a call to call someone else (REFER). Events: transfer-progress, transferred, transfer-failed. */
bool phone_transfer(struct phone *phone, unsigned *call, struct slice target, const char *const *headers,
		    struct failure *failure);
/** ... or to take our place in the call `with`. */
bool phone_transfer_with(struct phone *phone, unsigned *call, unsigned with, const char *const *headers,
			 struct failure *failure);
/** What the peer of a call, or somebody outside of calls (*call 0), has asked us: whom to call. `request`: the key of
 * `transfer-request` or `refer`; 0: the only one, or that of the call. */
bool phone_accept_transfer(struct phone *phone, unsigned *call, unsigned request, struct failure *failure);
bool phone_refuse_transfer(struct phone *phone, unsigned *call, unsigned request, struct failure *failure);
/** REFER outside of calls; events `refer` with this `request`, the last with a final code. */
bool phone_refer(struct phone *phone, struct slice target, struct slice to, const char *const *headers,
		 unsigned *request, struct failure *failure);
/** Does one of these still go on? */
bool phone_refers_under_way(const struct phone *phone);
/** Does a hold, resume, re-INVITE, UPDATE or transfer of ours still go on in this call, which is up? */
bool phone_change_under_way(const struct phone *phone, unsigned call);
/** Are digits still to be sent in this call, which is up? *stuck: some are, but no sound leaves, and nothing is under
 * way that would change that: then false. */
bool phone_digits_under_way(const struct phone *phone, unsigned call, bool *stuck);
unsigned phone_selected(const struct phone *phone);
/** A call's number by "2" or by its id. @return 0: none */
unsigned phone_find_call(const struct phone *phone, struct slice word);
bool phone_call_ended(const struct phone *phone, unsigned call);

/* What screens and `show` read; a copy whose texts live until the next turn. */
enum call_state {
	CALL_DIALLING,
	CALL_TRYING,
	CALL_RINGING,
	CALL_EARLY,
	CALL_INCOMING,
	CALL_ANSWERED,
	CALL_HELD,
	CALL_ENDED,
	CALL_FAILED
};
const char *
call_state_name(enum call_state state); /* calling trying ringing early incoming answered held ended failed */
struct call_view {
	unsigned number;
	const char *id, *sip_call_id;
	enum call_state state;
	bool incoming, selected, muted, held_by_us, held_by_peer, is_echo;
	bool to_be_held; /* held by us, or about to be: the last `hold` or `resume` said so */
	bool cancels_later; /* hung up before anybody has answered: it ends as soon as somebody does (RFC 3261 9.1) */
	const char *name, *uri; /* the peer, cleaned; name may be "" */
	const char *account;
	unsigned code; /* last SIP status; 0 */
	const char *reason, *cause;
	int64_t started_us, answered_us, ended_us; /* loop time; 0: not yet */
	double duration_s;                         /* since the answer, to now or to the end */
	const char *codec;                         /* "" before media */
	const char *encryption;                    /* the crypto-suite, "none"; "" before media */
	const char *recording;                     /* "", "on", "paused" */
	bool plays;                                /* a file */
	bool in_conference;
	unsigned joins; /* the call of ours that it came to take part in; 0: none */
	bool has_media;
	double loss, jitter_ms, rtt_ms, mos, buffer_ms, heard_db, mic_db;
	uint64_t refused; /* packets that SRTP refused: forged or replayed */
};
/** The calls alive, by number. `views` has room for `max`. @return how many there are */
size_t phone_calls(const struct phone *phone, struct call_view *views, size_t max);
bool phone_view_call(const struct phone *phone, unsigned call,
		     struct call_view *view); /* ended ones too, while remembered */
/* How a call sounded at a time: shares 0..1, times in ms, levels in dB. NaN: not known then. */
struct quality_sample {
	float loss, jitter_ms, buffer_ms, rtt_ms, heard_db, mic_db, mos;
};
enum { QUALITY_SAMPLES = 512 };
/** The whole call in samples, the oldest first, ended calls too while remembered. @param samples room for
 * QUALITY_SAMPLES @param interval_s gets their distance [s] @return how many */
size_t phone_quality(const struct phone *phone, unsigned call, struct quality_sample *samples, unsigned *interval_s);

/* ---- accounts ---- */

/** `options` are "KEY=VALUE" words, NULL-ended. */
bool phone_account_add(struct phone *phone, struct slice address, const char *const *options, struct failure *failure);
bool phone_account_set(struct phone *phone, struct slice account, const char *const *options, struct failure *failure);
bool phone_account_remove(struct phone *phone, struct slice account, struct failure *failure);
bool phone_account_default(struct phone *phone, struct slice account, struct failure *failure);
/** `account` empty: all (register) or the default. */
bool phone_register(struct phone *phone, struct slice account, struct failure *failure);
bool phone_unregister(struct phone *phone, struct slice account, bool all_bindings, struct failure *failure);
/** Is it not known yet how one of both ends? */
bool phone_account_under_way(const struct phone *phone, const char *account);
/**
 * Ask the registrar for the bindings of this address (RFC 3261 10.2.3). The outcome comes as the event `response` with
 * `request` *request; phone_account_bindings() lists what was fetched last.
 */
bool phone_account_fetch(struct phone *phone, struct slice account, unsigned *request, struct failure *failure);
typedef void phone_binding_h(void *arg, const char *contact, uint32_t expires_s);
void phone_account_bindings(const struct phone *phone, struct slice account, phone_binding_h *each, void *arg);
/** The names of the options of `account add`, NULL-ended, for completion and help. */
const char *const *phone_account_options(void);
struct account_view {
	const char *name, *address, *registrar;
	const char *state; /* unregistered registering registered failed */
	uint32_t expires_left_s, retry_s;
	unsigned code;
	const char *reason, *cause;
	bool is_default, needs_password, no_registrar; /* registrar=none: it does not register */
	bool mailbox_known, voicemail;      /* is there a mailbox that tells; does something wait there */
	uint32_t voicemail_new, voicemail_old;
	bool removal_failed; /* state failed: our binding was not removed when it was to be */
};
size_t phone_accounts(const struct phone *phone, struct account_view *views, size_t max);
bool phone_view_account(const struct phone *phone, struct slice account, struct account_view *view);
/** The address that the registrar saw us at, where NAT has made it another than ours. @return false: it is ours */
bool phone_account_face(const struct phone *phone, struct slice account, char *text, size_t room);
/** A password was asked for and typed. */
bool phone_account_password(struct phone *phone, struct slice account, struct slice password, struct failure *failure);
/** The options that an account was given, " KEY=VALUE" each as `account add` takes them; never a password. @return
 * false: no such account */
bool phone_account_words(const struct phone *phone, struct slice account, struct buf *out);
/** What phone_save() would write. */
void phone_saved_text(const struct phone *phone, struct slice extra, struct buf *text);
/** Write changed accounts, settings to `saved`. `extra` is appended (aliases, keys: the command floor's). */
bool phone_save(struct phone *phone, struct slice extra, struct failure *failure);

/* ---- people ---- */

/**
 * Add an address to a contact, which is made when there is none of that name, or change one that it has.
 * @param kind        "work", "mobile" ...; NULL: not told
 * @param preference  1 (tried first) to 100; 0: not told
 */
bool phone_contact_add(struct phone *phone, struct slice name, struct slice target, const char *kind,
		       unsigned preference, struct failure *failure);
/** Set "ring" (a tone of ENGINE_RINGS or a sound file), "auto-answer" ("on", "progress", "off") or "speed" (1 to 99) of
 * a contact; an empty value: as all others. */
bool phone_contact_set(struct phone *phone, struct slice name, const char *key, struct slice value,
		       struct failure *failure);
/** NAME, or one address of theirs: NAME/KIND, NAME/NUMBER. */
bool phone_contact_remove(struct phone *phone, struct slice name, struct failure *failure);
/** Take in the vCards of a file; `taken`, `left`: how many had an address to call, and how many had none. */
bool phone_contacts_import(struct phone *phone, const char *path, size_t *taken, size_t *left, struct failure *failure);
/** Write all contacts as vCards (RFC 6350). */
bool phone_contacts_export(struct phone *phone, const char *path, size_t *count, struct failure *failure);
struct contact_address {
	const char *target, *kind; /* kind: "work"; "": not told */
	unsigned preference;       /* 1 is tried first; 0: not told */
};
struct contact_view {
	const char *name, *ring, *auto_answer; /* "": as all others */
	unsigned speed;                        /* 0: none */
	const struct contact_address *addresses;
	size_t count; /* one at least; the first is dialled */
};
/** All contacts by name. Their texts are borrowed for the call. */
typedef void phone_contact_h(void *arg, const struct contact_view *contact);
void phone_contacts(const struct phone *phone, phone_contact_h *each, void *arg);
/** The TARGET that means this address of theirs: "Bob", "Bob/work", "Bob/2". */
void contact_way(const struct contact_view *contact, size_t place, struct buf *word);
/** "  speed=7  ring=bell": what else is known of them; nothing: as all others. */
void contact_traits(const struct contact_view *contact, struct buf *out);
/** A line an address, the first with what else is known of them. */
void contact_lines(const struct contact_view *contact, struct buf *out);
/** Targets dialled lately, newest first, for completion and redial. */
typedef void phone_recent_h(void *arg, const char *target);
void phone_recent(const struct phone *phone, phone_recent_h *each, void *arg);

/* ---- messages ---- */

/** Send a text; the event `message-sent` or `message-failed` tells what became of it, with `message` numbering it:
 * *number. `from`, `headers`: as of call_options. */
bool phone_message(struct phone *phone, struct slice to, struct slice text, const char *from,
		   const char *const *headers, unsigned *number, struct failure *failure);
/** Keys are pressed in a chat with somebody, or no longer: they are told so, where message.typing is on. */
void phone_typing(struct phone *phone, struct slice to, bool typing);
/** What was written in this run, oldest first; `with`: only with this target, and then they do not count as seen. */
typedef void phone_message_h(void *arg, const struct message_record *message);
bool phone_messages(struct phone *phone, struct slice with, phone_message_h *each, void *arg, struct failure *failure);
/** The same, to search in them: none counts as seen for that. */
bool phone_messages_find(struct phone *phone, struct slice with, phone_message_h *each, void *arg,
			 struct failure *failure);
/** Received ones that phone_messages() has not told yet. */
size_t phone_messages_unseen(const struct phone *phone);
/** Does one of ours still wait for its outcome? */
bool phone_messages_under_way(const struct phone *phone);
/** Read a target for a chat: its URI, and a short name for people. */
bool phone_target(struct phone *phone, struct slice text, struct buf *uri, struct buf *shown, struct failure *failure);

/* ---- presence and lines ---- */

/** Watch a target; `package`: "presence" (NULL), "dialog", "message-summary", "reg". What is watched already is asked
 * for again. The events `subscribed`, `subscribe-failed`, `notify` and those of the package tell. @param expires_s  0:
 * one look only @param uri  on success the `from` of its events, on the heap */
bool phone_subscribe(struct phone *phone, struct slice to, const char *package, const char *from, uint32_t expires_s,
		     char **uri, struct failure *failure);
/** Is it not known yet whether what phone_subscribe() has asked for is told? */
bool phone_subscribe_under_way(const struct phone *phone, const char *uri, const char *package);
/** `package` NULL: all; `to` may be "all". */
bool phone_unsubscribe(struct phone *phone, struct slice to, const char *package, struct failure *failure);
/** The last news of a contact whom we watch: "available", "busy lunch", "on the phone". @return false: nothing is known
 */
bool phone_seen(const struct phone *phone, const char *name, struct buf *out);
/** How we are: "available", "busy", "away", "dnd", "offline". */
bool phone_set_status(struct phone *phone, struct slice word, struct slice text, struct failure *failure);
void phone_status(const struct phone *phone, const char **word, const char **text);
/** Publish our status at the server of an account, or no longer. `from` NULL: the default one. *account: its name.
 * Events: `published`, anew for each call, `unpublished` and `publish-failed`. */
bool phone_publish(struct phone *phone, const char *from, bool on, const char **account, struct failure *failure);
/** Is it not known yet whether our status is published, or taken back, there? */
bool phone_publish_under_way(const struct phone *phone, const char *account);
/** Block a pattern, or let it pass whatever is blocked. */
bool phone_screen(struct phone *phone, struct slice pattern, bool allows, struct failure *failure);
/** Take back a rule of phone_screen(). Fails with STATUS_USAGE "no-rule" where there is none of that pattern and kind.
 */
bool phone_unscreen(struct phone *phone, struct slice pattern, bool allows, struct failure *failure);
typedef void phone_screen_h(void *arg, const char *pattern, bool allows);
void phone_screens(const struct phone *phone, phone_screen_h *each, void *arg);
/** Send calls on: `when` "always", "busy", "noanswer" (after `after_us`, 0: 20 s), NULL: all of them; `to` may be
 * "off". */
bool phone_forward(struct phone *phone, const char *when, struct slice to, int64_t after_us, struct failure *failure);
typedef void phone_forward_h(void *arg, const char *when, const char *target, int64_t after_us);
void phone_forwards(const struct phone *phone, phone_forward_h *each, void *arg);
/** Take the call that rings at somebody else's phone. `anywhere`: whatever address the watched line names. */
bool phone_pickup(struct phone *phone, struct slice target, bool anywhere, unsigned *call, struct buf *dialled,
		  struct failure *failure);

/** May who wants to see our calls? `number`: the key watcher of `watch-request`; 0: the only one that waits. */
bool phone_admit_watcher(struct phone *phone, unsigned number, bool may, struct failure *failure);
/** Take part in the call that somebody else, whose line is watched, is in (Join, RFC 3911). */
bool phone_join(struct phone *phone, struct slice target, unsigned *call, struct buf *dialled, struct failure *failure);

struct history_row {
	unsigned number; /* for `redial`; the same as long as the phone runs */
	int64_t unix_s;  /* when it began */
	bool incoming;
	const char *how;  /* "answered", "missed", "failed" */
	unsigned seconds; /* that it was up */
	unsigned code;
	const char *account, *uri, *name, *why; /* clean; "" where there is none */
	const char *dialled; /* what was typed for it: "Bob/work", "123,,4#"; "" for incoming calls */
};
struct history_filter {
	const char *kind; /* "in", "out", "missed", "answered", "failed"; NULL: all */
	int64_t since_unix_s;
	const char *match; /* a shell pattern or a part of the address or name; NULL: all */
};
/** The calls of the past, newest first. */
typedef void phone_history_h(void *arg, const struct history_row *row);
void phone_history(struct phone *phone, const struct history_filter *filter, phone_history_h *each, void *arg);
/** Somebody has looked: calls.missed counts from here. */
void phone_history_seen(struct phone *phone);
/** One line for people, and one of comma-separated values (RFC 4180), each with its line feed. */
void history_line(const struct history_row *row, struct buf *out);
/** What stands behind the scheme, as people write an address. Borrowed from `uri`. */
const char *uri_plain(const char *uri);
/** What calls them again: the word that was dialled, or the address. Borrowed from the row. */
const char *history_target(const struct history_row *row);
void history_csv_line(const struct history_row *row, struct buf *out);
#define HISTORY_CSV_HEAD "number,time,direction,how,seconds,code,account,address,name,why,dialled\n"

/* ---- sound ---- */

/** which: "input", "output", "ringer" */
bool phone_audio_use(struct phone *phone, const char *which, struct slice names, bool from_script,
		     struct failure *failure);
/** "lost" when the "input", "output" or "ringer" is gone, "none" when it never was there, so that silence takes its
 * place; else "". */
const char *phone_device_trouble(const struct phone *phone, const char *which);
/** A table of devices for people, or one JSON-able row a call of `each`. Asks the sound helper: answers when it has;
 * `done` with NULL name at the end. `each` NULL: only for the events `device`. */
typedef void phone_device_h(void *arg, const char *name, const char *kind, bool in_use);
void phone_audio_list(struct phone *phone, phone_device_h *each, void *arg);
/**
 * Play a sound file in a call. `to`: "peer" (NULL), "me", "both"; `mix`: the microphone goes on beside it. To me it can
 * be played without a call, *call 0 then. The event `play-done` tells its end.
 */
bool phone_play(struct phone *phone, unsigned *call, const char *path, const char *to, bool mix,
		struct failure *failure);
/** Stop what is played in the call, else what is played to me alone. */
bool phone_stop(struct phone *phone, unsigned *call, struct failure *failure);
/**
 * Record a call: me on the left, them on the right. The event `record-done` tells when the file is whole.
 * @param pattern  its name; %u who, %t time, %n the call's number; NULL: the setting record.file. It never overwrites:
 *                 a number is put behind a name that is there already
 * @param max_us   end it after so long; 0: with the call
 * @param name     (may be NULL) gets the name of the file
 */
bool phone_record_start(struct phone *phone, unsigned *call, const char *pattern, int64_t max_us, struct buf *name,
			struct failure *failure);
bool phone_record_stop(struct phone *phone, unsigned *call, struct failure *failure);
bool phone_record_pause(struct phone *phone, unsigned *call, bool paused, struct failure *failure);
/** Is a recording of the call not whole yet? It may have ended. */
bool phone_is_writing(const struct phone *phone, unsigned call);
/** Play and listen for three seconds; the event `audio-test` tells what was found. */
bool phone_audio_test(struct phone *phone, struct failure *failure);
/** Codecs in order, with enabled or not. */
typedef void phone_codec_h(void *arg, const char *name, bool enabled);
void phone_codecs(const struct phone *phone, phone_codec_h *each, void *arg);
/** media.codecs anew; calls that are up, but for those with a codec= of their own, are offered it by re-INVITE. */
bool phone_codecs_set(struct phone *phone, struct slice names, struct failure *failure);

/* ---- watching ---- */

/** what: calls call accounts registrations transactions dialogs media contacts history quality settings version ... ;
 * lines for people. @return false: no such view */
bool phone_show(struct phone *phone, struct slice what, struct slice argument, struct buf *out,
		struct failure *failure);
/** Where the phone listens: each address, and by what where it is not UDP and TCP, between these two. */
void phone_listens(const struct phone *phone, const char *before, const char *behind, struct buf *out);
/** A sentence or two on a call, an account, or (empty) what went wrong last. */
bool phone_why(struct phone *phone, struct slice subject, struct buf *out, struct failure *failure);
void phone_trace_set(struct phone *phone, bool on);
/** The ladder line by line, at most `cols` wide. `ascii`: no box drawing. */
typedef void phone_ladder_h(void *arg, const struct ladder_line *line);
void phone_ladder(struct phone *phone, const struct message_filter *filter, unsigned cols, bool ascii,
		  phone_ladder_h *each, void *arg);
/** Changes with everything that a ladder would show. */
uint64_t phone_trace_last(const struct phone *phone);
void phone_trace_text(struct phone *phone, const struct message_filter *filter, struct buf *out);
/** A line a message: its number, when it went where, its first line; with `find` also the lines that have this text. */
void phone_trace_list(struct phone *phone, const struct message_filter *filter, struct slice find, struct buf *out);
/** One message, redacted by trace.redact: when and where, and its text. @return false: it is kept no more */
bool phone_trace_message(struct phone *phone, uint64_t number, struct buf *heading, struct buf *text);
/**
 * Write messages as UDP packets into a new pcap file (mode 0600), redacted by trace.redact, with the RTP that is still
 * kept.
 * @param packets  gets how many were written
 * @return false: status 6, the file exists or cannot be written, with nothing left of it
 */
bool phone_trace_save(struct phone *phone, const char *path, const struct message_filter *filter, enum capture_rtp rtp,
		      size_t *packets, struct failure *failure);
/** New messages while the trace is on: `each` gets when it went where, and the redacted text. */
typedef void phone_trace_h(void *arg, const char *heading, const char *text);
void phone_trace_watch(struct phone *phone, phone_trace_h *each, void *arg);
/**
 * A quantity: "call.state", "media.loss", "heard.level", "account.state", "calls.count", "sent.Via", a setting's name
 * ...
 * @param number  *is_number tells whether it counts as a number (shares as 0..1, levels in dB, durations in seconds)
 * @return false: no such name; a name without a value now gives an empty text
 */
bool phone_quantity(const struct phone *phone, unsigned call, struct slice name, struct buf *text, double *number,
		    bool *is_number);
/** All names of quantities, NULL-ended, for completion and help. */
const char *const *phone_quantity_names(void);
/** Parse a duration, level "-20dB", percentage "2%" or bare number as `expect` writes it. */
bool quantity_parse(struct slice text, double *number);
