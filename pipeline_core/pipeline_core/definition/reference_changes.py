"""Which steps a step refers to, and its configuration when one of them gets another code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline_core.definition.references import NAME, Places, unwrap
from pipeline_core.definition.schema import PLACEHOLDER

_STEPS = "steps."


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference that a configuration has at `field`: its text, and the step that it means."""

    field: str
    text: str
    step_key: str


# The text that a reference gets in place of its own.
_Change = Callable[[Reference], str]


def references(config: Any, places: Places) -> list[Reference]:
    """Return the references in a step's *config* to steps that *places* knows, as it stands."""
    result: list[Reference] = []

    def note(reference: Reference) -> str:
        result.append(reference)
        return reference.text

    _Walk(places, note).config(config)
    return result


def with_new_key(config: Any, places: Places, old: str, new: str) -> Any:
    """Return *config* with each reference to the step *old* as one to *new*; *places* knows the
    steps by their codes before."""

    def change(reference: Reference) -> str:
        if reference.step_key != old:
            return reference.text
        return _STEPS + new + reference.text[len(_STEPS) + len(old) :]

    return _Walk(places, change).config(config)


class _Walk:
    """Goes through a configuration as `Places.problems` does, and puts texts in place of texts."""

    def __init__(self, places: Places, change: _Change) -> None:
        self._places = places
        self._change = change

    def config(self, config: Any) -> Any:
        if not isinstance(config, dict):
            return config
        inputs = config.get("inputs")
        inputs = inputs if isinstance(inputs, dict) else {}
        return {
            name: self._inputs(value) if name == "inputs" else self._any(value, name, inputs)
            for name, value in config.items()
        }

    def _inputs(self, inputs: Any) -> Any:
        if not isinstance(inputs, dict):
            return inputs
        return {
            name: self._input(value, f"inputs.{name}") if isinstance(value, str) else value
            for name, value in inputs.items()
        }

    def _input(self, value: str, field: str) -> str:
        if PLACEHOLDER.search(value):
            return self._text(value, field, {})
        text = unwrap(value)
        return value.replace(text, self._reference(text, field), 1) if text else value

    def _any(self, value: Any, field: str, inputs: Mapping[str, Any]) -> Any:
        if isinstance(value, str):
            return self._text(value, field, inputs)
        if isinstance(value, dict):
            return {n: self._any(inner, f"{field}.{n}", inputs) for n, inner in value.items()}
        if isinstance(value, list):
            return [self._any(inner, f"{field}.{i}", inputs) for i, inner in enumerate(value)]
        return value

    def _text(self, value: str, field: str, inputs: Mapping[str, Any]) -> str:
        def placeholder(match: Any) -> str:
            word = match[1].strip()
            # A name of the step's own inputs comes first.
            own = word.removeprefix("inputs.").split(".")[0].split("[")[0] in inputs
            if own or not NAME.fullmatch(word):
                return str(match[0])
            return str(match[0]).replace(word, self._reference(word, field), 1)

        return PLACEHOLDER.sub(placeholder, value)

    def _reference(self, text: str, field: str) -> str:
        if not text.startswith(_STEPS):
            return text
        key = self._places.resolve(text[len(_STEPS) :])
        return text if key is None else self._change(Reference(field, text, key))
