"""The archive's files, read: whole and unchanged, or not at all."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.global_func import AppError
from pipeline_ops.archive.batches import ArchiveBatch
from pipeline_ops.errors import ARCHIVE_FILE_CHANGED, ARCHIVE_FILE_MISSING

_PIECE_BYTES = 1 << 20
Portion = list[Mapping[str, Any]]


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def check_file(batch: ArchiveBatch) -> None:
    """Raise what keeps the file of *batch* from being read: `archive_file_missing`,
    `archive_file_changed`."""
    if not batch.path.is_file():
        raise ARCHIVE_FILE_MISSING(file=str(batch.path))
    if file_checksum(batch.path) != batch.checksum:
        raise ARCHIVE_FILE_CHANGED(file=str(batch.path))


def read_portions(batch: ArchiveBatch, columns: Sequence[str] | None = None) -> Iterator[Portion]:
    """Yield the rows of a batch in their order, some thousand at a time: *columns* of them, all for
    None. Raises as `check_file` does."""
    # Here, so that a worker, which reads no archive, does not load all of Arrow.
    from pipeline_ops.archive import parquet

    check_file(batch)
    yield from parquet.read_portions(batch.path, columns)


def readable_rows(
    batches: Iterable[ArchiveBatch], columns: Sequence[str]
) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of *batches*; a file that is not whole has none, and is told by the check of
    the archive itself."""
    for batch in batches:
        try:
            check_file(batch)
        except AppError:
            continue
        for portion in read_portions(batch, columns):
            yield from portion
