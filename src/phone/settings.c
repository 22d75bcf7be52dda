#include "phone/settings.h"

#include "base/address.h"
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "media/engine.h"
#include "net/net.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "0"
#endif

const struct setting_row setting_rows[] = {
#define ROW(setting_name, setting_type, words, in, least, most, first, text, only)                                     \
	{ .name = setting_name,                                                                                        \
	  .type = SETTING_##setting_type,                                                                              \
	  .choices = words,                                                                                            \
	  .unit = in,                                                                                                  \
	  .minimum = least,                                                                                            \
	  .maximum = most,                                                                                             \
	  .initial = first,                                                                                            \
	  .sentence = text,                                                                                            \
	  .config_only = only },
#define SETTING(...) ROW(__VA_ARGS__, false)
#define CONFIG_SETTING(...) ROW(__VA_ARGS__, true)
#include "phone/settings.def"
#undef SETTING
#undef CONFIG_SETTING
#undef ROW
};

enum { SETTING_COUNT = ARRAY_LEN(setting_rows), VALUE_MAX = 2048 };
const size_t setting_count = SETTING_COUNT;

struct setting_value {
	char *text;
	int64_t number;
};

struct settings {
	struct setting_value values[SETTING_COUNT];
	setting_changed_h *changed;
	void *arg;
};

/* ---- checks of one row's value ---- */

static bool check_addresses(struct slice value, struct buf *why)
{
	struct slice word;
	struct address address;

	while (slice_list_word(&value, &word))
		if (!address_parse(&address, word, 0)) {
			buf_printf(why, "'%.*s' is no address: write 192.0.2.4 or [2001:db8::1]:53",
				   SLICE_ARG(word));
			return false;
		}
	return true;
}

bool listen_word_read(struct slice word, unsigned *protocols, struct address *address)
{
	struct slice rest = word, name = slice_cut(&rest, ':');
	enum sip_protocol protocol;

	*protocols = NET_PLAIN;
	if (!rest.p || !sip_protocol_find(name, &protocol))
		return address_parse(address, word, sip_protocol_port(SIP_UDP));
	*protocols = 1u << protocol;
	return address_parse(address, rest, sip_protocol_port(protocol));
}

static bool check_listen(struct slice value, struct buf *why)
{
	struct slice word;
	struct address address;
	unsigned protocols;
	size_t count = 0;

	for (; slice_list_word(&value, &word); count++)
		if (!listen_word_read(word, &protocols, &address)) {
			buf_printf(why,
				   "'%.*s' is no place to listen: write 192.0.2.4:5060 or [2001:db8::1]:5060, for one "
				   "protocol tls:0.0.0.0:5061",
				   SLICE_ARG(word));
			return false;
		}
	if (!count)
		buf_printf(why, "at least one address is needed, as 0.0.0.0:5060");
	return count > 0;
}

static bool check_file(struct slice value, struct buf *why)
{
	char *path = slice_dup(value);
	bool good = !*path || access(path, R_OK) == 0;

	if (!good)
		buf_printf(why, "'%s' cannot be read: %s", path, strerror(errno));
	free(path);
	return good;
}

static bool check_ws_path(struct slice value, struct buf *why)
{
	bool good = slice_begins(value, SLICE("/"));

	for (size_t i = 0; i < value.n; i++)
		good = good && value.p[i] > ' ' && value.p[i] < 0x7f;
	if (!good)
		buf_printf(why, "'%.*s' is no path: it begins with / and has no blanks, as /ws", SLICE_ARG(value));
	return good;
}

static bool check_pins(struct slice value, struct buf *why)
{
	unsigned char pin[32];
	struct slice word;

	while (slice_list_word(&value, &word))
		if (!net_tls_pin_parse(word, pin)) {
			buf_printf(why,
				   "'%.*s' is no pin: it is the SHA-256 of a public key, 44 characters of base64 or 64 "
				   "hexadecimal digits",
				   SLICE_ARG(word));
			return false;
		}
	return true;
}

static bool check_codecs(struct slice value, struct buf *why)
{
	struct slice word;
	size_t count = 0;

	for (; slice_list_word(&value, &word); count++) {
		if (media_codec_exists(word))
			continue;
		buf_printf(why, "'%.*s' is no codec of this phone: there are", SLICE_ARG(word));
		for (int i = 0; i < MEDIA_CODECS; i++)
			buf_printf(why, " %s", media_codec_word((enum media_codec)i));
		return false;
	}
	if (!count)
		buf_printf(why, "at least one codec is needed, as opus or PCMU");
	return count > 0;
}

static bool check_suites(struct slice value, struct buf *why)
{
	enum stream_suite suite;
	struct slice word;
	size_t count = 0;

	for (; slice_list_word(&value, &word); count++) {
		if (stream_suite_find(word, &suite))
			continue;
		buf_printf(why, "'%.*s' is no crypto-suite of this phone: there are", SLICE_ARG(word));
		for (int i = STREAM_CLEAR + 1; i < STREAM_SUITES; i++)
			buf_printf(why, " %s", stream_suite_name((enum stream_suite)i));
		return false;
	}
	if (!count)
		buf_printf(why, "at least one crypto-suite is needed: AES_CM_128_HMAC_SHA1_80 is what every peer has");
	return count > 0;
}

static bool check_ports(struct slice value, struct buf *why)
{
	struct slice high = value, low = slice_cut(&high, '-');
	uint64_t from, to;

	if (slice_to_u64(slice_trim(low), 65534, &from) && slice_to_u64(slice_trim(high), 65535, &to) && from >= 1024 &&
	    to > from)
		return true;
	buf_printf(why, "'%.*s' is no range of ports: write 20000-20998 (1024 to 65535)", SLICE_ARG(value));
	return false;
}

static bool check_tone(struct slice hertz, struct buf *why)
{
	struct slice part = hertz, whole = slice_cut(&part, '.');
	uint64_t hz, unused;

	if (slice_to_u64(whole, 20000, &hz) && (!part.p || slice_to_u64(part, 999999, &unused)) && (hz || part.n))
		return true;
	buf_printf(why, "tone:%.*s: a tone wants its hertz, 1 to 20000: tone:440", SLICE_ARG(hertz));
	return false;
}

static bool check_device(struct slice value, struct buf *why)
{
	if (!slice_trim(value).n) {
		buf_printf(why, "a device is needed: default, null, or a name that `audio` lists");
		return false;
	}
	while (value.p) {
		struct slice name = slice_trim(slice_cut(&value, ','));
		if (slice_begins(name, SLICE("tone:")) && !check_tone(slice_from(name, 5), why))
			return false;
	}
	return true;
}

static const struct {
	const char *name;
	bool (*check)(struct slice value, struct buf *why);
} text_checks[] = {
	{ "sip.listen", check_listen },   { "dns.servers", check_addresses }, { "media.codecs", check_codecs },
	{ "media.ports", check_ports },   { "audio.input", check_device },    { "audio.output", check_device },
	{ "audio.ringer", check_device }, { "tls.ca", check_file },           { "tls.certificate", check_file },
	{ "tls.key", check_file },        { "tls.pin", check_pins },
	{ "media.encryption-suites", check_suites }, { "sip.ws-path", check_ws_path },
	{ "call.hold-music", check_file },
};

static bool check_text(const struct setting_row *row, struct slice value, struct buf *why)
{
	uint32_t point;

	if (value.n > VALUE_MAX || (row->maximum && value.n > (size_t)row->maximum)) {
		buf_printf(why, "%s: the value is longer than %lld bytes", row->name,
			   (long long)(row->maximum ? row->maximum : VALUE_MAX));
		return false;
	}
	for (size_t i = 0; i < value.n; i += utf8_decode(slice_from(value, i), &point))
		if (!utf8_decode(slice_from(value, i), &point) || point < ' ' || point == 0x7f) {
			buf_printf(why, "%s: control characters and text that is no UTF-8 are not taken", row->name);
			return false;
		}
	for (size_t i = 0; i < ARRAY_LEN(text_checks); i++)
		if (!strcmp(text_checks[i].name, row->name))
			return text_checks[i].check(value, why);
	return true;
}

/* The place of `value` among "off|on"; false: not there. */
static bool choice_find(const char *choices, struct slice value, int64_t *place)
{
	struct slice rest = slice_of(choices), word;

	for (int64_t i = 0; rest.p; i++) {
		word = slice_cut(&rest, '|');
		if (slice_ieq(word, value)) {
			*place = i;
			return true;
		}
	}
	return false;
}

static bool choice_check(const struct setting_row *row, struct slice value, int64_t *number, struct buf *why)
{
	static const char *const yes[] = { "yes", "true", "1" }, *const no[] = { "no", "false", "0" };

	if (choice_find(row->choices, value, number))
		return true;
	/* What people type for a switch. */
	for (size_t i = 0; i < ARRAY_LEN(yes) && !strcmp(row->choices, "off|on"); i++)
		if (slice_ieq(value, slice_of(yes[i])) || slice_ieq(value, slice_of(no[i]))) {
			*number = slice_ieq(value, slice_of(yes[i]));
			return true;
		}
	buf_printf(why, "%s is ", row->name);
	for (struct slice rest = slice_of(row->choices), word = slice_cut(&rest, '|'); word.p;) {
		bool last = !rest.p, next_is_last = !last && slice_find(rest, '|') == rest.n;
		buf_printf(why, "%.*s%s", SLICE_ARG(word), last ? "" : next_is_last ? " or " : ", ");
		word = last ? (struct slice){ 0 } : slice_cut(&rest, '|');
	}
	return false;
}

static void number_print(const struct setting_row *row, int64_t number, struct buf *to)
{
	if (row->type == SETTING_DURATION)
		duration_print(to, number);
	else if (row->type == SETTING_LEVEL && number == LEVEL_OFF && row->choices)
		buf_printf(to, "%s", row->choices);
	else if (row->type == SETTING_LEVEL)
		level_print(to, number);
	else if (row->type == SETTING_SIZE && !number && row->choices)
		buf_printf(to, "%s", row->choices);
	else if (row->type == SETTING_SIZE)
		size_print(to, number);
	else
		buf_printf(to, "%" PRId64, number);
}

static void range_print(const struct setting_row *row, struct buf *to)
{
	buf_printf(to, " from ");
	number_print(row, row->minimum, to);
	buf_printf(to, " to ");
	number_print(row, row->maximum, to);
}

static bool number_check(const struct setting_row *row, struct slice value, int64_t *number, struct buf *why)
{
	uint64_t plain;
	bool good;

	if (row->type == SETTING_DURATION)
		good = duration_parse(value, number);
	else if (row->type == SETTING_SIZE)
		good = size_parse(value, number);
	else if (row->type == SETTING_LEVEL && row->choices && slice_ieq(value, slice_of(row->choices))) {
		*number = LEVEL_OFF;
		return true;
	} else if (row->type == SETTING_LEVEL)
		good = level_parse(value, number);
	else if ((good = slice_to_u64(value, INT64_MAX, &plain)))
		*number = (int64_t)plain;
	if (!good) {
		static const char *const wanted[] = { [SETTING_NUMBER] = "a number",
						      [SETTING_DURATION] = "a duration such as 500ms, 10s or 5m",
						      [SETTING_SIZE] = "a size such as 1300, 64k or 2M",
						      [SETTING_LEVEL] = "a level in dB such as -6dB, 0dB or 3dB" };
		buf_printf(why, "%s is %s", row->name, wanted[row->type]);
		if (row->type == SETTING_NUMBER)
			range_print(row, why);
		buf_printf(why, "%s%s", row->choices ? ", or " : "", row->choices ? row->choices : "");
		return false;
	}
	/* Zero is the meaning of the word in `choices`, outside the range that numbers keep. */
	/* Codecs count in steps of 10 ms. */
	if (!strcmp(row->name, "media.ptime") && *number % (10 * MS_US)) {
		buf_printf(why, "%s is 10, 20, 30, 40, 50 or 60 ms", row->name);
		return false;
	}
	if ((*number == 0 && row->choices && row->type != SETTING_LEVEL) ||
	    (*number >= row->minimum && *number <= row->maximum))
		return true;
	buf_printf(why, "%s goes", row->name);
	range_print(row, why);
	return false;
}

/* ---- the settings ---- */

static size_t row_index(const struct setting_row *row)
{
	assert(row >= setting_rows && row < setting_rows + SETTING_COUNT);
	return (size_t)(row - setting_rows);
}

static const struct setting_row *row_of(const char *name)
{
	const struct setting_row *row = setting_find(slice_of(name));

	assert(row && "no such setting");
	return row;
}

enum { NAME_SLOTS = 1024 }; /* a power of two, some times as many as there are settings */
_Static_assert(SETTING_COUNT * 2 < NAME_SLOTS && SETTING_COUNT < UINT16_MAX, "the slots are loosely filled");

static size_t first_slot(struct slice name)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < name.n; i++)
		hash = (hash ^ (unsigned char)name.p[i]) * 16777619u;
	return (hash ^ hash >> 16) % NAME_SLOTS;
}

/* A call asks for some thirty settings by their names. Only the loop's thread does. */
static const uint16_t *name_slots(void)
{
	static uint16_t slots[NAME_SLOTS]; /* 0: none, else one more than the row's index */
	static bool filled;

	for (size_t i = 0; !filled && i < SETTING_COUNT; i++) {
		size_t slot = first_slot(slice_of(setting_rows[i].name));
		while (slots[slot])
			slot = (slot + 1) % NAME_SLOTS;
		slots[slot] = (uint16_t)(i + 1);
	}
	filled = true;
	return slots;
}

const struct setting_row *setting_find(struct slice name)
{
	const uint16_t *slots = name_slots();

	for (size_t slot = first_slot(name); slots[slot]; slot = (slot + 1) % NAME_SLOTS)
		if (slice_eq(name, slice_of(setting_rows[slots[slot] - 1].name)))
			return &setting_rows[slots[slot] - 1];
	return NULL;
}

static bool check(const struct setting_row *row, struct slice value, struct setting_value *checked, struct buf *why)
{
	struct buf text;
	bool good = true;

	buf_init(&text, VALUE_MAX + 1);
	checked->number = 0;
	if (row->type == SETTING_TEXT) {
		if ((good = check_text(row, value, why)))
			buf_add(&text, value);
	} else if (row->type == SETTING_CHOICE) {
		if ((good = choice_check(row, value, &checked->number, why))) {
			struct slice rest = slice_of(row->choices), word = slice_cut(&rest, '|');
			for (int64_t i = 0; i < checked->number; i++)
				word = slice_cut(&rest, '|');
			buf_add(&text, word);
		}
	} else if ((good = number_check(row, value, &checked->number, why))) {
		number_print(row, checked->number, &text);
	}
	checked->text = good ? buf_take(&text) : NULL;
	buf_fini(&text);
	return good;
}

struct settings *settings_new(setting_changed_h *changed, void *arg)
{
	struct settings *settings = xcalloc(1, sizeof *settings);
	struct buf why;

	buf_init(&why, 512);
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		bool good = check(&setting_rows[i], slice_of(setting_rows[i].initial), &settings->values[i], &why);
		assert(good && "a default that its own row refuses");
		(void)good;
	}
	buf_fini(&why);
	settings->changed = changed;
	settings->arg = arg;
	return settings;
}

void settings_free(struct settings *settings)
{
	if (!settings)
		return;
	for (size_t i = 0; i < SETTING_COUNT; i++)
		free(settings->values[i].text);
	free(settings);
}

bool settings_set(struct settings *settings, const struct setting_row *row, struct slice value, struct buf *why)
{
	struct setting_value checked, *kept = &settings->values[row_index(row)];

	if (!check(row, slice_trim(value), &checked, why))
		return false;
	bool same = !strcmp(checked.text, kept->text);
	free(kept->text);
	*kept = checked;
	if (!same && settings->changed)
		settings->changed(settings->arg, row);
	return true;
}

const char *settings_text(const struct settings *settings, const char *name)
{
	return settings->values[row_index(row_of(name))].text;
}

int64_t settings_number(const struct settings *settings, const char *name)
{
	return settings->values[row_index(row_of(name))].number;
}

bool settings_on(const struct settings *settings, const char *name)
{
	return !strcmp(settings_text(settings, name), "on");
}

bool settings_changed(const struct settings *settings, const char *name)
{
	const struct setting_row *row = row_of(name);
	struct setting_value first;
	struct buf why;

	/* Compared as checked: "64M" and "64m" are the same. */
	buf_init(&why, 512);
	bool good = check(row, slice_of(row->initial), &first, &why),
	     changed = good && strcmp(first.text, settings->values[row_index(row)].text);
	free(first.text);
	buf_fini(&why);
	return changed;
}
