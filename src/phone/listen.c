/* The sockets of SIP: sip.listen opened, and which address of ours somebody reaches us at. */
#include "phone/phone_internal.h"

enum { LISTEN_MAX = 16, LISTENS_BY_TLS = 1 << SIP_TLS | 1 << SIP_WSS };

/* Beside a phone that has 5060: a free port, of IPv6 the same as of IPv4 where that is free too. */
static bool listen_elsewhere(struct phone *phone, unsigned protocols, struct address *address, enum err *err)
{
	struct address first;
	bool is_first = !net_bound(phone->net, 0, &first, NULL);
	size_t n = 0;

	address_set_port(address, is_first ? 0 : address_port(&first));
	if (!net_listen(phone->net, protocols, address, err)) {
		address_set_port(address, 0);
		if (!net_listen(phone->net, protocols, address, err))
			return false;
	}
	while (net_bound(phone->net, n, &first, NULL))
		n++;
	if (is_first && n)
		log_line(phone->log, LOG_WARNING,
			 "port 5060 is in use by another program: this phone listens on port %u; `set sip.listen` "
			 "chooses another",
			 net_bound(phone->net, 0, &first, NULL) ? address_port(&first) : 0);
	return true;
}

static bool listen_on(struct phone *phone, struct slice word, struct failure *failure)
{
	bool given = settings_changed(phone->settings, "sip.listen");
	struct address address;
	unsigned protocols;
	enum err err = ERR_NONE;
	char text[ADDRESS_TEXT];
	struct buf why;

	if (!listen_word_read(word, &protocols, &address))
		return fail(failure, STATUS_USAGE, "syntax", "sip.listen: '%.*s' is no address", SLICE_ARG(word));
	buf_init(&why, sizeof failure->text);
	bool can = !(protocols & LISTENS_BY_TLS) || net_tls_can_serve(phone->net, &why);
	if (!can)
		fail(failure, STATUS_NETWORK, "tls", "cannot listen on %.*s: %s", SLICE_ARG(word), buf_text(&why));
	buf_fini(&why);
	if (!can)
		return false;
	if (!given && phone->ephemeral_port)
		address_set_port(&address, 0);
	if (net_listen(phone->net, protocols, &address, &err) ||
	    (!given && err == ERR_ADDRESS_IN_USE && listen_elsewhere(phone, protocols, &address, &err)))
		return true;
	/* A host without IPv6 has nothing to listen on there. */
	if (!given && address_is_v6(&address))
		return true;
	return fail(failure, STATUS_NETWORK, err_name(err),
		    "cannot listen on %s: %s; choose another by `set sip.listen`", address_print(&address, text),
		    err_text(err));
}

/* The echo test and peers on this host are reached by 127.0.0.1 whatever address was chosen. */
void phone_listen_on_loopback(struct phone *phone)
{
	struct address bound, loopback;
	unsigned protocols;
	enum err err = ERR_NONE;

	for (size_t i = 0; net_bound(phone->net, i, &bound, &protocols); i++)
		if (protocols == NET_PLAIN && !address_is_v6(&bound) &&
		    (address_is_any(&bound) || address_is_loopback(&bound)))
			return;
	if (address_parse(&loopback, SLICE("127.0.0.1"), 0) && !net_listen(phone->net, NET_PLAIN, &loopback, &err))
		log_line(phone->log, LOG_WARNING, "127.0.0.1 cannot be used: %s; the echo test will not work",
			 err_text(err));
}

bool phone_start(struct phone *phone, struct failure *failure)
{
	struct slice rest = slice_of(settings_text(phone->settings, "sip.listen")), word;
	bool good = true;

	if (phone->started)
		return true;
	phone->start_wanted = false;
	net_close_listeners(phone->net);
	for (size_t i = 0; good && i < LISTEN_MAX && slice_list_word(&rest, &word); i++)
		good = listen_on(phone, word, failure);
	if (!good) {
		net_close_listeners(phone->net);
		return false;
	}
	if (!phone->started_once)
		network_watch(phone);
	phone->started = phone->started_once = true;
	return true;
}

bool phone_needs_start(struct phone *phone, struct failure *failure)
{
	return phone->started || phone_start(phone, failure);
}

bool phone_local_for(struct phone *phone, const struct address *remote, struct address *local)
{
	struct address bound;

	if (remote && (net_ops()->local_address(phone->net, SIP_UDP, remote, local) || net_route(remote, local)))
		return true;
	/* Nobody in particular: an address that the world may know, or else this host's own. */
	for (size_t i = 0; net_bound(phone->net, i, &bound, NULL); i++)
		if (!address_is_any(&bound) && !address_is_loopback(&bound)) {
			*local = bound;
			return true;
		}
	/* Bound to loopback alone, that is where answers can come to. */
	bool anywhere = false;
	for (size_t i = 0; net_bound(phone->net, i, &bound, NULL); i++)
		anywhere = anywhere || address_is_any(&bound);
	if (!anywhere && net_bound(phone->net, 0, local, NULL))
		return true;
	struct address outside;
	if (address_parse(&outside, SLICE("192.0.2.1"), 5060) &&
	    (net_ops()->local_address(phone->net, SIP_UDP, &outside, local) || net_route(&outside, local)))
		return true;
	/* Cut off from the world: who is on this host still finds us. */
	uint16_t port = net_bound(phone->net, 0, &bound, NULL) ? address_port(&bound) : 0;
	return address_parse(local, SLICE("127.0.0.1"), port);
}

void phone_local_towards(struct phone *phone, const char *uri, struct address *local)
{
	struct sip_uri target;
	struct address remote;
	bool literal = sip_uri_parse(slice_of(uri), &target, NULL) &&
		       address_parse_host(&remote, target.host, target.port ? target.port : 5060);

	if (!literal || !net_ops()->local_address(phone->net, SIP_UDP, &remote, local))
		phone_local_for(phone, NULL, local);
}
