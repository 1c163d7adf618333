"""The verdict of `bash tests/run.sh soak` on made-up runs: it sees what grows, only that."""

import random
from dataclasses import replace

import pytest

from tests.ops.soak_verdict import FIGURES, Sample, problems, table, trend

LEVELS = {
    "memory": 270, "files": 70, "threads": 4, "connections": 22, "log": 370, "worker": 900,
    "database": 600, "begin": 20, "finish": 22, "page": 30, "p99": 120,
}  # fmt: skip


def made_up_run(
    name: str = "", rise: float = 0, *, minutes: int = 60, noise: float = 0.05
) -> list[Sample]:
    """A run whose figure *name* rises by so much in all, with noise of this share on all that is
    measured by a clock, and memory that is taken while the run warms up."""
    chance = random.Random(7)
    samples = []
    for minute in range(1, minutes + 1):
        values: dict[str, float] = {**LEVELS, "memory": 270 + min(minute, 10)}
        for clocked in ("worker", "database", "begin", "finish", "page", "p99"):
            values[clocked] = LEVELS[clocked] * chance.gauss(1, noise)
        if name:
            values[name] += rise * minute / minutes
        samples.append(Sample(minute, values, 3000, 2.0))
    return samples


def test_a_flat_run_is_flat_however_loud_the_machine_is() -> None:
    assert problems(made_up_run()) == []
    assert problems(made_up_run(noise=0.4)) == []


@pytest.mark.parametrize(
    ("name", "rise"),
    [
        ("memory", 20), ("files", 15), ("threads", 8), ("connections", 15), ("log", 60),
        ("worker", 250), ("database", 300), ("begin", 25), ("finish", 25), ("page", 40),
        ("p99", 250),
    ],
)  # fmt: skip
def test_what_grows_is_told_by_its_name(name: str, rise: float) -> None:
    (problem,) = problems(made_up_run(name, rise))
    assert problem.startswith(f"{name} grows from ")


def test_stray_samples_do_not_move_the_line() -> None:
    points = [
        (float(minute), 3.0 * minute + (50 if minute % 6 == 5 else 0)) for minute in range(20)
    ]
    assert trend(points).rise == pytest.approx(57, rel=0.1)
    samples = made_up_run()
    for name in ("memory", "begin", "p99"):
        samples[30] = with_value(samples[30], name, 5000)
    assert problems(samples) == []


def test_what_rises_only_at_the_end_is_told() -> None:
    samples = made_up_run()
    samples[-6:] = [with_value(one, "files", 100) for one in samples[-6:]]
    (problem,) = problems(samples)
    assert problem.startswith("files grows from 70.0 by 30.0")


def with_value(sample: Sample, name: str, value: float) -> Sample:
    return replace(sample, values={**sample.values, name: value})


def test_a_run_that_was_not_sampled_is_no_flat_one() -> None:
    assert len(problems([])) == len(FIGURES)
    samples = [Sample(one.minute, {}, 0, 1.0) for one in made_up_run()]
    assert len(problems(samples)) == len(FIGURES)


def test_the_table_has_a_line_for_each_part_and_one_for_the_rise() -> None:
    lines = table(made_up_run("memory", 60))
    assert len(lines) == 2 + 6 + 1
    assert lines[2].startswith("| 10.0 | ")
    assert lines[-1].startswith("| rise, behind the warm-up | +44.")
    assert len({line.count("|") for line in lines}) == 1
