"""
Random sort, filter, page, column and search parameters for every list, against the database
(issue 3, point 5): no 5xx, and no statement in the database's own log but those that a list is
to send.

The normal run is short and always the same; PIPELINE_FUZZ_EXAMPLES=5000 makes it long and random.
"""

import base64
import json
import os
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from app.db.named_locks import RELEASE_LOCK, TAKE_LOCK
from app.db.nodes import session_statement
from app.db.server_kind import ABOUT_KIND, ABOUT_WRITING, ServerKind
from app.schema.tables import ROOT, Table, tables
from pipeline_dist.closing.due import NOT_CLOSED
from pipeline_dist.closing.store import WITHOUT_FILES
from pipeline_dist.webhooks.worker import OLDEST_EVENT
from tests.support.endpoints import World, listed_tables
from tests.support.hostile import VALUES
from tests.support.installation import FORGOTTEN, Installation, write_config
from tests.support.statements import Unexpected, check_list_statement, normalised

EXAMPLES = int(os.environ.get("PIPELINE_FUZZ_EXAMPLES", "0"))
USUAL = 150
LISTS = {
    f"/{table.module}/{table.name}/get_{table.name}.dspy": table
    for table in listed_tables().values()
    if table.module.startswith("pipeline_")
} | {"/app_audit/get_app_audit.dspy": tables()["app_audit"]}
# What a list tells beyond its columns: whether a version still matches its checksum.
DERIVED = {"intact"}
OPERATORS = "= != <> > >= < <= IN LIKE like REGEXP".split()
OPERATORS += ["NOT IN", "IS NULL", "IS NOT NULL", "NOT LIKE", "is  null", "= 1 or 1=1 --", ""]
ATTACKS = "${1}$ $[1]$ id,(select(1)) 1 `id` a.id sleep(60) * rand() c0.id id-- id/**/desc".split()
ATTACKS += ["id) as x, (select version()", "(id)", "id desc, id", "id asc limit 1", "id,,id", ","]
ATTACKS += ["id union select 1", "id desc nulls first", "ID"]


# What has nothing to do with lists and may come in a long run: new connections, a session seen.
# What the closer of months sends each minute, from whichever worker.
_CLOSER = (TAKE_LOCK, NOT_CLOSED, WITHOUT_FILES, RELEASE_LOCK)
NOW_AND_THEN = {
    normalised(OLDEST_EVENT).lower(),
    *(normalised(re.sub(r"\$\{\w+\}\$", "0", sql)).lower() for sql in _CLOSER),
    "start transaction", "commit", "set sql_mode=?", "set autocommit = ?", "set names utf8mb4",
    *(
        normalised(session_statement(ServerKind(name, False, True, True), 1, two_trips=two))
        for name in ("tx_isolation", "transaction_isolation") for two in (False, True)
    ),
    *map(normalised, (ABOUT_KIND, ABOUT_WRITING)),
    "update app_session set seen_at = ? where id = ?",
}  # fmt: skip

# The builder of the sums by day, and who looks whether the tables are current: no list has these.
OF_OTHERS = re.compile(
    r"\bapp_usage_|\busage_day\b|\bmin\(d\.day_key\)|\bapp_migration\b|\bapp_schema\b"
    r"|\bapp_publication where status"
)


class Log:
    """The general log of the test's own database."""

    def __init__(self, server: Installation) -> None:
        place = server.mariadb.admin_connection()
        assert place is not None
        self._connection = place.open(database="mysql", autocommit=True)

    def run(self, sql: str) -> Any:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def begin(self) -> None:
        for sql in ("set global log_output = 'TABLE'", "truncate mysql.general_log",
                    "set global general_log = 1"):  # fmt: skip
            self.run(sql)

    def statements(self) -> set[str]:
        """What the application's user sent since `begin`, normalised."""
        rows = self.run(
            "select distinct argument from mysql.general_log where user_host like 'pipeline%'"
            " and command_type in ('Query', 'Prepare', 'Execute')"
        )
        texts = (sql.decode() if isinstance(sql, bytes) else str(sql) for (sql,) in rows)
        return {normalised(text) for text in texts}

    def end(self) -> None:
        self.run("set global general_log = 0")
        self.run("truncate mysql.general_log")
        self._connection.close()


@pytest.fixture
def log(server: Installation) -> Iterator[Log]:
    watch = Log(server)
    yield watch
    watch.end()


@pytest.fixture(scope="module")
def filled(server: Installation, admin: httpx.Client) -> World:
    """Something in every list that people can put something in."""
    world = World(server, admin)
    for table in LISTS.values():
        if (ROOT / table.module / "wwwroot/api" / f"{table.name}_create.dspy").exists():
            world._existing(table.name)
    return world


def mostly(right: st.SearchStrategy[Any], *wrong: st.SearchStrategy[Any]) -> Any:
    """What is right three times of four; else nothing would get as far as a statement."""
    return st.integers(0, 3).flatmap(lambda dice: right if dice else st.one_of(*wrong))


def conditions(table: Table) -> st.SearchStrategy[Any]:
    """A `data_filter`, right or wrong in any of its parts."""
    names = [*table.columns, *(f"{code.field}_text" for code in table.codes)]
    field = mostly(st.sampled_from(names), st.sampled_from(ATTACKS), VALUES)
    plain = st.sampled_from(["1", "draft", "2026-11-24", "%a_", 3, True])
    value = mostly(plain | st.text(max_size=5), VALUES, st.lists(plain, max_size=4))
    operator = mostly(st.sampled_from(OPERATORS[:9]), st.sampled_from(OPERATORS), VALUES)
    one = st.fixed_dictionaries(
        {"field": field, "op": operator, "const": value},
        optional={"var": st.sampled_from(["q", "code", "x"]), "more": value},
    )
    return st.recursive(
        one,
        lambda inner: st.dictionaries(
            st.sampled_from(["AND", "OR", "and", "or", "Or"]),
            st.lists(inner, max_size=4), min_size=1, max_size=1,
        ) | st.dictionaries(st.sampled_from(["NOT", "not"]), inner, min_size=1, max_size=1),
        max_leaves=8,
    )  # fmt: skip


def cursors(table: Table) -> st.SearchStrategy[str]:
    """The way on from a row, as a reader who makes it up may write it."""
    order = st.sampled_from(["id", "id desc", *table.columns, "id,id", *ATTACKS])
    values = st.lists(st.sampled_from(["", "x", None, 1, "2026-11-24", "' or 1=1 --"]), max_size=2)
    parts = st.builds(lambda name, some: json.dumps([name, *some]), order, values)
    return mostly(parts, VALUES.map(str)).map(
        lambda text: base64.urlsafe_b64encode(text.encode("utf-8", "replace")).decode().rstrip("=")
    )


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, dict[str, Any], str]:
    """A list, parameters for it, and how they are sent."""
    url = draw(st.sampled_from([*LISTS]))
    table = LISTS[url]
    names = [*table.columns, *(f"{code.field}_text" for code in table.codes)]
    right = st.tuples(st.sampled_from(names), st.sampled_from(["", " desc", " ASC"])).map("".join)
    sort = mostly(right | st.lists(right, max_size=3), st.sampled_from(ATTACKS), VALUES)
    odd = st.sampled_from(["0", "-1", "1e3", "9" * 30, "1;2"])
    number = mostly(st.integers(1, 60), odd, VALUES)
    column = st.sampled_from(names).flatmap(
        lambda name: st.sampled_from([name, name, f"{name}_from", f"{name}_to", f"{name}_x"])
    )
    plain = st.sampled_from(["1", "a", "2026-11-24T00:00:00Z", "0.5", "draft", "true"])
    params = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "sort": sort, "page": number, "rows": number, "q": mostly(plain, VALUES),
                "data_filter": mostly(conditions(table), VALUES),
                "_export": st.sampled_from(["csv", "xlsx", "../x", ""]),
                "_columns": st.sampled_from(["id", "id,nothing", "api_key_hash", "*", ",", "name"]),
                "_after": cursors(table), "_before": cursors(table),
                "_last": st.sampled_from(["1", ""]),
                "_zone": st.sampled_from(["Asia/Shanghai", "../../etc/passwd", "\0", "UTC", "."]),
            },
        )
    )  # fmt: skip
    name = mostly(column, st.sampled_from(ATTACKS))
    params |= draw(st.dictionaries(name, mostly(plain, VALUES), max_size=2))
    return url, params, draw(st.sampled_from(["query", "form", "json"]))


def ask(admin: httpx.Client, url: str, params: dict[str, Any], how: str) -> httpx.Response:
    if how == "json":
        return admin.post(url, content=json.dumps(params), headers={
            "Content-Type": "application/json"})  # fmt: skip
    result: dict[str, Any] = {}
    for name, value in params.items():
        items = value if isinstance(value, list) and name != "data_filter" else [value]
        result[name] = [
            item.encode("utf-8", "replace").decode() if isinstance(item, str) else json.dumps(item)
            for item in items
        ]
    if how == "query" and sum(len(text) for texts in result.values() for text in texts) < 2000:
        return admin.get(url, params=result)
    return admin.post(url, data=result)


@pytest.fixture(params=["small", "large"])
def sizes(request: pytest.FixtureRequest, server: Installation) -> Iterator[str]:
    """Lists as those of small tables are, and as those of large ones."""
    if request.param == "small":
        yield "small"
        return
    few: dict[str, Any] = {"list_free_rows": 1, "list_counted_rows": 1}
    for options in (few, {}):
        write_config(server.var_dir, **options)
        server.workers.stop()
        server.start()
        if options:
            yield "large"


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_no_parameter_of_a_list_becomes_a_statement(
    server: Installation, admin: httpx.Client, filled: World, sizes: str, log: Log
):
    log.begin()
    # Sessions, rights and users are looked up anew from time to time, by statements of their own.
    until = time.monotonic() + 2 * FORGOTTEN
    while time.monotonic() < until:
        for url in LISTS:
            assert admin.get(url).status_code == 200
        time.sleep(0.5)
    others = {sql for sql in log.statements() if table_of(sql) is None}
    refusals = 0

    @settings(
        max_examples=EXAMPLES or USUAL, derandomize=not EXAMPLES, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(requests())
    def attack(drawn: tuple[str, dict[str, Any], str]) -> None:
        nonlocal refusals
        url, params, how = drawn
        answer = ask(admin, url, params, how)  # whose limit is shorter than `sleep(60)`

        assert answer.status_code in (200, 400, 413), answer.text
        if answer.status_code != 200:
            refusals += 1
            assert answer.json()["code"].startswith(("bad_", "body_", "invalid_"))
        elif answer.headers["content-type"].startswith("application/json"):
            check_rows(LISTS[url], answer.json())

    attack()

    unknown = []
    statements = {
        sql
        for sql in log.statements() - others
        if sql.lower() not in NOW_AND_THEN and not OF_OTHERS.search(sql)
    }
    # Of a large table more is refused.
    assert len(statements) > (40 if sizes == "small" else 25)
    for sql in statements:
        table = table_of(sql)
        try:
            if table is None:
                raise Unexpected(sql)
            check_list_statement(sql, table)
        except Unexpected as exc:
            unknown.append(str(exc))
    assert unknown == [], "\n".join(unknown)
    assert 0 < refusals < (EXAMPLES or USUAL)


def table_of(sql: str) -> Table | None:
    """The table whose list *sql* reads: lists call it `a`."""
    if not sql.startswith(("select", "set statement max_statement_time=? for")):
        return None
    return next((t for t in LISTS.values() if f" from `{t.name}` a" in sql), None)


def check_rows(table: Table, answer: dict[str, Any]) -> None:
    """Only columns that may leave, no more rows than there are."""
    assert answer.keys() - {"capped", "next", "previous", "large"} == {"total", "rows"}
    assert len(answer["rows"]) <= 1000
    assert answer.get("capped") or len(answer["rows"]) <= answer["total"]
    for row in answer["rows"]:
        assert not row.keys() & table.confidential
        names = {name.removesuffix("_text") for name in row} - DERIVED
        assert names <= table.columns.keys()


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) as total from `pipelines` a where (a.`code` = 'x' or 1=1)",
        "select a.`id` from `pipelines` a where (a.`id` = 'x') union select 1",
        "select a.`id` from `pipelines` a order by sleep(5) limit 1",
        "select a.`id`, version() from `pipelines` a",
        "select a.`api_key_hash` from `distributors` a",
        "select a.`id` from `pipelines` a where a.`id` = 'x'; drop table pipelines",
        "select a.`id` from `pipelines` a where (a.`id` = (select 1))",
        "select a.`id` from `pipelines` a /* */ where a.`id` in ('a', b)",
    ],
)
def test_the_grammar_itself_refuses_what_attacks_would_make(sql):
    table = table_of(normalised(sql))

    assert table is not None
    with pytest.raises(Unexpected):
        check_list_statement(normalised(sql), table)
