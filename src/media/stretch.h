/*
 * Make a piece of 48 kHz sound a little shorter or longer without a click: in silence anywhere, in speech by whole
 * pitch periods.
 */
#pragma once

#include "base/base.h"

/** Sound below about -45 dB counts as silence. */
bool stretch_is_silent(const int16_t *pcm, size_t frames);
/** Remove up to `most` frames (2.5 to 15 ms at once). @return frames removed; 0: the sound does not allow it */
size_t stretch_shorten(int16_t *pcm, size_t frames, size_t most);
/** Add up to `most` frames; `pcm` has room for `frames + most`. @return frames added */
size_t stretch_lengthen(int16_t *pcm, size_t frames, size_t most);
