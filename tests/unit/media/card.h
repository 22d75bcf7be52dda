/*
 * Cards of one clock in virtual time: each face of a duplex card as the helper shows it. Of an output the period that
 * is played next does not count as waiting.
 */
#pragma once

#include "base/xmalloc.h"
#include "media/engine_internal.h"

#include <string.h>

enum { CARD_RING = 8192 };

struct card {
	struct device device;
	bool out;
	int period;               /* frames */
	int frames;               /* in its ring */
	uint64_t gaps;            /* how often there were too few */
	int16_t ring[CARD_RING];
};

static inline struct card *card_of(struct device *device)
{
	return CONTAINER_OF(device, struct card, device);
}

/* What is missing is silence. */
static inline void card_take(struct card *card, int16_t *samples, int frames)
{
	int n = card->frames < frames ? card->frames : frames;

	card->gaps += card->frames < frames;
	memcpy(samples, card->ring, (size_t)n * sizeof *samples);
	memset(samples + n, 0, (size_t)(frames - n) * sizeof *samples);
	card->frames -= n;
	memmove(card->ring, card->ring + n, (size_t)card->frames * sizeof *samples);
}

static inline void card_put(struct card *card, const int16_t *samples, int frames)
{
	int room = CARD_RING - card->frames, n = frames < room ? frames : room;

	memcpy(card->ring + card->frames, samples, (size_t)n * sizeof *samples);
	card->frames += n;
}

static inline size_t card_read(struct device *device, int16_t *samples, size_t frames)
{
	card_take(card_of(device), samples, (int)frames);
	return frames;
}

static inline size_t card_write(struct device *device, const int16_t *samples, size_t frames)
{
	card_put(card_of(device), samples, (int)frames);
	return frames;
}

static inline int card_pending(struct device *device)
{
	struct card *card = card_of(device);
	int frames = card->frames - (card->out ? card->period : 0);

	return frames < 0 ? 0 : frames;
}

static inline uint32_t card_xruns(struct device *device)
{
	return (uint32_t)card_of(device)->gaps;
}

static inline void card_close(struct device *device)
{
	free(card_of(device));
}

/** The engine has it from its next step on, and frees it. */
static inline struct card *card_plug_in(struct engine *engine, enum engine_device which, int period)
{
	static const struct device_ops OPS = { .name = "card", .read = card_read, .write = card_write,
		.pending = card_pending, .wake_fd = device_no_clock, .health = device_healthy, .close = card_close,
		.xruns = card_xruns };
	struct card *card = xcalloc(1, sizeof *card);
	struct command command = { .kind = COMMAND_DEVICE };

	card->device.ops = &OPS;
	card->out = which != ENGINE_INPUT;
	card->period = period;
	engine->ports[which].device = &card->device;
	command.u.port.which = which;
	command.u.port.device = &card->device;
	engine_send_command(engine, &command);
	return card;
}
