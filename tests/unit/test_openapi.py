"""The OpenAPI document: valid, complete, in both languages, and its examples are true."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.base.errors import ErrorCode, FieldCode
from app.base.settings import DatabaseSettings, Options, Settings
from pipeline_dist.api.error_codes import ERROR_CODES, FIELD_CODES
from pipeline_dist.api.openapi import document as openapi, examples as openapi_examples
from pipeline_dist.api.openapi.operations import OPERATIONS
from tests.support.catalogue import codes_named_in

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("pipeline_core", "pipeline_ops", "pipeline_dist")
# What is raised in the host, or in a file that the API shares with pages, and what no program
# meets at the API; whoever adds a code says here or in the catalogue of codes which it is.
OF_PAGES = {
    "lists, searches, exports": {
        "bad_code", "bad_export", "bad_filter", "bad_paging", "bad_search", "bad_sort",
        "too_many_rows", "too_many_views",
    },
    "files brought in": {"bad_columns", "bad_file", "bad_rows", "bad_zone", "file_too_large"},
    "what /readyz says, and keeps a host from": {"host_clock"},
    "signing in": {
        "bad_credentials", "forbidden", "locked_out", "other_user", "second_factor_key",
        "second_factor_not_begun", "second_factor_off", "second_factor_on",
        "second_factor_required", "second_factor_wanted", "wrong_code",
    },
    "users": {
        "last_administrator", "link_not_valid", "own_user", "user_disabled", "user_not_found",
        "users_are_sages",
    },
    "records changed by people": {
        "bad_value", "duplicate", "edit_conflict", "in_use", "nothing_to_change", "not_put_back",
        "nothing_to_put_back", "no_distributors",
    },
    "faults of ours, told as internal_error": {
        "key_missing", "no_table", "path_spelling", "unknown_field", "wrong_type",
    },
}  # fmt: skip
FIELDS_OF_PAGES = {
    "bad_json", "not_allowed", "not_found", "not_linked", "not_settable",
    "unknown_currency", "write_once",
}  # fmt: skip

# What programs and readers go on with, at least: from which call to which.
LINKS = {
    *(("begin_call", name) for name in ("finish_call", "extend_call", "read_call")),
    *((name, name) for name in ("pipelines", "read_call", "usage", "statements", "events")),
    *(("make_key", name) for name in ("rotate_key", "revoke_key")),
    *(("create_webhook", f"{name}_webhook") for name in ("update", "rotate", "delete", "replay")),
    ("create_webhook", "webhook_deliveries"), ("webhooks", "webhook_deliveries"),
    ("webhook_deliveries", "webhook_deliveries"), ("statements", "statement"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = DatabaseSettings(user="", password="", name="")
    options = Settings(
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
    monkeypatch.setattr(openapi, "settings", lambda: options)


def of_the_api() -> set[Path]:
    """The modules' files that the calls of the API need."""
    result: set[Path] = set()
    waiting = ["pipeline_dist.api.v1", "pipeline_dist.api.docs"]
    while waiting:
        name = waiting.pop()
        file = ROOT / name.split(".")[0] / f"{name.replace('.', '/')}.py"
        if name.split(".")[0] not in MODULES or not file.is_file() or file in result:
            continue
        result.add(file)
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{item.name}" for item in node.names)]
    return result


def descriptions(node: Any) -> Iterator[str]:
    """Everything the document tells a reader."""
    if isinstance(node, list):
        for item in node:
            yield from descriptions(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in ("title", "summary", "description") and isinstance(value, str):
                yield value
            elif name != "examples":
                yield from descriptions(value)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_is_valid(lang: str) -> None:
    OpenAPIV31SpecValidator(openapi.document(lang)).validate()


def test_has_every_address_of_the_api() -> None:
    addresses = {
        "/" + str(file.parent.relative_to(ROOT)).replace("/wwwroot/", "/")
        for file in (ROOT / "pipeline_dist/wwwroot/v1").rglob("index.dspy")
    }
    pages = "/pipeline_dist/v1/docs"
    about_it = {"/pipeline_dist/v1/openapi.json", pages, f"{pages}/guide", f"{pages}/search.json"}

    assert set(openapi.document("en")["paths"]) == addresses - about_it


def test_lists_every_code_that_can_be_raised() -> None:
    raised = codes_named_in({*of_the_api(), *(ROOT / "app").rglob("*.py")}, ErrorCode)
    of_pages = set().union(*OF_PAGES.values())

    assert {"invalid_key", "bad_http", "bad_cursor"} & raised == {"invalid_key", "bad_http"}
    assert raised - set(ERROR_CODES) - of_pages == set()
    assert of_pages & set(ERROR_CODES) == set()


def test_lists_every_code_of_a_field() -> None:
    told_by = {*of_the_api(), *(ROOT / "app/schema").glob("*.py")}

    assert codes_named_in(told_by, FieldCode) - FIELDS_OF_PAGES == set(FIELD_CODES)


@pytest.mark.parametrize("name", ["Problem", "Refusal"])
def test_codes_are_open_and_in_the_words(name: str) -> None:
    """A new code must not stop programs that were made from the document."""
    document = openapi.document("en")
    code = document["components"]["schemas"][name]["properties"]["code"]
    assert "there may be new ones" in document["info"]["description"]

    assert (code["type"], "enum" in code) == ("string", False)
    assert [word for word in ERROR_CODES if word not in code["description"]] == []


def test_one_schema_for_every_refusal() -> None:
    schemas = {
        str(media["schema"])
        for path in openapi.document("en")["paths"].values()
        for operation in path.values()
        for answer in operation["responses"].values()
        for kind, media in answer["content"].items()
        if kind == "application/problem+json"
    }

    assert schemas == {str({"$ref": "#/components/schemas/Problem"})}


def test_nothing_has_a_default() -> None:
    """Programs made from the document would send it where it means nothing or is refused."""

    def places(node: Any, place: str) -> Iterator[str]:
        if isinstance(node, dict):
            for name, value in node.items():
                if name == "default" and not place.endswith("/properties"):
                    yield place
                yield from places(value, f"{place}/{name}")
        elif isinstance(node, list):
            for item in node:
                yield from places(item, place)

    assert list(places(openapi.document("en"), "")) == []


def test_every_operation_answers_one_kind_of_thing_and_has_a_known_tag() -> None:
    document = openapi.document("en")
    tags = {tag["name"] for tag in document["tags"]}
    operations = [op for path in document["paths"].values() for op in path.values()]

    for operation in operations:
        result = [a for status, a in operation["responses"].items() if status < "300"]
        assert [len(answer["content"]) for answer in result] == [1], operation["operationId"]
        assert set(operation["tags"]) <= tags
    assert tags == {tag for operation in operations for tag in operation["tags"]}


def values_at(node: Any, pointer: str) -> Iterator[Any]:
    """What stands at a JSON pointer; nothing where there is no such place."""
    for part in pointer.strip("/").split("/"):
        try:
            node = node[int(part)] if isinstance(node, list) else node[part]
        except (KeyError, IndexError):
            return
    yield node


def test_links_take_what_stands_in_an_answer_or_in_its_request() -> None:
    expressions = 0
    for operation in OPERATIONS:
        examples = [example for *_, by_name in operation.answers for example in by_name.values()]
        requests = operation.body_examples.values()
        for link in operation.links.values():
            values = {**link.get("parameters", {}), **link.get("requestBody", {})}
            for text in filter(lambda value: str(value).startswith("$"), values.values()):
                source, _, pointer = text.partition("#")
                if source.startswith("$request.query."):
                    names = {item["name"] for item in operation.parameters}
                    assert source.removeprefix("$request.query.") in names
                else:
                    bodies = {"$response.body": examples, "$request.body": requests}[source]
                    values_there = [v for body in bodies for v in values_at(body, pointer)]
                    assert values_there != [], (operation.name, text)
                expressions += 1

    assert expressions > 30


def test_links_lead_to_operations_and_parameters_that_are_there() -> None:
    document = openapi.document("en")
    operations = {op["operationId"]: op for p in document["paths"].values() for op in p.values()}
    links = [
        (name, link)
        for name, operation in operations.items()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]

    assert LINKS - {(name, link["operationId"]) for name, link in links} == set()
    for _, link in links:
        operation = operations[link["operationId"]]
        names = {item["name"] for item in operation.get("parameters", ())}
        assert set(link.get("parameters", ())) <= names
        if "requestBody" in link:
            body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            properties = document["components"]["schemas"][body.rsplit("/", 1)[1]]["properties"]
            assert set(link["requestBody"]) <= set(properties)


def test_ids_of_operations_stay() -> None:
    """They are the names of functions in programs made from the document."""
    assert [operation.name for operation in OPERATIONS] == [
        "me", "pipelines", "quote", "begin_call", "read_call", "finish_call", "extend_call",
        "book_batch", "usage", "statements", "statement", "statement_csv", "statement_xlsx",
        "events", "webhooks", "create_webhook", "update_webhook", "rotate_webhook",
        "delete_webhook", "webhook_deliveries", "replay_webhook", "test_webhook",
        "keys", "make_key", "rotate_key", "revoke_key",
    ]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_examples_fit_their_schemas(operation: Any) -> None:
    document = openapi.document("en")
    description = document["paths"][operation.path][operation.method]
    contents = [answer["content"] for answer in description["responses"].values()]
    if "requestBody" in description:
        contents.append(description["requestBody"]["content"])

    for content in contents:
        for media in content.values():
            schema = {**media["schema"], "components": document["components"]}
            for example in media.get("examples", {}).values():
                Draft202012Validator(schema).validate(example["value"])


def test_every_example_is_shown() -> None:
    text = str(openapi.document("en")["paths"])
    names = [name for name in dir(openapi_examples) if name.isupper() and name[0] != "_"]

    assert [name for name in names if str(getattr(openapi_examples, name)) not in text] == []


def test_is_told_in_chinese_throughout() -> None:
    english, chinese = openapi.document("en"), openapi.document("zh")
    same = {a for a, b in zip(descriptions(english), descriptions(chinese), strict=True) if a == b}

    assert same == set()
