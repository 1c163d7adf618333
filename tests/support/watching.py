"""Looking whether a worker's event loop stood still while a test ran."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median


class LoopStoodStill(AssertionError):
    """A worker answered nobody for too long; a virtual machine that was paused looks the same."""


MAX_SECONDS = 0.1
# What the machine of docs/performance.md takes for the sum below.
_SUM_SECONDS = 0.06


@contextmanager
def nobody_waits(var_dir: Path) -> Iterator[None]:
    """Raise LoopStoodStill if a worker of *var_dir* told that of itself within the block."""
    before = {file: file.stat().st_size for file in _logs(var_dir)}
    yield
    text = []
    for file in _logs(var_dir):
        with file.open("rb") as log:
            log.seek(min(before.get(file, 0), file.stat().st_size))
            text.append(log.read().decode())
    assert_no_pause("".join(text))


def assert_no_pause(log: str, most: float = MAX_SECONDS) -> None:
    """Raise LoopStoodStill if in *log* a worker tells of a pause of *most* seconds or more, without
    the time in which the machine had no processor for it."""
    entries = [json.loads(line) for line in log.splitlines() if '"loop_blocked"' in line]
    pauses = [entry["seconds"] for entry in entries if entry["seconds"] >= most]
    if pauses:  # on a machine that is slower now the same work takes longer
        pauses = [seconds for seconds in pauses if seconds >= most * _slowness()]
    if pauses:
        raise LoopStoodStill(f"the event loop stood still for {pauses} s")


def _slowness() -> float:
    """How many times as long as there Python takes here and now; at least 1, at most 5."""
    durations = []
    for _ in range(9):
        start = time.perf_counter()
        total = 0
        for number in range(1_000_000):
            total += number
        durations.append(time.perf_counter() - start)
    return min(max(1.0, median(durations) / _SUM_SECONDS), 5.0)


def _logs(var_dir: Path) -> list[Path]:
    return sorted((var_dir / "logs").glob("worker-*.log"))
