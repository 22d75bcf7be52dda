"""The other codecs with baresip and linphonec: G.722, L16; what is changed in a call; sound proved by what the other side recorded."""
import os

from harness import check, equal, hears, wait_until
from test_phones import PEER, PHONE, Baresip, Linphone, phone_with_tone, talk


def with_baresip(bench, codec, module, caller, *more):
    other = Baresip(bench, module, answers=caller)
    phone = phone_with_tone(bench, codec, *more, *([] if caller else ["set call.auto-answer on"]))
    if caller:
        phone.do(f"call sip:bob@127.0.0.1:{PEER}")
    else:
        other.command("dial", f"sip:alice@127.0.0.1:{PHONE}")
    phone.do("wait answered within=10s")
    other.event("CALL_ESTABLISHED")
    talk(phone, codec.split("/")[0])
    phone.do("hangup")
    phone.do("wait ended within=10s")
    wait_until(lambda: os.path.exists(other.recording), "baresip's recording")
    check(hears(other.recording, 440), "baresip heard our 440 Hz")


def test_baresip_called_g722(bench):
    with_baresip(bench, "G722", "g722", True)


def test_baresip_calls_g722(bench):
    with_baresip(bench, "G722", "g722", False)


def test_baresip_called_l16(bench):
    with_baresip(bench, "L16/16000", "l16", True)


def test_linphonec_g722(bench):
    other = Linphone(bench, "G722")
    phone = phone_with_tone(bench, "G722")
    phone.do(f"call sip:bob@127.0.0.1:{PEER}")
    phone.do("wait answered within=20s", within=30)
    talk(phone, "G722")
    phone.do("hangup")
    phone.do("wait ended within=10s")
    other.type("quit")
    other.process.wait(15)
    check(hears(other.recording, 440), "linphonec heard our 440 Hz")
