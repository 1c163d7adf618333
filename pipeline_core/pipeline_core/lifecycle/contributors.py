"""
Who made the draft what it is: those in the audit trail since the version before.

Publishing names them, so that nobody puts live what somebody else is still working on.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.global_func import SafeSqlor

PREVIOUS = """
select created_at from pipeline_versions
 where pipeline_id = ${pipeline_id}$ and version_no < ${version_no}$
 order by version_no desc limit 1
"""
LAST = """
select created_at from pipeline_versions
 where pipeline_id = ${pipeline_id}$ order by version_no desc limit 1
"""
EDITORS = """
select user_id, username, count(*) as changes, max(created_at) as last_change
  from app_audit
 where pipeline_id = ${pipeline_id}$ and table_name in ('pipelines', 'pipeline_steps')
   and action in ('create', 'update', 'delete', 'move', 'reorder', 'put_back', 'import', 'load')
   and created_at > ${after}$ and created_at <= ${until}$
 group by user_id, username order by last_change desc, username
"""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9999, 1, 1, tzinfo=UTC)


async def since_last_version(sor: SafeSqlor, pipeline_id: str) -> list[dict[str, Any]]:
    """Return `{user_id, username, changes, last_change}` of those who changed the draft since
    then."""
    last = await sor.one(LAST, {"pipeline_id": pipeline_id})
    return await _between(sor, pipeline_id, last, _END)


async def of_version(sor: SafeSqlor, version: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Do as `since_last_version`, for the changes that *version* took in."""
    previous = await sor.one(PREVIOUS, version)
    return await _between(sor, version["pipeline_id"], previous, version["created_at"])


async def _between(
    sor: SafeSqlor, pipeline_id: str, before: Mapping[str, Any] | None, until: datetime
) -> list[dict[str, Any]]:
    after = _BEGINNING if before is None else before["created_at"]
    values = {"pipeline_id": pipeline_id, "after": after, "until": until}
    rows: list[dict[str, Any]] = await sor.sqlExe(EDITORS, values)
    return rows
