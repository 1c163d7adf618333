"""What the archive asks of months that close, and the check of statements asks of the archive."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.global_func import SafeSqlor
from pipeline_dist.reports.statement import HAS_STATEMENT
from pipeline_ops.archive.batches import read_batches
from pipeline_ops.archive.files import readable_rows
from pipeline_ops.archiving.months import ClosedMonth, ClosedMonths
from pipeline_ops.ledger.states import EntryType

# The pairs of distributor and month are few, and found by leaps in the index that begins so. Months
# in which there are top-ups alone have no statement, and nothing that could be taken out.
_MONTHS = (
    "select d.id as distributor_id, d.code, m.month, s.id is not null as is_closed"  # noqa: S608  constants
    " from (select distinct u.distributor_id, u.month_key as month from pipeline_usage_log u"
    " where u.distributor_id is not null and u.month_key < ${before}$) m"
    " join distributors d on d.id = m.distributor_id"
    " left join app_statement s on s.distributor_id = d.id and s.month = m.month"
    " and s.month <= d.closed_month"
    f" where (${{code}}$ is null or d.code = ${{code}}$) and {HAS_STATEMENT}"
    " order by d.code, m.month"
)
_GROUP = (
    "step_key", "model", "unit", "unit_price", "unit_size", "package_size", "package_price",
)  # fmt: skip
_SUMS = ("amount", "quantity", "calls")


async def _months(sor: SafeSqlor, before: str, code: str | None) -> list[ClosedMonth]:
    rows = await sor.sqlExe(_MONTHS, {"before": before, "code": code})
    return [
        ClosedMonth(row["distributor_id"], row["code"], row["month"], bool(row["is_closed"]))
        for row in rows
    ]


async def _codes(sor: SafeSqlor) -> dict[str, str]:
    return dict(await sor.tuples("select id, code from distributors", {}))


CLOSED_MONTHS = ClosedMonths(_months, _codes)


async def archived_groups(sor: SafeSqlor, key: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what of a statement's month is archived, by item and price as the ledger's rows are
    summed up for its check; *key* has its distributor, month and last number of settlement."""
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    whose, month = key["distributor_id"], key["month"]
    batches = await read_batches(sor, distributor_id=whose, month=month)
    for row in readable_rows(batches, (*_GROUP, *_SUMS, "entry_type", "entry_no")):
        if row["entry_type"] == EntryType.TOPUP:
            continue
        place = tuple(row[name] for name in _GROUP)
        group = groups.get(place)
        if group is None:
            group = dict(zip(_GROUP, place, strict=True))
            group |= {"amount": Decimal(0), "quantity": Decimal(0), "calls": 0}
            groups[place] = group | {"row_count": 0, "late": 0}
            group = groups[place]
        for name in _SUMS:
            group[name] += row[name]
        group["row_count"] += 1
        group["late"] += int((row["entry_no"] or 0) > key["entry_no"])
    return list(groups.values())
