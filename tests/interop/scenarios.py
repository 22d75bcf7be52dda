"""The sipp scenarios of sipp/, each an XML file that sipp runs by itself: sipp checks what the phone sends, the test what the phone tells.

A file is named NAME_caller.xml where sipp calls or asks first, NAME_callee.xml (or after what sipp is then) where the phone does.
"""
import os

from harness import bound, equal, need, port_answers, sipp, sipp_ends, wait_until

PHONE, PEER, OTHER = 5070, 5080, 5090
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sipp")
TRANSPORTS = (("u1", ""), ("t1", ";transport=tcp"))


def phone_for(bench, *lines):
    need("sipp")
    phone = bench.phone(f"set sip.listen 127.0.0.1:{PHONE}", "set call.accept any", "set media.codecs PCMU", *lines)
    wait_until(lambda: port_answers("127.0.0.1", PHONE), "the phone listens")
    return phone


def start(bench, path, *args, port=PEER, calls=1, transport="u1", within=60):
    name = os.path.basename(path)[:-4]
    process = sipp(bench, *args, "-sf", path, "-i", "127.0.0.1", "-p", str(port), "-m", str(calls), "-t", transport, "-nostdin", "-timeout_error",
                   log=f"{name}-{len(bench.processes)}.log", within=within)
    if f"127.0.0.1:{PHONE}" not in args:
        wait_until(lambda: process.poll() is not None or bound(port, "tcp" if transport == "t1" else "udp"), "sipp listens")
    return process


def caller(bench, name, *args, **options):
    """sipp calls, or asks."""
    return start(bench, f"{FOLDER}/{name}.xml", f"127.0.0.1:{PHONE}", "-s", "bob", *args, **options)


def callee(bench, name, *args, **options):
    """sipp is called, or asked."""
    return start(bench, f"{FOLDER}/{name}.xml", *args, **options)


def rows(bench, *lines):
    """One call of sipp after the other, one for each of these, its fields apart by semicolons."""
    return ("-inf", bench.write(f"rows-{len(bench.processes)}.csv", "SEQUENTIAL\n" + "\n".join(lines) + "\n"), "-r", "50", "-l", "1")


def dial(phone, more="", user="bob", transport=""):
    return phone.do(f"call sip:{user}@127.0.0.1:{PEER}{transport} {more}")["call"]


def up(phone, more="", transport=""):
    call = dial(phone, more, transport=transport)
    phone.event("answered", call=call)
    return call


def ended(bench, phone, process, by=None):
    event = phone.event("ended")
    if by:
        equal(event["by"], by, "who ended the call")
    sipp_ends(bench, process)
    return event
