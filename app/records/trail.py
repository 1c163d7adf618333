"""
The audit trail: who changed what, when, from where, how it was before and is after.

Every change that people make to rows goes through app/records/rows.py, which notes it here, in the
transaction of the change itself: a change without its entry cannot be committed, nor an entry
without its change. What a model marks `confidential` (hashes of keys) or `unaudited` (the
server's own bookkeeping, long texts that are kept for ever elsewhere) is left out.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from app.base.actor import Actor
from app.base.clock import now
from app.base.ids import time_ordered_id
from app.base.json_codec import canonical_json
from app.db.bulk import bulk_insert
from app.db.sqlor import SafeSqlor
from app.schema.tables import Table, table as table_model

STAMPS = frozenset(
    {"id", "created_at", "created_by", "updated_at", "updated_by", "lock_version"}
)  # fmt: skip
# Of a row that goes they are kept too, so that it comes back as whose it was.
_ORIGIN = frozenset({"created_at", "created_by", "lock_version"})
_LABEL_LENGTH = 255
TABLE = "app_audit"

Values = Mapping[str, Any]
_cause: ContextVar[tuple[str | None, Values]] = ContextVar("cause", default=(None, {}))


class Change(NamedTuple):
    """One change of one row: what is noted of it."""

    action: str
    table: str
    row: Values
    before: Values | None = None
    after: Values | None = None
    detail: Values | None = None


@contextmanager
def audit_context(action: str | None = None, **detail: Any) -> Iterator[None]:
    """Within it, changes are noted as *action* (None: as what they are, or as around it), with
    *detail* added."""
    outer, further = _cause.get()
    token = _cause.set((action or outer, {**further, **detail}))
    try:
        yield
    finally:
        _cause.reset(token)


async def record_changes(sor: SafeSqlor, actor: Actor, *changes: Change) -> None:
    """Write an entry for each of *changes*, in the transaction of *sor*."""
    # One after the other, so that many long ones keep no other request waiting.
    entries = (_entry(change, actor) for change in changes)
    await bulk_insert(sor, TABLE, list(table_model(TABLE).columns), entries)


async def record_event(
    sor: SafeSqlor,
    actor: Actor,
    action: str,
    what: str,
    record_id: str,
    label: str,
    detail: Values | None = None,
) -> None:
    """Write an entry, in the transaction of *sor*, on something that is no row of our tables."""
    whose = {code.field: "" for code in table_model(TABLE).codes}
    about = (what, record_id, label[:_LABEL_LENGTH])
    entry = _entry_of(action, about, whose, actor) | {"detail": detail and canonical_json(detail)}
    await bulk_insert(sor, TABLE, list(table_model(TABLE).columns), [entry])


def changed_columns(table: str, before: Values, after: Values) -> tuple[Values, Values]:
    """Return the columns in which two states of a row differ, as the trail keeps them."""
    old, new = recordable(table, before), recordable(table, after)
    names = [name for name in new if old.get(name) != new[name]]
    return {name: old.get(name) for name in names}, {name: new[name] for name in names}


def recordable(table: str, row: Values, *, whole: bool = False) -> dict[str, Any]:
    """Return the columns of *row* that the trail keeps, as JSON spells them; *whole*: the
    `unaudited` too, and whose it was."""
    columns = table_model(table).columns
    left_out = STAMPS - _ORIGIN if whole else STAMPS
    values = {
        name: value
        for name, value in row.items()
        if name in columns and name not in left_out
        if not columns[name].confidential and (whole or not columns[name].unaudited)
    }
    result: dict[str, Any] = json.loads(canonical_json(values))
    return result


def _entry(change: Change, actor: Actor) -> dict[str, Any]:
    cause, further = _cause.get()
    model = table_model(change.table)
    detail = {**further, **(change.detail or {})}
    if cause is not None and cause != change.action:
        detail = {"change": change.action, **detail}
    about = (change.table, str(change.row["id"]), label_of(model, change.row))
    return _entry_of(cause or change.action, about, _parents(change), actor) | {
        "before": None if change.before is None else canonical_json(change.before),
        "after": None if change.after is None else canonical_json(change.after),
        "detail": canonical_json(detail) if detail else None,
    }


def _entry_of(
    action: str, about: tuple[str, str, str], whose: Values, actor: Actor
) -> dict[str, Any]:
    """Return an entry that says who did *action* to what: table, id and label."""
    table_name, row_id, label = about
    return {
        "id": time_ordered_id(),
        "created_at": now(),
        "user_id": (actor.user_id or "")[:32],
        "username": actor.username[:255],
        "action": action,
        "table_name": table_name,
        "row_id": row_id,
        "label": label,
        **whose,
        "before": None,
        "after": None,
        "detail": None,
        "address": actor.ip[:64],
        "request_id": actor.request_id[:64],
    }


def label_of(model: Table, row: Values) -> str:
    """Return what people call *row*: the columns that its model names as its label."""
    parts = (str(row[name]) for name in model.label if row.get(name) not in (None, ""))
    return " ".join(parts)[:_LABEL_LENGTH]


def _parents(change: Change) -> dict[str, str]:
    """Return whose row it is: the ids that the trail's model has a column and a table for."""
    return {
        code.field: str(change.row.get("id" if change.table == code.table else code.field) or "")
        for code in table_model(TABLE).codes
    }


def insertions(table: str, rows: Iterable[Values]) -> list[Change]:
    """Return what is noted of new *rows*."""
    return [Change("create", table, row, after=recordable(table, row)) for row in rows]


def deletion(table: str, row: Values, detail: Values | None = None) -> Change:
    """Return what is noted of a row that goes: all of it that may be kept, since nothing else keeps
    it now, and it may be put back."""
    return Change("delete", table, row, before=recordable(table, row, whole=True), detail=detail)
