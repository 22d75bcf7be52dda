#include "base/xmalloc.h"
#include "media/audio/device.h"
#include "media/file.h"
#include "media/record.h"

#include <string.h>

enum { LONGEST_S = 600, CHUNK_FRAMES = 4096 };

/* ---- a file as the microphone: read whole when it is opened ---- */

struct file_input {
	struct device device;
	int16_t *samples;
	size_t count, at;
};

static enum err load(struct file_input *input, struct sound_reader *reader)
{
	size_t room = 0, n;

	do {
		/* The length a header tells need not be true. */
		if (input->count > (size_t)LONGEST_S * DEVICE_RATE_HZ)
			return ERR_TOO_BIG;
		if (input->count + CHUNK_FRAMES > room) {
			room = (input->count + CHUNK_FRAMES) * 3 / 2;
			input->samples = xrealloc(input->samples, room * sizeof *input->samples);
		}
		n = sound_reader_read(reader, input->samples + input->count, CHUNK_FRAMES);
		input->count += n;
	} while (n);
	return input->count ? ERR_NONE : ERR_IO;
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
	struct sound_reader *reader = sound_reader_open(path, err);

	if (!reader) {
		/* Of a device that is chosen there is no more to be told. */
		if (*err != ERR_NOT_FOUND && *err != ERR_LIBRARY)
			*err = ERR_IO;
		return NULL;
	}
	struct file_input *input = xcalloc(1, sizeof *input);
	input->device.ops = &OPS;
	*err = load(input, reader);
	sound_reader_close(reader);
	if (*err == ERR_NONE)
		return &input->device;
	close_input(&input->device);
	return NULL;
}

/* ---- a recording of what is heard ---- */

struct file_output {
	struct device device;
	struct recorder *recorder;
};

static size_t read_silence(struct device *device, int16_t *samples, size_t frames)
{
	(void)device;
	memset(samples, 0, frames * sizeof *samples);
	return 0;
}

static size_t write_file(struct device *device, const int16_t *samples, size_t frames)
{
	recorder_write(CONTAINER_OF(device, struct file_output, device)->recorder, samples, frames);
	return frames;
}

static enum err output_health(struct device *device)
{
	return recorder_error(CONTAINER_OF(device, struct file_output, device)->recorder);
}

static void close_output(struct device *device)
{
	struct file_output *output = CONTAINER_OF(device, struct file_output, device);

	recorder_free(output->recorder);
	free(output);
}

static struct device *open_output(const char *path, enum err *err)
{
	static const struct device_ops OPS = {
		.name = "file", .read = read_silence, .write = write_file, .pending = device_no_clock,
		.wake_fd = device_no_clock, .health = output_health, .close = close_output,
	};
	struct recorder *recorder = recorder_new(path, 1, false, -1, err);

	if (!recorder)
		return NULL;
	struct file_output *output = xcalloc(1, sizeof *output);
	output->device.ops = &OPS;
	output->recorder = recorder;
	return &output->device;
}

struct device *file_device_open(enum device_side side, const char *path, enum err *err)
{
	*err = ERR_NONE;
	return side == DEVICE_IN ? open_input(path, err) : open_output(path, err);
}
