#include "sdp/internal.h"

#include "base/random.h"
#include "base/xmalloc.h"

enum { SECURITY_LINE = 128, SECURITY_MAX = SDP_CRYPTOS_MAX * SECURITY_LINE };

/* ---- lines of the last exchange ---- */

static char *formats_text(const struct sdp_media *media)
{
	struct buf text;

	buf_init(&text, SDP_MAX);
	for (size_t i = 0; i < media->format_count; i++)
		buf_printf(&text, "%s%.*s", i ? " " : "", SLICE_ARG(media->formats[i].text));
	if (!media->format_count)
		buf_add_char(&text, '0');
	return buf_take(&text);
}

static size_t copy_lines(struct sdp_line lines[SDP_MEDIA_MAX], const struct sdp_session *session)
{
	for (size_t i = 0; i < session->media_count; i++) {
		const struct sdp_media *media = &session->media[i];
		lines[i] = (struct sdp_line){ slice_dup(media->type), slice_dup(media->protocol), formats_text(media) };
	}
	return session->media_count;
}

/* Numbers that the peer has given a meaning, whether or not we know it. */
static void take_numbers(struct sdp_negotiation *n, const struct sdp_media *media)
{
	for (size_t i = 0; i < media->format_count; i++)
		if (media->formats[i].payload_type < 128)
			n->taken[media->formats[i].payload_type] = true;
}

static void keep_peer(struct sdp_negotiation *n, struct arena *arena, const struct sdp_agreed *agreed)
{
	arena_fini(&n->peer_arena);
	n->peer_arena = *arena;
	n->pending = false;
	n->peer_holds = agreed->peer_holds;
}

/* ---- our offer ---- */

/*
 * Is there an audio codec of the clock rate of what stands beside it? Events and redundancy of any other would have no
 * time line (RFC 4733 2.4.1). Redundancy is offered for the codec that we like best alone: who knows it will take that
 * one, and every line makes it likelier that the request is too long for UDP.
 */
static bool audio_has_clock(const struct sdp_local *local, const struct sdp_codec *beside)
{
	for (size_t i = 0; i < local->codec_count; i++) {
		if (sdp_is_beside(&local->codecs[i]))
			continue;
		if (local->codecs[i].clock_rate == beside->clock_rate)
			return true;
		if (sdp_is_red(beside))
			return false;
	}
	return false;
}

static bool has_number(const struct sdp_row *rows, size_t count, uint8_t payload_type)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].payload_type == payload_type)
			return true;
	return false;
}

static size_t offer_rows(struct sdp_negotiation *n, const struct sdp_local *local, struct sdp_row rows[SDP_FORMATS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < local->codec_count && count < SDP_FORMATS_MAX; i++) {
		const struct sdp_codec *codec = &local->codecs[i];
		if (sdp_is_beside(codec) && !audio_has_clock(local, codec))
			continue;
		uint8_t number = sdp_number_for(n, codec);
		if (number == SDP_NO_PAYLOAD_TYPE || has_number(rows, count, number))
			continue;
		sdp_number_note(n, codec, number);
		rows[count++] = (struct sdp_row){ *codec, number };
	}
	return count;
}

/* The first description settles on a protocol, later ones keep it. */
static const char *offer_profile(const struct sdp_negotiation *n, const struct sdp_local *local)
{
	if (n->line_count)
		return n->lines[n->ours].protocol;
	return local->keying && local->encryption_required ? local->keying->profile : "RTP/AVP";
}

static void note_offer(struct sdp_negotiation *n, const struct sdp_local *local, const struct sdp_row *rows,
		       size_t count)
{
	arena_fini(&n->offered_arena);
	arena_init(&n->offered_arena);
	n->offered = sdp_copy_rows(&n->offered_arena, rows, count);
	n->offered_count = count;
	n->local = local->rtp;
	n->offered_direction = local->direction;
	n->offered_keying = local->keying;
	n->offered_required = local->encryption_required;
	n->offered_mux = local->rtcp_mux;
	n->offered_cryptos = sdp_copy_cryptos(&n->offered_arena, local->cryptos, local->crypto_count);
	n->offered_crypto_count = local->crypto_count;
	n->pending = true;
}

void sdp_make_offer(struct sdp_negotiation *n, const struct sdp_local *local, struct buf *offer)
{
	struct sdp_row rows[SDP_FORMATS_MAX];
	struct sdp_description d = {
		.local = local, .rows = rows, .direction = local->direction, .times = SLICE("0 0")
	};
	struct buf security;

	buf_init(&security, SECURITY_MAX);
	if (local->keying)
		local->keying->offer(local, &security);
	d.profile = offer_profile(n, local);
	d.rtcp_mux = local->rtcp_mux;
	d.security = buf_slice(&security);
	d.row_count = offer_rows(n, local, rows);
	if (n->line_count) {
		d.lines = n->lines;
		d.line_count = n->line_count;
		d.ours = n->ours;
	}
	sdp_write(n, &d, offer);
	buf_fini(&security);
	note_offer(n, local, rows, d.row_count);
}

void sdp_drop_offer(struct sdp_negotiation *n)
{
	n->pending = false;
}

bool sdp_offer_pending(const struct sdp_negotiation *n)
{
	return n->pending;
}

void sdp_roll_back(struct sdp_negotiation **negotiation, const struct sdp_negotiation *before)
{
	struct sdp_negotiation *n = sdp_negotiation_copy(before);

	n->version = (*negotiation)->version;
	free(n->sent);
	n->sent = (*negotiation)->sent ? xstrdup((*negotiation)->sent) : NULL;
	n->pending = false;
	sdp_negotiation_free(*negotiation);
	*negotiation = n;
}

/* ---- the peer's answer ---- */

/* A number of ours without rtpmap in the answer still means what we said it does. */
static const struct sdp_row *offered_row(const struct sdp_negotiation *n, const struct sdp_format *format)
{
	for (size_t i = 0; i < n->offered_count; i++) {
		const struct sdp_row *row = &n->offered[i];
		if (format->encoding.n
			    ? sdp_same_codec(format->encoding, format->clock_rate, format->channels, &row->codec)
			    : format->payload_type == row->payload_type)
			return row;
	}
	return NULL;
}

static bool is_secure_profile(const struct sdp_keying *keying, struct slice protocol)
{
	return keying && slice_ieq(protocol, slice_of(keying->profile));
}

/* Some answer RTP/SAVP to keys that were offered on RTP/AVP: they mean it. */
static bool agree_protection(const struct sdp_negotiation *n, const struct sdp_media *peer, struct sdp_agreed *agreed)
{
	const struct sdp_keying *keying = n->offered_keying;
	bool secure = is_secure_profile(keying, peer->protocol), plain = slice_ieq(peer->protocol, SLICE("RTP/AVP"));

	if (!secure && !plain)
		return false;
	if (!keying)
		return true;
	switch (keying->take(n->offered_cryptos, n->offered_crypto_count, peer, &agreed->secured)) {
	case SDP_TAKEN_GOOD:
		return true;
	case SDP_TAKEN_BAD:
		return false;
	case SDP_TAKEN_NOTHING:
		break;
	}
	return plain && !n->offered_required;
}

static bool agree_answer(const struct sdp_negotiation *n, const struct sdp_media *peer, struct sdp_agreed *agreed)
{
	*agreed = (struct sdp_agreed){ .peer_holds = n->peer_holds };
	if (!slice_ieq(peer->type, SLICE("audio")))
		return false;
	if (peer->port == 0) {
		agreed->rejected = true;
		agreed->direction = SDP_INACTIVE;
		return true;
	}
	if (!sdp_usable_address(peer, &n->local) || !agree_protection(n, peer, agreed))
		return false;
	for (size_t i = 0; i < peer->format_count; i++) {
		const struct sdp_row *row = offered_row(n, &peer->formats[i]);
		if (row && peer->formats[i].payload_type != SDP_NO_PAYLOAD_TYPE)
			sdp_agree_codec(agreed, &row->codec, &peer->formats[i], row->payload_type);
	}
	sdp_agree_line(agreed, peer, n->offered_direction, n->offered_mux);
	/* To an offer that sends nothing there is no other answer: it does not tell whether the peer holds us. */
	if (!sdp_direction_sends(n->offered_direction) && !peer->held_by_address)
		agreed->peer_holds = n->peer_holds;
	return agreed->codec_count > 0;
}

static bool fits_our_lines(const struct sdp_negotiation *n, const struct sdp_session *answer)
{
	if (!n->line_count)
		return answer->media_count == 1;
	if (answer->media_count != n->line_count)
		return false;
	for (size_t i = 0; i < n->line_count; i++)
		if (!slice_ieq(answer->media[i].type, slice_of(n->lines[i].type)))
			return false;
	return true;
}

bool sdp_take_answer(struct sdp_negotiation *n, struct slice text, struct sdp_agreed *agreed)
{
	struct sdp_session *answer = xmalloc(sizeof *answer);
	struct arena arena;
	bool pending = n->pending, good = false;

	*agreed = (struct sdp_agreed){ 0 };
	arena_init(&arena);
	n->pending = false;
	if (pending && sdp_parse(&arena, text, answer, NULL) && fits_our_lines(n, answer)) {
		const struct sdp_media *peer = &answer->media[n->line_count ? n->ours : 0];
		good = agree_answer(n, peer, agreed);
		if (good) {
			take_numbers(n, peer);
			if (!n->line_count)
				n->line_count = copy_lines(n->lines, answer);
			keep_peer(n, &arena, agreed);
		}
	}
	if (!good) {
		*agreed = (struct sdp_agreed){ 0 };
		arena_fini(&arena);
	}
	free(answer);
	return good;
}

/* ---- our answer ---- */

static const struct sdp_codec *local_codec(const struct sdp_local *local, const struct sdp_format *format)
{
	for (size_t i = 0; i < local->codec_count; i++)
		if (format->encoding.n &&
		    sdp_same_codec(format->encoding, format->clock_rate, format->channels, &local->codecs[i]))
			return &local->codecs[i];
	return NULL;
}

static bool has_codec(const struct sdp_row *rows, size_t count, const struct sdp_codec *codec)
{
	for (size_t i = 0; i < count; i++)
		if (sdp_same_codec(slice_of(codec->encoding), codec->clock_rate, codec->channels ? codec->channels : 1,
				   &rows[i].codec))
			return true;
	return false;
}

/* How many of these rows are audio of this clock rate; 0: of any. */
static size_t audio_rows(const struct sdp_row *rows, size_t count, uint32_t clock_rate)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += !sdp_is_beside(&rows[i].codec) && (!clock_rate || rows[i].codec.clock_rate == clock_rate);
	return found;
}

/*
 * Events at the clock rates of the codecs; where the peer offers them at others only, these are better than none.
 * Redundancy at others has nothing to carry.
 */
static size_t choose_beside(struct sdp_row *rows, size_t count)
{
	bool any_fits = false, keep[SDP_FORMATS_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		any_fits |= sdp_is_event(&rows[i].codec) && audio_rows(rows, count, rows[i].codec.clock_rate);
	for (size_t i = 0; i < count; i++) {
		const struct sdp_codec *codec = &rows[i].codec;
		keep[i] = !sdp_is_beside(codec) || audio_rows(rows, count, codec->clock_rate) ||
			  (sdp_is_event(codec) && !any_fits);
	}
	for (size_t i = 0; i < count; i++)
		if (keep[i])
			rows[kept++] = rows[i];
	return kept;
}

size_t sdp_common_rows(const struct sdp_media *media, const struct sdp_local *local,
		       struct sdp_row rows[SDP_FORMATS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < media->format_count; i++) {
		const struct sdp_format *format = &media->formats[i];
		const struct sdp_codec *codec = local_codec(local, format);
		if (!codec || format->payload_type == SDP_NO_PAYLOAD_TYPE || has_codec(rows, count, codec) ||
		    has_number(rows, count, format->payload_type))
			continue;
		rows[count++] = (struct sdp_row){ *codec, format->payload_type };
	}
	return audio_rows(rows, count, 0) ? choose_beside(rows, count) : 0;
}

bool sdp_choose_protection(const struct sdp_media *media, const struct sdp_local *local, struct sdp_secured *secured)
{
	bool secure = is_secure_profile(local->keying, media->protocol);

	*secured = (struct sdp_secured){ 0 };
	if (!secure && !slice_ieq(media->protocol, SLICE("RTP/AVP")))
		return false;
	if (local->keying && local->keying->choose(local, media, secured))
		return true;
	return !secure && !(local->keying && local->encryption_required);
}

/* What is accepted of an offer. */
struct choice {
	size_t line;
	struct sdp_row rows[SDP_FORMATS_MAX];
	size_t count;          /* 0: nothing can be */
	struct sdp_secured secured;
};

static bool usable(const struct sdp_media *media, const struct sdp_local *local, struct choice *choice)
{
	if (!slice_ieq(media->type, SLICE("audio")) || !media->port || !sdp_usable_address(media, &local->rtp) ||
	    !sdp_choose_protection(media, local, &choice->secured))
		return false;
	choice->count = sdp_common_rows(media, local, choice->rows);
	return choice->count > 0;
}

/* The line in use stays in use while it can; else the first that can be encrypted, else the first usable one. */
static bool choose_line(const struct sdp_negotiation *n, const struct sdp_session *offer,
			const struct sdp_local *local, struct choice *choice)
{
	choice->line = n->ours;
	if (n->line_count && n->ours < offer->media_count && usable(&offer->media[n->ours], local, choice))
		return true;
	for (int secured = local->keying != NULL; secured >= 0; secured--)
		for (size_t i = 0; i < offer->media_count; i++) {
			choice->line = i;
			if (usable(&offer->media[i], local, choice) && (choice->secured.on || !secured))
				return true;
		}
	choice->count = 0;
	return false;
}

static void agree_offer(const struct sdp_media *peer, const struct sdp_local *local, const struct choice *choice,
			const struct sdp_row *rows, struct sdp_agreed *agreed)
{
	*agreed = (struct sdp_agreed){ .secured = choice->secured };
	for (size_t i = 0; i < choice->count; i++) {
		size_t k = 0;
		while (peer->formats[k].payload_type != rows[i].payload_type)
			k++; /* it is there: the rows were made from these formats */
		sdp_agree_codec(agreed, &rows[i].codec, &peer->formats[k], rows[i].payload_type);
	}
	sdp_agree_line(agreed, peer, local->direction, local->rtcp_mux);
}

/* `closed`: our line too is answered with port 0. */
static void accept_line(struct sdp_negotiation *n, const struct sdp_session *offer, size_t line, bool closed,
			const struct sdp_description *d, struct buf *answer)
{
	struct sdp_description whole = *d;

	sdp_free_lines(n->lines, n->line_count);
	n->line_count = copy_lines(n->lines, offer);
	n->ours = line;
	for (size_t i = 0; i < offer->media_count; i++)
		take_numbers(n, &offer->media[i]);
	for (size_t i = 0; i < d->row_count; i++)
		sdp_number_note(n, &d->rows[i].codec, d->rows[i].payload_type);
	whole.lines = n->lines;
	whole.line_count = n->line_count;
	whole.ours = closed ? SIZE_MAX : line;
	whole.profile = n->lines[line].protocol;
	whole.times = offer->times;
	sdp_write(n, &whole, answer);
}

/* No more than this is ours in a description; rejected lines come back no longer than they came. */
static size_t our_bytes(const struct sdp_negotiation *n, const struct sdp_local *local)
{
	size_t bytes = 256 + strlen(n->user) + 2 * ADDRESS_TEXT + SECURITY_LINE + 64;

	for (size_t i = 0; i < local->codec_count; i++)
		bytes += 64 + strlen(local->codecs[i].encoding) + slice_of(local->codecs[i].fmtp).n;
	return bytes;
}

static void write_answer(struct sdp_negotiation *n, const struct sdp_session *offer, const struct choice *choice,
			 const struct sdp_row *rows, const struct sdp_local *local, enum sdp_direction direction,
			 struct buf *answer)
{
	struct sdp_description d = {
		.local = local, .rows = rows, .row_count = choice->count, .direction = direction,
		/* Only where it was offered (RFC 5761 5.1.1). */
		.rtcp_mux = local->rtcp_mux && offer->media[choice->line].rtcp_mux,
	};
	struct buf security;

	buf_init(&security, SECURITY_MAX);
	if (choice->secured.on)
		local->keying->answer(local, &choice->secured, &security);
	d.security = buf_slice(&security);
	accept_line(n, offer, choice->line, false, &d, answer);
	buf_fini(&security);
}

/* RFC 3264 8.2: a later offer that closes the line in use is answered by closing it as well. */
static bool close_line(struct sdp_negotiation *n, const struct sdp_session *offer, const struct sdp_local *local,
		       struct sdp_agreed *agreed, struct buf *answer)
{
	struct sdp_description d = { .local = local, .direction = SDP_INACTIVE };

	if (!n->line_count || n->ours >= offer->media_count || offer->media[n->ours].port)
		return false;
	agreed->rejected = true;
	agreed->direction = SDP_INACTIVE;
	accept_line(n, offer, n->ours, true, &d, answer);
	return true;
}

bool sdp_make_answer(struct sdp_negotiation *n, struct slice text, const struct sdp_local *local, struct buf *answer,
		     struct sdp_agreed *agreed)
{
	struct sdp_session *offer = xmalloc(sizeof *offer);
	struct choice choice = { .count = 0 };
	struct arena arena;
	bool room = answer->max - answer->n > text.n + our_bytes(n, local), closed = false;

	*agreed = (struct sdp_agreed){ 0 };
	arena_init(&arena);
	bool read = room && sdp_parse(&arena, text, offer, NULL);
	if (read && choose_line(n, offer, local, &choice)) {
		const struct sdp_row *kept = sdp_copy_rows(&arena, choice.rows, choice.count);
		agree_offer(&offer->media[choice.line], local, &choice, kept, agreed);
		write_answer(n, offer, &choice, kept, local, agreed->direction, answer);
		keep_peer(n, &arena, agreed);
	} else {
		closed = read && close_line(n, offer, local, agreed, answer);
		arena_fini(&arena);
	}
	free(offer);
	return closed || choice.count > 0;
}

bool sdp_make_refusal(struct sdp_negotiation *n, struct slice text, const struct sdp_local *local, struct buf *answer)
{
	struct sdp_description d = { .local = local, .direction = SDP_INACTIVE };
	struct sdp_session *offer = xmalloc(sizeof *offer);
	struct arena arena;

	arena_init(&arena);
	bool good = answer->max - answer->n > text.n + our_bytes(n, local) && sdp_parse(&arena, text, offer, NULL) &&
		    offer->media_count;
	if (good)
		accept_line(n, offer, 0, true, &d, answer);
	arena_fini(&arena);
	free(offer);
	return good;
}

/* ---- capabilities ---- */

/* RFC 3264 9: port 0, and a session id that no other description has. */
void sdp_capabilities(const struct sdp_local *local, struct buf *body)
{
	struct random random;
	struct buf text;

	random_init(&random);
	buf_init(&text, SDP_MAX);
	struct sdp_local nowhere = *local;
	address_set_port(&nowhere.rtp, 0);
	struct sdp_negotiation *n = sdp_negotiation_new(random_u32(&random), NULL);
	sdp_make_offer(n, &nowhere, &text);
	buf_add(body, buf_slice(&text));
	sdp_negotiation_free(n);
	buf_fini(&text);
}
