"""Debian's nginx with ops/nginx.conf, on ports and with a certificate of the test's own."""

import datetime as dt
import ipaddress
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.base.settings import ROOT
from app.runtime import processes

_MAIN = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1; {user}
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/pipeline.conf;
}}
"""


def program() -> str | None:
    """nginx on this machine, or as tests/run.sh unpacked it."""
    unpacked = ROOT / "py3/nginx/usr/sbin/nginx"
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:{unpacked.parent}")


def make_certificate(folder: Path) -> None:
    """Write `fullchain.pem` and `privkey.pem`, for `localhost` and 127.0.0.1, into *folder*."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    private = key.private_bytes(*form, serialization.NoEncryption())
    (folder / "privkey.pem").write_bytes(private)
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(form[0]))


def trust(folder: Path) -> ssl.SSLContext:
    """What believes the certificate in *folder* and no other."""
    return ssl.create_default_context(cafile=str(folder / "fullchain.pem"))


def configuration(folder: Path, upstream: str, https_port: int, http_port: int) -> str:
    """ops/nginx.conf with names, ports and files replaced as its head says."""
    text = (ROOT / "ops/nginx.conf").read_text("utf-8")
    for old, new in (
        (r"pipeline\.example\.com", "localhost"),
        (r"server 127\.0\.0\.1:9090 ", f"server {upstream} "),
        (r"listen \[::\].*\n", "\n"),
        (r"listen 80;", f"listen 127.0.0.1:{http_port};"),
        (r"listen 443 ", f"listen 127.0.0.1:{https_port} "),
        (r"/etc/ssl/pipeline/", f"{folder}/"),
        (r"/var/log/nginx/", f"{folder}/"),
    ):
        text, count = re.subn(old, new, text)
        assert count, f"ops/nginx.conf has no {old}"
    return text


@contextmanager
def running_nginx(folder: Path, text: str, port: int) -> Iterator[None]:
    """nginx with the site *text*, until the end; it takes connections on *port*."""
    nginx = program()
    assert nginx is not None
    (folder / "pipeline.conf").write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user=user))
    command = [nginx, "-p", str(folder), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]
    process = subprocess.Popen(command)
    try:
        assert processes.wait_until(lambda: _listens(port) or process.poll() is not None, 30)
        assert process.poll() is None, (folder / "error.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
