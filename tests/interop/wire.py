"""SIP by hand: a scripted peer on a UDP socket, and a look at every packet that passes `lo`."""
import os
import re
import socket
import ssl
import struct
import threading
import time

from harness import Failed, Skip

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type", "k": "supported"}


SO_RCVBUFFORCE = 33  # not in the module


class Message:
    """A SIP message taken apart just far enough to compare it."""

    def __init__(self, raw, source=None, destination=None, at=0.0):
        self.raw, self.source, self.destination, self.at = raw, source, destination, at
        head, _, self.body = raw.decode(errors="replace").partition("\r\n\r\n")
        rows = head.split("\r\n")
        self.start = rows[0]
        self.headers = []
        for row in rows[1:]:
            if row[:1] in " \t" and self.headers:
                self.headers[-1] = (self.headers[-1][0], self.headers[-1][1] + " " + row.strip())
            else:
                name, _, value = row.partition(":")
                name = name.strip().lower()
                self.headers.append((COMPACT.get(name, name), value.strip()))

    def all(self, name):
        return [value for key, value in self.headers if key == name.lower()]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    @property
    def is_request(self):
        return not self.start.startswith("SIP/2.0")

    @property
    def method(self):
        return self.start.split()[0] if self.is_request else (self.get("CSeq") or "? ?").split()[1]

    @property
    def status(self):
        return 0 if self.is_request else int(self.start.split()[1])

    def __str__(self):
        return f"{self.source}->{self.destination} {self.start}"


class Peer:
    """A user agent that says exactly what the test makes it say."""

    protocol, scheme, parameters = "UDP", "sip", ""

    def __init__(self, port, host="127.0.0.1"):
        self.host, self.port = host, port
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.tag = "peer" + os.urandom(4).hex()
        self.branches = 0
        self.pending = []

    def receive(self, wanted=None, within=30.0):
        """The next message; with `wanted` (a method, or a status) the next such one, others are kept in order."""
        def fits(m):
            if wanted is None:
                return True
            return m.status == wanted if isinstance(wanted, int) else m.is_request and m.method == wanted
        for i, m in enumerate(self.pending):
            if fits(m):
                return self.pending.pop(i)
        end = time.monotonic() + within
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise Failed(f"no {wanted} came within {within} s; kept: {[m.start for m in self.pending]}")
            try:
                self.wait(left)
                raw, source = self.datagram()
            except socket.timeout:
                continue
            if not raw.strip(b"\r\n\0 "):
                continue
            message = Message(raw, source)
            if fits(message):
                return message
            self.pending.append(message)

    def datagram(self):
        return self.socket.recvfrom(65536)

    def wait(self, seconds):
        self.socket.settimeout(seconds)

    def nothing(self, wanted, within=1.0):
        """Nothing of this kind may come."""
        try:
            message = self.receive(wanted, within)
        except Failed:
            return
        raise Failed(f"{message.start} came")

    def send(self, text, to):
        self.socket.sendto(text if isinstance(text, bytes) else text.replace("\r\n", "\n").replace("\n", "\r\n").encode(), to)

    def respond(self, request, status, phrase, body="", tag=None, headers=()):
        rows = [f"SIP/2.0 {status} {phrase}"] + [f"Via: {v}" for v in request.all("Via")]
        to = request.get("To")
        if status > 100 and "tag=" not in to:
            to += f";tag={tag or self.tag}"
        rows += [f"From: {request.get('From')}", f"To: {to}", f"Call-ID: {request.get('Call-ID')}", f"CSeq: {request.get('CSeq')}",
                 *([] if any(h.startswith("Contact:") for h in headers) else [self.contact()]), *headers]
        self.send(self.finish(rows, body), request.source)

    def contact(self):
        return f"Contact: <{self.scheme}:peer@{self.host}:{self.port}{self.parameters}>"

    @staticmethod
    def finish(rows, body="", type="application/sdp"):
        if body:
            rows = [*rows, f"Content-Type: {type}"]
        return "\n".join([*rows, f"Content-Length: {len(body.replace(chr(10), chr(13) + chr(10)).encode())}", "", ""]) + body

    def request(self, method, target, to, dialog_from, call_id, cseq, destination, body="", headers=(), branch=None, contact=True, type="application/sdp"):
        self.branches += 1
        branch = branch or f"z9hG4bK{self.tag}{self.branches}"
        rows = [f"{method} {target} SIP/2.0", f"Via: SIP/2.0/{self.protocol} {self.host}:{self.port};branch={branch}", "Max-Forwards: 70", f"From: {dialog_from}",
                f"To: {to}", f"Call-ID: {call_id}", f"CSeq: {cseq} {method}"]
        if contact:
            rows.append(contact if isinstance(contact, str) else self.contact())
        self.send(self.finish([*rows, *headers], body, type), destination)
        return branch

    def sdp(self, direction="sendrecv", version=1, port=40000):
        return (f"v=0\no=peer 1 {version} IN IP4 {self.host}\ns=-\nc=IN IP4 {self.host}\nt=0 0\nm=audio {port} RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
                f"a={direction}\n")


class Sniffer:
    """Every SIP datagram on `lo`, in order."""

    def __init__(self, ports=(5060,)):
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
            self.socket.bind(("lo", 0))
        except (OSError, AttributeError):
            raise Skip("no raw sockets on this machine")
        self.ports, self.seen, self.marks, self.read = ports, [], 0, threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def messages(self):
        """All that was on the wire until now: a datagram of our own goes the same way, and what was before it has been read when it has."""
        self.marks += 1
        mark = b"mark SIP/2.0 %d %d" % (id(self), self.marks)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as marker:
            marker.sendto(mark, ("127.255.255.254", self.ports[0]))
        with self.read:
            if not self.read.wait_for(lambda: mark in self.seen, 20):
                raise Failed("the sniffer does not read")
            self.seen.remove(mark)
            return [m for m in self.seen if isinstance(m, Message)]

    def _read(self):
        while True:
            frame, address = self.socket.recvfrom(65536)
            if address[2] == 4 or len(frame) < 42:  # PACKET_OUTGOING: on lo each packet is seen twice
                continue
            ip = frame[14:]
            if ip[0] >> 4 != 4 or ip[9] != 17:
                continue
            header = (ip[0] & 15) * 4
            sport, dport, length = struct.unpack("!HHH", ip[header:header + 6])
            if dport not in self.ports and sport not in self.ports:
                continue
            payload = ip[header + 8:header + length]
            if b"SIP/2.0" not in payload:
                continue
            source, destination = f"{socket.inet_ntoa(ip[12:16])}:{sport}", f"{socket.inet_ntoa(ip[16:20])}:{dport}"
            with self.read:
                self.seen.append(payload if payload.startswith(b"mark ") else Message(payload, source, destination, time.monotonic()))
                self.read.notify_all()


class TlsPeer(Peer):
    """The same on TLS: one connection, the phone's."""

    protocol, parameters = "TLS", ";transport=tls"

    def __init__(self, port, host, certificate):
        super().__init__(port, host)
        self.socket.close()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.listener, self.context, self.socket, self.rest = socket.create_server((host, port)), context, None, b""

    def datagram(self):
        """The next message of the connection, which is waited for first."""
        if not self.socket:
            plain, self.source = self.listener.accept()
            self.socket = self.context.wrap_socket(plain, server_side=True)
        while True:
            head, end, body = self.rest.lstrip(b"\r\n").partition(b"\r\n\r\n")
            length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
            if end and len(body) >= int(length[1]):
                self.rest = body[int(length[1]):]
                return head + end + body[:int(length[1])], self.source
            more = self.socket.recv(65536)
            if not more:
                raise Failed("the phone has closed the connection")
            self.rest += more

    def wait(self, seconds):
        (self.socket or self.listener).settimeout(seconds)

    def send(self, text, to):
        self.socket.sendall(text if isinstance(text, bytes) else text.replace("\r\n", "\n").replace("\n", "\r\n").encode())
