/*
 * Fuzz target of URIs and addresses: two lines, each as a URI and as a value of From, Contact and their like. What was
 * parsed lies within what was given; what is printed as a Request-URI can be parsed, and is the same again; equality is
 * the same from both sides; a user that is decoded and written anew is the same user.
 * Run: uri_fuzz -dict=tests/fuzz/message.dict tests/fuzz/corpus/uri
 */
#include "sip/syntax/address.h"
#include "sip/syntax/params.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct slice part, struct slice whole)
{
	check(!part.n || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void check_params(struct slice params, struct slice whole)
{
	struct sip_param param;

	check_within(params, whole);
	while (sip_params_next(&params, &param)) {
		check_within(param.name, whole);
		check_within(param.value, whole);
	}
}

/* 19.1.2: what the user part does not permit is written as %HH, and read as what it was. */
static void check_user(struct arena *arena, const struct sip_uri *uri)
{
	struct sip_uri again;
	struct buf text;

	if ((uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS) || !uri->user.n)
		return;
	struct slice user = sip_unescape(arena, uri->user);
	if (!user.n)
		return;
	buf_init(&text, 1 << 20);
	buf_printf(&text, "sip:");
	sip_escape_user(&text, user);
	buf_printf(&text, "@h");
	if (!text.full) {
		check(sip_uri_parse(buf_slice(&text), &again, NULL));
		check(slice_eq(sip_unescape(arena, again.user), user));
	}
	buf_fini(&text);
}

/* 19.1.5: as a Request-URI it has no headers, and is printed the same again. */
static void check_request_uri(const struct sip_uri *uri)
{
	struct sip_uri again;
	struct buf once, twice;

	buf_init(&once, 1 << 20);
	buf_init(&twice, 1 << 20);
	sip_uri_print_request(&once, uri);
	check(sip_uri_parse(buf_slice(&once), &again, NULL));
	check(again.scheme == uri->scheme && slice_eq(again.user, uri->user) && slice_eq(again.host, uri->host));
	check(again.port == uri->port && !again.headers.n);
	sip_uri_print_request(&twice, &again);
	check(slice_eq(buf_slice(&once), buf_slice(&twice)));
	buf_fini(&once);
	buf_fini(&twice);
}

static bool try_uri(struct arena *arena, struct slice text, struct sip_uri *uri)
{
	size_t offset = 0;

	if (!sip_uri_parse(text, uri, &offset)) {
		check(offset <= text.n);
		return false;
	}
	check(slice_eq(uri->text, text));
	check_within(uri->user, text);
	check_within(uri->password, text);
	check_within(uri->host, text);
	check_within(uri->headers, text);
	check_params(uri->params, text);
	check_within(sip_uri_hop_host(uri), text);
	check(sip_uri_eq(uri, uri));
	check_user(arena, uri);
	check_request_uri(uri);
	return true;
}

/* Control characters became blanks. */
static bool same_name(struct slice written, struct slice display)
{
	bool same = written.n == display.n;

	for (size_t i = 0; same && i < display.n; i++) {
		unsigned char c = (unsigned char)display.p[i];
		same = written.p[i] == (c < ' ' || c == 0x7f ? ' ' : (char)c);
	}
	return same;
}

static void try_address(struct arena *arena, struct slice text)
{
	struct sip_address address;
	size_t offset = 0;
	uint32_t expires;

	if (!sip_address_parse(text, &address, &offset)) {
		check(offset <= text.n);
		return;
	}
	check_within(address.display, text);
	check_within(address.tag, text);
	check_within(address.uri.text, text);
	check_params(address.params, text);
	struct slice display = sip_address_display(arena, &address);
	check(sip_address_q(&address) <= 1000);
	(void)sip_address_expires(&address, &expires);
	if (address.star)
		return;
	/* Written anew, the name is the same: it goes into headers of ours. */
	struct sip_address again;
	struct buf written;
	buf_init(&written, 1 << 20);
	sip_display_print(&written, display);
	buf_printf(&written, "<sip:h>");
	if (!written.full) {
		check(sip_address_parse(buf_slice(&written), &again, NULL));
		check(same_name(sip_address_display(arena, &again), display));
	}
	buf_fini(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_uri uris[2];
	struct arena arena;
	bool good[2];

	if (size > 8192)
		return 0;
	/* A copy of its own, so that reading one byte too far is seen. */
	char *copy = slice_dup(slice_make(data, size));
	struct slice rest = slice_make(copy, size);
	arena_init(&arena);
	for (int i = 0; i < 2; i++) {
		struct slice line = slice_cut(&rest, '\n');
		good[i] = try_uri(&arena, line, &uris[i]);
		try_address(&arena, line);
	}
	if (good[0] && good[1])
		check(sip_uri_eq(&uris[0], &uris[1]) == sip_uri_eq(&uris[1], &uris[0]));
	arena_fini(&arena);
	free(copy);
	return 0;
}
