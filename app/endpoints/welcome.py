"""Whoever has a one-time link sets a password here, without having signed in."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from app.access.rbac import SageUser, read_user
from app.access.request_context import CONTEXT, RBAC
from app.access.sessions import SESSIONS
from app.base.catalogue.people import LINK_NOT_VALID
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction, reading
from app.people.account_events import note_event
from app.people.one_time_links import end_links, use_up_link, user_of_link
from app.people.passwords import PASSWORD, check_new_password
from app.people.sage_users import require_ours, set_password
from app.people.second_factor import end_setup
from app.schema.validation import FieldRule, check_params
from app.web.endpoint import answering
from app.web.request import with_context
from app.web.responses import json_response

_TOKEN = FieldRule(kind="text", required=True, length=100)
_NEW_PASSWORD = FieldRule(kind="text", length=PASSWORD.length)


@answering("POST")
async def welcome(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """
    POST {token}: `{data: {username}}`, whose link it is. With `new_password`: it is that user's
    from now on, the link is used up, and all sessions of the user end, who signs in as always, with
    a second factor where there is one.

    Raises NotFound `link_not_valid`, InvalidFields for a password against the rule.
    """
    query = check_params({"token": _TOKEN, "new_password": _NEW_PASSWORD}, params)
    token, password = query["token"], query["new_password"]
    user = await _user_of(token)
    if password is None:
        return json_response({"data": {"username": user.username}})
    check_new_password("new_password", password, user.username)
    actor = with_context(user.actor, request[CONTEXT])

    async def work(sor: SafeSqlor) -> None:
        if not await use_up_link(sor, token):
            raise LINK_NOT_VALID()
        await end_links(sor, user.user_id)
        await end_setup(sor, user.user_id)
        await note_event(sor, actor, "password", user.user_id, user.username, {"by": "link"})

    async def in_sage(sage: SafeSqlor) -> None:
        await require_ours(sage)
        await set_password(sage, user.user_id, password)

    async with reading("sage") as sage:
        await require_ours(sage)
    # The link first, and for good: of two who use it, on two nodes too, only one sets a password.
    await in_transaction(work)
    await in_transaction(in_sage, "sage")
    request.app[RBAC].forget(user.user_id)
    await request.app[SESSIONS].end_all(user.user_id)
    return json_response({"data": {"username": user.username}})


async def _user_of(token: str) -> SageUser:
    async with reading() as sor:
        user_id = await user_of_link(sor, token)
    user = await read_user(user_id) if user_id is not None else None
    if user is None or not user.usable:
        raise LINK_NOT_VALID()
    return user
