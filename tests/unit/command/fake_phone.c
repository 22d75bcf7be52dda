#include "tests/unit/command/fake_phone.h"

#include "base/xmalloc.h"

#include <math.h>

/* ---- the loop ---- */

struct timers *loop_timers(struct loop *loop)
{
	return &loop->timers;
}

void loop_again(struct loop *loop)
{
	loop->again++;
}

/* One program at a time; a test ends it by child_done. */
struct loop_child *loop_run_child(struct loop *loop, char *const argv[], loop_child_h *done, void *arg, enum err *err)
{
	*err = strncmp(argv[0], "nosuch", 6) != 0 ? ERR_NONE : ERR_NOT_FOUND;
	loop->child_words[0] = 0;
	for (size_t i = 0; argv[i]; i++)
		snprintf(loop->child_words + strlen(loop->child_words),
			 sizeof loop->child_words - strlen(loop->child_words), "[%s]", argv[i]);
	loop->child_done = done;
	loop->child_arg = arg;
	return *err ? NULL : (struct loop_child *)(void *)loop;
}

void loop_child_kill(struct loop_child *child)
{
	if (child)
		((struct loop *)(void *)child)->killed++;
}

/* ---- failing and remembering ---- */

bool fail(struct failure *failure, enum exit_status status, const char *reason, const char *format, ...)
{
	va_list args;

	failure->status = status;
	failure->sip = 0;
	snprintf(failure->reason, sizeof failure->reason, "%s", reason);
	va_start(args, format);
	vsnprintf(failure->text, sizeof failure->text, format, args);
	va_end(args);
	return false;
}

static bool told(struct phone *phone, struct failure *failure, const char *format, ...) PRINTF_LIKE(3, 4);

static bool told(struct phone *phone, struct failure *failure, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(&phone->told, format, args);
	va_end(args);
	buf_add_char(&phone->told, '\n');
	if (!phone->next_failure.text[0])
		return true;
	*failure = phone->next_failure;
	phone->next_failure = (struct failure){ 0 };
	return false;
}

struct events *phone_events(struct phone *phone)
{
	return phone->events;
}

struct settings *phone_settings(struct phone *phone)
{
	return phone->settings;
}

bool phone_codecs_set(struct phone *phone, struct slice names, struct failure *failure)
{
	return phone_set(phone, SLICE("media.codecs"), names, false, failure);
}

bool phone_set(struct phone *phone, struct slice name, struct slice value, bool from_config, struct failure *failure)
{
	const struct setting_row *row = setting_find(name);
	struct buf why;

	(void)from_config;
	if (!told(phone, failure, "set %.*s=%.*s", SLICE_ARG(name), SLICE_ARG(value)))
		return false;
	buf_init(&why, 300);
	bool good = row && settings_set(phone->settings, row, value, &why);
	if (!good)
		fail(failure, STATUS_USAGE, "value", "%s", buf_text(&why));
	buf_fini(&why);
	return good;
}

/* ---- calls ---- */

static struct call_view *view_of(const struct phone *phone, unsigned call)
{
	for (size_t i = 0; i < phone->call_count; i++)
		if (phone->calls[i].number == call)
			return (struct call_view *)(uintptr_t)&phone->calls[i];
	return NULL;
}

static unsigned add_call(struct phone *phone, bool incoming, enum call_state state)
{
	struct call_view *view = &phone->calls[phone->call_count++];
	static const char *const ids[] = { "id1", "id2", "id3", "id4", "id5", "id6", "id7", "id8" };

	*view = (struct call_view){ .number = (unsigned)phone->call_count,
				    .id = ids[phone->call_count - 1],
				    .state = state,
				    .incoming = incoming,
				    .uri = "sip:bob@biloxi.com",
				    .name = "Bob",
				    .account = "alice",
				    .reason = "",
				    .cause = "",
				    .codec = "",
				    .recording = "" };
	return view->number;
}

bool phone_call(struct phone *phone, struct slice target, const struct call_options *options, unsigned *call,
		struct buf *dialled, struct failure *failure)
{
	if (!told(phone, failure, "call %.*s%s%s%s%s%s%s%s", SLICE_ARG(target),
		  options && options->from ? " from=" : "", options && options->from ? options->from : "",
		  options && options->codec ? " codec=" : "", options && options->codec ? options->codec : "",
		  options && options->no_sdp ? " nosdp" : "",
		  options && options->headers && options->headers[0] ? " " : "",
		  options && options->headers && options->headers[0] ? options->headers[0] : ""))
		return false;
	*call = add_call(phone, false, CALL_DIALLING);
	if (dialled)
		buf_printf(dialled, "dialling %.*s", SLICE_ARG(target));
	return true;
}

#define WITH_CALL(name)                                                                                                \
	bool phone_##name(struct phone *phone, unsigned *call, struct failure *failure)                                \
	{                                                                                                              \
		return told(phone, failure, #name " %d", (int)*call);                                                  \
	}
WITH_CALL(ring)
WITH_CALL(progress)
WITH_CALL(hangup)
WITH_CALL(hold)
WITH_CALL(resume)

bool phone_answer(struct phone *phone, unsigned *call, int64_t after_us, struct failure *failure)
{
	return told(phone, failure, "answer %u after %lld", *call, (long long)after_us);
}

bool phone_reject(struct phone *phone, unsigned *call, unsigned code, struct slice reason, struct failure *failure)
{
	return told(phone, failure, "reject %u %u '%.*s'", *call, code, SLICE_ARG(reason));
}

bool phone_redirect(struct phone *phone, unsigned *call, struct slice target, struct failure *failure)
{
	return told(phone, failure, "redirect %u %.*s", *call, SLICE_ARG(target));
}

bool phone_reinvite(struct phone *phone, unsigned *call, bool no_sdp, struct failure *failure)
{
	return told(phone, failure, "reinvite %u %d", *call, no_sdp);
}

bool phone_update(struct phone *phone, unsigned *call, bool no_sdp, struct failure *failure)
{
	return told(phone, failure, "update %u %d", *call, no_sdp);
}

bool phone_say_also(struct phone *phone, enum call_meant meant, unsigned *call, const struct request_words *words,
		    struct failure *failure)
{
	return told(phone, failure, "also %d %u %s %.*s '%.*s'", (int)meant, *call,
		    words->headers && words->headers[0] ? words->headers[0] : "-", SLICE_ARG(words->type),
		    SLICE_ARG(words->body));
}

bool phone_info(struct phone *phone, unsigned *call, struct slice type, struct slice body, const char *const *headers,
		unsigned *request, struct failure *failure)
{
	*request = 8;
	return told(phone, failure, "info %u %.*s '%.*s' %s", *call, SLICE_ARG(type), SLICE_ARG(body),
		    headers && headers[0] ? headers[0] : "-");
}

bool phone_request(struct phone *phone, struct slice method, struct slice target, const struct request_words *words,
		   unsigned *request, struct failure *failure)
{
	*request = 9;
	return told(phone, failure, "request %.*s %.*s %.*s '%.*s' %s", SLICE_ARG(method), SLICE_ARG(target),
		    SLICE_ARG(words->type), SLICE_ARG(words->body),
		    words->headers && words->headers[0] ? words->headers[0] : "-");
}

bool phone_refers_under_way(const struct phone *phone)
{
	return phone->under_way;
}

bool phone_refer(struct phone *phone, struct slice target, struct slice to, const char *const *headers,
		 unsigned *request, struct failure *failure)
{
	*request = 7;
	return told(phone, failure, "refer %.*s %.*s %s", SLICE_ARG(target), SLICE_ARG(to),
		    headers && headers[0] ? headers[0] : "-");
}

bool phone_transfer(struct phone *phone, unsigned *call, struct slice target, const char *const *headers,
		    struct failure *failure)
{
	return told(phone, failure, "transfer %u %.*s %s", *call, SLICE_ARG(target),
		    headers && headers[0] ? headers[0] : "-");
}

bool phone_transfer_with(struct phone *phone, unsigned *call, unsigned with, const char *const *headers,
			 struct failure *failure)
{
	return told(phone, failure, "transfer %u with %u %s", *call, with, headers && headers[0] ? headers[0] : "-");
}

bool phone_accept_transfer(struct phone *phone, unsigned *call, unsigned request, struct failure *failure)
{
	return told(phone, failure, "accept-transfer %u request %u", *call, request);
}

bool phone_refuse_transfer(struct phone *phone, unsigned *call, unsigned request, struct failure *failure)
{
	return told(phone, failure, "refuse-transfer %u request %u", *call, request);
}

bool phone_mute(struct phone *phone, unsigned call, bool muted, struct failure *failure)
{
	return told(phone, failure, "mute %u %d", call, muted);
}

bool phone_select(struct phone *phone, unsigned *call, int step, struct failure *failure)
{
	return told(phone, failure, "select %u %d", *call, step);
}

bool phone_dtmf(struct phone *phone, unsigned *call, struct slice digits, struct slice via, struct failure *failure)
{
	return told(phone, failure, "dtmf %u %.*s '%.*s'", *call, SLICE_ARG(digits), SLICE_ARG(via));
}

bool phone_redial(struct phone *phone, unsigned entry, unsigned *call, struct buf *dialled, struct failure *failure)
{
	return phone_call(phone, entry == 2 ? SLICE("sip:c@d") : SLICE("sip:last@biloxi.com"), NULL, call, dialled,
			  failure);
}

bool phone_options(struct phone *phone, struct slice target, const char *const *headers, unsigned *request,
		   struct failure *failure)
{
	*request = ++phone->request;
	return told(phone, failure, "options %.*s%s", SLICE_ARG(target), headers[0] ? headers[0] : "");
}

bool phone_message(struct phone *phone, struct slice to, struct slice text, const char *from,
		   const char *const *headers, unsigned *number, struct failure *failure)
{
	(void)from;
	(void)headers;
	*number = ++phone->message;
	return told(phone, failure, "message %.*s '%.*s'", SLICE_ARG(to), SLICE_ARG(text));
}

bool phone_subscribe(struct phone *phone, struct slice to, const char *package, const char *from, uint32_t expires_s,
		     char **uri, struct failure *failure)
{
	(void)from;
	if (!told(phone, failure, "subscribe %.*s %s %u", SLICE_ARG(to), package ? package : "presence", expires_s))
		return false;
	*uri = slice_dup(to);
	return true;
}

bool phone_subscribe_under_way(const struct phone *phone, const char *uri, const char *package)
{
	(void)uri;
	(void)package;
	return phone->under_way;
}

bool phone_unsubscribe(struct phone *phone, struct slice to, const char *package, struct failure *failure)
{
	return told(phone, failure, "unsubscribe %.*s %s", SLICE_ARG(to), package ? package : "");
}

bool phone_set_status(struct phone *phone, struct slice word, struct slice text, struct failure *failure)
{
	return told(phone, failure, "status %.*s '%.*s'", SLICE_ARG(word), SLICE_ARG(text));
}

void phone_status(const struct phone *phone, const char **word, const char **text)
{
	(void)phone;
	*word = "available";
	*text = "";
}

bool phone_publish(struct phone *phone, const char *from, bool on, const char **account, struct failure *failure)
{
	*account = from ? from : "alice";
	return told(phone, failure, "publish %s %s", from ? from : "", on ? "on" : "off");
}

bool phone_publish_under_way(const struct phone *phone, const char *account)
{
	(void)account;
	return phone->under_way;
}

bool phone_account_under_way(const struct phone *phone, const char *account)
{
	(void)account;
	return phone->under_way;
}

bool phone_change_under_way(const struct phone *phone, unsigned call)
{
	(void)call;
	return phone->under_way;
}

bool phone_digits_under_way(const struct phone *phone, unsigned call, bool *stuck)
{
	(void)call;
	*stuck = false;
	return phone->under_way;
}

bool phone_pickup(struct phone *phone, struct slice target, bool anywhere, unsigned *call, struct buf *dialled,
		  struct failure *failure)
{
	(void)anywhere;
	return phone_call(phone, target, NULL, call, dialled, failure);
}

bool phone_admit_watcher(struct phone *phone, unsigned number, bool may, struct failure *failure)
{
	return told(phone, failure, "%s watcher %u", may ? "accept" : "refuse", number);
}

bool phone_join(struct phone *phone, struct slice target, unsigned *call, struct buf *dialled, struct failure *failure)
{
	return phone_call(phone, target, NULL, call, dialled, failure);
}

bool phone_screen(struct phone *phone, struct slice pattern, bool allows, struct failure *failure)
{
	return told(phone, failure, "%s %.*s", allows ? "allow" : "block", SLICE_ARG(pattern));
}

bool phone_unscreen(struct phone *phone, struct slice pattern, bool allows, struct failure *failure)
{
	return told(phone, failure, "%s %.*s off", allows ? "allow" : "block", SLICE_ARG(pattern));
}

void phone_screens(const struct phone *phone, phone_screen_h *each, void *arg)
{
	(void)phone;
	each(arg, "*@example.com", false);
}

bool phone_forward(struct phone *phone, const char *when, struct slice to, int64_t after_us, struct failure *failure)
{
	return told(phone, failure, "forward %s %.*s %d", when ? when : "all", SLICE_ARG(to),
		    (int)(after_us / SECOND_US));
}

void phone_forwards(const struct phone *phone, phone_forward_h *each, void *arg)
{
	(void)phone;
	each(arg, "noanswer", "sip:bob@biloxi.com", 15 * SECOND_US);
}

void phone_typing(struct phone *phone, struct slice to, bool typing)
{
	struct failure ignored;

	told(phone, &ignored, "typing %.*s %s", SLICE_ARG(to), typing ? "on" : "off");
}

bool phone_messages(struct phone *phone, struct slice with, phone_message_h *each, void *arg, struct failure *failure)
{
	(void)each;
	(void)arg;
	return told(phone, failure, "messages %.*s", SLICE_ARG(with));
}

bool phone_messages_find(struct phone *phone, struct slice with, phone_message_h *each, void *arg,
			 struct failure *failure)
{
	return phone_messages(phone, with, each, arg, failure);
}

bool phone_messages_under_way(const struct phone *phone)
{
	return phone->under_way;
}

bool phone_target(struct phone *phone, struct slice text, struct buf *uri, struct buf *shown, struct failure *failure)
{
	(void)phone;
	(void)failure;
	buf_printf(uri, "sip:%.*s@biloxi.com", SLICE_ARG(text));
	buf_add(shown, text);
	return true;
}

unsigned phone_selected(const struct phone *phone)
{
	return phone->selected;
}

unsigned phone_find_call(const struct phone *phone, struct slice word)
{
	uint32_t number;

	for (size_t i = 0; i < phone->call_count; i++)
		if ((slice_to_u32(word, &number) && number == phone->calls[i].number) ||
		    slice_eq(word, slice_of(phone->calls[i].id)))
			return phone->calls[i].number;
	return 0;
}

bool phone_call_ended(const struct phone *phone, unsigned call)
{
	const struct call_view *view = view_of(phone, call);

	return view && (view->state == CALL_ENDED || view->state == CALL_FAILED);
}

const char *call_state_name(enum call_state state)
{
	static const char *const names[] = { "calling",  "trying", "ringing", "early", "incoming",
					     "answered", "held",   "ended",   "failed" };

	return names[state];
}

size_t phone_calls(const struct phone *phone, struct call_view *views, size_t max)
{
	for (size_t i = 0; i < phone->call_count && i < max; i++)
		views[i] = phone->calls[i];
	return phone->call_count;
}

bool phone_view_call(const struct phone *phone, unsigned call, struct call_view *view)
{
	const struct call_view *found = view_of(phone, call);

	if (found)
		*view = *found;
	return found != NULL;
}

/* ---- accounts ---- */

static bool told_words(struct phone *phone, const char *verb, struct slice subject, const char *const *words,
		       struct failure *failure)
{
	struct buf text;

	buf_init(&text, 1000);
	for (size_t i = 0; words[i]; i++)
		buf_printf(&text, " [%s]", words[i]);
	bool good = told(phone, failure, "%s %.*s%s", verb, SLICE_ARG(subject), buf_text(&text));
	buf_fini(&text);
	return good;
}

bool phone_account_add(struct phone *phone, struct slice address, const char *const *options, struct failure *failure)
{
	return told_words(phone, "account add", address, options, failure);
}

bool phone_account_set(struct phone *phone, struct slice account, const char *const *options, struct failure *failure)
{
	return told_words(phone, "account set", account, options, failure);
}

bool phone_account_remove(struct phone *phone, struct slice account, struct failure *failure)
{
	return told(phone, failure, "account remove %.*s", SLICE_ARG(account));
}

bool phone_account_fetch(struct phone *phone, struct slice account, unsigned *request, struct failure *failure)
{
	*request = ++phone->request;
	return told(phone, failure, "fetch '%.*s'", SLICE_ARG(account));
}

void phone_account_bindings(const struct phone *phone, struct slice account, phone_binding_h *each, void *arg)
{
	(void)phone;
	(void)account;
	each(arg, "sip:alice@192.0.2.7", 600);
}

bool phone_account_default(struct phone *phone, struct slice account, struct failure *failure)
{
	return told(phone, failure, "account default %.*s", SLICE_ARG(account));
}

bool phone_register(struct phone *phone, struct slice account, struct failure *failure)
{
	return told(phone, failure, "register '%.*s'", SLICE_ARG(account));
}

bool phone_unregister(struct phone *phone, struct slice account, bool all_bindings, struct failure *failure)
{
	return told(phone, failure, "unregister '%.*s' %d", SLICE_ARG(account), all_bindings);
}

const char *const *phone_account_options(void)
{
	static const char *const names[] = { "name",      "display",  "user",
					     "auth-user", "password", "password-command",
					     "registrar", "expires",  NULL };

	return names;
}

size_t phone_accounts(const struct phone *phone, struct account_view *views, size_t max)
{
	for (size_t i = 0; i < phone->account_count && i < max; i++)
		views[i] = phone->accounts[i];
	return phone->account_count;
}

bool phone_view_account(const struct phone *phone, struct slice account, struct account_view *view)
{
	for (size_t i = 0; i < phone->account_count; i++)
		if (!account.n || slice_eq(account, slice_of(phone->accounts[i].name))) {
			*view = phone->accounts[i];
			return true;
		}
	return false;
}

bool phone_save(struct phone *phone, struct slice extra, struct failure *failure)
{
	return told(phone, failure, "save '%.*s'", SLICE_ARG(extra));
}

/* ---- people, sound ---- */

bool phone_contact_add(struct phone *phone, struct slice name, struct slice target, const char *kind,
		       unsigned preference, struct failure *failure)
{
	return told(phone, failure, "contact add '%.*s' %.*s %s %u", SLICE_ARG(name), SLICE_ARG(target),
		    kind ? kind : "-", preference);
}

bool phone_contact_set(struct phone *phone, struct slice name, const char *key, struct slice value,
		       struct failure *failure)
{
	return told(phone, failure, "contact set '%.*s' %s='%.*s'", SLICE_ARG(name), key, SLICE_ARG(value));
}

bool phone_contact_remove(struct phone *phone, struct slice name, struct failure *failure)
{
	return told(phone, failure, "contact remove '%.*s'", SLICE_ARG(name));
}

void phone_contacts(const struct phone *phone, phone_contact_h *each, void *arg)
{
	(void)phone;
	static const struct contact_address bob[] = { { "sip:bob@biloxi.com", "", 0 } },
					    carol[] = { { "sip:carol@chicago.com", "work", 1 },
							{ "+1-555-0100", "mobile", 0 } },
					    zoe[] = { { "sip:zoe@dublin.com", "", 0 } };

	each(arg, &(struct contact_view){ "Bob Brown", "", "", 0, bob, 1 });
	each(arg, &(struct contact_view){ "Carol", "chime", "off", 7, carol, 2 });
	each(arg, &(struct contact_view){ "Zoe O'Brien", "", "", 0, zoe, 1 });
}

void phone_recent(const struct phone *phone, phone_recent_h *each, void *arg)
{
	(void)phone;
	each(arg, "sip:dave@denver.com");
	each(arg, "sip:$HOME@evil.example");
}

bool phone_audio_use(struct phone *phone, const char *which, struct slice names, bool from_script,
		     struct failure *failure)
{
	return told(phone, failure, "audio %s '%.*s' %d", which, SLICE_ARG(names), from_script);
}

bool phone_play(struct phone *phone, unsigned *call, const char *path, const char *to, bool mix,
		struct failure *failure)
{
	return told(phone, failure, "play %u '%s' to %s%s", *call, path, to ? to : "-", mix ? " mixed" : "");
}

bool phone_conference(struct phone *phone, const unsigned *calls, size_t count, struct failure *failure)
{
	return told(phone, failure, "conference %zu calls, first %u", count, calls[0]);
}

bool phone_split(struct phone *phone, unsigned *call, struct failure *failure)
{
	return told(phone, failure, "split %u", *call);
}

bool phone_audio_test(struct phone *phone, struct failure *failure)
{
	return told(phone, failure, "audio test");
}

bool phone_stop(struct phone *phone, unsigned *call, struct failure *failure)
{
	return told(phone, failure, "stop %u", *call);
}

bool phone_record_start(struct phone *phone, unsigned *call, const char *pattern, int64_t max_us, struct buf *name,
			struct failure *failure)
{
	buf_printf(name, "%s", pattern ? pattern : "r.wav");
	return told(phone, failure, "record %u '%s' max %lld", *call, pattern ? pattern : "-", (long long)max_us);
}

bool phone_record_stop(struct phone *phone, unsigned *call, struct failure *failure)
{
	return told(phone, failure, "record stop %u", *call);
}

bool phone_record_pause(struct phone *phone, unsigned *call, bool paused, struct failure *failure)
{
	return told(phone, failure, "record pause %u %d", *call, paused);
}

bool phone_is_writing(const struct phone *phone, unsigned call)
{
	(void)phone;
	(void)call;
	return false;
}

static void list_devices(phone_device_h *each, void *arg)
{
	each(arg, "null", "input output", false);
	each(arg, "USB Headset", "input output", true);
	each(arg, "Desk Microphone", "input", false);
	each(arg, "Screen", "output", false);
	each(arg, NULL, NULL, false);
}

void phone_audio_list(struct phone *phone, phone_device_h *each, void *arg)
{
	if (!phone->slow_devices) {
		list_devices(each, arg);
		return;
	}
	phone->device_each = each;
	phone->device_arg = arg;
}

void fake_devices(struct fake *fake)
{
	phone_device_h *each = fake->phone->device_each;

	fake->phone->device_each = NULL;
	if (each)
		list_devices(each, fake->phone->device_arg);
}

void phone_codecs(const struct phone *phone, phone_codec_h *each, void *arg)
{
	(void)phone;
	each(arg, "opus", true);
	each(arg, "PCMU", true);
	each(arg, "PCMA", false);
}

/* ---- watching ---- */

bool phone_show(struct phone *phone, struct slice what, struct slice argument, struct buf *out, struct failure *failure)
{
	buf_printf(out, "shown %.*s\n", SLICE_ARG(what));
	return told(phone, failure, "show %.*s '%.*s'", SLICE_ARG(what), SLICE_ARG(argument));
}

bool phone_why(struct phone *phone, struct slice subject, struct buf *out, struct failure *failure)
{
	buf_printf(out, "because\n");
	return told(phone, failure, "why '%.*s'", SLICE_ARG(subject));
}

void phone_trace_set(struct phone *phone, bool on)
{
	phone->traced = on;
}

void phone_ladder(struct phone *phone, const struct message_filter *filter, unsigned cols, bool ascii,
		  phone_ladder_h *each, void *arg)
{
	char text[80];

	(void)phone;
	snprintf(text, sizeof text, "ladder of %u, %u wide%s", filter->call, cols, ascii ? ", ascii" : "");
	each(arg, &(struct ladder_line){ .text = slice_of(text) });
}

static void print_filter(const struct message_filter *filter, struct buf *out)
{
	buf_printf(out, " of %u", filter->call);
	if (filter->account)
		buf_printf(out, ", account %s", filter->account);
	if (filter->match)
		buf_printf(out, ", match %s", filter->match);
	if (filter->since_us)
		buf_printf(out, ", since %lld s", (long long)(filter->since_us / SECOND_US));
	buf_add_char(out, '\n');
}

void phone_trace_text(struct phone *phone, const struct message_filter *filter, struct buf *out)
{
	(void)phone;
	buf_printf(out, "text");
	print_filter(filter, out);
}

void phone_trace_list(struct phone *phone, const struct message_filter *filter, struct slice find, struct buf *out)
{
	(void)phone;
	if (find.n)
		buf_printf(out, "found %.*s", SLICE_ARG(find));
	else
		buf_printf(out, "list");
	print_filter(filter, out);
}

bool phone_trace_save(struct phone *phone, const char *path, const struct message_filter *filter, enum capture_rtp rtp,
		      size_t *packets, struct failure *failure)
{
	(void)filter;
	*packets = 3;
	return told(phone, failure, "save %s rtp %d", path, (int)rtp);
}

const char *const *phone_quantity_names(void)
{
	static const char *const names[] = { "call.state",  "call.code",   "call.remote", "call.duration",
					     "sent.",       "received.",   "media.loss",  "media.mos",
					     "heard.level", "calls.count", NULL };

	return names;
}

bool quantity_parse(struct slice text, double *number)
{
	char *copy = slice_dup(text), *end;
	bool good = true;

	*number = strtod(copy, &end);
	if (end == copy)
		good = false;
	else if (!strcmp(end, "%"))
		*number /= 100;
	else if (!strcmp(end, "ms"))
		*number /= 1000;
	else if (*end && strcmp(end, "dB") && strcmp(end, "s"))
		good = false;
	free(copy);
	return good;
}

bool phone_quantity(const struct phone *phone, unsigned call, struct slice name, struct buf *text, double *number,
		    bool *is_number)
{
	const struct call_view *view = view_of(phone, call ? call : phone->selected);

	*is_number = true;
	if (slice_eq(name, SLICE("calls.count"))) {
		*number = (double)phone->call_count;
		buf_printf(text, "%zu", phone->call_count);
	} else if (slice_eq(name, SLICE("media.loss"))) {
		*number = 0.005;
		buf_printf(text, "0.50%%");
	} else if (slice_eq(name, SLICE("heard.level"))) {
		*number = -30;
		buf_printf(text, "-30.0dB");
	} else if (slice_eq(name, SLICE("call.code"))) {
		*number = view ? view->code : 0;
		if (view && view->code)
			buf_printf(text, "%u", view->code);
	} else if (slice_eq(name, SLICE("call.state")) || slice_eq(name, SLICE("media.mos")) ||
		   slice_eq(name, SLICE("call.duration"))) {
		*is_number = false;
		buf_printf(text, "%s", view && slice_ends(name, SLICE("state")) ? call_state_name(view->state) : "");
	} else if (slice_eq(name, SLICE("call.remote")) || slice_begins(name, SLICE("received.")) ||
		   slice_begins(name, SLICE("sent."))) {
		*is_number = false;
		buf_printf(text, "../..\033[31m/etc/.x");
	} else if (setting_find(name)) {
		char *key = slice_dup(name);
		*is_number = false;
		buf_printf(text, "%s", settings_text(phone->settings, key));
		free(key);
	} else {
		return false;
	}
	return true;
}

/* ---- what a runner says ---- */

static void on_result(void *arg, struct runner *runner, const struct invocation *invocation, const char *text)
{
	struct fake *fake = arg;

	(void)runner;
	(void)invocation;
	if (*text)
		buf_printf(&fake->said, "= %s", text);
}

static void on_error(void *arg, struct runner *runner, const char *where, const struct failure *failure)
{
	struct fake *fake = arg;

	buf_printf(&fake->said, "! %s%s [%d %s]\n%s", where, failure->text, (int)failure->status, failure->reason,
		   runner ? runner_shown_line(runner) : "");
}

static void on_echo(void *arg, struct runner *runner, const char *text)
{
	struct fake *fake = arg;

	(void)runner;
	buf_printf(&fake->said, "> %s\n", text);
}

static void on_ended(void *arg, struct runner *runner, int status)
{
	struct fake *fake = arg;

	(void)runner;
	fake->ended++;
	fake->status = status;
}

struct runner_output fake_output(struct fake *fake)
{
	return (struct runner_output){
		.result = on_result, .error = on_error, .echo = on_echo, .ended = on_ended, .arg = fake
	};
}

int fake_setup(void **state)
{
	struct fake *fake = xcalloc(1, sizeof *fake);
	struct runner_output output = fake_output(fake);

	timers_init(&fake->loop.timers, SECOND_US);
	fake->phone = xcalloc(1, sizeof *fake->phone);
	fake->phone->loop = &fake->loop;
	fake->phone->events = events_new();
	fake->phone->settings = settings_new(NULL, NULL);
	buf_init(&fake->phone->told, 1 << 20);
	buf_init(&fake->said, 4 << 20);
	fake->commands = commands_new(fake->phone, &fake->loop);
	commands_set_output(fake->commands, &output);
	fake->runner = runner_new(fake->commands, "-x", &output);
	*state = fake;
	return 0;
}

int fake_teardown(void **state)
{
	struct fake *fake = *state;

	runner_free(fake->runner);
	commands_free(fake->commands);
	fake_devices(fake);
	events_free(fake->phone->events);
	settings_free(fake->phone->settings);
	buf_fini(&fake->phone->told);
	buf_fini(&fake->said);
	timers_fini(&fake->loop.timers);
	free(fake->phone);
	free(fake);
	return 0;
}

unsigned fake_call(struct fake *fake, bool incoming, enum call_state state)
{
	return add_call(fake->phone, incoming, state);
}

void fake_event(struct fake *fake, const char *name, unsigned call, ...)
{
	static const char *const keys[] = { "account", "code",  "reason", "from",  "to",   "digit",    "cause",
					    "request", "codec", "id",     "retry", "text", "duration", "message",
					    "package", "direction", "refresh", "by", "target" };
	struct event *event;
	enum event_kind kind;
	const char *field;
	va_list args;

	assert_true(event_find(slice_of(name), &kind));
	event = events_add(fake->phone->events, kind, call);
	va_start(args, call);
	while ((field = va_arg(args, const char *))) {
		struct slice value = slice_of(field), key = slice_cut(&value, '=');
		size_t i = 0;
		uint64_t number;
		while (i < ARRAY_LEN(keys) && !slice_eq(key, slice_of(keys[i])))
			i++;
		assert_true(i < ARRAY_LEN(keys));
		if (slice_to_u64(value, 1u << 30, &number) && strcmp(keys[i], "digit"))
			event_number(event, keys[i], (double)number);
		else
			event_text(event, keys[i], value);
	}
	va_end(args);
}

void fake_turn(struct fake *fake)
{
	do {
		fake->loop.again = 0;
		commands_turn_end(fake->commands);
	} while (fake->loop.again);
}

void fake_advance(struct fake *fake, int64_t us)
{
	timers_advance(&fake->loop.timers, us);
	fake_turn(fake);
}

void fake_run(struct fake *fake, const char *line)
{
	runner_line(fake->runner, slice_of(line), false);
}

void fake_type(struct fake *fake, const char *line)
{
	runner_line(fake->runner, slice_of(line), true);
}

bool fake_file(struct fake *fake, const char *text)
{
	return runner_text(fake->runner, "f.call", slice_of(text));
}

static const char *take(struct buf *from)
{
	static char last[1 << 16];

	snprintf(last, sizeof last, "%s", buf_text(from));
	buf_clear(from);
	return last;
}

const char *fake_said(struct fake *fake)
{
	return take(&fake->said);
}

const char *fake_told(struct fake *fake)
{
	return take(&fake->phone->told);
}

/* Two calls of the past. */
void phone_history(struct phone *phone, const struct history_filter *filter, phone_history_h *each, void *arg)
{
	struct failure failure;

	told(phone, &failure, "history kind=%s since=%d match=%s", filter->kind ? filter->kind : "",
	     filter->since_unix_s != 0, filter->match ? filter->match : "");
	each(arg, &(struct history_row){ 2, 1795344122, true, "missed", 0, 487, "work", "sip:c@d", "Carol", "no", "" });
	each(arg,
	     &(struct history_row){ 1, 1795344000, false, "answered", 75, 200, "", "sip:b@c", "=x\"", "", "Bob/work" });
}

void phone_history_seen(struct phone *phone)
{
	struct failure failure;

	told(phone, &failure, "history seen");
}

bool phone_contacts_import(struct phone *phone, const char *path, size_t *taken, size_t *left, struct failure *failure)
{
	*taken = 2;
	*left = 1;
	return told(phone, failure, "import %s", path);
}

bool phone_contacts_export(struct phone *phone, const char *path, size_t *count, struct failure *failure)
{
	*count = 2;
	return told(phone, failure, "export %s", path);
}

void phone_saved_text(const struct phone *phone, struct slice extra, struct buf *text)
{
	(void)phone;
	buf_add(text, extra);
}

bool phone_account_words(const struct phone *phone, struct slice account, struct buf *out)
{
	(void)phone;
	(void)account;
	buf_printf(out, " transport=tcp");
	return true;
}

bool phone_account_face(const struct phone *phone, struct slice account, char *text, size_t room)
{
	(void)phone;
	(void)account;
	snprintf(text, room, "192.0.2.7:5060");
	return true;
}

void phone_listens(const struct phone *phone, const char *before, const char *behind, struct buf *out)
{
	(void)phone;
	buf_printf(out, "%s127.0.0.1:5060%s", before, behind);
}

bool phone_start(struct phone *phone, struct failure *failure)
{
	return told(phone, failure, "start");
}
