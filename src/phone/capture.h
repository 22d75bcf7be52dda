/*
 * A pcap file: packets with IP and UDP headers made for them, as Wireshark and sngrep read it. What went by TCP or TLS
 * is written as UDP too, decrypted: each packet is a whole message.
 */
#pragma once

#include "phone/trace.h"

struct capture;
/** Make the file, mode 0600. @return NULL with *err: ERR_EXISTS, or why it cannot be made */
struct capture *capture_open(const char *path, enum err *err);
void capture_message(struct capture *capture, const struct trace_entry *entry, bool redact);
/** A packet of `whole` bytes, of which only the first are written. */
void capture_part(struct capture *capture, int64_t unix_us, const struct address *from, const struct address *to,
		  struct slice bytes, size_t whole);
/** @return false with *err: not all of it could be written, and the file is gone */
bool capture_close(struct capture *capture, size_t *packets, enum err *err);
