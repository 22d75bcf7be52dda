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
    phone.do("wait answered within=30s")
    other.event("CALL_ESTABLISHED")
    talk(phone, codec.split("/")[0])
    phone.do("hangup")
    phone.do("wait ended within=30s")
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
    phone.do("wait answered within=30s")
    talk(phone, "G722")
    phone.do("hangup")
    phone.do("wait ended within=30s")
    other.type("quit")
    other.process.wait(30)
    check(hears(other.recording, 440), "linphonec heard our 440 Hz")


def two_phones(bench, ours, theirs):
    phone = phone_with_tone(bench, ours)
    other = bench.phone("set sip.listen 127.0.0.1:5090", "set call.accept any", "set call.auto-answer on", "set audio.input tone:660", f"set media.codecs {theirs}")
    phone.do("call sip:bob@127.0.0.1:5090")
    phone.do("wait answered within=30s")
    return phone, other


def test_changed_in_a_call(bench):
    """`codec` changes what a call is coded by, at once, and both sides tell it."""
    phone, other = two_phones(bench, "opus PCMU", "opus G722 PCMU PCMA L16/48000 L16/44100 L16/16000 L16/8000")
    talk(phone, "opus")
    for word in ("PCMA", "G722", "L16/44100", "L16/48000", "L16/8000", "L16/16000", "opus"):
        phone.do(f"codec order {word}")
        name, rate = (word.split("/") + [{"opus": "48000"}.get(word, "8000")])[:2]
        event = phone.event("codec", side="me")
        equal((event["codec"], str(event["rate"])), (name, rate), "event codec")
        phone.do("wait reinvite within=30s")
        other.event("codec", side="peer", codec=name)
        phone.event("codec", side="peer", codec=name)
        talk(phone, name)
        equal(other.get("call.codec"), name, "the other side sends")
    # A call that was made with codec= keeps it.
    phone.do("hangup")
    phone.do("call sip:bob@127.0.0.1:5090 codec=PCMU")
    phone.do("wait answered within=30s")
    phone.do("codec order PCMA")
    phone.do("reinvite")
    phone.do("wait reinvite within=30s")
    equal(phone.get("call.codec"), "PCMU", "codec")
    phone.do("hangup")


def test_pauses(bench):
    """`media.dtx on`: nobody speaks, next to nothing is sent, and nothing is missed by it (RFC 3389, RFC 7587 usedtx)."""
    phone, other = two_phones(bench, "PCMU", "PCMU PCMA G722 L16/16000 opus")
    for codec in ("PCMU", "PCMA", "G722", "L16/16000", "opus"):
        phone.do("hangup")
        phone.do("wait ended within=30s")
        for side in (phone, other):
            side.do("set media.dtx on")
        phone.do("set audio.input null")
        phone.do(f"call sip:bob@127.0.0.1:5090 codec={codec}")
        phone.do("wait answered within=30s")
        phone.do("wait media within=30s")
        offer = phone.do("trace text")["text"].rsplit("INVITE sip:", 1)[1]
        check("usedtx=1" in offer if codec == "opus" else " CN/" in offer, f"pauses are offered with {codec}")
        phone.do("sleep 2s")
        before = int(phone.get("media.sent"))
        phone.do("sleep 4s")
        sent = int(phone.get("media.sent")) - before
        check(1 <= sent <= 20, f"{codec}: {sent} packets in 4 s of silence")
        phone.do("set audio.input tone:440")
        wait_until(lambda: abs(float(other.get("tone.hz") or 0) - 440) < 3, f"440 Hz by {codec} after the pause")
        equal(other.get("media.loss"), "0.00%", "what was not sent is no loss")
        text = other.do("show call")["text"]
        check("lost        0 of" in text and "late 0" in text and "concealed 0" in text, text)
        check(not [e for e in other.events if e.get("event") == "lost"], "a pause is no lost sound")


def test_pauses_of_baresip(bench):
    """baresip may pause with Opus, and lets us; its tone comes through whole."""
    Baresip(bench, "opus", lines="opus_dtx yes\n")
    phone = phone_with_tone(bench, "opus", "set media.dtx on", "set audio.input null")
    phone.do(f"call sip:bob@127.0.0.1:{PEER}")
    phone.do("wait answered within=30s")
    talk(phone, "opus")
    before = int(phone.get("media.sent"))
    phone.do("sleep 4s")
    sent = int(phone.get("media.sent")) - before
    answer = phone.do("trace text")["text"]
    check("usedtx=1" in answer, "usedtx was offered")
    asked = "usedtx=1" in answer.rsplit("SIP/2.0 200 ", 1)[1]
    check(sent <= 20 if asked else sent >= 190, f"{sent} packets in 4 s of silence, usedtx asked for: {asked}")
    check("lost        0 of" in phone.do("show call")["text"], "nothing is lost")
    phone.do("hangup")


def test_reports_on_one_port(bench):
    """RFC 5761: the reports of both sides come by the port of the sound, and are read."""
    for mux in ("on", "off"):
        phone, other = two_phones(bench, "PCMU", "PCMU")
        if mux == "off":
            phone.do("hangup")
            phone.do("set media.rtcp-mux off")
            phone.do("call sip:bob@127.0.0.1:5090")
            phone.do("wait answered within=30s")
        equal("a=rtcp-mux" in phone.do("trace text")["text"].rsplit("INVITE sip:", 1)[1], mux == "on", "a=rtcp-mux")
        wait_until(lambda: phone.get("media.rtt") and other.get("media.rtt"), "round trips from reports")
        phone.quit()
        other.quit()
