noinst_LIBRARIES += src/sip/transport/libtransport.a
src_sip_transport_libtransport_a_SOURCES = \
	src/sip/transport/flow.c \
	src/sip/transport/framing.c src/sip/transport/framing.h \
	src/sip/transport/internal.h \
	src/sip/transport/keep_alive.c \
	src/sip/transport/next_hop.c \
	src/sip/transport/receive.c \
	src/sip/transport/response.c \
	src/sip/transport/stun.c src/sip/transport/stun.h \
	src/sip/transport/transport.c src/sip/transport/targets.c src/sip/transport/transport.h
