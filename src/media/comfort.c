#include "media/comfort.h"

#include <math.h>

enum {
	QUIETEST = 127, NO_INDEX = 255,
	VOICE_WINDOW_TICKS = 150,      /* the noise is what was quietest in one to two of these */
	VOICE_HANG_TICKS = 25,         /* the end of a word is quiet */
};
static const double FOLLOW = 0.25, WHITE = 1.0001, FULL_SCALE = 32768;
static const double VOICE_ABOVE_DB = 8, VOICE_ALWAYS_DB = -40, VOICE_NEVER_DB = -60, VOICE_SMOOTH = 0.5;
static const float STABLE = 0.97F, GAIN_STEP = 0.02F;

/* ---- on the wire ---- */

/* k = 258 (N - 127) / 32768 (3.2) */
static uint8_t index_of(float reflection)
{
	return (uint8_t)(lrintf(reflection * 32768 / 258) + 127);
}

static float reflection_of(uint8_t index)
{
	return index == NO_INDEX ? 0 : 258.0F * (float)(index - 127) / 32768;
}

static float stable(float reflection)
{
	return reflection > STABLE ? STABLE : reflection < -STABLE ? -STABLE : reflection;
}

size_t comfort_print(const struct comfort *noise, uint8_t *out, size_t room)
{
	if (room < 1u + noise->order)
		return 0;
	out[0] = noise->level & QUIETEST;
	for (size_t i = 0; i < noise->order; i++)
		out[1 + i] = index_of(noise->reflection[i]);
	return 1u + noise->order;
}

bool comfort_parse(struct comfort *noise, const uint8_t *payload, size_t n)
{
	if (!n)
		return false;
	*noise = (struct comfort){ .level = payload[0] & QUIETEST };
	noise->order = (uint8_t)(n - 1 < COMFORT_ORDER_MAX ? n - 1 : COMFORT_ORDER_MAX);
	for (size_t i = 0; i < noise->order; i++)
		noise->reflection[i] = stable(reflection_of(payload[1 + i]));
	return true;
}

/* ---- listening ---- */

/* Levinson and Durbin's recursion: the reflection coefficients of an all-pole model with this autocorrelation. */
static void model(const double correlation[COMFORT_ORDER + 1], float reflection[COMFORT_ORDER])
{
	double a[COMFORT_ORDER + 1] = { 1 }, error = correlation[0] * WHITE;

	for (size_t i = 1; i <= COMFORT_ORDER; i++) {
		double sum = correlation[i], before[COMFORT_ORDER + 1];
		for (size_t k = 1; k < i; k++)
			sum += a[k] * correlation[i - k];
		double reflected = error > 0 ? -sum / error : 0;
		reflection[i - 1] = stable((float)reflected);
		for (size_t k = 0; k <= COMFORT_ORDER; k++)
			before[k] = a[k];
		for (size_t k = 1; k < i; k++)
			a[k] = before[k] + reflected * before[i - k];
		a[i] = reflected;
		error *= 1 - reflected * reflected;
	}
}

static void follow(double *value, double now, bool any)
{
	*value = any ? *value + (now - *value) * FOLLOW : now;
}

void comfort_listen(struct comfort_ear *ear, const int16_t *samples, size_t n, struct comfort *noise)
{
	*noise = (struct comfort){ .level = QUIETEST };
	if (n <= COMFORT_ORDER)
		return;
	for (size_t lag = 0; lag <= COMFORT_ORDER; lag++) {
		double sum = 0;
		for (size_t i = lag; i < n; i++)
			sum += (double)samples[i] * samples[i - lag];
		follow(&ear->correlation[lag], sum / (double)n, ear->any);
	}
	ear->any = true;
	double power = ear->correlation[0] / (FULL_SCALE * FULL_SCALE);
	double below_db = power > 0 ? -10 * log10(power) : QUIETEST;
	noise->level = (uint8_t)(below_db > QUIETEST ? QUIETEST : below_db < 0 ? 0 : lrint(below_db));
	if (noise->level == QUIETEST)
		return;
	noise->order = COMFORT_ORDER;
	model(ear->correlation, noise->reflection);
}

/* ---- speaking ---- */

/* Uniform in -1..1, whose power is a third. */
static float white(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return (float)(int32_t)*seed / 2147483648.0F;
}

/* The excitation that comes out of the filter with the power of the level: each stage divides it by 1 - k^2. */
static float gain_of(const struct comfort *noise)
{
	double power = 3;

	if (noise->level >= QUIETEST)
		return 0;
	for (size_t i = 0; i < noise->order; i++)
		power *= 1 - (double)noise->reflection[i] * noise->reflection[i];
	return (float)(FULL_SCALE * pow(10, -noise->level / 20.0) * sqrt(power));
}

/* One sample through the all-pole lattice. */
static float shape(struct comfort_voice *voice, const struct comfort *noise, float forward)
{
	for (size_t i = noise->order; i-- > 0;) {
		float k = noise->reflection[i];
		forward -= k * voice->memory[i];
		if (i + 1 < COMFORT_ORDER_MAX)
			voice->memory[i + 1] = voice->memory[i] + k * forward;
	}
	voice->memory[0] = forward;
	return forward;
}

void comfort_speak(struct comfort_voice *voice, const struct comfort *noise, int16_t *samples, size_t n)
{
	float gain = gain_of(noise);

	for (size_t i = 0; i < n; i++) {
		voice->gain += (gain - voice->gain) * GAIN_STEP;
		float sample = shape(voice, noise, voice->gain * white(&voice->seed));
		samples[i] = (int16_t)(sample > INT16_MAX   ? INT16_MAX
				       : sample < INT16_MIN ? INT16_MIN
							    : lrintf(sample));
	}
}

/* ---- does somebody speak? ---- */

/* What does not change is no sound. */
static double level_of(const int16_t *pcm)
{
	int64_t sum = 0, squares = 0;

	for (size_t i = 0; pcm && i < VOICE_TICK_FRAMES; i++) {
		sum += pcm[i];
		squares += (int64_t)pcm[i] * pcm[i];
	}
	double mean = (double)sum / VOICE_TICK_FRAMES, power = (double)squares / VOICE_TICK_FRAMES - mean * mean;
	return power > 0.1 ? 10 * log10(power / (FULL_SCALE * FULL_SCALE)) : -QUIETEST;
}

static void note_least(struct voice_watch *watch, double db)
{
	if (!watch->began) {
		watch->began = true;
		watch->smooth_db = db;
		watch->least_db = watch->least_before_db = VOICE_NEVER_DB;
	}
	watch->smooth_db += (db - watch->smooth_db) * VOICE_SMOOTH;
	if (watch->ticks++ == 0 || watch->smooth_db < watch->least_db)
		watch->least_db = watch->smooth_db;
	if (watch->ticks == VOICE_WINDOW_TICKS) {
		watch->least_before_db = watch->least_db;
		watch->ticks = 0;
	}
}

bool voice_tick(struct voice_watch *watch, const int16_t *pcm)
{
	double db = level_of(pcm);

	note_least(watch, db);
	double noise = watch->least_db < watch->least_before_db ? watch->least_db : watch->least_before_db;
	double speech = noise + VOICE_ABOVE_DB;
	speech = speech > VOICE_ALWAYS_DB ? VOICE_ALWAYS_DB : speech < VOICE_NEVER_DB ? VOICE_NEVER_DB : speech;
	if (db > speech)
		watch->hang = VOICE_HANG_TICKS;
	else if (watch->hang)
		watch->hang--;
	return watch->hang > 0;
}
