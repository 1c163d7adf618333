"""A form on the bench."""

from typing import Any

from playwright.sync_api import Page, expect


def form(*fields: dict[str, Any], binds: list[Any] | None = None, **options: Any) -> dict[str, Any]:
    return {
        "widgettype": "Form", "options": {"submit_url": "/save", "fields": list(fields), **options},
        "binds": binds or [],
    }  # fmt: skip


def submit(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    expect(page.locator("form[aria-busy=true]")).to_have_count(0)
