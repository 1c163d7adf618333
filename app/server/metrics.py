"""Counters for Prometheus, summed over the workers through small files in the run folder."""

import json
import os
import time
from collections import Counter
from pathlib import Path

from app.runtime.processes import command_line

WRITE_EVERY_SECONDS = 2.0


class Metrics:
    """Requests and time of this worker; `text` answers for all workers of the installation."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"metrics-{os.getpid()}.json"
        self._folder = folder
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
        try:
            fresh = self._file.with_suffix(".tmp")
            fresh.write_text(json.dumps({"statuses": self._statuses, "seconds": self._seconds}))
            fresh.replace(self._file)
        except OSError:
            pass  # a full disk must not stop requests

    def remove(self) -> None:
        """Forget this worker; at the end of the process."""
        self._file.unlink(missing_ok=True)

    def text(self) -> str:
        """All workers' counters in Prometheus' text format."""
        self.write()
        statuses: Counter[str] = Counter()
        seconds = 0.0
        workers = 0
        for file in sorted(self._folder.glob("metrics-*.json")):
            if not command_line(int(file.stem.rpartition("-")[2])):
                file.unlink(missing_ok=True)  # of a worker that was killed
                continue
            try:
                counts = json.loads(file.read_text())
            except (OSError, ValueError):
                continue
            workers += 1
            statuses.update(counts["statuses"])
            seconds += counts["seconds"]
        lines = ["# TYPE pipeline_requests_total counter"]
        lines += [
            f'pipeline_requests_total{{status="{status}"}} {count}'
            for status, count in sorted(statuses.items())
        ]
        lines += [
            "# TYPE pipeline_request_seconds_total counter",
            f"pipeline_request_seconds_total {seconds:.6f}",
            "# TYPE pipeline_workers gauge",
            f"pipeline_workers {workers}",
        ]
        return "\n".join(lines) + "\n"
