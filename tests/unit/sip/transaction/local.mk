check_PROGRAMS += tests/unit/sip/transaction/machine_test tests/unit/sip/transaction/client_test tests/unit/sip/transaction/server_test
transaction_test_libs = tests/unit/sip/libfakenet.a src/sip/transaction/libtransaction.a src/sip/transport/libtransport.a \
	src/sip/syntax/libsyntax.a src/base/libbase.a $(TEST_LIBS)
tests_unit_sip_transaction_machine_test_SOURCES = tests/unit/sip/transaction/machine_test.c
tests_unit_sip_transaction_machine_test_LDADD = $(transaction_test_libs)
tests_unit_sip_transaction_client_test_SOURCES = tests/unit/sip/transaction/client_test.c tests/unit/sip/transaction/recorder.h
tests_unit_sip_transaction_client_test_LDADD = $(transaction_test_libs)
tests_unit_sip_transaction_server_test_SOURCES = tests/unit/sip/transaction/server_test.c tests/unit/sip/transaction/recorder.h
tests_unit_sip_transaction_server_test_LDADD = $(transaction_test_libs)
check_PROGRAMS += tests/unit/sip/transaction/loss_test
tests_unit_sip_transaction_loss_test_SOURCES = tests/unit/sip/transaction/loss_test.c tests/unit/sip/transaction/recorder.h
tests_unit_sip_transaction_loss_test_LDADD = $(transaction_test_libs)
check_PROGRAMS += tests/unit/sip/transaction/said_test
tests_unit_sip_transaction_said_test_SOURCES = tests/unit/sip/transaction/said_test.c
tests_unit_sip_transaction_said_test_LDADD = $(transaction_test_libs)
