"""Say which rows are calls, reverse those that were voided, and number all as they were settled."""

from time import monotonic

WHEN = "after"
FOR = "old data"

# So often it says how far it is.
_SECONDS = 5

# The rows that take the voided ones back: of each item, or of the header where there is none.
_COPIED = (
    "call_no", "distributor_id", "pipeline_id", "version_no", "step_key", "model", "unit",
    "pricing_id", "pricing_type", "pricing_mode", "unit_price", "unit_size", "package_size",
    "package_price", "currency", "status", "idempotency_key", "source", "started_at",
    "finished_at", "day_key", "month_key", "quota_key",
)  # fmt: skip
_REVERSE = (
    f"insert into pipeline_usage_log ({', '.join(_COPIED)}, id, line_no, entry_type, reverses,"  # noqa: S608  constants
    " reason, calls, quantity, amount, created_at, created_by, updated_at, updated_by)"
    f" select {', '.join('u.' + name for name in _COPIED)}, md5(concat('reversal of ', u.id)),"
    " u.line_no + greatest(c.items, 1), 'reversal', u.id, u.void_reason,"
    " -(u.line_no = least(c.items, 1)), -u.quantity, -u.amount,"
    " coalesce(u.voided_at, u.updated_at), coalesce(u.voided_by, ''),"
    " coalesce(u.voided_at, u.updated_at), coalesce(u.voided_by, '')"
    " from pipeline_usage_log u join (select call_no, max(line_no) as items"
    " from pipeline_usage_log where {those} and status = 'voided' group by call_no) c"
    " on c.call_no = u.call_no where u.line_no > 0 or c.items = 0"
)
# A call is settled when its items are written, or without any when its end is told. One that runs,
# or whose lease ran out before its end was told, is not.
_SETTLED = (
    "select c.call_no, c.entry_type,"
    " row_number() over (order by c.settled_at, c.call_no, c.entry_type) as entry_no from ("
    "select h.call_no, 'charge' as entry_type, coalesce(min(i.created_at),"
    " case when h.lease_seconds is null then h.created_at else h.finished_at end) as settled_at"
    " from pipeline_usage_log h left join pipeline_usage_log i"
    " on i.call_no = h.call_no and i.line_no > 0 and i.entry_type = 'charge'"
    " where h.line_no = 0 and {whose}"
    " and (h.lease_seconds is null or h.end_hash is not null)"
    " group by h.call_no, h.lease_seconds, h.created_at, h.finished_at"
    " union all select r.call_no, 'reversal', min(r.created_at) from pipeline_usage_log r"
    " where r.entry_type = 'reversal' and {reversed} group by r.call_no) c"
)
# Both in one write of each row, which a large ledger has many of.
_NUMBER = (
    f"update pipeline_usage_log u join ({_SETTLED}) s"  # noqa: S608  constants
    " on s.call_no = u.call_no and s.entry_type = u.entry_type set u.entry_no = s.entry_no,"
    " u.calls = if(u.entry_type = 'reversal', u.calls, u.line_no = 0 and u.status <> 'cancelled')"
)
_COUNT_OTHERS = (
    "update pipeline_usage_log set calls = 1 where line_no = 0 and status <> 'cancelled'"
    " and entry_no is null"
)
_LAST = "select coalesce(max(h.entry_no), 0) from pipeline_usage_log h where {whose}"
_SAVE = "update distributors set entry_no = %(entry_no)s where id = %(key)s"
_SAVE_OURS = (
    "insert into app_own_entries (id, entry_no) values (%(key)s, %(entry_no)s)"
    " on duplicate key update entry_no = values(entry_no)"
)
_OF_DISTRIBUTOR = "{row}.distributor_id = %s"
_OF_OURS = "{row}.distributor_id is null and {row}.pipeline_id = %s"


async def migrate(cursor):
    # Portions: an account at a time.
    of_ours = (
        "select distinct pipeline_id from pipeline_usage_log where distributor_id is null"
        " order by pipeline_id"
    )
    accounts = [
        (whose, save, key)
        for whose, save, keys in (
            (_OF_DISTRIBUTOR, _SAVE, "select id from distributors order by id"),
            (_OF_OURS, _SAVE_OURS, of_ours),
        )
        for key in await _keys(cursor, keys)
    ]
    tell_at = monotonic() + _SECONDS
    for number, (whose, save, key) in enumerate(accounts, 1):
        entry_no = await _number(cursor, whose, key)
        await cursor.execute(save, {"key": key, "entry_no": entry_no})
        if monotonic() > tell_at:
            tell_at = monotonic() + _SECONDS
            yield f"{number} of {len(accounts)} accounts"
    await cursor.execute(_COUNT_OTHERS)


async def _keys(cursor, text):
    await cursor.execute(text)
    return [row[0] for row in await cursor.fetchall()]


async def _number(cursor, whose, key):
    """Reverse what was voided for the account of *key*, and number all that it has settled; how
    many numbers there are."""
    of_row = {name: whose.format(row=name) for name in ("pipeline_usage_log", "h", "r")}
    await cursor.execute(_REVERSE.format(those=of_row["pipeline_usage_log"]), (key,))
    await cursor.execute(_NUMBER.format(whose=of_row["h"], reversed=of_row["r"]), (key, key))
    await cursor.execute(_LAST.format(whose=of_row["h"]), (key,))
    return (await cursor.fetchone())[0]
