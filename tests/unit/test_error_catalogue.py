"""Each refusal is one entry: code, status and sentences once, used, and told where it is met."""

import ast
import re
import string

from app.base.errors import ErrorCode, FieldCode, Message, Sentence
from app.base.i18n import translate
from tests.support.catalogue import CATALOGUES, entries
from tests.support.rooms import files

CHINESE = re.compile("[\u4e00-\u9fff]")


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def sentences() -> list[Sentence]:
    entry_sentences = [entry.sentence for entry in entries().values()]
    hints = [entry.hint for entry in entries().values() if isinstance(entry, ErrorCode)]
    return entry_sentences + [hint for hint in hints if hint is not None]


def test_every_entry_is_told_in_both_languages() -> None:
    without = [text for text in sentences() if not text or not CHINESE.search(text.zh)]

    assert without == []


def test_both_languages_name_the_same_values() -> None:
    differing = [text for text in sentences() if placeholders(text) != placeholders(text.zh)]

    assert differing == []


def test_a_code_is_an_entry_once_and_has_one_status() -> None:
    """Another sentence of the code is a variant, which has its status from the entry."""
    codes = [
        str(node.args[0].value)
        for module in CATALOGUES
        for node in ast.walk(ast.parse(files()[module].read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "ErrorCode"
        and isinstance(node.args[0], ast.Constant)
    ]

    assert len(codes) > 80
    assert [code for code in codes if codes.count(code) > 1] == []


def test_a_sentence_of_a_code_stands_once() -> None:
    pairs = [(type(entry), entry.code, entry.en) for entry in entries().values()]

    assert [pair for pair in pairs if pairs.count(pair) > 1] == []


def test_an_error_is_of_the_class_of_its_status() -> None:
    entry = ErrorCode("gone_wrong", 409, "The {thing} is wrong.", "{thing} 不对。")

    error = entry(thing="key", headers={"Retry-After": "1"}, extra={"used": 3})

    assert (type(error).__name__, error.status, error.code) == ("Conflict", 409, "gone_wrong")
    assert (str(error), translate(error.text, "zh")) == ("The key is wrong.", "key 不对。")
    assert (error.headers, error.extra) == ({"Retry-After": "1"}, {"used": 3})
    assert entry(Message("Another.")).text.template == "Another."
    assert entry(thing="key", status=410).status == 410


def test_a_variant_says_something_else_under_the_same_code() -> None:
    entry = ErrorCode("gone_wrong", 503, "It is wrong.", "不对。", hint=Sentence("Wait.", "等。"))

    variant = entry.variant("It is away.", "不在。")

    assert (variant.code, variant.status, variant.hint) == ("gone_wrong", 503, None)
    assert (str(variant()), variant.sentence.zh) == ("It is away.", "不在。")


def test_a_problem_of_a_field_is_made_of_its_entry() -> None:
    problem = FieldCode("too_wide", "At most {most}.", "最多 {most}。")("lines/0", most=3)

    assert (problem.field, problem.code, str(problem.text)) == ("lines/0", "too_wide", "At most 3.")
    assert translate(problem.text, "zh") == "最多 3。"
