"""
Publishing and rolling back: one transaction each, so a published line is never without a live
version, and what goes live was checked by today's rules in the same transaction.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.global_func import (
    REQUIRED,
    Actor,
    AppError,
    Change,
    FieldProblem,
    InvalidFields,
    SafeSqlor,
    audit_context,
    check_lock_version,
    get_row,
    iso,
    now,
    record_changes,
    translate,
)
from pipeline_core.definition.snapshot import Definition, is_same
from pipeline_core.definition.states import PipelineStatus
from pipeline_core.definition.validate import Problem, blocks, validate
from pipeline_core.draft.context import validation_context
from pipeline_core.draft.draft import draft_definition, lock_editable_pipeline, replace_draft
from pipeline_core.draft.state_token import check_state
from pipeline_core.errors import (
    ALREADY_LIVE,
    APPROVAL_REQUIRED,
    NEVER_LIVE,
    NOT_PUBLISHABLE,
    REASON_REQUIRED,
)
from pipeline_core.lifecycle.approval import note_same_as_live
from pipeline_core.lifecycle.contributors import of_version
from pipeline_core.lifecycle.live import LIVE, put_live, version_by_number
from pipeline_core.lifecycle.step_prices import (
    Prices,
    check_prices,
    definition_with_ids,
    settle_prices,
)
from pipeline_core.lifecycle.versions import save_version

SET_NOTES = "update pipeline_versions set notes = ${notes}$ where id = ${id}$"
_TOLD = 10


async def publish(
    sor: SafeSqlor,
    pipeline_id: str,
    values: Mapping[str, Any],
    actor: Actor,
    publication: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """
    Put the draft live, or the saved version `version_no`.

    A draft equal to the live version changes nothing; one equal to the last version makes no new
    one. Answers the version's record, the validator's warnings under `problems`, and the names of
    those whose changes it took in under `contributors`. Prices of steps that go live under another
    code, or not at all, are carried over with `carry_prices`, and told under `carried_prices` (see
    `step_prices`). Raises BadRequest `not_publishable`, Conflict `orphaned_prices` and others,
    EditConflict when `lock_version` (the line's) is sent and old, Conflict `state_moved` when
    `state` is (see `state_token`), `approval_required` unless this carries out a *publication*
    that was approved.
    """
    pipeline = await lock_editable_pipeline(sor, pipeline_id)
    _require_approval(pipeline, publication)
    check_lock_version("pipelines", pipeline, values["lock_version"])
    await check_state(sor, pipeline, values["state"], actor)
    live = await sor.one(LIVE, {"pipeline_id": pipeline_id})
    version: Mapping[str, Any]
    if values["version_no"] is not None:
        version = await version_by_number(sor, pipeline_id, values["version_no"])
        _check_reason(version, values["notes"])
        definition = await definition_with_ids(sor, pipeline_id, version)
        warnings = await check_definition(sor, pipeline_id, definition, actor)
    else:
        definition = await draft_definition(sor, pipeline)
        warnings = await check_definition(sor, pipeline_id, definition, actor)
        version, _ = await save_version(sor, pipeline, definition, values["notes"], actor)
    prices: Prices = []
    if live is None or version["id"] != live["id"]:
        moment = now()
        prices = await settle_prices(
            sor, pipeline, definition, moment, actor, carry=bool(values["carry_prices"])
        )
        await _note(sor, version, values["notes"])
        names = await _contributors(sor, version)
        await put_live(
            sor, pipeline, version, event="published", why=values["notes"], actor=actor,
            at=moment, contributors=names, publication=publication,
        )  # fmt: skip
        detail = {"notes": values["notes"], "contributors": names}
        await _audit(sor, "publish", pipeline, live, version, detail | _way(publication), actor)
    await note_same_as_live(sor, pipeline_id, is_same=values["version_no"] is None)
    return await _answer(sor, version, warnings, actor) | {"carried_prices": prices}


async def rollback(
    sor: SafeSqlor,
    pipeline_id: str,
    values: Mapping[str, Any],
    actor: Actor,
    publication: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """
    Put an earlier version live again, for a `reason`.

    The draft follows only if it has no unpublished change, or with `replace_draft`; the answer
    says which under `draft_replaced`. Raises as `publish`.
    """
    pipeline = await lock_editable_pipeline(sor, pipeline_id)
    _require_approval(pipeline, publication)
    check_lock_version("pipelines", pipeline, values["lock_version"])
    await check_state(sor, pipeline, values["state"], actor)
    target = await version_by_number(sor, pipeline_id, values["version_no"])
    definition = await definition_with_ids(sor, pipeline_id, target)
    if target["status"] != "superseded":
        raise _not_to_roll_back_to(target)
    warnings = await check_definition(sor, pipeline_id, definition, actor)
    current = await version_by_number(sor, pipeline_id, pipeline["current_version"])
    untouched = is_same(await draft_definition(sor, pipeline), current)
    replaces_draft = bool(untouched or values["replace_draft"])
    if replaces_draft:
        with audit_context("rollback", version_no=target["version_no"]):
            await replace_draft(sor, pipeline, definition, actor)
    moment = now()
    prices = await settle_prices(
        sor, pipeline, definition, moment, actor, carry=bool(values["carry_prices"])
    )
    from_no = current["version_no"] if current["id"] != target["id"] else None
    await put_live(
        sor, pipeline, target, event="rolled_back", why=values["reason"], actor=actor,
        at=moment, rollback_of=from_no, publication=publication,
    )  # fmt: skip
    detail = {"reason": values["reason"], "draft_replaced": replaces_draft}
    live = current if pipeline["status"] == PipelineStatus.PUBLISHED else None
    await _audit(sor, "rollback", pipeline, live, target, detail | _way(publication), actor)
    await note_same_as_live(sor, pipeline_id, is_same=replaces_draft)
    answer = await _answer(sor, target, warnings, actor)
    return answer | {"draft_replaced": replaces_draft, "carried_prices": prices}


async def check_target(
    sor: SafeSqlor, pipeline: Mapping[str, Any], values: Mapping[str, Any], actor: Actor
) -> None:
    """Raise what `publish` or `rollback`, whichever `action` says, would raise now for the content
    of the locked *pipeline*."""
    number = values["version_no"]
    if number is None:
        if values["action"] == "rollback":
            raise InvalidFields([REQUIRED("version_no")])
        definition = await draft_definition(sor, pipeline)
    else:
        version = await version_by_number(sor, pipeline["id"], number)
        definition = await definition_with_ids(sor, pipeline["id"], version)
        if values["action"] == "rollback" and version["status"] != "superseded":
            raise _not_to_roll_back_to(version)
        _check_reason(version, values["notes"])
    await check_definition(sor, pipeline["id"], definition, actor)
    await check_prices(sor, pipeline, definition, carry=bool(values["carry_prices"]))


async def check_definition(
    sor: SafeSqlor, pipeline_id: str, definition: Definition, actor: Actor
) -> list[Problem]:
    """Return the warnings about *definition*; raises BadRequest `not_publishable` with all
    problems."""
    problems = validate(definition, await validation_context(sor, pipeline_id))
    if blocks(problems):
        raise not_publishable(problems, actor.lang)
    return problems


def not_publishable(problems: Sequence[Problem], lang: str) -> AppError:
    """Return the refusal that lists *problems*, its first errors in the sentence itself."""
    errors = [problem for problem in problems if problem.severity == "error"]
    messages = [
        f"{problem.step_key}: {translate(problem.text, lang)}" if problem.step_key
        else translate(problem.text, lang)
        for problem in errors[:_TOLD]
    ]  # fmt: skip
    if len(errors) > _TOLD:
        messages.append("…")
    return NOT_PUBLISHABLE(
        problems=[_field_problem(problem) for problem in errors],
        extra={"problems": [problem.as_dict(lang) for problem in problems]},
        told=" ".join(messages),
    )


def _field_problem(problem: Problem) -> FieldProblem:
    place = ["steps", problem.step_key] if problem.step_key else []
    if problem.field:
        place.append(problem.field.replace(".", "/"))
    return FieldProblem("/".join(place) or "steps", problem.code, problem.text)


def _require_approval(pipeline: Mapping[str, Any], publication: Mapping[str, Any] | None) -> None:
    if pipeline["needs_approval"] and (publication is None or publication["approved_by"] is None):
        raise APPROVAL_REQUIRED(code=pipeline["code"])


def _way(publication: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the audit trail says of a request that was carried out."""
    if publication is None:
        return {}
    names = ("publish_at", "approved_name")
    way = {name: publication[name] for name in names if publication[name] is not None}
    return {name: iso(value) if name == "publish_at" else value for name, value in way.items()}


def _check_reason(version: Mapping[str, Any], notes: str | None) -> None:
    if version["status"] == "superseded" and not notes:
        raise InvalidFields([REASON_REQUIRED("notes")])


def _not_to_roll_back_to(version: Mapping[str, Any]) -> AppError:
    entry = ALREADY_LIVE if version["status"] == "published" else NEVER_LIVE
    return entry(version_no=version["version_no"])


async def _note(sor: SafeSqlor, version: Mapping[str, Any], notes: str | None) -> None:
    # What was live keeps the words it went live with; the event log has the new ones.
    if notes and (version["status"] == "saved" or not version["notes"]):
        await sor.sqlExe(SET_NOTES, {"id": version["id"], "notes": notes})


async def _audit(
    sor: SafeSqlor,
    action: str,
    pipeline: Mapping[str, Any],
    previous: Mapping[str, Any] | None,
    version: Mapping[str, Any],
    detail: Mapping[str, Any],
    actor: Actor,
) -> None:
    before = {
        "status": pipeline["status"],
        "live_version": None if previous is None else previous["version_no"],
    }
    after = {"status": "published", "live_version": version["version_no"]}
    values = {**detail, "checksum": version["checksum"]}
    await record_changes(sor, actor, Change(action, "pipelines", pipeline, before, after, values))


async def _answer(
    sor: SafeSqlor, version: Mapping[str, Any], warnings: Sequence[Problem], actor: Actor
) -> dict[str, Any]:
    record = await get_row(sor, "pipeline_versions", version["id"])
    return {
        **record,
        "problems": [problem.as_dict(actor.lang) for problem in warnings],
        "contributors": await _contributors(sor, version),
    }


async def _contributors(sor: SafeSqlor, version: Mapping[str, Any]) -> list[str]:
    return [one["username"] or one["user_id"] for one in await of_version(sor, version)]
