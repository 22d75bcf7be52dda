/* What the user adds to the next message of a session: header lines, and a body beside the session description. */
#include "base/xmalloc.h"
#include "sip/syntax/scan.h"
#include "sip/ua/session_internal.h"

enum { BOUNDARY_CHARS = 24 };

struct also {
	struct extra_header *extra; /* texts are copies */
	size_t count;
	char *type, *body;
	size_t body_n;
};

void session_also_drop(struct session *session)
{
	struct also *also = session->also;

	if (!also)
		return;
	for (size_t i = 0; i < also->count; i++) {
		free((char *)(uintptr_t)also->extra[i].name.p);
		free((char *)(uintptr_t)also->extra[i].value.p);
	}
	free(also->extra);
	free(also->type);
	free(also->body);
	free(also);
	session->also = NULL;
}

enum err session_say_also(struct session *session, const struct extra_header *extra, size_t count, struct slice type,
			  struct slice body)
{
	enum err err = core_check_extra(extra, count);

	if (err)
		return err;
	session_also_drop(session);
	struct also *also = session->also = xcalloc(1, sizeof *also);
	also->extra = xcalloc(count + 1, sizeof *also->extra);
	also->count = count;
	for (size_t i = 0; i < count; i++)
		also->extra[i] = (struct extra_header){ slice_of(slice_dup(extra[i].name)),
							slice_of(slice_dup(extra[i].value)) };
	also->type = slice_dup(type);
	also->body = slice_dup(body);
	also->body_n = body.n;
	return ERR_NONE;
}

/* Both in one body, the description first (RFC 5621 3.1). */
static void add_mixed(struct ua *ua, struct sip_draft *draft, struct slice sdp, struct slice type, struct slice body)
{
	char *boundary = core_token(ua, BOUNDARY_CHARS);
	struct buf mixed, header;

	buf_init(&mixed, SIP_MESSAGE_MAX);
	buf_init(&header, 128);
	buf_printf(&header, "multipart/mixed;boundary=%s", boundary);
	buf_printf(&mixed, "--%s\r\nContent-Type: application/sdp\r\n\r\n", boundary);
	buf_add(&mixed, sdp);
	buf_printf(&mixed, "\r\n--%s\r\nContent-Type: %.*s\r\nContent-Disposition: render;handling=optional\r\n\r\n",
		   boundary, SLICE_ARG(type));
	buf_add(&mixed, body);
	buf_printf(&mixed, "\r\n--%s--\r\n", boundary);
	sip_draft_body(draft, buf_slice(&header), buf_slice(&mixed));
	buf_fini(&mixed);
	buf_fini(&header);
	free(boundary);
}

void session_bodies(struct ua *ua, struct sip_draft *draft, struct slice sdp, struct slice type, struct slice body)
{
	if (sdp.n && body.n)
		add_mixed(ua, draft, sdp, type, body);
	else if (sdp.n)
		sip_draft_body(draft, SLICE("application/sdp"), sdp);
	else if (body.n)
		sip_draft_body(draft, type, body);
}

void session_finish(struct session *session, struct sip_draft *draft, struct slice sdp)
{
	struct also *also = session->also;

	if (!also) {
		session_bodies(session->ua, draft, sdp, slice_of(NULL), slice_of(NULL));
		return;
	}
	core_add_extra(draft, also->extra, also->count);
	session_bodies(session->ua, draft, sdp, slice_of(also->type), slice_make(also->body, also->body_n));
	session_also_drop(session);
}
