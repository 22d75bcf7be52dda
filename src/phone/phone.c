#include "phone/phone.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/messages.h"
#include "phone/leftovers.h"
#include "phone/phone_internal.h"
#include "phone/store.h"
#include "phone/presence.h"
#include "phone/screening.h"
#include "phone/subscriptions.h"

#include <stdio.h>

enum { FAILURE_MAX = 4096, HURRY_AFTER_US = 1500000, QUIET_AFTER_US = 2000000, LOOK_BACK = 200 };
enum { STRANGERS_TOLD = 5, STRANGERS_WINDOW_US = 10000000 };

bool fail(struct failure *failure, enum exit_status status, const char *reason, const char *format, ...)
{
	va_list args;
	char raw[sizeof failure->text];
	struct buf text;

	va_start(args, format);
	vsnprintf(raw, sizeof raw, format, args);
	va_end(args);
	*failure = (struct failure){ .status = status };
	snprintf(failure->reason, sizeof failure->reason, "%s", reason);
	buf_init(&text, sizeof failure->text - 1);
	utf8_clean(&text, slice_of(raw), false);
	snprintf(failure->text, sizeof failure->text, "%s", buf_text(&text));
	buf_fini(&text);
	return false;
}

char *clean(struct slice text)
{
	return utf8_clean_dup(text);
}

char *clean_name(struct slice text)
{
	enum { NAME_BYTES = 256 };
	struct slice part = slice_sub(text, 0, NAME_BYTES);

	if (part.n == text.n)
		return clean(text);
	/* Not within a character. */
	while (part.n && ((unsigned char)text.p[part.n] & 0xc0) == 0x80)
		part.n--;
	char *begin = clean(part), *whole = xasprintf("%s...", begin);
	free(begin);
	return whole;
}

void phone_note_failure(struct phone *phone, const char *format, ...)
{
	va_list args;

	buf_clear(&phone->last_failure);
	phone->failure_us = 0;
	va_start(args, format);
	buf_vprintf(&phone->last_failure, format, args);
	va_end(args);
}

/* ---- the user agent's handlers ---- */

static void on_incoming(void *arg, struct session *session, struct sip_message *invite, const struct sip_source *source)
{
	calls_incoming(arg, session, invite, source);
}

static unsigned on_accept(void *arg, const struct sip_message *request, const struct sip_source *source)
{
	struct phone *phone = arg;

	if (phone->shutting_down)
		return 480;
	if (!account_knows(phone, request, source))
		return 404;
	/* As an INVITE would be answered (11.2), and before a call of it has cost anything. */
	if ((request->method == SIP_INVITE || request->method == SIP_OPTIONS) &&
	    media_is_full(phone, account_of_request(phone, request, source), &source->local))
		return 503;
	if (request->method != SIP_OPTIONS && screening_blocks(phone->screening, request, source))
		return request->method == SIP_INVITE ? 603 : 403;
	return 0;
}

static unsigned on_request(void *arg, struct server_transaction *st, struct sip_message *request,
			   const struct sip_source *source)
{
	struct phone *phone = arg;

	switch (request->method) {
	case SIP_MESSAGE:
		return messages_take(phone->messages, request, source);
	case SIP_REFER:
		return phone_take_refer(phone, st, request, source);
	case SIP_SUBSCRIBE:
		return presence_take(phone->presence, st, request, source);
	default:
		return subscriptions_stray(phone->subscriptions, request, source);
	}
}

static void on_capabilities(void *arg, struct buf *body, struct slice *type)
{
	struct phone *phone = arg;
	struct address local;

	if (!phone_local_for(phone, address_is_set(&phone->wire_remote) ? &phone->wire_remote : NULL, &local))
		return;
	media_capabilities(phone, &local, body);
	*type = SLICE("application/sdp");
}

/* ---- the wire ---- */

static void on_wire(void *arg, const struct sip_wire *wire)
{
	struct phone *phone = arg;

	trace_add(phone->trace, wire);
	if (!wire->sent)
		phone->wire_remote = wire->remote;
}

/* Whose message went there last: the failure belongs into that call's ladder. */
static struct slice last_call_id_to(const struct phone *phone, const struct address *remote)
{
	const struct trace_entry *entry = trace_latest(phone->trace);

	for (int i = 0; entry && i < LOOK_BACK; i++, entry = trace_before(phone->trace, entry))
		if (entry->kind == TRACE_MESSAGE && entry->sent && address_eq(&entry->remote, remote))
			return entry->call_id;
	return (struct slice){ 0 };
}

/* A call of ours that waits for its answer on this connection; NULL: none. */
static struct call *waiting_call(struct phone *phone, enum sip_protocol protocol, const struct address *remote)
{
	LIST_EACH(&phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		if (call->session && session_waits_on(call->session, protocol, remote))
			return call;
	}
	return NULL;
}

static void on_transport_opened(void *arg, const struct sip_target *target)
{
	struct phone *phone = arg;
	struct event *event = events_add(phone->events, EVENT_CONNECTION, 0);
	char text[ADDRESS_TEXT];

	event_text(event, "state", SLICE("opened"));
	event_text(event, "address", slice_of(address_print(&target->local, text)));
	event_text(event, "peer", slice_of(address_print(&target->address, text)));
}

/* Strangers connect and break off, or ask from ports that nobody listens on, as often as they like. @return false:
 * enough of them were told of for now */
static bool may_tell_stranger(struct phone *phone)
{
	int64_t now_us = phone->timers->now_us;

	if (now_us - phone->strangers_since_us >= STRANGERS_WINDOW_US) {
		phone->strangers_since_us = now_us;
		phone->strangers_told = 0;
	}
	return phone->strangers_told++ < STRANGERS_TOLD;
}

static void on_transport_failed(void *arg, enum sip_protocol protocol, const struct address *remote, uint64_t flow_id,
				enum err err)
{
	struct phone *phone = arg;
	/* One that was refused never was: no call has lost it. */
	struct call *call = flow_id && err != ERR_REFUSED ? waiting_call(phone, protocol, remote) : NULL;
	char text[ADDRESS_TEXT];

	/* A stream that its other end closed in order is no fault, but who rang by it may be gone. */
	if ((err == ERR_NONE || err == ERR_CLOSED) && !call)
		return;
	const struct transport *transport = transactions_transport(ua_transactions(phone->ua));
	if (!call && !transport_failed_was_ours(transport) && !may_tell_stranger(phone))
		return;
	struct slice why = transport_explanation(transport);
	if (!why.n)
		why = slice_of(err_text(err ? err : ERR_CLOSED));
	char *words = xasprintf("%.*s: %.*s", SLICE_ARG(sip_protocol_name(protocol)), SLICE_ARG(why));
	char *call_id = slice_dup(last_call_id_to(phone, remote));
	trace_note(phone->trace, TRACE_NOTE, protocol, remote, slice_of(call_id), slice_of(words));
	free(call_id);
	free(words);
	struct event *event =
		call ? call_event(call, EVENT_CONNECTION) : events_add(phone->events, EVENT_CONNECTION, 0);
	event_text(event, "state", SLICE("failed"));
	event_text(event, "peer", slice_of(address_print(remote, text)));
	event_text(event, "reason", why);
	if (call)
		call->lost_connection = true;
}

static void on_session_options(void *arg, const struct sip_message *invite, const struct sip_source *source,
			       struct session_options *options)
{
	*options = session_options_of(arg, account_of_request(arg, invite, source));
}

/* ---- the engine ---- */

static void on_engine(void *arg, int events)
{
	struct phone *phone = arg;
	struct engine_event event;

	(void)events;
	while (engine_next_event(phone->engine, &event)) {
		uintptr_t user = (uintptr_t)event.user;
		if (event.kind == ENGINE_CLOSED)
			net_rtp_release(phone->rtp_ports, &event.local);
		if (event.kind == ENGINE_DEVICE) {
			sound_engine_event(phone, &event);
		} else if (event.kind == ENGINE_BUSY) {
			sound_told_busy(phone, event.complexity);
		} else if (event.kind == ENGINE_PROBED) {
			sound_probed(phone, &event.probe);
		} else if (event.kind == ENGINE_PLAYED || event.kind == ENGINE_RECORDED) {
			files_engine_event(phone, &event);
		} else if (user >= ECHO_USER_BASE) {
			echo_engine_event(phone->echo, user, &event);
		} else {
			struct call *call = call_find(phone, (unsigned)user);
			if (call && !call->ended)
				calls_engine_event(call, &event);
		}
	}
}

struct engine *phone_engine(struct phone *phone)
{
	if (phone->engine)
		return phone->engine;
	phone->engine = engine_new(&phone->random, true);
	if (!phone->engine)
		return NULL;
	phone->engine_watch = loop_watch(phone->loop, engine_event_fd(phone->engine), LOOP_READ, on_engine, phone);
	phone_apply_jitter(phone);
	sound_apply_levels(phone);
	sound_apply_country(phone);
	for (int i = 0; i < ENGINE_DEVICES; i++)
		if (!phone->choosing[i])
			sound_apply(phone, (enum engine_device)i);
	devices_engine_made(phone);
	if (phone->muted_all)
		engine_mute(phone->engine, NULL, true);
	return phone->engine;
}

/* ---- life ---- */

struct phone *phone_new(const struct phone_config *config)
{
	struct phone *phone = xcalloc(1, sizeof *phone);

	phone->loop = config->loop;
	phone->timers = loop_timers(config->loop);
	phone->log = config->log;
	phone->config_dir = config->config_dir ? xstrdup(config->config_dir) : NULL;
	phone->saved_dir = config->saved_dir    ? xstrdup(config->saved_dir)
			   : config->config_dir ? xstrdup(config->config_dir)
						: NULL;
	phone->state_dir = config->state_dir ? xstrdup(config->state_dir) : NULL;
	phone->ephemeral_port = config->ephemeral_port;
	random_init(&phone->random);
	list_init(&phone->calls);
	list_init(&phone->ringing);
	list_init(&phone->ended);
	list_init(&phone->listings);
	list_init(&phone->accounts);
	list_init(&phone->retired);
	list_init(&phone->requests);
	list_init(&phone->transfers);
	list_init(&phone->referrals);
	map_init(&phone->by_number, &phone->random);
	map_init(&phone->accounts_by_name, &phone->random);
	map_init(&phone->accounts_by_address, &phone->random);
	map_init(&phone->accounts_by_user, &phone->random);
	map_init(&phone->accounts_by_server, &phone->random);
	map_init(&phone->by_id, &phone->random);
	map_init(&phone->calls_by_account, &phone->random);
	buf_init(&phone->last_failure, FAILURE_MAX);
	phone->events = events_new();
	phone->device_watch = device_watch_new(phone);
	phone->settings = settings_new(phone_setting_changed, phone);
	phone->contacts = contacts_new(phone->config_dir, phone->log);
	phone->store = store_new(phone->loop, phone->state_dir, phone->log);
	phone->leftovers = leftovers_new(phone->state_dir);
	phone->history = history_new(phone->store, (size_t)settings_number(phone->settings, "history.keep"));
	phone->trace = trace_new(phone->timers, (size_t)settings_number(phone->settings, "trace.keep"));
	phone->net = net_new(phone->loop, phone->log);
	phone->rtp_ports = net_ports_new();
	phone->ua = ua_new(&(struct sip_world){ .timers = phone->timers,
						.random = &phone->random,
						.log = phone->log,
						.ops = net_ops(),
						.net = phone->net },
			   &(struct ua_handlers){ .incoming = on_incoming,
						  .accept = on_accept,
						  .request = on_request,
						  .options = on_session_options,
						  .capabilities = on_capabilities,
						  .wire = on_wire,
						  .failed = on_transport_failed,
						  .opened = on_transport_opened,
						  .arg = phone });
	net_attach(phone->net, transactions_transport(ua_transactions(phone->ua)));
	phone->messages = messages_new(phone);
	phone->subscriptions = subscriptions_new(phone);
	phone->presence = presence_new(phone);
	phone->screening = screening_new(phone);
	ua_settings(phone->ua)->events = "presence, dialog";
	phone->echo = echo_new(phone);
	phone_apply_sip(phone);
	return phone;
}

void phone_free(struct phone *phone)
{
	if (!phone)
		return;
	timer_stop(phone->timers, &phone->hurry);
	timer_stop(phone->timers, &phone->resumed);
	timer_stop(phone->timers, &phone->spare_timer);
	requests_free(phone);
	messages_free(phone->messages);
	transfers_free(phone);
	referrals_free(phone);
	presence_free(phone->presence);
	screening_free(phone->screening);
	subscriptions_free(phone->subscriptions);
	sound_free(phone);
	device_watch_free(phone->device_watch);
	accounts_free(phone);
	calls_free(phone);
	timer_stop(phone->timers, &phone->sampling_timer);
	echo_free(phone->echo);
	net_attach(phone->net, NULL);
	ua_free(phone->ua);
	net_free(phone->net);
	loop_unwatch(phone->engine_watch);
	if (phone->engine)
		engine_free(phone->engine);
	net_ports_free(phone->rtp_ports);
	trace_free(phone->trace);
	history_free(phone->history);
	store_free(phone->store);
	leftovers_free(phone->leftovers);
	contacts_free(phone->contacts);
	settings_free(phone->settings);
	events_free(phone->events);
	free(phone->redirected_to);
	buf_fini(&phone->last_failure);
	map_fini(&phone->by_number);
	map_fini(&phone->accounts_by_name);
	map_fini(&phone->accounts_by_address);
	map_fini(&phone->accounts_by_user);
	map_fini(&phone->accounts_by_server);
	map_fini(&phone->by_id);
	map_fini(&phone->calls_by_account);
	free(phone->config_dir);
	free(phone->saved_dir);
	free(phone->state_dir);
	phone_instance_free(phone);
	free(phone);
}

static void last_turn(void *arg)
{
	(void)arg; /* phone_is_quiet() is asked again */
}

static void hurry(void *arg)
{
	struct phone *phone = arg;

	ua_hurry(phone->ua);
	timer_start(phone->timers, &phone->hurry, QUIET_AFTER_US - HURRY_AFTER_US, last_turn, phone);
}

void phone_shut_down(struct phone *phone)
{
	if (phone->shutting_down)
		return;
	phone->shutting_down = true;
	phone->shut_down_us = phone->timers->now_us;
	presence_shut_down(phone->presence);
	subscriptions_shut_down(phone->subscriptions);
	calls_shut_down(phone);
	accounts_shut_down(phone);
	timer_start(phone->timers, &phone->hurry, HURRY_AFTER_US, hurry, phone);
}

bool phone_is_quiet(const struct phone *phone)
{
	if (phone->shutting_down && phone->timers->now_us - phone->shut_down_us >= QUIET_AFTER_US)
		return true;
	return list_empty(&phone->calls) && accounts_quiet(phone) && !messages_wait(phone->messages) &&
	       presence_quiet(phone->presence) && subscriptions_quiet(phone->subscriptions) &&
	       ua_is_quiet(phone->ua) && !(phone->engine && engine_is_writing(phone->engine, NULL));
}

static void tell_watcher(struct phone *phone)
{
	uint64_t last = trace_last_number(phone->trace);

	if (phone->watched == last)
		return;
	for (const struct trace_entry *entry = phone->trace_on && phone->watch ? trace_first(phone->trace) : NULL;
	     entry; entry = trace_next(phone->trace, entry)) {
		struct buf line, text;
		if (entry->number <= phone->watched)
			continue;
		buf_init(&line, 2048);
		buf_init(&text, 2 * SIP_MESSAGE_MAX);
		trace_heading(entry, &line);
		trace_message(entry, settings_on(phone->settings, "trace.redact"), &text);
		phone->watch(phone->watch_arg, buf_text(&line), buf_text(&text));
		buf_fini(&line);
		buf_fini(&text);
	}
	phone->watched = last;
}

void phone_turn_end(struct phone *phone)
{
	struct failure failure;

	if (phone->start_wanted && !phone->started) {
		phone->start_wanted = false;
		if (phone_start(phone, &failure))
			accounts_moved(phone);
		else
			log_line(phone->log, LOG_ERROR, "%s", failure.text);
	}
	ua_sweep(phone->ua);
	echo_turn_end(phone->echo);
	accounts_turn_end(phone);
	calls_turn_end(phone);
	presence_turn_end(phone->presence);
	media_turn_end(phone);
	tell_watcher(phone);
}

void phone_log(const struct phone *phone, enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = xvasprintf(format, args);
	va_end(args);
	log_line(phone->log, level, "%s", text);
	free(text);
}

struct events *phone_events(struct phone *phone)
{
	return phone->events;
}

struct settings *phone_settings(struct phone *phone)
{
	return phone->settings;
}

void phone_trace_set(struct phone *phone, bool on)
{
	phone->trace_on = on;
	phone->watched = trace_last_number(phone->trace);
}

void phone_trace_watch(struct phone *phone, phone_trace_h *each, void *arg)
{
	phone->watch = each;
	phone->watch_arg = arg;
	phone->watched = trace_last_number(phone->trace);
}
