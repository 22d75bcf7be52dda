"""sipp scenarios written as lists of steps, printed as the XML that sipp reads."""

SDP = """v=0
o=peer 1 [version] IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=[direction]
"""


def sdp(direction="sendrecv", version=1):
    return SDP.replace("[version]", str(version)).replace("[direction]", direction)


def lines(*parts):
    return "\n".join(part for part in parts if part)


def with_body(head, body):
    if body:
        return lines(head, "Content-Type: application/sdp", "Content-Length: [len]") + "\n\n" + body
    return lines(head, "Content-Length: 0") + "\n\n"


def answer(code, phrase, body="", tag="uas", headers="", contact=True):
    """A response to the last request received; `tag` None leaves To as it came."""
    return with_body(lines(f"SIP/2.0 {code} {phrase}", "[last_Via:]", "[last_From:]",
                           "[last_To:]" + (f";tag={tag}[call_number]" if tag else ""), "[last_Call-ID:]", "[last_CSeq:]", "[last_Record-Route:]",
                           "Contact: <sip:peer@[local_ip]:[local_port];transport=[transport]>" if contact else "", headers), body)


def request(method, target="sip:[service]@[remote_ip]:[remote_port]", cseq=1, body="", to="<sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]",
            branch="[branch]", headers="", cseq_method=None, from_tag="uac"):
    """A request of sipp as caller."""
    return with_body(lines(f"{method} {target} SIP/2.0", f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}",
                           f"From: \"sipp\" <sip:sipp@[local_ip]:[local_port]>;tag={from_tag}[call_number]", f"To: {to}", "Call-ID: [call_id]",
                           f"CSeq: {cseq} {cseq_method or method}", "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>", "Max-Forwards: 70",
                           headers), body)


def send(text, retrans=None):
    attribute = f' retrans="{retrans}"' if retrans else ""
    return f"<send{attribute}><![CDATA[\n{text}\n]]></send>"


def receive(what, action="", optional=False, header_check=None, rrs=True, timeout=None):
    """Wait for a request (method) or response (number)."""
    kind = "response" if str(what).isdigit() else "request"
    attributes = f' {kind}="{what}"' + (' optional="true"' if optional else "") + (' rrs="true"' if rrs else "")
    attributes += f' timeout="{timeout}"' if timeout else ""
    if header_check:
        header, expression = header_check
        action += f'<ereg regexp="{expression}" search_in="hdr" header="{header}:" check_it="true" assign_to="ignored"/>'
    action = f"<action>{action}</action>" if action else ""
    return f"<recv{attributes}>{action}</recv>"


def body_check(expression):
    return f'<ereg regexp="{expression}" search_in="body" check_it="true" assign_to="ignored"/>'


def start_line_check(expression):
    return f'<ereg regexp="{expression}" search_in="msg" check_it="true" assign_to="ignored"/>'


def pause(ms):
    return f'<pause milliseconds="{ms}"/>'


def scenario(name, *steps):
    text = f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="{name}">\n'
    body = "\n".join(steps)
    reference = '<Reference variables="ignored"/>\n' if '"ignored"' in body else ""
    return text + body + "\n" + reference + "</scenario>\n"
