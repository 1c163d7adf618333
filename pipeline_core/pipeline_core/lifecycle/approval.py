"""
Who may approve what goes live: a second person, who has done nothing of it.

Persons are told apart by their user id, never by their name. Whoever asked, whoever edited what
would go live, and whoever changed the setting since the draft last was as what is live, is no
second person.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.global_func import MAX_OFFSET_SECONDS, Actor, Row, SafeSqlor, now
from pipeline_core.errors import APPROVER_INVOLVED, APPROVER_UNKNOWN
from pipeline_core.lifecycle.live import LIVE, version_by_number
from pipeline_core.lifecycle.publication_rows import APPROVAL_OFF

# Edits are stamped by the clocks of several hosts: one that is behind must not hide an edit.
_CLOCK_MARGIN = timedelta(seconds=MAX_OFFSET_SECONDS)

LIVE_BEFORE = """
select created_at from pipeline_versions
 where pipeline_id = ${pipeline_id}$ and version_no < ${version_no}$ and status <> 'saved'
 order by version_no desc limit 1
"""
# Whatever changed a step or the line itself; what went live by it is told by other actions.
EDITORS = """
select distinct user_id, username from app_audit
 where pipeline_id = ${pipeline_id}$ and created_at > ${after}$ and created_at <= ${until}$
   and (table_name = 'pipeline_steps'
     or table_name = 'pipelines' and action in
       ('create', 'update', 'reorder', 'put_back', 'import', 'load', 'rollback'))
"""
SAME_AS_LIVE = "update pipelines set draft_same_at = ${at}$ where id = ${id}$"
_BEGINNING = datetime(1970, 1, 1).astimezone()
_END = datetime(9998, 1, 1).astimezone()


async def check_approver(
    sor: SafeSqlor, pipeline: Mapping[str, Any], publication: Mapping[str, Any], actor: Actor
) -> None:
    """Raise Forbidden `approver_involved` unless *actor* may approve *publication* of the locked
    *pipeline*."""
    if not actor.user_id:
        raise APPROVER_UNKNOWN()
    if actor.user_id in await involved_users(sor, pipeline, publication):
        raise APPROVER_INVOLVED()


async def involved_users(
    sor: SafeSqlor, pipeline: Mapping[str, Any], publication: Mapping[str, Any]
) -> set[str]:
    """Return the ids of those who may not approve *publication*."""
    users = {publication["requested_by"]}
    if publication["action"] == APPROVAL_OFF:
        return users | {pipeline["approval_changed_by"]} - {None}
    after, until = await _span(sor, pipeline, publication)
    editors = await sor.sqlExe(
        EDITORS,
        {
            "pipeline_id": pipeline["id"],
            "after": after - _CLOCK_MARGIN if after > _BEGINNING else after,
            "until": until,
        },
    )
    users |= {editor["user_id"] for editor in editors}
    if publication["version_no"] is not None:
        version = await version_by_number(sor, pipeline["id"], publication["version_no"])
        users.add(version["created_by"])
    if pipeline["approval_changed_at"] is not None and pipeline["approval_changed_at"] > after:
        users.add(pipeline["approval_changed_by"])
    return users - {None, ""}


async def note_same_as_live(sor: SafeSqlor, pipeline_id: str) -> None:
    """Note that the draft of the locked line is now what is live: edits before are no draft's."""
    await sor.sqlExe(SAME_AS_LIVE, {"id": pipeline_id, "at": now()})


async def _span(
    sor: SafeSqlor, pipeline: Mapping[str, Any], publication: Mapping[str, Any]
) -> tuple[datetime, datetime]:
    """Return from when until when what would go live was edited."""
    number = publication["version_no"]
    if number is not None:
        version = await version_by_number(sor, pipeline["id"], number)
        values = {"pipeline_id": pipeline["id"], "version_no": number}
        before: Row | None = await sor.one(LIVE_BEFORE, values)
        after = _BEGINNING if before is None else before["created_at"]
        return after, version["created_at"] + _CLOCK_MARGIN
    live = await sor.one(LIVE, {"pipeline_id": pipeline["id"]})
    moments = [pipeline["draft_same_at"], None if live is None else live["created_at"]]
    return max([moment for moment in moments if moment is not None], default=_BEGINNING), _END
