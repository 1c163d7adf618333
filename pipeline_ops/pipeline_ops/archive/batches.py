"""
What the database knows of the archive's files: a row of app_archive_batch for each.

A batch names rows of the ledger: those of one distributor's month whose number of settlement is
within its own, or, of those without a number, whose call is. It has what they came to, and the
checksum of the file that they stand in. Its triggers let nothing of that change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.global_func import SafeSqlor, bulk_insert_tuples, column_names, now, settings

TABLE = "app_archive_batch"


class BatchState(StrEnum):
    """
    What has become of a batch.

    moving, restoring: within the transaction that takes its rows out or puts them back, which the
    ledger's triggers let pass; nobody else ever sees these.
    """

    MOVING = "moving"
    ARCHIVED = "archived"
    RESTORING = "restoring"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSpan:
    """
    Rows `u` of the ledger, in the order of `order`.

    Those of a distributor (None: our own) and the month of a statement which were settled as
    `first_entry` to `last_entry`; where both are 0, those that have no number of settlement, of the
    calls `first_call` to `last_call`.
    """

    distributor_id: str | None
    month: str
    first_entry: int
    last_entry: int
    first_call: str = ""
    last_call: str = ""

    @property
    def has_numbers(self) -> bool:
        """Whether its rows have numbers of settlement."""
        return self.last_entry > 0

    @property
    def condition(self) -> str:
        """What its rows fulfil."""
        return _NUMBERED if self.has_numbers else _UNNUMBERED

    @property
    def values(self) -> dict[str, Any]:
        """The values in `condition`."""
        return {name: getattr(self, name) for name in SPAN_COLUMNS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveBatch:
    """
    A row of app_archive_batch.

    `file` is its path within the archive's folder. `row_count`, `calls` and `amount` are those of
    the rows in it; `stub_count` of them stay in the ledger as stubs.
    """

    id: str
    distributor_id: str
    month: str
    first_entry: int
    last_entry: int
    first_call: str
    last_call: str
    file: str
    file_bytes: int
    checksum: str
    row_count: int
    stub_count: int
    calls: int
    amount: Decimal
    state: str
    created_at: datetime
    updated_at: datetime

    @property
    def span(self) -> LedgerSpan:
        """The rows of the ledger that it names."""
        return LedgerSpan(**{name: getattr(self, name) for name in SPAN_COLUMNS})

    @property
    def path(self) -> Path:
        """Where its file is."""
        return archive_folder() / self.file


SPAN_COLUMNS = column_names(LedgerSpan)
COLUMNS = column_names(ArchiveBatch)
# In this order an index has them.
ORDER = " order by u.entry_no, u.call_no, u.line_no"
_OF_MONTH = "u.distributor_id <=> ${distributor_id}$ and u.month_key = ${month}$"
_NUMBERED = f"{_OF_MONTH} and u.entry_no between ${{first_entry}}$ and ${{last_entry}}$"
_UNNUMBERED = (
    f"{_OF_MONTH} and u.entry_no is null and u.call_no between ${{first_call}}$ and ${{last_call}}$"
)
_READ = f"select {', '.join(COLUMNS)} from app_archive_batch where "  # noqa: S608  constants
_ORDER = " order by distributor_id, month, first_entry, first_call"


def archive_folder() -> Path:
    """Return the folder of the archive's files: as configured, or `archive` in var/."""
    config = settings()
    folder = config.options.archive_folder
    return config.root_dir / folder if folder else config.var_dir / "archive"


def file_name(span: LedgerSpan) -> str:
    """Return where in the archive's folder the rows of *span* stand."""
    numbers = f"{span.first_entry}-{span.last_entry}"
    name = numbers if span.has_numbers else f"unsettled-{span.first_call}"
    return f"{span.month}/{span.distributor_id}/{name}.parquet"


async def read_batches(
    sor: SafeSqlor, *, distributor_id: str | None = None, month: str | None = None
) -> list[ArchiveBatch]:
    """Return the batches that are archived, by distributor and month and in their order: all, or of
    one distributor, or of one month."""
    where, values = "state = 'archived'", {"distributor_id": distributor_id, "month": month}
    if distributor_id is not None:
        where += " and distributor_id = ${distributor_id}$"
    if month is not None:
        where += " and month = ${month}$"
    rows = await sor.tuples(_READ + where + _ORDER, values)
    return [ArchiveBatch(**dict(zip(COLUMNS, row, strict=True))) for row in rows]


async def lock_batch(sor: SafeSqlor, batch_id: str) -> ArchiveBatch | None:
    """Lock a batch, whatever its state; None where there is none."""
    rows = await sor.tuples(_READ + "id = ${id}$ for update", {"id": batch_id})
    return ArchiveBatch(**dict(zip(COLUMNS, rows[0], strict=True))) if rows else None


async def has_archive(sor: SafeSqlor, month: str, distributor_id: str | None) -> bool:
    """Return whether anything of *month* is archived, of a distributor or (None) of anybody."""
    text = "select 1 from app_archive_batch where state = 'archived' and month = ${month}$"
    if distributor_id is not None:
        text += " and distributor_id = ${whose}$"
    return bool(await sor.firsts(text + " limit 1", {"month": month, "whose": distributor_id}))


async def insert_batch(sor: SafeSqlor, batch: ArchiveBatch) -> None:
    """Write a new batch."""
    values = tuple(getattr(batch, name) for name in COLUMNS)
    await bulk_insert_tuples(sor, TABLE, COLUMNS, [values])


async def set_state(sor: SafeSqlor, batch: ArchiveBatch, state: BatchState) -> ArchiveBatch:
    """Write what becomes of a batch; return it so."""
    values: Mapping[str, Any] = {"id": batch.id, "state": state, "moment": now()}
    await sor.sqlExe(
        "update app_archive_batch set state = ${state}$, updated_at = ${moment}$ where id = ${id}$",
        values,
    )
    return replace(batch, state=state, updated_at=values["moment"])
