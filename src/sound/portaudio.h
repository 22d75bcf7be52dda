/* PortAudio devices: listed, chosen by name, and copied to or from the shared ring. */
#pragma once

#include "media/audio/shared.h"

/** Print every device to standard output. @return false: PortAudio does not start */
bool portaudio_list(void);
/**
 * Open a device and start it; from then on its callback does all.
 * @param name  "default", the exact name, or a part of exactly one name
 * @return false: shared->state is SOUND_FAILED, error and message say why
 */
bool portaudio_start(struct sound_shared *shared, bool input, const char *name);
