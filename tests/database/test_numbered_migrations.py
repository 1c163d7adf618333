"""Numbered migrations: in order, once, recorded, told; a failed one leaves no trace."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymysql
import pytest

from app.db import numbered, schema_state
from app.db.migrate import migrate, plan
from app.db.numbered import MigrationError, read_migrations
from app.db.schema_state import SchemaState, read_state
from app.db.transactions import reading
from tests.support.installation import Installation

Write = Callable[..., Path]
RENAME = """\
-- Rename the old column of the note.
-- when: before
alter table distributors change column old_note contact varchar(64) null comment 'x';
"""
FILL = '''\
"""Fill the contacts that are missing."""

WHEN = "after"


async def migrate(cursor):
    await cursor.execute("update distributors set contact = 'nobody' where contact = %s", ("",))
'''
OF_THE_CODE = {numbered.migration_name(path) for path in numbered.migration_files()}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Put a migration where `migrate` looks for them."""
    monkeypatch.setattr(
        numbered, "migration_files",
        lambda: sorted(tmp_path.glob("*/migrations/*"), key=lambda path: path.name),
    )  # fmt: skip
    # A function that remembers its answer for the process.
    monkeypatch.setattr(schema_state, "fingerprint", schema_state.fingerprint.__wrapped__)
    monkeypatch.setattr(
        schema_state, "own_names",
        lambda: OF_THE_CODE | set(map(numbered.migration_name, numbered.migration_files())),
    )  # fmt: skip

    def put(name: str, text: str, module: str = "pipeline_ops") -> Path:
        file = tmp_path / module / "migrations" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    return put


def add_distributor(db: Installation, **columns: Any) -> None:
    columns = {
        "id": "d1", "code": "d1", "name": "One", "status": "active", "currency": "CNY",
        "quota_period": "none", "created_at": "2026-11-24", "created_by": "me",
        "updated_at": "2026-11-24", "updated_by": "me", "lock_version": 1, **columns,
    }  # fmt: skip
    db.query(
        f"insert into distributors ({', '.join(columns)}) values"
        f" ({', '.join(['%s'] * len(columns))})",
        *columns.values(),
    )


def outcomes(db: Installation) -> dict[str, str]:
    """Of the tests' own: the code's have run when the database was made."""
    rows = db.query("select * from app_migration")
    return {row["name"]: row["outcome"] for row in rows if row["name"] not in OF_THE_CODE}


async def test_what_was_renamed_keeps_its_values(bare_pool: Installation, write: Write) -> None:
    add_distributor(bare_pool)
    bare_pool.query("alter table distributors change column contact old_note varchar(64)")
    bare_pool.query("update distributors set old_note = 'kept'")
    write("0002_fill.py", FILL, "pipeline_dist")
    write("0001_rename.sql", RENAME)
    dry = (await plan()).lines()

    messages = await migrate()

    assert dry[0] == messages[0] == "pipeline_ops/0001_rename: Rename the old column of the note."
    assert messages[-1] == "pipeline_dist/0002_fill: Fill the contacts that are missing."
    assert messages[-1] in dry
    assert [row["contact"] for row in bare_pool.query("select contact from distributors")] == [
        "kept"
    ]
    assert set(outcomes(bare_pool).values()) == {"done"}
    assert await migrate() == []
    assert (await plan()).lines() == []


async def test_a_later_one_with_a_lower_number_still_runs(
    bare_pool: Installation, write: Write
) -> None:
    add_distributor(bare_pool)
    write("0002_fill.py", FILL)
    await migrate()
    write("0001_other.sql", "-- Do nothing.\n-- when: after\nselect 1;\n")

    assert await migrate() == ["pipeline_ops/0001_other: Do nothing."]


async def test_a_new_database_needs_only_what_is_for_every_one(
    bare_pool: Installation, write: Write
) -> None:
    # As after json2ddl, or a migration that ended half-way: tables without a row.
    bare_pool.query("delete from app_schema")
    bare_pool.query("drop table app_migration")
    write("0001_rename.sql", RENAME)
    write(
        "0002_first.sql",
        "-- Make the first row.\n-- when: after\n-- for: every database\n"
        "insert into app_login_attempt (id, fails, last_at) values ('x', 1, '2026-11-24');\n",
    )
    assert (await plan()).before == []

    messages = await migrate()

    assert messages == [
        "app_migration: created the table", "pipeline_ops/0002_first: Make the first row.",
    ]  # fmt: skip
    assert outcomes(bare_pool) == {
        "pipeline_ops/0001_rename": "not_needed", "pipeline_ops/0002_first": "done",
    }  # fmt: skip
    assert await migrate() == []


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "0001_bad.sql",
            "-- Empty it.\n-- when: after\ndelete from distributors;\nselect nonsense;\n",
            "Unknown column 'nonsense'",
        ),
        (
            "0001_bad.py",
            '"""Empty it."""\nWHEN = "before"\nasync def migrate(cursor):\n'
            '    await cursor.execute("delete from distributors")\n    raise ValueError("why")\n',
            "why",
        ),
        (
            "0001_bad.py",
            '"""Empty it."""\nWHEN = "after"\nasync def migrate(cursor):\n'
            '    await cursor.execute("delete from distributors")\n    raise SystemExit(0)\n',
            "0",
        ),
        (
            "0001_bad.sql",
            "-- Empty it.\n-- when: after\ndelete from distributors;\n"
            "kill connection connection_id();\n",
            "",
        ),
        (
            "0001_bad.py",
            '"""Empty it."""\nWHEN = "before"\nasync def migrate(cursor):\n'
            '    await cursor.execute("delete from distributors")\n'
            "    cursor.connection.close()\n    await cursor.execute('do 1')\n",
            "",
        ),
        (
            "0001_bad.sql",
            "-- Empty it.\n-- when: after\ndelete from distributors; select nonsense;\n",
            "Unknown column 'nonsense'",
        ),
        (
            "0001_bad.py",
            '"""Empty it."""\nWHEN = "before"\nasync def migrate(cursor):\n'
            '    await cursor.execute("delete from distributors")\n    raise TimeoutError\n',
            "TimeoutError",
        ),
    ],
)
async def test_a_failed_one_is_told_and_leaves_nothing(
    bare_pool: Installation, write: Write, name: str, text: str, sentence: str
) -> None:
    add_distributor(bare_pool)
    file = write(name, text)

    with pytest.raises(MigrationError, match=f"^pipeline_ops/0001_bad: .*{sentence}.*not recorded"):
        await migrate()

    assert len(bare_pool.query("select id from distributors")) == 1
    assert outcomes(bare_pool) == {"pipeline_ops/0001_bad": "begun"}
    async with reading() as sor:
        assert await read_state(sor) is SchemaState.OLDER
    file.unlink()
    # Until it is run to its end, nobody else writes.
    with pytest.raises(pymysql.err.OperationalError, match="is being migrated"):
        bare_pool.query("update distributors set name = 'Two'")
    write("0001_bad.sql", "-- Mend it.\n-- when: after\ndelete from distributors;\n")
    assert await migrate() == ["pipeline_ops/0001_bad: Mend it."]
    bare_pool.query("update distributors set name = 'Two'")
    assert outcomes(bare_pool) == {"pipeline_ops/0001_bad": "done"}
    async with reading() as sor:
        assert await read_state(sor) is SchemaState.CURRENT


async def test_what_one_says_meanwhile_is_told_at_once(
    bare_pool: Installation, write: Write
) -> None:
    add_distributor(bare_pool, contact="")
    write(
        "0001_long.py",
        '"""Take long."""\nWHEN = "after"\nasync def migrate(cursor):\n'
        "    yield 'half of it'\n"
        "    await cursor.execute(\"update distributors set contact = 'x'\")\n",
    )
    lines: list[tuple[str, str]] = []

    def tell(line: str) -> None:
        (row,) = bare_pool.query("select contact from distributors")
        lines.append((line, row["contact"]))

    messages = await migrate(tell=tell)

    name = "pipeline_ops/0001_long"
    assert lines == [(f"{name}: half of it", ""), (f"{name}: Take long.", "x")]
    assert messages == [line for line, _ in lines]


async def test_migrations_at_the_same_time_run_each_once(
    bare_pool: Installation, write: Write
) -> None:
    add_distributor(bare_pool, contact="")
    write(
        "0001_more.sql",
        "-- Write one more letter.\n-- when: after\n"
        "update distributors set contact = concat(contact, 'x');\n",
    )

    messages = await asyncio.gather(*(migrate() for _ in range(4)))

    assert sorted(map(len, messages)) == [0, 0, 0, 1]
    assert bare_pool.query("select contact from distributors") == [{"contact": "x"}]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("0001 x.sql", "-- x\n-- when: after\n", "name it"),
        ("0001_x.txt", "-- x\n-- when: after\n", "name it"),
        ("0002_x.sql", "select 1;\n", "what it does"),
        ("0002_x.sql", "-- x\nselect 1;\n", "say when"),
        ("0002_x.sql", "-- x\n-- when: later\n", "say when"),
        ("0002_x.sql", "-- x\n-- when: after\n-- for: all\n", "say for"),
        ("0002_x.sql", "-- x\n-- when: before\n-- for: every database\n", "has nothing"),
        ("0009_x.sql", "-- x\n-- when: after\n", "say serving"),
        ("0009_x.sql", "-- x\n-- when: after\n-- serving: all\n", "say serving"),
        ("0002_x.py", '"""x"""\nWHEN = "after"\n', "no function"),
        ("0001_y.sql", "-- x\n-- when: after\n", "has this number"),
    ],
)
def test_a_file_that_says_too_little_is_refused(
    write: Write, name: str, text: str, sentence: str
) -> None:
    first = write("0001_first.sql", "-- First.\n-- when: after\nselect 1;\n")

    with pytest.raises(MigrationError, match=sentence):
        read_migrations([first, write(name, text, "pipeline_core")])


def test_the_checkouts_own_can_be_read() -> None:
    read_migrations(numbered.migration_files())


async def test_who_serves_beside_one_is_told_by_the_database(
    bare_pool: Installation, write: Write
) -> None:
    """Other workers learn it from its line in app_migration; and while it runs nobody writes whom
    that would do harm to."""
    add_distributor(bare_pool)
    look = (
        '"""Look."""\nWHEN = "after"\nSERVING = "{}"\nasync def migrate(cursor):\n'
        "    await cursor.execute('select count(*) from information_schema.triggers"
        ' where trigger_schema = database() and trigger_name like "%fence%"\')\n'
        "    yield f'{{(await cursor.fetchone())[0] > 0}}'\n"
    )
    write("0009_expand.py", look.format("version before"))
    expand = await migrate()
    write("0010_contract.py", look.format("nobody"))
    contract = await migrate()

    assert [line.rpartition(" ")[2] for line in (expand[0], contract[0])] == ["False", "True"]
    async with reading() as sor:
        assert await read_state(sor) is SchemaState.CURRENT
        for name, state in (("expand", SchemaState.OLDER), ("contract", SchemaState.NEWER)):
            # As code that does not have it.
            bare_pool.query("delete from app_schema")
            bare_pool.query("update app_migration set name = concat('x/', name) where name like %s",
                       f"%{name}")  # fmt: skip
            assert await read_state(sor) is state
