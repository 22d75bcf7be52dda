/*
 * sip/syntax: bytes <-> structs. Pure: no socket, no clock, no allocation outside the message's arena.
 * RFC 3261 sections 7, 19, 20, 25.
 *
 *   scan      character classes, tokens, quoted strings, LWS, comments; the scanner, which looks at 64 bytes at once
 *   names     methods, header fields and status codes by name and number, out of three tables:
 *             method.def, header.def (long and compact name, single or list, type, where it may stand) and
 *             status.def (phrase, a sentence for people)
 *   uri       SIP, SIPS and tel URIs; comparison (19.1.4), escapes
 *   params    ;name=value lists
 *   address   name-addr and addr-spec (From, To, Contact, Route, Refer-To ...)
 *   via       Via (20.42)
 *   values    the other typed values: CSeq, numbers, dates, media types, RAck, Event ...
 *   auth      challenges and credentials (20.7, 20.27, 20.44)
 *   message   one-pass parser of a whole message; it leaves an index of the header lines
 *   index     finding header lines and the values of list fields
 *   body      bodies of several parts (RFC 5621); which types a sender takes
 *   typed     typed values of a message, decoded on demand and kept
 *   check     is a message good enough to act on (RFC 4475)
 *   draft     a message being written; print
 */
#pragma once

#include "sip/syntax/address.h"
#include "sip/syntax/auth.h"
#include "sip/syntax/draft.h"
#include "sip/syntax/message.h"
#include "sip/syntax/names.h"
#include "sip/syntax/params.h"
#include "sip/syntax/scan.h"
#include "sip/syntax/uri.h"
#include "sip/syntax/values.h"
#include "sip/syntax/via.h"
