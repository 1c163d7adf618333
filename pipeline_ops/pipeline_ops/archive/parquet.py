"""
Rows of the ledger as Parquet: a file has its table's columns, each of the type that holds its
values exactly: decimals with the column's digits, times in UTC to the microsecond, and texts, which
Parquet keeps in a dictionary where they repeat.

pyarrow is imported here alone, and this file only by who writes or reads such files, so that a
worker neither waits for it nor holds its memory.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.global_func import table

LEDGER = "pipeline_usage_log"
# What the ledger alone has: which batch a stub is of.
ONLY_IN_LEDGER = "archive_batch"
PORTION_ROWS = 5_000
_SIMPLE = {
    "str": pa.string(),
    "text": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "datetime": pa.timestamp("us", tz="UTC"),
}


def ledger_schema(more: Iterable[str] = ()) -> pa.Schema:
    """Return the columns of a file of the ledger's rows, with *more* columns of text behind."""
    fields = [
        pa.field(
            column.name,
            pa.decimal128(column.precision, column.scale)
            if column.kind == "decimal"
            else _SIMPLE[column.kind],
        )
        for column in table(LEDGER).columns.values()
        if column.name != ONLY_IN_LEDGER
    ]
    return pa.schema([*fields, *(pa.field(name, pa.string()) for name in more)])


def to_table(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Return *rows*, values in the order of *schema*, as a table of Arrow."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [pa.array(values, field.type) for field, values in zip(schema, columns, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def concat(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Return *tables* as one."""
    return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()


class ParquetFile:
    """A file that grows by tables, each a group of its own."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._stream = path.open("wb")
        self._writer = pq.ParquetWriter(self._stream, schema, compression="zstd")

    def add(self, rows: pa.Table) -> None:
        """Write *rows*."""
        self._writer.write_table(rows, row_group_size=max(len(rows), 1))

    def end(self) -> None:
        """Write what is left, to the disk."""
        self._writer.close()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()

    def close(self) -> None:
        """Let go of the file, also where it has not come to its end."""
        self._stream.close()


def read_table(path: Path) -> pa.Table:
    """Return all rows of a file."""
    return pq.read_table(path, memory_map=False)


def read_portions(
    path: Path, columns: Sequence[str] | None = None
) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the rows of a file, some thousand at a time: *columns* of them, all for None. Raises
    OSError or ValueError for what is no such file."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=PORTION_ROWS, columns=columns):
            yield batch.to_pylist()
