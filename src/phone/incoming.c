/* A call comes in: whose it is, and what becomes of it before anybody is asked. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"
#include "phone/screening.h"

/* Ports and descriptors are there again when other calls end. */
static bool passes(const struct failure *failure)
{
	static const enum err errors[] = { ERR_DESCRIPTORS, ERR_ADDRESS_IN_USE, ERR_FULL };

	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (!strcmp(failure->reason, err_name(errors[i])))
			return true;
	return false;
}

/* It cannot be answered, and nobody is there to try again: the caller must not ring for ever. */
static void refuse_unanswerable(struct call *call, const struct failure *failure)
{
	const struct extra_header later = { SLICE("Retry-After"), SLICE("4") };
	bool soon = passes(failure);
	enum err err = soon ? session_say_also(call->session, &later, 1, (struct slice){ 0 }, (struct slice){ 0 })
			    : ERR_NONE;

	if (!err)
		err = session_reject(call->session, soon ? 503 : 500, (struct slice){ 0 }, (struct slice){ 0 });
	if (err)
		log_line(call->phone->log, LOG_WARNING, "call %u could not be refused", call->number);
}

static bool rings_by_itself(const struct call *call)
{
	return settings_on(call_settings(call, "call.auto-ring"), "call.auto-ring");
}

/* Who insists on reliable 1xx (RFC 3262) waits for one. */
static bool must_ring_first(const struct call *call)
{
	return rings_by_itself(call) && sip_message_lists(call->invite, SIP_HEADER_REQUIRE, SLICE("100rel"));
}

static void begin_work(void *arg)
{
	struct call *call = arg;
	struct failure failure;
	bool good = true, automatic = call->wants_answer || call->wants_progress;

	if (!call_is_ringing(call) || !call->session)
		return;
	if (call->reject_code) {
		enum err err = session_reject(call->session, call->reject_code, slice_of(call->refusal),
					      slice_of(call->forward_to));
		/* A handler of `on incoming` may have been told so already. */
		if (err && err != ERR_STATE)
			log_line(call->phone->log, LOG_WARNING, "call %u could not be refused", call->number);
	} else if (call->wants_answer) {
		good = !must_ring_first(call) || phone_ring(call->phone, &call->number, &failure);
		good = good && call_answer_now(call, &failure);
		if (good && !call->ended && !call->phone->selected)
			calls_select(call->phone, call);
	} else if (call->wants_progress) {
		good = call_progress_now(call, &failure);
	} else if (call->wants_ring) {
		good = phone_ring(call->phone, &call->number, &failure);
	}
	if (!good)
		log_line(call->phone->log, LOG_ERROR, "%s", failure.text);
	if (!good && automatic && call_is_ringing(call) && call->session)
		refuse_unanswerable(call, &failure);
	calls_update_tones(call->phone);
}

/* Is there no way to answer its offer? */
static bool is_unacceptable(struct call *call)
{
	enum media_encryption encryption = encryption_of_call(call);
	bool required = encryption == MEDIA_ENCRYPTION_REQUIRED,
	     over_clear = required && !encryption_may_send_keys(call);

	unsigned warning = 0;
	bool answerable =
		!over_clear && (!sip_message_has_body(call->invite, "application", "sdp") ||
				media_can_answer(call, sip_message_body(call->invite, "application", "sdp"),
						 &call->local, call_codecs(call), encryption, &warning));
	session_set_warning(call->session, warning);
	if (!answerable && required)
		log_line(call->phone->log, LOG_WARNING, "call %u from %s is refused: media.encryption is required, %s",
			 call->number, call->uri,
			 over_clear ? "and keys would be read by everybody on its way (media.encryption-over-clear)"
				    : "and its offer has nothing that we can encrypt");
	return !answerable;
}

static void note_replaced(struct call *call)
{
	const struct session *replaced = session_replaced(call->session);

	if (!replaced)
		return;
	LIST_EACH(&call->phone->calls, node) {
		const struct call *old = LIST_ENTRY(node, struct call, node);
		if (old->session == replaced)
			call->replaces = old->number;
	}
}

/* As the caller asks. @return false: it asks for nothing special, or may not */
static bool decide_by_wish(struct call *call)
{
	int64_t after_us;
	enum auto_answer wish = call_wants_auto_answer(call, &after_us);

	if (wish == AUTO_ANSWER_REFUSED)
		call->reject_code = 403;
	if (wish != AUTO_ANSWER_YES)
		return wish == AUTO_ANSWER_REFUSED;
	call->beeps = true;
	call->wants_answer = !after_us;
	call->wants_ring = after_us && rings_by_itself(call);
	if (after_us)
		call_answer_after(call, after_us);
	return true;
}

static void decide(struct call *call, const struct sip_source *source)
{
	const struct account *account = account_find(call->phone, slice_of(call->account_name));
	const char *automatic = contacts_auto_answer_of(call->phone->contacts, slice_of(call->uri));

	if (!*automatic)
		automatic = settings_text(call_settings(call, "call.auto-answer"), "call.auto-answer");
	if (!strcmp(automatic, "on") && call_wants_manual_answer(call))
		automatic = "off";
	note_replaced(call);
	join_note(call, source);
	session_set_ring_timeout(call->session,
				 settings_number(call_settings(call, "call.ring-timeout"), "call.ring-timeout"));
	if (account && !call->replaces && account_is_full(account, call))
		call->reject_code = 486;
	else if (is_unacceptable(call))
		call->reject_code = 488;
	else if (call->reject_code)
		return;
	else if (!strcmp(automatic, "on") || call->replaces || call->joins_at_once)
		call->wants_answer = true;
	else if (decide_by_wish(call))
		return;
	else if (!strcmp(automatic, "progress"))
		call->wants_progress = true;
	else
		call->wants_ring = rings_by_itself(call);
}

void calls_incoming(struct phone *phone, struct session *session, struct sip_message *invite,
		    const struct sip_source *source)
{
	struct call *call = call_new(phone, true);
	struct account *account = account_of_request(phone, invite, source);
	const struct sip_address *peer = session_peer(session), *to = sip_message_to(invite);
	struct session_handlers handlers = call_handlers(call);
	struct identity identity;
	struct arena arena;
	char nobody[160];

	arena_init(&arena);
	call->session = session;
	call->invite = sip_message_ref(invite);
	call->source = source->remote;
	call->local = source->local;
	call->private_signalling = signalling_is_private(source->protocol, &source->remote);
	identity_of(phone, account, &source->local, nobody, &identity);
	session_set_handlers(session, &handlers);
	session_set_identity(session, &identity);
	free(call->call_id);
	call->call_id = clean(session_call_id(session));
	if (peer)
		call_set_peer(call, sip_address_display(&arena, peer), peer->uri.text);
	arena_fini(&arena);
	call_note_caller(call, invite, source);
	if (account)
		account_takes_call(call, account);
	free(call->account_uri);
	call->account_uri =
		account ? xstrdup(account->uri) : clean(to ? to->uri.text : sip_message_value(invite, SIP_HEADER_TO));
	call->target = NULL;
	decide(call, source);
	/* Who takes over a call or takes part in one disturbs nobody anew; who comes to full lines may be sent on. */
	bool screened = (!call->reject_code || call->reject_code == 486) && !call->replaces && !call->joins &&
			screening_take(phone->screening, call);
	call->wants_ring &= !screened;
	if (!screened) {
		struct event *event = call_event(call, EVENT_INCOMING);
		call_tell_caller(call, event);
		join_tell(call, event);
	}
	if (call->wants_ring)
		screening_ringing(phone->screening, call);
	/* 180 leaves at once: a script that answers in this very turn must not overtake it. The rest is done when the
	 * session's own handler has returned. */
	if (call->wants_ring)
		begin_work(call);
	else
		timer_start(phone->timers, &call->work_timer, 0, begin_work, call);
	calls_update_tones(phone);
}
