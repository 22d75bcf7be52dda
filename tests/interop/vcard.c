/*
 * vcard: virtual sound cards on top of `jackd -d dummy`.
 *
 * Each card is a JACK client with a port capture_1 (the microphone, fed from a WAV file) and a port playback_1 (the
 * loudspeaker, recorded to another); PortAudio shows it as a device of that name. All cards start at the same frame
 * when SIGUSR1 comes, so the lag between what one says and what the other hears is exact to the sample.
 *
 *   vcard SECONDS NAME=MIC.wav,SPEAKER.wav ...      prints "ready"; either file may be left out
 *                                                   at the end "xruns N, skipped N": how often JACK stumbled
 *                                                   while they talked, and frames that no card had for it
 *   vcard SECONDS NAME=echo,SPEAKER.wav             the microphone hears the loudspeaker, a tenth as loud and a
 *                                                   period later
 */
#include <jack/jack.h>
#include <sndfile.h>

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CARDS_MAX = 8 };

struct card {
	char name[64];
	const char *speaker_path;
	jack_client_t *client;
	jack_port_t *mic, *speaker;
	float *said, *heard;
	bool echoes;
	float last[8192]; /* of the loudspeaker, in the period before */
	long said_frames, heard_room, heard_frames;
	bool runs;
	long next;           /* the frame that must come now */
	atomic_long skipped; /* those that did not */
};

static struct card cards[CARDS_MAX];
static int card_count;
static atomic_bool going;
static atomic_uint first_frame, xruns;
static volatile sig_atomic_t asked_to_go, asked_to_stop;

static void on_signal(int signal)
{
	if (signal == SIGUSR1)
		asked_to_go = 1;
	else
		asked_to_stop = 1;
}

static void quiet(const char *line)
{
	(void)line;
}

static int on_xrun(void *arg)
{
	(void)arg;
	atomic_fetch_add(&xruns, atomic_load(&going));
	return 0;
}

static int process(jack_nframes_t frames, void *arg)
{
	struct card *card = arg;
	float *mic = jack_port_get_buffer(card->mic, frames);
	const float *speaker = jack_port_get_buffer(card->speaker, frames);

	memset(mic, 0, frames * sizeof *mic);
	for (jack_nframes_t i = 0; card->echoes && i < frames && i < 8192; i++) {
		mic[i] = card->last[i] / 10;
		card->last[i] = speaker[i];
	}
	if (!atomic_load(&going))
		return 0;
	long at = (long)(int)(jack_last_frame_time(card->client) - atomic_load(&first_frame));
	card->skipped += card->runs ? labs(at - card->next) : 0;
	card->runs = true;
	card->next = at + (long)frames;
	for (jack_nframes_t i = 0; i < frames; i++, at++) {
		if (at < 0)
			continue;
		if (card->said_frames)
			mic[i] = card->said[at % card->said_frames];
		if (at < card->heard_room) {
			card->heard[at] = speaker[i];
			if (at >= card->heard_frames)
				card->heard_frames = at + 1;
		}
	}
	return 0;
}

static bool load(struct card *card, const char *path, int rate)
{
	SF_INFO info = { 0 };
	SNDFILE *file = sf_open(path, SFM_READ, &info);

	if (!file || info.channels != 1 || info.samplerate != rate) {
		fprintf(stderr, "%s: a mono file of %d Hz is needed\n", path, rate);
		return false;
	}
	card->said = calloc((size_t)info.frames, sizeof *card->said);
	card->said_frames = sf_readf_float(file, card->said, info.frames);
	sf_close(file);
	return true;
}

/* "NAME=MIC,SPEAKER" */
static bool plug_in(struct card *card, char *words, double seconds)
{
	char *files = strchr(words, '=');
	char *speaker = files ? strchr(files, ',') : NULL;

	if (!speaker)
		return false;
	*files++ = '\0';
	*speaker++ = '\0';
	snprintf(card->name, sizeof card->name, "%s", words);
	card->speaker_path = speaker;
	card->client = jack_client_open(card->name, JackNoStartServer | JackUseExactName, NULL);
	if (!card->client)
		return false;
	int rate = (int)jack_get_sample_rate(card->client);
	card->echoes = !strcmp(files, "echo");
	if (*files && !card->echoes && !load(card, files, rate))
		return false;
	card->heard_room = (long)(seconds * rate);
	card->heard = calloc((size_t)card->heard_room, sizeof *card->heard);
	card->mic = jack_port_register(card->client, "capture_1", JACK_DEFAULT_AUDIO_TYPE,
				       JackPortIsOutput | JackPortIsTerminal, 0);
	card->speaker = jack_port_register(card->client, "playback_1", JACK_DEFAULT_AUDIO_TYPE,
					   JackPortIsInput | JackPortIsTerminal, 0);
	jack_set_process_callback(card->client, process, card);
	if (card == cards)
		jack_set_xrun_callback(card->client, on_xrun, NULL);
	return card->mic && card->speaker && jack_activate(card->client) == 0;
}

static void save(const struct card *card, int rate)
{
	SF_INFO info = { .samplerate = rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };

	if (!*card->speaker_path)
		return;
	SNDFILE *file = sf_open(card->speaker_path, SFM_WRITE, &info);
	if (!file)
		return;
	sf_writef_float(file, card->heard, card->heard_frames);
	sf_close(file);
}

static void wait_for_signal(const volatile sig_atomic_t *flag, int most_ms)
{
	for (int waited = 0; !*flag && !asked_to_stop && waited < most_ms; waited += 10)
		poll(NULL, 0, 10);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	double seconds = argc > 2 ? atof(argv[1]) : 0;

	jack_set_error_function(quiet);
	jack_set_info_function(quiet);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	for (int i = 2; i < argc && card_count < CARDS_MAX; i++)
		if (!plug_in(&cards[card_count++], argv[i], seconds))
			return 3;
	if (!card_count || seconds <= 0)
		return 2;
	int rate = (int)jack_get_sample_rate(cards[0].client);
	puts("ready");
	fflush(stdout);
	wait_for_signal(&asked_to_go, 600000);
	atomic_store(&first_frame, jack_frame_time(cards[0].client) + (unsigned)rate / 10);
	atomic_store(&going, true);
	wait_for_signal(&asked_to_stop, (int)(seconds * 1000) + 300);
	atomic_store(&going, false);
	printf("xruns %u, skipped %ld\n", atomic_load(&xruns), atomic_load(&cards[0].skipped));
	fflush(stdout);
	for (int i = 0; i < card_count; i++) {
		jack_deactivate(cards[i].client);
		save(&cards[i], rate);
		jack_client_close(cards[i].client);
	}
	return 0;
}
