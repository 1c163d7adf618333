"""The embedded database survives whatever is done to it, and is open to nobody else."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pymysql
import pytest

from app.runtime import processes
from app.runtime.embedded_db import Connection, EmbeddedDatabase, EmbeddedDatabaseError
from tests.ops.conftest import Place


def test_starting_and_stopping_twice_is_harmless(new_place: Place) -> None:
    starts = new_place.database.start(), new_place.database.start()
    stopped = new_place.database.stop(), new_place.database.stop()

    assert starts == (True, False)
    assert stopped == (True, False)
    assert new_place.database.pid() is None


def test_committed_rows_survive_kill_9(place: Place) -> None:
    place.database.start()
    execute(place, "CREATE TABLE t (n INT)", "INSERT INTO t VALUES (7)")
    pid = place.database.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    processes.wait_until(lambda: place.database.pid() is None, 30)

    place.database.start()

    assert execute(place, "SELECT n FROM t") == ((7,),)
    assert place.database.pid() != pid


def test_temporary_tables_stand_where_no_other_server_clears_up(place: Place) -> None:
    """A starting server removes `#sql*` from its temporary folder, also what others use there."""
    place.database.start()

    assert execute(place, "SELECT @@tmpdir") == ((str(place.database.folder / "tmp"),),)


def test_a_pid_file_that_names_a_stranger_is_not_believed(place: Place) -> None:
    place.database.start()
    place.database.stop()
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        processes.record_pid(place.database.folder / "mariadbd.pid", stranger.pid)

        assert place.database.start() is True
        assert place.database.stop() is True
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_set_up_that_was_cut_off_is_made_again(new_place: Place) -> None:
    (new_place.database.folder / "data.new" / "mysql").mkdir(parents=True)

    assert new_place.database.start() is True


def test_the_port_is_kept_and_another_is_found_when_it_is_taken(place: Place) -> None:
    place.database.start()
    first = place.database.connection()
    place.database.stop()
    assert first is not None
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", first.port))
        thief.listen()
        place.database.start()
    second = place.database.connection()

    assert second is not None
    assert second.port != first.port
    assert second.password == first.password


def test_a_path_with_a_blank_is_fine(tmp_path: Path) -> None:
    database = EmbeddedDatabase(tmp_path / "a folder")
    try:
        assert database.start() is True
        assert database.start() is False
    finally:
        assert database.stop() is True


def test_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    database = EmbeddedDatabase(tmp_path / ("long" * 25))
    try:
        database.start()
        place = database.connection()

        assert place is not None
        assert len(place.unix_socket) < 100
        assert stat.S_IMODE(Path(place.unix_socket).parent.stat().st_mode) == 0o700
    finally:
        database.stop()
    assert not Path(place.unix_socket).parent.exists()


def test_secrets_are_for_the_owner_only(new_place: Place) -> None:
    new_place.database.start()
    folder = new_place.database.folder

    modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir() if f.is_file()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {modes["connection.json"], modes["admin.json"]} == {0o600}
    assert not (folder / "accounts.sql").exists()


@pytest.mark.parametrize("again", ["first start", "start while it runs", "next start"])
def test_nobody_gets_in_without_a_password(place: Place, again: str) -> None:
    """`mariadb-install-db` leaves root open for every address of the machine."""
    place.database.start()
    if again != "first start":
        as_administrator(place, "CREATE USER root@'127.0.0.1'", "CREATE USER ''@'localhost'",
                         "GRANT ALL ON *.* TO root@'127.0.0.1'")  # fmt: skip
    if again == "next start":
        place.database.stop()
    place.database.start()
    access = place.database.connection()
    assert access is not None

    for user in ("root", "", "pipeline", "mysql", "mariadb.sys"):
        for way in (
            {"host": "127.0.0.1", "port": access.port},
            {"unix_socket": access.unix_socket},
        ):
            with pytest.raises(pymysql.err.OperationalError, match=r"Access denied|4151"):
                pymysql.connect(user=user, password="", **way)
    assert as_administrator(place, "SELECT User, Host FROM mysql.user ORDER BY User, Host") == (
        ("mariadb.sys", "localhost"), ("pipeline", "127.0.0.1"), ("pipeline", "localhost"),
        ("root", "localhost"),
    )  # fmt: skip


def test_the_application_has_rights_on_its_two_databases_only(new_place: Place) -> None:
    EmbeddedDatabase(new_place.var_dir, "sage_of_ours").start()
    databases = {row[0] for row in execute(new_place, "SHOW DATABASES")}

    assert databases == {"information_schema", "pipeline", "sage_of_ours"}
    for forbidden in (
        "SELECT * FROM mysql.user",
        "CREATE DATABASE other",
        "CREATE DATABASE sageXofXours",
        "CREATE USER x",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
    ):
        with pytest.raises(pymysql.err.MySQLError):
            execute(new_place, forbidden)


def test_a_later_start_makes_another_sage_database_reachable(place: Place) -> None:
    place.database.start()

    EmbeddedDatabase(place.var_dir, "sage-2").start()

    assert ("sage-2",) in execute(place, "SHOW DATABASES")


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")

    with pytest.raises(EmbeddedDatabaseError, match=r"log .* cannot be written"):
        EmbeddedDatabase(tmp_path).start()


def test_a_missing_server_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.runtime.embedded_db.shutil.which", lambda name, path: None)

    with pytest.raises(EmbeddedDatabaseError, match="No MariaDB server is installed"):
        EmbeddedDatabase(tmp_path).start()


def test_a_server_that_ends_at_start_shows_its_log(place: Place) -> None:
    place.database.start()
    place.database.stop()
    damaged = place.database.folder / "data" / "ibdata1"
    damaged.write_bytes(b"nonsense" * 100)

    with pytest.raises(EmbeddedDatabaseError, match="ended at start") as failure:
        place.database.start()
    assert "ibdata1" in str(failure.value)


def execute(place: Place, *statements: str) -> tuple[tuple[object, ...], ...]:
    """Run statements as the application's user; the rows of the last."""
    return _run(place.database.connection(), statements)


def as_administrator(place: Place, *statements: str) -> tuple[tuple[object, ...], ...]:
    """Run statements as the server's administrator; the rows of the last."""
    return _run(place.database.admin_connection(), statements)


def _run(access: Connection | None, statements: tuple[str, ...]) -> tuple[tuple[object, ...], ...]:
    assert access is not None
    with (
        access.open(database="pipeline", autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        for statement in statements:
            cursor.execute(statement)
        return tuple(cursor.fetchall())
