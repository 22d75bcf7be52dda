"""The twelve messages of RFC 5118 section 4, and what a phone that is asked (no registrar, no such dialog) answers to each."""

CALLER = "sip:user@example.com;tag=81x2"
VIA = "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111"
LONG_ID = "SSG9559905523997077@hlau_4100"


def register(uri):
    return [f"REGISTER {uri} SIP/2.0", "To: sip:user@example.com", f"From: {CALLER}", f"Via: {VIA}", f"Call-ID: {LONG_ID}", "Max-Forwards: 70",
            'Contact: "Caller" <sip:caller@[2001:db8::1]>', "CSeq: 98176 REGISTER"]


def options_of(uri):
    return [f"OPTIONS {uri} SIP/2.0", f"To: {uri}", "From: sip:user@example.com;tag=810x2", "Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111",
            "Call-ID: G9559905523997077@hlau_4100", "CSeq: 689 OPTIONS", "Max-Forwards: 70"]


def invite(uri, to, caller, vias, contact, number):
    return [f"INVITE {uri} SIP/2.0", f"To: {to}", f"From: {caller}", *(f"Via: {via}" for via in vias), f"Call-ID: {LONG_ID}", f"Contact: {contact}",
            f"CSeq: {number} INVITE", "Max-Forwards: 70", "Content-Type: application/sdp"]


def video_call(origin, subject):
    return ["v=0", f"o=assistant 971731711378798081 0 IN IP6 {origin}", f"s={subject}", f"c=IN IP6 {origin}", "t=3338481189 3370017201", "m=audio 6000 RTP/AVP 2",
            "a=rtpmap:2 G726-32/8000", "m=video 6024 RTP/AVP 107", "a=rtpmap:107 H263-1998/90000"]


USER = "sip:user@[2001:db8::10]"

# name, header lines, body lines, permitted final answers (ring: 180 first), the port that its top Via asks for, why
MESSAGES = [
    ("ipv6-good", register("sip:[2001:db8::10]"), [], "405", 5060, "4.1: well formed; a phone is no registrar"),
    ("ipv6-bad", register("sip:2001:db8::10"), [], "400", 5060, "4.2: no brackets: should be 400"),
    ("port-ambiguous", register("sip:[2001:db8::10:5070]"), [], "405", 5060, "4.3: well formed, though not what was meant"),
    ("port-unambiguous", register("sip:[2001:db8::10]:5070"), [], "405", 5060, "4.4: well formed"),
    ("via-received-param-with-delim",
     ["BYE sip:[2001:db8::10] SIP/2.0", "To: sip:user@example.com;tag=bd76ya", f"From: {CALLER}",
      "Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111", f"Call-ID: {LONG_ID}", "Max-Forwards: 70", "CSeq: 321 BYE"],
     [], "481", 5060, "4.5: brackets in received are tolerated; no such dialog"),
    ("via-received-param-no-delim",
     ["OPTIONS sip:[2001:db8::10] SIP/2.0", "To: sip:user@example.com", f"From: {CALLER}",
      "Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3", "Call-ID: SSG95523997077@hlau_4100", "Max-Forwards: 70",
      'Contact: "Caller" <sip:caller@[2001:db8::9:1]>', "CSeq: 921 OPTIONS"],
     [], "200", 5060, "4.5: received without brackets is the grammar's"),
    ("ipv6-in-sdp", invite(USER, USER, CALLER, ["SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111"], '"Caller" <sip:caller@[2001:db8::20]>', 8612),
     video_call("2001:db8::20", "Live video feed for today's meeting"), "488", 5060, "4.6: well formed; G.726 is none of our codecs"),
    ("mult-ip-in-header",
     ["BYE sip:user@host.example.net SIP/2.0", "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111",
      "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144", "Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200",
      "Call-ID: 997077@lau_4100", "Max-Forwards: 70", "CSeq: 89187 BYE", "To: sip:user@example.net;tag=9817--94", f"From: {CALLER}"],
     [], "481", 6050, "4.7: both families in Via; no such dialog"),
    ("mult-ip-in-sdp", invite(USER, USER, CALLER, [VIA], '"Caller" <sip:caller@[2001:db8::9:1]>', 8912),
     ["v=0", "o=bob 280744730 28977631 IN IP4 host.example.com", "s=", "t=0 0", "m=audio 22334 RTP/AVP 0", "c=IN IP4 192.0.2.1", "m=video 6024 RTP/AVP 107",
      "c=IN IP6 2001:db8::1", "a=rtpmap:107 H263-1998/90000"], "ring", 5060, "4.8: a family for each medium; the sound is PCMU"),
    ("ipv4-mapped-ipv6",
     invite("sip:user@example.com", "sip:user@example.com", "sip:user@east.example.com;tag=81x2",
            ["SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19", "SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111"],
            '"T. desk phone" <sip:ted@[::ffff:192.0.2.2]>', 612),
     video_call("::ffff:192.0.2.2", "Call me soon, please!"), "488", 19823, "4.9: mapped addresses are read; G.726 is none of our codecs"),
    ("ipv6-bug-abnf-3-colons", options_of("sip:user@[2001:db8:::192.0.2.1]"), [], "200", 5060, "4.10: the third colon must be tolerated"),
    ("ipv6-correct-abnf-2-colons", options_of("sip:user@[2001:db8::192.0.2.1]"), [], "200", 5060, "4.10: well formed"),
]

# The RFC asks for no code here. The sound of a call is of the family of its signalling: what offers PCMU over the other one alone cannot be heard.
ALSO_OVER_IPV6 = {"mult-ip-in-sdp": "488"}


def text_of(headers, body):
    """As it stands on the wire."""
    sdp = "".join(line + "\r\n" for line in body)
    return "\r\n".join([*headers, f"Content-Length: {len(sdp)}", "", sdp]).encode()
