"""
How a worker ends without a request being lost: what it is told, and what it does then.

It takes no new connections; whoever asks something on an open one is answered and told
`Connection: close`; after a while the connections that nobody asks anything on are closed, and what
is still being answered has 30 s. Where another worker takes over (a reload) that while is long
enough for programs that ask every few seconds; at stop.sh, where nobody would answer the next
request anyway, it is short.
"""

import asyncio
import logging
import signal

from aiohttp import web

from app.base.logs import log_info, reopen_logs
from app.server.parent_link import ParentLink
from app.server.runner import PlainServer

log = logging.getLogger("pipeline.server")

STOP_SECONDS = 1.0
_LOOK_SECONDS = 0.05


class Departure:
    """The end of one worker."""

    def __init__(self, link: ParentLink) -> None:
        """Take the process's signals from now on; *link* may say the same."""
        self._link = link
        self._is_hurried = False
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._hurry)
        # HUP is meant for the parent, and is deadly where nobody takes it.
        for number in (signal.SIGUSR1, signal.SIGHUP):
            loop.add_signal_handler(number, reopen_logs)

    def _hurry(self) -> None:
        self._is_hurried = True
        self._link.must_leave.set()

    async def begin(self) -> None:
        """Return when this worker is told to end."""
        await self._link.must_leave.wait()

    async def let_connections_go(self, server: PlainServer, site: web.BaseSite) -> None:
        """Take no more connections, and return when those there are have been answered and told
        to close, or the time for that is over."""
        log_info(log, "stopping", "finishing what runs")
        await site.stop()
        server.is_leaving = True
        began_at = asyncio.get_running_loop().time()
        while server.connections:
            passed_seconds = asyncio.get_running_loop().time() - began_at
            patience = STOP_SECONDS if self._is_hurried else self._link.leave_seconds
            if passed_seconds >= patience:
                return
            await asyncio.sleep(_LOOK_SECONDS)
