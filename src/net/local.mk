noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_SOURCES = src/net/net.h src/net/internal.h src/net/net.c src/net/udp.c src/net/tcp.c src/net/locate.c \
	src/net/dns.h src/net/dns.c src/net/dns_answer.h src/net/dns_answer.c src/net/interfaces.c src/net/rtp_pair.c
