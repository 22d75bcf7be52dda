#include "media/codec/g711.h"

enum { MU_BIAS = 132, MU_CLIP = 32635 };

/* ---- the two laws (ITU-T G.711, tables 1 and 2, as arithmetic) ---- */

/* Position of the highest bit of a magnitude, as the number of a segment: 0 for less than 256. */
static unsigned segment_of(unsigned magnitude)
{
	return 24 - (unsigned)__builtin_clz(magnitude | 0x80);
}

uint8_t g711_mu_encode(int16_t sample)
{
	int magnitude = sample < 0 ? -(int)sample : sample;
	unsigned sign = sample < 0 ? 0x80 : 0;

	if (magnitude > MU_CLIP)
		magnitude = MU_CLIP;
	magnitude += MU_BIAS;
	unsigned segment = segment_of((unsigned)magnitude);
	unsigned step = (unsigned)magnitude >> (segment + 3) & 15;
	return (uint8_t) ~(sign | segment << 4 | step);
}

int16_t g711_mu_decode(uint8_t code)
{
	unsigned bits = ~(unsigned)code & 0xff;
	int magnitude = (int)(((bits & 15) << 3) + MU_BIAS) << (bits >> 4 & 7);

	magnitude -= MU_BIAS;
	return (int16_t)(bits & 0x80 ? -magnitude : magnitude);
}

uint8_t g711_a_encode(int16_t sample)
{
	unsigned magnitude = (unsigned)(sample < 0 ? -1 - (int)sample : sample);
	unsigned segment = segment_of(magnitude);
	unsigned step = magnitude >> (segment ? segment + 3 : 4) & 15;
	unsigned bits = segment << 4 | step | (sample < 0 ? 0 : 0x80);

	return (uint8_t)(bits ^ 0x55);
}

int16_t g711_a_decode(uint8_t code)
{
	unsigned bits = code ^ 0x55u;
	unsigned segment = bits >> 4 & 7;
	int magnitude = (int)((bits & 15) << 4 | 8);

	if (segment)
		magnitude = (magnitude + 0x100) << (segment - 1);
	return (int16_t)(bits & 0x80 ? magnitude : -magnitude);
}

/* ---- the codec ---- */

static void encode_mu(void *state, const int16_t *samples, size_t n, uint8_t *out)
{
	(void)state;
	for (size_t i = 0; i < n; i++)
		out[i] = g711_mu_encode(samples[i]);
}

static void encode_a(void *state, const int16_t *samples, size_t n, uint8_t *out)
{
	(void)state;
	for (size_t i = 0; i < n; i++)
		out[i] = g711_a_encode(samples[i]);
}

static void decode_mu(void *state, const uint8_t *bytes, size_t n, int16_t *samples)
{
	(void)state;
	for (size_t i = 0; i < n; i++)
		samples[i] = g711_mu_decode(bytes[i]);
}

static void decode_a(void *state, const uint8_t *bytes, size_t n, int16_t *samples)
{
	(void)state;
	for (size_t i = 0; i < n; i++)
		samples[i] = g711_a_decode(bytes[i]);
}

/* Bpl of G.113 appendix I, with concealment. */
const struct pcm_codec g711_mu = {
	.ops = PCM_OPS(MEDIA_PCMU, 8000, 6, false, 0, 25.1),
	.rate_hz = 8000, .samples_in_2_bytes = 2, .packet_ms_max = 60, .encode = encode_mu, .decode = decode_mu,
};
const struct pcm_codec g711_a = {
	.ops = PCM_OPS(MEDIA_PCMA, 8000, 6, false, 0, 25.1),
	.rate_hz = 8000, .samples_in_2_bytes = 2, .packet_ms_max = 60, .encode = encode_a, .decode = decode_a,
};
