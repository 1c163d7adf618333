"""Note on rows of the ledger the day on which they were settled: in which period they are spent."""

from datetime import UTC
from time import monotonic

from app.global_func import quota_day

WHEN = "after"
FOR = "old data"

_ROWS = 5000
# So often it says how far it is.
_SECONDS = 5
# A call is settled when its items are written, or when its end is told; a reversal counts where its
# charge does.
_NEXT = (
    "select u.id, coalesce(c.line_no, u.line_no),"
    " coalesce(c.lease_seconds, u.lease_seconds), coalesce(c.created_at, u.created_at),"
    " coalesce(c.finished_at, u.finished_at) from pipeline_usage_log u"
    " left join pipeline_usage_log c on c.id = u.reverses"
    " where u.id > %s and u.entry_no is not null and u.spend_day is null"
    " and u.entry_type <> 'topup' order by u.id limit %s"
)


async def migrate(cursor):
    last, count, tell_at = "", 0, monotonic() + _SECONDS
    # Portions of the key: the ledger may be large.
    while True:
        await cursor.execute(_NEXT, (last, _ROWS))
        rows = await cursor.fetchall()
        if not rows:
            return
        ids_by_day = {}
        for row_id, line_no, lease_seconds, created_at, finished_at in rows:
            began = line_no == 0 and lease_seconds is not None and finished_at is not None
            settled_at = finished_at if began else created_at
            day = quota_day(settled_at.replace(tzinfo=UTC))
            ids_by_day.setdefault(day, []).append(row_id)
        for day, ids in ids_by_day.items():
            places = ", ".join(["%s"] * len(ids))
            text = f"update pipeline_usage_log set spend_day = %s where id in ({places})"  # noqa: S608
            await cursor.execute(text, (day, *ids))
        last, count = rows[-1][0], count + len(rows)
        if monotonic() > tell_at:
            tell_at = monotonic() + _SECONDS
            yield f"{count} rows"
