"""
Looks at lines, by one statement each: what they tell, and how much they ask.

What is expected was answered by the code before (`tests/data/look_answers.json.gz`), which asked
for each part of each line by a statement of its own.
"""

import gzip
import json
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from app.base.errors import AppError
from app.base.settings import ROOT
from app.db.transactions import reading
from pipeline_dist.accounts.rows import read_distributor
from pipeline_dist.admission import service as admission
from pipeline_dist.admission.present_limits import limits_after, own_limits
from pipeline_dist.reports.catalogue import Page
from tests.support.reads import commands_of
from tests.support.trade import EVENING, MIDNIGHT, Clock
from tests.support.varied_world import NEVER_SOLD, VariedWorld

EXPECTED = ROOT / "tests/data/look_answers.json.gz"
MOMENTS = {
    "at once": EVENING,
    "the same evening": EVENING + timedelta(minutes=10),
    "after midnight": MIDNIGHT + timedelta(minutes=1),
}

# The distributor's row, which an endpoint has from the look-up of the key.
KEY = 1
# What is asked beside the look itself where counters are missing, and where slots are short.
COUNTS = SHORT_SLOTS = 1

pytestmark = pytest.mark.usefixtures("pool")


@pytest.fixture(scope="module")
def one_world() -> VariedWorld:
    return VariedWorld()


@pytest.fixture
async def world(hands: Clock, one_world: VariedWorld) -> VariedWorld:
    """The world, which no look changes."""
    if not one_world.pipelines:
        await one_world.make()
    async with reading():
        pass  # what a connection says first is no part of a look
    return one_world


async def test_all_is_answered_as_by_many_statements(hands: Clock, world: VariedWorld) -> None:
    expected = json.loads(gzip.decompress(EXPECTED.read_bytes()))
    for name, moment in MOMENTS.items():
        hands.moment = moment
        answers = await world.answers()

        assert answers == expected[name]
        assert json.dumps(answers) == json.dumps(expected[name])  # the order of names, too


async def test_a_page_is_one_statement_however_many_lines_it_has(
    hands: Clock, world: VariedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = commands_of(monkeypatch)

    async def count(rows: int) -> int:
        del commands[:]
        await world.page("first", Page("", 1, rows))
        return len(commands) - KEY

    # Of the last, one line was never called and some have hardly a slot left.
    assert [await count(rows) for rows in (1, 3, 50)] == [1, 1, 1 + COUNTS + SHORT_SLOTS]
    hands.moment = MIDNIGHT  # nobody has called anything of the new day and month
    assert [await count(rows) for rows in (3, 50)] == [1 + COUNTS, 1 + COUNTS + SHORT_SLOTS]


async def test_whatever_else_is_looked_at_is_one_statement(
    world: VariedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.quote("first", "d-own", "tokens")  # now the version's steps are known
    commands = commands_of(monkeypatch)

    async def count(look: Awaitable[Any]) -> int:
        del commands[:]
        await look
        return len(commands)

    for code, use in {"a-plain": "one", "d-own": "large", "e-packages": "images"}.items():
        assert await count(world.one("first", code)) == KEY + 1
        assert await count(world.quote("first", code, use)) == 1
    assert await count(world.quote("first", "d-own", "tokens")) == 1
    assert await count(admission.read_call(world.distributors["first"], world.last_call)) == 1


async def test_the_limits_after_a_batch_are_one_statement_and_a_distributor_s_own_none(
    world: VariedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.distributors["first"]
    commands = commands_of(monkeypatch)
    async with reading() as sor:
        limits = await limits_after(sor, first, ["j-quota", "b-discount", NEVER_SOLD])
        distributor = await read_distributor(sor, first)
    scopes = [limit.scope for limit in limits]

    assert len(commands) == 2
    assert scopes[:3] == ["rate", "spend", "distributor_month"]
    assert sorted(scopes[3:]) == sorted(
        2 * ["link_day", "link_month", "capacity_day", "capacity_month"]
    )
    assert distributor is not None
    assert await own_limits(distributor) == limits[:3]
    assert len(commands) == 2


async def test_a_call_is_told_with_its_items_alone_and_to_nobody_else(world: VariedWorld) -> None:
    call = await admission.read_call(world.distributors["first"], world.last_call)

    assert (call["pipeline"], call["status"]) == ("e-packages", "succeeded")
    assert [line["quantity"] for line in call["lines"]] == [4, 25, 1]
    with pytest.raises(AppError) as caught:
        await admission.read_call(world.distributors["second"], world.last_call)
    assert caught.value.code == "call_not_found"
