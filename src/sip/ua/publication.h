/* Event state published at a server and kept there (RFC 3903): PUBLISH, its refreshes and changes by entity-tag. */
#pragma once

#include "sip/ua/ua.h"

struct publication;

struct publication_handlers {
	/** Write the state as it is now. */
	void (*body)(void *arg, struct buf *body);
	/** Published, changed or refreshed. */
	void (*published)(void *arg, uint32_t expires);
	/** `retry_us`: the next try comes after this; -1: given up, the last call. */
	void (*failed)(void *arg, const struct outcome *outcome, int64_t retry_us);
	/** After publication_stop(): it is gone (status below 300; 200 without a response where nothing was there), or
	 * could not be removed. The last call. */
	void (*removed)(void *arg, const struct outcome *outcome);
	void *arg;
};

struct publication_config {
	const struct identity *identity; /* copied */
	struct slice target, event, content_type;
	uint32_t expires; /* asked for, seconds */
	struct publication_handlers handlers;
};

/** Publish now. @return owned by the caller: publication_free(). Errors: as of ua_request() */
struct publication *publication_new(struct ua *ua, const struct publication_config *config, enum err *err);
/** Without a word to the server; no handler is called any more. Allowed in its own handlers; NULL is harmless. */
void publication_free(struct publication *publication);
/** The state has changed: publish it, now or after the request that is under way. */
void publication_changed(struct publication *publication);
/** Remove it (Expires: 0). */
void publication_stop(struct publication *publication);
