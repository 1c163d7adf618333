"""
Counters for Prometheus, summed over the workers by prometheus_client's files in the run folder.

What a worker counted stays counted when it has ended, until the next start empties the folder: a
counter that falls is read as a restart. A gauge is of the living only.
"""

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from aiohttp import web

from app.runtime.processes import command_line

WRITE_EVERY_SECONDS = 2.0
_SUFFIX = ".db"
# As prometheus_client names them: a file for each kind and process.
_KINDS = ("counter", "gauge_livesum")
_FILE_BYTES = 1 << 16


def metrics_folder(var_dir: Path) -> Path:
    """Return where the workers of an installation keep their numbers."""
    return var_dir / "run" / "metrics"


def clear_metrics(var_dir: Path) -> None:
    """Begin at zero; only while no worker runs."""
    for file in metrics_folder(var_dir).glob("*"):
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
        for kind in _KINDS:
            _keep_room(_file(folder, kind))
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
        self.write()
        _file(self._folder, "gauge_livesum").unlink(missing_ok=True)

    def text(self) -> str:
        """Return all workers' numbers in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        self.write()
        for file in self._folder.glob(f"gauge_live*{_SUFFIX}"):
            if not command_line(int(file.stem.rpartition("_")[2])):
                file.unlink(missing_ok=True)  # of a worker that was killed
        registry = CollectorRegistry()
        registry.register(_AllWorkers(self._folder))
        return generate_latest(registry).decode()


class _AllWorkers:
    """
    Collect all workers' numbers.

    Not `MultiProcessCollector` itself: it takes the folder's name for a pattern, and finds nothing
    where that has a bracket in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Any]:
        """Yield the metrics, as prometheus_client's registry asks for them."""
        from prometheus_client.multiprocess import MultiProcessCollector

        files: Iterable[str] = map(str, self._folder.glob(f"*{_SUFFIX}"))
        yield from MultiProcessCollector.merge(files)


def _file(folder: Path, kind: str) -> Path:
    return folder / f"{kind}_{os.getpid()}{_SUFFIX}"


def _keep_room(file: Path) -> None:
    """
    Make *file* with all its space, unless it is there.

    On a full disk this raises OSError; a page that finds no space later would end the process. Made
    beside its place, since another worker may read it before it has a first page.
    """
    if file.exists() and file.stat().st_size:
        return  # of a process before, whose number this one has
    fresh = file.with_suffix(".new")
    try:
        with fresh.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, _FILE_BYTES)
        fresh.replace(file)
    except OSError as exc:
        fresh.unlink(missing_ok=True)
        raise OSError(exc.errno, exc.strerror, str(file)) from exc


REQUEST_METRICS = web.AppKey("pipeline.metrics", Metrics)
