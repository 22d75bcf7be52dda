#include "base/xmalloc.h"
#include "media/audio/device.h"

#include <math.h>

struct tone_device {
	struct device device;
	double phase, step;
};

static const double AMPLITUDE = 10362; /* -10 dB of full scale */

static size_t read_sine(struct device *device, int16_t *samples, size_t frames)
{
	struct tone_device *tone = CONTAINER_OF(device, struct tone_device, device);

	for (size_t i = 0; i < frames; i++) {
		samples[i] = (int16_t)lrint(AMPLITUDE * sin(tone->phase));
		tone->phase += tone->step;
		if (tone->phase > 2 * M_PI)
			tone->phase -= 2 * M_PI;
	}
	return frames;
}

static size_t write_nothing(struct device *device, const int16_t *samples, size_t frames)
{
	(void)device;
	(void)samples;
	return frames;
}

static int no_number(struct device *device)
{
	(void)device;
	return -1;
}

static enum err healthy(struct device *device)
{
	(void)device;
	return ERR_NONE;
}

static void close_tone(struct device *device)
{
	free(CONTAINER_OF(device, struct tone_device, device));
}

struct device *tone_device_open(double hz)
{
	static const struct device_ops OPS = {
		.name = "tone", .read = read_sine, .write = write_nothing, .pending = no_number,
		.wake_fd = no_number, .health = healthy, .close = close_tone,
	};
	struct tone_device *tone = xcalloc(1, sizeof *tone);

	tone->device.ops = &OPS;
	tone->step = 2 * M_PI * hz / DEVICE_RATE_HZ;
	return &tone->device;
}
