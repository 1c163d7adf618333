"""What is done with one row of a list: by the menu behind its button."""

from playwright.sync_api import Locator, Page


def row_of(place: Locator | Page, text: str) -> Locator:
    """The first row of the list in *place* that has *text* in it."""
    return place.locator("tbody tr").filter(has_text=text).first


def open_row_menu(row: Locator) -> Locator:
    """Open the menu of *row*; the menu."""
    row.locator(".row-menu-button").click()
    menu = row.page.locator(".row-menu:popover-open")
    menu.wait_for()
    return menu


def use_row_tool(row: Locator, name: str) -> None:
    """Use the tool *name* on *row*."""
    open_row_menu(row).locator(f"[data-tool={name}]").click()
