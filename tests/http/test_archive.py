"""Archived months over HTTP and at the command line: what is told of them, and what is refused."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.support.installation import Installation
from tests.support.months import LONG_AGO, book_in, close, month_back
from tests.support.selling import Reseller, link, make_distributor, make_pipeline, new_key

OLD, LAST = month_back(2), month_back(1)
UNITS = ("call", "image", "page")
PRICES = [
    {"unit": unit, "unit_price": "0.125", "currency": "CNY", "effective_from": LONG_AGO}
    for unit in UNITS
]
THREE = [{"unit": unit, "quantity": 4} for unit in UNITS]
SUM = "1.5000000000"


@pytest.fixture(autouse=True)
def _months(monkeypatch: pytest.MonkeyPatch) -> None:
    """The months of now: this file may have been read in another."""
    for name, count in (("OLD", 2), ("LAST", 1)):
        monkeypatch.setitem(globals(), name, month_back(count))


class Sold:
    """A distributor with calls of three items: two of the month before last, one of the last."""

    def __init__(self, server: Installation) -> None:
        self.server = server
        self.pipeline = make_pipeline(server.admin, prices=PRICES)
        self.distributor = make_distributor(server.admin, currency="CNY")
        link(server.admin, self.distributor, self.pipeline)
        self.reseller = Reseller(server, self.distributor, new_key(server.admin, self.distributor))
        self.code = self.distributor["code"]
        self.by_hand = book_in(server, OLD, self.distributor, self.pipeline, THREE)
        self.call = book_in(server, OLD, self.distributor, self.pipeline, THREE)
        book_in(server, LAST, self.distributor, self.pipeline, THREE)

    def archive(self, *argv: str, check: bool = True) -> Any:
        return self.server.manage(
            "archive", "--before", LAST, "--distributor", self.code, *argv, check=check
        )

    def sums(self) -> list[Any]:
        """What the old month comes to, by whatever it is told."""
        answers = [
            self.reseller.get("usage", month=OLD, group_by=group).json()
            for group in ("day", "pipeline", "model", "step")
        ]
        assert len(answers[1]["rows"]) == 3
        return answers

    def rows(self, month: str) -> list[dict[str, Any]]:
        return self.server.query(
            "select * from pipeline_usage_log where distributor_id = %s and month_key = %s"
            " order by entry_no, call_no, line_no", self.distributor["id"], month,
        )  # fmt: skip


@pytest.fixture
def sold(server: Installation) -> Sold:
    return Sold(server)


def test_a_month_is_archived_told_refused_and_put_back(sold: Sold, tmp_path: Path) -> None:
    server = sold.server
    before = sold.rows(OLD)
    first = sold.reseller.get("calls", call_no=sold.call["call_no"]).json()
    sums = sold.sums()
    assert len(before) == 6

    refusal = sold.archive(check=False)
    assert refusal.returncode == 1
    assert f"{sold.code} {OLD}: not closed" in refusal.stdout
    close(server, sold.distributor, OLD)
    trial = sold.archive("--dry-run")
    assert "6 rows would be archived" in trial.stdout
    assert sold.rows(OLD) == before

    result = sold.archive("--batch-rows", "4")
    assert "2 calls, 6 rows archived, 2 of them stay as stubs" in result.stdout
    assert "Bytes a call" in result.stdout
    assert "6 / 6" in result.stderr
    assert sold.archive().stdout.startswith("There is nothing to archive")
    assert server.manage("archive", "--verify").returncode == 0
    assert "0 difference(s)" in server.manage("check-ledger").stdout

    check_refusals(sold)
    check_answers(sold, first)
    assert sold.sums() == sums
    printed = server.manage("archive", "--call", sold.call["call_no"]).stdout
    assert printed.count(sold.call["call_no"]) >= 3
    check_exports(sold, before + sold.rows(LAST), tmp_path)

    for batch in server.query(
        "select id from app_archive_batch where distributor_id = %s order by id desc",
        sold.distributor["id"],
    ):
        server.manage("archive", "--restore", batch["id"])
    assert sold.rows(OLD) == before
    assert sold.reseller.get("calls", call_no=sold.call["call_no"]).json() == first
    assert sold.sums() == sums
    assert "0 difference(s)" in server.manage("check-ledger").stdout


def check_refusals(sold: Sold) -> None:
    """What would change an archived call, or price it again, is refused."""
    server = sold.server
    void = server.admin.post(
        "/pipeline_ops/api/pipeline_usage_log_delete.dspy",
        json={"id": sold.by_hand["id"], "reason": "wrong"},
    )
    assert (void.status_code, void.json()["code"]) == (409, "archived")
    assert "distributor_adjust" in void.json()["detail"]
    change = server.admin.post(
        "/pipeline_ops/api/pipeline_usage_log_update.dspy",
        json={"id": sold.by_hand["id"], "remark": "new"},
    )
    assert (change.status_code, change.json()["code"]) == (409, "archived")
    price = {"pipeline_id": sold.pipeline["id"], "unit": "call", "unit_price": "9"}
    preview = server.admin.post(
        "/pipeline_ops/api/price_preview.dspy",
        json={"month": OLD, "distributor_id": sold.distributor["id"], "prices": [price]},
    )
    assert (preview.status_code, preview.json()["code"]) == (409, "archived")


def check_answers(sold: Sold, first: dict[str, Any]) -> None:
    """What is told of archived calls; *first* is what was told of one before."""
    call = sold.reseller.get("calls", call_no=sold.call["call_no"]).json()
    assert call == first | {"lines": [], "archived": True}
    assert call["amount"] == SUM
    lines = sold.reseller.get("usage", month=OLD).json()["rows"]
    assert [(line["entry_no"], line["amount"], line["archived"]) for line in lines] == [
        (1, SUM, True), (2, SUM, True),
    ]  # fmt: skip


def check_exports(sold: Sold, expected: list[dict[str, Any]], folder: Path) -> None:
    """Export both months in both forms; they have the rows that the ledger had."""
    argv = ("usage-export", "--from", OLD, "--to", LAST, "--distributor", sold.code)
    for form in ("parquet", "csv"):
        path = folder / f"usage.{form}"
        result = sold.server.manage(*argv, "--format", form, "--out", str(path))
        assert f"{len(expected)} rows" in result.stdout
        assert [file.name for file in folder.iterdir() if file.name.startswith(".")] == []
    rows = pq.read_table(folder / "usage.parquet").to_pylist()
    names = [name for name in rows[0] if not name.endswith("_code")]
    assert [{name: row[name] for name in names} for row in rows] == [
        {name: aware(row[name]) for name in names} for row in expected
    ]
    assert {row["distributor_code"] for row in rows} == {sold.code}
    with (folder / "usage.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = list(csv.DictReader(file))
    assert [Decimal(row["amount"]) for row in cells] == [row["amount"] for row in expected]
    assert [row["call_no"] for row in cells] == [row["call_no"] for row in expected]


def aware(value: Any) -> Any:
    """A value as the file has it: times with their zone."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def test_an_export_that_fails_leaves_no_file(sold: Sold, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"

    result = sold.server.manage(
        "usage-export", "--from", OLD, "--to", LAST, "--distributor", "nobody", "--format", "csv",
        "--out", str(path), check=False,
    )  # fmt: skip

    assert result.returncode == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["missing/usage.csv", "folder"])
def test_an_export_to_where_no_file_can_be_says_so(sold: Sold, tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()

    result = sold.server.manage(
        "usage-export", "--from", OLD, "--to", LAST, "--distributor", sold.code, "--format", "csv",
        "--out", str(tmp_path / place), check=False,
    )  # fmt: skip

    assert result.returncode == 1
    assert "The file cannot be written." in result.stdout
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_cells_of_an_export_are_no_formulas(sold: Sold, tmp_path: Path) -> None:
    sold.server.query(
        "update pipeline_usage_log set remark = %s where id = %s", "=1+1", sold.by_hand["id"]
    )
    path = tmp_path / "usage.csv"

    sold.server.manage(
        "usage-export", "--from", OLD, "--to", OLD, "--distributor", sold.code, "--format", "csv",
        "--out", str(path),
    )  # fmt: skip

    text = path.read_text("utf-8")
    assert "'=1+1" in text
    assert ",=1+1" not in text


def test_a_worker_does_not_load_the_library(server: Installation) -> None:
    code = (
        "import sys; import app.modules; app.modules.load_modules({});"
        " assert 'pyarrow' not in sys.modules; import app.pipeline_app;"
        " assert 'pyarrow' not in sys.modules"
    )

    assert server.command("-c", code).returncode == 0
