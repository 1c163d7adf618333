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
from weakref import WeakKeyDictionary

from app.global_func import (
    TWIN_PREFIX,
    BackgroundWork,
    SafeSqlor,
    in_transaction,
    reading,
    table,
    use_twins,
)
from pipeline_dist.accounts.authentication import AuthenticatedDistributor
from pipeline_dist.accounts.rows import read_distributor
from pipeline_dist.errors import INVALID_KEY
from pipeline_ops.calls.sweeper import SWEEPER, sweep

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
        ids = await sor.firsts(_orphans(name, which), {"id": distributor_id})
        if ids:
            text = f"delete from {TWIN_PREFIX}{name} where id in ${{ids}}$"  # noqa: S608  constants
            await sor.sqlExe(text, {"ids": ids})
        await sor.sqlExe(_takeover(name, which), {"id": distributor_id})


def _takeover(name: str, which: str) -> str:
    """Return the statement that brings rows of a table over to its twin."""
    own, instead = _OWN[name], _INSTEAD.get(name, {})
    columns = [column for column in table(name).columns if column not in instead]
    values = [own.get(column, f"r.{column}") for column in columns]
    changes = [f"{column} = r.{column}" for column in columns if column not in (*own, "id")]
    return (
        f"insert into {TWIN_PREFIX}{name} ({', '.join([*columns, *instead])})"  # noqa: S608  constants
        f" select {', '.join([*values, *instead.values()])} from {name} r where {which}"
        f" on duplicate key update {', '.join(changes)}"
    )


def _orphans(name: str, which: str) -> str:
    """Return the query of the rows of a twin of which the real one is gone. It reads without locks:
    a statement that deletes by the real rows would hold those, which real calls wait for."""
    return (
        f"select r.id from {TWIN_PREFIX}{name} r left join {name} o on o.id = r.id"  # noqa: S608
        f" where {which} and o.id is null"
    )


async def _sweep(sor: SafeSqlor, stop: asyncio.Event) -> None:
    with use_twins():
        await sweep(sor, stop)


# Calls of the sandbox whose lease ran out.
SANDBOX_SWEEPER: BackgroundWork = replace(
    SWEEPER, work=_sweep, lock="sandbox_sweeper", who="the lease sweeper of the sandbox"
)
