"""
One's own account: password, sessions, second factor. Everybody who has signed in may, and only for
that account.

What would let somebody stay who has come by a session of another user (another password, another
second factor) asks for the present password, whose guesses are counted for the session.
"""

import asyncio
import hmac
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from app.access.lockout import code_digest, count_try, session_places
from app.access.present_caller import Caller, read_caller
from app.access.rbac import SageUser, read_user
from app.access.request_context import CONTEXT, SETTINGS
from app.access.sage_setup import stored_password
from app.access.sessions import SESSIONS
from app.base.actor import Actor
from app.base.catalogue.people import (
    SECOND_FACTOR_NOT_BEGUN,
    SECOND_FACTOR_OFF,
    SECOND_FACTOR_ON,
    SECOND_FACTOR_REQUIRED,
    WRONG_CODE,
    WRONG_PASSWORD,
)
from app.base.catalogue.requests import NOT_SIGNED_IN
from app.base.refusals import InvalidFields
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction, reading
from app.people.account_events import note_event
from app.people.one_time_links import end_links
from app.people.passwords import PASSWORD, check_new_password
from app.people.sage_users import require_ours, set_password, users_are_ours
from app.people.second_factor import (
    Factor,
    Proof,
    begin_setup,
    count_recovery_codes,
    end_setup,
    find_factor,
    is_app_code,
    proof_of,
    put_in_force,
    renew_recovery_codes,
    take_away,
    use_up,
)
from app.schema.validation import FieldRule, check_params
from app.web.endpoint import answering
from app.web.responses import json_response

_OLD = FieldRule(kind="text", required=True, length=255)
_CODE = FieldRule(kind="text", required=True, length=64)
_CHANGE = {"password": _OLD, "new_password": PASSWORD}
_SESSION = {"id": FieldRule(kind="str", length=64)}


@answering("GET")
async def account(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """Return `{data: {username, roles, ours, sage_url, second_factor, sessions}}` of the caller."""
    check_params({}, params)
    caller = await read_caller(request)
    user = caller.user
    async with reading("sage") as sor:
        ours = await users_are_ours(sor)
    factor = await find_factor(user.user_id)
    async with reading() as sor:
        code_count = await count_recovery_codes(sor, user.user_id)
    is_on = factor is not None and factor.is_on
    must = not request.app[SESSIONS].strict_roles.isdisjoint(user.actor.roles)
    return json_response({"data": {
        "username": user.username,
        "roles": sorted(user.role_names),
        "ours": ours,
        "sage_url": request.app[SETTINGS].options.sage_url,
        "second_factor": {"on": is_on, "required": must, "codes_left": code_count if is_on else 0},
        "sessions": await request.app[SESSIONS].of_user(request, user.user_id),
    }})  # fmt: skip


@answering("POST")
async def change_password(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """POST {password, new_password}: another password; all other sessions end. Raises InvalidFields
    for a wrong old one or a new one against the rule, Conflict where users are Sage's."""
    query = check_params(_CHANGE, params)
    caller = await read_caller(request)
    user = caller.user
    async with reading("sage") as sor:
        await require_ours(sor)
    await _require_password(request, caller, query["password"])
    new_password = query["new_password"]
    check_new_password("new_password", new_password, user.username, query["password"])

    async def work(sor: SafeSqlor) -> None:
        await request.app[SESSIONS].require(sor, caller.session)
        await end_links(sor, user.user_id)
        await end_setup(sor, user.user_id)
        await note_event(sor, _actor(request), "password", user.user_id, user.username)
        # Last, since the two databases have no transaction in common.
        await in_transaction(lambda sage: set_password(sage, user.user_id, new_password), "sage")

    await in_transaction(work)
    return await _with_new_session(
        request, {"changed": True}, has_second_factor=caller.session.has_second_factor
    )


@answering("POST")
async def end_session(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """POST {id}: end one of the caller's sessions; without an id all but this one."""
    query = check_params(_SESSION, params)
    user_id = (await read_caller(request)).user.user_id
    ended_count = await request.app[SESSIONS].end_own(request, user_id, query["id"])
    actor = _actor(request)
    if ended_count:
        await in_transaction(
            lambda sor: note_event(
                sor, actor, "sessions", user_id, actor.username, {"count": ended_count}
            )
        )
    return json_response({"data": {"count": ended_count}})


@answering("POST")
async def begin_second_factor(
    request: web.Request, params: Mapping[str, Any]
) -> web.StreamResponse:
    """POST {password}: `{data: {secret, address, picture}}` for an app; nothing is in force yet."""
    query = check_params({"password": _OLD}, params)
    caller = await read_caller(request)
    user = caller.user
    factor = await find_factor(user.user_id)
    if factor is not None and factor.is_on:
        raise SECOND_FACTOR_ON()
    await _require_password(request, caller, query["password"])
    setup = await begin_setup(user.user_id, user.username)
    return json_response({"data": await asyncio.to_thread(setup.as_dict)})


@answering("POST")
async def confirm_second_factor(
    request: web.Request, params: Mapping[str, Any]
) -> web.StreamResponse:
    """POST {password, code}: turn on what was begun, once its code is right; `{data:
    {recovery_codes}}`, told once. All other sessions end, and one knows of the second factor."""
    query = check_params({"password": _OLD, "code": _CODE}, params)
    caller = await read_caller(request)
    user = caller.user
    await _require_password(request, caller, query["password"])
    factor = await find_factor(user.user_id)
    if factor is None or factor.is_on:
        raise SECOND_FACTOR_NOT_BEGUN()
    proof = await proof_of(factor, query["code"])
    if proof is None:
        raise InvalidFields([WRONG_CODE("code")])

    async def work(sor: SafeSqlor) -> list[str]:
        codes = await put_in_force(sor, factor, proof)
        if codes is None:
            raise SECOND_FACTOR_NOT_BEGUN()
        await note_event(sor, _actor(request), "second_factor_on", user.user_id, user.username)
        return codes

    codes = await in_transaction(work)
    return await _with_new_session(request, {"recovery_codes": codes}, has_second_factor=True)


@answering("POST")
async def end_second_factor(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """POST {password, code}: turn the second factor off; refused where a role has to have one."""
    query = check_params({"password": _OLD, "code": _CODE}, params)
    caller = await read_caller(request)
    user = caller.user
    if not request.app[SESSIONS].strict_roles.isdisjoint(user.actor.roles):
        raise SECOND_FACTOR_REQUIRED()
    factor = await _factor_in_force(user)
    await _require_password(request, caller, query["password"])
    proof = await _require_code(request, caller, factor, query["code"])

    async def work(sor: SafeSqlor) -> None:
        await _use_up(sor, proof)
        await take_away(sor, user.user_id)
        await note_event(sor, _actor(request), "second_factor_off", user.user_id, user.username)

    await in_transaction(work)
    return await _with_new_session(request, {"on": False}, has_second_factor=False)


@answering("POST")
async def renew_codes(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """POST {password, code}: `{data: {recovery_codes}}`, which replace those of before."""
    query = check_params({"password": _OLD, "code": _CODE}, params)
    caller = await read_caller(request)
    user = caller.user
    factor = await _factor_in_force(user)
    await _require_password(request, caller, query["password"])
    proof = await _require_code(request, caller, factor, query["code"])

    async def work(sor: SafeSqlor) -> list[str]:
        await _use_up(sor, proof)
        codes = await renew_recovery_codes(sor, user.user_id)
        await note_event(sor, _actor(request), "recovery_codes", user.user_id, user.username)
        return codes

    return json_response({"data": {"recovery_codes": await in_transaction(work)}})


def _actor(request: web.Request) -> Actor:
    return request[CONTEXT].actor


async def _require_password(request: web.Request, caller: Caller, password: str) -> None:
    """Raise InvalidFields for a wrong one, TooManyRequests after too many of them."""
    async with reading("sage") as sor:
        present = await sor.firsts(
            "select password from users where id = ${id}$", {"id": caller.user.user_id}
        )
    expected = str((present or [""])[0] or "")
    matches = hmac.compare_digest(stored_password(password).encode(), expected.encode())
    is_right = expected != "" and matches
    await _count(request, caller, is_right=is_right)
    if not is_right:
        raise InvalidFields([WRONG_PASSWORD("password")])


async def _require_code(request: web.Request, caller: Caller, factor: Factor, code: str) -> Proof:
    """Return what *code* proves; raises InvalidFields for a wrong one, TooManyRequests after too
    many of them."""
    proof = await proof_of(factor, code)
    await _count(request, caller, is_right=proof is not None, is_code=is_app_code(code))
    if proof is None:
        raise InvalidFields([WRONG_CODE("code")])
    return proof


async def _use_up(sor: SafeSqlor, proof: Proof) -> None:
    if not await use_up(sor, proof):
        raise InvalidFields([WRONG_CODE("code")])


async def _count(
    request: web.Request, caller: Caller, *, is_right: bool, is_code: bool = False
) -> None:
    # Who guesses at the name elsewhere keeps nobody from this, and this forgives nothing there.
    places = session_places(caller.session.session_id, request[CONTEXT].client_ip)
    if is_code:
        places[code_digest(caller.user.user_id)] = "code"
    await count_try(places, right=None if is_right else False)


async def _factor_in_force(user: SageUser) -> Factor:
    factor = await find_factor(user.user_id)
    if factor is None or not factor.is_on:
        raise SECOND_FACTOR_OFF()
    return factor


async def _with_new_session(
    request: web.Request, data: Mapping[str, Any], *, has_second_factor: bool
) -> web.StreamResponse:
    """Answer *data* with a new session in the place of all that the caller had: with a second
    factor only where one was proved, in this request or by the session before."""
    user = await read_user(_actor(request).user_id or "")
    if user is None or not user.usable:
        raise NOT_SIGNED_IN()
    factor = await find_factor(user.user_id)
    if factor is not None and factor.is_on and not has_second_factor:
        raise NOT_SIGNED_IN()
    response = json_response({"data": data})
    await request.app[SESSIONS].begin(
        request, response, user, has_second_factor=has_second_factor, instead_of_all=True
    )
    return response
