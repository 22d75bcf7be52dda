"""A SIP client as it runs in a browser: RFC 7118 by hand, messages in fragments, no Content-Length, no address of its own."""
import os
import socket
import struct
import time

from harness import Failed, check
from wire import Message


class Browser:
    def __init__(self, host, port):
        self.peer = f"{host}:{port}"
        self.socket = socket.create_connection((host, port), 5)
        self.bytes = b""
        self.name = os.urandom(6).hex() + ".invalid"
        self.socket.sendall((f"GET / HTTP/1.1\r\nHost: {self.peer}\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                             "Origin: http://www.example.com\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n"
                             "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.bytes:
            self.read(5)
        head, _, self.bytes = self.bytes.partition(b"\r\n\r\n")
        check(head.startswith(b"HTTP/1.1 101 ") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head, head)

    def read(self, within):
        self.socket.settimeout(within)
        part = self.socket.recv(65536)
        if not part:
            raise Failed("the WebSocket connection was closed")
        self.bytes += part

    def frame(self, first, payload):
        mask = os.urandom(4)
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack("!BH", 0x80 | 126, len(payload))
        self.socket.sendall(bytes([first]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def send(self, text):
        raw = text.replace("\n", "\r\n").encode()
        third = len(raw) // 3
        self.frame(0x01, raw[:third])
        self.frame(0x89, b"still here?")
        self.frame(0x00, raw[third:2 * third])
        self.frame(0x80, raw[2 * third:])

    def next_frame(self, within):
        while len(self.bytes) < 2 or len(self.bytes) < self.frame_size():
            self.read(within)
        size, first = self.frame_size(), self.bytes[0]
        length = self.bytes[1]
        payload = self.bytes[2 if length < 126 else 4:size]
        self.bytes = self.bytes[size:]
        return first, payload

    def frame_size(self):
        length = self.bytes[1]
        check(length < 127, f"a frame of {length}: masked, or of great length")
        if length < 126:
            return 2 + length
        return 4 + struct.unpack("!H", self.bytes[2:4])[0] if len(self.bytes) >= 4 else 4

    def receive(self, method=None, status=None, within=30):
        end = time.monotonic() + within
        pongs = 0
        while time.monotonic() < end:
            first, payload = self.next_frame(end - time.monotonic())
            pongs += first == 0x8a and payload == b"still here?"
            if first not in (0x81, 0x82):
                continue
            message = Message(payload)
            if (method and message.is_request and message.method == method) or (status and message.status == status):
                return message
        raise Failed(f"no {method or status} within {within} s")

    def rows(self, method, cseq, target, to):
        return (f"{method} {target} SIP/2.0\nVia: SIP/2.0/WS {self.name};branch=z9hG4bK{os.urandom(6).hex()}\nMax-Forwards: 70\n"
                f"From: <sip:alice@atlanta.com>;tag=b1\nTo: {to}\nCall-ID: {self.name}\nCSeq: {cseq} {method}\n"
                f"Contact: <sip:alice@{self.name};transport=ws>\n")

    def call(self, target, host):
        """INVITE to the 200, and its ACK."""
        sdp = f"v=0\no=b 1 1 IN IP4 {host}\ns=-\nc=IN IP4 {host}\nt=0 0\nm=audio 40000 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
        self.send(self.rows("INVITE", 1, target, f"<{target}>") + "Content-Type: application/sdp\n\n" + sdp)
        ok = self.receive(status=200)
        contact = ok.get("Contact").strip("<>")
        self.send(self.rows("ACK", 1, contact, ok.get("To")) + "\n")
        return ok

    def respond(self, request, status, phrase):
        rows = [f"SIP/2.0 {status} {phrase}"] + [f"Via: {v}" for v in request.all("Via")]
        rows += [f"{name}: {request.get(name)}" for name in ("From", "To", "Call-ID", "CSeq")]
        self.send("\n".join([*rows, "", ""]))
