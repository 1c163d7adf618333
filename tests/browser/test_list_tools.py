"""What a list offers beyond rows: search, views, columns, marks, cells edited in place, files."""

import csv
import json
import re
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Download, Page, expect

from tests.browser.descriptions import show
from tests.browser.page_bench import Bench, Reply, Request

FIELDS = [
    {"name": "id", "title": "Id", "uitype": "str", "type": "str", "length": 32},
    {"name": "name", "title": "Name", "uitype": "str", "type": "str", "length": 8,
     "nullable": "no"},
    {"name": "share", "title": "Share", "uitype": "percent", "type": "decimal(9,6)"},
    {"name": "kind", "title": "Kind", "uitype": "code", "data": [
        {"value": "a", "text": "Apple"}, {"value": "b", "text": "Bean"}]},
    {"name": "enabled", "title": "Enabled", "uitype": "check", "type": "tinyint(1)"},
    {"name": "made_by", "title": "Made by", "uitype": "str", "set_by": "server"},
    {"name": "lock_version", "uitype": "hide", "set_by": "server"},
]  # fmt: skip


def table(**more: Any) -> dict[str, Any]:
    return {
        "widgettype": "Tabular",
        "options": {
            "title": "Things", "height": "100%", "data_url": "/get", "data_params": {},
            "editable": {"new_data_url": "/add", "update_data_url": "/update",
                         "delete_data_url": "/delete"},
            "searchable": True, "exportable": True, "import_url": "/import",
            "import_table": "things", "page_rows": 50,
            "row_options": {"fields": FIELDS,
                            "browserfields": {"exclouded": ["id", "made_by"], "alters": {}},
                            "editexclouded": ["made_by"]},
            **more,
        },
    }  # fmt: skip


@pytest.fixture
def things(bench: Bench, look: Page) -> list[dict[str, Any]]:
    """Three rows, shown."""
    rows: list[dict[str, Any]] = [
        {"id": f"t{n}", "name": f"thing{n}", "share": "0.850000", "kind": "a", "enabled": 1,
         "made_by": "u1", "made_by_text": "Ann", "lock_version": n}
        for n in (1, 2, 3)
    ]  # fmt: skip

    def get(request: Request) -> Any:
        wanted = request.params.get("q", "")
        found = [row for row in rows if wanted in row["name"]]
        if request.params.get("_export") == "csv":
            return in_pieces(iter([piece(1, b"\xef\xbb\xbfName\r\nthing1\r\n")]), 1)
        return {"total": len(found), "rows": found}

    bench.answers["/get"] = get
    show(look, bench, table())
    look.wait_for_selector("tbody tr")
    return rows


def piece(rows: int, body: bytes) -> bytes:
    return struct.pack(">II", rows, len(body)) + body


def in_pieces(pieces: Iterator[bytes], total: int) -> Reply:
    return Reply(
        pieces,
        content_type="application/vnd.pipeline-app.pieces",
        headers={
            "X-Total-Rows": str(total),
            "Content-Disposition": "attachment; filename*=UTF-8''x%20y.csv",
        },
    )


def cell(page: Page, name: str, row: int = 0) -> Any:
    return page.locator(f"td[data-name={name}]").nth(row)


def conflict(current: dict[str, Any]) -> dict[str, Any]:
    return {"widgettype": "Error", "options": {
        "message": "changed", "code": "edit_conflict", "current": current, "changed_by": "u2",
        "changed_by_name": "Bob", "changed_at": "2026-11-24T07:00:00Z", "fields": {}}}  # fmt: skip


def saved(request: Request) -> dict[str, Any]:
    names = {"id", "name", "share", "kind", "enabled"} & set(request.params)
    record = {name: request.params[name] for name in names} | {"lock_version": 9}
    return {"widgettype": "Message", "options": {"title": "Saved", "user_data": record}}


def test_a_slash_leads_to_the_search_and_the_search_to_the_rows(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    look.keyboard.press("/")
    look.keyboard.type("ing2")
    expect(look.locator("tbody tr")).to_have_count(1)
    assert bench.last("/get")["q"] == "ing2"
    look.keyboard.press("ArrowDown")
    expect(look.locator("tbody tr:focus")).to_have_count(1)
    look.keyboard.press("/")
    look.keyboard.press("Escape")
    expect(look.locator("tbody tr")).to_have_count(3)
    look.locator("tbody tr").first.focus()
    look.keyboard.press("?")
    expect(look.get_by_role("dialog")).to_contain_text("Edit the cell in its place")


def test_columns_are_chosen_resized_and_remembered(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    look.get_by_role("button", name="Columns").click()
    look.get_by_role("checkbox", name="Made by").check()
    look.get_by_role("checkbox", name="Kind").uncheck()
    look.keyboard.press("Escape")
    expect(cell(look, "made_by")).to_have_text("Ann")  # the name, where the server knows it
    expect(look.locator("td[data-name=kind]")).to_have_count(0)
    heading = look.get_by_role("columnheader", name="Name")
    before = heading.bounding_box()
    heading.get_by_role("button").focus()
    for _ in range(3):
        look.keyboard.press("Shift+ArrowRight")
    show(look, bench, table())
    look.wait_for_selector("tbody tr")
    after = look.get_by_role("columnheader", name="Name").bounding_box()
    assert after is not None
    assert before is not None
    assert after["width"] > before["width"]
    assert look.evaluate("localStorage.getItem('pipeline.list./get')")
    expect(cell(look, "made_by")).to_have_text("Ann")
    look.get_by_role("button", name="Columns").click()
    look.get_by_role("button", name="As at first").click()
    expect(look.locator("td[data-name=kind]")).to_have_count(3)


def headings(page: Page) -> list[str]:
    return page.get_by_role("columnheader").locator("button").all_inner_texts()


def test_columns_change_places_by_mouse_and_by_keyboard(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    assert headings(look) == ["Name", "Share", "Kind", "Enabled"]
    share = look.get_by_role("columnheader", name="Share").bounding_box()
    kind = look.get_by_role("columnheader", name="Kind").bounding_box()
    assert share is not None
    assert kind is not None
    asked = len(bench.asked("/get"))
    look.mouse.move(share["x"] + 30, share["y"] + 15)
    look.mouse.down()
    look.mouse.move(kind["x"] + kind["width"] * 0.8, kind["y"] + 15, steps=4)
    expect(look.locator("th.drop-before")).to_have_text("Enabled")
    look.mouse.up()
    assert headings(look) == ["Name", "Kind", "Share", "Enabled"]
    assert len(bench.asked("/get")) == asked  # a drag does not sort

    look.get_by_role("columnheader", name="Kind").get_by_role("button").focus()
    look.keyboard.press("Alt+ArrowLeft")
    look.keyboard.press("Alt+ArrowLeft")  # at the front already: nothing
    assert headings(look) == ["Kind", "Name", "Share", "Enabled"]
    expect(look.get_by_role("columnheader", name="Kind").get_by_role("button")).to_be_focused()

    look.get_by_role("button", name="Columns").click()
    look.get_by_role("button", name="Move Enabled to the front").press("Enter")
    expect(look.get_by_role("button", name="Move Enabled to the front")).to_be_focused()
    assert headings(look) == ["Kind", "Name", "Enabled", "Share"]
    expect(look.locator("tbody tr").first.locator("td[data-name]").first).to_have_attribute(
        "data-name", "kind"
    )

    show(look, bench, table())  # opened again: as it was left
    look.wait_for_selector("tbody tr")
    assert headings(look) == ["Kind", "Name", "Enabled", "Share"]
    look.get_by_role("button", name="Columns").click()
    look.get_by_label("Name", exact=True).uncheck()
    look.get_by_label("Name", exact=True).check()
    assert sorted(headings(look)) == ["Enabled", "Kind", "Name", "Share"]
    look.get_by_role("button", name="As at first").click()
    assert headings(look) == ["Name", "Share", "Kind", "Enabled"]


def test_a_dragged_heading_goes_back_at_escape(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    name = look.get_by_role("columnheader", name="Name").bounding_box()
    assert name is not None
    look.mouse.move(name["x"] + 30, name["y"] + 15)
    look.mouse.down()
    look.mouse.move(name["x"] + 400, name["y"] + 15, steps=4)
    look.keyboard.press("Escape")
    look.mouse.up()

    assert headings(look) == ["Name", "Share", "Kind", "Enabled"]


def test_a_view_is_kept_and_comes_back(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    look.get_by_label("Search this list").fill("thing3")
    look.get_by_role("columnheader", name="Share").get_by_role("button").click()
    expect(look.locator("tbody tr")).to_have_count(1)
    look.get_by_role("button", name="Views").click()
    # The box takes the focus when it is open, away from what is typed before.
    expect(look.get_by_role("button", name="Views")).to_have_attribute("aria-expanded", "true")
    look.get_by_label("Name of the view").fill("Threes")
    look.keyboard.press("Enter")
    look.get_by_role("button", name="Views").click()
    look.get_by_role("button", name="Everything, as at first").click()
    expect(look.locator("tbody tr")).to_have_count(3)
    look.get_by_role("button", name="Views").click()
    look.get_by_role("button", name="Threes", exact=True).click()
    expect(look.locator("tbody tr")).to_have_count(1)
    assert bench.last("/get")["q"] == "thing3"
    assert bench.last("/get")["sort"] == "share"


def test_an_address_may_bring_a_view_and_any_nonsense(look: Page, bench: Bench) -> None:
    bench.answers["/get"] = {"total": 0, "rows": []}
    view = {"q": "x", "f": [["kind", "eq", "b"], ["nothing", "eq", 1], ["name", "drop", 1], 7],
            "s": "share desc", "c": ["share", "__proto__"], "r": -5}  # fmt: skip
    show(look, bench, table(data_params={"_view": json.dumps(view)}))
    look.wait_for_selector(".table-note:visible")
    asked = bench.last("/get")
    assert json.loads(asked["data_filter"]) == {"field": "kind", "op": "=", "const": "b"}
    assert (asked["q"], asked["sort"], asked["rows"]) == ("x", "share desc", "50")
    assert "_view" not in asked
    expect(look.locator("thead th[aria-sort]")).to_have_count(1)
    show(look, bench, table(data_params={"_view": "{broken"}))
    look.wait_for_selector(".table-note:visible")


def test_a_cell_is_edited_in_its_place(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    bench.answers["/update"] = saved
    look.locator("tbody tr").first.click()
    look.locator("tbody tr").first.focus()
    look.keyboard.press("F2")
    look.keyboard.type("new")
    look.keyboard.press("Enter")
    expect(cell(look, "name")).to_have_text("new")
    assert bench.last("/update") == {"id": "t1", "name": "new", "lock_version": "1"}
    look.keyboard.press("ArrowRight")
    look.keyboard.press("Enter")
    expect(cell(look, "share").get_by_role("textbox")).to_have_value("85")
    look.keyboard.type("7x")
    look.keyboard.press("Enter")
    expect(cell(look, "share").get_by_role("alert")).to_have_text("Please enter a number.")
    look.keyboard.press("ControlOrMeta+a")
    look.keyboard.type("12.5")
    look.keyboard.press("Enter")
    expect(cell(look, "share")).to_have_text("12.5%")
    assert bench.last("/update") == {"id": "t1", "share": "0.125", "lock_version": "9"}
    look.keyboard.press("F2")
    look.keyboard.type("1")
    look.keyboard.press("Escape")
    expect(cell(look, "share")).to_have_text("12.5%")
    look.keyboard.press("ArrowRight")
    look.keyboard.press("F2")
    cell(look, "kind").get_by_role("combobox").select_option("b")
    look.keyboard.press("Enter")
    expect(cell(look, "kind")).to_have_text("Bean")
    assert len(bench.asked("/update")) == 3


def test_what_another_saved_meanwhile_is_asked_about_field_by_field(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    theirs = {**things[0], "name": "theirs", "kind": "b", "lock_version": 7}
    bench.answers["/update"] = lambda request: (
        saved(request) if request.params["lock_version"] == "7" else conflict(theirs)
    )
    look.locator("tbody tr").first.focus()
    look.keyboard.press("F2")
    look.keyboard.type("mine")
    look.keyboard.press("Enter")
    form = look.get_by_role("dialog")
    expect(form).to_contain_text("Bob changed this record")
    # I changed the name, the other one name and kind.
    expect(form.get_by_label("Name: Mine")).to_be_checked()
    expect(form.get_by_label("Kind: Theirs")).to_be_checked()
    form.get_by_role("button", name="Save as chosen").click()
    expect(look.get_by_role("dialog")).to_have_count(0)
    sent = bench.last("/update")
    assert (sent["name"], sent["kind"], sent["lock_version"]) == ("mine", "b", "7")


def test_marked_rows_are_changed_together_with_a_result_for_each(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    def delete(request: Request) -> Any:
        if request.params["id"] == "t2":
            return {"widgettype": "Error", "options": {"message": "In use", "code": "in_use"}}
        things[:] = [row for row in things if row["id"] != request.params["id"]]
        return {"widgettype": "Message", "options": {"title": "Deleted"}}

    bench.answers |= {"/delete": delete, "/update": saved}
    look.locator("tbody tr").first.focus()
    look.keyboard.press("Space")
    look.keyboard.press("ArrowDown")
    look.keyboard.press("Space")
    bar = look.get_by_role("toolbar", name="Marked rows")
    expect(bar).to_contain_text("2 marked")
    bar.get_by_role("button", name="Disable").click()
    window = look.get_by_role("dialog", name="Results")
    expect(window.get_by_role("listitem")).to_have_count(2)
    window.get_by_role("button", name="Close").last.click()
    assert [r.params["enabled"] for r in bench.asked("/update")] == ["0", "0"]
    look.get_by_label("Mark all rows that are loaded").check()
    expect(bar).to_contain_text("3 marked")
    bar.get_by_role("button", name="Delete").click()
    look.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(window).to_contain_text("2 done, 1 failed, 0 not tried")
    expect(window.get_by_role("listitem").nth(1)).to_have_text("thing2In use")
    window.get_by_role("button", name="Close").last.click()
    expect(look.locator("tbody tr")).to_have_count(1)
    expect(bar).to_contain_text("1 marked")  # the one that is left to deal with


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
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    sheet["A3"].data_type = "s"
    sheet["B2"] = 0.5
    book.save(path)
    return path


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
