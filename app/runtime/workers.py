"""The worker processes of one run-time folder: starting, watching, ending."""

import fcntl
import http.client
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from app.base.settings import ROOT, Settings, load_settings
from app.runtime import processes
from app.runtime.terminal import CommandError

READY_SECONDS = 60
DRAIN_SECONDS = 30
_MAX_LOG_BYTES = 50 * 2**20
_SCRIPT = ROOT / "app" / "pipeline_app.py"


class Workers:
    """The workers whose pid files lie in `<var>/run/`."""

    def __init__(self, var_dir: Path, env: Mapping[str, str] = os.environ) -> None:
        self.var_dir = var_dir.resolve()
        self._env = env
        self.run_dir = self.var_dir / "run"
        # Python keeps -X options it does not know; this one tells two folders' workers apart.
        self._option = f"pipeline_var={self.var_dir}"
        self._mark = f"-X {self._option} {_SCRIPT}"

    def running(self) -> dict[int, int]:
        """Pids of the living workers by their number."""
        pids = {}
        for file in sorted(self.run_dir.glob("worker-*.pid")):
            number = file.stem.removeprefix("worker-")
            pid = processes.recorded_pid(file, self._mark)
            if pid is not None and number.isdigit():
                pids[int(number)] = pid
        return pids

    def log_file(self, number: int) -> Path:
        """Return where worker *number* writes its log."""
        return self.var_dir / "logs" / f"worker-{number}.log"

    def start(self, number: int) -> tuple[int, int]:
        """Start worker *number*; its pid, and where in its log file it begins."""
        log_file = self.log_file(number)
        if log_file.exists() and log_file.stat().st_size > _MAX_LOG_BYTES:
            log_file.replace(log_file.with_suffix(".log.1"))
        with log_file.open("ab") as log:
            log_start = log.tell()
        pid = processes.spawn(
            [sys.executable, "-X", self._option, str(_SCRIPT)],
            log_file,
            {**self._env, "PIPELINE_VAR": str(self.var_dir)},
        )
        processes.record_pid(self.run_dir / f"worker-{number}.pid", pid)
        return pid, log_start

    def start_all(self, settings: Settings) -> None:
        """
        Start the workers that are missing and return when all of them take requests.

        On failure those started here are ended and CommandError tells the reason and the log.
        """
        self._refuse_strays()
        missing = [n for n in range(1, settings.workers + 1) if n not in self.running()]
        new_workers: dict[int, tuple[int, int]] = {}
        try:
            for number in missing:
                new_workers[number] = self.start(number)
            self._await_ready(settings, new_workers)
        except BaseException:
            self._end({pid: self._mark for pid, _ in new_workers.values()})
            raise

    def stop(self) -> tuple[int, list[int]]:
        """End all workers, letting them finish what runs; how many there were, who was killed."""
        pids = dict.fromkeys(self.running().values(), self._mark)
        return len(pids), self._end(pids)

    def replace_all(self) -> int:
        """
        Put a new process in the place of each running worker, one after another; how many.

        The new one gets the environment of the old one, which ends when the new one listens: there
        is always one that takes requests. Raises CommandError; the workers not yet replaced go on.
        """
        pids = self.running()
        for number, old in pids.items():
            like_old = Workers(self.var_dir, _environment(old) or self._env)
            like_old._replace(number, old, load_settings(like_old._env))
        return len(pids)

    def _replace(self, number: int, old: int, settings: Settings) -> None:
        before = listeners(settings.port)
        new, log_start = self.start(number)
        deadline = time.monotonic() + READY_SECONDS
        while before is not None and (listeners(settings.port) or 0) <= before:
            died = processes.has_ended(new)
            if died or time.monotonic() > deadline:
                processes.end({new: self._mark}, DRAIN_SECONDS)
                processes.record_pid(self.run_dir / f"worker-{number}.pid", old)
                raise self._died(number, log_start)
            time.sleep(0.1)
        processes.end({old: self._mark}, DRAIN_SECONDS + 5)

    def _refuse_strays(self) -> None:
        """Refuse strays: with SO_REUSEPORT one that no pid file knows would take its share
        silently."""
        if self.running():
            return
        with (self.run_dir / "worker.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pids = processes.pids_with(self._mark)
                pids_text = ", ".join(map(str, pids)) or "?"
                raise CommandError(
                    f"A worker of this folder runs (pid {pids_text}) that no pid file in "
                    f"{self.run_dir} knows. End it: kill {pids_text}",
                    f"本目录有工作进程在运行（pid {pids_text}），"
                    f"但 {self.run_dir} 中没有它的 pid 文件。请结束它：kill {pids_text}",
                ) from None

    def _end(self, pids: dict[int, str]) -> list[int]:
        # A worker drains for DRAIN_SECONDS by itself; a little more before insisting.
        killed_count = processes.end(pids, DRAIN_SECONDS + 5)
        living = self.running()
        for file in self.run_dir.glob("worker-*.pid"):
            if file.stem.removeprefix("worker-") not in map(str, living):
                file.unlink(missing_ok=True)
        return killed_count

    def _await_ready(self, settings: Settings, new_workers: dict[int, tuple[int, int]]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            living = self.running()
            for number, (_, log_start) in new_workers.items():
                if number not in living:
                    raise self._died(number, log_start)
            problem = readiness_problem(settings)
            # One worker answers for all of them; each has a listening socket of its own.
            if not problem and (listeners(settings.port) or settings.workers) >= settings.workers:
                return
            if time.monotonic() > deadline:
                raise CommandError(
                    f"The workers are not ready after {READY_SECONDS} s: {problem}. "
                    f"See {self.log_file(1)}.",
                    f"{READY_SECONDS} 秒后仍未就绪：{problem}。请查看 {self.log_file(1)}。",
                )
            time.sleep(0.1)

    def _died(self, number: int, log_start: int) -> CommandError:
        log_file = self.log_file(number)
        tail = processes.last_lines(log_file, since=log_start)
        return CommandError(
            f"Worker {number} ended at start. Last lines of {log_file}:\n{tail}",
            f"工作进程 {number} 启动时退出。{log_file} 的最后几行：\n{tail}",
        )


def _environment(pid: int) -> dict[str, str]:
    """Return the environment that process *pid* was started with; empty where that cannot be
    seen."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (os.fsdecode(item).partition("=") for item in raw.split(b"\0") if item)
    return {name: value for name, _, value in pairs}


def local_address(settings: Settings) -> tuple[str, int]:
    """Return where a program on this machine reaches the workers."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
    return everywhere.get(settings.host, settings.host), settings.port


def local_url(settings: Settings) -> str:
    """Return the same as an http URL without a slash at the end."""
    host, port = local_address(settings)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def readiness_problem(settings: Settings) -> str:
    """Return what /readyz complains about; "" when all is well."""
    host, port = local_address(settings)
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/readyz", headers={"Connection": "close"})
        answer = connection.getresponse()
        body = answer.read(10_000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as exc:
        return f"no answer on port {port} ({exc})"
    finally:
        connection.close()
    if answer.status == 200:
        return ""
    try:
        return str(json.loads(body).get("detail") or body)
    except (ValueError, AttributeError):
        return f"{answer.status} {body}"


def listeners(port: int) -> int | None:
    """Return how many sockets listen on *port* on this machine; None where that cannot be seen."""
    count = 0
    try:
        for name in ("tcp", "tcp6"):
            table = Path("/proc/net", name)
            lines = table.read_text("ascii").splitlines()[1:] if table.exists() else []
            for line in lines:
                local, _, state = line.split()[1:4]
                count += state == "0A" and int(local.rpartition(":")[2], 16) == port
    except OSError:
        return None
    return count or None
