"""What a seed sets up: distributors, pipelines, limits, prices, and what clients will ask for."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.simulation.faults import FAULTS
from tests.simulation.server import Database

PACKAGE_SIZE = 100
UNIT = "item"


@dataclass(slots=True)
class Plan:
    """What is drawn of a seed before anything runs."""

    start: datetime
    workers: int
    # Whether their clocks differ.
    has_skew: bool
    # Of each fault that is on, how likely it is each time.
    rates: dict[str, float]
    has_sweeper: bool
    clients: int
    seconds: float


@dataclass(slots=True)
class Price:
    """The one price of a pipeline: for a unit, or a package."""

    amount: Decimal
    is_package: bool
    discount: Decimal


def plan_of(chance: random.Random) -> Plan:
    """Draw what a run is like."""
    # 16:00 is midnight where quotas turn; the last day of a month on occasion.
    day = chance.choice((14, 30))
    start = datetime(2026, 11, day, 12, 30, tzinfo=UTC)
    if chance.random() < 0.3:
        start = datetime(2026, 11, day, 15, 59, 59, tzinfo=UTC)
    names = chance.sample(FAULTS, chance.choice((0, 1, 1, 2, 3)))
    return Plan(
        start=start,
        workers=chance.choice((1, 2, 2, 3)),
        has_skew=chance.random() < 0.3,
        rates={name: chance.choice((0.05, 0.15, 0.4)) for name in names},
        has_sweeper=chance.random() < 0.4,
        clients=chance.randint(1, 4),
        seconds=chance.choice((0.02, 0.5, 4.0)),
    )


class World:
    """The rows of a run; `prices` by distributor and pipeline."""

    def __init__(self, chance: random.Random, database: Database, start: datetime) -> None:
        self._chance = chance
        self._database = database
        self.distributors = [f"d{number}" for number in range(chance.choice((1, 1, 2)))]
        self.pipelines = [f"p{number}" for number in range(chance.choice((1, 1, 2)))]
        self.prices: dict[tuple[str, str], Price] = {}
        self._start = start - timedelta(days=60)
        for pipeline_id in self.pipelines:
            self._add_pipeline(pipeline_id)
        for distributor_id in self.distributors:
            self._add_distributor(distributor_id)

    def _stamps(self) -> dict[str, str]:
        moment = f"{self._start:%Y-%m-%d %H:%M:%S}.000"
        return {"created_at": moment, "updated_at": moment}

    def _some(self, likely: float, low: int, high: int) -> int | None:
        return self._chance.randint(low, high) if self._chance.random() < likely else None

    def _add_pipeline(self, pipeline_id: str) -> None:
        self._database.add(
            "pipelines", id=pipeline_id, code=f"code-{pipeline_id}", name=pipeline_id,
            status="published", terms_no=1, **self._stamps(),
        )  # fmt: skip
        is_package = self._chance.random() < 0.3
        amount = Decimal(self._chance.randint(1, 400)) / 100
        self._price = Price(amount, is_package, Decimal(1))
        kind = {"package_size": PACKAGE_SIZE, "package_price": amount}
        self._database.add(
            "pipeline_pricing", id=f"price-{pipeline_id}", pipeline_id=pipeline_id, unit=UNIT,
            pricing_type="package" if is_package else "unit", terms_no=1,
            effective_from=self._stamps()["created_at"], **self._stamps(),
            **(kind if is_package else {"unit_price": amount}),
        )  # fmt: skip
        self.prices["", pipeline_id] = self._price
        if self._chance.random() < 0.8:
            self._database.add(
                "pipeline_capacity", id=f"c-{pipeline_id}", pipeline_id=pipeline_id,
                daily_quota=self._some(0.3, 2, 9), monthly_quota=self._some(0.2, 2, 9),
                max_concurrency=self._some(0.6, 1, 3), **self._stamps(),
            )  # fmt: skip

    def _add_distributor(self, distributor_id: str) -> None:
        chance = self._chance
        is_prepaid = chance.random() < 0.25
        self._database.add(
            "distributors", id=distributor_id, code=f"code-{distributor_id}", name=distributor_id,
            status="active", currency="CNY",
            rate_limit_per_minute=self._some(0.2, 3, 8),
            quota_period=chance.choice(("none", "day", "month")),
            quota_calls=self._some(0.7, 2, 9),
            billing_mode="prepaid" if is_prepaid else "postpaid",
            balance=chance.randint(5, 60) if is_prepaid else 0,
            spend_limit=self._some(0.4, 5, 60), spend_period=chance.choice(("none", "day")),
            usage_day=chance.choice((None, "2026-09-30")), **self._stamps(),
        )  # fmt: skip
        for pipeline_id in self.pipelines:
            if pipeline_id != "p0" and chance.random() < 0.2:
                continue
            rate = chance.choice((None, None, Decimal("0.8")))
            self._database.add(
                "distributor_pipeline", id=f"l-{distributor_id}-{pipeline_id}",
                distributor_id=distributor_id, pipeline_id=pipeline_id,
                pricing_mode="inherit" if rate is None else "discount", discount_rate=rate,
                daily_quota=self._some(0.3, 2, 8), monthly_quota=self._some(0.2, 2, 8),
                **self._stamps(),
            )  # fmt: skip
            price = self.prices["", pipeline_id]
            self.prices[distributor_id, pipeline_id] = Price(
                price.amount, price.is_package, rate or Decimal(1)
            )
