/*
 * Many calls between two user agents over a bad network. Whatever is lost, doubled or overtaken: every session ends
 * exactly once, nothing is left over, and the two sides agree as far as RFC 3261 lets them.
 *
 *   calls_sim [SEED]    one seed alone, for repeating a failure
 */
#include "tests/unit/unit.h"

#include "sip/ua/session.h"
#include "tests/sim/world.h"

enum { CALLS = 12, SEEDS = 2000 };

enum plan {
	PLAN_ANSWER,
	PLAN_REJECT,
	PLAN_CALLER_CANCELS,
	PLAN_NOBODY_ANSWERS,
	PLAN_REINVITE,
	PLAN_UPDATE,
	PLAN_EARLY,
	PLANS
};

struct side {
	struct session *session;  /* NULL before and after */
	unsigned answered, last;  /* how often each was told */
	unsigned status;
	bool was_up;
};

struct call {
	struct sim *sim;
	enum plan plan;
	struct side caller, callee;
	struct timer start, act, hang_up;
	bool callee_hangs_up;
};

struct sim {
	struct world world;
	struct ua *alice, *bob;
	struct call calls[CALLS];
	unsigned incoming;
};

static const char *const SDP =
	"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

static struct side *side_of(void *arg, bool caller)
{
	struct call *call = arg;

	return caller ? &call->caller : &call->callee;
}

static void on_answered(void *arg, struct session *session, int leg, struct sip_message *message)
{
	struct side *side = side_of(arg, session_is_caller(session));

	(void)leg;
	(void)message;
	side->answered++;
	side->was_up = true;
}

static void on_failed(void *arg, struct session *session, const struct outcome *outcome)
{
	struct side *side = side_of(arg, session_is_caller(session));

	side->last++;
	side->status = outcome->status;
	side->session = NULL;
}

static void on_ended(void *arg, struct session *session, const struct outcome *outcome, bool by_peer,
		     struct sip_message *request)
{
	struct side *side = side_of(arg, session_is_caller(session));

	(void)outcome;
	(void)by_peer;
	(void)request;
	side->last++;
	side->session = NULL;
}

static unsigned on_offer(void *arg, struct session *session, int leg, const struct sip_message *message,
			 struct buf *answer)
{
	(void)arg;
	(void)session;
	(void)leg;
	(void)message;
	buf_add(answer, slice_of(SDP));
	return 0;
}

static bool on_answer(void *arg, struct session *session, int leg, const struct sip_message *message, bool final)
{
	(void)arg;
	(void)session;
	(void)leg;
	(void)final;
	return message->body.n > 0;
}

static void on_make_offer(void *arg, struct session *session, int leg, struct buf *offer)
{
	(void)arg;
	(void)leg;
	(void)session;
	buf_add(offer, slice_of(SDP));
}

static const struct session_handlers handlers = {
	.answered = on_answered,
	.failed = on_failed,
	.ended = on_ended,
	.offer = on_offer,
	.answer = on_answer,
	.make_offer = on_make_offer,
};

static int64_t some_seconds(struct sim *sim, uint32_t most)
{
	return random_below(&sim->world.random, most * 1000) * MS_US;
}

static void hang_up_now(void *arg)
{
	struct call *call = arg;
	bool callee = call->callee_hangs_up && call->callee.session && call->plan != PLAN_CALLER_CANCELS;
	struct side *side = callee ? &call->callee : &call->caller;

	if (side->session)
		session_hangup(side->session, SLICE(""));
}

static void callee_acts(void *arg)
{
	struct call *call = arg;
	struct session *session = call->callee.session;

	if (!session || session_state(session) >= SESSION_CONFIRMED)
		return;
	enum err err = call->plan == PLAN_REJECT ? session_reject(session, 486, SLICE(""), SLICE(""))
						 : session_answer(session);
	assert_true(err == ERR_NONE || err == ERR_STATE);
}

static void caller_reinvites(void *arg)
{
	struct call *call = arg;

	if (call->caller.session && session_state(call->caller.session) == SESSION_CONFIRMED)
		assert_true(session_reinvite(call->caller.session, slice_of(SDP)) != ERR_INTERNAL);
}

static void bob_rings(void *arg, struct session *session, struct sip_message *invite, const struct sip_source *source)
{
	struct sim *sim = arg;
	struct slice number = sip_message_value(invite, SIP_HEADER_SUBJECT);
	uint32_t index = 0;

	(void)source;
	assert_true(slice_to_u32(number, &index) && index < CALLS);
	struct call *call = &sim->calls[index];
	assert_null(call->callee.session); /* one INVITE, one session, however often it arrives */
	sim->incoming++;
	call->callee.session = session;
	struct session_handlers mine = handlers;
	mine.arg = call;
	session_set_handlers(session, &mine);
	assert_int_equal(session_progress(session, 180, SLICE("")), ERR_NONE);
	/* The answer goes early, reliably where the seed says so; the 200 waits for its PRACK. */
	if (call->plan == PLAN_EARLY)
		assert_int_equal(session_progress(session, 183, slice_of(SDP)), ERR_NONE);
	if (call->plan != PLAN_NOBODY_ANSWERS && call->plan != PLAN_CALLER_CANCELS)
		timer_start(&sim->world.timers, &call->act, some_seconds(sim, 5), callee_acts, call);
}

static void dial(void *arg)
{
	struct call *call = arg;
	struct sim *sim = call->sim;
	static const struct identity alice = { .uri = "sip:alice@192.0.2.1" };
	char number[16];
	enum err err;

	snprintf(number, sizeof number, "%d", (int)(call - sim->calls));
	struct extra_header subject = { SLICE("Subject"), slice_of(number) };
	struct call_config config = {
		.identity = &alice,
		.target = SLICE("sip:bob@192.0.2.2"),
		.offer = slice_of(SDP),
		.extra = &subject,
		.extra_count = 1,
		.timeout_us = 60 * SECOND_US,
		.handlers = handlers,
	};
	config.handlers.arg = call;
	call->caller.session = session_call(sim->alice, &config, &err);
	assert_non_null(call->caller.session);
	if (call->plan == PLAN_CALLER_CANCELS)
		timer_start(&sim->world.timers, &call->hang_up, some_seconds(sim, 4), hang_up_now, call);
	else if (call->plan != PLAN_NOBODY_ANSWERS)
		timer_start(&sim->world.timers, &call->hang_up, 20 * SECOND_US + some_seconds(sim, 150), hang_up_now,
			    call);
}

/* Both change the session at the same time: they meet, and both come to their end. */
static void both_update(void *arg)
{
	struct call *call = arg;
	struct session *sides[] = { call->caller.session, call->callee.session };

	for (size_t i = 0; i < ARRAY_LEN(sides); i++)
		if (sides[i] && session_state(sides[i]) == SESSION_CONFIRMED) {
			enum err err = random_below(&call->sim->world.random, 2) ? session_update(sides[i], true)
									      : session_reoffer(sides[i]);
			assert_true(err == ERR_NONE || err == ERR_UNSUPPORTED);
		}
}

static struct timer *reinvite_timers(void)
{
	static struct timer timers[CALLS];

	return timers;
}

static void sweep(void *arg)
{
	struct sim *sim = arg;

	ua_sweep(sim->alice);
	ua_sweep(sim->bob);
}

static void build(struct sim *sim, uint64_t seed)
{
	struct world *world = &sim->world;

	memset(sim, 0, sizeof *sim);
	world_init(world, seed);
	world->loss_percent = (unsigned)(seed % 4) * 10;
	world->double_percent = seed % 3 ? 5 : 0;
	world->delay_min_us = 1000;
	world->delay_max_us = 1000 + (uint32_t)(seed % 5) * 60000;
	struct ua_handlers alice_handlers = { .arg = sim }, bob_handlers = { .incoming = bob_rings, .arg = sim };
	sim->alice = ua_new(&world->hosts[0].sip, &alice_handlers);
	sim->bob = ua_new(&world->hosts[1].sip, &bob_handlers);
	world->hosts[0].transport = transactions_transport(ua_transactions(sim->alice));
	world->hosts[1].transport = transactions_transport(ua_transactions(sim->bob));
	ua_settings(sim->bob)->max_sessions = 4 * CALLS; /* all come from one host: it may hold a quarter ringing */
	ua_settings(sim->bob)->ring_timeout_us = 100 * SECOND_US; /* the caller gives up first, if it is heard */
	ua_settings(sim->alice)->session = ua_settings(sim->bob)->session =
		(struct session_options){ .reliable = (enum reliable_mode)(seed % 3),
					  .timer = (enum timer_mode)(seed / 3 % 4),
					  .expires_s = 90 };
	memset(reinvite_timers(), 0, CALLS * sizeof(struct timer));
	for (int i = 0; i < CALLS; i++) {
		struct call *call = &sim->calls[i];
		call->sim = sim;
		call->plan = (enum plan)random_below(&world->random, PLANS);
		call->callee_hangs_up = random_below(&world->random, 2);
		timer_start(&world->timers, &call->start, some_seconds(sim, 10), dial, call);
		if (call->plan == PLAN_REINVITE)
			timer_start(&world->timers, &reinvite_timers()[i], 18 * SECOND_US, caller_reinvites, call);
		if (call->plan == PLAN_UPDATE || call->plan == PLAN_EARLY)
			timer_start(&world->timers, &reinvite_timers()[i], 18 * SECOND_US, both_update, call);
	}
}

static void check_call(const struct sim *sim, const struct call *call)
{
	const struct side *caller = &call->caller, *callee = &call->callee;

	assert_int_equal(caller->last, 1);
	assert_null(caller->session);
	assert_null(callee->session);
	assert_true(caller->answered <= 1 && callee->answered <= 1 && callee->last <= 1);
	/* The caller cannot have heard a 200 that the callee never sent. */
	assert_true(callee->was_up || !caller->was_up);
	if (sim->world.loss_percent)
		return;
	/* On a network that loses nothing the plan comes true. */
	assert_int_equal(callee->last, 1);
	switch (call->plan) {
	case PLAN_ANSWER:
	case PLAN_REINVITE:
	case PLAN_UPDATE:
	case PLAN_EARLY:
		assert_true(caller->was_up && callee->was_up);
		break;
	case PLAN_REJECT:
		assert_int_equal(caller->status, 486);
		break;
	default:
		assert_false(caller->was_up);
		assert_int_equal(caller->status, 487);
		break;
	}
}

static void run(uint64_t seed)
{
	struct sim *sim = calloc(1, sizeof *sim);

	build(sim, seed);
	world_pass(&sim->world, 400 * SECOND_US, sweep, sim);
	sweep(sim);
	for (int i = 0; i < CALLS; i++)
		check_call(sim, &sim->calls[i]);
	assert_int_equal(transactions_count(ua_transactions(sim->alice)), 0);
	assert_int_equal(transactions_count(ua_transactions(sim->bob)), 0);
	assert_true(sim->world.arrived > CALLS);
	ua_free(sim->alice);
	ua_free(sim->bob);
	sim->world.hosts[0].transport = sim->world.hosts[1].transport = NULL;
	world_fini(&sim->world);
	free(sim);
}

static uint64_t only_seed;

static void every_call_ends_once(void **state)
{
	(void)state;
	for (uint64_t seed = only_seed ? only_seed : 1; seed <= (only_seed ? only_seed : SEEDS); seed++) {
		print_message("# seed %llu\n", (unsigned long long)seed);
		run(seed);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_ends_once),
	};

	if (argc > 1)
		only_seed = strtoull(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
