"""
The draft of a line: its row in `pipelines` and its rows in `pipeline_steps`.

Whoever changes a draft holds the lock on the line's row, so the numbers of its steps and of its
versions are never given twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.global_func import (
    Actor,
    Change,
    Row,
    SafeSqlor,
    delete_row,
    get_row,
    insert_rows,
    lock_parent,
    new_id,
    now,
    record_changes,
    update_row,
)
from pipeline_core.definition.snapshot import (
    PIPELINE_FIELDS,
    Definition,
    definition_of,
    step_values,
)
from pipeline_core.definition.stages import Layout, Place, layout_of, numbers_of
from pipeline_core.definition.states import PipelineStatus
from pipeline_core.errors import PIPELINE_ARCHIVED

STEPS = """
select * from pipeline_steps
 where pipeline_id = ${pipeline_id}$
 order by stage, step_no, step_key
"""
SHIFT_STEPS = """
update pipeline_steps
   set stage = stage + ${stages}$, step_no = step_no + ${places}$,
       lock_version = lock_version + 1, updated_at = ${at}$, updated_by = ${by}$
 where id in ${ids}$
"""
PLACE_STEPS = """
update pipeline_steps
   set stage = case id {stages} end, step_no = case id {places} end,
       lock_version = lock_version + 1, updated_at = ${{at}}$, updated_by = ${{by}}$
 where id in ${{ids}}$
"""
# More different shifts than this are told step by step.
PLACE = ("stage", "step_no")
MAX_SHIFTS = 12
STEP_BATCH_SIZE = 100
TOUCH_DRAFT = "update pipelines set draft_changed_at = ${at}$ where id = ${id}$"


async def lock_pipeline(sor: SafeSqlor, pipeline_id: str) -> dict[str, Any]:
    """Lock the line's row until the transaction ends, and write it; raises NotFound."""
    await lock_parent(sor, "pipelines", pipeline_id)
    return await get_row(sor, "pipelines", pipeline_id, lock=True)


async def lock_editable_pipeline(sor: SafeSqlor, pipeline_id: str) -> dict[str, Any]:
    """Do as `lock_pipeline`; raises Conflict `archived` for a line that is put away."""
    pipeline = await lock_pipeline(sor, pipeline_id)
    refuse_archived(pipeline)
    return pipeline


def refuse_archived(pipeline: Mapping[str, Any]) -> None:
    """Raise Conflict `archived` for a line that is put away."""
    if pipeline["status"] == PipelineStatus.ARCHIVED:
        raise PIPELINE_ARCHIVED(code=pipeline["code"])


async def steps_of(sor: SafeSqlor, pipeline_id: str) -> list[Row]:
    """Return the draft's steps in the order they run."""
    steps: list[Row] = await sor.sqlExe(STEPS, {"pipeline_id": pipeline_id})
    return steps


async def draft_definition(sor: SafeSqlor, pipeline: Mapping[str, Any]) -> Definition:
    """Return the definition of *pipeline*'s draft as it is now."""
    return definition_of(pipeline, await steps_of(sor, pipeline["id"]))


async def touch_draft(sor: SafeSqlor, pipeline_id: str) -> None:
    """
    Note that the draft changed.

    The line's `lock_version` stays: adding a step is no conflict for who edits the line's name.
    """
    await sor.sqlExe(TOUCH_DRAFT, {"id": pipeline_id, "at": now()})


async def place_steps(
    sor: SafeSqlor, steps: Iterable[Mapping[str, Any]], layout: Layout, actor: Actor
) -> None:
    """
    Give *steps* (one line's rows as they are in the database) the places *layout* gives them.

    Their `lock_version` rises with the place, `content_version` does not: see
    `steps.check_step_version`.
    """
    await move_steps(sor, list(steps), numbers_of(layout), actor)


async def move_steps(
    sor: SafeSqlor,
    steps: Sequence[Mapping[str, Any]],
    places: Mapping[str, Place],
    actor: Actor,
) -> None:
    """Give *steps* the *places* of their keys; those that shift alike go in one statement."""
    shifts: dict[tuple[int, int], list[str]] = defaultdict(list)
    for step in steps:
        stage, step_no = places[step["step_key"]]
        shifts[(stage - step["stage"], step_no - step["step_no"])].append(step["id"])
    shifts.pop((0, 0), None)
    if len(shifts) > MAX_SHIFTS:
        moves = [
            (step["id"], *places[step["step_key"]])
            for step in steps
            if (step["stage"], step["step_no"]) != places[step["step_key"]]
        ]
        await _place_each(sor, moves, actor)
        return
    for (by_stages, by_places), ids in shifts.items():
        shift = {"stages": by_stages, "places": by_places, "at": now(), "by": actor.user_id}
        await sor.sqlExe(SHIFT_STEPS, {**shift, "ids": ids})


async def _place_each(sor: SafeSqlor, moves: Sequence[tuple[str, int, int]], actor: Actor) -> None:
    """Give each step its own place, (id, stage, step_no), a hundred in one statement."""
    for start in range(0, len(moves), STEP_BATCH_SIZE):
        part = moves[start : start + STEP_BATCH_SIZE]
        values: dict[str, Any] = {"at": now(), "by": actor.user_id, "ids": [one[0] for one in part]}
        for number, (step_id, stage, step_no) in enumerate(part):
            values |= {f"i{number}": step_id, f"s{number}": stage, f"n{number}": step_no}
        cases = {
            letter: " ".join(f"when ${{i{n}}}$ then ${{{letter}{n}}}$" for n in range(len(part)))
            for letter in ("s", "n")
        }
        await sor.sqlExe(PLACE_STEPS.format(stages=cases["s"], places=cases["n"]), values)


async def update_step(
    sor: SafeSqlor, step: Mapping[str, Any], values: Mapping[str, Any], actor: Actor
) -> dict[str, Any]:
    """Change a locked step's fields; its record. The content's version is the row's new one."""
    version = {"content_version": step["lock_version"] + 1}
    return await update_row(sor, "pipeline_steps", step["id"], None, {**values, **version}, actor)


async def insert_steps(
    sor: SafeSqlor, pipeline_id: str, steps: Iterable[Mapping[str, Any]], actor: Actor
) -> None:
    """Add *steps* (all columns, places included) to a draft that has none of them."""
    rows = [{**values, "pipeline_id": pipeline_id} for values in steps]
    await insert_rows(sor, "pipeline_steps", rows, actor)


async def replace_draft(
    sor: SafeSqlor, pipeline: Mapping[str, Any], definition: Definition, actor: Actor
) -> None:
    """
    Make the draft of *pipeline* what *definition* says; the code stays.

    Steps that are in both keep their rows and ids, so an editor who has one open gets an honest
    conflict and not a missing record. A step is the one with the id that *definition* gives it;
    where it gives none, the one with its code.
    """
    old_steps = await steps_of(sor, pipeline["id"])
    new_steps = {step["step_key"]: step_values(step) for step in definition["steps"]}
    ids = _ids_of(definition["steps"], old_steps)
    by_id = {step["id"]: step for step in old_steps}
    present = {key: by_id[ids[key]] for key in new_steps if ids[key] in by_id}
    # A row gets another code by going and coming again: two that change codes with each other
    # would both have one of them for a moment.
    remaining = {key: step for key, step in present.items() if step["step_key"] == key}
    remaining_ids = {step["id"] for step in remaining.values()}
    for step in old_steps:
        if step["id"] not in remaining_ids:
            await delete_row(sor, "pipeline_steps", step, actor)
    new = [
        {"id": ids[key], **values, **_next_versions(present.get(key))}
        for key, values in new_steps.items()
        if key not in remaining
    ]
    await insert_steps(sor, pipeline["id"], new, actor)
    await _move_present(sor, pipeline, list(remaining.values()), new_steps, actor)
    for step in await steps_of(sor, pipeline["id"]):
        if step["step_key"] not in remaining:
            continue
        content = {n: v for n, v in new_steps[step["step_key"]].items() if n not in PLACE}
        if new_values := changes(step, content):
            await update_step(sor, step, new_values, actor)
    fields = {n: definition["pipeline"][n] for n in PIPELINE_FIELDS if n != "code"}
    fields |= {"draft_changed_at": now()}
    await update_row(sor, "pipelines", pipeline["id"], None, fields, actor)


def _ids_of(
    steps: Iterable[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]
) -> dict[str, str]:
    """Return the ids that *steps* of a definition have in the draft, by code; *rows* are those
    that it has now."""
    ids_of_rows = {row["step_key"]: row["id"] for row in rows}
    return {
        step["step_key"]: step.get("id") or ids_of_rows.get(step["step_key"]) or new_id()
        for step in steps
    }


def _next_versions(row: Mapping[str, Any] | None) -> dict[str, int]:
    """Return the versions of a row that comes again in place of *row*, if that was there."""
    version = 1 if row is None else row["lock_version"] + 1
    return {"lock_version": version, "content_version": version}


async def _move_present(
    sor: SafeSqlor,
    pipeline: Mapping[str, Any],
    remaining: Sequence[Mapping[str, Any]],
    new_steps: Mapping[str, Mapping[str, Any]],
    actor: Actor,
) -> None:
    """Put the steps that stay where they are *new_steps*; one entry in the audit trail for all."""
    places = {key: (step["stage"], step["step_no"]) for key, step in new_steps.items()}
    if all((step["stage"], step["step_no"]) == places[step["step_key"]] for step in remaining):
        return
    await move_steps(sor, remaining, places, actor)
    before, after = layout_of(remaining), layout_of(new_steps.values())
    await record_changes(
        sor, actor, Change("reorder", "pipelines", pipeline, {"order": before}, {"order": after})
    )


def changes(current: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of *values* that are not as in *current*."""
    return {name: value for name, value in values.items() if current[name] != value}
