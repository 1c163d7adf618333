"""
The price list of a line, pipeline_pricing.

All changes to one line's prices wait for each other on the line's own row, so that two prices
for the same use never overlap in time. What the ledger has booked keeps the price it was booked
at, so a price may be changed at any time. What it is for, and its type, change only while the
ledger never used it, because packages are counted by the price; nor is it deleted after that.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.global_func import (
    OUT_OF_ORDER,
    Actor,
    AppError,
    InUse,
    InvalidFields,
    Record,
    SafeSqlor,
    TableService,
    Values,
    check_references,
    get_row,
    iso,
    now,
    settings,
)
from pipeline_ops.errors import (
    FIXED_BY_CALLS,
    NEEDED_BY_PRICE_TYPE,
    NOT_OF_PRICE_TYPE,
    PRICE_IN_USE,
    PRICE_OVERLAP,
    TIMES_OVERLAP,
)
from pipeline_ops.rules.counters import lock_capacities

TABLE = "pipeline_pricing"
# What units are counted for under one price: packages of other units would follow from theirs.
_IDENTITY = ("step_key", "model", "unit", "pricing_type")

# What a price of each type must say, and what belongs to the other type.
_NEEDED = {"unit": ("unit_price",), "package": ("package_size", "package_price")}
_FOREIGN: dict[str, dict[str, Any]] = {
    "unit": {"package_size": None, "package_price": None},
    "package": {"unit_price": None, "unit_size": 1},
}


class PriceService(TableService):
    """
    Prices of lines; all of one line wait for each other on the line's row.

    Raises Conflict `price_overlap`; `in_use` where a price that the ledger has used would be for
    something else, and InUse where it would go.
    """

    table = TABLE

    def defaults(self, params: Values) -> Values:
        return with_currency(params)

    async def lock(self, sor: SafeSqlor, record_id: str) -> Record:
        price = await get_row(sor, TABLE, record_id)
        await sor.one("select id from pipelines where id = ${pipeline_id}$ for update", price)
        return await super().lock(sor, record_id)

    async def before_create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Values:
        price = _complete(values, values)
        await check_references(sor, TABLE, price)  # locks the line
        await _check_overlap(sor, price)
        return price

    async def before_update(
        self, sor: SafeSqlor, current: Record, values: Values, actor: Actor
    ) -> Values:
        # A form that changes the type sends along what the price was; that goes without a word.
        new = {name: value for name, value in values.items() if value != current[name]}
        price = _complete({**current, **values}, new)
        other_use = [name for name in _IDENTITY if name in new]
        if other_use and (referrers := await _referrers(sor, current)):
            raise _other_use(other_use, referrers)
        await _check_overlap(sor, price)
        return {name: price[name] for name in {*values, *_FOREIGN[price["pricing_type"]]}}

    async def before_delete(self, sor: SafeSqlor, current: Record, actor: Actor) -> None:
        referrers = await _referrers(sor, current)
        if referrers:
            raise InUse(referrers)


SERVICE = PriceService()


def with_currency(params: Values) -> Values:
    """Return *params* with the installation's currency where none is named."""
    if params.get("currency") not in (None, ""):
        return params
    return {**params, "currency": settings().default_currency}


# No index begins with the price, and each one more costs every admission. That of a distributor's
# month has it next: the pairs are few, and found by leaps; each is then asked for the price.
_USED = (
    "select u.call_no as id"
    " from (select distinct distributor_id, month_key from pipeline_usage_log) m"
    " straight_join pipeline_usage_log u force index (pipeline_usage_log_distributor_month)"
    " on u.distributor_id <=> m.distributor_id and u.month_key = m.month_key"
    " and u.pricing_id = ${id}$ limit 1"
)


async def _referrers(sor: SafeSqlor, price: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name the ledger, if it has used the price; if not, it will not before the transaction
    ends."""
    usage = await sor.one(_USED, price)
    if usage is None:
        # Who prices a call has the line's capacity locked until the call is written.
        await lock_capacities(sor, [price["pipeline_id"]])
        usage = await sor.one(_USED, price)
    if usage is None:
        return []
    return [{"table": "pipeline_usage_log", "id": usage["id"], "label": "pipeline_usage_log"}]


def _other_use(fields: Sequence[str], referrers: Sequence[Mapping[str, Any]]) -> AppError:
    """Return the refusal to let a used price be for something else."""
    return PRICE_IN_USE(
        problems=[FIXED_BY_CALLS(name) for name in fields], extra={"referrers": list(referrers)}
    )


def _complete(values: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return *values* with what follows from the price's type and a start.

    Raises InvalidFields, also for *new* values that a price of this type has no place for.
    """
    price = {**values, "effective_from": values.get("effective_from") or now()}
    kind = price["pricing_type"]
    problems = [NEEDED_BY_PRICE_TYPE(name) for name in _NEEDED[kind] if price.get(name) is None]
    problems += [
        NOT_OF_PRICE_TYPE(name)
        for name, blank in _FOREIGN[kind].items()
        if new.get(name) not in (None, blank)
    ]
    end = price.get("effective_to")
    if end is not None and end <= price["effective_from"]:
        problems.append(OUT_OF_ORDER("effective_to"))
    if problems:
        raise InvalidFields(problems)
    return price | _FOREIGN[kind]


async def _check_overlap(sor: SafeSqlor, price: Mapping[str, Any]) -> None:
    if not price["enabled"]:
        return
    other = await sor.one(
        "select id, effective_from, effective_to from pipeline_pricing"
        " where pipeline_id = ${pipeline_id}$ and unit = ${unit}$ and step_key = ${step_key}$"
        " and model = ${model}$ and enabled = 1 and id <> ${id}$"
        " and (effective_to is null or effective_to > ${effective_from}$)"
        " and (${effective_to}$ is null or effective_from < ${effective_to}$)"
        " order by effective_from limit 1",
        {"id": "", "effective_to": None, **price},
    )
    if other is None:
        return
    start, end = other["effective_from"], other["effective_to"]
    raise PRICE_OVERLAP(
        problems=[TIMES_OVERLAP("effective_from")],
        extra={"other": dict(other)},
        start=iso(start),
        end=iso(end) if end else "…",
    )
