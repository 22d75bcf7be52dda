#include "sip/syntax/kept.h"

#include "base/xmalloc.h"
#include "sip/syntax/typed.h"

static void keep(struct sip_kept *kept, struct slice bytes)
{
	char *copy = bytes.n ? slice_dup(bytes) : NULL;

	sip_kept_fini(kept);
	kept->bytes = slice_make(copy, bytes.n);
}

void sip_kept_put(struct sip_kept *kept, const struct sip_message *message)
{
	keep(kept, message ? message->bytes : (struct slice){ NULL, 0 });
}

void sip_kept_copy(struct sip_kept *kept, const struct sip_kept *from)
{
	keep(kept, from->bytes);
}

/* What came ends where it was found to end; only what we made may be longer than what is read. */
static struct sip_message *read_again(struct slice bytes)
{
	struct sip_message *message;
	size_t used, offset;
	enum scan answer = bytes.n <= SIP_MESSAGE_MAX
				   ? sip_message_parse(bytes, SIP_DATAGRAM, &message, &used, &offset)
				   : sip_message_parse_own(bytes, &message);

	return answer == SCAN_OK ? message : NULL;
}

const struct sip_message *sip_kept_message(struct sip_kept *kept)
{
	if (!kept->message && kept->bytes.n)
		kept->message = read_again(kept->bytes);
	return kept->message;
}

void sip_kept_fini(struct sip_kept *kept)
{
	sip_message_unref(kept->message);
	free((char *)(uintptr_t)kept->bytes.p);
	*kept = (struct sip_kept){ .bytes = { NULL, 0 } };
}
