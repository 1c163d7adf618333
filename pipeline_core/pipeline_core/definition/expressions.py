"""
References and placeholders as expressions of the Serverless Workflow language (jq).

`input.a` is `$workflow.input.a`; `steps.k.a` is `$context.steps.k.a`, where the exported document
keeps each step's output. `output` right after a step's code means the output itself.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline_core.definition.references import unwrap
from pipeline_core.definition.schema import PLACEHOLDER

Resolver = Callable[[str], str | None]
_PART = re.compile(r"[^.\[\]]+|\[\d+\]")


class Expressions:
    """Writes expressions for one step: *resolve* finds the step that a reference begins with."""

    def __init__(self, resolve: Resolver, inputs: Mapping[str, Any]) -> None:
        self._resolve = resolve
        self._inputs = inputs

    def reference(self, text: str) -> str | None:
        """Return the jq of a reference (or of the name of an own input); None if it is neither."""
        word = unwrap(text)
        own = word.removeprefix("inputs.")
        first = own.split(".")[0].split("[")[0]
        if first in self._inputs:
            return _path("$input", own)
        if word == "input" or word.startswith("input."):
            return _path("$workflow.input", word[6:])
        if not word.startswith("steps."):
            return None
        key = self._resolve(word[6:])
        if key is None:
            return None
        rest = word[6 + len(key) :].removeprefix(".")
        if rest == "output" or rest.startswith(("output.", "output[")):
            rest = rest[6:].removeprefix(".")
        return _path(f"$context.steps[{json.dumps(key, ensure_ascii=False)}]", rest)

    def map(self, value: str) -> str:
        """Return a value of `inputs` as a runtime expression; what is no reference stays a text."""
        expression = self.reference(value) if not PLACEHOLDER.sub("", value).strip() else None
        expression = expression or (
            self.reference(value) if not PLACEHOLDER.search(value) else None
        )
        return f"${{ {expression} }}" if expression else self.template(value)

    def template(self, value: Any) -> Any:
        """Return *value* with the placeholders in its texts as runtime expressions, at any
        depth."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {name: self.template(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.template(inner) for inner in value]
        return value

    def _text(self, value: str) -> str:
        parts: list[str] = []
        end, count = 0, 0
        for place in PLACEHOLDER.finditer(value):
            expression = self.reference(place[1].strip())
            if expression is None:
                continue
            count += 1
            parts += [_quote(value[end : place.start()]), f"\\({expression})"]
            end = place.end()
        if not count:
            return value
        parts.append(_quote(value[end:]))
        if count == 1 and not "".join((parts[0], parts[-1])):
            return f"${{ {parts[1][2:-1]} }}"
        return f'${{ "{"".join(parts)}" }}'


def _path(start: str, rest: str) -> str:
    path = start
    for part in _PART.findall(rest):
        if part.startswith("["):
            path += part
        elif part.isdigit():
            path += f"[{part}]"
        else:
            path += f"[{json.dumps(part, ensure_ascii=False)}]"
    return path


def _quote(text: str) -> str:
    """Return *text* as it stands inside a jq string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
