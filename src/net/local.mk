noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_SOURCES = src/net/net.h src/net/internal.h src/net/net.c src/net/udp.c src/net/connection.h src/net/tcp.c src/net/wrap.c \
	src/net/websocket.h src/net/websocket.c src/net/tls.h src/net/tls_internal.h src/net/tls.c src/net/tls_context.c src/net/tls_verify.c src/net/locate.c \
	src/net/dns.h src/net/dns.c src/net/dns_answer.h src/net/dns_answer.c src/net/interfaces.c src/net/changes.c src/net/rtp_pair.c src/net/owner.c
