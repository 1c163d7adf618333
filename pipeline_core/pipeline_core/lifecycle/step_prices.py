"""
Prices of single steps when another version goes live: none is left behind without a word.

A price goes by the step's code. Where the step goes live under another one, or not at all, its
prices would apply to nothing, or to another step; so this is refused unless they are carried over:
to the new code from the moment of going live, or to an end. The prices are those of a module above,
which contributes `StepPrices`.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.global_func import Actor, AppError, Contributions, SafeSqlor, now
from pipeline_core.definition.identity import other_keys, with_ids
from pipeline_core.definition.snapshot import Definition, VersionCorrupted, load
from pipeline_core.draft.draft import steps_of
from pipeline_core.errors import ORPHANED_PRICES
from pipeline_core.lifecycle.live import version_by_number

Prices = list[dict[str, Any]]
_NAMED = 10
_RENAMES = """
select row_id, `before` from app_audit
 where pipeline_id = ${pipeline_id}$ and table_name = 'pipeline_steps' and action <> 'delete'
   and created_at > ${created_at}$ and `before` like '%"step_key"%'
 order by created_at desc, id desc
"""


@dataclass(frozen=True, slots=True)
class StepPrices:
    """
    What the module that has the prices does about those of single steps.

    `prices_of_steps(sor, pipeline_id, at)` returns `{id, step_key, model, unit, …}` of each enabled
    price that names a step and is in force at a moment, or comes later.

    `carry(sor, pipeline_id, new_keys, at, actor)` takes the prices of the codes in *new_keys* to
    the code beside each from that moment on, or ends them where there is None. It returns
    `{id, step_key, new_step_key, successor}` of each: the id of the price that follows, or None.
    The caller has locked the line.
    """

    prices_of_steps: Callable[[SafeSqlor, str, datetime], Awaitable[Prices]]
    carry: Callable[[SafeSqlor, str, Mapping[str, str | None], datetime, Actor], Awaitable[Prices]]


STEP_PRICES = Contributions(StepPrices)


async def orphaned_prices(
    sor: SafeSqlor,
    pipeline: Mapping[str, Any],
    definition: Definition,
) -> Prices:
    """
    Return the prices whose step would go live under another code, or not at all, if *definition*
    went live: each with `new_step_key`, None for a step that is gone.

    It is held against the version that is live, or was last.
    """
    new_keys = await _new_keys(sor, pipeline, definition)
    return await _orphans(sor, pipeline["id"], new_keys, now())


async def check_prices(
    sor: SafeSqlor, pipeline: Mapping[str, Any], definition: Definition, *, carry: bool
) -> None:
    """Raise Conflict `orphaned_prices` where `settle_prices` would now."""
    if not carry and (prices := await orphaned_prices(sor, pipeline, definition)):
        raise _refusal(prices)


async def settle_prices(
    sor: SafeSqlor,
    pipeline: Mapping[str, Any],
    definition: Definition,
    at: datetime,
    actor: Actor,
    *,
    carry: bool,
) -> Prices:
    """
    Carry the orphaned prices over as *definition* goes live *at* this moment; what became of them.

    Without *carry*, raises Conflict `orphaned_prices` where there are any.
    """
    new_keys = await _new_keys(sor, pipeline, definition)
    prices = await _orphans(sor, pipeline["id"], new_keys, at)
    if prices and not carry:
        raise _refusal(prices)
    if not prices:
        return []
    return [
        price
        for owner in STEP_PRICES
        for price in await owner.carry(sor, pipeline["id"], new_keys, at, actor)
    ]


async def definition_with_ids(
    sor: SafeSqlor, pipeline_id: str, version: Mapping[str, Any]
) -> Definition:
    """
    Load the definition of a version's row, also of one from before ids were kept: its steps have
    the ids of the draft's rows that had their codes then, by the audit trail.

    Raises VersionCorrupted.
    """
    definition = load(version)
    if all("id" in step for step in definition["steps"]):
        return definition
    keys = {
        step["id"]: step["step_key"]
        for step in await steps_of(sor, pipeline_id)
        if step["created_at"] <= version["created_at"]
    }
    # The earliest change after that time comes last, and says what the code was before it.
    values = {"pipeline_id": pipeline_id, "created_at": version["created_at"]}
    for entry in await sor.sqlExe(_RENAMES, values):
        before = json.loads(entry["before"])
        if entry["row_id"] in keys and before.get("step_key"):
            keys[entry["row_id"]] = before["step_key"]
    return with_ids(definition, {key: row_id for row_id, key in keys.items()})


async def _new_keys(
    sor: SafeSqlor, pipeline: Mapping[str, Any], definition: Definition
) -> dict[str, str | None]:
    if pipeline["current_version"] is None:
        return {}
    last = await version_by_number(sor, pipeline["id"], pipeline["current_version"])
    try:
        before = await definition_with_ids(sor, pipeline["id"], last)
    except VersionCorrupted:
        return {}  # nobody knows its steps, and another version must take its place
    return other_keys(before, definition)


async def _orphans(
    sor: SafeSqlor, pipeline_id: str, new_keys: Mapping[str, str | None], at: datetime
) -> Prices:
    if not new_keys:
        return []
    return [
        {**price, "new_step_key": new_keys[price["step_key"]]}
        for owner in STEP_PRICES
        for price in await owner.prices_of_steps(sor, pipeline_id, at)
        if price["step_key"] in new_keys
    ]


def _refusal(prices: Sequence[Mapping[str, Any]]) -> AppError:
    names = dict.fromkeys(
        f"{price['step_key']} → {price['new_step_key']}" if price["new_step_key"]
        else price["step_key"]
        for price in prices
    )  # fmt: skip
    more = ", …" if len(names) > _NAMED else ""
    return ORPHANED_PRICES(
        extra={"prices": [dict(price) for price in prices]},
        count=len(prices),
        names=", ".join(list(names)[:_NAMED]) + more,
    )
