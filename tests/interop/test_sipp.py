"""Calls with sipp: its own uac and uas, and scenarios of ours for everything that seldom happens on a good line."""
from harness import check, equal, need, port_answers, sipp, sipp_ends, wait_until
from sippscript import answer, body_check, pause, receive, request, scenario, sdp, send, start_line_check
from wire import Peer

PHONE, PEER = 5070, 5080


def phone_for(bench, *lines):
    need("sipp")
    phone = bench.phone(f"set sip.listen 127.0.0.1:{PHONE}", "set call.accept any", "set call.max 1000", *lines)
    wait_until(lambda: port_answers("127.0.0.1", PHONE), "the phone listens")
    return phone


def peer(bench, *steps, calls=1, args=(), name="peer"):
    """Start sipp with these steps, waiting for calls (or calling, with a remote address in args)."""
    path = bench.write(name + ".xml", scenario(name, *steps))
    return sipp(bench, *args, "-sf", path, "-i", "127.0.0.1", "-p", str(PEER), "-m", str(calls), "-nostdin", log=name + ".log")


def caller(bench, *steps, name="caller", args=()):
    return peer(bench, *steps, args=(f"127.0.0.1:{PHONE}", "-s", "bob", *args), name=name)


def many(bench, role, transport):
    """200 calls one way over one transport."""
    flags = ["-t", "t1"] if transport == "tcp" else []
    if role == "uac":
        phone = phone_for(bench, "set call.auto-answer on")
        load = sipp(bench, "-sn", "uac", f"127.0.0.1:{PHONE}", "-i", "127.0.0.1", "-p", str(PEER), "-r", "50", "-m", "200", "-d", "200", "-nostdin",
                    *flags)
        sipp_ends(bench, load)
        equal(phone.get("calls.count"), "0", "calls left over")
    else:
        phone = phone_for(bench, "set call.auto-hold off")
        load = sipp(bench, "-sn", "uas", "-i", "127.0.0.1", "-p", str(PEER), "-m", "200", "-nostdin", *flags)
        if transport == "tcp":
            wait_until(lambda: port_answers("127.0.0.1", PEER), "sipp listens")
        for _ in range(200):
            call = phone.do(f"call sip:service@127.0.0.1:{PEER};transport={transport}")["call"]
            phone.event("answered", call=call)
            phone.do(f"hangup {call}")
            phone.event("ended", call=call)
        sipp_ends(bench, load)
    equal(phone.quit(), 0, "exit status")


def test_uac_200_udp(bench):
    many(bench, "uac", "udp")


def test_uac_200_tcp(bench):
    many(bench, "uac", "tcp")


def test_uas_200_udp(bench):
    many(bench, "uas", "udp")


def test_uas_200_tcp(bench):
    many(bench, "uas", "tcp")


def dial(phone, more=""):
    return phone.do(f"call sip:bob@127.0.0.1:{PEER}{more}")["call"]


def test_cancel_waits_for_provisional(bench):
    """9.1: no CANCEL before the first provisional; 100 counts."""
    uas = peer(bench, receive("INVITE"), pause(1300), send(answer(100, "Trying", tag=None)), receive("CANCEL"),
               send(answer(200, "OK", contact=False)), send(answer(487, "Request Terminated").replace("[last_CSeq:]", "CSeq: [cseq] INVITE")
                                                            .replace("[last_Via:]", "[last_Via:]")), receive("ACK"))
    phone = phone_for(bench)
    call = dial(phone)
    phone.do(f"hangup {call}")
    failed = phone.event("failed", call=call, within=15)
    equal(failed["code"], 487, "code")
    sipp_ends(bench, uas)


def test_cancel_after_180(bench):
    uas = peer(bench, receive("INVITE"), send(answer(180, "Ringing")), receive("CANCEL"), send(answer(200, "OK", contact=False)),
               send(answer(487, "Request Terminated").replace("[last_CSeq:]", "CSeq: [cseq] INVITE")), receive("ACK"))
    phone = phone_for(bench)
    call = dial(phone)
    phone.event("ringing", call=call)
    phone.do(f"hangup {call}")
    equal(phone.event("failed", call=call)["code"], 487, "code")
    sipp_ends(bench, uas)


def refusal(bench, code, phrase):
    uas = peer(bench, receive("INVITE"), send(answer(code, phrase), retrans=500), receive("ACK"))
    phone = phone_for(bench)
    call = dial(phone)
    failed = phone.event("failed", call=call)
    equal(failed["code"], code, "code")
    check(phone.do(f"why {call}"), "why says something")
    sipp_ends(bench, uas)


def test_486(bench):
    refusal(bench, 486, "Busy Here")


def test_603(bench):
    refusal(bench, 603, "Decline")


def test_302_followed(bench):
    """A redirection to another user at the same host is followed when the user has asked for that."""
    uas = peer(bench, receive("INVITE"),
               send(answer(302, "Moved Temporarily", contact=False, headers="Contact: <sip:carol@[local_ip]:[local_port]>"), retrans=500), receive("ACK"),
               receive("INVITE", start_line_check("^INVITE sip:carol@")), send(answer(200, "OK", sdp(), tag="second"), retrans=500), receive("ACK"), receive("BYE"),
               send(answer(200, "OK", tag=None)))
    phone = phone_for(bench, "set call.follow-redirect on")
    call = dial(phone)
    phone.event("redirected", call=call)
    phone.event("answered", call=call)
    phone.do(f"hangup {call}")
    phone.event("ended", call=call)
    sipp_ends(bench, uas)


def refuse_unless_authorised():
    """sipp goes on to label 1 when the digest was right; else the call fails here."""
    return ('<nop next="1" test="authorised"/>\n<nop><action><error message="the digest is wrong"/></action></nop>\n<label id="1"/>')


def digest(bench, code, phrase, challenge, header):
    # sipp checks the response of Authorization only; kamailio does for the other in test_trapezoid
    verify = "" if code == 407 else '<verifyauth assign_to="authorised" username="alice" password="wonder"/>'
    uas = peer(bench, receive("INVITE"), send(answer(code, phrase, headers=challenge), retrans=500), receive("ACK"),
               receive("INVITE", action=verify, header_check=(header, "Digest")), "" if code == 407 else refuse_unless_authorised(),
               send(answer(200, "OK", sdp(), tag="second"), retrans=500), receive("ACK"), receive("BYE"), send(answer(200, "OK", tag=None)))
    phone = phone_for(bench, f"account add sip:alice@127.0.0.1:{PEER} password=wonder registrar=none name=alice")
    call = dial(phone, " from=alice")
    phone.event("answered", call=call)
    phone.do(f"hangup {call}")
    phone.event("ended", call=call)
    sipp_ends(bench, uas)


def test_401(bench):
    digest(bench, 401, "Unauthorized", 'WWW-Authenticate: Digest realm="atlanta.com", nonce="84a4cc6f", algorithm=MD5, qop="auth"', "Authorization")


def test_407(bench):
    digest(bench, 407, "Proxy Authentication Required", 'Proxy-Authenticate: Digest realm="atlanta.com", nonce="84a4cc70", algorithm=MD5',
           "Proxy-Authorization")


def test_wrong_password_ends(bench):
    """Challenged again with the same realm and no stale: the password is wrong, and nobody is asked a third time."""
    challenge = 'WWW-Authenticate: Digest realm="atlanta.com", nonce="84a4cc6f", algorithm=MD5, qop="auth"'
    uas = peer(bench, receive("INVITE"), send(answer(401, "Unauthorized", headers=challenge), retrans=500), receive("ACK"),
               receive("INVITE"), send(answer(401, "Unauthorized", headers=challenge, tag="second"), retrans=500), receive("ACK"))
    phone = phone_for(bench, f"account add sip:alice@127.0.0.1:{PEER} password=wrong registrar=none name=alice")
    call = dial(phone, " from=alice")
    failed = phone.event("failed", call=call)
    equal((failed["code"], failed["cause"]), (401, "auth"), "outcome")
    sipp_ends(bench, uas)


def test_lost_ack(bench):
    """The 200 comes again: the ACK goes out again, and again."""
    peer_ua = Peer(PEER)
    phone = phone_for(bench)
    call = dial(phone)
    invite = peer_ua.receive("INVITE")
    acks = []
    for _ in range(3):
        peer_ua.respond(invite, 200, "OK", peer_ua.sdp())
        acks.append(peer_ua.receive("ACK").raw)
    equal(len(set(acks)), 1, "the ACKs are the same")
    phone.event("answered", call=call)
    phone.do(f"hangup {call}")
    peer_ua.respond(peer_ua.receive("BYE"), 200, "OK")
    phone.event("ended", call=call)


def test_lost_200(bench):
    """As callee: the 200 is repeated until the ACK comes, and then no more."""
    peer_ua = Peer(PEER)
    phone = phone_for(bench, "set call.auto-answer on", "set sip.t1 100ms")
    here = ("127.0.0.1", PHONE)
    peer_ua.request("INVITE", f"sip:bob@127.0.0.1:{PHONE}", f"<sip:bob@127.0.0.1:{PHONE}>", f"<sip:peer@127.0.0.1>;tag={peer_ua.tag}", "lost-200", 1, here,
                    peer_ua.sdp())
    oks = [peer_ua.receive(200) for _ in range(3)]
    equal(len({ok.raw for ok in oks}), 1, "the 200s are the same")
    target = oks[0].get("Contact").split("<")[1].split(">")[0]
    peer_ua.request("ACK", target, oks[0].get("To"), oks[0].get("From"), "lost-200", 1, here)
    peer_ua.nothing(200, 1.0)
    phone.do("hangup")
    peer_ua.respond(peer_ua.receive("BYE"), 200, "OK")
    phone.event("ended")


def test_no_ack_ends_with_bye(bench):
    """13.3.1.4: 64*T1 without an ACK: the callee gives up with BYE."""
    peer_ua = Peer(PEER)
    phone = phone_for(bench, "set call.auto-answer on", "set sip.t1 20ms", "set sip.t2 40ms")
    peer_ua.request("INVITE", f"sip:bob@127.0.0.1:{PHONE}", f"<sip:bob@127.0.0.1:{PHONE}>", f"<sip:peer@127.0.0.1>;tag={peer_ua.tag}", "no-ack", 1,
                    ("127.0.0.1", PHONE), peer_ua.sdp())
    peer_ua.respond(peer_ua.receive("BYE"), 200, "OK")
    phone.event("ended")


def test_two_200s(bench):
    """13.2.2.4: a fork's second 200 gets ACK and BYE; the first call stands."""
    peer_ua = Peer(PEER)
    phone = phone_for(bench)
    call = dial(phone)
    invite = peer_ua.receive("INVITE")
    peer_ua.respond(invite, 200, "OK", peer_ua.sdp(), tag="first")
    check("tag=first" in peer_ua.receive("ACK").get("To"), "the first 200 gets its ACK")
    phone.event("answered", call=call)
    peer_ua.respond(invite, 200, "OK", peer_ua.sdp(), tag="fork")
    check("tag=fork" in peer_ua.receive("ACK").get("To"), "the second 200 gets its ACK")
    bye = peer_ua.receive("BYE")
    check("tag=fork" in bye.get("To"), "and its BYE")
    peer_ua.respond(bye, 200, "OK")
    peer_ua.nothing("BYE", 0.5)
    equal(phone.get("call.state"), "answered", "the first call")
    phone.do(f"hangup {call}")
    bye = peer_ua.receive("BYE")
    check("tag=first" in bye.get("To"), "the BYE of the first call")
    peer_ua.respond(bye, 200, "OK")
    phone.event("ended", call=call)


def test_hold_and_resume_by_us(bench):
    uas = peer(bench, receive("INVITE"), send(answer(200, "OK", sdp()), retrans=500), receive("ACK"),
               receive("INVITE", action=body_check("a=sendonly")), send(answer(200, "OK", sdp("recvonly", 2), tag=None), retrans=500), receive("ACK"),
               receive("INVITE", action=body_check("a=sendrecv")), send(answer(200, "OK", sdp("sendrecv", 3), tag=None), retrans=500), receive("ACK"),
               receive("BYE"), send(answer(200, "OK", tag=None)))
    phone = phone_for(bench)
    call = dial(phone)
    phone.event("answered", call=call)
    phone.do("hold")
    phone.event("held", call=call)
    equal(phone.get("call.state"), "held", "state")
    phone.do("resume")
    phone.event("resumed", call=call)
    phone.do("hangup")
    phone.event("ended", call=call)
    sipp_ends(bench, uas)


def test_hold_and_resume_by_peer(bench):
    steps = [send(request("INVITE", body=sdp()), retrans=500), receive(100, optional=True), receive(180, optional=True), receive(200), send(request("ACK"))]
    for cseq, direction, mirrored in ((2, "sendonly", "recvonly"), (3, "inactive", "inactive"), (4, "sendrecv", "sendrecv")):
        steps += [send(request("INVITE", cseq=cseq, body=sdp(direction, cseq)), retrans=500), receive(100, optional=True),
                  receive(200, action=body_check(f"a={mirrored}")), send(request("ACK", cseq=cseq)), pause(200)]
    held_by_address = sdp("sendrecv", 5).replace("[media_ip]", "0.0.0.0")
    steps += [send(request("INVITE", cseq=5, body=held_by_address), retrans=500), receive(100, optional=True), receive(200), send(request("ACK", cseq=5)),
              pause(200), send(request("BYE", cseq=6), retrans=500), receive(200)]
    uac = caller(bench, *steps)
    phone = phone_for(bench, "set call.auto-answer on")
    phone.event("remote-held", within=15)
    phone.event("remote-resumed")
    phone.event("remote-held")
    phone.event("ended")
    sipp_ends(bench, uac)


def test_glare(bench):
    """14.2: an INVITE while ours is pending gets 491; ours, refused with 491, is sent again after the pause of 14.1."""
    peer_ua = Peer(PEER)
    phone = phone_for(bench)
    call = dial(phone)
    invite = peer_ua.receive("INVITE")
    peer_ua.respond(invite, 200, "OK", peer_ua.sdp())
    peer_ua.receive("ACK")
    phone.event("answered", call=call)
    phone.do("hold")
    ours = peer_ua.receive("INVITE")
    contact = invite.get("Contact").split("<")[1].split(">")[0]
    peer_ua.request("INVITE", contact, invite.get("From"), f"{invite.get('To')};tag={peer_ua.tag}", invite.get("Call-ID"), 7, invite.source,
                    peer_ua.sdp(version=2))
    peer_ua.receive(491)
    peer_ua.request("ACK", contact, invite.get("From"), f"{invite.get('To')};tag={peer_ua.tag}", invite.get("Call-ID"), 7, invite.source,
                    branch=f"z9hG4bK{peer_ua.tag}{peer_ua.branches}")
    peer_ua.respond(ours, 491, "Request Pending")
    peer_ua.receive("ACK")
    again = peer_ua.receive("INVITE", within=6)
    check(int(again.get("CSeq").split()[0]) > int(ours.get("CSeq").split()[0]), "the CSeq rises")
    peer_ua.respond(again, 200, "OK", peer_ua.sdp("recvonly", 2))
    peer_ua.receive("ACK")
    phone.event("held", call=call)
    phone.do("hangup")
    peer_ua.respond(peer_ua.receive("BYE"), 200, "OK")
    phone.event("ended", call=call)


def test_late_cancel(bench):
    """As callee: a CANCEL after the 200 changes nothing (9.2)."""
    uac = caller(bench, send(request("INVITE", body=sdp(), branch="z9hG4bKlate[call_number]"), retrans=500), receive(100, optional=True),
                 receive(180, optional=True), receive(200),
                 send(request("CANCEL", branch="z9hG4bKlate[call_number]", to="<sip:[service]@[remote_ip]:[remote_port]>")),
                 receive(200, header_check=("CSeq", "CANCEL")), send(request("ACK")), pause(300), send(request("BYE", cseq=2), retrans=500), receive(200))
    phone = phone_for(bench, "set call.auto-answer on")
    phone.event("answered", within=15)
    phone.event("ended", within=15)
    sipp_ends(bench, uac)


def test_crossing_200(bench):
    """As caller: the 200 crosses our CANCEL: ACK, then BYE (15.1.2)."""
    uas = peer(bench, receive("INVITE"), send(answer(180, "Ringing")), receive("CANCEL"), send(answer(200, "OK", contact=False)),
               send(answer(200, "OK", sdp()).replace("[last_CSeq:]", "CSeq: [cseq] INVITE"), retrans=500), receive("ACK"), receive("BYE"),
               send(answer(200, "OK", tag=None)))
    phone = phone_for(bench)
    call = dial(phone)
    phone.event("ringing", call=call)
    phone.do(f"hangup {call}")
    wait_until(lambda: any(e.get("event") in ("ended", "failed") for e in phone.events), "the call is over")
    sipp_ends(bench, uas)


# ---- Join (RFC 3911) and Replaces (RFC 3891), both roles ----

def call_to_be_named(bench, phone):
    """A call between the phone and a peer, and how a third party names it to the phone."""
    other = Peer(PEER + 10)
    call = phone.do(f"call sip:zed@127.0.0.1:{PEER + 10}")["call"]
    invite = other.receive("INVITE")
    other.respond(invite, 200, "OK", other.sdp())
    other.receive("ACK")
    phone.event("answered", call=call)
    return other, call, f"{invite.get('Call-ID')};to-tag={invite.get('From').split('tag=')[1]};from-tag={other.tag}"


def test_join_as_callee(bench):
    """INVITE with Join: let in when the user says so, and all three are one conference."""
    phone = phone_for(bench)
    other, first, name = call_to_be_named(bench, phone)
    uac = caller(bench, send(request("INVITE", body=sdp(), headers=f"Join: {name}\nRequire: join"), retrans=500), receive(100, optional=True),
                 receive(180, optional=True), receive(200, header_check=("Supported", "join")), send(request("ACK")),
                 receive("BYE"), send(answer(200, "OK", tag=None, contact=False)))
    joiner = phone.event("incoming")
    equal(joiner["join"], str(first), "which call")
    phone.do(f"answer {joiner['call']}")
    phone.event("joined")
    equal([c["conference"] for c in phone.do("show calls")], [True, True], "one conference")
    phone.do(f"hangup {joiner['call']}")
    sipp_ends(bench, uac)
    other.nothing("BYE", 0.3)


def test_join_of_nothing(bench):
    """Join of no dialog: 481; of one beside Replaces: 400; where it is not allowed: 603."""
    phone = phone_for(bench, "set call.allow-join off")
    _, _, name = call_to_be_named(bench, phone)
    for number, (headers, status) in enumerate((("Join: x;to-tag=a;from-tag=b", 481), (f"Join: {name}\nReplaces: {name}", 400), (f"Join: {name}", 603))):
        sipp_ends(bench, caller(bench, send(request("INVITE", body=sdp(), headers=headers), retrans=500), receive(100, optional=True), receive(status),
                                send(request("ACK", branch="[branch-2]")), name=f"join{number}"))


DIALOG = ('<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:bob@127.0.0.1"><dialog id="x" call-id="c1" '
          'local-tag="lt" remote-tag="rt"><state>confirmed</state><local><target uri="sip:bob@127.0.0.1:{port}"/></local><remote>'
          '<identity>sip:carol@x.com</identity></remote></dialog></dialog-info>')


def test_join_as_caller(bench):
    """`join` sends the INVITE with Join and Require to the watched phone, which is sipp here."""
    watched = Peer(PEER)
    phone = phone_for(bench)
    phone.do(f"subscribe sip:bob@127.0.0.1:{PEER} package=dialog")
    subscribe = watched.receive("SUBSCRIBE")
    watched.respond(subscribe, 200, "OK", headers=["Expires: 600"])
    watched.request("NOTIFY", subscribe.get("Contact").split("<")[1].split(">")[0], subscribe.get("From"), f"{subscribe.get('To')};tag={watched.tag}",
                    subscribe.get("Call-ID"), 1, ("127.0.0.1", PHONE), headers=("Event: dialog", "Subscription-State: active;expires=600"), contact=True,
                    body=DIALOG.format(port=PEER), type="application/dialog-info+xml")
    phone.event("dialog-info", state="confirmed")
    watched.socket.close()
    uas = peer(bench, receive("INVITE", start_line_check(r"Join: *c1;to-tag=lt;from-tag=rt"), header_check=("Require", "join")), send(answer(180, "Ringing")),
               send(answer(200, "OK", sdp()), retrans=500), receive("ACK"), receive("BYE"), send(answer(200, "OK", tag=None)))
    call = phone.do(f"join sip:bob@127.0.0.1:{PEER}")["call"]
    phone.event("answered", call=call)
    phone.do(f"hangup {call}")
    phone.event("ended", call=call)
    sipp_ends(bench, uas)


def test_replaces_as_callee(bench):
    """INVITE with Replaces: answered at once, and the call that it names ends with BYE."""
    phone = phone_for(bench)
    other, first, name = call_to_be_named(bench, phone)
    uac = caller(bench, send(request("INVITE", body=sdp(), headers=f"Replaces: {name}\nRequire: replaces"), retrans=500), receive(100, optional=True),
                 receive(180, optional=True), receive(200), send(request("ACK")), receive("BYE"), send(answer(200, "OK", tag=None, contact=False)))
    other.respond(other.receive("BYE"), 200, "OK")
    phone.event("ended", call=first)
    phone.do("hangup")
    sipp_ends(bench, uac)
