/* Files that are played in calls, and recordings. */
#include "media/file.h"
#include "media/record.h"
#include "rig.h"

#include <sndfile.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char folder[] = "/tmp/offhook-files-XXXXXX";

static char *path_of(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void write_tone(const char *path, int format, int rate, int channels, double hz, double seconds)
{
	SF_INFO info = { .samplerate = rate, .channels = channels, .format = format };
	SNDFILE *file = sf_open(path, SFM_WRITE, &info);
	float frame[2];

	assert_non_null(file);
	for (int i = 0; i < (int)(seconds * rate); i++) {
		frame[0] = frame[1] = (float)(0.3 * sin(2 * M_PI * hz * i / rate));
		assert_int_equal(sf_writef_float(file, frame, 1), 1);
	}
	sf_close(file);
}

/* How strong a frequency is in one channel of a file, as amplitude; *frames tells its length. */
static double strength(const char *path, int channel, double hz, sf_count_t *frames)
{
	SF_INFO info = { 0 };
	SNDFILE *file = sf_open(path, SFM_READ, &info);
	double re = 0, im = 0;
	float frame[2] = { 0 };
	sf_count_t n = 0;

	assert_non_null(file);
	assert_int_equal(info.channels, 2);
	assert_int_equal(info.samplerate, 48000);
	for (; sf_readf_float(file, frame, 1) == 1; n++) {
		re += (double)frame[channel] * cos(2 * M_PI * hz * (double)n / 48000);
		im += (double)frame[channel] * sin(2 * M_PI * hz * (double)n / 48000);
	}
	sf_close(file);
	*frames = n;
	return n ? 2 * hypot(re, im) / (double)n : 0;
}

static void kinds_of_files(void **state)
{
	static const struct { const char *name; int format, rate, channels; } FILES[] = {
		{ "a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1 },
		{ "b.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 2 },
		{ "c.wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 1 },
		{ "d.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 96000, 2 },
		{ "e.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 32000, 1 },
		{ "f.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
		enum err err;
		int16_t pcm[1000];
		size_t total = 0, n;
		double energy = 0;
		write_tone(path_of(FILES[i].name), FILES[i].format, FILES[i].rate, FILES[i].channels, 500, 1);
		struct sound_reader *reader = sound_reader_open(path_of(FILES[i].name), &err);
		assert_non_null(reader);
		for (int round = 0; round < 2; round++) {
			for (total = 0, energy = 0; (n = sound_reader_read(reader, pcm, 1000)) > 0; total += n)
				for (size_t k = 0; k < n; k++)
					energy += (double)pcm[k] * pcm[k];
			/* Codecs of whole frames have a little more. */
			assert_in_range(total, 47900, 48500);
			/* 0.3 of full scale: a mean square of 48.3e6 */
			assert_true(fabs(energy / (double)total / 48.3e6 - 1) < 0.05);
			assert_true(sound_reader_rewind(reader));
		}
		sound_reader_close(reader);
	}
}

static void faults_of_files(void **state)
{
	enum err err;
	FILE *file = fopen(path_of("text.wav"), "w");

	(void)state;
	assert_true(file && fputs("this is no sound", file) >= 0);
	fclose(file);
	assert_null(player_new(path_of("none.wav"), false, &err));
	assert_int_equal(err, ERR_NOT_FOUND);
	assert_null(player_new(path_of("text.wav/x.wav"), false, &err));
	assert_int_equal(err, ERR_NOT_FOUND);
	assert_null(player_new(path_of("text.wav"), false, &err));
	assert_int_equal(err, ERR_UNSUPPORTED);
	assert_null(player_new(folder, false, &err));
	assert_int_equal(err, ERR_IO);
	assert_null(player_new("/dev/zero", false, &err));
	assert_int_equal(err, ERR_IO);
	assert_null(recorder_new(path_of("text.wav"), 2, true, -1, &err));
	assert_int_equal(err, ERR_EXISTS);
	assert_null(recorder_new(path_of("none/x.wav"), 2, true, -1, &err));
	assert_int_equal(err, ERR_NOT_FOUND);
	assert_null(recorder_new("/dev/full", 2, false, -1, &err));
	assert_int_equal(err, ERR_IO);
}

/* The peer hears the file instead of the microphone, then the microphone again. */
static void played_to_the_peer(void **state)
{
	struct rig rig;
	struct stream *a, *b;

	(void)state;
	write_tone(path_of("t.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 1000, 1.5);
	rig_begin(&rig, 2);
	rig_link(&rig, 0, 1, &a, &b);
	assert_int_equal(engine_use(rig.engines[0], ENGINE_INPUT, "tone:440"), ERR_NONE);
	engine_select(rig.engines[0], a);
	rig_run(&rig, 1000);
	assert_true(fabs(rig_hz(b) - 440) < 1);
	assert_false(engine_is_playing(rig.engines[0], a));
	assert_int_equal(engine_play(rig.engines[0], a, path_of("t.wav"), PLAY_TO_PEER), ERR_NONE);
	assert_true(engine_is_playing(rig.engines[0], a));
	rig_until(&rig, ENGINE_PLAYED, 1);
	assert_true(fabs(rig_hz(b) - 1000) < 2);
	assert_true(fabs(rig.last[ENGINE_PLAYED].seconds - 1.5) < 0.002);
	assert_string_equal(rig.path, path_of("t.wav"));
	assert_true(rig.last[ENGINE_PLAYED].stream == a && !engine_is_playing(rig.engines[0], a));
	rig_run(&rig, 1000);
	assert_true(fabs(rig_hz(b) - 440) < 1);
	assert_false(engine_stop_playing(rig.engines[0], a));
	rig_end(&rig);
}

/* Another file takes the place of the first; stop ends it; the call's end ends it untold. */
static void played_and_stopped(void **state)
{
	struct rig rig;
	struct stream *a, *b;

	(void)state;
	write_tone(path_of("t.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 1000, 60);
	rig_begin(&rig, 2);
	rig_link(&rig, 0, 1, &a, &b);
	assert_int_equal(engine_play(rig.engines[0], a, path_of("t.wav"), PLAY_TO_PEER), ERR_NONE);
	rig_run(&rig, 100);
	assert_int_equal(engine_play(rig.engines[0], a, path_of("t.wav"), PLAY_TO_PEER), ERR_NONE);
	rig_run(&rig, 100);
	assert_int_equal(rig.seen[ENGINE_PLAYED], 1);
	assert_true(engine_is_playing(rig.engines[0], a));
	assert_true(engine_stop_playing(rig.engines[0], a));
	rig_run(&rig, 20);
	assert_int_equal(rig.seen[ENGINE_PLAYED], 2);
	assert_true(rig.last[ENGINE_PLAYED].seconds < 0.2);
	assert_int_equal(engine_play(rig.engines[0], a, path_of("t.wav"), PLAY_TO_PEER), ERR_NONE);
	rig_end(&rig);
	assert_int_equal(rig.seen[ENGINE_PLAYED], 2);
}

static void played_to_me_alone(void **state)
{
	struct rig rig;
	char output[4200];

	(void)state;
	write_tone(path_of("t.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 700, 1);
	rig_begin(&rig, 1);
	snprintf(output, sizeof output, "file:%s", path_of("heard.wav"));
	assert_int_equal(engine_use(rig.engines[0], ENGINE_OUTPUT, output), ERR_NONE);
	assert_int_equal(engine_play(rig.engines[0], NULL, path_of("t.wav"), PLAY_TO_ME), ERR_NONE);
	rig_until(&rig, ENGINE_PLAYED, 1);
	assert_null(rig.last[ENGINE_PLAYED].stream);
	rig_step(&rig);
	assert_int_equal(engine_next_us(rig.engines[0]), INT64_MAX); /* it sleeps again */
	rig_end(&rig);
}

/* Me on the left, they on the right; readable while it is written; pause leaves out. */
static void recorded(void **state)
{
	struct rig rig;
	struct stream *a, *b;
	sf_count_t frames;

	(void)state;
	rig_begin(&rig, 2);
	rig_link(&rig, 0, 1, &a, &b);
	assert_int_equal(engine_use(rig.engines[0], ENGINE_INPUT, "tone:440"), ERR_NONE);
	assert_int_equal(engine_use(rig.engines[1], ENGINE_INPUT, "tone:1200"), ERR_NONE);
	engine_select(rig.engines[0], a);
	engine_select(rig.engines[1], b);
	rig_run(&rig, 500);
	assert_int_equal(engine_record(rig.engines[0], a, path_of("r.wav"), 0), ERR_NONE);
	assert_int_equal(engine_record(rig.engines[0], a, path_of("s.wav"), 0), ERR_STATE);
	assert_int_equal(engine_recording(a), RECORDING_ON);
	rig_run(&rig, 1000);
	assert_true(engine_record_pause(rig.engines[0], a, true));
	assert_int_equal(engine_recording(a), RECORDING_PAUSED);
	rig_run(&rig, 3000);
	assert_true(engine_record_pause(rig.engines[0], a, false));
	rig_run(&rig, 1000);
	/* As after a crash: what was written in whole batches is there with a right header. */
	for (int i = 0; i < 1000000; i++) {
		strength(path_of("r.wav"), 0, 440, &frames);
		if (frames >= 86400)
			break;
		sched_yield();
	}
	assert_in_range(frames, 86400, 96000);
	assert_true(engine_record_stop(rig.engines[0], a));
	assert_false(engine_record_stop(rig.engines[0], a));
	rig_until(&rig, ENGINE_RECORDED, 1);
	assert_true(fabs(rig.last[ENGINE_RECORDED].seconds - 2) < 0.001);
	assert_int_equal(rig.last[ENGINE_RECORDED].err, ERR_NONE);
	assert_true(fabs(strength(path_of("r.wav"), 0, 440, &frames) - 0.316) < 0.01);
	assert_int_equal(frames, 96000);
	assert_true(strength(path_of("r.wav"), 0, 1200, &frames) < 0.001);
	assert_true(fabs(strength(path_of("r.wav"), 1, 1200, &frames) - 0.316) < 0.03);
	assert_true(strength(path_of("r.wav"), 1, 440, &frames) < 0.001);
	rig_end(&rig);
}

/* By itself after `max`; by the end of the call, told after it. */
static void recordings_end(void **state)
{
	struct rig rig;
	struct stream *a, *b;
	struct stat stat_of;

	(void)state;
	rig_begin(&rig, 2);
	rig_link(&rig, 0, 1, &a, &b);
	assert_int_equal(engine_record(rig.engines[0], a, path_of("max.flac"), 1000), ERR_NONE);
	rig_until(&rig, ENGINE_RECORDED, 1);
	assert_true(fabs(rig.last[ENGINE_RECORDED].seconds - 1) < 0.001);
	assert_int_equal(engine_recording(a), RECORDING_NONE);
	assert_int_equal(engine_record(rig.engines[0], a, path_of("end.opus"), 0), ERR_NONE);
	rig_run(&rig, 300);
	void *user = rig.last[ENGINE_RECORDED].user;
	assert_true(engine_is_writing(rig.engines[0], user));
	engine_remove(rig.engines[0], a);
	rig.streams[0].stream = NULL;
	rig_until(&rig, ENGINE_RECORDED, 2);
	assert_ptr_equal(rig.last[ENGINE_RECORDED].user, user);
	assert_null(rig.last[ENGINE_RECORDED].stream);
	assert_true(fabs(rig.last[ENGINE_RECORDED].seconds - 0.3) < 0.001);
	assert_false(engine_is_writing(rig.engines[0], NULL));
	assert_int_equal(stat(path_of("end.opus"), &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 0777, 0600);
	rig_end(&rig);
}

/* A disk without room: the recording ends, says so, and the call goes on. */
static void disk_full(void **state)
{
	struct rig rig;
	struct stream *a, *b;
	struct stream_stats before, after;
	enum err err;

	(void)state;
	/* /dev/full takes the header from libsndfile's point of view only when it is no regular file: asked
	 * directly. */
	assert_null(recorder_new("/dev/full", 1, false, -1, &err));
	rig_begin(&rig, 2);
	rig_link(&rig, 0, 1, &a, &b);
	/* The header fits, the sound does not: what a full disk or a quota does at the first write. */
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit limit, small;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 30000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(engine_record(rig.engines[0], a, path_of("full.wav"), 0), ERR_NONE);
	rig_until(&rig, ENGINE_RECORDED, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(rig.last[ENGINE_RECORDED].err, ERR_FULL);
	assert_int_equal(engine_recording(a), RECORDING_NONE);
	engine_stats(b, &before);
	rig_run(&rig, 200);
	engine_stats(b, &after);
	assert_true(after.received_packets > before.received_packets);
	rig_end(&rig);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[200];

	(void)state;
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_of_files),     cmocka_unit_test(faults_of_files),
		cmocka_unit_test(played_to_the_peer), cmocka_unit_test(played_and_stopped),
		cmocka_unit_test(played_to_me_alone), cmocka_unit_test(recorded),
		cmocka_unit_test(recordings_end),     cmocka_unit_test(disk_full),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
