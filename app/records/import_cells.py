"""What the cells of a file mean: headings to columns, names to ids, words to values."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.base.catalogue.fields import (
    AMBIGUOUS_DATE,
    CELL_WITHOUT_TIME,
    CLOCK_CHANGE,
    DAMAGED_TEXT,
    NO_HEADING,
    TOO_MANY_CELLS,
)
from app.base.catalogue.records import BAD_COLUMNS, COLUMN_TWICE, NO_COLUMNS
from app.base.errors import FieldCode, FieldProblem, Message
from app.base.i18n import title
from app.base.zones import time_zone
from app.records.failed_rows import is_problem_heading
from app.records.file_dates import DayFirst, is_night_of_change, iso_text
from app.records.sheet_rows import CellProblem, FileRow, FileRows, cell_text, is_blank
from app.schema.tables import Column, Table, table as table_model

_YES = frozenset({"1", "true", "yes", "y", "是"})
_NO = frozenset({"0", "false", "no", "n", "否"})
# Kinds whose values have one spelling in ASCII, whatever keyboard typed them.
_PLAIN_KINDS = frozenset({"int", "bigint", "decimal", "datetime", "date", "bool"})
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
# Shares are kept as 0.85; files may say 85%, and what a Chinese reader calls it behind.
_SHARE = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)\s*%(?:\s*\([0-9.]+\s*折\))?")
# An Excel export says in the heading in which zone the times of the column are.
_ZONED = re.compile(r"(.*\S)\s*\(([A-Za-z0-9_+\-/]+)\)")


class Sheet:
    """The columns of a file: `names` are the table's, None where no value is taken."""

    def __init__(self, model: Table, headings: Sequence[Any]) -> None:
        self.table = model
        self.names: list[str | None] = []
        self.ignored: list[str] = []
        self.zones: dict[str, ZoneInfo] = {}
        self.without_heading: set[int] = set()
        names_by_heading = _headings(model)
        unknown = []
        for at, heading in enumerate(headings):
            words = _words(heading)
            name = names_by_heading.get(words.casefold()) or self._zoned(words, names_by_heading)
            if not words:
                self.without_heading.add(at)
            elif name is None and not is_problem_heading(words):
                unknown.append(words[:64])
            elif name is not None and not _can_be_filled(model.columns[name]):
                self.ignored.append(words)
                name = None
            self.names.append(name)
        _check(model, unknown, [name for name in self.names if name is not None])

    def _zoned(self, words: str, names_by_heading: Mapping[str, str]) -> str | None:
        """Return the column of times that `Title (Zone/Name)` means; its zone is noted."""
        parts = _ZONED.fullmatch(words)
        name = names_by_heading.get(parts[1].casefold()) if parts else None
        if parts is None or name is None or self.table.columns[name].kind != "datetime":
            return None
        self.zones[name] = time_zone(parts[2], BAD_COLUMNS)
        return name


def _words(heading: Any) -> str:
    return cell_text(heading, guarded=True).strip().removeprefix("\ufeff")


def _headings(model: Table) -> dict[str, str]:
    names_by_heading = {}
    for name, column in model.columns.items():
        for words in (title(column.title, "zh"), title(column.title, "en"), name):
            names_by_heading[words.casefold()] = name
    return names_by_heading


def _can_be_filled(column: Column) -> bool:
    return not column.server_set and not column.confidential


def _check(model: Table, unknown: list[str], names: list[str]) -> None:
    if unknown:
        raise BAD_COLUMNS(table=model.name, names=", ".join(unknown[:5]))
    if twice := {name for name in names if names.count(name) > 1}:
        raise COLUMN_TWICE(name=min(twice))
    if not names:
        raise NO_COLUMNS()


class Reader:
    """Turns the cells of a row into parameters for the create function."""

    def __init__(
        self, sheet: Sheet, keys: Mapping[str, Mapping[str, str]], zone: ZoneInfo | None,
        *, guarded: bool,
    ) -> None:  # fmt: skip
        self._sheet = sheet
        self._keys = keys
        self._zone = zone
        self._guarded = guarded

    @classmethod
    async def prepare(
        cls, sor: Any, sheet: Sheet, file: FileRows, zone: ZoneInfo | None
    ) -> "Reader":
        """Return a reader that knows the ids of all records that the rows call by name or code;
        times without a zone are in *zone*, and refused where that is None."""
        reader = cls(sheet, {}, zone, guarded=file.guarded)
        keys = {}
        for at, name in enumerate(sheet.names):
            code = sheet.table.code(name) if name else None
            if name and code:
                cells = [row.cells[at] for row in file.rows if at < len(row.cells)]
                texts = {reader._text(cell).strip() for cell in cells} - {""}
                keys[name] = await _ids(sor, code.table, code.textfield, sorted(texts))
        reader._keys = keys
        return reader

    def values(self, row: FileRow) -> tuple[dict[str, Any], list[FieldProblem]]:
        """Return the parameters that the cells of *row* give, empty ones none; and what is wrong
        with cells that give none though they are not empty."""
        width = len(self._sheet.names)
        if len(row.cells) > width:
            return {}, [_too_wide(len(row.cells), width)]
        values: dict[str, Any] = {}
        problems = []
        for at, (name, cell) in enumerate(zip(self._sheet.names, row.cells, strict=False)):
            if is_blank(cell):
                continue
            if at in self._sheet.without_heading:
                problems.append(_without_heading(at, self._text(cell)))
            elif name is not None:
                try:
                    values[name] = self._value(self._sheet.table.columns[name], cell)
                except _Unusable as exc:
                    problems.append(exc.entry(name, exc.text))
        return values, problems

    def names_of_records(self, row: FileRow) -> dict[str, str]:
        """Return `<column>_text` of each cell that calls another record by a name."""
        return {
            f"{name}_text": self._text(cell).strip()
            for name, cell in zip(self._sheet.names, row.cells, strict=False)
            if name in self._keys and not is_blank(cell)
        }

    def original(self, row: FileRow, name: str) -> str:
        """Return what the file has in the column *name* of *row*; nothing where it has no such
        column."""
        at = self._sheet.names.index(name) if name in self._sheet.names else len(row.cells)
        return self._text(row.cells[at]) if at < len(row.cells) else ""

    def _value(self, column: Column, cell: Any) -> Any:
        if isinstance(cell, CellProblem):
            raise _Unusable(cell.entry, cell.text)
        text = self._text(cell)
        if "\ufffd" in text:
            raise _Unusable(DAMAGED_TEXT)
        if column.kind not in ("text", "json"):
            text = text.strip()
        if column.kind in _PLAIN_KINDS:
            text = text.translate(_FULL_WIDTH).strip()
        if column.kind == "decimal" and (share := _SHARE.fullmatch(text)):
            return f"{share[1]}e-2"
        if column.name in self._keys:
            return self._keys[column.name].get(text, text)
        if column.choices and text not in column.choices:
            return next(
                (key for key, words in column.choices.items() if text in _both(words)), text
            )
        if column.boolean:
            lower = text.casefold()
            return 1 if lower in _YES else 0 if lower in _NO else text
        if column.kind in ("datetime", "date"):
            return self._time(column, text)
        return text

    def _time(self, column: Column, text: str) -> str:
        is_day = ":" not in text
        try:
            text = iso_text(text)
        except DayFirst:
            raise _Unusable(AMBIGUOUS_DATE, text=text[:40]) from None
        if column.kind == "date":
            return text.removesuffix("T00:00:00")
        zone = self._sheet.zones.get(column.name, self._zone)
        if zone is None:
            return text.removesuffix("T00:00:00") if is_day else text  # the column's rule decides
        return _with_zone(text, zone)

    def _text(self, cell: Any) -> str:
        return cell_text(cell, guarded=self._guarded)


class _Unusable(Exception):
    """A cell has something that is no value."""

    def __init__(self, entry: FieldCode, message: Message | None = None, /, **params: Any) -> None:
        self.entry = entry
        self.text = message or entry.message(**params)


def _too_wide(count: int, width: int) -> FieldProblem:
    return TOO_MANY_CELLS("", count=count, width=width)


def _without_heading(at: int, text: str) -> FieldProblem:
    return NO_HEADING("", number=at + 1, text=text[:40])


def _both(words: str) -> tuple[str, str]:
    return words, title(words, "en")


def _with_zone(text: str, zone: ZoneInfo) -> str:
    """Return *text* with its distance to UTC; as it is when it has one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Unusable(CELL_WITHOUT_TIME) from None
    if moment.tzinfo is not None:
        return text
    if is_night_of_change(moment, zone):
        example = moment.replace(tzinfo=zone).isoformat()
        raise _Unusable(CLOCK_CHANGE, text=text, zone=zone.key, example=example)
    try:
        return moment.replace(tzinfo=zone).astimezone(UTC).isoformat()
    except OverflowError:
        raise _Unusable(CELL_WITHOUT_TIME) from None


async def _ids(sor: Any, name: str, text_column: str, texts: list[str]) -> dict[str, str]:
    """Return the id of each of *texts* that calls one record: by its text, its code or its id."""
    model = table_model(name)
    columns = [
        text_column,
        *(["code"] if "code" in model.columns and text_column != "code" else []),
    ]
    ids_by_text: dict[str, set[str]] = defaultdict(set)
    for column in columns if texts else []:
        rows = await sor.sqlExe(
            f"select id, `{column}` as called from `{name}` where `{column}` in ${{texts}}$",  # noqa: S608
            {"texts": texts},
        )
        for row in rows:
            ids_by_text[row["called"]].add(row["id"])
    return {text: ids.copy().pop() for text, ids in ids_by_text.items() if len(ids) == 1}
