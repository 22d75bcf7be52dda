#include "sound/portaudio.h"

#include "base/error.h"

#include <pa_jack.h>
#include <portaudio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { COPY_FRAMES = 256, LEAVE_S = 1 };
#define OWN_NAME "offhook"

/* What a callback needs; it lives as long as the process, since the callback's thread does. */
struct carrier {
	struct sound_shared *shared;
	int channels[SOUND_SIDES];  /* 0: not this side */
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

static void leave_at_once(int signal)
{
	(void)signal;
	_exit(0);
}

/*
 * A JACK client that just vanishes is waited for: jackd misses its next cycles, and all who sound then stutter. But
 * Pa_Terminate may hang (it does when the server has died), so it has a second.
 */
void portaudio_leave(void)
{
	signal(SIGALRM, leave_at_once);
	alarm(LEAVE_S);
	Pa_Terminate();
	_exit(0);
}

bool portaudio_list(void)
{
	PaJack_SetClientName(OWN_NAME "-list");
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
			/* With JACK every program is a device: phones are none to talk into. */
			if (api && api->type == paJACK && strncmp(info->name, OWN_NAME, strlen(OWN_NAME)) == 0)
				continue;
			printf("%s\t%s\t%s\t%.0f\t%s\n", input ? "in" : "out", i == standard ? "default" : "-",
			       api ? api->name : "?", info->defaultSampleRate, info->name);
		}
	}
	fflush(stdout);
	portaudio_leave();
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
	struct sound_shared *shared = carrier->shared;
	uint32_t channels = (uint32_t)carrier->channels[SOUND_IN];
	int16_t mono[COPY_FRAMES];

	while (frames) {
		uint32_t n = frames < COPY_FRAMES ? (uint32_t)frames : COPY_FRAMES;
		for (uint32_t i = 0; i < n; i++)
			mono[i] = from ? from[i * channels] : 0;
		if (ring_write(sound_ring(shared, SOUND_IN), mono, n) < n)
			atomic_fetch_add(&shared->sides[SOUND_IN].xruns, 1);
		frames -= n;
		if (from)
			from += n * channels;
	}
}

static void copy_out(struct carrier *carrier, int16_t *to, unsigned long frames)
{
	struct sound_shared *shared = carrier->shared;
	uint32_t channels = (uint32_t)carrier->channels[SOUND_OUT];
	int16_t mono[COPY_FRAMES];

	while (frames) {
		uint32_t n = frames < COPY_FRAMES ? (uint32_t)frames : COPY_FRAMES;
		uint32_t got = ring_read(sound_ring(shared, SOUND_OUT), mono, n);
		if (got < n) {
			memset(mono + got, 0, (n - got) * sizeof *mono);
			atomic_fetch_add(&shared->sides[SOUND_OUT].xruns, 1);
		}
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t c = 0; c < channels; c++)
				to[i * channels + c] = mono[i];
		frames -= n;
		to += n * channels;
	}
}

static void count(struct carrier *carrier, int side, unsigned long frames)
{
	struct sound_side *state = &carrier->shared->sides[side];

	if (!carrier->channels[side])
		return;
	if (frames > atomic_load(&state->period_frames))
		atomic_store(&state->period_frames, (uint32_t)frames);
	atomic_fetch_add(&state->callbacks, 1);
}

/* Real time: copies, atomics and one write() to an eventfd that never blocks; nothing else may stand here. */
static int on_audio(const void *in, void *out, unsigned long frames, const PaStreamCallbackTimeInfo *time,
		    PaStreamCallbackFlags flags, void *arg)
{
	struct carrier *carrier = arg;
	uint64_t one = 1;

	(void)time;
	(void)flags;
	if (carrier->channels[SOUND_OUT] && out)
		copy_out(carrier, out, frames);
	if (carrier->channels[SOUND_IN])
		copy_in(carrier, in, frames);
	count(carrier, SOUND_OUT, frames);
	count(carrier, SOUND_IN, frames);
	if (write(SOUND_WAKE_FD, &one, sizeof one) < 0)
		return paContinue; /* full: it is awake already */
	return paContinue;
}

static PaStreamParameters parameters_of(int side, int index, int channels)
{
	const PaDeviceInfo *info = Pa_GetDeviceInfo(index);

	return (PaStreamParameters){
		.device = index,
		.channelCount = channels,
		.sampleFormat = paInt16,
		.suggestedLatency = side == SOUND_IN ? info->defaultLowInputLatency : info->defaultLowOutputLatency,
	};
}

/* Mono first; cards that have no mono get two channels. `indices` are paNoDevice for sides that are not wanted. */
static PaError open_stream(PaStream **stream, struct carrier *carrier, const int indices[SOUND_SIDES])
{
	PaStreamParameters sides[SOUND_SIDES];
	PaError error = paInvalidChannelCount;
	int some = indices[SOUND_IN] != paNoDevice ? indices[SOUND_IN] : indices[SOUND_OUT];
	double rate = Pa_GetDeviceInfo(some)->defaultSampleRate;

	for (int channels = 0; channels < 4 && error != paNoError; channels++) {
		const int counts[SOUND_SIDES] = { 1 + channels % 2, 1 + channels / 2 };
		for (int side = 0; side < SOUND_SIDES; side++) {
			bool wanted = indices[side] != paNoDevice;
			carrier->channels[side] = wanted ? counts[side] : 0;
			if (wanted)
				sides[side] = parameters_of(side, indices[side], counts[side]);
		}
		error = Pa_OpenStream(stream, carrier->channels[SOUND_IN] ? &sides[SOUND_IN] : NULL,
				      carrier->channels[SOUND_OUT] ? &sides[SOUND_OUT] : NULL, rate,
				      paFramesPerBufferUnspecified, paNoFlag, on_audio, carrier);
	}
	return error;
}

static PaError start_stream(struct sound_shared *shared, struct carrier *carrier, const int indices[SOUND_SIDES])
{
	PaStream *stream;

	carrier->shared = shared;
	PaError error = open_stream(&stream, carrier, indices);
	for (int side = 0; side < SOUND_SIDES && error == paNoError; side++) {
		if (indices[side] == paNoDevice)
			continue;
		const PaDeviceInfo *info = Pa_GetDeviceInfo(indices[side]);
		atomic_store(&shared->sides[side].rate_hz, (uint32_t)info->defaultSampleRate);
		snprintf(shared->sides[side].device, sizeof shared->sides[side].device, "%s", info->name);
	}
	return error == paNoError ? Pa_StartStream(stream) : error;
}

/* One stream where both sides are one device, else, and where that is refused, one for each. */
static PaError start_streams(struct sound_shared *shared, const int indices[SOUND_SIDES])
{
	static struct carrier carriers[1 + SOUND_SIDES];
	PaError error = paNoError;

	if (indices[SOUND_IN] == indices[SOUND_OUT] &&
	    start_stream(shared, &carriers[SOUND_SIDES], indices) == paNoError) {
		atomic_store(&shared->duplex, 1);
		return paNoError;
	}
	for (int side = 0; side < SOUND_SIDES && error == paNoError; side++) {
		int alone[SOUND_SIDES] = { paNoDevice, paNoDevice };
		alone[side] = indices[side];
		if (indices[side] != paNoDevice)
			error = start_stream(shared, &carriers[side], alone);
	}
	return error;
}

bool portaudio_start(struct sound_shared *shared, const char *const names[SOUND_SIDES])
{
	int indices[SOUND_SIDES] = { paNoDevice, paNoDevice };
	enum err err;

	PaJack_SetClientName(OWN_NAME);
	if (Pa_Initialize() != paNoError)
		return give_up(shared, ERR_DEVICE, "the sound system does not start");
	for (int side = 0; side < SOUND_SIDES; side++) {
		if (!names[side])
			continue;
		indices[side] = find_device(side == SOUND_IN, names[side], &err);
		if (indices[side] == paNoDevice)
			return give_up(shared, err,
				       err == ERR_EXISTS ? "more than one device has that in its name"
							 : "no such device");
	}
	PaError error = start_streams(shared, indices);
	if (error != paNoError)
		return give_up(shared, ERR_DEVICE, Pa_GetErrorText(error));
	atomic_store(&shared->state, SOUND_RUNNING);
	return true;
}
