# Each target twice: replayed over its corpus by `make check`, and as a fuzzer with ./configure --enable-fuzzing CC=clang:
#   tests/fuzz/message_fuzz -dict=../tests/fuzz/message.dict ../tests/fuzz/corpus/message
check_PROGRAMS += tests/fuzz/message_replay
tests_fuzz_message_replay_SOURCES = tests/fuzz/message_fuzz.c tests/fuzz/replay.c tests/torture/touch.c tests/torture/touch.h
tests_fuzz_message_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"message"'
tests_fuzz_message_replay_LDADD = src/sip/syntax/libsyntax.a src/base/libbase.a

if FUZZING
noinst_PROGRAMS += tests/fuzz/message_fuzz
tests_fuzz_message_fuzz_SOURCES = tests/fuzz/message_fuzz.c tests/torture/touch.c tests/torture/touch.h
tests_fuzz_message_fuzz_LDADD = src/sip/syntax/libsyntax.a src/base/libbase.a
tests_fuzz_message_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
