"""A host whose clock is not the database's takes no calls and sweeps none."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pymysql
import pytest

from app.base.errors import AppError
from app.db.host_clock import Offset, clock_offset, require_right_clock
from app.db.transactions import reading
from app.runtime.processes import wait_until
from pipeline_ops.calls import sweeper
from tests.support.installation import Installation


@contextmanager
def database_clock(installation: Installation, seconds: int) -> Iterator[None]:
    """Let the database's clock be *seconds* ahead for all connections that the application makes
    from now on, which it has to: those it has are ended."""
    set_clock(installation, f"set timestamp = unix_timestamp() + {seconds}")
    try:
        yield
    finally:
        set_clock(installation, "")


def set_clock(installation: Installation, statement: str) -> None:
    admin = installation.mariadb.admin_connection()
    assert admin is not None
    with admin.open(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("set global init_connect = %s", (statement,))
        cursor.execute("select id from information_schema.processlist where user = 'pipeline'")
        for (number,) in cursor.fetchall():
            with suppress(pymysql.err.MySQLError):  # it may be gone by itself
                cursor.execute(f"kill {number}")


def readiness(client: httpx.Client) -> tuple[int, str]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json().get("detail", "")


@pytest.mark.parametrize(
    ("seconds", "uncertainty", "too_far"),
    [(2.0, 0, False), (-2.1, 0, True), (3.0, 1.0, False), (172_800, 1.0, True)],
)
def test_what_a_slow_answer_may_explain_is_no_fault(seconds, uncertainty, too_far) -> None:
    assert Offset(seconds, uncertainty).is_too_far is too_far


def test_a_host_that_is_behind_is_not_ready_and_says_why(server: Installation) -> None:
    client = server.anonymous()
    assert readiness(client) == (200, "")
    with database_clock(server, 100):
        assert wait_until(lambda: "clock is -" in readiness(client)[1], 30)
        assert readiness(client)[0] == 503
        chinese = client.get("/readyz", headers={"Accept-Language": "zh-CN"}).json()["detail"]
        assert "本机时钟" in chinese
    assert wait_until(lambda: readiness(client)[0] == 200, 30)


async def test_a_host_that_is_ahead_ends_no_calls(
    pool: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps = []

    async def sweep(moment: object) -> int:
        sweeps.append(moment)
        return 0

    monkeypatch.setattr(sweeper, "expire_overdue", sweep)
    async with reading() as sor:
        await require_right_clock(sor)
    with database_clock(pool, -172_800):
        with suppress(AppError):  # on the connection that was ended
            async with reading() as sor:
                await clock_offset(sor)
        async with reading() as sor:
            with pytest.raises(AppError, match="clock is"):
                await sweeper.sweep(sor, asyncio.Event())
        assert sweeps == []
