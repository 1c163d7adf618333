"""What a step may take from the input and from other steps: each rule, the smallest pipeline."""

from typing import Any

import pytest

from pipeline_core.definition.references import placeholders, unwrap
from pipeline_core.definition.schema import fits
from pipeline_core.definition.step_types import SCHEMAS
from tests.unit.test_core_validation import problems_of, step

Case = dict[str, Any]
FIRST = step(step_key="first")


def second(config: Case, **changes: Any) -> Case:
    return step(step_key="second", stage=2, config=config, **changes)


@pytest.mark.parametrize(
    "value",
    [
        "input", "input.topic", "$input.topic", "$.input.topic", "{{ input.topic }}",
        "${steps.first.output}", "steps.first", "steps.first.text.0", "steps.first[0]",
        " steps.first.output ", "About {{input.topic}}: {{steps.first.text}}",
    ],
)  # fmt: skip
def test_input_and_earlier_steps_may_be_used(value: str) -> None:
    assert problems_of(FIRST, second({"inputs": {"x": value}})) == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("first.output", "bad_reference"),
        ("", "bad_reference"),
        ("steps", "unknown_reference"),
        ("steps.third.output", "unknown_reference"),
        ("steps.second.output", "own_reference"),
        ("{{steps.third}} and {{input.a}}", "unknown_reference"),
    ],
)
def test_what_cannot_be_followed_is_an_error(value: str, code: str) -> None:
    assert problems_of(FIRST, second({"inputs": {"x": value}})) == [
        (code, "second", "config.inputs.x", "error")
    ]


def test_a_step_that_runs_later_has_no_output_yet() -> None:
    first = step(step_key="first", config={"inputs": {"x": "steps.second.output"}})

    assert problems_of(first, second({})) == [
        ("later_reference", "first", "config.inputs.x", "error")
    ]


def test_a_step_that_runs_at_the_same_time_has_no_output_yet() -> None:
    beside = step(step_key="b", step_no=2, config={"inputs": {"x": "steps.a"}})

    assert problems_of(step(), beside) == [("parallel_reference", "b", "config.inputs.x", "error")]


def test_a_disabled_step_has_no_output() -> None:
    first = step(step_key="first", enabled=False)
    beside = step(step_key="beside", step_no=2)
    user = second({"inputs": {"x": "steps.first"}})

    assert problems_of(first, beside, user) == [
        ("disabled_reference", "second", "config.inputs.x", "error")
    ]


def test_what_a_disabled_step_asks_for_is_a_warning() -> None:
    user = second({"inputs": {"x": "steps.gone"}}, enabled=False)
    beside = step(step_key="beside", stage=2, step_no=2)

    assert problems_of(FIRST, user, beside) == [
        ("unknown_reference", "second", "config.inputs.x", "warning")
    ]


def test_the_longest_code_is_meant() -> None:
    dotted = step(step_key="first.draft", step_no=2)

    assert problems_of(FIRST, dotted, second({"inputs": {"x": "steps.first.draft.text"}})) == []


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"prompt": "Say {{steps.gone.x}}"}, ("unknown_reference", "config.prompt", "error")),
        ({"prompt": "Say {{topic}}"}, ("unknown_placeholder", "config.prompt", "warning")),
        ({"prompt": "{{topic}} {{inputs.topic}}", "inputs": {"topic": "input.topic"}}, None),
        ({"prompt": "{{ topic | upper }} { {x} } {y}"}, None),
        (
            {"parameters": {"stop": ["{{steps.second.x}}"]}},
            ("own_reference", "config.parameters.stop.0", "error"),
        ),
    ],
)
def test_placeholders_in_any_text_are_followed(
    config: Case, problem: tuple[str, str, str] | None
) -> None:
    expected = [] if problem is None else [(problem[0], "second", *problem[1:])]

    assert problems_of(FIRST, second(config)) == expected


def test_marks_around_a_reference_change_nothing() -> None:
    for text in ("steps.a.b", "$steps.a.b", "$.steps.a.b", "${ steps.a.b }", "{{steps.a.b}}"):
        assert unwrap(text) == "steps.a.b"


def test_a_long_text_of_braces_is_read_quickly() -> None:
    assert list(placeholders("{{" * 50_000)) == []
    assert len(list(placeholders("{{a}}" * 5_000))) == 5_000


def test_a_long_text_of_blanks_is_read_quickly() -> None:
    """Patterns that can share out blanks in many ways took hours for it."""
    blanks = " " * 60_000
    assert list(placeholders("{{" + blanks)) == []
    assert list(placeholders("{{" + blanks + "a" + blanks + "}}")) == [("", "a")]
    address = SCHEMAS["http"]["url"]
    assert not fits(address, "https://" + "a" * 60_000 + " ")
    assert fits(address, "https://" + "a" * 60_000)
