"""
References and placeholders as expressions of the Serverless Workflow language (jq).

`input.a` is `$workflow.input.a`; `steps.k.a` is `$context.steps.k.a`, where the exported document
keeps each step's output. `output` right after a step's code means the output itself.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline_core.definition.references import unwrapped
from pipeline_core.definition.schema import PLACEHOLDER

Meant = Callable[[str], str | None]
_PART = re.compile(r"[^.\[\]]+|\[\d+\]")


class Expressions:
    """Writes expressions for one step: *meant* finds the step that a reference begins with."""

    def __init__(self, meant: Meant, inputs: Mapping[str, Any]) -> None:
        self._meant = meant
        self._inputs = inputs

    def reference(self, text: str) -> str | None:
        """The jq of a reference (or of the name of an own input); None if it is neither."""
        word = unwrapped(text)
        own = word.removeprefix("inputs.")
        first = own.split(".")[0].split("[")[0]
        if first in self._inputs:
            return _path("$input", own)
        if word == "input" or word.startswith("input."):
            return _path("$workflow.input", word[6:])
        if not word.startswith("steps."):
            return None
        key = self._meant(word[6:])
        if key is None:
            return None
        rest = word[6 + len(key) :].removeprefix(".")
        if rest == "output" or rest.startswith(("output.", "output[")):
            rest = rest[6:].removeprefix(".")
        return _path(f"$context.steps[{json.dumps(key, ensure_ascii=False)}]", rest)

    def mapped(self, value: str) -> str:
        """A value of `inputs` as a runtime expression; what is no reference stays a text."""
        found = self.reference(value) if not PLACEHOLDER.sub("", value).strip() else None
        found = found or (self.reference(value) if not PLACEHOLDER.search(value) else None)
        return f"${{ {found} }}" if found else self.template(value)

    def template(self, value: Any) -> Any:
        """*value* with the placeholders in its texts as runtime expressions, at any depth."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {name: self.template(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.template(inner) for inner in value]
        return value

    def _text(self, value: str) -> str:
        parts: list[str] = []
        end, found = 0, 0
        for place in PLACEHOLDER.finditer(value):
            known = self.reference(place[1].strip())
            if known is None:
                continue
            found += 1
            parts += [_quoted(value[end : place.start()]), f"\\({known})"]
            end = place.end()
        if not found:
            return value
        parts.append(_quoted(value[end:]))
        if found == 1 and not "".join((parts[0], parts[-1])):
            return f"${{ {parts[1][2:-1]} }}"
        return f'${{ "{"".join(parts)}" }}'


def _path(start: str, rest: str) -> str:
    made = start
    for part in _PART.findall(rest):
        if part.startswith("["):
            made += part
        elif part.isdigit():
            made += f"[{part}]"
        else:
            made += f"[{json.dumps(part, ensure_ascii=False)}]"
    return made


def _quoted(text: str) -> str:
    """*text* as it stands inside a jq string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
