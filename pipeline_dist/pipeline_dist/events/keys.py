"""What distributors are told of keys: that one expires, some days before it does."""

from datetime import datetime, timedelta
from typing import Any

from app.global_func import SafeSqlor, in_transaction, iso, reading
from pipeline_dist.events.kinds import EventType, NewEvent
from pipeline_dist.events.store import add_events

# So many days before the end it is told.
DAYS_BEFORE = (7, 1)
_EXPIRING = (
    "select k.distributor_id, k.prefix, k.name, k.expires_at"
    " from app_key k join distributors d on d.id = k.distributor_id and d.status <> 'closed'"
    " where k.hash is not null and k.revoked_at is null"
    " and k.expires_at > ${moment}$ and k.expires_at <= ${until}$ order by k.distributor_id, k.id"
)
_TOLD = "select dedup_key from app_event where distributor_id = ${id}$ and dedup_key in ${keys}$"


async def tell_expiring(moment: datetime) -> int:
    """Write the events of keys that expire within a week, or a day, from *moment* on; how many
    distributors were told something."""
    until = moment + timedelta(days=max(DAYS_BEFORE))
    count = 0
    async with reading() as sor:
        for distributor_id, prefix, name, expires_at in await sor.tuples(
            _EXPIRING, {"moment": moment, "until": until}
        ):
            events = _events(distributor_id, prefix, name, expires_at, moment)
            if await _has_heard(sor, distributor_id, events):
                continue
            await in_transaction(lambda sor, events=events: add_events(sor, events))  # type: ignore[misc]
            count += 1
    return count


def _events(
    distributor_id: str, prefix: str, name: str, expires_at: datetime, moment: datetime
) -> list[NewEvent]:
    # Who is first looked at on the last day is told that, and not that there is a week.
    days = min(days for days in DAYS_BEFORE if expires_at <= moment + timedelta(days=days))
    data = {"key_prefix": prefix, "key_name": name, "expires_at": expires_at, "days": days}
    subject = f"{prefix}:{iso(expires_at)}:{days}"
    return [NewEvent(distributor_id, EventType.KEY_EXPIRING, subject, data)]


async def _has_heard(sor: SafeSqlor, distributor_id: str, events: list[NewEvent]) -> bool:
    keys: list[Any] = [event.dedup_key for event in events]
    return len(await sor.firsts(_TOLD, {"id": distributor_id, "keys": keys})) == len(keys)
