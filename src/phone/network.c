/* The network has changed: registrars and the peers of calls hear where we are now. */
#include "phone/phone_internal.h"
#include "phone/subscriptions.h"

/* ---- calls ---- */

/* The address that the sound of the call leaves from now: that of our listener, as when it began, while it exists.
 * @return false: as before, or there is no way */
static bool has_moved(struct call *call, struct address *local)
{
	const struct address *peer = &call->media.plan.config.rtp;
	struct address way;

	if (!call_is_up(call) || !call->session || !call->media.opened || !address_is_set(peer) ||
	    address_is_loopback(peer) || !net_route(peer, &way))
		return false;
	if (!phone_local_for(call->phone, peer, local) || !net_is_local(local))
		*local = way;
	return !address_same_host(local, &call->media.local);
}

/* New sockets there, and a re-INVITE that tells both the sound's place and ours (RFC 3261 12.2.1, 14.1). */
static void move(struct call *call, const struct address *local)
{
	struct failure failure = { 0 };
	enum err err = media_move(&call->media, local);

	if (err) {
		log_line(call->phone->log, LOG_WARNING, "call %u cannot follow to another address: %s", call->number,
			 err_text(err));
		return;
	}
	call->local = *local;
	session_forget_face(call->session);
	if (!call_offer_again(call, false, &failure))
		log_line(call->phone->log, LOG_WARNING, "call %u: %s", call->number, failure.text);
}

static void calls_follow(struct phone *phone)
{
	struct address local;

	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		if (!call->is_echo && has_moved(call, &local))
			move(call, &local);
	}
}

/* ---- after a sleep ---- */

/* Who knows whether the other side is there still? It may have hung up, or given us up (RFC 4028 10), while nothing
 * could reach us: a re-INVITE asks, and what it says ends a call that is none any more (RFC 5057 5.1). */
static void ask_peers(void *arg)
{
	struct phone *phone = arg;
	struct failure failure = { 0 };

	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		if (call->is_echo || !call_is_up(call) || !call->session)
			continue;
		if (!call_offer_again(call, false, &failure))
			log_line(phone->log, LOG_WARNING, "call %u: %s", call->number, failure.text);
	}
}

/* ---- all of it ---- */

static void on_change(void *arg, enum net_change change, const struct address *outside)
{
	static const char *const states[] = { "changed", "down", "resumed" };
	struct phone *phone = arg;
	char text[ADDRESS_TEXT];

	/* Who is reached from where we are known to be hears nothing of it. */
	if (change == NET_STIRRED && phone->shutting_down)
		return;
	if (change == NET_STIRRED) {
		accounts_follow(phone);
		calls_follow(phone);
		return;
	}
	struct event *event = events_add(phone->events, EVENT_NETWORK, 0);
	event_text(event, "state", slice_of(states[change]));
	if (address_is_set(outside))
		event_text(event, "address", slice_of(address_print_host(outside, false, text)));
	if (change == NET_DOWN || phone->shutting_down)
		return;
	/* Another network has other name servers, and may give other answers. */
	phone_apply_dns(phone);
	accounts_network_changed(phone);
	calls_follow(phone);
	/* Those whose time is up end first: their timers have been due for longer. */
	if (change == NET_RESUMED)
		timer_start(phone->timers, &phone->resumed, 0, ask_peers, phone);
	subscriptions_moved(phone->subscriptions);
}

void network_watch(struct phone *phone)
{
	net_watch_changes(phone->net, on_change, phone);
}
