"""
The border: a connection as the pools lend it, of a driver to a database.

All above it is the application's own. A message takes a while, in each direction; what the faults
say may happen to it on the way (`faults`).
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any

import aiomysql

from app.db.cursor import escape_text, sql_literal
from tests.simulation.failures import lost
from tests.simulation.faults import Faults
from tests.simulation.server import Database, Session
from tests.simulation.statements import parse


class Connection:
    """One connection to the simulated database."""

    encoding = "utf8mb4"
    takes_texts = True
    server_status = 0

    def __init__(self, database: Database, faults: Faults) -> None:
        self.closed = False
        self._database = database
        self._faults = faults
        self._session = Session(database)

    def close(self) -> None:
        """End it at once."""
        if not self.closed:
            self.closed = True
            self._session.leave()

    @property
    def is_cut(self) -> bool:
        """Whether the server has ended it, as far as is known here."""
        return self.closed or self._session.has_ended

    def get_transaction_status(self) -> bool:
        """Return whether a transaction is open."""
        return self._session.is_open

    def escape(self, value: Any) -> str:
        """Return *value* as a literal, as the driver does."""
        if value is None:
            return "null"
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        if isinstance(value, datetime):
            return f"'{value.isoformat(' ', 'milliseconds')}'"
        if isinstance(value, bool | int | Decimal):
            return format(value, "d" if isinstance(value, int) else "f")
        return f"'{escape_text(value)}'"

    async def run(self, texts: Sequence[str]) -> tuple[list[Any], aiomysql.MySQLError | None]:
        """Send *texts* as one, and return what comes: what each gave, and the error of the first
        that failed."""
        if self.closed:
            raise lost()
        loop = asyncio.get_running_loop()
        fault = self._faults.draw(texts)
        try:
            await asyncio.sleep(self._faults.way() + fault.delay)
            if fault.cuts_before or self._session.has_ended:
                raise lost()
            if fault.error is not None:
                # The whole transaction is taken back by the server.
                await self._session.start(["rollback"])
                return [], fault.error()
            answer = self._session.start(texts)
            if fault.cuts_after is not None:
                # Whether the server has come to the end by then, nobody knows.
                await asyncio.wait([answer], timeout=fault.cuts_after)
                raise lost()
            try:
                result = await asyncio.shield(answer)
            except asyncio.CancelledError:
                if answer.cancelled():
                    raise lost() from None  # the server has ended the session
                raise
            if texts[-1] == "commit":
                # Between the commit and its answer much may happen.
                await asyncio.sleep(self._faults.way())
            if self._session.has_ended:
                raise lost()
        except BaseException:
            self.close()
            raise
        self.last_usage = loop.time()
        return result

    async def commit(self) -> None:
        """Commit."""
        await self._one("commit")

    async def rollback(self) -> None:
        """Roll back."""
        await self._one("rollback")

    async def _one(self, text: str) -> None:
        _, error = await self.run([text])
        if error is not None:
            raise error

    def cursor(self, kind: Any = None) -> "Cursor":
        """Return a cursor."""
        return Cursor(self)

    def columns_of(self, text: str) -> list[tuple[str]]:
        """Return the descriptions of the columns that *text* gives."""
        plan, _ = parse(text, self._database.tables)
        return [(name,) for name, _, _ in getattr(plan, "items", [])]


class Cursor:
    """A cursor, for one statement after another."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.description: list[tuple[str]] = []
        self._rows: Any = ()

    async def __aenter__(self) -> "Cursor":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None
    ) -> None:
        return None

    async def execute(self, sql: str, args: tuple[Any, ...] | None = None) -> int:
        """Run one statement; how many rows it gave or matched."""
        if args:
            sql = sql % tuple([sql_literal(self.connection, value) for value in args])
        results, error = await self.connection.run([sql])
        if error is not None:
            raise error
        self._rows = results[0]
        if isinstance(self._rows, int):
            return self._rows
        if sql.startswith("select"):
            self.description = self.connection.columns_of(sql)
        return len(self._rows)

    async def fetchall(self) -> Any:
        """Return all rows."""
        return self._rows
