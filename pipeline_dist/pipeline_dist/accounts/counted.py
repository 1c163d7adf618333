"""What the rows of distributors and their lines count, held against the ledger."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from app.global_func import Row, SafeSqlor
from pipeline_dist.accounts import app_keys, distributors, links
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
from pipeline_ops.ledger.spend_sums import balance_since, read_reserves, reserve_sum, spend_sum
from pipeline_ops.rules.months import month_after

_LINKS = (
    "select l.id, l.distributor_id, l.pipeline_id, l.day_key, l.day_used, l.month_key,"
    " l.month_used, concat(d.code, ' ', p.code) as name from distributor_pipeline l"
    " join pipelines p on p.id = l.pipeline_id join distributors d on d.id = l.distributor_id"
)
_DISTRIBUTORS = (
    "select id, code as name, quota_key, quota_used, spend_key, spend_used, spend_reserved,"
    " balance, prepaid_entry_no, entry_no, coalesce(closed_month, '') as closed_month"
    " from distributors"
)
# It is one for good from the first row on. (From the ledger on, which is read in its order.)
_CURRENCIES = (
    "select u.id, u.call_no, u.line_no, u.currency as says, d.currency as should_be"
    " from pipeline_usage_log u force index (primary) straight_join distributors d"
    " on d.id = u.distributor_id and u.currency <> d.currency"
)


_DEFAULT_KEYS = "select * from app_key where name = ${name}$ and revoked_at is null"
_MIRRORS = f"select id, code, {', '.join(app_keys.MIRRORED)} from distributors"  # noqa: S608


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
    reserved = await read_reserves(sor)
    for row in rows:
        key = row["quota_key"]
        if key is not None and is_of(key, month):
            calls = sums.calls.get(("distributor", row["id"], key), 0)
            name = f"{row['name']} {key}"
            differences += counter_differences(distributors.TABLE, row, name, "quota_used", calls)
        if month is None:
            differences += await _compare_money(sor, row, sums, reserved)
        differences += entry_differences(distributors.TABLE, row, (row["id"], ""), sums)
    differences += _moved_rows(rows, sums)
    if month is None:
        differences += await _compare_keys(sor)
    if month is None:
        differences += [
            Difference(
                "rows", f"{row['call_no']}/{row['line_no']}", "currency", row["says"],
                row["should_be"], row["id"],
            )
            for row in await sor.sqlExe(_CURRENCIES, {})
        ]  # fmt: skip
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


async def _compare_keys(sor: SafeSqlor) -> list[Difference]:
    """Compare what distributors' columns say of their default keys with these."""
    defaults = {
        row["distributor_id"]: row
        for row in await sor.sqlExe(_DEFAULT_KEYS, {"name": app_keys.DEFAULT})
    }
    return [
        Difference(
            "rows", row["code"], column, _short_text(row[column]), _short_text(value), row["id"]
        )
        for row in await sor.sqlExe(_MIRRORS, {})
        for column, value in app_keys.mirrored(defaults.get(row["id"])).items()
        if row[column] != value
    ]


def _short_text(value: Any) -> str:
    """Return as much of a column of keys as may be told."""
    return str(value)[:12]


def _moved_rows(rows: Iterable[Row], sums: Sums) -> Iterable[Difference]:
    """Yield the months of which rows stand in a later statement though they are not closed, or in
    one later than the month that was open when they were settled can have been."""
    for row in rows:
        closed = row["closed_month"]
        for whose, month, later in sorted(sums.moves):
            if whose == row["id"] and not (month <= closed and later <= month_after(closed)):
                key = f"{row['name']} {month}"
                yield Difference("rows", key, "month_key", later, month, row["id"])


async def _compare_money(
    sor: SafeSqlor, row: Row, sums: Sums, reserved: Mapping[str, Decimal]
) -> list[Difference]:
    should_be = {
        "spend_used": sums.spending(row["id"], row["spend_key"]),
        "spend_reserved": reserved.get(row["id"], ZERO),
        "balance": await _balance(sor, row),
    }
    return [
        difference
        for counter, value in should_be.items()
        for difference in counter_differences(distributors.TABLE, row, row["name"], counter, value)
    ]


async def _balance(sor: SafeSqlor, row: Mapping[str, Any]) -> Decimal:
    """Return the balance that a distributor's row should have; a postpaid one has none."""
    if row["prepaid_entry_no"] is None:
        return ZERO
    return await balance_since(sor, row["id"], row["prepaid_entry_no"])


async def _link_period(sor: SafeSqlor, row: Mapping[str, Any], key: str) -> int:
    return await ledger.count_calls(
        sor, row[key], pipeline_id=row["pipeline_id"], distributor_id=row["distributor_id"]
    )


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
            "spend_used": lambda sor, row: spend_sum(sor, row["id"], row["spend_key"]),
            "spend_reserved": lambda sor, row: reserve_sum(sor, row["id"]),
            "balance": _balance,
            "entry_no": lambda sor, row: last_entry(sor, distributor_id=row["id"]),
        },
    ),
)
