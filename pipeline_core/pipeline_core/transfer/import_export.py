"""
Lines that come from elsewhere: imported from a file, cloned from another line.

An import is done in one transaction and tells what became of each step; a dry run does the same
and takes it back, so that its report is what the import would say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.global_func import (
    REQUIRED,
    Actor,
    AppError,
    InvalidFields,
    SafeSqlor,
    audit_context,
    check_lock_version,
    translate,
)
from pipeline_core.definition.snapshot import STEP_FIELDS, Definition, definition_of, step_values
from pipeline_core.definition.stages import layout_of, numbers_of
from pipeline_core.definition.validate import blocks, validate
from pipeline_core.draft.context import validation_context
from pipeline_core.draft.draft import (
    changes,
    draft_definition,
    insert_steps,
    lock_editable_pipeline,
    lock_pipeline,
    replace_draft,
    steps_of,
)
from pipeline_core.draft.state_token import check_state, state_of
from pipeline_core.errors import NOT_CLONED, NOT_IMPORTABLE
from pipeline_core.lifecycle import pipelines
from pipeline_core.lifecycle.live import pipeline_by_code
from pipeline_core.transfer.parts import write_part

Values = Mapping[str, Any]


class Rehearsed(Exception):
    """The end of a dry run: everything is taken back, the report stays."""

    def __init__(self, report: dict[str, Any]) -> None:
        self.report = report
        super().__init__()


@dataclass
class Incoming:
    """What a file says, checked: `problems` are said already; a step has problems or values."""

    pipeline: Values
    steps: list[Values]
    parts: Mapping[str, Any] = field(default_factory=dict)
    problems: list[dict[str, str]] = field(default_factory=list)
    step_problems: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)
    ignored: Sequence[str] = ()


@dataclass(frozen=True)
class Terms:
    """How to bring it in: `replace` the draft of a line that has the code, which then must have
    `lock_version`, or be in `state` (see `state_token`); a `dry_run` changes nothing."""

    replace: bool = False
    dry_run: bool = True
    lock_version: int | None = None
    state: str | None = None


async def bring_in(
    sor: SafeSqlor, incoming: Incoming, terms: Terms, actor: Actor
) -> dict[str, Any]:
    """
    Import a line; the report. Raises Rehearsed with it when it is a dry run, BadRequest
    `not_importable` when something is wrong, EditConflict.
    """
    problems = list(incoming.problems)
    report: dict[str, Any] = {
        "dry_run": terms.dry_run,
        "line": {"code": incoming.pipeline["code"], "action": "problem", "id": None},
        "steps": [_bad_step(key, faults) for key, faults in incoming.step_problems.items()],
        "ignored": sorted(incoming.ignored),
        "problems": problems,
    }
    with audit_context("import"):
        if not problems and not incoming.step_problems:
            pipeline, problem = await _place(sor, incoming, terms, actor, report)
            problems += problem
            if pipeline is not None:
                problems += await _parts(sor, incoming, pipeline, report, actor)
                report |= await _validate(sor, pipeline["id"], report["steps"], actor)
    report["importable"] = not problems and not incoming.step_problems
    if terms.dry_run:
        raise Rehearsed(report)
    if not report["importable"]:
        raise _not_importable(report)
    return report


async def clone(
    sor: SafeSqlor,
    definition: Definition,
    pipeline_values: Values,
    parts: Mapping[str, Any],
    actor: Actor,
) -> dict[str, Any]:
    """Create a line with the steps of *definition* and *parts*; its record. Raises Conflict."""
    with audit_context(None, cloned_from=definition["pipeline"]["code"]):
        pipeline = await pipelines.SERVICE.create(
            sor, {**pipeline_values, "status": "draft"}, actor
        )
        await insert_steps(sor, pipeline["id"], _steps_with_places(definition["steps"]), actor)
        for name, data in parts.items():
            for entry in await write_part(sor, name, pipeline["id"], data, actor):
                if entry["action"] == "problem":
                    raise _part_refusal(name, entry)
    return await lock_pipeline(sor, pipeline["id"])


async def _place(
    sor: SafeSqlor, incoming: Incoming, terms: Terms, actor: Actor, report: dict[str, Any]
) -> tuple[Values | None, list[dict[str, str]]]:
    present = await pipeline_by_code(sor, incoming.pipeline["code"])
    if present is None:
        pipeline = await pipelines.SERVICE.create(
            sor, {**incoming.pipeline, "status": "draft"}, actor
        )
        steps = _steps_with_places(incoming.steps)
        await insert_steps(sor, pipeline["id"], steps, actor)
        report["line"] |= {"action": "created", "id": pipeline["id"]}
        report["steps"] = [_step_report(step["step_key"], "created") for step in steps]
        return pipeline, []
    report["line"]["id"] = present["id"]
    if not terms.replace:
        template = "There is a line with this code already. Choose another code, or replace it."
        return None, [_problem("duplicate", "code", template, actor.lang)]
    pipeline = await lock_editable_pipeline(sor, present["id"])
    if not terms.dry_run and terms.lock_version is None and terms.state is None:
        raise InvalidFields([REQUIRED("lock_version")])
    check_lock_version("pipelines", pipeline, terms.lock_version)
    await check_state(sor, pipeline, terms.state, actor)
    report["line"]["state"] = await state_of(sor, pipeline)
    report["steps"] = await _replace(sor, pipeline, incoming, actor)
    same = all(entry["action"] == "skipped" for entry in report["steps"])
    new_values = changes(pipeline, incoming.pipeline)
    report["line"]["action"] = "skipped" if same and not new_values else "changed"
    report["line"]["lock_version"] = pipeline["lock_version"]
    return pipeline, []


async def _replace(
    sor: SafeSqlor, pipeline: Values, incoming: Incoming, actor: Actor
) -> list[dict[str, Any]]:
    present = {step["step_key"]: step for step in await steps_of(sor, pipeline["id"])}
    steps = _steps_with_places(incoming.steps)
    report = []
    for step in steps:
        key = step["step_key"]
        fields = sorted(changes(present[key], step)) if key in present else []
        action = "changed" if fields else "skipped" if key in present else "created"
        report.append(_step_report(key, action, fields))
    keys = {step["step_key"] for step in steps}
    report += [_step_report(key, "removed") for key in present if key not in keys]
    if all(entry["action"] == "skipped" for entry in report) and not changes(
        pipeline, incoming.pipeline
    ):
        return report
    definition = definition_of({**pipeline, **incoming.pipeline}, steps)
    await replace_draft(sor, pipeline, definition, actor)
    return report


async def _parts(
    sor: SafeSqlor, incoming: Incoming, pipeline: Values, report: dict[str, Any], actor: Actor
) -> list[dict[str, str]]:
    """Prices and capacity come with a new line only: those of one that sells are not a file's."""
    problems: list[dict[str, str]] = []
    for name, data in incoming.parts.items():
        if report["line"]["action"] != "created":
            report[name] = [{"action": "skipped", "label": "", "problems": []}]
            continue
        report[name] = await write_part(sor, name, pipeline["id"], data, actor)
        for number, entry in enumerate(report[name]):
            problems += [
                {**problem, "field": f"{name}/{number}/{problem['field']}".rstrip("/"),
                 "step_key": "", "severity": "error"}
                for problem in entry["problems"]
            ]  # fmt: skip
    return problems


async def _validate(
    sor: SafeSqlor, pipeline_id: str, steps: list[dict[str, Any]], actor: Actor
) -> dict[str, Any]:
    """Report what the validator says of the draft now, also at the steps of the report."""
    definition = await draft_definition(sor, await lock_pipeline(sor, pipeline_id))
    problems = validate(definition, await validation_context(sor, pipeline_id))
    by_key = {entry["step_key"]: entry for entry in steps}
    for problem in problems:
        if problem.step_key in by_key:
            by_key[problem.step_key]["problems"].append(problem.as_dict(actor.lang))
    return {
        "publishable": not blocks(problems),
        "to_correct": [problem.as_dict(actor.lang) for problem in problems if not problem.step_key],
    }


def _steps_with_places(steps: Sequence[Values]) -> list[dict[str, Any]]:
    """Return *steps* as columns, numbered without holes in the order they run."""
    places = numbers_of(layout_of(steps))
    rows = []
    for step in steps:
        stage, step_no = places[step["step_key"]]
        values = step_values({name: step[name] for name in STEP_FIELDS})
        rows.append(values | {"stage": stage, "step_no": step_no})
    return sorted(rows, key=lambda step: (step["stage"], step["step_no"]))


def _step_report(key: str, action: str, fields: Sequence[str] = ()) -> dict[str, Any]:
    return {"step_key": key, "action": action, "fields": list(fields), "problems": []}


def _bad_step(key: str, problems: list[dict[str, str]]) -> dict[str, Any]:
    return {"step_key": key, "action": "problem", "fields": [], "problems": problems}


def _problem(code: str, place: str, template: str, lang: str) -> dict[str, str]:
    return {
        "code": code, "step_key": "", "field": place, "message": translate(template, lang),
        "severity": "error",
    }  # fmt: skip


def _not_importable(report: Mapping[str, Any]) -> AppError:
    problems = [*report["problems"], *(p for step in report["steps"] for p in step["problems"])]
    sentences = " ".join(problem["message"] for problem in problems[:10])
    return NOT_IMPORTABLE(extra={"report": report}, told=sentences)


def _part_refusal(name: str, entry: Mapping[str, Any]) -> AppError:
    return NOT_CLONED(part=name, told=" ".join(problem["message"] for problem in entry["problems"]))
