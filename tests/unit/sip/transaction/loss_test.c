/* Client and server transactions of two stacks with a network between them that loses datagrams. */
#include "tests/unit/sip/transaction/recorder.h"

struct pair {
	struct recorder *client, *server;
};

static int pair_setup(void **state)
{
	struct pair *pair = calloc(1, sizeof *pair);

	recorder_setup((void **)&pair->client);
	recorder_setup((void **)&pair->server);
	pair->server->net.local[SIP_UDP] = fake_address("192.0.2.2:5060");
	*state = pair;
	return 0;
}

static int pair_teardown(void **state)
{
	struct pair *pair = *state;

	recorder_teardown((void **)&pair->client);
	recorder_teardown((void **)&pair->server);
	free(pair);
	return 0;
}

/* Steps of 10 ms, which is also how long a datagram takes. */
static void run(struct pair *pair, int64_t us)
{
	for (; us > 0; us -= 10 * MS_US) {
		fake_net_pass(&pair->client->net, 10 * MS_US);
		fake_net_pass(&pair->server->net, 10 * MS_US);
		fake_net_deliver(&pair->client->net, &pair->server->net);
		fake_net_deliver(&pair->server->net, &pair->client->net);
	}
}

static void exchange(struct pair *pair, const char *method, unsigned cseq)
{
	struct sip_target target = fake_target("udp 192.0.2.2:5060");
	struct sip_draft *draft = draft_request(method);
	enum err err;

	sip_draft_set(draft, SIP_HEADER_CSEQ, "%u %s", cseq, method);
	pair->client->ct =
		transaction_start(pair->client->transactions, draft, &target, on_client, pair->client, &err);
	assert_non_null(pair->client->ct);
	sip_draft_free(draft);
	run(pair, 70 * SECOND_US);
}

static void with_loss(struct pair *pair, unsigned percent)
{
	pair->client->net.loss_percent = pair->server->net.loss_percent = percent;
}

static void a_request_is_handled_once_and_answered_once(void **state)
{
	struct pair *pair = *state;

	with_loss(pair, 25);
	pair->server->answer_at_once = 200;
	for (unsigned i = 1; i <= 30; i++) {
		exchange(pair, "OPTIONS", i);
		expect_log(pair->server, "OPTIONS gone");
		expect_log(pair->client, "200 gone");
	}
	assert_true(pair->client->net.lost_count > 0 && pair->server->net.lost_count > 0);
	assert_int_equal(transactions_count(pair->client->transactions), 0);
	assert_int_equal(transactions_count(pair->server->transactions), 0);
}

static void a_refused_invite_ends_cleanly_on_both_sides(void **state)
{
	struct pair *pair = *state;

	with_loss(pair, 25);
	pair->server->answer_at_once = 486;
	for (unsigned i = 1; i <= 30; i++) {
		exchange(pair, "INVITE", i);
		expect_log(pair->server, "INVITE gone");
		/* The 100 may be lost, or come after the 486 and count for nothing. */
		const char *log = pair->client->log;
		assert_true(!strcmp(log, "486 gone") || !strcmp(log, "100 486 gone"));
		pair->client->log[0] = '\0';
	}
	assert_true(pair->client->net.lost_count > 0 && pair->server->net.lost_count > 0);
	assert_int_equal(transactions_count(pair->client->transactions), 0);
	assert_int_equal(transactions_count(pair->server->transactions), 0);
}

static void when_all_is_lost_both_sides_give_up(void **state)
{
	struct pair *pair = *state;

	pair->server->net.loss_percent = 100;
	pair->server->answer_at_once = 486;
	exchange(pair, "INVITE", 1);
	expect_log(pair->client, "timeout gone:timeout");
	expect_log(pair->server, "INVITE gone:timeout");
	assert_int_equal(transactions_count(pair->server->transactions), 0);
}

int main(void)
{
#define PAIR(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		PAIR(a_request_is_handled_once_and_answered_once),
		PAIR(a_refused_invite_ends_cleanly_on_both_sides),
		PAIR(when_all_is_lost_both_sides_give_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
