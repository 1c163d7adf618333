"""
Who may approve what goes live: a second person, who has done nothing of it.

Persons are told apart by their user id, never by their name. Whoever asked, whoever edited what
would go live, and whoever changed the setting since the draft last was as what is live, is no
second person; nor is a user whom one of them has invited, given a link, roles or a way round the
second factor since then. What was done to accounts before says nothing of this change.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from app.global_func import MAX_OFFSET_SECONDS, Actor, AppError, Row, SafeSqlor, now
from pipeline_core.errors import APPROVER_INVOLVED, APPROVER_UNKNOWN, VERSION_NOT_FOUND
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
# A version that was loaded into the draft brings along who edited it.
LOADS = """
select distinct detail from app_audit
 where pipeline_id = ${pipeline_id}$ and created_at > ${after}$ and created_at <= ${until}$
   and action = 'load' and table_name in ('pipelines', 'pipeline_steps')
"""
# What lets somebody sign in as this user.
ACCOUNT_DEEDS = """
select distinct user_id from app_audit
 where table_name = 'users' and row_id = ${user_id}$ and created_at > ${after}$
   and action in ('invitation', 'password_link', 'second_factor_reset', 'roles', 'enable_user')
"""
SAME_AS_LIVE = "update pipelines set draft_same_at = ${at}$ where id = ${id}$"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9998, 1, 1, tzinfo=UTC)


async def check_approver(
    sor: SafeSqlor, pipeline: Mapping[str, Any], publication: Mapping[str, Any], actor: Actor
) -> None:
    """Raise Forbidden `approver_involved` unless *actor* may approve *publication* of the locked
    *pipeline*."""
    if not actor.user_id:
        raise APPROVER_UNKNOWN()
    if await is_involved(sor, pipeline, publication, actor.user_id):
        raise APPROVER_INVOLVED()


async def is_involved(
    sor: SafeSqlor, pipeline: Mapping[str, Any], publication: Mapping[str, Any], user_id: str
) -> bool:
    """Return whether this user has done something of *publication*, or has somebody who did to
    thank for the account."""
    users, after = await _involved_users(sor, pipeline, publication)
    if user_id in users:
        return True
    values = {"user_id": user_id, "after": after}
    return not users.isdisjoint(await sor.firsts(ACCOUNT_DEEDS, values))


async def _involved_users(
    sor: SafeSqlor, pipeline: Mapping[str, Any], publication: Mapping[str, Any]
) -> tuple[set[str], datetime]:
    """Return who may not approve *publication*, and since when what it is about has been worked
    on."""
    users = {publication["requested_by"]}
    if publication["action"] == APPROVAL_OFF:
        users |= {pipeline["approval_changed_by"]}
        return users - {None, ""}, pipeline["approval_changed_at"] or _BEGINNING
    after = await _edited_since(sor, pipeline, publication["version_no"])
    users |= await _editors(sor, pipeline["id"], publication["version_no"], after, set())
    if pipeline["approval_changed_at"] is not None and pipeline["approval_changed_at"] > after:
        users.add(pipeline["approval_changed_by"])
    return users - {None, ""}, after


async def note_same_as_live(sor: SafeSqlor, pipeline_id: str, *, is_same: bool = True) -> None:
    """Note that the draft of the locked line is now what is live: edits before are no draft's. Or,
    not *is_same*, that another version went live than the draft is: then they are again."""
    await sor.sqlExe(SAME_AS_LIVE, {"id": pipeline_id, "at": now() if is_same else None})


async def _editors(
    sor: SafeSqlor, pipeline_id: str, version_no: int | None, after: datetime, numbers: set[int]
) -> set[str]:
    """Return who edited the draft or a version since *after*, and each version that was loaded
    meanwhile; *numbers* are the versions that were looked at already."""
    until, users = _END, set()
    if version_no is not None:
        numbers.add(version_no)
        version = await version_by_number(sor, pipeline_id, version_no)
        until, users = version["created_at"] + _CLOCK_MARGIN, {version["created_by"]}
    span = {"pipeline_id": pipeline_id, "after": after, "until": until}
    users |= {editor["user_id"] for editor in await sor.sqlExe(EDITORS, span)}
    for entry in await sor.sqlExe(LOADS, span):
        number = json.loads(entry["detail"] or "{}").get("version_no")
        if number is None or number in numbers:
            continue
        try:
            since = await _live_before(sor, pipeline_id, number)
            users |= await _editors(sor, pipeline_id, number, since, numbers)
        except AppError as exc:
            if exc.code != VERSION_NOT_FOUND.code:
                raise
            # It is deleted since: who made its rows is not known any more, who loaded it is.
    return users


async def _edited_since(
    sor: SafeSqlor, pipeline: Mapping[str, Any], version_no: int | None
) -> datetime:
    """Return since when what would go live was edited."""
    if version_no is not None:
        return await _live_before(sor, pipeline["id"], version_no)
    live = await sor.one(LIVE, {"pipeline_id": pipeline["id"]})
    # Just before the draft was made the same, that was done, which is no edit: so without a margin.
    moments = [pipeline["draft_same_at"], live and live["created_at"] - _CLOCK_MARGIN]
    return max((moment for moment in moments if moment is not None), default=_BEGINNING)


async def _live_before(sor: SafeSqlor, pipeline_id: str, version_no: int) -> datetime:
    """Return when the last version before *version_no* that was live was made."""
    values = {"pipeline_id": pipeline_id, "version_no": version_no}
    before: Row | None = await sor.one(LIVE_BEFORE, values)
    moment: datetime = _BEGINNING if before is None else before["created_at"] - _CLOCK_MARGIN
    return moment
