"""Statements that are kept, held against the ledger they were made of."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.global_func import Row, SafeSqlor, parse_json
from pipeline_dist.closing import store
from pipeline_ops.ledger.counted import ZERO, CountedTable, Difference, Sums

_STATEMENTS = (
    "select s.id, s.number, s.distributor_id, s.month, s.calls, s.amount, s.entry_no, s.row_count,"
    " s.content, s.checksum, coalesce(d.closed_month, '') as closed_month"
    " from app_statement s left join distributors d on d.id = s.distributor_id"
    " where (${month}$ = '' or s.month = ${month}$) order by s.number"
)
_ROWS = (
    "select u.step_key, u.model, u.unit, sum(u.amount) as amount, sum(u.quantity) as quantity,"
    " sum(u.calls) as calls, count(*) as row_count,"
    " coalesce(sum(u.entry_no > ${entry_no}$), 0) as late from pipeline_usage_log u"
    " where u.distributor_id = ${distributor_id}$ and u.month_key = ${month}$"
    " and u.entry_type <> 'topup' group by u.step_key, u.model, u.unit"
)
_CONTENT = "content that is not of its checksum"


async def _compare(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    differences: list[Difference] = []
    for row in await sor.sqlExe(_STATEMENTS, {"month": month or ""}):
        differences += await _faults(sor, row)
    return differences


async def _faults(sor: SafeSqlor, row: Row) -> list[Difference]:
    """Return what is wrong with one statement: its content against its checksum, its lines and
    sums against the rows of its month up to the number of settlement when it was closed."""
    key = {name: row[name] for name in ("distributor_id", "month", "entry_no")}
    groups = await sor.sqlExe(_ROWS, key)
    document = parse_json(row["content"])
    pairs: dict[str, tuple[Any, Any]] = {
        _CONTENT: (int(store.content_checksum(row["content"]) != row["checksum"]), 0),
        "rows settled after it": (sum(int(one["late"]) for one in groups), 0),
        "rows": (row["row_count"], sum(int(one["row_count"]) for one in groups)),
        "calls": (row["calls"], sum(int(one["calls"]) for one in groups)),
        "amount": (row["amount"], sum((one["amount"] for one in groups), ZERO)),
        "amount of the content": (Decimal(document["amount"]), row["amount"]),
        "month that is not closed": (int(row["closed_month"] < row["month"]), 0),
    }
    statement_lines, ledger_lines = _statement_lines(document), _ledger_lines(groups)
    for item in sorted(statement_lines.keys() | ledger_lines.keys()):
        for name, says, should_be in zip(
            ("quantity", "amount"),
            statement_lines.get(item, (ZERO, ZERO)), ledger_lines.get(item, (ZERO, ZERO)),
            strict=True,
        ):  # fmt: skip
            pairs[f"{name} of {' '.join(item)}"] = (says, should_be)
    return [
        Difference(store.TABLE, row["number"], counter, says, should_be, row["id"])
        for counter, (says, should_be) in pairs.items()
        if says != should_be
    ]


Item = tuple[str, str, str]
Use = tuple[Decimal, Decimal]


def _statement_lines(document: Mapping[str, Any]) -> dict[Item, Use]:
    """Return quantity and amount by step, model and unit as a statement's lines have them."""
    uses: dict[Item, Use] = {}
    for line in (*document["lines"], *document["corrections"]):
        _add(uses, line, Decimal(line["quantity"]), Decimal(line["amount"]))
    return {item: use for item, use in uses.items() if any(use)}


def _ledger_lines(groups: list[Row]) -> dict[Item, Use]:
    uses: dict[Item, Use] = {}
    for row in groups:
        if row["unit"]:
            _add(uses, row, row["quantity"], row["amount"])
    return {item: use for item, use in uses.items() if any(use)}


def _add(uses: dict[Item, Use], row: Mapping[str, Any], quantity: Decimal, amount: Decimal) -> None:
    item = (row["step_key"], row["model"], row["unit"])
    before = uses.get(item, (ZERO, ZERO))
    uses[item] = (before[0] + quantity, before[1] + amount)


STATEMENTS = CountedTable(store.TABLE, _compare, {})
