"""Whom the model sells to: distributors, their links to pipelines, and the pipelines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tests.money.days import Calendar
from tests.money.ledger import NOTHING, Item, Row
from tests.money.limits import SpendLimit
from tests.money.packages import PackageUse
from tests.money.prices import Match, PriceBook
from tests.money.refusal import Refusal
from tests.money.statements import Months


@dataclass(slots=True)
class Link:
    """On what terms a distributor may call a pipeline."""

    mode: str = "inherit"
    rate: Decimal | None = None
    enabled: bool = True


@dataclass(slots=True)
class Pipeline:
    """A pipeline on sale: the steps of its version, and its prices."""

    ref: str
    steps: tuple[str, ...]
    book: PriceBook = field(default_factory=PriceBook)


@dataclass(slots=True)
class Distributor:
    """Who is charged. `entry_no` counts its settlements."""

    ref: str
    currency: str
    # When it was entered; months before that are for people to close.
    since: str = ""
    status: str = "active"
    entry_no: int = 0
    quota_period: str = "none"
    quota_calls: int | None = None
    limit: SpendLimit = field(default_factory=SpendLimit)
    links: dict[str, Link] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    months: Months = field(default_factory=Months)
    uses: dict[tuple[str, ...], PackageUse] = field(default_factory=dict)
    references: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def find_link(self, pipeline: str) -> Link | None:
        """The link to *pipeline*, if there is one."""
        return self.links.get(pipeline)

    def link(self, pipeline: str) -> Link:
        """The link to *pipeline*; without one it does not exist for the distributor."""
        link = self.find_link(pipeline)
        if link is None:
            raise Refusal("pipeline_not_found")
        return link

    def quota_use(self, calendar: Calendar, now: datetime) -> int:
        """Calls that count in the running period of the quota, by the rows' days."""
        key = calendar.period_key(self.quota_period, now)
        return sum(row.calls for row in self.rows if row.day_key.startswith(key))

    @property
    def billed_rows(self) -> list[Row]:
        """What statements list: all but top-ups."""
        return [row for row in self.rows if row.entry_type != "topup"]

    def raise_entry(self, pipeline: str = "") -> int:
        """The number of the next settlement, which is of *pipeline* if it is one of a call."""
        self.entry_no += 1
        return self.entry_no

    def charge(self, row: Row, match: Match) -> Decimal:
        """What *row* costs by *match*; packages are taken from those of its own month."""
        assert row.item is not None
        if match.terms.pricing_type == "unit":
            return match.terms.unit_amount(row.item.quantity)
        price = match.price
        row.package_key = (row.pipeline, price.step, price.model, price.unit, row.month_key)
        use = self.uses.setdefault(row.package_key, PackageUse())
        return use.charge(row.item.quantity, match.terms.size, match.terms.price)

    def correct(self, row: Row) -> Decimal:
        """What goes back with *row*, as a number that is not above 0."""
        assert row.item is not None
        if row.package_key is None:
            return -row.amount
        return -self.uses[row.package_key].give_back(row.item.quantity)


@dataclass(slots=True)
class Ourselves(Distributor):
    """Whose calls are no distributor's: at everybody's prices, without limits and statements."""

    entry_nos: dict[str, int] = field(default_factory=dict)

    def find_link(self, pipeline: str) -> Link | None:
        """Every pipeline is ours."""
        return Link()

    def raise_entry(self, pipeline: str = "") -> int:
        """Our settlements are counted by pipeline."""
        self.entry_nos[pipeline] = self.entry_nos.get(pipeline, 0) + 1
        return self.entry_nos[pipeline]


def check_steps(pipeline: Pipeline, items: Sequence[Item]) -> None:
    """A line names a step of the version, or none."""
    if any(item.step and item.step not in pipeline.steps for item in items):
        raise Refusal("unknown_step")


def amount_of(rows: Sequence[Row]) -> Decimal:
    """What rows cost together."""
    return sum((row.amount for row in rows), NOTHING)
