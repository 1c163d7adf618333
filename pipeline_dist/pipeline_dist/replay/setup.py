"""
What a replay calls: a published line with one step, its prices and capacity, a distributor.

Everything is found again by its code, so a second replay makes nothing new; prices that the
file has changed are succeeded.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.global_func import SYSTEM_ACTOR, Row, now, reading, settings
from pipeline_core.definition.states import PipelineStatus
from pipeline_core.draft import steps
from pipeline_core.endpoints import pipelines as core_api
from pipeline_core.lifecycle import pipelines
from pipeline_core.lifecycle.live import pipeline_by_code
from pipeline_dist.accounts import distributors, keys, links
from pipeline_dist.admin import distributors as admin_api
from pipeline_dist.replay.errors import REPLAY_OTHER_PIPELINE
from pipeline_dist.replay.trace import ModelPrices, ReplayError
from pipeline_ops.tables import capacities, prices as pipeline_prices

STEP = "answer"
TOKENS_PER_PRICE = 1_000_000
CURRENCY = "USD"


@dataclass(frozen=True)
class Target:
    """What the calls of a replay go to, and the key they are made with."""

    pipeline: str
    model: str
    api_key: str


async def make_target(prices: ModelPrices) -> Target:
    """Make or find everything for *prices*; raises ReplayError when something is in the way."""
    code = pipeline_code(prices.model)
    pipeline = await _ensure_pipeline(code, prices.model)
    await _price(pipeline["id"], prices.model, "input_token", prices.input_price)
    await _price(pipeline["id"], prices.model, "output_token", prices.output_price)
    await _capacity(pipeline["id"])
    distributor = await _distributor(code, prices.model)
    await _link(distributor["id"], pipeline["id"])
    return Target(code, prices.model, await _key(distributor))


def pipeline_code(model: str) -> str:
    """Return the code of the line, and of the distributor, that replays of *model* use."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", model.lower()).strip("-")
    if plain != model:
        # Two models whose names differ only in what a code cannot have are two lines.
        plain = f"{plain[:40]}-{hashlib.sha256(model.encode()).hexdigest()[:6]}"
    return f"replay-{plain}"[:64]


async def _one(sql: str, **values: Any) -> Row | None:
    async with reading() as sor:
        return await sor.one(sql, values)


async def _ensure_pipeline(code: str, model: str) -> Row | dict[str, Any]:
    async with reading() as sor:
        pipeline: Row | dict[str, Any] | None = await pipeline_by_code(sor, code)
    if pipeline is None:
        fields = {"code": code, "name": f"Replay {model}"}
        pipeline = await pipelines.SERVICE.create_from(fields, SYSTEM_ACTOR)
    step = await _one(
        "select step_key, model from pipeline_steps where pipeline_id = ${id}$", id=pipeline["id"]
    )
    if step is None:
        fields = {"pipeline_id": pipeline["id"], "step_key": STEP, "name": "Answer", "model": model}
        await steps.SERVICE.create_from(fields, SYSTEM_ACTOR)
    elif (step["step_key"], step["model"]) != (STEP, model):
        raise ReplayError(
            REPLAY_OTHER_PIPELINE, line=code, step=step["step_key"], model=step["model"]
        )
    if pipeline["status"] != PipelineStatus.PUBLISHED:
        params = {"pipeline_id": pipeline["id"], "notes": "For replays"}
        await core_api.pipeline_publish(SYSTEM_ACTOR, params)
    return pipeline


async def _price(pipeline_id: str, model: str, unit: str, price: Decimal) -> None:
    row = await _one(
        "select id, lock_version, unit_price, unit_size, currency from pipeline_pricing"
        " where pipeline_id = ${line}$ and unit = ${unit}$ and model = ${model}$"
        " and step_key = '' and enabled = 1 and effective_from <= ${moment}$"
        " and (effective_to is null or effective_to > ${moment}$)",
        line=pipeline_id,
        unit=unit,
        model=model,
        moment=now(),
    )
    values = {"unit_price": str(price), "unit_size": TOKENS_PER_PRICE, "currency": CURRENCY}
    if row is None:
        fields = {"pipeline_id": pipeline_id, "model": model, "unit": unit, **values}
        await pipeline_prices.SERVICE.create_from(fields, SYSTEM_ACTOR)
    elif (row["unit_price"], row["unit_size"], row["currency"]) != (
        price,
        TOKENS_PER_PRICE,
        CURRENCY,
    ):
        key = {"id": row["id"], "lock_version": row["lock_version"]}
        new_values = {**key, **values, "change_from": "now", "confirm_currency": 1}
        await pipeline_prices.SERVICE.update_from(new_values, SYSTEM_ACTOR)


async def _capacity(pipeline_id: str) -> None:
    if not await _one(
        "select id from pipeline_capacity where pipeline_id = ${id}$", id=pipeline_id
    ):
        await capacities.SERVICE.create_from({"pipeline_id": pipeline_id}, SYSTEM_ACTOR)


async def _distributor(code: str, model: str) -> Row | dict[str, Any]:
    row = await _one("select * from distributors where code = ${code}$", code=code)
    if row is not None:
        return row
    fields = {"code": code, "name": f"Replay {model}", "currency": CURRENCY}
    return await distributors.SERVICE.create_from(fields, SYSTEM_ACTOR)


async def _link(distributor_id: str, pipeline_id: str) -> None:
    row = await _one(
        "select id from distributor_pipeline where distributor_id = ${distributor}$"
        " and pipeline_id = ${line}$",
        distributor=distributor_id,
        line=pipeline_id,
    )
    if row is None:
        fields = {"distributor_id": distributor_id, "pipeline_id": pipeline_id}
        await links.SERVICE.create_from(fields, SYSTEM_ACTOR)


async def _key(distributor: Row | dict[str, Any]) -> str:
    """Return the key that an earlier replay noted, if it is still the distributor's; else a new
    one."""
    stored_keys = _read_keys()
    api_key = stored_keys.get(distributor["code"], "")
    expiry = distributor["api_key_expires_at"]
    is_valid = expiry is None or expiry > now()
    if api_key and is_valid and keys.digest(api_key) == distributor["api_key_hash"]:
        return api_key
    answer = await admin_api.distributor_generate_key(SYSTEM_ACTOR, {"id": distributor["id"]})
    key = str(answer.body["api_key"])
    _write_keys(stored_keys | {distributor["code"]: key})
    return key


def _keys_file() -> Path:
    return settings().var_dir / "replay-key.json"


def _read_keys() -> dict[str, str]:
    try:
        stored_keys = json.loads(_keys_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return (
        {str(code): str(key) for code, key in stored_keys.items()}
        if isinstance(stored_keys, dict)
        else {}
    )


def _write_keys(stored_keys: dict[str, str]) -> None:
    temporary = _keys_file().with_suffix(".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(stored_keys, file)
    temporary.replace(_keys_file())
