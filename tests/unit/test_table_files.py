"""Files with a table, from wherever they come: read right, or refused."""

import asyncio
import codecs
import time
import zipfile
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from app.base.errors import BadRequest
from app.records import sheet_rows, table_files, xlsx_files
from app.records.sheet_rows import CellProblem, FileRows
from tests.support.workbooks import number, packed, row, text, workbook

FILES = Path(__file__).parents[1] / "data" / "table_files"
SHEET = "xl/worksheets/sheet1.xml"
HEAD = row(1, text("A1", "a"), text("B1", "b"))


def read(data: bytes) -> FileRows:
    return table_files._rows(data)


def cells(data: bytes) -> list[list[Any]]:
    """All cells below the head, problems as `!code`."""
    return [
        [f"!{cell.entry.code}" if isinstance(cell, CellProblem) else cell for cell in one.cells]
        for one in read(data).rows
    ]


def only(cell: str, **more: Any) -> Any:
    """The cell of a workbook that has one below its head."""
    [[value]] = cells(workbook(HEAD + row(2, cell), **more))
    return value


def refusal(data: bytes) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        read(data)
    return caught.value


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('\ufeffa,b\r\n"x ""y""","1\n2"\r\n\r\n', [['x "y"', "1\n2"]]),
        ('a;b\n1;"2;3"', [["1", "2;3"]]),
        ("a\tb\n\t2\n", [["", "2"]]),
        ("a,b\r1,2\r3,4", [["1", "2"], ["3", "4"]]),
        ("sep=;\r\na;b\r\n1,5;2\r\n", [["1,5", "2"]]),
        ('"sep=|"\na|b\n1|2\n', [["1", "2"]]),
        ('"a;b;c",d\n1,2\n', [["1", "2"]]),  # separators in quotes do not count
        ("a,b,,\n1,2,,\n", [["1", "2"]]),
        ("a,b\n#N/A,#####\n#tag,# 1\n", [["!error_cell", "!error_cell"], ["#tag", "# 1"]]),
        ("a\n'=1;'+2\n", [["'=1;'+2"]]),  # quotes come off where cells get their meaning
    ],
)
def test_csv_has_many_forms(text: str, rows: list[list[str]]) -> None:
    assert cells(text.encode()) == rows


@pytest.mark.parametrize(
    "content",
    [
        "产线,名称\n甲,é😀\n".encode(),
        codecs.BOM_UTF8 + "产线,名称\n甲,é😀\n".encode(),
        codecs.BOM_UTF16_LE + "产线,名称\n甲,é😀\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "产线,名称\n甲,é😀\n".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "产线,名称\n甲,é😀\n".encode("utf-32-le"),
        "产线,名称\n甲,é😀\n".encode("gb18030"),
    ],
)
def test_a_csv_is_read_in_its_encoding(content: bytes) -> None:
    assert read(content).head.cells == ["产线", "名称"]
    assert cells(content) == [["甲", "é😀"]]


def test_chinese_windows_is_known_by_a_word() -> None:
    assert cells("code,name\na,甲\nb,语音\n".encode("gb18030")) == [["a", "甲"], ["b", "语音"]]
    long = ("产线代码,产线名称\r\n" + "a,图像审核产线赟喆\r\n" * 3000).encode("gb18030")
    assert len(cells(long)) == 3000


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        # In all of these the bytes mean something in GB18030, or only some do not.
        ("code,name\na,Müller\nb,Schröder\n".encode("cp1252"), "Row 2 "),
        ("code,name\na,b\nc,Größe und Maß\n".encode("cp1252"), "Row 3 "),
        ("code,name\na,圖像審核產線\nb,語音轉寫\n".encode("big5"), "Row 2 "),
        ("code,name\na,画像審査ライン\nb,音声です\n".encode("shift_jis"), "Row 2 "),
        ("code,name\na,이미지 검수\nb,음성 전사\n".encode("euc_kr"), "Row 2 "),
        ("a,b\n图像审核,好\n\n语音,caf".encode() + b"\xe9a," + "好\n".encode(), "Row 4 "),
        (b'a,b\n"x\ny",1\n2,\xff\n', "Row 3 "),  # a row of two lines
        (codecs.BOM_UTF8 + b"a,b\n1,\x80\n", "Row 2 "),
        (codecs.BOM_UTF16_LE + "a,b\n1,".encode("utf-16-le") + b"\x00\xd8\x41\x00", "Row 2 "),
        (codecs.BOM_UTF16_LE + b"a\0,\0b\0\n\0x", "Row 2 "),
        ("a,b\n1,2\n".encode("utf-16-le"), "neither"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "neither"),
        (b"%PDF-1.7\0", "neither"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), ".xls"),
        (b'a,b\n1,"2\n3,4\n5,6\n', "Row 2: a quote"),
        (b'a,b\n1,"2\n3,"4\n5,6\n', "Row 2: after a closing quote"),
        (b'a,b\n\n\n1,"2" \n', "Row 4: after a closing quote"),
        (b'a,b\n1,"' + b"x" * 140_000 + b"\n", "Row 2: a cell has more than 131072 characters"),
        (b"a,b\n1," + b"x" * 140_000 + b"\n", "Row 2: a cell has more than 131072 characters"),
        (workbook(HEAD + row(3, text("A3", "x")) + row(2, text("A2", "y"))), "damaged"),
        (workbook(HEAD + row(2, text("A2", "x")) + row(2, text("A2", "y"))), "damaged"),
        (workbook(HEAD + row(0, text("A2", "x"))), "damaged"),
        (workbook(HEAD + row(2, text("A2", "x"), text("A2", "y"))), "damaged"),
        (workbook(HEAD + row(2, text("B2", "x"), text("A2", "y"))), "damaged"),
        (b"PK\x03\x04 nothing", "damaged"),
        (packed({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}), "damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_row(data: bytes, sentence: str) -> None:
    error = refusal(data)

    assert error.code == "bad_file"
    assert sentence in str(error)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lines-x-prefix.xlsx", [["xp-a", "图像审核"]]),
        ("prices-1904.xlsx", [["call", "0.5", datetime(2026, 12, 1)]]),
        ("prices-formula-without-value.xlsx", [["call", "0.5", "!formula_without_result"]]),
        (
            "prices-merged-date.xlsx",
            [
                [unit, price, datetime(2026, 12, 1)]
                for unit, price in (("call", "0.5"), ("image", "0.3"), ("second", "0.1"))
            ],
        ),
    ],
)
def test_the_cases_of_others(name: str, expected: list[list[Any]]) -> None:
    assert cells((FILES / name).read_bytes()) == expected


def test_rows_are_counted_as_a_spreadsheet_counts_them() -> None:
    file = read((FILES / "lines-blank-rows.csv").read_bytes())
    assert [one.number for one in file.rows] == [2, 5]
    sheet = workbook(row(3, text("A3", "a")) + row(7, text("A7", "x")) + row(9, text("B9", " ")))
    assert (read(sheet).head.number, [one.number for one in read(sheet).rows]) == (3, [7])
    # Rows and cells without a place follow the one before.
    free = workbook(
        '<row><c t="inlineStr"><is><t>a</t></is></c></row><row><c><v>1</v></c><c><v>2</v></c></row>'
    )
    assert cells(free) == [["1", "2"]]


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("1.1000000000000001", "1.1"), ("0.30000000000000004", "0.3"),
        ("-2.2999999999999998", "-2.3"),
        ("0.85", "0.85"), ("1E-3", "0.001"), ("1.0000000000000001E-7", "0.0000001"),
        ("-1.5E-9", "-0.0000000015"), ("1.5E+22", "15000000000000000000000"),
        ("123456789012345", "123456789012345"), ("12345678901234567", "12345678901234567"),
        ("12.50", "12.5"), ("1E+400", "Infinity"), ("9" * 401, "!not_a_number"),
    ],
)  # fmt: skip
def test_a_number_is_read_as_excel_shows_it(spelling: str, expected: str) -> None:
    assert only(number("A2", spelling)) == expected


@pytest.mark.parametrize(
    ("format_", "custom", "value", "expected"),
    [
        *[(n, None, "46357", datetime(2026, 12, 1))
          for n in (14, 15, 16, 17, 22, *range(27, 37), *range(50, 59))],
        (22, None, "46357.333333333336", datetime(2026, 12, 1, 8)),
        (164, "yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;;@", "46357", datetime(2026, 12, 1)),
        (164, "[$-804]yyyy/m/d\\ h:mm", "46357.5", datetime(2026, 12, 1, 12)),
        (30, "0.00", "46357", "46357"),  # a file may give such a number a meaning of its own
        (164, "0.00&quot; days&quot;", "46357", "46357"),
        (164, "G/通用格式", "46357", "46357"),
        (164, "[Red]#,##0\\ \\d", "46357", "46357"),
        (20, None, "0.5", "12:00:00"),
        (46, None, "1.5", "1 day, 12:00:00"),
        (14, None, "-5", "!bad_datetime"),
        (14, None, "99999999", "!bad_datetime"),
        (14, None, "1E+300", "!bad_datetime"),
    ],
)  # fmt: skip
def test_a_cell_is_a_date_when_it_looks_so(
    format_: int, custom: str | None, value: str, expected: Any
) -> None:
    codes = {format_: custom} if custom else {}
    assert only(number("A2", value, 1), formats=(format_,), custom=codes) == expected


@pytest.mark.parametrize(
    ("format_", "custom", "value", "expected"),
    [
        (9, None, "0.85", "85%"),
        (10, None, "0.85499999999999998", "85.5%"),
        (164, "0.0%;[Red]\\-0.0%", "-1E-3", "-0.1%"),
        (164, "0&quot;%&quot;", "85", "85"),  # says the sign and means nothing by it
        (164, "0\\%", "85", "85"),
        (164, "00000", "123", "00123"),
        (164, "00000", "-7", "-0007"),
        (1, None, "123", "123"),
        (164, "0", "0.85", "0.85"),
    ],
)
def test_a_number_is_seen_in_hundredths_or_with_zeros_before_it(
    format_: int, custom: str | None, value: str, expected: str
) -> None:
    codes = {format_: custom} if custom else {}
    assert only(number("A2", value, 1), formats=(format_,), custom=codes) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<c r="A2"><f>1+1</f></c>', "!formula_without_result"),
        ('<c r="A2"><f>1+1</f><v></v></c>', "!formula_without_result"),
        ('<c r="A2"><f t="shared" si="0"/></c>', "!formula_without_result"),
        ('<c r="A2"><f>1+1</f><v>2</v></c>', "2"),
        ('<c r="A2" t="str"><f>"x"</f><v>x_x0041_</v></c>', "xA"),
        ('<c r="A2" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "!error_cell"),
        ('<c r="A2" t="e"><v>#N/A</v></c>', "!error_cell"),
        ('<c r="A2" t="b"><v>1</v></c>', True),
        ('<c r="A2" t="b"><v>0</v></c>', False),
        ('<c r="A2" t="d"><v>2026-12-01T08:00:00</v></c>', datetime(2026, 12, 1, 8)),
        ('<c r="A2" t="s"><v>0</v></c>', "東京"),
        ('<c r="A2" t="s"><v>1</v></c>', "bold and _x0041_ 😀"),
        ('<c r="A2" t="inlineStr"><is><t>カ</t><rPh sb="0" eb="1"><t>か</t></rPh></is></c>', "カ"),
        ('<c r="A2" t="inlineStr"><is><t>_xD83D__xDE00__xD83D_</t></is></c>', "😀_xD83D_"),
        (text("A2", "'=1"), "'=1"),
    ],
)
def test_a_cell_has_what_a_person_sees(cell: str, expected: Any) -> None:
    shared = (
        '<si><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh><phoneticPr fontId="1"/></si>'
        "<si><r><t>bold</t></r><r><rPr><b/></rPr><t> and _x005F_x0041_ _xd83d__xde00_</t></r></si>"
    )
    assert only(cell, shared=shared) == expected


def test_a_formula_with_an_empty_result_is_a_blank_cell() -> None:
    sheet = workbook(HEAD + row(2, '<c r="A2" t="str"><f>""</f><v></v></c>', text("B2", "x")))
    assert cells(sheet) == [[None, "x"]]


def test_merged_cells_have_their_value_in_all_rows_and_in_one_column() -> None:
    rows = HEAD + "".join(row(n, text(f"A{n}", f"x{n}")) for n in (3, 4, 6))
    rows = rows.replace("</row>", text("B3", "v") + "</row>", 2).replace(text("B3", "v"), "", 1)

    def rows_with_merges(*places: str) -> list[list[Any]]:
        refs = "".join(f'<mergeCell ref="{place}"/>' for place in places)
        return cells(workbook(rows, after=f"<mergeCells>{refs}</mergeCells>"))

    assert rows_with_merges("B3:B6") == [["x3", "v"], ["x4", "v"], ["x6", "v"]]
    assert rows_with_merges("B3:B1048576") == [["x3", "v"], ["x4", "v"], ["x6", "v"]]
    assert rows_with_merges("B3:C4")[0] == ["x3", "v", "!merged_columns"]
    assert rows_with_merges("B1:B4")[0] == ["x3", "!merged_heading"]
    assert rows_with_merges("D3:D4", "XFC3:XFD4", "B5:B6") == [["x3", "v"], ["x4"], ["x6"]]


def test_columns_without_values_may_go_on_for_ever() -> None:
    styled = "".join(f'<c r="{column}2" s="1"/>' for column in ("C", "IV", "XFD"))
    assert cells(workbook(HEAD + row(2, text("A2", "x"), styled))) == [["x"]]


def test_hidden_sheets_are_passed_over_and_the_order_of_tabs_counts() -> None:
    book = Workbook()
    first, sheet = book.active, book.create_sheet("seen")
    assert first is not None
    first.append(["hidden"])
    first.sheet_state = "veryHidden"
    for line in (["a"], ["x"]):
        sheet.append(line)
    out = BytesIO()
    book.save(out)
    assert cells(out.getvalue()) == [["x"]]


def rows_of(count: int, cell: str) -> bytes:
    return workbook("".join(row(n, cell.replace("#", str(n))) for n in range(1, count + 1)))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: b"a\n" + b"1\n" * (sheet_rows.MAX_ROWS + 1), "rows"),
        (lambda: b"a\n" + b"1," * sheet_rows.MAX_COLUMNS + b"1\n", "columns"),
        (lambda: b"," * sheet_rows.MAX_COLUMNS + b"a\n1\n", "columns"),
        (lambda: (b"1," * 99 + b"1\n") * 4_001, "cells"),
        (lambda: rows_of(3_000, number("ZZZ#", "1")), "columns"),
        (lambda: rows_of(5_002, number("A#", "1")), "rows"),
        (lambda: workbook("", parts={f"x{n}.bin": "" for n in range(2_001)}), "parts"),
        (lambda: workbook("", parts={"xl/media/image1.png": "0" * (65 * 1_048_576)}), "MB"),
        (lambda: workbook("", shared="<si/>" * 4_000_001), "elements"),
        (lambda: workbook("", parts={"xl/styles.xml": "<xf/>" * 200_001}), "elements"),
    ],
    ids=["csv-rows", "csv-columns", "csv-head", "csv-cells", "columns", "rows", "parts", "unpacked",
         "texts", "styles"],
)  # fmt: skip
def test_too_much_is_refused_as_such_and_soon(make: Callable[[], bytes], sentence: str) -> None:
    data = make()
    start = time.thread_time()
    error = refusal(data)

    assert error.code == "file_too_large"
    assert sentence in str(error)
    assert time.thread_time() - start < 5


def test_the_cells_of_a_sheet_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_rows, "MAX_CELLS", 30)
    assert "cells" in str(refusal(rows_of(16, "<c><v>1</v></c>" * 2)))
    monkeypatch.setattr(xlsx_files, "MAX_CELLS", 30)
    wide = HEAD + "".join(row(n, text(f"A{n}", "x")) for n in range(2, 9))
    merges = '<mergeCells><mergeCell ref="A2:CV8"/></mergeCells>'
    assert "cells" in str(refusal(workbook(wide, after=merges)))


def test_a_zip_that_lies_about_its_size_is_refused() -> None:
    honest = workbook(HEAD + row(2, *[text("A2", "x" * 100_000)]))
    part = zipfile.ZipFile(BytesIO(honest)).getinfo(SHEET)
    lying = honest.replace(part.file_size.to_bytes(4, "little"), (900).to_bytes(4, "little"))

    assert lying != honest
    assert refusal(lying).code == "bad_file"


@pytest.mark.parametrize(
    "data",
    [
        workbook(HEAD + row(2, '<c r="A2" t="s"><v>7</v></c>')),
        workbook(HEAD + row(2, '<c r="22"><v>7</v></c>')),
        workbook(HEAD + row(10**9, number("A2", "7"))),
        workbook(HEAD, parts={"xl/workbook.xml": "<workbook"}),
        workbook(HEAD, parts={SHEET: '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}),
        workbook(HEAD)[:-30],
    ],
)  # fmt: skip
def test_a_broken_workbook_is_said_so(data: bytes) -> None:
    assert "damaged" in str(refusal(data))


@pytest.mark.parametrize(
    ("after", "parts"),
    [
        ('<autoFilter ref="A1"><filterColumn colId="0"><dynamicFilter type="new"/></filterColumn>'
         "</autoFilter>", {}),
        ('<dataValidations><dataValidation operator="new" sqref="A1"/></dataValidations>', {}),
        ("", {"xl/styles.xml": '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml'
                               '/2006/main"><fonts><font><family val="99"/></font></fonts>'
                               "</styleSheet>"}),
    ],
    ids=["filter", "validation", "style"],
)  # fmt: skip
def test_what_stands_around_the_rows_may_be_unknown(after: str, parts: dict[str, str]) -> None:
    assert cells(workbook(HEAD + row(2, text("A2", "x")), after=after, parts=parts)) == [["x"]]


def test_a_strict_workbook_is_told_apart() -> None:
    name = "xl/workbook.xml"
    strict = {name: '<workbook xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"/>'}
    assert "Strict" in str(refusal(workbook("", parts=strict)))


def test_reading_ends_when_it_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_rows, "MAX_SECONDS", -1.0)
    shared = workbook("", shared="<si><t>x</t></si>")
    for data in (b"a\n1\n", workbook(HEAD + row(2, text("A2", "x"))), shared):
        assert refusal(data).code == "file_too_large"


async def test_others_are_served_while_a_large_file_is_read() -> None:
    cells = "".join(number(f"{column}#", "1.5") for column in "ABCDEFGHIJ")
    waits: list[float] = []

    async def wait_for_the_end() -> None:
        while True:
            start = time.monotonic()
            await asyncio.sleep(0)
            waits.append(time.monotonic() - start)

    other = asyncio.create_task(wait_for_the_end())
    rows = await table_files.read_table(rows_of(3_001, cells))
    other.cancel()

    assert len(rows.rows) == 3_000
    assert max(waits) < sum(waits) / 2
