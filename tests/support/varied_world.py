"""
Lines of every kind sold to two distributors: what a look at them has to tell apart.

Everything is made in the same order at the same times, so that the answers are the same each time.
"""

import json
from collections.abc import Awaitable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.base.actor import SYSTEM_ACTOR
from app.base.errors import AppError
from app.base.json_codec import json_bytes
from app.db.transactions import in_transaction, reading
from app.records.rows import insert_row
from pipeline_core.definition.snapshot import freeze
from pipeline_dist.accounts.rows import Distributor, read_distributor
from pipeline_dist.admission import service as admission
from pipeline_dist.reports import catalogue
from pipeline_dist.reports.catalogue import Page
from pipeline_ops.rules.usage_lines import usage_lines
from tests.support.trade import EVENING, LONG_AGO, MIDNIGHT, begin_call

HOUR = timedelta(hours=1)
MONTH_AGO = EVENING - timedelta(days=30)
NEVER_SOLD = "unknown"
# By code of the line, whose name is the code in other letters: what differs from a plain one.
PIPELINES: dict[str, dict[str, Any]] = {
    "a-plain": {},
    "b-discount": {"description": "Zwölf 产线\nzweite Zeile"},
    "c-fixed": {},
    "d-own": {},
    "e-packages": {},
    "f-successor": {},
    "g-slots": {},
    "h-full": {},
    "i-off": {},
    "j-quota": {},
    "k-early": {},
    "l-over": {},
    "m-disabled": {},
    "n-offline": {"status": "offline"},
    "o-draft": {"status": "draft", "current_version": None},
    "p-foreign": {},
    "q-currency": {},
    "r-none": {"current_version": None},
    "s-busy": {},
}
HALF = {"pricing_mode": "discount", "discount_rate": Decimal("0.35")}
LINKS: dict[str, dict[str, Any]] = {
    "b-discount": {**HALF, "daily_quota": 5, "monthly_quota": 70},
    "c-fixed": {"pricing_mode": "fixed"},
    "e-packages": HALF,
    "j-quota": {"daily_quota": 1, "monthly_quota": 3},
    "k-early": {"valid_from": MIDNIGHT + HOUR},
    "l-over": {"valid_from": MONTH_AGO, "valid_to": EVENING},
    "m-disabled": {"enabled": 0},
}
CAPACITIES: dict[str, dict[str, Any]] = {
    "b-discount": {"daily_quota": 9, "monthly_quota": 90},
    "g-slots": {"max_concurrency": 4, "monthly_quota": 100},
    "h-full": {"max_concurrency": 2},
    "i-off": {"enabled": 0, "daily_quota": 3},
    "j-quota": {"daily_quota": 8, "monthly_quota": 9, "max_concurrency": 50},
    "s-busy": {"max_concurrency": 1},
}
PACKAGE = {
    "unit": "image", "pricing_type": "package", "package_size": 10, "package_price": Decimal(7),
    "unit_price": None,
}  # fmt: skip
# By code: prices, each with what differs from 1.25 a call for everybody. `own`: of "first".
PRICES: dict[str, list[dict[str, Any]]] = {
    "a-plain": [{}, {"unit": "token", "unit_price": Decimal("0.5"), "unit_size": 1000}],
    "b-discount": [{}, {"model": "large", "unit_price": Decimal("3.123456")}],
    "c-fixed": [{}, {"unit": "token", "own": True}],
    "d-own": [
        {}, {"model": "large"}, {"model": "large", "own": True, "unit_price": Decimal(1)},
        {"step_key": "answer", "unit": "token"}, {"unit": "token"},
        {"step_key": "answer", "unit": "token", "own": True, "unit_price": Decimal(0)},
    ],
    "e-packages": [
        PACKAGE, {**PACKAGE, "model": "large", "own": True, "package_price": Decimal(11)},
        {**PACKAGE, "unit": "page"},
    ],
    "f-successor": [
        {"effective_to": EVENING}, {"effective_from": EVENING, "unit_price": Decimal(2)},
        {"unit": "token", "effective_to": MIDNIGHT}, {"unit": "token", "effective_from": MIDNIGHT},
        {"unit": "image", "enabled": 0}, {"unit": "page", "effective_from": MIDNIGHT + HOUR},
    ],
    "q-currency": [{"currency": "USD"}, {"unit": "token"}],
    "r-none": [],
}  # fmt: skip
USES: dict[str, list[tuple[str, str, str, str]]] = {
    "one": [("", "", "call", "3")],
    "large": [("answer", "large", "call", "2"), ("", "other", "call", "1")],
    "tokens": [("answer", "", "token", "1500"), ("", "", "token", "0.5")],
    "images": [("", "", "image", "4"), ("", "large", "image", "25"), ("", "", "image", "1")],
    "nothing": [],
    "unknown step": [("nowhere", "", "call", "1")],
    "no price": [("", "", "call", "1"), ("", "", "parsec", "1")],
    "too much": [("", "", "call", "90000000000")],
    "much": [("", "", "call", "400")],
}


class VariedWorld:
    """The rows' ids, by code."""

    def __init__(self) -> None:
        self.last_call = ""  # of "first", of packages
        self.pipelines: dict[str, str] = {}
        self.distributors: dict[str, str] = {}

    async def make(self) -> None:
        """Make everything, and some calls on the evening that the clock starts with."""
        await in_transaction(self._rows)
        for number in range(3):
            await self._book("b-discount", f"b{number}", [("", "large", "call", "1")])
        self.last_call = await self._book("e-packages", "e0", USES["images"])
        await self._book("j-quota", "j0", USES["one"], started_at=EVENING - timedelta(days=1))
        await self._book("j-quota", "j1", USES["one"])
        await self._book("a-plain", "a0", USES["one"], of="second")
        for code, leases in (
            ("g-slots", (5, 50)), ("h-full", (5, 90)), ("s-busy", (60,)),
        ):  # fmt: skip
            for minutes in leases:
                await self._begin(code, f"{code} {minutes}", minutes)

    async def answers(self) -> dict[str, Any]:
        """What all functions answer now, by name."""
        result: dict[str, Any] = {}
        for who in self.distributors:
            for name, window in {
                "all": Page("", 1, 50), "first": Page("", 1, 3), "second": Page("", 2, 3),
                "behind": Page("", 2, 3, "c-fixed"), "beyond": Page("", 9, 3),
                "text": Page("C", 1, 50), "none": Page("%", 1, 50),
            }.items():  # fmt: skip
                result[f"{who}: page {name}"] = await _answer_of(self.page(who, window))
            for code in (*PIPELINES, NEVER_SOLD):
                result[f"{who}: {code}"] = await _answer_of(self.one(who, code))
                for name in USES if self._sold_to(code, who) else ():
                    result[f"{who}: {code} {name}"] = await _answer_of(self.quote(who, code, name))
        result["nobody"] = await _answer_of(self.quote("nobody", "a-plain", "one"))
        return result

    async def page(self, who: str, window: Page) -> Any:
        """A page of the catalogue for a distributor; of its cursor only whether there is one."""
        distributor = await self._distributor(who)
        async with reading() as sor:
            page = await catalogue.pipelines(sor, "owner", distributor, window)
        return page | {"next": page["next"] is not None}

    async def one(self, who: str, code: str) -> Any:
        """One line in the catalogue for a distributor, and the limits of calling it."""
        distributor = await self._distributor(who)
        async with reading() as sor:
            body, limits = await catalogue.pipeline(sor, distributor, code)
        return [body, [limit.public() for limit in limits]]

    async def quote(self, who: str, code: str, use: str) -> Any:
        """A quote of USES[use] for a distributor, and the limits that the call would meet."""
        body, limits = await admission.quote(
            self.distributors.get(who, who), pipeline=code, lines=_lines(USES[use]),
            lang="zh" if use == "much" else "en",
        )  # fmt: skip
        return [body, [limit.public() for limit in limits]]

    async def _distributor(self, who: str) -> Distributor:
        async with reading() as sor:
            distributor = await read_distributor(sor, self.distributors[who])
        assert distributor is not None
        return distributor

    @staticmethod
    def _sold_to(code: str, who: str) -> bool:
        return code == "a-plain" or (code == "p-foreign") == (who == "second")

    async def _book(
        self, code: str, key: str, use: list[tuple[str, str, str, str]], *, of: str = "first",
        started_at: datetime | None = None,
    ) -> str:  # fmt: skip
        command = begin_call(
            code, idempotency_key=key, status="succeeded", lines=_lines(use), started_at=started_at
        )
        result = await admission.begin(self.distributors[of], command)
        return str(result.call["call_no"])

    async def _begin(self, code: str, key: str, minutes: int) -> None:
        command = begin_call(code, idempotency_key=key, lease_seconds=minutes * 60)
        await admission.begin(self.distributors["first"], command)

    async def _rows(self, sor: Any) -> None:
        self.pipelines.clear()
        for code, (limits) in {
            "first": {"quota_period": "month", "quota_calls": 1000, "rate_limit_per_minute": 11,
                      "spend_limit": Decimal(400), "spend_period": "day"},
            "second": {"quota_period": "day", "quota_calls": 2, "billing_mode": "prepaid",
                       "balance": Decimal("12.5")},
        }.items():  # fmt: skip
            row = {"code": code, "name": code, "status": "active", "currency": "CNY", **limits}
            self.distributors[code] = await _insert(sor, "distributors", row)
        for code, changes in PIPELINES.items():
            row = {"code": code, "name": f"Line {code[2:].upper()}", "description": "",
                   "status": "published", "current_version": 2, **changes}  # fmt: skip
            self.pipelines[code] = await _insert(sor, "pipelines", row)
            await self._sell(sor, code)

    async def _sell(self, sor: Any, code: str) -> None:
        pipeline_id = self.pipelines[code]
        of_pipeline = {"pipeline_id": pipeline_id, "enabled": 1}
        for who, distributor_id in self.distributors.items():
            if self._sold_to(code, who):
                terms = {"pricing_mode": "inherit", **LINKS.get(code, {})}
                row = of_pipeline | {"distributor_id": distributor_id} | terms
                await _insert(sor, "distributor_pipeline", row)
        if code in CAPACITIES:
            await _insert(sor, "pipeline_capacity", of_pipeline | CAPACITIES[code])
        for price in PRICES.get(code, [{}]):
            row = {"unit": "call", "pricing_type": "unit", "unit_price": Decimal("1.25"),
                   "unit_size": 1, "currency": "CNY", "effective_from": LONG_AGO, **of_pipeline,
                   **price}  # fmt: skip
            row["distributor_id"] = self.distributors["first"] if row.pop("own", False) else ""
            await _insert(sor, "pipeline_pricing", row)
        if PIPELINES[code].get("current_version", 2):
            await _add_versions(sor, code, pipeline_id)


async def _add_versions(sor: Any, code: str, pipeline_id: str) -> None:
    for number, status in ((1, "superseded"), (2, "published")):
        steps = [
            {"step_key": key, "name": key.upper(), "stage": stage, "step_no": 1,
             "step_type": "model", "model": "large", "config": {"secret": "x"},
             "timeout_seconds": 30, "retry_limit": 0, "enabled": key != "unused"}
            for key, stage in (("answer", 1), ("sing", number), ("unused", 2))
        ]  # fmt: skip
        snapshot = freeze({"format": 1, "pipeline": {"code": code}, "steps": steps})
        row = {
            "pipeline_id": pipeline_id,
            "version_no": number,
            "status": status,
            "snapshot": snapshot.text,
            "checksum": snapshot.checksum,
            "published_at": EVENING,
            "event_log": "[]",
        }
        await _insert(sor, "pipeline_versions", row)


async def _insert(sor: Any, table: str, row: dict[str, Any]) -> str:
    return str((await insert_row(sor, table, row, SYSTEM_ACTOR))["id"])


def _lines(use: list[tuple[str, str, str, str]]) -> Any:
    return usage_lines(
        [
            {"step_key": step, "model": model, "unit": unit, "quantity": Decimal(quantity)}
            for step, model, unit, quantity in use
        ]
    )


async def _answer_of(work: Awaitable[Any]) -> Any:
    """The answer as a client reads it, or what it is refused with."""
    try:
        answer = await work
    except AppError as exc:
        problems = [[one.field, one.code, str(one.text)] for one in exc.problems]
        answer = [exc.status, exc.code, str(exc.text), problems, exc.extra, exc.headers]
    return json.loads(json_bytes(answer))
