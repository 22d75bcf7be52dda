/*
 * presence: how we are, told to those who watch us (RFC 3856, 4235; watchers.c) and published (RFC 3903;
 * publishing.c).
 */
#pragma once

#include "bodies/pidf.h"
#include "phone/phone.h"

struct account;
struct presence_desk;
struct server_transaction;
struct sip_message;
struct sip_source;

struct presence_desk *presence_new(struct phone *phone);
void presence_free(struct presence_desk *desk);
/** A SUBSCRIBE came: answered, or the status that refuses it. */
unsigned presence_take(struct presence_desk *desk, struct server_transaction *st, struct sip_message *request,
		       const struct sip_source *source);
/** Our calls have changed: those who watch our lines are told at the turn's end. */
void presence_calls_changed(struct presence_desk *desk);
void presence_turn_end(struct presence_desk *desk);
/** How we are: calls are answered accordingly. */
enum presence presence_now(const struct presence_desk *desk);
const char *presence_text(const struct presence_desk *desk);
/** Say goodbye to those who watch, take back what was published. */
void presence_shut_down(struct presence_desk *desk);
bool presence_quiet(const struct presence_desk *desk);
void presence_show(const struct presence_desk *desk, struct buf *out);
/** What is published of it is known by its new name. */
void publishing_account_renamed(const struct account *account, const char *old_name);
/** The account goes: nothing is published for it any more. */
void presence_forget(struct account *account);
