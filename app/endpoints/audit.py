"""
The audit trail as administrators use it: one entry in words; one field, or a deleted row, put back.
"""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from app.access.permissions import withheld_tables
from app.access.request_context import CONTEXT
from app.base.actor import Actor
from app.base.catalogue.records import (
    NOT_PUT_BACK,
    NOTHING_TO_PUT_BACK,
    ROW_NOT_PUT_BACK,
)
from app.base.errors import Message
from app.base.refusals import EditConflict
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction, reading
from app.endpoints.audit_view import entry_view
from app.records import trail as audit
from app.records.deletions import DELETE, is_gone, read_deletion
from app.records.rows import get_row, no_record, public
from app.records.table_service import TABLE_SERVICES, TableService
from app.schema.field_rules import FieldRule
from app.schema.tables import tables
from app.schema.validation import check_params, check_update
from app.web.endpoint import answering
from app.web.responses import Answer, json_response

_ID = FieldRule(kind="str", required=True, length=32)
PUT_BACK = {
    "id": _ID,
    "field": FieldRule(kind="str", length=64),
    "lock_version": FieldRule(kind="int", minimum=1),
}


@answering("GET", "POST")
async def audit_entry_view(request: web.Request, params: dict[str, Any]) -> web.Response:
    """
    One entry of the trail as a widget, with a button for each field that can be put back.

    Raises NotFound, also for an entry that the trail's list does not show the caller.
    """
    query = check_params({"id": _ID}, params)
    async with reading() as sor:
        entry = await get_row(sor, audit.TABLE, query["id"])
    if entry["table_name"] in await withheld_tables(request):
        raise no_record(audit.TABLE, query["id"])
    fields = [name for name in _of(entry, "after") if _can_be_put_back(entry, name)]
    name = entry["table_name"]
    is_whole = entry["action"] == DELETE and TABLE_SERVICES.get(name) is not None
    async with reading() as sor:
        is_whole = is_whole and await is_gone(sor, name, entry["row_id"])
        view = await entry_view(sor, entry, fields, request[CONTEXT].actor.lang, row=is_whole)
    return json_response(view)


async def audit_put_back(actor: Actor, params: dict[str, Any]) -> Answer:
    """
    Put the `field` that an entry (`id`) changed back to what it was before; the changed record.
    Without `field`: the row that the entry deleted, with what went with it; its record.

    It is put back only if it still is as the entry left it (and the record has the
    `lock_version`, if one is sent), else 409 `edit_conflict`. The rules of the record's own form
    hold; what those do not let people edit cannot be put back: 409 `not_put_back`.
    """
    query = check_params(PUT_BACK, params)
    entry_id, field = query["id"], query["field"]

    async def work(sor: SafeSqlor) -> tuple[str, dict[str, Any]]:
        entry = await get_row(sor, audit.TABLE, entry_id)
        if field is None:
            return entry["table_name"], await _restore(sor, entry, actor)
        return entry["table_name"], await _put_back(
            sor, entry, field, query["lock_version"], actor
        )  # fmt: skip

    table, record = await in_transaction(work)
    if field is None:
        return Answer(record, table=table, message=Message("It is there again."))
    return Answer(record, table=table, message=Message("{field} is as it was before.", field=field))


async def _restore(sor: SafeSqlor, entry: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    deletion = await read_deletion(sor, entry)
    service = TABLE_SERVICES.get(entry["table_name"])
    if service is None:
        raise ROW_NOT_PUT_BACK(label=entry["label"] or entry["row_id"])
    with service.duplicate_as_field_errors(), audit.audit_context(entry=entry["id"]):
        return await service.put_back(sor, deletion, actor)


async def _put_back(
    sor: SafeSqlor, entry: Mapping[str, Any], field: str, lock_version: int | None, actor: Actor
) -> dict[str, Any]:
    service = _service(entry, field)
    before, after = _of(entry, "before"), _of(entry, "after")
    table = entry["table_name"]
    current = await get_row(sor, table, entry["row_id"])
    if audit.recordable(table, current).get(field) != after[field]:
        raise EditConflict(
            public(table, current), current.get("updated_by"), current.get("updated_at")
        )
    # Nobody can slip in between: the service compares this version under its lock.
    version = current["lock_version"] if lock_version is None else lock_version
    _, _, values = check_update(
        table, {"id": entry["row_id"], "lock_version": version, field: before[field]}
    )
    with audit.audit_context("put_back", entry=entry["id"]):
        return await service.update(sor, entry["row_id"], version, values, actor)


def _service(entry: Mapping[str, Any], field: str) -> TableService:
    service = TABLE_SERVICES.get(entry["table_name"])
    if field not in _of(entry, "before") or field not in _of(entry, "after"):
        raise NOTHING_TO_PUT_BACK(field=field)
    if service is None or not _can_be_put_back(entry, field):
        raise NOT_PUT_BACK(field=field)
    return service


def _can_be_put_back(entry: Mapping[str, Any], field: str) -> bool:
    model = tables().get(entry["table_name"])
    column = model.columns.get(field) if model else None
    return bool(
        column is not None
        and not (column.server_set or column.write_once)
        and TABLE_SERVICES.get(entry["table_name"])
        and field in _of(entry, "before")
    )


def _of(entry: Mapping[str, Any], part: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(entry[part] or "{}")
    return values
