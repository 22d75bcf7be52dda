MEDIA_TEST_LIBS = src/media/libmedia.a src/base/libbase.a $(TEST_LIBS) $(OPUS_LIBS) $(SNDFILE_LIBS) $(SPEEXDSP_LIBS) $(SRTP_LIBS) -lpthread -lm
check_PROGRAMS += tests/unit/media/packet_test tests/unit/media/jitter_test tests/unit/media/sound_test tests/unit/media/engine_test \
	tests/unit/media/pacing_test tests/unit/media/thread_test
tests_unit_media_packet_test_SOURCES = tests/unit/media/packet_test.c
tests_unit_media_packet_test_LDADD = $(MEDIA_TEST_LIBS)
tests_unit_media_jitter_test_SOURCES = tests/unit/media/jitter_test.c
tests_unit_media_jitter_test_LDADD = $(MEDIA_TEST_LIBS)
tests_unit_media_sound_test_SOURCES = tests/unit/media/sound_test.c
tests_unit_media_sound_test_LDADD = $(MEDIA_TEST_LIBS)
tests_unit_media_engine_test_SOURCES = tests/unit/media/engine_test.c
tests_unit_media_engine_test_LDADD = $(MEDIA_TEST_LIBS)
tests_unit_media_thread_test_SOURCES = tests/unit/media/thread_test.c
tests_unit_media_thread_test_LDADD = $(MEDIA_TEST_LIBS)
tests_unit_media_pacing_test_SOURCES = tests/unit/media/pacing_test.c
tests_unit_media_pacing_test_LDADD = $(MEDIA_TEST_LIBS)
check_PROGRAMS += tests/unit/media/srtp_test
tests_unit_media_srtp_test_SOURCES = tests/unit/media/srtp_test.c
tests_unit_media_srtp_test_LDADD = $(MEDIA_TEST_LIBS)
