"""
The sandbox: where a distributor tries its programs by keys that begin with `ppt_`.

It is the twins of all tables that have something of a distributor (app/db/twins.py): the same code
decides, prices and tells on them, and nothing of it can be among what is real. What limits a
distributor, its lines and their capacity is real, and brought over before each request; what is
counted is the sandbox's own.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from app.global_func import (
    TWIN_PREFIX,
    BackgroundWork,
    SafeSqlor,
    get_row,
    in_transaction,
    now,
    quota_day,
    reading,
    table,
    use_twins,
)
from pipeline_dist.accounts.authentication import AuthenticatedDistributor
from pipeline_dist.accounts.rows import read_distributor, spend_key
from pipeline_dist.errors import INVALID_KEY
from pipeline_ops.calls.sweeper import SWEEPER, sweep
from pipeline_ops.ledger.past_counters import Owner, drop_past
from pipeline_ops.ledger.spend_sums import spend_sum

MAX_TAKEOVERS = 2
_COUNTERS = {"day_key": "null", "day_used": "0", "month_key": "null", "month_used": "0"}
# What a table's twin does not take over, and what it has of it in the beginning. One statement of
# the balance, in the beginning: what was paid in is not the sandbox's to follow.
_OWN: Mapping[str, Mapping[str, str]] = {
    "distributors": {
        "quota_key": "null", "quota_used": "0", "spend_key": "null", "spend_used": "0",
        "spend_reserved": "0", "balance": "r.balance",
        "balance_base": "null", "balance_base_no": "null", "entry_no": "0", "rate_window": "null",
        "closed_month": "null", "usage_day": "null", "lock_no": "0",
    },
    "distributor_pipeline": _COUNTERS,
    "pipeline_capacity": _COUNTERS | {"running": "0"},
}  # fmt: skip
# Names and keys are unique, and may change hands: nobody asks for them there.
_INSTEAD: Mapping[str, Mapping[str, str]] = {
    "distributors": {
        "code": "r.id", "name": "r.id", "api_key_hash": "null", "previous_key_hash": "null",
    }
}  # fmt: skip
_OF_DISTRIBUTOR = "r.distributor_id = ${id}$"
_OF_ITS_LINES = (
    "r.pipeline_id in (select l.pipeline_id from distributor_pipeline l"
    " where l.distributor_id = ${id}$)"
)
# Of a row that counts, with its line: whose counters of past periods it counts on for.
_OWNERS_OF_PAST = {"distributor_pipeline": "r.distributor_id", "pipeline_capacity": "''"}
# What counters are of: it is changed with them alone (`_turn_periods`). So it does not matter what
# becomes of the real row, or of this process, between that transaction and the next.
_PERIODS: Mapping[str, tuple[str, ...]] = {"distributors": ("quota_period", "spend_period")}
_TURNED = (
    "select r.quota_period, r.spend_period, t.quota_period <> r.quota_period,"  # noqa: S608  constants
    f" t.spend_period <> r.spend_period from {TWIN_PREFIX}distributors t"
    " join distributors r on r.id = t.id where t.id = ${id}$"
    " and (t.quota_period <> r.quota_period or t.spend_period <> r.spend_period)"
)
_WHICH = {
    "distributors": "r.id = ${id}$",
    "distributor_pipeline": _OF_DISTRIBUTOR,
    "pipeline_capacity": _OF_ITS_LINES,
}


@asynccontextmanager
async def sandbox_of(
    caller: AuthenticatedDistributor,
) -> AsyncIterator[AuthenticatedDistributor]:
    """Let everything within it be the sandbox's, of the *caller* as it is there."""
    async with _turn():
        await _turn_periods(caller.id)
        await in_transaction(lambda sor: _bring_over(sor, caller.id))
    with use_twins():
        async with reading() as sor:
            row = await read_distributor(sor, caller.id)
        if row is None:
            raise INVALID_KEY(headers={"WWW-Authenticate": "Bearer"})
        real = caller.distributor
        yield replace(caller, distributor=replace(row, code=real.code, name=real.name))


def _turn() -> asyncio.Semaphore:
    """Return what lets few requests of this process bring rows over at a time: more would take the
    connections that those of real keys wait for."""
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(MAX_TAKEOVERS))


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def _bring_over(sor: SafeSqlor, distributor_id: str) -> None:
    """Let the twins have the rows of a distributor, its lines and their capacity, as they are now
    but for what is counted there."""
    for name, which in _WHICH.items():
        # First: a line that was taken away and given again has another row of the same key.
        if name in _OWNERS_OF_PAST:
            await _drop_orphans(sor, name, which, {"id": distributor_id})
        await sor.sqlExe(_takeover(name, which), {"id": distributor_id})


async def drop_orphans(most: int) -> int:
    """Delete what the sandbox counts of lines that nobody has any more, or that are deleted, at
    most so many rows of each table; how many those were."""
    count = 0
    for name in _OWNERS_OF_PAST:
        count += await in_transaction(
            lambda sor, name=name: _drop_orphans(sor, name, "true", {}, most)  # type: ignore[misc]
        )
    return count


async def _drop_orphans(
    sor: SafeSqlor, name: str, which: str, values: Mapping[str, Any], most: int | None = None
) -> int:
    """Delete rows of a twin that count, of which the real one is gone, with their counters of past
    periods: nobody counts on for them (ledger/past_counters.py)."""
    rows = await sor.tuples(_orphans(name, which, most), values)
    for row_id, distributor_id, pipeline_id in rows:
        text = f"delete from {TWIN_PREFIX}{name} where id = ${{id}}$"  # noqa: S608  constants
        await sor.sqlExe(text, {"id": row_id})
        await sor.sqlExe(
            f"delete from {TWIN_PREFIX}app_past_counter where distributor_id = ${{distributor_id}}$"  # noqa: S608
            " and pipeline_id = ${pipeline_id}$",
            Owner(distributor_id, pipeline_id)._asdict(),
        )
    return len(rows)


async def _turn_periods(distributor_id: str) -> None:
    """Let the twin of a distributor have the periods of now, where its quota or its spending is for
    another one than before: what it has counted is of that before."""
    async with reading() as sor:
        rows = await sor.tuples(_TURNED, {"id": distributor_id})
    if not rows:
        return
    ((quota_period, spend_period, is_quota, is_spending),) = rows

    async def work(sor: SafeSqlor) -> None:
        await get_row(sor, "distributors", distributor_id, lock=True)
        values: dict[str, Any] = {}
        if is_quota:
            await drop_past(sor, Owner(distributor_id))
            # Admission takes up what the ledger has of the new period.
            values |= {"quota_period": quota_period, "quota_key": None, "quota_used": 0}
        if is_spending:
            key = spend_key(spend_period, quota_day(now()))
            spending = await spend_sum(sor, distributor_id, key)
            values |= {"spend_period": spend_period, "spend_key": key, "spend_used": spending}
        sets = ", ".join(f"{name} = ${{{name}}}$" for name in values)
        text = f"update distributors set {sets} where id = ${{id}}$"  # noqa: S608  constants
        await sor.sqlExe(text, {**values, "id": distributor_id})

    with use_twins():
        await in_transaction(work)


def _takeover(name: str, which: str) -> str:
    """Return the statement that brings rows of a table over to its twin."""
    own, instead = _OWN[name], _INSTEAD.get(name, {})
    columns = [column for column in table(name).columns if column not in instead]
    values = [own.get(column, f"r.{column}") for column in columns]
    own_columns = {*own, *_PERIODS.get(name, ()), "id"}
    changes = [f"{column} = r.{column}" for column in columns if column not in own_columns]
    return (
        f"insert into {TWIN_PREFIX}{name} ({', '.join([*columns, *instead])})"  # noqa: S608  constants
        f" select {', '.join([*values, *instead.values()])} from {name} r where {which}"
        f" on duplicate key update {', '.join(changes)}"
    )


def _orphans(name: str, which: str, most: int | None = None) -> str:
    """Return the query of the rows of a twin of which the real one is gone. It reads without locks:
    a statement that deletes by the real rows would hold those, which real calls wait for."""
    text = (
        f"select r.id, {_OWNERS_OF_PAST[name]}, r.pipeline_id from {TWIN_PREFIX}{name} r"  # noqa: S608
        f" left join {name} o on o.id = r.id where {which} and o.id is null"
    )
    return text if most is None else f"{text} order by r.id limit {most}"


async def _sweep(sor: SafeSqlor, stop: asyncio.Event) -> None:
    with use_twins():
        await sweep(sor, stop)


# Calls of the sandbox whose lease ran out.
SANDBOX_SWEEPER: BackgroundWork = replace(
    SWEEPER, work=_sweep, lock="sandbox_sweeper", who="the lease sweeper of the sandbox"
)
