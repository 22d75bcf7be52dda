/* The options of an account, KEY=VALUE. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <assert.h>
#include <string.h>

enum { EXPIRES_LEAST_S = 30, EXPIRES_MOST_S = 604800 };

static const char *const option_names[] = { "name",	    "display",		"user",	     "auth-user", "realm",
					    "password",	    "password-command", "registrar", "proxy",	  "transport",
					    "expires",	    "voicemail",	"prefix",    "rewrite",	  "identity" };

enum { NAMES_MAX = 128 };

/* Those, then the settings that an account may have for itself (account_settings.c). */
const char *const *phone_account_options(void)
{
	static const char *names[NAMES_MAX + 1];
	size_t count = ARRAY_LEN(option_names);

	if (names[0])
		return names;
	memcpy(names, option_names, sizeof option_names);
	for (const char *const *own = account_own_names(); *own; own++) {
		assert(count < NAMES_MAX);
		names[count++] = *own;
	}
	return names;
}

static bool set_uri_option(char **to, const char *key, struct slice value, struct failure *failure)
{
	struct sip_uri uri;
	char *text = slice_ibegins(value, SLICE("sip:")) || slice_ibegins(value, SLICE("sips:"))
			     ? slice_dup(value)
			     : xasprintf("sip:%.*s", SLICE_ARG(value));

	if (!sip_uri_parse(slice_of(text), &uri, NULL) || !uri.host.n) {
		free(text);
		return fail(failure, STATUS_USAGE, "syntax", "%s=%.*s is no host or SIP address", key,
			    SLICE_ARG(value));
	}
	free(*to);
	*to = text;
	return true;
}

static bool set_expires(struct account *account, struct slice value, struct failure *failure)
{
	int64_t us;
	uint32_t seconds;

	if (duration_parse(value, &us) && us % SECOND_US == 0 && us / SECOND_US <= EXPIRES_MOST_S)
		seconds = (uint32_t)(us / SECOND_US);
	else if (!slice_to_u32(value, &seconds))
		seconds = 0;
	if (seconds < EXPIRES_LEAST_S || seconds > EXPIRES_MOST_S)
		return fail(failure, STATUS_USAGE, "range", "expires goes from %ds to 7 days, as in expires=1h",
			    EXPIRES_LEAST_S);
	account->expires = seconds;
	return true;
}

static bool set_transport(struct account *account, struct slice value, struct failure *failure)
{
	enum sip_protocol protocol;

	if (!value.n || slice_ieq(value, SLICE("auto"))) {
		account->has_transport = false;
		return true;
	}
	if (!sip_protocol_find(value, &protocol))
		return fail(failure, STATUS_USAGE, "range", "transport is udp, tcp, tls, ws or wss, not '%.*s'",
			    SLICE_ARG(value));
	if (account->secure && protocol == SIP_UDP)
		return fail(failure, STATUS_USAGE, "range",
			    "a sips: account reaches its servers by TLS: write transport=tls, or sip: in the address");
	account->has_transport = true;
	account->transport = protocol;
	return true;
}

static void set_text(char **to, struct slice value)
{
	free(*to);
	*to = value.n ? slice_dup(value) : NULL;
}

static bool set_name(struct account *account, struct slice value, struct failure *failure)
{
	const struct account *other = account_find(account->phone, value);

	if (!value.n || slice_find(value, ' ') < value.n)
		return fail(failure, STATUS_USAGE, "syntax", "an account's name is one word");
	if (other && other->number != account->number)
		return fail(failure, STATUS_USAGE, "exists", "there is an account '%.*s' already", SLICE_ARG(value));
	set_text(&account->name, value);
	return true;
}

const char *account_scheme(const struct account *account)
{
	return account->secure ? "sips" : "sip";
}

const char *account_address(const struct account *account)
{
	return account->uri + strlen(account_scheme(account)) + 1;
}

void account_make_uri(struct account *account)
{
	struct buf uri;

	buf_init(&uri, 4 * ACCOUNT_TEXT_MAX);
	buf_printf(&uri, "%s:", account_scheme(account));
	sip_escape_user(&uri, slice_of(account->user));
	buf_printf(&uri, "@%s", account->domain);
	free(account->uri);
	account->uri = buf_take(&uri);
}

static bool set_identity(struct account *account, struct slice value, struct failure *failure)
{
	if (!slice_ieq(value, SLICE("off")) && !slice_ieq(value, SLICE("preferred")) &&
	    !slice_ieq(value, SLICE("asserted")))
		return fail(failure, STATUS_USAGE, "range", "identity is off, preferred or asserted, not '%.*s'",
			    SLICE_ARG(value));
	xreplace(&account->identity, slice_ieq(value, SLICE("off"))	? "off"
				     : slice_ieq(value, SLICE("asserted")) ? "asserted"
									   : "preferred");
	return true;
}

static bool set_option(struct account *account, struct slice key, struct slice value, struct failure *failure)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
			return fail(failure, STATUS_USAGE, "syntax", "%.*s= holds control characters", SLICE_ARG(key));
	if (value.n > ACCOUNT_TEXT_MAX)
		return fail(failure, STATUS_USAGE, "too-big", "%.*s= is longer than %d bytes", SLICE_ARG(key),
			    ACCOUNT_TEXT_MAX);
	if (slice_eq(key, SLICE("name")))
		return set_name(account, value, failure);
	if (slice_eq(key, SLICE("transport")))
		return set_transport(account, value, failure);
	if (slice_eq(key, SLICE("expires")))
		return set_expires(account, value, failure);
	if (slice_eq(key, SLICE("proxy")))
		return account_set_proxies(account, value, failure);
	if (slice_begins(key, SLICE("password@")) || slice_begins(key, SLICE("auth-user@")))
		return account_set_credential(account, key, value, failure);
	if (slice_eq(key, SLICE("prefix"))) {
		if (!dial_plan_check_prefix(value, failure))
			return false;
		set_text(&account->prefix, value);
	} else if (slice_eq(key, SLICE("rewrite"))) {
		if (!dial_plan_check(value, failure))
			return false;
		set_text(&account->rewrite, value);
	} else if (slice_eq(key, SLICE("registrar"))) {
		if (!slice_ieq(value, SLICE("none")))
			return set_uri_option(&account->registrar, "registrar", value, failure);
		xreplace(&account->registrar, "none");
	} else if (slice_eq(key, SLICE("user"))) {
		if (!value.n)
			return fail(failure, STATUS_USAGE, "syntax", "user= needs a name");
		set_text(&account->user, value);
		account_make_uri(account);
	} else if (slice_eq(key, SLICE("display"))) {
		set_text(&account->display, value);
	} else if (slice_eq(key, SLICE("auth-user"))) {
		set_text(&account->auth_user, value);
	} else if (slice_eq(key, SLICE("realm"))) {
		set_text(&account->realm, value);
	} else if (slice_eq(key, SLICE("password"))) {
		account_drop_command(account);
		account_set_password(account, value);
		account->given_password = value.n > 0;
	} else if (slice_eq(key, SLICE("voicemail"))) {
		set_text(&account->voicemail.address, slice_eq(value, SLICE("off")) ? slice_of(NULL) : value);
	} else if (slice_eq(key, SLICE("password-command"))) {
		if (!slice_eq(value, slice_of(account->password_command)))
			account_drop_command(account);
		set_text(&account->password_command, value);
	} else if (slice_eq(key, SLICE("identity"))) {
		return set_identity(account, value, failure);
	} else {
		return account_own_set(account, key, value, failure);
	}
	return true;
}

bool account_set_options(struct account *account, const char *const *options, struct failure *failure)
{
	for (; options && *options; options++) {
		struct slice value = slice_of(*options), key = slice_cut(&value, '=');
		if (!value.p)
			return fail(failure, STATUS_USAGE, "syntax", "'%s': an option is written KEY=VALUE", *options);
		if (!set_option(account, key, value, failure))
			return false;
	}
	return true;
}
