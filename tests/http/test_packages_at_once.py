"""Packages that are used by several processes at once: charged is exactly what is due."""

import asyncio
from decimal import Decimal
from math import ceil

import httpx
import pytest

from tests.support.installation import DIRECT, Installation
from tests.support.shop import Distributor, Shop

PRICE = {"unit": "image", "pricing_type": "package", "package_size": 100, "package_price": "25"}


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


async def finish_at_once(shop: Shop, buyer: Distributor, calls: list[str], quantity: str) -> None:
    """Finish *calls*, each over a connection of its own, so that all workers have some."""
    lines = [{"unit": "image", "quantity": quantity}]

    async def finish(call_no: str) -> None:
        headers = {"Authorization": f"Bearer {buyer.api_key}"}
        async with httpx.AsyncClient(
            base_url=shop.installation.base_url, timeout=60, headers=headers, **DIRECT
        ) as client:
            answer = await client.post(
                "/pipeline_dist/v1/calls/finish",
                json={"call_no": call_no, "status": "succeeded", "lines": lines},
            )
        assert answer.status_code == 200, answer.text

    await asyncio.gather(*(finish(call_no) for call_no in calls))


@pytest.mark.parametrize("capacity", [None, {"enabled": 1}])
def test_finishes_of_several_workers_cost_exactly_what_is_due(
    shop: Shop, capacity: dict[str, int] | None
) -> None:
    pipeline = shop.pipeline(prices=[PRICE], capacity=capacity)
    buyer = shop.distributor(pipeline)
    calls = [buyer.begin(pipeline, f"k{n}").json()["call_no"] for n in range(40)]

    asyncio.run(finish_at_once(shop, buyer, calls, "7.5"))

    units = 40 * Decimal("7.5")
    amount = shop.row("distributors", buyer.id)["spend_used"]
    assert amount == ceil(units / 100) * 25
    (use,) = shop.installation.query(
        "select units_left from app_package_use where distributor_id = %s", buyer.id
    )
    assert use["units_left"] == ceil(units / 100) * 100 - units
    assert shop.ledger_differences() == ""
