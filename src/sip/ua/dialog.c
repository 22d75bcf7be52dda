#include "sip/ua/dialog.h"

#include "base/xmalloc.h"

#include <assert.h>

/* A copy of what came from outside. A quoted string may hold a NUL, which would cut it (25.1): it becomes a blank. */
static char *clean(struct slice text)
{
	char *copy = slice_dup(text);

	for (size_t i = 0; i < text.n; i++)
		if (!copy[i])
			copy[i] = ' ';
	return copy;
}

static char *dialog_id(struct slice call_id, struct slice local_tag, struct slice remote_tag)
{
	struct buf id;

	/* None of the three may hold a line feed, so no two dialogs share an ID. */
	buf_init(&id, call_id.n + local_tag.n + remote_tag.n + 3);
	buf_add(&id, call_id);
	buf_add_char(&id, '\n');
	buf_add(&id, local_tag);
	buf_add_char(&id, '\n');
	buf_add(&id, remote_tag);
	char *text = clean(buf_slice(&id));
	buf_fini(&id);
	return text;
}

static void drop_routes(struct dialog *dialog)
{
	for (size_t i = 0; i < dialog->route_count; i++)
		free(dialog->routes[i]);
	free(dialog->routes);
	dialog->routes = NULL;
	dialog->route_count = 0;
}

/* How many routers does it record? @return false: more than we keep */
static bool count_routes(const struct sip_message *message, size_t *count)
{
	struct sip_values values;
	struct slice value;
	size_t bytes = 0;

	*count = 0;
	sip_values_begin(&values, message, SIP_HEADER_RECORD_ROUTE);
	while (sip_values_next(&values, &value)) {
		bytes += value.n;
		if (++*count > DIALOG_ROUTES_MAX || bytes > DIALOG_ROUTE_BYTES_MAX)
			return false;
	}
	return true;
}

bool dialog_can_begin(const struct sip_message *request)
{
	size_t count;

	return count_routes(request, &count);
}

/* A value of Record-Route as Route shall carry it: no display name, which is of no use there. NULL: it is no URI. */
static char *route_of(struct slice value)
{
	struct sip_address address;
	struct buf text;

	if (!sip_address_parse(value, &address, NULL) || address.star)
		return NULL;
	buf_init(&text, value.n + 2);
	buf_add_char(&text, '<');
	buf_add(&text, address.uri.text);
	buf_add_char(&text, '>');
	buf_add(&text, address.params);
	char *route = clean(buf_slice(&text));
	buf_fini(&text);
	return route;
}

/* Record-Route in order for who answers, from behind for who asked. */
static void take_routes(struct dialog *dialog, const struct sip_message *message)
{
	struct sip_values values;
	struct slice value;
	size_t count;

	drop_routes(dialog);
	if (!count_routes(message, &count) || !count)
		return;
	dialog->routes = xcalloc(count, sizeof *dialog->routes);
	sip_values_begin(&values, message, SIP_HEADER_RECORD_ROUTE);
	while (sip_values_next(&values, &value)) {
		char *route = route_of(value);
		if (route)
			dialog->routes[dialog->route_count++] = route;
	}
	for (size_t i = 0; dialog->ours && i < dialog->route_count / 2; i++) {
		char *other = dialog->routes[dialog->route_count - 1 - i];
		dialog->routes[dialog->route_count - 1 - i] = dialog->routes[i];
		dialog->routes[i] = other;
	}
}

/* As it stands in requests (19.1.5): a Contact may have headers, which a Request-URI, or an URI that gets headers of
 * ours, must not. */
static char *target_of(const struct sip_uri *uri)
{
	struct buf text;

	buf_init(&text, uri->text.n + 1); /* printed it is never longer */
	sip_uri_print_request(&text, uri);
	char *target = clean(buf_slice(&text));
	buf_fini(&text);
	return target;
}

/* @return NULL: none that a request could go to */
static const struct sip_uri *contact_of(const struct sip_message *message)
{
	const struct sip_address *contact = sip_message_address(message, SIP_HEADER_CONTACT, 0);

	if (!contact || contact->star || contact->uri.scheme == SIP_SCHEME_OTHER || !contact->uri.host.n ||
	    contact->uri.text.n > HOP_URI_MAX)
		return NULL;
	return &contact->uri;
}

static void take_target(struct dialog *dialog, const struct sip_message *message)
{
	const struct sip_uri *contact = contact_of(message);

	if (!contact)
		return;
	free(dialog->remote_target);
	dialog->remote_target = target_of(contact);
}

void dialog_refresh(struct dialog *dialog, const struct sip_message *message)
{
	const struct sip_uri *contact = contact_of(message);
	bool was_secure = slice_ibegins(slice_of(dialog->remote_target), SLICE("sips:"));

	if (contact && was_secure && contact->scheme != SIP_SCHEME_SIPS)
		log_line(dialog->ua->world.log, LOG_WARNING,
			 "the other side wants to be reached at %.*s from now on: not taken in place of sips:",
			 SLICE_ARG(slice_sub(contact->text, 0, 200)));
	else
		take_target(dialog, message);
}

static struct dialog *dialog_new(struct ua *ua, const struct sip_message *message, struct slice local_tag,
				 struct slice remote_tag)
{
	struct dialog *dialog = xcalloc(1, sizeof *dialog);

	dialog->references = 1;
	dialog->ua = ua;
	list_init(&dialog->usages);
	dialog->call_id = slice_dup(sip_message_call_id(message));
	dialog->local_tag = slice_dup(local_tag);
	dialog->remote_tag = clean(remote_tag);
	dialog->id = dialog_id(sip_message_call_id(message), local_tag, remote_tag);
	map_add(&ua->dialogs, &dialog->node, slice_of(dialog->id));
	return dialog;
}

struct dialog *dialog_new_client(struct ua *ua, const struct sip_message *request, const struct sip_message *response,
				 struct slice scope)
{
	const struct sip_address *from = sip_message_from(request), *to = sip_message_to(response);
	struct dialog *dialog = dialog_new(ua, request, from->tag, to->tag);

	dialog->ours = true;
	dialog->local = slice_dup(sip_message_value(request, SIP_HEADER_FROM));
	dialog->remote = clean(sip_message_value(response, SIP_HEADER_TO));
	dialog->local_cseq = sip_message_cseq(request)->number;
	dialog->scope = slice_dup(scope);
	/* A 1xx without Contact leaves nothing better than where the request went. */
	dialog->remote_target = slice_dup(request->request_uri);
	dialog_confirm(dialog, response);
	return dialog;
}

struct dialog *dialog_new_server(struct ua *ua, const struct sip_message *request, struct slice local_tag)
{
	const struct sip_address *from = sip_message_from(request);
	struct dialog *dialog = dialog_new(ua, request, local_tag, from->tag);
	char *to = clean(sip_message_value(request, SIP_HEADER_TO));

	dialog->local = xasprintf("%s;tag=%.*s", to, SLICE_ARG(local_tag));
	free(to);
	dialog->remote = clean(sip_message_value(request, SIP_HEADER_FROM));
	dialog->scope = slice_dup(sip_message_call_id(request));
	dialog->remote_target = target_of(&from->uri);
	dialog->remote_cseq = sip_message_cseq(request)->number;
	dialog->has_remote_cseq = true;
	take_routes(dialog, request);
	take_target(dialog, request);
	return dialog;
}

struct dialog *dialog_new_notified(struct ua *ua, const struct sip_message *notify, struct slice local, uint32_t cseq,
				   struct slice scope)
{
	const struct sip_address *from = sip_message_from(notify), *to = sip_message_to(notify);
	struct dialog *dialog = dialog_new(ua, notify, to->tag, from->tag);

	dialog->local = slice_dup(local);
	dialog->remote = clean(sip_message_value(notify, SIP_HEADER_FROM));
	dialog->local_cseq = cseq;
	dialog->remote_cseq = sip_message_cseq(notify)->number;
	dialog->has_remote_cseq = true;
	dialog->scope = slice_dup(scope);
	dialog->remote_target = target_of(&from->uri);
	take_routes(dialog, notify);
	take_target(dialog, notify);
	dialog->ours = true;
	return dialog;
}

struct dialog *dialog_ref(struct dialog *dialog)
{
	dialog->references++;
	return dialog;
}

void dialog_free(struct dialog *dialog)
{
	if (!dialog || --dialog->references)
		return;
	assert(list_empty(&dialog->usages));
	map_remove(&dialog->ua->dialogs, &dialog->node);
	drop_routes(dialog);
	free(dialog->id);
	free(dialog->call_id);
	free(dialog->local_tag);
	free(dialog->remote_tag);
	free(dialog->local);
	free(dialog->remote);
	free(dialog->remote_target);
	free(dialog->scope);
	free(dialog);
}

struct dialog *dialog_find_by(struct ua *ua, struct slice call_id, struct slice local_tag, struct slice remote_tag)
{
	char *id = dialog_id(call_id, local_tag, remote_tag);
	struct map_node *node = map_find(&ua->dialogs, slice_of(id));

	free(id);
	return node ? CONTAINER_OF(node, struct dialog, node) : NULL;
}

struct dialog *dialog_find(struct ua *ua, const struct sip_message *message)
{
	const struct sip_address *from = sip_message_from(message), *to = sip_message_to(message);

	if (!from || !to)
		return NULL;
	return message->is_request ? dialog_find_by(ua, sip_message_call_id(message), to->tag, from->tag)
				   : dialog_find_by(ua, sip_message_call_id(message), from->tag, to->tag);
}

void dialog_hide(struct dialog *dialog)
{
	struct list_node *first = list_first(&dialog->usages);

	if (first && list_next(&dialog->usages, first))
		return;
	map_remove(&dialog->ua->dialogs, &dialog->node);
}

void dialog_add_usage(struct dialog *dialog, struct usage *usage)
{
	list_append(&dialog->usages, &usage->node);
}

bool dialog_has_remote_tag(const struct dialog *dialog, struct slice tag)
{
	char *text = clean(tag);
	bool same = strcmp(text, dialog->remote_tag) == 0;

	free(text);
	return same;
}

void dialog_raise_cseq(struct dialog *dialog, uint32_t number)
{
	if (dialog->local_cseq < number)
		dialog->local_cseq = number;
}

void dialog_confirm(struct dialog *dialog, const struct sip_message *response)
{
	take_routes(dialog, response);
	take_target(dialog, response);
}

bool dialog_in_order(struct dialog *dialog, const struct sip_message *request)
{
	uint32_t number = sip_message_cseq(request)->number;

	if (dialog->has_remote_cseq && number < dialog->remote_cseq)
		return false;
	dialog->remote_cseq = number;
	dialog->has_remote_cseq = true;
	return true;
}

struct sip_draft *dialog_draft(struct dialog *dialog, struct slice method, bool *strict)
{
	struct slice routes[DIALOG_ROUTES_MAX];

	for (size_t i = 0; i < dialog->route_count; i++)
		routes[i] = slice_of(dialog->routes[i]);
	struct sip_draft *draft =
		hop_draft(method, slice_of(dialog->remote_target), routes, dialog->route_count, strict);
	assert(draft); /* all of them were parsed before they were kept */
	sip_draft_add(draft, SIP_HEADER_MAX_FORWARDS, "70");
	sip_draft_add_slice(draft, SIP_HEADER_FROM, slice_of(dialog->local));
	sip_draft_add_slice(draft, SIP_HEADER_TO, slice_of(dialog->remote));
	sip_draft_add_slice(draft, SIP_HEADER_CALL_ID, slice_of(dialog->call_id));
	sip_draft_add(draft, SIP_HEADER_CSEQ, "%u %.*s", dialog->local_cseq, SLICE_ARG(method));
	return draft;
}

bool dialog_way(struct dialog *dialog, struct sip_target *way)
{
	bool strict;
	struct sip_draft *draft = dialog_draft(dialog, SLICE("ACK"), &strict);
	bool known = hop_way(dialog->ua, draft, strict, way);

	sip_draft_free(draft);
	return known;
}

/* ---- ACK ---- */

static enum err ack_to(struct ack *ack, const struct sip_target *target)
{
	ack->upgraded = target->protocol != ack->hop.targets[ack->place].protocol;
	sip_message_unref(ack->sent);
	ack->sent = NULL;
	ack->target = *target;
	return transaction_send_ack(ack->ua->transactions, ack->draft, target, &ack->sent);
}

/* To the target at this place, by UDP after all where it is long and TCP cannot even be tried. */
static enum err ack_to_place(struct ack *ack, size_t place)
{
	struct transport *transport = transactions_transport(ack->ua->transactions);
	struct sip_target target = ack->hop.targets[place];
	struct slice host = slice_of(ack->hop.host);

	if (!digest_trusts_hop(ack->ua->digests, ack->profile, host, &target.address, DIGEST_ANY_PLACE)) {
		sip_draft_remove(ack->draft, SIP_HEADER_AUTHORIZATION);
		sip_draft_remove(ack->draft, SIP_HEADER_PROXY_AUTHORIZATION);
	}
	target.protocol = transport_choose(transport, &target, sip_draft_size(ack->draft));
	ack->place = place;
	enum err err = ack_to(ack, &target);
	return err && ack->upgraded ? ack_to(ack, &ack->hop.targets[place]) : err;
}

/* To the first of all targets, from this place on and round, that takes it. */
static void ack_from(struct ack *ack, size_t first)
{
	for (size_t i = 0; i < ack->hop.count; i++) {
		ack->err = ack_to_place(ack, (first + i) % ack->hop.count);
		if (!ack->err)
			return;
	}
	log_line(ack->ua->world.log, LOG_WARNING, "an ACK could not be sent: %s", err_text(ack->err));
}

/* Where the INVITE found somebody a connection is open: no transaction would go on to the next target from one that
 * leads nowhere. */
static void ack_located(void *arg, enum err err)
{
	struct ack *ack = arg;
	const struct transport *transport = transactions_transport(ack->ua->transactions);
	size_t first = 0;

	ack->err = err;
	while (first < ack->hop.count && !transport_is_connected(transport, &ack->hop.targets[first]))
		first++;
	ack_from(ack, first);
}

static void find_way(struct ack *ack)
{
	hop_find(&ack->hop, ack->ua, ack->draft, ack->strict, NULL, ack->profile->identity.security, ack_located, ack);
}

struct ack *ack_send(struct dialog *dialog, const struct sip_message *invite, struct slice body,
		     struct profile *profile)
{
	struct ack *ack = xcalloc(1, sizeof *ack);

	ack->ua = dialog->ua;
	ack->profile = profile_ref(profile);
	ack->cseq = sip_message_cseq(invite)->number;
	ack->draft = dialog_draft(dialog, SLICE("ACK"), &ack->strict);
	sip_draft_set(ack->draft, SIP_HEADER_CSEQ, "%u ACK", ack->cseq);
	sip_draft_copy_header(ack->draft, invite, SIP_HEADER_AUTHORIZATION);
	sip_draft_copy_header(ack->draft, invite, SIP_HEADER_PROXY_AUTHORIZATION);
	core_user_agent(ack->ua, ack->draft);
	if (body.n)
		sip_draft_body(ack->draft, SLICE("application/sdp"), body);
	find_way(ack);
	return ack;
}

void ack_repeat(struct ack *ack)
{
	bool often = ++ack->repeats % 2 == 0 && ack->hop.count > 1;

	if (ack->sent && ack->upgraded) {
		ack->err = ack_to(ack, &ack->hop.targets[ack->place]);
	} else if (ack->sent && often) {
		ack_from(ack, ack->place + 1);
	} else if (ack->sent) {
		transaction_resend_ack(ack->ua->transactions, &ack->target, ack->sent);
	} else if (ack_is_lost(ack)) {
		hop_fini(&ack->hop);
		find_way(ack);
	}
}

bool ack_is_lost(const struct ack *ack)
{
	return !ack->sent && !hop_is_looking(&ack->hop);
}

void ack_free(struct ack *ack)
{
	if (!ack)
		return;
	hop_fini(&ack->hop);
	profile_unref(ack->profile);
	sip_draft_free(ack->draft);
	sip_message_unref(ack->sent);
	free(ack);
}
