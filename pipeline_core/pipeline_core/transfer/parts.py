"""
What other modules keep about a line and what travels with it: prices and capacity.

This module may not import them, so they contribute how to read and how to write their part.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.global_func import Actor, Contributions, SafeSqlor

Read = Callable[[SafeSqlor, str], Awaitable[Any]]
# (sor, pipeline_id, what `Read` gave, actor) -> one {action, label, problems} for each row
Write = Callable[[SafeSqlor, str, Any, Actor], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Part:
    """`read` gives JSON without ids, None when there is nothing; `write` adds it to a new line."""

    name: str
    read: Read
    write: Write


PARTS = Contributions(Part, lambda part: part.name)


def part_names() -> tuple[str, ...]:
    """Return the names of all parts."""
    return tuple(part.name for part in _parts())


def _parts() -> list[Part]:
    return sorted(PARTS, key=lambda part: part.name)


async def read_parts(sor: SafeSqlor, pipeline_id: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """Read the parts of a line that *names* wants; those with nothing in them are left out."""
    parts = {}
    for part in _parts():
        if names.get(part.name) and (data := await part.read(sor, pipeline_id)):
            parts[part.name] = data
    return parts


async def write_part(
    sor: SafeSqlor, name: str, pipeline_id: str, data: Any, actor: Actor
) -> list[dict[str, Any]]:
    """Add a part, one of `part_names`, to a line that has none of it; what became of each row."""
    part = PARTS.get(name)
    assert part is not None
    return await part.write(sor, pipeline_id, data, actor)
