"""
Plain work on rows that people edit: who and when are stamped, edits are compare-and-swap, and
each change stands in the audit trail.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from app.base.actor import Actor
from app.base.catalogue.records import RECORD_NOT_FOUND
from app.base.clock import now
from app.base.errors import AppError
from app.base.ids import new_id
from app.base.refusals import EditConflict
from app.db.bulk import bulk_insert
from app.db.sqlor import Row, SafeSqlor
from app.records import trail as audit
from app.schema.tables import table as table_model
from app.schema.validation import without_unchanged


async def insert_row(
    sor: SafeSqlor, table: str, values: Mapping[str, Any], actor: Actor
) -> dict[str, Any]:
    """Insert one row, stamped with *actor* and the time; the record as the database has it."""
    data = _with_stamps(await sor.columns(table), values, actor)
    await sor.C(table, data)
    record = await get_row(sor, table, str(data["id"]))
    await audit.record_changes(sor, actor, *audit.insertions(table, [record]))
    return record


async def insert_rows(
    sor: SafeSqlor, table: str, rows: Iterable[Mapping[str, Any]], actor: Actor
) -> None:
    """Do as `insert_row` for many *rows* with the same columns, in few statements."""
    columns = await sor.columns(table)
    records = [_with_stamps(columns, values, actor) for values in rows]
    if records:
        await bulk_insert(sor, table, list(records[0]), records)
    await audit.record_changes(sor, actor, *audit.insertions(table, records))


async def update_row(
    sor: SafeSqlor,
    table: str,
    record_id: str,
    lock_version: int | None,
    values: Mapping[str, Any],
    actor: Actor,
    *,
    action: str = "update",
    detail: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """
    Change one row, if it still is as the editor read it (*lock_version*; None: whatever it is).

    Answers, notes and raises as `update_locked_row`; raises NotFound too, and EditConflict with the
    current record.
    """
    current = await get_row(sor, table, record_id, lock=True)
    check_lock_version(table, current, lock_version)
    return await update_locked_row(
        sor, table, current, values, actor, action=action, detail=detail
    )  # fmt: skip


async def update_locked_row(
    sor: SafeSqlor,
    table: str,
    current: Mapping[str, Any],
    values: Mapping[str, Any],
    actor: Actor,
    *,
    action: str = "update",
    detail: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """
    Change the row that *current* is, read under a lock in this transaction; the record as it is
    now.

    *action* and *detail* are what the audit trail says of it. Raises InvalidFields for a write-once
    column that would change.
    """
    values = without_unchanged(table, current, values)
    stamps: dict[str, Any] = {"updated_at": now(), "updated_by": actor.user_id}
    if "lock_version" in current:
        stamps["lock_version"] = current["lock_version"] + 1
    own_stamps = {name: value for name, value in stamps.items() if name in current}
    await sor.U(table, {**values, **own_stamps, "id": current["id"]})
    new_record = await get_row(sor, table, current["id"])
    before, after = audit.changed_columns(table, current, new_record)
    if after or action != "update":
        await audit.record_changes(
            sor, actor, audit.Change(action, table, new_record, before, after, detail)
        )
    return new_record


async def delete_row(
    sor: SafeSqlor,
    table: str,
    current: Mapping[str, Any],
    actor: Actor,
    *,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Delete the row that *current* is, read under a lock in this transaction."""
    await sor.D(table, {"id": current["id"]})
    await audit.record_changes(sor, actor, audit.deletion(table, current, detail))


def check_lock_version(table: str, current: Mapping[str, Any], lock_version: int | None) -> None:
    """Raise EditConflict unless *current* (read under a lock) has the version the editor read."""
    if lock_version is not None and current["lock_version"] != lock_version:
        raise EditConflict(
            public(table, current),
            current.get("updated_by"),
            current.get("updated_at"),
            table=table,
        )


async def get_row(
    sor: SafeSqlor, table: str, record_id: str, *, lock: bool = False
) -> dict[str, Any]:
    """
    Return the record with exactly this id, locked for update with *lock*; raises NotFound.

    The database would take capitals for small letters: what is written with such an id is another
    row's for whoever compares ids in memory.
    """
    row: Row | None = await sor.one(
        f"select * from `{table_model(table).name}` where id = ${{id}}$"
        + (" for update" if lock else ""),
        {"id": record_id},
    )
    if row is None or row["id"] != record_id:
        raise no_record(table, record_id)
    return row


def no_record(table: str, record_id: str) -> AppError:
    """Return the refusal where no row has this id."""
    return RECORD_NOT_FOUND(id=record_id[:64], table=table)


def _with_stamps(columns: Iterable[str], values: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    moment = now()
    stamps = {
        "id": new_id(),
        "created_at": moment,
        "created_by": actor.user_id,
        "updated_at": moment,
        "updated_by": actor.user_id,
        "lock_version": 1,
    }
    return {name: value for name, value in stamps.items() if name in columns} | dict(values)


def public(table: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return *record* without the columns that never leave the server (`confidential` in the
    model)."""
    columns = table_model(table).columns
    return {
        name: value
        for name, value in record.items()
        if name not in columns or not columns[name].confidential
    }
