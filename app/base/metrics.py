"""
What is counted, timed and add_measure in one process, for `/metrics` (app/server/metrics.py).

Whoever counts keeps the child of its labels: counting is then an addition to a number, some fifty
nanoseconds. prometheus_client's own children take a lock each time, and its files for several
processes five times as long; it writes and adds up what is kept here.

A name, once published, stays: dashboards and alerts go by it (docs/operations.md has them all).
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

# From a round trip within a machine to what a request may take at most; in seconds.
DURATIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Labels = tuple[str, ...]


class Count:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, number: float = 1) -> None:
        """Count *number* more."""
        self.value += number

    def numbers(self) -> list[float]:
        """Return the value alone."""
        return [self.value]


class Level:
    """A number as it is, and when it was set: `at`, in seconds since 1970; 0: never yet."""

    __slots__ = ("at", "value")

    def __init__(self) -> None:
        self.value = self.at = 0.0

    def set(self, number: float) -> None:
        """Say what it is now."""
        self.value, self.at = number, time.time()

    def numbers(self) -> list[float]:
        """Return the value and when it was set."""
        return [self.value, self.at]


class Spread:
    """How often which size came: `counts` by the first of *bounds* that it is not above."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, number: float) -> None:
        """Count one of this size."""
        self.counts[bisect_left(self.bounds, number)] += 1
        self.total += number

    def numbers(self) -> list[float]:
        """Return the total, then the counts."""
        return [self.total, *self.counts]


Child = TypeVar("Child", Count, Level, Spread)


class Family(Generic[Child]):
    """All numbers of one name, which differ in their labels. `kind` is Prometheus' word."""

    kind = ""
    # How the numbers of several processes become one.
    merging = "sum"
    bounds: Sequence[float] = ()

    def __init__(
        self, name: str, help_text: str, labels: Sequence[str], make: Callable[[], Child]
    ) -> None:
        if name in FAMILIES:
            raise ValueError(f"there is a metric {name} already")
        self.name = name
        self.help_text = help_text
        self.labels = tuple(labels)
        self._make: Callable[[], Child] = make
        self._children: dict[Labels, Child] = {}
        FAMILIES[name] = self
        if not labels:
            self.child()

    def child(self, *values: str) -> Child:
        """Return the number of these labels' *values*, for ever the same."""
        child = self._children.get(values)
        if child is None:
            if len(values) != len(self.labels):
                raise ValueError(f"{self.name} has the labels {self.labels}")
            child = self._children[values] = self._make()
        return child

    def state(self) -> dict[str, Any]:
        """Return what other processes need to know of it: `type`, `help`, `merging`, the names of
        its `labels`, its `bounds`, and of all `children` the labels' values and their numbers."""
        return {
            "type": self.kind, "help": self.help_text, "merging": self.merging,
            "labels": self.labels, "bounds": self.bounds,
            "children": [(values, child.numbers()) for values, child in self._children.items()],
        }  # fmt: skip


class Counter(Family[Count]):
    """Numbers that only grow; *name* without `_total`."""

    kind = "counter"

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, help_text, labels, Count)

    def add(self, number: float = 1) -> None:
        """Count *number* more, where it has no labels."""
        self.child().value += number


class Gauge(Family[Level]):
    """
    Numbers as they are. *merging* says what the workers' are together: their sum or the largest,
    of the living only; or the latest that one of them has said, also when it has ended.
    """

    kind = "gauge"

    def __init__(
        self, name: str, help_text: str, labels: Sequence[str] = (), *, merging: str = "sum"
    ) -> None:
        super().__init__(name, help_text, labels, Level)
        self.merging = merging

    def set(self, number: float) -> None:
        """Say what it is now, where it has no labels."""
        self.child().set(number)


class LatestCounter(Gauge):
    """Numbers that only grow and that one process counts for all, as whoever heard of them last
    has them; *name* without `_total`."""

    kind = "counter"

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, help_text, labels, merging="latest")


class Histogram(Family[Spread]):
    """Sizes, by *bounds*."""

    kind = "histogram"

    def __init__(
        self,
        name: str,
        help_text: str,
        labels: Sequence[str] = (),
        *,
        bounds: Sequence[float] = DURATIONS,
    ) -> None:
        super().__init__(name, help_text, labels, lambda: Spread(bounds))
        self.bounds = tuple(bounds)


FAMILIES: dict[str, Family[Any]] = {}
# Who sets gauges by what is now, asked before they are told.
_measures: list[Callable[[], None]] = []


def add_measure(function: Callable[[], None]) -> Callable[[], None]:
    """Let *function* set its gauges each time the numbers are told."""
    _measures.append(function)
    return function


def measure_all() -> None:
    """Set the gauges that are set by what is now."""
    for function in _measures:
        function()
