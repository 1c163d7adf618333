"""start.sh and stop.sh: twice, after a crash, beside strangers, and when something is wrong."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.base.settings import ROOT
from app.runtime.workers import listeners
from tests.ops.conftest import Place


def test_start_twice_stop_twice(new_place: Place) -> None:
    first = new_place.start()
    pids = new_place.workers.running()
    # What other hosts of one database need (docs/operations.md) is there from the first start on.
    secrets = {file.name for file in (new_place.var_dir / "secrets").iterdir()}
    assert secrets >= {"session_secret", "password_key", "webhook_key"}
    second = new_place.start()
    assert new_place.answers() == 200
    assert new_place.workers.running() == pids
    assert listeners(new_place.port) == len(pids) == 2
    # Another number of workers: fewer are fewer, and the one that stays goes on.
    new_place.start(PIPELINE_WORKERS="1")
    assert new_place.workers.running() == {1: pids[1]}
    assert new_place.workers.all_pids() == [pids[1]]
    stopped = [new_place.run("stop.sh"), new_place.run("stop.sh")]

    assert "Running at" in first
    assert "run already" in second
    assert [process.returncode for process in stopped] == [0, 0]
    assert "1 worker(s) stopped" in stopped[0].stdout
    assert "killed" not in stopped[0].stderr
    assert "finishing what runs" in (new_place.var_dir / "logs/worker-1.log").read_text("utf-8")
    assert "Nothing runs here" in stopped[1].stdout
    assert new_place.answers() is None
    assert new_place.database.pid() is None
    reload = new_place.run("start.sh", "--reload")
    assert reload.returncode == 1
    assert "Nothing runs here that could be reloaded" in reload.stderr


def test_stop_where_nothing_was_ever_started(new_place: Place) -> None:
    process = new_place.run("stop.sh")

    assert (process.returncode, process.stdout) == (0, "Nothing runs here.\n")
    assert not new_place.var_dir.exists()


def test_kill_9_of_everything_then_start(place: Place) -> None:
    place.start()
    place.kill_everything()
    assert list((place.var_dir / "run").glob("worker-*.pid")), "stale pid files are part of this"

    files = set((place.var_dir / "run/metrics").glob("*.numbers"))
    assert files
    place.start()

    assert place.answers() == 200
    # A new start counts from zero.
    assert not files & set((place.var_dir / "run/metrics").iterdir())


def test_a_stale_pid_file_that_names_a_stranger(place: Place) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    try:
        (place.var_dir / "run").mkdir(parents=True)
        (place.var_dir / "run/worker-1.pid").write_text(f"{stranger.pid}\n")

        place.start()
        place.run("stop.sh")

        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_occupied_port_is_told_and_nothing_stays_running(place: Place) -> None:
    with socket.socket() as other:
        # A stranger that would share the port must be noticed too.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", place.port))
        other.listen()
        process = place.run("start.sh")

    assert process.returncode == 1
    assert f"Port {place.port} on 127.0.0.1 is in use" in process.stderr
    assert f"PIPELINE_PORT={place.port + 1}" in process.stderr
    assert place.database.pid() is None


def test_an_address_of_another_machine_is_told(place: Place) -> None:
    process = place.run("start.sh", PIPELINE_HOST="192.0.2.1")

    assert process.returncode == 1
    assert "Cannot listen on 192.0.2.1" in process.stderr


def test_workers_that_lost_parent_and_pid_files_serve_on_until_a_start_replaces_them(
    place: Place,
) -> None:
    place.extra_env["PIPELINE_WORKERS"] = "2"
    place.start()
    orphans = place.workers.all_pids()
    parent = place.parent_pid()
    assert parent is not None
    os.kill(parent, signal.SIGKILL)
    for file in (place.var_dir / "run").glob("*.pid"):
        file.unlink()
    assert place.answers() == 200

    place.start()

    assert place.answers() == 200
    running = place.workers.running()
    assert place.workers.all_pids() == sorted(running.values())
    assert len(running) == 2
    assert not set(orphans) & set(running.values())


def test_a_worker_whose_pid_cannot_be_written_does_not_live_on(place: Place) -> None:
    (place.var_dir / "run/worker-2.pid.new").mkdir(parents=True)

    process = place.run("start.sh", PIPELINE_WORKERS="2")

    assert process.returncode == 1
    assert "worker-2.pid" in process.stderr
    assert place.workers.all_pids() == []
    assert place.parent_pid() is None


def test_a_worker_that_dies_at_start_shows_its_last_words(place: Place, tmp_path: Path) -> None:
    config = config_with(tmp_path, website={"processors": [[".dspy", "no_such_processor"]]})

    process = place.run("start.sh", PIPELINE_CONF=str(config))

    assert process.returncode == 1
    assert re.search(r"Worker \d ended at start", process.stderr)
    assert "processors" in process.stderr
    assert place.workers.running() == {}
    assert place.database.pid() is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"website": {"port": 9090,}}', "line 1"),
        ('{"websites": {}}', "unknown setting websites"),
        ('{"website": {"port": "ninety"}}', "port must be a whole number"),
    ],
)
def test_a_broken_configuration_is_told(
    place: Place, tmp_path: Path, text: str, sentence: str
) -> None:
    config = tmp_path / "config.json"
    config.write_text(text)
    env = {"PIPELINE_CONF": str(config), "PIPELINE_PORT": ""}

    process = place.run("start.sh", **env)

    assert process.returncode == 1
    assert sentence in process.stderr
    assert "Traceback" not in process.stderr
    assert place.database.pid() is None


def test_a_run_folder_that_cannot_be_written_is_told(new_place: Place) -> None:
    new_place.var_dir.mkdir()
    (new_place.var_dir / "logs").write_text("a file where the folder should be")

    process = new_place.run("start.sh")

    assert process.returncode == 1
    assert "logs cannot be written" in process.stderr
    assert "Traceback" not in process.stderr


def test_a_full_disk_for_the_logs_is_told(place: Place) -> None:
    (place.var_dir / "logs").mkdir(parents=True)
    (place.var_dir / "logs/worker-1.log").symlink_to("/dev/full")

    place.start()

    assert place.answers() == 200


def test_an_unknown_option_shows_the_usage() -> None:
    for script in ("start.sh", "stop.sh", "build.sh"):
        process = subprocess.run(
            ["bash", str(ROOT / script), "--nonsense"], capture_output=True, text=True, check=False
        )
        assert (process.returncode, "Usage: bash" in process.stderr) == (2, True)


def test_messages_are_chinese_in_a_chinese_locale(new_place: Place) -> None:
    process = new_place.run("stop.sh", LC_ALL="zh_CN.UTF-8")

    assert process.stdout == "没有正在运行的进程。\n"


def test_a_relative_run_folder_is_meant_from_the_callers_folder(place: Place) -> None:
    process = subprocess.run(
        ["bash", str(ROOT / "start.sh")],
        cwd=place.var_dir.parent,
        env=place.env | {"PIPELINE_VAR": place.var_dir.name},
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 0, process.stderr
    assert place.answers() == 200


def config_with(folder: Path, **sections: dict[str, Any]) -> Path:
    """A configuration file like the checkout's with other values in some sections."""
    config = json.loads((ROOT / "conf/config.json").read_text("utf-8"))
    for name, values in sections.items():
        config[name] |= values
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    return file
