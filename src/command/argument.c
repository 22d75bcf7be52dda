#include "command/argument.h"
#include "command/binding.h"

#include "command/event_keys.h"
#include "command/internal.h"
#include "command/table.h"
#include "command/words.h"

#include <stdio.h>
#include <string.h>

static bool usage(struct failure *failure, const char *reason, const struct near *near, const char *format, ...)
	PRINTF_LIKE(4, 5);

static bool usage(struct failure *failure, const char *reason, const struct near *near, const char *format, ...)
{
	struct buf text;
	va_list args;

	buf_init(&text, sizeof failure->text);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	if (near)
		near_print(near, &text);
	fail(failure, STATUS_USAGE, reason, "%s", buf_text(&text));
	buf_fini(&text);
	return false;
}

bool choice_has(const char *choices, struct slice word)
{
	struct slice rest = slice_of(choices);

	while (rest.p)
		if (slice_eq(slice_cut(&rest, '|'), word))
			return true;
	return false;
}

static bool check_choice(const struct command_argument *argument, struct slice value, struct failure *failure)
{
	struct near near;

	if (choice_has(argument->choices, value))
		return true;
	near_init(&near, value);
	for (struct slice rest = slice_of(argument->choices); rest.p;)
		near_offer(&near, slice_cut(&rest, '|'));
	/* An option's name tells which word of the line is meant; arguments have their places. */
	bool is_option = *argument->name >= 'a' && *argument->name <= 'z';
	const char *format = strchr(argument->choices, '|') ? "%s%s'%.*s' is not one of %s"
							    : "%s%s'%.*s' is not %s, the only value there is";
	return usage(failure, "choice", &near, format, is_option ? argument->name : "", is_option ? "=" : "",
		     SLICE_ARG(slice_sub(value, 0, 60)), argument->choices);
}

/* Where nothing like it is there, where to look. @return false */
static bool listed(struct failure *failure, const char *topic)
{
	size_t n = strlen(failure->text);

	if (!strstr(failure->text, "did you mean"))
		snprintf(failure->text + n, sizeof failure->text - n, "; `help%s%s` lists them", *topic ? " " : "",
			 topic);
	return false;
}

bool events_parse(struct slice text, bool wanted[EVENT_KINDS], struct failure *failure)
{
	struct slice rest = text;

	memset(wanted, 0, EVENT_KINDS * sizeof *wanted);
	do {
		struct slice word = slice_cut(&rest, '|');
		enum event_kind kind;
		if (!event_find(word, &kind)) {
			struct near near;
			near_init(&near, word);
			for (int i = 0; i < EVENT_KINDS; i++)
				near_offer(&near, slice_of(event_name((enum event_kind)i)));
			return usage(failure, "event", &near, "%.*s: no such event",
				     SLICE_ARG(slice_sub(word, 0, 60))) ||
			       listed(failure, "events");
		}
		wanted[kind] = true;
	} while (rest.p);
	return true;
}

/* "sent." stands for every name behind the dot. */
static bool quantity_matches(struct slice known, struct slice name)
{
	if (slice_ends(known, SLICE(".")))
		return slice_begins(name, known) && name.n > known.n;
	return slice_eq(known, name);
}

bool quantity_is_known(struct slice name)
{
	const char *const *names = phone_quantity_names();

	for (size_t i = 0; names[i]; i++)
		if (quantity_matches(slice_of(names[i]), name))
			return true;
	return setting_find(name) != NULL;
}

static void near_settings(struct near *near)
{
	for (size_t i = 0; i < setting_count; i++)
		near_offer(near, slice_of(setting_rows[i].name));
}

bool quantity_is_number(struct slice value)
{
	double number;

	return !quantity_is_known(value) && quantity_parse(value, &number);
}

bool quantity_check(struct slice value, struct failure *failure)
{
	const char *const *names = phone_quantity_names();
	struct near near;

	if (quantity_is_known(value))
		return true;
	near_init(&near, value);
	for (size_t i = 0; names[i]; i++)
		near_offer(&near, slice_of(names[i]));
	near_settings(&near);
	return usage(failure, "quantity", &near, "%.*s: no such quantity or setting",
		     SLICE_ARG(slice_sub(value, 0, 60))) ||
	       listed(failure, "quantities");
}

static bool check_setting(struct slice value, struct failure *failure)
{
	struct near near;

	if (setting_find(value))
		return true;
	near_init(&near, value);
	near_settings(&near);
	return usage(failure, "setting", &near, "%.*s: no such setting", SLICE_ARG(slice_sub(value, 0, 60))) ||
	       listed(failure, "settings");
}

bool setting_value_check(struct commands *commands, struct slice name, struct slice value, struct failure *failure)
{
	const struct setting_row *row = setting_find(name);
	struct buf why;
	bool good;

	if (!row)
		return check_setting(name, failure);
	/* Settings of nobody: they only say whether the value would do. */
	if (!commands->scratch)
		commands->scratch = settings_new(NULL, NULL);
	buf_init(&why, sizeof failure->text);
	good = settings_set(commands->scratch, row, value, &why);
	if (!good)
		fail(failure, STATUS_USAGE, "value", "%s", buf_text(&why));
	buf_fini(&why);
	return good;
}

static bool check_account_option(const struct argument_context *context, struct slice value, struct failure *failure)
{
	const char *const *names = phone_account_options();
	struct slice rest = value, key = slice_cut(&rest, '=');
	struct near near;

	if (!rest.p)
		return usage(failure, "option", NULL, "'%.*s' must be written as KEY=VALUE",
			     SLICE_ARG(slice_sub(value, 0, 60)));
	near_init(&near, key);
	/* Of single realms: password@REALM=... The phone looks closer. */
	if (slice_begins(key, SLICE("password@")) || slice_begins(key, SLICE("auth-user@")))
		return true;
	for (size_t i = 0; names[i]; i++) {
		if (slice_eq(slice_of(names[i]), key))
			return !setting_find(key) || context->literal || !rest.n ||
			       setting_value_check(context->commands, key, rest, failure);
		near_offer(&near, slice_of(names[i]));
	}
	if (setting_find(key))
		return usage(failure, "option", NULL,
			     "%.*s counts for the whole phone, no account has it for itself: `set %.*s VALUE`",
			     SLICE_ARG(key), SLICE_ARG(key));
	return usage(failure, "option", &near, "%.*s: no such option of an account", SLICE_ARG(slice_sub(key, 0, 60)));
}

static bool check_digits(struct slice value, struct failure *failure)
{
	for (size_t i = 0; i < value.n; i++)
		if (!value.p[i] || !strchr("0123456789*#ABCDabcd,", value.p[i]))
			return usage(failure, "digits", NULL,
				     "'%c' is no digit of a telephone: there are 0 to 9, * # A to D, and the comma for "
				     "a pause",
				     value.p[i]);
	return value.n > 0 || usage(failure, "digits", NULL, "no digits");
}

static bool check_duration(struct slice value, struct failure *failure)
{
	int64_t us;
	uint64_t number;

	if (duration_parse(value, &us))
		return true;
	if (slice_to_u64(value, UINT64_MAX, &number))
		return usage(failure, "duration", NULL, "%.*s has no unit: write %.*ss, %.*sms or %.*sm",
			     SLICE_ARG(slice_sub(value, 0, 20)), SLICE_ARG(slice_sub(value, 0, 20)),
			     SLICE_ARG(slice_sub(value, 0, 20)), SLICE_ARG(slice_sub(value, 0, 20)));
	return usage(failure, "duration", NULL, "'%.*s' is no duration: write 250ms, 10s, 5m, 1h or none",
		     SLICE_ARG(slice_sub(value, 0, 60)));
}

/* The text of the argument says which there are: a microphone is not turned off, it is muted. */
static bool check_level(const struct command_argument *argument, struct slice value, struct failure *failure)
{
	bool is_off = slice_ieq(value, SLICE("off"));
	int64_t level;

	if (is_off ? strstr(argument->text, "off") != NULL : level_parse(value, &level) || choice_has("up|down", value))
		return true;
	return usage(failure, "level", NULL, "'%.*s' is no level: write %s", SLICE_ARG(slice_sub(value, 0, 60)),
		     argument->text);
}

static bool check_number(struct slice value, uint64_t from, uint64_t to, const char *what, struct failure *failure)
{
	uint64_t number;

	if (slice_to_u64(value, to, &number) && number >= from)
		return true;
	/* As far as numbers go, which nobody need know. */
	if (to >= UINT32_MAX)
		return usage(failure, "number", NULL, "'%.*s' is no %s: digits alone are expected",
			     SLICE_ARG(slice_sub(value, 0, 60)), what);
	return usage(failure, "number", NULL, "'%.*s' is no %s: a number from %llu to %llu is expected",
		     SLICE_ARG(slice_sub(value, 0, 60)), what, (unsigned long long)from, (unsigned long long)to);
}

static bool check_operator(struct slice value, struct failure *failure)
{
	if (choice_has("==|!=|<|<=|>|>=|=~", value))
		return true;
	return usage(failure, "operator", NULL, "'%.*s' is no comparison: there are == != < <= > >= and =~",
		     SLICE_ARG(slice_sub(value, 0, 60)));
}

static bool check_call(const struct command_argument *argument, struct slice value, struct failure *failure)
{
	bool all = argument->kind == ARG_CALL_OR_ALL, step = argument->kind == ARG_DIRECTION;

	if ((all && slice_eq(value, SLICE("all"))) ||
	    (step && (slice_eq(value, SLICE("next")) || slice_eq(value, SLICE("previous")))))
		return true;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] == ' ' || value.p[i] == '\t')
			value.n = 0;
	return value.n > 0 || usage(failure, "call", NULL, "a call is expected: its number or id%s",
				    all    ? ", or all"
				    : step ? ", next or previous"
					   : "");
}

static bool check_header(struct slice value, struct failure *failure)
{
	struct slice rest = value, name = slice_trim(slice_cut(&rest, ':'));

	if (rest.p && name.n && !memchr(value.p, '\n', value.n) && !memchr(value.p, '\r', value.n))
		for (size_t i = 0;; i++) {
			if (i == name.n)
				return true;
			if (name.p[i] <= ' ' || name.p[i] == 0x7f || strchr("()<>@,;\\\"/[]?={}", name.p[i]))
				break;
		}
	return usage(failure, "header", NULL, "'%.*s' is no header field: write header=Name:value",
		     SLICE_ARG(slice_sub(value, 0, 60)));
}

static bool check_key(struct slice value, struct failure *failure)
{
	char key[BINDING_KEY];

	return binding_key_read(value, key) ||
	       usage(failure, "key", NULL,
		     "'%.*s' is no key and no view: keys are F1 to F12, C-x, M-1, PageUp and the like",
		     SLICE_ARG(slice_sub(value, 0, 20)));
}

static bool check_topic(struct slice value, struct failure *failure)
{
	if (help_knows(value))
		return true;
	struct near near;
	near_init(&near, value);
	for (size_t i = 0, n = table_count(); i < n; i++)
		near_offer(&near, slice_of(table_row(i)->name));
	for (size_t i = 0; i < setting_count; i++)
		near_offer(&near, slice_of(setting_rows[i].name));
	return usage(failure, "topic", &near, "%.*s: no help on this", SLICE_ARG(slice_sub(value, 0, 60))) ||
	       listed(failure, "");
}

bool argument_check(const struct argument_context *context, const struct command_argument *argument, struct slice value,
		    struct failure *failure)
{
	bool wanted[EVENT_KINDS];

	if (value.n && memchr(value.p, '\0', value.n))
		return usage(failure, "value", NULL, "%s has a zero byte", argument->name);
	switch (argument->kind) {
	case ARG_CALL:
	case ARG_CALL_OR_ALL:
	case ARG_DIRECTION:
		return check_call(argument, value, failure);
	case ARG_CHOICE:
	case ARG_VIEW:
		return check_choice(argument, value, failure);
	case ARG_KEY:
		return check_key(value, failure);
	case ARG_YES_NO:
		return choice_has("yes|no|on|off", value) ||
		       usage(failure, "choice", NULL, "'%.*s' is neither yes nor no",
			     SLICE_ARG(slice_sub(value, 0, 60)));
	case ARG_DIGITS:
		return check_digits(value, failure);
	case ARG_NUMBER:
		return check_number(value, 0, UINT32_MAX, "number", failure);
	case ARG_CODE:
		return check_number(value, 400, 699, "SIP status that refuses", failure);
	case ARG_STATUS:
		return check_number(value, 0, 255, "exit status", failure);
	case ARG_DURATION:
		return check_duration(value, failure);
	case ARG_LEVEL:
		return check_level(argument, value, failure);
	case ARG_SETTING:
		return check_setting(value, failure);
	case ARG_EVENT:
		return events_parse(value, wanted, failure);
	case ARG_QUANTITY:
		return context->literal || quantity_is_number(value) || quantity_check(value, failure);
	case ARG_OPERATOR:
		return check_operator(value, failure);
	case ARG_HEADER:
		return check_header(value, failure);
	case ARG_NAME:
		if (argument->choices && slice_eq(value, slice_of(argument->choices)))
			return true;
		return name_is_plain(value) ||
		       usage(failure, "name", NULL, "'%.*s' is no name: letters, digits and _, no digit first",
			     SLICE_ARG(slice_sub(value, 0, 60)));
	case ARG_ACCOUNT_OPTION:
		return check_account_option(context, value, failure);
	case ARG_TOPIC:
		return check_topic(value, failure);
	case ARG_VALUE:
		if (context->command && context->values && context->values[0])
			return setting_value_check(context->commands, slice_of(context->values[0]), value, failure);
		return true;
	case ARG_TARGET:
	case ARG_ADDRESS:
	case ARG_ACCOUNT:
	case ARG_FILE:
	case ARG_CONTACT:
	case ARG_DEVICE:
	case ARG_CODEC:
	case ARG_HANDLER:
	case ARG_SUBJECT:
		return slice_trim(value).n || usage(failure, "empty", NULL, "%s is empty", argument->name);
	case ARG_COMMAND:
	case ARG_COMMAND_LINE:
		return !(value.n && (memchr(value.p, '\n', value.n) || memchr(value.p, '\r', value.n))) ||
		       usage(failure, "value", NULL, "%s is more than one line", argument->name);
	case ARG_TEXT:
	case ARG_WORD:
	case ARG_METHOD:
	case ARG_PATTERN:
	case ARG_KEYWORD:
		return true;
	}
	return true;
}

const char *argument_kind_word(enum argument_kind kind)
{
	switch (kind) {
	case ARG_TARGET:
		return "TARGET";
	case ARG_CALL:
	case ARG_CALL_OR_ALL:
	case ARG_DIRECTION:
		return "CALL";
	case ARG_ACCOUNT:
		return "ACCOUNT";
	case ARG_NUMBER:
	case ARG_STATUS:
		return "N";
	case ARG_CODE:
		return "CODE";
	case ARG_DURATION:
		return "DURATION";
	case ARG_LEVEL:
		return "LEVEL";
	case ARG_FILE:
		return "FILE";
	case ARG_DEVICE:
		return "DEVICE";
	case ARG_CODEC:
		return "CODEC";
	case ARG_HEADER:
		return "NAME:VALUE";
	case ARG_YES_NO:
		return "yes|no";
	case ARG_PATTERN:
		return "PATTERN";
	case ARG_TEXT:
		return "TEXT";
	default:
		return "VALUE";
	}
}
