"""
What a call costs: the one place that knows.

Quote, finish, manual booking and statement all come through here, so they agree to the last
digit. Money is Decimal; amounts are found by whole-number arithmetic and rounded once, half up,
to 10 decimals.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from app.global_func import FieldProblem, SafeSqlor
from pipeline_ops.errors import (
    AMOUNT_TOO_LARGE,
    LINE_AMOUNT_TOO_LARGE,
    NO_PRICE,
    NO_PRICE_IN_CURRENCY,
    PRICE_MISSING,
    PRICE_MISSING_IN_CURRENCY,
)
from pipeline_ops.rules.package_use import PackageKey, Packages, read_uses
from pipeline_ops.rules.packages import PackageUse, consume
from pipeline_ops.rules.terms import (
    EVERYBODY,
    KNOWN_NOW,
    TERMS_COLUMNS,
    LinkTerms,
    PricingType,
    Terms,
    shown_price,
    terms_of,
)
from pipeline_ops.rules.usage_lines import UsageLine

AMOUNT_DECIMALS = 10
# What decimal(20,10) can hold.
AMOUNT_LIMIT = Decimal(10) ** 10
_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
_AMOUNT_STEP = Decimal(1).scaleb(-AMOUNT_DECIMALS)


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
    lines: Sequence[UsageLine], terms: Sequence[Terms], link: LinkTerms, currency: str | None
) -> list[Terms]:
    """
    Return the price of each line for a call on the terms of *link*. With *currency*, prices in
    another one do not count.

    Raises Conflict `price_missing` naming every line that has no price, or, also for no lines at
    all, saying that all prices are in another currency.
    """
    usable = [item for item in terms if currency in (None, item.currency)]
    if not lines and not any(link.takes(item) for item in usable):
        _refuse_currencies({item.currency for item in terms if link.takes(item)}, currency)
    line_terms: list[Terms] = []
    problems: list[FieldProblem] = []
    others: list[str] = []
    for number, line in enumerate(lines):
        item = link.choose(usable, line.step_key, line.model, line.unit)
        if item is not None:
            line_terms.append(item)
            continue
        other = link.choose(terms, line.step_key, line.model, line.unit)
        if other is None:
            problems.append(_no_price(number, line))
        else:
            problems.append(_other_currency(number, line, other.currency, currency))
            others.append(other.currency)
    if len(others) == len(lines):
        _refuse_currencies(others, currency, problems)
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
    sor: SafeSqlor,
    pipeline_id: str,
    at: datetime,
    *,
    distributor_id: str | None = None,
    terms_no: int = KNOWN_NOW,
) -> list[Terms]:
    """Return the prices of a line that are in force, as `in_force` says."""
    values = {"pipeline_id": pipeline_id, **in_force(at, distributor_id, terms_no)}
    return [terms_of(row) for row in await sor.tuples(_PRICES, values)]


# As the condition of a statement that reads prices as r.
IN_FORCE = (
    " and r.distributor_id in ${owners}$ and r.enabled = 1 and r.effective_from <= ${at}$"
    " and (r.effective_to is null or r.effective_to > ${at}$ or r.end_terms_no > ${terms_no}$)"
    " and r.terms_no <= ${terms_no}$"
)
_PRICES = (
    f"select {', '.join('r.' + name for name in TERMS_COLUMNS)}"  # noqa: S608  constants
    f" from pipeline_pricing r where r.pipeline_id = ${{pipeline_id}}${IN_FORCE}"
)


def in_force(
    at: datetime, distributor_id: str | None = None, terms_no: int = KNOWN_NOW
) -> dict[str, Any]:
    """Return the values of `IN_FORCE` for the prices, everybody's and the distributor's own, that
    hold at *at* by what was known under *terms_no* (`DatedTerms.holds_at`)."""
    owners = sorted({EVERYBODY, distributor_id or EVERYBODY})
    return {"at": at, "owners": owners, "terms_no": terms_no}


async def price_lines(
    sor: SafeSqlor,
    link: LinkTerms,
    pipeline_id: str,
    started_at: datetime,
    lines: Sequence[UsageLine],
    currency: str | None = None,
    *,
    month: str,
    lock: bool = False,
) -> list[PricedLine]:
    """
    Return *lines* priced as of the call's start, on the terms of *link*; of packages with those of
    *month*, the `month_key` that the call's rows have (`Account.month_of`).

    With *lock* the packages that they use are locked, for who books them: it holds the lock of the
    distributor (without one: of our own account on the pipeline), and writes `uses_after` of them.
    Raises Conflict `price_missing`, Unprocessable `amount_too_large`.
    """
    owner = link.distributor_id
    terms = await prices_in_force(sor, pipeline_id, started_at, distributor_id=owner)
    line_terms = choose_terms(lines, terms, link, currency)
    packages = Packages(owner or "", pipeline_id, month)
    packages.uses = await read_uses(sor, package_keys(line_terms, packages), lock=lock)
    return apply_prices(lines, line_terms, packages)


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


def _refuse_currencies(
    others: Collection[str], currency: str | None, problems: Sequence[FieldProblem] = ()
) -> None:
    """Raise Conflict `price_missing` where the prices are in *others*, and none in *currency*."""
    if others:
        names = ", ".join(sorted(set(others)))
        raise PRICE_MISSING_IN_CURRENCY(problems=problems, others=names, currency=currency)


def _check_size(lines: Sequence[PricedLine]) -> None:
    problems = [
        LINE_AMOUNT_TOO_LARGE(f"lines/{line.line_no}", amount=format(line.amount, "f"))
        for line in lines
        if line.amount >= AMOUNT_LIMIT
    ]
    if problems:
        raise AMOUNT_TOO_LARGE(problems=problems, limit=format(AMOUNT_LIMIT, "f"))
