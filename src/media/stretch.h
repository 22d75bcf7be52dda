/*
 * Make a piece of 48 kHz sound a little shorter or longer without a click: in silence anywhere, in speech by whole
 * pitch periods.
 */
#pragma once

#include "base/base.h"

/*
 * What somebody's pauses sound like: the least power of the last seconds is that of the noise around him (minimum
 * statistics). All zero: nothing was heard yet.
 */
struct stretch_noise {
	double least, least_before; /* mean squares: in this window, and in the last */
	double loudest;             /* forgotten slowly */
	size_t frames, known;       /* in this window; heard at all, as long as that matters */
};

/** Listen to a piece of 10 to 120 ms. */
void stretch_listen(struct stretch_noise *noise, const int16_t *pcm, size_t frames);
/**
 * Sound below about -45 dB counts as silence, and what is little louder than the noise that is always there.
 * @param noise  NULL, here and below: none is known
 */
bool stretch_is_silent(const struct stretch_noise *noise, const int16_t *pcm, size_t frames);
/** Remove up to `most` frames (2.5 to 15 ms at once). @return frames removed; 0: the sound does not allow it */
size_t stretch_shorten(const struct stretch_noise *noise, int16_t *pcm, size_t frames, size_t most);
/** Add up to `most` frames; `pcm` has room for `frames + most`. @return frames added */
size_t stretch_lengthen(const struct stretch_noise *noise, int16_t *pcm, size_t frames, size_t most);
