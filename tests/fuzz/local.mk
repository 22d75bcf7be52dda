# Fuzz targets. ./configure --enable-fuzzing CC=clang builds them for libFuzzer; run as their first comments
# say. Without, each is linked with replay.c, so that `make check` goes through its corpus, all prefixes of it and
# mutations that follow from a seed.

fuzz_message_sources = tests/fuzz/message_fuzz.c tests/torture/touch.c tests/torture/touch.h
fuzz_message_libs = src/sip/syntax/libsyntax.a src/base/libbase.a
fuzz_bodies_sources = tests/fuzz/bodies_fuzz.c
fuzz_bodies_libs = src/bodies/libbodies.a src/base/libbase.a $(EXPAT_LIBS)
fuzz_dns_sources = tests/fuzz/dns_fuzz.c src/net/dns_answer.c src/net/dns_answer.h
fuzz_dns_libs = src/base/libbase.a
fuzz_framing_sources = tests/fuzz/framing_fuzz.c tests/unit/sip/fake_net.c tests/unit/sip/fake_net.h
fuzz_framing_libs = src/sip/transport/libtransport.a src/sip/syntax/libsyntax.a src/base/libbase.a
fuzz_rtp_sources = tests/fuzz/rtp_fuzz.c
fuzz_rtp_libs = src/media/libmedia.a src/base/libbase.a $(OPUS_LIBS) $(SPEEXDSP_LIBS) -lpthread -lm
fuzz_sdp_sources = tests/fuzz/sdp_fuzz.c
fuzz_sdp_libs = src/sdp/libsdp.a src/base/libbase.a
fuzz_ua_sources = tests/fuzz/ua_fuzz.c tests/unit/sip/fake_net.c tests/unit/sip/fake_net.h
fuzz_ua_libs = src/sip/ua/libua.a src/sip/transaction/libtransaction.a $(fuzz_framing_libs) $(SSL_LIBS)
fuzz_datagram_sources = tests/fuzz/datagram_fuzz.c tests/unit/sip/fake_net.c tests/unit/sip/fake_net.h
fuzz_datagram_libs = src/sip/transport/libtransport.a src/sip/syntax/libsyntax.a src/base/libbase.a
fuzz_websocket_sources = tests/fuzz/websocket_fuzz.c src/net/websocket.c src/net/websocket.h
fuzz_websocket_libs = src/base/libbase.a $(SSL_LIBS)

fuzz_uri_sources = tests/fuzz/uri_fuzz.c tests/fuzz/check.h
fuzz_uri_libs = src/sip/syntax/libsyntax.a src/base/libbase.a
fuzz_digest_sources = tests/fuzz/digest_fuzz.c tests/fuzz/check.h
fuzz_digest_libs = $(fuzz_ua_libs)
fuzz_payload_sources = tests/fuzz/payload_fuzz.c tests/fuzz/check.h
fuzz_payload_libs = $(fuzz_rtp_libs)
fuzz_words_sources = tests/fuzz/words_fuzz.c tests/fuzz/check.h
fuzz_words_libs = $(command_test_libs)
fuzz_command_sources = tests/fuzz/command_fuzz.c tests/fuzz/check.h
fuzz_command_libs = $(command_test_libs)
fuzz_vcard_sources = tests/fuzz/vcard_fuzz.c tests/fuzz/check.h
fuzz_vcard_libs = $(PHONE_TEST_LIBS)
fuzz_dialog_sources = tests/fuzz/dialog_fuzz.c tests/fuzz/check.h tests/sim/world.c tests/sim/streams.c tests/sim/world.h \
	tests/sim/agent.c tests/sim/agent_calls.c tests/sim/agent_states.c tests/sim/agent.h
fuzz_dialog_libs = src/sip/ua/libua.a src/sip/transaction/libtransaction.a src/sip/transport/libtransport.a \
	src/sip/syntax/libsyntax.a src/base/libbase.a $(SSL_LIBS)

if FUZZING
noinst_PROGRAMS += tests/fuzz/message_fuzz tests/fuzz/bodies_fuzz tests/fuzz/dns_fuzz tests/fuzz/framing_fuzz tests/fuzz/rtp_fuzz \
	tests/fuzz/sdp_fuzz tests/fuzz/ua_fuzz
noinst_PROGRAMS += tests/fuzz/websocket_fuzz tests/fuzz/datagram_fuzz
tests_fuzz_datagram_fuzz_SOURCES = $(fuzz_datagram_sources)
tests_fuzz_datagram_fuzz_LDADD = $(fuzz_datagram_libs)
tests_fuzz_datagram_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_websocket_fuzz_SOURCES = $(fuzz_websocket_sources)
tests_fuzz_websocket_fuzz_LDADD = $(fuzz_websocket_libs)
tests_fuzz_websocket_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_message_fuzz_SOURCES = $(fuzz_message_sources)
tests_fuzz_message_fuzz_LDADD = $(fuzz_message_libs)
tests_fuzz_message_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_bodies_fuzz_SOURCES = $(fuzz_bodies_sources)
tests_fuzz_bodies_fuzz_LDADD = $(fuzz_bodies_libs)
tests_fuzz_bodies_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_dns_fuzz_SOURCES = $(fuzz_dns_sources)
tests_fuzz_dns_fuzz_LDADD = $(fuzz_dns_libs)
tests_fuzz_dns_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_framing_fuzz_SOURCES = $(fuzz_framing_sources)
tests_fuzz_framing_fuzz_LDADD = $(fuzz_framing_libs)
tests_fuzz_framing_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_rtp_fuzz_SOURCES = $(fuzz_rtp_sources)
tests_fuzz_rtp_fuzz_LDADD = $(fuzz_rtp_libs)
tests_fuzz_rtp_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_sdp_fuzz_SOURCES = $(fuzz_sdp_sources)
tests_fuzz_sdp_fuzz_LDADD = $(fuzz_sdp_libs)
tests_fuzz_sdp_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_ua_fuzz_SOURCES = $(fuzz_ua_sources)
tests_fuzz_ua_fuzz_LDADD = $(fuzz_ua_libs)
tests_fuzz_ua_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
noinst_PROGRAMS += tests/fuzz/uri_fuzz tests/fuzz/digest_fuzz tests/fuzz/payload_fuzz tests/fuzz/words_fuzz tests/fuzz/command_fuzz tests/fuzz/vcard_fuzz
tests_fuzz_uri_fuzz_SOURCES = $(fuzz_uri_sources)
tests_fuzz_uri_fuzz_LDADD = $(fuzz_uri_libs)
tests_fuzz_uri_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_digest_fuzz_SOURCES = $(fuzz_digest_sources)
tests_fuzz_digest_fuzz_LDADD = $(fuzz_digest_libs)
tests_fuzz_digest_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_payload_fuzz_SOURCES = $(fuzz_payload_sources)
tests_fuzz_payload_fuzz_LDADD = $(fuzz_payload_libs)
tests_fuzz_payload_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_words_fuzz_SOURCES = $(fuzz_words_sources)
tests_fuzz_words_fuzz_LDADD = $(fuzz_words_libs)
tests_fuzz_words_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_command_fuzz_SOURCES = $(fuzz_command_sources)
tests_fuzz_command_fuzz_LDADD = $(fuzz_command_libs)
tests_fuzz_command_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_vcard_fuzz_SOURCES = $(fuzz_vcard_sources)
tests_fuzz_vcard_fuzz_LDADD = $(fuzz_vcard_libs)
tests_fuzz_vcard_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
noinst_PROGRAMS += tests/fuzz/dialog_fuzz
tests_fuzz_dialog_fuzz_SOURCES = $(fuzz_dialog_sources)
tests_fuzz_dialog_fuzz_LDADD = $(fuzz_dialog_libs)
tests_fuzz_dialog_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
else
check_PROGRAMS += tests/fuzz/message_replay tests/fuzz/bodies_replay tests/fuzz/dns_replay \
	tests/fuzz/framing_replay tests/fuzz/rtp_replay tests/fuzz/sdp_replay \
	tests/fuzz/ua_replay
check_PROGRAMS += tests/fuzz/websocket_replay tests/fuzz/datagram_replay
tests_fuzz_datagram_replay_SOURCES = tests/fuzz/replay.c $(fuzz_datagram_sources)
tests_fuzz_datagram_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"datagram"' -DMUTATIONS=400
tests_fuzz_datagram_replay_LDADD = $(fuzz_datagram_libs)
tests_fuzz_websocket_replay_SOURCES = tests/fuzz/replay.c $(fuzz_websocket_sources)
tests_fuzz_websocket_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"websocket"'
tests_fuzz_websocket_replay_LDADD = $(fuzz_websocket_libs)
tests_fuzz_message_replay_SOURCES = tests/fuzz/replay.c $(fuzz_message_sources)
tests_fuzz_message_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"message"'
tests_fuzz_message_replay_LDADD = $(fuzz_message_libs)
tests_fuzz_bodies_replay_SOURCES = tests/fuzz/replay.c $(fuzz_bodies_sources)
tests_fuzz_bodies_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"bodies"' -DMUTATIONS=400 -DPREFIX_STEP=2
tests_fuzz_bodies_replay_LDADD = $(fuzz_bodies_libs)
tests_fuzz_dns_replay_SOURCES = tests/fuzz/replay.c $(fuzz_dns_sources)
tests_fuzz_dns_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"dns"'
tests_fuzz_dns_replay_LDADD = $(fuzz_dns_libs)
tests_fuzz_framing_replay_SOURCES = tests/fuzz/replay.c $(fuzz_framing_sources)
tests_fuzz_framing_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"framing"'
tests_fuzz_framing_replay_LDADD = $(fuzz_framing_libs)
tests_fuzz_rtp_replay_SOURCES = tests/fuzz/replay.c $(fuzz_rtp_sources)
tests_fuzz_rtp_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"rtp"' -DMUTATIONS=150 -DPREFIX_STEP=4
tests_fuzz_rtp_replay_LDADD = $(fuzz_rtp_libs)
tests_fuzz_sdp_replay_SOURCES = tests/fuzz/replay.c $(fuzz_sdp_sources)
tests_fuzz_sdp_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"sdp"'
tests_fuzz_sdp_replay_LDADD = $(fuzz_sdp_libs)
tests_fuzz_ua_replay_SOURCES = tests/fuzz/replay.c $(fuzz_ua_sources)
tests_fuzz_ua_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"ua"' -DMUTATIONS=400 -DPREFIX_STEP=2
tests_fuzz_ua_replay_LDADD = $(fuzz_ua_libs)
check_PROGRAMS += tests/fuzz/uri_replay tests/fuzz/digest_replay tests/fuzz/payload_replay tests/fuzz/words_replay tests/fuzz/command_replay tests/fuzz/vcard_replay
tests_fuzz_uri_replay_SOURCES = tests/fuzz/replay.c $(fuzz_uri_sources)
tests_fuzz_uri_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"uri"' -DMUTATIONS=8000
tests_fuzz_uri_replay_LDADD = $(fuzz_uri_libs)
tests_fuzz_digest_replay_SOURCES = tests/fuzz/replay.c $(fuzz_digest_sources)
tests_fuzz_digest_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"digest"' -DMUTATIONS=2000
tests_fuzz_digest_replay_LDADD = $(fuzz_digest_libs)
tests_fuzz_payload_replay_SOURCES = tests/fuzz/replay.c $(fuzz_payload_sources)
tests_fuzz_payload_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"payload"' -DMUTATIONS=300
tests_fuzz_payload_replay_LDADD = $(fuzz_payload_libs)
tests_fuzz_words_replay_SOURCES = tests/fuzz/replay.c $(fuzz_words_sources)
tests_fuzz_words_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"words"'
tests_fuzz_words_replay_LDADD = $(fuzz_words_libs)
tests_fuzz_command_replay_SOURCES = tests/fuzz/replay.c $(fuzz_command_sources)
tests_fuzz_command_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"command"' -DMUTATIONS=400 -DPREFIX_STEP=4
tests_fuzz_command_replay_LDADD = $(fuzz_command_libs)
tests_fuzz_vcard_replay_SOURCES = tests/fuzz/replay.c $(fuzz_vcard_sources)
tests_fuzz_vcard_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"vcard"' -DMUTATIONS=1000
tests_fuzz_vcard_replay_LDADD = $(fuzz_vcard_libs)
check_PROGRAMS += tests/fuzz/dictionary
check_PROGRAMS += tests/fuzz/dialog_replay
tests_fuzz_dialog_replay_SOURCES = tests/fuzz/replay.c $(fuzz_dialog_sources)
tests_fuzz_dialog_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"dialog"' -DMUTATIONS=100 -DPREFIX_STEP=4
tests_fuzz_dialog_replay_LDADD = $(fuzz_dialog_libs)
# The dictionaries are printed from the tables.
tests_fuzz_dictionary_SOURCES = tests/fuzz/dictionary.c
tests_fuzz_dictionary_LDADD = $(command_test_libs)
endif
