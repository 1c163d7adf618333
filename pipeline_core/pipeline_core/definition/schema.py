"""
Checking a value against a JSON Schema, as far as the schemas of this module go.

Known words: `type`, `enum`, `pattern`, `minimum`, `maximum`, `minItems`, `properties`,
`additionalProperties` (a schema), `items`, `anyOf`; a word of ours, `hint`, is the sentence said
when the value does not fit. `pattern` must fit the whole value. Every problem is found, each with
the path of the value it is about; what is missing is the business of step_config.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from app.global_func import Message

Schema = Mapping[str, Any]
Path = tuple[str, ...]
FoundProblem = tuple[Path, Message]

# Blanks around the name belong to the match: patterns that leave them out themselves take hours
# for some thousands of blanks.
PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


TYPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "string": (lambda value: isinstance(value, str), "{key} must be a text."),
    "object": (lambda value: isinstance(value, dict), "{key} must be an object, in braces."),
    "array": (lambda value: isinstance(value, list), "{key} must be a list, in brackets."),
    "boolean": (lambda value: isinstance(value, bool), "{key} must be true or false."),
    "integer": (lambda value: type(value) is int, "{key} must be a whole number."),
    "number": (_is_number, "{key} must be a number."),
}


def problems(schema: Schema, value: Any, path: Path) -> Iterator[FoundProblem]:
    """Yield what about *value*, found at *path*, does not fit *schema*."""
    hint = schema.get("hint")
    kind = schema.get("type")
    if kind is not None and not TYPES[kind][0](value):
        yield _problem(path, hint or TYPES[kind][1])
        return
    if "anyOf" in schema and not any(fits(option, value) for option in schema["anyOf"]):
        yield _problem(path, hint or "{key} has a value that is not allowed.")
        return
    if isinstance(value, str):
        yield from _text_problems(schema, value, path, hint)
    elif _is_number(value):
        yield from _number_problems(schema, value, path, hint)
    elif isinstance(value, dict):
        yield from _object_problems(schema, value, path)
    elif isinstance(value, list):
        yield from _list_problems(schema, value, path, hint)


def path_text(path: Path) -> str:
    """Return *path* in a sentence, the names in it cut to a length for reading."""
    return ".".join(part[:64] for part in path)


def fits(schema: Schema, value: Any) -> bool:
    """Return whether *value* fits *schema*."""
    return next(problems(schema, value, ()), None) is None


def _problem(path: Path, sentence: str, **params: Any) -> FoundProblem:
    return path, Message(sentence, key=path_text(path), **params)


def _text_problems(
    schema: Schema, value: str, path: Path, hint: str | None
) -> Iterator[FoundProblem]:
    if "enum" in schema and value not in schema["enum"]:
        choices = ", ".join(schema["enum"])
        yield _problem(path, hint or "{key} must be one of: {choices}.", choices=choices)
    # What a placeholder stands for is not known yet.
    bare = PLACEHOLDER.sub("x", value)
    if "pattern" in schema and not re.fullmatch(schema["pattern"], bare):
        yield _problem(path, hint or "{key} has a value that is not allowed.")


def _number_problems(
    schema: Schema, value: Any, path: Path, hint: str | None
) -> Iterator[FoundProblem]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and value < low and high is None:
        yield _problem(path, hint or "{key} must be at least {low}.", low=low)
    elif (low is not None and value < low) or (high is not None and value > high):
        sentence = hint or "{key} must be from {low} to {high}."
        yield _problem(path, sentence, low=low, high=high)


def _object_problems(
    schema: Schema, value: Mapping[str, Any], path: Path
) -> Iterator[FoundProblem]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    other: Schema = schema.get("additionalProperties", {})
    for name, inner in value.items():
        yield from problems(properties.get(name, other), inner, (*path, name))


def _list_problems(
    schema: Schema, value: list[Any], path: Path, hint: str | None
) -> Iterator[FoundProblem]:
    if len(value) < schema.get("minItems", 0):
        yield _problem(path, hint or "{key} must not be empty.")
    for number, inner in enumerate(value):
        yield from problems(schema.get("items", {}), inner, (*path, str(number)))
