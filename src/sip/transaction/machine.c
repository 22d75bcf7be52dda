#include "sip/transaction/internal.h"

#include <assert.h>

#define TIMER_D_MIN_US (32 * SECOND_US)

const char *machine_state_name(enum state state)
{
	static const char *const names[STATES] = {
#define X(name) #name,
		STATE_LIST(X)
#undef X
	};

	return names[state];
}

const char *machine_event_name(enum event event)
{
	static const char *const names[EVENTS] = {
#define X(name) #name,
		EVENT_LIST(X)
#undef X
	};

	return names[event];
}

const char *timer_name(enum timer_id timer)
{
	static const char *const names[TIMERS] = {
#define X(name) #name,
		TIMER_LIST(X)
#undef X
	};

	return names[timer];
}

enum { REPEATS, GIVES_UP, LINGERS };

static const struct {
	unsigned char slot;
	enum event event;
} kinds[TIMERS] = {
	[TIMER_A] = { REPEATS, EV_TIMER_A },
	[TIMER_B] = { GIVES_UP, EV_TIMER_B },
	[TIMER_D] = { LINGERS, EV_TIMER_D },
	[TIMER_E] = { REPEATS, EV_TIMER_E },
	[TIMER_F] = { GIVES_UP, EV_TIMER_F },
	[TIMER_G] = { REPEATS, EV_TIMER_G },
	[TIMER_H] = { GIVES_UP, EV_TIMER_H },
	[TIMER_I] = { LINGERS, EV_TIMER_I },
	[TIMER_J] = { LINGERS, EV_TIMER_J },
	[TIMER_K] = { LINGERS, EV_TIMER_K },
	[TIMER_L] = { LINGERS, EV_TIMER_L },
	[TIMER_M] = { LINGERS, EV_TIMER_M },
	[TIMER_CANCEL] = { GIVES_UP, EV_TIMER_CANCEL },
	[TIMER_TRYING] = { REPEATS, EV_TIMER_TRYING },
};

enum { NOT_ON_STREAMS = BIT(A) | BIT(E) | BIT(G), ZERO_ON_STREAMS = BIT(D) | BIT(I) | BIT(J) | BIT(K) };

/* RFC 4320 4.1: as long as it takes timer E of the client to reach T2: 3.5 s with the usual settings. */
static int64_t trying_us(const struct transaction_settings *settings)
{
	int64_t total = 0;

	for (int64_t e = settings->t1_us; e > 0 && e < settings->t2_us; e *= 2)
		total += e;
	return total;
}

static int64_t length_us(const struct transaction *transaction, enum timer_id timer)
{
	const struct transaction_settings *settings = &transaction->owner->settings;
	int64_t long_us = 64 * settings->t1_us;

	if (transaction->stream && ZERO_ON_STREAMS & 1u << timer)
		return 0;
	switch (timer) {
	case TIMER_A:
	case TIMER_E:
	case TIMER_G:
		return transaction->interval_us;
	case TIMER_D:
		return long_us > TIMER_D_MIN_US ? long_us : TIMER_D_MIN_US;
	case TIMER_I:
	case TIMER_K:
		return settings->t4_us;
	case TIMER_TRYING:
		return trying_us(settings);
	default:
		return long_us;
	}
}

static void fire(struct transaction *transaction, int slot)
{
	(void)transaction__step(transaction, kinds[transaction->timers[slot]].event, NULL);
}

static void repeats(void *arg)
{
	fire(arg, REPEATS);
}

static void gives_up(void *arg)
{
	fire(arg, GIVES_UP);
}

static void lingers(void *arg)
{
	fire(arg, LINGERS);
}

void transaction__arm(struct transaction *transaction, enum timer_id timer)
{
	static timer_h *const fires[TIMER_SLOTS] = { repeats, gives_up, lingers };
	unsigned char slot = kinds[timer].slot;

	if (transaction->stream && NOT_ON_STREAMS & 1u << timer)
		return;
	transaction->timers[slot] = (unsigned char)timer;
	timer_start(transaction->owner->world.timers, &transaction->slots[slot], length_us(transaction, timer),
		    fires[slot], transaction);
}

static void enter(struct transaction *transaction, enum state state)
{
	unsigned may_run = transaction->machine->timers[state].may_run,
		 armed = transaction->machine->timers[state].armed;

	transaction->state = state;
	for (size_t i = 0; i < TIMER_SLOTS; i++) {
		if (!(may_run & 1u << transaction->timers[i]))
			timer_stop(transaction->owner->world.timers, &transaction->slots[i]);
	}
	for (int timer = 0; timer < TIMERS; timer++) {
		if (armed & 1u << timer)
			transaction__arm(transaction, (enum timer_id)timer);
	}
}

void transaction__begin(struct transaction *transaction)
{
	transaction->interval_us = transaction->owner->settings.t1_us;
	transaction->number = ++transaction->owner->last_number;
	enter(transaction, transaction->machine->first);
}

bool transaction__step(struct transaction *transaction, enum event event, struct sip_message *message)
{
	const struct cell *cell = &transaction->machine->cells[transaction->state][event];

	if (!cell->action)
		return false;
	log_line(transaction->owner->world.log, LOG_DEBUG, "transaction %llu (%s): %s in %s, now %s",
		 (unsigned long long)transaction->number, transaction->machine->name, machine_event_name(event),
		 machine_state_name(transaction->state), machine_state_name(cell->next));
	if (cell->next != transaction->state)
		enter(transaction, cell->next);
	cell->action(transaction, message);
	if (transaction->state == TERMINATED)
		transaction->gone(transaction);
	return true;
}

static void report_failure(void *arg)
{
	struct transaction *transaction = arg;

	if (!transaction__step(transaction, EV_TRANSPORT_ERROR, NULL))
		transaction->err = ERR_NONE;
}

void transaction__fail_later(struct transaction *transaction, enum err err)
{
	assert(err);
	if (timer_running(&transaction->failure))
		return;
	transaction->err = err;
	timer_start(transaction->owner->world.timers, &transaction->failure, 0, report_failure, transaction);
}

void transaction__fini(struct transaction *transaction)
{
	struct timers *timers = transaction->owner->world.timers;

	for (size_t i = 0; i < TIMER_SLOTS; i++)
		timer_stop(timers, &transaction->slots[i]);
	timer_stop(timers, &transaction->failure);
	list_remove(&transaction->node);
}

enum event transaction__response_event(unsigned status)
{
	return status < 200 ? EV_1XX : status < 300 ? EV_2XX : EV_300_699;
}
