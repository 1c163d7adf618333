"""`manage.py doctor`: all is well, and what is not well has its advice."""

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.base.clock import now
from app.base.settings import load_settings
from app.cli import doctor
from app.doctor import host
from app.doctor.findings import Level
from app.runtime.address import record_address
from tests.ops.test_host_clock import database_clock
from tests.support.administration import administrate
from tests.support.installation import Installation, write_config
from tests.support.shop import Shop
from tests.support.tampering import without_triggers

SUBJECTS = {
    "backup", "certificate", "clock", "configuration", "database", "descriptors", "disk", "ledger",
    "parent", "port", "privileges", "sage", "schema", "second_factors", "secrets", "settings",
    "webhooks",
}  # fmt: skip


def examine(server: Installation, **env: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit code and what is not ok, by its subject."""
    process = server.command("app/manage.py", "doctor", "--json", check=False, env=env)
    assert process.returncode in (0, 1), process.stderr
    answer: dict[str, Any] = json.loads(process.stdout)
    assert answer["ok"] == (process.returncode == 0)
    assert {row["check"] for row in answer["findings"]} == SUBJECTS
    faults: dict[str, list[dict[str, str]]] = {}
    for row in answer["findings"]:
        assert (row["level"] == Level.OK) == (not row["advice"]), row
        if row["level"] != Level.OK:
            faults.setdefault(row["check"], []).append(row)
    return process.returncode, faults


def test_an_installation_that_is_well(server: Installation) -> None:
    record_address(server.settings)
    code, faults = examine(server, PIPELINE_PORT="9")

    assert code == 0
    # The workers' own port is used, and that this command was told another one is said.
    (row,) = faults.pop("port")
    assert f"listen on {server.port}" in row["message"]
    # The tests' workers have no parent process.
    (row,) = faults.pop("parent")
    assert "start.sh" in row["advice"]
    assert set(faults) <= {"backup"}


def test_each_fault_has_its_advice(server: Installation) -> None:
    shop = Shop(server)
    pipeline = shop.pipeline()
    shop.distributor(pipeline).begin(
        pipeline, "k", status="succeeded", lines=[{"unit": "call", "quantity": 1}]
    )
    with without_triggers(server, "pipeline_usage_log"):
        server.query("update pipeline_usage_log set amount = amount + 1")
    key = server.var_dir / "secrets/password_key"
    key.chmod(0o644)
    write_config(server.var_dir, public_url="https://127.0.0.1:1")
    administrate(
        server,
        "revoke trigger, delete on pipeline.* from 'pipeline'@'localhost'",
        "alter table pipeline.distributors add column forgotten int",
        "set global innodb_flush_log_at_trx_commit = 2",
        "set global max_connections = 60",
    )
    try:
        with database_clock(server, 100):
            code, faults = examine(server)
    finally:
        write_config(server.var_dir)
        key.chmod(0o600)
        administrate(
            server,
            "grant trigger, delete on pipeline.* to 'pipeline'@'localhost'",
            "alter table pipeline.distributors drop column forgotten",
            "set global innodb_flush_log_at_trx_commit = 1",
            "set global max_connections = 500",
        )

    advice = {name: " ".join(row["advice"] for row in rows) for name, rows in faults.items()}
    assert code == 1
    assert f"chmod 600 {key}" in advice["secrets"]
    assert "GRANT DELETE ON `pipeline`.* TO 'pipeline'@'localhost';" in advice["privileges"]
    assert "GRANT TRIGGER ON `pipeline`.*" in advice["privileges"]
    assert "innodb_flush_log_at_trx_commit = 1" in advice["settings"]
    assert "lower pipeline.pool_size" in advice["settings"]
    assert "time service" in advice["clock"]
    assert "clock" in faults["port"][0]["message"]
    assert "renew its certificate" in advice["certificate"]
    assert "manage.py check-ledger" in advice["ledger"]
    assert any("forgotten" in row["message"] for row in faults["schema"])


def test_an_unknown_name_is_told_in_the_readers_language(
    mariadb: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("PIPELINE_CONF", str(write_config(tmp_path, pool_sise=3)))
    monkeypatch.setattr("app.runtime.terminal.is_chinese", lambda: True)

    assert doctor.run_command([]) == 1
    output = capsys.readouterr().out
    assert "unknown setting pipeline.pool_sise" in output
    assert output.startswith("错误")
    assert "请更正" in output


@pytest.mark.parametrize(
    ("days", "level"),
    [(-1, Level.ERROR), (0.5, Level.WARNING), (29, Level.WARNING), (31, Level.OK)],
)
def test_a_certificate_that_ends_is_told(days: float, level: Level) -> None:
    end = now() + timedelta(days=days)

    assert host.certificate_days("certificate", "https://x", end, 30).level is level


@pytest.mark.parametrize(
    ("free", "level"),
    [(10**8, Level.ERROR), (10**9, Level.WARNING), (10**11, Level.OK)],
)
def test_a_disk_that_fills_is_told(
    mariadb: Installation, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    config = load_settings(mariadb.env)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))

    assert {finding.level for finding in host.disk(config, config.var_dir)} == {level}


def test_a_disk_that_is_read_only_is_told(
    mariadb: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_settings(mariadb.env)
    status = type("Status", (), {"f_flag": os.ST_RDONLY})
    monkeypatch.setattr(os, "statvfs", lambda _: status)
    (finding,) = host.disk(config, config.var_dir)

    assert finding.level is Level.ERROR
    assert "mount its disk for writing" in finding.advice
