"""`doctor`: a row for each thing, and an exit status that tells. `why`: a sentence for everything that can go wrong."""
import os
import re
import socket
import threading

from harness import Skip, check, equal, need, wait_until
from proxies import ALICE, start_trapezoid
from test_failures import VCARD

QUIET = ["set audio.input null", "set audio.output null", "set audio.ringer null"]


def rows(out):
    return {line[6:30].strip(): line[:4].strip() for line in out.splitlines() if line[:4] in ("ok  ", "note", "BAD ")}


def test_without_an_account(bench):
    status, out, err = bench.script(*QUIET, "set sip.listen 127.0.0.1:0", "doctor")
    equal(status, 0, f"status ({err})")
    found = rows(out)
    check(re.search(r"sockets +127\.0\.0\.1:[1-9]", out), f"the port that it is, not the one that was asked for: {out}")
    equal((found["sockets"], found["accounts"], found["echo test"]), ("ok", "note", "ok"), f"rows: {out}")
    equal((found["loudspeaker"], found["microphone"]), ("note", "note"), f"null is told: {out}")
    check("`audio output NAME`" in out and "`audio input NAME`" in out, f"and what to do about it: {out}")


def test_without_a_registrar(bench):
    """Nobody is asked for an account that does not register, and a tone is not too loud."""
    status, out, err = bench.script("set audio.output null", "set audio.input tone:700", "set sip.listen 127.0.0.1:0", "account add sip:me@127.0.0.1:9 name=desk registrar=none", "account list", "doctor")
    equal(status, 0, f"status ({err})")
    check("> desk  sip:me@127.0.0.1:9  does not register\n" in out, f"the list: {out}")
    found = rows(out)
    equal((found["desk"], found.get("OPTIONS"), found["echo test"]), ("note", None, "ok"), f"rows: {out}")
    check("turn it down" not in out, f"the microphone: {out}")


def test_registered(bench):
    bench_proxies = start_trapezoid(bench)
    status, out, err = bench.script(*QUIET, f"set sip.listen {ALICE}:5060", "account add sip:alice@atlanta.com name=work password=secret", "doctor")
    equal(status, 0, f"status ({err} {out})")
    found = rows(out)
    equal((found["work"], found["OPTIONS"], found["echo test"]), ("ok", "ok", "ok"), f"rows: {out}")
    check(all(p.poll() is None for p in bench_proxies), "a proxy died")


def test_what_is_not_there(bench):
    cases = [("sip:a@nosuch.invalid", 7, "name resolves"), ("sip:a@127.0.0.1:9", 7, "connects")]
    for address, want, row in cases:
        status, out, err = bench.script(*QUIET, f"account add {address} password=x", "doctor")
        equal((status, rows(out).get(row), rows(out)["echo test"]), (want, "BAD", "ok"), f"{address}: {out} {err}")


def test_refused(bench):
    """A registrar that says 403."""
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind(("127.0.0.1", 0))

    def answer():
        while True:
            data, source = wire.recvfrom(65536)
            lines = data.decode(errors="replace").split("\r\n")
            kept = [line for line in lines[1:] if re.match(r"(?i)(via|v|from|f|to|t|call-id|i|cseq)\s*:", line)]
            wire.sendto("\r\n".join(["SIP/2.0 403 Forbidden", *kept, "Content-Length: 0", "", ""]).encode(), source)
    threading.Thread(target=answer, daemon=True).start()
    status, out, err = bench.script(*QUIET, f"account add sip:a@127.0.0.1:{wire.getsockname()[1]} password=x", "doctor")
    equal((status, rows(out).get("registers")), (3, "BAD"), f"refused: {out} {err}")
    check("403 Forbidden" in out and "may do this" in out, f"and what it means: {out}")


# ---- sound devices ----

def cards(bench, *plugs):
    """A jackd of its own with these virtual cards (NAME=MIC,SPEAKER); returns the environment in which they are seen."""
    need("jackd")
    if not os.path.exists(VCARD):
        raise Skip("vcard was not built: libjack is missing")
    env = bench.environment(JACK_DEFAULT_SERVER="test" + os.urandom(4).hex(), JACK_NO_AUDIO_RESERVATION="1", JACK_NO_START_SERVER="1")
    server = bench.start(["jackd", "-n", env["JACK_DEFAULT_SERVER"], "-r", "-d", "dummy", "-r", "48000", "-p", "512", "-C", "1", "-P", "1"], log="jackd.log", env=env)

    def ready():
        if server.poll() is not None:
            raise Skip(f"jackd does not run here: {bench.log_of(server)[-200:]}")
        plugged = bench.start([VCARD, "60", *plugs], log="vcard.log", env=env)
        wait_until(lambda: "ready" in bench.log_of(plugged) or plugged.poll() is not None, "vcard")
        return "ready" in bench.log_of(plugged)
    wait_until(ready, "the virtual cards are there")
    return env


def examined(phone):
    """The rows of `doctor` by what they are about, and the error of the answer, if it is one."""
    answer = phone.ask("doctor", within=60)
    listed = answer.get("result") or answer["error"]["data"]["result"]
    return {row["what"]: row for row in listed}, listed, answer.get("error")


def test_devices_are_tried(bench):
    """A card whose microphone hears its loudspeaker: levels of both, and the echo."""
    env = cards(bench, "room=echo,", "other=,")
    phone = bench.phone("set audio.input room", "set audio.output room", "set audio.ringer null", env=env, quiet=False)
    found, listed, error = examined(phone)
    equal(error, None, "nothing is wrong")
    names = [row["detail"] for row in listed if row["what"] in ("input", "output")]
    check("room, in use" in names and "other" in names, f"the devices are listed: {names}")
    equal([found[what]["result"] for what in ("loudspeaker", "microphone", "echo")], ["ok"] * 3, "rows")
    check(abs(found["loudspeaker"]["level"] + 15.3) < 1, f"what is played: {found['loudspeaker']}")
    check(abs(found["microphone"]["loudest"] + 32.2) < 3, f"a tenth comes back: {found['microphone']}")
    # Where a busy machine leaves gaps in the chirps they are not known again; tests/unit/media/mixer_test has that without a machine.
    echo = found["echo"]
    check("level" not in echo or (abs(echo["level"] + 35.3) < 3 and 0 < echo["round-trip"] < 0.4), f"and how late: {echo}")
    phone.do("set audio.echo-cancel off")
    found, _, error = examined(phone)
    equal((found["echo"]["result"], error), ("note" if "level" in found["echo"] else "ok", None), "others would hear themselves")
    check("level" not in found["echo"] or "set audio.echo-cancel on" in found["echo"]["detail"], f"a remedy: {found['echo']}")
    phone.do("set audio.volume off")
    found, _, error = examined(phone)
    equal((found["loudspeaker"]["result"], error["code"]), ("BAD", 6), "nothing can be heard")
    check("`volume 0dB`" in error["message"], f"the remedy is in the error: {error}")
    equal(phone.quit(), 0, "exit status")


def test_devices_that_do_not_work(bench):
    """A microphone that says nothing, and a loudspeaker that is not there."""
    env = cards(bench, "room=,")
    status, out, err = bench.script("set audio.input room", "set audio.output room", "set audio.ringer null", "doctor", env=env)
    equal((status, rows(out)["microphone"], rows(out)["loudspeaker"]), (6, "BAD", "ok"), f"a dead microphone: {out} {err}")
    check("says nothing at all" in out and "`audio input NAME`" in out, f"a remedy: {out}")
    status, out, err = bench.script("-set audio.output nosuch", "set audio.input room", "set audio.ringer null", "doctor", env=env)
    equal((status, rows(out)["loudspeaker"]), (6, "BAD"), f"no such loudspeaker: {out} {err}")
    check("'nosuch' cannot be used" in out, f"it is named: {out}")


def test_no_call_is_held_for_it(bench):
    phone = bench.phone()
    phone.do("call echo")
    phone.event("answered")
    found, _, error = examined(phone)
    equal((found["echo test"]["result"], error, phone.get("call.state")), ("note", None, "answered"), f"rows: {found}")
    check("`hangup all`" in found["echo test"]["detail"], f"what to do, however many are up: {found}")
    equal(phone.quit(), 0, "exit status")



# ---- why ----

# Every code of RFC 3261 21 and its extensions that can end a call.
CODES = [300, 301, 302, 305, 380, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 413, 414, 412, 415, 416, 417, 420, 421, 422, 423,
         424, 425, 428, 429, 430, 433, 436, 437, 438, 439, 440, 469, 470, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494, 500, 501, 502, 503, 504, 505,
         513, 555, 580, 600, 603, 604, 606, 607, 608]


def refuser(bench):
    """A UDP socket that answers INVITE for user NNN with status NNN; returns its port."""
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind(("127.0.0.1", 0))

    def serve():
        while True:
            data, source = wire.recvfrom(65536)
            lines = data.decode(errors="replace").split("\r\n")
            method, target = lines[0].split(" ")[:2]
            if method != "INVITE":
                continue
            code = target.split(":")[1].split("@")[0]
            kept = [line + (";tag=r" if line.startswith("To:") else "") for line in lines[1:]
                    if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
            wire.sendto("\r\n".join([f"SIP/2.0 {code} As The Server Says", *kept, "Content-Length: 0", "", ""]).encode(), source)
    threading.Thread(target=serve, daemon=True).start()
    return wire.getsockname()[1]


def test_why_of_every_status(bench):
    """Each code has a sentence of its own that says what to do; event, history, `why` and JSON have the same."""
    bench.need_namespace()
    port = refuser(bench)
    phone = bench.phone("set sip.listen 127.0.0.1:5062", args=("-n",))
    seen = {}
    for code in CODES:
        call = phone.do(f"call sip:{code}@127.0.0.1:{port}")["call"]
        failed = phone.event("failed", call=call)
        equal(failed["code"], code, "the code")
        sentence = failed.get("why", "")
        check(len(sentence) > 30 and sentence.startswith(f"{code} As The Server Says"), f"{code}: the event says '{sentence}'")
        told = phone.do(f"why {call}")["text"]
        check(sentence in told, f"{code}: `why` says '{told}', the event '{sentence}'")
        kept = phone.do(f"history match=*{code}@* last=1")[0]
        equal(kept["why"], sentence, f"{code}: history")
        seen.setdefault(sentence.split(". ", 1)[-1], []).append(code)
    alike = sorted(codes for codes in seen.values() if len(codes) > 1)
    check(all(set(codes) <= {401, 407} for codes in alike), f"a sentence for each: {alike}")
    equal(phone.quit(), 0, "exit status")


def test_why_of_what_no_server_says(bench):
    """Names, ways, ports, time, sound: what went wrong here has its sentence too, the same everywhere."""
    bench.need_namespace()
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    phone = bench.phone("set sip.listen 127.0.0.1:5062", "set sip.t1 50ms", "set call.accept any", "set dns.servers 127.0.0.1:9")
    cases = [("sip:a@nosuch.invalid", "dns", "set dns.servers"), ("sip:a@127.0.0.1:9", None, "the program"), ("sip:a@127.0.0.1:9;transport=tcp", None, "the program"),
             (f"sip:a@127.0.0.1:{silent.getsockname()[1]}", "timeout", "firewall"), ("sip:a@127.0.0.1:9 timeout=1s", None, "")]
    for target, cause, remedy in cases:
        call = phone.do(f"call {target}")["call"]
        failed = phone.event("failed", call=call, within=30)
        if cause:
            equal(failed["cause"], cause, f"{target}: the cause")
        sentence = failed.get("why", "")
        check(len(sentence) > 20 and remedy in sentence, f"{target}: {failed}")
        check(sentence in phone.do(f"why {call}")["text"], f"{target}: why")
        equal(phone.do("history last=1")[0]["why"], sentence, f"{target}: history")
    equal(phone.quit(), 0, "exit status")
