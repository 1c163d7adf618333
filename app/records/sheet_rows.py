"""The rows of a file that came in, whatever its format, and how many of them are taken."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from time import thread_time
from typing import Any, Self

from app.base.catalogue.records import FILE_TOO_LARGE
from app.base.errors import AppError, FieldCode, Message
from app.records.cell_texts import unguard

MAX_ROWS = 5_000
MAX_COLUMNS = 200
MAX_CELLS = 400_000
# Of processor time: a small file can be made to take long.
MAX_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class CellProblem:
    """Stands where a cell has no value that counts; `original` is what the file shows there."""

    original: str
    entry: FieldCode
    text: Message

    @classmethod
    def of(cls, original: str, entry: FieldCode, **params: Any) -> Self:
        """Return the problem of *entry*, with the values of its sentence."""
        return cls(original, entry, entry.message(**params))


# What a cell holds: text (numbers as their digits), truth, a day or time without a zone, nothing.
Cell = str | bool | date | datetime | CellProblem | None


@dataclass(slots=True)
class FileRow:
    """A row with its number as a spreadsheet counts it, from 1, blank rows and the head included;
    blank cells at its end are left out."""

    number: int
    cells: list[Any]


@dataclass(slots=True)
class FileRows:
    """
    What a file holds: the row that names the columns, then the others without blank ones.

    `guarded` says whether texts may have the quotes of `cell_texts.harmless`.
    """

    guarded: bool
    head: FileRow = field(default_factory=lambda: FileRow(0, []))
    rows: list[FileRow] = field(default_factory=list)
    cells: int = 0
    start: float = field(default_factory=thread_time)

    def add(self, number: int, cells: list[Any]) -> None:
        """Take a row; raises BadRequest `file_too_large` when there are too many."""
        self.check_time()
        while cells and is_blank(cells[-1]):
            cells.pop()
        if not cells:
            return
        if len(cells) > MAX_COLUMNS:
            raise too_large("Row {row} has more than {most} columns.", row=number, most=MAX_COLUMNS)
        self.cells += len(cells)
        if self.cells > MAX_CELLS:
            raise too_large("The file has more than {most} cells.", most=MAX_CELLS)
        if not self.head.cells:
            self.head = FileRow(number, cells)
            return
        if len(self.rows) >= MAX_ROWS:
            raise too_large("The file has more than {most} rows.", most=MAX_ROWS)
        self.rows.append(FileRow(number, cells))

    def check_time(self) -> None:
        """Raise BadRequest `file_too_large` when reading takes too long."""
        if thread_time() - self.start > MAX_SECONDS:
            raise too_large("Reading the file takes longer than {most} s.", most=int(MAX_SECONDS))


def is_blank(cell: Any) -> bool:
    """Return whether nothing can be seen in *cell*."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def cell_text(cell: Any, *, guarded: bool) -> str:
    """Return a cell's text; with *guarded* without the quotes that an export puts before what could
    run."""
    if isinstance(cell, CellProblem):
        return cell.original
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, date):
        return _day_text(cell)
    return unguard(str(cell)) if guarded else str(cell)


def _day_text(cell: date) -> str:
    """Return a day without the midnight that Excel gives it."""
    if isinstance(cell, datetime) and cell.time() != time():
        return cell.isoformat(" ")
    return f"{cell:%Y-%m-%d}"


def too_large(template: str, **params: Any) -> AppError:
    """Return the refusal of a file that is more than may come at once."""
    return FILE_TOO_LARGE(why=Message(template, **params))
