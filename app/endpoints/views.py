"""
Views of lists that people keep (table `app_view`): each his own, and those of the team, which have
no owner. A view is what the page of a list may be asked for anyway, so it gives no right: rows come
by the right of who opens it, and who may not see a list hears of no view of it.
"""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from app.access.permissions import may_list_any, may_open, no_right
from app.access.request_context import CONTEXT
from app.base.catalogue.fields import TOO_LONG
from app.base.catalogue.records import TOO_MANY_VIEWS
from app.base.clock import now
from app.base.ids import new_id
from app.base.refusals import InvalidFields
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction, reading
from app.records.rows import no_record
from app.schema.tables import table, tables
from app.schema.validation import FieldRule, check_params
from app.web.endpoint import answering
from app.web.responses import json_response

TABLE = "app_view"
MAX_VIEWS = 100  # of one owner for one list
MAX_CONTENT = 4000  # characters
TEAM = ""
_TEAM_PATH = "/appbase/team_view_save.dspy"

_NEW = {
    "list": FieldRule(kind="str", required=True, length=64),
    "name": FieldRule(kind="str", required=True, length=60),
    "content": FieldRule(kind="json", required=True, json="object"),
    "is_default": FieldRule(kind="bool", default=False),
    "if_new": FieldRule(kind="bool", default=False),
}
_ID = {"id": FieldRule(kind="str", required=True, length=32)}


async def list_views(request: web.Request, list_name: str) -> dict[str, Any]:
    """Return `{mine, team, may_share}` of the list of a table: its views `{id, name, content,
    is_default}` by name, and whether the caller may keep some for the team."""
    async with reading() as sor:
        rows = await sor.sqlExe(
            "select id, owner_id, name, content, is_default from app_view"
            " where list_name = ${list}$ and owner_id in (${team}$, ${user}$) order by name",
            {"list": list_name, "team": TEAM, "user": _user(request)},
        )
    views: dict[str, list[dict[str, Any]]] = {"mine": [], "team": []}
    for row in rows:
        views["team" if row["owner_id"] == TEAM else "mine"].append(_public(row))
    return {**views, "may_share": await may_open(request, _TEAM_PATH)}


@answering("POST")
async def view_save(request: web.Request, params: Mapping[str, Any]) -> web.Response:
    """Keep a view of the caller's own, in the place of one of its name; `{data: {id, …}}`."""
    return await _save(request, params, _user(request))


@answering("POST")
async def team_view_save(request: web.Request, params: Mapping[str, Any]) -> web.Response:
    """Keep a view for everybody who may see the list, in the place of one of its name."""
    return await _save(request, params, TEAM)


@answering("POST")
async def view_delete(request: web.Request, params: Mapping[str, Any]) -> web.Response:
    """Forget a view of the caller's own; raises NotFound, also for another's."""
    return await _delete(params, _user(request))


@answering("POST")
async def team_view_delete(request: web.Request, params: Mapping[str, Any]) -> web.Response:
    """Forget a view of the team; raises NotFound."""
    return await _delete(params, TEAM)


def _user(request: web.Request) -> str:
    # Nobody's views are the team's.
    user = request[CONTEXT].actor.user_id
    if not user:
        raise no_right()
    return user


async def _save(request: web.Request, params: Mapping[str, Any], owner: str) -> web.Response:
    values = check_params(_NEW, params)
    if (count := len(values["content"])) > MAX_CONTENT:
        raise InvalidFields([TOO_LONG("content", limit=MAX_CONTENT, count=count)])
    name = values["list"]
    if name not in tables() or not await may_list_any(request, [table(name)]):
        raise no_right()
    row = await in_transaction(lambda sor: _keep(sor, values, owner, _user(request)))
    return json_response({"data": _public(row)})


async def _keep(sor: SafeSqlor, values: Mapping[str, Any], owner: str, user: str) -> dict[str, Any]:
    place = {"list_name": values["list"], "owner_id": owner}
    rows = await sor.sqlExe(
        "select id, owner_id, name, content, is_default from app_view"
        " where list_name = ${list_name}$ and owner_id = ${owner_id}$ for update",
        place,
    )
    same = next((row for row in rows if row["name"] == values["name"]), None)
    if same and values["if_new"]:
        return dict(same)
    if not same and len(rows) >= MAX_VIEWS:
        raise TOO_MANY_VIEWS(count=MAX_VIEWS)
    if values["is_default"]:
        await sor.sqlExe(
            "update app_view set is_default = 0 where list_name = ${list_name}$"
            " and owner_id = ${owner_id}$",
            place,
        )
    news = {"content": str(values["content"]), "is_default": int(values["is_default"]),
            "updated_at": now(), "updated_by": user}  # fmt: skip
    if same:
        await sor.U(TABLE, {"id": same["id"], **news})
        return {**same, **news}
    row = {"id": new_id(), **place, "scope": "mine" if owner else "team", "name": values["name"],
           **news, "created_at": news["updated_at"], "created_by": user}  # fmt: skip
    await sor.C(TABLE, row)
    return row


async def _delete(params: Mapping[str, Any], owner: str) -> web.Response:
    view_id = check_params(_ID, params)["id"]

    async def work(sor: SafeSqlor) -> int:
        return int(
            await sor.sqlExe(
                "delete from app_view where id = ${id}$ and owner_id = ${owner}$",
                {"id": view_id, "owner": owner},
            )
        )

    if not await in_transaction(work):
        raise no_record(TABLE, view_id)
    return json_response({"data": {"id": view_id}})


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "content": json.loads(row["content"]),
        "is_default": bool(row["is_default"]),
    }
