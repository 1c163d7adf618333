"""Servers in turn, round by round, and what they took: medians, and ratios within a round."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median

from tests.bench.admission_servers import Server
from tests.bench.load import Measured, drive, middle

_WARM_SECONDS = 1


@dataclass(frozen=True)
class Contest:
    """
    A job that several servers do: *file* has what is sent, by server where they differ.

    The first of *servers* is the one that all others are compared with. *calls*: how many are in
    one request, by which the figures are told.
    """

    name: str
    servers: tuple[str, ...]
    file: Path
    clients: int
    goal: str = ""
    calls: int = 1


@dataclass(frozen=True)
class Result:
    """
    The runs of one contest, by server; the same place in each list is the same round. `good`: how
    many good answers there were in all, before the runs that count too.
    """

    contest: Contest
    runs: Mapping[str, Sequence[Measured]]
    good: int

    def rate(self, run: Measured) -> float:
        """How many a second: of long requests by when the last one was answered."""
        calls = self.contest.calls
        return run.good * calls / run.elapsed if calls > 1 and run.elapsed else run.per_second

    def ratios(self, name: str) -> list[float]:
        """Ours to those of *name*, round by round."""
        pairs = zip(self.runs[self.contest.servers[0]], self.runs[name], strict=True)
        return [
            ours.per_second / theirs.per_second if theirs.per_second else inf
            for ours, theirs in pairs
        ]

    def rows(self, names: Mapping[str, str]) -> list[str]:
        """The lines of the table."""
        lines, calls = [], self.contest.calls
        for server in self.contest.servers:
            runs = self.runs[server]
            whole = middle(runs)
            rates = [self.rate(run) for run in runs]
            first = server == self.contest.servers[0]
            ratio = "" if first else spread(self.ratios(server), 2)
            wrong = f", {whole.errors + whole.lost} not answered" if whole.errors else ""
            lines.append(
                f"| {self.contest.name if first else ''} | {names[server]}{wrong}"
                f" | {spread(rates, 0)} | {ratio} | {whole.p50_ms:.2f} | {whole.p99_ms:.2f}"
                f" | {whole.cpu_us / calls:.0f} | {whole.database_us / calls:.0f}"
                f" | {self.contest.goal if first else ''} |"
            )
        return lines


HEAD = [
    "| job | server | answers/s (least–most) | ours ÷ this | p50 ms | p99 ms | its µs"
    " | database µs | to reach |",
    "|---|---|---|---|---|---|---|---|---|",
]


def hold(
    contest: Contest,
    servers: Mapping[str, Server],
    databases: Mapping[str, int],
    *,
    rounds: int,
    seconds: float,
) -> Result:
    """Let the servers of *contest* do it in turn; who begins alternates, so that a slow stretch of
    the machine hits all. *databases* has the process of the database of each server."""
    runs: dict[str, list[Measured]] = {name: [] for name in contest.servers}
    good = 0
    for number in range(-1, rounds):
        order = contest.servers if number % 2 == 0 else contest.servers[::-1]
        for name in order:
            server = servers[name]
            run = drive(
                server.url, contest.file, clients=contest.clients,
                seconds=seconds if number >= 0 else _WARM_SECONDS,
                pids=server.pids, database=databases[name],
            )  # fmt: skip
            good += run.good
            if number >= 0:  # what fills pools and caches is not counted
                runs[name].append(run)
    sys.stderr.write(f"{contest.name}: done\n")
    return Result(contest, runs, good)


def spread(values: Sequence[float], decimals: int) -> str:
    """The median, and the least and the most."""
    least, most = min(values), max(values)
    return f"{median(values):,.{decimals}f} ({least:,.{decimals}f}–{most:,.{decimals}f})"
