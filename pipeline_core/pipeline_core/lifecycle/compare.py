"""The dry run and the comparison: looking at the draft, the live version or any other."""

import re
from collections.abc import Sequence
from typing import Any

from app.global_func import Actor, InvalidFields, SafeSqlor, get_row
from pipeline_core.definition.diff import difference
from pipeline_core.definition.snapshot import Definition
from pipeline_core.definition.validate import Problem, blocks, validate
from pipeline_core.draft.context import validation_context
from pipeline_core.draft.draft import draft_definition
from pipeline_core.errors import NO_LIVE_VERSION, UNKNOWN_DEFINITION
from pipeline_core.lifecycle.live import live_version, version_by_number
from pipeline_core.lifecycle.step_prices import definition_with_ids, orphaned_prices

_NUMBER = re.compile(r"[vV]?([1-9][0-9]{0,8})")


async def check_version(
    sor: SafeSqlor, pipeline_id: str, version_no: int | None, actor: Actor
) -> dict[str, Any]:
    """Return what publishing would say about the draft or a version: `{publishable, problems,
    orphaned_prices}`."""
    pipeline = await get_row(sor, "pipelines", pipeline_id)
    which = "draft" if version_no is None else str(version_no)
    definition = await definition_at(sor, pipeline_id, which, "version_no")
    problems = validate(definition, await validation_context(sor, pipeline_id))
    prices = await orphaned_prices(sor, pipeline, definition)
    return {
        "pipeline_id": pipeline_id,
        **_report(problems, actor),
        "orphaned_prices": prices,
    }


async def draft_problems(sor: SafeSqlor, pipeline_id: str, actor: Actor) -> dict[str, Any]:
    """Return what the validator says about the draft in this transaction, as `check_version`."""
    definition = await definition_at(sor, pipeline_id, "draft", "pipeline_id")
    return _report(validate(definition, await validation_context(sor, pipeline_id)), actor)


def _report(problems: Sequence[Problem], actor: Actor) -> dict[str, Any]:
    return {
        "publishable": not blocks(problems),
        "problems": [problem.as_dict(actor.lang) for problem in problems],
    }


async def compare(sor: SafeSqlor, pipeline_id: str, before: str, after: str) -> dict[str, Any]:
    """Return how *after* differs from *before*, each `draft`, `live` or a version number."""
    return difference(
        await definition_at(sor, pipeline_id, before, "from"),
        await definition_at(sor, pipeline_id, after, "to"),
    )


async def definition_at(sor: SafeSqlor, pipeline_id: str, which: str, parameter: str) -> Definition:
    """Return the definition called *which*; raises InvalidFields for *parameter*, or NotFound."""
    pipeline = await get_row(sor, "pipelines", pipeline_id)
    if which == "draft":
        return await draft_definition(sor, pipeline)
    if which == "live":
        version = await live_version(sor, pipeline_id)
        if version is None:
            raise NO_LIVE_VERSION(code=pipeline["code"])
        definition: Definition = version["definition"]
        return definition
    number = _NUMBER.fullmatch(which)
    if number is None:
        raise InvalidFields([UNKNOWN_DEFINITION(parameter)])
    version = await version_by_number(sor, pipeline_id, int(number[1]))
    return await definition_with_ids(sor, pipeline_id, version)
