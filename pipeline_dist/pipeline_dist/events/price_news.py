"""
What distributors are told of prices: that one begins or ends, and before that, that it will; that
they pay another part of one.

A change of prices is known by the number under which it was recorded (`terms_no`); what it was is
read from the rows that have this number, when it is told. What only comes into force later is
looked at again by then, since it may have been moved or taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.global_func import SafeSqlor, column_names, iso, now
from pipeline_dist.events.kinds import EventType, NewEvent
from pipeline_ops.rules.terms import EVERYBODY, PriceScope, PricingMode

# What rows of the outbox are about: a number, a price at a time, what a distributor pays of general
# prices, and whether it has a line at all.
PRICES, PRICE, SHARE, SWITCH = "prices", "price", "share", "switch"


class Change(StrEnum):
    """What becomes of a price."""

    BEGINS = "begins"
    ENDS = "ends"
    CONTINUES = "continues"
    DISCOUNT = "discount"


@dataclass(frozen=True, slots=True)
class Later:
    """A price that begins or ends at a time to come."""

    due_at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Price:
    """What is told of a row of pipeline_pricing, and what decides whether it is."""

    id: str
    distributor_id: str
    pipeline_id: str
    step_key: str
    model: str
    unit: str
    pricing_type: str
    unit_price: Decimal | None
    unit_size: int
    package_size: int | None
    package_price: Decimal | None
    currency: str
    effective_from: datetime
    effective_to: datetime | None
    enabled: int
    succeeded_by: str | None
    terms_no: int
    end_terms_no: int


_TOLD = (
    "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size", "package_size",
    "package_price", "currency", "effective_from", "effective_to",
)  # fmt: skip
_COLUMNS = column_names(_Price)
_SELECT = (
    f"select {', '.join('r.' + name for name in _COLUMNS)}, p.code from pipeline_pricing r"  # noqa: S608
    " join pipelines p on p.id = r.pipeline_id where "
)
_BY_NUMBER = (
    f"{_SELECT} r.pipeline_id = ${{pipeline_id}}$"
    " and (r.terms_no = ${number}$ or r.end_terms_no = ${number}$) order by r.id"
)
_BY_ID = f"{_SELECT} r.id = ${{id}}$"
_KEY = "o.unit = ${unit}$ and o.enabled = 1"
# Whom a general price concerns: whoever may call the line, pays in its currency, and has no own
# price that goes before it.
_CONCERNED = (
    "select l.distributor_id, if(l.pricing_mode = 'discount', l.discount_rate, null)"  # noqa: S608
    " from distributor_pipeline l join distributors d on d.id = l.distributor_id"
    " where l.pipeline_id = ${pipeline_id}$ and l.enabled = 1 and l.pricing_mode <> 'fixed'"
    " and d.status <> 'closed' and d.currency = ${currency}$ and l.created_at <= ${since}$"
    " and not exists (select 1 from pipeline_pricing o where o.pipeline_id = l.pipeline_id"
    f" and o.distributor_id = l.distributor_id and {_KEY}"
    " and o.step_key in ('', ${step_key}$) and o.model in ('', ${model}$)"
    " and o.effective_from <= ${at}$ and (o.effective_to is null or o.effective_to > ${at}$))"
    " order by l.distributor_id"
)
# General prices of now and later that concern one distributor.
_OF_DISTRIBUTOR = (
    f"{_SELECT} r.pipeline_id = ${{pipeline_id}}$ and r.distributor_id = ${{everybody}}$"  # noqa: S608
    " and r.enabled = 1 and (r.effective_to is null or r.effective_to > ${at}$)"
    " and exists (select 1 from distributor_pipeline l join distributors d"
    " on d.id = l.distributor_id where l.pipeline_id = r.pipeline_id and l.enabled = 1"
    " and d.id = ${distributor_id}$ and d.status <> 'closed' and d.currency = r.currency)"
    " and not exists (select 1 from pipeline_pricing o where o.pipeline_id = r.pipeline_id"
    " and o.distributor_id = ${distributor_id}$ and o.unit = r.unit and o.enabled = 1"
    " and o.step_key in ('', r.step_key) and o.model in ('', r.model)"
    " and o.effective_from <= greatest(r.effective_from, ${at}$)"
    " and (o.effective_to is null or o.effective_to > greatest(r.effective_from, ${at}$)))"
    " order by r.id"
)
# Own prices of a distributor, of now and later.
_OWN = (
    f"{_SELECT} r.pipeline_id = ${{pipeline_id}}$ and r.distributor_id = ${{distributor_id}}$"
    " and r.enabled = 1 and (r.effective_to is null or r.effective_to > ${at}$) order by r.id"
)
_FOLLOWS = (
    "select 1 from pipeline_pricing o where o.pipeline_id = ${pipeline_id}$"  # noqa: S608
    f" and o.distributor_id = ${{distributor_id}}$ and {_KEY}"
    " and o.step_key = ${step_key}$ and o.model = ${model}$"
    " and o.effective_from = ${at}$ limit 1"
)


async def news_of_number(
    sor: SafeSqlor, pipeline_id: str, number: int, since: datetime
) -> tuple[list[NewEvent], list[Later]]:
    """Return the events of what was recorded of a pipeline's prices under *number*, for who has it
    *since* then, and what is to be looked at again."""
    events: list[NewEvent] = []
    later: list[Later] = []
    moment = now()
    values = {"pipeline_id": pipeline_id, "number": number}
    for row in await sor.tuples(_BY_NUMBER, values):
        price, code = _Price(*row[:-1]), row[-1]
        if not price.enabled:
            continue
        if price.terms_no == number:
            change, at = Change.BEGINS, price.effective_from
        elif price.succeeded_by is not None:
            continue  # its successor is told
        elif price.effective_to is None:
            change, at = Change.CONTINUES, moment
        else:
            change, at = Change.ENDS, price.effective_to
        events += await _events(
            sor, price, code, change, at, since, coming=at > moment, number=number
        )  # fmt: skip
        dates = [(Change.BEGINS, price.effective_from), (Change.ENDS, price.effective_to)]
        later += [
            Later(due, {"price_id": price.id, "change": kind, "at": iso(due)})
            for kind, due in dates
            if due is not None and due > moment
        ]
    return events, later


async def news_of_date(sor: SafeSqlor, data: dict[str, Any], since: datetime) -> list[NewEvent]:
    """Return the events of a price's begin or end that is due, as far as it still is."""
    rows = await sor.tuples(_BY_ID, {"id": data["price_id"]})
    if not rows:
        return []
    price, code = _Price(*rows[0][:-1]), rows[0][-1]
    change = Change(data["change"])
    at = price.effective_from if change == Change.BEGINS else price.effective_to
    if not price.enabled or at is None or iso(at) != data["at"]:
        return []
    if change == Change.ENDS and await sor.firsts(_FOLLOWS, _values(price, at)):
        return []  # told where the next one begins
    return await _events(sor, price, code, change, at, since, coming=False, number=0)


def share_of(mode: str, discount_rate: Decimal | None) -> Decimal | None:
    """Return which part of general prices is paid by who has a line on these terms; None: they do
    not apply."""
    if mode == PricingMode.FIXED:
        return None
    return discount_rate if mode == PricingMode.DISCOUNT else Decimal(1)


async def news_of_share(
    sor: SafeSqlor, pipeline_id: str, data: dict[str, Any], at: datetime, row_id: str
) -> list[NewEvent]:
    """Return the events of general prices of which a distributor pays another part since *at*: all,
    none, or by another discount."""
    before, after = data["before"], data["after"]
    change = Change.DISCOUNT
    if before is None or after is None:
        change = Change.BEGINS if before is None else Change.ENDS
    distributor_id = data["distributor_id"]
    share = Decimal(before if after is None else after)
    rows = await sor.tuples(_OF_DISTRIBUTOR, _values_of_one(pipeline_id, distributor_id, at))
    return [_event_of_one(row, distributor_id, change, at, row_id, share) for row in rows]


async def news_of_switch(
    sor: SafeSqlor,
    pipeline_id: str,
    distributor_id: str,
    share: Decimal | None,
    at: datetime,
    row_id: str,
) -> list[NewEvent]:
    """Return the events of all prices of a line that apply to a distributor again, which pays the
    part *share* of general ones: meanwhile it was told of none."""
    values = _values_of_one(pipeline_id, distributor_id, at)
    events = [
        _event_of_one(row, distributor_id, Change.BEGINS, at, row_id, Decimal(1))
        for row in await sor.tuples(_OWN, values)
    ]
    if share is not None:
        events += [
            _event_of_one(row, distributor_id, Change.BEGINS, at, row_id, share)
            for row in await sor.tuples(_OF_DISTRIBUTOR, values)
        ]
    return events


def _values_of_one(pipeline_id: str, distributor_id: str, at: datetime) -> dict[str, Any]:
    return {
        "pipeline_id": pipeline_id, "distributor_id": distributor_id, "at": at,
        "everybody": EVERYBODY,
    }  # fmt: skip


def _event_of_one(
    row: Sequence[Any],
    distributor_id: str,
    change: Change,
    at: datetime,
    row_id: str,
    share: Decimal,
) -> NewEvent:
    price, code = _Price(*row[:-1]), row[-1]
    kind = EventType.PRICE_COMING if price.effective_from > at else EventType.PRICE_CHANGED
    facts = _facts(price, code, change, max(price.effective_from, at))
    # With as many decimals as the link has.
    facts["discount_rate"] = None if share == 1 else round(share, 4)
    return NewEvent(distributor_id, kind, f"{price.id}:{change}:{row_id}", facts)


async def _events(
    sor: SafeSqlor,
    price: _Price,
    code: str,
    change: Change,
    at: datetime,
    since: datetime,
    *,
    coming: bool,
    number: int,
) -> list[NewEvent]:
    kind = EventType.PRICE_COMING if coming else EventType.PRICE_CHANGED
    # What comes may be told again with other terms; what has come, once.
    subject = f"{price.id}:{change}:{iso(at)}"
    if coming or change == Change.CONTINUES:
        subject = f"{price.id}:{change}:{number}"
    data = _facts(price, code, change, at)
    if price.distributor_id != EVERYBODY:
        return [NewEvent(price.distributor_id, kind, subject, data | {"discount_rate": None})]
    return [
        NewEvent(distributor_id, kind, subject, data | {"discount_rate": rate})
        for distributor_id, rate in await sor.tuples(
            _CONCERNED, _values(price, at) | {"since": since}
        )
    ]


def _facts(price: _Price, code: str, change: Change, at: datetime) -> dict[str, Any]:
    return {
        "pipeline": code,
        "change": change,
        "at": at,
        "price_scope": PriceScope.GENERAL if price.distributor_id == EVERYBODY else PriceScope.OWN,
        **{name: getattr(price, name) for name in _TOLD},
    }


def _values(price: _Price, at: datetime) -> dict[str, Any]:
    names = ("pipeline_id", "distributor_id", "currency", "unit", "step_key", "model")
    return {name: getattr(price, name) for name in names} | {"at": at}
