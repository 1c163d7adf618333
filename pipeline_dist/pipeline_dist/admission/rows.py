"""The rows of distributors and of their lines: locked in the fixed order, and written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.global_func import Row, SafeSqlor, bulk_update
from pipeline_ops.rules import counters as capacity

# Who a link belongs to: (distributor_id, pipeline_id).
Pair = tuple[str, str]

# What admission changes of a distributor.
SAVED = ("quota_key", "quota_used", "spend_used", "rate_window")

_DISTRIBUTOR = (
    "id", "code", "status", "currency", "rate_limit_per_minute", "rate_window", "quota_period",
    "quota_calls", "quota_key", "quota_used", "spend_limit", "spend_used", "api_key_hash",
    "api_key_expires_at", "previous_key_hash", "previous_key_expires_at", "allowed_ips",
)  # fmt: skip
_LINK = (
    "id", "distributor_id", "pipeline_id", "enabled", "pricing_mode", "discount_rate",
    "fixed_prices", "daily_quota", "monthly_quota", "day_key", "day_used", "month_key",
    "month_used", "valid_from", "valid_to",
)  # fmt: skip
# By force, since reading a small table whole would lock other distributors' rows on the way.
_LOCK_DISTRIBUTORS = (
    f"select {', '.join(_DISTRIBUTOR)}"  # noqa: S608  constants
    " from distributors force index (primary) where id in ${ids}$ order by id for update"
)
_LINKS = (
    f"select {', '.join(_LINK)}"  # noqa: S608  constants
    " from distributor_pipeline force index (distributor_pipeline_pair) where "
)
_OUTER = (("d", _DISTRIBUTOR), ("l", _LINK), ("c", capacity.COLUMNS))
_NAMES = ", ".join(f"{table}.{name} as {table}_{name}" for table, names in _OUTER for name in names)
_LOCK_ONE = (
    f"select {_NAMES} from distributors d"  # noqa: S608  constants
    " left join distributor_pipeline l"
    " on l.distributor_id = d.id and l.pipeline_id = ${pipeline_id}$"
    " left join pipeline_capacity c on c.pipeline_id = l.pipeline_id"
    " where d.id = ${distributor_id}$ for update"
)
_SAVE_ONE = (
    "update distributors d, distributor_pipeline l, pipeline_capacity c set "  # noqa: S608
    + ", ".join(
        f"{table}.{name} = "
        + (f"unhex(${{{table}_{name}}}$)" if name == "rate_window" else f"${{{table}_{name}}}$")
        for table, names in (
            ("d", SAVED),
            ("l", capacity.COUNTERS),
            ("c", capacity.COUNTERS_WITH_SLOTS),
        )
        for name in names
    )
    + " where d.id = ${d_id}$ and l.id = ${l_id}$ and c.id = ${c_id}$"
)


async def lock_one(
    sor: SafeSqlor, distributor_id: str, pipeline_id: str
) -> tuple[Row | None, Row | None, Row | None]:
    """Distributor, link and capacity of one pair, locked in this order by one statement; None
    for what is not there, and for the capacity of a line that is not linked."""
    values = {"distributor_id": distributor_id, "pipeline_id": pipeline_id}
    row = await sor.one(_LOCK_ONE, values)
    if row is None:
        return None, None, None
    rows = [Row((name, row[f"{table}_{name}"]) for name in names) for table, names in _OUTER]
    distributor, link, capacity_row = (row if row["id"] is not None else None for row in rows)
    return distributor, link, capacity_row


async def save_one(
    sor: SafeSqlor,
    distributor: Mapping[str, Any],
    link: Mapping[str, Any],
    capacity_row: Mapping[str, Any],
) -> None:
    """Write what admission changes of one pair, by one statement."""
    rows = (("d", distributor), ("l", link), ("c", capacity_row))
    values = {f"{table}_{name}": value for table, row in rows for name, value in row.items()}
    window = distributor["rate_window"]
    # As hex, because this pair of drivers (aiomysql 0.3.2, PyMySQL) cannot bind bytes.
    values["d_rate_window"] = window.hex() if window is not None else None
    await sor.sqlExe(_SAVE_ONE, values)


async def lock_distributors(sor: SafeSqlor, ids: Iterable[str]) -> dict[str, Row]:
    """Lock the distributors with these ids, by id and in one order; those that are gone are not in
    it."""
    rows = await sor.sqlExe(_LOCK_DISTRIBUTORS, {"ids": sorted(set(ids))})
    return {row["id"]: row for row in rows}


async def lock_links(sor: SafeSqlor, pairs: Iterable[Pair]) -> dict[Pair, Row]:
    """Lock the rows of these pairs of distributor and line, in one order; pairs that are not
    linked are not in it."""
    pipelines: dict[str, list[str]] = {}
    for distributor_id, pipeline_id in sorted(set(pairs)):
        pipelines.setdefault(distributor_id, []).append(pipeline_id)
    if not pipelines:
        return {}
    values: dict[str, Any] = {}
    terms = []
    for number, (distributor_id, pipeline_ids) in enumerate(pipelines.items()):
        values |= {f"d{number}": distributor_id, f"p{number}": pipeline_ids}
        terms.append(f"(distributor_id = ${{d{number}}}$ and pipeline_id in ${{p{number}}}$)")
    text = f"{_LINKS}{' or '.join(terms)} order by distributor_id, pipeline_id for update"
    rows = await sor.sqlExe(text, values)
    return {(row["distributor_id"], row["pipeline_id"]): row for row in rows}


async def save_distributors(sor: SafeSqlor, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what admission changes of locked distributors."""
    await bulk_update(sor, "distributors", SAVED, rows)


async def save_links(sor: SafeSqlor, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the counters of locked links."""
    await bulk_update(sor, "distributor_pipeline", capacity.COUNTERS, rows)
