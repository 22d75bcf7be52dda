/* The devices as the media thread sees them: taking over without a click, and no more delay than their clocks need. */
#include "media/engine_internal.h"

#include <string.h>
#include <sys/epoll.h>

enum {
	WINDOW_TICKS = 50,        /* the microphone's delay is looked at twice a second */
	MARGIN_FRAMES = 48,       /* 1 ms is left in its ring at the least */
	MOST_FRAMES = 4 * DEVICE_TICK_FRAMES,
	JOINT_FRAMES = 240,       /* what is left out is joined over 5 ms */
};

/* ---- giving and taking ---- */

static void watch(struct engine *engine, enum engine_device which, struct device *device, int operation)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = CONTROL_DEVICE + which };
	int fd = device ? device->ops->wake_fd(device) : -1;

	if (fd >= 0)
		epoll_ctl(engine->control_poll, operation, fd, &event);
}

static void give_back(struct engine *engine, struct device **device)
{
	struct note note = { .kind = NOTE_DEVICE_RETURNED };

	note.u.device = *device;
	*device = NULL;
	if (note.u.device)
		engine_note_send(engine, &note);
}

static void take_over(struct engine *engine, enum engine_device which, struct device *device)
{
	struct slot *slot = &engine->slots[which];

	give_back(engine, &slot->old);
	watch(engine, which, slot->device, EPOLL_CTL_DEL);
	struct device *old = slot->device;
	*slot = (struct slot){ .device = device, .old = old, .fresh = true };
	watch(engine, which, device, EPOLL_CTL_ADD);
}

void engine_put_device(struct engine *engine, enum engine_device which, struct device *device)
{
	struct slot *slot = &engine->slots[which];
	bool ill = slot->runaway || slot->health != ERR_NONE;

	give_back(engine, &slot->next);
	if (device && device->ops->comes_to_life && slot->device && !ill && engine_is_active(engine)) {
		slot->next = device;
		return;
	}
	take_over(engine, which, device);
	if (!device || !engine_is_active(engine))
		give_back(engine, &slot->old);
}

void engine_return_old_devices(struct engine *engine)
{
	for (enum engine_device which = 0; which < ENGINE_DEVICES; which++)
		if (engine->slots[which].old && engine_note_fits(engine))
			give_back(engine, &engine->slots[which].old);
}

/* ---- health ---- */

static void tell(struct engine *engine, enum engine_device which, const char *state, const char *why,
		 struct device *next)
{
	struct note note = { .kind = NOTE_DEVICE_STATE };

	note.u.health.which = which;
	note.u.health.state = state;
	note.u.health.device = engine->slots[which].device;
	note.u.health.next = next;
	strncpy(note.u.health.text, why, sizeof note.u.health.text - 1);
	engine_note_send(engine, &note);
}

static const char *words_of(const struct device *device, enum err health)
{
	const char *words = device->ops->message ? device->ops->message(device) : "";

	return *words ? words : err_text(health);
}

static void check_health(struct engine *engine, enum engine_device which)
{
	struct slot *slot = &engine->slots[which];
	enum err health = slot->device ? slot->device->ops->health(slot->device) : ERR_NONE;

	if (slot->runaway)
		health = ERR_DEVICE;
	slot->lived |= slot->device && health == ERR_NONE && slot->device->ops->pending(slot->device) >= 0;
	if ((health == ERR_NONE) == (slot->health == ERR_NONE) || !engine_note_fits(engine))
		return;
	slot->health = health;
	if (health == ERR_NONE)
		tell(engine, which, "back", "", NULL);
	else if (slot->runaway)
		tell(engine, which, "runaway", "its clock runs much too fast", NULL);
	else
		tell(engine, which, slot->lived ? "lost" : "missing", words_of(slot->device, health), NULL);
}

static void check_next(struct engine *engine, enum engine_device which)
{
	struct slot *slot = &engine->slots[which];
	struct device *next = slot->next;

	if (!next || slot->old || !engine_note_fits(engine))
		return;
	enum err health = next->ops->health(next);
	if (health != ERR_NONE) {
		tell(engine, which, "failed", words_of(next, health), next);
		give_back(engine, &slot->next);
	} else if (next->ops->pending(next) >= 0) {
		slot->next = NULL;
		take_over(engine, which, next);
	}
}

void engine_check_devices(struct engine *engine)
{
	for (enum engine_device which = 0; which < ENGINE_DEVICES; which++) {
		check_next(engine, which);
		check_health(engine, which);
	}
}

/* ---- sound ---- */

/* Turns linearly within the tick from one to the other. */
static void fade(int16_t *pcm, const int16_t *from, const int16_t *to)
{
	for (int i = 0; i < DEVICE_TICK_FRAMES; i++)
		pcm[i] = (int16_t)((from ? from[i] * (DEVICE_TICK_FRAMES - i) / DEVICE_TICK_FRAMES : 0) +
				   (to ? to[i] * i / DEVICE_TICK_FRAMES : 0));
}

static void skip(struct device *device, int frames)
{
	int16_t gone[DEVICE_TICK_FRAMES];

	for (; frames > 0; frames -= DEVICE_TICK_FRAMES)
		device->ops->read(device, gone, (size_t)(frames < DEVICE_TICK_FRAMES ? frames : DEVICE_TICK_FRAMES));
}

/* How many frames of the microphone's ring only make it late: it may run a little faster than we. */
static int too_many(struct slot *slot, int pending)
{
	int left = pending - DEVICE_TICK_FRAMES;

	if (!slot->window_ticks || left < slot->least)
		slot->least = left;
	if (++slot->window_ticks < WINDOW_TICKS)
		return 0;
	slot->window_ticks = 0;
	int excess = slot->least - MARGIN_FRAMES;
	return excess > DEVICE_TICK_FRAMES ? DEVICE_TICK_FRAMES : excess > MARGIN_FRAMES ? excess : 0;
}

static void read_joined(struct device *device, int16_t *mic, int excess)
{
	int16_t pcm[2 * DEVICE_TICK_FRAMES];

	device->ops->read(device, pcm, (size_t)(DEVICE_TICK_FRAMES + excess));
	for (int i = 0; i < DEVICE_TICK_FRAMES; i++)
		mic[i] = (int16_t)(i < JOINT_FRAMES ? (pcm[i] * (JOINT_FRAMES - i) + pcm[i + excess] * i) / JOINT_FRAMES
						    : pcm[i + excess]);
}

/* Beyond four ticks, and what a card with long periods gives at once. */
static int most_pending(const struct engine *engine)
{
	int64_t gap_us = engine->slots[ENGINE_OUTPUT].gap_us + engine->slots[ENGINE_INPUT].gap_us;

	return MOST_FRAMES + (int)(gap_us * DEVICE_TICK_FRAMES / ENGINE_TICK_US);
}

static void read_device(struct engine *engine, int16_t *mic)
{
	struct slot *slot = &engine->slots[ENGINE_INPUT];
	struct device *device = slot->device;
	int pending = device->ops->pending(device);

	/* What piled up while somebody slept would be delay for ever. */
	if (pending >= 0 && (slot->fresh || pending > most_pending(engine))) {
		skip(device, pending - DEVICE_TICK_FRAMES);
		slot->window_ticks = 0;
		pending = pending < DEVICE_TICK_FRAMES ? pending : DEVICE_TICK_FRAMES;
		slot->fresh = false;
	}
	int excess = pending >= 0 ? too_many(slot, pending) : 0;
	if (excess)
		read_joined(device, mic, excess);
	else
		device->ops->read(device, mic, DEVICE_TICK_FRAMES);
}

void engine_read_input(struct engine *engine, int16_t *mic)
{
	struct slot *slot = &engine->slots[ENGINE_INPUT];
	int16_t old[DEVICE_TICK_FRAMES];

	memset(mic, 0, DEVICE_TICK_FRAMES * sizeof *mic);
	if (slot->device)
		read_device(engine, mic);
	if (slot->old) {
		slot->old->ops->read(slot->old, old, DEVICE_TICK_FRAMES);
		fade(mic, old, mic);
	}
}

/* Blends from the beginning to the end, so that nothing jumps: n frames of DEVICE_TICK_FRAMES. */
static void resize(const int16_t *pcm, int n, int16_t *out)
{
	int less = DEVICE_TICK_FRAMES - n, first = less < 0 ? -less : 0, last = less < 0 ? DEVICE_TICK_FRAMES : n;

	for (int i = 0; i < n; i++) {
		int w = i < first ? 0 : i >= last ? last - first : i - first;
		int from_begin = i < DEVICE_TICK_FRAMES ? pcm[i] : 0, from_end = i + less >= 0 ? pcm[i + less] : 0;
		out[i] = (int16_t)((from_begin * (last - first - w) + from_end * w) / (last - first));
	}
}

void engine_play_output(struct engine *engine, const int16_t *pcm, int32_t sooner)
{
	struct slot *slot = &engine->slots[ENGINE_OUTPUT];
	int16_t resized[2 * DEVICE_TICK_FRAMES];
	int n = DEVICE_TICK_FRAMES - sooner;

	if (!sooner || slot->old || !slot->device || n <= 0 || n > (int)ARRAY_LEN(resized)) {
		engine_write_output(engine, ENGINE_OUTPUT, pcm);
		return;
	}
	resize(pcm, n, resized);
	slot->device->ops->write(slot->device, resized, (size_t)n);
}

void engine_write_output(struct engine *engine, enum engine_device which, const int16_t *pcm)
{
	struct slot *slot = &engine->slots[which];
	int16_t faded[DEVICE_TICK_FRAMES];

	if (slot->old) {
		fade(faded, pcm, NULL);
		slot->old->ops->write(slot->old, faded, DEVICE_TICK_FRAMES);
		fade(faded, NULL, pcm);
		pcm = faded;
	}
	if (slot->device)
		slot->device->ops->write(slot->device, pcm, DEVICE_TICK_FRAMES);
}

void engine_freshen_input(struct engine *engine)
{
	engine->slots[ENGINE_INPUT].fresh = true;
}
