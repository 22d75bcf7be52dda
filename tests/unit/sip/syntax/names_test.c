#include "tests/unit/unit.h"

#include "sip/syntax/names.h"

#include <ctype.h>

struct header_row {
	enum sip_header_id id;
	const char *name, *compact, *where;
	size_t length;
	char first, middle, last;
};

static const struct header_row headers[] = {
#define KEY(length, first, middle, last) length, first, middle, last
#define HEADER(ident, name, compact, key, form, type, where) { SIP_HEADER_##ident, name, compact, where, key },
#include "sip/syntax/header.def"
#undef HEADER
#undef KEY
};

static struct slice upper(struct slice s, char *room)
{
	for (size_t i = 0; i < s.n; i++)
		room[i] = (char)toupper((unsigned char)s.p[i]);
	return slice_make(room, s.n);
}

static void headers_are_found_in_any_case(void **state)
{
	char room[64];

	(void)state;
	assert_int_equal(ARRAY_LEN(headers), SIP_HEADERS - 1);
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct slice name = slice_of(headers[i].name);
		assert_int_equal(sip_header_find(name), headers[i].id);
		assert_int_equal(sip_header_find(upper(name, room)), headers[i].id);
		assert_true(slice_eq(sip_header_name(headers[i].id), name));
	}
}

static void key_columns_fit_their_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		const char *name = headers[i].name;
		size_t n = strlen(name);
		assert_int_equal(headers[i].length, n);
		assert_int_equal(headers[i].first, tolower((unsigned char)name[0]));
		assert_int_equal(headers[i].middle, tolower((unsigned char)name[n / 2]));
		assert_int_equal(headers[i].last, tolower((unsigned char)name[n - 1]));
	}
}

static void compact_forms_are_found(void **state)
{
	size_t compact = 0, letters = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		if (!headers[i].compact[0])
			continue;
		compact++;
		assert_int_equal(sip_header_find(slice_of(headers[i].compact)), headers[i].id);
		char big[] = { (char)toupper((unsigned char)headers[i].compact[0]), 0 };
		assert_int_equal(sip_header_find(slice_of(big)), headers[i].id);
	}
	for (char c = 'a'; c <= 'z'; c++)
		letters += sip_header_find(slice_make(&c, 1)) != SIP_HEADER_OTHER;
	assert_int_equal(letters, compact);
	assert_int_equal(compact, 20);
}

static void near_misses_are_other(void **state)
{
	static const char *const names[] = { "", "@", "[", "Vi", "Vias", "Fron", "Call_ID", "Call-IE", "Contact:",
		"C\xc3\xa9Seq", "h", "z" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(sip_header_find(slice_of(names[i])), SIP_HEADER_OTHER);
	assert_int_equal(sip_header_find(slice_make("\0", 1)), SIP_HEADER_OTHER);
	/* Every name with one letter changed. */
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		char room[64];
		size_t n = strlen(headers[i].name);
		for (size_t k = 0; k < n; k++) {
			memcpy(room, headers[i].name, n);
			room[k] = '^';
			assert_int_equal(sip_header_find(slice_make(room, n)), SIP_HEADER_OTHER);
		}
	}
}

static void forms_of_fields(void **state)
{
	(void)state;
	assert_true(sip_header_is_list(SIP_HEADER_VIA));
	assert_true(sip_header_is_list(SIP_HEADER_CONTACT));
	assert_false(sip_header_is_list(SIP_HEADER_FROM));
	assert_false(sip_header_is_list(SIP_HEADER_AUTHORIZATION));
	assert_false(sip_header_is_list(SIP_HEADER_OTHER));
	assert_int_equal(sip_header_form(SIP_HEADER_WWW_AUTHENTICATE), SIP_FORM_LINES);
	assert_int_equal(sip_header_type(SIP_HEADER_RACK), SIP_VALUE_RACK);
}

static void where_columns_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct slice rest = slice_of(headers[i].where);
		assert_true(rest.n > 0);
		while (rest.n) {
			struct slice class = slice_cut(&rest, ' ');
			struct slice cells = slice_cut(&rest, ' ');
			assert_true(class.n > 0);
			assert_int_equal(cells.n, SIP_METHODS - 1);
			for (size_t k = 0; k < cells.n; k++)
				assert_non_null(strchr("mMoct*-", cells.p[k]));
		}
	}
}

/* Cells of RFC 3261 tables 2 and 3, and of the RFCs that added columns. */
static void presence_follows_the_tables(void **state)
{
	static const struct {
		enum sip_header_id id;
		enum sip_method method;
		unsigned status;
		char presence;
	} cells[] = {
		{ SIP_HEADER_ACCEPT, SIP_OPTIONS, 0, 'M' },
		{ SIP_HEADER_ACCEPT, SIP_INVITE, 200, 'o' },
		{ SIP_HEADER_ACCEPT, SIP_INVITE, 415, 'c' },
		{ SIP_HEADER_ACCEPT, SIP_INVITE, 404, '-' },
		{ SIP_HEADER_ALLOW, SIP_BYE, 405, 'm' },
		{ SIP_HEADER_ALLOW, SIP_BYE, 486, 'o' },
		{ SIP_HEADER_ALLOW, SIP_INVITE, 200, 'M' },
		{ SIP_HEADER_CONTACT, SIP_INVITE, 0, 'm' },
		{ SIP_HEADER_CONTACT, SIP_BYE, 0, '-' },
		{ SIP_HEADER_CONTACT, SIP_INVITE, 200, 'm' },
		{ SIP_HEADER_CONTACT, SIP_INVITE, 180, 'o' },
		{ SIP_HEADER_CONTACT, SIP_INVITE, 486, '-' },
		{ SIP_HEADER_CONTACT, SIP_BYE, 302, 'o' },
		{ SIP_HEADER_CONTACT, SIP_UPDATE, 0, 'm' },
		{ SIP_HEADER_CONTENT_TYPE, SIP_INVITE, 0, '*' },
		{ SIP_HEADER_CONTENT_TYPE, SIP_CANCEL, 0, '-' },
		{ SIP_HEADER_CONTENT_LENGTH, SIP_CANCEL, 0, 't' },
		{ SIP_HEADER_CSEQ, SIP_MESSAGE, 200, 'm' },
		{ SIP_HEADER_ERROR_INFO, SIP_INVITE, 603, 'o' },
		{ SIP_HEADER_ERROR_INFO, SIP_INVITE, 200, '-' },
		{ SIP_HEADER_EXPIRES, SIP_REGISTER, 0, 'o' },
		{ SIP_HEADER_EXPIRES, SIP_SUBSCRIBE, 200, 'm' },
		{ SIP_HEADER_EXPIRES, SIP_BYE, 0, '-' },
		{ SIP_HEADER_MIN_EXPIRES, SIP_REGISTER, 423, 'm' },
		{ SIP_HEADER_MIN_EXPIRES, SIP_REGISTER, 200, '-' },
		{ SIP_HEADER_PROXY_AUTHENTICATE, SIP_INVITE, 407, 'm' },
		{ SIP_HEADER_PROXY_AUTHENTICATE, SIP_INVITE, 401, 'o' },
		{ SIP_HEADER_RECORD_ROUTE, SIP_INVITE, 183, 'o' },
		{ SIP_HEADER_RECORD_ROUTE, SIP_INVITE, 199, '-' },
		{ SIP_HEADER_RECORD_ROUTE, SIP_REGISTER, 0, '-' },
		{ SIP_HEADER_RETRY_AFTER, SIP_INVITE, 486, 'o' },
		{ SIP_HEADER_RETRY_AFTER, SIP_INVITE, 487, '-' },
		{ SIP_HEADER_RETRY_AFTER, SIP_INVITE, 0, '-' },
		{ SIP_HEADER_SUPPORTED, SIP_INVITE, 0, 'M' },
		{ SIP_HEADER_UNSUPPORTED, SIP_INVITE, 420, 'm' },
		{ SIP_HEADER_VIA, SIP_INVITE, 200, 'm' },
		{ SIP_HEADER_WWW_AUTHENTICATE, SIP_REGISTER, 401, 'm' },
		{ SIP_HEADER_RACK, SIP_PRACK, 0, 'm' },
		{ SIP_HEADER_RSEQ, SIP_INVITE, 183, 'o' },
		{ SIP_HEADER_RSEQ, SIP_INVITE, 200, '-' },
		{ SIP_HEADER_REFER_TO, SIP_REFER, 0, 'm' },
		{ SIP_HEADER_MIN_SE, SIP_INVITE, 422, 'm' },
		{ SIP_HEADER_SIP_ETAG, SIP_PUBLISH, 200, 'm' },
		{ SIP_HEADER_OTHER, SIP_INVITE, 0, 'o' },
		{ SIP_HEADER_VIA, SIP_METHOD_OTHER, 0, 'o' },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		assert_int_equal(sip_header_presence(cells[i].id, cells[i].method, cells[i].status), cells[i].presence);
}

static void methods_are_case_sensitive(void **state)
{
	(void)state;
#define METHOD(ident, text)                                                                        \
	assert_int_equal(sip_method_find(SLICE(text)), SIP_##ident);                                \
	assert_true(slice_eq(sip_method_name(SIP_##ident), SLICE(text)));                           \
	assert_int_equal(sip_method_find(SLICE(text "X")), SIP_METHOD_OTHER);                       \
	assert_int_equal(sip_method_find(slice_sub(SLICE(text), 0, sizeof(text) - 2)), SIP_METHOD_OTHER);
#include "sip/syntax/method.def"
#undef METHOD
	assert_int_equal(sip_method_find(SLICE("invite")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_find(SLICE("RE%47IST%45R")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_find(SLICE("")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_name(SIP_METHOD_OTHER).n, 0);
}

static void statuses_have_phrase_and_sentence(void **state)
{
	unsigned before = 99;

	(void)state;
#define STATUS(code, phrase, sentence)                                                             \
	assert_true(code > before);                                                                 \
	before = code;                                                                              \
	assert_true(sip_status_known(code));                                                        \
	assert_true(slice_eq(sip_status_phrase(code), SLICE(phrase)));                              \
	assert_string_equal(sip_status_sentence(code), sentence);                                   \
	assert_true(sizeof(sentence) > 20 && (sentence)[sizeof(sentence) - 2] == '.');
#include "sip/syntax/status.def"
#undef STATUS
	assert_true(before <= 699);
}

static void unknown_statuses_are_their_class(void **state)
{
	(void)state;
	assert_false(sip_status_known(499));
	assert_true(slice_eq(sip_status_phrase(499), SLICE("Bad Request")));
	assert_string_equal(sip_status_sentence(499), sip_status_sentence(400));
	assert_string_equal(sip_status_sentence(150), sip_status_sentence(183));
	for (unsigned status = 0; status < 1000; status++) {
		assert_true(sip_status_phrase(status).n > 0);
		assert_non_null(sip_status_sentence(status));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_found_in_any_case),
		cmocka_unit_test(key_columns_fit_their_names),
		cmocka_unit_test(compact_forms_are_found),
		cmocka_unit_test(near_misses_are_other),
		cmocka_unit_test(forms_of_fields),
		cmocka_unit_test(where_columns_are_whole),
		cmocka_unit_test(presence_follows_the_tables),
		cmocka_unit_test(methods_are_case_sensitive),
		cmocka_unit_test(statuses_have_phrase_and_sentence),
		cmocka_unit_test(unknown_statuses_are_their_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
