"""Statements that are kept, held against the ledger they were made of, and against themselves."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.global_func import Row, SafeSqlor, iso, now, parse_json
from pipeline_dist.closing import store
from pipeline_dist.closing.archive import archived_groups
from pipeline_dist.closing.content import content_checksum
from pipeline_dist.closing.render import ADDED_FILES, ALL_FILES, File, Kind
from pipeline_dist.reports.statement import HAS_STATEMENT, round_amount
from pipeline_ops.ledger.counted import ZERO, CountedTable, Difference, Sums

_STATEMENTS = (
    f"select {', '.join('s.' + name for name in store.COLUMNS)}, s.content,"  # noqa: S608  constants
    " coalesce(d.closed_month, '') as closed_month"
    " from app_statement s left join distributors d on d.id = s.distributor_id"
    " where (${month}$ = '' or s.month = ${month}$) order by s.number"
)
_PRICE_COLUMNS = ("unit_price", "unit_size", "package_size", "package_price")
_PRICES = ", ".join(f"u.{name}" for name in _PRICE_COLUMNS)
_ROWS = (
    f"select u.step_key, u.model, u.unit, {_PRICES}, sum(u.amount) as amount,"  # noqa: S608  constants
    " sum(u.quantity) as quantity, sum(u.calls) as calls, count(*) as row_count,"
    " coalesce(sum(u.entry_no > ${entry_no}$), 0) as late from pipeline_usage_log u"
    " where u.distributor_id = ${distributor_id}$ and u.month_key = ${month}$"
    " and u.archive_batch is null"
    f" and u.entry_type <> 'topup' group by u.step_key, u.model, u.unit, {_PRICES}"
)
_ADJUSTMENTS = (
    "select entry_no, amount, reason from pipeline_usage_log"
    " where distributor_id = ${distributor_id}$ and month_key = ${month}$"
    " and entry_type = 'adjustment'"
)
_WITHOUT_STATEMENT = (
    "select d.id, d.code, m.month from (select distinct u.distributor_id, u.month_key as month"  # noqa: S608  constants
    " from pipeline_usage_log u where u.distributor_id is not null"
    " and (${month}$ = '' or u.month_key = ${month}$)) m"
    " join distributors d on d.id = m.distributor_id and d.closed_month >= m.month"
    " left join app_statement s on s.distributor_id = m.distributor_id and s.month = m.month"
    f" where s.id is null and {HAS_STATEMENT} order by d.code, m.month"
)
_CONTENT = "content that is not of its checksum"
_UNREADABLE = "content that is no statement"
# The parts of a statement, each with the name of its sum.
_PARTS = {
    "lines": "lines_amount",
    "corrections": "corrections_amount",
    "adjustments": "adjustments_amount",
}
# Files are made after the close, by somebody; so long later none may be missing.
_FILES_DUE = timedelta(hours=1)
Pairs = dict[str, tuple[Any, Any]]


async def _compare(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    differences: list[Difference] = []
    for row in await sor.sqlExe(_STATEMENTS, {"month": month or ""}):
        differences += await _faults(sor, row)
    return differences + [
        Difference(
            store.TABLE, f"{row['code']} {row['month']}", "statements of a closed month", 0, 1,
            row["id"],
        )
        for row in await sor.sqlExe(_WITHOUT_STATEMENT, {"month": month or ""})
    ]  # fmt: skip


async def _faults(sor: SafeSqlor, row: Row) -> list[Difference]:
    """Return what is wrong with one statement: its content against its checksum, its row and its
    files, its lines and sums against the rows of its month, archived or not, up to the number of
    settlement when it was closed."""
    key = {name: row[name] for name in ("distributor_id", "month", "entry_no")}
    groups = [*await sor.sqlExe(_ROWS, key), *await archived_groups(sor, key)]
    content = await store.whole_content(sor, row["id"], row["content"])
    pairs: Pairs = {
        _CONTENT: (int(content_checksum(content) != row["checksum"]), 0),
        "rows settled after it": (sum(int(one["late"]) for one in groups), 0),
        "rows": (row["row_count"], sum(int(one["row_count"]) for one in groups)),
        "calls": (row["calls"], sum(int(one["calls"]) for one in groups)),
        "amount": (row["amount"], sum((one["amount"] for one in groups), ZERO)),
        "total": (row["total"], round_amount(row["amount"], row["currency"])),
        "month that is not closed": (int(row["closed_month"] < row["month"]), 0),
    }
    adjustments = await sor.sqlExe(_ADJUSTMENTS, key)
    try:
        document = parse_json(content)
        pairs |= _own_pairs(row, document)
        pairs |= _line_pairs(document, groups)
        pairs |= _adjustment_pairs(document, adjustments)
    except (LookupError, TypeError, ValueError, ArithmeticError):
        document, pairs[_UNREADABLE] = None, (1, 0)
    pairs |= _file_pairs(row, document, await store.read_files(sor, row["id"]))
    return [
        Difference(store.TABLE, row["number"], counter, says, should_be, row["id"])
        for counter, (says, should_be) in pairs.items()
        if says != should_be
    ]


def _own_pairs(row: Row, document: Mapping[str, Any]) -> Pairs:
    """Hold the content against the row, and its sums against what they are of."""
    texts = {
        "number": row["number"],
        "month": row["month"],
        "time_zone": row["zone"],
        "from": iso(row["starts_at"]),
        "to": iso(row["ends_at"]),
        "currency": row["currency"],
        "closed_at": iso(row["closed_at"]),
    }
    pairs: Pairs = {f"{name} of the content": (document[name], texts[name]) for name in texts}
    pairs["calls of the content"] = (document["calls"], row["calls"])
    for name in ("amount", "total"):
        pairs[f"{name} of the content"] = (Decimal(document[name]), row[name])
    for part, name in _PARTS.items():
        sum_of_part = sum((Decimal(item["amount"]) for item in document[part]), ZERO)
        pairs[name] = (Decimal(document[name]), sum_of_part)
    sum_of_parts = sum((Decimal(document[name]) for name in _PARTS.values()), ZERO)
    pairs["parts of the amount"] = (sum_of_parts, row["amount"])
    return pairs


Item = tuple[str, ...]
Use = tuple[Decimal, Decimal]


def _line_pairs(document: Mapping[str, Any], groups: Iterable[Row]) -> Pairs:
    statement_uses = _uses((*document["lines"], *document["corrections"]))
    ledger_uses = _uses(row for row in groups if row["unit"])
    return {
        f"{name} of {' '.join(item)}": (says, should_be)
        for item in sorted(statement_uses.keys() | ledger_uses.keys())
        for name, says, should_be in zip(
            ("quantity", "amount"),
            statement_uses.get(item, (ZERO, ZERO)), ledger_uses.get(item, (ZERO, ZERO)),
            strict=True,
        )
    }  # fmt: skip


def _uses(lines: Iterable[Mapping[str, Any]]) -> dict[Item, Use]:
    """Return quantity and amount by step, model, unit and price."""
    uses: dict[Item, Use] = {}
    for line in lines:
        prices = (line[name] for name in _PRICE_COLUMNS)
        item = (
            line["step_key"], line["model"], line["unit"],
            *(_plain(price) for price in prices if price is not None),
        )  # fmt: skip
        before = uses.get(item, (ZERO, ZERO))
        uses[item] = (
            before[0] + Decimal(line["quantity"]),
            before[1] + Decimal(line["amount"]),
        )
    return {item: use for item, use in uses.items() if any(use)}


def _plain(number: Any) -> str:
    """Return a number as text, whatever zeros it ends with: a statement shows fewer of them."""
    return format(Decimal(number).normalize(), "f")


def _adjustment_pairs(document: Mapping[str, Any], rows: Iterable[Row]) -> Pairs:
    says = {item["entry_no"]: item for item in document["adjustments"]}
    should_be = {row["entry_no"]: row for row in rows}
    return {
        f"adjustment {entry_no}": (_reason(says.get(entry_no)), _reason(should_be.get(entry_no)))
        for entry_no in sorted(says.keys() | should_be.keys())
    }


def _reason(item: Mapping[str, Any] | None) -> str | None:
    return f"{_plain(item['amount'])} {item['reason']}" if item else None


def _file_pairs(
    row: Row, document: Mapping[str, Any] | None, files: Mapping[File, store.KeptFile]
) -> Pairs:
    """Hold the files against their checksums, and the one that programs read against the
    content."""
    pairs: Pairs = {}
    if row["closed_at"] + _FILES_DUE <= now():
        needed = set(ALL_FILES) - set(ADDED_FILES)
        pairs["files"] = (len(files.keys() & needed), len(needed))
    for file, packed_file in files.items():
        name = f"file {' '.join(filter(None, file))}"
        pairs[f"{name} that is not of its checksum"] = (int(not packed_file.is_whole), 0)
        if file.kind == Kind.JSON and document is not None:
            expected = {**document, "checksum": row["checksum"]}
            pairs[f"{name} that is not of the content"] = (int(packed_file.document != expected), 0)
    return pairs


STATEMENTS = CountedTable(store.TABLE, _compare, {})
