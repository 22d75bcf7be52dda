/*
 * Sound files that are heard: WAV, FLAC, Ogg, Opus, whatever libsndfile reads; they become 48 kHz, mono, 16 bit.
 *
 * A reader decodes on the thread that calls it. A player has a thread of its own that reads ahead into a ring, so a
 * disk that stands still costs a gap in that file and nothing else.
 */
#pragma once

#include "base/error.h"

struct sound_reader;
/**
 * Open a regular file.
 * @return owned, sound_reader_close(); NULL with *err
 * Errors: ERR_NOT_FOUND no such file; ERR_PERMISSION; ERR_UNSUPPORTED no sound file that can be read; ERR_LIBRARY
 * libsndfile cannot be opened; ERR_IO no regular file, or another fault
 */
struct sound_reader *sound_reader_open(const char *path, enum err *err);
/** The next frames. @return how many; fewer than asked for at the end, then 0 */
size_t sound_reader_read(struct sound_reader *reader, int16_t *pcm, size_t frames);
/** Back to the beginning. @return false: the file cannot */
bool sound_reader_rewind(struct sound_reader *reader);
void sound_reader_close(struct sound_reader *reader);

struct player;
/**
 * @param around  begin again at the end, until it is freed
 * @return owned, player_free(); NULL with *err as sound_reader_open(), or ERR_DESCRIPTORS no descriptor or thread
 */
struct player *player_new(const char *path, bool around, enum err *err);
/**
 * The media thread: the next tick of 480 frames; silence where the disk was too slow.
 * @return false: the file is over, and `pcm` was not touched
 */
bool player_read(struct player *player, int16_t *pcm);
/** Frames that player_read() has given. The thread that reads, or one that it has handed the player to. */
uint64_t player_frames(const struct player *player);
/** Never waits for the disk: the player's thread ends by itself. */
void player_free(struct player *player);
