"""What operators are told when something is wrong: the right reason, and what to do."""

import json
import subprocess
from pathlib import Path

import pytest
from appPublic.aes import aes_decode_b64

from app.base.settings import load_settings
from app.runtime.address import record_address
from tests.support.administration import administrate
from tests.support.installation import PASSWORDS, Installation, write_config
from tests.support.ports import free_port


def dbpassword(
    server: Installation, folder: Path, stdin: str, **members: str
) -> "subprocess.CompletedProcess[str]":
    file = write_config(folder)
    file.write_text(json.dumps(json.loads(file.read_text()) | members))
    return server.command(
        "app/manage.py", "dbpassword", stdin=stdin, check=False, env={"PIPELINE_CONF": str(file)}
    )


def test_without_the_right_to_triggers_migrate_fails_and_shows_the_sql(
    database: Installation,
) -> None:
    administrate(
        database,
        "drop trigger pipeline.app_archive_batch_kept_for_good",
        "revoke trigger on pipeline.* from 'pipeline'@'localhost'",
    )
    plan = database.manage("migrate", "--plan")
    process = database.manage("migrate", check=False)
    remedy = "GRANT TRIGGER ON `pipeline`.* TO 'pipeline'@'localhost';"

    assert process.returncode == 1
    for output in (plan.stdout, process.stdout):
        assert remedy in output
        assert "create trigger `app_archive_batch_kept_for_good`" in output
    administrate(database, remedy)
    database.stop()  # connections keep the rights that they began with
    assert database.manage("migrate").returncode == 0
    assert database.query("show triggers like 'app_archive_batch'")


def test_dbpassword_seals_what_it_reads_and_shows_nothing_else(
    mariadb: Installation, tmp_path: Path
) -> None:
    process = dbpassword(mariadb, tmp_path, "the-password\n", password_key="key of a test")

    assert aes_decode_b64("key of a test", process.stdout.strip()) == "the-password"
    assert "the-password" not in process.stdout + process.stderr


def test_dbpassword_without_a_key_says_what_to_do(mariadb: Installation, tmp_path: Path) -> None:
    process = dbpassword(mariadb, tmp_path, "the-password\n")

    assert process.returncode == 1
    assert "There is no password_key" in process.stderr
    assert "PIPELINE_DB_PASSWORD" in process.stderr
    assert "the-password" not in process.stdout + process.stderr


def test_a_sage_of_its_own_has_a_password_of_its_own(tmp_path: Path) -> None:
    kwargs = {"host": "db", "password": "in the file"}
    file = tmp_path / "config.json"
    file.write_text(
        json.dumps({"databases": {"pipeline": {"kwargs": kwargs}, "sage": {"kwargs": kwargs}}})
    )
    env = {"PIPELINE_CONF": str(file), "PIPELINE_VAR": str(tmp_path)}
    own = load_settings(
        env | {"PIPELINE_DB_PASSWORD": "one", "PIPELINE_SAGE_DB_PASSWORD": "another"}
    )

    assert own.pipeline_database.password == "one"
    assert own.sage_database.password == "another"
    assert load_settings(env).sage_database.password == "in the file"


def test_the_demo_goes_to_the_port_that_runs_and_keeps_no_persons_password(
    server: Installation,
) -> None:
    record_address(server.settings)
    process = server.command(
        "app/manage.py", "demo", "--username", "admin", "--password-stdin",
        stdin=PASSWORDS["admin"] + "\n", env={"PIPELINE_PORT": str(free_port())},
    )  # fmt: skip
    file = server.var_dir / "demo.json"
    try:
        demo = json.loads(file.read_text())
        assert demo["base_url"] == server.base_url
        assert demo["admin"] == {"username": "admin"}
        assert PASSWORDS["admin"] not in process.stdout + file.read_text()
    finally:
        file.unlink()


@pytest.mark.parametrize("argv", [["backup"], ["migrate"]])
def test_a_run_folder_that_cannot_be_used_is_told(
    mariadb: Installation, tmp_path: Path, argv: list[str]
) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    process = mariadb.command(
        "app/manage.py", *argv, check=False, env={"PIPELINE_VAR": str(tmp_path / "var")}
    )

    assert process.returncode == 1
    assert str(tmp_path / "var") in process.stderr
    assert "Traceback" not in process.stderr
