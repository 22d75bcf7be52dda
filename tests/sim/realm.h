/*
 * The passwords of the domain: a server's side of digest (RFC 3261 22, RFC 7616, RFC 8760), as exact as a client can
 * meet it. Nonces grow old, are forgotten at a restart, come in advance with a 2xx, and may be used once in each number
 * (nc); the realm may be renamed. Whoever answers a challenge with a wrong digest is a fault of the world, unless that
 * user is said to have a wrong password.
 */
#pragma once

#include "sip/transaction/transaction.h"
#include "tests/sim/world.h"

enum realm_qop { REALM_NONE, REALM_AUTH, REALM_AUTH_INT, REALM_BOTH };

struct realm_style {
	bool on;                   /* else everybody may do everything */
	bool inside;               /* asks in dialogs too: not for ACK, CANCEL and BYE */
	bool renames;              /* the realm has another name now and then */
	enum realm_qop qop;
	const char *algorithms[2]; /* offered, the best first; NULL: MD5 without saying so */
	unsigned nonce_s;          /* how long a nonce is good for */
	const char *forgetful;     /* the user whose password is wrong; NULL: nobody's */
};

enum { REALM_NONCES = 32 };
#define REALM_PASSWORD "secret"
#define REALM_NAME "192.0.2.1" /* at first */

struct realm {
	struct world *world;
	struct realm_style style;
	struct realm_nonce {
		char text[24];
		int64_t until_us;
		uint32_t count; /* the highest nc seen */
	} nonces[REALM_NONCES];
	unsigned given;            /* nonces */
	unsigned asked, admitted, stale;
};

void realm_init(struct realm *realm, struct world *world, const struct realm_style *style);
/** May this request pass? If not it is answered by 401 (`proxy`: 407). */
bool realm_admits(struct realm *realm, struct server_transaction *st, const struct sip_message *request, bool proxy);
/** The value of an Authentication-Info for a 2xx, now and then; NULL: none. Valid until the next call. */
const char *realm_next_nonce(struct realm *realm);
/** Are these credentials for us, and not for somebody behind us? */
bool realm_is_named(struct slice credentials);
