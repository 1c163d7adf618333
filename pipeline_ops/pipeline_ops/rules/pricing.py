"""
What a call costs: the one place that knows.

Quote, finish, manual booking and statement all come through here, so they agree to the last
digit. Money is Decimal; amounts are found by whole-number arithmetic and rounded once, half up,
to 10 decimals.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from typing import Any

from app.global_func import FieldProblem, SafeSqlor, quota_month
from pipeline_ops.errors import (
    AMOUNT_TOO_LARGE,
    LINE_AMOUNT_TOO_LARGE,
    NO_PRICE,
    NO_PRICE_IN_CURRENCY,
    PRICE_MISSING,
    PRICE_MISSING_IN_CURRENCY,
)
from pipeline_ops.rules.packages import package_count
from pipeline_ops.rules.usage_lines import UsageLine


class PricingType(StrEnum):
    """How a price is reckoned: by quantity, or by packages begun."""

    UNIT = "unit"
    PACKAGE = "package"


class PricingMode(StrEnum):
    """Where a price comes from: the line, the line at a discount, or the distributor's own."""

    INHERIT = "inherit"
    DISCOUNT = "discount"
    FIXED = "fixed"


AMOUNT_DECIMALS = 10
PRICE_DECIMALS = 6
# What decimal(20,10) can hold.
AMOUNT_LIMIT = Decimal(10) ** 10
# A line's number to which all that is recorded is known: that of a call which begins now.
KNOWN_NOW = 2**63 - 1

_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
_PRICE_STEP = Decimal(1).scaleb(-PRICE_DECIMALS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    A price as it is applied: `unit_price` for `unit_size` units, or packages of `package_size`
    units at `package_price`. An empty `step_key` or `model` means every one.

    `pricing_id` is the price's identity in the ledger, by which packages are counted.
    """

    pricing_id: str
    step_key: str
    model: str
    unit: str
    pricing_type: str
    pricing_mode: PricingMode = PricingMode.INHERIT
    unit_price: Decimal | None = None
    unit_size: int = 1
    package_size: int | None = None
    package_price: Decimal | None = None
    currency: str


@dataclass(frozen=True, slots=True)
class DatedTerms:
    """
    An enabled price with the time in which it applies, from `start` up to and without `end`, and
    the numbers (`pipelines.terms_no`) under which it and its end were recorded.
    """

    terms: Terms
    start: datetime
    end: datetime | None
    terms_no: int = 0
    end_terms_no: int = 0

    def holds_at(self, moment: datetime, terms_no: int = KNOWN_NOW) -> bool:
        """
        Return whether it applies to a call that began at *moment*, when *terms_no* was its line's
        number.

        What was recorded after that number is as if it had not been: a price, and the end of one.
        Clocks of several hosts differ; the number, which each change of prices raises and writes,
        tells before from after.
        """
        if self.terms_no > terms_no or self.start > moment:
            return False
        return self.end is None or self.end > moment or self.end_terms_no > terms_no


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """A usage line with the price applied to it; `amount` has 10 decimals. `line_no` counts from 0,
    the row of the call's header."""

    line_no: int
    usage: UsageLine
    terms: Terms
    amount: Decimal


# Which price applies to (step_key, model, unit) among those in force; None when none does.
Adjust = Callable[[Sequence[Terms], str, str, str], Terms | None]


def choose(terms: Sequence[Terms], step_key: str, model: str, unit: str) -> Terms | None:
    """Return the most specific of *terms* for this use: step and model, step, model, neither."""
    fitting = [
        item
        for item in terms
        if item.unit == unit and item.step_key in ("", step_key) and item.model in ("", model)
    ]
    return max(fitting, key=lambda item: (item.step_key != "", item.model != ""), default=None)


def discount(terms: Terms, rate: Decimal) -> Terms:
    """Return *terms* at *rate* of their price. Nothing is rounded: 6 decimals of a price and 4 of a
    rate make 10, which the ledger keeps, so that the price stored with a line reproduces its
    amount."""
    return replace(
        terms,
        pricing_mode=PricingMode.DISCOUNT,
        unit_price=_scale(terms.unit_price, rate),
        package_price=_scale(terms.package_price, rate),
    )


def shown_price(price: Decimal | None) -> Decimal | None:
    """Return *price* with the decimals it needs, at least 6: as people set it, whoever stored
    it."""
    if price is None or price.as_tuple().exponent == -PRICE_DECIMALS:
        return price
    at_six = _EXACT.quantize(price, _PRICE_STEP)
    return at_six if at_six == price else price.normalize(_EXACT)


def with_shown_prices(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return *line* of the ledger with its prices as `shown_price` gives them."""
    return {
        **line,
        "unit_price": shown_price(line["unit_price"]),
        "package_price": shown_price(line["package_price"]),
    }


def line_amount(terms: Terms, quantity: Decimal, used_before: Decimal = Decimal(0)) -> Decimal:
    """
    Return what *quantity* units cost under *terms*, rounded half up to 10 decimals.

    *used_before*: units used before in the same month under the same price; packages only.
    """
    if terms.pricing_type == PricingType.PACKAGE:
        assert terms.package_size is not None
        assert terms.package_price is not None
        packages = package_count(used_before + quantity, terms.package_size) - package_count(
            used_before, terms.package_size
        )
        return _EXACT.quantize(
            _EXACT.multiply(Decimal(packages), terms.package_price),
            Decimal(1).scaleb(-AMOUNT_DECIMALS),
        )
    assert terms.unit_price is not None
    return _divide(_EXACT.multiply(quantity, terms.unit_price), terms.unit_size)


def total(lines: Sequence[PricedLine]) -> Decimal:
    """Return the sum of the amounts of *lines*, with 10 decimals."""
    return sum((line.amount for line in lines), Decimal(0).scaleb(-AMOUNT_DECIMALS))


def choose_terms(
    lines: Sequence[UsageLine], terms: Sequence[Terms], adjust: Adjust, currency: str | None
) -> list[Terms]:
    """
    Return the price of each line. With *currency*, prices in another one do not count.

    Raises Conflict `price_missing` naming every line that has no price.
    """
    usable = [item for item in terms if currency in (None, item.currency)]
    line_terms: list[Terms] = []
    problems: list[FieldProblem] = []
    others: list[str] = []
    for number, line in enumerate(lines):
        item = adjust(usable, line.step_key, line.model, line.unit)
        if item is not None and currency in (None, item.currency):
            line_terms.append(item)
            continue
        other = item or adjust(terms, line.step_key, line.model, line.unit)
        if other is None:
            problems.append(_no_price(number, line))
        else:
            problems.append(_other_currency(number, line, other.currency, currency))
            others.append(other.currency)
    if others and len(others) == len(lines):
        names = ", ".join(sorted(set(others)))
        raise PRICE_MISSING_IN_CURRENCY(problems=problems, others=names, currency=currency)
    if problems:
        raise PRICE_MISSING(problems=problems, count=len(problems))
    return line_terms


def package_ids(terms: Iterable[Terms]) -> list[str]:
    """Return the `pricing_id` of those of *terms* that are packages, each once and in order."""
    return sorted({item.pricing_id for item in terms if item.pricing_type == PricingType.PACKAGE})


def apply_prices(
    lines: Sequence[UsageLine], line_terms: Sequence[Terms], usage: Mapping[str, Decimal]
) -> list[PricedLine]:
    """
    Return each line with its amount; *usage* has the units used before, by the packages'
    pricing_id.

    Lines of one call count for each other, in their order. Raises Unprocessable
    `amount_too_large` where an amount has more digits than the ledger keeps.
    """
    so_far = dict(usage)
    result: list[PricedLine] = []
    for number, (line, terms) in enumerate(zip(lines, line_terms, strict=True)):
        before = so_far.get(terms.pricing_id, Decimal(0))
        amount = line_amount(terms, line.quantity, before)
        if terms.pricing_type == PricingType.PACKAGE:
            so_far[terms.pricing_id] = before + line.quantity
        result.append(PricedLine(line_no=number, usage=line, terms=terms, amount=amount))
    _check_size(result)
    return result


async def prices_in_force(
    sor: SafeSqlor, pipeline_id: str, at: datetime, terms_no: int = KNOWN_NOW
) -> list[Terms]:
    """Return the prices of a line that hold at *at* by what was known under *terms_no*
    (`DatedTerms.holds_at`)."""
    rows = await sor.tuples(_IN_FORCE, {"pipeline_id": pipeline_id, "at": at, "terms_no": terms_no})
    return [terms_of(values) for values in rows]


def terms_of(values: Iterable[Any]) -> Terms:
    """Return a row of pipeline_pricing, read as the values of TERMS_COLUMNS, as Terms."""
    return Terms(**dict(zip(_TERMS_FIELDS, values, strict=True)))


def dated_terms_of(values: Sequence[Any]) -> DatedTerms:
    """Return a row of pipeline_pricing, read as the values of PRICE_COLUMNS, as DatedTerms."""
    terms, dates = values[: len(TERMS_COLUMNS)], values[len(TERMS_COLUMNS) :]
    return DatedTerms(terms_of(terms), *dates)


# The columns of a price of which Terms are made; its id is their pricing_id.
TERMS_COLUMNS = (
    "id", "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size", "package_size",
    "package_price", "currency",
)  # fmt: skip
# The same and when it holds, of which DatedTerms are made.
PRICE_COLUMNS = (*TERMS_COLUMNS, "effective_from", "effective_to", "terms_no", "end_terms_no")
_TERMS_FIELDS = ("pricing_id", *TERMS_COLUMNS[1:])
_IN_FORCE = (
    f"select {', '.join(TERMS_COLUMNS)} from pipeline_pricing"  # noqa: S608  constants
    " where pipeline_id = ${pipeline_id}$ and enabled = 1 and effective_from <= ${at}$"
    " and (effective_to is null or effective_to > ${at}$ or end_terms_no > ${terms_no}$)"
    " and terms_no <= ${terms_no}$"
)


async def package_usage(
    sor: SafeSqlor, distributor_id: str | None, month: str, pricing_ids: Sequence[str]
) -> dict[str, Decimal]:
    """Return units booked so far in quota month *month* under each price, less those reversed."""
    if not pricing_ids:
        return {}
    # The null-safe comparison also finds calls of our own, which have no distributor.
    rows = await sor.sqlExe(
        "select pricing_id, sum(quantity) as used from pipeline_usage_log"
        " where distributor_id <=> ${distributor_id}$ and month_key = ${month}$"
        " and pricing_id in ${pricing_ids}$ group by pricing_id",
        {"distributor_id": distributor_id, "month": month, "pricing_ids": list(pricing_ids)},
    )
    return {row.pricing_id: row.used for row in rows}


async def price_lines(
    sor: SafeSqlor,
    distributor_id: str | None,
    pipeline_id: str,
    started_at: datetime,
    lines: Sequence[UsageLine],
    adjust: Adjust = choose,
    currency: str | None = None,
) -> list[PricedLine]:
    """
    Return *lines* priced as of the call's start. Exact only under the distributor's lock (without a
    distributor: the line's), because packages count what others booked before.

    Raises Conflict `price_missing`, Unprocessable `amount_too_large`.
    """
    if not lines:
        return []
    terms = await prices_in_force(sor, pipeline_id, started_at)
    line_terms = choose_terms(lines, terms, adjust, currency)
    packages = package_ids(line_terms)
    usage = await package_usage(sor, distributor_id, quota_month(started_at), packages)
    return apply_prices(lines, line_terms, usage)


def _scale(price: Decimal | None, rate: Decimal) -> Decimal | None:
    if price is None:
        return None
    return shown_price(_EXACT.multiply(price, rate))


def _divide(product: Decimal, size: int) -> Decimal:
    """Return *product* / *size*, rounded half up to 10 decimals; nothing is rounded before."""
    top, bottom = product.as_integer_ratio()
    bottom *= size
    steps = (2 * top * 10**AMOUNT_DECIMALS + bottom) // (2 * bottom)
    return Decimal(steps).scaleb(-AMOUNT_DECIMALS, _EXACT)


def _no_price(number: int, line: UsageLine) -> FieldProblem:
    return NO_PRICE(
        f"lines/{number}", unit=line.unit, step=line.step_key or "-", model=line.model or "-"
    )


def _other_currency(
    number: int, line: UsageLine, currency: str, account_currency: str | None
) -> FieldProblem:
    return NO_PRICE_IN_CURRENCY(
        f"lines/{number}", unit=line.unit, found=currency, wanted=account_currency
    )


def _check_size(lines: Sequence[PricedLine]) -> None:
    problems = [
        LINE_AMOUNT_TOO_LARGE(f"lines/{line.line_no}", amount=format(line.amount, "f"))
        for line in lines
        if line.amount >= AMOUNT_LIMIT
    ]
    if problems:
        raise AMOUNT_TOO_LARGE(problems=problems, limit=format(AMOUNT_LIMIT, "f"))
