"""Certificates for a test, made by openssl when it runs."""
import os
import subprocess

from harness import need


def openssl(bench, *args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=bench.folder)


def make_ca(bench, name="ca"):
    """A certificate authority; returns the path of its certificate."""
    need("openssl")
    openssl(bench, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN=Test {name}",
            "-keyout", f"{name}.key", "-out", f"{name}.pem")
    return bench.path(f"{name}.pem")


def make_certificate(bench, name, names, ca="ca", days=30):
    """A certificate for subjectAltName `names` ("DNS:biloxi.com"), its key in the same file; returns its path. days=0: expired since yesterday."""
    openssl(bench, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr")
    extensions = bench.write(f"{name}.ext", f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
    if days:
        openssl(bench, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", str(days),
                "-extfile", extensions, "-out", f"{name}.crt")
    else:
        config = bench.write("old-ca.cnf", "[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n"
                                           "[p]\ncommonName=supplied\n")
        bench.write("index.txt", "")
        bench.write("serial", "7A\n")
        openssl(bench, "ca", "-batch", "-config", config, "-in", f"{name}.csr", "-cert", f"{ca}.pem", "-keyfile", f"{ca}.key", "-notext",
                "-startdate", "20200101000000Z", "-enddate", "20210203000000Z", "-extfile", extensions, "-out", f"{name}.crt")
    path = bench.path(f"{name}.pem")
    with open(path, "w") as out:
        for part in (f"{name}.crt", f"{name}.key"):
            out.write(open(bench.path(part)).read())
    os.chmod(path, 0o600)
    return path
