"""The keys of a distributor on its page: made, changed, rotated, revoked."""

import os
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.every_page import settle
from tests.browser.test_distributor_page import shown_key
from tests.support.installation import Installation
from tests.support.selling import Reseller, make_distributor


def test_keys_are_made_changed_rotated_and_revoked(admin_page: Page, server: Installation) -> None:
    page, owner = admin_page, make_distributor(server.admin)
    page.goto(f"/#/pipeline_dist/distributor.ui?id={owner['id']}")
    page.locator("[role=tab][data-name=keys]").click()
    dialog, rows = page.get_by_role("dialog"), page.get_by_role("row")

    page.locator("[data-tool=make_named_key]").click()
    dialog.locator("[data-field=name] input").fill("财务")
    dialog.locator("[data-field=scope_finance]").get_by_role("checkbox").check()
    dialog.locator("[data-field=scope_calls]").get_by_role("checkbox").uncheck()
    dialog.locator("[data-field=allowed_ips] input").fill("127.0.0.0/8")
    dialog.locator("button[data-tool=submit]").click()
    program = Reseller(server, owner, shown_key(page))
    assert program.get("statements").status_code == 200
    assert program.get("keys").status_code == 403
    row = rows.filter(has_text="财务")
    expect(page.locator(".page-title")).not_to_contain_text("尚无密钥")
    expect(row).to_contain_text("finance")
    expect(row).to_contain_text("127.0.0.0/8")

    row.locator("[data-tool=change_key]").click()
    dialog.locator("[data-field=scope_finance]").get_by_role("checkbox").uncheck()
    dialog.locator("button[data-tool=submit]").click()
    expect(row).not_to_contain_text("finance")
    assert program.get("statements").status_code == 403

    row.locator("[data-tool=rotate_key]").click()
    dialog.locator("button[data-tool=submit]").click()
    second = Reseller(server, owner, shown_key(page))
    assert [each.get("me").status_code for each in (program, second)] == [200, 200]
    look(page)

    row.locator("[data-tool=revoke_named_key]").click()
    page.get_by_role("alertdialog").get_by_role("button", name="撤销").click()
    expect(row).to_have_count(0)
    assert [each.get("me").status_code for each in (program, second)] == [401, 401]


def look(page: Page) -> None:
    """Nothing stands beyond the page's edge, on a screen and on a telephone."""
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("PIPELINE_LOOK"):
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_timeout(300)
                page.screenshot(path=Path(folder) / f"keys-{width}-{scheme}.png")
