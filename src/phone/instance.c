/* The name of this phone among all: urn:uuid:..., made once and kept (RFC 5626 4.1, RFC 4122 4.4). */
#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <stdio.h>

static const char FILE_NAME[] = "instance";

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

static char *read_kept(const char *dir)
{
	char *path = xasprintf("%s/%s", dir, FILE_NAME), line[80] = "";
	FILE *file = fopen(path, "r");

	free(path);
	if (!file)
		return NULL;
	bool any = fgets(line, sizeof line, file) != NULL;
	fclose(file);
	line[strcspn(line, "\r\n")] = '\0';
	return any && is_urn(slice_of(line)) ? xstrdup(line) : NULL;
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

const char *phone_instance(struct phone *phone)
{
	if (phone->instance)
		return phone->instance;
	if (phone->state_dir)
		phone->instance = read_kept(phone->state_dir);
	if (phone->instance)
		return phone->instance;
	phone->instance = make(&phone->random);
	if (phone->state_dir) {
		char *line = xasprintf("%s\n", phone->instance);
		enum err err = write_file(phone->state_dir, FILE_NAME, slice_of(line));
		if (err)
			log_line(phone->log, LOG_WARNING,
				 "%s/%s cannot be written: %s; registrars will know this phone by another name next "
				 "time",
				 phone->state_dir, FILE_NAME, err_text(err));
		free(line);
	}
	return phone->instance;
}
