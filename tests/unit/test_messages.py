"""Every sentence that can reach a reader has its Chinese; those of refusals have it with them."""

import ast
import json
import string
from pathlib import Path

import pytest

from app.base.errors import Message
from app.base.i18n import pick_language, translate

ROOT = Path(__file__).resolve().parents[2]
# Where the sentence stands among the arguments.
PLACES = {"Message": 0, "_not_ready": 0, "too_large": 0}


def sentences():
    for folder in ("app", "pipeline_core", "pipeline_ops", "pipeline_dist"):
        for file in (ROOT / folder).rglob("*.py"):
            if "node_modules" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                place = PLACES.get(name)
                if place is None or len(node.args) <= place:
                    continue
                argument = node.args[place]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield folder, f"{file.name}:{node.lineno}", argument.value


def chinese() -> dict[str, str]:
    result: dict[str, str] = {}
    for file in [ROOT / "app/i18n/zh.json", *ROOT.glob("pipeline_*/i18n/zh.json")]:
        result |= json.loads(file.read_text("utf-8"))
    return result


def names_in(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_sentence_has_its_chinese():
    translations = chinese()

    missing = [(where, text) for _, where, text in sentences() if text and text not in translations]

    assert missing == []


def test_both_languages_name_the_same_values():
    differing = {en for en, zh in chinese().items() if names_in(en) != names_in(zh)}

    assert differing == set()


def test_a_sentence_is_said_in_the_readers_language():
    text = Message("Version {version_no} is live.", version_no=3)

    assert translate(text, "en") == "Version 3 is live."
    assert "3" in translate(text, "zh")
    assert translate(text, "zh") != translate(text, "en")


@pytest.mark.parametrize(
    ("header", "language"),
    [("zh-CN,zh;q=0.9", "zh"), ("en-GB", "en"), ("fr, zh;q=0.5", "zh"), ("fr", "en"), (None, "en")],
)
def test_the_language_is_picked_from_what_is_wanted(header, language):
    assert pick_language(header) == language
