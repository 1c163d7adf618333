"""
Signing in and out.

A name that does not exist and a wrong password are answered alike and take the same time: no
refusal is sent before a fixed time has passed. Failures are counted (app/access/lockout.py), and
noted in Sage's own columns where an installation has them. Sage's passwords are reversible RC4
(CRY-1): they are compared by encoding the input, never decoded, never logged.
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Mapping
from typing import Any

import aiomysql
from aiohttp import web
from appPublic.rc4 import password as encode_password

from app.access.known_browsers import known_browser, remember_browser
from app.access.lockout import count_try, places_of
from app.access.rbac import credentials_of, read_user
from app.access.request_context import CONTEXT
from app.access.sessions import SESSIONS
from app.base.catalogue.requests import BAD_CREDENTIALS
from app.base.errors import TooManyRequests
from app.base.logs import log_info, log_warning
from app.base.metrics import Counter
from app.base.settings import settings
from app.db.errors import failure_code
from app.db.sqlor import Row
from app.db.transactions import reading, transaction
from app.schema.validation import FieldRule, check_params
from app.web.endpoint import answering
from app.web.responses import json_response

log = logging.getLogger("pipeline.login")

# Longer than any check takes here, so that its time tells nothing.
REFUSAL_SECONDS = 0.3

_failures = Counter("pipeline_login_failures", "Tries to sign in that were refused", ["reason"])
_WORD = FieldRule(kind="text", required=True, length=255)
_CREDENTIALS = {"username": _WORD, "password": _WORD}


def encode(password: str, key: str) -> str:
    """Return *password* as Sage stores it: RC4 with the installation's key, base64."""
    return str(encode_password(password, key=key))


@answering("POST")
async def sign_in(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """
    POST {username, password}: 200 and a session cookie.

    Raises NotSignedIn `bad_credentials`, TooManyRequests `locked_out` with Retry-After.
    """
    began_at = time.monotonic()
    query = check_params(_CREDENTIALS, params)
    username = query["username"]
    user_row = await _find(username)
    credentials = credentials_of(user_row.id, user_row.password) if user_row is not None else ""
    browser = known_browser(request, credentials)
    password = encode(query["password"], settings().password_key)
    password_of_user = str(user_row.password or "") if user_row is not None else ""
    matches = hmac.compare_digest(password.encode(), password_of_user.encode())
    right = user_row is not None and matches and (user_row.user_status or "0") == "0"
    client_ip = request[CONTEXT].client_ip
    try:
        await count_try(places_of(username, client_ip, browser), right=right)
    except TooManyRequests:
        _failures.child("locked_out").add()
        raise
    if user_row is not None:
        await _note_in_sage(user_row.id, _SIGNED_IN if right else _FAILED)
    if user_row is None or not right:
        _failures.child("bad_credentials").add()
        log_warning(log, "login_failed", "login refused", username=username, ip=client_ip)
        await asyncio.sleep(began_at + REFUSAL_SECONDS - time.monotonic())
        raise BAD_CREDENTIALS()
    user = await read_user(user_row.id)
    # Read anew: since the password was compared, it may have been changed, or the user disabled.
    if user is None or not user.usable or user.credentials != credentials:
        raise BAD_CREDENTIALS()
    log_info(log, "login", "login", username=user.username, ip=client_ip)
    response = json_response(
        {
            "data": {
                "user_id": user.user_id,
                "username": user.username,
                "roles": sorted(user.role_names),
            }
        }
    )
    await request.app[SESSIONS].begin(request, response, user)
    if browser is None:
        remember_browser(request, response, user.credentials)
    return response


@answering("POST")
async def sign_out(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """POST: end the session; with `everywhere=1` all sessions of the user."""
    sessions = request.app[SESSIONS]
    actor = request[CONTEXT].actor
    if actor.user_id is not None and str(params.get("everywhere", "")) in ("1", "true"):
        await sessions.end_all(actor.user_id)
    response = json_response({"data": {"signed_out": True}})
    await sessions.end(request, response)
    return response


async def who_am_i(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """Return the signed-in user: id, name, organisation and roles."""
    actor = request[CONTEXT].actor
    return json_response(
        {
            "data": {
                "user_id": actor.user_id,
                "username": actor.username,
                "org_id": actor.org_id,
                "roles": sorted(role for role in actor.roles if "." in role and "*" not in role),
            }
        }
    )


async def _find(username: str) -> Row | None:
    async with reading("sage") as sor:
        user: Row | None = await sor.one(
            "select id, username, password, user_status from users where username = ${name}$",
            {"name": username},
        )
    # The column's collation ignores case and trailing blanks; a name is its exact spelling.
    return user if user is not None and user.username == username else None


_FAILED = {
    # The column is a short: beyond its end it stays.
    "login_fail_count": "least(coalesce(login_fail_count, 0) + 1, 32767)",
    "last_login_fail": "current_timestamp",
}
# Command denied, column denied, server or transaction is read-only.
_NOT_ALLOWED = frozenset({1142, 1143, 1290, 1792})
_SIGNED_IN = {"login_fail_count": "0", "last_login": "current_timestamp"}


async def _note_in_sage(user_id: str, values: Mapping[str, str]) -> None:
    """Write the columns this Sage has; older installations lack them."""
    try:
        async with transaction("sage") as sor:
            columns = await sor.columns("users")
            sets = ", ".join(f"{name} = {what}" for name, what in values.items() if name in columns)
            if sets:
                # Names and expressions are this file's own; the user's id is bound.
                await sor.sqlExe(f"update users set {sets} where id = ${{id}}$", {"id": user_id})  # noqa: S608
    except aiomysql.MySQLError as exc:
        if failure_code(exc) not in _NOT_ALLOWED:
            raise
        # A Sage that we may only read is no reason to keep anybody out.
        log_warning(log, "not_noted", "logins cannot be noted in Sage", reason=str(exc.args[-1]))
