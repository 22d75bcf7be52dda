#include "sdp/internal.h"

#include <stddef.h>

static const struct {
	struct slice name;
	enum sdp_direction reverse;
} directions[] = {
	[SDP_SENDRECV] = { SLICE_INIT("sendrecv"), SDP_SENDRECV },
	[SDP_SENDONLY] = { SLICE_INIT("sendonly"), SDP_RECVONLY },
	[SDP_RECVONLY] = { SLICE_INIT("recvonly"), SDP_SENDONLY },
	[SDP_INACTIVE] = { SLICE_INIT("inactive"), SDP_INACTIVE },
};

struct slice sdp_direction_name(enum sdp_direction direction)
{
	return directions[direction].name;
}

enum sdp_direction sdp_direction_reverse(enum sdp_direction direction)
{
	return directions[direction].reverse;
}

/* What c= says. */
struct connection {
	bool given, literal;
	struct address address;
};

struct parser {
	struct arena *arena;
	struct sdp_session *session;
	struct sdp_media *media;               /* of the present section; NULL in the session's */
	struct connection session_connection, connection;
	bool has_direction;
	enum sdp_direction session_direction;
	uint32_t session_as, session_tias;
	uint16_t rtcp_port;                    /* a=rtcp of the present section; 0: none */
	struct connection rtcp;
	size_t attribute_count;
	bool has_origin;
	struct sdp_attribute attributes[SDP_ATTRIBUTES_MAX]; /* not cleared: 8 KiB that hardly anybody fills */
};

struct slice sdp_word(struct slice *rest)
{
	while (rest->n && (rest->p[0] == ' ' || rest->p[0] == '\t'))
		*rest = slice_from(*rest, 1);
	size_t n = 0;
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
		n++;
	struct slice found = slice_sub(*rest, 0, n);
	*rest = slice_from(*rest, n);
	return found;
}

/* The number that the text begins with, at most `max`: "20", "20.0", "30;x". @return false: no digit, or too large */
static bool leading_number(struct slice s, uint64_t max, uint64_t *value)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return slice_to_u64(slice_sub(s, 0, n), max, value);
}

static bool parse_origin(struct parser *p, struct slice value)
{
	struct sdp_session *session = p->session;

	session->origin_user = sdp_word(&value);
	session->origin_id = sdp_word(&value);
	session->origin_version = sdp_word(&value);
	sdp_word(&value); /* IN */
	sdp_word(&value); /* IP4, IP6 */
	p->has_origin = true;
	return sdp_word(&value).n > 0;
}

/* "IN IP4 192.0.2.4/127": what follows the slash matters to multicast only. */
static bool parse_connection(struct slice value, struct connection *connection)
{
	struct slice host;

	if (!slice_ieq(sdp_word(&value), SLICE("IN")))
		return false;
	sdp_word(&value);
	host = sdp_word(&value);
	host = slice_cut(&host, '/');
	if (!host.n)
		return false;
	connection->given = true;
	connection->literal = address_parse_host(&connection->address, host, 0);
	return true;
}

static bool is_rtp(const struct sdp_media *media)
{
	return slice_ibegins(media->protocol, SLICE("RTP/"));
}

static void add_format(struct sdp_media *media, struct slice text)
{
	uint64_t number;

	if (media->format_count == SDP_FORMATS_MAX)
		return;
	struct sdp_format *format = &media->formats[media->format_count++];
	*format = (struct sdp_format){ .text = text, .payload_type = SDP_NO_PAYLOAD_TYPE, .channels = 1 };
	if (is_rtp(media) && slice_to_u64(text, 127, &number))
		format->payload_type = (uint8_t)number;
}

/* m=audio 49170/2 RTP/AVP 0 8 96 */
static bool parse_media(struct parser *p, struct slice value)
{
	struct sdp_media *media;
	struct slice ports, format;
	uint64_t port;

	if (p->session->media_count == SDP_MEDIA_MAX)
		return false;
	media = p->media = &p->session->media[p->session->media_count++];
	*media = (struct sdp_media){ .type = sdp_word(&value) };
	ports = sdp_word(&value);
	media->protocol = sdp_word(&value);
	if (!slice_to_u64(slice_cut(&ports, '/'), 65535, &port) || !media->protocol.n)
		return false;
	media->port = (uint16_t)port;
	while ((format = sdp_word(&value)).n)
		add_format(media, format);
	return media->format_count > 0 || media->port == 0;
}

/* "96 opus/48000/2", for every format with that number: some list a number twice. */
static void parse_rtpmap(struct sdp_media *media, struct slice value)
{
	struct slice number = sdp_word(&value), map = sdp_word(&value);
	struct slice encoding = slice_cut(&map, '/'), clock = slice_cut(&map, '/');
	uint64_t payload_type;
	uint32_t clock_rate, channels = 1;

	if (!slice_to_u64(number, 127, &payload_type) || !encoding.n || !slice_to_u32(clock, &clock_rate) ||
	    !clock_rate)
		return;
	if (map.n && (!slice_to_u32(slice_cut(&map, '/'), &channels) || !channels))
		return;
	for (size_t i = 0; i < media->format_count; i++) {
		struct sdp_format *format = &media->formats[i];
		if (format->payload_type != payload_type || format->encoding.n)
			continue;
		format->encoding = encoding;
		format->clock_rate = clock_rate;
		format->channels = channels;
	}
}

static void parse_fmtp(struct sdp_media *media, struct slice value)
{
	struct slice text = sdp_word(&value);

	value = slice_trim(value);
	for (size_t i = 0; i < media->format_count; i++)
		if (slice_eq(media->formats[i].text, text) && !media->formats[i].fmtp.n)
			media->formats[i].fmtp = value;
}

/* RFC 3605: "53020" or "53020 IN IP6 2001:db8::4". */
static void parse_rtcp(struct parser *p, struct slice value)
{
	uint64_t port;

	if (!slice_to_u64(sdp_word(&value), 65535, &port) || !port)
		return;
	p->rtcp_port = (uint16_t)port;
	p->rtcp = (struct connection){ 0 };
	if (slice_trim(value).n && !parse_connection(value, &p->rtcp))
		p->rtcp = (struct connection){ 0 };
}

static void parse_ptime(struct slice value, uint32_t *ms)
{
	uint64_t number;

	if (leading_number(value, 10000, &number))
		*ms = (uint32_t)number;
}

static bool parse_direction(struct parser *p, struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(directions); i++) {
		if (!slice_ieq(name, directions[i].name))
			continue;
		*(p->media ? &p->media->direction : &p->session_direction) = (enum sdp_direction)i;
		p->has_direction = true;
		return true;
	}
	return false;
}

static void understand(struct parser *p, const struct sdp_attribute *a)
{
	struct sdp_media *media = p->media;

	if (parse_direction(p, a->name) || !media)
		return;
	if (slice_ieq(a->name, SLICE("rtpmap")))
		parse_rtpmap(media, a->value);
	else if (slice_ieq(a->name, SLICE("fmtp")))
		parse_fmtp(media, a->value);
	else if (slice_ieq(a->name, SLICE("ptime")))
		parse_ptime(a->value, &media->ptime_ms);
	else if (slice_ieq(a->name, SLICE("maxptime")))
		parse_ptime(a->value, &media->maxptime_ms);
	else if (slice_ieq(a->name, SLICE("rtcp")))
		parse_rtcp(p, a->value);
	else if (slice_ieq(a->name, SLICE("rtcp-mux")))
		media->rtcp_mux = true;
}

/* "AS:64", "TIAS:50780"; what is beyond 32 bits limits nothing. */
static void parse_bandwidth(struct parser *p, struct slice value)
{
	struct slice kind = slice_trim(slice_cut(&value, ':'));
	uint32_t *as = p->media ? &p->media->bandwidth_as : &p->session_as;
	uint32_t *tias = p->media ? &p->media->bandwidth_tias : &p->session_tias;
	uint32_t number;

	if (!slice_to_u32(slice_trim(value), &number))
		return;
	if (slice_ieq(kind, SLICE("AS")))
		*as = number;
	else if (slice_ieq(kind, SLICE("TIAS")))
		*tias = number;
}

static bool parse_attribute(struct parser *p, struct slice value)
{
	struct sdp_attribute a = { .name = slice_trim(slice_cut(&value, ':')) };

	a.value = value; /* not above: the members of a list are evaluated in any order (C11 6.7.9) */
	if (!a.name.n)
		return true; /* "a=" alone says nothing and harms nobody */
	understand(p, &a);
	if (p->attribute_count < SDP_ATTRIBUTES_MAX)
		p->attributes[p->attribute_count++] = a;
	return true;
}

static const struct sdp_attribute *keep_attributes(struct parser *p)
{
	size_t bytes = p->attribute_count * sizeof *p->attributes;
	void *kept = bytes ? arena_alloc(p->arena, bytes) : NULL;

	if (kept)
		memcpy(kept, p->attributes, bytes);
	return kept;
}

/* The number means what RFC 3551 says only where no rtpmap says otherwise. */
static void complete_formats(struct sdp_media *media)
{
	for (size_t i = 0; i < media->format_count; i++) {
		struct sdp_format *format = &media->formats[i];
		const struct sdp_static_type *type = sdp_static_type(format->payload_type);
		if (format->encoding.n || !type)
			continue;
		format->encoding = slice_of(type->encoding);
		format->clock_rate = type->clock_rate;
		format->channels = type->channels;
	}
}

static void complete_addresses(struct parser *p)
{
	struct sdp_media *media = p->media;
	const struct connection *c = p->connection.given ? &p->connection : &p->session_connection;

	if (c->given && c->literal) {
		media->has_address = true;
		media->address = c->address;
		address_set_port(&media->address, media->port);
		media->held_by_address = address_is_any(&c->address);
	}
	if (media->port == 0)
		return;
	if (p->rtcp_port && p->rtcp.given && p->rtcp.literal)
		media->rtcp = p->rtcp.address;
	else if (media->has_address && (p->rtcp_port || media->port < 65535))
		media->rtcp = media->address;
	if (address_is_set(&media->rtcp))
		address_set_port(&media->rtcp, p->rtcp_port ? p->rtcp_port : (uint16_t)(media->port + 1));
}

/* The section is whole: what depends on several of its lines is put together. */
static void end_section(struct parser *p)
{
	if (p->media) {
		p->media->attributes = keep_attributes(p);
		p->media->attribute_count = p->attribute_count;
		complete_formats(p->media);
		complete_addresses(p);
		if (!p->media->bandwidth_as && !p->media->bandwidth_tias) {
			p->media->bandwidth_as = p->session_as;
			p->media->bandwidth_tias = p->session_tias;
		}
		if (!p->has_direction)
			p->media->direction = p->session_direction;
	} else {
		p->session->attributes = keep_attributes(p);
		p->session->attribute_count = p->attribute_count;
	}
	p->attribute_count = 0;
	p->has_direction = false;
	p->rtcp_port = 0;
	p->connection = p->rtcp = (struct connection){ 0 };
}

static bool parse_line(struct parser *p, struct slice line, size_t number)
{
	struct slice value;
	struct connection *connection = p->media ? &p->connection : &p->session_connection;

	if (line.n < 2 || line.p[1] != '=' || slice_find(line, '\r') < line.n)
		return false;
	value = slice_from(line, 2);
	if (number == 0)
		return line.p[0] == 'v' && slice_eq(slice_trim(value), SLICE("0"));
	if ((number == 1) != (line.p[0] == 'o'))
		return false;
	switch (line.p[0]) {
	case 'o':
		return parse_origin(p, value);
	case 's':
		p->session->name = value;
		return true;
	case 't':
		if (!p->session->times.n)
			p->session->times = slice_trim(value);
		return true;
	case 'c':
		return connection->given || parse_connection(value, connection);
	case 'm':
		end_section(p);
		return parse_media(p, value);
	case 'a':
		return parse_attribute(p, value);
	case 'b':
		parse_bandwidth(p, value);
		return true;
	/* RFC 8866 5: known letters that tell us nothing; a description with any other is to be refused. */
	case 'i': case 'u': case 'e': case 'p': case 'r': case 'z': case 'k':
		return true;
	default:
		return false;
	}
}

static bool fault(size_t *offset, size_t at)
{
	if (offset)
		*offset = at;
	return false;
}

bool sdp_parse(struct arena *arena, struct slice text, struct sdp_session *session, size_t *offset)
{
	struct parser p;
	size_t at = 0, number = 0;

	memset(&p, 0, offsetof(struct parser, attributes));
	p.arena = arena;
	p.session = session;
	session->media_count = session->attribute_count = 0;
	session->attributes = NULL;
	session->origin_user = session->origin_id = session->origin_version = session->name = session->times =
		SLICE("");
	if (text.n > SDP_MAX)
		return fault(offset, SDP_MAX);
	if (slice_find(text, '\0') < text.n)
		return fault(offset, slice_find(text, '\0'));
	text = arena_copy(arena, text);
	while (at < text.n) {
		struct slice rest = slice_from(text, at), line = slice_cut(&rest, '\n');
		size_t next = at + line.n + 1;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		/* Empty lines at the end are left over from how bodies are put together. */
		if (!slice_trim(line).n && !slice_trim(rest).n)
			break;
		if (!parse_line(&p, line, number++))
			return fault(offset, at);
		at = next;
	}
	if (!p.has_origin)
		return fault(offset, text.n);
	end_section(&p);
	if (!session->times.n)
		session->times = SLICE("0 0");
	return true;
}
