/* Names for addresses. */
#include "base/utf8.h"
#include "command/internal.h"
#include "command/table.h"

#include <jansson.h>

/* Several targets under one name: the phone keeps one, so each but the first gets a number behind the name. */
static enum command_result do_contact_add(struct invocation *invocation)
{
	bool good = true;

	for (size_t i = 0; good && i < invocation->rest_count; i++) {
		struct buf name;
		buf_init(&name, 1024);
		buf_printf(&name, "%s", invocation->values[0]);
		if (i)
			buf_printf(&name, " %zu", i + 1);
		good = phone_contact_add(invocation->phone, buf_slice(&name), slice_of(invocation->rest[i]),
					 &invocation->failure);
		buf_fini(&name);
	}
	return invocation_end(invocation, good);
}

struct listing {
	struct invocation *invocation;
	json_t *list;
};

static void on_contact(void *arg, const char *name, const char *target)
{
	struct listing *listing = arg;

	buf_printf(listing->invocation->out, "%-24s %s\n", name, target);
	json_array_append_new(listing->list, json_pack("{s:s, s:s}", "name", name, "target", target));
}

static enum command_result do_contact_list(struct invocation *invocation)
{
	struct listing listing = { invocation, json_array() };

	phone_contacts(invocation->phone, on_contact, &listing);
	if (!json_array_size(listing.list))
		buf_printf(invocation->out, "no contacts\n");
	invocation->result = listing.list;
	return COMMAND_DONE;
}

static enum command_result do_contact_remove(struct invocation *invocation)
{
	return invocation_end(invocation, phone_contact_remove(invocation->phone, slice_of(invocation->values[0]),
							       &invocation->failure));
}

const struct command people_commands[] = {
	{ .name = "contact add",
	  .group = "people",
	  .run = do_contact_add,
	  .arguments = { { .name = "NAME", .kind = ARG_WORD, .text = "how you call them" },
			 { .name = "TARGET", .kind = ARG_TARGET, .repeats = true, .text = "their address or number" } },
	  .summary = "give an address a name",
	  .text = "The name is then a TARGET. Of several targets the second is kept as `NAME 2`, and so on. Contacts "
		  "are kept at once.",
	  .examples = { "contact add Bob sip:bob@biloxi.com", "contact add \"Carol Smith\" +1-555-0100" } },
	{ .name = "contact list",
	  .group = "people",
	  .run = do_contact_list,
	  .summary = "list the contacts",
	  .text = "By name.",
	  .examples = { "contact list" } },
	{ .name = "contact remove",
	  .group = "people",
	  .run = do_contact_remove,
	  .arguments = { { .name = "NAME", .kind = ARG_CONTACT, .text = "a contact" } },
	  .summary = "forget a contact",
	  .text = "At once.",
	  .examples = { "contact remove Bob" } },
};
const size_t people_command_count = ARRAY_LEN(people_commands);
