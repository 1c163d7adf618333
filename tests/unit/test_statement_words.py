"""A statement's files for people have all their words in the reader's language."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import openpyxl

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
