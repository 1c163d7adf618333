"""A key that is revoked while a request by it waits for its distributor's row changes nothing."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.raw_keys import REVOKED, key_change
from tests.support.selling import Reseller, make_pipeline, make_reseller
from tests.support.waiting import until_row_is_waited_for

HOOK = {"url": "https://example.com/hook"}
Ask = Callable[[Reseller, dict[str, Any]], httpx.Response]
# What is asked, of a distributor with these: a pipeline, a second key and a webhook.
CHANGES: dict[str, Ask] = {
    "make a key": lambda by, _: by.post("keys", {"name": "n", "scopes": ["read"]}, key="1"),
    "rotate a key": lambda by, own: by.post("keys/rotate", {"key_id": own["key"]}),
    "revoke a key": lambda by, own: by.post("keys/revoke", {"key_id": own["key"]}),
    "make a webhook": lambda by, _: by.post("webhooks", HOOK),
    "change a webhook": lambda by, own: by.post(
        "webhooks/update", {"webhook_id": own["webhook"], "url": "https://example.org/other"}
    ),
    "rotate a webhook": lambda by, own: by.post(
        "webhooks/rotate", {"webhook_id": own["webhook"]}
    ),
    "delete a webhook": lambda by, own: by.post(
        "webhooks/delete", {"webhook_id": own["webhook"]}
    ),
    "try a webhook": lambda by, own: by.post("webhooks/test", {"webhook_id": own["webhook"]}),
    "replay": lambda by, own: by.post(
        "webhooks/replay", {"webhook_id": own["webhook"], "from_event_no": 1}
    ),
    "book": lambda by, own: by.post("calls", call_of(own), key="1"),
    "book many": lambda by, own: by.post(
        "calls/batch", {"calls": [{"idempotency_key": key, **call_of(own)} for key in "abc"]}
    ),
}  # fmt: skip


def call_of(own: dict[str, Any]) -> dict[str, Any]:
    return {"pipeline": own["pipeline"], "status": "succeeded", "lines": []}


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin)


@pytest.mark.parametrize("what", CHANGES)
async def test_it_changes_nothing_any_more(
    server: Installation, pipeline: dict[str, Any], what: str
) -> None:
    owner = make_reseller(server, pipeline)
    distributor_id = owner.distributor["id"]
    second = owner.post("keys", {"name": "second", "scopes": ["read"]}, key="second").json()
    webhook = owner.post("webhooks", HOOK).json()
    own = {"pipeline": pipeline["code"], "key": second["id"], "webhook": webhook["id"]}
    before = rows_of(server, distributor_id)

    with server.connect() as holder, holder.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("select id from distributors where id = %s for update", (distributor_id,))
        asking = asyncio.create_task(asyncio.to_thread(CHANGES[what], owner, own))
        await until_row_is_waited_for(server)
        cursor.execute(key_change(REVOKED), (distributor_id,))
        holder.commit()
        answer = await asking

    if what == "book many":
        results = answer.json()["results"]
        assert [one["error"]["code"] for one in results] == ["invalid_key"] * 3
    else:
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_key")
    assert rows_of(server, distributor_id) == before


def rows_of(server: Installation, distributor_id: str) -> list[Any]:
    """What could have been changed."""
    statements = (
        "select id, name, prefix, revoked_at from app_key where distributor_id = %s order by id",
        "select id, url, secret, sent_no, waiting from app_webhook where distributor_id = %s",
        "select id, kind from app_webhook_delivery where distributor_id = %s order by id",
        "select id from pipeline_usage_log where distributor_id = %s",
    )
    return [server.query(statement, distributor_id) for statement in statements]
