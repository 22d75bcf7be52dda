#include "tests/sim/proxy.h"

#include "base/xmalloc.h"

#include <stdio.h>

enum { BINDINGS_MAX = 32, BRANCHES_MAX = 8, STATES_MAX = 32, LEAST_S = 60, MOST_S = 300, TIMER_C_S = 181 };

struct binding {
	char user[32], contact[256];
	int64_t until_us;
	/* RFC 5626: which phone, by which flow; empty: it is reached by its contact */
	char flow[96];
	enum sip_protocol protocol;
	struct address remote;
};

struct branch {
	struct job *job;
	struct client_transaction *ct;
	struct binding *by_flow; /* whose flow it went by; NULL: none's */
	unsigned final;
	char early[160];         /* the To of its last provisional response */
};

/* One request on its way: the server transaction, and one client transaction each for where it went. */
struct job {
	struct list_node node;
	struct proxy *proxy;
	struct server_transaction *st; /* NULL: gone */
	struct sip_message *request;
	struct sip_source source;
	struct branch branches[BRANCHES_MAX];
	size_t count;
	struct sip_message *best;
	bool answered, admitted; /* admitted: it had credentials */
	struct timer timer_c;
};

/* What somebody published. */
struct state {
	char tag[16];
	int64_t until_us;
};

struct proxy {
	struct host *host;
	struct transactions *transactions;
	struct binding bindings[BINDINGS_MAX];
	struct state states[STATES_MAX];
	struct list jobs;
	unsigned tags, flows_made, flows_lost;
	struct realm realm;
	bool outbound, tells_ends;
	const char *route;      /* as Record-Route has it */
};

static int64_t now(const struct proxy *proxy)
{
	return proxy->host->world->timers.now_us;
}

static bool is_ours(const struct proxy *proxy, const struct sip_uri *uri)
{
	struct address address;

	if (slice_eq(sip_uri_hop_host(uri), SLICE(WORLD_SERVER)))
		return true;
	return address_parse_host(&address, sip_uri_hop_host(uri), uri->port ? uri->port : 5060) &&
	       address_eq(&address, &proxy->host->address);
}

/* ---- answers of our own ---- */

static void respond_to(struct server_transaction *st, const struct sip_message *request, unsigned status,
		       const char *lines_name, const char *value)
{
	struct sip_draft *draft = sip_draft_response(request, status, slice_of(""), SLICE("proxy"));

	if (lines_name)
		sip_draft_add_named(draft, slice_of(lines_name), slice_of(value));
	(void)!transaction_respond(st, draft);
	sip_draft_free(draft);
}

static void respond(struct server_transaction *st, unsigned status, const char *lines_name, const char *value)
{
	respond_to(st, server_transaction_request(st), status, lines_name, value);
}

static struct binding *find_binding(struct proxy *proxy, struct slice user, struct slice contact)
{
	for (size_t i = 0; i < BINDINGS_MAX; i++) {
		struct binding *binding = &proxy->bindings[i];
		if (binding->until_us > now(proxy) && slice_eq(slice_of(binding->user), user) &&
		    slice_eq(slice_of(binding->contact), contact))
			return binding;
	}
	return NULL;
}

static struct binding *free_binding(struct proxy *proxy)
{
	for (size_t i = 0; i < BINDINGS_MAX; i++)
		if (proxy->bindings[i].until_us <= now(proxy))
			return &proxy->bindings[i];
	return NULL;
}

/* RFC 5626 4.2, 6: the phone and the number of its flow, in place of its address. @return false: it wants none kept */
static bool flow_name(const struct proxy *proxy, const struct sip_message *request, const struct sip_address *contact,
		      char *name, size_t room)
{
	struct slice instance, number;

	*name = '\0';
	if (!proxy->outbound || !sip_message_lists(request, SIP_HEADER_SUPPORTED, SLICE("outbound")) ||
	    !sip_params_find(contact->params, SLICE("+sip.instance"), &instance) ||
	    !sip_params_find(contact->params, SLICE("reg-id"), &number) || instance.n + number.n + 2 > room)
		return false;
	snprintf(name, room, "%.*s %.*s", SLICE_ARG(number), SLICE_ARG(instance));
	return true;
}

static struct binding *find_flow(struct proxy *proxy, struct slice user, const char *flow)
{
	for (size_t i = 0; i < BINDINGS_MAX; i++) {
		struct binding *binding = &proxy->bindings[i];
		if (binding->until_us > now(proxy) && slice_eq(slice_of(binding->user), user) && *flow &&
		    !strcmp(binding->flow, flow))
			return binding;
	}
	return NULL;
}

static void keep_binding(struct proxy *proxy, struct slice user, struct slice contact, uint32_t expires,
			 const char *flow, const struct sip_source *source)
{
	struct binding *binding = find_flow(proxy, user, flow);

	if (!binding)
		binding = find_binding(proxy, user, contact);
	if (!binding && expires)
		binding = free_binding(proxy);
	if (!binding || user.n >= sizeof binding->user || contact.n >= sizeof binding->contact)
		return;
	snprintf(binding->flow, sizeof binding->flow, "%s", flow);
	binding->protocol = source->protocol;
	binding->remote = source->remote;
	proxy->flows_made += *flow && expires;
	snprintf(binding->user, sizeof binding->user, "%.*s", SLICE_ARG(user));
	snprintf(binding->contact, sizeof binding->contact, "%.*s", SLICE_ARG(contact));
	binding->until_us = now(proxy) + (int64_t)(expires < MOST_S ? expires : MOST_S) * SECOND_US;
}

static void forget_user(struct proxy *proxy, struct slice user)
{
	for (size_t i = 0; i < BINDINGS_MAX; i++)
		if (slice_eq(slice_of(proxy->bindings[i].user), user))
			proxy->bindings[i].until_us = 0;
}

/* 10.3: each Contact with the time that is left. */
static void answer_bindings(struct proxy *proxy, struct server_transaction *st, struct slice user, bool keeps_flow)
{
	struct sip_draft *draft = sip_draft_response(server_transaction_request(st), 200, slice_of(""), SLICE("reg"));

	for (size_t i = 0; i < BINDINGS_MAX; i++) {
		const struct binding *binding = &proxy->bindings[i];
		if (binding->until_us > now(proxy) && slice_eq(slice_of(binding->user), user))
			sip_draft_add(draft, SIP_HEADER_CONTACT, "<%s>;expires=%d", binding->contact,
				      (int)((binding->until_us - now(proxy)) / SECOND_US));
	}
	if (keeps_flow) {
		sip_draft_add(draft, SIP_HEADER_REQUIRE, "outbound");
		sip_draft_add(draft, SIP_HEADER_FLOW_TIMER, "%u", 20 + random_below(&proxy->host->world->random, 60));
	}
	const char *next = realm_next_nonce(&proxy->realm);
	if (next)
		sip_draft_add(draft, SIP_HEADER_AUTHENTICATION_INFO, "%s", next);
	(void)!transaction_respond(st, draft);
	sip_draft_free(draft);
}

static void do_register(struct proxy *proxy, struct server_transaction *st, const struct sip_message *request,
			const struct sip_source *source)
{
	struct slice user = sip_message_to(request)->uri.user;
	const struct sip_address *contact;
	uint32_t general = MOST_S, expires;
	char flow[sizeof proxy->bindings[0].flow];
	bool keeps_flow = false;

	(void)sip_message_seconds(request, SIP_HEADER_EXPIRES, &general);
	for (size_t i = 0; (contact = sip_message_address(request, SIP_HEADER_CONTACT, i)) != NULL; i++) {
		if (contact->star) {
			forget_user(proxy, user);
			continue;
		}
		if (!sip_address_expires(contact, &expires))
			expires = general;
		if (expires && expires < LEAST_S) {
			respond(st, 423, "Min-Expires", "60");
			return;
		}
		keeps_flow |= flow_name(proxy, request, contact, flow, sizeof flow);
		keep_binding(proxy, user, contact->uri.text, expires, flow, source);
	}
	answer_bindings(proxy, st, user, keeps_flow);
}

static struct state *find_state(struct proxy *proxy, struct slice tag)
{
	for (size_t i = 0; i < STATES_MAX; i++)
		if (proxy->states[i].until_us > now(proxy) && slice_eq(slice_of(proxy->states[i].tag), tag))
			return &proxy->states[i];
	return NULL;
}

/* RFC 3903 6: without an entity-tag it is new, an unknown one is refused, each change gives another. */
static void do_publish(struct proxy *proxy, struct server_transaction *st, const struct sip_message *request)
{
	struct slice tag = sip_message_value(request, SIP_HEADER_SIP_IF_MATCH);
	struct state *state = tag.n ? find_state(proxy, tag) : &proxy->states[proxy->tags % STATES_MAX];
	uint32_t expires = MOST_S;
	char text[16];

	(void)sip_message_seconds(request, SIP_HEADER_EXPIRES, &expires);
	if (!state) {
		respond(st, 412, NULL, NULL);
		return;
	}
	snprintf(state->tag, sizeof state->tag, "e%u", ++proxy->tags);
	state->until_us = now(proxy) + (int64_t)(expires < MOST_S ? expires : MOST_S) * SECOND_US;
	struct sip_draft *draft = sip_draft_response(request, 200, slice_of(""), SLICE("pub"));
	snprintf(text, sizeof text, "%u", expires < MOST_S ? expires : MOST_S);
	sip_draft_add(draft, SIP_HEADER_SIP_ETAG, "%s", state->tag);
	sip_draft_add(draft, SIP_HEADER_EXPIRES, "%s", text);
	(void)!transaction_respond(st, draft);
	sip_draft_free(draft);
}

/* ---- forwarding ---- */

static bool is_hop_field(enum sip_header_id id)
{
	return id == SIP_HEADER_VIA || id == SIP_HEADER_MAX_FORWARDS || id == SIP_HEADER_CONTENT_LENGTH ||
	       id == SIP_HEADER_CONTENT_TYPE || id == SIP_HEADER_ROUTE;
}

static void copy_rest(struct sip_draft *draft, const struct sip_message *from, bool response)
{
	for (size_t i = 0; i < from->header_count; i++) {
		const struct sip_header *header = &from->headers[i];
		bool copied = header->id == SIP_HEADER_FROM || header->id == SIP_HEADER_TO ||
			      header->id == SIP_HEADER_CALL_ID || header->id == SIP_HEADER_CSEQ;
		/* What was for us ends here (22.3). */
		bool ours = header->id == SIP_HEADER_PROXY_AUTHORIZATION && realm_is_named(header->value);
		/* What the stranger has made of a field is not sent again in our name. */
		bool strange = !sip_message_has_place(from, header->id);
		if (is_hop_field(header->id) || (response && copied) || ours || strange)
			continue;
		if (header->id == SIP_HEADER_OTHER)
			sip_draft_add_named(draft, header->name, header->value);
		else
			sip_draft_add_slice(draft, header->id, header->value);
	}
	if (from->body.n)
		sip_draft_body(draft, sip_message_value(from, SIP_HEADER_CONTENT_TYPE), from->body);
}

/* 16.6 */
static struct sip_draft *forwarded(struct proxy *proxy, const struct sip_message *request, struct slice uri)
{
	struct sip_draft *draft = sip_draft_request(request->method_name, uri);
	const struct sip_address *route;
	uint32_t forwards = 70;

	/* Without the Vias that were there: our transport is a user agent's, and those drop responses that have more
	 * than one (8.1.3.3). The answer is made from the request, which has them. */
	(void)sip_message_seconds(request, SIP_HEADER_MAX_FORWARDS, &forwards);
	sip_draft_add(draft, SIP_HEADER_MAX_FORWARDS, "%u", forwards ? forwards - 1 : 0);
	for (size_t i = 0; (route = sip_message_address(request, SIP_HEADER_ROUTE, i)) != NULL; i++)
		if (i || !is_ours(proxy, &route->uri))
			sip_draft_add_slice(draft, SIP_HEADER_ROUTE, route->text);
	if (!sip_message_to(request)->tag.n && request->method != SIP_MESSAGE)
		sip_draft_add(draft, SIP_HEADER_RECORD_ROUTE, "%s", proxy->route);
	copy_rest(draft, request, false);
	return draft;
}

static bool target_of(const struct sip_draft *draft, struct sip_target *target)
{
	struct sip_uri uri;
	struct sip_address route;
	struct slice first = sip_draft_value(draft, SIP_HEADER_ROUTE, 0);

	*target = (struct sip_target){ .protocol = SIP_UDP };
	if (first.n && sip_address_parse(first, &route, NULL))
		uri = route.uri;
	else if (!sip_uri_parse(sip_draft_request_uri(draft), &uri, NULL))
		return false;
	struct slice protocol;
	if (sip_uri_param(&uri, SLICE("transport"), &protocol) && !sip_protocol_find(protocol, &target->protocol))
		return false;
	return address_parse_host(&target->address, sip_uri_hop_host(&uri), uri.port ? uri.port : 5060);
}

static void pass_back(struct job *job, const struct sip_message *response)
{
	struct sip_draft *draft = sip_draft_response(job->request, response->status, response->reason, slice_of(""));

	sip_draft_set(draft, SIP_HEADER_TO, "%.*s", SLICE_ARG(sip_message_value(response, SIP_HEADER_TO)));
	copy_rest(draft, response, true);
	const char *next = job->admitted && response->status / 100 == 2 ? realm_next_nonce(&job->proxy->realm) : NULL;
	if (next)
		sip_draft_add_named(draft, SLICE("Proxy-Authentication-Info"), slice_of(next));
	enum err err = job->st ? transaction_respond(job->st, draft) : ERR_STATE;
	/* A further 2xx, or one that came again: without state (16.7 5). */
	if (err == ERR_STATE && response->status / 100 == 2) {
		struct sip_message *message = sip_draft_finish(draft, slice_of(""));
		(void)!transport_send_response(transactions_transport(job->proxy->transactions), &job->source, message);
		sip_message_unref(message);
	}
	job->answered |= response->status >= 200;
	sip_draft_free(draft);
}

static void cancel_others(struct job *job, const struct branch *but)
{
	for (size_t i = 0; i < job->count; i++)
		if (&job->branches[i] != but && job->branches[i].ct && !job->branches[i].final &&
		    job->request->method == SIP_INVITE)
			transaction_cancel(job->branches[i].ct, slice_of(""));
}

/* 16.8: who rings for ever, since it was restarted, is cancelled. */
static void timer_c_fires(void *arg)
{
	cancel_others(arg, NULL);
}

static void start_timer_c(struct job *job)
{
	if (job->request->method == SIP_INVITE)
		timer_start(&job->proxy->host->world->timers, &job->timer_c, TIMER_C_S * SECOND_US, timer_c_fires, job);
}

/* 16.7 6: 6xx before all, else the lowest class. */
static bool is_better(unsigned status, const struct sip_message *best)
{
	return !best || (status >= 600 && best->status < 600) ||
	       (best->status < 600 && status / 100 < best->status / 100);
}

static void when_all_are_final(struct job *job)
{
	for (size_t i = 0; i < job->count; i++)
		if (!job->branches[i].final)
			return;
	if (job->answered)
		return;
	if (job->best)
		pass_back(job, job->best);
	else if (job->st) /* no 408 to others than INVITE: RFC 4320 4.2 */
		respond_to(job->st, job->request, job->request->method == SIP_INVITE ? 408 : 480, NULL, NULL);
	job->answered = true;
}

/* RFC 6228 5: it rings no more there, while others go on. */
static void tell_end(struct job *job, const struct branch *branch)
{
	bool others = false;

	for (size_t i = 0; i < job->count; i++)
		others |= !job->branches[i].final;
	if (!job->proxy->tells_ends || !others || !*branch->early || !job->st || job->answered)
		return;
	struct sip_draft *draft = sip_draft_response(job->request, 199, slice_of(NULL), slice_of(""));
	sip_draft_set(draft, SIP_HEADER_TO, "%s", branch->early);
	(void)!transaction_respond(job->st, draft);
	sip_draft_free(draft);
}

static void on_final(struct job *job, struct branch *branch, struct sip_message *response)
{
	branch->final = response->status;
	if (response->status >= 300)
		tell_end(job, branch);
	if (response->status / 100 == 2) {
		if (!job->answered || job->request->method == SIP_INVITE)
			pass_back(job, response);
		cancel_others(job, branch);
		return;
	}
	if (is_better(response->status, job->best)) {
		sip_message_unref(job->best);
		job->best = sip_message_ref(response);
	}
	if (response->status >= 600)
		cancel_others(job, branch);
	when_all_are_final(job);
}

static void on_client(void *arg, struct client_transaction *ct, enum client_event event, struct sip_message *response,
		      enum err err)
{
	struct branch *branch = arg;
	struct job *job = branch->job;

	(void)ct;
	(void)err;
	switch (event) {
	case CLIENT_RESPONSE:
		if (response->status >= 200)
			on_final(job, branch, response);
		else if (response->status > 100 && job->st && !job->answered && job->request->method == SIP_INVITE) {
			start_timer_c(job);
			snprintf(branch->early, sizeof branch->early, "%.*s",
				 SLICE_ARG(sip_message_value(response, SIP_HEADER_TO)));
			pass_back(job, response);
		}
		break;
	case CLIENT_GONE:
		branch->ct = NULL;
		/* fall through */
	default:
		/* RFC 5626 5.3: the flow has failed, and the binding with it. */
		if (branch->by_flow && event == CLIENT_TRANSPORT_ERROR && branch->by_flow->until_us > now(job->proxy)) {
			branch->by_flow->until_us = 0;
			job->proxy->flows_lost++;
		}
		if (!branch->final) {
			branch->final = 408;
			when_all_are_final(job);
		}
		break;
	}
}

/* `binding`: whose contact it is; NULL: nobody's */
static void forward_to(struct job *job, struct slice uri, struct binding *binding)
{
	struct sip_draft *draft = forwarded(job->proxy, job->request, uri);
	struct branch *branch = &job->branches[job->count];
	struct sip_target target;
	enum err err = ERR_NO_ROUTE;

	if (job->count < BRANCHES_MAX && target_of(draft, &target)) {
		*branch = (struct branch){ .job = job };
		if (binding && *binding->flow) {
			branch->by_flow = binding;
			target.protocol = binding->protocol;
			target.address = binding->remote;
		}
		branch->ct = transaction_start(job->proxy->transactions, draft, &target, on_client, branch, &err);
		job->count += branch->ct != NULL;
	}
	sip_draft_free(draft);
}

static void forward(struct proxy *proxy, struct server_transaction *st, struct sip_message *request,
		    const struct sip_source *source, bool admitted)
{
	const struct sip_uri *uri = sip_message_request_uri(request);
	struct job *job = xcalloc(1, sizeof *job);

	job->proxy = proxy;
	job->admitted = admitted;
	job->st = st;
	job->source = *source;
	job->request = sip_message_ref(request);
	list_append(&proxy->jobs, &job->node);
	server_transaction_set_user(st, job);
	start_timer_c(job);
	if (!is_ours(proxy, uri)) {
		forward_to(job, uri->text, NULL);
	} else {
		for (size_t i = 0; i < BINDINGS_MAX; i++) {
			struct binding *binding = &proxy->bindings[i];
			if (binding->until_us > now(proxy) && slice_eq(slice_of(binding->user), uri->user))
				forward_to(job, slice_of(binding->contact), binding);
		}
	}
	if (!job->count) {
		respond(st, 480, NULL, NULL);
		job->answered = true;
	}
}

/* ---- what comes in ---- */

/* Do we ask who sends this? */
static bool needs_password(const struct proxy *proxy, const struct sip_message *request)
{
	return proxy->realm.style.on && is_ours(proxy, &sip_message_from(request)->uri) &&
	       request->method != SIP_BYE && (!sip_message_to(request)->tag.n || proxy->realm.style.inside);
}

static void on_request(void *arg, struct server_transaction *st, struct sip_message *request,
		       const struct sip_source *source)
{
	struct proxy *proxy = arg;
	const struct sip_uri *uri = sip_message_request_uri(request);
	uint32_t forwards = 70;

	(void)sip_message_seconds(request, SIP_HEADER_MAX_FORWARDS, &forwards);
	if (uri->scheme != SIP_SCHEME_SIP)
		respond(st, 416, NULL, NULL);
	else if (!forwards)
		respond(st, 483, NULL, NULL);
	else if (request->method == SIP_REGISTER || request->method == SIP_PUBLISH) {
		if (!realm_admits(&proxy->realm, st, request, false))
			return;
		if (request->method == SIP_REGISTER)
			do_register(proxy, st, request, source);
		else
			do_publish(proxy, st, request);
	} else if (needs_password(proxy, request) && !realm_admits(&proxy->realm, st, request, true))
		return;
	else if (is_ours(proxy, uri) && !uri->user.n)
		respond(st, request->method == SIP_OPTIONS ? 200 : 404, NULL, NULL);
	else
		forward(proxy, st, request, source, needs_password(proxy, request));
}

static void on_ack(void *arg, struct sip_message *ack, const struct sip_source *source)
{
	struct proxy *proxy = arg;
	const struct sip_uri *uri = sip_message_request_uri(ack);
	struct sip_message *sent = NULL;
	struct sip_target target;

	(void)source;
	if (is_ours(proxy, uri))
		return;
	struct sip_draft *draft = forwarded(proxy, ack, uri->text);
	if (target_of(draft, &target))
		(void)!transaction_send_ack(proxy->transactions, draft, &target, &sent);
	sip_message_unref(sent);
	sip_draft_free(draft);
}

static void on_cancel(void *arg, struct server_transaction *st, struct sip_message *cancel)
{
	struct job *job = server_transaction_user(st);

	(void)arg;
	(void)cancel;
	if (!job)
		return;
	cancel_others(job, NULL);
}

static void on_gone(void *arg, struct server_transaction *st, enum err err)
{
	struct job *job = server_transaction_user(st);

	(void)arg;
	(void)err;
	if (job)
		job->st = NULL;
}

static void on_stray(void *arg, struct sip_message *response, const struct sip_source *source)
{
	(void)arg;
	(void)response;
	(void)source;
}

struct proxy *proxy_new(struct host *host, const struct proxy_style *style)
{
	struct proxy *proxy = xcalloc(1, sizeof *proxy);
	struct transaction_handlers handlers = { .request = on_request,
						 .ack = on_ack,
						 .cancel = on_cancel,
						 .stray_2xx = on_stray,
						 .server_gone = on_gone,
						 .arg = proxy };

	proxy->host = host;
	proxy->outbound = style->outbound;
	proxy->route = style->route;
	proxy->tells_ends = style->tells_ends;
	realm_init(&proxy->realm, host->world, &style->realm);
	list_init(&proxy->jobs);
	proxy->transactions = transactions_new(&host->sip, &handlers);
	host->transport = transactions_transport(proxy->transactions);
	return proxy;
}

static void job_free(struct job *job)
{
	list_remove(&job->node);
	timer_stop(&job->proxy->host->world->timers, &job->timer_c);
	sip_message_unref(job->request);
	sip_message_unref(job->best);
	free(job);
}

void proxy_sweep(struct proxy *proxy)
{
	LIST_EACH(&proxy->jobs, node) {
		struct job *job = LIST_ENTRY(node, struct job, node);
		bool busy = job->st != NULL;
		for (size_t i = 0; i < job->count; i++)
			busy |= job->branches[i].ct != NULL;
		if (!busy)
			job_free(job);
	}
}

void proxy_free(struct proxy *proxy)
{
	proxy->host->transport = NULL;
	transactions_free(proxy->transactions);
	LIST_EACH(&proxy->jobs, node)
		job_free(LIST_ENTRY(node, struct job, node));
	free(proxy);
}

size_t proxy_transactions(const struct proxy *proxy)
{
	return transactions_count(proxy->transactions);
}

static void show_line(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "# %s\n", line);
}

void proxy_show(const struct proxy *proxy)
{
	transactions_show(proxy->transactions, show_line, NULL);
}

void proxy_asked(const struct proxy *proxy, unsigned *asked, unsigned *admitted, unsigned *stale)
{
	*asked = proxy->realm.asked;
	*admitted = proxy->realm.admitted;
	*stale = proxy->realm.stale;
}

void proxy_flows(const struct proxy *proxy, unsigned *made, unsigned *lost)
{
	*made = proxy->flows_made;
	*lost = proxy->flows_lost;
}

size_t proxy_bindings(const struct proxy *proxy)
{
	size_t count = 0;

	for (size_t i = 0; i < BINDINGS_MAX; i++)
		count += proxy->bindings[i].until_us > now(proxy);
	return count;
}
