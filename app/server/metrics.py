"""
Counters for Prometheus, summed over the workers by prometheus_client's files in the run folder.

What a worker counted stays counted when it has ended, until the next start empties the folder: a
counter that falls is read as a restart. A gauge is of the living only.
"""

import os
import time
from collections import Counter
from pathlib import Path

from aiohttp import web

from app.runtime.processes import command_line

WRITE_EVERY_SECONDS = 2.0
_SUFFIX = ".db"


def metrics_folder(var_dir: Path) -> Path:
    """Return where the workers of an installation keep their numbers."""
    return var_dir / "run" / "metrics"


def clear_metrics(var_dir: Path) -> None:
    """Begin at zero; only while no worker runs."""
    for file in metrics_folder(var_dir).glob(f"*{_SUFFIX}"):
        file.unlink(missing_ok=True)


class Metrics:
    """Requests and time of this worker; `text` answers for all workers of the installation."""

    def __init__(self, folder: Path) -> None:
        """Open this worker's files in *folder*: one folder a process, for prometheus_client."""
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        # Reads the variable when it is imported, and only then.
        import prometheus_client

        self._folder = folder
        self._requests = prometheus_client.Counter(
            "pipeline_requests", "Requests answered, by status", ["status"], registry=None
        )
        self._time = prometheus_client.Counter(
            "pipeline_request_seconds", "Seconds taken by all requests", registry=None
        )
        workers = prometheus_client.Gauge(
            "pipeline_workers", "Living worker processes", registry=None,
            multiprocess_mode="livesum",
        )  # fmt: skip
        workers.set(1)
        self._keep_room()
        # Written together from time to time: a value in a file takes as long as five of these.
        self._statuses: Counter[int] = Counter()
        self._seconds = 0.0
        self._last_write = 0.0

    def count(self, status: int, seconds: float) -> None:
        """Count one answer with *status* that took *seconds*."""
        self._statuses[status] += 1
        self._seconds += seconds
        if time.monotonic() - self._last_write > WRITE_EVERY_SECONDS:
            self.write()

    def write(self) -> None:
        """Leave this worker's counters where the others find them."""
        self._last_write = time.monotonic()
        for status, number in self._statuses.items():
            self._requests.labels(status).inc(number)
        self._statuses.clear()
        self._time.inc(self._seconds)
        self._seconds = 0.0

    def remove(self) -> None:
        """Count this worker no longer among the living; at the end of the process."""
        from prometheus_client.multiprocess import mark_process_dead

        self.write()
        mark_process_dead(os.getpid(), self._folder)

    def text(self) -> str:
        """Return all workers' numbers in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

        self.write()
        for file in self._folder.glob(f"gauge_live*{_SUFFIX}"):
            pid = int(file.stem.rpartition("_")[2])
            if not command_line(pid):
                mark_process_dead(pid, self._folder)  # of a worker that was killed
        registry = CollectorRegistry()
        MultiProcessCollector(registry, self._folder)
        return generate_latest(registry).decode()

    def _keep_room(self) -> None:
        """Take the files' space now: on a full disk, a page of theirs would end the process."""
        for file in self._folder.glob(f"*_{os.getpid()}{_SUFFIX}"):
            with file.open("r+b") as stream:
                os.posix_fallocate(stream.fileno(), 0, file.stat().st_size)


REQUEST_METRICS = web.AppKey("pipeline.metrics", Metrics)
