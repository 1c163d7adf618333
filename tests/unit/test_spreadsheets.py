"""Excel files of lists: every value whole, or said to be cut."""

import gc
import io
import tempfile
import warnings
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st
from openpyxl import load_workbook
from openpyxl.cell import Cell

from app.endpoints import export as exports
from app.records.spreadsheets import CsvFile, SheetFile
from app.records.xlsx_files import read_xlsx
from app.schema.tables import table

MOMENT = datetime(2026, 12, 1, 8, 30, 15)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def workbook_of(*rows: list[Any], lang: str = "en") -> bytes:
    file = SheetFile(["h"] * max(map(len, rows)), lang)
    content = b"".join([file.add(rows), *file.end()])
    file.close()
    return content


def cell_of(value: Any) -> Cell:
    sheet = load_workbook(io.BytesIO(workbook_of([value]))).active
    assert sheet is not None
    cell = sheet["A2"]
    assert isinstance(cell, Cell)
    return cell


@pytest.mark.parametrize(
    ("value", "kind", "expected", "look"),
    [
        (5, "n", 5, "0"),
        (Decimal("1.500000"), "n", 1.5, "0.000000"),
        (Decimal("123456789012.345"), "n", 123456789012.345, "0.000"),
        (Decimal("123456.1000000000"), "n", 123456.1, "0.0000000000"),
        (Decimal("123456.1234567890"), "n", 123456.123456789, "0.0000000000"),
        (Decimal("1234567.1234567890"), "s", "1234567.1234567890", "General"),
        (1234567890123456, "s", "1234567890123456", "General"),
        (MOMENT, "d", MOMENT, "yyyy-mm-dd hh:mm:ss"),
        (date(2026, 12, 1), "d", datetime(2026, 12, 1), "yyyy-mm-dd"),
        (date(1899, 12, 31), "s", "1899-12-31", "General"),
        ("=1+1", "s", "=1+1", "General"),
        ("2026-12-01", "s", "2026-12-01", "General"),
        ("#N/A", "s", "#N/A", "General"),
    ],
)  # fmt: skip
def test_a_value_is_the_kind_of_cell_that_shows_all_of_it(
    value: Any, kind: str, expected: Any, look: str
) -> None:
    cell = cell_of(value)
    assert (cell.data_type, cell.value, cell.number_format) == (kind, expected, look)
    assert cell.quotePrefix == (value == "=1+1")


@settings(deadline=None, max_examples=30)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_texts_come_back_as_they_were(texts: list[str]) -> None:
    [row] = read_xlsx(workbook_of([*texts, "end"])).rows
    # Blank cells are none.
    assert [text if text.strip() else None for text in texts] == row.cells[:-1]


def test_cells_of_one_row_do_not_get_mixed_up() -> None:
    rows: list[list[Any]] = [["a", "=b", "c", 1, Decimal("1.5"), Decimal("2.5"), "=d", None, "e"]]
    rows.append(["f"] * 9)
    assert [row.cells for row in read_xlsx(workbook_of(*rows)).rows] == [
        ["a", "=b", "c", "1", "1.5", "2.5", "=d", None, "e"], ["f"] * 9,
    ]  # fmt: skip


def test_a_text_that_does_not_fit_says_so_in_its_cell_and_on_a_sheet() -> None:
    long = "长" * 40_000
    content = workbook_of(["x"], ["y", long], [long], lang="zh")
    book = load_workbook(io.BytesIO(content))

    assert book.sheetnames == ["Sheet1", "被截断的文字"]
    assert list(book.worksheets[1].values) == [("行", "列", "字符数"), (3, 2, 40000), (4, 1, 40000)]
    text = book.worksheets[0]["B3"].value
    assert isinstance(text, str)
    assert len(text) == 32_767
    assert text.endswith("长 ✂ 32767/40000")
    # It is no value when it comes back.
    assert [row.cells[-1].entry.code for row in read_xlsx(content).rows[1:]] == [
        "cut_text",
        "cut_text",
    ]


def test_the_first_row_is_bold_and_always_in_view() -> None:
    sheet = load_workbook(io.BytesIO(workbook_of(["x"]))).active
    assert sheet is not None
    assert (sheet.freeze_panes, sheet["A1"].font.b, sheet["A2"].font.b) == ("A2", True, False)


@pytest.mark.parametrize("file", [SheetFile, CsvFile])
@pytest.mark.parametrize("is_whole", [True, False])
def test_a_file_that_is_given_up_leaves_nothing_open(
    file: Any, is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    given_up = file(["a"])
    given_up.add([["x"]])
    if is_whole:
        given_up.end()
    given_up.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del given_up
        gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        (0, "2026-10-25T02:30:00.000+02:00"),  # shown twice: only with its distance it is one time
        (2, datetime(2026, 10, 25, 3, 30)),
    ],
)
def test_an_hour_that_clocks_show_twice_is_exported_as_a_text(hour: int, expected: Any) -> None:
    row = {"created_at": datetime(2026, 10, 25, hour, 30, tzinfo=UTC)}
    berlin = ZoneInfo("Europe/Berlin")
    assert exports._cell(table("pipelines"), row, "created_at", berlin, "en", "xlsx") == expected
