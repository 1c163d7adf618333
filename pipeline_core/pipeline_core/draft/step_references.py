"""
What the steps of a draft say of each other: they follow a step that gets another code, and keep one
that they use from being deleted. The caller has locked the line.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.global_func import (
    Actor,
    InvalidFields,
    SafeSqlor,
    audit_context,
    canonical_json,
    kept_json,
)
from pipeline_core.definition.reference_changes import (
    references,
    with_new_key,
)
from pipeline_core.definition.references import Places
from pipeline_core.draft.draft import update_step
from pipeline_core.errors import AMBIGUOUS_STEP_KEY

Step = Mapping[str, Any]


async def rename_references(
    sor: SafeSqlor, steps: Sequence[Step], step: Step, new_key: str, actor: Actor
) -> list[dict[str, Any]]:
    """
    Write *new_key* into the references that the others of *steps* have to *step*; what changed, as
    `{id, step_key, field, from, to}` of each reference.

    Raises InvalidFields `ambiguous` where a reference would mean another step than it does: codes
    may have dots in them, and the longest that fits is meant.
    """
    old_key = step["step_key"]
    before = Places(steps)
    after = Places([{**s, "step_key": new_key} if s["id"] == step["id"] else s for s in steps])
    result = []
    for other in steps:
        config = kept_json(other["config"] or "{}")
        is_own = other["id"] == step["id"]
        new_config = config if is_own else with_new_key(config, before, old_key, new_key)
        old, new = references(config, before), references(new_config, after)
        if is_own:  # what it says of itself is wrong under any code
            old = [reference for reference in old if reference.step_key != old_key]
        meanings = [(ref.field, _renamed(ref.step_key, old_key, new_key)) for ref in old]
        if meanings != [(ref.field, ref.step_key) for ref in new]:
            raise InvalidFields([AMBIGUOUS_STEP_KEY("step_key", key=other["step_key"])])
        rewrites = [
            {"field": f"config.{ref.field}", "from": ref.text, "to": new_ref.text}
            for ref, new_ref in zip(old, new, strict=True)
            if ref.text != new_ref.text
        ]
        if not rewrites:
            continue
        with audit_context(None, renamed={"from": old_key, "to": new_key}):
            await update_step(sor, other, {"config": canonical_json(new_config)}, actor)
        about = {"id": other["id"], "step_key": other["step_key"]}
        result += [{**about, **rewrite} for rewrite in rewrites]
    return result


def referring_steps(steps: Sequence[Step], step: Step) -> list[dict[str, Any]]:
    """Return the others of *steps* that refer to *step*: `{table, id, label, step_key, fields}`."""
    places = Places(steps)
    result = []
    for other in steps:
        if other["id"] == step["id"]:
            continue
        fields = [
            f"config.{reference.field}"
            for reference in references(kept_json(other["config"] or "{}"), places)
            if reference.step_key == step["step_key"]
        ]
        if fields:
            names = list(dict.fromkeys(fields))
            label = f"{other['step_key']} ({', '.join(names)})"
            result.append(
                {"table": "pipeline_steps", "id": other["id"], "label": label}
                | {"step_key": other["step_key"], "fields": names}
            )
    return result


def _renamed(key: str, old_key: str, new_key: str) -> str:
    return new_key if key == old_key else key
