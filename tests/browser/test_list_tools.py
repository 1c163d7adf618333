"""What a list offers beyond rows: search, views, columns, marks, cells edited in place, files."""

import json
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.descriptions import show
from tests.browser.generated_list import expect_rows
from tests.browser.list_of_things import table
from tests.browser.page_bench import Bench, Request
from tests.browser.row_tools import use_row_tool


def cell(page: Page, name: str, row: int = 0) -> Any:
    return page.locator(f"td[data-name={name}]").nth(row)


def conflict(current: dict[str, Any]) -> dict[str, Any]:
    return {"widgettype": "Error", "options": {
        "message": "changed", "code": "edit_conflict", "current": current, "changed_by": "u2",
        "changed_by_name": "Bob", "changed_at": "2026-11-24T07:00:00Z", "fields": {}}}  # fmt: skip


def save(request: Request) -> dict[str, Any]:
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


def test_a_cell_keeps_the_focus_when_the_answer_to_a_search_comes_late(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    look.keyboard.press("/")
    with look.expect_response("**/get*"):
        look.keyboard.type("thing")
        # Before what is typed is asked for.
        for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
            look.keyboard.press(key)
        column = look.locator("tbody td:focus").get_attribute("data-name")
    look.wait_for_function("!document.querySelector('[aria-busy=true]')")

    assert bench.last("/get")["q"] == "thing"
    expect(look.locator(f"tbody tr td[data-name={column}]:focus")).to_have_count(1)


def test_a_cell_keeps_the_focus_it_got_while_a_search_was_asked_for(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    requests: list[Route] = []
    look.route("**/get*", lambda route: requests.append(route))
    look.keyboard.press("/")
    with look.expect_request("**/get*"):
        look.keyboard.type("thing")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight"):
        look.keyboard.press(key)
    column = look.locator("tbody td:focus").get_attribute("data-name")
    row = look.locator("tbody tr:has(td:focus)").inner_text()
    with look.expect_response("**/get*"):
        requests[0].continue_()
    look.wait_for_function("!document.querySelector('[aria-busy=true]')")

    expect(look.locator(f"tbody tr td[data-name={column}]:focus")).to_have_count(1)
    selection = look.locator("tbody tr[aria-selected=true]:has(td:focus)")
    expect(selection).to_have_count(1)
    assert selection.inner_text() == row


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
    expect_rows(look)
    after = look.get_by_role("columnheader", name="Name").bounding_box()
    assert after is not None
    assert before is not None
    assert after["width"] > before["width"]
    assert look.evaluate("localStorage.getItem('pipeline.list./get')")
    expect(cell(look, "made_by")).to_have_text("Ann")
    look.get_by_role("button", name="Columns").click()
    look.get_by_role("button", name="As at first").click()
    expect(look.locator("td[data-name=kind]")).to_have_count(3)


def expect_headings(page: Page, names: list[str]) -> None:
    expect(page.get_by_role("columnheader").locator("button")).to_have_text(names)


def test_columns_change_places_by_mouse_and_by_keyboard(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    expect_headings(look, ["Name", "Share", "Kind", "Enabled"])
    share = look.get_by_role("columnheader", name="Share").bounding_box()
    kind = look.get_by_role("columnheader", name="Kind").bounding_box()
    assert share is not None
    assert kind is not None
    before = len(bench.requests_of("/get"))
    look.mouse.move(share["x"] + 30, share["y"] + 15)
    look.mouse.down()
    look.mouse.move(kind["x"] + kind["width"] * 0.8, kind["y"] + 15, steps=4)
    expect(look.locator("th.drop-before")).to_have_text("Enabled")
    look.mouse.up()
    expect_headings(look, ["Name", "Kind", "Share", "Enabled"])
    assert len(bench.requests_of("/get")) == before  # a drag does not sort

    look.get_by_role("columnheader", name="Kind").get_by_role("button").focus()
    look.keyboard.press("Alt+ArrowLeft")
    look.keyboard.press("Alt+ArrowLeft")  # at the front already: nothing
    expect_headings(look, ["Kind", "Name", "Share", "Enabled"])
    expect(look.get_by_role("columnheader", name="Kind").get_by_role("button")).to_be_focused()

    look.get_by_role("button", name="Columns").click()
    look.get_by_role("button", name="Move Enabled to the front").press("Enter")
    expect(look.get_by_role("button", name="Move Enabled to the front")).to_be_focused()
    expect_headings(look, ["Kind", "Name", "Enabled", "Share"])
    expect(look.locator("tbody tr").first.locator("td[data-name]").first).to_have_attribute(
        "data-name", "kind"
    )

    show(look, bench, table())  # opened again: as it was left
    expect_rows(look)
    expect_headings(look, ["Kind", "Name", "Enabled", "Share"])
    look.get_by_role("button", name="Columns").click()
    look.get_by_label("Name", exact=True).uncheck()
    look.get_by_label("Name", exact=True).check()
    expect(look.get_by_role("columnheader", name="Name")).to_be_visible()
    look.get_by_role("button", name="As at first").click()
    expect_headings(look, ["Name", "Share", "Kind", "Enabled"])


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

    expect_headings(look, ["Name", "Share", "Kind", "Enabled"])


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
    removers = look.get_by_role("alert").get_by_role("button", name="Remove condition")
    for rest in (3, 2, 1):
        expect(removers).to_have_count(rest)
        assert bench.requests_of("/get") == []
        removers.first.click()
    expect(look.get_by_text("Nothing matches the filter.")).to_be_visible()
    params = bench.last("/get")
    assert json.loads(params["data_filter"]) == {"field": "kind", "op": "=", "const": "b"}
    assert (params["q"], params["sort"], params["rows"]) == ("x", "share desc", "50")
    assert "_view" not in params
    expect(look.locator("thead th[aria-sort]")).to_have_count(1)
    show(look, bench, table(data_params={"_view": "{broken"}))
    look.wait_for_selector(".table-note:visible")


def test_a_cell_is_edited_in_its_place(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    bench.answers["/update"] = save
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
    assert len(bench.requests_of("/update")) == 3


def test_what_another_saved_meanwhile_is_asked_about_field_by_field(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    theirs = {**things[0], "name": "theirs", "kind": "b", "lock_version": 7}
    bench.answers["/update"] = lambda request: (
        save(request) if request.params["lock_version"] == "7" else conflict(theirs)
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
    params = bench.last("/update")
    assert (params["name"], params["kind"], params["lock_version"]) == ("mine", "b", "7")


def test_a_marked_row_that_was_edited_is_no_conflict_with_oneself(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    def update(request: Request) -> Any:
        thing = next(row for row in things if row["id"] == request.params["id"])
        if int(request.params["lock_version"]) != thing["lock_version"]:
            return conflict(dict(thing))
        names = {"name", "enabled"} & set(request.params)
        thing |= {name: request.params[name] for name in names}
        thing["lock_version"] += 10
        return save(request)

    bench.answers["/update"] = update
    look.get_by_label("Mark", exact=True).first.check()
    use_row_tool(look.locator("tbody tr").first, "update")
    form = look.get_by_role("dialog")
    form.get_by_label("Name").fill("edited")
    form.get_by_role("button", name="Save").click()
    expect(cell(look, "name")).to_have_text("edited")
    bar = look.get_by_role("toolbar", name="Marked rows")
    window = look.get_by_role("dialog", name="Results")

    bar.get_by_role("button", name="Disable").click()
    expect(window).to_contain_text("1 done, 0 failed")
    window.get_by_role("button", name="Close").last.click()

    # What somebody else has changed is refused once, and done when it is wanted all the same.
    look.get_by_label("Mark", exact=True).first.check()
    things[0]["lock_version"] = 99
    for words in ("0 done, 1 failed", "1 done, 0 failed"):
        bar.get_by_role("button", name="Enable").click()
        expect(window).to_contain_text(words)
        window.get_by_role("button", name="Close").last.click()


def test_marked_rows_are_changed_together_with_a_result_for_each(
    look: Page, bench: Bench, things: list[dict[str, Any]]
) -> None:
    def delete(request: Request) -> Any:
        if request.params["id"] == "t2":
            return {"widgettype": "Error", "options": {"message": "In use", "code": "in_use"}}
        things[:] = [row for row in things if row["id"] != request.params["id"]]
        return {"widgettype": "Message", "options": {"title": "Deleted"}}

    bench.answers |= {"/delete": delete, "/update": save}
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
    assert [r.params["enabled"] for r in bench.requests_of("/update")] == ["0", "0"]
    look.get_by_label("Mark all rows that are loaded").check()
    expect(bar).to_contain_text("3 marked")
    bar.get_by_role("button", name="Delete").click()
    look.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(window).to_contain_text("2 done, 1 failed, 0 not tried")
    expect(window.get_by_role("listitem").nth(1)).to_have_text("thing2In use")
    window.get_by_role("button", name="Close").last.click()
    expect(look.locator("tbody tr")).to_have_count(1)
    expect(bar).to_contain_text("1 marked")  # the one that is left to deal with
