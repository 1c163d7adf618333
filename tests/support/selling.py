"""What a call needs before it can be made: a published pipeline with prices, and a key."""

import itertools
from collections.abc import Sequence
from typing import Any

import httpx

from tests.support.documented import Document
from tests.support.installation import Installation

TOKEN_PRICES = (
    {"unit": "input_token", "unit_price": "1", "unit_size": 1_000_000},
    {"unit": "output_token", "unit_price": "5", "unit_size": 1_000_000},
)
# A use that costs COST at these prices.
USED = [
    {"unit": "input_token", "quantity": 4808},
    {"unit": "output_token", "quantity": "10"},
]
COST = "0.0048580000"
_numbers = itertools.count(1)
# Which try of its test it is (tests/conftest.py): databases stay for all of a module.
attempt = 1


def post(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    """What an admin endpoint answers to *body*; fails with its problem when it refuses."""
    answer = client.post(path, json=body)
    assert answer.status_code == 200, f"{path}: {answer.text}"
    data: dict[str, Any] = answer.json()["data"]
    return data


def code_of_try(code: str) -> str:
    """The code that a test asks for, unless its first try has taken it."""
    return f"{code}-{attempt}" if code and attempt > 1 else code


def make_pipeline(
    admin: httpx.Client,
    code: str = "",
    *,
    name: str = "",
    prices: Sequence[dict[str, Any]] = TOKEN_PRICES,
    publish: bool = True,
    **capacity: Any,
) -> dict[str, Any]:
    """A pipeline with one model step; with *capacity* (daily_quota, …) if any is given."""
    code = code_of_try(code) or f"line-{next(_numbers)}"
    pipeline = post(
        admin, "/pipeline_core/api/pipelines_create.dspy", code=code, name=name or f"产线 {code}"
    )
    post(
        admin,
        "/pipeline_core/api/pipeline_steps_create.dspy",
        pipeline_id=pipeline["id"],
        step_key="answer",
        name="Answer",
        step_type="model",
        model="claude-haiku-4-5",
    )
    for price in prices:
        post(
            admin,
            "/pipeline_ops/api/pipeline_pricing_create.dspy",
            **{"pipeline_id": pipeline["id"], "currency": "USD", **price},
        )
    if capacity:
        post(
            admin,
            "/pipeline_ops/api/pipeline_capacity_create.dspy",
            pipeline_id=pipeline["id"],
            **capacity,
        )
    if publish:
        post(
            admin,
            "/pipeline_core/api/pipeline_publish.dspy",
            pipeline_id=pipeline["id"],
            notes="first",
        )
    return pipeline


def make_distributor(admin: httpx.Client, code: str = "", **fields: Any) -> dict[str, Any]:
    """A distributor that is charged in US dollars."""
    code = code_of_try(code) or f"reseller-{next(_numbers)}"
    return post(
        admin,
        "/pipeline_dist/api/distributors_create.dspy",
        **{"code": code, "name": f"分销商 {code}", "currency": "USD", **fields},
    )


def link(
    admin: httpx.Client, distributor: dict[str, Any], pipeline: dict[str, Any], **terms: Any
) -> dict[str, Any]:
    """Let *distributor* call *pipeline*."""
    return post(
        admin,
        "/pipeline_dist/api/distributor_pipeline_create.dspy",
        distributor_id=distributor["id"],
        pipeline_id=pipeline["id"],
        **terms,
    )


def new_key(admin: httpx.Client, distributor: dict[str, Any], **options: Any) -> str:
    """A key for *distributor*."""
    answer = post(
        admin,
        "/pipeline_dist/api/distributor_generate_key.dspy",
        id=distributor["id"],
        **options,
    )
    return str(answer["api_key"])


class Reseller:
    """
    A distributor's program: its key in a client, and the calls it makes.

    Every answer it gets must be one that the OpenAPI document describes.
    """

    def __init__(self, server: Installation, distributor: dict[str, Any], key: str) -> None:
        self.distributor = distributor
        self.key = key
        document = Document(server.anonymous())
        self.client = server.anonymous(
            headers={"Authorization": f"Bearer {key}"}, event_hooks={"response": [document.hold]}
        )

    def get(self, path: str, **params: Any) -> httpx.Response:
        """GET /pipeline_dist/v1/*path*."""
        return self.client.get(f"/pipeline_dist/v1/{path}", params=params)

    def post(self, path: str, body: Any, *, key: str | None = None) -> httpx.Response:
        """POST /pipeline_dist/v1/*path*, with *key* as Idempotency-Key."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.client.post(f"/pipeline_dist/v1/{path}", json=body, headers=headers)

    def begin(
        self, pipeline: dict[str, Any], *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """Begin a call of *pipeline*, with a new Idempotency-Key unless one is given."""
        body = {"pipeline": pipeline["code"], **more}
        return self.post("calls", body, key=key or f"test-{next(_numbers)}")

    def finish(
        self, call: dict[str, Any], status: str = "succeeded", **more: Any
    ) -> httpx.Response:
        """End a call."""
        return self.post("calls/finish", {"call_no": call["call_no"], "status": status, **more})


def make_reseller(
    server: Installation,
    *pipelines: dict[str, Any],
    terms: dict[str, Any] | None = None,
    **fields: Any,
) -> Reseller:
    """A distributor (*fields*) with a key that may call *pipelines* on *terms*."""
    distributor = make_distributor(server.admin, **fields)
    for pipeline in pipelines:
        link(server.admin, distributor, pipeline, **(terms or {}))
    return Reseller(server, distributor, new_key(server.admin, distributor))
