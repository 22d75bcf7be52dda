/* Streams in which nothing happens take no part in ticks: beside thousands of held calls another costs the same. */
#include "media/engine_internal.h"

/* More than all that is averaged over: what was silent so long has forgotten what came before. */
enum { QUIET_TICKS = 100, REPORT_TICKS = 3 };

void engine_rest_init(struct engine *engine)
{
	timers_init(&engine->rests, 0);
	list_init(&engine->resting);
}

void engine_rest_fini(struct engine *engine)
{
	timers_fini(&engine->rests);
}

void engine_rouse(struct engine *engine, struct stream *stream)
{
	int64_t missed_us = engine->now_us - stream->rested_us - 1;

	stream->quiet_ticks = 0;
	if (!stream->resting)
		return;
	stream->resting = false;
	timer_stop(&engine->rests, &stream->rest);
	list_remove(&stream->node);
	list_append(&engine->active, &stream->node);
	stream_skip(stream, missed_us > 0 ? (uint32_t)(missed_us / ENGINE_TICK_US) : 0);
}

/* A report may be due: some ticks, with both their halves, and to rest again. */
static void report(void *arg)
{
	struct stream *stream = arg;

	engine_rouse(stream->engine, stream);
	stream->quiet_ticks = QUIET_TICKS - REPORT_TICKS;
}

static bool is_quiet(const struct engine *engine, const struct stream *stream)
{
	return stream != engine->selected && !stream->joined && !stream->playing && !stream->recording &&
	       stream_is_quiet(stream);
}

void engine_rest(struct engine *engine, struct stream *stream)
{
	stream->quiet_ticks = is_quiet(engine, stream) ? stream->quiet_ticks + 1 : 0;
	if (stream->quiet_ticks < QUIET_TICKS)
		return;
	stream->resting = true;
	stream->rested_us = engine->now_us;
	stream->engine = engine;
	list_remove(&stream->node);
	list_append(&engine->resting, &stream->node);
	timer_start(&engine->rests, &stream->rest, stream->schedule.next_us - engine->now_us, report, stream);
}

void engine_rest_tick(struct engine *engine)
{
	timers_run(&engine->rests, engine->now_us > engine->rests.now_us ? engine->now_us : engine->rests.now_us);
}
