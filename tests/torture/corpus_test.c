/* Replays the corpus of the fuzz target, which holds every input that was ever found to do harm. Needs no libFuzzer. */
#include "tests/unit/unit.h"

#include <dirent.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *folder, const char *name)
{
	static uint8_t room[1 << 20];
	char path[2048];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t n = fread(room, 1, sizeof room, file);
	fclose(file);
	assert_int_equal(LLVMFuzzerTestOneInput(room, n), 0);
}

static void corpus_of_messages(void **state)
{
	const char *source = getenv("OFFHOOK_SOURCE");
	char folder[1024];
	int count = 0;

	(void)state;
	snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/message", source ? source : ".");
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		replay(folder, entry->d_name);
		count++;
	}
	closedir(dir);
	assert_true(count >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(corpus_of_messages) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
