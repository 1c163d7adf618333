"""What was asked and told in a run, and what must hold of it together with what is committed."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.simulation.server import Changes, Database
from tests.simulation.tables import Row
from tests.simulation.world import PACKAGE_SIZE, World

ZERO = Decimal(0)
RUNNING = ("reserved",)


class Violation(Exception):
    """Something that must always hold does not."""


@dataclass(slots=True)
class Attempt:
    """One try of a request, and what became of it: refused for certain, or nobody knows."""

    worker: int
    begins: float
    ends: float | None = None
    outcome: str = "waits"


@dataclass(slots=True)
class ClientRequest:
    """A request of a client with all its tries: `key` of a begin, `call_no` of a finish."""

    distributor_id: str
    pipeline_id: str
    key: str
    call_no: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    # Every call_no that it was told.
    call_numbers: set[str] = field(default_factory=set)


class History:
    """Watches the database, and hears what clients are told."""

    def __init__(self, world: World, database: Database, time: Callable[[], float]) -> None:
        self.world = world
        self.events: list[str] = []
        self.requests: list[ClientRequest] = []
        self.violations: list[str] = []
        self.fault_counts: dict[str, int] = {}
        self._database = database
        self._time = time
        self._spending: dict[str, Decimal] = {}
        self._balances = {
            row["id"]: row["balance"] for row in database.rows["distributors"].values()
        }
        database.watchers.append(self._committed)

    def note(self, text: str) -> None:
        """Note what happens."""
        self.events.append(f"{self._time():9.4f} {text}")

    def violate(self, text: str) -> None:
        """Note that something does not hold."""
        self.violations.append(text)
        self.note(f"VIOLATION {text}")

    def require(self, holds: bool, text: str) -> None:
        """Note what does not hold."""
        if not holds:
            self.violate(text)

    def header(self, call_no: str) -> Row | None:
        """Return the committed header of a call."""
        for row in self._ledger():
            if row["call_no"] == call_no and row["line_no"] == 0:
                return row
        return None

    def by_key(self, distributor_id: str, key: str) -> list[Row]:
        """Return the committed headers of a key."""
        return [
            row
            for row in self._ledger()
            if row["line_no"] == 0
            and (row["distributor_id"], row["idempotency_key"]) == (distributor_id, key)
        ]

    def amount_of(self, call_no: str) -> Decimal:
        """Return what a call's committed rows come to."""
        return sum((row["amount"] for row in self._ledger() if row["call_no"] == call_no), ZERO)

    def _ledger(self) -> Any:
        return self._database.rows["pipeline_usage_log"].values()

    # After each commit ---------------------------------------------------------------------------

    def _committed(self, changes: Changes) -> None:
        names = {name: len(rows) for name, rows in changes.items()}
        self.note(f"commit {names}")
        ledger = list(self._ledger())
        for row in self._database.rows["distributors"].values():
            own = [one for one in ledger if one["distributor_id"] == row["id"]]
            self._check_distributor(row, own)
            self._check_spending(row, own, changes)
        for row in self._database.rows["distributor_pipeline"].values():
            pair = (row["distributor_id"], row["pipeline_id"])
            self._check_counters(
                row, [x for x in ledger if (x["distributor_id"], x["pipeline_id"]) == pair]
            )
        for row in self._database.rows["pipeline_capacity"].values():
            calls = [one for one in ledger if one["pipeline_id"] == row["pipeline_id"]]
            self._check_counters(row, calls)
            running = sum(one["status"] in RUNNING for one in calls)
            self.require(
                row["running"] == running, f"{row['id']} running {row['running']}, not {running}"
            )
            limit = row["max_concurrency"]
            self.require(
                limit is None or running <= limit, f"{row['id']} runs {running} of {limit}"
            )

    def _check_counters(self, row: Row, calls: list[Row]) -> None:
        for name, column, width in (("day", "daily_quota", 10), ("month", "monthly_quota", 7)):
            counts: dict[str, int] = {}
            for call in calls:
                key = call["day_key"][:width]
                counts[key] = counts.get(key, 0) + call["calls"]
            key = row[f"{name}_key"]
            counter = row[f"{name}_used"]
            if key is not None:
                self.require(
                    counter == counts.get(key, 0),
                    f"{row['id']} {key}: counter {counter}, ledger {counts.get(key, 0)}",
                )
            quota = row[column]
            for period, count in counts.items():
                self.require(
                    quota is None or count <= quota, f"{row['id']} {period}: {count} of {quota}"
                )

    def _check_distributor(self, row: Row, calls: list[Row]) -> None:
        period, quota = row["quota_period"], row["quota_calls"]
        if period != "none":
            width = 10 if period == "day" else 7
            counts: dict[str, int] = {}
            for call in calls:
                key = call["day_key"][:width]
                counts[key] = counts.get(key, 0) + call["calls"]
            key = row["quota_key"]
            if key is not None:
                self.require(
                    row["quota_used"] == counts.get(key, 0),
                    f"{row['id']} quota {key}: {row['quota_used']}, ledger {counts.get(key, 0)}",
                )
            for key, count in counts.items():
                self.require(
                    quota is None or count <= quota, f"{row['id']} {key}: {count} of {quota}"
                )
        numbers = sorted({call["entry_no"] for call in calls if call["entry_no"] is not None})
        self.require(
            numbers == list(range(1, row["entry_no"] + 1)), f"{row['id']} entries {numbers}"
        )

    def _check_spending(self, row: Row, calls: list[Row], changes: Changes) -> None:
        amount = sum((call["amount"] for call in calls), ZERO)
        reserved = sum(
            (call["estimate"] or ZERO for call in calls if call["status"] in RUNNING), ZERO
        )
        key = row["spend_key"]
        in_period = sum(
            (x["amount"] for x in calls if row["spend_period"] == "none" or x["spend_day"] == key),
            ZERO,
        )
        me = row["id"]
        self.require(
            row["spend_used"] == in_period, f"{me} spent {row['spend_used']}, not {in_period}"
        )
        self.require(
            row["spend_reserved"] == reserved,
            f"{me} reserved {row['spend_reserved']}, not {reserved}",
        )
        if row["billing_mode"] == "prepaid":
            balance = self._balances[me] - amount
            self.require(row["balance"] == balance, f"{me} balance {row['balance']}, not {balance}")
        total, limit = amount + reserved, row["spend_limit"]
        if row["billing_mode"] == "prepaid":
            limit = self._balances[me]
        elif row["spend_period"] != "none":
            limit = None  # what is reserved belongs to no period
        before = self._spending.get(me, ZERO)
        self._spending[me] = total
        # An end may cost more than was reserved; nothing that begins may go beyond the limit.
        ends = any(
            old is not None and old["distributor_id"] == me
            for old, _ in changes.get("pipeline_usage_log", ())
        )
        if limit is not None and not ends and total > before:
            self.require(total <= limit, f"{me} let in up to {total} of {limit}")

    # At the end ----------------------------------------------------------------------------------

    def check_end(self) -> None:
        """Check what must hold once nobody waits any more."""
        ledger = list(self._ledger())
        for request in self.requests:
            self._check_request(request)
        for (distributor_id, pipeline_id), price in self.world.prices.items():
            rows = [
                row
                for row in ledger
                if (row["distributor_id"], row["pipeline_id"]) == (distributor_id, pipeline_id)
                and row["unit"]
            ]
            if price.is_package:
                self._check_packages(rows, price.amount * price.discount)
                continue
            for row in rows:
                due = row["quantity"] * price.amount * price.discount
                self.require(row["amount"] == due, f"{row['call_no']}: {row['amount']}, due {due}")

    def _check_packages(self, rows: list[Row], price: Decimal) -> None:
        units: dict[str, Decimal] = {}
        amounts: dict[str, Decimal] = {}
        for row in rows:
            month = row["month_key"]
            units[month] = units.get(month, ZERO) + row["quantity"]
            amounts[month] = amounts.get(month, ZERO) + row["amount"]
        for month, count in units.items():
            due = math.ceil(count / PACKAGE_SIZE) * price
            self.require(
                amounts[month] == due, f"packages: {count} cost {amounts[month]}, due {due}"
            )

    def check_refusal(self, request: ClientRequest) -> None:
        """Check that nothing is booked where every try so far was refused for certain."""
        if request.call_no is None and {one.outcome for one in request.attempts} == {"refused"}:
            headers = self.by_key(request.distributor_id, request.key)
            self.require(not headers, f"{request.key} was refused and is booked")

    def _check_request(self, request: ClientRequest) -> None:
        for attempt in request.attempts:
            self.require(attempt.ends is not None, f"{request.key} waits for ever")
        self.require(
            len(request.call_numbers) <= 1, f"{request.key} was told {request.call_numbers}"
        )
        if request.call_no is not None:
            return
        headers = self.by_key(request.distributor_id, request.key)
        self.require(len(headers) <= 1, f"{request.key} has {len(headers)} calls")
        self.check_refusal(request)
