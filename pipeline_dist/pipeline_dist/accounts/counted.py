"""What the rows of distributors and their lines count, held against the ledger."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.global_func import SafeSqlor
from pipeline_dist.accounts import distributors, links
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.counted import (
    ZERO,
    CountedTable,
    Difference,
    Sums,
    counter_differences,
    entry_differences,
    is_of,
    period_differences,
)
from pipeline_ops.ledger.numbers import last_entry

_LINKS = (
    "select l.id, l.distributor_id, l.pipeline_id, l.day_key, l.day_used, l.month_key,"
    " l.month_used, concat(d.code, ' ', p.code) as name from distributor_pipeline l"
    " join pipelines p on p.id = l.pipeline_id join distributors d on d.id = l.distributor_id"
)
_DISTRIBUTORS = (
    "select id, code as name, quota_key, quota_used, spend_used, entry_no from distributors"
)


async def _compare_links(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    differences: list[Difference] = []
    for row in await sor.sqlExe(_LINKS, {}):
        whose = ("link", row["distributor_id"], row["pipeline_id"])
        differences += period_differences(links.TABLE, row, whose, sums, month)
    return differences


async def _compare_distributors(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    """Compare the counters of distributors, and their statements, of which they are the sums."""
    differences: list[Difference] = []
    rows = await sor.sqlExe(_DISTRIBUTORS, {})
    for row in rows:
        key = row["quota_key"]
        if key is not None and is_of(key, month):
            calls = sums.calls.get(("distributor", row["id"], key), 0)
            name = f"{row['name']} {key}"
            differences += counter_differences(distributors.TABLE, row, name, "quota_used", calls)
        if month is None:
            total = sums.amounts.get(row["id"], ZERO)
            differences += counter_differences(
                distributors.TABLE, row, row["name"], "spend_used", total
            )
        differences += entry_differences(distributors.TABLE, row, (row["id"], ""), sums)
    names = {row["id"]: row["name"] for row in rows}
    return differences + [
        Difference(
            "statement",
            f"{names.get(whose, whose)} {of}",
            "amount",
            statement_total,
            month_total,
            whose,
        )
        for (whose, of), (month_total, statement_total) in sorted(sums.months.items())
        if statement_total != month_total
    ]


async def _link_period(sor: SafeSqlor, row: Mapping[str, Any], key: str) -> int:
    return await ledger.count_calls(
        sor, row[key], pipeline_id=row["pipeline_id"], distributor_id=row["distributor_id"]
    )


async def _ledger_total(sor: SafeSqlor, row: Mapping[str, Any]) -> Decimal:
    total = await sor.one(
        "select coalesce(sum(amount), 0) as amount from pipeline_usage_log"
        " where distributor_id = ${id}$ and entry_type <> 'topup'",
        {"id": row["id"]},
    )
    assert total is not None
    return Decimal(total["amount"])


COUNTED = (
    CountedTable(
        links.TABLE,
        _compare_links,
        {
            "day_used": lambda sor, row: _link_period(sor, row, "day_key"),
            "month_used": lambda sor, row: _link_period(sor, row, "month_key"),
        },
    ),
    CountedTable(
        distributors.TABLE,
        _compare_distributors,
        {
            "quota_used": lambda sor, row: ledger.count_calls(
                sor, row["quota_key"], distributor_id=row["id"]
            ),
            "spend_used": _ledger_total,
            "entry_no": lambda sor, row: last_entry(sor, distributor_id=row["id"]),
        },
    ),
)
