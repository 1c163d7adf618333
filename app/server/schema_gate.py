"""
Whether this worker may work with the tables: until `migrate` has brought them to what its code
needs, and once later code has changed them, it answers 503 and leaves them alone.

Nobody waits for a look at the database: it is looked at beside the requests, more often while there
is something to wait for, and requests see a flag.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import aiomysql
from aiohttp import web

from app.base.catalogue.requests import SCHEMA_NOT_CURRENT, SCHEMA_OF_LATER_CODE
from app.base.errors import AppError, ErrorCode
from app.base.logs import log_info
from app.base.pause import pause
from app.db.schema_state import SchemaState, read_state
from app.db.transactions import reading
from app.web.module import Background

log = logging.getLogger("pipeline.schema")

OPEN_LOOK_SECONDS = 5.0
CLOSED_LOOK_SECONDS = 0.5
RETRY_AFTER = {"Retry-After": "2"}
REFUSALS: dict[SchemaState, ErrorCode] = {
    SchemaState.OLDER: SCHEMA_NOT_CURRENT,
    SchemaState.NEWER: SCHEMA_OF_LATER_CODE,
}


class SchemaGate:
    """
    Open while the tables are this code's.

    `is_open` is what requests look at. Nobody knows at first: then the first request looks itself.
    """

    def __init__(self) -> None:
        self.is_open = False
        self._state: SchemaState | None = None
        self._turn = asyncio.Event()

    async def admit(self) -> None:
        """Let a request in that has found the gate closed, or raise why not."""
        if self._state is None:
            await self.look()
        if not self.is_open:
            assert self._state is not None
            raise REFUSALS[self._state](headers=RETRY_AFTER)

    async def look(self) -> SchemaState:
        """Look at the database, open or close, and return how its tables stand to this code;
        raises AppError where it does not answer."""
        async with reading(for_health=True) as sor:
            state = await read_state(sor)
        # Tables that were this code's are so until later code says otherwise: a backup that is
        # just being loaded again has no mark of it for a moment.
        if not (self.is_open and state is SchemaState.OLDER):
            self._become(state)
        return state

    async def watch(self, stop: asyncio.Event) -> None:
        """Go on looking until *stop* is set."""
        while not stop.is_set():
            try:
                await self.look()
            except AppError:
                pass  # a database that is away is told by all who need it
            except aiomysql.MySQLError as exc:
                log.warning("the state of the tables cannot be read: %s", exc)
            await pause(stop, OPEN_LOOK_SECONDS if self.is_open else CLOSED_LOOK_SECONDS)

    async def run(self, work: Background, stop: asyncio.Event) -> None:
        """Run *work* while the gate is open, until *stop* is set; it is stopped when it closes."""
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                turn = asyncio.ensure_future(self._turn.wait())
                if self.is_open:
                    if await _ends_by_itself(work, (stopped, turn)):
                        return
                else:
                    await asyncio.wait((stopped, turn), return_when=asyncio.FIRST_COMPLETED)
                turn.cancel()
        finally:
            stopped.cancel()

    def _become(self, state: SchemaState) -> None:
        if state is self._state:
            return
        self._state, self.is_open = state, state is SchemaState.CURRENT
        self._turn.set()
        self._turn = asyncio.Event()
        if self.is_open:
            log_info(log, "schema_current", "the tables are this version's")
        else:
            refusal = REFUSALS[state]()
            log.warning("%s", refusal, extra={"action": refusal.code})


SCHEMA_GATE = web.AppKey("pipeline.schema_gate", SchemaGate)


async def _ends_by_itself(work: Background, ends: "Sequence[asyncio.Future[Any]]") -> bool:
    """Run *work* until one of *ends* is there, and return whether it ended before; raises what it
    raises."""
    stop = asyncio.Event()
    task: asyncio.Future[Any] = asyncio.ensure_future(work(stop))
    try:
        await asyncio.wait((task, *ends), return_when=asyncio.FIRST_COMPLETED)
        is_over = task.done()
        stop.set()
        await task
        return is_over
    finally:
        task.cancel()
