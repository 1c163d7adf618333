"""Voiding calls: what it gives back is said, the reason is asked for, of one and of several."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.installation import Installation
from tests.support.selling import Reseller, make_pipeline, make_reseller, post

LEDGER = "/pipeline_ops/pipeline_usage_log"
PRICES: list[dict[str, Any]] = [
    {"unit": "call", "unit_price": "1"},
    {"unit": "image", "pricing_type": "package", "package_size": 100, "package_price": "25"},
]


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, prices=PRICES)


@pytest.fixture
def buyer(server: Installation, pipeline: dict[str, Any]) -> Reseller:
    """A distributor with three calls; the first bought a package that the second uses."""
    buyer = make_reseller(server, pipeline)
    for number in range(3):
        lines = [{"unit": "call", "quantity": 1}]
        if number < 2:
            lines.append({"unit": "image", "quantity": 3})
        answer = buyer.begin(
            pipeline, status="succeeded", client_ref=f"order-{number}", lines=lines
        )
        assert answer.status_code == 201, answer.text
    return buyer


def reversals(server: Installation, buyer: Reseller) -> list[tuple[str, str, str]]:
    """What was reversed: the client's number, the amount and the reason of each row."""
    rows = server.query(
        "select h.client_ref, r.amount, r.reason from pipeline_usage_log r"
        " join pipeline_usage_log h on h.call_no = r.call_no and h.line_no = 0"
        " where r.distributor_id = %s and r.entry_type = 'reversal' order by r.entry_no, r.line_no",
        buyer.distributor["id"],
    )
    return [(row["client_ref"], f"{row['amount']:.2f}", row["reason"]) for row in rows]


def open_calls(page: Page, buyer: Reseller) -> Locator:
    page.goto(f"/#/pipeline_ops/calls.ui?distributor_id={buyer.distributor['id']}")
    rows = page.locator("#main .call-row")
    expect(rows).to_have_count(3)
    return rows


def test_a_call_is_voided_with_its_reason(
    admin_page: Page, server: Installation, buyer: Reseller
) -> None:
    rows = open_calls(admin_page, buyer)
    rows.filter(has_text="order-0").locator("a").click()
    admin_page.locator(".call-panel [data-tool=void]").click()
    form = admin_page.get_by_role("dialog", name="作废调用")
    facts = form.locator(".void-facts")
    expect(facts).to_contain_text("order-0")
    expect(facts).to_contain_text(buyer.distributor["name"])
    expect(facts.locator("dl > div").filter(has_text="计费")).to_contain_text("26.00 USD")
    # The other call goes on using the package: it stays paid for.
    expect(facts.locator("dl > div").filter(has_text="退回")).to_contain_text("1.00 USD")
    expect(facts.locator(".package-words")).to_contain_text("剩余 97")
    expect(facts.locator(".package-words")).to_contain_text("不收回任何包")
    form.locator("button[type=submit]").click()
    expect(form.locator("[data-field=reason] .field-error")).to_be_visible()
    assert reversals(server, buyer) == []

    form.locator("[data-field=reason] input").fill("booked twice")
    form.locator("button[type=submit]").click()
    expect(form).to_have_count(0)
    expect(admin_page.locator(".call-panel .void-story")).to_contain_text("booked twice")
    expect(rows.filter(has_text="order-0").locator(".call-status")).to_have_text("已作废")
    assert reversals(server, buyer) == [
        ("order-0", "-1.00", "booked twice"),
        ("order-0", "0.00", "booked twice"),
    ]


def test_a_refused_reason_stays_typed(
    admin_page: Page, server: Installation, buyer: Reseller
) -> None:
    rows = open_calls(admin_page, buyer)
    rows.filter(has_text="order-2").locator("a").click()
    admin_page.locator(".call-panel [data-tool=void]").click()
    form = admin_page.get_by_role("dialog", name="作废调用")
    reason = form.locator("[data-field=reason] input")
    reason.fill("not ours")
    (header,) = server.query(
        "select id from pipeline_usage_log where distributor_id = %s and client_ref = 'order-2'",
        buyer.distributor["id"],
    )
    post(
        server.admin,
        "/pipeline_ops/api/pipeline_usage_log_delete.dspy",
        id=header["id"],
        reason="faster",
    )
    form.locator("button[type=submit]").click()
    expect(form.locator(".form-summary")).to_be_visible()
    expect(reason).to_have_value("not ours")
    assert reversals(server, buyer) == [("order-2", "-1.00", "faster")]


@pytest.mark.parametrize("place", ["calls", "ledger"])
def test_several_calls_are_voided_with_one_reason(
    admin_page: Page, server: Installation, buyer: Reseller, place: str
) -> None:
    """From the list of calls, and from the rows of the ledger: it is one dialog."""
    page = admin_page
    if place == "calls":
        rows = open_calls(page, buyer)
    else:
        page.goto(f"/#{LEDGER}?distributor_id={buyer.distributor['id']}&line_no=0")
        rows = page.locator("#main tbody tr")
        expect(rows).to_have_count(3)
    for number in (0, 1):
        rows.filter(has_text=f"order-{number}").locator("input[type=checkbox]").check()
    page.locator(".bulk-bar button.danger").click()
    form = page.get_by_role("dialog", name="作废调用")
    expect(form.locator(".void-facts")).to_contain_text("将作废 2 次调用，退回 27.00 USD。")
    form.locator("[data-field=reason] input").fill("trial calls")
    form.locator("button[type=submit]").click()
    results = page.locator("dialog[open] .bulk-results .good")
    expect(results).to_have_count(2)
    expect(results.first).to_contain_text("order-")
    assert sum(float(amount) for _, amount, _ in reversals(server, buyer)) == -27
    assert {reason for _, _, reason in reversals(server, buyer)} == {"trial calls"}
