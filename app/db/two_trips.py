"""
A transaction in two round trips: begun with its first statements, committed with its last.

Each round trip lets every other request wait for what it has locked, so those who wait for one row
save more by this than by anything that is reckoned quicker. The statements of one text are run in
order, and the database leaves out what stands behind one that failed: nothing is committed unless
all before it was done.

Only connections that were opened for it take several statements in a text (`TwoTripPool`). Every
value in one goes through `sql_literal`, as bound values do; all else of it is the program's own.

A node of a Galera cluster is asked one statement at a time. Another node's commit may end a
transaction between two statements of one text; MariaDB 10.11 then goes on with the rest of the
text, outside of any transaction, and answers the commit with OK: half of a batch is written, or
nothing of what was acknowledged (tests/cluster/test_packages_on_nodes.py).
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiomysql

from app.db.cursor import sql_literal
from app.db.errors import TAKEN_BACK, failure_code, translate_errors, unknown_outcome
from app.db.results import Query, Rows, run_statements
from app.db.settlement import end_transaction
from app.db.sqlor import SafeSqlor

# More is sent in several texts: while one is written, no other request is served.
MAX_TEXT = 400_000


class TwoTripSqlor(SafeSqlor):
    """A sqlor object in a transaction that begins with its first statement and ends with its
    last."""

    def __init__(self, connection: Any, dbname: str) -> None:
        super().__init__(connection, dbname)
        self._is_open = False
        self._last: list[str] = []
        self.locks_hold = self._takes_texts = bool(connection.takes_texts)

    async def together(self, *queries: Query) -> list[Rows]:
        """Return the rows of each of *queries*, which are run in their order in one round trip."""
        if not self._takes_texts:
            await self._begin()
            return await super().together(*queries)
        texts = [self._text(query) for query in queries]
        if not self._is_open:
            texts.insert(0, "start transaction")
            self._is_open = True
        with translate_errors():
            results, error = await run_statements(self.conn, texts)
            if error is not None:
                raise error
        return results[-len(queries) :]

    async def write_last(self, texts: Iterable[str]) -> None:
        """Keep *texts*, statements without a result, to be run in the round trip of the commit;
        what is long goes ahead. What is wrong with them is raised by then."""
        self.dataChanged = True
        if not self._takes_texts:
            await super().write_last(texts)
            return
        for text in texts:
            self._last.append(self._with_names(text))
            while len(self._last) > 1 and sum(map(len, self._last)) > MAX_TEXT:
                await self._begin()
                with translate_errors():
                    await self.statement(self._last.pop(0))

    async def execute(self, sql: str, value: Mapping[str, Any]) -> int:
        await self._begin()
        return await super().execute(sql, value)

    async def sqlExe(self, sql: str, ns: Mapping[str, Any]) -> Any:
        await self._begin()
        return await super().sqlExe(sql, ns)

    async def tuples(self, sql: str, ns: Mapping[str, Any]) -> Rows:
        await self._begin()
        return await super().tuples(sql, ns)

    async def write(self, text: str) -> None:
        await self._begin()
        await super().write(text)

    async def commit_last(self) -> None:
        """
        Run what was kept, and commit. Raises what a statement does, with nothing committed; where
        nobody can know whether a commit arrived, that is told.
        """
        if not self._is_open and not self._last:
            return
        if not self._takes_texts:
            await end_transaction(self.conn, "commit")
            return
        await self._begin()
        texts = [*self._last, "commit"]
        try:
            results, error = await run_statements(self.conn, texts)
        except BaseException as exc:
            # It is all with the database: nobody can know how far it came.
            self.conn.close()
            if isinstance(exc, aiomysql.MySQLError | OSError):
                raise unknown_outcome() from exc
            raise
        if error is None:
            return
        if len(results) < len(self._last) or failure_code(error) in TAKEN_BACK:
            await self.undo()
            raise error
        self.conn.close()
        raise unknown_outcome() from error

    async def undo(self) -> None:
        """Roll back what was begun."""
        if self._is_open:
            await end_transaction(self.conn, "rollback")

    async def _begin(self) -> None:
        if not self._is_open:
            self._is_open = True
            await self.statement("start transaction")

    def _text(self, query: Query) -> str:
        text, values = self.maskingSQL(query.text, query.values)
        if not values:
            return text.replace("%%", "%")
        return text % tuple([sql_literal(self.conn, value) for value in values])


@asynccontextmanager
async def settle_in_two_trips(connection: Any, name: str) -> AsyncIterator[TwoTripSqlor]:
    """Do as `settle`, in as few round trips as there are."""
    sor = TwoTripSqlor(connection, name)
    with translate_errors():
        try:
            yield sor
        except BaseException:  # a cancelled request must roll back too
            sor.dataChanged = False
            await sor.undo()
            raise
        sor.dataChanged = False
        await sor.commit_last()
