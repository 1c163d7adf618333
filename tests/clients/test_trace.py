"""
One trace of calls, reported in four ways: one by one, begun and finished, in batches, through a
spool whose program is killed at random. All four get the same statement, to the last digit, and
the one that is computed apart.

`bash tests/run.sh replay [--trace FILE]` does it with a long trace, or with a recorded one.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline_client import AsyncClient, Line, Retries, Statement, plain
from pipeline_client.operations import call_body
from pipeline_dist.replay.trace import read_trace
from tests.clients.conftest import PRICES, Account, new_account
from tests.support.installation import Installation

Calls = list[list[Line]]
SHORT, LONG = 120, 3000
MAX_KILLS = 4
BATCH_SIZE = 50
PROGRAM = Path(__file__).with_name("spool_program.py")


@pytest.fixture(scope="module")
def trace() -> Calls:
    """The lines of each call."""
    path = os.environ.get("PIPELINE_REPLAY_TRACE")
    if path:
        tokens = [(call.input_tokens, call.output_tokens) for call in read_trace(Path(path))]
    else:
        numbers = random.Random(16)
        count = LONG if os.environ.get("PIPELINE_REPLAY") else SHORT
        tokens = [(numbers.randrange(8000), numbers.randrange(400)) for _ in range(count)]
    return [
        [Line("input_token", use[0], step_key="answer"), Line("output_token", use[1])]
        for use in tokens
    ]


def one_by_one(account: Account, trace: Calls, folder: Path) -> None:
    with account.client() as client:
        for lines in trace:
            client.book(account.pipeline, lines)


def with_begin_and_finish(account: Account, trace: Calls, folder: Path) -> None:
    async def work(client: AsyncClient, waiting: Any) -> None:
        for lines in waiting:
            async with client.call(account.pipeline) as call:
                for line in lines:
                    call.add(line.unit, line.quantity, step_key=line.step_key)

    async def all_of_it() -> None:
        async with AsyncClient(account.url, account.key) as client:
            waiting = iter(trace)
            await asyncio.gather(*(work(client, waiting) for _ in range(6)))

    asyncio.run(all_of_it())


def in_batches(account: Account, trace: Calls, folder: Path) -> None:
    items = [
        call_body(account.pipeline, status="succeeded", lines=lines)
        | {"idempotency_key": f"row-{number}"}
        for number, lines in enumerate(trace)
    ]
    with account.client(retries=Retries(patience=300)) as client:
        for start in range(0, len(items), BATCH_SIZE):
            result = client.book_batch(items[start : start + BATCH_SIZE])
            assert result.refused == 0


def by_a_spool_that_is_killed(account: Account, trace: Calls, folder: Path) -> None:
    calls, position = folder / "calls.json", folder / "position"
    rows = [[[line.unit, line.quantity, line.step_key] for line in lines] for lines in trace]
    calls.write_text(json.dumps(rows), "utf-8")
    numbers = random.Random()
    argv = [sys.executable, str(PROGRAM), str(folder / "spool"), str(calls), str(position)]
    env = account.env | {"LINE": account.pipeline}
    kills = 0
    while True:
        with subprocess.Popen(argv, env=env) as process:
            if kills < MAX_KILLS:
                _await_change(position, process)
                time.sleep(numbers.random() * 0.1 if kills else 0)
                process.kill()
            code = process.wait()
        if code == 0:
            break
        assert code == -9
        kills += 1
    assert kills >= 1
    assert (folder / "spool.refused").exists() is False


def _await_change(position: Path, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the program has handed something over, or is done."""
    before = position.read_text("utf-8") if position.exists() else None
    while process.poll() is None:
        if position.exists() and position.read_text("utf-8") != before:
            return
        time.sleep(0.01)


WAYS: list[Callable[[Account, Calls, Path], None]] = [
    one_by_one, with_begin_and_finish, in_batches, by_a_spool_that_is_killed,
]  # fmt: skip


def amounts(trace: Calls) -> dict[str, Decimal]:
    """What each unit costs, computed apart from the application."""
    prices = {str(price["unit"]): price for price in PRICES}
    sums = dict.fromkeys(("input_token", "output_token"), Decimal(0))
    for lines in trace:
        for line in lines:
            price = prices[line.unit]
            amount = Decimal(line.quantity) * Decimal(str(price["unit_price"]))
            amount /= int(str(price["unit_size"]))
            sums[line.unit] += amount.quantize(Decimal("1e-10"), ROUND_HALF_UP)
    return sums


def content(statement: Statement) -> Any:
    """What a statement says, whoever it is for."""
    own = {"distributor", "made_at"}
    return {name: value for name, value in plain(statement).items() if name not in own}


def test_every_way_gives_the_same_statement(
    server: Installation, seller_pipeline: dict[str, Any], trace: Calls, tmp_path: Path
) -> None:
    statements = []
    for way in WAYS:
        account = new_account(server, seller_pipeline)
        folder = tmp_path / way.__name__
        folder.mkdir()
        way(account, trace, folder)
        with account.client() as client:
            statements.append(client.statement())
            usage_lines = list(client.usage())
        assert sum(line.amount for line in usage_lines) == statements[-1].amount
        assert len(usage_lines) == 2 * len(trace), way.__name__

    first = statements[0]
    assert [content(statement) for statement in statements[1:]] == [content(first)] * 3
    assert (first.calls, first.running) == (len(trace), 0)
    assert {line.unit: line.amount for line in first.lines} == amounts(trace)
    assert server.manage("check-ledger").returncode == 0
