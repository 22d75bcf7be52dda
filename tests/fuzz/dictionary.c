/*
 * Prints the dictionaries of the fuzz targets from the tables that the phone itself is made of, with the words that no
 * table has behind them; compared with the copies in tests/fuzz (TAP). `dictionary write` writes
 * those anew.
 */
#include "base/buf.h"
#include "command/table.h"
#include "sip/syntax/names.h"

#include <stdio.h>
#include <stdlib.h>

enum { DICTIONARY_MAX = 1 << 20 };

static void add_word(struct buf *to, const char *before, struct slice word, const char *behind)
{
	buf_printf(to, "\"%s", before);
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] == '"' || word.p[i] == '\\')
			buf_add_char(to, '\\');
		buf_add_char(to, word.p[i]);
	}
	buf_printf(to, "%s\"\n", behind);
}

/* ---- messages ---- */

static const char *const headers[][2] = {
#define HEADER(identifier, name, compact, ...) { name, compact },
#include "sip/syntax/header.def"
#undef HEADER
};

static void print_message(struct buf *to)
{
	static const char *const others[] = {
		"SIP/2.0", "SIP/2.0/UDP ", " SIP/2.0\\x0d\\x0a", "\\x0d\\x0a", "\\x0d\\x0a ", "\\x0d\\x0a\\x0d\\x0a",
		"sip:", "sips:", "tel:+", "z9hG4bK", ";branch=", ";received=", ";rport", ";ttl=", ";maddr=", ";tag=",
		";q=0.", ";expires=", ";lr", ";transport=", ";method=", ";user=phone", ";ob", ";gr=", ";alias",
		"?Route=", "&", "%00", "%3B", "\\\\\\\"", "\\\"", "\\\\\\\\", "<sip:", ">", ",", "[::1]", ":5060",
		"*", "GMT", "Sat, 13 Nov 2010 23:29:00 GMT", "Digest realm=\\\"", "4294967295", "4294967296",
		"-1", "(", ")",
		"application/sdp", "multipart/mixed;boundary=b", "message/sipfrag", "active;expires=",
		"terminated;reason=", "100rel", "timer", "replaces", "norefersub", ";refresher=uac", ";to-tag=",
		";from-tag=", ";early-only", ";handling=optional", "--b\\x0d\\x0a", "--b--",
	};

	for (int method = SIP_METHOD_OTHER + 1; method < SIP_METHODS; method++)
		add_word(to, "", sip_method_name((enum sip_method)method), " ");
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		add_word(to, "\\x0d\\x0a", slice_of(headers[i][0]), ": ");
		if (*headers[i][1])
			add_word(to, "\\x0d\\x0a", slice_of(headers[i][1]), ": ");
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		buf_printf(to, "\"%s\"\n", others[i]);
}

/* ---- challenges ---- */

static void print_digest(struct buf *to)
{
	static const char *const words[] = {
		"WWW-Authenticate: ",
		"Proxy-Authenticate: ",
		"Authentication-Info: ",
		"Digest ",
		"realm=\\\"",
		"biloxi.com\\\"",
		"other\\\"",
		"nonce=\\\"",
		"nextnonce=\\\"",
		"opaque=\\\"",
		"domain=\\\"",
		"stale=true",
		"stale=\\\"TRUE\\\"",
		"qop=\\\"auth\\\"",
		"qop=\\\"auth-int\\\"",
		"qop=auth",
		"\\\"auth,auth-int\\\"",
		"algorithm=MD5",
		"algorithm=MD5-sess",
		"algorithm=SHA-256",
		"algorithm=SHA-256-sess",
		"algorithm=SHA-512-256",
		"algorithm=SHA-512-256-sess",
		"userhash=true",
		"charset=UTF-8",
		"rspauth=\\\"",
		"cnonce=\\\"",
		"nc=00000001",
		"Basic ",
		", ",
		"\\x0d\\x0a",
		"\\x1e",
		"\\\\\\\"",
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		buf_printf(to, "\"%s\"\n", words[i]);
}

/* ---- commands ---- */

static void print_arguments(struct buf *to, const struct command_argument *arguments, size_t count, bool options)
{
	for (size_t i = 0; i < count && arguments[i].name; i++) {
		if (options)
			add_word(to, " ", slice_of(arguments[i].name), "=");
		else if (arguments[i].kind == ARG_KEYWORD)
			add_word(to, " ", slice_of(arguments[i].name), " ");
		struct slice choices = slice_of(arguments[i].choices ? arguments[i].choices : "");
		while (choices.n)
			add_word(to, "", slice_cut(&choices, '|'), "");
	}
}

static void print_command(struct buf *to)
{
	static const char *const others[] = {
		"\\\"",
		"'",
		"\\\\",
		"\\\\\\\\",
		"$",
		"${",
		"}",
		"$event.",
		"$call.",
		"#",
		"\\x0a",
		"\\\\\\x0a",
		"all",
		"on ",
		"off",
		"yes",
		"no",
		"500ms",
		"2s",
		"1h",
		">=",
		"!=",
		"==",
		"~",
		"sip:bob@biloxi.com",
		"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":1,",
		"\\\"method\\\":\\\"",
		"\\\"params\\\":{",
		"\\\"params\\\":[",
		"\\\"line\\\":\\\"",
		"\\\"words\\\":[",
		"\\\"text\\\":true",
		"\\\"id\\\":null",
		"\\\\u0000",
		"}}",
		"]}",
	};

	for (size_t i = 0; i < table_count(); i++) {
		const struct command *command = table_row(i);
		add_word(to, "", slice_of(command->name), " ");
		print_arguments(to, command->arguments, COMMAND_ARGS_MAX, false);
		print_arguments(to, command->options, COMMAND_OPTIONS_MAX, true);
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		buf_printf(to, "\"%s\"\n", others[i]);
}

/* ---- the files ---- */

static const struct {
	const char *name, *about;
	void (*print)(struct buf *to);
} dictionaries[] = {
	{ "message", "Methods, header fields and words of SIP messages", print_message },
	{ "digest", "Words of challenges", print_digest },
	{ "command", "Commands, their options, and words of JSON-RPC", print_command },
};

static void print(size_t i, struct buf *to)
{
	buf_printf(to, "# %s: printed by tests/fuzz/dictionary write.\n", dictionaries[i].about);
	dictionaries[i].print(to);
}

static char *path_of(size_t i)
{
	static char path[4096];
	const char *source = getenv("OFFHOOK_SOURCE");

	snprintf(path, sizeof path, "%s/tests/fuzz/%s.dict", source ? source : ".", dictionaries[i].name);
	return path;
}

static bool write_one(size_t i, struct slice text)
{
	FILE *file = fopen(path_of(i), "w");

	return file && fwrite(text.p, 1, text.n, file) == text.n && fclose(file) == 0;
}

static bool same(size_t i, struct slice text)
{
	static char copy[DICTIONARY_MAX];
	FILE *file = fopen(path_of(i), "r");
	size_t n = file ? fread(copy, 1, sizeof copy, file) : 0;

	if (file)
		fclose(file);
	return slice_eq(slice_make(copy, n), text);
}

int main(int argc, char **argv)
{
	size_t count = sizeof dictionaries / sizeof dictionaries[0];
	bool writes = argc > 1 && !strcmp(argv[1], "write"), all = true;

	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		struct buf text;
		buf_init(&text, DICTIONARY_MAX);
		print(i, &text);
		bool good = writes ? write_one(i, buf_slice(&text)) : same(i, buf_slice(&text));
		printf("%sok %zu - %s.dict is what the tables say%s\n", good ? "" : "not ", i + 1, dictionaries[i].name,
		       good ? "" : ": run tests/fuzz/dictionary write in the source folder");
		all &= good;
		buf_fini(&text);
	}
	return !all;
}
