"""Holding real answers of the distributor API against its own OpenAPI document."""

from typing import Any

import httpx
from jsonschema import Draft202012Validator


class Document:
    """The document that a running application serves."""

    def __init__(self, client: httpx.Client) -> None:
        self._document: dict[str, Any] = client.get("/pipeline_dist/v1/openapi.json").json()
        self._validators: dict[str, Draft202012Validator] = {}

    def hold(self, answer: httpx.Response) -> None:
        """Fail unless *answer* is one that the document describes. A hook of httpx clients."""
        methods = self._document["paths"].get(answer.request.url.path, {})
        operation = methods.get(answer.request.method.lower())
        if operation is None:
            return
        answer.read()
        response = operation["responses"].get(str(answer.status_code))
        assert response, f"{answer.request.url}: {answer.status_code} is not in the document"
        if answer.status_code == 304:
            return  # nothing is in it
        media_type = answer.headers["Content-Type"].partition(";")[0]
        if media_type not in response["content"] and self._is_old(operation, answer):
            return
        schema = response["content"][media_type]["schema"]
        if "x-codes" in response:
            code = answer.json()["code"]
            assert code in response["x-codes"], f"{answer.request.url}: {code} is not listed"
        if media_type.endswith("json"):
            self._validator(schema).validate(answer.json())

    @staticmethod
    def _is_old(operation: dict[str, Any], answer: httpx.Response) -> bool:
        """Whether a parameter was sent that goes on working, and is documented no more."""
        old = {item["name"] for item in operation.get("parameters", ()) if item.get("deprecated")}
        return bool(old & set(answer.request.url.params))

    def _validator(self, schema: dict[str, Any]) -> Draft202012Validator:
        key = str(schema)
        if key not in self._validators:
            whole = {**schema, "components": self._document["components"]}
            self._validators[key] = Draft202012Validator(whole)
        return self._validators[key]
