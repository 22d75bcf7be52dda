/* bind_members: the members of a JSON object, or the values of an array -> arguments and options. */
#include "base/xmalloc.h"
#include "command/argument.h"
#include "command/bind.h"

#include <jansson.h>
#include <string.h>

struct members {
	const struct bind_how *how;
	struct bound *bound;
	struct failure *failure;
};

static bool bad(struct members *members, const char *reason, const char *format, const char *name)
{
	return fail(members->failure, STATUS_USAGE, reason, format, name);
}

/* A plain value as the text that a word would be; NULL: it is none. Owned by the caller. */
static char *value_text(const json_t *value)
{
	const char *text = json_string_value(value);

	if (json_is_string(value))
		return strlen(text) == json_string_length(value) ? xstrdup(text) : NULL;
	if (json_is_integer(value))
		return xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (json_is_real(value))
		return xasprintf("%.12g", json_real_value(value));
	if (json_is_boolean(value))
		return xstrdup(json_is_true(value) ? "on" : "off");
	return NULL;
}

/* "TARGET" and "target" are the same name. */
static bool is_named(const struct command_argument *argument, const char *key)
{
	return slice_ieq(slice_of(argument->name), slice_of(key));
}

static bool check(struct members *members, const struct command_argument *argument, const char *text)
{
	struct argument_context context = { .commands = members->how->commands,
					    .command = members->bound->command,
					    .values = (const char *const *)members->bound->values };
	struct bind_how how = *members->how;
	struct bound inner = { 0 };
	size_t at;
	bool good;

	if (!argument_check(&context, argument, slice_of(text), members->failure))
		return false;
	if (argument->kind != ARG_COMMAND_LINE && argument->kind != ARG_COMMAND)
		return true;
	how.partial = argument->kind == ARG_COMMAND;
	how.depth++;
	good = bind_line(&how, slice_of(text), &inner, members->failure, &at);
	bound_fini(&inner);
	return good;
}

static bool add_rest(struct members *members, const struct command_argument *argument, char *text)
{
	bound_add_rest(members->bound, text);
	return check(members, argument, text);
}

/* One value, or each of an array. */
static bool add_argument(struct members *members, size_t place, const json_t *value)
{
	struct bound *bound = members->bound;
	const struct command_argument *argument = &bound->command->arguments[place];
	size_t count = json_is_array(value) ? json_array_size(value) : 1;

	for (size_t i = 0; i < count; i++) {
		char *text = value_text(json_is_array(value) ? json_array_get(value, i) : value);
		if (!text)
			return bad(members, "params", "'%s' must be a text or a number", argument->name);
		if (argument->repeats) {
			if (!add_rest(members, argument, text))
				return false;
		} else if (bound->values[place]) {
			char *joined = xasprintf("%s %s", bound->values[place], text);
			free(bound->values[place]);
			free(text);
			bound->values[place] = joined;
		} else {
			bound->values[place] = text;
		}
	}
	return true;
}

static bool add_option(struct members *members, const struct command_argument *option, const json_t *value)
{
	struct bound *bound = members->bound;
	size_t count = json_is_array(value) ? json_array_size(value) : 1;

	if (count > 1 && !option->repeats)
		return bad(members, "params", "'%s' takes one value", option->name);
	for (size_t i = 0; i < count; i++) {
		char *text = value_text(json_is_array(value) ? json_array_get(value, i) : value);
		if (!text || bound->option_count == BOUND_OPTIONS_MAX) {
			free(text);
			return bad(members, "params",
				   text ? "'%s': too many options" : "'%s' must be a text or a number", option->name);
		}
		bound->options[bound->option_count].option = option;
		bound->options[bound->option_count++].value = text;
		if (!check(members, option, text))
			return false;
	}
	return true;
}

static bool add_keyword(struct members *members, size_t place, const json_t *value)
{
	const struct command_argument *argument = &members->bound->command->arguments[place];

	if (!json_is_boolean(value))
		return bad(members, "params", "'%s' is true or false", argument->name);
	if (json_is_true(value))
		members->bound->values[place] = xstrdup(argument->name);
	return true;
}

static bool add_member(struct members *members, const char *key, const json_t *value)
{
	const struct command *command = members->bound->command;
	const struct command_argument *option = option_find(command, slice_of(key)), *last = NULL;
	size_t place;

	if (json_is_null(value))
		return true;
	for (place = 0; place < COMMAND_ARGS_MAX && command->arguments[place].name; place++) {
		last = &command->arguments[place];
		/* Keywords that only introduce another argument have no member. */
		bool introduces = last->kind == ARG_KEYWORD &&
				  (!last->optional || (place + 1 < COMMAND_ARGS_MAX && last[1].with_previous));
		if (is_named(last, key) && !introduces)
			return last->kind == ARG_KEYWORD ? add_keyword(members, place, value)
							 : add_argument(members, place, value);
	}
	if (option)
		return add_option(members, option, value);
	if (last && last->kind == ARG_ACCOUNT_OPTION) {
		char *text = value_text(value);
		if (!text)
			return bad(members, "params", "'%s' must be a text or a number", key);
		char *word = xasprintf("%s=%s", key, text);
		free(text);
		return add_rest(members, last, word);
	}
	return fail(members->failure, STATUS_USAGE, "params", "%.60s: no such member of params of %s", key,
		    command->name);
}

/* Values by position: the arguments in their order, keywords that only introduce one left out; what is left over
 * belongs to a last one that repeats. */
static bool add_positions(struct members *members, const json_t *list)
{
	const struct command *command = members->bound->command;
	size_t place = 0, count = json_array_size(list);

	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_array_get(list, i);
		while (place < COMMAND_ARGS_MAX && command->arguments[place].name &&
		       command->arguments[place].kind == ARG_KEYWORD)
			place++;
		const struct command_argument *argument = &command->arguments[place];
		if (place == COMMAND_ARGS_MAX || !argument->name)
			return fail(members->failure, STATUS_USAGE, "params", "%s takes no more than %zu params",
				    command->name, i);
		if (argument->kind == ARG_ACCOUNT_OPTION)
			return bad(members, "params", "%s: options go by name, so its params are an object",
				   command->name);
		if (!json_is_null(value) && !add_argument(members, place, value))
			return false;
		place += !argument->repeats;
	}
	return true;
}

/* What the line's words would have said by standing there, and what is missing. */
static bool complete_arguments(struct members *members)
{
	struct bound *bound = members->bound;
	const struct command_argument *arguments = bound->command->arguments;

	for (size_t i = 0; i < COMMAND_ARGS_MAX && arguments[i].name; i++) {
		bool follows = i + 1 < COMMAND_ARGS_MAX && arguments[i + 1].with_previous && bound->values[i + 1];
		if (arguments[i].kind == ARG_KEYWORD && (!arguments[i].optional || follows))
			bound->values[i] = bound->values[i] ? bound->values[i] : xstrdup(arguments[i].name);
		bool has = bound->values[i] || (arguments[i].repeats && bound->rest_count);
		if (!has && !arguments[i].optional && !arguments[i].with_previous)
			return bad(members, "params", "%s is missing", arguments[i].name);
		if (bound->values[i] && !check(members, &arguments[i], bound->values[i]))
			return false;
	}
	const struct command_argument *option = bound_lacks(bound);
	return !option || bad(members, "params", "%s is missing", option->name);
}

bool bind_members(const struct bind_how *how, const struct command *command, const void *params, struct bound *bound,
		  struct failure *failure)
{
	struct members members = { .how = how, .bound = bound, .failure = failure };
	const char *key;
	json_t *value, *object = (json_t *)(uintptr_t)params;

	bound->command = command;
	if (json_is_array(object) && !add_positions(&members, object))
		return false;
	json_object_foreach(object, key, value)
	{
		if (!add_member(&members, key, value))
			return false;
	}
	return complete_arguments(&members);
}
