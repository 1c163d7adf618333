"""The runtime of the pages: building, events and actions, look-up."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.descriptions import box, button, on, show, text
from tests.browser.every_page import settle
from tests.browser.page_bench import Bench, Request

# Building


def test_children_keep_their_order_though_pages_arrive_late(look: Page, bench: Bench) -> None:
    """One urlwidget in the middle answers an array, one answers another urlwidget."""
    bench.answers["/late.ui"] = [text("b"), text("c")]
    bench.answers["/hop.ui"] = {"widgettype": "urlwidget", "options": {"url": "sub/far.ui"}}
    bench.answers["/sub/far.ui"] = text("d")
    show(
        look,
        bench,
        box(
            text("a"),
            {"widgettype": "urlwidget", "options": {"url": "/late.ui"}},
            {"widgettype": "urlwidget", "options": {"url": "/hop.ui"}},
            text("e"),
            id="all",
        ),
    )
    expect(look.locator("#all > *")).to_have_text(["a", "b", "c", "d", "e"])
    params = bench.requests_of("/late.ui")[0].params
    assert set(params) == {"_webbricks_", "_is_mobile", "_width", "_height", "_lang"}
    assert (params["_webbricks_"], params["_lang"], params["_width"].isdigit()) == ("1", "en", True)


def test_a_broken_part_is_named_and_spares_its_neighbours(look: Page, bench: Bench) -> None:
    show(
        look,
        bench,
        box(
            text("a"),
            {"widgettype": "Nonsense"},
            None,
            {"widgettype": "Filler"},
            {"widgettype": "TabPanel", "options": {"items": 7}},
            text("z"),
        ),
    )
    expect(look.get_by_text("z", exact=True)).to_be_visible()
    expect(look.locator(".complaint")).to_have_count(3)
    expect(look.locator(".complaint").first).to_have_text('Unknown widget "Nonsense"')


def test_a_window_opens_after_its_binds_are_attached(look: Page, bench: Bench) -> None:
    """`opened` of an answered Message must fire: login windows close that way."""
    bench.answers["/message.dspy"] = {
        "widgettype": "Message",
        "options": {"title": "Hello", "message": "done"},
        "binds": [
            on("opened", "method", target="app.sink", method="set_text", params={"x": 1}),
            on("opened", "urlwidget", target="app.sink", options={"url": "/after.ui"}),
        ],
    }
    bench.answers["/after.ui"] = text("opened")
    show(
        look,
        bench,
        box(
            button("go", on("click", "urlwidget", options={"url": "/message.dspy"})), box(id="sink")
        ),
    )
    look.click("text=go")
    expect(look.locator("#sink")).to_have_text("opened")


def test_an_overlay_never_replaces_its_target(look: Page, bench: Bench) -> None:
    """A relation page binds check-changed to itself without a mode, and gets a Message."""
    bench.answers["/message.dspy"] = {"widgettype": "Message", "options": {"title": "Saved"}}
    bench.answers["/error.dspy"] = {"widgettype": "Error", "options": {"message": "No"}}
    show(
        look,
        bench,
        box(
            text("kept"),
            button("m", on("click", "urlwidget", target="all", options={"url": "/message.dspy"})),
            button("e", on("click", "urlwidget", target="all", options={"url": "/error.dspy"})),
            id="all",
        ),
    )
    look.get_by_role("button", name="m", exact=True).click()
    expect(look.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    look.get_by_role("button", name="e", exact=True).click()
    expect(look.get_by_role("alertdialog")).to_contain_text("No")
    expect(look.locator("#all > .text")).to_have_text(["kept"])


# Events and actions


def test_params_are_mapped_filled_and_merged(look: Page, bench: Bench) -> None:
    bench.answers["/target.ui"] = text("there")
    bind = on(
        "click",
        "urlwidget",
        target="sink",
        rtdata={"id": "p 1", "name": "x", "other": 3},
        params_mapping={"mapping": {"id": "pipeline_id"}, "need_other": False},
        options={
            "url": "/target.ui",
            "method": "POST",
            "params": {"fixed": "1", "pipeline_id": "lost", "filled": "[${pipeline_id}]"},
        },
    )
    show(look, bench, box(button("go", bind), box(id="sink")))
    look.click("text=go")
    expect(look.locator("#sink")).to_have_text("there")
    assert bench.last("/target.ui") == {"fixed": "1", "pipeline_id": "p 1", "filled": "[p 1]"}


def test_modes_append_insert_and_replace(look: Page, bench: Bench) -> None:
    for name in ("b", "c", "d"):
        bench.answers[f"/{name}.ui"] = text(name)
    show(
        look,
        bench,
        box(
            button(
                "end",
                on("click", "urlwidget", target="sink", mode="append", options={"url": "/b.ui"}),
            ),
            button(
                "start",
                on("click", "urlwidget", target="sink", mode="insert", options={"url": "/c.ui"}),
            ),
            button("only", on("click", "urlwidget", target="sink", options={"url": "/d.ui"})),
            box(text("a"), id="sink"),
        ),
    )
    sink = look.locator("#sink > *")
    look.click("text=end")
    expect(sink).to_have_text(["a", "b"])
    look.click("text=start")
    expect(sink).to_have_text(["c", "a", "b"])
    look.click("text=only")
    expect(sink).to_have_text(["d"])


def test_binds_of_one_event_run_in_order(look: Page, bench: Bench) -> None:
    """First fetch data into the text, then call its method."""
    bench.answers["/words"] = {"status": "ok", "data": "fetched"}
    show(
        look,
        bench,
        box(
            button(
                "go",
                on("click", "urldata", target="sink", options={"url": "/words"}),
                on("click", "method", target="sink", method="set_css", params="after"),
                on("click", "event", target="sink", dispatch_event="told", params={"a": 1}),
            ),
            text("", id="sink", binds=[on("told", "bricks", target="heard", options=text("${a}"))]),
            box(id="heard"),
        ),
    )
    look.click("text=go")
    expect(look.locator("#sink")).to_have_text("fetched")
    expect(look.locator("#sink")).to_have_class("text after")
    expect(look.locator("#heard")).to_have_text("1")


def test_a_confirmed_action_waits_for_yes(look: Page, bench: Bench) -> None:
    bench.answers["/delete.dspy"] = {"widgettype": "Message", "options": {"title": "Gone"}}
    show(
        look,
        bench,
        box(
            button(
                "go",
                on(
                    "click",
                    "urlwidget",
                    conform={"title": "Sure?", "message": "Really"},
                    options={"url": "/delete.dspy", "method": "POST"},
                ),
            )
        ),
    )
    look.click("text=go")
    look.get_by_role("button", name="Cancel").click()
    expect(look.get_by_role("alertdialog")).to_have_count(0)
    assert bench.requests_of("/delete.dspy") == []
    look.click("text=go")
    look.get_by_role("button", name="Yes").click()
    expect(look.get_by_text("Gone")).to_be_visible()
    assert len(bench.requests_of("/delete.dspy")) == 1


def test_scripts_of_pages_are_off_and_say_so(look: Page, bench: Bench) -> None:
    show(look, bench, box(button("go", on("click", "script", script="window.hacked = 1"))))
    look.click("text=go")
    expect(look.get_by_role("alertdialog")).to_contain_text("Scripts are switched off")
    assert look.evaluate("window.hacked") is None


def test_of_two_requests_for_one_target_the_later_wins(look: Page, bench: Bench) -> None:
    def slow(request: Request) -> Any:
        look_at = request.params["n"]
        if look_at == "1":
            second_is_there.wait()
        return text(f"page {look_at}")

    second_is_there = bench.gate()
    bench.answers["/slow.ui"] = slow
    show(
        look,
        bench,
        box(
            *[
                button(
                    f"go {n}",
                    on(
                        "click",
                        "urlwidget",
                        target="sink",
                        options={"url": "/slow.ui", "params": {"n": n}},
                    ),
                )
                for n in (1, 2)
            ],
            box(id="sink"),
        ),
    )
    look.click("text=go 1")
    bench.expect_requests("/slow.ui", 1)
    look.click("text=go 2")
    expect(look.locator("#sink")).to_have_text("page 2")
    second_is_there.set()
    settle(look)
    expect(look.locator("#sink")).to_have_text("page 2")


# Look-up


def test_the_nearest_widget_of_an_id_is_meant(look: Page, bench: Bench) -> None:
    def part(name: str) -> dict[str, Any]:
        return box(
            text(name, id="twin"),
            button(
                f"in {name}", on("click", "method", target="twin", method="set_text", params="hit")
            ),
            id=name,
        )

    show(
        look,
        bench,
        box(
            part("one"),
            part("two"),
            button(
                "path",
                on("click", "method", target="root.one.twin", method="set_text", params="path"),
            ),
            button(
                "slash",
                on("click", "method", target="app/two/twin", method="set_text", params="slash"),
            ),
        ),
    )
    look.click("text=in two")
    expect(look.locator("#two > .text")).to_have_text("hit")
    expect(look.locator("#one > .text")).to_have_text("one")
    look.click("text=path")
    expect(look.locator("#one > .text")).to_have_text("path")
    look.click("text=slash")
    expect(look.locator("#two > .text")).to_have_text("slash")


def test_a_bind_waits_for_a_widget_that_comes_later(look: Page, bench: Bench) -> None:
    bench.answers["/later.ui"] = button("late", id="late")
    show(
        look,
        bench,
        box(
            button("load", on("click", "urlwidget", target="sink", options={"url": "/later.ui"})),
            box(id="sink"),
            box(id="heard"),
            binds=[
                {
                    "wid": "late",
                    "event": "click",
                    "actiontype": "bricks",
                    "target": "heard",
                    "options": text("heard it"),
                }
            ],
        ),
    )
    look.click("text=load")
    look.click("#late")
    expect(look.locator("#heard")).to_have_text("heard it")
