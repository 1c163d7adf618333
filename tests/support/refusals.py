"""Reading refusals of the distributor API."""

from typing import Any

import httpx


def refusal_of(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal, held against what every one has."""
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert problem["detail"]
    return problem


def pointers(answer: httpx.Response) -> dict[str, str]:
    """Where an `invalid_fields` refusal points, and the code there."""
    problem = refusal_of(answer, 400, "invalid_fields")
    return {item["pointer"]: item["code"] for item in problem["errors"]}
