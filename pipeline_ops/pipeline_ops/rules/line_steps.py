"""The steps that metered items name: those of the version with which their call began."""

from collections.abc import Sequence

from app.global_func import SafeSqlor
from pipeline_core.lifecycle.step_keys import remembered_step_keys, step_keys
from pipeline_ops.errors import NO_SUCH_STEP, UNKNOWN_LINE_STEP
from pipeline_ops.rules.usage_lines import UsageLine


def is_known_step(pipeline_id: str, version_no: int | None, step_key: str) -> bool:
    """Return whether `check_steps` would let *step_key* through, as far as that can be said without
    asking the database."""
    if not step_key or version_no is None:
        return True
    return step_key in remembered_step_keys(pipeline_id, version_no)


async def check_steps(
    sor: SafeSqlor, pipeline_id: str, version_no: int | None, lines: Sequence[UsageLine]
) -> None:
    """
    Raise BadRequest `unknown_step` naming each of *lines* whose step the version does not have.

    Nothing is asked of lines that name no step, nor where no version is known: of a line that
    never was live.
    """
    if version_no is None or not any(line.step_key for line in lines):
        return
    keys = await step_keys(sor, pipeline_id, version_no)
    if keys is None:
        return
    problems = [
        NO_SUCH_STEP(f"lines/{number}/step_key", step=line.step_key, version_no=version_no)
        for number, line in enumerate(lines)
        if line.step_key and line.step_key not in keys
    ]
    if problems:
        raise UNKNOWN_LINE_STEP(problems=problems, count=len(problems), version_no=version_no)
