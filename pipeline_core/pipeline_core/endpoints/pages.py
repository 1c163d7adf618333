"""The endpoints that only the pages ask: views of the module's answers."""

from typing import Any

from app.global_func import Actor, FieldRule, check_params, reading
from pipeline_core.endpoints import views
from pipeline_core.lifecycle import compare

_ID = FieldRule(kind="str", required=True, length=32)
_NUMBER = FieldRule(kind="int", minimum=1)


async def pipeline_validate_view(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the dry run in words."""
    query = check_params({"pipeline_id": _ID, "version_no": _NUMBER}, params)
    async with reading(snapshot=True) as sor:
        report = await compare.check_version(sor, query["pipeline_id"], query["version_no"], actor)
    return views.problems_view(report, actor.lang)
