#include "media/codec/l16.h"

static void encode(void *state, const int16_t *samples, size_t n, uint8_t *bytes)
{
	(void)state;
	for (size_t i = 0; i < n; i++) {
		bytes[2 * i] = (uint8_t)((uint16_t)samples[i] >> 8);
		bytes[2 * i + 1] = (uint8_t)samples[i];
	}
}

static void decode(void *state, const uint8_t *bytes, size_t n, int16_t *samples)
{
	(void)state;
	for (size_t i = 0; i < n / 2; i++)
		samples[i] = (int16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
}

#define L16(which, rate, delay, most)                                                                                  \
	{                                                                                                              \
		.ops = PCM_OPS(which, rate, delay, rate > 8000, 0, 25.1), .rate_hz = rate, .samples_in_2_bytes = 1,    \
		.packet_ms_max = most, .encode = encode, .decode = decode                                              \
	}

const struct pcm_codec l16_48 = L16(MEDIA_L16_48, 48000, 0, 10);
const struct pcm_codec l16_44 = L16(MEDIA_L16_44, 44100, 2, 10);
const struct pcm_codec l16_16 = L16(MEDIA_L16_16, 16000, 3, 40);
const struct pcm_codec l16_8 = L16(MEDIA_L16_8, 8000, 6, 60);
