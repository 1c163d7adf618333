"""
Login sessions: a random id in the cookie, its hash in the table `app_session`.

Replaces ahserver's ticket cookie: forgeable (SES-1), reissued in the answer to a log-out (SES-7),
without an end (SES-6), with the user's data joined by `:` (SES-4). The cookie's second part is an
HMAC with the installation's secret, so that made-up cookies do not reach the database and a new
secret ends every session. A session also ends, for good, when its user gets another password,
loses a role held at login, or is disabled; and one that began without the second factor, when its
user gets one, or a role that has to have one.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web

from app.access.rbac import SageUser
from app.access.request_context import CONTEXT
from app.base.catalogue.requests import NOT_SIGNED_IN
from app.base.clock import now
from app.base.secrets import WatchedSecret
from app.base.settings import Settings
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction, reading

COOKIE = "pipeline_session"
_SEEN_EVERY = timedelta(minutes=1)
_MAX_KNOWN = 1_000
# A session that began before its user had a second factor is none any more.
_SESSION = """
select id, user_id, created_at, seen_at, credentials, roles, second_factor from app_session s
 where id = ${id}$ and (second_factor = 1 or not exists (
   select 1 from app_second_factor f where f.id = s.user_id and f.confirmed_at is not null))
"""
_OF_USER = """
select id, created_at, seen_at, address, user_agent, second_factor from app_session s
 where user_id = ${id}$ and created_at >= ${old}$ and seen_at >= ${idle}$
   and (second_factor = 1 or not exists (
     select 1 from app_second_factor f where f.id = s.user_id and f.confirmed_at is not null))
 order by id = ${own}$ desc, seen_at desc limit 200
"""


@dataclass(frozen=True)
class Session:
    """A valid session: whose it is, and what the user's password and roles were at login."""

    session_id: str
    user_id: str
    credentials: str | None
    roles: frozenset[str]
    has_second_factor: bool = False

    def holds_for(self, user: SageUser | None, strict_roles: frozenset[str] = frozenset()) -> bool:
        """Return whether *user* still is who signed in: usable, same password, no role lost, and
        with a second factor where one of *strict_roles* asks for it."""
        return (
            user is not None
            and user.usable
            and user.credentials == self.credentials
            and self.roles <= user.role_names
            and (self.has_second_factor or strict_roles.isdisjoint(user.actor.roles))
        )


class Sessions:
    """Sessions of one installation; a valid one is remembered for a few seconds per process."""

    def __init__(self, config: Settings) -> None:
        self._secret = WatchedSecret(config.var_dir, "session_secret")
        self._life = timedelta(hours=config.options.session_hours)
        self._idle = timedelta(minutes=config.options.session_idle_minutes)
        self._remembered_seconds = config.options.remembered_seconds
        # The roles that sign in with a second factor.
        self.strict_roles = frozenset(config.options.second_factor_roles)
        self.is_https = config.is_https
        # By the whole Cookie header: parsing and checking it costs more than all else here.
        self._sessions: dict[str, tuple[float, Session]] = {}

    async def begin(
        self,
        request: web.Request,
        response: web.StreamResponse,
        user: SageUser,
        *,
        has_second_factor: bool,
        instead_of_all: bool = False,
    ) -> None:
        """Start a new session for *user* and set its cookie; one the browser had before ends, or
        *instead_of_all* every one that the user had."""
        before = self._token(request.cookies.get(COOKIE, ""))
        token = secrets.token_urlsafe(32)
        moment = now()
        row = {
            "id": _hash(token),
            "user_id": user.user_id,
            "username": user.username,
            "org_id": user.org_id,
            "created_at": moment,
            "seen_at": moment,
            "address": request[CONTEXT].client_ip[:64],
            "credentials": user.credentials,
            "roles": json.dumps(sorted(user.role_names), ensure_ascii=False),
            "user_agent": _strip_control_characters(request.headers.get("User-Agent", ""))[:255],
            "second_factor": has_second_factor,
        }

        async def work(sor: SafeSqlor) -> None:
            await sor.sqlExe(
                "delete from app_session where created_at < ${old}$ or seen_at < ${idle}$",
                {"old": moment - self._life, "idle": moment - self._idle},
            )
            if instead_of_all:
                await sor.sqlExe(
                    "delete from app_session where user_id = ${id}$", {"id": user.user_id}
                )
            await sor.C("app_session", row)

        await in_transaction(work)
        if instead_of_all:
            self._forget(lambda session: session.user_id == user.user_id)
        if before is not None:
            await self.drop(_hash(before))
        response.set_cookie(
            COOKIE,
            f"{token}.{self.seal(token)}",
            httponly=True,
            samesite="Lax",
            path="/",
            secure=self.is_https,
            max_age=int(self._life.total_seconds()),
        )

    async def find(self, request: web.Request) -> Session | None:
        """Return the valid session of *request*, or None."""
        header = request.headers.get("Cookie")
        if header is None:
            return None
        entry = self._sessions.get(header)
        if entry is not None and time.monotonic() - entry[0] <= self._remembered_seconds:
            return entry[1]
        self._sessions.pop(header, None)
        token = self._token(request.cookies.get(COOKIE, ""))
        if token is None:
            return None
        began_at = time.monotonic()
        session = await self._load(_hash(token))
        # Neither the number of headers nor their length may fill the memory.
        if session is not None and len(header) <= _MAX_KNOWN:
            if len(self._sessions) > 10_000:
                self._sessions.clear()
            self._sessions[header] = (began_at, session)
        return session

    async def find_anew(self, request: web.Request) -> Session | None:
        """Return the valid session of *request* as the database has it now, or None: for what must
        not be done by one that ended a few seconds ago."""
        token = self._token(request.cookies.get(COOKIE, ""))
        return None if token is None else await self._load(_hash(token))

    async def require(self, sor: SafeSqlor, session: Session) -> None:
        """Raise NotSignedIn where *session* has ended; else it cannot end while the transaction of
        *sor* lasts."""
        if not await sor.one(_SESSION + " for update", {"id": session.session_id}):
            raise NOT_SIGNED_IN()

    async def end(self, request: web.Request, response: web.StreamResponse) -> None:
        """End the session of *request*: at once here, within seconds in the others."""
        token = self._token(request.cookies.get(COOKIE, ""))
        if token is not None:
            await self.drop(_hash(token))
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Lax", secure=self.is_https)

    async def drop(self, session_id: str) -> None:
        """End one session for good."""

        async def work(sor: SafeSqlor) -> None:
            await sor.sqlExe("delete from app_session where id = ${id}$", {"id": session_id})

        await in_transaction(work)
        self._forget(lambda session: session.session_id == session_id)

    async def end_all(self, user_id: str) -> None:
        """End every session of a user."""

        async def work(sor: SafeSqlor) -> None:
            await sor.sqlExe("delete from app_session where user_id = ${id}$", {"id": user_id})

        await in_transaction(work)
        self._forget(lambda session: session.user_id == user_id)

    async def of_user(self, request: web.Request, user_id: str) -> list[dict[str, Any]]:
        """Return the user's sessions that have not ended, the one of *request* first: id,
        created_at, seen_at, address, user_agent, has_second_factor, is_current."""
        token = self._token(request.cookies.get(COOKIE, ""))
        own_id = "" if token is None else _hash(token)
        moment = now()
        values = {
            "id": user_id, "own": own_id, "old": moment - self._life, "idle": moment - self._idle
        }  # fmt: skip
        async with reading() as sor:
            rows = await sor.sqlExe(_OF_USER, values)
        return [
            dict(row, has_second_factor=bool(row.pop("second_factor")), is_current=row.id == own_id)
            for row in rows
        ]

    async def end_own(self, request: web.Request, user_id: str, session_id: str | None) -> int:
        """End one session of the user, or (None) all but the one of *request*; how many ended."""
        token = self._token(request.cookies.get(COOKIE, ""))
        values = {"user": user_id, "id": session_id or (_hash(token) if token else "")}
        which = "id = ${id}$" if session_id else "id <> ${id}$"
        sql = f"delete from app_session where user_id = ${{user}}$ and {which}"  # noqa: S608

        async def work(sor: SafeSqlor) -> int:
            return int(await sor.sqlExe(sql, values))

        count = await in_transaction(work)
        # What is remembered is read again: the one that stays too.
        self._forget(lambda session: session.user_id == user_id)
        return count

    def _forget(self, which: Callable[[Session], bool]) -> None:
        self._sessions = {k: v for k, v in self._sessions.items() if not which(v[1])}

    async def _load(self, session_id: str) -> Session | None:
        async with reading() as sor:
            row = await sor.one(_SESSION, {"id": session_id})
        moment = now()
        if row is None or moment - row.created_at > self._life or moment - row.seen_at > self._idle:
            return None
        if moment - row.seen_at > _SEEN_EVERY:

            async def work(sor: SafeSqlor) -> None:
                await sor.sqlExe(
                    "update app_session set seen_at = ${seen}$ where id = ${id}$",
                    {"seen": moment, "id": session_id},
                )

            await in_transaction(work)
        roles = frozenset(json.loads(row.roles or "[]"))
        return Session(row.id, row.user_id, row.credentials, roles, bool(row.second_factor))

    def _token(self, cookie: str) -> str | None:
        token, _, mac = cookie.partition(".")
        # A header may hold any bytes; what is no text is nobody's cookie.
        if not token or not cookie.isascii():
            return None
        return token if self.is_sealed(token, mac) else None

    def seal(self, text: str) -> str:
        """Return what only this installation can say of *text*, as long as it keeps its secret."""
        key = self._secret.value().encode()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def is_sealed(self, text: str, seal: str) -> bool:
        """Return whether *seal* is the one of *text*."""
        return seal.isascii() and hmac.compare_digest(seal, self.seal(text))


SESSIONS = web.AppKey("pipeline.sessions", Sessions)


def _strip_control_characters(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
