/* What an INVITE says of who calls besides From: the identity that our own proxy vouches for (RFC 3325), who sent the
 * call on (RFC 5806, 7044), whether it is signed (RFC 8224), whether it wants to be answered at once (RFC 5373). */
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <fnmatch.h>

enum { PATTERN_MAX = 256, DELAY_MOST_S = 60 };

/* ---- who it is ---- */

bool account_trusts(const struct phone *phone, const struct sip_source *source)
{
	LIST_EACH(&phone->accounts, node)
		if (account_is_server(LIST_ENTRY(node, struct account, node), &source->remote))
			return true;
	return false;
}

/* The first identity that names a person: by another header field or from anybody else it is nothing. */
const struct sip_address *asserted_identity(const struct sip_message *invite)
{
	for (size_t i = 0; i < 2; i++) {
		const struct sip_address *address = sip_message_address(invite, SIP_HEADER_P_ASSERTED_IDENTITY, i);
		if (address && !address->star && address->uri.scheme != SIP_SCHEME_OTHER)
			return address;
	}
	return NULL;
}

/* "sip:bob@biloxi.com (no-answer)" */
static char *diversion_text(const struct sip_address *address, struct slice reason)
{
	struct buf text;

	buf_init(&text, 1024);
	utf8_clean(&text, slice_sub(address->uri.text, 0, 512), false);
	if (reason.n) {
		buf_printf(&text, " (");
		utf8_clean(&text, slice_sub(reason, 0, 64), false);
		buf_add_char(&text, ')');
	}
	return buf_take(&text);
}

/* Who was called before us: of Diversion the first, of History-Info the last but one. NULL: nobody */
static char *diverted_by(const struct sip_message *invite)
{
	const struct sip_address *address = sip_message_address(invite, SIP_HEADER_DIVERSION, 0), *next;
	struct slice reason = { 0 };

	if (address && !address->star) {
		if (!sip_params_find(address->params, SLICE("reason"), &reason))
			reason = (struct slice){ 0 };
		return diversion_text(address, reason);
	}
	address = NULL;
	for (size_t i = 0; (next = sip_message_address(invite, SIP_HEADER_HISTORY_INFO, i + 1)) != NULL; i++) {
		address = sip_message_address(invite, SIP_HEADER_HISTORY_INFO, i);
		/* RFC 4458: why it came to the next one. */
		if (!sip_uri_param(&next->uri, SLICE("cause"), &reason))
			reason = (struct slice){ 0 };
	}
	return address && !address->star ? diversion_text(address, reason) : NULL;
}

void call_note_caller(struct call *call, const struct sip_message *invite, const struct sip_source *source)
{
	const struct sip_address *address = account_trusts(call->phone, source) ? asserted_identity(invite) : NULL;
	struct arena arena;

	call->diverted = diverted_by(invite);
	call->is_signed = sip_message_header(invite, SIP_HEADER_IDENTITY, 0) != NULL;
	if (!address)
		return;
	arena_init(&arena);
	call_set_peer(call, sip_address_display(&arena, address), address->uri.text);
	arena_fini(&arena);
	call->identity = xstrdup(call->uri);
}

void call_tell_caller(const struct call *call, struct event *event)
{
	event_text(event, "identity", slice_of(call->identity));
	event_text(event, "diverted", slice_of(call->diverted));
	if (call->is_signed)
		event_text(event, "signed", SLICE("yes"));
}

void show_caller(const struct call *call, struct buf *out)
{
	if (call->identity)
		buf_printf(out, "  identity    %s, as our proxy says\n", call->identity);
	if (call->diverted)
		buf_printf(out, "  sent on by  %s\n", call->diverted);
	if (call->incoming)
		buf_printf(out, "  signature   %s\n",
			   call->is_signed ? "there is one (Identity); it is not checked" : "none");
}

/* ---- answered at once ---- */

/* "5" of ;answer-after=5 or ;delay=5 [us] */
static int64_t delay_of(struct slice params, struct slice name)
{
	struct slice value;
	uint32_t seconds;

	if (!sip_params_find(params, name, &value) || !slice_to_u32(value, &seconds))
		return 0;
	return (int64_t)(seconds < DELAY_MOST_S ? seconds : DELAY_MOST_S) * SECOND_US;
}

static bool has_mode(const struct sip_message *invite, enum sip_header_id id, const char *wanted,
		     struct sip_token_params *mode)
{
	return sip_token_params_parse(sip_message_value(invite, id), mode) &&
	       slice_ieq(mode->token, slice_of(wanted));
}

static bool says_auto(const struct sip_message *invite, enum sip_header_id id, bool *insists)
{
	struct sip_token_params mode;

	if (!has_mode(invite, id, "Auto", &mode))
		return false;
	*insists |= sip_params_find(mode.params, SLICE("require"), NULL);
	return true;
}

bool call_wants_manual_answer(const struct call *call)
{
	struct sip_token_params mode;

	return has_mode(call->invite, SIP_HEADER_ANSWER_MODE, "Manual", &mode) ||
	       has_mode(call->invite, SIP_HEADER_PRIV_ANSWER_MODE, "Manual", &mode);
}

/* What the makers of phones write into Alert-Info and Call-Info; nothing of it is ever fetched. */
static bool info_says_auto(const struct sip_message *invite, int64_t *after_us)
{
	static const char *const words[] = { "alert-autoanswer", "auto answer", "auto-answer", "ring answer",
					     "ring-answer", "intercom" };
	struct sip_values values;
	struct slice value;

	sip_values_begin(&values, invite, SIP_HEADER_CALL_INFO);
	while (sip_values_next(&values, &value)) {
		struct slice params = slice_from(value, slice_find(value, '>'));
		if (slice_ifind_slice(params, SLICE("answer-after=")) == params.n)
			continue;
		*after_us = delay_of(slice_from(params, slice_find(params, ';')), SLICE("answer-after"));
		return true;
	}
	sip_values_begin(&values, invite, SIP_HEADER_ALERT_INFO);
	while (sip_values_next(&values, &value))
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (slice_ifind_slice(value, slice_of(words[i])) < value.n) {
				struct slice params = slice_from(value, slice_find(value, '>'));
				*after_us = delay_of(slice_from(params, slice_find(params, ';')), SLICE("delay"));
				return true;
			}
	return false;
}

static bool is_allowed(const struct call *call)
{
	struct slice rest = slice_of(
			     settings_text(call_settings(call, "call.auto-answer-for"), "call.auto-answer-for")),
		     word;
	char pattern[PATTERN_MAX];

	while (slice_list_word(&rest, &word)) {
		if (word.n >= sizeof pattern)
			continue;
		memcpy(pattern, word.p, word.n);
		pattern[word.n] = '\0';
		if (!fnmatch(pattern, call->uri, 0))
			return true;
	}
	return false;
}

enum auto_answer call_wants_auto_answer(struct call *call, int64_t *after_us)
{
	bool insists = false;

	*after_us = 0;
	if (call_wants_manual_answer(call))
		return AUTO_ANSWER_NO;
	if (!says_auto(call->invite, SIP_HEADER_ANSWER_MODE, &insists) &&
	    !says_auto(call->invite, SIP_HEADER_PRIV_ANSWER_MODE, &insists) && !info_says_auto(call->invite, after_us))
		return AUTO_ANSWER_NO;
	/* Whoever is in a call is not listened to by another. */
	if (is_allowed(call) && !call->phone->talking)
		return AUTO_ANSWER_YES;
	return insists ? AUTO_ANSWER_REFUSED : AUTO_ANSWER_NO;
}
