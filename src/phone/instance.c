/* The name of this phone among all: urn:uuid:..., made once and kept (RFC 5626 4.1, RFC 4122 4.4). */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char FILE_NAME[] = "instance";

enum { SLOTS = 64 };

static bool is_urn(struct slice text)
{
	static const char form[] = "urn:uuid:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (text.n != sizeof form - 1)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (form[i] == 'x' ? !strchr("0123456789abcdef", text.p[i]) : text.p[i] != form[i])
			return false;
	return true;
}

/* @return NULL: there is none in it */
static char *read_kept(int fd)
{
	char line[80] = "";

	if (pread(fd, line, sizeof line - 1, 0) <= 0)
		return NULL;
	line[strcspn(line, "\r\n")] = '\0';
	return is_urn(slice_of(line)) ? xstrdup(line) : NULL;
}

/* In place: another file would not have our lock. Cut short by a crash it is no name, and another is made. */
static enum err keep(int fd, const char *instance)
{
	char *line = xasprintf("%s\n", instance);
	size_t n = strlen(line);
	bool good = !ftruncate(fd, 0) && pwrite(fd, line, n, 0) == (ssize_t)n && !fsync(fd);

	free(line);
	return good ? ERR_NONE : err_from_errno(errno);
}

static char *make(struct random *random)
{
	unsigned char b[16];

	random_fill(random, b, sizeof b);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4: random */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	return xasprintf("urn:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
			 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/*
 * Phones that run at once with one state folder are not one phone: registrars would take the binding of the second for
 * that of the first. Each has a file of its own, the first that no other holds, so that a phone started again alone is
 * the one that it was.
 */
static int own_slot(const char *dir, enum err *err)
{
	enum err no_folder = make_folder(dir);
	int fd = -1;

	for (int i = 0; i < SLOTS && fd < 0; i++)
		fd = open_owned(dir, FILE_NAME, i, O_CREAT);
	*err = errno == ENOENT && no_folder ? no_folder : err_from_errno(errno);
	return fd;
}

static void warn(const struct phone *phone, enum err err)
{
	log_line(phone->log, LOG_WARNING,
		 "%s/%s cannot be written: %s; registrars will know this phone by another name next time",
		 phone->state_dir, FILE_NAME, err_text(err));
}

const char *phone_instance(struct phone *phone)
{
	if (phone->instance)
		return phone->instance;
	enum err err = ERR_NONE;
	phone->instance_fd = phone->state_dir ? own_slot(phone->state_dir, &err) : -1;
	if (phone->instance_fd >= 0)
		phone->instance = read_kept(phone->instance_fd);
	if (phone->instance)
		return phone->instance;
	phone->instance = make(&phone->random);
	if (phone->instance_fd >= 0) {
		if ((err = keep(phone->instance_fd, phone->instance)) != ERR_NONE)
			warn(phone, err);
	} else if (phone->state_dir) {
		warn(phone, err);
	}
	return phone->instance;
}

void phone_instance_free(struct phone *phone)
{
	if (phone->instance && phone->instance_fd >= 0)
		close(phone->instance_fd);
	free(phone->instance);
	phone->instance = NULL;
}
