"""
When a call happened that is told of afterwards, and by which version: what its client says, held
against what can have been.

The time must not be in the future (but for what clocks may differ), nor further back than
`backdating_days`, nor before the distributor had the line. The version is one that has been live;
where none is named, the one that was live then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.global_func import (
    MAX_OFFSET_SECONDS,
    FieldProblem,
    InvalidFields,
    SafeSqlor,
    iso,
    settings,
)
from pipeline_core.lifecycle.live import times_live
from pipeline_dist.accounts.rows import Link
from pipeline_dist.admission.commands import BeginCall
from pipeline_dist.admission.rows import Pipeline
from pipeline_dist.errors import BEFORE_THE_LINK, STARTS_IN_FUTURE, TOO_LONG_AGO, VERSION_NEVER_LIVE

_MAX_AHEAD = timedelta(seconds=MAX_OFFSET_SECONDS)


@dataclass(slots=True)
class EventTimes:
    """What is asked for them, once for all calls of a batch."""

    sor: SafeSqlor
    # By the id of the link, and of the line.
    _link_starts: dict[str, datetime] = field(default_factory=dict)
    _live_starts: dict[str, Sequence[tuple[datetime, int]]] = field(default_factory=dict)

    async def event_of(
        self, link: Link, pipeline: Pipeline, command: BeginCall, moment: datetime
    ) -> tuple[datetime, int | None]:
        """Return when the call of *command* happened and the version that it used; raises
        InvalidFields."""
        started_at = command.started_at or moment
        problems = await self._time_problems(link, started_at, moment)
        version_no = pipeline.current_version
        if command.version_no is not None:
            version_no = command.version_no
            if version_no not in {number for _, number in await self._live(pipeline.id)}:
                problems.append(VERSION_NEVER_LIVE("version_no", version_no=version_no))
        elif not problems and command.started_at is not None:
            version_no = _version_at(await self._live(pipeline.id), started_at) or version_no
        if problems:
            raise InvalidFields(problems)
        return min(started_at, moment), version_no

    async def _time_problems(
        self, link: Link, started_at: datetime, moment: datetime
    ) -> list[FieldProblem]:
        if started_at > moment + _MAX_AHEAD:
            return [STARTS_IN_FUTURE("started_at", moment=iso(moment))]
        days = settings().options.backdating_days
        if started_at < moment - timedelta(days=days):
            return [TOO_LONG_AGO("started_at", days=days)]
        since = await self._link_start(link)
        return [BEFORE_THE_LINK("started_at", since=iso(since))] if started_at < since else []

    async def _link_start(self, link: Link) -> datetime:
        start = self._link_starts.get(link.id)
        if start is None:
            text = "select created_at from distributor_pipeline where id = ${id}$"
            (start,) = await self.sor.firsts(text, {"id": link.id})
            if link.valid_from is not None:
                start = max(start, link.valid_from)
            self._link_starts[link.id] = start
        return start

    async def _live(self, pipeline_id: str) -> Sequence[tuple[datetime, int]]:
        if pipeline_id not in self._live_starts:
            self._live_starts[pipeline_id] = await times_live(self.sor, pipeline_id)
        return self._live_starts[pipeline_id]


def _version_at(live_starts: Sequence[tuple[datetime, int]], at: datetime) -> int | None:
    """Return the version that had gone live last by *at*, or else the first that ever did."""
    versions = [number for start, number in live_starts if start <= at]
    return versions[-1] if versions else next((number for _, number in live_starts), None)
