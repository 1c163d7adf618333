"""Number what the ledger has settled in the order of settlement, and say which rows are calls."""

WHEN = "after"
FOR = "old data"

# A call is settled when its items are written, or without any when its end is told. One that runs,
# or whose lease ran out before its end was told, is not.
_SETTLED = (
    "select c.call_no, row_number() over (order by c.settled_at, c.call_no) as entry_no from ("
    "select h.call_no, coalesce(min(i.created_at), case when h.lease_seconds is null"
    " then h.created_at else h.finished_at end) as settled_at"
    " from pipeline_usage_log h left join pipeline_usage_log i"
    " on i.call_no = h.call_no and i.line_no > 0"
    " where h.line_no = 0 and {whose}"
    " and (h.lease_seconds is null or h.end_hash is not null)"
    " group by h.call_no, h.lease_seconds, h.created_at, h.finished_at) c"
)
_NUMBER = (
    f"update pipeline_usage_log u join ({_SETTLED}) s on s.call_no = u.call_no"  # noqa: S608  constants
    " set u.entry_no = s.entry_no"
)
_LAST = "select coalesce(max(h.entry_no), 0) from pipeline_usage_log h where {whose}"
_OF_DISTRIBUTOR = "h.distributor_id = %s"
_OF_OURS = "h.distributor_id is null and h.pipeline_id = %s"


async def migrate(cursor):
    await cursor.execute(
        "update pipeline_usage_log set calls = 1 where line_no = 0 and status <> 'cancelled'"
    )
    # Portions: an account at a time.
    for key in await _keys(cursor, "select id from distributors order by id"):
        count = await _number(cursor, _OF_DISTRIBUTOR, key)
        await cursor.execute("update distributors set entry_no = %s where id = %s", (count, key))
    of_ours = (
        "select distinct pipeline_id from pipeline_usage_log where distributor_id is null"
        " order by pipeline_id"
    )
    for key in await _keys(cursor, of_ours):
        count = await _number(cursor, _OF_OURS, key)
        await cursor.execute(
            "insert into app_own_entries (id, entry_no) values (%s, %s)"
            " on duplicate key update entry_no = values(entry_no)",
            (key, count),
        )


async def _keys(cursor, text):
    await cursor.execute(text)
    return [row[0] for row in await cursor.fetchall()]


async def _number(cursor, whose, key):
    """Give what the account of *key* has settled its numbers; how many there are."""
    await cursor.execute(_NUMBER.format(whose=whose), (key,))
    await cursor.execute(_LAST.format(whose=whose), (key,))
    return (await cursor.fetchone())[0]
