"""The endpoints of the step editor's page and of the publish and rollback pages."""

from typing import Any

from app.global_func import Actor, FieldRule, check_params, get_row, reading
from pipeline_core.lifecycle import editor
from pipeline_core.lifecycle.contributors import since_last_version

_ID = FieldRule(kind="str", required=True, length=32)
_NUMBER = FieldRule(kind="int", required=True, minimum=1)


async def pipeline_editor(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the whole draft with its problems, the types' schemas, models and functions."""
    query = check_params({"pipeline_id": _ID}, params)
    async with reading(snapshot=True) as sor:
        return await editor.whole_draft(sor, query["pipeline_id"], actor)


async def pipeline_contributors(actor: Actor, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Return who has changed the draft since the last version."""
    query = check_params({"pipeline_id": _ID}, params)
    async with reading(snapshot=True) as sor:
        await get_row(sor, "pipelines", query["pipeline_id"])
        return await since_last_version(sor, query["pipeline_id"])


async def pipeline_rollback_preview(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return what a rollback would change, before it is done."""
    query = check_params({"pipeline_id": _ID, "version_no": _NUMBER}, params)
    async with reading(snapshot=True) as sor:
        return await editor.rollback_preview(sor, query["pipeline_id"], query["version_no"], actor)
