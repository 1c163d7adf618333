"""The OpenAPI document: valid, complete, in both languages, and its examples are true."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.settings import DatabaseSettings, Options, Settings
from pipeline_dist import openapi, openapi_examples
from pipeline_dist.error_codes import ERROR_CODES
from pipeline_dist.openapi_operations import OPERATIONS

ROOT = Path(__file__).resolve().parents[2]
# What a program's request runs through; what only pages reach has codes of its own.
ON_THE_WAY = (
    "app/database.py",
    "app/request_guard.py",
    "pipeline_dist/pipeline_dist/accounts.py",
    "pipeline_dist/pipeline_dist/admission.py",
    "pipeline_dist/pipeline_dist/admitter.py",
    "pipeline_dist/pipeline_dist/api_endpoint.py",
    "pipeline_dist/pipeline_dist/api_input.py",
    "pipeline_dist/pipeline_dist/authentication.py",
    "pipeline_dist/pipeline_dist/batches.py",
    "pipeline_dist/pipeline_dist/catalogue.py",
    "pipeline_dist/pipeline_dist/deciding.py",
    "pipeline_dist/pipeline_dist/statement.py",
    "pipeline_dist/pipeline_dist/usage.py",
    "pipeline_dist/pipeline_dist/v1_api.py",
    "pipeline_ops/pipeline_ops/limits.py",
    "pipeline_ops/pipeline_ops/pricing.py",
)
ERRORS = (
    "AppError", "BadRequest", "NotSignedIn", "PaymentRequired", "Forbidden", "NotFound",
    "Conflict", "Unprocessable", "TooManyRequests", "Unavailable",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = DatabaseSettings(user="", password="", name="")
    made = Settings(
        root_dir=ROOT,
        var_dir=ROOT,
        host="127.0.0.1",
        port=9090,
        workers=1,
        options=Options(),
        given_password_key="",
        pipeline_database=nowhere,
        sage_database=nowhere,
        web_root=ROOT,
        indexes=(),
        processors=(),
    )
    monkeypatch.setattr(openapi, "settings", lambda: made)


def raised_codes() -> Iterator[tuple[str, str]]:
    """Every code that is raised on the way of a program's request, with its file."""
    for name in ON_THE_WAY:
        for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") in ERRORS
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                yield name, str(node.args[0].value)


def told(node: Any) -> Iterator[str]:
    """Everything the document tells a reader."""
    if isinstance(node, list):
        for item in node:
            yield from told(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in ("title", "summary", "description") and isinstance(value, str):
                yield value
            elif name != "examples":
                yield from told(value)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_is_valid(lang: str) -> None:
    OpenAPIV31SpecValidator(openapi.document(lang)).validate()


def test_has_every_address_of_the_api() -> None:
    served = {
        "/" + str(file.parent.relative_to(ROOT)).replace("/wwwroot/", "/")
        for file in (ROOT / "pipeline_dist/wwwroot/v1").rglob("index.dspy")
    }
    about_it = {"/pipeline_dist/v1/openapi.json", "/pipeline_dist/v1/docs"}

    assert set(openapi.document("en")["paths"]) == served - about_it


def test_lists_every_code_that_can_be_raised() -> None:
    missing = {(where, code) for where, code in raised_codes() if code not in ERROR_CODES}

    assert missing == set()
    document = openapi.document("en")
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(
        ERROR_CODES
    )


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_examples_fit_their_schemas(operation: Any) -> None:
    document = openapi.document("en")
    described = document["paths"][operation.path][operation.method]
    contents = [answer["content"] for answer in described["responses"].values()]
    if "requestBody" in described:
        contents.append(described["requestBody"]["content"])

    for content in contents:
        for media in content.values():
            schema = {**media["schema"], "components": document["components"]}
            for example in media.get("examples", {}).values():
                Draft202012Validator(schema).validate(example["value"])


def test_every_example_is_shown() -> None:
    shown = str(openapi.document("en")["paths"])
    names = [name for name in dir(openapi_examples) if name.isupper() and name[0] != "_"]

    assert [name for name in names if str(getattr(openapi_examples, name)) not in shown] == []


def test_is_told_in_chinese_throughout() -> None:
    english, chinese = openapi.document("en"), openapi.document("zh")
    same = {a for a, b in zip(told(english), told(chinese), strict=True) if a == b}

    assert same == set()
