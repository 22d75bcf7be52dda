/*
 * Offer and answer (RFC 3264) for one audio stream beside whatever else the peer offers (rejected lines keep their
 * place).
 *
 * One struct sdp_negotiation a call: it remembers our o= line, payload type numbers and the media lines of the last
 * exchange, so that every description it writes is a legal successor of the one before; the version rises by one only
 * when the text changes (RFC 3264 8).
 */
#pragma once

#include "sdp/sdp.h"

/* A codec that we can do, in our order of preference. */
struct sdp_codec {
	const char *encoding;   /* "opus", "PCMU", "telephone-event" */
	uint32_t clock_rate, channels;
	int payload_type;       /* static one, or -1: numbered by us from 96 */
	const char *fmtp;       /* what we offer, or NULL */
};

/* A crypto-suite that we can do, and the key that we send by under it. */
struct sdp_crypto {
	const char *suite;      /* "AES_CM_128_HMAC_SHA1_80" */
	const uint8_t *key;     /* master key and salt */
	size_t key_bytes;       /* what the suite wants of either side, at most SDP_KEY_BYTES */
};

enum { SDP_KEY_BYTES = 46, SDP_KEYS_MAX = 4, SDP_CRYPTOS_MAX = 8 };

/* A way to agree on keys for SRTP. */
struct sdp_keying;
/** In crypto attributes (RFC 4568). */
extern const struct sdp_keying sdp_sdes;

struct sdp_local {
	/* telephone-event, red and CN rows too: one per clock rate; borrowed for the call. What red may carry is filled
	 * in. */
	const struct sdp_codec *codecs;
	size_t codec_count;
	struct address rtp;               /* host and port of our RTP socket; RTCP is port + 1 */
	uint32_t ptime_ms;                /* what we want to receive; 0: not said */
	uint32_t bandwidth_as, bandwidth_tias; /* the most that we want to receive; 0: not said */
	bool rtcp_mux;                    /* RTCP may come on the port of RTP */
	enum sdp_direction direction;     /* what we want: SENDRECV, or SENDONLY/INACTIVE for hold */
	const struct sdp_keying *keying;  /* NULL: sound is not encrypted */
	bool encryption_required;         /* with keying: encrypted or not at all */
	const struct sdp_crypto *cryptos; /* SDES: the best first, at most SDP_CRYPTOS_MAX */
	size_t crypto_count;
};

/* A master key of the peer's. */
struct sdp_key {
	uint8_t bytes[SDP_KEY_BYTES];
	uint64_t mki;
};

/* How the sound is protected. */
struct sdp_secured {
	bool on;
	const char *suite;                /* one of ours; lives as long as the negotiation's last change */
	uint32_t tag;
	struct sdp_key keys[SDP_KEYS_MAX]; /* by which the peer sends */
	size_t key_count, mki_bytes;      /* mki_bytes 0: its packets carry no identifier */
	unsigned window;                  /* WSH; 0: not said */
};

struct sdp_agreed_codec {
	const struct sdp_codec *codec;    /* one of ours, as a copy of the negotiation's: compare texts, not pointers */
	uint8_t send_pt;                  /* the number the peer wants to receive */
	uint8_t receive_pt;               /* the number we told it to send */
	struct slice peer_fmtp;
};

/* What was agreed for the audio line. */
struct sdp_agreed {
	bool rejected;                    /* no usable audio: port 0 or no common codec */
	struct address rtp, rtcp;         /* the peer's; unset address: hold by c=0.0.0.0 */
	enum sdp_direction direction;     /* ours now: SENDRECV, SENDONLY (peer only receives), RECVONLY, INACTIVE */
	bool peer_holds;                  /* it says sendonly, inactive or 0.0.0.0; as before where it had no choice */
	uint32_t ptime_ms;                /* what the peer wants to receive; 0: ours */
	uint32_t maxptime_ms;
	uint32_t bandwidth_as, bandwidth_tias; /* the most that the peer wants to receive; 0: not said */
	bool rtcp_mux;                    /* RTCP goes where RTP goes: `rtcp` is `rtp` */
	struct sdp_agreed_codec codecs[SDP_FORMATS_MAX]; /* audio, in the order of preference that counts for sending */
	size_t codec_count;
	struct sdp_agreed_codec events[4]; /* telephone-event by clock rate */
	size_t event_count;
	struct sdp_agreed_codec reds[4];  /* redundancy (RFC 2198) by clock rate */
	size_t red_count;
	struct sdp_agreed_codec comforts[4]; /* comfort noise (RFC 3389) by clock rate */
	size_t comfort_count;
	struct sdp_secured secured;
};

struct sdp_negotiation;

/** `session_id` and `user` go into o= ; numbers must differ between calls. */
struct sdp_negotiation *sdp_negotiation_new(uint64_t session_id, const char *user);
struct sdp_negotiation *sdp_negotiation_copy(const struct sdp_negotiation *negotiation);
void sdp_negotiation_free(struct sdp_negotiation *negotiation);

/**
 * Write an offer; it becomes the pending one. Never fails. Telephone-event is offered for the clock rates of the audio
 * codecs only. Encryption that is not required is offered on an RTP/AVP line, whose keys a peer may pass over.
 * RFC 3264 5, 8; RFC 4568 5.1; RFC 4733 2.4
 */
void sdp_make_offer(struct sdp_negotiation *negotiation, const struct sdp_local *local, struct buf *offer);
/**
 * The peer's answer to our pending offer. `agreed` borrows from the negotiation until its next change.
 * A format beside the agreed ones that was not offered is passed over; `agreed->rejected` says that the peer refused
 * the audio line.
 * @return false: no offer is pending, no SDP, another number of media lines, another type or protocol, no codec that
 *         was offered, keys that do not go with the offer, or none where they were required: nothing was agreed, the
 *         offer is no longer pending
 * RFC 3264 6, 7; RFC 4568 5.1.3
 */
bool sdp_take_answer(struct sdp_negotiation *negotiation, struct slice answer, struct sdp_agreed *agreed) MUST_CHECK;
/**
 * Answer the peer's offer.
 * The first usable audio line is accepted, one that can be encrypted before one that cannot (in a later offer the one
 * that is in use, while it is usable); RTP/AVP, with `keying` RTP/SAVP too.
 * @param answer  without room for the offer and what is ours it is refused; 2 * SDP_MAX bytes are always enough
 * @return false: no SDP at all, or nothing in it that we can do (488): `answer` is left as it was and so is the state
 * RFC 3264 6, 8; RFC 4568 5.1.2; RFC 7587 7
 */
bool sdp_make_answer(struct sdp_negotiation *negotiation, struct slice offer, const struct sdp_local *local,
		     struct buf *answer, struct sdp_agreed *agreed) MUST_CHECK;
/**
 * The answer that takes nothing of an offer: every line has port 0. For who cannot refuse with a status, since the
 * offer came in a response (RFC 3261 13.2.2.4).
 * @return false: no SDP with a line in it, or no room; `answer` is left as it was
 * RFC 3264 6
 */
bool sdp_make_refusal(struct sdp_negotiation *negotiation, struct slice offer, const struct sdp_local *local,
		      struct buf *answer) MUST_CHECK;
/**
 * Why this offer cannot be answered by who can do so much; far less work than an answer that nobody needs yet.
 * @return 0: it can, by who has no description yet (sdp_make_answer()); else the code of a Warning: 300 another network
 *         than the Internet, 301 an address that we cannot send to, 302 a protocol, or protection, that we do not speak
 *         or that is not enough, 304 no sound in it, 305 no codec that we have, 307 a description with a line that is
 *         not one, 330 a group of hosts, 399 none of these
 * RFC 3261 13.3.1.3, 20.43
 */
unsigned sdp_refusal(struct slice offer, const struct sdp_local *local);
/** Forget the pending offer (it was refused): the state before it stands. */
void sdp_drop_offer(struct sdp_negotiation *negotiation);
bool sdp_offer_pending(const struct sdp_negotiation *negotiation);
/** What a copy from before says counts again, though descriptions were exchanged since (RFC 6141 3.4): but the version
 * in o= never goes back. */
void sdp_roll_back(struct sdp_negotiation **negotiation, const struct sdp_negotiation *before);
/** What we can do, as the body of a 200 to OPTIONS (RFC 3261 11.2). */
void sdp_capabilities(const struct sdp_local *local, struct buf *body);
