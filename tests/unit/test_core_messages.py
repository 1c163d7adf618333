"""The module's sentences that stand in tables or reach Text by a variable have their Chinese."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "pipeline_core"
FILES = [
    file
    for file in sorted((ROOT / "pipeline_core").rglob("*.py"))
    if file.name != "errors.py"  # has both languages itself
]
KNOWN = json.loads((ROOT / "i18n/zh.json").read_text("utf-8"))
HOST = json.loads((ROOT.parent / "app/i18n/zh.json").read_text("utf-8"))
# A sentence or a placeholder; SQL, docstrings, keys and patterns are none.
SAID = re.compile(r"[A-Z].* .*[.:]|.*\{[a-z_]+\}.*")
CODE = re.compile(r"select |\$\{|\n|\\|where ")


def literals(tree: ast.AST) -> set[str]:
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_sentence_is_translated(file: Path) -> None:
    texts = literals(ast.parse(file.read_text("utf-8")))
    sentences = {text for text in texts if SAID.fullmatch(text) and not CODE.search(text)}

    assert sentences - KNOWN.keys() - HOST.keys() == set()


def test_no_translation_is_left_over() -> None:
    result = {text for file in FILES for text in literals(ast.parse(file.read_text("utf-8")))}

    assert KNOWN.keys() - result == set()
