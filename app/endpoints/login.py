"""
Signing in and out.

A name that does not exist and a wrong password are answered alike and take the same time: no
refusal is sent before a fixed time has passed. Failures are counted (app/access/lockout.py), and
noted in the audit trail, and in Sage's own columns where an installation has them. Who has a second
factor gets no session before it: a right password alone is asked for the code and changes nothing.
Sage's passwords are reversible RC4 (CRY-1): they are compared by encoding the input, never decoded,
never logged.
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import aiomysql
from aiohttp import web
from appPublic.rc4 import password as encode_password

from app.access.known_browsers import known_browser, remember_browser
from app.access.lockout import code_digest, count_try, places_of, require_no_wait
from app.access.rbac import SageUser, credentials_of, read_user
from app.access.request_context import CONTEXT, NOBODY
from app.access.sessions import SESSIONS
from app.base.catalogue.people import SECOND_FACTOR_SETUP, SECOND_FACTOR_WANTED, WRONG_CODE_SENT
from app.base.catalogue.requests import BAD_CREDENTIALS
from app.base.errors import AppError, TooManyRequests, Unavailable
from app.base.logs import log_info, log_warning
from app.base.metrics import Counter
from app.base.settings import settings
from app.db.errors import failure_code
from app.db.sqlor import Row, SafeSqlor
from app.db.transactions import in_transaction, reading, transaction
from app.people.account_events import note_event, note_failure
from app.people.second_factor import (
    Factor,
    Proof,
    begin_setup,
    find_factor,
    is_app_code,
    proof_of,
    put_in_force,
    use_up,
)
from app.schema.validation import FieldRule, check_params
from app.web.endpoint import answering
from app.web.request import with_context
from app.web.responses import json_response

log = logging.getLogger("pipeline.login")

# Longer than any check takes here, so that its time tells nothing.
REFUSAL_SECONDS = 0.3

_failures = Counter("pipeline_login_failures", "Tries to sign in that were refused", ["reason"])
_WORD = FieldRule(kind="text", required=True, length=255)
_CREDENTIALS = {
    "username": _WORD,
    "password": _WORD,
    "code": FieldRule(kind="text", length=64, default="", blank=True),
}


def encode(password: str, key: str) -> str:
    """Return *password* as Sage stores it: RC4 with the installation's key, base64."""
    return str(encode_password(password, key=key))


@answering("POST")
async def sign_in(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """
    POST {username, password}, and `code` where the user has a second factor: 200 and a session
    cookie.

    Raises NotSignedIn `bad_credentials`, TooManyRequests `locked_out` with Retry-After. With a
    right password alone, where a second factor is wanted: NotSignedIn `second_factor_wanted`, with
    what an app is set up by in `setup` where the user has none yet and a role that must; with a
    wrong code `wrong_code`. Who sets it up so is told `recovery_codes`, once.
    """
    began_at = time.monotonic()
    attempt = await _read_attempt(request, check_params(_CREDENTIALS, params))
    # Before anything that is done for a right password alone: its time would tell.
    with _noting_lock(request, attempt):
        await require_no_wait(attempt.places)
    proof = await _second_step(request, attempt) if attempt.is_right else None
    is_half = attempt.is_right and attempt.needs_code and not attempt.code
    is_right = attempt.is_right and (proof is not None or not attempt.needs_code)
    await _count(request, attempt, right=None if is_half else is_right)
    if is_half:
        raise await _want_code(attempt)
    recovery_codes = None
    if is_right and attempt.factor is not None and proof is not None:
        recovery_codes, is_right = await _use_code(attempt.factor, proof)
        if not is_right:
            await _count(request, attempt, right=False)
    if not is_right:
        await _tell_failure(request, attempt, began_at)
    return await _let_in(request, attempt, recovery_codes)


@dataclass(slots=True)
class _Attempt:
    """What was sent, and whose it is: whether name and password are right, and whether that is
    enough."""

    username: str
    code: str
    user_row: Row | None
    credentials: str
    is_right: bool
    browser: str | None
    places: dict[str, str]
    factor: Factor | None
    needs_code: bool = False


async def _read_attempt(request: web.Request, query: Mapping[str, Any]) -> _Attempt:
    username = query["username"]
    user_row = await _find(username)
    credentials = credentials_of(user_row.id, user_row.password) if user_row is not None else ""
    # Looked for where there is no such user too, in the same time.
    factor = await find_factor(user_row.id if user_row is not None else "")
    browser = known_browser(request, _sealed_with(credentials, factor))
    password = encode(query["password"], settings().password_key)
    password_of_user = str(user_row.password or "") if user_row is not None else ""
    matches = hmac.compare_digest(password.encode(), password_of_user.encode())
    # Who was invited and has not come yet has none.
    matches = matches and password_of_user != ""
    is_right = user_row is not None and matches and (user_row.user_status or "0") == "0"
    places = places_of(username, request[CONTEXT].client_ip, browser)
    code = query["code"].strip()
    return _Attempt(username, code, user_row, credentials, is_right, browser, places, factor)


def _sealed_with(credentials: str, factor: Factor | None) -> str:
    return f"{credentials}:{factor.since}" if factor is not None and factor.is_on else credentials


async def _count(request: web.Request, attempt: _Attempt, *, right: bool | None) -> None:
    """Count the try, or raise TooManyRequests."""
    with _noting_lock(request, attempt):
        await count_try(attempt.places, right=right)


@contextmanager
def _noting_lock(request: web.Request, attempt: _Attempt) -> Iterator[None]:
    try:
        yield
    except TooManyRequests:
        _failures.child("locked_out").add()
        log_warning(
            log, "login_locked_out", "login held up by failures before",
            username=attempt.username, ip=request[CONTEXT].client_ip,
        )  # fmt: skip
        raise


async def _second_step(request: web.Request, attempt: _Attempt) -> Proof | None:
    """Look what besides the password is wanted, and whether it was sent; nothing is used up."""
    assert attempt.user_row is not None
    user = await read_user(attempt.user_row.id)
    factor = attempt.factor
    strict_roles = request.app[SESSIONS].strict_roles
    must = user is not None and not strict_roles.isdisjoint(user.actor.roles)
    attempt.needs_code = must or (factor is not None and factor.is_on)
    if not attempt.needs_code or not attempt.code or factor is None:
        return None
    if is_app_code(attempt.code):
        attempt.places[code_digest(factor.user_id)] = "code"
    try:
        return await proof_of(factor, attempt.code)
    except Unavailable:
        # It tells that the password is right, as a wrong code does.
        await _count(request, attempt, right=False)
        raise


async def _want_code(attempt: _Attempt) -> AppError:
    """Return what is told where the password is right and a code is missing."""
    assert attempt.user_row is not None
    if attempt.factor is not None and attempt.factor.is_on:
        return SECOND_FACTOR_WANTED()
    setup = await begin_setup(attempt.user_row.id, attempt.username)
    return SECOND_FACTOR_SETUP(extra={"setup": await asyncio.to_thread(setup.as_dict)})


async def _use_code(factor: Factor, proof: Proof) -> tuple[list[str] | None, bool]:
    """Use the code up, which turns on what was only being set up; recovery codes made so, and
    whether nobody used it before."""

    async def work(sor: SafeSqlor) -> tuple[list[str] | None, bool]:
        if factor.is_on:
            return None, await use_up(sor, proof)
        codes = await put_in_force(sor, factor, proof)
        return codes, codes is not None

    return await in_transaction(work)


async def _tell_failure(request: web.Request, attempt: _Attempt, began_at: float) -> NoReturn:
    """Note and tell that it was wrong, not before a time that tells nothing."""
    row, client_ip = attempt.user_row, request[CONTEXT].client_ip
    reason = "wrong_code" if attempt.is_right else "bad_credentials"
    _failures.child(reason).add()
    log_warning(
        log, "login_failed", "login refused", username=attempt.username, ip=client_ip, reason=reason
    )
    if row is not None:
        await _note_in_sage(row.id, _FAILED)
    # A name that nobody has may be a password in the wrong field: it is not kept.
    user_id, username = (row.id, row.username) if row is not None else ("", "")
    await note_failure(with_context(NOBODY, request[CONTEXT]), user_id, username, reason)
    await asyncio.sleep(began_at + REFUSAL_SECONDS - time.monotonic())
    raise WRONG_CODE_SENT() if attempt.is_right else BAD_CREDENTIALS()


async def _let_in(
    request: web.Request, attempt: _Attempt, recovery_codes: list[str] | None
) -> web.StreamResponse:
    assert attempt.user_row is not None
    await _note_in_sage(attempt.user_row.id, _SIGNED_IN)
    user = await read_user(attempt.user_row.id)
    # Read anew: since the password was compared, it may have been changed, or the user disabled.
    if user is None or not user.usable or user.credentials != attempt.credentials:
        raise BAD_CREDENTIALS()
    log_info(log, "login", "login", username=user.username, ip=request[CONTEXT].client_ip)
    answer: dict[str, Any] = {
        "user_id": user.user_id,
        "username": user.username,
        "roles": sorted(user.role_names),
    }
    if recovery_codes is not None:
        answer["recovery_codes"] = recovery_codes
    response = json_response({"data": answer})
    is_set_up = recovery_codes is not None
    # Sessions of before a second factor are none any more.
    await request.app[SESSIONS].begin(
        request, response, user, has_second_factor=attempt.needs_code, instead_of_all=is_set_up
    )
    await _note_sign_in(request, user, attempt, is_set_up=is_set_up)
    if attempt.browser is None or is_set_up:
        factor = await find_factor(user.user_id)
        remember_browser(request, response, _sealed_with(user.credentials, factor))
    return response


async def _note_sign_in(
    request: web.Request, user: SageUser, attempt: _Attempt, *, is_set_up: bool
) -> None:
    actor = with_context(user.actor, request[CONTEXT])
    detail = {"second_factor": True} if attempt.needs_code else None

    async def work(sor: SafeSqlor) -> None:
        if is_set_up:
            await note_event(sor, actor, "second_factor_on", user.user_id, user.username)
        await note_event(sor, actor, "sign_in", user.user_id, user.username, detail)

    await in_transaction(work)


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
