"""
`manage.py usage-export`: the ledger of some months as one file, whatever of them is archived.

Rows are read some thousand at a time, in one snapshot, and written as they come; the file gets its
name when it is complete. What is archived is read from its files, the rest from the ledger.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from app.global_func import CsvFile, SafeSqlor, iso, pools, reading
from pipeline_ops.archive import parquet
from pipeline_ops.archive.batches import read_batches
from pipeline_ops.archive.files import read_portions
from pipeline_ops.archiving.months import distributor_codes
from pipeline_ops.ledger.archived_rows import ledger_rows, month_facts
from pipeline_ops.ledger.check import month_argument

# What is written at once: a group of a Parquet file.
GROUP_ROWS = 50_000
PROGRESS_ROWS = 100_000
# Texts for people, behind the ledger's own columns.
CODES = ("distributor_code", "pipeline_code")
_PLACES = (
    "select distinct distributor_id, month_key from pipeline_usage_log"
    " where month_key between ${first}$ and ${last}$"
)
Rows = Sequence[Sequence[Any]]


class _File(Protocol):
    def add(self, rows: Rows) -> None: ...

    def end(self) -> None: ...

    def close(self) -> None: ...


class _ParquetExport:
    """Parquet; groups of some ten thousand rows, of which one is held."""

    def __init__(self, path: Path, schema: Any) -> None:
        self._file = parquet.ParquetFile(path, schema)
        self._schema = schema
        self._tables: list[Any] = []
        self._count = 0

    def add(self, rows: Rows) -> None:
        self._tables.append(parquet.to_table(rows, self._schema))
        self._count += len(rows)
        if self._count >= GROUP_ROWS:
            self._write()

    def end(self) -> None:
        if self._tables:
            self._write()
        self._file.end()

    def close(self) -> None:
        self._file.close()

    def _write(self) -> None:
        self._file.add(parquet.concat(self._tables, self._schema))
        self._tables, self._count = [], 0


class _CsvExport:
    """CSV as lists are exported: UTF-8 with a byte order mark, and no cell that is a formula."""

    def __init__(self, path: Path, schema: Any) -> None:
        self._stream = path.open("wb")
        self._csv = CsvFile(schema.names)

    def add(self, rows: Rows) -> None:
        self._stream.write(self._csv.add([_cell(value) for value in row] for row in rows))

    def end(self) -> None:
        for piece in self._csv.end():
            self._stream.write(piece)
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()

    def close(self) -> None:
        self._stream.close()


def _cell(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value


_KINDS: Mapping[str, Any] = {"parquet": _ParquetExport, "csv": _CsvExport}


def run_command(argv: list[str]) -> int:
    """Export; 0 when the file is complete, else 1 and there is none."""
    parser = argparse.ArgumentParser(
        prog="manage.py usage-export",
        description="Write the ledger of some months, archived ones too, to one file."
        " 将若干月份的账本（含已归档的）导出为一个文件。",
    )
    months: dict[str, Any] = {"type": month_argument, "required": True, "metavar": "YYYY-MM"}
    parser.add_argument("--from", dest="first", help="the first month; 首月", **months)
    parser.add_argument("--to", dest="last", help="the last month; 末月", **months)
    parser.add_argument(
        "--distributor", help="the code of one distributor; 只导出一个分销商（代码）"
    )
    parser.add_argument("--format", choices=sorted(_KINDS), default="parquet")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file; 文件")
    options = parser.parse_args(argv)
    return asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> int:
    try:
        async with reading(snapshot=True) as sor:
            codes = await distributor_codes(sor)
            ids = {code: key for key, code in codes.items()}
            if options.distributor is not None and options.distributor not in ids:
                print("There is no such distributor. 没有这个分销商。")
                return 1
            whose = ids.get(options.distributor) if options.distributor else None
            places = await _places(sor, options.first, options.last, whose)
            count = await _write(sor, options, places, codes)
        size = options.out.stat().st_size
        print(
            f"{count} rows, {size} bytes ({size / max(count, 1):.1f} a row): {options.out}"
            f" 共 {count} 行，{size} 字节。"
        )
        return 0
    except OSError as exc:  # of the file: what the database does is told otherwise
        print(f"The file cannot be written. 文件无法写入。 {options.out}: {exc.strerror}")
        return 1
    finally:
        await pools().close()


async def _places(
    sor: SafeSqlor, first: str, last: str, whose: str | None
) -> list[tuple[str | None, str]]:
    """Return the distributors (None: our own calls) and months that have rows, by month."""
    rows = await sor.tuples(_PLACES, {"first": first, "last": last})
    places = [(row[0], row[1]) for row in rows if whose in (None, row[0])]
    return sorted(places, key=lambda place: (place[1], place[0] or ""))


async def _write(
    sor: SafeSqlor,
    options: argparse.Namespace,
    places: Iterable[tuple[str | None, str]],
    codes: Mapping[str, str],
) -> int:
    """Write the rows of *places* to the file of *options*; how many there are."""
    schema = parquet.ledger_schema(CODES)
    names = schema.names[: -len(CODES)]
    pipelines = dict(await sor.tuples("select id, code from pipelines", {}))
    owner_at, pipeline_at = names.index("distributor_id"), names.index("pipeline_id")
    draft = options.out.with_name(f".{options.out.name}.draft")
    file: _File = _KINDS[options.format](draft, schema)
    count, step = 0, PROGRESS_ROWS
    try:
        for distributor_id, month in places:
            async for rows in place_rows(sor, distributor_id, month, names):
                file.add(
                    [
                        (*row, codes.get(row[owner_at]), pipelines.get(row[pipeline_at]))
                        for row in rows
                    ]
                )
                count += len(rows)
                if count >= step:
                    print(f"{count} rows, {month} 行", file=sys.stderr)
                    step = count + PROGRESS_ROWS
        file.end()
        draft.replace(options.out)
    finally:
        file.close()
        draft.unlink(missing_ok=True)
    return count


async def place_rows(
    sor: SafeSqlor, distributor_id: str | None, month: str, names: Sequence[str]
) -> AsyncIterator[Rows]:
    """Yield the rows of a distributor's month as the values of *names*, some thousand at a time:
    first what is archived, then what stands in the ledger, each in the order of settlement. Raises
    as `read_portions` does."""
    if distributor_id is not None:
        for batch in await read_batches(sor, distributor_id=distributor_id, month=month):
            for portion in read_portions(batch, names):
                yield [tuple(row.get(name) for name in names) for row in portion]
    facts = await month_facts(sor, distributor_id, month)
    for span in facts.spans:
        async for rows in ledger_rows(sor, span, names, " and u.archive_batch is null"):
            yield rows
