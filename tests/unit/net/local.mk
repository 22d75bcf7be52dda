NET_TEST_LIBS = src/net/libnet.a src/loop/libloop.a src/base/libbase.a $(CARES_LIBS) $(UV_LIBS) $(TEST_LIBS)
check_PROGRAMS += tests/unit/net/net_test tests/unit/net/locate_test tests/unit/net/dns_answer_test
tests_unit_net_net_test_SOURCES = tests/unit/net/net_test.c tests/unit/net/fake_transport.h
tests_unit_net_net_test_LDADD = $(NET_TEST_LIBS)
tests_unit_net_locate_test_SOURCES = tests/unit/net/locate_test.c tests/unit/net/fake_transport.h
tests_unit_net_locate_test_LDADD = $(NET_TEST_LIBS)
tests_unit_net_dns_answer_test_SOURCES = tests/unit/net/dns_answer_test.c tests/unit/net/fake_transport.h
tests_unit_net_dns_answer_test_LDADD = $(NET_TEST_LIBS)
