#include "sip/ua/core.h"

#include "base/xmalloc.h"
#include "sip/syntax/scan.h"

void core_bury(struct ua *ua, struct mortal *mortal, void (*bury)(struct mortal *mortal))
{
	if (mortal->bury)
		return;
	mortal->bury = bury;
	list_append(&ua->dead, &mortal->node);
}

void ua_sweep(struct ua *ua)
{
	struct list_node *node;

	/* Burying one thing may end another. */
	while ((node = list_first(&ua->dead)) != NULL) {
		struct mortal *mortal = LIST_ENTRY(node, struct mortal, node);
		list_remove(node);
		mortal->bury(mortal);
	}
}

char *core_token(struct ua *ua, size_t chars)
{
	char *text = xmalloc(chars + 1);

	random_token(ua->world.random, text, chars);
	return text;
}

const char *cause_name(enum cause cause)
{
	static const char *const names[] = {
		[CAUSE_NONE] = "none",       [CAUSE_RESPONSE] = "response", [CAUSE_DNS] = "dns",
		[CAUSE_CONNECT] = "connect", [CAUSE_TIMEOUT] = "timeout",   [CAUSE_TLS] = "tls",
		[CAUSE_AUTH] = "auth",       [CAUSE_REFUSED] = "refused",   [CAUSE_CANCELLED] = "cancelled",
		[CAUSE_MEDIA] = "media",     [CAUSE_LOCAL] = "local",
	};

	return names[cause];
}

struct slice core_allow(void)
{
	return SLICE("INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, SUBSCRIBE, NOTIFY, MESSAGE");
}

enum {
	/* What a 420 tells of a Require: more than a caller can mean, less than whoever forged the caller's address
	 * would like to have sent there. */
	OPTIONS_TOLD = 16,
	OPTION_BYTES = 64,
};

static const char *const option_tags[] = { "100rel", "timer", "replaces", "join", "norefersub" };

static bool is_on(const char *tag, const struct session_options *options)
{
	if (!strcmp(tag, "100rel"))
		return options->reliable != RELIABLE_OFF;
	if (!strcmp(tag, "timer"))
		return options->timer != TIMER_OFF;
	return true;
}

/* Is this one of them? Who insists on RFC 5373 finds it here; every message need not say so. */
static bool supports(struct slice option, const struct session_options *options)
{
	if (slice_ieq(option, SLICE(OPTION_ANSWER_MODE)))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(option_tags); i++)
		if (slice_ieq(option, slice_of(option_tags[i])))
			return is_on(option_tags[i], options);
	return false;
}

void core_add_supported(struct sip_draft *draft, const struct session_options *options, const char *also)
{
	struct buf list;

	buf_init(&list, 256);
	for (size_t i = 0; i < ARRAY_LEN(option_tags); i++)
		if (is_on(option_tags[i], options))
			buf_printf(&list, "%s%s", list.n ? ", " : "", option_tags[i]);
	if (also)
		buf_printf(&list, "%s%s", list.n ? ", " : "", also);
	sip_draft_add_slice(draft, SIP_HEADER_SUPPORTED, buf_slice(&list));
	buf_fini(&list);
}

bool core_unsupported(const struct sip_message *request, const struct session_options *options, struct buf *list)
{
	struct sip_values values;
	struct slice value;
	size_t told = 0;
	bool any = false;

	sip_values_begin(&values, request, SIP_HEADER_REQUIRE);
	while (told < OPTIONS_TOLD && sip_values_next(&values, &value)) {
		if (supports(value, options))
			continue;
		any = true;
		if (value.n <= OPTION_BYTES)
			buf_printf(list, told++ ? ", %.*s" : "%.*s", SLICE_ARG(value));
	}
	return any;
}

void core_user_agent(struct ua *ua, struct sip_draft *draft)
{
	if (ua->settings.user_agent[0])
		sip_draft_add(draft, SIP_HEADER_USER_AGENT, "%s", ua->settings.user_agent);
}

struct sip_draft *core_response(struct ua *ua, const struct sip_message *request, unsigned status, struct slice reason,
				struct slice to_tag)
{
	struct sip_draft *draft = sip_draft_response(request, status, reason, to_tag);

	if (ua->settings.user_agent[0])
		sip_draft_add(draft, SIP_HEADER_SERVER, "%s", ua->settings.user_agent);
	return draft;
}

void core_respond(struct ua *ua, struct server_transaction *st, unsigned status, core_add_h *add, void *arg)
{
	char *tag = core_token(ua, TAG_CHARS);
	struct sip_draft *draft =
		core_response(ua, server_transaction_request(st), status, slice_of(NULL), slice_of(tag));

	if (add)
		add(arg, draft);
	enum err err = transaction_respond(st, draft);
	if (err)
		log_line(ua->world.log, LOG_NOTICE, "the answer %u could not be sent: %s", status, err_text(err));
	sip_draft_free(draft);
	free(tag);
}

enum err core_check_extra(const struct extra_header *extra, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!scan_is_token(extra[i].name))
			return ERR_SYNTAX;
		switch (sip_header_find(extra[i].name)) {
		case SIP_HEADER_VIA:
		case SIP_HEADER_FROM:
		case SIP_HEADER_TO:
		case SIP_HEADER_CALL_ID:
		case SIP_HEADER_CSEQ:
		case SIP_HEADER_CONTACT:
		case SIP_HEADER_CONTENT_LENGTH:
			return ERR_EXISTS;
		default:
			break;
		}
	}
	return ERR_NONE;
}

void core_add_extra(struct sip_draft *draft, const struct extra_header *extra, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum sip_header_id id = sip_header_find(extra[i].name);
		if (id != SIP_HEADER_OTHER && (!sip_header_is_list(id) || id == SIP_HEADER_ALLOW))
			sip_draft_set(draft, id, "%.*s", SLICE_ARG(extra[i].value));
		else
			sip_draft_add_named(draft, extra[i].name, extra[i].value);
	}
}

struct outcome core_outcome(unsigned status, enum cause cause, enum err err)
{
	return (struct outcome){ .status = status, .reason = sip_status_phrase(status), .cause = cause, .err = err };
}

struct outcome core_outcome_of(struct sip_message *response, enum cause cause)
{
	return (struct outcome){
		.status = response->status, .reason = response->reason, .cause = cause, .response = response
	};
}

enum cause core_cause(enum err err)
{
	switch (err) {
	case ERR_NONE:
		return CAUSE_NONE;
	case ERR_DNS:
	case ERR_NAME_SERVER:
		return CAUSE_DNS;
	case ERR_TLS:
		return CAUSE_TLS;
	default:
		return CAUSE_CONNECT;
	}
}
