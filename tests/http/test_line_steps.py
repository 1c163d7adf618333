"""A metered item names a step of the version with which its call began, or none."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.pipelines import ask, do, pointers, refusal_of, rows
from tests.support.selling import Reseller, make_pipeline, make_reseller

CALL_PRICES = ({"unit": "call", "unit_price": "1"},)
LINE = {"unit": "call", "quantity": "1"}
OWN, OTHER = LINE | {"step_key": "answer"}, LINE | {"step_key": "nope"}

Send = Callable[[Installation, Reseller, dict[str, Any], list[dict[str, Any]]], httpx.Response]


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, prices=CALL_PRICES)


@pytest.fixture(scope="module")
def reseller(server: Installation, pipeline: dict[str, Any]) -> Reseller:
    return make_reseller(server, pipeline)


def one_go(
    server: Installation, reseller: Reseller, pipeline: dict[str, Any], lines: list[dict[str, Any]]
) -> httpx.Response:
    return reseller.begin(pipeline, status="succeeded", lines=lines)


def finish(
    server: Installation, reseller: Reseller, pipeline: dict[str, Any], lines: list[dict[str, Any]]
) -> httpx.Response:
    return reseller.finish(reseller.begin(pipeline).json(), lines=lines)


def quote(
    server: Installation, reseller: Reseller, pipeline: dict[str, Any], lines: list[dict[str, Any]]
) -> httpx.Response:
    return reseller.post("quote", {"pipeline": pipeline["code"], "lines": lines})


def by_hand(
    server: Installation, reseller: Reseller, pipeline: dict[str, Any], lines: list[dict[str, Any]]
) -> httpx.Response:
    call = {"pipeline_id": pipeline["id"], "distributor_id": reseller.distributor["id"]}
    return server.admin.post(
        "/pipeline_ops/api/pipeline_usage_log_create.dspy",
        json={**call, "status": "succeeded", "lines": lines},
    )


def price_quote(
    server: Installation, reseller: Reseller, pipeline: dict[str, Any], lines: list[dict[str, Any]]
) -> httpx.Response:
    return server.admin.post(
        "/pipeline_ops/api/price_quote.dspy",
        json={"pipeline_id": pipeline["id"], "lines": lines, "currency": "USD"},
    )


EVERYWHERE = pytest.mark.parametrize("send", [one_go, finish, quote, by_hand, price_quote])


@EVERYWHERE
def test_a_step_of_another_version_is_refused_by_its_line(
    server: Installation, reseller: Reseller, pipeline: dict[str, Any], send: Send
) -> None:
    problem = refusal_of(
        send(server, reseller, pipeline, [OWN, OTHER, LINE, OTHER]), 400, "unknown_step"
    )

    assert pointers(problem) == dict.fromkeys(
        ("/lines/1/step_key", "/lines/3/step_key"), "unknown_step"
    )


@EVERYWHERE
def test_a_step_of_the_version_is_taken_and_so_is_none(
    server: Installation, reseller: Reseller, pipeline: dict[str, Any], send: Send
) -> None:
    answer = send(server, reseller, pipeline, [OWN, LINE, LINE | {"step_key": ""}])

    assert answer.is_success, answer.text


def test_each_call_of_a_batch_is_refused_alone(
    reseller: Reseller, pipeline: dict[str, Any]
) -> None:
    calls = [
        {"idempotency_key": f"steps-{number}", "pipeline": pipeline["code"], "status": "succeeded",
         "lines": [line]}
        for number, line in enumerate((OWN, OTHER, LINE))
    ]  # fmt: skip

    results = reseller.post("calls/batch", {"calls": calls}).json()["results"]

    assert [result["status"] for result in results] == [201, 400, 201]
    assert results[1]["error"]["code"] == "unknown_step"


def test_the_step_is_looked_at_before_the_price_and_after_the_line(
    server: Installation, reseller: Reseller, pipeline: dict[str, Any]
) -> None:
    without_price = OTHER | {"unit": "image"}
    other_pipeline = make_pipeline(server.admin, prices=CALL_PRICES)

    answer = reseller.begin(pipeline, status="succeeded", lines=[without_price])
    refusal_of(answer, 400, "unknown_step")
    answer = reseller.begin(other_pipeline, status="succeeded", lines=[OTHER])
    refusal_of(answer, 404, "pipeline_not_found")


def test_a_refused_finish_leaves_the_call_as_it_is(
    reseller: Reseller, pipeline: dict[str, Any]
) -> None:
    call = reseller.begin(pipeline).json()

    refusal_of(reseller.finish(call, lines=[OTHER]), 400, "unknown_step")

    assert reseller.finish(call, lines=[OWN]).status_code == 200


def test_a_call_keeps_the_steps_with_which_it_began(server: Installation) -> None:
    pipeline = make_pipeline(server.admin, prices=CALL_PRICES)
    reseller = make_reseller(server, pipeline)
    call = reseller.begin(pipeline).json()
    (step,) = rows(server.admin, "pipeline_steps", pipeline_id=pipeline["id"])
    do(server.admin, "pipeline_steps_update", id=step["id"], lock_version=1, step_key="reply")
    do(server.admin, "pipeline_publish", pipeline_id=pipeline["id"], notes="second")
    new = LINE | {"step_key": "reply"}

    assert one_go(server, reseller, pipeline, [new]).status_code == 201
    refusal_of(one_go(server, reseller, pipeline, [OWN]), 400, "unknown_step")
    refusal_of(reseller.finish(call, lines=[new]), 400, "unknown_step")
    assert reseller.finish(call, lines=[OWN]).status_code == 200


def test_a_step_that_is_switched_off_is_one_all_the_same(server: Installation) -> None:
    pipeline = make_pipeline(server.admin, prices=CALL_PRICES)
    (step,) = rows(server.admin, "pipeline_steps", pipeline_id=pipeline["id"])
    copy = do(server.admin, "pipeline_steps_duplicate", id=step["id"], lock_version=1, parallel=1)
    do(server.admin, "pipeline_steps_enable", id=copy["id"], lock_version=1, enabled=0)
    do(server.admin, "pipeline_publish", pipeline_id=pipeline["id"], notes="second")
    reseller = make_reseller(server, pipeline)

    answer = one_go(server, reseller, pipeline, [LINE | {"step_key": copy["step_key"]}])

    assert answer.status_code == 201


def test_of_a_line_that_never_was_live_no_step_is_known(server: Installation) -> None:
    pipeline = make_pipeline(server.admin, prices=CALL_PRICES, publish=False)
    fields = {"pipeline_id": pipeline["id"], "lines": [OTHER], "currency": "USD"}

    answer = server.admin.post("/pipeline_ops/api/price_quote.dspy", json=fields)

    assert answer.status_code == 200
    assert ask(server.admin, "pipeline_validate", pipeline_id=pipeline["id"]).status_code == 200
