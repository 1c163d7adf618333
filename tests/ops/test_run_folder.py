"""The run-time folder is its owner's only, whatever the umask, by every way in."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.base.settings import ROOT
from tests.support.ports import free_port

PYTHON = sys.executable
WAYS = {
    "service": [PYTHON, "-m", "app.cli.service", "stop"],
    "manage": [PYTHON, "app/manage.py", "may", "--help"],
    "database": [PYTHON, "-m", "app.runtime.embedded_db", "status"],
}


def run(command: list[str], var_dir: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PIPELINE_VAR": str(var_dir), "LC_ALL": "C", **env},
        capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL, umask=0,
    )  # fmt: skip


def modes(folder: Path) -> dict[str, int]:
    """What others may do with the folder and all that is in it, where they may do anything."""
    result = {path: path.lstat().st_mode for path in [folder, *folder.rglob("*")]}
    # The database's socket is open to all who get there, which the folders forbid.
    return {
        str(path): mode & 0o077
        for path, mode in result.items()
        if mode & 0o077 and not stat.S_ISSOCK(mode)
    }


# Every way in, and every mode by the quickest of them.
@pytest.mark.parametrize(
    ("way", "mode"),
    [*((way, 0o755) for way in WAYS), *(("database", mode) for mode in (0o777, 0o750, 0o701))],
)
def test_a_folder_that_others_may_enter_is_narrowed(tmp_path: Path, way: str, mode: int) -> None:
    var_dir = tmp_path / "var"
    var_dir.mkdir()
    var_dir.chmod(mode)

    run(WAYS[way], var_dir)

    assert stat.S_IMODE(var_dir.stat().st_mode) == 0o700


def test_a_folder_of_all_users_is_complained_of(tmp_path: Path) -> None:
    """Such as /tmp: closing it would stop the machine."""
    var_dir = tmp_path / "var"
    var_dir.mkdir()
    var_dir.chmod(0o1777)

    process = run(WAYS["service"], var_dir)

    assert f"Others may use {var_dir}" in process.stderr
    assert stat.S_IMODE(var_dir.stat().st_mode) == 0o1777


@pytest.mark.parametrize(
    "command", [["bash", "start.sh"], [PYTHON, "-m", "app.cli.service", "start"]]
)
def test_what_a_start_makes_is_the_owners_only(tmp_path: Path, command: list[str]) -> None:
    """As far as it comes: the database of this configuration does not answer."""
    config = json.loads((ROOT / "conf/config.json").read_text("utf-8"))
    config["databases"] = {"pipeline": {"kwargs": {"host": "127.0.0.1", "password": "x",
                                                   "port": free_port()}}}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    var_dir = tmp_path / "deep" / "var"

    process = run(command, var_dir, PIPELINE_CONF=str(tmp_path / "config.json"),
               PIPELINE_PORT=str(free_port()))  # fmt: skip

    assert process.returncode == 1, process.stdout + process.stderr
    assert {path.name for path in var_dir.iterdir()} >= {"run", "logs"}
    assert modes(var_dir) == {}


def test_the_embedded_database_is_its_owners_only(tmp_path: Path) -> None:
    var_dir = tmp_path / "var"
    try:
        process = run([PYTHON, "-m", "app.runtime.embedded_db", "start"], var_dir)
        assert process.returncode == 0, process.stderr
        assert modes(var_dir) == {}
    finally:
        run([PYTHON, "-m", "app.runtime.embedded_db", "stop"], var_dir)
