# Fuzz targets, built by ./configure --enable-fuzzing CC=clang; run as their first comments say.
noinst_PROGRAMS += tests/fuzz/message_fuzz
tests_fuzz_message_fuzz_SOURCES = tests/fuzz/message_fuzz.c tests/torture/touch.c tests/torture/touch.h
tests_fuzz_message_fuzz_LDADD = src/sip/syntax/libsyntax.a src/base/libbase.a
tests_fuzz_message_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
