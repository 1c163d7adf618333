"""
When and from where keys were used last: kept in memory as they are used, and written now and then
in the background, for a key once a minute at most. No request waits for it.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from app.global_func import BackgroundWork, SafeSqlor, in_transaction, new_id, now

PAUSE_SECONDS = 5.0
# A key that was used again within this time is written when it is over.
WRITTEN_EVERY = timedelta(minutes=1)
# More than any worker meets between two rounds; what is beyond is noted when it is used again.
MAX_KEYS_NOTED = 10_000

log = logging.getLogger("pipeline.distributor_api")
# By the ids of keys: when and from where each was used last, not yet written; and when it may be
# written again.
_uses: dict[str, tuple[datetime, str]] = {}
_due: dict[str, datetime] = {}

_WRITE = (
    "update app_key set last_used_at = ${moment}$, last_used_ip = ${ip}$ where id = ${id}$"
    " and (last_used_at is null or last_used_at <= ${latest}$)"
)


def note_use(key_id: str, ip: str) -> None:
    """Note that a key is used now, from *ip*."""
    if key_id in _uses or len(_uses) < MAX_KEYS_NOTED:
        _uses[key_id] = (now(), ip)


async def write_uses(_: SafeSqlor, stop: asyncio.Event) -> None:
    """Write what was noted in this process and may be written, each key in a transaction of its
    own: nobody waits for more than one row."""
    moment = now()
    for key_id in [key_id for key_id, due in _due.items() if due <= moment]:
        del _due[key_id]
    for key_id in [key_id for key_id in _uses if key_id not in _due]:
        if stop.is_set():
            return
        await _write(key_id)


async def _write(key_id: str) -> None:
    use = _uses[key_id]
    moment, ip = use
    values = {"id": key_id, "moment": moment, "ip": ip, "latest": moment - WRITTEN_EVERY}

    async def work(sor: SafeSqlor) -> bool:
        return bool(await sor.sqlExe(_WRITE, values))

    is_written = await in_transaction(work)
    _due[key_id] = now() + WRITTEN_EVERY
    # Else another process wrote less than a minute before it; it comes again while it is new.
    is_over = is_written or moment <= now() - WRITTEN_EVERY
    if is_over and _uses.get(key_id) == use:
        del _uses[key_id]


# Each process writes what it has noted: so the lock is its own.
KEY_USE_WRITER = BackgroundWork(
    work=write_uses, lock=f"key_uses_{new_id()[:16]}", who="writing when keys were used",
    failure="key_use_failed", log=log, pause_seconds=PAUSE_SECONDS,
)  # fmt: skip
