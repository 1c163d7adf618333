"""Looking whether a worker's event loop stood still while a test ran."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_SECONDS = 0.1


@contextmanager
def nobody_waits(var_dir: Path) -> Iterator[None]:
    """Fail if a worker of *var_dir* told within the block that its loop stood still."""
    before = {file: file.stat().st_size for file in _logs(var_dir)}
    yield
    told = []
    for file in _logs(var_dir):
        with file.open("rb") as log:
            log.seek(min(before.get(file, 0), file.stat().st_size))
            told += [json.loads(line) for line in log if b'"loop_blocked"' in line]
    blocked = [entry["seconds"] for entry in told if entry["seconds"] >= LONGEST_SECONDS]
    assert blocked == [], f"the event loop stood still for {blocked} s"


def _logs(var_dir: Path) -> list[Path]:
    return sorted((var_dir / "logs").glob("worker-*.log"))
