"""
Which distributor may call which line, on what terms.

The counters of a link count the calls of the pair. A new link has none yet: admission takes them
up from the ledger, so that a link made again goes on where the one before it was.
"""

from collections.abc import Mapping
from typing import Any

from app.global_func import (
    OUT_OF_ORDER,
    Actor,
    InUse,
    InvalidFields,
    Record,
    SafeSqlor,
    TableService,
    Values,
    canonical_json,
    check_references,
    get_row,
    lock_parent,
)
from pipeline_core.draft.context import PipelineFacts, Referrer
from pipeline_dist.accounts import fixed_prices
from pipeline_dist.errors import DISCOUNT_ABOVE_ONE, DISCOUNT_REQUIRED, FIXED_PRICES_REQUIRED
from pipeline_ops.rules.pricing import PricingMode

TABLE = "distributor_pipeline"
FACTS = PipelineFacts(referrers=(Referrer(TABLE, "{count} distributor(s) who sell it"),))


class LinkService(TableService):
    """Links of a distributor and a line, one a pair; InUse while calls of the pair run, whose terms
    the link holds."""

    table = TABLE

    async def lock(self, sor: SafeSqlor, record_id: str) -> Record:
        link = await get_row(sor, TABLE, record_id)
        # The lock that admission takes first: no call begins between a look and a delete. And the
        # currency stays while prices are held against it.
        await lock_parent(sor, "distributors", link["distributor_id"])
        return await super().lock(sor, record_id)

    async def before_create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Values:
        await check_references(sor, TABLE, values)
        return {**values, **await _terms(sor, values, values)}

    async def before_update(
        self, sor: SafeSqlor, current: Record, values: Values, actor: Actor
    ) -> Values:
        terms = await _terms(sor, {**current, **values}, values)
        new_values = {name: value for name, value in terms.items() if name in values}
        return {**values, **new_values}

    async def before_delete(self, sor: SafeSqlor, current: Record, actor: Actor) -> None:
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


SERVICE = LinkService()


async def _terms(
    sor: SafeSqlor, values: Mapping[str, Any], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the checked price columns of a link of which *params* is new; raises InvalidFields."""
    problems = []
    # Only what is new: a link with a rate of before can still be switched off.
    if (params.get("discount_rate") or 0) > 1:
        problems.append(DISCOUNT_ABOVE_ONE("discount_rate"))
    mode = values["pricing_mode"]
    if mode == PricingMode.DISCOUNT and values.get("discount_rate") is None:
        problems.append(DISCOUNT_REQUIRED("discount_rate"))
    start, end = values.get("valid_from"), values.get("valid_to")
    if start is not None and end is not None and end <= start:
        problems.append(OUT_OF_ORDER("valid_to"))
    prices = values.get("fixed_prices")
    if mode == PricingMode.FIXED and not prices:
        problems.append(FIXED_PRICES_REQUIRED("fixed_prices"))
    if problems:
        raise InvalidFields(problems)
    if prices is None or not hasattr(prices, "value"):
        return {"fixed_prices": prices}
    distributor = await get_row(sor, "distributors", values["distributor_id"])
    price_list = fixed_prices.check_prices(prices.value, distributor["currency"])
    return {"fixed_prices": canonical_json(price_list)}
