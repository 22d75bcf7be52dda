/* What the files of subscriptions share: subscriptions.c (SUBSCRIBE, and what a NOTIFY says), watched.c (what is known
 * of whom we watch). */
#pragma once

#include "bodies/dialog_info.h"
#include "phone/phone_internal.h"
#include "phone/subscriptions.h"
#include "sip/ua/subscription.h"

enum { WATCH_TABLES_MAX = 8 };

enum package { PACKAGE_PRESENCE, PACKAGE_DIALOG, PACKAGE_SUMMARY, PACKAGE_REG, PACKAGES };

/* Something that we watch. */
struct watch {
	struct list_node node;
	struct subscriptions *all;
	enum package package;
	char *uri, *name, *account_name;
	struct account *mailbox_of; /* the account whose mailbox it is; NULL: somebody asked for it */
	struct subscription *subscription;
	bool stopping, once;                    /* once: one look was all that was asked for */
	enum subscription_state told;           /* by `subscribed` */
	int64_t retry_at_us;                    /* when it is asked for again; 0: it is told, or asked for now */
	bool settled;                           /* a NOTIFY has come, or it has failed */
	char *said;                             /* the last news, so that the same is no news again */
	char *shown;                            /* the last news of presence for people */
	struct dialog_table tables[WATCH_TABLES_MAX]; /* of each branch */
	struct timer whole;                     /* when a whole document is asked for */
	int64_t whole_us;                       /* not before */
};

struct subscriptions {
	struct phone *phone;
	struct list watches;
	size_t count;
};

/** "presence", "dialog": as Event has it. */
const char *watch_package_name(enum package package);
/** The watch of this package at this URI that does not end; NULL: there is none. */
struct watch *subscriptions_find(const struct subscriptions *all, const char *uri, enum package package);
/** The dialog that matters most over all forks: one that rings there; NULL: there is none. */
const struct dialog_row *watch_best_row(const struct watch *watch);
