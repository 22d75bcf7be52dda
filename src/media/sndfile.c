#include "media/sndfile.h"

#include <pthread.h>

struct sndfile_functions sndfile;

bool sndfile_start(void)
{
	static const char *const names[] = { SNDFILE_FUNCTIONS(LIBRARY_NAME) NULL };
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool is_there;

	pthread_mutex_lock(&lock);
	/* Again and again: there may have been no descriptor for it. */
	if (!is_there)
		is_there = library_open("libsndfile.so.1", names, &sndfile);
	bool answer = is_there;
	pthread_mutex_unlock(&lock);
	return answer;
}
