/* What the files of command/ share; nobody above includes it. */
#pragma once

#include "base/list.h"
#include "base/timer.h"
#include "command/bind.h"
#include "command/script.h"

enum {
	HANDLERS_MAX = 256,
	FIRINGS_MAX = 256,
	CHAIN_PER_SECOND = 100, /* firings of a handler by what handlers did themselves */
	CHAIN_CALLS = 256,      /* calls of handlers that are remembered */
	VARIABLES_MAX = 65536,
	ALIASES_MAX = 512,
	PATTERNS_MAX = BOUND_OPTIONS_MAX,
	SCRIPT_DEPTH_MAX = 32,
	COMMANDS_A_TURN = 500,   /* then the phone gets its turn */
	ANSWER_BYTES_A_COMMAND = 64, /* an answer of so many bytes costs the turn as much as another command */
};

struct near;

/* ---- what all runners share ---- */

struct variable {
	struct list_node node;
	char *name, *value;
	bool network; /* its value came from the network */
};

struct alias {
	struct list_node node;
	char *name, *text;
};

/* KEY=PATTERN... of `wait` and `on`. */
struct event_filter {
	bool kinds[EVENT_KINDS];
	struct {
		const char *key;
		char *pattern;
	} patterns[PATTERNS_MAX];
	size_t pattern_count;
};

struct handler {
	struct list_node node;
	char *name, *command, *event; /* event: as it was written */
	struct event_filter filter;
	uint64_t since; /* fires for events above this number */
	int64_t second_us; /* when the second began in which `fired` counts */
	unsigned fired;
	bool dead;
};

struct commands {
	struct phone *phone;
	struct loop *loop;
	struct list runners, handlers, variables, aliases, bindings;
	size_t variable_count, alias_count, handler_count, binding_count;
	struct settings *scratch;    /* to try values on */
	struct runner_output output; /* of handlers */
	struct runner *typed;        /* runs what is typed where the phone runs; NULL: nothing is */
	uint64_t cursor;             /* the last event that handlers have seen */
	unsigned firings;            /* runners of handlers */
	unsigned chain[CHAIN_CALLS]; /* the calls that handlers started last, by number */
	unsigned handlers_made;
	uint64_t saved; /* a print of what is saved, or was there when the configuration had run */
	bool quit, turning, knows_saved;
	int quit_status;
	struct list device_requests, device_checks;
	char **devices, **device_kinds; /* that the sound helper told last, for completion; kinds: "input output" */
	size_t device_count;
};

const struct variable *variable_find(const struct commands *commands, struct slice name);
bool variable_set(struct commands *commands, struct slice name, struct slice value, bool network,
		  struct failure *failure);
struct slice alias_find(const struct commands *commands, struct slice name);
bool alias_set(struct commands *commands, struct slice name, struct slice text, struct failure *failure);
void aliases_offer(const struct commands *commands, struct near *near);
struct timers *commands_timers(const struct commands *commands);

/* ---- runners ---- */

typedef void reply_h(void *arg, const char *line);

/* Whom to answer: the id of a JSON-RPC request. */
struct reply {
	void *id;      /* json_t *, owned; NULL: a notification, or no JSON at all */
	reply_h *send; /* NULL: results go to the runner's output */
	void *arg;
	bool as_text; /* the result is what people read */
	bool in_turn; /* never before what was asked for before it */
};

enum item_kind { ITEM_LINE, ITEM_WORDS, ITEM_BOUND, ITEM_SCRIPT };

/* Something to be run. */
struct item {
	struct list_node node;
	enum item_kind kind;
	bool interactive, go_on;
	bool looked_at, sleeps, waits, ends; /* once it was looked at: it is `sleep`, `wait`, or ends something */
	char *line;
	unsigned number; /* of a line that came alone: the first is 1 */
	char **words;    /* ITEM_WORDS, and the arguments of an ITEM_SCRIPT, $0 first */
	size_t word_count;
	struct bound bound;
	struct script *script; /* ITEM_SCRIPT; of a line: the file it stands in, or NULL */
	size_t script_line;    /* the next one; of a line: its own */
	size_t shift;          /* bytes of the line before an inner command */
	struct reply reply;
};

enum wait_kind { WAIT_NOTHING, WAIT_EVENT, WAIT_SLEEP, WAIT_RESPONSE, WAIT_DOCTOR, WAIT_DEVICES, WAIT_PROGRAM };

struct wait {
	enum wait_kind kind;
	struct event_filter filter;
	bool negated, any_call;
	unsigned call;   /* 0: any, or none yet */
	int status;      /* status=; -1: none */
	uint64_t cursor; /* the last event looked at */
	int64_t within_us;
	unsigned request; /* WAIT_RESPONSE */
	void (*answered)(struct invocation *invocation); /* what a 2xx brought; NULL: its code and how long it took */
	int64_t began_us;
	char *words; /* "answered": what is waited for, for errors */
	struct device_request *devices;
	struct doctor *doctor;
	struct loop_child *program;
	bool prints; /* the event's sentence */
};

enum adopted {
	ADOPTED_ID,
	ADOPTED_FROM,
	ADOPTED_TO,
	ADOPTED_ACCOUNT,
	ADOPTED_CODE,
	ADOPTED_REASON,
	ADOPTED_DIGIT,
	ADOPTED_TEXT,
	ADOPTED_FILE,
	ADOPTED_EVENT,
	ADOPTED_COUNT
};

struct runner {
	struct list_node node;
	struct commands *commands;
	char *name, *folder; /* folder: NULL: the phone's own */
	struct runner_output output;
	bool keep_going, ascii, of_handler, running, dead, busy, had_work;
	bool open; /* more lines may come */
	bool quit_said;  /* by a command of this one */
	bool quit_asked; /* an attached terminal was asked whether to leave all the same */
	bool over; /* a script that failed or said `exit` */
	unsigned columns, lines_given;
	unsigned device_checks; /* names of devices that it gave and nobody has looked up yet */
	struct list queue, batches; /* batches: requests that are answered together */
	int status, last_status;
	unsigned call;
	unsigned keypad;         /* the call whose digits keys are; 0: none */
	char *chat, *chat_name; /* whom lines are sent to; NULL: nobody */
	/* of what was run since the last turn ended, in commands: whoever sends many at once has one turn for all */
	size_t turn_cost;
	struct sent *sent;      /* without outcome, so far as it was looked for */
	size_t sent_count;
	unsigned last_message;
	uint64_t asked_at; /* the last event before its last `subscribe` or `publish` */
	bool has_asked;
	char *adopted[ADOPTED_COUNT];
	unsigned adopted_call;
	uint64_t begin, seen; /* events: the last before the script began; the last that `used` tells about */
	unsigned char *used;  /* a bit an event, by number: it has satisfied a wait */
	struct item *current;
	struct bound bound;
	struct invocation invocation;
	struct buf out, shown;
	struct wait wait;
	struct timer timer;
};

struct item *runner_item_new(enum item_kind kind);
void runner_item_free(struct item *item);
/** Tell an error; a script that does not keep going is over. @param shown  the line at fault with its caret, or "" */
void runner_refuse(struct runner *runner, const char *where, const struct failure *failure, const char *shown);
/** A command has begun to wait: what ends something and stood behind what is over now runs beside it. */
void runner_let_pass(struct runner *runner);
/** Queue a line in front of all others: the command of `if`. It answers for the present one. */
void runner_push_inner(struct runner *runner, const char *line, size_t shift, bool go_on);
/** Queue a file in front of all others. */
bool runner_push_file(struct runner *runner, const char *path, const char *const *args, size_t arg_count,
		      struct failure *failure);
void runner_queue_bound(struct runner *runner, struct bound *bound, struct reply reply);
void runner_queue_reply_line(struct runner *runner, struct slice line, bool interactive, struct reply reply);
/** Words that are final. */
void runner_queue_reply_words(struct runner *runner, const char *const *words, size_t count, struct reply reply);
/** Where the present command stands: "f.call:1:3: " and its line with a caret, as runner_output.error has them. */
void runner_place(const struct runner *runner, size_t at, struct buf *where, struct buf *shown);
/** What an earlier command began has failed: the script ends with that, whatever it does now; a prompt is only told.
 * May free the runner. */
void runner_fail(struct runner *runner, const char *where, const char *shown, const struct failure *failure);
/** What the runner waits for has come (or failed, as runner->invocation.failure tells): go on. */
void runner_resume(struct runner *runner, enum command_result result);
/** Run what can be run. May free the runner. */
void runner_run(struct runner *runner);
/** Take the values of an event for $code and the rest. */
void runner_adopt(struct runner *runner, const struct event *event);
void runner_adopt_value(struct runner *runner, enum adopted which, struct slice value);
/** The arguments of the innermost file: $0, $1 ...; NULL: none. */
const struct item *runner_script(const struct runner *runner);
/** Is the present command typed at a prompt? */
bool runner_is_interactive(const struct runner *runner);
words_expand_h runner_expand; /* arg: struct runner * */
/** The names of the phone's variables, NULL behind the last. */
const char *const *variable_names(void);

/* ---- waiting ---- */

/** Begin to wait: at once done, failed, or blocked. */
enum command_result wait_begin(struct invocation *invocation);
/** Wait for the next event of this kind; its sentence and its keys are the result. */
enum command_result wait_begin_event(struct invocation *invocation, enum event_kind kind, int64_t within_us);
/** Wait for the event `response` of this request; `cursor` is the last event before it was sent. */
enum command_result wait_begin_response(struct invocation *invocation, unsigned request, uint64_t cursor,
					void (*answered)(struct invocation *invocation));
/** The event of before the runner began that tells what is waited for and holds still; NULL: none. */
const struct event *wait_find_earlier(const struct runner *runner);
/** At the turn's end: has it come? */
void wait_poll(struct runner *runner);
void wait_fini(struct runner *runner);
void wait_begin_timer(struct runner *runner, int64_t us);

/** Has this event satisfied a wait of the runner? */
bool wait_has_used(const struct runner *runner, uint64_t number);

/* ---- outcomes ---- */

/** What a script has sent and does not wait for. */
enum sent_kind {
	SENT_MESSAGE,   /* events `message-sent` and `message-failed` */
	SENT_REFER,     /* `refer` */
	SENT_SUBSCRIBE, /* `subscribed` and `subscribe-failed` */
	SENT_PUBLISH,   /* `published` and `publish-failed` */
	SENT_UNPUBLISH, /* `unpublished` and `publish-failed` */
	SENT_REGISTER,  /* `registered` and `register-failed` */
	SENT_UNREGISTER, /* `unregistered` and `register-failed` */
	SENT_HOLD,      /* of a call: `held`, or a `reinvite` of ours that was refused */
	SENT_RESUME,    /* `resumed`, or the same */
	SENT_REINVITE,  /* `reinvite` of ours */
	SENT_UPDATE,    /* `update` of ours */
	SENT_TRANSFER,  /* `transferred` and `transfer-failed` by us */
	SENT_DIGITS,    /* in a call: nothing tells that they are out */
};
struct sent {
	enum sent_kind kind;
	unsigned number; /* that the events of a message or a REFER tell; of what is done to a call: the call */
	char *uri, *package; /* that those of a subscription tell; uri: or the account; on the heap */
	uint64_t since;  /* the last event before it */
	bool forgiven;   /* how it ends is nobody's failure: "-message bob hello" */
};
/** The script has sent this, which is the runner's from now on: its failure is the script's, and its end waits for it.
 */
void outcomes_add(struct runner *runner, struct sent sent);
/** The same for what the present command did to a call, or to an account (of which `uri` is the name). */
void outcomes_add_call(struct runner *runner, enum sent_kind kind, unsigned call, uint64_t since);
void outcomes_add_account(struct runner *runner, enum sent_kind kind, const char *account, uint64_t since);
/** Forget all that was sent. */
void outcomes_forget(struct runner *runner);
/** The script's last message has failed, and no other is under way: nothing good can come. */
bool outcomes_last_failed(struct runner *runner, struct failure *failure);
/** The same of our last transfer of this call: nothing else will tell that it went well. */
bool outcomes_transfer_failed(struct runner *runner, unsigned call, struct failure *failure);
/** "; presence of ... is not watched: ...": what went wrong last of that which the runner waits for. */
void outcomes_add_failures(const struct runner *runner, struct buf *text);
/** The script subscribes or publishes now. */
void outcomes_asked(struct runner *runner);
/** What it asked for last has failed for good, as this event says. */
bool outcomes_given_up(struct runner *runner, enum event_kind failed, struct failure *failure);
/** The script has run out of commands: forget what ended well, fail for what did not. */
void outcomes_settle(struct runner *runner);

bool filter_from(struct event_filter *filter, const struct invocation *invocation, struct slice events, bool with_call,
		 struct failure *failure);
void filter_fini(struct event_filter *filter);
/** Do kind and all patterns fit? */
bool filter_matches(const struct event_filter *filter, const struct event *event);
/** An event as JSON object (json_t *, new). */
void *event_object(const struct event *event);

/* ---- comparing ---- */

/** LEFT OP RIGHT. `was` gets what LEFT was. @return false with `failure`: they cannot be compared */
bool compare(struct invocation *invocation, const char *left, bool literal, const char *operation, const char *right,
	     bool *truth, struct buf *was);

/* ---- handlers ---- */

/** A script has started a call. */
void handlers_note_call(struct runner *runner, unsigned call);
void handlers_turn_end(struct commands *commands);
bool handler_add(struct invocation *invocation);
bool handler_remove(struct commands *commands, struct slice name);
void handlers_free(struct commands *commands);

/* ---- what do_* share ---- */

enum call_need { NEED_RINGING, NEED_HELD, NEED_ALIVE, NEED_ANY };
/** The call meant by `word` (NULL: omitted; then 0 may be the answer, for the phone to choose). @return false with the
 * failure of the invocation */
bool invocation_call(struct invocation *invocation, const char *word, enum call_need need, unsigned *call);
enum command_result invocation_end(struct invocation *invocation, bool good);
/** header=, body= and type= of a command that makes us send something in a call. *call becomes the one meant. */
bool invocation_say_also(struct invocation *invocation, enum call_meant meant, unsigned *call);
/** A command that needs nothing but a call. The runner's current call becomes the one that was meant. */
enum command_result invocation_with_call(struct invocation *invocation, const char *word, enum call_need need,
					 bool (*run)(struct phone *phone, unsigned *call, struct failure *failure));
/** The ladder of a call, of an account's registration, or (NULL) of everything. */
enum command_result invocation_ladder(struct invocation *invocation, const char *subject);
/** The messages kept, or those with `with` (may be NULL). */
enum command_result invocation_messages(struct invocation *invocation, const char *with);
/** The result {"call": N}. */
enum command_result invocation_end_call(struct invocation *invocation, bool good, unsigned call);
enum command_result invocation_fail(struct invocation *invocation, enum exit_status status, const char *reason,
				    const char *format, ...) PRINTF_LIKE(4, 5);
/** All values of header=, NULL-ended; free(). */
const char **invocation_headers(const struct invocation *invocation);
/** The words of a repeating argument joined by `separator`; free(). */
char *invocation_rest(const struct invocation *invocation, const char *separator);
/** List the devices: now or when the helper answers. */
enum command_result devices_begin(struct invocation *invocation);
void devices_ask(struct commands *commands);
/** The runner that waits for a list does so no more. */
void devices_abandon(struct device_request *request);
void devices_forget(struct commands *commands);
/**
 * Choose devices: `side` is "input", "output" or "ringer", `also` another or NULL, `names` a wish list. A script that
 * names a device which is not there ends with status 6, at the latest when all its commands are done; a request is
 * answered with that, and what was in use stays.
 */
enum command_result devices_use(struct invocation *invocation, const char *side, const char *also, struct slice names);
/** `shell`: run a program where script.allow-shell is on; its output and its exit status are those of the command. */
enum command_result program_begin(struct invocation *invocation);
/** `doctor`: one step after the other, polled at each turn's end. */
enum command_result doctor_begin(struct invocation *invocation);
enum command_result doctor_poll(struct doctor *doctor);
void doctor_abandon(struct doctor *doctor);
/** The runner ends: nobody wants to know any more whether its devices are there. */
void devices_forget_checks(struct runner *runner);
