"""What a distributor used: sums, lines, statements and their files."""

import csv
import io
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from pipeline_dist.reports.statement import LINE_COLUMNS
from tests.support.installation import Installation
from tests.support.refusals import pointers
from tests.support.selling import (
    Reseller,
    make_pipeline,
    make_reseller,
)


@pytest.fixture(scope="module")
def user(server: Installation) -> Reseller:
    pipeline = make_pipeline(
        server.admin,
        "metered",
        prices=[
            {"unit": "call", "unit_price": "0.333333"},
            {"unit": "page", "unit_price": "1"},
        ],
    )
    user = make_reseller(server, pipeline, code="metered-user")
    for number in range(5):
        usage = [
            {"unit": "call", "quantity": 1, "model": f"m{number % 2}", "step_key": "answer"},
            {"unit": "page", "quantity": "2.5"},
        ]
        booking = user.begin(pipeline, status="succeeded", lines=usage)
        assert booking.status_code == 201
    user.begin(pipeline)
    return user


def cells(content: bytes) -> list[tuple[Any, ...]]:
    """The rows of a workbook, but for those that tell when it was made."""
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    return [row for row in sheet.iter_rows(values_only=True) if row[0] != "Made at"]


@pytest.fixture(scope="module")
def lines_with_many_digits(server: Installation) -> Reseller:
    """A distributor whose statement has numbers that Excel cannot hold, and others."""
    prices = [
        {"unit": "call", "unit_price": "12345.678912"},
        {"unit": "page", "unit_price": "0.000001"},
    ]
    pipeline = make_pipeline(server.admin, "digits", prices=prices)
    user = make_reseller(server, pipeline, code="digits-user")
    usage = [
        {"unit": "call", "quantity": "98765.432123", "step_key": "answer"},
        {"unit": "page", "quantity": "1234567890.5", "model": "m"},
        {"unit": "page", "quantity": "3"},
    ]
    assert user.begin(pipeline, status="succeeded", lines=usage).status_code == 201
    return user


def digits_of(cell: Any) -> str:
    """What a cell of Excel shows."""
    if not isinstance(cell.value, int | float):
        return cell.value or ""
    decimals = len(cell.number_format.partition(".")[2])
    return f"{Decimal(repr(cell.value)):.{decimals}f}"


class TestUsage:
    def test_sums_by_each_group(self, user: Reseller) -> None:
        for group, expected in {
            "pipeline": {("metered", "call"): 5, ("metered", "page"): 5},
            "model": {("m0", "call"): 3, ("m1", "call"): 2, ("", "page"): 5},
            "step": {("answer", "call"): 5, ("", "page"): 5},
        }.items():
            report = user.get("usage", group_by=group).json()
            result = {(row[group], row["unit"]): row["calls"] for row in report["rows"]}

            assert result == expected
            assert report["total"] == {"calls": 6, "amount": "14.1666650000"}
        days = user.get("usage", group_by="day").json()["rows"]
        assert [row["quantity"] for row in days] == ["5.000000", "12.500000"]
        assert len(days[0]["day"]) == 10

    @pytest.mark.parametrize("size", [1, 3, 10])
    def test_lines_come_once_each_page_by_page(self, user: Reseller, size: int) -> None:
        result: list[tuple[str, int]] = []
        cursor = ""
        while True:
            params = {"rows": size} | ({"next": cursor} if cursor else {})
            page = user.get("usage", **params).json()
            assert len(page["rows"]) <= size
            result += [(row["call_no"], row["line_no"]) for row in page["rows"]]
            cursor = page["next"]
            if len(page["rows"]) < size:
                break

        assert len(result) == len(set(result)) == 10

    def test_time_can_be_narrowed(self, user: Reseller) -> None:
        today = user.get("usage", group_by="day").json()["rows"][0]["day"]

        assert len(user.get("usage", **{"from": today, "to": today}).json()["rows"]) == 10
        assert user.get("usage", to="2026-01-02", **{"from": "2026-01-01"}).json()["rows"] == []
        assert "/to" in pointers(user.get("usage", to="2026-01-01", **{"from": "2026-01-02"}))
        assert "/to" in pointers(user.get("usage", to="2026-01-01", **{"from": "2024-01-02"}))
        assert "/from" in pointers(user.get("usage", **{"from": "2026-02-30"}))
        assert "/from" in pointers(user.get("usage", **{"from": "yesterday"}))
        assert "/from" in pointers(user.get("usage", **{"from": "9999-12-31T23:59:59.999Z"}))
        assert "/to" in pointers(user.get("usage", to="9999-12-31"))
        assert "/from" in pointers(user.get("usage", **{"from": "２０２６-11-24"}))
        assert "/next" in pointers(user.get("usage", next="AAAA"))
        assert "/group_by" in pointers(user.get("usage", group_by="amount"))

    def test_statement_rounds_once(self, server: Installation, user: Reseller) -> None:
        body = user.get("statement").json()

        assert body["amount"] == "14.1666650000"
        assert body["total"] == "14.17"
        assert (body["calls"], body["running"], body["final"]) == (6, 1, False)
        ledger = server.query(
            "select sum(amount) as amount from pipeline_usage_log where distributor_id = %s",
            user.distributor["id"],
        )[0]["amount"]
        assert sum(Decimal(item["amount"]) for item in body["lines"]) == ledger

    def test_statement_as_csv(self, user: Reseller) -> None:
        answer = user.get("statement", format="csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))

        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert "statement-metered-user-" in answer.headers["Content-Disposition"]
        assert [row["quantity"] for row in rows] == ["12.500000", "3.000000", "2.000000", ""]
        body = user.get("statement").json()
        # Sums over the columns of the lines are those of the lines: the last row has its own.
        amounts = [Decimal(row["amount"]) for row in rows if row["amount"]]
        assert sum(amounts) == Decimal(body["amount"])
        *lines, last = rows
        assert last["pipeline"] == "total"
        assert [last[name] for name in ("calls", "quantity", "amount")] == ["", "", ""]
        assert (last["exact_total"], last["total"]) == (body["amount"], "14.17")
        assert last["total_calls"] == "6"
        assert {row["exact_total"] + row["total"] + row["total_calls"] for row in lines} == {""}
        about = ("month", "from", "to", "final")
        result = {tuple(row[name] for name in (*about, "time_zone")) for row in rows}
        assert result == {(*(str(body[n]) for n in about[:3]), "false", "Asia/Shanghai")}

    def test_a_csv_is_marked_as_utf_8_when_asked(self, user: Reseller) -> None:
        unmarked = user.get("statement", format="csv").content
        assert user.get("statement", format="csv", bom="1").content == b"\xef\xbb\xbf" + unmarked
        assert unmarked.startswith(b"pipeline,")
        assert user.get("statement", format="csv", bom="0").content == unmarked
        assert "/bom" in pointers(user.get("statement", format="csv", bom="maybe"))

    def test_statement_as_an_excel_file(self, user: Reseller) -> None:
        answer = user.get("statement", format="xlsx")
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
        assert sheet is not None
        rows = list(sheet.iter_rows(values_only=True))

        body = user.get("statement").json()
        about = {row[0]: row[1] for row in rows[:9]}
        assert (about["Statement"], about["Month's status"]) == (
            body["month"],
            "the month is not over",
        )
        assert about["Time zone"] == "Asia/Shanghai"
        for label, name in (("From", "from"), ("To (excluded)", "to")):
            local, moment = about[label], datetime.fromisoformat(body[name])
            assert isinstance(local, datetime)
            assert local.replace(tzinfo=ZoneInfo("Asia/Shanghai")) == moment
        assert (rows[-2][0], rows[-2][12]) == ("Total", 14.17)
        assert (rows[-1][0], str(rows[-1][12])) == ("Exact sum", body["amount"].rstrip("0"))
        assert sheet.freeze_panes == "A12"

    def test_all_files_of_a_statement_have_the_same_digits(
        self, server: Installation, lines_with_many_digits: Reseller
    ) -> None:
        user = lines_with_many_digits
        body = user.get("statement").json()["lines"]
        rows = list(csv.DictReader(io.StringIO(user.get("statement", format="csv").text)))
        content = user.get("statement", format="xlsx").content
        sheet = openpyxl.load_workbook(io.BytesIO(content)).active
        assert sheet is not None
        cells = list(sheet.iter_rows(min_row=12, max_row=11 + len(body)))
        digits = set()
        for line, row, sheet_row in zip(body, rows, cells, strict=False):
            for name, cell in zip(LINE_COLUMNS, sheet_row, strict=True):
                text = "" if line[name] is None else str(line[name])
                assert row[name] == text
                value, words = digits_of(cell), {"unit": "By unit", "package": "Package"}
                if name in ("quantity", "amount") or name.endswith(("price", "size")):
                    # People's file has no zeros at the end of a number.
                    assert (value and Decimal(value)) == (text and Decimal(text)), name
                else:
                    assert value == (words[text] if name == "pricing_type" else text), name
                digits.add(cell.data_type)
        assert digits == {"s", "n"}
        assert any(len(line["amount"]) > 17 for line in body)

    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    def test_statement_files_have_addresses_of_their_own(self, user: Reseller, kind: str) -> None:
        """The old parameter goes on working, and answers the same."""
        month = user.get("statement").json()["month"]
        old = user.get("statement", format=kind, month=month)
        new = user.get(f"statement.{kind}")

        assert old.status_code == new.status_code == 200
        for name in ("Content-Type", "Content-Disposition"):
            assert old.headers[name] == new.headers[name]
        if kind == "csv":
            assert old.content == new.content
        else:
            assert cells(old.content) == cells(new.content)
        assert user.get(f"statement.{kind}", month="2026-01").status_code == 200
        assert pointers(user.get(f"statement.{kind}", month="2026-13")) == {"/month": "bad_month"}
        assert "/format" in pointers(user.get(f"statement.{kind}", format="json"))

    def test_no_cell_is_a_formula(self, server: Installation) -> None:
        pipeline = make_pipeline(server.admin, prices=[{"unit": "=1+1", "unit_price": "1"}])
        evil = "=cmd|'/c calc'!A0"
        server.query("update pipelines set name = %s where id = %s", evil, pipeline["id"])
        user = make_reseller(server, pipeline)
        usage = [{"unit": "=1+1", "quantity": 1, "model": "@SUM(A1)"}]
        assert user.begin(pipeline, status="succeeded", lines=usage).status_code == 201

        row = next(csv.DictReader(io.StringIO(user.get("statement", format="csv").text)))
        assert row["pipeline_name"] == "'" + evil
        assert row["unit"] == "'=1+1"
        assert row["model"] == "'@SUM(A1)"
        content = user.get("statement", format="xlsx").content
        sheet = openpyxl.load_workbook(io.BytesIO(content)).active
        assert sheet is not None
        assert not [cell for cells in sheet.iter_rows() for cell in cells if cell.data_type == "f"]

    def test_months_are_checked(self, user: Reseller) -> None:
        assert user.get("statement", month="2026-01").json()["total"] == "0.00"
        # Over and empty, but not closed: something may still be booked in it.
        old = user.get("statement", month="2026-01").json()
        assert (old["final"], old["status"], old["number"]) == (False, "ended", None)
        for month in ("2026-13", "1999-12", "9999-12", "２０２６-11"):
            assert "/month" in pointers(user.get("statement", month=month))
        assert "/format" in pointers(user.get("statement", format="pdf"))
