/* Who hears what: the microphone, the streams, the conference, files and recordings, once a tick. */
#include "media/engine_internal.h"
#include "media/file.h"
#include "media/record.h"

#include <string.h>

/* ---- files ---- */

void engine_put_playing(struct engine *engine, struct stream *stream, struct playing *playing)
{
	struct playing **place = stream ? &stream->playing : &engine->playing;
	struct note note = { .kind = NOTE_PLAYED, .stream = stream };

	note.u.playing = *place;
	*place = playing;
	if (note.u.playing)
		engine_note_send(engine, &note);
}

void engine_put_ring(struct engine *engine, size_t pattern, struct playing *file)
{
	struct note note = { .kind = NOTE_PLAYED };

	note.u.playing = engine->ring;
	engine->ring = file;
	engine->tone.ring = pattern;
	if (note.u.playing)
		engine_note_send(engine, &note);
}

void engine_put_recording(struct engine *engine, struct stream *stream, struct recording *recording)
{
	struct note note = { .kind = NOTE_RECORDED, .stream = stream };

	note.u.recording = stream->recording;
	stream->recording = recording;
	if (note.u.recording)
		engine_note_send(engine, &note);
}

/* The next tick of the file that is played there. @return how it is played; 0: there is none */
static unsigned read_file(struct engine *engine, struct stream *stream, int16_t *pcm)
{
	struct playing *playing = stream ? stream->playing : engine->playing;

	if (!playing)
		return 0;
	if (player_read(playing->player, pcm))
		return playing->how;
	/* Without room for the note it is over a tick later. */
	if (engine_note_fits(engine))
		engine_put_playing(engine, stream, NULL);
	return 0;
}

static void record(struct engine *engine, struct stream *stream, const int16_t *said)
{
	struct recording *recording = stream->recording;
	int16_t both[2 * MIXER_FRAMES];

	if (!recording || recording->paused)
		return;
	for (size_t i = 0; i < MIXER_FRAMES; i++) {
		both[2 * i] = said ? said[i] : 0;
		both[2 * i + 1] = stream->heard_now[i];
	}
	bool full = recording->max_frames && recording->frames >= recording->max_frames;
	if (!full) {
		recorder_write(recording->recorder, both, MIXER_FRAMES);
		recording->frames += MIXER_FRAMES;
	} else if (engine_note_fits(engine)) {
		engine_put_recording(engine, stream, NULL);
	}
}

/* ---- streams ---- */

/* Am I in this stream's conversation? */
static bool takes_part(const struct engine *engine, const struct stream *stream)
{
	const struct stream *selected = engine->selected;

	return stream == selected || (stream->joined && selected && selected->joined);
}

static bool in_room(const struct stream *stream)
{
	return stream->joined && !stream->config.on_hold;
}

/* Does the microphone go to this peer, who may be played a file? */
static bool hears_me(const struct engine *engine, const struct stream *stream, unsigned how)
{
	return takes_part(engine, stream) && !engine->muted && !stream->muted && !stream->config.on_hold &&
	       (!(how & PLAY_TO_PEER) || how & PLAY_MIXED);
}

/* What the peer hears. @return NULL: silence */
static const int16_t *mix_for(struct engine *engine, struct stream *stream, const int16_t *mic, const int16_t *file,
			      unsigned how, int16_t *pcm)
{
	bool plays = how & PLAY_TO_PEER, others = stream->in_room && in_room(stream) && engine->room.sources > 1;
	bool speaks = mic && hears_me(engine, stream, how);
	struct mixer mixer;

	if (!others && speaks + plays < 2 && !(stream->limiter.less > 0))
		return plays ? file : speaks ? mic : NULL;
	mixer_clear(&mixer);
	if (speaks)
		mixer_add(&mixer, mic);
	if (plays)
		mixer_add(&mixer, file);
	if (others)
		mixer_add_others(&mixer, &engine->room, stream->heard_now);
	mixer_take(&mixer, &stream->limiter, pcm);
	return pcm;
}

/* @return whether the peer hears the microphone */
static bool speak(struct engine *engine, struct stream *stream, const struct stream_turn *turn, const int16_t *mic)
{
	int16_t pcm[MIXER_FRAMES], file[MIXER_FRAMES];
	unsigned how = read_file(engine, stream, file);
	const int16_t *said = mix_for(engine, stream, mic, file, how, pcm);

	if (how & PLAY_TO_ME)
		mixer_add(&engine->mixer, file);
	stream_say(stream, turn, said);
	record(engine, stream, stream->config.sends ? said : NULL);
	return stream->config.sends && hears_me(engine, stream, how);
}

void engine_amplify(struct engine *engine, int16_t *mic)
{
	struct mixer mixer;

	if (engine->levels.microphone == 1 && !(engine->mic_limiter.less > 0))
		return;
	mixer_clear(&mixer);
	mixer_add_scaled(&mixer, mic, engine->levels.microphone);
	mixer_take(&mixer, &engine->mic_limiter, mic);
}

void engine_mix_heard(struct engine *engine, const struct stream_turn *turn)
{
	int16_t file[MIXER_FRAMES];

	mixer_clear(&engine->room);
	LIST_EACH(&engine->active, node) {
		struct stream *stream = LIST_ENTRY(node, struct stream, node);
		stream_hear(stream, turn);
		stream->in_room = in_room(stream);
		if (stream->in_room)
			mixer_add(&engine->room, stream->heard_now);
		if (takes_part(engine, stream) && !stream->config.loop_back)
			mixer_add(&engine->mixer, stream->heard_now);
	}
	if (read_file(engine, NULL, file))
		mixer_add(&engine->mixer, file);
}

void engine_mix_said(struct engine *engine, const struct stream_turn *turn, const int16_t *mic)
{
	bool heard = false;

	LIST_EACH(&engine->active, node)
		heard |= speak(engine, LIST_ENTRY(node, struct stream, node), turn, mic);
	/* Whom nobody hears does not hear himself either: that is how a muted microphone is told from an open one. */
	if (engine->levels.side_tone > 0 && heard)
		mixer_add_scaled(&engine->mixer, mic, engine->levels.side_tone);
}

void engine_mix_take(struct engine *engine, int16_t *heard)
{
	mixer_scale(&engine->mixer, engine->levels.output);
	mixer_take(&engine->mixer, &engine->limiter, heard);
	mixer_clear(&engine->mixer);
}

struct stream *engine_mix_only(struct engine *engine)
{
	struct stream *only = NULL;

	LIST_EACH(&engine->active, node) {
		struct stream *stream = LIST_ENTRY(node, struct stream, node);
		if (!stream->config.receives)
			continue;
		if (only)
			return NULL;
		only = stream;
	}
	return only;
}
