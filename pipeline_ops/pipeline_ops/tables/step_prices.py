"""Prices of single steps, as another version of their line goes live: see pipeline_core."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.global_func import Actor, Row, SafeSqlor, insert_row, table, update_row
from pipeline_core.lifecycle.step_prices import StepPrices
from pipeline_ops.tables.prices import TABLE

Price = Mapping[str, Any]
_OF_STEPS = """
select * from pipeline_pricing
 where pipeline_id = ${pipeline_id}$ and step_key <> '' and enabled = 1
   and (effective_to is null or effective_to > ${at}$)
 order by step_key, model, unit, effective_from, id
"""
_TOLD = (
    "id", "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size", "package_size",
    "package_price", "currency", "effective_from", "effective_to",
)  # fmt: skip


async def prices_of_steps(sor: SafeSqlor, pipeline_id: str, at: datetime) -> list[dict[str, Any]]:
    """Return the enabled prices that name a step and are in force at a moment, or come later."""
    prices = await _prices(sor, pipeline_id, at)
    return [{name: price[name] for name in _TOLD} for price in prices]


async def carry(
    sor: SafeSqlor,
    pipeline_id: str,
    new_keys: Mapping[str, str | None],
    at: datetime,
    actor: Actor,
) -> list[dict[str, Any]]:
    """
    Take the prices of the codes in *new_keys* to the codes beside them from the moment *at* on, or
    end them where there is None; `{id, step_key, new_step_key, successor}` of each.

    A price of the new code that somebody set already comes first: what is carried ends where that
    begins, and does not begin while it holds. The caller has locked the line.
    """
    prices = await _prices(sor, pipeline_id, at)
    orphans = [price for price in prices if price["step_key"] in new_keys]
    # All end before any begins: two steps may have changed codes with each other.
    for price in orphans:
        await _end(sor, price, at, actor)
    others = [price for price in prices if price["step_key"] not in new_keys]
    result = []
    for price in orphans:
        new_key = new_keys[price["step_key"]]
        successor = None
        if new_key is not None:
            successor = await _succeed(sor, {**price, "step_key": new_key}, others, at, actor)
        result.append(
            {name: price[name] for name in ("id", "step_key", "model", "unit")}
            | {"new_step_key": new_key, "successor": successor}
        )
    return result


STEP_PRICES_OF_OPS = StepPrices(prices_of_steps=prices_of_steps, carry=carry)


async def _prices(sor: SafeSqlor, pipeline_id: str, at: datetime) -> list[Row]:
    rows: list[Row] = await sor.sqlExe(_OF_STEPS, {"pipeline_id": pipeline_id, "at": at})
    return rows


async def _end(sor: SafeSqlor, price: Price, at: datetime, actor: Actor) -> None:
    """End a price at a moment; one that has not begun by then is switched off instead."""
    values = {"effective_to": at} if price["effective_from"] < at else {"enabled": 0}
    await update_row(sor, TABLE, price["id"], None, values, actor)


async def _succeed(
    sor: SafeSqlor, price: Price, others: list[Row], at: datetime, actor: Actor
) -> str | None:
    """Begin *price* anew under its new code as far as none of *others* holds; its id, or None."""
    start, end = max(price["effective_from"], at), price["effective_to"]
    for other in others:
        if any(other[name] != price[name] for name in ("step_key", "model", "unit")):
            continue
        if other["effective_from"] <= start:
            start = max(start, other["effective_to"]) if other["effective_to"] else None
        elif end is None or other["effective_from"] < end:
            end = other["effective_from"]
        if start is None or (end is not None and end <= start):
            return None
    columns = table(TABLE).columns
    values = {
        name: price[name] for name in price if name in columns and not columns[name].server_set
    }
    row = await insert_row(
        sor, TABLE, {**values, "effective_from": start, "effective_to": end}, actor
    )
    return str(row["id"])
