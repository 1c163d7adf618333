"""The operators' commands, on real databases."""

import re
import time
from pathlib import Path

import pytest
from appPublic.rc4 import unpassword

from app.base import clock
from app.manage import commands, main
from tests.support.installation import PASSWORDS, Installation, write_config


def test_help_names_every_command_in_both_languages(mariadb: Installation) -> None:
    process = mariadb.manage("--help")

    for name, command in commands().items():
        assert name in process.stdout
        assert command.english in process.stdout
        assert command.chinese in process.stdout


# One process for all of them: to start one takes far longer than what it is asked.
HELP_OF_ALL = """
from contextlib import suppress
from app.manage import commands, main
for name in commands():
    with suppress(SystemExit):
        main([name, "--help"])
"""


def test_every_command_has_help_and_needs_no_database_for_it(
    mariadb: Installation, tmp_path: Path
) -> None:
    process = mariadb.command("-c", HELP_OF_ALL, env={"PIPELINE_VAR": str(tmp_path)})

    usages = re.findall(r"^usage: manage\.py (\S+)", process.stdout, re.MULTILINE)
    assert usages == list(commands())
    assert list(tmp_path.iterdir()) == []


def test_days_turn_for_a_command_where_they_do_for_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config(tmp_path, quota_time_zone="America/New_York")
    monkeypatch.setenv("PIPELINE_CONF", str(config))
    try:
        with pytest.raises(SystemExit):
            main(["migrate", "--help"])

        assert clock.zone_name() == "America/New_York"
    finally:
        clock.set_zone("Asia/Shanghai")


def test_an_unknown_command_shows_the_list(mariadb: Installation) -> None:
    process = mariadb.manage("create-amdin", check=False)

    assert process.returncode == 2
    assert "There is no command create-amdin" in process.stderr
    assert "create-admin" in process.stderr


def test_migrate_and_load_paths_again_change_nothing(database: Installation) -> None:
    migrated = database.manage("migrate").stdout
    report = database.manage("load-paths").stdout

    assert migrated == "The tables are as the models say.\n"
    assert report.count("rights, 0 added, 0 removed") == 4


def test_setting_sage_up_again_changes_nothing(database: Installation) -> None:
    before = database.query("SELECT id, orgtypeid, name FROM role ORDER BY id", database="sage")
    process = database.manage("setup-sage")

    assert "there is a Sage already" in process.stdout
    assert (
        database.query("SELECT id, orgtypeid, name FROM role ORDER BY id", database="sage")
        == before
    )
    names = {f"{row['orgtypeid']}.{row['name']}" for row in before}
    assert {"owner.superuser", "owner.operator", "owner.viewer"} <= names
    assert {"any", "logined", "anonymous"} <= {row["id"] for row in before}


def test_a_sage_of_others_that_is_torn_is_left_alone(database: Installation) -> None:
    admin = database.mariadb.admin_connection()
    assert admin is not None
    with admin.open(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE torn")
        cursor.execute("GRANT ALL ON torn.* TO 'pipeline'@'localhost'")
        cursor.execute("CREATE TABLE torn.users (id VARCHAR(32) PRIMARY KEY)")
        database.extra_env["SAGE_RBAC_DB"] = "torn"
        try:
            process = database.manage("setup-sage", check=False)
            cursor.execute("SHOW TABLES IN torn")
            tables = [row[0] for row in cursor.fetchall()]
        finally:
            del database.extra_env["SAGE_RBAC_DB"]
            cursor.execute("DROP DATABASE torn")

    assert process.returncode == 1
    assert "has some of Sage's tables and lacks organization, role" in process.stderr
    assert tables == ["users"]


def test_a_database_without_sage_is_told(database: Installation) -> None:
    database.extra_env["SAGE_RBAC_DB"] = "information_schema"
    try:
        process = database.manage("create-admin", "--generate", check=False)
    finally:
        del database.extra_env["SAGE_RBAC_DB"]

    assert process.returncode == 1
    assert "has no RBAC tables" in process.stderr
    assert "SAGE_RBAC_DB" in process.stderr


def test_create_admin_stores_the_password_as_sage_does(database: Installation) -> None:
    database.manage(
        "create-admin", "--username", "wang", "--password-stdin", stdin="correct horse\n"
    )
    row = database.query("SELECT * FROM users WHERE username = 'wang'", database="sage")[0]

    assert unpassword(row["password"], key=database.settings.password_key) == "correct horse"
    assert (row["user_status"], row["orgid"]) == ("0", "0")


def test_create_admin_refuses_a_name_that_exists_and_a_short_password(
    database: Installation,
) -> None:
    again = database.manage("create-admin", "--password-stdin", stdin="long enough\n", check=False)
    short = database.manage(
        "create-admin", "--username", "li", "--password-stdin", stdin="short\n", check=False
    )

    assert "There is a user admin already" in again.stderr
    assert "at least 8 characters" in short.stderr
    assert (again.returncode, short.returncode) == (1, 1)


def test_create_admin_refuses_an_unknown_role(database: Installation) -> None:
    process = database.manage(
        "create-admin", "--username", "zhao", "--role", "owner.nothing", "--generate", check=False
    )

    assert process.returncode == 1
    assert "no role owner.nothing" in process.stderr


def test_a_generated_password_is_told_once_and_works(server: Installation) -> None:
    process = server.manage("create-admin", "--username", "chen", "--generate")
    password = re.search(r"shown only now\): (\S+)", process.stdout)
    assert password is not None

    client = server.sign_in("chen", password[1])

    assert client.get("/whoami.dspy").json()["data"]["username"] == "chen"


def test_a_new_password_ends_the_sessions(server: Installation) -> None:
    page = "/pipeline_core/pipelines/get_pipelines.dspy"
    client = server.sign_in("viewer")
    assert client.get(page).status_code == 200
    server.manage(
        "create-admin",
        "--username",
        "viewer",
        "--reset",
        "--password-stdin",
        stdin=PASSWORDS["viewer"] + "\n",
    )

    # A worker may remember a session for 5 s.
    deadline = time.monotonic() + 60
    while client.get(page).status_code == 200:
        assert time.monotonic() < deadline, "the old session is still good"
        time.sleep(0.5)


def test_a_database_that_is_away_is_told(mariadb: Installation) -> None:
    mariadb.mariadb.stop()
    try:
        result = [
            mariadb.manage(*argv, check=False)
            for argv in (
                ["migrate"],
                ["load-paths"],
                ["create-admin", "--generate"],
                ["setup-sage"],
                ["check-ledger"],
            )
        ]
    finally:
        mariadb.mariadb.start()

    assert [item.returncode for item in result] == [1] * 5
    assert [item.args for item in result if "Traceback" in item.stderr] == []
    assert all(item.stderr.strip() for item in result)
