"""Files of a list: exported as it is filtered, and imported after a trial."""

import csv
import re
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from threading import Event
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from playwright.sync_api import Download, Page, expect

from tests.browser.list_of_things import in_pieces, piece
from tests.browser.page_bench import Bench, Reply, Request


def downloaded(page: Page, *names: str) -> Download:
    for name in names[:-1]:
        page.get_by_role("button", name=name, exact=True).click()
    with page.expect_download() as found:
        page.get_by_role("button", name=names[-1]).click()
    return found.value


def test_the_whole_list_is_exported_as_it_is_filtered(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    look.get_by_label("Search this list").fill("thing1")
    expect(look.locator("tbody tr")).to_have_count(1)
    file = downloaded(look, "Export and import", "Export as CSV")
    assert file.suggested_filename == "x y.csv"
    assert file.path().read_bytes() == b"\xef\xbb\xbfName\r\nthing1\r\n"
    asked = bench.asked("/get")[-1].params
    assert (asked["q"], asked["_export"], asked["_zone"]) == ("thing1", "csv", "Asia/Tokyo")
    assert asked["_columns"] == "name,share,kind,enabled"
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
    with look.expect_download() as told:
        look.get_by_role("button", name="Export as CSV").click()
        window.get_by_label("User name").fill("ann")
        window.get_by_label("Password").fill("right")
        window.get_by_role("button", name="Sign in").click()
    assert told.value.suggested_filename == "x y.csv"
    expect(look.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("choice", ["Export as CSV", "Export for Excel"])
def test_an_export_shows_how_many_rows_are_done_and_can_be_given_up(
    look: Page, bench: Bench, things: list[dict[str, Any]], choice: str
) -> None:
    go_on, is_given_up = Event(), Event()

    def slowly() -> Iterator[bytes]:
        try:
            yield piece(500, b"")  # a compressed file sends nothing for a long time
            go_on.wait(20)
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
    assert is_given_up.wait(10)
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


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_is_tried_corrected_and_imported(
    look: Page, bench: Bench, things: list[dict[str, Any]], tmp_path: Path, kind: str
) -> None:
    def imported(request: Request) -> Any:
        body = request.params
        failed = [] if body.get("skip_failed") == 1 else [{"row": 2, "problems": [
            {"column": "name", "code": "too_long", "message": "Too long."}]}]  # fmt: skip
        kept = not body.get("dry_run")
        return {"data": {"total": 2, "done": 1, "failed": failed, "kept": kept, "ignored": []}}

    bench.answers["/import"] = imported
    file = _file(tmp_path, kind)
    look.get_by_role("button", name="Export and import").click()
    look.get_by_role("button", name="Import a file").click()
    look.get_by_label("File (CSV or Excel)").set_input_files(file)
    window = look.get_by_role("dialog", name="Import a file")
    expect(window).to_contain_text("1 of 2 rows can be imported. 1 have problems.")
    problem = window.get_by_role("row").nth(1)
    expect(problem).to_have_text(re.compile(r"3.*Name.*=2,.*Too long", re.S))
    first = bench.asked("/import")[0].params
    assert first["columns"] == ["Name", "Share"]
    assert [row[0] for row in first["rows"]] == ["eins", '=2,"x"\nzwei']
    assert (first["table"], first["dry_run"], first["zone"]) == ("things", 1, "Asia/Tokyo")
    failed = downloaded(look, "Download the failed rows")
    text = Path(failed.path()).read_text("utf-8").removeprefix("\ufeff")
    assert list(csv.reader(text.splitlines(keepends=True))) == [
        ["Name", "Share", "Problem"], ["'=2,\"x\"\nzwei", "", "Name: Too long."]]  # fmt: skip
    window.get_by_role("button", name="Import the 1 that are right").click()
    expect(window).to_have_count(0)
    assert bench.asked("/import")[-1].params["skip_failed"] == 1


def _file(folder: Path, kind: str) -> Path:
    rows: list[list[Any]] = [["Name", "Share"], ["eins", "0.5"], ['=2,"x"\nzwei', None]]
    path = folder / f"rows.{kind}"
    if kind == "csv":
        with path.open("w", encoding="utf-8-sig", newline="") as out:
            csv.writer(out, delimiter=";").writerows(rows)
        return path
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    sheet["A3"].data_type = "s"
    sheet["B2"] = 0.5
    book.save(path)
    return path


def accepted(request: Request) -> dict[str, Any]:
    total = len(request.params["rows"])
    return {"data": {"total": total, "done": total, "failed": [], "kept": False, "ignored": []}}


def choose(page: Page, file: Path) -> None:
    page.get_by_role("button", name="Export and import").click()
    page.get_by_role("button", name="Import a file").click()
    page.get_by_label("File (CSV or Excel)").set_input_files(file)


def change_part(path: Path, part: str, change: Callable[[str], str]) -> None:
    """Writes a part of an Excel file as other programs do than the one that made it."""
    with ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    changed = change(parts[part].decode())
    assert changed.encode() != parts[part]
    with ZipFile(path, "w") as book:
        for name, content in (parts | {part: changed.encode()}).items():
            book.writestr(name, content)


def test_the_first_sheet_is_read_as_excel_shows_it(
    look: Page, bench: Bench, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Sheets that were moved keep the names of their files; floats are written with 17 digits."""
    book = Workbook()
    notes = book.active
    assert notes is not None
    notes.append(["no rows of the list"])
    secret, sheet = book.create_sheet("secret"), book.create_sheet("things")
    secret.append(["hidden"])
    secret.sheet_state = "hidden"
    sheet.append(["Name", "Share", "Since", "Number"])
    sheet.append(["1.1000000000000001", 1.5, date(2026, 11, 24), 123456789012345])
    path = tmp_path / "moved.xlsx"
    book.save(path)
    change_part(path, "xl/workbook.xml", lambda text: re.sub(
        "(<sheet .*?/>)(<sheet .*?/>)(<sheet .*?/>)", r"\2\3\1", text))  # fmt: skip
    change_part(path, "xl/worksheets/sheet3.xml",
                lambda text: text.replace("<v>1.5</v>", "<v>1.1000000000000001</v>"))  # fmt: skip
    bench.answers["/import"] = accepted
    choose(look, path)

    expect(look.get_by_role("dialog")).to_contain_text("1 of 1 rows can be imported.")
    sent = bench.last("/import")
    assert sent["columns"] == ["Name", "Share", "Since", "Number"]
    assert sent["rows"] == [["1.1000000000000001", "1.1", "2026-11-24", "123456789012345"]]


def test_what_is_said_of_a_file_is_about_the_one_that_was_chosen_last(
    look: Page, bench: Bench, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    go_on = Event()

    def checked(request: Request) -> Any:
        if len(request.params["rows"]) == 1:
            go_on.wait(10)
        return accepted(request)

    bench.answers["/import"] = checked
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("Name\na\n", "utf-8")
    second.write_text("Name\na\nb\n", "utf-8")
    choose(look, first)
    window = look.get_by_role("dialog")
    expect(window).to_contain_text("1 rows are being checked")
    look.get_by_label("File (CSV or Excel)").set_input_files(second)
    expect(window).to_contain_text("2 of 2 rows can be imported.")
    with look.expect_response("**/import*"):
        go_on.set()
    look.wait_for_timeout(100)

    expect(window).to_contain_text("2 of 2 rows can be imported.")


def test_a_file_that_cannot_be_read_is_said_so(
    look: Page, bench: Bench, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK nothing")
    look.get_by_role("button", name="Export and import").click()
    look.get_by_role("button", name="Import a file").click()
    look.get_by_label("File (CSV or Excel)").set_input_files(broken)
    expect(look.get_by_role("dialog")).to_contain_text("no rows that can be read")
    assert bench.asked("/import") == []
