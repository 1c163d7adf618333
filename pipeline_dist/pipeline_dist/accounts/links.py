"""
Which distributor may call which line, on what terms.

The counters of a link count the calls of the pair. A new link has none yet: admission takes them
up from the ledger, so that a link made again goes on where the one before it was.
"""

from collections.abc import Mapping
from typing import Any

from app.global_func import (
    Actor,
    FieldProblem,
    InUse,
    InvalidFields,
    SafeSqlor,
    canonical_json,
    check_lock_version,
    check_references,
    delete_row,
    get_row,
    insert_row,
    update_row,
)
from pipeline_core.draft.context import PipelineFacts, Referrer
from pipeline_dist.accounts import fixed_prices
from pipeline_ops.rules.pricing import PricingMode

TABLE = "distributor_pipeline"
FACTS = PipelineFacts(referrers=(Referrer(TABLE, "{count} distributor(s) who sell it"),))


async def create(sor: SafeSqlor, values: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """Link a distributor and a line; raises InvalidFields, DuplicateKey."""
    await check_references(sor, TABLE, values)
    record = {**values, **await _terms(sor, values, values)}
    return await insert_row(sor, TABLE, record, actor)


async def update(
    sor: SafeSqlor,
    link_id: str,
    lock_version: int | None,
    values: Mapping[str, Any],
    actor: Actor,
) -> dict[str, Any]:
    """Change the terms of a link; raises NotFound, EditConflict, InvalidFields."""
    link = await get_row(sor, TABLE, link_id)
    # The currency stays while prices are held against it.
    await get_row(sor, "distributors", link["distributor_id"], lock=True)
    current = await get_row(sor, TABLE, link_id, lock=True)
    check_lock_version(TABLE, current, lock_version)
    terms = await _terms(sor, {**current, **values}, values)
    new_values = {name: value for name, value in terms.items() if name in values}
    return await update_row(sor, TABLE, link_id, lock_version, {**values, **new_values}, actor)


async def delete(
    sor: SafeSqlor, link_id: str, lock_version: int | None, actor: Actor
) -> dict[str, Any]:
    """Delete a link; raises InUse while calls of the pair run, whose terms it holds."""
    link = await get_row(sor, TABLE, link_id)
    # The lock that admission takes first: no call begins between the look and the delete.
    await get_row(sor, "distributors", link["distributor_id"], lock=True)
    current = await get_row(sor, TABLE, link_id, lock=True)
    check_lock_version(TABLE, current, lock_version)
    running = await sor.one(
        "select min(call_no) as id, count(*) as calls from pipeline_usage_log"
        " where distributor_id = ${distributor_id}$ and pipeline_id = ${pipeline_id}$"
        " and line_no = 0 and status = 'reserved'",
        current,
    )
    if running is not None and running["calls"]:
        raise InUse(
            [
                {
                    "table": "pipeline_usage_log",
                    "id": running["id"],
                    "label": "pipeline_usage_log",
                    "count": running["calls"],
                }
            ]
        )
    await delete_row(sor, TABLE, current, actor)
    return current


async def _terms(
    sor: SafeSqlor, values: Mapping[str, Any], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the checked price columns of a link of which *params* is new; raises InvalidFields."""
    problems = []
    # Only what is new: a link with a rate of before can still be switched off.
    if (params.get("discount_rate") or 0) > 1:
        problems.append(
            FieldProblem(
                "discount_rate",
                "out_of_range",
                "The price is multiplied by this, so it is at most 1: 85 % of the price is 0.85.",
            )
        )
    mode = values["pricing_mode"]
    if mode == PricingMode.DISCOUNT and values.get("discount_rate") is None:
        problems.append(
            FieldProblem("discount_rate", "required", "Say by what the price is multiplied.")
        )
    start, end = values.get("valid_from"), values.get("valid_to")
    if start is not None and end is not None and end <= start:
        problems.append(
            FieldProblem("valid_to", "out_of_order", "The end must be after the start.")
        )
    prices = values.get("fixed_prices")
    if mode == PricingMode.FIXED and not prices:
        problems.append(
            FieldProblem("fixed_prices", "required", "Give the prices of this distributor.")
        )
    if problems:
        raise InvalidFields(problems)
    if prices is None or not hasattr(prices, "value"):
        return {"fixed_prices": prices}
    distributor = await get_row(sor, "distributors", values["distributor_id"])
    price_list = fixed_prices.check_prices(prices.value, distributor["currency"])
    return {"fixed_prices": canonical_json(price_list)}
