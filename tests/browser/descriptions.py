"""Page descriptions in few words, for the tests of the runtime."""

from typing import Any

from playwright.sync_api import Page

from tests.browser.page_bench import Bench

HOSTILE = '<img src=x onerror="window.hacked=1"> {{7*7}} ${name}$ </script><b>bold</b>'


def show(page: Page, bench: Bench, description: Any) -> None:
    """Open a page with that description and wait until it stands."""
    bench.page = description
    page.goto("/page")
    page.wait_for_selector("body[data-ready]")


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"widgettype": "Text", "options": {"text": words}, **more}


def on(event: str, actiontype: str, **more: Any) -> dict[str, Any]:
    return {"wid": "self", "event": event, "actiontype": actiontype, **more}


def button(label: str, *binds: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"widgettype": "Button", "options": {"label": label}, "binds": list(binds), **more}


def box(*subwidgets: Any, **more: Any) -> dict[str, Any]:
    return {"widgettype": "VBox", "subwidgets": list(subwidgets), **more}
