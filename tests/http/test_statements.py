"""Closed months over HTTP: what was told stays told, byte for byte."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.dumps import dump, restore
from tests.support.installation import Installation
from tests.support.months import LONG_AGO, book_in, close, month_back, try_close, void
from tests.support.refusals import pointers
from tests.support.selling import Reseller, link, make_distributor, make_pipeline, new_key, post

API = "/pipeline_dist/api/"
OLD, LAST, THIS = month_back(2), month_back(1), month_back(0)
PRICES = [{"unit": "call", "unit_price": "0.125", "effective_from": LONG_AGO}]
FIVE = [{"unit": "call", "quantity": 5}]


@pytest.fixture(autouse=True)
def _months(monkeypatch: pytest.MonkeyPatch) -> None:
    """The months of now: this file may have been read in another."""
    for name, count in (("OLD", 2), ("LAST", 1), ("THIS", 0)):
        monkeypatch.setitem(globals(), name, month_back(count))


class Sold:
    """A distributor with a pipeline at 0.125 a call."""

    def __init__(self, server: Installation, **fields: Any) -> None:
        self.server = server
        self.pipeline = make_pipeline(server.admin, prices=PRICES)
        self.distributor = make_distributor(server.admin, **fields)
        self.link = link(server.admin, self.distributor, self.pipeline)
        self.reseller = Reseller(server, self.distributor, new_key(server.admin, self.distributor))

    def book(self, month: str, quantity: int = 5) -> dict[str, Any]:
        lines = [{"unit": "call", "quantity": quantity}]
        return book_in(self.server, month, self.distributor, self.pipeline, lines)

    def close(self, month: str, **more: Any) -> dict[str, Any]:
        return close(self.server, self.distributor, month, **more)

    def statement(self, month: str) -> dict[str, Any]:
        body: dict[str, Any] = self.reseller.get("statement", month=month).json()
        return body

    def files(self, month: str) -> dict[str, bytes]:
        """Everything that can be had of a month, by the distributor and by administrators."""
        result = {}
        for kind in ("", ".csv", ".xlsx"):
            for lang in ("zh", "en"):
                answer = self.reseller.client.get(
                    f"/pipeline_dist/v1/statement{kind}", params={"month": month},
                    headers={"Accept-Language": lang},
                )  # fmt: skip
                result[f"v1{kind} {lang}"] = answer.content
        whose = {"distributor_id": self.distributor["id"], "month": month}
        for lang in ("zh", "en"):
            for name, more in (("file", {"format": "csv"}), ("file", {"format": "xlsx"}),
                               ("page", {})):  # fmt: skip
                query = whose | more | {"_lang": lang}
                answer = self.server.admin.get(
                    f"{API}distributor_statement_{name}.dspy", params=query
                )
                assert answer.status_code == 200, answer.text
                result[f"{name} {more} {lang}"] = answer.content
        return result


@pytest.fixture
def sold(server: Installation) -> Sold:
    return Sold(server)


def test_a_month_is_open_then_ended_then_closed(sold: Sold) -> None:
    sold.book(LAST)
    sold.reseller.begin(sold.pipeline, status="succeeded", lines=FIVE)
    status = {month: sold.statement(month)["status"] for month in (LAST, THIS)}
    assert status == {LAST: "ended", THIS: "open"}

    answer = sold.close(LAST)

    body = sold.statement(LAST)
    assert (body["status"], body["final"]) == ("closed", True)
    assert answer["number"] == body["number"]
    assert body["number"].startswith(f"{LAST}-")
    assert (answer["total"], body["total"], body["amount"]) == ("0.63", "0.63", "0.6250000000")
    assert sold.reseller.get("statement", number=body["number"]).json() == body
    assert sold.reseller.get("statement.csv", number=body["number"]).status_code == 200


def test_what_refuses_a_close(sold: Sold) -> None:
    sold.book(OLD)
    sold.book(LAST)

    def code(month: str) -> tuple[int, str]:
        answer = try_close(sold.server, sold.distributor, month)
        return answer.status_code, answer.json()["code"]

    assert code(THIS) == (409, "month_not_over")
    assert code(LAST) == (409, "older_month_open")
    older = try_close(sold.server, sold.distributor, LAST).json()
    assert older["month"] == OLD
    assert code("2026-13")[0] == 400
    missing = try_close(sold.server, {"id": "nobody"}, LAST)
    assert missing.status_code == 404
    assert "/month" in pointers(
        sold.server.admin.post(
            f"{API}statement_close.dspy", json={"distributor_id": sold.distributor["id"]}
        )
    )

    assert sold.close(LAST, older=1)["month"] == LAST
    assert code(LAST) == (409, "month_closed")
    assert sold.statement(OLD)["final"] is True
    rows = sold.reseller.get("statements").json()
    assert [row["month"] for row in rows["rows"]] == [LAST, OLD]
    assert rows["next"] is None


def test_two_who_close_at_once_make_one_statement(server: Installation) -> None:
    everybody = [Sold(server) for _ in range(3)]
    for sold in everybody:
        sold.book(LAST)
    with ThreadPoolExecutor(9) as threads:
        answers = list(threads.map(
            lambda sold: try_close(server, sold.distributor, LAST), everybody * 3
        ))  # fmt: skip

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] * 3 + [409] * 6
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {
        "month_closed"
    }
    rows = server.query("select number from app_statement where month = %s order by 1", LAST)
    assert [row["number"] for row in rows] == [
        f"{LAST}-{number + 1:04d}" for number in range(len(rows))
    ]


def test_what_comes_later_is_a_correction_of_the_open_month(sold: Sold) -> None:
    call = sold.book(LAST)
    sold.close(LAST)
    void(sold.server, call, "wrong customer")
    late = sold.book(LAST, 2)

    body = sold.statement(THIS)
    assert body["lines"] == []
    assert [(row["call_no"], row["entry_type"], row["month"], row["amount"], row["reason"])
            for row in body["corrections"]] == [
        (call["call_no"], "reversal", LAST, "-0.6250000000", "wrong customer"),
        (late["call_no"], "charge", LAST, "0.2500000000", None),
    ]  # fmt: skip
    assert (body["calls"], body["amount"]) == (0, "-0.3750000000")
    usage = sold.reseller.get("usage", month=THIS, group_by="day").json()
    assert usage["total"] == {"calls": 0, "amount": "-0.3750000000"}
    assert sold.statement(LAST)["amount"] == "0.6250000000"
    closed_usage = sold.reseller.get("usage", month=LAST, group_by="day").json()
    assert closed_usage["total"] == {"calls": 1, "amount": "0.6250000000"}
    lines = sold.reseller.get("usage", month=THIS).json()["rows"]
    assert [line["entry_no"] for line in lines] == [2, 3]
    csv = sold.reseller.get("statement.csv", month=THIS).text.splitlines()
    assert ["correction" in line for line in csv] == [False, True, True, False]


def test_closed_statements_are_the_same_for_ever(server: Installation) -> None:
    sold = Sold(server)
    call = sold.book(LAST)
    sold.book(LAST, 3)
    answer = sold.close(LAST)
    before = sold.files(LAST)
    admin = server.admin
    assert before["v1.csv zh"] == before["v1.csv en"]
    # People's is in words of their language, with the mark that spreadsheets go by.
    peoples = {before[f"file {{'format': 'csv'}} {lang}"] for lang in ("zh", "en")}
    assert len(peoples) == 2
    assert all(text.startswith(b"\xef\xbb\xbf") for text in peoples)
    assert before["v1.xlsx zh"] == before["file {'format': 'xlsx'} zh"]
    assert before["v1.xlsx zh"] != before["v1.xlsx en"]
    assert answer["number"].encode() in before["page {} zh"]

    (row,) = server.query("select * from distributors where id = %s", sold.distributor["id"])
    post(admin, f"{API}distributors_update.dspy", id=row["id"],
         lock_version=row["lock_version"], name="Another name")  # fmt: skip
    (row,) = server.query("select * from pipelines where id = %s", sold.pipeline["id"])
    post(admin, "/pipeline_core/api/pipelines_update.dspy", id=row["id"],
         lock_version=row["lock_version"], name="Another line")  # fmt: skip
    void(server, call, "wrong")
    sold.book(LAST, 9)
    (price,) = server.query("select * from pipeline_pricing where pipeline_id = %s", row["id"])
    post(admin, "/pipeline_ops/api/pipeline_pricing_update.dspy", id=price["id"],
         lock_version=price["lock_version"], unit_price="7", change_from="now")  # fmt: skip
    assert sold.files(LAST) == before
    server.manage("migrate")
    server.restart()
    assert sold.files(LAST) == before
    restore(server, dump(server))
    server.restart()
    assert sold.files(LAST) == before
    assert "0 difference(s)" in server.manage("check-ledger").stdout


def test_the_list_of_all_months(sold: Sold) -> None:
    sold.book(OLD)
    sold.book(LAST)
    number = sold.close(OLD)["number"]
    whose = {"distributor_id": sold.distributor["id"]}

    def months(**more: Any) -> list[tuple[Any, ...]]:
        answer = sold.server.admin.get(f"{API}statement_list.dspy", params=whose | more)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["total"] == len(body["rows"]) or "rows" in more
        return [(row["month"], row["state"], row["number"], row["total"]) for row in body["rows"]]

    assert months() == [(LAST, "ended", None, "0.63"), (OLD, "closed", number, "0.63")]
    assert months(sort="month") == [(OLD, "closed", number, "0.63"), (LAST, "ended", None, "0.63")]
    assert months(month=OLD) == [(OLD, "closed", number, "0.63")]
    assert months(rows=1, page=2) == [(OLD, "closed", number, "0.63")]
    wrong = sold.server.admin.get(f"{API}statement_list.dspy", params={"sort": "id;--"})
    assert wrong.json()["code"] == "bad_sort"


def test_a_number_is_its_distributors_own(server: Installation) -> None:
    sold, other = Sold(server), Sold(server)
    sold.book(LAST)
    number = sold.close(LAST)["number"]

    refusal = other.reseller.get("statement", number=number)
    assert (refusal.status_code, refusal.json()["code"]) == (404, "statement_not_found")
    beside = sold.reseller.get("statement", number=number, month=LAST)
    assert pointers(beside) == {"/month": "not_together"}
    assert other.reseller.get("statements").json() == {"rows": [], "next": None}


def test_the_command_closes_what_is_over(server: Installation) -> None:
    sold = Sold(server)
    sold.book(OLD)
    sold.book(LAST)
    code = sold.distributor["code"]

    result = server.manage("close-months", "--distributor", code)

    assert f"{code} {OLD}: {OLD}-" in result.stdout
    assert f"{code}: closed up to {LAST}." in result.stdout
    assert sold.statement(LAST)["final"] is True
    failure = server.manage("close-months", "--distributor", code, "--until", THIS, check=False)
    assert failure.returncode == 1
    assert "not over" in failure.stdout


def test_the_print_page_is_a_document_of_its_own(sold: Sold) -> None:
    sold.server.query(
        "update pipelines set name = %s where id = %s", "<b>&'\"", sold.pipeline["id"]
    )
    sold.book(LAST)
    whose = {"distributor_id": sold.distributor["id"], "month": LAST}
    path = f"{API}distributor_statement_page.dspy"
    before = sold.server.admin.get(path, params=whose | {"_lang": "en"})
    sold.close(LAST)
    after = sold.server.admin.get(path, params=whose | {"_lang": "zh"})

    assert before.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "this is no final statement" in before.text
    assert "&lt;b&gt;&amp;&#x27;&quot;" in before.text
    assert "<script" not in before.text + after.text
    assert 'lang="zh-CN"' in after.text
    assert "校验值" in after.text
    assert sold.statement(LAST)["checksum"] in after.text
