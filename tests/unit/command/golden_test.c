/*
 * The help and the man page of the program that was built, against the copies in the source tree: whoever changes a
 * table sees in the diff what people will read. `OFFHOOK_GOLDEN=write` writes the copies anew.
 */
#include "tests/unit/unit.h"

#include "base/buf.h"

static const struct {
	const char *arguments, *file;
} goldens[] = {
	{ "--print-man", "man/offhook.1" },
	{ "--print-commands-man", "man/offhook-commands.5" },
	{ "--help", "tests/golden/options.txt" },
	{ "-n --batch -x help", "tests/golden/help.txt" },
	{ "-n --batch -x 'help settings'", "tests/golden/help-settings.txt" },
	{ "-n --batch -x 'help events'", "tests/golden/help-events.txt" },
	{ "-n --batch -x 'help quantities'", "tests/golden/help-quantities.txt" },
	{ "-n --batch -x 'help keys'", "tests/golden/help-keys.txt" },
	{ "-n --batch -x 'help call'", "tests/golden/help-call.txt" },
	{ "-n --batch -x 'help wait'", "tests/golden/help-wait.txt" },
	{ "-n --batch -x 'help account add'", "tests/golden/help-account-add.txt" },
};

static bool read_all(FILE *file, struct buf *text)
{
	char block[4096];
	size_t n;

	if (!file)
		return false;
	while ((n = fread(block, 1, sizeof block, file)) > 0)
		buf_add(text, slice_make(block, n));
	return true;
}

/* The first line that differs; nothing when none does. */
static void show_difference(const char *name, struct slice now, struct slice copy)
{
	for (unsigned line = 1; now.n || copy.n; line++) {
		struct slice a = slice_cut(&now, '\n'), b = slice_cut(&copy, '\n');
		if (!slice_eq(a, b)) {
			print_error("%s:%u\n  says   %.*s\n  is now %.*s\n", name, line, SLICE_ARG(b), SLICE_ARG(a));
			return;
		}
	}
}

/* One golden text: what is printed now, and what the copy says. */
static void compare(const char *program, const char *source, const char *arguments, const char *name)
{
	const char *mode = getenv("OFFHOOK_GOLDEN");
	char command[1024], path[1024];
	struct buf now, copy;

	buf_init(&now, 1 << 20);
	buf_init(&copy, 1 << 20);
	snprintf(command, sizeof command, "'%s' %s </dev/null 2>/dev/null", program, arguments);
	snprintf(path, sizeof path, "%s/%s", source, name);
	FILE *pipe = popen(command, "r");
	assert_true(read_all(pipe, &now));
	assert_int_equal(pclose(pipe), 0);
	assert_true(now.n > 0);
	FILE *file = fopen(path, mode && !strcmp(mode, "write") ? "w+" : "r");
	if (file && mode && !strcmp(mode, "write")) {
		assert_int_equal(fwrite(now.p, 1, now.n, file), now.n);
		rewind(file);
	}
	if (!read_all(file, &copy))
		print_error("%s is missing: OFFHOOK_GOLDEN=write writes it\n", path);
	assert_non_null(file);
	fclose(file);
	bool same = slice_eq(buf_slice(&now), buf_slice(&copy));
	show_difference(name, buf_slice(&now), buf_slice(&copy));
	buf_fini(&now);
	buf_fini(&copy);
	assert_true(same);
}

static void test_goldens(void **state)
{
	const char *program = getenv("OFFHOOK"), *source = getenv("OFFHOOK_SOURCE");

	(void)state;
	if (!program || !source)
		skip();
	for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++)
		compare(program, source, goldens[i].arguments, goldens[i].file);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_goldens) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
