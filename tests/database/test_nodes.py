"""Servers that hang, vanish, refuse or are not safe: who is made to wait, and what is told."""

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from app.base.catalogue.requests import (
    DATABASE_NOT_SAFE,
    DATABASE_REFUSES,
    DATABASE_UNAVAILABLE,
    OUTCOME_UNKNOWN,
)
from app.base.database_settings import DatabaseSettings, Host, TlsSettings
from app.base.errors import AppError, ErrorCode
from app.db import nodes
from app.db.blocking import open_blocking
from app.db.pool import Pool, TwoTripPool, pools
from app.db.transactions import reading
from app.runtime.processes import free_port, wait_until
from tests.support.installation import Installation
from tests.support.servers import PASSWORD, USER, Certificates, Server, place_of, two_servers

WHO = "select name from who"
# Whoever is made to wait for longer waits for ever.
MAX_SECONDS = 30


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def servers(certificates: Certificates) -> Iterator[tuple[Server, Server]]:
    """The first has TLS, the second has none."""
    certificate, key = certificates.issue("server")
    lines = f"ssl-ca={certificates.ca}", f"ssl-cert={certificate}", f"ssl-key={key}"
    # Not pytest's folder: the path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="pipeline-pair-"))
    try:
        with two_servers(folder, *lines) as pair:
            yield pair
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "LOOK_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(nodes, "BACK_AFTER_SECONDS", 0.2)


@asynccontextmanager
async def pool_of(place: DatabaseSettings, kind: type = Pool, size: int = 4) -> AsyncIterator[Pool]:
    pool = kind(place, size, 20)
    try:
        async with asyncio.timeout(MAX_SECONDS):
            yield pool
    finally:
        await pool.close()


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """The process stands still: its sockets are open, and nothing comes from them."""
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        # The signal takes its time to reach the thread that has our statement.
        tasks = Path(f"/proc/{pid}/task")
        assert wait_until(lambda: all(is_stopped(task) for task in tasks.iterdir()), 30)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def is_stopped(task: Path) -> bool:
    return (task / "stat").read_text("ascii").rpartition(")")[2].split()[0] == "T"


async def ask(pool: Pool, statement: str = WHO) -> str:
    async with pool.context() as sor:
        return str((await sor.tuples(statement, {}))[0][0])


async def wait_for(pool: Pool, server: Server) -> None:
    """Wait until *server* is the one that is used."""
    while True:
        with suppress(AppError):
            if await ask(pool) == server.name:
                return
        await asyncio.sleep(0.02)


def is_refusal(error: object, entry: ErrorCode) -> bool:
    return isinstance(error, AppError) and error.text.template is entry.sentence


async def test_a_server_that_hangs_is_left_for_the_next_and_back_when_it_is_well(
    servers: tuple[Server, Server],
) -> None:
    first, second = servers
    async with pool_of(place_of(first.host, second.host)) as pool:
        assert await ask(pool) == "first"
        waiting = asyncio.ensure_future(ask(pool, "select sleep(1000)"))
        await asyncio.sleep(0.1)
        with stopped(first):
            (error,) = await asyncio.gather(waiting, return_exceptions=True)
            await wait_for(pool, second)

        await wait_for(pool, first)

    assert is_refusal(error, DATABASE_UNAVAILABLE)


@pytest.mark.parametrize("kind", [Pool, TwoTripPool])
async def test_nobody_is_kept_by_a_server_that_hangs(
    servers: tuple[Server, Server], kind: type
) -> None:
    """More ask than there are connections; all hear it, and who asks then hears it at once."""
    first = servers[0]
    async with pool_of(place_of(first.host), kind) as pool:
        assert await ask(pool) == "first"
        with stopped(first):
            errors = await asyncio.gather(*(ask(pool) for _ in range(20)), return_exceptions=True)
            began_at = time.monotonic()
            late = await asyncio.gather(*(ask(pool) for _ in range(20)), return_exceptions=True)
            seconds = time.monotonic() - began_at

        await wait_for(pool, first)

    assert all(is_refusal(error, DATABASE_UNAVAILABLE) for error in [*errors, *late])
    assert seconds < 1


@pytest.mark.parametrize("kind", [Pool, TwoTripPool])
async def test_a_commit_that_is_not_answered_may_have_arrived(
    servers: tuple[Server, Server], kind: type
) -> None:
    first = servers[0]
    with ExitStack() as pause:

        async def write_and_stop() -> None:
            async with pool_of(place_of(first.host), kind) as pool, pool.context() as sor:
                await sor.write("update who set name = name")
                pause.enter_context(stopped(first))

        with pytest.raises(AppError) as caught:
            await write_and_stop()

    assert is_refusal(caught.value, OUTCOME_UNKNOWN)


async def test_a_statement_may_take_longer_than_a_server_may_be_silent(
    servers: tuple[Server, Server],
) -> None:
    async with pool_of(place_of(servers[0].host)) as pool:
        assert await ask(pool, "select sleep(2.5)") == "0"


async def test_a_server_that_takes_no_changes_is_left_for_one_that_does(
    servers: tuple[Server, Server],
) -> None:
    first, second = servers
    first.execute("set global read_only = 1")
    try:
        async with pool_of(place_of(first.host, second.host)) as pool:
            assert await ask(pool) == "second"
            first.execute("set global read_only = 0")
            await wait_for(pool, first)
            first.execute("set global read_only = 1")
            await wait_for(pool, second)
        async with pool_of(place_of(first.host)) as pool:
            assert await ask(pool) == "first"  # where there is no other, it can be read from
        with open_blocking(place_of(first.host, second.host)) as connection:
            assert connection.port == second.host.port
    finally:
        first.execute("set global read_only = 0")


async def test_a_host_where_nothing_listens_is_passed_by(servers: tuple[Server, Server]) -> None:
    nowhere = Host("127.0.0.1", free_port())
    place = place_of(nowhere, servers[1].host)
    async with pool_of(place) as pool:
        assert await ask(pool) == "second"
    with open_blocking(place) as connection:
        assert connection.port == servers[1].host.port


async def test_the_server_ends_a_statement_that_runs_for_too_long(
    servers: tuple[Server, Server],
) -> None:
    async with pool_of(place_of(servers[0].host, statement_timeout=1)) as pool:
        with pytest.raises(AppError, match="statement_timeout"):
            await ask(pool, "select sleep(1000)")

        assert await ask(pool) == "first"


async def test_a_pause_of_this_process_is_no_silence_of_the_server() -> None:
    work = asyncio.ensure_future(asyncio.sleep(0.5, "answer"))
    waiting = asyncio.ensure_future(nodes._in_time(work, 0.9))
    await asyncio.sleep(0)
    time.sleep(1.2)

    assert await waiting == "answer"


# TLS


async def test_the_connection_is_encrypted_and_the_servers_certificate_is_verified(
    servers: tuple[Server, Server], certificates: Certificates
) -> None:
    place = place_of(servers[0].host, tls=TlsSettings(ca=str(certificates.ca)))
    async with pool_of(place) as pool, pool.context() as sor:
        (cipher,) = await sor.tuples("show session status like 'Ssl_cipher'", {})
        assert cipher[1]
    with open_blocking(place) as blocking, blocking.cursor() as cursor:
        cursor.execute("show session status like 'Ssl_cipher'")
        assert cursor.fetchone()["Value"]


async def test_a_user_that_must_show_a_certificate_shows_it(
    servers: tuple[Server, Server], certificates: Certificates
) -> None:
    certificate, key = certificates.issue("client")
    files = TlsSettings(str(certificates.ca), str(certificate), str(key))
    servers[0].execute(f"alter user {USER} require x509")
    try:
        async with pool_of(place_of(servers[0].host, tls=files)) as pool:
            assert await ask(pool) == "first"
        await refuses(place_of(servers[0].host), DATABASE_REFUSES)
    finally:
        servers[0].execute(f"alter user {USER} require none")


async def test_no_word_is_said_to_a_server_that_is_not_safe(
    servers: tuple[Server, Server], certificates: Certificates, tmp_path: Path
) -> None:
    first, second = servers
    stranger = Certificates(tmp_path, "stranger")
    for server, tls in (
        (second, TlsSettings(verify=False)),  # it has no TLS
        (first, TlsSettings(ca=str(stranger.ca))),
        (first, TlsSettings()),  # the system does not know its authority
    ):
        await refuses(place_of(server.host, tls=tls), DATABASE_NOT_SAFE)
    name = Host("localhost", first.host.port)  # the certificate is for 127.0.0.1
    await refuses(place_of(name, tls=TlsSettings(ca=str(certificates.ca))), DATABASE_NOT_SAFE)
    async with pool_of(place_of(first.host, tls=TlsSettings(verify=False))) as pool:
        assert await ask(pool) == "first"


async def refuses(place: DatabaseSettings, entry: ErrorCode) -> None:
    """See that no connection is made, and that this is why."""
    async with pool_of(place) as pool:
        with pytest.raises(AppError) as caught:
            await ask(pool)
    assert is_refusal(caught.value, entry)


# What is told


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"user": "nobody"}, {"name": "no_such"}])
async def test_a_database_that_refuses_us_is_no_database_that_is_away(
    servers: tuple[Server, Server], change: dict[str, str]
) -> None:
    await refuses(place_of(servers[0].host, **change), DATABASE_REFUSES)


@pytest.mark.parametrize("command", ["check-ledger", "migrate"])
def test_a_command_says_that_the_password_is_wrong(
    database: Installation, tmp_path: Path, command: str
) -> None:
    place = database.mariadb.connection()
    assert place is not None
    config = tmp_path / "config.json"
    databases = {"pipeline": {"hosts": [f"127.0.0.1:{place.port}"]}}
    config.write_text(json.dumps({"databases": databases}), "utf-8")
    env = {"PIPELINE_CONF": str(config), "PIPELINE_DB_PASSWORD": PASSWORD}

    result = database.command("app/manage.py", command, env=env, check=False)

    assert result.returncode == 1
    assert "PIPELINE_DB_PASSWORD" in result.stderr
    assert "Traceback" not in result.stderr
    assert PASSWORD not in result.stderr + result.stdout


async def test_who_looks_how_the_database_is_needs_no_connection_of_the_others(
    pool: Installation,
) -> None:
    lent = pools().pool("pipeline")
    async with asyncio.timeout(MAX_SECONDS), reading() as sor:
        await sor.firsts("select 1", {})
        while not lent._slots.locked():
            await lent._slots.acquire()

        async with reading(for_health=True) as own:
            assert await own.firsts("select 1", {}) == [1]
