/* Credentials of an account for single realms: password@REALM=..., auth-user@REALM=... */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

static void wipe(char **secret)
{
	if (*secret)
		explicit_bzero(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

static void credential_free(struct own_credential *credential)
{
	free(credential->realm);
	free(credential->user);
	wipe(&credential->password);
}

void account_credentials_free(struct account *account)
{
	for (size_t i = 0; i < account->credential_count; i++)
		credential_free(&account->credentials[i]);
	account->credential_count = 0;
}

static struct own_credential *find(struct account *account, struct slice realm)
{
	for (size_t i = 0; i < account->credential_count; i++)
		if (slice_eq(slice_of(account->credentials[i].realm), realm))
			return &account->credentials[i];
	return NULL;
}

bool account_set_credential(struct account *account, struct slice key, struct slice value, struct failure *failure)
{
	struct slice realm = key, what = slice_cut(&realm, '@');
	struct own_credential *credential = find(account, realm);
	bool is_password = slice_eq(what, SLICE("password"));

	if (!realm.n)
		return fail(failure, STATUS_USAGE, "syntax", "%.*s@ wants a realm: %.*s@REALM=VALUE", SLICE_ARG(what),
			    SLICE_ARG(what));
	if (!credential) {
		if (account->credential_count == CREDENTIALS_MAX)
			return fail(failure, STATUS_USAGE, "full", "an account has credentials for at most %d realms",
				    CREDENTIALS_MAX);
		credential = &account->credentials[account->credential_count++];
		*credential = (struct own_credential){ .realm = slice_dup(realm) };
	}
	if (is_password)
		wipe(&credential->password);
	char **to = is_password ? &credential->password : &credential->user;
	free(*to);
	*to = value.n ? slice_dup(value) : NULL;
	/* Nothing is left of it: it goes. */
	if (!credential->password && !credential->user) {
		credential_free(credential);
		*credential = account->credentials[--account->credential_count];
	}
	return true;
}

size_t account_credentials(const struct account *account, struct credential to[CREDENTIALS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < account->credential_count; i++)
		if (account->credentials[i].password)
			to[count++] = (struct credential){ .realm = account->credentials[i].realm,
							   .user = account->credentials[i].user,
							   .password = account->credentials[i].password };
	return count;
}
