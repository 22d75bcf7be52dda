/* Why an offer cannot be answered, as the codes of Warning say it (RFC 3261 20.43). */
#include "sdp/internal.h"

#include "base/xmalloc.h"

enum {
	WARN_NETWORK = 300,
	WARN_ADDRESS = 301,
	WARN_TRANSPORT = 302,
	WARN_TYPE = 304,
	WARN_FORMAT = 305,
	WARN_PARAMETER = 307,
	WARN_MULTICAST = 330,
	WARN_ELSE = 399,
};

/* A line that names no network that we know makes it no description to the parser. */
static bool has_other_network(struct slice text)
{
	while (text.n) {
		struct slice line = slice_cut(&text, '\n');
		if (slice_begins(line, SLICE("c=")) && !slice_ibegins(line, SLICE("c=IN ")))
			return true;
	}
	return false;
}

/* What is wrong with this line; 0: nothing. What comes first in a line is looked at first. */
static unsigned of_line(const struct sdp_media *media, const struct sdp_local *local)
{
	struct sdp_row rows[SDP_FORMATS_MAX];
	struct sdp_secured secured;

	if (!slice_ieq(media->type, SLICE("audio")) || !media->port)
		return WARN_TYPE;
	if (media->has_address && sdp_is_for_many(&media->address))
		return WARN_MULTICAST;
	if (!sdp_usable_address(media, &local->rtp))
		return WARN_ADDRESS;
	if (!sdp_choose_protection(media, local, &secured))
		return WARN_TRANSPORT;
	return sdp_common_rows(media, local, rows) ? 0 : WARN_FORMAT;
}

unsigned sdp_refusal(struct slice text, const struct sdp_local *local)
{
	struct sdp_session *offer = xmalloc(sizeof *offer);
	unsigned code = WARN_TYPE;
	struct arena arena;

	arena_init(&arena);
	if (!sdp_parse(&arena, text, offer, NULL)) {
		code = !slice_begins(text, SLICE("v=")) ? WARN_ELSE
		       : has_other_network(text)	? WARN_NETWORK
							: WARN_PARAMETER;
	} else {
		/* Of several lines the first that is sound: that there is video as well was not the reason. */
		for (size_t i = 0; i < offer->media_count && code; i++) {
			unsigned line = of_line(&offer->media[i], local);
			code = !line || code == WARN_TYPE ? line : code;
		}
	}
	arena_fini(&arena);
	free(offer);
	return code;
}
