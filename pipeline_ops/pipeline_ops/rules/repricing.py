"""
What lines that were booked would have cost under other prices.

Lines are priced again in the order they were settled: units of a package that one line pays for are
left for the next. Nothing is read or written here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from pipeline_ops.rules.packages import PackageUse, consume
from pipeline_ops.rules.pricing import line_amount, to_amount
from pipeline_ops.rules.terms import DatedTerms, LinkTerms, PricingType, Terms

# What a price is for, and whose.
Use = tuple[str, str, str, str]


def use_of(terms: Terms) -> Use:
    """Return what a price is for, and whose: of one use, one price is in force at a time."""
    return terms.distributor_id, terms.step_key, terms.model, terms.unit


@dataclass(slots=True)
class Trial:
    """Prices to be tried by their pipeline's id, the ids of those that they replace, and by their
    pipeline's id those that there are to be no more."""

    prices: dict[str, list[DatedTerms]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    gone: dict[str, list[DatedTerms]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedLine:
    """A line of the ledger with what decides its price: when its call began, what was known then,
    and its link's terms."""

    step_key: str
    model: str
    unit: str
    quantity: Decimal
    currency: str
    started_at: datetime
    terms_no: int
    link: LinkTerms


@dataclass(slots=True)
class Repricer:
    """
    Prices a pipeline's lines of one distributor and month again, one after another.

    *trial* are prices to be tried: while one holds, it stands in the place of the price of its use
    among *present*, whatever was known when a call began. While one of *gone* would hold, there
    is no price of its use among *present*.
    """

    present: Sequence[DatedTerms]
    trial: Sequence[DatedTerms]
    gone: Sequence[DatedTerms] = ()
    _by_unit: dict[str, tuple[list[DatedTerms], list[DatedTerms]]] = field(default_factory=dict)
    # The packages of the lines before, by what the price is for.
    _uses: dict[tuple[str, str, str], PackageUse] = field(default_factory=dict)

    def amount(self, line: BookedLine) -> Decimal | None:
        """Return what *line* costs; None where it has no price."""
        return self.cost(line)[0]

    def cost(self, line: BookedLine) -> tuple[Decimal | None, bool]:
        """Return what *line* costs (None where it has no price), and whether a price on trial says
        so, or the removal of one."""
        present, trial = self._in_force(line)
        gone_uses = {use_of(item.terms) for item in self.gone if _holds(item, line)}
        trial_uses = {use_of(item) for item in trial}
        others = [item for item in present if use_of(item) not in trial_uses | gone_uses]
        price = _choice(line, trial + others)
        if price is not None and use_of(price) in trial_uses:
            return self._amount(price, line.quantity), True
        before = _choice(line, present) if gone_uses else None
        is_affected = before is not None and use_of(before) in gone_uses
        return None if price is None else self._amount(price, line.quantity), is_affected

    def _amount(self, price: Terms, quantity: Decimal) -> Decimal:
        if price.pricing_type != PricingType.PACKAGE:
            return line_amount(price, quantity)
        assert price.package_size is not None
        assert price.package_price is not None
        key = (price.step_key, price.model, price.unit)
        use, charge = consume(
            self._uses.get(key, PackageUse()), quantity, price.package_size, price.package_price,
        )  # fmt: skip
        self._uses[key] = use
        return to_amount(charge)

    def _in_force(self, line: BookedLine) -> tuple[list[Terms], list[Terms]]:
        """Return the prices of the line's unit that hold for it: present ones, and on trial."""
        if line.unit not in self._by_unit:
            self._by_unit[line.unit] = (
                [item for item in self.present if item.terms.unit == line.unit],
                [item for item in self.trial if item.terms.unit == line.unit],
            )
        present, trial = self._by_unit[line.unit]
        return (
            [item.terms for item in present if item.holds_at(line.started_at, line.terms_no)],
            [item.terms for item in trial if item.holds_at(line.started_at)],
        )


def _holds(item: DatedTerms, line: BookedLine) -> bool:
    return item.terms.unit == line.unit and item.holds_at(line.started_at)


def _choice(line: BookedLine, terms: Sequence[Terms]) -> Terms | None:
    """Return the price of *line* among *terms*, of which those in its currency count."""
    in_currency = [item for item in terms if item.currency == line.currency]
    return line.link.choose(in_currency, line.step_key, line.model, line.unit)
