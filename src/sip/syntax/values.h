/*
 * The typed values of the smaller header fields. Each parser takes one whole value and answers false for anything
 * malformed.
 */
#pragma once

#include "base/arena.h"
#include "sip/syntax/names.h"

struct sip_cseq {
	uint32_t number;
	enum sip_method method;
	struct slice method_name;
};
bool sip_cseq_parse(struct slice value, struct sip_cseq *cseq) MUST_CHECK;

/** 0 to 2^32-1: RSeq, Max-Forwards, Content-Length. Leading zeros are fine. */
bool sip_number_parse(struct slice value, uint32_t *number) MUST_CHECK;
/** delta-seconds; values over 2^32-1 are taken as 2^32-1 (RFC 3261 20.19 asks no more). */
bool sip_seconds_parse(struct slice value, uint32_t *seconds) MUST_CHECK;

/** Retry-After: "18000 (in a meeting);duration=3600" (20.33). */
struct sip_retry_after {
	uint32_t seconds, duration;
	struct slice comment;
};
bool sip_retry_after_parse(struct slice value, struct sip_retry_after *retry) MUST_CHECK;

/** "application/sdp;charset=x" (20.15). */
struct sip_media_type {
	struct slice type, subtype, params;
};
bool sip_media_type_parse(struct slice value, struct sip_media_type *type) MUST_CHECK;
bool sip_media_type_is(const struct sip_media_type *type, const char *type_text, const char *subtype_text);

/** Unix seconds of "Sat, 13 Nov 2010 23:29:00 GMT"; other zones than GMT are malformed (20.17). */
bool sip_date_parse(struct slice value, int64_t *unix_seconds) MUST_CHECK;
/** Warning: 307 isi.edu "Session parameter 'foo' not understood" (20.43). `text` keeps its quotes. */
struct sip_warning {
	unsigned code;
	struct slice agent, text;
};
bool sip_warning_parse(struct slice value, struct sip_warning *warning) MUST_CHECK;
/** Timestamp: 54.21 0.5 (20.38): texts, since they are only copied. */
bool sip_timestamp_parse(struct slice value, struct slice *sent, struct slice *delay) MUST_CHECK;
/** RAck: 776656 1 INVITE (RFC 3262 7.2) */
struct sip_rack {
	uint32_t rseq;
	struct sip_cseq cseq;
};
bool sip_rack_parse(struct slice value, struct sip_rack *rack) MUST_CHECK;
/** Session-Expires and Min-SE (RFC 4028): "1800;refresher=uac". */
struct sip_session_expires {
	uint32_t seconds;
	struct slice refresher; /* empty, uac or uas */
};
bool sip_session_expires_parse(struct slice value, struct sip_session_expires *expires) MUST_CHECK;
/** Event: presence;id=x (RFC 6665 8.2.1) and Subscription-State: active;expires=60 (8.2.3): token and parameters. */
struct sip_token_params {
	struct slice token, params;
};
bool sip_token_params_parse(struct slice value, struct sip_token_params *value_out) MUST_CHECK;
/**
 * Replaces, Join: callid;to-tag=x;from-tag=y (RFC 3891 6.1). Target-Dialog: callid;local-tag=y;remote-tag=x, whose tags
 * are seen from the one who sends it (RFC 4538 7): its remote-tag is read as to_tag, its local-tag as from_tag.
 */
struct sip_replaces {
	struct slice call_id, to_tag, from_tag;
	bool early_only;
};
bool sip_replaces_parse(struct slice value, struct sip_replaces *replaces) MUST_CHECK;
/** Reason: SIP;cause=200;text="Call completed elsewhere" (RFC 3326). `text` keeps its quotes. */
struct sip_reason {
	struct slice protocol, text;
	uint32_t cause;
};
bool sip_reason_parse(struct slice value, struct sip_reason *reason) MUST_CHECK;

/** Is one value of this type well formed? SIP_VALUE_TEXT always is. */
bool sip_value_check(enum sip_value_type type, struct slice value) MUST_CHECK;
