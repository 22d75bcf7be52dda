/* G.711: mu-law and A-law. */
#pragma once

#include "media/codec/pcm.h"

extern const struct pcm_codec g711_mu, g711_a;

uint8_t g711_mu_encode(int16_t sample);
int16_t g711_mu_decode(uint8_t code);
uint8_t g711_a_encode(int16_t sample);
int16_t g711_a_decode(uint8_t code);
