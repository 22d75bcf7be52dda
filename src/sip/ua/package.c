#include "sip/ua/package.h"

#include "sip/syntax/params.h"

const char *subscription_state_name(enum subscription_state state)
{
	static const char *const names[] = { "waiting", "pending", "active", "terminated" };

	return names[state];
}

bool package_event_of(const struct sip_message *message, struct package_event *event)
{
	struct sip_token_params value;

	*event = (struct package_event){ 0 };
	if (!sip_token_params_parse(sip_message_value(message, SIP_HEADER_EVENT), &value))
		return false;
	event->name = value.token;
	if (!sip_params_find(value.params, SLICE("id"), &event->id))
		event->id = slice_of(NULL);
	return true;
}

bool package_event_eq(struct package_event a, struct package_event b)
{
	return slice_eq(a.name, b.name) && slice_eq(a.id, b.id);
}

bool package_is_in(struct slice list, struct slice name)
{
	while (list.n)
		if (slice_eq(slice_trim(slice_cut(&list, ',')), name))
			return true;
	return false;
}

bool package_state_of(const struct sip_message *notify, struct package_state *state)
{
	struct sip_token_params value;
	struct slice seconds;

	*state = (struct package_state){ .state = SUBSCRIPTION_ACTIVE };
	if (!sip_token_params_parse(sip_message_value(notify, SIP_HEADER_SUBSCRIPTION_STATE), &value))
		return false;
	if (slice_ieq(value.token, SLICE("pending")))
		state->state = SUBSCRIPTION_PENDING;
	else if (slice_ieq(value.token, SLICE("terminated")))
		state->state = SUBSCRIPTION_TERMINATED;
	/* An expires means nothing there (4.1.3). */
	state->has_expires = state->state != SUBSCRIPTION_TERMINATED &&
			     sip_params_find(value.params, SLICE("expires"), &seconds) &&
			     sip_seconds_parse(seconds, &state->expires);
	state->has_retry_after = sip_params_find(value.params, SLICE("retry-after"), &seconds) &&
				 sip_seconds_parse(seconds, &state->retry_after);
	if (!sip_params_find(value.params, SLICE("reason"), &state->reason))
		state->reason = slice_of(NULL);
	return true;
}

bool package_is_ended_by(unsigned status)
{
	switch (status) {
	case 404:
	case 405:
	case 410:
	case 416:
	case 489:
	case 501:
	case 604:
		return true;
	default:
		return status >= 480 && status <= 485;
	}
}
