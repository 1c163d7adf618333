"""
How long reports and lists take on a ledger of millions of rows, and bookings beside it, over HTTP.

    py3/bin/python tests/bench/big_reads.py [--rows 10000000 | --ledger VAR] [--repeats 5]
        [--only NAME] [--check] [--write]

Every report and list of the biggest distributor (30 % of the calls) and of a usual one (0.7 %), the
dashboard, lists of the ledger, a booking beside it all, and the first call of a month, for which a
worker runs by a clock that has been put forward. `--check` ends with `check-ledger`, which takes
long. `--write` puts the table into docs/performance.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402

from app.base.clock import next_month_start, now, quota_month  # noqa: E402
from app.runtime.processes import free_port, listening_problem, wait_until  # noqa: E402
from tests.bench.big_ledger import ABOUT, add_arguments, ledger_of, say  # noqa: E402
from tests.bench.load import (  # noqa: E402
    API,
    KEY,
    bearer,
    drive,
    machine,
    post,
    write_requests,
)
from tests.bench.report import put_section  # noqa: E402
from tests.bench.trace_ledger import World, make_world  # noqa: E402
from tests.support.installation import DIRECT, Installation  # noqa: E402

BIGGEST, USUAL = 0, 5
MOVED_CLOCK = ROOT / "tests" / "support" / "moved_clock.py"
_OPS, _DIST = "/pipeline_ops/api", "/pipeline_dist/api"
_LOG = "/pipeline_ops/pipeline_usage_log/get_pipeline_usage_log.dspy"
# So long a client would wait; what takes longer is told as that.
TIMEOUT_SECONDS = 130
EVENTS = 1_000_000
GOAL_MS, GOAL_BOOKING_MS, GOAL_FIRST_MS = 300, 5, 20
# Metered as the ledger is: the models' prices are all there are.
ITEM = {"model": "small", "unit": "output_token", "quantity": 100}


@dataclass(frozen=True)
class Read:
    """A request of the table: its name there, what is asked of whom, and as a file or a page."""

    name: str
    path: str
    params: dict[str, Any]
    by_key: int | None = None


def months() -> tuple[str, str]:
    """The last month that is over, and the present one."""
    present = quota_month(now())
    first = datetime.fromisoformat(f"{present}-01")
    return (first - timedelta(days=1)).strftime("%Y-%m"), present


def reads_of(world: World, who: int, name: str) -> Iterator[Read]:
    """The reports of one distributor, as its program and as an administrator sees them."""
    month, present = months()
    span = {"from": (now() - timedelta(days=360)).isoformat(), "to": now().isoformat()}
    for group in ("day", "pipeline", "model", "step"):
        yield Read(f"usage by {group}, a month, {name}", f"{API}/usage",
                   {"group_by": group, "month": month}, who)  # fmt: skip
    yield Read(f"usage by day, this month, {name}", f"{API}/usage",
               {"group_by": "day", "month": present}, who)  # fmt: skip
    for group in ("day", "model"):
        yield Read(f"usage by {group}, 12 months, {name}", f"{API}/usage",
                   {"group_by": group} | span, who)  # fmt: skip
    yield Read(f"usage, rows of a month, {name}", f"{API}/usage", {"month": month, "rows": 1000},
               who)  # fmt: skip
    yield Read(f"usage, rows of 12 months, {name}", f"{API}/usage", {"rows": 1000} | span, who)
    yield Read(f"statement, {name}", f"{API}/statement", {"month": month}, who)
    yield Read(f"statement as CSV, {name}", f"{API}/statement.csv", {"month": month}, who)
    yield Read(f"pipelines, {name}", f"{API}/pipelines", {}, who)
    its = {"id": world.distributors[who]}
    of_it = {"distributor_id": its["id"]}
    yield Read(f"overview of a distributor, {name}", f"{_DIST}/distributor_overview.dspy", its)
    for group in ("day", "pipeline", "model", "step"):
        yield Read(f"use of a distributor by {group}, a year, {name}",
                   f"{_DIST}/distributor_usage.dspy",
                   of_it | {"group_by": group} | span)  # fmt: skip
    yield Read(f"statement's lines, {name}", f"{_DIST}/distributor_statement_lines.dspy",
               of_it | {"month": month, "sort": "amount desc"})  # fmt: skip
    yield Read(f"statement as a page, {name}", f"{_DIST}/distributor_statement_view.dspy",
               of_it | {"month": month})  # fmt: skip
    yield Read(f"ledger's list of a distributor, {name}", _LOG, of_it)


def calls_of(world: World, who: int, name: str, sample: dict[str, Any]) -> Iterator[Read]:
    """The calls of one distributor: as its program lists them, and as the page of calls does."""
    month, present = months()
    windows: dict[str, dict[str, Any]] = {
        "all": {}, "failed": {"status": "failed"}, "running": {"status": "reserved"},
        "of a line": {"pipeline": "line-0"}, "of a rare line": {"pipeline": "line-9"},
        "of a line, failed": {"pipeline": "line-0", "status": "failed"},
        "from a day on": {"from": f"{sample['day_key']}T00:00:00Z"},
    }  # fmt: skip
    for title, window in windows.items():
        yield Read(f"calls, {title}, {name}", f"{API}/calls", window | {"rows": 100}, who)
    its = {"distributor_id": world.distributors[who]}
    for title, of_it in {
        "today": {"period": "today"}, "last month": {"month": month},
        "this month, failed": {"month": present, "status": "failed"},
        "a line, last month": {"month": month, "pipeline": "line-0"},
        "a model, last month": {"month": month, "model": "small", "unit": "output_token"},
        "of all time": {"period": "all"},
        "of all time, failed": {"period": "all", "status": "failed"},
    }.items():  # fmt: skip
        yield Read(f"page of calls, {title}, {name}", f"{_OPS}/usage_calls.dspy", its | of_it)
        yield Read(f"sum of calls, {title}, {name}", f"{_OPS}/usage_calls_total.dspy", its | of_it)


def events_of(who: int, name: str) -> Iterator[Read]:
    """The events of one distributor, which has EVENTS of them."""
    windows: dict[str, dict[str, Any]] = {
        "the first": {}, "behind half": {"after": EVENTS // 2}, "the last": {"after": EVENTS - 50},
        "of a rare type": {"type": "call.voided"},
    }  # fmt: skip
    for title, window in windows.items():
        yield Read(f"events, {title}, {name}", f"{API}/events", window | {"rows": 100}, who)


def make_events(installation: Installation, distributor_id: str) -> None:
    """Let the distributor have EVENTS events, one in a hundred thousand of a rare type."""
    if installation.query(
        "select 1 from app_event where distributor_id = %s limit 1", distributor_id
    ):
        return
    for first in range(1, EVENTS, 100_000):
        installation.query(
            "insert into app_event"
            " (id, distributor_id, event_no, type, data, dedup_key, created_at)"
            " select md5(concat(%s, seq)), %s, seq,"
            " if(seq %% 100000 = 7, 'call.voided', 'call.expired'), '{}', seq, utc_timestamp(3)"
            f" from seq_{first}_to_{first + 99_999}", distributor_id, distributor_id,
        )  # fmt: skip


def other_reads(world: World, sample: dict[str, Any]) -> Iterator[Read]:
    """The dashboard, figures of a pipeline, and lists of the whole ledger."""
    yield Read("dashboard", f"{_OPS}/usage_stats.dspy", {})
    for number, name in ((0, "the biggest"), (3, "a usual")):
        its = {"pipeline_id": world.pipelines[number]}
        yield Read(f"figures of {name} pipeline", f"{_OPS}/line_figures.dspy", its)
        yield Read(f"ledger's list of {name} pipeline", _LOG, its)
        yield Read(f"ledger's list of {name} pipeline, a day", _LOG,
                   its | {"day_key": sample["day_key"]})  # fmt: skip
    for title, of_all in {"today": {"period": "today"}, "last month": {"period": "last_month"},
                          "failed": {"period": "all", "status": "failed"}}.items():  # fmt: skip
        yield Read(f"page of all calls, {title}", f"{_OPS}/usage_calls.dspy", of_all)
        yield Read(f"sum of all calls, {title}", f"{_OPS}/usage_calls_total.dspy", of_all)
    yield Read("ledger's list, page 1", _LOG, {})
    yield Read("ledger's list, page 10,000", _LOG, {"page": 10_000, "rows": 20})
    yield Read("ledger's list by started_at", _LOG, {"sort": "started_at desc"})
    yield Read("ledger's list by amount", _LOG, {"sort": "amount desc"})
    yield Read("ledger's list, failed", _LOG, {"status": "failed"})
    yield Read("ledger's list, a call_no", _LOG, {"call_no": sample["call_no"]})
    day = {"data_filter": json.dumps({"AND": [
        {"field": "started_at", "op": ">=", "var": f"{sample['day_key']}T00:00:00Z"},
        {"field": "started_at", "op": "<", "var": f"{sample['day_key']}T23:59:59Z"},
    ]})}  # fmt: skip
    yield Read("ledger's list, started on a day", _LOG, day)
    yield Read("ledger's list, search", _LOG, {"q": sample["idempotency_key"]})
    yield Read("distributors' list", "/pipeline_dist/distributors/get_distributors.dspy", {})


def measure(client: httpx.Client, one: Read, headers: dict[str, str], repeats: int) -> str:
    """One row of the table: the times of *repeats* requests, the first of which is cold."""
    times, problem, size = [], "", 0
    for _ in range(repeats):
        start = time.perf_counter()
        try:
            answer = client.get(one.path, params=one.params, headers=headers)
        except httpx.TimeoutException:
            times.append(TIMEOUT_SECONDS * 1000.0)
            problem = " (no answer)"
            break
        times.append((time.perf_counter() - start) * 1000)
        size = len(answer.content)
        if answer.status_code != 200:
            code = answer.json().get("code", "") if answer.status_code != 500 else ""
            problem = f" ({answer.status_code} {code})"
        if times[-1] > 20_000:
            break
    late = "" if median(times) < GOAL_MS else " (over)"
    line = (
        f"| {one.name}{problem} | {times[0]:,.0f} | {median(times):,.0f}{late} | {max(times):,.0f}"
        f" | {size / 1024:,.0f} |"
    )
    say(line)
    return line


def read_table(
    installation: Installation, seed: int, api_keys: list[str], repeats: int, only: str
) -> list[str]:
    """The table of all reads whose names begin with *only*."""
    world = make_world(seed)
    (sample,) = installation.query(
        "select call_no, day_key, idempotency_key from pipeline_usage_log"
        " where distributor_id = %s and month_key = %s and line_no = 0 limit 1",
        world.distributors[USUAL], months()[0],
    )  # fmt: skip
    make_events(installation, world.distributors[USUAL])
    installation.start(workers=2)
    admin = installation.sign_in("admin")
    admin.timeout = httpx.Timeout(TIMEOUT_SECONDS)
    reads = [
        *reads_of(world, BIGGEST, "biggest"), *reads_of(world, USUAL, "usual"),
        *calls_of(world, BIGGEST, "biggest", sample), *calls_of(world, USUAL, "usual", sample),
        *events_of(USUAL, "usual"),
        *other_reads(world, sample),
    ]  # fmt: skip
    lines = [
        f"| ten million rows: every read (to reach: < {GOAL_MS} ms) | first ms | median ms | most"
        " ms | KiB |",
        "|---|---|---|---|---|",
    ]
    with httpx.Client(base_url=installation.base_url, timeout=TIMEOUT_SECONDS, **DIRECT) as program:
        for one in (one for one in reads if one.name.startswith(only)):
            by_key = one.by_key is not None
            headers = bearer(api_keys[one.by_key]) if one.by_key is not None else {}
            lines.append(measure(program if by_key else admin, one, headers, repeats))
    return lines


def _call(key: str, idempotency_key: str, pipeline: str = "line-0") -> tuple[Any, dict[str, str]]:
    """The body and headers of a booking in one go."""
    body = {"pipeline": pipeline, "status": "succeeded", "lines": [ITEM]}
    return body, bearer(key) | {"Idempotency-Key": idempotency_key}


def _book(client: httpx.Client, key: str, pipeline: str = "line-0") -> float:
    """Book a call; how long it took in ms."""
    body, headers = _call(key, f"beside-{time.time_ns()}", pipeline)
    start = time.perf_counter()
    answer = client.post(f"{API}/calls", json=body, headers=headers)
    if answer.status_code != 201:
        raise SystemExit(f"a booking: {answer.status_code} {answer.text[:300]}")
    return (time.perf_counter() - start) * 1000


def booking_table(installation: Installation, api_keys: list[str], seconds: float) -> list[str]:
    """Bookings one after another beside the ledger, and the first calls of the next month."""
    lines = [
        "| booking beside them, one client | median ms | most ms | worker µs, database µs"
        " | to reach |",
        "|---|---|---|---|---|",
    ]
    file = installation.var_dir / "requests"
    with _worker(installation, None) as (client, pid):
        for who, name in ((BIGGEST, "biggest"), (USUAL, "usual")):
            _book(client, api_keys[who])
            write_requests(file, [post(f"{API}/calls", *_call(api_keys[who], KEY))])
            run = drive(
                str(client.base_url), file, clients=1, seconds=seconds, pids=[pid],
                database=installation.mariadb.pid(),
            )  # fmt: skip
            if run.errors or run.lost:
                raise SystemExit(f"bookings: {run}")
            cpu = f"{run.cpu_us:.0f}, {run.database_us:.0f}"
            lines.append(_booking_line(name, run.p50_ms, run.max_ms, GOAL_BOOKING_MS, cpu))
    with _worker(installation, next_month_start(now()) + timedelta(seconds=5)) as (client, _):
        _book(client, api_keys[-1], "line-9")  # what only the first request of a worker does
        for who, name in ((BIGGEST, "biggest"), (USUAL, "usual")):
            first = _book(client, api_keys[who])
            title = f"the first call of a month, {name}"
            lines.append(_booking_line(title, first, first, GOAL_FIRST_MS))
        others = [_book(client, key) for key in api_keys[USUAL + 1 : USUAL + 21]]
        name = f"the first calls of a month of {len(others)} others"
        lines.append(_booking_line(name, median(others), max(others), GOAL_FIRST_MS))
    return lines


def _booking_line(name: str, middle: float, most: float, goal: int, cpu: str = "") -> str:
    line = f"| {name} | {middle:.1f} | {most:.1f} | {cpu} | ≤ {goal} ms |"
    say(line)
    return line


@contextmanager
def _worker(
    installation: Installation, moment: datetime | None
) -> Iterator[tuple[httpx.Client, int]]:
    """One worker of the installation, at *moment* if any, and a client of it."""
    port = free_port()
    env = {**installation.env, "PIPELINE_PORT": str(port)}
    argv = [str(ROOT / "app/pipeline_app.py")]
    if moment is not None:
        file = installation.var_dir / "moment"
        file.write_text(moment.isoformat(), "utf-8")
        env["PIPELINE_TEST_MOMENT"] = str(file)
        argv.insert(0, str(MOVED_CLOCK))
    with (installation.var_dir / "logs" / "bench-worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *argv], cwd=ROOT, env=env, stdout=log, stderr=log
        )
    try:
        if not wait_until(lambda: listening_problem("127.0.0.1", port) is not None, 60):
            raise SystemExit(f"the worker did not start: {log.name}")
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS, **DIRECT
        ) as client:
            yield client, process.pid
    finally:
        process.terminate()
        process.wait(60)


def run(installation: Installation, repeats: int, *, check: bool, only: str = "") -> str:
    """All tables, as Markdown; of the reads those whose names begin with *only*."""
    about = json.loads((installation.var_dir / ABOUT).read_text())
    api_keys = about["api_keys"]
    (size,) = installation.query("select count(*) as row_count from pipeline_usage_log")
    lines = [f"{machine()}; {size['row_count']:,} rows of the ledger, {repeats} requests each.", ""]
    try:
        lines += read_table(installation, about["seed"], api_keys, repeats, only)
    finally:
        installation.stop()
    lines += ["", *booking_table(installation, api_keys, 5)]
    if check:
        process = installation.manage("check-ledger", check=False, timeout=7200)
        lines += ["", f"Afterwards `check-ledger`: {process.stdout.strip().splitlines()[-1]}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    add_arguments(parser)
    parser.add_argument("--ledger", type=Path, help="a folder that big_ledger.py has made")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="what the reads' names begin with")
    parser.add_argument("--check", action="store_true", help="end with check-ledger")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder,
        ledger_of(arguments, Path(folder)) as installation,
    ):
        text = run(installation, arguments.repeats, check=arguments.check, only=arguments.only)
    sys.stdout.write(text)
    if arguments.write:
        file = ROOT / "docs" / "performance.md"
        put_section(file, "big reads", f"## Ten million rows\n\n{text}")


if __name__ == "__main__":
    main()
