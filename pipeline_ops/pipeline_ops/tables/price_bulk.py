"""
Many prices at once: changed by a percentage, or taken over by another line.

Each goes through the prices' own service, so a price in force is ended and succeeded as ever. All
of them change in one transaction, or none does; a trial does the same work and takes it back, so
that it is refused where the work itself would be.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.global_func import (
    Actor,
    AppError,
    FieldProblem,
    FieldRule,
    InvalidFields,
    Record,
    SafeSqlor,
    check_lock_version,
    check_params,
    check_update,
    get_row,
    iso,
    now,
)
from pipeline_ops.errors import (
    CHOSEN_TWICE,
    NO_PRICES_CHOSEN,
    PERCENT_OUT_OF_RANGE,
    PRICE_NOT_AN_OBJECT,
    PRICE_TOO_LARGE,
    ROUNDED_TO_NOTHING,
    ROUNDED_TOO_FAR,
    SAME_PIPELINE,
    TOO_MANY_PRICES,
    TOO_MANY_TO_COPY,
)
from pipeline_ops.rules.price_changes import CHANGE_FROM, NOW, next_month
from pipeline_ops.rules.terms import EVERYBODY, PricingType
from pipeline_ops.tables.price_lists import FIELDS, MAX_PRICES, problems_at
from pipeline_ops.tables.prices import CHANGE_FROM_RULE, CONFIRMED, SERVICE, TABLE, later_start

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
# One of `prices`: what was read, for the percentage is of that.
_CHOICE = {
    "id": FieldRule(kind="str", length=32, required=True),
    "lock_version": FieldRule(kind="int", minimum=Decimal(1), required=True),
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
_COPY_COLUMNS = (*FIELDS, "enabled", "effective_to")
_FROM_THEN = (
    "pipeline_id = ${pipeline_id}$ and enabled = 1 and distributor_id = ${owner}$"
    " and (effective_to is null or effective_to > ${at}$)"
)
_OF_PIPELINE = (
    f"select * from pipeline_pricing where {_FROM_THEN}"  # noqa: S608  constants
    " order by greatest(effective_from, ${at}$), step_key, model, unit, id limit ${most}$"
)
_OF_USE = (
    f"select * from pipeline_pricing where {_FROM_THEN}"  # noqa: S608  constants
    " and step_key = ${step_key}$ and model = ${model}$ and unit = ${unit}$"
    " order by effective_from limit 2"
)


@dataclass(frozen=True, slots=True)
class NewAmount:
    """What an amount comes to: exactly, and rounded."""

    old: Decimal
    exact: Decimal
    new: Decimal

    @property
    def is_rounded(self) -> bool:
        return self.new != self.exact

    @property
    def is_changed(self) -> bool:
        return self.new != self.old

    @property
    def is_lost(self) -> bool:
        """Whether what cost something would cost nothing."""
        return self.new == 0 != self.old

    @property
    def is_far_off(self) -> bool:
        """Whether rounding moves it by more than half of the change that was asked for."""
        return 2 * abs(self.new - self.exact) > abs(self.exact - self.old)


def amount_of(price: Values) -> str:
    """Return the name of the column with what a price of its type comes to."""
    is_package = price["pricing_type"] == PricingType.PACKAGE
    return "package_price" if is_package else "unit_price"


def new_amount(amount: Decimal, percent: Decimal, decimals: int) -> NewAmount:
    """Return *amount* with *percent* added, rounded half up to *decimals*."""
    exact = amount * (100 + percent) / 100
    return NewAmount(amount, exact, exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


async def change_by_percent(sor: SafeSqlor, params: Values, actor: Actor) -> dict[str, Any]:
    """
    Change the amounts of `prices`, each `{id, lock_version}`, by `percent` from `change_from`.

    `decimals` is to how many digits the new ones are rounded half up (default: all that a price can
    have). Answers `rows` with each price's old and new amount, and `next_month`, when the next
    quota month begins; `dry_run` does the same and keeps nothing. Raises InvalidFields, NotFound,
    EditConflict, Conflict; the refusal of one price has it as `price`.
    """
    query = check_params(PERCENT, params)
    choices = _choices_of(query["prices"].value)
    percent, decimals = query["percent"], query["decimals"]
    if not -100 < percent <= _MAX_PERCENT:
        raise InvalidFields([PERCENT_OUT_OF_RANGE("percent")])
    if decimals is None:
        decimals = MAX_DECIMALS
    start = later_start(query)
    async with _trial(sor, query["dry_run"]):
        prices = [await _lock(sor, number, choice) for number, choice in enumerate(choices)]
        amounts = [new_amount(price[amount_of(price)], percent, decimals) for price in prices]
        _check_amounts(prices, amounts)
        for number, (price, amount) in enumerate(zip(prices, amounts, strict=True)):
            if not amount.is_changed:
                continue
            change = {amount_of(price): amount.new, CHANGE_FROM: _change_from(start), **CONFIRMED}
            with _naming(number, price):
                await SERVICE.update(sor, price["id"], price["lock_version"], change, actor)
    rows = [
        _view(price)
        | {name: getattr(amount, name) for name in ("old", "new", "is_rounded", "is_changed")}
        for price, amount in zip(prices, amounts, strict=True)
    ]
    return {"rows": rows, "next_month": next_month(now())}


async def copy_prices(sor: SafeSqlor, params: Values, actor: Actor) -> dict[str, Any]:
    """
    Let the line `to_pipeline_id` have everybody's prices of `pipeline_id` from `change_from` on:
    those in force then, and those to come after that, each until its own end.

    A price that it has for the same step, model and unit is ended then, and succeeded; one that it
    has to come stays, and the copy ends before it. Answers `rows`: each price with `outcome`:
    `new`, `succeeded`, `end` (only the end differs) or `same`, `effective_from` (None: at once),
    `effective_to` and `is_shortened`, and `next_month`; `dry_run` does the same, with a yes to all
    that is asked, and keeps nothing. Raises InvalidFields, NotFound, Conflict; the refusal of one
    price has it as `price`.
    """
    query = check_params(COPY, params)
    if query["pipeline_id"] == query["to_pipeline_id"]:
        raise InvalidFields([SAME_PIPELINE("to_pipeline_id")])
    await get_row(sor, "pipelines", query["pipeline_id"])
    await get_row(sor, "pipelines", query["to_pipeline_id"], lock=True)
    start = later_start(query)
    words = {name: query["dry_run"] or query[name] for name in CONFIRMED}
    at = start or now()
    values = {"pipeline_id": query["pipeline_id"], "owner": EVERYBODY, "at": at}
    prices = await sor.sqlExe(_OF_PIPELINE, {**values, "most": MAX_PRICES + 1})
    if len(prices) > MAX_PRICES:
        raise InvalidFields([TOO_MANY_TO_COPY("pipeline_id", most=MAX_PRICES)])
    rows = []
    async with _trial(sor, query["dry_run"]):
        for number, price in enumerate(prices):
            begin = price["effective_from"] if price["effective_from"] > at else start
            with _naming(number, price):
                copy = await _copy_of(sor, price, query["to_pipeline_id"], begin or at)
                await _keep_copy(sor, copy, begin, words, actor)
            rows.append(
                _view(price)
                | {
                    "outcome": copy.outcome,
                    "effective_from": begin,
                    "effective_to": copy.values["effective_to"],
                    "is_shortened": copy.values["effective_to"] != price["effective_to"],
                }
            )
    return {"rows": rows, "next_month": next_month(now())}


@dataclass(frozen=True, slots=True)
class _Copy:
    """A price for the other line, and the one that this has for the same use then."""

    values: Values
    old: Record | None

    @property
    def differences(self) -> Values:
        old = self.old or {}
        return {name: self.values[name] for name in _COPY_COLUMNS
                if name not in old or old[name] != self.values[name]}  # fmt: skip

    @property
    def outcome(self) -> str:
        if self.old is None:
            return "new"
        if not self.differences:
            return "same"
        return "end" if self.differences.keys() == {"effective_to"} else "succeeded"


async def _copy_of(sor: SafeSqlor, price: Record, pipeline_id: str, at: datetime) -> _Copy:
    """Return the copy of *price* that the line *pipeline_id*, which is locked, is to have at *at*:
    until its end, or until a price begins that the line has to come."""
    values = {name: price[name] for name in _COPY_COLUMNS} | {"pipeline_id": pipeline_id}
    present = await sor.sqlExe(_OF_USE, {**values, "owner": EVERYBODY, "at": at})
    old = next((row for row in present if row["effective_from"] <= at), None)
    starts = [row["effective_from"] for row in present if row["effective_from"] > at]
    ends = [end for end in (price["effective_to"], *starts) if end is not None]
    return _Copy(values | {"effective_to": min(ends, default=None)}, old)


async def _keep_copy(
    sor: SafeSqlor, copy: _Copy, begin: datetime | None, words: Values, actor: Actor
) -> None:
    if copy.outcome == "new":
        await SERVICE.create(sor, {**copy.values, "effective_from": begin, **words}, actor)
    elif copy.old is not None and copy.outcome != "same":
        change = {**copy.differences, **words}
        if copy.outcome == "succeeded":
            change[CHANGE_FROM] = _change_from(begin)
        await SERVICE.update(sor, copy.old["id"], None, change, actor)


def _choices_of(items: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the id and version of each price of a list; raises InvalidFields by their places."""
    if not items:
        raise InvalidFields([NO_PRICES_CHOSEN("prices")])
    if len(items) > MAX_PRICES:
        raise InvalidFields([TOO_MANY_PRICES("prices", most=MAX_PRICES)])
    problems: list[FieldProblem] = []
    choices: dict[str, dict[str, Any]] = {}
    for number, item in enumerate(items):
        place = f"prices/{number}"
        if not isinstance(item, Mapping):
            problems.append(PRICE_NOT_AN_OBJECT(place))
            continue
        try:
            choice = check_params(_CHOICE, item, strict=True)
        except InvalidFields as exc:
            problems += problems_at(place, exc.problems)
            continue
        if choice["id"] in choices:
            first = list(choices).index(choice["id"]) + 1
            problems.append(CHOSEN_TWICE(place, first=first))
        choices.setdefault(choice["id"], choice)
    if problems:
        raise InvalidFields(problems)
    return list(choices.values())


async def _lock(sor: SafeSqlor, number: int, choice: Values) -> Record:
    """Lock and return a price that is as it was when it was chosen."""
    price = await SERVICE.lock(sor, choice["id"])
    with _naming(number, price):
        check_lock_version(TABLE, price, choice["lock_version"])
    return price


def _check_amounts(prices: Sequence[Record], amounts: Sequence[NewAmount]) -> None:
    """Raise InvalidFields where rounding would make another change than the one asked for, or a
    price would have no place in its column."""
    problems = []
    for number, (price, amount) in enumerate(zip(prices, amounts, strict=True)):
        code = None
        if amount.is_lost:
            code = ROUNDED_TO_NOTHING
        elif amount.is_far_off:
            code = ROUNDED_TOO_FAR
        elif not _has_place(price, amount.new):
            code = PRICE_TOO_LARGE
        if code is not None:
            name = " · ".join(price[part] for part in ("unit", "step_key", "model") if price[part])
            words = {part: _plain(getattr(amount, part)) for part in ("old", "exact", "new")}
            problems.append(code(f"prices/{number}", price=name, **words))
    if problems:
        raise InvalidFields(problems)


def _has_place(price: Record, amount: Decimal) -> bool:
    try:
        check_update(TABLE, {"id": price["id"], "lock_version": 1, amount_of(price): amount})
    except InvalidFields:
        return False
    return True


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


@asynccontextmanager
async def _trial(sor: SafeSqlor, is_trial: int) -> AsyncIterator[None]:
    """Take back what is written within, if it is a trial."""
    if not is_trial:
        yield
        return
    await sor.statement("savepoint trial")
    yield
    await sor.statement("rollback to savepoint trial")


@contextmanager
def _naming(number: int, price: Record) -> Iterator[None]:
    """Let a refusal say which price of the list it is about."""
    try:
        yield
    except AppError as exc:
        exc.extra["price"] = {"number": number, **_view(price)}
        raise


def _change_from(start: datetime | None) -> str:
    return NOW if start is None else iso(start)


def _view(price: Record) -> dict[str, Any]:
    return {name: price[name] for name in ("id", "distributor_id", *FIELDS)}
