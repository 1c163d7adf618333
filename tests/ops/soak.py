"""
A long mixed load on two workers, and whether anything of them grows: `bash tests/run.sh soak`.

    bash tests/run.sh soak [--minutes 60]

Bookings begun and ended by programs, pages read, a pipeline published, keys rotated and months
closed, all at the same time; memory, open files, connections to the database and latencies are
sampled. It ends with 1 where something is not flat, a request failed, or the ledger is not exact.
"""

import argparse
import asyncio
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles
from typing import Any

import httpx

from tests.support.installation import DIRECT, Installation
from tests.support.selling import USED, link, make_distributor, make_pipeline, new_key, post

API = "/pipeline_dist/v1"
PAGES = (
    "/pipeline_core/pipelines/get_pipelines.dspy", "/healthz",
    "/pipeline_dist/distributors/get_distributors.dspy",
    "/pipeline_ops/pipeline_usage_log/get_pipeline_usage_log.dspy",
)  # fmt: skip
PROGRAMS, SAMPLES = 6, 12
# What may grow from the second quarter to the last: shares of it, and a little in any case.
MAX_GROWTH, SLACK_MB, SLACK_FILES = 0.15, 10, 8


@dataclass(slots=True)
class Sample:
    """What the workers held at one time, and how long answers took since the one before."""

    seconds: float
    megabytes: float
    files: int
    connections: int
    p50_ms: float
    p99_ms: float
    requests: int


@dataclass(slots=True)
class Load:
    """The load while it runs."""

    installation: Installation
    end: float
    keys: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    times_ms: list[float] = field(default_factory=list)

    def is_over(self) -> bool:
        """Return whether the time is over."""
        return time.monotonic() >= self.end

    async def ask(
        self, kind: str, client: httpx.AsyncClient, good: int, method: str, path: str, **about: Any
    ) -> httpx.Response | None:
        """Do one request and count it; None where it failed. What is refused for now is asked
        again."""
        for _ in range(5):
            start = time.perf_counter()
            try:
                answer = await client.request(method, path, **about)
            except httpx.HTTPError as exc:
                self.failures[f"{kind}: {type(exc).__name__}"] += 1
                return None
            self.times_ms.append((time.perf_counter() - start) * 1000)
            if answer.status_code == good:
                self.counts[kind] += 1
                return answer
            if answer.status_code not in (429, 503):
                break
            await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
        self.failures[f"{kind}: {answer.status_code} {answer.text[:80]}"] += 1
        return None


async def book(load: Load, client: httpx.AsyncClient, code: str, pipeline: str, name: str) -> None:
    """Begin and end calls as one program of the distributor *code* does."""
    number = 0
    while not load.is_over():
        number += 1
        headers = {"Authorization": f"Bearer {load.keys[code]}"}
        answer = await load.ask(
            "begin", client, 201, "POST", f"{API}/calls",
            json={"pipeline": pipeline}, headers=headers | {"Idempotency-Key": f"{name}-{number}"},
        )  # fmt: skip
        if answer is not None:
            end = {"status": "succeeded", "lines": USED, "call_no": answer.json()["call_no"]}
            await load.ask(
                "finish", client, 200, "POST", f"{API}/calls/finish", json=end, headers=headers
            )
        await asyncio.sleep(0.02)


async def read(load: Load, client: httpx.AsyncClient, chance: random.Random) -> None:
    """Read pages."""
    while not load.is_over():
        path = chance.choice(PAGES)
        await load.ask("page", client, 200, "GET", path)
        await asyncio.sleep(0.05)


async def operate(
    load: Load, admin: httpx.Client, pipeline: dict[str, Any], distributors: list[dict[str, Any]],
    pause: float,
) -> None:  # fmt: skip
    """Publish, rotate keys and close months, as administrators do."""
    number = 0
    while not load.is_over():
        number += 1
        await asyncio.sleep(pause)
        await asyncio.to_thread(_operate_once, load, admin, pipeline, distributors, number)


def _operate_once(
    load: Load, admin: httpx.Client, pipeline: dict[str, Any], distributors: list[dict[str, Any]],
    number: int,
) -> None:  # fmt: skip
    try:
        post(
            admin, "/pipeline_core/api/pipeline_publish.dspy",
            pipeline_id=pipeline["id"], notes=f"number {number}",
        )  # fmt: skip
        load.counts["publish"] += 1
        # A key is rotated with grace, so that requests on their way are let in; not twice an hour.
        if number <= len(distributors):
            distributor = distributors[number - 1]
            load.keys[distributor["code"]] = new_key(admin, distributor, grace_hours=1)
        other = make_distributor(admin, f"closes-{number}")
        new_key(admin, other)
        new_key(admin, other, grace_hours=1)
        load.counts["rotation"] += 1
        post(
            admin, "/pipeline_dist/api/statement_close.dspy",
            distributor_id=other["id"], month=_last_month(),
        )  # fmt: skip
        load.counts["closing"] += 1
    except (AssertionError, httpx.HTTPError) as exc:
        load.failures[f"operator: {str(exc)[:120]}"] += 1


def _last_month() -> str:
    year, month = time.gmtime()[:2]
    return f"{year - 1}-12" if month == 1 else f"{year}-{month - 1:02}"


async def watch(load: Load, pause: float, samples: list[Sample]) -> None:
    """Take samples while the load runs."""
    start = time.monotonic()
    while not load.is_over():
        load.times_ms.clear()
        await asyncio.sleep(pause)
        times = sorted(load.times_ms) or [0.0, 0.0]
        parts = quantiles(times, n=100) if len(times) > 1 else times * 99
        pids = load.installation.workers.running().values()
        samples.append(
            Sample(
                time.monotonic() - start,
                sum(map(resident_mb, pids)),
                sum(sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()) for pid in pids),
                load.installation.query(
                    "select count(*) as n from information_schema.processlist"
                    " where id <> connection_id()"
                )[0]["n"],
                parts[49], parts[98], len(times),
            )
        )  # fmt: skip


def resident_mb(pid: int) -> float:
    """Return the memory of process *pid* that is in RAM, in MB."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


async def run(installation: Installation, seconds: float) -> tuple[Load, list[Sample]]:
    """Load the workers for so long."""
    admin = installation.admin
    pipeline = make_pipeline(admin, "soak", max_concurrency=1000)
    distributors = [make_distributor(admin, f"soak-{number}") for number in range(3)]
    load = Load(installation, time.monotonic() + seconds)
    for one in distributors:
        link(admin, one, pipeline)
        load.keys[one["code"]] = new_key(admin, one)
    samples: list[Sample] = []
    pause = seconds / SAMPLES
    async with httpx.AsyncClient(
        base_url=installation.base_url, timeout=30, **DIRECT
    ) as client, httpx.AsyncClient(
        base_url=installation.base_url, timeout=30, cookies=admin.cookies, **DIRECT
    ) as reader:  # fmt: skip
        await asyncio.gather(
            *(
                book(load, client, distributors[number % 3]["code"], "soak", f"program-{number}")
                for number in range(PROGRAMS)
            ),
            read(load, reader, random.Random(1)),
            operate(load, admin, pipeline, distributors, min(10.0, pause)),
            watch(load, pause, samples),
        )
    return load, samples


def growth(samples: list[Sample]) -> list[str]:
    """Return what is not flat: the last quarter against the second one, after warming up."""
    quarter = max(1, len(samples) // 4)
    problems = []
    for name, slack in (
        ("megabytes", SLACK_MB),
        ("files", SLACK_FILES),
        ("connections", SLACK_FILES),
    ):
        early = mean(getattr(one, name) for one in samples[quarter : 2 * quarter] or samples)
        late = mean(getattr(one, name) for one in samples[-quarter:])
        if late > early * (1 + MAX_GROWTH) + slack:
            problems.append(f"{name} grow from {early:.0f} to {late:.0f}")
    return problems


def report(load: Load, samples: list[Sample], check: str) -> str:
    """Return the table of the run, in Markdown."""
    rows = [
        f"| {x.seconds / 60:.1f} | {x.megabytes:.0f} | {x.files} | {x.connections} | {x.requests} |"
        f" {x.p50_ms:.0f} | {x.p99_ms:.0f} |"
        for x in samples
    ]
    counts = ", ".join(f"{count:,} {name}" for name, count in sorted(load.counts.items()))
    failures = "; ".join(f"{count} × {name}" for name, count in load.failures.items()) or "none"
    return "\n".join(
        [
            "| minute | MB | files | connections | requests | p50 ms | p99 ms |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"{counts}. Failures: {failures}. `check-ledger`: {check}",
        ]
    )


def main(argv: list[str]) -> int:
    """Run it; 1 if something is not as it should be."""
    parser = argparse.ArgumentParser(prog="bash tests/run.sh soak")
    parser.add_argument("--minutes", type=float, default=60, help="how long (60)")
    options = parser.parse_args(argv)
    installation = Installation(Path(os.environ["PIPELINE_TEST_VAR"]))
    installation.mariadb.start()
    try:
        installation.make_databases()
        installation.start(workers=2)
        load, samples = asyncio.run(run(installation, options.minutes * 60))
        check = installation.manage("check-ledger", check=False, timeout=600)
    finally:
        installation.stop()
        installation.mariadb.stop()
    print(report(load, samples, (check.stdout or check.stderr).strip().splitlines()[-1]))
    problems = growth(samples)
    print("\n".join(problems) or "Nothing grows.")
    return int(bool(problems or load.failures or check.returncode))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
