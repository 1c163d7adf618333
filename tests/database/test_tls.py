"""Databases that are reached over TLS: who is believed, who is not, and what commands say of it."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.backup import clients
from app.base.catalogue.requests import DATABASE_NOT_SAFE, DATABASE_REFUSES
from app.base.database_settings import Host, TlsSettings
from app.base.settings import ROOT
from app.db.blocking import open_blocking
from app.runtime.terminal import CommandError
from tests.support.installation import Installation
from tests.support.servers import (
    DATABASE,
    PASSWORD,
    USER,
    Certificates,
    Server,
    ask,
    place_of,
    pool_of,
    refuses,
    tls_server,
)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secured(certificates: Certificates) -> Iterator[Server]:
    """A server whose certificate ends in 20 days."""
    certificate, key = certificates.issue("server", days=20)
    # Not pytest's folder: the path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="pipeline-tls-"))
    try:
        with tls_server(folder, certificate, key, certificates.ca) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def plain_host(installation: Installation) -> Host:
    """Where a server without TLS listens."""
    place = installation.mariadb.connection()
    assert place is not None
    return Host("127.0.0.1", place.port)


async def test_the_connection_is_encrypted_and_the_servers_certificate_is_verified(
    secured: Server, certificates: Certificates
) -> None:
    place = place_of(secured.host, tls=TlsSettings(ca=str(certificates.ca)))
    async with pool_of(place) as pool, pool.context() as sor:
        (cipher,) = await sor.tuples("show session status like 'Ssl_cipher'", {})
        assert cipher[1]
    with open_blocking(place) as blocking, blocking.cursor() as cursor:
        cursor.execute("show session status like 'Ssl_cipher'")
        assert cursor.fetchone()["Value"]


async def test_a_user_that_must_show_a_certificate_shows_it(
    secured: Server, certificates: Certificates
) -> None:
    certificate, key = certificates.issue("client")
    files = TlsSettings(str(certificates.ca), str(certificate), str(key))
    secured.execute(f"alter user {USER} require x509")
    try:
        async with pool_of(place_of(secured.host, tls=files)) as pool:
            assert await ask(pool) == "secured"
        await refuses(place_of(secured.host), DATABASE_REFUSES)
    finally:
        secured.execute(f"alter user {USER} require none")


async def test_no_word_is_said_to_a_server_that_is_not_safe(
    secured: Server, certificates: Certificates, mariadb: Installation, tmp_path: Path
) -> None:
    stranger = Certificates(tmp_path, "stranger")
    for host, tls in (
        (plain_host(mariadb), TlsSettings(verify=False)),  # it has no TLS
        (secured.host, TlsSettings(ca=str(stranger.ca))),
        (secured.host, TlsSettings()),  # the system does not know its authority
    ):
        await refuses(place_of(host, tls=tls), DATABASE_NOT_SAFE)
    name = Host("localhost", secured.host.port)  # the certificate is for 127.0.0.1
    await refuses(place_of(name, tls=TlsSettings(ca=str(certificates.ca))), DATABASE_NOT_SAFE)
    async with pool_of(place_of(secured.host, tls=TlsSettings(verify=False))) as pool:
        assert await ask(pool) == "secured"


# Commands


@pytest.fixture
def with_certificate(secured: Server, certificates: Certificates) -> Iterator[TlsSettings]:
    """What the server lets in, and nothing else: a certificate of our authority."""
    certificate, key = certificates.issue("client", days=20)
    secured.execute(f"alter user {USER} require x509")
    yield TlsSettings(str(certificates.ca), str(certificate), str(key))
    secured.execute(f"alter user {USER} require none")


def need_programs() -> None:
    for pair in (("mariadb-dump", "mysqldump"), ("mariadb", "mysql")):
        if not any(map(shutil.which, pair)):
            pytest.skip(f"needs Debian's package {clients.PACKAGE}")


def test_a_dump_goes_out_and_in_over_tls(secured: Server, with_certificate: TlsSettings) -> None:
    need_programs()
    place = place_of(secured.host, tls=with_certificate)
    dump = b"".join(clients.dump(place, lambda _: None))
    secured.execute(f"drop table {DATABASE}.who")

    clients.load(place, iter([dump]))

    with open_blocking(place) as connection, connection.cursor() as cursor:
        cursor.execute("select name from who")
        assert cursor.fetchall() == [{"name": "secured"}]


def test_the_dumping_program_itself_verifies_the_server(
    secured: Server, with_certificate: TlsSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_programs()
    host = secured.host
    where = {"host": host.name, "port": str(host.port), "protocol": "tcp"}
    monkeypatch.setattr(clients, "_where", lambda _: where)
    stranger = Certificates(tmp_path, "stranger")
    tls = TlsSettings(str(stranger.ca), with_certificate.cert, with_certificate.key)

    with pytest.raises(CommandError, match="certificate"):
        list(clients.dump(place_of(host, tls=tls), lambda _: None))


def configuration(folder: Path, host: Host, database: str, **tls: object) -> dict[str, str]:
    """The environment of commands that reach *host* by *tls*."""
    file = folder / "config.json"
    kwargs = {"user": USER, "db": database, "ssl": tls, "connect_timeout": 60}
    config = {"databases": {"pipeline": {"hosts": [str(host)], "kwargs": kwargs}}}
    file.write_text(json.dumps(config), "utf-8")
    return {"PIPELINE_CONF": str(file), "PIPELINE_DB_PASSWORD": PASSWORD}


def test_doctor_says_which_certificates_end_and_who_may_read_the_key(
    secured: Server, with_certificate: TlsSettings, mariadb: Installation, tmp_path: Path
) -> None:
    ca, cert, key = with_certificate.ca, with_certificate.cert, with_certificate.key
    Path(key).chmod(0o644)
    env = configuration(tmp_path, secured.host, DATABASE, ca=ca, cert=cert, key=key)

    process = mariadb.command("app/manage.py", "doctor", "--json", env=env, check=False)

    findings = {
        row["message"].partition(":")[0].removeprefix("others may use the key "): row
        for row in json.loads(process.stdout)["findings"]
        if row["check"] == "certificate"
    }
    assert {name: row["level"] for name, row in findings.items()} == {
        "public_url is not https": "ok",
        "127.0.0.1": "warning",
        ca: "ok",
        cert: "warning",
        key: "error",
    }
    assert findings[cert]["advice"] == "renew it"
    assert findings[key]["advice"] == f"chmod 600 {key}"
    assert "19 days" in findings["127.0.0.1"]["message"]


def test_start_refuses_a_server_without_tls_and_says_what_to_do(
    mariadb: Installation, tmp_path: Path
) -> None:
    env = configuration(tmp_path, plain_host(mariadb), "pipeline", verify=False)

    process = subprocess.run(
        ["bash", str(ROOT / "start.sh")], env=mariadb.env | env, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert process.returncode == 1
    assert "correct the server's certificate, or `ca`, `cert` and `key`" in process.stderr
    assert "SSL is required but the server doesn't support it" in process.stderr
