"""
What differs between two definitions of a line, told as a person would tell it.

A step that only got another number because something was put in before it has not moved. The
moved steps are the smallest set one has to pick up and put down again to get from one order to
the other.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from app.global_func import canonical_json
from pipeline_core.definition.snapshot import PIPELINE_FIELDS, STEP_FIELDS, Definition
from pipeline_core.definition.stages import Place, layout_of, numbers_of

_PLACE = frozenset({"step_key", "stage", "step_no"})
COMPARED = tuple(name for name in STEP_FIELDS if name not in _PLACE)

Steps = Mapping[str, Mapping[str, Any]]


def difference(before: Definition, after: Definition) -> dict[str, Any]:
    """
    Return `{steps: {added, removed, moved, changed, parallel_changed}, pipeline}`: *before* to
    *after*.

    Steps are the same when their `step_key` is. Places are given as `{stage, step_no}`;
    `parallel_changed` says which steps ran alone in their stage and no longer do, or the reverse.
    """
    old, new = _by_key(before), _by_key(after)
    common = [key for key in new if key in old]
    return {
        "steps": {
            "added": [_step_name(new[key]) for key in new if key not in old],
            "removed": [_step_name(old[key]) for key in old if key not in new],
            "moved": [
                {"step_key": key, "name": new[key]["name"]}
                | {"from": _place(old[key]), "to": _place(new[key])}
                for key in sorted(moved_keys(old, new), key=lambda key: _where(new[key]))
            ],
            "changed": [
                {"step_key": key, **change}
                for key in common
                for change in _changes(COMPARED, old[key], new[key])
            ],
            "parallel_changed": _parallel_changes(before, after, common),
        },
        "pipeline": _changes(PIPELINE_FIELDS, before["pipeline"], after["pipeline"]),
    }


def is_empty(differences: Mapping[str, Any]) -> bool:
    """Return whether a difference says that nothing differs."""
    return not differences["pipeline"] and not any(differences["steps"].values())


def moved_keys(old: Steps, new: Steps) -> set[str]:
    """
    Return the keys of the steps that moved, among those in both.

    Two steps agree when one runs before, beside or after the other in both definitions; the
    largest set of steps that all agree stayed, the rest moved.
    """
    common = [key for key in new if key in old]
    was = numbers_of(layout_of([old[key] for key in common]))
    now = numbers_of(layout_of([new[key] for key in common]))
    cells: dict[Place, list[str]] = defaultdict(list)
    for key in common:
        cells[(was[key][0], now[key][0])].append(key)
    stayed: set[str] = set()
    for cell in _heaviest_chain({place: len(keys) for place, keys in cells.items()}):
        stayed |= _stable_keys(cells[cell], was, now)
    return set(common) - stayed


def _heaviest_chain(weights: Mapping[Place, int]) -> list[Place]:
    """Find, of pairs with weights, the chain rising in both numbers that weighs most."""
    order = sorted(weights)
    best: list[tuple[int, int]] = []  # weight of the chain that ends here, and its last but one
    for index, (first, second) in enumerate(order):
        weight, previous = 0, -1
        for earlier in range(index):
            if order[earlier][0] < first and order[earlier][1] < second:
                if best[earlier][0] > weight:
                    weight, previous = best[earlier][0], earlier
        best.append((weight + weights[(first, second)], previous))
    chain: list[Place] = []
    index = max(range(len(best)), key=lambda i: best[i][0], default=-1)
    while index >= 0:
        chain.append(order[index])
        index = best[index][1]
    return chain


def _stable_keys(
    keys: Sequence[str], was: Mapping[str, Place], now: Mapping[str, Place]
) -> set[str]:
    """Return the longest run of *keys*, all in one stage, whose order in the stage is as it was."""
    by_new_place = sorted(keys, key=lambda key: was[key][1])
    tails: list[int] = []
    lengths: list[int] = []
    for key in by_new_place:
        length = bisect_left(tails, now[key][1])
        tails[length : length + 1] = [now[key][1]]
        lengths.append(length)
    stable: set[str] = set()
    tail = len(tails) - 1
    limit = float("inf")
    for key, length in zip(reversed(by_new_place), reversed(lengths), strict=True):
        if length == tail and now[key][1] < limit:
            stable.add(key)
            limit = now[key][1]
            tail -= 1
    return stable


def _parallel_changes(
    before: Definition, after: Definition, common: Sequence[str]
) -> list[dict[str, Any]]:
    was, now = _manner(before), _manner(after)
    return [
        {"step_key": key, "from": was[key], "to": now[key]}
        for key in common
        if was[key] != now[key]
    ]


def _manner(definition: Definition) -> dict[str, str]:
    return {
        key: "parallel" if len(stage) > 1 else "serial"
        for stage in layout_of(definition["steps"])
        for key in stage
    }


def _by_key(definition: Definition) -> dict[str, Mapping[str, Any]]:
    return {step["step_key"]: step for step in sorted(definition["steps"], key=_where)}


def _changes(
    fields: Sequence[str], old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[dict[str, Any]]:
    return [
        {"field": name, "from": old.get(name), "to": new.get(name)}
        for name in fields
        if canonical_json(old.get(name)) != canonical_json(new.get(name))  # 1 is not true
    ]


def _where(step: Mapping[str, Any]) -> Place:
    return step["stage"], step["step_no"]


def _place(step: Mapping[str, Any]) -> dict[str, int]:
    return {"stage": step["stage"], "step_no": step["step_no"]}


def _step_name(step: Mapping[str, Any]) -> dict[str, Any]:
    return {name: step[name] for name in ("step_key", "name", "stage", "step_no", "step_type")}
