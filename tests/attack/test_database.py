"""
Attacks on connections, transactions and their outcomes (kernel C1 to C8; ER-1 to ER-6, PL-1 to
PL-6, CFG-3). DDL-1 (C7) is held by tests/database/test_migrate.py.
"""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from app.runtime.processes import wait_until
from tests.support.extra_worker import ExtraWorker
from tests.support.installation import Installation

LIST = "/pipeline_core/pipelines/get_pipelines.dspy"
CREATE = "/pipeline_core/api/pipelines_create.dspy"


def connections(server: Installation) -> int:
    """The connections that the application's user has now, this one not counted."""
    rows = server.query("select count(*) as n from information_schema.processlist")
    return int(rows[0]["n"]) - 1


def connection_count(server: Installation) -> int:
    """How many connections were ever opened."""
    rows = server.query("show global status like 'Connections'")
    return int(rows[0]["Value"])


def open_transactions(server: Installation) -> int:
    """Transactions that are open now; only the database's administrator may look."""
    admin = server.mariadb.admin_connection()
    assert admin is not None
    with admin.open() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from information_schema.innodb_trx")
        (count,) = cursor.fetchone()
    return int(count)


# C1: connections are kept and given back (PL-1, PL-3)


def test_a_request_opens_no_connection(server: Installation, admin):
    for _ in range(40):
        admin.get(LIST)
    before = connection_count(server)

    for number in range(60):
        assert admin.get(LIST, params={"rows": number + 1}).status_code == 200

    assert connection_count(server) - before <= 2  # those of the counting itself


def test_errors_use_no_connection_up(server: Installation, admin, probes: ExtraWorker):
    client = probes.client()
    client.get("/probe/counted.dspy", params={"id": "first"})
    before = connections(server)

    for number in range(40):
        assert admin.get(LIST, params={"page": "abc"}).status_code == 400
        assert client.get(f"/probe/counted.dspy?fail=1&id={number}").status_code == 500
        assert client.get("/probe/sql.dspy", params={"sql": "select nothing"}).status_code == 500

    assert connections(server) <= before + 8  # the pools may not have been full


def test_a_wrong_statement_is_a_fault_and_no_lost_database(probes: ExtraWorker):
    answer = probes.client().get("/probe/sql.dspy", params={"sql": "select no_such_column"})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "no_such_column" not in answer.text


def test_who_finds_no_connection_free_is_told_and_served_later(probes: ExtraWorker):
    """PL-6: the worker of the probes has four connections and waits a second for one."""
    client = probes.client()

    def hold(_: int) -> tuple[int, str]:
        answer = client.get("/probe/held.dspy", params={"seconds": "3"})
        return answer.status_code, answer.headers.get("retry-after", "")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(hold, range(8)))

    assert sorted(answers) == [(200, "")] * 4 + [(503, "1")] * 4
    assert client.get("/probe/held.dspy", params={"seconds": "0"}).status_code == 200


# C2, C3b: nothing stays open (PL-2, PL-4)


def test_reads_leave_no_transaction_open(server: Installation, admin, probes: ExtraWorker):
    for _ in range(20):
        admin.get(LIST)
        probes.client().get("/probe/filtered.dspy")

    assert wait_until(lambda: open_transactions(server) == 0, 30)
    server.query("set statement max_statement_time=3 for alter table pipelines comment 'x'")


def test_what_was_written_is_seen_at_once(server: Installation, admin):
    """PL-4: a connection that never ended its transaction saw a stale state."""
    for number in range(12):
        server.query(
            "insert into pipelines (id, code, name, created_at, updated_at)"
            " values (%s, %s, 'Fresh', now(3), now(3))", f"fresh{number}", f"fresh-{number}",
        )  # fmt: skip
        assert admin.get(LIST, params={"name": "Fresh"}).json()["total"] == number + 1


def test_who_goes_away_leaves_neither_transaction_nor_connection(
    server: Installation, probes: ExtraWorker
):
    place = urlsplit(probes.base_url)
    assert place.hostname is not None
    before = connections(server)
    for number in range(12):
        with socket.create_connection((place.hostname, place.port or 80), 5) as connection:
            path = f"/probe/counted.dspy?id=away-{number}" if number % 2 else \
                "/probe/held.dspy?seconds=0.3"  # fmt: skip
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            time.sleep(0.01)

    assert wait_until(lambda: open_transactions(server) == 0, 30)
    assert connections(server) <= before + 4
    assert probes.client().get("/probe/counted.dspy?id=after").status_code == 200


# C3: no failed write is answered as done (ER-1, ER-2, ER-4, ER-5)


def test_code_after_a_failed_block_does_not_run(server: Installation, probes: ExtraWorker):
    server.query("delete from app_login_attempt")
    client = probes.client()
    assert client.get("/probe/counted.dspy?id=twice").text == "ok, order placed"

    answer = client.get("/probe/counted.dspy?id=twice")

    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate")
    assert client.get("/probe/counted.dspy?id=again&fail=1").status_code == 500
    assert client.get("/probe/counted.dspy?id=again").status_code == 200


def test_a_refusal_inside_a_block_comes_through(probes: ExtraWorker):
    answer = probes.client().get("/probe/refused_inside.dspy")

    assert answer.status_code == 404, answer.text
    assert "ok" not in answer.text.split('"')


@pytest.mark.parametrize("moment", ["statement", "commit"])
def test_a_connection_that_dies_is_told(server: Installation, probes: ExtraWorker, moment):
    """ER-2: `ok, saved` was answered, and no row was there."""
    answers = []
    wait = "0" if moment == "statement" else "0.8"
    path = f"/probe/counted.dspy?id=cut-{moment}&wait={wait}"
    lock = server.connect()
    with lock.cursor() as cursor:
        if moment == "statement":
            cursor.execute("lock tables app_login_attempt write")
        asking = threading.Thread(target=lambda: answers.append(probes.client().get(path)))
        asking.start()
        assert wait_until(lambda: at_work(server, moment) != [], 30)
        for pid in at_work(server, moment):
            server.query(f"kill connection {pid}")
        cursor.execute("unlock tables")
    lock.close()
    asking.join()

    assert answers[0].status_code == 503, answers[0].text
    assert server.query("select 1 from app_login_attempt where id like 'cut-%'") == []
    assert probes.client().get(f"/probe/counted.dspy?id=well-{moment}").status_code == 200


def at_work(server: Installation, moment: str) -> list[int]:
    """The connections that wait for a table, or that are between a change and its commit."""
    if moment == "statement":
        rows = server.query(
            "select id from information_schema.processlist where state like '%metadata lock%'"
        )
        return [row["id"] for row in rows]
    admin = server.mariadb.admin_connection()
    assert admin is not None
    with admin.open() as connection, connection.cursor() as cursor:
        cursor.execute("select trx_mysql_thread_id from information_schema.innodb_trx"
                       " where trx_rows_modified > 0")  # fmt: skip
        return [row[0] for row in cursor.fetchall()]


# C4: what others made fail is tried again


def test_two_that_block_each_other_both_succeed(server: Installation, probes: ExtraWorker):
    server.query("replace into app_login_attempt values ('a', 0, now(3)), ('b', 0, now(3))")
    client = probes.client()

    def cross(names: tuple[str, str]) -> int:
        first, second = names
        url = f"/probe/crossed.dspy?first={first}&second={second}"
        return client.get(url).status_code

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(cross, [("a", "b"), ("b", "a")])) == [200, 200]

    assert [row["fails"] for row in server.query(
        "select fails from app_login_attempt where id in ('a', 'b')")] == [2, 2]  # fmt: skip


# C6: statements are told apart (ER-6)


def test_replace_is_kept_and_with_reads(server: Installation, probes: ExtraWorker):
    server.query("delete from app_login_attempt")

    answer = probes.client().get("/probe/replaced.dspy?id=replaced")

    assert answer.status_code == 200, answer.text
    assert answer.json() == [{"fails": 4}]
    assert server.query("select fails from app_login_attempt where id = 'replaced'")


# D9: what the application's own user may


@pytest.mark.parametrize(
    "sql",
    [
        "select user, host from mysql.user",
        "select * from mysql.global_priv",
        "select 1 from dual where load_file('/etc/passwd') is not null",
        "show grants for 'root'@'localhost'",
        "select variable_value from information_schema.global_variables where 1 = sleep(0) and 1=0"
        " union select authentication_string from mysql.user",
    ],
)
def test_even_a_script_sees_no_other_database(probes: ExtraWorker, sql):
    answer = probes.client().get("/probe/sql.dspy", params={"sql": sql})

    assert answer.text == "[]" or answer.status_code == 500, answer.text
