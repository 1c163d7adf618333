"""Charges on packages that are archived, and what reversed them, for the replay of packages."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.global_func import SafeSqlor
from pipeline_ops.archive.batches import ArchiveBatch, read_batches
from pipeline_ops.archive.files import readable_rows
from pipeline_ops.ledger.states import CallStatus, EntryType
from pipeline_ops.rules.terms import PricingType

# Of a reversal that stands in the ledger still.
_REVERSALS = (
    "select {names}, reverses from pipeline_usage_log where call_no in ${{call_nos}}$"
    " and entry_type = 'reversal' and archive_batch is null"
)
_CALL_BATCH_SIZE = 500


async def archived_events(
    sor: SafeSqlor,
    distributor_id: str,
    month: str,
    pipeline_id: str | None,
    columns: Sequence[str],
) -> list[Mapping[str, Any]]:
    """
    Return the archived charges on packages of a distributor's *month* (on one pipeline, or for None
    on all), and their reversals, archived or not, each with the month of the charge.

    A row is archived only when what it reverses is, so that no reversal of a charge in the ledger
    is in a file.
    """
    batches = await read_batches(sor, distributor_id=distributor_id)
    of_month = [batch for batch in batches if batch.month == month]
    if not of_month:
        return []
    names = tuple(dict.fromkeys((*columns, "status", "reverses")))
    charges = [
        row
        for row in readable_rows(of_month, names)
        if row["pricing_type"] == PricingType.PACKAGE
        and row["entry_type"] == EntryType.CHARGE
        and pipeline_id in (None, row["pipeline_id"])
    ]
    voided_ids = {row["id"] for row in charges if row["status"] == CallStatus.VOIDED}
    if not voided_ids:
        return charges
    call_nos = sorted({row["call_no"] for row in charges if row["id"] in voided_ids})
    later = [batch for batch in batches if batch.month >= month]
    reversals = [*_archived_reversals(later, names), *await _reversals(sor, call_nos, columns)]
    back = [{**row, "month_key": month} for row in reversals if row["reverses"] in voided_ids]
    return [*charges, *back]


def _archived_reversals(
    batches: Sequence[ArchiveBatch], names: Sequence[str]
) -> list[Mapping[str, Any]]:
    return [
        row
        for row in readable_rows(batches, names)
        if row["entry_type"] == EntryType.REVERSAL and row["pricing_type"] == PricingType.PACKAGE
    ]


async def _reversals(
    sor: SafeSqlor, call_nos: Sequence[str], columns: Sequence[str]
) -> list[Mapping[str, Any]]:
    names = (*columns, "reverses")
    text = _REVERSALS.format(names=", ".join(columns))
    return [
        dict(zip(names, row, strict=True))
        for first in range(0, len(call_nos), _CALL_BATCH_SIZE)
        for row in await sor.tuples(text, {"call_nos": call_nos[first : first + _CALL_BATCH_SIZE]})
    ]
