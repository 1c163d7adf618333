"""Pages by a cursor: they go on from where they were, whatever came between."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.refusals import pointers
from tests.support.selling import USED, Reseller, link, make_pipeline, make_reseller, post


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, daily_quota=10_000)


@pytest.fixture(scope="module")
def reseller(server: Installation, pipeline: dict[str, Any]) -> Reseller:
    return make_reseller(server, pipeline)


@pytest.fixture(scope="module")
def buyer(server: Installation, pipeline: dict[str, Any]) -> Reseller:
    buyer = make_reseller(server, pipeline)
    for _ in range(3):
        assert buyer.begin(pipeline, status="succeeded", lines=USED).status_code == 201
    return buyer


def read_on(buyer: Reseller, cursor: str, rows: int = 2) -> tuple[list[dict[str, Any]], str]:
    """All lines behind a cursor, and the cursor behind them."""
    lines: list[dict[str, Any]] = []
    while True:
        page = buyer.get("usage", next=cursor).json()
        lines += page["rows"]
        cursor = page["next"]
        if len(page["rows"]) < rows:
            return lines, cursor


class TestFollowing:
    """A reader who keeps the cursor sees each line once, whenever its call began and ended."""

    def test_calls_that_end_late_come_behind(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        buyer = make_reseller(server, pipeline)
        early = buyer.begin(pipeline).json()
        booking = buyer.begin(pipeline, status="succeeded", lines=USED).json()
        first = buyer.get("usage", rows=2).json()
        assert {row["call_no"] for row in first["rows"]} == {booking["call_no"]}

        nothing, cursor = read_on(buyer, first["next"])
        assert nothing == []
        buyer.finish(early, lines=USED)
        lines, cursor = read_on(buyer, cursor)
        assert {row["call_no"] for row in lines} == {early["call_no"]}
        assert [row["entry_no"] for row in lines] == [2, 2]

        path = "/pipeline_ops/api/pipeline_usage_log_delete.dspy"
        post(server.admin, path, id=booking["call_no"], reason="not ours")
        reversals, cursor = read_on(buyer, cursor)
        assert {row["entry_type"] for row in reversals} == {"reversal"}
        assert [row["amount"] for row in reversals] == [
            f"-{row['amount']}" for row in first["rows"]
        ]
        assert read_on(buyer, cursor) == ([], cursor)

    def test_the_months_lines_are_its_statement(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        buyer = make_reseller(server, pipeline)
        calls = [buyer.begin(pipeline, status="succeeded", lines=USED).json() for _ in range(3)]
        path = "/pipeline_ops/api/pipeline_usage_log_delete.dspy"
        post(server.admin, path, id=calls[0]["call_no"], reason="twice")
        statement = buyer.get("statement").json()
        month = statement["month"]

        sums = buyer.get("usage", month=month, group_by="model").json()
        lines = buyer.get("usage", month=month).json()["rows"]

        assert sums["total"] == {"calls": 2, "amount": statement["amount"]}
        assert statement["calls"] == 2
        assert sum(Decimal(row["amount"]) for row in lines) == Decimal(statement["amount"])
        quantities = {
            sum(Decimal(row["quantity"]) for row in rows)
            for rows in (sums["rows"], lines, statement["lines"])
        }
        assert len(quantities) == 1
        assert {row["calls"] for row in sums["rows"]} == {2}
        beside = buyer.get("usage", month=month, **{"from": f"{month}-01"})
        assert "/from" in pointers(beside)
        assert "/month" in pointers(buyer.get("usage", month="2026-13"))


class TestCursor:
    def test_goes_on_with_its_query_alone(self, buyer: Reseller) -> None:
        first = buyer.get("usage", rows=2).json()
        pages = [first]
        while len(pages[-1]["rows"]) == 2:
            pages.append(buyer.get("usage", next=pages[-1]["next"]).json())

        assert [len(page["rows"]) for page in pages] == [2, 2, 2, 0]
        assert {page["from"] for page in pages} == {first["from"]}
        lines = [(row["call_no"], row["line_no"]) for page in pages for row in page["rows"]]
        assert len(set(lines)) == 6

    def test_takes_its_query_again_and_no_other(self, buyer: Reseller) -> None:
        result = {"from": "2026-11-01", "to": "2026-12-31", "rows": 4}
        first = buyer.get("usage", **result).json()
        times = {"from": first["from"], "to": first["to"]}

        for same in (result, times, {"rows": 4}):
            page = buyer.get("usage", next=first["next"], **same).json()
            assert len(page["rows"]) == 2
        for name, value in (("from", "2026-11-02"), ("to", "2026-12-30"), ("rows", 5)):
            answer = buyer.get("usage", **{**result, name: value, "next": first["next"]})
            assert pointers(answer) == {f"/{name}": "not_as_before"}
        wrong = buyer.get("usage", next=first["next"], **{"from": "2026-11-01T00:00"})
        assert pointers(wrong) == {"/from": "no_zone"}

    def test_of_somebody_or_something_else_is_none(
        self, buyer: Reseller, reseller: Reseller
    ) -> None:
        cursor = buyer.get("usage", rows=1).json()["next"]
        # As the release before wrote them: a time and an id.
        old = "MjAyNi0xMS0yOVQwODowMDowMC4wMDBaIDAxYTIyNTNlZGM5OTdjM2U5YTViNmY3MDgxOTIwYTFi"
        answers = [
            reseller.get("usage", next=cursor),
            buyer.get("pipelines", next=cursor),
            *(
                buyer.get("usage", next=text)
                for text in (cursor[:-1], cursor + "A", cursor[::-1], f"{cursor}==", old, "A", "é")
            ),
        ]

        for answer in answers:
            assert pointers(answer) == {"/next": "bad_cursor"}

    def test_of_pipelines_stays_right_while_some_are_added(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        codes = [f"page-{letter}" for letter in "bdf"]
        buyer = make_reseller(server, *(make_pipeline(server.admin, code) for code in codes))
        first = buyer.get("pipelines", rows=2, q="page").json()
        for code in ("page-a", "page-e"):
            link(server.admin, buyer.distributor, make_pipeline(server.admin, code))
        second = buyer.get("pipelines", next=first["next"]).json()

        assert [row["code"] for row in first["rows"]] == ["page-b", "page-d"]
        assert [row["code"] for row in second["rows"]] == ["page-e", "page-f"]
        assert (first["page"], second["page"], second["total"]) == (1, 2, 5)
        assert second["next"] is None
        # The old way counts off, and goes on working.
        page = buyer.get("pipelines", rows=2, page=2, q="page").json()
        assert [row["code"] for row in page["rows"]] == ["page-d", "page-e"]
        for name, value in (("q", "pages"), ("page", 3), ("rows", 3)):
            answer = buyer.get("pipelines", next=first["next"], **{name: value})
            assert pointers(answer) == {f"/{name}": "not_as_before"}
        assert buyer.get("pipelines", next=first["next"], page=2, rows=2).status_code == 200
