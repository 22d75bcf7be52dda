/* Settings that an account has for itself: `account set work sip.session-timer=required`. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <assert.h>

/* Of sockets and transactions, which all accounts share, and of requests that are meant for none of them. */
static const char *const shared_names[] = { "sip.listen", "sip.ws-path", "sip.udp-limit", "sip.user-agent",
					    "sip.t1",     "sip.t2",      "sip.t4",        "sip.max-transactions",
					    "call.accept" };
static const char *const own_groups[] = { "call.", "dtmf.", "media.", "sip.", "tls." };

enum { OWN_NAMES_MAX = 64 };

static bool is_own_name(struct slice name)
{
	bool grouped = false;

	for (size_t i = 0; i < ARRAY_LEN(own_groups); i++)
		grouped |= slice_begins(name, slice_of(own_groups[i]));
	for (size_t i = 0; i < ARRAY_LEN(shared_names); i++)
		grouped &= !slice_eq(name, slice_of(shared_names[i]));
	return grouped;
}

/* Made of the table once: whoever reads one of them asks for it by account_settings() or call_settings(). */
const char *const *account_own_names(void)
{
	static const char *names[OWN_NAMES_MAX + 1];
	size_t count = 0;

	if (names[0])
		return names;
	for (size_t i = 0; i < setting_count; i++) {
		if (!is_own_name(slice_of(setting_rows[i].name)))
			continue;
		assert(count < OWN_NAMES_MAX);
		names[count++] = setting_rows[i].name;
	}
	return names;
}

struct account_own {
	struct settings *settings;
	bool *given; /* by row */
};

static void nothing(void *arg, const struct setting_row *row)
{
	(void)arg;
	(void)row;
}

void account_own_free(struct account_own *own)
{
	if (!own)
		return;
	settings_free(own->settings);
	free(own->given);
	free(own);
}

bool account_own_set(struct account *account, struct slice name, struct slice value, struct failure *failure)
{
	const struct setting_row *row = setting_find(name);
	struct buf why;

	if (row && !is_own_name(name))
		return fail(failure, STATUS_USAGE, "no-such-option",
			    "%s counts for the whole phone, no account has it for itself: `set %s VALUE`", row->name,
			    row->name);
	if (!row)
		return fail(failure, STATUS_USAGE, "no-such-option", "'%.*s' is no option of an account",
			    SLICE_ARG(name));
	if (!account->own) {
		account->own = xcalloc(1, sizeof *account->own);
		account->own->settings = settings_new(nothing, NULL);
		account->own->given = xcalloc(setting_count, sizeof *account->own->given);
	}
	/* Nothing after the = : as the phone has it. */
	if (!value.n) {
		account->own->given[row - setting_rows] = false;
		return true;
	}
	buf_init(&why, sizeof failure->text);
	bool good = settings_set(account->own->settings, row, value, &why);
	if (!good)
		fail(failure, STATUS_USAGE, "value", "%s", buf_text(&why));
	else
		account->own->given[row - setting_rows] = true;
	buf_fini(&why);
	return good;
}

const struct settings *account_settings(const struct phone *phone, const struct account *account, const char *name)
{
	const struct setting_row *row = account && account->own ? setting_find(slice_of(name)) : NULL;

	return row && account->own->given[row - setting_rows] ? account->own->settings : phone->settings;
}

static const struct account *account_of(const struct call *call)
{
	return *call->account_name ? account_find(call->phone, slice_of(call->account_name)) : NULL;
}

const struct settings *media_settings(const struct call_media *media, const char *name)
{
	return media->call ? call_settings(media->call, name) : media->phone->settings;
}

const struct settings *call_settings(const struct call *call, const char *name)
{
	return account_settings(call->phone, account_of(call), name);
}

/* The calls of all accounts of one name that have not ended. */
struct account_calls {
	struct map_node by_name;
	char *name;
	int64_t count;
};

static struct account_calls *calls_of(const struct phone *phone, const char *name)
{
	struct map_node *node = map_find(&phone->calls_by_account, slice_of(name));

	return node ? CONTAINER_OF(node, struct account_calls, by_name) : NULL;
}

void account_drops_call(struct call *call)
{
	struct account_calls *calls = call->counted;

	call->counted = NULL;
	if (!calls || --calls->count)
		return;
	map_remove(&call->phone->calls_by_account, &calls->by_name);
	free(calls->name);
	free(calls);
}

void account_takes_call(struct call *call, const struct account *account)
{
	struct phone *phone = call->phone;

	xreplace(&call->account_name, account->name);
	account_drops_call(call);
	struct account_calls *calls = calls_of(phone, account->name);
	if (!calls) {
		calls = xcalloc(1, sizeof *calls);
		calls->name = xstrdup(account->name);
		map_add(&phone->calls_by_account, &calls->by_name, slice_of(calls->name));
	}
	calls->count++;
	call->counted = calls;
}

void calls_account_renamed(const struct account *account, const char *old_name)
{
	LIST_EACH(&account->phone->calls, node) {
		struct call *call = LIST_ENTRY(node, struct call, node);
		if (!strcmp(call->account_name, old_name))
			account_takes_call(call, account);
	}
}

bool account_is_full(const struct account *account, const struct call *but)
{
	const struct settings *settings = account_settings(account->phone, account, "call.max");

	if (settings == account->phone->settings)
		return false;
	const struct account_calls *calls = calls_of(account->phone, account->name);
	int64_t count = calls ? calls->count - (but && but->counted == calls) : 0;
	return count >= settings_number(settings, "call.max");
}

const char *call_codecs(const struct call *call)
{
	const struct account *account = account_of(call);

	return call->codec ? call->codec : account ? account_own_value(account, "media.codecs") : NULL;
}

const char *account_own_value(const struct account *account, const char *name)
{
	const struct settings *from = account_settings(account->phone, account, name);

	return from == account->phone->settings ? NULL : settings_text(from, name);
}

struct session_options session_options_of(const struct phone *phone, const struct account *account)
{
	static const char *const names[] = { "sip.reliable-provisional", "sip.session-timer", "sip.session-expires",
					     "sip.min-se" };
	int64_t numbers[ARRAY_LEN(names)];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		numbers[i] = settings_number(account_settings(phone, account, names[i]), names[i]);
	return (struct session_options){ .reliable = (enum reliable_mode)numbers[0],
					 .timer = (enum timer_mode)numbers[1],
					 .expires_s = (uint32_t)(numbers[2] / SECOND_US),
					 .least_s = (uint32_t)(numbers[3] / SECOND_US) };
}

static const char *text_of(const struct phone *phone, const struct account *account, const char *name)
{
	return settings_text(account_settings(phone, account, name), name);
}

static bool has_own_tls(const struct account *account)
{
	for (const char *const *name = account_own_names(); *name; name++)
		if (!strncmp(*name, "tls.", 4) && account_own_value(account, *name))
			return true;
	return false;
}

void account_apply_tls(struct phone *phone, struct account *account)
{
	if (account && !has_own_tls(account)) {
		account->security = 0;
		return;
	}
	/* Numbers are not given twice, so that no connection is taken for that of another account. */
	if (account && !account->security && phone->last_security + 1 < NET_TLS_MAX)
		account->security = ++phone->last_security;
	if (account && !account->security)
		return;
	net_set_tls(phone->net, account ? account->security : 0,
		    &(struct net_tls){ .ca = text_of(phone, account, "tls.ca"),
				       .certificate = text_of(phone, account, "tls.certificate"),
				       .key = text_of(phone, account, "tls.key"),
				       .pin = text_of(phone, account, "tls.pin"),
				       .verify = !strcmp(text_of(phone, account, "tls.verify"), "on") });
}
