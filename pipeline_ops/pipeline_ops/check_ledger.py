"""
`manage.py check-ledger`: do all counters say what the ledger says?

Counters and ledger are read in one snapshot, so the check may run while calls are let in.
"""

import argparse
import asyncio
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from app.global_func import SafeSqlor, pools, reading, to_json
from pipeline_ops.ledger import COUNTED


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter of one row that does not say what the ledger says."""

    table: str
    key: str
    counter: str
    says: int | Decimal
    should_be: int | Decimal


@dataclass(frozen=True, slots=True)
class _Check:
    """One counter: `sql` answers key, says and should_be of every row that has it."""

    table: str
    counter: str
    sql: str


_CALLS = (
    "(select count(*) from pipeline_usage_log u"
    " where u.line_no = 0 and u.status in ${counted}$ and u.pipeline_id = c.pipeline_id"
)
_DAY = " and u.day_key = c.day_key)"
_MONTH = " and u.day_key between concat(c.month_key, '-01') and concat(c.month_key, '-31'))"
_LINK = " and u.distributor_id = c.distributor_id"
_FROM_CAPACITY = " as should_be from pipeline_capacity c join pipelines p on p.id = c.pipeline_id"
_FROM_LINK = (
    " as should_be from distributor_pipeline c join pipelines p on p.id = c.pipeline_id"
    " join distributors d on d.id = c.distributor_id"
)

_CHECKS = (
    _Check(
        "pipeline_capacity", "day_used",
        "select concat(p.code, ' ', c.day_key) as name, c.day_used as says, "
        + _CALLS + _DAY + _FROM_CAPACITY + " where c.day_key is not null",
    ),
    _Check(
        "pipeline_capacity", "month_used",
        "select concat(p.code, ' ', c.month_key) as name, c.month_used as says, "
        + _CALLS + _MONTH + _FROM_CAPACITY + " where c.month_key is not null",
    ),
    _Check(
        "pipeline_capacity", "running",
        "select p.code as name, c.running as says,"
        " (select count(*) from pipeline_usage_log u where u.line_no = 0"
        " and u.status = 'reserved' and u.pipeline_id = c.pipeline_id) as should_be"
        " from pipeline_capacity c join pipelines p on p.id = c.pipeline_id",
    ),
    _Check(
        "distributor_pipeline", "day_used",
        "select concat(d.code, ' ', p.code, ' ', c.day_key) as name, c.day_used as says, "
        + _CALLS + _LINK + _DAY + _FROM_LINK + " where c.day_key is not null",
    ),
    _Check(
        "distributor_pipeline", "month_used",
        "select concat(d.code, ' ', p.code, ' ', c.month_key) as name, c.month_used as says, "
        + _CALLS + _LINK + _MONTH + _FROM_LINK + " where c.month_key is not null",
    ),
    _Check(
        "distributors", "quota_used",
        "select concat(d.code, ' ', d.quota_key) as name, d.quota_used as says,"
        " (select count(*) from pipeline_usage_log u where u.line_no = 0"
        " and u.status in ${counted}$ and u.distributor_id = d.id"
        " and u.month_key = left(d.quota_key, 7)"
        " and (length(d.quota_key) = 7 or u.day_key = d.quota_key)) as should_be"
        " from distributors d where d.quota_key is not null",
    ),
    _Check(
        "distributors", "spend_used",
        "select d.code as name, d.spend_used as says, coalesce(sum(u.amount), 0) as should_be"
        " from distributors d left join pipeline_usage_log u"
        " on u.distributor_id = d.id and u.status <> 'voided' and u.amount <> 0"
        " group by d.id, d.code, d.spend_used",
    ),
)  # fmt: skip


async def check(sor: SafeSqlor) -> list[Difference]:
    """Every counter that differs from the ledger, as *sor*'s snapshot sees them."""
    found: list[Difference] = []
    for item in _CHECKS:
        rows = await sor.sqlExe(item.sql, {"counted": list(COUNTED)})
        found += [
            Difference(item.table, row["name"], item.counter, row["says"], row["should_be"])
            for row in rows
            if row["says"] != row["should_be"]
        ]
    return found


def run_command(argv: list[str]) -> int:
    """Compare all counters with the ledger; 0 when they agree, 1 when any differs."""
    parser = argparse.ArgumentParser(
        prog="manage.py check-ledger",
        description="Recompute all counters from the ledger and print every difference. "
        "按账本重算全部计数，并列出差异。",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON; 输出一行 JSON")
    options = parser.parse_args(argv)
    found, size = asyncio.run(_run())
    if options.json:
        print(to_json({**size, "differences": [asdict(item) for item in found]}))
    else:
        for item in found:
            print(
                f"{item.table} {item.key} {item.counter}: says {_plain(item.says)},"
                f" should be {_plain(item.should_be)}"
            )
        print(
            f"{size['calls']} calls, {size['rows']} rows: {len(found)} difference(s)."
            f" 共 {size['calls']} 次调用、{size['rows']} 行，差异 {len(found)} 处。"
        )
    return 1 if found else 0


async def _run() -> tuple[list[Difference], dict[str, Any]]:
    try:
        async with reading(snapshot=True) as sor:
            size = await sor.one(
                "select count(*) as `rows`, coalesce(sum(line_no = 0), 0) as calls"
                " from pipeline_usage_log",
                {},
            )
            assert size is not None
            return await check(sor), {"calls": int(size["calls"]), "rows": int(size["rows"])}
    finally:
        await pools().close()


def _plain(value: int | Decimal) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
