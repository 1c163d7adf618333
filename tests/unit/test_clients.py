"""What the clients have from the OpenAPI document is what the document says now."""

import json
import re
import sys
from pathlib import Path

import pytest

from app.base.settings import ROOT
from pipeline_dist.api.error_codes import ERROR_CODES
from pipeline_dist.api.openapi.document import document

CLIENTS = ROOT / "clients"
sys.path.insert(0, str(CLIENTS))
import generate  # noqa: E402

CODES = document("en", public_url="https://pipeline.example")["x-error-codes"]
AGAIN = "py3/bin/python clients/generate.py"


def test_a_class_for_each_code() -> None:
    assert generate.PROBLEM_CLASSES.read_text("utf-8") == generate.problem_classes(CODES), AGAIN


def test_each_code_has_its_class() -> None:
    from pipeline_client import Problem

    known_codes = {code for code in Problem.classes if code}
    assert known_codes == set(ERROR_CODES)


def test_codes_in_typescript() -> None:
    assert generate.PROBLEM_CODES.read_text("utf-8") == generate.problem_codes(CODES), AGAIN


def test_types_in_typescript(tmp_path: Path) -> None:
    text = json.dumps(document("en", public_url="https://pipeline.example"))

    assert generate.SCHEMA.read_text("utf-8") == generate.schema(text, tmp_path), AGAIN


def test_every_object_of_the_document_has_a_name() -> None:
    """Else each program made of it calls it by a name of its own invention."""
    schemas = document("en", public_url="https://pipeline.example")["components"]["schemas"]

    def anonymous(node: object, place: str) -> list[str]:
        if isinstance(node, list):
            return [one for item in node for one in anonymous(item, place)]
        if not isinstance(node, dict):
            return []
        own = [place] if place.count("/") > 1 and "properties" in node else []
        return own + [
            one
            for word in ("properties", "items", "anyOf")
            for name, part in _parts(node.get(word), word)
            for one in anonymous(part, f"{place}/{name}")
        ]

    assert anonymous({"properties": schemas}, "") == []


def _parts(node: object, word: str) -> list[tuple[str, object]]:
    if isinstance(node, dict) and word == "properties":
        return list(node.items())
    return [] if node is None else [(word, node)]


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
@pytest.mark.parametrize("package", ["python", "js"])
def test_readmes_name_what_is_there(package: str, lang: str) -> None:
    suffix = "" if lang == "en" else f".{lang}"
    text = (CLIENTS / package / f"README{suffix}.md").read_text("utf-8")

    assert re.search(r"pipeline-client", text)
    assert "(LICENSE)" in text
