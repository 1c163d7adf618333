"""
Everything that can be wrong with a definition, all of it at once.

One validator for the dry run, for every save and for publishing: an `error` blocks publishing,
a `warning` does not. A definition may come from an old version, so nothing is taken
for granted here that the tables hold today.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.global_func import TOO_LONG, Message, translate
from pipeline_core.definition import functions
from pipeline_core.definition.references import Places
from pipeline_core.definition.snapshot import Definition
from pipeline_core.definition.step_config import config_problems
from pipeline_core.definition.step_types import SCHEMAS

TIMEOUT_SECONDS = range(1, 86_401)
RETRIES = range(101)
STEP_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MAX_LENGTHS = {"name": 128, "model": 128}

Step = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """One thing wrong, with the step (empty: the line as a whole) and the field it is at."""

    code: str
    text: Message
    step_key: str = ""
    field: str = ""
    severity: str = "error"

    def as_dict(self, lang: str) -> dict[str, str]:
        """Return the problem as the API gives it, its message in *lang*."""
        return {
            "code": self.code,
            "step_key": self.step_key,
            "field": self.field,
            "message": translate(self.text, lang),
            "severity": self.severity,
        }


@dataclass(frozen=True)
class ValidationContext:
    """What other tables say about the line: (step key, model) of prices in force ('' means every)
    and whether there is a capacity row."""

    prices: frozenset[tuple[str, str]]
    has_capacity: bool


def validate(definition: Definition, context: ValidationContext | None = None) -> list[Problem]:
    """Return all problems of *definition*; without *context*, those that only the line itself
    shows."""
    steps = definition["steps"]
    if not (definition["pipeline"].get("name") or "").strip():
        result = [Problem("missing_line_name", Message("Name the line."), field="name")]
    else:
        result = []
    if not steps:
        result += [Problem("no_steps", Message("The line has no steps. Add at least one."))]
    else:
        result += [*_keys(steps), *_stages(steps), *_disabled(steps)]
        places = Places(steps)
        for step in steps:
            result += _step(step)
            result += _references(step, places)
    if context is not None:
        result += _prices(steps, context)
        if not context.has_capacity:
            text = Message("No capacity is set for the line; its calls are not limited.")
            result.append(Problem("no_capacity", text, severity="warning"))
    return result


def blocks(problems: Iterable[Problem]) -> bool:
    """Return whether one of *problems* stands in the way of publishing."""
    return any(problem.severity == "error" for problem in problems)


def _keys(steps: Iterable[Step]) -> list[Problem]:
    counts = Counter(step["step_key"] for step in steps)
    return [
        Problem(
            "duplicate_step_key",
            Message("{count} steps are called {key}. Give each its own.", count=count, key=key),
            key,
            "step_key",
        )
        for key, count in counts.items()
        if count > 1
    ]


def _stages(steps: Iterable[Step]) -> list[Problem]:
    places: dict[int, list[int]] = {}
    for step in steps:
        places.setdefault(step["stage"], []).append(step["step_no"])
    result = []
    if sorted(places) != list(range(1, len(places) + 1)):
        numbers = ", ".join(map(str, sorted(places)))
        text = Message(
            "The stages must be numbered 1, 2, 3 …, they are {numbers}.", numbers=numbers
        )
        result.append(Problem("stage_hole", text, field="stage"))
    for stage, places_of_stage in sorted(places.items()):
        if sorted(places_of_stage) != list(range(1, len(places_of_stage) + 1)):
            text = Message("The steps of stage {stage} must be numbered 1, 2, 3 ….", stage=stage)
            result.append(Problem("step_no_hole", text, field="step_no"))
    return result


def _disabled(steps: Iterable[Step]) -> list[Problem]:
    stages: dict[int, list[Step]] = {}
    for step in steps:
        stages.setdefault(step["stage"], []).append(step)
    return [
        Problem(
            "stage_disabled",
            Message("All steps of stage {stage} are disabled. Enable or remove them.", stage=stage),
            inside[0]["step_key"],
            "enabled",
        )
        for stage, inside in sorted(stages.items())
        if not any(step["enabled"] for step in inside)
    ]


def _field_rules(step: Step) -> tuple[tuple[str, str, bool, Message], ...]:
    """Return (field, code, whether it is right, what to say if not) of each single field."""
    return (
        (
            "step_key",
            "bad_step_key",
            STEP_KEY.fullmatch(step["step_key"]) is not None,
            Message("Use letters, digits, _, . and -, starting with a letter or a digit."),
        ),
        ("name", "missing_name", bool((step["name"] or "").strip()), Message("Name the step.")),
        (
            "step_type",
            "unknown_step_type",
            step["step_type"] in SCHEMAS,
            Message("There is no step type {type}.", type=step["step_type"]),
        ),
        (
            "model",
            "missing_model",
            step["step_type"] != "model" or bool((step["model"] or "").strip()),
            Message("Choose the model that the step uses."),
        ),
        (
            "timeout_seconds",
            "bad_timeout",
            step["timeout_seconds"] in TIMEOUT_SECONDS,
            Message("The time-out must be from {low} to {high} seconds.", low=1, high=86_400),
        ),
        (
            "retry_limit",
            "bad_retry_limit",
            step["retry_limit"] in RETRIES,
            Message("The retries must be from {low} to {high}.", low=0, high=100),
        ),
    )


def _step(step: Step) -> list[Problem]:
    key = step["step_key"]
    result = [
        Problem(code, text, key, field)
        for field, code, right, text in _field_rules(step)
        if not right
    ]
    result += [
        Problem("too_long", _too_long(step[field], limit), key, field)
        for field, limit in MAX_LENGTHS.items()
        if len(step[field] or "") > limit
    ]
    return result + _config(step) + _function(step)


def _too_long(value: str, limit: int) -> Message:
    return TOO_LONG.message(limit=limit, count=len(value))


def _function(step: Step) -> list[Problem]:
    if step["step_type"] != "script" or not isinstance(step["config"], dict):
        return []
    name = step["config"].get("function")
    if not isinstance(name, str) or functions.is_known(name):
        return []
    text = Message("No function is registered as {name}.", name=name[:100])
    return [
        Problem("unknown_function", text, step["step_key"], "config.function")
    ]  # fmt: skip


def _references(step: Step, places: Places) -> list[Problem]:
    return [
        Problem(
            bad.code,
            bad.text,
            step["step_key"],
            f"config.{bad.field}",
            # What a disabled step would need, nothing asks for.
            bad.severity if step["enabled"] else "warning",
        )
        for bad in places.problems(step)
    ]


def _config(step: Step) -> list[Problem]:
    return [
        Problem(
            "unknown_config_key" if problem.kind == "unknown" else "bad_config",
            problem.text,
            step["step_key"],
            f"config.{problem.key}" if problem.key else "config",
            problem.severity,
        )
        for problem in config_problems(step["step_type"], step["config"])
    ]


def _prices(steps: Iterable[Step], context: ValidationContext) -> list[Problem]:
    keys = {step["step_key"] for step in steps}
    result = [
        Problem(
            "no_price",
            Message("There is no price for the model {model}.", model=step["model"]),
            step["step_key"],
            "model",
            "warning",
        )
        for step in steps
        if step["step_type"] == "model" and step["model"] and step["enabled"]
        if not any(
            at in ("", step["step_key"]) and model in ("", step["model"])
            for at, model in context.prices
        )
    ]
    result += [
        Problem(
            "price_without_step",
            Message("A price is set for the step {key}, which the line does not have.", key=at),
            at,
            "step_key",
            "warning",
        )
        for at in sorted({at for at, _ in context.prices} - keys - {""})
    ]
    return result
