"""
The simulated database server: committed rows, and transactions with their own changes above them.

What a transaction reads without a lock is what was committed when the statement began, and its own
changes; what it locks is what was committed last. Nothing of it is seen by others before `commit`.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import aiomysql

from tests.simulation.failures import duplicate
from tests.simulation.locks import Locks
from tests.simulation.statements import Insert, Plan, Source, parse
from tests.simulation.tables import Row, Table, as_answer, model_tables

Identity = tuple[Any, ...]
Rows = tuple[tuple[Any, ...], ...]
# Told of each commit: the table and, of each of its rows that was written, what it was before
# (None: it is new) and what it is now.
Changes = dict[str, list[tuple[Row | None, Row]]]


class Database:
    """All that is committed; `watchers` are told of each commit as it happens."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.tables = model_tables()
        self.rows: dict[str, dict[Identity, Row]] = {name: {} for name in self.tables}
        self.locks = Locks(loop)
        self.watchers: list[Callable[[Changes], None]] = []
        self.sessions: set[Session] = set()
        self.is_down = False
        # A key of a table that this database does not hold: a fault that is planted.
        self.keys_off: frozenset[str] = frozenset()

    def add(self, table: str, **values: Any) -> Row:
        """Put a row into a table, before anything runs."""
        row = self.tables[table].row_of(values)
        self.rows[table][self.tables[table].identity(row)] = row
        return row

    def restart(self) -> None:
        """End all sessions, and with them all that is not committed."""
        for session in list(self.sessions):
            session.end()


class Session:
    """One connection's: a transaction at a time, outside of it each statement for itself."""

    def __init__(self, database: Database) -> None:
        self.locks: list[Any] = []
        self.waits_for: Any = None
        self.is_open = False
        self.has_ended = False
        self._database = database
        self._changes: dict[str, dict[Identity, Row]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        database.sessions.add(self)

    def start(
        self, texts: Sequence[str]
    ) -> "asyncio.Task[tuple[list[Any], aiomysql.MySQLError | None]]":
        """Run *texts*, in their order up to the first that fails, whoever waits for it: what each
        gave, and that error."""
        task = asyncio.get_running_loop().create_task(self._run(texts))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def leave(self) -> None:
        """The client has gone: what has come is run to its end, then all is rolled back."""
        self.has_ended = True
        if not self._tasks:
            self._roll_back()
            self._database.sessions.discard(self)

    def end(self) -> None:
        """The server has ended it."""
        self.has_ended = True
        for task in self._tasks:
            task.cancel()
        self._roll_back()
        self._database.sessions.discard(self)

    async def _run(self, texts: Sequence[str]) -> tuple[list[Any], aiomysql.MySQLError | None]:
        results: list[Any] = []
        try:
            for text in texts:
                results.append(await self._statement(text))  # noqa: PERF401  up to the first fault
        except aiomysql.MySQLError as exc:
            if exc.args[0] == 1213:
                self._roll_back()
            return results, exc
        finally:
            if not self.is_open:
                self._roll_back()  # of a statement for itself: its locks
            if self.has_ended:
                self._roll_back()
                self._database.sessions.discard(self)
        return results, None

    async def _statement(self, text: str) -> Any:
        if text == "start transaction":
            self.is_open = True
            return ()
        if text == "commit":
            self._commit()
            return ()
        if text == "rollback":
            self._roll_back()
            return ()
        plan, values = parse(text, self._database.tables)
        if isinstance(plan, Insert):
            result: Any = await self._insert(plan)
        elif plan.kind == "select":
            result = await self._select(plan, values)
        else:
            result = await self._update(plan, values)
        if not self.is_open and plan_writes(plan):
            self._commit()
        return result

    def _commit(self) -> None:
        changes: Changes = {}
        for name, own_rows in self._changes.items():
            rows = self._database.rows[name]
            changes[name] = [(rows.get(key), row) for key, row in own_rows.items()]
            rows.update(own_rows)
        self._roll_back()
        if changes:
            for watcher in self._database.watchers:
                watcher(changes)

    def _roll_back(self) -> None:
        self._changes = {}
        self.is_open = False
        self._database.locks.release(self)

    def _view(self, name: str) -> Iterable[Row]:
        rows, own_rows = self._database.rows[name], self._changes.get(name)
        return (rows | own_rows).values() if own_rows else rows.values()

    def _matches(self, plan: Plan, values: Sequence[Any]) -> list[tuple[Row, ...]]:
        environments: list[tuple[Row, ...]] = [()]
        for source in plan.sources:
            environments = [
                (*environment, row)
                for environment in environments
                for row in self._partners(source, environment, values)
            ]
        if plan.where is not None:
            where = plan.where
            environments = [one for one in environments if where(values, *one)]
        return environments

    def _partners(
        self, source: Source, environment: tuple[Row, ...], values: Sequence[Any]
    ) -> Iterable[Row]:
        rows = self._view(source.table)
        condition = source.condition
        if condition is None:
            return rows
        partners = [row for row in rows if condition(values, *environment, row)]
        return partners or [self._database.tables[source.table].empty]

    async def _lock_matches(self, plan: Plan, values: Sequence[Any]) -> list[tuple[Row, ...]]:
        """Return what matches once all of it is locked, row after row in its order."""
        while True:
            environments = self._sort(plan, self._matches(plan, values), values)
            has_waited = False
            for environment in environments:
                for source, row in zip(plan.sources, environment, strict=True):
                    table = self._database.tables[source.table]
                    if row is not table.empty:
                        key = (table.name, table.identity(row))
                        has_waited |= await self._database.locks.take(self, key)
            if not has_waited:
                return environments

    def _sort(
        self, plan: Plan, environments: list[tuple[Row, ...]], values: Sequence[Any]
    ) -> list[tuple[Row, ...]]:
        order = plan.order
        if order is None:
            return environments
        return sorted(environments, key=lambda one: order(values, *one))

    async def _select(self, plan: Plan, values: Sequence[Any]) -> Rows:
        if plan.locks:
            environments = await self._lock_matches(plan, values)
        else:
            environments = self._sort(plan, self._matches(plan, values), values)
        groups: Iterable[list[tuple[Row, ...]]] = [[one] for one in environments]
        if plan.group is not None:
            by_key: dict[Any, list[tuple[Row, ...]]] = {}
            for one in environments:
                by_key.setdefault(plan.group(values, *one), []).append(one)
            groups = by_key.values()
        elif plan.is_sum:
            groups = [environments]
        rows = [
            tuple([as_answer(kind, item(values, group)) for _, kind, item in plan.items])
            for group in groups
        ]
        if plan.is_distinct:
            rows = list(dict.fromkeys(rows))
        if plan.limit is not None:
            rows = rows[: plan.limit(values, *[{}] * len(plan.sources))]
        return tuple(rows)

    async def _update(self, plan: Plan, values: Sequence[Any]) -> int:
        environments = await self._lock_matches(plan, values)
        for environment in environments:
            self._change(plan, environment, values)
        return len(environments)

    def _change(self, plan: Plan, environment: tuple[Row, ...], values: Sequence[Any]) -> None:
        rows = {
            source.alias: (self._database.tables[source.table], dict(row))
            for source, row in zip(plan.sources, environment, strict=True)
        }
        aliases = [source.alias for source in plan.sources]
        for alias, column, expression in plan.sets:
            # As MariaDB does: what stands behind sees what was set before.
            table, row = rows[alias]
            present = [rows[name][1] for name in aliases]
            row[column] = table.columns[column].store(expression(values, *present))
        for alias in {alias for alias, _, _ in plan.sets}:
            table, row = rows[alias]
            self._changes.setdefault(table.name, {})[table.identity(row)] = row

    async def _insert(self, plan: Insert) -> int:
        table = self._database.tables[plan.table]
        for values in plan.rows:
            row = table.row_of(values)
            for name, key in self._unique_values(table, row):
                await self._database.locks.take(self, (table.name, name, key))
            other, name = self._other(table, row)
            if other is None:
                self._changes.setdefault(table.name, {})[table.identity(row)] = row
            elif plan.on_duplicate is None:
                raise duplicate(name)
            else:
                await self._database.locks.take(self, (table.name, table.identity(other)))
                other, _ = self._other(table, row)
                assert other is not None  # nothing is deleted here
                self._change(plan.on_duplicate, (other, row), ())
        return len(plan.rows)

    def _unique_values(self, table: Table, row: Row) -> Iterator[tuple[str, Identity]]:
        for name, columns in table.keys.items():
            values = tuple([row[column] for column in columns])
            if None not in values and name not in self._database.keys_off:
                yield name, values

    def _other(self, table: Table, row: Row) -> tuple[Row | None, str]:
        """Return the row that has a value of a unique key of *row* already, and the key."""
        keys = list(self._unique_values(table, row))
        for other in self._view(table.name):
            for name, values in keys:
                if all(
                    other[column] == value
                    for column, value in zip(table.keys[name], values, strict=True)
                ):
                    return other, name
        return None, ""


def plan_writes(plan: Plan | Insert) -> bool:
    """Return whether *plan* changes rows."""
    return isinstance(plan, Insert) or plan.kind == "update"
