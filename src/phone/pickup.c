/* A call that rings elsewhere is taken: by Replaces where the line is watched, by the code of a PBX where it is not. */
#include "phone/phone_internal.h"
#include "phone/subscriptions.h"

/* A PBX knows by a code in front of the number what is meant. */
static bool dial_prefix(struct phone *phone, const char *uri, struct buf *target, struct failure *failure)
{
	const char *prefix = settings_text(phone->settings, "pickup.prefix");
	struct sip_uri parsed;

	if (!*prefix)
		return fail(failure, STATUS_CALL, "nothing-rings",
			    "nothing is known to ring there: watch the line by `subscribe %s package=dialog`, or set "
			    "pickup.prefix to the code of your PBX",
			    uri);
	if (!sip_uri_parse(slice_of(uri), &parsed, NULL) || !parsed.has_user)
		return fail(failure, STATUS_USAGE, "syntax", "%s has no number to put %s before", uri, prefix);
	buf_printf(target, "%.*s:", SLICE_ARG(parsed.scheme_name));
	sip_escape_user(target, slice_of(prefix));
	buf_add(target, slice_from(slice_of(uri), parsed.scheme_name.n + 1));
	return true;
}

/*
 * What a document names is dialled at our cost, so it must be at the host that is watched or at our account's: there
 * our own server, or theirs, decides what it may be.
 */
static bool may_be_dialled(const struct phone *phone, const char *watched, const char *named, struct failure *failure)
{
	const struct account *account = phone->default_account;
	struct sip_uri line, target;

	if (sip_uri_parse(slice_of(watched), &line, NULL) && sip_uri_parse(slice_of(named), &target, NULL) &&
	    (target.scheme == SIP_SCHEME_SIP || target.scheme == SIP_SCHEME_SIPS) &&
	    (slice_ieq(target.host, line.host) || (account && slice_ieq(target.host, slice_of(account->domain)))))
		return true;
	return fail(failure, STATUS_CALL, "elsewhere",
		    "%s says that the call comes from %s, which is neither at its own host nor at yours: `pickup %s "
		    "anywhere=yes` asks there",
		    watched, named, watched);
}

bool phone_pickup(struct phone *phone, struct slice text, bool anywhere, unsigned *call, struct buf *dialled,
		  struct failure *failure)
{
	struct target target;
	struct buf uri, replaces;
	const char *headers[3] = { NULL };

	if (!target_read(phone, text, phone->default_account, &target, failure))
		return false;
	if (target.is_echo) {
		target_fini(&target);
		return fail(failure, STATUS_USAGE, "echo", "the echo test is inside this phone: nothing rings there");
	}
	buf_init(&uri, 8192);
	buf_init(&replaces, 8192);
	buf_printf(&replaces, "Replaces:");
	/* Who does not know Replaces must not ring instead (RFC 3891 4). */
	if (subscriptions_ringing(phone->subscriptions, target.uri, &uri, &replaces)) {
		headers[0] = buf_text(&replaces);
		headers[1] = "Require:replaces";
	}
	bool good = (headers[0] ? anywhere || may_be_dialled(phone, target.uri, buf_text(&uri), failure)
				: dial_prefix(phone, target.uri, &uri, failure)) &&
		    phone_call(phone, buf_slice(&uri), &(struct call_options){ .headers = headers }, call, dialled,
			       failure);
	buf_fini(&uri);
	buf_fini(&replaces);
	target_fini(&target);
	return good;
}
