/* What the files of messages share: messages.c (texts, out and in), typing.c (who types, both ways). */
#pragma once

#include "bodies/composing.h"
#include "phone/messages.h"
#include "phone/phone_internal.h"

struct messages {
	struct phone *phone;
	struct message_store *store;
	struct list sendings, typists;
	size_t sending_count, typist_count;
	/* whom we type to */
	char *typing_to, *typing_account; /* the URI; NULL: nobody */
	char *typing_asked;               /* whom typing_request is for */
	char *deaf;                       /* who did not take "is typing"; it is not told again */
	bool typing_told;
	bool typing_waits; /* it changed while the last word of it was under way */
	int64_t told_us;
	struct timer idle;
	struct request *typing_request;
};

/* Who wrote to whom, as events tell it. */
struct letter {
	char *from, *name, *to, *account;
};
void letter_add(struct event *event, const struct letter *letter);

/** Send a MESSAGE. @return NULL with *err: it cannot be sent, and `handler` is not called */
struct request *messages_send(struct messages *messages, const struct account *account, const char *uri,
			      const struct extra_header *extra, size_t extra_count, struct slice type,
			      struct slice body, request_h *handler, void *arg, enum err *err);
/** Whom a message goes to, and from which account. target_fini() it. */
bool messages_target(struct phone *phone, struct slice text, const char *from, struct account **account,
		     struct target *target, struct failure *failure);

/** A text was sent, which tells that typing is over (RFC 3994 3.2). */
void typing_said(struct messages *messages);
/** Somebody tells that they type, or do no more. */
void typing_note(struct messages *messages, const struct letter *letter, const struct composing *composing);
/** A text came from this URI, which tells that its typing is over. */
void typing_heard(struct messages *messages, const char *from);
void typing_free(struct messages *messages);
