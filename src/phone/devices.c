/*
 * Devices that come and go. PortAudio sees none of that while it runs, so offhook-sound is asked for its list again
 * when the kernel or JACK shows that something has changed: a node in /dev/snd, a semaphore in /dev/shm.
 */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	FIRST_US = 3000000,      /* a short call is not worth a list */
	SETTLE_US = 400000,      /* a card brings several nodes */
	BETWEEN_US = 3000000,
};

struct device_watch {
	struct phone *phone;
	char *list;              /* as offhook-sound wrote it last; NULL: not asked yet */
	int fd;
	struct loop_watch *watch;
	struct timer timer;
	int64_t listed_us;
	bool gone[ENGINE_DEVICES]; /* what is chosen is not there */
};

/* ---- the list ---- */

struct listed {
	bool input, standard;    /* standard: what "default" means */
	struct slice api, name;
	uint32_t rate_hz;        /* 0: not told */
};

/* Take a line: in|out TAB default|- TAB host API TAB rate TAB name. @return false: no more */
static bool next_device(struct slice *rest, struct listed *device)
{
	while (rest->n) {
		struct slice line = slice_cut(rest, '\n');
		device->input = slice_eq(slice_cut(&line, '\t'), SLICE("in"));
		device->standard = slice_eq(slice_cut(&line, '\t'), SLICE("default"));
		device->api = slice_cut(&line, '\t');
		if (!slice_to_u32(slice_cut(&line, '\t'), &device->rate_hz))
			device->rate_hz = 0;
		device->name = line;
		if (line.n)
			return true;
	}
	return false;
}

static bool has(const char *list, bool of_input, struct slice wanted)
{
	struct slice rest = slice_of(list);
	struct listed device;

	while (next_device(&rest, &device))
		if (device.input == of_input && slice_eq(device.name, wanted))
			return true;
	return false;
}

/* What is in one list and not in the other. @return whether there is anything */
static bool tell_difference(struct phone *phone, const char *from, const char *in, const char *state)
{
	struct slice rest = slice_of(from);
	struct listed device;
	bool any = false;

	while (next_device(&rest, &device)) {
		if (has(in, device.input, device.name))
			continue;
		char *shown = clean(device.name);
		struct event *event = events_add(phone->events, EVENT_DEVICE, 0);
		event_text(event, "name", slice_of(shown));
		event_text(event, "kind", device.input ? SLICE("input") : SLICE("output"));
		event_text(event, "state", slice_of(state));
		free(shown);
		any = true;
	}
	return any;
}

/* As the helper finds names: exact, or the part of only one. @return false: there is none, or several */
static bool find_device(const char *list, enum engine_device which, struct slice wish, struct listed *found)
{
	struct slice rest = slice_of(list);
	struct listed device;
	bool exact = false;
	size_t hits = 0;

	char *part = slice_dup(wish);
	while (!exact && next_device(&rest, &device)) {
		if (device.input != (which == ENGINE_INPUT))
			continue;
		char *whole = slice_dup(device.name);
		exact = device.standard ? !strcmp(part, "default") : !strcmp(part, whole);
		if (exact || strcasestr(whole, part)) {
			*found = device;
			hits++;
		}
		free(whole);
	}
	free(part);
	return exact || hits == 1;
}

static bool is_no_device(struct slice wish)
{
	return slice_eq(wish, SLICE("null")) || slice_begins(wish, SLICE("tone:")) ||
	       slice_begins(wish, SLICE("file:"));
}

static bool is_there(const char *list, enum engine_device which, struct slice wish)
{
	struct listed found;

	return is_no_device(wish) || find_device(list, which, wish, &found);
}

uint32_t devices_rate(const struct phone *phone, enum engine_device which)
{
	const struct device_watch *watch = phone->device_watch;
	struct slice wish;
	struct listed found;

	if (!watch->list || !sound_wish(phone, which, phone->wish[which], &wish) || is_no_device(wish))
		return 0;
	return find_device(watch->list, which, wish, &found) ? found.rate_hz : 0;
}

/* Headsets have no echo, and what JACK connects is none of our business. */
static bool may_echo(struct slice api, const char *name)
{
	static const char *const quiet[] = { "headset", "headphone", "earphone",   "earbud",
					     "airpod",  "jabra",     "plantronics" };

	for (size_t i = 0; i < ARRAY_LEN(quiet); i++)
		if (strcasestr(name, quiet[i]))
			return false;
	return !slice_begins(api, SLICE("JACK"));
}

bool devices_may_echo(const struct phone *phone)
{
	struct slice in, out, rest = slice_of(phone->device_watch->list);
	struct listed device;

	if (!rest.n || !sound_wish(phone, ENGINE_INPUT, phone->wish[ENGINE_INPUT], &in) ||
	    !sound_wish(phone, ENGINE_OUTPUT, phone->wish[ENGINE_OUTPUT], &out) || !slice_eq(in, out))
		return false;
	char *part = slice_dup(out);
	bool echoes = false;
	while (!echoes && next_device(&rest, &device)) {
		char *name = slice_dup(device.name);
		bool meant = strcmp(part, "default") ? strcasestr(name, part) != NULL : device.standard;
		echoes = !device.input && meant && may_echo(device.api, name);
		free(name);
	}
	free(part);
	return echoes;
}

bool devices_listed_one(const struct phone *phone, enum engine_device which, struct slice name)
{
	const struct device_watch *watch = phone->device_watch;

	return watch->list && is_there(watch->list, which, name);
}

bool devices_gone(const struct phone *phone, enum engine_device which)
{
	return phone->device_watch->gone[which];
}

/* ---- the wish list again ---- */

static void tell(struct phone *phone, enum engine_device which, struct slice name, const char *state)
{
	struct event *event = events_add(phone->events, EVENT_DEVICE, 0);

	event_text(event, "name", name);
	event_text(event, "kind", slice_of(sound_kind(which)));
	event_text(event, "state", slice_of(state));
}

/* The best that is there now; -1: none. */
static int best_wish(const struct device_watch *watch, enum engine_device which)
{
	struct slice name;

	for (int nth = 0; sound_wish(watch->phone, which, nth, &name); nth++)
		if (is_there(watch->list, which, name))
			return nth;
	return -1;
}

static void tell_gone(struct phone *phone, enum engine_device which, struct slice name, bool silence)
{
	char *shown = clean(name);

	tell(phone, which, name, "lost");
	log_line(phone->log, LOG_WARNING, "the %s '%s' has gone%s", sound_device_word(which), shown,
		 silence ? ": silence takes its place" : "");
	free(shown);
}

/* `before`: the list of before. */
static void choose_again(struct device_watch *watch, enum engine_device which, const char *before)
{
	struct phone *phone = watch->phone;
	int best = best_wish(watch, which), now = phone->wish[which];
	struct slice name;

	if (best == now && !watch->gone[which])
		return;
	if (best >= 0 && (best < now || watch->gone[which])) {
		watch->gone[which] = false;
		sound_forget_lost(phone, which);
		sound_use_from(phone, which, best);
		if (sound_wish(phone, which, best, &name))
			tell(phone, which, name, "back");
		return;
	}
	/* What is in use has gone: PortAudio would go on without noticing. */
	if (!sound_wish(phone, which, now, &name) || is_there(watch->list, which, name) || watch->gone[which])
		return;
	/* What never was there, or failed when it went, was told of then. */
	bool told = !is_there(before, which, name) || engine_device_is_lost(phone->engine, which);
	if (!told)
		tell_gone(phone, which, name, best < 0);
	if (best >= 0) {
		sound_use_from(phone, which, best);
		return;
	}
	if (told)
		return;
	watch->gone[which] = true;
	if (engine_use(phone->engine, which, "null"))
		return; /* it always can be used */
}

/* ---- when to ask ---- */

static void ask(void *arg)
{
	struct device_watch *watch = arg;

	phone_audio_list(watch->phone, NULL, NULL);
}

static void ask_soon(struct device_watch *watch)
{
	struct timers *timers = watch->phone->timers;
	int64_t wait = watch->listed_us + BETWEEN_US - timers->now_us;

	timer_start(timers, &watch->timer, wait > SETTLE_US ? wait : SETTLE_US, ask, watch);
}

static void on_change(void *arg, int events)
{
	struct device_watch *watch = arg;
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;
	bool meant = false;

	(void)events;
	while ((n = read(watch->fd, bytes, sizeof bytes)) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(bytes + at);
			const char *name = event->len ? event->name : "";
			/* Our own helpers are clients of JACK as well. */
			meant |= (!strncmp(name, "jack", 4) || !strncmp(name, "pcm", 3)) && !strstr(name, "offhook");
			at += (ssize_t)(sizeof *event + event->len);
		}
	if (meant)
		ask_soon(watch);
}

static void begin_watch(struct device_watch *watch)
{
	if (watch->fd >= 0)
		return;
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->fd < 0)
		return;
	/* Neither need be there. */
	inotify_add_watch(watch->fd, "/dev/snd", IN_CREATE | IN_DELETE);
	inotify_add_watch(watch->fd, "/dev/shm", IN_CREATE | IN_DELETE);
	watch->watch = loop_watch(watch->phone->loop, watch->fd, LOOP_READ, on_change, watch);
}

void devices_listed(struct phone *phone, struct slice list)
{
	struct device_watch *watch = phone->device_watch;
	char *before = watch->list;

	watch->list = slice_dup(list);
	watch->listed_us = phone->timers->now_us;
	begin_watch(watch);
	sound_apply_cleaning(phone);
	if (!before)
		return;
	bool changed = tell_difference(phone, before, watch->list, "removed");
	changed |= tell_difference(phone, watch->list, before, "added");
	for (enum engine_device which = 0; changed && phone->engine && which < ENGINE_DEVICES; which++)
		choose_again(watch, which, before);
	free(before);
}

void devices_engine_made(struct phone *phone)
{
	struct device_watch *watch = phone->device_watch;

	if (!watch->list)
		timer_start(phone->timers, &watch->timer, FIRST_US, ask, watch);
}

void devices_chosen(struct phone *phone, enum engine_device which)
{
	phone->device_watch->gone[which] = false;
}

struct device_watch *device_watch_new(struct phone *phone)
{
	struct device_watch *watch = xcalloc(1, sizeof *watch);

	watch->phone = phone;
	watch->fd = -1;
	return watch;
}

void device_watch_free(struct device_watch *watch)
{
	timer_stop(watch->phone->timers, &watch->timer);
	loop_unwatch(watch->watch);
	if (watch->fd >= 0)
		close(watch->fd);
	free(watch->list);
	free(watch);
}
