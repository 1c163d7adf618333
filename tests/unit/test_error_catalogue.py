"""Each refusal is one entry: code, status and sentences once, used, and told where it is met."""

import ast
import re
import string

from app.base import errors
from app.base.errors import ErrorCode, FieldCode, Message, Sentence
from app.base.i18n import translate
from pipeline_dist.api.error_codes import (
    ERROR_CODES,
    EVERYWHERE,
    FIELD_CODES,
    OF_ADMISSION,
    OF_PRICING,
    WITH_BODY,
)
from pipeline_dist.api.remedies import remedy_of
from tests.support.catalogue import CATALOGUES, calls, entries, named_in, sources
from tests.support.rooms import files

# What an error is given beside the values of its sentence.
OF_THE_ANSWER = {"status", "problems", "extra", "headers"}
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)} - {"Message"}
CHINESE = re.compile("[\u4e00-\u9fff]")


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def sentences() -> list[Sentence]:
    entry_sentences = [entry.sentence for entry in entries().values()]
    hints = [entry.hint for entry in entries().values() if isinstance(entry, ErrorCode)]
    remedies = [remedy_of(entry).sentence for entry in ERROR_CODES.values()]
    return entry_sentences + [hint for hint in hints if hint is not None] + remedies


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
    hints = [
        entry.code
        for entry in entries().values()
        if isinstance(entry, ErrorCode)
        and entry.hint is not entry.sentence  # by AS_SAID
        and entry.hint == entry.en
    ]

    assert [pair for pair in pairs if pairs.count(pair) > 1] == []
    assert hints == []


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


def test_no_entry_is_left_over() -> None:
    names = set[str]().union(*(named_in(source) for source in sources()))
    # What only has variants raised stays: the code and its status are there.
    names |= {
        node.func.value.id
        for module in CATALOGUES
        for node in ast.walk(ast.parse(files()[module].read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    }

    assert entries().keys() - names == set()


def test_every_sentence_gets_its_values() -> None:
    """A value that is missing would show only when somebody is refused."""
    wrong = []
    count = 0
    for place, entry, arguments, words in calls():
        messages = [one for one in arguments if re.search("message|[.]text", ast.unparse(one))]
        if not messages and None not in words:
            count += 1
            if words - OF_THE_ANSWER != placeholders(entry.en):
                wrong.append((place, entry.code, words))

    assert wrong == []
    assert count > 180


def test_no_code_or_sentence_stands_where_it_is_raised() -> None:
    # Remedies are told in the document beside what is refused; nothing raises them.
    apart = {files()[name] for name in ("app.base.errors", "pipeline_dist.api.remedies")}
    literal = [
        f"{source.name}:{node.lineno}"
        for source in set(sources()) - apart
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in ERRORS
        and any(isinstance(argument, ast.Constant) for argument in node.args)
    ]

    assert literal == []


def test_each_refusal_that_programs_meet_is_in_the_document() -> None:
    """A hint is for them, and only who has one is listed."""
    hinted = {
        entry.code
        for entry in entries().values()
        if isinstance(entry, ErrorCode) and entry.hint is not None
    }

    assert set(ERROR_CODES) == hinted
    assert {*EVERYWHERE, *WITH_BODY, *OF_ADMISSION, *OF_PRICING} <= hinted


def test_each_code_of_a_field_in_the_document_is_an_entry() -> None:
    codes = {entry.code for entry in entries().values() if isinstance(entry, FieldCode)}

    assert set(FIELD_CODES) - codes == set()
