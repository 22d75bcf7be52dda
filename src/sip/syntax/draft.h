/*
 * A message being written: start line, header lines in order, body. Values are the caller's responsibility, but CR, LF
 * and NUL in them are written as blanks, so nothing that came from outside can begin a header line.
 */
#pragma once

#include "base/buf.h"
#include "sip/syntax/message.h"

struct sip_draft;

/** @param method  a token; @param request_uri  not empty. Anything else is a bug of the caller */
struct sip_draft *sip_draft_request(struct slice method, struct slice request_uri);
/**
 * A response with what 8.2.6 copies from the request: Via values in order, From, To, Call-ID, CSeq, for 100 Timestamp.
 * @param reason  empty: the phrase of the status table
 * @param to_tag  added to To when it has no tag and `to_tag` is not empty (never for 100)
 */
struct sip_draft *sip_draft_response(const struct sip_message *request, unsigned status, struct slice reason,
				     struct slice to_tag);
/** A copy, to send a request again (digest, next target). */
struct sip_draft *sip_draft_copy(const struct sip_draft *draft);
void sip_draft_free(struct sip_draft *draft);

struct slice sip_draft_method(const struct sip_draft *draft);
struct slice sip_draft_request_uri(const struct sip_draft *draft);
/** Of a request; not empty. */
void sip_draft_set_request_uri(struct sip_draft *draft, struct slice request_uri);

/** Add a line at the end. */
void sip_draft_add(struct sip_draft *draft, enum sip_header_id id, const char *format, ...) PRINTF_LIKE(3, 4);
void sip_draft_add_slice(struct sip_draft *draft, enum sip_header_id id, struct slice value);
/** For fields without an id; `name` is a token. */
void sip_draft_add_named(struct sip_draft *draft, struct slice name, struct slice value);
/** Replace the first line of this id (adding it where there is none), removing others. */
void sip_draft_set(struct sip_draft *draft, enum sip_header_id id, const char *format, ...) PRINTF_LIKE(3, 4);
void sip_draft_remove(struct sip_draft *draft, enum sip_header_id id);
/** The value of the nth line, or NULL text; borrowed until the next change. */
struct slice sip_draft_value(const struct sip_draft *draft, enum sip_header_id id, size_t nth);
/** Copy all lines of this id from a message. */
void sip_draft_copy_header(struct sip_draft *draft, const struct sip_message *from, enum sip_header_id id);
/** Content-Type and the body; Content-Length is written by print. */
void sip_draft_body(struct sip_draft *draft, struct slice content_type, struct slice body);
/** What that was given; empty: nothing. Borrowed until it changes. */
struct slice sip_draft_content_type(const struct sip_draft *draft);
struct slice sip_draft_body_bytes(const struct sip_draft *draft);

/**
 * Print and parse again: what is sent is what was checked.
 * @param via  the top Via value, written first; empty for none (responses)
 * @return one reference, owned by the caller. Never NULL: a draft that does not parse is a bug
 */
struct sip_message *sip_draft_finish(const struct sip_draft *draft, struct slice via);
/** Bytes that finish() would make with a Via of usual length: for the size rule of 18.1.1. */
size_t sip_draft_size(const struct sip_draft *draft);
