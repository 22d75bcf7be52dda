/* ITU-T G.722 at 64 kbit/s. Its RTP clock says 8000, though it samples at 16 kHz (RFC 3551 4.5.2). */
#pragma once

#include "media/codec/pcm.h"

extern const struct pcm_codec g722;
