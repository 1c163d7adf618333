"""The endpoints for administrators of distributors, asked as a page asks them."""

from typing import Any

import httpx

from tests.support.selling import post

API = "/pipeline_dist/api/"


def try_post(client: httpx.Client, endpoint: str, /, **body: Any) -> httpx.Response:
    """Whatever an endpoint answers to *body*."""
    return client.post(f"{API}{endpoint}.dspy", json=body)


def problems(answer: httpx.Response, status: int = 400) -> dict[str, str]:
    """The pointers and codes of a refusal."""
    assert answer.status_code == status, answer.text
    return {item["pointer"]: item["code"] for item in answer.json()["errors"]}


def change(admin: httpx.Client, record: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The distributor *record* after an update of *fields*."""
    return post(
        admin,
        f"{API}distributors_update.dspy",
        id=record["id"],
        lock_version=record["lock_version"],
        **fields,
    )
