#include "bodies/summary.h"

#include "base/utf8.h"

/* "2" of "2/8"; what is left is behind the slash. */
static bool take_number(struct slice *rest, char end, uint32_t *number)
{
	struct slice word = slice_trim(slice_cut(rest, end));

	return slice_to_u32(word, number);
}

/* "2/8 (0/2)" */
static void read_counts(struct slice value, struct summary *summary)
{
	struct slice urgent = value, counts = slice_cut(&urgent, '(');
	uint32_t fresh, old;

	if (!take_number(&counts, '/', &fresh) || !take_number(&counts, '/', &old))
		return;
	summary->has_counts = true;
	summary->fresh = fresh;
	summary->old = old;
	urgent = slice_cut(&urgent, ')');
	if (take_number(&urgent, '/', &fresh) && take_number(&urgent, '/', &old)) {
		summary->urgent_fresh = fresh;
		summary->urgent_old = old;
	}
}

enum err summary_read(struct slice body, struct summary *summary)
{
	bool found = false;

	*summary = (struct summary){ 0 };
	while (body.n) {
		struct slice value = slice_trim(slice_cut(&body, '\n')), name = slice_trim(slice_cut(&value, ':'));
		value = slice_trim(value);
		/* An empty line ends the status; message headers follow. */
		if (!name.n && found)
			break;
		if (slice_ieq(name, SLICE("Messages-Waiting"))) {
			found = true;
			summary->waiting = slice_ieq(value, SLICE("yes"));
		} else if (slice_ieq(name, SLICE("Message-Account"))) {
			utf8_keep(summary->account, sizeof summary->account, value);
		} else if (slice_ieq(name, SLICE("Voice-Message"))) {
			read_counts(value, summary);
		}
	}
	return found ? ERR_NONE : ERR_SYNTAX;
}
