#include "sip/syntax/values.h"

#include "sip/syntax/address.h"
#include "sip/syntax/auth.h"
#include "sip/syntax/params.h"
#include "sip/syntax/scan.h"
#include "sip/syntax/via.h"

/* Words separated by blanks: the next one, with *s behind it and its blanks. */
static struct slice cut_word(struct slice *s)
{
	size_t n = 0;

	while (n < s->n && !scan_is_blank(s->p[n]))
		n++;
	struct slice word = slice_sub(*s, 0, n);
	*s = slice_trim(slice_from(*s, n));
	return word;
}

/* The token at the start, with *s behind it and its blanks. */
static struct slice cut_token(struct slice *s)
{
	size_t n = 0;

	while (n < s->n && scan_is(s->p[n], SCAN_TOKEN))
		n++;
	struct slice token = slice_sub(*s, 0, n);
	*s = slice_trim(slice_from(*s, n));
	return token;
}

bool sip_number_parse(struct slice value, uint32_t *number)
{
	return slice_to_u32(value, number);
}

bool sip_cseq_parse(struct slice value, struct sip_cseq *cseq)
{
	uint32_t number = 0;

	if (!value.n)
		return false;
	const char *p = value.p, *end = p + value.n, *stop = value.n > 9 ? p + 9 : end;
	/* Nearly always some digits, that fit in any case, one blank and a name. */
	for (; p < stop && scan_is_digit(*p); p++)
		number = number * 10 + (uint32_t)(*p - '0');
	if (p > value.p && end - p > 1 && *p == ' ' && p[1] > ' ' && end[-1] > ' ') {
		cseq->number = number;
		cseq->method_name = scan_slice(p + 1, end);
	} else {
		struct slice rest = value;
		if (!slice_to_u32(cut_word(&rest), &cseq->number))
			return false;
		cseq->method_name = rest;
	}
	cseq->method = sip_method_find(cseq->method_name);
	/* A method that we know is a token. */
	return cseq->method != SIP_METHOD_OTHER || scan_is_token(cseq->method_name);
}

bool sip_seconds_parse(struct slice value, uint32_t *seconds)
{
	if (!value.n)
		return false;
	for (size_t i = 0; i < value.n; i++)
		if (!scan_is_digit(value.p[i]))
			return false;
	if (!slice_to_u32(value, seconds))
		*seconds = UINT32_MAX;
	return true;
}

static bool seconds_param(struct slice params, struct slice name, uint32_t *seconds)
{
	struct slice text;

	return !sip_params_find(params, name, &text) || sip_seconds_parse(text, seconds);
}

bool sip_retry_after_parse(struct slice value, struct sip_retry_after *retry)
{
	struct slice rest = value;

	*retry = (struct sip_retry_after){ 0 };
	if (!sip_seconds_parse(cut_token(&rest), &retry->seconds))
		return false;
	if (rest.n && rest.p[0] == '(') {
		const char *behind = scan_comment(rest.p, rest.p + rest.n);
		if (!behind)
			return false;
		retry->comment = slice_make(rest.p + 1, (size_t)(behind - rest.p) - 2);
		rest = slice_trim(slice_from(rest, (size_t)(behind - rest.p)));
	}
	return sip_params_valid(rest, NULL) && seconds_param(rest, SLICE("duration"), &retry->duration);
}

bool sip_media_type_parse(struct slice value, struct sip_media_type *type)
{
	struct slice rest = value;

	type->type = cut_token(&rest);
	if (!type->type.n || !rest.n || rest.p[0] != '/')
		return false;
	rest = slice_trim(slice_from(rest, 1));
	type->subtype = cut_token(&rest);
	type->params = rest;
	return type->subtype.n && sip_params_valid(rest, NULL);
}

bool sip_media_type_is(const struct sip_media_type *type, const char *type_text, const char *subtype_text)
{
	return slice_ieq(type->type, slice_of(type_text)) && slice_ieq(type->subtype, slice_of(subtype_text));
}

/* Which of the `count` three-letter names is it? The case counts (25.1 SIP-date). @return -1 for none */
static int name_index(struct slice name, const char *names, int count)
{
	for (int i = 0; name.n == 3 && i < count; i++)
		if (memcmp(name.p, names + 3 * i, 3) == 0)
			return i;
	return -1;
}

/* Days since 1970-01-01 in the Gregorian calendar; years are counted from March, so that a leap day is the last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400, year_of_era = year % 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static bool two_digits(const char *p, uint32_t max, uint32_t *number)
{
	return slice_to_u32(slice_make(p, 2), number) && *number <= max;
}

bool sip_date_parse(struct slice value, int64_t *unix_seconds)
{
	static const uint8_t month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	uint32_t day, year, hour, minute, second;
	const char *p = value.p; /* "Sat, 13 Nov 2010 23:29:00 GMT" */

	if (value.n != 29 || memcmp(p + 3, ", ", 2) != 0 || p[7] != ' ' || p[11] != ' ' || p[16] != ' ' ||
	    p[19] != ':' || p[22] != ':' || memcmp(p + 25, " GMT", 4) != 0)
		return false;
	int weekday = name_index(slice_make(p, 3), "ThuFriSatSunMonTueWed", 7);
	int month = name_index(slice_make(p + 8, 3), "JanFebMarAprMayJunJulAugSepOctNovDec", 12);
	if (weekday < 0 || month < 0 || !two_digits(p + 5, month_days[month], &day) || day == 0 ||
	    !slice_to_u32(slice_make(p + 12, 4), &year) || !two_digits(p + 17, 23, &hour) ||
	    !two_digits(p + 20, 59, &minute) || !two_digits(p + 23, 60, &second))
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (month == 1 && day == 29 && !leap)
		return false;
	*unix_seconds = ((days_of(year, month + 1, day) * 24 + hour) * 60 + minute) * 60 + second;
	return true;
}

bool sip_warning_parse(struct slice value, struct sip_warning *warning)
{
	struct slice rest = value;
	struct slice code = cut_word(&rest);
	uint32_t number;

	if (code.n != 3 || !slice_to_u32(code, &number))
		return false;
	warning->code = number;
	warning->agent = cut_word(&rest);
	warning->text = rest;
	return warning->agent.n && rest.n && scan_quoted(rest.p, rest.p + rest.n) == rest.p + rest.n;
}

/* "54.21", ".5" or "54" */
static bool is_decimal(struct slice s)
{
	struct slice fraction = s, whole = slice_cut(&fraction, '.');

	for (size_t i = 0; i < whole.n; i++)
		if (!scan_is_digit(whole.p[i]))
			return false;
	for (size_t i = 0; i < fraction.n; i++)
		if (!scan_is_digit(fraction.p[i]))
			return false;
	return true;
}

bool sip_timestamp_parse(struct slice value, struct slice *sent, struct slice *delay)
{
	struct slice rest = value;

	*sent = cut_word(&rest);
	*delay = rest;
	return sent->n && scan_is_digit(sent->p[0]) && is_decimal(*sent) && is_decimal(rest);
}

bool sip_rack_parse(struct slice value, struct sip_rack *rack)
{
	struct slice rest = value;

	return slice_to_u32(cut_word(&rest), &rack->rseq) && sip_cseq_parse(rest, &rack->cseq);
}

bool sip_session_expires_parse(struct slice value, struct sip_session_expires *expires)
{
	struct slice rest = value;

	*expires = (struct sip_session_expires){ 0 };
	if (!sip_seconds_parse(cut_token(&rest), &expires->seconds) || !sip_params_valid(rest, NULL))
		return false;
	if (!sip_params_find(rest, SLICE("refresher"), &expires->refresher))
		return true;
	return slice_ieq(expires->refresher, SLICE("uac")) || slice_ieq(expires->refresher, SLICE("uas"));
}

bool sip_token_params_parse(struct slice value, struct sip_token_params *value_out)
{
	struct slice rest = value;

	value_out->token = cut_token(&rest);
	value_out->params = rest;
	return value_out->token.n && sip_params_valid(rest, NULL);
}

/* A Call-ID is made of any visible characters: some phones use more of them than `word` has. */
static bool is_call_id(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

/* A tag of a dialog, which stands there once (RFC 3891 3). @return how often it does: 0, 1, or 2 for more */
static int dialog_tag(struct slice params, struct slice name, struct slice *tag)
{
	struct sip_param param;
	int count = 0;

	while (count < 2 && sip_params_next(&params, &param)) {
		if (!slice_ieq(param.name, name))
			continue;
		*tag = param.value;
		count++;
	}
	return count;
}

bool sip_replaces_parse(struct slice value, struct sip_replaces *replaces)
{
	struct slice params = slice_from(value, slice_find(value, ';'));

	*replaces = (struct sip_replaces){ .call_id = slice_trim(slice_sub(value, 0, value.n - params.n)) };
	if (!is_call_id(replaces->call_id) || !sip_params_valid(params, NULL))
		return false;
	replaces->early_only = sip_params_find(params, SLICE("early-only"), NULL);
	/* Target-Dialog calls them local-tag and remote-tag, seen from the one who sends it (RFC 4538 7). */
	return dialog_tag(params, SLICE("to-tag"), &replaces->to_tag) +
		       dialog_tag(params, SLICE("remote-tag"), &replaces->to_tag) == 1 &&
	       dialog_tag(params, SLICE("from-tag"), &replaces->from_tag) +
		       dialog_tag(params, SLICE("local-tag"), &replaces->from_tag) == 1;
}

bool sip_reason_parse(struct slice value, struct sip_reason *reason)
{
	struct slice rest = value, cause;

	*reason = (struct sip_reason){ 0 };
	reason->protocol = cut_token(&rest);
	if (!reason->protocol.n || !sip_params_valid(rest, NULL))
		return false;
	sip_params_find(rest, SLICE("text"), &reason->text);
	return !sip_params_find(rest, SLICE("cause"), &cause) || slice_to_u32(cause, &reason->cause);
}

/* "<URI>;params": the angle brackets are not optional. */
static bool is_uri_params(struct slice value)
{
	struct sip_address address;

	return value.n && value.p[0] == '<' && sip_address_parse(value, &address, NULL);
}

/* Types whose values have nothing but words. */
static bool check_simple(enum sip_value_type type, struct slice value)
{
	uint32_t number;
	int64_t time;
	struct slice sent, delay;

	switch (type) {
	case SIP_VALUE_TOKEN: return scan_is_token(value);
	case SIP_VALUE_NUMBER: return sip_number_parse(value, &number);
	case SIP_VALUE_SECONDS: return sip_seconds_parse(value, &number);
	case SIP_VALUE_CALL_ID: return is_call_id(value);
	case SIP_VALUE_DATE: return sip_date_parse(value, &time);
	case SIP_VALUE_TIMESTAMP: return sip_timestamp_parse(value, &sent, &delay);
	case SIP_VALUE_URI_PARAMS: return is_uri_params(value);
	default: return true;
	}
}

bool sip_value_check(enum sip_value_type type, struct slice value)
{
	union {
		struct sip_token_params token;
		struct sip_address address;
		struct sip_via via;
		struct sip_cseq cseq;
		struct sip_media_type media;
		struct sip_auth auth;
		struct sip_warning warning;
		struct sip_retry_after retry;
		struct sip_rack rack;
		struct sip_session_expires expires;
		struct sip_replaces replaces;
		struct sip_reason reason;
	} u;

	switch (type) {
	case SIP_VALUE_TOKEN_PARAMS: return sip_token_params_parse(value, &u.token);
	case SIP_VALUE_ADDRESS: return sip_address_parse(value, &u.address, NULL);
	case SIP_VALUE_VIA: return sip_via_parse(value, &u.via, NULL);
	case SIP_VALUE_CSEQ: return sip_cseq_parse(value, &u.cseq);
	case SIP_VALUE_MEDIA_TYPE:
	case SIP_VALUE_MEDIA_RANGE: return sip_media_type_parse(value, &u.media);
	case SIP_VALUE_AUTH: return sip_auth_parse(value, &u.auth);
	case SIP_VALUE_WARNING: return sip_warning_parse(value, &u.warning);
	case SIP_VALUE_RETRY_AFTER: return sip_retry_after_parse(value, &u.retry);
	case SIP_VALUE_RACK: return sip_rack_parse(value, &u.rack);
	case SIP_VALUE_SESSION_EXPIRES: return sip_session_expires_parse(value, &u.expires);
	case SIP_VALUE_REPLACES: return sip_replaces_parse(value, &u.replaces);
	case SIP_VALUE_REASON: return sip_reason_parse(value, &u.reason);
	default: return check_simple(type, value);
	}
}
