"""
What a table has beyond columns and indexes: checks, generated columns, triggers.

They stand in the table's model file, and `migrate` adds them. The name of a check stands for its
condition: to change the condition, give it another name. Nothing here is ever taken away by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that every row fulfils, named `<table>_<name>`."""

    name: str
    condition: str


@dataclass(frozen=True, slots=True)
class Generated:
    """A hidden column that the database computes, with a unique index over it."""

    name: str
    type: str
    expression: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger, named `<table>_<name>`."""

    name: str
    moment: str
    body: str


@dataclass(frozen=True, slots=True)
class Constraints:
    """All constraints of one table."""

    checks: tuple[Check, ...] = ()
    generated_columns: tuple[Generated, ...] = ()
    triggers: tuple[Trigger, ...] = ()


def read_constraints(model: Mapping[str, Any]) -> Constraints:
    """Return the constraints that a model file says; raises TypeError for keys that are none."""
    return Constraints(
        checks=tuple(Check(**item) for item in model.get("checks", ())),
        generated_columns=tuple(
            Generated(**_without_why(item)) for item in model.get("generated", ())
        ),
        triggers=tuple(
            Trigger(**_without_why(item) | {"body": "\n".join(item["body"])})
            for item in model.get("triggers", ())
        ),
    )


def _without_why(item: Mapping[str, Any]) -> dict[str, Any]:
    # `why` is for people who read the model.
    return {key: value for key, value in item.items() if key != "why"}
