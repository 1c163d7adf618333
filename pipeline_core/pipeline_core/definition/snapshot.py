"""
A line's whole definition at one moment: the snapshot that a version keeps.

Its one spelling is canonical JSON (keys sorted, no blanks); its SHA-256 is the version's
checksum, looked at on every reading. What is in it is the definition, no times and no status; and
each step's `id`, that of its row, by which it is known under another code. Versions saved before
ids were kept have none. The ids are no part of what is defined: see `is_same`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.global_func import AppError, canonical_json, kept_json
from pipeline_core.errors import VERSION_CORRUPTED

FORMAT = 1
PIPELINE_FIELDS = ("code", "name", "description")
STEP_FIELDS = (
    "step_key", "name", "stage", "step_no", "step_type", "model", "config", "timeout_seconds",
    "retry_limit", "enabled",
)  # fmt: skip

Definition = dict[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """A definition as a version stores it."""

    text: str
    checksum: str


class VersionCorrupted(AppError):
    """A stored snapshot is not the one that was stored."""

    def __init__(self, version_no: int) -> None:
        super().__init__(VERSION_CORRUPTED, version_no=version_no)


def definition_of(pipeline: Mapping[str, Any], steps: Iterable[Mapping[str, Any]]) -> Definition:
    """Return the definition of the draft: the row of the line and the rows of its steps."""
    rows = sorted(steps, key=lambda step: (step["stage"], step["step_no"], step["step_key"]))
    return {
        "format": FORMAT,
        "pipeline": {name: pipeline[name] for name in PIPELINE_FIELDS},
        "steps": [_step(step) for step in rows],
    }


def freeze(definition: Definition) -> Snapshot:
    """Return *definition* as text with its checksum."""
    text = canonical_json(definition)
    return Snapshot(text, checksum(text))


def checksum(text: str) -> str:
    """Return SHA-256 of a snapshot's text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def load(version: Mapping[str, Any]) -> Definition:
    """Load the definition in a version's row; raises VersionCorrupted when it is not what was
    saved."""
    if checksum(version["snapshot"]) != version["checksum"]:
        raise VersionCorrupted(version["version_no"])
    definition: Definition = kept_json(version["snapshot"])
    return definition


def mark_intact(version: dict[str, Any]) -> None:
    """Say in a version's row of a list whether its snapshot still is the one that was saved."""
    version["intact"] = int(checksum(version["snapshot"]) == version["checksum"])


def is_same(definition: Definition, version: Mapping[str, Any]) -> bool:
    """Return whether a version's row holds *definition*, whichever rows the steps have; False
    where its snapshot is damaged."""
    if freeze(definition).checksum == version["checksum"]:
        return True
    try:
        return _content(load(version)) == _content(definition)
    except VersionCorrupted:
        return False


def _content(definition: Definition) -> str:
    steps = [{n: v for n, v in step.items() if n != "id"} for step in definition["steps"]]
    return canonical_json({**definition, "steps": steps})


def step_values(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return a snapshot's step as the columns of `pipeline_steps` that people set."""
    values = {name: step.get(name) for name in STEP_FIELDS}
    return values | {
        "config": canonical_json(step.get("config") or {}),
        "enabled": int(bool(step.get("enabled"))),
    }


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    known_by = {"id": step["id"]} if "id" in step else {}
    return (
        known_by
        | {name: step[name] for name in STEP_FIELDS}
        | {
            "config": kept_json(step["config"] or "{}"),
            "enabled": bool(step["enabled"]),
        }
    )
