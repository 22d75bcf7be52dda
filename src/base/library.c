#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

static bool has_all(void *library, const char *const *names)
{
	while (*names && dlsym(library, *names))
		names++;
	return !*names;
}

static void take_all(void *library, const char *const *names, char *functions)
{
	for (; *names; names++, functions += sizeof(void *)) {
		/* A pointer to a function has the bits that POSIX's dlsym() gives. */
		void *function = dlsym(library, *names);
		memcpy(functions, &function, sizeof function);
	}
}

bool library_open(const char *soname, const char *const *names, void *functions)
{
	void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return false;
	if (!has_all(library, names)) {
		dlclose(library);
		return false;
	}
	take_all(library, names, functions);
	return true;
}
