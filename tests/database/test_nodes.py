"""Servers that hang, vanish, refuse or are not safe: who is made to wait, and what is told."""

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from app.base.catalogue.requests import (
    DATABASE_REFUSES,
    DATABASE_UNAVAILABLE,
    OUTCOME_UNKNOWN,
)
from app.base.database_settings import Host
from app.base.errors import AppError
from app.db import nodes
from app.db.blocking import open_blocking
from app.db.pool import Pool, TwoTripPool, pools
from app.db.transactions import reading
from app.runtime.processes import free_port, wait_until
from tests.support.installation import Installation
from tests.support.servers import (
    MAX_SECONDS,
    PASSWORD,
    Server,
    ask,
    is_refusal,
    place_of,
    pool_of,
    refuses,
    two_servers,
)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    # Not pytest's folder: the path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="pipeline-pair-"))
    try:
        with two_servers(folder) as pair:
            yield pair
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "LOOK_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(nodes, "BACK_AFTER_SECONDS", 0.2)


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


async def wait_for(pool: Pool, server: Server) -> None:
    """Wait until *server* is the one that is used."""
    while True:
        with suppress(AppError):
            if await ask(pool) == server.name:
                return
        await asyncio.sleep(0.02)


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
