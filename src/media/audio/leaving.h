/*
 * Helpers that were told to go. A JACK client that just vanishes is waited for by its server, and all who sound then
 * stutter; so a helper gets time to leave in order, and nobody waits for it.
 */
#pragma once

#include <sys/types.h>

/**
 * The helper `pid` was told to go: it is waited for elsewhere, and killed when it takes too long.
 * @param names  of its two devices; "": not that side. They are copied
 */
void leaving_add(pid_t pid, char *const names[2]);
/**
 * Somebody wants these devices: who still leaves one of them is killed, and gone when this returns. "default" may be
 * any.
 */
void leaving_hurry(char *const names[2]);
