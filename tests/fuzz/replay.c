/*
 * Runs a fuzz target without libFuzzer: every file of its corpus, its prefixes, and MUTATIONS of each that follow from
 * a seed; what a fuzzer gained (gained-*) as it is. So `make check` needs no special compiler, and whatever a fuzzer
 * found stays found: add the file to the corpus. Prints TAP.
 */
#include "base/random.h"
#include "base/xmalloc.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 65536 };
#ifndef MUTATIONS
#define MUTATIONS 2000 /* fewer where a run is slow */
#endif
#ifndef PREFIX_STEP
#define PREFIX_STEP 1 /* bytes from one prefix to the next: more where a run is slow */
#endif

/* Exactly as large as the input, so that the address sanitizer sees the first byte too many. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = xmalloc(size);

	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static size_t mutate(struct random *random, uint8_t *data, size_t size)
{
	static const char nasty[] = "\r\n\t ;,<>\"\\:@%?=()[]0\x00\xff\x80";
	uint32_t changes = 1 + random_below(random, 4);

	for (uint32_t i = 0; i < changes && size > 1; i++) {
		uint32_t at = random_below(random, (uint32_t)size);
		switch (random_below(random, 4)) {
		case 0:
			data[at] = (uint8_t)random_u32(random);
			break;
		case 1:
			data[at] = (uint8_t)nasty[random_below(random, sizeof nasty - 1)];
			break;
		case 2: /* cut something out */
			memmove(data + at, data + at + 1, size - at - 1);
			size--;
			break;
		default: /* double something */
			if (size + 16 < FILE_MAX && at + 16 < size) {
				memmove(data + at + 16, data + at, size - at);
				size += 16;
			}
			break;
		}
	}
	return size;
}

static void replay(const char *path, bool alone)
{
	static uint8_t data[FILE_MAX], changed[FILE_MAX];
	FILE *file = fopen(path, "rb");
	struct random random;

	if (!file)
		return;
	size_t size = fread(data, 1, FILE_MAX, file);
	fclose(file);
	run(data, size);
	if (alone)
		return;
	for (size_t n = 0; n < size; n += PREFIX_STEP)
		run(data, n);
	random_init_seeded(&random, size);
	for (int i = 0; i < MUTATIONS; i++) {
		memcpy(changed, data, size);
		size_t n = mutate(&random, changed, size);
		run(changed, n);
	}
}

int main(int argc, char **argv)
{
	const char *source = getenv("OFFHOOK_SOURCE");
	char *folder = argc > 1 ? xstrdup(argv[1])
				: xasprintf("%s/tests/fuzz/corpus/%s", source ? source : ".", CORPUS);
	DIR *dir = opendir(folder);
	int files = 0;

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		char *path = xasprintf("%s/%s", folder, entry->d_name);
		replay(path, !strncmp(entry->d_name, "gained-", strlen("gained-")));
		free(path);
		files++;
	}
	if (dir)
		closedir(dir);
	printf("1..1\n%s 1 - %d files of %s, their prefixes and mutations\n", files ? "ok" : "not ok", files, CORPUS);
	free(folder);
	return !files;
}
