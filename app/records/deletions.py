"""Rows that were deleted, as the audit trail keeps them: what is needed to put one back."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple, Self

from app.base.actor import Actor
from app.base.catalogue.records import (
    CHANGED_SINCE,
    DELETED_NOTHING,
    IS_THERE_AGAIN,
    ROW_NOT_PUT_BACK,
)
from app.db.sqlor import SafeSqlor
from app.records.rows import no_record
from app.schema.coercion import coerce
from app.schema.tables import table as table_model
from app.schema.validation import rule_of

DELETE = "delete"
# In `detail` of what is changed because another row is deleted: the id of that.
TOGETHER = "together_with"
_LAST = (
    "select * from app_audit where table_name = ${table_name}$ and row_id = ${row_id}$"
    " order by id desc limit 2"
)
# The line's and the distributor's index lead to few.
_TOGETHER = (
    "select * from app_audit where pipeline_id = ${pipeline_id}$"
    " and distributor_id = ${distributor_id}$ and created_at between ${first}$ and ${last}$"
    " and id < ${id}$ and id > ${former_id}$ order by id"
)
_MAX_APART = timedelta(minutes=1)


class Part(NamedTuple):
    """What one entry of the trail says of a row: its columns `before` and `after`, and `detail`."""

    table: str
    action: str
    row_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    detail: Mapping[str, Any]

    def is_deletion_of(self, table: str) -> bool:
        """Whether a row of *table* was deleted."""
        return self.action == DELETE and self.table == table

    def require(self, name: str) -> Self:
        """Return this, if it has the column *name*; raises Conflict `not_put_back`."""
        if name not in self.before:
            raise ROW_NOT_PUT_BACK(label=self.row_id)
        return self

    @property
    def columns(self) -> dict[str, Any]:
        """The row before, typed as the database has it, with its id; its version is the next, so
        that no form of before is saved over it."""
        model = table_model(self.table)
        columns = {
            name: None if value is None else coerce(rule_of(self.table, name), value)
            for name, value in self.before.items()
            if name in model.columns
        }
        if version := columns.get("lock_version"):
            columns["lock_version"] = version + 1
        return {"id": self.row_id, **columns}

    @property
    def origin(self) -> dict[str, Any]:
        """Which row it was, and whose: the columns that no form has."""
        names = ("id", "lock_version", "created_at", "created_by")
        columns = self.columns
        return {name: columns[name] for name in names if name in columns}

    @property
    def fields(self) -> dict[str, Any]:
        """What a form would say of the row before."""
        columns = table_model(self.table).columns
        return {
            name: value
            for name, value in self.before.items()
            if name in columns and not columns[name].server_set and value is not None
        }


class Deletion(NamedTuple):
    """The entry of a row that was deleted, and those of what was changed `together` with it, the
    first of them first."""

    row: Part
    together: tuple[Part, ...] = ()


async def read_deletion(sor: SafeSqlor, entry: Mapping[str, Any]) -> Deletion:
    """
    Return what the *entry* of the trail, and those beside it, say of a row that was deleted.

    Raises BadRequest `nothing_to_put_back` for an entry of something else, and where the row is
    there again; Conflict `not_put_back` where something has been done to it since.
    """
    if entry["action"] != DELETE:
        raise DELETED_NOTHING()
    label = entry["label"] or entry["row_id"]
    if not await is_gone(sor, entry["table_name"], entry["row_id"]):
        raise IS_THERE_AGAIN(label=label)
    last, *former = await sor.sqlExe(_LAST, dict(entry))
    if last["id"] != entry["id"]:
        raise CHANGED_SINCE(label=label)
    others = []
    if entry["pipeline_id"] or entry["distributor_id"]:
        moment = entry["created_at"]
        bounds = {
            "first": moment - _MAX_APART,
            "last": moment + _MAX_APART,
            "former_id": former[0]["id"] if former else "",
        }
        others = await sor.sqlExe(_TOGETHER, {**entry, **bounds})
    parts = [_part(other) for other in others]
    together = (part for part in parts if part.detail.get(TOGETHER) == entry["row_id"])
    return Deletion(_part(entry), tuple(together))


async def is_gone(sor: SafeSqlor, table: str, row_id: str) -> bool:
    """Return whether there is no row with this id."""
    statement = f"select id from `{table_model(table).name}` where id = ${{id}}$"  # noqa: S608
    return await sor.one(statement, {"id": row_id}) is None


async def own_deletion(sor: SafeSqlor, table: str, row_id: str, actor: Actor) -> Deletion:
    """Return how *actor* deleted the row; raises NotFound where somebody else did, or nobody, and
    as `read_deletion`."""
    entries = await sor.sqlExe(_LAST, {"table_name": table, "row_id": row_id})
    if not entries or entries[0]["user_id"] != actor.user_id:
        raise no_record(table, row_id)
    if not await is_gone(sor, table, row_id):
        raise IS_THERE_AGAIN(label=entries[0]["label"] or row_id)
    return await read_deletion(sor, entries[0])


def _part(entry: Mapping[str, Any]) -> Part:
    texts = (json.loads(entry[name] or "{}") for name in ("before", "after", "detail"))
    return Part(entry["table_name"], entry["action"], entry["row_id"], *texts)
