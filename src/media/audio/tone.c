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

static void close_tone(struct device *device)
{
	free(CONTAINER_OF(device, struct tone_device, device));
}

struct device *tone_device_open(double hz)
{
	static const struct device_ops OPS = {
		.name = "tone", .read = read_sine, .write = device_write_nothing, .pending = device_no_clock,
		.wake_fd = device_no_clock, .health = device_healthy, .close = close_tone,
	};
	struct tone_device *tone = xcalloc(1, sizeof *tone);

	tone->device.ops = &OPS;
	tone->step = 2 * M_PI * hz / DEVICE_RATE_HZ;
	return &tone->device;
}
