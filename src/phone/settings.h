/*
 * One table of settings, settings.def, whose head says what its rows hold. `set`, `get`, `show settings`, the man page
 * and completion come from it. A setting whose feature is not built does not exist.
 */
#pragma once

#include "base/address.h"
#include "base/buf.h"
#include "base/error.h"

enum setting_type {
	SETTING_TEXT,
	SETTING_NUMBER,   /* bare, with minimum and maximum */
	SETTING_DURATION, /* "250ms 10s 5m 1h none"; kept in microseconds, none = 0 */
	SETTING_SIZE,     /* "64k" bytes, or "off" = 0 where `choices` says off */
	SETTING_LEVEL,    /* "-20dB"; kept in thousandths of a dB; "off" = LEVEL_OFF where `choices` says off */
	SETTING_CHOICE,   /* one of the words of `choices`, "on|off" ... */
};

struct setting_row {
	const char *name;
	enum setting_type type;
	const char *choices;      /* "on|off", or NULL */
	const char *unit;         /* for people: "ms", "bytes", "" */
	int64_t minimum, maximum; /* numbers, microseconds, bytes */
	const char *initial;      /* as text */
	const char *sentence;
	bool config_only; /* only the configuration file can set it */
};

extern const struct setting_row setting_rows[];
extern const size_t setting_count;

struct settings;
typedef void setting_changed_h(void *arg, const struct setting_row *row);
struct settings *settings_new(setting_changed_h *changed, void *arg);
void settings_free(struct settings *settings);
const struct setting_row *setting_find(struct slice name);
/** Check and keep. @return false with a sentence in `why` */
bool settings_set(struct settings *settings, const struct setting_row *row, struct slice value,
		  struct buf *why) MUST_CHECK;
const char *settings_text(const struct settings *settings, const char *name);
/** Number, microseconds, bytes, thousandths of a dB; of a choice its place in `choices`, 0 first. */
int64_t settings_number(const struct settings *settings, const char *name);
/** A choice that is "on". */
bool settings_on(const struct settings *settings, const char *name);
bool settings_changed(const struct settings *settings, const char *name); /* differs from its default */

/* units.c */
enum { LEVEL_DB = 1000, LEVEL_OFF = -1000 * LEVEL_DB };
/** "-20dB", "+6dB", "1.5dB". @return false for a bare number or anything else */
bool level_parse(struct slice text, int64_t *level) MUST_CHECK;
/** "250ms", "10s", "5m", "1h", "none" (0). @return false for a bare number or anything else */
bool duration_parse(struct slice text, int64_t *us) MUST_CHECK;
/** By the greatest unit that leaves nothing over: "90s", "2h"; 0: "none". */
void duration_print(struct buf *to, int64_t us);
/** "512", "64k", "16M", "1G", "off" (0). @return false for anything else */
bool size_parse(struct slice text, int64_t *bytes) MUST_CHECK;
/** As size_parse() reads it. */
void size_print(struct buf *to, int64_t bytes);
/** As level_parse() reads it. */
void level_print(struct buf *to, int64_t level);
/* settings.c */
/** Read "192.0.2.4:5060", "tls:[2001:db8::1]:5061": what sip.listen lists. The protocols are bits of net_listen(). */
bool listen_word_read(struct slice word, unsigned *protocols, struct address *address);
