"""
What a step takes from the line's input and from other steps' outputs.

A reference is `input`, `input.NAME…`, `steps.STEP` or `steps.STEP.NAME…`; `$`, `$.`, `${…}` and
`{{…}}` around it change nothing. It stands as a value of `inputs`, or between `{{` and `}}` in
any text of the configuration, where the names of the step's own `inputs` may stand too. A step's
code may have dots in it, so the longest code that fits is meant.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.global_func import Message
from pipeline_core.definition.schema import PLACEHOLDER
from pipeline_core.errors import UNKNOWN_STEP

Step = Mapping[str, Any]
_WRAPPED = re.compile(r"\{\{(.*)\}\}|\$\{(.*)\}|\$\.?(.*)", re.DOTALL)
NAME = re.compile(r"[^\W\d][\w-]*(?:\.[\w-]+|\[\d+\])*")
_REFERENCE = re.compile(r"(input|steps)(?:\.(.+))?", re.DOTALL)


@dataclass(frozen=True)
class BadReference:
    """A reference that cannot be followed: where it stands in the configuration, and why."""

    code: str
    field: str
    text: Message
    severity: str = "error"


class Places:
    """Where the steps of a line stand; what a step may refer to."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._stages: dict[str, int] = {}
        self._disabled: set[str] = set()
        for step in steps:
            self._stages[step["step_key"]] = step["stage"]
            if not step["enabled"]:
                self._disabled.add(step["step_key"])

    def problems(self, step: Step) -> Iterator[BadReference]:
        """Yield what *step* refers to and cannot have."""
        config = step["config"]
        if not isinstance(config, dict):
            return
        inputs = config.get("inputs")
        inputs = inputs if isinstance(inputs, dict) else {}
        for name, value in inputs.items():
            if isinstance(value, str):
                yield from self._of_input(step, f"inputs.{name[:64]}", value)
        for field, word in placeholders({k: v for k, v in config.items() if k != "inputs"}):
            yield from self._of_placeholder(step, field, word, inputs)

    def _of_input(self, step: Step, field: str, value: str) -> Iterator[BadReference]:
        mixed = list(placeholders(value)) if PLACEHOLDER.sub("", value).strip() else []
        if mixed:  # words around the references
            for _, word in mixed:
                yield from self._of_placeholder(step, field, word, {})
            return
        text = unwrap(value)
        if not _REFERENCE.fullmatch(text):
            sentence = "{value} refers to nothing. Write input.NAME or steps.STEP.NAME."
            yield BadReference("bad_reference", field, Message(sentence, value=value[:100]))
            return
        yield from self._follow(step, field, text)

    def _of_placeholder(
        self, step: Step, field: str, word: str, inputs: Mapping[str, Any]
    ) -> Iterator[BadReference]:
        first = word.removeprefix("inputs.").split(".")[0].split("[")[0]
        if first in inputs:
            return
        if _REFERENCE.fullmatch(word):
            yield from self._follow(step, field, word)
        else:
            sentence = "{name} is none of the step's inputs."
            text = Message(sentence, name=word[:100])
            yield BadReference("unknown_placeholder", field, text, "warning")

    def _follow(self, step: Step, field: str, reference: str) -> Iterator[BadReference]:
        match = _REFERENCE.fullmatch(reference)
        if match is None or match[1] == "input":
            return
        step_key = match[2] or ""
        other = self.resolve(step_key)
        if other is None:
            text = UNKNOWN_STEP.message(names=step_key.split(".")[0][:64])
            yield BadReference("unknown_reference", field, text)
            return
        yield from self._usable(step, field, other)

    def _usable(self, step: Step, field: str, other: str) -> Iterator[BadReference]:
        here, there = step["stage"], self._stages[other]
        if other == step["step_key"]:
            text = Message("A step cannot use its own output.")
            yield BadReference("own_reference", field, text)
        elif there == here:
            sentence = "The step {other} runs at the same time; its output is not there yet."
            yield BadReference("parallel_reference", field, Message(sentence, other=other))
        elif there > here:
            sentence = "The step {other} runs later; its output is not there yet."
            yield BadReference("later_reference", field, Message(sentence, other=other))
        elif other in self._disabled:
            sentence = "The step {other} is disabled and has no output."
            yield BadReference("disabled_reference", field, Message(sentence, other=other))

    def resolve(self, reference: str) -> str | None:
        """Return the step whose code *reference* begins with; the longest such code."""
        parts = reference.split(".")
        for length in range(len(parts), 0, -1):
            key = ".".join(parts[:length])
            key = key if key in self._stages else key.split("[")[0]
            if key in self._stages:
                return key
        return None


def unwrap(value: str) -> str:
    """Return a reference without the marks that people put around it."""
    text = value.strip()
    match = _WRAPPED.fullmatch(text)
    if match is None:
        return text
    return next((part for part in match.groups() if part is not None), "").strip()


def placeholders(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, name) of each placeholder in the texts of *value*, at any depth."""
    if isinstance(value, str):
        for placeholder in PLACEHOLDER.findall(value):
            word = placeholder.strip()
            if NAME.fullmatch(word):
                yield path, word
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from placeholders(inner, f"{path}.{name[:64]}" if path else name[:64])
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from placeholders(inner, f"{path}.{number}")
