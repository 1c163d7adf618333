"""
Signing in and out.

A name that does not exist and a wrong password are answered alike and take the same time: no
refusal is sent before a fixed time has passed. Failures are counted per user and per address in
`app_login_attempt` (and in Sage's own columns where an installation has them); after five the
next try has to wait, longer each time. Tries for one user are looked at one after another, so
that many at once are no way around the count. Sage's passwords are reversible RC4 (CRY-1): they
are compared by encoding the input, never decoded, never logged.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from appPublic.rc4 import password as encode_password

from app.answers import json_response
from app.clock import now
from app.database import in_transaction, reading, transaction
from app.errors import MethodNotAllowed, NotSignedIn, TooManyRequests
from app.fields import Rule, check_params
from app.logs import tell, warn
from app.sage_rbac import read_user
from app.settings import settings
from app.sqlor_safe import Row, SafeSqlor

log = logging.getLogger("pipeline.login")

FREE_TRIES = {"user": 5, "address": 20}
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
# Longer than any check takes here, so that its time tells nothing.
REFUSAL_SECONDS = 0.3

_WORD = Rule(kind="text", required=True, length=255)
_CREDENTIALS = {"username": _WORD, "password": _WORD}


def encoded(password: str, key: str) -> str:
    """*password* as Sage stores it: RC4 with the installation's key, base64."""
    return str(encode_password(password, key=key))


async def sign_in(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """
    POST {username, password}: 200 and a session cookie.

    Raises NotSignedIn `bad_credentials`, TooManyRequests `locked_out` with Retry-After.
    """
    _only_post(request)
    started = time.monotonic()
    asked = check_params(_CREDENTIALS, params)
    username = asked["username"]
    user_row = await _find(username)
    given = encoded(asked["password"], settings().password_key)
    stored = str(user_row.password or "") if user_row is not None else ""
    matches = hmac.compare_digest(given.encode(), stored.encode())
    right = user_row is not None and matches and (user_row.user_status or "0") == "0"
    await _count(_places(username, request["client_ip"]), right=right)
    if user_row is not None:
        await _note_in_sage(user_row.id, _SIGNED_IN if right else _FAILED)
    if user_row is None or not right:
        warn(log, "login_failed", "login refused", username=username, ip=request["client_ip"])
        await asyncio.sleep(started + REFUSAL_SECONDS - time.monotonic())
        raise NotSignedIn("bad_credentials", "User name or password is wrong.")
    user = await read_user(user_row.id)
    if user is None:
        raise NotSignedIn("bad_credentials", "User name or password is wrong.")
    tell(log, "login", "login", username=user.username, ip=request["client_ip"])
    response = json_response(
        {
            "data": {
                "user_id": user.user_id,
                "username": user.username,
                "roles": sorted(user.role_names),
            }
        }
    )
    await request.app["sessions"].begin(request, response, user)
    return response


async def sign_out(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """POST: end the session; with `everywhere=1` all sessions of the user."""
    _only_post(request)
    sessions = request.app["sessions"]
    actor = request["actor"]
    if actor.signed_in and str(params.get("everywhere", "")) in ("1", "true"):
        await sessions.end_all(actor.user_id)
    response = json_response({"data": {"signed_out": True}})
    await sessions.end(request, response)
    return response


async def who_am_i(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """The signed-in user: id, name, organisation and roles."""
    actor = request["actor"]
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


def _only_post(request: web.Request) -> None:
    if request.method != "POST":
        raise MethodNotAllowed(request.method, "POST")


async def _find(username: str) -> Row | None:
    async with reading("sage") as sor:
        found: Row | None = await sor.one(
            "select id, username, password, user_status from users where username = ${name}$",
            {"name": username},
        )
    # The column's collation ignores case and trailing blanks; a name is its exact spelling.
    return found if found is not None and found.username == username else None


def _digest(kind: str, name: str) -> str:
    return hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()


def _wait(kind: str, fails: int) -> timedelta:
    extra = fails - FREE_TRIES[kind]
    return timedelta() if extra < 0 else min(FIRST_WAIT * 2 ** min(extra, 10), LONGEST_WAIT)


def _places(username: str, address: str) -> dict[str, str]:
    """Where failures of this user and of this address are counted: digest -> kind."""
    if ":" in address:
        # Whoever has one IPv6 address has the 2^64 of its network.
        address = str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False))
    return {_digest("user", username.casefold()): "user", _digest("address", address): "address"}


async def _count(places: Mapping[str, str], *, right: bool) -> None:
    """Count a try, or raise TooManyRequests `locked_out` while user or address has to wait."""

    async def work(sor: SafeSqlor) -> float:
        moment = now()
        # Made first where they are not there yet, so that there is something to lock.
        for digest in sorted(places):
            await sor.sqlExe(
                "insert into app_login_attempt (id, fails, last_at) values (${id}$, 0, ${at}$)"
                " on duplicate key update id = id",
                {"id": digest, "at": moment},
            )
        rows = await sor.sqlExe(
            "select id, fails, last_at from app_login_attempt where id in ${ids}$"
            " order by id for update",
            {"ids": sorted(places)},
        )
        free_at = [row.last_at + _wait(places[row.id], row.fails) for row in rows]
        seconds = (max(free_at) - moment).total_seconds()
        if seconds <= 0:
            await (_forget if right else _add)(sor, places, moment)
        return seconds

    seconds = await in_transaction(work)
    if seconds > 0:
        raise TooManyRequests(
            "locked_out",
            "Too many failed logins. Try again in {seconds} seconds.",
            headers={"Retry-After": str(int(seconds) + 1)},
            extra={"retry_after": int(seconds) + 1},
            seconds=int(seconds) + 1,
        )


async def _add(sor: SafeSqlor, places: Mapping[str, str], moment: datetime) -> None:
    old = moment - FORGOTTEN_AFTER
    await sor.sqlExe(
        "update app_login_attempt set fails = if(last_at < ${old}$, 1, fails + 1), last_at = ${at}$"
        " where id in ${ids}$",
        {"ids": sorted(places), "at": moment, "old": old},
    )


async def _forget(sor: SafeSqlor, places: Mapping[str, str], moment: datetime) -> None:
    user = next(digest for digest, kind in places.items() if kind == "user")
    # What others failed long ago goes too, so that the table stays small.
    await sor.sqlExe(
        "delete from app_login_attempt where id = ${id}$ or last_at < ${old}$",
        {"id": user, "old": moment - FORGOTTEN_AFTER},
    )


_FAILED = {
    "login_fail_count": "coalesce(login_fail_count, 0) + 1",
    "last_login_fail": "current_timestamp",
}
_SIGNED_IN = {"login_fail_count": "0", "last_login": "current_timestamp"}


async def _note_in_sage(user_id: str, wanted: Mapping[str, str]) -> None:
    """Write the columns this Sage has; older installations lack them."""
    async with transaction("sage") as sor:
        columns = await sor.columns("users")
        sets = ", ".join(f"{name} = {what}" for name, what in wanted.items() if name in columns)
        if sets:
            # Names and expressions are this file's own; the user's id is bound.
            await sor.sqlExe(f"update users set {sets} where id = ${{id}}$", {"id": user_id})  # noqa: S608
