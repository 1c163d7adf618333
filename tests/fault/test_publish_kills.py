"""Publishing and rolling back, killed at every statement: the old version is live or the new."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.settings import ROOT
from app.db.pool import pools
from app.db.transactions import in_transaction, reading
from app.runtime.processes import wait_until
from app.schema.validation import check_new
from pipeline_core.definition.snapshot import load
from pipeline_core.draft import steps
from pipeline_core.lifecycle import pipelines, publishing
from tests.support.installation import Installation

pytestmark = pytest.mark.alone

TRIES = int(os.environ.get("PIPELINE_KILLS", "4"))
MAX_STATEMENTS = 400
Work = Callable[..., Awaitable[Any]]


class Pipeline:
    """A published pipeline whose draft is changed before each try."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.id = record["id"]
        self.changes = 0

    async def change(self) -> None:
        """Make the draft differ from what is live."""
        self.changes += 1
        async with reading() as sor:
            step = await sor.one(
                "select * from pipeline_steps where pipeline_id = ${id}$ order by stage limit 1",
                {"id": self.id},
            )
        assert step is not None
        await in_transaction(
            lambda sor: steps.SERVICE.update(
                sor, step["id"], step["lock_version"], {"name": f"N{self.changes}"}, SYSTEM_ACTOR
            )
        )

    async def live(self) -> int:
        """The live version's number, after looking that the pipeline is whole."""
        async with reading(snapshot=True) as sor:
            pipeline = await sor.one("select * from pipelines where id = ${id}$", {"id": self.id})
            versions = await sor.sqlExe(
                "select * from pipeline_versions where pipeline_id = ${id}$", {"id": self.id}
            )
        assert pipeline is not None
        (live,) = [version for version in versions if version["status"] == "published"]
        assert (pipeline["status"], pipeline["current_version"]) == (
            "published",
            live["version_no"],
        )
        for version in versions:
            load(version)  # its checksum fits
            if version["status"] != "saved":
                assert json.loads(version["event_log"])
        assert json.loads(live["event_log"])[-1]["event"] in ("published", "rolled_back")
        numbers = sorted(version["version_no"] for version in versions)
        assert numbers == list(range(1, len(numbers) + 1))
        assert pipeline["last_version_no"] == numbers[-1]
        await self._audited(versions)
        number: int = live["version_no"]
        return number

    async def _audited(self, versions: list[Any]) -> None:
        events = sum(
            entry["event"] in ("published", "rolled_back")
            for version in versions
            for entry in json.loads(version["event_log"])
        )
        async with reading() as sor:
            row = await sor.one(
                "select count(*) as count from app_audit where pipeline_id = ${id}$"
                " and table_name = 'pipelines' and action in ('publish', 'rollback')",
                {"id": self.id},
            )
        assert row is not None
        assert row["count"] == events


@pytest.fixture
async def pipeline(pool: Installation) -> Pipeline:
    code = f"killed-{time.time_ns()}"
    record = await in_transaction(
        lambda sor: pipelines.SERVICE.create(
            sor, {"code": code, "name": "Killed", "status": "draft"}, SYSTEM_ACTOR
        )
    )
    pipeline = Pipeline(record)
    for key in ("a", "b", "c"):
        values = _step(pipeline.id, key)
        await in_transaction(partial(steps.SERVICE.create, values=values, actor=SYSTEM_ACTOR))
    await publish(pipeline)
    return pipeline


def _step(pipeline_id: str, key: str) -> dict[str, Any]:
    return check_new(
        "pipeline_steps", {"pipeline_id": pipeline_id, "step_key": key, "name": key, "model": "m"}
    )


async def publish(pipeline: Pipeline) -> None:
    values = {
        "lock_version": None,
        "version_no": None,
        "notes": "n",
        "carry_prices": 0,
        "state": None,
    }
    await in_transaction(lambda sor: publishing.publish(sor, pipeline.id, values, SYSTEM_ACTOR))


@pytest.fixture
async def dying(pool: Installation) -> AsyncIterator[Work]:
    """Does work in a process that is killed just before a statement."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.dying"], cwd=ROOT, env=pool.env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    async def work(**params: Any) -> bool:
        stdin.write(json.dumps(params) + "\n")
        stdin.flush()
        answer = json.loads(await asyncio.to_thread(stdout.readline))
        assert answer["killed"] or answer["status"] == 0, answer
        return bool(answer["killed"])

    yield work
    stdin.close()
    process.wait(30)
    stdout.close()


async def test_publishing_killed_before_any_statement_leaves_old_or_new(
    pipeline: Pipeline, dying: Work
) -> None:
    for at in range(1, MAX_STATEMENTS):
        before = await pipeline.live()
        await pipeline.change()
        killed = await dying(work="publish", pipeline_id=pipeline.id, at=at)
        after = await pipeline.live()
        if not killed:
            assert after == before + 1
            break
        assert after == before
    assert 10 < at < MAX_STATEMENTS - 1


async def test_rolling_back_killed_before_any_statement_leaves_old_or_new(
    pipeline: Pipeline, dying: Work
) -> None:
    await pipeline.change()
    await publish(pipeline)
    for at in range(1, MAX_STATEMENTS):
        before = await pipeline.live()
        killed = await dying(work="rollback", pipeline_id=pipeline.id, version_no=1, at=at)
        after = await pipeline.live()
        if not killed:
            assert (before, after) == (2, 1)
            break
        assert after == before
    assert 10 < at < MAX_STATEMENTS - 1


def test_a_worker_killed_while_it_publishes_leaves_old_or_new(
    server: Installation, admin: httpx.Client
) -> None:
    client = server.sign_in("admin")
    record = send(client, "pipelines_create", code="worker-killed", name="W")
    step = send(client, "pipeline_steps_create", pipeline_id=record["id"], step_key="a", name="A",
                model="m")  # fmt: skip
    send(client, "pipeline_publish", pipeline_id=record["id"])
    pipeline = Pipeline(record)
    for number in range(TRIES):
        stop = threading.Event()
        writer = threading.Thread(target=publish_always, args=(server, record, step["id"], stop))
        writer.start()
        time.sleep(random.uniform(0.1, 0.6))
        pids = list(server.workers.running().values())
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        stop.set()
        writer.join()
        assert wait_until(partial(_all_gone, pids), 30)
        server.restart()
        server.adopt()
        live = asyncio.run(live_version(pipeline))
        assert live >= 1, number


def _all_gone(pids: list[int]) -> bool:
    return not any(map(_lives, pids))


def _lives(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


async def live_version(pipeline: Pipeline) -> int:
    try:
        return await pipeline.live()
    finally:
        await pools().close()


def send(client: httpx.Client, endpoint: str, **fields: Any) -> Any:
    answer = client.post(f"/pipeline_core/api/{endpoint}.dspy", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def publish_always(
    server: Installation, pipeline: dict[str, Any], step_id: str, stop: threading.Event
) -> None:
    """Change and publish again and again, until the server is gone."""
    with contextlib.suppress(httpx.HTTPError, AssertionError):
        client = server.sign_in("admin")
        version = client.get(
            "/pipeline_core/pipeline_steps/get_pipeline_steps.dspy", params={"id": step_id}
        ).json()["rows"][0]["lock_version"]
        while not stop.is_set():
            step = send(client, "pipeline_steps_update", id=step_id, lock_version=version,
                        name=f"S{version}")  # fmt: skip
            version = step["lock_version"]
            send(client, "pipeline_publish", pipeline_id=pipeline["id"], notes="again")
