"""The kinds of events, by the names that programs go by, and an event that is to be written."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """What can happen to a distributor. Names are for good; there may be new ones."""

    QUOTA_THRESHOLD = "quota.threshold"
    SPEND_THRESHOLD = "spend.threshold"
    BALANCE_THRESHOLD = "balance.threshold"
    KEY_EXPIRING = "key.expiring"
    PRICE_CHANGED = "price.changed"
    PRICE_COMING = "price.coming"
    PIPELINE_OFFLINE = "pipeline.offline"
    PIPELINE_ONLINE = "pipeline.online"
    VERSION_PUBLISHED = "pipeline.version_published"
    CALL_EXPIRED = "call.expired"
    CALL_VOIDED = "call.voided"
    STATEMENT_CLOSED = "statement.closed"
    ADJUSTMENT_CREATED = "adjustment.created"
    TOPUP_CREATED = "topup.created"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_EVENTS_GONE = "webhook.events_gone"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is to be written; *subject* is what is not told twice of its type."""

    distributor_id: str
    type: EventType
    subject: str
    data: Mapping[str, Any]

    @property
    def dedup_key(self) -> str:
        """By which a second event of the same matter is known."""
        return f"{self.type}:{self.subject}"
