/* What the files of phone/ share; nobody above includes it. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "base/random.h"
#include "loop/loop.h"
#include "media/engine.h"
#include "media/srtp.h"
#include "net/net.h"
#include "phone/account.h"
#include "phone/contacts.h"
#include "phone/negotiate.h"
#include "phone/phone.h"
#include "phone/trace.h"
#include "sip/ua/session.h"

enum {
	CALLS_REMEMBERED = 256,
	ID_CHARS = 12,
	EXTRA_HEADERS_MAX = 32,
	REDIRECTS_MAX = 16,
	REDIRECT_HOPS_MAX = 5,
	BINDINGS_TEXT_MAX = 1 << 17
};

struct history;
struct store;
struct messages;
struct presence_desk;
struct screening;
struct subscriptions;
struct watch;
struct echo;

/* network.c */
/** Follow the network from now on. */
void network_watch(struct phone *phone);
/** The name servers of the settings, and nothing of what others said. */
void phone_apply_dns(struct phone *phone);
/** Timers, limits and names of SIP; how much jitter is made up for: as the settings say. */
void phone_apply_sip(struct phone *phone);
void phone_apply_jitter(struct phone *phone);
/** A setting has another value: whatever it concerns changes. */
setting_changed_h phone_setting_changed;

/* ---- targets ---- */

struct target {
	char *uri;    /* "sip:bob@biloxi.com" */
	char *shown;  /* for people: "Bob <sip:bob@biloxi.com>" */
	char *digits; /* to send after the answer: ",,4#"; "" */
	bool is_echo;
};
/** Read a target as people write it. `account`: at whose domain bare users and numbers live; NULL: nobody's. */
bool target_read(struct phone *phone, struct slice text, const struct account *account, struct target *target,
		 struct failure *failure);
void target_fini(struct target *target);

/* ---- calls ---- */

enum call_change { CHANGE_NONE, CHANGE_HOLD, CHANGE_RESUME, CHANGE_REINVITE };

/* What the peer, or a stranger, can make happen to the sound as often as it likes (notices.c). */
enum notice_kind { NOTICE_MOVED, NOTICE_RESTARTED, NOTICE_REFUSED, NOTICE_CODEC, NOTICES };
struct notice {
	int64_t until_us, window_us; /* of the window in which it is told so often at most */
	unsigned left;               /* how often still at once */
	bool pending;                /* it happened since; told when the window is over */
	enum media_codec codec;      /* as it is now */
	char address[ADDRESS_TEXT];
	uint64_t counted[3], told[3]; /* how often, as the engine told last and as was told last */
};

struct call {
	struct list_node node;
	struct list_node among_ringing; /* in phone->ringing, while its state is CALL_INCOMING */
	struct map_node by_number, by_id;
	struct account_calls *counted; /* where it counts; NULL: nowhere */
	struct phone *phone;
	unsigned number;
	char id[ID_CHARS + 1];
	enum call_state state; /* changed by call_set_state() alone */
	bool incoming, is_echo, muted, held_by_us, held_by_peer, ringing_said, ringback, trying_said, early_said,
		answering, ended, in_history, lost_connection;
	struct session *session; /* NULL before the target is located and after the end */
	void *locating;
	struct sip_message *invite;   /* incoming: for its offer */
	struct address source, local; /* incoming: where it came from; ours that the peer is reached from */
	char *account_name, *name, *uri, *account_uri, *call_id, *target, *digits;
	unsigned code;
	char *refusal; /* the words we refused it with, or NULL */
	char *reason, *cause, *detail, *redirect; /* detail: Warning, Reason and other texts of the last failure */
	char *challenge; /* why the last one was not answered; NULL: it was, or none came */
	int64_t started_us, answered_us, ended_us;
	struct call_media media;
	enum call_change change; /* the re-INVITE that is under way */
	bool change_is_asked;    /* a hold or resume that is a `reinvite` of the user's too */
	enum call_change next_hold; /* what follows it: to hold, to resume, or neither ... */
	bool next_reinvite, next_bare; /* ... and a re-INVITE, perhaps without offer */
	bool updating; /* an UPDATE of the user's is under way */
	bool sends_digits; /* as RTP or sound: some are still to be sent */
	unsigned held_for;       /* the call that it was held for when that was dialled or answered; 0: none */
	unsigned instead_of;     /* the call whose other side asked for this one by REFER; 0: none */
	struct timer answer_timer, ringback_timer, work_timer;
	struct timer proof_timer; /* answered, and the caller has not shown yet that he is there */
	bool wants_answer, wants_progress, wants_ring;
	struct call_setup *setup;                      /* what phone_call was told, until the INVITE leaves */
	struct sip_kept last_sent, last_received; /* when the session goes */
	char *identity, *diverted; /* as our proxy vouches for; who sent the call on; or NULL */
	bool is_signed;            /* Identity is there; it is not checked */
	bool beeps;                /* it is answered by itself: the user shall hear that */
	struct info_digits *info_digits; /* that wait to be sent by INFO */
	struct transfer *follows;        /* it was dialled because of a REFER */
	unsigned replaces;               /* the call whose place it takes (RFC 3891), 0: none */
	unsigned joins;                  /* the call that it wants to take part in (RFC 3911), 0: none */
	bool joins_at_once;              /* without asking */
	unsigned reject_code;                          /* refused as soon as the handler that brought it has returned */
	char *forward_to;          /* "<sip:...>": where the caller is sent by 302 */
	struct timer forward_timer; /* nobody answers: sent on */
	struct timer leaving_timer; /* its other side sent us on to another call that is up now, and should hang up */
	bool devices[2];                               /* it chose its input, its output */
	char digit;                                    /* the last that was told, how it came and when */
	const char *digit_via;
	int64_t digit_us;
	struct pace digit_pace; /* of those that the peer sends */
	bool codec_known;                              /* told by an event: */
	enum media_codec codec_sent;
	char *codec, *encryption;                      /* codec=, encryption= */
	bool private_signalling;                       /* nobody on the way reads keys in its first description */
	bool keys_kept;                                /* an offer of ours did not leave: its keys could be read */
	char *record_to;                               /* record=, until it begins; or NULL */
	bool in_conference;
	struct sampling *sampling;                     /* NULL: nothing was heard yet */
	struct notice notices[NOTICES];
	struct timer notice_timer;
};

struct call *call_find(const struct phone *phone, unsigned number);
struct call *call_new(struct phone *phone, bool incoming);
void call_free(struct call *call);
void call_set_state(struct call *call, enum call_state state);
/** Its session is over (or never began): remember it as ended. Tells the event. */
void call_finish(struct call *call, bool was_up, const struct outcome *outcome, const char *by);
/** The devices that it chose for itself (input=, output=) give way to those of the settings. */
void call_restore_devices(struct call *call);
void call_set_peer(struct call *call, struct slice display, struct slice uri);
struct event *call_event(struct call *call, enum event_kind kind);
void call_set_status(struct call *call, unsigned code, struct slice reason);
/** Take over the Call-ID of its session. */
void call_keep_id(struct call *call);
/** The caller is there: an ACK or a packet of sound came. Our own may leave. */
void call_proved(struct call *call);
bool call_is_up(const struct call *call);
/** Is it on hold by us, or about to be, as far as was asked? */
bool call_will_be_held(const struct call *call);
/** Hold every other active call, if call.auto-hold says so. */
void calls_auto_hold(struct phone *phone, const struct call *but);
/**
 * This call came to nothing: those that were held for it are talked in again, as before it, unless the user has gone on
 * with another meanwhile.
 */
void calls_return_to_held(struct call *call);
void calls_select(struct phone *phone, struct call *call);
/** Play what the calls ask for: ring, ringback, or nothing. */
void calls_update_tones(struct phone *phone);
/** It came in and is neither answered nor over. */
bool call_is_ringing(const struct call *call);
/** Answer it when so much time [us] has passed, if it rings then. */
void call_answer_after(struct call *call, int64_t after_us);
/** Answer an incoming call now. */
bool call_answer_now(struct call *call, struct failure *failure);
/** The sockets of its sound. */
bool call_open_media(struct call *call, struct failure *failure);
bool call_progress_now(struct call *call, struct failure *failure);
/** Send the re-INVITE of a change; one after another: of holding and resuming the last wish counts. */
bool call_change_start(struct call *call, enum call_change change, bool no_sdp, struct failure *failure);
/** `via` as in phone_dtmf(); empty: what dtmf.via says. */
bool call_send_digits(struct call *call, struct slice digits, struct slice via, struct failure *failure);
/** Offer again what settings now say of codecs. */
bool call_offer_again(struct call *call, bool no_sdp, struct failure *failure);
/** The sound of the call began or changed: who is heard, who is muted. */
void call_sound_changed(struct call *call);
/** It never became, or is no longer, a session: without a response to tell of. */
void call_fail_locally(struct call *call, enum cause cause, enum err err, const char *reason);
void calls_incoming(struct phone *phone, struct session *session, struct sip_message *invite,
		    const struct sip_source *source);
void calls_turn_end(struct phone *phone);
void calls_shut_down(struct phone *phone);
void calls_free(struct phone *phone);
void calls_engine_event(struct call *call, const struct engine_event *event);
/** Is this the echo test, silent because we are? @return NULL: no; "none" or "lost" as phone_device_trouble() says of
 * the microphone; "" when it is there or meant to be silent */
const char *call_echoes_silence(const struct call *call);
/** ENGINE_MOVED, ENGINE_RESTARTED, ENGINE_REFUSED, ENGINE_CODEC: told by events, a flood of them summed up. */
void call_notice(struct call *call, const struct engine_event *event);
/** The tone of a call that failed with this status, for a while. */
void calls_busy_tone(struct phone *phone, unsigned code);
/** A call is answered by itself: a short tone says so. */
void calls_beep(struct phone *phone);
struct session_handlers call_handlers(struct call *call);
/** After a 3xx, or when a Contact of one failed: dial the next. @return false: there is none, or the setting says no */
bool call_redirect(struct call *call, const struct outcome *outcome);
/** Invite anew, with the Call-ID and tag of before: where or by whom to has changed in its setup. */
void call_dial_again(struct call *call);
/** The proxy that the INVITE went to has not answered at all: the account goes on to its next one, and the call by it.
 * @return false: not so, or each of them was tried */
bool call_by_next_proxy(struct call *call, const struct outcome *outcome);
/** Read "Name:value" words. @return how many; -1 with a failure */
int extra_headers_read(const char *const *words, struct extra_header *extra, size_t max, struct failure *failure);

/* What phone_call() was told, kept while the target is located. */
struct call_setup {
	char *uri, *display, **headers; /* headers: NULL-ended */
	char *type, *body;              /* or NULL */
	char *queue[REDIRECTS_MAX];     /* Contacts of a 3xx still to be dialled */
	size_t queued;
	char *proxy;                /* of a 305, or the next of the account, as Route writes it; or NULL */
	bool proxy_is_ours;         /* that of the account */
	const char *routes[2];      /* that, for an identity */
	char *tried[REDIRECTS_MAX]; /* never dialled again */
	size_t tried_count;
	unsigned hops;
	struct call_thread thread;  /* after a 3xx: what the next INVITE goes on with */
	bool anonymous, no_sdp;
	enum media_early early;
	int64_t timeout_us;
};

/* ---- media_plan ---- */

/** As SDP names it. */
const struct sdp_codec *media_codec_row(enum media_codec codec);
/** b= of what we want to receive. */
void media_describe_bandwidth(const struct call_media *media, struct sdp_local *local);
void media_make_plan(const struct call_media *media, const struct sdp_agreed *agreed, struct media_plan *plan);

/* ---- encryption ---- */

/** Can nobody on the way read what is sent like this? The loopback interface leads nowhere. */
bool signalling_is_private(enum sip_protocol protocol, const struct address *remote);
/** What its option, its account or media.encryption says; optional becomes off where keys may not be sent. */
enum media_encryption encryption_of_call(const struct call *call);
bool encryption_may_send_keys(const struct call *call);
/**
 * The next description of the call leaves by `way` (NULL: not known yet): without keys, where others could read them.
 * @return false: then it must not leave at all, for the sound is encrypted, or has to be; an offer without keys may be
 * answered all the same
 */
bool encryption_judge(struct call *call, const struct sip_target *way) MUST_CHECK;
/** May the offer that was written last go there? */
bool encryption_may_offer_to(struct call *call, const struct sip_target *target) MUST_CHECK;
/** May this offer be answered, after encryption_judge() has said `good`? */
bool encryption_may_answer(const struct call_media *media, bool good, struct slice offer) MUST_CHECK;
/** Can libsrtp do one of media.encryption-suites? */
bool encryption_is_possible(const struct call_media *media);
/** Fresh keys for media->encryption: none where it is off or libsrtp is of no use. */
void encryption_make_keys(struct call_media *media);
void encryption_describe(struct call_media *media, struct sdp_local *local);
void encryption_plan(const struct call_media *media, const struct sdp_secured *secured,
		     struct stream_protection *protection);
/* ---- join ---- */

/** The INVITE of this new call may name one of ours by Join: note it, or refuse. */
void join_note(struct call *call, const struct sip_source *source);
/** Does `call` want to take part in what `other` is part of? */
bool join_together(const struct call *call, const struct call *other);
/** It is answered: it takes part now. */
void join_answered(struct call *call);
/** The key join. */
void join_tell(const struct call *call, struct event *event);

/* ---- conference, hold music ---- */

/** `newcomer` hears, and is heard by, `call` and those in its conference. Both are up and have sound. */
void conference_add(struct call *call, struct call *newcomer);

/** The call has ended. */
void conference_left(struct call *call);
/** One of the conference is resumed: the others too. */
void conference_resume_others(struct call *call);
bool hold_music_wanted(const struct call_media *media);
/** It was put on hold or resumed: the music begins or ends. */
void call_hold_music(struct call *call);

/* ---- files ---- */

/** Begin the recording of record=, once the call is up. */
void call_begin_record(struct call *call);
/** "", "on" or "paused" */
const char *call_recording(const struct call *call);
bool call_plays(const struct call *call);
void files_engine_event(struct phone *phone, const struct engine_event *event);

/* ---- the rest ---- */

/** Sample while there is sound. */
void sampling_begin(struct phone *phone);
void sampling_free(struct sampling *sampling);

struct history *history_new(struct store *store, size_t keep);
void history_free(struct history *history);
void history_keep(struct history *history, size_t keep);
void history_add(struct history *history, const struct call *call);
void history_each(struct history *history, const struct history_filter *filter, phone_history_h *each, void *arg);
/** NULL: no such entry. Borrowed until something is added. */
const struct history_row *history_find(struct history *history, unsigned number);
/** Calls missed since history_seen(). */
size_t history_missed(struct history *history);
void history_seen(struct history *history);
void history_recent(struct history *history, phone_recent_h *each, void *arg);

/** Another user agent on 127.0.0.1, made when first called. @return its port; 0 with *err */
uint16_t echo_port(struct echo *echo, enum err *err);
struct echo *echo_new(struct phone *phone);
void echo_free(struct echo *echo);
void echo_turn_end(struct echo *echo);
void echo_engine_event(struct echo *echo, uintptr_t user, const struct engine_event *event);
enum { ECHO_USER_BASE = 1 << 30 };

void explain_response(const struct sip_message *response, struct buf *to);
void explain_call(const struct call *call, struct buf *out);
/** Why it came to nothing: a sentence or two; nothing for a call that is up or was. */
void explain_call_end(const struct call *call, struct buf *out);
void explain_account(const struct account *account, struct buf *out);
/** Why it is not registered: a sentence or two. */
void explain_account_failure(const struct account *account, struct buf *out);
/** What happened when nobody sent a response, in a few words; NULL: a response came, or the cause says no more. */
const char *explain_local_cause(const struct outcome *outcome);
/** The sentence for a status or cause. */
const char *explain_cause(enum cause cause, unsigned status);
/** Why a challenge was not answered, and what to do: a sentence of its own, with a full stop. `account`: who was asked;
 * NULL or "": nobody in particular. @return false: nothing was added, explain_cause() says it */
bool explain_challenge(const struct outcome *outcome, const char *account, struct buf *to);

struct phone {
	struct loop *loop;
	struct timers *timers;
	const struct log *log;
	char *config_dir, *saved_dir, *state_dir;
	bool srtp_works, srtp_told; /* libsrtp is opened when a call may first be encrypted; a failure is told once */
	bool ephemeral_port, started, start_wanted, shutting_down, muted_all, trace_on;
	int64_t strangers_since_us; /* whose connections broke since then ... */
	unsigned strangers_told;    /* ... were told so often */
	int64_t shut_down_us;
	struct random random;
	struct events *events;
	struct settings *settings;
	struct net *net;
	struct ua *ua;
	struct net_ports *rtp_ports; /* that our sound holds */
	struct timer spare_timer;    /* and one pair ahead, for a while */
	struct engine *engine; /* made when first needed */
	struct loop_watch *engine_watch;
	struct list calls; /* alive, by number */
	size_t call_count; /* without those to the echo test's own side */
	size_t talking; /* of them in CALL_ANSWERED */
	struct list ringing; /* of them in CALL_INCOMING */
	struct list ended; /* remembered, oldest first */
	size_t ended_count;
	struct map by_number, by_id;
	struct map calls_by_account; /* struct account_calls: how many, for accounts that have any */
	unsigned last_call, selected, latest_ended;
	bool some_wait; /* perhaps a call was held for another one (held_for) */
	char *redirected_to; /* what a 3xx named while call.follow-redirect is ask; `redial` calls it. NULL: nothing */
	struct timer tone_timer, sampling_timer, beep_timer;
	enum engine_tone tone, failure_tone;
	bool started_once;
	unsigned last_security; /* numbers given to accounts with tls. settings of their own */
	char *instance; /* phone_instance(), once asked for */
	int instance_fd; /* its file, locked; -1: none */
	struct list accounts, retired; /* of struct account, of struct binding */
	struct map accounts_by_name, accounts_by_address, accounts_by_user, accounts_by_server;
	uint64_t last_account; /* number */
	struct account *default_account;
	unsigned last_request, last_transfer;
	struct contacts *contacts;
	struct store *store;
	struct leftovers *leftovers; /* what registrars may know of us */
	struct history *history;
	struct trace *trace;
	uint64_t watched; /* trace entries told to the watcher */
	phone_trace_h *watch;
	void *watch_arg;
	struct echo *echo;
	struct address wire_remote;        /* whom the packet being handled came from */
	struct buf last_failure;           /* what `why` without subject tells */
	int64_t failure_us;                /* since when; 0: of a call or an account, which tell it themselves */
	int wish[ENGINE_DEVICES];          /* which word of the wish list is in use */
	bool choosing[ENGINE_DEVICES];     /* `audio` is at it, and tells itself what comes of it */
	bool never_was[ENGINE_DEVICES];    /* the one that failed last: no list has shown it */
	char *told_lost[ENGINE_DEVICES];   /* what was last said of one that cannot be used: once, not at every call */
	struct list transfers, referrals; /* others' REFERs to us, ours to others */
	struct list requests; /* OPTIONS and the like under way */
	struct timer resumed; /* the peers of calls are asked whether they are there still */
	struct timer hurry; /* the end: BYEs that wait for an ACK go without it, then time is up */
	struct messages *messages;
	struct subscriptions *subscriptions;
	struct presence_desk *presence;
	struct screening *screening;
	struct list listings; /* of devices, that offhook-sound was asked for */
	struct device_watch *device_watch;
};

/** Forget the OPTIONS that are under way. */
void requests_free(struct phone *phone);
/* A request outside dialogs that somebody waits for, and when it was sent. */
struct told_response {
	unsigned number, call; /* call: 0 outside of calls */
	const char *method, *target, *account;
	int64_t sent_us;
};
/** Its final outcome as the event `response`. */
void phone_add_response(struct phone *phone, const struct told_response *request, const struct outcome *outcome);
/** Has this body a type? */
bool body_is_good(struct slice type, struct slice body, struct failure *failure);
/** A request in the dialog of a call; its outcome comes as `response`, with its call. */
bool call_request(struct call *call, struct slice method, const struct request_words *words, unsigned *number,
		  struct failure *failure);
/** The call has ended, and with it what it was asked. */
void call_requests_end(struct call *call);
/* caller.c */
/** Is it from the registrar of one of our accounts, whom we believe what it says of callers? */
bool account_trusts(const struct phone *phone, const struct sip_source *source);
/** The first P-Asserted-Identity that names a person; NULL: none. Worth something from whom account_trusts() only. */
const struct sip_address *asserted_identity(const struct sip_message *request);
void call_note_caller(struct call *call, const struct sip_message *invite, const struct sip_source *source);
/** The keys identity, diverted, signed. */
void call_tell_caller(const struct call *call, struct event *event);
void show_caller(const struct call *call, struct buf *out);
enum auto_answer { AUTO_ANSWER_NO, AUTO_ANSWER_YES, AUTO_ANSWER_REFUSED };
/** Does the caller ask to be answered at once, and may it? REFUSED: it will have nothing else (403, RFC 5373 4.2). */
enum auto_answer call_wants_auto_answer(struct call *call, int64_t *after_us);
/** Does the caller ask that somebody answers, and not the phone (RFC 5373 4.2)? */
bool call_wants_manual_answer(const struct call *call);
/* info.c */
struct info_digits;
/** The digit in the body of an INFO; '\0': none. */
char info_digit(const struct sip_message *info);
/** @return the status to answer */
unsigned call_take_info(struct call *call, const struct sip_message *info);
bool call_send_info_digits(struct call *call, struct slice digits, struct failure *failure);
void info_digits_free(struct info_digits *digits);
/** Are some still to be sent, or to be answered? */
bool info_digits_wait(const struct info_digits *digits);
/** The event `dtmf`. */
void call_tell_digit(struct call *call, char digit, const char *via);
/** The call meant, the selected one when `number` is 0. */
bool call_meant(struct phone *phone, unsigned *number, struct call **call, struct failure *failure);
/* transfer.c */
struct transfer;
/** REFER in a call. @return the status to answer, or SESSION_TAKEN */
unsigned call_take_refer(struct call *call, struct server_transaction *st, struct sip_message *refer);
/** REFER outside of calls, from ua_handlers.request. @return as there */
unsigned phone_take_refer(struct phone *phone, struct server_transaction *st, struct sip_message *refer,
			  const struct sip_source *source);
/** What a call that follows a REFER has come to. */
void transfer_progress(struct call *call, unsigned code, struct slice reason);
/** This call is over: as the one that follows a REFER, and as the one that was referred. */
void transfers_call_ended(struct call *call);
void transfers_free(struct phone *phone);
struct event *transfer_event(struct phone *phone, enum event_kind kind, unsigned number, const char *target);
/* referral.c */
/** Is it not known yet what becomes of a transfer that we have asked for in this call? */
bool call_is_transferring(const struct call *call);
void referrals_free(struct phone *phone);
/* transfer.c */
/** An incoming call takes the place of another (Replaces): the other ends. */
void transfer_replace(struct call *call);
/** The engine, made now if it is not there. */
struct engine *phone_engine(struct phone *phone);
bool phone_needs_start(struct phone *phone, struct failure *failure);
/** A socket that reaches 127.0.0.1, if there is none yet. */
void phone_listen_on_loopback(struct phone *phone);
/** The address that `remote` is reached from; NULL: the world. */
bool phone_local_for(struct phone *phone, const struct address *remote, struct address *local);
/** The address, with the port we listen on, that whoever has this URI may answer to; the world's, where the URI names
 * no address. */
void phone_local_towards(struct phone *phone, const char *uri, struct address *local);
/** A peer's URI without its parameters, which are no part of who it is; cleaned. */
char *peer_uri(struct slice text);
/** A copy of raw text, cleaned; never NULL. */
char *clean(struct slice text);
/** The same for a name, of which as much is kept as somebody reads: whoever calls chooses its length. */
char *clean_name(struct slice text) __attribute__((returns_nonnull));
/** What `why` tells where nothing else has gone wrong: as much of it as fits. */
void phone_note_failure(struct phone *phone, const char *format, ...) PRINTF_LIKE(2, 3);
/** The same of a request that failed, of this account (or NULL): its outcome in `words`, what to do, and what the
 * response says besides. */
void phone_note_outcome(struct phone *phone, const struct outcome *outcome, const char *account, const char *words,
			const char *format, ...) PRINTF_LIKE(5, 6);
/** err_text() of what a sound file or device said; the library that is missing has a name. */
const char *sound_err_text(enum err err);
/** Forget the lists of devices that are still asked for. */
void sound_free(struct phone *phone);
const char *sound_kind(enum engine_device which);
/** "microphone", "loudspeaker", "ringer" */
const char *sound_device_word(enum engine_device which);
/** The nth device of the wish list. @return false: there are fewer */
bool sound_wish(const struct phone *phone, enum engine_device which, int nth, struct slice *name);
/** Try the wishes from the nth on. @return the error of the last one, ERR_NONE when one was taken */
enum err sound_use_from(struct phone *phone, enum engine_device which, int nth);
/* devices.c */
struct device_watch *device_watch_new(struct phone *phone);
void device_watch_free(struct device_watch *watch);
/** offhook-sound has listed the devices: tell what came and went, and take what is wished for more. */
void devices_listed(struct phone *phone, struct slice list);
void devices_engine_made(struct phone *phone);
/** The user has chosen: whatever was known of that device before does not count. */
void devices_chosen(struct phone *phone, enum engine_device which);
void sound_apply(struct phone *phone, enum engine_device which);
/** It is there, or another was chosen: the next time that it cannot be used is told again. */
void sound_forget_lost(struct phone *phone, enum engine_device which);
/** Take over the settings of levels and tones. */
void sound_apply_levels(struct phone *phone);
void sound_apply_cleaning(struct phone *phone);
/** Tell (event `busy`) that the encoders are less thorough than they could be, or no longer are. */
void sound_told_busy(struct phone *phone, int complexity);
void sound_probed(struct phone *phone, const struct probe_result *result);
/** Did the list of devices, as far as there is one, show what that name means? */
bool devices_listed_one(const struct phone *phone, enum engine_device which, struct slice name);
/** Has the list of devices lost the one that was in use, and is there none to take its place? */
bool devices_gone(const struct phone *phone, enum engine_device which);
/** At how many samples a second what is in use works by itself; 0: not known, or it is no device. */
uint32_t devices_rate(const struct phone *phone, enum engine_device which);
/** Are microphone and loudspeaker one card in the open, as far as is known? */
bool devices_may_echo(const struct phone *phone);
void sound_apply_country(struct phone *phone);
void sound_engine_event(struct phone *phone, const struct engine_event *event);
/** Add " KEY=VALUE" (or " VALUE") to a line of `saved`, quoted where it must be; nothing for NULL. */
void save_word(struct buf *to, const char *key, const char *value);
/** The folder and those above it, as far as they are missing; mode 0700. @return why the last could not be made */
enum err make_folder(const char *dir);
enum { FILE_TEXT_MAX = 16 << 20 };
/** Read a file whole; one that is not there reads as empty. Errors: ERR_UNSUPPORTED it is a pipe, a device, a folder;
 * ERR_TOO_BIG more than 16 MiB or than `text` takes */
enum err read_file(const char *path, struct buf *text) MUST_CHECK;
/** Write a file whole or not at all: beside it, synced, renamed; mode 0600. */
enum err write_file(const char *dir, const char *name, struct slice bytes) MUST_CHECK;
/**
 * Open and lock DIR/NAME, or DIR/NAME.1 and so on: phones that share a folder have a file each, the first that no other
 * holds; the lock goes with the descriptor, so those of phones that were killed have no owner.
 * @param flags  O_CREAT, O_APPEND, beside what is always said to open()
 * @return the descriptor; -1: it is not there, is no file, or another phone holds it
 */
int open_owned(const char *dir, const char *name, int nth, int flags);
