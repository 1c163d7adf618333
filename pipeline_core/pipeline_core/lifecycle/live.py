"""
Versions going live and being taken off, and which one is live: what the other modules ask.

A version keeps a list of what happened to it (`event_log`); a published line has exactly one
`published` version, any other line none. Whoever calls the writing functions holds the lock on
the line's row.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.global_func import Actor, Row, SafeSqlor, canonical_json, iso, now
from pipeline_core.definition.snapshot import load
from pipeline_core.definition.states import PipelineStatus
from pipeline_core.errors import VERSION_NOT_FOUND
from pipeline_core.lifecycle.watchers import WhatHappened, tell_watchers

LIVE = """
select * from pipeline_versions where pipeline_id = ${pipeline_id}$ and status = 'published'
"""
BY_NUMBER = """
select * from pipeline_versions
 where pipeline_id = ${pipeline_id}$ and version_no = ${version_no}$
"""
BY_CODE = "select * from pipelines where code = ${code}$"
EVENT_LOGS = """
select version_no, event_log from pipeline_versions where pipeline_id = ${pipeline_id}$
"""
# What the log calls it when a version goes live.
LIVE_EVENTS = ("published", "rolled_back", "back_online")
# The line's lock_version stays: publishing is no conflict for who edits the line's name.
SET_LIVE = """
update pipelines
   set status = 'published', current_version = ${version_no}$,
       lock_version = lock_version + ${raise}$
 where id = ${id}$
"""


async def live_version(sor: SafeSqlor, pipeline_id: str) -> Row | None:
    """
    Return the live version's row, with its snapshot parsed under `definition`, or None.

    Raises VersionCorrupted when the snapshot is not the one that was published.
    """
    version: Row | None = await sor.one(LIVE, {"pipeline_id": pipeline_id})
    if version is not None:
        version["definition"] = load(version)
    return version


async def version_by_number(sor: SafeSqlor, pipeline_id: str, version_no: int) -> Row:
    """Return the version's row; raises NotFound."""
    version: Row | None = await sor.one(
        BY_NUMBER, {"pipeline_id": pipeline_id, "version_no": version_no}
    )
    if version is None:
        raise VERSION_NOT_FOUND(version_no=version_no)
    return version


async def pipeline_by_code(sor: SafeSqlor, code: str) -> Row | None:
    """Return the line's row, or None."""
    pipeline: Row | None = await sor.one(BY_CODE, {"code": code})
    return pipeline


async def times_live(sor: SafeSqlor, pipeline_id: str) -> list[tuple[datetime, int]]:
    """Return each time at which a version of the line went live, with its number, in order."""
    rows = await sor.tuples(EVENT_LOGS, {"pipeline_id": pipeline_id})
    return sorted(
        (datetime.fromisoformat(entry["at"]), number)
        for number, log in rows
        for entry in json.loads(log or "[]")
        if entry["event"] in LIVE_EVENTS
    )


async def put_live(
    sor: SafeSqlor,
    pipeline: Mapping[str, Any],
    version: Mapping[str, Any],
    *,
    event: str,
    why: str | None,
    actor: Actor,
    at: datetime,
    rollback_of: int | None = None,
    contributors: Sequence[str] = (),
    publication: Mapping[str, Any] | None = None,
) -> None:
    """
    Make *version* the live one of *pipeline* from the moment *at*, in place of the one that is.

    *event* is what the log calls it, one of LIVE_EVENTS; *publication* the request that is carried
    out, which the database asks for where the line needs approval.
    """
    previous = await sor.one(LIVE, {"pipeline_id": pipeline["id"]})
    if previous is not None:
        await _log(
            sor, previous, {"status": "superseded"}, "superseded", why, actor,
            replaced_by=version["version_no"],
        )  # fmt: skip
    columns = {
        "status": "published",
        "published_at": at,
        "published_by": actor.user_id,
        "rollback_of": rollback_of,
    }
    further: dict[str, Any] = {} if previous is None else {"replaced": previous["version_no"]}
    if contributors:
        further["contributors"] = list(contributors)
    if publication is not None:
        columns["publication_id"] = publication["id"]
        if publication["approved_name"]:
            further["approved_by"] = publication["approved_name"]
    await _log(sor, version, columns, event, why, actor, **further)
    # A form opened while the line was off sale would take it off again: that one must notice.
    risen = int(pipeline["status"] not in (PipelineStatus.DRAFT, PipelineStatus.PUBLISHED))
    await sor.sqlExe(
        SET_LIVE, {"id": pipeline["id"], "version_no": version["version_no"], "raise": risen}
    )
    if risen:
        await tell_watchers(
            sor, WhatHappened.ONLINE, pipeline, version_no=version["version_no"]
        )  # fmt: skip
    if version["version_no"] != pipeline["current_version"]:
        await tell_watchers(
            sor, WhatHappened.PUBLISHED, pipeline, version_no=version["version_no"],
            previous_version_no=pipeline["current_version"], checksum=version["checksum"],
        )  # fmt: skip


async def take_off(
    sor: SafeSqlor, pipeline: Mapping[str, Any], *, event: str, why: str | None, actor: Actor
) -> None:
    """Leave *pipeline* without a live version; the caller gives the line its new status."""
    version = await sor.one(LIVE, {"pipeline_id": pipeline["id"]})
    if version is not None:
        await _log(sor, version, {"status": "superseded"}, event, why, actor)
    await tell_watchers(sor, WhatHappened.OFFLINE, pipeline, status=event)


async def _log(
    sor: SafeSqlor,
    version: Mapping[str, Any],
    columns: Mapping[str, Any],
    event: str,
    why: str | None,
    actor: Actor,
    **further: Any,
) -> None:
    entry = {
        "event": event,
        "at": iso(now()),
        "by": actor.user_id,
        "username": actor.username,
        "why": why or "",
        **further,
    }
    log = json.loads(version["event_log"] or "[]")
    await sor.U(
        "pipeline_versions",
        {**columns, "event_log": canonical_json([*log, entry]), "id": version["id"]},
    )
