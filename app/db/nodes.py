"""
The servers of one database, watched: which of them is used, and what becomes of its connections
when it is gone.

A statement may take long and be right, so how long an answer takes says nothing of the server.
Instead each server is asked once a second how it is, on a connection that nobody else uses. One
that leaves even that unanswered for `read_timeout` seconds hangs or has vanished: then all
connections to it are ended at once, whoever waits on one hears that it is lost, and nobody is made
to wait for it again before it answers.

Of several servers the first that is well is used; after it was away, when it has been well for
BACK_AFTER_SECONDS.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar
from weakref import WeakSet

import aiomysql

from app.base.catalogue.requests import (
    DATABASE_NOT_SAFE,
    DATABASE_REFUSES,
    DATABASE_UNAVAILABLE,
)
from app.base.database_settings import DatabaseSettings, Host
from app.base.logs import log_info, log_warning
from app.db.connection import Connection, open_connection
from app.db.errors import connection_lost, refusal_of, unreachable
from app.db.server_kind import (
    ABOUT_KIND,
    ABOUT_NODE,
    ABOUT_WRITING,
    Health,
    ServerKind,
    State,
    state_of,
)

LOOK_EVERY_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.2
# A wrong password becomes no better by being tried each second.
LOOK_AT_REFUSING_SECONDS = 5.0
BACK_AFTER_SECONDS = 5.0
# Who finds a server away waits no longer for a look at the others.
MAX_TURN_SECONDS = 1.0
_STEPS = 6
# Whoever holds a row longer than this is stuck, and those who want it are not to be stuck with it.
LOCK_WAIT_SECONDS = 5
# A transaction of two round trips whose second does not come: its process hangs or has vanished.
IDLE_TRANSACTION_SECONDS = 10

log = logging.getLogger("pipeline.database")
# A command, which sets no logging up, says itself what is wrong.
log.addHandler(logging.NullHandler())
T = TypeVar("T")


def session_statement(
    kind: ServerKind,
    statement_timeout: int = 0,
    *,
    two_trips: bool = False,
    sees_all_nodes: bool = True,
) -> str:
    """Return what each new connection to a server of *kind* is told first."""
    parts = [
        "time_zone='+00:00'",
        f"{kind.isolation}='READ-COMMITTED'",
        f"innodb_lock_wait_timeout={LOCK_WAIT_SECONDS}",
    ]
    if statement_timeout and kind.limits_statements:
        parts.append(f"max_statement_time={statement_timeout}")
    elif statement_timeout:
        parts.append(f"max_execution_time={statement_timeout * 1000}")
    if two_trips and kind.limits_idle_transactions:
        parts.append(f"idle_transaction_timeout={IDLE_TRANSACTION_SECONDS}")
    if kind.is_galera and sees_all_nodes:
        # What was committed on another node is seen: a call that was begun there can be finished.
        parts.append("wsrep_sync_wait=1")
    return f"set {', '.join(parts)}"


class Node:
    """One server as this process sees it."""

    def __init__(self, place: DatabaseSettings, host: Host) -> None:
        self.host = host
        self.kind: ServerKind | None = None
        self.health = Health.AWAY
        self.refusal = DATABASE_UNAVAILABLE
        # Why it is away, in its own words or the driver's.
        self.reason = ""
        self.since = 0.0
        self._looked_at = 0.0
        # Those lent or kept by pools; they end when the server is away.
        self.connections: WeakSet[Connection] = WeakSet()
        # The time limits of those that are being opened.
        self.limits: set[asyncio.Timeout] = set()
        self._place = place
        self._watch: Connection | None = None
        self._look: asyncio.Task[None] | None = None

    @property
    def refuses(self) -> bool:
        """Whether it answers, and will not be worked with before somebody corrects something."""
        return self.health == Health.AWAY and self.refusal in (DATABASE_REFUSES, DATABASE_NOT_SAFE)

    async def look(self, seconds: float | None = None) -> None:
        """Find out how the server is, and return then or after *seconds*; who asks meanwhile
        shares the look."""
        if self._look is None or self._look.done():
            self._look = asyncio.ensure_future(self._look_once())
        await asyncio.wait({self._look}, timeout=seconds)

    async def look_again(self) -> None:
        """Do as `look`, but not before a moment after the last one, nor for longer: so the first
        who asks finds a server that is back, and nobody waits for one that hangs."""
        age = asyncio.get_running_loop().time() - self._looked_at
        if not self.refuses and age > LOOK_AGAIN_SECONDS:
            await self.look(LOOK_AGAIN_SECONDS)

    def close(self) -> None:
        """Stop looking."""
        if self._look is not None:
            self._look.cancel()
        self._drop_watch()

    async def _look_once(self) -> None:
        try:
            state = await _in_time(self._ask(), self._place.read_timeout)
        except (aiomysql.MySQLError, OSError, RuntimeError, TimeoutError) as exc:
            self._drop_watch()
            self._note(State(Health.AWAY, refusal_of(exc)), str(exc) or "no sign of life")
        else:
            self._note(state, "")

    async def _ask(self) -> State:
        if self._watch is None or self._watch.closed:
            self._watch = await open_connection(self._place, self.host, None)
        variables = await _pairs(self._watch, ABOUT_KIND) if self.kind is None else {}
        kind = self.kind or ServerKind.of(variables)
        status = await _pairs(self._watch, ABOUT_NODE) if kind.is_galera else {}
        read_only = await _pairs(self._watch, ABOUT_WRITING)
        self.kind = kind
        return state_of(status, read_only.get("read_only", ""))

    def _note(self, state: State, reason: str) -> None:
        loop_time = self._looked_at = asyncio.get_running_loop().time()
        was_known, before = bool(self.since), self.health
        self.health, self.refusal = state.health, state.refusal or DATABASE_UNAVAILABLE
        self.reason = reason or str(self.refusal.sentence)
        if was_known and before == self.health:
            return
        self.since = loop_time
        about = {"host": self._place.where(self.host), "health": self.health.name.lower()}
        if self.health == Health.AWAY:
            # Another one may stand there when it comes back.
            self.kind = None
            connections = list(self.connections)
            log_warning(
                log, "database_away", "a database server is away; its connections are ended",
                reason=self.reason, connections=len(connections), **about,
            )  # fmt: skip
            for connection in connections:
                connection.abort()
            for limit in self.limits:
                limit.reschedule(0)
        elif was_known:
            log_info(log, "database_state", "a database server has another state", **about)

    def _drop_watch(self) -> None:
        if self._watch is not None:
            self._watch.abort()
            self._watch = None


class Nodes:
    """The servers of one database; made in the running loop at first use."""

    def __init__(self, place: DatabaseSettings) -> None:
        self._place = place
        self.nodes = [Node(place, host) for host in place.hosts]
        self._current: Node | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def current(self) -> Node:
        """Return the server to work with; raises Unavailable where none can be worked with."""
        if self._current is None:
            await self._begin()
        if self._current is not None and self._current.health == Health.AWAY:
            await asyncio.gather(*(node.look_again() for node in self.nodes))
            self._choose()
        node = self._current
        assert node is not None
        if node.health == Health.AWAY:
            raise node.refusal(headers={"Retry-After": "2"}) from ConnectionError(node.reason)
        return node

    async def connect(
        self,
        name: str,
        *,
        session: bool = True,
        two_trips: bool = False,
        sees_all_nodes: bool = True,
    ) -> Connection:
        """
        Open a connection to the database *name* on the server that is used; without *session* it
        is told nothing first, and its owner sees to its end. Raises Unavailable.
        """
        while True:
            node = await self.current()
            init = None
            if session and node.kind is not None:
                limit = self._place.statement_timeout
                init = session_statement(
                    node.kind, limit, two_trips=two_trips, sees_all_nodes=sees_all_nodes
                )
            try:
                connection = await open_connection(
                    self._place, node.host, name, init=init, limits=node.limits
                )
            except (aiomysql.MySQLError, OSError) as exc:
                if not connection_lost(exc) or not await self._turned_from(node):
                    raise unreachable(exc) from exc
                continue
            if session:
                connection.node = node
                node.connections.add(connection)
            return connection

    def is_used(self, connection: Connection) -> bool:
        """Return whether *connection* is one to the server that is used now."""
        return connection.node is self._current

    async def close(self) -> None:
        """Stop watching."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for node in self.nodes:
            node.close()
        self._current = None

    async def _begin(self) -> None:
        """Look at all servers, choose one, and go on watching."""
        seconds = self._place.connect_timeout + MAX_TURN_SECONDS
        await asyncio.gather(*(node.look(seconds) for node in self.nodes))
        if self._current is None:
            self._choose()
            self._tasks = [asyncio.ensure_future(self._watch(node)) for node in self.nodes]

    async def _watch(self, node: Node) -> None:
        while True:
            await asyncio.sleep(LOOK_AT_REFUSING_SECONDS if node.refuses else LOOK_EVERY_SECONDS)
            await node.look()
            self._choose()

    async def _turned_from(self, node: Node) -> bool:
        """Return whether another server than *node*, to which no connection could be made, is used
        from now on."""
        if len(self.nodes) == 1:
            return False
        await node.look(MAX_TURN_SECONDS)
        self._choose()
        return self._current is not node

    def _choose(self) -> None:
        """Use the first server that is well, or else one that answers."""
        best = max(self.nodes, key=lambda node: node.health)
        serving = self._current
        if serving is best:
            return
        if serving is not None and serving.health == best.health:
            # It stands further behind, or it were the best: back to the first, if that stays well.
            now = asyncio.get_running_loop().time()
            if best.health == Health.AWAY or now - best.since < BACK_AFTER_SECONDS:
                return
        self._current = best
        if serving is not None:
            log_warning(
                log, "database_changed", "another database server is used",
                host=self._place.where(best.host), before=self._place.where(serving.host),
            )  # fmt: skip


async def _in_time(work: Awaitable[T], seconds: float) -> T:
    """
    Return what *work* gives; raises TimeoutError when it takes longer than *seconds*.

    Waited for in steps: a pause of this process itself, in which an answer came that nobody took,
    is counted as one.
    """
    task = asyncio.ensure_future(work)
    try:
        for _ in range(_STEPS):
            await asyncio.wait({task}, timeout=seconds / _STEPS)
            if task.done():
                return await task
    finally:
        task.cancel()
    raise TimeoutError


async def _pairs(connection: Connection, statement: str) -> dict[str, str]:
    async with connection.cursor() as cursor:
        await cursor.execute(statement)
        return {str(name).lower(): str(value) for name, value in await cursor.fetchall()}
