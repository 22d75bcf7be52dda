noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/address.c src/base/address.h \
	src/base/arena.c src/base/arena.h \
	src/base/base.h \
	src/base/base64.c src/base/base64.h \
	src/base/buf.c src/base/buf.h \
	src/base/error.c src/base/error.h \
	src/base/library.c src/base/library.h \
	src/base/list.h \
	src/base/log.c src/base/log.h \
	src/base/map.c src/base/map.h \
	src/base/random.c src/base/random.h \
	src/base/ring.c src/base/ring.h \
	src/base/slice.c src/base/slice.h \
	src/base/timer.c src/base/timer.h \
	src/base/utf8.c src/base/utf8.h \
	src/base/xmalloc.c src/base/xmalloc.h
