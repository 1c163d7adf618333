"""
The own prices of a distributor for a line: told, set all at once or singly, ended.

They are rows of pipeline_pricing like any other; each change goes through their service. The caller
has locked the distributor; the line comes next, and only then its prices, as everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from app.global_func import (
    Actor,
    Deletion,
    InvalidFields,
    Part,
    Record,
    Row,
    SafeSqlor,
    check_lock_version,
    get_row,
    iso,
    lock_parent,
    no_record,
    now,
    table,
)
from pipeline_ops.rules.price_changes import CHANGE_FROM, NOW
from pipeline_ops.tables.price_lists import FIELDS, USE, PriceEdit, problems_at
from pipeline_ops.tables.prices import CONFIRMED, SERVICE, TABLE

Price = Mapping[str, Any]
# As many are read for a look: the prices of one owner and line.
MAX_SHOWN = 1000
_OWN = (
    "select * from pipeline_pricing where pipeline_id = ${pipeline_id}$"
    " and distributor_id = ${distributor_id}$ and enabled = 1"
    " and (effective_to is null or effective_to > ${at}$)"
)
_IN_FORCE = " and effective_from <= ${at}$ order by step_key, model, unit"
# One more than is shown, which tells that there are more.
_SHOWN = f" order by step_key, model, unit, effective_from limit {MAX_SHOWN + 1}"


async def own_prices(sor: SafeSqlor, distributor_id: str, pipeline_id: str) -> list[dict[str, Any]]:
    """Return the own prices in force now as a list, see price_lists.py."""
    rows = await _rows(sor, _IN_FORCE, distributor_id, pipeline_id, now())
    return [{name: row[name] for name in FIELDS} for row in rows]


async def shown_prices(
    sor: SafeSqlor, distributor_id: str, pipeline_id: str, at: datetime
) -> tuple[list[Row], bool]:
    """Return the own prices in force at *at* and those to come, and whether these are all; of
    EVERYBODY the general ones."""
    rows = await _rows(sor, _SHOWN, distributor_id, pipeline_id, at)
    return rows[:MAX_SHOWN], len(rows) <= MAX_SHOWN


async def set_own_prices(
    sor: SafeSqlor,
    distributor_id: str,
    pipeline_id: str,
    prices: Sequence[Price],
    actor: Actor,
    start: datetime | None = None,
) -> None:
    """
    Let the checked *prices* be the own ones from *start* on (None: from now): what differs is
    ended, and succeeded.

    What is to come by another date of its own stays. Raises Conflict `price_overlap` where that
    begins for a use for which there is no price yet; InvalidFields.
    """
    await lock_parent(sor, "pipelines", pipeline_id)
    pair = (distributor_id, pipeline_id)
    uses = {_use(price) for price in prices}
    # A deleted price that was still to come gives the one before it its end back: that ends too.
    while rows := [
        row
        for row in await _rows(sor, f"{_IN_FORCE} for update", *pair, start or now())
        if _use(row) not in uses
    ]:
        for row in rows:
            await _end(sor, row, start, actor)
    rows = await _rows(sor, f"{_IN_FORCE} for update", *pair, start or now())
    present = {_use(row): row for row in rows}
    for price in prices:
        await _set(sor, pair, present.get(_use(price)), price, start, actor)


async def edit_own_prices(
    sor: SafeSqlor,
    distributor_id: str,
    pipeline_id: str,
    edits: Sequence[PriceEdit],
    actor: Actor,
    start: datetime | None = None,
) -> None:
    """
    Do the checked *edits* of single own prices from *start* on (None: from now), and leave all
    others as they are, in force or still to come.

    Raises EditConflict where a price is not as its editor read it, NotFound where it is none of
    these, Conflict `price_overlap`; InvalidFields at the edit's place.
    """
    await lock_parent(sor, "pipelines", pipeline_id)
    pair = (distributor_id, pipeline_id)
    # All are looked at first: what becomes of one may change another's end, and so its version.
    rows = {edit.id: await _price_of(sor, pair, edit) for edit in edits if edit.id is not None}
    ends = [(rows[edit.id], edit) for edit in edits if edit.id is not None and edit.price is None]
    # The later ones first: a deleted successor gives its predecessor another end.
    for row, edit in sorted(ends, key=lambda end: end[0]["effective_from"], reverse=True):
        with _problems_at(edit.place):
            await _end(sor, row, start, actor)
    for edit in edits:
        if edit.price is not None:
            with _problems_at(edit.place):
                old = rows[edit.id] if edit.id is not None else None
                await _set(sor, pair, old, edit.price, start, actor)


async def _price_of(sor: SafeSqlor, pair: tuple[str, str], edit: PriceEdit) -> Record:
    """Return the price that *edit* is of, locked, as its editor read it."""
    assert edit.id is not None
    row = await get_row(sor, TABLE, edit.id, lock=True)
    if (row["distributor_id"], row["pipeline_id"]) != pair:
        raise no_record(TABLE, edit.id)
    check_lock_version(TABLE, row, edit.lock_version)
    return row


@contextmanager
def _problems_at(place: str) -> Iterator[None]:
    """Let InvalidFields of one price say which one of the request it is."""
    try:
        yield
    except InvalidFields as exc:
        raise InvalidFields(problems_at(place, exc.problems)) from exc


async def _set(
    sor: SafeSqlor,
    pair: tuple[str, str],
    old: Mapping[str, Any] | None,
    price: Price,
    start: datetime | None,
    actor: Actor,
) -> None:
    """Let *price* hold from *start* on in the place of *old*, or as a new one."""
    if old is None:
        owner = {"distributor_id": pair[0], "pipeline_id": pair[1], "enabled": 1}
        values = {**price, **owner, "effective_from": start, **CONFIRMED}
        await SERVICE.create(sor, values, actor)
    elif new := {name: price[name] for name in FIELDS if price[name] != old[name]}:
        change_from = NOW if start is None else iso(start)
        change = {**new, CHANGE_FROM: change_from, **CONFIRMED}
        await SERVICE.update(sor, old["id"], None, change, actor)


async def _end(
    sor: SafeSqlor, row: Mapping[str, Any], start: datetime | None, actor: Actor
) -> None:
    """End a price at *start* (None: now); one that begins then is deleted."""
    if start is None or row["effective_from"] >= start:
        await SERVICE.delete(sor, row["id"], None, actor)
    else:
        end = {"enabled": 0, CHANGE_FROM: iso(start)}
        await SERVICE.update(sor, row["id"], None, end, actor)


async def end_own_prices(
    sor: SafeSqlor, distributor_id: str, pipeline_id: str, actor: Actor
) -> None:
    """End the own prices that are in force, and delete those that are still to come."""
    await lock_parent(sor, "pipelines", pipeline_id)
    # The later ones first: a deleted successor gives its predecessor another end.
    order = " order by effective_from desc for update"
    rows = await _rows(sor, order, distributor_id, pipeline_id, now())
    for row in rows:
        await SERVICE.delete(sor, row["id"], None, actor)


async def restore_own_prices(sor: SafeSqlor, parts: Sequence[Part], actor: Actor) -> None:
    """
    Let the own prices hold again, from now, that `end_own_prices` ended, and put back those that it
    deleted; *parts* are its entries in the trail, the link is there again.

    A price that was ended is history: another one of the same terms begins. What another one would
    have followed by now, and what would be over, stays away.
    """
    moment = now()
    gone = [part for part in parts if part.is_deletion_of(TABLE)]
    over = {part.before.get("replaces") for part in gone if _start(part) <= moment}
    ends = {
        part.row_id: part.columns["effective_to"]
        for part in parts
        if part.table == TABLE and part.action == "update" and "effective_to" in part.before
    }
    settable = [name for name, column in table(TABLE).columns.items() if not column.server_set]
    successors: dict[str, str] = {}
    for price_id in ends.keys() - over - {part.row_id for part in gone}:
        price = await get_row(sor, TABLE, price_id)
        times = {"effective_from": moment, "effective_to": ends[price_id]}
        if ends[price_id] is not None and ends[price_id] <= moment:
            continue
        values = {name: price[name] for name in settable} | times | CONFIRMED
        successors[price_id] = (await SERVICE.create(sor, values, actor))["id"]
    for part in sorted(gone, key=_start):
        end = part.columns["effective_to"]
        if part.row_id in over or (end is not None and end <= moment):
            continue
        former = part.before.get("replaces") or ""
        before = {**part.before, "replaces": successors.get(former, former)}
        await SERVICE.restore(sor, Deletion(part._replace(before=before)), actor)


def _start(part: Part) -> datetime:
    start: datetime = part.columns["effective_from"]
    return start


async def _rows(
    sor: SafeSqlor, more: str, distributor_id: str, pipeline_id: str, at: datetime
) -> list[Row]:
    values = {"distributor_id": distributor_id, "pipeline_id": pipeline_id, "at": at}
    rows: list[Row] = await sor.sqlExe(_OWN + more, values)
    return rows


def _use(price: Price) -> tuple[Any, ...]:
    return tuple(price[name] for name in USE)
