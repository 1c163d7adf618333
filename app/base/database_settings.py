"""
The section `databases` of the configuration: which servers, which database on them, how to reach
them and how long to wait for them.

`hosts` stands beside `kwargs` (or in it): nodes of one cluster, of which the first that is well is
used. What `kwargs` may name is listed here; everything else stops the start.
"""

import base64
import binascii
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from app.base.settings_checks import ConfigError, section, unknown_names, whole_number

DEFAULT_PORT = 3306
# Seconds, by their names in `kwargs`: default, least and most.
TIME_LIMITS = {
    "connect_timeout": (3, 1, 60),
    "read_timeout": (3, 1, 60),
    "statement_timeout": (600, 0, 86_400),
}
_KWARGS = frozenset(
    {"host", "hosts", "port", "user", "password", "db", "unix_socket", "ssl", *TIME_LIMITS}
)
# The others are read by sqlor in applications of the same family; here they mean nothing.
_ENTRY = frozenset({"hosts", "kwargs", "driver", "dbname", "async_mode", "coding", "maxconn"})
TLS_FILES = ("ca", "cert", "key")
_TLS = frozenset({*TLS_FILES, "verify"})


class Host(NamedTuple):
    """One server: a name or an address, and its port."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True)
class TlsSettings:
    """How connections are encrypted; paths of PEM files, "" for none. Without *ca* the
    certificates of the system are trusted; *cert* and *key* are shown to the server."""

    ca: str = ""
    cert: str = ""
    key: str = ""
    verify: bool = True

    @cache  # noqa: B019  # a few of them, as long as the process lives
    def context(self) -> ssl.SSLContext:
        """Return what the drivers encrypt with; raises OSError (ssl.SSLError) for a file that
        cannot be used."""
        context = ssl.create_default_context(cafile=self.ca or None)
        # Certificate authorities that database servers make for themselves are not that strict.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert:
            context.load_cert_chain(self.cert, self.key or None)
        return context


@dataclass(frozen=True)
class DatabaseSettings:
    """
    Where one database is. `unix_socket` wins over hosts.

    Of `hosts`, the first and then `others`, that one is used which is well and stands first. Within
    `connect_timeout` seconds a connection is there or counts as failed; a server from which nothing
    has come for `read_timeout` seconds counts as gone; the server ends a statement that runs for
    `statement_timeout` seconds (0: none).
    """

    user: str
    password: str = field(repr=False)
    name: str
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    unix_socket: str | None = None
    others: tuple[Host, ...] = ()
    connect_timeout: int = TIME_LIMITS["connect_timeout"][0]
    read_timeout: int = TIME_LIMITS["read_timeout"][0]
    statement_timeout: int = TIME_LIMITS["statement_timeout"][0]
    tls: TlsSettings | None = None

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The servers, the one that is preferred first."""
        return (Host(self.host, self.port), *self.others)

    def where(self, host: Host) -> str:
        """Return how people call the place of *host*."""
        return self.unix_socket or str(host)

    def connect_args(self, host: Host | None = None) -> dict[str, Any]:
        """Return the arguments for aiomysql's and pymysql's connect, for the first host or
        *host*."""
        host = host or self.hosts[0]
        place: dict[str, Any] = (
            {"unix_socket": self.unix_socket}
            if self.unix_socket
            else {"host": host.name, "port": host.port}
        )
        if self.tls is not None:
            place["ssl"] = self.tls.context()
        return place | {
            "user": self.user,
            "password": self.password,
            "db": self.name,
            "connect_timeout": self.connect_timeout,
        }


def embedded_connection_file(var_dir: Path) -> Path:
    """Return where the embedded database says how to reach it."""
    return var_dir / "database" / "connection.json"


def names_server(kwargs: Mapping[str, Any]) -> bool:
    """Return whether an entry's `kwargs` (with its `hosts`) name a database server; without one the
    embedded database is meant."""
    return bool(kwargs.get("host") or kwargs.get("hosts") or kwargs.get("unix_socket"))


def read_entries(
    databases: Mapping[str, Any], root: Path, problems: list[str]
) -> dict[str, dict[str, Any]]:
    """Return the `kwargs` of each entry of the section `databases`, checked, with its `hosts` as
    Host and its `tls` as TlsSettings in them."""
    entries = {}
    for name in databases:
        where = f"databases.{name}."
        entry = section(databases, name, problems)
        unknown_names(entry, _ENTRY, where, problems)
        kwargs = dict(section(entry, "kwargs", problems, where))
        where += "kwargs."
        unknown_names(kwargs, _KWARGS, where, problems)
        if entry.get("hosts"):
            if kwargs.get("hosts"):
                problems.append(f"databases.{name} has hosts twice; name them beside kwargs only")
            kwargs["hosts"] = entry["hosts"]
        for limit, (default, least, most) in TIME_LIMITS.items():
            kwargs[limit] = whole_number(
                kwargs.get(limit, default), where + limit, least, most, problems
            )
        port = kwargs.get("port") or DEFAULT_PORT
        kwargs["port"] = whole_number(port, f"{where}port", 1, 65535, problems)
        kwargs["hosts"] = _hosts(kwargs, f"databases.{name}.", problems)
        kwargs["tls"] = _tls(kwargs, where, root, problems)
        entries[name] = kwargs
    return entries


def _hosts(kwargs: Mapping[str, Any], where: str, problems: list[str]) -> tuple[Host, ...]:
    hosts, host = kwargs.get("hosts") or [], kwargs.get("host")
    if not isinstance(hosts, list) or not all(isinstance(one, str) and one for one in hosts):
        problems.append(f'{where}hosts must be a list such as ["db1.example", "db2.example:3307"]')
        return ()
    if hosts and (host or kwargs.get("unix_socket")):
        problems.append(f"{where}hosts and kwargs.host or unix_socket exclude each other: name one")
    if (not hosts and isinstance(host, list | tuple)) or (isinstance(host, str) and "," in host):
        problems.append(f"{where}kwargs.host is one host; name several in {where}hosts")
        return ()
    result = [_host(one, kwargs["port"], f"{where}hosts", problems) for one in hosts]
    if len(set(result)) < len(result):
        problems.append(f"{where}hosts names a host twice")
    return tuple(result)


def _host(text: str, port: int, where: str, problems: list[str]) -> Host:
    """Return `name`, `name:port`, `[IPv6]`, `[IPv6]:port` or a bare IPv6 address as a Host."""
    name, after = text, ""
    if text.startswith("["):
        name, _, after = text[1:].partition("]")
        after = after.removeprefix(":")
    elif text.count(":") == 1:
        name, after = text.split(":")
    if not name or "," in name or name != name.strip():
        problems.append(f"{where}: {text!r} is no host such as db1.example:3306")
    return Host(name, whole_number(after or port, f"{where} {text}", 1, 65535, problems))


def _tls(
    kwargs: Mapping[str, Any], where: str, root: Path, problems: list[str]
) -> TlsSettings | None:
    value = kwargs.get("ssl")
    if value is None or value is False:
        return None
    if value is not True and not isinstance(value, dict):
        problems.append(f"{where}ssl must be true, false or an object with ca, verify, cert, key")
        return None
    members = {} if value is True else value
    unknown_names(members, _TLS, f"{where}ssl.", problems)
    files = {name: members.get(name) or "" for name in TLS_FILES}
    verify = members.get("verify", True)
    if not isinstance(verify, bool) or not all(isinstance(path, str) for path in files.values()):
        problems.append(f"{where}ssl: verify is true or false, ca, cert and key are paths")
        return None
    if kwargs.get("unix_socket") or not names_server(kwargs):
        problems.append(f"{where}ssl needs a host; a socket or the embedded database has no TLS")
    tls = TlsSettings(**{name: path and str(root / path) for name, path in files.items()},
                      verify=verify)  # fmt: skip
    try:
        tls.context()
    except OSError as exc:
        reason = exc.strerror or str(exc)
        problems.append(f"{where}ssl: {', '.join(filter(None, files.values()))}: {reason}")
    return tls


def read_databases(
    entries: Mapping[str, dict[str, Any]], env: Any, var_dir: Path, key: str, path: str
) -> tuple[DatabaseSettings, DatabaseSettings]:
    """Return the application's database and Sage's; raises ConfigError."""
    sage_name = env.get("SAGE_RBAC_DB") or "sage"
    kwargs = entries.get("pipeline") or {}
    if names_server(kwargs):
        password = env.get("PIPELINE_DB_PASSWORD") or _password(kwargs, key, path)
        pipeline = _database(kwargs, password, kwargs.get("db") or "pipeline")
    else:
        pipeline = _embedded(var_dir, kwargs)
    own = entries.get(sage_name) or entries.get("sage")
    if own:
        password = env.get("PIPELINE_SAGE_DB_PASSWORD") or _password(own, key, path)
        sage = _database(own, password, own.get("db") or sage_name)
    else:
        sage = replace(pipeline, name=sage_name)
    return pipeline, sage


def _database(kwargs: Mapping[str, Any], password: str, name: str) -> DatabaseSettings:
    first, *others = kwargs["hosts"] or [
        Host(str(kwargs.get("host") or "127.0.0.1"), kwargs["port"])
    ]
    return DatabaseSettings(
        user=str(kwargs.get("user") or "pipeline"),
        password=password,
        name=str(name),
        host=first.name,
        port=first.port,
        unix_socket=kwargs.get("unix_socket") or None,
        others=tuple(others),
        tls=kwargs["tls"],
        **{limit: kwargs[limit] for limit in TIME_LIMITS},
    )


def _embedded(var_dir: Path, kwargs: Mapping[str, Any]) -> DatabaseSettings:
    place = embedded_connection_file(var_dir)
    try:
        connection = json.loads(place.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            "No database: conf/config.json names no host and the embedded database was never "
            "started here. Run start.sh, or set databases.pipeline.kwargs in conf/config.json."
        ) from None
    return DatabaseSettings(
        user=connection["user"],
        password=connection["password"],
        name=str(kwargs.get("db") or "pipeline"),
        host=connection.get("host", "127.0.0.1"),
        port=int(connection["port"]),
        unix_socket=connection.get("unix_socket"),
        **{limit: kwargs[limit] for limit in TIME_LIMITS if limit in kwargs},
    )


def _password(kwargs: dict[str, Any], key: str, path: str) -> str:
    """Return the password as given, or decoded when it is what sqlor's `dbpassword` printed."""
    text = str(kwargs.get("password") or "")
    try:
        ciphertext = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text
    # dbpassword needs password_key in the file; without it nothing can have been sealed.
    if not key or not ciphertext or len(ciphertext) % 16:
        return text
    from appPublic.aes import aes_decode_b64

    try:
        return str(aes_decode_b64(key, text))
    except ValueError:
        raise ConfigError(
            f"{path}: the database password looks as dbpassword prints it, but password_key does "
            "not open it. Print it again with the same key, or set PIPELINE_DB_PASSWORD."
        ) from None
