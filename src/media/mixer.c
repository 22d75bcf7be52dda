#include "media/mixer.h"

#include <string.h>

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

void mixer_take(const struct mixer *mixer, int16_t pcm[MIXER_FRAMES])
{
	for (size_t i = 0; i < MIXER_FRAMES; i++) {
		int32_t value = mixer->sum[i];
		pcm[i] = (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
	}
}
