"""Versions of a line: saved from the draft, described, deleted as long as they never were live."""

from collections.abc import Mapping
from typing import Any

from app.global_func import (
    Actor,
    Deletion,
    Record,
    SafeSqlor,
    TableService,
    Values,
    check_references,
    get_row,
    insert_row,
    update_row,
    without_unchanged,
)
from pipeline_core.definition.snapshot import Definition, freeze, is_same, mark_intact
from pipeline_core.definition.validate import validate
from pipeline_core.draft.context import validation_context
from pipeline_core.draft.draft import draft_definition, lock_editable_pipeline, lock_pipeline
from pipeline_core.errors import WAS_LIVE
from pipeline_core.lifecycle.live import LIVE

LAST = """
select * from pipeline_versions where pipeline_id = ${pipeline_id}$
 order by version_no desc limit 1
"""
COUNT_NUMBER = "update pipelines set last_version_no = ${version_no}$ where id = ${id}$"


class VersionService(TableService):
    """Saved versions: their notes change, and those that never were live can go."""

    table = "pipeline_versions"

    async def create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Record:
        """
        Save the draft as a version that is not live.

        Answers its record, `made`: whether it was made now (an unchanged draft makes no new
        version), and the `problems` that would stand in the way of publishing it. Raises
        InvalidFields, Conflict `archived`.
        """
        await check_references(sor, "pipeline_versions", values)
        pipeline = await lock_editable_pipeline(sor, values["pipeline_id"])
        definition = await draft_definition(sor, pipeline)
        problems = validate(definition, await validation_context(sor, pipeline["id"]))
        version, is_new = await save_version(sor, pipeline, definition, values.get("notes"), actor)
        messages = [problem.as_dict(actor.lang) for problem in problems]
        return {**version, "made": is_new, "problems": messages}

    async def lock(self, sor: SafeSqlor, record_id: str) -> Record:
        unlocked_version = await get_row(sor, "pipeline_versions", record_id)
        await lock_pipeline(sor, unlocked_version["pipeline_id"])
        return await super().lock(sor, record_id)

    async def update(
        self, sor: SafeSqlor, record_id: str, lock_version: int | None, values: Values, actor: Actor
    ) -> Record:
        """Change a version's notes, the only thing about it that people edit."""
        current = await get_row(sor, "pipeline_versions", record_id)
        new_values = without_unchanged("pipeline_versions", current, values)
        return await update_row(
            sor, "pipeline_versions", record_id, lock_version, new_values, actor
        )  # fmt: skip

    async def before_delete(self, sor: SafeSqlor, current: Record, actor: Actor) -> None:
        """Raise Conflict `was_live` unless the version never was live."""
        if current["status"] != "saved":
            raise WAS_LIVE(version_no=current["version_no"])

    async def restore(self, sor: SafeSqlor, deletion: Deletion, actor: Actor) -> Record:
        """Put a version that never was live back under its number."""
        row = deletion.row.require("snapshot").columns
        await lock_editable_pipeline(sor, row["pipeline_id"])
        return await insert_row(sor, "pipeline_versions", row, actor)

    def mark_rows(self, rows: list[Any]) -> None:
        for version in rows:
            mark_intact(version)


SERVICE = VersionService()


async def save_version(
    sor: SafeSqlor,
    pipeline: Mapping[str, Any],
    definition: Definition,
    notes: str | None,
    actor: Actor,
) -> tuple[dict[str, Any], bool]:
    """
    Find or make the version that holds *definition*: the live or the last one if it does, else a
    new one.

    The caller holds the lock on the line's row, which gives each number once. Numbers of deleted
    versions are not given again: whoever wrote one down must not get something else for it.
    """
    last = await sor.one(LAST, {"pipeline_id": pipeline["id"]})
    for version in (await sor.one(LIVE, {"pipeline_id": pipeline["id"]}), last):
        if version is not None and is_same(definition, version):
            return version, False
    new = freeze(definition)
    version_no = max(pipeline["last_version_no"], last["version_no"] if last else 0) + 1
    values = {
        "pipeline_id": pipeline["id"],
        "version_no": version_no,
        "status": "saved",
        "snapshot": new.text,
        "checksum": new.checksum,
        "notes": notes or None,
        "event_log": "[]",
    }
    record = await insert_row(sor, "pipeline_versions", values, actor)
    await sor.sqlExe(COUNT_NUMBER, {"id": pipeline["id"], "version_no": version_no})
    return record, True
