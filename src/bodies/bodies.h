/*
 * bodies: the documents that NOTIFY, PUBLISH and MESSAGE carry, read and written. Pure: bytes in, structs out. What a
 * struct tells was copied and bounded, but not cleaned: it came from the network.
 *
 *   xml          a document read by libexpat, with all that is dangerous in XML refused
 *   composing    application/im-iscomposing+xml (RFC 3994)
 *   summary      application/simple-message-summary (RFC 3842)
 *   pidf         application/pidf+xml (RFC 3863, the activities of RFC 4480)
 *   dialog_info  application/dialog-info+xml (RFC 4235)
 *   reginfo      application/reginfo+xml (RFC 3680)
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

enum {
	BODY_TEXT_MAX = 512, /* bytes of one text that is kept; longer ones are cut */
};
