"""Database servers beside each other, some with TLS by certificates made here."""

import ipaddress
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.base.database_settings import DatabaseSettings, Host
from app.runtime.embedded_db import EmbeddedDatabase, _programs

USER, PASSWORD = "tester", "tester's"
DATABASE = "pair"


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
def two_servers(folder: Path, *lines_of_first: str) -> Iterator[tuple[Server, Server]]:
    """Two servers that know nothing of each other."""
    first, second = Server(folder / "first", *lines_of_first), Server(folder / "second")
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


def place_of(*hosts: Host, **more: object) -> DatabaseSettings:
    """Return the settings of the tests' database on *hosts*, with short times."""
    values = {"user": USER, "password": PASSWORD, "name": DATABASE, "connect_timeout": 1,
              "read_timeout": 1, "host": hosts[0].name, "port": hosts[0].port,
              "others": tuple(hosts[1:])} | more  # fmt: skip
    return DatabaseSettings(**values)  # type: ignore[arg-type]


class Certificates:
    """A certificate authority in a folder, and the PEM files it makes."""

    def __init__(self, folder: Path, name: str = "tests") -> None:
        self.folder = folder
        self.ca = folder / f"{name}-ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} CA")])
        certificate = self._sign(self._name, self._key, x509.BasicConstraints(True, None))
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Make a certificate of *name* for 127.0.0.1; its file and the key's."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        certificate = self._sign(subject, key, x509.SubjectAlternativeName([address]))
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
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        )
        return builder.sign(self._key, hashes.SHA256())
