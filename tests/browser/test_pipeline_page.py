"""
The line's own page, by mouse and again by keyboard alone.

Six steps in three stages are built, published, changed, compared, published, rolled back with a
reason, and the timeline tells all of it.
"""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.every_page import settle
from tests.support.installation import Installation
from tests.support.selling import code_of_try, make_pipeline, post

# Keys as they are typed, and where each stands in the end.
STAGES = [["plan"], ["draw", "speak", "music"], ["cut", "check"]]


class Board:
    """What a person sees and does on the board."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def card(self, key: str) -> Locator:
        return self.page.locator(f'.step-card[data-key="{key}"]')

    def expect_layout(self, layout: list[list[str]]) -> None:
        """The stages as they are shown; a change that is being saved is waited for."""
        for stage, keys in enumerate(layout):
            cards = self.page.locator(f'.lane-steps[data-stage="{stage}"] .step-card')
            expect(cards).to_have_count(len(keys))
            for place, key in enumerate(keys):
                expect(cards.nth(place)).to_have_attribute("data-key", key)
        expect(self.page.locator(".lane")).to_have_count(len(layout))

    def fill_step(self, key: str, by_keyboard: bool = False) -> None:
        """The dialog of a new step, filled in and saved."""
        dialog = self.page.get_by_role("dialog", name="新增步骤")
        name = dialog.locator("[data-field=name] input")
        if by_keyboard:
            expect(name).to_be_focused()
            self.page.keyboard.press("Control+A")
            self.page.keyboard.type(f"步骤 {key}")
            self.page.keyboard.press("Tab")
            self.page.keyboard.press("Control+A")
            self.page.keyboard.type(key)
            self.page.keyboard.press("Tab")
            self.page.keyboard.press("Tab")
            self.page.keyboard.type("m-1")
            self.page.keyboard.press("Enter")
        else:
            name.fill(f"步骤 {key}")
            dialog.locator("[data-field=step_key] input").fill(key)
            dialog.locator("[data-field=model] input").fill("m-1")
            dialog.get_by_role("button", name="保存").click()
        expect(self.page.get_by_role("dialog")).to_have_count(0)
        expect(self.card(key)).to_be_focused()

    def drag(self, key: str, target: Locator, share: float = 0.5) -> None:
        """Drag a card onto *target*, at a share of its height."""
        source, goal = self.card(key).bounding_box(), target.bounding_box()
        assert source is not None
        assert goal is not None
        self.page.mouse.move(source["x"] + 60, source["y"] + 20)
        self.page.mouse.down()
        self.page.mouse.move(source["x"] + 80, source["y"] + 40, steps=3)
        goal = target.bounding_box()  # gaps grow while something is dragged
        assert goal is not None
        self.page.mouse.move(
            goal["x"] + goal["width"] / 2, goal["y"] + goal["height"] * share, steps=5
        )
        self.page.mouse.up()


def open_pipeline(page: Page, server: Installation, code: str, **options: Any) -> Board:
    """A new pipeline's page, reached from the list of pipelines."""
    code = code_of_try(code)
    post(server.admin, "/pipeline_core/api/pipelines_create.dspy", code=code, name=f"线 {code}")
    page.goto("/#/pipeline_core/pipelines")
    if options.get("by_keyboard"):
        row = page.get_by_role("row").filter(has_text=code)
        row.focus()
        page.keyboard.press("Enter")
    else:
        page.get_by_role("gridcell", name=code, exact=True).dblclick()
    expect(page.get_by_role("heading", level=1, name=f"线 {code}")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/pipeline_core/line\.ui\?pipeline_id="))
    return Board(page)


def timeline(page: Page) -> list[str]:
    """The versions, newest first, each with all it says."""
    return page.locator(".timeline-entry").all_inner_texts()


def test_the_story_with_the_mouse(admin_page: Page, server: Installation) -> None:
    page = admin_page
    board = open_pipeline(page, server, "mouse-story")
    page.locator(".board [data-tool=add_step]").click()
    board.fill_step("plan")
    for stage, key in ((1, "draw"), (2, "speak"), (2, "cut"), (3, "music"), (3, "check")):
        if stage > page.locator(".lane").count():
            page.locator(".lane-new [data-tool=add_step]").click()
        else:
            page.locator(f'.lane[data-stage="{stage - 1}"] [data-tool=add_here]').click()
        board.fill_step(key)
    board.expect_layout([["plan", "draw"], ["speak", "cut"], ["music", "check"]])

    # Dragged: to another place, into another stage, into a stage of its own between two.
    board.drag("draw", page.locator('.lane-gap[data-gap="1"]'))
    board.expect_layout([["plan"], ["draw"], ["speak", "cut"], ["music", "check"]])
    board.drag("speak", page.locator('.lane-steps[data-stage="1"]'), 0.9)
    board.expect_layout([["plan"], ["draw", "speak"], ["cut"], ["music", "check"]])
    board.drag("music", page.locator('.lane-steps[data-stage="1"]'), 0.95)
    board.expect_layout([["plan"], ["draw", "speak", "music"], ["cut"], ["check"]])
    board.drag("check", page.locator('.lane-steps[data-stage="2"]'), 0.95)
    board.expect_layout(STAGES)
    expect(page.locator(".flow-box")).to_have_count(6)

    page.locator("[data-tool=publish]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("admin")  # who has edited
    dialog.locator("[data-field=notes] textarea").fill("第一版")
    dialog.locator("button[data-tool=submit]").click()
    expect(page.locator(".page-title")).to_contain_text("v1")

    # Changed: one step renamed, one moved, one copied and the copy deleted again.
    board.card("plan").dblclick()
    dialog = page.get_by_role("dialog")
    dialog.locator("[data-field=name] input").fill("新提纲")
    dialog.get_by_role("button", name="保存").click()
    expect(board.card("plan")).to_contain_text("新提纲")
    board.card("cut").locator("[data-tool=duplicate_step]").click()
    expect(page.locator(".step-card")).to_have_count(7)
    copy = page.locator(".step-card:focus").get_attribute("data-key")
    assert copy
    board.card(copy).locator("[data-tool=delete_step]").click()
    page.get_by_role("alertdialog").get_by_role("button", name="删除").click()
    expect(page.locator(".step-card")).to_have_count(6)
    board.drag("music", page.locator('.lane-steps[data-stage="2"]'), 0.02)
    board.expect_layout([["plan"], ["draw", "speak"], ["music", "cut", "check"]])
    expect(page.locator(".page-title")).to_contain_text("有未发布的修改")

    settle(page)  # the board shows a move before it is saved
    page.locator("[data-tool=compare]").click()
    comparison = page.locator(".comparison")
    expect(comparison.locator(".difference-moved").first).to_contain_text("music")
    field = comparison.locator(".difference-field").filter(has_text="新提纲")
    expect(field.locator("del")).to_have_text("步骤 plan")
    page.locator("[data-tool=publish]").click()
    expect(page.get_by_role("dialog").locator(".difference-moved").first).to_contain_text("music")
    page.get_by_role("dialog").locator("[data-field=notes] textarea").fill("第二版")
    page.get_by_role("dialog").locator("button[data-tool=submit]").click()
    expect(page.locator(".page-title")).to_contain_text("v2")

    page.get_by_role("tab", name="版本").click()
    page.locator('[data-version="1"] [data-tool=rollback]').click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".difference-moved").first).to_contain_text("music")
    dialog.locator("button[data-tool=submit]").click()
    expect(dialog.locator(".field-error")).to_be_visible()  # no rollback without a reason
    dialog.locator("[data-field=reason] textarea").fill("音乐太早")
    dialog.locator("button[data-tool=submit]").click()
    expect(page.locator(".page-title")).to_contain_text("v1")

    expect(page.locator(".timeline-entry")).to_have_count(2)
    expect(page.locator('[data-version="1"]')).to_contain_text("音乐太早")
    expect(page.locator(".timeline-entry").first).to_contain_text("第二版")
    _, first = timeline(page)
    assert re.search(r"回滚后重新上线.*音乐太早", first, re.DOTALL)
    page.get_by_role("tab", name="步骤").click()
    board.expect_layout(STAGES)  # the draft followed


def test_the_story_by_keyboard_alone(admin_page: Page, server: Installation) -> None:
    page = admin_page
    keys = page.keyboard
    board = open_pipeline(page, server, "keyboard-story", by_keyboard=True)
    message = page.locator("[data-name=move-said]")
    tab_to(page, page.locator(".board [data-tool=add_step]"))
    keys.press("Enter")
    board.fill_step("plan", by_keyboard=True)
    for press, key in (
        ("n", "draw"), ("Shift+N", "speak"), ("n", "cut"), ("Shift+N", "music"), ("n", "check"),
    ):  # fmt: skip
        keys.press(press)
        board.fill_step(key, by_keyboard=True)
    board.expect_layout([["plan", "draw"], ["speak", "cut"], ["music", "check"]])

    # Picked up, put back, put down elsewhere; told to those who cannot see it.
    keys.press("ArrowUp")
    expect(board.card("music")).to_be_focused()
    keys.press("Space")
    expect(message).to_contain_text("已拿起 步骤 music")
    keys.press("ArrowLeft")
    expect(message).to_contain_text("第 2 阶段")
    keys.press("Escape")
    board.expect_layout([["plan", "draw"], ["speak", "cut"], ["music", "check"]])
    for press in ("ArrowLeft", "ArrowLeft", "ArrowDown"):
        keys.press(press)
    expect(board.card("draw")).to_be_focused()
    for press in ("Space", "Shift+ArrowRight", "Space"):
        keys.press(press)
    board.expect_layout([["plan"], ["draw"], ["speak", "cut"], ["music", "check"]])
    expect(board.card("draw")).to_be_focused()
    move(page, board, "speak", ["ArrowRight"], ["ArrowLeft", "ArrowDown"])
    board.expect_layout([["plan"], ["draw", "speak"], ["cut"], ["music", "check"]])
    way_back = ["ArrowLeft", "ArrowLeft", "ArrowDown", "ArrowDown"]
    move(page, board, "music", ["ArrowRight", "ArrowRight"], way_back)
    board.expect_layout([["plan"], ["draw", "speak", "music"], ["cut"], ["check"]])
    move(page, board, "check", ["ArrowRight", "ArrowRight"], ["ArrowLeft", "ArrowDown"])
    board.expect_layout(STAGES)

    publish(page, "v1", "第一版")
    tab_to(page, page.locator(".step-card[tabindex='0']"))
    for press in ("ArrowLeft", "ArrowLeft", "ArrowLeft"):
        keys.press(press)
    expect(board.card("plan")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("dialog").locator("[data-field=name] input")).to_be_focused()
    keys.press("Control+A")
    keys.type("新提纲")
    keys.press("Enter")
    expect(board.card("plan")).to_contain_text("新提纲")
    expect(board.card("plan")).to_be_focused()
    keys.press("d")
    expect(board.card("plan")).to_contain_text("已停用")
    expect(board.card("plan").locator(".problem-error").first).to_be_visible()
    keys.press("d")
    expect(board.card("plan").locator(".problem-error")).to_have_count(0)
    keys.press("c")
    expect(page.locator(".step-card")).to_have_count(7)
    expect(page.locator(".step-card:focus:not([data-key=plan])")).to_have_count(1)
    keys.press("Delete")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    keys.press("Enter")
    expect(page.locator(".step-card")).to_have_count(6)

    tab_to(page, page.locator("[data-tool=compare]"), back=True)
    keys.press("Enter")
    expect(page.locator(".comparison ins").filter(has_text="新提纲")).to_be_visible()
    publish(page, "v2", "第二版")

    tab_to(page, page.get_by_role("tab", name="版本"), back=True)
    for name in ("总览", "版本"):
        keys.press("ArrowLeft" if name == "总览" else "ArrowRight")
        expect(page.get_by_role("tab", name=name)).to_be_focused()
    tab_to(page, page.locator('[data-version="1"] [data-tool=rollback]'))
    keys.press("Enter")
    expect(page.get_by_role("dialog").locator("[data-field=reason] textarea")).to_be_focused()
    keys.type("旧名字更好")
    tab_to(page, page.get_by_role("dialog").locator("button[data-tool=submit]"))
    keys.press("Enter")
    expect(page.locator('[data-version="1"]')).to_contain_text("旧名字更好")
    expect(page.locator(".timeline-entry").first).to_contain_text("第二版")


def move(page: Page, board: Board, key: str, way: list[str], keys: list[str]) -> None:
    """Go to a card along *way*, pick it up, press *keys*, put it down."""
    for press in way:
        page.keyboard.press(press)
    expect(board.card(key)).to_be_focused()
    for press in ("Space", *keys, "Space"):
        page.keyboard.press(press)
    expect(page.locator("[data-name=move-said]")).to_contain_text("已放下")


def publish(page: Page, version: str, notes: str) -> None:
    tab_to(page, page.locator("[data-tool=publish]"), back=True)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[data-field=notes] textarea")).to_be_focused()
    page.keyboard.type(notes)
    tab_to(page, dialog.locator("button[data-tool=submit]"))
    page.keyboard.press("Enter")
    expect(page.locator(".page-title")).to_contain_text(version)


def tab_to(page: Page, target: Locator, back: bool = False) -> None:
    """Press the Tab key until *target* has the focus."""
    expect(target).to_be_visible()
    settle(page)  # what comes anew may take the focus along
    for _ in range(60):
        if target.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    pytest.fail("the Tab key does not get there")


def test_prices_quote_and_capacity(admin_page: Page, server: Installation) -> None:
    """Which price applies when, what a call would cost, how much is used."""
    page = admin_page
    prices: list[dict[str, Any]] = [
        {"unit": "call", "unit_price": "2", "effective_from": "2026-01-01T00:00:00Z",
         "effective_to": "2026-02-01T00:00:00Z"},
        {"unit": "call", "unit_price": "3", "effective_from": "2026-02-01T00:00:00Z"},
        {"unit": "image", "pricing_type": "package", "package_size": 10, "package_price": "7"},
    ]  # fmt: skip
    pipeline = make_pipeline(server.admin, prices=prices)
    page.goto(f"/#/pipeline_core/line.ui?pipeline_id={pipeline['id']}&tab=prices")
    bars = page.get_by_role("region", name="call")
    expect(bars.locator(".price-is-past")).to_contain_text("2 USD")
    expect(bars.locator(".price-is-now")).to_contain_text("3 USD")

    page.locator("[data-tool=quote]").click()
    expect(page.locator(".quote-total")).to_have_text("合计 10 USD")  # 3 and a package of 7
    page.locator(".quote-row [data-name=quantity]").first.fill("-1")
    page.locator("[data-tool=quote]").click()
    expect(page.locator(".quote-result .form-summary")).to_be_visible()

    page.get_by_role("tab", name="供应量").click()
    expect(page.locator(".empty-note")).to_contain_text("没有限制")
    page.locator("[data-tool=change_capacity]").click()
    form = page.get_by_role("dialog")
    form.locator("[data-field=max_concurrency] input").fill("4")
    form.get_by_role("button", name="保存").click()
    expect(page.get_by_role("meter", name="当前占用并发")).to_have_attribute(
        "aria-valuetext", "0 / 4"
    )

    page.locator("[data-tool=change_status]").click()
    form = page.get_by_role("dialog")
    form.locator("select").select_option(label="已下架")
    form.get_by_role("button", name="修改状态").click()
    expect(page.locator(".page-title")).to_contain_text("已下架")
