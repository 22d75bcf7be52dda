#include "media/mixer.h"

#include <math.h>
#include <string.h>

enum { ATTACK_FRAMES = 48, MOST = INT16_MAX };
static const float RELEASE = 0.05f; /* of what is turned down, a tick: 63 % in 200 ms */
static const float AUDIBLE = 0.001f;

void mixer_clear(struct mixer *mixer)
{
	memset(mixer, 0, sizeof *mixer);
}

void mixer_add(struct mixer *mixer, const int16_t pcm[MIXER_FRAMES])
{
	for (size_t i = 0; i < MIXER_FRAMES; i++)
		mixer->sum[i] += pcm[i];
	mixer->sources++;
}

void mixer_add_scaled(struct mixer *mixer, const int16_t pcm[MIXER_FRAMES], float factor)
{
	for (size_t i = 0; i < MIXER_FRAMES; i++)
		mixer->sum[i] += (int32_t)lrintf((float)pcm[i] * factor);
	mixer->sources++;
}

void mixer_scale(struct mixer *mixer, float factor)
{
	for (size_t i = 0; factor != 1 && i < MIXER_FRAMES; i++)
		mixer->sum[i] = (int32_t)lrintf((float)mixer->sum[i] * factor);
}

void mixer_add_others(struct mixer *mixer, const struct mixer *room, const int16_t own[MIXER_FRAMES])
{
	for (size_t i = 0; i < MIXER_FRAMES; i++)
		mixer->sum[i] += room->sum[i] - own[i];
	mixer->sources += room->sources - 1;
}

static int32_t peak_of(const struct mixer *mixer)
{
	int32_t peak = 0;

	for (size_t i = 0; i < MIXER_FRAMES; i++) {
		int32_t value = mixer->sum[i] < 0 ? -mixer->sum[i] : mixer->sum[i];
		if (value > peak)
			peak = value;
	}
	return peak;
}

/* A peak within the attack is rounded off rather than cut. */
static int16_t soft(float value)
{
	static const float KNEE = 0.9f * MOST, ROOM = 0.1f * MOST;
	float size = fabsf(value);

	if (size > KNEE)
		size = KNEE + ROOM * tanhf((size - KNEE) / ROOM);
	return (int16_t)lrintf(value < 0 ? -size : size);
}

void mixer_take(const struct mixer *mixer, struct limiter *limiter, int16_t pcm[MIXER_FRAMES])
{
	int32_t peak = peak_of(mixer);
	float from = 1 - limiter->less, to = 1 - limiter->less * (1 - RELEASE);

	if (peak <= MOST && limiter->less < AUDIBLE) {
		limiter->less = 0;
		for (size_t i = 0; i < MIXER_FRAMES; i++)
			pcm[i] = (int16_t)mixer->sum[i];
		return;
	}
	if ((float)peak * to > MOST)
		to = MOST / (float)peak;
	/* Only in the attack can it be too much still. */
	bool attack = to < from - AUDIBLE;
	size_t turn = attack ? ATTACK_FRAMES : MIXER_FRAMES;
	for (size_t i = 0; i < MIXER_FRAMES; i++) {
		float gain = i < turn ? from + (to - from) * (float)i / (float)turn : to;
		float value = (float)mixer->sum[i] * gain;
		pcm[i] = attack && i < turn ? soft(value) : (int16_t)lrintf(fmaxf(-MOST, fminf(MOST, value)));
	}
	limiter->less = 1 - to;
}
