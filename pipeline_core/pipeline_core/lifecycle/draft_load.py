"""An old version made the draft again; the live one, to take back what was not published."""

from collections.abc import Mapping
from typing import Any

from app.global_func import Actor, SafeSqlor, audit_context, get_row
from pipeline_core.definition.snapshot import is_same
from pipeline_core.draft.draft import draft_definition, lock_editable_pipeline, replace_draft
from pipeline_core.draft.state_token import check_state
from pipeline_core.errors import DRAFT_HAS_CHANGES
from pipeline_core.lifecycle.approval import note_same_as_live
from pipeline_core.lifecycle.live import LIVE, version_by_number
from pipeline_core.lifecycle.step_prices import definition_with_ids
from pipeline_core.lifecycle.versions import LAST


async def load_into_draft(
    sor: SafeSqlor, pipeline_id: str, values: Mapping[str, Any], actor: Actor
) -> dict[str, Any]:
    """
    Make the draft what version `version_no` is; the line's record, and whether it `changed`.

    Raises Conflict `draft_has_changes` where the draft is neither the live nor the last version
    and `replace_draft` does not say that this may be lost, `state_moved`, `archived`.
    """
    pipeline = await lock_editable_pipeline(sor, pipeline_id)
    await check_state(sor, pipeline, values["state"], actor)
    version = await version_by_number(sor, pipeline_id, values["version_no"])
    draft = await draft_definition(sor, pipeline)
    if is_same(draft, version):
        return {**pipeline, "changed": False}
    last = await sor.one(LAST, {"pipeline_id": pipeline_id})
    live = await sor.one(LIVE, {"pipeline_id": pipeline_id})
    is_stored = any(one is not None and is_same(draft, one) for one in (live, last))
    if draft["steps"] and not is_stored and not values["replace_draft"]:
        raise DRAFT_HAS_CHANGES(version_no=version["version_no"])
    definition = await definition_with_ids(sor, pipeline_id, version)
    with audit_context("load", version_no=version["version_no"]):
        await replace_draft(sor, pipeline, definition, actor)
    if live is not None and live["id"] == version["id"]:
        await note_same_as_live(sor, pipeline_id)
    return {**await get_row(sor, "pipelines", pipeline_id), "changed": True}
