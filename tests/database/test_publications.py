"""What is to go live at a time goes live once: also by several workers, and after one that died."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.clock import now
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction, reading
from app.schema.validation import check_new
from pipeline_core.draft.state_token import state_of
from pipeline_core.draft.steps import SERVICE as STEPS
from pipeline_core.endpoints import publication_worker
from pipeline_core.lifecycle import publication_rows, publications
from pipeline_core.lifecycle.pipelines import SERVICE as PIPELINES
from tests.support.installation import Installation

AT = timedelta(hours=1)
DUE = AT + timedelta(minutes=1)
STEP = {"step_key": "a", "name": "A", "model": "m", "step_type": "model"}


@pytest.fixture
async def scheduled(pool: Installation) -> dict[str, Any]:
    """A pipeline whose draft goes live in an hour; the request."""

    async def work(sor: SafeSqlor) -> dict[str, Any]:
        number = (await sor.firsts("select count(*) from pipelines", {}))[0]
        values = check_new("pipelines", {"code": f"later-{number}", "name": "Later"})
        pipeline = await PIPELINES.create(sor, values, SYSTEM_ACTOR)
        step = check_new("pipeline_steps", {**STEP, "pipeline_id": pipeline["id"]})
        await STEPS.create(sor, step, SYSTEM_ACTOR)
        request = {
            "action": "publish", "version_no": None, "notes": "n", "carry_prices": 0,
            "replace_draft": 0, "publish_at": now() + AT, "state": await state_of(sor, pipeline),
        }  # fmt: skip
        return await publications.request_publication(sor, pipeline["id"], request, SYSTEM_ACTOR)

    return await in_transaction(work)


async def events_of(request: dict[str, Any]) -> list[str]:
    """What happened to the pipeline's versions."""
    async with reading() as sor:
        logs = await sor.firsts(
            "select event_log from pipeline_versions where pipeline_id = ${id}$",
            {"id": request["pipeline_id"]},
        )
    return [entry["event"] for log in logs for entry in json.loads(log)]


async def status_of(request: dict[str, Any]) -> str:
    async with reading() as sor:
        return str((await publication_rows.publication_by_id(sor, request["id"]))["status"])


async def test_several_workers_put_it_live_once(scheduled: dict[str, Any]) -> None:
    assert await publication_worker.carry_out_due(now()) == 0
    assert await status_of(scheduled) == "scheduled"

    counts = await asyncio.gather(
        *(publication_worker.carry_out_due(now() + DUE) for _ in range(4))
    )

    assert sum(counts) == 1
    assert await events_of(scheduled) == ["published"]
    assert await status_of(scheduled) == "done"
    assert await publication_worker.carry_out_due(now() + DUE) == 0


async def test_who_dies_between_the_steps_leaves_nothing_half_done(
    scheduled: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: Any, **__: Any) -> None:
        raise RuntimeError("the worker is gone")

    with monkeypatch.context() as patch:
        patch.setattr(publication_rows, "end", die)
        with pytest.raises(RuntimeError):
            await publication_worker.carry_out_due(now() + DUE)
    assert (await events_of(scheduled), await status_of(scheduled)) == ([], "scheduled")

    assert await publication_worker.carry_out_due(now() + DUE) == 1
    assert await events_of(scheduled) == ["published"]


async def test_one_whose_pipeline_is_gone_keeps_no_other_waiting(
    pool: Installation, scheduled: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version of before has deleted its pipeline, which knows no requests; and another one meets
    a fault of ours."""
    gone = {"id": "0" * 32, "pipeline_id": "gone", "open_of": "gone"}

    async def copy(sor: SafeSqlor) -> None:
        for number, other in enumerate((gone, gone | {"id": "1" * 32, "open_of": "faulty"})):
            row = await publication_rows.publication_by_id(sor, scheduled["id"])
            early = row["publish_at"] - timedelta(seconds=9 - number)
            await sor.C("app_publication", {**row, **other, "publish_at": early})

    await in_transaction(copy)
    carry_out = publications.carry_out_if_due

    async def carry(sor: SafeSqlor, publication_id: str, moment: Any) -> bool:
        if publication_id == "1" * 32:
            raise KeyError("step_key")
        return await carry_out(sor, publication_id, moment)

    with monkeypatch.context() as patch:
        patch.setattr(publication_worker, "carry_out_if_due", carry)
        with pytest.raises(KeyError):
            await publication_worker.carry_out_due(now() + DUE)
    assert await status_of(scheduled) == "done"
    assert await status_of(gone) == "failed"


async def test_what_is_long_over_is_not_done_any_more(scheduled: dict[str, Any]) -> None:
    assert await publication_worker.carry_out_due(now() + 3 * AT) == 0
    assert await status_of(scheduled) == "failed"
    assert await events_of(scheduled) == []
