# Whole user agents on a simulated network and clock: each run follows from its seed alone.
check_PROGRAMS += tests/sim/calls_sim
tests_sim_calls_sim_SOURCES = tests/sim/calls_sim.c tests/sim/world.c tests/sim/world.h
tests_sim_calls_sim_LDADD = src/sip/ua/libua.a src/sip/transaction/libtransaction.a src/sip/transport/libtransport.a \
	src/sip/syntax/libsyntax.a src/base/libbase.a $(TEST_LIBS) $(SSL_LIBS)
