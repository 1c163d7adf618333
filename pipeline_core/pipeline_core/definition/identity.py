"""
Which step of one definition a step of another one is: the one with the same row's id, whatever its
code; where an id is not known, the one with the same code.
"""

from collections.abc import Mapping

from pipeline_core.definition.snapshot import Definition


def other_keys(before: Definition, after: Definition) -> dict[str, str | None]:
    """Return the codes that mean another step in *after* than in *before*, or none: each with the
    code that its step has in *after*, None for a step that is gone."""
    new_keys = {step["id"]: step["step_key"] for step in after["steps"] if step.get("id")}
    old_keys = {step["id"]: step["step_key"] for step in before["steps"] if step.get("id")}
    # A code that another step has taken over is no trace of the one that had it.
    codes = {
        step["step_key"]
        for step in after["steps"]
        if old_keys.get(step.get("id"), step["step_key"]) == step["step_key"]
    }
    result: dict[str, str | None] = {}
    for step in before["steps"]:
        key = step["step_key"]
        new_key = new_keys.get(step.get("id")) or (key if key in codes else None)
        if new_key != key:
            result[key] = new_key
    return result


def with_ids(definition: Definition, ids: Mapping[str, str]) -> Definition:
    """Return *definition* with the id of each step that has none, out of *ids* by code."""
    steps = [
        {"id": ids[step["step_key"]], **step} if step["step_key"] in ids else step
        for step in definition["steps"]
    ]
    return {**definition, "steps": steps}
