/* subscriptions: what we watch of others: presence, lines, mailboxes, registrations (RFC 6665 and its packages). */
#pragma once

#include "phone/phone.h"

struct account;
struct subscriptions;
struct server_transaction;
struct sip_message;
struct sip_source;

struct subscriptions *subscriptions_new(struct phone *phone);
void subscriptions_free(struct subscriptions *subscriptions);
/** The account registers, or does no longer: its mailbox is watched meanwhile. */
void subscriptions_account(struct account *account, bool registered);
/** A NOTIFY that nobody asked for: a mailbox of the account's own server may speak so. @return the status */
unsigned subscriptions_stray(struct subscriptions *subscriptions, const struct sip_message *notify,
			     const struct sip_source *source);
/** The network has changed: the notifiers hear where we are now (target refresh). */
void subscriptions_moved(struct subscriptions *subscriptions);
/** Unsubscribe from everything; done when it has ended or can no longer. */
void subscriptions_shut_down(struct subscriptions *subscriptions);
bool subscriptions_quiet(const struct subscriptions *subscriptions);
void subscriptions_show(const struct subscriptions *subscriptions, struct buf *out);
/** What is known of this URI's line: whom to call to take the call that rings there (its caller), and the value of
 * Replaces. @return false: nobody watches it, or nothing rings */
bool subscriptions_ringing(const struct subscriptions *subscriptions, const char *uri, struct buf *target,
			   struct buf *replaces);
/** The same of a call that this URI is in: whom to call to take part in it, and the value of Join. @return false: the
 * line is not watched, in no call, or does not name it */
bool subscriptions_talking(const struct subscriptions *subscriptions, const char *uri, struct buf *target,
			   struct buf *join, struct failure *failure);
