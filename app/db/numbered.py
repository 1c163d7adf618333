"""
Numbered migrations: done once and recorded, for what no model can say.

The models say what the tables are, not where their content comes from: a column that is renamed, an
amount that moves to another table. Such a change is a file `migrations/NNNN_name.sql` or `.py` of
the host or a module; the numbers count through all of them. `docs/migrations.md` tells how to write
one.
"""

import re
import runpy
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import aiomysql

from app.base.clock import now
from app.schema.tables import ROOT

TABLE = "app_migration"
Outcome = Literal["done", "not_needed"]
# Of one that has begun and was not recorded as done.
BEGUN = "begun"
# Who may serve while it runs and after it: workers of the version before, or none but its own.
VERSION_BEFORE, NOBODY = "version before", "nobody"
# Takes a line that is to be told at once.
Tell = Callable[[str], object]

_FILE = re.compile(r"(?P<number>[0-9]{4})_[a-z0-9_]+\.(?:sql|py)")
_WHEN = ("before", "after")
_FOR = ("old data", "every database")
_SERVING = (VERSION_BEFORE, NOBODY)
# Those of before it was asked do not say it; beside none of them may the version before serve.
_LAST_THAT_DOES_NOT_SAY = "0008"
_COMMENT = re.compile(r"--\s*(?P<text>.*)")
# What may hold a semicolon that ends nothing: quoted text and comments; else the end itself.
_PIECE = re.compile(
    r"""
    '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `[^`]*`
    | --(?:[ \t][^\n]*)?$ | \#[^\n]*$ | /\*.*?\*/
    | (?P<end>;[ \t]*(?:--(?:[ \t][^\n]*)?|\#[^\n]*)?$)
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_ONLY_COMMENTS = re.compile(r"(?:\s|--(?=\s|$)[^\n]*|\#[^\n]*|/\*(?!!).*?\*/)*", re.DOTALL)
_HEADER = re.compile(r"(?P<key>when|for|serving):\s*(?P<value>.*)")


class MigrationError(Exception):
    """The database could not be brought to the models; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Migration:
    """
    One file: what it does, and when.

    `is_early` says whether it runs before the tables are brought to the models, `is_for_all`
    whether also a database that never held anything needs it, `serving` whether workers of the
    version before may serve while it runs and after it (VERSION_BEFORE), or not (NOBODY).
    """

    name: str
    summary: str
    is_early: bool
    is_for_all: bool
    serving: str
    work: Callable[[Any, Tell], Awaitable[object]]

    async def run(self, cursor: Any, tell: Tell = lambda _: None) -> None:
        """Do it; *tell* gets what it says meanwhile."""
        await self.work(cursor, lambda text: tell(f"{self.name}: {text}"))

    def __str__(self) -> str:
        return f"{self.name}: {self.summary}"


def migration_files() -> list[Path]:
    """Return the files of the host and the modules in the order of their numbers."""
    files = [*ROOT.glob("app/migrations/[0-9]*"), *ROOT.glob("pipeline_*/migrations/[0-9]*")]
    return sorted(files, key=lambda path: path.name)


def migration_name(path: Path) -> str:
    """Return what a file is recorded as, such as `pipeline_ops/0007_amounts`."""
    return f"{path.parent.parent.name}/{path.stem}"


def read_migrations(paths: Iterable[Path]) -> list[Migration]:
    """Read the files; raise MigrationError for one that does not say what it has to."""
    migrations: dict[str, Migration] = {}
    for path in paths:
        fields = _FILE.fullmatch(path.name)
        if fields is None:
            raise MigrationError(f"{path}: name it NNNN_name.sql or NNNN_name.py")
        number = fields["number"]
        if number in migrations:
            raise MigrationError(f"{path}: {migrations[number].name} has this number; take another")
        migrations[number] = _read_sql(path) if path.suffix == ".sql" else _read_python(path)
    return list(migrations.values())


async def names_of_record(connection: Any) -> frozenset[str]:
    """Return the names of those that this database has behind it; its table has to exist."""
    async with connection.cursor() as cursor:
        await cursor.execute(f"select name from {TABLE} where outcome <> %s", (BEGUN,))  # noqa: S608
        return frozenset(row[0] for row in await cursor.fetchall())


async def run(connection: Any, migration: Migration, tell: Tell) -> None:
    """
    Run *migration* and record it, both or neither; tell what it says meanwhile, and that it is
    done.

    Neither, as far as the database can take it back: it commits before each change of a table.
    Raise MigrationError when it fails.
    """
    await connection.begin()
    try:
        async with connection.cursor() as cursor:
            await migration.run(cursor, tell)
        await record(connection, migration, "done")
        await connection.commit()
    except BaseException as exc:
        # Where the connection is lost, the server has taken it back.
        with suppress(aiomysql.MySQLError):
            await connection.rollback()
        if not isinstance(exc, Exception | SystemExit):
            raise
        reason = str(exc.args[-1] if isinstance(exc, aiomysql.MySQLError) and exc.args else exc)
        raise MigrationError(
            f"{migration.name}: {reason or type(exc).__name__}. It is not recorded; mend the cause"
            " and migrate again."
        ) from exc
    tell(str(migration))


async def record(connection: Any, migration: Migration, outcome: Outcome) -> None:
    """Note that this database has *migration* behind it; raises IntegrityError where that is noted
    already, by another node of a cluster."""
    at = now().replace(tzinfo=None)
    async with connection.cursor() as cursor:
        count = await cursor.execute(
            f"update {TABLE} set outcome = %s, applied_at = %s where name = %s and outcome = %s",  # noqa: S608
            (outcome, at, migration.name, BEGUN),
        )
        if not count:
            await _insert(cursor, migration, outcome, at)


async def note_beginning(connection: Any, migration: Migration) -> None:
    """Note that *migration* begins, for workers that must not serve beside it, and commit."""
    async with connection.cursor() as cursor:
        with suppress(aiomysql.IntegrityError):  # it has begun before
            await _insert(cursor, migration, BEGUN, now().replace(tzinfo=None))
    await connection.commit()


async def _insert(cursor: Any, migration: Migration, outcome: str, at: datetime) -> None:
    await cursor.execute(
        f"insert into {TABLE} (name, outcome, serving, applied_at) values (%s, %s, %s, %s)",  # noqa: S608
        (migration.name, outcome, migration.serving, at),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise MigrationError(f"{path}: save it as UTF-8 ({exc})") from exc


def _read_sql(path: Path) -> Migration:
    header: dict[str, Any] = {}
    summary: list[str] = []
    text = _text(path)
    for line in text.splitlines():
        comment = _COMMENT.fullmatch(line)
        if comment is None:
            break
        if pair := _HEADER.fullmatch(comment["text"]):
            header[pair["key"]] = pair["value"].strip()
        else:
            summary.append(comment["text"])
    work = partial(_run_statements, list(_statements(text)))
    return _migration(path, summary, header, work)


def _read_python(path: Path) -> Migration:
    try:
        names = runpy.run_path(str(path))
    except (Exception, SystemExit) as exc:  # whatever is wrong with it, it is named
        raise MigrationError(f"{path}: {type(exc).__name__}: {exc}") from exc
    header = {key: names[key.upper()] for key in ("when", "for", "serving") if key.upper() in names}
    function = names.get("migrate")
    if function is None:
        raise MigrationError(f"{path}: it has no function migrate(cursor)")
    summary = (names.get("__doc__") or "").strip().splitlines()
    return _migration(path, summary, header, partial(_run_function, function))


def _migration(
    path: Path,
    summary: list[str],
    header: dict[str, Any],
    work: Callable[[Any, Tell], Awaitable[object]],
) -> Migration:
    if not summary:
        raise MigrationError(f"{path}: say in the first line what it does")
    when, meant_for = header.get("when"), header.get("for", _FOR[0])
    is_of_before = path.name[:4] <= _LAST_THAT_DOES_NOT_SAY
    serving = header.get("serving", NOBODY if is_of_before else None)
    says = (("when", when, _WHEN), ("for", meant_for, _FOR), ("serving", serving, _SERVING))
    for key, value, choices in says:
        if value not in choices:
            raise MigrationError(f"{path}: say {key}: {' or '.join(choices)}, not {value!r}")
    is_early, is_for_all = when == "before", meant_for == "every database"
    if is_early and is_for_all:
        raise MigrationError(f"{path}: before its tables are made, a new database has nothing")
    return Migration(migration_name(path), summary[0], is_early, is_for_all, str(serving), work)


def _statements(text: str) -> Iterator[str]:
    """
    Yield the statements of a file: each ends with a line that ends with a semicolon.

    What stands in quotes stays as it is, also where it looks like a comment or an end.
    """
    start = 0
    for piece in _PIECE.finditer(text):
        if piece["end"] is not None:
            yield from _statement(text[start : piece.start()])
            start = piece.end()
    yield from _statement(text[start:])


def _statement(text: str) -> Iterator[str]:
    if not _ONLY_COMMENTS.fullmatch(text):
        yield text.strip()


async def _run_function(
    function: Callable[[Any], Awaitable[object] | AsyncGenerator[str]], cursor: Any, tell: Tell
) -> None:
    """Run the function of a file; what one with `yield` yields is told at once."""
    result = function(cursor)
    if not isinstance(result, AsyncGenerator):
        await result
        return
    async for text in result:
        tell(text)


async def _run_statements(statements: list[str], cursor: Any, _: Tell) -> None:
    for statement in statements:
        await cursor.execute(statement)
