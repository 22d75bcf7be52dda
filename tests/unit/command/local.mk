# A phone that only remembers what it was told; of libphone.a the event log and the settings alone are linked, of libnet.a what checks settings,
# of libmedia.a the names that they take.
check_LIBRARIES += tests/unit/command/libfakephone.a
tests_unit_command_libfakephone_a_SOURCES = tests/unit/command/fake_phone.c tests/unit/command/fake_phone.h
command_test_libs = src/command/libcommand.a tests/unit/command/libfakephone.a src/phone/libphone.a src/media/libmedia.a src/net/libnet.a \
	src/sip/transport/libtransport.a src/sip/syntax/libsyntax.a src/loop/libloop.a src/base/libbase.a $(JANSSON_LIBS) $(SSL_LIBS) $(CARES_LIBS) $(UV_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/command/words_test tests/unit/command/bind_test tests/unit/command/wait_test tests/unit/command/outcomes_test \
	tests/unit/command/runner_test tests/unit/command/complete_test tests/unit/command/rpc_test tests/unit/command/help_test tests/unit/command/golden_test
tests_unit_command_words_test_SOURCES = tests/unit/command/words_test.c
tests_unit_command_words_test_LDADD = $(command_test_libs)
tests_unit_command_bind_test_SOURCES = tests/unit/command/bind_test.c
tests_unit_command_bind_test_LDADD = $(command_test_libs)
tests_unit_command_wait_test_SOURCES = tests/unit/command/wait_test.c
tests_unit_command_wait_test_LDADD = $(command_test_libs)
tests_unit_command_outcomes_test_SOURCES = tests/unit/command/outcomes_test.c
tests_unit_command_outcomes_test_LDADD = $(command_test_libs)
tests_unit_command_runner_test_SOURCES = tests/unit/command/runner_test.c
tests_unit_command_runner_test_LDADD = $(command_test_libs)
tests_unit_command_complete_test_SOURCES = tests/unit/command/complete_test.c
tests_unit_command_complete_test_LDADD = $(command_test_libs)
tests_unit_command_rpc_test_SOURCES = tests/unit/command/rpc_test.c
tests_unit_command_rpc_test_LDADD = $(command_test_libs)
tests_unit_command_help_test_SOURCES = tests/unit/command/help_test.c
tests_unit_command_help_test_LDADD = $(command_test_libs)
check_PROGRAMS += tests/unit/command/devices_test tests/unit/command/handler_test
tests_unit_command_devices_test_SOURCES = tests/unit/command/devices_test.c
tests_unit_command_devices_test_LDADD = $(command_test_libs)
tests_unit_command_handler_test_SOURCES = tests/unit/command/handler_test.c
tests_unit_command_handler_test_LDADD = $(command_test_libs)
# It runs the program itself.
tests_unit_command_golden_test_SOURCES = tests/unit/command/golden_test.c
tests_unit_command_golden_test_LDADD = src/base/libbase.a $(TEST_LIBS)
