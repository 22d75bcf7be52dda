noinst_LIBRARIES += src/loop/libloop.a
src_loop_libloop_a_SOURCES = src/loop/loop.h src/loop/loop.c src/loop/child.c
