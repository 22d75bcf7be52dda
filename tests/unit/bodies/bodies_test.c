#include "tests/unit/unit.h"

#include "bodies/composing.h"
#include "bodies/dialog_info.h"
#include "bodies/pidf.h"
#include "bodies/reginfo.h"
#include "bodies/summary.h"
#include "bodies/xml.h"

static void on_open(void *arg, const struct xml_element *element)
{
	(*(unsigned *)arg)++;
	assert_true(element->name.n > 0);
}

static enum err read_xml(const char *text)
{
	unsigned opened = 0;

	return xml_read(slice_of(text), &(struct xml_handler){ on_open, NULL, &opened });
}

static void what_is_dangerous_in_xml_is_refused(void **state)
{
	char deep[512] = "";

	(void)state;
	assert_int_equal(read_xml("<a/>"), ERR_NONE);
	assert_int_equal(read_xml(""), ERR_SYNTAX);
	assert_int_equal(read_xml("<a>"), ERR_SYNTAX);
	assert_int_equal(read_xml("<a></b>"), ERR_SYNTAX);
	assert_int_equal(read_xml("<!DOCTYPE a><a/>"), ERR_SYNTAX);
	assert_int_equal(read_xml("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"), ERR_SYNTAX);
	assert_int_equal(read_xml("<!DOCTYPE a SYSTEM 'http://192.0.2.1/x.dtd'><a/>"), ERR_SYNTAX);
	assert_int_equal(read_xml("<a>&nosuch;</a>"), ERR_SYNTAX);
	for (int i = 0; i < 20; i++)
		strcat(deep, "<a>");
	for (int i = 0; i < 20; i++)
		strcat(deep, "</a>");
	assert_int_equal(read_xml(deep), ERR_TOO_BIG);
}

/* A tag whose namespace has a name of so many bytes, and so many attributes of it. */
static enum err read_spaces(size_t bytes, unsigned attributes, const char *between)
{
	struct buf text;

	buf_init(&text, 65536);
	buf_printf(&text, "<a xmlns:p='");
	for (size_t i = 0; i < bytes; i++)
		buf_add_char(&text, 'u');
	buf_printf(&text, "'%s", between);
	for (unsigned i = 0; i < attributes; i++)
		buf_printf(&text, " p:a%u=''", i);
	buf_printf(&text, "%s>", *between ? "/></a" : "/");
	enum err err = read_xml(buf_text(&text));
	buf_fini(&text);
	return err;
}

static void namespaces_do_not_multiply(void **state)
{
	static const char wide[] = "\xff\xfe<\0a\0 \0b\0=\0'\0<\0'\0/\0>\0",
			  good[] = "\xff\xfe<\0a\0 \0b\0=\0'\0'\0/\0>";
	unsigned opened = 0;
	struct xml_handler handler = { on_open, NULL, &opened };
	char text[40000];

	(void)state;
	assert_int_equal(read_spaces(256, 1, ""), ERR_NONE);
	assert_int_equal(read_spaces(256, 60, ""), ERR_NONE);
	assert_int_equal(read_spaces(257, 1, ""), ERR_TOO_BIG);
	assert_int_equal(read_spaces(257, 1, "><e"), ERR_TOO_BIG);
	assert_int_equal(read_spaces(200, 4000, ""), ERR_TOO_BIG);
	assert_int_equal(read_spaces(30000, 2800, ""), ERR_TOO_BIG);
	/* What only looks as if a tag ended does not hide one. */
	assert_int_equal(read_spaces(200, 4000, " x='>'"), ERR_TOO_BIG);
	/* Text of some length is nothing to fear. */
	snprintf(text, sizeof text, "<a b='c'>%0*d==</a>", 30000, 7);
	assert_int_equal(read_xml(text), ERR_NONE);
	/* UTF-16 is read; a '<' of its own in there is refused by expat, and does not count as one before. */
	assert_int_equal(xml_read(slice_make(good, sizeof good), &handler), ERR_NONE);
	assert_int_equal(xml_read(slice_make(wide, sizeof wide - 1), &handler), ERR_SYNTAX);
	for (size_t i = 0; i + 4 <= sizeof text; i += 4)
		memcpy(text + i, i % 64 ? "=\0'\0" : "\x3c\x3c=\0", 4);
	assert_int_equal(xml_read(slice_make(text, sizeof text), &handler), ERR_TOO_BIG);
}

static void is_composing(void **state)
{
	static const char active[] = "<?xml version='1.0'?><isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'>"
				     "<state>active</state><contenttype>text/plain</contenttype><refresh>90</refresh>"
				     "</isComposing>",
			  unknown[] = "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>x</state>"
				      "</isComposing>",
			  none[] = "<isComposing xmlns='urn:other'><state>active</state></isComposing>";
	struct composing composing;
	struct buf body;

	(void)state;
	assert_int_equal(composing_read(slice_of(active), &composing), ERR_NONE);
	assert_true(composing.active);
	assert_int_equal(composing.refresh, 90);
	assert_int_equal(composing_read(slice_of(unknown), &composing), ERR_NONE);
	assert_false(composing.active);
	assert_int_equal(composing.refresh, COMPOSING_REFRESH_S);
	assert_int_equal(composing_read(slice_of(none), &composing), ERR_SYNTAX);
	buf_init(&body, 4096);
	composing_write(&(struct composing){ true, 60 }, &body);
	assert_int_equal(composing_read(buf_slice(&body), &composing), ERR_NONE);
	assert_true(composing.active);
	assert_int_equal(composing.refresh, 60);
	buf_fini(&body);
}

static void message_summary(void **state)
{
	static const char full[] =
		"Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\n"
		"Voice-Message: 2/8 (0/2)\r\nFax-Message: 1/1\r\n\r\nTo: <sip:alice@example.com>\r\n",
			  bare[] = "messages-waiting : no\n",
			  asterisk[] = "Messages-Waiting: yes\r\nVoice-Message: 3/0\r\n",
			  wrong[] = "Voice-Message: 2/8\r\n",
			  huge[] = "Messages-Waiting: yes\r\nVoice-Message: "
				   "99999999999/1\r\n";
	struct summary summary;

	(void)state;
	assert_int_equal(summary_read(slice_of(full), &summary), ERR_NONE);
	assert_true(summary.waiting && summary.has_counts);
	assert_int_equal(summary.fresh, 2);
	assert_int_equal(summary.old, 8);
	assert_int_equal(summary.urgent_fresh, 0);
	assert_int_equal(summary.urgent_old, 2);
	assert_string_equal(summary.account, "sip:alice@vmail.example.com");
	assert_int_equal(summary_read(slice_of(bare), &summary), ERR_NONE);
	assert_false(summary.waiting || summary.has_counts);
	assert_int_equal(summary_read(slice_of(asterisk), &summary), ERR_NONE);
	assert_int_equal(summary.fresh, 3);
	assert_int_equal(summary_read(slice_of(wrong), &summary), ERR_SYNTAX);
	assert_int_equal(summary_read(slice_of(huge), &summary), ERR_NONE);
	assert_false(summary.has_counts);
}

static void presence_reads_what_it_writes(void **state)
{
	(void)state;
	for (int i = PRESENCE_OFFLINE; i <= PRESENCE_DND; i++) {
		struct pidf told = { .presence = (enum presence)i,
				     .entity = "sip:alice@atlanta.com",
				     .note = "<&\"x'>" },
			    read;
		struct buf body;
		buf_init(&body, 8192);
		pidf_write(&told, SLICE("sip:alice@192.0.2.1"), &body);
		assert_int_equal(pidf_read(buf_slice(&body), &read), ERR_NONE);
		assert_int_equal(read.presence, told.presence);
		assert_string_equal(read.entity, told.entity);
		assert_string_equal(read.note, told.note);
		buf_fini(&body);
	}
}

static void presence_of_others(void **state)
{
	static const char two[] =
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
		"entity=\"pres:bob@biloxi.com\"><tuple id=\"a\"><status><basic>closed</basic></status>"
		"</tuple><tuple id=\"b\"><status><basic>open</basic></status><contact priority=\"0.8\">"
		"sip:bob@192.0.2.9</contact><note xml:lang=\"en\">at my desk</note></tuple></presence>",
			  none[] = "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"pres:bob@biloxi.com\"/>",
			  other[] = "<presence xmlns=\"jabber:client\"/>";
	struct pidf pidf;

	(void)state;
	assert_int_equal(pidf_read(slice_of(two), &pidf), ERR_NONE);
	assert_int_equal(pidf.presence, PRESENCE_AVAILABLE);
	assert_string_equal(pidf.note, "at my desk");
	assert_int_equal(pidf_read(slice_of(none), &pidf), ERR_NONE);
	assert_int_equal(pidf.presence, PRESENCE_UNKNOWN);
	assert_int_equal(pidf_read(slice_of(other), &pidf), ERR_SYNTAX);
}

#define INFO(version, state, inside)                                                                                   \
	SLICE("<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"" version "\" state=\"" state       \
	      "\" entity=\"sip:bob@biloxi.com\">" inside "</dialog-info>")
#define ONE(state)                                                                                                     \
	"<dialog id=\"1\" call-id=\"c\" local-tag=\"l\" remote-tag=\"r\" direction=\"recipient\"><state>" state        \
	"</state>"

static void dialog_state_over_several_documents(void **state)
{
	struct dialog_table table;

	(void)state;
	dialog_table_init(&table);
	assert_int_equal(dialog_table_take(&table, INFO("0", "full", "")), ERR_NONE);
	assert_null(dialog_table_best(&table));
	assert_int_equal(
		dialog_table_take(&table, INFO("1", "partial",
					       ONE("early") "<local><target uri=\"sip:bob@192.0.2.9\"/></local><remote>"
							    "<identity display=\"Al\">sip:al@x.com</identity></remote>"
							    "</dialog>")),
		ERR_NONE);
	const struct dialog_row *best = dialog_table_best(&table);
	assert_non_null(best);
	assert_false(table.gap);
	assert_int_equal(best->state, DIALOG_EARLY);
	assert_string_equal(best->local_target, "sip:bob@192.0.2.9");
	assert_string_equal(best->remote_identity, "sip:al@x.com");
	assert_string_equal(best->remote_display, "Al");
	assert_string_equal(best->call_id, "c");
	/* What is not said again stays. */
	assert_int_equal(dialog_table_take(&table, INFO("2", "partial", ONE("confirmed") "</dialog>")), ERR_NONE);
	best = dialog_table_best(&table);
	assert_int_equal(best->state, DIALOG_CONFIRMED);
	assert_string_equal(best->remote_identity, "sip:al@x.com");
	/* An old one says nothing; one too many is a gap; a full one mends it. */
	assert_int_equal(dialog_table_take(&table, INFO("1", "full", "")), ERR_STATE);
	assert_int_equal(dialog_table_take(&table, INFO("5", "partial", ONE("terminated") "</dialog>")), ERR_NONE);
	assert_true(table.gap);
	assert_null(dialog_table_best(&table));
	assert_int_equal(dialog_table_take(&table, INFO("6", "full", "")), ERR_NONE);
	assert_false(table.gap);
	assert_int_equal(table.count, 0);
	assert_int_equal(dialog_table_take(&table, SLICE("<x/>")), ERR_SYNTAX);
	dialog_table_fini(&table);
}

static void dialog_state_reads_what_it_writes(void **state)
{
	char id[] = "7", call_id[] = "a<b", local[] = "l", remote[] = "r", uri[] = "sip:a@b", none[] = "";
	struct dialog_row row = { DIALOG_EARLY, true, true, id, call_id, local, remote, uri, uri, uri, none, uri };
	struct dialog_table table;
	struct buf body;

	(void)state;
	buf_init(&body, 8192);
	dialog_info_write(&row, 1, 3, SLICE("sip:me@x"), &body);
	dialog_table_init(&table);
	assert_int_equal(dialog_table_take(&table, buf_slice(&body)), ERR_NONE);
	const struct dialog_row *best = dialog_table_best(&table);
	assert_non_null(best);
	assert_true(best->initiator);
	assert_string_equal(best->call_id, "a<b");
	assert_string_equal(best->local_target, "sip:a@b");
	assert_int_equal(table.version, 3);
	dialog_table_fini(&table);
	buf_fini(&body);
}

static void registration_state(void **state)
{
	static const char body[] =
		"<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"4\" state=\"full\"><registration "
		"aor=\"sip:joe@example.com\" id=\"a7\" state=\"active\"><contact id=\"76\" state=\"active\" "
		"event=\"registered\" duration-registered=\"7322\"><uri>sip:joe@192.0.2.4</uri></contact><contact "
		"id=\"77\" "
		"state=\"terminated\" "
		"event=\"expired\"><uri>sip:joe@192.0.2.5</uri></contact></registration></reginfo>";
	struct reginfo reginfo;

	(void)state;
	assert_int_equal(reginfo_read(slice_of(body), &reginfo), ERR_NONE);
	assert_true(reginfo.active && reginfo.full);
	assert_int_equal(reginfo.version, 4);
	assert_int_equal(reginfo.count, 2);
	assert_string_equal(reginfo.aor, "sip:joe@example.com");
	assert_string_equal(reginfo.contacts[0].uri, "sip:joe@192.0.2.4");
	assert_true(reginfo.contacts[0].active);
	assert_false(reginfo.contacts[1].active);
	assert_string_equal(reginfo.contacts[1].event, "expired");
	assert_int_equal(reginfo_read(SLICE("<reginfo/>"), &reginfo), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_dangerous_in_xml_is_refused),
		cmocka_unit_test(namespaces_do_not_multiply),
		cmocka_unit_test(is_composing),
		cmocka_unit_test(message_summary),
		cmocka_unit_test(presence_reads_what_it_writes),
		cmocka_unit_test(presence_of_others),
		cmocka_unit_test(dialog_state_over_several_documents),
		cmocka_unit_test(dialog_state_reads_what_it_writes),
		cmocka_unit_test(registration_state),
	};

	return cmocka_run_group_tests_name("bodies", tests, NULL, NULL);
}
