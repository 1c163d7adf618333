"""
The certificates of the connections to the databases (`databases.*.kwargs.ssl`): when they end, and
who may read the key.

Each server of a database is asked for its own: of several hosts the first may be well and the next,
which takes over when it is lost, may have one that has ended.
"""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
from cryptography import x509

from app.base.settings import DatabaseSettings, Settings
from app.db.blocking import open_blocking
from app.doctor.findings import Findings, error, fine
from app.doctor.host import certificate_days

CERTIFICATE_DAYS = 30
CHECK = "certificate"


def database_certificates(config: Settings) -> Findings:
    """Look at the certificates of both databases, each file and each server once."""
    places = [config.pipeline_database, config.sage_database]
    files = [place.tls for place in places if place.tls is not None]
    servers = {host: place for place in places if place.tls is not None for host in place.hosts}
    for host, place in servers.items():
        # Without a database, which another check looks for.
        yield from _of_server(replace(place, name="", host=host.name, port=host.port, others=()))
    for path in dict.fromkeys(path for tls in files for path in (tls.ca, tls.cert) if path):
        # Of several authorities the old one may end when the new one has long been in use.
        end = max(one.not_valid_after_utc for one in _certificates(path))
        yield certificate_days(CHECK, path, end, CERTIFICATE_DAYS)
    for path in dict.fromkeys(tls.key or tls.cert for tls in files if tls.cert):
        yield from _of_key(Path(path))


def _of_server(place: DatabaseSettings) -> Findings:
    """Say when the certificate ends that the only server of *place* presents."""
    where = place.where(place.hosts[0])
    try:
        connection: Any = open_blocking(place)  # the driver keeps its socket to itself
        with connection:
            data = connection._sock.getpeercert(binary_form=True)
    except pymysql.err.MySQLError as exc:
        reason = exc.args[-1]
        yield error(
            CHECK,
            (f"{where}: {reason}", f"{where}：{reason}"),
            (
                "see that this server runs, and that its certificate is valid, names this host and "
                "is signed by `ca`",
                "请确认该服务器在运行，且其证书有效、包含此主机名并由 `ca` 签发",
            ),
        )
        return
    yield certificate_days(
        CHECK, where, x509.load_der_x509_certificate(data).not_valid_after_utc, CERTIFICATE_DAYS
    )


def _certificates(path: str) -> list[x509.Certificate]:
    """Return what stands in the file, which the start has read before."""
    return x509.load_pem_x509_certificates(Path(path).read_bytes())


def _of_key(path: Path) -> Findings:
    """Say whether others than the owner may read the client's key; a group may, as Debian's
    `ssl-cert`."""
    if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXO | stat.S_IWGRP):
        yield error(
            CHECK,
            (f"others may use the key {path}", f"其他用户可以使用密钥 {path}"),
            (f"chmod 600 {path}", f"chmod 600 {path}"),
        )
    else:
        yield fine(CHECK, f"{path}: others may not read it", f"{path}：其他用户不可读")
