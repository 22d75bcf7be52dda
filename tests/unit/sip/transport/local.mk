# The network in memory of all tests of sip/.
check_LIBRARIES += tests/unit/sip/libfakenet.a
tests_unit_sip_libfakenet_a_SOURCES = tests/unit/sip/fake_net.c tests/unit/sip/fake_net.h

check_PROGRAMS += tests/unit/sip/transport/framing_test tests/unit/sip/transport/receive_test \
	tests/unit/sip/transport/flow_test tests/unit/sip/transport/response_test
transport_test_libs = tests/unit/sip/libfakenet.a src/sip/transport/libtransport.a src/sip/syntax/libsyntax.a src/base/libbase.a $(TEST_LIBS)
tests_unit_sip_transport_framing_test_SOURCES = tests/unit/sip/transport/framing_test.c
tests_unit_sip_transport_framing_test_LDADD = $(transport_test_libs)
tests_unit_sip_transport_receive_test_SOURCES = tests/unit/sip/transport/receive_test.c tests/unit/sip/transport/recorder.h
tests_unit_sip_transport_receive_test_LDADD = $(transport_test_libs)
tests_unit_sip_transport_flow_test_SOURCES = tests/unit/sip/transport/flow_test.c tests/unit/sip/transport/recorder.h
tests_unit_sip_transport_flow_test_LDADD = $(transport_test_libs)
tests_unit_sip_transport_response_test_SOURCES = tests/unit/sip/transport/response_test.c tests/unit/sip/transport/recorder.h
tests_unit_sip_transport_response_test_LDADD = $(transport_test_libs)
check_PROGRAMS += tests/unit/sip/transport/stun_test
tests_unit_sip_transport_stun_test_SOURCES = tests/unit/sip/transport/stun_test.c
tests_unit_sip_transport_stun_test_LDADD = $(transport_test_libs)
check_PROGRAMS += tests/unit/sip/transport/next_hop_test
tests_unit_sip_transport_next_hop_test_SOURCES = tests/unit/sip/transport/next_hop_test.c
tests_unit_sip_transport_next_hop_test_LDADD = $(transport_test_libs)
