/*
 * leftovers: which Contacts of ours registrars may know, kept on disk from before a REGISTER leaves until its removal
 * was answered. What a killed phone left behind is removed by the first REGISTER of the next one: our own Contacts
 * alone, with Expires 0 (RFC 3261 10.2.2), never `*`.
 *
 * Each phone that runs has a file of its own, by a lock on it, so that none takes what belongs to another that lives.
 */
#pragma once

#include "base/slice.h"

struct leftovers;

/** @param dir  borrowed; NULL: nothing is kept. Opens nothing yet */
struct leftovers *leftovers_new(const char *dir) __attribute__((returns_nonnull));
void leftovers_free(struct leftovers *leftovers);
/** A REGISTER with this Contact is about to leave. */
void leftovers_note(struct leftovers *leftovers, const char *account, struct slice contact);
/** The registrar has let go of all that is known of this account but `contact` (NULL: of all). */
void leftovers_only(struct leftovers *leftovers, const char *account, const char *contact);
/** What earlier phones left behind for this account and nobody has removed yet. */
typedef void binding_left_h(void *arg, const char *contact);
void leftovers_left(struct leftovers *leftovers, const char *account, binding_left_h *each, void *arg);
