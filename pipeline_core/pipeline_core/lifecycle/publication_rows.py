"""
Requests to put something live later, or with the approval of a second person: their rows.

A line has at most one that is open: waiting for approval, or for its time. What becomes of it is
written into its row in the transaction that does it, under the lock on the line's row, so that it
is done once, whoever else comes to it.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.global_func import Actor, AppError, Row, SafeSqlor, canonical_json, new_id, now, translate
from pipeline_core.errors import PUBLICATION_ENDED, PUBLICATION_NOT_FOUND, PUBLICATION_OPEN

TABLE = "app_publication"
PUBLISH, ROLLBACK, APPROVAL_OFF = "publish", "rollback", "approval_off"
WAITING, SCHEDULED, DONE, CANCELLED, FAILED = "waiting", "scheduled", "done", "cancelled", "failed"
MAX_ENDED = 3

BY_ID = "select * from app_publication where id = ${id}$"
OPEN_ONE = "select * from app_publication where open_of = ${pipeline_id}$"
LAST_ENDED = """
select * from app_publication where pipeline_id = ${pipeline_id}$ and open_of is null
 order by requested_at desc, id desc limit ${count}$
"""
DUE = """
select id, pipeline_id from app_publication
 where status = 'scheduled' and publish_at <= ${moment}$ order by publish_at limit 100
"""
# The server's own: what pages show is named here.
_COLUMNS = (
    "id", "pipeline_id", "action", "version_no", "notes", "carry_prices", "replace_draft",
    "publish_at", "status", "requested_by", "requested_name", "requested_at", "approved_name",
    "approved_at", "ended_name", "ended_at",
)  # fmt: skip


async def open_publication(sor: SafeSqlor, pipeline_id: str) -> Row | None:
    """Return the line's open request, or None."""
    row: Row | None = await sor.one(OPEN_ONE, {"pipeline_id": pipeline_id})
    return row


async def last_closed_ones(sor: SafeSqlor, pipeline_id: str) -> Sequence[Row]:
    """Return the last requests that are over, the newest first."""
    rows: Sequence[Row] = await sor.sqlExe(
        LAST_ENDED, {"pipeline_id": pipeline_id, "count": MAX_ENDED}
    )
    return rows


async def publication_by_id(sor: SafeSqlor, publication_id: str, *, lock: bool = False) -> Row:
    """Return the request; raises NotFound."""
    statement = BY_ID + (" for update" if lock else "")
    row: Row | None = await sor.one(statement, {"id": publication_id})
    if row is None or row["id"] != publication_id:
        raise PUBLICATION_NOT_FOUND()
    return row


async def due_publications(sor: SafeSqlor, moment: datetime) -> Sequence[Row]:
    """Return `{id, pipeline_id}` of each whose time has come."""
    rows: Sequence[Row] = await sor.sqlExe(DUE, {"moment": moment})
    return rows


async def add_publication(
    sor: SafeSqlor, pipeline: Mapping[str, Any], values: Mapping[str, Any], actor: Actor
) -> Row:
    """Add an open request of *actor* for the locked *pipeline*; raises Conflict
    `publication_open` where there is one."""
    if await open_publication(sor, pipeline["id"]) is not None:
        raise PUBLICATION_OPEN(code=pipeline["code"])
    row = {
        "id": new_id(),
        "pipeline_id": pipeline["id"],
        "open_of": pipeline["id"],
        "requested_by": actor.user_id or "",
        "requested_name": actor.username,
        "requested_at": now(),
        **values,
    }
    await sor.C(TABLE, row)
    return await publication_by_id(sor, row["id"])


async def set_approved(sor: SafeSqlor, row: Mapping[str, Any], status: str, actor: Actor) -> Row:
    """Note that *actor* approved the request, which is in *status* now."""
    approval = {
        "approved_by": actor.user_id,
        "approved_name": actor.username,
        "approved_at": now(),
        "status": status,
    }
    await sor.U(TABLE, {"id": row["id"], **approval})
    return await publication_by_id(sor, row["id"])


async def end(
    sor: SafeSqlor,
    row: Mapping[str, Any],
    status: str,
    who: str,
    refusal: AppError | None = None,
) -> None:
    """Note that the request is over, by *who* and with the *refusal* that it met."""
    problem = None
    if refusal is not None:
        sentences = {lang: translate(refusal.text, lang) for lang in ("en", "zh")}
        problem = canonical_json({"code": refusal.code, **sentences})
    columns = {"status": status, "open_of": None, "ended_name": who, "ended_at": now()}
    await sor.U(TABLE, {"id": row["id"], **columns, "problem": problem})


def check_open(row: Mapping[str, Any], *statuses: str) -> None:
    """Raise Conflict `publication_ended` for a request that is over, or in none of *statuses*."""
    if row["status"] not in (statuses or (WAITING, SCHEDULED)):
        raise PUBLICATION_ENDED()


def as_answer(row: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """Return what a page shows of a request, and under `problem` why it was not done."""
    problem = json.loads(row["problem"]) if row["problem"] else {}
    return {name: row[name] for name in _COLUMNS} | {"problem": problem.get(lang)}
