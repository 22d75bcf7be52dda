#include "media/dtmf_detect.h"

#include "media/level.h"

#include <math.h>
#include <string.h>

static const double LOW_HZ[4] = { 697, 770, 852, 941 }, HIGH_HZ[4] = { 1209, 1336, 1477, 1633 };
static const char DIGITS[4][4] = { "123A", "456B", "789C", "*0#D" };

/* ---- recognising ---- */

/* Half overlapping blocks of 12.75 ms: a tone of 40 ms fills four of them, whenever it begins. */
enum { HITS = 4, MISSES = 5 };

static const double LEAST = 50;           /* of each tone's amplitude: some 50 dB below the loudest */
static const double REST = 0.07;          /* share of the energy that is not the two tones' */
static const double SHOWN = 0.3;          /* share of the energy that is near the two nominal frequencies */
static const double OTHERS = 6;           /* how much stronger a tone is than those beside it */
static const double REVERSE_TWIST = 4;    /* 6 dB: the high tone above the low one */
static const double TWIST = 8;            /* 9 dB: below it */
static const double OFF = 0.022;          /* share by which a frequency may be wrong: 1.5 % must pass, 3.5 % must not */
static const double STEADY = 1.6;         /* from block to block: energy, */
static const double GLIDE_HZ = 6;         /* and each frequency */

/* Goertzel: energy of four frequencies, as much as the sum of squares where nothing else is there. Side by side they
 * take little longer than one, whose every step waits for the one before. */
static void energies_at(const double *samples, const double hz[4], double energy[4])
{
	double k[4], a[4] = { 0 }, b[4] = { 0 };

	for (size_t f = 0; f < 4; f++)
		k[f] = 2 * cos(2 * M_PI * hz[f] / DETECT_RATE_HZ);
	for (size_t i = 0; i < DETECT_BLOCK; i++)
		for (size_t f = 0; f < 4; f++) {
			double next = samples[i] + k[f] * a[f] - b[f];
			b[f] = a[f];
			a[f] = next;
		}
	for (size_t f = 0; f < 4; f++)
		energy[f] = (a[f] * a[f] + b[f] * b[f] - k[f] * a[f] * b[f]) * 2 / DETECT_BLOCK;
}

static double energy_at(const double *samples, double hz)
{
	double energy[4];

	energies_at(samples, (const double[4]){ hz, hz, hz, hz }, energy);
	return energy[0];
}

static double energy_of(const double *samples)
{
	double energy = 0;

	for (size_t i = 0; i < DETECT_BLOCK; i++)
		energy += samples[i] * samples[i];
	return energy;
}

/* @return the strongest of four; -1 when it must be `alone` and another is nearly as strong */
static int strongest(const double *samples, const double hz[4], bool alone, double *energy)
{
	double all[4];
	int best = 0;

	energies_at(samples, hz, all);
	for (int i = 1; i < 4; i++)
		if (all[i] > all[best])
			best = i;
	*energy = all[best];
	for (int i = 0; i < 4; i++)
		if (alone && i != best && all[i] * OTHERS > all[best])
			return -1;
	return best;
}

/* Where near `hz` the peak really is, by parabolas through three points of it; 0: too far off to be the tone. */
static double peak_near(const double *samples, double hz)
{
	enum { STEP_HZ = 20, TIMES = 3 };
	double at = hz;

	for (int i = 0; i < TIMES; i++) {
		double around[4];
		energies_at(samples, (const double[4]){ at - STEP_HZ, at, at + STEP_HZ, hz }, around);
		double curve = around[0] - 2 * around[1] + around[2];
		double shift = curve < 0 ? (around[0] - around[2]) / curve * STEP_HZ / 2 : 2 * hz;
		at += fmax(-STEP_HZ, fmin(STEP_HZ, shift));
	}
	return fabs(at - hz) > OFF * hz ? 0 : at;
}

/* `from` without what it holds of a frequency. */
static void take_out(const double *from, double hz, double *rest)
{
	double in_phase = 0, across = 0, step = 2 * M_PI * hz / DETECT_RATE_HZ;

	for (size_t i = 0; i < DETECT_BLOCK; i++) {
		in_phase += from[i] * cos(step * (double)i);
		across += from[i] * sin(step * (double)i);
	}
	in_phase *= 2.0 / DETECT_BLOCK;
	across *= 2.0 / DETECT_BLOCK;
	for (size_t i = 0; i < DETECT_BLOCK; i++)
		rest[i] = from[i] - in_phase * cos(step * (double)i) - across * sin(step * (double)i);
}

static const double *const GROUPS[2] = { LOW_HZ, HIGH_HZ };

/*
 * Two tones: the stronger first, then the other without it, then the first again without the other; what is left then
 * is noise, or a voice. @return false: there are no two such tones
 */
static bool measure(const double *samples, double total, int place[2], double energy[2], double hz[2], double *left)
{
	double without[DETECT_BLOCK], rough;
	int strong, weak;

	place[0] = strongest(samples, LOW_HZ, false, &energy[0]);
	place[1] = strongest(samples, HIGH_HZ, false, &energy[1]);
	/* Most of a voice, soon: a tone as far off as it may be shows half of its energy at the right place. */
	if (energy[0] + energy[1] < total * SHOWN)
		return false;
	strong = energy[1] > energy[0];
	weak = !strong;
	hz[strong] = peak_near(samples, GROUPS[strong][place[strong]]);
	if (hz[strong] <= 0)
		return false;
	take_out(samples, hz[strong], without);
	place[weak] = strongest(without, GROUPS[weak], true, &rough);
	hz[weak] = place[weak] < 0 ? 0 : peak_near(without, GROUPS[weak][place[weak]]);
	if (hz[weak] <= 0)
		return false;
	energy[weak] = energy_at(without, hz[weak]);
	take_out(samples, hz[weak], without);
	place[strong] = strongest(without, GROUPS[strong], true, &rough);
	hz[strong] = place[strong] < 0 ? 0 : peak_near(without, GROUPS[strong][place[strong]]);
	if (hz[strong] <= 0)
		return false;
	energy[strong] = energy_at(without, hz[strong]);
	take_out(without, hz[strong], without);
	*left = energy_of(without);
	return true;
}

static char digit_in(const double *samples, double total, double hz[2])
{
	double energy[2], left, least = LEAST * LEAST / 2 * DETECT_BLOCK;
	int place[2];

	if (total < 2 * least || !measure(samples, total, place, energy, hz, &left))
		return '\0';
	if (energy[0] < least || energy[1] < least || energy[1] > energy[0] * REVERSE_TWIST ||
	    energy[0] > energy[1] * TWIST || left > total * REST)
		return '\0';
	return DIGITS[place[0]][place[1]];
}

static char take_block(struct dtmf_detector *detector)
{
	double samples[DETECT_BLOCK], hz[2] = { 0 }, before = detector->energy, total = 0;
	char seen = '\0';

	/* In the silence of all who are on hold or wait there is nothing to look for. */
	if (!level_is_nothing(detector->samples, DETECT_BLOCK)) {
		for (size_t i = 0; i < DETECT_BLOCK; i++)
			samples[i] = detector->samples[i];
		total = energy_of(samples);
		seen = digit_in(samples, total, hz);
	}
	bool steady = total < before * STEADY && before < total * STEADY && fabs(hz[0] - detector->hz[0]) < GLIDE_HZ &&
		      fabs(hz[1] - detector->hz[1]) < GLIDE_HZ;
	detector->hits = seen && seen == detector->candidate && steady ? detector->hits + 1 : seen != 0;
	detector->candidate = seen;
	detector->energy = total;
	memcpy(detector->hz, hz, sizeof hz);
	if (detector->digit && seen != detector->digit) {
		/* A gap of a few milliseconds is none. */
		if (++detector->misses >= MISSES)
			detector->digit = '\0';
	} else {
		detector->misses = 0;
	}
	if (detector->hits < HITS || seen == detector->digit)
		return '\0';
	detector->digit = seen;
	detector->misses = 0;
	return seen;
}

char dtmf_detect_narrow(struct dtmf_detector *detector, const int16_t *samples, size_t n)
{
	char found = '\0';

	while (n) {
		size_t room = DETECT_BLOCK - detector->count, part = n < room ? n : room;
		memcpy(detector->samples + detector->count, samples, part * sizeof *samples);
		detector->count += part;
		samples += part;
		n -= part;
		if (detector->count < DETECT_BLOCK)
			break;
		char digit = take_block(detector);
		if (digit)
			found = digit;
		memmove(detector->samples, detector->samples + DETECT_HOP, sizeof detector->samples / 2);
		detector->count = DETECT_BLOCK - DETECT_HOP;
	}
	return found;
}

char dtmf_detect(struct dtmf_detector *detector, const int16_t pcm[LEVEL_TICK_FRAMES])
{
	int16_t narrow[LEVEL_NARROW_FRAMES];

	decimator_run(&detector->decimator, pcm, narrow);
	return dtmf_detect_narrow(detector, narrow, LEVEL_NARROW_FRAMES);
}

/* ---- making ---- */

/* -8 and -6 dBm0, where a sine of full scale is 3.14 dBm0 (Q.23, G.711). */
static const double LOW_AMPLITUDE = 9085, HIGH_AMPLITUDE = 11437;
enum { SOUND_RATE_HZ = 48000, RAMP = SOUND_RATE_HZ / 200 };

static bool find(char digit, double *low_hz, double *high_hz)
{
	for (int row = 0; row < 4; row++)
		for (int column = 0; column < 4; column++)
			if (DIGITS[row][column] == digit) {
				*low_hz = LOW_HZ[row];
				*high_hz = HIGH_HZ[column];
				return true;
			}
	return false;
}

void dtmf_sound(struct dtmf_tone *tone, char digit, uint32_t left_ms, int16_t pcm[LEVEL_TICK_FRAMES])
{
	uint32_t left = left_ms * (SOUND_RATE_HZ / 1000);
	double low_hz = 0, high_hz = 0;

	memset(pcm, 0, LEVEL_TICK_FRAMES * sizeof *pcm);
	if (digit >= 'a' && digit <= 'd')
		digit = (char)(digit - 'a' + 'A');
	if (!find(digit, &low_hz, &high_hz))
		return;
	for (uint32_t i = 0; i < LEVEL_TICK_FRAMES && i < left; i++, tone->at++) {
		uint32_t edge = tone->at < left - i ? tone->at : left - i;
		double sample = LOW_AMPLITUDE * sin(2 * M_PI * tone->low) + HIGH_AMPLITUDE * sin(2 * M_PI * tone->high);
		pcm[i] = (int16_t)lrint(edge < RAMP ? sample * edge / RAMP : sample);
		tone->low = fmod(tone->low + low_hz / SOUND_RATE_HZ, 1);
		tone->high = fmod(tone->high + high_hz / SOUND_RATE_HZ, 1);
	}
}
