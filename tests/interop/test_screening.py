"""Blocked callers, do not disturb, forwarding; all of it kept by `save`."""
from harness import check, equal, port_answers, wait_until
from wire import Peer

PHONE, PEER = 5070, 5080


def phone_for(bench, *lines, **options):
    phone = bench.phone(f"set sip.listen 127.0.0.1:{PHONE}", "set call.accept any", *lines, **options)
    wait_until(lambda: port_answers("127.0.0.1", PHONE), "the phone listens")
    return phone


def call(peer, number, user="bob"):
    call_id = f"s{peer.tag}{number}"
    peer.request("INVITE", f"sip:alice@127.0.0.1:{PHONE}", f"<sip:alice@127.0.0.1:{PHONE}>", f"<sip:{user}@127.0.0.1:{PEER}>;tag={peer.tag}", call_id, 1,
                 ("127.0.0.1", PHONE), body=peer.sdp())
    return call_id


def refused(peer, number, status, user="bob"):
    call_id = call(peer, number, user)
    answer = peer.receive(status)
    peer.send("\n".join([f"ACK sip:alice@127.0.0.1:{PHONE} SIP/2.0", f"Via: {answer.get('Via')}", f"From: {answer.get('From')}", f"To: {answer.get('To')}",
                         f"Call-ID: {call_id}", "CSeq: 1 ACK", "Content-Length: 0", "", ""]), ("127.0.0.1", PHONE))
    return answer


def test_status_answers_calls(bench):
    peer, phone = Peer(PEER), phone_for(bench)
    for number, (status, code, words) in enumerate([("dnd", 480, "Do Not Disturb"), ("offline", 480, "Offline"), ("busy", 486, "Busy Here")]):
        phone.do(f"status {status}")
        check(words in refused(peer, number, code).start, "the phrase")
        equal(phone.event("failed")["code"], code, "code")
    check(not any(e.get("event") == "incoming" for e in phone.events), "nobody is disturbed")
    phone.do("status available")
    call(peer, 9)
    peer.receive(180)
    phone.event("incoming")


def test_forward(bench):
    peer, phone = Peer(PEER), phone_for(bench)
    phone.do("forward always sip:carol@192.0.2.4")
    check("sip:carol@192.0.2.4" in refused(peer, 1, 302).get("Contact"), "Contact")
    event = phone.event("redirected")
    equal((event["target"], event["code"]), ("sip:carol@192.0.2.4", 302), "redirected")
    phone.do("forward always off")
    phone.do("forward noanswer sip:box@192.0.2.4 after=1s")
    call_id = call(peer, 2)
    peer.receive(180)
    check("sip:box@192.0.2.4" in peer.receive(302).get("Contact"), "nobody answers")
    phone.do("forward busy sip:mate@192.0.2.4")
    equal(len(phone.do("forward")), 2, "those that stand")
    phone.do("status busy")
    check("sip:mate@192.0.2.4" in refused(peer, 3, 302).get("Contact"), "busy")
    phone.do("forward off")
    refused(peer, 4, 486)
    check(call_id, "called")


def test_block_whatever_the_port(bench):
    peer, phone = Peer(PEER), phone_for(bench)
    phone.do("block *@127.0.0.1")
    refused(peer, 1, 603)
    phone.do("allow bob@127.0.0.1")
    call(peer, 2)
    peer.receive(180)


def test_requests_come_from_where_we_listen(bench):
    peer, phone = Peer(PEER), phone_for(bench)
    phone.do(f"subscribe sip:bob@127.0.0.1:{PEER}")
    check(f"<sip:offhook@127.0.0.1:{PHONE}>" in peer.receive("SUBSCRIBE").get("From"), "the one address we listen on")


def test_one_address_for_calls_and_messages(bench):
    """Without an account From is where we listen, the same in all: whoever calls or writes back gets here, and knows us as one."""
    peer, phone = Peer(PEER), phone_for(bench)
    for method, line in (("MESSAGE", "message sip:bob@127.0.0.1:{} hi"), ("INVITE", "call sip:bob@127.0.0.1:{}")):
        phone.ask(line.format(PEER))
        check(f"<sip:offhook@127.0.0.1:{PHONE}>" in peer.receive(method).get("From"), method)


def test_block(bench):
    peer, phone = Peer(PEER), phone_for(bench)
    phone.do("block *@127.0.0.1:*")
    refused(peer, 1, 603)
    equal(phone.event("blocked")["from"], f"sip:bob@127.0.0.1:{PEER}", "who")
    phone.do("allow carol")
    call(peer, 2, "carol")
    peer.receive(180)
    phone.do("allow *@127.0.0.1:*")
    call(peer, 3)
    peer.receive(180)
    phone.refused("block " + "x" * 300)


def test_block_whoever_it_says_it_is(bench):
    """An escaped character is that character (RFC 3261 19.1.4), and where From is anonymous the identity that our own proxy vouches for counts."""
    peer = Peer(PEER)
    phone = phone_for(bench, f"account add sip:alice@127.0.0.1:{PEER} proxy=sip:127.0.0.1:{PEER}")
    register = peer.receive("REGISTER")
    peer.respond(register, 200, "OK", headers=(f"Contact: {register.get('Contact')};expires=600",))
    phone.event("registered")
    phone.do("block bob")
    refused(peer, 1, 603, user="%62ob")
    equal(phone.event("blocked")["pattern"], "bob", "escaped")

    def anonymous(host, number, name):
        sender = peer if host == "127.0.0.1" else Peer(PEER, host)
        sender.request("INVITE", f"sip:alice@127.0.0.1:{PHONE}", f"<sip:alice@127.0.0.1:{PHONE}>", f"<sip:anonymous@anonymous.invalid>;tag={peer.tag}", number, 1,
                       ("127.0.0.1", PHONE), peer.sdp(), (f"P-Asserted-Identity: <sip:{name}@example.com>",))
        return sender
    anonymous("127.0.0.1", "p1", "bob").receive(603)
    equal(phone.event("blocked")["from"], "sip:bob@example.com", "asserted")
    anonymous("127.0.0.1", "p2", "carol").receive(180)
    anonymous("127.0.0.3", "p3", "bob").receive(180)  # no proxy of ours: what it asserts is nothing


def test_off_is_nobody(bench):
    """`block off` is no rule for somebody named off: it says how a block is taken back."""
    phone = phone_for(bench)
    for line in ("block off", "allow OFF"):
        check("PATTERN off` takes one back" in phone.refused(line)["message"], line)
    equal(phone.do("block"), [], "no rule was made")


def rules(phone):
    return [row["rule"] + " " + row["pattern"] for row in phone.do("block")]


def test_taken_back(bench):
    """Each rule goes as it came, and only that one; what a wider pattern has is let through and not only no longer blocked."""
    peer, phone = Peer(PEER), phone_for(bench)
    for line in ("block *", "block bob", "allow bob", "allow carol"):
        phone.do(line)
    equal(rules(phone), ["block *", "allow bob", "allow carol"], "a block within a wider one")
    call(peer, 1)
    peer.receive(180)
    phone.do("allow bob off")
    refused(peer, 2, 603)
    check("there is no `allow bob`" in phone.refused("allow bob off")["message"], "gone already")
    check("there is no `block carol`" in phone.refused("block carol off")["message"], "it is an allow")
    phone.do("block * off")
    equal(rules(phone), ["allow carol"], "what is left")
    call(peer, 3)
    peer.receive(180)


def test_saved(bench):
    phone = phone_for(bench, args=())
    for line in ("block +49900*", "allow bob", "forward noanswer sip:box@192.0.2.4 after=15s", "status away back at ten", "save"):
        phone.do(line)
    equal(phone.quit(), 0, "exit status")
    again = phone_for(bench, args=())
    equal([row["rule"] + " " + row["pattern"] for row in again.do("block")], ["block +49900*", "allow bob"], "rules")
    equal(again.do("forward"), [{"when": "noanswer", "target": "sip:box@192.0.2.4", "after": "15s"}], "forwards")
    equal(again.do("status"), {"state": "away", "text": "back at ten"}, "status")


def test_bound_to_every_address(bench):
    """Without an account and bound to 0.0.0.0: From, and Contact where there is one, still name where we are reached, with its port."""
    peer, phone = Peer(PEER), bench.phone(f"set sip.listen 0.0.0.0:{PHONE}", "set call.accept any")
    wait_until(lambda: port_answers("127.0.0.1", PHONE), "the phone listens")
    uri, here = f"sip:bob@127.0.0.1:{PEER}", f"127.0.0.1:{PHONE}"
    for method, line in (("OPTIONS", f"options {uri}"), ("SUBSCRIBE", f"subscribe {uri}"), ("MESSAGE", f"message {uri} hi"), ("INVITE", f"call {uri}"),
                         ("REFER", f"refer {uri} to=sip:carol@127.0.0.1:5999"), ("PUBLISH", f"request PUBLISH {uri}")):
        phone.process.stdin.write(f"{line}\n".encode())  # some are answered only when the peer has answered
        phone.process.stdin.flush()
        request = peer.receive(method)
        peer.respond(request, 603, "Decline")
        check(f"<sip:offhook@{here}>" in request.get("From"), f"From of {method}: {request.get('From')}")
        check(here in request.get("Via"), f"Via of {method}: {request.get('Via')}")
        if method in ("SUBSCRIBE", "REFER", "INVITE"):
            check(here in request.get("Contact"), f"Contact of {method}: {request.get('Contact')}")
        if method == "REFER":
            check(here in request.get("Referred-By"), "Referred-By")
