#include "media/audio/helper.h"

#include "base/xmalloc.h"
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
};

struct helper_device {
	struct device device;
	enum device_side side;
	char *name, *program;
	struct sound_shared *shared;
	int shm_fd, wake_fd, life_fd; /* life_fd: our end of the helper's standard input */
	pid_t pid;                    /* 0: none runs */
	int64_t started_us, moved_us, retry_us, pause_us;
	uint32_t callbacks_seen;
	bool running;
	enum err err;
	char message[128];
	SpeexResamplerState *resampler; /* NULL while the device runs at 48 kHz */
	uint32_t resampler_hz;
};

static int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

static struct helper_device *of(struct device *device)
{
	return CONTAINER_OF(device, struct helper_device, device);
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

static void prepare_shared(struct helper_device *helper)
{
	struct sound_shared *shared = helper->shared;

	memset(shared, 0, sizeof *shared);
	shared->magic = SOUND_MAGIC;
	ring_init(shared->ring_memory, SOUND_RING_FRAMES, sizeof(int16_t));
}

/* The media thread may be a real-time one: the helper's PortAudio decides for itself. */
static void ordinary_priority(posix_spawnattr_t *attributes)
{
	struct sched_param ordinary = { 0 };
	sigset_t none;

	sigemptyset(&none);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setschedpolicy(attributes, SCHED_OTHER);
	posix_spawnattr_setschedparam(attributes, &ordinary);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSCHEDULER | POSIX_SPAWN_SETSIGMASK);
}

static int spawn(struct helper_device *helper, int life)
{
	char *argv[] = { helper->program, helper->side == DEVICE_IN ? (char *)"in" : (char *)"out", helper->name, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, life, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, helper->shm_fd, SOUND_SHM_FD);
	posix_spawn_file_actions_adddup2(&actions, helper->wake_fd, SOUND_WAKE_FD);
	posix_spawnattr_init(&attributes);
	ordinary_priority(&attributes);
	int error = posix_spawn(&helper->pid, helper->program, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		helper->pid = 0;
	return error;
}

static enum err start(struct helper_device *helper)
{
	int life[2];

	if (pipe2(life, O_CLOEXEC) < 0)
		return err_from_errno(errno);
	prepare_shared(helper);
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

/* SIGKILL at once: an orderly end would call PortAudio, which may never return. */
static void kill_helper(struct helper_device *helper)
{
	if (helper->life_fd >= 0)
		close(helper->life_fd);
	helper->life_fd = -1;
	helper->running = false;
	if (!helper->pid)
		return;
	kill(helper->pid, SIGKILL);
	while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	helper->pid = 0;
}

static void give_up(struct helper_device *helper, enum err err, const char *message)
{
	kill_helper(helper);
	helper->err = err;
	snprintf(helper->message, sizeof helper->message, "%s", message);
	helper->pause_us = helper->pause_us ? helper->pause_us * 2 : PAUSE_FIRST_US;
	if (helper->pause_us > PAUSE_MOST_US)
		helper->pause_us = PAUSE_MOST_US;
	helper->retry_us = clock_us() + helper->pause_us;
}

static void check_running(struct helper_device *helper, int64_t now)
{
	uint32_t callbacks = atomic_load(&helper->shared->callbacks);

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

/* The helper can write there whatever it likes: what its ring says of itself must be what we made. */
static bool ring_is_ours(const struct helper_device *helper)
{
	const struct ring *ring = sound_ring(helper->shared);

	return ring->capacity == SOUND_RING_FRAMES && ring->record_bytes == sizeof(int16_t);
}

/* Everything that can go wrong with the helper is seen here, at each tick. */
static void supervise(struct helper_device *helper)
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

static SpeexResamplerState *resampler(struct helper_device *helper)
{
	uint32_t hz = atomic_load(&helper->shared->rate_hz);

	if (hz == DEVICE_RATE_HZ || hz < 4000 || hz > 768000)
		return NULL;
	if (helper->resampler && helper->resampler_hz == hz)
		return helper->resampler;
	if (helper->resampler)
		speex_resampler_destroy(helper->resampler);
	helper->resampler_hz = hz;
	bool in = helper->side == DEVICE_IN;
	helper->resampler = speex_resampler_init(1, in ? hz : DEVICE_RATE_HZ, in ? DEVICE_RATE_HZ : hz, 3, NULL);
	return helper->resampler;
}

static size_t read_resampled(struct helper_device *helper, SpeexResamplerState *state, int16_t *samples, size_t frames)
{
	int16_t raw[CHUNK_FRAMES];
	size_t done = 0;

	while (done < frames) {
		spx_uint32_t want = (spx_uint32_t)((frames - done) * helper->resampler_hz / DEVICE_RATE_HZ + 1);
		if (want > CHUNK_FRAMES)
			want = CHUNK_FRAMES;
		spx_uint32_t in = ring_read(sound_ring(helper->shared), raw, want);
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
	struct helper_device *helper = of(device);
	size_t got = 0;

	if (helper->running && ring_is_ours(helper)) {
		SpeexResamplerState *state = resampler(helper);
		got = state ? read_resampled(helper, state, samples, frames)
			    : ring_read(sound_ring(helper->shared), samples, (uint32_t)frames);
	}
	memset(samples + got, 0, (frames - got) * sizeof *samples);
	return got;
}

static size_t helper_write(struct device *device, const int16_t *samples, size_t frames)
{
	struct helper_device *helper = of(device);
	int16_t raw[CHUNK_FRAMES];
	size_t done = 0;

	if (!helper->running || !ring_is_ours(helper))
		return frames;
	SpeexResamplerState *state = resampler(helper);
	if (!state)
		return ring_write(sound_ring(helper->shared), samples, (uint32_t)frames);
	while (done < frames) {
		spx_uint32_t in = (spx_uint32_t)(frames - done), out = CHUNK_FRAMES;
		speex_resampler_process_int(state, 0, samples + done, &in, raw, &out);
		ring_write(sound_ring(helper->shared), raw, out);
		if (!in)
			break;
		done += in;
	}
	return done;
}

/* Of an output one period is always promised to the next callback, so it does not count as waiting. */
static int helper_pending(struct device *device)
{
	struct helper_device *helper = of(device);

	supervise(helper);
	if (!helper->running)
		return -1;
	int64_t frames = ring_count(sound_ring(helper->shared));
	if (helper->side == DEVICE_OUT)
		frames -= atomic_load(&helper->shared->period_frames);
	uint32_t hz = atomic_load(&helper->shared->rate_hz);
	if (frames < 0 || !hz)
		return 0;
	return (int)(frames * DEVICE_RATE_HZ / hz);
}

static int helper_wake_fd(struct device *device)
{
	return of(device)->wake_fd;
}

static enum err helper_health(struct device *device)
{
	struct helper_device *helper = of(device);

	supervise(helper);
	return helper->err;
}

static uint32_t helper_xruns(struct device *device)
{
	return atomic_load(&of(device)->shared->xruns);
}

const char *helper_device_message(const struct device *device)
{
	return CONTAINER_OF(device, const struct helper_device, device)->message;
}

static void helper_close(struct device *device)
{
	struct helper_device *helper = of(device);

	kill_helper(helper);
	if (helper->resampler)
		speex_resampler_destroy(helper->resampler);
	if (helper->shared)
		munmap(helper->shared, sound_shared_bytes());
	if (helper->shm_fd >= 0)
		close(helper->shm_fd);
	if (helper->wake_fd >= 0)
		close(helper->wake_fd);
	free(helper->name);
	free(helper->program);
	free(helper);
}

static const struct device_ops helper_ops = {
	.name = "portaudio",
	.read = helper_read,
	.write = helper_write,
	.pending = helper_pending,
	.wake_fd = helper_wake_fd,
	.health = helper_health,
	.xruns = helper_xruns,
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

static bool map(struct helper_device *helper)
{
	helper->shm_fd = above_standard(memfd_create("offhook-sound", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	helper->wake_fd = above_standard(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (helper->shm_fd < 0 || helper->wake_fd < 0 || ftruncate(helper->shm_fd, (off_t)sound_shared_bytes()) < 0)
		return false;
	/* A helper gone wild neither fills the memory of the host nor takes ours away under us. */
	fcntl(helper->shm_fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	void *memory = mmap(NULL, sound_shared_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, helper->shm_fd, 0);
	helper->shared = memory == MAP_FAILED ? NULL : memory;
	return helper->shared;
}

struct device *helper_device_open(enum device_side side, const char *name, enum err *err)
{
	char *program = helper_program();

	*err = ERR_NOT_FOUND;
	if (!program)
		return NULL;
	struct helper_device *helper = xcalloc(1, sizeof *helper);
	helper->device.ops = &helper_ops;
	helper->side = side;
	helper->name = xstrdup(name);
	helper->program = program;
	helper->shm_fd = helper->wake_fd = helper->life_fd = -1;
	*err = map(helper) ? start(helper) : ERR_IO;
	if (*err == ERR_NONE)
		return &helper->device;
	helper_close(&helper->device);
	return NULL;
}
