#include "media/file.h"

#include "base/ring.h"
#include "base/xmalloc.h"
#include "media/audio/device.h"
#include "media/sndfile.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <speex/speex_resampler.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHUNK_FRAMES = 4096,
	CHANNELS_MAX = 32,
	RATE_MIN_HZ = 1000, RATE_MAX_HZ = 384000,
	RESAMPLER_QUALITY = 7,
	RING_FRAMES = 65536,      /* 1.4 s read ahead */
	BATCH_FRAMES = 9600,      /* the reading thread is woken for 200 ms at a time */
};

/* ---- reading ---- */

struct sound_reader {
	int fd;
	SNDFILE *file;
	int channels;
	SpeexResamplerState *resampler;
	float *raw;               /* CHUNK_FRAMES of all channels */
	float mono[CHUNK_FRAMES];
	size_t mono_at, mono_count;
	bool flushed;             /* what the resampler held back was asked for */
};

static int open_regular(const char *path, enum err *err)
{
	struct stat stat_of;
	/* A pipe or a terminal could block for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		*err = errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : err_from_errno(errno);
		return -1;
	}
	if (fstat(fd, &stat_of) == 0 && S_ISREG(stat_of.st_mode))
		return fd;
	*err = ERR_IO;
	close(fd);
	return -1;
}

struct sound_reader *sound_reader_open(const char *path, enum err *err)
{
	SF_INFO info = { 0 };
	int fd = open_regular(path, err), error;

	if (fd < 0)
		return NULL;
	if (!sndfile_start()) {
		*err = ERR_LIBRARY;
		close(fd);
		return NULL;
	}
	*err = ERR_UNSUPPORTED;
	/* Whether libsndfile would close it depends on the fault, so that stays ours. */
	SNDFILE *file = sndfile.sf_open_fd(fd, SFM_READ, &info, SF_FALSE);
	if (!file || info.channels < 1 || info.channels > CHANNELS_MAX || info.samplerate < RATE_MIN_HZ ||
	    info.samplerate > RATE_MAX_HZ) {
		sndfile.sf_close(file);
		close(fd);
		return NULL;
	}
	struct sound_reader *reader = xcalloc(1, sizeof *reader);
	reader->fd = fd;
	reader->file = file;
	reader->channels = info.channels;
	reader->raw = xmalloc((size_t)CHUNK_FRAMES * (size_t)info.channels * sizeof *reader->raw);
	reader->resampler =
		speex_resampler_init(1, (spx_uint32_t)info.samplerate, DEVICE_RATE_HZ, RESAMPLER_QUALITY, &error);
	if (!reader->resampler) {
		sound_reader_close(reader);
		return NULL;
	}
	speex_resampler_skip_zeros(reader->resampler);
	*err = ERR_NONE;
	return reader;
}

void sound_reader_close(struct sound_reader *reader)
{
	sndfile.sf_close(reader->file);
	close(reader->fd);
	if (reader->resampler)
		speex_resampler_destroy(reader->resampler);
	free(reader->raw);
	free(reader);
}

/* Get more frames of the file, mixed down. @return false: it is over, and what the resampler held back as well */
static bool refill(struct sound_reader *reader)
{
	sf_count_t n = reader->flushed ? 0 : sndfile.sf_readf_float(reader->file, reader->raw, CHUNK_FRAMES);

	reader->mono_at = 0;
	reader->mono_count = n > 0 ? (size_t)n : 0;
	for (size_t i = 0; i < reader->mono_count; i++) {
		float sum = 0;
		for (int c = 0; c < reader->channels; c++)
			sum += reader->raw[i * (size_t)reader->channels + (size_t)c];
		/* A damaged file may hold what is no number. */
		reader->mono[i] = isfinite(sum) ? sum / (float)reader->channels : 0;
	}
	if (reader->mono_count || reader->flushed)
		return reader->mono_count > 0;
	reader->flushed = true;
	reader->mono_count = (size_t)speex_resampler_get_input_latency(reader->resampler);
	if (reader->mono_count > CHUNK_FRAMES)
		reader->mono_count = CHUNK_FRAMES;
	memset(reader->mono, 0, reader->mono_count * sizeof *reader->mono);
	return reader->mono_count > 0;
}

size_t sound_reader_read(struct sound_reader *reader, int16_t *pcm, size_t frames)
{
	float out[CHUNK_FRAMES];
	size_t done = 0;

	while (done < frames) {
		if (reader->mono_at == reader->mono_count && !refill(reader))
			break;
		spx_uint32_t in = (spx_uint32_t)(reader->mono_count - reader->mono_at);
		spx_uint32_t made = (spx_uint32_t)(frames - done < CHUNK_FRAMES ? frames - done : CHUNK_FRAMES);
		speex_resampler_process_float(reader->resampler, 0, reader->mono + reader->mono_at, &in, out, &made);
		reader->mono_at += in;
		for (size_t i = 0; i < made; i++) {
			float value = out[i] * 32768.0f;
			value = value > 32767.0f ? 32767.0f : value < -32768.0f ? -32768.0f : value;
			pcm[done + i] = (int16_t)lrintf(value);
		}
		done += made;
	}
	return done;
}

bool sound_reader_rewind(struct sound_reader *reader)
{
	reader->mono_at = reader->mono_count = 0;
	reader->flushed = false;
	speex_resampler_reset_mem(reader->resampler);
	speex_resampler_skip_zeros(reader->resampler);
	return sndfile.sf_seek(reader->file, 0, SEEK_SET) == 0;
}

/* ---- playing ---- */

struct player {
	struct sound_reader *reader;
	struct ring *ring;
	bool around;
	int wake;                 /* eventfd */
	atomic_int owners;        /* the thread and whoever made it */
	atomic_bool quit, over;   /* over: nothing will be written to the ring any more */
	uint32_t unannounced;     /* frames taken since the thread was woken */
	uint64_t frames;
};

static void let_go(struct player *player)
{
	if (atomic_fetch_sub(&player->owners, 1) > 1)
		return;
	sound_reader_close(player->reader);
	close(player->wake);
	free(player->ring);
	free(player);
}

static void wake_reader(struct player *player)
{
	uint64_t one = 1;
	ssize_t n = write(player->wake, &one, sizeof one);

	(void)n; /* only a full counter makes it fail, and then the reader is awake */
	player->unannounced = 0;
}

/* @return false: the file is over */
static bool read_ahead(struct player *player)
{
	int16_t chunk[CHUNK_FRAMES];
	bool fresh = false;

	while (ring_room(player->ring) >= CHUNK_FRAMES && !atomic_load(&player->quit)) {
		size_t n = sound_reader_read(player->reader, chunk, CHUNK_FRAMES);
		if (n) {
			ring_write(player->ring, chunk, (uint32_t)n);
			fresh = false;
		} else if (!player->around || fresh || !sound_reader_rewind(player->reader)) {
			return false; /* an empty file is not read round and round */
		} else {
			fresh = true;
		}
	}
	return true;
}

static void *read_on(void *arg)
{
	struct player *player = arg;
	uint64_t count;

	while (!atomic_load(&player->quit) && read_ahead(player))
		if (read(player->wake, &count, sizeof count) < 0 && errno != EINTR)
			break;
	atomic_store(&player->over, true);
	let_go(player);
	return NULL;
}

static bool start_reader(struct player *player)
{
	sigset_t all, before;
	pthread_t thread;

	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&thread, NULL, read_on, player);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failed)
		pthread_detach(thread);
	return !failed;
}

struct player *player_new(const char *path, bool around, enum err *err)
{
	struct sound_reader *reader = sound_reader_open(path, err);

	if (!reader)
		return NULL;
	struct player *player = xcalloc(1, sizeof *player);
	player->reader = reader;
	player->around = around;
	player->ring = ring_new(RING_FRAMES, sizeof(int16_t));
	player->wake = eventfd(0, EFD_CLOEXEC);
	atomic_store(&player->owners, 2);
	if (player->wake >= 0 && start_reader(player))
		return player;
	*err = ERR_DESCRIPTORS;
	atomic_store(&player->owners, 1);
	let_go(player);
	return NULL;
}

bool player_read(struct player *player, int16_t *pcm)
{
	/* Asked first: what was written before it was over is then seen below. */
	bool over = atomic_load(&player->over);
	uint32_t waiting = ring_count(player->ring);

	if (over && !waiting)
		return false;
	/* Less than a tick is only taken when there will be no more. */
	uint32_t n = waiting < DEVICE_TICK_FRAMES && !over ? 0 : ring_read(player->ring, pcm, DEVICE_TICK_FRAMES);
	memset(pcm + n, 0, (DEVICE_TICK_FRAMES - n) * sizeof *pcm);
	player->frames += n;
	player->unannounced += n;
	if (player->unannounced >= BATCH_FRAMES && !over)
		wake_reader(player);
	return true;
}

uint64_t player_frames(const struct player *player)
{
	return player->frames;
}

void player_free(struct player *player)
{
	if (!player)
		return;
	atomic_store(&player->quit, true);
	wake_reader(player);
	let_go(player);
}
