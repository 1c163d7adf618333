"""Database servers beside each other, some with TLS by certificates made here."""

import asyncio
import ipaddress
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.base.database_settings import DatabaseSettings, Host
from app.base.errors import AppError, ErrorCode
from app.db.pool import Pool
from app.runtime.embedded_db import EmbeddedDatabase, _programs

USER, PASSWORD = "tester", "tester's"
DATABASE = "pair"
WHO = "select name from who"
# Whoever is made to wait for longer waits for ever.
MAX_SECONDS = 30


class Server(EmbeddedDatabase):
    """A server whose configuration has *lines* more; `DATABASE.who` says which one it is."""

    def __init__(self, folder: Path, *lines: str) -> None:
        super().__init__(folder)
        self.name = folder.name
        self.lines = lines

    @property
    def host(self) -> Host:
        """Where it listens."""
        place = self.connection()
        assert place is not None
        return Host("127.0.0.1", place.port)

    def prepare(self) -> None:
        """Start it and make the user and the table of the tests."""
        self.start()
        self.execute(
            f"create database {DATABASE}",
            f'create user {USER} identified by "{PASSWORD}"',
            f"grant all on {DATABASE}.* to {USER}",
            f"create table {DATABASE}.who (name varchar(20))",
            f"insert into {DATABASE}.who values ('{self.name}')",
        )

    def execute(self, *statements: str) -> None:
        """Run *statements* as the server's administrator."""
        place = self.admin_connection()
        assert place is not None
        with place.open(autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _write_configuration(self, socket_path: Path, port: int) -> None:
        super()._write_configuration(socket_path, port)
        with self._configuration.open("a") as file:
            file.write("\n".join(("", "innodb_buffer_pool_size = 32M", *self.lines, "")))


@contextmanager
def two_servers(folder: Path) -> Iterator[tuple[Server, Server]]:
    """Two servers that know nothing of each other."""
    first, second = Server(folder / "first"), Server(folder / "second")
    try:
        for server in (first, second):
            server.folder.mkdir(parents=True)
        first._install(_programs()[1])
        # Copied, which is quicker than made.
        shutil.copytree(first.folder / "data", second.folder / "data")
        first.prepare()
        second.prepare()
        yield first, second
    finally:
        first.stop()
        second.stop()


@contextmanager
def tls_server(folder: Path, certificate: Path, key: Path, ca: Path) -> Iterator[Server]:
    """A server that encrypts, by the certificate that is signed by *ca*."""
    server = Server(folder / "secured", f"ssl-ca={ca}", f"ssl-cert={certificate}", f"ssl-key={key}")
    try:
        server.folder.mkdir(parents=True)
        server._install(_programs()[1])
        server.prepare()
        yield server
    finally:
        server.stop()


def place_of(*hosts: Host, **more: object) -> DatabaseSettings:
    """Return the settings of the tests' database on *hosts*, with short times."""
    values = {"user": USER, "password": PASSWORD, "name": DATABASE, "connect_timeout": 1,
              "read_timeout": 1, "host": hosts[0].name, "port": hosts[0].port,
              "others": tuple(hosts[1:])} | more  # fmt: skip
    return DatabaseSettings(**values)  # type: ignore[arg-type]


@asynccontextmanager
async def pool_of(place: DatabaseSettings, kind: type = Pool, size: int = 4) -> AsyncIterator[Pool]:
    pool = kind(place, size, 20)
    try:
        async with asyncio.timeout(MAX_SECONDS):
            yield pool
    finally:
        await pool.close()


async def ask(pool: Pool, statement: str = WHO) -> str:
    async with pool.context() as sor:
        return str((await sor.tuples(statement, {}))[0][0])


def is_refusal(error: object, entry: ErrorCode) -> bool:
    return isinstance(error, AppError) and error.text.template is entry.sentence


async def refuses(place: DatabaseSettings, entry: ErrorCode) -> None:
    """See that no connection is made, and that this is why."""
    async with pool_of(place) as pool:
        with pytest.raises(AppError) as caught:
            await ask(pool)
    assert is_refusal(caught.value, entry)


class Certificates:
    """A certificate authority in a folder, and the PEM files it makes."""

    def __init__(self, folder: Path, name: str = "tests") -> None:
        self.folder = folder
        self.ca = folder / f"{name}-ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} CA")])
        certificate = self._sign(self._name, self._key, x509.BasicConstraints(True, None))
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, days: int = 400) -> tuple[Path, Path]:
        """Make a certificate of *name* for 127.0.0.1 that ends in so many days; its file and the
        key's."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        certificate = self._sign(subject, key, x509.SubjectAlternativeName([address]), days)
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        days: int = 400,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        )
        return builder.sign(self._key, hashes.SHA256())
