"""
One line of JSON for each request that was answered: when, which, what, by whom, how long.

Nothing of a query, a body or a header stands in it, and a key that somebody wrote into an address
is left out. The line is put together by hand: `json.dumps` of a dictionary takes ten times as long,
which all requests would pay.
"""

import json
import re
import time
from functools import lru_cache

from aiohttp import web

from app.access.api_request import AnyRequest
from app.access.request_context import RequestContext
from app.base.line_buffer import LineBuffer
from app.base.log_options import ALL_REQUESTS, NO_REQUESTS, LogOptions
from app.base.logs import log_file, single_line, time_text

MAX_PATH = 200
# As keys of distributors are written, and whatever else is as long and as random.
_SECRET = re.compile(r"[0-9A-Za-z_-]{40,}")


class RequestLog:
    """The lines of one worker's requests."""

    def __init__(self, options: LogOptions) -> None:
        self._is_on = options.request_log != NO_REQUESTS
        self._has_all = options.request_log == ALL_REQUESTS
        self._slow_seconds = options.request_log_slow_ms / 1000
        self._buffer = LineBuffer(log_file())
        # The second of the last line, as text.
        self._second, self._second_text = 0, ""

    def add(
        self,
        request: AnyRequest | web.BaseRequest,
        context: RequestContext,
        endpoint: str,
        status: int,
        seconds: float,
    ) -> None:
        """Log that *request* was answered with *status* after *seconds*, if that is to be told."""
        if self._has_all or (self._is_on and (status >= 500 or seconds >= self._slow_seconds)):
            level = "WARNING" if status >= 500 else "INFO"
            who = _who(
                context.key_prefix, context.distributor, context.actor.username,
                context.refusal_code, context.client_ip,
            )  # fmt: skip
            self._buffer.add(
                f'{{"at": "{self._now()}", "level": "{level}", "log": "pipeline.access",'
                f' "action": "request", "request_id": "{context.request_id}",'
                f" {_what(request.method, request.path, endpoint)},"
                f' "status": {status}, "ms": {seconds * 1000:.2f}, {who}, "message": "request"}}\n'
            )

    def close(self) -> None:
        """Write what is left; at the end of the process."""
        self._buffer.close()

    def _now(self) -> str:
        moment = time.time()
        second = int(moment)
        if second != self._second:
            self._second, self._second_text = second, time_text(second)[:-4]
        return f"{self._second_text}{int((moment - second) * 1000):03d}Z"


# Most requests are like one before: of the same program, for the same script.
@lru_cache(maxsize=4096)
def _what(method: str, path: str, endpoint: str) -> str:
    safe_path = _SECRET.sub("…", path[:MAX_PATH])
    return f'"method": {_json(method)}, "path": {_json(safe_path)}, "endpoint": {_json(endpoint)}'


@lru_cache(maxsize=4096)
def _who(
    key: str | None, distributor: str | None, user: str, code: str | None, address: str
) -> str:
    words = {"key": key, "distributor": distributor, "user": user, "code": code}
    members = [f'"{name}": {_json(word)}' for name, word in words.items() if word]
    return ", ".join([*members, f'"address": {_json(address)}'])


def _json(text: str) -> str:
    return single_line(json.dumps(text, ensure_ascii=False))


REQUEST_LOG = web.AppKey("pipeline.request_log", RequestLog)
