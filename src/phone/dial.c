/* Dialling: from a target to an INVITE, and on to where a 3xx points. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <stdio.h>

enum { OFFER_MAX = 2 * SDP_MAX, URI_TEXT_MAX = 2048 };

int extra_headers_read(const char *const *words, struct extra_header *extra, size_t max, struct failure *failure)
{
	size_t count = 0;

	for (; words && *words; words++) {
		struct slice value = slice_of(*words), name = slice_trim(slice_cut(&value, ':'));
		if (!value.p || !name.n) {
			fail(failure, STATUS_USAGE, "syntax", "header=%s: write Name:value", *words);
			return -1;
		}
		switch (sip_header_find(name)) {
		case SIP_HEADER_VIA:
		case SIP_HEADER_FROM:
		case SIP_HEADER_TO:
		case SIP_HEADER_CALL_ID:
		case SIP_HEADER_CSEQ:
		case SIP_HEADER_CONTACT:
		case SIP_HEADER_CONTENT_LENGTH:
		case SIP_HEADER_CONTENT_TYPE:
		case SIP_HEADER_MAX_FORWARDS:
		case SIP_HEADER_ROUTE:
		case SIP_HEADER_RECORD_ROUTE:
		case SIP_HEADER_AUTHORIZATION:
		case SIP_HEADER_PROXY_AUTHORIZATION:
			fail(failure, STATUS_USAGE, "header",
			     "%.*s is written by the phone itself and cannot be given by header=", SLICE_ARG(name));
			return -1;
		default:
			break;
		}
		if (count == max) {
			fail(failure, STATUS_USAGE, "too-many", "at most %zu header= are taken", max);
			return -1;
		}
		extra[count++] = (struct extra_header){ name, slice_trim(value) };
	}
	return (int)count;
}

/* ---- the INVITE ---- */

static void open_failed(struct call *call, enum err err)
{
	char *reason = err == ERR_NOT_FOUND     ? xasprintf("no codec '%s'", call_codecs(call) ? call_codecs(call) : "")
		       : err == ERR_UNSUPPORTED ? xasprintf("%s", call->phone->srtp_told && !call->phone->srtp_works
								     ? "libsrtp2 cannot be opened: is it installed?"
								     : "libsrtp can do none of media.encryption-suites")
						: xasprintf("no port for sound: %s; see media.ports", err_text(err));

	call_fail_locally(call, CAUSE_LOCAL, err, reason);
	free(reason);
}

/* Who calls; `nobody` and `identity` live in the caller. */
static void who_calls(struct call *call, char nobody[160], struct identity *identity)
{
	struct account *account = *call->account_name ? account_find(call->phone, slice_of(call->account_name)) : NULL;
	struct address loopback;

	if (call->is_echo && address_parse(&loopback, SLICE("127.0.0.1"), 0))
		identity_of(call->phone, NULL, &loopback, nobody, identity);
	else
		identity_of(call->phone, account, &call->local, nobody, identity);
	if (call->is_echo)
		identity->has_protocol = false;
	if (call->setup->display)
		identity->display = call->setup->display;
	identity->anonymous = call->setup->anonymous;
	/* In place of our own proxy one that a 305 named, or the next of our list. */
	if (call->setup->proxy) {
		call->setup->routes[0] = call->setup->proxy;
		identity->routes = call->setup->routes;
		identity->strange_routes = !call->setup->proxy_is_ours;
	}
	free(call->account_uri);
	call->account_uri = xstrdup(identity->uri);
}

static void invite(struct call *call)
{
	struct call_setup *setup = call->setup;
	struct extra_header extra[EXTRA_HEADERS_MAX];
	struct identity identity;
	struct failure ignored;
	struct buf offer;
	char nobody[160];
	enum err err = ERR_NONE;

	enum media_encryption encryption = encryption_of_call(call);
	if (encryption == MEDIA_ENCRYPTION_REQUIRED && !encryption_may_send_keys(call)) {
		call_fail_locally(call, CAUSE_LOCAL, ERR_UNSUPPORTED,
				  "encryption is required, but everybody on the way could read the keys; see "
				  "media.encryption-over-clear");
		return;
	}
	if (!call->media.opened &&
	    (err = media_open(&call->media, &call->local, call_codecs(call), encryption)) != ERR_NONE) {
		open_failed(call, err);
		return;
	}
	call->media.early = setup->early;
	int count = extra_headers_read((const char *const *)setup->headers, extra, EXTRA_HEADERS_MAX, &ignored);
	who_calls(call, nobody, &identity);
	buf_init(&offer, OFFER_MAX);
	if (!setup->no_sdp)
		media_offer(&call->media, &offer);
	struct session_options session =
		session_options_of(call->phone, account_find(call->phone, slice_of(call->account_name)));
	struct call_config config = { .identity = &identity,
				      .target = slice_of(setup->uri),
				      .offer = buf_slice(&offer),
				      .content_type = slice_of(setup->type),
				      .body = slice_of(setup->body),
				      .extra = extra,
				      .extra_count = count > 0 ? (size_t)count : 0,
				      .options = &session,
				      .thread = &setup->thread,
				      .timeout_us = setup->timeout_us,
				      .handlers = call_handlers(call) };
	call->session = session_call(call->phone->ua, &config, &err);
	buf_fini(&offer);
	if (!call->session) {
		call_fail_locally(call, err == ERR_NO_ROUTE || err == ERR_UNREACHABLE ? CAUSE_CONNECT : CAUSE_LOCAL,
				  err, err_text(err));
		return;
	}
	free(call->call_id);
	call->call_id = clean(session_call_id(call->session));
}

/* ---- which of our addresses the peer is reached from ---- */

static void located(void *arg, enum err err, const struct sip_target *targets, size_t count)
{
	struct call *call = arg;

	call->locating = NULL;
	call->private_signalling = !err && count;
	for (size_t i = 0; i < count; i++)
		call->private_signalling &= signalling_is_private(targets[i].protocol, &targets[i].address);
	/* What cannot be resolved, or has a transport that we lack, is told by the INVITE itself, with its cause. */
	if (err || !count || !phone_local_for(call->phone, &targets[0].address, &call->local))
		phone_local_for(call->phone, NULL, &call->local);
	invite(call);
}

/* The URI that the INVITE goes to first: the proxy of a 305, ours, the registrar's Service-Route, or the target. */
static struct slice first_uri(const struct account *account, const struct call_setup *setup)
{
	const char *route = setup->proxy ? setup->proxy : account ? account->routes[0] : NULL;
	struct sip_address address;

	if (!route)
		return slice_of(setup->uri);
	return *route == '<' && sip_address_parse(slice_of(route), &address, NULL) ? address.uri.text : slice_of(route);
}

/* As the request will find it (sip/ua/hop.h), for who can read keys there decides whether there are any. */
static enum err first_hop(const struct call *call, const struct account *account, struct sip_hop *hop)
{
	struct identity identity;
	char nobody[160];

	identity_of(call->phone, account, NULL, nobody, &identity);
	return sip_hop_read(first_uri(account, call->setup), slice_ibegins(slice_of(call->setup->uri), SLICE("sips:")),
			    identity.has_protocol ? &identity.protocol : NULL, hop);
}

static void locate(struct call *call, const struct account *account)
{
	struct phone *phone = call->phone;
	struct sip_target literal = { 0 };
	struct sip_hop hop;
	enum err err = first_hop(call, account, &hop);

	if (err == ERR_SYNTAX) {
		call_fail_locally(call, CAUSE_LOCAL, ERR_SYNTAX, "the address is not well formed");
	} else if (err) {
		located(call, err, NULL, 0);
	} else if (address_parse_host(&literal.address, slice_of(hop.host), 5060)) {
		literal.protocol = sip_hop_protocol(&hop);
		located(call, ERR_NONE, &literal, 1);
	} else {
		call->locating = net_ops()->locate(phone->net, &hop, located, call);
	}
}

/* ---- phone_call ---- */

static char **copy_words(const char *const *words)
{
	size_t count = 0;

	while (words && words[count])
		count++;
	char **copy = xcalloc(count + 1, sizeof *copy);
	for (size_t i = 0; i < count; i++)
		copy[i] = xstrdup(words[i]);
	return copy;
}

static struct call_setup *setup_new(const struct call_options *options, const struct target *target)
{
	struct call_setup *setup = xcalloc(1, sizeof *setup);

	setup->uri = xstrdup(target->uri);
	setup->display = options->display ? xstrdup(options->display) : NULL;
	setup->headers = copy_words(options->headers);
	setup->type = options->type ? xstrdup(options->type) : NULL;
	setup->body = options->body ? xstrdup(options->body) : NULL;
	setup->anonymous = options->anonymous;
	setup->no_sdp = options->no_sdp;
	setup->early = !options->early                    ? MEDIA_EARLY_ON
		       : !strcmp(options->early, "listen") ? MEDIA_EARLY_LISTEN
		       : !strcmp(options->early, "off")    ? MEDIA_EARLY_OFF
							   : MEDIA_EARLY_ON;
	setup->timeout_us = options->timeout_us;
	return setup;
}

/* call.max counts all calls, that of an account its own. */
static bool has_room(const struct phone *phone, const struct account *account, struct failure *failure)
{
	if (phone->call_count >= (size_t)settings_number(phone->settings, "call.max"))
		return fail(failure, STATUS_CALL, "too-many-calls",
			    "there are %zu calls already, as many as call.max allows", phone->call_count);
	return !account || !account_is_full(account, NULL) ||
	       fail(failure, STATUS_CALL, "too-many-calls", "%s has as many calls already as its call.max allows",
		    account->name);
}

static bool check_options(const struct call_options *options, struct failure *failure)
{
	struct extra_header extra[EXTRA_HEADERS_MAX];

	if (options->codec && !media_codec_exists(slice_of(options->codec)))
		return fail(failure, STATUS_USAGE, "no-such-codec", "there is no codec '%s': `codec` lists them",
			    options->codec);
	if (options->display && !utf8_valid(slice_of(options->display)))
		return fail(failure, STATUS_USAGE, "syntax", "display= is no UTF-8");
	if (extra_headers_read(options->headers, extra, EXTRA_HEADERS_MAX, failure) < 0 ||
	    !body_is_good(slice_of(options->type), slice_of(options->body), failure))
		return false;
	return true;
}

/* input= and output= count while this call lives. */
static bool use_devices(struct call *call, const struct call_options *options, struct failure *failure)
{
	const char *const names[] = { [ENGINE_INPUT] = options->input, [ENGINE_OUTPUT] = options->output };

	for (int i = ENGINE_INPUT; i <= ENGINE_OUTPUT; i++) {
		if (!names[i])
			continue;
		struct engine *engine = phone_engine(call->phone);
		enum err err = engine ? engine_use(engine, (enum engine_device)i, names[i]) : ERR_DESCRIPTORS;
		if (err)
			return fail(failure, STATUS_SOUND, err_name(err), "%s=%s cannot be used: %s",
				    i == ENGINE_INPUT ? "input" : "output", names[i], err_text(err));
		call->devices[i] = true;
	}
	return true;
}

static bool aim_at_echo(struct call *call, struct failure *failure)
{
	enum err err = ERR_NONE;
	uint16_t port = echo_port(call->phone->echo, &err);

	if (!port)
		return fail(failure, STATUS_NETWORK, err_name(err), "the echo test cannot listen on 127.0.0.1: %s",
			    err_text(err));
	phone_listen_on_loopback(call->phone);
	free(call->setup->uri);
	call->setup->uri = xasprintf("sip:echo@127.0.0.1:%u;transport=udp", port);
	call->is_echo = call->private_signalling = true;
	return address_parse(&call->local, SLICE("127.0.0.1"), 0);
}

static void forget(struct call *call)
{
	call_restore_devices(call);
	call->phone->call_count--;
	call->phone->last_call--;
	call_free(call);
}

bool phone_call(struct phone *phone, struct slice text, const struct call_options *options, unsigned *number,
		struct buf *dialled, struct failure *failure)
{
	static const struct call_options none = { 0 };
	struct account *account;
	struct target target;

	options = options ? options : &none;
	xreplace(&phone->redirected_to, NULL);
	if (phone->shutting_down)
		return fail(failure, STATUS_NETWORK, "shutting-down", "the phone is about to end");
	if (!account_for(phone, options->from, &account, failure) ||
	    !target_read(phone, text, account, &target, failure))
		return false;
	if (!check_options(options, failure) || !has_room(phone, account, failure) ||
	    !phone_needs_start(phone, failure)) {
		target_fini(&target);
		return false;
	}
	struct call *call = call_new(phone, false);
	struct slice display = slice_of(target.shown);
	call->setup = setup_new(options, &target);
	call->codec = options->codec ? xstrdup(options->codec) : NULL;
	call->encryption = options->encryption ? xstrdup(options->encryption) : NULL;
	call->record_to = options->record ? xstrdup(options->record) : NULL;
	bool good = use_devices(call, options, failure) && (!target.is_echo || aim_at_echo(call, failure));
	if (!good) {
		forget(call);
		target_fini(&target);
		return false;
	}
	call->target = slice_dup(slice_trim(text));
	call->digits = xstrdup(target.digits);
	display = slice_find(display, '<') < display.n ? slice_trim(slice_cut(&display, '<')) : (struct slice){ 0 };
	call_set_peer(call, target.is_echo ? SLICE("echo test") : display, slice_of(call->setup->uri));
	if (account && !call->is_echo)
		account_takes_call(call, account);
	if (dialled)
		buf_printf(dialled, "%s%s%s", target.shown, *target.digits ? ", then " : "", target.digits);
	target_fini(&target);
	call->instead_of = options->instead_of;
	calls_auto_hold(phone, call);
	calls_select(phone, call);
	*number = call->number;
	if (call->is_echo)
		invite(call);
	else
		locate(call, account);
	return true;
}

static void take_first(void *arg, const struct history_row *row)
{
	const struct history_row **first = arg;

	if (!*first && *row->uri)
		*first = row;
}

/* What was typed may carry digits for after the answer, and a contact may have moved since: it counts as long as it
 * means that contact or that address. Once it means another, the address does. */
static const char *word_or_address(struct phone *phone, const struct history_row *row)
{
	const struct account *account = *row->account ? account_find(phone, slice_of(row->account)) : NULL;
	struct contact_found kept;
	struct failure failure;
	struct target target;

	if (!*row->dialled || contacts_find(phone->contacts, slice_of(row->dialled), &kept))
		return history_target(row);
	if (!target_read(phone, slice_of(row->dialled), account ? account : phone->default_account, &target,
			 &failure))
		return row->uri;
	char *plain = peer_uri(slice_of(target.uri));
	bool same = target.is_echo || !strcmp(plain, row->uri);
	free(plain);
	target_fini(&target);
	return same ? row->dialled : row->uri;
}

bool phone_redial(struct phone *phone, unsigned entry, unsigned *call, struct buf *dialled, struct failure *failure)
{
	const struct history_row *row = entry ? history_find(phone->history, entry) : NULL;
	struct call_options options = { 0 };
	char *target = entry ? NULL : phone->redirected_to;

	if (entry && !row)
		return fail(failure, STATUS_CALL, "no-history", "there is no entry %u: `history` numbers them", entry);
	if (!entry)
		phone->redirected_to = NULL;
	if (!target && !row)
		history_each(phone->history, &(struct history_filter){ .kind = "out" }, take_first, &row);
	if (!target && !row)
		return fail(failure, STATUS_CALL, "no-history", "nobody was called yet");
	if (!target)
		target = xstrdup(word_or_address(phone, row));
	/* From the account that the call was from, which may not be the default any more. */
	char *from = row && account_find(phone, slice_of(row->account)) ? xstrdup(row->account) : NULL;
	options.from = from;
	bool good = phone_call(phone, slice_of(target), &options, call, dialled, failure);
	free(from);
	free(target);
	return good;
}

void phone_recent(const struct phone *phone, phone_recent_h *each, void *arg)
{
	history_recent(phone->history, each, arg);
}

/* ---- 3xx ---- */

static bool was_tried(const struct call_setup *setup, const char *uri)
{
	struct sip_uri a, b;

	if (!sip_uri_parse(slice_of(uri), &a, NULL))
		return true;
	for (size_t i = 0; i < setup->tried_count; i++)
		if (sip_uri_parse(slice_of(setup->tried[i]), &b, NULL) && sip_uri_eq(&a, &b))
			return true;
	for (size_t i = 0; i < setup->queued; i++)
		if (sip_uri_parse(slice_of(setup->queue[i]), &b, NULL) && sip_uri_eq(&a, &b))
			return true;
	return false;
}

/* Who is called securely is not called otherwise because of a 3xx (8.1.3.4). */
static bool may_follow(const struct call_setup *setup, const struct sip_address *contact)
{
	bool secure = slice_ibegins(slice_of(setup->uri), SLICE("sips:"));

	return !contact->star && contact->uri.text.n <= URI_TEXT_MAX &&
	       (contact->uri.scheme == SIP_SCHEME_SIPS || (contact->uri.scheme == SIP_SCHEME_SIP && !secure));
}

/* What is dialled for a Contact: a telephone number at the domain of the account, as one that is typed (19.1.6).
 * @return NULL: it is not followed */
static char *contact_uri(const struct call *call, const struct sip_address *contact)
{
	/* NULL: it has none, or one that was removed meanwhile. */
	const struct account *account =
		*call->account_name ? account_find(call->phone, slice_of(call->account_name)) : NULL;
	struct target number;
	struct failure ignored;
	struct buf uri;

	if (may_follow(call->setup, contact)) {
		buf_init(&uri, URI_TEXT_MAX + 1);
		sip_uri_print_request(&uri, &contact->uri);
		return buf_take(&uri);
	}
	if (contact->star || contact->uri.scheme != SIP_SCHEME_TEL || !account ||
	    (slice_ibegins(slice_of(call->setup->uri), SLICE("sips:")) && !account->secure) ||
	    !target_read(call->phone, contact->uri.text, account, &number, &ignored))
		return NULL;
	char *text = xstrdup(number.uri);
	target_fini(&number);
	return text;
}

/* The Contacts of a 3xx, the best q first (RFC 3261 8.1.3.4), before what is still queued. */
static void queue_contacts(struct call *call, const struct sip_message *response)
{
	struct call_setup *setup = call->setup;
	char *found[REDIRECTS_MAX];
	unsigned q[REDIRECTS_MAX];
	size_t count = 0;

	for (size_t i = 0; count < REDIRECTS_MAX; i++) {
		const struct sip_address *contact = sip_message_address(response, SIP_HEADER_CONTACT, i);
		size_t at = count;
		if (!contact)
			break;
		char *uri = contact_uri(call, contact);
		if (!uri)
			continue;
		for (; at && q[at - 1] < sip_address_q(contact); at--) {
			q[at] = q[at - 1];
			found[at] = found[at - 1];
		}
		q[at] = sip_address_q(contact);
		found[at] = uri;
		count++;
	}
	while (count) {
		char *uri = found[--count];
		if (was_tried(setup, uri) || setup->queued == REDIRECTS_MAX) {
			free(uri);
			continue;
		}
		memmove(&setup->queue[1], &setup->queue[0], setup->queued * sizeof setup->queue[0]);
		setup->queue[0] = uri;
		setup->queued++;
	}
}

/*
 * 305 (21.3.4): the same address by the proxy that Contact names, once. @return false: it names none, or another was
 * tried already
 */
static bool take_proxy(struct call_setup *setup, const struct sip_message *response)
{
	const struct sip_address *contact = sip_message_address(response, SIP_HEADER_CONTACT, 0);
	struct slice lr;
	struct buf route;

	if (setup->proxy || !contact || !may_follow(setup, contact))
		return false;
	buf_init(&route, URI_TEXT_MAX + 64);
	buf_add_char(&route, '<');
	sip_uri_print_request(&route, &contact->uri);
	buf_printf(&route, "%s>", sip_uri_param(&contact->uri, SLICE("lr"), &lr) ? "" : ";lr");
	setup->proxy = buf_take(&route);
	return true;
}

/* The next to be dialled becomes the target. @return false: there is none */
static bool take_next(struct call *call, const struct outcome *outcome, bool is_3xx)
{
	struct call_setup *setup = call->setup;

	if (is_3xx && setup->hops < REDIRECT_HOPS_MAX && setup->tried_count < REDIRECTS_MAX) {
		setup->tried[setup->tried_count++] = xstrdup(setup->uri);
		queue_contacts(call, outcome->response);
		setup->hops++;
	}
	if (!setup->queued || setup->tried_count == REDIRECTS_MAX)
		return false;
	if (!is_3xx)
		setup->tried[setup->tried_count++] = xstrdup(setup->uri);
	free(setup->uri);
	free(setup->proxy);
	setup->proxy = NULL;
	setup->uri = setup->queue[0];
	memmove(&setup->queue[0], &setup->queue[1], --setup->queued * sizeof setup->queue[0]);
	return true;
}

/* A new INVITE of the same call: its early dialogs and their sound are gone, the sockets stay. */
void call_dial_again(struct call *call)
{
	if (call->session)
		session_thread(call->session, &call->setup->thread);
	call->session = NULL;
	call_set_state(call, CALL_DIALLING);
	call->ringback = call->trying_said = call->ringing_said = call->early_said = false;
	timer_stop(call->phone->timers, &call->ringback_timer);
	media_close(&call->media);
	media_init(&call->media, call);
	calls_update_tones(call->phone);
	locate(call, *call->account_name ? account_find(call->phone, slice_of(call->account_name)) : NULL);
}

bool call_redirect(struct call *call, const struct outcome *outcome)
{
	struct call_setup *setup = call->setup;
	/* What a 380 offers instead is for people to read. */
	bool is_3xx = outcome->status / 100 == 3 && outcome->status != 305 && outcome->status != 380 &&
		      outcome->response;

	if (call->incoming || !setup || call->is_echo || outcome->cause == CAUSE_CANCELLED || outcome->status >= 600 ||
	    call->phone->shutting_down ||
	    strcmp(settings_text(call_settings(call, "call.follow-redirect"), "call.follow-redirect"), "on") != 0)
		return false;
	if (setup->proxy_is_ours && outcome->response) {
		free(setup->proxy);
		setup->proxy = NULL;
		setup->proxy_is_ours = false;
	}
	bool by_proxy = outcome->status == 305 && outcome->response && take_proxy(setup, outcome->response);
	if (!by_proxy && !take_next(call, outcome, is_3xx))
		return false;
	struct event *event = events_add(call->phone->events, EVENT_REDIRECTED, call->number);
	event_text(event, "id", slice_of(call->id));
	event_text(event, "target", by_proxy ? slice_sub(slice_of(setup->proxy), 1, strlen(setup->proxy) - 2)
					     : slice_of(setup->uri));
	event_number(event, "code", outcome->status);
	call_dial_again(call);
	return true;
}
