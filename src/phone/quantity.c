/* What `expect`, `get` and $name can ask, and the views of calls that screens read. */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- views ---- */

unsigned phone_selected(const struct phone *phone)
{
	return phone->selected;
}

unsigned phone_find_call(const struct phone *phone, struct slice word)
{
	uint32_t number;
	struct map_node *node;

	if (slice_to_u32(word, &number))
		return call_find(phone, number) ? number : 0;
	node = word.n ? map_find(&phone->by_id, word) : NULL;
	return node ? CONTAINER_OF(node, struct call, by_id)->number : 0;
}

bool phone_call_ended(const struct phone *phone, unsigned number)
{
	const struct call *call = call_find(phone, number);

	/* One that is forgotten has ended too, if it ever was. */
	return call ? call->ended : number && number <= phone->last_call;
}

static double seconds_up(const struct call *call)
{
	int64_t until = call->ended ? call->ended_us : call->phone->timers->now_us;

	return call->answered_us ? (double)(until - call->answered_us) / 1e6 : 0;
}

static const char *codec_of(const struct call *call)
{
	return media_codec_in_use(&call->media);
}

static const char *encryption_word(const struct call *call)
{
	const char *suite = media_encryption_in_use(&call->media);

	return *suite ? suite : "none";
}

static void view_of(const struct call *call, struct call_view *view)
{
	struct stream_stats stats;

	*view = (struct call_view){
		.number = call->number,
		.id = call->id,
		.sip_call_id = call->call_id,
		.state = call->state,
		.incoming = call->incoming,
		.selected = call->phone->selected == call->number,
		.muted = call->muted || call->phone->muted_all,
		.held_by_us = call->held_by_us,
		.to_be_held = call_is_up(call) && call_will_be_held(call),
		.cancels_later = call->session && session_cancels_later(call->session),
		.held_by_peer = call->held_by_peer,
		.is_echo = call->is_echo,
		.name = call->name,
		.uri = call->is_echo ? "echo" : call->uri,
		.account = call->account_name,
		.code = call->code,
		.reason = call->reason,
		.cause = call->cause ? call->cause : "",
		.started_us = call->started_us,
		.answered_us = call->answered_us,
		.ended_us = call->ended_us,
		.duration_s = seconds_up(call),
		.codec = codec_of(call),
		.encryption = media_encryption_in_use(&call->media),
		.recording = call_recording(call),
		.plays = call_plays(call),
		.in_conference = call->in_conference,
		.joins = call->joins,
		.rtt_ms = -1,
		.heard_db = -127,
		.mic_db = -127,
	};
	if (!media_stats(&call->media, &stats))
		return;
	view->has_media = call->media.heard;
	view->loss = stats.loss;
	view->jitter_ms = stats.jitter_ms;
	view->rtt_ms = stats.rtt_ms;
	view->mos = stats.mos;
	view->buffer_ms = stats.buffer_ms;
	view->heard_db = stats.heard_level_db;
	view->mic_db = stats.mic_level_db;
	view->refused = stats.forged_packets + stats.replayed_packets;
}

size_t phone_calls(const struct phone *phone, struct call_view *views, size_t max)
{
	size_t count = 0;

	LIST_EACH(&phone->calls, node) {
		if (count < max)
			view_of(LIST_ENTRY(node, struct call, node), &views[count]);
		count++;
	}
	return count;
}

bool phone_view_call(const struct phone *phone, unsigned number, struct call_view *view)
{
	const struct call *call = call_find(phone, number);

	if (call)
		view_of(call, view);
	return call != NULL;
}

/* ---- values ---- */

bool quantity_parse(struct slice text, double *number)
{
	static const struct {
		const char *unit;
		double factor;
	} units[] = { { "", 1 },      { "%", 0.01 },  { "dB", 1 },   { "Hz", 1 },      { "kHz", 1000 },
		      { "us", 1e-6 }, { "ms", 1e-3 }, { "s", 1 },    { "m", 60 },      { "h", 3600 },
		      { "d", 86400 }, { "k", 1024 },  { "K", 1024 }, { "M", 1048576 }, { "G", 1073741824 } };
	char copy[64], *end;

	text = slice_trim(text);
	if (!text.n || text.n >= sizeof copy)
		return false;
	/* Only what a person writes: strtod would take "inf", "nan" and "0x10" too. */
	if (!strchr("0123456789.+-", text.p[0]) || slice_find(text, 'x') < text.n)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	*number = strtod(copy, &end);
	if (end == copy || !isfinite(*number))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (!strcmp(end, units[i].unit)) {
			*number *= units[i].factor;
			return true;
		}
	return false;
}

/* One answer being written. */
struct answer {
	struct buf *text;
	double *number;
	bool *is_number;
};

static void say_number(struct answer *answer, double number, const char *format, double shown)
{
	*answer->number = number;
	*answer->is_number = true;
	char text[64];
	/* The formats are the literals below: one %f or %.0f each. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof text, format, shown);
#pragma GCC diagnostic pop
	buf_add(answer->text, slice_of(text));
}

static void say_text(struct answer *answer, const char *text)
{
	buf_add(answer->text, slice_of(text));
}

static const char *const names[] = {
	"call.state",   "call.direction",  "call.code",      "call.codec",     "call.duration",
	"call.remote",  "call.encryption", "sent.",          "received.",      "media.loss",
	"media.jitter", "media.rtt",       "media.mos",      "media.sent",     "media.received",
	"media.buffer", "media.forged",    "media.replayed", "media.stray", "media.late",     "media.repaired",
	"media.keep-alives",
	"media.burst",  "media.peer-loss", "media.peer-mos", "call.recording", "heard.level",
	"mic.level",    "tone.hz",         "account.state",  "calls.count",    "calls.missed",
	NULL,
};

const char *const *phone_quantity_names(void)
{
	return names;
}

static bool call_quantity(const struct call *call, struct slice name, struct answer *answer)
{
	if (slice_eq(name, SLICE("state")))
		say_text(answer, call ? call_state_name(call->state) : "");
	else if (slice_eq(name, SLICE("direction")))
		say_text(answer, !call ? "" : call->incoming ? "in" : "out");
	else if (slice_eq(name, SLICE("codec")))
		say_text(answer, call ? codec_of(call) : "");
	else if (slice_eq(name, SLICE("remote")))
		say_text(answer, !call ? "" : call->is_echo ? "echo" : call->uri);
	else if (slice_eq(name, SLICE("encryption")))
		say_text(answer, call ? encryption_word(call) : "");
	else if (slice_eq(name, SLICE("recording")))
		say_text(answer, !call ? "" : *call_recording(call) ? call_recording(call) : "off");
	else if (slice_eq(name, SLICE("code"))) {
		if (call && call->code)
			say_number(answer, call->code, "%.0f", call->code);
	} else if (slice_eq(name, SLICE("duration"))) {
		if (call)
			say_number(answer, seconds_up(call), "%.3fs", seconds_up(call));
	} else {
		return false;
	}
	return true;
}

static bool media_quantity(const struct stream_stats *stats, bool has, struct slice name, struct answer *answer)
{
	double received = has ? (double)stats->received_packets : 0, sent = has ? (double)stats->sent_packets : 0;

	if (slice_eq(name, SLICE("loss"))) {
		if (has)
			say_number(answer, stats->loss, "%.2f%%", stats->loss * 100);
	} else if (slice_eq(name, SLICE("jitter"))) {
		if (has)
			say_number(answer, stats->jitter_ms / 1000, "%.1fms", stats->jitter_ms);
	} else if (slice_eq(name, SLICE("rtt"))) {
		if (has && stats->rtt_ms >= 0)
			say_number(answer, stats->rtt_ms / 1000, "%.1fms", stats->rtt_ms);
	} else if (slice_eq(name, SLICE("buffer"))) {
		if (has)
			say_number(answer, stats->buffer_ms / 1000, "%.0fms", stats->buffer_ms);
	} else if (slice_eq(name, SLICE("mos"))) {
		if (has && stats->mos > 0)
			say_number(answer, stats->mos, "%.2f", stats->mos);
	} else if (slice_eq(name, SLICE("peer-loss"))) {
		if (has)
			say_number(answer, stats->peer_loss, "%.2f%%", stats->peer_loss * 100);
	} else if (slice_eq(name, SLICE("peer-mos"))) {
		if (has && stats->peer_mos > 0)
			say_number(answer, stats->peer_mos, "%.2f", stats->peer_mos);
	} else if (slice_eq(name, SLICE("burst"))) {
		if (has)
			say_number(answer, stats->burst_ms / 1000, "%.0fms", stats->burst_ms);
	} else if (slice_eq(name, SLICE("repaired"))) {
		say_number(answer, has ? (double)stats->repaired_packets : 0, "%.0f",
			   has ? (double)stats->repaired_packets : 0);
	} else if (slice_eq(name, SLICE("late"))) {
		say_number(answer, has ? (double)stats->late_packets : 0, "%.0f",
			   has ? (double)stats->late_packets : 0);
	} else if (slice_eq(name, SLICE("sent"))) {
		say_number(answer, sent, "%.0f", sent);
	} else if (slice_eq(name, SLICE("received"))) {
		say_number(answer, received, "%.0f", received);
	} else if (slice_eq(name, SLICE("forged"))) {
		say_number(answer, (double)stats->forged_packets, "%.0f", (double)stats->forged_packets);
	} else if (slice_eq(name, SLICE("replayed"))) {
		say_number(answer, (double)stats->replayed_packets, "%.0f", (double)stats->replayed_packets);
	} else if (slice_eq(name, SLICE("keep-alives"))) {
		say_number(answer, (double)stats->keep_alive_packets, "%.0f", (double)stats->keep_alive_packets);
	} else if (slice_eq(name, SLICE("stray"))) {
		say_number(answer, (double)stats->stray_packets, "%.0f", (double)stats->stray_packets);
	} else {
		return false;
	}
	return true;
}

/* sent.Via, received.Contact: every line of this name in the call's last message, ", " between. */
static void header_quantity(struct call *call, bool sent, struct slice name, struct answer *answer)
{
	const struct sip_message *message;
	const struct sip_header *header;

	if (!call)
		return;
	if (call->session)
		message = sent ? session_last_sent(call->session) : session_last_received(call->session);
	else
		message = sip_kept_message(sent ? &call->last_sent : &call->last_received);
	for (size_t i = 0; message && (header = sip_message_header_named(message, name, i)) != NULL; i++) {
		if (i)
			buf_printf(answer->text, ", ");
		utf8_clean(answer->text, header->value, false);
	}
}

static bool setting_quantity(const struct phone *phone, struct slice name, struct answer *answer)
{
	const struct setting_row *row = setting_find(name);

	if (!row)
		return false;
	say_text(answer, settings_text(phone->settings, row->name));
	if (row->type != SETTING_TEXT && row->type != SETTING_CHOICE) {
		double unit = row->type == SETTING_DURATION ? 1e6 : row->type == SETTING_LEVEL ? LEVEL_DB : 1;
		*answer->is_number = true;
		*answer->number = (double)settings_number(phone->settings, row->name) / unit;
	}
	return true;
}

static void account_quantity(const struct phone *phone, const struct call *call, struct answer *answer)
{
	const struct account *account =
		call && *call->account_name ? account_find(phone, slice_of(call->account_name)) : NULL;

	if (!account)
		account = phone->default_account;
	say_text(answer, account ? account_state_now(account) : "");
}

bool phone_quantity(const struct phone *phone, unsigned number, struct slice name, struct buf *text, double *value,
		    bool *is_number)
{
	struct answer answer = { text, value, is_number };
	struct call *call = call_find(phone, number            ? number
					     : phone->selected ? phone->selected
							       : phone->latest_ended);
	struct stream_stats stats = { 0 };
	bool about_sound = slice_begins(name, SLICE("media.")) || slice_ends(name, SLICE(".level")) ||
			   slice_eq(name, SLICE("tone.hz"));
	bool has = about_sound && call && media_stats(&call->media, &stats);

	*is_number = false;
	*value = 0;
	if (slice_begins(name, SLICE("call.")) && call_quantity(call, slice_from(name, 5), &answer))
		return true;
	if (slice_begins(name, SLICE("media.")) && media_quantity(&stats, has, slice_from(name, 6), &answer))
		return true;
	if (slice_begins(name, SLICE("sent.")) || slice_begins(name, SLICE("received."))) {
		bool sent = name.p[0] == 's';
		header_quantity(call, sent, slice_from(name, sent ? 5 : 9), &answer);
		return name.n > (sent ? 5u : 9u);
	}
	if (slice_eq(name, SLICE("heard.level")) || slice_eq(name, SLICE("mic.level"))) {
		double level = name.p[0] == 'h' ? stats.heard_level_db : stats.mic_level_db;
		if (has)
			say_number(&answer, level, "%.1fdB", level);
		return true;
	}
	if (slice_eq(name, SLICE("tone.hz"))) {
		if (has)
			say_number(&answer, stats.tone_hz, "%.0f", stats.tone_hz);
		return true;
	}
	if (slice_eq(name, SLICE("calls.count"))) {
		say_number(&answer, (double)phone->call_count, "%.0f", (double)phone->call_count);
		return true;
	}
	if (slice_eq(name, SLICE("calls.missed"))) {
		double missed = (double)history_missed(phone->history);
		say_number(&answer, missed, "%.0f", missed);
		return true;
	}
	if (slice_eq(name, SLICE("account.state"))) {
		account_quantity(phone, call, &answer);
		return true;
	}
	return setting_quantity(phone, name, &answer);
}
