"""
How the machine reaches the product: its endpoints in this process, with a clock that can be moved,
or the same ones over HTTP from real workers.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import httpx
import pymysql
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict

from app.access.api_request import ApiRequest
from app.access.request_context import RequestContext
from app.base import clock
from app.base.actor import SYSTEM_ACTOR
from app.base.errors import AppError
from app.base.json_codec import json_bytes, to_json
from app.db.transactions import reading
from app.web.responses import Answer
from pipeline_core.init import MODULE as CORE
from pipeline_dist.accounts.authentication import (
    AuthenticatedDistributor,
    Credentials,
    authenticate,
    read_credentials,
)
from pipeline_dist.api import v1
from pipeline_dist.api.endpoint import ApiCall, Reply
from pipeline_dist.closing.due import close_due
from pipeline_dist.init import MODULE as DIST
from pipeline_ops.calls.sweeper import expire_overdue
from pipeline_ops.init import MODULE as OPS
from pipeline_ops.ledger.check import check
from pipeline_ops.rollup.build import build_next_day, last_day_over, raise_fences
from tests.support.day_sums import build_days
from tests.support.installation import Installation

FUNCTIONS = {
    "me": v1.me, "usage": v1.usage_report, "statement": v1.month_statement, "quote": v1.quote,
    "calls": v1.begin_call, "calls/finish": v1.finish_call, "calls/batch": v1.book_batch,
    "statements": v1.statements,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reaction:
    """What the product answers: a body, or the code of its refusal."""

    body: Any
    code: str | None = None
    is_replay: bool = False
    raw: bytes = b""


class Wire(Protocol):
    """A way to the product."""

    installation: Installation
    has_own_clock: bool

    async def admin(self, endpoint: str, /, **params: Any) -> Reaction:
        """Ask an endpoint for administrators, such as `pipeline_pricing_create`."""

    async def get(self, key: str, path: str, *, lang: str = "en", **params: str) -> Reaction:
        """Read from the distributor API with a distributor's key."""

    async def post(self, key: str, path: str, body: Any, idempotency: str = "") -> Reaction:
        """Send to the distributor API."""

    async def move_clock(self, moment: datetime) -> None:
        """Let it be another time, and let the worker do what is due then."""

    async def ledger_differences(self) -> list[str]:
        """What check-ledger says."""


class _Request(ApiRequest):
    """As much of a request as the functions of the distributor API look at."""

    def __init__(self, key: str, params: Mapping[str, str], body: Any, idempotency: str,
                 lang: str = "en") -> None:  # fmt: skip
        headers = CIMultiDict({"Authorization": f"Bearer {key}"})
        if idempotency:
            headers["Idempotency-Key"] = idempotency
        self.headers = CIMultiDictProxy(headers)
        self.query = MultiDict(params)
        self.query_string = "&".join(params)
        self.context = RequestContext("money", "127.0.0.1", lang, True, params, json_body=body)


# After how many of the steps of time nothing is summed up, or the next day only.
UNBUILT_SHARE = 0.3
PARTLY_BUILT_SHARE = 0.3


class OwnProcess:
    """The product's functions in this process, on its real database."""

    has_own_clock = True

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        # Who calls by a key, as long as only reports are read: they all see one state.
        self._callers: dict[str, AuthenticatedDistributor] = {}
        self._endpoints = {**CORE.endpoints, **OPS.endpoints, **DIST.endpoints}

    async def admin(self, endpoint: str, /, **params: Any) -> Reaction:
        """Ask an endpoint for administrators."""
        self._callers.clear()
        try:
            value = await self._endpoints[endpoint].function(SYSTEM_ACTOR, params)
        except AppError as exc:
            return Reaction(_problem(exc), exc.code)
        body = value.body if isinstance(value, Answer) else value
        if isinstance(body, bytes):
            return Reaction(None, raw=body)
        return Reaction(json.loads(to_json(body)))

    async def get(self, key: str, path: str, *, lang: str = "en", **params: str) -> Reaction:
        """Read from the distributor API."""
        return await self._ask(path, _Request(key, params, None, "", lang))

    async def post(self, key: str, path: str, body: Any, idempotency: str = "") -> Reaction:
        """Send to the distributor API."""
        self._callers.clear()
        reaction = await self._ask(path, _Request(key, {}, body, idempotency))
        self._callers.clear()
        return reaction

    async def move_clock(self, moment: datetime) -> None:
        """Let it be another time; end the calls whose time is up, close the months that are due,
        and keep sums of days that are over: of all, of some, or of none yet."""
        self._callers.clear()
        clock.set_source(lambda: moment)
        await expire_overdue(moment)
        await close_due(moment)
        dice = random.Random(moment.isoformat())
        if dice.random() < UNBUILT_SHARE:
            return
        if dice.random() < PARTLY_BUILT_SHARE:
            await raise_fences(last_day_over())
            await build_next_day(last_day_over())
            return
        await build_days()

    async def ledger_differences(self) -> list[str]:
        """What check-ledger says, in this process."""
        async with reading(snapshot=True) as sor:
            return [str(difference) for difference in await check(sor)]

    async def _ask(self, path: str, request: Any) -> Reaction:
        func: ApiCall = FUNCTIONS[path]
        try:
            credentials: Credentials = read_credentials(request, func.scopes)
            if func.by_credentials is not None:
                reply: Reply = await func.by_credentials(request, credentials)
            else:
                assert func.by_caller is not None
                caller = self._callers.get(credentials.digest)
                if caller is None:
                    caller = self._callers[credentials.digest] = await authenticate(credentials)
                reply = await func.by_caller(request, caller)
        except AppError as exc:
            return Reaction(_problem(exc), exc.code)
        body = reply.body
        if not isinstance(body, bytes):
            body = json_bytes(body)
        is_replay = reply.headers.get("Idempotent-Replayed") == "true"
        value = json.loads(body) if "json" in reply.content_type else None
        return Reaction(value, is_replay=is_replay, raw=body)


class Http:
    """The product's workers, over HTTP; their clock is the machine's."""

    has_own_clock = False

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self._modules = {
            name: module.name for module in (CORE, OPS, DIST) for name in module.endpoints
        }
        self._client = installation.anonymous()

    async def admin(self, endpoint: str, /, **params: Any) -> Reaction:
        """POST to an endpoint for administrators."""
        path = f"/{self._modules[endpoint]}/api/{endpoint}.dspy"
        headers = {"Accept-Language": "en"}
        answer = self.installation.admin.post(path, json=params, headers=headers)
        reaction = _reaction(answer)
        if reaction.code or reaction.body is None:
            return reaction
        return Reaction(reaction.body.get("data"))

    async def get(self, key: str, path: str, *, lang: str = "en", **params: str) -> Reaction:
        """GET from the distributor API."""
        headers = {"Authorization": f"Bearer {key}", "Accept-Language": lang}
        url = f"/pipeline_dist/v1/{path}"
        return _reaction(self._client.get(url, params=params, headers=headers))

    async def post(self, key: str, path: str, body: Any, idempotency: str = "") -> Reaction:
        """POST to the distributor API."""
        headers = {"Authorization": f"Bearer {key}"}
        if idempotency:
            headers["Idempotency-Key"] = idempotency
        url = f"/pipeline_dist/v1/{path}"
        return _reaction(self._client.post(url, json=body, headers=headers))

    async def move_clock(self, moment: datetime) -> None:
        """The machine's clock goes by itself."""

    async def ledger_differences(self) -> list[str]:
        """What `manage.py check-ledger` says."""
        process = self.installation.manage("check-ledger", check=False)
        return [] if process.returncode == 0 else [process.stdout + process.stderr]


def _reaction(answer: httpx.Response) -> Reaction:
    body: Any = answer.json() if "json" in answer.headers["Content-Type"] else None
    is_replay = answer.headers.get("Idempotent-Replayed") == "true"
    code = body["code"] if answer.status_code >= 400 else None
    return Reaction(body, code, is_replay, answer.content)


def _problem(error: AppError) -> dict[str, Any]:
    return {
        "code": error.code, "extra": str(error.extra),
        "errors": [f"{problem.field}: {problem.code}" for problem in error.problems or []],
    }  # fmt: skip


def open_rows(installation: Installation) -> "pymysql.cursors.DictCursor":
    """A cursor that reads rows as they are committed."""
    return installation.connect().cursor(pymysql.cursors.DictCursor)


__all__ = ["Http", "OwnProcess", "Reaction", "Wire", "open_rows"]
