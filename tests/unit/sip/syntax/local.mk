check_PROGRAMS += tests/unit/sip/syntax/names_test tests/unit/sip/syntax/uri_test tests/unit/sip/syntax/address_test \
	tests/unit/sip/syntax/values_test tests/unit/sip/syntax/scan_test tests/unit/sip/syntax/message_test \
	tests/unit/sip/syntax/draft_test tests/torture/torture_test tests/torture/corpus_test
SYNTAX_TEST_LIBS = src/sip/syntax/libsyntax.a src/base/libbase.a $(TEST_LIBS)
tests_unit_sip_syntax_names_test_SOURCES = tests/unit/sip/syntax/names_test.c
tests_unit_sip_syntax_names_test_LDADD = $(SYNTAX_TEST_LIBS)
tests_unit_sip_syntax_scan_test_SOURCES = tests/unit/sip/syntax/scan_test.c
tests_unit_sip_syntax_scan_test_LDADD = $(SYNTAX_TEST_LIBS)
tests_unit_sip_syntax_uri_test_SOURCES = tests/unit/sip/syntax/uri_test.c
tests_unit_sip_syntax_uri_test_LDADD = $(SYNTAX_TEST_LIBS)
tests_unit_sip_syntax_address_test_SOURCES = tests/unit/sip/syntax/address_test.c
tests_unit_sip_syntax_address_test_LDADD = $(SYNTAX_TEST_LIBS)
tests_unit_sip_syntax_values_test_SOURCES = tests/unit/sip/syntax/values_test.c
tests_unit_sip_syntax_values_test_LDADD = $(SYNTAX_TEST_LIBS)
tests_unit_sip_syntax_message_test_SOURCES = tests/unit/sip/syntax/message_test.c
tests_unit_sip_syntax_message_test_LDADD = $(SYNTAX_TEST_LIBS)
tests_unit_sip_syntax_draft_test_SOURCES = tests/unit/sip/syntax/draft_test.c
tests_unit_sip_syntax_draft_test_LDADD = $(SYNTAX_TEST_LIBS)
# The messages of RFC 4475 from the folder that OFFHOOK_TORTURE names, and our own; the corpus of the fuzz target.
tests_torture_torture_test_SOURCES = tests/torture/torture_test.c tests/torture/touch.c tests/torture/touch.h \
	tests/torture/own.def tests/torture/rfc4475.def
tests_torture_torture_test_LDADD = $(SYNTAX_TEST_LIBS)
tests_torture_corpus_test_SOURCES = tests/torture/corpus_test.c tests/fuzz/message_fuzz.c tests/torture/touch.c \
	tests/torture/touch.h
tests_torture_corpus_test_LDADD = $(SYNTAX_TEST_LIBS)
