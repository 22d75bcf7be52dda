check_LIBRARIES += tests/unit/sip/ua/liblab.a
tests_unit_sip_ua_liblab_a_SOURCES = tests/unit/sip/ua/lab/lab.c tests/unit/sip/ua/lab/lab.h

UA_TEST_LIBS = tests/unit/sip/ua/liblab.a tests/unit/sip/libfakenet.a src/sip/ua/libua.a src/sip/transaction/libtransaction.a \
	src/sip/transport/libtransport.a src/sip/syntax/libsyntax.a src/base/libbase.a $(SSL_LIBS) $(TEST_LIBS)

check_PROGRAMS += \
	tests/unit/sip/ua/chaos_test \
	tests/unit/sip/ua/digest_test \
	tests/unit/sip/ua/notifier_test \
	tests/unit/sip/ua/publication_test \
	tests/unit/sip/ua/refusal_test \
	tests/unit/sip/ua/registration_test \
	tests/unit/sip/ua/reinvite_test \
	tests/unit/sip/ua/request_test \
	tests/unit/sip/ua/extension_test \
	tests/unit/sip/ua/session_client_test \
	tests/unit/sip/ua/session_server_test \
	tests/unit/sip/ua/subscription_test \
	tests/unit/sip/ua/ua_test
tests_unit_sip_ua_chaos_test_SOURCES = tests/unit/sip/ua/chaos_test.c
tests_unit_sip_ua_chaos_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_digest_test_SOURCES = tests/unit/sip/ua/digest_test.c
tests_unit_sip_ua_digest_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_extension_test_SOURCES = tests/unit/sip/ua/extension_test.c
tests_unit_sip_ua_extension_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_refusal_test_SOURCES = tests/unit/sip/ua/refusal_test.c
tests_unit_sip_ua_refusal_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_registration_test_SOURCES = tests/unit/sip/ua/registration_test.c
tests_unit_sip_ua_registration_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_reinvite_test_SOURCES = tests/unit/sip/ua/reinvite_test.c
tests_unit_sip_ua_reinvite_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_request_test_SOURCES = tests/unit/sip/ua/request_test.c
tests_unit_sip_ua_request_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_session_client_test_SOURCES = tests/unit/sip/ua/session_client_test.c
tests_unit_sip_ua_session_client_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_session_server_test_SOURCES = tests/unit/sip/ua/session_server_test.c
tests_unit_sip_ua_session_server_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_ua_test_SOURCES = tests/unit/sip/ua/ua_test.c
tests_unit_sip_ua_ua_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_subscription_test_SOURCES = tests/unit/sip/ua/subscription_test.c
tests_unit_sip_ua_subscription_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_notifier_test_SOURCES = tests/unit/sip/ua/notifier_test.c
tests_unit_sip_ua_notifier_test_LDADD = $(UA_TEST_LIBS)
check_PROGRAMS += tests/unit/sip/ua/targets_test
tests_unit_sip_ua_targets_test_SOURCES = tests/unit/sip/ua/targets_test.c
tests_unit_sip_ua_targets_test_LDADD = $(UA_TEST_LIBS)
check_PROGRAMS += tests/unit/sip/ua/outbound_test
tests_unit_sip_ua_outbound_test_SOURCES = tests/unit/sip/ua/outbound_test.c
tests_unit_sip_ua_outbound_test_LDADD = $(UA_TEST_LIBS)
tests_unit_sip_ua_publication_test_SOURCES = tests/unit/sip/ua/publication_test.c
tests_unit_sip_ua_publication_test_LDADD = $(UA_TEST_LIBS)
