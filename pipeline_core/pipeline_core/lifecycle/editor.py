"""The whole draft at once, as the step editor shows it, and the preview of a rollback."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from app.global_func import Actor, SafeSqlor, get_row, public
from pipeline_core.definition import functions
from pipeline_core.definition.diff import difference
from pipeline_core.definition.snapshot import definition_of, is_same
from pipeline_core.definition.stages import layout_of
from pipeline_core.definition.step_types import SCHEMAS, json_schema
from pipeline_core.definition.validate import blocks, validate
from pipeline_core.draft.context import models_in_use, validation_context
from pipeline_core.draft.draft import draft_definition, steps_of
from pipeline_core.draft.state_token import state_of
from pipeline_core.lifecycle.contributors import since_last_version
from pipeline_core.lifecycle.live import LIVE, live_version, version_by_number
from pipeline_core.lifecycle.publications import publications_of
from pipeline_core.lifecycle.step_prices import definition_with_ids, orphaned_prices


async def whole_draft(sor: SafeSqlor, pipeline_id: str, actor: Actor) -> dict[str, Any]:
    """
    Return `{line, state, publications, live, draft_differs, stages, problems, publishable,
    contributors, types, models, functions, orphaned_prices}`: each step with its own problems,
    `problems` are those of the line as a whole, and the prices that publishing would leave behind
    (`step_prices`). Who sends the `state` back is refused when it moved meanwhile (`state_token`).
    """
    pipeline = await get_row(sor, "pipelines", pipeline_id)
    steps = await steps_of(sor, pipeline_id)
    definition = definition_of(pipeline, steps)
    problems = validate(definition, await validation_context(sor, pipeline_id))
    live = await sor.one(LIVE, {"pipeline_id": pipeline_id})
    of_step = defaultdict(list)
    for problem in problems:
        of_step[problem.step_key].append(problem.as_dict(actor.lang))
    by_key = {step["step_key"]: step for step in steps}
    state = await state_of(sor, pipeline, definition)
    return {
        "line": public("pipelines", pipeline),
        "state": state,
        "publications": await publications_of(sor, pipeline, state, actor),
        "live": _about(live),
        "draft_differs": live is None or not is_same(definition, live),
        "stages": [
            [{**by_key[key], "problems": of_step.get(key, [])} for key in stage]
            for stage in layout_of(steps)
        ],
        "problems": [message for key in of_step if key not in by_key for message in of_step[key]],
        "publishable": not blocks(problems),
        "contributors": await since_last_version(sor, pipeline_id),
        "types": {name: json_schema(name) for name in SCHEMAS},
        "models": await models_in_use(sor),
        "functions": functions.choices(),
        "orphaned_prices": await orphaned_prices(sor, pipeline, definition),
    }


async def rollback_preview(
    sor: SafeSqlor, pipeline_id: str, version_no: int, actor: Actor
) -> dict[str, Any]:
    """
    Return what rolling back would do: the `difference` live → target, what today's rules say about
    the target (`publishable`, `problems`), whether the draft would follow by itself, and the
    `orphaned_prices` of steps (see `step_prices.orphaned_prices`), and the line's `state`.
    """
    pipeline = await get_row(sor, "pipelines", pipeline_id)
    target = await version_by_number(sor, pipeline_id, version_no)
    definition = await definition_with_ids(sor, pipeline_id, target)
    live = await live_version(sor, pipeline_id)
    problems = validate(definition, await validation_context(sor, pipeline_id))
    current_version = live or (
        await version_by_number(sor, pipeline_id, pipeline["current_version"])
        if pipeline["current_version"]
        else None
    )
    draft = await draft_definition(sor, pipeline)
    return {
        "state": await state_of(sor, pipeline, draft),
        "live": _about(live),
        "target": _about(target),
        "difference": None if live is None else difference(live["definition"], definition),
        "publishable": not blocks(problems),
        "problems": [problem.as_dict(actor.lang) for problem in problems],
        "draft_follows": current_version is not None and is_same(draft, current_version),
        "orphaned_prices": await orphaned_prices(sor, pipeline, definition),
    }


def _about(version: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if version is None:
        return None
    names = ("id", "version_no", "status", "checksum", "notes", "published_at", "published_by")
    return {name: version[name] for name in names}
