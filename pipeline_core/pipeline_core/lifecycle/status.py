"""Taking a line off sale and putting it away, and back: which status may follow which."""

from collections.abc import Mapping
from typing import Any

from app.global_func import (
    Actor,
    AppError,
    Change,
    SafeSqlor,
    check_lock_version,
    now,
    record_changes,
    update_row,
)
from pipeline_core.definition.snapshot import load
from pipeline_core.definition.states import PipelineStatus
from pipeline_core.draft.draft import lock_pipeline
from pipeline_core.errors import BAD_STATUS_CHANGE, DRAFT_NEVER_PUBLISHED
from pipeline_core.lifecycle.live import put_live, take_off, version_by_number
from pipeline_core.lifecycle.publishing import check_definition

# A line becomes `published` for the first time only by publishing it.
MOVES: Mapping[str, frozenset[PipelineStatus]] = {
    PipelineStatus.DRAFT: frozenset({PipelineStatus.ARCHIVED}),
    PipelineStatus.PUBLISHED: frozenset({PipelineStatus.OFFLINE, PipelineStatus.ARCHIVED}),
    PipelineStatus.OFFLINE: frozenset({PipelineStatus.PUBLISHED, PipelineStatus.ARCHIVED}),
    PipelineStatus.ARCHIVED: frozenset({PipelineStatus.OFFLINE, PipelineStatus.DRAFT}),
}


def is_allowed(before: str, after: str, *, was_live: bool) -> bool:
    """Return whether a line may go from *before* to *after*; *was_live*: it has versions that
    were."""
    back = PipelineStatus.OFFLINE if was_live else PipelineStatus.DRAFT
    return after in MOVES[before] and (before != PipelineStatus.ARCHIVED or after == back)


async def set_status(
    sor: SafeSqlor,
    pipeline_id: str,
    status: str,
    lock_version: int | None,
    reason: str | None,
    actor: Actor,
) -> dict[str, Any]:
    """Give the line another status; its record. Raises as `update_status`, and EditConflict."""
    pipeline = await lock_pipeline(sor, pipeline_id)
    check_lock_version("pipelines", pipeline, lock_version)
    if status == pipeline["status"]:
        return pipeline
    new_values = await update_status(sor, pipeline, status, reason, actor)
    detail = {"reason": reason} if reason else None
    return await update_row(
        sor, "pipelines", pipeline_id, None, new_values, actor, detail=detail,
        # Going live is noted where it happens.
        action="update" if status == PipelineStatus.PUBLISHED else "set_status",
    )  # fmt: skip


async def update_status(
    sor: SafeSqlor, pipeline: Mapping[str, Any], status: str, reason: str | None, actor: Actor
) -> dict[str, Any]:
    """
    Do what the change of status means for the versions of a locked *pipeline*; its new columns.

    Back on sale, the version that was live last is checked by today's rules and goes live.
    Raises Conflict `bad_status_change`, BadRequest `not_publishable`.
    """
    if not is_allowed(pipeline["status"], status, was_live=pipeline["current_version"] is not None):
        raise _refusal(pipeline["status"], status)
    if pipeline["status"] == PipelineStatus.PUBLISHED:
        await take_off(sor, pipeline, event=status, why=reason, actor=actor)
    if status == PipelineStatus.PUBLISHED:
        version = await version_by_number(sor, pipeline["id"], pipeline["current_version"])
        await check_definition(sor, pipeline["id"], load(version), actor)
        await put_live(
            sor, pipeline, version, event="back_online", why=reason, actor=actor, at=now()
        )
        before, after = {"status": pipeline["status"]}, {"status": status}
        detail = {"reason": reason, "live_version": version["version_no"]}
        await record_changes(
            sor, actor, Change("set_status", "pipelines", pipeline, before, after, detail)
        )
    return {"status": status}


def _refusal(before: str, after: str) -> AppError:
    is_publishing = before == PipelineStatus.DRAFT and after == PipelineStatus.PUBLISHED
    entry = DRAFT_NEVER_PUBLISHED if is_publishing else BAD_STATUS_CHANGE
    return entry.at("status", before=before, after=after)
