noinst_LIBRARIES += src/sdp/libsdp.a
src_sdp_libsdp_a_SOURCES = src/sdp/sdp.h src/sdp/sdp.c src/sdp/static_types.c src/sdp/offer.h src/sdp/offer.c src/sdp/internal.h \
	src/sdp/agreed.c src/sdp/negotiation.c src/sdp/numbers.c src/sdp/refusal.c src/sdp/sdes.c src/sdp/write.c
