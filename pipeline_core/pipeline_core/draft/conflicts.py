"""What two editors of one draft differ in, for the one who comes later."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.global_func import EditConflict, public
from pipeline_core.definition.diff import moved_keys
from pipeline_core.definition.stages import Layout, layout_of, numbers_of

Row = Mapping[str, Any]


def check_order_version(
    pipeline: Row,
    steps: Sequence[Row],
    lock_version: int | None,
    draft_changed_at: datetime | None,
    yours: Layout | None = None,
) -> None:
    """
    Raise EditConflict unless the locked *pipeline* has the version the editor read, and its draft
    is as it was at *draft_changed_at* (None: whenever).

    The conflict has the present `order` under `current` and, with *yours*, the `difference`.
    """
    same_pipeline = lock_version is None or pipeline["lock_version"] == lock_version
    same_draft = draft_changed_at is None or pipeline["draft_changed_at"] == draft_changed_at
    if same_pipeline and same_draft:
        return
    order = layout_of(steps)
    current = public("pipelines", dict(pipeline)) | {"order": order}
    conflict = EditConflict(current, pipeline["updated_by"], pipeline["updated_at"])
    if yours is not None:
        conflict.extra["difference"] = order_difference(yours, order)
    raise conflict


def order_difference(yours: Layout, current: Layout) -> dict[str, Any]:
    """Return how two orders of a line differ: `missing` steps that the first does not know,
    `unknown` ones that are gone, `moved` ones with both places."""
    mine, theirs = _steps(yours), _steps(current)
    return {
        "yours": yours,
        "current": current,
        "missing": [key for key in theirs if key not in mine],
        "unknown": [key for key in mine if key not in theirs],
        "moved": [
            {"step_key": key, "yours": _place(mine[key]), "current": _place(theirs[key])}
            for key in sorted(moved_keys(theirs, mine))
        ],
    }


def _steps(layout: Layout) -> dict[str, dict[str, Any]]:
    return {
        key: {"step_key": key, "stage": stage, "step_no": step_no}
        for key, (stage, step_no) in numbers_of(layout).items()
    }


def _place(step: Row) -> dict[str, int]:
    return {"stage": step["stage"], "step_no": step["step_no"]}
