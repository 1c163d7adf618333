"""
How large a table is: whether its list may sort by and search whatever its reader likes.

The database's own estimate is believed where it is far above the limit. It comes late after many
inserts, and may be wrong by half; else the table is counted, up to the limit and no further. The
answer is remembered for some seconds.
"""

import time

from app.base.settings import settings
from app.db.sqlor import SafeSqlor

REMEMBERED_SECONDS = 10
# So many times the limit, and the estimate is no error.
SURE = 3
_sizes: dict[str, tuple[float, bool]] = {}


async def is_large(sor: SafeSqlor, table: str) -> bool:
    """Return whether *table* has more rows than `list_free_rows`, as of some seconds ago."""
    moment = time.monotonic()
    memory = _sizes.get(table)
    if memory is not None and moment - memory[0] < REMEMBERED_SECONDS:
        return memory[1]
    limit = settings().options.list_free_rows
    count = await _estimate(sor, table)
    if count < SURE * limit:
        count = await count_up_to(sor, f"`{table}` a", {}, limit)
    _sizes[table] = (moment, count > limit)
    return count > limit


async def _estimate(sor: SafeSqlor, table: str) -> int:
    row = await sor.one(
        "select table_rows as estimate from information_schema.tables"
        " where table_schema = database() and table_name = ${table}$",
        {"table": table},
    )
    return int(row["estimate"] or 0) if row else 0


async def count_up_to(sor: SafeSqlor, source: str, values: dict[str, object], limit: int) -> int:
    """Return how many rows *source* has, at most *limit* and one."""
    row = await sor.one(
        f"select count(*) as total from (select 1 from {source} limit {limit + 1}) some",  # noqa: S608
        values,
    )
    return int(row["total"]) if row else 0


def forget() -> None:
    """Forget the sizes; for tests."""
    _sizes.clear()
