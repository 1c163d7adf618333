"""
Looks at lines as they are sold to a distributor: terms, counters, prices and packages of each.

A look is one statement, and so sees one state of the database; how many lines it shows makes no
difference. What is needed of each is in the columns and joins here; which lines, in the statement
that has them. A line comes once for each of its prices.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.global_func import column_names, quota_month
from pipeline_dist.accounts.rows import LINK_COLUMNS, Link
from pipeline_dist.admission.present_limits import Offer, offer_of
from pipeline_dist.admission.rows import Pipeline
from pipeline_ops.rules import counters
from pipeline_ops.rules.package_use import USE_OF_PRICE, PackageKey, Packages, complete
from pipeline_ops.rules.packages import PackageUse, load_use
from pipeline_ops.rules.pricing import IN_FORCE, in_force, package_keys
from pipeline_ops.rules.terms import TERMS_COLUMNS, Terms, terms_of


@dataclass(frozen=True, slots=True)
class SoldPipeline(Pipeline):
    """What is told of a line, beside what admission asks of it."""

    name: str
    description: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """A line as it is sold: `prices` in force, everybody's and the distributor's own, by their ids;
    `uses` the packages of them that have been bought."""

    pipeline: SoldPipeline
    offer: Offer
    prices: dict[str, Terms] = field(default_factory=dict)
    uses: dict[PackageKey, PackageUse] = field(default_factory=dict)

    @property
    def link(self) -> Link:
        """On which terms it is sold."""
        return self.offer[0]

    @property
    def terms(self) -> list[Terms]:
        """The prices in force."""
        return list(self.prices.values())

    def packages(self, month: str, terms: Iterable[Terms]) -> Packages:
        """Return the packages of *month* that the prices *terms* are charged on."""
        packages = Packages(self.link.distributor_id, self.link.pipeline_id, month)
        packages.uses = complete(package_keys(terms, packages), self.uses)
        return packages


_PIPELINE_COLUMNS = column_names(SoldPipeline)
_LINK_AT = len(_PIPELINE_COLUMNS)
_PRICE_AT = _LINK_AT + len(LINK_COLUMNS) + len(counters.COLUMNS)
_USE_AT = _PRICE_AT + len(TERMS_COLUMNS)
_NAMES = [
    f"{table}.{name}"
    for table, names in (
        ("p", _PIPELINE_COLUMNS),
        ("l", LINK_COLUMNS),
        ("c", counters.COLUMNS),
        ("r", TERMS_COLUMNS),
        ("u", ("month_key", "units_left", "bought")),
    )
    for name in names
]
# What a statement selects that has the line as p and the link as l, and what it joins to them: the
# prices, which it may narrow down, and then the packages.
COLUMNS = ", ".join(_NAMES)
WIDTH = len(_NAMES)
PRICES = (
    " left join pipeline_capacity c on c.pipeline_id = l.pipeline_id"
    f" left join pipeline_pricing r on r.pipeline_id = l.pipeline_id{IN_FORCE}"
)
PACKAGES = USE_OF_PRICE


def look_values(distributor_id: str, moment: datetime) -> dict[str, Any]:
    """Return the values of `PRICES` and `PACKAGES` for a look at *moment*."""
    return {
        "distributor_id": distributor_id,
        "month": quota_month(moment),
        **in_force(moment, distributor_id),
    }


def looks_of(rows: Iterable[Sequence[Any]]) -> list[Look]:
    """Return the lines in *rows*, which begin with the values of `COLUMNS`, in the order in which
    they come first; rows without a line are passed over."""
    looks: dict[str, Look] = {}
    for row in rows:
        if row[_LINK_AT] is None:
            continue
        look = looks.get(row[0])
        if look is None:
            look = Look(SoldPipeline(*row[:_LINK_AT]), offer_of(row[_LINK_AT:]))
            looks[row[0]] = look
        if row[_PRICE_AT] is not None:
            _add_price(look, row)
    return list(looks.values())


def _add_price(look: Look, row: Sequence[Any]) -> None:
    price = terms_of(row[_PRICE_AT:_USE_AT])
    # It comes again for each later month in which its packages were used.
    look.prices[price.pricing_id] = price
    month, units_left, bought = row[_USE_AT:WIDTH]
    if month is not None:
        link = look.link
        key = PackageKey(
            link.distributor_id, link.pipeline_id, price.step_key, price.model, price.unit, month
        )
        look.uses[key] = load_use(units_left, bought)
