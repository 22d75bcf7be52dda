/*
 * PortAudio devices, held by the helper program offhook-sound: one process for a card with its two sides, or for one
 * side alone; a ring of samples in shared memory for each.
 *
 * The helper is watched: when it dies, fails or its callback stands still for a second, it is killed and, after a pause
 * that doubles from 1 s to 30 s, another is started. Meanwhile the device reads as silence, has no clock (pending -1)
 * and health() tells what is wrong.
 */
#pragma once

#include "media/audio/device.h"

/**
 * Start a helper for this device. Returns at once: the device comes to life 100 to 300 ms later.
 * @param name  "default", a device's name, or a part of exactly one name
 * @return NULL with *err: ERR_NOT_FOUND there is no offhook-sound program; ERR_IO no memory, descriptor or process
 */
struct device *helper_device_open(enum device_side side, const char *name, enum err *err);
/**
 * Both sides in one helper, which does them by one stream where they are one device. The two live and die together.
 * @param devices  gets the input and the output, each to be closed
 */
bool helper_card_open(const char *in, const char *out, struct device *devices[2], enum err *err) MUST_CHECK;
/** The path of the offhook-sound program: $OFFHOOK_SOUND, beside our own program, or where it was installed; owned by
 * the caller, NULL when there is none. */
char *helper_program(void);
