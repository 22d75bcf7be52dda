noinst_LIBRARIES += src/sip/syntax/libsyntax.a
src_sip_syntax_libsyntax_a_SOURCES = \
	src/sip/syntax/address.c src/sip/syntax/address.h \
	src/sip/syntax/auth.c src/sip/syntax/auth.h \
	src/sip/syntax/body.c \
	src/sip/syntax/check.c \
	src/sip/syntax/draft.c src/sip/syntax/draft.h \
	src/sip/syntax/header.def \
	src/sip/syntax/index.c \
	src/sip/syntax/kept.c src/sip/syntax/kept.h \
	src/sip/syntax/message.c src/sip/syntax/message.h \
	src/sip/syntax/method.def \
	src/sip/syntax/names.c src/sip/syntax/names.h \
	src/sip/syntax/params.c src/sip/syntax/params.h \
	src/sip/syntax/scan.c src/sip/syntax/scan.h \
	src/sip/syntax/status.def \
	src/sip/syntax/syntax.h \
	src/sip/syntax/typed.c src/sip/syntax/typed.h \
	src/sip/syntax/uri.c src/sip/syntax/uri.h \
	src/sip/syntax/values.c src/sip/syntax/values.h \
	src/sip/syntax/via.c src/sip/syntax/via.h
