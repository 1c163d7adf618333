"""
What the configuration of a step may say, one table per step type.

A key with a value of the wrong kind is refused when the step is saved; a key that is missing
only stands in the way of publishing, so that a draft can be written in any order. Keys that no
table names are kept and told as a warning.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.global_func import Text

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_URL = re.compile(r"https?://[^\s/?#]+\S*")
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")

Check = Callable[[Any], bool]


@dataclass(frozen=True)
class Key:
    """
    One key of a configuration: what its value must be, said as a test and as a sentence.

    `needed`: a step cannot do without it (`error`), or hardly (`warning`); None: it can.
    """

    check: Check
    sentence: str
    needed: str | None = None


@dataclass(frozen=True)
class ConfigProblem:
    """What is wrong with `key`; `kind` is `wrong`, `missing` or `unknown`."""

    key: str
    kind: str
    text: Text
    severity: str = "error"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_filled(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_text_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_method(value: Any) -> bool:
    return isinstance(value, str) and value.upper() in METHODS


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and _URL.fullmatch(value) is not None


def _is_function(value: Any) -> bool:
    return isinstance(value, str) and _FUNCTION.fullmatch(value) is not None


def _is_status(value: Any) -> bool:
    codes = value if isinstance(value, list) else [value]
    return bool(codes) and all(type(code) is int and 100 <= code <= 599 for code in codes)


def _anything(value: Any) -> bool:
    return True


_TEXT = "{key} must be a text."
_OBJECT = "{key} must be an object, in braces."
_TEXTS = "{key} must be an object of texts."

CONFIGS: Mapping[str, Mapping[str, Key]] = {
    "model": {
        "prompt": Key(_is_text, _TEXT),
        "parameters": Key(_is_object, _OBJECT),
        "inputs": Key(_is_text_map, _TEXTS),
    },
    "http": {
        "url": Key(_is_url, "{key} must be an address such as https://example.com/x.", "error"),
        "method": Key(_is_method, "{key} must be GET, POST, PUT, PATCH or DELETE."),
        "headers": Key(_is_text_map, _TEXTS),
        "body": Key(_anything, ""),
        "expected_status": Key(_is_status, "{key} must be a status from 100 to 599, or a list."),
        "inputs": Key(_is_text_map, _TEXTS),
    },
    "script": {
        "function": Key(_is_function, "{key} must be the name of a function.", "error"),
        "arguments": Key(_is_object, _OBJECT),
        "inputs": Key(_is_text_map, _TEXTS),
    },
    "manual": {
        "assignee": Key(_is_text, _TEXT),
        "instruction": Key(_is_filled, "{key} must say what to do.", "warning"),
    },
}


def config_problems(step_type: str, config: Any) -> list[ConfigProblem]:
    """Everything wrong with *config* of a step of this type; nothing for an unknown type."""
    if not isinstance(config, dict):
        return [ConfigProblem("", "wrong", Text("The configuration must be an object, in braces."))]
    known = CONFIGS.get(step_type)
    if known is None:
        return []
    found = []
    for name, key in known.items():
        if name in config and not key.check(config[name]):
            found.append(ConfigProblem(name, "wrong", Text(key.sentence, key=name)))
        elif name not in config and key.needed:
            text = Text("The configuration needs {key}.", key=name)
            found.append(ConfigProblem(name, "missing", text, key.needed))
    found += [
        ConfigProblem(
            name,
            "unknown",
            Text("{key} means nothing to a step of this type.", key=name[:64]),
            "warning",
        )
        for name in config
        if name not in known
    ]
    return found
