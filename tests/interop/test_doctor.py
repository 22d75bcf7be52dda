"""`doctor`: a row for each thing, and an exit status that tells."""
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
    status, out, err = bench.script(*QUIET, f"set sip.listen {ALICE}:5060", "account add sip:alice@atlanta.com name=work password=wrong", "doctor")
    equal((status, rows(out)["registers"]), (3, "BAD"), f"a wrong password: {out} {err}")
    check("password" in out, f"and what to do: {out}")
    check(all(p.poll() is None for p in bench_proxies), "a proxy died")


def test_what_is_not_there(bench):
    cases = [("sip:a@nosuch.invalid", 7, "name resolves"), ("sip:a@127.0.0.1:9", 7, "connects")]
    for address, want, row in cases:
        status, out, err = bench.script(*QUIET, f"account add {address} password=x", "doctor")
        equal((status, rows(out).get(row), rows(out)["echo test"]), (want, "BAD", "ok"), f"{address}: {out} {err}")
