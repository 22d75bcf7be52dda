/*
 * A user agent on the network in memory, and the peer that a test plays: every handler writes a word into `lab.said`,
 * every packet is taken and compared in order.
 */
#pragma once

#include "tests/unit/unit.h"

#include "sip/ua/registration.h"
#include "sip/ua/session.h"
#include "tests/unit/sip/fake_net.h"

#define SDP_LINES "Content-Type: application/sdp\r\n"
#define BOB_CONTACT "Contact: <sip:bob@192.0.2.9>\r\n"

struct lab {
	struct fake_net net;
	struct ua *ua;
	struct identity alice; /* sip:alice@192.0.2.1, no password at first */
	struct session_handlers session_handlers;
	struct session *session; /* the last one that called or was called; NULL once it ended */
	struct buf said;         /* "provisional 0 180|answered 0|" */
	struct outcome last;     /* of failed, ended, reinvited, requests; without response */
	/* what the handlers answer */
	unsigned accept_status, offer_status, request_status;
	bool refuse_answer, answer_at_once, reject_at_once, hang_up_in_handler;
	const char *our_answer, *our_offer;
	struct sip_message *last_invite; /* not counted: compared by pointer only */
	char invite_tag[64];             /* To tag that we gave to the peer's INVITE */
};

void lab_init(struct lab *lab);
/** Everything must be free of leaks afterwards: the sanitizer looks. */
void lab_fini(struct lab *lab);
/** A group's set-up and tear-down around each test: `*state` is a struct lab. */
int lab_setup(void **state);
int lab_teardown(void **state);
#define LAB_TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

/** Time passes; what has ended is swept. 0: what is due now. */
void lab_pass(struct lab *lab, int64_t us);
/** The next packet must be this request or status. Keep-alives are skipped, and 100 (Trying) unless it is awaited. */
struct fake_packet *lab_take(struct lab *lab, const char *what);
/** Nothing else was sent. */
void lab_quiet(struct lab *lab);
/** What the handlers said since the last question. */
void lab_said(struct lab *lab, const char *words);
void lab_answer(struct lab *lab, const struct fake_packet *request, unsigned status, const char *tag, const char *lines,
		const char *body);
/** A header's value contains this text. */
void lab_has(const struct fake_packet *packet, enum sip_header_id id, const char *text);
void lab_has_not(const struct fake_packet *packet, enum sip_header_id id, const char *text);
void lab_value(const struct fake_packet *packet, enum sip_header_id id, const char *text);
void lab_uri(const struct fake_packet *packet, const char *text);
void lab_body(const struct fake_packet *packet, const char *text);
/** It was sent to this address. */
void lab_to(const struct fake_packet *packet, const char *remote);
unsigned lab_cseq(const struct fake_packet *packet);

/** Call sip:bob@192.0.2.9 (or `target`) with the offer "o1"; NULL offer: without. */
struct session *lab_call(struct lab *lab, const char *target, const char *offer);
/** The same up to the ACK, with 200 and answer "a1". @return the INVITE */
struct fake_packet *lab_call_up(struct lab *lab);

/**
 * A request of Bob's, from 192.0.2.9:5060. `name` makes its Call-ID and branch: requests of one name belong to one
 * dialog. To has lab.invite_tag when `in_dialog`.
 */
void lab_request(struct lab *lab, const char *method, const char *name, unsigned cseq, bool in_dialog,
		 const char *lines, const char *body);
/** The same with this branch, as text. */
void lab_request_text(struct lab *lab, const char *text);
/** A request of Bob's inside the dialog that our INVITE began, where Bob's tag is "b". */
void lab_inside(struct lab *lab, const struct fake_packet *invite, const char *method, unsigned cseq, const char *lines,
		const char *body);
/** Bob's call up to the 200 (answer "a1" to "o1"), without ACK. @return the 200 */
struct fake_packet *lab_called(struct lab *lab);
/** The same with ACK. */
void lab_called_up(struct lab *lab);
/** Bob's ACK, CANCEL of the INVITE of this CSeq number. */
void lab_ack(struct lab *lab, unsigned cseq, const char *lines, const char *body);
void lab_cancel(struct lab *lab, unsigned cseq);
