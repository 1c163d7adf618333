"""
What the configuration of a step may say; the schemas are in step_types.

A key with a value of the wrong kind is refused when the step is saved; a key that is missing
only stands in the way of publishing, so that a draft can be written in any order. Keys that no
schema names are kept and told as a warning.
"""

from dataclasses import dataclass
from typing import Any

from app.global_func import Message
from pipeline_core.definition import schema
from pipeline_core.definition.step_types import SCHEMAS
from pipeline_core.errors import BAD_CONFIG


@dataclass(frozen=True)
class ConfigProblem:
    """What is wrong with the value at `path`; `kind` is `wrong`, `missing` or `unknown`."""

    path: schema.Path
    kind: str
    text: Message
    severity: str = "error"

    @property
    def key(self) -> str:
        """The path for a reader; empty for the configuration as a whole."""
        return schema.path_text(self.path)

    @property
    def field(self) -> str:
        """The path as a part of a JSON pointer, below `config`."""
        parts = (part.replace("~", "~0").replace("/", "~1") for part in self.path)
        return "/".join(("config", *parts))


def config_problems(step_type: str, config: Any) -> list[ConfigProblem]:
    """Return everything wrong with *config* of a step of this type; nothing for an unknown type."""
    if not isinstance(config, dict):
        return [ConfigProblem((), "wrong", BAD_CONFIG.message())]
    keys = SCHEMAS.get(step_type)
    if keys is None:
        return []
    result = []
    for name, key in keys.items():
        if name in config:
            result += [
                ConfigProblem(path, "wrong", text)
                for path, text in schema.problems(key, config[name], (name,))
            ]
        elif "needed" in key:
            text = Message("The configuration needs {key}.", key=name)
            result.append(ConfigProblem((name,), "missing", text, key["needed"]))
    result += [
        ConfigProblem(
            (name,),
            "unknown",
            Message("{key} means nothing to a step of this type.", key=name[:64]),
            "warning",
        )
        for name in config
        if name not in keys
    ]
    return result
