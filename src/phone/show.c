/* What `show` shows, as lines for people; and `save`. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"
#include "phone/presence.h"
#include "phone/screening.h"
#include "phone/subscriptions.h"

#include <inttypes.h>
#include <stdio.h>

#ifndef VERSION
#define VERSION "0"
#endif

enum { LADDER_COLS = 100, SAVED_MAX = 1 << 20 };

static void show_peer(const struct call_view *view, struct buf *out)
{
	if (*view->name)
		buf_printf(out, "%s <%s>", view->name, view->uri);
	else
		buf_printf(out, "%s", view->uri);
}

static bool view_number(struct phone *phone, unsigned number, struct call_view *view)
{
	return number && phone_view_call(phone, number, view);
}

/* ---- calls ---- */

static bool show_calls(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	struct call_view view;

	(void)argument;
	(void)failure;
	LIST_EACH(&phone->calls, node) {
		if (!view_number(phone, LIST_ENTRY(node, struct call, node)->number, &view))
			continue;
		buf_printf(out, "%s%3u  %-8s  %-3s  ", view.selected ? ">" : " ", view.number,
			   call_state_name(view.state), view.incoming ? "in" : "out");
		duration_text(out, view.duration_s);
		buf_printf(out, "  %-5s  ", view.codec);
		show_peer(&view, out);
		buf_printf(out, "%s%s%s%s%s%s\n", view.in_conference ? "  in the conference" : "",
			   !strcmp(view.recording, "on") ? "  recorded" : "", view.plays ? "  plays a file" : "",
			   view.muted ? "  muted" : "", view.held_by_us ? "  held by you" : "",
			   view.held_by_peer ? "  held by the peer" : "");
	}
	if (list_empty(&phone->calls))
		buf_printf(out, "no calls\n");
	return true;
}

static bool find_call(struct phone *phone, struct slice argument, struct call_view *view, struct failure *failure)
{
	unsigned number = argument.n        ? phone_find_call(phone, argument)
			  : phone->selected ? phone->selected
					    : phone->latest_ended;

	if (view_number(phone, number, view))
		return true;
	if (argument.n)
		return fail(failure, STATUS_CALL, "no-such-call", "there is no call '%.*s'", SLICE_ARG(argument));
	return fail(failure, STATUS_CALL, "no-such-call", "there was no call yet");
}

static void show_numbers(const struct stream_stats *stats, struct buf *out)
{
	buf_printf(out, "  sent        %" PRIu64 " packets, %" PRIu64 " bytes\n", stats->sent_packets,
		   stats->sent_bytes);
	buf_printf(out, "  received    %" PRIu64 " packets, %" PRIu64 " bytes\n", stats->received_packets,
		   stats->received_bytes);
	buf_printf(out,
		   "  lost        %" PRIu64 " of %" PRIu64 " (%.2f%%), late %" PRIu64 ", twice %" PRIu64
		   ", concealed %" PRIu64 "\n",
		   stats->lost_packets, stats->expected_packets, stats->loss * 100, stats->late_packets,
		   stats->duplicate_packets, stats->concealed_frames);
	if (stats->forged_packets || stats->replayed_packets || stats->stray_packets)
		buf_printf(out, "  refused     %" PRIu64 " forged, %" PRIu64 " replayed, %" PRIu64 " stray\n",
			   stats->forged_packets, stats->replayed_packets, stats->stray_packets);
	if (stats->keep_alive_packets)
		buf_printf(out, "  kept open   by %" PRIu64 " packets without sound\n", stats->keep_alive_packets);
	buf_printf(out, "  repaired    %" PRIu64 ", bursts of loss %.0f ms\n", stats->repaired_packets,
		   stats->burst_ms);
	buf_printf(out, "  peer lost   %.2f%%%s\n", stats->peer_loss * 100,
		   stats->sends_copies ? ", copies are sent against it" : "");
	if (stats->complexity < ENGINE_COMPLEXITY_MOST && stats->send_codec == MEDIA_OPUS && stats->sent_packets)
		buf_printf(out, "  encoder     at %d of %d, for the processor is busy\n", stats->complexity,
			   ENGINE_COMPLEXITY_MOST);
	if (stats->peer_mos > 0)
		buf_printf(out, "  peer hears  mos %.1f (its estimate)\n", stats->peer_mos);
	buf_printf(out, "  jitter      %.1f ms, buffer %.0f ms\n", stats->jitter_ms, stats->buffer_ms);
	if (stats->rtt_ms >= 0)
		buf_printf(out, "  round trip  %.1f ms\n", stats->rtt_ms);
	if (stats->mos > 0)
		buf_printf(out, "  mos         %.2f (estimate)\n", stats->mos);
	buf_printf(out, "  levels      heard %.0f dB, microphone %.0f dB\n", stats->heard_level_db,
		   stats->mic_level_db);
	if (stats->tone_hz > 0)
		buf_printf(out, "  tone        %.0f Hz\n", stats->tone_hz);
}

static void show_media_of(const struct call *call, struct buf *out)
{
	const struct stream_config *config = &call->media.plan.config;
	struct stream_stats stats;
	char address[ADDRESS_TEXT];

	if (!media_stats(&call->media, &stats)) {
		buf_printf(out, "  no sound%s\n", call->ended ? "" : " yet");
		return;
	}
	buf_printf(out, "  codec       %s sent, %s received\n", media_codec_in_use(&call->media),
		   media_codec_name(stats.receive_codec));
	buf_printf(out, "  encryption  %s\n", media_encryption_in_use(&call->media));
	buf_printf(out, "  direction   %.*s\n", SLICE_ARG(sdp_direction_name(call->media.plan.direction)));
	buf_printf(out, "  here        %s\n", address_print(&call->media.local, address));
	if (address_is_set(&config->rtp))
		buf_printf(out, "  there       %s\n", address_print(&config->rtp, address));
	show_numbers(&stats, out);
}

static void show_interval(const struct call *call, struct buf *out)
{
	uint32_t interval_s, left_s;
	bool we_refresh;

	if (call->session && session_interval(call->session, &interval_s, &we_refresh, &left_s))
		buf_printf(out, "  timer       %" PRIu32 " s, refreshed by %s, %s in %" PRIu32 " s\n", interval_s,
			   we_refresh ? "us" : "the peer", we_refresh ? "the next time" : "ends", left_s);
}

static bool show_call(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	struct call_view view;

	if (!find_call(phone, argument, &view, failure))
		return false;
	buf_printf(out, "call %u (%s)\n  peer        ", view.number, view.id);
	show_peer(&view, out);
	bool up = view.state == CALL_ANSWERED || view.state == CALL_HELD;
	buf_printf(out, "\n  state       %s, %s%s%s%s\n", call_state_name(view.state),
		   view.incoming ? "incoming" : "outgoing", up && view.muted ? ", muted" : "",
		   up && view.held_by_us ? ", held by you" : "", up && view.held_by_peer ? ", held by the peer" : "");
	if (*view.account)
		buf_printf(out, "  account     %s\n", view.account);
	buf_printf(out, "  Call-ID     %s\n", view.sip_call_id);
	show_caller(call_find(phone, view.number), out);
	if (view.joins)
		buf_printf(out, "  join        wants to take part in call %u\n", view.joins);
	show_interval(call_find(phone, view.number), out);
	if (view.code) {
		buf_printf(out, "  status      ");
		outcome_text(out, view.code, view.reason, view.cause);
		buf_add_char(out, '\n');
	}
	buf_printf(out, "  duration    ");
	duration_text(out, view.duration_s);
	buf_printf(out, "\n");
	show_media_of(call_find(phone, view.number), out);
	return true;
}

static bool show_media(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	struct call_view view;

	if (!find_call(phone, argument, &view, failure))
		return false;
	buf_printf(out, "call %u\n", view.number);
	show_media_of(call_find(phone, view.number), out);
	return true;
}

/* ---- accounts ---- */

static void show_mailbox(const struct account_view *view, struct buf *out)
{
	if (!view->mailbox_known)
		return;
	if (!view->voicemail)
		buf_printf(out, "  no voicemail");
	else if (view->voicemail_new)
		buf_printf(out, "  voicemail: %" PRIu32 " new", view->voicemail_new);
	else
		buf_printf(out, "  voicemail");
	if (view->voicemail_old)
		buf_printf(out, ", %" PRIu32 " old", view->voicemail_old);
}

static bool show_subscriptions(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	size_t before = out->n;

	(void)argument;
	(void)failure;
	subscriptions_show(phone->subscriptions, out);
	presence_show(phone->presence, out);
	if (out->n == before)
		buf_printf(out, "no subscriptions\n");
	return true;
}

/* The name that an account gets by itself is its address without the scheme. */
static bool has_own_name(const struct account_view *view)
{
	const char *colon = strchr(view->address, ':');

	return !colon || strcmp(colon + 1, view->name) != 0;
}

static bool show_accounts(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	struct account_view view;
	bool any = false;

	if (argument.n && !account_named(phone, argument))
		return fail(failure, STATUS_USAGE, "no-account", "there is no account '%.*s'", SLICE_ARG(argument));
	LIST_EACH(&phone->accounts, node) {
		const struct account *account = LIST_ENTRY(node, struct account, node);
		if (argument.n && account != account_named(phone, argument))
			continue;
		phone_view_account(phone, slice_of(account->name), &view);
		buf_printf(out, "%s %s", view.is_default ? ">" : " ", view.name);
		if (has_own_name(&view))
			buf_printf(out, "  %s", view.address);
		if (view.no_registrar)
			buf_printf(out, "  does not register");
		else
			buf_printf(out, "  %s  at %s", view.state, view.registrar);
		if (account->proxy_count > 1)
			buf_printf(out, "  by %s", account_proxy(account));
		if (account_spare_proxy(account))
			buf_printf(out, " and by %s", account_spare_proxy(account));
		if (view.expires_left_s)
			buf_printf(out, "  %" PRIu32 " s left", view.expires_left_s);
		if (account->state == ACCOUNT_FAILED) {
			buf_printf(out, "  ");
			outcome_text(out, view.code, view.reason, view.cause);
		}
		if (view.retry_s)
			buf_printf(out, "  next try in %" PRIu32 " s", view.retry_s);
		show_mailbox(&view, out);
		buf_printf(out, "\n");
		any = true;
	}
	if (!any)
		buf_printf(out, "no accounts\n");
	return true;
}

/* ---- protocol ---- */

static void add_line(void *arg, const char *line)
{
	buf_printf(arg, "%s\n", line);
}

/* What came since the start, and what became of what should not have come. */
static void show_counters(struct transactions *transactions, struct buf *out)
{
	const struct transport *transport = transactions_transport(transactions);
	const struct transport_counters *c = transport_counters(transport);
	const struct transaction_counters *t = transaction_counters(transactions);

	buf_printf(out,
		   "came: %" PRIu64 " messages, %" PRIu64 " keep-alives, %" PRIu64 " that were neither, %" PRIu64
		   " responses to nothing; %" PRIu64 " requests answered without state, %" PRIu64 " not answered\n",
		   c->messages, c->keep_alives, c->garbage, c->strays, c->answered, c->unanswered);
	buf_printf(out,
		   "of the requests: %" PRIu64 " came again, %" PRIu64 " came by two ways, %" PRIu64
		   " found no room, %" PRIu64 " took the place of others that were finished\n",
		   t->again, t->merged, t->refused, t->displaced);
	buf_printf(out,
		   "connections: %zu open, %" PRIu64 " taken, %" PRIu64 " refused, %" PRIu64
		   " closed because no whole message came\n",
		   transport_flow_count(transport), c->connections, c->refused_connections, c->unfinished);
}

static bool show_transactions(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	(void)argument;
	(void)failure;
	transactions_show(ua_transactions(phone->ua), add_line, out);
	if (!transactions_count(ua_transactions(phone->ua)))
		buf_printf(out, "no transactions\n");
	show_counters(ua_transactions(phone->ua), out);
	return true;
}

static bool show_dialogs(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	bool any = false;

	(void)argument;
	(void)failure;
	LIST_EACH(&phone->calls, node) {
		const struct call *call = LIST_ENTRY(node, struct call, node);
		if (!call->session)
			continue;
		buf_printf(out, "call %u  %s  %s  Call-ID %s\n", call->number,
			   session_is_caller(call->session) ? "caller" : "callee",
			   session_state_name(session_state(call->session)), call->call_id);
		any = true;
	}
	if (!any)
		buf_printf(out, "no dialogs\n");
	return true;
}

/* ---- the rest ---- */

static void add_contact(void *arg, const struct contact_view *contact)
{
	contact_lines(contact, arg);
}

static bool show_contacts(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	size_t before = out->n;

	(void)argument;
	(void)failure;
	phone_contacts(phone, add_contact, out);
	if (out->n == before)
		buf_printf(out, "no contacts\n");
	return true;
}

static void add_history(void *arg, const struct history_row *row)
{
	struct buf *out = arg;

	if (!out->full)
		history_line(row, out);
}

/* The argument is a kind of call, or a pattern. */
static bool show_history(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	static const char *const kinds[] = { "in", "out", "missed", "answered", "failed" };
	char *word = slice_dup(argument);
	struct history_filter filter = { .match = word };
	size_t before = out->n;

	(void)failure;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(word, kinds[i]))
			filter = (struct history_filter){ .kind = kinds[i] };
	phone_history(phone, &filter, add_history, out);
	phone_history_seen(phone);
	if (out->n == before)
		buf_printf(out, "no calls\n");
	free(word);
	return true;
}

void phone_history(struct phone *phone, const struct history_filter *filter, phone_history_h *each, void *arg)
{
	history_each(phone->history, filter, each, arg);
}

void phone_history_seen(struct phone *phone)
{
	history_seen(phone->history);
}

static bool show_quality(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	struct call_view view;
	bool any = false;

	(void)argument;
	(void)failure;
	LIST_EACH(&phone->calls, node) {
		if (!view_number(phone, LIST_ENTRY(node, struct call, node)->number, &view) || !view.has_media)
			continue;
		if (!any)
			buf_printf(out, "call  codec   loss    jitter   rtt      buffer   mos   heard    mic      "
					"refused\n");
		any = true;
		buf_printf(out, "%4u  %-5s  %5.2f%%  %5.1f ms  ", view.number, view.codec, view.loss * 100,
			   view.jitter_ms);
		if (view.rtt_ms >= 0)
			buf_printf(out, "%5.1f ms", view.rtt_ms);
		else
			buf_printf(out, "     ?  ");
		buf_printf(out, "  %4.0f ms  ", view.buffer_ms);
		if (view.mos > 0)
			buf_printf(out, "%4.2f", view.mos);
		else
			buf_printf(out, "   ?");
		buf_printf(out, "  %4.0f dB  %4.0f dB  %" PRIu64 "\n", view.heard_db, view.mic_db, view.refused);
	}
	if (!any)
		buf_printf(out, "no call has sound now; `show media CALL` tells of one that is over\n");
	return true;
}

static bool show_settings(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	bool any = false;

	for (size_t i = 0; i < setting_count; i++) {
		const struct setting_row *row = &setting_rows[i];
		if (!slice_begins(slice_of(row->name), argument))
			continue;
		buf_printf(out, "%s %-22s %-24s %s\n", settings_changed(phone->settings, row->name) ? "*" : " ",
			   row->name, settings_text(phone->settings, row->name), row->sentence);
		any = true;
	}
	if (!any)
		return fail(failure, STATUS_USAGE, "no-such-setting", "no setting begins with '%.*s'",
			    SLICE_ARG(argument));
	return true;
}

void phone_listens(const struct phone *phone, const char *before, const char *behind, struct buf *out)
{
	struct address bound;
	unsigned protocols;
	char text[ADDRESS_TEXT];

	for (size_t i = 0; net_bound(phone->net, i, &bound, &protocols); i++) {
		buf_printf(out, "%s%s", before, address_print(&bound, text));
		for (int p = 0; protocols != NET_PLAIN && p < SIP_PROTOCOLS; p++)
			if (protocols & 1u << p)
				buf_printf(out, " by %.*s", SLICE_ARG(sip_protocol_name((enum sip_protocol)p)));
		buf_printf(out, "%s", behind);
	}
}

static bool show_version(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure)
{
	(void)argument;
	(void)failure;
	buf_printf(out, "offhook %s\n", VERSION);
	phone_listens(phone, "listens on ", "\n", out);
	return true;
}

static const struct {
	const char *name;
	bool (*show)(struct phone *phone, struct slice argument, struct buf *out, struct failure *failure);
} views[] = {
	{ "calls", show_calls },
	{ "call", show_call },
	{ "accounts", show_accounts },
	{ "registrations", show_accounts },
	{ "subscriptions", show_subscriptions },
	{ "transactions", show_transactions },
	{ "dialogs", show_dialogs },
	{ "media", show_media },
	{ "contacts", show_contacts },
	{ "history", show_history },
	{ "quality", show_quality },
	{ "settings", show_settings },
	{ "version", show_version },
};

bool phone_show(struct phone *phone, struct slice what, struct slice argument, struct buf *out, struct failure *failure)
{
	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		if (slice_eq(what, slice_of(views[i].name)))
			return views[i].show(phone, argument, out, failure);
	return fail(failure, STATUS_USAGE, "no-such-view", "there is no view '%.*s'", SLICE_ARG(what));
}

/* ---- save ---- */

/* A word of the command language: in double quotes where it needs them. */
void save_word(struct buf *to, const char *key, const char *value)
{
	if (!value || (!*value && key))
		return;
	buf_printf(to, key ? " %s=" : " ", key);
	bool plain = *value && !value[strcspn(value, " \t\r\n\"'\\$#;")];
	if (plain) {
		buf_printf(to, "%s", value);
		return;
	}
	buf_add_char(to, '"');
	for (; *value; value++) {
		if (strchr("\"\\$\n", *value))
			buf_add_char(to, '\\');
		buf_add_char(to, *value == '\n' ? 'n' : *value);
	}
	buf_add_char(to, '"');
}

static void add_lower(struct buf *to, const char *key, struct slice word)
{
	char *text = slice_dup_lower(word);

	save_word(to, key, text);
	free(text);
}

static void save_credential(const struct own_credential *credential, struct buf *to)
{
	char *user = xasprintf("auth-user@%s", credential->realm),
	     *password = xasprintf("password@%s", credential->realm);

	save_word(to, user, credential->user);
	save_word(to, password, credential->password);
	free(user);
	free(password);
}

/* Every option that is not as it would be by itself, " KEY=VALUE" each; secrets for the file alone. */
static void add_options(const struct account *account, bool secrets, struct buf *to)
{
	char own_registrar[512], expires[32];

	snprintf(own_registrar, sizeof own_registrar, "%s:%s", account_scheme(account), account->domain);
	snprintf(expires, sizeof expires, "%" PRIu32 "s", account->expires);
	if (strcmp(account->name, account_address(account)) != 0)
		save_word(to, "name", account->name);
	save_word(to, "display", account->display);
	save_word(to, "auth-user", account->auth_user);
	save_word(to, "realm", account->realm);
	if (account->given_password && secrets)
		save_word(to, "password", account->password);
	save_word(to, "password-command", account->password_command);
	if (strcmp(account->registrar, own_registrar) != 0)
		save_word(to, "registrar", account->registrar);
	save_word(to, "proxy", account->proxy);
	for (size_t i = 0; i < account->credential_count && secrets; i++)
		save_credential(&account->credentials[i], to);
	save_word(to, "prefix", account->prefix);
	save_word(to, "rewrite", account->rewrite);
	if (account->has_transport)
		add_lower(to, "transport", sip_protocol_name(account->transport));
	save_word(to, "expires", expires);
	save_word(to, "voicemail", account->voicemail.address);
	save_word(to, "identity", account->identity);
	for (const char *const *name = account_own_names(); *name; name++)
		save_word(to, *name, account_own_value(account, *name));
}

static void save_account(const struct account *account, struct buf *to)
{
	buf_printf(to, "account add");
	save_word(to, NULL, account->uri);
	add_options(account, true, to);
	buf_add_char(to, '\n');
}

bool phone_account_words(const struct phone *phone, struct slice name, struct buf *out)
{
	const struct account *account = name.n ? account_named(phone, name) : phone->default_account;

	if (account)
		add_options(account, false, out);
	return account != NULL;
}

void phone_saved_text(const struct phone *phone, struct slice extra, struct buf *text)
{
	buf_printf(text, "# Written by `save`; read before `config`. Your own words belong there.\n");
	for (size_t i = 0; i < setting_count; i++) {
		if (!settings_changed(phone->settings, setting_rows[i].name) || setting_rows[i].config_only)
			continue;
		buf_printf(text, "set %s", setting_rows[i].name);
		save_word(text, NULL, settings_text(phone->settings, setting_rows[i].name));
		buf_add_char(text, '\n');
	}
	LIST_EACH(&phone->accounts, node)
		save_account(LIST_ENTRY(node, struct account, node), text);
	if (phone->default_account && list_first(&phone->accounts) != &phone->default_account->node) {
		buf_printf(text, "account default");
		save_word(text, NULL, phone->default_account->name);
		buf_add_char(text, '\n');
	}
	screening_save(phone->screening, text);
	buf_add(text, extra);
}

bool phone_save(struct phone *phone, struct slice extra, struct failure *failure)
{
	struct buf text;

	if (!phone->saved_dir)
		return fail(failure, STATUS_USAGE, "no-config",
			    "there is no configuration directory, so nothing is kept: -n was given, or neither "
			    "XDG_CONFIG_HOME nor HOME names a folder");
	buf_init(&text, SAVED_MAX);
	phone_saved_text(phone, extra, &text);
	enum err err = text.full ? ERR_TOO_BIG : write_file(phone->saved_dir, "saved", buf_slice(&text));
	buf_fini(&text);
	if (err)
		return fail(failure, STATUS_SOUND, err_name(err), "%s/saved cannot be written: %s", phone->saved_dir,
			    err_text(err));
	return true;
}
