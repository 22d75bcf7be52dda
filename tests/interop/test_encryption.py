"""SRTP by keys in SDP (RFC 4568) with baresip and linphonec, each as caller and callee; sound proved by what the other side recorded."""
import base64
import json
import os
import re
import resource

from certificates import make_ca, make_certificate
from harness import check, equal, hears, port_answers, wait_until
from test_phones import PEER, PHONE, Baresip, Linphone, phone_with_tone, talk
from wire import Peer, TlsPeer

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM")


def encrypted(phone):
    suite = phone.get("call.encryption")
    check(suite in SUITES, f"encryption {suite}")
    # A calling baresip sends one RTCP packet before it has our key.
    check(int(phone.get("media.forged")) <= 1, f"{phone.get('media.forged')} packets refused")
    return suite


def with_baresip(bench, caller, ours, theirs, codec="PCMU"):
    other = Baresip(bench, codec.lower() if codec in ("opus", "G722") else "g711", answers=caller, encryption=theirs)
    phone = phone_with_tone(bench, codec, f"set media.encryption {ours}", *([] if caller else ["set call.auto-answer on"]))
    if caller:
        phone.do(f"call sip:bob@127.0.0.1:{PEER}")
    else:
        other.command("dial", f"sip:alice@127.0.0.1:{PHONE}")
    phone.do("wait answered within=30s")
    other.event("CALL_ESTABLISHED")
    talk(phone, codec)
    suite = encrypted(phone) if theirs else phone.get("call.encryption")
    phone.do("hold")
    phone.do("wait held within=30s")
    phone.do("resume")
    phone.do("wait resumed within=30s")
    talk(phone, codec)
    equal(encrypted(phone) if theirs else phone.get("call.encryption"), suite, "encryption after a hold")
    phone.do("hangup")
    phone.do("wait ended within=30s")
    wait_until(lambda: os.path.exists(other.recording), "baresip's recording")
    check(hears(other.recording, 440), "baresip heard our 440 Hz")
    return suite


def test_srtp_baresip_called(bench):
    with_baresip(bench, True, "required", "srtp-mand")


def test_srtp_baresip_called_optional(bench):
    with_baresip(bench, True, "optional", "srtp", "opus")


def test_srtp_baresip_calls(bench):
    with_baresip(bench, False, "required", "srtp-mand", "opus")


def test_srtp_baresip_calls_optional(bench):
    with_baresip(bench, False, "optional", "srtp")


def test_srtp_baresip_called_g722(bench):
    with_baresip(bench, True, "required", "srtp-mand", "G722")


def test_srtp_baresip_calls_g722(bench):
    with_baresip(bench, False, "optional", "srtp-mand", "G722")


def test_srtp_keys_stay_secret(bench):
    """The key that a call really uses is in no trace, event or warning."""
    phone = phone_with_tone(bench, "PCMU", "set media.encryption required", "set call.auto-answer on", "trace on")
    other = bench.phone("set sip.listen 127.0.0.1:5090", "set media.encryption required", "set audio.input tone:660", "trace on")
    other.do(f"call sip:alice@127.0.0.1:{PHONE}")
    other.do("wait answered within=30s")
    other.do("wait media within=30s")
    other.do("set trace.redact off")
    wire = json.dumps(other.do("trace text"))
    keys = re.findall(r"inline:([A-Za-z0-9+/=]{40,})", wire)
    check(len(keys) >= 6, f"the keys that were sent: {keys}")
    said = json.dumps([phone.do("trace text"), phone.do("show media"), phone.do("show call"), phone.events]) + phone.error_text()
    check("inline:..." in said, "the trace shows where keys are")
    for key in keys:
        check(key not in said, "a key is shown")
    other.do("hangup")


def test_srtp_keys_over_clear(bench):
    """Beyond this host keys are not sent by UDP unless the user says so."""
    bench.need_namespace()
    phone = bench.phone("set sip.listen 192.0.2.1:5070", "set call.accept any", "set media.encryption required")
    other = bench.phone("set sip.listen 192.0.2.1:5090", "set call.accept any", "set media.encryption optional", "set call.auto-answer on",
                        "set audio.input tone:660")
    phone.do("call sip:bob@192.0.2.1:5090")
    failed = phone.event("failed")
    check("media.encryption-over-clear" in phone.do("why")["text"] + str(failed), f"told: {failed}")
    # What is only optional is left out.
    phone.do("call sip:bob@192.0.2.1:5090 encryption=optional")
    phone.do("wait answered within=30s")
    equal(phone.get("call.encryption"), "none", "encryption")
    equal(phone.get("sent.Content-Type"), "", "the ACK's body")
    phone.do("hangup")
    for each in (phone, other):
        each.do("set media.encryption-over-clear on")
    phone.do("call sip:bob@192.0.2.1:5090")
    phone.do("wait answered within=30s")
    encrypted(phone)
    phone.do("hangup")


def test_srtp_over_tls(bench):
    """Over TLS keys go by themselves; a call without an offer, holds and codec changes keep them."""
    bench.need_namespace()
    ca = make_ca(bench)
    phones = {}
    for host, hz in (("192.0.2.1", 440), ("192.0.2.4", 660)):
        phones[host] = bench.phone(f"set tls.ca {ca}", f"set tls.certificate {make_certificate(bench, host, 'IP:' + host)}",
                                   f"set sip.listen udp:{host}:5060 tls:{host}:5061", "set media.encryption required", "set call.auto-answer on",
                                   f"set audio.input tone:{hz}", "set media.codecs opus G722 PCMU")
        wait_until(lambda h=host: port_answers(h, 5061), f"{host} listens")
    alice, bob = phones["192.0.2.1"], phones["192.0.2.4"]
    for target, options in (("sips:bob@192.0.2.4", ""), ("sip:bob@192.0.2.4;transport=tls", "sdp=none")):
        alice.do(f"call {target} {options}")
        alice.do("wait answered within=30s")
        talk(alice, "opus")
        suite = encrypted(alice)
        bob.do("hold")
        alice.event("remote-held")
        bob.do("resume")
        alice.event("remote-resumed")
        alice.do("codec order PCMU")
        alice.do("wait reinvite within=30s")
        talk(alice, "PCMU")
        equal(encrypted(alice), suite, "encryption after a hold and another codec")
        check(650 < float(alice.get("tone.hz")) < 670, "bob is heard")
        check(430 < float(bob.get("tone.hz")) < 450, f"alice is heard: {bob.get('tone.hz')}")
        alice.do("hangup")
        bob.event("ended")
        alice.do("codec order opus")
    # By UDP the same phones do not talk.
    alice.do("call sip:bob@192.0.2.4")
    check("media.encryption-over-clear" in str(alice.event("failed")), "refused by UDP")


KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + base64.b64encode(bytes(30)).decode() + "\n"
IN_CLEAR = "everybody could read the keys"


class Moved:
    """A call to a scripted peer by TLS, encrypted, whose remote target is then a plain address."""

    def __init__(self, bench, *lines, scheme="sip", keys=True):
        bench.need_namespace()
        ca = make_ca(bench)
        self.tls = TlsPeer(5061, "192.0.2.4", make_certificate(bench, "peer", "IP:192.0.2.4"))
        self.plain = Peer(5090, "192.0.2.3")
        self.tls.scheme, self.keys = scheme, keys
        self.tls.parameters = ";transport=tls" if scheme == "sip" else ""
        self.phone = bench.phone(f"set tls.ca {ca}", "set sip.listen 192.0.2.1:5060", "set media.encryption required",
                                 "set media.encryption-suites AES_CM_128_HMAC_SHA1_80", *lines)
        self.phone.do(f"call {scheme}:peer@192.0.2.4:5061{self.tls.parameters}")
        self.invite = self.tls.receive("INVITE", 10)
        self.tls.respond(self.invite, 200, "OK", self.described())
        self.ack = self.tls.receive("ACK")
        self.phone.do("wait answered within=30s")
        self.cseq = 1

    def described(self, version=1):
        sdp = self.tls.sdp(version=version)
        return sdp.replace("RTP/AVP", "RTP/SAVP") + KEY if self.keys else sdp

    def ask(self, peer, method, to, body="", contact=True):
        """A request of the peer inside the dialog; returns what the phone answers."""
        self.cseq += 1
        ours = re.search("<(.*?)>", self.invite.get("Contact"))[1]
        peer.request(method, ours, self.invite.get("From"), f"{self.invite.get('To')};tag={self.tls.tag}", self.invite.get("Call-ID"), self.cseq, to,
                     body=body, contact=contact)
        while True:
            answer = peer.receive()
            if not answer.is_request and answer.status >= 200 and answer.get("CSeq") == f"{self.cseq} {method}":
                return answer

    def move(self, contact="Contact: <sip:peer@192.0.2.3:5090>"):
        answer = self.ask(self.tls, "UPDATE", None, contact=contact)
        equal(answer.status, 200, "the UPDATE that moves the target")

    def stands(self):
        equal(self.phone.get("call.encryption") in SUITES, self.keys, "encryption as it was")
        equal(self.phone.get("call.state"), "answered", "the state")


def test_srtp_keys_stay_when_the_target_moves(bench):
    """12.2: the peer's Contact is a plain address now: no offer and no answer of ours takes the keys there, and the call stays encrypted."""
    call = Moved(bench)
    call.move()
    call.phone.ask("hold")
    refused = call.phone.event("reinvite", direction="out")
    check(IN_CLEAR in refused["reason"] and "media.encryption-over-clear" in refused["reason"], str(refused))
    call.phone.ask("update")
    refused = call.phone.event("update", direction="out")
    check(IN_CLEAR in refused["reason"], str(refused))
    call.stands()
    # What the peer asks for in the clear is not answered there with keys, with an offer of its own or of ours.
    for body in (call.described(2), ""):
        answer = call.ask(call.plain, "INVITE", ("192.0.2.1", 5060), body, "Contact: <sip:peer@192.0.2.3:5090>")
        equal(answer.status, 488, "a re-INVITE in the clear")
    equal(call.ask(call.plain, "UPDATE", ("192.0.2.1", 5060), call.described(2)).status, 488, "an UPDATE in the clear")
    call.stands()
    for message in call.plain.pending:
        check("crypto" not in message.body, message.body)
    # By the way that is private all goes on.
    call.move(call.tls.contact())
    call.phone.do("hold")
    reinvite = call.tls.receive("INVITE")
    check("a=crypto:" in reinvite.body, reinvite.body)
    call.tls.respond(reinvite, 200, "OK", call.described(3))
    call.phone.do("wait held within=30s")
    # Whoever permits it has them sent.
    call.phone.do("set media.encryption-over-clear on")
    call.move()
    call.phone.do("resume")
    check("a=crypto:" in call.plain.receive("INVITE").body, "permitted")


def test_srtp_optional_keys_stay_when_the_target_moves(bench):
    """`optional` that came to encryption is not offered away either; where nothing is encrypted the offer goes without keys."""
    call = Moved(bench, "set media.encryption optional")
    call.move()
    call.phone.ask("hold")
    check(IN_CLEAR in call.phone.event("reinvite", direction="out")["reason"], "refused")
    call.stands()


def test_srtp_unused_keys_are_left_out_when_the_target_moves(bench):
    """`optional` where nothing was encrypted: the offer goes to the plain address, without keys."""
    call = Moved(bench, "set media.encryption optional", keys=False)
    check("a=crypto:" in call.invite.body, "offered by TLS")
    call.move()
    call.phone.do("hold")
    reinvite = call.plain.receive("INVITE")
    check("a=crypto:" not in reinvite.body and "m=audio" in reinvite.body, reinvite.body)
    call.plain.respond(reinvite, 200, "OK", call.described(2))
    call.phone.do("wait held within=30s")
    equal(call.phone.get("call.encryption"), "none", "encryption")


def test_srtp_answer_in_an_ack_stays_when_the_target_moves(bench):
    """A re-INVITE without an offer: the 2xx brings one and a plain Contact, and the ACK that has to answer it there refuses the sound and takes no keys along."""
    call = Moved(bench)
    call.phone.do("reinvite sdp=none")
    reinvite = call.tls.receive("INVITE")
    call.tls.respond(reinvite, 200, "OK", call.described(2), headers=["Contact: <sip:peer@192.0.2.3:5090>"])
    ack = call.plain.receive("ACK")
    check("m=audio 0 " in ack.body and "a=crypto:" not in ack.body and "inline:" not in ack.body, f"the ACK: {ack.body}")
    call.phone.event("ended")


def test_sips_stays_sips(bench):
    """26.2.2: a target refresh leads from sips: to sips: only."""
    call = Moved(bench, scheme="sips")
    call.move()
    call.phone.do("hold")
    reinvite = call.tls.receive("INVITE")
    check(reinvite.start.startswith("INVITE sips:"), reinvite.start)
    check("not taken in place of sips:" in call.phone.error_text(), call.phone.error_text())
    call.tls.respond(reinvite, 200, "OK", call.described(2), headers=["Contact: <sip:peer@192.0.2.3:5090>"])
    call.phone.do("wait held within=30s")
    call.phone.do("hangup")
    call.tls.receive("BYE")


def test_srtp_offers_are_refused(bench):
    """488 for what cannot be encrypted; the call goes on when a re-INVITE would take the encryption away."""
    phone = phone_with_tone(bench, "PCMU", "set media.encryption required", "set call.auto-answer on")
    plain = bench.phone("set sip.listen 127.0.0.1:5090", "set audio.input tone:660")
    plain.do(f"call sip:alice@127.0.0.1:{PHONE}")
    equal(plain.event("failed")["code"], 488, "a plain offer")
    check("media.encryption is required" in phone.error_text(), phone.error_text())
    plain.do("set media.encryption optional")
    plain.do(f"call sip:alice@127.0.0.1:{PHONE}")
    plain.do("wait answered within=30s")
    plain.do("wait media within=30s")
    encrypted(plain)
    plain.do("hangup")
    phone.do("set media.encryption off")
    plain.do(f"call sip:alice@127.0.0.1:{PHONE} encryption=required")
    equal(plain.event("failed")["code"], 488, "RTP/SAVP where encryption is off")
    phone.do("set media.encryption optional")
    plain.do(f"call sip:alice@127.0.0.1:{PHONE} encryption=required")
    plain.do("wait answered within=30s")
    encrypted(plain)
    plain.do("hangup")


def test_srtp_when_there_is_a_descriptor_again(bench):
    """No descriptor was left to open the library with when the first encrypted call came: later ones are encrypted all the same."""
    phone = phone_with_tone(bench, "PCMU", "set media.encryption optional", "set call.auto-answer on")
    other = bench.phone("set sip.listen 127.0.0.1:5090", "set media.codecs PCMU", f"set media.encryption-suites {SUITES[0]}")
    phone.do("show version")
    limits = resource.prlimit(phone.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(phone.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    other.do(f"call sip:alice@127.0.0.1:{PHONE} encryption=required")
    check(other.event("failed")["code"] in (488, 500, 503), "without the library")
    check("libsrtp2 cannot be opened" in phone.error_text(), phone.error_text())
    resource.prlimit(phone.process.pid, resource.RLIMIT_NOFILE, limits)
    other.do(f"call sip:alice@127.0.0.1:{PHONE} encryption=required")
    other.do("wait answered within=30s")
    encrypted(other)
    other.do("hangup")


def test_srtp_of_an_account(bench):
    """An account sees media.encryption otherwise than the phone."""
    phone = phone_with_tone(bench, "PCMU", "account add sip:alice@127.0.0.1 name=safe registrar=none media.encryption=required")
    other = bench.phone("set sip.listen 127.0.0.1:5090", "set call.accept any", "set media.encryption optional", "set call.auto-answer on",
                        "set audio.input tone:660")
    phone.do("call sip:bob@127.0.0.1:5090 from=safe")
    phone.do("wait answered within=30s")
    encrypted(phone)
    phone.do("hangup")
    check("error" in phone.ask("account set safe media.encryption=perhaps"), "a value that is none")
    phone.do("account set safe media.encryption=")
    phone.do("call sip:bob@127.0.0.1:5090 from=safe")
    phone.do("wait answered within=30s")
    equal(phone.get("call.encryption"), "none", "as everybody")
    phone.do("hangup")
    other.quit()


def test_srtp_baresip_without(bench):
    """A peer that knows nothing of keys passes over those that are optional."""
    equal(with_baresip(bench, True, "optional", None), "none", "encryption")


def with_linphone(bench, caller, ours, theirs, codec="PCMU"):
    other = Linphone(bench, codec, answers=caller, encryption=theirs)
    phone = phone_with_tone(bench, codec, f"set media.encryption {ours}", *([] if caller else ["set call.auto-answer on"]))
    if caller:
        phone.do(f"call sip:bob@127.0.0.1:{PEER}")
    else:
        other.type(f"call sip:alice@127.0.0.1:{PHONE}")
    phone.do("wait answered within=30s")
    talk(phone, codec)
    encrypted(phone)
    phone.do("hold")
    phone.do("wait held within=30s")
    phone.do("resume")
    phone.do("wait resumed within=30s")
    talk(phone, codec)
    encrypted(phone)
    phone.do("hangup")
    phone.do("wait ended within=30s")
    other.type("quit")
    other.process.wait(30)
    check(hears(other.recording, 440), "linphonec heard our 440 Hz")


LINPHONE_SRTP = "[sip]\nmedia_encryption=srtp\nmedia_encryption_mandatory=1\n"


def test_srtp_linphonec_called(bench):
    with_linphone(bench, True, "required", LINPHONE_SRTP)


def test_srtp_linphonec_calls(bench):
    with_linphone(bench, False, "optional", LINPHONE_SRTP, "opus")


def test_srtp_linphonec_called_g722(bench):
    with_linphone(bench, True, "required", LINPHONE_SRTP, "G722")


def test_srtp_linphonec_calls_g722(bench):
    with_linphone(bench, False, "required", LINPHONE_SRTP, "G722")


def test_srtp_linphonec_called_opus(bench):
    with_linphone(bench, True, "required", LINPHONE_SRTP, "opus")
