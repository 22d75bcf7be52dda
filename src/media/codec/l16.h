/* L16: samples as they are, 16 bits, the high byte first (RFC 3551 4.5.11); mono. */
#pragma once

#include "media/codec/pcm.h"

extern const struct pcm_codec l16_48, l16_44, l16_16, l16_8;
