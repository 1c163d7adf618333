"""The lines themselves: made, renamed, deleted."""

from collections.abc import Mapping
from typing import Any

from app.global_func import (
    Actor,
    FieldProblem,
    InUse,
    InvalidFields,
    SafeSqlor,
    check_lock_version,
    delete_row,
    deletion,
    insert_row,
    now,
    record_changes,
    update_row,
    without_unchanged,
)
from pipeline_core.definition.states import PipelineStatus
from pipeline_core.draft.context import referrers
from pipeline_core.draft.draft import STEPS, changes, lock_pipeline, refuse_archived
from pipeline_core.lifecycle.status import update_status

VERSIONS = "select * from pipeline_versions where pipeline_id = ${pipeline_id}$"
DELETE_STEPS = "delete from pipeline_steps where pipeline_id = ${pipeline_id}$"
DELETE_VERSIONS = "delete from pipeline_versions where pipeline_id = ${pipeline_id}$"


async def create(sor: SafeSqlor, values: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """Create a line, owned by *actor*; raises InvalidFields unless it begins as a draft."""
    if values["status"] != PipelineStatus.DRAFT:
        raise InvalidFields(
            [FieldProblem("status", "bad_choice", "A new line is a draft until it is published.")]
        )
    owner = {
        "owner_id": actor.user_id,
        "owner_org_id": actor.org_id or None,
        "draft_changed_at": now(),
    }
    return await insert_row(sor, "pipelines", {**values, **owner}, actor)


async def update(
    sor: SafeSqlor,
    pipeline_id: str,
    lock_version: int | None,
    values: Mapping[str, Any],
    actor: Actor,
) -> dict[str, Any]:
    """
    Change the line's fields; a changed `status` goes the way of `update_status`.

    Raises EditConflict, InvalidFields for another `code`, Conflict for what its status forbids.
    """
    pipeline = await lock_pipeline(sor, pipeline_id)
    check_lock_version("pipelines", pipeline, lock_version)
    new_values = changes(pipeline, without_unchanged("pipelines", pipeline, values))
    if not new_values:
        return pipeline
    status = new_values.pop("status", None)
    if new_values:
        if status is None:
            refuse_archived(pipeline)
        new_values["draft_changed_at"] = now()
    if status is not None:
        new_values |= await update_status(sor, pipeline, status, None, actor)
    return await update_row(sor, "pipelines", pipeline_id, None, new_values, actor)


async def delete(
    sor: SafeSqlor, pipeline_id: str, lock_version: int | None, actor: Actor
) -> dict[str, Any]:
    """
    Delete a line that nothing depends on, with its draft's steps and saved versions.

    A line that was ever live, has calls, prices, capacity or distributors stays: InUse names
    them. Archive such a line instead.
    """
    pipeline = await lock_pipeline(sor, pipeline_id)
    check_lock_version("pipelines", pipeline, lock_version)
    if others := await referrers(sor, pipeline_id, actor.lang):
        raise InUse(others)
    await _delete_parts(sor, pipeline_id, actor)
    await delete_row(sor, "pipelines", pipeline, actor)
    return pipeline


async def _delete_parts(sor: SafeSqlor, pipeline_id: str, actor: Actor) -> None:
    """Delete the draft's steps and the versions that never were live."""
    for table, rows, statement in (
        ("pipeline_steps", STEPS, DELETE_STEPS),
        ("pipeline_versions", VERSIONS, DELETE_VERSIONS),
    ):
        old_rows = await sor.sqlExe(rows, {"pipeline_id": pipeline_id})
        await sor.sqlExe(statement, {"pipeline_id": pipeline_id})
        await record_changes(sor, actor, *(deletion(table, row) for row in old_rows))
