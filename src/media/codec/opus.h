/* Opus by libopus: 48 kHz, mono, for speech (RFC 6716, RFC 7587). */
#pragma once

#include "media/codec/codec.h"

extern const struct codec_ops opus_ops;
