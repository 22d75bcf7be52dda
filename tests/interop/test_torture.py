"""RFC 4475's messages, byte for byte, to a running phone: the answer is one that tests/torture/answers.tsv permits, and the phone lives."""
import os

from harness import TOP, Failed, Skip, check, equal
from wire import Message, Peer

FOLDER = os.environ.get("OFFHOOK_TORTURE", "")


def rows():
    for line in open(os.path.join(TOP, "tests", "torture", "answers.tsv")):
        if not line.startswith("#") and line.strip():
            yield [word.strip() for word in line.rstrip("\n").split("\t")]


def acknowledge(peer, request, answer):
    """The ACK of a refusal; without it the phone would repeat its answer into the next message's test."""
    peer.send("\n".join([f"ACK {request.start.split()[1]} SIP/2.0", f"Via: {answer.all('Via')[0]}", f"From: {answer.get('From')}", f"To: {answer.get('To')}",
                         f"Call-ID: {answer.get('Call-ID')}", f"CSeq: {answer.get('CSeq').split()[0]} ACK", "Content-Length: 0", "", ""]), request.source)


def final_answer(peer):
    while True:
        message = peer.receive(within=3)
        if message.is_request:
            raise Failed(f"a request came: {message.start}")
        if message.status >= 180:
            return message


def send_one(peer, phone, raw, permitted):
    peer.pending.clear()
    raw = raw.replace(b"192.0.2.59:5050", b"192.0.2.59:5060")  # but in one of them
    peer.socket.sendto(raw, ("127.0.0.1", 5070))
    if permitted == ["none"]:
        return peer.nothing(None, 0.4)
    if permitted == ["any"]:
        return None
    answer = final_answer(peer)
    request = Message(raw, ("127.0.0.1", 5070))
    if answer.status == 180:
        check("ring" in permitted, f"it rings, permitted: {permitted}")
        phone.do("-reject 486")
        acknowledge(peer, request, peer.receive(486))
    else:
        if request.method == "INVITE":
            acknowledge(peer, request, answer)
        check(str(answer.status) in permitted, f"answer {answer.start!r}, permitted: {permitted}")
    if answer.status == 420:
        check("nothingSupportsThis" in answer.get("Unsupported"), "Unsupported names it")
    if answer.status == 405:
        check("INVITE" in answer.get("Allow"), "405 has Allow")
    if answer.status == 415:
        check("application/sdp" in answer.get("Accept"), "415 has Accept")
    equal(answer.get("Call-ID"), request.get("Call-ID"), "Call-ID")
    return None


def test_rfc_4475(bench):
    if not os.path.isdir(FOLDER):
        raise Skip("OFFHOOK_TORTURE names no folder with the messages")
    bench.need_namespace()
    peer = Peer(5060)  # the Vias have no rport: answers go to the port of sent-by, which is this one
    phone = bench.phone("set sip.listen 127.0.0.1:5070", "set call.accept any")
    phone.do("help")
    seen, faults = set(), []
    for name, settings, permitted, why in rows():
        seen.add(name)
        for setting in settings.split(";"):
            if setting:
                phone.do("set " + setting)
        raw = open(os.path.join(FOLDER, name), "rb").read()
        try:
            send_one(peer, phone, raw, permitted.split())
        except Failed as failed:
            faults.append(f"{name} ({why[:10]}): {failed}")
        check(phone.process.poll() is None, f"the phone lives after {name}")
        phone.do("get calls.count")
    equal(seen, {n for n in os.listdir(FOLDER) if n.endswith(".dat")}, "every message has its row")
    check(not faults, "; ".join(faults))


def test_prefixes(bench):
    """Every eighth prefix of every message: no answer is asked for, only that the phone lives and still makes calls."""
    if not os.path.isdir(FOLDER):
        raise Skip("OFFHOOK_TORTURE names no folder with the messages")
    peer = Peer(5099)
    phone = bench.phone("set sip.listen 127.0.0.1:5070", "set call.accept any", "set call.max 1")
    for name in sorted(os.listdir(FOLDER)):
        raw = open(os.path.join(FOLDER, name), "rb").read()
        for n in range(0, len(raw), 8):
            peer.socket.sendto(raw[:n], ("127.0.0.1", 5070))
    phone.do("-hangup all")
    phone.do("set call.max 10")
    phone.do("call echo")
    phone.event("answered", within=10)
    equal(phone.quit(), 0, "exit status")
