/* Files that are played and recorded, as the loop's thread sees them. */
#include "base/xmalloc.h"
#include "media/audio/device.h"
#include "media/engine_internal.h"
#include "media/file.h"
#include "media/record.h"

/* ---- playing ---- */

static void playing_free(struct playing *playing)
{
	player_free(playing->player);
	free(playing->path);
	free(playing);
}

static void send_playing(struct engine *engine, struct stream *stream, struct playing *playing)
{
	struct command command = { .kind = COMMAND_PLAY, .stream = stream };

	*(stream ? &stream->plays : &engine->plays) = playing;
	command.u.playing = playing;
	engine_ports_update(engine);
	engine_send_command(engine, &command);
}

enum err engine_play(struct engine *engine, struct stream *stream, const char *path, unsigned how)
{
	enum err err;

	if (stream && how & PLAY_TO_PEER && !stream->sends)
		return ERR_STATE;
	struct player *player = player_new(path, how & PLAY_AROUND, &err);
	if (!player)
		return err;
	struct playing *playing = xcalloc(1, sizeof *playing);
	*playing = (struct playing){ .stream = stream, .player = player, .path = xstrdup(path), .how = how };
	send_playing(engine, stream, playing);
	return ERR_NONE;
}

enum err engine_ring(struct engine *engine, const char *ring)
{
	struct command command = { .kind = COMMAND_RING };
	enum err err;

	if (ring && !tone_ring_find(slice_of(ring), &command.u.ring.pattern)) {
		struct player *player = player_new(ring, true, &err);
		if (!player)
			return err;
		command.u.ring.file = xcalloc(1, sizeof *command.u.ring.file);
		*command.u.ring.file =
			(struct playing){ .player = player, .path = xstrdup(ring), .how = PLAY_AROUND };
	}
	engine_send_command(engine, &command);
	return ERR_NONE;
}

bool engine_stop_playing(struct engine *engine, struct stream *stream)
{
	if (!(stream ? stream->plays : engine->plays))
		return false;
	send_playing(engine, stream, NULL);
	return true;
}

bool engine_is_playing(const struct engine *engine, const struct stream *stream)
{
	const struct playing *playing = stream ? stream->plays : engine->plays;

	return playing && !(playing->how & PLAY_AROUND);
}

static double seconds(uint64_t frames)
{
	return (double)frames / DEVICE_RATE_HZ;
}

/* The event's path lives until the next event. */
static void keep_path(struct engine *engine, struct engine_event *event, char **path)
{
	free(engine->told_path);
	event->path = engine->told_path = *path;
	*path = NULL;
}

static bool played(struct engine *engine, struct stream *stream, struct playing *playing, struct engine_event *event)
{
	struct playing **plays = stream ? &stream->plays : &engine->plays;
	bool told = !(stream && stream->removed) && !(playing->how & PLAY_AROUND);

	if (*plays == playing)
		*plays = NULL;
	if (told) {
		*event = (struct engine_event){ .kind = ENGINE_PLAYED,
						.stream = stream,
						.user = stream ? stream->user : NULL,
						.seconds = seconds(player_frames(playing->player)) };
		keep_path(engine, event, &playing->path);
	}
	playing_free(playing);
	engine_ports_update(engine);
	return told;
}

/* ---- recording ---- */

static void recording_free(struct recording *recording)
{
	list_remove(&recording->node);
	recorder_free(recording->recorder);
	free(recording->path);
	free(recording);
}

static void send_recording(struct engine *engine, struct stream *stream, struct recording *recording)
{
	struct command command = { .kind = COMMAND_RECORD, .stream = stream };

	stream->records = recording;
	command.u.recording = recording;
	engine_send_command(engine, &command);
}

enum err engine_record(struct engine *engine, struct stream *stream, const char *path, uint64_t max_ms)
{
	enum err err;

	if (stream->records)
		return ERR_STATE;
	struct recorder *recorder = recorder_new(path, 2, true, engine->event_fd, &err);
	if (!recorder)
		return err;
	struct recording *recording = xcalloc(1, sizeof *recording);
	*recording = (struct recording){ .stream = stream,
					 .user = stream->user,
					 .recorder = recorder,
					 .path = xstrdup(path),
					 .max_frames = max_ms * (DEVICE_RATE_HZ / 1000) };
	list_append(&engine->recordings, &recording->node);
	send_recording(engine, stream, recording);
	return ERR_NONE;
}

bool engine_record_stop(struct engine *engine, struct stream *stream)
{
	if (!stream->records)
		return false;
	stream->records->stopped = true;
	send_recording(engine, stream, NULL);
	return true;
}

bool engine_record_pause(struct engine *engine, struct stream *stream, bool paused)
{
	struct command command = { .kind = COMMAND_PAUSE, .stream = stream };

	if (!stream->records)
		return false;
	stream->records->wants_pause = paused;
	command.u.paused = paused;
	engine_send_command(engine, &command);
	return true;
}

enum engine_recording engine_recording(const struct stream *stream)
{
	if (!stream->records)
		return RECORDING_NONE;
	return stream->records->wants_pause ? RECORDING_PAUSED : RECORDING_ON;
}

bool engine_is_writing(const struct engine *engine, const void *user)
{
	LIST_EACH(&engine->recordings, node)
		if (!user || LIST_ENTRY(node, struct recording, node)->user == user)
			return true;
	return false;
}

bool engine_next_recorded(struct engine *engine, struct engine_event *event)
{
	LIST_EACH(&engine->recordings, node) {
		struct recording *recording = LIST_ENTRY(node, struct recording, node);
		struct stream *stream = recording->stream;
		/* The disk is full: what is there stays, the rest would be lost. */
		if (recorder_error(recording->recorder) != ERR_NONE && !recording->stopped && stream)
			engine_record_stop(engine, stream);
		if (!recording->returned || !recorder_is_done(recording->recorder))
			continue;
		*event = (struct engine_event){ .kind = ENGINE_RECORDED,
						.stream = stream,
						.user = recording->user,
						.seconds = seconds(recorder_frames(recording->recorder)),
						.lost_seconds = seconds(recorder_lost(recording->recorder)),
						.err = recorder_error(recording->recorder) };
		keep_path(engine, event, &recording->path);
		recording_free(recording);
		return true;
	}
	return false;
}

/* ---- both ---- */

bool engine_file_returned(struct engine *engine, const struct note *note, struct engine_event *event)
{
	struct stream *stream = note->stream;

	if (note->kind == NOTE_PLAYED)
		return played(engine, stream, note->u.playing, event);
	struct recording *recording = note->u.recording;
	if (stream->records == recording)
		stream->records = NULL;
	recording->returned = recording->stopped = true;
	recorder_finish(recording->recorder);
	return false;
}

void engine_forget_stream(struct engine *engine, const struct stream *stream)
{
	LIST_EACH(&engine->recordings, node) {
		struct recording *recording = LIST_ENTRY(node, struct recording, node);
		if (recording->stream == stream)
			recording->stream = NULL;
	}
}

void engine_files_fini(struct engine *engine)
{
	while (!list_empty(&engine->recordings))
		recording_free(LIST_ENTRY(list_first(&engine->recordings), struct recording, node));
	free(engine->told_path);
}

void engine_join(struct engine *engine, struct stream *stream, bool joined)
{
	struct command command = { .kind = COMMAND_JOIN, .stream = stream };

	command.u.joined = joined;
	engine_send_command(engine, &command);
}
