"""The rows of webhooks and of what was sent by them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.global_func import SafeSqlor, bulk_insert_tuples, column_names, parse_json

TABLE = "app_webhook"
DELIVERIES = "app_webhook_delivery"
MAX_ANSWER = 500
# What a webhook has that does not fail, or no longer.
NOT_FAILING = {"attempts": 0, "failing_since": None, "failing_seconds": 0, "next_try_at": None}


class Kind(StrEnum):
    """Why something is sent: in its turn, again because somebody asked, or to try."""

    EVENT = "event"
    REPLAY = "replay"
    TEST = "test"


class Outcome(StrEnum):
    """What became of a delivery; `unsent`: this host could not send it."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNSENT = "unsent"


class Reason(StrEnum):
    """Why a webhook is disabled."""

    FAILURES = "failures"
    GONE = "gone"
    BY_REQUEST = "by_request"


@dataclass(slots=True)
class Webhook:
    """A row of app_webhook; `sent_no` is the number of the last event that was delivered,
    `failing_seconds` how long was waited between the tries that failed."""

    id: str
    distributor_id: str
    url: str
    types: Any
    enabled: int
    disabled_reason: str | None
    secret: str
    previous_secret: str | None
    previous_until: datetime | None
    sent_no: int
    attempts: int
    failing_since: datetime | None
    failing_seconds: int
    next_try_at: datetime | None
    waiting: int
    created_at: datetime

    def __post_init__(self) -> None:
        self.types = parse_json(self.types) if self.types else []

    def public(self) -> dict[str, Any]:
        """For an answer; without the secrets."""
        return {
            "id": self.id,
            "url": self.url,
            "types": self.types,
            "enabled": bool(self.enabled),
            "disabled_reason": self.disabled_reason,
            "delivered_event_no": self.sent_no,
            "failing_since": self.failing_since,
            "next_try_at": self.next_try_at,
            "previous_secret_until": self.previous_until,
            "created_at": self.created_at,
        }


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of app_webhook_delivery."""

    id: str
    webhook_id: str
    distributor_id: str
    event_no: int
    type: str
    kind: str
    attempt: int
    outcome: str
    http_status: int | None
    duration_ms: int | None
    answer: str | None
    error: str | None
    next_try_at: datetime | None
    created_at: datetime

    def public(self) -> dict[str, Any]:
        """For an answer."""
        names = (
            "id", "webhook_id", "event_no", "type", "kind", "attempt", "outcome", "http_status",
            "duration_ms", "answer", "error", "next_try_at", "created_at",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


COLUMNS = column_names(Webhook)
DELIVERY_COLUMNS = column_names(Delivery)
SELECT = f"select {', '.join(COLUMNS)} from app_webhook where "  # noqa: S608
SELECT_DELIVERIES = f"select {', '.join(DELIVERY_COLUMNS)} from app_webhook_delivery where "  # noqa: S608


async def read_webhook(
    sor: SafeSqlor, webhook_id: str, distributor_id: str, *, lock: bool = False
) -> Webhook | None:
    """Read a webhook of a distributor; None where there is no such one."""
    text = f"{SELECT} id = ${{id}}$ and distributor_id = ${{whose}}$"
    values = {"id": webhook_id, "whose": distributor_id}
    rows = await sor.tuples(text + (" for update" if lock else ""), values)
    return Webhook(*rows[0]) if rows else None


async def read_delivery(sor: SafeSqlor, delivery_id: str, distributor_id: str) -> Delivery | None:
    """Read a delivery of a distributor; None where there is no such one."""
    text = f"{SELECT_DELIVERIES} id = ${{id}}$ and distributor_id = ${{whose}}$"
    rows = await sor.tuples(text, {"id": delivery_id, "whose": distributor_id})
    return Delivery(*rows[0]) if rows else None


async def add_delivery(sor: SafeSqlor, delivery: Delivery) -> None:
    """Write what was sent, or is to be sent once more."""
    values = [getattr(delivery, name) for name in DELIVERY_COLUMNS]
    await bulk_insert_tuples(sor, DELIVERIES, DELIVERY_COLUMNS, [values])
