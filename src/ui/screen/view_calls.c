#include "ui/screen/screen.h"
#include "ui/text.h"

#include <math.h>
#include <stdio.h>

static bool has_figures(const struct call_view *call)
{
	return call->has_media && *call->codec;
}

int view_calls_rows(const struct screen *screen)
{
	int rows = 1;

	for (size_t i = 0; i < screen->call_count && i < CALLS_SHOWN; i++)
		rows += has_figures(&screen->calls[i]) ? 2 : 1;
	return screen->call_count ? rows : 2;
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

/* What stands at the right: how long, or what is going on. */
static void state_text(const struct call_view *call, char *text, size_t room)
{
	unsigned s = call->duration_s > 0 ? (unsigned)call->duration_s : 0;
	char clock[24];

	if (s >= 3600)
		snprintf(clock, sizeof clock, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(clock, sizeof clock, "%02u:%02u", s / 60, s % 60);
	switch (call->state) {
	case CALL_ANSWERED:
		snprintf(text, room, "%s%s%s", call->muted ? "muted  " : "", call->held_by_peer ? "held by peer  " : "",
			 clock);
		break;
	case CALL_HELD:
		snprintf(text, room, "on hold  %s", clock);
		break;
	case CALL_INCOMING:
		snprintf(text, room, "answer: F2");
		break;
	default:
		snprintf(text, room, "%s", call_state_name(call->state));
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

static void draw_call(const struct area *area, int row, const struct call_view *call)
{
	bool utf8 = draw_is_utf8();
	struct buf who;
	char right[80];

	buf_init(&who, 4096);
	buf_printf(&who, "%s%u %s ", call->selected ? theme_glyph(GLYPH_SELECTED, utf8) : " ", call->number,
		   theme_glyph(state_glyph(call), utf8));
	if (call->name && *call->name)
		buf_printf(&who, "%s <%s>", call->name, call->uri);
	else
		buf_printf(&who, "%s", call->is_echo ? "echo" : call->uri);
	if (call->state == CALL_INCOMING)
		buf_printf(&who, " is calling %s", theme_glyph(GLYPH_BELL, utf8));
	state_text(call, right, sizeof right);
	int right_cols = (int)text_cols(slice_of(right)), left_cols = area->cols - right_cols - 2;
	if (left_cols > 0)
		draw_text(area, row, 0, left_cols, call_style(call), buf_slice(&who));
	draw_text(area, row, area->cols - right_cols - 1 > 0 ? area->cols - right_cols - 1 : 0, 0, call_style(call),
		  slice_of(right));
	buf_fini(&who);
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
	if ((int)(to->n + strlen(text)) + 2 <= cols)
		buf_printf(to, "  %s", text);
}

static void draw_figures(const struct area *area, int row, const struct call_view *call)
{
	struct buf line;

	buf_init(&line, 1024);
	buf_printf(&line, "      %s", call->codec);
	add_figure(&line, area->cols, "loss %.1f%%", call->loss * 100);
	add_figure(&line, area->cols, "jitter %.0fms", call->jitter_ms);
	if (call->mos > 0)
		add_figure(&line, area->cols, "mos %.1f", call->mos);
	if (call->rtt_ms > 0)
		add_figure(&line, area->cols, "rtt %.0fms", call->rtt_ms);
	add_figure(&line, area->cols, "buf %.0fms", call->buffer_ms);
	draw_text(area, row, 0, 0, call->loss > 0.05 ? STYLE_BAD : STYLE_DIM, buf_slice(&line));
	buf_fini(&line);
}

void view_calls(struct screen *screen, const struct area *area)
{
	struct area body = { area->y + 1, area->x, area->rows - 1, area->cols };
	size_t shown = screen->call_count < CALLS_SHOWN ? screen->call_count : CALLS_SHOWN,
	       *scroll = &screen->scroll[VIEW_CALLS];
	int row = 0;
	char title[64] = "Calls";

	screen->page[VIEW_CALLS] = 1;
	if (screen->call_count > 1)
		snprintf(title, sizeof title, "Calls: %zu", screen->call_count);
	draw_title(area, title, screen->view_focus && screen->view == VIEW_CALLS);
	if (*scroll >= shown)
		*scroll = shown ? shown - 1 : 0;
	for (size_t i = *scroll; i < shown && row < body.rows; i++) {
		const struct call_view *call = &screen->calls[i];
		draw_call(&body, row++, call);
		if (has_figures(call))
			draw_figures(&body, row++, call);
	}
	if (!shown)
		draw_text(&body, 0, 1, 0, STYLE_DIM, SLICE("no calls"));
}
