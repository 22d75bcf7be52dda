#include "phone/leftovers.h"

#include "base/buf.h"
#include "base/list.h"
#include "base/utf8.h"
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { FILES = 8, FILE_BYTES = 64 << 10, KEPT_MAX = 64 };

struct known {
	struct list_node node;
	char *account, *contact; /* account: its address, sip:alice@atlanta.com */
	bool is_left;            /* by a phone that is no more */
};

struct leftovers {
	const char *dir;
	bool opened;
	int fd; /* of our own file, locked; -1: none */
	struct list known;
	size_t count;
};

static void forget(struct leftovers *leftovers, struct known *known)
{
	list_remove(&known->node);
	leftovers->count--;
	free(known->account);
	free(known->contact);
	free(known);
}

static void remember(struct leftovers *leftovers, struct slice account, struct slice contact, bool is_left)
{
	struct known *known;

	if (!account.n || !contact.n)
		return;
	LIST_EACH(&leftovers->known, node) {
		known = LIST_ENTRY(node, struct known, node);
		if (slice_eq(account, slice_of(known->account)) && slice_eq(contact, slice_of(known->contact))) {
			known->is_left &= is_left;
			return;
		}
	}
	if (leftovers->count == KEPT_MAX)
		forget(leftovers, LIST_ENTRY(list_first(&leftovers->known), struct known, node));
	known = xcalloc(1, sizeof *known);
	known->account = slice_dup(account);
	known->contact = slice_dup(contact);
	known->is_left = is_left;
	list_append(&leftovers->known, &known->node);
	leftovers->count++;
}

static void take_file(struct leftovers *leftovers, int fd)
{
	struct buf text;
	char chunk[4096];

	buf_init(&text, FILE_BYTES);
	for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0;)
		if (!buf_add(&text, slice_make(chunk, (size_t)n)))
			break;
	for (struct slice rest = buf_slice(&text); rest.n;) {
		struct slice contact = slice_cut(&rest, '\n'), account = slice_cut(&contact, '\t');
		struct sip_uri uri;
		/* What is no URI of ours is not sent to anybody. */
		if (utf8_valid(contact) && sip_uri_parse(contact, &uri, NULL))
			remember(leftovers, account, contact, true);
	}
	buf_fini(&text);
}

/* Nothing is lost where it cannot be written: the bindings then expire at the registrar by themselves. */
static bool write_file_anew(struct leftovers *leftovers)
{
	struct buf text;

	if (leftovers->fd < 0)
		return false;
	buf_init(&text, FILE_BYTES);
	LIST_EACH(&leftovers->known, node) {
		const struct known *known = LIST_ENTRY(node, struct known, node);
		buf_printf(&text, "%s\t%s\n", known->account, known->contact);
	}
	bool written = !text.full && pwrite(leftovers->fd, text.p, text.n, 0) == (ssize_t)text.n &&
		       !ftruncate(leftovers->fd, (off_t)text.n);
	buf_fini(&text);
	return written;
}

static void open_files(struct leftovers *leftovers)
{
	if (leftovers->opened || !leftovers->dir)
		return;
	leftovers->opened = true;
	make_folder(leftovers->dir);
	for (int i = 0; i < FILES; i++) {
		int fd = open_owned(leftovers->dir, "bindings", i, leftovers->fd < 0 ? O_CREAT : 0);
		if (fd < 0)
			continue;
		take_file(leftovers, fd);
		if (leftovers->fd < 0) {
			leftovers->fd = fd;
			continue;
		}
		/* Taken into ours before it is emptied there. */
		bool moved = write_file_anew(leftovers) && !ftruncate(fd, 0);
		(void)moved; /* where not, they are asked to go twice: no harm */
		close(fd);
	}
}

struct leftovers *leftovers_new(const char *dir)
{
	struct leftovers *leftovers = xcalloc(1, sizeof *leftovers);

	leftovers->dir = dir;
	leftovers->fd = -1;
	list_init(&leftovers->known);
	return leftovers;
}

void leftovers_free(struct leftovers *leftovers)
{
	while (leftovers->count)
		forget(leftovers, LIST_ENTRY(list_first(&leftovers->known), struct known, node));
	if (leftovers->fd >= 0)
		close(leftovers->fd);
	free(leftovers);
}

void leftovers_note(struct leftovers *leftovers, const char *account, struct slice contact)
{
	open_files(leftovers);
	remember(leftovers, slice_of(account), contact, false);
	write_file_anew(leftovers);
}

void leftovers_only(struct leftovers *leftovers, const char *account, const char *contact)
{
	LIST_EACH(&leftovers->known, node) {
		struct known *known = LIST_ENTRY(node, struct known, node);
		if (!strcmp(known->account, account) && (!contact || strcmp(known->contact, contact) != 0))
			forget(leftovers, known);
	}
	write_file_anew(leftovers);
}

void leftovers_left(struct leftovers *leftovers, const char *account, binding_left_h *each, void *arg)
{
	open_files(leftovers);
	LIST_EACH(&leftovers->known, node) {
		const struct known *known = LIST_ENTRY(node, struct known, node);
		if (known->is_left && !strcmp(known->account, account))
			each(arg, known->contact);
	}
}
