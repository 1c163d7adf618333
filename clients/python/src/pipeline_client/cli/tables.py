"""Tables for people, on a terminal that may have wide (Chinese) letters."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline_client.cli.words import COLUMNS, NOTHING
from pipeline_client.wire import to_json

GAP = "  "


def table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as text; a column in which nothing stands is left out."""
    cells = [[_text(row.get(name)) for name in columns] for row in rows]
    if not cells:
        return NOTHING()
    shown_columns = [n for n in range(len(columns)) if any(line[n] for line in cells)]
    is_number = [all(_is_number(line[n]) for line in cells) for n in range(len(columns))]
    head = [COLUMNS[name]() if name in COLUMNS else name for name in columns]
    lines = [head, *cells] if any(head[n] for n in shown_columns) else cells
    widths = [max(_width(line[n]) for line in lines) for n in range(len(columns))]
    return "\n".join(
        GAP.join(_pad(line[n], widths[n], is_number[n]) for n in shown_columns).rstrip()
        for line in lines
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Mapping | list):
        return to_json(value).decode()
    # What others have written does not steer this terminal.
    return "".join(letter if letter.isprintable() else "·" for letter in str(value))


def _is_number(text: str) -> bool:
    return not text or text.replace(".", "").replace("-", "").isdigit()


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _pad(text: str, width: int, is_number: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if is_number else text + blanks
