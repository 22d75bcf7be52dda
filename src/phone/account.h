/* accounts, for the files of phone/ alone: who we are where, and what registers us there. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "loop/loop.h"
#include "phone/phone.h"
#include "sip/ua/registration.h"
#include "sip/ua/session.h"

struct call;
struct call_media;
struct watch;

/* A registration and whose it is. A retired one (its account changed registrar or is gone) only waits to be removed. */
struct binding {
	struct list_node node;
	struct phone *phone;
	struct account *account; /* NULL: retired */
	struct registration *registration;
	char *address; /* of the account, sip:alice@atlanta.com */
	char *proxy;          /* of a second flow; NULL: the account's */
	const char *route[2]; /* that, as an identity has it */
	bool dead; /* free at the turn's end */
};

enum account_state { ACCOUNT_UNREGISTERED, ACCOUNT_REGISTERING, ACCOUNT_REGISTERED, ACCOUNT_FAILED };

enum { PROXIES_MAX = 8, ROUTES_MAX = 12, CREDENTIALS_MAX = CREDENTIALS_PER_IDENTITY };

/* For one realm; the account's own where a member is NULL. */
struct own_credential {
	char *realm, *user, *password;
};

struct account {
	struct list_node node;
	uint64_t number;                     /* in the order in which they were added; 0: not yet */
	struct map_node by_name, by_address; /* of phone->accounts */
	char *name_key, *address_key;        /* their keys: in small letters */
	struct map_node by_user;             /* of phone->accounts_by_user */
	char *user_key;                      /* its key: without escapes */
	struct account_host {
		struct map_node node; /* of phone->accounts_by_server */
		struct in6_addr key;
		struct account *account;
	} server_host, spare_host;           /* those of server and spare_server */
	struct phone *phone;
	char *name, *display, *user, *domain, *auth_user, *realm, *password, *password_command, *registrar, *proxy;
	char *uri;                          /* sip:user@domain */
	bool secure;                        /* sips: */
	bool has_transport, given_password; /* given_password: by option or by hand, not by command */
	enum sip_protocol transport;
	uint32_t expires;
	char *proxies[PROXIES_MAX]; /* as Route writes them, the best first; `proxy` is what the user wrote */
	size_t proxy_count, proxy_now, proxies_failed; /* failed: in a row */
	const char *proxy_routes[2]; /* Route of REGISTER */
	char *routes[ROUTES_MAX + 1]; /* Route of everything else: with copies of the registrar's Service-Route */
	size_t strange_routes;        /* of these, see struct identity */
	struct timer proxy_timer;
	struct request *probe; /* OPTIONS to a better proxy */
	struct own_credential credentials[CREDENTIALS_MAX];
	size_t credential_count;
	char *prefix, *rewrite; /* of telephone numbers (dial_plan.c) */
	struct binding *binding, *spare; /* the second flow, where there is one */
	struct loop_child *child; /* the password command */
	struct timer password_limit; /* of that */
	bool start_wanted;        /* register once the password is there */
	enum account_state state;
	unsigned code;
	char *reason, *cause, *detail;
	char *challenge; /* why the registrar's was not answered; NULL: it was */
	char *withheld; /* who asked for the password in vain: the registrar sent us there; NULL */
	int64_t retry_at_us; /* 0: none */
	bool needs_password;
	struct address server, spare_server; /* that answered our REGISTER, and that of the second flow */
	struct timer removal_limit; /* for the answer to a REGISTER behind which `unregister` waits */
	bool removal_told;      /* it was told before that answer */
	bool removal_failed;    /* the registrar did not take our binding away */
	unsigned fetch_request; /* `account bindings` under way; 0: none */
	int64_t fetched_us;
	char *bindings; /* as last fetched: URI, tab, seconds, line feed */
	char *identity;          /* "off", "preferred", "asserted"; NULL: preferred */
	struct account_own *own; /* settings of its own, or NULL */
	unsigned security; /* number of its own tls. settings; 0: it has none */
	struct {
		char *address; /* voicemail=; NULL: none */
		bool known, waiting, has_counts;
		uint32_t fresh, old;
	} voicemail;
	struct watch *mailbox; /* the subscription to it */
};

/** Its removal was asked for: `unregistered` is told after 2 s when it waits for the first answer of a registrar. */
void account_await_removal(struct account *account);
/** Empty: none. The old one is wiped. */
void account_set_password(struct account *account, struct slice password);
struct account *account_find(const struct phone *phone, struct slice word);
/** The same for what a user writes: also its user alone, where no other account has the same. */
struct account *account_named(const struct phone *phone, struct slice word);
/** The account meant by from= or, when `word` is NULL, the default one; false: no such account. *account may become
 * NULL: none exists. */
bool account_for(struct phone *phone, const char *word, struct account **account, struct failure *failure);
/** By its name or address; an empty name means the default one. */
bool account_find_or_fail(struct phone *phone, struct slice name, struct account **account,
			  struct failure *failure);
/* account_requests.c */
/** The user as it is looked for, without escapes ("alice%2B" and "alice+" are the same); free() it. */
char *account_user_key(struct slice user);
/** Who answered our REGISTER, that of the second flow if `spare`: from now on calls from there are for us. */
void account_answered_by(struct account *account, bool spare, const struct address *remote);
void account_forget_servers(struct account *account);
/** Whom a request from outside is for; NULL: none of ours. */
struct account *account_of_request(const struct phone *phone, const struct sip_message *request,
				   const struct sip_source *source);
/** May this request from outside ring (call.accept)? */
bool account_knows(const struct phone *phone, const struct sip_message *request, const struct sip_source *source);
/** Who we are for requests; borrows from the account. `nobody` holds the text of an identity without account. */
void identity_of(struct phone *phone, const struct account *account, const struct address *local, char nobody[160],
		 struct identity *identity);
/** Does it speak for the registrar that has our binding? */
bool account_is_server(const struct account *account, const struct address *remote);
/** Our own address changed: the registrars must know. */
void accounts_moved(struct phone *phone);
/** Nothing that was learned of the network holds any more: register at once, those too that wait for another try. */
void accounts_network_changed(struct phone *phone);
/** The same for those alone that would register from another address now than they did. */
void accounts_follow(struct phone *phone);
/** Not with registrar=none. */
bool account_registers(const struct account *account);
void accounts_shut_down(struct phone *phone);
bool accounts_quiet(const struct phone *phone);
void accounts_turn_end(struct phone *phone);
void accounts_free(struct phone *phone);
/** "unregistered", "registering", "registered", "failed": registering also while it tries again after a failure. */
const char *account_state_now(const struct account *account);
/* account_options.c */
enum { ACCOUNT_TEXT_MAX = 512 };
/** One after the other; those before one that is refused count. What they mean for TLS is up to account_apply_tls(). */
bool account_set_options(struct account *account, const char *const *options, struct failure *failure);
/** "sip" or "sips". */
const char *account_scheme(const struct account *account);
/** The address without its scheme: "alice@atlanta.com". */
const char *account_address(const struct account *account);
/** The address again, after its user changed. */
void account_make_uri(struct account *account);
/* account_proxies.c */
bool account_set_proxies(struct account *account, struct slice value, struct failure *failure);
void account_proxies_free(struct account *account);
/** The URI of the proxy in use; NULL: there is none. */
const char *account_proxy(const struct account *account);
/** The Route lines anew, after the proxy, the Service-Route or the binding has changed. */
void account_make_routes(struct account *account);
/** The registration has failed: go on with the next proxy? @return true: it is asked at once */
bool account_next_proxy(struct account *account, const struct outcome *outcome);
/** The registration has succeeded; a better proxy is asked now and then whether it is back. */
void account_proxy_works(struct account *account);
/* account_flows.c */
/** The registration has succeeded: a second one by the next proxy, where the registrar keeps flows and there are two
 * proxies; it moves to another when the first one takes its proxy. */
void account_keep_spare(struct account *account);
/** Its account lets go of a binding: removed at the registrar if it may be there, and freed when that is over. */
void binding_retire(struct phone *phone, struct binding *binding);
/** No second one any more: its binding is removed. */
void account_drop_spare(struct account *account);
/** The proxy by which the second flow stands; NULL: there is none. */
const char *account_spare_proxy(const struct account *account);
/* account_credentials.c */
/** `key`: "password@REALM" or "auth-user@REALM". */
bool account_set_credential(struct account *account, struct slice key, struct slice value, struct failure *failure);
void account_credentials_free(struct account *account);
/** Those that are complete, for an identity. @return how many */
size_t account_credentials(const struct account *account, struct credential to[CREDENTIALS_MAX]);
/* dial_plan.c */
bool dial_plan_check(struct slice rules, struct failure *failure);
bool dial_plan_check_prefix(struct slice prefix, struct failure *failure);
/** Add what is dialled for a number without separators. */
void dial_plan_apply(const struct account *account, struct slice number, struct buf *dialled);
/* instance.c */
/** Who this phone is to registrars; never NULL. */
const char *phone_instance(struct phone *phone);
void phone_instance_free(struct phone *phone);
/* account_settings.c */
struct account_own;
/** The settings that an account may have for itself, NULL-ended. */
const char *const *account_own_names(void);
/** An empty value takes it back. */
bool account_own_set(struct account *account, struct slice name, struct slice value, struct failure *failure);
/** Where this setting is to be read for calls of this account (or NULL, nobody's). Never NULL. */
const struct settings *account_settings(const struct phone *phone, const struct account *account, const char *name);
struct call;
/** The same for this call: as its account or the phone has it. */
const struct settings *call_settings(const struct call *call, const char *name);
struct call_media;
/** The same for the sound of a call, or of the echo test. */
const struct settings *media_settings(const struct call_media *media, const char *name);
/** The call is one of this account, until it ends or is freed. */
void account_takes_call(struct call *call, const struct account *account);
void account_drops_call(struct call *call);
/** Its calls that have not ended are known by its new name. */
void calls_account_renamed(const struct account *account, const char *old_name);
/** Has it as many calls besides `but` (may be NULL) as a call.max of its own allows? */
bool account_is_full(const struct account *account, const struct call *but);
/** The codecs of its own, by codec= or its account's media.codecs; NULL: the phone's. */
const char *call_codecs(const struct call *call);
/** What the account says itself, as text; NULL: nothing. */
const char *account_own_value(const struct account *account, const char *name);
void account_own_free(struct account_own *own);
/** The tls. settings of the phone (account NULL), or those of the account where it has some of its own, are used from
 * now on. */
void account_apply_tls(struct phone *phone, struct account *account);
struct session_options session_options_of(const struct phone *phone, const struct account *account);
/* register.c */
void account_set_result(struct account *account, enum account_state state, unsigned code, struct slice reason,
			const char *cause);
struct event *account_event(struct account *account, enum event_kind kind);
/** The fields code, reason and cause of its result. */
void account_add_result(struct event *event, const struct account *account);
bool account_make_binding(struct account *account, struct failure *failure);
/** Register: ask for the password where a command gives it, then begin. */
bool account_start(struct account *account, struct failure *failure);
/** A password command that runs is no longer waited for. */
void account_drop_command(struct account *account);
/** Let its registration go: a binding that stands is removed, and what is left dies when that was answered. */
void account_retire(struct account *account);
void binding_free(struct binding *binding);
