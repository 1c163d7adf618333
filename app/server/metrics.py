"""
What `/metrics` tells: the numbers of all workers, in Prometheus' text format.

Each worker leaves its numbers in a file of its own in the run folder, every few seconds and when it
ends, written beside its place and put there in one step: a full disk leaves the last ones. Any
worker adds up the files of all. What a worker counted stays counted when it has ended, until the
next start empties the folder: a counter that falls is read as a restart. A gauge is of the living
only, but for what one worker says for all (`latest`).
"""

import asyncio
import fcntl
import json
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from operator import add
from pathlib import Path
from typing import Any

from aiohttp import web

from app.base.json_codec import json_bytes
from app.base.metrics import FAMILIES, Counter, Gauge, Histogram, Spread, measure_all
from app.base.pause import pause
from app.base.version import version
from app.runtime.processes import command_line

WRITE_EVERY_SECONDS = 2.0
# `.json` had them in another form: where workers of two versions run side by side, each adds up
# its own.
_SUFFIX = ".numbers"
# What those have counted that have ended, added up: or there would be more files each day.
_ENDED = f"ended{_SUFFIX}"
# Held by who adds up.
_LOCK = "lock"

Numbers = dict[str, dict[str, Any]]

_requests = Counter("pipeline_requests", "Requests answered, by status", ["status"])
_seconds = Counter("pipeline_request_seconds", "Seconds taken by all requests")
_durations = Histogram(
    "pipeline_request_duration_seconds",
    "Time to answer a request, by script or page and status",
    ["endpoint", "status"],
)
_workers = Gauge("pipeline_workers", "Living worker processes")
_build = Gauge(
    "pipeline_build_info", "1, by the versions of code and Python", ["version", "python"],
    merging="max",
)  # fmt: skip


def metrics_folder(var_dir: Path) -> Path:
    """Return where the workers of an installation keep their numbers."""
    return var_dir / "run" / "metrics"


def clear_metrics(var_dir: Path) -> None:
    """Begin at zero; only while no worker runs."""
    for file in metrics_folder(var_dir).glob("*"):
        file.unlink(missing_ok=True)


class Metrics:
    """The numbers of this worker; `text` answers for all workers of the installation."""

    def __init__(self, folder: Path) -> None:
        """Leave the numbers in *folder*; raises OSError where that cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = folder / f"{os.getpid()}-{_birth(os.getpid())}{_SUFFIX}"
        self._children: dict[tuple[str, int], Spread] = {}
        self._lasting_numbers = b""
        _workers.set(1)
        _build.child(version(), platform.python_version()).set(1)
        self.write()
        with self._alone():
            self._add_up_past()

    def count(self, endpoint: str, status: int, seconds: float) -> None:
        """Count one answer of *endpoint* with *status* that took *seconds*."""
        child = self._children.get((endpoint, status))
        if child is None:
            child = _durations.child(endpoint, str(status))
            self._children[endpoint, status] = child
        child.observe(seconds)

    async def write_regularly(self, stop: asyncio.Event) -> None:
        """Leave the numbers for the others every few seconds, if they are others, until *stop* is
        set."""
        while not stop.is_set():
            # A full disk: the last ones stay there, and these in memory.
            with suppress(OSError):
                self.write(only_changes=True)
            await pause(stop, WRITE_EVERY_SECONDS)

    def write(self, *, only_changes: bool = False) -> Numbers:
        """Leave this worker's numbers where the others find them, and return them; raises
        OSError. With *only_changes* not where only gauges of the living are others."""
        numbers = self._numbers()
        if only_changes:
            lasting_numbers = json_bytes(_lasting(numbers))
            if lasting_numbers == self._lasting_numbers:
                return numbers
            self._lasting_numbers = lasting_numbers
        _put(self._file, numbers)
        return numbers

    def current(self) -> Numbers:
        """Return this worker's numbers, left for the others too if the disk has room."""
        with suppress(OSError):
            return self.write()
        return self._numbers()

    def remove(self) -> None:
        """Leave all that was counted; at the end of the process."""
        with suppress(OSError):
            self.write()

    def text(self, own_numbers: Numbers | None = None) -> str:
        """Return all workers' numbers in Prometheus' text format. Takes longer with many workers:
        a thread may do it, to which `current` has given its *own_numbers*."""
        own = own_numbers or self.current()
        with self._alone():
            with suppress(OSError):
                self._add_up_past()
            files = [file for file in self._folder.glob(f"*{_SUFFIX}") if file != self._file]
            parts = [part for file in files if (part := _read(file)) is not None]
        return _exposition(_merge([*parts, own]))

    def _numbers(self) -> Numbers:
        measure_all()
        self._add_up_requests()
        return {name: family.state() for name, family in FAMILIES.items()}

    def _add_up_requests(self) -> None:
        """Set the numbers that follow from the histogram of all requests."""
        counts: dict[int, int] = {}
        for (_, status), child in self._children.items():
            counts[status] = counts.get(status, 0) + sum(child.counts)
        for status, count in counts.items():
            _requests.child(str(status)).value = count
        _seconds.child().value = sum(child.total for child in self._children.values())

    def _add_up_past(self) -> None:
        """Put what ended workers counted into one file; alone."""
        files = [file for file in self._folder.glob(f"*-*{_SUFFIX}") if _is_of_ended(file)]
        if not files:
            return
        past = self._folder / _ENDED
        parts = [part for file in (past, *files) if (part := _read(file)) is not None]
        _put(past, _lasting(_merge(parts)))
        for file in files:
            file.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other worker add up meanwhile: nothing is to be counted twice."""
        with (self._folder / _LOCK).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _put(file: Path, numbers: Numbers) -> None:
    """Write *file* in one step; raises OSError that names it, with the one before in its place."""
    draft = file.with_suffix(".new")
    try:
        draft.write_bytes(json_bytes(numbers))
        draft.replace(file)
    except OSError as exc:
        draft.unlink(missing_ok=True)
        raise OSError(exc.errno, exc.strerror, str(file)) from exc


def _is_of_ended(file: Path) -> bool:
    pid, _, birth = file.stem.partition("-")
    return _birth(int(pid)) != birth


def _birth(pid: int) -> str:
    """Return when *pid* began, which tells it from a later process of this number; "" where it has
    ended."""
    if not command_line(pid):
        return ""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"  # no /proc, as on macOS


def _read(file: Path) -> Numbers | None:
    try:
        numbers: Numbers = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return numbers


def _merge(parts: list[Numbers]) -> Numbers:
    """Return the numbers of *parts* together, the last of which knows best what they mean."""
    result: Numbers = {}
    for part in reversed(parts):
        for name, family in part.items():
            result.setdefault(name, family | {"children": []})
    for name, family in result.items():
        together = _TOGETHER[family["merging"]]
        sums: dict[tuple[str, ...], list[float]] = {}
        for part in parts:
            for values, numbers in _children(part.get(name), family):
                before = sums.get(key := tuple(values))
                sums[key] = numbers if before is None else together(before, numbers)
        family["children"] = list(sums.items())
    return result


def _children(family: dict[str, Any] | None, newest: dict[str, Any]) -> list[Any]:
    """Return the children of *family*, if they have labels and bounds as those of *newest*."""
    if family is None or any(list(family[of]) != list(newest[of]) for of in ("labels", "bounds")):
        return []
    children: list[Any] = family["children"]
    return children


# Two processes' numbers of the same labels as one, by what the family says of its merging.
_TOGETHER: dict[str, Callable[[list[float], list[float]], list[float]]] = {
    "sum": lambda one, other: list(map(add, one, other)),
    "max": max,
    "latest": lambda one, other: other if other[1] >= one[1] else one,
}


def _lasting(numbers: Numbers) -> Numbers:
    """Return what holds of a process that has ended."""
    return {
        name: family
        for name, family in numbers.items()
        if family["type"] != "gauge" or family["merging"] == "latest"
    }


def _exposition(numbers: Numbers) -> str:
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_AllWorkers(numbers))
    return generate_latest(registry).decode()


class _AllWorkers:
    """The numbers of all workers, as prometheus_client's registry asks for them."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Any]:
        """Yield each metric with its samples."""
        from prometheus_client import Metric

        for name, family in sorted(self._numbers.items()):
            metric = Metric(name, family["help"], family["type"])
            for values, numbers in family["children"]:
                labels = dict(zip(family["labels"], values, strict=True))
                if family["type"] == "histogram":
                    _add_sizes(metric, labels, family["bounds"], numbers)
                elif family["merging"] != "latest" or numbers[1]:
                    suffix = "_total" if family["type"] == "counter" else ""
                    metric.add_sample(name + suffix, labels, numbers[0])
            yield metric


def _add_sizes(
    metric: Any, labels: dict[str, str], bounds: list[float], numbers: list[float]
) -> None:
    """Add the samples of a histogram, whose *numbers* are its total and the count at each of
    *bounds* and above them."""
    total, *counts = numbers
    count = 0.0
    for bound, own in zip((*map(str, bounds), "+Inf"), counts, strict=True):
        count += own
        metric.add_sample(f"{metric.name}_bucket", labels | {"le": bound}, count)
    metric.add_sample(f"{metric.name}_count", labels, count)
    metric.add_sample(f"{metric.name}_sum", labels, total)


REQUEST_METRICS = web.AppKey("pipeline.metrics", Metrics)
