"""
From the parameters of a request to the functions of this module, and back to an answer.

Each endpoint checks its fields, opens one transaction and calls one function; for rows that answer
as usual, app/web/table_endpoints.py makes them.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.global_func import (
    Actor,
    Answer,
    FieldRule,
    Message,
    Record,
    SafeSqlor,
    check_params,
    in_transaction,
    reading,
)
from pipeline_core.definition.validate import STEP_KEY
from pipeline_core.draft import steps
from pipeline_core.draft.state_token import REQUIRED_STATE, STATE
from pipeline_core.lifecycle import (
    compare,
    draft_load,
    pipelines,
    publishing,
    status as pipeline_status,
    versions,
)
from pipeline_core.lifecycle.status import MOVES

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
    "pipeline_id": _ID, "notes": _WORDS, "version_no": _COUNT, "carry_prices": _FLAG,
    "lock_version": _OPTIONAL_LOCK, "state": STATE,
}  # fmt: skip
ROLLBACK = {
    "pipeline_id": _ID,
    "version_no": FieldRule(kind="int", minimum=1, required=True),
    "reason": FieldRule(kind="text", length=2000, required=True),
    "replace_draft": _FLAG,
    "carry_prices": _FLAG,
    "lock_version": _OPTIONAL_LOCK,
    "state": STATE,
}
DRAFT_LOAD = {
    "pipeline_id": _ID,
    "version_no": FieldRule(kind="int", minimum=1, required=True),
    "replace_draft": _FLAG,
    "state": REQUIRED_STATE,
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


async def pipelines_update(actor: Actor, params: dict[str, Any]) -> Answer:
    """Another name, description or status for a line."""
    record = await pipelines.SERVICE.update_from(params, actor, _with_problems)
    return _answer("pipelines", record)


async def pipeline_set_status(actor: Actor, params: dict[str, Any]) -> Answer:
    """Take a line off sale, put it away, or bring it back."""
    query = check_params(SET_STATUS, params)
    record = await in_transaction(
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
    return _answer(steps.TABLE, await steps.SERVICE.create_from(params, actor, _with_problems))


async def pipeline_steps_update(actor: Actor, params: dict[str, Any]) -> Answer:
    """Change a step, or move it by another `stage` or `step_no`."""
    return _answer(steps.TABLE, await steps.SERVICE.update_from(params, actor, _with_problems))


async def _with_way_back(sor: SafeSqlor, record: Record, actor: Actor) -> Record:
    record = await _with_problems(sor, record, actor)
    return await steps.SERVICE.with_way_back(sor, record, actor)


async def pipeline_steps_delete(actor: Actor, params: dict[str, Any]) -> Answer:
    """Delete a step of the draft; the others close up."""
    record = await steps.SERVICE.delete_from(params, actor, _with_way_back)
    answer = _answer(steps.TABLE, record)
    answer.message = Message("Deleted.")
    return answer


async def pipeline_steps_duplicate(actor: Actor, params: dict[str, Any]) -> Answer:
    """Make a copy of a step, after it or beside it."""
    query = check_params(DUPLICATE, params)
    return await _draft(
        steps.TABLE,
        lambda sor: steps.duplicate(sor, query["id"], query["lock_version"], query, actor),
        actor,
    )


async def pipeline_steps_enable(actor: Actor, params: dict[str, Any]) -> Answer:
    """Switch a step on or off."""
    query = check_params(ENABLE, params)
    values = {"enabled": query["enabled"]}
    return await _draft(
        steps.TABLE,
        lambda sor: steps.SERVICE.update(sor, query["id"], query["lock_version"], values, actor),
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
    """Save the draft as a version; `made` says whether a new one was needed."""
    version = await versions.SERVICE.create_from(params, actor)
    message = (
        Message("Saved as version {version_no}.", version_no=version["version_no"])
        if version["made"]
        else Message(
            "The draft has not changed since version {version_no}; no new version was made.",
            version_no=version["version_no"],
        )
    )
    return Answer(version, table="pipeline_versions", message=message)


async def pipeline_publish(actor: Actor, params: dict[str, Any]) -> Answer:
    """Put the draft, or a saved version, live."""
    query = check_params(PUBLISH, params)
    record = await in_transaction(
        lambda sor: publishing.publish(sor, query["pipeline_id"], query, actor)
    )
    message = Message("Version {version_no} is live.", version_no=record["version_no"])
    return Answer(record, table="pipeline_versions", message=message)


async def pipeline_rollback(actor: Actor, params: dict[str, Any]) -> Answer:
    """Put an earlier version live again."""
    query = check_params(ROLLBACK, params)
    record = await in_transaction(
        lambda sor: publishing.rollback(sor, query["pipeline_id"], query, actor)
    )
    template = (
        "Version {version_no} is live again, and the draft is like it."
        if record["draft_replaced"]
        else "Version {version_no} is live again. The draft has changes of its own and was kept."
    )
    message = Message(template, version_no=record["version_no"])
    return Answer(record, table="pipeline_versions", message=message)


async def pipeline_draft_load(actor: Actor, params: dict[str, Any]) -> Answer:
    """Make an old version the draft again."""
    query = check_params(DRAFT_LOAD, params)
    record = await in_transaction(
        lambda sor: draft_load.load_into_draft(sor, query["pipeline_id"], query, actor)
    )
    message = Message("The draft is as version {version_no}.", version_no=query["version_no"])
    return Answer(record, table="pipelines", message=message)


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
    table: str, work: Callable[[SafeSqlor], Awaitable[Record]], actor: Actor
) -> Answer:
    """Run a change of the draft: answers with a record of *table* as `_answer`."""
    return _answer(table, await steps.SERVICE.run(work, actor, _with_problems))


async def _with_problems(sor: SafeSqlor, record: Record, actor: Actor) -> Record:
    """Return a line's or a step's *record* with what the validator says now of the draft,
    `publishable` and `problems`."""
    pipeline_id = record["pipeline_id"] if "pipeline_id" in record else record["id"]
    return {**record, **await compare.draft_problems(sor, pipeline_id, actor)}


def _answer(table: str, record: Record) -> Answer:
    """Return the answer of a change of the draft, which says how many references followed a step
    to its new code, and how many problems the draft has now."""
    count = sum(problem["severity"] == "error" for problem in record["problems"])
    rewrites = len(record.get("changed_references", ()))
    text = None
    if rewrites and count:
        text = Message(
            "Saved, with {rewrites} reference(s) in other steps. {count} problem(s) to correct"
            " before publishing.",
            rewrites=rewrites,
            count=count,
        )
    elif rewrites:
        text = Message("Saved, with {rewrites} reference(s) in other steps.", rewrites=rewrites)
    elif count:
        text = Message("Saved. {count} problem(s) to correct before publishing.", count=count)
    return Answer(record, table=table, message=text)


def _numbers_as_text(params: Params, names: tuple[str, ...]) -> dict[str, Any]:
    """JSON may name version 3 as a number, where a form sends text."""
    return {
        name: str(value) if name in names and type(value) is int else value
        for name, value in params.items()
    }
