/*
 * Fuzz target of the message parser: any bytes as a datagram and as a stream, then all that a message can be asked for.
 * Run: message_fuzz -dict=tests/fuzz/message.dict tests/fuzz/corpus/message
 */
#include "sip/syntax/message.h"
#include "tests/torture/touch.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_framing(struct slice bytes, enum sip_framing framing)
{
	struct sip_message *message;
	size_t used = 0, offset = 0;

	switch (sip_message_parse(bytes, framing, &message, &used, &offset)) {
	case SCAN_OK:
		if (used > bytes.n || used != message->bytes.n)
			abort();
		touch_message(message);
		sip_message_unref(message);
		break;
	case SCAN_MORE:
		if (framing == SIP_DATAGRAM)
			abort();
		break;
	case SCAN_BAD:
		if (offset > bytes.n)
			abort();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own, so that reading one byte too far is seen. */
	char *copy = malloc(size ? size : 1);

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	try_framing(slice_make(copy, size), SIP_DATAGRAM);
	try_framing(slice_make(copy, size), SIP_STREAM);
	free(copy);
	return 0;
}
