#include "media/audio/helper.h"

#include "base/xmalloc.h"
#include "media/audio/leaving.h"
#include "media/audio/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <speex/speex_resampler.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PKGLIBEXECDIR
#define PKGLIBEXECDIR "/usr/local/libexec/offhook"
#endif

enum {
	START_LIMIT_US = 5000000,  /* Pa_Initialize may hang: more than this is no start */
	STILL_LIMIT_US = 1000000,  /* no callback for so long: hanging */
	PAUSE_FIRST_US = 1000000,
	PAUSE_MOST_US = 30000000,
	CHUNK_FRAMES = 1024,
	RESAMPLER_QUALITY = 3,     /* 3 ms of delay and no more can be heard of it */
};

/* One side of a helper, as the engine sees it. */
struct face {
	struct device device;
	struct helper *helper;
	int side;                     /* SOUND_IN, SOUND_OUT */
	SpeexResamplerState *resampler; /* NULL while the device runs at 48 kHz */
	uint32_t resampler_hz;
};

struct helper {
	struct face faces[SOUND_SIDES];
	unsigned owners;              /* faces that are not closed */
	char *names[SOUND_SIDES];     /* "": not this side */
	char *program;
	struct sound_shared *shared;
	int shm_fd, wake_fd, life_fd; /* life_fd: our end of the helper's standard input */
	pid_t pid;                    /* 0: none runs */
	int64_t started_us, moved_us, retry_us, pause_us;
	uint32_t callbacks_seen;
	bool running;
	enum err err;
	char message[128];
};

static int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

static struct face *of(struct device *device)
{
	return CONTAINER_OF(device, struct face, device);
}

static bool has_side(const struct helper *helper, int side)
{
	return *helper->names[side] != '\0';
}

/* The side whose clock leads: what is heard before what is said. */
static int leading_side(const struct helper *helper)
{
	return has_side(helper, SOUND_OUT) ? SOUND_OUT : SOUND_IN;
}

/* ---- the process ---- */

char *helper_program(void)
{
	const char *named = getenv("OFFHOOK_SOUND");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (named && *named)
		return access(named, X_OK) == 0 ? xstrdup(named) : NULL;
	if (n > 0) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		char *beside = xasprintf("%s/offhook-sound", self);
		if (access(beside, X_OK) == 0)
			return beside;
		free(beside);
	}
	return access(PKGLIBEXECDIR "/offhook-sound", X_OK) == 0 ? xstrdup(PKGLIBEXECDIR "/offhook-sound") : NULL;
}

static void prepare_shared(struct helper *helper)
{
	struct sound_shared *shared = helper->shared;

	memset(shared, 0, sizeof *shared);
	shared->magic = SOUND_MAGIC;
	for (int side = 0; side < SOUND_SIDES; side++)
		ring_init(sound_ring(shared, side), SOUND_RING_FRAMES, sizeof(int16_t));
}

/* The media thread may be a real-time one: the helper's PortAudio decides for itself. And C-c and C-z are the phone's:
 * who says goodbye, or is continued, still has its sound. */
static void on_its_own(posix_spawnattr_t *attributes)
{
	struct sched_param ordinary = { 0 };
	sigset_t none;

	sigemptyset(&none);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setschedpolicy(attributes, SCHED_OTHER);
	posix_spawnattr_setschedparam(attributes, &ordinary);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setflags(attributes,
				 POSIX_SPAWN_SETSCHEDULER | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
}

static int spawn(struct helper *helper, int life)
{
	char verb[] = "carry";
	char *argv[] = { helper->program, verb, helper->names[SOUND_IN], helper->names[SOUND_OUT], NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, life, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, helper->shm_fd, SOUND_SHM_FD);
	posix_spawn_file_actions_adddup2(&actions, helper->wake_fd, SOUND_WAKE_FD);
	posix_spawnattr_init(&attributes);
	on_its_own(&attributes);
	int error = posix_spawn(&helper->pid, helper->program, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		helper->pid = 0;
	return error;
}

static enum err start(struct helper *helper)
{
	int life[2];

	if (pipe2(life, O_CLOEXEC) < 0)
		return err_from_errno(errno);
	prepare_shared(helper);
	leaving_hurry(helper->names);
	int error = spawn(helper, life[0]);
	close(life[0]);
	if (error) {
		close(life[1]);
		return err_from_errno(error);
	}
	helper->life_fd = life[1];
	helper->started_us = helper->moved_us = clock_us();
	helper->callbacks_seen = 0;
	helper->running = false;
	return ERR_NONE;
}

/* It sees the end of its standard input. */
static void let_go(struct helper *helper)
{
	if (helper->life_fd >= 0)
		close(helper->life_fd);
	helper->life_fd = -1;
	helper->running = false;
}

/* One that is ill: SIGKILL at once, for an orderly end would call PortAudio, which may never return. */
static void kill_helper(struct helper *helper)
{
	let_go(helper);
	if (!helper->pid)
		return;
	kill(helper->pid, SIGKILL);
	while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	helper->pid = 0;
}

static void give_up(struct helper *helper, enum err err, const char *message)
{
	kill_helper(helper);
	helper->err = err;
	snprintf(helper->message, sizeof helper->message, "%s", message);
	helper->pause_us = helper->pause_us ? helper->pause_us * 2 : PAUSE_FIRST_US;
	if (helper->pause_us > PAUSE_MOST_US)
		helper->pause_us = PAUSE_MOST_US;
	helper->retry_us = clock_us() + helper->pause_us;
}

static void check_running(struct helper *helper, int64_t now)
{
	uint32_t callbacks = atomic_load(&helper->shared->sides[leading_side(helper)].callbacks);

	if (callbacks != helper->callbacks_seen) {
		helper->callbacks_seen = callbacks;
		helper->moved_us = now;
		helper->running = true;
		helper->pause_us = 0;
		helper->err = ERR_NONE;
		helper->message[0] = '\0';
	} else if (now - helper->moved_us > STILL_LIMIT_US && helper->running) {
		give_up(helper, ERR_DEVICE, "the sound server hangs");
	} else if (now - helper->started_us > START_LIMIT_US && !helper->running) {
		give_up(helper, ERR_TIMEOUT, "the sound device gives no sign of life");
	}
}

/* The helper can write there whatever it likes: what its rings say of themselves must be what we made. */
static bool ring_is_ours(const struct helper *helper)
{
	for (int side = 0; side < SOUND_SIDES; side++) {
		const struct ring *ring = sound_ring(helper->shared, side);
		if (ring->capacity != SOUND_RING_FRAMES || ring->record_bytes != sizeof(int16_t))
			return false;
	}
	return true;
}

/* Everything that can go wrong with the helper is seen here, at each tick. */
static void supervise(struct helper *helper)
{
	int64_t now = clock_us();
	int status;

	if (!helper->pid) {
		if (now >= helper->retry_us && start(helper) != ERR_NONE)
			give_up(helper, ERR_IO, "the sound helper cannot be started");
		return;
	}
	if (atomic_load(&helper->shared->state) == SOUND_FAILED) {
		char message[sizeof helper->shared->message];
		memcpy(message, helper->shared->message, sizeof message);
		message[sizeof message - 1] = '\0';
		uint32_t err = atomic_load(&helper->shared->error);
		give_up(helper, err > ERR_NONE && err < ERR_COUNT ? (enum err)err : ERR_DEVICE, message);
		return;
	}
	if (!ring_is_ours(helper)) {
		give_up(helper, ERR_DEVICE, "the sound helper went wild");
		return;
	}
	if (waitpid(helper->pid, &status, WNOHANG) == helper->pid) {
		helper->pid = 0;
		give_up(helper, ERR_DEVICE, "the sound helper died");
		return;
	}
	check_running(helper, now);
}

/* ---- samples ---- */

static SpeexResamplerState *resampler(struct face *face)
{
	uint32_t hz = atomic_load(&face->helper->shared->sides[face->side].rate_hz);

	if (hz == DEVICE_RATE_HZ || hz < 4000 || hz > 768000)
		return NULL;
	if (face->resampler && face->resampler_hz == hz)
		return face->resampler;
	if (face->resampler)
		speex_resampler_destroy(face->resampler);
	face->resampler_hz = hz;
	bool in = face->side == SOUND_IN;
	face->resampler = speex_resampler_init(1, in ? hz : DEVICE_RATE_HZ, in ? DEVICE_RATE_HZ : hz,
					       RESAMPLER_QUALITY, NULL);
	return face->resampler;
}

static size_t read_resampled(struct face *face, SpeexResamplerState *state, int16_t *samples, size_t frames)
{
	int16_t raw[CHUNK_FRAMES];
	size_t done = 0;

	while (done < frames) {
		spx_uint32_t want = (spx_uint32_t)((frames - done) * face->resampler_hz / DEVICE_RATE_HZ + 1);
		if (want > CHUNK_FRAMES)
			want = CHUNK_FRAMES;
		spx_uint32_t in = ring_read(sound_ring(face->helper->shared, face->side), raw, want);
		spx_uint32_t out = (spx_uint32_t)(frames - done);
		if (!in)
			break;
		speex_resampler_process_int(state, 0, raw, &in, samples + done, &out);
		done += out;
	}
	return done;
}

static size_t helper_read(struct device *device, int16_t *samples, size_t frames)
{
	struct face *face = of(device);
	size_t got = 0;

	if (face->helper->running && ring_is_ours(face->helper)) {
		SpeexResamplerState *state = resampler(face);
		got = state ? read_resampled(face, state, samples, frames)
			    : ring_read(sound_ring(face->helper->shared, face->side), samples, (uint32_t)frames);
	}
	memset(samples + got, 0, (frames - got) * sizeof *samples);
	return got;
}

static size_t helper_write(struct device *device, const int16_t *samples, size_t frames)
{
	struct face *face = of(device);
	int16_t raw[CHUNK_FRAMES];
	size_t done = 0;

	if (!face->helper->running || !ring_is_ours(face->helper))
		return frames;
	struct ring *ring = sound_ring(face->helper->shared, face->side);
	SpeexResamplerState *state = resampler(face);
	if (!state)
		return ring_write(ring, samples, (uint32_t)frames);
	while (done < frames) {
		spx_uint32_t in = (spx_uint32_t)(frames - done), out = CHUNK_FRAMES;
		speex_resampler_process_int(state, 0, samples + done, &in, raw, &out);
		ring_write(ring, raw, out);
		if (!in)
			break;
		done += in;
	}
	return done;
}

static uint32_t helper_xruns(struct device *device)
{
	struct face *face = of(device);

	return atomic_load(&face->helper->shared->sides[face->side].xruns);
}

/* Of an output one period is always promised to the next callback, so it does not count as waiting. */
static int helper_pending(struct device *device)
{
	struct face *face = of(device);

	supervise(face->helper);
	if (!face->helper->running)
		return -1;
	const struct sound_side *side = &face->helper->shared->sides[face->side];
	int64_t frames = ring_count(sound_ring(face->helper->shared, face->side));
	if (face->side == SOUND_OUT)
		frames -= atomic_load(&side->period_frames);
	uint32_t hz = atomic_load(&side->rate_hz);
	if (frames < 0 || !hz)
		return 0;
	return (int)(frames * DEVICE_RATE_HZ / hz);
}

/* One eventfd for both sides: it belongs to the one that leads. */
static int helper_wake_fd(struct device *device)
{
	const struct face *face = of(device);

	return face->side == leading_side(face->helper) ? face->helper->wake_fd : -1;
}

static enum err helper_health(struct device *device)
{
	struct helper *helper = of(device)->helper;

	supervise(helper);
	return helper->err;
}

static const char *helper_message(const struct device *device)
{
	return CONTAINER_OF(device, const struct face, device)->helper->message;
}

static void helper_free(struct helper *helper)
{
	let_go(helper);
	if (helper->pid)
		leaving_add(helper->pid, helper->names);
	if (helper->shared)
		munmap(helper->shared, sound_shared_bytes());
	if (helper->shm_fd >= 0)
		close(helper->shm_fd);
	if (helper->wake_fd >= 0)
		close(helper->wake_fd);
	for (int side = 0; side < SOUND_SIDES; side++)
		free(helper->names[side]);
	free(helper->program);
	free(helper);
}

static void helper_close(struct device *device)
{
	struct face *face = of(device);

	if (face->resampler)
		speex_resampler_destroy(face->resampler);
	face->resampler = NULL;
	if (--face->helper->owners == 0)
		helper_free(face->helper);
}

static const struct device_ops helper_ops = {
	.name = "portaudio",
	.comes_to_life = true,
	.read = helper_read,
	.write = helper_write,
	.pending = helper_pending,
	.xruns = helper_xruns,
	.message = helper_message,
	.wake_fd = helper_wake_fd,
	.health = helper_health,
	.close = helper_close,
};

/* Descriptors 0 to 4 are taken in the helper: ours must lie above, or dup2 would overwrite one with another. */
static int above_standard(int fd)
{
	if (fd < 0 || fd > SOUND_WAKE_FD)
		return fd;
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, SOUND_WAKE_FD + 1);
	close(fd);
	return moved;
}

static bool map(struct helper *helper)
{
	helper->shm_fd = above_standard(memfd_create("offhook-sound", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	helper->wake_fd = above_standard(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (helper->shm_fd < 0 || helper->wake_fd < 0 || ftruncate(helper->shm_fd, (off_t)sound_shared_bytes()) < 0)
		return false;
	/* A helper gone wild neither fills the memory of the host nor takes ours away under us. */
	fcntl(helper->shm_fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	void *memory =
		mmap(NULL, sound_shared_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, helper->shm_fd, 0);
	helper->shared = memory == MAP_FAILED ? NULL : memory;
	return helper->shared;
}

static struct helper *helper_new(const char *in, const char *out, enum err *err)
{
	char *program = helper_program();

	*err = ERR_NOT_FOUND;
	if (!program)
		return NULL;
	struct helper *helper = xcalloc(1, sizeof *helper);
	helper->names[SOUND_IN] = xstrdup(in);
	helper->names[SOUND_OUT] = xstrdup(out);
	helper->program = program;
	helper->shm_fd = helper->wake_fd = helper->life_fd = -1;
	for (int side = 0; side < SOUND_SIDES; side++) {
		helper->faces[side] = (struct face){ .device.ops = &helper_ops, .helper = helper, .side = side };
		helper->owners += has_side(helper, side);
	}
	*err = map(helper) ? start(helper) : ERR_IO;
	if (*err == ERR_NONE)
		return helper;
	helper_free(helper);
	return NULL;
}

struct device *helper_device_open(enum device_side side, const char *name, enum err *err)
{
	struct helper *helper = helper_new(side == DEVICE_IN ? name : "", side == DEVICE_OUT ? name : "", err);

	return helper ? &helper->faces[side == DEVICE_IN ? SOUND_IN : SOUND_OUT].device : NULL;
}

bool helper_card_open(const char *in, const char *out, struct device *devices[2], enum err *err)
{
	struct helper *helper = helper_new(in, out, err);

	for (int side = 0; helper && side < SOUND_SIDES; side++) {
		devices[side] = &helper->faces[side].device;
		devices[side]->name = xstrdup(helper->names[side]);
	}
	return helper != NULL;
}
