"""TLS: calls between phones, refusals with their sentences, the trapezoid with every hop secured."""
import socket
import ssl
import struct
import subprocess
import threading

from certificates import make_ca, make_certificate
from harness import OFFHOOK, check, equal, need, port_answers, wait_until
from proxies import ALICE, BOB, start_dns, start_trapezoid
from wire import Sniffer


def listener(bench, address, certificate, ca, *lines):
    phone = bench.phone(f"set tls.ca {ca}", f"set tls.certificate {certificate}", f"set sip.listen udp:{address}:5060 tls:{address}:5061",
                        "set media.ports 30000-30098", *lines)
    wait_until(lambda: port_answers(address, 5061), f"{address} listens")
    return phone


def test_a_call_between_phones(bench):
    """sips: from phone to phone: the certificate shows the address, Contact is sips, the BYE comes back over TLS."""
    bench.need_namespace()
    ca = make_ca(bench)
    bob = listener(bench, "192.0.2.4", make_certificate(bench, "bob", "IP:192.0.2.4"), ca)
    alice = listener(bench, "192.0.2.1", make_certificate(bench, "alice", "IP:192.0.2.1"), ca)
    for target in ("sips:bob@192.0.2.4", "sip:bob@192.0.2.4;transport=tls"):
        alice.do(f"call {target}")
        bob.event("incoming")
        bob.do("answer")
        alice.event("answered")
        contact = alice.get("received.contact")
        check(contact.startswith("<sips:" if target.startswith("sips") else "<sip:"), contact)
        check(("transport=tls" in contact) == target.startswith("sip:"), contact)
        check("192.0.2.4:5061" in contact, contact)
        check(alice.get("sent.via").startswith("SIP/2.0/TLS 192.0.2.1:5061"), alice.get("sent.via"))
        alice.event("media")
        bob.do("hangup")
        alice.event("ended")
    alice.quit()
    bob.quit()


def test_redirected_no_less_securely(bench):
    """8.1.3.4, 26.2.2: a 302 leads from sips: to sips: only, or the call would go on in the clear; sip: may become sips:."""
    bench.need_namespace()
    ca = make_ca(bench)
    certificate = make_certificate(bench, "bob", "IP:192.0.2.4")
    bob = listener(bench, "192.0.2.4", certificate, ca)
    carol = listener(bench, "192.0.2.3", make_certificate(bench, "carol", "IP:192.0.2.3"), ca, "set sip.listen tls:192.0.2.3:5061")
    alice = bench.phone(f"set tls.ca {ca}", "set sip.listen 192.0.2.1:5060", "set call.follow-redirect on")
    for called, sent_to, follows in (("sips", "sip", False), ("sips", "sips", True), ("sip", "sips", True)):
        number = alice.do(f"call {called}:bob@192.0.2.4")["call"]
        bob.event("incoming")
        bob.do(f"redirect {sent_to}:carol@192.0.2.3")
        if not follows:
            equal(alice.event("failed", call=number)["code"], 302, "not followed")
            continue
        carol.event("incoming")
        alice.do("hangup")
        alice.event("failed", call=number)


def test_without_a_certificate_of_our_own(bench):
    """A phone that only connects is reached on its connection: a BYE from the other side ends the call there."""
    bench.need_namespace()
    ca = make_ca(bench)
    bob = listener(bench, "192.0.2.4", make_certificate(bench, "bob", "IP:192.0.2.4"), ca)
    alice = bench.phone(f"set tls.ca {ca}", "set sip.listen 192.0.2.1:5060")
    alice.do("call sip:bob@192.0.2.4;transport=tls")
    bob.event("incoming")
    bob.do("answer")
    alice.event("answered")
    alice.event("media")
    bob.do("hold")
    alice.event("remote-held")
    bob.do("hangup")
    alice.event("ended")
    alice.quit()
    bob.quit()


def refused(bench, phone, words, target="sip:bob@biloxi.com;transport=tls"):
    phone.do(f"call {target}")
    failed = phone.event("failed")
    equal(failed["cause"], "tls", f"the cause ({failed})")
    check(words in failed["reason"], f"'{failed['reason']}' does not say '{words}'")
    check(words in str(phone.do("why")), f"`why` does not say '{words}': {phone.do('why')}")


def hang_up_on_the_first_byte(server):
    """Whoever connects is cut off by a reset as soon as they speak."""
    connection, _ = server.accept()
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_refusals(bench):
    """Expired, unknown issuer, wrong name, no TLS, a server that wants a certificate, only TLS 1.1: each in its own words."""
    bench.need_namespace()
    need("openssl")
    start_dns(bench)
    ca = make_ca(bench)
    make_ca(bench, "other")
    servers = {
        "192.0.2.1:5071": ("old", make_certificate(bench, "old", "DNS:biloxi.com", days=0), []),
        "192.0.2.1:5072": ("stranger", make_certificate(bench, "stranger", "DNS:biloxi.com", ca="other"), []),
        "192.0.2.1:5073": ("wrong", make_certificate(bench, "wrong", "DNS:evil.com"), []),
        "192.0.2.1:5074": ("mutual", make_certificate(bench, "mutual", "DNS:proxy.biloxi.com"), ["-Verify", "1", "-CAfile", ca]),
        "192.0.2.1:5075": ("ancient", make_certificate(bench, "ancient", "DNS:biloxi.com"), ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]),
    }
    for address, (name, path, more) in servers.items():
        bench.start(["openssl", "s_server", "-accept", address, "-cert", path, "-key", path, "-quiet", *more], log=f"{name}.log", stdin=subprocess.PIPE)
        wait_until(lambda a=address: port_answers(a.split(":")[0], int(a.split(":")[1])), f"{name} listens")
    plain = bench.phone("set sip.listen 192.0.2.3:5076")
    phone = bench.phone(f"set tls.ca {ca}", "set sip.listen 192.0.2.3:5060")
    bench.write("hosts", "192.0.2.1 biloxi.com proxy.biloxi.com\n")
    subprocess.run(["mount", "--bind", bench.path("hosts"), "/etc/hosts"], check=True)
    hosts = "sip:bob@biloxi.com:{};transport=tls"
    refused(bench, phone, "the certificate expired on 2021-02-03", hosts.format(5071))
    refused(bench, phone, "the issuer of the certificate is unknown here (Test other)", hosts.format(5072))
    refused(bench, phone, "belongs to evil.com, not to biloxi.com", hosts.format(5073))
    refused(bench, phone, "tls.certificate", "sip:bob@proxy.biloxi.com:5074;transport=tls")
    refused(bench, phone, "TLS", hosts.format(5075))
    refused(bench, phone, "the other side", "sip:bob@192.0.2.3:5076;transport=tls")
    with socket.create_server(("192.0.2.1", 5077)) as server:
        threading.Thread(target=hang_up_on_the_first_byte, args=(server,), daemon=True).start()
        refused(bench, phone, "closed the connection during the TLS handshake", "sip:bob@192.0.2.1:5077;transport=tls")
    # Whoever wants it reaches anybody.
    phone.do("set tls.verify off")
    phone.do(f"call {hosts.format(5073)}")
    wait_until(lambda: "sent TLS" in str(phone.do("trace text")), "the INVITE went out by TLS")
    phone.do("set sip.listen tls:192.0.2.3:5061")
    wait_until(lambda: "tls.certificate is not set" in phone.error_text(), "the missing certificate is told")
    phone.quit()
    plain.quit()


def shake_hands(server, context, seen):
    """Whoever connects: under which name they asked for the server, and the version that both speak."""
    connection, _ = server.accept()
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with context.wrap_socket(connection, server_side=True) as secured:
        seen.append((names, secured.version(), secured.recv(7)))


def test_versions_and_the_name_that_is_asked_for(bench):
    """TLS 1.2 and 1.3; the handshake names the host of the URI, so that a server of many names shows the right certificate, and no address (RFC 6066 3)."""
    bench.need_namespace()
    ca = make_ca(bench)
    path = make_certificate(bench, "both", "DNS:biloxi.com,IP:192.0.2.1")
    bench.write("hosts", "192.0.2.1 biloxi.com\n")
    subprocess.run(["mount", "--bind", bench.path("hosts"), "/etc/hosts"], check=True)
    start_dns(bench)
    phone = bench.phone(f"set tls.ca {ca}", "set sip.listen 192.0.2.3:5060")
    rows = [(ssl.TLSVersion.TLSv1_2, "biloxi.com", "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "biloxi.com", "TLSv1.3"), (ssl.TLSVersion.TLSv1_3, "192.0.2.1", "TLSv1.3")]
    for port, (version, host, words) in enumerate(rows, 5071):
        context, seen = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
        context.load_cert_chain(path)
        context.minimum_version = context.maximum_version = version
        with socket.create_server(("192.0.2.1", port)) as server:
            thread = threading.Thread(target=shake_hands, args=(server, context, seen), daemon=True)
            thread.start()
            phone.do(f"call sip:bob@{host}:{port};transport=tls")
            phone.event("failed")
            thread.join(10)
        equal(seen, [([host if host == "biloxi.com" else None], words, b"INVITE ")], host)
    phone.quit()


def test_an_account_with_rules_of_its_own(bench):
    """A server that signed for itself: refused to everybody, reached by the account that knows its key, and by that one alone."""
    bench.need_namespace()
    ca = make_ca(bench)
    certificate = make_certificate(bench, "bob", "DNS:elsewhere.com")
    pin = subprocess.run("openssl x509 -in bob.crt -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64",
                         shell=True, cwd=bench.folder, capture_output=True, text=True, check=True).stdout.strip()
    bob = listener(bench, "192.0.2.4", certificate, ca, "on incoming do answer")
    alice = bench.phone("set sip.listen 192.0.2.1:5060", "account add sip:alice@192.0.2.4 registrar=none name=plain",
                        f"account add sip:alice@192.0.2.9 registrar=none name=pinned tls.pin={pin}")
    refused(bench, alice, "unknown here", "sip:bob@192.0.2.4;transport=tls")
    alice.do("call sip:bob@192.0.2.4;transport=tls from=pinned")
    alice.event("answered")
    alice.do("call sip:bob@192.0.2.4;transport=tls from=plain")
    failed = alice.event("failed")
    equal(failed["cause"], "tls", "the other account's connection is not taken")
    bob.do("hangup all")
    alice.event("ended")
    alice.quit()
    bob.quit()


BOB_SCRIPT = """set sip.listen {bob}:5060
set tls.ca {ca}
set audio.input tone:660
set audio.output null
account add sips:bob@biloxi.com password=secret
wait registered within=30s
wait incoming within=30s
answer
wait answered within=30s
wait media within=30s
sleep 1s
expect tone.hz > 430
expect tone.hz < 450
hangup
wait ended within=30s
unregister
wait unregistered within=30s
"""
ALICE_SCRIPT = """set sip.listen {alice}:5060
set tls.ca {ca}
set audio.input tone:440
set audio.output null
account add sips:alice@atlanta.com proxy=sips:atlanta.com password=secret
wait registered within=30s
call sips:bob@biloxi.com
wait answered within=30s
wait media within=30s
wait ended within=30s
unregister
wait unregistered within=30s
"""


def test_the_trapezoid(bench):
    """sips: through two proxies: every hop TLS, SRV with a dead first target, SHA-256 digest; nothing readable on the wire."""
    proxies = start_trapezoid(bench, "TLS", "DIGEST", "RECORD_ROUTE", algorithm="SHA-256", tls=True)
    sniffer = Sniffer()
    ca = bench.path("ca.pem")
    bob_file = bench.write("bob.call", BOB_SCRIPT.format(bob=BOB, ca=ca))
    alice_file = bench.write("alice.call", ALICE_SCRIPT.format(alice=ALICE, ca=ca))
    bob = bench.start([OFFHOOK, "-n", "-v", "-f", bob_file], log="bob.log")
    wait_until(lambda: "registered" in bench.log_of(bob), "bob registers")
    alice = bench.start([OFFHOOK, "-n", "-v", "-f", alice_file], log="alice.log")
    for name, process in (("alice", alice), ("bob", bob)):
        try:
            status = process.wait(40)
        except subprocess.TimeoutExpired:
            status = "no end"
        check(status == 0, f"{name}'s script ended with {status}: {bench.log_of(process)[-900:]}")
    for proxy in proxies:
        check(proxy.poll() is None, f"a proxy died: {bench.log_of(proxy)[-400:]}")
    equal([str(m) for m in sniffer.messages], [], "SIP that can be read on the wire")
