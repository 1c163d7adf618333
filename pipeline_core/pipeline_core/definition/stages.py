"""
Where a line's steps stand: stages in a row, and the steps of a stage side by side.

A layout is a list of stages, each a list of step keys. The numbers stored with the steps
(`stage` 1..n, `step_no` 1..m) always come from a layout, so they cannot have holes. Nothing here
knows the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from app.global_func import OUT_OF_RANGE, FieldCode, FieldProblem, InvalidFields
from pipeline_core.errors import BAD_ORDER, DOUBLED_STEP, EMPTY_STAGE, MISSING_STEP, UNKNOWN_STEP

Layout = list[list[str]]
Place = tuple[int, int]


def layout_of(steps: Iterable[Mapping[str, Any]]) -> Layout:
    """Return the layout of *steps*, each with `step_key`, `stage` and `step_no`; holes are
    closed."""
    rows = sorted(steps, key=lambda step: (step["stage"], step["step_no"], step["step_key"]))
    return [
        [step["step_key"] for step in stage]
        for _, stage in groupby(rows, key=lambda step: step["stage"])
    ]


def numbers_of(layout: Layout) -> dict[str, Place]:
    """Return each step key's (`stage`, `step_no`), counted from 1."""
    return {
        key: (stage_no, step_no)
        for stage_no, stage in enumerate(layout, 1)
        for step_no, key in enumerate(stage, 1)
    }


def insert(
    layout: Layout,
    key: str,
    stage: int | None = None,
    step_no: int | None = None,
    *,
    new_stage: bool = False,
) -> Layout:
    """
    Return *layout* with *key* put in; the others move on.

    Without *stage*: a stage of its own at the end. With it: into that stage, at place *step_no*
    or last; the stage after the last one may be named too. With *new_stage*: a stage of its own
    before the one named. Raises InvalidFields for a place that would leave a hole.
    """
    last = len(layout) + 1
    stage = last if stage is None else stage
    if not 1 <= stage <= last:
        raise _out_of_range("stage", last)
    alone = new_stage or stage == last
    room = 1 if alone else len(layout[stage - 1]) + 1
    step_no = room if step_no is None else step_no
    if not 1 <= step_no <= room:
        raise _out_of_range("step_no", room)
    stages = [list(row) for row in layout]
    if alone:
        stages.insert(stage - 1, [key])
    else:
        stages[stage - 1].insert(step_no - 1, key)
    return stages


def room_in(layout: Layout, stage: int, key: str) -> int:
    """Return the last place *key* can have in *stage*; 1 in the stage after the last one."""
    if not 1 <= stage <= len(layout):
        return 1
    return len({*layout[stage - 1], key})


def remove(layout: Layout, key: str) -> Layout:
    """Return *layout* without *key*; a stage that is empty then goes too."""
    return [row for row in ([k for k in stage if k != key] for stage in layout) if row]


def move(
    layout: Layout,
    key: str,
    stage: int | None = None,
    step_no: int | None = None,
    *,
    new_stage: bool = False,
) -> Layout:
    """
    Return *layout* with *key* put elsewhere; without *stage* it stays in its own.

    *stage* counts the stages as they are before the move, which is what the caller sees.
    """
    if stage is None:
        stage = numbers_of(layout)[key][0]
    # The emptied stage keeps its place until the step has found its new one.
    gone = [[k for k in row if k != key] for row in layout]
    return [row for row in insert(gone, key, stage, step_no, new_stage=new_stage) if row]


def check_order(order: Any, keys: Iterable[str]) -> Layout:
    """
    Return *order*, a list of stages out of a request, as a layout of exactly the steps *keys*.

    Raises InvalidFields naming what is unknown, doubled, missing, or no list.
    """
    if not is_order(order):
        raise InvalidFields([BAD_ORDER("order")])
    names = [key for stage in order for key in stage]
    expected_keys = set(keys)
    problems = [
        *_about(UNKNOWN_STEP, set(names) - expected_keys),
        *_about(MISSING_STEP, expected_keys - set(names)),
        *_about(DOUBLED_STEP, _doubles(names)),
    ]
    if any(not stage for stage in order):
        problems.append(EMPTY_STAGE("order"))
    if problems:
        raise InvalidFields(problems)
    return [list(stage) for stage in order]


def is_order(order: Any) -> bool:
    """Return whether *order* has the form of one: a list of lists of texts."""
    return isinstance(order, list) and all(_is_stage(stage) for stage in order)


def _is_stage(stage: Any) -> bool:
    return isinstance(stage, list) and all(isinstance(key, str) for key in stage)


def _doubles(names: Sequence[str]) -> set[str]:
    earlier: set[str] = set()
    return {key for key in names if key in earlier or earlier.add(key)}  # type: ignore[func-returns-value]


def _about(entry: FieldCode, keys: set[str]) -> list[FieldProblem]:
    if not keys:
        return []
    return [entry("order", names=", ".join(sorted(keys))[:500])]


def _out_of_range(field: str, last: int) -> InvalidFields:
    return InvalidFields([OUT_OF_RANGE(field, low=1, high=last)])
