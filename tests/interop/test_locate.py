"""Where to send (RFC 3263), by dnsmasq: NAPTR, SRV, fail-over after silence and 503, Retry-After, ports, "decidedly not here"."""
import socket

from harness import check, equal
from proxies import ALICE, start_dns
from wire import Message, Peer

TWO, THREE, FOUR, PORT = "192.0.2.2", "192.0.2.3", "192.0.2.4", 5066
WHERE = f"""local=/where.test/
host-record=two.where.test,{TWO}
host-record=three.where.test,{THREE}
host-record=four.where.test,{FOUR}
naptr-record=naptr.where.test,20,10,s,SIP+D2U,,_sip._udp.naptr.where.test
naptr-record=naptr.where.test,10,10,s,SIP+D2T,,_sip._tcp.naptr.where.test
srv-host=_sip._udp.naptr.where.test,two.where.test,{PORT},1,1
srv-host=_sip._tcp.naptr.where.test,three.where.test,{PORT},1,1
srv-host=_sip._udp.order.where.test,three.where.test,{PORT},20,1
srv-host=_sip._udp.order.where.test,two.where.test,{PORT},10,1
srv-host=_sip._udp.weight.where.test,two.where.test,{PORT},10,90
srv-host=_sip._udp.weight.where.test,three.where.test,{PORT},10,10
srv-host=_sip._udp.none.where.test
host-record=none.where.test,{TWO}
host-record=plain.where.test,{FOUR}
"""


def start(bench, *lines):
    start_dns(bench, WHERE)
    return bench.phone(f"set sip.listen {ALICE}:5060", *lines)


def test_naptr(bench):
    """NAPTR of the lowest order decides the transport, whatever we would have taken."""
    listener = socket.create_server((THREE, PORT))
    phone = start(bench)
    phone.do("call sip:bob@naptr.where.test")
    listener.settimeout(5)
    stream, _ = listener.accept()
    stream.settimeout(5)
    invite = Message(stream.recv(65536))
    check(invite.start.startswith("INVITE sip:bob@naptr.where.test SIP/2.0") and invite.get("Via").startswith("SIP/2.0/TCP"), invite.start)


def test_transport_of_the_uri(bench):
    """transport= passes NAPTR over; a port passes SRV over (4.1, 4.2)."""
    two, four = Peer(PORT, TWO), Peer(5099, FOUR)
    phone = start(bench)
    phone.do("call \"sip:bob@naptr.where.test;transport=udp\"")
    two.respond(two.receive("INVITE"), 486, "Busy Here")
    phone.event("failed", code=486)
    phone.do("call sip:bob@plain.where.test:5099")
    four.respond(four.receive("INVITE"), 486, "Busy Here")
    phone.event("failed", code=486)


def test_a_host_without_records(bench):
    """Neither NAPTR nor SRV: its address and 5060."""
    four = Peer(5060, FOUR)
    phone = start(bench)
    phone.do("call sip:bob@plain.where.test")
    four.receive("INVITE")


def test_decidedly_not_here(bench):
    """SRV to "." says that nobody is there, though the name has an address (RFC 2782)."""
    two = Peer(5060, TWO)
    phone = start(bench)
    phone.do("call sip:bob@none.where.test")
    equal(phone.event("failed")["cause"], "dns", "cause")
    two.nothing("INVITE", 0.3)


def test_fails_over_after_silence(bench):
    """4.3: the first is silent for Timer B; the next gets a transaction of its own. Who failed is asked last afterwards."""
    two, three = Peer(PORT, TWO), Peer(PORT, THREE)
    phone = start(bench, "set sip.t1 20ms")
    phone.do("call sip:bob@order.where.test")
    first = two.receive("INVITE")
    second = three.receive("INVITE")
    check(first.get("Via") != second.get("Via") and first.get("Call-ID") == second.get("Call-ID"), "the same call, another transaction")
    three.respond(second, 486, "Busy Here")
    phone.event("failed", code=486)
    two.pending.clear()
    phone.do("call sip:bob@order.where.test")
    three.respond(three.receive("INVITE"), 486, "Busy Here")
    phone.event("failed", code=486)


def test_fails_over_after_503(bench):
    """21.5.4: 503 sends to the next, and the server is left alone as long as it asks for."""
    two, three = Peer(PORT, TWO), Peer(PORT, THREE)
    phone = start(bench)
    for retry, first in (("Retry-After: 1", two), ("Retry-After: 1", None)):
        phone.do("call sip:bob@order.where.test")
        if first:
            invite = two.receive("INVITE")
            two.respond(invite, 503, "Service Unavailable", headers=(retry,))
            two.receive("ACK")
        three.respond(three.receive("INVITE"), 486, "Busy Here")
        phone.event("failed", code=486)
        two.nothing("INVITE", 0.1)
    two.nothing("INVITE", 1.2)
    phone.do("call sip:bob@order.where.test")
    two.respond(two.receive("INVITE"), 486, "Busy Here")
    equal(phone.event("failed")["code"], 486, "the first again, after its second")


def test_the_last_503_is_told(bench):
    """Nobody is left: the 503 is the outcome, and nothing redials by itself."""
    two, three = Peer(PORT, TWO), Peer(PORT, THREE)
    phone = start(bench)
    phone.do("call sip:bob@order.where.test")
    for peer in (two, three):
        peer.respond(peer.receive("INVITE"), 503, "Service Unavailable", headers=("Retry-After: 1",))
        peer.receive("ACK")
    equal(phone.event("failed")["code"], 503, "code")
    check("Retry-After" in str(phone.do("why")) or "1 s" in str(phone.do("why")), phone.do("why"))
    two.nothing("INVITE", 1.5)


def test_weights(bench):
    """RFC 2782: of one priority the heavier one is asked more often."""
    two, three = Peer(PORT, TWO), Peer(PORT, THREE)
    phone = start(bench)
    got = {TWO: 0, THREE: 0}
    for _ in range(40):
        phone.do("call sip:bob@weight.where.test")
        found = None
        while not found:
            for peer in (two, three):
                peer.socket.settimeout(0.05)
                try:
                    raw, source = peer.socket.recvfrom(65536)
                except socket.timeout:
                    continue
                message = Message(raw, source)
                if message.method == "INVITE":
                    found = peer
                    got[peer.host] += 1
                    peer.respond(message, 486, "Busy Here")
        phone.event("failed", code=486)
    check(got[TWO] > got[THREE], f"{got}")
