/* A setting is set: whether it may be, and what changes at once. */
#include "phone/phone_internal.h"
#include "phone/screening.h"
#include "phone/store.h"

#include <stdio.h>

void phone_apply_sip(struct phone *phone)
{
	struct transaction_settings *timing = transaction_settings(ua_transactions(phone->ua));
	struct transport_settings *transport = transport_settings(transactions_transport(ua_transactions(phone->ua)));
	struct ua_settings *ua = ua_settings(phone->ua);
	const struct settings *settings = phone->settings;

	timing->t1_us = settings_number(settings, "sip.t1");
	timing->t2_us = settings_number(settings, "sip.t2");
	timing->t4_us = settings_number(settings, "sip.t4");
	timing->max = (size_t)settings_number(settings, "sip.max-transactions");
	transport->udp_limit = (size_t)settings_number(settings, "sip.udp-limit");
	snprintf(ua->user_agent, sizeof ua->user_agent, "%s", settings_text(settings, "sip.user-agent"));
	ua->session = session_options_of(phone, NULL);
	ua->ring_timeout_us = settings_number(settings, "call.ring-timeout");
	/* One more comes in where it is sent on at once. */
	ua->max_sessions = (size_t)settings_number(settings, "call.max") + screening_forwards_busy(phone->screening);
}

void phone_apply_jitter(struct phone *phone)
{
	if (phone->engine)
		engine_set_jitter(phone->engine,
				  (uint32_t)(settings_number(phone->settings, "media.jitter-min") / MS_US),
				  (uint32_t)(settings_number(phone->settings, "media.jitter-max") / MS_US));
}

void phone_apply_dns(struct phone *phone)
{
	struct slice rest = slice_of(settings_text(phone->settings, "dns.servers")), word;
	struct buf list;

	buf_init(&list, 4096);
	while (slice_list_word(&rest, &word))
		buf_printf(&list, "%s%.*s", list.n ? "," : "", SLICE_ARG(word));
	enum err err = net_set_dns(phone->net, buf_text(&list));
	if (err)
		log_line(phone->log, LOG_ERROR, "dns.servers: '%s' cannot be used: %s", buf_text(&list), err_text(err));
	buf_fini(&list);
}

static void apply_tls(struct phone *phone)
{
	const struct settings *settings = phone->settings;

	account_apply_tls(phone, NULL);
	LIST_EACH(&phone->accounts, node)
		account_apply_tls(phone, LIST_ENTRY(node, struct account, node));
	transport_settings(transactions_transport(ua_transactions(phone->ua)))->alias =
		*settings_text(settings, "tls.certificate") != '\0';
}

void phone_setting_changed(void *arg, const struct setting_row *row)
{
	struct phone *phone = arg;
	struct slice name = slice_of(row->name);

	/* The first settings are made before there is anything to apply them to. */
	if (!phone->ua)
		return;
	if (slice_begins(name, SLICE("sip.")) || slice_begins(name, SLICE("call.")))
		phone_apply_sip(phone);
	if (slice_begins(name, SLICE("media.jitter")))
		phone_apply_jitter(phone);
	if (slice_begins(name, SLICE("audio.")))
		sound_apply_levels(phone);
	if (slice_eq(name, SLICE("audio.echo-cancel")) || slice_eq(name, SLICE("audio.noise-suppress")) ||
	    slice_eq(name, SLICE("audio.gain-control")))
		sound_apply_cleaning(phone);
	if (slice_eq(name, SLICE("tones.country")))
		sound_apply_country(phone);
	if (slice_eq(name, SLICE("dns.servers")))
		phone_apply_dns(phone);
	if (slice_eq(name, SLICE("sip.ws-path")))
		net_set_ws_path(phone->net, settings_text(phone->settings, "sip.ws-path"));
	if (slice_begins(name, SLICE("tls.")))
		apply_tls(phone);
	if (slice_eq(name, SLICE("trace.keep")))
		trace_keep(phone->trace, (size_t)settings_number(phone->settings, "trace.keep"));
	if (slice_eq(name, SLICE("history.keep")))
		history_keep(phone->history, (size_t)settings_number(phone->settings, "history.keep"));
	/* Sockets move at the end of the turn, when whatever else the script says first was said. */
	if (slice_eq(name, SLICE("sip.listen"))) {
		phone->started = false;
		phone->start_wanted = true;
		loop_again(phone->loop);
	}
}

/* Its own sockets are closed before others are opened, so what they hold is free. */
static bool listens_on_port(const struct phone *phone, uint16_t port)
{
	struct address bound;

	for (size_t i = 0; net_bound(phone->net, i, &bound, NULL); i++)
		if (address_port(&bound) == port)
			return true;
	return false;
}

/* Tried before the sockets that work are given up: a slip of the finger must not take the phone off the network. */
static bool can_listen_at(const struct phone *phone, struct slice value, struct failure *failure)
{
	struct slice rest = value, word;

	while (slice_list_word(&rest, &word)) {
		struct address address;
		unsigned protocols;
		char text[ADDRESS_TEXT];
		if (!listen_word_read(word, &protocols, &address))
			continue;
		if (!net_is_local(&address))
			return fail(failure, STATUS_NETWORK, "address", "sip.listen: %s is no address of this machine",
				    address_print(&address, text));
		enum err err = listens_on_port(phone, address_port(&address)) ? ERR_NONE
									      : net_can_listen(&address, protocols);
		if (err == ERR_ADDRESS_IN_USE || err == ERR_PERMISSION)
			return fail(failure, STATUS_NETWORK, err_name(err),
				    "cannot listen on %s: %s; choose another by `set sip.listen`",
				    address_print(&address, text), err_text(err));
	}
	return true;
}

bool phone_set(struct phone *phone, struct slice name, struct slice value, bool from_config, struct failure *failure)
{
	const struct setting_row *row = setting_find(name);
	struct buf why;

	if (!row)
		return fail(failure, STATUS_USAGE, "no-such-setting",
			    "there is no setting '%.*s': `show settings` lists them", SLICE_ARG(name));
	if (row->config_only && !from_config)
		return fail(failure, STATUS_USAGE, "config-only", "%s can be set in the configuration file only",
			    row->name);
	if (slice_eq(name, SLICE("audio.input")) || slice_eq(name, SLICE("audio.output")) ||
	    slice_eq(name, SLICE("audio.ringer")))
		return phone_audio_use(phone, row->name + 6, value, !from_config, failure);
	if (slice_eq(name, SLICE("sip.listen")) && !can_listen_at(phone, value, failure))
		return false;
	buf_init(&why, sizeof failure->text);
	bool good = settings_set(phone->settings, row, value, &why);
	if (!good)
		fail(failure, STATUS_USAGE, "value", "%s", buf_text(&why));
	buf_fini(&why);
	return good;
}
