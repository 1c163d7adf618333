"""
All own prices of a distributor for a line at once: told, set, ended.

They are rows of pipeline_pricing like any other; each change goes through their service. The caller
has locked the distributor; the line comes next, and only then its prices, as everywhere.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.global_func import Actor, Row, SafeSqlor, iso, lock_parent, now
from pipeline_ops.rules.price_changes import CHANGE_FROM, NOW
from pipeline_ops.tables.price_lists import FIELDS, USE
from pipeline_ops.tables.prices import CONFIRMED, SERVICE

Price = Mapping[str, Any]
_OWN = (
    "select * from pipeline_pricing where pipeline_id = ${pipeline_id}$"
    " and distributor_id = ${distributor_id}$ and enabled = 1"
    " and (effective_to is null or effective_to > ${at}$)"
)
_IN_FORCE = " and effective_from <= ${at}$ order by step_key, model, unit"


async def own_prices(sor: SafeSqlor, distributor_id: str, pipeline_id: str) -> list[dict[str, Any]]:
    """Return the own prices in force now as a list, see price_lists.py."""
    rows = await _rows(sor, _IN_FORCE, distributor_id, pipeline_id, now())
    return [{name: row[name] for name in FIELDS} for row in rows]


async def set_own_prices(
    sor: SafeSqlor,
    distributor_id: str,
    pipeline_id: str,
    prices: Sequence[Price],
    actor: Actor,
    start: datetime | None = None,
) -> None:
    """
    Let the checked *prices* be the own ones from *start* on (None: from now): what differs is
    ended, and succeeded.

    What is to come by another date of its own stays. Raises Conflict `price_overlap` where that
    begins for a use for which there is no price yet; InvalidFields.
    """
    await lock_parent(sor, "pipelines", pipeline_id)
    pair = (distributor_id, pipeline_id)
    uses = {_use(price) for price in prices}
    # A deleted price that was still to come gives the one before it its end back: that ends too.
    while rows := [
        row
        for row in await _rows(sor, f"{_IN_FORCE} for update", *pair, start or now())
        if _use(row) not in uses
    ]:
        for row in rows:
            await _end(sor, row, start, actor)
    rows = await _rows(sor, f"{_IN_FORCE} for update", *pair, start or now())
    present = {_use(row): row for row in rows}
    change_from = NOW if start is None else iso(start)
    owner = {"distributor_id": distributor_id, "pipeline_id": pipeline_id, "enabled": 1}
    for price in prices:
        old = present.get(_use(price))
        if old is None:
            values = {**price, **owner, "effective_from": start, **CONFIRMED}
            await SERVICE.create(sor, values, actor)
        elif new := {name: price[name] for name in FIELDS if price[name] != old[name]}:
            change = {**new, CHANGE_FROM: change_from, **CONFIRMED}
            await SERVICE.update(sor, old["id"], None, change, actor)


async def _end(sor: SafeSqlor, row: Row, start: datetime | None, actor: Actor) -> None:
    """End a price at *start* (None: now); one that begins then is deleted."""
    if start is None or row["effective_from"] >= start:
        await SERVICE.delete(sor, row["id"], None, actor)
    else:
        end = {"enabled": 0, CHANGE_FROM: iso(start)}
        await SERVICE.update(sor, row["id"], None, end, actor)


async def end_own_prices(
    sor: SafeSqlor, distributor_id: str, pipeline_id: str, actor: Actor
) -> None:
    """End the own prices that are in force, and delete those that are still to come."""
    await lock_parent(sor, "pipelines", pipeline_id)
    # The later ones first: a deleted successor gives its predecessor another end.
    order = " order by effective_from desc for update"
    rows = await _rows(sor, order, distributor_id, pipeline_id, now())
    for row in rows:
        await SERVICE.delete(sor, row["id"], None, actor)


async def _rows(
    sor: SafeSqlor, more: str, distributor_id: str, pipeline_id: str, at: datetime
) -> list[Row]:
    values = {"distributor_id": distributor_id, "pipeline_id": pipeline_id, "at": at}
    rows: list[Row] = await sor.sqlExe(_OWN + more, values)
    return rows


def _use(price: Price) -> tuple[Any, ...]:
    return tuple(price[name] for name in USE)
