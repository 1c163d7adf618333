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
from pipeline_ops.rules.matching import Matched, match_of
from pipeline_ops.rules.package_use import PackageKey, Packages, read_uses
from pipeline_ops.rules.packages import PackageUse, consume
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
_AMOUNT_STEP = Decimal(1).scaleb(-AMOUNT_DECIMALS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    A price as it is applied: `unit_price` for `unit_size` units, or packages of `package_size`
    units at `package_price`. An empty `step_key` or `model` means every one.

    `pricing_id` is the price's identity in the ledger.
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

    @property
    def match(self) -> Matched:
        """What this price names of the items that it applies to."""
        return match_of(self.step_key, self.model)


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
    the row of the call's header. `package`: of a price per package, whose packages it used and what
    is left of them after it."""

    line_no: int
    usage: UsageLine
    terms: Terms
    amount: Decimal
    package: tuple[PackageKey, PackageUse] | None = None

    @property
    def units_left(self) -> Decimal | None:
        """The units that are paid for and left after it; None where it is priced per unit."""
        return self.package[1].units_left if self.package else None


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


def line_amount(terms: Terms, quantity: Decimal) -> Decimal:
    """Return what *quantity* units cost under *terms*, a price per unit, rounded half up to 10
    decimals."""
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


def package_keys(line_terms: Iterable[Terms], packages: Packages) -> set[PackageKey]:
    """Return which of *packages* the prices *line_terms* are charged on; none where all are per
    unit."""
    return {
        packages.key(item.step_key, item.model, item.unit)
        for item in line_terms
        if item.pricing_type == PricingType.PACKAGE
    }


def apply_prices(
    lines: Sequence[UsageLine], line_terms: Sequence[Terms], packages: Packages
) -> list[PricedLine]:
    """
    Return each line with its amount; *packages* is what the account has before them.

    Lines of one call use up what the ones before them bought. Raises Unprocessable
    `amount_too_large` where an amount has more digits than the ledger keeps.
    """
    uses: dict[PackageKey, PackageUse] = {}
    result: list[PricedLine] = []
    for number, (line, terms) in enumerate(zip(lines, line_terms, strict=True)):
        package = None
        if terms.pricing_type == PricingType.PACKAGE:
            assert terms.package_size is not None
            assert terms.package_price is not None
            key = packages.key(terms.step_key, terms.model, terms.unit)
            before = uses.get(key) or packages.uses.get(key) or PackageUse()
            use, cost = consume(before, line.quantity, terms.package_size, terms.package_price)
            uses[key], package = use, (key, use)
            amount = to_amount(cost)
        else:
            amount = line_amount(terms, line.quantity)
        result.append(
            PricedLine(line_no=number, usage=line, terms=terms, amount=amount, package=package)
        )
    _check_size(result)
    return result


def uses_after(priced_lines: Iterable[PricedLine]) -> dict[PackageKey, PackageUse]:
    """Return what the packages that *priced_lines* use are after the last of them."""
    return dict(line.package for line in priced_lines if line.package is not None)


def to_amount(value: Decimal) -> Decimal:
    """Return *value* with the 10 decimals of an amount, rounded half up."""
    return _EXACT.quantize(value, _AMOUNT_STEP)


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


async def price_lines(
    sor: SafeSqlor,
    distributor_id: str | None,
    pipeline_id: str,
    started_at: datetime,
    lines: Sequence[UsageLine],
    adjust: Adjust = choose,
    currency: str | None = None,
    *,
    lock: bool = False,
) -> list[PricedLine]:
    """
    Return *lines* priced as of the call's start.

    With *lock* the packages that they use are locked, for who books them: it holds the lock of the
    distributor (without one: of our own account on the pipeline), and writes `uses_after` of them.
    Raises Conflict `price_missing`, Unprocessable `amount_too_large`.
    """
    if not lines:
        return []
    terms = await prices_in_force(sor, pipeline_id, started_at)
    line_terms = choose_terms(lines, terms, adjust, currency)
    packages = Packages(distributor_id or "", pipeline_id, quota_month(started_at))
    packages.uses = await read_uses(sor, package_keys(line_terms, packages), lock=lock)
    return apply_prices(lines, line_terms, packages)


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
