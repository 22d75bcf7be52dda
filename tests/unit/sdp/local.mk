check_PROGRAMS += tests/unit/sdp/sdp_test tests/unit/sdp/offer_test
tests_unit_sdp_sdp_test_SOURCES = tests/unit/sdp/sdp_test.c
tests_unit_sdp_sdp_test_LDADD = src/sdp/libsdp.a src/base/libbase.a $(TEST_LIBS)
tests_unit_sdp_offer_test_SOURCES = tests/unit/sdp/offer_test.c
tests_unit_sdp_offer_test_LDADD = src/sdp/libsdp.a src/base/libbase.a $(TEST_LIBS)
check_PROGRAMS += tests/unit/sdp/crypto_test
tests_unit_sdp_crypto_test_SOURCES = tests/unit/sdp/crypto_test.c
tests_unit_sdp_crypto_test_LDADD = src/sdp/libsdp.a src/base/libbase.a $(TEST_LIBS)
