"""
What was acknowledged is in the ledger, once, whatever dies under load: workers, the database,
connections in the middle of a commit, the disk, the clock.
"""

import asyncio
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pymysql
import pytest

from app.base import clock
from app.base.errors import AppError
from app.runtime.processes import wait_until
from pipeline_dist.admission import service as admission
from tests.support.installation import Installation
from tests.support.shop import Shop
from tests.support.trade import Clock, Trade, add_price, begin_call, differences, make_trade
from tests.support.witness import Witness

pytestmark = pytest.mark.alone

QUOTA = 800
QUOTA_OF_DAY = 250


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


@pytest.fixture
def witness(shop: Shop) -> Witness:
    return make_witness(shop)


@pytest.fixture(autouse=True)
def _all_back(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "server" in request.fixturenames:
        server: Installation = request.getfixturevalue("server")
        server.mariadb.start()
        if len(server.workers.running()) < 2:
            server.start(workers=2)


def make_witness(shop: Shop, *, clients: int = 12, quota: int = 10**9) -> Witness:
    pipeline = shop.pipeline(capacity={"daily_quota": quota, "max_concurrency": 1000})
    buyer = shop.distributor(pipeline, link={"monthly_quota": 10**9})
    return Witness(
        shop.installation.base_url, buyer.api_key, pipeline.code,
        clients=clients, stops_at_refusal=quota < 10**9,
    )  # fmt: skip


def test_one_worker_is_killed(server: Installation, witness: Witness) -> None:
    with witness:
        witness.wait_for_more()
        os.kill(server.workers.running()[1], signal.SIGKILL)
        witness.wait_for_more()
        server.workers.start(1)
        witness.wait_for_more()
    witness.compare(server)


def test_all_workers_are_killed(server: Installation, witness: Witness) -> None:
    with witness:
        witness.wait_for_more()
        for pid in server.workers.running().values():
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.3)
        server.start(workers=2)
        witness.wait_for_more()
    witness.compare(server)
    assert witness.statuses[0] > 0


def test_the_database_is_killed(server: Installation, witness: Witness) -> None:
    with witness:
        witness.wait_for_more()
        kill_database(server)
        time.sleep(0.5)
        server.mariadb.start()
        witness.wait_for_more()
    witness.compare(server)
    assert witness.statuses[503] > 0


def test_connections_are_cut_in_the_middle_of_commits(
    server: Installation, witness: Witness
) -> None:
    with witness:
        witness.wait_for_more()
        cuts = cut_connections(server, seconds=3)
        witness.wait_for_more()
    witness.compare(server)
    assert cuts["commit"] > 0, cuts
    assert witness.statuses[503] > 0


def test_the_database_hangs_until_callers_are_refused(
    server: Installation, witness: Witness
) -> None:
    pid = server.mariadb.pid()
    assert pid is not None
    with witness:
        witness.wait_for_more()
        os.kill(pid, signal.SIGSTOP)
        try:
            witness.wait_for_status(503)
        finally:
            os.kill(pid, signal.SIGCONT)
        witness.wait_for_more()
    witness.compare(server)


def test_exactly_the_quota_while_four_workers_are_killed_in_turn(
    server: Installation, shop: Shop
) -> None:
    server.stop()
    server.start(workers=4)
    crowd = make_witness(Shop(server), clients=64, quota=QUOTA)
    dice = random.Random(4)
    try:
        with crowd:
            for _ in range(4):
                crowd.wait_for_more(100)
                number = dice.choice([1, 2, 3, 4])
                os.kill(server.workers.running()[number], signal.SIGKILL)
                server.workers.start(number)
            crowd.wait_for_end()
        crowd.compare(server)
    finally:
        server.stop()
        server.start(workers=2)

    assert len(crowd.beginnings) == QUOTA
    (row,) = server.query(
        "select count(*) as calls from pipeline_usage_log u join pipelines p"
        " on p.id = u.pipeline_id where p.code = %s and u.line_no = 0", crowd.pipeline,
    )  # fmt: skip
    assert row["calls"] == QUOTA


async def test_the_clock_is_set_an_hour_back_and_forth(pool: Installation, hands: Clock) -> None:
    trade = await make_trade(
        pipeline_capacity={"daily_quota": QUOTA_OF_DAY, "max_concurrency": 1000},
        distributors={"quota_period": "day", "quota_calls": 500},
    )
    await add_price(trade, unit_price=Decimal("0.37"))
    result: list[str] = []
    refusals: list[str] = []

    async def customer(number: int) -> None:
        for count in range(20):
            key = f"c{number}-{count}"
            if number == 0 and count in (5, 10, 15):
                hands.moment += timedelta(hours=-1 if count == 10 else 1)
            try:
                result.append(await one_call(trade, key, finish=number % 2 == 0))
            except AppError as exc:
                refusals.append(exc.code)
            await asyncio.sleep(0)

    await asyncio.gather(*(customer(number) for number in range(40)))

    rows = pool.query(
        "select distinct call_no, day_key from pipeline_usage_log where pipeline_id = %s",
        trade.rows["pipelines"]["id"],
    )
    days = [row["day_key"] for row in rows]
    assert sorted(result) == sorted(row["call_no"] for row in rows)
    # The steps went over midnight and back; no day let in more than it had.
    assert set(days) == {"2026-11-30", "2026-12-01"}
    assert max(days.count(day) for day in set(days)) == QUOTA_OF_DAY
    assert set(refusals) == {"capacity_exceeded"}
    assert await differences() == []


def test_the_disk_of_the_database_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path, megabytes=420) as folder:
        installation = Installation(folder / "var")
        installation.mariadb.start()
        try:
            installation.make_databases()
            installation.start(workers=1)
            witness = make_witness(Shop(installation), clients=8)
            filler = folder / "filler"
            with witness:
                witness.wait_for_more()
                fill(filler)
                witness.wait_for_status(503)
                filler.unlink()
                assert wait_until(lambda: goes_on(installation, witness), 60)
            witness.compare(installation)
        finally:
            installation.stop()
            installation.mariadb.stop()


def goes_on(installation: Installation, witness: Witness) -> bool:
    """Return whether calls are let in. A database that had to write and could not ends itself, now
    or a moment later, and has to be started again."""
    installation.mariadb.start()
    try:
        witness.wait_for_more(seconds=5)
    except AssertionError:
        return False
    return True


async def one_call(trade: Trade, key: str, *, finish: bool) -> str:
    command = begin_call(trade.code, idempotency_key=key, lease_seconds=86_400)
    beginning = await admission.begin(trade.distributor_id, command)
    call_no = str(beginning.call["call_no"])
    if finish:
        await trade.finish(call_no, call="1")
    return call_no


def kill_database(server: Installation) -> None:
    pid = server.mariadb.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not server.mariadb.answers(), 30)


def cut_connections(server: Installation, seconds: float) -> dict[str, int]:
    """Kill connections of the application that are at work, those that commit first."""
    place = server.mariadb.admin_connection()
    assert place is not None
    cuts = {"commit": 0, "other": 0}
    deadline = time.monotonic() + seconds
    with place.open(autocommit=True) as connection, connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "select id, info from information_schema.processlist"
                " where user = 'pipeline' and command = 'Query'"
            )
            statements = cursor.fetchall()
            commits = [row for row in statements if str(row[1]).upper().startswith("COMMIT")]
            if not commits and (not statements or random.random() < 0.98):
                continue
            number, info = (commits or list(statements))[0]
            try:
                cursor.execute(f"kill connection {number}")
            except pymysql.err.OperationalError:
                continue  # it has ended meanwhile
            cuts["commit" if str(info).upper().startswith("COMMIT") else "other"] += 1
            time.sleep(0.05)
    return cuts


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes; needs the right to mount one."""
    place = folder / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(file: Path) -> None:
    """Write until the disk is full."""
    block = b"\0" * 65536
    with file.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(block)
        except OSError:
            return


@pytest.fixture
def hands(pool: Installation) -> Iterator[Clock]:
    hand_clock = Clock()
    clock.set_zone("Asia/Shanghai")
    clock.set_source(hand_clock)
    yield hand_clock
    clock.set_source(None)
