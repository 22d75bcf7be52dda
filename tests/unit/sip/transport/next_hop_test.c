/* What a URI says of the hop that a request to it goes to. */
#include "tests/unit/unit.h"

#include "sip/transport/transport.h"

#define NONE SIP_PROTOCOLS

static const struct {
	const char *uri;
	bool secure;               /* TLS is a must whatever the URI says */
	enum sip_protocol account; /* or NONE */
	enum err err;
	const char *host; /* with its port where one is given */
	bool becomes_secure;
	enum sip_protocol named, used; /* named: or NONE */
} rows[] = {
	{ "sip:bob@biloxi.com", false, NONE, ERR_NONE, "biloxi.com 0", false, NONE, SIP_UDP },
	{ "sip:bob@biloxi.com:5070;transport=TCP", false, NONE, ERR_NONE, "biloxi.com 5070", false, SIP_TCP, SIP_TCP },
	{ "sips:bob@biloxi.com", false, NONE, ERR_NONE, "biloxi.com 0", true, NONE, SIP_TLS },
	{ "sip:bob@[2001:db8::9]:5070", false, NONE, ERR_NONE, "2001:db8::9 5070", false, NONE, SIP_UDP },
	/* the account's transport counts where the URI names none */
	{ "sip:biloxi.com", false, SIP_TCP, ERR_NONE, "biloxi.com 0", false, SIP_TCP, SIP_TCP },
	{ "sip:biloxi.com;transport=udp", false, SIP_TCP, ERR_NONE, "biloxi.com 0", false, SIP_UDP, SIP_UDP },
	/* sips, or a route of a request for it: TLS over what is named (RFC 3261 26.2.2, RFC 7118 5) */
	{ "sips:biloxi.com;transport=tcp", false, NONE, ERR_NONE, "biloxi.com 0", true, SIP_TLS, SIP_TLS },
	{ "sips:biloxi.com;transport=ws", false, NONE, ERR_NONE, "biloxi.com 0", true, SIP_WSS, SIP_WSS },
	{ "sips:biloxi.com", false, SIP_WS, ERR_NONE, "biloxi.com 0", true, SIP_WSS, SIP_WSS },
	{ "sip:p1.biloxi.com;lr;transport=ws", true, NONE, ERR_NONE, "p1.biloxi.com 0", true, SIP_WSS, SIP_WSS },
	{ "sip:p1.biloxi.com;lr", true, SIP_TCP, ERR_NONE, "p1.biloxi.com 0", true, SIP_TLS, SIP_TLS },
	{ "sip:biloxi.com;transport=ws", false, NONE, ERR_NONE, "biloxi.com 0", false, SIP_WS, SIP_WS },
	{ "sips:biloxi.com;transport=wss", false, NONE, ERR_NONE, "biloxi.com 0", true, SIP_WSS, SIP_WSS },
	/* maddr is where it goes, whatever the host (19.1.1) */
	{ "sip:bob@127.0.0.1:5070;maddr=192.0.2.9", false, NONE, ERR_NONE, "192.0.2.9 5070", false, NONE, SIP_UDP },
	{ "sips:bob@biloxi.com;maddr=[2001:db8::9];transport=ws", false, NONE, ERR_NONE, "2001:db8::9 0", true, SIP_WSS,
	  SIP_WSS },
	/* what cannot be */
	{ "sips:biloxi.com;transport=udp", false, NONE, ERR_UNSUPPORTED, "biloxi.com 0", true, SIP_UDP, SIP_UDP },
	{ "sips:biloxi.com", false, SIP_UDP, ERR_UNSUPPORTED, "biloxi.com 0", true, SIP_UDP, SIP_UDP },
	{ "sip:biloxi.com;transport=sctp", false, SIP_TCP, ERR_UNSUPPORTED, "biloxi.com 0", false, NONE, SIP_UDP },
	{ "tel:+15550100", false, NONE, ERR_UNSUPPORTED, " 0", false, NONE, SIP_UDP },
	{ "biloxi.com", false, NONE, ERR_SYNTAX, " 0", false, NONE, SIP_UDP },
	{ "", false, NONE, ERR_SYNTAX, " 0", false, NONE, SIP_UDP },
};

static void a_uri_says_where_and_how(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const enum sip_protocol *account = rows[i].account == NONE ? NULL : &rows[i].account;
		struct sip_hop hop;
		char host[300];
		enum err err = sip_hop_read(slice_of(rows[i].uri), rows[i].secure, account, &hop);
		snprintf(host, sizeof host, "%s %u", hop.host, hop.port);
		if (err != rows[i].err || strcmp(host, rows[i].host) || hop.secure != rows[i].becomes_secure ||
		    (hop.has_protocol ? hop.protocol : NONE) != rows[i].named ||
		    sip_hop_protocol(&hop) != rows[i].used)
			fail_msg("%s: %s, '%s', secure %d, protocol %d (%d named)", rows[i].uri, err_text(err), host,
				 hop.secure, hop.protocol, hop.has_protocol);
	}
}

static void a_host_is_never_longer_than_its_place(void **state)
{
	struct sip_hop hop;
	char uri[300] = "sip:";

	(void)state;
	memset(uri + 4, 'a', 255);
	assert_int_equal(sip_hop_read(slice_of(uri), false, NULL, &hop), ERR_NONE);
	assert_int_equal(strlen(hop.host), 255);
	uri[4 + 255] = 'a';
	assert_int_equal(sip_hop_read(slice_of(uri), false, NULL, &hop), ERR_SYNTAX);
	assert_string_equal(hop.host, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uri_says_where_and_how),
		cmocka_unit_test(a_host_is_never_longer_than_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
