"""
How long the work on a large pipeline takes, and lists of many pipelines, as a client sees it.

    py3/bin/python tests/bench/pipelines.py [--rounds 15] [--pipelines 10000] [--write]

One worker on a database of its own; a pipeline of 500 steps in 50 stages, and 10,000 beside it.
Figures are ms over HTTP from the same machine; CPU includes what a round reads to prepare itself.
`--write` puts the table into docs/performance.md.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402

from app.base.ids import new_id  # noqa: E402
from tests.bench.load import cpu_seconds, machine  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

STAGES, WIDE = 50, 10
CORE = "/pipeline_core/api"
LIST = "/pipeline_core/pipelines/get_pipelines.dspy"
Work = Callable[[int], httpx.Response]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pipelines", type=int, default=10_000)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        installation = Installation(Path(folder))
        installation.mariadb.start()
        try:
            installation.adopt()
            installation.make_databases()
            installation.start(workers=1)
            text = run(installation, arguments)
        finally:
            installation.stop()
            installation.mariadb.stop()
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "pipelines", text)


def run(installation: Installation, arguments: argparse.Namespace) -> str:
    make_pipelines(installation, arguments.pipelines)
    client = installation.admin
    bench = Bench(client, send(client, "pipeline_import", content=json.dumps(large_pipeline()),
                               accept_changed=1, dry_run=0)["line"]["id"])  # fmt: skip
    rows = [
        "## Pipelines",
        "",
        f"{machine()}; one worker, {arguments.rounds} rounds, ms over HTTP;"
        " `tests/bench/pipelines.py`.",
        "",
        f"| a pipeline of {STAGES * WIDE} steps in {STAGES} stages,"
        f" beside {arguments.pipelines:,} others | best | median | slowest | worker's CPU | goal |",
        "|---|---|---|---|---|---|",
    ]
    pid = next(iter(installation.workers.running().values()))
    cases = [(name, work, 200) for name, work in bench.large_pipeline()]
    cases += [(name, work, 50) for name, work in bench.lists()]
    for name, work, goal in cases:
        before = cpu_seconds(pid)
        times = [timed(work, number) for number in range(arguments.rounds)]
        cpu = (cpu_seconds(pid) - before) * 1000 / arguments.rounds
        rows.append(
            f"| {name} | {min(times):.0f} | {median(times):.0f} | {max(times):.0f} | {cpu:.0f}"
            f" | {goal} |"
        )
        sys.stderr.write(rows[-1] + "\n")
    return "\n".join(rows) + "\n"


class Bench:
    """The requests that are timed."""

    def __init__(self, client: httpx.Client, pipeline_id: str) -> None:
        self.client = client
        self.id = pipeline_id
        self.changes = 0

    def large_pipeline(self) -> list[tuple[str, Work]]:
        """What is done with the large pipeline; each answer is looked at."""
        post, get, here = self.post, self.get, {"pipeline_id": self.id}
        return [
            ("open in the editor", lambda n: get("pipeline_editor", **here)),
            ("validate", lambda n: get("pipeline_validate", **here)),
            ("change a step", self.change),
            ("publish (after a change)", self.publish),
            ("move a step to the front", self.move),
            ("reorder everything", self.reorder),
            ("diff draft and live, most moved", lambda n: get(
                "pipeline_diff", **here, **{"from": "live", "to": "draft"})),
            ("diff of two versions", lambda n: get(
                "pipeline_diff", **here, **{"from": "1", "to": "2"})),
            ("roll back, the draft follows", self.roll_back),
            ("clone", lambda n: post("pipeline_clone", **here, code=f"clone-{n}")),
            ("export as JSON", lambda n: get("pipeline_export", **here)),
            ("export as YAML", lambda n: get("pipeline_export", **here, format="yaml")),
            ("workflow document", lambda n: get("pipeline_workflow", **here)),
        ]  # fmt: skip

    def lists(self) -> list[tuple[str, Work]]:
        """Lists of all pipelines."""
        contains = json.dumps({"field": "name", "op": "LIKE", "const": "%777%"})
        result: dict[str, dict[str, Any]] = {
            "list, newest first": {},
            "list, sorted by name": {"sort": "name"},
            "list, sorted by code, page 100": {"sort": "code desc", "page": 100},
            "list, sorted by status and time": {"sort": "status,updated_at desc"},
            "list of one status": {"status": "draft"},
            "search in the names": {"data_filter": contains},
            "one by its code": {"code": "bench-777"},
        }
        return [
            (name, partial(self.list_answer, {"rows": 80, **params}))
            for name, params in result.items()
        ]

    def list_answer(self, params: dict[str, Any], number: int) -> httpx.Response:
        """One page of the pipelines."""
        return self.client.get(LIST, params=params)

    def get(self, endpoint: str, **params: Any) -> httpx.Response:
        """One reading request."""
        return self.client.get(f"{CORE}/{endpoint}.dspy", params=params)

    def post(self, endpoint: str, **fields: Any) -> httpx.Response:
        """One writing request."""
        return self.client.post(f"{CORE}/{endpoint}.dspy", json=fields)

    def change(self, number: int) -> httpx.Response:
        """Another name for one step, as its form sends it."""
        step = self.all_steps()[number]
        self.changes += 1
        return self.post("pipeline_steps_update", id=step["id"],
                         lock_version=step["lock_version"], name=f"New {self.changes}")  # fmt: skip

    def move(self, number: int) -> httpx.Response:
        """A step of the first stages into a new stage before all others."""
        step = self.all_steps()[1]
        return self.post("pipeline_steps_move", pipeline_id=self.id,
                         lock_version=self.lock_version(), step_key=step["step_key"], stage=1,
                         new_stage=1)  # fmt: skip

    def reorder(self, number: int) -> httpx.Response:
        """The steps of every stage the other way round."""
        stages: dict[int, list[str]] = {}
        for step in self.all_steps():
            stages.setdefault(step["stage"], []).append(step["step_key"])
        order = [stages[stage][::-1] for stage in sorted(stages)]
        return self.post("pipeline_steps_reorder", pipeline_id=self.id,
                         lock_version=self.lock_version(), order=order)  # fmt: skip

    def publish(self, number: int) -> httpx.Response:
        """What `change` made."""
        self.change(number)
        return self.post("pipeline_publish", pipeline_id=self.id, notes=f"round {number}")

    def roll_back(self, number: int) -> httpx.Response:
        """To the first or the second version, in turn."""
        return self.post("pipeline_rollback", pipeline_id=self.id, reason="bench",
                         version_no=1 + number % 2, replace_draft=1)  # fmt: skip

    def all_steps(self) -> list[dict[str, Any]]:
        """The draft's steps in their order."""
        answer = self.client.get(
            "/pipeline_core/pipeline_steps/get_pipeline_steps.dspy",
            params={"pipeline_id": self.id, "rows": 1000, "sort": "stage,step_no"},
        )
        rows: list[dict[str, Any]] = answer.json()["rows"]
        return rows

    def lock_version(self) -> int:
        """The pipeline's."""
        answer = self.client.get(LIST, params={"id": self.id})
        return int(answer.json()["rows"][0]["lock_version"])


def timed(work: Work, number: int) -> float:
    """The last request of *work*, in ms; its answer must be a good one."""
    start = time.perf_counter()
    answer = work(number)
    whole = (time.perf_counter() - start) * 1000
    if answer.status_code != 200:
        raise SystemExit(f"{answer.request.url}: {answer.status_code} {answer.text[:500]}")
    return min(whole, answer.elapsed.total_seconds() * 1000 + 1)


def send(client: httpx.Client, endpoint: str, **fields: Any) -> Any:
    """The data that a writing endpoint answers with."""
    answer = client.post(f"{CORE}/{endpoint}.dspy", json=fields)
    if answer.status_code != 200:
        raise SystemExit(f"{endpoint}: {answer.status_code} {answer.text[:500]}")
    return answer.json()["data"]


def large_pipeline() -> dict[str, Any]:
    """500 steps in 50 stages, each using the output of one of the stage before."""
    steps = [
        {
            "step_key": f"s{stage}-{place}", "name": f"Step {stage}.{place}", "stage": stage,
            "step_no": place, "model": "m", "timeout_seconds": 60, "retry_limit": 1,
            "config": {
                "prompt": "Write about {{topic}}. " + "Be brief and clear. " * 20,
                "parameters": {"temperature": 0.2, "max_tokens": 500},
                "inputs": {"topic": f"steps.s{stage - 1}-{place}.text" if stage > 1 else "input.t"},
            },
        }
        for stage in range(1, STAGES + 1)
        for place in range(1, WIDE + 1)
    ]  # fmt: skip
    about = {"code": "large", "name": "Large"}
    return {"kind": "pipeline-line", "format_version": 1, "pipeline": about, "steps": steps}


def make_pipelines(installation: Installation, count: int) -> None:
    """*count* drafts, put into the table at once."""
    columns = "id, code, name, status, created_at, created_by, updated_at, updated_by"
    with installation.connect() as connection, connection.cursor() as cursor:
        for start in range(0, count, 1000):
            cursor.executemany(
                f"insert into pipelines ({columns}) values"
                " (%s, %s, %s, 'draft', date_sub(utc_timestamp(3), interval %s second), 'bench',"
                " utc_timestamp(3), 'bench')",
                [(new_id(), f"bench-{n}", f"产线 {n * 7919 % count}", n)
                 for n in range(start, min(start + 1000, count))],
            )  # fmt: skip


if __name__ == "__main__":
    main()
