"""
All own prices of a distributor for a line at once: told, set, ended.

They are rows of pipeline_pricing like any other; each change goes through their service. The caller
has locked the distributor; the line comes next, and only then its prices, as everywhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.global_func import Actor, Row, SafeSqlor, lock_parent, now
from pipeline_ops.rules.price_changes import CHANGE_FROM, NOW
from pipeline_ops.tables.price_lists import FIELDS, USE
from pipeline_ops.tables.prices import SERVICE

Price = Mapping[str, Any]
_OWN = (
    "select * from pipeline_pricing where pipeline_id = ${pipeline_id}$"
    " and distributor_id = ${distributor_id}$ and enabled = 1"
    " and (effective_to is null or effective_to > ${at}$)"
)
_IN_FORCE = " and effective_from <= ${at}$ order by step_key, model, unit"
# In how many currencies a line's prices are is no question here: it is the distributor's.
_CONFIRMED = {"confirm_currency": 1}


async def own_prices(sor: SafeSqlor, distributor_id: str, pipeline_id: str) -> list[dict[str, Any]]:
    """Return the own prices in force now as a list, see price_lists.py."""
    rows = await _rows(sor, _IN_FORCE, distributor_id, pipeline_id)
    return [{name: row[name] for name in FIELDS} for row in rows]


async def set_own_prices(
    sor: SafeSqlor, distributor_id: str, pipeline_id: str, prices: Sequence[Price], actor: Actor
) -> None:
    """
    Let the checked *prices* be the own ones from now on: what differs is ended, and succeeded.

    What is to come by a date of its own stays. Raises Conflict `price_overlap` where that begins
    for a use for which there is no price yet.
    """
    await lock_parent(sor, "pipelines", pipeline_id)
    rows = await _rows(sor, f"{_IN_FORCE} for update", distributor_id, pipeline_id)
    present = {_use(row): row for row in rows}
    for use in present.keys() - {_use(price) for price in prices}:
        await SERVICE.delete(sor, present[use]["id"], None, actor)
    owner = {"distributor_id": distributor_id, "pipeline_id": pipeline_id}
    for price in prices:
        row = present.get(_use(price))
        if row is None:
            await SERVICE.create(sor, {**price, **owner, "enabled": 1, **_CONFIRMED}, actor)
        elif new := {name: price[name] for name in FIELDS if price[name] != row[name]}:
            change = {**new, CHANGE_FROM: NOW, **_CONFIRMED}
            await SERVICE.update(sor, row["id"], None, change, actor)


async def end_own_prices(
    sor: SafeSqlor, distributor_id: str, pipeline_id: str, actor: Actor
) -> None:
    """End the own prices that are in force, and delete those that are still to come."""
    await lock_parent(sor, "pipelines", pipeline_id)
    # The later ones first: a deleted successor gives its predecessor another end.
    order = " order by effective_from desc for update"
    rows = await _rows(sor, order, distributor_id, pipeline_id)
    for row in rows:
        await SERVICE.delete(sor, row["id"], None, actor)


async def _rows(sor: SafeSqlor, more: str, distributor_id: str, pipeline_id: str) -> list[Row]:
    values = {"distributor_id": distributor_id, "pipeline_id": pipeline_id, "at": now()}
    rows: list[Row] = await sor.sqlExe(_OWN + more, values)
    return rows


def _use(price: Price) -> tuple[Any, ...]:
    return tuple(price[name] for name in USE)
