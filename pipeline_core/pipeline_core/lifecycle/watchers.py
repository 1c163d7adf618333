"""
Who is told that a pipeline went live, changed, or was taken off: the place where modules above hook
in. They are told in the transaction of the change, under the lock on the pipeline's row.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.global_func import Contributions, SafeSqlor


class WhatHappened(StrEnum):
    """What can become of a pipeline for those who call it."""

    PUBLISHED = "published"
    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class LiveChange:
    """What happened to a pipeline; `details` say more of it."""

    what: WhatHappened
    pipeline_id: str
    code: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PipelineWatcher:
    """Who wants to know: `hear` (sor, change) is called for each change, and locks nothing."""

    hear: Callable[[SafeSqlor, LiveChange], Awaitable[None]]


PIPELINE_WATCHERS = Contributions(PipelineWatcher)


async def tell_watchers(
    sor: SafeSqlor, what: WhatHappened, pipeline: Mapping[str, Any], **details: Any
) -> None:
    """Tell all who watch what happened to the locked *pipeline*."""
    change = LiveChange(what, pipeline["id"], pipeline["code"], details)
    for watcher in PIPELINE_WATCHERS:
        await watcher.hear(sor, change)
