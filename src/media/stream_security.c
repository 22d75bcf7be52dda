#include "media/stream.h"

#include <string.h>

/* A few are of before the keys were agreed on; many of a sender that moves come before it is followed. */
enum { TELL_REFUSED = 10, TELL_STRAY = 50 };

/* ---- the loop's thread ---- */

static bool same_key(const struct stream_key *a, const struct stream_key *b)
{
	return !memcmp(a->bytes, b->bytes, sizeof a->bytes) && a->mki == b->mki;
}

static bool same_receive_keys(const struct stream_protection *a, const struct stream_protection *b)
{
	if (a->receive_count != b->receive_count || a->mki_bytes != b->mki_bytes || a->window != b->window)
		return false;
	for (size_t i = 0; i < a->receive_count; i++)
		if (!same_key(&a->receive[i], &b->receive[i]))
			return false;
	return true;
}

/* A key that stays keeps its counters: the roll-over counter goes on and what was received is not taken twice. */
bool stream_security_prepare(struct stream *stream, struct stream_setup *setup)
{
	const struct stream_protection *had = &stream->prepared, *now = &setup->config.protection;
	bool clear = now->suite == STREAM_CLEAR, other = had->suite != now->suite;

	setup->new_sender = other || (!clear && !same_key(&had->send, &now->send));
	setup->new_receiver = other || (!clear && !same_receive_keys(had, now));
	if (!clear && setup->new_sender && !(setup->security.sender = secure_new_sender(now)))
		return false;
	if (!clear && setup->new_receiver && !(setup->security.receiver = secure_new_receiver(now)))
		return false;
	stream->prepared = *now;
	return true;
}

void stream_security_free(struct stream_security *security)
{
	secure_free(security->sender);
	secure_free(security->receiver);
	secure_free(security->former);
}

/* ---- the media thread ---- */

void stream_security_apply(struct stream *stream, struct stream_setup *setup)
{
	struct stream_security *use = &stream->security, fresh = setup->security;

	setup->security = (struct stream_security){ 0 };
	if (setup->new_sender) {
		setup->security.sender = use->sender;
		use->sender = fresh.sender;
	}
	if (!setup->new_receiver)
		return;
	/* What is still under way was made with the key of before (RFC 4568 7.1.4). */
	setup->security.former = use->former;
	use->former = use->receiver;
	use->receiver = fresh.receiver;
	use->former_counts = use->former && use->receiver;
}

bool stream_seal(struct stream *stream, uint8_t *bytes, size_t *n, bool rtcp)
{
	return !stream->security.sender || secure_seal(stream->security.sender, bytes, n, rtcp);
}

/* Whoever floods us is told of ever more seldom. */
void stream_tell_refused(struct stream *stream)
{
	uint64_t refused = stream->forged_packets + stream->replayed_packets, all = refused + stream->stray_packets;

	if ((refused < TELL_REFUSED && stream->stray_packets < TELL_STRAY) || all < 2 * stream->refused_told)
		return;
	stream->refused_told = all;
	stream_tell(stream, ENGINE_REFUSED);
}

bool stream_open(struct stream *stream, uint8_t *bytes, size_t *n, bool rtcp)
{
	struct stream_security *security = &stream->security;
	_Alignas(4) uint8_t copy[STREAM_DATAGRAM_BYTES];
	size_t whole = *n;

	if (!security->receiver)
		return true;
	if (security->former_counts)
		memcpy(copy, bytes, whole);
	enum secure_verdict verdict = secure_open(security->receiver, bytes, n, rtcp);
	if (security->former_counts && verdict == SECURE_GOOD) {
		security->former_counts = false;
	} else if (security->former_counts) {
		*n = whole;
		memcpy(bytes, copy, whole);
		verdict = secure_open(security->former, bytes, n, rtcp);
	}
	stream->forged_packets += verdict == SECURE_FORGED;
	stream->replayed_packets += verdict == SECURE_REPLAYED;
	stream->stray_packets += verdict == SECURE_NONE && !rtcp;
	if (verdict != SECURE_GOOD)
		stream_tell_refused(stream);
	return verdict == SECURE_GOOD;
}
