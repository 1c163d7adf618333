"""What tests read of a distributor's events."""

from typing import Any

from app.db.transactions import reading
from pipeline_dist.events.store import events_after
from tests.support.trade import Trade


async def read_events(trade: Trade, *types: str) -> list[Any]:
    """The events of the trade's distributor."""
    async with reading() as sor:
        return await events_after(sor, trade.distributor_id, 0, 1000, types)
