/*
 * Sound files that are written: 48 kHz, 16 bit, by a thread of their own over a ring. WAV, up to 4 GB, or by the name's
 * ending FLAC (.flac) and Opus (.opus, .ogg). A file can be played at any moment, also after a
 * crash: the header of a WAV is made right after each write, the others need none.
 */
#pragma once

#include "base/error.h"

enum { RECORD_CHANNELS_MAX = 2, RECORD_BATCH_MS = 200 };

struct recorder;
/**
 * Create the file.
 * @param anew  it must not be there yet: ERR_EXISTS; otherwise what is there is overwritten
 * @param bell  an eventfd that is rung when writing failed or is done; -1: none
 * @return owned; NULL with *err
 * Errors: ERR_NOT_FOUND no such folder; ERR_EXISTS; ERR_PERMISSION; ERR_FULL no room on the disk; ERR_UNSUPPORTED this
 * libsndfile does not write that kind; ERR_LIBRARY it cannot be opened; ERR_DESCRIPTORS no descriptor or thread; ERR_IO
 */
struct recorder *recorder_new(const char *path, unsigned channels, bool anew, int bell, enum err *err);
/** The media thread: samples of all channels by turns. What the ring has no room for is left out and counted. */
void recorder_write(struct recorder *recorder, const int16_t *samples, size_t frames);
/** Nothing more will come: write what waits and close the file, without waiting for it. */
void recorder_finish(struct recorder *recorder);
/** After recorder_finish(): the file is whole and closed. */
bool recorder_is_done(const struct recorder *recorder);
/** ERR_FULL: no room on the disk; ERR_TOO_BIG: 4 GB of WAV; ERR_IO: another fault. What came before stays. */
enum err recorder_error(const struct recorder *recorder);
/** Frames that are in the file. */
uint64_t recorder_frames(const struct recorder *recorder);
/** Frames that the disk was too slow for. */
uint64_t recorder_lost(const struct recorder *recorder);
/** Finishes it, waits until the file is whole, 5 s at most, and frees it. */
void recorder_free(struct recorder *recorder);
