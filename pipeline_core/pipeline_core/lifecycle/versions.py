"""Versions of a line: saved from the draft, described, deleted as long as they never were live."""

from collections.abc import Mapping
from typing import Any

from app.global_func import (
    Actor,
    SafeSqlor,
    check_lock_version,
    check_references,
    delete_row,
    get_row,
    insert_row,
    update_row,
    without_unchanged,
)
from pipeline_core.definition.snapshot import Definition, freeze
from pipeline_core.definition.validate import Problem, validate
from pipeline_core.draft.context import validation_context
from pipeline_core.draft.draft import draft_definition, lock_editable_pipeline, lock_pipeline
from pipeline_core.errors import WAS_LIVE
from pipeline_core.lifecycle.live import LIVE

LAST = """
select * from pipeline_versions where pipeline_id = ${pipeline_id}$
 order by version_no desc limit 1
"""
COUNT_NUMBER = "update pipelines set last_version_no = ${version_no}$ where id = ${id}$"


async def create(
    sor: SafeSqlor, values: Mapping[str, Any], actor: Actor
) -> tuple[dict[str, Any], bool, list[Problem]]:
    """
    Save the draft as a version that is not live.

    Answers its record, whether it was made now (an unchanged draft makes no new version) and
    what would stand in the way of publishing it. Raises InvalidFields, Conflict `archived`.
    """
    await check_references(sor, "pipeline_versions", values)
    pipeline = await lock_editable_pipeline(sor, values["pipeline_id"])
    definition = await draft_definition(sor, pipeline)
    problems = validate(definition, await validation_context(sor, pipeline["id"]))
    version, is_new = await save_version(sor, pipeline, definition, values.get("notes"), actor)
    return version, is_new, problems


async def update(
    sor: SafeSqlor,
    version_id: str,
    lock_version: int | None,
    values: Mapping[str, Any],
    actor: Actor,
) -> dict[str, Any]:
    """Change a version's notes, the only thing about it that people edit."""
    current = await get_row(sor, "pipeline_versions", version_id)
    new_values = without_unchanged("pipeline_versions", current, values)
    return await update_row(sor, "pipeline_versions", version_id, lock_version, new_values, actor)


async def delete(
    sor: SafeSqlor, version_id: str, lock_version: int | None, actor: Actor
) -> dict[str, Any]:
    """Delete a version that never was live; raises Conflict `was_live` for others."""
    unlocked_version = await get_row(sor, "pipeline_versions", version_id)
    await lock_pipeline(sor, unlocked_version["pipeline_id"])
    version = await get_row(sor, "pipeline_versions", version_id, lock=True)
    check_lock_version("pipeline_versions", version, lock_version)
    if version["status"] != "saved":
        raise WAS_LIVE(version_no=version["version_no"])
    await delete_row(sor, "pipeline_versions", version, actor)
    return version


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
    new = freeze(definition)
    last = await sor.one(LAST, {"pipeline_id": pipeline["id"]})
    for version in (await sor.one(LIVE, {"pipeline_id": pipeline["id"]}), last):
        if version is not None and version["snapshot"] == new.text:
            return version, False
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
