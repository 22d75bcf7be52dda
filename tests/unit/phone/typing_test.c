/* That we type is told to whom we chat with (RFC 3994), between two whole phones. */
#include "phone_fixture.h"

static char *begin(struct world *world)
{
	struct failure failure;
	struct address bound;
	static char uri[160], text[ADDRESS_TEXT];

	for (int i = 0; i < 2; i++) {
		struct phone *phone = world_phone(world, i, false);
		must_set(phone, "call.accept", "any");
		assert_true(phone_start(phone, &failure));
	}
	assert_true(net_bound(world->phones[1]->net, 0, &bound, NULL));
	snprintf(uri, sizeof uri, "sip:bob@%s", address_print(&bound, text));
	return uri;
}

static void assert_told(struct world *world, const char *state)
{
	assert_string_equal(event_value(await(world, world->phones[1], EVENT_TYPING), "state"), state);
}

static void say(struct world *world, const char *uri)
{
	struct failure failure;
	unsigned number;

	if (!phone_message(world->phones[0], slice_of(uri), SLICE("hello"), NULL, NULL, &number, &failure))
		fail_msg("%s", failure.text);
	await(world, world->phones[1], EVENT_MESSAGE);
	await(world, world->phones[0], EVENT_MESSAGE_SENT);
}

static size_t count_typing(struct phone *phone)
{
	const struct event *event = NULL;
	size_t count = 0;

	while ((event = events_next(phone_events(phone), event ? event->number : 0)) != NULL)
		count += event->kind == EVENT_TYPING;
	return count;
}

/* Who stops at once is told of it too, though the first word may still be under way. */
static void it_begins_and_ends(void **state)
{
	struct world *world = *state;
	const char *uri = begin(world);
	struct phone *phone = world->phones[0];

	phone_typing(phone, slice_of(uri), true);
	phone_typing(phone, slice_of(uri), true);
	phone_typing(phone, slice_of(uri), false);
	assert_told(world, "active");
	assert_told(world, "idle");
	assert_int_equal(count_typing(world->phones[1]), 2);
}

/* A message says by itself that nobody types any more; with message.typing off nothing is said at all. */
static void a_message_ends_it(void **state)
{
	struct world *world = *state;
	const char *uri = begin(world);
	struct phone *phone = world->phones[0];

	phone_typing(phone, slice_of(uri), true);
	assert_told(world, "active");
	say(world, uri);
	phone_typing(phone, slice_of(uri), false);
	must_set(phone, "message.typing", "off");
	phone_typing(phone, slice_of(uri), true);
	say(world, uri);
	assert_true(world_run(world, world_quiet, 5 * SECOND_US));
	assert_int_equal(count_typing(world->phones[1]), 1);
	must_set(phone, "message.typing", "on");
	phone_typing(phone, slice_of(uri), true);
	assert_told(world, "active");
	assert_int_equal(count_typing(world->phones[1]), 2);
}

/* That somebody takes no such messages comes out while one writes to somebody else already. */
static void who_does_not_take_it_is_not_the_next_one(void **state)
{
	struct world *world = *state;
	const char *uri = begin(world);
	struct phone *phone = world->phones[0];
	struct address bound;
	char deaf[160], text[ADDRESS_TEXT];

	assert_true(net_bound(phone->net, 0, &bound, NULL));
	address_set_port(&bound, 1);
	snprintf(deaf, sizeof deaf, "sip:nobody@%s", address_print(&bound, text));
	phone_typing(phone, slice_of(deaf), true);
	phone_typing(phone, slice_of(uri), true);
	assert_told(world, "active");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_begins_and_ends, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_message_ends_it, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(who_does_not_take_it_is_not_the_next_one, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
