"""The endpoints that take lines out and bring lines in: export, import, clone, other formats."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.global_func import (
    REQUIRED,
    UNKNOWN_FIELD,
    Actor,
    Answer,
    FieldRule,
    InvalidFields,
    Message,
    check_new,
    check_params,
    get_row,
    in_transaction,
    reading,
    translate,
)
from pipeline_core.definition.snapshot import PIPELINE_FIELDS, STEP_FIELDS, Definition, freeze
from pipeline_core.definition.step_config import config_problems
from pipeline_core.draft.state_token import STATE
from pipeline_core.draft.steps import MAX_STEPS
from pipeline_core.endpoints import views
from pipeline_core.errors import TOO_MANY_STEPS
from pipeline_core.lifecycle import compare, pipelines
from pipeline_core.lifecycle.live import live_version, version_by_number
from pipeline_core.transfer import (
    envelope,
    import_export as transfer,
    serverless_workflow as workflow,
)
from pipeline_core.transfer.parts import part_names, read_parts

_ID = FieldRule(kind="str", required=True, length=32)
_FLAG = FieldRule(kind="bool", default=0)
_CODE = FieldRule(kind="str", length=64)
EXPORT = {
    "pipeline_id": _ID,
    "from": FieldRule(kind="str", default="draft", length=16),
    "format": FieldRule(kind="str", default="json", choices=tuple(envelope.FORMATS)),
    "with_prices": _FLAG,
    "with_capacity": _FLAG,
}
IMPORT = {
    "content": FieldRule(kind="text", length=16 * 2**20),
    "dry_run": FieldRule(kind="bool", default=1),
    "replace": _FLAG,
    "lock_version": FieldRule(kind="int", minimum=1),
    "state": STATE,
    "code": _CODE,
    "name": FieldRule(kind="str", length=128),
    "accept_changed": _FLAG,
}
CLONE = {
    "pipeline_id": _ID,
    "code": FieldRule(kind="str", length=64, required=True),
    "name": FieldRule(kind="str", length=128),
    "from": FieldRule(kind="str", default="draft", length=16),
    "with_prices": _FLAG,
    "with_capacity": _FLAG,
}
OTHER = {"pipeline_id": _ID, "from": FieldRule(kind="str", default="live", length=16)}
WORKFLOW = OTHER | {"format": EXPORT["format"]}

# Columns that are another line's own, in a file from anywhere.
_IGNORED = frozenset(
    {"id", "pipeline_id", "content_version", "lock_version", "created_at", "created_by",
     "updated_at", "updated_by", "status", "owner_id", "owner_org_id", "current_version",
     "last_version_no", "draft_changed_at", "lock_no", "terms_no", "needs_approval",
     "approval_changed_by", "approval_changed_at", "draft_same_at"}
)  # fmt: skip


async def pipeline_export(actor: Actor, params: dict[str, Any]) -> Answer:
    """Return a line's draft or version as a file, with its prices and capacity if wished."""
    query = check_params(EXPORT, _numbers_as_text(params))
    async with reading(snapshot=True) as sor:
        definition = await compare.definition_at(
            sor, query["pipeline_id"], query["from"], "from"
        )  # fmt: skip
        parts = await read_parts(sor, query["pipeline_id"], _part_names(query))
    steps = [{name: step[name] for name in STEP_FIELDS} for step in definition["steps"]]
    content = {"pipeline": definition["pipeline"], "steps": steps, **parts}
    text = await asyncio.to_thread(envelope.serialize, envelope.build(content), query["format"])
    return _file(text, definition["pipeline"]["code"], query["format"])


async def pipeline_import(actor: Actor, params: dict[str, Any]) -> Answer:
    """
    Create or replace a line out of the text of a file (`content`), or out of a body that is the
    envelope itself.

    A dry run unless `dry_run` is 0. Answers with the report of `transfer.bring_in`.
    """
    own = {name: value for name, value in params.items() if name in IMPORT}
    body = {name: value for name, value in params.items() if name not in IMPORT}
    query = check_params(IMPORT, own)
    if query["content"] is None and "kind" in body:
        file = await asyncio.to_thread(envelope.parse_body, _without_page_names(body))
    else:
        check_params(IMPORT, params)
        if not query["content"]:
            raise InvalidFields([REQUIRED("content")])
        file = await asyncio.to_thread(envelope.parse, query["content"])
    incoming = await asyncio.to_thread(_check_file, file, query, actor.lang)
    terms = transfer.Terms(
        bool(query["replace"]), bool(query["dry_run"]), query["lock_version"], query["state"]
    )  # fmt: skip
    try:
        report = await in_transaction(
            lambda sor: transfer.bring_in(sor, incoming, terms, actor)
        )  # fmt: skip
    except transfer.Rehearsed as rehearsed:
        return Answer(rehearsed.report, message=Message("Nothing was changed; this was a dry run."))
    return Answer(report, message=Message("Imported."))


async def pipeline_import_view(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """
    Run the import (or its dry run) and tell its report in words. A dry run that found nothing wrong
    has a button that imports what was tried; `referer_widget` is the list that shows the line then.
    """
    query = {name: value for name, value in params.items() if value not in ("", "null", None)}
    opener = str(query.pop("referer_widget", ""))
    report = (await pipeline_import(actor, query)).body
    tried = {name: value for name, value in query.items() if name in IMPORT}
    return views.import_view(report, tried, opener, actor.lang)


async def pipeline_clone(actor: Actor, params: dict[str, Any]) -> Answer:
    """Create a line like another one, with its prices and capacity if wished."""
    query = check_params(CLONE, _numbers_as_text(params))

    async def work(sor: Any) -> dict[str, Any]:
        definition = await compare.definition_at(
            sor, query["pipeline_id"], query["from"], "from"
        )  # fmt: skip
        name = query["name"] or definition["pipeline"]["name"]
        about = {"description": definition["pipeline"]["description"], "name": name}
        values = check_new("pipelines", {**about, "code": query["code"]})
        parts = await read_parts(sor, query["pipeline_id"], _part_names(query))
        return await transfer.clone(sor, definition, values, parts, actor)

    return Answer(await pipelines.SERVICE.run(work, actor), table="pipelines")


async def pipeline_workflow(actor: Actor, params: dict[str, Any]) -> Answer:
    """Return a line as a document of the CNCF Serverless Workflow DSL, as JSON or YAML."""
    query = check_params(WORKFLOW, _numbers_as_text(params))
    definition, version_no = await _definition(query)
    document = workflow.workflow_document(definition, version_no, freeze(definition).checksum)
    text = await asyncio.to_thread(envelope.serialize, document, query["format"])
    return _file(text, f"{definition['pipeline']['code']}.workflow", query["format"])


async def pipeline_diagram(actor: Actor, params: dict[str, Any]) -> Answer:
    """Return a line as a Mermaid flowchart."""
    query = check_params(OTHER, _numbers_as_text(params))
    definition, _ = await _definition(query)
    return Answer(workflow.mermaid(definition), content_type="text/plain; charset=utf-8")


async def _definition(query: Mapping[str, Any]) -> tuple[Definition, int | None]:
    pipeline_id, which = query["pipeline_id"], query["from"]
    async with reading(snapshot=True) as sor:
        definition = await compare.definition_at(sor, pipeline_id, which, "from")
        if which == "draft":
            await get_row(sor, "pipelines", pipeline_id)
            return definition, None
        if which == "live":
            version = await live_version(sor, pipeline_id)
            return definition, None if version is None else version["version_no"]
        version = await version_by_number(sor, pipeline_id, int(which.lstrip("vV")))
        return definition, version["version_no"]


def _check_file(file: envelope.Envelope, query: Mapping[str, Any], lang: str) -> transfer.Incoming:
    """Check the content of *file* by the rules of the forms; every problem is found."""
    problems: list[dict[str, str]] = []
    ignored: set[str] = set()
    if file.get("checksum") != envelope.checksum(file) and not query["accept_changed"]:
        problems.append(_problem("bad_checksum", "checksum", Message(
            "The file was changed after it was written. Say accept_changed if that is meant."
        ), lang))  # fmt: skip
    members = {*envelope.build({}), "pipeline", "steps", *part_names()}
    problems += [
        _problem("unknown_field", name[:64], UNKNOWN_FIELD.message(), lang)
        for name in file
        if name not in members
    ]
    pipeline = _pipeline(file, query, problems, ignored, lang)
    steps, step_problems = _steps(file, problems, ignored, lang)
    parts = {name: file[name] for name in part_names() if file.get(name)}
    return transfer.Incoming(pipeline, steps, parts, problems, step_problems, sorted(ignored))


def _pipeline(
    file: envelope.Envelope,
    query: Mapping[str, Any],
    problems: list[dict[str, str]],
    ignored: set[str],
    lang: str,
) -> dict[str, Any]:
    part = file.get("pipeline")
    values = dict(part) if isinstance(part, dict) else {}
    ignored |= _IGNORED & values.keys()
    overrides = {name: query[name] for name in ("code", "name") if query[name] is not None}
    values = {n: v for n, v in values.items() if n not in _IGNORED} | overrides
    try:
        record = check_new("pipelines", values)
    except InvalidFields as exc:
        problems += [_problem(p.code, p.field, p.text, lang) for p in exc.problems]
        return {"code": str(values.get("code") or "")[:64]}
    return {name: record[name] for name in PIPELINE_FIELDS}


def _steps(
    file: envelope.Envelope, problems: list[dict[str, str]], ignored: set[str], lang: str
) -> tuple[list[Mapping[str, Any]], dict[str, list[dict[str, str]]]]:
    items = file.get("steps")
    if not isinstance(items, list):
        text = Message("Give a list of steps.")
        problems.append(_problem("bad_steps", "steps", text, lang))
        return [], {}
    if len(items) > MAX_STEPS:
        text = TOO_MANY_STEPS.message(limit=MAX_STEPS)
        problems.append(_problem("too_many_steps", "steps", text, lang))
        return [], {}
    steps: list[Mapping[str, Any]] = []
    wrong: dict[str, list[dict[str, str]]] = {}
    for number, step in enumerate(items, 1):
        values = dict(step) if isinstance(step, dict) else {}
        ignored |= _IGNORED & values.keys()
        values = {n: v for n, v in values.items() if n not in _IGNORED}
        key = str(values.get("step_key") or f"#{number}")[:64]
        values_of_step, bad = _step(values, number, lang)
        if bad:
            wrong.setdefault(key, []).extend(bad)
        steps.append(values_of_step)
    counts = Counter(step["step_key"] for step in steps if step)
    for key, count in counts.items():
        if count > 1:
            text = Message(
                "{count} steps are called {key}. Give each its own.", key=key, count=count
            )
            twice = _problem("duplicate_step_key", "step_key", text, lang, key)
            wrong.setdefault(key, []).append(twice)
    return steps, wrong


def _step(
    values: Mapping[str, Any], number: int, lang: str
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    key = str(values.get("step_key") or "")[:64]
    try:
        record = check_new("pipeline_steps", {**values, "pipeline_id": "-"})
    except InvalidFields as exc:
        return {}, [_problem(p.code, p.field, p.text, lang, key) for p in exc.problems]
    config = record["config"].value
    wrong = [
        _problem("bad_config", f"config.{problem.key}", problem.text, lang, key)
        for problem in config_problems(record["step_type"], config)
        if problem.kind == "wrong"
    ]
    step = {name: record[name] for name in STEP_FIELDS}
    # Without a place, a step comes after those before it.
    step["stage"] = step["stage"] or number
    step["step_no"] = step["step_no"] or 1
    return step | {"config": config}, wrong


def _part_names(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: query.get(f"with_{name}") for name in part_names()}


def _file(text: str, name: str, format_name: str) -> Answer:
    disposition = f'attachment; filename="{name}.{format_name}"'
    # Bytes, and the bare type: the file as it is, not as the `data` of an answer.
    return Answer(
        text.encode("utf-8"),
        headers={"Content-Disposition": disposition},
        content_type=envelope.FORMATS[format_name],
    )


def _problem(code: str, place: str, text: Message, lang: str, key: str = "") -> dict[str, str]:
    return {
        "code": code, "step_key": key, "field": place, "message": translate(text, lang),
        "severity": "error",
    }  # fmt: skip


def _without_page_names(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if not name.startswith("_")}


def _numbers_as_text(params: Mapping[str, Any]) -> dict[str, Any]:
    value = params.get("from")
    return {**params, "from": str(value)} if type(value) is int else dict(params)
