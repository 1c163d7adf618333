"""
From the parameters of a request to the functions of this module, and back to an answer.

Each endpoint checks its fields, opens one transaction and calls one function.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from app.global_func import (
    Actor,
    Answer,
    DuplicateKey,
    FieldRule,
    Message,
    SafeSqlor,
    check_delete,
    check_new,
    check_params,
    check_update,
    in_transaction,
    reading,
)
from pipeline_core.definition.validate import STEP_KEY
from pipeline_core.draft import steps
from pipeline_core.errors import PIPELINE_CODE_TAKEN, STEP_CODE_TAKEN
from pipeline_core.lifecycle import (
    compare,
    pipelines,
    publishing,
    status as pipeline_status,
    versions,
)
from pipeline_core.lifecycle.status import MOVES

T = TypeVar("T")
Params = Mapping[str, Any]

_ID = FieldRule(kind="str", required=True, length=32)
_OPTIONAL_LOCK = FieldRule(kind="int", minimum=1)
_LOCK = FieldRule(kind="int", minimum=1, required=True)
_COUNT = FieldRule(kind="int", minimum=1)
_WORDS = FieldRule(kind="text", length=2000)
_FLAG = FieldRule(kind="bool", default=0)
# When the draft had last changed as the caller read it; checked when sent.
_MOMENT = FieldRule(kind="datetime")

PUBLISH = {
    "pipeline_id": _ID, "notes": _WORDS, "version_no": _COUNT, "lock_version": _OPTIONAL_LOCK,
}  # fmt: skip
ROLLBACK = {
    "pipeline_id": _ID,
    "version_no": FieldRule(kind="int", minimum=1, required=True),
    "reason": FieldRule(kind="text", length=2000, required=True),
    "replace_draft": _FLAG,
    "lock_version": _OPTIONAL_LOCK,
}
SET_STATUS = {
    "pipeline_id": _ID,
    "status": FieldRule(kind="str", required=True, choices=tuple(MOVES)),
    "lock_version": _OPTIONAL_LOCK,
    "reason": _WORDS,
}
REORDER = {
    "pipeline_id": _ID,
    "lock_version": _LOCK,
    "order": FieldRule(kind="json", required=True, json="list"),
    "draft_changed_at": _MOMENT,
}
MOVE = {
    "pipeline_id": _ID,
    "lock_version": _LOCK,
    "step_key": FieldRule(kind="str", required=True, length=64),
    "stage": _COUNT,
    "step_no": _COUNT,
    "new_stage": _FLAG,
    "draft_changed_at": _MOMENT,
}
DUPLICATE = {
    "id": _ID,
    "lock_version": _LOCK,
    "step_key": FieldRule(
        kind="str",
        length=64,
        pattern=STEP_KEY,
        hint="Use letters, digits, _, . and -, starting with a letter or a digit.",
    ),
    "name": FieldRule(kind="str", length=128),
    "parallel": _FLAG,
}
ENABLE = {"id": _ID, "lock_version": _LOCK, "enabled": FieldRule(kind="bool", required=True)}
VALIDATE = {"pipeline_id": _ID, "version_no": _COUNT}
DIFF = {
    "pipeline_id": _ID,
    "from": FieldRule(kind="str", default="live", length=16),
    "to": FieldRule(kind="str", default="draft", length=16),
}

_DUPLICATES = {
    "pipelines_code": ("code", PIPELINE_CODE_TAKEN),
    "pipeline_steps_step_key": ("step_key", STEP_CODE_TAKEN),
}


async def pipelines_create(actor: Actor, params: dict[str, Any]) -> Answer:
    """Create a line, as a draft."""
    values = check_new("pipelines", params)
    record = await _write(lambda sor: pipelines.create(sor, values, actor))
    return Answer(record, table="pipelines")


async def pipelines_update(actor: Actor, params: dict[str, Any]) -> Answer:
    """Another name, description or status for a line."""
    key, lock_version, values = check_update("pipelines", params)
    return await _draft(
        "pipelines", lambda sor: pipelines.update(sor, key, lock_version, values, actor), actor
    )


async def pipelines_delete(actor: Actor, params: dict[str, Any]) -> Answer:
    """Delete a line that nothing depends on."""
    key, lock_version, _ = check_delete("pipelines", params)
    record = await _write(lambda sor: pipelines.delete(sor, key, lock_version, actor))
    return Answer(record, table="pipelines", message=Message("Deleted."))


async def pipeline_set_status(actor: Actor, params: dict[str, Any]) -> Answer:
    """Take a line off sale, put it away, or bring it back."""
    query = check_params(SET_STATUS, params)
    record = await _write(
        lambda sor: pipeline_status.set_status(
            sor,
            query["pipeline_id"],
            query["status"],
            query["lock_version"],
            query["reason"],
            actor,
        )
    )
    return Answer(record, table="pipelines")


async def pipeline_steps_create(actor: Actor, params: dict[str, Any]) -> Answer:
    """Add a step, at the end or where `stage` and `step_no` (and `new_stage`) say."""
    extra = {"new_stage": _FLAG, "draft_changed_at": _MOMENT}
    values = check_new("pipeline_steps", params, extra=extra)
    new_stage, draft_changed_at = bool(values.pop("new_stage")), values.pop("draft_changed_at")
    return await _draft(
        "pipeline_steps",
        lambda sor: steps.create(sor, values, new_stage, actor, draft_changed_at),
        actor,
    )


async def pipeline_steps_update(actor: Actor, params: dict[str, Any]) -> Answer:
    """Change a step, or move it by another `stage` or `step_no`."""
    key, lock_version, values = check_update("pipeline_steps", params)
    return await _draft(
        "pipeline_steps", lambda sor: steps.update(sor, key, lock_version, values, actor), actor
    )


async def pipeline_steps_delete(actor: Actor, params: dict[str, Any]) -> Answer:
    """Delete a step of the draft; the others close up."""
    key, lock_version, _ = check_delete("pipeline_steps", params)
    answer = await _draft(
        "pipeline_steps", lambda sor: steps.delete(sor, key, lock_version, actor), actor
    )
    answer.message = Message("Deleted.")
    return answer


async def pipeline_steps_duplicate(actor: Actor, params: dict[str, Any]) -> Answer:
    """Make a copy of a step, after it or beside it."""
    query = check_params(DUPLICATE, params)
    return await _draft(
        "pipeline_steps",
        lambda sor: steps.duplicate(sor, query["id"], query["lock_version"], query, actor),
        actor,
    )


async def pipeline_steps_enable(actor: Actor, params: dict[str, Any]) -> Answer:
    """Switch a step on or off."""
    query = check_params(ENABLE, params)
    values = {"enabled": query["enabled"]}
    return await _draft(
        "pipeline_steps",
        lambda sor: steps.update(sor, query["id"], query["lock_version"], values, actor),
        actor,
    )


async def pipeline_steps_reorder(actor: Actor, params: dict[str, Any]) -> Answer:
    """Return all steps of a line in another order."""
    query = check_params(REORDER, params)
    return await _draft(
        "pipelines",
        lambda sor: steps.reorder(
            sor,
            query["pipeline_id"],
            query["lock_version"],
            query["order"].value,
            actor,
            query["draft_changed_at"],
        ),
        actor,
    )


async def pipeline_steps_move(actor: Actor, params: dict[str, Any]) -> Answer:
    """One step to another stage or place."""
    query = check_params(MOVE, params)
    return await _draft(
        "pipelines",
        lambda sor: steps.move(sor, query["pipeline_id"], query["lock_version"], query, actor),
        actor,
    )


async def pipeline_versions_create(actor: Actor, params: dict[str, Any]) -> Answer:
    """Save the draft as a version; `is_new` says whether a new one was needed."""
    values = check_new("pipeline_versions", params)
    version, is_new, problems = await _write(lambda sor: versions.create(sor, values, actor))
    messages = [problem.as_dict(actor.lang) for problem in problems]
    message = (
        Message("Saved as version {version_no}.", version_no=version["version_no"])
        if is_new
        else Message(
            "The draft has not changed since version {version_no}; no new version was made.",
            version_no=version["version_no"],
        )
    )
    body = {**version, "made": is_new, "problems": messages}
    return Answer(body, table="pipeline_versions", message=message)


async def pipeline_versions_update(actor: Actor, params: dict[str, Any]) -> Answer:
    """Other notes for a version."""
    key, lock_version, values = check_update("pipeline_versions", params)
    record = await _write(lambda sor: versions.update(sor, key, lock_version, values, actor))
    return Answer(record, table="pipeline_versions")


async def pipeline_versions_delete(actor: Actor, params: dict[str, Any]) -> Answer:
    """Delete a version that never was live."""
    key, lock_version, _ = check_delete("pipeline_versions", params)
    record = await _write(lambda sor: versions.delete(sor, key, lock_version, actor))
    return Answer(record, table="pipeline_versions", message=Message("Deleted."))


async def pipeline_publish(actor: Actor, params: dict[str, Any]) -> Answer:
    """Put the draft, or a saved version, live."""
    query = check_params(PUBLISH, params)
    record = await _write(lambda sor: publishing.publish(sor, query["pipeline_id"], query, actor))
    message = Message("Version {version_no} is live.", version_no=record["version_no"])
    return Answer(record, table="pipeline_versions", message=message)


async def pipeline_rollback(actor: Actor, params: dict[str, Any]) -> Answer:
    """Put an earlier version live again."""
    query = check_params(ROLLBACK, params)
    record = await _write(lambda sor: publishing.rollback(sor, query["pipeline_id"], query, actor))
    template = (
        "Version {version_no} is live again, and the draft is like it."
        if record["draft_replaced"]
        else "Version {version_no} is live again. The draft has changes of its own and was kept."
    )
    message = Message(template, version_no=record["version_no"])
    return Answer(record, table="pipeline_versions", message=message)


async def pipeline_validate(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return what publishing would say, without publishing."""
    query = check_params(VALIDATE, params)
    async with reading(snapshot=True) as sor:
        return await compare.check_version(sor, query["pipeline_id"], query["version_no"], actor)


async def pipeline_diff(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return what differs between two of draft, live and the numbered versions."""
    query = check_params(DIFF, _numbers_as_text(params, ("from", "to")))
    async with reading(snapshot=True) as sor:
        return await compare.compare(sor, query["pipeline_id"], query["from"], query["to"])


async def _draft(
    table: str, work: Callable[[SafeSqlor], Awaitable[dict[str, Any]]], actor: Actor
) -> Answer:
    """Run a change of the draft: return its record with what the validator says now, `publishable`
    and `problems`."""

    async def whole(sor: SafeSqlor) -> dict[str, Any]:
        record = await work(sor)
        pipeline_id = record["id"] if table == "pipelines" else record["pipeline_id"]
        return {**record, **await compare.draft_problems(sor, pipeline_id, actor)}

    record = await _write(whole)
    count = sum(problem["severity"] == "error" for problem in record["problems"])
    text = Message("Saved. {count} problem(s) to correct before publishing.", count=count)
    return Answer(record, table=table, message=text if count else None)


async def _write(work: Callable[[SafeSqlor], Awaitable[T]]) -> T:
    try:
        return await in_transaction(work)
    except DuplicateKey as exc:
        if exc.index not in _DUPLICATES:
            raise
        field, entry = _DUPLICATES[exc.index]
        raise entry.at(field) from exc


def _numbers_as_text(params: Params, names: tuple[str, ...]) -> dict[str, Any]:
    """JSON may name version 3 as a number, where a form sends text."""
    return {
        name: str(value) if name in names and type(value) is int else value
        for name, value in params.items()
    }
