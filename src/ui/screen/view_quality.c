/* The sound of a call as curves: a column of blocks for each part of its time. */
#include "ui/screen/screen.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

enum { GRAPH_ROWS_MAX = 6, LABEL_COLS = 11 };

static const struct curve {
	const char *name, *format;
	size_t at;
	double low, high, factor; /* of the scale; high 0: as high as the highest, at least `least` */
	double least;
	bool low_is_bad;
	double bad; /* beyond it the curve is in the colour of trouble */
} curves[] = {
	{ "loss", "%.1f%%", offsetof(struct quality_sample, loss), 0, 0, 100, 5, false, 5 },
	{ "jitter", "%.0fms", offsetof(struct quality_sample, jitter_ms), 0, 0, 1, 20, false, 60 },
	{ "buffer", "%.0fms", offsetof(struct quality_sample, buffer_ms), 0, 0, 1, 100, false, 400 },
	{ "round trip", "%.0fms", offsetof(struct quality_sample, rtt_ms), 0, 0, 1, 50, false, 400 },
	{ "heard", "%.0fdB", offsetof(struct quality_sample, heard_db), -60, 0, 1, 0, true, -200 },
	{ "microphone", "%.0fdB", offsetof(struct quality_sample, mic_db), -60, 0, 1, 0, true, -200 },
	{ "mos", "%.2f", offsetof(struct quality_sample, mos), 1, 4.5, 1, 0, true, 3 },
};

static double value_of(const struct curve *curve, const struct quality_sample *sample)
{
	return (double)*(const float *)(const void *)((const char *)sample + curve->at) * curve->factor;
}

/* The worst of the samples that fall into a column. */
static double column_value(const struct curve *curve, const struct quality_sample *samples, size_t count, size_t col,
			   size_t cols)
{
	size_t from = count <= cols ? col : col * count / cols, to = count <= cols ? col + 1 : (col + 1) * count / cols;
	double worst = (double)NAN;

	for (size_t i = from; i < to && i < count; i++) {
		double value = value_of(curve, &samples[i]);
		if (isnan(worst) || (!isnan(value) && (curve->low_is_bad ? value < worst : value > worst)))
			worst = value;
	}
	return worst;
}

static void figure(char *text, size_t room, const struct curve *curve, double value)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (isnan(value))
		snprintf(text, room, "?");
	else
		snprintf(text, room, curve->format, value);
#pragma GCC diagnostic pop
}

static void add_curve(struct pane *pane, const struct curve *curve, const struct quality_sample *samples, size_t count,
		      size_t cols, int rows)
{
	double high = curve->high != 0 || curve->low < 0 ? curve->high : curve->least, low = curve->low,
	       peak = (double)NAN;
	char now[32], most[32];

	for (size_t i = 0; i < count; i++) {
		double value = value_of(curve, &samples[i]);
		if (isnan(peak) || (!isnan(value) && (curve->low_is_bad && low >= 0 ? value < peak : value > peak)))
			peak = value;
		if (curve->high == 0 && curve->low >= 0 && value > high)
			high = value;
	}
	double last = count ? value_of(curve, &samples[count - 1]) : (double)NAN;
	bool bad = curve->low_is_bad ? last < curve->bad : last > curve->bad;
	figure(now, sizeof now, curve, last);
	figure(most, sizeof most, curve, peak);
	for (int row = rows - 1; row >= 0; row--) {
		struct buf line;
		buf_init(&line, 4096);
		if (row == rows - 1)
			buf_printf(&line, " %-*s", LABEL_COLS, curve->name);
		else if (row == rows - 2)
			buf_printf(&line, " %*s ", LABEL_COLS - 1, now);
		else if (row == rows - 3)
			buf_printf(&line, " %-4s%*s ", curve->low_is_bad && low >= 0 ? "min" : "max", LABEL_COLS - 5,
				   most);
		else
			buf_printf(&line, " %*s", LABEL_COLS, "");
		if (rows == 1)
			buf_printf(&line, "%*s ", 7, now);
		size_t lead = line.n;
		for (size_t col = 0; col < cols && col < count; col++) {
			double value = column_value(curve, samples, count, col, cols);
			buf_printf(&line, "%s",
				   isnan(value) ? " "
						: theme_bar((value - low) / (high - low), row, rows, draw_is_utf8()));
		}
		struct pane_row *added = pane_add(pane, bad ? STYLE_BAD : STYLE_MEDIA, 0, buf_slice(&line));
		added->lead = lead;
		added->lead_style = bad ? STYLE_BAD : STYLE_PLAIN;
		buf_fini(&line);
	}
}

void view_quality_build(struct screen *screen, struct pane *pane, int cols, int rows)
{
	struct quality_sample samples[QUALITY_SAMPLES];
	unsigned interval_s, call = screen->quality_call ? screen->quality_call : phone_selected(screen->config.phone);
	int each = (rows - 1) / (int)ARRAY_LEN(curves);

	if (!call)
		call = screen->latest_call;
	size_t count = call ? phone_quality(screen->config.phone, call, samples, &interval_s) : 0;
	screen->quality_shown = call;
	if (!count) {
		pane_hint(pane, (size_t)cols, call ? "nothing was heard in this call yet" : "no call yet");
		return;
	}
	each = each < 1 ? 1 : each > GRAPH_ROWS_MAX ? GRAPH_ROWS_MAX : each;
	int lead = 1 + LABEL_COLS + (each == 1 ? 8 : 0);
	for (size_t i = 0; i < ARRAY_LEN(curves); i++)
		add_curve(pane, &curves[i], samples, count, cols > lead ? (size_t)(cols - lead) : 1, each);
	unsigned s = (unsigned)count * interval_s;
	pane_printf(pane, STYLE_DIM, 0, " %*s %02u:%02u of sound, oldest left", LABEL_COLS - 1, "", s / 60, s % 60);
}

void view_quality_title(const struct screen *screen, char *title, size_t room)
{
	if (screen->quality_shown)
		snprintf(title, room, "Quality: call %u", screen->quality_shown);
	else
		snprintf(title, room, "Quality");
}
