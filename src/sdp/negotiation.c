/* The object that remembers a call's descriptions. */
#include "sdp/internal.h"

#include "base/xmalloc.h"

/* A user name in o= has no blanks (RFC 8866 5.2); what has some is left out. */
static char *origin_user(const char *user)
{
	struct slice s = slice_of(user);

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return xstrdup("-");
	return xstrdup(s.n ? user : "-");
}

struct sdp_negotiation *sdp_negotiation_new(uint64_t session_id, const char *user)
{
	struct sdp_negotiation *n = xcalloc(1, sizeof *n);

	n->session_id = session_id;
	n->user = origin_user(user);
	arena_init(&n->offered_arena);
	arena_init(&n->peer_arena);
	return n;
}

static struct sdp_codec copy_codec(struct arena *arena, const struct sdp_codec *codec)
{
	struct sdp_codec copy = *codec;

	copy.encoding = arena_copy(arena, slice_of(codec->encoding)).p;
	copy.fmtp = codec->fmtp ? arena_copy(arena, slice_of(codec->fmtp)).p : NULL;
	return copy;
}

struct sdp_row *sdp_copy_rows(struct arena *arena, const struct sdp_row *rows, size_t count)
{
	struct sdp_row *copy = arena_alloc(arena, (count ? count : 1) * sizeof *copy);

	for (size_t i = 0; i < count; i++)
		copy[i] = (struct sdp_row){ copy_codec(arena, &rows[i].codec), rows[i].payload_type };
	return copy;
}

struct sdp_crypto *sdp_copy_cryptos(struct arena *arena, const struct sdp_crypto *cryptos, size_t count)
{
	struct sdp_crypto *copy = arena_alloc(arena, (count ? count : 1) * sizeof *copy);

	for (size_t i = 0; i < count; i++)
		copy[i] = (struct sdp_crypto){
			arena_copy(arena, slice_of(cryptos[i].suite)).p,
			(const uint8_t *)arena_copy(arena, slice_make(cryptos[i].key, cryptos[i].key_bytes)).p,
			cryptos[i].key_bytes,
		};
	return copy;
}

struct sdp_negotiation *sdp_negotiation_copy(const struct sdp_negotiation *from)
{
	struct sdp_negotiation *n = xmalloc(sizeof *n);

	*n = *from;
	n->user = xstrdup(from->user);
	n->sent = from->sent ? xstrdup(from->sent) : NULL;
	n->number_room = from->number_count;
	n->numbers = NULL;
	if (from->number_count) {
		n->numbers = xmalloc(from->number_count * sizeof *n->numbers);
		memcpy(n->numbers, from->numbers, from->number_count * sizeof *n->numbers);
	}
	for (size_t i = 0; i < n->line_count; i++) {
		n->lines[i].type = xstrdup(from->lines[i].type);
		n->lines[i].protocol = xstrdup(from->lines[i].protocol);
		n->lines[i].formats = xstrdup(from->lines[i].formats);
	}
	arena_init(&n->offered_arena);
	arena_init(&n->peer_arena);
	n->offered = sdp_copy_rows(&n->offered_arena, from->offered, from->offered_count);
	n->offered_cryptos = sdp_copy_cryptos(&n->offered_arena, from->offered_cryptos, from->offered_crypto_count);
	return n;
}

void sdp_free_lines(struct sdp_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(lines[i].type);
		free(lines[i].protocol);
		free(lines[i].formats);
	}
}

void sdp_negotiation_free(struct sdp_negotiation *n)
{
	if (!n)
		return;
	sdp_free_lines(n->lines, n->line_count);
	arena_fini(&n->offered_arena);
	arena_fini(&n->peer_arena);
	free(n->numbers);
	free(n->user);
	free(n->sent);
	free(n);
}
