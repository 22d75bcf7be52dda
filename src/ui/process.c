#include "ui/process.h"

#include "base/xmalloc.h"
#include "phone/phone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { DESCRIPTORS_NEEDED = 22, DESCRIPTORS_MOST = 65536, HEAP_STEP_BYTES = 256 << 10, HEAP_SPARE_BYTES = 1 << 20 };

void process_keep_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_TOP_PAD, HEAP_STEP_BYTES);
	mallopt(M_TRIM_THRESHOLD, HEAP_SPARE_BYTES);
#endif
}

void process_keep_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) < 0)
			_exit(STATUS_SOUND);
}

void process_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_MOST)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MOST ? limit.rlim_max : DESCRIPTORS_MOST;
	/* Who may not have more does with what there is. */
	(void)!setrlimit(RLIMIT_NOFILE, &limit);
}

bool process_has_descriptors(void)
{
	int fds[DESCRIPTORS_NEEDED], count = 0;

	while (count < DESCRIPTORS_NEEDED && (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		count++;
	bool enough = count == DESCRIPTORS_NEEDED;
	if (!enough)
		fprintf(stderr, "offhook: too few file descriptors (%s): %d more are needed, there are %d; see `ulimit "
				"-n`\n",
			strerror(errno), DESCRIPTORS_NEEDED, count);
	while (count)
		close(fds[--count]);
	return enough;
}

char *process_folder(const char *variable, const char *below_home)
{
	const char *base = getenv(variable), *home = getenv("HOME");

	if (base && *base == '/')
		return xasprintf("%s/offhook", base);
	return home && *home ? xasprintf("%s/%s/offhook", home, below_home) : NULL;
}

int process_descriptor(const char *path)
{
	int fd, end = 0;

	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdin"))
		return STDIN_FILENO;
	return sscanf(path, "/dev/fd/%9d%n", &fd, &end) == 1 && !path[end] && fcntl(fd, F_GETFD) >= 0 ? fd : -1;
}
