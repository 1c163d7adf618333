"""What a price can be for: the steps, models, units and currencies that a line's form offers."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.global_func import (
    Actor,
    FieldRule,
    SafeSqlor,
    check_params,
    get_row,
    reading,
    settings,
)
from pipeline_core.lifecycle.step_keys import step_keys
from pipeline_ops.errors import CONFIRM_STEP

# Units that are offered though no price has them yet.
USUAL_UNITS = ("call", "input_token", "output_token", "second", "image")
MAX_CHOICES = 500
_ASKED = {"pipeline_id": FieldRule(kind="str", length=32)}
_STEPS = (
    "select step_key, name, model from pipeline_steps where pipeline_id = ${pipeline_id}$"
    " order by stage, step_no limit ${most}$"
)
_MODELS = (
    "select distinct model from pipeline_pricing where pipeline_id = ${pipeline_id}$"
    " and model <> '' order by model limit ${most}$"
)
_UNITS = "select distinct unit from pipeline_pricing order by unit limit ${most}$"
_CURRENCIES = "select distinct currency from pipeline_pricing order by currency limit ${most}$"


async def price_choices(actor: Actor, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return {steps, models, units, currencies}, each a list of {value, text}; without
    `pipeline_id` only the units and currencies of all prices."""
    pipeline_id = check_params(_ASKED, params)["pipeline_id"]
    query = {"pipeline_id": pipeline_id, "most": MAX_CHOICES}
    async with reading() as sor:
        units = await sor.firsts(_UNITS, query)
        currencies = await sor.firsts(_CURRENCIES, query)
        steps, models = [], []
        if pipeline_id is not None:
            await get_row(sor, "pipelines", pipeline_id)
            steps = await sor.sqlExe(_STEPS, query)
            models = await sor.firsts(_MODELS, query)
    models += [step["model"] for step in steps if step["model"]]
    return {
        "steps": [{"value": step["step_key"], "text": step["name"]} for step in steps],
        "models": _plain(sorted(set(models))),
        "units": _plain(dict.fromkeys([*USUAL_UNITS, *units])),
        "currencies": _plain(dict.fromkeys([settings().default_currency, *currencies])),
    }


def _plain(values: Iterable[str]) -> list[dict[str, str]]:
    return [{"value": value, "text": value} for value in values]


async def check_step(sor: SafeSqlor, price: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Raise Conflict `confirm_step` where *price* is for a step that its line has neither in its
    draft nor live. A line without steps may get prices first; with the word of *values* any."""
    if not price["step_key"] or values.get("confirm_step"):
        return
    pipeline = await get_row(sor, "pipelines", price["pipeline_id"])
    query = {"pipeline_id": pipeline["id"], "most": MAX_CHOICES}
    keys = {step["step_key"] for step in await sor.sqlExe(_STEPS, query)}
    if pipeline["current_version"] is not None:
        keys |= await step_keys(sor, pipeline["id"], pipeline["current_version"]) or set()
    if keys and price["step_key"] not in keys:
        raise CONFIRM_STEP(
            extra={"ask": {"name": "confirm_step", "kind": "bool", "default": 1}},
            step=price["step_key"],
            steps=", ".join(sorted(keys)[:20]),
        )
