#include "sound/portaudio.h"

#include "base/error.h"

#include <portaudio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { COPY_FRAMES = 256 };

/* What the callback needs; it lives as long as the process, since the callback's thread does. */
struct carrier {
	struct sound_shared *shared;
	int channels;
};

static bool give_up(struct sound_shared *shared, enum err err, const char *message)
{
	snprintf(shared->message, sizeof shared->message, "%s", message);
	atomic_store(&shared->error, (uint32_t)err);
	atomic_store(&shared->state, SOUND_FAILED);
	return false;
}

static const PaDeviceInfo *device_info(int index, bool input)
{
	const PaDeviceInfo *info = Pa_GetDeviceInfo(index);

	return info && (input ? info->maxInputChannels : info->maxOutputChannels) > 0 ? info : NULL;
}

bool portaudio_list(void)
{
	if (Pa_Initialize() != paNoError)
		return false;
	for (int side = 0; side < 2; side++) {
		bool input = side == 0;
		int standard = input ? Pa_GetDefaultInputDevice() : Pa_GetDefaultOutputDevice();
		for (int i = 0; i < Pa_GetDeviceCount(); i++) {
			const PaDeviceInfo *info = device_info(i, input);
			if (!info)
				continue;
			const PaHostApiInfo *api = Pa_GetHostApiInfo(info->hostApi);
			printf("%s\t%s\t%s\t%.0f\t%s\n", input ? "in" : "out", i == standard ? "default" : "-",
			       api ? api->name : "?", info->defaultSampleRate, info->name);
		}
	}
	fflush(stdout);
	/* No Pa_Terminate: it may hang, and the process ends here. */
	_exit(0);
}

/* Exact names win; a part must be in one name only. Indices move, so they are never kept. */
static int find_device(bool input, const char *name, enum err *err)
{
	int found = paNoDevice, hits = 0;

	*err = ERR_NOT_FOUND;
	if (strcmp(name, "default") == 0)
		return input ? Pa_GetDefaultInputDevice() : Pa_GetDefaultOutputDevice();
	for (int i = 0; i < Pa_GetDeviceCount(); i++) {
		const PaDeviceInfo *info = device_info(i, input);
		if (!info)
			continue;
		if (strcmp(info->name, name) == 0)
			return i;
		if (strcasestr(info->name, name)) {
			found = i;
			hits++;
		}
	}
	if (hits > 1)
		*err = ERR_EXISTS;
	return hits == 1 ? found : paNoDevice;
}

static void copy_in(struct carrier *carrier, const int16_t *from, unsigned long frames)
{
	int16_t mono[COPY_FRAMES];

	while (frames) {
		uint32_t n = frames < COPY_FRAMES ? (uint32_t)frames : COPY_FRAMES;
		for (uint32_t i = 0; i < n; i++)
			mono[i] = from ? from[i * (uint32_t)carrier->channels] : 0;
		if (ring_write(sound_ring(carrier->shared), mono, n) < n)
			atomic_fetch_add(&carrier->shared->xruns, 1);
		frames -= n;
		if (from)
			from += n * (uint32_t)carrier->channels;
	}
}

static void copy_out(struct carrier *carrier, int16_t *to, unsigned long frames)
{
	int16_t mono[COPY_FRAMES];

	while (frames) {
		uint32_t n = frames < COPY_FRAMES ? (uint32_t)frames : COPY_FRAMES;
		uint32_t got = ring_read(sound_ring(carrier->shared), mono, n);
		if (got < n) {
			memset(mono + got, 0, (n - got) * sizeof *mono);
			atomic_fetch_add(&carrier->shared->xruns, 1);
		}
		for (uint32_t i = 0; i < n; i++)
			for (int c = 0; c < carrier->channels; c++)
				to[i * (uint32_t)carrier->channels + (uint32_t)c] = mono[i];
		frames -= n;
		to += n * (uint32_t)carrier->channels;
	}
}

/* Real time: copies, atomics and one write() to an eventfd that never blocks; nothing else may stand here. */
static int on_audio(const void *in, void *out, unsigned long frames, const PaStreamCallbackTimeInfo *time,
		    PaStreamCallbackFlags flags, void *arg)
{
	struct carrier *carrier = arg;
	uint64_t one = 1;

	(void)time;
	(void)flags;
	if (frames > atomic_load(&carrier->shared->period_frames))
		atomic_store(&carrier->shared->period_frames, (uint32_t)frames);
	if (out)
		copy_out(carrier, out, frames);
	else
		copy_in(carrier, in, frames);
	atomic_fetch_add(&carrier->shared->callbacks, 1);
	if (write(SOUND_WAKE_FD, &one, sizeof one) < 0)
		return paContinue; /* full: it is awake already */
	return paContinue;
}

static PaError open_stream(PaStream **stream, struct carrier *carrier, bool input, int index)
{
	const PaDeviceInfo *info = Pa_GetDeviceInfo(index);
	int most = input ? info->maxInputChannels : info->maxOutputChannels;
	PaError error = paInvalidChannelCount;

	/* Mono first; cards that have no mono get two channels. */
	for (int channels = 1; channels <= 2 && channels <= most && error != paNoError; channels++) {
		PaStreamParameters parameters = {
			.device = index,
			.channelCount = channels,
			.sampleFormat = paInt16,
			.suggestedLatency = input ? info->defaultLowInputLatency : info->defaultLowOutputLatency,
		};
		carrier->channels = channels;
		error = Pa_OpenStream(stream, input ? &parameters : NULL, input ? NULL : &parameters,
				      info->defaultSampleRate, paFramesPerBufferUnspecified, paNoFlag, on_audio, carrier);
	}
	return error;
}

bool portaudio_start(struct sound_shared *shared, bool input, const char *name)
{
	static struct carrier carrier;
	PaStream *stream;
	enum err err;

	carrier.shared = shared;
	if (Pa_Initialize() != paNoError)
		return give_up(shared, ERR_DEVICE, "the sound system does not start");
	int index = find_device(input, name, &err);
	if (index == paNoDevice)
		return give_up(shared, err, err == ERR_EXISTS ? "more than one device has that in its name" : "no such device");
	const PaDeviceInfo *info = Pa_GetDeviceInfo(index);
	atomic_store(&shared->rate_hz, (uint32_t)info->defaultSampleRate);
	snprintf(shared->device, sizeof shared->device, "%s", info->name);
	PaError error = open_stream(&stream, &carrier, input, index);
	if (error == paNoError)
		error = Pa_StartStream(stream);
	if (error != paNoError)
		return give_up(shared, ERR_DEVICE, Pa_GetErrorText(error));
	atomic_store(&shared->state, SOUND_RUNNING);
	return true;
}
