"""The lines themselves: made, renamed, deleted."""

from app.global_func import (
    Actor,
    AppError,
    Deletion,
    Index,
    InUse,
    InvalidFields,
    Record,
    SafeSqlor,
    TableService,
    Values,
    check_lock_version,
    deletion,
    insert_row,
    insert_rows,
    now,
    record_changes,
    update_row,
    without_unchanged,
)
from pipeline_core.definition.states import PipelineStatus
from pipeline_core.draft.context import referrers
from pipeline_core.draft.draft import STEPS, changes, refuse_archived
from pipeline_core.errors import APPROVAL_KEEPS_IT, PIPELINE_CODE_TAKEN, STATUS_OF_NEW_PIPELINE
from pipeline_core.lifecycle.status import update_status

VERSIONS = "select * from pipeline_versions where pipeline_id = ${pipeline_id}$"
DELETE_STEPS = "delete from pipeline_steps where pipeline_id = ${pipeline_id}$"
DELETE_VERSIONS = "delete from pipeline_versions where pipeline_id = ${pipeline_id}$"
DELETE_PUBLICATIONS = "delete from app_publication where pipeline_id = ${pipeline_id}$"

# The tables of what goes with a line: how its rows are read, and deleted.
_PARTS = {
    "pipeline_steps": (STEPS, DELETE_STEPS),
    "pipeline_versions": (VERSIONS, DELETE_VERSIONS),
}

# Entries of before the trail kept all that is deleted have no definition.
_NEEDED = {"pipeline_steps": "step_key", "pipeline_versions": "snapshot"}


class PipelineService(TableService):
    """Lines; a new one is a draft, owned by who makes it."""

    table = "pipelines"

    async def before_create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Values:
        if values["status"] != PipelineStatus.DRAFT:
            raise InvalidFields([STATUS_OF_NEW_PIPELINE("status")])
        owner = {
            "owner_id": actor.user_id,
            "owner_org_id": actor.org_id or None,
            "draft_changed_at": now(),
        }
        return {**values, **owner}

    async def update(
        self, sor: SafeSqlor, record_id: str, lock_version: int | None, values: Values, actor: Actor
    ) -> Record:
        """
        Change the line's fields; a changed `status` goes the way of `update_status`.

        Raises EditConflict, InvalidFields for another `code`, Conflict for what its status forbids.
        """
        pipeline = await self.lock(sor, record_id)
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
        return await update_row(sor, "pipelines", record_id, None, new_values, actor)

    async def before_delete(self, sor: SafeSqlor, current: Record, actor: Actor) -> None:
        """
        Delete its draft's steps and saved versions.

        A line that was ever live, has calls, prices, capacity or distributors stays: InUse names
        them. Archive such a line instead.
        """
        if others := await referrers(sor, current["id"], actor.lang):
            raise InUse(others)
        if current["needs_approval"]:
            raise APPROVAL_KEEPS_IT(code=current["code"])
        await _delete_parts(sor, current["id"], actor)

    async def restore(self, sor: SafeSqlor, deletion: Deletion, actor: Actor) -> Record:
        """Put the line back with its draft's steps and saved versions, as it was; without versions
        whose definition the trail has not kept."""
        row = {**deletion.row.columns, "draft_changed_at": now()}
        numbers = [
            part.before["version_no"]
            for part in deletion.together
            if part.is_deletion_of("pipeline_versions")
        ]
        # No number is given again, whatever the trail has kept.
        row["last_version_no"] = max(row.get("last_version_no") or 0, *numbers, 0)
        record = await insert_row(sor, "pipelines", row, actor)
        for table in _PARTS:
            parts = [part for part in deletion.together if part.is_deletion_of(table)]
            rows = [part.columns for part in parts if _NEEDED[table] in part.before]
            await insert_rows(sor, table, rows, actor)
        return record

    def duplicate(self, index: Index) -> AppError:
        return PIPELINE_CODE_TAKEN.at("code")


SERVICE = PipelineService()


async def _delete_parts(sor: SafeSqlor, pipeline_id: str, actor: Actor) -> None:
    """Delete the draft's steps, the versions that never were live, and requests for it."""
    await sor.sqlExe(DELETE_PUBLICATIONS, {"pipeline_id": pipeline_id})
    for table, (rows, statement) in _PARTS.items():
        old_rows = await sor.sqlExe(rows, {"pipeline_id": pipeline_id})
        await sor.sqlExe(statement, {"pipeline_id": pipeline_id})
        await record_changes(sor, actor, *(deletion(table, row) for row in old_rows))
