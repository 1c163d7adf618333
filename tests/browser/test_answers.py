"""The runtime of the pages: answers of the server, sign-in, texts, windows."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.descriptions import HOSTILE, box, button, on, show, text
from tests.browser.page_bench import Bench, Reply, Request

# Answers


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (Reply("500 Internal Server Error", 500, "text/plain"), "error (500)"),
        (Reply("403: Forbidden", 403, "text/plain"), "does not allow"),
        (Reply("", 200, "text/html"), "empty answer"),
        (Reply("<p>not JSON", 200, "text/html"), "cannot be read"),
        (
            Reply({"detail": "Try later.", "request_id": "r-77"}, 503, "application/problem+json"),
            "r-77",
        ),
        (Reply({"status": "error", "data": {"message": "Refused so"}}), "Refused so"),
        (Reply({"total": 0, "rows": []}), "no page"),
    ],
)
def test_whatever_the_server_says_there_is_a_readable_box(
    look: Page, bench: Bench, reply: Reply, sentence: str
) -> None:
    bench.answers["/odd.ui"] = reply
    show(
        look,
        bench,
        box(
            button("go", on("click", "urlwidget", target="sink", options={"url": "/odd.ui"})),
            box(text("kept"), id="sink"),
        ),
    )
    look.click("text=go")
    expect(look.get_by_role("alertdialog")).to_contain_text(sentence)
    expect(look.locator("#sink")).to_have_text("kept")


def test_parameters_do_not_leak_into_the_next_request(look: Page, bench: Bench) -> None:
    bench.answers |= {"/a.ui": text("x"), "/b.ui": text("y")}
    show(
        look,
        bench,
        box(
            button(
                "one",
                on(
                    "click",
                    "urlwidget",
                    target="sink",
                    options={"url": "/a.ui?q=1", "params": {"secret": "s"}},
                ),
            ),
            button("two", on("click", "urlwidget", target="sink", options={"url": "/b.ui"})),
            box(id="sink"),
        ),
    )
    look.click("text=one")
    expect(look.locator("#sink")).to_have_text("x")
    look.click("text=two")
    expect(look.locator("#sink")).to_have_text("y")
    assert bench.last("/a.ui") == {"q": "1", "secret": "s"}
    assert bench.last("/b.ui") == {}


def test_an_ended_session_opens_one_window_and_repeats_each_request_once(
    look: Page, bench: Bench
) -> None:
    signed_in = False

    def page(request: Request) -> Any:
        return text(request.path) if signed_in else Reply("401: Unauthorized", 401, "text/plain")

    def login(request: Request) -> Any:
        nonlocal signed_in
        if request.params["password"] != "right":
            return Reply({"code": "bad_credentials"}, 401, "application/problem+json")
        signed_in = True
        return {"data": {"username": "ann"}}

    bench.answers |= {"/a.ui": page, "/b.ui": page, "/login.dspy": login}
    show(
        look,
        bench,
        box(
            button("go", on("click", "urlwidget", target="left", options={"url": "/a.ui"})),
            box(id="left"),
            box(id="right"),
        ),
    )
    for side, url in (("right", "/b.ui"), ("left", "/a.ui")):
        look.evaluate(
            """([side, url]) => void bricks.buildUrlwidgetHandler(
                bricks.app.root, side, {}, {options: {url}})()""",
            [side, url],
        )
    expect(look.get_by_role("dialog")).to_have_count(1)
    look.fill("input[name=username]", "ann")
    look.fill("input[name=password]", "wrong")
    look.click("dialog button[type=submit]")
    expect(look.get_by_role("alert")).to_contain_text("wrong")
    look.fill("input[name=password]", "right")
    look.click("dialog button[type=submit]")
    expect(look.locator("#left")).to_have_text("/a.ui")
    expect(look.locator("#right")).to_have_text("/b.ui")
    expect(look.get_by_role("dialog")).to_have_count(0)
    assert len(bench.requests_of("/a.ui")) == len(bench.requests_of("/b.ui")) == 2


# Texts and windows


def test_hostile_texts_stay_texts(look: Page, bench: Bench) -> None:
    show(
        look,
        bench,
        box(
            text(HOSTILE),
            {"widgettype": "Title2", "options": {"text": HOSTILE}},
            button(HOSTILE),
            {"widgettype": "Message", "options": {"title": HOSTILE, "message": HOSTILE}},
            {
                "widgettype": "Svg",
                "options": {
                    "svg": "<svg xmlns='http://www.w3.org/2000/svg' onload='window.hacked=1'>"
                    "<script>window.hacked=1</script><path d='M0 0h9v9'/></svg>"
                },
            },
            {
                "widgettype": "Form",
                "options": {
                    "title": HOSTILE,
                    "fields": [
                        {
                            "name": "a",
                            "title": HOSTILE,
                            "uitype": "str",
                            "value": HOSTILE,
                            "tip": HOSTILE,
                        }
                    ],
                },
            },
        ),
    )
    expect(look.get_by_text(HOSTILE, exact=True).first).to_be_visible()
    look.wait_for_timeout(200)
    assert look.evaluate("window.hacked") is None
    expect(look.locator("img, b, svg script")).to_have_count(0)
    expect(look.locator(".svg-box path")).to_have_count(1)


def test_windows_close_by_escape_and_give_the_focus_back(look: Page, bench: Bench) -> None:
    bench.answers["/inside.ui"] = text("inside")
    show(
        look,
        bench,
        box(
            button(
                "go",
                on(
                    "click",
                    "urlwidget",
                    target="PopupWindow",
                    options={"url": "/inside.ui"},
                    popup_options={
                        "title": "A window",
                        "width": "70%",
                        "height": "70%",
                        "archor": "tl",
                    },
                ),
                id="opener",
            )
        ),
    )
    look.click("#opener")
    window = look.get_by_role("dialog", name="A window")
    expect(window).to_contain_text("inside")
    frame = window.bounding_box()
    assert frame is not None
    assert max(frame["x"], frame["y"]) < 40
    look.keyboard.press("Escape")
    expect(window).to_have_count(0)
    expect(look.locator("#opener")).to_be_focused()


def test_a_message_goes_by_itself_and_an_error_stays(look: Page, bench: Bench) -> None:
    show(
        look,
        bench,
        box(
            {"widgettype": "Message", "options": {"title": "Short", "timeout": 1}},
            {"widgettype": "Error", "options": {"message": "Long", "fields": {"code": "taken"}}},
        ),
    )
    expect(look.locator(".toast")).to_have_count(0)
    expect(look.get_by_role("alertdialog")).to_contain_text("Long")
    expect(look.get_by_role("alertdialog")).to_contain_text("code: taken")


def test_a_new_key_is_shown_once_with_its_curl_line(look: Page, bench: Bench) -> None:
    show(
        look,
        bench,
        {
            "widgettype": "ApiKey",
            "options": {
                "api_key": "ppk_abc",
                "curl": "curl -H 'X-API-Key: ppk_abc' http://x/",
                "expires_at": None,
            },
        },
    )
    expect(look.locator("[data-name=key]")).to_have_text("ppk_abc")
    look.click("[data-copy=curl]")
    expect(look.get_by_role("status").last).not_to_be_empty()
    look.get_by_role("button", name="I have stored it").click()
    expect(look.locator("dialog")).to_have_count(0)
    assert "ppk_abc" not in look.content().replace(
        look.locator("#bricks-page").text_content() or "", ""
    )
