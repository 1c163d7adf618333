"""
What becomes of connections that are too many: they get 503, and hear when to come back.

A process that has used up its descriptors accepts nothing any more, says so to nobody, and a load
balancer takes it for dead. So each worker has a limit below that. Beyond it a connection's request
is read as far as its path: /healthz, /readyz and /metrics are answered, all else is refused.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import cast

from app.access.paths import OPEN_PATHS
from app.base.catalogue.requests import TOO_MANY_CONNECTIONS
from app.base.ids import time_ordered_id
from app.base.logs import log_warning
from app.base.settings import Options
from app.runtime.descriptors import raise_descriptor_limit
from app.server.answer_bytes import answer_bytes
from app.web.responses import PROBLEM_TYPE, Answer, problem_document

log = logging.getLogger("pipeline.server")

# So many may be told at the same time, and so long one has to say what it asks for.
MAX_PARTING = 128
PARTING_SECONDS = 2.0
RETRY_AFTER_SECONDS = 1
_MAX_HEAD = 16_384
_TELL_EVERY_SECONDS = 10.0

Protocol = asyncio.Protocol


def connection_limit(options: Options) -> int:
    """Return how many connections this worker takes: as the settings say, or what the descriptor
    limit leaves beside files, the database's connections and those being told that it is full."""
    # Those that ask for health when it is full are as many again.
    others = 256 + 2 * MAX_PARTING + 4 * (options.pool_size + 2)
    possible = max(16, raise_descriptor_limit() - others)
    if possible < options.max_connections:
        log_warning(
            log, "few_descriptors",
            "the descriptor limit allows fewer connections than max_connections; raise it "
            "(ulimit -Hn, LimitNOFILE= of the unit)",
            max_connections=options.max_connections, possible=possible,
        )  # fmt: skip
    return min(options.max_connections, possible)


class Shedding:
    """The limit of one worker's connections, and what has been refused because of it."""

    def __init__(self, max_connections: int) -> None:
        self.max_connections = max_connections
        self.refusals = 0
        self._parting: set[PartingProtocol] = set()
        self._told_at = -_TELL_EVERY_SECONDS
        self._untold_refusals = 0

    def protocol(self, usual: Callable[[], Protocol | None]) -> Protocol:
        """Return what speaks with a connection that is too many; *usual* makes what
        answers one question on it, or None where that would be too many too."""
        return PartingProtocol(self._parting, usual, self._note)

    def _note(self) -> None:
        self.refusals += 1
        self._untold_refusals += 1
        if time.monotonic() - self._told_at < _TELL_EVERY_SECONDS:
            return
        log_warning(
            log, "connections_refused", "too many connections: new ones are answered 503",
            count=self._untold_refusals, max_connections=self.max_connections,
        )  # fmt: skip
        self._told_at, self._untold_refusals = time.monotonic(), 0


class PartingProtocol(asyncio.Protocol):
    """Reads what is asked for; answers it where it must be answered always, else refuses."""

    def __init__(
        self,
        others: "set[PartingProtocol]",
        usual: Callable[[], Protocol | None],
        note: Callable[[], None],
    ) -> None:
        self._others = others
        self._usual = usual
        self._note = note
        self._head = b""
        self._is_told = False
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give it a moment to say what it wants; none where very many are being told."""
        own = cast("asyncio.Transport", transport)  # uvloop's is of no class of asyncio's
        if len(self._others) >= MAX_PARTING:
            self._note()
            own.abort()
            return
        self._others.add(self)
        self._transport = own
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(PARTING_SECONDS, own.abort)

    def data_received(self, data: bytes) -> None:
        """Look for the path; what comes after the refusal is read and thrown away, since closing
        over unread bytes would take the answer from the client."""
        if self._is_told or self._transport is None:
            return
        self._head += data
        if b"\n" not in self._head and len(self._head) < _MAX_HEAD:
            return
        words = self._head.split(b"\n", 1)[0].split()
        path = words[1].partition(b"?")[0].decode("ascii", "replace") if len(words) > 1 else ""
        usual = self._usual() if path in OPEN_PATHS else None
        if usual is not None:
            self._hand_over(self._transport, usual)
        else:
            self._refuse(self._transport)

    def eof_received(self) -> None:
        """Close: nothing more is asked."""

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room for another one."""
        self._leave()

    def _leave(self) -> None:
        self._others.discard(self)
        if self._patience is not None:
            self._patience.cancel()

    def _hand_over(self, transport: asyncio.Transport, usual: Protocol) -> None:
        self._leave()
        transport.set_protocol(usual)
        usual.connection_made(transport)
        usual.data_received(self._head)

    def _refuse(self, transport: asyncio.Transport) -> None:
        self._is_told = True
        self._note()
        request_id = time_ordered_id()
        error = TOO_MANY_CONNECTIONS()
        answer = Answer(
            problem_document(error, "en", request_id), error.status,
            {"Retry-After": str(RETRY_AFTER_SECONDS)}, PROBLEM_TYPE,
        )  # fmt: skip
        transport.write(answer_bytes(answer, request_id, is_last=True))
        if transport.can_write_eof():
            transport.write_eof()
