"""The worker processes of one run-time folder: what is known of them, and how one is made."""

import http.client
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from app.base.settings import Settings
from app.runtime import processes
from app.runtime.child import Child
from app.runtime.generation import CONFIG_NAME
from app.runtime.terminal import CommandError

READY_SECONDS = 60
DRAIN_SECONDS = 30
_SCRIPT = "/app/pipeline_app.py"


class Workers:
    """The workers whose pid files lie in `<var>/run/`, and those that no file knows."""

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir.resolve()
        self.run_dir = self.var_dir / "run"
        # Python keeps -X options it does not know; this one tells two folders' workers apart.
        self._options = ("-X", f"pipeline_var={self.var_dir}")
        self.mark = f"{' '.join(self._options)} "

    def running(self) -> dict[int, int]:
        """Pids of the living workers by their number."""
        pids = {}
        for file in sorted(self.run_dir.glob("worker-*.pid")):
            number = file.stem.removeprefix("worker-")
            pid = processes.recorded_pid(file, self.mark)
            if pid is not None and number.isdigit():
                pids[int(number)] = pid
        return pids

    def all_pids(self) -> list[int]:
        """
        Pids of all living workers of this folder, also of those without a pid file: it may have
        been deleted, or the disk was full.
        """
        return processes.pids_of(self._options, _SCRIPT)

    def roots(self) -> set[Path]:
        """Return the folders that the code of the living workers lies in."""
        texts = [processes.command_line(pid) for pid in self.all_pids()]
        places = [text.partition(self.mark)[2].partition(_SCRIPT)[0] for text in texts]
        return {Path(place) for place in places if place}

    def log_file(self, number: int) -> Path:
        """Return where worker *number* writes its log."""
        return self.var_dir / "logs" / f"worker-{number}.log"

    def pid_file(self, number: int) -> Path:
        """Return where the pid of worker *number* is written down."""
        return self.run_dir / f"worker-{number}.pid"

    def log_start(self, number: int) -> int:
        """Return where in its log file the next worker *number* begins."""
        with self.log_file(number).open("ab") as log:
            return log.tell()

    def command(self, root: Path) -> list[str]:
        """Return what starts a worker of the code in *root*."""
        return [sys.executable, *self._options, f"{root}{_SCRIPT}"]

    def spawn(self, number: int, root: Path, env: Mapping[str, str], listener: int) -> Child:
        """Start worker *number* of the generation *root* with the socket *listener*; raises
        OSError."""
        child = Child(number, root, self.log_start(number))
        try:
            child.spawn(
                self.command(root), self.environment(root, env), self.log_file(number), listener
            )
        except OSError:
            child.close()
            raise
        return child

    def environment(self, root: Path, env: Mapping[str, str]) -> dict[str, str]:
        """Return *env* with the settings of the generation *root*."""
        own = {"PIPELINE_VAR": str(self.var_dir), "PIPELINE_CONF": str(root / "conf" / CONFIG_NAME)}
        return {**env, **own}

    def remove_stale_pid_files(self) -> None:
        """Remove the pid files of workers that do not live."""
        living = self.running()
        for file in self.run_dir.glob("worker-*.pid"):
            if file.stem.removeprefix("worker-") not in map(str, living):
                file.unlink(missing_ok=True)

    def end_all(self) -> tuple[int, list[int]]:
        """End all workers, letting them finish what runs; how many there were, who was killed."""
        pids = dict.fromkeys(self.all_pids(), self.mark)
        # A worker drains for DRAIN_SECONDS by itself; a little more before insisting.
        killed_pids = processes.end(pids, DRAIN_SECONDS + 5)
        self.remove_stale_pid_files()
        return len(pids), killed_pids

    def death(self, number: int, log_start: int, *, is_late: bool = False) -> CommandError:
        """Return what to tell of a worker that ended at start, or was too slow there."""
        log_file = self.log_file(number)
        tail = processes.last_lines(log_file, since=log_start)
        if is_late:
            return CommandError(
                f"Worker {number} was not made within {READY_SECONDS} s, and was ended: the "
                f"machine or the database is too busy. Last lines of {log_file}:\n{tail}",
                f"工作进程 {number} 未能在 {READY_SECONDS} 秒内就绪，已被结束：机器或数据库过忙。"
                f"{log_file} 的最后几行：\n{tail}",
            )
        return CommandError(
            f"Worker {number} ended at start. Last lines of {log_file}:\n{tail}",
            f"工作进程 {number} 启动时退出。{log_file} 的最后几行：\n{tail}",
        )

    def await_ready(self, settings: Settings) -> None:
        """Return when the workers are ready, as one of them says for all; raises CommandError."""
        problem = ""

        def is_ready() -> bool:
            nonlocal problem
            problem = readiness_problem(settings)
            return not problem

        if not processes.wait_until(is_ready, READY_SECONDS):
            raise CommandError(
                f"The workers are not ready after {READY_SECONDS} s: {problem}. "
                f"See {self.log_file(1)}.",
                f"{READY_SECONDS} 秒后仍未就绪：{problem}。请查看 {self.log_file(1)}。",
            )


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
