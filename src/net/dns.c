#include "net/dns.h"

#include "base/utf8.h"
#include "base/xmalloc.h"
#include "net/internal.h"

#include <ares.h>
#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/stat.h>

enum { ENTRIES_MAX = 256, SERVERS_MAX = 8, TRY_MS = 1000, TRIES = 3, KEY_BYTES = DNS_NAME + 8 };
#define TTL_MAX_US (3600 * SECOND_US)
#define NONE_KEPT_US (30 * SECOND_US)
#define FAILED_KEPT_US (3 * SECOND_US)

struct dns_entry {
	struct map_node node;    /* in dns.entries */
	struct list_node age;    /* in dns.ages, oldest question first */
	struct dns *dns;
	char key[KEY_BYTES];     /* type, blank, name in lower case; an 'h' before what the hosts file says */
	enum dns_type type;
	bool from_hosts;         /* the hosts file's; good until that file changes */
	enum dns_status status;
	int64_t answered_us, until_us;
	struct dns_record *rows;
	size_t count;
};

/* A socket of c-ares. */
struct dns_socket {
	struct list_node node;
	struct dns *dns;
	ares_socket_t fd;
	struct loop_watch *watch;
};

struct dns {
	struct net *net;
	ares_channel channel;    /* NULL until the first question */
	bool library;            /* ares_library_init() was called */
	struct list sockets;
	struct timer timeout;    /* when c-ares wants to be called again */
	struct map entries;
	struct list ages;
	size_t pending;
	int failure;             /* of the last answer, ARES_...: told once until a name server answers again */
	struct ares_addr_port_node servers[SERVERS_MAX];
	size_t server_count;     /* 0: the system's */
	struct timespec resolv_conf, hosts; /* when these files were changed, as last seen */
};

static int64_t now_us(const struct dns *dns)
{
	return loop_timers(dns->net->loop)->now_us;
}

struct dns *dns_new(struct net *net)
{
	struct dns *dns = xcalloc(1, sizeof *dns);

	dns->net = net;
	list_init(&dns->sockets);
	list_init(&dns->ages);
	map_init(&dns->entries, &net->random);
	return dns;
}

static void forget(struct dns_entry *entry)
{
	assert(entry->status != DNS_PENDING);
	map_remove(&entry->dns->entries, &entry->node);
	list_remove(&entry->age);
	free(entry->rows);
	free(entry);
}

/* Everything that is pending fails in here, through on_answer(). */
static void close_channel(struct dns *dns)
{
	if (!dns->channel)
		return;
	ares_destroy(dns->channel);
	dns->channel = NULL;
	timer_stop(loop_timers(dns->net->loop), &dns->timeout);
}

static void forget_all(struct dns *dns)
{
	while (!list_empty(&dns->ages))
		forget(LIST_ENTRY(list_first(&dns->ages), struct dns_entry, age));
}

void dns_free(struct dns *dns)
{
	if (!dns)
		return;
	close_channel(dns);
	forget_all(dns);
	map_fini(&dns->entries);
	if (dns->library)
		ares_library_cleanup();
	free(dns);
}

/* ---- c-ares on the loop ---- */

static void on_timeout(void *arg);

static void set_timeout(struct dns *dns)
{
	struct timeval most = { TRIES * 4, 0 }, wait;

	if (!dns->pending || !ares_timeout(dns->channel, &most, &wait)) {
		timer_stop(loop_timers(dns->net->loop), &dns->timeout);
		return;
	}
	timer_start(loop_timers(dns->net->loop), &dns->timeout, wait.tv_sec * SECOND_US + wait.tv_usec + MS_US,
		    on_timeout, dns);
}

static void on_timeout(void *arg)
{
	struct dns *dns = arg;

	ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timeout(dns);
}

static void on_socket(void *arg, int events)
{
	struct dns_socket *s = arg;
	struct dns *dns = s->dns;
	ares_socket_t fd = s->fd;

	/* `s` may be gone when this returns. A refused port is met by reading. */
	ares_process_fd(dns->channel, events & (LOOP_READ | LOOP_ERROR) ? fd : ARES_SOCKET_BAD,
			events & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	set_timeout(dns);
}

static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *dns = arg;
	int events = (readable ? LOOP_READ : 0) | (writable ? LOOP_WRITE : 0);

	LIST_EACH(&dns->sockets, node) {
		struct dns_socket *s = LIST_ENTRY(node, struct dns_socket, node);
		if (s->fd != fd)
			continue;
		if (events) {
			loop_watch_change(s->watch, events);
		} else {
			list_remove(&s->node);
			loop_unwatch(s->watch);
			free(s);
		}
		return;
	}
	if (!events)
		return;
	struct dns_socket *s = xcalloc(1, sizeof *s);
	s->dns = dns;
	s->fd = fd;
	list_append(&dns->sockets, &s->node);
	s->watch = loop_watch(dns->net->loop, fd, events, on_socket, s);
}

static struct timespec file_time(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? status.st_mtim : (struct timespec){ 0 };
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static void use_servers(struct dns *dns)
{
	for (size_t i = 0; i < dns->server_count; i++)
		dns->servers[i].next = i + 1 < dns->server_count ? &dns->servers[i + 1] : NULL;
	if (dns->server_count)
		ares_set_servers_ports(dns->channel, dns->servers);
}

/* Another network, another resolv.conf: it is looked at whenever no question is under way. */
static bool open_channel(struct dns *dns)
{
	struct ares_options options = {
		.timeout = TRY_MS, .tries = TRIES, .sock_state_cb = on_socket_state, .sock_state_cb_data = dns
	};
	struct timespec changed = file_time("/etc/resolv.conf");

	if (dns->channel && !dns->pending && !same_time(changed, dns->resolv_conf))
		close_channel(dns);
	if (dns->channel)
		return true;
	if (!dns->library && ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return false;
	dns->library = true;
	dns->resolv_conf = changed;
	if (ares_init_options(&dns->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) !=
	    ARES_SUCCESS) {
		dns->channel = NULL;
		return false;
	}
	use_servers(dns);
	return true;
}

enum err dns_set_servers(struct dns *dns, struct slice servers)
{
	struct ares_addr_port_node nodes[SERVERS_MAX] = { 0 };
	size_t count = 0;

	while (slice_trim(servers).n) {
		struct address address;
		if (count == SERVERS_MAX || !address_parse(&address, slice_trim(slice_cut(&servers, ',')), 53) ||
		    !address_port(&address))
			return ERR_SYNTAX;
		struct ares_addr_port_node *node = &nodes[count++];
		node->family = address.u.any.sa_family;
		node->udp_port = node->tcp_port = address_port(&address);
		if (address_is_v6(&address))
			memcpy(&node->addr.addr6, &address.u.v6.sin6_addr, 16);
		else
			node->addr.addr4 = address.u.v4.sin_addr;
	}
	close_channel(dns);
	forget_all(dns);
	memcpy(dns->servers, nodes, sizeof nodes);
	dns->server_count = count;
	dns->failure = ARES_SUCCESS;
	locate_look_again(dns->net);
	return ERR_NONE;
}

/* ---- answers ---- */

static void keep_answer(struct dns_entry *entry, const struct dns_records *records)
{
	int64_t ttl_us = (int64_t)records->ttl_s * SECOND_US;

	entry->status = records->count ? DNS_FOUND : DNS_NONE;
	entry->count = records->count;
	if (!records->count)
		return;
	entry->rows = xcalloc(records->count, sizeof *entry->rows);
	memcpy(entry->rows, records->rows, records->count * sizeof *entry->rows);
	entry->until_us = entry->answered_us + (ttl_us < TTL_MAX_US ? ttl_us : TTL_MAX_US);
}

static const char *name_of(const struct dns_entry *entry)
{
	return strchr(entry->key, ' ') + 1;
}

static bool is_searched(const struct dns_entry *entry)
{
	return !strchr(name_of(entry), '.');
}

/* A call to one name asks half a dozen questions: one line is enough of servers that are not there. */
static void tell_failure(struct dns *dns, int status, const char *name)
{
	char *clean = utf8_clean_dup(slice_of(name));

	log_line(dns->net->log, dns->failure == status ? LOG_DEBUG : LOG_WARNING, "name server: %s (%s)",
		 ares_strerror(status), clean);
	free(clean);
	dns->failure = status;
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *answer, int length)
{
	struct dns_entry *entry = arg;
	struct dns *dns = entry->dns;
	struct dns_records records;

	(void)timeouts;
	dns->pending--;
	entry->answered_us = now_us(dns);
	entry->status = DNS_FAILED;
	entry->until_us = entry->answered_us + FAILED_KEPT_US;
	if (status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_SUCCESS)
		dns->failure = ARES_SUCCESS;
	if (status == ARES_ENOTFOUND || status == ARES_ENODATA) {
		entry->status = DNS_NONE;
	} else if (status == ARES_SUCCESS) {
		const char *name = is_searched(entry) ? NULL : name_of(entry);
		if (dns_answer_parse(slice_make(answer, (size_t)length), name, entry->type, &records))
			keep_answer(entry, &records);
	} else if (status != ARES_EDESTRUCTION) {
		tell_failure(dns, status, name_of(entry));
	}
	if (entry->status == DNS_NONE)
		entry->until_us = entry->answered_us + NONE_KEPT_US;
	locate_look_again(dns->net);
}

/* The oldest answer goes first; questions under way stay, their number is bounded by the locates. */
static void make_room(struct dns *dns)
{
	LIST_EACH(&dns->ages, node) {
		struct dns_entry *entry = LIST_ENTRY(node, struct dns_entry, age);
		if (dns->entries.count < ENTRIES_MAX)
			return;
		if (entry->status != DNS_PENDING)
			forget(entry);
	}
}

static struct slice make_key(char key[KEY_BYTES], const char *name, enum dns_type type, bool from_hosts)
{
	int n = snprintf(key, KEY_BYTES, "%s%d %.255s", from_hosts ? "h" : "", (int)type, name);

	for (int i = 0; i < n; i++)
		if (key[i] >= 'A' && key[i] <= 'Z')
			key[i] = (char)(key[i] + ('a' - 'A'));
	return slice_make(key, (size_t)n);
}

static struct dns_entry *entry_new(struct dns *dns, const char *name, enum dns_type type, bool from_hosts)
{
	make_room(dns);
	struct dns_entry *entry = xcalloc(1, sizeof *entry);
	entry->dns = dns;
	entry->type = type;
	entry->from_hosts = from_hosts;
	map_add(&dns->entries, &entry->node, make_key(entry->key, name, type, from_hosts));
	list_append(&dns->ages, &entry->age);
	return entry;
}

static struct dns_entry *find(struct dns *dns, const char *name, enum dns_type type, bool from_hosts)
{
	char key[KEY_BYTES];
	struct map_node *node = map_find(&dns->entries, make_key(key, name, type, from_hosts));

	return node ? CONTAINER_OF(node, struct dns_entry, node) : NULL;
}

static struct dns_entry *ask(struct dns *dns, const char *name, enum dns_type type)
{
	if (!open_channel(dns))
		return NULL;
	struct dns_entry *entry = entry_new(dns, name, type, false);
	dns->pending++;
	/* Both may answer before they return: nobody is told before the next turn. */
	if (is_searched(entry))
		ares_search(dns->channel, name_of(entry), 1, (int)type, on_answer, entry);
	else
		ares_query(dns->channel, name_of(entry), 1, (int)type, on_answer, entry);
	set_timeout(dns);
	return entry;
}

enum dns_status dns_get(struct dns *dns, const char *name, enum dns_type type, int64_t since_us,
			const struct dns_record **rows, size_t *count)
{
	struct dns_entry *entry = find(dns, name, type, false);

	*rows = NULL;
	*count = 0;
	if (entry && entry->status != DNS_PENDING && entry->until_us <= now_us(dns) && entry->answered_us < since_us) {
		forget(entry);
		entry = NULL;
	}
	if (!entry)
		entry = ask(dns, name, type);
	if (!entry)
		return DNS_FAILED;
	*rows = entry->rows;
	*count = entry->count;
	return entry->status;
}

/* ---- the hosts file ---- */

/* RFC 6761 6.3: these never leave the host, whatever a hosts file lacks. */
static bool is_localhost(const char *name)
{
	struct slice s = slice_of(name), local = SLICE("localhost");

	return slice_ieq(s, local) ||
	       (s.n > local.n && s.p[s.n - local.n - 1] == '.' && slice_ieq(slice_from(s, s.n - local.n), local));
}

static struct address from_hostent(const struct hostent *host, size_t i)
{
	struct address address = { 0 };

	address.u.any.sa_family = (sa_family_t)host->h_addrtype;
	if (host->h_addrtype == AF_INET6)
		memcpy(&address.u.v6.sin6_addr, host->h_addr_list[i], 16);
	else
		memcpy(&address.u.v4.sin_addr, host->h_addr_list[i], 4);
	return address;
}

static void read_hosts(struct dns_entry *entry)
{
	struct dns_record rows[DNS_RECORDS_MAX] = { 0 };
	struct hostent *host = NULL;
	int family = entry->type == DNS_A ? AF_INET : AF_INET6;

	if (ares_gethostbyname_file(entry->dns->channel, name_of(entry), family, &host) == ARES_SUCCESS) {
		for (size_t i = 0; host->h_addr_list[i] && entry->count < DNS_RECORDS_MAX; i++)
			rows[entry->count++].address = from_hostent(host, i);
		ares_free_hostent(host);
	}
	if (!entry->count && is_localhost(name_of(entry)) &&
	    address_parse_host(&rows[0].address, family == AF_INET ? SLICE("127.0.0.1") : SLICE("::1"), 0))
		entry->count = 1;
	entry->status = entry->count ? DNS_FOUND : DNS_NONE;
	if (!entry->count)
		return;
	entry->rows = xcalloc(entry->count, sizeof *entry->rows);
	memcpy(entry->rows, rows, entry->count * sizeof *rows);
}

static void forget_hosts(struct dns *dns)
{
	LIST_EACH(&dns->ages, node) {
		struct dns_entry *entry = LIST_ENTRY(node, struct dns_entry, age);
		if (entry->from_hosts)
			forget(entry);
	}
}

/* Some hosts files are megabytes long: a name is looked up once, until the file changes. */
enum dns_status dns_get_host(struct dns *dns, const char *name, enum dns_type type, const struct dns_record **rows,
			     size_t *count)
{
	struct timespec changed = file_time("/etc/hosts");

	*rows = NULL;
	*count = 0;
	if (!open_channel(dns))
		return DNS_NONE;
	if (!same_time(changed, dns->hosts))
		forget_hosts(dns);
	dns->hosts = changed;
	struct dns_entry *entry = find(dns, name, type, true);
	if (!entry) {
		entry = entry_new(dns, name, type, true);
		entry->status = DNS_NONE;
		read_hosts(entry);
	}
	*rows = entry->rows;
	*count = entry->count;
	return entry->status;
}
