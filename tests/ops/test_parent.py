"""The parent process: who dies or hangs is started again, and a reload loses no request."""

import json
import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.base.settings import ROOT
from app.base.version import version
from app.runtime import processes
from app.runtime.parent_client import ParentClient
from tests.ops.conftest import Place
from tests.support.steady_load import Load, steady_load

WITHIN = 60


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place with two workers, which are taken for hung after two seconds."""
    folder = tmp_path_factory.mktemp("parent")
    (folder / "config.json").write_text((ROOT / "conf/config.json").read_text())
    (folder / "local.json").write_text(json.dumps({"pipeline": {"hang_seconds": 2}}))
    place = Place(folder / "var")
    place.extra_env = {"PIPELINE_CONF": str(folder / "config.json")}
    place.start("--demo")
    yield place
    place.run("stop.sh")


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


def test_a_killed_worker_is_started_again_and_counted(parent: Place) -> None:
    before = parent.workers.running()
    with load_on(parent) as load:
        os.kill(before[2], signal.SIGKILL)
        assert processes.wait_until(
            lambda: parent.workers.running().get(2) not in (None, before[2]), WITHIN
        )
        assert processes.wait_until(lambda: restarts(parent, "died") == 1, WITHIN)

    assert parent.workers.running()[1] == before[1]
    # What the dead one was answering is cut off, nothing else.
    assert len(load.failures) <= 5, load.failures
    assert health(parent) == {"status": "ok", "version": version(), "workers": 2, "restarts": 1}


def test_a_hung_worker_is_replaced(parent: Place) -> None:
    before = parent.workers.running()
    with load_on(parent) as load:
        os.kill(before[1], signal.SIGSTOP)
        assert processes.wait_until(
            lambda: parent.workers.running().get(1) not in (None, before[1]), WITHIN
        )
        assert processes.wait_until(lambda: restarts(parent, "hung") == 1, WITHIN)

    assert not processes.command_line(before[1])
    assert len(load.failures) <= 5, load.failures


def test_a_reload_under_load_loses_no_request(parent: Place) -> None:
    """HUP has the parent call `start.sh --reload`, so this is both."""
    before, pid = parent.workers.running(), parent.parent_pid()
    assert pid is not None
    with load_on(parent) as load:
        os.kill(pid, signal.SIGHUP)
        assert processes.wait_until(lambda: is_all_new(parent, before), WITHIN)

    assert parent.parent_pid() == pid
    assert load.failures == []
    assert set(load.statuses) == {200}
    assert load.closings > 0, "connections that were kept open were told to close"
    commands = [processes.command_line(pid) for pid in parent.workers.all_pids()]
    assert all(f"{parent.var_dir}/run/code/" in command for command in commands)


def test_code_that_does_not_start_replaces_nothing(parent: Place, tmp_path: Path) -> None:
    before = parent.workers.running()
    config = json.loads((ROOT / "conf/config.json").read_text())
    config["website"]["processors"] = [[".dspy", "no_such_processor"]]
    (tmp_path / "config.json").write_text(json.dumps(config))

    process = parent.run("start.sh", "--reload", PIPELINE_CONF=str(tmp_path / "config.json"))

    assert process.returncode == 1
    assert "processors" in process.stderr
    assert "Nothing was replaced" in process.stderr
    assert parent.workers.running() == before
    assert parent.answers() == 200


def test_usr1_opens_the_logs_anew(parent: Place) -> None:
    pid = parent.parent_pid()
    assert pid is not None
    logs = [parent.var_dir / "logs" / name for name in ("worker-1.log", "parent.log")]
    for log in logs:
        log.rename(log.with_suffix(".moved"))

    os.kill(pid, signal.SIGUSR1)

    # Each of the two opens its own.
    assert processes.wait_until(lambda: all(log.exists() for log in logs), WITHIN)


def test_signals_that_are_the_parents_do_not_kill_a_worker(parent: Place) -> None:
    before = parent.workers.running()
    for number in (signal.SIGHUP, signal.SIGUSR1):
        os.kill(before[1], number)

    assert parent.answers() == 200
    assert parent.workers.running() == before


def test_the_embedded_database_is_started_again(parent: Place) -> None:
    pid = parent.database.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    assert processes.wait_until(lambda: parent.database.pid() not in (None, pid), WITHIN)
    assert processes.wait_until(lambda: parent.answers() == 200, WITHIN)


def test_fewer_workers_are_fewer(parent: Place) -> None:
    before = parent.workers.running()

    parent.start(PIPELINE_WORKERS="1")

    assert parent.workers.running() == {1: before[1]}
    assert parent.workers.all_pids() == [before[1]]
    state = ParentClient(parent.var_dir).state()
    assert state is not None
    assert list(state["workers"]) == ["1"]


def test_nothing_starts_again_after_stop(parent: Place) -> None:
    pid = parent.parent_pid()
    process = parent.run("stop.sh")

    assert (process.returncode, process.stderr) == (0, "")
    assert pid is not None
    assert not processes.command_line(pid)
    assert parent.workers.all_pids() == []
    assert parent.database.pid() is None
    assert parent.run("start.sh", "--reload").returncode == 1
    assert parent.answers() is None
