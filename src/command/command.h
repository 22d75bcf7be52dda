/*
 * command: the command language. One table row is the only place where a command is described; look-up, argument
 * checking, completion, help, man page, shell completion, JSON-RPC methods and the fuzz dictionary are made from it.
 *
 *   table       the rows joined, look-up, near misses
 *   do_*        the rows and what they do: accounts, calls (making and ending them), in_call (what is done in one),
 *               keys, messages, people, phone, presence, protocol, screening, scripts, sound, trace, watching;
 *               call_rows what rows about calls share
 *   words       a line -> words: quotes, escapes, $variables, columns
 *   argument    each kind of argument: is a value one of it
 *   bind        words -> the arguments and options of a row; bind_command which row is meant, bind_rest what ends a
 *               line as it stands, bind_members the same from JSON; binder what they share
 *   complete    what may come next on a line; offer what each kind of argument has to offer
 *   commands    what all runners share: aliases, variables of `let`; the turn's end
 *   runner      a stream of commands being run: scripts, the prompt, one JSON client, one handler; queue what
 *               it is given to run
 *   invocation  what the rows' functions share; internal what the floor's files share
 *   script      command files: lines, continuation, the check of a whole file
 *   variable    what $name is
 *   wait        waiting for events: what satisfies a wait, what makes it hopeless
 *   earlier     what came about before a script began and holds still
 *   outcomes    what became of the messages that a script has sent, and of what it asked for
 *   compare     LEFT OP RIGHT of `expect` and `if`
 *   binding     `bind`: keys that run commands
 *   handler     `on`: commands that events start
 *   foreign     what the commands of other phones are called here
 *   event_keys  the keys that events carry, a sentence for each event
 *   options     the options of the program
 *   help        help in the terminal; man the man page; shell completion for bash, zsh and fish. All from the tables
 *   devices     the sound devices: their list, and whether those that a script has named are there
 *   doctor      what is wrong: sockets, accounts, sound, the echo test, one row each
 *   rpc         JSON-RPC on the same table
 */
#pragma once

#include "phone/phone.h"

struct commands; /* one per phone: handlers (`on`), aliases, variables of `let`, runners */
struct runner;   /* one stream of commands */

enum argument_kind {
	ARG_TARGET,
	ARG_CALL,
	ARG_CALL_OR_ALL,
	ARG_ACCOUNT,
	ARG_DIGITS,
	ARG_TEXT,
	ARG_WORD,
	ARG_NUMBER,
	ARG_CODE,
	ARG_DURATION,
	ARG_LEVEL, /* -6dB, off, up, down */
	ARG_FILE,
	ARG_SETTING,
	ARG_VALUE,
	ARG_EVENT,
	ARG_QUANTITY,
	ARG_OPERATOR,
	ARG_CHOICE,
	ARG_DEVICE,
	ARG_CODEC,
	ARG_CONTACT,
	ARG_COMMAND,      /* the rest of the line as it stands: a command, perhaps without all its arguments */
	ARG_COMMAND_LINE, /* the rest of the line as it stands: a command, whole */
	ARG_METHOD,
	ARG_HEADER,
	ARG_YES_NO,
	ARG_PATTERN,
	ARG_KEYWORD,        /* a fixed word of the grammar: its name is the word */
	ARG_NAME,           /* a name that people choose: of a variable, a handler, an alias */
	ARG_ADDRESS,        /* who an account is: sip:alice@atlanta.com */
	ARG_ACCOUNT_OPTION, /* KEY=VALUE of `account add` */
	ARG_STATUS,         /* 0 to 255 */
	ARG_HANDLER,
	ARG_VIEW,
	ARG_TOPIC,
	ARG_SUBJECT,
	ARG_KEY,       /* of `bind` */
	ARG_DIRECTION, /* `select`: a call, next or previous */
};

enum { COMMAND_ARGS_MAX = 8, COMMAND_OPTIONS_MAX = 16, COMMAND_EXAMPLES_MAX = 4 };

struct command_argument {
	const char *name; /* "TARGET"; options: "from" */
	enum argument_kind kind;
	const char *choices; /* ARG_CHOICE: "always|busy|noanswer"; ARG_TARGET: what else than people it takes */
	const char *side;    /* ARG_DEVICE: "input", "output", "ringer", or "both" for the first two at once */
	bool optional, repeats;
	bool required; /* an option that must be there */
	bool with_previous; /* only there when the optional keyword before it is */
	const char *text;   /* a few words for help */
};

enum command_result {
	COMMAND_DONE,
	COMMAND_FAILED, /* invocation.failure tells */
	COMMAND_WAITS,  /* the runner is blocked until runner_resume() */
	COMMAND_EXIT,   /* the script ends with invocation.failure.status */
};

struct invocation;
typedef enum command_result command_run(struct invocation *invocation);

struct command {
	const char *name;    /* "account add": two words are one command */
	const char *aliases; /* "dial invite" or NULL */
	const char *group;   /* "calls" ... as the man page groups them */
	struct command_argument arguments[COMMAND_ARGS_MAX];
	struct command_argument options[COMMAND_OPTIONS_MAX];
	bool event_keys;     /* KEY=PATTERN of events are options as well */
	bool ends;           /* it ends something, and waits for no answer that an earlier command waits for */
	const char *summary; /* "call someone" */
	const char *text;    /* paragraphs for help and man */
	const char *examples[COMMAND_EXAMPLES_MAX];
	command_run *run;
};

/* A command about to run: its words checked against its row. */
struct invocation {
	const struct command *command;
	struct commands *commands;
	struct runner *runner;
	struct phone *phone;
	/* results: lines for people into `out`; for JSON the same as a member of `result` (json_t *, owned) */
	struct buf *out;
	void *result;
	struct failure failure;
	const char *values[COMMAND_ARGS_MAX]; /* by argument; NULL: omitted; a repeating last one is in `rest` */
	bool literal[COMMAND_ARGS_MAX];       /* quoted or from a variable: a value, never the name of a quantity */
	bool network[COMMAND_ARGS_MAX];       /* some of it came from the network */
	const char *const *rest;
	size_t rest_count;
	struct {
		const struct command_argument *option;
		const char *value;
	} options[32];
	size_t option_count;
};
/** The value of an option, or NULL. For repeated ones `nth`. */
const char *invocation_option(const struct invocation *invocation, const char *name, size_t nth);

/** How a runner talks. Any may be NULL. */
struct runner_output {
	void (*result)(void *arg, struct runner *runner, const struct invocation *invocation,
		       const char *text); /* a command ended well; text may be "" */
	/* where: "f.call:1:3: " or ""; runner: NULL for what is nobody's command, as a handler that is taken off */
	void (*error)(void *arg, struct runner *runner, const char *where, const struct failure *failure);
	void (*echo)(void *arg, struct runner *runner, const char *text);
	void (*ended)(void *arg, struct runner *runner, int status); /* no more lines and nothing waits */
	/* `detach` (status -1), or `exit` at its prompt: this end leaves, the phone stays. NULL: it is the phone's
	   own end. Called before the command is answered. */
	void (*detach)(void *arg, struct runner *runner, int status);
	void *arg;
};

/* Made by the front end for results and errors of runners without one of their own: handlers started by `on`. */
void commands_set_output(struct commands *commands, const struct runner_output *output);

struct commands *commands_new(struct phone *phone, struct loop *loop);
void commands_free(struct commands *commands);
/** At the end of each turn: wake waiting runners, fire `on` handlers. */
void commands_turn_end(struct commands *commands);
/** `quit` was said (`exit` at the prompt counts): *status is the exit status. */
bool commands_quit_wanted(const struct commands *commands, int *status);
/** As it stands it is saved: the configuration has run. */
void commands_mark_saved(struct commands *commands);
/** Were accounts, settings, aliases or keys changed since? */
bool commands_unsaved(const struct commands *commands);
/** Does this line leave the phone: quit, shortened or not, or exit? */
bool commands_say_quit(struct slice line);
/** What is asked before leaving with calls up or with something unsaved; free(). NULL: neither. */
char *commands_quit_question(const struct commands *commands);
bool commands_have_handlers(const struct commands *commands);

/**
 * A stream of commands. As it stands it is a script: a command that fails ends it, drops the lines that wait and keeps
 * the status.
 * @param name    what errors call it where no file does: "-x"
 * @param output  copied; its functions may call runner_free()
 */
struct runner *runner_new(struct commands *commands, const char *name, const struct runner_output *output);
void runner_free(struct runner *runner);
/** Go on after a failed line: the prompt, a JSON client, the control socket. A file that such a runner runs still ends
 * at its first failure. */
void runner_keep_going(struct runner *runner, bool keep_going);
/** How wide ladders may be (80), and whether box drawing is out of question (told by the locale). */
void runner_set_columns(struct runner *runner, unsigned columns, bool ascii);
/** Relative names of files in its words and lines begin at this folder, not at the phone's own; "": its own. */
void runner_set_folder(struct runner *runner, const char *folder);
/** While runner_output.error is called: the line at fault and a caret below it, two lines indented by four blanks, each
 * with its line feed; "" where there is none, and of no runner. Print it after the sentence. */
const char *runner_shown_line(const struct runner *runner);
/** Queue one line (typed, -x, RPC). `interactive`: prefixes of commands are allowed. It runs at once if nothing waits.
 */
void runner_line(struct runner *runner, struct slice line, bool interactive);
/** Queue words that are final: not split, expanded or taken for comments. */
void runner_words(struct runner *runner, const char *const *words, size_t count);
/** Queue a command file ("-": standard input was read by the caller, use runner_text). Checked whole first. @return
 * false: cannot be read or has errors (told) */
bool runner_file(struct runner *runner, const char *path, const char *const *args, size_t arg_count);
bool runner_text(struct runner *runner, const char *name, struct slice text);
/** The same for a file whose lines count each for itself: one that fails is told, and the others are run. */
bool runner_file_line_by_line(struct runner *runner, const char *path);
/** Nothing to be run and nothing that is waited for: the next line can be given. */
bool runner_idle(const struct runner *runner);
/** Idle, or `quit` was one of its own commands: when the phone ends now, nobody waits in vain. */
bool runner_leaves_nothing(const struct runner *runner);
/** It has done as much as one turn may do: what it is given now waits for the next. */
bool runner_is_sated(const struct runner *runner);
/** Idle, and nothing that earlier commands began can fail any more: the status is what it is. While more lines may come
 * (`open`) what was sent may still wait for its outcome. */
bool runner_settled(const struct runner *runner);
void runner_keep_open(struct runner *runner, bool open);
/** The call whose keypad the keys are (`dtmf` alone), or 0. */
unsigned runner_keypad(const struct runner *runner);
void runner_keypad_end(struct runner *runner);
/** This one runs the lines that are typed where the phone runs: a `chat` that the program was started with is
 * theirs. */
void runner_set_typed(struct runner *runner);
/** With whom lines are exchanged (`chat`), for the prompt; NULL: lines are commands. */
const char *runner_chat(const struct runner *runner);
/** In a chat: the line being typed has become this; empty: it was sent, or taken back. */
void runner_typing(struct runner *runner, struct slice line);
/** Is this line a command now, and not a text of the chat? */
bool runner_takes_command(const struct runner *runner, struct slice line);
int runner_status(const struct runner *runner);
unsigned runner_call(const struct runner *runner);
void runner_set_call(struct runner *runner, unsigned call);
/** C-c: stop waiting, drop queued lines. */
void runner_interrupt(struct runner *runner);
/** --check: parse a file whole. Errors go to `out`, one a line. @param status  of the first one @return how many */
size_t commands_check_file(struct commands *commands, const char *path, struct buf *out, int *status);

/* ---- keys ---- */
/**
 * The command of a key, named as "C-x", "M-1", "F2" or the letter itself; what is bound in the view goes before what is
 * bound everywhere. `focus`: the view has the keys, else the command line has them.
 * @return NULL: the key is not bound. Borrowed; `bind` and `unbind` may free it
 */
const char *commands_binding(const struct commands *commands, const char *view, bool focus, const char *key);
/** view "": everywhere */
typedef void commands_binding_h(void *arg, const char *view, const char *key, const char *command);
void commands_bindings(const struct commands *commands, commands_binding_h *each, void *arg);

/* ---- completion and help ---- */
struct completion {
	char **words;
	size_t count;
	size_t start; /* byte offset of the word replaced */
};
void commands_complete(struct commands *commands, struct slice line, size_t point, struct completion *completion);
void completion_fini(struct completion *completion);
bool help_print(struct slice topic, struct buf *out); /* empty topic: the overview. false: no such command */
/** The same without printing it. */
bool help_knows(struct slice topic);
void help_print_man(struct buf *out);          /* offhook(1) */
void help_print_commands_man(struct buf *out); /* offhook-commands(5) */
bool help_print_shell_completion(struct slice shell, struct buf *out);

/* ---- JSON-RPC ---- */
enum { RPC_LINE_MAX = 1 << 20 };
/**
 * One line that begins with '{', or with '[': up to 256 requests at once, whose answers come as one array. The answer
 * is given to `reply` as one JSON line now or when the command ends; NULL when a request without an id has ended.
 */
typedef void rpc_reply_h(void *arg, const char *line);
void rpc_line(struct runner *runner, struct slice line, rpc_reply_h *reply, void *arg);
/** A command line as it was typed, answered as a request with this id. */
void rpc_command_line(struct runner *runner, struct slice line, const char *id, rpc_reply_h *reply, void *arg);
/** An event as a JSON-RPC notification, without line feed; free(). */
char *rpc_event(const struct event *event);
char *rpc_hello(void);
