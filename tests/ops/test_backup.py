"""`manage.py backup` and `restore`: what is booked meanwhile, what is broken, what is elsewhere."""

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.backup.clients import require_programs
from app.backup.container import check_whole, members
from app.backup.content import read_content
from app.backup.sealing import read_key
from app.base.sealing import seal as seal_secret, unseal as unseal_secret
from app.base.settings import ROOT
from app.runtime.terminal import CommandError
from pipeline_dist.webhooks.sealing import seal, unseal
from tests.support.administration import administrate
from tests.support.installation import Installation
from tests.support.shop import Shop

pytestmark = pytest.mark.skipif(
    not shutil.which("mariadb-dump"), reason="mariadb-dump is missing: install mariadb-client"
)
PARQUET = b"PAR1 as good as a month"
KEY = "a sentence that a person thought of\n"
TARGETS = ("restored", "restored_sage")


@dataclass
class Backup:
    """A backup that was made while calls were booked."""

    file: Path
    output: str
    calls_before: int
    calls_after: int


class Target:
    """Another installation, on two empty databases of the same server, with folders of its own."""

    def __init__(self, server: Installation, folder: Path) -> None:
        self.server = server
        self.var_dir = folder / "target"
        place = server.mariadb.connection()
        assert place is not None
        kwargs = {"unix_socket": place.unix_socket, "user": place.user, "password": place.password}
        names = dict(zip(("pipeline", "sage"), TARGETS, strict=True))
        databases = {name: {"kwargs": kwargs | {"db": db}} for name, db in names.items()}
        self.conf = folder / "target.json"
        self.conf.write_text(json.dumps({"databases": databases}))

    def manage(self, *argv: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run app/manage.py there; never raises for its exit code."""
        own = {"PIPELINE_VAR": str(self.var_dir), "PIPELINE_CONF": str(self.conf)}
        return self.server.command("app/manage.py", *argv, env=own | env, check=False)

    def make_empty(self) -> None:
        """Make both databases anew."""
        for name in TARGETS:
            administrate(
                self.server,
                f"drop database if exists `{name}`",
                f"create database `{name}` collate utf8mb4_unicode_ci",
                f"grant all on `{name}`.* to 'pipeline'@'localhost'",
            )

    def remove(self) -> None:
        """Remove both databases."""
        self.make_empty()
        for name in TARGETS:
            self.server.query(f"drop database `{name}`")


@pytest.fixture(scope="module")
def backup(server: Installation, tmp_path_factory: pytest.TempPathFactory) -> Backup:
    shop = Shop(server)
    pipeline = shop.pipeline(capacity={"daily_quota": 100_000})
    distributor = shop.distributor(pipeline, quota_period="day", quota_calls=100_000)
    calls: list[str] = []
    stop = threading.Event()

    def book() -> None:
        while not stop.is_set():
            lines = [{"unit": "call", "quantity": 1}]
            answer = distributor.begin(pipeline, f"k{len(calls)}", status="succeeded", lines=lines)
            assert answer.status_code == 201
            calls.append(answer.json()["call_no"])

    (server.var_dir / "secrets/webhook_key").write_text("1" * 64)
    server.query(
        "insert into app_webhook (id, distributor_id, url, secret, enabled, created_at, updated_at)"
        " values ('one', 'd', 'https://example.com', %s, 0, now(), now())",
        seal("told once", "one", ["1" * 64]),
    )
    (server.var_dir / "secrets/second_factor_key").write_text("4" * 64)
    server.query(
        "insert into app_second_factor (id, secret, created_at, confirmed_at)"
        " values ('u', %s, now(), now())",
        seal_secret("JBSWY3DPEHPK3PXP", "u", ["4" * 64]),
    )
    archive = server.var_dir / "archive/2023-12/d/1-2.parquet"
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(PARQUET)
    file = tmp_path_factory.mktemp("backup") / "one.backup"
    client = threading.Thread(target=book)
    client.start()
    try:
        while len(calls) < 5:
            stop.wait(0.01)
        before = len(calls)
        process = server.manage("backup", str(file))
        after = len(calls)
    finally:
        stop.set()
        client.join()
        shutil.rmtree(server.var_dir / "archive")
    return Backup(file, process.stdout, before, after)


@pytest.fixture(scope="module")
def target(server: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    place = Target(server, tmp_path_factory.mktemp("place"))
    place.make_empty()
    yield place
    place.remove()


def triggers(server: Installation, database: str) -> dict[str, str]:
    rows = server.query("show triggers", database=database)
    return {row["Trigger"]: row["Statement"] for row in rows}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(scope="module")
def restored(backup: Backup, target: Target) -> "subprocess.CompletedProcess[str]":
    return target.manage("restore", str(backup.file))


def test_what_was_booked_before_it_is_in_a_backup_and_the_ledger_agrees(
    backup: Backup, server: Installation, target: Target,
    restored: "subprocess.CompletedProcess[str]",
) -> None:  # fmt: skip
    assert restored.returncode == 0, restored.stderr
    assert "The tables are as the models say." in restored.stdout
    assert ": 0 difference(s)" in restored.stdout
    (row,) = server.query("select count(*) as n from pipeline_usage_log", database="restored")

    assert backup.calls_before <= row["n"] <= backup.calls_after
    assert backup.calls_before < backup.calls_after, "calls are let in meanwhile"
    assert triggers(server, "restored") == triggers(server, "pipeline") != {}
    users = server.query("select id, password from users order by id", database="sage")
    assert server.query("select id, password from users order by id", database=TARGETS[1]) == users


def test_secrets_archive_and_configuration_come_back_for_their_owner_only(
    backup: Backup, server: Installation, target: Target,
    restored: "subprocess.CompletedProcess[str]",
) -> None:  # fmt: skip
    key = target.var_dir / "secrets/password_key"
    archive = target.var_dir / "archive/2023-12/d/1-2.parquet"

    assert key.read_text() == (server.var_dir / "secrets/password_key").read_text()
    (row,) = server.query("select secret from app_webhook", database="restored")
    keys = (target.var_dir / "secrets/webhook_key").read_text().split()
    assert unseal(row["secret"], "one", keys) == "told once"
    (row,) = server.query("select secret from app_second_factor", database="restored")
    keys = (target.var_dir / "secrets/second_factor_key").read_text().split()
    assert unseal_secret(row["secret"], "u", keys) == "JBSWY3DPEHPK3PXP"
    assert archive.read_bytes() == PARQUET
    assert (target.var_dir / "restored/config.json").exists()
    assert [mode_of(file) for file in (backup.file, key, archive)] == [0o600] * 3
    assert "keys and personal data in clear" in backup.output


def test_a_database_that_is_not_empty_is_left_as_it_is(
    backup: Backup, server: Installation, target: Target,
    restored: "subprocess.CompletedProcess[str]",
) -> None:  # fmt: skip
    server.query(f"update {TARGETS[0]}.app_schema set changes = 'mine'")
    process = target.manage("restore", str(backup.file))

    assert process.returncode == 1
    assert "is not empty" in process.stderr
    assert "Nothing was changed" in process.stderr
    (row,) = server.query("select changes from app_schema", database=TARGETS[0])
    assert row["changes"] == "mine"


def test_a_host_with_another_webhook_key_is_told_and_it_ends_with_1(
    backup: Backup, server: Installation, target: Target,
    restored: "subprocess.CompletedProcess[str]",
) -> None:  # fmt: skip
    target.make_empty()
    key = target.var_dir / "secrets/webhook_key"
    of_backup = key.read_text()
    key.write_text("2" * 64)
    try:
        process = target.manage("restore", "--without-files", str(backup.file))
    finally:
        key.write_text(of_backup)

    assert process.returncode == 1
    assert "the secrets of 1 cannot be read" in process.stderr
    assert str(key) in process.stderr
    assert ": 0 difference(s)" in process.stdout
    assert "Start: bash start.sh" not in process.stdout


def test_other_secrets_are_not_written_over(
    backup: Backup, server: Installation, target: Target,
    restored: "subprocess.CompletedProcess[str]",
) -> None:  # fmt: skip
    target.make_empty()
    key = target.var_dir / "secrets/password_key"
    key.write_text("another\n")
    process = target.manage("restore", str(backup.file))

    assert process.returncode == 1
    assert str(key) in process.stderr
    assert key.read_text() == "another\n"
    assert server.query("show tables", database=TARGETS[0]) == []


@pytest.mark.parametrize("size", [-1, -2000, 0])
def test_a_file_that_is_cut_or_changed_is_known_by_its_checksum(
    backup: Backup, tmp_path: Path, size: int
) -> None:
    data = bytearray(backup.file.read_bytes())
    broken = tmp_path / "broken.backup"
    if size:
        broken.write_bytes(data[:size])
    else:
        data[len(data) // 2] ^= 1
        broken.write_bytes(data)

    with pytest.raises(CommandError, match="Nothing was changed"):
        check_whole(broken)


def test_a_broken_file_is_refused_before_anything_is_written(
    backup: Backup, tmp_path: Path, target: Target
) -> None:
    broken = tmp_path / "broken.backup"
    broken.write_bytes(backup.file.read_bytes()[:-1])
    process = target.manage("restore", str(broken), PIPELINE_VAR=str(tmp_path / "var"))

    assert process.returncode == 1
    assert "is cut off" in process.stderr
    assert not (tmp_path / "var").exists()


def test_an_encrypted_one_opens_with_its_key_only_and_sage_elsewhere_is_named(
    backup: Backup, server: Installation, target: Target, tmp_path: Path
) -> None:
    key_file, other_key = tmp_path / "key", b"another sentence of a person"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    config = target.conf.with_name("elsewhere.json")
    config.write_text(target.conf.read_text().replace('"db": "restored"', '"db": "pipeline"'))
    file = tmp_path / "sealed.backup"
    process = target.manage(
        "backup", str(file), "--key-file", str(key_file), "--without-archive",
        PIPELINE_CONF=str(config), PIPELINE_VAR=str(server.var_dir),
    )  # fmt: skip
    key = KEY.strip().encode()

    assert process.returncode == 0, process.stderr
    assert "Sage's tables (users, organization, role" in process.stdout
    assert f"{TARGETS[1]} (" in process.stdout
    assert "Not in it: the archived months" in process.stdout
    check_whole(file)
    content = read_content(file, key)
    assert list(content.databases) == ["pipeline"]
    assert "secrets/password_key" in content.digests
    secret = (server.var_dir / "secrets/password_key").read_bytes().strip()
    assert secret in backup.file.read_bytes()
    assert secret not in file.read_bytes()
    with pytest.raises(CommandError, match="cannot be opened with this key"):
        read_content(file, other_key)
    with pytest.raises(CommandError, match="is encrypted"), members(file, None):
        pass


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(KEY)
    key_file.chmod(0o644)

    with pytest.raises(CommandError, match=f"chmod 600 {key_file}"):
        read_key(key_file)


def test_a_missing_program_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))

    with pytest.raises(CommandError, match="Install the package mariadb-client"):
        require_programs(("mariadb-dump", "mysqldump"))


def test_a_full_disk_is_told_and_nothing_is_left(server: Installation, tmp_path: Path) -> None:
    command = f"ulimit -f 8; {sys.executable} app/manage.py backup {tmp_path / 'full.backup'}"
    process = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=server.env, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip

    assert process.returncode == 1
    assert "cannot be written: File too large" in process.stderr
    assert "Traceback" not in process.stderr
    assert list(tmp_path.iterdir()) == []
