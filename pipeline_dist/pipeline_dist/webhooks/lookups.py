"""
Looking names up, and whose failure it is where that gives no address.

A name that does not exist, or that its own nameservers do not tell, is the receiver's failure, and
counts. Where the nameservers of this host do not answer, the receiver has done nothing: its webhook
waits, and is not nearer to being disabled. Which of both it is, a second question tells, put to
each of the nameservers at once: who the root's nameservers are. Whichever replies lives, whatever
its reply is.

`pycares` asks, and not the system's getaddrinfo: that tells both by the same code, and takes a
thread for each name until the system gives up.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import closing, suppress
from math import inf
from time import monotonic
from typing import Any

import pycares

from pipeline_dist.webhooks.addresses import NameUnknown, NoNameserver, Place

# Of one question to one nameserver; of a name with all of them; of the question about the root to
# each. The latter two are together less than a message may take, so that it is known whose failure
# it was.
ASK_SECONDS = 2.0
LOOKUP_SECONDS = 6.0
ROOT_ASK_SECONDS = 2.0
_SLACK_SECONDS = 0.5
# So long nobody else waits for nameservers that have just not answered; nor are they given up where
# they have answered within it.
SILENCE_SECONDS = 5.0
_TRIES = 2
_NO_ANSWER = pycares.errno.ARES_ETIMEOUT
# What only a nameserver that knows can say.
_IS_KNOWN = frozenset(
    {
        pycares.errno.ARES_ENODATA,
        pycares.errno.ARES_ENOTFOUND,
        pycares.errno.ARES_EBADNAME,
    }
)
# What one says that works, asked for the root. Not SERVFAIL: a resolver of this host that is itself
# cut off from the world answers so.
_IS_REPLY = frozenset(
    {
        pycares.errno.ARES_ENODATA,
        pycares.errno.ARES_EFORMERR,
        pycares.errno.ARES_ENOTFOUND,
        pycares.errno.ARES_ENOTIMP,
        pycares.errno.ARES_EREFUSED,
    }
)


class _Refusal(Exception):
    """Why there is no answer, as c-ares says it."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _open(ask_seconds: float, tries: int, nameservers: list[str] | None) -> pycares.Channel:
    try:
        return pycares.Channel(timeout=ask_seconds, tries=tries, servers=nameservers)
    except pycares.AresError as exc:  # no files or memory, or no nameserver that it understands
        raise NoNameserver(f"no look-ups on this host: {exc}") from exc


class Lookups:
    """The look-ups of one event loop, by the *nameservers* (`host:port`) or those of this host."""

    def __init__(self, nameservers: list[str] | None = None) -> None:
        self._channel = _open(ASK_SECONDS, _TRIES, nameservers)
        self._answered_at = -inf
        self._silent_until = -inf

    async def addresses(self, host: str, family: socket.AddressFamily) -> list[Place]:
        """Return the addresses of *host*; raises NameUnknown, and NoNameserver."""
        if monotonic() < self._silent_until:
            raise NoNameserver(f"no nameserver to look up {host}")
        try:
            result = await self._ask(
                LOOKUP_SECONDS,
                lambda end: self._channel.getaddrinfo(
                    host, None, family=family, type=socket.SOCK_STREAM, callback=end
                ),
            )
        except _Refusal as exc:
            if exc.code in _IS_KNOWN:
                self._answered_at = monotonic()
            elif not await self._has_nameserver():
                # Not where others are answered: what did not come through was this question.
                if monotonic() - self._answered_at > SILENCE_SECONDS:
                    self._silent_until = monotonic() + SILENCE_SECONDS
                raise NoNameserver(f"no nameserver to look up {host}") from exc
            raise NameUnknown(f"{host}: {_words(exc.code)}") from exc
        self._answered_at = monotonic()
        return [(socket.AddressFamily(node.family), node.addr[0].decode()) for node in result.nodes]

    async def _has_nameserver(self) -> bool:
        """Return whether a nameserver of this host replies."""
        tasks = [asyncio.create_task(self._replies(place)) for place in self._channel.servers]
        try:
            for reply in asyncio.as_completed(tasks):
                if await reply:
                    return True
        finally:
            for task in tasks:
                task.cancel()
        return False

    async def _replies(self, nameserver: str) -> bool:
        try:
            # A channel remembers answers as long as they hold; what counts is the one of now.
            with closing(_open(ROOT_ASK_SECONDS, 1, [nameserver])) as channel:
                await self._ask(
                    ROOT_ASK_SECONDS + _SLACK_SECONDS,
                    lambda end: channel.query(".", pycares.QUERY_TYPE_NS, callback=end),
                )
        except NoNameserver:
            return False
        except _Refusal as exc:
            return exc.code in _IS_REPLY
        return True

    async def _ask(self, seconds: float, begin: Callable[[Callable[..., None]], None]) -> Any:
        """Begin a question and return its answer; raises _Refusal."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()

        def end(result: Any, code: int | None) -> None:
            if answer.done():  # given up
                return
            if code is None:
                answer.set_result(result)
            else:
                answer.set_exception(_Refusal(code))

        def end_in_thread(result: Any, code: int | None) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(end, result, code)

        begin(end_in_thread)
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            raise _Refusal(_NO_ANSWER) from None

    def close(self) -> None:
        """End what is under way."""
        self._channel.close()


def _words(code: int) -> str:
    text = pycares.errno.strerror(code)
    return text.decode() if isinstance(text, bytes) else text
