#include "ui/terminal.h"

#include "base/xmalloc.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* What a signal handler needs must lie ready: static, and complete before `taken` is set. */
static struct termios before, raw;
static char enter_text[256], leave_text[256];
static size_t enter_bytes, leave_bytes;
static int terminal_fd = -1;
static volatile sig_atomic_t taken;

/* Crashes, and what would end us without a word. */
static const int deadly[] = { SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,    SIGABRT, SIGSYS,  SIGTRAP,   SIGQUIT,
			      SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGSTKFLT, SIGPWR, SIGIO };

bool terminal_is_capable(void)
{
	const char *term = getenv("TERM");

	return term && *term && strcmp(term, "dumb") && strcmp(term, "unknown");
}

bool terminal_is_utf8(void)
{
	return !strcasecmp(nl_langinfo(CODESET), "UTF-8");
}

/* A terminal that nobody reads must not hang the end of the program: what it does not take within 200 ms is left out.
 */
static void put(const char *bytes, size_t n)
{
	while (n) {
		struct pollfd ready = { .fd = terminal_fd, .events = POLLOUT };
		if (poll(&ready, 1, 200) <= 0)
			return;
		ssize_t done = write(terminal_fd, bytes, n);
		if (done < 0 && errno != EINTR)
			return;
		if (done > 0) {
			bytes += done;
			n -= (size_t)done;
		}
	}
}

/* Safe in a signal handler: poll, write and tcsetattr only. */
static void restore(void)
{
	if (!taken)
		return;
	taken = 0;
	put(leave_text, leave_bytes);
	tcsetattr(terminal_fd, TCSANOW, &before);
}

/* SA_RESETHAND has put the default action back: raised again, it ends us with the core dump that was asked for. */
static void on_deadly(int number)
{
	int saved = errno;

	restore();
	errno = saved;
	raise(number);
}

static void catch_deadly(void)
{
	struct sigaction action = { .sa_handler = on_deadly, .sa_flags = (int)SA_RESETHAND | SA_NODEFER };

	struct sigaction old;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		if (sigaction(deadly[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(deadly[i], &action, NULL);
}

static void enter_raw(void)
{
	if (tcsetattr(terminal_fd, TCSANOW, &raw) == 0)
		taken = 1;
	put(enter_text, enter_bytes);
}

static size_t keep_text(char *to, size_t room, const char *text)
{
	size_t n = strlen(text);

	if (n > room)
		n = 0;
	memcpy(to, text, n);
	return n;
}

bool terminal_take(int fd, const char *enter, const char *leave)
{
	static bool prepared;

	if (tcgetattr(fd, &before) < 0)
		return false;
	raw = before;
	/* As cfmakeraw(), but output keeps turning LF into CR LF: other programs may write while we run. */
	raw.c_iflag &= ~(tcflag_t)(BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	enter_bytes = keep_text(enter_text, sizeof enter_text, enter);
	leave_bytes = keep_text(leave_text, sizeof leave_text, leave);
	terminal_fd = fd;
	if (!prepared) {
		prepared = true;
		atexit(restore);
	}
	catch_deadly();
	enter_raw();
	return true;
}

void terminal_give_back(void)
{
	restore();
}

void terminal_stop(void)
{
	struct sigaction usual = { .sa_handler = SIG_DFL }, ours;
	bool was = taken;

	restore();
	/* As the terminal does it: all of the job, or a shell that waits for a script around us would wait for ever;
	 * and nobody where no shell could continue it. */
	sigemptyset(&usual.sa_mask);
	sigaction(SIGTSTP, &usual, &ours);
	kill(0, SIGTSTP);
	sigaction(SIGTSTP, &ours, NULL);
	if (was)
		enter_raw();
}

void terminal_continue(void)
{
	if (terminal_fd >= 0 && taken)
		enter_raw();
}

void terminal_echo(int fd, bool on)
{
	struct termios mode;

	if (tcgetattr(fd, &mode) < 0)
		return;
	if (on)
		mode.c_lflag |= ECHO;
	else
		mode.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fd, TCSANOW, &mode);
}

bool terminal_size(int fd, int *rows, int *cols)
{
	struct winsize size;

	*rows = 24;
	*cols = 80;
	if (ioctl(fd, TIOCGWINSZ, &size) != 0 || !size.ws_row || !size.ws_col)
		return false;
	*rows = size.ws_row;
	*cols = size.ws_col;
	return true;
}
