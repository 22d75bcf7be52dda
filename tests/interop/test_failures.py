"""What goes wrong outside: the phone says what happened, ends what must end, and goes on."""
import json
import os
import signal
import socket
import subprocess
import threading

from harness import OFFHOOK, Failed, Skip, check, equal, hears, need, port_answers, sipp, wait_until, write_tone
from proxies import ALICE, ATLANTA, BOB, start_dns, start_proxy
from sessions import Dialog
from wire import Peer

VCARD = os.path.join(os.path.dirname(os.environ.get("OFFHOOK") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "offhook")),
                     "tests", "interop", "vcard")


def alive(phone):
    """A call to the echo works after whatever happened."""
    call = phone.do("call echo")["call"]
    phone.event("answered", call=call)
    phone.do(f"hangup {call}")
    phone.event("ended", call=call)


def test_peer_never_answers(bench):
    """A silent peer: timer B (here with a T1 of 50 ms: 3.2 s) ends the call with 408 and the cause timeout."""
    silent = Peer(5080)
    phone = bench.phone("set sip.listen 127.0.0.1:5070", "set sip.t1 50ms")
    phone.do("call sip:bob@127.0.0.1:5080")
    failed = phone.event("failed", within=10)
    equal((failed["code"], failed["cause"]), (408, "timeout"), "outcome")
    check("answer" in str(phone.do("why")), "why")
    silent.receive("INVITE")
    alive(phone)


def test_icmp_port_unreachable(bench):
    """Nobody listens there: told at once, not after 32 s."""
    phone = bench.phone("set sip.listen 127.0.0.1:5070")
    phone.do("call sip:bob@127.0.0.1:9")
    failed = phone.event("failed", within=20)
    equal(failed["cause"], "connect", "cause")
    alive(phone)


def test_refused_for_its_form(bench):
    """RFC 3261 8.1.3.5: what was refused for its form comes once more in another, or `why` says what would have been better."""
    peer = Peer(5080)
    phone = bench.phone("set sip.listen 127.0.0.1:5070", "account add sip:alice@127.0.0.1:5080 registrar=none proxy=sip:127.0.0.1:5080")

    def refuse(request, status, *headers):
        peer.respond(request, status, "Refused", headers=headers)
        if request.method == "INVITE":
            peer.receive("ACK")

    phone.do("message sip:bob@127.0.0.1:5080 hello")
    first = peer.receive("MESSAGE")
    refuse(first, 415, "Accept: text/plain")
    second = peer.receive("MESSAGE")
    equal((second.get("Content-Type"), second.body, second.get("Call-ID")), ("text/plain", "hello", first.get("Call-ID")), "without charset")
    peer.respond(second, 200, "OK")
    equal(phone.event("message-sent")["code"], 200, "sent")
    phone.do("call sip:bob@127.0.0.1:5080 type=text/plain body=look")
    invite = peer.receive("INVITE")
    check("look" in invite.body, "with what was added")
    refuse(invite, 415, "Accept: application/sdp")
    invite = peer.receive("INVITE")
    equal(invite.get("Content-Type"), "application/sdp", "without what was added")
    refuse(invite, 421, "Require: x-strange")
    failed = phone.event("failed")
    equal(failed["code"], 421, "the end")
    check("It insists on: x-strange." in failed["why"], failed["why"])
    for status, header, said in ((405, "Allow: OPTIONS", "It takes: OPTIONS."), (485, "X-Nothing: more", "It names: <sip:peer@127.0.0.1:5080>."),
                                 (420, "Unsupported: 100rel", "It does not support: 100rel.")):
        phone.do("call sip:bob@127.0.0.1:5080")
        refuse(peer.receive("INVITE"), status, header)
        if status == 420:
            refuse(peer.receive("INVITE"), status, header)
        check(said in phone.event("failed", code=status)["why"], f"{status}: {phone.do('why')}")
    # A telephone number that another names is one of our domain, as one that is typed: tel: need not be known anywhere.
    phone.do("set call.follow-redirect on")
    phone.do("call sip:bob@127.0.0.1:5080")
    moved = peer.receive("INVITE")
    rows = ["SIP/2.0 302 Moved", *(f"{name}: {moved.get(name)}" for name in ("Via", "From", "Call-ID", "CSeq")), f"To: {moved.get('To')};tag=m",
            "Contact: <tel:+49-30-123>"]
    peer.send(peer.finish(rows, ""), moved.source)
    peer.receive("ACK")
    for line in (None, "call tel:+49-30-123"):
        if line:
            phone.do(line)
        number = peer.receive("INVITE")
        equal(number.start.split()[1], "sip:+4930123@127.0.0.1:5080;user=phone", "a number of our domain")
        refuse(number, 416)
        equal(phone.event("failed")["code"], 416, "there is no other form")
    alive(phone)


def test_session_timer_that_is_never_long_enough(bench):
    """RFC 4028 7.3: a 422 is followed a few times; `why` says what it is in the end, and not that the call is repeated."""
    peer = Peer(5080)
    phone = bench.phone("set sip.listen 127.0.0.1:5070")

    def refused(*waits):
        phone.do("call sip:bob@127.0.0.1:5080")
        for wait in waits:
            invite = peer.receive("INVITE")
            peer.respond(invite, 422, "Session Interval Too Small", headers=[f"Min-SE: {wait}"] if wait else [])
            peer.receive("ACK")
        failed = phone.event("failed", code=422)
        check("longer session timer" in failed["why"] and "sip.session-expires" in failed["why"] and "repeated" not in failed["why"], failed["why"])
        check(failed["why"] in phone.do("why")["text"], "why")
        return failed["why"]

    refused(None)
    check("It wants at least so many seconds: 4000." in refused(2000, 2500, 3000, 3500, 4000), "what it said last")
    alive(phone)


def test_name_that_does_not_resolve(bench):
    start_dns(bench)
    phone = bench.phone(f"set sip.listen {ALICE}:5060")
    phone.do("call sip:bob@nowhere.invalid")
    failed = phone.event("failed", within=15)
    equal(failed["cause"], "dns", "cause")
    alive(phone)


def test_peer_killed_in_mid_call(bench):
    """kill -9 of the other phone: no RTP is told after 3 s, our BYE finds nobody, the call ends all the same."""
    other = bench.phone("set sip.listen 127.0.0.1:5080", "set call.auto-answer on", "set call.accept any")
    phone = bench.phone("set sip.listen 127.0.0.1:5070", "set sip.t1 50ms")
    call = phone.do("call sip:bob@127.0.0.1:5080")["call"]
    phone.event("answered", call=call)
    phone.event("media", call=call)
    other.process.send_signal(signal.SIGKILL)
    phone.event("media-lost", call=call, within=8)
    phone.do(f"hangup {call}")
    phone.event("ended", call=call, within=10)
    equal(phone.get("calls.count"), "0", "calls")
    alive(phone)


def test_proxy_killed(bench):
    """kill -9 of the proxy: the next registration and call fail with a sentence; the next try is announced, and once the proxy is back the
    phone registers. (That it tries by itself is tested on the virtual clock.)"""
    start_dns(bench)
    proxy = start_proxy(bench, "atlanta.com", ATLANTA, [])
    phone = bench.phone(f"set sip.listen {ALICE}:5060", "set sip.t1 50ms", "account add sip:alice@atlanta.com")
    phone.event("registered")
    subprocess.run(["pkill", "-9", "-P", str(proxy.pid)])
    proxy.kill()
    proxy.wait()
    phone.do("register")
    failed = phone.event("register-failed", within=15)
    check(int(failed["retry"]) > 0, f"a next try is announced: {failed}")
    phone.do("call sip:bob@atlanta.com")
    phone.event("failed", within=15)
    check(str(phone.do("why")), "why")
    start_proxy(bench, "atlanta.com", ATLANTA, [])
    phone.do("register")
    phone.event("registered", within=10)
    alive(phone)


def test_proxy_killed_in_a_call(bench):
    """kill -9 of a proxy that has put itself into the route: the sound goes on, and hanging up ends the call although nobody answers."""
    start_dns(bench)
    proxy = start_proxy(bench, "atlanta.com", ATLANTA, ["RECORD_ROUTE"])
    first = ["set sip.t1 50ms", "account add sip:{0}@atlanta.com"]
    bob = bench.phone(f"set sip.listen {BOB}:5060", "set call.auto-answer on", "set audio.input tone:660", first[0], first[1].format("bob"), quiet=False)
    alice = bench.phone(f"set sip.listen {ALICE}:5060", *(line.format("alice") for line in first))
    for phone in (bob, alice):
        phone.event("registered")
    call = alice.do("call sip:bob@atlanta.com")["call"]
    alice.event("media", call=call)
    subprocess.run(["pkill", "-9", "-P", str(proxy.pid)])
    proxy.kill()
    proxy.wait()
    alice.do("sleep 1s")
    check(650 < float(alice.get("tone.hz")) < 670, "bob is heard all the same")
    alice.do(f"hangup {call}")
    alice.event("ended", call=call, within=15)
    alive(alice)
    alive(bob)


class Ringing:
    """A callee on TCP that sends 180 and then dies with its listener."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.settimeout(10)

    def ring(self):
        self.flow, _ = self.listener.accept()
        self.flow.settimeout(10)
        text = b""
        while b"\r\n\r\n" not in text:
            text += self.flow.recv(65536)
        wanted = [line for line in text.decode().split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        lines = [line + ";tag=r" if line.startswith("To:") else line for line in wanted]
        self.flow.sendall(("SIP/2.0 180 Ringing\r\n" + "\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode())

    def die(self):
        self.listener.close()
        self.flow.close()


def test_callee_dies_while_it_rings(bench):
    """A callee on TCP whose connection breaks while it rings: that is told, and hanging up does not wait for it."""
    callee = Ringing(5080)
    phone = bench.phone("set sip.listen 127.0.0.1:5070")
    call = phone.do("call sip:bob@127.0.0.1:5080;transport=tcp")["call"]
    callee.ring()
    phone.event("ringing", call=call)
    callee.die()
    phone.event("connection", call=call, state="failed")
    check("connection on which it said so is lost" in phone.do("why")["text"], "why knows")
    phone.do(f"hangup {call}")
    phone.event("failed", call=call, within=5)
    alive(phone)


def test_callee_dies_after_answering(bench):
    """The same after 200: BYE goes nowhere, and the call ends all the same."""
    need("sipp")
    uas = sipp(bench, "-sn", "uas", "-i", "127.0.0.1", "-p", "5080", "-t", "t1", "-d", "60000", "-nostdin")
    wait_until(lambda: port_answers("127.0.0.1", 5080), "sipp listens")
    phone = bench.phone("set sip.listen 127.0.0.1:5070", "set sip.t1 50ms")
    call = phone.do("call sip:bob@127.0.0.1:5080;transport=tcp")["call"]
    phone.event("answered", call=call)
    uas.kill()
    uas.wait()
    phone.do(f"hangup {call}")
    phone.event("ended", call=call, within=15)
    alive(phone)


def test_hanging_up_waits_for_nothing(bench):
    """Whatever a program's earlier request waits for, and wherever the call hangs: what ends it is answered at once, and the call ends as soon as it can."""
    silent = Peer(5080)
    phone = bench.phone("set sip.listen 127.0.0.1:5070", "set dns.servers 127.0.0.1:5080")

    def ask_later(method, params, number):
        phone.process.stdin.write((json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n").encode())
        phone.process.stdin.flush()

    # Nobody has answered: the CANCEL waits for that (RFC 3261 9.1), and who hangs up is told so.
    ask_later("options", {"target": "sip:x@127.0.0.1:5080"}, "waits")
    silent.receive("OPTIONS")
    ask_later("call", {"target": "sip:p@127.0.0.1:5080"}, "queued")
    other = bench.phone("set sip.listen 127.0.0.1:5071")
    number = other.do("call sip:p@127.0.0.1:5080")["call"]
    invite = silent.receive("INVITE")
    equal(other.do("hangup all", within=10), {"later": [number]}, "what hangup says")
    check("was hung up before anybody has answered" in other.do("why")["text"], "why")
    silent.nothing("CANCEL", 0.2)
    silent.respond(invite, 100, "Trying")
    cancel = silent.receive("CANCEL")
    silent.respond(cancel, 200, "OK")
    silent.respond(invite, 487, "Request Terminated")
    equal(other.event("failed")["code"], 487, "it is cancelled then")
    # A connection that does not open, a name that is not found: there is nothing to wait for.
    full = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    full.bind(("127.0.0.1", 5090))
    full.listen(0)
    held = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(3)]
    for one in held:
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", 5090))
    for target in ("sip:p@127.0.0.1:5090;transport=tcp", "sips:p@127.0.0.1:5090", "sip:p@nowhere.example"):
        number = other.do(f"call {target} encryption=off")["call"]
        equal(other.do("hangup", within=10), {"call": number}, target)
        equal(other.event("failed", call=number, within=4)["cause"], "cancelled", target)
    # A request that ends something does not queue behind one that waits for an answer; what waits goes on, and so does the order of all else.
    check("waits" not in phone.answers, "the OPTIONS still waits")
    equal(phone.refused("reject", within=10)["code"], 4, "there is nothing to refuse, said at once")
    check("waits" not in phone.answers and "queued" not in phone.answers, "the rest keeps its order")
    ask_later("quit", {}, "quit")
    equal(phone.process.wait(30), 0, "quit")


def test_digits_at_the_end_of_a_script(bench):
    """`dtmf` as the last line: all digits are sent before the call ends, by each way."""
    bob = bench.phone("set sip.listen 127.0.0.1:5080", "set call.accept any", "set call.auto-answer on")
    bob.do("show version")
    for via in ("rtp", "info"):
        status, _, err = bench.script("set audio.input null", "set audio.output null", "call sip:b@127.0.0.1:5080", "wait answered", "wait media",
                                      f"dtmf 159 via={via}")
        equal(status, 0, err)
        bob.event("ended")
        equal("".join(e["digit"] for e in bob.events if e["event"] == "dtmf"), "159", via)
        bob.events.clear()


def test_digits_that_cannot_be_sent(bench):
    """A script whose digits stand in a call on hold, ours or the peer's, does not wait for them for ever: its status says so."""
    peer = Peer(5080)
    sdp = peer.sdp().replace("AVP 0", "AVP 0 101").replace("a=rtpmap:0", "a=rtpmap:101 telephone-event/8000\na=rtpmap:0")

    def call(last, then):
        outcome = []
        script = threading.Thread(target=lambda: outcome.extend(bench.script("set sip.listen 127.0.0.1:5070", "set audio.input null", "set audio.output null",
                                                                             "call sip:p@127.0.0.1:5080", "wait answered", *last, within=30)))
        script.start()
        dialog = Dialog(peer, peer.receive("INVITE", 15))
        dialog.respond(dialog.invite, 200, "OK", sdp)
        peer.receive("ACK")
        then(dialog)
        peer.respond(peer.receive("BYE", 25), 200, "OK")
        script.join()
        equal(outcome[0], 4, outcome)
        check("not all digits were sent" in outcome[2], outcome)

    def agree(dialog):
        dialog.respond(peer.receive("INVITE"), 200, "OK", sdp.replace("sendrecv", "recvonly"))

    def hold(dialog):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sound:
            sound.bind(("127.0.0.1", 40000))
            sound.settimeout(10)
            while sound.recv(2000)[1] & 127 != 101:
                pass
        dialog.send("INVITE", peer.sdp("inactive", 2))
        peer.receive(200)
        dialog.ack()

    call(["dtmf 12345", "hold"], agree)
    call(["dtmf 1,,,,,,,,,,2"], hold)


class Refuser:
    """Answers each request on its own: by a status, or as it should be; keeps all that came."""

    def __init__(self, port, **statuses):
        self.peer, self.statuses, self.seen = Peer(port), statuses, []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                request = self.peer.receive(within=60)
            except (Failed, OSError):
                return
            if not request.is_request or request.method == "ACK":
                continue
            again = f"{request.method}_AGAIN" if "tag=" in request.get("To") else request.method
            status = self.statuses.get(again, self.statuses.get(request.method, 200) if again == request.method else 200)
            self.seen.append(request.method)
            headers = ["SIP-ETag: x", "Expires: 60"] if request.method == "PUBLISH" else []
            contact = f"{request.get('Contact')};expires=60" if request.method == "REGISTER" else "<sip:peer@127.0.0.1:%d>" % self.peer.port
            rows = [f"SIP/2.0 {status} {'OK' if status < 300 else 'Refused'}", *(f"{name}: {request.get(name)}" for name in ("Via", "From", "Call-ID", "CSeq")),
                    f"To: {request.get('To')}" + ("" if "tag=" in request.get("To") else ";tag=r"), f"Contact: {contact}",
                    "Allow: INVITE, UPDATE, ACK, BYE, REFER", *headers]
            self.peer.send(self.peer.finish(rows, self.peer.sdp() if request.body and request.method in ("INVITE", "UPDATE") and status < 300 else ""), request.source)


def test_a_script_waits_for_its_outcomes(bench):
    """What a script has begun and not waited for: it ends when that is known, and with its status; as a file, as -x, and forgiven by a hyphen."""
    good = Refuser(5081)
    bad = Refuser(5082, REGISTER=403, PUBLISH=489, INVITE_AGAIN=488, UPDATE_AGAIN=500, REFER_AGAIN=603)
    none = "registrar=none proxy=sip:127.0.0.1"
    call = ["call sip:p@127.0.0.1:{}", "wait answered within=30s"]
    rows = [(3, "REGISTER", "registration failed: 403", ["account add sip:a@127.0.0.1:{} name=a", "register"]),
            (3, "REGISTER", "403", [f"account add sip:a@127.0.0.1:{{}} name=a {none}:{{}}", "account set a registrar=sip:127.0.0.1:{}", "unregister all=yes"]),
            (4, "PUBLISH", "not published: 489", [f"account add sip:a@127.0.0.1:{{}} name=a {none}:{{}}", "publish"]),
            (4, "INVITE", "488", [*call, "hold"]), (4, "INVITE", "488", [*call, "reinvite"]), (4, "UPDATE", "500", [*call, "update"]),
            (4, "REFER", "the transfer to sip:c@127.0.0.1 failed: 603", [*call, "transfer sip:c@127.0.0.1"])]
    for status, method, words, lines in rows:
        for peer, last, want in ((good, "{}", 0), (bad, "{}", status), (bad, "-{}", 0)):
            if peer is good and method == "REFER":
                continue
            text = [line.replace("{}", str(peer.peer.port)) for line in lines]
            text[-1] = last.format(text[-1])
            del peer.seen[:]
            got, _, err = bench.script(*text)
            equal(got, want, f"{text}: {err}")
            check(method in peer.seen and (words in err) == (want != 0), f"{text}: {peer.seen} {err}")
            if want:
                done = subprocess.run([OFFHOOK, "-n", "--batch"] + [word for line in text for word in ("-x", line)], stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=60, env=bench.environment(), cwd=bench.folder)
                equal((done.returncode, words in done.stderr), (want, True), f"-x: {done.stderr}")


def ends_after_answering(bench, acknowledge):
    """The script has answered and is at its end: the call gets its BYE all the same."""
    path = bench.write("answer.call", "set sip.listen 127.0.0.1:5070\nset audio.input null\nset audio.output null\nset call.accept any\nwait incoming within=30s\nanswer\n")
    phone = bench.start([OFFHOOK, "-n", "-f", path])
    wait_until(lambda: port_answers("127.0.0.1", 5070), "the phone listens")
    peer = Peer(5080)
    at = ("127.0.0.1", 5070)
    peer.request("INVITE", "sip:a@127.0.0.1:5070", "<sip:a@127.0.0.1>", "<sip:p@127.0.0.1>;tag=1", "end-1", 1, at, peer.sdp())
    ok = peer.receive(200)
    if acknowledge:
        peer.nothing("BYE", 0.3)
        peer.request("ACK", "sip:a@127.0.0.1:5070", ok.get("To"), ok.get("From"), "end-1", 1, at)
    bye = peer.receive("BYE")
    peer.respond(bye, 200, "OK")
    equal(phone.wait(30), 0, "exit status")


def test_ends_before_the_ack(bench):
    ends_after_answering(bench, True)


def test_ends_without_ack(bench):
    """Nobody can wait for an ACK for ever: at the end BYE goes without it."""
    ends_after_answering(bench, False)


def test_ends_while_a_200_crosses_the_cancel(bench):
    peer = Peer(5080)
    phone = bench.start([OFFHOOK, "-n", "--batch", "-x", "set audio.input null", "-x", "set audio.output null", "-x", "set sip.listen 127.0.0.1:5070", "-x",
                         "call sip:p@127.0.0.1:5080", "-x", "wait ringing within=30s"])
    invite = peer.receive("INVITE")
    peer.respond(invite, 180, "Ringing")
    cancel = peer.receive("CANCEL")
    peer.respond(invite, 200, "OK", peer.sdp())
    peer.respond(cancel, 200, "OK")
    peer.receive("ACK")
    peer.respond(peer.receive("BYE"), 200, "OK")
    phone.wait(30)


def test_full_disk(bench):
    """The history file cannot be written: a warning, and the call goes on."""
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    state = bench.path("state/offhook")
    if not bench.isolated:
        raise Skip("no mount namespace")
    os.makedirs(state)
    # A file system of one page: the first entries fit, the others do not.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", state], check=True)
    open(os.path.join(state, "filler"), "wb").write(b"x" * 4096)
    config = bench.write("config-file", "")
    phone = bench.phone("set sip.listen 127.0.0.1:5070", args=("-c", config))
    for _ in range(3):
        alive(phone)
    equal(phone.quit(), 0, "exit status")
    check("history" in phone.error_text() or "history" in str(phone.events), f"the warning names the history: {phone.error_text()}")


def test_port_in_use(bench):
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 5070))
    status, _, err = bench.script("set sip.listen 127.0.0.1:5070", "call echo", "wait answered")
    check(status == 7 and "5070" in err, f"status {status}: {err}")


def test_a_wrong_port_takes_no_phone_off_the_network(bench):
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 5070))
    phone = bench.phone("set sip.listen 127.0.0.1:5071")
    alive(phone)
    equal(phone.refused("set sip.listen 127.0.0.1:5070")["code"], 7, "the status")
    equal(phone.get("sip.listen"), "127.0.0.1:5071", "what stands")
    check("127.0.0.1:5071" in str(phone.do("show version")), "still listens")
    phone.do("set sip.listen 127.0.0.1:5071 127.0.0.1:5072")  # its own port is no obstacle
    wait_until(lambda: "127.0.0.1:5072" in str(phone.do("show version")), "it listens on both")


# ---- sound servers ----

class Jack:
    """A jackd with its dummy driver and two virtual cards, phoneA and phoneB."""

    def __init__(self, bench, seconds=12, period=512):
        need("jackd")
        if not os.path.exists(VCARD):
            raise Skip("vcard was not built: libjack is missing")
        self.bench = bench
        self.env = bench.environment(JACK_DEFAULT_SERVER="test" + os.urandom(4).hex(), JACK_NO_AUDIO_RESERVATION="1", JACK_NO_START_SERVER="1")
        self.seconds, self.period = seconds, period
        self.cards = None
        self.start()

    def start(self):
        self.server = self.bench.start(["jackd", "-n", self.env["JACK_DEFAULT_SERVER"], "-R", "-d", "dummy", "-r", "48000", "-p", str(self.period), "-C", "1", "-P", "1"],
                                       log="jackd.log", env=self.env)
        wait_until(self.plug_in, "the virtual cards are there")

    def plug_in(self):
        if self.server.poll() is not None:
            raise Skip(f"jackd does not run here: {self.bench.log_of(self.server)[-200:]}")
        if self.cards is None or self.cards.poll() is not None:
            mic = [write_tone(self.bench.path(f"mic{hz}.wav"), hz, 1, 48000) for hz in (440, 660)]
            self.cards = self.bench.start([VCARD, str(self.seconds), f"phoneA={mic[0]},{self.bench.path('spkA.wav')}",
                                           f"phoneB={mic[1]},{self.bench.path('spkB.wav')}"], log="vcard.log", env=self.env)
        return wait_until(lambda: "ready" in self.bench.log_of(self.cards) or self.cards.poll() is not None, "vcard") and "ready" in self.bench.log_of(self.cards)

    def phone(self, name, port, *lines):
        """A phone on this card; it listens once it has found the card."""
        phone = self.bench.phone(f"set audio.input {name}", f"set audio.output {name}", "set audio.ringer null", *lines, f"set sip.listen 127.0.0.1:{port}",
                                 env=self.env, quiet=False)
        wait_until(lambda: port_answers("127.0.0.1", port), f"the phone on {name} listens")
        phone.do("audio list")  # by then it knows, too, that the card is there
        return phone


def helpers_of(phone):
    """The phone's sound helpers that still run."""
    return subprocess.run(["pgrep", "-P", str(phone.process.pid), "-x", "offhook-sound"], capture_output=True).stdout


def test_real_devices(bench):
    """Two phones on two virtual cards through PortAudio: each loudspeaker gets the other's microphone."""
    jack = Jack(bench)
    a = jack.phone("phoneA", 5070)
    b = jack.phone("phoneB", 5080, "set call.auto-answer on", "set call.accept any")
    listed = str(a.do("audio list"))
    check("phoneA" in listed and "phoneB" in listed, f"audio list shows the cards: {listed}")
    jack.cards.send_signal(signal.SIGUSR1)
    a.do("call sip:b@127.0.0.1:5080")
    a.event("answered")
    a.do("wait media within=30s")
    jack.cards.wait(30)
    a.do("hangup")
    a.event("ended")
    for phone in (a, b):
        wait_until(lambda: not helpers_of(phone), "the sound helper has left")
    # jackd waits for a client that just vanished, and all others stutter.
    check("name = offhook" not in bench.log_of(jack.server), f"the helpers left in order: {bench.log_of(jack.server)}")
    check(hears(bench.path("spkA.wav"), 660), "phoneA's loudspeaker has 660 Hz")
    check(hears(bench.path("spkB.wav"), 440), "phoneB's loudspeaker has 440 Hz")
    equal((a.quit(), b.quit()), (0, 0), "exit statuses")


def sound_server_trouble(bench, how):
    jack = Jack(bench, 60)
    a = jack.phone("phoneA", 5070)
    bench.phone("set call.auto-answer on", "set call.accept any", "set audio.input tone:660", "set audio.output null", "set sip.listen 127.0.0.1:5080",
                quiet=False)
    wait_until(lambda: port_answers("127.0.0.1", 5080), "the other phone listens")
    jack.cards.send_signal(signal.SIGUSR1)
    a.do("call sip:b@127.0.0.1:5080")
    a.event("answered")
    a.do("wait media within=30s")
    jack.server.send_signal(how)
    lost = a.event("device", state="lost", within=10)
    check(lost["name"], f"the event names the device: {lost}")
    before = int(a.get("media.received"))
    wait_until(lambda: int(a.get("media.received")) > before + 20, "RTP still comes in")
    equal(a.get("call.state"), "answered", "the call")
    return jack, a


def test_sound_server_killed(bench):
    """jackd dies in mid-call: a gap, and when it is back the device is back."""
    jack, a = sound_server_trouble(bench, signal.SIGKILL)
    jack.cards.kill()
    jack.cards.wait()
    jack.server.wait()
    jack.start()
    a.event("device", state="back", within=40)
    a.do("hangup")
    a.event("ended")
    equal(a.quit(), 0, "exit status")


def test_sound_server_hangs(bench):
    """jackd stops breathing: the helper is killed, the call goes on, the phone quits."""
    jack, a = sound_server_trouble(bench, signal.SIGSTOP)
    a.do("hangup")
    a.event("ended")
    equal(a.quit(), 0, "exit status")
    jack.server.send_signal(signal.SIGCONT)


def test_no_sound_card(bench):
    """The default device on a machine without one: a warning, and the call is made with silence."""
    status, _, err = bench.script("call echo", "wait answered within=30s", "wait media within=30s", "hangup", "wait ended within=30s")
    equal(status, 0, err)


def test_all_ports_for_sound_are_in_use(bench):
    """Where our own calls hold all of media.ports a call more is refused at once, with a time to come again, as long as they do."""
    phone = bench.phone("set sip.listen 127.0.0.1:5070", "set call.accept any", "set call.auto-answer on", "set media.ports 30000-30003")
    wait_until(lambda: port_answers("127.0.0.1", 5070), "the phone listens")
    peer, at = Peer(5080), ("127.0.0.1", 5070)

    def invite(name):
        peer.request("INVITE", "sip:a@127.0.0.1:5070", "<sip:a@127.0.0.1>", f"<sip:p@127.0.0.1>;tag={name}", name, 1, at, peer.sdp())

    for name in ("one", "two"):
        invite(name)
        ok = peer.receive(200)
        peer.request("ACK", "sip:a@127.0.0.1:5070", ok.get("To"), ok.get("From"), name, 1, at)
    invite("three")
    refused = peer.receive(503)
    check(refused.get("Retry-After"), "a Retry-After")
    peer.request("ACK", "sip:a@127.0.0.1:5070", refused.get("To"), refused.get("From"), "three", 1, at)
    peer.request("OPTIONS", "sip:a@127.0.0.1:5070", "<sip:a@127.0.0.1>", "<sip:p@127.0.0.1>;tag=o", "asks", 1, at)
    peer.receive(503)
    peer.request("BYE", "sip:a@127.0.0.1:5070", ok.get("To"), ok.get("From"), "two", 2, at)
    peer.receive(200)
    phone.event("ended")

    def answered():
        peer.request("OPTIONS", "sip:a@127.0.0.1:5070", "<sip:a@127.0.0.1>", "<sip:p@127.0.0.1>;tag=o", f"asks-{peer.branches}", 1, at)
        return peer.receive().status == 200
    wait_until(answered, "there is room again")
    invite("four")
    peer.receive(200)
