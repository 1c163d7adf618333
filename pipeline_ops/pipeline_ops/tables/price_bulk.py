"""
Many prices at once: changed by a percentage, or taken over by another line.

Each goes through the prices' own service, so a price in force is ended and succeeded as ever. All
of them change in one transaction, or none does.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.global_func import (
    Actor,
    FieldRule,
    InvalidFields,
    Record,
    SafeSqlor,
    check_params,
    get_row,
    iso,
    now,
)
from pipeline_ops.errors import (
    NO_PRICES_CHOSEN,
    PERCENT_OUT_OF_RANGE,
    SAME_PIPELINE,
    TOO_MANY_PRICES,
)
from pipeline_ops.rules.price_changes import CHANGE_FROM, NOW, next_month
from pipeline_ops.rules.terms import EVERYBODY, PricingType
from pipeline_ops.tables.price_lists import FIELDS, MAX_PRICES
from pipeline_ops.tables.prices import CHANGE_FROM_RULE, SERVICE, TABLE, later_start

Values = Mapping[str, Any]
# Digits behind the point that a price can have.
MAX_DECIMALS = 6
_MAX_PERCENT = Decimal(1000)
PERCENT = {
    "prices": FieldRule(kind="json", json="list", required=True),
    "percent": FieldRule(kind="decimal", precision=8, scale=4, required=True),
    "decimals": FieldRule(kind="int", minimum=Decimal(0), maximum=Decimal(MAX_DECIMALS)),
    CHANGE_FROM: CHANGE_FROM_RULE,
    "dry_run": FieldRule(kind="bool", default=0),
}
COPY = {
    "pipeline_id": FieldRule(kind="str", length=32, required=True),
    "to_pipeline_id": FieldRule(kind="str", length=32, required=True),
    CHANGE_FROM: CHANGE_FROM_RULE,
    "confirm_currency": FieldRule(kind="bool", default=0),
    "confirm_step": FieldRule(kind="bool", default=0),
    "dry_run": FieldRule(kind="bool", default=0),
}
# What a copy has of the price that it is made of.
_COPY_COLUMNS = (*FIELDS, "enabled")
_OF_PIPELINE = (
    "select * from pipeline_pricing where pipeline_id = ${pipeline_id}$ and enabled = 1"
    " and distributor_id = ${owner}$"
    " and effective_from <= ${at}$ and (effective_to is null or effective_to > ${at}$)"
    " order by step_key, model, unit, id limit ${most}$"
)


def amount_of(price: Values) -> str:
    """Return the name of the column with what a price of its type comes to."""
    is_package = price["pricing_type"] == PricingType.PACKAGE
    return "package_price" if is_package else "unit_price"


def new_amount(amount: Decimal, percent: Decimal, decimals: int) -> tuple[Decimal, bool]:
    """Return *amount* with *percent* added, rounded half up to *decimals*, and whether rounding
    changed it."""
    exact = amount * (100 + percent) / 100
    result = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return result, result != exact


async def change_by_percent(sor: SafeSqlor, params: Values, actor: Actor) -> dict[str, Any]:
    """
    Change the amounts of `prices` (ids, or `{id, lock_version}`) by `percent` from `change_from`.

    `decimals` is to how many digits the new ones are rounded half up (default: all that a price can
    have). Answers `rows` with each price's old and new amount, and `next_month`, when the next
    quota month begins; with `dry_run` nothing is written. Raises InvalidFields, NotFound,
    EditConflict, Conflict.
    """
    query = check_params(PERCENT, params)
    keys = _keys_of(query["prices"].value)
    percent, decimals = query["percent"], query["decimals"]
    if not -100 < percent <= _MAX_PERCENT:
        raise InvalidFields([PERCENT_OUT_OF_RANGE("percent")])
    if decimals is None:
        decimals = MAX_DECIMALS
    start = later_start(query)
    rows = []
    for price_id, lock_version in keys:
        price = await get_row(sor, TABLE, price_id)
        name = amount_of(price)
        new, is_rounded = new_amount(price[name], percent, decimals)
        rows.append(_view(price) | {"old": price[name], "new": new, "is_rounded": is_rounded})
        if not query["dry_run"] and new != price[name]:
            change = {name: new, CHANGE_FROM: _change_from(start), "confirm_currency": 1}
            await SERVICE.update(sor, price_id, lock_version, change, actor)
    return {"rows": rows, "next_month": next_month(now())}


async def copy_prices(sor: SafeSqlor, params: Values, actor: Actor) -> dict[str, Any]:
    """
    Let the line `to_pipeline_id` have everybody's prices in force of `pipeline_id` from
    `change_from` on.

    A price that it has for the same step, model and unit is ended then, and succeeded. Answers
    `rows`: each price with `outcome`: `new`, `succeeded` or `same`, and `next_month`; with
    `dry_run` nothing is written. Raises InvalidFields, NotFound, Conflict.
    """
    query = check_params(COPY, params)
    if query["pipeline_id"] == query["to_pipeline_id"]:
        raise InvalidFields([SAME_PIPELINE("to_pipeline_id")])
    await get_row(sor, "pipelines", query["pipeline_id"])
    target = await get_row(sor, "pipelines", query["to_pipeline_id"], lock=not query["dry_run"])
    start = later_start(query)
    prices = await _in_force(sor, query["pipeline_id"], now())
    present = {
        _use(row): row for row in await _in_force(sor, query["to_pipeline_id"], start or now())
    }
    words = {name: query[name] for name in ("confirm_currency", "confirm_step")}
    rows = []
    for price in prices:
        copy = {name: price[name] for name in _COPY_COLUMNS}
        old = present.get(_use(price))
        new = {name: value for name, value in copy.items() if old and old[name] != value}
        outcome = "new" if old is None else "succeeded" if new else "same"
        rows.append(_view(price) | {"outcome": outcome})
        if query["dry_run"] or outcome == "same":
            continue
        if old is None:
            values = {"pipeline_id": target["id"], "effective_from": start, **copy, **words}
            await SERVICE.create(sor, values, actor)
        else:
            change = {**new, CHANGE_FROM: _change_from(start), **words}
            await SERVICE.update(sor, old["id"], None, change, actor)
    return {"rows": rows, "next_month": next_month(now())}


def _keys_of(items: Sequence[Any]) -> list[tuple[str, int | None]]:
    """Return the ids of a list, each with the version that was read, if that is told."""
    if not items:
        raise InvalidFields([NO_PRICES_CHOSEN("prices")])
    if len(items) > MAX_PRICES:
        raise InvalidFields([TOO_MANY_PRICES("prices", most=MAX_PRICES)])
    keys = []
    for item in items:
        values = item if isinstance(item, Mapping) else {"id": item}
        version = values.get("lock_version")
        keys.append((str(values.get("id") or "")[:32], None if version is None else int(version)))
    return keys


async def _in_force(sor: SafeSqlor, pipeline_id: str, at: datetime) -> list[Record]:
    values = {"pipeline_id": pipeline_id, "owner": EVERYBODY, "at": at, "most": MAX_PRICES}
    rows: list[Record] = await sor.sqlExe(_OF_PIPELINE, values)
    return rows


def _use(price: Values) -> tuple[Any, ...]:
    return price["step_key"], price["model"], price["unit"]


def _change_from(start: datetime | None) -> str:
    return NOW if start is None else iso(start)


def _view(price: Record) -> dict[str, Any]:
    return {name: price[name] for name in ("id", "distributor_id", *FIELDS)}
