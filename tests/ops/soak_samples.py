"""What workers, database and logs hold at one moment of a long load."""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from tests.bench.load import cpu_seconds
from tests.ops.soak_verdict import Sample
from tests.support.installation import DATABASES, Installation


def resident_mb(pid: int) -> float:
    """Return the memory of process *pid* that is in RAM, in MB."""
    return _status(pid, "VmRSS") / 1024


def _status(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.split(f"\n{name}:")[1].split()[0])


def file_count(pid: int) -> int:
    """Return how many descriptors process *pid* has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def row_counts(installation: Installation) -> Counter[str]:
    """Return how many rows each table has."""
    counts: Counter[str] = Counter()
    for database in DATABASES:
        tables = installation.query(
            "select table_name as name from information_schema.tables"
            " where table_schema = database() and table_type = 'BASE TABLE'",
            database=database,
        )
        for table in tables:
            count = f"select count(*) as n from `{table['name']}`"
            rows = installation.query(count, database=database)
            counts[f"{database}.{table['name']}"] = rows[0]["n"]
    return counts


@dataclass(slots=True)
class Sampler:
    """Takes samples; what answers took is put in between."""

    installation: Installation
    times_ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _start: float = field(default_factory=time.monotonic)
    _costs: tuple[float, float, int] = (0.0, 0.0, 0)

    def __post_init__(self) -> None:
        self._costs = self._read_costs()

    def note(self, kind: str, took_ms: float) -> None:
        """Note an answer to a request of this *kind*."""
        self.times_ms[kind].append(took_ms)

    def take(self) -> Sample:
        """Return what there is now, and what answers since the last sample took and cost."""
        pids = self._pids()
        costs, self._costs = self._costs, self._read_costs()
        worker, database, log = (now - then for now, then in zip(self._costs, costs, strict=True))
        values: dict[str, float] = {
            "memory": sum(map(resident_mb, pids)),
            "files": sum(map(file_count, pids)),
            "threads": sum(_status(pid, "Threads") for pid in pids),
            "connections": self.installation.query(
                "select count(*) as n from information_schema.processlist"
                " where id <> connection_id()"
            )[0]["n"],
        }
        every = [took for times in self.times_ms.values() for took in times]
        if len(every) > 1:
            values |= {
                "log": max(0, log) / len(every),
                "worker": worker * 1e6 / len(every),
                "database": database * 1e6 / len(every),
                "p99": quantiles(every, n=100)[98],
            }
        values |= {kind: median(times) for kind, times in self.times_ms.items() if times}
        self.times_ms.clear()
        minute = (time.monotonic() - self._start) / 60
        return Sample(minute, values, len(every), os.getloadavg()[0])

    def _pids(self) -> Iterable[int]:
        return list(self.installation.workers.running().values())

    def _read_costs(self) -> tuple[float, float, int]:
        database = self.installation.mariadb.pid()
        logs = (self.installation.var_dir / "logs").glob("worker-*")
        return (
            cpu_seconds(*self._pids()),
            cpu_seconds(database) if database is not None else 0.0,
            sum(log.stat().st_size for log in logs),
        )
