/* Three messages of the sizes and shapes that phones meet: an INVITE, a 180 through two proxies, a large INVITE. */
#pragma once

#define BENCH_INVITE                                                                               \
	"INVITE sip:bob@biloxi.example.com SIP/2.0\r\n"                                            \
	"Via: SIP/2.0/UDP pc33.atlanta.example.com;branch=z9hG4bKnashds8.101\r\n"                  \
	"Max-Forwards: 70\r\n"                                                                     \
	"To: Bob <sip:bob@biloxi.example.com>\r\n"                                                 \
	"From: Alice <sip:alice@atlanta.example.com>;tag=1928301774\r\n"                           \
	"Call-ID: a84b4c76e66710\r\n"                                                              \
	"CSeq: 314159 INVITE\r\n"                                                                  \
	"Contact: <sip:alice@pc33.atlanta.example.com>\r\n"                                        \
	"Content-Type: application/sdp\r\n"                                                        \
	"Content-Length: 117\r\n"                                                                  \
	"\r\n"                                                                                     \
	"v=0\r\n"                                                                                  \
	"o=alice 2890844526 1 IN IP4 192.0.2.101\r\n"                                              \
	"s=-\r\n"                                                                                  \
	"c=IN IP4 192.0.2.101\r\n"                                                                 \
	"t=0 0\r\n"                                                                                \
	"m=audio 49172 RTP/AVP 0\r\n"                                                              \
	"a=sendrecv\r\n"

#define BENCH_RINGING                                                                              \
	"SIP/2.0 180 Ringing\r\n"                                                                  \
	"Via: SIP/2.0/UDP server10.biloxi.com;branch=z9hG4bK4b43c2ff8.1;received=192.0.2.3\r\n"    \
	"Via: SIP/2.0/UDP bigbox3.site3.atlanta.com;branch=z9hG4bK77ef4c2312983.1"                 \
	";received=192.0.2.2\r\n"                                                                  \
	"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8;received=192.0.2.1\r\n"           \
	"To: Bob <sip:bob@biloxi.com>;tag=a6c85cf\r\n"                                             \
	"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"                                   \
	"Call-ID: a84b4c76e66710\r\n"                                                              \
	"Contact: <sip:bob@192.0.2.4>\r\n"                                                         \
	"CSeq: 314159 INVITE\r\n"                                                                  \
	"Content-Length: 0\r\n"                                                                    \
	"\r\n"

#define BENCH_LARGE                                                                                \
	"INVITE sip:+442079460123@sbc7.example.net:5060;user=phone;transport=udp SIP/2.0\r\n"      \
	"Via: SIP/2.0/UDP 198.51.100.12:5060;branch=z9hG4bK0fa3.4b7d2c1e9a5f.0;rport\r\n"          \
	"Via: SIP/2.0/TLS 203.0.113.77:5061;branch=z9hG4bK-524287-1---7c2e91ab;rport=49201"        \
	";received=203.0.113.77\r\n"                                                               \
	"Record-Route: <sip:198.51.100.12;lr;did=4f1.a7c2;ftag=6e21b0c4>\r\n"                      \
	"Record-Route: <sips:edge3.example.com:5061;transport=tls;lr>\r\n"                         \
	"Max-Forwards: 68\r\n"                                                                     \
	"From: \"Reception, second floor\" <sip:+442079460999@example.com;user=phone>"             \
	";tag=6e21b0c4\r\n"                                                                        \
	"To: <sip:+442079460123@example.net;user=phone>\r\n"                                       \
	"Contact: <sip:reception@203.0.113.77:49201;transport=tls;ob>"                             \
	";+sip.instance=\"<urn:uuid:0d9a1c2e-55f1-4c1b-9a87-3f6f2f1e0b11>\"\r\n"                   \
	"Call-ID: 7d1f8a90-3c1b-4f0e-b5de-6a2f9be1c0d4@203.0.113.77\r\n"                           \
	"CSeq: 20881 INVITE\r\n"                                                                   \
	"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, INFO\r\n"         \
	"Supported: replaces, 100rel, timer, norefersub, outbound, gruu\r\n"                       \
	"Session-Expires: 1800;refresher=uac\r\n"                                                  \
	"Min-SE: 90\r\n"                                                                           \
	"P-Asserted-Identity: \"Reception\" <sip:+442079460999@example.com>\r\n"                   \
	"Privacy: none\r\n"                                                                        \
	"User-Agent: Example Desk Phone 4.7.1.22 (build 20190304)\r\n"                             \
	"Date: Mon, 04 Mar 2019 10:21:47 GMT\r\n"                                                  \
	"Content-Type: application/sdp\r\n"                                                        \
	"Content-Length: 356\r\n"                                                                  \
	"\r\n"                                                                                     \
	"v=0\r\n"                                                                                  \
	"o=- 3760680107 3760680107 IN IP4 203.0.113.77\r\n"                                        \
	"s=call\r\n"                                                                               \
	"c=IN IP4 203.0.113.77\r\n"                                                                \
	"t=0 0\r\n"                                                                                \
	"m=audio 40012 RTP/AVP 96 9 8 101\r\n"                                                     \
	"a=rtpmap:96 opus/48000/2\r\n"                                                             \
	"a=fmtp:96 useinbandfec=1\r\n"                                                             \
	"a=rtpmap:9 G722/8000\r\n"                                                                 \
	"a=rtpmap:8 PCMA/8000\r\n"                                                                 \
	"a=rtpmap:101 telephone-event/8000\r\n"                                                    \
	"a=fmtp:101 0-16\r\n"                                                                      \
	"a=ptime:20\r\n"                                                                           \
	"a=rtcp:40013 IN IP4 203.0.113.77\r\n"                                                     \
	"a=ssrc:118246 cname:k2Xd\r\n"                                                             \
	"a=sendrecv\r\n"
