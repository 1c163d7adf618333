"""
What becomes of requests of programs that are too many at the same time: they hear so at once.

Each endpoint for programs says how many requests of a method may be under way in a worker. Whoever
comes beyond them waits for nothing: the refusal is written where the parser has read the request,
before anything of it is looked at, its key too, and costs a tenth of an answer. It must be so
cheap: a worker that spends its time on refusing lets nobody in. And it must go by what is under
way: those that the event loop hands over in one turn have not begun to wait for anything yet, when
the first of them could be counted there.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time

from app.access.paths import Target
from app.base.catalogue.requests import CROWDED
from app.base.i18n import pick_language
from app.base.log_repeats import tell_repeated
from app.base.logs import log_warning
from app.server.answer_bytes import answer_bytes
from app.server.metrics import REQUEST_METRICS
from app.web.endpoint import Endpoint
from app.web.request import own_request_id
from app.web.responses import PROBLEM_TYPE, Answer, problem_document

log = logging.getLogger("pipeline.server")

RETRY_AFTER_SECONDS = 1
# So many that ask for what is full are read in one turn of the event loop, the others in the next
# ones: what has been let in is answered in between. Where nothing else is to be done, turns are
# short.
MAX_REFUSALS_A_TURN = 32
# How far the end of a request line is looked for.
MAX_START = 100
# Stands for each character of a request's id in bytes that are kept; no answer has it elsewhere.
_ID_MARK = "~"


class Crowd:
    """The requests of one method and address that are under way in this worker."""

    __slots__ = ("_name", "_parts", "_second", "count", "limit")

    def __init__(self, name: str, limit: int) -> None:
        """*name* is how metrics call the endpoint; *limit*: so many may be under way."""
        self.count = 0
        self.limit = limit
        self._name = name
        self._second = ""
        self._parts: dict[tuple[str, int], list[bytes]] = {}

    def refusal(self, app: web.Application, message: Any) -> bytes:
        """Return the answer to *message*, which is one too many; count it."""
        app[REQUEST_METRICS].count(self._name, CROWDED.status, 0.0)
        tell_repeated(("crowd", self._name), self._tell)
        second = rfc822_formatted_time()
        if second != self._second:
            self._second, self._parts = second, {}
        lang = pick_language(message.headers.get("Accept-Language"))
        request_id = own_request_id(message)
        length = len(request_id)
        parts = self._parts.get((lang, length))
        if parts is None:
            mark = _ID_MARK * length
            parts = self._parts[lang, length] = _refusal_bytes(lang, mark).split(mark.encode())
        return request_id.encode().join(parts)

    def _tell(self, count: int) -> None:
        log_warning(
            log, "too_many_requests", "too many requests at the same time: they are answered 503",
            endpoint=self._name, count=count, limit=self.limit,
        )  # fmt: skip


def _refusal_bytes(lang: str, request_id: str) -> bytes:
    error = CROWDED()
    answer = Answer(
        problem_document(error, lang, request_id), error.status,
        {"Retry-After": str(RETRY_AFTER_SECONDS)}, PROBLEM_TYPE,
    )  # fmt: skip
    return answer_bytes(answer, request_id)


class Crowds:
    """All of one worker, by method and address."""

    def __init__(self, app: web.Application) -> None:
        self.app = app
        self._crowds: dict[tuple[str, str], Crowd] = {}
        # By how their requests begin.
        self._by_start: dict[bytes, Crowd] = {}
        self._put_off: deque[Callable[[], None]] = deque()

    def of(self, method: str, path: str, target: Target | None, endpoint: Endpoint) -> Crowd | None:
        """Return the crowd of a request of *path*, which means *target* and its *endpoint*; None
        where all are let in."""
        limit = endpoint.most_under_way.get(method)
        if limit is None or target is None:
            return None
        crowd = self._crowds.get((method, path))
        if crowd is None:
            crowd = self._crowds[method, path] = Crowd(target.url, limit)
            self._by_start[f"{method} {path}".encode()] = crowd
        return crowd

    def is_put_off(self, data: bytes, take: Callable[[], None]) -> bool:
        """
        Return whether *data* of a connection, which begins with a request, asks for what is full:
        then *take* is called in a later turn of the loop, and *data* is to be kept until then.

        This only says when it is read; what it is, the parser says.
        """
        start = data[: data.find(b" HTTP/1.1\r\n", 0, MAX_START)]
        crowd = self._by_start.get(start)
        if crowd is None or (crowd.count < crowd.limit and not self._put_off):
            return False
        if not self._put_off:
            asyncio.get_running_loop().call_soon(self._take_some)
        self._put_off.append(take)
        return True

    def _take_some(self) -> None:
        try:
            for _ in range(min(MAX_REFUSALS_A_TURN, len(self._put_off))):
                self._put_off.popleft()()
        finally:  # the fault of one is not to keep the others waiting for ever
            if self._put_off:
                asyncio.get_running_loop().call_soon(self._take_some)

    def refusal(self, message: Any) -> bytes | None:
        """Return the answer to *message* where it is one too many; else None."""
        crowd = self._crowds.get((message.method, message.path.partition("?")[0]))
        if crowd is None or crowd.count < crowd.limit:
            return None
        return crowd.refusal(self.app, message)
