"""Two kamailio proxies (atlanta.com, biloxi.com) and dnsmasq, as in RFC 3261's Figure 1; the addresses are those of the figure."""
import os
import socket
import subprocess

from certificates import make_ca, make_certificate
from harness import HERE, need, port_answers, wait_until

ATLANTA, BILOXI, ALICE, BOB, DNS = "192.0.2.2", "192.0.2.3", "192.0.2.1", "192.0.2.4", "192.0.2.53"
ZONE = f"""no-resolv
no-hosts
no-daemon
bind-interfaces
listen-address={DNS}
port=53
local=/atlanta.com/
local=/biloxi.com/
local=/invalid/
srv-host=_sip._udp.atlanta.com,proxy.atlanta.com,5060,1,10
srv-host=_sip._tcp.atlanta.com,proxy.atlanta.com,5060,1,10
srv-host=_sip._udp.biloxi.com,proxy.biloxi.com,5060,1,10
srv-host=_sip._tcp.biloxi.com,proxy.biloxi.com,5060,1,10
srv-host=_sips._tcp.atlanta.com,dead.atlanta.com,5061,1,10
srv-host=_sips._tcp.atlanta.com,proxy.atlanta.com,5061,2,10
srv-host=_sips._tcp.biloxi.com,proxy.biloxi.com,5061,1,10
host-record=dead.atlanta.com,{DNS}
host-record=proxy.atlanta.com,{ATLANTA}
host-record=proxy.biloxi.com,{BILOXI}
host-record=both.atlanta.com,{DNS},2001:db8::2
host-record=atlanta.com,{ATLANTA}
host-record=biloxi.com,{BILOXI}
"""


def dns_answers():
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05proxy\x06biloxi\x03com\x00\x00\x01\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        try:
            probe.sendto(query, (DNS, 53))
            return probe.recv(512)[:2] == b"\x12\x34"
        except OSError:
            return False


def start_dns(bench, more=""):
    """`more`: lines of dnsmasq.conf beside those of the two domains."""
    need("dnsmasq")
    bench.need_namespace()
    path = bench.write("dnsmasq.conf", ZONE + more + f"pid-file={bench.path('dnsmasq.pid')}\nuser=\n")
    bench.start(["dnsmasq", "-C", path])
    wait_until(dns_answers, "dnsmasq answers")
    resolv = bench.write("resolv.conf", f"nameserver {DNS}\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)


def start_proxy(bench, domain, ip, defines, algorithm="MD5"):
    need("kamailio")
    folder = bench.path(domain)
    os.makedirs(folder, exist_ok=True)
    text = open(os.path.join(HERE, "kamailio.cfg.in")).read()
    for key, value in (("@DOMAIN@", domain), ("@IP@", ip), ("@ALGORITHM@", algorithm), ("@FOLDER@", folder)):
        text = text.replace(key, value)
    path = bench.write(f"{domain}/kamailio.cfg", text)
    argv = ["kamailio", "-DD", "-E", "-f", path, "-Y", folder, "-P", os.path.join(folder, "kamailio.pid"), "-m", "32", "-M", "8"]
    for word in defines:
        argv += ["-A", word]
    process = bench.start(argv, log=f"{domain}.log")
    wait_until(lambda: port_answers(ip, 5060), f"the proxy of {domain} listens")
    return process


def start_edge(bench, ip, registrar=BILOXI):
    """An edge proxy before the registrar: registrations get its Path, calls come by it."""
    need("kamailio")
    folder = bench.path(f"edge-{ip}")
    os.makedirs(folder, exist_ok=True)
    text = open(os.path.join(HERE, "edge.cfg.in")).read().replace("@IP@", ip).replace("@REGISTRAR@", registrar)
    path = bench.write(f"edge-{ip}/kamailio.cfg", text)
    process = bench.start(["kamailio", "-DD", "-E", "-f", path, "-Y", folder, "-P", os.path.join(folder, "kamailio.pid"), "-m", "32", "-M", "8"],
                          log=f"edge-{ip}.log")
    wait_until(lambda: port_answers(ip, 5060), f"the edge proxy {ip} listens")
    return process


TLS_CONFIG = """[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = {pem}
certificate = {pem}
[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
ca_list = {ca}
"""


def prepare_tls(bench):
    """Certificates of both domains and what the TLS module reads; returns the path of the CA."""
    ca = make_ca(bench)
    for domain in ("atlanta.com", "biloxi.com"):
        pem = make_certificate(bench, domain, f"DNS:{domain}")
        os.makedirs(bench.path(domain), exist_ok=True)
        bench.write(f"{domain}/tls.cfg", TLS_CONFIG.format(pem=pem, ca=ca))
    return ca


def start_trapezoid(bench, *defines, algorithm="MD5", tls=False):
    """The figure's four hosts but for the phones."""
    need("kamailio", "dnsmasq")
    start_dns(bench)
    if tls:
        prepare_tls(bench)
    return [start_proxy(bench, "atlanta.com", ATLANTA, defines, algorithm), start_proxy(bench, "biloxi.com", BILOXI, defines, algorithm)]
