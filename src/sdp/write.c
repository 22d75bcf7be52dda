#include "sdp/internal.h"

#include "base/xmalloc.h"

#include <inttypes.h>

/* One copy of the first codec of the same clock, before that codec (RFC 2198 5). */
static void write_red(const struct sdp_description *d, const struct sdp_codec *red, unsigned number, struct buf *to)
{
	for (size_t i = 0; i < d->row_count; i++) {
		const struct sdp_codec *codec = &d->rows[i].codec;
		unsigned inner = d->rows[i].payload_type;
		if (sdp_is_beside(codec) || codec->clock_rate != red->clock_rate)
			continue;
		buf_printf(to, "a=fmtp:%u %u/%u\r\n", number, inner, inner);
		return;
	}
}

/* The media line of ours and its attributes, with this port. */
static void write_audio(const struct sdp_description *d, uint16_t port, struct buf *to)
{
	buf_printf(to, "m=audio %u %s", port, d->profile);
	for (size_t i = 0; i < d->row_count; i++)
		buf_printf(to, " %u", d->rows[i].payload_type);
	buf_add(to, SLICE("\r\n"));
	if (d->local->bandwidth_as)
		buf_printf(to, "b=AS:%" PRIu32 "\r\n", d->local->bandwidth_as);
	if (d->local->bandwidth_tias)
		buf_printf(to, "b=TIAS:%" PRIu32 "\r\n", d->local->bandwidth_tias);
	for (size_t i = 0; i < d->row_count; i++) {
		const struct sdp_codec *codec = &d->rows[i].codec;
		unsigned number = d->rows[i].payload_type;
		buf_printf(to, "a=rtpmap:%u %s/%" PRIu32, number, codec->encoding, codec->clock_rate);
		if (codec->channels > 1)
			buf_printf(to, "/%" PRIu32, codec->channels);
		buf_add(to, SLICE("\r\n"));
		if (sdp_is_red(codec))
			write_red(d, codec, number, to);
		else if (codec->fmtp)
			buf_printf(to, "a=fmtp:%u %s\r\n", number, codec->fmtp);
	}
	if (d->local->ptime_ms)
		buf_printf(to, "a=ptime:%" PRIu32 "\r\n", d->local->ptime_ms);
	if (d->rtcp_mux)
		buf_add(to, SLICE("a=rtcp-mux\r\n"));
	buf_add(to, d->security);
	buf_printf(to, "a=%s\r\n", sdp_direction_name(d->direction).p);
}

static void write_rejected(const struct sdp_line *line, struct buf *to)
{
	buf_printf(to, "m=%s 0 %s %s\r\n", line->type, line->protocol, line->formats);
}

/* All that stands behind the version in o=. */
static void write_tail(const struct sdp_description *d, struct buf *to)
{
	char host[ADDRESS_TEXT];
	const char *family = address_is_v6(&d->local->rtp) ? "IP6" : "IP4";

	address_print_host(&d->local->rtp, false, host);
	buf_printf(to, " IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=%.*s\r\n", family, host, family, host, SLICE_ARG(d->times));
	for (size_t i = 0; i < d->line_count || i == 0; i++) {
		if (i == d->ours || !d->lines)
			write_audio(d, address_port(&d->local->rtp), to);
		else
			write_rejected(&d->lines[i], to);
	}
}

/* RFC 3264 8: the version rises by one with every change; the same version promises the same description. */
void sdp_write(struct sdp_negotiation *n, const struct sdp_description *d, struct buf *to)
{
	struct buf tail;

	buf_init(&tail, 2 * SDP_MAX);
	write_tail(d, &tail);
	if (!n->sent || strcmp(n->sent, buf_text(&tail)) != 0) {
		n->version++;
		free(n->sent);
		n->sent = buf_take(&tail);
	}
	buf_fini(&tail);
	buf_printf(to, "v=0\r\no=%s %" PRIu64 " %" PRIu64 "%s", n->user, n->session_id, n->version, n->sent);
}
