/*
 * netemu: a bridge between two network interfaces that loses, delays and reorders UDP as it is told, repeatably from a
 * seed. For kernels without sch_netem; the interfaces are the near ends of two veth pairs whose far ends are in the
 * phones' namespaces (with `ethtool -K IF tx off`, for checksums are not filled in otherwise).
 *
 *   netemu [-s SEED] [-l LOSS%] [-b BURST] [-d DELAY_ms] [-j JITTER_ms] [-r] [-x PORT] IF_A IF_B
 *
 * Each packet is held back by DELAY plus 0..JITTER ms, in order unless -r. Losses come in bursts of the mean length
 * BURST (1: independent). What comes from or goes to PORT (5060) passes untouched, and so does all that is not UDP.
 * Each direction has random numbers of its own, of which only RTP takes any (RTCP comes when it likes, and has others):
 * the same packets are lost in each run, counted from the last SIGUSR1, with which they begin again.
 * Prints "ready", and at each SIGUSR1 and SIGTERM what it did since the last, and how often and how much it was late.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 2048, HELD_MAX = 8192, SIDES = 2, IP_UDP = 17, SOON_US = 20, LATE_US = 2000 };

struct frame {
	int64_t at_us;
	int bytes;
	uint8_t data[FRAME_MAX];
};

/* One direction: what came from its interface and waits to go to the other one. */
struct side {
	int fd;
	struct frame *held[HELD_MAX];
	size_t count;
	int64_t last_us;
	uint64_t random[2]; /* for RTP, for the rest */
	bool bad;
	unsigned long came, lost, went, late; /* late: by more than LATE_US */
	int64_t worst_us;
};

static struct {
	uint64_t seed;
	double loss, burst, delay_ms, jitter_ms;
	bool reorder;
	int exempt;
} options = { .seed = 1, .burst = 1, .exempt = 5060 };

static volatile sig_atomic_t ended, begins;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		begins = 1;
	else
		ended = 1;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* splitmix64, 0..1 */
static double uniform(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

/* The network itself shall take no time: what the processor was not there for. */
static void note_lateness(struct side *side, int64_t late_us)
{
	side->late += late_us > LATE_US;
	if (late_us > side->worst_us)
		side->worst_us = late_us;
}

/* How long ago the packet that was just received came to its interface. */
static int64_t age_us(int fd)
{
	struct timespec came, now;

	if (ioctl(fd, SIOCGSTAMPNS, &came) != 0)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)(now.tv_sec - came.tv_sec) * 1000000 + (now.tv_nsec - came.tv_nsec) / 1000;
}

static int open_interface(const char *name)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL)), on = 1;
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(name) };
	struct packet_mreq all = { .mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC };

	if (fd < 0 || !at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0) {
		perror(name);
		exit(1);
	}
	age_us(fd); /* from now on packets get a time */
	return fd;
}

/* Where the payload of UDP begins that is neither from nor to the port that is left alone; 0: let it be. */
static int payload_of(const struct frame *frame)
{
	const uint8_t *p = frame->data;

	if (frame->bytes < 42 || p[12] != 0x08 || p[13] != 0 || p[23] != IP_UDP)
		return 0;
	int udp = 14 + (p[14] & 15) * 4;
	if (frame->bytes < udp + 10)
		return 0;
	if ((p[udp] << 8 | p[udp + 1]) == options.exempt || (p[udp + 2] << 8 | p[udp + 3]) == options.exempt)
		return 0;
	return udp + 8;
}

/* RFC 5761 4: the types of RTCP are none of RTP's. */
static bool is_rtcp(const uint8_t *payload)
{
	return payload[1] >= 192 && payload[1] <= 223;
}

static bool is_lost(struct side *side, uint64_t *random)
{
	double leave = 1 / options.burst;

	if (options.burst <= 1)
		return uniform(random) < options.loss;
	/* Gilbert's two states: bursts of the mean length `burst`, and `loss` of all packets in them. */
	bool lost = side->bad;
	if (side->bad)
		side->bad = uniform(random) >= leave;
	else
		side->bad = uniform(random) < options.loss * leave / (1 - options.loss);
	return lost;
}

static void hold(struct side *side, struct frame *frame, uint64_t *random)
{
	size_t at = side->count;

	frame->at_us = now_us() + (int64_t)((options.delay_ms + uniform(random) * options.jitter_ms) * 1000);
	if (!options.reorder && frame->at_us < side->last_us)
		frame->at_us = side->last_us;
	side->last_us = frame->at_us;
	for (; at > 0 && side->held[at - 1]->at_us > frame->at_us; at--)
		side->held[at] = side->held[at - 1];
	side->held[at] = frame;
	side->count++;
}

static void take(struct side *side, int other_fd)
{
	for (;;) {
		struct frame *frame = malloc(sizeof *frame);
		ssize_t n = frame ? recv(side->fd, frame->data, sizeof frame->data, 0) : -1;
		if (n <= 0) {
			free(frame);
			return;
		}
		frame->bytes = (int)n;
		int payload = payload_of(frame);
		bool impaired = payload > 0;
		uint64_t *random = &side->random[impaired && is_rtcp(frame->data + payload)];
		side->came += impaired;
		if (impaired)
			note_lateness(side, age_us(side->fd));
		if (impaired && is_lost(side, random)) {
			side->lost++;
			free(frame);
		} else if (impaired && side->count < HELD_MAX && (options.delay_ms > 0 || options.jitter_ms > 0)) {
			hold(side, frame, random);
		} else {
			n = send(other_fd, frame->data, (size_t)frame->bytes, 0);
			side->went += impaired && n > 0;
			free(frame);
		}
	}
}

static void let_go(struct side *side, int other_fd)
{
	size_t n = 0;

	for (; n < side->count && side->held[n]->at_us <= now_us() + SOON_US; n++) {
		note_lateness(side, now_us() - side->held[n]->at_us);
		side->went += send(other_fd, side->held[n]->data, (size_t)side->held[n]->bytes, 0) > 0;
		free(side->held[n]);
	}
	side->count -= n;
	memmove(side->held, side->held + n, side->count * sizeof *side->held);
}

static void wait_for_work(const struct side *sides)
{
	struct pollfd fds[SIDES] = { { sides[0].fd, POLLIN, 0 }, { sides[1].fd, POLLIN, 0 } };
	int64_t first_us = now_us() + 1000000;

	for (int i = 0; i < SIDES; i++)
		if (sides[i].count && sides[i].held[0]->at_us < first_us)
			first_us = sides[i].held[0]->at_us;
	int64_t wait_us = first_us - now_us();
	struct timespec wait = { 0 };
	if (wait_us > 0)
		wait = (struct timespec){ wait_us / 1000000, wait_us % 1000000 * 1000 };
	ppoll(fds, SIDES, &wait, NULL);
}

static bool read_options(int argc, char **argv)
{
	for (int o; (o = getopt(argc, argv, "s:l:b:d:j:rx:")) != -1;)
		switch (o) {
		case 's': options.seed = strtoull(optarg, NULL, 10); break;
		case 'l': options.loss = atof(optarg) / 100; break;
		case 'b': options.burst = atof(optarg); break;
		case 'd': options.delay_ms = atof(optarg); break;
		case 'j': options.jitter_ms = atof(optarg); break;
		case 'r': options.reorder = true; break;
		case 'x': options.exempt = atoi(optarg); break;
		default: return false;
		}
	return argc - optind == SIDES && options.loss >= 0 && options.loss < 1;
}

static void tell(const struct side *sides)
{
	for (int i = 0; i < SIDES; i++)
		printf("%c to %c: came %lu lost %lu went %lu late %lu worst %.1f ms\n", "ab"[i], "ba"[i], sides[i].came,
		       sides[i].lost, sides[i].went, sides[i].late, (double)sides[i].worst_us / 1000);
	fflush(stdout);
}

/* The random numbers of all directions from their beginning; what is counted counts from now. */
static void begin(struct side *sides)
{
	begins = 0;
	for (uint64_t i = 0; i < SIDES; i++) {
		sides[i].random[0] = options.seed * SIDES + i;
		sides[i].random[1] = ~sides[i].random[0];
		sides[i].bad = false;
		sides[i].came = sides[i].lost = sides[i].went = sides[i].late = 0;
		sides[i].worst_us = 0;
	}
}

int main(int argc, char **argv)
{
	static struct side sides[SIDES];
	struct sigaction action = { .sa_handler = on_signal };

	if (!read_options(argc, argv)) {
		fprintf(stderr,
			"usage: netemu [-s SEED] [-l LOSS%%] [-b BURST] [-d MS] [-j MS] [-r] [-x PORT] IF_A IF_B\n");
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < SIDES; i++)
		sides[i].fd = open_interface(argv[optind + i]);
	begin(sides);
	puts("ready");
	fflush(stdout);
	while (!ended) {
		if (begins) {
			tell(sides);
			begin(sides);
		}
		wait_for_work(sides);
		for (int i = 0; i < SIDES; i++) {
			take(&sides[i], sides[1 - i].fd);
			let_go(&sides[i], sides[1 - i].fd);
		}
	}
	tell(sides);
	return 0;
}
