/*
 * sdp: session descriptions (RFC 8866), offer and answer (RFC 3264). Knows no SIP and no media engine.
 *
 *   sdp           parse
 *   static_types  RFC 3551's payload types
 *   write         descriptions of ours as text
 *   sdes          keys for SRTP in crypto attributes (RFC 4568)
 *   numbers       payload type numbers, which keep their meaning for the whole call
 *   negotiation   what a call remembers of its descriptions
 *   offer         what we can do -> offers; an offer -> its answer; an answer -> what was agreed
 *   agreed        what both lines of an exchange come to: direction, addresses, codecs
 *   refusal       why an offer cannot be answered
 *   internal      what these files share; struct sdp_keying, a way to agree on keys
 */
#pragma once

#include "base/address.h"
#include "base/arena.h"
#include "base/buf.h"

enum { SDP_MAX = 32768, SDP_MEDIA_MAX = 16, SDP_FORMATS_MAX = 40, SDP_ATTRIBUTES_MAX = 256 };

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
struct slice sdp_direction_name(enum sdp_direction direction);
/** As the other side sees it: sendonly <-> recvonly. */
enum sdp_direction sdp_direction_reverse(enum sdp_direction direction);

struct sdp_attribute {
	struct slice name, value;  /* value empty for property attributes */
};

enum { SDP_NO_PAYLOAD_TYPE = 255 };

/* One payload type of an RTP media line, with its rtpmap (given or of RFC 3551's static table) and fmtp. */
struct sdp_format {
	struct slice text;         /* as in m= : "96" (or anything, for other protocols) */
	uint8_t payload_type;      /* SDP_NO_PAYLOAD_TYPE when it is no number or the protocol is not RTP */
	struct slice encoding;     /* "opus"; empty when unknown */
	uint32_t clock_rate;
	uint32_t channels;         /* 1 when not given */
	struct slice fmtp;         /* "useinbandfec=1;stereo=0" or empty */
};

struct sdp_media {
	struct slice type;         /* "audio" */
	uint16_t port;             /* 0: rejected or disabled */
	struct slice protocol;     /* "RTP/AVP" */
	struct sdp_format formats[SDP_FORMATS_MAX];
	size_t format_count;
	bool has_address;          /* c= of its own or of the session, a literal */
	struct address address;    /* with port; unset when c= names a host that is no literal */
	bool held_by_address;      /* c=0.0.0.0 or c=:: (RFC 3264 8.4's old hold) */
	struct address rtcp;       /* a=rtcp (RFC 3605), else port + 1 */
	bool rtcp_mux;
	enum sdp_direction direction;
	uint32_t ptime_ms, maxptime_ms; /* 0: not given */
	uint32_t bandwidth_as, bandwidth_tias; /* b=, of its own or of the session: kbit/s, bit/s; 0: not given */
	const struct sdp_attribute *attributes;
	size_t attribute_count;
};

struct sdp_session {
	struct slice origin_user;
	struct slice origin_id, origin_version; /* decimal texts: may exceed 64 bits (RFC 4475 3.1.1.13 style) */
	struct slice name;
	struct slice times;        /* value of the first t= line, "0 0" when there is none */
	struct sdp_media media[SDP_MEDIA_MAX];
	size_t media_count;
	const struct sdp_attribute *attributes;
	size_t attribute_count;
};

/**
 * Parse; slices point into `arena`, into which the text is copied.
 *
 * Strict where guessing would be a lie: v=0 and o= come first, each line is a known letter and "=", media lines have
 * their fields. Lenient elsewhere: bare LF, missing s= and t=, attributes in any order. More formats than
 * SDP_FORMATS_MAX a line and more attributes than SDP_ATTRIBUTES_MAX a section are not kept (but understood all the
 * same); more media lines than SDP_MEDIA_MAX, text longer than SDP_MAX and NUL bytes are refused.
 * @param offset  [bytes] start of the line with the fault; may be NULL
 * @return false: no session description
 * RFC 8866 5, 9; RFC 3551 6; RFC 3605; RFC 3890; RFC 5761
 */
bool sdp_parse(struct arena *arena, struct slice text, struct sdp_session *session, size_t *offset) MUST_CHECK;

/* A payload type that needs no rtpmap. */
struct sdp_static_type {
	uint8_t payload_type;
	const char *encoding;
	uint32_t clock_rate, channels;
};
/** By number; NULL when RFC 3551 gives it no meaning. */
const struct sdp_static_type *sdp_static_type(uint8_t payload_type);
