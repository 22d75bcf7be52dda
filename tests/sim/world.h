/*
 * A world of hosts joined by a network that delays, loses, doubles and reorders datagrams, on one virtual clock.
 * Everything that happens follows from the seed, so a failure is repeated by its number.
 */
#pragma once

#include "sip/transport/transport.h"

enum { WORLD_HOSTS = 4 };

struct world;

struct host {
	struct world *world;
	struct address address;
	struct sip_world sip;           /* give it to ua_new() */
	struct transport *transport;    /* set after ua_new(); NULL: the host is down */
};

struct world {
	struct timers timers;
	struct random random;           /* of the network */
	struct random host_random;      /* of the stacks */
	struct list in_flight;
	struct host hosts[WORLD_HOSTS];
	unsigned loss_percent, double_percent;
	uint32_t delay_min_us, delay_max_us; /* uniform between: later ones overtake */
	unsigned long sent, lost, arrived;
};

void world_init(struct world *world, uint64_t seed);
void world_fini(struct world *world);
/** Let time pass; datagrams arrive and timers fire in their order. `each_turn` (may be NULL) is called after each of
 * them. */
void world_pass(struct world *world, int64_t us, void (*each_turn)(void *arg), void *arg);
