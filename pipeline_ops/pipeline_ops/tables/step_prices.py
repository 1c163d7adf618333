"""Prices of single steps, as another version of their line goes live: see pipeline_core."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.global_func import Actor, Row, SafeSqlor, insert_row, new_id, table, update_row
from pipeline_core.lifecycle.step_prices import StepPrices
from pipeline_ops.tables.prices import TABLE, raise_terms_no

Price = Mapping[str, Any]
# What a price is for, within its line.
_KEY = ("distributor_id", "step_key", "model", "unit")
_OF_STEPS = """
select * from pipeline_pricing
 where pipeline_id = ${pipeline_id}$ and step_key <> '' and enabled = 1
   and (effective_to is null or effective_to > ${at}$)
 order by step_key, model, unit, distributor_id, effective_from, id
"""
_TOLD = (
    "id", "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size", "package_size",
    "package_price", "currency", "effective_from", "effective_to", "distributor_id",
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
    others = [price for price in prices if price["step_key"] not in new_keys]
    successors = {
        price["id"]: _successor(price, new_keys[price["step_key"]], others, at) for price in orphans
    }
    _chain(orphans, successors)
    number = await raise_terms_no(sor, pipeline_id)
    # All end before any begins: two steps may have changed codes with each other.
    for price in orphans:
        await update_row(sor, TABLE, price["id"], None, _end(price, at, number), actor)
    for successor in successors.values():
        if successor is not None:
            numbers = {"terms_no": number, "end_terms_no": number}
            await insert_row(sor, TABLE, {**successor, **numbers}, actor)
    return [
        {name: price[name] for name in ("id", "step_key", "model", "unit")}
        | {
            "new_step_key": new_keys[price["step_key"]],
            "successor": (successors[price["id"]] or {}).get("id"),
        }
        for price in orphans
    ]


STEP_PRICES_OF_OPS = StepPrices(prices_of_steps=prices_of_steps, carry=carry)


async def _prices(sor: SafeSqlor, pipeline_id: str, at: datetime) -> list[Row]:
    rows: list[Row] = await sor.sqlExe(_OF_STEPS, {"pipeline_id": pipeline_id, "at": at})
    return rows


def _end(price: Price, at: datetime, number: int) -> dict[str, Any]:
    """Return the columns that end a price at a moment, recorded at *number*; one that has not begun
    by then is switched off instead."""
    if price["effective_from"] >= at:
        return {"enabled": 0, "terms_no": number, "end_terms_no": number}
    # A successor of a step is no draft that is deleted: nothing gives the end back.
    return {"effective_to": at, "end_terms_no": number, "succeeded_by": None, "former_to": None}


def _chain(orphans: Sequence[Price], successors: Mapping[str, dict[str, Any] | None]) -> None:
    """Let what is carried of a price and of the one that is to follow it belong together as before:
    where the later one is deleted, the earlier gets its former end back."""
    for price in orphans:
        carried, follower = successors[price["id"]], successors.get(price["succeeded_by"])
        if carried and follower and carried["effective_to"] == follower["effective_from"]:
            carried["succeeded_by"] = follower["id"]
            carried["former_to"] = price["former_to"]


def _successor(
    price: Price, new_key: str | None, others: Sequence[Price], at: datetime
) -> dict[str, Any] | None:
    """Return *price* as it begins anew under *new_key* as far as none of *others* holds; None where
    it does not."""
    if new_key is None:
        return None
    columns = table(TABLE).columns
    values = {
        name: price[name] for name in price if name in columns and not columns[name].server_set
    }
    start, end = max(price["effective_from"], at), price["effective_to"]
    for other in others:
        if any(other[name] != {**values, "step_key": new_key}[name] for name in _KEY):
            continue
        if other["effective_from"] > start:
            end = other["effective_from"] if end is None else min(end, other["effective_from"])
        elif other["effective_to"] is None:
            return None
        else:
            start = max(start, other["effective_to"])
    if end is not None and end <= start:
        return None
    times = {"effective_from": start, "effective_to": end}
    return {**values, **times, "id": new_id(), "step_key": new_key, "replaces": price["id"]}
