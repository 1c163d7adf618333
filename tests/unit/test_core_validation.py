"""Every rule of the validator, with the smallest pipeline that breaks it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.base.contributions import Contributions
from app.base.settings import load_settings
from pipeline_core import init
from pipeline_core.definition import functions
from pipeline_core.definition.functions import StepFunction
from pipeline_core.definition.step_config import config_problems
from pipeline_core.definition.step_types import SCHEMAS, json_schema
from pipeline_core.definition.validate import ValidationContext, blocks, validate

NOTHING_AROUND = ValidationContext(prices=frozenset({("", "")}), has_capacity=True)


def step(**changes: Any) -> dict[str, Any]:
    """A step that is fine in every way; say only what the test is about."""
    return {
        "step_key": "a", "name": "A", "stage": 1, "step_no": 1, "step_type": "model",
        "model": "m", "config": {}, "timeout_seconds": 300, "retry_limit": 0, "enabled": True,
    } | changes  # fmt: skip


def pipeline(*steps: dict[str, Any]) -> dict[str, Any]:
    names = {"code": "l", "name": "L", "description": None}
    return {"format": 1, "pipeline": names, "steps": list(steps)}


def offer(monkeypatch: pytest.MonkeyPatch, contributions: Sequence[object]) -> None:
    """Let steps name the functions among *contributions* until the test's end."""
    place = Contributions(StepFunction, lambda function: function.name)
    place.fill(place.pick(("a module", value) for value in contributions))
    monkeypatch.setattr(functions, "STEP_FUNCTIONS", place)


def problems_of(*steps: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (problem.code, problem.step_key, problem.field, problem.severity)
        for problem in validate(pipeline(*steps), NOTHING_AROUND)
    ]


def test_a_good_pipeline_has_no_problems() -> None:
    assert problems_of(step(), step(step_key="b", stage=2)) == []


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([], ("no_steps", "", "", "error")),
        (
            [step(), step(step_no=2)],
            ("duplicate_step_key", "a", "step_key", "error"),
        ),
        ([step(stage=2)], ("stage_hole", "", "stage", "error")),
        ([step(step_no=2)], ("step_no_hole", "", "step_no", "error")),
        ([step(step_key="-a")], ("bad_step_key", "-a", "step_key", "error")),
        ([step(name="x" * 129)], ("too_long", "a", "name", "error")),
        ([step(model="x" * 129)], ("too_long", "a", "model", "error")),
        ([step(name=" ")], ("missing_name", "a", "name", "error")),
        ([step(step_type="robot")], ("unknown_step_type", "a", "step_type", "error")),
        ([step(model=None)], ("missing_model", "a", "model", "error")),
        ([step(model="  ")], ("missing_model", "a", "model", "error")),
        ([step(timeout_seconds=0)], ("bad_timeout", "a", "timeout_seconds", "error")),
        ([step(timeout_seconds=86_401)], ("bad_timeout", "a", "timeout_seconds", "error")),
        ([step(retry_limit=101)], ("bad_retry_limit", "a", "retry_limit", "error")),
        ([step(enabled=False)], ("stage_disabled", "a", "enabled", "error")),
        ([step(config=[])], ("bad_config", "a", "config", "error")),
        ([step(config={"prompt": 1})], ("bad_config", "a", "config.prompt", "error")),
        ([step(config={"promt": ""})], ("unknown_config_key", "a", "config.promt", "warning")),
        ([step(step_type="http", model=None)], ("bad_config", "a", "config.url", "error")),
        ([step(step_type="script", model=None)], ("bad_config", "a", "config.function", "error")),
        (
            [step(step_type="manual", model=None)],
            ("bad_config", "a", "config.instruction", "warning"),
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_the_smallest_pipeline_that_breaks_a_rule(
    steps: list[dict[str, Any]], problem: tuple[str, str, str, str]
) -> None:
    assert problems_of(*steps) == [problem]


def test_a_stage_with_one_enabled_step_is_fine() -> None:
    assert problems_of(step(enabled=False), step(step_key="b", step_no=2)) == []


def test_all_problems_are_told_at_once() -> None:
    codes = {
        code for code, *_ in problems_of(step(model=None, name=""), step(step_key="b", stage=5))
    }

    assert codes == {"missing_model", "missing_name", "stage_hole"}


@pytest.mark.parametrize(
    ("prices", "missing"),
    [
        ((), True),
        ((("", ""),), False),
        ((("", "m"),), False),
        ((("a", ""),), False),
        ((("a", "m"),), False),
        ((("", "n"),), True),
    ],
)
def test_a_model_without_a_price_is_a_warning(
    prices: tuple[tuple[str, str], ...], missing: bool
) -> None:
    around = ValidationContext(prices=frozenset(prices), has_capacity=True)

    problems = validate(pipeline(step()), around)

    assert [problem.code for problem in problems] == (["no_price"] if missing else [])
    assert not blocks(problems)


def test_a_price_for_a_step_that_is_not_there_is_a_warning() -> None:
    around = ValidationContext(prices=frozenset({("", ""), ("gone", "")}), has_capacity=True)

    problems = validate(pipeline(step()), around)

    assert [(problem.code, problem.step_key) for problem in problems] == [
        ("price_without_step", "gone")
    ]
    assert not blocks(problems)


def test_no_capacity_is_a_warning() -> None:
    around = ValidationContext(prices=frozenset({("", "")}), has_capacity=False)

    problems = validate(pipeline(step()), around)

    assert [problem.code for problem in problems] == ["no_capacity"]
    assert not blocks(problems)


def test_a_problem_is_said_in_the_readers_language() -> None:
    (problem,) = validate(pipeline(step(model=None)))

    assert problem.as_dict("en")["message"] == "Choose the model that the step uses."
    assert problem.as_dict("zh")["message"] == "请选择该步骤使用的模型。"


def test_a_pipeline_needs_a_name() -> None:
    nameless = pipeline(step()) | {"pipeline": {"code": "l", "name": " ", "description": None}}

    (problem,) = validate(nameless, NOTHING_AROUND)

    assert (problem.code, problem.step_key, problem.field) == ("missing_line_name", "", "name")


def test_a_function_that_nobody_offers_stops_publishing(monkeypatch: pytest.MonkeyPatch) -> None:
    script = step(step_type="script", model=None, config={"function": "tools.clean"})
    assert problems_of(script) == []

    offer(monkeypatch, [StepFunction("tools.other", "other"), StepFunction("bare")])

    assert problems_of(script) == [("unknown_function", "a", "config.function", "error")]
    assert functions.choices() == [
        {"value": "bare", "text": "bare"},
        {"value": "tools.other", "text": "tools.other · other"},
    ]


def test_the_functions_of_the_settings_are_offered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = {
        "databases": {"pipeline": {"kwargs": {"host": "db.example"}}},
        "pipeline": {"step_functions": ["tools.clean"]},
    }
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    options = load_settings({"PIPELINE_CONF": str(tmp_path / "config.json")})
    monkeypatch.setattr(init, "settings", lambda: options)

    offer(monkeypatch, init.load_pipeline_core({}).contributions)

    assert (
        problems_of(step(step_type="script", model=None, config={"function": "tools.clean"})) == []
    )
    assert problems_of(
        step(step_type="script", model=None, config={"function": "tools.other"})
    ) == [("unknown_function", "a", "config.function", "error")]


@pytest.mark.parametrize("step_type", SCHEMAS)
def test_a_schema_is_a_json_schema(step_type: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(json.dumps(json_schema(step_type))))


@pytest.mark.parametrize("step_type", SCHEMAS)
@pytest.mark.parametrize("value", [3.5, "x", "", [], {}, {"a": 1}, True, None, 200, [200], "GET"])
def test_a_schema_says_the_same_as_the_standard_does(step_type: str, value: Any) -> None:
    for name, key in SCHEMAS[step_type].items():
        anchored = json.loads(json.dumps(key))
        if "pattern" in anchored:
            anchored["pattern"] = f"^(?:{anchored['pattern'].replace('(?s)', '')})$"
        standard = jsonschema.Draft202012Validator(anchored).is_valid(value)
        wrong = {p.key for p in config_problems(step_type, {name: value}) if p.kind == "wrong"}

        assert (not wrong) == standard, (name, value)


@pytest.mark.parametrize("step_type", SCHEMAS)
def test_every_key_of_a_configuration_refuses_a_wrong_value(step_type: str) -> None:
    for name, key in SCHEMAS[step_type].items():
        if "type" in key or "anyOf" in key:
            kinds = {p.key: p.kind for p in config_problems(step_type, {name: 3.5})}

            assert kinds[name] == "wrong"


@pytest.mark.parametrize(
    ("step_type", "config"),
    [
        ("model", {"prompt": "Say {x}", "parameters": {"t": 0.2}, "inputs": {"x": "input.x"}}),
        (
            "http",
            {
                "url": "https://example.com/a?b=c", "method": "post", "headers": {"X-A": "b"},
                "body": {"any": ["thing"]}, "expected_status": [200, 201],
            },
        ),
        ("http", {"url": "http://127.0.0.1:8080", "expected_status": 204}),
        ("http", {"url": "https://example.com/{{ input.id }}/x"}),
        ("script", {"function": "tools.clean_text", "arguments": {"n": 1}}),
        ("manual", {"assignee": "editor", "instruction": "看一遍"}),
    ],
)  # fmt: skip
def test_a_good_configuration_has_no_problems(step_type: str, config: dict[str, Any]) -> None:
    assert config_problems(step_type, config) == []


@pytest.mark.parametrize(
    "config",
    [
        {"url": "ftp://example.com"},
        {"url": "https://"},
        {"url": "https://example.com", "method": "STEAL"},
        {"url": "https://example.com", "headers": {"X-A": 1}},
        {"url": "https://example.com", "expected_status": [200, "x"]},
        {"url": "https://example.com", "expected_status": True},
        {"url": "https://example.com", "expected_status": []},
        {"url": "https://example.com", "expected_status": 99},
        {"url": "https://example.com/{{ input.a }} b"},
    ],
)
def test_a_bad_http_configuration_is_told(config: dict[str, Any]) -> None:
    assert [problem.kind for problem in config_problems("http", config)] == ["wrong"]
