"""
The configuration file, with what is this installation's own laid over it.

`conf/config.json` belongs to the repository and changes with updates; `conf/local.json` beside it
does not, so that an update finds no conflict. It holds only what is different here.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.base.settings_checks import ConfigError

LOCAL_NAME = "local.json"


def config_files(env: Mapping[str, str], root: Path) -> list[Path]:
    """Return the configuration's files, the later ones over the earlier; the first may be
    missing."""
    file = Path(env.get("PIPELINE_CONF") or root / "conf" / "config.json")
    local = file.with_name(LOCAL_NAME)
    return [file, local] if local.exists() else [file]


def read_config(files: list[Path]) -> dict[str, Any]:
    """Return what *files* say together; raises ConfigError."""
    raw: dict[str, Any] = {}
    for file in files:
        raw = _merge(raw, _read(file))
    return raw


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return *base* with *over* laid over it: objects member by member, all else as a whole."""
    merged_config = dict(base)
    for name, value in over.items():
        below = merged_config.get(name)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged_config[name] = _merge(below, value) if both else value  # type: ignore[arg-type]
    return merged_config


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing. Restore it from the repository.") from None
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}.") from exc
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as exc:
        raise ConfigError(
            f"{path} is not valid JSON: line {exc.lineno}, column {exc.colno}: {exc.msg}. "
            "Correct it there and start again."
        ) from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} must hold a JSON object.")
    return raw
