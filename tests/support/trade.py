"""A distributor with a pipeline, made straight in the database, and a clock in the test's hands."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.errors import AppError
from app.base.ids import new_id
from app.db.transactions import in_transaction, reading
from app.records.rows import insert_row
from pipeline_dist.accounts.api_key import ALL_SCOPES, comma_list
from pipeline_dist.accounts.app_keys import MIRRORED
from pipeline_dist.admission import service as admission
from pipeline_dist.admission.commands import BeginCall, FinishCall
from pipeline_ops.ledger.check import check
from pipeline_ops.ledger.rows import Entry, new_header
from pipeline_ops.ledger.states import CallSource, CallStatus
from pipeline_ops.rules.usage_lines import usage_lines

# Half an hour before midnight in Shanghai, on the last day of a month.
EVENING = datetime(2026, 11, 30, 15, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def begin_call(pipeline: str, **fields: Any) -> BeginCall:
    """A begin of this line; say only what the test is about."""
    lines = usage_lines(fields.pop("lines", None))
    return BeginCall(pipeline=pipeline, lines=lines, **{"request_hash": "h"} | fields)


def finish_call(call_no: str, status: str = "succeeded", **fields: Any) -> FinishCall:
    """An end of this call; say only what the test is about."""
    lines = usage_lines(fields.pop("lines", None))
    return FinishCall(
        call_no=call_no, status=CallStatus(status), lines=lines, **{"body_hash": "h"} | fields
    )


def past_call(pipeline_id: str, distributor_id: str | None, started_at: datetime) -> Entry:
    """A call that succeeded without using anything, to be written straight into the ledger."""
    return Entry(
        new_header(
            moment=started_at,
            by="",
            distributor_id=distributor_id,
            pipeline_id=pipeline_id,
            version_no=None,
            currency="CNY",
            status=CallStatus.SUCCEEDED,
            source=CallSource.API,
            started_at=started_at,
        )
    )


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.moment = EVENING

    def __call__(self) -> datetime:
        return self.moment


class Trade:
    """One distributor with one pipeline."""

    def __init__(self, rows: dict[str, dict[str, Any]]) -> None:
        self.rows = rows
        self.distributor_id = rows["distributors"]["id"]
        self.code = rows["pipelines"]["code"]
        self._number = 0

    async def begin(self, **more: Any) -> str:
        """Begin a call with a key of its own; its number."""
        self._number += 1
        fields: dict[str, Any] = {"lease_seconds": 86_400} | more
        command = begin_call(self.code, idempotency_key=f"k{self._number}", **fields)
        result = await admission.begin(self.distributor_id, command)
        return str(result.call["call_no"])

    async def begin_call(self, lease_seconds: int) -> dict[str, Any]:
        """Begin a call; the whole answer."""
        self._number += 1
        command = begin_call(
            self.code, idempotency_key=f"k{self._number}", lease_seconds=lease_seconds
        )
        result = await admission.begin(self.distributor_id, command)
        return result.call

    async def book_call(self, quantity: int) -> dict[str, Any]:
        """Book a finished call of *quantity* units `call`; the whole answer."""
        self._number += 1
        command = begin_call(
            self.code,
            idempotency_key=f"k{self._number}",
            status="succeeded",
            lines=[{"unit": "call", "quantity": Decimal(quantity)}],
        )
        result = await admission.begin(self.distributor_id, command)
        return result.call

    async def refusal(self) -> AppError:
        """What refuses the next begin."""
        with pytest.raises(AppError) as caught:
            await self.begin()
        return caught.value

    async def finish(self, call_no: str, status: str = "succeeded", **use: Any) -> dict[str, Any]:
        lines = [{"unit": unit, "quantity": Decimal(count)} for unit, count in use.items()]
        command = finish_call(call_no, status, lines=lines, body_hash=call_no)
        result = await admission.finish(self.distributor_id, command)
        return result.call

    async def row(self, table: str) -> Any:
        """The row of *table* as it is now."""
        async with reading() as sor:
            record = await sor.R(table, {"id": self.rows[table]["id"]})
        return record[0]


async def make_trade(**changes: dict[str, Any]) -> Trade:
    """Rows that are fine in every way; say only what the test is about, by table."""
    name = f"t{new_id().lower()}"[:32]  # no sign in front: a command would take it for an option
    rows: dict[str, dict[str, Any]] = {
        "pipelines": {"code": name, "name": name, "status": "published", "current_version": 1},
        "distributors": {"code": name, "name": name, "status": "active", "quota_period": "none",
                         "currency": "CNY"},
        "distributor_pipeline": {"enabled": 1, "pricing_mode": "inherit"},
        "pipeline_capacity": {"enabled": 1},
    }  # fmt: skip

    async def work(sor: Any) -> dict[str, dict[str, Any]]:
        records: dict[str, dict[str, Any]] = {}
        for table, values in rows.items():
            fields = values | changes.get(table, {})
            if table in ("distributor_pipeline", "pipeline_capacity"):
                fields["pipeline_id"] = records["pipelines"]["id"]
            if table == "distributor_pipeline":
                fields["distributor_id"] = records["distributors"]["id"]
            records[table] = await insert_row(sor, table, fields, SYSTEM_ACTOR)
        await _add_key(sor, records["distributors"])
        return records

    return Trade(await in_transaction(work))


async def _add_key(sor: Any, distributor: dict[str, Any]) -> None:
    """The key that the columns of *distributor* say it has."""
    key = {name: distributor[column] for column, name in MIRRORED.items()}
    if key["hash"] is None:
        return
    own = {"distributor_id": distributor["id"], "name": "default", "scopes": comma_list(ALL_SCOPES)}
    text = {"prefix": key["prefix"] or "ppk_", "made_at": key["made_at"] or LONG_AGO}
    await insert_row(sor, "app_key", {**key, **own, **text}, SYSTEM_ACTOR)


async def add_price(trade: Trade, **fields: Any) -> None:
    values = {
        "pipeline_id": trade.rows["pipelines"]["id"], "unit": "call", "pricing_type": "unit",
        "unit_size": 1, "currency": "CNY", "enabled": 1, "effective_from": LONG_AGO,
    }  # fmt: skip
    await in_transaction(
        lambda sor: insert_row(sor, "pipeline_pricing", values | fields, SYSTEM_ACTOR)
    )


async def differences() -> list[Any]:
    async with reading(snapshot=True) as sor:
        return await check(sor)
