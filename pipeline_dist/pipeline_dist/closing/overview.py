"""All distributors' months as a table: what has become of each, its statement, its total."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from app.global_func import Row, SafeSqlor
from pipeline_dist.reports.statement import HAS_STATEMENT, month_status, round_amount
from pipeline_ops.rollup.kinds import TOTALS
from pipeline_ops.rollup.read import of_month, usage_source

# What the table can be sorted by.
SORT_COLUMNS = {"month": "m.month", "distributor": "d.name", "number": "s.number"}

_MONTHS = (
    # The pairs are few, and found by leaps in the index that begins so.
    " from (select distinct u.distributor_id, u.month_key as month from pipeline_usage_log u"  # noqa: S608  constants
    " force index (pipeline_usage_log_distributor_month)) m"
    " straight_join distributors d on d.id = m.distributor_id"
    " left join app_statement s on s.distributor_id = m.distributor_id and s.month = m.month"
    " where (${whose}$ is null or m.distributor_id = ${whose}$)"
    f" and (${{month}}$ is null or m.month = ${{month}}$) and {HAS_STATEMENT}"
)
_COLUMNS = (
    "select m.distributor_id, d.code as distributor_code, d.name as distributor, m.month,"
    " d.closed_month, d.currency, s.number, s.total, s.closed_at"
)
_TOTALS = (
    "select r.distributor_id, sum(r.amount) as amount from {rows}"
    " where r.entry_type <> 'topup' and r.distributor_id in ${{ids}}$ group by r.distributor_id"
)


async def months(
    sor: SafeSqlor,
    *,
    distributor_id: str | None,
    month: str | None,
    order: str,
    start: int,
    rows: int,
) -> dict[str, Any]:
    """
    Return `{total, rows}`: the distributors' months that have something in them, newest first
    unless *order* (terms of SORT_COLUMNS) says otherwise; `total_amount` of one that is not closed
    is what the ledger says now.
    """
    values = {"whose": distributor_id, "month": month, "start": start, "rows": rows}
    count = await sor.one("select count(*) as total" + _MONTHS, values)
    assert count is not None
    order_by = f" order by {order or 'm.month desc'}, d.code limit ${{start}}$, ${{rows}}$"
    page = await sor.sqlExe(_COLUMNS + _MONTHS + order_by, values)
    amounts = await _amounts(sor, [row for row in page if row["number"] is None])
    return {"total": count["total"], "rows": [_shown_row(row, amounts) for row in page]}


async def months_to_close(sor: SafeSqlor, until: str, most: int) -> list[dict[str, Any]]:
    """Return `{id, name, month}` of *most* months up to *until* that are not closed, the oldest
    first."""
    text = (
        "select m.distributor_id as id, d.name, m.month"
        f"{_MONTHS} and m.month <= ${{until}}$ and m.month > coalesce(d.closed_month, '')"
        " order by m.month, d.name limit ${most}$"
    )
    values = {"whose": None, "month": None, "until": until, "most": most}
    return [dict(row) for row in await sor.sqlExe(text, values)]


async def _amounts(sor: SafeSqlor, rows: Iterable[Row]) -> dict[tuple[str, str], Any]:
    pairs = [(row["distributor_id"], row["month"]) for row in rows]
    if not pairs:
        return {}
    amounts = {}
    for month in sorted({month for _, month in pairs}):
        ids = sorted(whose for whose, its_month in pairs if its_month == month)
        columns = ("distributor_id", "entry_type", "amount")
        source = await usage_source(sor, of_month(None, month), (TOTALS,), columns)
        text = _TOTALS.format(rows=source.text)
        for row in await sor.sqlExe(text, source.values | {"ids": ids}):
            amounts[row["distributor_id"], month] = row["amount"]
    return amounts


def _shown_row(row: Row, amounts: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    key = (row["distributor_id"], row["month"])
    total = row["total"] if row["number"] else amounts.get(key, Decimal(0))
    return {
        "id": f"{row['distributor_id']}.{row['month']}",
        "distributor_id": row["distributor_id"],
        "distributor": row["distributor"],
        "month": row["month"],
        "state": month_status(row["closed_month"], row["month"]),
        "number": row["number"],
        "total": round_amount(total, row["currency"]),
        "currency": row["currency"],
        "closed_at": row["closed_at"],
    }
