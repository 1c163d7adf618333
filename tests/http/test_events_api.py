"""The feed of events and the management of webhooks, as distributors' programs meet them."""

from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.selling import Reseller, make_pipeline, make_reseller
from tests.support.waiting import until

URL = "https://hooks.example.com/pipeline"


@pytest.fixture(scope="module")
def reseller(server: Installation) -> Reseller:
    """Whose quota of 5 calls is used, and whose pipeline was published again."""
    pipeline = make_pipeline(server.admin)
    result = make_reseller(server, pipeline, quota_period="day", quota_calls=5)
    for _ in range(5):
        assert result.begin(pipeline).status_code == 201
    return result


def post(reseller: Reseller, name: str, body: dict[str, Any], status: int = 200) -> Any:
    answer = reseller.post(f"webhooks{name}", body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_the_feed_is_read_page_by_page(reseller: Reseller) -> None:
    first = reseller.get("events", rows=1).json()
    second = reseller.get("events", after=first["next_after"]).json()
    end = reseller.get("events", after=second["next_after"]).json()

    assert [row["data"]["percent"] for row in first["rows"] + second["rows"]] == [80, 100]
    assert (first["next_after"], second["next_after"], end["rows"]) == (1, 2, [])
    assert (end["next_after"], end["first_event_no"], end["last_event_no"]) == (2, 1, 2)
    others = reseller.get("events", type="call.voided").json()
    assert (others["rows"], others["next_after"]) == ([], 2)


@pytest.mark.parametrize("query", [{"after": -1}, {"type": "no.such"}, {"rows": 1001}, {"x": 1}])
def test_what_the_feed_refuses(reseller: Reseller, query: dict[str, Any]) -> None:
    answer = reseller.get("events", **query)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_fields")


async def test_a_change_of_a_pipeline_comes_by_the_background(server: Installation) -> None:
    pipeline = make_pipeline(server.admin)
    reseller = make_reseller(server, pipeline)
    answer = server.admin.post(
        "/pipeline_core/api/pipeline_set_status.dspy",
        json={"pipeline_id": pipeline["id"], "status": "offline", "reason": "repair"},
    )
    assert answer.status_code == 200, answer.text

    def types() -> list[str]:
        return [row["type"] for row in reseller.get("events").json()["rows"]]

    await until(lambda: types() == ["pipeline.offline"])


def test_events_that_are_gone_are_told(server: Installation, reseller: Reseller) -> None:
    server.query(
        "update app_event_counter set first_no = 2 where id = %s", reseller.distributor["id"]
    )
    answer = reseller.get("events", after=0)
    assert (answer.status_code, answer.json()["code"]) == (410, "events_gone")
    assert answer.json()["first_event_no"] == 2
    assert reseller.get("events").status_code == 200


def test_webhooks_are_managed_by_their_distributor(server: Installation) -> None:
    acme, other = make_reseller(server), make_reseller(server)
    webhook = post(acme, "", {"url": URL, "types": ["call.voided"]}, 201)
    assert webhook["secret"].startswith("whsec_")
    (row,) = acme.get("webhooks").json()["rows"]
    assert row == {name: webhook[name] for name in row}
    assert "secret" not in row
    which = {"webhook_id": webhook["id"]}

    changes = post(acme, "/update", which | {"enabled": False, "types": []})
    assert (changes["enabled"], changes["disabled_reason"]) == (False, "by_request")
    assert changes["types"] == []
    again = post(acme, "/rotate", which | {"grace_hours": 1})
    assert again["secret"] != webhook["secret"]
    assert again["previous_secret_until"] is not None
    assert post(acme, "/test", which, 202)["outcome"] == "waiting"
    assert post(acme, "/replay", which | {"from_event_no": 1}, 202)["delivery"] is None
    assert len(acme.get("webhooks/deliveries", **which).json()["rows"]) == 1

    for name, body in [("update", which), ("rotate", which), ("delete", which), ("test", which),
                       ("replay", which | {"from_event_no": 1})]:  # fmt: skip
        assert post(other, f"/{name}", body, 404)["code"] == "webhook_not_found"
    assert other.get("webhooks/deliveries", **which).status_code == 404
    assert other.get("webhooks").json() == {"rows": []}

    secrets = server.query("select secret from app_webhook where id = %s", webhook["id"])
    assert again["secret"] not in str(secrets)
    post(acme, "/delete", which)
    assert acme.get("webhooks").json() == {"rows": []}


@pytest.mark.parametrize(
    "body",
    [
        {}, {"url": "http://hooks.example.com"}, {"url": "https://127.0.0.1/"},
        {"url": URL, "types": ["no.such"]}, {"url": URL, "types": "call.voided"},
        {"url": URL, "secret": "x"},
    ],
)  # fmt: skip
def test_webhooks_that_are_refused(reseller: Reseller, body: dict[str, Any]) -> None:
    assert post(reseller, "", body, 400)["code"] == "invalid_fields"


def test_there_are_five_at_most(server: Installation) -> None:
    reseller = make_reseller(server)
    for _ in range(5):
        post(reseller, "", {"url": URL}, 201)

    assert post(reseller, "", {"url": URL}, 409)["code"] == "too_many_webhooks"


@pytest.mark.parametrize("body", [{}, {"webhook_id": "x"}, {"delivery_id": "x", "webhook_id": "y"}])
def test_replays_say_what(reseller: Reseller, body: dict[str, Any]) -> None:
    assert post(reseller, "/replay", body, 400)["code"] == "invalid_fields"
