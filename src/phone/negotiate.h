/*
 * negotiate: the SDP of one call -> its stream. The only place that reads both a session description and a stream's
 * configuration.
 *
 * One socket pair and one stream a call, whatever the number of early dialogs ("legs", after forking): the first leg
 * with an answer is heard until one leg answers for good. Used by calls and by the echo test.
 */
#pragma once

#include "media/engine.h"
#include "sdp/offer.h"

struct phone;
struct account;
struct call;

enum { MEDIA_LEGS_MAX = 16, MEDIA_CODEC_ROWS = 20 };

/* off, optional, required */
enum media_encryption { MEDIA_CLEAR, MEDIA_ENCRYPTION_OPTIONAL, MEDIA_ENCRYPTION_REQUIRED };

/* Sound before the answer to a call of ours: heard and sent, only heard, neither. */
enum media_early { MEDIA_EARLY_ON, MEDIA_EARLY_LISTEN, MEDIA_EARLY_OFF };

/* A key of ours for every suite that is offered or taken: one for the life of the sockets (RFC 4568 7.1.4). */
struct media_keys {
	struct sdp_crypto cryptos[SDP_CRYPTOS_MAX];
	uint8_t bytes[SDP_CRYPTOS_MAX][SDP_KEY_BYTES];
	size_t count;
};

/* What an exchange of offer and answer came to. */
struct media_plan {
	bool usable; /* audio was agreed */
	bool peer_holds;
	enum sdp_direction direction; /* ours */
	struct stream_config config;  /* sockets not filled in */
};

struct media_leg {
	int number;
	struct sdp_negotiation *negotiation; /* a fork of the pending offer, with this leg's answer */
	struct media_plan plan;
};

enum { CNAME_CHARS = 16 };

struct call_media {
	struct phone *phone;
	const struct call *call; /* whose account's settings count; NULL: those of the phone */
	uintptr_t user; /* what the engine's events carry */
	bool loop_back;
	char cname[CNAME_CHARS + 1]; /* RTCP: one for the life of the sockets (RFC 3550 6.5.1); "" before */
	bool opened, rtp_taken; /* rtp_taken: the stream owns the sockets */
	int rtp_fd, rtcp_fd;
	struct address local; /* of the RTP socket */
	struct sdp_codec codecs[MEDIA_CODEC_ROWS];
	size_t codec_count;
	uint32_t ptime_ms, max_bitrate; /* bit/s; 0: no limit */
	bool rtcp_mux;
	char opus_fmtp[160]; /* what the row of Opus says, where that depends on settings and devices */
	enum media_encryption encryption;
	bool in_clear;    /* everybody on the way reads the next description: it must not have keys */
	bool offers_keys; /* the last offer of ours had keys */
	struct media_keys keys;
	struct sdp_negotiation *negotiation;
	struct sdp_negotiation *before; /* the pending offer of a later exchange, or NULL */
	bool early_answer;              /* it was answered by a 1xx, and may yet be refused */
	struct media_plan *plan_before; /* that went with `before` */
	struct media_leg *legs;         /* of a call of ours that is not answered for good; room for leg_room */
	size_t leg_count, leg_room;
	enum media_early early;
	bool muted;
	bool held;              /* we hold: what the next description says */
	bool settled;           /* one leg was chosen, or there is only one */
	bool heard;             /* an RTP packet came */
	bool withheld;          /* nothing is sent: nobody may be there */
	struct media_plan plan; /* what stands */
	struct stream *stream;
	struct stream_stats last; /* kept when the stream goes */
	bool has_stats;
	int64_t ended_us;
};

/** Nothing is opened yet. The settings of the call's account count, its number is the user. */
void media_init(struct call_media *media, const struct call *call);
/** The same without a call, by the settings of the phone: the echo test. */
void media_init_alone(struct call_media *media, struct phone *phone, uintptr_t user, bool loop_back);
/**
 * Bind the sockets, list the codecs, make the keys.
 * @param local  the address that the peer is reached from; its port does not matter
 * @param codec  the only codec to offer, or NULL for media.codecs
 * Errors: ERR_FULL no pair of media.ports is free; ERR_NOT_FOUND no such codec; ERR_UNSUPPORTED encryption is required
 * and libsrtp cannot do any of media.encryption-suites; those of bind
 */
enum err media_open(struct call_media *media, const struct address *local, const char *codec,
		    enum media_encryption encryption) MUST_CHECK;
/** Other sockets at another address of ours, for the offers and answers that follow; nothing is heard until one was
 * answered. Errors: as media_open() */
enum err media_move(struct call_media *media, const struct address *local) MUST_CHECK;
/** Take the codecs anew, for the offers and answers that follow: `codec` as above. Errors: ERR_NOT_FOUND */
enum err media_list_again(struct call_media *media, const char *codec) MUST_CHECK;
/** Stop the stream (its last numbers stay readable), close the sockets. Harmless when nothing is open. */
void media_close(struct call_media *media);

/** Our offer, first or later; pending until an answer comes or media_offer_refused(). */
void media_offer(struct call_media *media, struct buf *offer);
/** It was refused: what stood before stands again, also where a 1xx had answered it already. */
void media_offer_refused(struct call_media *media);
/** It was accepted for good. */
void media_offer_stands(struct call_media *media);
/** The same for one early leg of a call of ours. */
void media_offer_leg(struct call_media *media, int leg, struct buf *offer);
/** The answer of leg `leg` (-1 and 0 are the first). It takes effect when it is final or the first. @return false: not
 * usable */
bool media_take_answer(struct call_media *media, int leg, struct slice answer, bool final);
/** Early leg `leg` is no more (199, RFC 6228): the next one is heard in its place, if it was heard. */
void media_forget_leg(struct call_media *media, int leg);
/** Leg `leg` has answered without a description of its own: what it said early counts. @return false: it said nothing
 */
bool media_choose_leg(struct call_media *media, int leg);
/** Answer the peer's offer; takes effect at once. @return 0, or 488 */
unsigned media_answer_offer(struct call_media *media, struct slice offer, struct buf *answer);
/** The same for an early leg of a call of ours: takes effect when it is the first. */
unsigned media_answer_leg(struct call_media *media, int leg, struct slice offer, struct buf *answer);
/** The answer that takes nothing of an offer that was refused, for a request that must bring one. */
void media_refuse_offer(struct call_media *media, struct slice offer, struct buf *answer);
/** Could media_answer_offer() answer this in a call with these codecs (NULL: those of the settings)? Opens nothing.
 * `warning`: if not, the code that says why (sdp_refusal()), 0 where it is nothing about the offer. */
bool media_can_answer(const struct call *call, struct slice offer, const struct address *local, const char *codec,
		      enum media_encryption encryption, unsigned *warning);
/** Why media_answer_offer() or media_answer_leg() has said 488. */
unsigned media_warning(struct call_media *media, struct slice offer);
/** Do sounds of ours hold all of media.ports at this address? No call to this account (or none) can be answered there
 * now. */
bool media_is_full(const struct phone *phone, const struct account *account, const struct address *local);
/** What need not precede a response: the media thread wakes, and the ports of the next call are bound. */
void media_turn_end(struct phone *phone);
/** Our side is put on hold or resumed: stop or start sending before the peer agrees. */
void media_set_held(struct call_media *media, bool held);
/** Send nothing, whatever was agreed, or send again (docs/decisions/0118-sound-for-nobody.md). */
void media_withhold(struct call_media *media, bool withheld);
/** Does sound of ours leave, as far as hold and what was agreed on say? */
bool media_sends(const struct call_media *media);
/** A copy of what is known, of the stream or of its last moment. @return false: there never was a stream */
bool media_stats(const struct call_media *media, struct stream_stats *stats);
/** The body of a 200 to OPTIONS. */
void media_capabilities(struct phone *phone, const struct address *local, struct buf *body);
/** The crypto-suite in use, "none", or "" before there is sound. */
const char *media_encryption_in_use(const struct call_media *media);
/** The codec sent, or "". */
const char *media_codec_in_use(const struct call_media *media);
