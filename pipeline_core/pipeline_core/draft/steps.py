"""The draft's steps: made, changed, moved, deleted; their numbers never have holes."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from app.global_func import (
    Actor,
    AppError,
    Change,
    Deletion,
    FieldRule,
    Index,
    InUse,
    InvalidFields,
    Record,
    SafeSqlor,
    TableService,
    Values,
    check_lock_version,
    check_references,
    delete_row,
    get_row,
    insert_row,
    kept_json,
    now,
    record_changes,
    update_row,
    without_unchanged,
)
from pipeline_core.definition import stages
from pipeline_core.definition.snapshot import STEP_FIELDS
from pipeline_core.definition.stages import Layout
from pipeline_core.definition.step_config import config_problems
from pipeline_core.draft.conflicts import check_order_version
from pipeline_core.draft.draft import (
    changes,
    lock_editable_pipeline,
    place_steps,
    steps_of,
    touch_draft,
    update_step,
)
from pipeline_core.draft.step_references import referring_steps, rename_references
from pipeline_core.errors import (
    BAD_CONFIG,
    STEP_CODE_TAKEN,
    STEP_KEY_TAKEN,
    TOO_MANY_STEPS,
    UNKNOWN_STEP,
)

TABLE = "pipeline_steps"
MAX_STEPS = 1000
_PLACE = ("stage", "step_no")
# What the trail says of a deleted step beside its columns.
_ALONE = "alone_in_stage"


class StepService(TableService):
    """Steps of drafts. A step's work is its line's too: the others make room or close up."""

    table = TABLE
    # A stage of its own; and when the draft had last changed as who adds it read it.
    extra: ClassVar[Mapping[str, FieldRule]] = {
        "new_stage": FieldRule(kind="bool", default=0),
        "draft_changed_at": FieldRule(kind="datetime"),
    }

    async def create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Record:
        """
        Add a step: a stage of its own at the end, or where `stage`, `step_no` and `new_stage` say
        (see `stages.insert`); the others move on. Raises InvalidFields, Conflict `duplicate`,
        EditConflict when the draft changed since `draft_changed_at`.
        """
        columns = {name: value for name, value in values.items() if name not in self.extra}
        await check_references(sor, "pipeline_steps", values)
        pipeline = await lock_editable_pipeline(sor, values["pipeline_id"])
        _check_config(values["step_type"], values["config"].value)
        steps = await steps_of(sor, pipeline["id"])
        check_order_version(pipeline, steps, None, values.get("draft_changed_at"))
        _check_key(values["step_key"], steps)
        _check_count(len(steps))
        layout = stages.insert(
            stages.layout_of(steps),
            values["step_key"],
            values.get("stage"),
            values.get("step_no"),
            new_stage=bool(values.get("new_stage")),
        )
        await place_steps(sor, steps, layout, actor)
        stage, step_no = stages.numbers_of(layout)[values["step_key"]]
        row = {**columns, "stage": stage, "step_no": step_no}
        record = await insert_row(sor, "pipeline_steps", row, actor)
        await touch_draft(sor, pipeline["id"])
        return record

    async def update(
        self, sor: SafeSqlor, record_id: str, lock_version: int | None, values: Values, actor: Actor
    ) -> Record:
        """
        Change a step's fields; another `stage` or `step_no` moves it as `stages.move` says.

        With another `step_key` the references of the other steps follow; the record has them under
        `changed_references`, as `rename_references` tells them. Raises EditConflict when the step
        changed since it was read, InvalidFields, Conflict.
        """
        placing = "stage" in values or "step_no" in values
        step, pipeline = await _lock_step(sor, record_id, lock_version, placing=placing)
        new_values = changes(step, without_unchanged("pipeline_steps", step, values))
        if "config" in new_values or "step_type" in new_values:
            config = values["config"].value if "config" in values else _stored_config(step)
            _check_config(new_values.get("step_type", step["step_type"]), config)
        if not new_values:
            return step
        steps = await steps_of(sor, pipeline["id"])
        rewrites: list[dict[str, Any]] = []
        if "step_key" in new_values:
            _check_key(new_values["step_key"], steps)
            rewrites = await rename_references(sor, steps, step, new_values["step_key"], actor)
        place = {name: new_values.pop(name) for name in _PLACE if name in new_values}
        if place:
            layout = stages.layout_of(steps)
            stage, step_no = values.get("stage"), values.get("step_no")
            if step_no is not None and "step_no" not in place:
                # The form sends the old number along; only a new one is insisted on.
                step_no = min(
                    step_no, stages.room_in(layout, stage or step["stage"], step["step_key"])
                )
            new_layout = stages.move(layout, step["step_key"], stage, step_no)
            await _rearrange(sor, pipeline, steps, new_layout, actor, moved_key=step["step_key"])
        else:
            await touch_draft(sor, pipeline["id"])
        record = await update_step(
            sor, await get_row(sor, "pipeline_steps", record_id), new_values, actor
        )
        return {**record, "changed_references": rewrites} if "step_key" in new_values else record

    async def delete(
        self, sor: SafeSqlor, record_id: str, lock_version: int | None, actor: Actor
    ) -> Record:
        """Delete a step; the others close up. Raises EditConflict when it changed since it was
        read, InUse with the steps that refer to it."""
        step, pipeline = await _lock_step(sor, record_id, lock_version, placing=False)
        steps = await steps_of(sor, pipeline["id"])
        if referrers := referring_steps(steps, step):
            raise InUse(referrers)
        layout = stages.remove(stages.layout_of(steps), step["step_key"])
        is_alone = all(o["stage"] != step["stage"] for o in steps if o["id"] != record_id)
        await delete_row(sor, "pipeline_steps", step, actor, detail={_ALONE: is_alone})
        others = [other for other in steps if other["id"] != record_id]
        await place_steps(sor, others, layout, actor)
        await touch_draft(sor, pipeline["id"])
        return step

    async def restore(self, sor: SafeSqlor, deletion: Deletion, actor: Actor) -> Record:
        """Put a step back where it was, or as near to it as the draft goes now."""
        fields = deletion.row.fields
        pipeline = await lock_editable_pipeline(sor, fields["pipeline_id"])
        layout = stages.layout_of(await steps_of(sor, pipeline["id"]))
        stage = min(fields["stage"], len(layout) + 1)
        # Of an entry that does not say it, rather serial than at the same time.
        is_alone = bool(deletion.row.detail.get(_ALONE, True)) or stage > len(layout)
        room = 1 if is_alone else len(layout[stage - 1]) + 1
        values = self.values_of(
            deletion, stage=stage, step_no=min(fields["step_no"], room), new_stage=is_alone
        )
        # No form of before is saved over it.
        values["content_version"] = values.get("lock_version", 1)
        return await self.create(sor, values, actor)

    def duplicate(self, index: Index) -> AppError:
        return STEP_CODE_TAKEN.at("step_key")


SERVICE = StepService()


async def duplicate(
    sor: SafeSqlor,
    step_id: str,
    lock_version: int,
    values: Mapping[str, Any],
    actor: Actor,
) -> dict[str, Any]:
    """
    Make a copy of a step, in a stage of its own after the step's, or with `parallel` beside it.

    Its `step_key` and `name`, if not given, are made from those of the step. Raises EditConflict
    when the step changed since it was read, InvalidFields, Conflict.
    """
    step, pipeline = await _lock_step(sor, step_id, lock_version, placing=False)
    steps = await steps_of(sor, pipeline["id"])
    _check_count(len(steps))
    key = values["step_key"] or _free_key(step["step_key"], {s["step_key"] for s in steps})
    _check_key(key, steps)
    alone = not values["parallel"]
    stage, step_no = (step["stage"] + 1, None) if alone else (step["stage"], step["step_no"] + 1)
    layout = stages.insert(stages.layout_of(steps), key, stage, step_no, new_stage=alone)
    await place_steps(sor, steps, layout, actor)
    copy = {n: step[n] for n in STEP_FIELDS} | {"pipeline_id": pipeline["id"], "step_key": key}
    copy |= dict(zip(_PLACE, stages.numbers_of(layout)[key], strict=True))
    if values["name"]:
        copy["name"] = values["name"]
    record = await insert_row(sor, "pipeline_steps", copy, actor)
    await touch_draft(sor, pipeline["id"])
    return record


async def reorder(
    sor: SafeSqlor,
    pipeline_id: str,
    lock_version: int,
    order: Any,
    actor: Actor,
    draft_changed_at: datetime | None = None,
) -> dict[str, Any]:
    """
    Put all steps of a line in a new *order*, a list of stages of step keys.

    *lock_version* is the line's. Answers the line's record with its `order` and `steps`; raises
    EditConflict with the present order and the difference, InvalidFields unless every step is
    named once.
    """
    pipeline = await lock_editable_pipeline(sor, pipeline_id)
    steps = await steps_of(sor, pipeline_id)
    yours = order if stages.is_order(order) else None
    check_order_version(pipeline, steps, lock_version, draft_changed_at, yours)
    layout = stages.check_order(order, (step["step_key"] for step in steps))
    return await _rearrange_and_read(sor, pipeline, steps, layout, actor)


async def move(
    sor: SafeSqlor, pipeline_id: str, lock_version: int, values: Mapping[str, Any], actor: Actor
) -> dict[str, Any]:
    """
    Move one step (`step_key`) to `stage` and `step_no`, or to a `new_stage` before `stage`.

    *lock_version* is the line's; answers and raises as `reorder`.
    """
    pipeline = await lock_editable_pipeline(sor, pipeline_id)
    steps = await steps_of(sor, pipeline_id)
    check_order_version(pipeline, steps, lock_version, values.get("draft_changed_at"))
    key = values["step_key"]
    if all(step["step_key"] != key for step in steps):
        raise InvalidFields([UNKNOWN_STEP("step_key", names=key)])
    layout = stages.move(
        stages.layout_of(steps),
        key,
        values["stage"],
        values["step_no"],
        new_stage=bool(values["new_stage"]),
    )
    return await _rearrange_and_read(sor, pipeline, steps, layout, actor, moved_key=key)


def check_step_version(step: Mapping[str, Any], lock_version: int | None, *, placing: bool) -> None:
    """
    Raise EditConflict unless *step* is as the editor read it.

    A step that others only pushed to another place meanwhile is still the same to who changes
    its fields or deletes it, but not to who says where it stands (*placing*): that form would
    put it back.
    """
    pushed_only = lock_version is not None and (
        step["content_version"] <= lock_version <= step["lock_version"]
    )
    if placing or not pushed_only:
        check_lock_version("pipeline_steps", step, lock_version)


async def _lock_step(
    sor: SafeSqlor, step_id: str, lock_version: int | None, *, placing: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Lock the step and its line: the line first, as everywhere."""
    unlocked_step = await get_row(sor, "pipeline_steps", step_id)
    pipeline = await lock_editable_pipeline(sor, unlocked_step["pipeline_id"])
    step = await get_row(sor, "pipeline_steps", step_id, lock=True)
    check_step_version(step, lock_version, placing=placing)
    return step, pipeline


async def _rearrange_and_read(
    sor: SafeSqlor,
    pipeline: Mapping[str, Any],
    steps: list[Any],
    layout: Layout,
    actor: Actor,
    *,
    moved_key: str | None = None,
) -> dict[str, Any]:
    record: Mapping[str, Any] = pipeline
    if layout != stages.layout_of(steps):
        record = await _rearrange(sor, pipeline, steps, layout, actor, moved_key=moved_key)
    new_steps = await steps_of(sor, pipeline["id"])
    return {**record, "order": layout, "steps": new_steps}


async def _rearrange(
    sor: SafeSqlor,
    pipeline: Mapping[str, Any],
    steps: Iterable[Mapping[str, Any]],
    layout: Layout,
    actor: Actor,
    *,
    moved_key: str | None = None,
) -> dict[str, Any]:
    before = stages.layout_of(steps)
    await place_steps(sor, steps, layout, actor)
    entries = [Change("reorder", "pipelines", pipeline, {"order": before}, {"order": layout})]
    if moved_key is not None:
        step = next(step for step in steps if step["step_key"] == moved_key)
        place = dict(zip(_PLACE, stages.numbers_of(layout)[moved_key], strict=True))
        entries.append(Change("move", "pipeline_steps", step, {n: step[n] for n in _PLACE}, place))
    await record_changes(sor, actor, *entries)
    # Who has the old order before them must not put it back unknowingly: the line's version rises.
    return await update_row(
        sor, "pipelines", pipeline["id"], None, {"draft_changed_at": now()}, actor
    )


def _check_config(step_type: str, config: Any) -> None:
    problems = [
        BAD_CONFIG(problem.field, problem.text)
        for problem in config_problems(step_type, config)
        if problem.kind == "wrong"
    ]
    if problems:
        raise InvalidFields(problems)


def _stored_config(step: Mapping[str, Any]) -> Any:
    return kept_json(step["config"] or "{}")


def _check_count(count: int) -> None:
    if count >= MAX_STEPS:
        raise TOO_MANY_STEPS(limit=MAX_STEPS)


def _free_key(key: str, keys_in_use: set[str]) -> str:
    for number in itertools.count(1):
        ending = "_copy" if number == 1 else f"_copy{number}"
        if (candidate := key[: 64 - len(ending)] + ending) not in keys_in_use:
            return candidate
    raise AssertionError("unreachable")


def _check_key(key: str, steps: Iterable[Mapping[str, Any]]) -> None:
    if any(step["step_key"] == key for step in steps):
        raise STEP_KEY_TAKEN.at("step_key", key=key)
