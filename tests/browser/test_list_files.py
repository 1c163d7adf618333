"""Files of a list: exported as it is filtered, and imported after a trial."""

import csv
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from openpyxl import Workbook
from playwright.sync_api import Download, Locator, Page, expect

from tests.browser.every_page import settle
from tests.browser.list_of_things import in_pieces, piece
from tests.browser.page_bench import Bench, Reply, Request
from tests.support.installation import Installation

PIPELINES = "/pipeline_core/pipelines/get_pipelines.dspy"


def downloaded(page: Page, *names: str) -> Download:
    for name in names[:-1]:
        page.get_by_role("button", name=name, exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name=names[-1]).click()
    return download.value


def test_the_whole_list_is_exported_as_it_is_filtered(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    look.get_by_label("Search this list").fill("thing1")
    expect(look.locator("tbody tr")).to_have_count(1)
    file = downloaded(look, "Export and import", "Export as CSV")
    assert file.suggested_filename == "x y.csv"
    assert file.path().read_bytes() == b"\xef\xbb\xbfName\r\nthing1\r\n"
    params = bench.requests_of("/get")[-1].params
    assert (params["q"], params["_export"], params["_zone"]) == ("thing1", "csv", "Asia/Tokyo")
    assert params["_columns"] == "name,share,kind,enabled"
    bench.answers["/get"] = {"widgettype": "Error", "options": {"message": "Too many rows"}}
    look.get_by_role("button", name="Export and import").click()
    look.get_by_role("button", name="Export for Excel").click()
    expect(look.get_by_role("alertdialog")).to_contain_text("Too many rows")


def test_an_export_asks_to_sign_in_again_and_goes_on(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    rows = bench.answers["/get"]
    signed_out = Reply("401: Unauthorized", 401, "text/plain")

    def sign_in(_: Request) -> Any:
        bench.answers["/get"] = rows
        return {"data": {"username": "ann"}}

    bench.answers |= {"/get": signed_out, "/login.dspy": sign_in}
    look.get_by_role("button", name="Export and import").click()
    look.get_by_role("button", name="Export as CSV").click()
    window = look.get_by_role("dialog", name="Please sign in")
    window.get_by_role("button", name="Close").click()
    expect(look.get_by_role("alertdialog")).to_contain_text("You are signed out")
    look.keyboard.press("Escape")

    look.get_by_role("button", name="Export and import").click()
    with look.expect_download() as download:
        look.get_by_role("button", name="Export as CSV").click()
        window.get_by_label("User name").fill("ann")
        window.get_by_label("Password").fill("right")
        window.get_by_role("button", name="Sign in").click()
    assert download.value.suggested_filename == "x y.csv"
    expect(look.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("choice", ["Export as CSV", "Export for Excel"])
def test_an_export_shows_how_many_rows_are_done_and_can_be_given_up(
    look: Page, bench: Bench, things: list[dict[str, Any]], choice: str
) -> None:
    go_on, is_given_up = bench.gate(), Event()

    def slowly() -> Iterator[bytes]:
        try:
            yield piece(500, b"")  # a compressed file sends nothing for a long time
            go_on.wait()
            yield piece(1000, b"some")
            while True:  # until nobody listens any more
                yield piece(1000, b"more" * 1000)
                time.sleep(0.01)
        finally:
            is_given_up.set()

    bench.answers["/get"] = lambda _: in_pieces(slowly(), 12_345)
    files: list[Download] = []
    look.on("download", lambda file: files.append(file))
    look.get_by_role("button", name="Export and import").click()
    look.get_by_role("button", name=choice).click()
    window = look.get_by_role("dialog")
    bar = window.get_by_role("progressbar")

    expect(window).to_contain_text("500 of 12,345 rows")
    expect(bar).to_have_js_property("value", 500)
    expect(bar).to_have_js_property("max", 12_345)
    go_on.set()
    expect(window).to_contain_text("1,000 of 12,345 rows")
    window.get_by_role("button", name="Cancel").click()

    expect(look.get_by_role("dialog")).to_have_count(0)
    assert is_given_up.wait(60)
    assert files == []


def test_a_file_that_breaks_off_is_not_kept(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    bench.answers["/get"] = lambda _: in_pieces(iter([piece(500, b"abcdef")[:-2]]), 1000)
    files: list[Download] = []
    look.on("download", lambda file: files.append(file))
    look.get_by_role("button", name="Export and import").click()
    look.get_by_role("button", name="Export for Excel").click()

    expect(look.get_by_role("alertdialog")).to_contain_text("The answer broke off")
    assert files == []


def lines(*values: dict[str, Any]) -> Reply:
    """An answer in JSON Lines."""
    parts = (f"{json.dumps(value)}\n".encode() for value in values)
    return Reply(parts, content_type="application/x-ndjson")


def accepted(request: Request, total: int) -> dict[str, Any]:
    keep = not int(request.params.get("dry_run", 0))
    return {"total": total, "done": total, "failed": [], "kept": keep, "ignored": [], "preview": []}


def choose(page: Page, file: Path) -> Locator:
    """Choose *file* in the window for imports; the window."""
    page.get_by_role("button", name="Export and import").click()
    page.get_by_role("button", name="Import a file").click()
    page.get_by_label("File (CSV or Excel)").set_input_files(file)
    return page.get_by_role("dialog", name="Import a file")


def test_the_file_is_sent_as_it_is_and_progress_is_shown(
    look: Page, bench: Bench, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    go_on = bench.gate()

    def check(request: Request) -> Reply:
        def parts() -> Iterator[bytes]:
            yield b'{"step":"reading","done":0,"total":0}\n{"step":"checking",'
            yield b'"done":1200,"total":5000}\n'
            go_on.wait()
            yield f"{json.dumps({'data': accepted(request, 5000)})}\n".encode()

        return Reply(parts(), content_type="application/x-ndjson")

    bench.answers["/import"] = check
    file = tmp_path / "rows.csv"
    file.write_bytes(b"Name\r\n\xb2\xfa\xcf\xdf\r\n")
    window = choose(look, file)

    expect(window).to_contain_text("1,200 of 5,000 rows are checked")
    expect(window.get_by_role("progressbar")).to_have_js_property("value", 1200)
    expect(window.get_by_role("button", name="Import")).to_be_disabled()
    go_on.set()
    expect(window).to_contain_text("rows.csv: 5,000 of 5,000 rows can be imported.")
    expect(window.get_by_role("progressbar")).to_have_count(0)
    [upload] = bench.requests_of("/import")
    assert upload.file == file.read_bytes()
    assert (upload.params["table"], upload.params["zone"]) == ("things", "Asia/Tokyo")
    assert (upload.params["dry_run"], upload.params["fixed"]) == ("1", "{}")


def test_what_rows_ask_is_answered_once_for_all(
    look: Page, bench: Bench, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    def check(request: Request) -> Reply:
        outcome = accepted(request, 2)
        if "sure" not in json.loads(request.params["fixed"]):
            problem = {"column": "", "code": "c", "message": "Really?", "value": "", "ask": "sure"}
            outcome |= {
                "done": 0,
                "failed": [{"row": row, "problems": [problem]} for row in (2, 3)],
            }
        return lines({"data": outcome})

    bench.answers["/import"] = check
    file = tmp_path / "rows.csv"
    file.write_text("Name\na\nb\n", "utf-8")
    window = choose(look, file)
    expect(window).to_contain_text("Really?")

    window.get_by_role("button", name="Import these all the same").click()

    expect(window).to_contain_text("2 of 2 rows can be imported.")
    expect(window.get_by_role("button", name="Import these all the same")).to_have_count(0)
    window.get_by_role("button", name="Import", exact=True).click()
    expect(window).to_have_count(0)
    assert json.loads(bench.last("/import")["fixed"]) == {"sure": 1}


def test_what_was_tried_is_kept_and_a_mended_file_is_read_again(
    look: Page, bench: Bench, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    bench.answers["/import"] = lambda request: lines({"data": accepted(request, 1)})
    file = tmp_path / "rows.csv"
    file.write_text("Name\na\n", "utf-8")
    window = choose(look, file)
    expect(window).to_contain_text("1 of 1 rows")
    chooser = look.get_by_label("File (CSV or Excel)")

    # Whoever opens the chooser again may choose the same file.
    file.write_text("Name\nmended\n", "utf-8")
    with look.expect_file_chooser() as file_chooser:
        chooser.click()
    file_chooser.value.set_files(file)
    bench.expect_requests("/import", 2)
    expect(window).to_contain_text("1 of 1 rows")
    assert bench.requests_of("/import")[-1].file == b"Name\nmended\n"
    file.write_text("Name\nchanged behind our back\n", "utf-8")
    window.get_by_role("button", name="Import").click()
    expect(window).to_have_count(0)
    assert bench.requests_of("/import")[-1].file == b"Name\nmended\n"


def test_what_is_said_of_a_file_is_about_the_one_that_was_chosen_last(
    look: Page, bench: Bench, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    go_on = bench.gate()

    def check(request: Request) -> Any:
        if len(request.file) == 7:
            go_on.wait()
        return lines({"data": accepted(request, len(request.file) // 2 - 2)})

    bench.answers["/import"] = check
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_bytes(b"Name\na\n")
    second.write_bytes(b"Name\na\nb\n")
    window = choose(look, first)
    expect(window).to_contain_text("The file is being sent")
    look.get_by_label("File (CSV or Excel)").set_input_files(second)
    expect(window).to_contain_text("second.csv: 2 of 2 rows can be imported.")
    go_on.set()
    settle(look)

    expect(window).to_contain_text("second.csv: 2 of 2 rows can be imported.")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda: lines({"step": "reading", "done": 0, "total": 0}), "The answer broke off"),
        (lambda: lines({"error": {"detail": "Row 2: a quote."}}), "Row 2: a quote."),
        (lambda: {"widgettype": "Error", "options": {"message": "No."}}, "No."),
        (lambda: Reply({"detail": "Too large."}, 413), "Too large."),
        (lambda: Reply("500: Internal", 500, "text/plain"), "error (500)"),
    ],
)
def test_why_a_file_is_not_taken_is_said(
    look: Page,
    bench: Bench,
    things: list[dict[str, Any]],
    tmp_path: Path,
    answer: Any,
    sentence: str,
) -> None:
    bench.answers["/import"] = lambda _: answer()
    file = tmp_path / "rows.csv"
    file.write_text("Name\na\n", "utf-8")
    window = choose(look, file)

    expect(window).to_contain_text(sentence)
    expect(window.get_by_role("button", name="Import")).to_be_disabled()


def test_a_file_is_sent_again_after_signing_in_again(
    look: Page, bench: Bench, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    def sign_in(_: Request) -> Any:
        bench.answers["/import"] = lambda request: lines({"data": accepted(request, 1)})
        return {"data": {"username": "ann"}}

    bench.answers |= {"/import": Reply("401", 401, "text/plain"), "/login.dspy": sign_in}
    file = tmp_path / "rows.csv"
    file.write_text("Name\na\n", "utf-8")
    choose(look, file)
    window = look.get_by_role("dialog", name="Please sign in")
    window.get_by_label("User name").fill("ann")
    window.get_by_label("Password").fill("right")
    window.get_by_role("button", name="Sign in").click()

    expect(look.get_by_role("dialog", name="Import a file")).to_contain_text("1 of 1 rows")


def test_a_file_without_a_good_row_or_too_large_is_not_offered(
    look: Page, bench: Bench, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    problem = {"column": "name", "code": "required", "message": "Missing.", "value": ""}
    bench.answers["/import"] = lambda request: lines({"data": {
        **accepted(request, 1), "done": 0, "failed": [{"row": 2, "problems": [problem]}],
        "failed_file": "x"}})  # fmt: skip
    file = tmp_path / "rows.csv"
    file.write_text("Name\na\n", "utf-8")
    window = choose(look, file)
    expect(window).to_contain_text("0 of 1 rows can be imported. 1 have problems.")
    expect(window.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    expect(window.locator(".file-names")).to_have_text("rows.csv")

    # Told at once, and what was said of the one before is gone.
    file.write_bytes(b"x" * 8_000_001)
    look.get_by_label("File (CSV or Excel)").set_input_files(file)
    expect(window.get_by_role("alert")).to_have_text("The file is larger than 8 MB.")
    expect(window).not_to_contain_text("have problems")
    assert len(bench.requests_of("/import")) == 1


def test_the_list_shows_what_became_of_an_import_that_was_given_up(
    look: Page, bench: Bench, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    go_on = bench.gate()

    def keep(request: Request) -> Any:
        if int(request.params.get("dry_run", 0)):
            return lines({"data": accepted(request, 1)})

        def parts() -> Iterator[bytes]:
            yield b'{"step":"keeping","done":1,"total":2}\n'
            go_on.wait()

        return Reply(parts(), content_type="application/x-ndjson")

    bench.answers["/import"] = keep
    file = tmp_path / "rows.csv"
    file.write_text("Name\na\n", "utf-8")
    window = choose(look, file)
    window.get_by_role("button", name="Import").click()
    expect(window).to_contain_text("1 of 2 rows are written")
    expect(look.get_by_label("File (CSV or Excel)")).to_be_disabled()
    count = len(bench.requests_of("/get"))
    window.get_by_role("button", name="Close").click()
    bench.expect_requests("/get", count + 1)


def test_an_empty_file_has_the_headings_of_a_form(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    file = downloaded(look, "Export and import", "Import a file …", "Download an empty file")
    assert file.path().read_bytes() == b'\xef\xbb\xbf"Name","Share","Kind","Enabled"\r\n'


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_is_tried_corrected_and_imported(
    server: Installation, admin_page: Page, tmp_path: Path, kind: str
) -> None:
    """On the running application: rows of a file become lines."""
    page = admin_page
    rows: list[list[Any]] = [["code", "name"], [f"new-{kind}", '=2,"x";=zwei'], ["Bad"]]
    file = tmp_path / f"rows.{kind}"
    save(file, rows)
    page.add_init_script("localStorage.setItem('pipeline.language', 'en')")
    page.goto("/pipeline_core/pipelines")
    window = choose(page, file)
    expect(window).to_contain_text("1 of 2 rows can be imported. 1 have problems.")
    expect(window.get_by_role("table")).to_have_count(2)
    preview, problems = window.get_by_role("table").all()
    expect(preview.get_by_role("row").nth(1)).to_have_text(
        re.compile(rf"2.*new-{kind}.*=2", re.DOTALL)
    )
    # On a phone each problem can be read without scrolling to the side.
    page.set_viewport_size({"width": 390, "height": 844})
    table = window.locator(".import-problems")
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(problems.get_by_role("row").nth(1)).to_have_text(re.compile(r"3.*Code.*Bad", re.DOTALL))
    failures = downloaded(page, "Download the failed rows")
    text = failures.path().read_text("utf-8").removeprefix("\ufeff")
    head, row = csv.reader(text.splitlines(keepends=True))
    assert (head, row[0]) == (["code", "name", "Problem"], "Bad")
    assert "Code: " in row[2]
    window.get_by_role("button", name="Import the 1 that are right").click()
    expect(page.get_by_text("1 records were made.")).to_be_visible()
    [pipeline] = server.admin.get(PIPELINES, params={"code": f"new-{kind}"}).json()["rows"]
    assert pipeline["name"] == '=2,"x";=zwei'


def save(file: Path, rows: list[list[Any]]) -> None:
    if file.suffix == ".csv":
        with file.open("w", encoding="utf-8-sig", newline="") as out:
            csv.writer(out, delimiter=";").writerows(rows)
        return
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for line in rows:
        sheet.append(line)
    sheet["B2"].data_type = "s"
    book.save(file)
