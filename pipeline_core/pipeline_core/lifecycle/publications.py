"""
Going live later, and going live with the approval of a second person.

A request names what was shown when it was made. Its approval, and its time, hold that against what
is there: where the line moved, nothing goes live, and the row says so.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.global_func import (
    REQUIRED,
    Actor,
    AppError,
    Change,
    InvalidFields,
    Row,
    SafeSqlor,
    iso,
    now,
    record_changes,
    update_row,
)
from pipeline_core.draft.draft import lock_editable_pipeline, lock_pipeline
from pipeline_core.draft.state_token import check_state, state_of
from pipeline_core.errors import (
    APPROVAL_MISSING,
    APPROVAL_UNCHANGED,
    PUBLICATION_MISSED,
    PUBLISH_AT_PAST,
    PUBLISH_AT_TOO_LATE,
)
from pipeline_core.lifecycle import publication_rows as rows
from pipeline_core.lifecycle.approval import check_approver, is_involved
from pipeline_core.lifecycle.publishing import check_target, publish, rollback

_NOT_FOUND = 404
MAX_AHEAD = timedelta(days=366)
# What could not be done for so long, or comes out of a backup, nobody expects any more.
MAX_LATE = timedelta(hours=1)


async def request_publication(
    sor: SafeSqlor, pipeline_id: str, values: Mapping[str, Any], actor: Actor
) -> dict[str, Any]:
    """
    Ask for the draft, or `version_no`, to go live: at `publish_at`, or once it is approved where
    the line needs that. With `action` rollback, for the earlier `version_no` to be live again.

    Raises what publishing now would raise, Conflict `state_moved`, `publication_open`,
    InvalidFields.
    """
    pipeline = await lock_editable_pipeline(sor, pipeline_id)
    await check_state(sor, pipeline, values["state"], actor)
    _check_time(values["publish_at"], needs_time=not pipeline["needs_approval"])
    await check_target(sor, pipeline, values, actor)
    status = rows.WAITING if pipeline["needs_approval"] else rows.SCHEDULED
    names = ("action", "version_no", "notes", "carry_prices", "replace_draft", "publish_at")
    new_values = {name: values[name] for name in names}
    new_values |= {"status": status, "state": await state_of(sor, pipeline)}
    row = await rows.add_publication(sor, pipeline, new_values, actor)
    await _audit(sor, "request_publication", pipeline, row, actor)
    return rows.as_answer(row, actor.lang)


async def approve(
    sor: SafeSqlor, publication_id: str, values: Mapping[str, Any], actor: Actor
) -> dict[str, Any]:
    """
    Approve a request that waits for it; it is done at once, or waits for its time.

    Raises Forbidden `approver_involved`, Conflict `state_moved` when the line is not as it was when
    it was asked for, or as the approver sent it with `state`, `publication_ended`, and what
    publishing raises.
    """
    pipeline, row = await _lock(sor, publication_id)
    rows.check_open(row, rows.WAITING)
    await check_approver(sor, pipeline, row, actor)
    await check_state(sor, pipeline, values["state"], actor)
    if row["action"] != rows.APPROVAL_OFF:
        await check_state(sor, pipeline, row["state"], actor)
    is_later = row["publish_at"] is not None and row["publish_at"] > now()
    status = rows.SCHEDULED if is_later else rows.WAITING
    row = await rows.set_approved(sor, row, status, actor)
    await _audit(sor, "approve_publication", pipeline, row, actor)
    if not is_later:
        await _carry_out(sor, pipeline, row, actor.lang)
    return rows.as_answer(await rows.publication_by_id(sor, publication_id), actor.lang)


async def cancel(sor: SafeSqlor, publication_id: str, actor: Actor) -> dict[str, Any]:
    """End a request that is open without doing it; raises Conflict `publication_ended`."""
    pipeline, row = await _lock(sor, publication_id)
    rows.check_open(row)
    await rows.end(sor, row, rows.CANCELLED, actor.username)
    await _audit(sor, "cancel_publication", pipeline, row, actor)
    return rows.as_answer(await rows.publication_by_id(sor, publication_id), actor.lang)


async def set_approval(
    sor: SafeSqlor, pipeline_id: str, values: Mapping[str, Any], actor: Actor
) -> dict[str, Any]:
    """
    Have what goes live approved by a second person from now on; or ask that it be so no more,
    which a second person has to approve too. The line's record, with the `publication` asked for.
    """
    pipeline = await lock_pipeline(sor, pipeline_id)
    await check_state(sor, pipeline, values["state"], actor)
    if bool(values["needs_approval"]) == bool(pipeline["needs_approval"]):
        raise APPROVAL_UNCHANGED()
    if values["needs_approval"]:
        return await _switch(sor, pipeline, actor, is_on=True)
    request = {
        "action": rows.APPROVAL_OFF,
        "status": rows.WAITING,
        "state": await state_of(sor, pipeline),
    }
    row = await rows.add_publication(sor, pipeline, request, actor)
    await _audit(sor, "request_publication", pipeline, row, actor)
    return {**pipeline, "publication": rows.as_answer(row, actor.lang)}


async def carry_out_if_due(sor: SafeSqlor, publication_id: str, moment: datetime) -> bool:
    """Do what is due by *moment*, unless somebody else has; whether it was done now. Raises what
    stands in its way."""
    pipeline, row = await _lock(sor, publication_id)
    if row["status"] != rows.SCHEDULED or row["publish_at"] > moment:
        return False
    if row["publish_at"] < moment - MAX_LATE:
        raise PUBLICATION_MISSED()
    if pipeline["needs_approval"] and row["approved_by"] is None:
        raise APPROVAL_MISSING()
    await check_state(sor, pipeline, row["state"], _requester(row, "en"))
    await _carry_out(sor, pipeline, row, "en")
    return True


async def note_failure(sor: SafeSqlor, publication_id: str, refusal: AppError) -> None:
    """Note that what was due was refused; nothing where somebody else has ended it meanwhile."""
    try:
        pipeline, row = await _lock(sor, publication_id)
    except AppError as exc:
        if exc.status != _NOT_FOUND:
            raise
        # Its line is gone: a version of before has deleted it, which knows no requests.
        if await sor.one(rows.BY_ID, {"id": publication_id}):
            await rows.end(sor, {"id": publication_id}, rows.FAILED, "", refusal)
        return
    if row["status"] != rows.SCHEDULED:
        return
    actor = _requester(row, "en")
    await rows.end(sor, row, rows.FAILED, "", refusal)
    await _audit(sor, "fail_publication", pipeline, row, actor, problem=refusal.code)


async def publications_of(
    sor: SafeSqlor, pipeline: Mapping[str, Any], state: str, actor: Actor
) -> list[dict[str, Any]]:
    """
    Return the line's open request and the last that are over, the open one with `is_stale` (the
    line moved since) and `may_approve` (as far as *actor* is the right person).
    """
    answers = []
    row = await rows.open_publication(sor, pipeline["id"])
    if row is not None:
        is_barred = await is_involved(sor, pipeline, row, actor.user_id or "")
        is_off = row["action"] == rows.APPROVAL_OFF
        is_stale = not is_off and row["state"].partition(".")[0] != state.partition(".")[0]
        answers.append(
            rows.as_answer(row, actor.lang) | {"is_stale": is_stale, "may_approve": not is_barred}
        )
    past = await rows.last_closed_ones(sor, pipeline["id"])
    return answers + [rows.as_answer(row, actor.lang) for row in past]


async def _lock(sor: SafeSqlor, publication_id: str) -> tuple[dict[str, Any], Row]:
    """Lock the line, then the request: the line first, as everywhere."""
    unlocked = await rows.publication_by_id(sor, publication_id)
    pipeline = await lock_pipeline(sor, unlocked["pipeline_id"])
    return pipeline, await rows.publication_by_id(sor, publication_id, lock=True)


async def _carry_out(
    sor: SafeSqlor, pipeline: Mapping[str, Any], row: Mapping[str, Any], lang: str
) -> None:
    actor = _requester(row, lang)
    if row["action"] == rows.APPROVAL_OFF:
        await _switch(sor, pipeline, actor, is_on=False)
    else:
        # What was there was held against the request already, under this same lock.
        values = {**row, "reason": row["notes"], "state": None, "lock_version": None}
        work = rollback if row["action"] == rows.ROLLBACK else publish
        await work(sor, pipeline["id"], values, actor, row)
    await rows.end(sor, row, rows.DONE, row["approved_name"] or row["requested_name"])


async def _switch(
    sor: SafeSqlor, pipeline: Mapping[str, Any], actor: Actor, *, is_on: bool
) -> dict[str, Any]:
    values = {
        "needs_approval": int(is_on),
        "approval_changed_by": actor.user_id,
        "approval_changed_at": now(),
    }
    return await update_row(
        sor, "pipelines", pipeline["id"], None, values, actor, action="set_approval"
    )


def _requester(row: Mapping[str, Any], lang: str) -> Actor:
    return Actor(user_id=row["requested_by"], username=row["requested_name"], lang=lang)


def _check_time(publish_at: datetime | None, *, needs_time: bool) -> None:
    if publish_at is None:
        if needs_time:
            raise InvalidFields([REQUIRED("publish_at")])
        return
    moment = now()
    if publish_at <= moment:
        raise InvalidFields([PUBLISH_AT_PAST("publish_at")])
    if publish_at > moment + MAX_AHEAD:
        raise InvalidFields([PUBLISH_AT_TOO_LATE("publish_at")])


async def _audit(
    sor: SafeSqlor,
    action: str,
    pipeline: Mapping[str, Any],
    row: Mapping[str, Any],
    actor: Actor,
    **more: Any,
) -> None:
    detail = {
        "for": row["action"],
        "version_no": row["version_no"],
        "publish_at": None if row["publish_at"] is None else iso(row["publish_at"]),
        "requested_by": row["requested_name"],
        **more,
    }
    values = {name: value for name, value in detail.items() if value is not None}
    await record_changes(sor, actor, Change(action, "pipelines", pipeline, detail=values))
