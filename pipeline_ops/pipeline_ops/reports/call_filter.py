"""
Which calls a list is of, and how the ledger is read for them.

A filter is a condition on the headers of calls; `items` of a statement's line says which of their
rows are meant. Each way of reading goes along one index that has the order of the list, so that a
page costs the same in a ledger of ten million rows, wherever it is.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from app.global_func import (
    BAD_CHOICE,
    OUT_OF_ORDER,
    FieldRule,
    InvalidFields,
    SafeSqlor,
    like_prefix,
    now,
    quota_day,
)
from pipeline_ops.ledger.entries import starts_of_days
from pipeline_ops.ledger.states import CallStatus
from pipeline_ops.reports.distributors import distributor_statements
from pipeline_ops.rollup.ledger_rows import FIRST_DAY, LAST_DAY, Conditions
from pipeline_ops.rollup.read import Use
from pipeline_ops.rules.months import MONTH_RULE
from pipeline_ops.rules.terms import PricingType

# In the place of a distributor: calls of our own; of a model: items that have none.
OWN = "-"
MAX_HITS = 1000
_LEDGER = "pipeline_usage_log u force index (pipeline_usage_log_{index})"


class Period(StrEnum):
    """Days that are told by a word: of the quota zone, today the last of them."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    WEEK = "7d"
    THIRTY_DAYS = "30d"
    NINETY_DAYS = "90d"
    MONTH = "month"
    LAST_MONTH = "last_month"
    ALL = "all"


FILTER_RULES = {
    "period": FieldRule(kind="str", choices=tuple(Period)),
    "first_day": FieldRule(kind="date"),
    "last_day": FieldRule(kind="date"),
    "from": FieldRule(kind="datetime"),
    "to": FieldRule(kind="datetime"),
    "month": MONTH_RULE,
    "distributor_id": FieldRule(kind="str", length=32),
    "pipeline_id": FieldRule(kind="str", length=32),
    # Its code, in the place of its id: statements know no other name of it.
    "pipeline": FieldRule(kind="str", length=64),
    "status": FieldRule(kind="str", length=64),
    "q": FieldRule(kind="str", length=200),
    "unit": FieldRule(kind="str", length=32),
    "step_key": FieldRule(kind="str", length=64),
    "model": FieldRule(kind="str", length=128),
    "pricing_type": FieldRule(kind="str", choices=tuple(PricingType)),
    "price": FieldRule(kind="decimal"),
    "size": FieldRule(kind="int", minimum=1),
}


@dataclass(frozen=True, slots=True)
class Items:
    """Rows of one line of a statement: of this step, model and unit ('' is none of them), at this
    price, if one is named; or of a model alone, whatever the step and unit (None)."""

    step_key: str | None
    model: str
    unit: str | None
    pricing_type: str | None = None
    price: Decimal | None = None
    size: int | None = None

    def condition(self, conditions: Conditions, row: str) -> None:
        """Add to *conditions* that *row* is one of them."""
        for name in ("step_key", "model", "unit"):
            if getattr(self, name) is not None:
                conditions.add(f"{row}.{name} = {{}}", getattr(self, name))
        if self.pricing_type is None:
            return
        names = ("unit_price", "unit_size")
        if self.pricing_type == PricingType.PACKAGE:
            names = ("package_price", "package_size")
        conditions.add(f"{row}.pricing_type = {{}}", self.pricing_type)
        for name, value in zip(names, (self.price, self.size), strict=True):
            conditions.add(f"{row}.{name} = {{}}", value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """
    The calls of a list: all that is named holds for each of them.

    `distributor_id` '' means our own. `month`: what stands in its statement by its own date.
    `call_nos`: the calls that a search has hit. `item_days`: days, outside of which no call has
    such items.
    """

    distributor_id: str | None = None
    pipeline_id: str | None = None
    statuses: tuple[str, ...] = ()
    first_day: str = FIRST_DAY
    last_day: str = LAST_DAY
    earliest: datetime | None = None
    latest: datetime | None = None
    month: str | None = None
    items: Items | None = None
    call_nos: tuple[str, ...] | None = None
    item_days: tuple[str, ...] | None = None

    @property
    def use(self) -> Use | None:
        """What the sums of days are asked for; None where they know less than the filter says."""
        if self.statuses or self.call_nos is not None:
            return None
        return Use(
            distributor_id=self.distributor_id, pipeline_id=self.pipeline_id, month=self.month,
            first_day=self.first_day, last_day=self.last_day,
            earliest=self.earliest, latest=self.latest,
        )  # fmt: skip


class Way(NamedTuple):
    """How headers are read: what stands behind `from`, and the column that they are in the order
    of, before their ids."""

    ledger: str
    order: str


def filter_of(query: Mapping[str, Any]) -> CallFilter:
    """Return the filter that typed parameters mean, before `look_up`; raises
    InvalidFields."""
    statuses = tuple((query["status"] or "").split(",")) if query["status"] else ()
    problems = []
    if not set(statuses) <= set(CallStatus):
        problems.append(BAD_CHOICE("status", choices=", ".join(CallStatus)))
    first, last = _days(query)
    if last < first:
        problems.append(OUT_OF_ORDER("last_day"))
    if query["from"] and query["to"] and query["to"] <= query["from"]:
        problems.append(OUT_OF_ORDER("to"))
    if problems:
        raise InvalidFields(problems)
    owner = query["distributor_id"]
    return CallFilter(
        distributor_id="" if owner == OWN else owner,
        pipeline_id=query["pipeline_id"],
        statuses=statuses,
        first_day=first,
        last_day=last,
        earliest=query["from"],
        latest=query["to"],
        month=query["month"],
        items=_items(query),
    )


def _items(query: Mapping[str, Any]) -> Items | None:
    if query["unit"] is None:
        model = query["model"]
        return None if model is None else Items(None, "" if model == OWN else model, None)
    has_price = query["pricing_type"] and query["price"] is not None and query["size"] is not None
    terms = (query["pricing_type"], query["price"], query["size"]) if has_price else ()
    return Items(query["step_key"] or "", query["model"] or "", query["unit"], *terms)


def _days(query: Mapping[str, Any]) -> tuple[str, str]:
    """Return the first and the last quota day. A month and exact times say it themselves; a search
    is of all, unless a period is named."""
    if query["month"]:
        return _month_days(date.fromisoformat(f"{query['month']}-01"))
    if query["first_day"] or query["last_day"]:
        days = (query["first_day"], query["last_day"])
        return tuple(
            day.isoformat() if day else edge
            for day, edge in zip(days, (FIRST_DAY, LAST_DAY), strict=True)
        )  # type: ignore[return-value]  # two of two
    has_times = query["from"] or query["to"] or query["q"]
    return period_days(query["period"] or (Period.ALL if has_times else Period.WEEK), now())


def period_days(period: str, moment: datetime) -> tuple[str, str]:
    """Return the first and the last quota day of *period* at *moment*."""
    today = date.fromisoformat(quota_day(moment))
    if period == Period.ALL:
        return FIRST_DAY, LAST_DAY
    if period == Period.MONTH:
        return _month_days(today)
    if period == Period.LAST_MONTH:
        return _month_days(today.replace(day=1) - timedelta(days=1))
    first, last = _DAYS_BACK[Period(period)]
    days = (today - timedelta(days=first), today - timedelta(days=last))
    return days[0].isoformat(), days[1].isoformat()


# The first and the last day, before today.
_DAYS_BACK = {
    Period.TODAY: (0, 0), Period.YESTERDAY: (1, 1), Period.WEEK: (6, 0),
    Period.THIRTY_DAYS: (29, 0), Period.NINETY_DAYS: (89, 0),
}  # fmt: skip


def _month_days(day: date) -> tuple[str, str]:
    last = day.replace(day=monthrange(day.year, day.month)[1])
    return day.replace(day=1).isoformat(), last.isoformat()


async def look_up(sor: SafeSqlor, choice: CallFilter, query: Mapping[str, Any]) -> CallFilter:
    """Return *choice* with what the parameters `pipeline`, a code, and `q` stand for: the calls
    that this text is the number or the idempotency key of, or that have a reference which begins
    with it, at most MAX_HITS."""
    if query["pipeline"]:
        ids = await sor.firsts(
            "select id from pipelines where code = ${code}$", {"code": query["pipeline"]}
        )
        choice = replace(choice, pipeline_id=ids[0] if ids else "")
    return await _with_hits(sor, choice, query["q"]) if query["q"] else choice


async def _with_hits(sor: SafeSqlor, choice: CallFilter, text: str) -> CallFilter:
    ids: list[str] = []
    if choice.distributor_id is None:
        ids = await sor.firsts(distributor_statements().all_ids, {})
    elif choice.distributor_id:
        ids = [choice.distributor_id]
    values = {"text": text, "prefix": like_prefix(text), "ids": ids, "most": MAX_HITS}
    hits = await sor.firsts(_HITS[bool(ids), not choice.distributor_id], values)
    return replace(choice, call_nos=tuple(sorted(set(hits))))


def _hits(owners: Iterable[str]) -> str:
    """Return the statement of what a text hits among the calls of *owners*, conditions that an
    index begins with."""
    texts = ["select call_no from pipeline_usage_log where call_no = ${text}$ and line_no = 0"]
    for owner in owners:
        for index, condition in _TEXTS:
            texts.append(
                f"select u.call_no from {_LEDGER.format(index=index)}"  # noqa: S608  constants
                f" where {owner} and {condition} and u.line_no = 0 limit ${{most}}$"
            )
    return " union all ".join(f"({text})" for text in texts)


_TEXTS = (
    ("idempotency", "u.idempotency_key = ${text}$"),
    ("client_ref", "u.client_ref like ${prefix}$"),
)
_OF_DISTRIBUTORS, _OF_NOBODY = "u.distributor_id in ${ids}$", "u.distributor_id is null"
# By whether there are distributors to look at, and whether calls of our own are.
_HITS = {
    (True, True): _hits((_OF_DISTRIBUTORS, _OF_NOBODY)),
    (True, False): _hits((_OF_DISTRIBUTORS,)),
    (False, True): _hits((_OF_NOBODY,)),
    (False, False): _hits(()),
}


def way_of(choice: CallFilter) -> Way:
    """Return how the headers of *choice* are read."""
    if choice.call_nos is not None:
        return Way(_LEDGER.format(index="call"), "started_at")
    if choice.distributor_id is not None:
        return Way(_LEDGER.format(index="distributor_time"), "started_at")
    if choice.statuses == (CallStatus.RESERVED,):
        return Way(_LEDGER.format(index="lease"), "started_at")  # few run at a time
    if choice.pipeline_id is not None:
        return Way(_LEDGER.format(index="pipeline_day"), "day_key")
    return Way(_LEDGER.format(index="started"), "started_at")


def row_conditions(choice: CallFilter) -> Conditions:
    """Return what holds for every row `u` of the ledger that belongs to the calls, headers and
    others: what all rows of a call have in common."""
    conditions = Conditions("c")
    conditions.text = "u.pipeline_id is not null"
    if choice.call_nos is not None:
        conditions.add("u.call_no in {}", list(choice.call_nos))
    if choice.distributor_id is not None:
        conditions.add("u.distributor_id <=> {}", choice.distributor_id or None)
    if choice.pipeline_id is not None:
        conditions.add("u.pipeline_id = {}", choice.pipeline_id)
    if choice.statuses:
        conditions.add("u.status in {}", list(choice.statuses))
    if choice.first_day != FIRST_DAY:
        conditions.add("u.day_key >= {}", choice.first_day)
        # In whichever zone these days are; it narrows an index by time.
        conditions.add("u.started_at >= {}", starts_of_days(choice.first_day, choice.first_day)[0])
    if choice.last_day != LAST_DAY:
        conditions.add("u.day_key <= {}", choice.last_day)
        conditions.add("u.started_at < {}", starts_of_days(choice.last_day, choice.last_day)[1])
    if choice.earliest is not None:
        conditions.add("u.started_at >= {}", choice.earliest)
    if choice.latest is not None:
        conditions.add("u.started_at < {}", choice.latest)
    if choice.month is not None:
        conditions.add("u.month_key = {}", choice.month)
    if choice.item_days is not None:
        conditions.add("u.day_key in {}", list(choice.item_days))
    return conditions


def meant_rows(choice: CallFilter, row: str) -> Conditions:
    """Return which *row*s of the calls count in their amounts: those of the month and of the line
    of a statement, or all."""
    conditions = Conditions("i")
    if choice.month is not None:
        conditions.add(f"{row}.month_key = {{}}", choice.month)
    if choice.items is not None:
        choice.items.condition(conditions, row)
    conditions.text = conditions.text or "1 = 1"
    return conditions
