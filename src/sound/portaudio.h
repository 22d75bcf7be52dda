/*
 * sound: the program offhook-sound, and all that touches PortAudio.
 *
 *   main       what it was started for
 *   portaudio  devices: listed, chosen by name, and copied to or from the shared rings
 */
#pragma once

#include "media/audio/shared.h"

/** Print every device to standard output. @return false: PortAudio does not start */
bool portaudio_list(void);
/** Leave the sound servers in order, if they let us within a second, and end the process. */
_Noreturn void portaudio_leave(void);
/**
 * Open devices and start them; from then on the callbacks do all. One stream does both sides where they are one device.
 * @param names  by side: "default", the exact name, or a part of exactly one name; NULL: not this side
 * @return false: shared->state is SOUND_FAILED, error and message say why
 */
bool portaudio_start(struct sound_shared *shared, const char *const names[SOUND_SIDES]);
