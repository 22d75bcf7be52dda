"""MESSAGE and "is typing": both ways, what is refused, what is too long, a chat at the prompt."""
import subprocess

from harness import OFFHOOK, check, equal, port_answers, wait_until
from wire import Peer

PHONE, PEER, OTHER = 5070, 5080, 5090
TYPING = ('<?xml version="1.0"?><isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>{}</state><refresh>60</refresh>'
          '</isComposing>')


def phone_for(bench, *lines, port=PHONE):
    phone = bench.phone(f"set sip.listen 127.0.0.1:{port}", "set call.accept any", *lines)
    wait_until(lambda: port_answers("127.0.0.1", port), "the phone listens")
    return phone


def message(peer, number, body, type="text/plain", headers=(), port=PHONE, who="bob"):
    rows = [f"MESSAGE sip:alice@127.0.0.1:{port} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{PEER};branch=z9hG4bKm{peer.tag}{number}", "Max-Forwards: 70",
            f"From: \"{who.title()}\" <sip:{who}@127.0.0.1:{PEER}>;tag={peer.tag}", f"To: <sip:alice@127.0.0.1:{port}>", f"Call-ID: m{peer.tag}{number}",
            "CSeq: 1 MESSAGE", *([f"Content-Type: {type}"] if type else []), *headers]
    body = body if isinstance(body, bytes) else body.encode()
    rows.append(f"Content-Length: {len(body)}")
    peer.send("\r\n".join([*rows, "", ""]).encode() + body, ("127.0.0.1", port))


def test_sent_and_answered(bench):
    peer = Peer(PEER)
    phone = phone_for(bench)
    result = phone.do(f'message sip:bob@127.0.0.1:{PEER} grüß "dich" $$5')
    request = peer.receive("MESSAGE")
    equal(request.body, 'grüß "dich" $5', "body")
    equal(request.get("Content-Type"), "text/plain;charset=UTF-8", "type")
    check(request.get("Contact") is None, "MESSAGE has no Contact (RFC 3428 4)")
    peer.respond(request, 202, "Accepted")
    sent = phone.event("message-sent")
    equal((sent["code"], sent["message"], sent["to"]), (202, result["message"], f"sip:bob@127.0.0.1:{PEER}"), "message-sent")
    phone.do(f"msg sip:bob@127.0.0.1:{PEER} again")
    peer.respond(peer.receive("MESSAGE"), 404, "Not Found")
    failed = phone.event("message-failed")
    equal((failed["code"], failed["reason"], failed["cause"]), (404, "Not Found", "refused"), "message-failed")
    states = [row["state"] for row in phone.do("inbox")]
    equal(states, ["sent", "failed"], "the inbox")
    equal(phone.quit(), 0, "exit status")


def test_received(bench):
    peer = Peer(PEER)
    phone = phone_for(bench)
    for number, (body, type, text) in enumerate([
            ("hello", "text/plain", "hello"), ("a\r\nb", "text/plain;charset=utf-8", "a b"), (b"gr\xfc\xdf", "text/plain;charset=\"ISO-8859-1\"", "grüß"),
            (b"\xff\x1b[31m", "text/plain", "??[31m"), ("plain", None, "plain")]):
        message(peer, f"r{number}", body, type)
        equal(peer.receive(200).get("Contact"), None, "a 200 to MESSAGE has no Contact")
        event = phone.event("message")
        equal(event["text"], text, type)
        equal((event["from"], event["name"]), (f"sip:bob@127.0.0.1:{PEER}", "Bob"), "who")
    check("a\nb" in [row["text"] for row in phone.do("inbox")], "the inbox keeps lines")
    for number, (body, type, headers) in enumerate([("<p>x</p>", "text/html", ()), ("x", "text/plain;charset=koi8-r", ()),
                                                    ("x", "text/plain", ("Content-Encoding: gzip",))]):
        message(peer, f"u{number}", body, type, headers)
        refused = peer.receive(415)
        check("text/plain" in refused.get("Accept"), "415 says what is taken")
    equal(phone.quit(), 0, "exit status")


def test_strangers_do_not_write(bench):
    """call.accept known: once there is an account only its user is reached."""
    peer = Peer(PEER)
    phone = phone_for(bench, "set call.accept known", "account add sip:carol@127.0.0.1 registrar=none")
    message(peer, 1, "buy this")
    peer.receive(404)
    phone.do("account add sip:alice@127.0.0.1 registrar=none")
    message(peer, 2, "hello alice")
    peer.receive(200)
    equal(phone.event("message")["account"], "alice@127.0.0.1", "account")


def test_typing(bench):
    peer = Peer(PEER)
    phone = phone_for(bench)
    message(peer, 1, TYPING.format("active"), "application/im-iscomposing+xml")
    peer.receive(200)
    equal(phone.event("typing")["state"], "active", "state")
    message(peer, 2, TYPING.format("idle"), "application/im-iscomposing+xml")
    peer.receive(200)
    equal(phone.event("typing")["state"], "idle", "state")
    message(peer, 3, "<!DOCTYPE x [<!ENTITY y 'z'>]><isComposing/>", "application/im-iscomposing+xml")
    peer.receive(400)
    equal(phone.quit(), 0, "exit status")


def test_too_long_for_udp(bench):
    """RFC 3428 8: beyond 1300 bytes by TCP or not at all."""
    peer = Peer(PEER)
    phone = phone_for(bench)
    phone.do(f"message sip:bob@127.0.0.1:{PEER} " + "x" * 2000)
    failed = phone.event("message-failed")
    check("too long for UDP" in failed["reason"], failed["reason"])
    peer.nothing("MESSAGE", 0.3)
    other = phone_for(bench, port=OTHER)
    phone.do(f"message sip:bob@127.0.0.1:{OTHER} " + "y" * 6000)
    equal(len(other.event("message")["text"]), 6000, "its length")
    phone.event("message-sent")
    phone.refused(f"message sip:bob@127.0.0.1:{OTHER} " + "z" * 40000)


def test_inside_a_call(bench):
    """A MESSAGE within the dialog of a call is taken like any other."""
    alice, bob = phone_for(bench), phone_for(bench, "set call.auto-answer on", port=OTHER)
    alice.do(f"call sip:bob@127.0.0.1:{OTHER}")
    alice.event("answered")
    peer = Peer(PEER)
    call = bob.event("incoming")
    trace = bob.do("trace text")["text"] if isinstance(bob.do("trace text"), dict) else ""
    tags = [line.split("tag=")[1].split(";")[0].strip() for line in trace.splitlines() if line.startswith(("To:", "From:")) and "tag=" in line]
    rows = [f"MESSAGE sip:bob@127.0.0.1:{OTHER} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{PEER};branch=z9hG4bKin", "Max-Forwards: 70",
            f"From: <sip:alice@127.0.0.1>;tag={tags[0]}", f"To: <sip:bob@127.0.0.1>;tag={next(t for t in tags if t != tags[0])}",
            f"Call-ID: {call['callid']}", "CSeq: 90 MESSAGE", "Content-Type: text/plain", "Content-Length: 6", "", "inside"]
    peer.send("\r\n".join(rows).encode(), ("127.0.0.1", OTHER))
    peer.receive(200)
    equal(bob.event("message")["text"], "inside", "text")


def test_why_of_a_message(bench):
    """`why` of a message says what the refusal means and when it may be tried again; where nobody is, what to look at."""
    peer, phone = Peer(PEER), phone_for(bench)
    phone.do(f"message sip:bob@127.0.0.1:{PEER} hello")
    peer.respond(peer.receive("MESSAGE"), 503, "Service Unavailable", headers=("Retry-After: 120 (we are asleep)",))
    phone.event("message-failed")
    equal(phone.do("why")["text"], f"MESSAGE to sip:bob@127.0.0.1:{PEER}: 503 Service Unavailable. The server is overloaded or being maintained; "
                                   "try later. It asks to try again in 120 s.", "a server that is asleep")
    phone.do(f"message sip:bob@127.0.0.1:{OTHER} hello")
    phone.event("message-failed")
    text = phone.do("why")["text"]
    check("no way there, or nothing listens. Check the address" in text and "503" not in text and ".." not in text, text)


def test_scripts_end_with_what_became_of_them(bench):
    peer = Peer(PEER)
    where = f"sip:bob@127.0.0.1:{OTHER}"
    listen = "set sip.listen 127.0.0.1:0"
    status, _, errors = bench.script(listen, f"message {where} hello")
    equal(status, 4, "a message that nobody took")
    check("not delivered" in errors, errors)
    status, out, _ = bench.script(listen, f"message {where} hello", "wait message-failed within=30s", "inbox")
    check("(not delivered: no way there, or nothing listens): hello" in out, f"nobody has said a code: {out}")
    status, out, _ = bench.script(listen, f"message {where} hello", "wait message-failed within=30s", "echo $code")
    equal((status, out.strip()), (0, "503"), "a failure that was waited for")
    status, _, _ = bench.script(listen, f"message {where} hello", "wait message-sent within=30s")
    equal(status, 4, "a wait that has become hopeless")
    done = subprocess.Popen([OFFHOOK, "-n", "message", f"sip:bob@127.0.0.1:{PEER}", "from the shell"], stdin=subprocess.DEVNULL, env=bench.environment())
    request = peer.receive("MESSAGE")
    equal(request.body, "from the shell", "body")
    peer.respond(request, 200, "OK")
    equal(done.wait(30), 0, "exit status")


def test_the_inbox_is_searched(bench):
    """By a part of the text, the name or the address; no more than the newest; neither counts as seen."""
    peer, phone = Peer(PEER), phone_for(bench)
    for number, (who, words) in enumerate((("ann", "lunch today?"), ("ben", "no, LUNCH tomorrow"), ("ann", "fine"), ("ben", "bring bread"))):
        message(peer, number, words, who=who)
        peer.receive(200)

    def texts(line):
        return [row["text"] for row in phone.do(line)]

    equal(texts("inbox match=lunch"), ["lunch today?", "no, LUNCH tomorrow"], "by the text, large or small")
    equal(texts("inbox match=Ben"), ["no, LUNCH tomorrow", "bring bread"], "by the name")
    equal(texts("inbox match=ann@"), ["lunch today?", "fine"], "by the address")
    equal(texts("inbox last=2"), ["fine", "bring bread"], "the newest, oldest first")
    equal(texts(f"inbox sip:ann@127.0.0.1:{PEER} last=1"), ["fine"], "the newest with her")
    equal(texts("inbox match=lunch last=1"), ["no, LUNCH tomorrow"], "the newest of those found")
    equal(phone.do("inbox match=dinner"), [], "none")
    equal([row["seen"] for row in phone.do("inbox")], [False] * 4, "who searches has not seen the others")
    equal([row["seen"] for row in phone.do("inbox")], [True] * 4, "who looks has")


def test_chat(bench):
    peer = Peer(PEER)
    lines = [f"set sip.listen 127.0.0.1:{PHONE}", f"chat sip:bob@127.0.0.1:{PEER}", '  from=x "a $y', "//slash", "/echo command", "/close", "echo over", ""]
    process = subprocess.Popen([OFFHOOK, "-n", "--plain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=bench.environment())
    bench.processes.append(process)
    process.stdin.write("\n".join(lines))
    process.stdin.flush()
    first = peer.receive("MESSAGE")
    peer.respond(first, 200, "OK")
    second = peer.receive("MESSAGE")
    peer.respond(second, 200, "OK")
    equal((first.body, second.body), ('  from=x "a $y', "/slash"), "lines as typed")
    out, _ = process.communicate(timeout=10)
    check("command\nover\n" in out, out)
    equal(process.returncode, 0, "exit status")


def test_flood(bench):
    """Ten thousand messages: bounded, and the phone goes on."""
    peer = Peer(PEER)
    phone = phone_for(bench)
    before = rss(phone)
    for number in range(10000):
        message(peer, f"f{number}", "x" * 900)
        if number % 50 == 49:
            drain(peer)
    wait_until(lambda: phone.do("get calls.count") is not None, "an answer")
    check(len(phone.do("inbox")) <= 1000, "the inbox is bounded")
    check(rss(phone) - before < 150000, f"memory grew from {before} to {rss(phone)} kB")
    equal(phone.quit(), 0, "exit status")


def rss(phone):
    with open(f"/proc/{phone.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def drain(peer):
    peer.socket.settimeout(0.05)
    try:
        while True:
            peer.socket.recvfrom(65536)
    except OSError:
        pass
