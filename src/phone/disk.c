/* Files and folders of the phone on disk. */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Only a file is read: a pipe or a device in its place may never end. */
static enum err check_file(int fd)
{
	struct stat info;

	if (fstat(fd, &info))
		return err_from_errno(errno);
	if (!S_ISREG(info.st_mode))
		return ERR_UNSUPPORTED;
	return info.st_size > FILE_TEXT_MAX ? ERR_TOO_BIG : ERR_NONE;
}

enum err read_file(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char chunk[4096];
	ssize_t n = 0;

	if (fd < 0)
		return errno == ENOENT ? ERR_NONE : err_from_errno(errno);
	enum err err = check_file(fd);
	while (!err && (n = read(fd, chunk, sizeof chunk)) > 0)
		if (!buf_add(text, slice_make(chunk, (size_t)n)))
			err = ERR_TOO_BIG;
	if (!err && n < 0)
		err = err_from_errno(errno);
	close(fd);
	return err;
}

static int make_one(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? errno : 0;
}

/* As mkdir -p does: a new account of a host has no ~/.config yet. */
enum err make_folder(const char *dir)
{
	char *path = xstrdup(dir);
	int error = 0;

	for (char *at = strchr(path + (*path == '/'), '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		make_one(path); /* what is there may be forbidden to make and yet be there */
		*at = '/';
	}
	error = make_one(path);
	free(path);
	return err_from_errno(error);
}

enum err write_file(const char *dir, const char *name, struct slice bytes)
{
	char *path = xasprintf("%s/%s", dir, name), *beside = xasprintf("%s/.%s.XXXXXX", dir, name);
	enum err err = ERR_NONE, no_folder = make_folder(dir);

	/* A name of its own: two phones may save at once, and nobody may have put a link there. */
	int fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0) {
		err = errno == ENOENT && no_folder ? no_folder : err_from_errno(errno);
		goto out;
	}
	for (size_t done = 0; done < bytes.n && !err;) {
		ssize_t n = write(fd, bytes.p + done, bytes.n - done);
		if (n < 0 && errno != EINTR)
			err = err_from_errno(errno);
		else if (n > 0)
			done += (size_t)n;
	}
	if (!err && fsync(fd))
		err = err_from_errno(errno);
	if (close(fd) && !err)
		err = err_from_errno(errno);
	if (!err && rename(beside, path))
		err = err_from_errno(errno);
	if (err)
		unlink(beside);
out:
	free(path);
	free(beside);
	return err;
}

int open_owned(const char *dir, const char *name, int nth, int flags)
{
	struct stat info;
	char *path = xasprintf("%s/%s%s%.0d", dir, name, nth ? "." : "", nth);
	int fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0600);

	free(path);
	if (fd >= 0 && (fstat(fd, &info) || !S_ISREG(info.st_mode) || flock(fd, LOCK_EX | LOCK_NB))) {
		close(fd);
		fd = -1;
	}
	return fd;
}
