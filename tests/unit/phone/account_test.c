/* Accounts against a registrar that is scripted here, over loopback UDP. */
#include "tests/unit/phone/phone_fixture.h"

/* What the registrar does with the next REGISTER. */
struct registrar {
	int fd;
	struct address address;
	const char *status; /* "200 OK" */
	bool challenge;     /* 401 while there is no Authorization */
	bool routes;        /* a Service-Route that names it */
	bool late;          /* no answer as long as this is set */
	unsigned requests, challenged;
	char last[4096], option[128];
};

static struct slice header(const char *message, const char *name)
{
	struct slice rest = slice_of(message);

	while (rest.n) {
		struct slice value = slice_cut(&rest, '\n'), key = slice_cut(&value, ':');
		if (slice_ieq(key, slice_of(name)))
			return slice_trim(value);
	}
	return (struct slice){ 0 };
}

static void answer_message(struct registrar *r, const struct sockaddr_storage *to, socklen_t size)
{
	char text[8192];
	int length = snprintf(text, sizeof text,
			      "SIP/2.0 200 OK\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s;tag=r\r\nCall-ID: %.*s\r\n"
			      "CSeq: %.*s\r\nContent-Length: 0\r\n\r\n",
			      SLICE_ARG(header(r->last, "Via")), SLICE_ARG(header(r->last, "From")),
			      SLICE_ARG(header(r->last, "To")), SLICE_ARG(header(r->last, "Call-ID")),
			      SLICE_ARG(header(r->last, "CSeq")));

	assert_int_equal(sendto(r->fd, text, (size_t)length, 0, (const struct sockaddr *)to, size), length);
}

static void answer(void *arg, int events)
{
	struct registrar *r = arg;
	struct sockaddr_storage from;
	socklen_t size = sizeof from;
	char text[8192], where[ADDRESS_TEXT], route[128] = "";

	(void)events;
	ssize_t n = recvfrom(r->fd, r->last, sizeof r->last - 1, 0, (struct sockaddr *)&from, &size);
	if (n <= 0)
		return;
	r->last[n] = '\0';
	if (!strncmp(r->last, "MESSAGE ", 8))
		answer_message(r, &from, size);
	if (strncmp(r->last, "REGISTER ", 9) != 0)
		return;
	r->requests++;
	if (r->late)
		return;
	if (r->routes)
		snprintf(route, sizeof route, "Service-Route: <sip:%s;lr>\r\n", address_print(&r->address, where));
	struct slice contact = header(r->last, "Contact");
	contact = slice_sub(contact, 0, slice_find(contact, '>') + 1);
	bool refuse = r->challenge && !header(r->last, "Authorization").p;
	r->challenged += refuse;
	int length = snprintf(text, sizeof text,
			      "SIP/2.0 %s\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s;tag=r\r\nCall-ID: %.*s\r\nCSeq: "
			      "%.*s\r\nContact: %.*s;expires=%s\r\n%s%s"
			      "Content-Length: 0\r\n\r\n",
			      refuse ? "401 Unauthorized" : r->status, SLICE_ARG(header(r->last, "Via")),
			      SLICE_ARG(header(r->last, "From")), SLICE_ARG(header(r->last, "To")),
			      SLICE_ARG(header(r->last, "Call-ID")), SLICE_ARG(header(r->last, "CSeq")),
			      SLICE_ARG(contact), strstr(r->last, "Expires: 0\r\n") ? "0" : "600",
			      refuse ? "WWW-Authenticate: Digest realm=\"test\", nonce=\"abc\", algorithm=MD5\r\n" : "",
			      route);
	assert_int_equal(sendto(r->fd, text, (size_t)length, 0, (struct sockaddr *)&from, size), length);
}

/* Lives until the teardown, which still needs its answers. */
static struct registrar *registrar_new(struct world *world)
{
	struct registrar *r = calloc(1, sizeof *r);
	socklen_t size = sizeof r->address.u;

	r->status = "200 OK";
	assert_true(address_parse(&r->address, SLICE("127.0.0.1:0"), 0));
	r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(r->fd >= 0);
	assert_int_equal(bind(r->fd, &r->address.u.any, address_len(&r->address)), 0);
	assert_int_equal(getsockname(r->fd, &r->address.u.any, &size), 0);
	world->kept[world->watch_count] = r;
	world->fds[world->watch_count] = r->fd;
	world->watches[world->watch_count++] = loop_watch(world->loop, r->fd, LOOP_READ, answer, r);
	return r;
}

static const char *registrar_option(struct registrar *r)
{
	char text[ADDRESS_TEXT];

	snprintf(r->option, sizeof r->option, "registrar=sip:%s", address_print(&r->address, text));
	return r->option;
}

static void added_registered_and_removed(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *r = registrar_new(world);
	struct failure failure;
	struct account_view view;
	const char *const options[] = { registrar_option(r), "name=work", NULL };

	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	const struct event *event = await(world, phone, EVENT_REGISTERED);
	assert_string_equal(event_value(event, "account"), "work");
	assert_string_equal(event_value(event, "expires"), "600");
	assert_true(phone_view_account(phone, SLICE("work"), &view));
	assert_string_equal(view.state, "registered");
	assert_true(view.is_default);
	assert_true(view.expires_left_s > 500);
	assert_true(phone_view_account(phone, SLICE("sip:alice@atlanta.com"), &view));
	char *text = text_of(phone, 0, "account.state");
	assert_string_equal(text, "registered");
	free(text);
	assert_true(phone_unregister(phone, SLICE("work"), false, &failure));
	await(world, phone, EVENT_UNREGISTERED);
	assert_non_null(strstr(r->last, "Expires: 0\r\n"));
}

static struct registrar *first_registrar(struct world *world)
{
	return world->kept[0];
}

static bool asked_in_vain(struct world *world)
{
	return first_registrar(world)->requests > 0;
}

static bool removed_after_all(struct world *world)
{
	return strstr(first_registrar(world)->last, "Expires: 0\r\n") &&
	       !phone_account_under_way(world->phones[0], "work");
}

/* Behind a REGISTER that nobody answers, `unregister` is told after 2 s; a late answer is taken back: no news. */
static void unregistering_waits_for_no_dead_registrar(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *r = registrar_new(world);
	struct timers own, *before = phone->timers;
	struct failure failure;
	struct account_view view;
	const char *const options[] = { registrar_option(r), "name=work", NULL };

	r->late = true;
	timers_init(&own, 1000000000);
	must(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure), &failure);
	assert_true(world_run(world, asked_in_vain, 10 * SECOND_US));
	phone->timers = &own;
	must(phone_unregister(phone, SLICE("work"), false, &failure), &failure);
	timers_advance(&own, 2 * SECOND_US - 1);
	assert_int_equal(events_last(phone_events(phone)), 0);
	timers_advance(&own, 1);
	struct buf line;
	buf_init(&line, 400);
	event_sentence(await(world, phone, EVENT_UNREGISTERED), &line);
	assert_string_equal(buf_text(&line), "work: no longer registered: the registrar has not answered so far; "
					     "should it yet, our binding is removed at once");
	buf_fini(&line);
	assert_true(phone_view_account(phone, SLICE("work"), &view));
	assert_string_equal(view.state, "unregistered");
	phone->timers = before;
	r->late = false; /* it answers what is sent again */
	assert_true(world_run(world, removed_after_all, 10 * SECOND_US));
	assert_int_equal(events_last(phone_events(phone)), 1);
	timers_fini(&own);
}

/* A removal that the registrar refuses is no removal. */
static void a_refused_removal_is_told(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *r = registrar_new(world);
	struct failure failure;
	struct account_view view;
	const char *const options[] = { registrar_option(r), "name=work", NULL };

	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	await(world, phone, EVENT_REGISTERED);
	r->status = "403 Forbidden";
	assert_true(phone_unregister(phone, SLICE("work"), false, &failure));
	const struct event *event = await(world, phone, EVENT_REGISTER_FAILED);
	assert_string_equal(event_value(event, "code"), "403");
	assert_string_equal(event_value(event, "removal"), "yes");
	struct buf line;
	buf_init(&line, 400);
	event_sentence(event, &line);
	assert_string_equal(buf_text(&line), "work: could not be unregistered: 403 Forbidden (refused); given up: "
					     "`why` says what to do");
	buf_fini(&line);
	assert_true(phone_view_account(phone, SLICE("work"), &view));
	assert_string_equal(view.state, "failed");
	assert_true(view.removal_failed && view.expires_left_s > 500);
	r->status = "200 OK";
	assert_true(phone_unregister(phone, SLICE("work"), false, &failure));
	await(world, phone, EVENT_UNREGISTERED);
	assert_true(phone_view_account(phone, SLICE("work"), &view));
	assert_false(view.removal_failed);
}

/* What was registered goes at the end, also after a refresh that failed. */
static void a_binding_is_removed_after_a_failed_refresh(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *r = registrar_new(world);
	struct failure failure;
	const char *const options[] = { registrar_option(r), "name=work", NULL };

	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	await(world, phone, EVENT_REGISTERED);
	r->status = "503 Service Unavailable";
	assert_true(phone_register(phone, SLICE("work"), &failure));
	await(world, phone, EVENT_REGISTER_FAILED);
	r->status = "200 OK";
	phone_shut_down(phone);
	await(world, phone, EVENT_UNREGISTERED);
	assert_non_null(strstr(r->last, "Expires: 0\r\n"));
}

/* Whatever code refuses a registration: the event and `why` say the same about it, and what it means. */
static void every_refusal_is_explained(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *r = registrar_new(world);
	struct failure failure;
	struct buf out;
	char status[64];
	const char *const options[] = { registrar_option(r), "name=work", NULL };

	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	await(world, phone, EVENT_REGISTERED);
	for (unsigned code = 400; code < 700; code++) {
		/* Challenges have tests of their own. */
		if (!sip_status_known(code) || code == 401 || code == 407)
			continue;
		snprintf(status, sizeof status, "%u No", code);
		r->status = status;
		assert_true(phone_register(phone, SLICE("work"), &failure));
		const struct event *event = await(world, phone, EVENT_REGISTER_FAILED);
		const char *why = event_value(event, "why");
		assert_int_equal(strtoul(event_value(event, "code"), NULL, 10), code);
		assert_non_null(why);
		assert_non_null(strstr(why, sip_status_sentence(code)));
		buf_init(&out, 65536);
		assert_true(phone_why(phone, SLICE("work"), &out, &failure));
		assert_non_null(strstr(buf_text(&out), why));
		buf_fini(&out);
	}
	r->status = "200 OK";
	assert_true(phone_register(phone, SLICE("work"), &failure));
	await(world, phone, EVENT_REGISTERED);
}

static void a_challenge_without_password(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *r = registrar_new(world);
	struct failure failure;
	struct account_view view;
	struct buf out;
	const char *const options[] = { registrar_option(r), NULL };

	r->challenge = true;
	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	const struct event *event = await(world, phone, EVENT_REGISTER_FAILED);
	assert_string_equal(event_value(event, "cause"), "auth");
	assert_string_equal(event_value(event, "retry"), "0");
	assert_non_null(strstr(event_value(event, "reason"), "no password"));
	assert_true(phone_view_account(phone, (struct slice){ 0 }, &view));
	assert_true(view.needs_password);
	buf_init(&out, 4096);
	assert_true(phone_why(phone, SLICE("alice@atlanta.com"), &out, &failure));
	assert_non_null(strstr(buf_text(&out), "password-command"));
	buf_fini(&out);
	/* Typed at the prompt it goes on at once. */
	assert_true(phone_account_password(phone, SLICE("alice@atlanta.com"), SLICE("secret"), &failure));
	await(world, phone, EVENT_REGISTERED);
	assert_non_null(strstr(r->last, "username=\"alice\""));
	assert_null(strstr(r->last, "secret"));
}

static void a_password_command(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *r = registrar_new(world);
	struct failure failure;
	const char *const options[] = { registrar_option(r), "auth-user=al",
					"password-command=printf 'hush\\nsecond line\\n'", NULL };

	r->challenge = true;
	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	await(world, phone, EVENT_REGISTERED);
	assert_string_equal(account_find(phone, SLICE("alice@atlanta.com"))->password, "hush");
	assert_non_null(strstr(r->last, "username=\"al\""));
	const char *const broken[] = { "password-command=exit 3", NULL };
	assert_true(phone_account_set(phone, SLICE("alice@atlanta.com"), broken, &failure));
	const struct event *event = await(world, phone, EVENT_REGISTER_FAILED);
	assert_non_null(strstr(event_value(event, "reason"), "status 3"));
	assert_false(phone_account_under_way(phone, "alice@atlanta.com"));
}

static void refused_for_good(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *r = registrar_new(world);
	struct failure failure;
	const char *const options[] = { registrar_option(r), NULL };

	r->status = "403 Forbidden";
	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	const struct event *event = await(world, phone, EVENT_REGISTER_FAILED);
	assert_string_equal(event_value(event, "code"), "403");
	assert_string_equal(event_value(event, "cause"), "refused");
	assert_string_equal(event_value(event, "retry"), "0");
}

static void a_new_registrar_and_the_old_one(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *first = registrar_new(world), *second = registrar_new(world);
	struct failure failure;
	const char *const options[] = { registrar_option(first), NULL };

	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	await(world, phone, EVENT_REGISTERED);
	const char *const moved[] = { registrar_option(second), NULL };
	assert_true(phone_account_set(phone, SLICE("alice@atlanta.com"), moved, &failure));
	await(world, phone, EVENT_REGISTERED);
	assert_int_equal(second->requests, 1);
	/* The binding at the old one is removed. */
	assert_true(world_run(world, world_quiet, 5 * SECOND_US));
	assert_int_equal(first->requests, 2);
	assert_non_null(strstr(first->last, "Expires: 0\r\n"));
}

/* Does what we say now to somebody behind `r` go by a Route? */
static bool says_by_route(struct world *world, struct phone *phone, struct registrar *r)
{
	char uri[ADDRESS_TEXT + 16], text[ADDRESS_TEXT];
	struct failure failure;
	unsigned number;

	snprintf(uri, sizeof uri, "sip:bob@%s", address_print(&r->address, text));
	assert_true(phone_message(phone, slice_of(uri), SLICE("hello"), NULL, NULL, &number, &failure));
	await(world, phone, EVENT_MESSAGE_SENT);
	return header(r->last, "Route").p != NULL;
}

/* RFC 3608: it counts as long as the registration does, whatever ends that. */
static void a_service_route_ends_with_its_registration(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *first = registrar_new(world), *second = registrar_new(world);
	struct failure failure;
	const char *const options[] = { registrar_option(first), NULL };

	first->routes = true;
	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	await(world, phone, EVENT_REGISTERED);
	assert_true(says_by_route(world, phone, first));
	assert_true(phone_unregister(phone, SLICE("alice@atlanta.com"), false, &failure));
	await(world, phone, EVENT_UNREGISTERED);
	assert_false(says_by_route(world, phone, first));
	assert_true(phone_register(phone, SLICE("alice@atlanta.com"), &failure));
	await(world, phone, EVENT_REGISTERED);
	assert_true(says_by_route(world, phone, first));
	first->status = "403 Forbidden";
	assert_true(phone_register(phone, SLICE("alice@atlanta.com"), &failure));
	await(world, phone, EVENT_REGISTER_FAILED);
	assert_false(says_by_route(world, phone, first));
	first->status = "200 OK";
	assert_true(phone_register(phone, SLICE("alice@atlanta.com"), &failure));
	await(world, phone, EVENT_REGISTERED);
	const char *const moved[] = { registrar_option(second), NULL };
	assert_true(phone_account_set(phone, SLICE("alice@atlanta.com"), moved, &failure));
	await(world, phone, EVENT_REGISTERED);
	assert_true(world_run(world, world_quiet, 5 * SECOND_US));
	assert_false(says_by_route(world, phone, second));
}

static void options_are_checked(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct failure failure;
	static const struct {
		const char *address, *option;
	} bad[] = { { "alice", "registrar=none" },
		    { "sip:atlanta.com", "registrar=none" },
		    { "sips:alice@atlanta.com", "transport=udp" },
		    { "alice@atlanta.com", "color=blue" },
		    { "alice@atlanta.com", "transport=sctp" },
		    { "alice@atlanta.com", "expires=1s" },
		    { "alice@atlanta.com", "registrar=" },
		    { "alice@atlanta.com", "name=two words" },
		    { "alice@atlanta.com", "display=a\nb" },
		    { "alice@atlanta.com", "password" } };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *const options[] = { bad[i].option, NULL };
		if (phone_account_add(phone, slice_of(bad[i].address), options, &failure))
			fail_msg("%s %s was taken", bad[i].address, bad[i].option);
		assert_true(strlen(failure.text) > 10);
	}
	assert_int_equal(phone_accounts(phone, NULL, 0), 0);
	const char *const good[] = { "registrar=none", "name=work", NULL };
	assert_true(phone_account_add(phone, SLICE("alice@atlanta.com"), good, &failure));
	/* Said twice it is one account. */
	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), good, &failure));
	assert_int_equal(phone_accounts(phone, NULL, 0), 1);
	assert_false(phone_account_add(phone, SLICE("bob@biloxi.com"), good, &failure));
	assert_string_equal(failure.reason, "exists");
	assert_true(phone_account_remove(phone, SLICE("work"), &failure));
	assert_false(phone_register(phone, (struct slice){ 0 }, &failure));
	assert_string_equal(failure.reason, "no-account");
}

/* The name of the account that a request from this host is for; "" for none, "-" for one that may not ring. */
static const char *meant(struct phone *phone, const char *uri, const char *to, const char *host)
{
	struct sip_source source = { .protocol = SIP_UDP };
	struct sip_message *message;
	size_t used, offset;
	char text[512];

	snprintf(text, sizeof text,
		 "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:x@y>;tag=a\r\nTo: <%s>\r\n"
		 "Call-ID: a\r\nCSeq: 1 INVITE\r\n\r\n",
		 uri, to);
	assert_int_equal(sip_message_parse(slice_of(text), SIP_DATAGRAM, &message, &used, &offset), SCAN_OK);
	assert_true(address_parse_host(&source.remote, slice_of(host), 5060));
	bool knows = account_knows(phone, message, &source);
	const struct account *account = account_of_request(phone, message, &source);
	sip_message_unref(message);
	return !knows ? "-" : account ? account->name : "";
}

static void requests_find_their_account(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *r = registrar_new(world);
	struct failure failure;
	const char *const first[] = { "registrar=none", "name=first", NULL },
			  *const second[] = { "registrar=none", "name=second", NULL },
			  *const home[] = { registrar_option(r), "name=home", NULL },
			  *const same[] = { "display=A", NULL };

	assert_true(phone_account_add(phone, SLICE("sip:a+b@one.example"), first, &failure));
	assert_true(phone_account_add(phone, SLICE("sip:a%2Bb@two.example"), second, &failure));
	/* Whoever it is from: by the user, escaped or not, then by the To; of equals the one that was first. */
	assert_string_equal(meant(phone, "sip:a+b@h", "sip:x@h", "192.0.2.1"), "first");
	assert_string_equal(meant(phone, "sip:a%2bb@h", "sip:a+b@TWO.example", "192.0.2.1"), "second");
	assert_string_equal(meant(phone, "sip:A+b@h", "sip:a+b@two.example", "192.0.2.1"), "-");
	assert_true(phone_account_set(phone, SLICE("first"), same, &failure));
	assert_string_equal(meant(phone, "sip:a+b@h", "sip:x@h", "192.0.2.1"), "first");
	/* Of others the registrar alone knows whom it means. */
	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), home, &failure));
	assert_string_equal(meant(phone, "sip:x@h", "sip:x@h", "127.0.0.1"), "-");
	await(world, phone, EVENT_REGISTERED);
	assert_string_equal(meant(phone, "sip:x@h", "sip:x@h", "127.0.0.1"), "home");
	assert_string_equal(meant(phone, "sip:x@h", "sip:a+b@two.example", "127.0.0.1"), "second");
	assert_string_equal(meant(phone, "sip:x@h", "sip:x@h", "127.0.0.2"), "-");
	assert_true(phone_unregister(phone, SLICE("home"), false, &failure));
	await(world, phone, EVENT_UNREGISTERED);
	assert_string_equal(meant(phone, "sip:x@h", "sip:x@h", "127.0.0.1"), "-");
	assert_true(phone_account_remove(phone, SLICE("first"), &failure));
	assert_string_equal(meant(phone, "sip:a+b@h", "sip:x@h", "192.0.2.1"), "second");
}

static struct account *alice(const struct phone *phone)
{
	return account_find(phone, SLICE("alice@atlanta.com"));
}

/* What was to be asked of a proxy when its time had come is not asked of one that is named no more. */
static void a_proxy_that_is_gone_is_asked_nothing(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *dead = registrar_new(world), *second = registrar_new(world);
	struct failure failure;
	char proxies[2 * ADDRESS_TEXT + 32], a[ADDRESS_TEXT], b[ADDRESS_TEXT];

	dead->status = "503 Service Unavailable";
	snprintf(proxies, sizeof proxies, "proxy=%s %s", address_print(&dead->address, a),
		 address_print(&second->address, b));
	const char *const options[] = { registrar_option(second), proxies, NULL }, *const none[] = { "proxy=", NULL };
	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	await(world, phone, EVENT_REGISTER_FAILED);
	await(world, phone, EVENT_REGISTERED);
	assert_string_equal(account_proxy(alice(phone)), alice(phone)->proxies[1]);
	assert_true(timer_running(&alice(phone)->proxy_timer));
	must(phone_account_set(phone, SLICE("alice@atlanta.com"), none, &failure), &failure);
	assert_null(account_proxy(alice(phone)));
	assert_false(timer_running(&alice(phone)->proxy_timer));
	await(world, phone, EVENT_REGISTERED);
}

/* Of several options none counts when one of them is refused. */
static void half_a_command_changes_nothing(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *r = registrar_new(world);
	struct failure failure;
	const char *const options[] = { registrar_option(r), "name=work", NULL },
			  *const bad[] = { "user=bob", "name=home", "password=x", "media.codecs=PCMU", "expires=1s",
					   NULL };

	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	await(world, phone, EVENT_REGISTERED);
	assert_false(phone_account_set(phone, SLICE("work"), bad, &failure));
	assert_string_equal(failure.reason, "range");
	const struct account *account = account_find(phone, SLICE("work"));
	assert_non_null(account);
	assert_string_equal(account->uri, "sip:alice@atlanta.com");
	assert_null(account->password);
	assert_null(account_own_value(account, "media.codecs"));
	assert_null(account_find(phone, SLICE("home")));
	assert_int_equal(r->requests, 1);
}

/* What goes on knows the account by the name that it has now. */
static void an_account_is_renamed(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct failure failure;
	const char *published = NULL;
	const char *const options[] = { "registrar=none", "name=work", "call.max=1", NULL },
			  *const renamed[] = { "name=office", NULL };

	assert_true(phone_account_add(phone, SLICE("sip:alice@127.0.0.1"), options, &failure));
	must(phone_publish(phone, NULL, true, &published, &failure), &failure);
	struct call *call = call_new(phone, true);
	account_takes_call(call, account_find(phone, SLICE("work")));
	must(phone_account_set(phone, SLICE("work"), renamed, &failure), &failure);
	assert_string_equal(call->account_name, "office");
	assert_int_equal(settings_number(call_settings(call, "call.max"), "call.max"), 1);
	assert_true(account_is_full(account_find(phone, SLICE("office")), NULL));
	assert_true(phone_publish_under_way(phone, "office"));
	must(phone_publish(phone, "office", false, &published, &failure), &failure);
	phone->call_count--;
	call_free(call);
	assert_false(account_is_full(account_find(phone, SLICE("office")), NULL));
}

/* Whatever is said while a password command runs counts, not what it prints. */
static void a_password_command_that_is_not_waited_for(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct registrar *r = registrar_new(world);
	struct failure failure;
	/* It never ends by itself. */
	const char *const options[] = { registrar_option(r), "password-command=tail -f /dev/null", NULL },
			  *const typed[] = { "password=secret", NULL }, *const again[] = { "password=", NULL };

	r->challenge = true;
	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	assert_non_null(alice(phone)->child);
	assert_true(phone_account_under_way(phone, "alice@atlanta.com"));
	must(phone_account_set(phone, SLICE("alice@atlanta.com"), typed, &failure), &failure);
	assert_null(alice(phone)->child);
	await(world, phone, EVENT_REGISTERED);
	assert_string_equal(alice(phone)->password, "secret");
	must(phone_account_set(phone, SLICE("alice@atlanta.com"), again, &failure), &failure);
	assert_non_null(alice(phone)->child);
	must(phone_unregister(phone, SLICE("alice@atlanta.com"), false, &failure), &failure);
	assert_null(alice(phone)->child);
	assert_string_equal(account_state_now(alice(phone)), "unregistered");
	assert_false(phone_account_under_way(phone, "alice@atlanta.com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(added_registered_and_removed, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(unregistering_waits_for_no_dead_registrar, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_refused_removal_is_told, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_binding_is_removed_after_a_failed_refresh, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(every_refusal_is_explained, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_challenge_without_password, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_password_command, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_password_command_that_is_not_waited_for, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(a_proxy_that_is_gone_is_asked_nothing, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(half_a_command_changes_nothing, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(an_account_is_renamed, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(refused_for_good, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_new_registrar_and_the_old_one, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_service_route_ends_with_its_registration, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(options_are_checked, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(requests_find_their_account, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
