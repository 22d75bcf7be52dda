#include "base/ring.h"
#include "base/xmalloc.h"
#include "media/audio/device.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sndfile.h>
#include <speex/speex_resampler.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LONGEST_S = 600,
	CHUNK_FRAMES = 4096,
	CHANNELS_MAX = 32,
	RATE_MIN_HZ = 1000, RATE_MAX_HZ = 384000,
	RESAMPLER_QUALITY = 7,
	RING_FRAMES = 131072,     /* 2.7 s: how long a disk may stand still */
	BATCH_FRAMES = 9600,      /* the writer is woken for 200 ms at a time */
};

/* ---- a file as the microphone: read whole when it is opened ---- */

struct file_input {
	struct device device;
	int16_t *samples;
	size_t count, room, at;
};

static void append(struct file_input *input, const float *samples, size_t n)
{
	if (input->count + n > input->room) {
		input->room = (input->count + n) * 3 / 2;
		input->samples = xrealloc(input->samples, input->room * sizeof *input->samples);
	}
	for (size_t i = 0; i < n; i++) {
		float value = samples[i] * 32768.0f;
		value = value > 32767.0f ? 32767.0f : value < -32768.0f ? -32768.0f : value;
		/* A damaged file may hold what is no number. */
		input->samples[input->count++] = (int16_t)(value == value ? lrintf(value) : 0);
	}
}

static void mix_down(const float *from, size_t frames, int channels, float *to)
{
	for (size_t i = 0; i < frames; i++) {
		float sum = 0;
		for (int c = 0; c < channels; c++)
			sum += from[i * (size_t)channels + (size_t)c];
		to[i] = sum / (float)channels;
	}
}

static void convert(struct file_input *input, SpeexResamplerState *resampler, const float *mono, size_t frames)
{
	float out[CHUNK_FRAMES];

	while (frames) {
		spx_uint32_t taken = (spx_uint32_t)frames, made = CHUNK_FRAMES;
		speex_resampler_process_float(resampler, 0, mono, &taken, out, &made);
		append(input, out, made);
		mono += taken;
		frames -= taken;
		if (!taken && !made)
			break;
	}
}

static enum err load(struct file_input *input, SNDFILE *file, const SF_INFO *info)
{
	int error;
	SpeexResamplerState *resampler =
		speex_resampler_init(1, (spx_uint32_t)info->samplerate, DEVICE_RATE_HZ, RESAMPLER_QUALITY, &error);
	if (!resampler)
		return ERR_IO;
	speex_resampler_skip_zeros(resampler);
	float *frames = xmalloc((size_t)CHUNK_FRAMES * (size_t)info->channels * sizeof *frames);
	float mono[CHUNK_FRAMES];
	sf_count_t n;
	enum err err = ERR_NONE;
	while ((n = sf_readf_float(file, frames, CHUNK_FRAMES)) > 0) {
		mix_down(frames, (size_t)n, info->channels, mono);
		convert(input, resampler, mono, (size_t)n);
		/* The length a header tells need not be true. */
		if (input->count > (size_t)LONGEST_S * DEVICE_RATE_HZ) {
			err = ERR_TOO_BIG;
			break;
		}
	}
	memset(mono, 0, sizeof mono);
	convert(input, resampler, mono, (size_t)speex_resampler_get_input_latency(resampler));
	if (err == ERR_NONE && input->count == 0)
		err = ERR_IO;
	speex_resampler_destroy(resampler);
	free(frames);
	return err;
}

static size_t read_file(struct device *device, int16_t *samples, size_t frames)
{
	struct file_input *input = CONTAINER_OF(device, struct file_input, device);

	for (size_t done = 0; done < frames;) {
		size_t n = input->count - input->at;
		if (n > frames - done)
			n = frames - done;
		memcpy(samples + done, input->samples + input->at, n * sizeof *samples);
		done += n;
		input->at = (input->at + n) % input->count;
	}
	return frames;
}

static void close_input(struct device *device)
{
	struct file_input *input = CONTAINER_OF(device, struct file_input, device);

	free(input->samples);
	free(input);
}

static struct device *open_input(const char *path, enum err *err)
{
	static const struct device_ops OPS = {
		.name = "file", .read = read_file, .write = device_write_nothing, .pending = device_no_clock,
		.wake_fd = device_no_clock, .health = device_healthy, .close = close_input,
	};
	SF_INFO info = { 0 };
	struct stat stat_of;

	if (stat(path, &stat_of) != 0) {
		*err = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
		return NULL;
	}
	/* A pipe or a terminal could block for ever. */
	if (!S_ISREG(stat_of.st_mode)) {
		*err = ERR_IO;
		return NULL;
	}
	SNDFILE *file = sf_open(path, SFM_READ, &info);
	if (!file) {
		*err = ERR_IO;
		return NULL;
	}
	struct file_input *input = xcalloc(1, sizeof *input);
	input->device.ops = &OPS;
	if (info.channels < 1 || info.channels > CHANNELS_MAX || info.samplerate < RATE_MIN_HZ ||
	    info.samplerate > RATE_MAX_HZ)
		*err = ERR_IO;
	else
		*err = load(input, file, &info);
	sf_close(file);
	if (*err == ERR_NONE)
		return &input->device;
	close_input(&input->device);
	return NULL;
}

/* ---- a recording: a ring, and a thread that writes ---- */

struct file_output {
	struct device device;
	SNDFILE *file;
	struct ring *ring;
	int wake;                 /* eventfd */
	uint32_t unannounced;     /* frames written since the writer was woken; the engine's thread only */
	atomic_bool ending;
	_Atomic int failure;      /* an enum err */
	pthread_t thread;
};

static void empty_ring(struct file_output *output)
{
	int16_t chunk[CHUNK_FRAMES];
	uint32_t n;

	while ((n = ring_read(output->ring, chunk, CHUNK_FRAMES)) > 0)
		if (atomic_load(&output->failure) == ERR_NONE &&
		    sf_writef_short(output->file, chunk, (sf_count_t)n) != (sf_count_t)n)
			atomic_store(&output->failure, ERR_IO);
}

static void *write_on(void *arg)
{
	struct file_output *output = arg;
	uint64_t count;

	do {
		if (read(output->wake, &count, sizeof count) < 0 && errno != EINTR)
			break;
		empty_ring(output);
	} while (!atomic_load(&output->ending));
	return NULL;
}

static void wake_writer(struct file_output *output)
{
	uint64_t one = 1;
	ssize_t n = write(output->wake, &one, sizeof one);

	(void)n; /* only a full counter makes it fail, and then the writer is awake */
	output->unannounced = 0;
}

static size_t read_silence(struct device *device, int16_t *samples, size_t frames)
{
	(void)device;
	memset(samples, 0, frames * sizeof *samples);
	return 0;
}

/* When the ring is full the newest sound is left out: a disk that stands still for 2.7 s costs sound, never a call. */
static size_t write_ring(struct device *device, const int16_t *samples, size_t frames)
{
	struct file_output *output = CONTAINER_OF(device, struct file_output, device);
	uint32_t n = ring_write(output->ring, samples, (uint32_t)frames);

	output->unannounced += n;
	if (output->unannounced >= BATCH_FRAMES)
		wake_writer(output);
	return n;
}

static enum err output_health(struct device *device)
{
	return (enum err)atomic_load(&CONTAINER_OF(device, struct file_output, device)->failure);
}

static void close_output(struct device *device)
{
	struct file_output *output = CONTAINER_OF(device, struct file_output, device);

	atomic_store(&output->ending, true);
	wake_writer(output);
	pthread_join(output->thread, NULL);
	empty_ring(output);
	sf_close(output->file);
	close(output->wake);
	free(output->ring);
	free(output);
}

static bool start_writer(struct file_output *output)
{
	sigset_t all, before;

	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&output->thread, NULL, write_on, output);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !failed;
}

static struct device *open_output(const char *path, enum err *err)
{
	static const struct device_ops OPS = {
		.name = "file", .read = read_silence, .write = write_ring, .pending = device_no_clock,
		.wake_fd = device_no_clock, .health = output_health, .close = close_output,
	};
	SF_INFO info = { .samplerate = DEVICE_RATE_HZ, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };
	struct stat stat_of;

	if (stat(path, &stat_of) == 0 && !S_ISREG(stat_of.st_mode)) {
		*err = ERR_IO;
		return NULL;
	}
	SNDFILE *file = sf_open(path, SFM_WRITE, &info);
	if (!file) {
		*err = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
		return NULL;
	}
	/* The header is right after each write, so that a crash leaves a file that can be played. */
	sf_command(file, SFC_SET_UPDATE_HEADER_AUTO, NULL, SF_TRUE);
	struct file_output *output = xcalloc(1, sizeof *output);
	output->device.ops = &OPS;
	output->file = file;
	output->ring = ring_new(RING_FRAMES, sizeof(int16_t));
	output->wake = eventfd(0, EFD_CLOEXEC);
	if (output->wake >= 0 && start_writer(output))
		return &output->device;
	*err = ERR_IO;
	if (output->wake >= 0)
		close(output->wake);
	sf_close(file);
	free(output->ring);
	free(output);
	return NULL;
}

struct device *file_device_open(enum device_side side, const char *path, enum err *err)
{
	*err = ERR_NONE;
	return side == DEVICE_IN ? open_input(path, err) : open_output(path, err);
}
