"""Rows that were deleted, as the audit trail keeps them: what is needed to put one back."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple, Self

from app.base.actor import Actor
from app.base.catalogue.records import DELETED_NOTHING, IS_THERE_AGAIN, ROW_NOT_PUT_BACK
from app.db.sqlor import SafeSqlor
from app.records.rows import no_record
from app.schema.coercion import coerce
from app.schema.tables import table as table_model
from app.schema.validation import rule_of

DELETE = "delete"
_LAST = (
    "select * from app_audit where table_name = ${table}$ and row_id = ${row_id}$"
    " and action = 'delete' order by id desc limit 1"
)
# The line's and the distributor's index lead to few. A request's number is its sender's to choose,
# and may come twice.
_TOGETHER = (
    "select * from app_audit where pipeline_id = ${pipeline_id}$"
    " and distributor_id = ${distributor_id}$ and request_id = ${request_id}$"
    " and user_id = ${user_id}$ and created_at between ${first}$ and ${last}$ and id <> ${id}$"
    " order by id"
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
        """The row before, typed as the database has it, with its id."""
        model = table_model(self.table)
        columns = {
            name: None if value is None else coerce(rule_of(self.table, name), value)
            for name, value in self.before.items()
            if name in model.columns
        }
        return {"id": self.row_id, **columns}

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
    there again.
    """
    if entry["action"] != DELETE:
        raise DELETED_NOTHING()
    if not await is_gone(sor, entry["table_name"], entry["row_id"]):
        raise IS_THERE_AGAIN(label=entry["label"] or entry["row_id"])
    others = []
    if entry["pipeline_id"] or entry["distributor_id"]:
        moment = entry["created_at"]
        times = {"first": moment - _MAX_APART, "last": moment + _MAX_APART}
        others = await sor.sqlExe(_TOGETHER, {**entry, **times})
    return Deletion(_part(entry), tuple(_part(other) for other in others))


async def is_gone(sor: SafeSqlor, table: str, row_id: str) -> bool:
    """Return whether there is no row with this id."""
    statement = f"select id from `{table_model(table).name}` where id = ${{id}}$"  # noqa: S608
    return await sor.one(statement, {"id": row_id}) is None


async def own_deletion(sor: SafeSqlor, table: str, row_id: str, actor: Actor) -> Deletion:
    """Return how *actor* deleted the row; raises NotFound where somebody else did, or nobody, and
    as `read_deletion`."""
    entry = await sor.one(_LAST, {"table": table, "row_id": row_id})
    if entry is None or entry["user_id"] != actor.user_id:
        raise no_record(table, row_id)
    return await read_deletion(sor, entry)


def _part(entry: Mapping[str, Any]) -> Part:
    texts = (json.loads(entry[name] or "{}") for name in ("before", "after", "detail"))
    return Part(entry["table_name"], entry["action"], entry["row_id"], *texts)
