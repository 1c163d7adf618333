"""`manage.py rotate-secret`: what is new holds, what is old does not, and nobody is cut off."""

import hashlib
import json
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pymysql
import pytest

from app.access import password_key
from app.base.sealing import unseal as unseal_secret
from app.runtime import processes
from pipeline_dist.webhooks.sealing import seal, unseal
from tests.ops.conftest import Place
from tests.support.installation import DIRECT, PASSWORDS, WITHIN, Installation
from tests.support.second_factors import code_of, sign_in_with, take_all_away, turn_on


@pytest.fixture(autouse=True)
def _no_old_failures(server: Installation) -> None:
    server.query("delete from app_login_attempt")


@pytest.fixture(scope="module", autouse=True)
def _the_key_of_the_other_modules(database: Installation) -> Iterator[None]:
    """Other modules find the users again with passwords encoded with the key of the beginning."""
    file = secret_file(database, "password_key")
    key = file.read_text()
    yield
    file.write_text(key)


def secret_file(server: Installation, name: str) -> Path:
    return server.var_dir / "secrets" / name


def user_of(client: httpx.Client) -> str | None:
    answer: str | None = client.get("/whoami.dspy").json()["data"]["username"] or None
    return answer


def stored_passwords(server: Installation) -> dict[str, str]:
    rows = server.query("select id, password from users", database="sage")
    return {row["id"]: row["password"] for row in rows}


def digest(passwords: dict[str, str]) -> str:
    lines = sorted(f"{user_id}:{password}" for user_id, password in passwords.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


# The token of the metrics


def test_a_new_token_of_the_metrics_counts_within_seconds(server: Installation):
    file = secret_file(server, "metrics_token")
    before = file.read_text().strip()
    # A proxy that nobody told of may stand before who asks like this.
    forwarded = {"Via": "1.1 proxy"}

    def answers(token: str) -> set[int]:
        headers = {**forwarded, "Authorization": f"Bearer {token}"}
        client = server.anonymous()
        return {client.get("/metrics", headers=headers).status_code for _ in range(4)}

    assert answers(before) == {200}
    process = server.manage("rotate-secret", "metrics_token")
    now = file.read_text().strip()

    assert str(file) in process.stdout
    assert now not in process.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert processes.wait_until(lambda: (answers(now), answers(before)) == ({200}, {403}), WITHIN)


# The session secret


def test_a_new_session_secret_ends_all_sessions_within_seconds(server: Installation):
    clients = [server.sign_in(name) for name in PASSWORDS for _ in range(2)]
    file = secret_file(server, "session_secret")
    before = file.read_text()

    process = server.manage("rotate-secret", "session_secret")

    assert "6 session(s) are ended" in process.stdout
    assert file.read_text() != before
    assert len(file.read_text().strip()) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # Several looks at each, so that both workers are asked.
    assert processes.wait_until(
        lambda: not any(user_of(client) for client in clients for _ in range(4)), WITHIN
    )
    assert user_of(server.sign_in("viewer")) == "viewer"


def test_a_cookie_sealed_with_the_old_secret_is_nobodys_even_with_its_row(server: Installation):
    client = server.sign_in("viewer")
    row = server.query("select * from app_session")[0]
    server.manage("rotate-secret", "session_secret")
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    server.query(f"insert into app_session ({names}) values ({marks})", *row.values())

    assert processes.wait_until(lambda: {user_of(client) for _ in range(6)} == {None}, WITHIN)


# The key of the webhooks' secrets


def keep_webhook(server: Installation, name: str, *keys: str) -> None:
    """Keep a webhook whose secrets are sealed with the first of *keys*."""
    texts = [seal(f"{text} of {name}", name, keys) for text in ("secret", "previous")]
    server.query(
        "insert into app_webhook (id, distributor_id, url, secret, previous_secret, created_at,"
        " updated_at) values (%s, 'd', 'https://example.com', %s, %s, now(), now())",
        name, *texts,
    )  # fmt: skip


def secrets_of(server: Installation, name: str, *keys: str) -> list[str]:
    (row,) = server.query("select * from app_webhook where id = %s", name)
    return [unseal(row[column], name, keys) for column in ("secret", "previous_secret")]


def test_a_new_webhook_key_seals_all_secrets_anew(server: Installation):
    file, old, other = secret_file(server, "webhook_key"), "1" * 64, "2" * 64
    file.write_text(old)
    keep_webhook(server, "one", old)
    keep_webhook(server, "two", old)
    try:
        process = server.manage("rotate-secret", "webhook_key")

        new, *before = file.read_text().split()
        assert (len(new), new != old, before) == (64, True, [old])
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "2 webhook(s) are sealed with it" in process.stdout
        assert new not in process.stdout
        for name in ("one", "two"):
            assert secrets_of(server, name, new) == [f"secret of {name}", f"previous of {name}"]

        # Cut off when the new key was in place and not all was sealed with it; and one of a host
        # with another key.
        keep_webhook(server, "left", old)
        keep_webhook(server, "strange", other)
        process = server.manage("rotate-secret", "webhook_key", check=False)
        newest, *before = file.read_text().split()

        assert (process.returncode, before) == (1, [new, old])
        assert "added to" in process.stderr
        assert "strange" in process.stderr
        assert secrets_of(server, "left", newest) == ["secret of left", "previous of left"]
        report = json.loads(server.manage("doctor", "--json", check=False).stdout)
        (finding,) = (one for one in report["findings"] if one["check"] == "webhooks")
        assert (finding["level"], "of 1 cannot" in finding["message"]) == ("error", True)
    finally:
        server.query("delete from app_webhook where distributor_id = 'd'")


def test_a_webhook_key_is_not_rotated_beside_workers_of_another_version(
    server: Installation, tmp_path: Path
) -> None:
    file = secret_file(server, "webhook_key")
    file.write_text("1" * 64)
    script = tmp_path / "app/pipeline_app.py"
    script.parent.mkdir()
    script.write_text("import time\nprint('runs', flush=True)\ntime.sleep(600)\n")
    var_dir = server.var_dir.resolve()
    command = [sys.executable, "-X", f"pipeline_var={var_dir}", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            process = server.manage("rotate-secret", "webhook_key", check=False)
        finally:
            other.kill()

    assert (process.returncode, file.read_text()) == (1, "1" * 64)
    assert "Workers of another version run" in process.stderr


# The key of second factors


def test_a_new_key_of_second_factors_seals_all_anew_and_codes_go_on(server: Installation):
    take_all_away(server)
    secret, _ = turn_on(server.sign_in("viewer"), PASSWORDS["viewer"])
    file = secret_file(server, "second_factor_key")
    before = file.read_text().split()
    (old,) = server.query("select id, secret from app_second_factor")
    try:
        process = server.manage("rotate-secret", "second_factor_key")

        keys = file.read_text().split()
        (row,) = server.query("select id, secret from app_second_factor")
        assert "1 user(s)" in process.stdout
        assert keys[1:] == before
        assert row["secret"] != old["secret"]
        assert unseal_secret(row["secret"], row["id"], keys[:1]) == secret
        _, answer = sign_in_with(server, "viewer", PASSWORDS["viewer"], code_of(secret))
        assert answer.status_code == 200, answer.text

        file.write_text("3" * 64)
        _, answer = sign_in_with(server, "viewer", PASSWORDS["viewer"], code_of(secret, 1))
        assert (answer.status_code, answer.json()["code"]) == (503, "second_factor_key")
        report = json.loads(server.manage("doctor", "--json", check=False).stdout)
        (finding,) = (one for one in report["findings"] if one["check"] == "second_factors")
        assert finding["level"] == "error"
        process = server.manage("rotate-secret", "second_factor_key", check=False)
        assert (process.returncode, "recovery codes" in process.stderr) == (1, True)
    finally:
        take_all_away(server)
        file.write_text("\n".join(before))


# The key of the stored passwords


def test_a_new_password_key_encodes_all_passwords_anew(server: Installation):
    client = server.sign_in("viewer")
    file = secret_file(server, "password_key")
    old_key, old = file.read_text(), stored_passwords(server)

    process = server.manage("rotate-secret", "password_key")

    assert "3 password(s) are encoded with a new key" in process.stdout
    assert file.read_text() != old_key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not set(old.values()) & set(stored_passwords(server).values())
    assert processes.wait_until(lambda: not any(user_of(client) for _ in range(4)), WITHIN)
    for name in PASSWORDS:
        server.sign_in(name)
    assert list(file.parent.glob("password_key?*")) == []


def test_a_password_of_another_key_stops_it_and_nothing_is_changed(server: Installation):
    file = secret_file(server, "password_key")
    key = file.read_text()
    server.query("insert into users (id, username, password) values ('odd', 'odd', 'bm90IG91cnM=')",
                 database="sage")  # fmt: skip
    try:
        before = stored_passwords(server)

        process = server.manage("rotate-secret", "password_key", check=False)

        assert process.returncode == 1
        assert "not encoded with the present key (odd)" in process.stderr
        assert (stored_passwords(server), file.read_text()) == (before, key)
        assert list(file.parent.glob("password_key?*")) == []
    finally:
        server.query("delete from users where id = 'odd'", database="sage")


@pytest.mark.parametrize("cut_off", ["before the commit", "after the commit"])
def test_a_rotation_that_was_cut_off_is_brought_to_its_end(server: Installation, cut_off: str):
    file = secret_file(server, "password_key")
    old_key, old = file.read_text(), stored_passwords(server)
    server.manage("rotate-secret", "password_key")
    new_key, new = file.read_text(), stored_passwords(server)
    if cut_off == "before the commit":
        plan = {"key": "0" * 64, "before": digest(new), "after": digest(old)}
    else:
        file.write_text(old_key)
        plan = {"key": new_key.strip(), "before": digest(old), "after": digest(new)}
    under_way = file.with_name("password_key.next")
    under_way.write_text(json.dumps(plan))
    server.adopt()

    password_key.finish_interrupted(server.settings)

    assert file.read_text() == new_key
    assert not under_way.exists()
    server.sign_in("viewer")


def test_a_cut_off_that_cannot_be_decided_is_left_to_a_person(server: Installation):
    under_way = secret_file(server, "password_key").with_name("password_key.next")
    under_way.write_text(json.dumps({"key": "0" * 64, "before": "x", "after": "y"}))
    try:
        process = server.manage("rotate-secret", "password_key", check=False)

        assert process.returncode == 1
        assert "was cut off, and passwords were changed since" in process.stderr
        assert under_way.exists()
    finally:
        under_way.unlink()


def test_starting_brings_a_cut_off_rotation_to_its_end(place: Place):
    secrets = place.var_dir / "secrets"
    key = (secrets / "password_key").read_text()
    place.database.start()
    access = place.database.connection()
    assert access is not None
    with access.open(database="sage") as connection, connection.cursor() as cursor:
        cursor.execute("select id, password from users")
        before = digest(dict(cursor.fetchall()))
    plan = {"key": "0" * 64, "before": before, "after": "y"}
    (secrets / "password_key.next").write_text(json.dumps(plan))

    place.start()

    assert not (secrets / "password_key.next").exists()
    assert (secrets / "password_key").read_text() == key


def test_the_key_of_a_sage_of_others_is_left_alone(server: Installation):
    with other_sage(server):
        process = server.manage("rotate-secret", "password_key", check=False)

    assert process.returncode == 1
    assert "The passwords in their_sage are Sage's" in process.stderr


def test_a_key_in_the_configuration_is_left_alone(server: Installation, tmp_path: Path):
    config = json.loads((server.settings.root_dir / "conf/config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | {"password_key": "given"}))

    process = server.command(
        "app/manage.py", "rotate-secret", "password_key", check=False,
        env={"PIPELINE_CONF": str(tmp_path / "config.json")},
    )  # fmt: skip

    assert process.returncode == 1
    assert "password_key stands in conf/config.json" in process.stderr


# The embedded database's passwords


@pytest.fixture
def under_parent(server: Installation) -> Iterator[Installation]:
    parent = server.start_under_parent()
    yield server
    (server.var_dir / "demo.json").unlink(missing_ok=True)
    parent.stop()
    server.start(workers=2)


def test_new_database_passwords_cut_nobody_off_and_what_the_demo_wrote_down_is_kept_true(
    under_parent: Installation,
):
    server = under_parent
    notes = server.var_dir / "demo.json"
    notes.write_text(json.dumps({"database": {"password": "old", "user": "pipeline"}}))
    client = server.sign_in("viewer")
    old, old_admin = server.mariadb.connection(), server.mariadb.admin_connection()
    assert old is not None
    assert old_admin is not None
    workers = server.workers.running()

    with asking(server, client) as statuses:
        # As an operator types it, without the environment the workers were started with.
        process = server.command(
            "app/manage.py", "rotate-secret", "database",
            env={"PIPELINE_PORT": "1", "PIPELINE_WORKERS": "7"},
        )  # fmt: skip

    assert "2 worker(s) were replaced" in process.stdout
    assert set(statuses) == {200}
    assert len(statuses) > 20
    running = server.workers.running()
    assert running.keys() == workers.keys()
    assert not set(running.values()) & set(workers.values())
    for place in (old, old_admin):
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            place.open()
    access, renewed_admin = server.mariadb.connection(), server.mariadb.admin_connection()
    assert access is not None
    assert renewed_admin is not None
    for renewed in (access, renewed_admin):
        renewed.open().close()
    assert user_of(client) == "viewer"
    assert json.loads(notes.read_text())["database"] == {
        "password": access.password, "user": "pipeline",
    }  # fmt: skip


def test_a_stopped_database_gets_its_passwords_at_the_next_start(place: Place):
    place.database.start()
    place.database.stop()
    before = place.database.connection()
    (place.var_dir / "run").mkdir()

    process = place.manage("rotate-secret", "database")
    place.database.start()

    after = place.database.connection()
    assert process.returncode == 0, process.stderr
    assert before is not None
    assert after is not None
    assert after.password != before.password
    after.open().close()
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        replace(before, unix_socket=after.unix_socket).open()


def test_a_database_of_ones_own_is_left_alone(server: Installation, tmp_path: Path):
    config = json.loads((server.settings.root_dir / "conf/config.json").read_text("utf-8"))
    config["databases"]["pipeline"]["kwargs"] |= {"host": "db.example.com", "password": "x"}
    (tmp_path / "config.json").write_text(json.dumps(config))

    process = server.command(
        "app/manage.py", "rotate-secret", "database", check=False,
        env={"PIPELINE_CONF": str(tmp_path / "config.json")},
    )  # fmt: skip

    assert process.returncode == 1
    assert "names a database of yours" in process.stderr


@contextmanager
def asking(server: Installation, client: httpx.Client) -> Iterator[list[int]]:
    """Somebody who asks for a list again and again, each time on a new connection."""
    statuses: list[int] = []
    stop = threading.Event()
    cookies = dict(client.cookies)
    url = f"{server.base_url}/pipeline_core/pipelines/get_pipelines.dspy"

    def ask() -> None:
        while not stop.is_set():
            try:
                answer = httpx.get(url, cookies=cookies, **DIRECT, timeout=30)
                statuses.append(answer.status_code)
            except httpx.TransportError:
                statuses.append(0)
            time.sleep(0.02)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join()


@contextmanager
def other_sage(server: Installation) -> Iterator[None]:
    """The same tables in a database that others made."""
    admin = server.mariadb.admin_connection()
    assert admin is not None
    with admin.open(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("create database their_sage")
        cursor.execute("create table their_sage.users as select * from sage.users")
        cursor.execute("grant all on their_sage.* to pipeline@localhost")
        server.extra_env["SAGE_RBAC_DB"] = "their_sage"
        try:
            yield
        finally:
            del server.extra_env["SAGE_RBAC_DB"]
            cursor.execute("drop database their_sage")
