#include "media/cleaner.h"

#include "base/xmalloc.h"

#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>
#include <speex/speex_resampler.h>
#include <string.h>

enum {
	RATE_HZ = 16000, FRAMES = RATE_HZ / 100,
	FULL_RATE_HZ = 48000,
	TAIL_FRAMES = RATE_HZ / 4,       /* 250 ms: the room, and what is not known of the device's delay */
	RESAMPLER_QUALITY = 5,
	NOISE_DB = -15, ECHO_DB = -40, ECHO_ACTIVE_DB = -15, GAIN_LEVEL = 8000, GAIN_MOST_DB = 20,
};

struct cleaner {
	SpeexEchoState *echo;            /* NULL: not wanted */
	SpeexPreprocessState *preprocess;
	SpeexResamplerState *mic_down, *heard_down, *up;
	int16_t ready[2 * CLEANER_FRAMES]; /* cleaned, for the next ticks */
	size_t ready_frames;
	int16_t narrow[2 * FRAMES], heard[2 * FRAMES];
	size_t narrow_frames, heard_frames;
};

static SpeexResamplerState *resampler(uint32_t from, uint32_t to)
{
	int error;
	SpeexResamplerState *state = speex_resampler_init(1, from, to, RESAMPLER_QUALITY, &error);

	if (!state)
		abort(); /* out of memory: the arguments are right */
	speex_resampler_skip_zeros(state);
	return state;
}

static void set(SpeexPreprocessState *state, int what, int value)
{
	speex_preprocess_ctl(state, what, &value);
}

struct cleaner *cleaner_new(const struct cleaner_settings *settings)
{
	if (!settings->echo && !settings->noise && !settings->gain)
		return NULL;
	struct cleaner *cleaner = xcalloc(1, sizeof *cleaner);
	int rate = RATE_HZ;

	cleaner->mic_down = resampler(FULL_RATE_HZ, RATE_HZ);
	cleaner->heard_down = resampler(FULL_RATE_HZ, RATE_HZ);
	cleaner->up = resampler(RATE_HZ, FULL_RATE_HZ);
	cleaner->preprocess = speex_preprocess_state_init(FRAMES, RATE_HZ);
	set(cleaner->preprocess, SPEEX_PREPROCESS_SET_DENOISE, settings->noise);
	set(cleaner->preprocess, SPEEX_PREPROCESS_SET_NOISE_SUPPRESS, NOISE_DB);
	set(cleaner->preprocess, SPEEX_PREPROCESS_SET_AGC, settings->gain);
	set(cleaner->preprocess, SPEEX_PREPROCESS_SET_AGC_TARGET, GAIN_LEVEL);
	set(cleaner->preprocess, SPEEX_PREPROCESS_SET_AGC_MAX_GAIN, GAIN_MOST_DB);
	if (!settings->echo)
		return cleaner;
	cleaner->echo = speex_echo_state_init(FRAMES, TAIL_FRAMES);
	speex_echo_ctl(cleaner->echo, SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
	speex_preprocess_ctl(cleaner->preprocess, SPEEX_PREPROCESS_SET_ECHO_STATE, cleaner->echo);
	set(cleaner->preprocess, SPEEX_PREPROCESS_SET_ECHO_SUPPRESS, ECHO_DB);
	set(cleaner->preprocess, SPEEX_PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE, ECHO_ACTIVE_DB);
	return cleaner;
}

void cleaner_free(struct cleaner *cleaner)
{
	if (!cleaner)
		return;
	if (cleaner->echo)
		speex_echo_state_destroy(cleaner->echo);
	speex_preprocess_state_destroy(cleaner->preprocess);
	speex_resampler_destroy(cleaner->mic_down);
	speex_resampler_destroy(cleaner->heard_down);
	speex_resampler_destroy(cleaner->up);
	free(cleaner);
}

/* A tick to 16 kHz, behind what is left there; the resampler may give a little more or less than a third. */
static void narrow(SpeexResamplerState *state, const int16_t *pcm, int16_t *to, size_t *count)
{
	spx_uint32_t in = CLEANER_FRAMES, out = (spx_uint32_t)(2 * FRAMES - *count);

	speex_resampler_process_int(state, 0, pcm, &in, to + *count, &out);
	*count += out;
}

static void take(int16_t *from, size_t *count, int16_t frame[FRAMES])
{
	size_t n = *count < FRAMES ? *count : FRAMES;

	memcpy(frame, from, n * sizeof *frame);
	memset(frame + n, 0, (FRAMES - n) * sizeof *frame);
	*count -= n;
	memmove(from, from + n, *count * sizeof *from);
}

static void clean_frame(struct cleaner *cleaner)
{
	int16_t said[FRAMES], played[FRAMES], cleaned[FRAMES];

	take(cleaner->heard, &cleaner->heard_frames, played);
	take(cleaner->narrow, &cleaner->narrow_frames, said);
	if (cleaner->echo)
		speex_echo_cancellation(cleaner->echo, said, played, cleaned);
	else
		memcpy(cleaned, said, sizeof cleaned);
	speex_preprocess_run(cleaner->preprocess, cleaned);
	spx_uint32_t in = FRAMES, out = (spx_uint32_t)(2 * CLEANER_FRAMES - cleaner->ready_frames);
	speex_resampler_process_int(cleaner->up, 0, cleaned, &in, cleaner->ready + cleaner->ready_frames, &out);
	cleaner->ready_frames += out;
}

void cleaner_run(struct cleaner *cleaner, int16_t mic[CLEANER_FRAMES], const int16_t heard[CLEANER_FRAMES])
{
	narrow(cleaner->mic_down, mic, cleaner->narrow, &cleaner->narrow_frames);
	narrow(cleaner->heard_down, heard, cleaner->heard, &cleaner->heard_frames);
	if (cleaner->narrow_frames >= FRAMES)
		clean_frame(cleaner);
	/* The filters hold some frames back at the beginning: silence stands for them, once. */
	size_t n = cleaner->ready_frames < CLEANER_FRAMES ? cleaner->ready_frames : CLEANER_FRAMES;
	memset(mic, 0, (CLEANER_FRAMES - n) * sizeof *mic);
	memcpy(mic + CLEANER_FRAMES - n, cleaner->ready, n * sizeof *mic);
	cleaner->ready_frames -= n;
	memmove(cleaner->ready, cleaner->ready + n, cleaner->ready_frames * sizeof *mic);
}
