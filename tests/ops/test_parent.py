"""
An installation that runs: its demo, and its parent process, which starts again who dies or hangs,
and reloads without a request being lost.
"""

import json
import os
import re
import signal
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.base.settings import ROOT
from app.base.version import version
from app.runtime import processes
from app.runtime.generation import take_generation
from app.runtime.parent_client import ParentClient
from app.runtime.terminal import CommandError
from tests.ops.conftest import Place
from tests.support.log_lines import secrets_in_logs
from tests.support.steady_load import Load, steady_load

WITHIN = 60


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place started with the demo, with two workers that are soon taken for hung."""
    folder = tmp_path_factory.mktemp("running")
    (folder / "config.json").write_text((ROOT / "conf/config.json").read_text())
    (folder / "local.json").write_text(json.dumps({"pipeline": {"hang_seconds": 3}}))
    place = Place(folder / "var")
    place.extra_env = {"PIPELINE_CONF": str(folder / "config.json")}
    place.start("--demo")
    yield place
    place.run("stop.sh")
    assert place.workers.all_pids() == []
    assert place.parent_pid() is None
    assert secrets_in_logs(place.var_dir) == []


@contextmanager
def load_on(place: Place) -> Iterator[Load]:
    """Programs that ask all the time, by both ways in which requests are answered."""
    demo = json.loads((place.var_dir / "demo.json").read_text())
    headers = {"Authorization": f"Bearer {demo['distributor']['api_key']}"}
    paths = ["/pipeline_dist/v1/pipelines", "/login.ui"]
    with steady_load(place.port, paths, headers) as load:
        assert processes.wait_until(lambda: sum(load.statuses.values()) > 50, WITHIN)
        yield load


def health(place: Place) -> dict[str, object]:
    with urllib.request.urlopen(f"http://127.0.0.1:{place.port}/healthz", timeout=20) as answer:
        document: dict[str, object] = json.load(answer)
        return document


def restarts(place: Place, reason: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{place.port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    return int(float(re.findall(rf'pipeline_restarts_total{{reason="{reason}"}} (\S+)', text)[0]))


def is_all_new(place: Place, before: dict[int, int]) -> bool:
    now = place.workers.running()
    is_new = now.keys() == before.keys() and not set(now.values()) & set(before.values())
    return is_new and place.workers.all_pids() == sorted(now.values())


def test_the_doctor_sees_the_parent(running: Place) -> None:
    findings = json.loads(running.manage("doctor", "--json").stdout)["findings"]

    (finding,) = [one for one in findings if one["check"] == "parent"]
    assert finding["level"] == "ok", finding


def test_two_places_run_side_by_side(running: Place, place: Place) -> None:
    place.start()

    assert (running.answers(), place.answers()) == (200, 200)
    place.run("stop.sh")
    assert running.answers() == 200


def test_the_demo_writes_what_scripts_need(running: Place) -> None:
    file = running.var_dir / "demo.json"
    demo = json.loads(file.read_text("utf-8"))

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert demo["base_url"] == f"http://127.0.0.1:{running.port}"
    assert set(demo) == {"base_url", "admin", "distributor", "pipeline", "database"}
    assert set(demo["admin"]) == {"username", "password"}
    assert set(demo["distributor"]) == {"code", "api_key"}
    assert set(demo["database"]) == {"host", "port", "socket", "user", "password", "name"}


def test_the_printed_curl_line_works_as_often_as_it_is_pasted(running: Place) -> None:
    printed = running.start("--demo")
    line = next(text for text in printed.splitlines() if text.startswith("curl "))

    answers = [paste(line) for _ in range(2)]

    assert {answer["status"] for answer in answers} == {"succeeded"}
    assert len({answer["call_no"] for answer in answers}) == 2


def test_the_demo_again_keeps_password_and_key(running: Place) -> None:
    before = json.loads((running.var_dir / "demo.json").read_text("utf-8"))

    printed = running.start("--demo")

    assert json.loads((running.var_dir / "demo.json").read_text("utf-8")) == before
    assert before["admin"]["password"] in printed
    assert before["distributor"]["api_key"] in printed


@pytest.mark.parametrize(
    ("number", "end", "reason"), [(1, signal.SIGKILL, "died"), (2, signal.SIGSTOP, "hung")]
)
def test_who_is_killed_or_hangs_is_replaced_and_counted(
    running: Place, number: int, end: signal.Signals, reason: str
) -> None:
    before = running.workers.running()
    with load_on(running) as load:
        os.kill(before[number], end)
        assert processes.wait_until(
            lambda: running.workers.running().get(number) not in (None, before[number]), WITHIN
        )
        assert processes.wait_until(lambda: restarts(running, reason) == 1, WITHIN)

    assert not processes.command_line(before[number])
    assert running.workers.running()[3 - number] == before[3 - number]
    # What it was answering is cut off, nothing else.
    assert len(load.failures) <= 5, load.failures
    assert health(running) == {
        "status": "ok", "version": version(), "workers": 2, "restarts": number,
    }  # fmt: skip


def test_code_that_does_not_start_replaces_nothing(running: Place) -> None:
    before = running.workers.running()
    root = take_generation(running.var_dir, running.env)
    (root / "app/server/application.py").write_text("an unfinished line (")

    with pytest.raises(CommandError, match=r"(?s)Worker \d ended at start.*SyntaxError"):
        ParentClient(running.var_dir).roll(root, running.env)

    assert running.workers.running() == before
    assert running.workers.all_pids() == sorted(before.values())
    assert running.answers() == 200


def test_log_files_are_opened_anew_and_no_signal_kills_a_worker(running: Place) -> None:
    before, pid = running.workers.running(), running.parent_pid()
    assert pid is not None
    logs = [running.var_dir / "logs" / name for name in ("worker-1.log", "parent.log")]
    for log in logs:
        log.rename(log.with_suffix(".moved"))

    os.kill(pid, signal.SIGUSR1)

    assert processes.wait_until(lambda: all(log.exists() for log in logs), WITHIN)
    for number in (signal.SIGHUP, signal.SIGUSR1):
        os.kill(before[1], number)
    assert running.answers() == 200
    assert running.workers.running() == before


def test_a_reload_under_load_loses_no_request(running: Place) -> None:
    """HUP has the parent call `start.sh --reload`, so this is both."""
    before, pid = running.workers.running(), running.parent_pid()
    assert pid is not None
    with load_on(running) as load:
        os.kill(pid, signal.SIGHUP)
        assert processes.wait_until(lambda: is_all_new(running, before), WITHIN)

    assert running.parent_pid() == pid
    assert load.failures == []
    assert set(load.statuses) == {200}
    assert load.closings > 0, "connections that were kept open were told to close"
    commands = [processes.command_line(pid) for pid in running.workers.all_pids()]
    assert all(f"{running.var_dir}/run/code/" in command for command in commands)


def test_the_embedded_database_is_started_again(running: Place) -> None:
    pid = running.database.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    assert processes.wait_until(lambda: running.database.pid() not in (None, pid), WITHIN)
    assert processes.wait_until(lambda: running.answers() == 200, WITHIN)


def paste(line: str) -> dict[str, Any]:
    """Run *line* in a shell, as somebody who pastes it does; the JSON answered."""
    process = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(process.stdout)
    result: dict[str, Any] = answer.get("data", answer)
    return result
