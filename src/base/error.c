#include "base/error.h"

#include <errno.h>

static const char *const texts[ERR_COUNT] = {
#define X(name, text) text,
	ERROR_LIST(X)
#undef X
};

static const char *const names[ERR_COUNT] = {
	[ERR_NONE] = "none",
	[ERR_SYNTAX] = "syntax",
	[ERR_TOO_BIG] = "too-big",
	[ERR_FULL] = "full",
	[ERR_NOT_FOUND] = "not-found",
	[ERR_EXISTS] = "exists",
	[ERR_STATE] = "state",
	[ERR_RANGE] = "range",
	[ERR_UNSUPPORTED] = "unsupported",
	[ERR_REFUSED] = "refused",
	[ERR_UNREACHABLE] = "unreachable",
	[ERR_RESET] = "reset",
	[ERR_TIMEOUT] = "timeout",
	[ERR_DNS] = "dns",
	[ERR_NAME_SERVER] = "name-server",
	[ERR_NO_ROUTE] = "no-route",
	[ERR_TLS] = "tls",
	[ERR_AUTH] = "auth",
	[ERR_ADDRESS_IN_USE] = "address-in-use",
	[ERR_PERMISSION] = "permission",
	[ERR_READ_ONLY] = "read-only",
	[ERR_DESCRIPTORS] = "descriptors",
	[ERR_IO] = "io",
	[ERR_DEVICE] = "device",
	[ERR_MEDIA] = "media",
	[ERR_LIBRARY] = "library",
	[ERR_CLOSED] = "closed",
	[ERR_INTERNAL] = "internal",
};

const char *err_text(enum err err)
{
	return err < ERR_COUNT ? texts[err] : texts[ERR_INTERNAL];
}

const char *err_name(enum err err)
{
	return err < ERR_COUNT && names[err] ? names[err] : names[ERR_INTERNAL];
}

enum err err_from_errno(int error)
{
	switch (error) {
	case 0:
		return ERR_NONE;
	case ECONNREFUSED:
		return ERR_REFUSED;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
		return ERR_UNREACHABLE;
	case ECONNRESET:
	case EPIPE:
		return ERR_RESET;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case EADDRINUSE:
		return ERR_ADDRESS_IN_USE;
	case EACCES:
	case EPERM:
		return ERR_PERMISSION;
	case EROFS:
		return ERR_READ_ONLY;
	case EMSGSIZE:
	case EFBIG:
		return ERR_TOO_BIG;
	case EMFILE:
	case ENFILE:
		return ERR_DESCRIPTORS;
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
		return ERR_UNSUPPORTED;
	default:
		return ERR_IO;
	}
}
