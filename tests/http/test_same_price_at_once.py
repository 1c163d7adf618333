"""Administrators who enter the same price, or succeed the same one, at once: one of them wins."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.selling import make_pipeline

WRITERS = 6


@pytest.fixture(scope="module")
def writers(server: Installation) -> Iterator[list[httpx.Client]]:
    clients = [server.sign_in("admin") for _ in range(WRITERS)]
    yield clients
    for client in clients:
        client.close()


def at_once(writers: list[httpx.Client], endpoint: str, **fields: Any) -> Counter[str]:
    """What each is told: `ok`, or the code of the refusal."""
    url = f"/pipeline_ops/api/pipeline_pricing_{endpoint}.dspy"
    with ThreadPoolExecutor(WRITERS) as threads:
        answers = list(threads.map(lambda client: client.post(url, json=fields), writers))
    return Counter("ok" if one.status_code == 200 else one.json()["code"] for one in answers)


@pytest.mark.parametrize("start", [None, "2099-01-01T00:00:00Z"])
def test_one_price_of_a_key_is_made(
    server: Installation, writers: list[httpx.Client], start: str | None
) -> None:
    pipeline = make_pipeline(server.admin, prices=())

    outcome = at_once(
        writers, "create", pipeline_id=pipeline["id"], unit="call", unit_price="1",
        effective_from=start,
    )  # fmt: skip

    assert outcome == {"ok": 1, "price_overlap": WRITERS - 1}


def test_one_successor_is_made(server: Installation, writers: list[httpx.Client]) -> None:
    pipeline = make_pipeline(server.admin, prices=[{"unit": "call", "unit_price": "1"}])
    (price,) = server.query(
        "select id from pipeline_pricing where pipeline_id = %s", pipeline["id"]
    )

    outcome = at_once(
        writers, "update", id=price["id"], lock_version=1, unit_price="2", change_from="now"
    )

    assert outcome == {"ok": 1, "edit_conflict": WRITERS - 1}
    rows = server.query("select id from pipeline_pricing where pipeline_id = %s", pipeline["id"])
    assert len(rows) == 2
