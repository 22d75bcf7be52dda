/*
 * What the four machines have in common: states, events, timers, and step(), the one function that changes a state.
 *
 * A machine is a table, state by event; a cell says which state is next and what is done. An empty cell means: nothing
 * happens. A second table says which timers may run in a state and which are started on entering it, so that no timer
 * outlives its state.
 */
#pragma once

#include "sip/transaction/transaction.h"

#include "base/map.h"

#define STATE_LIST(X) X(CALLING) X(TRYING) X(PROCEEDING) X(ACCEPTED) X(COMPLETED) X(CONFIRMED) X(TERMINATED)

enum state {
#define X(name) name,
	STATE_LIST(X)
#undef X
	STATES
};

/* The timers of RFC 3261 table 4 and RFC 6026, and two without a letter. */
#define TIMER_LIST(X) X(A) X(B) X(D) X(E) X(F) X(G) X(H) X(I) X(J) X(K) X(L) X(M) X(CANCEL) X(TRYING)

enum timer_id {
#define X(name) TIMER_##name,
	TIMER_LIST(X)
#undef X
	TIMERS
};

#define EVENT_LIST(X)                                                                                  \
	X(1XX)             /* client: a response came */                                                \
	X(2XX)                                                                                          \
	X(300_699)                                                                                      \
	X(CANCEL)          /* client: the user cancels */                                               \
	X(REQUEST)         /* server: the request came again */                                         \
	X(ACK)                                                                                          \
	X(SEND_1XX)        /* server: the user answers */                                               \
	X(SEND_2XX)                                                                                     \
	X(SEND_300_699)                                                                                 \
	X(TRANSPORT_ERROR)                                                                              \
	X(TIMER_A) X(TIMER_B) X(TIMER_D) X(TIMER_E) X(TIMER_F) X(TIMER_G) X(TIMER_H)                    \
	X(TIMER_I) X(TIMER_J) X(TIMER_K) X(TIMER_L) X(TIMER_M)                                          \
	X(TIMER_CANCEL)    /* client: 64*T1 after a CANCEL (9.1) */                                     \
	X(TIMER_TRYING)    /* server: a 100 is due to a slow non-INVITE (RFC 4320 4.1) */

enum event {
#define X(name) EV_##name,
	EVENT_LIST(X)
#undef X
	EVENTS
};

struct transaction;
/** Done after the state has changed. `message`: the one that came, or that shall be sent; else NULL. */
typedef void action_h(struct transaction *transaction, struct sip_message *message);

struct cell {
	enum state next;
	action_h *action;  /* NULL: an empty cell */
	const char *name;  /* of the action, for diagrams */
};
#define GO(state, action) { state, action, #action }
#define BIT(timer) (1u << TIMER_##timer)

struct machine {
	const char *name;
	enum state first;
	const struct cell (*cells)[EVENTS];  /* STATES rows */
	struct {
		unsigned may_run, armed;     /* BIT()s; an unreliable transport's timers are left out on streams */
	} timers[STATES];
};

extern const struct machine transaction__invite_client, transaction__other_client, transaction__invite_server,
	transaction__other_server;

/* At most one of each kind runs: one that repeats a message, one that gives up, one that waits for stragglers. */
enum { TIMER_SLOTS = 3 };

/* The head of both kinds of transaction. */
struct transaction {
	struct transactions *owner;
	const struct machine *machine;
	enum state state;
	bool stream;
	uint64_t number;             /* for the log */
	int64_t interval_us;         /* of the timer that repeats: A, E or G */
	struct timer slots[TIMER_SLOTS];
	unsigned char timers[TIMER_SLOTS]; /* enum timer_id: which of its kind */
	struct timer failure;        /* a transport error that is reported as soon as timers run */
	enum err err;
	struct map_node by_key;
	struct fingerprint key;
	struct list_node node;       /* in the owner's list of all */
	void (*gone)(struct transaction *transaction); /* tells the user and frees: after TERMINATED */
};

const char *machine_state_name(enum state state);
const char *machine_event_name(enum event event);
const char *timer_name(enum timer_id timer);
/** The first state with its timers. */
void transaction__begin(struct transaction *transaction);
/**
 * The one place where a state changes. The transaction is gone afterwards when it became TERMINATED: that comes only
 * with timers.
 * @return false: an empty cell
 */
bool transaction__step(struct transaction *transaction, enum event event, struct sip_message *message);
/** (Re)start a timer; its length is a matter of the timer, the transport and the settings. */
void transaction__arm(struct transaction *transaction, enum timer_id timer);
/** EV_TRANSPORT_ERROR as soon as timers run. */
void transaction__fail_later(struct transaction *transaction, enum err err);
/** Stops timers, leaves map and list. */
void transaction__fini(struct transaction *transaction);
/** The event of a response's status. */
enum event transaction__response_event(unsigned status);

static inline void nothing(struct transaction *transaction, struct sip_message *message)
{
	(void)transaction;
	(void)message;
}
