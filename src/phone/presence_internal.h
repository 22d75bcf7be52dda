/* What the files about our presence share: presence.c how we are, watchers.c who watches us and what they are told,
 * publishing.c what the servers of accounts are told. */
#pragma once

#include "base/list.h"
#include "phone/presence.h"

enum { PRESENCE_EXPIRES_S = 3600 };

struct presence_desk {
	struct phone *phone;
	enum presence presence;
	char *text;
	struct list watchers, published;
	unsigned last_watcher;
	bool calls_changed;
};

/** A document of how we are. */
void presence_write(const struct presence_desk *desk, const char *entity, struct buf *body);

/** Those who watch our calls, or our status, are told anew. */
void watchers_tell(struct presence_desk *desk, bool of_calls);
/** Say goodbye to all of them. */
void watchers_end(struct presence_desk *desk);
void watchers_show(const struct presence_desk *desk, struct buf *out);

/** Our status is published anew. */
void publishing_changed(struct presence_desk *desk);
/** Take back what was published. */
void publishing_stop(struct presence_desk *desk);
/** Forget it, without a word. */
void publishing_free(struct presence_desk *desk);
void publishing_show(const struct presence_desk *desk, struct buf *out);
