#include "phone/capture.h"

#include "base/xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
	LINKTYPE_RAW = 101, /* the packet begins with its IP header */
	SNAP_BYTES = 65535,
	UDP_HEADER = 8,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	PAYLOAD_MAX = SNAP_BYTES - IPV6_HEADER - UDP_HEADER,
	PROTOCOL_UDP = 17,
	HOPS = 64,
};

struct capture {
	FILE *file;
	char *path;
	size_t packets;
	int error;
};

struct capture *capture_open(const char *path, enum err *err)
{
	/* In the byte order of the host, as the format has it. */
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snap, link;
	} header = { 0xa1b2c3d4, 2, 4, 0, 0, SNAP_BYTES, LINKTYPE_RAW };
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (!file) {
		*err = errno == EEXIST ? ERR_EXISTS : err_from_errno(errno);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	struct capture *capture = xcalloc(1, sizeof *capture);
	capture->file = file;
	capture->path = xstrdup(path);
	if (fwrite(&header, sizeof header, 1, file) != 1)
		capture->error = errno;
	return capture;
}

static uint32_t add_sum(uint32_t sum, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (n % 2)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void put16(unsigned char *p, size_t value)
{
	p[0] = (unsigned char)(value >> 8);
	p[1] = (unsigned char)value;
}

/* The 16 bytes of an address in IPv6 form; an IPv4 one mapped. */
static void address_bytes(const struct address *address, unsigned char bytes[16])
{
	memset(bytes, 0, 16);
	if (address->u.any.sa_family == AF_INET6) {
		memcpy(bytes, &address->u.v6.sin6_addr, 16);
	} else {
		bytes[10] = bytes[11] = 0xff;
		memcpy(bytes + 12, &address->u.v4.sin_addr, 4);
	}
}

static bool is_mapped(const unsigned char bytes[16])
{
	static const unsigned char prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(bytes, prefix, sizeof prefix);
}

/* IP and UDP headers of a packet of `whole` bytes, of which `payload` is written; the checksum of what is not whole is
 * left out (IPv4 allows it, and readers of cut packets do not look at it). @return their bytes */
static size_t make_headers(unsigned char *p, const struct address *from, const struct address *to, struct slice payload,
			   size_t whole)
{
	unsigned char source[16], target[16], *udp;
	size_t length = UDP_HEADER + whole, n;
	uint32_t sum;

	address_bytes(from, source);
	address_bytes(to, target);
	/* A listener that is bound to no address is shown as the family of its peer. */
	bool v4 = is_mapped(source) && is_mapped(target);
	n = v4 ? IPV4_HEADER : IPV6_HEADER;
	memset(p, 0, n + UDP_HEADER);
	if (v4) {
		p[0] = 0x45;
		put16(p + 2, n + length);
		p[8] = HOPS;
		p[9] = PROTOCOL_UDP;
		memcpy(p + 12, source + 12, 4);
		memcpy(p + 16, target + 12, 4);
		put16(p + 10, ~add_sum(0, p, n) & 0xffff);
		sum = add_sum(0, p + 12, 8);
	} else {
		p[0] = 0x60;
		put16(p + 4, length);
		p[6] = PROTOCOL_UDP;
		p[7] = HOPS;
		memcpy(p + 8, source, 16);
		memcpy(p + 24, target, 16);
		sum = add_sum(0, p + 8, 32);
	}
	udp = p + n;
	put16(udp, address_port(from));
	put16(udp + 2, address_port(to));
	put16(udp + 4, length);
	sum = add_sum(sum + PROTOCOL_UDP + (uint32_t)length, udp, UDP_HEADER);
	sum = add_sum(sum, (const unsigned char *)payload.p, payload.n);
	if (payload.n == whole)
		put16(udp + 6, sum == 0xffff ? 0xffff : ~sum & 0xffff);
	return n + UDP_HEADER;
}

void capture_part(struct capture *capture, int64_t unix_us, const struct address *from, const struct address *to,
		  struct slice bytes, size_t whole)
{
	unsigned char headers[IPV6_HEADER + UDP_HEADER];

	whole = whole < PAYLOAD_MAX ? whole : PAYLOAD_MAX;
	bytes = slice_sub(bytes, 0, whole);
	size_t n = make_headers(headers, from, to, bytes, whole);
	const uint32_t record[] = { (uint32_t)(unix_us / SECOND_US), (uint32_t)(unix_us % SECOND_US),
				    (uint32_t)(n + bytes.n), (uint32_t)(n + whole) };

	if (fwrite(record, sizeof record, 1, capture->file) != 1 || fwrite(headers, n, 1, capture->file) != 1 ||
	    (bytes.n && fwrite(bytes.p, bytes.n, 1, capture->file) != 1))
		capture->error = errno;
	else
		capture->packets++;
}

/* @param unix_us when it went or came */
static void add_packet(struct capture *capture, int64_t unix_us, const struct address *from, const struct address *to,
		    struct slice bytes)
{
	capture_part(capture, unix_us, from, to, bytes, bytes.n);
}

void capture_message(struct capture *capture, const struct trace_entry *entry, bool redact)
{
	const struct address *from = entry->sent ? &entry->local : &entry->remote,
			     *to = entry->sent ? &entry->remote : &entry->local;
	struct buf masked;

	if (!redact) {
		add_packet(capture, entry->unix_us, from, to, entry->bytes);
		return;
	}
	buf_init(&masked, entry->bytes.n + 1);
	trace_mask(entry->bytes, &masked);
	add_packet(capture, entry->unix_us, from, to, buf_slice(&masked));
	buf_fini(&masked);
}

bool capture_close(struct capture *capture, size_t *packets, enum err *err)
{
	if (fflush(capture->file) && !capture->error)
		capture->error = errno;
	if (fclose(capture->file) && !capture->error)
		capture->error = errno;
	if (capture->error)
		unlink(capture->path);
	*packets = capture->packets;
	*err = capture->error ? err_from_errno(capture->error) : ERR_NONE;
	bool good = !capture->error;
	free(capture->path);
	free(capture);
	return good;
}
