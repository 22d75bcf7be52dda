/*
 * Fuzz target of contacts from other programs: any bytes as a file of vCards. What was taken is listed without control
 * characters; written as vCards and read by another phone it is a list as long, and from then on the same.
 * Run: vcard_fuzz -dict=tests/fuzz/vcard.dict tests/fuzz/corpus/vcard
 */
#include "phone/phone_internal.h"

#include "base/utf8.h"
#include "tests/fuzz/check.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void each_contact(void *arg, const struct contact_view *contact)
{
	struct buf clean;

	buf_init(&clean, 1 << 20);
	check(*contact->name && contact->count && contact->count <= CONTACT_ADDRESSES_MAX);
	utf8_clean(&clean, slice_of(contact->name), false);
	check(slice_eq(buf_slice(&clean), slice_of(contact->name)));
	buf_fini(&clean);
	/* A book of addresses brings nothing that the phone would do by itself. */
	check(!*contact->ring && !*contact->auto_answer && !contact->speed);
	for (size_t i = 0; i < contact->count; i++) {
		const struct contact_address *address = &contact->addresses[i];
		check(*address->target && address->preference <= CONTACT_PREFERENCE_MAX);
		check(!*address->kind || contact_kind_is_valid(slice_of(address->kind)));
		buf_printf(arg, "%s=%s %s %u\n", contact->name, address->target, address->kind, address->preference);
	}
}

static struct phone *open_phone(struct loop *loop)
{
	static const struct log quiet = { 0 };
	struct phone_config config = { .loop = loop, .log = &quiet };

	return phone_new(&config);
}

static bool import(struct phone *phone, const char *path, struct buf *listed)
{
	struct failure failure;
	size_t taken, left;

	if (!phone_contacts_import(phone, path, &taken, &left, &failure)) {
		check(*failure.text);
		return false;
	}
	check(taken + left > 0);
	phone_contacts(phone, each_contact, listed);
	return taken > 0;
}

/* ---- through a file and back ---- */

static struct phone *through_file(struct loop *loop, struct phone *phone, struct buf *listed)
{
	struct phone *other = open_phone(loop);
	struct failure failure;
	char path[64];
	size_t cards;

	snprintf(path, sizeof path, "/tmp/vcard_fuzz.%d.vcf", (int)getpid());
	check(phone_contacts_export(phone, path, &cards, &failure));
	check(cards > 0 && import(other, path, listed));
	unlink(path);
	return other;
}

static size_t count_lines(const struct buf *text)
{
	size_t count = 0;

	for (size_t i = 0; i < text->n; i++)
		count += text->p[i] == '\n';
	return count;
}

/* On the first way an address may become whole ("sip:" before it), on the second nothing changes. */
static void there_and_back(struct loop *loop, struct phone *phone, const struct buf *listed)
{
	struct buf once, twice;

	buf_init(&once, 8 << 20);
	buf_init(&twice, 8 << 20);
	struct phone *other = through_file(loop, phone, &once), *third = through_file(loop, other, &twice);
	check(count_lines(&once) == count_lines(listed));
	if (!slice_eq(buf_slice(&once), buf_slice(&twice)))
		fprintf(stderr, "was:\n%.*sis:\n%.*s", SLICE_ARG(buf_slice(&once)), SLICE_ARG(buf_slice(&twice)));
	check(slice_eq(buf_slice(&once), buf_slice(&twice)));
	buf_fini(&once);
	buf_fini(&twice);
	phone_free(other);
	phone_free(third);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[64];
	struct buf listed;

	if (size > 65536)
		return 0;
	if (fd < 0)
		fd = memfd_create("vcards", MFD_CLOEXEC);
	check(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	struct loop *loop = loop_new();
	struct phone *phone = open_phone(loop);
	buf_init(&listed, 8 << 20);
	bool some = import(phone, path, &listed);
	if (some && size % 8 == 0)
		there_and_back(loop, phone, &listed);
	buf_fini(&listed);
	phone_free(phone);
	loop_free(loop);
	return 0;
}
