"""`doctor`: a row for each thing, and an exit status that tells."""
import re
import socket
import threading

from harness import check, equal
from proxies import ALICE, start_trapezoid

QUIET = ["set audio.input null", "set audio.output null", "set audio.ringer null"]


def rows(out):
    return {line[6:30].strip(): line[:4].strip() for line in out.splitlines() if line[:4] in ("ok  ", "note", "BAD ")}


def test_without_an_account(bench):
    status, out, err = bench.script(*QUIET, "doctor")
    equal(status, 0, f"status ({err})")
    found = rows(out)
    equal((found["sockets"], found["accounts"], found["echo test"]), ("ok", "note", "ok"), f"rows: {out}")


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
