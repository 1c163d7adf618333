"""
Whether something grows under a long load: what was sampled, held against a line through it.

One sample is noise: the machine does other things, an allocator takes memory in steps. So the first
part of a run, in which pools and memories fill, is left out, and of the rest a line is drawn that
stray samples do not move (Theil and Sen: the median of all slopes between two samples). What it
rises by in that time counts only as far as it is more than the scatter around it can make.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt
from statistics import fmean, median

# The share of a run in which it warms up.
WARM_UP = 0.25
# The median of deviations times this is the standard deviation, of normal noise.
_NORMAL = 1.4826
# So many standard errors a rise must exceed.
_SURE = 3.0


@dataclass(frozen=True)
class Figure:
    """
    Something that is sampled: its heading, and what rise is allowed from the end of the warm-up to
    the end of the run: a *share* of what it was, and *slack* in its own unit. What *is_steady*
    hardly scatters, so that the last fifth of a run is held against the first too.
    """

    heading: str
    share: float
    slack: float
    is_steady: bool = False


# Memory is that of two workers. The clock's figures get much, since other programs that use the
# machine move them; what an answer costs in processor time is what shows work that grows.
FIGURES: Mapping[str, Figure] = {
    "memory": Figure("MB", 0.02, 4, is_steady=True),
    "files": Figure("files", 0, 8, is_steady=True),
    "threads": Figure("threads", 0, 4, is_steady=True),
    "connections": Figure("connections", 0, 8, is_steady=True),
    "log": Figure("log bytes a request", 0.05, 10),
    "worker": Figure("worker µs", 0.10, 0),
    "database": Figure("database µs", 0.20, 0),
    "begin": Figure("begin ms", 0.25, 5),
    "finish": Figure("finish ms", 0.25, 5),
    "page": Figure("page ms", 0.25, 10),
    "p99": Figure("p99 ms", 0.5, 50),
}
# Runs of a few minutes warm up while they are judged.
_SHORT_MINUTES, _SHORT_SLACK_MB = 20, 12


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen at one time: the value of each of FIGURES, and of what is only told."""

    minute: float
    values: Mapping[str, float]
    requests: int
    machine_load: float


@dataclass(frozen=True, slots=True)
class Trend:
    """A line through samples: what it is at first, by how much it rises, and how sure that is (one
    standard error of the rise)."""

    level: float
    rise: float
    error: float


def trend(points: Sequence[tuple[float, float]]) -> Trend:
    """Draw a line through *points*, (when, value) in the order of time, at least three."""
    slope = median(
        (after - before) / (later - sooner)
        for (sooner, before), (later, after) in combinations(points, 2)
    )
    rests = [value - slope * when for when, value in points]
    base = median(rests)
    scatter = _NORMAL * median(abs(rest - base) for rest in rests)
    first, last = points[0][0], points[-1][0]
    return Trend(base + slope * first, slope * (last - first), scatter * sqrt(12 / len(points)))


def late_rise(points: Sequence[tuple[float, float]]) -> float:
    """Return by how much the last fifth of *points* is above the first one."""
    size = max(1, len(points) // 5)
    early, late = (median(value for _, value in part) for part in (points[:size], points[-size:]))
    return late - early


def judged(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return the samples behind the warm-up."""
    return samples[int(len(samples) * WARM_UP) :]


def trends(samples: Sequence[Sample]) -> dict[str, Trend]:
    """Return the line through each of FIGURES, where it has a value in at least three samples."""
    lines = {}
    for name in FIGURES:
        points = [(one.minute, one.values[name]) for one in judged(samples) if name in one.values]
        if len(points) >= 3:
            line = trend(points)
            if FIGURES[name].is_steady:
                line = replace(line, rise=max(line.rise, late_rise(points)))
            lines[name] = line
    return lines


def problems(samples: Sequence[Sample]) -> list[str]:
    """Return what grows; that too few samples were taken is a problem as well."""
    lines = trends(samples)
    minutes = samples[-1].minute if samples else 0
    growing = [f"{name}: too few samples" for name in FIGURES if name not in lines]
    for name, line in lines.items():
        figure = FIGURES[name]
        slack = figure.slack
        if name == "memory" and minutes < _SHORT_MINUTES:
            slack = _SHORT_SLACK_MB
        if line.rise - _SURE * line.error > figure.share * line.level + slack:
            growing.append(
                f"{name} grows from {line.level:.1f} by {line.rise:.1f} (± {line.error:.1f})"
                f" {figure.heading}"
            )
    return growing


def table(samples: Sequence[Sample], parts: int = 6) -> list[str]:
    """Return the run in Markdown: *parts* lines of the means of so many parts of it, and the line
    through what came behind the warm-up."""
    names = list(FIGURES)
    headings = [
        "to minute",
        *(FIGURES[name].heading for name in names),
        "requests",
        "load",
    ]
    lines = [f"| {' | '.join(headings)} |", "|" + "---|" * len(headings)]
    size = max(1, len(samples) // parts)
    for start in range(0, len(samples), size):
        part = samples[start : start + size]
        cells = [f"{part[-1].minute:.1f}"]
        for name in names:
            values = [one.values[name] for one in part if name in one.values]
            cells.append(f"{fmean(values):,.1f}" if values else "-")
        cells.append(f"{sum(one.requests for one in part):,}")
        cells.append(f"{fmean(one.machine_load for one in part):.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    lines_through = trends(samples)
    cells = [
        f"{lines_through[name].rise:+.1f} ± {lines_through[name].error:.1f}"
        if name in lines_through
        else "-"
        for name in names
    ]
    return [*lines, f"| rise, behind the warm-up | {' | '.join(cells)} | | |"]
