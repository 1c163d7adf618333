"""Named keys of a distributor: programs that use them, and what is told of them."""

from typing import Any

import httpx

from tests.support.distributors import API
from tests.support.installation import Installation
from tests.support.selling import Reseller, post


def make_program(server: Installation, owner: Reseller, name: str, **fields: Any) -> Reseller:
    """A program of *owner* with a key of its own."""
    body = {"distributor_id": owner.distributor["id"], "name": name, "scopes": "calls"} | fields
    answer = post(server.admin, f"{API}distributor_key_create.dspy", **body)
    return Reseller(server, owner.distributor, answer["api_key"])


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def key_id(program: Reseller, prefix: str) -> str:
    rows = program.get("keys").json()["rows"]
    return str(next(row["id"] for row in rows if row["prefix"] == prefix))


def new_body(name: str, *scopes: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "scopes": list(scopes), **more}


def keys_of(server: Installation, owner: Reseller) -> list[dict[str, Any]]:
    answer = post(server.admin, f"{API}distributor_keys.dspy", id=owner.distributor["id"])
    return list(answer["keys"])


def ask(program: Reseller, method: str, path: str) -> httpx.Response:
    if method == "GET":
        return program.get(path)
    return program.post(path, {}, key="any")
