"""`trace save` as tshark reads it: two phones, SIP by TCP, sound encrypted on the wire and plain in the file; secrets masked."""
import os
import subprocess

from certificates import make_ca, make_certificate
from harness import check, equal, need, port_answers, wait_until

ALICE, BOB = 5070, 5080


def tshark(path, *args):
    done = subprocess.run(["tshark", "-r", path, *args], capture_output=True, text=True, timeout=60)
    equal(done.returncode, 0, f"tshark: {done.stderr[-300:]}")
    return done.stdout


def fields(path, shown, *names):
    args = [word for name in names for word in ("-e", name)]
    return [line.split("\t") for line in tshark(path, "-Y", shown, "-T", "fields", *args).splitlines()]


def call(bench, *alice_lines):
    bob = bench.phone(f"set sip.listen 127.0.0.1:{BOB}", "set audio.input tone:660", "set call.auto-answer on", "set media.encryption optional")
    alice = bench.phone(f"set sip.listen 127.0.0.1:{ALICE}", "set audio.input tone:440", "set media.encryption required", "set sip.transport tcp", *alice_lines)
    alice.do(f"call sip:bob@127.0.0.1:{BOB}")
    alice.do("wait answered within=30s")
    alice.do("wait media within=30s")
    bob.event("media")
    return alice, bob


def test_trace_save(bench):
    need("tshark")
    alice, _ = call(bench)
    alice.do("sleep 1s")
    alice.do("hangup")
    alice.do("wait ended within=30s")
    alice.do("sleep 200ms")
    path = bench.path("call.pcap")
    result = alice.do(f"trace save {path} call=1 rtp=all")
    equal(os.stat(path).st_mode & 0o777, 0o600, "mode")
    sip = fields(path, "sip", "sip.Method", "sip.Status-Code", "udp.srcport", "udp.checksum.status", "frame.time_epoch")
    requests = [row[0] for row in sip if row[0]]
    answers = [row[1] for row in sip if row[1]]
    equal(requests, ["INVITE", "ACK", "BYE"], "requests")
    equal([a for a in answers if a != "180"], ["100", "200", "200"], "answers")
    check(all(row[2] in (str(ALICE), str(BOB)) or int(row[2]) > 1024 for row in sip), f"ports {sip}")
    times = [float(row[4]) for row in fields(path, "udp", "udp.port", "udp.port", "udp.port", "udp.port", "frame.time_epoch")]
    check(times == sorted(times), "packets in the order of their times")
    bad = tshark(path, "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y", "udp.checksum.status == 0 || ip.checksum.status == 0")
    equal(bad, "", "wrong checksums")
    equal(tshark(path, "-Y", "_ws.malformed"), "", "malformed packets")
    # Announced by the SDP of the messages before them, and decrypted: Opus in both directions, no packet missing.
    streams = [line.split() for line in tshark(path, "-q", "-z", "rtp,streams").splitlines() if "0x" in line]
    equal(len(streams), 2, f"streams {streams}")
    check(all("opus" in line and int(line[line.index("opus") + 1]) >= 40 for line in streams), f"streams {streams}")
    check(all(line[line.index("opus") + 2] == "0" for line in streams), f"lost {streams}")
    equal(result["packets"], len(times), "packets")
    # Neither the keys nor what was said with them in messages.
    whole = open(path, "rb").read()
    check(b"a=crypto:" in whole and b"inline:xxxx" in whole, "keys are masked")
    headers = bench.path("headers.pcap")
    alice.do(f"trace save {headers} rtp=headers")
    check(os.path.getsize(headers) < len(whole) / 2, "headers are less")
    equal(len(fields(headers, "rtp", "rtp.seq")), len(fields(path, "rtp", "rtp.seq")), "headers of all packets")
    plain = bench.path("plain.pcap")
    equal(len(fields(path, "sip", "sip.Call-ID")), alice.do(f"trace save {plain} call=1")["packets"], "messages alone")
    # Nothing is written over, and what cannot be written is told.
    error = alice.refused(f"trace save {path}")
    equal((error["code"], error["data"]["reason"]), (6, "exists"), "an existing file")
    equal(open(path, "rb").read(), whole, "the file stays")
    equal(alice.refused(f"trace save {bench.path('nowhere/x.pcap')}")["code"], 6, "no such folder")
    equal(alice.refused("trace save /dev/full")["code"], 6, "a device")


def test_trace_unredacted(bench):
    need("tshark")
    alice, _ = call(bench, "set trace.redact off")
    path = bench.path("open.pcap")
    alice.do(f"trace save {path} match=a=crypto")
    whole = open(path, "rb").read()
    check(b"inline:" in whole and b"inline:xxxx" not in whole, "the keys are there when that was wanted")
    equal(len(fields(path, "sip.CSeq.method == INVITE", "sip.Call-ID")), 2, "only messages with keys")
    listed = alice.do("trace list call=1")["text"]
    check("INVITE sip:bob@127.0.0.1" in listed and "TCP" in listed, f"list: {listed}")
    found = alice.do('trace find "A=CRYPTO:"')["text"]
    check(found.count("a=crypto:") >= 2 and "180 Ringing" not in found, f"found: {found}")


def test_trace_save_of_what_was_secured(bench):
    """TLS and secured WebSocket, one after the other: both stand in the file as UDP that tshark reads as SIP, each call whole."""
    need("tshark")
    bench.need_namespace()
    ca = make_ca(bench)
    bob = bench.phone(f"set tls.certificate {make_certificate(bench, 'bob', 'IP:192.0.2.4')}", "set sip.listen 192.0.2.4:5060 tls:192.0.2.4:5061 wss:192.0.2.4:8443",
                      "set call.auto-answer on")
    wait_until(lambda: port_answers("192.0.2.4", 8443), "bob listens")
    alice = bench.phone(f"set tls.ca {ca}", "set sip.listen 192.0.2.1:5060")
    for number, target in enumerate(("sips:bob@192.0.2.4", "sip:bob@192.0.2.4:8443;transport=wss"), 1):
        alice.do(f"call {target}")
        alice.event("media")
        alice.do("sleep 500ms")
        alice.do("hangup")
        alice.event("ended")
        alice.do("sleep 300ms")  # the answer to BYE
        path = bench.path(f"{number}.pcap")
        alice.do(f"trace save {path} call={number} rtp=headers")
        rows = fields(path, "sip", "sip.Method", "sip.Status-Code", "udp.dstport")
        equal([row[0] for row in rows if row[0]], ["INVITE", "ACK", "BYE"], f"requests to {target}")
        equal([row[1] for row in rows if row[1] and row[1] != "180"], ["100", "200", "200"], f"answers of {target}")
        equal({row[2] for row in rows if row[0]}, {"5061" if number == 1 else "8443"}, "where to")
        check(len(fields(path, "rtp", "rtp.ssrc")) > 5, f"sound of {target}")
        equal(tshark(path, "-Y", "_ws.malformed"), "", "malformed packets")
    for words in ("trace text", "trace ladder"):
        shown = str(alice.do(words))
        check("INVITE" in shown and "BYE" in shown, f"`{words}`: {shown[:200]}")
