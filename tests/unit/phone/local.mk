EXTRA_DIST += tests/unit/phone/phone_fixture.h
PHONE_TEST_LIBS = src/phone/libphone.a src/bodies/libbodies.a src/sip/ua/libua.a src/sip/transaction/libtransaction.a src/net/libnet.a src/sip/transport/libtransport.a \
	src/sip/syntax/libsyntax.a src/sdp/libsdp.a src/media/libmedia.a src/loop/libloop.a src/base/libbase.a $(TEST_LIBS) $(UV_LIBS) $(CARES_LIBS) \
	$(SSL_LIBS) $(OPUS_LIBS) $(SPEEXDSP_LIBS) $(EXPAT_LIBS) $(SQLITE_LIBS) -lpthread
check_PROGRAMS += tests/unit/phone/settings_test tests/unit/phone/event_test tests/unit/phone/ladder_test tests/unit/phone/target_test \
	tests/unit/phone/kept_test tests/unit/phone/account_test tests/unit/phone/call_test tests/unit/phone/negotiate_test \
	tests/unit/phone/notices_test
check_PROGRAMS += tests/unit/phone/typing_test
tests_unit_phone_typing_test_SOURCES = tests/unit/phone/typing_test.c
tests_unit_phone_typing_test_LDADD = $(PHONE_TEST_LIBS)
tests_unit_phone_notices_test_SOURCES = tests/unit/phone/notices_test.c
tests_unit_phone_notices_test_LDADD = $(PHONE_TEST_LIBS)
tests_unit_phone_settings_test_SOURCES = tests/unit/phone/settings_test.c
tests_unit_phone_settings_test_LDADD = $(PHONE_TEST_LIBS)
tests_unit_phone_event_test_SOURCES = tests/unit/phone/event_test.c
tests_unit_phone_event_test_LDADD = $(PHONE_TEST_LIBS)
tests_unit_phone_ladder_test_SOURCES = tests/unit/phone/ladder_test.c
tests_unit_phone_ladder_test_LDADD = $(PHONE_TEST_LIBS)
tests_unit_phone_target_test_SOURCES = tests/unit/phone/target_test.c
tests_unit_phone_target_test_LDADD = $(PHONE_TEST_LIBS)
tests_unit_phone_kept_test_SOURCES = tests/unit/phone/kept_test.c
tests_unit_phone_kept_test_LDADD = $(PHONE_TEST_LIBS)
tests_unit_phone_account_test_SOURCES = tests/unit/phone/account_test.c
tests_unit_phone_account_test_LDADD = $(PHONE_TEST_LIBS)
tests_unit_phone_call_test_SOURCES = tests/unit/phone/call_test.c
tests_unit_phone_call_test_LDADD = $(PHONE_TEST_LIBS)
tests_unit_phone_negotiate_test_SOURCES = tests/unit/phone/negotiate_test.c
tests_unit_phone_negotiate_test_LDADD = $(PHONE_TEST_LIBS)
check_PROGRAMS += tests/unit/phone/dial_test
tests_unit_phone_dial_test_SOURCES = tests/unit/phone/dial_test.c
tests_unit_phone_dial_test_LDADD = $(PHONE_TEST_LIBS)
