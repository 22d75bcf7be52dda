# Whole user agents on a simulated network and clock: each run follows from its seed alone.
sim_libs = src/sip/ua/libua.a src/sip/transaction/libtransaction.a src/sip/transport/libtransport.a \
	src/sip/syntax/libsyntax.a src/base/libbase.a $(TEST_LIBS) $(SSL_LIBS)
check_PROGRAMS += tests/sim/calls_sim tests/sim/mesh_sim
tests_sim_calls_sim_SOURCES = tests/sim/calls_sim.c tests/sim/world.c tests/sim/streams.c tests/sim/world.h
tests_sim_calls_sim_LDADD = $(sim_libs)
tests_sim_mesh_sim_SOURCES = tests/sim/mesh_sim.c tests/sim/world.c tests/sim/streams.c tests/sim/world.h tests/sim/proxy.c tests/sim/proxy.h tests/sim/realm.c tests/sim/realm.h tests/sim/hash_text.h \
	tests/sim/agent.c tests/sim/agent_calls.c tests/sim/agent_states.c tests/sim/agent.h
tests_sim_mesh_sim_LDADD = $(sim_libs)
