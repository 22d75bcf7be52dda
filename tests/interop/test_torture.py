"""
The messages of RFC 4475 and RFC 5118, byte for byte, to a running phone: the answer is one that tests/torture/answers.tsv and rfc5118.py permit, and
an OPTIONS right after it gets 200.
"""
import os

import rfc5118
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


def lives(other, phone, host, name):
    """Another peer asks, and is answered: whatever came before did no harm."""
    other.branches += 1
    number = other.branches
    at = f"[{host}]" if ":" in host else host
    other.send(f"OPTIONS sip:{at}:5070 SIP/2.0\nVia: SIP/2.0/UDP {at}:{other.port};branch=z9hG4bKlive{number};rport\nMax-Forwards: 70\nFrom: <sip:o@{at}>;tag=o{number}\n"
               f"To: <sip:{at}:5070>\nCall-ID: live{number}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n", (host, 5070))
    try:
        answer = other.receive(200)
    except Failed as failed:
        raise Failed(f"OPTIONS after {name}: {failed}")
    equal(answer.get("Call-ID"), f"live{number}", f"Call-ID of the 200 after {name}")
    check(phone.process.poll() is None, f"the phone lives after {name}")


def final_answer(peer):
    while True:
        message = peer.receive()
        if message.is_request:
            raise Failed(f"a request came: {message.start}")
        if message.status >= 180:
            return message


def send_one(peer, phone, raw, permitted, host="127.0.0.1"):
    peer.pending.clear()
    raw = raw.replace(b"192.0.2.59:5050", b"192.0.2.59:5060")  # but in one of them
    peer.socket.sendto(raw, (host, 5070))
    if permitted == ["none"]:
        return peer.nothing(None, 0.4)
    if permitted == ["any"]:
        return None
    answer = final_answer(peer)
    request = Message(raw, (host, 5070))
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
    other = Peer(5098)
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
        lives(other, phone, "127.0.0.1", name)
    equal(seen, {n for n in os.listdir(FOLDER) if n.endswith(".dat")}, "every message has its row")
    check(not faults, "; ".join(faults))


def send_5118(bench, host):
    """Each to a phone that has just begun: several of them have one branch and one Call-ID. @return what went wrong"""
    faults = []
    at = f"[{host}]" if ":" in host else host
    peers = {port: Peer(port, host) for port in (5060, 6050, 19823)}  # where the top Vias want their answers
    other = Peer(5098, host)
    for name, headers, body, permitted, port, why in rfc5118.MESSAGES:
        phone = bench.phone("set sip.listen 127.0.0.1:5070,[::1]:5070", "set call.accept any")
        phone.do("help")
        try:
            also = rfc5118.ALSO_OVER_IPV6.get(name, "") if ":" in host else ""
            send_one(peers[port], phone, rfc5118.text_of(headers, body), f"{permitted} {also}".split(), host)
        except Failed as failed:
            faults.append(f"{name} over {host} ({why}): {failed}")
        lives(other, phone, host, name)
        equal(phone.quit(), 0, f"exit status after {name}")
    return faults


def test_rfc_5118(bench):
    """The twelve IPv6 messages, over both families."""
    bench.need_namespace()
    equal(len(rfc5118.MESSAGES), 12, "messages")
    faults = send_5118(bench, "127.0.0.1")
    if os.path.exists("/proc/net/if_inet6"):
        faults += send_5118(bench, "::1")
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
    phone.event("answered")
    equal(phone.quit(), 0, "exit status")
