/*
 * A sound device as the engine sees it: 48 kHz, mono, 16 bit. Inputs are read, outputs are written, never blocking.
 *
 *   device   the table of functions, and the choice by name
 *   null     silence in, nothing out
 *   tone     a sine as the microphone
 *   file     a WAV as the microphone (round and round), or a recording of what is heard
 *   helper   PortAudio in the offhook-sound program, over two rings in shared memory
 */
#pragma once

#include "base/error.h"

enum { DEVICE_RATE_HZ = 48000, DEVICE_TICK_FRAMES = 480 }; /* the engine works in ticks of 10 ms */

struct device;

struct device_ops {
	const char *name;
	/** Fill `samples`; what is missing is silence. @return frames that really came from the device */
	size_t (*read)(struct device *device, int16_t *samples, size_t frames);
	/** Take `samples`. @return frames taken */
	size_t (*write)(struct device *device, const int16_t *samples, size_t frames);
	/** The device's own clock: frames that can be read (input) or that still wait to be played (output); -1: it has
	 * no clock, the engine's timer serves. */
	int (*pending)(struct device *device);
	/** An eventfd that wakes the engine when the device moved on; -1: none */
	int (*wake_fd)(struct device *device);
	/** Lost or failing: ERR_NONE while it works. */
	enum err (*health)(struct device *device);
	void (*close)(struct device *device);
	/** How often a device with a clock ran dry or over, ever; NULL: it does not know. */
	uint32_t (*xruns)(struct device *device);
	/** What went wrong, for people ("no such device"); "" nothing; NULL: it has no words of its own. */
	const char *(*message)(const struct device *device);
	/** It lives only some time after it was opened: pending() is -1 until then. */
	bool comes_to_life;
};

struct device {
	const struct device_ops *ops;
	char *name;               /* as it was chosen; the loop's, as is the device's life */
};

/* Rows for tables of devices that take nothing, have no clock and cannot fail. */
size_t device_write_nothing(struct device *device, const int16_t *samples, size_t frames);
int device_no_clock(struct device *device);
enum err device_healthy(struct device *device);

enum device_side { DEVICE_IN, DEVICE_OUT };

/** Open "null", "tone:HZ", "file:PATH", "default" or a PortAudio name. @return NULL with *err: ERR_SYNTAX,
 * ERR_NOT_FOUND, ERR_IO, ERR_DEVICE */
struct device *device_open(enum device_side side, const char *name, enum err *err);
void device_close(struct device *device);
struct device *null_device_open(enum device_side side);
struct device *tone_device_open(double hz);
struct device *file_device_open(enum device_side side, const char *path, enum err *err);
