"""
What many distributors are to be told: kept with the change, and told in the background.

A pipeline may be linked by hundreds of distributors. Whoever changes it holds its lock and may not
wait for theirs, so the change only leaves a row here, in its own transaction; a worker makes the
events of it, some distributors at a time. The row goes when all are written, and an event is known
by the row that it is of: so each is there once, however often that is begun again.

A row may also be due later: what comes into force by the clock. One that fails is tried again after
growing pauses. What changed later in the same pipeline waits for it at first, so that who follows
the events is not left with what was before; everything else never does.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.global_func import (
    SafeSqlor,
    bulk_insert_tuples,
    in_transaction,
    now,
    parse_json,
    reading,
    time_ordered_id,
    to_json,
)
from pipeline_core.definition.states import PipelineStatus
from pipeline_core.lifecycle.watchers import LiveChange, PipelineWatcher, WhatHappened
from pipeline_dist.events import price_news
from pipeline_dist.events.kinds import EventType, NewEvent
from pipeline_dist.events.price_news import PRICE, PRICES, SHARE, SWITCH, Later, share_of
from pipeline_dist.events.store import add_events

log = logging.getLogger("pipeline_dist.events")

TABLE = "app_event_outbox"
# So many rows are taken up in one turn, and so many events written in one transaction.
TURN_SIZE = 100
PORTION_SIZE = 100
# Seconds until a row is tried again, after so many times that it failed; the last one from then on.
PAUSES = (5, 30, 120, 600, 3600)

# When a row is due that has a topic which workers of the version before do not know: for those,
# which beside this one would delete it, never; for these at once.
AT_ONCE = datetime(9999, 1, 1, tzinfo=UTC)

_COLUMNS = ("id", "due_at", "topic", "pipeline_id", "data", "created_at")
_SINCE = "if({0}.due_at = ${{at_once}}$, {0}.created_at, {0}.due_at)"
_DUE = (
    f"select o.id, {_SINCE.format('o')} as since, o.topic, o.pipeline_id, o.data, o.created_at,"  # noqa: S608
    " o.attempts from app_event_outbox o where (o.due_at <= ${moment}$ or o.due_at = ${at_once}$)"
    " and (o.next_try_at is null or o.next_try_at <= ${moment}$)"
    " and not exists (select 1 from app_event_outbox e where e.pipeline_id = o.pipeline_id"
    " and e.next_try_at > ${moment}$ and e.attempts <= ${in_order}$"
    f" and ({_SINCE.format('e')}, e.id) < ({_SINCE.format('o')}, o.id))"
    " order by since, o.id limit ${most}$"
)
# Switches of a pipeline that are told after a row.
_LATER_SWITCHES = (
    "select data from app_event_outbox where pipeline_id = ${pipeline_id}$ and topic = ${topic}$"
    " and (created_at, id) > (${since}$, ${id}$)"
)
_LINKED = (
    "select l.distributor_id from distributor_pipeline l"
    " join distributors d on d.id = l.distributor_id"
    " where l.pipeline_id = ${pipeline_id}$ and l.enabled = 1 and d.status <> 'closed'"
    # Who got the pipeline since then has nothing that changed.
    " and l.created_at <= ${since}$"
    " order by l.distributor_id"
)
_SWITCHED = (
    "select p.code, p.status, p.current_version, l.enabled, l.pricing_mode, l.discount_rate"
    " from distributor_pipeline l join pipelines p on p.id = l.pipeline_id"
    " join distributors d on d.id = l.distributor_id and d.status <> 'closed'"
    " where l.pipeline_id = ${pipeline_id}$ and l.distributor_id = ${distributor_id}$"
)
# What a line that was switched off for one distributor has instead of a status.
NOT_ENABLED = "not_enabled"
_TYPES = {
    WhatHappened.PUBLISHED: EventType.VERSION_PUBLISHED,
    WhatHappened.ONLINE: EventType.PIPELINE_ONLINE,
    WhatHappened.OFFLINE: EventType.PIPELINE_OFFLINE,
}


@dataclass(slots=True)
class _Row:
    """A row of the outbox."""

    id: str
    due_at: datetime
    topic: str
    pipeline_id: str
    data: Any
    created_at: datetime
    attempts: int

    def __post_init__(self) -> None:
        self.data = parse_json(self.data)


@dataclass(slots=True)
class _News:
    """The events that a row makes, and the rows that it leaves for later."""

    events: list[NewEvent] = field(default_factory=list)
    later: list[Later] = field(default_factory=list)


async def put(
    sor: SafeSqlor,
    topic: str,
    pipeline_id: str,
    data: Mapping[str, Any],
    due_at: datetime | None = None,
) -> None:
    """Keep, in the transaction of the change, what those who have the pipeline are to be told."""
    moment = now()
    row = (time_ordered_id(), due_at or moment, topic, pipeline_id, to_json(data), moment)
    await bulk_insert_tuples(sor, TABLE, _COLUMNS, [row])


async def _keep_pipeline_change(sor: SafeSqlor, change: LiveChange) -> None:
    data = {"pipeline": change.code, **change.details}
    await put(sor, _TYPES[change.what], change.pipeline_id, data)


async def keep_price_change(sor: SafeSqlor, pipeline_id: str, terms_no: int) -> None:
    """Keep that prices of a pipeline were recorded under *terms_no*."""
    await put(sor, PRICES, pipeline_id, {"terms_no": terms_no})


async def keep_share_change(
    sor: SafeSqlor,
    pair: tuple[str, str],
    before: Decimal | None,
    after: Decimal | None,
) -> None:
    """Keep that the distributor of *pair* pays the part *after* of the general prices of its
    pipeline, no longer *before*; None where they do not apply."""
    distributor_id, pipeline_id = pair
    if before != after:
        shares = {"before": before, "after": after}
        await put(sor, SHARE, pipeline_id, {"distributor_id": distributor_id, **shares})


async def keep_switch(sor: SafeSqlor, pair: tuple[str, str], *, enabled: bool) -> None:
    """Keep that the distributor of *pair* may call its pipeline again, or no longer. What changes
    meanwhile is not told it: so with the former it is told all that applies."""
    distributor_id, pipeline_id = pair
    data = {"distributor_id": distributor_id, "enabled": enabled}
    await put(sor, SWITCH, pipeline_id, data, AT_ONCE)


# Lets pipeline_core tell when a pipeline goes live, changes, or is taken off.
WATCHER = PipelineWatcher(_keep_pipeline_change)


async def tell_due(moment: datetime) -> int:
    """Make the events of what is due by *moment*; return how many rows were taken up. One that
    fails stays for later, the log says why, and the others are told."""
    values = {
        "moment": moment, "at_once": AT_ONCE, "most": TURN_SIZE, "in_order": len(PAUSES) - 1,
    }  # fmt: skip
    async with reading() as sor:
        due_rows = await sor.tuples(_DUE, values)
    rows, waiting = [_Row(*row) for row in due_rows], set()
    for row in rows:
        if row.pipeline_id in waiting:
            continue
        try:
            await _tell(row)
        except Exception:
            log.exception("telling of %s failed", row.topic, extra={"action": "events_failed"})
            await _put_off(row, moment)
            if row.attempts + 1 < len(PAUSES):
                waiting.add(row.pipeline_id)
    return len(rows)


async def _put_off(row: _Row, moment: datetime) -> None:
    pause = PAUSES[min(row.attempts, len(PAUSES) - 1)]
    values = {"id": row.id, "attempts": row.attempts + 1, "at": moment + timedelta(seconds=pause)}
    await in_transaction(
        lambda sor: sor.sqlExe(
            "update app_event_outbox set attempts = ${attempts}$, next_try_at = ${at}$"
            " where id = ${id}$",
            values,
        )
    )


async def _tell(row: _Row) -> None:
    async with reading() as sor:
        news = await _news_of(sor, row)
        if news.events:
            owners = await _switched_later(sor, row)
            news.events = [one for one in news.events if one.distributor_id not in owners]
    for first in range(0, len(news.events), PORTION_SIZE):
        portion = news.events[first : first + PORTION_SIZE]
        await in_transaction(lambda sor, events=portion: add_events(sor, events))  # type: ignore[misc]

    async def end(sor: SafeSqlor) -> None:
        # Of two who do this on two database nodes one is done again, and then it is gone.
        if not await sor.firsts(
            "select id from app_event_outbox where id = ${id}$ for update", {"id": row.id}
        ):
            return
        for later in news.later:
            await put(sor, PRICE, row.pipeline_id, later.data, later.due_at)
        await sor.sqlExe("delete from app_event_outbox where id = ${id}$", {"id": row.id})

    await in_transaction(end)


async def _switched_later(sor: SafeSqlor, row: _Row) -> set[str]:
    """Return who may call the pipeline of *row* again after it: they are then told all that
    applies, and nothing of before as well."""
    values = {"pipeline_id": row.pipeline_id, "topic": SWITCH, "since": row.due_at, "id": row.id}
    switches = [parse_json(text) for text in await sor.firsts(_LATER_SWITCHES, values)]
    return {one["distributor_id"] for one in switches if one["enabled"]}


async def _news_of(sor: SafeSqlor, row: _Row) -> _News:
    if row.topic == PRICES:
        number = row.data["terms_no"]
        return _News(*await price_news.news_of_number(sor, row.pipeline_id, number, row.due_at))
    if row.topic == PRICE:
        return _News(await price_news.news_of_date(sor, row.data, row.due_at))
    if row.topic == SHARE:
        return _News(
            await price_news.news_of_share(sor, row.pipeline_id, row.data, row.due_at, row.id)
        )
    if row.topic == SWITCH:
        return _News(await _news_of_switch(sor, row))
    kind = EventType(row.topic)  # raises for a topic of a later version, so that its row is kept
    values = {"pipeline_id": row.pipeline_id, "since": row.due_at}
    ids: Sequence[Any] = await sor.firsts(_LINKED, values)
    return _News([NewEvent(key, kind, row.id, row.data) for key in ids])


async def _news_of_switch(sor: SafeSqlor, row: _Row) -> list[NewEvent]:
    owner = row.data["distributor_id"]
    links = await sor.tuples(_SWITCHED, {"pipeline_id": row.pipeline_id, "distributor_id": owner})
    if not links or bool(links[0][3]) != row.data["enabled"]:
        return []  # what it is now is told by another row
    ((code, status, version_no, is_enabled, mode, rate),) = links
    is_live = status == PipelineStatus.PUBLISHED
    if not is_enabled:
        facts = {"pipeline": code, "status": NOT_ENABLED}
        return [NewEvent(owner, EventType.PIPELINE_OFFLINE, row.id, facts)] if is_live else []
    facts = {"pipeline": code, "version_no": version_no}
    events = [NewEvent(owner, EventType.PIPELINE_ONLINE, row.id, facts)] if is_live else []
    share = share_of(mode, rate)
    return events + await price_news.news_of_switch(
        sor, row.pipeline_id, owner, share, row.due_at, row.id
    )
