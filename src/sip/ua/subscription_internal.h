/* What the files of subscription share: subscription.c (life, the first request), subscription_branch.c (its dialogs).
 */
#pragma once

#include "sip/ua/core.h"
#include "sip/ua/dialog.h"
#include "sip/ua/subscription.h"

enum {
	PACKAGE_TEXT_MAX = 256,     /* bytes of a package's name, of its id, of a reason */
	SUBSCRIPTION_STEADY_S = 60, /* what lasted this long may be made again at once */
};

/* One dialog of the subscription. */
struct branch {
	struct mortal mortal;
	struct list_node node;
	struct usage usage;
	struct subscription *subscription;
	int number;
	struct dialog *dialog;
	enum subscription_state state;
	struct request *request; /* the refresh under way */
	uint32_t asking;         /* its Expires */
	bool awaits_notify;      /* timer N runs */
	bool fetch_wanted;       /* another refresh follows the one under way */
	struct timer due, silence, expiry;
	int64_t expires_us;
};

struct subscription {
	struct mortal mortal;
	struct list_node node;
	struct ua *ua;
	struct profile *profile;
	struct subscription_handlers handlers;
	bool refers, forks, keep, freed, stopping, over;
	char *target, *event, *id, *accept, *content_type, *body;
	struct extra_header *extra; /* texts of their own */
	size_t extra_count;
	uint32_t expires, asked; /* of the configuration; what a 423 made of it */
	/* one attempt */
	char *call_id, *tag, *local, *scope;
	uint32_t cseq;
	struct request *request; /* the SUBSCRIBE or REFER that makes it */
	struct dialog *within;   /* a session's */
	bool open;               /* NOTIFYs may still make dialogs */
	bool notified;           /* a NOTIFY came */
	bool has_id;             /* the NOTIFYs of a REFER name it */
	bool first_in_dialog;    /* no other REFER before it in the dialog: NOTIFYs may come without id */
	bool has_granted;
	uint32_t granted, refer_number;
	struct timer silence; /* timer N of the first request */
	int64_t begun_us;
	struct list branches;
	int branch_count;
	/* all attempts */
	unsigned failures, too_brief;
	struct timer retry;
};

/* subscription.c */
static inline struct timers *subscription_timers(struct subscription *s)
{
	return s->ua->world.timers;
}
/** Timer N. */
static inline int64_t subscription_timer_n(struct subscription *s)
{
	return 64 * transaction_settings(s->ua->transactions)->t1_us;
}
/** The attempt is over: tell it, and begin another after `retry_us` unless that is -1. */
void subscription_end(struct subscription *s, const struct outcome *outcome, const char *reason, int64_t retry_us);
/** The pause before the next attempt where it may begin at once: it does, unless the last has just begun. */
int64_t subscription_soon(struct subscription *s);
/** The same after what the notifier gave as its reason (4.1.3); -1: not again. */
int64_t subscription_pause(struct subscription *s, const struct package_state *state);
/** 423: ask for as long as it wants. @return false: it is none, or one too many */
bool subscription_ask_longer(struct subscription *s, const struct outcome *outcome);
/**
 * Event, Expires, Accept, Allow, the extra lines, the body. `again`: a refresh; of a REFER's subscription it is a
 * SUBSCRIBE, which has an Event and no Refer-To (RFC 3515 2.4.4).
 */
void subscription_add_lines(struct subscription *s, struct sip_draft *draft, uint32_t expires, bool again);
/** Does the Event of a NOTIFY name it? */
bool subscription_is_about(struct subscription *s, const struct package_event *event);

/* subscription_branch.c */
/** `dialog`: the reference is taken over. */
struct branch *branch_new(struct subscription *s, struct dialog *dialog);
/** It leaves at once. */
void branch_drop(struct branch *b);
/** Does no subscription use this dialog yet? */
bool branch_is_first(const struct dialog *dialog);
void branch_set_expiry(struct branch *b, uint32_t seconds);
/** SUBSCRIBE inside the dialog; `expires` 0 ends it. */
void branch_refresh(struct branch *b, uint32_t expires);
/** Act on a NOTIFY of this dialog. @return the status that answers it */
unsigned branch_notify(struct branch *b, const struct sip_message *message);

/* for ua.c */
/** A NOTIFY whose dialog we do not know: does it make the dialog of a subscription? @return true: taken and answered */
bool subscription_take_notify(struct ua *ua, struct server_transaction *st, struct sip_message *notify);
void subscription_free_all(struct ua *ua);
