# Virtual sound cards on jackd's dummy driver, for the tests with real devices.
noinst_PROGRAMS += tests/interop/vcard
tests_interop_vcard_SOURCES = tests/interop/vcard.c
tests_interop_vcard_CPPFLAGS = $(AM_CPPFLAGS) $(JACK_CFLAGS)
tests_interop_vcard_LDADD = $(JACK_LIBS) $(SNDFILE_LIBS) -lpthread
