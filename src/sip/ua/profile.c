#include "sip/ua/profile.h"

#include "base/xmalloc.h"

static const char *keep(struct arena *arena, const char *text)
{
	return text ? arena_copy(arena, slice_of(text)).p : NULL;
}

static const char *const *keep_routes(struct arena *arena, const char *const *routes)
{
	size_t count = 0;

	if (!routes)
		return NULL;
	while (routes[count])
		count++;
	const char **copy = arena_alloc(arena, (count + 1) * sizeof *copy);
	/* Within <> the parameters are the URI's: a bare sip:proxy;lr would be a strict router with a header parameter.
	 */
	for (size_t i = 0; i < count; i++)
		copy[i] = routes[i][0] == '<' ? keep(arena, routes[i]) : arena_printf(arena, "<%s>", routes[i]).p;
	return copy;
}

struct profile *profile_new(const struct identity *identity)
{
	struct profile *profile = xcalloc(1, sizeof *profile);
	struct arena *arena = &profile->arena;
	struct identity *mine = &profile->identity;

	profile->references = 1;
	arena_init(arena);
	if (!identity)
		return profile;
	*mine = *identity;
	mine->uri = keep(arena, identity->uri);
	mine->display = keep(arena, identity->display);
	mine->auth_user = keep(arena, identity->auth_user);
	mine->password = keep(arena, identity->password);
	mine->realm = keep(arena, identity->realm);
	for (size_t i = 0; i < mine->credential_count; i++)
		mine->credentials[i] = (struct credential){ keep(arena, identity->credentials[i].realm),
							    keep(arena, identity->credentials[i].user),
							    keep(arena, identity->credentials[i].password) };
	mine->contact_user = keep(arena, identity->contact_user);
	mine->gruu = keep(arena, identity->gruu);
	mine->temporary_gruu = keep(arena, identity->temporary_gruu);
	mine->routes = keep_routes(arena, identity->routes);
	if (mine->uri &&
	    (!sip_uri_parse(slice_of(mine->uri), &profile->uri, NULL) || profile->uri.scheme == SIP_SCHEME_OTHER)) {
		profile_unref(profile);
		return NULL;
	}
	profile->auth_user = mine->auth_user ? slice_of(mine->auth_user) : sip_unescape(arena, profile->uri.user);
	return profile;
}

struct profile *profile_ref(struct profile *profile)
{
	profile->references++;
	return profile;
}

static void wipe(const char *secret)
{
	if (secret)
		explicit_bzero((char *)(uintptr_t)secret, strlen(secret));
}

void profile_unref(struct profile *profile)
{
	if (!profile || --profile->references > 0)
		return;
	wipe(profile->identity.password);
	for (size_t i = 0; i < profile->identity.credential_count; i++)
		wipe(profile->identity.credentials[i].password);
	arena_fini(&profile->arena);
	free(profile);
}

bool profile_has_password(const struct profile *profile)
{
	return profile->identity.password || profile->identity.credential_count;
}

static const struct credential *credential_for(const struct profile *profile, struct slice realm)
{
	for (size_t i = 0; i < profile->identity.credential_count; i++)
		if (slice_eq(slice_of(profile->identity.credentials[i].realm), realm))
			return &profile->identity.credentials[i];
	return NULL;
}

bool profile_knows_realm(const struct profile *profile, struct slice realm)
{
	return credential_for(profile, realm) != NULL;
}

const char *profile_password(const struct profile *profile, struct slice realm, struct slice *user)
{
	const struct credential *credential = credential_for(profile, realm);

	*user = credential && credential->user ? slice_of(credential->user) : profile->auth_user;
	return credential ? credential->password : profile->identity.password;
}

void profile_from(const struct profile *profile, bool open, struct buf *to)
{
	const struct identity *identity = &profile->identity;

	if (!identity->uri || (identity->anonymous && !open)) {
		buf_add(to, SLICE("\"Anonymous\" <sip:anonymous@anonymous.invalid>"));
		return;
	}
	sip_display_print(to, slice_of(identity->display));
	buf_add_char(to, '<');
	buf_add(to, slice_of(identity->uri));
	buf_add_char(to, '>');
}

static void add_user(const struct profile *profile, struct slice user, struct buf *to)
{
	const struct identity *identity = &profile->identity;

	if (identity->anonymous) {
		buf_add(to, SLICE("anonymous@"));
	} else if (identity->contact_user) {
		sip_escape_user(to, slice_of(identity->contact_user));
		buf_add_char(to, '@');
	} else {
		/* Both stand in a URI already: their escapes must not be escaped again. */
		struct slice mine = profile->uri.has_user ? profile->uri.user : user;
		if (mine.n) {
			buf_add(to, mine);
			buf_add_char(to, '@');
		}
	}
}

static const char *transport_param(enum sip_protocol protocol, bool secure)
{
	switch (protocol) {
	case SIP_TCP:
		return ";transport=tcp";
	case SIP_TLS:
		return secure ? "" : ";transport=tls";
	case SIP_WS:
	case SIP_WSS:
		return ";transport=ws";
	case SIP_UDP:
	case SIP_PROTOCOLS:
		break;
	}
	return "";
}

bool profile_contact(const struct profile *profile, struct transport *transport, const struct sip_target *target,
		     bool secure, struct slice user, struct buf *to)
{
	const struct identity *identity = &profile->identity;
	enum sip_protocol protocol = target->protocol;
	const char *gruu = identity->anonymous ? identity->temporary_gruu : identity->gruu;
	char host[ADDRESS_TEXT];

	if (gruu && (!secure || slice_ibegins(slice_of(gruu), SLICE("sips:"))))
		return buf_printf(to, "<%s>", gruu);
	if (identity->has_contact) {
		address_print(&identity->contact, host);
		protocol = identity->contact_protocol;
	} else if (!transport_sent_by(transport, target, host)) {
		return false;
	}
	buf_add(to, secure ? SLICE("<sips:") : SLICE("<sip:"));
	add_user(profile, user, to);
	return buf_printf(to, "%s%s%s>", host, transport_param(protocol, secure), identity->ob ? ";ob" : "");
}
