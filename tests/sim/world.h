/*
 * A world of hosts joined by a network that delays, loses, doubles and reorders datagrams, on one virtual clock, and by
 * connections that cut their bytes anywhere and break.
 * Everything that happens follows from the seed, so a failure is repeated by its number. Links can be cut, and a
 * stranger sends what it has overheard, as it was or spoiled. Whatever a host sends must pass our own strict check.
 */
#pragma once

#include "sip/transport/transport.h"

/* The name of the first host. */
#define WORLD_SERVER "server.example"

enum { WORLD_HOSTS = 6, WORLD_OVERHEARD = 16, WORLD_LAST_LOST = 64 };

struct world;

struct host {
	struct world *world;
	struct address address;
	struct sip_world sip;           /* give it to ua_new() */
	struct transport *transport;    /* set after ua_new(); NULL: the host is down */
	bool cut;                       /* nothing of it arrives anywhere, and nothing arrives there */
};

struct world {
	struct timers timers;
	struct random random;           /* of the network */
	struct random host_random;      /* of the stacks */
	struct list in_flight;
	struct list pipes;              /* connections: streams.c */
	unsigned connections, broken;
	struct host hosts[WORLD_HOSTS];
	unsigned loss_percent, double_percent;
	unsigned slow_handshakes_percent, broken_handshakes_percent; /* of connections */
	/* WORLD_SERVER has an address of IPv6 before its own, where nobody is: connections are refused, or hang. */
	bool two_families, silent_family;
	/* Callers change things before there is an answer. */
	bool hasty;
	uint32_t delay_min_us, delay_max_us; /* uniform between: later ones overtake */
	unsigned long sent, lost, arrived, hostile;
	struct buf overheard[WORLD_OVERHEARD]; /* what the stranger knows */
	struct { uint32_t hash; unsigned times; } last_lost[WORLD_LAST_LOST]; /* what was lost, how often in a row */
	unsigned long requests[SIP_METHODS], responses[700]; /* sent, by method and status, repeated ones too */
	/* Gets what is sent to an address where nobody is; NULL: lost. */
	void (*nowhere)(void *arg, const struct address *from, struct slice bytes);
	void *nowhere_arg;
	bool strange; /* what arrives now is the stranger's: answers to it are not checked, they repeat what it said */
	char fault[2048]; /* the first message that the check refused, and why; empty: none */
};

void world_init(struct world *world, uint64_t seed);
void world_fini(struct world *world);
/** Let time pass; datagrams arrive and timers fire in their order. `each_turn` (may be NULL) is called after each of
 * them. */
void world_pass(struct world *world, int64_t us, void (*each_turn)(void *arg), void *arg);
/** One of the connections breaks, for both of its ends and what is under way between them. */
void world_break(struct world *world);
/** A NAT forgets one of the connections: for up to two minutes both ends go on as if it was there, then it breaks. */
void world_forget(struct world *world);
/** The stranger sends something to one of the hosts, from an address of its own or, half the time, in another's name.
 */
void world_annoy(struct world *world);
/** Everything arrives from now on, at once and once; what is under way still does. */
void world_heal(struct world *world);

/* ---- streams.c: what the hosts' transports ask ---- */

struct host *world_host_at(struct world *world, const struct address *address);
enum err streams_connect(struct host *host, struct flow *flow);
enum err streams_send(struct flow *flow, struct slice bytes);
void streams_close(struct flow *flow);
/** What a NAT has forgotten breaks now. */
void streams_heal(struct world *world);
void streams_fini(struct world *world);
