#include "ui/screen/screen.h"
#include "ui/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SPARKS = 8 };

static bool has_figures(const struct call_view *call)
{
	return call->has_media && *call->codec;
}

static enum glyph state_glyph(const struct call_view *call)
{
	switch (call->state) {
	case CALL_ANSWERED:
		return GLYPH_ACTIVE;
	case CALL_HELD:
		return GLYPH_HELD;
	case CALL_ENDED:
	case CALL_FAILED:
		return GLYPH_ENDED;
	default:
		return GLYPH_RINGING;
	}
}

const char *call_glyph(const struct call_view *call)
{
	return theme_glyph(state_glyph(call), draw_is_utf8());
}

void call_clock(const struct call_view *call, struct buf *to)
{
	unsigned s = call->duration_s > 0 ? (unsigned)call->duration_s : 0;

	if (s >= 3600)
		buf_printf(to, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
	else
		buf_printf(to, "%02u:%02u", s / 60, s % 60);
}

/* What stands at the right: what is done in it, how long, or what is going on. */
static void state_text(const struct screen *screen, const struct call_view *call, struct buf *text)
{
	if (*call->recording)
		buf_printf(text, "%s  ", !strcmp(call->recording, "on") ? "recording" : "recording paused");
	buf_printf(text, "%s%s", call->plays ? "file  " : "", call->in_conference ? "conference  " : "");
	switch (call->state) {
	case CALL_ANSWERED:
		buf_printf(text, "%s%s", call->muted ? "muted  " : "", call->held_by_peer ? "held by peer  " : "");
		call_clock(call, text);
		break;
	case CALL_HELD:
		buf_printf(text, "%s  ", call->held_by_peer ? "held both ways" : "on hold");
		call_clock(call, text);
		break;
	case CALL_INCOMING:
		/* The key answers one call; the others say how they are answered. */
		if (call->number == screen->targets.ringing)
			buf_printf(text, "answer: F2");
		else
			buf_printf(text, "`answer %u`", call->number);
		break;
	default:
		buf_printf(text, "%s", call_state_name(call->state));
		break;
	}
}

static enum style call_style(const struct call_view *call)
{
	if (call->state == CALL_INCOMING)
		return STYLE_ALERT;
	if (call->state == CALL_FAILED)
		return STYLE_BAD;
	return call->selected ? STYLE_SELECTED : STYLE_PLAIN;
}

static void add_call(struct screen *screen, struct pane *pane, const struct call_view *call, int cols)
{
	bool utf8 = draw_is_utf8();
	struct buf who, row, right;

	buf_init(&right, 256);
	buf_init(&who, UI_LINE_BYTES);
	buf_init(&row, UI_LINE_BYTES);
	buf_printf(&who, "%s%u %s ", call->selected ? theme_glyph(GLYPH_SELECTED, utf8) : " ", call->number,
		   theme_glyph(state_glyph(call), utf8));
	if (call->name && *call->name)
		buf_printf(&who, "%s <%s>", call->name, call->uri);
	else
		buf_printf(&who, "%s", call->is_echo ? "echo" : call->uri);
	if (call->state == CALL_INCOMING)
		buf_printf(&who, " is calling %s", theme_glyph(GLYPH_BELL, utf8));
	state_text(screen, call, &right);
	int left_cols = cols - (int)text_cols(buf_slice(&right)) - 2;
	if (left_cols > 0)
		text_add_padded(&row, buf_slice(&who), (size_t)left_cols, utf8);
	buf_printf(&row, " %s", buf_text(&right));
	pane_add(pane, call_style(call), call->number, buf_slice(&row));
	buf_fini(&row);
	buf_fini(&who);
	buf_fini(&right);
}

/* Figures are shown whole or not at all. */
static void add_figure(struct buf *to, int cols, const char *format, double value)
{
	char text[40];

	if (!isfinite(value))
		return;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof text, format, value);
#pragma GCC diagnostic pop
	if ((int)text_cols(buf_slice(to)) + (int)strlen(text) + 2 <= cols)
		buf_printf(to, "  %s", text);
}

/* The last MOS as a line of blocks: 1 at the bottom, 4.5 at the top. */
static void add_spark(const struct screen *screen, struct buf *to, int cols, const struct call_view *call)
{
	struct quality_sample samples[QUALITY_SAMPLES];
	unsigned interval_s;
	size_t count = phone_quality(screen->config.phone, call->number, samples, &interval_s);

	if (!count || (int)text_cols(buf_slice(to)) + SPARKS + 1 > cols)
		return;
	buf_add_char(to, ' ');
	for (size_t i = count; i < SPARKS; i++)
		buf_add_char(to, ' ');
	for (size_t i = count > SPARKS ? count - SPARKS : 0; i < count; i++)
		buf_printf(to, "%s", isnan(samples[i].mos)
					     ? " "
					     : theme_bar((samples[i].mos - 1) / 3.5, 0, 1, draw_is_utf8()));
}

static void add_figures(const struct screen *screen, struct pane *pane, const struct call_view *call, int cols)
{
	struct buf line;

	buf_init(&line, 1024);
	buf_printf(&line, "      %s", call->codec);
	if (*call->encryption && strcmp(call->encryption, "none") != 0)
		buf_printf(&line, "  srtp");
	add_figure(&line, cols, "loss %.1f%%", call->loss * 100);
	add_figure(&line, cols, "jitter %.0fms", call->jitter_ms);
	if (call->mos > 0) {
		add_figure(&line, cols, "mos %.1f", call->mos);
		add_spark(screen, &line, cols, call);
	}
	if (call->rtt_ms > 0)
		add_figure(&line, cols, "rtt %.0fms", call->rtt_ms);
	add_figure(&line, cols, "buf %.0fms", call->buffer_ms);
	pane_add(pane, call->loss > 0.05 ? STYLE_BAD : STYLE_DIM, call->number, buf_slice(&line));
	buf_fini(&line);
}

uint64_t view_calls_show(const struct screen *screen)
{
	return screen->targets.ringing ? screen->targets.ringing : phone_selected(screen->config.phone);
}

/* Where not all have room, who is in the calls goes before how they sound; the selected call keeps its figures. */
void view_calls_build(struct screen *screen, struct pane *pane, int cols, int rows)
{
	size_t shown = screen->call_count < CALLS_SHOWN ? screen->call_count : CALLS_SHOWN, wanted = 0;

	pane->has_cursor = true;
	for (size_t i = 0; i < shown; i++)
		wanted += has_figures(&screen->calls[i]) ? 2 : 1;
	bool all = (int)wanted <= rows, room = (int)shown < rows;
	for (size_t i = 0; i < shown; i++) {
		const struct call_view *call = &screen->calls[i];
		add_call(screen, pane, call, cols);
		if (has_figures(call) && (all || (room && call->selected)))
			add_figures(screen, pane, call, cols);
	}
	if (!shown)
		pane_add(pane, STYLE_DIM, 0, SLICE(" no calls"));
}
