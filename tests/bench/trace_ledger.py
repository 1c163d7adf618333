"""
Rows of a ledger of any size, made from a recorded trace of calls: the same seed, the same rows.

What is skewed in practice is skewed here: one pipeline has 80 % of the calls, one distributor 30 %,
days grow and week-ends are quieter, and within a day calls come as densely as in the trace. Of the
calls some failed, were cancelled, ran out, ended after their lease, or were voided afterwards.
Everything that `check-ledger` looks at is right: amounts, numbers of settlement, months, counters.
"""

import csv
import hashlib
import itertools
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from app.base.clock import day_bounds, quota_day

PIPELINE_COUNT, DISTRIBUTOR_COUNT, DAY_COUNT = 10, 100, 365
MAX_PIPELINE_SHARE, MAX_DISTRIBUTOR_SHARE = 0.80, 0.30
# How calls went, each with the upper end of its share; the others succeeded.
KINDS = (
    (0.015, "failed"), (0.025, "cancelled"), (0.030, "voided"), (0.033, "late"), (0.035, "expired"),
)  # fmt: skip
# A call of two items makes two rows, a voided one four; one that used nothing makes one.
ROWS_A_CALL = 2 + 2 * 0.005 - 0.025 - 0.002
# US dollars per million input and output tokens.
MODELS = {"large": (3, 15), "small": (1, 5), "tiny": (0, 1)}
_MODEL_NAMES = tuple(MODELS)
UNITS = ("input_token", "output_token")
STEPS = ("answer", "draft", "check")
DISCOUNT = 85  # per cent of the price, for every tenth distributor
UNIT_SIZE = 1_000_000
LEASE_SECONDS = 300
CURRENCY = "USD"
BY = "bench"
COLUMNS = (
    "id", "call_no", "line_no", "entry_no", "entry_type", "calls", "reverses", "reason",
    "distributor_id", "pipeline_id", "version_no", "step_key", "model", "unit", "quantity",
    "pricing_id", "matched", "pricing_type", "pricing_mode", "unit_price", "unit_size", "amount",
    "currency", "status", "idempotency_key", "request_hash", "end_hash", "client_ref", "error",
    "source", "started_at", "finished_at", "lease_seconds", "lease_expires_at", "duration_ms",
    "day_key", "month_key", "spend_day", "quota_key", "terms_no", "discount_rate", "voided_at",
    "voided_by", "void_reason", "created_at", "created_by", "updated_at", "updated_by",
    "lock_version",
)  # fmt: skip
NULL = r"\N"  # as `load data` reads it
_NOTHING = dict.fromkeys(COLUMNS, NULL) | {
    "line_no": "0", "calls": "0", "step_key": "", "model": "", "unit": "", "quantity": "0",
    "amount": "0", "entry_type": "charge", "version_no": "1", "currency": CURRENCY, "source": "api",
    "created_by": BY, "updated_by": BY, "lock_version": "1",
}  # fmt: skip
# What a row of a second item has of its header's, and a reversal of the row that it takes back.
_SHARED = (
    "call_no", "entry_no", "distributor_id", "pipeline_id", "pricing_mode", "status",
    "idempotency_key", "started_at", "finished_at", "day_key", "month_key", "spend_day",
    "quota_key", "voided_at", "voided_by", "void_reason",
)  # fmt: skip
_NOT_REVERSED = (
    "request_hash", "end_hash", "client_ref", "lease_seconds", "lease_expires_at", "duration_ms",
    "terms_no", "discount_rate", "voided_at", "voided_by", "void_reason",
)  # fmt: skip

Trace = Sequence[tuple[float, int, int]]
Row = dict[str, str]


@dataclass(frozen=True)
class World:
    """The ids of what the ledger is about; they follow from the seed."""

    seed: int
    pipelines: tuple[str, ...]
    distributors: tuple[str, ...]

    def price_id(self, pipeline: int, model: str, unit: str) -> str:
        """The id of a price."""
        return _id_of(self.seed, f"price {pipeline} {model} {unit}")


@dataclass
class Account:
    """What the rows of a distributor count so far."""

    entry_no: int = 0
    spending: int = 0  # in 10^-10 of the currency
    calls: Counter[str] = field(default_factory=Counter)  # by quota month


@dataclass
class Counters:
    """
    What all rows count.

    `calls` by (distributor, pipeline, period), numbers of them and a day or month; those without a
    distributor are by (-1, pipeline, period).
    """

    accounts: list[Account]
    calls: Counter[tuple[int, int, str]] = field(default_factory=Counter)
    rows: int = 0
    day: str = ""

    def count(self, who: int, what: int, day: str, calls: int) -> None:
        """Count a call, or take one back, of *day*."""
        self.accounts[who].calls[day[:7]] += calls
        for period in (day, day[:7]):
            self.calls[who, what, period] += calls
            self.calls[-1, what, period] += calls


def make_world(seed: int) -> World:
    """The pipelines and distributors of *seed*."""
    return World(
        seed,
        tuple(_id_of(seed, f"pipeline {number}") for number in range(PIPELINE_COUNT)),
        tuple(_id_of(seed, f"distributor {number}") for number in range(DISTRIBUTOR_COUNT)),
    )


def read_trace(file: Path | None) -> Trace:
    """
    Read a recorded trace (TIMESTAMP, ContextTokens, GeneratedTokens): seconds from its first call,
    input and output tokens. Without a file a made-up one, as long and about as skewed.
    """
    if file is None:
        return _made_up_trace()
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    start = datetime.fromisoformat(rows[0]["TIMESTAMP"])
    return [
        (
            (datetime.fromisoformat(row["TIMESTAMP"]) - start).total_seconds(),
            int(row["ContextTokens"]),
            int(row["GeneratedTokens"]),
        )
        for row in rows
    ]


def _made_up_trace() -> Trace:
    draw = random.Random("trace")
    at, calls = 0.0, []
    for _ in range(9000):
        at += draw.expovariate(2.5) * (4 if draw.random() < 0.05 else 1)
        output = 1 + int(draw.lognormvariate(2.5, 1.2))
        calls.append((at, 1 + int(draw.lognormvariate(7.3, 0.9)), min(output, 2000)))
    return calls


class LedgerMaker:
    """
    Makes about *row_count* rows of the year that ends at *until*, in the middle of a quota day.

    `portions` yields lines for `load data`; `counters` has afterwards what the rows count.
    """

    def __init__(self, seed: int, row_count: int, until: datetime, trace: Trace) -> None:
        self.world = make_world(seed)
        self.counters = Counters([Account() for _ in range(DISTRIBUTOR_COUNT)])
        self._random = random.Random(seed)
        self._trace = trace
        self._call_count = max(1, round(row_count / ROWS_A_CALL))
        self._end = _milliseconds(until)
        last_day = date.fromisoformat(quota_day(until))
        self._first_day = last_day - timedelta(days=DAY_COUNT - 1)
        self._number = 0
        # By distributor the charges of a call that is voided when its next one comes.
        self._to_void: dict[int, tuple[int, list[Row]]] = {}
        self._lines: list[str] = []
        self._prices = {
            (what, model, unit, percent): _price(self.world, what, model, unit, percent)
            for what in range(PIPELINE_COUNT)
            for model in MODELS
            for unit in UNITS
            for percent in (100, DISCOUNT)
        }

    def portions(self, portion_size: int = 200_000) -> Iterator[list[str]]:
        """Yield all rows as lines, about *portion_size* or more at a time."""
        for day, count in self._days():
            start, end = (_milliseconds(moment) for moment in day_bounds(day))
            self.counters.day = day
            span = self._trace[-1][0] or 1.0
            for number in range(count):
                at = self._trace[number * len(self._trace) // count][0] / span
                # Two calls that one row of the trace stands for are not at one millisecond.
                moment = start + int(at * (end - start - 2000)) + number % 997
                if moment < self._end:
                    self._make_call(day, moment, end)
            if len(self._lines) >= portion_size:
                yield self._taken_lines()
        for who in sorted(self._to_void):
            self._reverse(who, self._end)
        yield self._taken_lines()

    def _taken_lines(self) -> list[str]:
        lines, self._lines = self._lines, []
        self.counters.rows += len(lines)
        return lines

    def _days(self) -> Iterator[tuple[str, int]]:
        """Yield each day with its number of calls."""
        days = [self._first_day + timedelta(days=number) for number in range(DAY_COUNT)]
        weights = [
            (1 + number / DAY_COUNT) * (0.6 if day.weekday() >= 5 else 1)
            for number, day in enumerate(days)
        ]
        whole, before = sum(weights), 0
        for day, weight in zip(days, itertools.accumulate(weights), strict=True):
            total = round(self._call_count * weight / whole)
            yield day.isoformat(), total - before
            before = total

    def _make_call(self, day: str, at: int, midnight: int) -> None:
        draw = self._random.random
        who = 0 if draw() < MAX_DISTRIBUTOR_SHARE else 1 + int(draw() * (DISTRIBUTOR_COUNT - 1))
        what = 0 if draw() < MAX_PIPELINE_SHARE else 1 + int(draw() * (PIPELINE_COUNT - 1))
        if who in self._to_void:
            self._reverse(who, at)
        _, *quantities = self._trace[self._number % len(self._trace)]
        self._number += 1
        kind = draw()
        status = next((name for end, name in KINDS if kind < end), "succeeded")
        account = self.counters.accounts[who]
        row = self._header(who, what, day, at, status)
        account.entry_no += status != "expired"
        if status != "expired":
            duration = 40 + quantities[1] * 12 + int(draw() * 100)
            duration += LEASE_SECONDS * 1000 if status == "late" else 0
            settled_at = at + duration
            row["spend_day"] = day if settled_at < midnight else _day_of(settled_at)
            row["entry_no"] = str(account.entry_no)
            row["finished_at"] = row["updated_at"] = text_of(settled_at)
            row["duration_ms"] = str(duration)
        self.counters.count(who, what, day, status != "cancelled")
        if status not in ("succeeded", "late", "voided"):
            self._write(row)
            return
        rows = self._items(row, account, who, what, quantities)
        if status == "voided":
            row |= {"voided_at": row["finished_at"], "voided_by": BY, "void_reason": "booked twice"}
            rows[1] |= {name: row[name] for name in ("voided_at", "voided_by", "void_reason")}
            self._to_void[who] = (what, rows)
        for item in rows:
            self._write(item)

    def _header(self, who: int, what: int, day: str, at: int, status: str) -> Row:
        """The row of a call without its item and its end."""
        random_bits = self._random.getrandbits(61)
        call_no = f"{at:012x}7{self._number & 0xFFF:03x}8{random_bits >> 1:015x}"
        start, percent = text_of(at), discount(who)
        key = f"order-{self._number:x}"
        digest = hashlib.sha256(key.encode()).hexdigest()
        row = _NOTHING | {
            "id": call_no, "call_no": call_no, "calls": str(int(status != "cancelled")),
            "distributor_id": self.world.distributors[who],
            "pipeline_id": self.world.pipelines[what],
            "pricing_mode": "discount" if percent < 100 else "inherit",
            "discount_rate": f"{percent / 100:.4f}" if percent < 100 else NULL,
            "status": "succeeded" if status == "late" else status, "idempotency_key": key,
            "request_hash": digest, "started_at": start, "created_at": start, "updated_at": start,
            "day_key": day, "month_key": day[:7], "quota_key": day[:7], "terms_no": "0",
        }  # fmt: skip
        if status == "failed":
            row["error"] = "the model did not answer"
        # Half of the calls are booked when they are over, the others begun and finished.
        if status in ("cancelled", "expired", "late") or random_bits & 1:
            row |= {
                "lease_seconds": str(LEASE_SECONDS), "end_hash": digest, "lock_version": "2",
                "lease_expires_at": text_of(at + LEASE_SECONDS * 1000),
            }  # fmt: skip
        return row

    def _items(
        self, header: Row, account: Account, who: int, what: int, quantities: list[int]
    ) -> list[Row]:
        """The rows of a call with its two items, of which the first stands in its header's."""
        model = _MODEL_NAMES[int(self._random.random() * len(MODELS))]
        step = STEPS[what % len(STEPS)]
        second = _NOTHING | {name: header[name] for name in _SHARED} | {
            "id": header["id"][:16] + "9" + header["id"][17:], "line_no": "1",
            "created_at": header["updated_at"], "updated_at": header["updated_at"],
        }  # fmt: skip
        for row, unit, quantity in zip((header, second), UNITS, quantities, strict=True):
            price, terms = self._prices[what, model, unit, discount(who)]
            account.spending += quantity * price
            item = {"step_key": step, "quantity": str(quantity), "amount": amount(quantity * price)}
            row.update(terms | item)
        return [header, second]

    def _reverse(self, who: int, at: int) -> None:
        """Take a voided call back: the rows that do, and what they count."""
        what, charges = self._to_void.pop(who)
        account = self.counters.accounts[who]
        account.entry_no += 1
        moment = text_of(at)
        for number, charge in enumerate(charges):
            self._write(charge | {name: _NOTHING[name] for name in _NOT_REVERSED} | {
                "id": f"{at:012x}{charge['id'][12:16]}{'ab'[number]}{charge['id'][17:]}",
                "line_no": str(number + 2),
                "calls": "0" if number else "-1", "entry_type": "reversal",
                "entry_no": str(account.entry_no), "reverses": charge["id"],
                "reason": charge["void_reason"], "quantity": f"-{charge['quantity']}",
                "amount": f"-{charge['amount']}", "created_at": moment, "updated_at": moment,
                "lock_version": "1",
            })  # fmt: skip
            account.spending -= int(charge["amount"].replace(".", ""))
        self.counters.count(who, what, charges[0]["day_key"], -1)

    def _write(self, row: Row) -> None:
        self._lines.append("\t".join(row.values()) + "\n")


def discount(distributor: int) -> int:
    """What per cent of the prices a distributor pays."""
    return DISCOUNT if distributor % 10 == 1 else 100


def amount(value: int) -> str:
    """An amount in 10^-10 of the currency, as the ledger has it."""
    return f"{value // 10**10}.{value % 10**10:010d}"


def text_of(milliseconds: int) -> str:
    """A time since 1970, in UTC, as the database reads it."""
    days, rest = divmod(milliseconds, 86_400_000)
    seconds, thousandths = divmod(rest, 1000)
    return (
        f"{_date(days)} {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        f".{thousandths:03d}"
    )


@lru_cache(maxsize=16)
def _date(days: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=days)).isoformat()


def _day_of(milliseconds: int) -> str:
    return quota_day(datetime.fromtimestamp(milliseconds / 1000, UTC))


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _price(world: World, what: int, model: str, unit: str, percent: int) -> tuple[int, Row]:
    """The price of one token in 10^-10 of the currency, and what a row says of it."""
    dollars = MODELS[model][UNITS.index(unit)]
    # A price of a million tokens: 10^10 / 10^6 for each dollar, and per cent.
    return dollars * percent * 100, {
        "unit": unit, "model": model, "pricing_id": world.price_id(what, model, unit),
        "matched": "model", "pricing_type": "unit", "unit_size": str(UNIT_SIZE),
        "unit_price": f"{dollars * percent / 100:.10f}",
    }  # fmt: skip


def _id_of(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()[:21]
