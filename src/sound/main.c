/*
 * offhook-sound: holds PortAudio so that the phone need not. Whatever a sound server does - hang, abort, write to the
 * terminal - happens here.
 *
 *   offhook-sound list              the devices, a line each: in|out TAB default|- TAB host API TAB rate TAB name
 *   offhook-sound carry IN OUT      copy between devices and the rings in descriptor 3 until standard input ends; an
 *                                   empty name: not this side
 */
#include "media/audio/shared.h"
#include "sound/portaudio.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct sound_shared *map_shared(void)
{
	void *memory = mmap(NULL, sound_shared_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, SOUND_SHM_FD, 0);

	if (memory == MAP_FAILED)
		return NULL;
	struct sound_shared *shared = memory;
	return shared->magic == SOUND_MAGIC ? shared : NULL;
}

/* ALSA and JACK write to descriptor 2 from threads of their own; the terminal is the phone's. */
static void be_quiet(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDERR_FILENO);
	setenv("JACK_NO_START_SERVER", "1", 0);
	setenv("JACK_NO_AUDIO_RESERVATION", "1", 0);
}

static int carry(const char *in, const char *out)
{
	const char *const names[SOUND_SIDES] = { *in ? in : NULL, *out ? out : NULL };
	struct sound_shared *shared = map_shared();

	if (!shared) {
		fputs("offhook-sound: started by hand; the phone starts it\n", stderr);
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	be_quiet();
	if (!portaudio_start(shared, names))
		return 1;
	/* The callback works; here we only wait for the phone to close its end. It may be gone itself by then, and
	 * does not wait. */
	char byte;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
	prctl(PR_SET_PDEATHSIG, 0);
	portaudio_leave();
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		be_quiet();
		return portaudio_list() ? 0 : 1;
	}
	if (argc == 4 && strcmp(argv[1], "carry") == 0 && (*argv[2] || *argv[3]))
		return carry(argv[2], argv[3]);
	fputs("usage: offhook-sound list | carry IN OUT   (started by offhook)\n", stderr);
	return 2;
}
