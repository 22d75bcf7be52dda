/* INFO in calls (RFC 6086): what comes, what is sent, and digits of the keypad in either of their two bodies. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
	DIGIT_MS = 160,
	DIGITS_MAX = 256, /* that wait to be sent */
	BODY_TOLD = 4096, /* bytes of a body that an event tells */
};

/* ---- digits that come ---- */

/* "5", "*", and as some write them "10" for the star and "11" for the hash. */
static char digit_of(struct slice word)
{
	static const char by_number[] = "0123456789*#ABCD";
	uint32_t number;

	if (word.n == 1 && strchr("0123456789*#ABCDabcd", word.p[0]))
		return (char)toupper((unsigned char)word.p[0]);
	return word.n == 2 && slice_to_u32(word, &number) && number < sizeof by_number - 1 ? by_number[number] : '\0';
}

/* The value of "Signal=5". */
static struct slice signal_of(struct slice body)
{
	while (body.n) {
		struct slice value = slice_cut(&body, '\n'), name = slice_trim(slice_cut(&value, '='));
		if (value.p && slice_ieq(name, SLICE("Signal")))
			return slice_trim(value);
	}
	return (struct slice){ 0 };
}

char info_digit(const struct sip_message *info)
{
	if (sip_message_has_body(info, "application", "dtmf-relay"))
		return digit_of(signal_of(sip_message_body(info, "application", "dtmf-relay")));
	if (!sip_message_has_body(info, "application", "dtmf"))
		return '\0';
	struct slice word = slice_trim(sip_message_body(info, "application", "dtmf"));
	return digit_of(slice_find(word, '=') < word.n ? signal_of(word) : word);
}

/* ---- what comes ---- */

static void tell_info(struct call *call, const struct sip_message *info)
{
	struct event *event = events_add(call->phone->events, EVENT_INFO, call->number);

	event_text(event, "id", slice_of(call->id));
	event_text(event, "from", slice_of(call->uri));
	event_text(event, "type", sip_message_value(info, SIP_HEADER_CONTENT_TYPE));
	event_lines(event, "body", slice_sub(info->body, 0, BODY_TOLD));
}

unsigned call_take_info(struct call *call, const struct sip_message *info)
{
	struct slice encoding = sip_message_value(info, SIP_HEADER_CONTENT_ENCODING);
	char digit = info_digit(info);

	/* We have asked for no package (RFC 6086 4.2.2). */
	if (sip_message_header(info, SIP_HEADER_INFO_PACKAGE, 0))
		return 469;
	if (encoding.n && !slice_ieq(encoding, SLICE("identity")))
		return 415;
	if (digit) {
		call_tell_digit(call, digit, "info");
		return 200;
	}
	tell_info(call, info);
	return 200;
}

/* ---- digits that are sent, one after the other ---- */

struct info_digits {
	struct call *call;
	char *text;
	size_t at;
	bool plain; /* application/dtmf: the peer refused application/dtmf-relay */
	bool under_way;
	struct timer pause;
};

static void send_next(struct info_digits *digits);

static void pause_over(void *arg)
{
	struct info_digits *digits = arg;

	digits->at++;
	send_next(digits);
}

static void give_up(struct info_digits *digits, unsigned status)
{
	struct call *call = digits->call;

	log_line(call->phone->log, LOG_WARNING, "call %u: the peer refuses digits by INFO (%u); %zu were not sent",
		 call->number, status, strlen(digits->text + digits->at));
	phone_note_failure(call->phone, "call %u: INFO: %u", call->number, status);
	digits->text[0] = '\0';
	digits->at = 0;
}

static void on_digit(void *arg, struct request *request, const struct outcome *outcome, bool final)
{
	struct info_digits *digits = arg;

	(void)request;
	if (!final)
		return;
	digits->under_way = false;
	if (outcome->status == 415 && !digits->plain && outcome->response &&
	    sip_message_accepts(outcome->response, "application", "dtmf")) {
		digits->plain = true;
	} else if (outcome->status >= 300) {
		give_up(digits, outcome->status);
		return;
	} else {
		digits->at++;
	}
	send_next(digits);
}

static void send_digit(struct info_digits *digits, char digit)
{
	struct call *call = digits->call;
	char body[64];

	if (digits->plain)
		snprintf(body, sizeof body, "%c", digit);
	else
		snprintf(body, sizeof body, "Signal=%c\r\nDuration=%d\r\n", digit, DIGIT_MS);
	enum err err = session_request(call->session, SLICE("INFO"),
				       digits->plain ? SLICE("application/dtmf") : SLICE("application/dtmf-relay"),
				       slice_of(body), NULL, 0, on_digit, digits);
	digits->under_way = !err;
	if (err)
		give_up(digits, 0);
}

static void send_next(struct info_digits *digits)
{
	struct call *call = digits->call;
	char digit = digits->text[digits->at];

	if (digits->under_way || timer_running(&digits->pause) || !call->session)
		return;
	if (!digit) {
		digits->text[0] = '\0';
		digits->at = 0;
	} else if (digit == ',') {
		timer_start(call->phone->timers, &digits->pause,
			    settings_number(call_settings(call, "dtmf.pause"), "dtmf.pause"), pause_over, digits);
	} else {
		send_digit(digits, digit);
	}
}

bool info_digits_wait(const struct info_digits *digits)
{
	return digits && digits->text[digits->at];
}

void info_digits_free(struct info_digits *digits)
{
	if (!digits)
		return;
	timer_stop(digits->call->phone->timers, &digits->pause);
	free(digits->text);
	free(digits);
}

bool call_send_info_digits(struct call *call, struct slice text, struct failure *failure)
{
	struct info_digits *digits = call->info_digits;

	if (!call->session || !session_dialog(call->session))
		return fail(failure, STATUS_CALL, "not-answered", "call %u is not answered yet", call->number);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != ',' && !digit_of(slice_sub(text, i, 1)))
			return fail(failure, STATUS_USAGE, "syntax",
				    "'%.*s': digits are 0-9, *, #, A-D, and a comma for a pause", SLICE_ARG(text));
	if (!digits) {
		digits = call->info_digits = xcalloc(1, sizeof *digits);
		digits->call = call;
		digits->text = xstrdup("");
	}
	const char *left = digits->text + digits->at;
	if (strlen(left) + text.n > DIGITS_MAX)
		return fail(failure, STATUS_CALL, "full", "call %u: too many digits wait to be sent", call->number);
	char *joined = xasprintf("%s%.*s", left, SLICE_ARG(text));
	for (char *c = joined; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	free(digits->text);
	digits->text = joined;
	digits->at = 0;
	send_next(digits);
	return true;
}

/* ---- `info` ---- */

bool phone_info(struct phone *phone, unsigned *number, struct slice type, struct slice body,
		const char *const *headers, unsigned *request, struct failure *failure)
{
	struct call *call;

	return call_meant(phone, number, &call, failure) &&
	       call_request(call, SLICE("INFO"),
			    &(struct request_words){ .headers = headers, .type = type, .body = body }, request,
			    failure);
}
