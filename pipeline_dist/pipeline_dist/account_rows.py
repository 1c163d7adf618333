"""The rows of distributors and of their lines: locked in the fixed order, and written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.global_func import Row, SafeSqlor, bulk_update
from pipeline_ops import capacity

# Who a link belongs to: (distributor_id, pipeline_id).
Pair = tuple[str, str]

# What admission changes of a distributor.
SAVED = ("quota_key", "quota_used", "spend_used", "rate_window")

# By force, since reading a small table whole would lock other distributors' rows on the way.
_LOCK_DISTRIBUTORS = (
    "select id, code, status, currency, rate_limit_per_minute, rate_window, quota_period,"
    " quota_calls, quota_key, quota_used, spend_limit, spend_used, api_key_hash,"
    " api_key_expires_at, previous_key_hash, previous_key_expires_at, allowed_ips"
    " from distributors force index (primary) where id in ${ids}$ order by id for update"
)
_LINKS = (
    "select id, distributor_id, pipeline_id, enabled, pricing_mode, discount_rate, fixed_prices,"
    " daily_quota, monthly_quota, day_key, day_used, month_key, month_used, valid_from, valid_to"
    " from distributor_pipeline force index (distributor_pipeline_pair) where "
)


async def lock_distributors(sor: SafeSqlor, ids: Iterable[str]) -> dict[str, Row]:
    """The distributors with these ids, by id, locked in one order; those that are gone are not
    in it."""
    rows = await sor.sqlExe(_LOCK_DISTRIBUTORS, {"ids": sorted(set(ids))})
    return {row["id"]: row for row in rows}


async def lock_links(sor: SafeSqlor, pairs: Iterable[Pair]) -> dict[Pair, Row]:
    """The rows of these pairs of distributor and line, locked in one order; pairs that are not
    linked are not in it."""
    lines: dict[str, list[str]] = {}
    for distributor_id, pipeline_id in sorted(set(pairs)):
        lines.setdefault(distributor_id, []).append(pipeline_id)
    if not lines:
        return {}
    values: dict[str, Any] = {}
    terms = []
    for number, (distributor_id, pipeline_ids) in enumerate(lines.items()):
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
    await bulk_update(sor, "distributor_pipeline", capacity.SAVED, rows)
