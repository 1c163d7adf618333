"""migrate brings any earlier state of the database to the models, and loses nothing."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pymysql
import pytest

from app.db.migrate import migrate, plan
from app.db.pool import pools, raw_connection
from app.db.schema_state import SchemaState, read_state
from app.db.transactions import reading
from app.schema import collation as schema_collation, tables as models
from app.schema.collation import NAME_COLLATIONS
from app.schema.inspect import FoundColumn, FoundTable, read_schema
from app.schema.plan import make_plan
from tests.support.installation import Installation

STAMPS = "'2026-11-24 06:00:00.000', 'me', '2026-11-24 06:00:00.000', 'me', 1"
STAMP_NAMES = "created_at, created_by, updated_at, updated_by, lock_version"


@pytest.fixture
async def pool(mariadb: Installation) -> AsyncIterator[Installation]:
    """The databases as they are: making them is what is tested."""
    mariadb.adopt()
    yield mariadb
    await pools().close()


@pytest.fixture(autouse=True)
async def _migrated_after(pool: Installation) -> AsyncIterator[None]:
    await migrate()
    yield
    # What a test added on top, so that the next one starts from the models.
    pool.query("drop table if exists app_schema")
    for table in ("pipelines", "pipeline_steps", "pipeline_versions", "pipeline_capacity"):
        pool.query(f"drop table if exists {table}")


def column(db: Installation, table: str, name: str) -> dict[str, Any]:
    (row,) = db.query(
        "select column_type as type, is_nullable as nullable, column_default as given,"
        " collation_name as collation from information_schema.columns"
        " where table_schema = database() and table_name = %s and column_name = %s",
        table, name,
    )  # fmt: skip
    return row


def add_pipeline(db: Installation, key: str = "p1") -> None:
    db.query(
        f"insert into pipelines (id, code, name, {STAMP_NAMES})"
        f" values ('{key}', '{key}', 'Line', {STAMPS})"
    )


def add_version(db: Installation, key: str, number: int, status: str = "saved") -> None:
    db.query(
        "insert into pipeline_versions (id, pipeline_id, version_no, status, snapshot, checksum,"
        f" event_log, {STAMP_NAMES}) values ('{key}', 'p1', {number}, '{status}', '{{}}', 'c',"
        f" '[]', {STAMPS})"
    )


async def test_a_migrated_database_is_as_the_models_say() -> None:
    rest = await plan()

    assert rest.steps == []
    assert rest.problems == []
    assert await migrate() == []


async def test_every_column_has_the_type_of_its_model(pool: Installation) -> None:
    async with raw_connection() as connection:
        schema = await read_schema(connection)

    for table in models.tables().values():
        assert table.columns.keys() <= schema[table.name].columns.keys()
    assert column(pool, "pipeline_usage_log", "amount")["type"] == "decimal(20,10)"
    assert column(pool, "pipeline_capacity", "day_used")["type"].startswith("bigint")
    assert column(pool, "pipeline_usage_log", "started_at")["type"] == "datetime(3)"
    assert column(pool, "pipeline_usage_log", "idempotency_key")["collation"] == "utf8mb4_bin"


@pytest.mark.parametrize("module", ["pipeline_core", "pipeline_ops", "pipeline_dist"])
async def test_what_json2ddl_makes_is_taken_over(pool: Installation, module: str) -> None:
    script = f"from xls2ddl.json2ddl import model2ddl; print(model2ddl('{module}/models', 'mysql'))"
    ddl = pool.command("-c", script).stdout
    text = "\n".join(line for line in ddl.splitlines() if not line.startswith("--"))
    for statement in filter(str.strip, text.split(";\n")):
        pool.query(statement.strip().rstrip(";"))

    steps = await migrate()

    assert (await plan()).steps == []
    assert any("collation of" in line for line in steps)


async def test_a_missing_column_is_added_to_the_rows_there_are(pool: Installation) -> None:
    add_pipeline(pool)
    pool.query(
        "insert into pipeline_steps (id, pipeline_id, step_key, name, stage, step_no, config,"
        f" {STAMP_NAMES}) values ('s1', 'p1', 'a', 'A', 1, 1, '{{}}', {STAMPS})"
    )
    for name in ("config", "timeout_seconds", "created_at"):
        pool.query(f"alter table pipeline_steps drop column {name}")

    steps = await migrate()

    (row,) = pool.query("select * from pipeline_steps")
    assert (row["config"], row["timeout_seconds"]) == ("{}", 300)
    assert row["created_at"] is not None
    assert column(pool, "pipeline_steps", "created_at")["given"] is None
    assert any("added column config" in line for line in steps)


@pytest.mark.parametrize(
    ("table", "name", "narrow"),
    [
        ("pipelines", "name", "varchar(20) not null"),
        ("pipeline_capacity", "day_used", "int not null default 0"),
        ("pipelines", "description", "text"),
    ],
)
async def test_a_narrow_column_is_widened(
    pool: Installation, table: str, name: str, narrow: str
) -> None:
    before = column(pool, table, name)
    pool.query(f"alter table {table} modify column {name} {narrow}")

    await migrate()

    assert column(pool, table, name) == before


@pytest.mark.parametrize(
    ("wide", "sentence"),
    [
        ("varchar(300) not null", "pipelines.name is varchar(300), the model says varchar(128)"),
        ("varchar(128) null", "pipelines.name allows null, the model does not"),
    ],
)
async def test_nothing_is_narrowed(pool: Installation, wide: str, sentence: str) -> None:
    pool.query(f"alter table pipelines modify column name {wide} comment '产线名称'")
    before = column(pool, "pipelines", "name")

    lines = await migrate()

    assert column(pool, "pipelines", "name") == before
    assert f"left as it is: {sentence}" in lines


async def test_nothing_is_dropped(pool: Installation) -> None:
    pool.query("alter table pipelines add column colour varchar(9) default 'red'")
    pool.query("create index my_own on pipelines (name)")
    pool.query("create table if not exists my_table (id int primary key)")
    add_pipeline(pool)

    lines = await migrate()

    assert pool.query("select colour from pipelines") == [{"colour": "red"}]
    assert "left as it is: pipelines.colour is a column that no model names" in lines
    assert "left as it is: pipelines: index my_own that no model names" in lines
    assert not any("my_table" in line for line in lines)
    pool.query("drop table my_table")


async def test_indexes_are_added_and_corrected(pool: Installation) -> None:
    pool.query("alter table pipelines drop index pipelines_code, drop index pipelines_org")
    pool.query("create index pipelines_org on pipelines (owner_org_id, name)")

    await migrate()

    assert (await plan()).steps == []
    add_pipeline(pool)
    with pytest.raises(pymysql.err.IntegrityError):
        add_pipeline(pool)


async def test_migrations_at_the_same_time_are_one(pool: Installation) -> None:
    for table in models.tables():
        pool.query(f"drop table if exists {table}")

    results = await asyncio.gather(*(migrate() for _ in range(4)))

    assert (await plan()).steps == []
    assert sorted(bool(lines) for lines in results) == [False, False, False, True]
    assert not any("somebody else" in line for lines in results for line in lines)


async def test_the_schema_is_current_only_after_migrating(pool: Installation) -> None:
    async with reading() as sor:
        assert await read_state(sor) is SchemaState.CURRENT
    pool.query("delete from app_schema")
    async with reading() as sor:
        assert await read_state(sor) is SchemaState.OLDER
    pool.query("drop table app_schema")
    async with reading() as sor:
        assert await read_state(sor) is SchemaState.OLDER


def add_distributors(db: Installation, *names: str) -> None:
    for number, name in enumerate(names):
        db.query(
            "insert into distributors (id, code, name, status, currency, quota_period,"
            f" {STAMP_NAMES}) values (%s, %s, %s, 'active', 'CNY', 'none', {STAMPS})",
            f"n{number}", f"n{number}", name,
        )  # fmt: skip


OLD = "modify column name varchar(128) character set utf8mb4 collate utf8mb4_unicode_ci not null"


@pytest.fixture
def old_names(pool: Installation) -> Iterator[Installation]:
    """Names as installations of before have them: all emoji are one."""
    pool.query("delete from distributors")
    pool.query(f"alter table distributors {OLD}")
    yield pool
    pool.query("delete from distributors")


async def test_names_of_before_are_told_apart_by_their_emoji(old_names: Installation) -> None:
    add_distributors(old_names, "Acme 😀", "吉野", "café")

    steps = await migrate()

    assert any("which tells emoji and rare letters apart" in line for line in steps)
    assert column(old_names, "distributors", "name")["collation"] == "utf8mb4_uca1400_as_ci"
    old_names.query("update distributors set name = 'Acme 🎉' where id = 'n1'")
    old_names.query("update distributors set name = '𠮷野' where id = 'n2'")
    with pytest.raises(pymysql.err.IntegrityError):  # capitals are no other name
        old_names.query("update distributors set name = 'ACME 😀' where id = 'n1'")
    assert await migrate() == []
    assert (await plan()).problems == []


async def test_names_that_newer_letters_make_one_are_left_for_a_person(
    old_names: Installation,
) -> None:
    """The old collation did not know the capital of ß, and took the two for different."""
    add_distributors(old_names, "Ruß", "Ruẞ")

    steps = await migrate()

    (line,) = [line for line in steps if "NOT" in line]
    assert line.startswith("NOT done, distributors: changed collation of name")
    assert "Rename one of the two" in line
    assert column(old_names, "distributors", "name")["collation"] == "utf8mb4_unicode_ci"
    old_names.query("update distributors set name = 'Another' where id = 'n1'")
    assert [line.partition(" to ")[0] for line in await migrate()] == [
        "distributors: changed collation of name"
    ]


@pytest.mark.parametrize("have", NAME_COLLATIONS)
async def test_names_that_are_told_apart_already_stay_as_they_are(
    pool: Installation, have: str
) -> None:
    """As another server has made them; a dump of MySQL 8 for instance."""
    async with raw_connection() as connection:
        schema = await read_schema(connection)
    was = schema["distributors"].columns["name"]
    schema["distributors"].columns["name"] = dataclasses.replace(was, collation=have)

    assert make_plan(schema, NAME_COLLATIONS[0]).steps == []


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        (NAME_COLLATIONS, "utf8mb4_uca1400_as_ci"),
        (NAME_COLLATIONS[1:], "utf8mb4_0900_as_ci"),
        (NAME_COLLATIONS[2:], "utf8mb4_bin"),
    ],
)
async def test_the_first_collation_that_the_server_has_is_taken(
    pool: Installation, monkeypatch: pytest.MonkeyPatch, available: tuple[str, ...], expected: str
) -> None:
    """This server has not MySQL's: then what comes after it."""
    missing = [f"utf8mb4_no_{name}" for name in NAME_COLLATIONS if name not in available]
    monkeypatch.setattr(schema_collation, "NAME_COLLATIONS", (*missing, *available))
    async with raw_connection() as connection:
        collation = await schema_collation.name_collation(connection)

    has = {row["Collation"] for row in pool.query("show collation like 'utf8mb4%%'")}
    assert collation == (expected if expected in has or "uca1400" in expected else "utf8mb4_bin")


def test_a_server_without_better_ones_is_told_what_it_does(pool: Installation) -> None:
    tables = {"distributors": FoundTable(columns={"name": FoundColumn(
        "varchar(128)", False, None, "utf8mb4_unicode_ci", "分销商名称")})}  # fmt: skip

    text = " ".join(map(str, make_plan(tables, "utf8mb4_bin").steps))
    unknown = make_plan(tables, None)

    assert "capitals from small letters" in text
    assert any("takes all emoji for one" in line for line in unknown.problems)
    assert not any("collation of name" in str(step) for step in unknown.steps)


def test_an_empty_database_gets_every_table() -> None:
    whole = make_plan({})

    assert {step.table for step in whole.steps} == models.tables().keys()
    assert not any("drop" in step.sql.lower() for step in whole.steps)


@pytest.mark.parametrize(
    "change",
    [
        "snapshot = '{\"a\":1}'",
        "snapshot = ' {}'",
        "checksum = 'd'",
        "version_no = 9",
        "pipeline_id = 'p2'",
        "created_by = 'you'",
        "published_by = 'you'",
        "rollback_of = 1",
    ],
)
def test_the_content_of_a_version_never_changes(pool: Installation, change: str) -> None:
    add_version(pool, "v1", 1)

    with pytest.raises(pymysql.err.MySQLError, match="never changes"):
        pool.query(f"update pipeline_versions set {change} where id = 'v1'")


def test_what_happens_to_a_version_is_written_down(pool: Installation) -> None:
    add_version(pool, "v1", 1)

    pool.query("update pipeline_versions set notes = 'n', event_log = '[1]', lock_version = 2")
    pool.query("update pipeline_versions set status = 'published', published_at = now(3)")
    pool.query("update pipeline_versions set status = 'superseded'")

    assert pool.query("select status, notes from pipeline_versions") == [
        {"status": "superseded", "notes": "n"}
    ]


def test_a_pipeline_has_one_live_version_at_most(pool: Installation) -> None:
    add_version(pool, "v1", 1, "published")
    add_version(pool, "v2", 2)

    with pytest.raises(pymysql.err.IntegrityError):
        pool.query("update pipeline_versions set status = 'published' where id = 'v2'")
    assert "live_of" not in pool.query("select * from pipeline_versions")[0]


def test_a_counter_cannot_fall_below_nothing(pool: Installation) -> None:
    pool.query(
        f"insert into pipeline_capacity (id, pipeline_id, {STAMP_NAMES})"
        f" values ('c1', 'p1', {STAMPS})"
    )

    with pytest.raises(pymysql.err.MySQLError, match="counters"):
        pool.query("update pipeline_capacity set running = running - 1")


def test_a_price_needs_the_amounts_of_its_kind(pool: Installation) -> None:
    pool.query("delete from pipeline_pricing")
    with pytest.raises(pymysql.err.MySQLError, match="package"):
        pool.query(
            "insert into pipeline_pricing (id, pipeline_id, unit, pricing_type, unit_price,"
            f" effective_from, {STAMP_NAMES})"
            f" values ('x', 'p1', 'call', 'package', 1, now(3), {STAMPS})"
        )
