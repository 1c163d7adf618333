"""
Looking names up, and whose failure it is where that gives no address.

A name that does not exist, or that its own nameservers do not tell, is the receiver's failure, and
counts. Where the nameservers of this host do not answer, the receiver has done nothing: its webhook
waits, and is not nearer to being disabled. Which of both it is, a second question tells, of which
every nameserver that works knows the answer: who the root's nameservers are.

`pycares` asks, and not the system's getaddrinfo: that tells both by the same code, and takes a
thread for each name until the system gives up.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

import pycares

from pipeline_dist.webhooks.addresses import NameUnknown, NoNameserver, Place

# Of one question to one nameserver; of a name with all of them; of the question about the root.
# Together less than a message may take, so that it is known whose failure it was.
ASK_SECONDS = 2.0
LOOKUP_SECONDS = 6.0
ROOT_SECONDS = 2.0
# So long nobody else waits for nameservers that have just not answered.
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


class _Refusal(Exception):
    """Why there is no answer, as c-ares says it."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Lookups:
    """The look-ups of one event loop, by the *nameservers* (`host:port`) or those of this host."""

    def __init__(self, nameservers: list[str] | None = None) -> None:
        self._nameservers = nameservers
        self._channel = self._open()
        self._silent_until = 0.0

    def _open(self) -> pycares.Channel:
        return pycares.Channel(timeout=ASK_SECONDS, tries=_TRIES, servers=self._nameservers)

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
            if exc.code not in _IS_KNOWN and not await self._knows_the_root():
                self._silent_until = monotonic() + SILENCE_SECONDS
                raise NoNameserver(f"no nameserver to look up {host}") from exc
            raise NameUnknown(f"{host}: {_words(exc.code)}") from exc
        return [(socket.AddressFamily(node.family), node.addr[0].decode()) for node in result.nodes]

    async def _knows_the_root(self) -> bool:
        """Return whether a nameserver of this host answers what each that works can."""
        # A channel remembers answers as long as they hold; what counts is the one of now.
        channel = self._open()
        try:
            await self._ask(
                ROOT_SECONDS, lambda end: channel.query(".", pycares.QUERY_TYPE_NS, callback=end)
            )
        except _Refusal:
            return False
        finally:
            channel.close()
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
