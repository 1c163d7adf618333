"""A statement's files for people have all their words in the reader's language."""

import csv
import re
from datetime import UTC, datetime
from decimal import Decimal
from email import message_from_bytes
from email.policy import default
from io import BytesIO, StringIO
from typing import Any

import openpyxl

from pipeline_dist.closing.mail import Attachment, letter
from pipeline_dist.closing.render import File, Kind, render
from pipeline_dist.reports.statement import LINE_COLUMNS
from pipeline_dist.reports.statement_files import HEADINGS, LATE_HEADINGS

MOMENT = datetime(2026, 12, 4, tzinfo=UTC)
LINE = dict.fromkeys(LINE_COLUMNS) | {
    "pipeline": "p", "pipeline_name": "产线", "step_key": "", "model": "", "unit": "call",
    "pricing_type": "unit", "unit_price": Decimal("0.5"), "unit_size": 1, "calls": 1,
    "quantity": Decimal(1), "amount": Decimal("0.5"), "currency": "CNY",
}  # fmt: skip
LATE = LINE | {"call_no": "c", "month": "2026-10", "reason": "重复"}
CREDIT = {"booked_at": MOMENT, "amount": Decimal(1), "currency": "CNY", "reason": "减免",
          "reference": "r"}  # fmt: skip
STATEMENT: dict[str, Any] = {
    "number": "2026-11-0001", "status": "closed", "final": True, "sender": "我们",
    "distributor": {"code": "d", "name": "分销商"}, "month": "2026-11", "from": MOMENT,
    "to": MOMENT, "time_zone": "UTC", "currency": "CNY", "calls": 2, "running": 0, "lines": [LINE],
    "corrections": [LATE], "adjustments": [CREDIT], "lines_amount": Decimal("0.5"),
    "corrections_amount": Decimal("0.5"), "adjustments_amount": Decimal(1),
    "amount": Decimal(2), "total": Decimal("2.00"), "closed_at": MOMENT, "made_at": MOMENT,
    "checksum": "0",
}  # fmt: skip


def is_chinese(text: str) -> bool:
    return bool(re.search("[\u4e00-\u9fff]", text))


def test_the_page_to_print_is_chinese_for_chinese_readers() -> None:
    page = render(STATEMENT, File(Kind.PRINT, "zh")).decode()

    words = re.findall(r"<(?:th|dt|h1|h2)[^>]*>([^<]+)<", page)
    assert len(words) > 20
    assert [word for word in words if not is_chinese(word)] == []


def test_the_excel_file_is_chinese_for_chinese_readers() -> None:
    sheet = openpyxl.load_workbook(BytesIO(render(STATEMENT, File(Kind.XLSX, "zh")))).active

    assert sheet is not None
    texts = {str(cell.value) for row in sheet.iter_rows() for cell in row}
    english = set(HEADINGS.values()) | set(LATE_HEADINGS.values()) | {"Total", "Exact sum"}
    assert texts & english == set()
    assert {"按量", "已关账"} <= texts
    assert texts & {"unit", "package", "closed"} == set()
    # The headings of the lines stay in view.
    assert sheet.freeze_panes is not None
    row = int(sheet.freeze_panes[1:])
    assert sheet.cell(row - 1, 1).value == "产线"


def test_the_csv_file_for_people_is_chinese_for_chinese_readers() -> None:
    package = LINE | {"pricing_type": "package", "package_price": Decimal("25.0000000000"),
                      "amount": Decimal("0.4406400000")}  # fmt: skip
    document = STATEMENT | {"lines": [LINE, package], "time_zone": "Asia/Shanghai"}
    text = render(document, File(Kind.CSV, "zh")).decode()

    assert text.startswith("\ufeff")
    head, *rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"))))
    assert [name for name in head if not is_chinese(name)] == []
    table = [dict(zip(head, row, strict=True)) for row in rows]
    assert [row["类别"] for row in table] == ["明细", "明细", "更正", "调整", "合计"]
    assert [row["计价方式"] for row in table[:2]] == ["按量", "包量"]
    assert (table[1]["每包价格"], table[1]["金额"]) == ("25", "0.44064")
    # The sums have columns of their own: a sum over the lines' is right.
    assert sum(Decimal(row["金额"] or 0) for row in table) == Decimal("2.44064")
    assert (table[-1]["合计"], table[-1]["精确合计"], table[-1]["调用次数合计"]) == ("2", "2", "2")
    assert {(row["月份"], row["起"], row["月份状态"], row["账单号"]) for row in table} == {
        ("2026-11", "2026-12-04 08:00", "已关账", "2026-11-0001")
    }


def test_a_statement_as_a_letter_that_is_not_sent() -> None:
    document = STATEMENT | {"distributor": {"code": "d", "name": "星河\nBcc: x@example.com"}}
    file = Attachment("statement.html", "text/html", "账".encode())
    data = letter(document, "a@example.com\r\nCc: b@example.com", [file], "zh", is_prepaid=False)
    mail = message_from_bytes(data, policy=default)

    assert set(mail.keys()) == {
        "X-Unsent", "X-Uniform-Type-Identifier", "Subject", "To", "Content-Type", "MIME-Version",
    }  # fmt: skip
    assert mail["X-Unsent"] == "1"
    assert mail["Subject"] == "账单 2026-11-0001 · 星河 Bcc: x@example.com"
    body = mail.get_body()
    assert body is not None
    assert body.get_content().startswith("账单 2026-11-0001：2026-11 应付 2.00 CNY。\r\n账单")
    (attachment,) = mail.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content_type()) == (
        "statement.html", "text/html",
    )  # fmt: skip
    assert attachment.get_payload(decode=True) == "账".encode()


def test_a_letter_asks_only_for_what_is_owed() -> None:
    def words(is_prepaid: bool, **more: Any) -> str:
        data = letter(STATEMENT | more, "", [], "en", is_prepaid=is_prepaid)
        return str(message_from_bytes(data, policy=default).get_content())

    assert "2.00 CNY for 2026-11, taken from the balance." in words(is_prepaid=True)
    assert "no final statement" not in words(is_prepaid=False)
    for status in ("open", "ended"):
        assert "no final statement" in words(is_prepaid=False, status=status)
