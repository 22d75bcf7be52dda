/* Keys that run commands: what `bind` has said. The front ends know the keys, this only their names. */
#include "base/xmalloc.h"
#include "command/binding.h"

#include <stdio.h>
#include <string.h>

struct binding {
	struct list_node node;
	char *view; /* "": everywhere */
	char *key, *command;
};

static const struct {
	const char *name, *canonical;
} names[] = {
	{ "PageUp", "PageUp" }, { "PgUp", "PageUp" },	 { "PPage", "PageUp" },	   { "PageDown", "PageDown" },
	{ "PgDn", "PageDown" }, { "NPage", "PageDown" }, { "Up", "Up" },	   { "Down", "Down" },
	{ "Left", "Left" },	{ "Right", "Right" },	 { "Home", "Home" },	   { "End", "End" },
	{ "Enter", "Enter" },	{ "Tab", "Tab" },	 { "Escape", "Escape" },   { "Esc", "Escape" },
	{ "Space", " " },	{ "BSpace", "BSpace" },
};

/* "F2", a name or one character. @return bytes in `to`, 0: no key */
static size_t read_base(struct slice base, char *to, size_t room)
{
	uint32_t number;

	if (base.n == 1 && base.p[0] > ' ' && base.p[0] < 0x7f)
		return (size_t)snprintf(to, room, "%c", base.p[0]);
	if (base.n > 1 && (base.p[0] | 0x20) == 'f' && slice_to_u32(slice_from(base, 1), &number) && number >= 1 &&
	    number <= 12)
		return (size_t)snprintf(to, room, "F%u", number);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_ieq(base, slice_of(names[i].name)))
			return (size_t)snprintf(to, room, "%s", names[i].canonical);
	return 0;
}

bool binding_key_read(struct slice text, char key[BINDING_KEY])
{
	bool control = false, meta = false, shift = false;
	char base[BINDING_KEY];

	for (; text.n > 2 && text.p[1] == '-'; text = slice_from(text, 2)) {
		char c = (char)(text.p[0] & ~0x20);
		if (c != 'C' && c != 'M' && c != 'S')
			return false;
		control |= c == 'C';
		meta |= c == 'M';
		shift |= c == 'S';
	}
	size_t n = read_base(text, base, sizeof base);
	/* A letter with Control has no case, and one with Shift is the capital letter. */
	if (!n || (n == 1 && shift))
		return false;
	if (n == 1 && control) {
		char c = (char)(base[0] | 0x20);
		if (base[0] == ' ')
			snprintf(base, sizeof base, "Space");
		else if (c < 'a' || c > 'z' || meta)
			return false;
		else
			base[0] = c;
	}
	snprintf(key, BINDING_KEY, "%s%s%s%.9s", control ? "C-" : "", meta ? "M-" : "", shift ? "S-" : "", base);
	return true;
}

static struct binding *binding_find(const struct commands *commands, const char *view, const char *key)
{
	LIST_EACH(&commands->bindings, node) {
		struct binding *binding = LIST_ENTRY(node, struct binding, node);
		if (!strcmp(binding->view, view) && !strcmp(binding->key, key))
			return binding;
	}
	return NULL;
}

/* In the command line what edits, ends or leaves it stays as it is. */
static bool is_free_in_line(const char *key)
{
	static const char *const taken[] = { "Enter", "Tab", "BSpace", "Escape", "C-c", "C-d",
					     "C-z",   "C-m", "C-j",    "C-i",    "C-h" };

	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (!strcmp(key, taken[i]))
			return false;
	return key[1] != 0;
}

bool binding_set(struct commands *commands, const char *view, const char *key, const char *command,
		 struct failure *failure)
{
	struct binding *binding = binding_find(commands, view ? view : "", key);

	if (!view && !is_free_in_line(key))
		return fail(failure, STATUS_USAGE, "key",
			    "%s belongs to the command line: bind it in a view, as in `bind calls %s ...`", key, key);
	if (!strcmp(key, "C-c") || !strcmp(key, "C-d") || !strcmp(key, "C-z"))
		return fail(failure, STATUS_USAGE, "key", "%s means the same everywhere and stays as it is", key);
	if (!binding && commands->binding_count == BINDINGS_MAX)
		return fail(failure, STATUS_USAGE, "full", "there are %d bound keys already", BINDINGS_MAX);
	if (!binding) {
		binding = xcalloc(1, sizeof *binding);
		binding->view = xstrdup(view ? view : "");
		binding->key = xstrdup(key);
		list_append(&commands->bindings, &binding->node);
		commands->binding_count++;
	}
	xreplace(&binding->command, command);
	return true;
}

static void binding_free(struct commands *commands, struct binding *binding)
{
	list_remove(&binding->node);
	commands->binding_count--;
	free(binding->view);
	free(binding->key);
	free(binding->command);
	free(binding);
}

bool binding_remove(struct commands *commands, const char *view, const char *key)
{
	struct binding *binding = binding_find(commands, view ? view : "", key);

	if (binding)
		binding_free(commands, binding);
	return binding != NULL;
}

void bindings_free(struct commands *commands)
{
	LIST_EACH(&commands->bindings, node)
		binding_free(commands, LIST_ENTRY(node, struct binding, node));
}

const char *commands_binding(const struct commands *commands, const char *view, bool focus, const char *key)
{
	const struct binding *binding = focus && view ? binding_find(commands, view, key) : NULL;

	if (!binding && (!focus || key[1]))
		binding = binding_find(commands, "", key);
	return binding ? binding->command : NULL;
}

void commands_bindings(const struct commands *commands, commands_binding_h *each, void *arg)
{
	LIST_EACH(&commands->bindings, node) {
		const struct binding *binding = LIST_ENTRY(node, struct binding, node);
		each(arg, binding->view, binding->key, binding->command);
	}
}
