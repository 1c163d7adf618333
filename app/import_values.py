"""What the cells of a file mean: headings to columns, names to ids, words to values."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.errors import BadRequest
from app.messages import title
from app.models import Column, Table
from app.models import table as table_model
from app.spreadsheets import FORMULA

_YES = frozenset({"1", "true", "yes", "y", "是"})
_NO = frozenset({"0", "false", "no", "n", "否"})
_MOST_COLUMNS = 200


class Sheet:
    """The columns of a file: `names` are the table's, None where the server sets the value."""

    def __init__(self, made: Table, headings: Sequence[Any]) -> None:
        self.table = made
        known = _headings(made)
        self.names: list[str | None] = []
        self.ignored: list[str] = []
        unknown = []
        for heading in headings[:_MOST_COLUMNS]:
            words = str(heading if heading is not None else "").strip().removeprefix("\ufeff")
            name = known.get(words.casefold())
            if words and name is None:
                unknown.append(words[:64])
            elif name is not None and not _is_given(made.columns[name]):
                self.ignored.append(words)
                name = None
            self.names.append(name)
        _check(made, unknown, [name for name in self.names if name is not None])


def _headings(made: Table) -> dict[str, str]:
    known = {}
    for name, column in made.columns.items():
        for words in (title(column.title, "zh"), title(column.title, "en"), name):
            known[words.casefold()] = name
    return known


def _is_given(column: Column) -> bool:
    return not column.server_set and not column.confidential


def _check(made: Table, unknown: list[str], names: list[str]) -> None:
    if unknown:
        raise BadRequest(
            "bad_columns",
            "{table} has no column {names}. Use the names or titles of its columns.",
            table=made.name,
            names=", ".join(unknown[:5]),
        )
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadRequest("bad_columns", "The column {name} is there twice.", name=sorted(twice)[0])
    if not names:
        raise BadRequest("bad_columns", "The first row must name the columns.")


class Reader:
    """Turns the cells of a row into parameters for the create function."""

    def __init__(
        self, sheet: Sheet, keys: Mapping[str, Mapping[str, str]], zone: ZoneInfo | None
    ) -> None:
        self._sheet = sheet
        self._keys = keys
        self._zone = zone

    @classmethod
    async def prepared(
        cls, sor: Any, sheet: Sheet, rows: Sequence[Any], zone_name: str | None
    ) -> "Reader":
        """A reader that knows the ids of all records that *rows* call by name or code."""
        for row in rows:
            if not isinstance(row, list) or len(row) > _MOST_COLUMNS:
                raise BadRequest("bad_rows", "Each row must be a list of cells.")
        keys = {}
        for at, name in enumerate(sheet.names):
            code = sheet.table.code(name) if name else None
            if name and code:
                texts = {_text(row[at]) for row in rows if at < len(row)} - {""}
                keys[name] = await _ids(sor, code.table, code.textfield, sorted(texts))
        try:
            zone = ZoneInfo(zone_name) if zone_name else None
        except (ZoneInfoNotFoundError, ValueError, OSError):
            zone = None
        return cls(sheet, keys, zone)

    def values(self, cells: Sequence[Any]) -> dict[str, Any]:
        """The parameters that *cells* give; empty cells give none."""
        found = {}
        for name, cell in zip(self._sheet.names, cells, strict=False):
            text = _text(cell)
            if name is not None and text != "":
                found[name] = self._value(self._sheet.table.columns[name], text)
        return found

    def _value(self, column: Column, text: str) -> Any:
        if column.name in self._keys:
            return self._keys[column.name].get(text, text)
        if column.choices and text not in column.choices:
            return next(
                (key for key, words in column.choices.items() if text in _both(words)), text
            )
        if column.boolean:
            lower = text.casefold()
            return 1 if lower in _YES else 0 if lower in _NO else text
        if column.kind == "datetime" and self._zone is not None:
            return _with_zone(text, self._zone)
        return text


def _both(words: str) -> tuple[str, str]:
    return words, title(words, "en")


def _text(cell: Any) -> str:
    """A cell's text, without the quote that an export puts before what looks like a formula."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    text = str(cell).strip()
    return text[1:] if text.startswith("'") and FORMULA.match(text[1:]) else text


def _with_zone(text: str, zone: ZoneInfo) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.replace(tzinfo=zone).isoformat() if moment.tzinfo is None else text


async def _ids(sor: Any, name: str, text_column: str, texts: list[str]) -> dict[str, str]:
    """The id of each of *texts* that calls one record: by its text, its code or its id."""
    made = table_model(name)
    columns = [text_column, *(["code"] if "code" in made.columns and text_column != "code" else [])]
    found: dict[str, set[str]] = defaultdict(set)
    for column in columns if texts else []:
        rows = await sor.sqlExe(
            f"select id, `{column}` as called from `{name}` where `{column}` in ${{texts}}$",  # noqa: S608
            {"texts": texts},
        )
        for row in rows:
            found[row["called"]].add(row["id"])
    return {text: ids.copy().pop() for text, ids in found.items() if len(ids) == 1}
