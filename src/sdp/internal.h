/* What the files of sdp/ share about a negotiation. */
#pragma once

#include "sdp/offer.h"

enum { NUMBERS_MAX = 64, ENCODING_BYTES = 32 };

/* A payload type number that we told the peer to send, oldest use first. */
struct sdp_number {
	uint8_t payload_type;
	char encoding[ENCODING_BYTES];
	uint32_t clock_rate, channels;
};

/* A media line as it is repeated when it is (or stays) rejected. */
struct sdp_line {
	char *type, *protocol, *formats;
};

/* A codec on our line, texts in the same arena. */
struct sdp_row {
	struct sdp_codec codec;
	uint8_t payload_type;
};

/* What an answer says to the keys that were offered. */
enum sdp_taken { SDP_TAKEN_NOTHING, SDP_TAKEN_GOOD, SDP_TAKEN_BAD };

/* A way to agree on keys: what it writes on our line and reads on the peer's. SDES is one; DTLS-SRTP may be another. */
struct sdp_keying {
	const char *profile; /* of a line that is encrypted or nothing */
	void (*offer)(const struct sdp_local *local, struct buf *attributes);
	/** @return false: nothing on the peer's line that can be used; `chosen` is off then */
	bool (*choose)(const struct sdp_local *local, const struct sdp_media *peer, struct sdp_secured *chosen);
	void (*answer)(const struct sdp_local *local, const struct sdp_secured *chosen, struct buf *attributes);
	enum sdp_taken (*take)(const struct sdp_crypto *offered, size_t count, const struct sdp_media *peer,
			       struct sdp_secured *taken);
};

struct sdp_negotiation {
	uint64_t session_id, version;
	char *user;
	char *sent;                       /* our last description, from behind the version on; NULL: none yet */
	struct sdp_line lines[SDP_MEDIA_MAX]; /* of the last exchange */
	size_t line_count;                /* 0: no exchange yet */
	size_t ours;                      /* the line that is our audio */
	struct sdp_number *numbers;       /* at most NUMBERS_MAX; room for number_room */
	size_t number_count, number_room;
	bool taken[128];                  /* numbers that either side has given a meaning: they never get another */
	bool peer_holds;
	struct address local;             /* what our last offer said: where RTP is bound */
	bool pending;                     /* an offer of ours waits for its answer: */
	struct sdp_row *offered;          /* in offered_arena */
	size_t offered_count;
	enum sdp_direction offered_direction;
	const struct sdp_keying *offered_keying;
	bool offered_required, offered_mux;
	struct sdp_crypto *offered_cryptos; /* in offered_arena */
	size_t offered_crypto_count;
	struct arena offered_arena;
	struct arena peer_arena;          /* the peer's last description and what was agreed on it */
};

/* sdp */
/** The next word, cut off *rest: fields are divided by one blank, some write more. Empty at the end. */
struct slice sdp_word(struct slice *rest);

/* negotiation */
struct sdp_row *sdp_copy_rows(struct arena *arena, const struct sdp_row *rows, size_t count);
struct sdp_crypto *sdp_copy_cryptos(struct arena *arena, const struct sdp_crypto *cryptos, size_t count);
void sdp_free_lines(struct sdp_line *lines, size_t count);

/* agreed */
/** Do we send in this direction, as seen by us? */
bool sdp_direction_sends(enum sdp_direction direction);
/** Both sides have this codec, or what stands beside one: `receive_pt` is our number for it. A number counts once. */
void sdp_agree_codec(struct sdp_agreed *agreed, const struct sdp_codec *codec, const struct sdp_format *format,
		     uint8_t receive_pt);
/** All else that the peer's line says, with the direction that we want and whether we can have RTCP on the port of RTP.
 * RFC 3264 6.1, 8.4 */
void sdp_agree_line(struct sdp_agreed *agreed, const struct sdp_media *peer, enum sdp_direction wanted, bool mux);
/** A group of hosts, or everybody: no place for sound. */
bool sdp_is_for_many(const struct address *address);
/** Can sound be sent to where this line says, from `local`? */
bool sdp_usable_address(const struct sdp_media *media, const struct address *local);

/* offer */
/** How the line can be protected. @return false: not as it, or we, would have it */
bool sdp_choose_protection(const struct sdp_media *media, const struct sdp_local *local, struct sdp_secured *secured);
/** What is common, in the order of the offer and under its numbers. @return 0 when there is no audio codec among it */
size_t sdp_common_rows(const struct sdp_media *media, const struct sdp_local *local,
		       struct sdp_row rows[SDP_FORMATS_MAX]);

/* numbers */
bool sdp_same_codec(struct slice encoding, uint32_t clock_rate, uint32_t channels, const struct sdp_codec *codec);
bool sdp_is_event(const struct sdp_codec *codec);
bool sdp_is_red(const struct sdp_codec *codec);
bool sdp_is_comfort(const struct sdp_codec *codec);
/** No sound of its own, but something beside an audio codec of the same clock rate: events, redundancy. */
bool sdp_is_beside(const struct sdp_codec *codec);
/** The number to offer this codec under; SDP_NO_PAYLOAD_TYPE when all are used up. */
uint8_t sdp_number_for(const struct sdp_negotiation *negotiation, const struct sdp_codec *codec);
/** The number means this codec from now on. */
void sdp_number_note(struct sdp_negotiation *negotiation, const struct sdp_codec *codec, uint8_t payload_type);

/* write */
struct sdp_description {
	const struct sdp_local *local;
	const struct sdp_row *rows;
	size_t row_count;
	const char *profile;              /* "RTP/AVP" */
	bool rtcp_mux;
	struct slice security;            /* lines of the keying; may be empty */
	enum sdp_direction direction;
	const struct sdp_line *lines;     /* NULL: ours is the only one */
	size_t line_count, ours;
	struct slice times;
};
/** Append the description; the version in o= rises when anything else differs from what was written last. */
void sdp_write(struct sdp_negotiation *negotiation, const struct sdp_description *description, struct buf *to);
