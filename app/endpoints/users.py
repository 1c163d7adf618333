"""
Users and what they may, for who looks after them: list, invite, disable, roles, one-time links.

Where Sage has the users all of it is read-only (`ours` is false, and changes are refused). What
stands in two databases has no transaction in common: Sage's part comes last, so that nothing is
changed without its entry in the audit trail. Changes take turns, and in its turn each one asks who
is asking: see `_take_turn`.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from app.access.present_caller import read_caller, require_present
from app.access.request_context import CONTEXT, RBAC, SETTINGS
from app.access.sessions import SESSIONS, Session
from app.base.actor import Actor
from app.base.catalogue.fields import VALUE_TAKEN
from app.base.catalogue.people import (
    NO_SUCH_ROLE,
    NO_SUCH_USER,
    OWN_USER,
    SECOND_FACTOR_OFF,
    USER_DISABLED,
)
from app.base.clock import iso
from app.base.ids import new_id
from app.base.refusals import InvalidFields
from app.db.sqlor import Row, SafeSqlor
from app.db.transactions import in_transaction, reading
from app.people import sage_users
from app.people.account_events import note_event
from app.people.one_time_links import drop_old_links, end_links_with, links_of, make_link
from app.people.second_factor import end_setup, take_away, users_with_factor
from app.records.filters import like_pattern
from app.schema.validation import FieldRule, check_params
from app.web.endpoint import answering
from app.web.responses import json_response

_ID = FieldRule(kind="str", required=True, length=32)
_ROLES = FieldRule(kind="str", required=True, length=2000)
_INVITE = {"username": FieldRule(kind="str", required=True, length=64), "roles": _ROLES}
# Nobody has to have a role: the last one can be taken away.
_ANY_ROLES = FieldRule(kind="str", required=True, length=2000, blank=True)
_STATE = {"id": _ID, "disabled": FieldRule(kind="bool", required=True)}
_LIST = {"q": FieldRule(kind="str", length=64, default="")}
_Change = Callable[[SafeSqlor, Row], Awaitable[None]]


@answering("GET")
async def user_list(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """
    Return `{data: {ours, sage_url, me, roles, users, more}}`; of the users whose names have *q* in
    them at most 500, with roles, state (usable, invited, disabled), last sign-in, second factor.
    """
    query = check_params(_LIST, params)
    async with reading("sage") as sor:
        ours = await sage_users.users_are_ours(sor)
        rows = await sage_users.find_users(sor, like_pattern(query["q"]))
        page = rows[: sage_users.MAX_USERS]
        role_names = await sage_users.roles_by_user(sor, [row.id for row in page])
        roles = await sage_users.roles(sor)
    ids = [row.id for row in page]
    async with reading() as sor:
        ids_with_factor, links = await users_with_factor(sor, ids), await links_of(sor, ids)
    users = [
        {
            "id": row.id,
            "username": row.username,
            "state": _state(row),
            "roles": role_names[row.id],
            "last_sign_in": None if row.last_login is None else iso(row.last_login),
            "second_factor": row.id in ids_with_factor,
            "link_until": iso(links[row.id]) if row.id in links else None,
        }
        for row in page
    ]
    return json_response({"data": {
        "ours": ours,
        "sage_url": request.app[SETTINGS].options.sage_url,
        "me": _actor(request).user_id,
        "roles": sorted(roles),
        "users": users,
        "more": len(rows) > len(page),
    }})  # fmt: skip


@answering("POST")
async def invite_user(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """POST {username, roles (names with commas)}: a user without a password, and the link by which
    that user sets one, once: `{data: {id, token, expires_at}}`."""
    query = check_params(_INVITE, params)
    username, user_id, actor = query["username"], new_id(), _actor(request)
    session = (await read_caller(request)).session

    async def work(sor: SafeSqlor) -> dict[str, Any]:
        token, expires_at = await make_link(sor, user_id, actor.user_id or "")
        detail = {"roles": _names(query["roles"])}
        await note_event(sor, actor, "invitation", user_id, username, detail)
        await in_transaction(make, "sage")
        return {"id": user_id, "token": token, "expires_at": iso(expires_at)}

    async def make(sage: SafeSqlor) -> None:
        await _take_turn(sage, request, session)
        role_ids = await _role_ids(sage, query["roles"])
        if await sage_users.is_taken(sage, username, user_id):
            raise InvalidFields([VALUE_TAKEN("username")])
        # It is there where only our own part has to be done again.
        if await sage_users.user_row(sage, user_id) is None:
            await sage_users.add_user(sage, user_id, username)
        await sage_users.set_roles(sage, user_id, role_ids)

    await in_transaction(drop_old_links)
    return json_response({"data": await in_transaction(work)})


@answering("POST")
async def set_state(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """POST {id, disabled}: disable or enable a user; sessions and links of a disabled one end.
    Raises Conflict for oneself and for the last administrator."""
    query = check_params(_STATE, params)
    is_off, user_id = query["disabled"], query["id"]
    _require_other(request, user_id)
    status = sage_users.DISABLED if is_off else sage_users.USABLE

    async def change(sage: SafeSqlor, row: Row) -> None:
        await sage_users.set_status(sage, row.id, status)

    async def beside(sor: SafeSqlor) -> None:
        if is_off:
            await end_links_with(sor, user_id)

    action = "disable_user" if is_off else "enable_user"
    await _change_user(request, user_id, action, change, beside=beside)
    if is_off:
        await _end_sessions(request, user_id)
    return json_response({"data": {"id": user_id}})


@answering("POST")
async def set_roles(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """POST {id, roles (names with commas)}: exactly these roles. Raises Conflict for the last
    administrator, and for taking administration from oneself."""
    query = check_params({"id": _ID, "roles": _ANY_ROLES}, params)
    user_id, names = query["id"], _names(query["roles"])
    is_own = user_id == _actor(request).user_id
    async with reading("sage") as sor:
        before = (await sage_users.roles_by_user(sor, [user_id]))[user_id]
    if is_own and sage_users.SUPERUSER in before and sage_users.SUPERUSER not in names:
        raise OWN_USER()

    async def change(sage: SafeSqlor, row: Row) -> None:
        await sage_users.set_roles(sage, row.id, await _role_ids(sage, query["roles"]))

    detail = {"before": before, "after": names}
    is_demoted = sage_users.SUPERUSER in before and sage_users.SUPERUSER not in names

    async def beside(sor: SafeSqlor) -> None:
        if is_demoted:
            await end_links_with(sor, user_id)

    await _change_user(request, user_id, "roles", change, beside=beside, detail=detail)
    if not is_own and not set(before) <= set(names):
        await _end_sessions(request, user_id)
    request.app[RBAC].forget(user_id)
    return json_response({"data": {"id": user_id}})


@answering("POST")
async def new_link(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """POST {id}: a link by which another user sets a new password, once: `{data: {token,
    expires_at}}`. Until it is used the password is as it was; earlier links end."""
    user_id = check_params({"id": _ID}, params)["id"]
    _require_other(request, user_id)
    link: dict[str, Any] = {}

    async def change(sage: SafeSqlor, row: Row) -> None:
        if _state(row) == "disabled":
            raise USER_DISABLED()

    async def beside(sor: SafeSqlor) -> None:
        token, expires_at = await make_link(sor, user_id, _actor(request).user_id or "")
        link.update(token=token, expires_at=iso(expires_at))
        await end_setup(sor, user_id)

    await in_transaction(drop_old_links)
    await _change_user(request, user_id, "password_link", change, beside=beside)
    return json_response({"data": link})


@answering("POST")
async def reset_second_factor(
    request: web.Request, params: Mapping[str, Any]
) -> web.StreamResponse:
    """POST {id}: take the second factor of another user away, who has lost it; all sessions of the
    user end. Also where users are Sage's: second factors are ours."""
    user_id = check_params({"id": _ID}, params)["id"]
    _require_other(request, user_id)
    await read_caller(request)
    async with reading("sage") as sor:
        row = await sage_users.find_user(sor, user_id)
    if row is None:
        raise NO_SUCH_USER()
    username = row.username

    async def work(sor: SafeSqlor) -> None:
        if not await take_away(sor, user_id):
            raise SECOND_FACTOR_OFF()
        await note_event(sor, _actor(request), "second_factor_reset", user_id, username)

    await in_transaction(work)
    await _end_sessions(request, user_id)
    return json_response({"data": {"id": user_id}})


async def _change_user(
    request: web.Request,
    user_id: str,
    action: str,
    change: _Change,
    *,
    beside: Callable[[SafeSqlor], Awaitable[None]] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Do *change* to the user in Sage, and *beside* it what our own tables have of it; the trail
    says *action*."""
    session = (await read_caller(request)).session
    async with reading("sage") as sor:
        await sage_users.require_ours(sor)
        row = await sage_users.find_user(sor, user_id)
    if row is None:
        raise NO_SUCH_USER()
    username = row.username

    async def work(sor: SafeSqlor) -> None:
        if beside is not None:
            await beside(sor)
        await note_event(sor, _actor(request), action, user_id, username, detail)
        await in_transaction(in_sage, "sage")

    async def in_sage(sage: SafeSqlor) -> None:
        await _take_turn(sage, request, session)
        current = await sage_users.user_row(sage, user_id)
        if current is None:
            raise NO_SUCH_USER()
        await change(sage, current)

    await in_transaction(work)


async def _take_turn(sage: SafeSqlor, request: web.Request, session: Session) -> None:
    """Wait for those who change users; raises NotSignedIn or Forbidden where one of them put the
    caller out. A worker that still remembers a right would give it back to who just lost it."""
    await sage_users.require_ours(sage)
    await sage_users.take_turn(sage)
    await require_present(sage, request, session)


def _require_other(request: web.Request, user_id: str) -> None:
    # Who has come by an administrator's session would stay by it, without a password.
    if user_id == _actor(request).user_id:
        raise OWN_USER()


async def _end_sessions(request: web.Request, user_id: str) -> None:
    request.app[RBAC].forget(user_id)
    await request.app[SESSIONS].end_all(user_id)


async def _role_ids(sage: SafeSqlor, text: str) -> list[str]:
    ids = await sage_users.roles(sage)
    if unknown := [name for name in _names(text) if name not in ids]:
        raise InvalidFields([NO_SUCH_ROLE("roles", role=name) for name in unknown])
    return [ids[name] for name in _names(text)]


def _names(text: str) -> list[str]:
    return sorted({name.strip() for name in text.split(",")} - {""})


def _state(row: Row) -> str:
    if (row.user_status or sage_users.USABLE) != sage_users.USABLE:
        return "disabled"
    return "invited" if row.has_no_password else "usable"


def _actor(request: web.Request) -> Actor:
    return request[CONTEXT].actor
