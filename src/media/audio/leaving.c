#include "media/audio/leaving.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { LEAVING_MAX = 16, NAME_BYTES = 128, PATIENCE_MS = 2000, STEP_MS = 20 };

/* Under the lock a pid in the list is a child that was not waited for: no other process has its number. */
static struct {
	pthread_mutex_t lock;
	struct one { pid_t pid; char names[2][NAME_BYTES]; } ones[LEAVING_MAX];
	size_t count;
} leaving = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static void forget(size_t i)
{
	leaving.ones[i] = leaving.ones[--leaving.count];
}

static size_t find(pid_t pid)
{
	size_t i = 0;

	while (i < leaving.count && leaving.ones[i].pid != pid)
		i++;
	return i;
}

/* @return whether it is gone, here or by leaving_hurry() */
static bool check(pid_t pid, bool patient)
{
	pthread_mutex_lock(&leaving.lock);
	size_t i = find(pid);
	bool gone = i == leaving.count;
	if (!gone && !patient)
		end(pid);
	if (!gone && (!patient || waitpid(pid, NULL, WNOHANG) != 0)) {
		forget(i);
		gone = true;
	}
	pthread_mutex_unlock(&leaving.lock);
	return gone;
}

static void *wait_for(void *arg)
{
	const struct timespec step = { 0, STEP_MS * 1000000 };
	pid_t pid = (pid_t)(ptrdiff_t)arg;

	for (int waited = 0; !check(pid, waited < PATIENCE_MS); waited += STEP_MS)
		nanosleep(&step, NULL);
	return NULL;
}

static bool start_waiting(pid_t pid)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&thread, &attributes, wait_for, (void *)(ptrdiff_t)pid);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return !failed;
}

void leaving_add(pid_t pid, char *const names[2])
{
	pthread_mutex_lock(&leaving.lock);
	bool listed = leaving.count < LEAVING_MAX;
	if (listed) {
		struct one *one = &leaving.ones[leaving.count++];
		one->pid = pid;
		for (int side = 0; side < 2; side++)
			snprintf(one->names[side], NAME_BYTES, "%s", names[side]);
	}
	pthread_mutex_unlock(&leaving.lock);
	if (!listed)
		end(pid);
	else if (!start_waiting(pid))
		check(pid, false);
}

static bool may_be_one(const char *held, const char *wanted)
{
	return *held && *wanted &&
	       (!strncmp(held, wanted, NAME_BYTES - 1) || !strcmp(held, "default") || !strcmp(wanted, "default"));
}

static bool holds(const struct one *one, char *const names[2])
{
	for (int i = 0; i < 4; i++)
		if (may_be_one(one->names[i / 2], names[i % 2]))
			return true;
	return false;
}

void leaving_hurry(char *const names[2])
{
	pthread_mutex_lock(&leaving.lock);
	for (size_t i = leaving.count; i-- > 0;) {
		if (!holds(&leaving.ones[i], names))
			continue;
		end(leaving.ones[i].pid);
		forget(i);
	}
	pthread_mutex_unlock(&leaving.lock);
}
