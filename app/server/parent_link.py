"""
A worker's line to its parent process: signs of life go out, what to do and to know comes in.

A worker without a parent (started by hand, or one whose parent was killed) serves all the same.
"""

import asyncio
import json
import logging
import socket
from contextlib import suppress
from typing import Any

from aiohttp import web

from app.base.logs import log_warning
from app.base.metrics import LatestCounter
from app.base.pause import pause
from app.runtime.child import BEAT, BEAT_SECONDS, LISTENING, PREPARED

log = logging.getLogger("pipeline.server")

# Why a process was started again; each is told from the first on, so that its first one is a rise.
REASONS = ("died", "hung", "database")
_restarts = LatestCounter(
    "pipeline_restarts",
    "Processes that the parent process started again: workers that died or hung, the database",
    ["reason"],
)

_MAX_MESSAGE = 1 << 16


class ParentLink:
    """What the parent says, and what is said to it."""

    def __init__(self, descriptor: int | None) -> None:
        """Speak on *descriptor*; to nobody with None."""
        self._plug = None if descriptor is None else socket.socket(fileno=descriptor)
        self._may_listen = asyncio.Event()
        self.must_leave = asyncio.Event()
        self.leave_seconds = 0.0
        # Of the whole installation, as the parent last told it.
        self.workers = 1
        self.restarts: dict[str, int] = {}

    def open(self) -> None:
        """Begin to take in what comes."""
        if self._plug is None:
            self._may_listen.set()
            return
        self._plug.setblocking(False)
        asyncio.get_running_loop().add_reader(self._plug, self._take_in)

    async def wait_for_turn(self) -> None:
        """Say that this worker is made, and wait until it may serve."""
        self._say(PREPARED)
        await self._may_listen.wait()

    def tell_listening(self) -> None:
        """Say that this worker takes connections."""
        self._say(LISTENING)

    async def beat(self, stop: asyncio.Event) -> None:
        """Give a sign of life every second until *stop* is set: the loop that answers requests
        does it, so one that hangs gives none."""
        while not stop.is_set():
            self._say(BEAT)
            await pause(stop, BEAT_SECONDS)

    def _say(self, word: str) -> None:
        if self._plug is not None:
            with suppress(OSError):  # a parent that stands still hears nothing
                self._plug.send(word.encode())

    def _take_in(self) -> None:
        assert self._plug is not None
        try:
            data = self._plug.recv(_MAX_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._obey(json.loads(data))
            return
        asyncio.get_running_loop().remove_reader(self._plug)
        self._plug.close()
        self._plug = None
        if not self._may_listen.is_set():
            self.must_leave.set()  # made for nobody
            self._may_listen.set()
        elif not self.must_leave.is_set():
            log_warning(log, "no_parent", "the parent process is gone; start.sh brings another")

    def _obey(self, message: dict[str, Any]) -> None:
        match message["do"]:
            case "listen":
                self._may_listen.set()
            case "drain":
                self.leave_seconds = float(message["seconds"])
                self.must_leave.set()
            case "know":
                self.workers = int(message["workers"])
                self.restarts = dict(message["restarts"])
                for reason in REASONS:
                    _restarts.child(reason).set(self.restarts.get(reason, 0))


PARENT = web.AppKey("pipeline.parent", ParentLink)
