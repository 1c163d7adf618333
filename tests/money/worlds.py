"""
One world: some pipelines and distributors, a history of steps, and after each of them everything
that product and model say held against each other.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.base import clock
from tests.money.accounts import Distributor, Pipeline
from tests.money.acts import ModelSide, Step
from tests.money.choices import STEPS, Dice
from tests.money.compare import GROUPS, Comparer, months_of
from tests.money.disagreement import Disagreement, expect
from tests.money.kept import FORMS
from tests.money.model import Model
from tests.money.product import Product
from tests.money.refusal import Refusal
from tests.money.wires import Wire

ZONES = ("Asia/Shanghai", "Asia/Shanghai", "UTC", "Europe/Berlin", "America/New_York")
CURRENCIES = ("CNY", "CNY", "JPY", "KWD", "USD")
PIPELINES = ("A", "B")
PARTIES = ("X", "Y")
# What a world leaves behind, and the next one is to begin without; the ledger keeps its rows.
OWN_TABLES = (
    "pipeline_pricing", "distributors", "distributor_pipeline", "pipeline_capacity",
    "app_own_entries", "app_package_use", "app_past_counter", "app_call_tag",
    "app_event", "app_event_counter", "app_key",
)  # fmt: skip
LEDGERS = (
    "pipeline_usage_log", "app_statement", "app_statement_file", "app_statement_number",
    "app_usage_day", "app_usage_dirty", "app_usage_rollup", "app_usage_running",
)  # fmt: skip
# The parts of the product that the machine may use; the order in which they came.
FEATURES = (
    "terms", "ledger", "own_prices", "packages", "adjust", "limits", "suspended_finish", "closing",
    "closed_groups", "internal", "estimated_items",
)  # fmt: skip

# After how many of the steps what is looked at. Each step's answer is compared, and what is read
# then holds all that went before: figures add up, lines are followed, rows stay.
ACCOUNT_SHARE = 0.1
REPORTS_SHARE = 0.15
GROUPS_SHARE = 0.03
CHECK_SHARE = 0.01


@dataclass
class Shop:
    """The product with its pipelines, for many worlds one after another."""

    wire: Wire
    pipelines: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def open(self) -> None:
        """Make the pipelines, once: only their prices belong to a world."""
        for ref in PIPELINES:
            code = f"money-{ref.lower()}-{random.randrange(10**9)}"
            pipeline = await self._make("pipelines_create", code=code, name=code)
            for step in STEPS:
                await self._make("pipeline_steps_create", pipeline_id=pipeline["id"], step_key=step,
                           name=step, step_type="manual")  # fmt: skip
            await self._make("pipeline_publish", pipeline_id=pipeline["id"], notes="first")
            self.pipelines[ref] = pipeline["id"], code

    async def _make(self, endpoint: str, /, **params: Any) -> Any:
        reaction = await self.wire.admin(endpoint, **params)
        if reaction.code:
            raise AssertionError(f"{endpoint}: {reaction.body}")
        return reaction.body

    def clear(self) -> None:
        """Take away what the last world has left behind."""
        with self.wire.installation.connect() as connection, connection.cursor() as cursor:
            cursor.execute("show tables")
            names = {next(iter(row.values())) for row in cursor.fetchall()}
            for table in names & set(OWN_TABLES):
                cursor.execute(f"delete from {table}")
            for table in names & set(LEDGERS):
                cursor.execute(f"truncate table {table}")


class World:
    """A model and the product side by side."""

    def __init__(self, shop: Shop, seed: int, features: frozenset[str]) -> None:
        self.seed = seed
        dice = random.Random(f"world {seed}")
        zone, start = dice.choice(ZONES), some_evening(dice)
        if not shop.wire.has_own_clock:
            zone, start = clock.zone_name(), datetime.now(UTC)
        self.model = Model(zone, start)
        self.product = Product(shop.wire)
        currency = dice.choice(CURRENCIES)
        self.currencies = {
            ref: dice.choice((currency, currency, currency, dice.choice(CURRENCIES)))
            for ref in PARTIES
        }
        self.dice = Dice(f"steps {seed}", self.model, features)
        self.side = ModelSide(self.model, features)
        self.checks = random.Random(f"checks {seed}")
        self.shop = shop
        self.features = features
        self.history: list[Step] = []
        # Whether all is read after each step: so it is seen at once where sides part.
        self.is_thorough = False

    async def open(self) -> None:
        """Make the parties of the world."""
        wire = self.shop.wire
        if wire.has_own_clock:
            clock.set_zone(self.model.calendar.zone)
            await wire.move_clock(self.model.now)
        for ref, (pipeline_id, code) in self.shop.pipelines.items():
            self.product.ids |= {ref: pipeline_id, ref + ".code": code}
            self.model.pipelines[ref] = Pipeline(ref, STEPS)
        for ref, currency in self.currencies.items():
            code = f"{ref.lower()}-{self.seed}-{random.randrange(10**9)}"
            row = await wire.admin("distributors_create", code=code, name=code, currency=currency)
            expect("a distributor", row.code, None)
            self.product.ids[ref] = row.body["id"]
            key = await wire.admin("distributor_generate_key", id=row.body["id"])
            self.product.keys[ref] = key.body["api_key"]
            self.model.distributors[ref] = Distributor(
                ref, currency, self.model.calendar.month_key(self.model.now)
            )
        self.comparer = Comparer(self.model, self.product, self.features)

    async def run(self, count: int) -> None:
        """Take *count* steps that the dice choose, and compare after each."""
        await self.open()
        opening = self.dice.opening(list(PIPELINES), self.currencies)
        for number in range(count):
            await self.take(opening[number] if number < len(opening) else self.dice.step())
        await self.close()

    async def replay(self, steps: Sequence[Step]) -> None:
        """Take *steps* as far as they make sense in this world."""
        self.is_thorough = True
        await self.open()
        for step in steps:
            if self.makes_sense(step):
                await self.take(step)
        await self.close()

    async def take(self, step: Step) -> None:
        """One step on both sides."""
        self.history.append(step)
        if not self.shop.wire.has_own_clock:
            if step["do"] == "clock":
                return
            self.model.now = datetime.now(UTC)
        try:
            answer, refusal = self.side.do(step), None
        except Refusal as exc:
            answer, refusal = {}, exc.code
        code, says, body = await self.product.do(step)
        if code != refusal:
            raise Disagreement(f"the product: {code or 'done'}, the model: {refusal or 'done'}"
                               f" ({body})")  # fmt: skip
        expect("the answer", {name: says.get(name) for name in answer}, answer)
        await self.compare(step)

    async def compare(self, step: Step) -> None:
        """What is said after a step: of those whom it is about, and of some others."""
        chance, parties = self.checks.random(), self.model.distributors
        party = parties[step.get("distributor") or self.checks.choice(PARTIES)]
        if step["do"] == "void":
            ref = self.model.calls[step["ref"]].header.distributor
            party = parties.get(ref, party)
        for closer in parties.values():
            self.comparer.statements.keep_new(closer)
        if step["do"] in ("clock", "quote", "price_remark"):
            if chance < ACCOUNT_SHARE:
                await self.comparer.account(party)
            return
        months = months_of(party, self.model)
        if self.is_thorough:
            await self.comparer.reports(party, months)
        elif chance < REPORTS_SHARE:
            await self.comparer.reports(party, [self.checks.choice(months)])
        if chance < GROUPS_SHARE:
            self.comparer.ledger(party)
            self.comparer.ledger(self.model.own)
            if party.status == "active":
                month = self.checks.choice(months)
                await self.comparer.groups(party, self.checks.choice(list(GROUPS)), month)
                await self.comparer.days(party, *self._some_days())
                await self.some_kept_statement(party)
        if chance < CHECK_SHARE:
            await self.check_ledger()

    async def some_kept_statement(self, party: Distributor) -> None:
        """A closed month's statement in some form."""
        if party.months.numbers:
            month = self.checks.choice(list(party.months.numbers))
            await self.comparer.kept_statement(party, month, self.checks.choice(list(FORMS)))
            await self.comparer.numbers(party)

    async def close(self) -> None:
        """At the end everything."""
        for party in self.model.distributors.values():
            if party.status != "active":
                await self.take({"do": "status", "distributor": party.ref, "status": "active"})
            await self.comparer.everything(party)
        self.comparer.ledger(self.model.own)
        await self.check_ledger()

    async def check_ledger(self) -> None:
        """check-ledger finds nothing."""
        expect("check-ledger", await self.shop.wire.ledger_differences(), [])

    def makes_sense(self, step: Step) -> bool:
        """Whether what *step* names is there, in a history from which steps are left out."""
        model, kind, ref = self.model, step["do"], step.get("ref")
        if kind in ("finish", "void"):
            return ref in model.calls
        if kind == "again":
            return step["of"]["ref"] in model.calls
        if kind.startswith("price_") and kind != "price_create":
            return ref in model.pipelines[step["pipeline"]].book.prices
        if kind == "link_delete":
            return step["pipeline"] in model.distributors[step["distributor"]].links
        return kind != "clock" or datetime.fromisoformat(step["to"]) >= model.now

    def _some_days(self) -> tuple[str, str]:
        first = self.model.now - timedelta(days=self.checks.choice((0, 1, 40)))
        days = [self.model.calendar.day_key(first), self.model.calendar.day_key(self.model.now)]
        return days[0], days[self.checks.choice((0, 1))]


def some_evening(dice: random.Random) -> datetime:
    """A time before the end of a month, so that months turn in short histories too."""
    year, month, day = dice.choice(((2026, 11, 30), (2026, 12, 31), (2027, 2, 27), (2027, 3, 27)))
    midnight = datetime(year, month, day, tzinfo=UTC)
    return midnight + timedelta(minutes=dice.randrange(0, 1440), milliseconds=dice.randrange(1000))


def text_of_history(history: Sequence[Step]) -> str:
    """A history to be read, and to be taken in again: a step a line."""
    return "\n".join(json.dumps(step, ensure_ascii=False) for step in history)
