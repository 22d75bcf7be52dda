#include "media/audio/device.h"

#include "base/slice.h"
#include "base/xmalloc.h"
#include "media/audio/helper.h"

#include <math.h>

enum { TONE_MOST_HZ = 20000 };

/* "440" or "440.5"; 0: malformed */
static double parse_hz(struct slice text)
{
	struct slice whole = slice_cut(&text, '.');
	uint64_t hz, part = 0;

	if (!slice_to_u64(whole, TONE_MOST_HZ, &hz))
		return 0;
	if (text.p && (text.n > 6 || !slice_to_u64(text, 999999, &part)))
		return 0;
	return (double)hz + (double)part / pow(10, (double)text.n);
}

static struct device *open_named(enum device_side side, const char *name, enum err *err)
{
	struct slice text = slice_of(name);

	if (slice_eq(text, SLICE("null")))
		return null_device_open(side);
	if (slice_begins(text, SLICE("tone:"))) {
		double hz = parse_hz(slice_from(text, 5));
		if (side == DEVICE_IN && hz > 0 && hz <= TONE_MOST_HZ)
			return tone_device_open(hz);
		*err = ERR_SYNTAX;
		return NULL;
	}
	if (slice_begins(text, SLICE("file:"))) {
		if (text.n > 5)
			return file_device_open(side, name + 5, err);
		*err = ERR_SYNTAX;
		return NULL;
	}
	if (text.n == 0) {
		*err = ERR_SYNTAX;
		return NULL;
	}
	return helper_device_open(side, name, err);
}

struct device *device_open(enum device_side side, const char *name, enum err *err)
{
	*err = ERR_NONE;
	struct device *device = open_named(side, name, err);
	if (device)
		device->name = xstrdup(name);
	return device;
}

void device_close(struct device *device)
{
	if (!device)
		return;
	free(device->name);
	device->ops->close(device);
}

size_t device_write_nothing(struct device *device, const int16_t *samples, size_t frames)
{
	(void)device;
	(void)samples;
	return frames;
}

int device_no_clock(struct device *device)
{
	(void)device;
	return -1;
}

enum err device_healthy(struct device *device)
{
	(void)device;
	return ERR_NONE;
}
