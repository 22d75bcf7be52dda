#include "media/record.h"

#include "base/ring.h"
#include "base/slice.h"
#include "base/xmalloc.h"
#include "media/audio/device.h"
#include "media/sndfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	CHUNK_FRAMES = 4096,
	RING_FRAMES = 131072,     /* 2.7 s: how long a disk may stand still */
	BATCH_FRAMES = RECORD_BATCH_MS * DEVICE_RATE_HZ / 1000,
	PATIENCE_S = 5,
	FILE_MODE = 0600,
};
static const uint64_t WAV_MAX_BYTES = (UINT64_C(1) << 32) - (1 << 20);

struct recorder {
	int fd;
	SNDFILE *file;
	struct ring *ring;
	unsigned channels;
	bool is_wav;
	int wake, bell;           /* eventfds */
	uint32_t unannounced;     /* frames written since the thread was woken */
	atomic_bool ending, done;
	_Atomic int failure;      /* an enum err */
	_Atomic uint64_t frames, lost;
	pthread_t thread;
};

static void ring_eventfd(int fd)
{
	uint64_t one = 1;
	ssize_t n = fd >= 0 ? write(fd, &one, sizeof one) : 0;

	(void)n; /* only a full counter makes it fail, and then it has rung */
}

/* ---- its thread ---- */

static void fail_with(struct recorder *recorder, enum err err)
{
	atomic_store(&recorder->failure, (int)err);
	ring_eventfd(recorder->bell);
}

static void write_chunk(struct recorder *recorder, const int16_t *chunk, uint32_t n)
{
	if (atomic_load(&recorder->failure) != ERR_NONE)
		return;
	/* The sizes in a WAV have 32 bits: 6 hours of stereo. RF64 has more, and few programs that read it. */
	if (recorder->is_wav &&
	    atomic_load(&recorder->frames) >= WAV_MAX_BYTES / (recorder->channels * sizeof *chunk)) {
		fail_with(recorder, ERR_TOO_BIG);
		return;
	}
	errno = 0;
	if (sndfile.sf_writef_short(recorder->file, chunk, (sf_count_t)n) == (sf_count_t)n) {
		atomic_fetch_add(&recorder->frames, n);
		return;
	}
	fail_with(recorder, errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERR_FULL : ERR_IO);
}

static void empty_ring(struct recorder *recorder)
{
	int16_t chunk[CHUNK_FRAMES * RECORD_CHANNELS_MAX];
	uint32_t n;

	while ((n = ring_read(recorder->ring, chunk, CHUNK_FRAMES)) > 0)
		write_chunk(recorder, chunk, n);
}

static void *write_on(void *arg)
{
	struct recorder *recorder = arg;
	uint64_t count;

	while (!atomic_load(&recorder->ending)) {
		if (read(recorder->wake, &count, sizeof count) < 0 && errno != EINTR)
			break;
		empty_ring(recorder);
	}
	empty_ring(recorder);
	if (sndfile.sf_close(recorder->file) != 0 && atomic_load(&recorder->failure) == ERR_NONE)
		atomic_store(&recorder->failure, ERR_IO);
	if (close(recorder->fd) != 0 && atomic_load(&recorder->failure) == ERR_NONE)
		atomic_store(&recorder->failure, ERR_IO);
	atomic_store(&recorder->done, true);
	ring_eventfd(recorder->bell);
	return NULL;
}

static bool start_thread(struct recorder *recorder)
{
	sigset_t all, before;

	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&recorder->thread, NULL, write_on, recorder);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !failed;
}

/* ---- making it ---- */

static int format_of(const char *path)
{
	struct slice name = slice_of(path);

	if (slice_ends(name, SLICE(".flac")))
		return SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
	if (slice_ends(name, SLICE(".opus")) || slice_ends(name, SLICE(".ogg")))
		return SF_FORMAT_OGG | SF_FORMAT_OPUS;
	return SF_FORMAT_WAV | SF_FORMAT_PCM_16;
}

static int create(const char *path, bool anew, enum err *err)
{
	struct stat stat_of;

	if (!anew && stat(path, &stat_of) == 0 && !S_ISREG(stat_of.st_mode)) {
		*err = ERR_IO;
		return -1;
	}
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (anew ? O_EXCL : O_TRUNC), FILE_MODE);
	if (fd < 0)
		*err = errno == EEXIST                        ? ERR_EXISTS
		       : errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND
		       : errno == ENOSPC                      ? ERR_FULL
							      : err_from_errno(errno);
	return fd;
}

static SNDFILE *open_file(const char *path, unsigned channels, bool anew, int *fd, enum err *err)
{
	SF_INFO info = { .samplerate = DEVICE_RATE_HZ, .channels = (int)channels, .format = format_of(path) };

	*err = sndfile_start() ? ERR_UNSUPPORTED : ERR_LIBRARY;
	if (*err == ERR_LIBRARY || !sndfile.sf_format_check(&info))
		return NULL;
	*fd = create(path, anew, err);
	if (*fd < 0)
		return NULL;
	/* Whether libsndfile would close it depends on the fault, so that stays ours. */
	SNDFILE *file = sndfile.sf_open_fd(*fd, SFM_WRITE, &info, SF_FALSE);
	if (!file) {
		*err = errno == ENOSPC ? ERR_FULL : ERR_IO;
		close(*fd);
		unlink(path);
		return NULL;
	}
	/* Its header is right after each write, so a crash leaves a file that can be played. */
	sndfile.sf_command(file, SFC_SET_UPDATE_HEADER_AUTO, NULL, SF_TRUE);
	return file;
}

struct recorder *recorder_new(const char *path, unsigned channels, bool anew, int bell, enum err *err)
{
	assert(channels >= 1 && channels <= RECORD_CHANNELS_MAX);
	int fd;
	SNDFILE *file = open_file(path, channels, anew, &fd, err);
	if (!file)
		return NULL;
	struct recorder *recorder = xcalloc(1, sizeof *recorder);
	recorder->fd = fd;
	recorder->file = file;
	recorder->channels = channels;
	recorder->is_wav = (format_of(path) & SF_FORMAT_TYPEMASK) == SF_FORMAT_WAV;
	recorder->bell = bell;
	recorder->ring = ring_new(RING_FRAMES, (uint32_t)(channels * sizeof(int16_t)));
	recorder->wake = eventfd(0, EFD_CLOEXEC);
	*err = ERR_NONE;
	if (recorder->wake >= 0 && start_thread(recorder))
		return recorder;
	*err = ERR_DESCRIPTORS;
	sndfile.sf_close(file);
	close(fd);
	if (recorder->wake >= 0)
		close(recorder->wake);
	free(recorder->ring);
	free(recorder);
	return NULL;
}

/* ---- writing and ending ---- */

void recorder_write(struct recorder *recorder, const int16_t *samples, size_t frames)
{
	uint32_t n = ring_write(recorder->ring, samples, (uint32_t)frames);

	/* The newest sound is left out: a disk that stands still for 2.7 s costs sound, never a call. */
	if (n < frames)
		atomic_fetch_add(&recorder->lost, frames - n);
	recorder->unannounced += n;
	if (recorder->unannounced < BATCH_FRAMES)
		return;
	recorder->unannounced = 0;
	ring_eventfd(recorder->wake);
}

void recorder_finish(struct recorder *recorder)
{
	atomic_store(&recorder->ending, true);
	ring_eventfd(recorder->wake);
}

bool recorder_is_done(const struct recorder *recorder)
{
	return atomic_load(&recorder->done);
}

enum err recorder_error(const struct recorder *recorder)
{
	return (enum err)atomic_load(&recorder->failure);
}

uint64_t recorder_frames(const struct recorder *recorder)
{
	return atomic_load(&recorder->frames);
}

uint64_t recorder_lost(const struct recorder *recorder)
{
	return atomic_load(&recorder->lost);
}

void recorder_free(struct recorder *recorder)
{
	struct timespec until;

	if (!recorder)
		return;
	recorder_finish(recorder);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	if (pthread_timedjoin_np(recorder->thread, NULL, &until) != 0) {
		/* A disk that hangs for ever: its thread keeps what it has. */
		pthread_detach(recorder->thread);
		return;
	}
	close(recorder->wake);
	free(recorder->ring);
	free(recorder);
}
