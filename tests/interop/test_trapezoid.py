"""The seed's Figure 1 and Figure 2: two proxies, two phones run by command files, every packet watched on the wire."""
import subprocess

from harness import OFFHOOK, check, equal, wait_until
from proxies import ALICE, ATLANTA, BILOXI, BOB, start_trapezoid
from wire import Sniffer

BOB_SCRIPT = """set sip.listen {bob}:5060
set audio.input tone:660
set audio.output null
account add sip:bob@biloxi.com display=Bob {password}
wait registered within=30s
wait incoming within=30s
answer
wait answered within=30s
wait media within=30s
sleep 1500ms
expect tone.hz > 430
expect tone.hz < 450
expect heard.level > -40dB
expect media.loss == 0%
hangup
wait ended within=30s
unregister
wait unregistered within=30s
"""
ALICE_SCRIPT = """set sip.listen {alice}:5060
set audio.input tone:440
set audio.output null
account add sip:alice@atlanta.com display=Alice proxy=sip:atlanta.com {password}
wait registered within=30s
call sip:bob@biloxi.com
wait ringing within=30s
wait answered within=30s
wait media within=30s
sleep 1s
expect tone.hz > 650
expect tone.hz < 670
expect heard.level > -40dB
wait ended within=30s
unregister
wait unregistered within=30s
expect account.state == unregistered
"""


def run_phones(bench, password, proxies):
    bob_file = bench.write("bob.call", BOB_SCRIPT.format(bob=BOB, password=password))
    alice_file = bench.write("alice.call", ALICE_SCRIPT.format(alice=ALICE, password=password))
    bob = bench.start([OFFHOOK, "-n", "-v", "-f", bob_file], log="bob.log")
    wait_until(lambda: "registered" in bench.log_of(bob), "bob registers")
    alice = bench.start([OFFHOOK, "-n", "-v", "-f", alice_file], log="alice.log")
    for name, process in (("alice", alice), ("bob", bob)):
        try:
            status = process.wait(40)
        except subprocess.TimeoutExpired:
            status = "no end"
        check(status == 0, f"{name}'s script ended with {status}: {bench.log_of(process)[-600:]}")
    for proxy in proxies:
        check(proxy.poll() is None, f"a proxy died: {bench.log_of(proxy)[-400:]}")


def steps_of(sniffer, register=False):
    """The messages of the call (or of the registrations), without retransmissions."""
    seen, kept = set(), []
    for m in sniffer.messages:
        if (m.method == "REGISTER") == register and (str(m), m.raw) not in seen:
            seen.add((str(m), m.raw))
            kept.append(m)
    return kept


def find(messages, what, source, destination):
    """The one message with this method or status that went this way."""
    hits = [m for m in messages if m.source == source + ":5060" and m.destination == destination + ":5060" and
            (m.status == what[0] and m.method == what[1] if isinstance(what, tuple) else m.is_request and m.method == what)]
    equal(len(hits), 1, f"messages {what} from {source} to {destination} (all: {[str(m) for m in messages]})")
    return hits[0]


def same(messages, headers):
    for header in headers:
        values = {tuple(m.all(header)) for m in messages}
        check(len(values) == 1, f"{header} differs: {values}")


def via_parts(message, received=True):
    """The Via values: sent-by and branch, and received where it is there."""
    parts = []
    for value in message.all("Via"):
        for one in value.split(","):
            words = dict(p.split("=", 1) if "=" in p else (p, "") for p in one.strip().split(";")[1:])
            parts.append((one.strip().split(";")[0].split()[1], words.get("branch")))
    return parts


def test_figure_1_and_2(bench):
    """Run A: no Record-Route, no digest: F1 to F14 as the figure lists them; ACK and BYE go directly."""
    proxies = start_trapezoid(bench)
    sniffer = Sniffer()
    run_phones(bench, "", proxies)
    m = steps_of(sniffer)
    f1 = find(m, "INVITE", ALICE, ATLANTA)
    f2 = find(m, (100, "INVITE"), ATLANTA, ALICE)
    f3 = find(m, "INVITE", ATLANTA, BILOXI)
    f4 = find(m, (100, "INVITE"), BILOXI, ATLANTA)
    f5 = find(m, "INVITE", BILOXI, BOB)
    ringing = [find(m, (180, "INVITE"), a, b) for a, b in ((BOB, BILOXI), (BILOXI, ATLANTA), (ATLANTA, ALICE))]
    oks = [find(m, (200, "INVITE"), a, b) for a, b in ((BOB, BILOXI), (BILOXI, ATLANTA), (ATLANTA, ALICE))]
    ack = find(m, "ACK", ALICE, BOB)
    bye = find(m, "BYE", BOB, ALICE)
    bye_ok = find(m, (200, "BYE"), ALICE, BOB)
    # bob's 200 may leave before his 180 has reached alice: each follows its own way.
    for order in ([f1, f3, f5, *ringing], [f5, ringing[0], *oks, ack, bye, bye_ok]):
        check([x.at for x in order] == sorted(x.at for x in order), "the order of the figure")
    expected = 14 + len([x for x in m if x.status == 100 and x.source.startswith(BOB)])  # the phone's own 100 is permitted
    equal(len(m), expected, f"messages of the call ({[str(x) for x in m]})")
    # What must be equal end to end (RFC 3261 8.1.1, 16.6, 16.7, 8.2.6)
    same([f1, f2, f3, f4, f5, *ringing, *oks, ack, bye, bye_ok], ["Call-ID"])
    same([f1, f2, f3, f4, f5, *ringing, *oks, ack], ["From"])
    same([f1, f2, f3, f4, f5, *ringing, *oks], ["CSeq"])
    same([f1, f3, f5], ["To", "Contact", "Content-Type", "Content-Length"])
    same(ringing, ["To", "Contact"])
    same([*oks], ["To", "Contact", "Content-Type", "Content-Length"])
    same([ringing[0], oks[0]], ["To"])
    equal(ack.get("To"), oks[0].get("To"), "To of the ACK")
    equal(len({x.body for x in (f1, f3, f5)}), 1, "bodies of the INVITEs")
    equal(len({x.body for x in oks}), 1, "bodies of the 200s")
    check("tag=" not in f1.get("To") and "tag=" in ringing[0].get("To"), "the To tag comes with the 180")
    # Max-Forwards falls by one a hop; Vias pile up and come off again
    forwards = [int(x.get("Max-Forwards")) for x in (f1, f3, f5)]
    equal(forwards, [70, 69, 68], "Max-Forwards")
    vias = [via_parts(x) for x in (f1, f3, f5)]
    equal([len(v) for v in vias], [1, 2, 3], "Vias of the INVITEs")
    check(vias[1][1:] == vias[0] and vias[2][1:] == vias[1], "a proxy only adds its Via")
    for response, request in zip([*ringing, *oks], [vias[2], vias[1], vias[0]] * 2):
        equal(via_parts(response), request, f"Vias of {response}")
    # The Request-URIs: the address of record twice, then what bob registered; ACK and BYE go to the Contacts
    for x in (f1, f3):
        equal(x.start, "INVITE sip:bob@biloxi.com SIP/2.0", "Request-URI")
    equal(f5.start.split()[1], contact_of(registered(sniffer)), "Request-URI of F5")
    equal(ack.start.split()[1], contact_of(oks[2]), "Request-URI of the ACK")
    equal(bye.start.split()[1], contact_of(f5), "Request-URI of the BYE")
    number = int(f1.get("CSeq").split()[0])
    equal(ack.get("CSeq"), f"{number} ACK", "CSeq of the ACK")
    check(ack.get("Via") != f1.get("Via"), "the ACK of a 2xx has a Via branch of its own")
    equal((bye.get("From"), bye.get("To")), (oks[0].get("To"), f1.get("From")), "From and To of the BYE")
    equal(bye_ok.get("CSeq"), bye.get("CSeq"), "CSeq of the last 200")
    for x in (ack, bye):
        check(not x.get("Route"), "no Route without Record-Route")
    figure_2(sniffer)


def contact_of(message):
    return message.get("Contact").split("<")[1].split(">")[0]


def registered(sniffer):
    return [m for m in steps_of(sniffer, True) if m.is_request and m.source.startswith(BOB) and m.get("Contact") and "expires=0" not in m.get("Contact")
            and m.get("Expires") != "0"][0]


def figure_2(sniffer):
    """REGISTER F1, 200 F2."""
    f1 = registered(sniffer)
    answers = [m for m in steps_of(sniffer, True) if not m.is_request and m.get("CSeq") == f1.get("CSeq") and m.get("Call-ID") == f1.get("Call-ID")]
    equal([m.status for m in answers], [200], "answer to REGISTER")
    f2 = answers[0]
    equal(f1.start, "REGISTER sip:biloxi.com SIP/2.0", "Request-URI of REGISTER")
    same([f1, f2], ["From", "Call-ID", "CSeq"])
    equal(f1.get("To"), "Bob <sip:bob@biloxi.com>", "To of REGISTER")
    check(f2.get("To").startswith(f1.get("To") + ";tag="), "To of the answer")
    check(contact_of(f1) in f2.get("Contact"), "the registrar tells our Contact")
    equal(via_parts(f2), via_parts(f1), "Via")


def record_routed(bench, algorithm):
    proxies = start_trapezoid(bench, "RECORD_ROUTE", "DIGEST", algorithm=algorithm)
    sniffer = Sniffer()
    run_phones(bench, "password=secret", proxies)
    m = steps_of(sniffer)
    invites = [x for x in m if x.is_request and x.method == "INVITE" and x.source.startswith(ALICE)]
    equal(len(invites), 2, "INVITEs of alice")
    first, second = invites
    refused = [x for x in m if x.status == 407]
    check(refused, "a 407 came")
    acks = [x for x in m if x.is_request and x.method == "ACK" and x.source.startswith(ALICE)]
    equal(acks[0].get("CSeq").split()[0], first.get("CSeq").split()[0], "the ACK of the 407")
    equal(via_parts(acks[0]), via_parts(first), "the ACK of a 407 has the INVITE's Via")
    equal(int(second.get("CSeq").split()[0]), int(first.get("CSeq").split()[0]) + 1, "CSeq of the new INVITE")
    same([first, second], ["Call-ID", "From", "To"])
    check(second.get("Proxy-Authorization").startswith("Digest "), "credentials")
    if algorithm != "MD5":
        check(f"algorithm={algorithm}" in second.get("Proxy-Authorization"), "algorithm")
    # ACK and BYE through both proxies
    for method, way in (("ACK", [ALICE, ATLANTA, BILOXI, BOB]), ("BYE", [BOB, BILOXI, ATLANTA, ALICE])):
        hops = [(x.source.split(":")[0], x.destination.split(":")[0]) for x in m if x.is_request and x.method == method and
                (method, x.get("CSeq").split()[0]) != ("ACK", first.get("CSeq").split()[0])]
        equal(hops, list(zip(way, way[1:])), f"the way of the {method}")
    ok = [x for x in m if x.status == 200 and x.method == "INVITE" and x.destination.startswith(ALICE)][0]
    routes = [r.strip() for value in ok.all("Record-Route") for r in value.split(",")]
    equal([r.strip() for v in acks[1].all("Route") for r in v.split(",")], routes[::-1], "the route set of the caller is reversed")


def test_record_route_and_digest(bench):
    """Run B: 407, ACK, a new INVITE; ACK and BYE through both proxies."""
    record_routed(bench, "MD5")


def test_record_route_and_digest_sha256(bench):
    record_routed(bench, "SHA-256")


def test_bindings_are_fetched(bench):
    """`account bindings` asks the registrar who else is there: two phones at one address."""
    proxies = start_trapezoid(bench)
    account = "account add sip:bob@biloxi.com password=secret"
    first = bench.start([OFFHOOK, "-n", "--stay", "-v", "-x", f"set sip.listen {BOB}:5060", "-x", account], log="first.log",
                        stdin=subprocess.DEVNULL)
    wait_until(lambda: "registered" in bench.log_of(first), "the first phone registers")
    status, out, err = bench.script(f"set sip.listen {ALICE}:5070", account, "wait registered within=30s", "account bindings", "unregister", "wait unregistered within=30s",
                                    "account bindings")
    equal(status, 0, f"status ({err.strip()[-300:]})")
    lines = [line for line in out.splitlines() if "sip:bob@" in line]
    equal(sorted(line.split()[0].split("@")[1].split(";")[0] for line in lines), sorted([f"{BOB}:5060", f"{ALICE}:5070", f"{BOB}:5060"]), f"bindings: {out}")
    check(all(0 < int(line.split()[1]) <= 3600 for line in lines), f"seconds left: {out}")
    for proxy in proxies:
        check(proxy.poll() is None, "a proxy died")


def test_what_a_killed_phone_left(bench):
    """Its Contact is removed by the next run's first REGISTER; that of a phone that lives stays."""
    proxies = start_trapezoid(bench)
    account = "account add sip:bob@biloxi.com password=secret"

    def start(address, log):
        phone = bench.start([OFFHOOK, "--socket", "none", "--stay", "-v", "-x", "set sip.outbound off", "-x", f"set sip.listen {address}", "-x", account], log=log, stdin=subprocess.DEVNULL)
        wait_until(lambda: "registered" in bench.log_of(phone), f"{log} registers")
        return phone
    killed = start(f"{ALICE}:5071", "killed.log")
    start(f"{BOB}:5060", "living.log")
    killed.kill()
    killed.wait()
    done = subprocess.run([OFFHOOK, "--socket", "none", "--batch", "-x", "set sip.outbound off", "-x", f"set sip.listen {ALICE}:5072", "-x", account, "-x", "wait registered within=30s", "-x", "account bindings"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, env=bench.environment(), cwd=bench.folder)
    equal(done.returncode, 0, done.stderr)
    found = sorted(line.split()[0].split("@")[1].split(";")[0] for line in done.stdout.splitlines() if "sip:bob@" in line)
    equal(found, sorted([f"{ALICE}:5072", f"{BOB}:5060"]), f"bindings: {done.stdout}")
    for proxy in proxies:
        check(proxy.poll() is None, "a proxy died")
