/* A shell script in the place of `offhook-sound`, for what a helper that behaves in its own way brings about. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FAKE_HELPER_NAME "/tmp/offhook-helper-XXXXXX"

/* `name`: FAKE_HELPER_NAME, in which its path is filled in; the caller removes it, and OFFHOOK_SOUND. */
static inline void fake_helper_make(const char *script, char *name)
{
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, script, strlen(script)), strlen(script));
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	setenv("OFFHOOK_SOUND", name, 1);
}
