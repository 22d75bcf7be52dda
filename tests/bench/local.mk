# Built by `make tests/bench/parse_bench`; tests/bench/run runs it. The peers are compared with when they are installed.
EXTRA_PROGRAMS += tests/bench/parse_bench
tests_bench_parse_bench_SOURCES = tests/bench/parse_bench.c tests/bench/messages.h tests/bench/parse_peers.h
tests_bench_parse_bench_CPPFLAGS = $(AM_CPPFLAGS)
tests_bench_parse_bench_LDADD = src/sip/syntax/libsyntax.a src/base/libbase.a
# Some of our names are theirs too: without this our functions would be called from within their libraries.
tests_bench_parse_bench_LDFLAGS = $(AM_LDFLAGS) -Wl,--exclude-libs,ALL
if HAVE_OSIP
tests_bench_parse_bench_SOURCES += tests/bench/parse_osip.c
tests_bench_parse_bench_CPPFLAGS += -DHAVE_OSIP $(OSIP_CFLAGS)
tests_bench_parse_bench_LDADD += $(OSIP_LIBS)
endif
if HAVE_SOFIA
tests_bench_parse_bench_SOURCES += tests/bench/parse_sofia.c
tests_bench_parse_bench_CPPFLAGS += -DHAVE_SOFIA $(SOFIA_CFLAGS)
tests_bench_parse_bench_LDADD += $(SOFIA_LIBS)
endif
