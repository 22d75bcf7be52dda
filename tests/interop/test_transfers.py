"""REFER and Replaces against a peer that says exactly what the test wants; transfers between phones, by proxies too."""
import re
import subprocess
import urllib.parse

from harness import OFFHOOK, check, equal, wait_until
from proxies import ALICE, BOB, start_trapezoid
from sessions import OTHER, PEER, PHONE, PHONE_AT, Dialog, phone_calls, start
from wire import Peer, Sniffer


# ---- REFER, as who is asked ----

def fragment(message):
    return message.body.split("\r\n")[0]


def refer(dialog, target, *headers):
    dialog.send("REFER", headers=(f"Refer-To: {target}", f"Referred-By: <sip:boss@127.0.0.1:{PEER}>", *headers))


def test_transfer_is_asked_about(bench):
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench)
    number, dialog = phone_calls(phone, peer)
    refer(dialog, f"<sip:other@127.0.0.1:{OTHER}>")
    peer.receive(202)
    notify = peer.receive("NOTIFY")
    equal(fragment(notify), "SIP/2.0 100 Trying", "the first NOTIFY")
    dialog.respond(notify, 200, "OK")
    asked = phone.event("transfer-request", call=number)
    equal(asked["target"], f"sip:other@127.0.0.1:{OTHER}", "whom")
    other.nothing("INVITE", 0.5)
    phone.do("refuse-transfer")
    notify = peer.receive("NOTIFY")
    equal(fragment(notify), "SIP/2.0 603 Declined", "refused")
    check(notify.get("Subscription-State").startswith("terminated"), "and over")
    dialog.respond(notify, 200, "OK")
    # The next one is accepted.
    refer(dialog, f"<sip:other@127.0.0.1:{OTHER}>")
    peer.receive(202)
    dialog.respond(peer.receive("NOTIFY"), 200, "OK")
    phone.event("transfer-request", call=number)
    phone.do("accept-transfer")
    invite = other.receive("INVITE")
    equal(invite.get("Referred-By"), f"<sip:boss@127.0.0.1:{PEER}>", "Referred-By")
    other.respond(invite, 180, "Ringing")
    notify = peer.receive("NOTIFY")
    equal(fragment(notify), "SIP/2.0 180 Ringing", "progress")
    dialog.respond(notify, 200, "OK")
    other.respond(invite, 200, "OK", other.sdp())
    other.receive("ACK")
    notify = peer.receive("NOTIFY")
    equal(fragment(notify), "SIP/2.0 200 OK", "the end")
    check(notify.get("Subscription-State").startswith("terminated"), "and over")
    dialog.respond(notify, 200, "OK")
    phone.event("transferred", call=number)
    # Who asked does not leave: then that call waits.
    hold = peer.receive("INVITE")
    check("a=sendonly" in hold.body, hold.body)
    dialog.respond(hold, 200, "OK", peer.sdp("recvonly", 2))
    dialog.send("BYE")
    equal(peer.receive(200).method, "BYE", "the end")


def test_who_asked_for_a_transfer_unsubscribes(bench):
    """RFC 3515 2.4.4: what a REFER made is refreshed and ended by SUBSCRIBE; no SUBSCRIBE makes such a subscription (403)."""
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench)
    number, dialog = phone_calls(phone, peer)
    refer(dialog, f"<sip:other@127.0.0.1:{OTHER}>")
    peer.receive(202)
    notify = peer.receive("NOTIFY")
    dialog.respond(notify, 200, "OK")
    for event in ("refer;id=4711", "refer"):
        dialog.send("SUBSCRIBE", headers=(f"Event: {event}", "Expires: 90"))
        if event == "refer":  # the only one may go without its number
            equal(peer.receive(200).get("Expires"), "90", "refreshed")
            dialog.respond(peer.receive("NOTIFY"), 200, "OK")
        else:
            peer.receive(403)
    dialog.send("SUBSCRIBE", headers=(f"Event: {notify.get('Event')}", "Expires: 0"))
    peer.receive(200)
    last = peer.receive("NOTIFY")
    check(last.get("Subscription-State").startswith("terminated"), last.get("Subscription-State"))
    dialog.respond(last, 200, "OK")
    dialog.send("SUBSCRIBE", headers=(f"Event: {notify.get('Event')}", "Expires: 90"))
    peer.receive(403)
    peer.request("SUBSCRIBE", dialog.target, f"<sip:phone@127.0.0.1:{PHONE}>", "<sip:x@127.0.0.1>;tag=x", "outside", 1, PHONE_AT, headers=("Event: refer",))
    peer.receive(403)
    # Nobody listens any more, but what was asked can still be done.
    phone.do("accept-transfer")
    other.respond(other.receive("INVITE"), 486, "Busy Here")
    equal(phone.event("transfer-failed", call=number)["code"], 486, "the outcome")
    peer.nothing("NOTIFY", 0.5)


def test_transfer_that_fails_goes_back(bench):
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench, "set call.follow-transfer on")
    number, dialog = phone_calls(phone, peer)
    refer(dialog, f"<sip:other@127.0.0.1:{OTHER}?Replaces=abc%3Bto-tag%3D1%3Bfrom-tag%3D2>")
    peer.receive(202)
    invite = other.receive("INVITE")
    equal((invite.get("Replaces"), "replaces" in invite.get("Require")), ("abc;to-tag=1;from-tag=2", True), "Replaces")
    other.respond(invite, 481, "Call/Transaction Does Not Exist")
    equal(phone.event("transfer-failed", call=number)["code"], 481, "the outcome")
    last = peer.receive("NOTIFY")
    while fragment(last).startswith("SIP/2.0 100"):
        dialog.respond(last, 200, "OK")
        last = peer.receive("NOTIFY")
    equal(fragment(last), "SIP/2.0 481 Call/Transaction Does Not Exist", "what is told")
    peer.nothing("INVITE", 0.5)  # it was not held for that
    equal([(c["call"], c["state"], c["selected"]) for c in phone.do("show calls") if c["state"] == "answered"], [(number, "answered", True)], "the old call is talked in")


def test_refer_is_checked(bench):
    peer, phone = Peer(PEER), start(bench)
    number, dialog = phone_calls(phone, peer)
    dialog.send("REFER")
    peer.receive(400)
    dialog.send("REFER", headers=("Refer-To: <sip:a@127.0.0.1>", "Refer-To: <sip:b@127.0.0.1>"))
    peer.receive(400)
    dialog.send("REFER", headers=("Refer-To: <http://example.com/>",))
    peer.receive(416)
    dialog.send("REFER", headers=("Refer-To: <sip:a@127.0.0.1;method=BYE>",))
    peer.receive(603)
    phone.do("set call.follow-transfer off")
    dialog.send("REFER", headers=("Refer-To: <sip:a@127.0.0.1>",))
    peer.receive(603)
    phone.do("set call.follow-transfer ask")
    # Without a subscription (RFC 4488), and outside of a call.
    dialog.send("REFER", headers=(f"Refer-To: <sip:other@127.0.0.1:{OTHER}>", "Refer-Sub: false"))
    equal(peer.receive(202).get("Refer-Sub"), "false", "no subscription")
    peer.nothing("NOTIFY", 0.5)
    phone.event("transfer-request", call=number)
    phone.do("refuse-transfer")
    peer.request("REFER", f"sip:phone@127.0.0.1:{PHONE}", f"<sip:phone@127.0.0.1:{PHONE}>", f"<sip:peer@127.0.0.1:{PEER}>;tag=r", "outside", 1, PHONE_AT, "",
                 (f"Refer-To: <sip:other@127.0.0.1:{OTHER}>",))
    peer.receive(202)
    equal(fragment(peer.receive("NOTIFY")), "SIP/2.0 100 Trying", "a NOTIFY")
    equal(phone.event("refer", direction="in")["target"], f"sip:other@127.0.0.1:{OTHER}", "told")
    phone.do("refuse-transfer")


def test_refer_of_a_stranger_waits(bench):
    """follow-transfer on means the other side of a call: a packet from anywhere does not make us call."""
    bench.need_namespace()
    peer, other = Peer(PEER, "192.0.2.1"), Peer(OTHER, "192.0.2.1")
    phone = start(bench, "set call.follow-transfer on", "set call.accept any", listen="192.0.2.4")
    peer.request("REFER", f"sip:phone@192.0.2.4:{PHONE}", f"<sip:phone@192.0.2.4:{PHONE}>", "<sip:peer@192.0.2.1>;tag=r", "outside", 1, ("192.0.2.4", PHONE), "",
                 (f"Refer-To: <sip:other@192.0.2.1:{OTHER}>",))
    peer.receive(202)
    phone.event("refer", direction="in")
    other.nothing("INVITE", 0.5)
    phone.do("accept-transfer")
    other.respond(other.receive("INVITE"), 486, "Busy Here")
    phone.event("transfer-failed")


def test_refers_that_wait_are_bounded_and_named(bench):
    """One host has four that wait, all have sixteen: a stranger's gives way to an honest one. Several that wait are named, and each may be chosen."""
    bench.need_namespace()
    phone = start(bench, "set call.accept any", listen="192.0.2.4")
    for host in range(10, 15):
        subprocess.run(["ip", "addr", "add", f"192.0.2.{host}/32", "dev", "lo"], check=True)
    strangers, count = [Peer(PEER, f"192.0.2.{host}") for host in range(10, 15)], 0
    for stranger in strangers:
        for _ in range(5):
            count += 1
            stranger.request("REFER", f"sip:phone@192.0.2.4:{PHONE}", f"<sip:phone@192.0.2.4:{PHONE}>", f"<sip:x@{stranger.host}>;tag=r{count}", f"refer{count}", 1,
                             ("192.0.2.4", PHONE), "", (f"Refer-To: <sip:a{count}@192.0.2.1:{OTHER}>",))
            answer = stranger.receive(486 if count % 5 == 0 else 202)
            if answer.status == 202:
                stranger.respond(stranger.receive("NOTIFY"), 200, "OK")
    # Twenty of five hosts: the four of the first had to go, and were told so.
    gone = [fragment(strangers[0].receive("NOTIFY")) for _ in range(4)]
    equal(gone, ["SIP/2.0 480 Temporarily Unavailable"] * 4, "the oldest")
    error = phone.refused("accept-transfer")["message"]
    check("16 transfers" in error and "request=6 to sip:a7@192.0.2.1" in error and "by sip:x@192.0.2.11" in error, f"the choices: {error}")
    other = Peer(OTHER, "192.0.2.1")
    phone.do("accept-transfer request=9")
    target = re.search(r"request=9 to (\S+)", error).group(1)
    check(other.receive("INVITE").start.startswith(f"INVITE {target}"), "the one that was chosen")
    phone.refused("accept-transfer request=99")
    phone.do("refuse-transfer request=8")


# ---- REFER, as who asks ----

def notify(dialog, refer_request, line, state="active;expires=60"):
    body = line + "\r\n"
    dialog.cseq += 1
    rows = [f"NOTIFY {dialog.target} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{dialog.peer.port};branch=z9hG4bKn{dialog.cseq}", "Max-Forwards: 70", f"From: {dialog.mine}",
            f"To: {dialog.theirs}", f"Call-ID: {dialog.call_id}", f"CSeq: {dialog.cseq} NOTIFY", f"Contact: <sip:peer@127.0.0.1:{dialog.peer.port}>",
            f"Event: refer;id={refer_request.get('CSeq').split()[0]}", f"Subscription-State: {state}", "Content-Type: message/sipfrag;version=2.0", f"Content-Length: {len(body)}"]
    dialog.peer.send(("\r\n".join([*rows, "", ""]) + body).encode(), PHONE_AT)
    equal(dialog.peer.receive(200).method, "NOTIFY", "the NOTIFY is answered")


def test_blind_transfer(bench):
    peer, phone = Peer(PEER), start(bench)
    number, dialog = phone_calls(phone, peer)
    phone.do("transfer sip:carol@127.0.0.1:9")
    request = peer.receive("REFER")
    equal(request.get("Refer-To"), "<sip:carol@127.0.0.1:9>", "Refer-To")
    check("offhook@" in request.get("Referred-By"), "Referred-By")
    dialog.respond(request, 202, "Accepted")
    notify(dialog, request, "SIP/2.0 180 Ringing")
    equal(phone.event("transfer-progress", call=number)["code"], 180, "progress")
    notify(dialog, request, "SIP/2.0 486 Busy Here", "terminated;reason=noresource")
    equal(phone.event("transfer-failed", call=number)["code"], 486, "it failed")
    equal(phone.get("call.state"), "answered", "our call goes on")
    phone.do("transfer sip:dave@127.0.0.1:9")
    request = peer.receive("REFER")
    dialog.respond(request, 202, "Accepted")
    notify(dialog, request, "SIP/2.0 200 OK", "terminated;reason=noresource")
    phone.event("transferred", call=number)
    dialog.respond(peer.receive("BYE"), 200, "OK")
    phone.event("ended", call=number)


def test_transfer_left_untold(bench):
    """baresip that ends in mid-ringing ends the subscription by a NOTIFY that still says 100: how the call ended nobody knows, and no code is made up."""
    peer, phone = Peer(PEER), start(bench)
    number, dialog = phone_calls(phone, peer)
    phone.do("transfer sip:carol@127.0.0.1:9")
    request = peer.receive("REFER")
    dialog.respond(request, 202, "Accepted")
    notify(dialog, request, "SIP/2.0 100 Trying")
    notify(dialog, request, "SIP/2.0 100 Trying", "terminated;reason=noresource")
    event = phone.event("transfer-failed", call=number)
    equal((event.get("code"), event.get("cause"), event["reason"]), (None, None, "nothing more was told of it after 100 Trying"), "what is told")


def test_attended_transfer(bench):
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench)
    first, one = phone_calls(phone, peer)
    second = phone.do(f"call sip:other@127.0.0.1:{OTHER}")["call"]
    hold = peer.receive("INVITE")
    one.respond(hold, 200, "OK", peer.sdp("recvonly", 2))
    invite = other.receive("INVITE")
    two = Dialog(other, invite)
    two.respond(invite, 200, "OK", other.sdp())
    other.receive("ACK")
    phone.event("answered", call=second)
    phone.do(f"transfer with={second} call={first}")
    request = peer.receive("REFER")
    target = re.match(r"<(.*)\?Replaces=(.*)>", request.get("Refer-To"))
    equal(urllib.parse.unquote(target.group(2)), f"{invite.get('Call-ID')};to-tag={other.tag};from-tag={invite.get('From').split('tag=')[1]}", "Replaces")
    equal(target.group(1), f"sip:peer@127.0.0.1:{OTHER}", "the Contact of whom it replaces us with")
    one.respond(request, 202, "Accepted", headers=("Refer-Sub: false",))
    phone.event("transferred", call=first)
    one.respond(peer.receive("BYE"), 200, "OK")


def test_attended_transfer_to_who_knows_no_replaces(bench):
    """The transferred call came to him as another one, and he keeps ours: we end it."""
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench, "set call.auto-hold off")
    first, one = phone_calls(phone, peer)
    second, two = phone_calls(phone, other)
    phone.do(f"transfer with={second} call={first}")
    request = peer.receive("REFER")
    one.respond(request, 202, "Accepted")
    notify(one, request, "SIP/2.0 100 Trying")
    notify(one, request, "SIP/2.0 200 OK", "terminated;reason=noresource")
    phone.event("transferred", call=first)
    one.respond(peer.receive("BYE"), 200, "OK")
    two.respond(other.receive("BYE"), 200, "OK")
    equal(phone.event("ended", call=second)["by"], "us", "who ended the call with him")


def test_refer_outside_of_calls(bench):
    peer, phone = Peer(PEER), start(bench)
    phone.do(f"refer sip:desk@127.0.0.1:{PEER} to=sip:bob@127.0.0.1:9")
    request = peer.receive("REFER")
    equal(request.get("Refer-To"), "<sip:bob@127.0.0.1:9>", "Refer-To")
    peer.respond(request, 603, "Decline")
    event = phone.event("refer", direction="out")
    equal((event["code"], event["target"], event["cause"]), (603, "sip:bob@127.0.0.1:9", "refused"), "refused")


def test_a_script_ends_with_what_became_of_its_refer(bench):
    """A REFER that is refused is the script's failure; one that is taken without news (RFC 4488) or waited for is none."""
    peer = Peer(PEER)
    line = f"refer sip:desk@127.0.0.1:{PEER} to=sip:bob@127.0.0.1:9"
    for answer, headers, more, status, words in ((603, (), [], 4, "will not call"), (202, ("Refer-Sub: false",), [], 0, ""),
                                                 (603, (), ["wait refer code=603 within=30s", "echo $code"], 0, "")):
        path = bench.write("refer.call", "\n".join(["set sip.listen 127.0.0.1:0", line, *more, ""]))
        script = subprocess.Popen([OFFHOOK, "-n", "-f", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=bench.environment())
        bench.processes.append(script)
        peer.respond(peer.receive("REFER"), answer, "Answered", headers=headers)
        out, errors = script.communicate(timeout=20)
        equal(script.returncode, status, f"exit status of {answer} {more}: {errors}")
        check(words in errors and ("603" in out) == bool(more), f"{out} {errors}")


def test_silence_is_told_as_such(bench):
    """Who accepts a REFER and sends no NOTIFY has answered; who does not answer a re-INVITE has not said 408."""
    peer = Peer(PEER)
    phone = start(bench, "set sip.t1 10ms")
    number, dialog = phone_calls(phone, peer)
    phone.do(f"refer sip:desk@127.0.0.1:{PEER} to=sip:bob@127.0.0.1:9")
    peer.respond(peer.receive("REFER"), 202, "Accepted")
    phone.do("transfer sip:bob@127.0.0.1:9")
    dialog.respond(peer.receive("REFER"), 202, "Accepted")
    for event in (phone.event("refer", direction="out"), phone.event("transfer-failed", call=number)):
        equal((event["cause"], event["reason"]), ("timeout", "it was accepted, but no NOTIFY came"), "what is told of a REFER")
    phone.do("hold")
    event = phone.event("reinvite", direction="out")
    equal((event["code"], event["cause"], event["reason"]), (408, "timeout", "nobody answered"), "what is told of a re-INVITE")
    equal(phone.event("ended", call=number)["cause"], "timeout", "the end")


# ---- Replaces ----

def test_replaces(bench):
    peer, other, phone = Peer(PEER), Peer(OTHER), start(bench, auto=False)
    number, dialog = phone_calls(phone, peer)
    ours = dialog.theirs.split("tag=")[1]
    whole = f"{dialog.call_id};to-tag={ours};from-tag={peer.tag}"

    def invite(name, value):
        other.request("INVITE", f"sip:phone@127.0.0.1:{PHONE}", f"<sip:phone@127.0.0.1:{PHONE}>", f"<sip:other@127.0.0.1:{OTHER}>;tag={other.tag}", name, 1, PHONE_AT,
                      other.sdp(), (f"Replaces: {value}", "Require: replaces"))

    invite("r1", f"{dialog.call_id};to-tag=x;from-tag={peer.tag}")
    other.receive(481)
    invite("r2", whole + ";early-only")
    other.receive(486)
    invite("r3", "rubbish")
    other.receive(400)
    invite("r4", whole)
    ok = other.receive(200)
    taken = Dialog(other, call_id="r4")
    taken.answered(ok)
    taken.ack(cseq=1)
    dialog.respond(peer.receive("BYE"), 200, "OK")
    phone.event("transferred", call=number)
    phone.event("ended", call=number)
    equal(phone.event("answered")["from"], f"sip:other@127.0.0.1:{OTHER}", "whom we talk to")


# ---- three phones ----

def three(bench, *lines):
    phones = [start(bench, *lines, port=port, auto=port != PHONE) for port in (PHONE, PEER, OTHER)]
    phones[0].do("set call.auto-hold on")
    return phones


def test_three_phones_blind(bench):
    alice, bob, carol = three(bench, "set call.follow-transfer on")
    call = alice.do(f"call sip:bob@127.0.0.1:{PEER}")["call"]
    alice.event("answered", call=call)
    alice.do(f"transfer sip:carol@127.0.0.1:{OTHER}")
    alice.event("transferred", call=call)
    alice.event("ended", call=call)
    carol.event("answered")
    bob.event("transferred")
    wait_until(lambda: bob.get("calls.count") == "1" and carol.get("calls.count") == "1", "bob talks to carol alone")
    carol.event("media")


def test_three_phones_attended(bench):
    alice, bob, carol = three(bench, "set call.follow-transfer on")
    first = alice.do(f"call sip:bob@127.0.0.1:{PEER}")["call"]
    alice.event("answered", call=first)
    second = alice.do(f"call sip:carol@127.0.0.1:{OTHER}")["call"]
    alice.event("answered", call=second)
    alice.do(f"transfer with={second} call={first}")
    alice.event("transferred", call=first)
    for call in (first, second):
        alice.event("ended", call=call)
    carol.event("transferred")
    wait_until(lambda: alice.get("calls.count") == "0" and bob.get("calls.count") == "1" and carol.get("calls.count") == "1", "bob and carol talk alone")
    equal(bob.get("call.state"), "answered", "bob's call")
    equal(carol.get("call.state"), "answered", "carol's call")


def trapezoid_phones(bench, transport):
    """alice@atlanta.com, bob and carol at biloxi.com, all registered."""
    phones = []
    for user, domain, listen in (("alice", "atlanta.com", f"{ALICE}:5060"), ("bob", "biloxi.com", f"{BOB}:5060"), ("carol", "biloxi.com", f"{BOB}:5064")):
        account = f"sip:{user}@{domain} proxy=sip:{domain};transport={transport} transport={transport} password=secret"
        secure = [f"set tls.ca {bench.path('ca.pem')}"] if transport == "tls" else []
        if secure:
            account = f"sips:{user}@{domain} proxy=sips:{domain} password=secret"
        phone = bench.phone(f"set sip.listen {listen}", "set media.codecs PCMU", "set call.follow-transfer on", *secure,
                            *(["set call.auto-answer on"] if user != "alice" else []), f"account add {account}")
        phone.event("registered")
        phones.append(phone)
    return phones


def transfers_over_proxies(bench, transport):
    """Blind, then attended, through both proxies, with record-routing and digest."""
    secure = transport == "tls"
    start_trapezoid(bench, "RECORD_ROUTE", "DIGEST", *(["TLS"] if secure else []), tls=secure)
    alice, bob, carol = trapezoid_phones(bench, transport)
    sniffer = Sniffer()
    scheme = "sips" if secure else "sip"
    call = alice.do(f"call {scheme}:bob@biloxi.com")["call"]
    alice.event("answered", call=call)
    alice.do(f"transfer {scheme}:carol@biloxi.com")
    alice.event("transferred", call=call)
    alice.event("ended", call=call)
    carol.event("answered")
    wait_until(lambda: bob.get("calls.count") == "1" and carol.get("calls.count") == "1", "bob talks to carol alone")
    bob.do("hangup")
    wait_until(lambda: bob.get("calls.count") == "0" and carol.get("calls.count") == "0", "they hang up")
    first = alice.do(f"call {scheme}:bob@biloxi.com")["call"]
    alice.event("answered", call=first)
    second = alice.do(f"call {scheme}:carol@biloxi.com")["call"]
    alice.event("answered", call=second)
    alice.do(f"transfer with={second} call={first}")
    alice.event("transferred", call=first)
    for number in (first, second):
        alice.event("ended", call=number)
    carol.event("transferred")
    wait_until(lambda: alice.get("calls.count") == "0" and bob.get("calls.count") == "1" and carol.get("calls.count") == "1", "bob and carol talk alone")
    if secure:
        equal([str(m) for m in sniffer.messages], [], "SIP that can be read on the wire")


def test_transfers_over_proxies_udp(bench):
    transfers_over_proxies(bench, "udp")


def test_transfers_over_proxies_tcp(bench):
    transfers_over_proxies(bench, "tcp")


def test_transfers_over_proxies_tls(bench):
    transfers_over_proxies(bench, "tls")
