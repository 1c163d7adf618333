"""
What other modules keep about a line and what travels with it: prices and capacity.

This module may not import them, so they offer here how to read and how to write their part.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.global_func import Actor, SafeSqlor

Read = Callable[[SafeSqlor, str], Awaitable[Any]]
# (sor, pipeline_id, what `Read` gave, actor) -> one {action, label, problems} for each row
Write = Callable[[SafeSqlor, str, Any, Actor], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True)
class Part:
    """`read` gives JSON without ids, None when there is nothing; `write` adds it to a new line."""

    read: Read
    write: Write


_parts: dict[str, Part] = {}


def offer_parts(parts: Mapping[str, Part]) -> None:
    """Say how the parts named in *parts* travel."""
    _parts.update(parts)


def part_names() -> tuple[str, ...]:
    """All parts that are offered."""
    return tuple(sorted(_parts))


async def read_parts(sor: SafeSqlor, pipeline_id: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a line that *names* wants; those with nothing in them are left out."""
    parts = {}
    for name in part_names():
        if names.get(name) and (data := await _parts[name].read(sor, pipeline_id)):
            parts[name] = data
    return parts


async def write_part(
    sor: SafeSqlor, name: str, pipeline_id: str, data: Any, actor: Actor
) -> list[dict[str, Any]]:
    """Add a part to a line that has none of it; what became of each row."""
    return await _parts[name].write(sor, pipeline_id, data, actor)
