"""
A database of the code of before (tests/data/older_ledger) is migrated while programs ask this
version's worker: until then it refuses, by 503 and whatever is asked; what is acknowledged is
booked, once, and nothing of before is lost.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest

from tests.support.installation import DIRECT, Installation
from tests.support.old_answers import OLDER_FOLDER, old_answers, old_installation, rows_of
from tests.support.old_ledger import MONTHS, MovedInstallation, Teller, key_of

PROGRAMS = 4
# Before the distributor's limits of a minute, which stands still here, are full.
MIN_CALLS = 12
# Of these the old ledger has a key, a pipeline and prices in force.
CODE, KEY_VERSION = "north", 2
MAX_SECONDS = 60.0
# One of each kind of address, and how it is asked.
ADDRESSES = (
    ("POST", "/pipeline_dist/v1/calls"),
    ("POST", "/pipeline_dist/v1/calls/batch"),
    ("GET", "/pipeline_dist/v1/me"),
    ("GET", "/pipeline_dist/v1/openapi.json"),
    ("GET", "/login.ui"),
    ("POST", "/login.dspy"),
    ("GET", "/pipelines.ui"),
    ("GET", "/pipeline_core/pipelines/get_pipelines.dspy"),
    ("POST", "/pipeline_dist/api/distributors_update.dspy"),
    ("GET", "/no/such/thing"),
)


@dataclass
class Programs:
    """Programs of one distributor, which ask for one call after another, each until it is let
    in."""

    installation: MovedInstallation
    pipeline: str
    over: threading.Event = field(default_factory=threading.Event)
    # Of each idempotency key, the call that was acknowledged.
    calls: dict[str, str] = field(default_factory=dict)
    statuses: set[int] = field(default_factory=set)

    def work(self, number: int) -> None:
        """Be one of them."""
        headers = {"Authorization": f"Bearer {key_of(CODE, KEY_VERSION)}"}
        with httpx.Client(
            base_url=self.installation.base_url, timeout=30, headers=headers, **DIRECT
        ) as client:
            count = 0
            while not self.over.is_set():
                count += 1
                self._insist(client, f"upgrade-{number}-{count}")

    def _insist(self, client: httpx.Client, key: str) -> None:
        body = {"pipeline": self.pipeline, "lease_seconds": 600}
        while not self.over.is_set():
            answer = client.post(
                "/pipeline_dist/v1/calls", json=body, headers={"Idempotency-Key": key}
            )
            self.statuses.add(answer.status_code)
            if answer.status_code == 201:
                self.calls[key] = answer.json()["call_no"]
                return
            time.sleep(0.05)


@pytest.fixture
def installation(database: Installation) -> Iterator[MovedInstallation]:
    old = old_installation(database, OLDER_FOLDER)
    yield old
    old.stop()


def assert_refuses(installation: MovedInstallation) -> None:
    """Assert that every address says that the tables are to be migrated, to programs, the pages'
    runtime and people; and that /readyz does, and /healthz lives."""
    with installation.anonymous() as client:
        for method, path in ADDRESSES:
            for headers in ({}, {"Authorization": f"Bearer {key_of(CODE, KEY_VERSION)}"}):
                answer = client.request(method, path, headers=headers)
                assert answer.status_code == 503, f"{method} {path}: {answer.text}"
                assert answer.json()["code"] == "schema_not_current"
                assert answer.headers["Retry-After"] == "2"
        pages = [client.get(path, headers={"Accept": "text/html"}) for path in ("/", "/login.ui")]
        ready = client.get("/readyz")
        assert client.get("/healthz").status_code == 200
    for page in pages:
        assert (page.status_code, page.headers["Retry-After"]) == (503, "2")
        assert page.headers["Content-Type"].startswith("text/html")
        assert "manage.py migrate" in page.text
    assert ready.status_code == 503
    assert "manage.py migrate" in ready.json()["detail"]


def assert_statements_as_before(installation: MovedInstallation) -> None:
    """Assert that no statement of before has changed by a digit; of CODE, that of no month but the
    one that runs."""
    teller = Teller(installation, "after")
    for row in installation.query("select id, code from distributors"):
        for month in MONTHS[:-1] if row["code"] == CODE else MONTHS:
            old = old_answers(OLDER_FOLDER)["distributors"][row["code"]]["statements"][month]
            new = teller.admin(
                "pipeline_dist/distributor_statement", distributor_id=row["id"], month=month
            )
            for name in ("amount", "calls", "currency", "running"):
                assert new[name] == old[name], f"{row['code']} {month} {name}"
            lines = [[line[key] for key in ("unit", "quantity", "amount")] for line in new["lines"]]
            assert lines == [
                [line[key] for key in ("unit", "quantity", "amount")] for line in old["lines"]
            ]


def test_a_database_is_migrated_while_programs_ask(installation: MovedInstallation) -> None:
    before = rows_of(installation, "pipeline_usage_log")
    (link,) = installation.query(
        "select p.code from distributor_pipeline l join pipelines p on p.id = l.pipeline_id"
        " join distributors d on d.id = l.distributor_id left join pipeline_capacity c"
        " on c.pipeline_id = p.id where d.code = %s and p.status = 'published' and l.enabled = 1"
        " and c.max_concurrency is null order by p.code limit 1",
        CODE,
    )
    programs = Programs(installation, link["code"])

    with installation.worker(), ThreadPoolExecutor(PROGRAMS) as threads:
        assert_refuses(installation)
        works = [threads.submit(programs.work, number) for number in range(PROGRAMS)]
        try:
            lines = installation.manage("migrate").stdout
            end = time.monotonic() + MAX_SECONDS
            while len(programs.calls) < MIN_CALLS and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            programs.over.set()
        for work in works:
            work.result()
        assert_statements_as_before(installation)

    ledger = rows_of(installation, "pipeline_usage_log")
    keys = {
        row["idempotency_key"]: row["call_no"]
        for row in ledger
        if str(row["idempotency_key"]).startswith("upgrade-") and row["line_no"] == 0
    }
    assert lines
    assert len(programs.calls) >= MIN_CALLS, programs.statuses
    # On tables that are not this version's yet it refuses, and books nothing.
    assert programs.statuses <= {201, 429, 503}
    assert programs.calls.items() <= keys.items()
    assert {row["call_no"] for row in before} <= {row["call_no"] for row in ledger}
    check = installation.manage("check-ledger", check=False)
    assert check.returncode == 0, check.stdout
