/* Durations, sizes and levels as people write them. */
#include "base/timer.h"
#include "phone/settings.h"

#include <inttypes.h>

static const struct {
	const char *unit;
	int64_t us;
} duration_units[] = { { "us", 1 },
		       { "ms", MS_US },
		       { "s", SECOND_US },
		       { "m", 60 * SECOND_US },
		       { "h", 3600 * SECOND_US },
		       { "d", 86400 * SECOND_US } };

/* "1.5" in units of `scale`, exact: digits, then at most nine behind the point. */
static bool decimal(struct slice text, int64_t scale, int64_t *value)
{
	struct slice rest = text, whole = slice_cut(&rest, '.');
	uint64_t number, fraction = 0, parts = 1;

	if (!slice_to_u64(whole, (uint64_t)(INT64_MAX / 2 / scale), &number))
		return false;
	if (rest.p && (rest.n > 9 || !slice_to_u64(rest, UINT64_C(999999999), &fraction)))
		return false;
	for (size_t i = 0; i < rest.n; i++)
		parts *= 10;
	*value = (int64_t)number * scale + (int64_t)((double)fraction / (double)parts * (double)scale + 0.5);
	return true;
}

bool duration_parse(struct slice text, int64_t *us)
{
	size_t digits = 0;

	if (slice_ieq(text, SLICE("none"))) {
		*us = 0;
		return true;
	}
	while (digits < text.n && ((text.p[digits] >= '0' && text.p[digits] <= '9') || text.p[digits] == '.'))
		digits++;
	for (size_t i = 0; i < ARRAY_LEN(duration_units); i++)
		if (slice_eq(slice_from(text, digits), slice_of(duration_units[i].unit)))
			return decimal(slice_sub(text, 0, digits), duration_units[i].us, us);
	return false;
}

void duration_print(struct buf *to, int64_t us)
{
	size_t unit = 0;

	if (us <= 0) {
		buf_add(to, us ? SLICE("0s") : SLICE("none"));
		return;
	}
	/* The greatest unit that leaves nothing over; days are written as hours. */
	for (size_t i = 0; i + 1 < ARRAY_LEN(duration_units); i++)
		if (us % duration_units[i].us == 0)
			unit = i;
	buf_printf(to, "%" PRId64 "%s", us / duration_units[unit].us, duration_units[unit].unit);
}

bool size_parse(struct slice text, int64_t *bytes)
{
	int64_t scale = 1;

	if (slice_ieq(text, SLICE("off"))) {
		*bytes = 0;
		return true;
	}
	if (text.n && (text.p[text.n - 1] == 'B' || text.p[text.n - 1] == 'b') && text.n > 1)
		text.n--;
	switch (text.n ? text.p[text.n - 1] : '\0') {
	case 'k':
	case 'K':
		scale = 1 << 10;
		break;
	case 'm':
	case 'M':
		scale = 1 << 20;
		break;
	case 'g':
	case 'G':
		scale = 1 << 30;
		break;
	default:
		return decimal(text, 1, bytes);
	}
	text.n--;
	return decimal(text, scale, bytes);
}

void size_print(struct buf *to, int64_t bytes)
{
	static const char units[] = { 'G', 'M', 'k' };

	for (size_t i = 0; i < sizeof units && bytes; i++) {
		int64_t scale = INT64_C(1) << (10 * (3 - i));
		if (bytes % scale == 0) {
			buf_printf(to, "%" PRId64 "%c", bytes / scale, units[i]);
			return;
		}
	}
	buf_printf(to, "%" PRId64, bytes);
}

bool level_parse(struct slice text, int64_t *level)
{
	bool negative = slice_begins(text, SLICE("-"));

	if (negative || slice_begins(text, SLICE("+")))
		text = slice_from(text, 1);
	if (text.n < 3 || !slice_ieq(slice_from(text, text.n - 2), SLICE("dB")) ||
	    !decimal(slice_trim(slice_sub(text, 0, text.n - 2)), LEVEL_DB, level))
		return false;
	*level = negative ? -*level : *level;
	return true;
}

void level_print(struct buf *to, int64_t level)
{
	int64_t size = level < 0 ? -level : level;

	buf_printf(to, "%s%" PRId64, level < 0 ? "-" : "", size / LEVEL_DB);
	if (size % LEVEL_DB)
		buf_printf(to, ".%03" PRId64, size % LEVEL_DB);
	buf_printf(to, "dB");
}
